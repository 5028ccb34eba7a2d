/**
 * The `lab` command: two network namespaces joined by a veth pair, made, used and removed.
 *
 * Owns: the command's words and what it tells. Must not know: how namespaces are made (named_lab.ts,
 * private_lab.ts), what a lab's shell has (lab_shell.ts).
 */
import { bold } from "@std/fmt/colors";
import { orNotFound, runAttached } from "./attached_process.ts";
import { CliError, type Command, EXIT_DONE, UsageError } from "./command.ts";
import {
  LAB_MTU_RANGE,
  LAB_SIDES,
  type LabOptions,
  type LabPlan,
  type LabSide,
  planLab,
} from "./lab_network.ts";
import { labNetstat } from "./lab_netstat.ts";
import { SIDE_SHELL } from "./lab_prompts.ts";
import { demandLabRights } from "./lab_rights.ts";
import { labShell } from "./lab_shell.ts";
import { inspectNamedLab, raiseNamedLab, removeNamedLab } from "./named_lab.ts";
import { type ParsedOptions, parseOptions, type Syntax, usageText } from "./options.ts";
import { ownLab } from "./own_lab.ts";
import { openPageForwarding } from "./page_forwarding.ts";
import { labEnvironment } from "./private_lab.ts";
import { programName } from "./self_command.ts";
import { environmentVariable, printError, printLine } from "./terminal.ts";

/** The prefix of the namespaces' names when `--name` is not given. */
const DEFAULT_LAB_NAME = "tcplab";

const SYNTAX = {
  command: "lab",
  synopsis: "up|down|status|exec SIDE [-- COMMAND]|netstat|shell [-- COMMAND] [OPTIONS]",
  description: `Two network namespaces joined by a veth pair: a lab on one host.

  shell    a private lab for one COMMAND (default: your shell), gone with it, also after kill -9. Needs no
           rights where the kernel allows user namespaces; its namespaces are called "server" and "client".
           --tmux (or: shell -- tmux): the whole lab in one terminal, four panes
  up       makes tcplab-server and tcplab-client (or configures again what is there); needs root
  down     removes both, and the pair between them; needs root
  status   says what of them there is
  exec     runs a COMMAND (default: a shell) on the server or the client side
  netstat  who knows of the connections: tcplab, and the kernels of both sides

shell and exec give the COMMAND's exit status: 127 where there is no such program, 128 and its number for a signal.
In a lab shell, exec, netstat and status mean that lab, and tcplab client runs on the client's side.

  server: veth-server 10.33.0.1/24    client: veth-client 10.33.0.2/24    free for tcplab: 10.33.0.3`,
  options: [
    {
      name: "tmux",
      kind: "flag",
      help: "with shell: four panes of tmux, for server, client, wire and netstat; each says what to type",
    },
    { name: "watch", alias: "w", kind: "flag", help: "with netstat: again every second, until Ctrl-C" },
    {
      name: "name",
      kind: "value",
      value: "PREFIX",
      help: "prefix of the namespaces' names, for several labs (default tcplab); not with shell",
    },
    {
      name: "mtu",
      kind: "value",
      value: "BYTES",
      help: "with up and shell: largest IP packet of both devices (default 1500)",
    },
    {
      name: "offloads",
      kind: "value",
      value: "on|off",
      help:
        "with up and shell: on (default): partial checksums and frames above the MTU, as veth has them; off needs ethtool",
    },
  ],
  positionals: {
    least: 1,
    most: 2,
    expected: "up, down, status, exec server|client, netstat, or shell",
    words: [["up", "down", "status", "exec", "netstat", "shell"], ["server", "client"]],
  },
  examples: [
    ["tcplab lab shell --tmux", "the lab in one terminal, without root"],
    ["tcplab lab shell -- make test", "a command in a lab of its own"],
    ["sudo tcplab lab up", "make a lab with names, for several terminals"],
    ["sudo tcplab lab exec server -- tcplab serve --iface veth-server --ip 10.33.0.3", "the server"],
    ["sudo tcplab lab exec client -- tcplab client 10.33.0.3 3333", "the client"],
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
  refuseMisplaced(parsed, verb);
  if (verb === "shell") return await shell(parsed, { options, words });
  const own = options.name === undefined ? ownLab() : null;
  const plan = own ?? planLab({ ...options, name: options.name ?? DEFAULT_LAB_NAME });
  switch (verb) {
    case "up":
      return await (own === null ? up(plan) : statusOfOwn(plan));
    case "down":
      if (own !== null) {
        throw new CliError("This lab is its shell's own: it goes when that shell ends (exit)");
      }
      return await down(plan);
    case "status":
      return await (own === null ? status(plan) : statusOfOwn(plan));
    case "exec":
      return await exec(plan, { side: parseSide(sideText), words });
    case "netstat":
      await demandLab(plan, { verb, sides: LAB_SIDES });
      await labNetstat(plan, { watch: parsed.flag("watch") });
      return EXIT_DONE;
    default:
      throw new UsageError(`Unknown word "${verb}": expected ${SYNTAX.positionals.expected}`);
  }
}

/** An option that would change nothing is a misunderstanding. */
function refuseMisplaced(parsed: LabParsed, verb: string): void {
  if (parsed.flag("tmux") && verb !== "shell") {
    throw new UsageError(`--tmux goes with lab shell, not with lab ${verb}`);
  }
  if (parsed.flag("watch") && verb !== "netstat") {
    throw new UsageError(`--watch goes with lab netstat, not with lab ${verb}`);
  }
  for (const option of ["mtu", "offloads"] as const) {
    if (parsed.value(option) !== undefined && verb !== "up" && verb !== "shell") {
      throw new UsageError(`--${option} goes with lab up and lab shell, not with lab ${verb}`);
    }
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
  demandLabRights("up");
  const found = await raiseNamedLab(plan);
  printLine(found === "made" ? "The lab is up." : "The lab was up already; it is configured again.");
  describe(plan);
  const program = programName();
  printLine(`\nWhat to type next:
  sudo ${program} lab exec server -- ${program} serve --iface ${plan.devices.server} --ip ${plan.tcplabAddress}
  sudo ${program} lab exec client -- ${program} client ${plan.tcplabAddress} 3333
  sudo ${program} lab netstat
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
  demandLabRights("down");
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

/** What `lab up` and `lab status` say in a lab's own shell. */
async function statusOfOwn(plan: LabPlan): Promise<number> {
  printLine("This shell is in a lab of its own, which is up; it goes when that shell ends.");
  describe(plan);
  return await Promise.resolve(EXIT_DONE);
}

/** Throws {@link CliError} where the lab cannot be entered, before anything is done. */
async function demandLab(
  plan: LabPlan,
  { verb, sides }: { verb: string; sides: readonly LabSide[] },
): Promise<void> {
  demandLabRights(verb);
  const state = await inspectNamedLab(plan);
  const missing = sides.find((side) => !state.sides[side].namespace);
  if (missing === undefined) return;
  throw new CliError(
    `There is no namespace ${
      plan.namespaces[missing]
    }: make the lab first, with "sudo ${programName()} lab up"`,
  );
}

async function exec(plan: LabPlan, what: { side: LabSide; words: readonly string[] }): Promise<number> {
  const namespace = plan.namespaces[what.side];
  await demandLab(plan, { verb: "exec", sides: [what.side] });
  const shell = ownLab() === null ? [environmentVariable("SHELL") ?? "/bin/sh"] : [SIDE_SHELL, what.side];
  const task = orNotFound(what.words.length > 0 ? what.words : shell, {
    who: "tcplab lab exec",
    cwd: Deno.cwd(),
  });
  using pages = await openPageForwarding();
  const env = { ...labEnvironment(), ...pages.env };
  return await runAttached(["ip", "netns", "exec", namespace, ...task], { env });
}

async function shell(
  parsed: LabParsed,
  { options, words }: { options: LabOptions; words: readonly string[] },
): Promise<number> {
  if (options.name !== undefined) {
    throw new UsageError("lab shell takes no --name: its lab has no name on this host");
  }
  if (parsed.flag("tmux") && words.length > 0) {
    throw new UsageError("lab shell --tmux takes no command: its panes have shells");
  }
  // The bare word means the lab's panes: a tmux without them would be one of a person's own, outside of the lab.
  const tmux = parsed.flag("tmux") || (words.length === 1 && words[0] === "tmux");
  return await labShell(options, { words, tmux });
}
