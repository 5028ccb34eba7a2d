/**
 * Which files `tcplab run` runs: those that are named, and those in directories that are named.
 *
 * Owns: finding and ordering them. Must not know: what is in them.
 */
import { join } from "@std/path";
import { CliError, systemWords } from "./command.ts";

/** What a script's name ends with, in a directory; one that is named may be called anything. */
const SCRIPT_SUFFIX = ".pkt";
/** Directories within directories; local choice: more than any tree of scripts has. */
const MOST_DEPTH = 64;
/** Scripts in all; local choice: a hundred times all that are public. */
const MOST_SCRIPTS = 200_000;

/** The scripts, in the order of the arguments, those of a directory by name. Throws {@link CliError}. */
export async function findScripts(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const info = await statOf(path);
    if (!info.isDirectory) {
      found.push(path);
      continue;
    }
    const before = found.length;
    await gather(path, found, 0);
    if (found.length === before) {
      throw new CliError(
        `${path} has no script in it, which is a file whose name ends with ${SCRIPT_SUFFIX}: name another directory, or a file`,
      );
    }
  }
  return found;
}

async function statOf(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    throw new CliError(
      `${path} cannot be read (${systemWords(error)}): name a script, or a directory of scripts`,
    );
  }
}

/** Links are not followed, so that no tree is without end. */
async function gather(directory: string, found: string[], depth: number): Promise<void> {
  if (depth > MOST_DEPTH) return;
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) entries.push(entry);
  } catch (error) {
    throw new CliError(`${directory} cannot be read (${systemWords(error)}): name scripts that you may read`);
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) {
      await gather(path, found, depth + 1);
    } else if (entry.isFile && entry.name.endsWith(SCRIPT_SUFFIX)) {
      if (found.length >= MOST_SCRIPTS) {
        throw new CliError(`There are more than ${MOST_SCRIPTS} scripts: name a smaller directory`);
      }
      found.push(path);
    }
  }
}
