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
import { waitFor } from "./wait_for.ts";

const BYTES = 300_000;
const SNAPLEN = 96;

/** How stdout is read. */
interface Reading {
  /** Who reads it, a piece of shell. */
  readonly reader: string;
  /** Arguments of `serve`. */
  readonly args: readonly string[];
  /** What the reader says on stderr before anybody connects. */
  readonly firstly?: string;
}

/** Serves one connection with stdout through a reader; gives what went to stderr. */
async function serveInto(lab: PrivateLab, { reader, args, firstly = "" }: Reading) {
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
  const server = lab.spawn({ side: "server", words: ["sh", "-c", `"$@" | ${reader}`, "sh", ...words] });
  const isReady = () => server.stderr.includes('"event":"listening"') && server.stderr.includes(firstly);
  await waitFor(() => isReady() || server.ended, { what: "the server listens, and its reader is ready" });
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
    const { code, stderr } = await serveInto(lab, {
      reader: `cat >'${file.path}'`,
      args: [
        "--write",
        "-",
        "--snaplen",
        String(SNAPLEN),
      ],
    });
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
  // It goes with the recording's beginning. While it was still there, what it does not read would wait in the pipe.
  const reader = "{ head -c 100 >/dev/null; exec <&-; echo it has gone >&2; }";
  const { stderr } = await serveInto(lab, { reader, args: ["--write", "-"], firstly: "it has gone\n" });
  assertMatch(
    stderr,
    /The recording on stdout cannot be written \(.*the recording ends here, and everything else goes on/,
  );
  assertMatch(stderr, /"event":"closed".*"reason":"normal"/);
});
