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

/** Local choice: a class with a computer each uses fewer; a person's browser opens up to 6 to one server. */
const MODEST_CONNECTIONS = 16;
/** Local choice: half a MiB. */
const REMEMBERED = 4096;

/** One peer. */
export class Peer {
  /** Live connections with it, those in TIME_WAIT among them. */
  connections = 0;
  /** Whether a handshake with it was completed. */
  isKnown = false;

  constructor(readonly key: number | string) {}

  /** Whether it has no more than a person would open. */
  get isModest(): boolean {
    return this.connections <= MODEST_CONNECTIONS;
  }
}

/** The peers of one host. */
export class Peers {
  readonly #active = new Map<number | string, Peer>();
  /** Known, and without a connection; the one that left first comes first. */
  readonly #remembered = new Map<number | string, Peer>();
  #modestKnown = 0;

  /** How many are known and have little; those who may need to be protected. */
  get modestKnown(): number {
    return this.#modestKnown;
  }

  /** The peer of an address, null when nothing is known of it. */
  find(address: Uint8Array): Peer | null {
    const key = peerKey(address);
    return this.#active.get(key) ?? this.#remembered.get(key) ?? null;
  }

  /** A connection with this address begins. */
  join(address: Uint8Array): Peer {
    const key = peerKey(address);
    let peer = this.#active.get(key);
    if (peer === undefined) {
      peer = this.#remembered.get(key) ?? new Peer(key);
      this.#remembered.delete(key);
      this.#active.set(key, peer);
    }
    this.#uncountModest(peer);
    peer.connections++;
    this.#countModest(peer);
    return peer;
  }

  /** A connection with it has ended. */
  leave(peer: Peer): void {
    this.#uncountModest(peer);
    peer.connections--;
    this.#countModest(peer);
    if (peer.connections > 0) return;
    this.#active.delete(peer.key);
    if (peer.isKnown) this.#remember(peer);
  }

  /** A handshake with it is complete. */
  answers(peer: Peer): void {
    if (peer.isKnown) return;
    peer.isKnown = true;
    this.#countModest(peer);
  }

  #remember(peer: Peer): void {
    this.#remembered.set(peer.key, peer);
    if (this.#remembered.size <= REMEMBERED) return;
    const [first] = this.#remembered;
    this.#remembered.delete(first[0]);
    this.#modestKnown--;
  }

  #uncountModest(peer: Peer): void {
    if (peer.isKnown && peer.isModest) this.#modestKnown--;
  }

  #countModest(peer: Peer): void {
    if (peer.isKnown && peer.isModest) this.#modestKnown++;
  }
}
