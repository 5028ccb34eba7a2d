/**
 * What can be done in the playground, as values, and as the letters of a link.
 *
 * Owns: the list of commands, their bounds, and both ways between value and text. Must not know: how one is carried out.
 */
import { parseOnceFault } from "../link/fault_once.ts";
import { parseFaultSpec } from "../link/fault_spec.ts";

/** Which end: 0 is the client, 1 the server. */
export type Side = 0 | 1;

/** What is done. */
export type CommandKind = keyof typeof KINDS;

/** What a command takes besides an end. */
interface KindTraits {
  /** In a link. */
  readonly letter: string;
  /** Bounds of its number; null where it has none. */
  readonly amount: { readonly least: number; readonly most: number } | null;
  /** Judges its text; null where it has none. */
  readonly text: ((text: string) => unknown) | null;
}

/** Something that is done at one end, or to the cable, at a time. */
export interface Command {
  readonly kind: CommandKind;
  readonly side: Side;
  readonly atUs: number;
  readonly amount?: number;
  readonly text?: string;
}

/** Local choice: a megabyte is seven hundred segments, more than anybody looks at one by one. */
const MOST_BYTES = 1_000_000;
/** Local choice: several backlogs of a lesson. */
const MOST_STRANGERS = 64;
/** Local choice: more connections than a course has segments. */
const MOST_CONNECTION = 10_000;
const PLAIN = { amount: null, text: null } as const;

const KINDS = {
  listen: { letter: "l", ...PLAIN },
  /** No further connections. */
  unlisten: { letter: "u", ...PLAIN },
  /** 1: from the port of the connection before. */
  connect: { letter: "c", amount: { least: 0, most: 1 }, text: null },
  send: { letter: "s", amount: { least: 1, most: MOST_BYTES }, text: null },
  /** 0 or nothing: the newest connection of the end, else the one with this number. */
  close: { letter: "e", amount: { least: 0, most: MOST_CONNECTION }, text: null },
  abort: { letter: "a", amount: { least: 0, most: MOST_CONNECTION }, text: null },
  /** Stops reading what arrives. */
  hold: { letter: "h", ...PLAIN },
  read: { letter: "r", ...PLAIN },
  /** Power off and on. */
  restart: { letter: "k", ...PLAIN },
  /** So many SYNs to this end, of strangers who will never answer. */
  flood: { letter: "y", amount: { least: 1, most: MOST_STRANGERS }, text: null },
  once: { letter: "o", amount: null, text: parseOnceFault },
  /** Forgets the faults that wait for their segment. */
  forget: { letter: "n", ...PLAIN },
  faults: { letter: "f", amount: null, text: (text) => text === "" ? null : parseFaultSpec(text) },
} as const satisfies Readonly<Record<string, KindTraits>>;

/** Local choice: a day, long after the last timer. */
export const MOST_US = 86_400_000_000;
/** Local choice: a specification of faults has half of it. */
const MOST_LETTERS = 200;
const SEPARATOR = "!";

/** Whether there is such a command. */
export function isCommandKind(name: string): name is CommandKind {
  return Object.hasOwn(KINDS, name);
}

/** What is wrong with a command, in one line; null where nothing is. */
export function problemOf(command: Command): string | null {
  const { kind, atUs, amount, text } = command;
  const traits: KindTraits = KINDS[kind];
  if (!Number.isSafeInteger(atUs) || atUs < 0 || atUs > MOST_US) return `${kind}: at no time of a day`;
  if (traits.amount !== null) {
    const { least, most } = traits.amount;
    const given = amount ?? 0;
    const isGood = Number.isInteger(given) && given >= least && given <= most;
    if (!isGood) return `${kind}: expected a whole number from ${least} to ${most}`;
  }
  if (traits.text === null) return null;
  if (text === undefined || text.length > MOST_LETTERS) {
    return `${kind}: expected ${MOST_LETTERS} letters at most`;
  }
  try {
    traits.text(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A command as it stands in a link: `20.5s0!1000` at 20.5 ms, end 0 sends 1000. */
export function commandText({ kind, side, atUs, amount, text }: Command): string {
  const rest = text ?? (amount === 0 ? undefined : amount);
  return `${atUs / 1000}${KINDS[kind].letter}${side}${rest === undefined ? "" : `${SEPARATOR}${rest}`}`;
}

/** Reads what {@link commandText} writes; a line that says what is wrong where it is nothing of the kind. */
export function parseCommand(text: string): Command | string {
  const match = /^(\d{1,8}(?:\.\d{1,3})?)([a-z])([01])(?:!(.*))?$/.exec(text);
  const kind = Object.keys(KINDS).filter(isCommandKind).find((name) => KINDS[name].letter === match?.[2]);
  if (match === null || kind === undefined) return `${shown(text)}: no command of the playground`;
  const [, time, , side, rest] = match;
  const traits: KindTraits = KINDS[kind];
  if (rest !== undefined && traits.amount === null && traits.text === null) {
    return `${shown(text)}: ${kind} takes nothing more`;
  }
  const command: Command = {
    kind,
    side: side === "1" ? 1 : 0,
    atUs: Math.round(Number(time) * 1000),
    ...(traits.amount === null || rest === undefined
      ? {}
      : { amount: /^\d{1,7}$/.test(rest) ? Number(rest) : NaN }),
    ...(traits.text === null ? {} : { text: rest ?? "" }),
  };
  return problemOf(command) ?? command;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
