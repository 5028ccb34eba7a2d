/**
 * The lab that people type into: two namespaces with names, for `ip netns exec`.
 *
 * Owns: making it, looking at it, removing all of it. Must not know: the command line's words (lab.ts).
 */
import { printable } from "../observe/text_layout.ts";
import { CliError } from "./command.ts";
import {
  LAB_SIDES,
  labConfigureSteps,
  labCreateSteps,
  labOffloadSteps,
  labOptionalSteps,
  type LabPlan,
  type LabSide,
  shellLine,
} from "./lab_network.ts";
import { labEnvironment } from "./private_lab.ts";
import { readProcText } from "./proc_files.ts";
import { programName } from "./self_command.ts";

/** What of a named lab there is. */
interface NamedLabState {
  readonly sides: Readonly<Record<LabSide, { readonly namespace: boolean; readonly device: boolean }>>;
  /** Both namespaces and the pair between them. */
  readonly complete: boolean;
  readonly empty: boolean;
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

/** Looks at what of the lab there is; needs no rights for the names, root's for the devices. */
export async function inspectNamedLab(plan: LabPlan): Promise<NamedLabState> {
  const list = await runStep(["ip", "netns", "list"]);
  const names = new Set(list.stdout.split("\n").map((line) => line.split(" ")[0]));
  const look = async (side: LabSide) => {
    const namespace = names.has(plan.namespaces[side]);
    const words = ["ip", "-n", plan.namespaces[side], "link", "show", "dev", plan.devices[side]];
    return { namespace, device: namespace && (await runStep(words)).code === 0 };
  };
  const sides = { server: await look("server"), client: await look("client") };
  const all = LAB_SIDES.map((side) => sides[side]);
  return {
    sides,
    complete: all.every((side) => side.namespace && side.device),
    empty: all.every((side) => !side.namespace),
  };
}

/**
 * Brings the lab up; one that is there is configured again, one that is there in part is made anew. Returns
 * whether it had been there. Throws {@link CliError}, with nothing left behind.
 */
export async function raiseNamedLab(plan: LabPlan): Promise<"made" | "was there"> {
  const state = await inspectNamedLab(plan);
  if (!state.complete && !state.empty) await removeNamedLab(plan);
  try {
    if (!state.complete) await demandSteps(labCreateSteps(plan));
    await demandSteps(labConfigureSteps(plan));
    for (const words of labOptionalSteps(plan)) await runStep(words);
    // A new veth has its offloads on; ethtool is needed only to change that.
    if (!plan.offloads) await demandSteps(labOffloadSteps(plan));
    else if (state.complete) { for (const words of labOffloadSteps(plan)) await runStep(words); }
  } catch (error) {
    if (!state.complete) await removeNamedLab(plan).catch(() => {});
    throw error;
  }
  return state.complete ? "was there" : "made";
}

/** Removes the lab, whatever of it there is. Throws {@link CliError} when something of it stays. */
export async function removeNamedLab(plan: LabPlan): Promise<NamedLabRemoval> {
  const state = await inspectNamedLab(plan);
  const removed: string[] = [];
  const processes: string[] = [];
  for (const side of LAB_SIDES) {
    const namespace = plan.namespaces[side];
    if (!state.sides[side].namespace) continue;
    processes.push(...await processesIn(namespace));
    // A process inside keeps a namespace alive after its name is gone: the pair is removed by itself.
    await runStep(["ip", "-n", namespace, "link", "delete", "dev", plan.devices[side]]);
    await demandSteps([["ip", "netns", "delete", namespace]]);
    removed.push(namespace);
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
  for (const words of steps) {
    const { code, stderr } = await runStep(words);
    if (code === 0) continue;
    const [reason] = stderr.trim().split("\n");
    throw new CliError(
      `"${shellLine(words)}" failed: ${reason || `exit status ${code}`}${adviceFor(reason)}`,
    );
  }
}

function adviceFor(reason: string): string {
  if (/not permitted|permission denied/i.test(reason)) {
    return `; named namespaces need root: run it with sudo, or use "${programName()} lab shell", which needs no rights`;
  }
  if (/ethtool.*no such file/i.test(reason)) return "; install ethtool, or leave the offloads on";
  if (/unknown device type|not supported/i.test(reason)) {
    return "; this kernel has no veth: load the module with modprobe veth";
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
