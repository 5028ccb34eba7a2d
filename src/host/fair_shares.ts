/**
 * Fair shares: which connections give way when something that all share has run out.
 *
 * Owns: the choice: the peers that have most lose down to one level, so that whoever has little loses nothing. Must not
 * know: what has run out, how a connection ends, who counts as one peer (peers.ts).
 */

/** What tells peers apart. */
type PeerIdentity = object | number | string;

/** Something that may give way. */
export interface Holder<Item> {
  readonly item: Item;
  /** What stands for its peer: the same for all that belong together. */
  readonly peer: PeerIdentity;
  /** How much it has of what has run out. */
  readonly weight: number;
  /** Of one peer the lowest goes first. */
  readonly order: number;
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

function byPeer<Item>(holders: readonly Holder<Item>[]): Map<PeerIdentity, Peer<Item>> {
  const peers = new Map<PeerIdentity, Peer<Item>>();
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
