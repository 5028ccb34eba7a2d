/**
 * The transition table: the only way in which a connection's state may change (RFC 9293 §3.3.2, Figure 5,
 * and the procedures of §3.10).
 *
 * Owns: the rows, as data. Must not know: how a row's event comes about. The machine names a row by its id
 * (change_state.ts); `tcplab table` prints the rows and the diagrams are drawn from them.
 */
import { type EndId, ENDINGS, type Row } from "./ending_rows.ts";
import type { TcpState } from "./state.ts";

/** One row of the table. */
export interface Transition extends Row<TransitionId> {}

/**
 * Id of a row: `listen.syn`.
 *
 * @internal
 */
export type TransitionId = typeof ROWS[number]["id"] | EndId;

const SYN = ["SYN"] as const;
const ACK = ["ACK"] as const;
const SYN_ACK = ["SYN", "ACK"] as const;
const FIN_ACK = ["FIN", "ACK"] as const;
const RST = ["RST"] as const;
const RST_ACK = ["RST", "ACK"] as const;

const ROWS = [
  // The server's path, the lab's table
  {
    id: "open.passive",
    from: "CLOSED",
    event: "passive OPEN",
    to: "LISTEN",
    recv: null,
    send: null,
    role: "server",
    cause: "user",
    rfc: "RFC 9293 §3.10.1",
    labStep: 1,
  },
  {
    id: "listen.syn",
    from: "LISTEN",
    event: "SYN arrives",
    to: "SYN_RCVD",
    recv: SYN,
    send: SYN_ACK,
    role: "server",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.2",
    labStep: 2,
  },
  {
    id: "syn-rcvd.ack",
    from: "SYN_RCVD",
    event: "ACK of SYN arrives",
    to: "ESTABLISHED",
    recv: ACK,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
    labStep: 3,
  },
  {
    id: "established.fin",
    from: "ESTABLISHED",
    event: "FIN arrives",
    to: "CLOSE_WAIT",
    recv: FIN_ACK,
    send: ACK,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
    labStep: 4,
  },
  {
    id: "close-wait.close",
    from: "CLOSE_WAIT",
    event: "CLOSE",
    to: "LAST_ACK",
    recv: null,
    send: FIN_ACK,
    role: "both",
    cause: "user",
    rfc: "RFC 9293 §3.10.4",
    labStep: 5,
  },
  {
    id: "last-ack.ack",
    from: "LAST_ACK",
    event: "ACK of FIN arrives",
    to: "CLOSED",
    recv: ACK,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
    labStep: 6,
  },
  {
    id: "listen.cookie",
    from: "LISTEN",
    event: "ACK with our SYN cookie arrives",
    to: "SYN_RCVD",
    recv: ACK,
    send: null,
    role: "server",
    cause: "segment",
    rfc: "RFC 4987 §3.6",
  },
  // The listener's end
  {
    id: "listen.close",
    from: "LISTEN",
    event: "CLOSE",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "server",
    cause: "user",
    rfc: "RFC 9293 §3.10.4",
  },
  // Active open
  {
    id: "open.active",
    from: "CLOSED",
    event: "active OPEN",
    to: "SYN_SENT",
    recv: null,
    send: SYN,
    role: "client",
    cause: "user",
    rfc: "RFC 9293 §3.10.1",
  },
  {
    id: "syn-sent.syn-ack",
    from: "SYN_SENT",
    event: "SYN, ACK arrives",
    to: "ESTABLISHED",
    recv: SYN_ACK,
    send: ACK,
    role: "client",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.3",
  },
  {
    id: "syn-sent.syn",
    from: "SYN_SENT",
    event: "SYN arrives (simultaneous open)",
    to: "SYN_RCVD",
    recv: SYN,
    send: SYN_ACK,
    role: "client",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.3",
  },
  {
    id: "syn-sent.rst",
    from: "SYN_SENT",
    event: "RST arrives (refused)",
    to: "CLOSED",
    recv: RST_ACK,
    send: null,
    role: "client",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.3",
  },
  {
    id: "syn-sent.close",
    from: "SYN_SENT",
    event: "CLOSE or ABORT",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "client",
    cause: "user",
    rfc: "RFC 9293 §3.10.4",
  },
  {
    id: "syn-sent.timeout",
    from: "SYN_SENT",
    event: "user timeout",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "client",
    cause: "deadline",
    rfc: "RFC 9293 §3.8.3",
  },
  {
    id: "syn-sent.icmp",
    from: "SYN_SENT",
    event: "ICMP hard error",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "client",
    cause: "segment",
    rfc: "RFC 9293 §3.9.2.2",
  },
  // SYN_RCVD, other ways out
  {
    id: "syn-rcvd.close",
    from: "SYN_RCVD",
    event: "CLOSE",
    to: "FIN_WAIT_1",
    recv: null,
    send: FIN_ACK,
    role: "both",
    cause: "user",
    rfc: "RFC 9293 §3.10.4",
  },
  {
    id: "syn-rcvd.rst.passive",
    from: "SYN_RCVD",
    event: "RST arrives, opened by a listener",
    to: "LISTEN",
    recv: RST,
    send: null,
    role: "server",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "syn-rcvd.rst.active",
    from: "SYN_RCVD",
    event: "RST arrives, opened actively",
    to: "CLOSED",
    recv: RST,
    send: null,
    role: "client",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "syn-rcvd.syn",
    from: "SYN_RCVD",
    event: "SYN in the window, opened by a listener",
    to: "LISTEN",
    recv: SYN,
    send: null,
    role: "server",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "syn-rcvd.abort",
    from: "SYN_RCVD",
    event: "ABORT",
    to: "CLOSED",
    recv: null,
    send: RST_ACK,
    role: "both",
    cause: "user",
    rfc: "RFC 9293 §3.10.5",
  },
  {
    id: "syn-rcvd.timeout",
    from: "SYN_RCVD",
    event: "SYN-ACK never acknowledged",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "deadline",
    rfc: "RFC 9293 §3.8.3",
  },
  {
    id: "syn-rcvd.icmp",
    from: "SYN_RCVD",
    event: "ICMP hard error",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.9.2.2",
  },
  // Active close
  {
    id: "established.close",
    from: "ESTABLISHED",
    event: "CLOSE",
    to: "FIN_WAIT_1",
    recv: null,
    send: FIN_ACK,
    role: "both",
    cause: "user",
    rfc: "RFC 9293 §3.10.4",
  },
  {
    id: "fin-wait-1.ack",
    from: "FIN_WAIT_1",
    event: "ACK of FIN arrives",
    to: "FIN_WAIT_2",
    recv: ACK,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "fin-wait-1.fin",
    from: "FIN_WAIT_1",
    event: "FIN arrives (simultaneous close)",
    to: "CLOSING",
    recv: FIN_ACK,
    send: ACK,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "fin-wait-2.fin",
    from: "FIN_WAIT_2",
    event: "FIN arrives",
    to: "TIME_WAIT",
    recv: FIN_ACK,
    send: ACK,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "fin-wait-2.abandoned",
    from: "FIN_WAIT_2",
    event: "no FIN in time, application gone",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "deadline",
    rfc: "RFC 9293 §3.6",
  },
  {
    id: "closing.ack",
    from: "CLOSING",
    event: "ACK of FIN arrives",
    to: "TIME_WAIT",
    recv: ACK,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "time-wait.timeout",
    from: "TIME_WAIT",
    event: "2 MSL have passed",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "deadline",
    rfc: "RFC 9293 §3.10.8",
  },
  {
    id: "time-wait.rst",
    from: "TIME_WAIT",
    event: "RST arrives",
    to: "CLOSED",
    recv: RST,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.10.7.4",
  },
  {
    id: "time-wait.syn",
    from: "TIME_WAIT",
    event: "SYN of a new connection arrives",
    to: "CLOSED",
    recv: SYN,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.6.1, RFC 6191 §2",
  },
  {
    id: "time-wait.abort",
    from: "TIME_WAIT",
    event: "ABORT",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "user",
    rfc: "RFC 9293 §3.10.5",
  },
] as const satisfies readonly Row<string>[];

/** The transition table of RFC 9293, the six of the lab first. */
export const TRANSITIONS: readonly Transition[] = [
  ...ROWS,
  ...ENDINGS,
];

const BY_ID: ReadonlyMap<TransitionId, Transition> = new Map(TRANSITIONS.map((row) => [row.id, row]));
if (BY_ID.size !== TRANSITIONS.length) throw new Error("Two rows of the transition table have the same id");

/** The row with this id. */
export function transitionById(id: TransitionId): Transition {
  const row = BY_ID.get(id);
  if (row === undefined) throw new Error(`No row "${id}" in the transition table`);
  return row;
}

const ENDING_ROWS: ReadonlyMap<string, TransitionId> = new Map(
  TRANSITIONS.filter(({ to }) => to === "CLOSED").map((
    { id, from },
  ) => [from + id.slice(id.lastIndexOf(".")), id]),
);

/** The row by which a connection in `state` ends like this; throws where none is in the table (an error of ours). */
export function endingRow(state: TcpState, how: "rst" | "abort" | "timeout" | "icmp"): TransitionId {
  const id = ENDING_ROWS.get(`${state}.${how}`);
  if (id === undefined) throw new Error(`No row of the transition table ends ${state} by ${how}`);
  return id;
}
