/**
 * What a command of the command line is, and how it fails.
 *
 * Owns: the shape of a command, the two kinds of error with their exit status, and how an error becomes one line.
 * Must not know: any particular command, libpcap.
 */

import type { Syntax } from "./syntax.ts";

/** Exit status of a command that did what it was asked to do. */
export const EXIT_DONE = 0;
/** Exit status of a command that failed while running: one line on stderr. */
export const EXIT_FAILED = 1;
/** Exit status of wrong usage: one line and the command's usage on stderr. */
export const EXIT_USAGE = 2;

/** One command; each command's module exports one as `command`. */
export interface Command {
  /** As it is typed. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** Its arguments, from which manual and completion are made. */
  readonly syntax: Syntax;
  /** The whole text of `--help`; its first line is the synopsis, `Usage: tcplab NAME ...`. */
  readonly usage: string;
  /** Runs with the arguments after the command's name; gives the exit status. Throws {@link UsageError} or {@link CliError}. */
  run(args: string[]): Promise<number>;
}

/** The command line is wrong whatever the machine's state is; exit status 2. The message is one line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The command failed while running; exit status 1. The message is one line: what failed, why, what to do. */
export class CliError extends Error {
  override name = "CliError";
}

/** The synopsis of a command: its usage up to the first empty line. */
export function synopsisOf(usage: string): string {
  const end = usage.indexOf("\n\n");
  return end < 0 ? usage.trimEnd() : usage.slice(0, end);
}

/** An error as one line for a person; line breaks inside the message become spaces. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*[\r\n]+\s*/g, " ").trim();
}

/** The system's own words for what went wrong with a file, to stand in brackets: Deno adds number, operation and path. */
export function systemWords(error: unknown): string {
  const words = errorLine(error).replace(/ \(os error \d+\).*$/s, "");
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

/**
 * Names of the errors that our own layers throw with a message made for a person. Compared by name, because
 * naming their classes here would load the modules that own them.
 */
const ERRORS_FOR_A_PERSON: ReadonlySet<string> = new Set([
  "UsageError",
  "CliError",
  "LinkError",
  "PcapError",
  "LibcError",
  "ControlSocketError",
  "PageServerError",
]);

/** True when the error's message is made for a person, so that no stack needs to be shown. */
export function isForAPerson(error: unknown): boolean {
  return error instanceof Error && ERRORS_FOR_A_PERSON.has(error.name);
}
