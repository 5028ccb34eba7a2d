/**
 * Dropping root for an ordinary user once the device is open, and opening a file as that user before.
 *
 * Owns: the order of the calls (groups, group, user) and the proof that the way back is shut.
 * Must not know: what the process does before or after, and which user it should be.
 *
 * The C library carries each of these calls to all threads of the process (nptl(7)); the kernel's own count for one.
 */

import { ERRNO, errno, libc, LibcError } from "./libc.ts";
import { cString, pointerAt, readCString } from "./native_memory.ts";
import { PASSWD } from "./struct_layouts.ts";

/** The numbers that a user's name stands for. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** Whether this process could become a user: `unmapped` in a user namespace that has no such user, `refused` without the right to. */
type Way = "open" | "unmapped" | "refused";

/** Local choice: Linux allows 65,536 supplementary groups, and root has a handful. */
const MOST_GROUPS = 0x10000;

/** Whether the process has the rights of root now. */
export function isRoot(): boolean {
  return libc().geteuid() === 0;
}

/** The ids of the user `name`, or null when the system knows none. */
export function lookupUser(name: string): UserIds | null {
  const entry = libc().getpwnam(cString(name));
  if (entry === null) return null;
  const view = new Deno.UnsafePointerView(entry);
  return { uid: view.getUint32(PASSWD.uid), gid: view.getUint32(PASSWD.gid) };
}

function nameOf(uid: number): string | null {
  const entry = libc().getpwuid(uid);
  return entry === null ? null : readCString(pointerAt(entry, PASSWD.name));
}

/** Whether {@link becomeUser} would succeed; nothing has changed afterwards. */
export function wayTo({ gid }: UserIds): Way {
  const symbols = libc();
  // Numbers that the user namespace does not map are invalid, whatever rights there are (user_namespaces(7)).
  if (symbols.setegid(gid) !== 0) return errno() === ERRNO.invalid ? "unmapped" : "refused";
  symbols.setegid(0);
  // The same list again: in a user namespace that may not change groups, not even that is allowed.
  return setGroups(groups()) ? "open" : "refused";
}

/**
 * Runs `act` with the rights of a user, and takes root's back: what it opens is judged, and what it makes is owned, as
 * if that user had done it. Throws {@link LibcError} when the way there or back is closed.
 */
export function asUser<Result>(user: UserIds, act: () => Result): Result {
  const symbols = libc();
  const before = groups();
  const what = `Cannot open files as user ${nameOf(user.uid) ?? user.uid}`;
  const remedy = "Start as that user, or as root itself";
  const demand = (operation: string, ok: boolean) => {
    if (!ok) throw new LibcError({ operation, errno: errno(), what, remedy });
  };
  demand("setgroups", takeGroups(user));
  try {
    demand("setegid", symbols.setegid(user.gid) === 0);
    demand("seteuid", symbols.seteuid(user.uid) === 0);
    return act();
  } finally {
    demand("seteuid", symbols.seteuid(0) === 0);
    demand("setegid", symbols.setegid(0) === 0);
    demand("setgroups", setGroups(before));
  }
}

/** {@link becomeUser} by name. Throws {@link LibcError} also when there is no such user. */
export function dropToUser(name: string): UserIds {
  const ids = lookupUser(name);
  if (ids === null) {
    throw new LibcError({
      operation: "getpwnam",
      errno: 0,
      what: `Cannot continue as user ${name}`,
      detail: "there is no such user",
      remedy: "Name a user that `getent passwd` lists",
    });
  }
  becomeUser(ids);
  return ids;
}

/**
 * Gives up root for a user, for good, in all threads; with the user go all capabilities (capabilities(7)). Open
 * devices stay usable. Throws {@link LibcError} when the kernel refuses; the process must then end.
 */
export function becomeUser(ids: UserIds): void {
  const what = `Cannot continue as user ${nameOf(ids.uid) ?? ids.uid}`;
  if (!isRoot()) {
    const remedy = "Only root can change the user: start with sudo, or leave out --user";
    throw new LibcError({ operation: "geteuid", errno: 0, what, detail: "this process is not root", remedy });
  }
  const remedy = "Inside a user namespace only mapped users exist: leave out --user there";
  const symbols = libc();
  // Groups first, user last: after setuid the right to change groups is gone.
  if (!takeGroups(ids)) throw new LibcError({ operation: "setgroups", errno: errno(), what, remedy });
  if (symbols.setgid(ids.gid) !== 0) {
    throw new LibcError({ operation: "setgid", errno: errno(), what, remedy });
  }
  if (symbols.setuid(ids.uid) !== 0) {
    throw new LibcError({ operation: "setuid", errno: errno(), what, remedy });
  }
  if (ids.uid !== 0 && (symbols.getuid() !== ids.uid || symbols.setuid(0) === 0)) {
    throw new LibcError({
      operation: "setuid",
      errno: 0,
      what,
      detail: "the rights of root could be taken back",
      remedy: "Giving up, since that would be no protection: please report this",
    });
  }
}

/** Takes on a user's supplementary groups; only the first where the system has no name for the user. */
function takeGroups({ uid, gid }: UserIds): boolean {
  const name = nameOf(uid);
  if (name === null) return setGroups(new Uint32Array([gid]));
  return libc().initgroups(cString(name), gid) === 0;
}

function setGroups(list: Uint32Array<ArrayBuffer>): boolean {
  return libc().setgroups(BigInt(list.length), list) === 0;
}

function groups(): Uint32Array<ArrayBuffer> {
  const list = new Uint32Array(MOST_GROUPS);
  return list.slice(0, Math.max(0, libc().getgroups(list.length, list)));
}
