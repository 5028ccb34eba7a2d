/**
 * Disks that are full, readers that stand still, and limits: log and recording end, each with a word, and the server
 * serves on.
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest } from "./private_lab.ts";
import { assertSoundRecording, RECORDING_PROGRAMS } from "./recording_judge.ts";
import { waitFor } from "./wait_for.ts";

/** A disk of one mebibyte. */
const DISK = "/run/small";
const BYTES = 3_000_000;

async function mountDisk(lab: PrivateLab): Promise<void> {
  const words = ["sh", "-c", `mkdir -p ${DISK} && mount -t tmpfs -o size=1m none ${DISK}`];
  const { code, stderr } = await lab.run({ words });
  assertEquals(code, 0, stderr);
}

/** Starts a server whose stdout goes where `to`, a piece of shell, says. */
async function startServer(lab: PrivateLab, to: string, ...args: string[]): Promise<LabProcess> {
  const address = ["--iface", lab.plan.devices.server, "--ip", lab.plan.tcplabAddress];
  const words = [...selfCommand(), "serve", ...address, ...args];
  const server = lab.spawn({ side: "server", words: ["sh", "-c", `exec "$@" ${to}`, "sh", ...words] });
  // Whatever becomes of its log, netstat shows it.
  await waitFor(async () => {
    const { stdout } = await lab.run({ side: "server", words: ["sh", "-c", "ls /run/tcplab/*.sock"] });
    return stdout !== "" || server.ended;
  }, { what: "the server's control socket" });
  return server;
}

/** A client is echoed so many bytes, in segments of the MTU, that no small disk holds what is to be told of them. */
async function transfer(lab: PrivateLab, peer: KernelPeer): Promise<void> {
  await peer.ask({ do: "connect", port: 3333 });
  const { bytes, sent, received } = await peer.ask({ do: "transfer", bytes: BYTES });
  assertEquals([bytes, received], [BYTES, sent], `on ${lab.plan.tcplabAddress}`);
}

liveTest("a full disk ends the recording with a notice, and not the server", {
  needs: [...PEER_PROGRAMS, ...RECORDING_PROGRAMS],
  offloads: false,
}, async (lab) => {
  await mountDisk(lab);
  const log: string[] = [];
  await using peer = new KernelPeer(lab);
  const server = await startServer(lab, ">/run/log", "--log", "json", "--write", `${DISK}/lab.pcapng`);
  await transfer(lab, peer);
  await waitFor(() => server.stderr.includes("recording ends"), { what: "the notice" });
  await transfer(lab, peer);
  const { code, stderr } = await server.stop();
  assertEquals(code, 1, stderr);
  const [notice, last] = stderr.trimEnd().split("\n");
  assertMatch(
    notice,
    /lab\.pcapng cannot be written \(no space left on device\): the recording ends here, and everything/,
  );
  assertMatch(last, /^tcplab serve: .*the recording is not whole$/);
  log.push(...(await lab.run({ words: ["cat", "/run/log"] })).stdout.trimEnd().split("\n"));
  assertEquals(log.filter((line) => line.includes('"recording-ended"')).length, 1);
  assertMatch(log.at(-1) ?? "", /"event":"summary"/);
  // What is there is whole: tshark reads it to its end without a word.
  await assertSoundRecording(`${DISK}/lab.pcapng`, { lab });
  const read = await lab.run({
    words: ["sh", "-c", `tshark -r ${DISK}/lab.pcapng -T fields -e frame.number | tail -1`],
  });
  assertEquals([read.code, read.stderr.replace(/Running as user.*\n/, "")], [0, ""]);
  assertGreater(Number(read.stdout), 10);
});

liveTest(
  "a full disk ends the log with a notice, and not the server",
  { needs: PEER_PROGRAMS },
  async (lab) => {
    await mountDisk(lab);
    await using peer = new KernelPeer(lab);
    const server = await startServer(lab, `>${DISK}/log`, "--log", "text");
    await lab.run({ words: ["sh", "-c", `head -c 1000000 /dev/zero >${DISK}/other`] });
    await transfer(lab, peer);
    await waitFor(() => server.stderr.includes("log ends"), { what: "the notice" });
    await transfer(lab, peer);
    const { code, stderr } = await server.stop();
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "The log cannot be written to stdout (no space left on device");
    // It can be said nowhere else.
    assertStringIncludes(stderr, "summary after");
    assertMatch(stderr.trimEnd().split("\n").at(-1) ?? "", /the log is not whole$/);
  },
);

liveTest("limits end the log and rotate the recording, and are no failure", {
  needs: [...PEER_PROGRAMS, ...RECORDING_PROGRAMS],
  offloads: false,
}, async (lab) => {
  await mountDisk(lab);
  await using peer = new KernelPeer(lab);
  const limits = ["--log-limit", "100K", "--write", "/run/lab.pcapng", "--write-limit", "1Mx3"];
  const server = await startServer(lab, ">/run/log", "--log", "json", ...limits);
  await transfer(lab, peer);
  const { code, stderr } = await server.stop();
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "has reached --log-limit");
  const log = (await lab.run({ words: ["cat", "/run/log"] })).stdout;
  assertLess(log.length, 0x19000 + 4000);
  const [notice, summary] = log.trimEnd().split("\n").slice(-2).map((line) => JSON.parse(line));
  assertEquals([notice.event, notice.kind, summary.event], ["notice", "log-limit", "summary"]);
  assertGreater(summary.counters["log-lines-left-out"], 100);
  const newest = "/run/lab.pcapng";
  const files = [`${newest}.2`, `${newest}.1`, newest];
  const { stdout } = await lab.run({ words: ["sh", "-c", "ls /run/lab.pcapng*"] });
  assertEquals(stdout.trimEnd().split("\n").sort(), [...files].sort());
  for (const file of files) {
    const infos = await lab.run({ words: ["capinfos", "-T", "-m", "-r", "-s", "-c", file] });
    assertEquals(infos.code, 0, infos.stderr);
    const [, bytes, packets] = infos.stdout.trim().split(",");
    assertLess(Number(bytes), 0x100000 + 1, infos.stdout);
    // The newest may have begun with the last packet of all.
    assertGreater(Number(packets), file === newest ? 0 : 100, infos.stdout);
    await assertSoundRecording(file, { lab });
  }
});

liveTest("a reader that stands still does not delay the end, and that is told", {
  needs: PEER_PROGRAMS,
  offloads: false,
}, async (lab) => {
  await using peer = new KernelPeer(lab);
  // It reads nothing of the log, and goes when somebody has opened the other.
  assertEquals((await lab.run({ words: ["mkfifo", "/run/hold"] })).code, 0);
  const server = await startServer(lab, "| cat /run/hold", "--log", "json");
  await transfer(lab, peer);
  await peer.ask({ do: "close" });
  const pid = (await lab.run({ side: "server", words: ["sh", "-c", "ls /run/tcplab"] })).stdout.split(".")[0];
  await lab.run({ side: "server", words: ["kill", "-TERM", pid] });
  // The server's patience is half a second; the reader's has no end.
  await waitFor(() => server.stderr.includes("summary after"), { what: "the summary on stderr" });
  assert(server.stderr.includes("has not taken the end"), server.stderr);
  await lab.run({ words: ["sh", "-c", ": >/run/hold"] });
  await server.result;
});
