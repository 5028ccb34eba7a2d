/**
 * What was counted from the beginning to the end, as one event.
 *
 * Owns: how the counters of host, fault injector, link and log become one list. Must not know: how they came about, how a
 * summary is shown (observe/summary.ts).
 */
import type { FaultLink } from "../link/fault_link.ts";
import type { LinkStats } from "../link/link.ts";
import type { SummaryEvent } from "../tcp/events.ts";

/** What a summary is made of. */
interface SummaryOptions {
  /** Seconds since 1970. */
  readonly time: number;
  readonly durationMs: number;
  /** The host's counters by name. */
  readonly counters: Readonly<Record<string, number>>;
  readonly link?: LinkStats;
  /** Lines of the log that were lost to a slow reader; told when above 0. */
  readonly lostLines?: number;
  /** Lines of the log that its limit kept out; told when above 0. */
  readonly leftOutLines?: number;
}

/** Makes the summary event; the link's counters are named `link-...`. */
export function summaryEvent(options: SummaryOptions): SummaryEvent {
  const counters: Record<string, number> = { ...options.counters };
  const link = options.link;
  if (link !== undefined) {
    counters["link-frames-in"] = link.framesIn;
    counters["link-bytes-in"] = link.bytesIn;
    counters["link-frames-out"] = link.framesOut;
    counters["link-bytes-out"] = link.bytesOut;
    counters["link-dropped-by-ring"] = link.droppedByRing;
    counters["link-dropped-by-device"] = link.droppedByDevice;
    counters["link-send-errors"] = link.sendErrors;
  }
  if (options.lostLines !== undefined && options.lostLines > 0) {
    counters["log-lines-lost"] = options.lostLines;
  }
  if (options.leftOutLines !== undefined && options.leftOutLines > 0) {
    counters["log-lines-left-out"] = options.leftOutLines;
  }
  return { event: "summary", time: options.time, durationMs: options.durationMs, counters };
}

/** What an injector has counted, by name: `fault-in-dropped`; of a direction that it leaves alone nothing. */
export function faultCounters(counts: ReturnType<FaultLink["faultCounts"]> | null): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const [direction, counted] of Object.entries(counts ?? {})) {
    for (const [what, count] of Object.entries(counted ?? {})) {
      counters[`fault-${direction}-${what}`] = count;
    }
  }
  return counters;
}
