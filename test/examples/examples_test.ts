/**
 * The examples, each as a stranger runs it: a process of its own without a single permission, which says what its README
 * promises and ends by itself.
 *
 * Owns: what each has to print. What they do on a device is in test/live/examples_live_test.ts.
 */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { projectFiles, readProjectFile } from "../../scripts/project_files.ts";

const ROOT = new URL("../../", import.meta.url);

/** Lines that an example prints, in this order; others may stand between them. */
const EXPECTED: Readonly<Record<string, readonly RegExp[]>> = {
  own_tcb: [
    /^> hello$/,
    /^state {4}LISTEN > SYN_RCVD > ESTABLISHED$/,
    // "hello" and a line feed, and the SYN.
    /^receive {2}IRS \d+ {2}RCV\.NXT \+7 {2}RCV\.WND [1-9]\d+$/,
    /^time {5}SRTT [1-9]\d* us /,
    /^options {2}SACK, timestamps, window scale 5 \(yours\) and 5 \(ours\)$/,
    /^> json$/,
    /^RCV\.NXT - IRS - 1 = 11:/,
    /it is in TIME_WAIT$/,
  ],
  port_knocker: [
    /^port 2222 without a knock: no answer$/,
    /^knock on 7001: refused \(RST\)$/,
    /^10\.0\.0\.2: 9001 is wrong, begin again$/,
    /^port 2222 after knocks in the wrong order: no answer$/,
    /^knock on 7001: refused \(RST\)$/,
    /^knock on 8001: refused \(RST\)$/,
    /^10\.0\.0\.2: all 3 knocks are right, open for 30 s$/,
    /^port 2222 after the right knocks: connected, "welcome, 10\.0\.0\.2"$/,
    // The bound, and the one who may come in.
    /^after 10000 invented addresses: 1025 are remembered$/,
  ],
  slow_reader: [
    /^ +0\.\d s {2}window 0: 4096 bytes have come, nobody has read them$/,
    /^ +0\.\d s {2}probe 1, answered: window 0$/,
    // Twice as long each time, and a minute at the end (RFC 9293 §3.8.6.1).
    /^ +1\.6 s {2}probe 3,/,
    /^ +3\.2 s {2}probe 4,/,
    /^ +6\.4 s {2}probe 5,/,
    /^ +822\.4 s {2}probe 21,/,
    /^ +1422\.4 s {2}probe 31,/,
    // MUST-39: not before a full segment fits.
    /^ +1482\.4 s {2}window 14\d\d again, after 32 probes$/,
    /^ +148\d\.\d s {2}window 0: 55\d\d bytes/,
    /ended \(normal\), 7000 bytes came in$/,
    /^7000 bytes at one a second: 2\.0 hours of the clock, and every byte has arrived$/,
  ],
  tarpit: [
    /^caught 10\.0\.0\.2:\d+$/,
    /^caught 10 more$/,
    // 25 MiB for ten thousand: below 3 KiB each.
    /^after a second: 20 held of 20 caught, [12]\d{3} bytes of memory each \(\d\d MiB for all 10000\)$/,
    /^ {2}320 bytes taken, \d\d segments heard$/,
    /^after a day {3}: 20 held of 20 caught, [12]\d{3} bytes of memory each/,
    // 86,400 seconds, a probe a minute of each.
    /^ {2}320 bytes taken, 2[89]\d{3} segments heard$/,
    /^a client: ESTABLISHED, 984 of its 1000 bytes not taken, its next probe is due in [1-6]?\d s$/,
    /^ten minutes after the cable was cut: 0 held of 20 caught$/,
  ],
  lying_syn_ack: [
    /^--- ack$/,
    /^the client gets {2}SYN,ACK ack ISS\+1001$/,
    /^the client sends RST seq ISS\+1001$/,
    /^the client is in SYN_SENT$/,
    /^it says so [1-9]\d* times, and it gives up \(timeout\): CLOSED > SYN_SENT > CLOSED$/,
    /^--- mss$/,
    /^the client gets {2}SYN,ACK ack ISS\+1$/,
    // 64 less the timestamps.
    /^65536 bytes come in 1\d{3} segments, of 52 bytes at most$/,
    /^--- wscale$/,
    /^the server counts with a scale of 1, the client with 14$/,
    /^the client takes the window for 5\d{8} bytes: 65536 are taken, 34464 more were sent for nothing$/,
  ],
  hono_app: [
    /^> GET \/ HTTP\/1\.1$/,
    /^< HTTP\/1\.1 200 OK$/,
    /^> POST \/upper HTTP\/1\.1$/,
    /^SEQ AND ACK$/,
    /^> GET \/broken HTTP\/1\.1$/,
    /^< HTTP\/1\.1 500 /,
    /^this handler is broken$/,
    /^< HTTP\/1\.1 200 OK$/,
    // Four requests on one connection, octet by octet.
    /: LISTEN > SYN_RCVD > ESTABLISHED, RCV\.NXT - IRS - 1 = 182$/,
  ],
  stripping_middlebox: [
    /^without the box: 3000000 bytes in \d+ ms; SACK yes, timestamps yes, window [1-9]\d{5,} bytes \(scale 5\), 1448 /,
    /^the box takes from a SYN: window scale 5, SACK permitted, timestamps$/,
    /^the box takes from a SYN-ACK: nothing/,
    /^with the box {3}: 3000000 bytes in \d+ ms; SACK no, timestamps no, window 65535 bytes \(scale 0\), 1460 /,
    /^\d+\.\d times as long:/,
  ],
};

const NAMES = projectFiles("examples").flatMap((path) => /^examples\/(\w+)\.ts$/.exec(path)?.[1] ?? [])
  .filter((name) => name !== "place");

/** Throws an Error that names the first line that is missing. */
function mustSay(output: string, expected: readonly RegExp[]): void {
  const lines = output.split("\n");
  let from = 0;
  for (const pattern of expected) {
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at < 0) throw new Error(`From line ${from + 1} on no line is ${pattern}:\n${output}`);
    from = at + 1;
  }
}

/** Runs an example with no more than it needs in memory: no permission at all. */
async function run(
  name: string,
  args: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", `examples/${name}.ts`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

for (const name of NAMES) {
  Deno.test(`examples/${name}.ts says what there is to see, and ends by itself`, async () => {
    const { code, stdout, stderr } = await run(name);
    assertEquals([code, stderr], [0, ""], stdout);
    mustSay(stdout, EXPECTED[name] ?? []);
  });

  Deno.test(`examples/${name}.ts tells of what it does not understand`, async () => {
    const unknown = await run(name, ["--nonsense", "1"]);
    assertEquals([unknown.code, unknown.stdout], [2, ""]);
    assertMatch(unknown.stderr, /^"--nonsense 1" is not understood\. Options: .*\[--device DEVICE\].*\n$/);
    const half = await run(name, ["--device", "eth0"]);
    assertEquals([half.code, half.stdout], [2, ""]);
    assertMatch(half.stderr, /^--device and --ip belong together/);
  });
}

Deno.test("examples: every one is held to what it prints, has a row in the README, and says how it is run", () => {
  assertEquals(Object.keys(EXPECTED).sort(), NAMES);
  const readme = readProjectFile("examples/README.md");
  const rows = [...readme.matchAll(/^\| \[(\w+)\.ts\]\(\1\.ts\) /gm)].map(([, name]) => name);
  assertEquals(rows.toSorted(), NAMES);
  for (const name of NAMES) {
    const [head] = readProjectFile(`examples/${name}.ts`).split("*/");
    assertMatch(head, new RegExp(`\\n \\* {5}deno run .*examples/${name}\\.ts `), `${name}: how it is run`);
    assertMatch(head, /RFC 9293\s+(?:\* )?§/, `${name}: where it is written`);
  }
});

Deno.test("examples: output that is missing a line, has it wrong, or out of order is not taken", () => {
  const expected = [/^one$/, /^two \d$/];
  mustSay("one\nbetween\ntwo 2\n", expected);
  for (const wrong of ["", "one\n", "two 2\none\n", "one\ntwo x\n"]) {
    assertThrows(() => mustSay(wrong, expected), Error, "no line is");
  }
});

Deno.test("examples: a port or a lie that is none is refused", async () => {
  for (const port of ["0", "65536", "80x", "-1"]) {
    const { code, stderr } = await run("own_tcb", ["--port", port]);
    assertEquals([code, stderr], [2, `"${port}" is no port: 1 to 65535\n`]);
  }
  const { code, stderr } = await run("lying_syn_ack", ["--lie", "constructor"]);
  assertEquals([code, stderr], [2, '"constructor" is no lie of this server: ack, mss, wscale\n']);
});
