/**
 * `tcplab explain`: a capture's connections.
 *
 * Owns: the options, which packets are segments, and what is said where a capture cannot be read, or not to its end. Must not know: file
 * formats, headers.
 */
import { formatEndpoint } from "../wire/address.ts";
import type { CapturedPacket, CaptureProblem } from "../wire/capture_packet.ts";
import { DissectedSegment, Dissector, type SkipReason } from "../wire/dissect.ts";
import { named, readCapture } from "./capture_input.ts";
import { CliError, type Command, EXIT_DONE } from "./command.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { SegmentCounts } from "./segment_counts.ts";
import { listenForStop, type StopSignals } from "./signals.ts";
import { printError, printLine } from "./terminal.ts";

const OPTIONS = [] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "explain",
  synopsis: "FILE",
  description:
    `Reads a capture, pcap or pcapng, compressed by gzip or not, and tells the TCP connections in it. FILE may be - for standard
input. Link types: Ethernet with any number of VLAN tags, Linux cooked captures (tcpdump -i any), raw IP, loopback. What
cannot be read (fragments, headers that the capture cut, other protocols) is counted. A file that is cut or damaged is
told as far as it goes; Ctrl-C ends the reading of a pipe, and what was read is told.`,
  options: OPTIONS,
  positionals: { least: 1, most: 1, expected: "a capture file, or - for standard input" },
  examples: [
    ["tcplab explain capture.pcapng.gz", "the connections of a capture"],
    ["tcpdump -i eth0 -U -w - tcp port 3333 | tcplab explain -", "of what passes until Ctrl-C"],
  ],
};

/** Local choice: Ctrl-C reaches the writer of a pipe too, who then has this long to hand over what it still has. */
const LAST_WORDS_MS = 500;

/** What a capture held besides segments. */
interface CaptureTally {
  frames: number;
  segments: number;
  readonly skipped: Map<SkipReason, number>;
  /** Of packets whose link header is not known. */
  readonly unknownLinkTypes: Map<number, number>;
}

/** Reads a capture, and hands on each segment together with its packet; the first is filled again and again. */
async function readSegments(
  path: string,
  { onSegment, stop }: {
    readonly onSegment: (dissected: DissectedSegment, packet: CapturedPacket) => void;
    readonly stop?: Promise<unknown>;
  },
): Promise<CaptureTally> {
  const tally: CaptureTally = { frames: 0, segments: 0, skipped: new Map(), unknownLinkTypes: new Map() };
  const dissector = new Dissector();
  const dissected = new DissectedSegment();
  const { problem, wasStopped } = await readCapture(path, {
    ...(stop === undefined ? {} : { stop }),
    onPacket: (packet) => {
      tally.frames += 1;
      const reason = dissector.dissect(packet, dissected);
      if (reason === null) {
        tally.segments += 1;
        onSegment(dissected, packet);
        return;
      }
      countOne(tally.skipped, reason);
      if (reason === "link-type") countOne(tally.unknownLinkTypes, packet.interface.linkType);
    },
  });
  if (problem !== null) tellProblem(path, problem, tally.frames);
  if (wasStopped) {
    printError(`${named(path)}: stopped after ${counted(tally.frames, "packet")}, which are told`);
  }
  return tally;
}

/** Where nothing at all could be read it is an error, otherwise a notice. */
function tellProblem(path: string, { kind, text, offset }: CaptureProblem, frames: number): void {
  const line = `${named(path)}: ${text}`;
  if (kind === "not-a-capture") throw new CliError(line);
  const place = ` (byte ${offset})`;
  if (frames === 0) throw new CliError(`${line}${place}: no packet could be read`);
  printError(`${line}${place}: told is what was before, ${counted(frames, "packet")}`);
}

/** Says why there is nothing to be told; the packets of a link type that is not known are an error if there are no others. */
function tellEmptiness(path: string, tally: CaptureTally): void {
  const types = [...tally.unknownLinkTypes.keys()];
  const unknown = tally.skipped.get("link-type") ?? 0;
  if (unknown > 0) {
    const names = `link type${types.length === 1 ? "" : "s"} ${types.join(", ")}`;
    const known = "Ethernet, Linux cooked, raw IP and loopback are";
    if (unknown === tally.frames) throw new CliError(`${named(path)}: ${names} is not known here; ${known}`);
    printError(`${named(path)}: ${counted(unknown, "packet")} of ${names} not read; ${known} known`);
  }
  if (tally.segments > 0) return;
  const others = [...tally.skipped].map(([reason, count]) => `${count} ${reason}`).join(", ");
  printError(
    tally.frames === 0
      ? `${named(path)}: no packet in it`
      : `${named(path)}: no TCP in it (${counted(tally.frames, "packet")}: ${others})`,
  );
}

async function run(args: string[]): Promise<number> {
  const [path] = parseOptions(args, SYNTAX).positionals;
  using signals = listenForStop();
  const counts = new SegmentCounts();
  const tally = await readSegments(path, {
    onSegment: (dissected) => counts.add(dissected),
    stop: path === "-" ? afterLastWords(signals) : signals.graceful,
  });
  tellEmptiness(path, tally);
  if (tally.segments === 0) return EXIT_DONE;
  for (const line of countLines(counts)) printLine(line);
  const skipped = [...tally.skipped].map(([reason, count]) => `${reason} ${count}`);
  if (skipped.length > 0) printLine(`skipped: ${skipped.join(", ")}`);
  return EXIT_DONE;
}

async function afterLastWords({ graceful, atOnce }: StopSignals): Promise<void> {
  await graceful;
  await Promise.race([atOnce, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
}

/** A line for each connection: its ends, and what went each way. */
function countLines(counts: SegmentCounts): string[] {
  const lines = counts.connections().map(
    ({ source, sourcePort, target, targetPort, vlans, there, back }, i) => {
      const ends = `${formatEndpoint(source, sourcePort)} > ${formatEndpoint(target, targetPort)}`;
      const vlan = vlans.length === 0 ? "" : ` vlan ${vlans.join(".")}`;
      const ways = [there, back].map(({ segments, bytes }) => `${counted(segments, "segment")}, ${bytes} B`);
      return `#${i + 1}  ${ends}${vlan}  there ${ways[0]}  back ${ways[1]}`;
    },
  );
  if (counts.uncounted > 0) {
    lines.push(`and ${counted(counts.uncounted, "segment")} of connections beyond these`);
  }
  return lines;
}

function countOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "tells the TCP connections of a capture, pcap or pcapng",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
