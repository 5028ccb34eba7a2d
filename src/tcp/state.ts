/**
 * The eleven connection states (RFC 9293 §3.3.2), spelled as in the seed's table.
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
