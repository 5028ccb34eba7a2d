/**
 * `tcplab why`: what a rule of the log, a row of the table or a state means.
 *
 * Owns: the arguments, and what is said of a word that names nothing. Must not know: the answers (observe/why.ts).
 */
import { getColorEnabled } from "@std/fmt/colors";
import { paletteFor } from "../observe/text_layout.ts";
import { type WhyAnswer, whyAnswers, whyList, whyNames, whyNear, whyText } from "../observe/why.ts";
import { type Command, EXIT_DONE, UsageError } from "./command.ts";
import { nearestName, type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { printLine } from "./terminal.ts";

const OPTIONS = [
  { name: "json", kind: "flag", help: "the answers as one JSON array" },
] as const satisfies readonly OptionSpec[];

/** More would be a paste of a log; each is answered by itself. */
const MOST_WORDS = 100;
/** Suggestions in an error; local choice. */
const MOST_SUGGESTIONS = 8;

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "why",
  synopsis: "[--json] [RULE|ROW|STATE...]",
  description:
    `Says what a rule of the log (arrives.check8.fin), a row of the transition table (listen.syn) or a state (CLOSE_WAIT)
means: the sentence, the section of the RFC, the rows that belong to it, the line of the source, and the test that walks
it. Without an argument: the list of all.`,
  options: OPTIONS,
  positionals: { least: 0, most: MOST_WORDS, expected: "names of rules, rows or states" },
  examples: [
    ["tcplab why arrives.check8.fin", "why the log says so"],
    ["tcplab why time_wait", "what the state is, and how it is entered and left"],
    ["tcplab why | grep sack", "every rule that has to do with it"],
  ],
};

function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const palette = paletteFor(getColorEnabled());
  const words = options.positionals;
  const answers = words.flatMap(answersTo);
  if (options.flag("json")) {
    printLine(JSON.stringify(words.length === 0 ? allAnswers() : answers, null, 2));
  } else {
    printLine(
      words.length === 0 ? whyList(palette) : answers.map((answer) => whyText(answer, palette)).join("\n\n"),
    );
  }
  return Promise.resolve(EXIT_DONE);
}

function allAnswers(): WhyAnswer[] {
  const { rules, rows, states } = whyNames();
  return [...new Set<string>([...states, ...rows, ...rules])].flatMap(whyAnswers);
}

function answersTo(word: string): WhyAnswer[] {
  const answers = whyAnswers(word);
  if (answers.length > 0) return answers;
  const near = whyNear(word);
  const { rules, rows, states } = whyNames();
  const nearest = nearestName(word, [...rules, ...rows, ...states]);
  const names = near.length > 0 || nearest === null ? near : [nearest];
  const more = names.length > MOST_SUGGESTIONS ? ", ..." : "";
  const advice = names.length > 0
    ? `did you mean ${names.slice(0, MOST_SUGGESTIONS).join(", ")}${more}?`
    : "tcplab why without an argument lists them";
  throw new UsageError(`There is no rule, row or state "${word}": ${advice}`);
}

/** The command. */
export const command: Command = {
  name: "why",
  summary: "says what a rule of the log, a row of the table or a state means, and where it comes from",
  usage: usageText(SYNTAX),
  run,
};
