/**
 * What a soak run comes to: samples of a server's resources, their slopes, and the verdict.
 *
 * Owns: the shape of a sample, least squares, and the bounds beyond which a run has failed. Must not know: how a sample is
 * taken (soak_lab.ts), how a report looks (soak_report.ts).
 */

/** What the clients say of themselves (soak_clients.py); counts by kind. */
export interface ClientFigures {
  readonly begun: Readonly<Record<string, number>>;
  readonly done: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
  /** Failures by their words. */
  readonly words: Readonly<Record<string, number>>;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly open: number;
  readonly cpuSeconds: number;
}

/** The server at one moment. */
export interface Sample {
  readonly phase: string;
  /** Seconds since the phase began. */
  readonly at: number;
  /** In RAM, and of that what is no file's, MiB. */
  readonly rssMib: number;
  readonly anonymousMib: number;
  /** V8's heap after its last full collection, MiB; null before the first, and where V8 cannot be asked. */
  readonly heapMib: number | null;
  readonly descriptors: number;
  readonly threads: number;
  /** Used since the server began, user and system. */
  readonly cpuSeconds: number;
  /** Whether netstat got an answer within a minute; what follows is nothing without. */
  readonly isAnswered: boolean;
  readonly connections: number;
  readonly states: Readonly<Record<string, number>>;
  /** Running deadlines of all connections. */
  readonly timers: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly clients: ClientFigures;
}

/** One part of a run: a server from its start to its end. */
export interface Phase {
  readonly name: string;
  /** The faults on its wire, `--fault`; null for none. */
  readonly faults: string | null;
  readonly seconds: number;
  readonly samples: readonly Sample[];
  /** After the last client has gone and all that waits has run out. */
  readonly drained: Sample;
  /** Exit status of the server, and what it said on stderr. */
  readonly exit: { readonly code: number; readonly stderr: string };
}

/** A line through points, by least squares. */
export interface Slope {
  /** Units an hour. */
  readonly perHour: number;
  /** Standard error of that. */
  readonly errorPerHour: number;
  /** What the line rises by over the points' time. */
  readonly rise: number;
  readonly points: number;
  /** From the first point to the last, seconds. */
  readonly spanSeconds: number;
}

/** A quantity whose slope is judged. */
type Judged = "rssMib" | "heapMib";

const HOUR = 3600;
/** The first part of a phase says how a server warms up, not whether it leaks. Local choice. */
const WARM_UP = 1 / 3;
const LEAST_POINTS = 5;
/** What is pooled, and V8's own heap, settle within minutes: a line through less than this says nothing of an hour. Local choice. */
const LEAST_SPAN_SECONDS = 600;
/**
 * A slope counts when it is above the first by two standard errors and the line has risen by more than the second, MiB. Local
 * choice: a hundred octets kept for each of 200,000 connections of an hour are 19 MiB; a heap breathes by 8.
 */
const MOST_MIB_AN_HOUR = 10;
const MOST_RISE_MIB = 8;
/** Descriptors and threads may come and go with a reader of netstat; local choice. */
const MOST_MORE = 4;

/** The line through points of (seconds, value). With fewer than three points the error is infinite. */
export function slopeOf(points: readonly (readonly [number, number])[]): Slope {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / Math.max(1, count);
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / Math.max(1, count);
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (count < 2 || spread === 0) {
    return { perHour: 0, errorPerHour: Infinity, rise: 0, points: count, spanSeconds: 0 };
  }
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const left = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const error = count < 3 ? Infinity : Math.sqrt(left / (count - 2) / spread);
  const spanSeconds = points[count - 1][0] - points[0][0];
  return {
    perHour: slope * HOUR,
    errorPerHour: error * HOUR,
    rise: slope * spanSeconds,
    points: count,
    spanSeconds,
  };
}

/** The slope of one quantity after the warm-up of a phase. */
export function phaseSlope(phase: Phase, what: Judged): Slope {
  const points = afterWarmUp(phase).flatMap(({ at, [what]: value }): [number, number][] =>
    value === null ? [] : [[at, value]]
  );
  return slopeOf(points);
}

function afterWarmUp({ samples }: Phase): readonly Sample[] {
  const last = samples.at(-1)?.at ?? 0;
  return samples.filter(({ at }) => at >= last * WARM_UP);
}

/** Whether there is enough of a line to judge it. */
export function isJudged({ points, spanSeconds }: Slope): boolean {
  return points >= LEAST_POINTS && spanSeconds >= LEAST_SPAN_SECONDS;
}

/** How many of the clients' connections were begun, done and failed. */
export function clientTotals(clients: ClientFigures): { begun: number; done: number; failed: number } {
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  return { begun: sum(clients.begun), done: sum(clients.done), failed: sum(clients.failed) };
}

/** Everything that is wrong with a phase, a line each; empty when it has passed. */
export function failuresOf(phase: Phase): string[] {
  const found: string[] = [];
  const totals = clientTotals(phase.drained.clients);
  if (totals.begun === 0) found.push("no client connected");
  // Six repetitions of a SYN and five minutes of one of data outlast a few per cent of loss: no failure is explained by it.
  if (totals.failed > 0) {
    const words = Object.entries(phase.drained.clients.words).map(([text, count]) => `${count} x ${text}`);
    found.push(`${totals.failed} of ${totals.begun} connections failed: ${words.join("; ")}`);
  }
  if (totals.done + totals.failed < totals.begun) {
    found.push(`${totals.begun - totals.done - totals.failed} clients never came to an end`);
  }
  for (const what of ["rssMib", "heapMib"] as const) {
    const slope = phaseSlope(phase, what);
    const { perHour, errorPerHour, rise } = slope;
    const isSteep = isJudged(slope) && perHour - 2 * errorPerHour > MOST_MIB_AN_HOUR && rise > MOST_RISE_MIB;
    if (isSteep) {
      found.push(
        `${what} grows by ${perHour.toFixed(1)} ± ${errorPerHour.toFixed(1)} MiB/h (${
          rise.toFixed(1)
        } MiB here)`,
      );
    }
  }
  const [first] = afterWarmUp(phase);
  for (const what of ["descriptors", "threads"] as const) {
    const before = first?.[what] ?? 0;
    const after = phase.drained[what];
    if (after > before + MOST_MORE) found.push(`${what}: ${before} after the warm-up, ${after} at the end`);
  }
  const unanswered = [...phase.samples, phase.drained].filter(({ isAnswered }) => !isAnswered).length;
  if (unanswered > 0) found.push(`netstat got no answer for a minute, ${unanswered} times`);
  const { connections, timers, states, counters } = phase.drained;
  if (connections > 0) found.push(`${connections} connections are left: ${JSON.stringify(states)}`);
  if (timers > 0) found.push(`${timers} deadlines run with nobody there`);
  for (const name of ["application-errors", "observer-errors"]) {
    if ((counters[name] ?? 0) > 0) found.push(`${counters[name]} ${name}`);
  }
  if (phase.exit.code !== 0) {
    found.push(`the server ended with status ${phase.exit.code}: ${phase.exit.stderr.trim()}`);
  }
  return found;
}
