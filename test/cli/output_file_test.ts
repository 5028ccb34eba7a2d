/** Files for what comes out: whose they are, what is not overwritten, and what is not followed. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { CliError } from "../../src/cli/command.ts";
import { openOutputFile } from "../../src/cli/output_file.ts";

const MODULE = new URL("../../src/cli/output_file.ts", import.meta.url).href;
const OPTION = { option: "--write" };
/** A user of the machine who is neither root nor nobody. */
const STRANGER = 1;
const canChown = Deno.uid() === 0 && mayChown();
/** The rights to become another user may be gone where uid 0 is all that there is. */
const asRoot = canChown ? "" : " (skipped: not root with its rights)";

function mayChown(): boolean {
  using directory = scratch();
  try {
    Deno.chownSync(directory.path, STRANGER, STRANGER);
    return true;
  } catch {
    return false;
  }
}

/** A directory that goes with the test. */
function scratch(): { path: string } & Disposable {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "tcplab-test-" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function write(path: string, text: string): void {
  using file = openOutputFile(path, OPTION);
  file.writeSync(new TextEncoder().encode(text));
}

const mode = (path: string) => (Deno.lstatSync(path).mode ?? 0) & 0o777;
const refusal = (path: string) => assertThrows(() => openOutputFile(path, OPTION), CliError).message;

Deno.test("a new file is closed to others, an old one of ours is written anew and keeps its rights", () => {
  using directory = scratch();
  const path = join(directory.path, "x.pcapng");
  write(path, "a long first text");
  assertEquals([mode(path), Deno.readTextFileSync(path)], [0o600, "a long first text"]);
  Deno.chmodSync(path, 0o644);
  write(path, "short");
  assertEquals([mode(path), Deno.readTextFileSync(path)], [0o644, "short"]);
  write("/dev/null", "nothing");
});

Deno.test("what is no regular file is not written to, and a pipe does not make us wait", async () => {
  using directory = scratch();
  const pipe = join(directory.path, "pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  assertMatch(
    refusal(pipe),
    /^\S+ is not written to: it is a pipe, no regular file; give --write another name$/,
  );
  assertMatch(refusal(directory.path), /it is a directory/);
  assertMatch(refusal(`${directory.path}/`), /it is a directory/);
  using socket = Deno.listen({ transport: "unix", path: join(directory.path, "socket") });
  assertMatch(refusal(socket.addr.path), /it is a socket/);
  assertMatch(refusal(join(directory.path, "missing", "x")), /cannot be written \(no such file/);
});

Deno.test("our own link is followed to our own file, a second name of a file is not trusted", () => {
  using directory = scratch();
  const file = join(directory.path, "file");
  Deno.writeTextFileSync(file, "before");
  const link = join(directory.path, "link");
  Deno.symlinkSync(file, link);
  write(link, "after");
  assertEquals(Deno.readTextFileSync(file), "after");
  Deno.linkSync(file, join(directory.path, "second"));
  assertMatch(refusal(file), /has other names \(hard links\)/);
  assertEquals(Deno.readTextFileSync(file), "after");
  // A link that leads nowhere would make a file where somebody else wants it.
  Deno.symlinkSync(join(directory.path, "nowhere"), join(directory.path, "dangling"));
  refusal(join(directory.path, "dangling"));
  assertThrows(() => Deno.lstatSync(join(directory.path, "nowhere")), Deno.errors.NotFound);
});

Deno.test({
  name: `a stranger's file, link or directory is left alone${asRoot}`,
  ignore: !canChown,
  fn() {
    using directory = scratch();
    Deno.chmodSync(directory.path, 0o1777);
    const victim = join(directory.path, "victim");
    Deno.writeTextFileSync(victim, "root's own");
    const link = join(directory.path, "link");
    Deno.symlinkSync(victim, link);
    new Deno.Command("chown", { args: ["-h", `${STRANGER}`, link] }).outputSync();
    assertMatch(refusal(link), /reached over a link that user 1 has made/);
    const foreign = join(directory.path, "foreign");
    Deno.writeTextFileSync(foreign, "theirs");
    Deno.chownSync(foreign, STRANGER, STRANGER);
    assertMatch(refusal(foreign), /belongs to user 1/);
    const theirs = join(directory.path, "theirs");
    Deno.mkdirSync(theirs);
    Deno.chownSync(theirs, STRANGER, STRANGER);
    assertMatch(refusal(join(theirs, "x")), /would be below \S+theirs of user 1/);
    const open = join(directory.path, "open");
    Deno.mkdirSync(open);
    Deno.chmodSync(open, 0o777);
    assertMatch(refusal(join(open, "x")), /everybody can put a link/);
    const detour = join(directory.path, "detour");
    Deno.symlinkSync(directory.path, detour);
    new Deno.Command("chown", { args: ["-h", `${STRANGER}`, detour] }).outputSync();
    assertMatch(refusal(join(detour, "x")), /reached over a link that user 1 has made/);
    assertEquals(Deno.readTextFileSync(victim), "root's own");
    assertEquals(Deno.readTextFileSync(foreign), "theirs");
  },
});

/** What a process that root started by sudo for user 1 says when it opens `path`. */
function openBySudo(path: string): string {
  const code = `const { openOutputFile } = await import(${JSON.stringify(MODULE)});
    try { openOutputFile(${
    JSON.stringify(path)
  }, { option: "--write" }); console.log("opened, uid " + Deno.uid()); }
    catch (error) { console.log(error.message); }`;
  const { stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--cached-only", code],
    cwd: fromFileUrl(new URL(".", import.meta.url)),
    env: { SUDO_UID: `${STRANGER}`, SUDO_GID: `${STRANGER}` },
  }).outputSync();
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
}

Deno.test({
  name: `with sudo, files are made and judged with the rights of who called it${asRoot}`,
  ignore: !canChown,
  fn() {
    using directory = scratch();
    const roots = join(directory.path, "roots");
    assertMatch(openBySudo(roots), /cannot be written \(permission denied\)/);
    Deno.chmodSync(directory.path, 0o755);
    Deno.writeTextFileSync(roots, "root's own");
    assertMatch(openBySudo(roots), /belongs to user 0/);
    assertEquals(Deno.readTextFileSync(roots), "root's own");
    const home = join(directory.path, "home");
    Deno.mkdirSync(home);
    Deno.chownSync(home, STRANGER, STRANGER);
    const path = join(home, "x.pcapng");
    assertEquals(openBySudo(path), "opened, uid 0");
    const { uid, gid } = Deno.lstatSync(path);
    assertEquals([uid, gid, mode(path)], [STRANGER, STRANGER, 0o600]);
  },
});

Deno.test("the program's own streams are no files, by whatever name", () => {
  const names = ["/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/2"];
  for (const path of names) {
    const error = assertThrows(() => openOutputFile(path, { option: "--write" }), CliError);
    assertEquals(error.message.split(":")[0].startsWith(`${path} is a stream of this program`), true, path);
  }
});

Deno.test({
  name: "a file that is one of our standard streams is not emptied, whatever it is called",
  ignore: Deno.build.os === "windows",
  async fn() {
    using directory = scratch();
    const file = join(directory.path, "file");
    const link = join(directory.path, "link");
    Deno.symlinkSync(file, link);
    const code = `const { openOutputFile } = await import(${JSON.stringify(MODULE)});
      try { openOutputFile(Deno.args[0], { option: "--write" }); } catch (error) { Deno.exit(error.message.startsWith(
        Deno.args[0] + " is a stream of this program") ? 3 : 4); }`;
    for (const redirection of ['<"$1" >/dev/null', '>>"$1"', '2>>"$1"', ">/dev/null 2>&1", ">&- 2>&-"]) {
      for (const name of [file, link]) {
        Deno.writeTextFileSync(file, "before");
        const { code: status } = await new Deno.Command("sh", {
          args: [
            "-c",
            `"$0" eval --no-lock --cached-only "$3" "$2" ${redirection}`,
            Deno.execPath(),
            file,
            name,
            code,
          ],
          cwd: fromFileUrl(new URL(".", import.meta.url)),
          stdin: "null",
        }).output();
        const isStream = redirection.includes("$1");
        assertEquals([status, Deno.readTextFileSync(file)], isStream ? [3, "before"] : [0, ""], redirection);
      }
    }
  },
});
