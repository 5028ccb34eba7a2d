/** Which files `tcplab run` takes for scripts, and how it reads them: links, hidden names, trees without end, files without end, marks of encodings. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { CliError } from "../../src/cli/command.ts";
import { findScripts, readScript } from "../../src/cli/run_files.ts";

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("a directory: links to files are scripts, also those that lead nowhere; links to directories and hidden names are not", () =>
  inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name);
    await Deno.mkdir(at("tree/.git"), { recursive: true });
    await Deno.mkdir(at("tree/sub.pkt"));
    for (
      const name of ["elsewhere", "tree/own.pkt", "tree/.git/kept.pkt", "tree/._own.pkt", "tree/own.pkt~"]
    ) {
      await Deno.writeTextFile(at(name), "");
    }
    await Deno.symlink(at("elsewhere"), at("tree/linked.pkt"));
    await Deno.symlink("nowhere", at("tree/lost.pkt"));
    await Deno.symlink("own.pkt@host.1234", at("tree/.#own.pkt"));
    await Deno.symlink("..", at("tree/sub.pkt/up.pkt"));
    await Deno.symlink("self.pkt", at("tree/sub.pkt/self.pkt"));
    assertEquals(
      await findScripts([at("tree")]),
      ["linked.pkt", "lost.pkt", "own.pkt", "sub.pkt/self.pkt"].map((name) => at(`tree/${name}`)),
    );
    assertEquals(await readScript(at("tree/lost.pkt")), {
      error: "cannot be read (no such file or directory)",
    });
  }));

Deno.test("what is named is taken as it is named; of a tree that is too deep nothing is left out in silence", () =>
  inDirectory(async (directory) => {
    const named = [join(directory, ".hidden.pkt"), join(directory, "nowhere")];
    assertEquals(await findScripts(named), named);
    const deep = join(directory, ...Array.from({ length: 66 }, () => "d"));
    await Deno.mkdir(deep, { recursive: true });
    await Deno.writeTextFile(join(deep, "own.pkt"), "");
    await assertRejects(() => findScripts([directory]), CliError, "is deeper than 64 directories");
  }));

Deno.test("the mark that editors of Windows begin with is no part of a script; UTF-16 is named; other octets stay for the parser", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "own.pkt");
    const read = async (bytes: Uint8Array) => {
      await Deno.writeFile(path, bytes);
      return await readScript(path);
    };
    assertEquals(await read(encode("\ufeff0 x() = 0")), { text: "0 x() = 0" });
    assertEquals(await read(encode("")), { text: "" });
    assertEquals(await read(Uint8Array.of(0x2f, 0x2f, 0xe9)), { text: "//\ufffd" });
    for (const mark of [[0xff, 0xfe], [0xfe, 0xff]]) {
      const read16 = await read(Uint8Array.of(...mark, 0x30, 0));
      assert("error" in read16 && read16.error.startsWith("is UTF-16"), JSON.stringify(read16));
    }
  }));

Deno.test("what is no text is named for what it is, and lines may end as on any system", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "own.pkt");
    const read = async (bytes: readonly number[]) => {
      await Deno.writeFile(path, Uint8Array.from(bytes));
      const answer = await readScript(path);
      return "error" in answer ? answer.error.split(/[,:]/)[0] : answer.text;
    };
    assertEquals(await read([0x30, 0, 0x20, 0]), "is UTF-16");
    assertEquals(await read([0, 0x30, 0, 0x20]), "is UTF-16");
    assertEquals(await read([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]), "is a capture");
    assertEquals(await read([0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0x1c]), "is a capture");
    assertEquals(await read([0x1f, 0x8b, 8, 0]), "is compressed");
    assertEquals(await read([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), "is no text");
    assertEquals(await read([...encode("0 x() = 0\n"), 0]), "is no text");
    // A remark ends with its line.
    assertEquals(await read([...encode("// a\r0 x() = 0\r\n\r1")]), "// a\n0 x() = 0\r\n\n1");
    assertEquals(await readScript("-"), {
      error: "cannot be read (no such file or directory; standard input is /dev/stdin)",
    });
  }));

Deno.test({
  name: "a file without end is given up, a pipe is read to its end",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assertEquals(await readScript("/dev/zero"), {
      error: "is longer than 16777216 octets, which no script is",
    });
    await inDirectory(async (directory) => {
      const pipe = join(directory, "pipe");
      const { success } = await new Deno.Command("mkfifo", { args: [pipe] }).output();
      assert(success);
      const [read] = await Promise.all([
        readScript(pipe),
        new Deno.Command("sh", { args: ["-c", 'printf "0 a"; sleep 0.1; printf "bc"'], stdout: "piped" })
          .output()
          .then(({ stdout }) => Deno.writeFile(pipe, stdout)),
      ]);
      assertEquals(read, { text: "0 abc" });
    });
  },
});
