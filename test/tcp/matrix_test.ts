/**
 * The matrix: every state x flags x window edge x ACK x text, each cell with the outcome that RFC 9293 §3.10.7 and
 * RFC 5961 ask for (matrix_oracle.ts), and then silence.
 */
import { isNoSenderUntouched } from "../../src/tcp/sender_record.ts";
import { assert, assertEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { faultOf, MAX_SND_WND, type Row, rowName, ROWS } from "./matrix_cells.ts";

const FLAGS = ["", "ACK", "SYN", "RST", "FIN", "SYN ACK", "FIN ACK", "RST ACK", "PSH ACK"] as const;
const EDGES = ["outside left", "left edge", "inside", "right edge", "outside right"] as const;
const ACKS = ["too old", "old", "ok", "future"] as const;
const TEXTS = [0, 4] as const;

type Edge = typeof EDGES[number] | "the SYN's own number";

interface Cell {
  readonly row: Row;
  readonly flags: string;
  readonly edge: Edge;
  readonly ack: typeof ACKS[number];
  readonly text: number;
  readonly tcp: Partial<TcpConfig>;
}

function fault({ row, flags, edge, ack, text, tcp }: Cell): string | null {
  const seq = (window: number) => ({
    "outside left": row.rcv - 10,
    "left edge": row.rcv,
    "inside": row.rcv + 10,
    "right edge": row.rcv + window - 1,
    "outside right": row.rcv + window,
    "the SYN's own number": 0,
  }[edge]);
  const ackNumber =
    { "too old": row.una - MAX_SND_WND - 1, "old": row.una - 1, "ok": row.nxt, "future": row.nxt + 1 }[ack];
  return faultOf({ row, flags, seq, ackNumber, text, tcp, about: `${edge}, ACK ${ack}` });
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
    Deno.test(`matrix: ${rowName(row)} x <${flags}>: 40 cells (RFC 9293 §3.10.7, RFC 5961)`, () => {
      runCells(cellsOf(row, flags, {}));
    });
  }
}

for (const row of ROWS.filter(({ state }) => state === "SYN_RCVD")) {
  for (const duplicateSyn of ["repeat-syn-ack", "rfc9293"] as const) {
    Deno.test(`matrix: ${rowName(row)}, duplicateSyn ${duplicateSyn} (MUST-11)`, () => {
      const tcp = { duplicateSyn };
      runCells(["SYN", "SYN ACK"].flatMap((flags) => [
        ...cellsOf(row, flags, { tcp }),
        ...cellsOf(row, flags, { tcp, edges: ["the SYN's own number"] }),
      ]));
    });
  }
}

for (const row of ROWS.filter(({ state }) => !["CLOSED", "LISTEN", "SYN_SENT"].includes(state))) {
  Deno.test(`matrix: ${rowName(row)}, finWithoutAck drop`, () => {
    runCells(["FIN", "FIN ACK"].flatMap((flags) => cellsOf(row, flags, { tcp: { finWithoutAck: "drop" } })));
  });
}

for (const row of ROWS.filter(({ state }) => state === "TIME_WAIT")) {
  Deno.test("matrix: TIME_WAIT, timeWaitRst ignore (RFC 1337)", () => {
    runCells(["RST", "RST ACK"].flatMap((flags) => cellsOf(row, flags, { tcp: { timeWaitRst: "ignore" } })));
  });
}

Deno.test("after all that: nothing was written to what stands for a sender that has sent nothing", () => {
  assert(isNoSenderUntouched());
});
