/**
 * What our own faults do to frames, and which frame is which segment's, in the recording of a real host behind a bad link.
 */
import { assert, assertEquals } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import { faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { tapLink } from "../../src/link/tap.ts";
import { PcapngRecorder } from "../../src/observe/pcapng_recorder.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { arpFrame, ip } from "../host/hand_frames.ts";
import { OUR_IP, PEER_IP, PEER_MAC, segmentFrame } from "../host/wire_host.ts";
import { commentsIn, readBlocks, readPackets } from "./capture_reading.ts";

const SYN = 0x02;
const RST = 0x04;
const SECOND_US = 1_000_000;
const OPENED = "before this frame: CLOSED -> LISTEN (user) open.passive RFC 9293 §3.10.1";
const SYN_RCVD = "LISTEN -> SYN_RCVD (recv SYN, send SYN,ACK) arrives.listen.syn RFC 9293 §3.10.7.2";

/** A host behind a bad link that is recorded; the test is whoever is at its other end. */
class RecordedHost {
  readonly host: Host;
  readonly events: TcpEvent[] = [];
  nowUs = SECOND_US;
  readonly #far;
  readonly #near;
  readonly #link;
  readonly #bytes: number[] = [];
  readonly recorder = new PcapngRecorder({
    write: (chunk) => this.#bytes.push(...chunk) && chunk.length,
    nowEpochUs: () => this.nowUs,
    arrivedUs: (capturedUs) => capturedUs,
    device: "memory",
    application: "tcplab test",
  });

  constructor(spec: string, options: { observes?: boolean; foldAfter?: number } = {}) {
    [this.#far, this.#near] = memoryPair({ queueFrames: 1000, nowUs: () => this.nowUs });
    const bad = faultLink(this.#near, {
      faults: parseFaultSpec(spec),
      nowUs: () => this.nowUs,
      observer: {
        isWatched: () => true,
        touched: (touched) => {
          this.recorder.faulted(touched);
          return this.host.faultObserver.touched(touched);
        },
        handsUp: (number) => this.host.faultObserver.handsUp(number),
      },
    });
    this.#link = tapLink(bad, this.recorder);
    this.#link.onDeparture = () => this.recorder.departing(this.nowUs);
    this.host = new Host({
      link: this.#link,
      addresses: [{ address: ip(OUR_IP), prefixLength: 24 }],
      secret: new Uint8Array(16),
      epochUs: 0,
      nowUs: this.nowUs,
      checksumPolicy: "strict",
      foldAfter: options.foldAfter ?? Infinity,
      tcp: { sack: false, timestamps: false, windowScaling: false },
    });
    if (options.observes === false) return;
    this.host.observer = (event) => {
      this.events.push(event);
      this.recorder.observe(event);
    };
  }

  listens(): this {
    this.host.listen({ port: 80, accept: () => ({}) });
    return this;
  }

  arrive(...frames: readonly Uint8Array[]): void {
    this.arriveApart(0, frames);
  }

  /** All are there when the host looks. */
  arriveApart(us: number, frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      frame.set(this.#near.mac);
      this.nowUs += us;
      this.#far.send(frame, frame.length);
    }
    this.#turn();
  }

  pass(us: number): void {
    this.nowUs += us;
    this.#turn();
  }

  #turn(): void {
    this.recorder.looking();
    const count = this.#link.receive((frame, length, capturedUs) => {
      this.recorder.arrived(capturedUs);
      this.host.ingest(frame, length, this.nowUs, capturedUs);
    }, 100);
    this.recorder.looked(count < 100);
    if (this.host.nextDeadlineUs() <= this.nowUs) this.host.tick(this.nowUs);
    this.#link.flush();
    if (this.recorder.isOpen) this.recorder.departing(this.nowUs);
  }

  /** Frames at the other end. */
  left(): number {
    return this.#far.receive(() => {}, 1000);
  }

  /** Time after the first second (ms), direction, flags and comments of all that is recorded; ends it. */
  recorded(): [number, string, number, readonly string[]][] {
    this.recorder.finish();
    const times = readPackets(this.file).map(({ timestampUs }) => timestampUs);
    assertEquals(times, times.toSorted((a, b) => a - b), "in order of time");
    return readPackets(this.file).map((
      { timestampUs, direction, frame, comments },
    ) => [
      (timestampUs - SECOND_US) / 1000,
      direction,
      frame[12] === 0x08 && frame[13] === 0 ? frame[47] : 0,
      comments,
    ]);
  }

  get file(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

function syn(sourcePort: number): Uint8Array {
  return segmentFrame({ seq: 1000, flags: SYN, sourcePort });
}

Deno.test("recorded faults: a frame that is lost on its way in is there, marked, and nothing answers it", () => {
  const bench = new RecordedHost("in:drop=100%").listens();
  bench.arrive(syn(4000));
  bench.pass(5000);
  bench.arrive(syn(4001));
  assertEquals(bench.recorded(), [
    [0, "in", SYN, ["fault drop in: lost on purpose, segment 1"]],
    [5, "in", SYN, ["fault drop in: lost on purpose, segment 2"]],
  ]);
  assertEquals(bench.left(), 0);
});

Deno.test("recorded faults: one that is lost on its way out is there, marked as never left, with its change of state", () => {
  const bench = new RecordedHost("out:drop=100%");
  // The station is known by its own word, so that the SYN need not wait.
  bench.arrive(
    arpFrame(
      { operation: 1, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: PEER_MAC, targetIp: OUR_IP },
      {
        to: PEER_MAC,
      },
    ),
  );
  bench.left();
  bench.host.setNow(bench.nowUs);
  bench.host.connect({ address: ip(PEER_IP), port: 7, localPort: 50_000, handler: {} });
  bench.pass(SECOND_US);
  const lost = "fault drop out: lost on purpose, it never left";
  assertEquals(bench.recorded().filter(([, , flags]) => flags === SYN), [
    [0, "out", SYN, [
      `${lost}, segment 1`,
      "CLOSED -> SYN_SENT (user, send SYN) open.active RFC 9293 §3.10.1",
    ]],
    [1000, "out", SYN, [
      `${lost}, segment 2`,
      "retransmission (syn), sent again once, repeats frame 3, segment 1",
    ]],
  ]);
  assertEquals(bench.left(), 0);
});

Deno.test("recorded faults: a lost frame stands between those that came before and after it", () => {
  // Of the seeds one that loses some, not all.
  const bench = new RecordedHost("in:drop=50%,seed=2").listens();
  const frames = Array.from({ length: 40 }, (_, i) => syn(5000 + i));
  bench.arriveApart(100, frames);
  bench.recorded();
  const packets = readPackets(bench.file).filter(({ direction }) => direction === "in");
  const port = (frame: Uint8Array) => frame[34] * 256 + frame[35];
  assertEquals(packets.map(({ frame }) => port(frame)), frames.map(port));
  const lost = packets.filter(({ comments }) => comments.some((text) => text.startsWith("fault drop in")));
  const told = bench.events.filter(({ event }) => event === "fault");
  assert(lost.length > 5 && lost.length < 35);
  assertEquals(
    lost.map(({ comments }) => comments),
    told.map((event) => [
      `fault drop in: lost on purpose, segment ${event.event === "fault" ? event.segment : 0}`,
    ]),
  );
});

Deno.test("recorded faults: a delayed frame has the time at which it was handed up, a copy says that it is one", () => {
  const bench = new RecordedHost("in:delay=10ms,in:dup=100%").listens();
  bench.arrive(syn(4000));
  bench.pass(10_000);
  const [first, answer, copy, again] = bench.recorded();
  assertEquals(first, [10, "in", SYN, [
    "fault delay in: delayed on purpose by 10.0 ms, segment 1",
    "fault duplicate in: sent twice on purpose, segment 1",
    OPENED,
    SYN_RCVD,
  ]]);
  assertEquals(answer, [10, "out", 0x12, []]);
  assertEquals(copy.slice(0, 3), [10, "in", SYN]);
  assertEquals(copy[3][0], "fault duplicate in: the copy, made on purpose, segment 1");
  assertEquals(again, [10, "out", 0x12, [
    "retransmission (syn-ack), sent again once, repeats frame 2, segment 2",
  ]]);
});

Deno.test("recorded faults: frames that pass each other keep their own marks", () => {
  const bench = new RecordedHost("in:reorder=30%,seed=3").listens();
  bench.arrive(...Array.from({ length: 30 }, (_, i) => syn(5000 + i)));
  bench.pass(SECOND_US / 2);
  bench.recorded();
  const marked = readPackets(bench.file)
    .filter(({ comments }) =>
      comments.includes(comments.find((text) => text.startsWith("fault reorder")) ?? "")
    )
    .map(({ frame }) => frame[34] * 256 + frame[35]);
  const told = bench.events.flatMap((event) => {
    return event.event === "fault" ? [Number(event.connection?.split(":").at(-1))] : [];
  });
  assert(told.length > 3 && told.length < 27);
  assertEquals(marked.toSorted(), told.toSorted());
});

Deno.test("recorded faults: damage on the way in is shown as it came, on the way out as it was sent", () => {
  const into = new RecordedHost("in:corrupt=100%,seed=3").listens();
  const good = syn(4000);
  into.arrive(good);
  assertEquals(into.recorded().map(([, , , comments]) => comments), [[
    "fault corrupt in: damaged on purpose, segment 1",
    "dropped: checksum",
  ]]);
  assert(readPackets(into.file)[0].frame.some((byte, at) => byte !== good[at]));
  const out = new RecordedHost("out:corrupt=100%,seed=3").listens();
  out.arrive(syn(4000));
  assertEquals(out.recorded()[1], [0, "out", 0x12, [
    "fault corrupt out: damaged on purpose on the way, this is how it was sent, segment 2",
  ]]);
});

Deno.test("recorded faults: a frame without a segment is marked, and so is any while nobody observes", () => {
  const bench = new RecordedHost("in:drop=100%").listens();
  const udp = syn(4000);
  udp[23] = 0x11;
  bench.arrive(udp);
  assertEquals(bench.recorded(), [[0, "in", 2, ["fault drop in: lost on purpose"]]]);
  const alone = new RecordedHost("in:dup=100%,out:drop=100%", { observes: false }).listens();
  alone.arrive(syn(4000));
  assertEquals(alone.recorded().map(([, , , comments]) => comments), [
    ["fault duplicate in: sent twice on purpose"],
    ["fault drop out: lost on purpose, it never left"],
    ["fault duplicate in: the copy, made on purpose"],
    ["fault drop out: lost on purpose, it never left"],
  ]);
});

Deno.test("recorded joins: a SYN that waits for ARP has its change of state, and the question before it has none", () => {
  const bench = new RecordedHost("in:mark=0%");
  bench.host.connect({ address: ip(PEER_IP), port: 7, localPort: 50_000, handler: {} });
  bench.pass(3000);
  bench.arrive(
    arpFrame(
      { operation: 2, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: PEER_MAC, targetIp: OUR_IP },
      {
        to: PEER_MAC,
      },
    ),
  );
  assertEquals(bench.recorded(), [
    [0, "out", 0, []],
    [3, "in", 0, []],
    [3, "out", SYN, ["CLOSED -> SYN_SENT (user, send SYN) open.active RFC 9293 §3.10.1"]],
  ]);
});

Deno.test("recorded joins: of two SYNs that waited for ARP in turn, the one that left has the comments of both", () => {
  const bench = new RecordedHost("in:mark=0%");
  bench.host.connect({ address: ip(PEER_IP), port: 7, localPort: 50_000, handler: {} });
  bench.pass(SECOND_US);
  bench.arrive(
    arpFrame(
      { operation: 2, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: PEER_MAC, targetIp: OUR_IP },
      {
        to: PEER_MAC,
      },
    ),
  );
  const recorded = bench.recorded();
  assertEquals(recorded.filter(([, , flags]) => flags === SYN), [[1000, "out", SYN, [
    "CLOSED -> SYN_SENT (user, send SYN) open.active RFC 9293 §3.10.1",
    "retransmission (syn), sent again once, repeats segment 1",
  ]]]);
  assertEquals(commentsIn(readBlocks(bench.file).at(-1)?.options ?? []), []);
});

Deno.test("recorded joins: in a flood each reset answers on a frame of its own, and drops stay with theirs", () => {
  const bench = new RecordedHost("in:mark=0%", { foldAfter: 3 });
  bench.arrive(...Array.from({ length: 4 }, (_, i) => segmentFrame({ seq: i, flags: RST })));
  // The fourth is told when its second is over, and the frame of that moment is not the one that was dropped.
  bench.nowUs += 2 * SECOND_US;
  bench.host.listen({ port: 80, accept: () => ({}) });
  bench.arrive(syn(4000));
  const drops = bench.events.filter(({ event }) => event === "drop");
  assertEquals(drops.length, 4);
  assertEquals(bench.recorded().map(([, , , comments]) => comments), [
    ["dropped: no-listener"],
    ["dropped: no-listener"],
    ["dropped: no-listener"],
    [],
    [OPENED, SYN_RCVD],
    [],
  ]);
});
