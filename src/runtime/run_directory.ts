/**
 * Where the control sockets of running servers are.
 *
 * Owns: which directory that is for which user, and that nobody else can reach into it.
 * Must not know: what is said over the sockets.
 */
import { join } from "@std/path";

/** Owner only; also what a directory that we make gets. */
const PRIVATE_MODE = 0o700;
const ANYONE_ELSE = 0o077;

/** Environment of the choice; the real one by default. */
interface RunDirectoryOptions {
  readonly env?: (name: string) => string | undefined;
  /** Numeric user id; null where the platform has none. */
  readonly uid?: number | null;
}

/**
 * The directories in which servers of this user put their sockets, best first: `TCPLAB_RUN_DIR` alone where it is set; else
 * /run/tcplab for root, then tcplab in `XDG_RUNTIME_DIR`, then tcplab-UID in `TMPDIR` or /tmp.
 */
export function runDirectories(options: RunDirectoryOptions = {}): readonly string[] {
  const env = options.env ?? ((name) => Deno.env.get(name));
  const uid = options.uid === undefined ? Deno.uid() : options.uid;
  const chosen = env("TCPLAB_RUN_DIR");
  if (chosen) return [chosen];
  const directories: string[] = [];
  if (uid === 0) directories.push("/run/tcplab");
  const session = env("XDG_RUNTIME_DIR");
  if (session) directories.push(join(session, "tcplab"));
  directories.push(join(env("TMPDIR") || "/tmp", `tcplab-${uid ?? "user"}`));
  return directories;
}

/** Makes the first of the directories that can be had, for the owner only, and returns its path; one line for a person if none can. */
export function openRunDirectory(options: RunDirectoryOptions = {}): string {
  const env = options.env ?? ((name) => Deno.env.get(name));
  const uid = options.uid === undefined ? Deno.uid() : options.uid;
  // A directory that the user chose is taken as it is: it may be shared on purpose, and is not ours to tighten.
  const isOurs = !env("TCPLAB_RUN_DIR");
  const refusals: string[] = [];
  for (const directory of runDirectories(options)) {
    try {
      Deno.mkdirSync(directory, { recursive: true, mode: PRIVATE_MODE });
      const refusal = isOurs ? whyUnsafe(directory, uid) : whyNoDirectory(directory);
      if (refusal === null) return directory;
      refusals.push(`${directory}: ${refusal}`);
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `No directory for the control socket (${refusals.join("; ")}); set TCPLAB_RUN_DIR to one of your own`,
  );
}

function whyNoDirectory(path: string): string | null {
  return Deno.statSync(path).isDirectory ? null : "not a directory";
}

/** Says why a directory is not ours alone, or null; takes away the rights of others where it is ours. */
export function whyUnsafe(directory: string, uid: number | null): string | null {
  const found = Deno.lstatSync(directory);
  if (!found.isDirectory) return "not a directory";
  if (uid === null || found.uid === null || found.mode === null) return null;
  // Somebody else may have made it first, in /tmp: they could then remove or replace what is in it.
  if (found.uid !== uid) return `belongs to user ${found.uid}`;
  if ((found.mode & ANYONE_ELSE) !== 0) Deno.chmodSync(directory, PRIVATE_MODE);
  return null;
}
