/**
 * Neighbors: ARP for the host's IPv4 addresses (RFC 826, RFC 5227).
 *
 * Owns: answers, announcements, defence of our addresses, probes, and the cache of hardware addresses with
 * one waiting frame each, asked for until somebody answers or nobody does. Must not know: TCP.
 */
import { BROADCAST_MAC, sameAddress } from "../wire/address.ts";
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

/** What neighbors need of the host. */
export interface NeighborHost {
  readonly mac: Uint8Array;
  readonly nowUs: number;
  /** Our IPv4 addresses. */
  readonly addresses: readonly Uint8Array[];
  transmit(frame: Uint8Array, length: number): void;
  /** Nobody answers for `address`; what waited for it is dropped, and the next wish to send there asks anew. */
  unreachable(address: Uint8Array): void;
  count(name: string): void;
}

interface Neighbor {
  readonly address: Uint8Array;
  mac: Uint8Array | null;
  /** Frame that waits for the address, its destination still to be filled in. */
  waiting: Uint8Array | null;
  /** Whom the requests are from: one of our addresses. */
  source: Uint8Array;
  /** Requests without an answer so far, 0 when nobody wants the address; and the time of the last. */
  requests: number;
  askedUs: number;
  /** Called when the address becomes known. */
  found: ((mac: Uint8Array) => void)[];
}

/** The hardware side of a host's IPv4 neighborhood. */
export class Neighbors {
  readonly #host: NeighborHost;
  readonly #packet = new ArpPacket();
  readonly #frame = new Uint8Array(SHORTEST_FRAME_BYTES + 4);
  readonly #cache = new Map<number, Neighbor>();
  readonly #probes: { address: Uint8Array; found: (mac: Uint8Array) => void }[] = [];
  #defendedUs = -Infinity;
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
      if (neighbor.mac !== null || neighbor.requests === 0) continue;
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

  /** Takes a parsed ARP packet that came with VLAN id `vlan` (-1 for none). */
  arrives(packet: ArpPacket, vlan: number): void {
    const host = this.#host;
    host.count("arp-in");
    if (sameAddress(packet.senderMac, host.mac)) return;
    for (const probe of this.#probes) {
      if (sameAddress(probe.address, packet.senderIp)) probe.found(packet.senderMac.slice());
    }
    const isOurs = host.addresses.some((address) => sameAddress(address, packet.senderIp));
    if (isOurs) {
      this.#defend(packet, vlan);
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
        vlan,
      });
      host.count("arp-replies-out");
    }
  }

  /** Announces an address once (RFC 5227 §2.3): a request for it from itself. */
  announce(address: Uint8Array, vlan = -1): void {
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: address,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
      vlan,
    });
  }

  /**
   * Sends a probe (RFC 5227 §2.1.1: sender address zero) and tells `found` of every stranger that shows itself with the
   * address, until the returned function is called.
   */
  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    const entry = { address: address.slice(), found };
    this.#probes.push(entry);
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: UNSPECIFIED,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
      vlan: -1,
    });
    return () => {
      const at = this.#probes.indexOf(entry);
      if (at >= 0) this.#probes.splice(at, 1);
    };
  }

  /** The hardware address of a neighbor, or null; then a request is sent and `found` called when it answers. */
  resolve(address: Uint8Array, source: Uint8Array, found: (mac: Uint8Array) => void): Uint8Array | null {
    const neighbor = this.#entry(address);
    if (neighbor.mac !== null) return neighbor.mac;
    // Bounded, as the frames are: the callers are connections of our own.
    neighbor.found.push(found);
    this.#wish(neighbor, source);
    return null;
  }

  /** Sends `frame` once the address is known; until then a copy is kept (RFC 1122 §2.3.2.2: the latest one). */
  hold(address: Uint8Array, source: Uint8Array, held: { frame: Uint8Array; length: number }): void {
    const neighbor = this.#entry(address);
    if (neighbor.mac !== null) {
      held.frame.set(neighbor.mac, 0);
      this.#host.transmit(held.frame, held.length);
      return;
    }
    neighbor.waiting = held.frame.slice(0, held.length);
    this.#wish(neighbor, source);
  }

  /** Begins to ask, unless that is going on. */
  #wish(neighbor: Neighbor, source: Uint8Array): void {
    neighbor.source = source;
    if (neighbor.requests === 0) this.#ask(neighbor);
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
      vlan: -1,
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
        waiting: null,
        source: UNSPECIFIED,
        requests: 0,
        askedUs: 0,
        found: [],
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
    neighbor.requests = 0;
    const { waiting, found } = neighbor;
    neighbor.waiting = null;
    neighbor.found = [];
    if (waiting !== null) {
      waiting.set(mac, 0);
      this.#host.transmit(waiting, waiting.length);
    }
    for (const tell of found) tell(mac);
  }

  /** Somebody else uses our address: say once in a while that it is ours (RFC 5227 §2.4 b). */
  #defend(packet: ArpPacket, vlan: number): void {
    this.#host.count("address-conflicts");
    if (this.#host.nowUs - this.#defendedUs < DEFEND_INTERVAL_US) return;
    this.#defendedUs = this.#host.nowUs;
    this.announce(packet.senderIp.slice(), vlan);
  }

  #send(arp: {
    operation: number;
    senderIp: Uint8Array;
    targetIp: Uint8Array;
    targetMac: Uint8Array;
    destination: Uint8Array;
    vlan: number;
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
      vlan: arp.vlan,
    });
    const length = header + emitArp(frame, header, packet);
    this.#host.transmit(frame, length < SHORTEST_FRAME_BYTES ? SHORTEST_FRAME_BYTES : length);
  }
}

function keyOf(address: Uint8Array): number {
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}
