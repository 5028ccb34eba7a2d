/**
 * One flood: server, honest client, attack, looks, the end; and what came of it as figures.
 *
 * Owns: the order of these steps and how long each may take. Must not know: which figures are good (flood_verdict.ts).
 */
import type { Defender, FloodLab, RunningServer } from "./flood_lab.ts";
import type { Flood } from "./flood_modes.ts";
import { type Answer, figure, type LineTool } from "./line_tool.ts";

/** What became of the honest client's visits in a while. Times in milliseconds. */
export interface Visits {
  readonly served: number;
  readonly refused: number;
  /** Gave up after ten seconds. */
  readonly givenUp: number;
  /** How long the one who waits longest has waited. */
  readonly longestWaitMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** What became of the connection that was there before. */
  readonly kept: string;
  readonly keptWorstMs: number;
}

/** What `netstat` did in the middle of a flood. */
interface NetstatLook {
  /** Null when it did not answer. */
  readonly ms: number | null;
  readonly connections: number;
  /** What it says of memory; empty where it says nothing. */
  readonly memory: string;
  readonly visits: Visits;
}

/** The figures of a flood. */
export interface FloodMeasurement {
  readonly flood: Flood;
  readonly defender: Defender;
  /** Frames a second that the attacker has really sent, and its share of a core. */
  readonly rate: number;
  readonly attackerCpu: number;
  /** Connections that the attacker believed to be open when the flood was over, and how often it was reset. */
  readonly open: number;
  readonly resets: number;
  /** Memory of the server, MiB: before, the most, and at the end (for `resets`: a second after them). */
  readonly rssBeforeMib: number;
  readonly rssMaxMib: number;
  readonly rssEndMib: number;
  /** Share of a core. */
  readonly serverCpu: number;
  readonly before: Visits;
  readonly during: Visits;
  readonly netstat: NetstatLook | null;
  /** From SIGTERM to the end, milliseconds; null when it was killed at last. */
  readonly exitMs: number | null;
  /** From SIGTERM to the first word about it; null when there was none. */
  readonly toldMs: number | null;
  /** Whether the server was there until it was told to leave. */
  readonly survived: boolean;
  /** Frames that the kernels' queues lost before any server could see them. */
  readonly lostInKernel: number;
  /** Frames that the server's capture ring had no room for, as its summary tells; NaN where there was none. */
  readonly lostInRing: number;
  /** Bytes of the server's log. */
  readonly logBytes: number;
  /** What the kernel's own TCP has taken while the flood went on, MiB; that of other programs of the machine is in it. */
  readonly kernelTcpMib: number;
  /** What the server said on stderr. */
  readonly said: string;
}

/** How a flood is run. */
export interface FloodSettings {
  readonly defender: Defender;
  /** The words that start tcplab. */
  readonly program: readonly string[];
  readonly args: readonly string[];
  /** A server that takes more is killed, so that the machine survives. */
  readonly limitMib: number;
  /** How long the honest client has the server for itself, milliseconds. */
  readonly baselineMs: number;
}

const UP_TIMEOUT_MS = 60_000;
const NETSTAT_TIMEOUT_MS = 20_000;
/** Between two tries, as a person would: programs that start one after another would take the processor from the server. */
const NETSTAT_PAUSE_MS = 500;
const AFTER_RESETS_MS = 1_000;
const LAST_WORDS_MS = 20_000;
/** As long a server gives way to whoever has its address too (RFC 5227 §2.1.1); what comes later it is to withstand. */
const CLAIM_MS = 5_000;
const PAGE_BYTES = 4096;

/** Runs a flood. Throws {@link FloodFailure} when something other than the server failed. */
export async function runFlood(
  lab: FloodLab,
  flood: Flood,
  settings: FloodSettings,
): Promise<FloodMeasurement> {
  const server = await lab.serve(settings.defender, settings);
  try {
    await using watch = lab.watch(server.pid, settings.limitMib);
    await using visitor = lab.visit(server.address);
    return await attackServer(lab, flood, { settings, server, watch, visitor });
  } finally {
    await server.process.signal("SIGKILL");
    await server.process.result;
    await Deno.remove(server.log);
  }
}

async function attackServer(
  lab: FloodLab,
  flood: Flood,
  parts: { settings: FloodSettings; server: RunningServer; watch: LineTool; visitor: LineTool },
): Promise<FloodMeasurement> {
  const { settings, server, watch, visitor } = parts;
  await pause(flood.mode.name === "arp-ours" ? Math.max(CLAIM_MS, settings.baselineMs) : settings.baselineMs);
  const before = visitsOf(await visitor.ask("before"));
  const rest = await watch.ask("look");
  const lost = await lostInKernel();
  const kernelPages = await kernelTcpPages();
  await using attacker = lab.attack(flood, server.address);
  await attacker.line(UP_TIMEOUT_MS);
  // What is told from here on is of the time when all of it was there.
  await attacker.ask("look");
  await pause(flood.dwellMs);
  const attack = await attacker.ask("look");
  let last = await watch.ask("look");
  const during = visitsOf(await visitor.ask("during"));
  const kernelTcpMib = Math.max(await kernelTcpPages() - kernelPages, 0) * PAGE_BYTES / 2 ** 20;
  const rssMaxMib = figure(last, "rssMaxKib") / 1024;
  const serverCpu = figure(last, "cpu");
  if (flood.mode.name === "resets") {
    await attacker.tell("reset");
    await pause(AFTER_RESETS_MS);
    last = await watch.ask("look");
  }
  const netstat = settings.defender === "kernel" || server.process.ended
    ? null
    : await lookByNetstat(lab, { program: settings.program, visitor });
  const afterwards = await watch.ask("look");
  const survived = figure(afterwards, "gone") === 0;
  const lostSince = await lostInKernel() - lost;
  const leave = survived ? await endServer(server, watch) : { exitMs: null, toldMs: null };
  // That it has gone is known before the last of what it has said: the summary, with what the ring has lost.
  if (leave.exitMs !== null) await server.process.endsWithin(LAST_WORDS_MS);
  return {
    flood,
    defender: settings.defender,
    rate: figure(attack, "rate"),
    attackerCpu: figure(attack, "cpu"),
    open: figure(attack, "open"),
    resets: figure(attack, "resets"),
    rssBeforeMib: figure(rest, "rssKib") / 1024,
    rssMaxMib: Math.max(rssMaxMib, figure(afterwards, "rssMaxKib") / 1024),
    rssEndMib: figure(last, "rssKib") / 1024,
    serverCpu,
    before,
    during,
    netstat,
    ...leave,
    survived,
    lostInKernel: lostSince,
    lostInRing: ringLosses(server.process.stderr),
    logBytes: (await Deno.stat(server.log)).size,
    kernelTcpMib,
    said: server.process.stderr.trim(),
  };
}

/**
 * Looks as a person would, with the program's own `netstat`, while honest clients come. Who gets no answer asks again: the
 * server has only the time that flood and machine leave it, and all of it counts.
 */
async function lookByNetstat(
  lab: FloodLab,
  options: { program: readonly string[]; visitor: LineTool },
): Promise<NetstatLook> {
  const began = performance.now();
  let connections: string | undefined;
  let heading = "";
  let ms = 0;
  for (let tries = 0; connections === undefined && ms < NETSTAT_TIMEOUT_MS; tries++) {
    if (tries > 0) await pause(NETSTAT_PAUSE_MS);
    const process = lab.lab.spawn({ side: "server", words: [...options.program, "netstat"] });
    const isDone = await process.endsWithin(Math.max(0, NETSTAT_TIMEOUT_MS - ms));
    ms = performance.now() - began;
    if (!isDone) await process.stop();
    const { code, stdout } = await process.result;
    [heading] = stdout.split("\n", 1);
    if (isDone && code === 0) connections = /([\d,]+) connections?\b/.exec(heading)?.[1].replaceAll(",", "");
  }
  const visits = visitsOf(await options.visitor.ask("netstat"));
  return {
    ms: connections === undefined ? null : ms,
    connections: Number(connections ?? NaN),
    memory: /memory ([^ ]+(?: ?[KMG]?i?B)?(?: of [^ ]+ ?[KMG]?i?B)?)/.exec(heading)?.[1] ?? "",
    visits,
  };
}

/** SIGTERM with the attack still on. */
async function endServer(
  server: RunningServer,
  watch: LineTool,
): Promise<{ exitMs: number | null; toldMs: number | null }> {
  const already = server.process.stderr.length;
  const began = performance.now();
  let toldMs: number | null = null;
  const looking = setInterval(() => {
    if (toldMs === null && server.process.stderr.length > already) toldMs = performance.now() - began;
  }, 5);
  try {
    const answer = await watch.ask("term", 30_000);
    return { exitMs: figure(answer, "left") === 1 ? figure(answer, "exitMs") : null, toldMs };
  } finally {
    clearInterval(looking);
  }
}

function visitsOf(answer: Answer): Visits {
  return {
    served: figure(answer, "served"),
    refused: figure(answer, "refused"),
    givenUp: figure(answer, "givenUp"),
    longestWaitMs: figure(answer, "longestWaitMs"),
    p50: figure(answer, "p50"),
    p99: figure(answer, "p99"),
    max: figure(answer, "max"),
    kept: String(answer.kept),
    keptWorstMs: figure(answer, "keptWorstMs"),
  };
}

function ringLosses(said: string): number {
  const found = /link-dropped-by-ring\s+([\d,]+)/.exec(said);
  // Figures that are 0 are left out of a summary.
  if (found === null) return said.includes("summary after") ? 0 : NaN;
  return Number(found[1].replaceAll(",", ""));
}

/** Frames that the per-CPU queues of the kernel have dropped (the second column of softnet_stat, hexadecimal). */
async function lostInKernel(): Promise<number> {
  const lines = (await Deno.readTextFile("/proc/net/softnet_stat")).trim().split("\n");
  return lines.reduce((sum, line) => sum + parseInt(line.split(" ")[1], 16), 0);
}

/** Pages in use by the kernel's TCP, of all network namespaces (`mem` of /proc/net/sockstat). */
async function kernelTcpPages(): Promise<number> {
  const text = await Deno.readTextFile("/proc/net/sockstat");
  return Number(/^TCP:.* mem (\d+)$/m.exec(text)?.[1] ?? NaN);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
