/** `explain --script` and `run` one after the other: a kernel's connections show where our machine differs; what a script did is a script again. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function tcplab(...args: string[]): Promise<Result> {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    stdin: "null",
  })
    .output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The capture's first connection as a script of one end, played. */
async function play(
  capture: string,
  { side, profile, folder }: { side: string; profile: string; folder: string },
): Promise<
  { verdict: string; line: number | null; expected: string; actual: string; reason: string; text: string }
> {
  const script = `${folder}/${side}.pkt`;
  const told = await tcplab("explain", capture, "-c", "1", "--side", side, "--script", script);
  assertEquals([told.code, told.error], [0, ""]);
  const { out, error } = await tcplab("run", "--profile", profile, "--json", script);
  assertEquals(error, "");
  return { ...JSON.parse(out).scripts[0], text: await Deno.readTextFile(script) };
}

Deno.test("a kernel's connection: what it sent is demanded of our stack, and the first difference is told", async () => {
  await inFolder(async (folder) => {
    const names = ["tcp_offload", "tcp_loss", "tcp_bare", "ipv6"];
    const differences: string[] = [];
    for (const name of names) {
      const capture = new URL(`../wire/fixtures/${name}.pcap`, import.meta.url).pathname;
      for (const side of ["client", "server"]) {
        const { verdict, line, expected, actual, reason, text } = await play(capture, {
          side,
          profile: "linux",
          folder,
        });
        if (verdict === "pass") continue;
        assertEquals(verdict, "fail", `${name} ${side}: ${reason}`);
        assert(line !== null && expected !== "" && actual !== "", `${name} ${side}`);
        // Beyond the handshake: the profile's SYN is that of the kernel that was captured, with its scale.
        const [demanded] = text.split("\n").slice(line - 1);
        assertMatch(
          demanded,
          /^\+\S+ (> (?!S)|\w+\()/,
          `${name} ${side}: ${demanded}\n${expected}\n${actual}`,
        );
        differences.push(`${name} ${side}`);
      }
    }
    assert(differences.length < 2 * names.length, "some are done again as they were");
  });
});

Deno.test("the recording of a script's run is a script that passes", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/first.pkt`,
      `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 4000) = 4000
+0 > P. 1:4001(4000) ack 1
+.1 < . 1:1(0) ack 1 win 257 <sack 1001:4001,nop,nop>
+0~+.1 > . 1:1001(1000) ack 1
+.1 < F. 1:1(0) ack 4001 win 257
+0~+.1 > . 4001:4001(0) ack 2
+0 close(4) = 0
+0 > F. 4001:4001(0) ack 2
+.1 < . 2:2(0) ack 4002 win 257
`,
    );
    const recorded = `${folder}/first.pcapng`;
    const { code, out } = await tcplab("run", "--profile", "rfc", "--write", recorded, `${folder}/first.pkt`);
    assertEquals(code, 0, out);
    const { verdict, reason, text } = await play(recorded, { side: "server", profile: "rfc", folder });
    assertEquals(verdict, "pass", `${reason}\n${text}`);
    assertMatch(text, /^\+\S* > \. 1:1001\(1000\) ack 1 .*sent again/m);
  });
});
