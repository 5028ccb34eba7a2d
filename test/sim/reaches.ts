/**
 * What the explorer explores: beginnings, and how much trouble there may be on one path.
 *
 * Owns: the searches by name, and how many states each has to find. Must not know: how a search is done.
 */
import type { Action, Budget } from "./two_peers.ts";

/** A search that goes to its end: nothing within its budget stays untried. */
interface NamedReach {
  readonly name: string;
  readonly budget: Budget;
  readonly start?: readonly Action[];
  /** Fewer states than this, and the search no longer searches what it says. */
  readonly leastStates: number;
}

/** A calls, B answers. */
const ONE_WAY = { opens: [1, 0], listens: [0, 1] } as const;
/** Whoever wants calls and listens, also at once, also again. */
const BOTH_WAYS = { opens: [1, 1], listens: [1, 1] } as const;
const HANDSHAKE: readonly Action[] = ["listen 1", "connect 0", "deliver 1", "deliver 0", "deliver 1"];
/** Each has sent the octet that the other has room for, and has one more to send. */
const SHUT: readonly Action[] = [
  ...HANDSHAKE,
  "write 0",
  "write 1",
  "deliver 0",
  "deliver 1",
  "deliver 0",
  "deliver 1",
  "write 0",
  "write 1",
];
const CROSSED: readonly Action[] = ["connect 0", "connect 1"];

/** Searches of a second or two each. */
export const NEAR: readonly NamedReach[] = [
  {
    name: "client and server, every order of calls and deliveries, one abort",
    budget: { losses: 0, timeouts: 0, aborts: 1, ...ONE_WAY },
    leastStates: 350,
  },
  {
    name: "both may call and listen, every order of calls and deliveries",
    budget: { losses: 0, timeouts: 0, aborts: 0, ...BOTH_WAYS },
    leastStates: 4000,
  },
  {
    name: "client and server, one loss, one timeout",
    budget: { losses: 1, timeouts: 1, aborts: 0, ...ONE_WAY },
    leastStates: 1300,
  },
  {
    name: "an open connection, two losses, one timeout",
    budget: { losses: 2, timeouts: 1, aborts: 0, ...ONE_WAY },
    start: HANDSHAKE,
    leastStates: 450,
  },
  {
    name: "a simultaneous open, one loss",
    budget: { losses: 1, timeouts: 0, aborts: 0, opens: [1, 1], listens: [0, 0] },
    start: CROSSED,
    leastStates: 300,
  },
  {
    name: "an open connection, an octet each way",
    budget: { losses: 0, timeouts: 0, aborts: 0, ...ONE_WAY, writes: [1, 1] },
    start: HANDSHAKE,
    leastStates: 1000,
  },
  {
    name: "windows of one octet, shut both ways, one timeout",
    budget: { losses: 0, timeouts: 1, aborts: 0, ...ONE_WAY, writes: [2, 2], windowBytes: 1 },
    start: SHUT,
    leastStates: 2000,
  },
];

/** Searches of half a minute and more. */
export const FAR: readonly NamedReach[] = [
  {
    name: "an open connection, two losses, two timeouts",
    budget: { losses: 2, timeouts: 2, aborts: 0, ...ONE_WAY },
    start: HANDSHAKE,
    leastStates: 1700,
  },
  {
    name: "client and server, one loss, two timeouts",
    budget: { losses: 1, timeouts: 2, aborts: 0, ...ONE_WAY },
    leastStates: 9000,
  },
  {
    name: "client and server, one loss, one timeout, one abort",
    budget: { losses: 1, timeouts: 1, aborts: 1, ...ONE_WAY },
    leastStates: 10_000,
  },
  {
    name: "client and server, two timeouts, one abort",
    budget: { losses: 0, timeouts: 2, aborts: 1, ...ONE_WAY },
    leastStates: 10_000,
  },
  {
    name: "a simultaneous open, one loss, two timeouts",
    budget: { losses: 1, timeouts: 2, aborts: 0, opens: [1, 1], listens: [0, 0] },
    start: CROSSED,
    leastStates: 9000,
  },
  {
    name: "windows of one octet, shut both ways, two timeouts",
    budget: { losses: 0, timeouts: 2, aborts: 0, ...ONE_WAY, writes: [2, 2], windowBytes: 1 },
    start: SHUT,
    leastStates: 15_000,
  },
  {
    name: "a window of one octet, shut, one loss, two timeouts",
    budget: { losses: 1, timeouts: 2, aborts: 0, ...ONE_WAY, writes: [2, 0], windowBytes: 1 },
    start: [...HANDSHAKE, "write 0", "deliver 1", "deliver 0", "write 0"],
    leastStates: 10_000,
  },
];
