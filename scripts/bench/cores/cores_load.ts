/**
 * One load of one or more client processes, with the time of the cores that went by meanwhile, and the frames.
 *
 * Owns: starting them together, looking at the counters of the kernel while all are at work. Must not know: the server.
 */
import { shellLine } from "../../../src/cli/lab_network.ts";
import { BenchFailure, type BenchLab, CLIENT_SOURCES, numbersOf } from "../bench_lab.ts";
import { PORTS } from "../contestants.ts";
import type { Offloads } from "../model.ts";

/** A load; the figure is the sum over its processes. */
export interface CoresLoad {
  readonly name: string;
  readonly unit: string;
  /** The load generator's mode, and the name of its figure. */
  readonly mode: "connect" | "echo" | "messages" | "upload" | "download";
  readonly figure: string;
  /** The figure is divided by this to be shown. */
  readonly scale: number;
  readonly port: number;
  readonly processes: number;
  readonly more: readonly string[];
}

/** What one run of a load came to. Cores are averages: 1 is one core all the time. */
export interface CoresResult {
  readonly value: number;
  readonly serverUserCores: number;
  readonly serverKernelCores: number;
  readonly clientCores: number;
  readonly otherCores: number;
  readonly idleCores: number;
  /** Frames per second towards the server and away from it, as the client's device counts them. */
  readonly framesIn: number;
  readonly framesOut: number;
}

/** One line of a file of results. */
export interface CoresSample extends CoresResult {
  readonly server: string;
  readonly load: string;
  readonly offloads: Offloads;
}

const MESSAGES = {
  unit: "/s",
  mode: "messages",
  figure: "messagesPerSecond",
  scale: 1,
  port: PORTS.echo,
} as const;
const CONNECTIONS = {
  unit: "/s",
  mode: "connect",
  figure: "connectionsPerSecond",
  scale: 1,
  port: PORTS.echo,
} as const;
const UPLOAD = {
  unit: "MB/s",
  mode: "upload",
  figure: "bytesPerSecond",
  scale: 1e6,
  port: PORTS.discard,
} as const;
const DOWNLOAD = {
  unit: "MB/s",
  mode: "download",
  figure: "bytesPerSecond",
  scale: 1e6,
  port: PORTS.chargen,
} as const;

/** All loads. The generator's bulk loads have one connection each: eight connections are eight processes. */
export const CORES_LOADS: readonly CoresLoad[] = [
  { ...CONNECTIONS, name: "connections 1x64", processes: 1, more: ["connections=64"] },
  { ...CONNECTIONS, name: "connections 2x32", processes: 2, more: ["connections=32"] },
  { ...MESSAGES, name: "messages 1x32", processes: 1, more: ["connections=32", "depth=8"] },
  { ...MESSAGES, name: "messages 2x16", processes: 2, more: ["connections=16", "depth=8"] },
  {
    name: "echo",
    unit: "us",
    mode: "echo",
    figure: "p50Us",
    scale: 1,
    port: PORTS.echo,
    processes: 1,
    more: ["bytes=64"],
  },
  { ...UPLOAD, name: "upload 1", processes: 1, more: [] },
  { ...UPLOAD, name: "upload 8", processes: 8, more: [] },
  { ...DOWNLOAD, name: "download 1", processes: 1, more: [] },
  { ...DOWNLOAD, name: "download 8", processes: 8, more: [] },
];

/** How long a load runs, and how much of it counts. */
export interface CoresTiming {
  readonly warm: number;
  readonly seconds: number;
}

/** The looks at the kernel's counters lie within the counted time by so much. */
const MARGIN_S = 0.15;
const GRACE_MS = 15_000;
const TICKS_PER_SECOND = 100;
const NS_PER_SECOND = 1e9;
/** Fields of /proc/PID/stat behind the name (proc_pid_stat(5)), and of the `cpu` line of /proc/stat. */
const STAT = { userTicks: 11, systemTicks: 12 } as const;
const BUSY: readonly number[] = [0, 1, 2, 5, 6, 7];
const IDLE: readonly number[] = [3, 4];
/** Fields of a line of /proc/net/dev behind the name. */
const DEVICE = { receivedPackets: 1, sentPackets: 9 } as const;

/** Runs `load` against the lab's server. Throws {@link BenchFailure}. */
export async function runCoresLoad(
  lab: BenchLab,
  load: CoresLoad,
  options: { program: string; timing: CoresTiming },
): Promise<CoresResult> {
  const { plan } = lab.lab;
  const { warm, seconds } = options.timing;
  const words = [options.program, load.mode, plan.tcplabAddress, String(load.port), ...load.more]
    .concat(`warm=${warm}`, `seconds=${seconds}`, `sources=${CLIENT_SOURCES}`);
  const look =
    `date +%s%N; cat /proc/${lab.serverPid}/stat; head -n 1 /proc/stat; grep ${plan.devices.client}: /proc/net/dev`;
  const script = [
    ...Array.from({ length: load.processes }, () => `${shellLine(words)} &`),
    `sleep ${warm + MARGIN_S}; echo "look $(${look})"`,
    `sleep ${seconds - 2 * MARGIN_S}; echo "look $(${look})"`,
    "wait",
  ].join("\n");
  const process = lab.lab.spawn({ side: "client", words: ["sh", "-c", script] });
  if (!await process.endsWithin((warm + seconds) * 1000 + GRACE_MS)) await process.stop();
  const { stdout, stderr } = await process.result;
  const figures = stdout.split("\n").filter((line) => line.startsWith("{")).map(numbersOf);
  if (figures.length !== load.processes) {
    throw new BenchFailure(`${load.name}: ${stderr.trim() || "no figures"}`);
  }
  const failures = figures.reduce((sum, { failures = 0 }) => sum + failures, 0);
  if (failures > 0) throw new BenchFailure(`${load.name}: ${failures} connections failed`);
  const [before, after] = stdout.split("look ").slice(1).map(parseLook);
  return resultOf(load, figures, { before, after });
}

/** Seconds and counts at one moment. */
interface Look {
  readonly at: number;
  readonly user: number;
  readonly system: number;
  readonly busy: number;
  readonly idle: number;
  readonly received: number;
  readonly sent: number;
}

function parseLook(text: string): Look {
  const [date, process, machine, device] = text.split("\n");
  const ofProcess = process.slice(process.lastIndexOf(")") + 2).split(" ").map(Number);
  const ofMachine = machine.trim().split(/\s+/).slice(1).map(Number);
  const ofDevice = device.slice(device.indexOf(":") + 1).trim().split(/\s+/).map(Number);
  const sum = (fields: readonly number[]) => fields.reduce((total, field) => total + ofMachine[field], 0);
  return {
    at: Number(date) / NS_PER_SECOND,
    user: ofProcess[STAT.userTicks] / TICKS_PER_SECOND,
    system: ofProcess[STAT.systemTicks] / TICKS_PER_SECOND,
    busy: sum(BUSY) / TICKS_PER_SECOND,
    idle: sum(IDLE) / TICKS_PER_SECOND,
    received: ofDevice[DEVICE.receivedPackets],
    sent: ofDevice[DEVICE.sentPackets],
  };
}

function resultOf(
  load: CoresLoad,
  figures: readonly Record<string, number>[],
  looks: { before: Look; after: Look },
): CoresResult {
  const { before, after } = looks;
  const elapsed = after.at - before.at;
  const rate = (field: keyof Look) => (after[field] - before[field]) / elapsed;
  const clientCores = figures.reduce((sum, { clientCpuUs, seconds }) => sum + clientCpuUs / 1e6 / seconds, 0);
  const value = figures.reduce((sum, figure) => sum + figure[load.figure], 0) / load.scale;
  const serverUserCores = rate("user");
  const serverKernelCores = rate("system");
  return {
    value,
    serverUserCores,
    serverKernelCores,
    clientCores,
    otherCores: rate("busy") - serverUserCores - serverKernelCores - clientCores,
    idleCores: rate("idle"),
    framesIn: rate("sent"),
    framesOut: rate("received"),
  };
}
