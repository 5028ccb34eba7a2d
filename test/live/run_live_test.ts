/** `tcplab run --live`: a script in real time on a device; another machine on the wire sees what the stack sends, with right sums, at the script's times. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

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

liveTest("run --live: what the stack sends is on the wire, and the script passes", {
  needs: JUDGE_PROGRAMS,
  offloads: false,
}, async (lab) => {
  await using script = await scratchFile(".pkt");
  await using file = await scratchFile(".pcapng");
  await Deno.writeTextFile(script.path, SCRIPT);
  const recording = await WireRecording.start(lab, file.path);
  const ip = `${lab.plan.tcplabAddress}/${lab.plan.prefixLength}`;
  const live = ["--live", "--iface", lab.plan.devices.server, "--ip", ip];
  const run = (words: readonly string[]) =>
    lab.run({ side: "server", words: [...selfCommand(), "run", script.path, ...words] });
  const { code, stdout, stderr } = await run([...live, "--json"]);
  assertEquals([code, stderr], [0, ""], stdout);
  const [report] = JSON.parse(stdout).scripts;
  assertEquals(report.verdict, "pass");
  assert(report.virtualMs >= 300, "three tenths of a second are waited for");
  const frames = (await recording.judge()).filter(({ source }) => source === lab.plan.tcplabAddress);
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
