/**
 * The reader's side of the control sockets: finds the running servers of this host and asks each what it has to say.
 *
 * Owns: finding, asking, bounds on answers, and removing the files of servers that are gone. Must not know: what an answer
 * contains; the caller makes something of its lines. The protocol is described in control_socket.ts.
 */
import { join } from "node:path";
import { Patience } from "./patience.ts";
import { readableRunDirectories } from "./run_directory.ts";

/** How long one server may be silent; local choice: a live one says something within milliseconds. */
const SILENCE_MS = 2000;
/** How long a whole answer may take; local choice: ten times what a full table takes on a busy server. */
const ANSWER_MS = 60_000;
/** Longest that all answers may be together; local choice: the most connections that a server holds, at 1.3 kB each, twice. */
const MOST_ANSWER_BYTES = 0x1400_0000;
/** Longest line; local choice: a connection takes 1.3 kB, the heading of a server with all counters and ports 100 kB. */
const MOST_LINE_CHARACTERS = 0x10_0000;
/** Servers that are asked; local choice: a directory with more sockets was filled on purpose. */
const MOST_SERVERS = 256;
/** Of a socket that has no name yet (control_socket.ts); the kernel goes on listing it by the name with this end. */
export const UNNAMED_SUFFIX = ".tcplab";

/** Age from which one was left behind by a server that was killed within the microseconds before it got one. Local choice. */
const STALE_MS = 10_000;

/** Where to look, and what to ask. */
interface FindServersOptions {
  /** `snapshot` when absent. */
  readonly request?: string;
  /** The directories of this user when absent. */
  readonly directories?: readonly string[];
  /** Longest that all answers may be together. */
  readonly mostBytes?: number;
}

/** What all answers together may still take. */
interface AnswerBudget {
  bytesLeft: number;
}

/** What came of asking everybody. */
export interface ServerSurvey<Server> {
  readonly servers: readonly Server[];
  /** Files on which somebody of this user listens, and does not answer, or nothing that is understood. */
  readonly silent: readonly string[];
  /** How many files of other users there are that this user can see and may not ask. */
  readonly closed: number;
}

/**
 * Asks every running server that this user may ask, in directories that nobody else can reach into, and gives what `read`
 * makes of the lines of each answer. Those of which it makes nothing, and a server that does not answer or says more than
 * all may together, are silent; files of servers that are gone are removed.
 */
export async function surveyServers<Server>(
  read: (lines: readonly unknown[]) => Server | null,
  options: FindServersOptions = {},
): Promise<ServerSurvey<Server>> {
  const directories = options.directories ?? readableRunDirectories();
  const paths = (await Promise.all(directories.map(socketFiles))).flat().slice(0, MOST_SERVERS);
  const { request = "snapshot", mostBytes = MOST_ANSWER_BYTES } = options;
  const budget = { bytesLeft: mostBytes };
  const answers = await Promise.all(paths.map(async (path) => {
    const lines = await askServer(path, { request, budget });
    return {
      path,
      owner: lines === null ? await ownerOf(path) : null,
      server: lines === null ? null : read(lines),
    };
  }));
  const uid = Deno.uid();
  const unheard = answers.filter(({ server }) => server === null);
  const isForeign = (owner: number | null) => uid !== 0 && owner !== null && owner !== uid;
  return {
    servers: answers.map(({ server }) => server).filter((server) => server !== null),
    // Of a server that is gone, the file is too by now.
    silent: unheard.filter(({ owner, path }) => !isForeign(owner) && isThere(path)).map(({ path }) => path),
    closed: unheard.filter(({ owner }) => isForeign(owner)).length,
  };
}

/** The servers of {@link surveyServers} alone. */
export async function findServers<Server>(
  read: (lines: readonly unknown[]) => Server | null,
  options: FindServersOptions = {},
): Promise<readonly Server[]> {
  return (await surveyServers(read, options)).servers;
}

function ownerOf(path: string): Promise<number | null> {
  return Deno.lstat(path).then((found) => found.uid, () => null);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Removes the socket files in `directory` on which nobody listens any more. */
export async function removeStaleSockets(directory: string): Promise<void> {
  const paths = await socketFiles(directory);
  await Promise.all(paths.map(async (path) => (await connectTo(path))?.close()));
  await removeUnnamed(directory);
}

/** The lines that the server on this socket answers, null when there is no answer or not all of it. */
export async function askServer(
  path: string,
  asking: { readonly request?: string; readonly budget?: AnswerBudget } = {},
): Promise<unknown[] | null> {
  const { request = "snapshot", budget = { bytesLeft: MOST_ANSWER_BYTES } } = asking;
  const server = await connectTo(path);
  if (server === null) return null;
  const { promise, resolve } = Promise.withResolvers<null>();
  const giveUp = () => resolve(null);
  using _whole = new Patience(ANSWER_MS, giveUp);
  using silence = new Patience(SILENCE_MS, giveUp);
  const heard = () => silence.heard();
  try {
    return await Promise.race([converse(server, { request, budget, heard }), promise]);
  } catch {
    return null;
  } finally {
    server.close();
  }
}

async function converse(
  server: Deno.UnixConn,
  about: { readonly request: string; readonly budget: AnswerBudget; heard(): void },
): Promise<unknown[] | null> {
  await server.write(new TextEncoder().encode(`${JSON.stringify({ request: about.request })}\n`));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(0x10000);
  const lines: unknown[] = [];
  let rest = "";
  // Checked on each piece: of a line without end, and of many answers at once, no more is kept than is allowed.
  while (about.budget.bytesLeft > 0 && rest.length <= MOST_LINE_CHARACTERS) {
    const count = await server.read(buffer);
    if (count === null) return wholeAnswer(lines);
    about.heard();
    about.budget.bytesLeft -= count;
    const parts = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) lines.push(JSON.parse(line));
  }
  return null;
}

/** The answer without its last line; null when that does not say that all have come. */
function wholeAnswer(lines: unknown[]): unknown[] | null {
  const last = lines.pop();
  const isWhole = typeof last === "object" && last !== null && "end" in last && last.end === lines.length;
  return isWhole ? lines : null;
}

/** Null when nobody listens there, or we may not ask. */
async function connectTo(path: string): Promise<Deno.UnixConn | null> {
  const asked = markOf(path);
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    // Until we hear of it somebody else may have removed the file, and a server that begins have taken its name.
    const isStale = error instanceof Deno.errors.ConnectionRefused && asked !== null &&
      asked === markOf(path);
    if (isStale) removeQuietly(path);
    return null;
  }
}

/** What tells a file from another one of the same name; null where there is none. */
function markOf(path: string): string | null {
  try {
    const { dev, ino, mtime } = Deno.lstatSync(path);
    return `${dev} ${ino} ${mtime?.getTime()}`;
  } catch {
    return null;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Another reader was quicker, or it is not ours to remove.
  }
}

/** Sockets that never got a name. */
async function removeUnnamed(directory: string): Promise<void> {
  try {
    for await (const { name, isSymlink } of Deno.readDir(directory)) {
      if (isSymlink || !name.startsWith(".") || !name.endsWith(UNNAMED_SUFFIX)) continue;
      const path = join(directory, name);
      const { mtime } = await Deno.lstat(path);
      if (mtime !== null && Date.now() - mtime.getTime() > STALE_MS) removeQuietly(path);
    }
  } catch {
    // Closed to us, or gone meanwhile.
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
