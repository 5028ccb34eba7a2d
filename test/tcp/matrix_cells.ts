/**
 * One segment in one state: the connection is brought there, the segment sent, and what happens is held against the
 * oracle (matrix_oracle.ts).
 *
 * Owns: the rows, which are the states with their numbers, and the comparison. Must not know: which segments.
 */
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import type { AppLog } from "./app_log.ts";
import { Lab } from "./harness.ts";
import { expectedOutcome, type Outcome, type Reply, type Situation } from "./matrix_oracle.ts";
import { describe, type Peer, type Seen } from "./peer.ts";
import { type Fixture, REACH } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** What the fixtures' hosts offer, unscaled. */
export const WINDOW_BYTES = 0x4000;

/** A state with its numbers. */
export interface Row {
  readonly state: TcpState;
  readonly role: "server" | "client";
  /** SND.UNA, SND.NXT and RCV.NXT as the fixture leaves them, relative. */
  readonly una: number;
  readonly nxt: number;
  readonly rcv: number;
  /** What happens after the fixture, and its name. */
  readonly after?: readonly [string, (fixture: Fixture) => void];
}

/** Three bytes are sent, and not acknowledged. */
const TEXT_IN_FLIGHT = ["text in flight", ({ peer, app }: Fixture) => {
  app.write("abc");
  peer.takeAll();
}] as const;

/** The peer has filled the window, and nobody reads. */
const WINDOW_SHUT = ["window shut", ({ lab, peer, app }: Fixture) => {
  app.autoRead = false;
  peer.sends({ flags: "ACK", seq: 1, ack: app.state === "FIN_WAIT_2" ? 2 : 1, data: WINDOW_BYTES });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
}] as const;

/** All states, SYN_RCVD by both ways that lead there. */
export const ROWS: readonly Row[] = [
  { state: "CLOSED", role: "server", una: 0, nxt: 0, rcv: 0 },
  { state: "LISTEN", role: "server", una: 0, nxt: 0, rcv: 0 },
  { state: "SYN_SENT", role: "client", una: 0, nxt: 1, rcv: 0 },
  { state: "SYN_RCVD", role: "server", una: 0, nxt: 1, rcv: 1 },
  { state: "SYN_RCVD", role: "client", una: 0, nxt: 1, rcv: 1 },
  { state: "ESTABLISHED", role: "server", una: 1, nxt: 1, rcv: 1 },
  { state: "FIN_WAIT_1", role: "server", una: 1, nxt: 2, rcv: 1 },
  { state: "FIN_WAIT_2", role: "server", una: 2, nxt: 2, rcv: 1 },
  { state: "CLOSE_WAIT", role: "server", una: 1, nxt: 1, rcv: 2 },
  { state: "CLOSING", role: "server", una: 1, nxt: 2, rcv: 2 },
  { state: "LAST_ACK", role: "server", una: 1, nxt: 2, rcv: 2 },
  { state: "TIME_WAIT", role: "server", una: 2, nxt: 2, rcv: 2 },
  { state: "ESTABLISHED", role: "client", una: 1, nxt: 4, rcv: 1, after: TEXT_IN_FLIGHT },
  { state: "CLOSE_WAIT", role: "client", una: 1, nxt: 4, rcv: 2, after: TEXT_IN_FLIGHT },
  { state: "FIN_WAIT_1", role: "client", una: 1, nxt: 2, rcv: 1 },
  { state: "FIN_WAIT_2", role: "client", una: 2, nxt: 2, rcv: 1 },
  { state: "CLOSING", role: "client", una: 1, nxt: 2, rcv: 2 },
  { state: "LAST_ACK", role: "client", una: 1, nxt: 2, rcv: 2 },
  { state: "ESTABLISHED", role: "server", una: 1, nxt: 1, rcv: 1 + WINDOW_BYTES, after: WINDOW_SHUT },
  { state: "FIN_WAIT_2", role: "server", una: 2, nxt: 2, rcv: 1 + WINDOW_BYTES, after: WINDOW_SHUT },
];

/** A row in words. */
export function rowName({ state, role, after }: Row): string {
  return `${state} (${role}${after === undefined ? "" : `, ${after[0]}`})`;
}

/** The largest window of the fixtures' peers, unscaled. */
export const MAX_SND_WND = 0xffff;

/** A window that no scaling changes, and timers that do not disturb. */
const QUIET: Partial<TcpConfig> = {
  receiveBufferBytes: WINDOW_BYTES,
  rtoInitialUs: 10 * SECOND_US,
  rtoMinUs: 10 * SECOND_US,
};

function setUp(
  row: Row,
  tcp: Partial<TcpConfig>,
): { lab: Lab; peer: Peer; app: AppLog | null } {
  const { state, role } = row;
  const settings = { ...QUIET, ...tcp };
  if (state === "CLOSED" || state === "LISTEN") {
    const lab = new Lab({ tcp: settings });
    if (state === "LISTEN") lab.listen();
    return { lab, peer: lab.peer(), app: null };
  }
  const fixture = REACH[state]({ role, tcp: settings });
  row.after?.[1](fixture);
  return fixture;
}

/** A segment to send, once the window is known. */
interface Trial {
  readonly row: Row;
  readonly flags: string;
  readonly seq: (window: number) => number;
  readonly ackNumber: number;
  readonly text: number;
  readonly tcp?: Partial<TcpConfig>;
  readonly about: string;
}

/** Runs one trial; returns what is wrong with it, or null. */
export function faultOf(trial: Trial): string | null {
  const { row, flags, text, ackNumber, tcp = {}, about } = trial;
  const { lab, peer, app } = setUp(row, tcp);
  const window = app === null || row.state === "SYN_SENT" ? WINDOW_BYTES : peer.hostRightEdge - row.rcv;
  const seq = trial.seq(window);
  const words = flags.split(" ");
  const arrival = {
    syn: words.includes("SYN"),
    ack: words.includes("ACK"),
    rst: words.includes("RST"),
    fin: words.includes("FIN"),
    seq,
    ackNumber,
    text,
  };
  const situation: Situation = {
    state: row.state,
    passive: row.role === "server",
    sndUna: row.una,
    sndNxt: row.nxt,
    maxSndWnd: MAX_SND_WND,
    rcvNxt: row.rcv,
    rcvWnd: window,
    irs: 0,
    duplicateSyn: tcp.duplicateSyn ?? "repeat-syn-ack",
    timeWaitRst: tcp.timeWaitRst ?? "close",
    finWithoutAck: tcp.finWithoutAck ?? "ack",
  };
  const expected = expectedOutcome(arrival, situation);
  const readBefore = app?.bytesRead.length ?? 0;
  lab.takeTransitions();
  peer.sends({ flags, seq, ack: ackNumber, data: text });
  const seen = peer.takeAll();
  lab.pass(SECOND_US / 2);
  const late = peer.takeAll();
  const path = lab.takeTransitions();
  const next = path.length === 0 ? row.state : path[path.length - 1].split(">")[1];
  const delivered = (app?.bytesRead.length ?? 0) - readBefore;
  lab.expectsNoStrays();
  const faults = [
    ...replyFaults([...seen, ...late], expected),
    ...(next === expected.next ? [] : [`${next} instead of ${expected.next}`]),
    ...(delivered === (expected.delivered ?? delivered)
      ? []
      : [`${delivered} bytes delivered, not ${expected.delivered}`]),
  ];
  if (faults.length === 0) return null;
  const numbers = `${text} bytes (seq ${seq} ack ${ackNumber})`;
  return `${rowName(row)} <${flags}> ${about}, ${numbers}: ${faults.join("; ")}; RFC: ${expected.why}`;
}

function replyFaults(seen: readonly Seen[], { replies, next }: Outcome): string[] {
  const got = seen.map(describe).join(" ");
  // SYN, ACK with text: one ACK for all, or one for the SYN and one for the text (§3.10.7.3).
  const isTwoStep = (next === "ESTABLISHED" || next === "CLOSE_WAIT") && seen.length === 2 &&
    seen.every(({ flags }) => flags === "ACK");
  const last = seen[seen.length - 1];
  if (seen.length > 1 && !isTwoStep) return [`more than one reply: ${got}`];
  const isAllowed = replies.some((reply) =>
    last === undefined ? reply === null : reply !== null && isLike(last, reply)
  );
  if (isAllowed) return [];
  const wanted = replies.map((reply) => reply === null ? "silence" : JSON.stringify(reply)).join(" or ");
  return [`${got === "" ? "silence" : got} instead of ${wanted}`];
}

function isLike(seen: Seen, { flags, seq, ack }: Reply): boolean {
  if (seen.flags !== flags || seen.data.length > 0) return false;
  if (seq !== null && seen.seq !== seq) return false;
  return flags === "RST" ? seen.absoluteAck === 0 : seen.ack === ack;
}
