/**
 * A tree of files over HTTP: GET and HEAD, conditions, one range, directories (RFC 9110 §9.3, §13, §14).
 *
 * Owns: from a request's path to names, and the answers. Must not know: where files are (file_tree.ts), connections.
 *
 * Names that begin with a dot are not shown: what is called so is not meant for others (.git, .env).
 */
import { parseByteRange } from "./byte_range.ts";
import { contentTypeOf } from "./content_types.ts";
import { directoryPage, PAGE_POLICY } from "./directory_page.ts";
import type { FileTree, OpenDirectory, OpenFile } from "./file_tree.ts";
import { fileTag, isRangeFresh, judgeConditions, lastModified } from "./validators.ts";

/** Local choice: lines of a directory's page, some hundred kilobytes. */
const MOST_ENTRIES = 2000;
/** Local choice: Linux's PATH_MAX is 4096 octets, with two letters each at least. */
const MOST_NAMES = 256;

/** What is asked of a tree. */
interface FileRequest {
  readonly request: Request;
  /** The request's target as it came. */
  readonly target: string;
  /** Milliseconds since 1970: the time that the answer's Date will say. */
  readonly dateMs: number;
}

/** Answers a request from a tree. */
export async function serveFile(
  tree: FileTree,
  { request, target, dateMs }: FileRequest,
): Promise<Response> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return said(405, "only GET and HEAD are answered here", { allow: "GET, HEAD" });
  }
  const { pathname } = new URL(request.url);
  const path = target.includes("\\") ? null : namesOf(pathname);
  if (path === null) return said(400, "no path to a file");
  const found = isShown(path) ? await tree.find(path) : null;
  if (found === null) return said(404, "there is nothing here");
  const isDirectoryAsked = pathname.endsWith("/");
  if (found.kind === "file") {
    if (!isDirectoryAsked) return answerFile(found, { request, dateMs, name: path.at(-1) ?? "" });
    found.close();
    return said(404, "there is nothing here");
  }
  if (!isDirectoryAsked) return moved(path);
  const start = await tree.find([...path, "index.html"]);
  if (start?.kind === "file") return answerFile(start, { request, dateMs, name: "index.html" });
  return await answerDirectory(found, path);
}

/** The names of a path from the top down; null where one is none that a file can have, whatever the system. */
export function namesOf(pathname: string): string[] | null {
  const names: string[] = [];
  for (const part of pathname.split("/")) {
    if (part === "") continue;
    const name = decoded(part);
    if (name === null || !isName(name)) return null;
    names.push(name);
  }
  return names.length > MOST_NAMES ? null : names;
}

function isName(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return text !== "." && text !== ".." && !/[\x00-\x1f\x7f/\\]/.test(text);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function isShown(path: readonly string[]): boolean {
  return !path.some((name) => name.startsWith("."));
}

function answerFile(
  file: OpenFile,
  { request, dateMs, name }: { request: Request; dateMs: number; name: string },
): Response {
  const { size, modifiedMs } = file;
  const now = { etag: fileTag(size, modifiedMs), modifiedMs, dateMs };
  const headers = new Headers({
    "content-type": contentTypeOf(name),
    "x-content-type-options": "nosniff",
    "accept-ranges": "bytes",
    etag: now.etag,
    // Asked again each time, which costs a 304.
    "cache-control": "no-cache",
  });
  const modified = lastModified(now);
  if (modified !== null) headers.set("last-modified", modified);
  const verdict = judgeConditions(request.headers, now);
  if (verdict !== "go-on") {
    file.close();
    return verdict === "not-modified"
      ? new Response(null, { status: 304, headers })
      : said(412, "the file is another than you think");
  }
  // RFC 9110 §14.2: of other methods than GET a range is ignored.
  const isRanged = request.method === "GET" && isRangeFresh(request.headers, now);
  const range = isRanged ? parseByteRange(request.headers.get("range"), size) : null;
  if (range === "unsatisfiable") {
    file.close();
    return said(416, `the file has ${size} bytes`, { "content-range": `bytes */${size}` });
  }
  const { from, to } = range ?? { from: 0, to: size - 1 };
  headers.set("content-length", String(to - from + 1));
  if (range !== null) headers.set("content-range", `bytes ${from}-${to}/${size}`);
  const status = range === null ? 200 : 206;
  if (request.method === "HEAD") {
    file.close();
    return new Response(null, { status, headers });
  }
  return new Response(file.read(from, to + 1), { status, headers });
}

async function answerDirectory(directory: OpenDirectory, path: readonly string[]): Promise<Response> {
  const entries = await directory.entries(MOST_ENTRIES + 1);
  if (entries === null) return said(404, "there is nothing here");
  const isCut = entries.length > MOST_ENTRIES;
  const shown = entries.slice(0, MOST_ENTRIES).filter(({ name }) => isName(name) && isShown([name]));
  return new Response(directoryPage(path, { entries: shown, isCut }), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    },
  });
}

/** A directory's address ends with a slash, else what its page names would be beside it. Two slashes in front would be a host. */
function moved(path: readonly string[]): Response {
  const location = `/${path.map(encodeURIComponent).join("/")}/`;
  return said(301, "a directory", { location });
}

function said(status: number, sentence: string, headers: Record<string, string> = {}): Response {
  return new Response(`${status}: ${sentence}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
