/**
 * Where the control sockets of running servers are.
 *
 * Owns: which directory that is for which user, and that nobody else can reach into it: it is checked before anything in
 * it is believed, read, bound or removed. Must not know: what is said over the sockets.
 */
import { dirname, join } from "node:path";

/** Owner only; also what a directory that we make gets. */
const PRIVATE_MODE = 0o700;
/** Root's can be listed, so that netstat can tell others that there are servers of root's; the sockets are closed to them. */
const ROOT_MODE = 0o755;
const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
/** What is in such a directory can be removed and renamed by its owner alone. */
const STICKY = 0o1000;
const PERMISSIONS = 0o777;

/** Root's directory; no other user can make it first. */
const ROOT_DIRECTORY = "/run/tcplab";

/** Environment of the choice; the real one by default. */
interface RunDirectoryOptions {
  readonly env?: (name: string) => string | undefined;
  /** Numeric user id; null where the platform has none. */
  readonly uid?: number | null;
  /** Whether /run is root's own; false for the root of a user namespace, whom the system's is closed to. */
  readonly runIsRoots?: boolean;
}

/** A directory, and what it has to be like. */
interface RunDirectory {
  readonly path: string;
  /** Rights that it is made with, and that are left to it. */
  readonly mode: number;
  /** Chosen by the user, who may share it with a group, or put a link there. */
  readonly isChosen: boolean;
}

/**
 * The directories in which servers of this user put their sockets, best first: `TCPLAB_RUN_DIR` alone where it is set; else
 * /run/tcplab alone for root; else tcplab in `XDG_RUNTIME_DIR`, then tcplab-UID in `TMPDIR` or /tmp.
 */
export function runDirectories(options: RunDirectoryOptions = {}): readonly string[] {
  return candidates(options).map(({ path }) => path);
}

function candidates(options: RunDirectoryOptions): RunDirectory[] {
  const env = options.env ?? ((name) => Deno.env.get(name));
  const uid = userOf(options);
  const chosen = env("TCPLAB_RUN_DIR");
  if (chosen) return [{ path: chosen, mode: PRIVATE_MODE, isChosen: true }];
  if (uid === 0 && (options.runIsRoots ?? ownerOf(dirname(ROOT_DIRECTORY)) === 0)) {
    return [{ path: ROOT_DIRECTORY, mode: ROOT_MODE, isChosen: false }];
  }
  const session = env("XDG_RUNTIME_DIR");
  return [
    ...(session ? [join(session, "tcplab")] : []),
    join(env("TMPDIR") || "/tmp", `tcplab-${uid ?? "user"}`),
  ].map((path) => ({ path, mode: PRIVATE_MODE, isChosen: false }));
}

/** Those that may be read: of this user's the ones that are there and safe, and root's. */
export function readableRunDirectories(options: RunDirectoryOptions = {}): readonly string[] {
  const uid = userOf(options);
  const own = candidates(options);
  const others = own.some(({ isChosen, path }) => isChosen || path === ROOT_DIRECTORY)
    ? []
    : [{ path: ROOT_DIRECTORY, mode: ROOT_MODE, isChosen: false }];
  return [...own, ...others].filter((directory) => whyNot(directory, uid) === null).map(({ path }) => path);
}

/** Makes the first of the directories that can be had and trusted, and returns its path; one line for a person if none can. */
export function openRunDirectory(options: RunDirectoryOptions = {}): string {
  const uid = userOf(options);
  const refusals: string[] = [];
  for (const directory of candidates(options)) {
    const { path, mode, isChosen } = directory;
    try {
      makeDirectory(directory);
      const refusal = whyNot(directory, uid);
      if (refusal !== null) {
        refusals.push(`${path}: ${refusal}`);
        continue;
      }
      // Others may not look either. Nobody can have put another directory here since: its parents are checked.
      if (!isChosen && (rightsOf(path) & PERMISSIONS & ~mode) !== 0) Deno.chmodSync(path, mode);
      return path;
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `No directory for the control socket (${refusals.join("; ")}); set TCPLAB_RUN_DIR to one of your own`,
  );
}

function makeDirectory({ path, mode, isChosen }: RunDirectory): void {
  const umask = Deno.build.os === "windows" ? null : Deno.umask(0o022);
  try {
    Deno.mkdirSync(path, { recursive: isChosen, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    if (umask !== null) Deno.umask(umask);
  }
}

function whyNot({ path, isChosen }: RunDirectory, uid: number | null): string | null {
  try {
    return isChosen ? whyNotChosen(path, uid) : whyUnsafe(path, uid);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Says why others could have put into a directory what is in it, or null. It is the user's or root's, no link, and so are its parents. */
export function whyUnsafe(directory: string, uid: number | null): string | null {
  const found = Deno.lstatSync(directory);
  if (found.isSymlink) return "a symbolic link, which somebody could point elsewhere";
  if (!found.isDirectory) return "not a directory";
  const why = whyOthers(found, { owners: [uid, 0], forbidden: WRITABLE_BY_OTHERS });
  if (why !== null) return why;
  // In a user namespace root's files have another owner's number; whoever owns / owns everything anyway.
  const owners = [uid, 0, ownerOf("/")];
  for (let path = Deno.realPathSync(dirname(directory));; path = dirname(path)) {
    const parent = Deno.lstatSync(path);
    const isSticky = ((parent.mode ?? 0) & STICKY) !== 0;
    const whyParent = whyOthers(parent, { owners, forbidden: isSticky ? 0 : WRITABLE_BY_OTHERS });
    if (whyParent !== null) return `${path} above it ${whyParent}`;
    if (path === dirname(path)) return null;
  }
}

/** One that the user chose may be shared with a group, and be reached over links; what everybody can write to, nobody can trust. */
function whyNotChosen(directory: string, uid: number | null): string | null {
  const found = Deno.statSync(directory);
  if (!found.isDirectory) return "not a directory";
  return whyOthers(found, { owners: [uid, 0], forbidden: WRITABLE_BY_ALL });
}

function whyOthers(
  { uid, mode }: Deno.FileInfo,
  may: { readonly owners: readonly (number | null)[]; readonly forbidden: number },
): string | null {
  // Where the platform has no owners, there is nothing to judge by.
  if (uid === null || mode === null || may.owners[0] === null) return null;
  if (!may.owners.includes(uid)) return `belongs to user ${uid}`;
  if ((mode & may.forbidden) === 0) return null;
  return `can be written to by others (mode ${(mode & PERMISSIONS).toString(8)})`;
}

function userOf({ uid }: RunDirectoryOptions): number | null {
  return uid === undefined ? Deno.uid() : uid;
}

function rightsOf(path: string): number {
  return Deno.lstatSync(path).mode ?? 0;
}

function ownerOf(path: string): number | null {
  try {
    return Deno.lstatSync(path).uid;
  } catch {
    return null;
  }
}
