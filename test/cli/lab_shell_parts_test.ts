/** What a lab's shell is made of, without a lab: rights, the way of a command, the panes, the table of netstat. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { orNotFound, throughWaiter } from "../../src/cli/attached_process.ts";
import { CliError } from "../../src/cli/command.ts";
import { planLab } from "../../src/cli/lab_plan.ts";
import type { KernelSocket } from "../../src/cli/kernel_sockets.ts";
import { labSocketsText } from "../../src/cli/lab_netstat.ts";
import { chooseSniffer, paneScript } from "../../src/cli/lab_panes.ts";
import { shellFiles } from "../../src/cli/lab_prompts.ts";
import { demandLabRights } from "../../src/cli/lab_rights.ts";
import { ownLab } from "../../src/cli/own_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { screenful } from "../../src/cli/watch_page.ts";

/** A line of /proc/self/status with these capabilities. */
const holding = (...bits: number[]) =>
  `CapEff:\t${bits.reduce((sum, bit) => sum | 1n << BigInt(bit), 0n).toString(16).padStart(16, "0")}\n`;

Deno.test({
  name: "named labs are for root with the rights to make devices and namespaces",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    demandLabRights("up", { uid: 0, status: holding(12, 21) });
    // What cannot be read is tried.
    demandLabRights("up", { uid: 0, status: null });
    const ordinary = assertThrows(
      () => demandLabRights("up", { uid: 1000, status: holding(12, 21) }),
      CliError,
    );
    assert(
      ordinary.message.startsWith("lab up needs root, for namespaces with names: run it with sudo, or use "),
    );
    const bare = assertThrows(() => demandLabRights("down", { uid: 0, status: holding(12) }), CliError);
    assertStringIncludes(bare.message, "lab down: this root lacks CAP_SYS_ADMIN, as in a container");
    const none = assertThrows(() => demandLabRights("exec", { uid: 0, status: holding() }), CliError);
    assertStringIncludes(none.message, "CAP_NET_ADMIN and CAP_SYS_ADMIN");
  },
});

/** Runs words; gives status, stdout and stderr. */
async function run(words: readonly string[]): Promise<[number, string, string]> {
  const [program, ...args] = words;
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
}

Deno.test("a command that is not there is 127 and a line, one that is keeps its words and its status", async () => {
  const options = { who: "tcplab lab exec", cwd: "/" };
  assertEquals(await run(orNotFound(["no-such-program", "x"], options)), [
    127,
    "",
    `tcplab lab exec: there is no program "no-such-program" here: check the name, or install it\n`,
  ]);
  const script = `pwd; printf '<%s>' "$@"; exit 9`;
  assertEquals(await run(orNotFound(["sh", "-c", script, "sh", "a b", "", "$x"], options)), [
    9,
    "/\n<a b><><$x>",
    "",
  ]);
  assertEquals(await run(orNotFound(["true"], { who: "x", cwd: "/nonexistent" })), [0, "", ""]);
});

Deno.test("who waits for a command outlives Ctrl-C, and the command does not", async () => {
  // The one in between tells what it ignores; then the command does.
  const told = `grep SigIgn /proc/self/status`;
  const between = (words: readonly string[]) => ["sh", "-c", `${told}; "$@"`, "sh", ...words];
  const [code, out] = await run(await throughWaiter(["sh", "-c", told], between));
  assertEquals(code, 0);
  const [waiter, command] = out.trim().split("\n").map((line) => BigInt(`0x${line.split(/\s+/)[1]}`));
  // SIGINT 2, SIGQUIT 3, SIGTERM 15: bits count from signal 1.
  const passedBy = [2, 3, 15].reduce((sum, signal) => sum | 1n << BigInt(signal - 1), 0n);
  assertEquals([waiter & passedBy, command & passedBy], [passedBy, 0n]);
});

Deno.test("outside of a lab's shell there is no own lab", () => assertEquals(ownLab(), null));

Deno.test("the wire is watched by tshark, by tcpdump where it can give up root, else in the server's log", () => {
  const choose = (isRoots: boolean, ...installed: string[]) =>
    chooseSniffer(isRoots, (name) => installed.includes(name));
  assertEquals(choose(false, "tshark", "tcpdump"), "tshark");
  assertEquals(choose(true, "tcpdump"), "tcpdump");
  assertEquals(choose(false, "tcpdump"), "log");
  assertEquals(choose(true), "log");
});

Deno.test("without a sniffer the server's suggestion keeps the log that the wire's pane shows", async () => {
  const script = paneScript(planLab(), { sniffer: "log", counter: "ss" });
  const log = "/run/tcplab-lab/log";
  assertStringIncludes(script, `  tcplab serve --iface veth-server --ip 10.33.0.3 | tee ${log}`);
  assertStringIncludes(script, `tail -n +1 -F ${log}`);
  assertStringIncludes(script, "tcplab lab exec client -- ss -tan");
  for (const sniffer of ["log", "tshark", "tcpdump"] as const) {
    assertEquals(await run(["sh", "-n", "-c", paneScript(planLab(), { sniffer, counter: "netstat" })]), [
      0,
      "",
      "",
    ]);
  }
});

Deno.test("every suggestion of the panes fits into 80 columns", () => {
  for (const sniffer of ["log", "tshark", "tcpdump"] as const) {
    const script = paneScript(planLab(), { sniffer, counter: "netstat" });
    const said = [...script.matchAll(/^ {2}printf '%s\\n' (.*)$/gm)].flatMap(([, words]) =>
      words.split("' '")
    );
    assert(said.length >= 4, script);
    for (const line of said) assert(line.replace(/'/g, "").length < 80 || line.includes("tail -n"), line);
  }
});

Deno.test("the lab's program starts this one again, whatever its path", () => {
  const files = shellFiles(["/a b/deno", "run", "it's.ts"]);
  const program = files.find(({ path }) => path.endsWith("/bin/tcplab"));
  assertEquals(program?.text, `#!/bin/sh\nexec '/a b/deno' run 'it'\\''s.ts' "$@"\n`);
});

const kernels = (server: KernelSocket[], client: KernelSocket[]) =>
  [{ side: "server", sockets: server }, { side: "client", sockets: client }] as const;
const EMPTY = { servers: [], kernels: kernels([], []) };

Deno.test("a table of nothing says of each of the three that it knows nothing", () => {
  const lines = labSocketsText(EMPTY, { color: false }).split("\n");
  assertEquals(lines.length, 4);
  assertEquals(lines.slice(1), [
    "tcplab               no server is running",
    "the server's kernel  no TCP sockets",
    "the client's kernel  no TCP sockets",
  ]);
});

Deno.test("kernel sockets of both families, and addresses of both, are rows", () => {
  const socket = {
    localAddress: Uint8Array.of(0, 0, 0, 0),
    localPort: 22,
    peerAddress: Uint8Array.of(0, 0, 0, 0),
    peerPort: 0,
    state: "LISTEN" as const,
    receiveQueue: 0,
    sendQueue: 0,
  };
  const wide = {
    ...socket,
    localAddress: new Uint8Array(16).fill(1),
    peerPort: 7,
    peerAddress: new Uint8Array(16).fill(2),
  };
  const text = labSocketsText({ ...EMPTY, kernels: kernels([socket], [wide]) }, { color: false });
  const cells = text.split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(cells[2], ["the server's kernel", "0.0.0.0:22", "*:*", "LISTEN"]);
  assertEquals(cells[3].slice(1, 3), [
    "[101:101:101:101:101:101:101:101]:22",
    "[202:202:202:202:202:202:202:202]:7",
  ]);
});

Deno.test("a page for a window is never longer than it, and says what it leaves out", () => {
  const page = (text: string, rows: number) => screenful(text, { rows }).replaceAll("\x1b[", "ESC");
  assertEquals(page("a\nb", 3), "ESCHaESCK\r\nbESCKESCJ");
  assertEquals(page("a\nb\nc\nd", 3), "ESCHaESCK\r\nbESCK\r\n(2 lines more)ESCKESCJ");
  assertEquals(page("a\nb\nc\nd", 4).includes("more"), false);
});

Deno.test("lab refuses options and words that would mean nothing, before it does anything", async () => {
  const [program, ...rest] = selfCommand();
  for (
    const [words, reason] of [
      ["up --tmux", "--tmux goes with lab shell, not with lab up"],
      ["status --watch", "--watch goes with lab netstat, not with lab status"],
      ["exec server --mtu 1400 -- true", "--mtu goes with lab up and lab shell, not with lab exec"],
      ["shell --tmux -- sh", "lab shell --tmux takes no command: its panes have shells"],
      ["netstat -- sh", "lab netstat takes no command after --"],
    ]
  ) {
    const [code, out, error] = await run([program, ...rest, "lab", ...words.split(" ")]);
    assertEquals([code, out, error.split("\n")[0]], [2, "", `tcplab lab: ${reason}`]);
  }
});
