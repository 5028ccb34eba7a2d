/**
 * CaptureRing: the slots into which Linux puts captured frames, where libpcap has mapped them (`TPACKET_V2`, <linux/if_packet.h>).
 *
 * Owns: finding the mapping, the layout of the slots, and whether it is proven. Must not know: who reads the frames.
 *
 * libpcap tells neither where the ring is nor how large its slots are. The first is among the mappings of this
 * process, by the number of the socket. The second shows in the ring itself: the header of the second frame stands
 * one slot behind that of the first. A frame might hold such a header on purpose, so it counts only once a run of frames that
 * libpcap delivered one after another was found in slots one after another.
 */

import { libc } from "./libc.ts";
import { linkText } from "./link_text.ts";
import { cString } from "./native_memory.ts";
import { SOCKET, TPACKET, TPACKET2_HDR } from "./packet_layouts.ts";

const WORD_BYTES = 4;
const US_PER_SECOND = 1_000_000;
const NS_PER_US = 1000;

/** Where the fields are, in words from the beginning of a slot. */
export const SLOT_WORDS = {
  status: TPACKET2_HDR.status / WORD_BYTES,
  length: TPACKET2_HDR.length / WORD_BYTES,
  snaplen: TPACKET2_HDR.snaplen / WORD_BYTES,
  /** The lower half is `tp_mac`, the upper `tp_net`. */
  offsets: TPACKET2_HDR.mac / WORD_BYTES,
  sec: TPACKET2_HDR.sec / WORD_BYTES,
  nsec: TPACKET2_HDR.nsec / WORD_BYTES,
  /** The lower half is `tp_vlan_tci`, the upper `tp_vlan_tpid`. */
  vlan: TPACKET2_HDR.vlanTci / WORD_BYTES,
} as const;

/** Slots are looked for within this much of the ring: the largest that libpcap makes is half of it. */
const MEASURED_BYTES = 0x100000;

/** Local choice: so many frames in a row, and two blocks' worth, prove the layout. */
const RUN_FRAMES = 8;

/** Local choice: after so many frames without a proof there will be none. */
const PATIENCE_FRAMES = 200;

/** What libpcap said of a frame. */
interface SeenFrame {
  readonly capturedUs: number;
  readonly lengthBytes: number;
  readonly wireBytes: number;
}

/** The mapping of one capture, and what is known of its layout. */
export class CaptureRing {
  /** The whole ring; empty after {@link CaptureRing.close}. */
  readonly words: Int32Array<ArrayBuffer>;
  /** Where it begins in this process. */
  readonly address: bigint;
  /** Bytes of a slot, 0 while they are not known. */
  slotBytes = 0;
  /** How many slots there are. */
  slots = 0;
  readonly #pageBytes: number;
  #blockWords = 0;
  #slotsPerBlock = 1;
  #run = 0;
  #frames = 0;
  #isHopeless = false;

  constructor(mapping: { bytes: ArrayBuffer; address: bigint; pageBytes: number }) {
    this.words = new Int32Array(mapping.bytes);
    this.address = mapping.address;
    this.#pageBytes = mapping.pageBytes;
  }

  /** Whether the layout is beyond doubt. */
  get isProven(): boolean {
    return this.slots > 0 && this.#run >= Math.max(RUN_FRAMES, 2 * this.#slotsPerBlock + 1);
  }

  /** Whether the layout will never be known: libpcap is to read all frames. */
  get isHopeless(): boolean {
    return this.#isHopeless;
  }

  /** Leaves all to libpcap. */
  giveUp(): void {
    this.#isHopeless = true;
    this.#run = 0;
  }

  /** Where a slot begins, in words. */
  wordOf(slot: number): number {
    const block = (slot / this.#slotsPerBlock) | 0;
    return block * this.#blockWords + (slot - block * this.#slotsPerBlock) * (this.slotBytes / WORD_BYTES);
  }

  /** The slot behind `slot`. */
  after(slot: number): number {
    return slot + 1 < this.slots ? slot + 1 : 0;
  }

  /**
   * Takes note of a frame that libpcap has just taken from slot `expected` or one behind it. Returns the slot behind
   * the frame's, or `expected` when that is not known.
   */
  observe(frame: SeenFrame, expected: number): number {
    this.#frames++;
    if (this.slots === 0) this.#measure();
    const slot = this.find(frame, expected);
    this.#run = slot < 0 || (slot !== expected && this.#run > 0) ? 0 : this.#run + 1;
    if (this.#frames >= PATIENCE_FRAMES && !this.isProven) this.giveUp();
    return slot < 0 ? expected : this.after(slot);
  }

  /** The first slot from `from` on that holds this frame and was given back to the kernel; -1 if there is none. */
  find(frame: SeenFrame, from: number): number {
    for (let looked = 0, slot = from; looked < this.slots; looked++, slot = this.after(slot)) {
      const at = this.wordOf(slot);
      // Behind the last frame that came there is nothing to be found.
      if (this.words[at + SLOT_WORDS.sec] === 0) return -1;
      if (this.words[at + SLOT_WORDS.status] === TPACKET.statusKernel && this.#holds(at, frame)) return slot;
    }
    return -1;
  }

  /** Lets go of the memory, which is libpcap's. */
  close(): void {
    if (this.words.length > 0) this.words.buffer.transfer();
    this.slots = 0;
  }

  #holds(at: number, frame: SeenFrame): boolean {
    const { words } = this;
    const kept = words[at + SLOT_WORDS.snaplen];
    // Of a frame that does not fit its slot libpcap hands on no more than its snapshot length, a few bytes less.
    const isSame = kept === frame.lengthBytes ||
      (kept > frame.lengthBytes && frame.lengthBytes < frame.wireBytes);
    return isSame && words[at + SLOT_WORDS.length] === frame.wireBytes &&
      capturedUs(words, at) === frame.capturedUs;
  }

  /** Looks for the second slot's header; nothing is known as long as it is empty. */
  #measure(): void {
    const { words } = this;
    const step = TPACKET.alignment / WORD_BYTES;
    const end = Math.min(words.length / 2, MEASURED_BYTES / WORD_BYTES);
    for (let at = TPACKET2_HDR.sizeBytes / WORD_BYTES; at <= end; at += step) {
      if (words[at + SLOT_WORDS.offsets] !== words[SLOT_WORDS.offsets] || !this.#mayBeHeader(at)) continue;
      this.slotBytes = at * WORD_BYTES;
      let blockBytes = this.#pageBytes;
      while (blockBytes < this.slotBytes) blockBytes *= 2;
      this.#blockWords = blockBytes / WORD_BYTES;
      this.#slotsPerBlock = Math.floor(blockBytes / this.slotBytes);
      this.slots = Math.floor(words.byteLength / blockBytes) * this.#slotsPerBlock;
      return;
    }
  }

  #mayBeHeader(at: number): boolean {
    const { words } = this;
    const snaplen = words[at + SLOT_WORDS.snaplen];
    return snaplen > 0 && snaplen <= words[at + SLOT_WORDS.length] && words[SLOT_WORDS.sec] !== 0 &&
      capturedUs(words, at) >= capturedUs(words, 0);
  }
}

/** When the frame in the slot at word `at` was captured, microseconds since 1970. */
export function capturedUs(words: Int32Array, at: number): number {
  const us = (words[at + SLOT_WORDS.nsec] / NS_PER_US) | 0;
  return (words[at + SLOT_WORDS.sec] >>> 0) * US_PER_SECOND + us;
}

/** The ring of the capture socket `descriptor`; null where there is none of the known kind. */
export function openCaptureRing(descriptor: number): CaptureRing | null {
  if (Deno.build.os !== "linux" || ringVersion(descriptor) !== TPACKET.version2) return null;
  const mapping = findMapping(descriptor);
  if (mapping === null) return null;
  const pointer = Deno.UnsafePointer.create(mapping.address);
  if (pointer === null) return null;
  const bytes = Deno.UnsafePointerView.getArrayBuffer(pointer, mapping.sizeBytes);
  return new CaptureRing({ bytes, address: mapping.address, pageBytes: libc().getpagesize() });
}

/** Whether the kernel itself sorts out what comes to `descriptor`; if not, libpcap does it frame by frame. */
export function hasKernelFilter(descriptor: number): boolean {
  const length = new Int32Array(1);
  const symbols = libc();
  const asked = symbols.getsockopt(
    descriptor,
    SOCKET.levelSocket,
    SOCKET.getFilter,
    new Uint8Array(1),
    length,
  );
  // With room for none it tells how many instructions there are.
  return asked === 0 && length[0] > 0;
}

function ringVersion(descriptor: number): number {
  const value = new Int32Array(1);
  const length = Int32Array.of(value.byteLength);
  const symbols = libc();
  const asked = symbols.getsockopt(
    descriptor,
    SOCKET.levelPacket,
    SOCKET.packetVersion,
    value,
    length,
  );
  return asked === 0 ? value[0] : -1;
}

const PART_BYTES = 0x10000;
/** `O_RDONLY | O_CLOEXEC`. */
const OPEN_FOR_READING = 0x80000;

/** A line of /proc/self/maps: `7f0000000000-7f0004000000 rw-s 00000000 00:08 4711 socket:[4711]`. */
const MAPS_LINE = /^([0-9a-f]+)-([0-9a-f]+) rw-s 00000000 \S+ \d+ +(socket:\[\d+\])$/gm;

function findMapping(descriptor: number): { address: bigint; sizeBytes: number } | null {
  const socket = linkText(`/proc/self/fd/${descriptor}`);
  for (const [, begin, end, name] of fileText("/proc/self/maps").matchAll(MAPS_LINE)) {
    if (name !== socket) continue;
    const address = BigInt(`0x${begin}`);
    return { address, sizeBytes: Number(BigInt(`0x${end}`) - address) };
  }
  // Also where there is no /proc: libpcap's way remains.
  return null;
}

/** Through the C library, as link_text.ts does it and for its reason. */
function fileText(path: string): string {
  const symbols = libc();
  const descriptor = symbols.open(cString(path), OPEN_FOR_READING);
  if (descriptor < 0) return "";
  const decoder = new TextDecoder();
  const part = new Uint8Array(PART_BYTES);
  let text = "";
  for (;;) {
    const length = Number(symbols.read(descriptor, part, BigInt(PART_BYTES)));
    if (length <= 0) break;
    text += decoder.decode(part.subarray(0, length), { stream: true });
  }
  symbols.close(descriptor);
  return text;
}
