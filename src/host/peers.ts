/**
 * Peers: who the connections of a host are with, and whom it knows.
 *
 * Owns: how many connections each peer has, and which addresses have proven to be real: one that has completed a
 * handshake got our SYN-ACK. Must not know: what follows from either (overload.ts).
 *
 * A peer is what {@link peerKey} makes of an address. Of those without a connection the known ones are remembered, the
 * latest of them: whoever completes handshakes from many addresses displaces no more than that.
 */
import { peerKey } from "./fair_shares.ts";
import { OldestFirst } from "./oldest_first.ts";

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

  constructor(readonly key: number | string) {}
}

/** The peers of one host. */
export class Peers {
  readonly #active = new Map<number | string, Peer>();
  /** Known, and without a connection. */
  readonly #remembered = new Map<number | string, Peer>();
  /** The same, in the order in which they left. */
  readonly #leavers = new OldestFirst<Peer>();
  /** The one that was remembered last; it may be back. */
  #latest: Peer | null = null;
  #connections = 0;

  /** The peer of an address, null when nothing is known of it. */
  find(address: Uint8Array): Peer | null {
    const key = peerKey(address);
    return this.#active.get(key) ?? this.#remembered.get(key) ?? null;
  }

  /**
   * Whether a peer has more than a few connections, and more than half of what one has on average, while there are others or
   * were just now. So whoever is alone is never greedy, and whoever holds a few more because he is served slowly is not either.
   */
  isGreedy({ connections }: Peer, nowUs: number): boolean {
    const active = this.#active.size;
    return connections > FEW_CONNECTIONS && 2 * connections * active > this.#connections &&
      (active > 1 || this.#hasNearby(nowUs));
  }

  #hasNearby(nowUs: number): boolean {
    const latest = this.#latest;
    return latest !== null && latest.connections === 0 && nowUs - latest.leftUs < NEARBY_US;
  }

  /** A connection with this address begins. */
  join(address: Uint8Array): Peer {
    const key = peerKey(address);
    let peer = this.#active.get(key);
    if (peer === undefined) {
      peer = this.#remembered.get(key) ?? new Peer(key);
      this.#forget(peer);
      this.#active.set(key, peer);
    }
    peer.connections++;
    this.#connections++;
    return peer;
  }

  /** A connection with it has ended. */
  leave(peer: Peer, nowUs: number): void {
    this.#connections--;
    if (--peer.connections > 0) return;
    this.#active.delete(peer.key);
    if (!peer.isKnown) return;
    peer.leftUs = nowUs;
    this.#latest = peer;
    this.#remember(peer);
  }

  #remember(peer: Peer): void {
    this.#remembered.set(peer.key, peer);
    this.#leavers.add(peer);
    const { size, oldest } = this.#leavers;
    if (size > REMEMBERED && oldest !== null) this.#forget(oldest);
  }

  #forget(peer: Peer): void {
    if (this.#leavers.delete(peer)) this.#remembered.delete(peer.key);
  }
}
