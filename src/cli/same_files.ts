/**
 * Files that a command line names for more than one thing.
 *
 * Owns: when two names are one file, and the line that refuses it. Must not know: what is read or written.
 */
import { basename, dirname, join, resolve } from "@std/path";
import { CliError } from "./command.ts";

/** A file that is to be written. */
export interface NamedOutput {
  /** As a person types it: `--junit`. */
  readonly option: string;
  readonly path: string;
}

/** Files that are read. */
export interface ReadFiles {
  readonly paths: readonly string[];
  /** What such a file is, for "--svg x.pcap is ..., which would be lost". */
  readonly what: string;
}

/** Refuses, before anything is read or written, a file that would take the place of what is read, or of another output. */
export function refuseSameFiles(read: ReadFiles, outputs: readonly NamedOutput[]): void {
  const known = new Map<string, string>();
  for (const { option, path } of outputs) {
    const identity = identityOf(path);
    if (identity === null) continue;
    const other = known.get(identity) ?? (isAmong(read.paths, identity) ? read.what : undefined);
    if (other !== undefined) {
      throw new CliError(`${option} ${path} is ${other}, which would be lost: give ${option} another file`);
    }
    known.set(identity, `the file of ${option}`);
  }
}

/** The outputs that are wanted, by option; null is none, and `-` is standard output. */
export function namedOutputs(files: Readonly<Record<string, string | null>>): NamedOutput[] {
  return Object.entries(files).flatMap(([option, path]) =>
    path === null || path === "-" ? [] : [{ option, path }]
  );
}

/** Of a command that reads no files. */
export const READS_NONE: ReadFiles = { paths: [], what: "" };

function isAmong(paths: readonly string[], identity: string): boolean {
  return paths.some((path) => identityOf(path) === identity);
}

/** The same for all names of a file, also of one that is not there yet. Null for what nothing is lost of (/dev/null). */
function identityOf(path: string): string | null {
  try {
    const { dev, ino, isFile } = Deno.statSync(path);
    if (!isFile) return null;
    if (ino !== null) return `${dev} ${ino}`;
  } catch {
    // Whoever opens it says what is wrong.
  }
  try {
    return join(Deno.realPathSync(dirname(resolve(path))), basename(path));
  } catch {
    return resolve(path);
  }
}
