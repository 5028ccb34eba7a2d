/**
 * Command-line options: declared as a table, parsed strictly, explained from the same table (syntax.ts).
 *
 * Owns: the strict rules on top of `@std/cli/parse-args` (nothing unknown, nothing twice,
 * nothing without its value, no value where none belongs) and the usage text.
 * Must not know: any particular command, what a value means.
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearestName } from "../observe/nearest_name.ts";
import { UsageError } from "./command.ts";
import { namesOf, type OptionSpec, type Syntax } from "./syntax.ts";

export type { OptionSpec, Syntax };

type NamesOf<Options extends readonly OptionSpec[]> = Options[number]["name"];

/** The arguments of a command, checked against its {@link Syntax}. */
export interface ParsedOptions<Name extends string> {
  /** True when the flag was given. */
  flag(name: Name): boolean;
  /** The option's value, undefined when it was not given. */
  value(name: Name): string | undefined;
  /** All values of an option, in order. */
  list(name: Name): readonly string[];
  /** Arguments that are not options. */
  readonly positionals: readonly string[];
}

/** What every command has, too. */
const HELP: OptionSpec = { name: "help", alias: "h", kind: "flag", help: "this text" };

/** All options of a command, those that every command has included. */
export function allOptions(syntax: Syntax): readonly OptionSpec[] {
  return [...syntax.options, HELP];
}

/** True when the arguments ask for help; looked at before anything else is judged. */
export function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}

/** Parses a command's arguments. Throws {@link UsageError} with one line for the first thing that is wrong. */
export function parseOptions<const Options extends readonly OptionSpec[]>(
  args: readonly string[],
  syntax: Syntax<Options>,
): ParsedOptions<NamesOf<Options>> {
  const specs = allOptions(syntax);
  const flags = specs.filter((spec) => spec.kind === "flag").map((spec) => spec.name);
  const valued = specs.filter((spec) => spec.kind !== "flag").map((spec) => spec.name);
  const alias: Record<string, string> = {};
  for (const spec of specs) if (spec.alias !== undefined) alias[spec.alias] = spec.name;

  const separated = separateValues(spellOut(args, specs), specs);
  refuseReservedName(separated, specs);
  const unknown: string[] = [];
  const parsed = parseArgs(separated, {
    boolean: flags,
    string: [...valued, "_"],
    collect: [...flags, ...valued],
    alias,
    unknown: (argument: string, key?: string) => {
      if (key !== undefined && key !== null) unknown.push(argument);
      return true;
    },
  });

  const values = new Map<string, readonly string[]>();
  for (const spec of specs) values.set(spec.name, checkedValues(spec, parsed[spec.name], args));
  if (unknown.length > 0) throw new UsageError(unknownOptionLine(unknown[0], specs));
  const positionals = parsed._.map((word) => String(word).replace(MASK, ""));
  checkPositionals(positionals, syntax);

  return {
    flag: (name) => (values.get(name)?.length ?? 0) > 0,
    value: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
    positionals,
  };
}

/**
 * parse-args keeps the arguments under the name `_`, and takes a dot for a way into what another option holds: names with
 * either would end in an exception, and no option of ours has one.
 */
function refuseReservedName(args: readonly string[], specs: readonly OptionSpec[]): void {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const reserved = options.find((argument) => /^-[^=]*[_.]/.test(argument));
  if (reserved !== undefined) throw new UsageError(unknownOptionLine(reserved, specs));
}

/** `-tt` becomes `--time=epoch`, `-vtt` that and `-v`; `--payload` without a word of its own gets its usual one. */
function spellOut(args: readonly string[], specs: readonly OptionSpec[]): string[] {
  const end = args.indexOf("--");
  return args.flatMap((argument, position) => {
    if (end >= 0 && position >= end) return [argument];
    const alone = specs.find((spec) => spec.alone !== undefined && argument === `--${spec.name}`)?.alone;
    if (alone !== undefined) {
      const { unlessNext, value } = alone;
      const next = args[position + 1] ?? "";
      const isValue = unlessNext instanceof RegExp ? unlessNext.test(next) : unlessNext.includes(next);
      return isValue ? [argument] : [`${argument}=${value}`];
    }
    for (const { name, letter } of specs) {
      if (letter === undefined) continue;
      const [, flags, letters] = new RegExp(`^-([A-Za-z]*?)(${letter.name}+)$`).exec(argument) ?? [];
      if (letters === undefined) continue;
      const areFlags = [...flags].every((flag) =>
        specs.some((spec) => spec.alias === flag && spec.kind === "flag")
      );
      if (!areFlags) continue;
      const value = letter.values[letters.length - 1];
      if (value === undefined) {
        throw new UsageError(`-${letters}: expected -${letter.name}, up to ${letter.values.length} times`);
      }
      return [...(flags === "" ? [] : [`-${flags}`]), `--${name}=${value}`];
    }
    return [argument];
  });
}

/**
 * `-ieth0` becomes `--iface=eth0`, which parse-args would take for a bundle of flags. `--port -1` becomes `--port=-1`, so that
 * the command judges the value instead of hearing of an option `-1`; `-` alone is a value too, as programs have it for
 * standard input and output. A number below zero that belongs to no option is kept as an argument by {@link MASK}.
 */
function separateValues(args: readonly string[], specs: readonly OptionSpec[]): string[] {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const separated: string[] = [];
  for (let i = 0; i < options.length; i++) {
    const argument = options[i];
    const next = options[i + 1];
    const valued = specs.find((spec) =>
      spec.kind !== "flag" && (argument === `--${spec.name}` || argument === `-${spec.alias}`)
    );
    const match = /^-([A-Za-z])=?(.+)$/s.exec(argument);
    const short = match === null
      ? undefined
      : specs.find((candidate) => candidate.alias === match[1] && candidate.kind !== "flag");
    if (valued !== undefined && next !== undefined && (next === "-" || isNegativeNumber(next))) {
      separated.push(`--${valued.name}=${next}`);
      i++;
    } else if (digitFlag(argument, specs) !== null) {
      separated.push(`--${digitFlag(argument, specs)}`);
    } else if (match !== null && short !== undefined) {
      separated.push(`--${short.name}=${match[2]}`);
    } else {
      separated.push(isNegativeNumber(argument) ? MASK + argument : argument);
    }
  }
  return [...separated, ...args.slice(options.length)];
}

/** Stands before an argument that begins with a dash and is no option; no command line can hold it (execve(2)). */
const MASK = "\0";

/** The name of the flag whose short form is a digit (`-6`); null where the argument is none. */
function digitFlag(argument: string, specs: readonly OptionSpec[]): string | null {
  if (!/^-\d$/.test(argument)) return null;
  return specs.find((spec) => spec.kind === "flag" && spec.alias === argument[1])?.name ?? null;
}

function isNegativeNumber(argument: string): boolean {
  return /^-\.?\d/.test(argument);
}

/** The option's values as strings (a flag that was given has one, empty), or a {@link UsageError}. */
function checkedValues(spec: OptionSpec, found: unknown, args: readonly string[]): readonly string[] {
  const given: readonly unknown[] = Array.isArray(found) ? found : [];
  if (spec.kind === "flag") {
    if (args.some((argument) => argument.startsWith(`--${spec.name}=`))) {
      throw new UsageError(`--${spec.name} takes no value: leave the "=" out`);
    }
    if (given.length > 1) throw new UsageError(`--${spec.name} is given twice: leave one out`);
    return given.length > 0 ? [""] : [];
  }
  const values = given.map(String);
  if (values.includes("")) throw new UsageError(`--${spec.name} needs a value: ${spec.value ?? "VALUE"}`);
  if (spec.kind === "value" && values.length > 1) {
    throw new UsageError(`--${spec.name} is given twice (${values.join(" and ")}): leave one out`);
  }
  return values;
}

function unknownOptionLine(argument: string, specs: readonly OptionSpec[]): string {
  const typed = argument.split("=")[0];
  const nearest = nearestName(typed.replace(/^-+/, ""), specs.map((spec) => spec.name));
  const advice = nearest === null ? "see --help for the options" : `did you mean --${nearest}?`;
  return `Unknown option ${typed}: ${advice}`;
}

function checkPositionals(positionals: readonly string[], syntax: Syntax): void {
  const { least, most, expected } = syntax.positionals ?? { least: 0, most: 0, expected: "options only" };
  if (positionals.length > most) {
    throw new UsageError(`Unexpected argument "${positionals[most]}": expected ${expected}`);
  }
  if (positionals.length < least) throw new UsageError(`An argument is missing: expected ${expected}`);
}

/** Columns of the usage text: where the help begins, and where lines end. Local choice: fits a terminal of 100. */
const HELP_COLUMN = 28;
const LAST_COLUMN = 98;

/** The text of `--help`: synopsis, description, options by group, examples. */
export function usageText(syntax: Syntax): string {
  const lines = [
    `Usage: tcplab ${syntax.command} ${syntax.synopsis}`.trimEnd(),
    "",
    syntax.description.trim(),
  ];
  const options = allOptions(syntax);
  const groups = [...new Set(options.map((option) => option.group))];
  for (const group of groups) {
    lines.push("", group === undefined ? "Options:" : `${group}:`);
    for (const option of options) if (option.group === group) lines.push(...optionLines(option));
  }
  if (syntax.examples !== undefined) {
    lines.push("", "Examples:");
    for (const [command, meaning] of syntax.examples) lines.push(`  ${command}`, `      ${meaning}`);
  }
  return lines.join("\n") + "\n";
}

function optionLines(option: OptionSpec): string[] {
  const { long, short } = namesOf(option);
  const left = `  ${long}${short === null ? "" : `, ${short}`}${
    option.value === undefined ? "" : ` ${option.value}`
  }`;
  const wrapped = wrap(option.help, LAST_COLUMN - HELP_COLUMN);
  const indent = " ".repeat(HELP_COLUMN);
  if (left.length >= HELP_COLUMN) return [left, ...wrapped.map((line) => indent + line)];
  return wrapped.map((line, row) => (row === 0 ? left.padEnd(HELP_COLUMN) : indent) + line);
}

/** Names and what each is, as lines: in two columns, the second wrapped. */
export function definitionLines(
  definitions: readonly (readonly [name: string, meaning: string])[],
  paintName = (name: string) => name,
): string[] {
  const column = Math.max(...definitions.map(([name]) => name.length)) + 5;
  return definitions.flatMap(([name, meaning]) =>
    wrap(meaning, LAST_COLUMN - column).map((line, row) =>
      row === 0
        ? `  ${paintName(name)}${" ".repeat(column - 2 - name.length)}${line}`
        : " ".repeat(column) + line
    )
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length > 0 && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line.length === 0 ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
