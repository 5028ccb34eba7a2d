/**
 * How much memory the connections of a server may hold when nobody says.
 *
 * Owns: the default, from what the machine and its control group have. Must not know: what is held.
 */
import { readProcText } from "./proc_files.ts";

/** Local choice: a lab's host does other things too. */
const PART_OF_MACHINE = 0.25;
/** Local choice: more than that, and V8's collector is what limits. */
const MOST_BYTES = 0x40000000;
/** Where the machine's memory is not known. */
const FALLBACK_BYTES = 0x10000000;

/** What the default depends on. */
export interface MemoryFacts {
  /** `/proc/meminfo`; null where there is none. */
  readonly meminfo: string | null;
  /** `memory.max` (or `memory.limit_in_bytes`) of the control group and of those above it. */
  readonly groupLimits: readonly string[];
}

/** A quarter of the machine's memory or of its control group, at most 1 GiB, bytes. */
export function defaultMemoryBytes(facts: MemoryFacts): number {
  const kilobytes = /^MemTotal:\s+(\d+) kB$/m.exec(facts.meminfo ?? "")?.[1];
  const limits = facts.groupLimits.map((text) => text.trim()).filter((text) => /^\d+$/.test(text)).map(
    Number,
  );
  if (kilobytes !== undefined) limits.push(Number(kilobytes) * 1024);
  if (limits.length === 0) return FALLBACK_BYTES;
  return Math.min(Math.floor(Math.min(...limits) * PART_OF_MACHINE), MOST_BYTES);
}

/** Reads what {@link defaultMemoryBytes} wants to know. */
export function memoryFacts(): MemoryFacts {
  const groups = (readProcText("/proc/self/cgroup") ?? "").split("\n");
  const limits: string[] = [];
  for (const group of groups) {
    // `0::/a/b` of the unified hierarchy, `5:memory:/a/b` of the old one.
    const match = /^\d+:(memory)?:(\/.*)$/.exec(group);
    if (match === null) continue;
    const [root, file] = match[1] === undefined
      ? ["/sys/fs/cgroup", "memory.max"]
      : ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"];
    for (let path = match[2]; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
      limits.push(readProcText(`${root}${path}/${file}`) ?? "");
    }
    // A container sees its own group as the root.
    limits.push(readProcText(`${root}/${file}`) ?? "");
  }
  return { meminfo: readProcText("/proc/meminfo"), groupLimits: limits };
}
