/**
 * EventHistory: what is kept of a connection's events while somebody looks: its beginning, and its last.
 *
 * Owns: the bounds. Must not know: who asks.
 *
 * Few are kept, because an event that is kept survives the next collection of garbage, and with it costs several times what
 * it did: with a ring of 4,096 for all connections and a queue of 2,048, 60 MB each way took 0.67 to 1.15 s instead of 0.36 to
 * 0.54 s without a page; with what is kept now 0.36 to 0.6 s.
 */
import type { SampleEvent, TcpEvent } from "../tcp/events.ts";

/** Local choice: a handshake with its repetitions, and the first words. */
const FIRST_EVENTS = 64;
/** Local choice: as many as a chart of a few centimetres shows. */
const MOST_SAMPLES = 192;
/** Local choice: some screens full. */
const LAST_EVENTS = 192;

/** See the head of this file. */
export class EventHistory {
  readonly #first: TcpEvent[] = [];
  /** A ring; `#next` is where the next goes, once it is full. */
  readonly #last: TcpEvent[] = [];
  #next = 0;
  /** Events between the first and the last that are kept. */
  #lost = 0;
  #lostAt = 0;
  /** Figures, for charts: of many every second one stays, so that they reach back to the beginning. */
  #samples: SampleEvent[] = [];

  takeSample(event: SampleEvent): void {
    this.#samples.push(event);
    if (this.#samples.length > MOST_SAMPLES) this.#samples = this.#samples.filter((_, at) => at % 2 === 1);
  }

  take(event: TcpEvent): void {
    const last = this.#newest;
    if (event.event === "lost" && last !== null) {
      const place = last.of.at(last.at);
      if (place?.event === "lost") {
        last.of[last.at] = { ...event, count: event.count + place.count };
        return;
      }
    }
    if (this.#first.length < FIRST_EVENTS) this.#first.push(event);
    else if (this.#last.length < LAST_EVENTS) this.#last.push(event);
    else {
      const oldest = this.#last[this.#next];
      this.#lost += oldest.event === "lost" ? oldest.count : 1;
      this.#lostAt = oldest.time;
      this.#last[this.#next] = event;
      this.#next = (this.#next + 1) % LAST_EVENTS;
    }
  }

  /** Where the newest is; null before the first. */
  get #newest(): { readonly of: TcpEvent[]; readonly at: number } | null {
    if (this.#last.length > 0) {
      return { of: this.#last, at: (this.#next + this.#last.length - 1) % this.#last.length };
    }
    return this.#first.length > 0 ? { of: this.#first, at: this.#first.length - 1 } : null;
  }

  /** The oldest first; where some are missing, an event `lost` says how many. */
  events(): TcpEvent[] {
    const gap: TcpEvent[] = this.#lost === 0
      ? []
      : [{ event: "lost", time: this.#lostAt, count: this.#lost }];
    const told = [
      ...this.#first,
      ...gap,
      ...this.#last.slice(this.#next),
      ...this.#last.slice(0, this.#next),
    ];
    // Each figure after the event that it belongs to.
    return this.#samples.length === 0
      ? told
      : [...told, ...this.#samples].toSorted((one, other) => one.time - other.time);
  }
}
