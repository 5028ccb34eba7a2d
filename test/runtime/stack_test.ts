/** The library over the whole machine: two stacks in memory, on a virtual clock. */
import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { echo } from "../../src/app/echo.ts";
import { hold } from "../../src/app/hold.ts";
import { LinkError } from "../../src/link/link.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { VirtualStacks } from "./virtual_stacks.ts";
import { VirtualTime } from "./virtual_time.ts";
import { addressOnLink, addressText } from "../tcp/family.ts";

const SERVER = { hostname: addressText(1), port: 7 };

/** Bytes that differ wherever one looks. */
function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

async function readAll(connection: Connection): Promise<Uint8Array> {
  return new Uint8Array(await new Response(connection.readable).arrayBuffer());
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Echoes with promises and streams. */
async function serveEcho(connections: AsyncIterable<Connection>): Promise<void> {
  for await (const connection of connections) {
    connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

async function exchange(connection: Connection, bytes: Uint8Array): Promise<Uint8Array> {
  const [received] = await Promise.all([
    readAll(connection),
    writeAll(connection, bytes).then(() => connection.closeWrite()),
  ]);
  return received;
}

/** An established connection, both its ends. */
async function connected(on: VirtualStacks): Promise<{ near: Connection; far: Connection }> {
  const listener = on.server.listen({ port: 7 });
  const [near, far] = await on.get(Promise.all([on.client.connect(SERVER), listener.accept()]));
  listener.close();
  return { near, far };
}

Deno.test("a megabyte comes back over streams", async () => {
  await using on = new VirtualStacks();
  const serving = serveEcho(on.server.listen({ port: 7 }));
  const bytes = noise(1_000_000);
  const near = await on.get(on.client.connect(SERVER));
  assertEquals(near.remoteAddr, { transport: "tcp", ...SERVER });
  assertEquals(near.state, "ESTABLISHED");
  assertEquals(await on.get(exchange(near, bytes)), bytes);
  on.server.close();
  await serving;
});

Deno.test("a megabyte comes back from a synchronous application", async () => {
  await using on = new VirtualStacks();
  on.server.host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => 0 }) });
  const bytes = noise(1_000_000);
  const near = await on.get(on.client.connect(SERVER));
  assertEquals(await on.get(exchange(near, bytes)), bytes);
  assertEquals(await on.get(near.closed, 200_000_000), "normal");
});

Deno.test("many connections at once, each with its own bytes", async () => {
  await using on = new VirtualStacks();
  const serving = serveEcho(on.server.listen({ port: 7 }));
  const one = async (seed: number) => {
    const bytes = noise(10_000 + seed, seed);
    const received = await exchange(await on.client.connect(SERVER), bytes);
    assertEquals(received, bytes);
  };
  await on.get(Promise.all(Array.from({ length: 200 }, (_, seed) => one(seed + 1))));
  on.server.close();
  await serving;
});

Deno.test("a connection closed for writing still reads", async () => {
  await using on = new VirtualStacks();
  const { near, far } = await connected(on);
  await near.closeWrite();
  assertEquals(await on.get(far.read(new Uint8Array(1))), null);
  assertEquals([near.state, far.state], ["FIN_WAIT_2", "CLOSE_WAIT"]);
  const bytes = noise(100_000);
  const received = readAll(near);
  await on.get(writeAll(far, bytes));
  await far.closeWrite();
  assertEquals(await on.get(received), bytes);
  assertEquals(await on.get(far.closed), "normal");
  assertEquals(near.state, "TIME_WAIT");
});

Deno.test("a writer waits for a reader, and what waits is bounded by the two buffers", async () => {
  const bufferBytes = 50_000;
  await using on = new VirtualStacks({
    tcp: { receiveBufferBytes: bufferBytes, sendBufferBytes: bufferBytes },
  });
  const { near, far } = await connected(on);
  const bytes = noise(1_000_000);
  let sent = 0;
  const writing = (async () => {
    while (sent < bytes.length) sent += await near.write(bytes.subarray(sent));
    await near.closeWrite();
  })();
  await on.pass(10_000_000);
  assertGreater(sent, bufferBytes);
  // A ring may be larger than what was asked for, to the next power of two.
  assertLess(sent, 4 * bufferBytes);
  const received = await on.get(readAll(far), 600_000_000);
  await writing;
  assertEquals(received, bytes);
});

Deno.test("Nagle's algorithm is on at both ends, as with Deno.connect and Deno.listen, until it is switched off", async () => {
  const settings = [{ quickAcks: 0 }, { quickAcks: 0, noDelay: true }];
  for (const tcp of settings) {
    await using on = new VirtualStacks({ tcp });
    const { near, far } = await connected(on);
    for (const [from, to] of [[near, far], [far, near]]) {
      await from.write(noise(1));
      await from.write(noise(2));
      await on.settle();
      const got = await to.read(new Uint8Array(10));
      assertEquals(got, tcp.noDelay === true ? 3 : 1);
      if (tcp.noDelay === true) continue;
      from.setNoDelay();
      await on.settle();
      assertEquals(await to.read(new Uint8Array(10)), 2);
    }
  }
});

Deno.test("one write of more than a segment leaves whole, as through Deno.listen: its tail waits for no ACK", async () => {
  for (const length of [2000, 5000]) {
    await using on = new VirtualStacks({ tcp: { quickAcks: 0 } });
    const { near, far } = await connected(on);
    const beganUs = on.clock.nowUs();
    assertEquals(await far.write(noise(length)), length);
    await on.settle();
    assertEquals([await near.read(new Uint8Array(10_000)), on.clock.nowUs()], [length, beganUs]);
  }
});

Deno.test("abort is a reset to the other side", async () => {
  await using on = new VirtualStacks();
  const { near, far } = await connected(on);
  const read = assertRejects(() => far.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  near.abort();
  await on.get(read);
  assertEquals(await near.closed, "reset-by-us");
  assertEquals(await on.get(far.closed), "reset-by-peer");
  assertEquals(on.server.connections, []);
  assertEquals(on.client.connections, []);
});

Deno.test("closing with bytes unread is a reset, by whatever name it is closed", async () => {
  const ways: readonly (readonly [string, (connection: Connection) => void])[] = [
    ["close", (connection) => connection.close()],
    ["dispose", (connection) => connection[Symbol.dispose]()],
  ];
  for (const [name, close] of ways) {
    await using on = new VirtualStacks();
    const { near, far } = await connected(on);
    await near.write(noise(10));
    await on.settle();
    // Part of it read is not all of it.
    assertEquals(await far.read(new Uint8Array(9)), 9);
    close(far);
    await on.settle();
    assertEquals([near.state, far.state], ["CLOSED", "CLOSED"], name);
    assertEquals([await near.closed, await far.closed], ["reset-by-peer", "reset-by-us"]);
    await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    await assertRejects(() => far.read(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => far.write(new Uint8Array(1)), Deno.errors.BadResource);
  }
});

Deno.test("closing with bytes unread loses what was written and not yet sent, and says so to who waits", async () => {
  await using on = new VirtualStacks({ tcp: { receiveBufferBytes: 10_000, sendBufferBytes: 10_000 } });
  const { near, far } = await connected(on);
  await near.write(noise(10));
  // Nobody reads on the other side: a write comes to wait.
  let waits = false;
  const writing = assertRejects(async () => {
    for (;;) {
      const write = far.write(noise(1000));
      waits = true;
      await write;
      waits = false;
    }
  }, Deno.errors.Interrupted);
  await on.pass(1_000_000);
  assert(waits);
  far.close();
  await on.get(writing);
  assertEquals(await on.get(near.closed), "reset-by-peer");
});

Deno.test("bytes that come after closing are answered with a reset", async () => {
  await using on = new VirtualStacks();
  const { near, far } = await connected(on);
  far.close();
  await on.settle();
  assertEquals([near.state, far.state], ["CLOSE_WAIT", "FIN_WAIT_2"]);
  assertEquals(await near.read(new Uint8Array(1)), null);
  await near.write(noise(10));
  await on.settle();
  assertEquals([near.state, far.state], ["CLOSED", "CLOSED"]);
  assertEquals(await near.closed, "reset-by-peer");
});

Deno.test("closing when all has been read is in order; cancelling what was not is a reset (RFC 2525 §2.17)", async () => {
  for (const cancel of [false, true]) {
    await using on = new VirtualStacks();
    const { near, far } = await connected(on);
    await near.write(noise(10));
    await on.settle();
    if (cancel) await far.readable.cancel();
    else assertEquals(await far.read(new Uint8Array(100)), 10);
    far.close();
    await on.settle();
    near.close();
    await on.settle();
    assertEquals([near.state, far.state], cancel ? ["CLOSED", "CLOSED"] : ["CLOSED", "TIME_WAIT"]);
  }
});

Deno.test("closed for writing and cancelled: what comes is answered with a reset, and FIN_WAIT_2 does not last for ever", async () => {
  await using on = new VirtualStacks({ tcp: { finWait2Us: 5_000_000 } });
  const { near, far } = await connected(on);
  await far.closeWrite();
  await on.settle();
  await far.readable.cancel();
  await on.settle();
  assertEquals([near.state, far.state], ["CLOSE_WAIT", "FIN_WAIT_2"]);
  on.clientLink.send = () => {};
  await on.pass(5_000_000);
  assertEquals([far.state, await far.closed], ["CLOSED", "timeout"]);
});

Deno.test("shutdown resets at once where bytes are unread, and says how many were reset", async () => {
  await using on = new VirtualStacks({ tcp: { receiveBufferBytes: 10_000, sendBufferBytes: 10_000 } });
  const context = { nowEpochUs: () => 0 };
  on.server.host.listen({ port: 7, accept: echo.create(context) });
  on.server.host.listen({ port: 8, accept: hold.create(context) });
  const open = (port: number) => on.get(on.client.connect({ ...SERVER, port }));
  const [held, idle, stuck] = [await open(8), await open(7), await open(7)];
  await held.write(noise(10));
  // Its client sends and does not read: echo has bytes that it cannot send back.
  const sending = writeAll(stuck, noise(100_000)).catch((error) => error);
  await on.pass(1_000_000);
  const eof = on.get(idle.read(new Uint8Array(1))).then(() => idle.close());
  const beganUs = on.clock.nowUs();
  const result = await on.get(on.server.shutdown());
  assertEquals(result, { closed: 1, reset: 2 });
  assertLess(on.clock.nowUs() - beganUs, 1_000_000);
  await eof;
  assertEquals([await on.get(held.closed), await on.get(stuck.closed)], ["reset-by-peer", "reset-by-peer"]);
  assert(await sending instanceof Deno.errors.ConnectionReset);
});

Deno.test("a listener that was closed refuses, and lets live what it accepted", async () => {
  await using on = new VirtualStacks();
  const { near, far } = await connected(on);
  await on.get(assertRejects(() => on.client.connect(SERVER), Deno.errors.ConnectionRefused));
  await near.write(noise(10));
  assertEquals(await on.get(far.read(new Uint8Array(100))), 10);
  // The port is free again.
  on.server.listen({ port: 7 }).close();
});

Deno.test("an address that nobody has is given up, and a signal does not wait that long", async () => {
  await using on = new VirtualStacks();
  const controller = new AbortController();
  const waiting = on.client.connect({ hostname: addressText(9), port: 7, signal: controller.signal });
  await on.pass(10_000);
  controller.abort(new Error("enough"));
  await on.get(assertRejects(() => waiting, Error, "enough"));
  assertEquals(on.client.connections, []);
  const patient = on.client.connect({ hostname: addressText(9), port: 7 });
  await on.get(assertRejects(() => patient, Error, "No route to host"), 3_000_000);
});

Deno.test("names and nonsense are no addresses", async () => {
  await using on = new VirtualStacks();
  await assertRejects(
    () => on.client.connect({ hostname: "localhost", port: 7 }),
    TypeError,
    "names are not looked up",
  );
  assertThrows(() => on.client.listen({ port: 7, hostname: "10.0.0" }), TypeError);
  const [link] = memoryPair();
  assertThrows(() => createStack({ link, addresses: "10.0.0.1/33" }), TypeError, "10.0.0.1/33");
  assertThrows(() => createStack({ link, addresses: "10.0.0.1", gateway: "x" }), TypeError, "gateway");
});

Deno.test("info and events tell what Deno cannot", async () => {
  await using on = new VirtualStacks();
  const all: TcpEvent[] = [];
  const stop = on.server.observe((event) => void all.push(event));
  const { near, far } = await connected(on);
  const own: TcpEvent[] = [];
  const listening = (async () => {
    for await (const event of far.events) own.push(event);
  })();
  await near.closeWrite();
  await on.settle();
  await far.closeWrite();
  await on.get(listening);
  stop();
  const path = own.flatMap((event) => event.event === "transition" ? [`${event.from} -> ${event.to}`] : []);
  assertEquals(path, ["ESTABLISHED -> CLOSE_WAIT", "CLOSE_WAIT -> LAST_ACK", "LAST_ACK -> CLOSED"]);
  assertEquals(own.at(-1)?.event, "closed");
  assert(all.length > own.length);
  assertEquals(near.info().states, [
    "CLOSED",
    "SYN_SENT",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
  ]);
  assertEquals(on.server.host.observer, null);
});

Deno.test("shutdown closes in order, resets who does not answer, and ends the stack", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: 7 });
  const accepting = assertRejects(
    () => listener.accept().then(() => listener.accept()),
    Deno.errors.BadResource,
  );
  on.server.host.listen({ port: 8, accept: hold.create({ nowEpochUs: () => 0 }) });
  const polite = await on.get(on.client.connect(SERVER));
  const silent = await on.get(on.client.connect({ ...SERVER, port: 8 }));
  const ended = polite.read(new Uint8Array(1)).then(() => polite.close());
  const reset = assertRejects(
    async () => {
      while (await silent.read(new Uint8Array(1)) !== null);
      await silent.read(new Uint8Array(1));
      throw await silent.closed;
    },
  );
  const startUs = on.clock.nowUs();
  const result = await on.get(on.server.shutdown());
  assertEquals(result, { closed: 1, reset: 1 });
  assertEquals(on.clock.nowUs() - startUs, 2_000_000);
  await on.get(Promise.all([ended, reset, accepting, on.server.done]));
  assertEquals(await on.get(silent.closed), "reset-by-peer");
  await assertRejects(() => on.server.connect(SERVER), Deno.errors.BadResource);
});

Deno.test("shutdown of a stack that breaks meanwhile tells why, at once", async () => {
  await using on = new VirtualStacks();
  const { near } = await connected(on);
  const beganUs = on.clock.nowUs();
  const ending = assertRejects(() => on.server.shutdown(), RangeError, "a defect");
  on.server.host.ingest = () => {
    throw new RangeError("a defect");
  };
  await near.write(noise(10));
  await on.get(ending);
  assertEquals(on.clock.nowUs(), beganUs);
  await assertRejects(() => on.server.done, RangeError, "a defect");
});

Deno.test("a link that goes away ends everything with its reason", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: 8 });
  const { far } = await connected(on);
  const waiting = [
    assertRejects(() => far.read(new Uint8Array(1)), LinkError),
    assertRejects(() => listener.accept(), LinkError),
    assertRejects(() => far.closed, LinkError),
    assertRejects(() => on.server.done, LinkError),
  ];
  on.serverLink.close();
  await on.get(Promise.all(waiting));
  assertEquals(far.state, "CLOSED");
});

Deno.test("events end with the connection, with the stack, and at once after either", async () => {
  await using on = new VirtualStacks();
  const { near, far } = await connected(on);
  const kinds = async (connection: Connection) => {
    const seen: string[] = [];
    for await (const event of connection.events) seen.push(event.event);
    return seen;
  };
  const whole = kinds(far);
  // Ends in TIME_WAIT on this side, which is no end yet; the stack's is.
  const early = kinds(near);
  near.close();
  await on.settle();
  far.close();
  assertEquals((await on.get(whole)).at(-1), "closed");
  assertEquals([near.state, far.state], ["TIME_WAIT", "CLOSED"]);
  assertEquals(await on.get(kinds(far)), []);
  on.client.close();
  assert(!(await on.get(early)).includes("closed"));
  assertEquals(await on.get(kinds(near)), []);
});

Deno.test("a stack that is closed resets its connections and leaves no timer", async () => {
  await using on = new VirtualStacks();
  const { near } = await connected(on);
  on.server.close();
  on.server.close();
  await on.get(on.server.done);
  assertEquals(await on.get(near.closed), "reset-by-peer");
  on.client.close();
  await on.get(on.client.done);
  assertEquals(on.clock.nextTimerUs, Infinity);
});

Deno.test("faults of the library are those of --fault: each is an event, and text is whole all the same", async () => {
  const [a, b] = memoryPair();
  const time = new VirtualTime([a, b]);
  const { clock } = time;
  await using server = createStack({ link: a, addresses: addressOnLink(1), clock });
  const client = createStack({ link: b, addresses: addressOnLink(2), clock, faults: "in:drop=20%,seed=3" });
  const faults: string[] = [];
  client.observe((event) => {
    if (event.event === "fault") faults.push(`${event.direction} ${event.kind}`);
  });
  // What was lost of the server's first words, before anybody could hear of it.
  const framesLost = () => client.link.stats().framesIn - (client.host.counters()["frames-in"] ?? 0);
  const lostBefore = framesLost();
  const serving = serveEcho(server.listen({ port: 7 }));
  const bytes = noise(100_000);
  const connection = await time.get(client.connect(SERVER));
  assertEquals(await time.get(exchange(connection, bytes)), bytes);
  assertGreater(faults.length, 5);
  assertEquals(new Set(faults), new Set(["recv drop"]));
  assertEquals(framesLost() - lostBefore, faults.length);
  client.close();
  server.close();
  await Promise.all([client.done, server.done, serving]);
});

Deno.test("a delay of the library's is waited for on a link in memory, which wakes nobody by itself", async () => {
  const [a, b] = memoryPair();
  const time = new VirtualTime([a, b]);
  const { clock } = time;
  const server = createStack({ link: a, addresses: addressOnLink(1), clock, faults: "delay=20ms" });
  const client = createStack({ link: b, addresses: addressOnLink(2), clock });
  const serving = serveEcho(server.listen({ port: 7 }));
  const beganUs = clock.nowUs();
  const connection = await time.get(client.connect(SERVER));
  const openedUs = clock.nowUs();
  // Where the other is, it has heard from its announcement, or asks: a way there and back.
  assertLess(openedUs - beganUs, 81_000);
  assertEquals(await time.get(exchange(connection, noise(100))), noise(100));
  assertLess(connection.info().srttUs, 41_000);
  client.close();
  server.close();
  await Promise.all([client.done, server.done, serving]);
  assertEquals(clock.nextTimerUs, Infinity);
});

Deno.test("faults that are none are refused, with what was expected, and the link stays its owner's", () => {
  const [link] = memoryPair();
  const wrong = () => createStack({ link, addresses: "10.0.0.1/24", faults: "drop=maybe" });
  assertThrows(wrong, TypeError, "faults drop=maybe: expected");
  assertEquals(link.receive(() => {}, 1), 0);
});
