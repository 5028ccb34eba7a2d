/**
 * A CPU profile by area: whose time it was, and the functions that used most of it.
 *
 * Owns: reading V8's format (.cpuprofile), and which files belong to which area. Must not know: how the profile came about.
 */

/** A node of V8's call tree. */
interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** The parts of a .cpuprofile that count here; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Who can have used the time. */
type Area =
  | "FFI and kernel"
  | "codec"
  | "machine"
  | "host"
  | "app"
  | "pump and runtime"
  | "log and observers"
  | "Deno and V8"
  | "GC"
  | "native, no JavaScript"
  | "idle";

/** A function's own time, without that of those it calls. */
export interface SelfTime {
  readonly name: string;
  /** Project path and line, or empty for what is none of ours. */
  readonly place: string;
  readonly area: Area;
  readonly us: number;
}

/** Files by the beginning of their project path; native calls are counted to the function in ffi/ that makes them. */
const AREAS: readonly (readonly [prefix: string, area: Area])[] = [
  ["ffi/", "FFI and kernel"],
  ["src/wire/", "codec"],
  ["src/tcp/", "machine"],
  ["src/host/", "host"],
  ["src/app/", "app"],
  ["src/runtime/", "pump and runtime"],
  ["src/link/", "pump and runtime"],
  ["src/observe/", "log and observers"],
  ["src/cli/", "log and observers"],
];

/** V8's own entries, which have no file. */
const SPECIAL: Readonly<Record<string, Area>> = {
  "(garbage collector)": "GC",
  "(idle)": "idle",
  "(program)": "native, no JavaScript",
  "(root)": "native, no JavaScript",
};

/** Self times of all functions, the greatest first; the same function in several places of the tree is one. */
export function selfTimes(profile: CpuProfile, projectUrl: string): SelfTime[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const byFunction = new Map<string, { node: ProfileNode; us: number }>();
  for (const [position, id] of profile.samples.entries()) {
    const node = nodes.get(id);
    if (node === undefined) continue;
    const { functionName, url, lineNumber } = node.callFrame;
    const key = `${functionName} ${url} ${lineNumber}`;
    const entry = byFunction.get(key);
    // The time that passed before a sample was taken belongs to the sample.
    const us = Math.max(0, profile.timeDeltas[position] ?? 0);
    if (entry === undefined) byFunction.set(key, { node, us });
    else entry.us += us;
  }
  return [...byFunction.values()].map(({ node, us }) => describe(node, us, projectUrl))
    .sort((a, b) => b.us - a.us);
}

function describe({ callFrame }: ProfileNode, us: number, projectUrl: string): SelfTime {
  const { functionName, url, lineNumber } = callFrame;
  const path = url.startsWith(projectUrl) ? url.slice(projectUrl.length) : "";
  const name = functionName === "" ? "(anonymous)" : functionName;
  return { name, place: path === "" ? "" : `${path}:${lineNumber + 1}`, area: areaOf(name, path), us };
}

function areaOf(name: string, path: string): Area {
  const special = SPECIAL[name];
  if (special !== undefined) return special;
  return AREAS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? "Deno and V8";
}

/** Time by area, the greatest first. */
export function areaTimes(times: readonly SelfTime[]): { area: Area; us: number }[] {
  const sums = new Map<Area, number>();
  for (const { area, us } of times) sums.set(area, (sums.get(area) ?? 0) + us);
  return [...sums].map(([area, us]) => ({ area, us })).sort((a, b) => b.us - a.us);
}

/** Reads a profile's text. Throws an Error when it is none. */
export function parseProfile(text: string): CpuProfile {
  const parsed: unknown = JSON.parse(text);
  if (isProfile(parsed)) return parsed;
  throw new Error("this is no CPU profile of V8's: it has no nodes, samples and timeDeltas");
}

function isProfile(value: unknown): value is CpuProfile {
  return typeof value === "object" && value !== null && "nodes" in value && Array.isArray(value.nodes) &&
    "samples" in value && Array.isArray(value.samples) && "timeDeltas" in value &&
    Array.isArray(value.timeDeltas);
}
