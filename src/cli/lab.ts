/**
 * The `lab` command: network namespaces joined by veth pairs, made, used and removed.
 *
 * Owns: what each verb does and tells. Must not know: the words (lab_options.ts), how namespaces are made (named_lab.ts,
 * private_lab.ts), what a lab's shell has (lab_shell.ts).
 */
import { bold } from "@std/fmt/colors";
import { orNotFound, runAttached } from "./attached_process.ts";
import { CliError, type Command, EXIT_DONE, UsageError } from "./command.ts";
import { labNetstat } from "./lab_netstat.ts";
import { LAB_SYNTAX, labOptions, type LabParsed, parsePlace, refuseMisplaced } from "./lab_options.ts";
import { type LabOptions, type LabPlace, labPlaces, type LabPlan, LEAST_MTU_6, planLab } from "./lab_plan.ts";
import { SIDE_SHELL } from "./lab_prompts.ts";
import { demandLabRights } from "./lab_rights.ts";
import { labShell } from "./lab_shell.ts";
import { addressesOf, formOfNamedLab, inspectNamedLab, raiseNamedLab, removeNamedLab } from "./named_lab.ts";
import { parseOptions, usageText } from "./options.ts";
import { ownLab } from "./own_lab.ts";
import { openPageForwarding } from "./page_forwarding.ts";
import { labEnvironment } from "./private_lab.ts";
import { programName } from "./self_command.ts";
import { environmentVariable, printError, printLine } from "./terminal.ts";

/** The prefix of the namespaces' names when `--name` is not given. */
const DEFAULT_LAB_NAME = "tcplab";

/** The `lab` command. */
export const command: Command = {
  name: LAB_SYNTAX.command,
  summary: "makes, uses and removes a lab: network namespaces joined by veth pairs",
  syntax: LAB_SYNTAX,
  usage: usageText(LAB_SYNTAX),
  run: runLab,
};

async function runLab(args: string[]): Promise<number> {
  const end = args.indexOf("--");
  const words = end < 0 ? [] : args.slice(end + 1);
  const parsed = parseOptions(end < 0 ? args : args.slice(0, end), LAB_SYNTAX);
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
  const name = options.name ?? DEFAULT_LAB_NAME;
  if (verb === "up") {
    return await (own === null ? up({ ...options, name }) : statusOfOwn(own));
  }
  const plan = own ?? planLab({ ...await formOfNamedLab(name), name });
  switch (verb) {
    case "down":
      if (own !== null) {
        throw new CliError("This lab is its shell's own: it goes when that shell ends (exit)");
      }
      return await down(plan);
    case "status":
      return await (own === null ? status(plan) : statusOfOwn(plan));
    case "exec":
      return await exec(plan, { place: parsePlace(sideText), words });
    case "netstat":
      await demandLab(plan, { verb, places: plan.sides });
      await labNetstat(plan, { watch: parsed.flag("watch") });
      return EXIT_DONE;
    default:
      throw new UsageError(`Unknown word "${verb}": expected ${LAB_SYNTAX.positionals.expected}`);
  }
}

async function up(options: LabOptions & { name: string }): Promise<number> {
  demandLabRights("up");
  const plan = planLab(options);
  const found = await formOfNamedLab(options.name);
  if (found !== null && formName(planLab(found)) !== formName(plan)) {
    throw new CliError(
      `The lab that is up has another form (${formName(planLab(found))}, not ${
        formName(plan)
      }): end it first, with "${programName()} lab down"`,
    );
  }
  const { wasThere, withoutIpv6 } = await raiseNamedLab(plan);
  printLine(wasThere ? "The lab was up already; it is configured again." : "The lab is up.");
  await describe(plan);
  if (withoutIpv6 !== null) {
    const isSmall = plan.mtuBytes !== undefined && plan.mtuBytes < LEAST_MTU_6;
    const why = isSmall ? `IPv6 needs an MTU of ${LEAST_MTU_6} bytes (RFC 8200 §5)` : withoutIpv6;
    printLine(`  It has IPv4 alone: ${why}`);
  }
  const program = programName();
  printLine(`\nWhat to type next:
  sudo ${program} lab exec server -- ${program} serve --iface ${plan.devices.server} --ip ${plan.tcplabAddress}
  sudo ${program} lab exec client -- ${program} client ${plan.tcplabAddress} 3333
  sudo ${program} lab netstat
  sudo ${program} lab down`);
  return EXIT_DONE;
}

/** What kind of lab it is, in words. */
function formName({ sides, middle }: LabPlan): string {
  if (middle === null) return "a pair";
  return middle === "router" ? "a router" : `a switch with ${sides.length - 1} clients`;
}

async function describe(plan: LabPlan): Promise<void> {
  const width = Math.max(...labPlaces(plan).map((place) => plan.namespaces[place].length));
  const row = (name: string, text: string) =>
    printLine(`  ${name}${" ".repeat(width - name.length)}  ${text}`);
  const deviceWidth = Math.max(...plan.sides.map((side) => plan.devices[side].length));
  let hasIpv6 = false;
  for (const side of plan.sides) {
    const device = plan.devices[side];
    const addresses = await addressesOf(plan, { place: side, device });
    hasIpv6 ||= addresses.some((address) => address.startsWith(`${plan.addresses6[side]}/`));
    const name = plan.namespaces[side];
    printLine(
      `  ${bold(name)}${" ".repeat(width - name.length)}  ${device.padEnd(deviceWidth)}  ${
        addresses.join("  ")
      }`,
    );
  }
  if (plan.middle === "switch") row(plan.namespaces.switch, "joins them; looks into IGMP and MLD (snooping)");
  if (plan.router !== null) {
    const { addresses, addresses6, mtuBytes } = plan.router;
    const narrow = mtuBytes === undefined ? "" : `; hands on packets of up to ${mtuBytes} bytes`;
    const facing = (side: "server" | "client") =>
      addresses[side] + (hasIpv6 ? ` and ${addresses6[side]}` : "");
    row(plan.namespaces.router, `${facing("server")}; ${facing("client")}${narrow}`);
  }
  const where = plan.middle === null
    ? "either device"
    : plan.middle === "router"
    ? "the server's device"
    : "any device";
  row(
    "tcplab",
    `on ${where}: ${plan.tcplabAddress}${hasIpv6 ? ` and ${plan.tcplabAddress6}` : ""}, which no kernel owns`,
  );
}

async function down(plan: LabPlan): Promise<number> {
  demandLabRights("down");
  const { removed, processes } = await removeNamedLab(plan);
  if (removed.length === 0) printLine("There is no lab, and nothing to remove.");
  else if (plan.middle === null) printLine(`Removed ${removed.join(" and ")}, and the pair between them.`);
  else printLine(`Removed ${removed.join(", ")}, and the pairs between them.`);
  if (processes.length > 0) {
    printError(`Still running, cut off from everything: ${processes.join(", ")}; end them with kill.`);
  }
  return EXIT_DONE;
}

async function status(plan: LabPlan): Promise<number> {
  const state = await inspectNamedLab(plan);
  if (state.complete) {
    printLine("The lab is up.");
    await describe(plan);
  } else if (state.empty) {
    printLine(
      `The lab is down: there is no ${plan.sides.map((side) => plan.namespaces[side]).join(", no ")}.`,
    );
  } else {
    const missing = state.parts.flatMap(({ place, namespace, missing }) =>
      namespace ? missing.map((device) => `${device} in ${plan.namespaces[place]}`) : [plan.namespaces[place]]
    );
    printLine(`The lab is there in part (missing, or not to be seen without root: ${missing.join(", ")}).`);
  }
  return EXIT_DONE;
}

/** What `lab up` and `lab status` say in a lab's own shell. */
async function statusOfOwn(plan: LabPlan): Promise<number> {
  printLine("This shell is in a lab of its own, which is up; it goes when that shell ends.");
  await describe(plan);
  return EXIT_DONE;
}

/** Throws {@link CliError} where the lab cannot be entered, before anything is done. */
async function demandLab(
  plan: LabPlan,
  { verb, places }: { verb: string; places: readonly LabPlace[] },
): Promise<void> {
  demandLabRights(verb);
  const state = await inspectNamedLab(plan);
  const there = new Set(state.parts.filter(({ namespace }) => namespace).map(({ place }) => place));
  const missing = places.find((place) => !there.has(place));
  if (missing === undefined) return;
  if (there.has("server")) {
    throw new CliError(`There is no ${missing} in this lab: it has ${[...there].join(", ")}`);
  }
  throw new CliError(
    `There is no namespace ${
      plan.namespaces[missing]
    }: make the lab first, with "sudo ${programName()} lab up"`,
  );
}

async function exec(plan: LabPlan, what: { place: LabPlace; words: readonly string[] }): Promise<number> {
  const namespace = plan.namespaces[what.place];
  await demandLab(plan, { verb: "exec", places: [what.place] });
  const shell = ownLab() === null ? [environmentVariable("SHELL") ?? "/bin/sh"] : [SIDE_SHELL, what.place];
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
