/**
 * WholeFrames: the frames that are larger than a slot of the capture ring, out of the socket's queue.
 *
 * Owns: making the kernel keep them, finding the one that belongs to a slot, and the count of those that it did not keep.
 * Must not know: the ring, libpcap, what is in a frame beyond that its first bytes tell it from others.
 *
 * Off-loads hand up frames of 64 KiB, and slots of that size make a ring of 64 MiB hold 1,022 frames, of whatever size. So
 * the slots are small, and `PACKET_COPY_THRESH` (packet(7), <linux/if_packet.h>) lets the kernel put a frame that does
 * not fit, whole, into the socket's queue too, before it hands over the slot with `TP_STATUS_COPY` and the beginning of the
 * frame. The order of the slots is the order of the frames: nothing is sorted. The queue holds a reference to the frame
 * and no copy: it is copied once, to where it is summed.
 *
 * Slot and queue are in step, unless libpcap has given a slot back without a word (it does so when the filter changes), or
 * has read ahead. So what comes out of the queue must begin as the slot does; what does not is kept aside for a while.
 */

import { LENT_BYTES } from "../src/wire/sum_kernel.ts";
import { libc } from "./libc.ts";
import { SOCKET } from "./packet_layouts.ts";
import { setPacketOption, setSocketOption } from "./packet_socket.ts";

/** Takes the next frame out of a queue into `into`; its length, also where it is more than that, or -1. */
export type QueueReader = (into: Uint8Array<ArrayBuffer>) => number;

/** A frame of which only the beginning is at hand. */
export interface CutFrame {
  readonly bytes: Uint8Array;
  /** Where it begins in `bytes`. */
  readonly offset: number;
  /** How much of it is there. */
  readonly keptBytes: number;
  /** How long it is. */
  readonly wireBytes: number;
}

/** Local choice: Ethernet, a tag, IP and TCP with all their options, which no two segments of a connection have alike. */
const COMPARED_BYTES = 0x90;

/** Local choice: libpcap reads ahead, or gives back unread, no more than came in one moment. */
const MOST_ASIDE = 64;

/** `SO_RCVBUF` is doubled by the kernel (socket(7)). */
const KERNEL_FACTOR = 2;

/** The queue of one capture socket. */
export class WholeFrames {
  /** Frames that came, and of which only the beginning was kept. */
  lost = 0;
  readonly #read: QueueReader;
  readonly #aside: Uint8Array<ArrayBuffer>[] = [];
  #scratch: Uint8Array<ArrayBuffer> | null = null;

  constructor(read: QueueReader) {
    this.#read = read;
  }

  /**
   * Puts the whole of `cut` into `into` and returns its length; 0, and one more is lost, when the kernel did not keep it. `isNext`:
   * it is the oldest of those that are still to be taken, so that what is older is nobody's.
   */
  take(cut: CutFrame, into: Uint8Array<ArrayBuffer>, isNext: boolean): number {
    if (this.#aside.length > 0) {
      const found = this.#aside.findIndex((frame) => isWhole(cut, frame, frame.length));
      if (found >= 0) {
        const frame = this.#aside[found];
        into.set(frame);
        this.#aside.splice(isNext ? 0 : found, isNext ? found + 1 : 1);
        return frame.length;
      }
    }
    for (;;) {
      const length = this.#read(into);
      if (length < 0) {
        this.lost++;
        return 0;
      }
      if (isWhole(cut, into, length)) {
        if (isNext) this.#aside.length = 0;
        return Math.min(length, into.length);
      }
      this.#keepAside(into, length);
    }
  }

  /**
   * To be called when a wait has ended and the ring is empty. The wait would end at once for ever if the queue held a
   * frame whose slot nobody reads; it may also be one whose slot comes in a moment, so it is kept.
   */
  settle(): void {
    this.#scratch ??= new Uint8Array(LENT_BYTES);
    for (let n = 0; n < MOST_ASIDE; n++) {
      const length = this.#read(this.#scratch);
      if (length < 0) return;
      this.#keepAside(this.#scratch, length);
    }
  }

  #keepAside(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    if (this.#aside.length === MOST_ASIDE) this.#aside.shift();
    this.#aside.push(bytes.slice(0, length));
  }
}

function isWhole(cut: CutFrame, whole: Uint8Array, length: number): boolean {
  if (length !== cut.wireBytes) return false;
  const { bytes, offset } = cut;
  const compared = Math.min(cut.keptBytes, COMPARED_BYTES);
  for (let n = 0; n < compared; n++) if (bytes[offset + n] !== whole[n]) return false;
  return true;
}

/**
 * Makes the capture socket `descriptor` queue frames that do not fit a slot, as many as `bytes` hold; null where that
 * cannot be, above all without the right to so large a queue (`CAP_NET_ADMIN`).
 */
export function queueWholeFrames(descriptor: number, bytes: number): WholeFrames | null {
  const room = Math.floor(bytes / KERNEL_FACTOR);
  if (!setSocketOption(descriptor, SOCKET.receiveBufferForce, room)) return null;
  if (!setPacketOption(descriptor, SOCKET.packetCopyThreshold, 1)) return null;
  const { recv } = libc();
  const flags = SOCKET.doNotWait | SOCKET.tellTrueLength;
  return new WholeFrames((into) => recv(descriptor, into, into.length, flags));
}
