/**
 * The recording of a demo: in a temporary file while it is made, then where the person finds it.
 *
 * Owns: that file, and removing those that killed demos have left. Must not know: what is recorded.
 *
 * The file is locked as long as its demo lives. The kernel frees the lock with the process, so whose lock can be had is
 * nobody's any more, whatever number its process had.
 */
import { join } from "@std/path";
import { CliError, systemWords } from "./command.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { asInvokingUser } from "./privileges.ts";
import { environmentVariable } from "./terminal.ts";

const PREFIX = "tcplab-demo-";
const UNFINISHED = ".unfinished";
/** Another demo may take our file for one left behind before it is locked; local choice: not so often in a row. */
const MOST_TRIES = 10;
const WRITE = { option: "--write" };

/** A recording under way. */
export interface DemoRecording extends Disposable {
  /** Where the server is to write. */
  readonly path: string;
  /** Puts the recording where it belongs, as a file of whoever typed the command; gives that path. */
  keep(): string;
}

/** Begins a recording that goes to `wish`, or (null) to a new temporary file; removes what killed demos left. Throws `CliError` for a wish that cannot be. */
export function beginDemoRecording(
  wish: string | null,
  directory: string = environmentVariable("TMPDIR") || "/tmp",
): DemoRecording {
  const wished = wish === null ? null : openOutputFile(wish, WRITE);
  removeLeftRecordings(directory);
  const { path, lock } = lockedFile(directory);
  let open = true;
  return {
    path,
    keep: () => {
      const kept = wish ?? asInvokingUser(() => temporaryFile(directory, ".pcapng"));
      using file = wished ?? openOutputFile(kept, WRITE);
      const bytes = Deno.readFileSync(path);
      try {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
      } catch (error) {
        throw new CliError(
          `${cannotWrite(kept, error)}: the recording is not whole; give --write another file`,
        );
      }
      return kept;
    },
    [Symbol.dispose]: () => {
      if (!open) return;
      open = false;
      removeQuietly(path);
      lock.close();
    },
  };
}

function lockedFile(dir: string): { path: string; lock: Deno.FsFile } {
  for (let tries = 1;; tries++) {
    const path = temporaryFile(dir, UNFINISHED);
    const lock = openLocked(path);
    if (lock !== null) return { path, lock };
    if (tries >= MOST_TRIES) throw new Error(`Temporary files in ${dir} are taken away at once`);
  }
}

function temporaryFile(dir: string, suffix: string): string {
  try {
    return Deno.makeTempFileSync({ dir, prefix: PREFIX, suffix });
  } catch (error) {
    throw new CliError(
      `No temporary file can be made in ${dir} (${
        systemWords(error)
      }): set TMPDIR to a directory that is there and yours, or unset it`,
    );
  }
}

/** The file with its lock, or null when somebody has it or it is gone. */
function openLocked(path: string): Deno.FsFile | null {
  let file: Deno.FsFile | null = null;
  try {
    file = Deno.openSync(path, { read: true });
    const there = Deno.lstatSync(path);
    if (file.tryLockSync(true) && there.ino === file.statSync().ino) return file;
  } catch {
    // Removed in between.
  }
  file?.close();
  return null;
}

/** Removes the unfinished recordings of this user's demos that live no more. */
export function removeLeftRecordings(directory: string): void {
  const uid = Deno.uid();
  for (const { name, isFile } of entriesOf(directory)) {
    if (!isFile || !name.startsWith(PREFIX) || !name.endsWith(UNFINISHED)) continue;
    const path = join(directory, name);
    if (uid !== null && ownerOf(path) !== uid) continue;
    using file = openLocked(path);
    if (file !== null) removeQuietly(path);
  }
}

function entriesOf(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch {
    return [];
  }
}

function ownerOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).uid;
  } catch {
    return null;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Gone already.
  }
}
