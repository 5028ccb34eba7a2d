/**
 * MulticastGroup: an IPv6 group that we listen to, or have just left.
 *
 * Owns: the record, and which groups are reported at all. Must not know: who changes it (multicast_groups.ts), messages.
 */
import { sameAddress } from "../wire/address.ts";
import { ADDRESS_SCOPE, scopeOf } from "../wire/address_scope.ts";
import { ALL_NODES } from "../wire/derived_address.ts";

/** One group. */
export class MulticastGroup {
  readonly address: Uint8Array;
  /** The next one with the same last four bytes. */
  next: MulticastGroup | null = null;
  /** How often it was joined; 0 of one that was left. */
  users = 0;
  /** How often the change to what it is now is yet to be told, and when next. */
  changesLeft = 0;
  changeUs = Infinity;
  /** When a query about it alone is answered (RFC 3810 §6.2: the Multicast Address Timer). */
  answerUs = Infinity;
  /** The sources that were asked about, empty for all. */
  answerSources: Uint8Array[] = [];

  constructor(address: Uint8Array) {
    this.address = address.slice();
  }
}

/** RFC 3810 §6: nothing is ever said of ff02::1, nor of groups that do not leave the host. */
export function isReported(address: Uint8Array): boolean {
  return scopeOf(address) > ADDRESS_SCOPE.INTERFACE && !sameAddress(address, ALL_NODES);
}

/** The last four bytes of the address at `offset`, signed: what a group's hardware address has of it (RFC 2464 §7). */
export function lastWord(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 12] << 24) | (bytes[offset + 13] << 16) | (bytes[offset + 14] << 8) |
    bytes[offset + 15];
}
