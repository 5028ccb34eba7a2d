/**
 * PacketTransmitter: sending through a packet socket of Linux, many frames with one call: `--tx batch`, and with large
 * segments that the kernel cuts `--tx gso`.
 *
 * Owns: the sockets, what waits for the next `sendmmsg`, and what happens to frames that are refused.
 * Must not know: receiving, TCP beyond where its header is.
 *
 * A frame is copied, because the seam lets its memory be used again; a large segment is sent where it lies, at once,
 * after all that waits before it. Nothing is allocated per frame. Large segments have a socket of their own: where each
 * frame has a `virtio_net_hdr` before it, a small one costs an eighth more.
 *
 * A frame that the kernel does not take (a full queue, a device that is down) is lost and counted, as `pcap_inject` does
 * it and as a wire would; those behind it are tried for themselves, so that one refusal does not cost its neighbours.
 * TCP sends again; to wait here would hold up receiving, on a slow line for longer than a round trip.
 *
 * Frames within the MTU leave with their checksum complete in this mode too: bulk data goes in large segments, so that
 * leaving the sums of the rest to the kernel would gain little, and Wireshark would call them wrong on a veth.
 *
 * Measured on veth, two cores, best of several rounds. Sending alone, the receiver only sinks; thousand frames a second of
 * 60 / 1514 bytes: inject 550 / 540, batch 910 / 840, gso 800 / 770; segments of 64 KiB, whole 188 (12,200 MB/s), cut by
 * the kernel because off-loads are off 38 (2,470 MB/s); copied first 148 and 35. A whole server's download by one kernel
 * client, MB/s with off-loads on / off: inject 235 / 190, batch 300 / 190 (the receiver's work is done on the sender's
 * core), gso 2,000 / 630. Round trips of an echo are the same in all three, 17.5 us.
 */

import { CutPlan, planCut } from "../src/link/cut_plan.ts";
import { deviceLost, FRAME_OVERHEAD_BYTES, isGone, refusalText } from "./device_loss.ts";
import { ERRNO, errno, errnoText, libc, type LibcSymbols } from "./libc.ts";
import { SOCKET } from "./packet_layouts.ts";
import { openPacketSocket } from "./packet_socket.ts";
import { SendSlots } from "./send_slots.ts";
import type { TransmitCounts, Transmitter } from "./transmitter.ts";

/** Local choice: one turn of the pump; a longer batch gains nothing more, for the call is a tenth of a frame by then. */
const SLOTS = 64;

/**
 * The most in a batch, bytes, while somebody is told when frames leave: all of a batch have the time of its beginning, and
 * the kernel takes 10 us a frame on a veth, where it does the receiver's work as well. Local choice: eight full frames, of
 * which log and recording then tell some 50 us early instead of 350. Small ones still go together: connections that open
 * and close, eight frames at a time, were a third fewer with a log.
 */
const WATCHED_BYTES = 8 * 1514;

/**
 * The largest frame that a device takes without the kernel cutting it beforehand is 65,535 bytes (Linux's
 * `GSO_LEGACY_MAX_SIZE`), Ethernet header and tag included.
 */
const LARGEST_CUT_PACKET_BYTES = 0xffff - FRAME_OVERHEAD_BYTES;

/** What is sent to where. */
interface PacketTransmitterOptions {
  readonly device: string;
  /** Whether the kernel is to cut large segments. */
  readonly mode: "batch" | "gso";
  /** Largest IP packet of the device, bytes. */
  readonly mtu: number;
}

/** A socket, and what waits to leave by it. */
interface Lane {
  readonly socket: number;
  slots: SendSlots;
}

function openLane(
  device: string,
  options: { capacity: number; frameBytes: number; withHeader: boolean },
): Lane {
  return { socket: openPacketSocket(device, options), slots: new SendSlots(options) };
}

/** Sends through packet sockets of its own. Throws PacketSocketError where there can be none. */
export class PacketTransmitter implements Transmitter {
  readonly mode: "batch" | "gso";
  readonly counts: TransmitCounts = { framesOut: 0, bytesOut: 0, sendErrors: 0 };
  readonly largestCutPacketBytes: number;
  lastError: string | null = null;
  onTooLong: ((length: number) => void) | null = null;
  onDeparture: (() => void) | null = null;
  readonly #device: string;
  #mtu: number;
  readonly #sendmmsg: NonNullable<LibcSymbols["sendmmsg"]>;
  /** Frames within the MTU. */
  readonly #frames: Lane;
  /** Segments that the kernel cuts, one at a time; null where it does not. */
  readonly #large: Lane | null;
  readonly #plan = new CutPlan();
  /** Of the frames in {@link PacketTransmitter.#frames}. */
  #gatheredBytes = 0;
  #closed = false;

  constructor(options: PacketTransmitterOptions) {
    const { device, mode, mtu } = options;
    this.#device = device;
    this.#mtu = mtu;
    this.mode = mode;
    this.largestCutPacketBytes = mode === "gso" ? LARGEST_CUT_PACKET_BYTES : 0;
    const frameBytes = mtu + FRAME_OVERHEAD_BYTES;
    // First the one that may be refused.
    this.#large = mode === "gso" ? openLane(device, { capacity: 1, frameBytes: 0, withHeader: true }) : null;
    try {
      this.#frames = openLane(device, { capacity: SLOTS, frameBytes, withHeader: false });
    } catch (error) {
      if (this.#large !== null) libc().close(this.#large.socket);
      throw error;
    }
    const { sendmmsg } = libc();
    if (sendmmsg === null) throw new Error("sendmmsg vanished: openPacketSocket refuses systems without it");
    this.#sendmmsg = sendmmsg;
  }

  get mtu(): number {
    return this.#mtu;
  }

  set mtu(bytes: number) {
    this.#mtu = bytes;
    const { slots } = this.#frames;
    const frameBytes = bytes + FRAME_OVERHEAD_BYTES;
    // Not while they are being sent: what does not fit is sent by itself meanwhile.
    if (slots.count > 0 || slots.fits(frameBytes)) return;
    this.#frames.slots = new SendSlots({ capacity: SLOTS, frameBytes, withHeader: false });
  }

  send(frame: Uint8Array<ArrayBuffer>, length: number, cutBytes: number): void {
    const { slots } = this.#frames;
    if (cutBytes === 0 && slots.fits(length)) {
      slots.add(frame, length);
      this.#gatheredBytes += length;
      const isEnough = this.onDeparture !== null && this.#gatheredBytes >= WATCHED_BYTES;
      if (isEnough || slots.count === slots.capacity) this.flush();
      return;
    }
    this.flush();
    if (cutBytes === 0) {
      slots.point(frame, length, null);
      this.flush();
      return;
    }
    const large = this.#large;
    if (large === null || !planCut(frame, length, cutBytes, this.#plan)) {
      throw new RangeError(`A segment to be cut at ${cutBytes} bytes on a link that does not cut`);
    }
    large.slots.point(frame, length, this.#plan);
    this.#sendAll(large);
  }

  flush(): void {
    this.#gatheredBytes = 0;
    this.#sendAll(this.#frames);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc().close(this.#frames.socket);
    if (this.#large !== null) libc().close(this.#large.socket);
  }

  #sendAll(lane: Lane): void {
    const { slots, socket } = lane;
    const { count } = slots;
    if (count === 0) return;
    if (this.onDeparture !== null) this.onDeparture();
    const sent = this.#sendmmsg(socket, slots.messages[0], count, SOCKET.doNotWait);
    if (sent === count) this.#countSent(slots, 0, count);
    else this.#sendRest(lane, sent);
    slots.clear();
  }

  #countSent(slots: SendSlots, from: number, to: number): void {
    const { counts } = this;
    counts.framesOut += to - from;
    for (let slot = from; slot < to; slot++) counts.bytesOut += slots.lengthOf(slot);
  }

  /** The kernel stopped before the end: at the frame after those that it `sent`, or (-1) at the first. */
  #sendRest({ slots, socket }: Lane, sent: number): void {
    let next = 0;
    let taken = sent;
    for (;;) {
      if (taken > 0) {
        this.#countSent(slots, next, next + taken);
        next += taken;
      } else {
        this.#refused(slots, next);
        next++;
      }
      if (next >= slots.count) return;
      taken = this.#sendmmsg(socket, slots.messages[next], slots.count - next, SOCKET.doNotWait);
    }
  }

  #refused(slots: SendSlots, slot: number): void {
    const errnum = errno();
    const length = slots.lengthOf(slot);
    const text = errnoText(errnum);
    if (isGone(errnum)) {
      slots.clear();
      throw deviceLost(this.#device, text);
    }
    this.counts.sendErrors++;
    if (errnum === ERRNO.tooLong) this.onTooLong?.(length);
    this.lastError = refusalText(text, { length, mtu: this.#mtu });
  }
}
