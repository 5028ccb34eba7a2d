/**
 * NextHops: by way of which station each connection's packets go.
 *
 * Owns: the choice, and what a connection may say about it. Must not know: how neighbors are asked, frames, why something is sent.
 *
 * What a client sends is answered the way it came, without a question in between. Who has an address of our own networks
 * is then its owner's word to the neighbors' protocol (ARP, NDP) alone: a segment from elsewhere, however good, makes us ask, and no more. Behind a router that
 * was not named to us nobody can be asked, so there a connection follows the segments that continue its streams exactly
 * (both numbers as awaited, which a stranger cannot guess), and no others.
 */
import { sameAddress } from "../wire/address.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import { Neighbor } from "./neighbor.ts";
import type { NeighborCache } from "./neighbor_cache.ts";
import type { Routes } from "./routes.ts";

const MAC_BYTES = 6;

/** What next hops are chosen with. */
interface NextHopsOptions {
  readonly routes: Routes;
  readonly cache: NeighborCache;
}

/** What a connection is here. */
export type Traveller = Pick<Connection, "hop" | "localAddress" | "peerAddress">;

/** The next hops of one host's connections. */
export class NextHops {
  readonly #routes: Routes;
  readonly #cache: NeighborCache;
  /** The station known by its frames alone that came last: most strangers come by the same router. */
  #nameless = new Neighbor(null, new Uint8Array(MAC_BYTES));

  constructor(options: NextHopsOptions) {
    this.#routes = options.routes;
    this.#cache = options.cache;
  }

  /** The way of a connection that we begin. */
  begin(connection: Traveller): void {
    // Who begins one has looked whether there is a way.
    const hop = this.#routes.nextHop(connection.peerAddress) ?? connection.peerAddress;
    const entry = this.#cache.entry(hop, connection.localAddress);
    this.#go(connection, entry);
    // Known by its own segments alone, that is good enough for what it began, and no word of the neighbors' protocol.
    if (entry.mac !== null && entry.heardUs === -Infinity) this.#cache.doubt(entry, true);
  }

  /** The way of a connection that a segment from there begins; what only answers once need not be `counted`. */
  came(connection: Traveller, from: { hop: Neighbor; counted: boolean }): void {
    const { mac } = from.hop;
    const hop = mac === null ? from.hop : this.#knownAs(connection, mac) ?? from.hop;
    if (from.counted) this.#go(connection, hop);
    else connection.hop = hop;
  }

  /** It is over. */
  end(connection: Traveller): void {
    this.#cache.release(connection.hop, connection);
  }

  /** What the connection sends gets there: a segment has brought it forward. */
  confirm(hop: Neighbor): void {
    this.#cache.confirm(hop);
  }

  /**
   * A segment that has brought the connection forward came from another station. `isExact`: it began where the one before
   * had ended.
   */
  cameFromElsewhere(connection: Traveller, from: Arrival, isExact: boolean): void {
    const { hop } = connection;
    if (hop.mac !== null && hop.address !== null && this.#isItsOwnWord(connection, hop.address)) {
      this.#cache.doubt(hop, true);
      return;
    }
    if (!isExact) return;
    const mac = from.bytes.subarray(from.macOffset, from.macOffset + MAC_BYTES);
    this.#go(connection, this.#knownAs(connection, mac) ?? this.#namelessWith(mac));
  }

  /** Something has to be sent again. */
  sendingAgain(hop: Neighbor): void {
    this.#cache.sendingAgain(hop);
  }

  /** Keeps the frame until the connection's next hop is known. */
  hold(
    connection: Traveller,
    held: { frame: Uint8Array; length: number; cutBytes: number; label: number },
  ): void {
    this.#cache.hold(connection.hop, { holder: connection, ...held });
  }

  /** The handshake is over: the peer is where the answer went, and gets an entry where it has none. */
  established(connection: Traveller): void {
    const { hop, peerAddress } = connection;
    if (hop.address !== null || hop.mac === null) return;
    const known = this.#knownAs(connection, hop.mac);
    if (known !== null) {
      this.#go(connection, known);
    } else if (this.#routes.isOnLink(peerAddress)) {
      const entry = this.#cache.find(peerAddress);
      if (entry === null) this.#go(connection, this.#reached(connection, hop.mac));
      else this.#cache.doubt(entry, true);
    }
  }

  /** Nothing gets through (MUST-20): the way is in doubt. */
  doubt(connection: Traveller): void {
    const { hop, peerAddress, localAddress } = connection;
    if (hop.address === null && hop.mac !== null) {
      // Not the way that the cache knows: then that one is tried.
      if (this.#routes.isOnLink(peerAddress)) {
        this.#go(connection, this.#cache.find(peerAddress) ?? this.#reached(connection, hop.mac));
        connection.hop.source = localAddress;
      } else {
        const router = this.#routerWith(connection, hop.mac);
        if (router !== null) this.#go(connection, router);
      }
    }
    this.#cache.doubt(connection.hop, false);
  }

  /**
   * Nobody answers for the next hop: whoever goes by way of a router takes another one that is known (RFC 4861 §7.3.3), and what
   * is sent again goes there. Returns whether there is one.
   */
  gone(connection: Traveller): boolean {
    const { hop, peerAddress, localAddress } = connection;
    if (hop.address === null || this.#routes.isOnLink(peerAddress)) return false;
    const router = this.#routes.nextHop(peerAddress);
    if (router === null || sameAddress(router, hop.address)) return false;
    this.#go(connection, this.#cache.entry(router, localAddress));
    return true;
  }

  #reached(connection: Traveller, mac: Uint8Array): Neighbor {
    const { peerAddress, localAddress: source } = connection;
    return this.#cache.reached(peerAddress, mac, { source });
  }

  /** Whether the connection's next hop speaks for itself: the peer, or a router that is known to us. */
  #isItsOwnWord({ peerAddress }: Traveller, hop: Uint8Array): boolean {
    return sameAddress(hop, peerAddress) || this.#routes.isRouter(hop);
  }

  /** The entry that says the same as the frame: the peer's own, or for one elsewhere the router with that hardware address. */
  #knownAs(connection: Traveller, mac: Uint8Array): Neighbor | null {
    const { peerAddress } = connection;
    if (!this.#routes.isOnLink(peerAddress)) return this.#routerWith(connection, mac);
    const entry = this.#cache.find(peerAddress);
    return entry !== null && entry.mac !== null && sameAddress(mac, entry.mac) ? entry : null;
  }

  /** A router has an address of either family; it is asked for by the protocol of the connection's. */
  #routerWith({ peerAddress }: Traveller, mac: Uint8Array): Neighbor | null {
    return this.#cache.findByMac(mac, peerAddress.length);
  }

  #namelessWith(mac: Uint8Array): Neighbor {
    const last = this.#nameless;
    if (last.mac !== null && sameAddress(mac, last.mac)) return last;
    this.#nameless = new Neighbor(null, mac.slice());
    return this.#nameless;
  }

  #go(connection: Traveller, hop: Neighbor): void {
    const before = connection.hop;
    if (before === hop) return;
    connection.hop = hop;
    this.#cache.use(hop);
    this.#cache.release(before, connection);
  }
}
