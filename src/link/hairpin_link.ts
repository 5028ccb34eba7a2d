/**
 * hairpinLink: a link decorator for several hosts of ours on one device. What one of them sends to another comes back on the
 * same link, as it does at a bridge's port in hairpin mode: the device's kernel would not send it back.
 *
 * Owns: which frames come back, in what order, and how many may wait. What is for one of these hosts never gets to the device;
 * what is for a group goes both ways. Must not know: what is in a frame behind its addresses, to which host of ours it is given
 * (host/host_group.ts).
 *
 * IEEE 802.1Q §6.7.1 (MAC address forwarding) in its simplest form: the stations are known, and nothing is learnt.
 */
import { bytesEqual, isMulticastMac } from "../wire/address.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import type { FrameHandler, FrameLink, HostLink, LinkStats } from "./link.ts";
import { LinkOver } from "./link_over.ts";
import { FrameCutter } from "./merged_frames.ts";

/** Local choice: frames that may wait, as many as a capture ring of 64 MiB has slots for the largest. */
const MOST_WAITING = 1024;

/** Local choice: hosts of one lab; each frame is compared with so many addresses. */
export const MOST_STATIONS = 64;

/**
 * Joins the stations with these hardware addresses on `link`, which belongs to the returned one. Throws RangeError for more
 * than {@link MOST_STATIONS}.
 */
export function hairpinLink(link: FrameLink, macs: readonly Uint8Array[]): FrameLink {
  if (macs.length > MOST_STATIONS) throw new RangeError(`A link has ${MOST_STATIONS} stations at most`);
  return new HairpinLink(link, macs);
}

/** The link as the station with this hardware address has it. */
export function stationLink(link: FrameLink, mac: Uint8Array): HostLink {
  return {
    mac,
    get name() {
      return link.name;
    },
    get mtu() {
      return link.mtu;
    },
    get maxPacketBytes() {
      return link.maxPacketBytes;
    },
    send: (frame, length, cutBytes, label) => link.send(frame, length, cutBytes, label),
  };
}

class HairpinLink extends LinkOver {
  readonly #macs: readonly Uint8Array[];
  #waiting: Uint8Array[] = [];
  /** Frames for which there was no room. */
  #lost = 0;
  readonly #cutter: FrameCutter;
  #onDeparture: (() => void) | null = null;

  constructor(link: FrameLink, macs: readonly Uint8Array[]) {
    super(link);
    this.#macs = macs.map((mac) => mac.slice());
    this.#cutter = new FrameCutter(link.mtu);
  }

  override get isCrowded(): boolean {
    return this.link.isCrowded || this.#waiting.length > MOST_WAITING / 2;
  }

  override receive(handler: FrameHandler, budget: number): number {
    // What a handler sends to another station and that one answers waits for the next call, or two could go on for ever.
    const near = this.#waiting.length;
    if (near === 0) return this.link.receive(handler, budget);
    // Whoever tells of both hears that a frame has left before it comes back.
    this.flush();
    this.#onDeparture?.();
    // Those of the device first, which are older; but a device that is never empty leaves half of the turn.
    const taken = this.link.receive(handler, budget - Math.min(near, budget >> 1));
    return taken + this.#takeWaiting(handler, Math.min(near, budget - taken));
  }

  #takeWaiting(handler: FrameHandler, count: number): number {
    const frames = this.#waiting.splice(0, count);
    for (const frame of frames) handler(frame, frame.length, 0);
    return frames.length;
  }

  override send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    if (isMulticastMac(frame, ETHERNET.DESTINATION)) {
      this.#comesBack(frame, length);
    } else if (this.#macs.some((mac) => bytesEqual(frame, ETHERNET.DESTINATION, mac))) {
      this.#cutter.mtu = this.mtu;
      // Nobody below finishes the checksum of one that is left to be cut.
      if (cutBytes > 0 && this.#cutter.cut(frame, length, this.#comesBack)) return;
      this.#comesBack(frame, length);
      return;
    }
    this.link.send(frame, length, cutBytes, label);
  }

  readonly #comesBack = (frame: Uint8Array, length: number) => {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(frame.slice(0, length));
    if (this.#waiting.length === 1) this.link.wake();
  };

  override get onDeparture(): (() => void) | null {
    return this.#onDeparture;
  }

  override set onDeparture(called: (() => void) | null) {
    this.#onDeparture = called;
    this.link.onDeparture = called;
  }

  override wait(timeoutMs: number): Promise<void> {
    return this.#waiting.length > 0 ? Promise.resolve() : this.link.wait(timeoutMs);
  }

  /** The device's; a frame for which there was no room here counts as what a ring loses. */
  override stats(): LinkStats {
    const stats = this.link.stats();
    return { ...stats, droppedByRing: stats.droppedByRing + this.#lost };
  }

  override close(): void {
    this.#waiting = [];
    this.link.close();
  }
}
