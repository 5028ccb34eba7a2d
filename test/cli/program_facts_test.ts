/** What the program says of itself: version, documents, environment; each is as the sources and the files have it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ENVIRONMENT } from "../../scripts/compile.ts";
import { projectFiles, readProjectFile } from "../../scripts/project_files.ts";
import { checkoutInfo, parseBuildInfo } from "../../src/cli/build_info.ts";
import { DOCUMENTS } from "../../src/cli/documents.ts";
import { ENVIRONMENT_VARIABLES } from "../../src/cli/environment.ts";
import { selfCommand } from "../../src/cli/self_command.ts";

async function tcplab(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

Deno.test("--version: program and Deno, commit, V8, libpcap; also where there is no libpcap", async () => {
  const [program, commit, v8, libpcap, ...rest] = (await tcplab(["--version"])).split("\n");
  assert(/^tcplab \d+\.\d+\.\d+ \(Deno \d+\.\d+\.\d+, \w+ \w+\)$/.test(program), program);
  const build = checkoutInfo();
  const said = build === null ? "unknown" : `${build.commit} of ${build.date}`;
  assert(commit.startsWith(`commit   ${said}`), commit);
  assertEquals(v8, `V8       ${Deno.version.v8}`);
  assert(/^libpcap {2}(?:\d+\.\d+|not found)/.test(libpcap), libpcap);
  assertEquals(rest, [""]);
  const without = await tcplab(["--version"], { TCPLAB_PCAP_LIBRARY: "/nowhere/libpcap.so" });
  assertStringIncludes(without, "\nlibpcap  not found (tcplab doctor says what to do)\n");
});

function gitIn(directory: string, ...words: string[]): void {
  const { success, stderr } = new Deno.Command("git", {
    args: ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@example.org", ...words],
  }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

Deno.test("the commit of a checkout, with changes or without; none elsewhere, or inside another checkout", async () => {
  const directory = await Deno.makeTempDir();
  const url = new URL(`file://${directory}/`);
  try {
    assertEquals(checkoutInfo(url), null);
    gitIn(directory, "init", "--quiet");
    assertEquals(checkoutInfo(url), null, "no commit yet");
    await Deno.writeTextFile(`${directory}/file`, "1");
    gitIn(directory, "add", "file");
    gitIn(directory, "commit", "--quiet", "--message=one");
    const clean = checkoutInfo(url);
    assert(clean !== null && /^[0-9a-f]{12}$/.test(clean.commit), JSON.stringify(clean));
    assert(/^\d{4}-\d\d-\d\d$/.test(clean.date), clean.date);
    assertEquals(clean.hasChanges, false);
    await Deno.writeTextFile(`${directory}/new`, "not of the commit, and none of its business");
    assertEquals(checkoutInfo(url), clean);
    await Deno.writeTextFile(`${directory}/file`, "2");
    assertEquals(checkoutInfo(url), { ...clean, hasChanges: true });
    await Deno.mkdir(`${directory}/inside`);
    assertEquals(checkoutInfo(new URL("inside/", url)), null);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the commit that a binary carries", () => {
  const info = { commit: "0123456789ab", date: "2026-01-02", hasChanges: false };
  assertEquals(parseBuildInfo(JSON.stringify(info)), info);
  assertEquals(parseBuildInfo("null"), null);
});

Deno.test("--help names every document, and none that is not there", async () => {
  const help = await tcplab(["--help"]);
  for (const [path] of DOCUMENTS) assertStringIncludes(help, `  ${path} `);
  const pages = projectFiles("docs").filter((path) => path.endsWith(".md"));
  assertEquals(DOCUMENTS.map(([path]) => path).filter((path) => path !== "README.md").sort(), pages);
});

/** Files in which the environment is read by a name that is handed to them. */
const HANDED_ON: readonly string[] = ["src/cli/terminal.ts", "src/runtime/run_directory.ts"];

Deno.test("--help names every variable that the program reads, and no other; the binary may read each", async () => {
  const read = new Set<string>();
  const handedOn = new Set<string>();
  for (const path of ["src", "ffi"].flatMap((folder) => projectFiles(folder))) {
    const text = readProjectFile(path);
    for (const [, name] of text.matchAll(/\b(?:env|environmentVariable|env\.get)\(\s*"(\w+)"/g)) {
      read.add(name);
    }
    for (const [, name] of text.matchAll(/_VARIABLE = "(\w+)"/g)) read.add(name);
    for (const [, name] of text.matchAll(/\bDeno\.env\.get\(\s*([A-Za-z]\w*)/g)) {
      if (!/_VARIABLE$/.test(name)) handedOn.add(path);
    }
    assert(!/\bDeno\.env\.toObject\b/.test(text), `${path} reads the whole environment`);
  }
  assertEquals([...handedOn].sort(), HANDED_ON, "who else reads a variable whose name is not beside it?");
  const names = ENVIRONMENT_VARIABLES.map(([name]) => name);
  assertEquals([...names].sort(), [...read].sort());
  const help = await tcplab(["--help"]);
  for (const name of names) {
    assertStringIncludes(help, `  ${name} `);
    const mayRead = ENVIRONMENT.some((one) =>
      one === name || one.endsWith("*") && name.startsWith(one.slice(0, -1))
    );
    assert(mayRead, name);
  }
});
