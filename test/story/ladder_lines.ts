/**
 * A ladder's lines as short text, so that a test can demand them exactly.
 */
import type { Gutters, Ladder, LadderLine } from "../../src/story/ladder.ts";
import type { StateStep } from "../../src/story/state_path.ts";

/** `ESTABLISHED?`: implied; `??`: unknown. */
function stateText({ state, grade }: StateStep): string {
  return `${state}${grade === "proven" ? "" : grade === "implied" ? "?" : "??"}`;
}

/** `client SYN_SENT | server -`. */
export function guttersText(gutters: Gutters): string {
  const text = (step: StateStep | null) => step === null ? "-" : stateText(step);
  return `client ${text(gutters.client)} | server ${text(gutters.server)}`;
}

/** `0.010 <-#2 SYN,ACK seq 0 ack 1 [marks] {client ESTABLISHED}`; the arrow of what is lost ends in `x`. */
export function lineText(line: LadderLine): string {
  const entered = (["client", "server"] as const)
    .filter((end) => line.entered[end].length > 0)
    .map((end) => `${end} ${line.entered[end].map(stateText).join(" ")}`);
  return [
    line.at.toFixed(3),
    whatText(line),
    ...(entered.length === 0 ? [] : [`{${entered.join(", ")}}`]),
  ].join(" ");
}

function whatText(line: LadderLine): string {
  if (line.kind === "gap") return `gap ${line.word}`;
  if (line.kind === "state") return "state";
  if (line.kind === "run") {
    const way = line.from === null ? "--" : line.from === "client" ? "=>" : "<=";
    return `${way}#${line.first}-${line.last} ${line.words.join(" ")}`;
  }
  const end = line.course === "arrives" ? "" : line.course === "lost" ? "x" : "?";
  const way = line.from === "client" ? `-${end || ">"}` : `${end || "<"}-`;
  const marks = line.marks.map(({ word }) => word).join("; ");
  return `${way}#${line.number} ${line.flags} ${[...line.words, ...line.details].join(" ")}${
    marks === "" ? "" : ` [${marks}]`
  }`;
}

/** All lines. */
export function linesText(ladder: Ladder): string[] {
  return ladder.lines.map(lineText);
}
