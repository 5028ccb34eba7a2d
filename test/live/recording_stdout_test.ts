/**
 * `--write -`: the recording on stdout, read along by a program of Wireshark's, the log on stderr; and `--snaplen`.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import {
  assertRoundTrips,
  assertSoundRecording,
  RECORDING_PROGRAMS,
  timedFrames,
} from "./recording_judge.ts";

const BYTES = 300_000;
const SNAPLEN = 96;

/** Serves one connection with stdout through `reader`; gives what went to stderr. */
async function serveInto(lab: PrivateLab, reader: string, args: readonly string[]) {
  const { devices: { server: device }, tcplabAddress } = lab.plan;
  const words = [
    ...selfCommand(),
    "serve",
    "-i",
    device,
    "--ip",
    tcplabAddress,
    "--once",
    "--log",
    "json",
    ...args,
  ];
  let listening = () => {};
  const ready = new Promise<void>((resolve) => listening = resolve);
  const server = lab.spawn({
    side: "server",
    words: ["sh", "-c", `"$@" | ${reader}`, "sh", ...words],
    onStderr: (line) => line.includes('"event":"listening"') && listening(),
  });
  await Promise.race([ready, server.result]);
  assert(!server.ended, server.stderr);
  const client = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
  const { code, stderr } = await lab.run({
    side: "client",
    words: [...client, tcplabAddress, "3333", String(BYTES)],
  });
  assertEquals(code, 0, stderr);
  return await server.result;
}

liveTest(
  "--write -: the recording is read from stdout, the log from stderr",
  { needs: RECORDING_PROGRAMS },
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    const { code, stderr } = await serveInto(lab, `cat >'${file.path}'`, [
      "--write",
      "-",
      "--snaplen",
      String(SNAPLEN),
    ]);
    assertEquals(code, 0, stderr);
    await assertSoundRecording(file.path);
    await assertRoundTrips(file.path);
    const frames = await timedFrames(file.path);
    const events = stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    const segments = events.filter(({ event, flags }) => event === "segment" && !flags.includes("RST"));
    assertEquals(segments.map(({ time }) => Math.round(time * 1e6)), frames.map(({ us }) => us));
    // Whole on the wire, and cut in the file.
    const lengths = await new Deno.Command("tshark", {
      args: ["-n", "-r", file.path, "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len"],
    }).output();
    const pairs = new TextDecoder().decode(lengths.stdout).trimEnd().split("\n").map((line) =>
      line.split("\t").map(Number)
    );
    assert(pairs.every(([kept, whole]) => kept === Math.min(whole, SNAPLEN)));
    assert(pairs.some(([, whole]) => whole > SNAPLEN));
  },
);

liveTest("--write -: a reader that goes ends the recording, not the server", {}, async (lab) => {
  const { stderr } = await serveInto(lab, "head -c 100 >/dev/null", ["--write", "-"]);
  assertMatch(
    stderr,
    /The recording on stdout cannot be written \(.*the recording ends here, and everything else goes on/,
  );
  assertMatch(stderr, /"event":"closed".*"reason":"normal"/);
});
