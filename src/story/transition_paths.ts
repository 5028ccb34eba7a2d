/**
 * The two ways through the state diagram that a connection usually takes.
 *
 * Owns: which rows of the transition table lie on the server's way and which on the client's. Must not know: how a
 * diagram is drawn. As in RFC 9293 Figure 5, where the client closes first.
 */
import type { Transition, TransitionId } from "../tcp/transitions.ts";

/** The usual way of the end that opens and closes actively. */
const CLIENT_PATH: ReadonlySet<TransitionId> = new Set<TransitionId>([
  "open.active",
  "syn-sent.syn-ack",
  "established.close",
  "fin-wait-1.ack",
  "fin-wait-2.fin",
  "time-wait.timeout",
]);

/** A row's way: the lab's six rows are the server's. */
export function pathOf(row: Transition): "server" | "client" | "other" {
  if (row.labStep !== undefined) return "server";
  return CLIENT_PATH.has(row.id) ? "client" : "other";
}

/**
 * Rows that diagrams leave out: those that end a connection before its time (RST, ABORT, time-out, ICMP error), since
 * they lead from nearly every state to CLOSED and would hide all else, and the SYN cookie's way beside the SYN's.
 */
export function isLeftOut(row: Transition): boolean {
  if (row.id === "listen.cookie") return true;
  return row.to === "CLOSED" && pathOf(row) === "other" && row.from !== "LISTEN";
}

/** Rows that lead to the CLOSED in which a connection ends, not to the one in which a listener or an opener begins. */
export function isEnd(row: Transition): boolean {
  return row.to === "CLOSED" && (isLeftOut(row) || pathOf(row) !== "other");
}

/** What brings a transition about, and what is sent with it, each in a few words; the second may be empty. */
export function edgeLabel(row: Transition): readonly [string, string] {
  return [row.event, row.send === null ? "" : `send ${row.send.join(", ")}`];
}
