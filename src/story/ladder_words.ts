/**
 * What a ladder says of a segment, a mark and a wait: short words, the same in text, in a picture and in the page.
 *
 * Owns: these words, and how loud a mark is. Must not know: how they are drawn; a page in another language has words of its
 * own for the kinds of marks.
 */
import { FLAG, flagNames } from "../wire/tcp.ts";
import type { Mark, MarkKind } from "./marks.ts";
import type { RunRow, SegmentRow } from "./story_segment.ts";

/** How loud: something went wrong, something to know, or what is so all the time. */
export type Loudness = "trouble" | "notice" | "quiet";

const WORDS: Readonly<Record<MarkKind, readonly [string, Loudness]>> = {
  "retransmission-timeout": ["sent again: timeout", "trouble"],
  "retransmission-fast": ["sent again: fast", "trouble"],
  "retransmission-tail-probe": ["sent again: tail probe", "trouble"],
  "retransmission-syn-data": ["the SYN's data again", "notice"],
  "retransmission-unknown": ["sent again", "trouble"],
  "spurious": ["for nothing", "notice"],
  "duplicate": ["copy made on the way", "notice"],
  "ack-unseen": ["acknowledges what was not seen", "notice"],
  "out-of-order": ["out of order", "trouble"],
  "gap-before": ["gap before it", "trouble"],
  "duplicate-ack": ["duplicate ACK", "notice"],
  "sack": ["SACK", "notice"],
  "d-sack": ["D-SACK", "notice"],
  "zero-window": ["window shut", "trouble"],
  "window-update": ["window update", "notice"],
  "zero-window-probe": ["window probe", "notice"],
  "zero-window-probe-ack": ["answer to the probe", "quiet"],
  "keep-alive": ["keep-alive", "notice"],
  "keep-alive-ack": ["answer to the keep-alive", "quiet"],
  "window-full": ["window full", "notice"],
  "lost-on-purpose": ["lost on purpose", "trouble"],
  "never-arrived": ["never arrived", "trouble"],
  "port-reused": ["ports used again", "notice"],
  "partial-checksum": ["partial checksum", "quiet"],
  "wrong-checksum": ["wrong checksum", "trouble"],
  "outside-window": ["outside the window", "trouble"],
};

/** A mark in two or three words, with the segment that it is about: `sent again: fast (#4)`. */
export function markWord({ kind, of, confidence }: Mark): string {
  const word = kind === "never-arrived" && confidence === "likely"
    ? "probably never arrived"
    : WORDS[kind][0];
  return of === undefined ? word : `${word} (#${of})`;
}

/** How loud a mark is. */
export function loudnessOf({ kind }: Pick<Mark, "kind">): Loudness {
  return WORDS[kind][1];
}

/** `SYN,ACK`; `none` where no flag is set. */
export function flagsWord(flags: number): string {
  return flagNames(flags).join(",") || "none";
}

/** The numbers of a segment, the most important first: `seq 1`, `ack 1`, `len 100`. */
export function numberWords({ segment: { flags, length }, relSeq, relAck }: SegmentRow): string[] {
  return [
    `seq ${relSeq}`,
    ...((flags & FLAG.ACK) === 0 ? [] : [`ack ${relAck}`]),
    ...(length === 0 ? [] : [`len ${length}`]),
  ];
}

/** What else its header says, the most important first, so that a view with little room leaves out the last: `win 64240`, options. */
export function detailWords(row: SegmentRow): string[] {
  const { segment: { flags, window }, windowBytes } = row;
  // A RST has no use for a window, and one whose scale was not seen is a bare number of the header.
  const text = windowBytes === null ? `win ${window} (unscaled)` : `win ${windowBytes}`;
  return [...((flags & FLAG.RST) !== 0 ? [] : [text]), ...optionWords(row)];
}

/** The options, short; what is acknowledged selectively in the positions of its stream. */
function optionWords(
  { segment: { options, ack }, relAck }: Pick<SegmentRow, "segment" | "relAck">,
): string[] {
  const { mss, windowScale, sackPermitted, sack = [], timestamps, fastOpen } = options;
  // Counted from where the acknowledgment lies: the numbers on the wire begin again after 4 GiB (RFC 9293 §3.4).
  const position = (edge: number) => relAck + ((edge - ack) | 0);
  return [
    ...(mss === undefined ? [] : [`mss ${mss}`]),
    ...(sackPermitted === true ? ["sackOK"] : []),
    ...(windowScale === undefined ? [] : [`wscale ${windowScale}`]),
    ...sack.map(([left, right]) => `sack ${position(left)}..${position(right)}`),
    ...(timestamps === undefined ? [] : [`ts ${timestamps.value}/${timestamps.echo}`]),
    ...(fastOpen === undefined
      ? []
      : [fastOpen.cookie === "" ? "cookie request" : `cookie ${fastOpen.cookie}`]),
  ];
}

/** What a folded run stands for, the most important first: `37 segments`, `1..54021`, `54020 bytes`, `18 of them ACKs`. */
export function runWords(
  { from, count, bytes, relSeq, relEnd, acknowledgments, windowsFilled, isOpenable }: RunRow,
): string[] {
  return [
    count === 1 ? "1 segment" : `${count} segments`,
    // Of both streams together no range says anything.
    ...(from === null ? [] : [`${relSeq}..${relEnd}`]),
    bytes === 1 ? "1 byte" : `${bytes} bytes`,
    ...(acknowledgments === 0
      ? []
      : [acknowledgments === 1 ? "1 of them an ACK" : `${acknowledgments} of them ACKs`]),
    ...(windowsFilled === 0
      ? []
      : [windowsFilled === 1 ? "window full once" : `window full ${windowsFilled} times`]),
    ...(isOpenable ? [] : ["no longer kept"]),
  ];
}

/** A wait for people, never longer than it was: `0.25 s`, `2.0 s`, `75 s`, `3 min 5 s`, `2 h 5 min`. */
export function waitWord(seconds: number): string {
  if (seconds < 1) return `${cut(seconds, 100)} s`;
  if (seconds < 10) return `${cut(seconds, 10).toFixed(1)} s`;
  const whole = Math.floor(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
}

/** Whole parts of a second; half a microsecond is what a sum of such times is wrong by. */
function cut(seconds: number, parts: number): number {
  return Math.floor((seconds + 5e-7) * parts) / parts;
}
