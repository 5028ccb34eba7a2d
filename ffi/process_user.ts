/**
 * Dropping root for an ordinary user once the device is open.
 *
 * Owns: the order of the calls (groups, group, user) and the proof that the way back is shut.
 * Must not know: what the process does before or after.
 */

import { errno, libc, LibcError } from "./libc.ts";
import { cString } from "./native_memory.ts";
import { PASSWD } from "./struct_layouts.ts";

/** The numbers that a user's name stands for. */
interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

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

/**
 * Gives up root for the user `name`, for good, in all threads. Open devices stay usable.
 * Throws {@link LibcError} when the user is unknown or the kernel refuses; the process must then end.
 */
export function dropToUser(name: string): UserIds {
  const ids = lookupUser(name);
  const what = `Cannot continue as user ${name}`;
  if (ids === null) {
    throw new LibcError({
      operation: "getpwnam",
      errno: 0,
      what,
      detail: "there is no such user",
      remedy: "Name a user that `getent passwd` lists",
    });
  }
  if (!isRoot()) {
    const remedy = "Only root can change the user: start with sudo, or leave out --user";
    throw new LibcError({ operation: "geteuid", errno: 0, what, detail: "this process is not root", remedy });
  }
  const remedy = "Inside a user namespace only mapped users exist: leave out --user there";
  const symbols = libc();
  // Groups first, user last: after setuid the right to change groups is gone.
  if (symbols.initgroups(cString(name), ids.gid) !== 0) {
    throw new LibcError({ operation: "initgroups", errno: errno(), what, remedy });
  }
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
  return ids;
}
