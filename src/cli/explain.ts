/**
 * `tcplab explain`: a capture's connections.
 *
 * Owns: the options, when reading ends, and what is printed. Must not know: files, packets.
 */
import { counted, readSegments } from "./capture_segments.ts";
import { type Command, EXIT_DONE } from "./command.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { SegmentCounts } from "./segment_counts.ts";
import { listenForStop, type StopSignals } from "./signals.ts";
import { printLine } from "./terminal.ts";

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

async function run(args: string[]): Promise<number> {
  const [path] = parseOptions(args, SYNTAX).positionals;
  using signals = listenForStop();
  const counts = new SegmentCounts();
  const tally = await readSegments(path, {
    onSegment: (segment) => counts.add(segment),
    stop: path === "-" ? afterLastWords(signals) : signals.graceful,
  });
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
  const lines = counts.connections().map(({ source, destination, vlans, there, back }, i) => {
    const ends = `${source} > ${destination}`;
    const vlan = vlans.length === 0 ? "" : ` vlan ${vlans.join(".")}`;
    const ways = [there, back].map(({ segments, bytes }) => `${counted(segments, "segment")}, ${bytes} B`);
    return `#${i + 1}  ${ends}${vlan}  there ${ways[0]}  back ${ways[1]}`;
  });
  if (counts.uncounted > 0) {
    lines.push(`and ${counted(counts.uncounted, "segment")} of connections beyond these`);
  }
  return lines;
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "tells the TCP connections of a capture, pcap or pcapng",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
