/**
 * Frames straight out of libpcap's ring: no call and one copy a frame.
 *
 * Owns: which slot is next, taking a frame out of it, and when libpcap reads instead.
 * Must not know: the layout of the ring beyond a slot, what is in a frame.
 *
 * libpcap opens the device, makes the ring, and reads until its layout is proven and the ring is empty; from then on
 * the slots are read here, and given back to the kernel as libpcap would do it. Once after each sleep, when there is no
 * frame, libpcap is asked all the same: it knows when a device is down or gone. Should a frame have come in that
 * moment it is libpcap's, from where it stopped reading; the slot is passed over later.
 *
 * A frame is copied into memory that the sum kernel sees, from where the sum of a segment costs no further copy.
 * Measured on veth, a frame of 60 / 1514 bytes in batches of 60: by pcap_next_ex 73 / 93 ns, here 34 / 55 ns; with the sum
 * of a segment 98 / 181 ns and 56 / 110 ns.
 */

import { LENT_BYTES, sumKernel } from "../src/wire/sum_kernel.ts";
import { capturedUs, type CaptureRing, SLOT_WORDS } from "./capture_ring.ts";
import { type FrameSource, READ } from "./frame_source.ts";
import { libc, type LibcSymbols } from "./libc.ts";
import { TPACKET } from "./packet_layouts.ts";

const WORD_BYTES = 4;

/**
 * On x86-64 loads are not reordered with loads, nor stores with earlier accesses (Intel SDM volume 3, §9.2.2), and V8
 * moves neither across the call that copies. An atomic access is a call there: 11 ns instead of 4.
 */
const LOADS_AND_STORES_KEEP_ORDER = Deno.build.arch === "x86_64";

/** Where an 802.1Q tag stands in a frame: behind both addresses (IEEE 802.1Q §9.3). */
const TAG_OFFSET = 12;
const TAG_BYTES = 4;
const TPID_8021Q = 0x8100;

/** Reads the ring of one capture, as soon as that is safe. */
export class RingReader implements FrameSource {
  frame: Uint8Array;
  lengthBytes = 0;
  wireBytes = 0;
  capturedUs = 0;

  readonly #libpcap: FrameSource;
  readonly #ring: CaptureRing;
  readonly #words: Int32Array;
  readonly #mayTakeOver: () => boolean;
  readonly #memcpy: LibcSymbols["memcpy"];
  readonly #lent: Uint8Array<ArrayBuffer> | null;
  readonly #window: Uint8Array<ArrayBuffer>;
  readonly #windowPointer: Deno.PointerValue;
  /** Where the frame is in each slot; made when a slot is first used. */
  readonly #pointers: Deno.PointerValue[] = [];
  /** Bytes from the beginning of a slot to its frame. */
  #frameOffset = -1;
  /** Whether frames are taken here, not by libpcap. */
  #isTaking = false;
  #slot = 0;
  /** Where that slot begins, in words. */
  #at = 0;
  /** The status of that slot as it was seen when the one before was taken; 0 when it is to be looked at again. */
  #peeked = 0;
  /** The slot from which libpcap would read; the same as `#slot` until the first frame is taken here. */
  #libpcapSlot = 0;
  /** Slots that libpcap has read ahead of `#slot`. */
  readonly #passedOver = new Set<number>();
  #mayAsk = false;

  /** `mayTakeOver`: asked once, whether libpcap would deliver every frame that the kernel puts into the ring. */
  constructor(libpcap: FrameSource, ring: CaptureRing, mayTakeOver: () => boolean) {
    this.#libpcap = libpcap;
    this.#ring = ring;
    this.#words = ring.words;
    this.#mayTakeOver = mayTakeOver;
    this.#memcpy = libc().memcpy;
    this.#lent = sumKernel().lend();
    this.#window = this.#lent ?? new Uint8Array(LENT_BYTES);
    this.#windowPointer = Deno.UnsafePointer.of(this.#window);
    this.frame = this.#window;
  }

  /** Whether frames are taken here by now. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  next(): number {
    if (!this.#isTaking) return this.#learn();
    const status = (this.#peeked & TPACKET.statusUser) !== 0 ? this.#peeked : this.#statusAt(this.#at);
    if ((status & TPACKET.statusUser) === 0) return this.#nothingThere();
    this.#take(status);
    return READ.frame;
  }

  /** To be called before each sleep: what ends it may be news of the device. */
  noteSleep(): void {
    this.#mayAsk = true;
  }

  close(): void {
    this.#isTaking = false;
    this.#ring.close();
    this.#libpcap.close();
    // A frame that was kept too long is all zeros.
    this.#window.fill(0);
    if (this.#lent !== null) sumKernel().takeBack(this.#lent);
    this.frame = new Uint8Array(0);
    this.lengthBytes = 0;
  }

  #take(status: number): void {
    const words = this.#words;
    const at = this.#at;
    const slot = this.#slot;
    const offset = words[at + SLOT_WORDS.offsets] & 0xffff;
    this.wireBytes = words[at + SLOT_WORDS.length];
    this.capturedUs = capturedUs(words, at);
    const room = Math.min(this.#ring.slotBytes - offset, LENT_BYTES);
    // Native code copies so many bytes whatever they are.
    const length = Math.max(0, Math.min(words[at + SLOT_WORDS.snaplen], room));
    this.frame = this.#window;
    // The next slot may lie in another processor's cache: it can come while this frame is copied.
    const next = this.#ring.after(slot);
    const nextAt = this.#ring.wordOf(next);
    this.#peeked = LOADS_AND_STORES_KEEP_ORDER ? words[nextAt] : 0;
    if ((status & TPACKET.statusVlanValid) !== 0) {
      this.#copyTagged(offset, length, status);
    } else {
      this.lengthBytes = length;
      if (offset !== this.#frameOffset) this.#moveFrames(offset);
      const pointer = this.#pointers[slot] ??= this.#pointerTo(offset);
      this.#memcpy(this.#windowPointer, pointer, length);
    }
    this.#giveBack(at);
    this.#slot = next;
    this.#at = nextAt;
  }

  /** The kernel writes the status last: what it says of the rest of the slot holds if the rest is read later. */
  #statusAt(at: number): number {
    return LOADS_AND_STORES_KEEP_ORDER ? this.#words[at] : Atomics.load(this.#words, at);
  }

  /** The frame must have been read before the kernel sees that the slot is its own again. */
  #giveBack(at: number): void {
    if (LOADS_AND_STORES_KEEP_ORDER) this.#words[at] = TPACKET.statusKernel;
    else Atomics.store(this.#words, at, TPACKET.statusKernel);
  }

  #goTo(slot: number): void {
    this.#slot = slot;
    this.#at = this.#ring.wordOf(slot);
  }

  #pointerTo(offset: number): Deno.PointerValue {
    return Deno.UnsafePointer.create(this.#ring.address + BigInt(this.#at * WORD_BYTES + offset));
  }

  /** All frames of a device begin at the same place of their slots; should that change, the pointers do. */
  #moveFrames(offset: number): void {
    this.#frameOffset = offset;
    this.#pointers.length = 0;
  }

  /** Puts the tag back that the device or the kernel took out, as libpcap does it. */
  #copyTagged(offset: number, length: number, status: number): void {
    const window = this.#window;
    const tag = this.#words[this.#at + SLOT_WORDS.vlan];
    const behind = Deno.UnsafePointer.of(window.subarray(TAG_OFFSET + TAG_BYTES));
    const rest = Math.max(0, Math.min(length, LENT_BYTES - TAG_BYTES) - TAG_OFFSET);
    this.#memcpy(this.#windowPointer, this.#pointerTo(offset), Math.min(length, TAG_OFFSET));
    this.#memcpy(behind, this.#pointerTo(offset + TAG_OFFSET), rest);
    const tpid = (status & TPACKET.statusVlanTpidValid) !== 0 ? tag >>> 16 : TPID_8021Q;
    window[TAG_OFFSET] = tpid >>> 8;
    window[TAG_OFFSET + 1] = tpid;
    window[TAG_OFFSET + 2] = tag >>> 8;
    window[TAG_OFFSET + 3] = tag;
    this.lengthBytes = TAG_OFFSET + TAG_BYTES + rest;
    this.wireBytes += TAG_BYTES;
  }

  #nothingThere(): number {
    if (this.#passedOver.size > 0 && this.#passedOver.delete(this.#slot)) {
      this.#goTo(this.#ring.after(this.#slot));
      return this.next();
    }
    if (!this.#mayAsk) return READ.nothing;
    this.#mayAsk = false;
    return this.#ask();
  }

  /** Lets libpcap look: mostly for the state of the device, now and then it finds a frame. */
  #ask(): number {
    const code = this.#readByLibpcap();
    if (code !== READ.frame) return code;
    const ring = this.#ring;
    const found = ring.find(this, this.#libpcapSlot);
    const isTogether = this.#libpcapSlot === this.#slot;
    if (found < 0) {
      // It passed over frames without a word, and came back with one from further on: it reads until we agree again.
      if (isTogether) this.#isTaking = false;
      return code;
    }
    this.#libpcapSlot = ring.after(found);
    if (isTogether) this.#goTo(this.#libpcapSlot);
    else this.#passedOver.add(found);
    return code;
  }

  /** libpcap reads; once the layout is proven and the ring empty, it has read its last frame. */
  #learn(): number {
    const code = this.#readByLibpcap();
    const ring = this.#ring;
    if (code === READ.frame) {
      if (!ring.isHopeless) this.#libpcapSlot = ring.observe(this, this.#libpcapSlot);
    } else if (code === READ.nothing && ring.isProven) {
      this.#goTo(this.#libpcapSlot);
      this.#isTaking = this.#mayTakeOver();
      if (!this.#isTaking) ring.giveUp();
    }
    return code;
  }

  #readByLibpcap(): number {
    const libpcap = this.#libpcap;
    const code = libpcap.next();
    if (code !== READ.frame) return code;
    this.frame = libpcap.frame;
    this.lengthBytes = libpcap.lengthBytes;
    this.wireBytes = libpcap.wireBytes;
    this.capturedUs = libpcap.capturedUs;
    return code;
  }
}
