/**
 * Which files `tcplab run` runs, those that are named and those in directories that are named; and their text.
 *
 * Owns: finding, ordering and reading them. Must not know: what is in them.
 */
import { concat } from "@std/bytes/concat";
import { join } from "@std/path";
import { MOST_SCRIPT_CHARS } from "../script/parse_script.ts";
import { pcapByteOrder } from "../wire/capture_pcap.ts";
import { isPcapng } from "../wire/capture_pcapng.ts";
import { CliError, systemWords } from "./command.ts";

/** What a script's name ends with, in a directory; one that is named may be called anything. */
const SCRIPT_SUFFIX = ".pkt";
/** Directories within directories; local choice: more than any tree of scripts has. */
const MOST_DEPTH = 64;
/** Scripts in all; local choice: a hundred times all that are public. */
const MOST_SCRIPTS = 200_000;
/** More octets are no script, whatever is behind them (/dev/zero has no end): UTF-8 has no more than four for a character (RFC 3629 §3). */
const MOST_BYTES = 4 * MOST_SCRIPT_CHARS;

/** Of a capture. */
const MAGIC_BYTES = 4;
/** RFC 1952 §2.3.1. */
const GZIP = [0x1f, 0x8b] as const;

/**
 * The scripts, in the order of the arguments, those of a directory by name. What is not there is among them: reading it fails, and is
 * told with the others. Throws {@link CliError} for a directory of which scripts would be left out.
 */
export async function findScripts(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (!await isDirectory(path)) {
      found.push(path);
      continue;
    }
    const before = found.length;
    await gather(path, found, 0);
    if (found.length === before) {
      throw new CliError(
        `There is no script in the directory ${path} (scripts there are files whose names end with ${SCRIPT_SUFFIX}): name another, or a file`,
      );
    }
  }
  return found;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Links to directories are not followed, so that no tree is without end; those to files are scripts like others. Hidden names are left
 * out, as `*.pkt` of a shell leaves them out: editors and archivers keep their own things under them.
 */
async function gather(directory: string, found: string[], depth: number): Promise<void> {
  if (depth > MOST_DEPTH) {
    throw new CliError(
      `${directory} is deeper than ${MOST_DEPTH} directories: name it itself, or put the scripts elsewhere`,
    );
  }
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) entries.push(entry);
  } catch (error) {
    throw new CliError(`${directory} cannot be read (${systemWords(error)}): name scripts that you may read`);
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory) {
      await gather(path, found, depth + 1);
    } else if (entry.name.endsWith(SCRIPT_SUFFIX) && (entry.isFile || await isLinkToScript(entry, path))) {
      if (found.length >= MOST_SCRIPTS) {
        throw new CliError(`There are more than ${MOST_SCRIPTS} scripts: name a smaller directory`);
      }
      found.push(path);
    }
  }
}

/** One that leads nowhere is a script that cannot be read: left out, nobody would miss it. */
async function isLinkToScript({ isSymlink }: Deno.DirEntry, path: string): Promise<boolean> {
  if (!isSymlink) return false;
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return true;
  }
}

/** The text of a script; an error says in words why there is none. */
export async function readScript(
  path: string,
): Promise<{ readonly text: string } | { readonly error: string }> {
  let bytes: Uint8Array;
  try {
    using file = await Deno.open(path);
    if ((await file.stat()).isDirectory) return { error: "is a directory now" };
    bytes = await readUpTo(file, MOST_BYTES + 1);
  } catch (error) {
    const hint = path === "-" ? "; standard input is /dev/stdin" : "";
    return { error: `cannot be read (${systemWords(error)}${hint})` };
  }
  if (bytes.length > MOST_BYTES) return { error: `is longer than ${MOST_BYTES} octets, which no script is` };
  const otherwise = whatElse(bytes);
  if (otherwise !== null) return { error: otherwise };
  // Other octets that are no UTF-8 may be in comments, and are told where they are not; the mark that some editors begin with is left out.
  // Lines may end as those of old Macs do, of which one with a remark would else be the last.
  return { text: new TextDecoder().decode(bytes).replace(/\r(?!\n)/g, "\n") };
}

function isAscii(byte: number | undefined): boolean {
  return byte !== undefined &&
    (byte === 0x09 || byte === 0x0a || byte === 0x0d || (byte >= 0x20 && byte < 0x7f));
}

/** What a file is that is no script, in words; null for one that may be. */
function whatElse(bytes: Uint8Array): string | null {
  const [first, second] = bytes;
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // A sign of ASCII without a mark before it.
  const isWide = (first === 0 && isAscii(second)) || (isAscii(first) && second === 0 && isAscii(bytes[2]));
  if (isMarked || isWide) {
    return "is UTF-16, as some editors and shells of Windows write it: save it as UTF-8";
  }
  if (bytes.length >= MAGIC_BYTES && (isPcapng(bytes, 0) || pcapByteOrder(bytes, 0) !== null)) {
    return "is a capture, and no script: tcplab explain --script OUT.pkt makes one of it";
  }
  if (first === GZIP[0] && second === GZIP[1]) {
    return "is compressed, and no script: gunzip gives what is in it";
  }
  return bytes.includes(0) ? "is no text, which a script is: it has octets of zero" : null;
}

async function readUpTo(file: Deno.FsFile, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (length < most) {
    const piece = new Uint8Array(Math.min(0x10000, most - length));
    const count = await file.read(piece);
    if (count === null) break;
    pieces.push(piece.subarray(0, count));
    length += count;
  }
  return concat(pieces);
}
