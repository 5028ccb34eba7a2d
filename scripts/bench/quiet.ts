/**
 * Waiting for a machine that has nothing else to do.
 *
 * Owns: looking at how busy the cores are, and how long to be patient. Must not know: what is measured.
 *
 * Servers that spin need both cores of a small machine: a third program that wants a tenth of one changes a figure by
 * more than that, because it takes its turn in slices of milliseconds.
 */

/** The cores' time that other programs may take before a measurement counts as disturbed; local choice. */
export const QUIET_CORES = 0.1;
/** How long one look lasts. */
const LOOK_MS = 300;
/** The kernel counts in hundredths of a second (USER_HZ). */
const TICK_MS = 10;
/** Fields of the `cpu` line of /proc/stat that are no idleness: user, nice, system, irq, softirq, steal (proc_stat(5)). */
const BUSY_FIELDS: readonly number[] = [0, 1, 2, 5, 6, 7];

/** The cores that are busy, from two texts of /proc/stat taken `elapsedMs` apart. */
export function busyCores(before: string, after: string, elapsedMs: number): number {
  return (busyTicks(after) - busyTicks(before)) * TICK_MS / elapsedMs;
}

function busyTicks(stat: string): number {
  const fields = (/^cpu +(.+)$/m.exec(stat)?.[1] ?? "").split(" ").map(Number);
  return BUSY_FIELDS.reduce((sum, field) => sum + (fields[field] ?? 0), 0);
}

/** Resolves when the cores were quiet for a moment, or when `patienceMs` are over. Returns whether it became quiet. */
export async function waitForQuiet(patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  if (patienceMs === 0) return false;
  for (;;) {
    const before = await Deno.readTextFile("/proc/stat");
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = performance.now();
    if (busyCores(before, await Deno.readTextFile("/proc/stat"), now - began) <= QUIET_CORES) return true;
    if (now >= end) return false;
  }
}

/** The kernel's file for the share of the processor that a session gets (sched(7), autogrouping). */
const AUTOGROUP = "/proc/self/autogroup";

/**
 * Asks the kernel to put this session, and all that it starts, before every other one. Gives the way back. Throws an
 * Error where that is not allowed: it takes root, and a kernel that groups by session.
 */
export async function comeFirst(): Promise<AsyncDisposable> {
  try {
    await Deno.writeTextFile(AUTOGROUP, "-20");
  } catch (error) {
    throw new Error(
      `--first needs root, and a kernel with autogroups: ${error instanceof Error ? error.message : error}`,
    );
  }
  return { [Symbol.asyncDispose]: () => Deno.writeTextFile(AUTOGROUP, "0") };
}
