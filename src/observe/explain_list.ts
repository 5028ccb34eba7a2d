/**
 * The connections of a capture for people, as a table with a line each.
 *
 * Owns: the columns, and what becomes of them where the page is narrow. Must not know: captures, how anything was found.
 *
 * Where the page has no room for all columns, those from the right stand below the line, in words: nothing is left out.
 */
import type { ExplainedConnection } from "../story/explain_json.ts";
import { outcomePaint, type Page } from "./explain_text.ts";
import { bytesText, durationText, layCells, layTable, paletteFor } from "./text_layout.ts";

/** A column, and how its cell reads where it stands below. */
interface Column {
  readonly title: string;
  readonly alignRight?: true;
  readonly of: (one: ExplainedConnection) => string;
  readonly below?: (text: string) => string;
}

const COLUMNS: readonly Column[] = [
  { title: "#", alignRight: true, of: ({ id }) => String(id) },
  { title: "client", of: ({ client }) => client },
  {
    title: "server",
    of: ({ server, vlan }) => `${server}${vlan === undefined ? "" : ` vlan ${vlan}`}`,
    below: (text) => `> ${text}`,
  },
  { title: "outcome", of: ({ outcome }) => outcome, below: (text) => text },
  {
    title: "frames",
    alignRight: true,
    of: ({ ends: { client, server } }) => String(client.segments + server.segments),
    below: (text) => `frames ${text}`,
  },
  {
    title: "sent",
    alignRight: true,
    of: ({ ends }) => bytesText(ends.client.bytes),
    below: (text) => `sent ${text}`,
  },
  {
    title: "received",
    alignRight: true,
    of: ({ ends }) => bytesText(ends.server.bytes),
    below: (text) => `received ${text}`,
  },
  {
    title: "time",
    alignRight: true,
    of: ({ durationMs }) => durationText(durationMs),
    below: (text) => text,
  },
  {
    title: "Zeek",
    of: ({ zeek: { state, history } }) => `${state} ${history}`,
    below: (text) => `Zeek ${text}`,
  },
  { title: "remarkable", of: remarkableText, below: (text) => text },
];
const OUTCOME = COLUMNS.findIndex(({ title }) => title === "outcome");
/** Local choice: who calls whom comes first; a page that has no room even for that runs over its edge. */
const LEAST_COLUMNS = 2;
const INDENT = 4;
/** Between two columns, as {@link layTable} sets them. */
const BETWEEN = 2;

/** Many connections as a table. */
export function explainedList(all: readonly ExplainedConnection[], page: Page): string {
  const rows = all.map((one) => COLUMNS.map(({ of }) => of(one)));
  const count = columnsFitting(rows, page.width);
  const palette = paletteFor(page.color);
  const columns = COLUMNS.slice(0, count);
  const table = layTable(columns, rows.map((row) => row.slice(0, count)), {
    palette,
    paintCell: (padded, row, column) =>
      column === OUTCOME ? outcomePaint(all[row].outcome, page)(padded) : padded,
  });
  // Where the last cell is empty.
  const [titles, ...lines] = table.replaceAll(/ +$/gm, "").split("\n");
  const told = lines.flatMap((line, at) => {
    const cells = COLUMNS.slice(count).flatMap(({ below = String }, i) => {
      const text = rows[at][count + i];
      const paint = count + i === OUTCOME ? outcomePaint(all[at].outcome, page) : palette.quiet;
      return text === "" ? [] : below(text).split(" ").map((word, part) => ({
        text: word,
        paint,
        ...(part === 0 ? {} : { gap: 1 }),
      }));
    });
    if (cells.length === 0) return [line];
    const [first, ...others] = cells;
    const laid = [{ ...first, text: " ".repeat(INDENT) + first.text }, ...others];
    return [line, layCells(laid, { width: page.width, indent: INDENT })];
  });
  return [titles, ...told].join("\n");
}

/** How many columns have room beside each other, from the left. */
function columnsFitting(rows: readonly (readonly string[])[], width: number): number {
  let end = -BETWEEN;
  for (const [i, { title }] of COLUMNS.entries()) {
    end += BETWEEN + rows.reduce((widest, row) => Math.max(widest, row[i].length), title.length);
    if (end > width) return Math.max(LEAST_COLUMNS, i);
  }
  return COLUMNS.length;
}

/** Findings that nearly every connection has say nothing in a list. */
const ORDINARY: ReadonlySet<string> = new Set(["time-wait", "checksum-offload"]);

function remarkableText({ findings, outcome }: ExplainedConnection): string {
  return findings.map(({ kind }) => kind).filter((kind) => !ORDINARY.has(kind) && kind !== outcome).join(
    ", ",
  );
}
