/**
 * The lab that people type into: namespaces with names, for `ip netns exec`.
 *
 * Owns: making it, looking at it, removing all of it. Must not know: the command line's words (lab.ts).
 */
import { printable } from "../observe/text_layout.ts";
import { CliError } from "./command.ts";
import {
  devicesOf,
  labConfigureSteps,
  labCreateSteps,
  labOffloadSteps,
  labSteps6,
  shellLine,
} from "./lab_network.ts";
import { LAB_HOSTS, type LabForm, type LabPlace, labPlaces, type LabPlan, planLab } from "./lab_plan.ts";
import { labEnvironment } from "./private_lab.ts";
import { readProcText } from "./proc_files.ts";
import { programName } from "./self_command.ts";

/** A namespace that a lab has, and what of it there is. */
interface NamedPart {
  readonly place: LabPlace;
  readonly namespace: boolean;
  /** Those of its devices that are not there; all, where there is no namespace. */
  readonly missing: readonly string[];
}

/** What of a named lab there is. */
interface NamedLabState {
  readonly parts: readonly NamedPart[];
  /** All namespaces, and the pairs between them. */
  readonly complete: boolean;
  readonly empty: boolean;
}

/** What bringing a lab up has done. */
interface NamedLabRaised {
  readonly wasThere: boolean;
  /** Why the lab has IPv4 alone; null when it has both families. */
  readonly withoutIpv6: string | null;
}

/** What a removal found. */
interface NamedLabRemoval {
  /** Namespaces that are gone now. */
  readonly removed: readonly string[];
  /** Processes that were running in them, `4711 nc`; they keep running, cut off. */
  readonly processes: readonly string[];
}

interface StepResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function namespaceNames(): Promise<ReadonlySet<string>> {
  const list = await runStep(["ip", "netns", "list"]);
  return new Set(list.stdout.split("\n").map((line) => line.split(" ")[0]));
}

/** The form of the lab of this name that is up, by the namespaces that there are; null where there is none. Needs no rights. */
export async function formOfNamedLab(name: string): Promise<LabForm | null> {
  const names = await namespaceNames();
  const plain = planLab({ name });
  if (names.has(plain.namespaces.router)) return { router: true };
  const largest = planLab({ name, bridge: true, hosts: LAB_HOSTS.most });
  const clients = largest.sides.filter((side) => side !== "server" && names.has(largest.namespaces[side]));
  // The last of them counts: one in between may be missing.
  const hosts = largest.sides.indexOf(clients.at(-1) ?? "client");
  if (names.has(plain.namespaces.switch) || hosts > 1) return { bridge: true, hosts };
  return plain.sides.some((side) => names.has(plain.namespaces[side])) ? {} : null;
}

/** Looks at what of the lab there is; needs no rights for the names, root's for the devices. */
export async function inspectNamedLab(plan: LabPlan): Promise<NamedLabState> {
  const names = await namespaceNames();
  const parts = await Promise.all(
    labPlaces(plan).map(async (place) => {
      const namespace = names.has(plan.namespaces[place]);
      const missing: string[] = [];
      for (const device of devicesOf(plan, place)) {
        const words = ["ip", "-n", plan.namespaces[place], "link", "show", "dev", device];
        if (!namespace || (await runStep(words)).code !== 0) missing.push(device);
      }
      return { place, namespace, missing };
    }),
  );
  return {
    parts,
    complete: parts.every(({ namespace, missing }) => namespace && missing.length === 0),
    empty: parts.every(({ namespace }) => !namespace),
  };
}

/** The addresses that a device of the lab has now, both families, as `ip` writes them; empty where they are not to be seen. */
export async function addressesOf(
  plan: LabPlan,
  where: { place: LabPlace; device: string },
): Promise<string[]> {
  const words = ["ip", "-n", plan.namespaces[where.place], "-o", "address", "show", "dev", where.device];
  return [...(await runStep(words)).stdout.matchAll(/ inet6? (\S+)/g)].map(([, address]) => address);
}

/**
 * Brings the lab up; one that is there is configured again, one that is there in part is made anew. Throws {@link CliError},
 * with nothing left behind.
 */
export async function raiseNamedLab(plan: LabPlan): Promise<NamedLabRaised> {
  const state = await inspectNamedLab(plan);
  if (!state.complete && !state.empty) await removeNamedLab(plan);
  try {
    if (!state.complete) await demandSteps(labCreateSteps(plan));
    await demandSteps(labConfigureSteps(plan));
    const withoutIpv6 = await firstFailure(labSteps6(plan));
    // A new veth has its offloads on; ethtool is needed only to change that.
    if (!plan.offloads) await demandSteps(labOffloadSteps(plan));
    else if (state.complete) { for (const words of labOffloadSteps(plan)) await runStep(words); }
    return { wasThere: state.complete, withoutIpv6 };
  } catch (error) {
    if (!state.complete) await removeNamedLab(plan).catch(() => {});
    throw error;
  }
}

/** Removes the lab, whatever of it there is. Throws {@link CliError} when something of it stays. */
export async function removeNamedLab(plan: LabPlan): Promise<NamedLabRemoval> {
  const state = await inspectNamedLab(plan);
  const removed: string[] = [];
  const processes: string[] = [];
  for (const { place, namespace } of state.parts) {
    const name = plan.namespaces[place];
    if (!namespace) continue;
    processes.push(...await processesIn(name));
    // A process inside keeps a namespace alive after its name is gone: the devices are removed by themselves.
    for (const device of devicesOf(plan, place)) {
      await runStep(["ip", "-n", name, "link", "delete", "dev", device]);
    }
    await demandSteps([["ip", "netns", "delete", name]]);
    removed.push(name);
  }
  return { removed, processes };
}

async function processesIn(namespace: string): Promise<string[]> {
  const pids = (await runStep(["ip", "netns", "pids", namespace])).stdout.split("\n").filter((pid) =>
    pid !== ""
  );
  // A process gives itself its name, and may have put commands for a terminal there.
  const named = (pid: string) => `${pid} ${printable((readProcText(`/proc/${pid}/comm`) ?? "").trim())}`;
  return pids.map((pid) => named(pid).trim());
}

async function demandSteps(steps: readonly string[][]): Promise<void> {
  const failure = await firstFailure(steps);
  if (failure !== null) throw new CliError(failure);
}

/** Runs steps up to the first that fails; says of that how, or null. */
async function firstFailure(steps: readonly string[][]): Promise<string | null> {
  for (const words of steps) {
    const { code, stderr } = await runStep(words);
    if (code === 0) continue;
    const [reason] = stderr.trim().split("\n");
    return `"${shellLine(words)}" failed: ${reason || `exit status ${code}`}${adviceFor(reason, words)}`;
  }
  return null;
}

function adviceFor(reason: string, words: readonly string[]): string {
  if (/not permitted|permission denied/i.test(reason)) {
    return `; named namespaces need root: run it with sudo, or use "${programName()} lab shell", which needs no rights`;
  }
  if (/ethtool.*no such file/i.test(reason)) return "; install ethtool, or leave the offloads on";
  if (/unknown device type|not supported/i.test(reason)) {
    const device = words.includes("bridge") ? "bridge" : "veth";
    return `; this kernel has no ${device}: load the module with modprobe ${device}`;
  }
  return "";
}

async function runStep(words: readonly string[]): Promise<StepResult> {
  const [program, ...args] = words;
  try {
    const output = await new Deno.Command(program, { args, stdin: "null", env: labEnvironment() }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CliError(`There is no "${program}" program: install the package iproute2`);
  }
}
