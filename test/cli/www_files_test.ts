/** What of a directory of this machine `--www` shows, and what not, whatever lies in it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { serveFile } from "../../src/http/file_server.ts";
import type { DirectoryEntry, FileTree, OpenDirectory } from "../../src/http/file_tree.ts";
import { UsageError } from "../../src/cli/command.ts";
import { fromFileUrl } from "@std/path";
import { wwwFiles } from "../../src/cli/www_files.ts";

/** A directory with files, links in and out, a pipe; beside it one whose name begins alike, and a secret. */
async function withTree(test: (tree: FileTree, root: string) => Promise<void>): Promise<void> {
  const top = await Deno.makeTempDir({ prefix: "tcplab-www-" });
  const root = `${top}/www`;
  try {
    await Deno.mkdir(`${root}/sub/deep`, { recursive: true });
    await Deno.mkdir(`${top}/www2`);
    for (const path of [`${top}/secret`, `${top}/www2/secret`]) await Deno.writeTextFile(path, "secret");
    await Deno.writeTextFile(`${root}/a.txt`, "0123456789");
    await Deno.writeTextFile(`${root}/sub/deep/b.txt`, "b");
    await Deno.symlink("../secret", `${root}/out`);
    await Deno.symlink(`${top}/www2`, `${root}/beside`);
    await Deno.symlink("/", `${root}/sub/slash`);
    await Deno.symlink("../a.txt", `${root}/sub/in`);
    await Deno.symlink("deep", `${root}/sub/dir`);
    await Deno.symlink("loop", `${root}/loop`);
    await new Deno.Command("mkfifo", { args: [`${root}/pipe`] }).output();
    // The directory itself may be found by a link.
    await Deno.symlink(root, `${top}/link`);
    await test(await wwwFiles(`${top}/link`), root);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

/** What a file holds; its size where only that is asked for; null where there is none. */
async function textAt(tree: FileTree, path: string, range?: [number, number]): Promise<string | null> {
  const found = await tree.find(path.split("/").filter((name) => name !== ""));
  if (found === null || found.kind !== "file") return null;
  const [from, to] = range ?? [0, found.size];
  return await new Response(found.read(from, to)).text();
}

Deno.test("files are read whole and in part, through links that stay inside too", async () => {
  await withTree(async (tree) => {
    assertEquals(await textAt(tree, "a.txt"), "0123456789");
    assertEquals(await textAt(tree, "a.txt", [3, 5]), "34");
    assertEquals(await textAt(tree, "a.txt", [9, 10]), "9");
    assertEquals(await textAt(tree, "a.txt", [0, 0]), "");
    assertEquals(await textAt(tree, "sub/in"), "0123456789");
    assertEquals(await textAt(tree, "sub/dir/b.txt"), "b");
    const file = await tree.find(["a.txt"]);
    assert(file?.kind === "file" && file.size === 10 && (file.modifiedMs ?? 0) > 1e12);
    await file.read(0, 10).cancel();
  });
});

Deno.test("nothing outside is found, nor what is neither file nor directory", async () => {
  await withTree(async (tree) => {
    const paths = [
      "out",
      "beside",
      "beside/secret",
      "sub/slash",
      "sub/slash/etc/passwd",
      "loop",
      "pipe",
      "none",
      "a.txt/x",
      "n".repeat(300),
    ];
    for (const path of paths) assertEquals(await tree.find(path.split("/")), null, path);
    // Names that no path of a request has are none here either.
    for (
      const names of [["..", "secret"], ["..", "www2", "secret"], ["sub", "..", "..", "secret"], [
        "../secret",
      ]]
    ) {
      assertEquals(await tree.find(names), null, names.join("/"));
    }
  });
});

/** Lines of a directory that can be read. */
async function entriesOf(directory: OpenDirectory, most: number): Promise<readonly DirectoryEntry[]> {
  const entries = await directory.entries(most);
  assert(entries !== null);
  return entries;
}

Deno.test("a directory lists what can be asked for, links for what they lead to, and so many at most", async () => {
  await withTree(async (tree, root) => {
    const top = await tree.find([]);
    assert(top?.kind === "directory");
    const names = (await entriesOf(top, 100)).map(({ name, isDirectory }) =>
      `${name}${isDirectory ? "/" : ""}`
    );
    assertEquals(names.toSorted(), ["a.txt", "sub/"]);
    const sub = await tree.find(["sub"]);
    assert(sub?.kind === "directory");
    const below = (await entriesOf(sub, 100)).map(({ name, isDirectory }) =>
      `${name}${isDirectory ? "/" : ""}`
    );
    assertEquals(below.toSorted(), ["deep/", "dir/", "in"]);
    for (let number = 0; number < 30; number++) await Deno.writeTextFile(`${root}/${number}.txt`, "");
    assertEquals((await entriesOf(top, 10)).length, 10);
  });
});

Deno.test("a directory that goes, or may not be read, before its names are asked for has none to tell", async () => {
  await withTree(async (tree, root) => {
    const found = await tree.find(["sub", "deep"]);
    assert(found?.kind === "directory");
    await Deno.remove(`${root}/sub/deep`, { recursive: true });
    assertEquals(await found.entries(10), null);
    const late = { find: (path: readonly string[]) => Promise.resolve(path.length === 0 ? found : null) };
    const response = await serveFile(late, { request: new Request("http://a/"), target: "/", dateMs: 0 });
    assertEquals([response.status, await response.text()], [404, "404: there is nothing here\n"]);
  });
});

const WWW_FILES = fromFileUrl(new URL("../../src/cli/www_files.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

Deno.test("a process that is out of files does not say that there is nothing", async () => {
  await withTree(async (_tree, root) => {
    const program = `import { wwwFiles } from ${JSON.stringify(WWW_FILES)};
const tree = await wwwFiles(${JSON.stringify(root)});
const top = await tree.find([]);
const open = [];
const told = (error) => error.code;
let code;
while (code === undefined) await tree.find(["a.txt"]).then((file) => open.push(file), (error) => (code = told(error)));
console.log(code, await top.entries(10).catch(told), await tree.find(["none"]));
for (const file of open) file.close();
console.log((await tree.find(["a.txt"])).size, (await top.entries(1)).length);`;
    const path = `${root}/program.ts`;
    await Deno.writeTextFile(path, program);
    const { stdout, stderr } = await new Deno.Command("sh", {
      // Deno takes as many as the hard limit allows.
      args: [
        "-c",
        'ulimit -n 64 && exec "$0" run --quiet --no-check --cached-only --allow-read --config "$1" "$2"',
        Deno.execPath(),
        CONFIG,
        path,
      ],
    }).output();
    const text = new TextDecoder();
    assertEquals(text.decode(stdout), "EMFILE EMFILE null\n10 1\n", text.decode(stderr));
  });
});

Deno.test("a file that becomes shorter while it is read ends early, and is closed", async () => {
  await withTree(async (tree, root) => {
    await Deno.writeFile(`${root}/long`, new Uint8Array(200_000));
    const found = await tree.find(["long"]);
    assert(found?.kind === "file");
    const reader = found.read(0, found.size).getReader();
    const { value } = await reader.read();
    await Deno.truncate(`${root}/long`, 100_000);
    let length = value?.length ?? 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
    }
    assertEquals(length, 100_000);
  });
});

Deno.test("what is no directory is refused in one line before anything is opened", async () => {
  await withTree(async (_, root) => {
    await assertRejects(() => wwwFiles(`${root}/none`), UsageError, "cannot be served: it does not exist");
    await assertRejects(() => wwwFiles(`${root}/a.txt`), UsageError, "is no directory");
  });
});
