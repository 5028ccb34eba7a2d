/**
 * The arguments of `deno task floods`.
 *
 * Owns: their names, defaults and bounds. Must not know: what they lead to.
 */
import { UsageError } from "../../src/cli/command.ts";
import { parseCount, parseSizeBytes } from "../../src/cli/option_values.ts";
import { type OptionSpec, parseOptions, type Syntax, usageText } from "../../src/cli/options.ts";
import { FLOOD_MODES, type FloodScale, FULL_SCALE, QUICK_SCALE } from "./flood_modes.ts";

/** What to run, against what. */
export interface FloodOptions {
  readonly scale: FloodScale;
  /** A compiled program instead of this checkout. */
  readonly binary: string | null;
  /** More arguments of `serve`. */
  readonly args: readonly string[];
  readonly memoryMib: number;
  /** Whether the kernel's own TCP is attacked too. */
  readonly kernel: boolean;
  /** A server that takes more memory is killed. */
  readonly limitMib: number;
  readonly json: string | null;
  /** Results of a run before, as `--json` has written them. */
  readonly before: string | null;
  /** Whether docs/reliability.md is written. */
  readonly write: boolean;
}

const OPTIONS = [
  {
    name: "quick",
    kind: "flag",
    help: "the chief modes with 2,000 connections; docs/reliability.md is left alone",
  },
  {
    name: "binary",
    kind: "value",
    value: "PATH",
    help: "attack this compiled program instead of the checkout",
  },
  {
    name: "args",
    kind: "value",
    value: "ARGS",
    help: "more options of serve: --args='--log text --log-limit 10M'",
  },
  {
    name: "memory",
    kind: "value",
    value: "SIZE",
    help: "serve's --memory, and the bound of the verdict (128M)",
  },
  { name: "connections", kind: "value", value: "N", help: "connections that a mode holds (60000)" },
  {
    name: "rate",
    kind: "list",
    value: "N",
    help: "frames a second of the floods of frames (50000 and 200000)",
  },
  {
    name: "sources",
    kind: "list",
    value: "N",
    help: "hosts that connections come from (250, and some from 2 and 1)",
  },
  { name: "dwell", kind: "value", value: "SECONDS", help: "how long a flood goes on once it is up (5)" },
  { name: "no-kernel", kind: "flag", help: "do not attack the kernel's own TCP as well, to compare" },
  {
    name: "limit",
    kind: "value",
    value: "SIZE",
    help: "kill a server that takes more memory than this (4G)",
  },
  { name: "json", kind: "value", value: "FILE", help: "where to write every figure" },
  { name: "before", kind: "value", value: "FILE", help: "such a file of a run before, to be shown beside" },
  { name: "no-write", kind: "flag", help: "leave docs/reliability.md alone" },
] as const satisfies readonly OptionSpec[];

const MOST_MODES = 100;

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "floods",
  synopsis: "[MODE...] [OPTIONS]",
  description:
    `Floods a server in a private lab of three network namespaces, while an honest client of the kernel comes
twenty times a second, and looks whether memory, service, netstat and SIGTERM stay within their bounds. Exit status 1 when
one does not. Without modes: all of them, about twelve minutes; the result goes into docs/reliability.md. Needs (Debian):
libpcap0.8 iproute2 util-linux gcc libc6-dev.

Modes:
${FLOOD_MODES.map(({ name, what }) => `  ${name.padEnd(16)} ${what}`).join("\n")}`,
  options: OPTIONS,
  positionals: { least: 0, most: MOST_MODES, expected: "names of modes" },
};

/** The usage text. */
export const FLOODS_USAGE = usageText(SYNTAX).replace("Usage: tcplab floods", "Usage: deno task floods");

/** Connections of one run; more than one port's worth of sources is not needed. */
const MOST_CONNECTIONS = 1_000_000;
const MOST_RATE = 1_000_000;
const MOST_SOURCES = 16_000;
const MIB = 2 ** 20;

/** Reads the arguments. Throws {@link UsageError}. */
export function parseFloodOptions(args: readonly string[]): FloodOptions {
  const options = parseOptions(args, SYNTAX);
  const unknown = options.positionals.find((name) => !FLOOD_MODES.some((mode) => mode.name === name));
  if (unknown !== undefined) throw new UsageError(`There is no mode ${unknown}: see --help for the modes`);
  const isQuick = options.flag("quick");
  const plain = isQuick ? QUICK_SCALE : FULL_SCALE;
  const numbers = (name: "rate" | "sources", most: number, otherwise: readonly number[]) => {
    const given = options.list(name);
    return given.length === 0
      ? otherwise
      : given.map((text) => parseCount({ option: name, text }, { least: 1, most }));
  };
  const count = (name: "connections" | "dwell", most: number, otherwise: number) => {
    const text = options.value(name);
    return text === undefined ? otherwise : parseCount({ option: name, text }, { least: 1, most });
  };
  const mib = (name: "memory" | "limit", otherwise: number) => {
    const text = options.value(name);
    if (text === undefined) return otherwise;
    return Math.round(parseSizeBytes({ option: name, text }, { least: MIB, most: 64 * 1024 * MIB }) / MIB);
  };
  const modes = options.positionals.length > 0 ? options.positionals : plain.modes;
  return {
    scale: {
      connections: count("connections", MOST_CONNECTIONS, plain.connections),
      rates: numbers("rate", MOST_RATE, plain.rates),
      dwellMs: count("dwell", 3600, plain.dwellMs / 1000) * 1000,
      sources: numbers("sources", MOST_SOURCES, plain.sources),
      modes,
    },
    binary: options.value("binary") ?? null,
    args: (options.value("args") ?? "").split(" ").filter((word) => word !== ""),
    memoryMib: mib("memory", 128),
    kernel: !isQuick && !options.flag("no-kernel"),
    limitMib: mib("limit", 4096),
    json: options.value("json") ?? null,
    before: options.value("before") ?? null,
    write: !isQuick && modes.length === 0 && !options.flag("no-write"),
  };
}
