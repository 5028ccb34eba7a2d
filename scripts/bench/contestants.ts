/**
 * The servers that are measured side by side.
 *
 * Owns: their names, and the command line and address of each. Must not know: what is measured.
 *
 * Each offers echo on port 5000, discard on 5001 and chargen on 5002.
 */
import { fromFileUrl } from "@std/path";
import type { LabPlan } from "../../src/cli/lab_plan.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { Offloads } from "./model.ts";
import type { NativePrograms } from "./native_programs.ts";

/** The ports of all servers. */
export const PORTS = { echo: 5000, discard: 5001, chargen: 5002 } as const;

/** One server. */
export interface Contestant {
  /** As in the JSON file and in tables. */
  readonly name: string;
  readonly explanation: string;
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
}

/** Another way to start tcplab: its name, and more arguments of `serve`. */
export interface Variant {
  readonly name: string;
  readonly args: readonly string[];
}

const BOTH: readonly Offloads[] = ["off", "def"];

/** All servers that can run here, in the order of each round. */
export function contestants(
  programs: NativePrograms,
  options: { binary: string | null; variants: readonly Variant[] },
): Contestant[] {
  const { lwipServer } = programs;
  return [
    {
      ...onPlainAddress("kernel", "Linux's own TCP, C, one thread, epoll"),
      address: (plan) => plan.addresses.server,
      words: (plan) => [programs.kernelServer, plan.addresses.server],
    },
    {
      ...onPlainAddress("c", "toy TCP in C on libpcap, settings as tcplab's: spins 80 us, then polls"),
      words: (plan) => [programs.toyTcp, plan.devices.server, plan.tcplabAddress],
    },
    {
      ...onPlainAddress("c-poll", "the same without the spin"),
      isEchoOnly: true,
      words: (plan) => [programs.toyTcp, plan.devices.server, plan.tcplabAddress],
      env: { TCPLAB_BENCH_SPIN: "0" },
    },
    ...(lwipServer === null ? [] : [{
      ...onPlainAddress("lwip", "lwIP's raw API on libpcap; it refuses partial checksums, so not in def"),
      offloads: ["off"] as const,
      words: (plan: LabPlan) => [lwipServer, plan.devices.server, plan.tcplabAddress],
    }]),
    tcplab("tcplab", { program: selfCommand(), explanation: "this checkout, run by Deno", args: [] }),
    ...options.variants.map(({ name, args }) =>
      tcplab(`tcplab ${name}`, { program: selfCommand(), explanation: args.join(" "), args })
    ),
    ...(options.binary === null
      ? []
      : [tcplab("binary", { program: [options.binary], explanation: "the compiled program", args: [] })]),
  ];
}

function onPlainAddress(name: string, explanation: string): Omit<Contestant, "words"> {
  return {
    name,
    explanation,
    offloads: BOTH,
    isEchoOnly: false,
    isTcplab: false,
    address: (plan) => plan.tcplabAddress,
  };
}

function tcplab(
  name: string,
  parts: { program: readonly string[]; explanation: string; args: readonly string[] },
): Contestant {
  const services = Object.entries(PORTS).map(([app, port]) => `${port}=${app}`).join(",");
  return {
    ...onPlainAddress(name, parts.explanation),
    isTcplab: true,
    words: (plan, more = ["--log", "none"]) => [
      ...parts.program,
      "serve",
      "--iface",
      plan.devices.server,
      "--ip",
      plan.tcplabAddress,
      "--serve",
      services,
      "--max-connections",
      "1000000",
      ...parts.args,
      ...more,
    ],
  };
}

/** The compiled program: the one that TCPLAB_BINARY names, else the checkout's dist/tcplab; null when there is none. */
export function compiledProgram(): string | null {
  const path = Deno.env.get("TCPLAB_BINARY") ?? fromFileUrl(new URL("../../dist/tcplab", import.meta.url));
  try {
    return Deno.statSync(path).isFile ? path : null;
  } catch {
    return null;
  }
}
