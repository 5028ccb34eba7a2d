/**
 * Frames out of an open pcap handle, one at a time, with no allocation per frame.
 *
 * Owns: `pcap_next_ex`, the memory that it points at, and the end of that memory's life.
 * Must not know: whether a device or a file is behind the handle, what is in a frame.
 *
 * libpcap's header is part of the handle and never moves. On Linux the frame does not move either: libpcap copies each
 * one out of the ring into one buffer of the handle's snapshot length. So both are mapped once, as
 * windows onto native memory, and a frame costs the call and two loads. Elsewhere, and in files, the frame's
 * address changes, and its bytes are copied into a buffer of our own.
 *
 * Measured on veth, per frame of 60 / 1514 bytes, filter and ring included: the bare call 46 / 89 ns, with windows
 * 57 / 102 ns, with a copy by `Uint8Array.set` 94 / 192 ns, by `UnsafePointerView.copyInto` 194 / 267 ns.
 *
 * When the handle closes, the windows are detached: a frame kept too long is empty, never freed memory.
 */

import { type FrameSource, READ } from "./frame_source.ts";
import type { PcapSymbols } from "./pcap_symbols.ts";
import { MAXIMUM_SNAPLEN_BYTES } from "./pcap_symbols.ts";
import { LAYOUTS, POINTER_BYTES } from "./struct_layouts.ts";

const WORD_BYTES = 4;
const HEADER = LAYOUTS.pcapPkthdr;
const HEADER_WORDS = HEADER.len / WORD_BYTES + 1;
const SEC_WORD = HEADER.tvSec / WORD_BYTES;
/** The upper half of the seconds; where they have only one word, a word that the reader knows to skip. */
const SEC_HIGH_WORD = HEADER.tvSecBytes === 8 ? SEC_WORD + 1 : -1;
const USEC_WORD = HEADER.tvUsec / WORD_BYTES;
const CAPLEN_WORD = HEADER.caplen / WORD_BYTES;
const LEN_WORD = HEADER.len / WORD_BYTES;
const TWO_TO_32 = 0x100000000;
const US_PER_SECOND = 1_000_000;

/** A pointer that libpcap writes, seen as two words (so that no bigint is made) and as the bytes to hand over. */
interface PointerSlot {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array;
}

/** Reads frames; after {@link FrameReader.next} has returned {@link READ}.frame, the fields describe the frame. */
export class FrameReader implements FrameSource {
  frame: Uint8Array;
  lengthBytes = 0;
  wireBytes = 0;
  capturedUs = 0;

  readonly #library: PcapSymbols;
  readonly #handle: Deno.PointerObject;
  readonly #headerSlot = pointerSlot();
  readonly #dataSlot = pointerSlot();
  #header: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #window: Uint8Array<ArrayBuffer> | null = null;
  #windowLow = 0;
  #windowHigh = 0;
  #mayMapFrames: boolean;
  #own: Uint8Array<ArrayBuffer> | null = null;

  /** `frameStays`: the handle is a Linux device, whose frames all lie at one address. */
  constructor(library: PcapSymbols, handle: Deno.PointerObject, options: { frameStays: boolean }) {
    this.#library = library;
    this.#handle = handle;
    this.#mayMapFrames = options.frameStays;
    this.frame = new Uint8Array(0);
  }

  /** Never waits on a non-blocking handle. */
  next(): number {
    const code = this.#library.pcap_next_ex(this.#handle, this.#headerSlot.bytes, this.#dataSlot.bytes);
    if (code !== READ.frame) return code;
    if (this.#header.length === 0) this.#mapHeader();
    const header = this.#header;
    const lengthBytes = header[CAPLEN_WORD];
    this.wireBytes = header[LEN_WORD];
    const secondsHigh = SEC_HIGH_WORD < 0 ? 0 : header[SEC_HIGH_WORD];
    this.capturedUs = (secondsHigh * TWO_TO_32 + header[SEC_WORD]) * US_PER_SECOND + header[USEC_WORD];
    const address = this.#dataSlot.words;
    if (this.#window !== null && address[0] === this.#windowLow && address[1] === this.#windowHigh) {
      this.lengthBytes = lengthBytes <= this.#window.length ? lengthBytes : this.#window.length;
    } else {
      this.#takeFrame(lengthBytes);
    }
    return READ.frame;
  }

  /** Lets go of native memory; to be called before `pcap_close`. */
  close(): void {
    this.#detachWindow();
    if (this.#header.length > 0) this.#header.buffer.transfer();
    this.#mayMapFrames = false;
    this.frame = new Uint8Array(0);
    this.lengthBytes = 0;
  }

  #mapHeader(): void {
    const pointer = pointerOf(this.#headerSlot);
    const bytes = Deno.UnsafePointerView.getArrayBuffer(pointer, HEADER_WORDS * WORD_BYTES);
    this.#header = new Uint32Array(bytes);
  }

  /** The frame is not where the last one was: map it if it is the first, else copy from now on. */
  #takeFrame(lengthBytes: number): void {
    const pointer = pointerOf(this.#dataSlot);
    const windowBytes = this.#library.pcap_snapshot(this.#handle);
    if (this.#mayMapFrames && this.#window === null && lengthBytes <= windowBytes) {
      this.#window = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, windowBytes));
      [this.#windowLow, this.#windowHigh] = this.#dataSlot.words;
      this.frame = this.#window;
      this.lengthBytes = lengthBytes;
      return;
    }
    this.#detachWindow();
    this.#mayMapFrames = false;
    const own = this.#own ??= new Uint8Array(MAXIMUM_SNAPLEN_BYTES);
    this.lengthBytes = Math.min(lengthBytes, own.length);
    Deno.UnsafePointerView.copyInto(pointer, own.subarray(0, this.lengthBytes));
    this.frame = own;
  }

  #detachWindow(): void {
    // Moving the buffer away leaves every view of it with length 0; the moved one is dropped, its memory is libpcap's.
    this.#window?.buffer.transfer();
    this.#window = null;
  }
}

function pointerSlot(): PointerSlot {
  const bytes = new Uint8Array(POINTER_BYTES);
  return { bytes, words: new Uint32Array(bytes.buffer) };
}

function pointerOf(slot: PointerSlot): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.create(new BigUint64Array(slot.bytes.buffer)[0]);
  if (pointer === null) {
    throw new Error("libpcap returned a frame at the null address: this is a defect of the library");
  }
  return pointer;
}
