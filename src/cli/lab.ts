/**
 * The `lab` command: two network namespaces joined by a veth pair, made, used and removed.
 *
 * Owns: the command's words and what it tells. Must not know: how namespaces are made (named_lab.ts,
 * private_lab.ts).
 */
import { bold } from "@std/fmt/colors";
import { runAttached } from "./attached_process.ts";
import { CliError, type Command, EXIT_DONE, UsageError } from "./command.ts";
import {
  LAB_MTU_RANGE,
  LAB_SIDES,
  type LabOptions,
  type LabPlan,
  type LabSide,
  planLab,
} from "./lab_network.ts";
import { inspectNamedLab, raiseNamedLab, removeNamedLab } from "./named_lab.ts";
import { type ParsedOptions, parseOptions, type Syntax, usageText } from "./options.ts";
import { labEnvironment, LabRefused, PrivateLab, privateLabEnvironment } from "./private_lab.ts";
import { programName } from "./self_command.ts";
import { environmentVariable, printError, printLine } from "./terminal.ts";

/** The prefix of the namespaces' names when `--name` is not given. */
const DEFAULT_LAB_NAME = "tcplab";

const SYNTAX = {
  command: "lab",
  synopsis: "up|down|status|exec SIDE [-- COMMAND]|shell [-- COMMAND] [OPTIONS]",
  description: `Two network namespaces joined by a veth pair: a lab on one host.

  up       makes tcplab-server and tcplab-client (or configures again what is there); needs root
  down     removes both, and the pair between them
  status   says what of them there is
  exec     runs a COMMAND (default: a shell) on the server or the client side, with its exit status
  shell    a lab of its own for one COMMAND (default: a shell): needs no rights where the kernel allows user
           namespaces, and is gone with it; its namespaces are called "server" and "client"

  server: veth-server 10.33.0.1/24    client: veth-client 10.33.0.2/24    free for tcplab: 10.33.0.3`,
  options: [
    {
      name: "name",
      kind: "value",
      value: "PREFIX",
      help: "prefix of the namespaces' names, for several labs (default tcplab)",
    },
    { name: "mtu", kind: "value", value: "BYTES", help: "largest IP packet of both devices (default 1500)" },
    {
      name: "offloads",
      kind: "value",
      value: "on|off",
      help: "on (default): partial checksums and frames above the MTU, as veth has them; off needs ethtool",
    },
  ],
  positionals: {
    least: 1,
    most: 2,
    expected: "up, down, status, exec server|client, or shell",
    words: [["up", "down", "status", "exec", "shell"], ["server", "client"]],
  },
  examples: [
    ["sudo tcplab lab up", "make the lab"],
    ["sudo tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3", "the server"],
    ["sudo ip netns exec tcplab-client nc 10.33.0.3 3333", "a client beside it"],
    ["sudo tcplab lab down", "remove the lab"],
  ],
} as const satisfies Syntax;

type LabParsed = ParsedOptions<(typeof SYNTAX.options)[number]["name"]>;

/** The `lab` command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "makes, uses and removes a lab: two network namespaces joined by a veth pair",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run: runLab,
};

async function runLab(args: string[]): Promise<number> {
  const end = args.indexOf("--");
  const words = end < 0 ? [] : args.slice(end + 1);
  const parsed = parseOptions(end < 0 ? args : args.slice(0, end), SYNTAX);
  const [verb, sideText] = parsed.positionals;
  if (sideText !== undefined && verb !== "exec") {
    throw new UsageError(`lab ${verb} takes no further word, but there is "${sideText}"`);
  }
  if (end >= 0 && verb !== "exec" && verb !== "shell") {
    throw new UsageError(`lab ${verb} takes no command after --`);
  }
  const options = labOptions(parsed);
  if (verb === "shell") return await shell(options, words);
  const plan = planLab({ ...options, name: options.name ?? DEFAULT_LAB_NAME });
  switch (verb) {
    case "up":
      return await up(plan);
    case "down":
      return await down(plan);
    case "status":
      return await status(plan);
    case "exec":
      return await exec(plan, { side: parseSide(sideText), words });
    default:
      throw new UsageError(`Unknown word "${verb}": expected ${SYNTAX.positionals.expected}`);
  }
}

function labOptions(parsed: LabParsed): LabOptions {
  const name = parsed.value("name");
  // The name becomes a file below /run/netns; 48 letters are a local choice that leaves room for the suffix.
  if (name !== undefined && !/^[A-Za-z0-9][\w.-]{0,47}$/.test(name)) {
    throw new UsageError(`"${name}" is not a lab's name: letters, digits, "-", "_" and "." only`);
  }
  const mtuText = parsed.value("mtu");
  const mtuBytes = Number(mtuText);
  const { least, most } = LAB_MTU_RANGE;
  if (mtuText !== undefined && !(Number.isInteger(mtuBytes) && mtuBytes >= least && mtuBytes <= most)) {
    throw new UsageError(`"${mtuText}" is not an MTU: give a number from ${least} to ${most}`);
  }
  const offloads = parsed.value("offloads") ?? "on";
  if (offloads !== "on" && offloads !== "off") {
    throw new UsageError(`--offloads is on or off, not "${offloads}"`);
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(mtuText === undefined ? {} : { mtuBytes }),
    offloads: offloads === "on",
  };
}

function parseSide(text: string | undefined): LabSide {
  const side = LAB_SIDES.find((candidate) => candidate === text);
  if (side === undefined) {
    throw new UsageError(`lab exec needs a side: server or client, then -- and the command`);
  }
  return side;
}

async function up(plan: LabPlan): Promise<number> {
  const found = await raiseNamedLab(plan);
  printLine(found === "made" ? "The lab is up." : "The lab was up already; it is configured again.");
  describe(plan);
  const program = programName();
  printLine(`\nWhat to type next:
  sudo ${program} lab exec server -- ${program} serve --iface ${plan.devices.server} --ip ${plan.tcplabAddress}
  sudo ip netns exec ${plan.namespaces.client} nc ${plan.tcplabAddress} 3333
  sudo ${program} lab down`);
  return EXIT_DONE;
}

function describe(plan: LabPlan): void {
  const width = Math.max(...LAB_SIDES.map((side) => plan.namespaces[side].length));
  for (const side of LAB_SIDES) {
    const address = `${plan.addresses[side]}/${plan.prefixLength}`;
    printLine(`  ${bold(plan.namespaces[side].padEnd(width))}  ${plan.devices[side]}  ${address}`);
  }
  printLine(`  ${"tcplab".padEnd(width)}  on either device: ${plan.tcplabAddress}, which no kernel owns`);
}

async function down(plan: LabPlan): Promise<number> {
  const { removed, processes } = await removeNamedLab(plan);
  if (removed.length === 0) printLine("There is no lab, and nothing to remove.");
  else printLine(`Removed ${removed.join(" and ")}, and the pair between them.`);
  if (processes.length > 0) {
    printError(`Still running, cut off from everything: ${processes.join(", ")}; end them with kill.`);
  }
  return EXIT_DONE;
}

async function status(plan: LabPlan): Promise<number> {
  const state = await inspectNamedLab(plan);
  if (state.complete) {
    printLine("The lab is up.");
    describe(plan);
  } else if (state.empty) {
    printLine(
      `The lab is down: there is no ${LAB_SIDES.map((side) => plan.namespaces[side]).join(", no ")}.`,
    );
  } else {
    const missing = LAB_SIDES.flatMap((side) => {
      const { namespace, device } = state.sides[side];
      return !namespace
        ? [plan.namespaces[side]]
        : device
        ? []
        : [`${plan.devices[side]} in ${plan.namespaces[side]}`];
    });
    printLine(`The lab is there in part (missing, or not to be seen without root: ${missing.join(", ")}).`);
  }
  return EXIT_DONE;
}

async function exec(plan: LabPlan, what: { side: LabSide; words: readonly string[] }): Promise<number> {
  const namespace = plan.namespaces[what.side];
  const state = await inspectNamedLab(plan);
  if (!state.sides[what.side].namespace) {
    throw new CliError(
      `There is no namespace ${namespace}: make the lab first, with "sudo ${programName()} lab up"`,
    );
  }
  return await runAttached(["ip", "netns", "exec", namespace, ...orShell(what.words)], labEnvironment());
}

async function shell(options: LabOptions, words: readonly string[]): Promise<number> {
  if (options.name !== undefined) {
    throw new UsageError("lab shell takes no --name: its lab has no name on this host");
  }
  try {
    await using lab = await PrivateLab.open(options);
    if (words.length === 0) {
      printError(
        `A lab for this shell alone: "ip netns exec server ..." and "ip netns exec client ..."; exit ends it.`,
      );
    }
    const enter = lab.enter(["sh", "-c", 'cd "$0" 2>/dev/null; exec "$@"', Deno.cwd(), ...orShell(words)]);
    return await runAttached(enter, privateLabEnvironment());
  } catch (error) {
    if (!(error instanceof LabRefused)) throw error;
    throw new CliError(
      `A private lab cannot be had here (${error.message}); "sudo ${programName()} lab up" may work`,
    );
  }
}

function orShell(words: readonly string[]): readonly string[] {
  return words.length > 0 ? words : [environmentVariable("SHELL") ?? "/bin/sh"];
}
