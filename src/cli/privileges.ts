/**
 * Whose rights a command works with: root's until the device is open, an ordinary user's from then on.
 *
 * Owns: the choice of that user, the order of giving up, and the small process that stays behind for the one thing that
 * still needs root: to remove the socket file from root's directory. Must not know: how the kernel takes rights away
 * (ffi/process_user.ts, ffi/process_rights.ts).
 */
import { dirname } from "@std/path";
import { keepDescriptorsToOurselves, shutRights } from "../../ffi/process_rights.ts";
import { asUser, becomeUser, isRoot, lookupUser, type UserIds, wayTo } from "../../ffi/process_user.ts";
import { CliError } from "./command.ts";
import { labEnvironment } from "./private_lab.ts";
import { environmentVariable } from "./terminal.ts";

/** Who the program becomes. */
export interface FutureUser extends UserIds {
  /** Named with `--user`: then it must be so, or the command fails. */
  readonly isWish: boolean;
}

/** What is known of the process and of who started it; the real ones by default. */
interface Circumstances {
  readonly isRoot: boolean;
  readonly env: (name: string) => string | undefined;
}

/** What nobody's numbers are where the system has no user of that name (Linux's overflow ids). */
const NOBODY: UserIds = { uid: 65534, gid: 65534 };
const WRITABLE_BY_OTHERS = 0o022;
const MOST_ID = 0xffff_fffe;

/** The user who called sudo; null where root was not got that way. Only for a process that is root: others could say anything. */
export function sudoUser(env: Circumstances["env"] = environmentVariable): UserIds | null {
  const [uid, gid] = [env("SUDO_UID"), env("SUDO_GID")].map((text) =>
    text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : -1
  );
  return uid > 0 && uid <= MOST_ID && gid >= 0 && gid <= MOST_ID ? { uid, gid } : null;
}

/**
 * Who to become once the device is open, by `--user` (null: not given): the user of sudo, else nobody. Null where nothing
 * changes: root was asked for, or is not there to give up. Throws {@link CliError} for a wish that cannot be.
 */
export function futureUser(wish: string | null, given?: Circumstances): FutureUser | "root" | null {
  const circumstances = given ?? { isRoot: isRoot(), env: environmentVariable };
  if (wish === null) {
    if (!circumstances.isRoot) return null;
    return { ...(sudoUser(circumstances.env) ?? lookupUser("nobody") ?? NOBODY), isWish: false };
  }
  const ids = lookupUser(wish);
  if (ids === null) throw new CliError(`There is no user ${wish}: getent passwd lists them`);
  if (!circumstances.isRoot) {
    throw new CliError("--user needs root to begin with: run with sudo, or leave it out");
  }
  return ids.uid === 0 ? "root" : { ...ids, isWish: true };
}

/** Runs `act` as the user of sudo, where there is one: files are opened with that user's rights, and are that user's. */
export function asInvokingUser<Result>(act: () => Result): Result {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return act();
  const user = sudoUser();
  return user !== null && isRoot() && wayTo(user) === "open" ? asUser(user, act) : act();
}

/** The user id by which files of whoever types the command are known; null where the system has none. */
export function invokingUid(): number | null {
  const uid = Deno.uid();
  if (uid !== 0) return uid;
  const user = sudoUser();
  return user !== null && isRoot() && wayTo(user) === "open" ? user.uid : 0;
}

/** What giving up needs to know. */
interface GivingUp {
  readonly user: ReturnType<typeof futureUser>;
  /** The socket file, which is to go at the end; null for none. */
  readonly socketPath: string | null;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
}

/**
 * Gives up all rights that are not needed any more. Dispose of the result last: it waits until the socket file is gone.
 * Throws when `--user` cannot be done.
 */
export function giveUpRights({ user, socketPath, notice }: GivingUp): AsyncDisposable {
  const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };
  if (user === "root" || Deno.build.os === "windows") return nothing;
  // What is started from here on gets no device and no hold on the guard.
  if (Deno.build.os === "linux") keepDescriptorsToOurselves();
  let remover: AsyncDisposable = nothing;
  if (user !== null) {
    const way = user.isWish ? "open" : wayTo(user);
    if (way === "open") {
      remover = socketPath === null ? nothing : startRemover(socketPath, user);
      becomeUser(user);
    } else if (way === "refused") {
      notice(
        "root's rights are kept: this process may not change its user (it lacks CAP_SETUID or CAP_SETGID)",
      );
    }
    // Unmapped: root of a user namespace alone, as in a private lab; its rights end at that namespace.
  }
  const left = shutRights();
  if (left.length > 0) notice(`Not all rights could be given up: ${left.join("; ")}`);
  return remover;
}

/** Waits for the end of its input, which comes with the end of ours, however that is; then removes the file. */
const REMOVER = 'trap "" HUP INT QUIT TERM USR1 USR2; read -r rest; exec rm -f -- "$0"';
/** The remover keeps the number of root, whose directory it is, and no right of it. */
const WITHOUT_CAPABILITIES = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];

/** Starts it, and hands the socket to the user, so that this user's netstat may ask. */
function startRemover(socketPath: string, user: UserIds): AsyncDisposable {
  const words = ["/bin/sh", "-c", REMOVER, socketPath];
  const child = spawnQuietly("setpriv", [...WITHOUT_CAPABILITIES, ...words]) ??
    spawnQuietly(words[0], words.slice(1));
  if (user.uid === sudoUser()?.uid && isRootsAlone(dirname(socketPath))) {
    Deno.chownSync(socketPath, user.uid, user.gid);
  }
  if (child === null) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  return {
    [Symbol.asyncDispose]: async () => {
      await child.stdin.close().catch(() => {});
      await child.status;
    },
  };
}

/** Whether a path in the directory is what it was a moment ago, whoever else there is; a chosen one may be a group's. */
function isRootsAlone(directory: string): boolean {
  const { uid, mode } = Deno.lstatSync(directory);
  return uid === 0 && mode !== null && (mode & WRITABLE_BY_OTHERS) === 0;
}

function spawnQuietly(program: string, args: readonly string[]): Deno.ChildProcess | null {
  try {
    return new Deno.Command(program, {
      args: [...args],
      env: labEnvironment(),
      cwd: "/",
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // In a session of its own: a Ctrl-C of its first moment, before it heeds none, would leave the file behind.
      detached: true,
    }).spawn();
  } catch {
    // Without it the file stays, and the next server of root's removes it.
    return null;
  }
}
