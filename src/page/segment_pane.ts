/**
 * One segment's header, field by field.
 *
 * Owns: which fields are shown, and in what words. Must not know: where the segment comes from.
 */
/// <reference lib="dom" />
import { element } from "./dom.ts";
import type { ShownSegment } from "./sequence_view.ts";
import { showWord, text } from "./words.ts";

/** See the head of this file. */
export class SegmentPane {
  readonly element: HTMLElement = element("div", {
    class: "scroll",
    role: "region",
    "aria-label": "Segment",
  });

  /** `onAsk` is told the rule that was clicked. */
  constructor(readonly onAsk: (name: string) => void) {
    this.clear();
  }

  /** Shows nothing. */
  clear(): void {
    const hint = element("p", { class: "empty" });
    showWord(hint, "chooseSegment");
    this.element.replaceChildren(hint);
  }

  /** Shows a segment. */
  show(segment: ShownSegment): void {
    const { flags = [], seq, ack, relSeq, relAck, window, length, direction } = segment;
    const hasAck = flags.includes("ACK");
    const fields: (readonly [name: string, value: string | Node])[] = [
      ["segment", `${segment.segment ?? ""} ${text(direction === "recv" ? "received" : "sent")}`],
      ["flags", flags.join(", ") || "–"],
      ["seq", `${relSeq ?? "–"} (${seq ?? "–"})`],
      ["ack", hasAck ? `${relAck ?? "–"} (${ack ?? "–"})` : "–"],
      ["length", `${length ?? 0}`],
    ];
    if (segment.event === "segment") {
      const { windowBytes, options, state, rule } = segment;
      const scaled = windowBytes === undefined || windowBytes === window ? "" : ` = ${windowBytes} bytes`;
      fields.push(["window", `${window}${scaled}`], ...optionFields(options));
      const asked = element("button", { type: "button", class: "link" }, rule);
      asked.addEventListener("click", () => this.onAsk(rule));
      fields.push([text("stateAfter"), state], [text("rule"), asked]);
    } else {
      fields.push(["window", String(window ?? "–")], ["", text("lostOnPurpose")]);
    }
    this.element.replaceChildren(
      element(
        "dl",
        {},
        ...fields.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
      ),
    );
  }
}

type Options = Extract<ShownSegment, { event: "segment" }>["options"];

function optionFields(options: Options): (readonly [string, string])[] {
  const { mss, windowScale, sackPermitted, sack, timestamps } = options;
  return [
    ...(mss === undefined ? [] : [["MSS", String(mss)] as const]),
    ...(windowScale === undefined
      ? []
      : [["window scale", `${windowScale} (× ${2 ** windowScale})`] as const]),
    ...(sackPermitted === undefined ? [] : [["SACK permitted", "✓"] as const]),
    ...(sack === undefined
      ? []
      : [["SACK", sack.map(([left, right]) => `${left}–${right}`).join(", ")] as const]),
    ...(timestamps === undefined
      ? []
      : [["timestamps", `${timestamps.value}, echo ${timestamps.echo}`] as const]),
  ];
}
