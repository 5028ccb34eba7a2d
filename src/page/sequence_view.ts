/**
 * The segments of one connection, one a row, from our end on the left to the peer's on the right.
 *
 * Owns: the place of the sequence diagram, and a plain form of it made of events alone: bounded, the newest at the end. Must
 * not know: the story model, which knows both ends' states; what is drawn of it takes this view's place.
 */
/// <reference lib="dom" />
import type { FaultEvent, RetransmitEvent, SegmentEvent, TcpEvent } from "../tcp/events.ts";
import { element, setAttributes } from "./dom.ts";
import { showWord, text } from "./words.ts";

/** Local choice: what scrolls without a pause; older ones go. */
const MOST_LINES = 400;

/** A segment, or one that our injector took away before anybody saw it. */
export type ShownSegment = SegmentEvent | FaultEvent;

/** See the head of this file. */
export class SequenceView {
  readonly element: HTMLElement;
  readonly #list = element("ol", { class: "segments" });
  readonly #hint = element("p", { class: "empty" });
  readonly #gap = element("p", { class: "gap", role: "status" });
  /** Events of this connection that were thrown away on the way here. */
  #lost = 0;
  readonly #segments = new Map<HTMLElement, ShownSegment>();
  readonly #byNumber = new Map<number, HTMLElement>();
  /** What is said of a segment before it: that it is a repetition. */
  #repeats = new Map<number, RetransmitEvent>();
  #firstTime: number | null = null;

  /** `onSelect` is told the segment that was clicked. */
  constructor(onSelect: (segment: ShownSegment) => void) {
    showWord(this.#hint, "sequenceHint");
    this.element = element(
      "div",
      { class: "scroll", "aria-label": "Sequence diagram", role: "region", tabindex: 0 },
      this.#gap,
      this.#list,
      this.#hint,
    );
    this.#list.addEventListener("click", (event) => this.#choose(event.target, onSelect));
    this.#list.addEventListener("focusin", (event) => this.#choose(event.target, onSelect));
  }

  /** Forgets all. */
  clear(): void {
    this.#list.replaceChildren();
    this.#segments.clear();
    this.#byNumber.clear();
    this.#repeats = new Map();
    this.#firstTime = null;
    this.#lost = 0;
    this.#gap.hidden = true;
    this.#hint.hidden = false;
  }

  /** Adds what there is to see of these events; `lost` came before them, and was thrown away. */
  add(events: readonly TcpEvent[], lost: number): void {
    const isAtEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 40;
    this.#lose(lost);
    for (const event of events) this.#take(event);
    while (this.#list.children.length > MOST_LINES) this.#drop(this.#list.children[0]);
    this.#hint.hidden = this.#list.children.length > 0;
    // Somebody who has scrolled back reads.
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  #lose(count: number): void {
    this.#lost += count;
    this.#gap.hidden = this.#lost === 0;
    if (count > 0) this.#gap.textContent = text("eventsLost", String(this.#lost));
  }

  #take(event: TcpEvent): void {
    if (event.event === "segment") this.#list.append(this.#line(event));
    else if (event.event === "retransmit" && event.segment !== undefined) {
      this.#repeats.set(event.segment, event);
    } else if (event.event === "fault" && event.kind === "drop") this.#strike(event);
  }

  /** What went out was told already; what was to come in is told only here. */
  #strike(event: FaultEvent): void {
    const told = event.segment === undefined ? undefined : this.#byNumber.get(event.segment);
    if (told === undefined) {
      if (event.flags !== undefined) this.#list.append(this.#line(event));
      return;
    }
    setAttributes(told, { "data-lost": true });
    told.querySelector(".note")?.replaceChildren(text("lostOnPurpose"));
  }

  #line(event: ShownSegment): HTMLLIElement {
    this.#firstTime ??= event.time;
    const { direction, segment, flags = [], relSeq = 0, relAck = 0, length = 0 } = event;
    const repeat = segment === undefined ? undefined : this.#repeats.get(segment);
    if (segment !== undefined) this.#repeats.delete(segment);
    const isLost = event.event === "fault";
    const numbers = [
      `seq ${relSeq}`,
      ...(flags.includes("ACK") ? [`ack ${relAck}`] : []),
      ...(length > 0 ? [`len ${length}`] : []),
    ];
    const note = isLost
      ? text("lostOnPurpose")
      : repeat !== undefined
      ? `${text("again")} (${repeat.kind})`
      : "";
    const line = element(
      "li",
      {
        class: "segment",
        "data-segment": segment ?? 0,
        "data-direction": direction,
        "data-flags": flags.join(","),
        "data-rel-seq": relSeq,
        "data-rel-ack": relAck,
        "data-length": length,
        "data-lost": isLost,
        "data-retransmission": repeat !== undefined,
        tabindex: -1,
      },
      element("span", { class: "time" }, (event.time - this.#firstTime).toFixed(6)),
      element("span", {
        class: "edge-state",
        "data-edge": "local",
        "data-state": isLost ? null : event.state,
      }, isLost ? "" : event.state),
      element(
        "span",
        { class: "flight" },
        element("span", { class: "arrow", "aria-hidden": "true" }),
        element("b", {}, flags.join(",")),
        element("span", { class: "numbers" }, numbers.join(" ")),
        element("span", { class: "note" }, note),
      ),
    );
    this.#segments.set(line, event);
    if (segment !== undefined) this.#byNumber.set(segment, line);
    return line;
  }

  #drop(line: Element): void {
    if (line instanceof HTMLElement) {
      const { segment } = this.#segments.get(line) ?? {};
      if (segment !== undefined) this.#byNumber.delete(segment);
      this.#segments.delete(line);
    }
    line.remove();
  }

  #choose(target: EventTarget | null, onSelect: (segment: ShownSegment) => void): void {
    const line = target instanceof Element ? target.closest("li") : null;
    const segment = line === null ? undefined : this.#segments.get(line);
    if (line === null || segment === undefined) return;
    for (const other of this.#list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    onSelect(segment);
  }
}
