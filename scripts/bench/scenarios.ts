/**
 * What is measured of a server, one function each.
 *
 * Owns: which load with which numbers makes which figure. Must not know: rounds, tables.
 */
import type { BenchLab } from "./bench_lab.ts";
import { PORTS } from "./contestants.ts";
import { type FigureId, GROWTH_STEPS, IDLE_CONNECTIONS } from "./model.ts";

/** A measured value, not yet known to belong to a round. */
export interface Measured {
  readonly figure: FigureId;
  readonly value: number;
  readonly detail?: Readonly<Record<string, number>>;
}

/** How long each is measured. */
export interface Timing {
  readonly seconds: number;
  readonly warm: number;
  readonly idleSeconds: number;
}

/** A measurement of a running server. */
export interface Scenario {
  readonly name: string;
  run(lab: BenchLab, timing: Timing): Promise<Measured[]>;
}

const BYTES_PER_MB = 1e6;
const KIB_PER_CONNECTION_DIGITS = 1000;
/** What a garbage collector wants to settle, and a loop to fall asleep; local choice. */
const SETTLE_MS = 3_000;

/** Traffic, of every server. */
export const TRAFFIC: readonly Scenario[] = [
  {
    name: "connections",
    run: async (lab, timing) => {
      const detail = await lab.load("connect", { ...timing, port: PORTS.echo, more: ["connections=64"] });
      return [{ figure: "connections", value: detail.connectionsPerSecond, detail }];
    },
  },
  {
    name: "echo",
    run: async (lab, timing) => {
      const detail = await lab.load("echo", { ...timing, port: PORTS.echo, more: ["bytes=64"] });
      return [
        { figure: "echo-p50", value: detail.p50Us, detail },
        { figure: "echo-p99", value: detail.p99Us },
      ];
    },
  },
  {
    name: "messages",
    run: async (lab, timing) => {
      const more = ["connections=32", "depth=8", "bytes=64"];
      const detail = await lab.load("messages", { ...timing, port: PORTS.echo, more });
      return [{ figure: "messages", value: detail.messagesPerSecond, detail }];
    },
  },
  {
    name: "upload",
    run: async (lab, timing) => {
      const detail = await lab.load("upload", { ...timing, port: PORTS.discard });
      return [{ figure: "upload", value: detail.bytesPerSecond / BYTES_PER_MB, detail }];
    },
  },
  {
    name: "download",
    run: async (lab, timing) => {
      const detail = await lab.load("download", { ...timing, port: PORTS.chargen });
      return [{ figure: "download", value: detail.bytesPerSecond / BYTES_PER_MB, detail }];
    },
  },
];

/** CPU of a server at rest, after traffic. */
export const IDLE: Scenario = {
  name: "idle",
  run: async (lab, timing) => {
    await lab.load("echo", { port: PORTS.echo, seconds: 0.5, warm: 0 });
    await sleep(SETTLE_MS);
    const before = await lab.serverCpuSeconds();
    await sleep(timing.idleSeconds * 1000);
    const share = (await lab.serverCpuSeconds() - before) / timing.idleSeconds;
    return [{ figure: "idle", value: share * 100 }];
  },
};

/** Memory of an idle connection: what the server grew by, shared among those held. */
export const MEMORY: Scenario = {
  name: "memory",
  run: async (lab) => {
    // What the first connections bring along (compiled code, pools) belongs to none of the others.
    await lab.load("connect", { port: PORTS.echo, seconds: 0.5, warm: 0, more: ["connections=64"] });
    await sleep(SETTLE_MS);
    const before = await lab.serverRssKib();
    let value = NaN, count = 0;
    await lab.hold(IDLE_CONNECTIONS, PORTS.echo, async (held) => {
      await sleep(SETTLE_MS);
      count = held;
      value = (await lab.serverRssKib() - before) / held;
    });
    value = Math.round(value * KIB_PER_CONNECTION_DIGITS) / KIB_PER_CONNECTION_DIGITS;
    return [{ figure: "memory", value, detail: { held: count, rssBeforeKib: before } }];
  },
};

/** CPU time of the server per segment, with ever more connections. */
export const GROWTH: Scenario = {
  name: "growth",
  run: async (lab, timing) => {
    const steps = await lab.swarm(GROWTH_STEPS, { port: PORTS.echo, seconds: timing.seconds });
    return steps.map((detail) => ({
      figure: `growth-${detail.connections}`,
      value: detail.serverCpuUsPerSegment,
      detail,
    }));
  },
};

/** What the log costs is measured in these, each with a log and without. */
export const LOGGED: readonly Scenario[] = TRAFFIC.filter(({ name }) => name !== "echo");

/** A log on the lab's own tmpfs: no disk is measured with it, and it goes with the lab. */
export const LOG_FILE = "/run/tcplab-bench.jsonl";

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
