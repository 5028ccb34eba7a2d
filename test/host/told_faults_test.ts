/**
 * What our own fault injector does is told: one event for each thing, with the header and the number of the segment.
 */
import { assertEquals } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import { faultLink } from "../../src/link/fault_link.ts";
import type { TouchedFrame } from "../../src/link/fault_path.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import type { FaultEvent, TcpEvent } from "../../src/tcp/events.ts";
import { ip } from "./hand_frames.ts";
import { OUR_IP, PEER_IP, segmentFrame } from "./wire_host.ts";

const SYN = 0x02;
const CONNECTION = `${OUR_IP}:80-${PEER_IP}:4000`;

/** A host behind a bad link; the test is whoever is at its other end. */
function badHost(spec: string, observes = true) {
  const [far, near] = memoryPair({ queueFrames: 100 });
  let nowUs = 1_000_000;
  const events: TcpEvent[] = [];
  const touches: TouchedFrame[] = [];
  const link = faultLink(near, {
    faults: parseFaultSpec(spec),
    nowUs: () => nowUs,
    observer: {
      isWatched: () => host.faultObserver.isWatched(),
      touched: (touched) => {
        touches.push({ ...touched, frame: touched.frame.slice(0, touched.length) });
        return host.faultObserver.touched(touched);
      },
      handsUp: (number) => host.faultObserver.handsUp(number),
    },
  });
  const host: Host = new Host({
    link,
    addresses: [{ address: ip(OUR_IP), prefixLength: 24 }],
    secret: new Uint8Array(16),
    epochUs: 0,
    nowUs,
    checksumPolicy: "strict",
    tcp: { sack: false, timestamps: false, windowScaling: false },
  });
  host.listen({ port: 80, accept: () => ({}) });
  if (observes) host.observer = (event) => events.push(event);
  const takes = () => link.receive((frame, length) => host.ingest(frame, length, nowUs), 100);
  return {
    host,
    events,
    touches,
    arrives(frame: Uint8Array): void {
      frame.set(near.mac);
      far.send(frame, frame.length);
      takes();
    },
    pass(us: number): void {
      nowUs += us;
      takes();
      link.flush();
    },
    /** Frames at the other end. */
    left(): number {
      return far.receive(() => {}, 100);
    },
  };
}

/** What is told of segments, drops and faults, in short. */
function brief(events: readonly TcpEvent[]): string[] {
  return events.flatMap((event) => {
    switch (event.event) {
      case "segment":
        return [`${event.time} segment ${event.segment} ${event.direction} ${event.flags}`];
      case "drop":
        return [`${event.time} drop ${event.segment ?? "-"} ${event.reason}`];
      case "fault":
        return [
          `${event.time} fault ${event.segment ?? "-"} ${event.direction} ${event.kind} ${event.flags}`,
        ];
      default:
        return [];
    }
  });
}

const FIRST_SYN = segmentFrame({ seq: 1000, flags: SYN });

Deno.test("told: a SYN that is lost on the way in has a number, a header and no line of its own", () => {
  const { events, arrives, left, touches } = badHost("in:drop=100%");
  arrives(FIRST_SYN);
  const expected: FaultEvent = {
    event: "fault",
    time: 1,
    connection: CONNECTION,
    segment: 1,
    direction: "recv",
    kind: "drop",
    reason: "chance",
    flags: ["SYN"],
    seq: 1000,
    ack: 0,
    relSeq: 1000,
    relAck: 0,
    window: 0xffff,
    length: 0,
    frameBytes: FIRST_SYN.length,
  };
  assertEquals(events, [expected]);
  assertEquals(left(), 0);
  // The seam of the recording: the frame itself, as it came.
  assertEquals(touches.map(({ frame, faults, direction }) => ({ frame, faults, direction })), [
    { frame: FIRST_SYN, faults: ["drop"], direction: "in" },
  ]);
});

Deno.test("told: a fault has the time at which it happened, not that at which the host last heard of anything", () => {
  const { events, arrives, pass } = badHost("in:drop=100%");
  pass(5000);
  arrives(FIRST_SYN);
  assertEquals(brief(events), ["1.005 fault 1 recv drop SYN"]);
});

Deno.test("told: a delayed segment is told twice, when it is held and when it arrives, with one number", () => {
  const { events, arrives, pass } = badHost("in:delay=10ms");
  arrives(FIRST_SYN);
  assertEquals(brief(events), ["1 fault 1 recv delay SYN"]);
  assertEquals(events[0].event === "fault" ? events[0].delayUs : 0, 10_000);
  pass(10_000);
  assertEquals(brief(events).slice(1), ["1.01 segment 1 recv SYN", "1.01 segment 2 send SYN,ACK"]);
});

Deno.test("told: of a segment that is doubled the copy has a number of its own", () => {
  const { events, arrives } = badHost("in:dup=100%");
  arrives(FIRST_SYN);
  assertEquals(brief(events), [
    "1 fault 1 recv duplicate SYN",
    "1 segment 1 recv SYN",
    "1 segment 2 send SYN,ACK",
    "1 segment 3 recv SYN",
    "1 segment 4 send SYN,ACK",
  ]);
});

Deno.test("told: damage: the fault shows the header as it was, the drop names the same segment", () => {
  // Of the seeds one that hits the segment, not what is around it.
  const { events, arrives } = badHost("in:corrupt=100%,seed=3");
  arrives(FIRST_SYN);
  assertEquals(brief(events), ["1 fault 1 recv corrupt SYN", "1 drop 1 checksum"]);
});

Deno.test("told: a segment that is lost on the way out is told, and then the fault names it", () => {
  const { events, arrives, left } = badHost("out:drop=100%");
  arrives(FIRST_SYN);
  assertEquals(brief(events), [
    "1 segment 1 recv SYN",
    "1 segment 2 send SYN,ACK",
    "1 fault 2 send drop SYN,ACK",
  ]);
  const [fault] = events.filter((event) => event.event === "fault");
  assertEquals([fault.id, fault.relSeq, fault.relAck, fault.connection], [1, 0, 1, CONNECTION]);
  assertEquals(left(), 0);
});

Deno.test("told: two faults of one frame are two events with one number", () => {
  const { events, arrives, pass } = badHost("in:delay=1ms,dup=100%");
  arrives(FIRST_SYN);
  pass(1000);
  assertEquals(brief(events).slice(0, 3), [
    "1 fault 1 recv delay SYN",
    "1 fault 1 recv duplicate SYN",
    "1.001 segment 1 recv SYN",
  ]);
});

Deno.test("told: a segment of IPv6 that is lost is told with its ends and its header", () => {
  const { events, arrives } = badHost("in:drop=100%");
  const tcp = FIRST_SYN.subarray(34);
  const frame = new Uint8Array(54 + tcp.length);
  frame.set(FIRST_SYN.subarray(0, 12));
  frame.set([0x86, 0xdd, 0x60, 0, 0, 0, 0, tcp.length, 6, 64], 12);
  [frame[22], frame[37], frame[38], frame[53]] = [0xfd, 9, 0xfd, 1];
  frame.set(tcp, 54);
  arrives(frame);
  assertEquals(brief(events), ["1 fault 1 recv drop SYN"]);
  assertEquals(events.map((event) => "connection" in event ? event.connection : null), [
    "[fd00::1]:80-[fd00::9]:4000",
  ]);
});

Deno.test("told: a frame without a segment has none of its fields", () => {
  const { events, arrives } = badHost("in:drop=100%");
  const udp = FIRST_SYN.slice();
  udp[23] = 0x11;
  arrives(udp);
  assertEquals(events, [
    {
      event: "fault",
      time: 1,
      direction: "recv",
      kind: "drop",
      reason: "chance",
      frameBytes: udp.length,
    },
  ]);
});

Deno.test("told: nobody observes: faults happen as ever, nothing is put together, and no number is used up", () => {
  const { host, events, arrives, left, touches } = badHost("in:dup=100%", false);
  arrives(FIRST_SYN);
  assertEquals([events, left(), touches], [[], 2, []]);
  host.observer = (event) => events.push(event);
  arrives(segmentFrame({ seq: 1000, flags: SYN, sourcePort: 4001 }));
  assertEquals(brief(events)[0], "1 fault 1 recv duplicate SYN");
});

Deno.test("told: nobody observes: of what is lost nothing is put together either", () => {
  const { host, arrives, left, touches } = badHost("in:drop=100%", false);
  arrives(FIRST_SYN);
  assertEquals([left(), touches], [0, []]);
  host.observer = () => {};
  arrives(FIRST_SYN);
  assertEquals(touches.map(({ faults, touch }) => ({ faults, touch })), [{ faults: ["drop"], touch: 1 }]);
});

Deno.test("a frame that was lost on its way in has the time at which it came, as those that arrive; one on its way out is told when it goes", () => {
  const { host, events } = badHost("in:delay=1ms");
  const frame = FIRST_SYN.slice();
  const touched: TouchedFrame = {
    direction: "in",
    frame,
    length: frame.length,
    nowUs: 999_000,
    capturedUs: 0,
    faults: ["drop"],
    reason: "chance",
    touch: 1,
    label: 0,
    delayUs: 0,
  };
  // The host has got to 1 s by now.
  host.setNow(1_000_000);
  host.faultObserver.touched(touched);
  host.faultObserver.touched({ ...touched, direction: "out" });
  assertEquals(events.map(({ time }) => time), [0.999, 1]);
});
