/**
 * The eleven connection states (RFC 9293 §3.3.2), spelled as in the lab's table.
 *
 * Owns: the closed union of states. Must not know: how a state is left or reached (transitions.ts).
 */

/** A connection state, RFC 9293 §3.3.2. */
export type TcpState =
  | "CLOSED"
  | "LISTEN"
  | "SYN_SENT"
  | "SYN_RCVD"
  | "ESTABLISHED"
  | "FIN_WAIT_1"
  | "FIN_WAIT_2"
  | "CLOSE_WAIT"
  | "CLOSING"
  | "LAST_ACK"
  | "TIME_WAIT";

/** All eleven states, in the order in which RFC 9293 §3.3.2 speaks of them. */
export const TCP_STATES: readonly TcpState[] = [
  "LISTEN",
  "SYN_SENT",
  "SYN_RCVD",
  "ESTABLISHED",
  "FIN_WAIT_1",
  "FIN_WAIT_2",
  "CLOSE_WAIT",
  "CLOSING",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSED",
];

/** States that fit a path before 2^53; no connection goes through more. */
const PATH_STATES = 13;

/** From this on a path has no room for one more. */
const FULL_PATH = 16 ** (PATH_STATES - 1);

/** `path` with one more state at its end: four bits each, 1 + the place in {@link TCP_STATES}; 0 is the empty path. */
export function extendPath(path: number, state: TcpState): number {
  const room = path < FULL_PATH ? path : path % FULL_PATH;
  return room * 16 + TCP_STATES.indexOf(state) + 1;
}

let lastPath = 0;
let lastStates: readonly TcpState[] = [];

/** The states of a path, the first one first; one array for one path as long as no other is asked for. */
export function statesOfPath(path: number): readonly TcpState[] {
  if (path === lastPath) return lastStates;
  const states: TcpState[] = [];
  for (let rest = path; rest > 0; rest = Math.floor(rest / 16)) states.unshift(TCP_STATES[(rest % 16) - 1]);
  lastPath = path;
  lastStates = states;
  return states;
}
