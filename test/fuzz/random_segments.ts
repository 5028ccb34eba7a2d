/**
 * Random segments that are worth sending: near the edges of windows, with flags in every mix, with options good and bad.
 *
 * Owns: how such segments are drawn (fast-check arbitraries), and sending them. Must not know: what is right.
 */
import fc from "fast-check";
import { FLAG, flagNames } from "../../src/wire/tcp.ts";
import type { Fixture } from "../tcp/states.ts";

/** A segment relative to where both sides stand. */
interface RandomSegment {
  /** Bits of the flags byte, any of 256. */
  readonly flags: number;
  /** From RCV.NXT of the host, or from the left edge of nothing at all. */
  readonly seqOffset: number;
  /** From SND.NXT of the host. */
  readonly ackOffset: number;
  readonly window: number;
  readonly dataBytes: number;
  readonly urgentPointer: number;
  /** Bytes of the option field; null for none. */
  readonly options: readonly number[] | null;
  readonly ecn: number;
  /** Time that passes before it, microseconds. */
  readonly pauseUs: number;
}

/** Offsets at which something changes: edges of windows of 64 KiB and 1 MiB, and of the circle. */
const EDGES = [
  -0x8000_0000,
  -0x10_0000,
  -0x1_0000,
  -1461,
  -2,
  -1,
  0,
  1,
  2,
  536,
  1460,
  4095,
  4096,
  4097,
  0xfffe,
  0xffff,
  0x1_0000,
  0x10_0000,
  0x7fff_ffff,
];

const offset = fc.oneof(
  { arbitrary: fc.constantFrom(...EDGES), weight: 3 },
  { arbitrary: fc.integer({ min: -10, max: 5000 }), weight: 3 },
  { arbitrary: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), weight: 1 },
);

/** Flags as they come, those of real segments more often. */
const flags = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      FLAG.ACK,
      FLAG.ACK,
      FLAG.ACK | FLAG.PSH,
      FLAG.FIN | FLAG.ACK,
      FLAG.SYN,
      FLAG.SYN | FLAG.ACK,
      FLAG.RST,
      FLAG.RST | FLAG.ACK,
      FLAG.ACK | FLAG.URG,
      FLAG.ACK | FLAG.ECE,
    ),
    weight: 3,
  },
  { arbitrary: fc.integer({ min: 0, max: 0xff }), weight: 1 },
);

/** Up to ten words of options: noise, or kinds and lengths that are nearly right. */
const options = fc.oneof(
  { arbitrary: fc.constant(null), weight: 3 },
  {
    arbitrary: fc.integer({ min: 1, max: 10 }).chain((words) =>
      fc.array(fc.integer({ min: 0, max: 0xff }), { minLength: 4 * words, maxLength: 4 * words })
    ),
    weight: 1,
  },
  {
    arbitrary: fc.array(
      fc.constantFrom(
        [1, 1, 1, 1],
        [2, 4, 0, 0],
        [2, 4, 0xff, 0xff],
        [2, 3, 1, 1],
        [3, 3, 255, 1],
        [4, 2, 1, 1],
        [5, 2, 1, 1],
        [5, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
        [8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        [8, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        [0x1e, 0, 0, 0],
        [254, 4, 0, 0],
      ),
      { minLength: 1, maxLength: 3 },
    ).map((parts) => parts.flat()),
    weight: 1,
  },
);

/** One random segment. */
export const randomSegment: fc.Arbitrary<RandomSegment> = fc.record({
  flags,
  seqOffset: offset,
  ackOffset: offset,
  window: fc.oneof(fc.constantFrom(0, 1, 536, 0xffff), fc.integer({ min: 0, max: 0xffff })),
  dataBytes: fc.oneof(fc.constantFrom(0, 0, 1, 1460), fc.integer({ min: 0, max: 3000 })),
  urgentPointer: fc.constantFrom(0, 0, 1, 0xffff),
  options,
  ecn: fc.integer({ min: 0, max: 3 }),
  pauseUs: fc.constantFrom(0, 0, 0, 1000, 300_000, 70_000_000),
});

/** Sends a random segment to the host of a fixture, relative to where the host stands now. */
export function sendRandom(fixture: Fixture, segment: RandomSegment): void {
  const { lab, peer, app } = fixture;
  lab.pass(segment.pauseUs);
  const info = app.connection.info();
  peer.sends({
    flags: flagNames(segment.flags).join(" "),
    seq: (info.rcvNxt - peer.iss + segment.seqOffset) | 0,
    ack: (info.sndNxt - peer.hostIss + segment.ackOffset) | 0,
    window: segment.window,
    data: segment.dataBytes,
    urgentPointer: segment.urgentPointer,
    ...(segment.options === null ? {} : { rawOptions: segment.options }),
    ecn: segment.ecn,
  });
}
