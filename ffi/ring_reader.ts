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
import type { CutFrame, WholeFrames } from "./whole_frames.ts";

const WORD_BYTES = 4;

/**
 * On x86-64 loads are not reordered with loads, nor stores with earlier accesses (Intel SDM volume 3, §9.2.2), and V8
 * moves neither across the call that copies. An atomic access is a call there: 11 ns instead of 4.
 */
const LOADS_AND_STORES_KEEP_ORDER = Deno.build.arch === "x86_64";

/** Local choice: 20 to 40 ms of work, which whoever waits behind them hardly feels. */
const CROWD_FRAMES = 4096;

/** Where an 802.1Q tag stands in a frame: behind both addresses (IEEE 802.1Q §9.3). */
const TAG_OFFSET = 12;
const TAG_BYTES = 4;
const TPID_8021Q = 0x8100;
const TPID_8021AD = 0x88a8;

/** Beside {@link READ}: what was found is no frame for anybody, look at what comes next. */
const LOOK_AGAIN = -3;

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** What else the reader needs of the capture. */
interface RingReaderOptions {
  /** Asked once, whether libpcap would deliver every frame that the kernel puts into the ring. */
  readonly mayTakeOver: () => boolean;
  /** Where frames are that do not fit a slot; null where all do. */
  readonly wholeFrames: WholeFrames | null;
}

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
  readonly #wholeFrames: WholeFrames | null;
  /** The ring once more, to compare bytes of it. */
  readonly #ringBytes: Uint8Array;
  readonly #memcpy: LibcSymbols["memcpy"];
  readonly #lent: Uint8Array<ArrayBuffer> | null;
  readonly #window: Uint8Array<ArrayBuffer>;
  readonly #windowPointer: Deno.PointerValue;
  /** The same memory from where a frame is put that gets a tag. */
  readonly #behindTag: Uint8Array<ArrayBuffer>;
  /** The beginning of a frame whose whole is looked for. */
  readonly #cut = { bytes: NO_BYTES, offset: 0, keptBytes: 0, wireBytes: 0 };
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

  constructor(libpcap: FrameSource, ring: CaptureRing, options: RingReaderOptions) {
    this.#libpcap = libpcap;
    this.#ring = ring;
    this.#words = ring.words;
    this.#ringBytes = new Uint8Array(ring.words.buffer);
    this.#mayTakeOver = options.mayTakeOver;
    this.#wholeFrames = options.wholeFrames;
    this.#memcpy = libc().memcpy;
    this.#lent = sumKernel().lend();
    this.#window = this.#lent ?? new Uint8Array(LENT_BYTES);
    this.#windowPointer = Deno.UnsafePointer.of(this.#window);
    this.#behindTag = this.#window.subarray(TAG_BYTES);
    this.frame = this.#window;
  }

  /** Whether frames are taken here by now. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  /** Whether half of the slots, or more than {@link CROWD_FRAMES}, hold frames that wait: slots fill in order, one tells. */
  get isCrowded(): boolean {
    if (!this.#isTaking) return false;
    const { slots } = this.#ring;
    const ahead = this.#slot + Math.min(slots >>> 1, CROWD_FRAMES);
    const at = this.#ring.wordOf(ahead < slots ? ahead : ahead - slots);
    return (this.#statusAt(at) & TPACKET.statusUser) !== 0;
  }

  next(): number {
    for (;;) {
      const code = this.#isTaking ? this.#takeNext() : this.#learn();
      if (code !== LOOK_AGAIN) return code;
    }
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

  #takeNext(): number {
    if (this.#passedOver.size > 0 && this.#passedOver.delete(this.#slot)) {
      // The kernel may have filled it again by now, with what comes after all that is still in the ring.
      this.#peeked = 0;
      this.#goTo(this.#ring.after(this.#slot));
      return LOOK_AGAIN;
    }
    const status = (this.#peeked & TPACKET.statusUser) !== 0 ? this.#peeked : this.#statusAt(this.#at);
    return (status & TPACKET.statusUser) === 0 ? this.#nothingThere() : this.#take(status);
  }

  #take(status: number): number {
    const words = this.#words;
    const at = this.#at;
    const slot = this.#slot;
    const offset = words[at + SLOT_WORDS.offsets] & 0xffff;
    this.wireBytes = words[at + SLOT_WORDS.length];
    this.capturedUs = capturedUs(words, at);
    const room = Math.min(this.#ring.slotBytes - offset, LENT_BYTES);
    // Native code copies so many bytes whatever they are.
    const length = Math.max(0, Math.min(words[at + SLOT_WORDS.snaplen], room));
    const isCut = this.#wholeFrames !== null && length < this.wireBytes;
    let code: number = READ.frame;
    this.frame = this.#window;
    // The next slot may lie in another processor's cache: it can come while this frame is copied.
    const next = this.#ring.after(slot);
    const nextAt = this.#ring.wordOf(next);
    this.#peeked = LOADS_AND_STORES_KEEP_ORDER ? words[nextAt] : 0;
    if (isCut) {
      code = this.#copyWhole(offset, length, status);
    } else if ((status & TPACKET.statusVlanValid) !== 0) {
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
    return code;
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
    const behind = Deno.UnsafePointer.of(window.subarray(TAG_OFFSET + TAG_BYTES));
    const rest = Math.max(0, Math.min(length, LENT_BYTES - TAG_BYTES) - TAG_OFFSET);
    this.#memcpy(this.#windowPointer, this.#pointerTo(offset), Math.min(length, TAG_OFFSET));
    this.#memcpy(behind, this.#pointerTo(offset + TAG_OFFSET), rest);
    this.#writeTag(status);
    this.lengthBytes = TAG_OFFSET + TAG_BYTES + rest;
    this.wireBytes += TAG_BYTES;
  }

  #writeTag(status: number): void {
    const window = this.#window;
    const tag = this.#words[this.#at + SLOT_WORDS.vlan];
    const tpid = (status & TPACKET.statusVlanTpidValid) !== 0 ? tag >>> 16 : TPID_8021Q;
    window[TAG_OFFSET] = tpid >>> 8;
    window[TAG_OFFSET + 1] = tpid;
    window[TAG_OFFSET + 2] = tag >>> 8;
    window[TAG_OFFSET + 3] = tag;
  }

  /** The slot holds the beginning of a frame: all of it is in the socket's queue, if there was room. */
  #copyWhole(offset: number, keptBytes: number, status: number): number {
    if ((status & TPACKET.statusCopy) === 0) {
      if (this.#wholeFrames !== null) this.#wholeFrames.lost++;
      return LOOK_AGAIN;
    }
    const cut = this.#cut;
    cut.bytes = this.#ringBytes;
    cut.offset = this.#at * WORD_BYTES + offset;
    cut.keptBytes = keptBytes;
    cut.wireBytes = this.wireBytes;
    const isTagged = (status & TPACKET.statusVlanValid) !== 0;
    const length = this.#fetch(cut, isTagged, true);
    if (length === 0) return LOOK_AGAIN;
    if (isTagged) this.#writeTag(status);
    return READ.frame;
  }

  /** Fetches the whole of a frame into the window, with room for a tag where it is to get one. */
  #fetch(cut: CutFrame, isTagged: boolean, isNext: boolean): number {
    const into = isTagged ? this.#behindTag : this.#window;
    const length = this.#wholeFrames?.take(cut, into, isNext) ?? 0;
    if (length === 0) return 0;
    if (isTagged) this.#window.copyWithin(0, TAG_BYTES, TAG_BYTES + TAG_OFFSET);
    this.lengthBytes = isTagged ? length + TAG_BYTES : length;
    this.wireBytes = isTagged ? cut.wireBytes + TAG_BYTES : cut.wireBytes;
    this.frame = this.#window;
    return length;
  }

  #nothingThere(): number {
    if (!this.#mayAsk) return READ.nothing;
    this.#mayAsk = false;
    const code = this.#ask();
    if (code === READ.nothing) this.#wholeFrames?.settle();
    return code;
  }

  /** Lets libpcap look: mostly for the state of the device, now and then it finds a frame. */
  #ask(): number {
    const code = this.#readByLibpcap();
    if (code !== READ.frame) return code;
    const ring = this.#ring;
    const found = ring.find(this.#libpcap, this.#libpcapSlot);
    const isTogether = this.#libpcapSlot === this.#slot;
    if (found < 0) {
      // It passed over frames without a word, and came back with one from further on: it reads until we agree again.
      if (isTogether) this.#isTaking = false;
    } else {
      this.#libpcapSlot = ring.after(found);
      if (isTogether) this.#goTo(this.#libpcapSlot);
      else this.#passedOver.add(found);
    }
    return this.#makeWhole(isTogether);
  }

  /** libpcap reads; once the layout is proven and the ring empty, it has read its last frame. */
  #learn(): number {
    const code = this.#readByLibpcap();
    const ring = this.#ring;
    if (code === READ.frame) {
      if (!ring.isHopeless) this.#libpcapSlot = ring.observe(this.#libpcap, this.#libpcapSlot);
      return this.#makeWhole(true);
    }
    if (code !== READ.nothing) return code;
    if (ring.isProven) {
      this.#goTo(this.#libpcapSlot);
      this.#isTaking = this.#mayTakeOver();
      if (!this.#isTaking) ring.giveUp();
    }
    if (this.#mayAsk) this.#wholeFrames?.settle();
    this.#mayAsk = false;
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

  /** Puts the whole frame in place of what libpcap has of it. */
  #makeWhole(isNext: boolean): number {
    const { frame, lengthBytes, wireBytes } = this;
    if (this.#wholeFrames === null || lengthBytes >= wireBytes) return READ.frame;
    const type = (frame[TAG_OFFSET] << 8) | frame[TAG_OFFSET + 1];
    // The kernel takes such a tag out of every frame, and libpcap puts it back: in the queue it is without.
    const isTagged = type === TPID_8021Q || type === TPID_8021AD;
    if (!isTagged) {
      const cut = { bytes: frame, offset: 0, keptBytes: lengthBytes, wireBytes };
      return this.#fetch(cut, false, isNext) === 0 ? LOOK_AGAIN : READ.frame;
    }
    const tag = frame.slice(TAG_OFFSET, TAG_OFFSET + TAG_BYTES);
    const bytes = frame.slice(0, lengthBytes - TAG_BYTES);
    bytes.set(frame.subarray(TAG_OFFSET + TAG_BYTES, lengthBytes), TAG_OFFSET);
    const cut = { bytes, offset: 0, keptBytes: bytes.length, wireBytes: wireBytes - TAG_BYTES };
    if (this.#fetch(cut, true, isNext) === 0) return LOOK_AGAIN;
    this.#window.set(tag, TAG_OFFSET);
    return READ.frame;
  }
}
