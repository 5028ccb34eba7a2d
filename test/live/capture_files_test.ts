/**
 * Captures of one conversation in every kind (tcplab's own recording, dumpcap on the device and on all of them, tcpdump), in every format that
 * editcap writes: tshark and we read the same frames in each, and `explain` tells the connections of each.
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertMatch } from "@std/assert";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { Explained } from "../../src/story/explain_json.ts";
import { assertReadAsTshark, editedCapture } from "../wire/tshark_frames.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";
import { captureHolds, JUDGE_PROGRAMS, markWire } from "./wire_judge.ts";

const PROGRAMS = [...JUDGE_PROGRAMS, "tcpdump", "editcap", "gzip"];
const FORMATS = ["pcap", "nsecpcap", "modpcap", "pcapng"];
const DUMPCAP = ["dumpcap", "-q", "-B", "32"];
const BYTES = 300_000;

/** Starts a capturing program in the client's namespace, and waits until it says that it listens. */
async function startCapture(lab: PrivateLab, words: readonly string[]): Promise<LabProcess> {
  let isReady = false;
  const process = lab.spawn({
    side: "client",
    words: [...words],
    onStderr: (line) => void (isReady ||= /^File:/.test(line)),
  });
  await waitFor(() => isReady || process.ended, { what: `${words[0]} captures` });
  assert(!process.ended, process.stderr);
  return process;
}

/** What `explain` prints, and its exit status. */
async function explain(
  path: string,
  { input, options = [] }: { readonly input?: Uint8Array; readonly options?: readonly string[] } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...args] = [...selfCommand(), "explain", path, ...options];
  const process = new Deno.Command(program, {
    args,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = process.stdin.getWriter();
    await writer.write(input);
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** What `explain --json` says. */
async function explained(path: string): Promise<Explained> {
  const { code, stdout, stderr } = await explain(path, { options: ["--json"] });
  assertEquals([code, stderr], [0, ""], path);
  return JSON.parse(stdout);
}

/** Of both ends of all connections. */
function sumOf({ connections }: Explained, figure: "segments" | "bytes"): number {
  return connections.reduce((sum, { ends }) => sum + ends.client[figure] + ends.server[figure], 0);
}

liveTest("captures of every kind are read as tshark reads them", { needs: PROGRAMS }, async (lab) => {
  const directory = await Deno.makeTempDir({ prefix: "tcplab-live-" });
  await Deno.chmod(directory, 0o777);
  const device = lab.plan.devices.client;
  const names = [
    "own.pcapng",
    "device.pcapng",
    "short.pcap",
    "cooked.pcapng",
    "cooked2.pcapng",
    "tcpdump.pcap",
  ];
  const files = names.map((name) => `${directory}/${name}`);
  const [own, dumped, short, cooked, cooked2, byTcpdump] = files;
  try {
    await using recording = await scratchFile(".pcapng");
    await using server = await ServeProcess.start(lab, { args: ["--write", recording.path] });
    const captures = [
      await startCapture(lab, [...DUMPCAP, "-i", device, "-w", dumped]),
      await startCapture(lab, [...DUMPCAP, "-i", device, "-P", "-s", "90", "-w", short]),
      await startCapture(lab, [...DUMPCAP, "-i", "any", "-y", "LINUX_SLL", "-w", cooked]),
      await startCapture(lab, [...DUMPCAP, "-i", "any", "-y", "LINUX_SLL2", "-w", cooked2]),
    ];
    const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
    const client = await lab.run({
      side: "client",
      words: [...words, lab.plan.tcplabAddress, "3333", `${BYTES}`],
    });
    assertEquals(client.code, 0, client.stderr);
    await server.event("closed");
    await server.stop();
    const mark = await markWire(lab);
    for (const path of [dumped, short, cooked, cooked2]) await captureHolds(path, mark);
    for (const process of captures) await process.stop();
    await Deno.copyFile(recording.path, own);
    const rewritten = await new Deno.Command("tcpdump", { args: ["-r", dumped, "-w", byTcpdump, "--nano"] })
      .output();
    assertEquals(rewritten.code, 0, new TextDecoder().decode(rewritten.stderr));
    for (const path of files) {
      const counts = await assertReadAsTshark(path);
      assertGreater(counts.segments, 20, path);
      // One is enough for what editcap makes of times, another for a link header of its own.
      for (const format of path === own || path === cooked2 ? FORMATS : []) {
        assertEquals(await assertReadAsTshark(await editedCapture(path, ["-F", format])), counts, path);
      }
      await assertReadAsTshark(await editedCapture(path, ["-F", "pcapng", "-s", "100"]));
      const { code, stdout, stderr } = await explain(path);
      assertEquals([code, stderr], [0, ""], path);
      // All of the text, both ways, whatever the capture kept of it.
      assertGreaterOrEqual(counts.text, 2 * BYTES, path);
      assertMatch(stdout, /^#1 {2}.* > .*:3333 {2}closed {2}frames /m);
      const told = await explained(path);
      assertEquals(sumOf(told, "segments"), counts.segments, stdout);
      const again = told.connections.reduce(
        (sum, { ends }) => sum + ends.client.retransmissions + ends.server.retransmissions,
        0,
      );
      // What is sent again is counted once.
      if (again === 0) assertEquals(sumOf(told, "bytes"), counts.text, stdout);
      else assertGreaterOrEqual(sumOf(told, "bytes"), 2 * BYTES, stdout);
      const bytes = await Deno.readFile(path);
      const named = stdout.replace(path, "standard input");
      assertEquals(await explain("-", { input: bytes }), { code, stdout: named, stderr });
      const gzip = await new Deno.Command("gzip", { args: ["-c", path] }).output();
      assertEquals(await explain("-", { input: gzip.stdout }), { code, stdout: named, stderr });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
