/**
 * Two hosts, every order of what can happen to them, to the end: the invariant of the TLA+ model, no exception, only changes
 * of state that the table has, no RST for a RST, and a way to CLOSED from everywhere. Farther: `deno task test:long`.
 */
import { assert, assertEquals } from "@std/assert";
import { explore } from "./explorer.ts";
import { NEAR } from "./reaches.ts";
import { TwoPeers } from "./two_peers.ts";

/** Local choice: ten times what any of the searches needs, should one grow without end. */
const MOST_PATHS = 100_000;
const MOST_DEPTH = 60;

/** How two peers may stand for good. */
const QUIET = [
  "CLOSED CLOSED",
  "CLOSED LISTEN",
  "LISTEN LISTEN",
  "ESTABLISHED ESTABLISHED",
  "CLOSE_WAIT FIN_WAIT_2",
  "TIME_WAIT TIME_WAIT",
  "CLOSED TIME_WAIT",
  "LISTEN TIME_WAIT",
];

for (const reach of NEAR) {
  Deno.test(`explorer: ${reach.name}`, () => {
    const { states, paths, depth, isComplete, quietPairs } = explore({
      ...reach,
      depth: MOST_DEPTH,
      paths: MOST_PATHS,
    });
    console.log(`${states} states, ${paths} paths, up to ${depth} steps`);
    assert(isComplete, `not complete after ${paths} paths`);
    assert(states >= reach.leastStates, `only ${states} states, expected ${reach.leastStates} or more`);
    for (const pair of quietPairs) assert(QUIET.includes(pair), `${pair} with nothing in flight`);
  });
}

Deno.test("explorer: the peers' own course leads through the states of the lab's table", () => {
  const peers = new TwoPeers({ losses: 0, timeouts: 1, aborts: 0, opens: [1, 0], listens: [0, 1] });
  const seen = ([
    "listen 1",
    "connect 0",
    "deliver 1",
    "deliver 0",
    "deliver 1",
    "close 0",
    "deliver 1",
    "deliver 0",
    "close 1",
    "deliver 0",
    "deliver 1",
  ] as const).map((action) => {
    peers.act(action);
    return peers.states().join(" ");
  });
  assertEquals(seen, [
    "CLOSED LISTEN",
    "SYN_SENT LISTEN",
    "SYN_SENT SYN_RCVD",
    "ESTABLISHED SYN_RCVD",
    "ESTABLISHED ESTABLISHED",
    "FIN_WAIT_1 ESTABLISHED",
    "FIN_WAIT_1 CLOSE_WAIT",
    "FIN_WAIT_2 CLOSE_WAIT",
    "FIN_WAIT_2 LAST_ACK",
    "TIME_WAIT LAST_ACK",
    "TIME_WAIT LISTEN",
  ]);
});
