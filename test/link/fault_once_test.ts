/** One-shot faults: the grammar, which frame is meant, that it happens once and to that frame alone; and faults that change. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type FaultLink, faultLink } from "../../src/link/fault_link.ts";
import { parseOnceFault } from "../../src/link/fault_once.ts";
import { segmentIn } from "../../src/link/frame_segment.ts";
import { NO_FAULTS, parseFaultSpec } from "../../src/link/fault_spec.ts";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { EthernetHeader, parseEthernet } from "../../src/wire/ethernet.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { parseIpv4 } from "../../src/wire/ipv4.ts";
import { FLAG, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";
import { arpReply, segmentFrame } from "../host/wire_host.ts";

const { SYN, ACK, FIN, RST, PSH } = FLAG;

/** Flags and data of each kind of segment, by the word that means it. */
const KINDS = {
  syn: segmentFrame({ flags: SYN, seq: 1 }),
  "syn-ack": segmentFrame({ flags: SYN | ACK, seq: 2 }),
  ack: segmentFrame({ flags: ACK, seq: 3 }),
  data: segmentFrame({ flags: ACK | PSH, seq: 4 }, "some words"),
  fin: segmentFrame({ flags: FIN | ACK, seq: 5 }),
  rst: segmentFrame({ flags: RST | ACK, seq: 6 }),
};

/** A link that may be made bad, and the good one at its other end. */
class Bench {
  readonly clock = new VirtualClock();
  readonly good: MemoryLink;
  readonly bad: FaultLink;
  /** What was told of frames: `out drop once`. */
  readonly told: string[] = [];

  constructor(options: MemoryPairOptions = {}) {
    const [a, b] = memoryPair(options);
    this.good = a;
    this.bad = faultLink(b, {
      faults: { seed: 1, in: NO_FAULTS, out: NO_FAULTS },
      nowUs: () => this.clock.nowUs(),
      observer: {
        isWatched: () => true,
        touched: ({ direction, faults, reason, delayUs }) => {
          for (const fault of faults) {
            const more = fault === "drop" ? ` ${reason}` : fault === "delay" ? ` ${delayUs}` : "";
            this.told.push(`${direction} ${fault}${more}`);
          }
          return 0;
        },
        handsUp: () => {},
      },
    });
  }

  once(text: string): void {
    this.bad.addOnce(parseOnceFault(text));
  }

  /** Sequence numbers that get from one end to the other when these are sent, in the order of arrival. */
  sends(from: "good" | "bad", frames: readonly Uint8Array[]): number[] {
    const [near, far] = from === "good" ? [this.good, this.bad] : [this.bad, this.good];
    const arrived: number[] = [];
    for (const frame of frames) {
      near.send(frame, frame.length);
      this.#collect(far, arrived);
    }
    return arrived;
  }

  /** What arrives until then. */
  until(us: number, at: "good" | "bad"): number[] {
    const arrived: number[] = [];
    for (let dueUs = this.bad.nextDueUs(); dueUs <= us; dueUs = this.bad.nextDueUs()) {
      this.clock.advanceTo(dueUs);
      this.bad.release(dueUs);
      this.#collect(this[at], arrived);
    }
    this.clock.advanceTo(us);
    this.#collect(this[at], arrived);
    return arrived;
  }

  #collect(link: FaultLink | MemoryLink, into: number[]): void {
    link.receive((frame, length) => into.push(seqOf(frame, length)), 1000);
  }
}

function seqOf(frame: Uint8Array, length: number): number {
  const [ethernet, ip, segment] = [new EthernetHeader(), new IpPacket(), new TcpSegment()];
  if (parseEthernet(frame, length, ethernet) !== null) return -1;
  if (parseIpv4(frame, ethernet.payloadOffset, length - ethernet.payloadOffset, ip) !== null) return -1;
  return parseTcp(frame, ip.payloadOffset, ip.payloadLength, segment) === null ? segment.seq : -1;
}

const ALL = Object.values(KINDS);

Deno.test("once: each word means its segments, in the direction that is named", () => {
  const meant: Record<string, number[]> = {
    syn: [1],
    "syn-ack": [2],
    ack: [3],
    data: [4],
    fin: [5],
    rst: [6],
    any: [1],
  };
  for (const [word, lost] of Object.entries(meant)) {
    for (const [from, direction] of [["good", "in"], ["bad", "out"]] as const) {
      for (const prefix of ["", `${direction}:`]) {
        const bench = new Bench();
        bench.once(`${prefix}drop:${word}`);
        const arrived = bench.sends(from, ALL);
        const expected = [1, 2, 3, 4, 5, 6].filter((seq) => !lost.includes(seq));
        assertEquals(arrived, expected, `${prefix}${word} ${from}`);
        assertEquals(bench.told, [`${direction} drop once`]);
        assertEquals(bench.bad.pending, []);
        // Once: the same again all arrive, and nothing is told.
        assertEquals(bench.sends(from, ALL), [1, 2, 3, 4, 5, 6]);
        assertEquals(bench.told.length, 1);
      }
      const other = new Bench();
      other.once(`${direction === "in" ? "out" : "in"}:drop:${word}`);
      assertEquals(other.sends(from, ALL), [1, 2, 3, 4, 5, 6]);
      assertEquals([other.told, other.bad.pending.length], [[], 1]);
    }
  }
});

Deno.test("once: the Nth, each fault counting for itself; one frame suffers one at most", () => {
  const bench = new Bench();
  bench.once("drop:data@3");
  bench.once("dup:data@2");
  bench.once("drop:data");
  bench.once("drop:data");
  const frames = [10, 11, 12, 13, 14].map((seq) => segmentFrame({ flags: ACK, seq }, "x"));
  // The first is for the third rule, the second for the one that came earliest, and so on.
  assertEquals(bench.sends("bad", frames), [11, 11, 14]);
  assertEquals(bench.told, ["out drop once", "out duplicate", "out drop once", "out drop once"]);
  assertEquals(bench.bad.pending, []);
});

Deno.test("once: a held frame alone waits, and everything else passes it", () => {
  const bench = new Bench();
  bench.once("hold:ack:2s");
  assertEquals(bench.sends("bad", ALL), [1, 2, 4, 5, 6]);
  assertEquals(bench.told, ["out delay 2000000"]);
  assertEquals(bench.until(1_999_999, "good"), []);
  assertEquals(bench.until(2_000_000, "good"), [3]);
  assertEquals(bench.until(10_000_000, "good"), []);
  assertEquals(bench.bad.nextDueUs(), Infinity);
});

Deno.test("once: a damaged frame arrives with one bit turned, and no other", () => {
  const bench = new Bench();
  bench.once("corrupt:data");
  let turned = 0;
  for (let round = 0; round < 2; round++) {
    const { data } = KINDS;
    bench.bad.send(data, data.length);
    bench.good.receive((frame, length) => {
      assertEquals(length, data.length);
      for (let at = 0; at < length; at++) {
        for (let bits = frame[at] ^ data[at]; bits !== 0; bits &= bits - 1) turned++;
      }
    }, 10);
    assertEquals(turned, 1);
  }
});

Deno.test("once: ARP, what is cut short, and whatever bytes there are, are no segment and pass", () => {
  const bench = new Bench();
  bench.once("drop:any");
  const arp = arpReply("10.0.0.9", "02:00:00:00:00:09");
  bench.bad.send(arp, arp.length);
  for (let length = 14; length < KINDS.data.length; length++) {
    bench.bad.send(KINDS.data.slice(0, length), length);
  }
  assertEquals([bench.told, bench.bad.pending], [[], ["drop:any"]]);
  fc.assert(fc.property(fc.uint8Array({ minLength: 0, maxLength: 120 }), (bytes) => {
    segmentIn(bytes, bytes.length);
  }));
});

Deno.test("once: segments of IPv6 are meant too", () => {
  const tcp = KINDS.fin.subarray(34);
  const frame = new Uint8Array(14 + 40 + tcp.length);
  frame.set(KINDS.fin.subarray(0, 12));
  frame.set([0x86, 0xdd, 0x60, 0, 0, 0, 0, tcp.length, 6, 64], 12);
  frame.set(tcp, 54);
  const bench = new Bench();
  bench.once("drop:fin");
  bench.bad.send(frame, frame.length);
  assertEquals(bench.told, ["out drop once"]);
});

Deno.test("once: of a large segment that the kernel was to cut, one packet of the wire, no larger than was asked for", () => {
  const bench = new Bench({ maxPacketBytes: 60_000 });
  bench.once("drop:data@2");
  const large = segmentFrame({ flags: ACK | PSH, seq: 1000 }, "y".repeat(2500));
  assertEquals(bench.bad.maxPacketBytes, 1500);
  bench.bad.send(large, large.length, 1000);
  const lengths: number[] = [];
  const seqs: number[] = [];
  bench.good.receive((frame, length) => {
    lengths.push(length - 54);
    seqs.push(seqOf(frame, length));
  }, 10);
  assertEquals([seqs, lengths], [[1000, 3000], [1000, 500]]);
  // Nothing waits any more: the link carries large ones again.
  assertEquals(bench.bad.maxPacketBytes, 60_000);
});

Deno.test("once: no more than a person sets up, and they can be taken back", () => {
  const bench = new Bench();
  for (let i = 0; i < 16; i++) bench.once("drop:rst");
  assertThrows(() => bench.once("drop:rst"), Error, "16 one-shot faults wait already");
  bench.bad.clearOnce();
  assertEquals(bench.bad.pending, []);
  assertEquals(bench.sends("good", ALL), [1, 2, 3, 4, 5, 6]);
});

Deno.test("once: what is wrong with a text is one line that shows it and says what was expected", () => {
  const wrong: [string, string][] = [
    ["", "expected ACTION:SEGMENT"],
    ["drop", "expected ACTION:SEGMENT"],
    ["drop:fin:2s:3", "expected ACTION:SEGMENT"],
    ["lose:fin", "an action of drop, dup, corrupt, hold"],
    ["drop:finish", "a segment of syn, syn-ack, ack, data, fin, rst, any"],
    ["drop:constructor", "a segment of"],
    ["drop:fin@0", "a number from 1 to 1000 behind @"],
    ["drop:fin@1001", "a number from 1 to 1000 behind @"],
    ["drop:fin@x", "a segment of"],
    ["drop:fin:2s", "no time: only hold takes one, as in hold:fin:2s"],
    ["hold:ack", "a time up to 60s with its unit"],
    ["hold:ack:2", "a time up to 60s with its unit"],
    ["hold:ack:0s", "a time up to 60s with its unit"],
    ["hold:ack:61s", "a time up to 60s with its unit"],
    ["up:drop:fin", "an action of drop, dup, corrupt, hold"],
    ["drop:\nfin", "a segment of"],
    [`drop:${"f".repeat(100)}`, "expected ACTION:SEGMENT"],
  ];
  for (const [text, expected] of wrong) {
    const { message } = assertThrows(() => parseOnceFault(text), Error);
    assert(message.includes(expected), `${text}: ${message}`);
    assert(
      message.startsWith(JSON.stringify(text.slice(0, 40)).slice(0, -1)) && !message.includes("\n") &&
        message.length < 200,
      message,
    );
  }
  assertEquals(parseOnceFault(" in:hold:syn-ack@12:1.5s "), {
    text: "in:hold:syn-ack@12:1.5s",
    direction: "in",
    action: "hold",
    target: "syn-ack",
    nth: 12,
    holdUs: 1_500_000,
  });
});

Deno.test("changed faults hold for what comes then; what is under way arrives when it was to, and nothing overtakes it", () => {
  const bench = new Bench();
  assertEquals(bench.sends("bad", [KINDS.syn]), [1]);
  bench.bad.setFaults(parseFaultSpec("delay=10ms"));
  assertEquals(bench.sends("bad", [KINDS["syn-ack"]]), []);
  bench.bad.setFaults(parseFaultSpec("drop=100%"));
  assertEquals(bench.sends("bad", [KINDS.ack]), []);
  bench.bad.setFaults(parseFaultSpec("seed=1"));
  assertEquals(bench.sends("bad", [KINDS.data]), []);
  assertEquals(bench.until(9_999, "good"), []);
  assertEquals(bench.until(10_000, "good"), [2, 4]);
  // And all is as it was.
  assertEquals(bench.sends("bad", [KINDS.fin]), [5]);
  assertEquals(bench.sends("good", ALL), [1, 2, 3, 4, 5, 6]);
  assertEquals(bench.told, ["out delay 10000", "out drop chance"]);
  assertEquals(bench.bad.nextDueUs(), Infinity);
});

Deno.test("the same seed gives the same faults, whenever they are set", () => {
  const frames = Array.from({ length: 400 }, (_, seq) => segmentFrame({ flags: ACK, seq }, "x"));
  const spec = parseFaultSpec("drop=10%,dup=5%,seed=9");
  const first = new Bench();
  first.bad.setFaults(spec);
  const arrived = first.sends("bad", frames);
  assert(arrived.length > 300 && arrived.length !== 400);
  const later = new Bench();
  later.bad.setFaults(parseFaultSpec("drop=50%,seed=3"));
  later.sends("bad", frames);
  later.bad.setFaults(spec);
  assertEquals(later.sends("bad", frames), arrived);
});

Deno.test("paused, nothing is handed up but by steps; ARP and what goes out pass; resumed, all in order", () => {
  const bench = new Bench();
  bench.bad.step();
  bench.bad.pause();
  assertEquals(bench.sends("good", ALL), []);
  assertEquals([bench.bad.isPaused, bench.bad.waiting, bench.bad.nextDueUs()], [true, 6, Infinity]);
  const arp = arpReply("10.0.0.9", "02:00:00:00:00:09");
  bench.good.send(arp, arp.length);
  assertEquals(bench.until(1000, "bad"), [-1]);
  assertEquals(bench.sends("bad", ALL), [1, 2, 3, 4, 5, 6]);
  bench.bad.step();
  assertEquals(bench.until(2000, "bad"), [1]);
  assertEquals(bench.until(3000, "bad"), []);
  bench.bad.step();
  bench.bad.step();
  assertEquals(bench.until(4000, "bad"), [2, 3]);
  bench.bad.resume();
  assertEquals(bench.until(5000, "bad"), [4, 5, 6]);
  assertEquals([bench.bad.isPaused, bench.bad.waiting], [false, 0]);
  assertEquals(bench.sends("good", ALL), [1, 2, 3, 4, 5, 6]);
  assertEquals(bench.told, []);
});

Deno.test("departures are told by whoever sends at last: the link, while the way out is good; here, while it is bad", () => {
  const bench = new Bench();
  let told = 0;
  bench.bad.onDeparture = () => void told++;
  bench.once("drop:fin");
  bench.sends("bad", [KINDS.ack]);
  assertEquals(told, 1);
  bench.sends("bad", [KINDS.fin, KINDS.ack]);
  bench.bad.flush();
  assert(told >= 2, `${told}`);
});
