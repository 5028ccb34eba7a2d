/**
 * A connection of a capture for people, as a paragraph.
 *
 * Owns: how an explained connection is put in words and set. Must not know: captures, how anything was found.
 *
 * A path is read so: each state with the frame with which it was entered, and in brackets the later frame that proves it,
 * where the frame itself does not.
 */
import type { ExplainedConnection, ExplainedEnd } from "../story/explain_json.ts";
import type { Finding } from "../story/finding.ts";
import type { Outcome } from "../story/outcome.ts";
import { END_NAMES, type EndName } from "../story/story_segment.ts";
import {
  bytesText,
  type Cell,
  counted,
  durationText,
  layCells,
  paletteFor,
  printable,
} from "./text_layout.ts";

/** The page that is written on. */
export interface Page {
  readonly width: number;
  readonly color: boolean;
}

/** Columns: of the words at the side, and of what is said. */
const INDENT = 4;
const TEXT_COLUMN = 13;

/** Zeek's words for the state of a connection, in ours; from its documentation of conn.log. */
const ZEEK_STATES: Readonly<Record<string, string>> = {
  S0: "a try, no answer",
  S1: "established, not ended",
  SF: "established and ended",
  REJ: "a try, refused",
  S2: "the originator has closed, the responder not",
  S3: "the responder has closed, the originator not",
  RSTO: "established, the originator gave it up",
  RSTR: "the responder gave it up",
  RSTOS0: "SYN, then RST of the originator, no SYN, ACK",
  RSTRH: "SYN, ACK, then RST of the responder, no SYN",
  SH: "SYN, then FIN of the originator, no SYN, ACK",
  SHR: "SYN, ACK, then FIN of the responder, no SYN",
  OTH: "no SYN, from the middle",
};

/** One connection as a paragraph of several lines. */
export function explainedText(one: ExplainedConnection, page: Page): string {
  const palette = paletteFor(page.color);
  const lines = [
    layCells([
      { text: `#${one.id}`, paint: palette.strong },
      { text: endsText(one), paint: palette.strong },
      { text: one.outcome, paint: outcomePaint(one.outcome, page) },
      { text: `frames ${one.firstFrame} to ${one.lastFrame}`, paint: palette.quiet },
      { text: durationText(one.durationMs), paint: palette.quiet },
    ], { width: page.width, indent: INDENT }),
    said("", words(courseText(one)), page),
    ...END_NAMES.flatMap((name) => [
      said(name, pathCells(one.ends[name], page), page),
      said("", words(figuresText(one.ends[name])), page),
    ]),
    ...one.findings.flatMap((finding) => findingLines(finding, page)),
    said("Zeek", words(zeekText(one)), page),
    said("captured", words(placeText(one)), page),
    ...commentLines(one, page),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

/** Who speaks to whom. */
export function endsText({ client, server, vlan }: ExplainedConnection): string {
  return `${client} > ${server}${vlan === undefined ? "" : ` vlan ${vlan}`}`;
}

/** The colour of how it ended. */
export function outcomePaint(outcome: Outcome, { color }: Page): (text: string) => string {
  const palette = paletteFor(color);
  if (outcome === "closed") return palette.good;
  return outcome === "open" || outcome === "midstream" ? palette.opening : palette.bad;
}

/** A word at the side, and what belongs to it. */
function said(label: string, cells: readonly Cell[], page: Page): string {
  const [first, ...others] = cells;
  if (first === undefined) return "";
  const palette = paletteFor(page.color);
  const laid = [
    { text: " ".repeat(INDENT) + label, paint: palette.quiet },
    { ...first, column: TEXT_COLUMN },
    ...others,
  ];
  return layCells(laid, { width: page.width, indent: TEXT_COLUMN });
}

/** A text that may be broken at each space. */
function words(text: string, paint?: Cell["paint"]): Cell[] {
  return text.split(" ").filter((word) => word !== "").map((word) => ({ text: word, gap: 1, paint }));
}

const COURSES: Readonly<Record<Outcome, string>> = {
  "closed": "Both ends closed",
  "reset": "It was given up with RST.",
  "refused": "The call was refused.",
  "unanswered": "The call was never answered.",
  "half-open": "The call was answered, and the handshake never finished.",
  "open": "It was still open when the capture ended.",
  "midstream": "Its beginning was not captured, and it was still open when the capture ended.",
};

function courseText({ outcome, ends, client, server }: ExplainedConnection): string {
  if (client === server) return "How it went cannot be told: both ends are one.";
  if (outcome === "open" && END_NAMES.some((name) => ends[name].segments === 0)) {
    return "How it ended cannot be told: one end was not captured.";
  }
  if (outcome !== "closed") return COURSES[outcome];
  const isActive = (name: EndName) => ends[name].states.some(({ state }) => state === "FIN_WAIT_1");
  const active = END_NAMES.filter(isActive);
  if (active.length === 0) return `${COURSES.closed}.`;
  return `${COURSES.closed}, ${
    active.length === 2 ? "neither waiting for the other" : `the ${active[0]} first`
  }.`;
}

function pathCells({ states }: ExplainedEnd, page: Page): Cell[] {
  const { quiet } = paletteFor(page.color);
  if (states.length === 0) return [{ text: "no state can be seen", paint: quiet }];
  return states.flatMap(({ state, frame, grade, provenBy }, i) => {
    const isLast = i === states.length - 1;
    const note = grade === "unknown"
      ? " (a guess)"
      : grade === "implied"
      ? " (implied)"
      : provenBy === undefined || provenBy === frame
      ? ""
      : ` (proven by ${provenBy})`;
    return [
      {
        text: `${state} ${frame}${note}${isLast ? "" : " >"}`,
        gap: 1,
        ...(grade === "proven" ? {} : { paint: quiet }),
      },
    ];
  });
}

function figuresText(end: ExplainedEnd): string {
  if (end.segments === 0) return "sent nothing";
  const counts = ([
    [end.retransmissions, "sent again"],
    [end.outOfOrder, "overtaken"],
    [end.duplicateAcks, end.duplicateAcks === 1 ? "duplicate ACK" : "duplicate ACKs"],
    [end.zeroWindows, end.zeroWindows === 1 ? "zero window" : "zero windows"],
  ] as const).filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  const offers = [
    ...(end.mss === null ? [] : [`MSS ${end.mss}`]),
    ...(end.windowScale === null ? [] : [`window scale ${end.windowScale}`]),
    ...(end.sack ? ["SACK"] : []),
    ...(end.timestamps ? ["timestamps"] : []),
  ];
  const { rttMs } = end;
  return [
    `sent ${bytesText(end.bytes)} in ${counted(end.segments, "segment")}${counts.join("")}`,
    ...(offers.length === 0 ? [] : [`offered ${offers.join(", ")}`]),
    ...(rttMs === null ? [] : [
      `answered after ${figure(rttMs.min)} to ${figure(rttMs.max)} ms, half of the times within ${
        figure(rttMs.median)
      }`,
    ]),
  ].join("; ");
}

function figure(ms: number): string {
  return ms < 10 ? ms.toFixed(3) : ms.toFixed(1);
}

function findingLines(finding: Finding, page: Page): string[] {
  const { kind, frames, confidence, text, rfc, tshark } = finding;
  const { quiet } = paletteFor(page.color);
  const places = [
    ...(frames.length === 0 ? [] : [`${frames.length === 1 ? "frame" : "frames"} ${frames.join(", ")}`]),
    confidence,
    ...(rfc === "" ? [] : [rfc]),
    kind,
    ...(tshark === undefined ? [] : [`tshark: ${tshark}`]),
  ];
  return [said("finding", words(text), page), said("", words(places.join("; "), quiet), page)];
}

function placeText({ capturedAt: { at, confidence, text } }: ExplainedConnection): string {
  if (at === "unknown") return `cannot be told where: ${text}`;
  return `${
    at === "between" ? "between the two" : `at ${at === "both" ? "both" : `the ${at}`}`
  }, ${confidence}: ${text}`;
}

/** Local choice: so much is still read. */
const MOST_COMMENTS = 20;

/** What the capture says itself, which may be anything. */
function commentLines({ comments = [], commentsLeftOut = 0 }: ExplainedConnection, page: Page): string[] {
  const lines = comments.slice(0, MOST_COMMENTS).map(({ frame, text }, i) =>
    said(i === 0 ? "comments" : "", words(`${frame}: ${printable(text)}`), page)
  );
  const more = comments.length - lines.length;
  const rest = [
    ...(more > 0 ? [`${more} more: --json has them`] : []),
    ...(commentsLeftOut > 0
      ? [`${commentsLeftOut} that are not kept: tshark -T fields -e frame.comment`]
      : []),
  ].join(", and ");
  if (rest === "") return lines;
  return [
    ...lines,
    said(lines.length === 0 ? "comments" : "", words(lines.length === 0 ? rest : `and ${rest}`), page),
  ];
}

function zeekText({ zeek: { state, history } }: ExplainedConnection): string {
  const meaning = ZEEK_STATES[state];
  return `${state} ${history}${meaning === undefined ? "" : ` (${meaning})`}`;
}
