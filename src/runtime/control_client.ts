/**
 * The reader's side of the control sockets: finds the running servers of this host and asks each for a snapshot.
 *
 * Owns: finding, asking, and removing the files of servers that are gone. Must not know: what a snapshot contains; the
 * caller says what it takes for one.
 */
import { join } from "@std/path";
import { runDirectories } from "./run_directory.ts";

/** How long one server may take; local choice: a live one answers in milliseconds. */
const ANSWER_MS = 2000;
/** Longest answer; local choice: a hundred thousand connections. */
const MOST_ANSWER_BYTES = 0x800_0000;
/**
 * Age from which a socket file that refuses connections counts as left behind: a server that is starting has
 * bound its file and does not listen yet, for some microseconds. Local choice.
 */
const STALE_MS = 1000;

/** Where to look. */
interface FindServersOptions {
  /** The directories of this user when absent. */
  readonly directories?: readonly string[];
}

/**
 * Asks every running server that this user may ask. What `isSnapshot` does not recognise, a server that
 * does not answer, and one of another user are left out; files of servers that are gone are removed.
 */
export async function findServers<Snapshot>(
  isSnapshot: (value: unknown) => value is Snapshot,
  options: FindServersOptions = {},
): Promise<Snapshot[]> {
  const directories = options.directories ?? runDirectories();
  const paths = (await Promise.all(directories.map(socketFiles))).flat();
  const answers = await Promise.all(paths.map(askForSnapshot));
  return answers.filter(isSnapshot);
}

/** Removes the socket files in `directory` on which nobody listens any more. */
export async function removeStaleSockets(directory: string): Promise<void> {
  const paths = await socketFiles(directory);
  await Promise.all(paths.map(async (path) => (await connectTo(path))?.close()));
}

/** The answer of the server on this socket, or null. */
export async function askForSnapshot(path: string): Promise<unknown> {
  const server = await connectTo(path);
  if (server === null) return null;
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), ANSWER_MS);
  try {
    return await Promise.race([converse(server), promise]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    server.close();
  }
}

async function converse(server: Deno.UnixConn): Promise<unknown> {
  await server.write(new TextEncoder().encode('{"request":"snapshot"}\n'));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(0x10000);
  const parts: string[] = [];
  for (let total = 0; total < MOST_ANSWER_BYTES;) {
    const count = await server.read(buffer);
    if (count === null) return JSON.parse(parts.join(""));
    parts.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
    total += count;
  }
  return null;
}

/** Null when nobody listens there, or we may not ask. */
async function connectTo(path: string): Promise<Deno.UnixConn | null> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await removeIfStale(path);
    return null;
  }
}

async function removeIfStale(path: string): Promise<void> {
  try {
    const { mtime } = await Deno.lstat(path);
    const isYoung = mtime !== null && Date.now() - mtime.getTime() < STALE_MS;
    if (isYoung && !await isOwnerGone(path)) return;
    await Deno.remove(path);
  } catch {
    // Another reader was quicker, or it is not ours to remove.
  }
}

/** Whether no process has the number in the file's name: then nobody is about to listen. False where that cannot be known. */
async function isOwnerGone(path: string): Promise<boolean> {
  const pid = /(\d+)(?:-\d+)?\.sock$/.exec(path)?.[1];
  const exists = (name: string) => Deno.lstat(`/proc/${name}`).then(() => true, () => false);
  return pid !== undefined && await exists("self") && !await exists(pid);
}

/** Paths of the sockets in a directory; none where it is missing or closed to us. */
async function socketFiles(directory: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (/^\d+(-\d+)?\.sock$/.test(name)) paths.push(join(directory, name));
    }
  } catch {
    return [];
  }
  return paths.toSorted();
}
