/** A session over the whole machine, on a link in memory and a virtual clock: what lies on what, who hears of what, and the end. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { echo } from "../../src/app/echo.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { LinkError } from "../../src/link/link.ts";
import { type MemoryLink, memoryPair } from "../../src/link/memory_link.ts";
import { Session, type SessionParts, type SessionRecorder } from "../../src/runtime/session.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { ip } from "../host/hand_frames.ts";
import { OUR_IP, PLAIN_TCP, segmentFrame } from "../host/wire_host.ts";
import { VirtualTime } from "./virtual_time.ts";

const [RST, SYN] = [0x04, 0x02];

/** What an event is about, in few words. */
function brief(event: TcpEvent): string {
  switch (event.event) {
    case "segment":
      return `${event.direction} ${event.flags}${event.count === undefined ? "" : ` x${event.count}`}`;
    case "fault":
      return `fault ${event.direction} ${event.kind} ${event.flags}`;
    case "transition":
      return `${event.from} to ${event.to}`;
    case "drop":
      return `drop ${event.reason}${event.count === undefined ? "" : ` x${event.count}`}`;
    default:
      return event.event;
  }
}

/** A session, and the test at the other end of its link. */
class Scene extends VirtualTime implements AsyncDisposable {
  readonly session: Session;
  readonly near: MemoryLink;
  readonly far: MemoryLink;
  /** Everything that anybody was told, in order, as `WHO WHAT`. */
  readonly heard: string[] = [];

  constructor(
    options: Pick<SessionParts, "faults"> & {
      readonly foldAfter?: number;
      readonly records?: boolean;
      readonly observers?: readonly string[];
      /** Flags of a segment that is in the link before there is a session. */
      readonly waiting?: number;
    } = {},
  ) {
    const [near, far] = memoryPair();
    super([near]);
    this.near = near;
    this.far = far;
    const { foldAfter, records = false, observers = [], waiting, ...others } = options;
    if (waiting !== undefined) this.send(waiting);
    this.session = new Session({
      link: near,
      clock: this.clock,
      host: {
        addresses: [{ address: ip(OUR_IP), prefixLength: 24 }],
        secret: new Uint8Array(16),
        tcp: PLAIN_TCP,
        ...(foldAfter === undefined ? {} : { foldAfter }),
      },
      recorder: records ? this.#recorder() : null,
      observers: [null, ...observers.map((who) => (event: TcpEvent) => this.#hears(who, brief(event)))],
      ...others,
    });
  }

  #hears(who: string, what: string): void {
    this.heard.push(`${who} ${what}`);
  }

  #recorder(): SessionRecorder {
    const nothing = () => {};
    return {
      received: () => this.#hears("tap", "received"),
      sent: () => this.#hears("tap", "sent"),
      faulted: ({ direction, faults }) => this.#hears("tap", `faulted ${direction} ${faults}`),
      observe: (event) => this.#hears("recorder", brief(event)),
      isOpen: false,
      isHolding: false,
      looking: nothing,
      arrived: nothing,
      looked: nothing,
      departing: nothing,
      resting: nothing,
      end: () => this.#hears("recorder", "end"),
    };
  }

  listens(): void {
    this.session.host.listen({ port: 80, accept: echo.create({ nowEpochUs: () => 0 }) });
  }

  /** The other end sends these to port 80. */
  send(flags: number, count = 1): void {
    for (let i = 0; i < count; i++) {
      const frame = segmentFrame({ seq: 1000 + i, flags });
      frame.set(this.near.mac);
      this.far.send(frame, frame.length);
    }
  }

  /** The same, and the session takes them. */
  arrive(flags: number, count = 1): Promise<void> {
    this.send(flags, count);
    return this.settle();
  }

  /** How many frames have come out at the other end since the last look. */
  left(): number {
    return this.far.receive(() => {}, 1000);
  }

  /** What was heard since the last look. */
  take(): string[] {
    return this.heard.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.stack.close();
    await this.session.stack.done.catch(() => {});
  }
}

/** The counters of a session's summary that are the injector's. */
function faultsOf(session: Session): Record<string, number> {
  const { counters } = session.summary();
  return Object.fromEntries(Object.entries(counters).filter(([name]) => name.startsWith("fault-")));
}

Deno.test("a session takes no frame before its start, and a SYN that waits then meets the listener", async () => {
  await using on = new Scene({ observers: ["log"], waiting: SYN });
  on.listens();
  assertEquals(on.take(), ["log CLOSED to LISTEN"]);
  assertEquals([on.near.waitingFrames, on.session.host.counters()["frames-in"]], [1, 0]);
  on.session.start();
  await on.settle();
  assertEquals(on.take(), ["log recv SYN", "log LISTEN to SYN_RCVD", "log send SYN,ACK"]);
  assertEquals(on.left(), 1);
});

Deno.test("what nobody asked for lies nowhere: the link is the link itself, and no event is built", async () => {
  await using on = new Scene();
  assertStrictEquals(on.session.link, on.near);
  on.listens();
  on.session.start();
  await on.arrive(SYN);
  assertStrictEquals(on.session.host.observer, null);
  assertEquals(on.left(), 1);
  assertEquals(faultsOf(on.session), {});
});

Deno.test("a frame that the injector takes on its way in is told to the tap, then to the host, and reaches neither", async () => {
  await using on = new Scene({
    faults: parseFaultSpec("in:drop=100%"),
    records: true,
    observers: ["log"],
  });
  on.listens();
  on.session.start();
  on.take();
  await on.arrive(SYN);
  assertEquals(on.take(), ["tap faulted in drop", "recorder fault recv drop SYN", "log fault recv drop SYN"]);
  const { counters } = on.session.summary();
  assertEquals([counters["frames-in"], counters["link-frames-in"], on.left()], [0, 1, 0]);
  assertEquals(faultsOf(on.session), {
    "fault-in-frames": 1,
    "fault-in-dropped": 1,
    "fault-in-duplicated": 0,
    "fault-in-reordered": 0,
    "fault-in-corrupted": 0,
    "fault-in-marked": 0,
    "fault-in-overflowed": 0,
  });
});

Deno.test("a recording has what the host has sent, though the injector below keeps it from the wire", async () => {
  await using on = new Scene({
    faults: parseFaultSpec("out:drop=100%"),
    records: true,
    observers: ["log"],
  });
  on.listens();
  on.session.start();
  on.take();
  await on.arrive(SYN);
  const heard = on.take().filter((line) => !line.startsWith("log"));
  assertEquals(heard.filter((line) => line === "tap sent").length, 1);
  assertEquals(heard.filter((line) => line !== "tap sent"), [
    "tap received",
    "recorder recv SYN",
    "recorder LISTEN to SYN_RCVD",
    "recorder send SYN,ACK",
    "tap faulted out drop",
    "recorder fault send drop SYN,ACK",
  ]);
  assertEquals(on.left(), 0);
  const { counters } = on.session.summary();
  assertEquals([counters["frames-out"], counters["link-frames-out"]], [1, 0]);
  assertEquals([counters["fault-out-dropped"], counters["fault-in-frames"]], [1, undefined]);
});

Deno.test("the end: everybody hears what was folded, the recorder too, then nothing more", async () => {
  await using on = new Scene({ foldAfter: 1, records: true, observers: ["first", "second"] });
  on.session.start();
  await on.arrive(RST, 4);
  const told = ["recv RST", "drop no-listener"];
  const heardBy = (who: string) =>
    on.heard.filter((line) => line.startsWith(`${who} `)).map((line) => line.slice(who.length + 1));
  for (const who of ["recorder", "first", "second"]) assertEquals(heardBy(who), told, who);
  on.take();
  assertEquals(await on.get(on.session.end()), { closed: 0, reset: 0 });
  for (const who of ["recorder", "first", "second"]) {
    const folded = ["drop no-listener x3", "recv RST x3"];
    assertEquals(heardBy(who).sort(), who === "recorder" ? [folded[0], "end", folded[1]] : folded, who);
  }
  on.take();
  assertStrictEquals(on.session.host.observer, null);
  on.session.host.emit({ event: "drop", time: 0, reason: "test" });
  assertEquals(on.take(), []);
});

Deno.test("a session whose link has gone ends with that reason, and its observers leave with what was folded", async () => {
  await using on = new Scene({ foldAfter: 1, observers: ["a", "b"] });
  on.session.start();
  await on.arrive(RST, 3);
  on.take();
  on.near.close();
  await assertRejects(() => on.get(on.session.end()), LinkError);
  const folded = ["drop no-listener x2", "recv RST x2"];
  assertEquals(on.take().sort(), [
    ...folded.map((what) => `a ${what}`),
    ...folded.map((what) => `b ${what}`),
  ]);
  assertStrictEquals(on.session.host.observer, null);
});

Deno.test("the summary counts from the beginning, in the clock's time", async () => {
  await using on = new Scene();
  on.session.start();
  await on.arrive(RST, 2);
  await on.pass(2_500_000);
  const { time, durationMs, counters } = on.session.summary({ lostLines: 3, leftOutLines: 0 });
  assertEquals([time, durationMs], [on.session.time, 2500]);
  assertEquals(time, (on.clock.epochUs + on.clock.nowUs()) / 1e6);
  assertEquals([counters["frames-in"], counters["link-frames-in"], counters["log-lines-lost"]], [2, 2, 3]);
  assert(!("log-lines-left-out" in counters));
});
