/**
 * One line of the sequence diagram, as elements.
 *
 * Owns: the attributes that the page promises of a segment and of the states at the edges, and how an arrow is made. Must not
 * know: which lines there are.
 */
/// <reference lib="dom" />
import type { LadderLine, RunLine, SegmentLine } from "../story/ladder.ts";
import type { StateStep } from "../story/state_path.ts";
import { type EndName, otherEnd } from "../story/story_segment.ts";
import { type Attributes, element } from "./dom.ts";
import { gradeText, markText, runText, sentenceText, spokenText } from "./ladder_text.ts";
import { text } from "./words.ts";

/** Who is where. */
export interface Sides {
  /** On the left. */
  readonly local: EndName;
  /** Seconds since 1970 of time 0. */
  readonly begins: number;
}

/** What a line is made of. */
interface LineContent {
  readonly attributes: Attributes;
  readonly children: readonly Node[];
}

/** What a line shows, as one text: a line with the same one looks the same. */
export function lineSignature(line: LadderLine): string {
  const states = (["client", "server"] as const).map((end) => {
    const entered = line.entered[end].map(({ state, grade, provenBy }) => `${state}${grade}${provenBy}`);
    return `${line.states[end]?.state}${entered.join()}`;
  }).join(";");
  if (line.kind === "segment") return `s${line.row.revision};${line.marks.length};${line.course};${states}`;
  if (line.kind === "run") return `r${line.row.count};${line.row.lastIndex};${line.opens};${states}`;
  return `${line.kind};${line.kind === "gap" ? line.word : ""};${states}`;
}

/** The elements of a line. */
export function lineContent(line: LadderLine, sides: Sides): LineContent {
  switch (line.kind) {
    case "segment":
      return segmentContent(line, sides);
    case "run":
      return runContent(line, sides);
    case "gap":
      return {
        attributes: { class: "gap" },
        children: inGutters(line, {
          sides,
          time: "",
          middle: element("span", { class: "wait" }, text("waited", line.word)),
        }),
      };
    case "state":
      return {
        attributes: { class: "state-alone" },
        children: inGutters(line, {
          sides,
          time: line.at < 0 ? "" : timeText(line.at),
          middle: element("span", { class: "wait" }),
        }),
      };
  }
}

function segmentContent(line: SegmentLine, sides: Sides): LineContent {
  const { row, number, from, flags, words, marks, course, isRepeat, flightSeconds } = line;
  const isSent = from === sides.local;
  const isLost = course !== "arrives";
  const loud = marks.filter(({ loudness }) => loudness !== "quiet");
  const middle = element(
    "span",
    { class: "flight" },
    element(
      "span",
      { class: "said" },
      element("b", {}, flags),
      element("span", { class: "numbers" }, words.join("  ")),
      ...loud.map((mark) =>
        element("span", {
          class: `note ${mark.loudness}`,
          "data-mark": mark.kind,
          title: sentenceText(mark.text),
        }, markText(mark))
      ),
    ),
    element(
      "span",
      { class: flightSeconds === null ? "arrow" : "arrow slants", "aria-hidden": "true" },
      element("span", { class: "end-sign" }, isLost ? course === "lost" ? "✕" : "?" : ""),
    ),
  );
  return {
    attributes: {
      class: "segment",
      "data-segment": number,
      "data-direction": isSent ? "send" : "recv",
      "data-flags": flags === "none" ? "" : flags,
      "data-rel-seq": row.relSeq,
      "data-rel-ack": row.relAck,
      "data-length": row.segment.length,
      "data-lost": course === "lost",
      "data-probably-lost": course === "probably-lost",
      "data-retransmission": isRepeat,
      "aria-label": spokenText(line),
    },
    children: inGutters(line, { sides, time: timeText(line.at), middle }),
  };
}

function runContent(line: RunLine, sides: Sides): LineContent {
  const { from, opens, first, last } = line;
  const direction = from === null ? "both" : from === sides.local ? "send" : "recv";
  const middle = element(
    "span",
    { class: "flight" },
    element(
      "span",
      { class: "said" },
      element("b", { class: "unfold" }, opens === null ? "…" : "▸"),
      element("span", { class: "numbers" }, runText(line)),
    ),
    element("span", { class: "arrow run", "aria-hidden": "true" }, element("span", { class: "end-sign" })),
  );
  return {
    attributes: {
      class: "run",
      "data-run": `${first}-${last}`,
      "data-direction": direction,
      "data-opens": opens,
      title: opens === null ? null : text("unfold"),
    },
    children: inGutters(line, { sides, time: timeText(line.at), middle }),
  };
}

function inGutters(
  line: LadderLine,
  { sides: { local }, time, middle }: { sides: Sides; time: string; middle: Node },
): Node[] {
  const peer = otherEnd(local);
  return [
    element("span", { class: "time" }, time),
    stateCell("local", { entered: line.entered[local], now: line.states[local] }),
    middle,
    stateCell("peer", { entered: line.entered[peer], now: line.states[peer] }),
  ];
}

/** The state of an end: named where it is entered, a line below. */
function stateCell(
  edge: "local" | "peer",
  { entered, now }: { entered: readonly StateStep[]; now: StateStep | null },
): HTMLElement {
  return element(
    "span",
    { class: "edge", "data-edge": edge, "data-state": now?.state ?? null, "data-grade": now?.grade ?? null },
    ...entered.map((step) =>
      element("span", { class: `chip ${step.grade}`, title: gradeText(step) }, step.state)
    ),
  );
}

function timeText(seconds: number): string {
  return seconds.toFixed(6);
}
