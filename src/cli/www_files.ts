/**
 * A directory of this machine as a tree for the file server (`serve --www DIR`).
 *
 * Owns: that nothing outside of the directory is ever opened, whatever it is called and wherever links lead; and that nothing
 * but files and directories is: no pipe that would wait, no device. Must not know: HTTP.
 */
import { join } from "@std/path";
import type { DirectoryEntry, FileTree, OpenDirectory, OpenFile } from "../http/file_tree.ts";
import { UsageError } from "./command.ts";

/** Local choice: what is read at a time; two of them are under way on a connection. */
const PIECE_BYTES = 64 * 1024;

/** The tree below a directory. Throws {@link UsageError} where there is none. */
export async function wwwFiles(directory: string): Promise<FileTree> {
  let root: string;
  try {
    root = await Deno.realPath(directory);
    if (!(await Deno.stat(root)).isDirectory) throw new UsageError(`--www ${directory} is no directory`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : String(error);
    throw new UsageError(`--www ${directory} cannot be served: ${why}`);
  }
  return { find: (path) => find(root, path) };
}

async function find(root: string, path: readonly string[]): Promise<OpenFile | OpenDirectory | null> {
  try {
    // Every link on the way is followed here, and nowhere later.
    const real = await Deno.realPath(join(root, ...path));
    if (real !== root && !real.startsWith(root.endsWith("/") ? root : `${root}/`)) return null;
    const seen = await Deno.lstat(real);
    if (seen.isDirectory) {
      return {
        kind: "directory",
        entries: (most) => entriesOf(root, { real, most }).catch(nothing),
      };
    }
    return seen.isFile ? await openFile(real, seen) : null;
  } catch (error) {
    return nothing(error);
  }
}

/** Not there, not readable, a name too long for this system: all the same to who asks. But a process that is out of files knows nothing. */
function nothing(error: unknown): null {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (code === "EMFILE" || code === "ENFILE") throw error;
  return null;
}

/** Somebody who may write below the directory could have put a link in its place since: then it is another file. */
async function openFile(real: string, seen: Deno.FileInfo): Promise<OpenFile | null> {
  const file = await Deno.open(real);
  const { size, mtime, ino, dev } = await file.stat();
  if (ino !== seen.ino || dev !== seen.dev) {
    file.close();
    return null;
  }
  return {
    kind: "file",
    size,
    modifiedMs: mtime?.getTime() ?? null,
    read: (from, to) => bytesOf(file, { from, to }),
    close: () => file.close(),
  };
}

function bytesOf(file: Deno.FsFile, { from, to }: { from: number; to: number }): ReadableStream<Uint8Array> {
  let left = to - from;
  let isPlaced = from === 0;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (!isPlaced) await file.seek(from, Deno.SeekMode.Start);
      isPlaced = true;
      const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
      const count = left === 0 ? null : await file.read(piece).catch((error) => {
        file.close();
        throw error;
      });
      if (count === null) {
        // Also where it has become shorter meanwhile: the answer is cut then, and its client sees that.
        file.close();
        controller.close();
        return;
      }
      left -= count;
      controller.enqueue(piece.subarray(0, count));
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

/** What a link is depends on where it leads. */
async function entriesOf(
  root: string,
  { real, most }: { real: string; most: number },
): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(real)) {
    if (entries.length >= most) break;
    if (isFile || isDirectory) {
      entries.push({ name, isDirectory });
    } else if (isSymlink) {
      const found = await find(root, [
        ...real.slice(root.length).split("/").filter((part) => part !== ""),
        name,
      ]);
      if (found?.kind === "file") found.close();
      if (found !== null) entries.push({ name, isDirectory: found.kind === "directory" });
    }
  }
  return entries;
}
