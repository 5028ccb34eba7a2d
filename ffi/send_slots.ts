/**
 * SendSlots: memory for frames that wait to be sent together, as `sendmmsg` wants to find it.
 *
 * Owns: one slab of slots, the `mmsghdr` and `iovec` of each, the `virtio_net_hdr` before each frame.
 * Must not know: sockets, what becomes of the frames.
 *
 * All pointers are written once, when the memory is made: a frame costs one copy and one length. A large segment is not
 * copied at all: its slot holds the header, and points at the frame where it lies.
 */

import { type CutPlan, TCP_CHECKSUM_OFFSET } from "../src/link/cut_plan.ts";
import { addressOf } from "./native_memory.ts";
import { IOVEC, MMSGHDR, VNET, VNET_HDR } from "./packet_layouts.ts";

/** Two stretches of memory a message: the slot, and a frame that lies elsewhere. */
const IOVECS_PER_SLOT = 2;
const WORD_BYTES = 4;
const MESSAGE_WORDS = MMSGHDR.sizeBytes / WORD_BYTES;
const IOVEC_WORDS = IOVEC.sizeBytes / WORD_BYTES;
/** Slots begin at a multiple of a cache line. */
const LINE_BYTES = 64;

/** A fixed number of slots, filled one after another and emptied all at once. */
export class SendSlots {
  /** How many slots there are. */
  readonly capacity: number;
  /** How many hold a frame. */
  count = 0;
  /** For `sendmmsg`: the messages from slot n on, by n. */
  readonly messages: readonly Uint8Array<ArrayBuffer>[];

  readonly #prefixBytes: number;
  readonly #slotBytes: number;
  readonly #slab: Uint8Array<ArrayBuffer>;
  readonly #slabView: DataView;
  readonly #messageWords: Uint32Array;
  readonly #iovecWords: Uint32Array;
  readonly #iovecView: DataView;
  /** Referred to by pointers of the messages. */
  readonly #iovecs: Uint8Array<ArrayBuffer>;
  // Views of the array that most frames come in, by length: so that a frame makes none.
  #source: Uint8Array | null = null;
  #sourceViews: Uint8Array[] = [];
  #previous: Uint8Array | null = null;
  // The frame memory that was pointed at last.
  #pointedAt: Uint8Array | null = null;
  #pointer = 0n;

  /** `frameBytes`: the longest frame that a slot takes. `withHeader`: each frame is preceded by a `virtio_net_hdr`. */
  constructor(options: { capacity: number; frameBytes: number; withHeader: boolean }) {
    const { capacity, frameBytes } = options;
    this.capacity = capacity;
    this.#prefixBytes = options.withHeader ? VNET_HDR.sizeBytes : 0;
    this.#slotBytes = Math.ceil((this.#prefixBytes + frameBytes) / LINE_BYTES) * LINE_BYTES;
    this.#slab = new Uint8Array(capacity * this.#slotBytes);
    this.#slabView = new DataView(this.#slab.buffer);
    this.#iovecs = new Uint8Array(capacity * IOVECS_PER_SLOT * IOVEC.sizeBytes);
    this.#iovecWords = new Uint32Array(this.#iovecs.buffer);
    this.#iovecView = new DataView(this.#iovecs.buffer);
    const headers = new Uint8Array(capacity * MMSGHDR.sizeBytes);
    this.#messageWords = new Uint32Array(headers.buffer);
    const headersView = new DataView(headers.buffer);
    const slab = addressOf(this.#slab);
    const iovecs = addressOf(this.#iovecs);
    for (let slot = 0; slot < capacity; slot++) {
      const iovec = slot * IOVECS_PER_SLOT * IOVEC.sizeBytes;
      this.#iovecView.setBigUint64(iovec + IOVEC.base, slab + BigInt(slot * this.#slotBytes), true);
      headersView.setBigUint64(slot * MMSGHDR.sizeBytes + MMSGHDR.iov, iovecs + BigInt(iovec), true);
      headersView.setUint32(slot * MMSGHDR.sizeBytes + MMSGHDR.iovCount, 1, true);
    }
    this.messages = Array.from({ length: capacity }, (_, slot) => headers.subarray(slot * MMSGHDR.sizeBytes));
  }

  /** Whether a frame of this length fits a slot. */
  fits(length: number): boolean {
    return this.#prefixBytes + length <= this.#slotBytes;
  }

  /** Copies a frame into the next slot; there must be one, and the frame must fit. */
  add(frame: Uint8Array, length: number): void {
    const slot = this.count++;
    this.#slab.set(this.#viewOf(frame, length), slot * this.#slotBytes + this.#prefixBytes);
    this.#setLength(slot, 0, this.#prefixBytes + length);
  }

  /**
   * Lets the next slot point at a frame where it lies, which must stay as it is until it has been sent; with `plan`, and
   * a header before each frame, the kernel cuts it.
   */
  point(frame: Uint8Array<ArrayBuffer>, length: number, plan: CutPlan | null): void {
    const slot = this.count++;
    if (frame !== this.#pointedAt) {
      this.#pointedAt = frame;
      this.#pointer = addressOf(frame);
    }
    if (plan !== null) this.#writeCut(slot * this.#slotBytes, plan);
    this.#setLength(slot, 0, this.#prefixBytes);
    this.#setLength(slot, 1, length);
    const second = (slot * IOVECS_PER_SLOT + 1) * IOVEC.sizeBytes;
    this.#iovecView.setBigUint64(second + IOVEC.base, this.#pointer, true);
    this.#messageWords[slot * MESSAGE_WORDS + MMSGHDR.iovCount / WORD_BYTES] = IOVECS_PER_SLOT;
  }

  /** Bytes of the frame in a slot. */
  lengthOf(slot: number): number {
    const isPointer = this.#isPointer(slot);
    const second = (slot * IOVECS_PER_SLOT + 1) * IOVEC_WORDS + IOVEC.length / WORD_BYTES;
    return isPointer ? this.#iovecWords[second] : this.#iovecWords[second - IOVEC_WORDS] - this.#prefixBytes;
  }

  /** Empties all slots. */
  clear(): void {
    const last = this.count - 1;
    this.count = 0;
    // Only the last one can point elsewhere: such a frame is sent at once.
    if (last < 0 || !this.#isPointer(last)) return;
    this.#messageWords[last * MESSAGE_WORDS + MMSGHDR.iovCount / WORD_BYTES] = 1;
    this.#slab.fill(0, last * this.#slotBytes, last * this.#slotBytes + this.#prefixBytes);
  }

  #isPointer(slot: number): boolean {
    return this.#messageWords[slot * MESSAGE_WORDS + MMSGHDR.iovCount / WORD_BYTES] === IOVECS_PER_SLOT;
  }

  /** The upper half of each length stays zero. */
  #setLength(slot: number, part: 0 | 1, length: number): void {
    this.#iovecWords[(slot * IOVECS_PER_SLOT + part) * IOVEC_WORDS + IOVEC.length / WORD_BYTES] = length;
  }

  #writeCut(at: number, plan: CutPlan): void {
    const view = this.#slabView;
    view.setUint8(at + VNET_HDR.flags, VNET.needsChecksum);
    const type = plan.isIpv6 ? VNET.gsoTcp6 : VNET.gsoTcp4;
    view.setUint8(at + VNET_HDR.gsoType, plan.hasCwr ? type | VNET.gsoEcn : type);
    view.setUint16(at + VNET_HDR.headerLength, plan.headerLength, true);
    view.setUint16(at + VNET_HDR.gsoSize, plan.cutBytes, true);
    view.setUint16(at + VNET_HDR.checksumStart, plan.tcpOffset, true);
    view.setUint16(at + VNET_HDR.checksumOffset, TCP_CHECKSUM_OFFSET, true);
  }

  #viewOf(frame: Uint8Array, length: number): Uint8Array {
    if (frame === this.#source) return this.#sourceViews[length] ??= frame.subarray(0, length);
    if (frame === this.#previous) {
      this.#source = frame;
      this.#sourceViews = [];
    }
    this.#previous = frame;
    return frame.subarray(0, length);
  }
}
