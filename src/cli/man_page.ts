/**
 * The manual page tcplab(1), in the language of man(7), from the tables of options.
 *
 * Owns: its sections and how text becomes roff. Must not know: any particular command.
 */
import type { Command } from "./command.ts";
import { DOCUMENTS } from "./documents.ts";
import { ENVIRONMENT_VARIABLES } from "./environment.ts";
import { allOptions, type OptionSpec, type Syntax } from "./options.ts";
import { namesOf } from "./syntax.ts";

/** The page. */
export function manPage(commands: readonly Command[], version: string): string {
  return [
    '.\\" Made by: tcplab man',
    `.TH TCPLAB 1 "" "tcplab ${version}" "User Commands"`,
    // Words of a command line must not be broken, nor drawn apart.
    ".nh",
    ".ad l",
    ".SH NAME",
    "tcplab \\- a TCP endpoint that lives in user space and shows its work",
    ".SH SYNOPSIS",
    ...commands.flatMap(({ syntax }) => [...synopsisLines(syntax), ".br"]),
    ".B tcplab \\-\\-help",
    ".br",
    ".B tcplab \\-\\-version",
    ".SH DESCRIPTION",
    ...paragraphs(DESCRIPTION),
    ".SH COMMANDS",
    ...commands.flatMap(commandSection),
    ".SH EXIT STATUS",
    ...EXIT_STATUS.flatMap(([status, meaning]) => tagged(roff(status), meaning)),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT_VARIABLES.flatMap(([name, meaning]) => tagged(roff(name), meaning)),
    ".SH DOCUMENTS",
    "In the project's folder:",
    ...DOCUMENTS.flatMap(([path, about]) => tagged(roff(path), about)),
    ".SH SEE ALSO",
    ...SEE_ALSO.map(([name, section], i) =>
      `.BR ${roff(name)} (${section})${i < SEE_ALSO.length - 1 ? "," : ""}`
    ),
    "",
  ].join("\n");
}

const DESCRIPTION =
  `Opens a network device through libpcap, answers ARP and neighbour discovery for addresses that the kernel does not own, and runs the TCP state
machine of RFC 9293 itself. A real client on a real network connects, and every segment, every state change and the rule
behind it can be read, recorded and disturbed.

The kernel takes no part: its own netstat shows nothing of these connections. What goes to standard output is only what
was asked for; notices and errors go to standard error.`;

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  ["0", "done"],
  ["1", "it failed while running; one line on standard error says what, why, and what to do"],
  ["2", "the command line is wrong; the line, and the synopsis of the command, are on standard error"],
];

const SEE_ALSO: readonly (readonly [string, number])[] = [
  ["ip", 8],
  ["nft", 8],
  ["pcap-filter", 7],
  ["ss", 8],
  ["tcpdump", 8],
];

function commandSection({ syntax, summary }: Command): string[] {
  const options = allOptions(syntax);
  const groups = [...new Set(options.map(({ group }) => group))];
  return [
    `.SS ${roff(syntax.command)}: ${roff(summary)}`,
    ...synopsisLines(syntax),
    ...paragraphs(syntax.description),
    ...groups.flatMap((group) => [
      ...(group === undefined ? [] : [".PP", `.I ${roff(group)}`]),
      ...options.filter((option) => option.group === group).flatMap(optionEntry),
    ]),
    ...(syntax.examples ?? []).flatMap(([words, meaning], i) => [
      ...(i === 0 ? [".PP", ".I Examples"] : []),
      ...tagged(roff(words), meaning),
    ]),
  ];
}

function synopsisLines({ command, synopsis }: Syntax): string[] {
  return [`.B tcplab ${roff(command)}`, ...(synopsis === "" ? [] : [roffLine(synopsis)])];
}

function optionEntry(spec: OptionSpec): string[] {
  const { value, help } = spec;
  const { long, short } = namesOf(spec);
  const names = [long, ...(short === null ? [] : [short])].map((one) => `\\fB${roff(one)}\\fR`);
  return [".TP", names.join(", ") + (value === undefined ? "" : ` \\fI${roff(value)}\\fR`), roffLine(help)];
}

/** A paragraph with a hanging tag in bold. */
function tagged(tag: string, text: string): string[] {
  return [".TP", `\\fB${tag}\\fR`, roffLine(text)];
}

/** Paragraphs between empty lines; lines that begin with a space are kept as they are. */
function paragraphs(text: string): string[] {
  const lines: string[] = [".PP"];
  let isKept = false;
  for (const line of text.trim().split("\n")) {
    const isIndented = /^\s/.test(line);
    if (isIndented !== isKept && line !== "") {
      lines.push(isIndented ? ".nf" : ".fi");
      isKept = isIndented;
    }
    lines.push(line === "" ? ".PP" : roffLine(line));
  }
  if (isKept) lines.push(".fi");
  // A second break in a row, and one before lines that are kept, would be a warning or an empty line too many.
  return lines.filter((line, i) => line !== ".PP" || lines[i + 1] !== ".PP");
}

/** A line of text: it must not begin like a request. */
function roffLine(text: string): string {
  const line = roff(text);
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** Text in which nothing is taken for a command of roff; what is not ASCII is named, so that no encoding matters. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti")
    .replace(
      /\P{ASCII}/gu,
      (one) => `\\[u${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}
