/** Completion: what is offered, asked of the scripts in the shells themselves where these are installed. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bashCompletion } from "../../src/cli/completion_bash.ts";
import { fishCompletion } from "../../src/cli/completion_fish.ts";
import { completionOf } from "../../src/cli/completion_model.ts";
import { zshCompletion } from "../../src/cli/completion_zsh.ts";
import { COMMANDS, loadCommands } from "../../src/cli/main.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { OFFERED_APPLICATIONS } from "../../src/app/applications.ts";

const commands = completionOf(await loadCommands());

/** What is to be offered for the last of the words. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["tcplab se", ["serve"]],
  ["tcplab --", ["--help", "--version"]],
  ["tcplab serve --lo", ["--log", "--log-file", "--log-limit"]],
  ["tcplab serve --log ", ["json", "none", "text", "tui"]],
  ["tcplab serve --log=t", ["text", "tui"]],
  ["tcplab serve --tx ba", ["batch"]],
  ["tcplab serve --mac ", ["auto", "device"]],
  ["tcplab serve --app ", OFFERED_APPLICATIONS.map(({ name }) => name).toSorted()],
  ["tcplab serve --ip ", []],
  ["tcplab connect 10.0.0.1 80 --tx g", ["gso"]],
  ["tcplab connect 10.0.0.1 --serv", []],
  ["tcplab why arrives.check2", [
    "arrives.check2.rst",
    "arrives.check2.rst-challenge",
    "arrives.check2.rst-in-window",
    "arrives.check2.rst-syn-rcvd",
  ]],
  ["tcplab why LISTEN --json TIME", ["TIME_WAIT"]],
  ["tcplab why serve --lo", []],
  ["tcplab lab ", ["down", "exec", "netstat", "shell", "status", "up"]],
  ["tcplab lab --mtu 1500 exec ", ["client", "client2", "client3", "router", "server", "switch"]],
  ["tcplab lab exec server ", []],
  ["tcplab completion z", ["zsh"]],
  ["tcplab serve --show fau", ["faults"]],
  ["tcplab serve --show data,fau", ["faults"]],
  ["tcplab serve --show data,arp,fau", ["faults"]],
  ["tcplab serve --show=data,fau", ["faults"]],
  ["tcplab explain LICEN", ["LICENSE"]],
  ["tcplab explain --json scripts/explain_s", ["scripts/explain_speed.ts"]],
  ["tcplab explain LICENSE LICEN", []],
  ["tcplab explain LICENSE dport = LICEN", []],
  ...["svg", "html", "script", "qlog"].map((name) =>
    [`tcplab explain --${name} LICEN`, ["LICENSE"]] as const
  ),
  ["tcplab explain --side ", ["client", "server"]],
  ["tcplab play --scenario zero", ["zero-window"]],
  ["tcplab play --output LICEN", ["LICENSE"]],
  ["tcplab play LICEN", []],
  ["tcplab nothing --lo", []],
];

function hasShell(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["-c", "exit"] }).outputSync().success;
  } catch {
    return false;
  }
}

/** A test that asks a shell; where that is not installed, its name says so. */
function shellTest(shell: string, what: string, fn: () => Promise<void>): void {
  const ignore = !hasShell(shell);
  Deno.test({ name: `${shell} ${what}${ignore ? ` (ignored: ${shell} is not installed)` : ""}`, ignore, fn });
}

/** What a shell prints, given a script of its own language. */
async function said(shell: string, options: { args?: readonly string[]; script: string }): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, options.script);
    const { success, stdout, stderr } = await new Deno.Command(shell, {
      args: [...options.args ?? [], file],
      stdin: "null",
    }).output();
    assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(file);
  }
}

/** One line for each case, with what is offered in alphabetical order. */
function assertCases(output: string): void {
  const lines = output.trimEnd().split("\n").map((line) => line.split(" ").filter(Boolean).sort());
  assertEquals(lines.length, CASES.length, output);
  for (const [i, [line, offered]] of CASES.entries()) {
    // Of a list, what stands before the last comma is typed already; a shell may offer it again or not.
    const words = lines[i].filter((word) => word !== ":").map((word) => word.replace(/^.*,/, ""));
    assertEquals(words, [...offered], line);
  }
}

/** The words of a line as the shell's own variables have them, in quotes; `--log=t` is three words for bash. */
function quotedWords(line: string, splitsAtEquals: boolean): string {
  const words = line.split(" ").flatMap((word) =>
    splitsAtEquals ? word.split(/(=)/).filter((part, i) => i === 0 || part !== "") : [word]
  );
  return words.map((word) => `'${word}'`).join(" ");
}

shellTest("bash", "offers what is to be offered", async () => {
  const script = bashCompletion(commands) + `
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tcplab; echo ": \${COMPREPLY[*]}"; }
${CASES.map(([line]) => `try ${quotedWords(line, true)}`).join("\n")}
`;
  assertCases(await said("bash", { args: ["--norc", "--noprofile"], script }));
});

/** zsh's own functions work only while somebody types: these stand for them, and gather what is offered. */
const ZSH_STAND_INS = `
compdef() { : }
compadd() {
  while [[ $1 != -- ]]; do shift; done
  shift
  for word in "$@"; do if [[ $word == \${PREFIX}* ]]; then got+=($word); fi; done
}
compset() { if [[ $2 == 1 ]]; then PREFIX=\${PREFIX#\${~3}}; else PREFIX=\${PREFIX##\${~2}}; fi }
_describe() { compadd -- \${\${(P)@[-1]}%%:*} }
_files() { compadd -- \${PREFIX}*(N) }
`;

shellTest("zsh", "offers what is to be offered, by source and as a file of the fpath", async () => {
  const tries = `
try() { words=("$@"); CURRENT=$#; PREFIX=\${@[-1]}; got=(); _tcplab; print ": $got" }
${CASES.map(([line]) => `try ${quotedWords(line, false)}`).join("\n")}
`;
  assertCases(await said("zsh", { args: ["-f"], script: ZSH_STAND_INS + zshCompletion(commands) + tries }));
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/_tcplab`, zshCompletion(commands));
    const script = `${ZSH_STAND_INS}\nfpath=('${directory}' $fpath)\nautoload -Uz _tcplab\n${tries}`;
    assertCases(await said("zsh", { args: ["-f"], script }));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

shellTest("fish", "offers what is to be offered", async () => {
  const script = fishCompletion(commands) +
    CASES.map(([line]) =>
      `echo : (complete -C '${line}' | string replace -r '\\t.*' '' | string replace -r '^--[a-z]+=' '')`
    ).join("\n");
  assertCases(await said("fish", { args: ["--no-config"], script }));
});

Deno.test("devices, files and users are the shell's own to find", () => {
  const serve = commands.find(({ name }) => name === "serve");
  const offerOf = (long: string) => serve?.options.find((option) => option.long === long)?.offer ?? null;
  assertEquals(offerOf("--iface"), { kind: "interfaces" });
  assertEquals(offerOf("--write"), { kind: "files" });
  assertEquals(offerOf("--user"), { kind: "users" });
  assertEquals(offerOf("--once"), null);
  for (const script of [bashCompletion(commands), zshCompletion(commands), fishCompletion(commands)]) {
    assertStringIncludes(script, "/sys/class/net");
  }
});

Deno.test("a letter that is a value by itself is offered with its meaning, and takes none", () => {
  const time = commands.flatMap(({ options }) => options).find(({ long }) => long === "--time");
  assertEquals([time?.short, time?.isShortAlone, time?.takesValue], ["-t", true, true]);
  const fish = fishCompletion(commands);
  assert(/^complete -c tcplab -n '__tcplab_in serve' -s t -d 'the time column/m.test(fish));
  assert(/^complete -c tcplab -n '__tcplab_in serve' -l time -x -a '[^']*' -d 'the time column/m.test(fish));
  for (
    const [script, before] of [[bashCompletion(commands), '"'], [zshCompletion(commands), "'"], [fish, "'"]]
  ) {
    assertStringIncludes(script, `${before}serve --time${before}`);
    assert(!script.includes(`${before}serve -t${before}`));
    assertStringIncludes(script, `${before}serve -i${before}`);
  }
});

const LIST_SYNTAX = {
  command: "x",
  synopsis: "",
  description: "",
  options: [{ name: "show", kind: "list", value: "LIST", help: "", choices: ["data", "drops"] }],
} as const;
const [x] = completionOf([
  { name: "x", summary: "", usage: "", syntax: LIST_SYNTAX, run: () => Promise.resolve(0) },
]);

Deno.test("a list is known as one", () => {
  assertEquals(x.options[0].offer, { kind: "words", words: ["data", "drops"], isList: true });
});

shellTest("bash", "keeps what stands before the last comma of a list", async () => {
  const script = bashCompletion([x]) +
    'COMP_WORDS=(tcplab x --show data,dr); COMP_CWORD=3; _tcplab; echo "${COMPREPLY[*]}"';
  assertEquals(await said("bash", { args: ["--norc"], script }), "data,drops\n");
});

Deno.test("every command and every option is in every script", async () => {
  const syntaxes = (await loadCommands()).map(({ syntax }) => syntax);
  assertEquals(commands.map(({ name }) => name), COMMANDS.map(({ name }) => name));
  for (const [i, { options }] of syntaxes.entries()) {
    const names = options.map(({ name }) => `--${name}`);
    assertEquals(commands[i].options.map(({ long }) => long), [...names, "--help"]);
  }
  const fish = fishCompletion(commands);
  for (const { name, options } of commands) {
    for (const { long } of options) {
      assert(fish.includes(`'__tcplab_in ${name}' -l ${long.slice(2)}`), `${name} ${long}`);
    }
  }
});

Deno.test("tcplab completion: a script on stdout; another word is an error with what there is", async () => {
  const [program, ...words] = selfCommand();
  const run = (shell: string) =>
    new Deno.Command(program, { args: [...words, "completion", shell] }).output();
  const bash = await run("bash");
  assertEquals([bash.code, new TextDecoder().decode(bash.stdout)], [0, bashCompletion(commands)]);
  const other = await run("fihs");
  assertEquals([other.code, other.stdout.length], [2, 0]);
  assertStringIncludes(
    new TextDecoder().decode(other.stderr),
    'There is no completion for "fihs": did you mean fish?',
  );
});
