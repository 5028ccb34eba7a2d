/**
 * What a command's arguments may look like, as a table: the parser, the usage, the manual and the completions are made of it.
 *
 * Owns: the shape of an option and of a command's arguments. Must not know: any particular command, what a value means.
 */

/** `flag` stands alone, `value` takes one value, `list` takes one and may be repeated. */
type OptionKind = "flag" | "value" | "list";

/** One option of a command. */
export interface OptionSpec {
  /** Without dashes, `iface`. */
  readonly name: string;
  /** One letter, without dash. */
  readonly alias?: string;
  readonly kind: OptionKind;
  /** How the value is called in the usage, `NAME`; needed unless `flag`. */
  readonly value?: string;
  /**
   * The value that the option has when it stands alone: when no word follows of those that it takes, `--payload`, or that
   * looks like one, `--ui`.
   */
  readonly alone?: { readonly value: string; readonly unlessNext: readonly string[] | RegExp };
  /** A letter that stands for a value by how often it is there, `-t`, `-tt`: the first value, the second. */
  readonly letter?: { readonly name: string; readonly values: readonly string[] };
  readonly help: string;
  /** Words that the value is one of, or of which it holds some with commas between; what the placeholder lists needs none. */
  readonly choices?: readonly string[];
  /** A heading in the usage; options without one come first. */
  readonly group?: string;
}

/** How an option is typed. */
export interface OptionNames {
  /** `--iface`. */
  readonly long: string;
  /** `-i`; null where it has no letter. */
  readonly short: string | null;
  /** Whether the letter is a value by itself, and takes none: `-t`. */
  readonly isShortAlone: boolean;
}

/** The names of an option, for all that tells of it. */
export function namesOf({ name, alias, letter }: OptionSpec): OptionNames {
  const short = alias ?? letter?.name ?? null;
  return {
    long: `--${name}`,
    short: short === null ? null : `-${short}`,
    isShortAlone: alias === undefined && letter !== undefined,
  };
}

/** What a command's arguments may look like. */
export interface Syntax<Options extends readonly OptionSpec[] = readonly OptionSpec[]> {
  /** The command's name. */
  readonly command: string;
  /** What stands between the name and the end of the synopsis, `[OPTIONS] FILE`. */
  readonly synopsis: string;
  /** What the command does; lines are kept as they are. */
  readonly description: string;
  readonly options: Options;
  /** Bounds on the number of arguments that are not options; none when absent. */
  readonly positionals?: {
    readonly least: number;
    readonly most: number;
    readonly expected: string;
    /** For completion: words that the first may be, or files; the second, and so on; the last are for all that follow. */
    readonly words?: readonly (readonly string[] | "files")[];
  };
  /** Shown at the end of the usage: a command and what it does. */
  readonly examples?: readonly (readonly [command: string, meaning: string])[];
}
