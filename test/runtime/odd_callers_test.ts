/** What callers may do to themselves: bytes that are none or go away, numbers that are none, callbacks that throw or close. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Connection, createLab, createStack, type Lab, memoryPair } from "../../mod.ts";
import { inTime } from "./in_time.ts";

const SERVER = { hostname: "10.0.0.1", port: 7 };

async function pair(lab: Lab): Promise<[near: Connection, far: Connection]> {
  using listener = lab.server.listen({ port: 7 });
  return await Promise.all([lab.client.connect(SERVER), listener.accept()]);
}

/** Calls with what the compiler would not let through. */
function calling(connection: Connection, method: "read" | "write", given: unknown): Promise<unknown> {
  return Reflect.apply(connection[method], connection, [given]);
}

inTime(
  "who gives no bytes to read into or to write hears so, as from Deno, and nothing is sent or lost",
  async () => {
    await using lab = createLab();
    const [near, far] = await pair(lab);
    await far.write(Uint8Array.of(1, 2, 3));
    const none = [
      "hello",
      "",
      new ArrayBuffer(3),
      new DataView(new ArrayBuffer(3)),
      new Uint16Array(3),
      [1],
      undefined,
    ];
    for (const given of none) {
      for (const method of ["read", "write"] as const) {
        await assertRejects(() => calling(near, method, given), TypeError, "expected typed ArrayBufferView");
      }
    }
    const into = new Uint8Array(9);
    assertEquals([await near.read(into), into[2]], [3, 3]);
    near.close();
    assertEquals(await far.read(into), null);
  },
);

inTime("memory that is shared or can grow is as good as other", async () => {
  await using lab = createLab();
  const [near, far] = await pair(lab);
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(5);
  const growing = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
  assertEquals(await near.write(shared), 4);
  assertEquals([await far.read(growing), ...growing], [4, 5, 5, 5, 5]);
  assertEquals(await far.write(growing), 4);
  shared.fill(0);
  assertEquals([await near.read(shared), ...shared], [4, 5, 5, 5, 5]);
});

inTime(
  "a read whose buffer is taken away while it waits is told so, and the next one gets the bytes",
  async () => {
    await using lab = createLab();
    const [near, far] = await pair(lab);
    const moved = new Uint8Array(4);
    const shrunk = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
    const last = new Uint8Array(4);
    const waiting = [near.read(moved), near.read(shrunk)].map((read) =>
      assertRejects(() => read, TypeError, "while the call waited")
    );
    const third = near.read(last);
    moved.buffer.transfer();
    shrunk.buffer.resize(0);
    await far.write(Uint8Array.of(8, 9));
    await Promise.all(waiting);
    assertEquals([await third, ...last], [2, 8, 9, 0, 0]);
  },
);

inTime(
  "a write whose buffer is taken away while it waits is told so, and those behind it go on",
  async () => {
    await using lab = createLab({ tcp: { sendBufferBytes: 8192, receiveBufferBytes: 8192 } });
    const [near, far] = await pair(lab);
    const moved = new Uint8Array(1000);
    let filled = 0;
    const filling = (async () => {
      for (;;) filled += await near.write(new Uint8Array(8192));
    })();
    const rejected = assertRejects(() => filling, Deno.errors.BrokenPipe);
    // As much as the two buffers hold.
    while (near.info().sendQueue < 8192) await lab.advance(1);
    const waiting = assertRejects(() => near.write(moved), TypeError, "while the call waited");
    const behind = near.write(Uint8Array.of(7));
    moved.buffer.transfer();
    const into = new Uint8Array(100_000);
    let got = 0;
    void (async () => {
      for (let count; (count = await far.read(into)) !== null;) got += count;
    })().catch(() => {});
    await waiting;
    assertEquals(await behind, 1);
    await near.closeWrite();
    await rejected;
    await lab.advance(1000);
    assertEquals(got, filled + 1);
  },
);

inTime("numbers that are none are refused: keep-alive, backlog, transport, addresses", async () => {
  await using lab = createLab();
  const [near] = await pair(lab);
  for (const times of [{ idleUs: NaN }, { idleUs: 0 }, { intervalUs: 0 }, { intervalUs: -1 }]) {
    assertThrows(() => near.setKeepAlive(true, times), RangeError, "microsecond or more");
  }
  assertEquals(near.info().timers.keepalive, undefined);
  for (const backlog of [-1, NaN]) {
    assertThrows(() => lab.server.listen({ port: 9, backlog }), RangeError, "backlog");
    // The port is free.
    lab.server.listen({ port: 9 }).close();
  }
  const unix: { port: number; hostname: string } = Object.assign({ ...SERVER }, { transport: "unix" });
  assertThrows(() => lab.server.listen(unix), TypeError, "Unsupported transport: 'unix'");
  await assertRejects(() => lab.client.connect(unix), TypeError, "Unsupported transport: 'unix'");
  const [link] = memoryPair();
  assertThrows(() => createStack({ link, addresses: [] }), TypeError, "one at least");
});

inTime("a backlog of 0 lets one in, as the kernel's", async () => {
  await using lab = createLab();
  const listener = lab.server.listen({ port: 7, backlog: 0 });
  const [near, far] = await Promise.all([lab.client.connect(SERVER), listener.accept()]);
  assertEquals([near.state, far.state], ["ESTABLISHED", "ESTABLISHED"]);
});

inTime(
  "an observer whose interest throws is counted and told nothing for it; the stack lives on",
  async () => {
    await using lab = createLab();
    const heard: string[] = [];
    const fails = () => {
      throw new Error("what do I want?");
    };
    lab.server.observe(({ event }) => heard.push(event), { segments: fails, data: false, samples: fails });
    const [near, far] = await pair(lab);
    await near.write(Uint8Array.of(1));
    assertEquals(await far.read(new Uint8Array(9)), 1);
    assert(lab.server.host.counters()["observer-errors"] > 0);
    assert(heard.includes("transition"), heard.join());
    assert(lab.server.pump.running);
  },
);

inTime(
  "an interest that throws is nobody's but its observer's: alone on a stack it breaks nothing either",
  async () => {
    const [a, b] = memoryPair();
    await using server = createStack({ link: a, addresses: "10.0.0.1/24" });
    await using client = createStack({ link: b, addresses: "10.0.0.2/24" });
    const fails = () => {
      throw new Error("what do I want?");
    };
    server.observe(() => {}, { segments: fails, data: true, samples: fails });
    using listener = server.listen({ port: 7 });
    const accepting = listener.accept();
    using near = await client.connect(SERVER);
    using far = await accepting;
    await near.write(Uint8Array.of(1));
    assertEquals(await far.read(new Uint8Array(9)), 1);
    assert(server.pump.running && server.host.counters()["observer-errors"] > 0);
  },
);

inTime("observers may close whatever they like, from inside the event", async () => {
  for (const what of ["stack", "connection", "listener", "read"] as const) {
    for (const how of ["observe", "observeAtOnce"] as const) {
      await using lab = createLab();
      const listener = lab.server.listen({ port: 7 });
      const [near, far] = await Promise.all([lab.client.connect(SERVER), listener.accept()]);
      lab.server[how](({ event }) => {
        if (event !== "segment" && event !== "data") return;
        if (what === "stack") lab.server.close();
        if (what === "connection") far.abort();
        if (what === "listener") listener.close();
        if (what === "read") void far.read(new Uint8Array(1)).catch(() => {});
      });
      await near.write(Uint8Array.of(1));
      const isOver = what === "stack" || what === "connection";
      if (isOver) await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
      else await near.closeWrite();
      assertEquals(lab.server.pump.running, what !== "stack", `${what} ${how}`);
    }
  }
});

inTime("shutdown whose onWaiting throws rejects with that, and the stack ends all the same", async () => {
  await using lab = createLab();
  const [near] = await pair(lab);
  // FIN is answered, but nobody closes the other side.
  const shutting = lab.client.shutdown({
    onWaiting() {
      throw new Error("do not ask me");
    },
  });
  await assertRejects(() => shutting, Error, "do not ask me");
  assertEquals([near.state, lab.client.pump.running], ["CLOSED", false]);
});

inTime(
  "after close everything says so, nothing throws that does not return a promise, and closing again does nothing",
  async () => {
    await using lab = createLab();
    const listener = lab.server.listen({ port: 7 });
    const [near] = await Promise.all([lab.client.connect(SERVER), listener.accept()]);
    for (let time = 0; time < 2; time++) {
      near.close();
      near.setNoDelay();
      near.setKeepAlive();
      near.ref();
      near.unref();
      listener.close();
      listener.unref();
      for (const method of ["read", "write"] as const) {
        await assertRejects(() => near[method](new Uint8Array(1)), Deno.errors.BadResource, near.name);
      }
      await assertRejects(() => near.closeWrite(), Deno.errors.BadResource);
      await assertRejects(() => listener.accept(), Deno.errors.BadResource, "Listener has been closed");
      if (time === 0) near.abort();
    }
    assertEquals(await near.closed, "reset-by-us");
    lab.client.close();
    lab.client.close();
    assertThrows(() => lab.client.listen({ port: 1 }), Deno.errors.BadResource, "Stack is closed");
    await assertRejects(() => lab.client.connect(SERVER), Deno.errors.BadResource, "Stack is closed");
    await assertRejects(() => lab.client.shutdown(), Deno.errors.BadResource, "Stack is closed");
    await lab.client.done;
  },
);

inTime("many writes at once leave in the order in which they were made", async () => {
  await using lab = createLab({ faults: "drop=3%,reorder=3%,delay=3ms", tcp: { sendBufferBytes: 8192 } });
  const [near, far] = await pair(lab);
  const writing = Promise.all(
    Array.from({ length: 60 }, (_, nth) => near.write(new Uint8Array(5000).fill(nth))),
  );
  const got = new Response(far.readable).bytes();
  const counts = await writing;
  await near.closeWrite();
  assert(counts.some((count) => count < 5000) && counts.every((count) => count > 0));
  const expected = counts.flatMap((count, nth) => new Array<number>(count).fill(nth));
  assertEquals([...await got], expected);
});
