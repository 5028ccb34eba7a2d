/**
 * The place of a flood: a server, an honest client and an attacker, each in a network namespace of its own, joined by a
 * switch.
 *
 *     server   veth-server  10.33.0.1/16 ──┐
 *     client   veth-client  10.33.0.2/16 ──┼── switch (a bridge)
 *     attacker veth-attacker             ──┘    its hosts: 10.33.64.1 and on, which no kernel owns
 *     (tcplab answers for 10.33.0.3)
 *
 * Without bridges in the kernel the attacker stands beside the client, on its cable.
 *
 * Owns: the network, and how the programs are started in it. Must not know: what is measured.
 */
import { shellLine } from "../../src/cli/lab_network.ts";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfFiles } from "../../src/cli/self_command.ts";
import type { LabProcess } from "../../src/cli/lab_process.ts";
import { type Flood, FLOOD_PORTS } from "./flood_modes.ts";
import { FloodFailure, LineTool } from "./line_tool.ts";
import type { FloodPrograms } from "./native_floods.ts";

/** The server that is attacked. */
export type Defender = "tcplab" | "kernel";

/** Length of the prefix that all addresses of the lab have in common. */
const PREFIX_LENGTH = 16;
const ATTACKER = "attacker";
const ATTACKER_DEVICE = "veth-attacker";
/** The attacker's first host; there is room for 16,000 in the subnet without meeting anybody. */
const FIRST_SOURCE = "10.33.64.1";
const VISITS_PER_SECOND = 20;
const LISTEN_TIMEOUT_MS = 60_000;
const LISTEN_LOOK_MS = 20;

/** A server that listens, and what it has said. */
export interface RunningServer {
  readonly process: LabProcess;
  readonly pid: number;
  readonly address: string;
  /** The file with its stdout. */
  readonly log: string;
}

/** A lab for floods. */
export class FloodLab implements AsyncDisposable {
  readonly lab: PrivateLab;
  /** Whether attacker and client have cables of their own. */
  readonly hasSwitch: boolean;
  readonly #programs: FloodPrograms;

  private constructor(parts: { lab: PrivateLab; programs: FloodPrograms; hasSwitch: boolean }) {
    this.lab = parts.lab;
    this.#programs = parts.programs;
    this.hasSwitch = parts.hasSwitch;
  }

  /** Makes a lab for a server that is started by these words. Throws {@link FloodFailure}. */
  static async open(programs: FloodPrograms, program: readonly string[]): Promise<FloodLab> {
    const readable = [...selfFiles(), programs.visitor, ...program.filter((word) => word.startsWith("/"))];
    // As a server on a lab host has it: with root's own rights the capture ring holds thirty times as many small frames.
    const lab = await PrivateLab.open(Deno.uid() === 0 ? { readable, rights: "root" } : { readable });
    try {
      return await FloodLab.madeOf(lab, programs);
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Makes a lab of two sides one of three. Throws {@link FloodFailure}. */
  static async madeOf(lab: PrivateLab, programs: FloodPrograms): Promise<FloodLab> {
    const withSwitch = await lab.run({ words: ["sh", "-e", "-c", switchScript(lab)] });
    if (withSwitch.code === 0) return new FloodLab({ lab, programs, hasSwitch: true });
    const without = await lab.run({ words: ["sh", "-e", "-c", cableScript(lab)] });
    if (without.code === 0) return new FloodLab({ lab, programs, hasSwitch: false });
    throw new FloodFailure(`The lab's network: ${withSwitch.stderr.trim()}; ${without.stderr.trim()}`);
  }

  /** Starts a server and waits until it listens. `program` begins tcplab's command line. */
  async serve(
    defender: Defender,
    options: { program: readonly string[]; args: readonly string[] },
  ): Promise<RunningServer> {
    const { plan } = this.lab;
    // A file of its own: what the server before has said must not be taken for its word.
    const log = `${this.#programs.folder}/server.${crypto.randomUUID()}.log`;
    const address = defender === "kernel" ? plan.addresses.server : plan.tcplabAddress;
    const words = defender === "kernel"
      ? [this.#programs.kernelServer, address]
      : [...options.program, ...serveArguments(plan.devices.server, address), ...options.args];
    const process = this.lab.spawn({
      side: "server",
      words: ["sh", "-c", `exec ${shellLine(words)} >${log}`],
    });
    const deadline = performance.now() + LISTEN_TIMEOUT_MS;
    while (!/listening/i.test(process.stderr) && !await saysListening(log)) {
      if (await process.endsWithin(LISTEN_LOOK_MS)) {
        throw new FloodFailure(`The server ended: ${process.stderr.trim()}`);
      }
      if (performance.now() > deadline) {
        throw new FloodFailure(`The server does not listen: ${process.stderr}`);
      }
    }
    return { process, pid: await process.insidePid() ?? 0, address, log };
  }

  /** The program that looks at a process from beside it, and kills it beyond the limit. */
  watch(pid: number, limitMib: number): LineTool {
    return new LineTool(this.lab, {
      side: "server",
      words: [this.#programs.watch, String(pid), String(limitMib)],
    });
  }

  /** The honest client. */
  visit(address: string): LineTool {
    const words = [this.#programs.visitor, address, String(FLOOD_PORTS.echo), String(VISITS_PER_SECOND)];
    return new LineTool(this.lab, { side: "client", words });
  }

  /** The attacker; it says `up` when all of it is there. */
  attack(flood: Flood, address: string): LineTool {
    const { mode, rate, connections, sources } = flood;
    const isFrames = mode.kind === "frames";
    const device = this.hasSwitch ? ATTACKER_DEVICE : this.lab.plan.devices.client;
    const program = isFrames ? this.#programs.stateless : this.#programs.hostileClients;
    const fixed = [device, address, String(FLOOD_PORTS[mode.target]), mode.name, FIRST_SOURCE];
    const words = [program, ...fixed, `rate=${rate}`, `sources=${sources}`, `connections=${connections}`];
    if (!this.hasSwitch) return new LineTool(this.lab, { side: "client", words });
    return new LineTool(this.lab, { words: ["ip", "netns", "exec", ATTACKER, ...words] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.close();
  }
}

function serveArguments(device: string, address: string): string[] {
  const services = Object.entries(FLOOD_PORTS).map(([app, port]) => `${port}=${app}`).join(",");
  return ["serve", "--iface", device, "--ip", address, "--serve", services];
}

async function saysListening(path: string): Promise<boolean> {
  try {
    return /listening/i.test(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function switchScript({ plan }: PrivateLab): string {
  const { namespaces, devices, addresses } = plan;
  const ends: [string, string][] = [
    [namespaces.server, devices.server],
    [namespaces.client, devices.client],
    [ATTACKER, ATTACKER_DEVICE],
  ];
  const address = (side: LabSide) =>
    `ip -n ${namespaces[side]} address add ${addresses[side]}/${PREFIX_LENGTH} dev ${devices[side]}`;
  return [
    "ip link add name switch type bridge mcast_snooping 0",
    `ip netns add ${ATTACKER}`,
    `ip -n ${namespaces.server} link delete ${devices.server}`,
    "ip link set switch up",
    ...ends.flatMap(([namespace, device], number) => [
      `ip link add ${device} netns ${namespace} type veth peer name port${number}`,
      `ip link set port${number} master switch up`,
      `ip -n ${namespace} link set ${device} up`,
    ]),
    address("server"),
    address("client"),
  ].join("\n");
}

function cableScript({ plan }: PrivateLab): string {
  return (["server", "client"] as const).flatMap((side) => {
    const ip = `ip -n ${plan.namespaces[side]} address`;
    const place = `dev ${plan.devices[side]}`;
    return [`${ip} flush ${place}`, `${ip} add ${plan.addresses[side]}/${PREFIX_LENGTH} ${place}`];
  }).join("\n");
}
