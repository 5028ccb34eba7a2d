/**
 * Rotation of files: FILE is the newest, FILE.1 the one before it, and so on, as many as are kept.
 *
 * Owns: the names, and that nothing is replaced which is no file of ours. Must not know: what is in the files.
 */
import { CliError } from "./command.ts";

/** How far files may grow, and how many of them there may be. */
export interface FileLimit {
  readonly bytes: number;
  /** In all, the newest included; 1 when there is no rotation. */
  readonly files: number;
}

/**
 * Makes place for a new file at `path`: the one that is there becomes `path.1`, that one `path.2`, and what would be one
 * too many is gone. `owner`: the user whose files they are. Throws what the system says, and an Error where what would be
 * replaced is not a regular file of that user.
 */
export function rotateFiles(path: string, about: { files: number; owner: number | null }): void {
  const last = `${path}.${about.files - 1}`;
  const replaced = lookAt(last);
  if (replaced !== null && (!replaced.isFile || replaced.uid !== about.owner)) {
    throw new Error(`${last} is in the way, and no file of this user`);
  }
  for (let n = about.files - 1; n >= 1; n--) {
    const from = n === 1 ? path : `${path}.${n - 1}`;
    if (lookAt(from) !== null) Deno.renameSync(from, `${path}.${n}`);
  }
}

/**
 * Throws {@link CliError} where this process may not make files beside `path` and move the one that is there: better now
 * than when one is full. Tried out, since the rules (the owner's, the group's, sticky directories) are the kernel's.
 */
export function demandRotation(path: string): void {
  const probe = `${path}.new`;
  try {
    Deno.openSync(probe, { write: true, createNew: true, mode: 0o600 }).close();
    try {
      Deno.renameSync(path, probe);
    } catch (error) {
      Deno.removeSync(probe);
      throw error;
    }
    Deno.renameSync(probe, path);
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/s, "") : String(error);
    throw new CliError(
      `${path} cannot be rotated by the user who serves (${words}): give --write a file in a directory of that user, ` +
        `or --write-limit without xN; as root --user root would do it`,
    );
  }
}

function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
