/**
 * The ends that every synchronized state has: reset, abort, user timeout, ICMP hard error (RFC 9293 §3.5.3, §3.8.3,
 * §3.9.2.2, §3.10.5), as rows of the transition table (transitions.ts).
 *
 * Owns: these rows, and what a row is. Must not know: the other rows.
 */
import type { FlagName } from "../wire/tcp.ts";
import type { TcpState } from "./state.ts";

/** A row of the transition table, whatever it is called. */
export interface Row<Id extends string> {
  /** Its name: `listen.syn`. */
  readonly id: Id;
  /** The state before. */
  readonly from: TcpState;
  /** What happens, in a few words. */
  readonly event: string;
  /** The state after. */
  readonly to: TcpState;
  /** Flags that the arriving segment must carry; null when no segment is the cause. */
  readonly recv: readonly FlagName[] | null;
  /** Flags of the segment that goes out with it; null for none. */
  readonly send: readonly FlagName[] | null;
  /** On whose path it lies. */
  readonly role: "server" | "client" | "both";
  /** What makes it happen. */
  readonly cause: "segment" | "user" | "deadline";
  /** `RFC 9293 §3.10.7.2`, for example. */
  readonly rfc: string;
  /** Row of the lab's table: a server whose client closes; 1 to 6. */
  readonly labStep?: number;
}

const RST = ["RST"] as const;
const RST_ACK = ["RST", "ACK"] as const;

/** States in which a reset, an abort or a time-out ends a synchronized connection at once, and how their rows are called. */
const SYNCHRONIZED = {
  ESTABLISHED: "established",
  FIN_WAIT_1: "fin-wait-1",
  FIN_WAIT_2: "fin-wait-2",
  CLOSE_WAIT: "close-wait",
  CLOSING: "closing",
  LAST_ACK: "last-ack",
} as const satisfies Readonly<Partial<Record<TcpState, EndPrefix>>>;

type SynchronizedState = keyof typeof SYNCHRONIZED;
/** How the ids of such rows begin. */
export type EndPrefix = "established" | "fin-wait-1" | "fin-wait-2" | "close-wait" | "closing" | "last-ack";
// In FIN_WAIT_2 nothing is in flight that an ICMP message could be about (RFC 5927 §4.1).
/** Id of such a row: `established.rst`. */
export type EndId =
  | `${EndPrefix}.${"rst" | "abort" | "timeout"}`
  | `${Exclude<EndPrefix, "fin-wait-2">}.icmp`;

function icmpEnd(id: Exclude<EndPrefix, "fin-wait-2">, from: TcpState): Row<EndId> {
  return {
    id: `${id}.icmp`,
    from,
    event: "ICMP hard error",
    to: "CLOSED",
    recv: null,
    send: null,
    role: "both",
    cause: "segment",
    rfc: "RFC 9293 §3.9.2.2",
  };
}

/** The same four ends exist in every synchronized state. */
function endsOf(from: SynchronizedState): Row<EndId>[] {
  const id = SYNCHRONIZED[from];
  // CLOSING and LAST_ACK have sent FIN and got one: ABORT just forgets them, no RST (RFC 9293 §3.10.5).
  const quiet = from === "CLOSING" || from === "LAST_ACK";
  return [
    {
      id: `${id}.rst`,
      from,
      event: "RST arrives",
      to: "CLOSED",
      recv: RST,
      send: null,
      role: "both",
      cause: "segment",
      rfc: "RFC 9293 §3.10.7.4",
    },
    {
      id: `${id}.abort`,
      from,
      event: "ABORT",
      to: "CLOSED",
      recv: null,
      send: quiet ? null : RST_ACK,
      role: "both",
      cause: "user",
      rfc: "RFC 9293 §3.10.5",
    },
    {
      id: `${id}.timeout`,
      from,
      event: "user timeout",
      to: "CLOSED",
      recv: null,
      send: null,
      role: "both",
      cause: "deadline",
      rfc: "RFC 9293 §3.8.3",
    },
    ...(id === "fin-wait-2" ? [] : [icmpEnd(id, from)]),
  ];
}

/** The ends of all synchronized states. */
export const ENDINGS: readonly Row<EndId>[] = [
  ...endsOf("ESTABLISHED"),
  ...endsOf("FIN_WAIT_1"),
  ...endsOf("FIN_WAIT_2"),
  ...endsOf("CLOSE_WAIT"),
  ...endsOf("CLOSING"),
  ...endsOf("LAST_ACK"),
];
