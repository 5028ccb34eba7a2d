/**
 * The `demo` command: the main job, played from beginning to end in a lab of its own, and judged against the table.
 *
 * Owns: the choice of the stage (a private lab, else memory), the verdict, and the exit status.
 * Must not know: how the story goes (demo_live.ts, demo_memory.ts).
 */
import { bold, getColorEnabled, green, red } from "@std/fmt/colors";
import { renderTransitions } from "../observe/transition_table.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { CliError, type Command, errorLine, EXIT_DONE, EXIT_FAILED, UsageError } from "./command.ts";
import { beginDemoRecording } from "./demo_recording.ts";
import { type DemoOptions, playLiveDemo } from "./demo_live.ts";
import { playMemoryDemo } from "./demo_memory.ts";
import { DemoScreen } from "./demo_screen.ts";
import { parseFileName } from "./option_values.ts";
import { parseOptions, type Syntax, usageText } from "./options.ts";
import { LabRefused, PrivateLab } from "./private_lab.ts";
import { LAB_ROWS, seenRows } from "./seen_transitions.ts";
import { selfFiles } from "./self_command.ts";
import { listenForStop } from "./signals.ts";
import { given } from "./tcp_options.ts";
import { printError, printLine } from "./terminal.ts";

const SYNTAX = {
  command: "demo",
  synopsis: "[OPTIONS]",
  description:
    `Plays the lab from beginning to end, in a few seconds: a server of ours on a device, a client over the
kernel's own TCP, netstat on both sides, and the transition table, expected against seen; then one connection over
IPv6.

The lab is made of namespaces without names, needs no rights where the kernel allows user namespaces, touches
nothing on the host, and is gone at the end. Where no namespaces can be had, or there is no libpcap, the demo plays in
memory and says so.`,
  options: [
    {
      name: "link",
      kind: "value",
      value: "lab|memory",
      help: "where to play; default: lab, and memory where there can be no lab",
    },
    { name: "sleep", kind: "value", value: "SECONDS", help: "how long the client sleeps (default 1)" },
    {
      name: "write",
      alias: "w",
      kind: "value",
      value: "FILE",
      help: "where the recording goes, a pcapng (default: a new file among the temporary ones)",
    },
  ],
} as const satisfies Syntax;

const TEXT = "hello from the kernel";
const DEFAULT_SLEEP_SECONDS = 1;
/** The demo has 20 s in all. */
const MOST_SLEEP_SECONDS = 10;

/** The `demo` command. */
export const command: Command = {
  name: SYNTAX.command,
  summary:
    "plays the whole story in a private lab: server, kernel client, netstat, table expected against seen",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run: runDemo,
};

type Stage = "lab" | "memory";

/** What a shell says of a program that a signal has ended: 128 and the signal's number (POSIX, 2.8.2). */
const EXIT_OF_SIGNAL: Readonly<Record<string, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGQUIT: 131,
  SIGTERM: 143,
};

async function runDemo(args: string[]): Promise<number> {
  const parsed = parseOptions(args, SYNTAX);
  const stage = parseStage(parsed.value("link"));
  const sleepText = parsed.value("sleep");
  const sleepSeconds = sleepText === undefined ? DEFAULT_SLEEP_SECONDS : Number(sleepText);
  if (!Number.isFinite(sleepSeconds) || sleepSeconds < 0 || sleepSeconds > MOST_SLEEP_SECONDS) {
    throw new UsageError(
      `"${sleepText}" is not a time: give --sleep seconds, from 0 to ${MOST_SLEEP_SECONDS}`,
    );
  }
  const written = given(parsed, "write", parseFileName) ?? null;
  let isInterrupted = false;
  // What the players see of their lab's end is no part of the story.
  const screen = new DemoScreen((line) => isInterrupted || printLine(line));
  // From here on a signal takes the lab down first.
  using signals = listenForStop();
  const interrupted = signals.graceful.then((signal) => {
    isInterrupted = true;
    printError(`tcplab demo: interrupted by ${signal}; the lab and all that is in it end now`);
    return EXIT_OF_SIGNAL[signal] ?? EXIT_FAILED;
  });
  const lab = stage === "memory" ? null : await openLab(screen, stage);
  if (lab === null) {
    if (written !== null) {
      throw new CliError("In memory there is no device to record: leave --write out");
    }
    return verdict(screen, playMemoryDemo(screen, { text: TEXT, sleepSeconds }));
  }
  try {
    using recording = beginDemoRecording(written);
    try {
      const ended = await Promise.race([
        playOnWire(lab, { screen, options: { text: TEXT, sleepSeconds, recording: recording.path } }),
        interrupted,
      ]);
      if (typeof ended === "number") return ended;
      const status = verdict(screen, ended);
      screen.say(`\nThe recording, each packet with its state change as comment: ${bold(recording.keep())}`);
      return status;
    } finally {
      // Before the recording goes: a server that has just been started would make it once more.
      await lab.close();
    }
  } finally {
    await lab.close();
  }
}

function parseStage(text: string | undefined): Stage | null {
  if (text === undefined || text === "lab" || text === "memory") return text ?? null;
  throw new UsageError(`--link is lab or memory, not "${text}"`);
}

/** Makes the lab; null, and says so, where there can be none. Throws when it was asked for by name. */
async function openLab(screen: DemoScreen, stage: Stage | null): Promise<PrivateLab | null> {
  const refusal = await refusalOfDevices();
  const lab = refusal ?? await openOrRefuse();
  if (typeof lab !== "string") return lab;
  if (stage === "lab") throw new CliError(`${lab}; try --link memory`);
  screen.say(`${lab}.`);
  screen.say("The demo plays in memory instead: two hosts of ours, the client by our own active open.");
  return null;
}

async function openOrRefuse(): Promise<PrivateLab | string> {
  try {
    return await PrivateLab.open({ readable: selfFiles() });
  } catch (error) {
    if (!(error instanceof LabRefused)) throw error;
    return `No private lab can be had here (${error.message})`;
  }
}

/** Why no device can be opened in any lab, asked before a lab is made for it; null when one can. */
async function refusalOfDevices(): Promise<string | null> {
  const { pcapVersion } = await import("../../ffi/pcap_library.ts");
  try {
    pcapVersion();
    return null;
  } catch (error) {
    return errorLine(error);
  }
}

async function playOnWire(
  lab: PrivateLab,
  stage: { screen: DemoScreen; options: DemoOptions },
): Promise<TcpEvent[]> {
  const { plan, rights, hasIpv6 } = lab;
  const whose = rights === "user" ? "in namespaces of this user" : "in namespaces, by root's rights";
  stage.screen.say(`${bold("tcplab demo")}: a private lab, ${whose}; nothing of it is on this host`);
  const [left, right] = (["server", "client"] as const).map((side) => {
    const six = hasIpv6 ? `, ${plan.addresses6[side]}` : "";
    return `${plan.devices[side]}, the kernel owns ${plan.addresses[side]}${six}`;
  });
  const ours = hasIpv6 ? `${plan.tcplabAddress} and ${plan.tcplabAddress6}` : plan.tcplabAddress;
  stage.screen.block(`
${"server's side".padEnd(left.length)}                   client's side
${left}   ===========   ${right}
tcplab answers for ${ours}, which no kernel owns`);
  return await playLiveDemo(lab, stage);
}

/** Holds the table against what was seen; gives the exit status. */
function verdict(screen: DemoScreen, events: readonly TcpEvent[]): number {
  screen.step("The transition table of the server, expected against seen");
  const seen = seenRows(events);
  screen.block(renderTransitions(LAB_ROWS, { format: "text", seen, color: getColorEnabled() }));
  for (const row of LAB_ROWS) screen.promise(`${row.from} -> ${row.to} (${row.event})`, seen.has(row.id));
  const missed = screen.checks.filter((check) => !check.ok);
  if (missed.length === 0) {
    screen.say(`\n${green("All seen.")}`);
    return EXIT_DONE;
  }
  screen.say(`\n${red("Not seen:")} ${missed.map((check) => check.what).join("; ")}`);
  return EXIT_FAILED;
}
