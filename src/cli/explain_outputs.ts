/**
 * Files that `explain` makes beside what it prints: pictures, scripts, traces.
 *
 * Owns: the options that name them, which connections go into one, and the writing. Must not know: how any of them is made.
 *
 * Another kind of file is another member of {@link OUTPUTS}, and an option of its name.
 */
import { basename } from "@std/path";
import { ladderSvg } from "../observe/ladder_svg.ts";
import { qlogText } from "../observe/qlog.ts";
import { packetdrillScript } from "../observe/packetdrill_script.ts";
import type { ConnectionStory } from "../story/connection_story.ts";
import type { ExplainedFile } from "../story/explain_json.ts";
import { ladderOf } from "../story/ladder.ts";
import type { Story } from "../story/story.ts";
import type { EndName } from "../story/story_segment.ts";
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
        connections: readonly ConnectionStory[],
      ) => string | Promise<string>;
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
      all: async ({ file }, connections) => {
        const { standalonePage } = await import("../web/standalone_page.ts");
        return await standalonePage({ title: basename(file.file), version: VERSION, connections });
      },
    },
  },
  {
    name: "script",
    rows: SCRIPT_ROWS,
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
      all: ({ file, side }, connections) => qlogText(connections, { side, source: basename(file.file) }),
    },
  },
];

function refuseGivenUp(connection: ConnectionStory): void {
  if (connection.rows().every((row) => row.kind !== "run" || row.isOpenable)) return;
  const { id } = connection;
  throw new CliError(
    `--script: not all segments of connection #${id} are kept (${SCRIPT_ROWS} of one, fewer of many): ` +
      `add --connection ${id}, or cut the capture (editcap -A, -B)`,
  );
}

/** A file that is wanted. */
interface WantedOutput {
  readonly rows: number;
  readonly keepsHeaders: boolean;
  write(source: ExplainSource): Promise<void>;
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
      rows,
      keepsHeaders,
      write: async (source: ExplainSource) => {
        const connections = chosenConnections(source);
        const made = "one" in of
          ? await of.one(onlyOne(connections, name), source)
          : await of.all(source, connections);
        await writeOutput(path, { option: name, text: made });
      },
    }];
  });
}

/** Those of which the rows are kept. */
function chosenConnections({ story, selection }: ExplainSource): ConnectionStory[] {
  const numbers = new Set<number>();
  for (const one of story.explanations()) if (selection.has(one)) numbers.add(one.id);
  return [...story.connections()].filter(({ id }) => numbers.has(id));
}

function onlyOne(connections: readonly ConnectionStory[], option: string): ConnectionStory {
  const [first, ...others] = connections;
  if (first === undefined) {
    throw new CliError(
      `--${option}: no connection is chosen that could be written: see --connection and FILTER`,
    );
  }
  if (others.length > 0) {
    throw new CliError(
      `--${option} is made of one connection, and ${connections.length} are chosen: add --connection ${first.id}, or another of them`,
    );
  }
  return first;
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
