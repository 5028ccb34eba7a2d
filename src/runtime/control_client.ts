/**
 * The reader's side of the control sockets: finds the running servers of this host and asks each for a snapshot.
 *
 * Owns: finding, asking, and removing the files of servers that are gone. Must not know: what a snapshot contains; the
 * caller says what it takes for one.
 */
import { join } from "@std/path";
import { readableRunDirectories } from "./run_directory.ts";

/** How long one server may take; local choice: a live one answers in milliseconds. */
const ANSWER_MS = 2000;
/** Longest that all answers may be together; local choice: a hundred thousand connections. */
const MOST_ANSWER_BYTES = 0x800_0000;
/** Servers that are asked; local choice: a directory with more sockets was filled on purpose. */
const MOST_SERVERS = 256;
/**
 * Age from which a socket file that refuses connections counts as left behind: a server that is starting has
 * bound its file and does not listen yet, for some microseconds. Local choice.
 */
const STALE_MS = 1000;

/** Where to look. */
interface FindServersOptions {
  /** The directories of this user when absent. */
  readonly directories?: readonly string[];
  /** Longest that all answers may be together. */
  readonly mostBytes?: number;
}

/** What all answers together may still take. */
interface AnswerBudget {
  bytesLeft: number;
}

/**
 * Asks every running server that this user may ask, in directories that nobody else can reach into. What `isSnapshot`
 * does not recognise, a server that does not answer, and one of another user are left out; files of servers that are
 * gone are removed.
 */
export async function findServers<Snapshot>(
  isSnapshot: (value: unknown) => value is Snapshot,
  options: FindServersOptions = {},
): Promise<Snapshot[]> {
  const directories = options.directories ?? readableRunDirectories();
  const paths = (await Promise.all(directories.map(socketFiles))).flat().slice(0, MOST_SERVERS);
  const budget = { bytesLeft: options.mostBytes ?? MOST_ANSWER_BYTES };
  const answers = await Promise.all(paths.map((path) => askForSnapshot(path, budget)));
  return answers.filter(isSnapshot);
}

/** How many servers of other users there are whose files this user can see but may not ask. */
export async function countClosedServers(options: FindServersOptions = {}): Promise<number> {
  const uid = Deno.uid();
  if (uid === null || uid === 0) return 0;
  const directories = options.directories ?? readableRunDirectories();
  const paths = (await Promise.all(directories.map(socketFiles))).flat();
  const owners = await Promise.all(
    paths.map((path) => Deno.lstat(path).then((found) => found.uid, () => uid)),
  );
  return owners.filter((owner) => owner !== uid).length;
}

/** Removes the socket files in `directory` on which nobody listens any more. */
export async function removeStaleSockets(directory: string): Promise<void> {
  const paths = await socketFiles(directory);
  await Promise.all(paths.map(async (path) => (await connectTo(path))?.close()));
}

/** The answer of the server on this socket, or null. */
export async function askForSnapshot(
  path: string,
  budget: AnswerBudget = { bytesLeft: MOST_ANSWER_BYTES },
): Promise<unknown> {
  const server = await connectTo(path);
  if (server === null) return null;
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), ANSWER_MS);
  try {
    return await Promise.race([converse(server, budget), promise]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    server.close();
  }
}

async function converse(server: Deno.UnixConn, budget: AnswerBudget): Promise<unknown> {
  await server.write(new TextEncoder().encode('{"request":"snapshot"}\n'));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(0x10000);
  const parts: string[] = [];
  while (budget.bytesLeft > 0) {
    const count = await server.read(buffer);
    if (count === null) return JSON.parse(parts.join(""));
    parts.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
    budget.bytesLeft -= count;
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
    if (mtime !== null && Date.now() - mtime.getTime() < STALE_MS) return;
    await Deno.remove(path);
  } catch {
    // Another reader was quicker, or it is not ours to remove.
  }
}

/** Paths of the sockets in a directory, so many that it is no work; none where it is missing or closed to us. */
async function socketFiles(directory: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name, isSymlink } of Deno.readDir(directory)) {
      if (!isSymlink && /^\d{1,10}(-\d{1,2})?\.sock$/.test(name)) paths.push(join(directory, name));
      if (paths.length >= MOST_SERVERS) break;
    }
  } catch {
    return [];
  }
  return paths.toSorted();
}
