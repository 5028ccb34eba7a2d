/**
 * The entry of the command line: finds the command, runs it, turns errors into one line and an exit status.
 *
 * Owns: the list of commands, `--help` and `--version`, the exit status. A command's module is loaded only when
 * the command is run, so that help is quick and opens no library.
 * Must not know: what a command does.
 */
import { bold } from "@std/fmt/colors";
import { nearestName } from "../observe/nearest_name.ts";
import type { Command } from "./command.ts";
import {
  CliError,
  errorLine,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_USAGE,
  isForAPerson,
  synopsisOf,
  UsageError,
} from "./command.ts";
import { DOCUMENTS } from "./documents.ts";
import { ENVIRONMENT_VARIABLES } from "./environment.ts";
import { definitionLines, wantsHelp } from "./options.ts";
import {
  endAsides,
  environmentVariable,
  OutputClosedError,
  printError,
  printOut,
  setUpColors,
} from "./terminal.ts";

/** A command as the list knows it, before its module is loaded. */
interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order of the help text. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "the TCP server on a device, with every segment and every state change shown",
    load: async () => (await import("./serve.ts")).command,
  },
  {
    name: "connect",
    summary: "the active side: opens a connection from a device, and shows the client's states",
    load: async () => (await import("./connect.ts")).command,
  },
  {
    name: "client",
    summary: "the lab's client, over the kernel's own TCP: connects, sleeps, closes",
    load: async () => (await import("./kernel_client.ts")).command,
  },
  {
    name: "netstat",
    summary: "the connections of the running servers, which the kernel's netstat cannot show",
    load: async () => (await import("./netstat.ts")).command,
  },
  {
    name: "table",
    summary: "prints the transition table, as text, markdown, JSON or a diagram",
    load: async () => (await import("./table.ts")).command,
  },
  {
    name: "why",
    summary: "what a rule, a row or a state means: sentence, RFC, line of the source, test",
    load: async () => (await import("./why.ts")).command,
  },
  {
    name: "explain",
    summary: "tells the TCP connections of a capture, pcap or pcapng",
    load: async () => (await import("./explain.ts")).command,
  },
  {
    name: "run",
    summary: "plays packetdrill scripts against our own stack, on a virtual clock",
    load: async () => (await import("./run.ts")).command,
  },
  {
    name: "play",
    summary: "the playground: two hosts in a browser's page, served or as one HTML file",
    load: async () => (await import("./play.ts")).command,
  },
  {
    name: "lab",
    summary: "makes, uses and removes a lab: network namespaces joined by veth pairs",
    load: async () => (await import("./lab.ts")).command,
  },
  {
    name: "demo",
    summary:
      "plays the whole story in a private lab: server, kernel client, netstat, table expected against seen",
    load: async () => (await import("./demo.ts")).command,
  },
  {
    name: "doctor",
    summary: "checks library, rights, device, address and firewall, and says how to mend each",
    load: async () => (await import("./doctor.ts")).command,
  },
  {
    name: "interfaces",
    summary: "lists the devices that libpcap sees, and which of them can be used",
    load: async () => (await import("./interfaces.ts")).command,
  },
  {
    name: "completion",
    summary: "prints the script by which bash, zsh or fish completes command lines",
    load: async () => (await import("./completion.ts")).command,
  },
  {
    name: "man",
    summary: "prints the manual page, for man",
    load: async () => (await import("./man.ts")).command,
  },
];

/** All commands with their modules, in the order of the list. */
export function loadCommands(): Promise<Command[]> {
  return Promise.all(COMMANDS.map(({ load }) => load()));
}

/** Runs the command line; gives the exit status. Never throws for what a person can cause. */
async function main(args: readonly string[]): Promise<number> {
  setUpColors();
  const [name, ...rest] = args;
  try {
    if (name === undefined) {
      printError(overview().trimEnd());
      return EXIT_USAGE;
    }
    if (name === "--help" || name === "-h" || name === "help") return await help(rest[0]);
    if (name === "--version" || name === "-V") {
      printOut(await version());
      return EXIT_DONE;
    }
    const command = await findCommand(name);
    if (wantsHelp(rest)) {
      printOut(command.usage);
      return EXIT_DONE;
    }
    return await runCommand(command, rest);
  } catch (error) {
    return report(error, "tcplab", overview());
  }
}

async function runCommand(command: Command, args: string[]): Promise<number> {
  try {
    return await command.run(args);
  } catch (error) {
    return report(error, `tcplab ${command.name}`, command.usage);
  }
}

/** Says what went wrong on stderr; gives the exit status that belongs to it. */
function report(error: unknown, who: string, usage: string): number {
  // Whoever read our output has seen enough (`tcplab table | head`): nothing failed.
  if (error instanceof OutputClosedError) return EXIT_DONE;
  if (error instanceof UsageError) {
    printError(`${who}: ${errorLine(error)}`);
    printError(synopsisOf(usage));
    return EXIT_USAGE;
  }
  const unexpected = !(error instanceof CliError) && !isForAPerson(error);
  const advice = unexpected ? " (a defect of tcplab: TCPLAB_TRACE=1 shows where)" : "";
  printError(`${who}: ${errorLine(error)}${advice}`);
  if (environmentVariable("TCPLAB_TRACE") && error instanceof Error && error.stack) printError(error.stack);
  return EXIT_FAILED;
}

async function findCommand(name: string): Promise<Command> {
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return await entry.load();
  if (name.startsWith("-")) throw new UsageError(`Unknown option ${name}: a command comes first`);
  const nearest = nearestName(name, COMMANDS.map((candidate) => candidate.name));
  const advice = nearest === null ? "tcplab --help lists the commands" : `did you mean ${nearest}?`;
  throw new UsageError(`Unknown command "${name}": ${advice}`);
}

async function help(name: string | undefined): Promise<number> {
  printOut(name === undefined ? overview() : (await findCommand(name)).usage);
  return EXIT_DONE;
}

/** The text of `tcplab --help`. */
function overview(): string {
  return [
    "Usage: tcplab COMMAND [OPTIONS]",
    "",
    "A TCP endpoint that lives in user space and shows its work.",
    "",
    "Commands:",
    ...definitionLines(COMMANDS.map(({ name, summary }) => [name, summary]), bold),
    "",
    "tcplab COMMAND --help explains a command; tcplab --version prints the versions of all that takes part.",
    "",
    "Documents, in the project's folder:",
    ...definitionLines(DOCUMENTS),
    "",
    "Environment:",
    ...definitionLines(ENVIRONMENT_VARIABLES),
    "",
  ].join("\n");
}

/** The text of `tcplab --version`; what is needed for it is loaded only then. */
async function version(): Promise<string> {
  const { pcapVersionOrNull, versionText } = await import("./version_text.ts");
  const { buildInfo } = await import("./build_info.ts");
  return versionText({ build: buildInfo(), pcap: pcapVersionOrNull() });
}

if (import.meta.main) {
  const status = await main(Deno.args);
  await endAsides();
  Deno.exit(status);
}
