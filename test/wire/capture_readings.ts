/**
 * Captures read for tests: all packets of a file at once, and whatever is wrong with it.
 *
 * Owns: pushing a file in pieces, asking for packets after each. Must not know: what should come out.
 */
import { CaptureFile } from "../../src/wire/capture_file.ts";
import type { CapturedPacket, CaptureProblem } from "../../src/wire/capture_packet.ts";
import { DissectedSegment, Dissector, type SkipReason } from "../../src/wire/dissect.ts";

/** What came of a file. */
export interface Reading {
  readonly packets: readonly CapturedPacket[];
  readonly problem: CaptureProblem | null;
}

/** Reads a file that comes in pieces of these sizes, in turn; the last size again and again. */
export function readCapture(file: Uint8Array, sizes: readonly number[] = [file.length]): Reading {
  const capture = new CaptureFile();
  const packets: CapturedPacket[] = [];
  const drain = () => {
    for (let packet = capture.next(); packet !== null; packet = capture.next()) packets.push(packet);
  };
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const size = Math.max(1, sizes[Math.min(turn, sizes.length - 1)] ?? 1);
    capture.push(file.slice(at, at + size));
    drain();
    at += size;
  }
  capture.end();
  drain();
  return { packets, problem: capture.problem };
}

/** A packet without its surroundings. */
export function packetOf(
  linkType: number,
  bytes: Uint8Array,
  originalLength: number = bytes.length,
): CapturedPacket {
  return {
    number: 1,
    timeUs: 0,
    seconds: 0,
    nanoseconds: 0,
    hasTime: true,
    bytes,
    originalLength,
    interface: { section: 0, index: 0, name: null, linkType, snapLength: 0 },
    direction: null,
    comments: [],
  };
}

const dissector = new Dissector();

/** The segment of a packet, or why there is none. */
export function dissected(packet: CapturedPacket): DissectedSegment | SkipReason {
  const out = new DissectedSegment();
  return dissector.dissect(packet, out) ?? out;
}
