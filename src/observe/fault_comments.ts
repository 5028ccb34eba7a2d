/**
 * What our own faults did, in words.
 *
 * Owns: the words, the comments of a frame that was touched, and which comments wait for a frame to come out of the bad
 * path. Must not know: how frames are stored, or why one was touched.
 *
 * A frame that is touched on its way in brings the number of that touch along when it is handed up (link/tap.ts), its copy
 * the same number as a negative; one on its way out is told of just before it is told to be sent.
 */
import type { TouchedFrame } from "../link/fault_path.ts";
import type { FaultEvent, FaultKind } from "../tcp/events.ts";
import { durationText } from "./text_layout.ts";

const WORDS: Readonly<Record<FaultKind, string>> = {
  drop: "lost on purpose",
  duplicate: "sent twice on purpose",
  reorder: "held back on purpose",
  corrupt: "damaged on purpose",
  delay: "delayed on purpose",
  mark: "marked CE on purpose",
};

/** What was done, for log and recording. */
export function faultWords(kind: FaultKind, reason: FaultEvent["reason"]): string {
  return reason === "queue-full" ? "lost, the path's queue is full" : WORDS[kind];
}

/** One touch of a frame, without the frame. */
export interface Touch extends Pick<TouchedFrame, "direction" | "faults" | "reason" | "delayUs"> {
  /** Number of the segment in it; 0 where there is none, or nobody has told it. */
  segment: number;
}

/** The comments of the frame itself, in the order of what happened. */
export function touchComments(touch: Touch): string[] {
  return touch.faults.map((kind) => {
    const words = faultWords(kind, kind === "drop" ? touch.reason : undefined);
    const more = [
      kind === "delay" ? ` by ${durationText(touch.delayUs / 1000)}` : "",
      touch.direction === "out" ? whatIsShown(kind) : "",
    ];
    return `fault ${kind} ${touch.direction}: ${words}${more.join("")}${segmentWords(touch)}`;
  });
}

/** A frame is recorded as it was sent, before anything was done to it. */
function whatIsShown(kind: FaultKind): string {
  if (kind === "drop") return ", it never left";
  return kind === "corrupt" || kind === "mark" ? " on the way, this is how it was sent" : "";
}

/** The comments of the copy. */
export function copyComments(touch: Touch): string[] {
  return [`fault duplicate ${touch.direction}: the copy, made on purpose${segmentWords(touch)}`];
}

function segmentWords({ segment }: Touch): string {
  return segment === 0 ? "" : `, segment ${segment}`;
}

/** Touches of frames that are still to be handed up. */
export class WaitingTouches {
  /** By number; the path that holds the frames bounds them (link/fault_path.ts). */
  readonly #waiting = new Map<number, { readonly touch: Touch; frames: number }>();

  /** The frame, and its copy if it has one, will come with this number. */
  add(number: number, touch: Touch): void {
    this.#waiting.set(number, { touch, frames: touch.faults.includes("duplicate") ? 2 : 1 });
  }

  /** The comments of a frame that has come with this number. */
  take(number: number): string[] {
    const found = this.#waiting.get(Math.abs(number));
    if (found === undefined) return [];
    if (--found.frames === 0) this.#waiting.delete(Math.abs(number));
    return number > 0 ? touchComments(found.touch) : copyComments(found.touch);
  }
}
