/**
 * `tcplab why`: what a rule, a row of the table or a state means, which the log names everywhere.
 *
 * Owns: the options, and what is said to a name that nobody knows. Must not know: the rules, how they are set.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { type Explanation, EXPLANATIONS, findExplanations } from "../observe/explanation.ts";
import { explanationListToText, explanationsToText } from "../observe/explanation_text.ts";
import { nearestName } from "../observe/nearest_name.ts";
import { type Command, EXIT_DONE, UsageError } from "./command.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { pageWidth, printLine } from "./terminal.ts";

const OPTIONS = [
  { name: "json", kind: "flag", help: "as JSON, an array with one object for each rule, row or state" },
] as const satisfies readonly OptionSpec[];

/** Local choice: so many are told in full; more of them are a list, from which one can be asked for. */
const MOST_IN_FULL = 5;

const NAMES = [...new Set(EXPLANATIONS.map(({ name }) => name))];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "why",
  synopsis: "[RULE|ROW|STATE...] [--json]",
  description:
    `Explains what the log names: a rule (arrives.check5.ack-advances), a row of the transition table (listen.syn) or a state
(SYN_RCVD): what it says, the clause of the RFC, the rows and rules that belong together, the line of the source, and the
test. The beginning of a name stands for all that begin so (arrives.check5), the end for all that end so
(ack-advances). Without a name it lists everything.`,
  options: OPTIONS,
  positionals: { least: 0, most: Infinity, expected: "names of rules, rows or states", words: [NAMES] },
  examples: [
    ["tcplab why arrives.listen.syn", "what the log's line of the first SYN means"],
    ["tcplab why TIME_WAIT", "what the state is for, and the ways into it and out of it"],
    ["tcplab why arrives.check5", "all that can come of an ACK"],
  ],
};

function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const names = options.positionals;
  const found = [...new Set(names.length === 0 ? EXPLANATIONS : names.flatMap(explanationsOf))];
  if (options.flag("json")) {
    printLine(JSON.stringify(found, null, 2));
    return Promise.resolve(EXIT_DONE);
  }
  const page = { width: pageWidth(), color: getColorEnabled() };
  printLine(
    found.length > MOST_IN_FULL && found.length > names.length
      ? explanationListToText(found, page)
      : explanationsToText(found, page),
  );
  return Promise.resolve(EXIT_DONE);
}

/** What is called so; a {@link UsageError} with the nearest names where nothing is. */
function explanationsOf(name: string): readonly Explanation[] {
  const found = findExplanations(name);
  if (found.length > 0) return found;
  const near = nearNames(name);
  const advice = near.length === 0 ? "tcplab why lists them" : `did you mean ${near.join(" or ")}?`;
  throw new UsageError(`No rule, row or state is called "${name}": ${advice}`);
}

/** Local choice: more suggestions than these would not be read. */
const MOST_SUGGESTIONS = 4;

/** Names and beginnings of names that may have been meant: few letters changed, else all that contain what was typed. */
function nearNames(typed: string): string[] {
  const wanted = typed.toLowerCase();
  const all = EXPLANATIONS.map(({ name }) => name);
  const beginnings = all.flatMap((name) => name.split(".").map((_, i, parts) => parts.slice(0, i).join(".")));
  const names = [...new Set([...all, ...beginnings])].filter((name) => name !== "");
  const lastPart = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  const few = (of: (name: string) => string) => {
    const near = nearestName(wanted, names.map(of));
    return names.filter((name) => of(name) === near);
  };
  for (const found of [few((name) => name.toLowerCase()), few(lastPart)]) {
    if (found.length > 0) return found.slice(0, MOST_SUGGESTIONS);
  }
  // One letter or two are in too many.
  if (wanted.length < 3) return [];
  return names.filter((name) => name.toLowerCase().includes(wanted)).slice(0, MOST_SUGGESTIONS);
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "what a rule, a row or a state means: sentence, RFC, line of the source, test",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
