/**
 * Files that a person names for what comes out: recordings, received bytes.
 *
 * Owns: that such a file is the person's own: made with the rights of whoever typed the command (the user of sudo, not
 * root), closed to others where it holds what was captured, and never in place of something that is not a regular file of
 * that user. Must not know: what is written.
 */
import { join } from "@std/path";
import { CliError, systemWords } from "./command.ts";
import { asInvokingUser, invokingUid } from "./privileges.ts";

/** Owner only: a recording holds what others have said. */
const OWN_MODE = 0o600;
/** What holds nothing of anybody's may be read by all that the umask lets: a web server reads it as another user. */
const COMMON_MODE = 0o666;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** Linux's devices that take everything and keep nothing: 1:3, 1:5 and 1:7 are null, zero and full (the kernel's devices.txt). */
const HARMLESS_DEVICES: ReadonlySet<number> = new Set([0x103, 0x105, 0x107]);

/** Other names of descriptors that are open; a pipe's or a terminal's is no file's, and deserves a better line. */
const OWN_STREAM = /^(?:\/dev\/(?:stdin|stdout|stderr|fd\/\d+)|\/proc\/(?:self|thread-self|\d+)\/fd\/\d+)$/;

/**
 * Opens the file for writing, empty, in place of an earlier one of the same user. Throws {@link CliError}; `option` is what
 * named it, `isSecret` is false where it holds nothing that was captured or received.
 */
export function openOutputFile(
  path: string,
  { option, isSecret = true }: { readonly option: string; readonly isSecret?: boolean },
): Deno.FsFile {
  const isOwnStream = () =>
    new CliError(
      `${path} is a stream of this program and no file of its own, and what else goes there would be mixed with it: ` +
        `give ${option} a file, or - for standard output where the command knows it`,
    );
  if (OWN_STREAM.test(path)) throw isOwnStream();
  try {
    const uid = invokingUid();
    return asInvokingUser(() => openOwn(path, { uid, mode: isSecret ? OWN_MODE : COMMON_MODE }));
  } catch (error) {
    if (error instanceof OwnStream) throw isOwnStream();
    if (error instanceof NotOurs) {
      throw new CliError(`${path} is not written to: it ${error.message}; give ${option} another name`);
    }
    throw new CliError(`${cannotWrite(path, error)}: give ${option} a file in a directory that is yours`);
  }
}

/** The beginning of a line about a file that takes no more. */
export function cannotWrite(path: string, error: unknown): string {
  return `${path} cannot be written (${systemWords(error)})`;
}

/** What is there is not a file of the user's; the message goes on from "it". */
class NotOurs extends Error {}

/** What is there is a file that is open already, as standard input, output or error: emptied, it would lose what they have. */
class OwnStream extends Error {}

const STANDARD_STREAMS: readonly number[] = [0, 1, 2];

/** By whatever name it was reached. */
function isStandardStream({ dev, ino }: Deno.FileInfo): boolean {
  // Loaded here alone, where a file is there already: it costs 20 ms (ffi/file_descriptor.ts).
  const { fstatSync } = process.getBuiltinModule("node:fs");
  return STANDARD_STREAMS.some((fd) => {
    try {
      const stream = fstatSync(fd);
      return stream.dev === dev && stream.ino === ino;
    } catch {
      // It is closed.
      return false;
    }
  });
}

function openOwn(
  named: string,
  { uid, mode }: { readonly uid: number | null; readonly mode: number },
): Deno.FsFile {
  const path = resolveDirectory(named, uid);
  try {
    // Makes the file or fails: a link is not followed, wherever it points (open(2), O_EXCL).
    return Deno.openSync(path, { write: true, createNew: true, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const there = lookAt(path, uid);
  // Without `truncate`: first it must prove to be the file that was looked at.
  const file = Deno.openSync(there.path, { write: true });
  try {
    const opened = file.statSync();
    if (opened.dev !== there.info.dev || opened.ino !== there.info.ino) {
      throw new NotOurs("was replaced while it was opened");
    }
    if (opened.isFile) {
      if (isStandardStream(opened)) throw new OwnStream();
      file.truncateSync(0);
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The path with the directories on its way resolved, each of which must be no trap. */
function resolveDirectory(path: string, uid: number | null): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const last = names.pop();
  if (last === undefined || last === ".." || path.endsWith("/")) throw new NotOurs("is a directory");
  // Where we stand is where we stand, whoever could put something else into its place.
  let directory = path.startsWith("/") ? "/" : Deno.realPathSync(".");
  for (const name of names) {
    directory = join(directory, name);
    const info = Deno.lstatSync(directory);
    if (info.isSymlink) {
      refuseForeignLink(info, uid);
      directory = Deno.realPathSync(directory);
    }
    refuseForeignDirectory(directory, uid);
  }
  return join(directory, last);
}

/** Root may write everywhere: where others can change the names, they would choose for root. */
function refuseForeignDirectory(directory: string, uid: number | null): void {
  const { uid: owner, mode } = Deno.lstatSync(directory);
  if (uid !== 0 || isNamespaceOfItsOwn() || owner === null || mode === null) return;
  if ((mode & STICKY) !== 0) return;
  if (owner !== 0) {
    throw new NotOurs(`would be below ${directory} of user ${owner}, who could put a link there`);
  }
  if ((mode & WRITABLE_BY_ALL) !== 0) {
    throw new NotOurs(`would be below ${directory}, in which everybody can put a link`);
  }
}

function refuseForeignLink({ uid: owner }: Deno.FileInfo, uid: number | null): void {
  if (uid === null || owner === uid || owner === 0 || isNamespaceOfItsOwn()) return;
  throw new NotOurs(`is reached over a link that user ${owner} has made`);
}

/** In a user namespace the files of root, and of all others, have the same stranger's number: there the kernel alone judges. */
function isNamespaceOfItsOwn(): boolean {
  return Deno.lstatSync("/").uid !== 0;
}

/** What the path leads to, when it is the user's own or nobody's. A link counts when it is the user's or root's. */
function lookAt(path: string, uid: number | null): { path: string; info: Deno.FileInfo } {
  let info = Deno.lstatSync(path);
  if (info.isSymlink) {
    refuseForeignLink(info, uid);
    path = Deno.realPathSync(path);
    info = Deno.lstatSync(path);
  }
  if (info.isCharDevice && HARMLESS_DEVICES.has(info.rdev ?? 0)) return { path, info };
  if (!info.isFile) throw new NotOurs(`is ${kindOf(info)}, no regular file`);
  if (uid !== null && info.uid !== uid) throw new NotOurs(`belongs to user ${info.uid}`);
  // Anybody who can write into a directory can give a file of ours a second name there.
  if ((info.nlink ?? 1) > 1) throw new NotOurs("has other names (hard links)");
  return { path, info };
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a directory";
  if (info.isFifo) return "a pipe";
  if (info.isSocket) return "a socket";
  return "a device";
}
