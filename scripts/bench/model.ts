/**
 * What the benchmark measures, as data: figures, samples, and a whole run as it goes into the JSON file.
 *
 * Owns: these shapes and the list of figures. Must not know: how anything is measured or shown.
 */

/** The two settings of a veth pair: as it is by default, and without any off-load. */
export type Offloads = "off" | "def";

/** Both settings, in the order in which they are measured and shown. */
export const OFFLOADS: readonly Offloads[] = ["off", "def"];

/** The versions of IP that carry what is measured. */
export type Family = 4 | 6;

/** What stands behind the name of a server that is measured over IPv6. */
const OVER_IPV6 = " over IPv6";

/** The tcplab of this checkout, by Deno: of it the targets are asked. */
export const JUDGED = "tcplab";

/** Another checkout, measured in turn with this one. */
export const BEFORE = "before";

/** What a server is called over a version: plain over IPv4. */
export function nameOver(family: Family, name: string): string {
  return family === 4 ? name : name + OVER_IPV6;
}

/** What a server that is measured over IPv6 is called over IPv4; null for what is measured over that. */
export function nameOverIpv4(name: string): string | null {
  return name.endsWith(OVER_IPV6) ? name.slice(0, -OVER_IPV6.length) : null;
}

/** One thing that is measured of a server. */
export interface Figure {
  readonly id: FigureId;
  readonly label: string;
  readonly unit: string;
  /** Whether more of it is better, or less. */
  readonly better: "more" | "less";
  /** Digits behind the point where it is shown. */
  readonly digits: number;
}

/** Names of figures, as in the JSON file. */
export type FigureId =
  | "connections"
  | "echo-p50"
  | "echo-p99"
  | "messages"
  | "upload"
  | "download"
  | "reflect-60"
  | "reflect-1514"
  | "start"
  | "idle"
  | "memory"
  | `growth-${number}`
  | `log-${"none" | "json"}-${"connections" | "messages" | "upload" | "download"}`;

/** Figures of traffic, which every server has. */
export const TRAFFIC_FIGURES: readonly Figure[] = [
  { id: "connections", label: "conn/s, 64 at once", unit: "/s", better: "more", digits: 0 },
  { id: "echo-p50", label: "echo p50, 64 B", unit: "us", better: "less", digits: 1 },
  { id: "echo-p99", label: "echo p99", unit: "us", better: "less", digits: 1 },
  { id: "messages", label: "messages/s, 32 conn.", unit: "/s", better: "more", digits: 0 },
  { id: "upload", label: "upload", unit: "MB/s", better: "more", digits: 0 },
  { id: "download", label: "download", unit: "MB/s", better: "more", digits: 0 },
];

/** How many connections the cost of a segment is measured with. */
export const GROWTH_STEPS: readonly number[] = [10, 100, 1_000, 10_000, 100_000];

/** How many idle connections the memory of one is measured with. */
export const IDLE_CONNECTIONS = 100_000;

/** One value, measured once. */
export interface Sample {
  /** From 1. */
  readonly round: number;
  readonly offloads: Offloads;
  /** The server's name, see contestants.ts. */
  readonly contestant: string;
  readonly figure: FigureId;
  readonly value: number;
  /** What else the measurement told: CPU times, failures. */
  readonly detail?: Readonly<Record<string, number>>;
}

/** A measurement that came to nothing. */
export interface Failure {
  readonly round: number;
  readonly offloads: Offloads;
  readonly contestant: string;
  readonly what: string;
  readonly reason: string;
}

/** Where and with what a run was made. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** A whole run. */
export interface Run {
  /** ISO 8601, UTC. */
  readonly began: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly secondsEach: number;
  /** Processes that wanted a core, averaged over a minute, at the begin of each round: 0 is a quiet machine. */
  readonly loadAverages: readonly number[];
  /** What was left out, by name and with the reason. */
  readonly skipped: readonly string[];
  readonly samples: readonly Sample[];
  readonly failures: readonly Failure[];
}
