/**
 * `tcplab play`: the playground, as a file or on a loopback address.
 *
 * Owns: the options, and where the document goes. Must not know: what is in it.
 */
import { delay } from "@std/async/delay";
import { findScenario, SCENARIOS } from "../play/scenarios.ts";
import { nearestName } from "../observe/nearest_name.ts";
import { findPageDocument } from "../web/page_document.ts";
import { PlayServer } from "../web/play_server.ts";
import { CliError, type Command, EXIT_DONE, UsageError } from "./command.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "./options.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { parsePageAddress } from "./page_address.ts";
import { reachablePage } from "./page_forwarding.ts";
import { listenForStop } from "./signals.ts";
import { printError, printLine, printOut } from "./terminal.ts";

/** Beside the live page's, so that both can be open. */
const DEFAULT_ADDRESS = "127.0.0.1:8034";
const TO_STDOUT = "-";
/** Local choice: a browser of this machine has read its answer long before. */
const PATIENCE_MS = 300;

const OPTIONS = [
  {
    name: "output",
    alias: "o",
    kind: "value",
    value: "FILE",
    help: "write the page as one HTML file; - for standard output",
  },
  {
    name: "address",
    kind: "value",
    value: "HOST:PORT",
    help: `where a browser of this machine finds it (${DEFAULT_ADDRESS}; port 0: any that is free)`,
  },
  {
    name: "scenario",
    kind: "value",
    value: "NAME",
    choices: SCENARIOS.map(({ name }) => name),
    help: `with which it begins: ${SCENARIOS.map(({ name }) => name).join(", ")}`,
  },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "play",
  synopsis: "[--output FILE | --address HOST:PORT] [--scenario NAME]",
  description:
    `The playground: two hosts of the real machine, a cable and a virtual clock in a browser's page. Connect, send,
close, lose a segment, go step by step, go back to any segment and on from there differently, with both courses side by side.
Without --output it is served until Ctrl-C, to browsers of this machine alone. The file needs neither a server nor the
Internet, and its address, from # on, holds the whole set-up.`,
  options: OPTIONS,
  examples: [
    ["tcplab play", "serves it; open the address that is printed"],
    ["tcplab play --output playground.html", "one file to open, to send, or to put on a web site"],
    ["tcplab play --scenario zero-window", "begins with a window that closes"],
  ],
};

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const output = options.value("output");
  const address = options.value("address");
  const fragment = fragmentFor(options.value("scenario"));
  if (output !== undefined && address !== undefined) {
    throw new UsageError("--output writes a file and --address serves the page: give one of them");
  }
  if (output !== undefined) return await write(output, fragment);
  const { hostname, port } = parsePageAddress({ option: "address", text: address ?? DEFAULT_ADDRESS });
  using signals = listenForStop();
  const document = await findPageDocument("play");
  const server = new PlayServer({ hostname, port, document });
  using reach = await reachablePage(server.url);
  printLine(`Playground: ${reach.url}${fragment}`);
  printError("Ctrl-C ends it; an open page goes on without it");
  const why = await Promise.race([signals.graceful.then(() => null), server.broken]);
  if (why !== null) throw new CliError(`${why}. Start again for another one`);
  await server.close(Promise.race([signals.atOnce, delay(PATIENCE_MS)]));
  return EXIT_DONE;
}

async function write(path: string, fragment: string): Promise<number> {
  const document = await findPageDocument("play");
  if (path === TO_STDOUT) {
    if (Deno.stdout.isTerminal()) {
      throw new UsageError(
        "The page is no text for a terminal: give --output a file, or send it somewhere with >",
      );
    }
    printOut(document);
    return EXIT_DONE;
  }
  using file = openOutputFile(path, { option: "--output", isSecret: false });
  try {
    const bytes = new TextEncoder().encode(document);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (error) {
    throw new CliError(`${cannotWrite(path, error)}: make room, or give --output another place`);
  }
  printError(
    `${path} is written (${Math.ceil(document.length / 1000)} kB): open it in a browser${
      fragment === "" ? "" : `, with ${fragment} behind its name`
    }`,
  );
  return EXIT_DONE;
}

function fragmentFor(name: string | undefined): string {
  if (name === undefined) return "";
  if (findScenario(name) !== null) return `#s=${name}`;
  const names = SCENARIOS.map((scenario) => scenario.name);
  const nearest = nearestName(name, names);
  throw new UsageError(
    `There is no scenario "${name}": ${nearest === null ? names.join(", ") : `did you mean ${nearest}?`}`,
  );
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "the playground: two hosts in a browser's page, served or as one HTML file",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
