/**
 * `tcplab explain`: the story of each connection in a capture.
 *
 * Owns: the options, when reading ends, and the order of what comes out. Must not know: files, packets, how a story is told.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { comesWithin } from "../runtime/patience.ts";
import type { ExplainedFile } from "../story/explain_json.ts";
import { PacketStory } from "../story/from_packets.ts";
import { Story } from "../story/story.ts";
import { type CaptureTally, readSegments } from "./capture_segments.ts";
import { type Command, EXIT_DONE } from "./command.ts";
import { OUTPUT_OPTIONS, outputsWanted, parseSide } from "./explain_outputs.ts";
import { explanationLines, MOST_LADDERS, SHOWN, type Shown } from "./explain_page.ts";
import { parseSelection, type Selection } from "./explain_selection.ts";
import { parseChoice } from "./option_values.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { refuseSameFiles } from "./same_files.ts";
import { listenForStop, type StopSignals } from "./signals.ts";
import { isUtf8, pageWidth, printError, printLine, printOut } from "./terminal.ts";

const OPTIONS = [
  { name: "json", kind: "flag", help: "as JSON, a connection a line" },
  {
    name: "connection",
    alias: "c",
    kind: "list",
    value: "N[,N...]",
    help: "only the connections with these numbers",
  },
  {
    name: "show",
    kind: "value",
    value: SHOWN.join("|"),
    help: "a line, a paragraph, or paragraph and ladder for each connection (what suits their number)",
  },
  ...OUTPUT_OPTIONS,
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "explain",
  synopsis: "FILE [FILTER] [--connection N] [--show FORM] [--json] [OUTPUTS]",
  description:
    `Reads a capture, pcap or pcapng, compressed by gzip or not, and tells the story of each TCP connection in it: how it went,
the states of both ends with the frames by which they were entered and proven, and what is remarkable, in plain words
with frames, confidence, clause of the RFC, and the names that tshark and Zeek have for it.

FILE may be - for standard input. Link types: Ethernet with any number of VLAN tags, MPLS and PPPoE, Linux cooked captures
(tcpdump -i any), raw IP, loopback, PPP. What cannot be read (fragments, headers that the capture cut, other protocols) is counted.
A file that is cut or damaged is told as far as it goes; Ctrl-C ends the reading of a pipe, and what was read is told.
What is chosen and does not go into an output (there are bounds) is said on stderr; of nothing chosen no output is made (status 1).

FILTER is that of ss(8), as for netstat: state STATE, sport, dport OP :PORT, src, dst ADDR[/LEN][:PORT], and, or, not, ( ); the client is
the source, and STATE is the last one of either end.`,
  options: OPTIONS,
  // One for the file; as many words of a filter as netstat takes.
  positionals: {
    least: 1,
    most: 257,
    expected: "a capture file, or - for standard input, and a filter",
    words: ["files", []],
  },
  examples: [
    ["tcplab explain capture.pcapng.gz", "the connections of a capture"],
    ["tcplab explain capture.pcap dport = :443 --show list", "those to one port, a line each"],
    ["tcplab explain capture.pcap -c 3 --svg third.svg", "one connection, and its ladder as a picture"],
    ["tcpdump -i eth0 -U -w - tcp port 3333 | tcplab explain -", "of what passes until Ctrl-C"],
  ],
};

/** Local choice: Ctrl-C reaches the writer of a pipe too, who then has this long to hand over what it still has. */
const LAST_WORDS_MS = 500;

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const [path, ...filterWords] = options.positionals;
  const selection = parseSelection(options.list("connection"), filterWords);
  const shown = options.value("show") === undefined
    ? null
    : parseChoice({ option: "show", text: options.value("show") ?? "" }, SHOWN);
  const outputs = outputsWanted((name) => options.value(name));
  refuseSameFiles(
    { paths: path === "-" ? [] : [path], what: "the capture itself" },
    outputs.map(({ name, path }) => ({ option: `--${name}`, path })),
  );
  const side = parseSide(options.value("side"));
  const isJson = options.flag("json");
  const needsRows = outputs.length > 0 || !isJson && shown !== "list" && shown !== "story";
  const story = new Story({
    ...(needsRows ? {} : { rows: 0 }),
    ...(outputs.length > 0 ? { rows: outputs.reduce((most, { rows }) => Math.max(most, rows), 0) } : {}),
    ...(selection.numbers === null ? {} : { chosen: selection.numbers }),
  });
  // Where the form follows from the number of connections, it soon shows that there will be no ladder.
  const mayHaveLadders = needsRows && (outputs.length > 0 || shown !== null || !selection.isAll);
  const keepsHeaders = outputs.some((output) => output.keepsHeaders);
  const mostLadders = mayHaveLadders ? Infinity : MOST_LADDERS;
  const tally = await read(path, story, { mostLadders, keepsHeaders });
  // What there is was said while it was read; a file that is wanted is refused below, for there is nothing to make it of.
  if (tally.segments === 0 && !isJson && outputs.length === 0) return EXIT_DONE;
  const file = fileOf(path, tally);
  if (isJson) printJson(file, story, selection);
  else if (tally.segments > 0) printPage({ file, story, selection, shown });
  for (const output of outputs) {
    for (const line of await output.write({ file, story, selection, side })) printError(line);
  }
  return EXIT_DONE;
}

/** Reads the capture into the story, which keeps rows as long as there are no more than `mostLadders` connections. */
async function read(
  path: string,
  story: Story,
  { mostLadders, keepsHeaders }: { readonly mostLadders: number; readonly keepsHeaders: boolean },
): Promise<CaptureTally> {
  using signals = listenForStop();
  const packets = new PacketStory(story);
  let keepsRows = true;
  return await readSegments(path, {
    keepsHeaders,
    onSegment: (segment) => {
      packets.add(segment);
      if (!keepsRows || story.count <= mostLadders) return;
      keepsRows = false;
      story.forgetRows();
    },
    stop: path === "-" ? afterLastWords(signals) : signals.graceful,
  });
}

async function afterLastWords({ graceful, atOnce }: StopSignals): Promise<void> {
  await graceful;
  await comesWithin(atOnce, LAST_WORDS_MS);
}

function fileOf(
  path: string,
  { linkType, frames, skipped, shortened, dropped }: CaptureTally,
): ExplainedFile {
  const lost = {
    ...(shortened === 0 ? {} : { shortened }),
    ...(dropped === null ? {} : { dropped }),
  };
  return { file: path, linkType, frames, skipped: Object.fromEntries(skipped), ...lost };
}

/** Connection by connection: of all together no string could be made. */
function printJson(file: ExplainedFile, story: Story, selection: Selection): void {
  const { givenUp } = story;
  const { forgotten, unjudged } = givenUp;
  const head = {
    ...file,
    ...(forgotten > 0 ? { forgotten } : {}),
    ...(unjudged > 0 ? { unjudged } : {}),
  };
  printOut(`${jsonLine(head).slice(0, -1)},"connections":[`);
  let isFirst = true;
  for (const one of story.explanations()) {
    if (!selection.has(one)) continue;
    printOut(`${isFirst ? "" : ","}\n${jsonLine(one)}`);
    isFirst = false;
  }
  printLine(`${isFirst ? "" : "\n"}]}`);
}

/** JSON leaves the second set of control characters as they are, and terminals take some of them for commands. */
function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

function printPage(
  { file, story, selection, shown }: {
    file: ExplainedFile;
    story: Story;
    selection: Selection;
    shown: Shown | null;
  },
): void {
  const width = pageWidth();
  const listWidth = Deno.stdout.isTerminal() ? width : Infinity;
  const page = { width, listWidth, color: getColorEnabled(), isUtf8: isUtf8() };
  for (const line of explanationLines({ file, story, selection, shown, page })) printLine(line);
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "tells the TCP connections of a capture, pcap or pcapng",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
