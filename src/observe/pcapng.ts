/**
 * The pcapng file format: blocks as bytes.
 *
 * Owns: section header, interface description, enhanced packet and interface statistics blocks, little-endian, with
 * the options that tcplab uses. Must not know: files, clocks, what a packet says.
 *
 * Source: draft-ietf-opsawg-pcapng §3 (block, options), §4.1 to §4.3 and §4.5 (the blocks).
 */

const BLOCK = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 0x00000001,
  INTERFACE_STATISTICS: 0x00000005,
  ENHANCED_PACKET: 0x00000006,
} as const;

/** Tells a reader which byte order the section is in. */
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const VERSION = { MAJOR: 1, MINOR: 0 } as const;
const LINK_TYPE_ETHERNET = 0x0001;

/** Offsets in an enhanced packet block; the options follow the padded packet, the block's length closes it. */
const PACKET = {
  TYPE: 0,
  TOTAL_LENGTH: 4,
  INTERFACE: 8,
  TIMESTAMP_HIGH: 12,
  TIMESTAMP_LOW: 16,
  CAPTURED_LENGTH: 20,
  ORIGINAL_LENGTH: 24,
  DATA: 28,
} as const;

/** Option codes; those below 2 are the same in every block. */
const OPTION = {
  END: 0x0000,
  COMMENT: 0x0001,
  SHB_HARDWARE: 0x0002,
  SHB_OS: 0x0003,
  SHB_APPLICATION: 0x0004,
  IF_NAME: 0x0002,
  IF_MAC: 0x0006,
  IF_TSRESOL: 0x0009,
  IF_FILTER: 0x000b,
  EPB_FLAGS: 0x0002,
  ISB_RECEIVED: 0x0004,
  ISB_DROPPED: 0x0005,
} as const;

/** Bits 0 and 1 of epb_flags. */
const DIRECTION = { in: 0x00000001, out: 0x00000002 } as const;

/** if_tsresol: 10^-6 seconds. */
const MICROSECONDS = 0x06;
/** if_filter begins with what kind of filter it is: a libpcap expression. */
const FILTER_IS_TEXT = 0x00;

/** Nothing longer is recorded of one frame, unless less is asked for; tcpdump's own bound, far above the 64 KiB of a large segment. */
export const SNAP_LENGTH = 262144;
/** A longer comment is cut; local choice: several lines of text, and ten of them still fit any buffer. */
export const MAX_COMMENT_BYTES = 1024;

/** What a file says of the program that wrote it. */
interface SectionInfo {
  readonly application: string;
  readonly os?: string;
  readonly hardware?: string;
  readonly comment?: string;
}

/** The section header block, with which a file begins. */
export function sectionHeaderBlock(info: SectionInfo): Uint8Array {
  const block = new BlockBuilder(BLOCK.SECTION_HEADER);
  block.u32(BYTE_ORDER_MAGIC);
  block.u16(VERSION.MAJOR);
  block.u16(VERSION.MINOR);
  // The section's length: not known yet (all ones, 64 bits).
  block.u32(0xffffffff);
  block.u32(0xffffffff);
  block.textOption(OPTION.COMMENT, info.comment);
  block.textOption(OPTION.SHB_HARDWARE, info.hardware);
  block.textOption(OPTION.SHB_OS, info.os);
  block.textOption(OPTION.SHB_APPLICATION, info.application);
  return block.finish();
}

/** The device that the packets were seen on. */
interface InterfaceInfo {
  readonly name: string;
  /** 6 bytes. */
  readonly mac?: Uint8Array;
  /** The capture filter, as an expression. */
  readonly filter?: string;
  /** So much is recorded of a frame at most; {@link SNAP_LENGTH} when absent. */
  readonly snapBytes?: number;
}

/** The interface description block: Ethernet, timestamps in microseconds. The first one in a file is interface 0. */
export function interfaceBlock(info: InterfaceInfo): Uint8Array {
  const block = new BlockBuilder(BLOCK.INTERFACE_DESCRIPTION);
  block.u16(LINK_TYPE_ETHERNET);
  block.u16(0);
  block.u32(info.snapBytes ?? SNAP_LENGTH);
  block.textOption(OPTION.IF_NAME, info.name);
  if (info.mac !== undefined) block.option(OPTION.IF_MAC, info.mac);
  block.option(OPTION.IF_TSRESOL, Uint8Array.of(MICROSECONDS));
  if (info.filter !== undefined && info.filter !== "") {
    const text = encodeText(info.filter);
    const value = new Uint8Array(text.length + 1);
    value[0] = FILTER_IS_TEXT;
    value.set(text, 1);
    block.option(OPTION.IF_FILTER, value);
  }
  return block.finish();
}

/** Counters of interface 0 at the end of a file. */
interface StatisticsInfo {
  /** Microseconds since 1970. */
  readonly timestampUs: number;
  readonly received?: number;
  readonly dropped?: number;
  /** As {@link encodeComment} makes them. */
  readonly comments?: readonly Uint8Array[];
}

/** The interface statistics block. */
export function statisticsBlock(info: StatisticsInfo): Uint8Array {
  const block = new BlockBuilder(BLOCK.INTERFACE_STATISTICS);
  block.u32(0);
  block.u32(Math.floor(info.timestampUs / 0x100000000));
  block.u32(info.timestampUs);
  for (const comment of info.comments ?? []) block.option(OPTION.COMMENT, comment);
  if (info.received !== undefined) block.u64Option(OPTION.ISB_RECEIVED, info.received);
  if (info.dropped !== undefined) block.u64Option(OPTION.ISB_DROPPED, info.dropped);
  return block.finish();
}

/** One frame of interface 0. */
export interface PacketInfo {
  readonly frame: Uint8Array;
  /** Bytes of `frame` that count. */
  readonly length: number;
  /** Microseconds since 1970. */
  readonly timestampUs: number;
  readonly direction: "in" | "out";
  /** So much is recorded of it at most; {@link SNAP_LENGTH} when absent. */
  readonly snapBytes?: number;
  /** As {@link encodeComment} makes them. */
  readonly comments: readonly Uint8Array[];
}

/** Length in bytes of the block that {@link emitPacketBlock} writes. */
export function packetBlockLength(packet: PacketInfo): number {
  const options = packet.comments.reduce((sum, comment) => sum + 4 + padded(comment.length), 4 + 4 + 4);
  return PACKET.DATA + padded(capturedBytes(packet)) + options + 4;
}

function capturedBytes({ length, snapBytes = SNAP_LENGTH }: PacketInfo): number {
  return Math.min(length, snapBytes);
}

/** Writes the enhanced packet block at `offset` of `into`, and returns its length; the room must be there. */
export function emitPacketBlock(into: Uint8Array, offset: number, packet: PacketInfo): number {
  const captured = capturedBytes(packet);
  const total = packetBlockLength(packet);
  put32(into, offset + PACKET.TYPE, BLOCK.ENHANCED_PACKET);
  put32(into, offset + PACKET.TOTAL_LENGTH, total);
  put32(into, offset + PACKET.INTERFACE, 0);
  put32(into, offset + PACKET.TIMESTAMP_HIGH, Math.floor(packet.timestampUs / 0x100000000));
  put32(into, offset + PACKET.TIMESTAMP_LOW, packet.timestampUs);
  put32(into, offset + PACKET.CAPTURED_LENGTH, captured);
  put32(into, offset + PACKET.ORIGINAL_LENGTH, packet.length);
  into.set(packet.frame.subarray(0, captured), offset + PACKET.DATA);
  let at = offset + PACKET.DATA + captured;
  at = putPadding(into, at, captured);
  for (const comment of packet.comments) at = putOption(into, at, OPTION.COMMENT, comment);
  at = putOptionHead(into, at, OPTION.EPB_FLAGS, 4);
  at = put32(into, at, DIRECTION[packet.direction]);
  at = putOptionHead(into, at, OPTION.END, 0);
  put32(into, at, total);
  return total;
}

/** A comment as UTF-8, cut at {@link MAX_COMMENT_BYTES}. */
export function encodeComment(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.min(MAX_COMMENT_BYTES, text.length * 3));
  return bytes.subarray(0, encoder.encodeInto(text, bytes).written);
}

const encoder = new TextEncoder();

/** An option's length field has 16 bits. */
function encodeText(text: string): Uint8Array {
  return encoder.encode(text).subarray(0, 0xfff0);
}

/** Everything in a block stands at a multiple of 4 bytes. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

function put16(into: Uint8Array, at: number, value: number): number {
  into[at] = value;
  into[at + 1] = value >>> 8;
  return at + 2;
}

function put32(into: Uint8Array, at: number, value: number): number {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
  return at + 4;
}

function putPadding(into: Uint8Array, at: number, length: number): number {
  const end = at + padded(length) - length;
  into.fill(0, at, end);
  return end;
}

function putOptionHead(into: Uint8Array, at: number, code: number, length: number): number {
  put16(into, at, code);
  return put16(into, at + 2, length);
}

function putOption(into: Uint8Array, at: number, code: number, value: Uint8Array): number {
  const start = putOptionHead(into, at, code, value.length);
  into.set(value, start);
  return putPadding(into, start + value.length, value.length);
}

/** Builds the blocks of which a file holds few: each into memory of its own. */
class BlockBuilder {
  #bytes = new Uint8Array(256);
  #length = 8;
  #hasOptions = false;

  constructor(type: number) {
    put32(this.#bytes, 0, type);
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = put16(this.#bytes, this.#length, value);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = put32(this.#bytes, this.#length, value);
  }

  option(code: number, value: Uint8Array): void {
    this.#reserve(8 + value.length);
    this.#length = putOption(this.#bytes, this.#length, code, value);
    this.#hasOptions = true;
  }

  textOption(code: number, text: string | undefined): void {
    if (text !== undefined && text !== "") this.option(code, encodeText(text));
  }

  u64Option(code: number, value: number): void {
    const bytes = new Uint8Array(8);
    put32(bytes, 0, value);
    put32(bytes, 4, Math.floor(value / 0x100000000));
    this.option(code, bytes);
  }

  finish(): Uint8Array {
    if (this.#hasOptions) this.option(OPTION.END, new Uint8Array(0));
    const total = this.#length + 4;
    this.u32(total);
    put32(this.#bytes, 4, total);
    return this.#bytes.subarray(0, total);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array((this.#length + count) * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
