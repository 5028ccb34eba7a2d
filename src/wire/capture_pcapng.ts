/**
 * The pcapng capture format, read.
 *
 * Owns: the walk over blocks, sections of either byte order, interfaces, the three kinds of packet block, comments. Must not know:
 * what is in a packet, where the bytes come from. observe/pcapng.ts writes the format.
 *
 * Source: draft-ietf-opsawg-pcapng §3 (blocks, options), §4.1 to §4.4 (section header, interface description, enhanced and simple packet), appendix A
 * (the obsolete packet block). Blocks of other kinds are passed over, as §3.1 wants it, without being kept.
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
import { TickClock } from "./capture_ticks.ts";
import { readU16Little, readU32Little } from "./little_endian.ts";

const BLOCK = {
  /** The same in both byte orders. */
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 0x00000001,
  OBSOLETE_PACKET: 0x00000002,
  SIMPLE_PACKET: 0x00000003,
  INTERFACE_STATISTICS: 0x00000005,
  ENHANCED_PACKET: 0x00000006,
} as const;
/**
 * Blocks that are no packets, and are frames to Wireshark nevertheless, with a number each: custom blocks, entries of systemd's journal, events of
 * sysdig. They are counted here too, so that a number means the same frame.
 */
const NUMBERED_BLOCKS: readonly number[] = [0x0bad, 0x40000bad, 0x09, 0x204, 0x208, 0x216, 0x221];
/** Type and length before the body, the length again behind it. */
const FRAME = { TYPE: 0, LENGTH: 4, BODY: 8, TRAILER_BYTES: 4, LEAST_BYTES: 12 } as const;

/** Offsets in the blocks, counted from their first byte, and where fixed fields end. */
const SECTION = { MAGIC: 8, MAJOR: 12, MINOR: 14, LEAST_BYTES: 28 } as const;
const INTERFACE = { LINK_TYPE: 8, SNAP_LENGTH: 12, OPTIONS: 16 } as const;
const ENHANCED = { INTERFACE: 8, HIGH: 12, LOW: 16, CAPTURED: 20, ORIGINAL: 24, DATA: 28 } as const;
const OBSOLETE = { INTERFACE: 8, HIGH: 12, LOW: 16, CAPTURED: 20, ORIGINAL: 24, DATA: 28 } as const;
const STATISTICS = { INTERFACE: 8, OPTIONS: 20 } as const;
const SIMPLE = { ORIGINAL: 8, DATA: 12 } as const;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const MAJOR_VERSION = 1;

/** Option codes. */
const OPTION = {
  END: 0x0000,
  COMMENT: 0x0001,
  IF_NAME: 0x0002,
  IF_TSRESOL: 0x0009,
  IF_TSOFFSET: 0x000e,
  PACKET_FLAGS: 0x0002,
  DROPPED_BY_INTERFACE: 0x0005,
  DROPPED_BY_SYSTEM: 0x0007,
} as const;
/** Bits 0 and 1 of the packet's flags; 0 and 3 say nothing. */
const DIRECTIONS = [null, "in", "out", null] as const;

/** Local choice: as many interfaces as the obsolete packet block can number; a file of nothing else must not fill the memory. */
const MAX_INTERFACES = 0x10000;

/** Local choice: four times what Linux allows, and what Windows' longest need; a name may be of 64 kB, and belong to each of all these. */
const MOST_NAME_LETTERS = 64;
/** Local choice: some lines of a window. A comment may be of 64 kB. */
const MOST_COMMENT_LETTERS = 500;
/** Of a letter in UTF-8 (RFC 3629 §3). */
const MOST_LETTER_BYTES = 4;

const NO_COMMENTS: readonly string[] = [];
const text = new TextDecoder();

interface Interface {
  readonly description: CaptureInterface;
  readonly clock: TickClock;
  /** As its last statistics say; -1 without any. */
  dropped: number;
}

/** What a packet block says, before it is a packet. */
interface PacketFields {
  readonly source: Interface;
  readonly captured: number;
  readonly original: number;
  readonly dataOffset: number;
}

/** Whether a file that begins with these four bytes is of this format. */
export function isPcapng(bytes: Uint8Array, offset: number): boolean {
  return readU32(bytes, offset) === BLOCK.SECTION_HEADER;
}

/** Reads the blocks of a file of which the first four bytes have been looked at, and not taken. */
export class PcapngReader implements CaptureFormat {
  problem: CaptureProblem | null = null;
  readonly #queue: ByteQueue;
  #u16 = readU16Little;
  #u32 = readU32Little;
  readonly #time: CaptureTime = { seconds: 0, nanoseconds: 0 };
  #interfaces: Interface[] = [];
  #section = -1;
  #count = 0;
  /** Of the sections that are over; -1 where none had statistics. */
  #droppedBefore = -1;
  /** Where the block that was passed over last begins. */
  #skippedFrom = 0;
  /** Of the options that were read last. */
  #comments: string[] | null = null;

  constructor(queue: ByteQueue) {
    this.#queue = queue;
  }

  next(): CapturedPacket | null {
    const queue = this.#queue;
    while (this.problem === null && queue.ensure(FRAME.LEAST_BYTES)) {
      const { buffer, offset } = queue;
      const type = this.#u32(buffer, offset + FRAME.TYPE);
      // Only a section's header says in which order its length is.
      if (type === BLOCK.SECTION_HEADER && !this.#takeByteOrder(buffer, offset)) return null;
      const length = this.#u32(buffer, offset + FRAME.LENGTH);
      if (length < FRAME.LEAST_BYTES) return this.#damaged(`a block says that it is ${length} bytes long`);
      // Some writers do not count the padding.
      const blockBytes = Math.ceil(length / 4) * 4;
      if (!isRead(type)) {
        this.#skippedFrom = queue.position;
        queue.skip(blockBytes);
        if (NUMBERED_BLOCKS.includes(type)) this.#count += 1;
        continue;
      }
      if (blockBytes > MAX_RECORD_BYTES) {
        return this.#damaged(`a block says that it is ${length} bytes long, which none with a packet is`);
      }
      if (!queue.ensure(blockBytes)) return null;
      const packet = this.#readBlock(type, length, blockBytes);
      if (this.problem !== null) return null;
      queue.take(blockBytes);
      if (packet !== null) return packet;
    }
    return null;
  }

  get dropped(): number | null {
    const known = [this.#droppedBefore, ...this.#interfaces.map(({ dropped }) => dropped)].filter((one) =>
      one >= 0
    );
    return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0);
  }

  atEnd(): CaptureProblem | null {
    const { available, owed, position } = this.#queue;
    if (available === 0 && owed === 0) return null;
    const offset = owed > 0 ? this.#skippedFrom : position;
    const where = this.#count === 0 ? "before the first packet" : `after packet ${this.#count}`;
    return { kind: "cut", text: `it ends in the middle of a block, ${where}`, offset };
  }

  #damaged(what: string): null {
    const after = this.#count === 0 ? "" : `after packet ${this.#count} `;
    this.problem = { kind: "damaged", text: `${after}${what}`, offset: this.#queue.position };
    return null;
  }

  #takeByteOrder(buffer: Uint8Array, offset: number): boolean {
    if (readU32Little(buffer, offset + SECTION.MAGIC) === BYTE_ORDER_MAGIC) {
      this.#u16 = readU16Little;
      this.#u32 = readU32Little;
    } else if (readU32(buffer, offset + SECTION.MAGIC) === BYTE_ORDER_MAGIC) {
      this.#u16 = readU16;
      this.#u32 = readU32;
    } else {
      this.#damaged("a section does not say its byte order");
      return false;
    }
    return true;
  }

  #readBlock(type: number, length: number, blockBytes: number): CapturedPacket | null {
    const { buffer, offset } = this.#queue;
    const end = offset + blockBytes - FRAME.TRAILER_BYTES;
    if (this.#u32(buffer, end) !== length) {
      return this.#damaged("the two lengths of a block are not the same");
    }
    switch (type) {
      case BLOCK.SECTION_HEADER:
        return this.#beginSection(buffer, offset, blockBytes);
      case BLOCK.INTERFACE_DESCRIPTION:
        return this.#addInterface(buffer, offset, end);
      case BLOCK.INTERFACE_STATISTICS:
        return this.#takeStatistics(buffer, offset, end);
      case BLOCK.SIMPLE_PACKET:
        return this.#readSimplePacket(buffer, offset, end);
      default:
        return this.#readTimedPacket(buffer, offset, { end, isObsolete: type === BLOCK.OBSOLETE_PACKET });
    }
  }

  #beginSection(buffer: Uint8Array, offset: number, blockBytes: number): null {
    if (blockBytes < SECTION.LEAST_BYTES) return this.#damaged("the header of a section is too short");
    const major = this.#u16(buffer, offset + SECTION.MAJOR);
    if (major !== MAJOR_VERSION) {
      const version = `${major}.${this.#u16(buffer, offset + SECTION.MINOR)}`;
      const what = `a section is pcapng of version ${version}, and only ${MAJOR_VERSION}.x is known`;
      this.problem = { kind: "unsupported", text: what, offset: this.#queue.position };
      return null;
    }
    this.#section += 1;
    this.#droppedBefore = this.dropped ?? -1;
    this.#interfaces = [];
    return null;
  }

  #addInterface(buffer: Uint8Array, offset: number, end: number): null {
    if (offset + INTERFACE.OPTIONS > end) {
      return this.#damaged("the description of an interface is too short");
    }
    if (this.#interfaces.length === MAX_INTERFACES) {
      return this.#damaged(`a section has more than ${MAX_INTERFACES} interfaces`);
    }
    let name: string | null = null;
    let resolution: number | undefined;
    let offsetSeconds = 0;
    // Those of an interface are nobody's here, and must not gather.
    this.#comments = null;
    this.#walkOptions({ buffer, from: offset + INTERFACE.OPTIONS, end }, (code, at, size) => {
      if (code === OPTION.IF_NAME) {
        name = textOf(buffer.subarray(at, at + size), MOST_NAME_LETTERS).replace(/\0.*$/s, "");
      }
      if (code === OPTION.IF_TSRESOL && size === 1) resolution = buffer[at];
      else if (code === OPTION.IF_TSOFFSET && size === 8) offsetSeconds = this.#signed64(buffer, at);
    });
    const description: CaptureInterface = {
      section: this.#section,
      index: this.#interfaces.length,
      name,
      linkType: this.#u16(buffer, offset + INTERFACE.LINK_TYPE),
      snapLength: this.#u32(buffer, offset + INTERFACE.SNAP_LENGTH),
    };
    this.#interfaces.push({ description, clock: new TickClock(resolution, offsetSeconds), dropped: -1 });
    return null;
  }

  /** Counts go on from the beginning of the capture: the last ones are the whole. Those of an interface that nobody described are nobody's. */
  #takeStatistics(buffer: Uint8Array, offset: number, end: number): null {
    if (offset + STATISTICS.OPTIONS > end) return null;
    const source = this.#interfaces[this.#u32(buffer, offset + STATISTICS.INTERFACE)];
    if (source === undefined) return null;
    let dropped = -1;
    this.#walkOptions({ buffer, from: offset + STATISTICS.OPTIONS, end }, (code, at, size) => {
      const isDrop = code === OPTION.DROPPED_BY_INTERFACE || code === OPTION.DROPPED_BY_SYSTEM;
      if (isDrop && size === 8) dropped = Math.max(0, dropped) + Math.max(0, this.#signed64(buffer, at));
    });
    this.#comments = null;
    if (dropped >= 0) source.dropped = dropped;
    return null;
  }

  #signed64(buffer: Uint8Array, at: number): number {
    const first = this.#u32(buffer, at);
    const second = this.#u32(buffer, at + 4);
    const [high, low] = this.#u32 === readU32 ? [first, second] : [second, first];
    return (high | 0) * 0x100000000 + low;
  }

  /** No time and no options, and the first interface is meant; what was kept follows from its snap length. */
  #readSimplePacket(buffer: Uint8Array, offset: number, end: number): CapturedPacket | null {
    const source = this.#interfaces[0];
    if (source === undefined) return this.#damaged("a packet comes before any interface");
    if (offset + SIMPLE.DATA > end) return this.#damaged("the block of a packet is too short");
    const original = this.#u32(buffer, offset + SIMPLE.ORIGINAL);
    const { snapLength } = source.description;
    const room = end - offset - SIMPLE.DATA;
    const kept = snapLength === 0 ? original : Math.min(original, snapLength);
    this.#comments = null;
    return this.#packet(buffer, {
      source,
      captured: Math.min(kept, room),
      original,
      dataOffset: offset + SIMPLE.DATA,
    }, { hasTime: false, direction: null });
  }

  /** The enhanced block and the obsolete one differ in the size of the interface's number. */
  #readTimedPacket(
    buffer: Uint8Array,
    offset: number,
    { end, isObsolete }: { readonly end: number; readonly isObsolete: boolean },
  ): CapturedPacket | null {
    const at = isObsolete ? OBSOLETE : ENHANCED;
    const index = isObsolete
      ? this.#u16(buffer, offset + at.INTERFACE)
      : this.#u32(buffer, offset + at.INTERFACE);
    const source = this.#interfaces[index];
    if (source === undefined) {
      return this.#damaged(`a packet is of interface ${index}, which the section does not have`);
    }
    const captured = this.#u32(buffer, offset + at.CAPTURED);
    const dataOffset = offset + at.DATA;
    if (dataOffset + captured > end) return this.#damaged("a packet is longer than its block");
    source.clock.read(
      this.#u32(buffer, offset + at.HIGH),
      this.#u32(buffer, offset + at.LOW),
      this.#time,
    );
    let flags = 0;
    const from = dataOffset + Math.ceil(captured / 4) * 4;
    this.#comments = null;
    if (from < end) {
      this.#walkOptions({ buffer, from, end }, (code, valueAt, size) => {
        if (code === OPTION.PACKET_FLAGS && size === 4) flags = this.#u32(buffer, valueAt);
      });
    }
    const original = this.#u32(buffer, offset + at.ORIGINAL);
    const direction = DIRECTIONS[flags & 0x03];
    return this.#packet(buffer, { source, captured, original, dataOffset }, { hasTime: true, direction });
  }

  #packet(
    buffer: Uint8Array,
    { source, captured, original, dataOffset }: PacketFields,
    { hasTime, direction }: Pick<CapturedPacket, "hasTime" | "direction">,
  ): CapturedPacket {
    const { seconds, nanoseconds } = this.#time;
    return {
      number: ++this.#count,
      timeUs: microsecondsOf(this.#time),
      seconds,
      nanoseconds,
      hasTime,
      bytes: buffer.subarray(dataOffset, dataOffset + captured),
      originalLength: original < captured ? captured : original,
      interface: source.description,
      direction,
      comments: this.#comments ?? NO_COMMENTS,
    };
  }

  /** Hands on each option's code, and where its value is; keeps the comments. A list that breaks off ends there: the packet is good. */
  #walkOptions(
    { buffer, from, end }: { readonly buffer: Uint8Array; readonly from: number; readonly end: number },
    take: (code: number, at: number, size: number) => void,
  ): void {
    let at = from;
    while (at + 4 <= end) {
      const code = this.#u16(buffer, at);
      const size = this.#u16(buffer, at + 2);
      const value = at + 4;
      if (code === OPTION.END || value + size > end) return;
      if (code === OPTION.COMMENT) {
        (this.#comments ??= []).push(textOf(buffer.subarray(value, value + size), MOST_COMMENT_LETTERS));
      } else {
        take(code, value, size);
      }
      at = value + ((size + 3) & ~3);
    }
  }
}

/** The first letters, and a sign where there are more. Of the rest nothing is decoded: a part of a string keeps the whole of it. */
function textOf(bytes: Uint8Array, most: number): string {
  const whole = text.decode(bytes.subarray(0, (most + 1) * MOST_LETTER_BYTES));
  return whole.length > most ? `${whole.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…` : whole;
}

function isRead(type: number): boolean {
  return type === BLOCK.ENHANCED_PACKET || type === BLOCK.SECTION_HEADER ||
    type === BLOCK.INTERFACE_DESCRIPTION ||
    type === BLOCK.SIMPLE_PACKET || type === BLOCK.OBSOLETE_PACKET || type === BLOCK.INTERFACE_STATISTICS;
}
