/**
 * A capture ring whose kernel and whose libpcap the test plays, on memory of the test's own.
 *
 * Owns: both of them, the frames, and the reader between. Must not know: what is tested with it.
 */

import { assert } from "@std/assert";
import { CaptureRing, SLOT_WORDS } from "../../ffi/capture_ring.ts";
import { type FrameSource, READ } from "../../ffi/frame_source.ts";
import { addressOf } from "../../ffi/native_memory.ts";
import { TPACKET, TPACKET2_HDR } from "../../ffi/packet_layouts.ts";
import { RingReader } from "../../ffi/ring_reader.ts";
import { WholeFrames } from "../../ffi/whole_frames.ts";
import { withoutLibpcap } from "./native_library.ts";

const PAGE_BYTES = 4096;
/** Where frames begin in their slots, as Linux lays them out for Ethernet. */
export const FRAME_OFFSET = 82;
const US_PER_SECOND = 1_000_000;

export interface Put {
  readonly bytes: Uint8Array;
  /** As the frame was on the wire, where that is more. */
  readonly wireBytes?: number;
  readonly tag?: { readonly tpid: number; readonly tci: number };
}

/** Bytes of {@link Kernel.put} that a slot of a ring of small slots has room for. */
export function roomOf(slotBytes: number): number {
  return slotBytes - FRAME_OFFSET;
}

/** Linux's side of a ring: slots of one size, filled in order, as long as they are free. */
export class Kernel {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array;
  readonly slots: number;
  drops = 0;
  /** Frames that do not fit a slot, whole; as many as {@link Kernel.queueFrames}. */
  readonly queue: Uint8Array[] = [];
  queueFrames = Infinity;
  #head = 0;
  /** When the last frame came. */
  timeUs = 1_800_000_000 * US_PER_SECOND;
  readonly #slotBytes: number;
  readonly #blockBytes: number;

  constructor(options: { slotBytes: number; blocks: number }) {
    this.#slotBytes = options.slotBytes;
    let blockBytes = PAGE_BYTES;
    while (blockBytes < options.slotBytes) blockBytes *= 2;
    this.#blockBytes = blockBytes;
    this.memory = new Uint8Array(blockBytes * options.blocks);
    this.words = new Int32Array(this.memory.buffer);
    this.slots = Math.floor(blockBytes / options.slotBytes) * options.blocks;
  }

  /** Where a slot begins, in bytes. */
  byteOf(slot: number): number {
    const perBlock = Math.floor(this.#blockBytes / this.#slotBytes);
    return Math.floor(slot / perBlock) * this.#blockBytes + slot % perBlock * this.#slotBytes;
  }

  statusOf(slot: number): number {
    return this.words[this.byteOf(slot) / 4 + SLOT_WORDS.status];
  }

  put({ bytes: whole, wireBytes = whole.length, tag }: Put): boolean {
    const bytes = whole.subarray(0, roomOf(this.#slotBytes));
    const at = this.byteOf(this.#head);
    const view = new DataView(this.memory.buffer, at);
    if (view.getUint32(TPACKET2_HDR.status, true) !== TPACKET.statusKernel) {
      this.drops++;
      return false;
    }
    this.timeUs += 3;
    this.memory.set(bytes, at + FRAME_OFFSET);
    view.setUint32(TPACKET2_HDR.length, wireBytes, true);
    view.setUint32(TPACKET2_HDR.snaplen, bytes.length, true);
    view.setUint16(TPACKET2_HDR.mac, FRAME_OFFSET, true);
    view.setUint16(TPACKET2_HDR.net, FRAME_OFFSET + 14, true);
    view.setUint32(TPACKET2_HDR.sec, Math.floor(this.timeUs / US_PER_SECOND), true);
    view.setUint32(TPACKET2_HDR.nsec, this.timeUs % US_PER_SECOND * 1000 + 345, true);
    view.setUint16(TPACKET2_HDR.vlanTci, tag?.tci ?? 0, true);
    view.setUint16(TPACKET2_HDR.vlanTpid, tag?.tpid ?? 0, true);
    const tagBits = tag === undefined ? 0 : TPACKET.statusVlanValid | TPACKET.statusVlanTpidValid;
    const isQueued = bytes.length < whole.length && this.queue.length < this.queueFrames;
    if (isQueued) this.queue.push(whole.slice());
    const copyBit = isQueued ? TPACKET.statusCopy : 0;
    view.setUint32(TPACKET2_HDR.status, TPACKET.statusUser | tagBits | copyBit, true);
    this.#head = (this.#head + 1) % this.slots;
    return true;
  }

  /** What `recv` does, with the length told where the frame is longer than the memory for it. */
  readQueue(into: Uint8Array): number {
    const frame = this.queue.shift();
    if (frame === undefined) return -1;
    into.set(frame.subarray(0, into.length));
    return frame.length;
  }
}

/** libpcap's side: its own place in the ring, one buffer for all frames. */
export class Libpcap implements FrameSource {
  frame = new Uint8Array(0x10000);
  lengthBytes = 0;
  wireBytes = 0;
  capturedUs = 0;
  reads = 0;
  /** What it hands on of a frame at most; a little less than a slot has room for. */
  snaplen = Infinity;
  isClosed = false;
  /** Called before it looks. */
  beforeLook: () => void = () => {};
  /** Which frames it delivers; the others it gives back without a word. */
  delivers: (frame: Uint8Array) => boolean = () => true;
  readonly #kernel: Kernel;
  #slot = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  next(): number {
    this.beforeLook();
    for (;;) {
      const at = this.#kernel.byteOf(this.#slot);
      const view = new DataView(this.#kernel.memory.buffer, at);
      if (view.getUint32(TPACKET2_HDR.status, true) === TPACKET.statusKernel) return READ.nothing;
      this.lengthBytes = view.getUint32(TPACKET2_HDR.snaplen, true);
      this.wireBytes = view.getUint32(TPACKET2_HDR.length, true);
      this.capturedUs = view.getUint32(TPACKET2_HDR.sec, true) * US_PER_SECOND +
        Math.floor(view.getUint32(TPACKET2_HDR.nsec, true) / 1000);
      const bytes = this.#kernel.memory.subarray(at + FRAME_OFFSET, at + FRAME_OFFSET + this.lengthBytes);
      if ((view.getUint32(TPACKET2_HDR.status, true) & TPACKET.statusVlanValid) === 0) this.frame.set(bytes);
      else this.#setTagged(bytes, view);
      this.lengthBytes = Math.min(this.lengthBytes, this.snaplen);
      view.setUint32(TPACKET2_HDR.status, TPACKET.statusKernel, true);
      this.#slot = (this.#slot + 1) % this.#kernel.slots;
      if (!this.delivers(this.frame.subarray(0, this.lengthBytes))) continue;
      this.reads++;
      return READ.frame;
    }
  }

  #setTagged(bytes: Uint8Array, slot: DataView): void {
    this.frame.set(bytes.subarray(0, 12));
    this.frame.set(bytes.subarray(12), 16);
    const frame = new DataView(this.frame.buffer);
    frame.setUint16(12, slot.getUint16(TPACKET2_HDR.vlanTpid, true));
    frame.setUint16(14, slot.getUint16(TPACKET2_HDR.vlanTci, true));
    this.lengthBytes += 4;
    this.wireBytes += 4;
  }

  close(): void {
    this.isClosed = true;
  }
}

export interface Scene {
  readonly kernel: Kernel;
  readonly libpcap: Libpcap;
  readonly reader: RingReader;
  readonly wholeFrames: WholeFrames | null;
}

export function scene(
  options: { slotBytes?: number; blocks?: number; mayTakeOver?: () => boolean; queues?: boolean } = {},
): Scene {
  const kernel = new Kernel({ slotBytes: options.slotBytes ?? 1840, blocks: options.blocks ?? 20 });
  const libpcap = new Libpcap(kernel);
  const ring = new CaptureRing({
    bytes: kernel.memory.buffer,
    address: addressOf(kernel.memory),
    pageBytes: PAGE_BYTES,
  });
  const wholeFrames = options.queues ? new WholeFrames((into) => kernel.readQueue(into)) : null;
  const mayTakeOver = options.mayTakeOver ?? (() => true);
  const reader = new RingReader(libpcap, ring, { mayTakeOver, wholeFrames });
  return { kernel, libpcap, wholeFrames, reader };
}

export function numbered(count: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(count * 7);
  new DataView(bytes.buffer).setUint32(0, count);
  return bytes;
}

export function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

/** Reads until there is nothing; the frames. */
export function drain(reader: RingReader): Uint8Array[] {
  const frames: Uint8Array[] = [];
  while (reader.next() === READ.frame) frames.push(reader.frame.slice(0, reader.lengthBytes));
  return frames;
}

/** Lets so many frames pass that the reader takes over. */
export function takeOver({ kernel, reader }: Scene): void {
  for (let n = 0; n < 12; n++) kernel.put({ bytes: numbered(0) });
  drain(reader);
  assert(reader.isTaking);
}

export function test(name: string, body: () => void): void {
  Deno.test({ name: `ring reader: ${name}${withoutLibpcap}`, ignore: withoutLibpcap !== "", fn: body });
}
