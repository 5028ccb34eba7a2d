/**
 * The servers that are measured side by side.
 *
 * Owns: their names, and the command line and address of each. Must not know: what is measured.
 *
 * Each offers echo on port 5000, discard on 5001 and chargen on 5002.
 */
import { fromFileUrl, resolve } from "@std/path";
import type { LabPlan } from "../../src/cli/lab_plan.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { BEFORE, type Family, JUDGED, nameOver, type Offloads } from "./model.ts";
import type { NativePrograms } from "./native_programs.ts";

/** Where a checkout's program begins. */
const ENTRY = "src/cli/main.ts";

/** The ports of all servers. */
export const PORTS = { echo: 5000, discard: 5001, chargen: 5002 } as const;

/** One server, over one version of IP. */
export interface Contestant {
  /** As in the JSON file and in tables. */
  readonly name: string;
  readonly explanation: string;
  readonly family: Family;
  /** The settings in which it works. */
  readonly offloads: readonly Offloads[];
  /** Only its round trip is of interest. */
  readonly isEchoOnly: boolean;
  /** Whether it is tcplab: the figures of a server at rest are measured of it. */
  readonly isTcplab: boolean;
  /** The address that it answers for. */
  address(plan: LabPlan): string;
  /** Its command line; `more` goes to tcplab's `serve`. */
  words(plan: LabPlan, more?: readonly string[]): string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files that it reads, besides this checkout's. */
  readonly files?: readonly string[];
}

/** Another way to start tcplab: its name, and more arguments of `serve`. */
export interface Variant {
  readonly name: string;
  readonly args: readonly string[];
}

/** Who takes part beside those that always do. */
export interface Entries {
  /** The compiled program, null where there is none. */
  readonly binary: string | null;
  readonly variants: readonly Variant[];
  /** What the kernel, tcplab and its variants are measured over; the others know IPv4 alone. */
  readonly families: readonly Family[];
  /** Another checkout of tcplab, null for none. */
  readonly against: string | null;
}

const BOTH: readonly Offloads[] = ["off", "def"];

/** All servers that can run here, in the order of each round. */
export function contestants(programs: NativePrograms, entries: Entries): Contestant[] {
  const { families, against } = entries;
  const overEach = (make: (family: Family) => Contestant) => families.map(make);
  return [
    ...overEach((family) => ({
      ...plain("kernel", "Linux's own TCP, C, one thread, epoll", family),
      address: (plan) => (family === 4 ? plan.addresses : plan.addresses6).server,
      words: (plan) => [programs.kernelServer, (family === 4 ? plan.addresses : plan.addresses6).server],
    })),
    ...(families.includes(4) ? overIpv4Alone(programs) : []),
    ...overEach((family) =>
      tcplab(JUDGED, { family, program: selfCommand(), explanation: "this checkout, run by Deno" })
    ),
    ...(against === null ? [] : overEach((family) => otherCheckout(against, family))),
    ...entries.variants.flatMap(({ name, args }) =>
      overEach((family) =>
        tcplab(`tcplab ${name}`, { family, program: selfCommand(), explanation: args.join(" "), args })
      )
    ),
    ...(entries.binary === null || !families.includes(4)
      ? []
      : [tcplab("binary", { family: 4, program: [entries.binary], explanation: "the compiled program" })]),
  ];
}

function overIpv4Alone({ toyTcp, lwipServer }: NativePrograms): Contestant[] {
  return [
    {
      ...plain("c", "toy TCP in C on libpcap, settings as tcplab's: spins 80 us, then polls", 4),
      words: (plan) => [toyTcp, plan.devices.server, plan.tcplabAddress],
    },
    {
      ...plain("c-poll", "the same without the spin", 4),
      isEchoOnly: true,
      words: (plan) => [toyTcp, plan.devices.server, plan.tcplabAddress],
      env: { TCPLAB_BENCH_SPIN: "0" },
    },
    ...(lwipServer === null ? [] : [{
      ...plain("lwip", "lwIP's raw API on libpcap; it refuses partial checksums, so not in def", 4),
      offloads: ["off"] as const,
      words: (plan: LabPlan) => [lwipServer, plan.devices.server, plan.tcplabAddress],
    }]),
  ];
}

/** What servers have in common, on the address that no kernel owns. */
function plain(name: string, explanation: string, family: Family): Omit<Contestant, "words"> {
  return {
    name: nameOver(family, name),
    explanation,
    family,
    offloads: BOTH,
    isEchoOnly: false,
    isTcplab: false,
    address: (plan) => family === 4 ? plan.tcplabAddress : plan.tcplabAddress6,
  };
}

interface TcplabParts {
  readonly family: Family;
  readonly program: readonly string[];
  readonly explanation: string;
  /** More arguments of `serve`. */
  readonly args?: readonly string[];
}

function tcplab(name: string, { family, program, explanation, args = [] }: TcplabParts): Contestant {
  const services = Object.entries(PORTS).map(([app, port]) => `${port}=${app}`).join(",");
  return {
    ...plain(name, explanation, family),
    isTcplab: true,
    words: (plan, more = ["--log", "none"]) => [
      ...program,
      "serve",
      "--iface",
      plan.devices.server,
      "--ip",
      family === 4 ? plan.tcplabAddress : `${plan.tcplabAddress6}/${plan.prefixLength6}`,
      "--serve",
      services,
      "--max-connections",
      "1000000",
      ...args,
      ...more,
    ],
  };
}

/** The tcplab of another checkout, started as this one is. */
function otherCheckout(folder: string, family: Family): Contestant {
  const entry = resolve(folder, ENTRY);
  const program = [...selfCommand().slice(0, -1), entry];
  return {
    ...tcplab(BEFORE, { family, program, explanation: "another checkout, run by Deno" }),
    files: [entry],
  };
}

/** Whether there is a checkout of tcplab in the folder. */
export function isCheckout(folder: string): boolean {
  return isFile(resolve(folder, ENTRY));
}

/** The compiled program: the one that TCPLAB_BINARY names, else the checkout's dist/tcplab; null when there is none. */
export function compiledProgram(): string | null {
  const path = Deno.env.get("TCPLAB_BINARY") ?? fromFileUrl(new URL("../../dist/tcplab", import.meta.url));
  return isFile(path) ? path : null;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
