/** The file server over a tree in memory: paths, ranges, conditions, pages (RFC 9110 §13, §14). */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { parseByteRange } from "../../src/http/byte_range.ts";
import { contentTypeOf } from "../../src/http/content_types.ts";
import { directoryPage } from "../../src/http/directory_page.ts";
import { namesOf, serveFile } from "../../src/http/file_server.ts";
import type { FileTree } from "../../src/http/file_tree.ts";
import { fileTag, isRangeFresh, judgeConditions } from "../../src/http/validators.ts";

const MODIFIED = "Fri, 02 Jan 2026 03:04:05 GMT";
const MODIFIED_MS = Date.parse(MODIFIED) + 678;
const TAG = fileTag(10, MODIFIED_MS);
/** The file rests since a minute. */
const DATE_MS = MODIFIED_MS + 60_000;

/** `/a.txt` with ten octets, `/d/` with an index, `/e/` without; counts how many files are open, and what was asked for. */
class Tree implements FileTree {
  open = 0;
  readonly asked: string[] = [];

  find(path: readonly string[]): ReturnType<FileTree["find"]> {
    const name = path.join("/");
    this.asked.push(name);
    if (name === "a.txt" || name === "d/index.html") return Promise.resolve(this.#file());
    if (!["", "d", "e"].includes(name)) return Promise.resolve(null);
    const names = ["z.txt", '<i>"&', ".hidden", "sub", "new\nline", "back\\slash"];
    const entries = names.map((name) => ({ name, isDirectory: name === "sub" }));
    return Promise.resolve({ kind: "directory", entries: () => Promise.resolve(entries) });
  }

  #file() {
    this.open++;
    const close = () => void this.open--;
    return {
      kind: "file" as const,
      size: 10,
      modifiedMs: MODIFIED_MS,
      close,
      read: (from: number, to: number) => {
        close();
        return ReadableStream.from([new TextEncoder().encode("0123456789".slice(from, to))]);
      },
    };
  }
}

async function asked(
  path: string,
  { dateMs = DATE_MS, ...init }: RequestInit & { dateMs?: number } = {},
): Promise<{ response: Response; text: string; tree: Tree }> {
  const tree = new Tree();
  const request = new Request(`http://a${path}`, init);
  const response = await serveFile(tree, { request, target: path, dateMs });
  const text = await response.text();
  assertEquals(tree.open, 0, `${path}: a file is left open`);
  return { response, text, tree };
}

Deno.test("a range is taken by RFC 9110 §14.1.2, or not at all", () => {
  const cases: [string | null, ReturnType<typeof parseByteRange>][] = [
    [null, null],
    ["bytes=0-0", { from: 0, to: 0 }],
    ["bytes=0-", { from: 0, to: 9 }],
    ["BYTES= 3-5 ", { from: 3, to: 5 }],
    ["bytes=3-99", { from: 3, to: 9 }],
    ["bytes=-3", { from: 7, to: 9 }],
    ["bytes=-99", { from: 0, to: 9 }],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=10-12", "unsatisfiable"],
    ["bytes=5-3", null],
    ["bytes=", null],
    ["bytes=-", null],
    ["bytes=0-1,3-4", null],
    ["bytes=+1-2", null],
    ["bytes=0x1-2", null],
    ["lines=0-1", null],
    ["bytes=1234567890123456-", null],
  ];
  for (const [field, expected] of cases) assertEquals(parseByteRange(field, 10), expected, String(field));
  assertEquals(parseByteRange("bytes=0-", 0), "unsatisfiable");
  assertEquals(parseByteRange("bytes=-5", 0), "unsatisfiable");
});

Deno.test("whatever a range says, what is taken lies inside of the file", () => {
  const field = fc.oneof(
    fc.tuple(fc.nat(30), fc.nat(30)).map(([from, to]) => `bytes=${from}-${to}`),
    fc.nat(30).map((count) => `bytes=-${count}`),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(fc.property(field, fc.nat(20), (text, size) => {
    const range = parseByteRange(text, size);
    if (range === null || range === "unsatisfiable") return;
    assert(range.from >= 0 && range.from <= range.to && range.to < size);
  }));
});

Deno.test("conditions are judged in the order of RFC 9110 §13.2.2", () => {
  const now = { etag: TAG, modifiedMs: MODIFIED_MS, dateMs: DATE_MS };
  const before = "Fri, 02 Jan 2026 03:04:04 GMT";
  const cases: [Record<string, string>, ReturnType<typeof judgeConditions>][] = [
    [{}, "go-on"],
    [{ "if-match": TAG }, "go-on"],
    [{ "if-match": "*" }, "go-on"],
    [{ "if-match": `W/${TAG}` }, "failed"],
    [{ "if-match": '"x"' }, "failed"],
    [{ "if-match": '"x"', "if-none-match": TAG }, "failed"],
    [{ "if-match": TAG, "if-unmodified-since": before }, "go-on"],
    [{ "if-unmodified-since": before }, "failed"],
    [{ "if-unmodified-since": MODIFIED }, "go-on"],
    [{ "if-none-match": TAG }, "not-modified"],
    [{ "if-none-match": `"x", W/${TAG}` }, "not-modified"],
    [{ "if-none-match": "*" }, "not-modified"],
    [{ "if-none-match": '"x"', "if-modified-since": MODIFIED }, "go-on"],
    [{ "if-modified-since": MODIFIED }, "not-modified"],
    [{ "if-modified-since": before }, "go-on"],
    [{ "if-modified-since": "yesterday" }, "go-on"],
    // §13.1.3: what is no HTTP-date is ignored, also what looks like a day far in the future.
    [{ "if-modified-since": "2099" }, "go-on"],
    [{ "if-modified-since": "Fri, 02 Jan 2099 03:04:05 +0000" }, "go-on"],
    [{ "if-modified-since": `${MODIFIED}, ${MODIFIED}` }, "go-on"],
    [{ "if-unmodified-since": "1990" }, "go-on"],
    // §5.6.7: the older forms are dates too, of UTC wherever this machine is.
    [{ "if-modified-since": "Friday, 02-Jan-26 03:04:05 GMT" }, "not-modified"],
    [{ "if-modified-since": "Fri Jan  2 03:04:05 2026" }, "not-modified"],
    [{ "if-modified-since": "Fri Jan  2 03:04:04 2026" }, "go-on"],
  ];
  for (const [headers, expected] of cases) {
    assertEquals(judgeConditions(new Headers(headers), now), expected, JSON.stringify(headers));
  }
  // §13.1.4: without a date nothing is judged by one.
  const undated = { ...now, modifiedMs: null };
  assertEquals(judgeConditions(new Headers({ "if-unmodified-since": before }), undated), "go-on");
  assertEquals(judgeConditions(new Headers({ "if-modified-since": before }), undated), "go-on");
  const fresh = (value: string) => isRangeFresh(new Headers({ "if-range": value }), now);
  assertEquals([TAG, `W/${TAG}`, '"x"', MODIFIED, before, "soon"].map(fresh), [
    true,
    false,
    false,
    true,
    false,
    false,
  ]);
});

Deno.test("a date is good enough for a range once its second is over (RFC 9110 §8.8.2.2, §13.1.5)", async () => {
  const second = Math.floor(MODIFIED_MS / 1000) * 1000;
  const ranged = (value: string, dateMs: number) =>
    asked("/a.txt", { headers: { range: "bytes=2-4", "if-range": value }, dateMs });
  // [the answer's Date, what If-Range says, the status]
  const cases: [number, string, number][] = [
    [MODIFIED_MS, MODIFIED, 200],
    [second + 999, MODIFIED, 200],
    [second + 1000, MODIFIED, 206],
    [DATE_MS, MODIFIED, 206],
    // A clock that was put back, or a file from the future.
    [second - 1, MODIFIED, 200],
    [second - 60_000, MODIFIED, 200],
    // A tag says more than a second does.
    [MODIFIED_MS, TAG, 206],
  ];
  for (const [dateMs, value, status] of cases) {
    const { response, text } = await ranged(value, dateMs);
    assertEquals(
      [response.status, text],
      [status, status === 206 ? "234" : "0123456789"],
      `${dateMs} ${value}`,
    );
  }
  const undated = { etag: TAG, modifiedMs: null, dateMs: DATE_MS };
  assertEquals(isRangeFresh(new Headers({ "if-range": "Thu, 01 Jan 1970 00:00:00 GMT" }), undated), false);
});

Deno.test("Last-Modified is never later than Date, whatever the file system says (RFC 9110 §8.8.2.1)", async () => {
  const said = async (dateMs: number) =>
    (await asked("/a.txt", { dateMs })).response.headers.get("last-modified");
  assertEquals(await said(MODIFIED_MS), MODIFIED);
  assertEquals(await said(MODIFIED_MS - 3600_000), "Fri, 02 Jan 2026 02:04:05 GMT");
  // What was said of a file of the future is no reason to keep it from who asks again.
  const again = await asked("/a.txt", {
    headers: { "if-modified-since": "Fri, 02 Jan 2026 02:04:05 GMT" },
    dateMs: MODIFIED_MS - 1000,
  });
  assertEquals(again.response.status, 200);
});

Deno.test("years of two digits are judged by the answer's Date (RFC 9110 §5.6.7)", () => {
  const judged = (year: number) =>
    judgeConditions(new Headers({ "if-modified-since": "Friday, 02-Jan-70 03:04:05 GMT" }), {
      etag: TAG,
      modifiedMs: Date.UTC(2000, 0),
      dateMs: Date.UTC(year, 5),
    });
  assertEquals([judged(2019), judged(2020)], ["go-on", "not-modified"]);
});

Deno.test("a file: whole, in part, without body, unchanged; and it is closed whatever happens", async () => {
  const whole = await asked("/a.txt");
  assertEquals([whole.response.status, whole.text], [200, "0123456789"]);
  assertEquals(whole.response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(whole.response.headers.get("last-modified"), MODIFIED);
  assertEquals(whole.response.headers.get("etag"), TAG);
  const part = await asked("/a.txt", { headers: { range: "bytes=2-4" } });
  assertEquals([part.response.status, part.text], [206, "234"]);
  assertEquals(part.response.headers.get("content-range"), "bytes 2-4/10");
  assertEquals(part.response.headers.get("content-length"), "3");
  const beyond = await asked("/a.txt", { headers: { range: "bytes=10-" } });
  assertEquals([beyond.response.status, beyond.response.headers.get("content-range")], [416, "bytes */10"]);
  const head = await asked("/a.txt", { method: "HEAD", headers: { range: "bytes=2-4" } });
  assertEquals([head.response.status, head.text, head.response.headers.get("content-length")], [
    200,
    "",
    "10",
  ]);
  const same = await asked("/a.txt", { headers: { "if-none-match": TAG } });
  assertEquals([same.response.status, same.text, same.response.headers.get("etag")], [304, "", TAG]);
  assertEquals((await asked("/a.txt", { headers: { "if-match": '"x"' } })).response.status, 412);
  const put = await asked("/a.txt", { method: "PUT", body: "x" });
  assertEquals([put.response.status, put.response.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals((await asked("/a.txt/")).response.status, 404);
});

Deno.test("a directory: its index, or its names as nothing but names, and never another host's address", async () => {
  assertEquals((await asked("/d/")).text, "0123456789");
  const listing = await asked("/e/");
  assertEquals(listing.response.status, 200);
  assertStringIncludes(listing.text, '<a href="./%3Ci%3E%22%26">&lt;i&gt;&quot;&amp;</a>');
  assert(!listing.text.includes("<i>") && !listing.text.includes("hidden"));
  // What nobody can ask for is not shown either.
  assert(!/%0a|%5c/i.test(listing.text));
  assert(listing.text.indexOf("sub/") < listing.text.indexOf("z.txt"));
  assertStringIncludes(listing.response.headers.get("content-security-policy") ?? "", "default-src 'none'");
  for (const path of ["/e", "//e", "///e"]) {
    const { response } = await asked(path);
    assertEquals([response.status, response.headers.get("location")], [301, "/e/"], path);
  }
  assertStringIncludes(directoryPage([], { entries: [], isCut: true }), "more than is shown");
});

Deno.test("no spelling of a path leaves the tree: nothing but plain names is ever asked for", async () => {
  const paths = [
    "/../a.txt",
    "/%2e%2e/a.txt",
    "/..%2fa.txt",
    "/..%5ca.txt",
    "/..\\a.txt",
    "/d/..%2f..%2fa.txt",
    "/a.txt%00",
    "/%00",
    "/%0a",
    "/%",
    "/%zz",
    "/%ff",
    "/.git/config",
    "/%2egit",
    "/d/.env",
    "/C:%5cx",
    "/a%2f..%2fb",
  ];
  for (const path of paths) {
    const { response, tree } = await asked(path);
    assert([200, 400, 404].includes(response.status), path);
    // What a URL has put in order already is a path like any other.
    const isPlain = path === "/../a.txt" || path === "/%2e%2e/a.txt";
    assertEquals(tree.asked, isPlain ? ["a.txt"] : [], path);
  }
});

Deno.test("names of any path are names: not empty, no dots alone, no slash of either kind, no control character", () => {
  const piece = fc.constantFrom(
    "..",
    ".",
    "%2e",
    "%2f",
    "%5c",
    "\\",
    "/",
    "a",
    "%00",
    "%252e",
    "%",
    "é",
    "%c3%a9",
    "%7f",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")), (path) => {
    for (const name of namesOf(path) ?? []) {
      // deno-lint-ignore no-control-regex
      assert(name !== "" && name !== "." && name !== ".." && !/[\x00-\x1f\x7f/\\]/.test(name), name);
    }
  }));
  assertEquals(namesOf("/a".repeat(300)), null);
});

Deno.test("what is not known is octets, also where a name is one of the language's own", () => {
  for (const name of ["a.constructor", "a", "a.", ".html.", "a.toString"]) {
    assertEquals(contentTypeOf(name), "application/octet-stream", name);
  }
  assertEquals(contentTypeOf("A.HTML"), "text/html; charset=utf-8");
});

Deno.test("files and pages say that they are asked for again, and are what they are called; of files parts may be asked for", async () => {
  const names = ["cache-control", "x-content-type-options", "accept-ranges"];
  const fields = async (path: string) => {
    const { headers } = (await asked(path)).response;
    return names.map((name) => headers.get(name));
  };
  assertEquals(await fields("/a.txt"), ["no-cache", "nosniff", "bytes"]);
  assertEquals(await fields("/e/"), ["no-cache", "nosniff", null]);
});

Deno.test("a path has so many names, and none more", () => {
  assertEquals(namesOf("/a".repeat(256))?.length, 256);
  assertEquals(namesOf("/a".repeat(257)), null);
});
