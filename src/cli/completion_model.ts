/**
 * What can be completed, from the tables of options and arguments.
 *
 * Owns: what kind of value an option takes, as far as a shell can offer any. Must not know: any shell.
 */
import type { Command } from "./command.ts";
import { allOptions, type OptionSpec } from "./options.ts";
import { namesOf, type OptionNames } from "./syntax.ts";

/** What a shell can offer as a value. */
export type Offer =
  | { readonly kind: "words"; readonly words: readonly string[]; readonly isList: boolean }
  | { readonly kind: "interfaces" | "files" | "users" };

/** An option of a command. */
export interface CompletedOption extends OptionNames {
  readonly help: string;
  readonly takesValue: boolean;
  /** Null where nothing can be offered: a number, an address. */
  readonly offer: Offer | null;
}

/** A command of the program. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** For the first argument, the second, and so on; the last is for all that follow where `repeats` says so. */
  readonly places: readonly Offer[];
  readonly repeats: boolean;
}

/** Options that mean the same wherever they are. */
const OFFERS_BY_NAME: Readonly<Record<string, Offer["kind"] & ("interfaces" | "users")>> = {
  iface: "interfaces",
  user: "users",
};

/** The names behind which a value stands. */
export function valuedNames({ long, short, isShortAlone, takesValue }: CompletedOption): string[] {
  return takesValue ? [long, ...(short === null || isShortAlone ? [] : [short])] : [];
}

/** All that a shell needs to know of these commands. */
export function completionOf(commands: readonly Command[]): CompletedCommand[] {
  return commands.map(({ name, summary, syntax }) => {
    const { words = [], most = 0 } = syntax.positionals ?? {};
    const options = allOptions(syntax).map(optionOf);
    return { name, summary, options, places: words.map(placeOf), repeats: most > words.length };
  });
}

function placeOf(words: readonly string[] | "files"): Offer {
  return words === "files" ? { kind: "files" } : { kind: "words", words, isList: false };
}

function optionOf(spec: OptionSpec): CompletedOption {
  return {
    ...namesOf(spec),
    help: spec.help,
    takesValue: spec.kind !== "flag",
    offer: spec.kind === "flag" ? null : offerOf(spec),
  };
}

function offerOf(spec: OptionSpec): Offer | null {
  const { value = "", choices } = spec;
  if (Object.hasOwn(OFFERS_BY_NAME, spec.name)) return { kind: OFFERS_BY_NAME[spec.name] };
  if (/^(FILE|OUT)$/.test(value)) return { kind: "files" };
  if (choices !== undefined) return { kind: "words", words: choices, isList: /LIST|,/.test(value) };
  // `text|json|none` lists all that there is; of `MAC|auto|device` what is not in capitals.
  const words = value.split("|").filter((word) => /^[a-z0-9][a-z0-9-]*$/.test(word));
  return value.includes("|") && words.length > 0 ? { kind: "words", words, isList: false } : null;
}
