/**
 * EventBudget: how many events pages are told in a time, and how many there were besides.
 *
 * Owns: the measure, which segments it does not hold for, and the count of those that are left out, by connection. Must not
 * know: what is kept of those that are told (event_history.ts), who hears them.
 *
 * Where pages alone listen, a segment is asked for before it is made an event (`segments`), which saves the making. Where a log
 * hears all, nobody asks: then it is judged when it comes (`takes`).
 */
import type { SegmentEvent, TcpEvent } from "../tcp/events.ts";

/**
 * Local choice: events of a turn. Of connections that pages follow 100 a second are more than anybody reads; of all others, which
 * are kept and not shown, 640.
 * To make one costs the server a microsecond or two, and to show one the browser on the same machine a hundred.
 */
const TURN_EVENTS = { followed: 5, others: 32, samples: 2 } as const;
/** Local choice: what may be made at once after a rest: a transfer of some hundred kilobytes is told whole. */
const MOST_AT_ONCE = { followed: 1024, others: 512, samples: 256 } as const;
const KINDS = ["followed", "others", "samples"] as const;
/** Local choice: connections that nothing is known of, and whose segments are counted until something is: the newest. */
const MOST_NOTED = 300;
/** Local choice: segments that were named before they came; each comes within the same few events. */
const MOST_NAMED = 64;

/** See the head of this file. */
export class EventBudget {
  readonly #isFollowed: (id: number) => boolean;
  readonly #isKnown: (id: number) => boolean;
  #left: { followed: number; others: number; samples: number } = { ...MOST_AT_ONCE };
  /** Segments that were not told, by connection, since the last turn or event of it: of those that are known. */
  readonly #missed = new Map<number, number>();
  /** The same of those that nothing is known of: they wait until there is an event, and of very many the newest are kept. */
  readonly #missedOfOthers = new Map<number, number>();
  /** Numbers of segments that have been told of, and come themselves after that. */
  readonly #named = new Set<number>();
  /** The segment that was left out last: it may turn out to have changed a state. */
  #lastMissed: SegmentEvent | null = null;

  /** `isFollowed`: whether a page looks at a connection; `isKnown`: whether anything is kept of it. */
  constructor(about: { isFollowed: (id: number) => boolean; isKnown: (id: number) => boolean }) {
    this.#isFollowed = about.isFollowed;
    this.#isKnown = about.isKnown;
  }

  /** Whether a segment of the connection is to be made an event; one that is not counts as left out. */
  readonly segments = (id: number): boolean => {
    if (this.#hasLeft(id)) return true;
    this.#miss(id);
    return false;
  };

  /** Whether a sample of its figures is. */
  readonly samples = (id: number): boolean => this.#isFollowed(id) && this.#left.samples > 0;

  /** Whether a sample that has been made is told; it counts. */
  takesSample(id: number): boolean {
    if (!this.samples(id)) return false;
    this.#left.samples--;
    return true;
  }

  /**
   * Whether an event that has been made is told; it counts. Of what begins, ends, is sent again or changes a state all is told,
   * whatever is left, and so is what is no segment.
   */
  takes(event: TcpEvent, id: number): boolean {
    if (event.event === "segment") {
      const isNamed = event.segment !== undefined && this.#named.delete(event.segment);
      if (!this.#hasLeft(id) && !isNamed && !isTurn(event)) {
        this.#miss(id);
        this.#lastMissed = event;
        return false;
      }
    } else if (event.event === "retransmit" || event.event === "transition") {
      if (event.segment !== undefined) this.#name(event.segment);
    }
    this.#left[this.#isFollowed(id) ? "followed" : "others"]--;
    return true;
  }

  /** The segment that an event belongs to, where that was left out before anybody could know; it is told before the event then. */
  segmentOf(event: TcpEvent, id: number): SegmentEvent | null {
    const missed = this.#lastMissed;
    if (event.event !== "transition" || missed === null || event.segment !== missed.segment) return null;
    this.#lastMissed = null;
    const notes = this.#notesOf(id);
    const count = notes.get(id) ?? 0;
    if (count > 1) notes.set(id, count - 1);
    else notes.delete(id);
    return missed;
  }

  /** How many segments of a connection were left out since this was asked last. */
  takeMissed(id: number): number {
    const count = (this.#missed.get(id) ?? 0) + (this.#missedOfOthers.get(id) ?? 0);
    this.#missed.delete(id);
    this.#missedOfOthers.delete(id);
    return count;
  }

  /** Known connections of which segments were left out. */
  missing(): number[] {
    return [...this.#missed.keys()];
  }

  /** A turn has come. */
  refill(): void {
    for (const kind of KINDS) {
      this.#left[kind] = Math.min(MOST_AT_ONCE[kind], Math.max(0, this.#left[kind]) + TURN_EVENTS[kind]);
    }
  }

  /** Nobody listens any more. */
  clear(): void {
    this.#missed.clear();
    this.#missedOfOthers.clear();
    this.#named.clear();
    this.#lastMissed = null;
  }

  #hasLeft(id: number): boolean {
    return this.#left[this.#isFollowed(id) ? "followed" : "others"] > 0;
  }

  #notesOf(id: number): Map<number, number> {
    return this.#isFollowed(id) || this.#isKnown(id) ? this.#missed : this.#missedOfOthers;
  }

  #miss(id: number): void {
    const notes = this.#notesOf(id);
    notes.set(id, (notes.get(id) ?? 0) + 1);
    if (notes === this.#missedOfOthers && notes.size > MOST_NOTED) forgetOldest(notes);
  }

  /** Of a transition by a segment that came in, that has been told already: its number waits in vain, and goes by the bound. */
  #name(segment: number): void {
    this.#named.add(segment);
    if (this.#named.size > MOST_NAMED) forgetOldest(this.#named);
  }
}

/** What begins or ends something. */
function isTurn({ flags }: SegmentEvent): boolean {
  return flags.includes("SYN") || flags.includes("FIN") || flags.includes("RST");
}

function forgetOldest(from: { keys(): IterableIterator<number>; delete(key: number): boolean }): void {
  for (const oldest of from.keys()) {
    from.delete(oldest);
    return;
  }
}
