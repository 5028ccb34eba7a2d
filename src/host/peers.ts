/**
 * Peers: who the connections of a host are with, and whom it knows.
 *
 * Owns: how many connections each peer has, and which addresses have proven to be real: one that has completed a
 * handshake got our SYN-ACK. Must not know: what follows from either (overload.ts).
 *
 * A peer is one IPv4 address, or one IPv6 network of 64 bits: inside of it a host chooses its address as it likes (RFC 4291
 * §2.5.1), and no site is given less (RFC 6177 §2), so that whoever sits there could be 2^64 peers otherwise. Neighbors on one
 * link are one peer by this; whoever has a /48 is as many as somebody with 65,536 IPv4 addresses. Of those without a connection
 * the known ones are remembered, the latest of them: whoever completes handshakes from many addresses displaces no more than
 * that.
 */
import { IPV4 } from "../wire/ipv4.ts";
import { wordAt } from "./address_hash.ts";
import { AddressMap } from "./address_map.ts";
import { OldestFirst } from "./oldest_first.ts";

/** RFC 4291 §2.5.1: the prefix before an interface identifier. */
const NETWORK_BYTES = 8;
/** Local choice: a browser opens up to 6 to one server. */
const FEW_CONNECTIONS = 8;
/** Local choice: of as many hosts as a lab may have. */
const REMEMBERED = 4096;
/** Local choice: who has left a minute ago may come back, and is somebody to be protected. */
const NEARBY_US = 60_000_000;

/** One peer. */
export class Peer {
  /** Live connections with it, those in TIME_WAIT among them. */
  connections = 0;
  /** Whether a handshake with it was completed. */
  isKnown = false;
  /** When its last connection ended. */
  leftUs = -Infinity;

  /** `address`: one of its addresses. */
  constructor(readonly address: Uint8Array) {}
}

/** The peers of one host. */
export class Peers {
  /** Those with a connection, and those that are known and remembered. */
  readonly #peers: AddressMap<Peer>;
  /** How many have a connection. */
  #active = 0;
  /** Known, and without a connection, in the order in which they left. */
  readonly #leavers = new OldestFirst<Peer>();
  /** The one that was remembered last; it may be back. */
  #latest: Peer | null = null;
  #connections = 0;

  /** `seed`: 32 random bits. */
  constructor(seed: number) {
    this.#peers = new AddressMap(seed);
  }

  /** The peer of the address at `offset`, null when nothing is known of it. */
  find(bytes: Uint8Array, offset = 0, addressBytes: number = bytes.length): Peer | null {
    return this.#peers.get(bytes, offset, keyBytes(addressBytes));
  }

  /**
   * Whether a peer has more than a few connections, and more than half of what one has on average, while there are others or
   * were just now. So whoever is alone is never greedy, and whoever holds a few more because he is served slowly is not either.
   */
  isGreedy({ connections }: Peer, nowUs: number): boolean {
    const active = this.#active;
    return connections > FEW_CONNECTIONS && 2 * connections * active > this.#connections &&
      (active > 1 || this.#hasNearby(nowUs));
  }

  #hasNearby(nowUs: number): boolean {
    const latest = this.#latest;
    return latest !== null && latest.connections === 0 && nowUs - latest.leftUs < NEARBY_US;
  }

  /** A connection with this address, which stays as it is, begins. */
  join(address: Uint8Array): Peer {
    let peer = this.find(address);
    if (peer === null) {
      peer = new Peer(address);
      this.#peers.set(address, keyBytes(address.length), peer);
    }
    if (peer.connections === 0) {
      this.#leavers.delete(peer);
      this.#active++;
    }
    peer.connections++;
    this.#connections++;
    return peer;
  }

  /** A connection with it has ended. */
  leave(peer: Peer, nowUs: number): void {
    this.#connections--;
    if (--peer.connections > 0) return;
    this.#active--;
    if (!peer.isKnown) {
      this.#forget(peer);
      return;
    }
    peer.leftUs = nowUs;
    this.#latest = peer;
    this.#leavers.add(peer);
    const { size, oldest } = this.#leavers;
    if (size <= REMEMBERED || oldest === null) return;
    this.#leavers.delete(oldest);
    this.#forget(oldest);
  }

  #forget({ address }: Peer): void {
    this.#peers.delete(address, keyBytes(address.length));
  }
}

/** What stands for the peer of an address in tables that are small or seldom looked into; a number for IPv4. */
export function peerKey(address: Uint8Array): number | string {
  if (address.length === IPV4.ADDRESS_BYTES) return wordAt(address, 0);
  return `${wordAt(address, 0)}:${wordAt(address, 4)}`;
}

/** How many bytes of an address of so many stand for its peer. */
function keyBytes(addressBytes: number): number {
  return addressBytes === IPV4.ADDRESS_BYTES ? addressBytes : NETWORK_BYTES;
}
