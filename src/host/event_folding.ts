/**
 * EventFolding: of events that a stranger can cause without end, the first of each kind in a second are told by
 * themselves, and the others as one, with their number.
 *
 * Owns: what counts as alike, how many are told, and the counts. Must not know: how events are built, or who hears of
 * them. It is asked before an event is built, so that one that is only counted costs next to nothing.
 */
import type { ArpEvent, DropEvent, IcmpEvent, NdpEvent, NoticeEvent, SegmentEvent } from "../tcp/events.ts";

/** Events that are folded. */
export type FoldableEvent = DropEvent | SegmentEvent | NoticeEvent | ArpEvent | NdpEvent | IcmpEvent;

/**
 * What events are alike by, besides a name: drops by reason, strangers' segments by direction and rule, notices by kind,
 * ARP, NDP and ICMP by direction and kind.
 */
export type FoldGroup = "drop" | "recv" | "send" | "notice" | "arp" | "ndp" | "icmp";

/** What is to be done with an event that has happened. */
export const FOLD = {
  /** It is told by itself. */
  TELL: 0,
  /** It is the first that is not: built, and kept as the one that stands for all that follow. */
  KEEP: 1,
  /** It has been counted, and need not be built. */
  COUNT: 2,
} as const;

/** One of {@link FOLD}. */
export type FoldVerdict = typeof FOLD[keyof typeof FOLD];

/** Events of one kind in the running second. */
interface Kind {
  seen: number;
  kept: FoldableEvent | null;
}

/** Local choice: what a person still takes for one moment. */
const WINDOW_US = 1_000_000;

/** Counts events kind by kind, second by second. */
export class EventFolding {
  readonly #most: number;
  /** Names come from sets in the program, never from a stranger: there are some dozens. */
  readonly #groups: Readonly<Record<FoldGroup, Map<string, Kind>>> = {
    drop: new Map(),
    recv: new Map(),
    send: new Map(),
    notice: new Map(),
    arp: new Map(),
    ndp: new Map(),
    icmp: new Map(),
  };
  #last: Kind = { seen: 0, kept: null };
  #endUs = -Infinity;
  #keepsAny = false;

  /** `most`: how many of a kind are told by themselves in a second; Infinity folds nothing. */
  constructor(most: number) {
    this.#most = most;
  }

  /** When what was folded is to be told; Infinity when there is nothing. */
  get dueUs(): number {
    return this.#keepsAny ? this.#endUs : Infinity;
  }

  /** Whether the running second is over, so that {@link EventFolding.take} is due before anything is counted. */
  isOver(nowUs: number): boolean {
    return nowUs >= this.#endUs;
  }

  /** Counts one. */
  judge(group: FoldGroup, name: string): FoldVerdict {
    if (this.#most === Infinity) return FOLD.TELL;
    const kinds = this.#groups[group];
    let kind = kinds.get(name);
    if (kind === undefined) {
      kind = { seen: 0, kept: null };
      kinds.set(name, kind);
    }
    if (++kind.seen <= this.#most) return FOLD.TELL;
    if (kind.kept !== null) return FOLD.COUNT;
    this.#last = kind;
    return FOLD.KEEP;
  }

  /** Keeps the event on which the last verdict was to keep it. */
  keep(event: FoldableEvent): void {
    this.#last.kept = event;
    this.#keepsAny = true;
  }

  /** Begins a new second at `nowUs`; gives what the last one has folded, an event a kind. */
  take(nowUs: number): FoldableEvent[] {
    this.#endUs = nowUs + WINDOW_US;
    const folded: FoldableEvent[] = [];
    for (const kinds of Object.values(this.#groups)) {
      for (const kind of kinds.values()) {
        if (kind.kept !== null) folded.push(standsFor(kind.kept, kind.seen - this.#most));
        kind.seen = 0;
        kind.kept = null;
      }
    }
    this.#keepsAny = false;
    return folded;
  }
}

/** One that nothing followed is told as it is. Drops and notices of many connections are no single one's. */
function standsFor(event: FoldableEvent, count: number): FoldableEvent {
  if (count === 1) return event;
  switch (event.event) {
    case "drop":
      return { event: "drop", time: event.time, reason: event.reason, count };
    case "segment":
    case "arp":
    case "ndp":
    case "icmp":
      return { ...event, count };
    case "notice":
      return { event: "notice", time: event.time, kind: event.kind, message: event.message, count };
  }
}
