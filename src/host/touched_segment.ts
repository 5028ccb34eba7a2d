/**
 * The segment in a frame that the fault injector has touched, for those who want to know which one it was.
 *
 * Owns: which of its ends is ours. Must not know: what was done to the frame, or who asks.
 */
import { segmentIn } from "../link/frame_segment.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { Arrival } from "./arrival.ts";

/** A segment and where its addresses stand, seen from our end. */
export interface TouchedSegment {
  readonly segment: TcpSegment;
  /** What {@link Arrival} says of a segment that arrives, also of one that leaves. */
  readonly addresses: Pick<Arrival, "bytes" | "peerOffset" | "localOffset" | "addressBytes">;
  readonly localPort: number;
  readonly peerPort: number;
}

/** The segment that the first `length` bytes of `frame` carry, null where they carry none; valid until the next call. */
export function touchedSegment(
  frame: Uint8Array,
  length: number,
  direction: "in" | "out",
): TouchedSegment | null {
  const found = segmentIn(frame, length);
  if (found === null) return null;
  const { segment, sourceOffset, destinationOffset, addressBytes } = found;
  const isIn = direction === "in";
  return {
    segment,
    addresses: {
      bytes: frame,
      peerOffset: isIn ? sourceOffset : destinationOffset,
      localOffset: isIn ? destinationOffset : sourceOffset,
      addressBytes,
    },
    localPort: isIn ? segment.destinationPort : segment.sourcePort,
    peerPort: isIn ? segment.sourcePort : segment.destinationPort,
  };
}
