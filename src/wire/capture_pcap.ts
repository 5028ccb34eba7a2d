/**
 * The classic capture format, as libpcap writes it.
 *
 * Owns: file header and record headers in both byte orders, microseconds and nanoseconds, and the longer records of the modified
 * format. Must not know: what is in a packet, where the bytes come from.
 *
 * Source: draft-ietf-opsawg-pcap §4 (file header) and §5 (packet record); for older versions libpcap's savefile(5).
 */
import type { ByteQueue } from "./byte_queue.ts";
import { readU16, readU32 } from "./bytes.ts";
import {
  type CapturedPacket,
  type CaptureFormat,
  type CaptureInterface,
  type CaptureProblem,
  type CaptureTime,
  MAX_RECORD_BYTES,
  microsecondsOf,
} from "./capture_packet.ts";
import { readU16Little, readU32Little } from "./little_endian.ts";

/** The first four bytes of a file in the order of whoever wrote it. */
const MAGIC = {
  MICROSECONDS: 0xa1b2c3d4,
  NANOSECONDS: 0xa1b23c4d,
  /** Alexey Kuznetsov's patch, on Linux at the turn of the century: 8 bytes more in each record. */
  MODIFIED: 0xa1b2cd34,
} as const;
const MAGICS: readonly number[] = Object.values(MAGIC);

/** Offsets in the file header. */
const FILE = { MAJOR: 4, MINOR: 6, SNAP_LENGTH: 16, LINK_TYPE: 20, HEADER_BYTES: 24 } as const;
/** The upper bits of the link type say how long the frame check sequence is. */
const LINK_TYPE_MASK = 0x03ffffff;
/** The only version of the format there has been since 1998 is 2.4; the first digit has always been this. */
const VERSION = { MAJOR: 2, LENGTHS_SWAPPED_BELOW: 3 } as const;

/** Offsets in the header of a record. */
const RECORD = {
  SECONDS: 0,
  FRACTION: 4,
  CAPTURED_LENGTH: 8,
  ORIGINAL_LENGTH: 12,
  HEADER_BYTES: 16,
  MODIFIED_HEADER_BYTES: 24,
} as const;

const NO_COMMENTS: readonly string[] = [];
const NANOS_PER_SECOND = 1e9;

/** Whether a file that begins with these four bytes is one of this format: true for little-endian ones, false for others; else null. */
export function pcapByteOrder(bytes: Uint8Array, offset: number): "little" | "big" | null {
  if (MAGICS.includes(readU32Little(bytes, offset))) return "little";
  return MAGICS.includes(readU32(bytes, offset)) ? "big" : null;
}

/** Reads the records of a file of which the first four bytes have been looked at, and not taken. */
export class PcapReader implements CaptureFormat {
  problem: CaptureProblem | null = null;
  readonly dropped = null;
  readonly #queue: ByteQueue;
  readonly #u16: (bytes: Uint8Array, offset: number) => number;
  readonly #u32: (bytes: Uint8Array, offset: number) => number;
  readonly #time: CaptureTime = { seconds: 0, nanoseconds: 0 };
  #interface: CaptureInterface | null = null;
  #nanosPerTick = 1000;
  #recordHeaderBytes: number = RECORD.HEADER_BYTES;
  #minor = 0;
  #count = 0;

  constructor(queue: ByteQueue, order: "little" | "big") {
    this.#queue = queue;
    this.#u16 = order === "little" ? readU16Little : readU16;
    this.#u32 = order === "little" ? readU32Little : readU32;
  }

  next(): CapturedPacket | null {
    if (this.problem !== null) return null;
    const source = this.#interface ?? this.#readFileHeader();
    return source === null ? null : this.#readRecord(source);
  }

  atEnd(): CaptureProblem | null {
    const { available, position: offset } = this.#queue;
    if (this.#interface === null) {
      return { kind: "cut", text: "it ends in the header of the file", offset };
    }
    if (available === 0) return null;
    return { kind: "cut", text: `it ends in the middle of packet ${this.#count + 1}`, offset };
  }

  #readFileHeader(): CaptureInterface | null {
    const queue = this.#queue;
    if (!queue.ensure(FILE.HEADER_BYTES)) return null;
    const { buffer, offset } = queue;
    const magic = this.#u32(buffer, offset);
    const major = this.#u16(buffer, offset + FILE.MAJOR);
    this.#minor = this.#u16(buffer, offset + FILE.MINOR);
    if (major !== VERSION.MAJOR) {
      const text = `it is a pcap of version ${major}.${this.#minor}, and only ${VERSION.MAJOR}.x is known`;
      this.problem = { kind: "unsupported", text, offset: FILE.MAJOR };
      return null;
    }
    if (magic === MAGIC.NANOSECONDS) this.#nanosPerTick = 1;
    if (magic === MAGIC.MODIFIED) this.#recordHeaderBytes = RECORD.MODIFIED_HEADER_BYTES;
    this.#interface = {
      section: 0,
      index: 0,
      name: null,
      linkType: this.#u32(buffer, offset + FILE.LINK_TYPE) & LINK_TYPE_MASK,
      snapLength: this.#u32(buffer, offset + FILE.SNAP_LENGTH),
    };
    queue.take(FILE.HEADER_BYTES);
    return this.#interface;
  }

  #readRecord(source: CaptureInterface): CapturedPacket | null {
    const queue = this.#queue;
    const headerBytes = this.#recordHeaderBytes;
    if (!queue.ensure(headerBytes)) return null;
    const at = queue.offset;
    let captured = this.#u32(queue.buffer, at + RECORD.CAPTURED_LENGTH);
    let original = this.#u32(queue.buffer, at + RECORD.ORIGINAL_LENGTH);
    const { LENGTHS_SWAPPED_BELOW } = VERSION;
    const areSwapped = this.#minor < LENGTHS_SWAPPED_BELOW ||
      (this.#minor === LENGTHS_SWAPPED_BELOW && captured > original);
    if (areSwapped) [captured, original] = [original, captured];
    if (captured > MAX_RECORD_BYTES) {
      const text = `packet ${this.#count + 1} says that it is ${captured} bytes long, which no packet is`;
      this.problem = { kind: "damaged", text, offset: queue.position };
      return null;
    }
    if (!queue.ensure(headerBytes + captured)) return null;
    const { buffer, offset } = queue;
    this.#readTime(buffer, offset);
    const start = offset + headerBytes;
    queue.take(headerBytes + captured);
    const { seconds, nanoseconds } = this.#time;
    return {
      number: ++this.#count,
      timeUs: microsecondsOf(this.#time),
      seconds,
      nanoseconds,
      hasTime: true,
      bytes: buffer.subarray(start, start + captured),
      // Some writers leave 0 there, or less than they kept.
      originalLength: original < captured ? captured : original,
      interface: source,
      direction: null,
      comments: NO_COMMENTS,
    };
  }

  /** A fraction of a second or more, which no writer means, is carried. */
  #readTime(buffer: Uint8Array, offset: number): void {
    const time = this.#time;
    time.seconds = this.#u32(buffer, offset + RECORD.SECONDS);
    time.nanoseconds = this.#u32(buffer, offset + RECORD.FRACTION) * this.#nanosPerTick;
    if (time.nanoseconds < NANOS_PER_SECOND) return;
    time.seconds += Math.floor(time.nanoseconds / NANOS_PER_SECOND);
    time.nanoseconds %= NANOS_PER_SECOND;
  }
}
