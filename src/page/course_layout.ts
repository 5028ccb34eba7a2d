/**
 * Where everything of a course stands: two vertical lines, a client's and a server's, and time going down.
 *
 * Owns: heights: what happens at one time stands at one height as far as texts leave room, and long waits are folded. Must not
 * know: how anything is drawn.
 */
import type { Command, Side } from "../play/command.ts";
import type { CourseRecord, Happening, WireSegment } from "../play/course_record.ts";

/** A segment from end to end; `to` is absent while it is under way. */
export interface PlacedSegment {
  readonly segment: WireSegment;
  readonly fromY: number;
  /** Where it arrives, twice for a copy; where it is lost. */
  readonly toY: number[];
  /** How far the next that the same end sent stands above or below, pixels; Infinity where there is none. */
  room: number;
}

/** A state, or a command, beside the line of its end. */
export interface PlacedNote {
  readonly side: Side;
  readonly y: number;
  readonly note: { readonly kind: "state"; readonly text: string; readonly row: string } | {
    readonly kind: "command";
    readonly command: Command;
  };
}

/** Time in which nothing happened. */
export interface PlacedWait {
  readonly y: number;
  readonly us: number;
}

/** See the head of this file. */
export interface CourseLayout {
  readonly segments: readonly PlacedSegment[];
  readonly notes: readonly PlacedNote[];
  readonly waits: readonly PlacedWait[];
  /** Segments that stand above the first that is drawn. */
  readonly earlier: number;
  readonly height: number;
}

/** Local choices, in pixels: room for one line of text. */
const LINE = 15;
const TOP = 18;
const BOTTOM = 26;
/** Below this the next thing follows at once; above the last of them time is folded and said. */
const STEPS: readonly (readonly [belowUs: number, pixels: number])[] = [
  [10, 8],
  [1_000, 10],
  [10_000, 14],
  [100_000, 24],
];
const FOLDED = 36;
const SAID_FROM_US = 100_000;
/** A lost segment ends so far down. */
const LOST_DROP = 13;
/** Local choice: what a browser draws at once without a pause; who wants to see more scrolls in the segments' own pane. */
const MOST_SEGMENTS = 300;

/** Places everything that has happened. */
export function layOut(record: CourseRecord): CourseLayout {
  const first = Math.max(0, record.segments.length - MOST_SEGMENTS);
  const happenings = record.happenings.slice(beginning(record.happenings, first));
  const placed = new Map<number, PlacedSegment>();
  const notes: PlacedNote[] = [];
  const waits: PlacedWait[] = [];
  const lowestNote: [number, number] = [-LINE, -LINE];
  const lastSent: [PlacedSegment | null, PlacedSegment | null] = [null, null];
  let y = TOP;
  let lastUs = happenings[0]?.us ?? 0;
  for (const happening of happenings) {
    const us = happening.us - lastUs;
    if (us > 0) {
      const step = stepFor(us);
      if (us >= SAID_FROM_US) waits.push({ y: y + step / 2, us });
      y += step;
    }
    lastUs = happening.us;
    if (happening.kind === "move" || happening.kind === "command") {
      const side = happening.kind === "move" ? happening.side : happening.command.side;
      const at = Math.max(y, lowestNote[side] + LINE);
      lowestNote[side] = at;
      notes.push({ side, y: at, note: noteOf(happening) });
      continue;
    }
    const { segment } = happening;
    if (happening.kind === "sent") {
      const last = lastSent[segment.from];
      y = Math.max(y, (last?.fromY ?? -LINE) + LINE);
      const room = last === null ? Infinity : y - last.fromY;
      if (last !== null) last.room = Math.min(last.room, room);
      const here = { segment, fromY: y, toY: [], room };
      lastSent[segment.from] = here;
      placed.set(segment.number, here);
    } else {
      const found = placed.get(segment.number);
      if (found === undefined) continue;
      // A wait that is said stands below its cross.
      if (happening.kind === "lost") y = Math.max(y, found.fromY + LOST_DROP);
      found.toY.push(Math.max(y, found.fromY + 4));
    }
  }
  const lowest = Math.max(y + LOST_DROP, ...lowestNote);
  return { segments: [...placed.values()], notes, waits, earlier: first, height: lowest + BOTTOM };
}

/** The first happening that is drawn: the one at which the first segment leaves that is. */
function beginning(happenings: readonly Happening[], first: number): number {
  if (first === 0) return 0;
  return Math.max(0, happenings.findIndex((one) => one.kind === "sent" && one.segment.number > first));
}

function stepFor(us: number): number {
  return STEPS.find(([belowUs]) => us < belowUs)?.[1] ?? FOLDED;
}

function noteOf(happening: Extract<Happening, { kind: "move" | "command" }>): PlacedNote["note"] {
  if (happening.kind === "command") return { kind: "command", command: happening.command };
  return { kind: "state", text: happening.event.to, row: happening.event.row };
}
