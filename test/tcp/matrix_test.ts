/**
 * The matrix: every state x flags x window edge x ACK x text, each cell with the outcome that RFC 9293 §3.10.7 and
 * RFC 5961 ask for (matrix_oracle.ts), and then silence.
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import type { AppLog } from "./app_log.ts";
import { Lab } from "./harness.ts";
import { type Arrival, expectedOutcome, type Outcome, type Reply, type Situation } from "./matrix_oracle.ts";
import { describe, type Peer, type Seen } from "./peer.ts";
import { REACH } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const FLAGS = ["", "ACK", "SYN", "RST", "FIN", "SYN ACK", "FIN ACK", "RST ACK", "PSH ACK"] as const;
const EDGES = ["outside left", "left edge", "inside", "right edge", "outside right"] as const;
const ACKS = ["too old", "old", "ok", "future"] as const;
const TEXTS = [0, 4] as const;

type Edge = typeof EDGES[number] | "the SYN's own number";

interface Row {
  readonly state: TcpState;
  readonly role: "server" | "client";
  /** SND.UNA, SND.NXT and RCV.NXT as the fixture leaves them, relative. */
  readonly una: number;
  readonly nxt: number;
  readonly rcv: number;
}

const ROWS: readonly Row[] = [
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
];

/** A window that no scaling changes, and timers that do not disturb. */
const QUIET: Partial<TcpConfig> = {
  receiveBufferBytes: 0x4000,
  rtoInitialUs: 10 * SECOND_US,
  rtoMinUs: 10 * SECOND_US,
};

interface Cell {
  readonly row: Row;
  readonly flags: string;
  readonly edge: Edge;
  readonly ack: typeof ACKS[number];
  readonly text: number;
  readonly tcp: Partial<TcpConfig>;
}

function setUp({ row, tcp }: Cell): { lab: Lab; peer: Peer; app: AppLog | null } {
  const { state, role } = row;
  const settings = { ...QUIET, ...tcp };
  if (state === "CLOSED" || state === "LISTEN") {
    const lab = new Lab({ tcp: settings });
    if (state === "LISTEN") lab.listen();
    return { lab, peer: lab.peer(), app: null };
  }
  return REACH[state]({ role, tcp: settings });
}

function numberOf({ row, edge, ack }: Cell, window: number): { seq: number; ackNumber: number } {
  const seq = {
    "outside left": row.rcv - 10,
    "left edge": row.rcv,
    "inside": row.rcv + 10,
    "right edge": row.rcv + window - 1,
    "outside right": row.rcv + window,
    "the SYN's own number": 0,
  }[edge];
  // The peers of the fixtures offer windows of 65,535 bytes, unscaled.
  const ackNumber =
    { "too old": row.una - 0x1_0000, "old": row.una - 1, "ok": row.nxt, "future": row.nxt + 1 }[ack];
  return { seq, ackNumber };
}

/** Runs one cell; returns what is wrong with it, or null. */
function fault(cell: Cell): string | null {
  const { row, flags, text, tcp } = cell;
  const { lab, peer, app } = setUp(cell);
  const window = app === null || row.state === "SYN_SENT" ? 0x4000 : peer.hostRightEdge - row.rcv;
  const { seq, ackNumber } = numberOf(cell, window);
  const words = flags.split(" ");
  const arrival: Arrival = {
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
    maxSndWnd: 0xffff,
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
  const about = `<${flags}> ${cell.edge}, ACK ${cell.ack}, ${text} bytes (seq ${seq} ack ${ackNumber})`;
  return `${about}: ${faults.join("; ")}; RFC: ${expected.why}`;
}

function replyFaults(seen: readonly Seen[], { replies, next }: Outcome): string[] {
  const got = seen.map(describe).join(" ");
  // SYN, ACK with text: one ACK for all, or one for the SYN and one for the text (§3.10.7.3).
  const isTwoStep = next === "ESTABLISHED" && seen.length === 2 && seen.every(({ flags }) => flags === "ACK");
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

/** Runs cells, and shows all faults together. */
function runCells(cells: readonly Cell[]): void {
  assert(cells.length > 0);
  assertEquals(cells.map(fault).filter((one) => one !== null), []);
}

function cellsOf(
  row: Row,
  flags: string,
  options: { edges?: readonly Edge[]; tcp?: Partial<TcpConfig> },
): Cell[] {
  return (options.edges ?? EDGES).flatMap((edge) =>
    ACKS.flatMap((ack) => TEXTS.map((text) => ({ row, flags, edge, ack, text, tcp: options.tcp ?? {} })))
  );
}

for (const row of ROWS) {
  for (const flags of FLAGS) {
    Deno.test(`matrix: ${row.state} (${row.role}) x <${flags}>: 40 cells (RFC 9293 §3.10.7, RFC 5961)`, () => {
      runCells(cellsOf(row, flags, {}));
    });
  }
}

for (const row of ROWS.filter(({ state }) => state === "SYN_RCVD")) {
  for (const duplicateSyn of ["repeat-syn-ack", "rfc9293"] as const) {
    Deno.test(`matrix: SYN_RCVD (${row.role}), duplicateSyn ${duplicateSyn} (MUST-11)`, () => {
      const tcp = { duplicateSyn };
      runCells(["SYN", "SYN ACK"].flatMap((flags) => [
        ...cellsOf(row, flags, { tcp }),
        ...cellsOf(row, flags, { tcp, edges: ["the SYN's own number"] }),
      ]));
    });
  }
}

for (const row of ROWS.filter(({ state }) => !["CLOSED", "LISTEN", "SYN_SENT"].includes(state))) {
  Deno.test(`matrix: ${row.state} (${row.role}), finWithoutAck drop`, () => {
    runCells(["FIN", "FIN ACK"].flatMap((flags) => cellsOf(row, flags, { tcp: { finWithoutAck: "drop" } })));
  });
}

for (const row of ROWS.filter(({ state }) => state === "TIME_WAIT")) {
  Deno.test("matrix: TIME_WAIT, timeWaitRst ignore (RFC 1337)", () => {
    runCells(["RST", "RST ACK"].flatMap((flags) => cellsOf(row, flags, { tcp: { timeWaitRst: "ignore" } })));
  });
}
