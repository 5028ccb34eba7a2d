/**
 * Explorer: a breadth-first search over everything that two peers and the wire between them can do, up to a depth.
 *
 * Owns: the order of the search, the states seen, and what must hold in each. Must not know: TCP.
 *
 * A host cannot be copied, so that a state is its path: reaching it means to replay the path on fresh hosts, which always
 * gives the same state. The path to the first violation is the shortest there is.
 */
import { type Action, type Budget, PeersViolation, TwoPeers } from "./two_peers.ts";

/** How far to search. */
interface Reach {
  readonly budget: Budget;
  readonly depth: number;
  /** Paths tried at most. */
  readonly paths: number;
  /** What both peers did before the search begins. */
  readonly start?: readonly Action[];
}

/** What a search has seen. */
interface Exploration {
  readonly states: number;
  readonly paths: number;
  readonly depth: number;
  /** True when nothing within budget and depth was left untried. */
  readonly isComplete: boolean;
  /** Pairs of states while nothing was on the wire and nobody about to send. */
  readonly quietPairs: ReadonlySet<string>;
}

/** Searches; throws an Error with the path to the first state in which something does not hold. */
export function explore(reach: Reach): Exploration {
  const { budget, depth, start = [] } = reach;
  const seen = new Set<string>();
  const quietPairs = new Set<string>();
  let layer: (readonly Action[])[] = [start];
  let paths = 0;
  for (let level = 0; level <= depth; level++) {
    const next: (readonly Action[])[] = [];
    for (const path of layer) {
      if (paths >= reach.paths) {
        return { states: seen.size, paths, depth: level, isComplete: false, quietPairs };
      }
      paths++;
      guarded(path, () => {
        const peers = replay(path, budget);
        const fingerprint = peers.fingerprint();
        if (seen.has(fingerprint)) return;
        seen.add(fingerprint);
        mustHold(peers, quietPairs);
        for (const action of peers.actions()) next.push([...path, action]);
        // Last, as it changes the peers.
        peers.goHome();
      });
    }
    layer = next;
    if (layer.length === 0) return { states: seen.size, paths, depth: level, isComplete: true, quietPairs };
  }
  return { states: seen.size, paths, depth, isComplete: true, quietPairs };
}

function replay(path: readonly Action[], budget: Budget): TwoPeers {
  const peers = new TwoPeers(budget);
  for (const action of path) peers.act(action);
  return peers;
}

/**
 * The invariant of the TLA+ model of RFC 9293 (github.com/tlaplus/Examples, specifications/tcp): with nothing in flight, one
 * side is ESTABLISHED only if the other is. The model loses nothing; here a lost segment counts as in flight for as
 * long as somebody is going to send it again, and a lost RST, which nobody repeats, excuses a half-open connection
 * (RFC 9293 §3.5.1).
 */
function mustHold(peers: TwoPeers, quietPairs: Set<string>): void {
  if (!peers.isQuiet || peers.hasLostReset) return;
  const [a, b] = peers.states();
  quietPairs.add([a, b].sort().join(" "));
  if ((a === "ESTABLISHED") !== (b === "ESTABLISHED")) {
    throw new PeersViolation(`nothing is in flight, and the peers are ${a} and ${b}`);
  }
}

function guarded(path: readonly Action[], run: () => void): void {
  try {
    run();
  } catch (error) {
    const what = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new Error(`after ${path.join(", ")}: ${what}`, { cause: error });
  }
}
