/** The command line as a process: exit status, and what goes to stdout and what to stderr. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isForAPerson, synopsisOf, UsageError } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/main.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { wantsColor } from "../../src/cli/terminal.ts";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function tcplab(...args: string[]): Promise<Result> {
  const [program, ...words] = selfCommand();
  const command = new Deno.Command(program, {
    args: [...words, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

Deno.test("help and version go to stdout, with status 0", async () => {
  const help = await tcplab("--help");
  assertEquals([help.code, help.error], [0, ""]);
  for (const { name } of COMMANDS) assertStringIncludes(help.out, `  ${name} `);
  const version = await tcplab("--version");
  assertEquals([version.code, version.error], [0, ""]);
  assert(/^tcplab \d+\.\d+\.\d+ \(Deno /.test(version.out), version.out);
});

Deno.test("wrong usage is one line and the usage on stderr, with status 2", async () => {
  for (const args of [["sevre"], ["interfaces", "--jsn"], ["interfaces", "x"], ["--frobnicate"]]) {
    const { code, out, error } = await tcplab(...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    const [line, usage, ...rest] = error.trimEnd().split("\n");
    assert(line.startsWith("tcplab") && usage.startsWith("Usage: tcplab"), error);
    assertEquals(rest, []);
  }
});

Deno.test("a failure is one line on stderr, with status 1", async () => {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, "interfaces"],
    env: { TCPLAB_PCAP_LIBRARY: "/nowhere/libpcap.so" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const error = new TextDecoder().decode(stderr);
  assertEquals([code, stdout.length, error.trimEnd().split("\n").length], [1, 0, 1], error);
  assertStringIncludes(error, "tcplab interfaces: libpcap could not be loaded");
});

Deno.test({
  name: "output that finds no room is one line and status 1, whatever the command",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const [program, ...words] = selfCommand();
    for (const args of [["table"], ["--help"], ["netstat", "--json"], ["demo", "--link", "memory"]]) {
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", 'exec "$@" >/dev/full', "sh", program, ...words, ...args],
        stdin: "null",
      }).output();
      const name = args[0].startsWith("-") ? "tcplab" : `tcplab ${args[0]}`;
      const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
      // Before it, netstat says who else runs servers on this host.
      const said = lines.filter((line) => !/^(?:\d+ servers?|Servers) (?:of|in) /.test(line));
      assertEquals([code, said], [
        1,
        [`${name}: Standard output cannot be written (no space left on device): make room there, or send it elsewhere`],
      ]);
    }
  },
});

Deno.test("the demo without libpcap plays in memory and says why, unless a lab was asked for by name", async () => {
  const [program, ...words] = selfCommand();
  const demo = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...words, "demo", ...args],
      env: { TCPLAB_PCAP_LIBRARY: "/nowhere/libpcap.so" },
      stdin: "null",
    }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, error };
  };
  const { code, out, error } = await demo();
  assertEquals([code, error], [0, ""]);
  const [why, what] = out.split("\n");
  assertStringIncludes(why, "libpcap could not be loaded");
  assertStringIncludes(what, "plays in memory instead");
  assertStringIncludes(out, "All seen.");
  const named = await demo("--link", "lab");
  assertEquals([named.code, named.out, named.error.trimEnd().split("\n").length], [1, "", 1], named.error);
  assertStringIncludes(named.error, "libpcap could not be loaded");
  assertStringIncludes(named.error, "try --link memory");
});

Deno.test("every command explains itself and is listed as it calls itself", async () => {
  for (const entry of COMMANDS) {
    const command = await entry.load();
    assertEquals([command.name, command.summary], [entry.name, entry.summary]);
    assert(command.usage.startsWith(`Usage: tcplab ${entry.name}`), command.usage);
    assert(!entry.summary.endsWith("."));
  }
});

Deno.test("colours are for terminals, and never against NO_COLOR", () => {
  const term = "xterm-256color";
  assertEquals(wantsColor(true, { noColor: undefined, term }), true);
  assertEquals(wantsColor(true, { noColor: "", term }), true);
  assertEquals(wantsColor(true, { noColor: "1", term }), false);
  assertEquals(wantsColor(true, { noColor: undefined, term: "dumb" }), false);
  assertEquals(wantsColor(false, { noColor: undefined, term }), false);
});

Deno.test("errors for a person are known by name, and a synopsis ends at the empty line", () => {
  assertEquals(isForAPerson(new UsageError("x")), true);
  assertEquals(isForAPerson(new TypeError("x")), false);
  assertEquals(synopsisOf("Usage: a\n\nmore"), "Usage: a");
  assertEquals(synopsisOf("Usage: a\n"), "Usage: a");
});

Deno.test("the lab's table is six rows of the whole, in order", async () => {
  const { code, out } = await tcplab("table", "--lab", "--format", "json");
  const rows: { from: string; to: string }[] = JSON.parse(out);
  assertEquals(code, 0);
  assertEquals(rows.map(({ from, to }) => `${from} ${to}`), [
    "CLOSED LISTEN",
    "LISTEN SYN_RCVD",
    "SYN_RCVD ESTABLISHED",
    "ESTABLISHED CLOSE_WAIT",
    "CLOSE_WAIT LAST_ACK",
    "LAST_ACK CLOSED",
  ]);
});
