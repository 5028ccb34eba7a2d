/**
 * The arguments of `deno task bench`.
 *
 * Owns: their names, defaults and bounds. Must not know: what they lead to.
 */
import { type OptionSpec, parseOptions, type Syntax, usageText } from "../../src/cli/options.ts";
import { parseCount } from "../../src/cli/option_values.ts";
import { UsageError } from "../../src/cli/command.ts";
import { isCheckout, type Variant } from "./contestants.ts";
import { type Family, OFFLOADS, type Offloads } from "./model.ts";
import type { Timing } from "./scenarios.ts";

/** What to measure, how often, and where to put it. */
export interface BenchOptions {
  readonly rounds: number;
  readonly timing: Timing;
  readonly offloads: readonly Offloads[];
  /** What servers are measured over, those that know both. */
  readonly families: readonly Family[];
  /** The folder of another checkout, measured in turn with this one; null for none. */
  readonly against: string | null;
  /** Empty: all of them. */
  readonly contestants: readonly string[];
  /** Empty: all of them. */
  readonly scenarios: readonly string[];
  readonly variants: readonly Variant[];
  /** How long each measurement waits for other programs to be quiet, milliseconds. */
  readonly patienceMs: number;
  /** How often a measurement that other programs disturbed is made again. */
  readonly repeats: number;
  /** Whether this session is put before all others. */
  readonly first: boolean;
  readonly json: string | null;
  /** Whether the results are added to docs/benchmarks.md. */
  readonly append: boolean;
}

const OPTIONS = [
  { name: "quick", kind: "flag", help: "one short round; nothing is added to docs/benchmarks.md" },
  { name: "rounds", kind: "value", value: "N", help: "how often each server has its turn (3)" },
  { name: "seconds", kind: "value", value: "N", help: "how long each figure is measured (3)" },
  { name: "offloads", kind: "value", value: "off|def", help: "one setting of the veth pair instead of both" },
  {
    name: "family",
    kind: "value",
    value: "4|6|both",
    help: "the version of IP (both); c, c-poll, lwip and binary are measured over IPv4 alone",
  },
  {
    name: "against",
    kind: "value",
    value: "DIR",
    help: "another checkout too, named before: each figure within 5 % of its",
  },
  {
    name: "server",
    kind: "list",
    value: "NAME",
    help: "only this server: kernel, c, c-poll, lwip, tcplab, binary, before",
  },
  {
    name: "scenario",
    kind: "list",
    value: "NAME",
    help:
      "only this: connections, echo, messages, upload, download, growth, memory, idle, start, log, reflect",
  },
  {
    name: "variant",
    kind: "list",
    value: "NAME=ARGS",
    help: "one more tcplab, with these arguments of serve: --variant 'inject=--tx inject'",
  },
  {
    name: "patience",
    kind: "value",
    value: "SECONDS",
    help:
      "how long each measurement waits for other programs to be quiet (20); one that they disturb is repeated",
  },
  {
    name: "first",
    kind: "flag",
    help: "take the cores before all other programs, and do not wait for them (root); they will feel it",
  },
  { name: "json", kind: "value", value: "FILE", help: "where to write every sample" },
  { name: "no-append", kind: "flag", help: "leave docs/benchmarks.md alone" },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "bench",
  synopsis: "[OPTIONS]",
  description:
    `Measures tcplab beside the kernel's TCP, a C program on libpcap and lwIP, in private labs, in turn. Prints a
table and the targets, and adds both to docs/benchmarks.md. Needs (Debian): libpcap0.8 iproute2 ethtool util-linux
gcc libc6-dev, and liblwip-dev for lwIP. Takes about 20 minutes on a machine that has nothing else to do.`,
  options: OPTIONS,
};

/** The usage text. */
export const BENCH_USAGE = usageText(SYNTAX).replace("Usage: tcplab bench", "Usage: deno task bench");

/** Reads the arguments. Throws {@link UsageError}. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const options = parseOptions(args, SYNTAX);
  const quick = options.flag("quick");
  const count = (name: "rounds" | "seconds" | "patience", most: number, otherwise: number) => {
    const text = options.value(name);
    const least = name === "patience" ? 0 : 1;
    return text === undefined ? otherwise : parseCount({ option: name, text }, { least, most });
  };
  const offloads = options.value("offloads");
  const chosen = OFFLOADS.filter((name) => offloads === undefined || name === offloads);
  if (chosen.length === 0) throw new UsageError(`--offloads ${offloads}: expected off or def`);
  const against = options.value("against") ?? null;
  if (against !== null && !isCheckout(against)) {
    throw new UsageError(`--against ${against}: there is no checkout of tcplab`);
  }
  return {
    rounds: count("rounds", 100, quick ? 1 : 3),
    timing: {
      seconds: count("seconds", 60, quick ? 1 : 3),
      warm: quick ? 0.5 : 1,
      idleSeconds: quick ? 3 : 10,
    },
    offloads: chosen,
    families: parseFamilies(options.value("family") ?? "both"),
    against,
    contestants: options.list("server"),
    scenarios: options.list("scenario"),
    variants: options.list("variant").map(parseVariant),
    patienceMs: options.flag("first") ? 0 : count("patience", 3600, quick ? 5 : 20) * 1000,
    repeats: quick ? 1 : 4,
    first: options.flag("first"),
    json: options.value("json") ?? null,
    append: !quick && !options.flag("no-append"),
  };
}

function parseFamilies(text: string): readonly Family[] {
  switch (text) {
    case "4":
      return [4];
    case "6":
      return [6];
    case "both":
      return [4, 6];
    default:
      throw new UsageError(`--family ${text}: expected 4, 6 or both`);
  }
}

function parseVariant(text: string): Variant {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--variant ${text}: expected NAME=ARGS, inject=--tx inject`);
  return { name: text.slice(0, at), args: text.slice(at + 1).split(" ").filter((word) => word !== "") };
}
