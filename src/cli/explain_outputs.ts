/**
 * Files that `explain` makes beside what it prints: pictures, scripts, traces.
 *
 * Owns: the options that name them, which connections go into one, the writing, and the lines that say what is not in it. Must not know: how
 * any of them is made.
 *
 * Another kind of file is another member of {@link OUTPUTS}, and an option of its name.
 */
import { basename } from "@std/path";
import { ladderSvg } from "../observe/ladder_svg.ts";
import { qlogText } from "../observe/qlog.ts";
import { packetdrillScript } from "../script/script_of_connection.ts";
import type { ConnectionStory } from "../story/connection_story.ts";
import type { ExplainedFile } from "../story/explain_json.ts";
import { ladderOf } from "../story/ladder.ts";
import type { Story } from "../story/story.ts";
import type { EndName } from "../story/story_segment.ts";
import { counted } from "../observe/text_layout.ts";
import { CliError } from "./command.ts";
import type { Selection } from "./explain_selection.ts";
import { parseChoice, parseFileName } from "./option_values.ts";
import type { OptionSpec } from "./options.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { VERSION } from "./version.ts";

const SIDES = ["client", "server"] as const satisfies readonly EndName[];
const GROUP = "Outputs, each a file beside what is printed";

/** The options. */
export const OUTPUT_OPTIONS = [
  {
    name: "svg",
    kind: "value",
    value: "OUT",
    help: "the ladder of one connection as a picture",
    group: GROUP,
  },
  {
    name: "html",
    kind: "value",
    value: "OUT",
    help: "the chosen connections as a page that stands alone: states, ladder, headers, charts",
    group: GROUP,
  },
  {
    name: "script",
    kind: "value",
    value: "OUT",
    help: "one connection as a packetdrill script",
    group: GROUP,
  },
  {
    name: "qlog",
    kind: "value",
    value: "OUT",
    help: "the chosen connections as qlog, which qvis draws",
    group: GROUP,
  },
  {
    name: "side",
    kind: "value",
    value: SIDES.join("|"),
    help: "the end that is the stack under test in a script, and that qlog looks from (server)",
    group: GROUP,
  },
] as const satisfies readonly OptionSpec[];

type OutputName = Exclude<typeof OUTPUT_OPTIONS[number]["name"], "side">;

/** What a file is made of. */
export interface ExplainSource {
  readonly file: ExplainedFile;
  readonly story: Story;
  readonly selection: Selection;
  /** The end that a script is to test. */
  readonly side: EndName;
}

/** Those that go into a file. */
interface ChosenConnections {
  readonly kept: readonly ConnectionStory[];
  /** How many more are chosen, of which no segments are kept. */
  readonly unkept: number;
}

/** A file's text, and lines about what is not in it. */
interface MadeFile {
  readonly text: string;
  readonly missing?: readonly string[];
}

/** A kind of file. */
interface OutputKind {
  readonly name: OutputName;
  /** Rows of a connection that it needs, the last ones. */
  readonly rows: number;
  /** Whether it shows headers byte by byte. */
  readonly keepsHeaders?: true;
  /** The file's text: of one connection, where it can hold no more. */
  readonly of:
    | { readonly one: (connection: ConnectionStory, source: ExplainSource) => string | Promise<string> }
    | {
      readonly all: (
        source: ExplainSource,
        connections: ChosenConnections,
      ) => MadeFile | Promise<MadeFile>;
    };
}

/** Local choice: a picture draws some hundred lines, into which these fold. */
const PICTURE_ROWS = 4096;

/** Local choice: a script of so many segments is 10 MB long, and nobody's test any more. */
const SCRIPT_ROWS = 100_000;

const OUTPUTS: readonly OutputKind[] = [
  {
    name: "svg",
    rows: PICTURE_ROWS,
    of: {
      one: (connection, { file }) =>
        ladderSvg(ladderOf(connection), { title: `${basename(file.file)}, connection #${connection.id}` }),
    },
  },
  {
    name: "html",
    rows: PICTURE_ROWS,
    keepsHeaders: true,
    of: {
      all: async ({ file }, { kept, unkept }) => {
        const { MOST_CONNECTIONS, standalonePage } = await import("../web/standalone_page.ts");
        const title = basename(file.file);
        const text = await standalonePage({ title, version: VERSION, connections: kept, unkept });
        const beyond = kept.length - MOST_CONNECTIONS;
        if (beyond <= 0) return { text };
        return {
          text,
          missing: [
            `the first ${MOST_CONNECTIONS} connections are in the page, ${counted(beyond, "other")} left out`,
          ],
        };
      },
    },
  },
  {
    name: "script",
    rows: SCRIPT_ROWS,
    keepsHeaders: true,
    of: {
      one: (connection, { file, side }) => {
        refuseGivenUp(connection);
        return packetdrillScript(connection, { side, source: basename(file.file) });
      },
    },
  },
  {
    name: "qlog",
    rows: SCRIPT_ROWS,
    of: {
      all: ({ file, side }, { kept }) => {
        const text = qlogText(kept, { side, source: basename(file.file) });
        const cut = kept.filter((connection) => givenUpOf(connection) > 0);
        if (cut.length === 0) return { text };
        const segments = cut.reduce((sum, connection) => sum + givenUpOf(connection), 0);
        const whose = cut.length === 1 ? `connection #${cut[0].id}` : counted(cut.length, "connection");
        return { text, missing: [`${counted(segments, "segment")} of ${whose} left out: ${KEPT_SEGMENTS}`] };
      },
    },
  },
];

const KEPT_SEGMENTS =
  `the last ${SCRIPT_ROWS} of one are kept, fewer of many; choose fewer by --connection, or cut the capture (editcap -A, -B)`;

function refuseGivenUp(connection: ConnectionStory): void {
  const segments = givenUpOf(connection);
  if (segments === 0) return;
  throw new CliError(
    `--script: ${counted(segments, "segment")} of connection #${connection.id} missing: ${KEPT_SEGMENTS}`,
  );
}

/** Segments of a connection that its story has let go. */
function givenUpOf(connection: ConnectionStory): number {
  return connection.rows().reduce(
    (sum, row) => row.kind === "run" && !row.isOpenable ? sum + row.count : sum,
    0,
  );
}

/** A file that is wanted. */
interface WantedOutput {
  readonly name: OutputName;
  readonly path: string;
  readonly rows: number;
  readonly keepsHeaders: boolean;
  /** Writes it; gives the lines about what is not in it. */
  write(source: ExplainSource): Promise<readonly string[]>;
}

/** The end that is the stack under test. */
export function parseSide(text: string | undefined): EndName {
  return parseChoice({ option: "side", text: text ?? "server" }, SIDES);
}

/** Those that the options ask for. */
export function outputsWanted(value: (name: OutputName) => string | undefined): WantedOutput[] {
  return OUTPUTS.flatMap(({ name, rows, keepsHeaders = false, of }) => {
    const text = value(name);
    if (text === undefined) return [];
    const path = parseFileName({ option: name, text });
    return [{
      name,
      path,
      rows,
      keepsHeaders,
      write: async (source: ExplainSource) => {
        const chosen = chosenConnections(source);
        const first = firstOf(chosen, name);
        const { text, missing = [] }: MadeFile = "one" in of
          ? { text: await of.one(onlyOne(chosen, { first, option: name }), source) }
          : await of.all(source, chosen);
        await writeOutput(path, { option: name, text });
        return [...unkeptLines(chosen), ...missing].map((line) => `--${name}: ${line}`);
      },
    }];
  });
}

function chosenConnections({ story, selection }: ExplainSource): ChosenConnections {
  const numbers = new Set<number>();
  for (const one of story.explanations()) if (selection.has(one)) numbers.add(one.id);
  const kept = [...story.connections()].filter(({ id }) => numbers.has(id));
  const { forgotten } = story.givenUp;
  return { kept, unkept: numbers.size - kept.length + (selection.isAll ? forgotten : 0) };
}

/** A file of nothing would look like one that was made. */
function firstOf({ kept, unkept }: ChosenConnections, option: string): ConnectionStory {
  const [first] = kept;
  if (first !== undefined) return first;
  throw new CliError(
    unkept === 0
      ? `--${option}: no connection is chosen, and nothing is written: see --connection and FILTER`
      : `--${option}: no segments are kept of what is chosen, and nothing is written: choose by --connection N`,
  );
}

function onlyOne(
  { kept, unkept }: ChosenConnections,
  { first, option }: { first: ConnectionStory; option: string },
): ConnectionStory {
  const count = kept.length + unkept;
  if (count === 1) return first;
  throw new CliError(
    `--${option} is made of one connection, and ${count} are chosen: add --connection ${first.id}, or another of them`,
  );
}

function unkeptLines({ kept, unkept }: ChosenConnections): string[] {
  if (unkept === 0) return [];
  return [
    `${unkept} of ${counted(kept.length + unkept, "connection")} left out, of which no segments are kept: ` +
    "choose by --connection N[,N...]",
  ];
}

async function writeOutput(path: string, { option, text }: { option: string; text: string }): Promise<void> {
  const file = openOutputFile(path, { option: `--${option}` });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let offset = 0; offset < bytes.length;) offset += await file.write(bytes.subarray(offset));
  } catch (error) {
    throw new CliError(`${cannotWrite(path, error)}: make room there, or give --${option} another file`);
  } finally {
    file.close();
  }
}
