/**
 * What google/packetdrill says of the scripts that are made of captures, both sides of every connection:
 *
 *     deno run -A test/observe/judge_scripts.ts [--kernel] FOLDER|CAPTURE...
 *
 * packetdrill must be on the PATH (github.com/google/packetdrill, gtests/net/packetdrill: ./configure, make). It reads each script and does
 * nothing else (--dry_run); with --kernel it plays those of short connections against this machine's own TCP, each in a network namespace of
 * its own. Exit status 1 where a script is not understood; what the kernel does otherwise than the captured host is printed, no more.
 *
 * Owns: the walk through the captures, and the count. Must not know: how a script is made.
 */
import { parseArgs } from "@std/cli/parse-args";
import { readCapture } from "../../src/cli/capture_input.ts";
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import { packetdrillScript } from "../../src/script/script_of_connection.ts";
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { END_NAMES } from "../../src/story/story_segment.ts";

const ENDINGS = /\.(pcap|pcapng|cap|trace)(\.gz)?$/;
/** Local choice: of a capture with thousands of calls that are all alike the first say enough. */
const MOST_OF_ONE = 50;
/** Local choice: a script takes as long as its capture, and nobody waits for hours. */
const LONGEST_PLAYED_SECONDS = 20;

/** Without root a user namespace gives the right to a network, and none to lock memory, without which packetdrill may start no thread. */
const NAMESPACE = Deno.uid() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];

const { _: paths, kernel } = parseArgs(Deno.args, { boolean: ["kernel"] });
if (paths.length === 0) {
  console.error(
    "Expected folders or captures, as in: deno run -A test/observe/judge_scripts.ts test/wire/fixtures",
  );
  Deno.exit(2);
}

function* capturesIn(path: string): Generator<string> {
  if (Deno.statSync(path).isFile) {
    yield path;
    return;
  }
  for (
    const { name, isDirectory } of [...Deno.readDirSync(path)].toSorted((a, b) => a.name < b.name ? -1 : 1)
  ) {
    if (isDirectory) yield* capturesIn(`${path}/${name}`);
    else if (ENDINGS.test(name)) yield `${path}/${name}`;
  }
}

async function connectionsOf(path: string): Promise<ConnectionStory[]> {
  const reader = new SegmentReader({ keepsHeaders: true });
  const story = new Story({ rows: 100_000, allRows: 1_000_000 });
  const packets = new PacketStory(story);
  await readCapture(path, {
    onPacket: (packet) => {
      const segment = reader.take(packet);
      if (segment !== null) packets.add(segment);
    },
  });
  return [...story.connections()].slice(0, MOST_OF_ONE);
}

async function said(program: string, args: readonly string[]): Promise<string | null> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  return success ? null : text.trim().split("\n").slice(0, 2).join(" ") || "no reason given";
}

const counts = { captures: 0, scripts: 0, understood: 0, played: 0, passed: 0 };
const scratch = await Deno.makeTempDir();
try {
  for (const path of paths.flatMap((one) => [...capturesIn(String(one))])) {
    const connections = await connectionsOf(path);
    if (connections.length > 0) counts.captures++;
    for (const connection of connections) {
      for (const side of END_NAMES) {
        const script = `${scratch}/${side}.pkt`;
        await Deno.writeTextFile(script, packetdrillScript(connection, { side, source: "a capture" }));
        counts.scripts++;
        const refusal = await said("packetdrill", ["--dry_run", script]);
        if (refusal === null) counts.understood++;
        else console.log(`not understood: ${path} #${connection.id} ${side}: ${refusal}`);
        const { span } = connection;
        if (!kernel || refusal !== null || span === null) continue;
        if (span.last.time - span.first.time > LONGEST_PLAYED_SECONDS) continue;
        counts.played++;
        const otherwise = await said("unshare", [...NAMESPACE, "packetdrill", script]);
        if (otherwise === null) counts.passed++;
        else console.log(`otherwise: ${path} #${connection.id} ${side}: ${otherwise}`);
      }
    }
  }
} finally {
  await Deno.remove(scratch, { recursive: true });
}
const { captures, scripts, understood, played, passed } = counts;
console.log(`${scripts} scripts of ${captures} captures: packetdrill understands ${understood}`);
if (kernel) console.log(`${played} played against the kernel: ${passed} pass`);
Deno.exit(understood < scripts ? 1 : 0);
