/**
 * NeighborNotices: what a person is told of neighbors: one has moved, or wants an address of ours.
 *
 * Owns: the words, and how often they are said. Must not know: the protocol that brought the news.
 */
import { formatIpAddress, formatMac } from "../wire/address.ts";
import type { AddressConflict } from "./address_claims.ts";
import type { Neighbor } from "./neighbor.ts";

/** Local choice: what a person reads; the counter `neighbors-moved` has them all. */
const MOVE_NOTICE_INTERVAL_US = 10_000_000;
const MOVE_NOTICES_APART_US = 1_000_000;

/** Whom it is told to. */
interface NeighborNoticesOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  notice(kind: string, message: string): void;
}

/** The notices about neighbors of one host. */
export class NeighborNotices {
  readonly #options: NeighborNoticesOptions;
  #moveToldUs = -Infinity;

  constructor(options: NeighborNoticesOptions) {
    this.#options = options;
  }

  /** Somebody else says that an address of ours is its own. */
  conflict({ address, mac, times }: AddressConflict): void {
    const ours = formatIpAddress(address);
    const often = times > 1 ? `, ${times} times since the last notice` : "";
    this.#options.notice(
      "address-conflict",
      `${
        formatMac(mac)
      } says that it has ${ours}, which is ours${often}: it is defended, and one of the two must give it up`,
    );
  }

  /** Somebody may move neighbors to and fro as often as it likes: a person is told once a second, of each once in ten. */
  moved(neighbor: Neighbor, from: Uint8Array): void {
    const { mac, address, users } = neighbor;
    const { nowUs } = this.#options.clock;
    if (mac === null || address === null || nowUs - neighbor.toldUs < MOVE_NOTICE_INTERVAL_US) return;
    if (nowUs - this.#moveToldUs < MOVE_NOTICES_APART_US) return;
    neighbor.toldUs = nowUs;
    this.#moveToldUs = nowUs;
    const what = users === 1 ? "1 connection follows" : `${users} connections follow`;
    const protocol = address.length === 4 ? "ARP" : "NDP";
    this.#options.notice(
      "neighbor-moved",
      `${formatIpAddress(address)} has moved from ${formatMac(from)} to ${
        formatMac(mac)
      }, by its own word (${protocol}): ${what}`,
    );
  }
}
