/**
 * NeighborLink: what neighbors say of their addresses (ARP, neighbor discovery), over a packet socket of Linux that has no ring.
 *
 * Owns: the socket, its frames in and out. Must not know: what is asked, of whom.
 *
 * It is open in a fraction of a millisecond, where the kernel takes 20 to 40 ms for a capture ring: so the segment can be
 * asked about addresses while the ring is made. It carries the device's own hardware address, which answers reach
 * without promiscuous mode; a probe leaves no trace of it (RFC 5227 §1.1, RFC 4862 §5.4.2: the sender has no IP address).
 */

import { emptyLinkStats, type FrameHandler, type FrameLink, type LinkStats } from "../src/link/link.ts";
import { libc, type LibcSymbols } from "./libc.ts";
import { ignoreOutgoing, openPacketSocket, PacketSocketError } from "./packet_socket.ts";
import { Readiness } from "./readiness.ts";

/** EtherType, place and length of a tag (IEEE 802.1Q §9.3). */
const ETHERTYPE_VLAN = 0x8100;
const TAG_OFFSET = 12;
const TAG_BYTES = 4;
/** Local choice: ARP has 64 bytes with a tag, an advertisement with its options few more than 90; what is longer is cut. */
const FRAME_BYTES = 256;
/** Ethernet's own; all that is carried is far below it. */
const ETHERNET_MTU = 1500;
const US_PER_MS = 1000;

/** The neighbors' frames of one device as a FrameLink. Opened by {@link openNeighborLink}. */
class NeighborLink implements FrameLink {
  readonly name: string;
  readonly mtu = ETHERNET_MTU;
  readonly mac: Uint8Array;
  readonly maxPacketBytes = ETHERNET_MTU;
  readonly isCrowded = false;
  readonly #symbols: LibcSymbols = libc();
  readonly #socket: number;
  readonly #readiness: Readiness;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  /** Where a frame is read to: without the tag, which the kernel has taken off, and for which there is room. */
  readonly #untagged = this.#frame.subarray(TAG_BYTES);
  readonly #stats = emptyLinkStats();
  #closed = false;

  readonly #vlan: number | null;

  /** Owns `socket` from now on. */
  constructor(socket: number, options: { name: string; mac: Uint8Array; vlan: number | null }) {
    this.#vlan = options.vlan;
    this.#socket = socket;
    ignoreOutgoing(socket);
    this.#readiness = new Readiness(socket);
    this.name = options.name;
    this.mac = options.mac.slice();
  }

  receive(handler: FrameHandler, budget: number): number {
    let taken = 0;
    while (taken < budget && !this.#closed) {
      // An error (a device that has gone down) is silence, as on a cable that is out.
      const bytes = Number(this.#symbols.read(this.#socket, this.#untagged, BigInt(this.#untagged.length)));
      if (bytes <= 0) break;
      const length = this.#putTag(bytes);
      taken++;
      this.#stats.framesIn++;
      this.#stats.bytesIn += length;
      handler(this.#frame, length, Date.now() * US_PER_MS);
    }
    return taken;
  }

  /** Puts the tag back; returns the frame's length. The socket's filter let only frames through that had it. */
  #putTag(length: number): number {
    const frame = this.#frame;
    if (this.#vlan === null) {
      frame.copyWithin(0, TAG_BYTES);
      return length;
    }
    frame.copyWithin(0, TAG_BYTES, TAG_BYTES + TAG_OFFSET);
    frame.set([ETHERTYPE_VLAN >>> 8, ETHERTYPE_VLAN & 0xff, this.#vlan >>> 8, this.#vlan & 0xff], TAG_OFFSET);
    return length + TAG_BYTES;
  }

  send(frame: Uint8Array, length: number, _cutBytes?: number): void {
    // Native code reads `length` bytes whatever the array holds.
    if (length > frame.length) {
      throw new RangeError(`A frame of ${length} bytes in an array of ${frame.length}`);
    }
    if (this.#closed) return;
    // Frame memory is never shared or resizable; the type of the seam is wider than what native calls take.
    const sent = this.#symbols.write(this.#socket, frame as Uint8Array<ArrayBuffer>, BigInt(length));
    if (Number(sent) !== length) {
      this.#stats.sendErrors++;
      return;
    }
    this.#stats.framesOut++;
    this.#stats.bytesOut += length;
  }

  flush(): void {}

  wait(timeoutMs: number): Promise<void> {
    return this.#readiness.wait(timeoutMs);
  }

  wake(): void {
    this.#readiness.wake();
  }

  stats(): LinkStats {
    return { ...this.#stats };
  }

  /** Ends the link; the kernel takes some 10 ms to close such a socket, for which nobody has to wait. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#readiness.close(() => void this.#symbols.close_aside(this.#socket));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens it on a device with the hardware address `mac`, in a VLAN or (null) in none; null where there are no packet
 * sockets, or none for us.
 */
export function openNeighborLink(
  device: string,
  { mac, vlan }: { mac: Uint8Array; vlan: number | null },
): NeighborLink | null {
  try {
    const socket = openPacketSocket(device, { withHeader: false, receives: { vlan } });
    return new NeighborLink(socket, { name: device, mac, vlan });
  } catch (error) {
    if (error instanceof PacketSocketError) return null;
    throw error;
  }
}
