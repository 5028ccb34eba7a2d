/**
 * ConnectionFeed: the connection that is looked at, as a story made of its events.
 *
 * Owns: making it, in bounded memory, and which of its rows are new. Must not know: where events come from, how a row is
 * shown.
 */
import type { LadderSource } from "../story/ladder.ts";
import { EventStory } from "../story/from_events.ts";
import { Story } from "../story/story.ts";
import { type EndName, type SegmentRow } from "../story/story_segment.ts";
import type { TcpEvent } from "../tcp/events.ts";

/** A connection's story, as panes show it. */
export interface ShownStory extends LadderSource {
  /** Which end is on the left, and whose segments are `send`. */
  readonly local: EndName;
  /** Where segments were not told of: after which row, and how many events. */
  readonly missing: readonly Missing[];
}

/** Events that nobody was told of. */
export interface Missing {
  /** Number of the last segment before them. */
  readonly after: number;
  readonly events: number;
}

/** Local choice: of more holes than a person reads, those that lie together become one. */
const MOST_MISSING = 64;

/** See the head of this file. */
export class ConnectionFeed {
  readonly #events = new EventStory(new Story({ connections: 1, summaries: 0 }));
  #id: number | null = null;
  #missing: Missing[] = [];
  #lastIndex = -1;
  #lastNumber = 0;
  /** Events that were not told, in all. */
  lost = 0;

  /** Takes the next events; `lost` are missing before them. Returns the rows that are new. */
  take(events: readonly TcpEvent[], lost: number): readonly SegmentRow[] {
    if (lost > 0) this.#lose(lost);
    for (const event of events) {
      if ("id" in event && event.id !== undefined) this.#id ??= event.id;
      if (event.event === "lost") this.#lose(event.count);
      else this.#events.observe(event);
    }
    const { story } = this;
    if (story === null) return [];
    const fresh = story.segmentRows().filter(({ index }) => index > this.#lastIndex);
    const last = fresh.at(-1);
    if (last !== undefined) {
      this.#lastIndex = last.index;
      this.#lastNumber = last.segment.number;
    }
    return fresh;
  }

  #lose(count: number): void {
    this.lost += count;
    this.#events.missed();
    const last = this.#missing.at(-1);
    if (last?.after === this.#lastNumber) {
      this.#missing[this.#missing.length - 1] = { after: last.after, events: last.events + count };
      return;
    }
    this.#missing.push({ after: this.#lastNumber, events: count });
    if (this.#missing.length <= MOST_MISSING) return;
    const [first, second, ...rest] = this.#missing;
    this.#missing = [{ after: second.after, events: first.events + second.events }, ...rest];
  }

  /** What there is to show; null before the first event. */
  get story(): ShownStory | null {
    const connection = this.#id === null ? null : this.#events.connection(this.#id);
    if (connection === null) return null;
    const local = connection.ours ?? "server";
    const missing = this.#missing;
    return {
      local,
      missing,
      endpoints: connection.endpoints,
      span: connection.span,
      rows: () => connection.rows(),
      segmentRows: () => connection.segmentRows(),
      pathOf: (name) => connection.pathOf(name),
      shadowOf: (name) => connection.shadowOf(name),
    };
  }
}
