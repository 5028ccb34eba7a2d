/**
 * Neighbors: ARP for the host's IPv4 addresses (RFC 826, RFC 5227).
 *
 * Owns: answers, announcements, defence of our addresses, probes, and the cache of hardware addresses with the frames
 * that wait for one, asked for until somebody answers or nobody does. Must not know: TCP.
 */
import { BROADCAST_MAC, isMulticastMac, sameAddress } from "../wire/address.ts";
import { ARP_OPERATION, ArpPacket, emitArp } from "../wire/arp.ts";
import { emitEthernet, ETHERTYPE } from "../wire/ethernet.ts";

const UNSPECIFIED = new Uint8Array(4);
const NO_MAC = new Uint8Array(6);
/** Local choice: entries of the cache; the oldest goes first. A stranger cannot make it grow further. */
const CACHE_ENTRIES = 1024;
/** Ethernet's shortest frame without its checksum. */
const SHORTEST_FRAME_BYTES = 60;
/** RFC 5227 §2.4: DEFEND_INTERVAL. */
const DEFEND_INTERVAL_US = 10_000_000;
/** RFC 1122 §2.3.2.1: at most one request a second for the same address. */
const REQUEST_INTERVAL_US = 1_000_000;
/** Local choice, as in Linux (`mcast_solicit`): requests without an answer after which nobody is there, a second after the last. */
const MOST_REQUESTS = 3;
/** RFC 1122 §2.3.2.1: how long an entry counts without a packet from its owner, of the order of a minute. */
const ENTRY_LIFE_US = 60_000_000;
/** Local choice: frames that wait for one neighbor, and their bytes; the oldest goes first (RFC 1122 §2.3.2.2). */
const HELD_FRAMES = 64;
const HELD_BYTES = 0x10000;
/** Local choice: three requests go unanswered in it, and whoever sent the frame has sent it again. */
const HELD_LIFE_US = 3_000_000;

/** What neighbors need of the host. */
interface NeighborHost {
  readonly mac: Uint8Array;
  /** The VLAN that all our frames belong to, -1 for none. */
  readonly vlan: number;
  readonly nowUs: number;
  /** Our IPv4 addresses. */
  readonly addresses: readonly Uint8Array[];
  transmit(frame: Uint8Array, length: number): void;
  /** Nobody answers for `address`; what waited for it is dropped, and the next wish to send there asks anew. */
  unreachable(address: Uint8Array): void;
  count(name: string): void;
}

/** Who had a frame held; it is told the hardware address when the frame leaves. */
export interface FrameHolder {
  peerMac: Uint8Array | null;
}

/** A frame that waits for the address, its destination still to be filled in. */
interface HeldFrame {
  readonly holder: FrameHolder;
  readonly frame: Uint8Array;
  readonly heldUs: number;
}

interface Neighbor {
  readonly address: Uint8Array;
  mac: Uint8Array | null;
  /** When its owner last said that the address is right. */
  heardUs: number;
  /** Whom the requests are from: one of our addresses. */
  source: Uint8Array;
  /** Requests without an answer so far, 0 when nobody wants the address; and the time of the last. */
  requests: number;
  askedUs: number;
  /** Oldest first; at most one of each holder. */
  held: HeldFrame[];
}

interface Probe {
  readonly address: Uint8Array;
  readonly found: (mac: Uint8Array) => void;
}

/** The hardware side of a host's IPv4 neighborhood. */
export class Neighbors {
  readonly #host: NeighborHost;
  readonly #packet = new ArpPacket();
  readonly #frame = new Uint8Array(SHORTEST_FRAME_BYTES + 4);
  readonly #cache = new Map<number, Neighbor>();
  readonly #probes = new Set<Probe>();
  /** When each address of ours was last defended. */
  readonly #defendedUs = new Map<number, number>();
  /** When the next request, or the end of one's patience, is due. */
  #dueUs = Infinity;

  constructor(host: NeighborHost) {
    this.#host = host;
  }

  /** The earliest deadline, Infinity when nobody is being asked for. */
  get nextDeadlineUs(): number {
    return this.#dueUs;
  }

  /** Asks again for those that have not answered within a second, and gives up on those asked for often enough. */
  tick(): void {
    const { nowUs } = this.#host;
    if (nowUs < this.#dueUs) return;
    this.#dueUs = Infinity;
    const gone: Uint8Array[] = [];
    for (const [key, neighbor] of this.#cache) {
      if (neighbor.requests === 0) continue;
      const dueUs = neighbor.askedUs + REQUEST_INTERVAL_US;
      if (dueUs > nowUs) {
        this.#dueUs = Math.min(this.#dueUs, dueUs);
      } else if (neighbor.requests < MOST_REQUESTS) {
        this.#ask(neighbor);
      } else {
        this.#cache.delete(key);
        gone.push(neighbor.address);
      }
    }
    // Last: whoever is told may want to send to it again.
    for (const address of gone) this.#host.unreachable(address);
  }

  /** Takes a parsed ARP packet. */
  arrives(packet: ArpPacket): void {
    const host = this.#host;
    host.count("arp-in");
    if (sameAddress(packet.senderMac, host.mac)) return;
    if (isMulticastMac(packet.senderMac)) {
      // No one host has it; what is sent to it goes to everybody (RFC 1812 §3.3.2).
      host.count("arp-bad-sender");
      return;
    }
    for (const probe of this.#probes) {
      if (isClaimOf(probe.address, packet)) probe.found(packet.senderMac.slice());
    }
    const isOurs = host.addresses.some((address) => sameAddress(address, packet.senderIp));
    if (isOurs) {
      this.#defend(packet);
      return;
    }
    const isForUs = host.addresses.some((address) => sameAddress(address, packet.targetIp));
    this.#learn(packet, isForUs);
    if (isForUs && packet.operation === ARP_OPERATION.REQUEST) {
      this.#send({
        operation: ARP_OPERATION.REPLY,
        senderIp: packet.targetIp.slice(),
        targetIp: packet.senderIp,
        targetMac: packet.senderMac,
        destination: packet.senderMac,
      });
      host.count("arp-replies-out");
    }
  }

  /** Announces an address once (RFC 5227 §2.3): a request for it from itself. */
  announce(address: Uint8Array): void {
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: address,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
    });
  }

  /**
   * Sends a probe (RFC 5227 §2.1.1: sender address zero) and tells `found` of every stranger that shows itself with the
   * address, or probes for it as we do, until the returned function is called.
   */
  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    const entry: Probe = { address: address.slice(), found };
    this.#probes.add(entry);
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: UNSPECIFIED,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
    });
    return () => {
      this.#probes.delete(entry);
    };
  }

  /** The hardware address of a neighbor; null when nobody has told it within an entry's life. */
  resolve(address: Uint8Array): Uint8Array | null {
    const neighbor = this.#cache.get(keyOf(address));
    return neighbor === undefined ? null : this.#macOf(neighbor);
  }

  /**
   * Sends a copy of `frame` once the address is known, and asks for it; the latest frame of each holder counts. Its
   * destination is filled in here, and the holder told.
   */
  hold(
    address: Uint8Array,
    source: Uint8Array,
    held: { holder: FrameHolder; frame: Uint8Array; length: number },
  ): void {
    const neighbor = this.#entry(address);
    const { holder } = held;
    const frame = held.frame.slice(0, held.length);
    const mac = this.#macOf(neighbor);
    if (mac !== null) {
      this.#release(mac, { holder, frame, heldUs: this.#host.nowUs });
      return;
    }
    const waiting = neighbor.held.filter((other) => other.holder !== holder);
    waiting.push({ holder, frame, heldUs: this.#host.nowUs });
    let bytes = waiting.reduce((sum, other) => sum + other.frame.length, 0);
    while (waiting.length > HELD_FRAMES || (bytes > HELD_BYTES && waiting.length > 1)) {
      bytes -= waiting.shift()?.frame.length ?? 0;
    }
    neighbor.held = waiting;
    neighbor.source = source;
    // Unless that is going on.
    if (neighbor.requests === 0) this.#ask(neighbor);
  }

  /** An entry that has outlived itself is asked for anew, as if it had never been known. */
  #macOf(neighbor: Neighbor): Uint8Array | null {
    return this.#host.nowUs - neighbor.heardUs < ENTRY_LIFE_US ? neighbor.mac : null;
  }

  #release(mac: Uint8Array, { holder, frame }: HeldFrame): void {
    holder.peerMac = mac;
    frame.set(mac, 0);
    this.#host.transmit(frame, frame.length);
  }

  #ask(neighbor: Neighbor): void {
    const { nowUs } = this.#host;
    neighbor.askedUs = nowUs;
    neighbor.requests++;
    this.#dueUs = Math.min(this.#dueUs, nowUs + REQUEST_INTERVAL_US);
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: neighbor.source,
      targetIp: neighbor.address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
    });
  }

  #entry(address: Uint8Array): Neighbor {
    const key = keyOf(address);
    let neighbor = this.#cache.get(key);
    if (neighbor === undefined) {
      if (this.#cache.size >= CACHE_ENTRIES) {
        const oldest = this.#cache.keys().next().value;
        if (oldest !== undefined) this.#cache.delete(oldest);
      }
      neighbor = {
        address: address.slice(),
        mac: null,
        heardUs: -Infinity,
        source: UNSPECIFIED,
        requests: 0,
        askedUs: 0,
        held: [],
      };
      this.#cache.set(key, neighbor);
    }
    return neighbor;
  }

  /** RFC 826: an entry that is there is updated; a new one is made only when the packet is for us. */
  #learn(packet: ArpPacket, isForUs: boolean): void {
    if (sameAddress(packet.senderIp, UNSPECIFIED)) return;
    const key = keyOf(packet.senderIp);
    if (!isForUs && !this.#cache.has(key)) return;
    const neighbor = this.#entry(packet.senderIp);
    const mac = packet.senderMac.slice();
    neighbor.mac = mac;
    neighbor.heardUs = this.#host.nowUs;
    neighbor.requests = 0;
    const { held } = neighbor;
    neighbor.held = [];
    for (const one of held) {
      if (this.#host.nowUs - one.heldUs < HELD_LIFE_US) this.#release(mac, one);
    }
  }

  /** Somebody else uses our address: say once in a while that it is ours, and keep it (RFC 5227 §2.4 c). */
  #defend(packet: ArpPacket): void {
    const { nowUs } = this.#host;
    this.#host.count("address-conflicts");
    const key = keyOf(packet.senderIp);
    if (nowUs - (this.#defendedUs.get(key) ?? -Infinity) < DEFEND_INTERVAL_US) return;
    this.#defendedUs.set(key, nowUs);
    this.announce(packet.senderIp.slice());
  }

  #send(arp: {
    operation: number;
    senderIp: Uint8Array;
    targetIp: Uint8Array;
    targetMac: Uint8Array;
    destination: Uint8Array;
  }): void {
    const packet = this.#packet;
    packet.operation = arp.operation;
    packet.senderMac.set(this.#host.mac);
    packet.senderIp.set(arp.senderIp);
    packet.targetMac.set(arp.targetMac);
    packet.targetIp.set(arp.targetIp);
    const frame = this.#frame;
    frame.fill(0);
    const header = emitEthernet(frame, {
      destination: arp.destination,
      source: this.#host.mac,
      type: ETHERTYPE.ARP,
      vlan: this.#host.vlan,
    });
    const length = header + emitArp(frame, header, packet);
    this.#host.transmit(frame, length < SHORTEST_FRAME_BYTES ? SHORTEST_FRAME_BYTES : length);
  }
}

/** Whether somebody has the address, or is about to take it (RFC 5227 §2.1.1). */
function isClaimOf(address: Uint8Array, packet: ArpPacket): boolean {
  if (sameAddress(packet.senderIp, address)) return true;
  return packet.operation === ARP_OPERATION.REQUEST && sameAddress(packet.senderIp, UNSPECIFIED) &&
    sameAddress(packet.targetIp, address);
}

function keyOf(address: Uint8Array): number {
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}
