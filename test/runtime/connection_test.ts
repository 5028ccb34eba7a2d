/** Promises and streams over a connection without a machine. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Connection } from "../../src/runtime/connection.ts";
import { EventHub } from "../../src/runtime/event_hub.ts";
import { Listener } from "../../src/runtime/listener.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { FakeConnection } from "../app/fake_connection.ts";
import { FakeHost } from "./fake_host.ts";
import { inTime } from "./in_time.ts";

interface Bench {
  readonly host: FakeHost;
  readonly inner: FakeConnection;
  readonly connection: Connection;
  readonly driver: { entered: number; left: number; woken: number };
}

function bench(sendBufferBytes?: number): Bench {
  const host = new FakeHost();
  const inner = new FakeConnection(sendBufferBytes);
  const driver = { entered: 0, left: 0, woken: 0 };
  const connection = new Connection(inner, { driver: driverOf(driver), hub: new EventHub(host) });
  inner.open();
  return { host, inner, connection, driver };
}

function driverOf(counts: Bench["driver"]) {
  return {
    enter: () => void counts.entered++,
    leave: () => void counts.left++,
    noteWoken: () => void counts.woken++,
  };
}

function bytesOf(string: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(string);
}

/** Whether a promise is settled once everything that can go on has gone on. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(() => pending = false, () => pending = false);
  for (let i = 0; i < 20; i++) await undefined;
  return pending;
}

async function readText(connection: Connection, size = 100): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const count = await connection.read(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

inTime("connection knows both ends as Deno writes them", () => {
  const { connection } = bench();
  assertEquals(connection.localAddr, { transport: "tcp", hostname: "10.0.0.1", port: 7 });
  assertEquals(connection.remoteAddr, { transport: "tcp", hostname: "10.0.0.2", port: 40000 });
  assertEquals(connection.state, "ESTABLISHED");
});

inTime("read gives what is there at once, and waits for what is not", async () => {
  const { connection, inner, driver } = bench();
  inner.receive(bytesOf("hello"));
  assertEquals(await readText(connection, 3), "hel");
  assertEquals(await readText(connection), "lo");
  assertEquals([driver.entered, driver.left, driver.woken], [2, 2, 0]);
  const first = readText(connection, 2);
  const second = readText(connection, 2);
  assert(await isPending(first));
  inner.receive(bytesOf("abc"));
  assertEquals([await first, await second], ["ab", "c"]);
  assertEquals(driver.woken, 2);
  assertEquals(await connection.read(new Uint8Array(0)), 0);
});

inTime("read gives null after the peer's end, as often as it is asked", async () => {
  const { connection, inner } = bench();
  const waiting = readText(connection);
  inner.receive(bytesOf("last"));
  assertEquals(await waiting, "last");
  const atEnd = readText(connection);
  inner.receiveFin();
  assertEquals(await atEnd, null);
  assertEquals(await readText(connection), null);
  inner.end("normal");
  assertEquals(await readText(connection), null);
  assertEquals(await connection.closed, "normal");
  assertEquals(connection.state, "CLOSED");
});

inTime("bytes that were not read when the connection ended in order are still there", async () => {
  const { connection, inner } = bench();
  inner.receive(bytesOf("unread"));
  inner.receiveFin();
  inner.end("normal");
  assertEquals(inner.readableBytes, 0);
  assertEquals(await readText(connection, 4), "unre");
  assertEquals(await readText(connection, 4), "ad");
  assertEquals(await readText(connection, 4), null);
});

inTime("write takes what fits, and waits while nothing does", async () => {
  const { connection, inner } = bench(4);
  assertEquals(await connection.write(bytesOf("abcdef")), 4);
  const waiting = connection.write(bytesOf("ef"));
  const next = connection.write(bytesOf("g"));
  assert(await isPending(waiting));
  assertEquals(inner.drain(), [...bytesOf("abcd")]);
  assertEquals([await waiting, await next], [2, 1]);
  assertEquals(inner.drain(), [...bytesOf("efg")]);
  assertEquals(await connection.write(new Uint8Array(0)), 0);
});

inTime("a reset rejects what waits and what comes after, by name", async () => {
  const { connection, inner } = bench(0);
  const read = readText(connection);
  const write = connection.write(bytesOf("x"));
  const rejected = [
    assertRejects(() => read, Deno.errors.ConnectionReset, "reset by the peer"),
    assertRejects(() => write, Deno.errors.ConnectionReset, inner.name),
  ];
  inner.end("reset-by-peer");
  await Promise.all(rejected);
  await assertRejects(() => readText(connection), Deno.errors.ConnectionReset);
  await assertRejects(() => connection.write(bytesOf("x")), Deno.errors.ConnectionReset);
  // There is nothing to close any more.
  await connection.closeWrite();
  assertEquals(await connection.closed, "reset-by-peer");
  assertEquals(inner.calls, []);
});

inTime(
  "what a host has kept at the peer's reset, or its silence, is read before that is told; not what we gave up ourselves",
  async () => {
    for (const reason of ["reset-by-peer", "timeout", "reset-by-us"] as const) {
      const { connection, inner } = bench();
      inner.receive(bytesOf("unread"));
      inner.end(reason);
      if (reason !== "reset-by-us") {
        assertEquals([await readText(connection, 4), await readText(connection, 4)], ["unre", "ad"]);
      }
      await assertRejects(() => readText(connection), Error, inner.name);
    }
  },
);

inTime("each way to end has its error", async () => {
  const table = [
    ["timeout", Deno.errors.TimedOut],
    ["reset-by-us", Deno.errors.ConnectionAborted],
    ["refused", Deno.errors.ConnectionRefused],
  ] as const;
  for (const [reason, errorClass] of table) {
    const { connection, inner } = bench();
    inner.end(reason);
    await assertRejects(() => readText(connection), errorClass);
  }
});

inTime("closeWrite ends writing, not reading", async () => {
  const { connection, inner } = bench(2);
  await connection.write(bytesOf("ab"));
  const waiting = assertRejects(() => connection.write(bytesOf("c")), Deno.errors.BrokenPipe);
  await connection.closeWrite();
  await connection.closeWrite();
  await waiting;
  assertEquals(inner.calls, ["closeWrite"]);
  await assertRejects(() => connection.write(bytesOf("c")), Deno.errors.BrokenPipe);
  inner.receive(bytesOf("more"));
  assertEquals(await readText(connection), "more");
});

inTime("close rejects what waits, and is done once; so is leaving a `using` block", async () => {
  const { connection, inner } = bench();
  const read = assertRejects(() => readText(connection), Deno.errors.Interrupted, "operation canceled");
  connection.close();
  connection.close();
  await read;
  {
    using _again = connection;
  }
  assertEquals(inner.calls, ["close"]);
  await assertRejects(() => readText(connection), Deno.errors.BadResource);
  await assertRejects(() => connection.write(bytesOf("x")), Deno.errors.BadResource);
  inner.end("normal");
  assertEquals(await connection.closed, "normal");
});

inTime("abort resets", async () => {
  const { connection, inner } = bench();
  connection.abort();
  connection.abort();
  assertEquals(inner.calls, ["abort"]);
  assertEquals(await connection.closed, "reset-by-us");
});

inTime("options reach the machine until it is gone", () => {
  const { connection, inner } = bench();
  connection.setNoDelay();
  connection.setNoDelay(false);
  connection.setKeepAlive(true, { idleUs: 5_000_000 });
  inner.end("normal");
  connection.setNoDelay();
  assertEquals(inner.calls, ["setNoDelay true", "setNoDelay false", "setKeepAlive true 5000000 undefined"]);
});

inTime(
  "the streams carry everything, through a narrow send buffer, and their ends are the connection's",
  async () => {
    const { connection, inner } = bench(3);
    const sent: number[] = [];
    const writing = new Blob(["to the peer"]).stream().pipeTo(connection.writable);
    const reading = new Response(connection.readable).text();
    inner.receive(bytesOf("from the "));
    for (let i = 0; i < 200; i++) {
      await undefined;
      sent.push(...inner.drain());
    }
    await writing;
    assertEquals(new TextDecoder().decode(Uint8Array.from(sent)), "to the peer");
    assertEquals(inner.calls, ["closeWrite"]);
    inner.receive(bytesOf("peer"));
    inner.receiveFin();
    assertEquals(await reading, "from the peer");
  },
);

inTime("a byte reader fills its own buffer", async () => {
  const { connection, inner } = bench();
  inner.receive(bytesOf("abc"));
  const reader = connection.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(2));
  assertEquals(value, bytesOf("ab"));
});

inTime("cancelling readable closes, as Deno does; aborting writable resets", async () => {
  const { connection, inner } = bench();
  inner.receive(bytesOf("abc"));
  const reader = connection.readable.getReader();
  await reader.cancel();
  assertEquals(inner.calls, ["close"]);
  await assertRejects(() => connection.write(bytesOf("x")), Deno.errors.BadResource);
  await assertRejects(() => connection.closeWrite(), Deno.errors.BadResource);
  const aborted = bench();
  await aborted.connection.writable.abort();
  assertEquals(aborted.inner.calls, ["abort"]);
});

inTime(
  "cancelling readable interrupts a write that waits, and ends a connection that was closed for writing",
  async () => {
    const full = bench(0);
    const writing = assertRejects(() => full.connection.write(bytesOf("x")), Deno.errors.Interrupted);
    await full.connection.readable.cancel();
    await writing;
    const half = bench();
    await half.connection.writable.close();
    await half.connection.readable.cancel();
    assertEquals(half.inner.calls, ["closeWrite", "close"]);
  },
);

inTime("events are this connection's, from the beginning of the iteration to its end", async () => {
  const { connection, host, inner, driver } = bench();
  assertEquals(host.observer, null);
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of connection.events) seen.push(event.event);
  })();
  assert(host.observer !== null);
  host.emit(dataEvent(inner.name));
  host.emit(dataEvent("10.0.0.1:7-10.0.0.3:40000"));
  host.emit({ event: "drop", time: 0, reason: "checksum" });
  host.emit(closedEvent(inner.name));
  await done;
  assertEquals(seen, ["data", "closed"]);
  assertEquals(host.observer, null);
  assertEquals(driver.woken, 1);
});

inTime("events of a connection that is gone end at once, though another has its name", async () => {
  const { connection, host, inner } = bench();
  inner.end("normal");
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of connection.events) seen.push(event.event);
  })();
  host.emit(dataEvent(inner.name));
  assert(!await isPending(done));
  assertEquals(seen, []);
  assertEquals(host.observer, null);
});

inTime("events end when what carries the connection fails, those that were told first", async () => {
  const { connection, host, inner } = bench();
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of connection.events) seen.push(event.event);
  })();
  const iterator = connection.events[Symbol.asyncIterator]();
  host.emit(dataEvent(inner.name));
  connection.fail(new Error("the device is gone"));
  assert(!await isPending(done));
  assertEquals(seen, ["data"]);
  assertEquals((await iterator.next()).value, dataEvent(inner.name));
  assertEquals((await iterator.next()).done, true);
  assertEquals(host.observer, null);
});

inTime(
  "a slow reader of events loses the oldest, and is told how many; one that leaves costs nothing more",
  async () => {
    const { connection, host, inner } = bench();
    const iterator = connection.events[Symbol.asyncIterator]();
    for (let i = 0; i < 1030; i++) host.emit({ ...dataEvent(inner.name), length: i });
    assertEquals(connection.events.lost, 6);
    const first = await iterator.next();
    assertEquals(first.value, { ...dataEvent(inner.name), length: 6 });
    await iterator.return?.();
    assertEquals(host.observer, null);
    assertEquals((await iterator.next()).done, true);
  },
);

inTime("a failure of what carries it ends a connection", async () => {
  const { connection } = bench();
  const error = new Error("the device is gone");
  const read = assertRejects(() => readText(connection), Error, "the device is gone");
  connection.fail(error);
  await read;
  assertStrictEquals(await connection.closed.catch((reason) => reason), error);
});

inTime("observers and connection events share the host's one observer", async () => {
  const host = new FakeHost();
  const hub = new EventHub(host);
  const seen: string[] = [];
  const stop = hub.subscribe((event) => {
    seen.push(event.event);
    stop();
  });
  const keep = hub.subscribe((event) => void seen.push(`second ${event.event}`));
  host.emit({ event: "drop", time: 0, reason: "checksum" });
  host.emit({ event: "drop", time: 0, reason: "checksum" });
  keep();
  keep();
  assertEquals(seen, ["drop", "second drop", "second drop"]);
  assertEquals(host.observer, null);
  await undefined;
});

interface ListenerBench extends Disposable {
  readonly host: FakeHost;
  readonly listener: Listener;
  /** A client's connection, established. */
  connect(): FakeConnection;
}

function listening(backlog = 1024): ListenerBench {
  const host = new FakeHost();
  const listener = new Listener({ hostname: "10.0.0.1", port: 7, backlog });
  const driver = driverOf({ entered: 0, left: 0, woken: 0 });
  const hub = new EventHub(host);
  listener.attach({ host, hub, driver, onBegin: () => {}, onGone: () => {}, onClose: () => {} });
  return {
    host,
    listener,
    connect() {
      const inner = new FakeConnection();
      const handler = host.listening[0].accept(inner);
      assertStrictEquals(handler, inner.handler);
      inner.open();
      return inner;
    },
    [Symbol.dispose]: () => listener.close(),
  };
}

inTime("listener yields connections in order, whether they or the accept came first", async () => {
  using on = listening();
  assertEquals(on.listener.state, "LISTEN");
  assertEquals(on.listener.addr, { transport: "tcp", hostname: "10.0.0.1", port: 7 });
  const early = on.listener.accept();
  assert(await isPending(early));
  on.connect();
  await early;
  const seen: Connection[] = [];
  on.connect();
  on.connect();
  for await (const connection of on.listener) {
    seen.push(connection);
    if (seen.length === 2) on.listener.close();
  }
  assertEquals(seen.length, 2);
  assertEquals(on.host.listening, []);
});

inTime("listener that is closed resets what nobody accepted, and rejects who waits", async () => {
  const idle = listening();
  const waiting = assertRejects(
    () => idle.listener.accept(),
    Deno.errors.BadResource,
    "Listener has been closed",
  );
  idle.listener.close();
  idle.listener.close();
  await waiting;
  const busy = listening();
  const client = busy.connect();
  busy.listener.close();
  assertEquals(client.calls, ["abort"]);
  await assertRejects(() => busy.listener.accept(), Deno.errors.BadResource);
});

inTime("listener tells its host how many wait to be accepted", async () => {
  const on = listening(2);
  const [inner] = on.host.listenersMade;
  assertEquals(on.host.listening[0].backlog, 2);
  const clients = [on.connect(), on.connect()];
  assertEquals(inner.waiting, 2);
  await on.listener.accept();
  assertEquals(inner.waiting, 1);
  await on.listener.accept();
  // Whoever waits for a connection gets it without a queue.
  const early = on.listener.accept();
  assertEquals(inner.waiting, 0);
  clients.push(on.connect());
  await early;
  assertEquals(inner.waiting, 0);
  clients.push(on.connect());
  assertEquals(inner.waiting, 1);
  on.listener.close();
  assertEquals(inner.waiting, 0);
  assertEquals(clients.map(({ calls }) => calls), [[], [], [], ["abort"]]);
});

inTime("listener passes on a failure of the link to those who iterate", async () => {
  const { listener } = listening();
  const iterating = assertRejects(
    async () => {
      for await (const _ of listener);
    },
    Error,
    "the device is gone",
  );
  listener.fail(new Error("the device is gone"));
  await iterating;
});

function dataEvent(connection: string): TcpEvent & { event: "data" } {
  return { event: "data", time: 0, connection, direction: "recv", length: 1 };
}

function closedEvent(connection: string): TcpEvent {
  return {
    event: "closed",
    time: 0,
    connection,
    reason: "normal",
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    states: [],
  };
}

inTime("a write that waits when the connection has gone in order is a broken pipe", async () => {
  const { connection, inner } = bench(0);
  const waiting = assertRejects(() => connection.write(bytesOf("x")), Deno.errors.BrokenPipe, inner.name);
  inner.end("normal");
  await waiting;
});
