/** What a listener asks of its host, its driver and its process, and what it counts, without a network where that will do. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createLab, type Lab } from "../../mod.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { EventHub } from "../../src/runtime/event_hub.ts";
import { Listener, type ListenerHost, type ListenerOptions } from "../../src/runtime/listener.ts";
import { ProcessLife } from "../../src/runtime/process_life.ts";
import { FakeHost } from "./fake_host.ts";

/** A host without a network, and what was called in which order. */
class Scene {
  readonly host = new FakeHost();
  readonly calls: string[] = [];
  /** Calls that are pending on what holds the process. */
  pending = 0;

  /** What carries a listener here. */
  carrier(): ListenerHost {
    const life = new ProcessLife(new VirtualClock());
    life.pending = (difference) => void (this.pending += difference);
    return {
      host: this.host,
      driver: {
        enter: () => void this.calls.push("enter"),
        leave: () => void this.calls.push("leave"),
        noteWoken: () => void this.calls.push("woken"),
      },
      hub: new EventHub(this.host),
      life,
      onBegin: () => {},
      onGone: () => {},
      onClose: () => void this.calls.push("closed"),
    };
  }
}

function made(options: Partial<ListenerOptions> = {}): Listener {
  return new Listener({ hostname: "0.0.0.0", port: 7, ...options });
}

Deno.test("1024 may wait where nobody says how many, and one where none is said; Fast Open is off", () => {
  const scene = new Scene();
  for (const options of [{}, { backlog: 0 }, { backlog: 1 }, { backlog: 5, fastOpen: 3 }]) {
    made(options).attach(scene.carrier());
  }
  assertEquals(scene.host.listening.map(({ backlog, fastOpen }) => [backlog, fastOpen]), [
    [1024, 0],
    [1, 0],
    [1, 0],
    [5, 3],
  ]);
});

Deno.test("the host is called between enter and leave, also where it refuses", () => {
  const scene = new Scene();
  const { host, calls } = scene;
  const listen = host.listen.bind(host);
  host.listen = (options) => {
    calls.push("listen");
    const inner = listen(options);
    return { ...inner, close: () => void calls.push("close") };
  };
  const listener = made();
  listener.attach(scene.carrier());
  listener.close();
  listener.close();
  assertEquals(calls.splice(0), ["enter", "listen", "leave", "enter", "close", "leave", "closed"]);
  host.listen = () => {
    throw new RangeError("no");
  };
  assertThrows(() => made().attach(scene.carrier()), RangeError, "no");
  assertEquals(calls, ["enter", "leave"]);
});

Deno.test("a listener that is closed before it has a host takes none, and has ended", async () => {
  const scene = new Scene();
  const listener = made();
  assertEquals([listener.ended, listener.state], [false, "CLOSED"]);
  listener.close();
  listener.attach(scene.carrier());
  assertEquals([listener.ended, scene.host.listening, scene.calls], [true, [], []]);
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test("who accepts before there is a host holds the process from then on, until it is closed or let go", async () => {
  for (const end of ["close", "unref", "fail"] as const) {
    const scene = new Scene();
    const listener = made();
    const accepting = listener.accept();
    accepting.catch(() => {});
    listener.attach(scene.carrier());
    assertEquals(scene.pending, 1);
    if (end === "fail") listener.fail(new Error("the link went away"));
    else listener[end]();
    assertEquals(scene.pending, 0, end);
    listener.ref();
    assertEquals(scene.pending, end === "unref" ? 1 : 0, end);
    listener.close();
    await assertRejects(() => accepting);
    assertEquals(scene.pending, 0, end);
  }
});

Deno.test("a failure is thrown to whoever accepts or iterates, then and later; closing it then changes nothing", async () => {
  const listener = made();
  const failure = new Error("the link went away");
  const iterating = assertRejects(() => listener[Symbol.asyncIterator]().next(), Error, failure.message);
  listener.fail(failure);
  listener.fail(new Error("another"));
  listener.close();
  await iterating;
  await assertRejects(() => listener.accept(), Error, failure.message);
  await assertRejects(() => listener[Symbol.asyncIterator]().next(), Error, failure.message);
});

/** Connects, and lets the handshake end at the server too. */
async function connected(lab: Lab): Promise<void> {
  const connecting = lab.client.connect({ hostname: "10.0.0.1", port: 7 });
  await lab.advance(1);
  await connecting;
}

Deno.test("who is accepted waits no more: the backlog is free for others", async () => {
  await using lab = createLab({ time: "manual" });
  const listener = lab.server.listen({ port: 7, backlog: 2 });
  const connect = () => connected(lab);
  const waiting = () => lab.server.host.listeners()[0].waiting;
  for (let turn = 0; turn < 3; turn++) {
    await Promise.all([connect(), connect()]);
    assertEquals(waiting(), 2);
    await listener.accept();
    assertEquals(waiting(), 1);
    await listener.accept();
    assertEquals(waiting(), 0);
  }
  assertEquals(lab.events.filter(({ event }) => event === "retransmit"), []);
  // One that somebody waits for does not wait.
  const accepting = listener.accept();
  await connect();
  await accepting;
  assertEquals(waiting(), 0);
});

Deno.test("a handshake that ends after its listener was closed comes to nobody: it is reset", async () => {
  await using lab = createLab({ time: "manual", faults: "delay=50ms" });
  const listener = lab.server.listen({ port: 7 });
  const connecting = lab.client.connect({ hostname: "10.0.0.1", port: 7 });
  // The SYN is there, the SYN-ACK on its way.
  await lab.advance(60);
  assertEquals(lab.server.connections.map(({ state }) => state), ["SYN_RCVD"]);
  listener.close();
  const client = await lab.run(connecting);
  await assertRejects(() => lab.run(client.read(new Uint8Array(1))), Deno.errors.ConnectionReset);
  assertEquals([lab.server.connections, lab.server.host.connections()], [[], []]);
});

Deno.test("the pump is told of each accept that could go on, so that it lets it", async () => {
  await using lab = createLab({ time: "manual" });
  const { pump } = lab.server;
  const noteWoken = pump.noteWoken.bind(pump);
  let woken = 0;
  pump.noteWoken = () => {
    woken++;
    noteWoken();
  };
  const listener = lab.server.listen({ port: 7 });
  const connect = () => connected(lab);
  const accepting = listener.accept();
  await connect();
  await accepting;
  assertEquals(woken, 1);
  // Nobody waits for the second.
  await connect();
  await listener.accept();
  assertEquals(woken, 1);
});
