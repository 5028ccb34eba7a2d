/**
 * The transition table on paper: as text, Markdown, JSON, and (with its neighbours) as diagrams.
 *
 * Owns: which rows belong to a role, and how a row is told. Must not know: the rows themselves (tcp/transitions.ts),
 * whether there is a terminal.
 */
import type { Transition } from "../tcp/transitions.ts";
import { flagsInBrackets, layTable, paletteFor } from "./text_layout.ts";
import { transitionsToDot, transitionsToMermaid } from "./transition_graph.ts";
import { transitionsToSvg } from "./transition_svg.ts";

/** Whose rows: those of one role and those of both, or all. */
export type TableRole = "server" | "client" | "all";

/** The forms of the table, as `--format` names them. */
export const TABLE_FORMATS = ["text", "markdown", "json", "mermaid", "dot", "svg"] as const;

/** One of {@link TABLE_FORMATS}. */
type TableFormat = typeof TABLE_FORMATS[number];

/** How often each row was seen, by its id; given, every row is ticked or not. */
type SeenRows = ReadonlyMap<string, number>;

/** How a table is rendered. */
interface TableOptions {
  readonly format: TableFormat;
  /** `all` when absent. */
  readonly role?: TableRole;
  readonly seen?: SeenRows;
  /** For text only. */
  readonly color?: boolean;
}

/** The rows of a role, in the order given. */
export function transitionsFor(rows: readonly Transition[], role: TableRole): readonly Transition[] {
  return role === "all" ? rows : rows.filter((row) => row.role === role || row.role === "both");
}

/** The table in the form asked for; several lines, the last without its end. */
export function renderTransitions(rows: readonly Transition[], options: TableOptions): string {
  const chosen = transitionsFor(rows, options.role ?? "all");
  switch (options.format) {
    case "text":
      return transitionsToText(chosen, options);
    case "markdown":
      return transitionsToMarkdown(chosen, options.seen);
    case "json":
      return transitionsToJson(chosen, options.seen);
    case "mermaid":
      return transitionsToMermaid(chosen, options.seen);
    case "dot":
      return transitionsToDot(chosen, options.seen);
    case "svg":
      return transitionsToSvg(chosen, options.seen);
  }
}

const TITLES = ["From", "To", "Receives", "Sends", "RFC", "Event"] as const;

function cellsOf(row: Transition): string[] {
  return [row.from, row.to, flagsInBrackets(row.recv), flagsInBrackets(row.send), row.rfc, row.event];
}

function transitionsToText(rows: readonly Transition[], options: TableOptions): string {
  const { seen } = options;
  const palette = paletteFor(options.color ?? false);
  const titles = TITLES.map((title) => ({ title }));
  if (seen === undefined) return layTable(titles, rows.map(cellsOf), { palette });
  return layTable(
    [{ title: "Seen" }, ...titles],
    rows.map((row) => {
      const count = seen.get(row.id) ?? 0;
      return [count === 0 ? "[ ]" : count === 1 ? "[x]" : `[x] ${count}`, ...cellsOf(row)];
    }),
    {
      palette,
      paintCell: (text, row, column) => {
        if (column > 0) return text;
        return (seen.get(rows[row].id) ?? 0) > 0 ? palette.good(text) : palette.notice(text);
      },
    },
  );
}

function transitionsToMarkdown(rows: readonly Transition[], seen?: SeenRows): string {
  const escaped = (text: string) => text.replaceAll("|", "\\|");
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  const tick = (row: Transition) => seen === undefined ? [] : [(seen.get(row.id) ?? 0) > 0 ? "✓" : ""];
  const titles = [...(seen === undefined ? [] : ["Seen"]), ...TITLES];
  return [
    line(titles),
    line(titles.map(() => "---")),
    ...rows.map((row) => line([...tick(row), ...cellsOf(row)])),
  ].join("\n");
}

function transitionsToJson(rows: readonly Transition[], seen?: SeenRows): string {
  const told = rows.map((row) => ({
    id: row.id,
    from: row.from,
    event: row.event,
    to: row.to,
    recv: row.recv,
    send: row.send,
    role: row.role,
    cause: row.cause,
    rfc: row.rfc,
    labStep: row.labStep,
    seen: seen === undefined ? undefined : seen.get(row.id) ?? 0,
  }));
  // A row a line: a table also where it is JSON.
  return told.length === 0 ? "[]" : `[\n${told.map((row) => "  " + JSON.stringify(row)).join(",\n")}\n]`;
}
