/** `tcplab run --live`: a script in real time on a device; another machine on the wire sees what the stack sends, with right sums, at the script's times. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";

/** A machine of two cores and many tests: the times are not what is tried here. */
const SCRIPT = `--tolerance_usecs=400000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 2000) = 2000
+0 > P. 1:2001(2000) ack 1
+.1 < F. 1:1(0) ack 2001 win 257
+0~+.1 > . 2001:2001(0) ack 2
+0 close(4) = 0
+0 > F. 2001:2001(0) ack 2
+.1 < . 2:2(0) ack 2002 win 257
`;

/** Local choice: a stack that is late or sends again five times in a row is not held up by its machine. */
const MOST_TIMES = 5;

/** Whether the machine stood still for longer than that, or for so long that what the stack had sent was sent again. */
function isDisturbed({ stdout, frames }: { stdout: string; frames: readonly JudgedFrame[] }): boolean {
  return stdout.includes("too late: expected") ||
    frames.some(({ analysis }) => analysis.some((finding) => finding.endsWith("retransmission")));
}

liveTest("run --live: what the stack sends is on the wire, and the script passes", {
  needs: JUDGE_PROGRAMS,
  offloads: false,
}, async (lab) => {
  await using script = await scratchFile(".pkt");
  await Deno.writeTextFile(script.path, SCRIPT);
  const ip = `${lab.plan.tcplabAddress}/${lab.plan.prefixLength}`;
  const live = ["--live", "--iface", lab.plan.devices.server, "--ip", ip];
  const run = (words: readonly string[]) =>
    lab.run({ side: "server", words: [...selfCommand(), "run", script.path, ...words] });
  /** Plays it, and gives what was said and what was on the wire. */
  const played = async () => {
    await using file = await scratchFile(".pcapng");
    const recording = await WireRecording.start(lab, file.path);
    const { code, stdout, stderr } = await run([...live, "--json"]);
    const frames = (await recording.judge()).filter(({ source }) => source === lab.plan.tcplabAddress);
    return { code, stdout, stderr, frames };
  };
  let last = await played();
  for (let times = 1; times < MOST_TIMES && isDisturbed(last); times++) last = await played();
  const { code, stdout, stderr, frames } = last;
  assertEquals([code, stderr], [0, ""], stdout);
  const [report] = JSON.parse(stdout).scripts;
  assertEquals(report.verdict, "pass");
  assert(report.virtualMs >= 300, "three tenths of a second are waited for");
  assertEquals(frames.map(({ flags, length }) => `${flags} ${length}`), [
    "SYN,ACK 0",
    "ACK 1000",
    "PSH,ACK 1000",
    "ACK 0",
    "FIN,ACK 0",
  ]);
  for (const { tcpChecksum, ipChecksum, malformed } of frames) {
    assertEquals([tcpChecksum, ipChecksum, malformed], ["good", "good", false]);
  }
  const kernels = await run(["--live", "--iface", lab.plan.devices.server, "--ip", "10.33.0.1/24"]);
  assertEquals(kernels.code, 1);
  assertMatch(
    kernels.stderr,
    /^tcplab run: 10\.33\.0\.1 is the kernel's own on veth-server, which would answer as well: give --ip/,
  );
});

/** It waits for what never comes, and for nothing that a busy machine could be late for. */
const WAITING = `--tolerance_usecs=30000000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+0 < . 1:1(0) ack 1 win 32792
+0 accept(3, ..., ...) = 4
+0...900 read(4, ..., 1000) = 0
`;

/** More in a segment than the device carries. */
const TOO_LARGE = WAITING.replace("--tolerance_usecs", "--mtu=3000\n--tolerance_usecs")
  .replace("mss 1000", "mss 2900").replace(
    "+0...900 read(4, ..., 1000) = 0",
    "+0 write(4, ..., 2000) = 2000",
  );

liveTest(
  "run --live: a device that goes down, loses its carrier, refuses a frame or disappears is said, with the line",
  {
    offloads: false,
  },
  async (lab) => {
    await using script = await scratchFile(".pkt");
    const { client, server } = lab.plan.devices;
    const ip = `${lab.plan.tcplabAddress}/${lab.plan.prefixLength}`;
    const words = [...selfCommand(), "run", script.path, "--live", "--iface", server, "--ip", ip];
    const set = async (side: "client" | "server", change: string) => {
      const { code, stderr } = await lab.run({ side, words: ["ip", "link", ...change.split(" ")] });
      assertEquals([code, stderr], [0, ""], change);
    };

    await Deno.writeTextFile(script.path, TOO_LARGE);
    const large = await lab.run({ side: "server", words: [...words, "--json"] });
    const [report] = JSON.parse(large.stdout).scripts;
    assertEquals([large.code, report.verdict], [1, "fail"], large.stdout);
    assertMatch(report.reason, new RegExp(`^${server} refused a frame: .*2054 bytes, MTU 1500`));

    await Deno.writeTextFile(script.path, WAITING);
    /** Plays it, makes the change as soon as it waits, and returns what is said. */
    const changed = async (side: "client" | "server", change: string) => {
      const waiting = Promise.withResolvers<void>();
      const run = lab.spawn({
        side: "server",
        words: [...words, "--trace", "--timeout", "900"],
        onStdout: (line) => line.includes("read(4") && waiting.resolve(),
      });
      await Promise.race([waiting.promise, run.result]);
      await set(side, change);
      const { code, stdout, stderr } = await run.result;
      assertEquals([code, stderr], [1, ""], stdout);
      assertMatch(
        stdout,
        /\n +expected {2}a device that carries what the stack sends\n +actual {4}seen at \d/,
      );
      const said = stdout.split("\n").find((line) => line.startsWith("fail")) ?? stdout;
      return said.slice(said.indexOf(":9: "));
    };
    assertEquals(
      await changed("client", `set ${client} down`),
      `:9: ${server} has no carrier any more: the cable is out, or the other end is down`,
    );
    await set("client", `set ${client} up`);
    assertEquals(
      await changed("server", `set ${server} down`),
      `:9: ${server} is switched off (ip link set ${server} up)`,
    );
    await set("server", `set ${server} up`);
    assertMatch(await changed("server", `delete ${server}`), new RegExp(`^:9: (Device )?${server} is gone`));
  },
);
