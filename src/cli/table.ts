/**
 * `tcplab table`: the transition table, the same rows by which the machine changes its states.
 *
 * Owns: the options. Must not know: how the table is drawn (observe/transition_table.ts).
 */
import { getColorEnabled } from "@std/fmt/colors";
import {
  renderTransitions,
  TABLE_FORMATS,
  type TableRole,
  transitionsFor,
} from "../observe/transition_table.ts";
import { TRANSITIONS } from "../tcp/transitions.ts";
import { type Command, EXIT_DONE } from "./command.ts";
import { parseChoice } from "./option_values.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { printLine } from "./terminal.ts";

const ROLES: readonly TableRole[] = ["server", "client", "all"];

const OPTIONS = [
  { name: "role", kind: "value", value: "server|client|all", help: "whose rows (all)" },
  { name: "format", kind: "value", value: TABLE_FORMATS.join("|"), help: "the form of the table (text)" },
  { name: "lab", kind: "flag", help: "only the six rows of the server's plain path, from LISTEN to CLOSED" },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "table",
  synopsis: "[--role ROLE] [--format FORM] [--lab]",
  description:
    `Prints the transition table: from which state, on what, to which state, what is received and sent, and the
section of the RFC. The machine changes its states by these rows and no others.`,
  options: OPTIONS,
  examples: [
    ["tcplab table --lab", "the server's plain path in six rows"],
    ["tcplab table --format svg >states.svg", "the state diagram"],
  ],
};

function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const role = parseChoice({ option: "role", text: options.value("role") ?? "all" }, ROLES);
  const format = parseChoice({ option: "format", text: options.value("format") ?? "text" }, TABLE_FORMATS);
  const rows = transitionsFor(TRANSITIONS, role).filter((row) =>
    !options.flag("lab") || row.labStep !== undefined
  );
  printLine(renderTransitions(rows, { format, color: format === "text" && getColorEnabled() }));
  return Promise.resolve(EXIT_DONE);
}

/** The command. */
export const command: Command = {
  name: "table",
  summary: "prints the transition table, as text, markdown, JSON or a diagram",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
