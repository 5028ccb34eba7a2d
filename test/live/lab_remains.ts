/**
 * What is left of a lab on this host: processes, names, files.
 *
 * Owns: the looking, from outside, by the number of the lab's PID namespace. Must not know: who made the lab or ended it.
 */
import { waitFor } from "./wait_for.ts";

/** Processes of the host, each with its PID namespace; those that have ended and are not collected yet are none. */
function processes(): { pid: number; parent: number; namespace: string; forChildren: string }[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const [state, parent] = Deno.readTextFileSync(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
      if (state === "Z" || state === "X") return [];
      const link = (file: string) => Deno.readLinkSync(`/proc/${name}/ns/${file}`);
      return [{
        pid: Number(name),
        parent: Number(parent),
        namespace: link("pid"),
        forChildren: link("pid_for_children"),
      }];
    } catch {
      // Not a process, or gone meanwhile.
      return [];
    }
  });
}

/** The processes in a PID namespace, `pid:[4026532400]`. */
export function processesOf(namespace: string): number[] {
  return processes().filter((process) => process.namespace === namespace).map(({ pid }) => pid);
}

/** The first process of a PID namespace, whose number in there is 1; its number out here may be any, since numbers wrap. */
export function firstProcessOf(namespace: string): number {
  const first = processesOf(namespace).find((pid) => /^NSpid:.*\s1$/m.test(statusOf(pid)));
  if (first === undefined) throw new Error(`${namespace} has no first process`);
  return first;
}

/** What the kernel says of a process; nothing when it has ended meanwhile. */
function statusOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return "";
  }
}

/** The parts of a lab shell with one command, as the host numbers them. */
export interface LabParts {
  /** tcplab itself. */
  readonly program: number;
  /** `unshare`, whose child is the first process of the lab. */
  readonly holder: number;
  /** The first process of the lab: when it goes, all go. */
  readonly first: number;
  /** `nsenter`, which waits for the command. */
  readonly waiter: number;
  /** What a person asked for. */
  readonly command: number;
}

/** Finds the parts, given tcplab's number and the lab's PID namespace. */
export function findParts(program: number, namespace: string): LabParts {
  const all = processes();
  const inside = new Set(all.filter((process) => process.namespace === namespace).map(({ pid }) => pid));
  const children = all.filter(({ parent }) => parent === program);
  const childInside = (pid: number) =>
    all.find(({ parent, pid: child }) => parent === pid && inside.has(child))?.pid;
  const heads = children.flatMap(({ pid }) => {
    const child = childInside(pid);
    return child === undefined ? [] : [{ outside: pid, child }];
  });
  const first = firstProcessOf(namespace);
  const holder = heads.find(({ child }) => child === first);
  const waiter = heads.find(({ child }) => child !== first);
  if (holder === undefined || waiter === undefined || heads.length !== 2) {
    throw new Error(`A lab shell has two children with one in the lab each, not ${JSON.stringify(heads)}`);
  }
  return {
    program,
    holder: holder.outside,
    first,
    waiter: waiter.outside,
    command: waiter.child,
  };
}

/** Waits until nothing runs in the namespace any more. */
export async function seeGone(namespace: string): Promise<void> {
  await waitFor(() => processesOf(namespace).length === 0, { what: `every process of ${namespace} ends` });
}

/** The names of namespaces on this host. */
export async function namespaceNames(): Promise<string> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "list"], stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}
