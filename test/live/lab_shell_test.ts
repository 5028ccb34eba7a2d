/** `lab shell`: one command's lab, its exit status, its own lab, and what is left when any part of it is killed. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { findParts, type LabParts, namespaceNames, processesOf, seeGone } from "./lab_remains.ts";
import { LabScreen } from "./lab_screen.ts";
import { liveTest } from "./private_lab.ts";

const NO_PCAP = { pcap: false };

interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** What a script waits for in a loop may never be: then it is ended, as only a defect needs so long. */
const MOST_MS = 60_000;

async function run(words: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const [program, ...args] = words;
  const signal = AbortSignal.timeout(MOST_MS);
  const command = new Deno.Command(program, { args, stdin: "null", env, signal });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

const labShell = (...words: string[]) => run([...selfCommand(), "lab", "shell", ...words]);
const inShell = (script: string) => labShell("--", "sh", "-c", script);

liveTest("lab shell passes its command's exit status on: a number, 127, a signal's", NO_PCAP, async () => {
  assertEquals(await inShell("exit 5"), { code: 5, out: "", error: "" });
  assertEquals(await inShell("kill -SEGV $$"), { code: 139, out: "", error: "" });
  const line =
    `tcplab lab shell: there is no program "no-such-program" here: check the name, or install it\n`;
  assertEquals(await labShell("--", "no-such-program"), { code: 127, out: "", error: line });
});

liveTest("lab exec in a lab shell means that lab, with the same exit status", NO_PCAP, async () => {
  const { code, out, error } = await inShell(`
    tcplab lab exec server -- sh -c 'ip netns identify; exit 7'; echo $?
    tcplab lab exec client -- no-such-program; echo $?
    tcplab lab exec client -- sh -c 'kill -9 $$'; echo $?
    tcplab lab down; echo $?
    tcplab lab status`);
  assertEquals(code, 0, error);
  const [side, seven, notFound, killed, down, status, ...sides] = out.trimEnd().split("\n");
  assertEquals([side, seven, notFound, killed, down], ["server", "7", "127", "137", "1"]);
  assertEquals(status, "This shell is in a lab of its own, which is up; it goes when that shell ends.");
  assertEquals(sides.length, 3);
  assertEquals(error.trimEnd().split("\n"), [
    `tcplab lab exec: there is no program "no-such-program" here: check the name, or install it`,
    "tcplab lab: This lab is its shell's own: it goes when that shell ends (exit)",
  ]);
});

liveTest(
  "client in a lab shell connects from the client's side, and says how it failed",
  NO_PCAP,
  async () => {
    const { out, error } = await inShell(`
    tcplab client 10.33.0.1 9; echo $?
    tcplab client 10.33.0.77 9; echo $?
    tcplab client 198.51.100.1 9; echo $?
    ip netns exec client ip neigh replace 10.33.0.78 lladdr 02:00:00:00:00:01 dev veth-client
    tcplab client 10.33.0.78 9 --timeout 300ms; echo $?
    tcplab client 10.33.0.1 9 --count 30; echo $?`);
    assertEquals(out, "1\n1\n1\n1\n1\n", error);
    const lines = error.trimEnd().split("\n");
    const begins = [
      "tcplab client: Cannot connect to 10.33.0.1 port 9: refused: ",
      "tcplab client: Cannot connect to 10.33.0.77 port 9: unreachable: nobody answers for that address",
      "tcplab client: Cannot connect to 198.51.100.1 port 9: no route to that network from here: ",
      "tcplab client: Cannot connect to 10.33.0.78 port 9: no answer to the SYN within 0.3 s: ",
      "client: 0 of 30 connected",
      "tcplab client: 30 of 30 connections failed; the first: Cannot connect to 10.33.0.1 port 9: refused: ",
    ];
    assertEquals(lines.length, begins.length, error);
    begins.forEach((begin, row) => assertStringIncludes(lines[row], begin));
  },
);

liveTest("a thousand connections of client are open at once, and all close", {}, async () => {
  const { out, error } = await inShell(`
    ulimit -n 4096
    tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 --log none --app discard >/dev/null &
    until tcplab netstat | grep -q LISTEN; do sleep 0.1; done
    mkfifo /run/hold
    tcplab client 10.33.0.3 3333 --count 1000 --until-input-ends </run/hold & client=$!
    exec 3>/run/hold
    until [ $(tcplab lab netstat | grep -c '^tcplab .*ESTABLISHED') -eq 1000 ]; do sleep 0.1; done
    exec 3>&-
    wait $client; echo $?`);
  assertEquals(out, "0\n", error);
  assertStringIncludes(error, "client: 1000 of 1000 connected\nclient: 1000 closed\n");
});

liveTest("lab netstat says who knows of a connection: tcplab and the client's kernel", {}, async () => {
  const { code, out, error } = await inShell(`
    tcplab lab netstat; echo --
    tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3 --log none >/dev/null &
    until tcplab netstat | grep -q LISTEN; do sleep 0.1; done
    tcplab client 10.33.0.3 3333 --sleep 60 2>/dev/null & client=$!
    until tcplab lab netstat | grep -q "^tcplab .*ESTABLISHED"; do sleep 0.1; done
    tcplab lab netstat; kill $client`);
  assertEquals(code, 0, error);
  const [before, during] = out.split("--\n");
  assertEquals(
    before,
    `Who knows            Local Address         Foreign Address  State
tcplab               no server is running
the server's kernel  no TCP sockets
the client's kernel  no TCP sockets
`,
  );
  const [, port] = /10\.33\.0\.2:(\d+)/.exec(during) ?? [];
  assertEquals(
    during,
    `Who knows            Local Address    Foreign Address  State
tcplab               10.33.0.3:3333   *:*              LISTEN
tcplab               10.33.0.3:3333   10.33.0.2:${port}  ESTABLISHED
the server's kernel  no TCP sockets
the client's kernel  10.33.0.2:${port}  10.33.0.3:3333   ESTABLISHED
`,
  );
});

liveTest("nothing of a lab shell outlives it, whichever part is killed", NO_PCAP, async () => {
  const names = await namespaceNames();
  const parts: (keyof LabParts)[] = ["program", "holder", "first", "waiter", "command"];
  for (const part of parts) {
    const directory = await Deno.makeTempDir({ prefix: "tcplab-live-" });
    try {
      const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c"];
      // One that outlives its parent, and one that does not listen; both are there when the number is told.
      const script = `sleep 600 & trap '' TERM HUP; readlink /proc/self/ns/pid; while :; do sleep 1; done`;
      const child = new Deno.Command(program, {
        args: [...args, script],
        stdin: "null",
        stdout: "piped",
        stderr: "null",
        env: { TMPDIR: directory },
      }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const namespace = ((await reader.read()).value ?? "").trim();
      assertMatch(namespace, /^pid:\[\d+\]$/, part);
      assert(processesOf(namespace).length >= 3, part);
      Deno.kill(findParts(child.pid, namespace)[part], "SIGKILL");
      const { code, signal } = await child.status;
      assertEquals([code, signal], [137, part === "program" ? "SIGKILL" : null], part);
      await seeGone(namespace);
      await reader.cancel();
      assertEquals([...Deno.readDirSync(directory)], [], part);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
  assertEquals(await namespaceNames(), names);
});

liveTest("SIGTERM to lab shell asks its command to end, and waits for it", NO_PCAP, async () => {
  const [program, ...args] = [...selfCommand(), "lab", "shell", "--", "sh", "-c"];
  const script = `trap 'echo goodbye; exit 4' TERM; readlink /proc/self/ns/pid; while :; do sleep 0.05; done`;
  const child = new Deno.Command(program, { args: [...args, script], stdin: "null", stdout: "piped" })
    .spawn();
  const lines: string[] = [];
  let namespace = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    lines.push(text);
    if (namespace !== "") continue;
    namespace = text.trim();
    child.kill("SIGTERM");
  }
  assertEquals([(await child.status).code, lines.at(-1)], [4, "goodbye\n"]);
  await seeGone(namespace);
});

liveTest("Ctrl-C ends the command in a lab shell in its own way, and the lab after it", {
  ...NO_PCAP,
  needs: ["tmux"],
}, async () => {
  const script = `trap 'sleep 0.3; echo gracefully; exit 3' INT; echo ready; while :; do sleep 0.05; done`;
  const words = [...selfCommand(), "lab", "shell", "--", "sh", "-c", script];
  await using screen = await LabScreen.start(words, { columns: 80, rows: 24 });
  await screen.see(/^ready$/m, "the command runs");
  await screen.type("C-c");
  const text = await screen.see(/^ended with/m, "lab shell ends");
  assertMatch(text, /gracefully\n+ended with 3\n/);
});
