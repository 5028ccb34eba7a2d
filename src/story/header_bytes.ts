/**
 * A segment's TCP header as bytes (RFC 9293 §3.1): as it was captured, else put together again from what is known of it.
 *
 * Owns: both, and storing a captured one beside the fields that say most of it already. Must not know: what a field means
 * (header_fields.ts).
 */
import { portOf } from "../wire/address.ts";
import { bytesOfHex, hexOf } from "../wire/hex.ts";
import { emitTcp, TCP, TcpSegment } from "../wire/tcp.ts";
import type { StorySegment } from "./story_segment.ts";

/** Between which addresses it went, `IP:PORT`. */
export interface Way {
  readonly source: string;
  readonly destination: string;
}

/** A header as a string of its bytes, which takes a third of the memory of an array. */
export function headerString(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, TCP.MAX_HEADER_BYTES));
}

/** The header's bytes. What nobody kept is 0: see {@link StorySegment.header}. */
export function headerBytes(segment: StorySegment, way: Way): Uint8Array {
  const { header } = segment;
  return header === undefined ? rebuiltBytes(segment, way) : bytesOf(header);
}

/**
 * A captured header as what differs from the one that is put together again, in hexadecimal: its length, where the
 * difference begins, and the difference (exclusive or). For most segments that is the checksum.
 */
export function packedHeader(segment: StorySegment, way: Way): string | undefined {
  const { header } = segment;
  if (header === undefined) return undefined;
  const differs = exclusiveOr(bytesOf(header), rebuiltBytes(segment, way));
  const first = differs.findIndex((byte) => byte !== 0);
  if (first < 0) return hexOf(Uint8Array.of(header.length, 0));
  const last = differs.findLastIndex((byte) => byte !== 0);
  return hexOf(Uint8Array.of(header.length, first, ...differs.subarray(first, last + 1)));
}

/** The captured header again; `segment` is the one that it was packed with, but for its header. */
export function unpackedHeader(
  packed: string,
  { segment, way }: { segment: StorySegment; way: Way },
): string {
  const bytes = packed.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  const [length = 0, first = 0, ...differs] = bytes;
  const whole = new Uint8Array(Math.min(length, TCP.MAX_HEADER_BYTES));
  whole.set(differs.slice(0, Math.max(0, whole.length - first)), Math.min(first, whole.length));
  return headerString(exclusiveOr(whole, rebuiltBytes(segment, way)));
}

/** As long as the first. */
function exclusiveOr(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ (other[at] ?? 0));
}

function bytesOf(header: string): Uint8Array {
  return Uint8Array.from(header, (letter) => letter.charCodeAt(0));
}

/** Without what nobody kept: the checksum, the urgent pointer; options in the order in which tcplab writes them. */
function rebuiltBytes(segment: StorySegment, way: Way): Uint8Array {
  const bytes = new Uint8Array(TCP.MAX_HEADER_BYTES);
  return bytes.subarray(0, emitTcp(bytes, 0, wireSegment(segment, way)));
}

function wireSegment(
  { seq, ack, flags, window, options }: StorySegment,
  { source, destination }: Way,
): TcpSegment {
  const segment = new TcpSegment();
  segment.sourcePort = portOf(source);
  segment.destinationPort = portOf(destination);
  segment.seq = seq;
  segment.ack = ack;
  segment.flags = flags;
  segment.window = window;
  const { mss, windowScale, sackPermitted, sack = [], timestamps, fastOpen } = options;
  segment.mss = mss ?? -1;
  segment.windowScale = windowScale ?? -1;
  segment.sackPermitted = sackPermitted === true;
  segment.hasTimestamps = timestamps !== undefined;
  segment.tsValue = timestamps?.value ?? 0;
  segment.tsEcho = timestamps?.echo ?? 0;
  if (fastOpen !== undefined) {
    segment.fastOpenCookie = bytesOfHex(fastOpen.cookie) ?? new Uint8Array(0);
    segment.fastOpen = segment.fastOpenCookie.length;
    segment.isFastOpenExperimental = fastOpen.experimental === true;
  }
  // As many as fit beside the others.
  const most = Math.min(sack.length, segment.hasTimestamps ? 3 : 4);
  segment.sackBlockCount = most;
  sack.slice(0, most).forEach(([left, right], at) => segment.sackBlocks.set([left, right], at * 2));
  return segment;
}
