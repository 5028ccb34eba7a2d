/** `tcplab run` as a process: verdicts for people and for programs, exit status, bounds, recordings, several processes; nothing of a script is carried out. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PERMISSIONS } from "../../scripts/compile.ts";
import { selfCommand } from "../../src/cli/self_command.ts";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function tcplab(cwd: string, ...args: string[]): Promise<Result> {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, "run", ...args],
    cwd,
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

const OPENED = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
`;
const SCRIPTS: Readonly<Record<string, string>> = {
  "pass.pkt": `${OPENED}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n`,
  "fail.pkt": `${OPENED}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 7\n`,
  "deeper/unsupported.pkt": `${OPENED}+0 vmsplice(4, 0, 0, 0) = 0\n`,
  "deeper/error.pkt": `${OPENED}+0 > Q 1:1(0) ack 1\n`,
  "not a script.txt": "never read",
};

async function withScripts(
  scripts: Readonly<Record<string, string>>,
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(scripts)) {
      const path = `${directory}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a directory: a line a script, a failure with line, caret, both sides and our rule, and what is not there", () =>
  withScripts(SCRIPTS, async (directory) => {
    const { code, out, error } = await tcplab(directory, ".");
    assertEquals([code, error], [2, ""]);
    const lines = out.trimEnd().split("\n");
    const from = lines.findIndex((line) => line.startsWith("fail"));
    assertEquals(lines.slice(from, from + 7), [
      "fail        fail.pkt:9: acknowledgment",
      "     9 | +0 > P. 1:1001(1000) ack 7",
      "       |    ^",
      "       expected  0.100000 > P. 1:1001(1000) ack 7",
      lines[from + 4],
      lines[from + 5],
      "       rule      send.data (RFC 9293 §3.10.2): tcplab why send.data",
    ]);
    assertMatch(lines[from + 4], /^ {7}actual {4}0\.100000 > P\. 1:1001\(1000\) ack 1$/);
    // Under what is not as it should be, and under nothing else.
    assertEquals(lines[from + 5].indexOf("^"), lines[from + 4].length - 1);
    assertStringIncludes(out, "pass        pass.pkt  0.100 s\n");
    assertStringIncludes(out, "unsupported deeper/unsupported.pkt:8: vmsplice()\n");
    assertMatch(out, /^error {7}deeper\/error\.pkt:8: expected TCP flags .*, found "Q"$/m);
    assertMatch(out, /^1 passed, 1 failed, 1 unsupported, 1 not readable \(4 scripts, \d+\.\d\d s\)$/m);
    assertStringIncludes(out, "\nunsupported:\n     1  vmsplice()\n");
    assert(!out.includes("\x1b"), "no colour where there is no terminal");
  }));

Deno.test("exit status: 0 all passed, 1 failed or unsupported, 2 not readable; --skip-unsupported", () =>
  withScripts(SCRIPTS, async (directory) => {
    const status = async (...args: string[]) => (await tcplab(directory, ...args)).code;
    assertEquals(await status("pass.pkt"), 0);
    assertEquals(await status("pass.pkt", "fail.pkt"), 1);
    assertEquals(await status("pass.pkt", "deeper/unsupported.pkt"), 1);
    assertEquals(await status("pass.pkt", "deeper/unsupported.pkt", "--skip-unsupported"), 0);
    assertEquals(await status("deeper/error.pkt", "fail.pkt"), 2);
  }));

Deno.test("--json, with one process and with several: the same, in the same order; times aside", () =>
  withScripts(SCRIPTS, async (directory) => {
    const one = await tcplab(directory, "--json", ".");
    const several = await tcplab(directory, "--json", "--jobs", "3", ".");
    assertEquals([one.code, several.code, several.error], [2, 2, ""]);
    const reports = JSON.parse(one.out);
    assertEquals(reports.counts, { pass: 1, fail: 1, unsupported: 1, error: 1 });
    const [error, unsupported, fail, pass] = reports.scripts;
    assertEquals([error.script, error.verdict, error.line, error.column], [
      "deeper/error.pkt",
      "error",
      8,
      6,
    ]);
    assertEquals([unsupported.verdict, unsupported.line, unsupported.reason], [
      "unsupported",
      8,
      "vmsplice()",
    ]);
    assertEquals([fail.verdict, fail.line, fail.reason, fail.rule, fail.rfc], [
      "fail",
      9,
      "acknowledgment",
      "send.data",
      "RFC 9293 §3.10.2",
    ]);
    assertEquals(fail.expected, "0.100000 > P. 1:1001(1000) ack 7");
    assertEquals([pass.verdict, pass.line, pass.reason, pass.virtualMs], ["pass", null, null, 100]);
    const timeless = (text: string) => text.replace(/"realMs": [\d.e-]+/g, "");
    assertEquals(timeless(several.out), timeless(one.out));
  }));

Deno.test("--tap and --junit say the same to other programs; a construct that is skipped is said to be", () =>
  withScripts(SCRIPTS, async (directory) => {
    const { out } = await tcplab(directory, "--tap", "--junit", "report.xml", "--skip-unsupported", ".");
    assertMatch(out, /^TAP version 13\n1\.\.4\nnot ok 1 - deeper\/error\.pkt\n {2}---\n/);
    assertStringIncludes(out, "\nok 2 - deeper/unsupported.pkt # SKIP unsupported: vmsplice()\n");
    assertMatch(out, /\nnot ok 3 - fail\.pkt\n {2}---\n {2}verdict: "fail"\n {2}line: 9\n/);
    assertStringIncludes(out, "\nok 4 - pass.pkt\n");
    const xml = await Deno.readTextFile(`${directory}/report.xml`);
    assertMatch(
      xml,
      /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="tcplab run" tests="4" failures="1" errors="1" skipped="1"/,
    );
    assertStringIncludes(xml, '<skipped message="line 8: vmsplice()"/>');
    assertStringIncludes(xml, "expected: 0.100000 &gt; P. 1:1001(1000) ack 7");
  }));

Deno.test("names and reasons from outside are safe in every form", () =>
  withScripts(
    { 'a#b\u001b[31m<&>".pkt': `${OPENED}+0 write(4, "\\x1b]0;x", 6) = 7\n` },
    async (directory) => {
      const text = await tcplab(directory, ".");
      // deno-lint-ignore no-control-regex -- a command for a terminal is what is looked for.
      assert(!/\x1b/.test(text.out), text.out);
      const { out } = await tcplab(directory, "--tap", "--junit", "r.xml", ".");
      assertMatch(out, /^not ok 1 - a\\#b \[31m<&>"\.pkt$/m);
      const xml = await Deno.readTextFile(`${directory}/r.xml`);
      // deno-lint-ignore no-control-regex -- XML 1.0 §2.2 forbids it.
      assert(!/[\x00-\x09\x0b-\x1f]/.test(xml));
      assertStringIncludes(xml, "&lt;&amp;&gt;&quot;.pkt");
    },
  ));

Deno.test("--trace: each step with its time and line, and what the stack did, with rules", () =>
  withScripts(SCRIPTS, async (directory) => {
    const { out } = await tcplab(directory, "--trace", "pass.pkt");
    assertMatch(out, /^ {3}0\.000000 {6}4 {2}\+0 < S 0:0\(0\) win 32792 <mss 1000,nop,wscale 7>$/m);
    assertMatch(
      out,
      /^ {3}0\.100000 {13}SYN_RCVD -> ESTABLISHED {2}arrives\.check5\.syn-rcvd \(RFC 9293 §3\.10\.7\.4\)$/m,
    );
    const json = await tcplab(directory, "--trace", "--json", "pass.pkt");
    assertEquals(JSON.parse(json.out).counts.pass, 1);
    assertStringIncludes(json.error, "ESTABLISHED");
  }));

Deno.test("--write: a recording of one script, with its state changes as comments; of several it is refused", () =>
  withScripts(SCRIPTS, async (directory) => {
    assertEquals((await tcplab(directory, "-w", "run.pcapng", "pass.pkt")).code, 0);
    const bytes = await Deno.readFile(`${directory}/run.pcapng`);
    assertEquals([...bytes.subarray(0, 4)], [0x0a, 0x0d, 0x0d, 0x0a]);
    const text = new TextDecoder("latin1").decode(bytes);
    assertStringIncludes(text, "LISTEN -> SYN_RCVD");
    assertStringIncludes(text, "SYN_RCVD -> ESTABLISHED");
    const { code, error } = await tcplab(directory, "-w", "run.pcapng", ".");
    assertEquals(code, 2);
    assertMatch(error, /^tcplab run: --write records the run of one script, and there are 4: name one\n/);
  }));

Deno.test("profiles, defines and the version of IP reach the script", () => {
  const script = `#ifdef FreeBSD
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
#else
0 nothing() = 0
#endif
+0 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) win 65535 <mss SIZE,nop,wscale 6,sackOK,TS val 100 ecr 0>
`;
  return withScripts({ "a.pkt": script }, async (directory) => {
    const define = ["-D", "SIZE=1460"];
    assertEquals((await tcplab(directory, "a.pkt", "--profile", "freebsd", ...define)).code, 0);
    assertEquals(
      (await tcplab(directory, "a.pkt", "--profile", "freebsd", "--ip-version", "ipv6", ...define)).code,
      0,
    );
    const { code, out } = await tcplab(directory, "a.pkt", ...define);
    assertEquals([code, out.split(" ")[0]], [1, "unsupported"]);
  });
});

Deno.test("a shell line is never carried out, and with --allow-shell only what is not known as a setting is", () =>
  withScripts({
    "shell.pkt": `0 \`touch made-by-the-script\`\n`,
    "setting.pkt": `0 \`sysctl -q net.ipv4.tcp_sack=0 ; touch made-by-the-script\`\n`,
    "failing.pkt": "0 `false || exit 7`\n",
    "hanging.pkt": "0 `tail -f /dev/null --pid $PPID & wait`\n",
    // What stays in the background has its standard error, and the script goes on all the same.
    "leaving.pkt": "0 `tail -f /dev/null --pid $PPID >&2 & exit 0`\n",
  }, async (directory) => {
    const made = () => Deno.stat(`${directory}/made-by-the-script`).then(() => true, () => false);
    const { code, out } = await tcplab(directory, "shell.pkt", "setting.pkt");
    assertEquals(code, 1);
    assertMatch(out, /^unsupported shell\.pkt:1: `touch/m);
    assertEquals(await made(), false);
    assertEquals((await tcplab(directory, "--allow-shell", "shell.pkt")).code, 0);
    assertEquals(await made(), true);
    const failing = await tcplab(directory, "--allow-shell", "failing.pkt");
    assertEquals(failing.code, 1);
    assertStringIncludes(failing.out, "exit status 7");
    const hanging = await tcplab(directory, "--allow-shell", "--timeout", "500ms", "hanging.pkt");
    assertEquals(hanging.code, 1);
    assertStringIncludes(hanging.out, "not ended when the time limit was over");
    assertEquals((await tcplab(directory, "--allow-shell", "leaving.pkt")).code, 0);
  }));

Deno.test("what the compiled program may do is enough: true shells, recordings, reports, several processes", () =>
  withScripts({ "1.pkt": '0 `test -n "$PATH"`\n', "2.pkt": '0 `test -n "$PATH"`\n' }, async (directory) => {
    const main = new URL("../../src/cli/main.ts", import.meta.url).href;
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", ...PERMISSIONS, main, "run", "--allow-shell", ...args],
        cwd: directory,
        stdin: "null",
      }).output();
      return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
    };
    assertEquals(await run("--junit", "j.xml", "--write", "r.pcapng", "1.pkt"), [
      0,
      "pass        1.pkt  0.000 s\n",
      "",
    ]);
    const [code, out, error] = await run("--jobs", "2", ".");
    assertEquals([code, error], [0, ""]);
    assertStringIncludes(`${out}`, "2 passed (2 scripts, ");
  }));

Deno.test("a script's own profile counts, in other processes too, and the command line's before it", () => {
  const syn = (options: string) =>
    `--profile=freebsd\n0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <${options}>\n`;
  const scripts = { "one.pkt": syn("mss 1460,nop,wscale 6,sackOK,TS val 100 ecr 0"), "two.pkt": syn("...") };
  return withScripts(scripts, async (directory) => {
    const code = async (...args: string[]) => (await tcplab(directory, ".", ...args)).code;
    assertEquals(await code(), 0);
    assertEquals(await code("--jobs", "2"), 0);
    assertEquals(await code("--profile", "linux"), 1);
  });
});

Deno.test("wrong usage, and what is not there: one line that says what to do", () =>
  withScripts({ "empty/readme.txt": "" }, async (directory) => {
    const line = async (...args: string[]) => {
      const { code, error } = await tcplab(directory, ...args);
      return `${code} ${error.split("\n")[0]}`;
    };
    assertMatch(await line(), /^2 tcplab run: .*scripts, or directories of scripts/);
    const { code, out } = await tcplab(directory, "nowhere.pkt");
    assertEquals([code, out], [2, "error       nowhere.pkt: cannot be read (no such file or directory)\n"]);
    assertMatch(await line("empty"), /^1 tcplab run: There is no script in the directory empty \(/);
    assertMatch(
      await line("x", "--profile", "linx"),
      /^2 tcplab run: --profile linx: expected one of .*did you mean linux/,
    );
    assertMatch(await line("x", "--json", "--tap"), /^2 tcplab run: --json and --tap both want stdout/);
    assertMatch(await line("x", "-D", "1X"), /^2 tcplab run: --define 1X: expected NAME/);
    assertMatch(await line("x", "--jobs", "0"), /^2 tcplab run: --jobs 0: expected/);
    assertMatch(await line("x", "--live"), /^2 tcplab run: --live needs --iface NAME and --ip ADDR\/LEN/);
    assertMatch(await line("x", "--ip", "10.0.0.1/8"), /^2 tcplab run: --iface and --ip are for --live/);
    const live = ["--live", "--iface", "nowhere0", "--ip"];
    assertMatch(
      await line("x", ...live, "10.0.0.1"),
      /^2 tcplab run: --ip 10\.0\.0\.1: expected an address with its prefix/,
    );
    for (
      const [ip, why] of [["10.0.0.255/24", "the subnet's broadcast"], ["127.0.0.1/8", "loopback"], [
        "nonsense",
        "",
      ]]
    ) {
      assertMatch(await line("x", ...live, ip), new RegExp(`^2 tcplab run: --ip ${ip}: expected .*${why}`));
    }
    assertMatch(
      await line("x", ...live, "fe80::1%eth0/64"),
      /^2 tcplab run: --ip fe80::1%eth0\/64: expected an/,
    );
    assertMatch(
      await line("x", ...live, "10.0.0.1/8", "--jobs", "2"),
      /^2 tcplab run: --live has one device/,
    );
    assertMatch(await line("x", "--timeout", "0"), /^2 tcplab run: --timeout 0: expected/);
  }));

Deno.test("the script of docs/run.md passes in every profile and with every version of IP; with --strict segments are not put together", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/run.md", import.meta.url));
  const [, script] = /^```\n(\/\/ A server:.*?)^```$/ms.exec(page) ?? [];
  assert(script !== undefined);
  await withScripts({ "docs.pkt": script }, async (directory) => {
    for (
      const options of [
        ["--profile", "rfc"],
        ["--profile", "linux"],
        ["--profile", "freebsd"],
        ["--ip-version", "ipv6"],
        ["--ip-version", "ipv4-mapped-ipv6"],
      ]
    ) {
      const { code, out } = await tcplab(directory, "docs.pkt", ...options);
      assertEquals(code, 0, `${options.join(" ")}\n${out}`);
    }
    const strict = await tcplab(directory, "docs.pkt", "--strict");
    assertMatch(strict.out, /^fail {8}docs\.pkt:15: flags, length$/m);
  });
});
