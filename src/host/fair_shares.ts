/**
 * Fair shares: which connections give way when something that all share has run out.
 *
 * Owns: the choice: the peers that have most lose down to one level, so that whoever has little loses nothing. Must not
 * know: what has run out, or how a connection ends.
 *
 * A peer is one IPv4 address, or one IPv6 network of 64 bits, inside of which a host chooses its address as it likes
 * (RFC 4291 §2.5.1).
 */

/** Something that may give way. */
export interface Holder<Item> {
  readonly item: Item;
  /** Of {@link peerKey}. */
  readonly peer: number | string;
  /** How much it has of what has run out. */
  readonly weight: number;
  /** Of one peer the lowest goes first. */
  readonly order: number;
}

const PREFIX_BYTES = 8;

/** What stands for the peer of an address; a number for IPv4. */
export function peerKey(address: Uint8Array): number | string {
  if (address.length === 4) return word(address, 0);
  let key = "";
  for (let at = 0; at < PREFIX_BYTES; at += 4) key += `${word(address, at)}:`;
  return key;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

interface Peer<Item> {
  weight: number;
  /** Order of the one that goes first. */
  first: number;
  readonly holders: Holder<Item>[];
}

/**
 * Who gives way so that at least `amount` comes free (all, if it is not enough), in the order in which they go: of the peers
 * with most, as much as lies above the level at which together they give enough. That level is never below `least`: peers
 * who have no more lose nothing.
 */
export function chooseVictims<Item>(
  holders: readonly Holder<Item>[],
  { amount, least = 0 }: { amount: number; least?: number },
): Item[] {
  const peers = [...byPeer(holders).values()].sort((a, b) => b.weight - a.weight);
  const level = Math.max(levelOf(peers.map((peer) => peer.weight), amount), least);
  const greedy = peers.filter((peer) => peer.weight > level).sort((a, b) => a.first - b.first);
  const victims: Item[] = [];
  let shed = 0;
  for (const peer of greedy) {
    if (shed >= amount) break;
    let excess = peer.weight - level;
    for (const { item, weight } of peer.holders.sort((a, b) => a.order - b.order)) {
      if (excess <= 0 || shed >= amount) break;
      victims.push(item);
      excess -= weight;
      shed += weight;
    }
  }
  return victims;
}

function byPeer<Item>(holders: readonly Holder<Item>[]): Map<number | string, Peer<Item>> {
  const peers = new Map<number | string, Peer<Item>>();
  for (const holder of holders) {
    let peer = peers.get(holder.peer);
    if (peer === undefined) {
      peer = { weight: 0, first: Infinity, holders: [] };
      peers.set(holder.peer, peer);
    }
    peer.weight += holder.weight;
    if (holder.order < peer.first) peer.first = holder.order;
    peer.holders.push(holder);
  }
  return peers;
}

/** The level above which `amount` lies; `weights` from the largest to the smallest. */
function levelOf(weights: readonly number[], amount: number): number {
  let above = 0;
  for (let count = 1; count <= weights.length; count++) {
    above += weights[count - 1];
    const next = count < weights.length ? weights[count] : 0;
    if (above - count * next >= amount) return (above - amount) / count;
  }
  return 0;
}
