/**
 * The lab that a command stands in: whoever types in a lab's own shell means that lab, and no named one.
 *
 * Owns: the mark by which a lab shell is known, and on which side of the lab a process is. Must not know: how a lab is made
 * (private_lab.ts), what is done in it.
 */
import { type LabForm, type LabPlan, planLab } from "./lab_plan.ts";
import { HOLDER_DIRECTORY, labEnvironment } from "./private_lab.ts";

/**
 * In the lab's own /run, so that it is there for every process of the lab, whatever became of its environment, and for no
 * other.
 */
export const OWN_LAB_MARK = `${HOLDER_DIRECTORY}/shell`;

/** What the mark says: the form of the lab, from which its plan follows. */
export function ownLabText({ hosts, bridge = false, router = false }: LabForm): string {
  return JSON.stringify({ bridge, router, ...(hosts === undefined ? {} : { hosts }) });
}

/** The lab whose shell this process was started in; null anywhere else. */
export function ownLab(): LabPlan | null {
  try {
    return planLab(JSON.parse(Deno.readTextFileSync(OWN_LAB_MARK)));
  } catch {
    return null;
  }
}

/** The words that bring a command from the lab's shell, which is on neither side, to the client's; null where none are needed. */
export async function wayToClientSide(): Promise<readonly string[] | null> {
  const plan = ownLab();
  if (plan === null) return null;
  const { success, stdout } = await new Deno.Command("ip", {
    args: ["netns", "identify"],
    stdin: "null",
    stderr: "null",
    env: labEnvironment(),
  }).output();
  const isOnASide = !success || new TextDecoder().decode(stdout).trim() !== "";
  return isOnASide ? null : ["ip", "netns", "exec", plan.namespaces.client];
}
