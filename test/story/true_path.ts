/**
 * An inferred path beside the true one.
 *
 * Owns: the comparison. A proven state must be one of the true path, in order, and entered no later than the segment that is
 * said to prove it; an implied one may be wrong, early or late, and is counted.
 */
import type { ConnectionStory } from "../../src/story/connection_story.ts";
import { END_NAMES, type EndName, otherEnd } from "../../src/story/story_segment.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";

const EPOCH = 1_700_000_000;

/** How sure states were, and how right. */
export interface PathMeasure {
  proven: number;
  implied: number;
  impliedWrong: number;
  early: number;
  late: number;
  unknown: number;
}

/** Nothing measured. */
export function newPathMeasure(): PathMeasure {
  return { proven: 0, implied: 0, impliedWrong: 0, early: 0, late: 0, unknown: 0 };
}

/** Compares the ends of a connection; returns what is wrong with proven states. `eventsOf`: of the host at this address. */
export function comparePaths(
  connection: ConnectionStory,
  { eventsOf, measure, ends = END_NAMES }: {
    readonly eventsOf: (endpoint: string) => readonly TcpEvent[];
    readonly measure: PathMeasure;
    readonly ends?: readonly EndName[];
  },
): string[] {
  const faults: string[] = [];
  const timeOf = new Map(
    connection.segmentRows().map(({ segment }) => [segment.number, segment.time % EPOCH]),
  );
  for (const end of ends) {
    const own = connection.endpoints[end];
    const name = `${own}-${connection.endpoints[otherEnd(end)]}`;
    const truth: { state: string; time: number }[] = [];
    for (const event of eventsOf(own)) {
      if (event.event !== "transition" || event.connection !== name) continue;
      if (truth.length === 0) truth.push({ state: event.from, time: -1 });
      truth.push({ state: event.to, time: event.time - EPOCH });
    }
    let next = 0;
    for (const step of connection.pathOf(end)) {
      if (step.grade === "unknown") {
        measure.unknown++;
        continue;
      }
      const at = truth.findIndex(({ state }, index) => index >= next && state === step.state);
      measure[step.grade]++;
      if (step.grade === "implied") {
        if (at < 0) measure.impliedWrong++;
        else if (step.time % EPOCH < truth[at].time) measure.early++;
        else measure.late++;
      } else {
        const proven = timeOf.get(step.provenBy ?? -1);
        if (at < 0 || (proven !== undefined && truth[at].time > proven + 1e-6)) {
          faults.push(
            `${name}: ${step.state} by #${step.provenBy}; truth ${truth.map(({ state }) => state).join(" ")}`,
          );
        }
      }
      if (at >= 0) next = at + 1;
    }
  }
  return faults;
}

/** Times that belong to a key; two clocks of one moment differ by the rounding of one of them. */
export class TimedKeys<Value> {
  readonly #times = new Map<string, { readonly time: number; readonly value: Value }[]>();

  add(key: string, { time, value }: { readonly time: number; readonly value: Value }): void {
    const times = this.#times.get(key) ?? [];
    times.push({ time: time % EPOCH, value });
    this.#times.set(key, times);
  }

  /** As {@link at}, once for each that was added. */
  take(key: string, time: number): Value | undefined {
    const times = this.#times.get(key) ?? [];
    const at = times.findIndex((one) => Math.abs(one.time - time % EPOCH) < 2e-6);
    return at < 0 ? undefined : times.splice(at, 1)[0].value;
  }

  at(key: string, time: number): Value | undefined {
    return this.#times.get(key)?.find((one) => Math.abs(one.time - time % EPOCH) < 2e-6)?.value;
  }
}
