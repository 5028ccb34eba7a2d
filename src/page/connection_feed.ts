/**
 * ConnectionFeed: the connection that is looked at, as a story made of its events.
 *
 * Owns: making it, in bounded memory, which of its rows are new, and that it begins anew where it is told anew. Must not
 * know: where events come from, how a row is shown.
 */
import type { Finding } from "../story/finding.ts";
import type { LadderSource } from "../story/ladder.ts";
import type { ConnectionStory } from "../story/connection_story.ts";
import { EventStory } from "../story/from_events.ts";
import type { BatchMessage } from "../story/page_messages.ts";
import { Story } from "../story/story.ts";
import { type EndName, type SegmentRow } from "../story/story_segment.ts";

/** A connection's story, as panes show it. */
export interface ShownStory extends LadderSource {
  /** Which end is on the left, and whose segments are `send`. */
  readonly local: EndName;
  /** Where segments were not told of: after which row, and how many events. */
  readonly missing: readonly Missing[];
  /** What is remarkable about it as a whole, where that is known. */
  readonly findings?: readonly Finding[];
  /** Rows of the transition table that either end took, where both are to be lit. */
  readonly taken?: readonly string[];
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
  /** Whom it is of; null for nobody. */
  readonly #id: number | null;
  #events = newStory();
  #missing: Missing[] = [];
  #lastIndex = -1;
  /** Events that were not told, in all. */
  lost = 0;

  constructor(id: number | null) {
    this.#id = id;
  }

  /**
   * Takes what a batch tells; its `lost` are missing before its events. Returns the rows that are new, and whether the story
   * begins anew with them; null where it tells of another connection: of one that was looked at before.
   */
  take(
    { subscribed, begins, events, lost }: Pick<BatchMessage, "subscribed" | "begins" | "events" | "lost">,
  ): { readonly begins: boolean; readonly fresh: readonly SegmentRow[] } | null {
    if (subscribed === null || subscribed !== this.#id) return null;
    if (begins) this.#begin();
    if (lost > 0) this.#lose(lost);
    for (const event of events) {
      if (event.event === "lost") this.#lose(event.count);
      else this.#events.observe(event);
    }
    const fresh = (this.story?.segmentRows() ?? []).filter(({ index }) => index > this.#lastIndex);
    this.#lastIndex = fresh.at(-1)?.index ?? this.#lastIndex;
    return { begins, fresh };
  }

  #begin(): void {
    this.#events = newStory();
    this.#missing = [];
    this.#lastIndex = -1;
    this.lost = 0;
  }

  #lose(count: number): void {
    this.lost += count;
    this.#events.missed();
    const after = this.#connection?.span?.last.number ?? 0;
    const last = this.#missing.at(-1);
    if (last?.after === after) {
      this.#missing[this.#missing.length - 1] = { after: last.after, events: last.events + count };
      return;
    }
    this.#missing.push({ after, events: count });
    if (this.#missing.length <= MOST_MISSING) return;
    const [first, second, ...rest] = this.#missing;
    this.#missing = [{ after: second.after, events: first.events + second.events }, ...rest];
  }

  get #connection(): ConnectionStory | null {
    return this.#id === null ? null : this.#events.connection(this.#id);
  }

  /** What there is to show; null before the first event. */
  get story(): ShownStory | null {
    const connection = this.#connection;
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

function newStory(): EventStory {
  return new EventStory(new Story({ connections: 1, summaries: 0 }));
}
