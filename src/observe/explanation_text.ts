/**
 * Explanations for people: one in full, or many as a grouped list.
 *
 * Owns: how they are set, and the address of a clause. Must not know: how they are found (explanation.ts).
 */
import type { Transition } from "../tcp/transitions.ts";
import {
  type Explanation,
  ROW_EXPLANATIONS,
  type RowExplanation,
  RULE_EXPLANATIONS,
  type RuleExplanation,
  type StateExplanation,
} from "./explanation.ts";
import { type Cell, flagsInBrackets, layCells, type Palette, paletteFor } from "./text_layout.ts";

/** The page that is written on. */
interface Page {
  readonly width: number;
  readonly color?: boolean;
}

/** Columns: where what is said of a name begins, and where after a word like `source`. */
const INDENT = 4;
const VALUE_COLUMN = 15;
/** Between a name in a list and what is said of it. */
const LIST_GAP = 2;

/** Explanations one after the other, each in full; several lines. */
export function explanationsToText(explanations: readonly Explanation[], page: Page): string {
  return explanations.map((one) => explanationText(one, page)).join("\n\n");
}

function explanationText(one: Explanation, page: Page): string {
  const palette = paletteFor(page.color ?? false);
  switch (one.kind) {
    case "rule":
      return block(one, page, [...ruleLines(one, palette), ...whereLines(one, palette)]);
    case "row":
      return block(one, page, [...rowLines(one, palette), ...whereLines(one, palette)]);
    case "state":
      return block(one, page, [...stateLines(one, palette), ...whereLines(one, palette)]);
  }
}

/** A word and what stands behind it; an empty word goes on with the one before. */
type Line = readonly [label: string, ...cells: Cell[]];

function block(one: Explanation, page: Page, lines: readonly Line[]): string {
  const palette = paletteFor(page.color ?? false);
  const said = one.kind === "row" ? rowSentence(one.row) : one.text;
  const rest = lines.map(([label, ...cells]) => {
    const [first, ...others] = cells;
    const laid: Cell[] = [
      { text: " ".repeat(INDENT) + label, paint: palette.quiet },
      { ...first, column: VALUE_COLUMN },
    ];
    return layCells([...laid, ...others], { width: page.width, indent: VALUE_COLUMN });
  });
  const head = `${palette.strong(one.name)}  ${palette.quiet(one.kind)}`;
  return [head, " ".repeat(INDENT) + said, ...rest].join("\n");
}

function ruleLines(rule: RuleExplanation, palette: Palette): Line[] {
  const rows = ROW_EXPLANATIONS.filter(({ name }) => rule.rows.includes(name));
  return [
    ...clauseLines(rule.rfc, palette),
    ...(rows.length === 0
      ? [["rows", { text: "none: it changes no state", paint: palette.quiet }] as const]
      : rows.map(({ row }, i): Line => [i === 0 ? "rows" : "", ...rowCells(row, rows)])),
  ];
}

function rowLines({ row, rules }: RowExplanation, palette: Palette): Line[] {
  const deciding = RULE_EXPLANATIONS.filter(({ name }) => rules.includes(name));
  const width = Math.max(...deciding.map(({ name }) => name.length));
  return [
    ["received", { text: flagsInBrackets(row.recv) }],
    ["sent", { text: flagsInBrackets(row.send) }],
    ["role", { text: row.role === "both" ? "server and client" : row.role }],
    ...clauseLines(row.rfc, palette),
    ...deciding.map(({ name, text }, i): Line => [
      i === 0 ? "rules" : "",
      { text: name.padEnd(width) },
      { text, paint: palette.quiet },
    ]),
  ];
}

function stateLines(state: StateExplanation, palette: Palette): Line[] {
  const rowsOf = (label: string, names: readonly string[]) => {
    const rows = ROW_EXPLANATIONS.filter(({ name }) => names.includes(name));
    return rows.map(({ row }, i): Line => [i === 0 ? label : "", ...rowCells(row, rows)]);
  };
  return [
    ...clauseLines(state.rfc, palette),
    ...rowsOf("into it", state.reachedBy),
    ...rowsOf("out of it", state.leftBy),
  ];
}

/** Name, states and event of a row, in columns with its neighbours. */
function rowCells(row: Transition, neighbours: readonly RowExplanation[]): Cell[] {
  const width = (of: (one: Transition) => string) =>
    Math.max(...neighbours.map((neighbour) => of(neighbour.row).length));
  const states = (one: Transition) => `${one.from} -> ${one.to}`;
  return [
    { text: row.id.padEnd(width(({ id }) => id)) },
    { text: states(row).padEnd(width(states)) },
    { text: row.event },
  ];
}

function rowSentence({ from, event, to }: Transition): string {
  return `${from} -> ${to}: ${event}`;
}

function clauseLines(rfc: string | null, palette: Palette): Line[] {
  if (rfc === null) return [["clause", { text: "none: a choice of our own", paint: palette.quiet }]];
  return rfc.split(", ").map((clause, i): Line => [
    i === 0 ? "clause" : "",
    { text: clause },
    { text: clauseAddress(clause), paint: palette.quiet },
  ]);
}

/** `https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2` for `RFC 9293 §3.10.7.2`. */
export function clauseAddress(clause: string): string {
  const match = /^RFC (\d+)(?: §([\d.A-Z]+))?$/.exec(clause);
  if (match === null) return "";
  const [, number, section] = match;
  return `https://www.rfc-editor.org/rfc/rfc${number}` + (section === undefined ? "" : `#section-${section}`);
}

function whereLines(one: Explanation, palette: Palette): Line[] {
  const { place, name } = one.test;
  const test: Line = ["test", { text: place }];
  const run = name === null
    ? `deno test -A ${place}`
    : `deno test -A test/tcp/${
      one.kind === "rule" ? "rules" : "transitions"
    }_coverage_test.ts --filter "${name}"`;
  const source = one.kind === "state" ? [] : one.source;
  const lesson = one.kind === "state" ? null : one.lesson;
  return [
    ...source.map((line, i): Line => [i === 0 ? "source" : "", { text: line }]),
    test,
    ["", { text: run, paint: palette.quiet }],
    ...(lesson === null ? [] : [["lesson", { text: `tcplab run --trace ${lesson}` }] as const]),
  ];
}

/** What the first part of a rule's name stands for, and headings of the list. */
const RULE_GROUPS: readonly (readonly [prefix: string, heading: string])[] = [
  ["open", "Rules: OPEN"],
  ["arrives.closed", "Rules: a segment arrives in CLOSED"],
  ["arrives.listen", "Rules: a segment arrives in LISTEN"],
  ["arrives.syn-sent", "Rules: a segment arrives in SYN_SENT"],
  ["arrives.check1", "Rules: a segment arrives elsewhere, first: is it in the window?"],
  ["arrives.check2", "Rules: second, RST"],
  ["arrives.check4", "Rules: fourth, SYN (the third check, security, is not done)"],
  ["arrives.check5", "Rules: fifth, ACK"],
  ["arrives.check6", "Rules: sixth, URG"],
  ["arrives.check7", "Rules: seventh, the text"],
  ["arrives.check8", "Rules: eighth, FIN"],
  ["arrives.time-wait", "Rules: a segment arrives in TIME_WAIT"],
  ["arrives", "Rules: a packet arrives"],
  ["send", "Rules: sending"],
  ["close", "Rules: CLOSE"],
  ["abort", "Rules: ABORT"],
  ["evict", "Rules: making room"],
  ["ack", "Rules: why an ACK is sent"],
  ["retransmit", "Rules: sending again"],
  ["recovery", "Rules: recovery from loss"],
  ["keepalive", "Rules: keep-alive"],
  ["time-wait", "Rules: the end of TIME_WAIT"],
  ["fin-wait-2", "Rules: the end of FIN_WAIT_2"],
  ["icmp", "Rules: ICMP"],
];

/** The heading under which something stands in the list. */
export function headingOf(one: Explanation): string {
  if (one.kind === "state") return `States (${one.rfc})`;
  if (one.kind === "row") return "Rows of the transition table";
  const group = RULE_GROUPS.find(([prefix]) => one.name === prefix || one.name.startsWith(`${prefix}.`));
  return group?.[1] ?? "Rules";
}

/** Explanations as a list, a line each, under headings; several lines. */
export function explanationListToText(explanations: readonly Explanation[], page: Page): string {
  const palette = paletteFor(page.color ?? false);
  const lines: string[] = [];
  for (const [heading, members] of Map.groupBy(explanations, headingOf)) {
    if (lines.length > 0) lines.push("");
    lines.push(palette.strong(heading));
    const nameWidth = Math.max(...members.map(({ name }) => name.length));
    for (const one of members) {
      const text = one.kind === "row" ? rowSentence(one.row) : one.text;
      const rfc = one.kind === "row" ? one.row.rfc : one.kind === "rule" ? one.rfc ?? "" : "";
      const cells: Cell[] = [
        { text: `  ${one.name}` },
        { text, column: 2 + nameWidth + LIST_GAP },
        { text: rfc, paint: palette.quiet },
      ];
      lines.push(layCells(cells, { width: page.width, indent: 6 }));
    }
  }
  return lines.join("\n");
}
