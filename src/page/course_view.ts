/**
 * One course as a picture: the two ends' states at the edges, their segments between, lost ones ending half-way.
 *
 * Owns: drawing it, and which segment is chosen. Must not know: where anything stands (course_layout.ts), what a choice leads
 * to.
 */
/// <reference lib="dom" />
import type { Course } from "../play/course.ts";
import type { Command } from "../play/command.ts";
import { briefLabelOf, labelOf } from "./course_label.ts";
import { layOut, type PlacedNote, type PlacedSegment } from "./course_layout.ts";
import { element, setAttributes, svgElement } from "./dom.ts";
import { text, type Word } from "./words.ts";

/** Local choices, in pixels: the longest state's name, and an arrow that can still be read. */
const EDGE = 92;
const LEAST_WIDTH = 330;
/** Local choice, of the height: most of it is for what comes of a segment, a little for what came before. */
const REVEALED_AT = 0.2;
/** The page's letters where the picture is drawn in its own size, as in page.css. */
const FONT = 13;
const HEAD = 7;
/** Where on its arrow a label stands, as a share of its way: two that cross leave each other room. */
const LABEL_AT = 0.4;
/** That of a lost segment stands where it begins: further on others pass, which were sent before and go down further. */
const LOST_LABEL_PX = 6;
/** Local choice: further from an arrow nobody means it, nor what stands on it. */
const REACH = 14;
/** Below this a label leaves out what can be looked up; and so it does where the next arrow of its end is nearer than that. */
const ROOMY = 300;
const CROWDED = 24;
/** Local choice, pixels: while an arrow that goes down so far was under way much else has happened, and crosses it. */
const STEEP = 48;
/** Two lines of text across arrows that are not further apart would cover each other. */
const LABEL_HEIGHT = 9.5;

/** See the head of this file. */
export class CourseView {
  readonly element: HTMLElement;
  readonly #onChoose: (number: number) => void;
  #course: Course | null = null;
  #chosen: number | null = null;
  #drawnWidth = 0;

  /** `onChoose` is told the number of a segment. */
  constructor(onChoose: (number: number) => void) {
    this.#onChoose = onChoose;
    this.element = element("div", { class: "scroll course-scroll", role: "region", tabindex: 0 });
    this.element.addEventListener("click", (event) => {
      const number = ownNumber(event.target) ?? this.#nearest(event);
      if (number !== null && number !== this.#chosen) this.#onChoose(number);
    });
    new ResizeObserver(() => {
      if (this.#width() !== this.#drawnWidth) this.#draw();
    }).observe(this.element);
  }

  /** Shows a course, as far as it has gone; `goesOn`: at its end, unless somebody has scrolled back. */
  show(course: Course, about: { readonly label: string; readonly chosen: number | null }): void {
    setAttributes(this.element, { "aria-label": about.label });
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const isAtEnd = this.#course === null || scrollHeight - scrollTop - clientHeight < 60;
    this.#course = course;
    this.#chosen = about.chosen;
    this.#draw();
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Marks the segment that is chosen; null for none. */
  choose(number: number | null): void {
    this.#chosen = number;
    const course = this.#course;
    const isLabelled = number === null || this.element.querySelector(`[data-label-of="${number}"]`) !== null;
    if (course !== null && !isLabelled) return this.#draw();
    for (const name of ["data-wire", "data-label-of"]) {
      for (const part of this.element.querySelectorAll(`[${name}]`)) {
        setAttributes(part, { "aria-current": part.getAttribute(name) === String(number) });
      }
    }
  }

  /** Brings a segment, and what follows it, to where it is seen. */
  reveal(number: number): void {
    const arrow = this.element.querySelector(`[data-wire="${number}"] .line`);
    if (arrow === null) return;
    const above = arrow.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
    this.element.scrollTop += above - this.element.clientHeight * REVEALED_AT;
  }

  #width(): number {
    return this.element.clientWidth - 10;
  }

  #draw(): void {
    const course = this.#course;
    if (course === null) return;
    this.#drawnWidth = this.#width();
    // As large as the page's letters are: they grow with the window, for who sits far away.
    const scale = parseFloat(getComputedStyle(this.element).fontSize) / FONT;
    const width = Math.max(LEAST_WIDTH, this.#drawnWidth / scale);
    const layout = layOut(course.record);
    const { height } = layout;
    const picture = svgElement("svg", {
      width: width * scale,
      height: height * scale,
      viewBox: `0 0 ${width} ${height}`,
      class: "course",
    });
    for (const x of [EDGE, width - EDGE]) {
      picture.append(svgElement("line", { class: "life", x1: x, x2: x, y1: 0, y2: height }));
    }
    for (const { y, us } of layout.waits) {
      picture.append(
        svgElement("text", { class: "wait", x: width / 2, y: y + 4, "text-anchor": "middle" }, waitText(us)),
      );
    }
    // All texts above all arrows: a burst's arrows pass through each other's.
    for (const placed of layout.segments) picture.append(this.#arrow(placed, width));
    for (const placed of this.#labelled(layout.segments, width)) picture.append(this.#label(placed, width));
    for (const note of layout.notes) picture.append(...noteMarks(note, width));
    const parts: Element[] = [];
    if (layout.earlier > 0) {
      parts.push(element("p", { class: "empty" }, text("notDrawn", String(layout.earlier))));
    }
    if (course.record.happenings.length === 0) {
      parts.push(element("p", { class: "empty" }, text("nothingYet")));
    } else parts.push(picture);
    const { scrollTop } = this.element;
    this.element.replaceChildren(...parts);
    this.element.scrollTop = scrollTop;
  }

  #arrow(placed: PlacedSegment, width: number): SVGGElement {
    const { segment, fromY } = placed;
    const { isClient, fromX, span, isLost, fate, ends, share } = wayOf(placed, width);
    const group = svgElement("g", {
      class: "wire",
      "data-wire": segment.number,
      "data-from": isClient ? "client" : "server",
      "data-flags": segment.flags.join(","),
      "data-length": segment.length,
      "data-fate": fate,
      "data-lost": isLost,
      "data-retransmission": segment.repeats !== null,
      tabindex: -1,
      role: "button",
      "aria-label": `${segment.number}: ${labelOf(segment)}`,
      "aria-current": segment.number === this.#chosen,
    });
    for (const [copy, y] of ends.entries()) {
      const x = fromX + span * share;
      group.append(
        svgElement("line", { class: "reach", x1: fromX, y1: fromY, x2: x, y2: y }),
        svgElement("line", { class: copy === 0 ? "line" : "line copy", x1: fromX, y1: fromY, x2: x, y2: y }),
      );
      if (isLost) group.append(svgElement("path", { class: "cross", d: cross(x, y) }));
      else if (fate === "arrived") group.append(arrowHead({ x, y, dx: span, dy: y - fromY }));
      else group.append(svgElement("circle", { class: "dot", cx: x, cy: y, r: 4 }));
    }
    return group;
  }

  /** Those whose texts have room: where steep arrows lie close together every second or third one's, and what is remarkable. */
  #labelled(segments: readonly PlacedSegment[], width: number): PlacedSegment[] {
    const last: [number, number] = [-Infinity, -Infinity];
    return segments.filter((placed) => {
      const { segment, fromY } = placed;
      const { span, share, ends: [toY] } = wayOf(placed, width);
      const y = fromY + (toY - fromY) * LABEL_AT;
      const apart = (y - last[segment.from]) * Math.cos(Math.atan2(toY - fromY, Math.abs(span * share)));
      const isPlain = segment.lostBy === null && segment.repeats === null && segment.number !== this.#chosen;
      if (isPlain && apart < LABEL_HEIGHT) return false;
      // That of a lost one stands elsewhere.
      if (segment.lostBy === null) last[segment.from] = y;
      return true;
    });
  }

  /** Along its arrow, nearer to where that begins: there is most room between arrows. */
  #label(placed: PlacedSegment, width: number): SVGTextElement {
    const { segment, fromY, room } = placed;
    const { isClient, fromX, span, isLost, ends, share } = wayOf(placed, width);
    const [dx, dy] = [span * share, ends[0] - fromY];
    const isCrowded = room < CROWDED || dy > STEEP;
    const at = isLost ? LOST_LABEL_PX / Math.abs(dx) : LABEL_AT;
    const [x, y] = [fromX + dx * at, fromY + dy * at];
    const turn = Math.atan2(dy, Math.abs(dx)) * 180 / Math.PI * Math.sign(dx);
    return svgElement("text", {
      class: `wire-label${isLost ? " lost" : ""}${isCrowded ? " crowded" : ""}`,
      "data-label-of": segment.number,
      // The arrow itself is named.
      "aria-hidden": "true",
      "aria-current": segment.number === this.#chosen,
      x: x.toFixed(1),
      y: (y - (isCrowded ? 3 : 4)).toFixed(1),
      "text-anchor": isLost ? isClient ? "start" : "end" : "middle",
      transform: `rotate(${turn.toFixed(2)} ${x.toFixed(1)} ${y.toFixed(1)})`,
    }, isCrowded || Math.abs(dx) < ROOMY ? briefLabelOf(segment) : labelOf(segment));
  }

  /** The segment whose arrow is nearest to where somebody has clicked: in a burst they lie a few pixels apart. */
  #nearest({ clientX, clientY }: MouseEvent): number | null {
    let least = REACH;
    let nearest: number | null = null;
    for (const arrow of this.element.querySelectorAll<SVGGElement>("[data-wire]")) {
      for (const line of arrow.querySelectorAll<SVGLineElement>("line")) {
        const distance = distanceTo(line, { clientX, clientY });
        if (distance >= least) continue;
        least = distance;
        nearest = Number(arrow.dataset.wire);
      }
    }
    return nearest;
  }
}

/** Of what cannot be meant for another segment: a label, and the end of an arrow; null else. */
function ownNumber(target: EventTarget | null): number | null {
  if (!(target instanceof SVGElement)) return null;
  const own = target.dataset.labelOf ??
    (target.matches(".cross, .dot, .arrow-head")
      ? target.closest<SVGGElement>("[data-wire]")?.dataset.wire
      : undefined);
  return own === undefined ? null : Number(own);
}

/** How far above or below a point an arrow passes, in pixels of the screen; Infinity where it does not. */
function distanceTo(
  line: SVGLineElement,
  { clientX, clientY }: { clientX: number; clientY: number },
): number {
  const matrix = line.getScreenCTM();
  if (matrix === null) return Infinity;
  const end = (x: SVGAnimatedLength, y: SVGAnimatedLength) =>
    new DOMPoint(x.baseVal.value, y.baseVal.value).matrixTransform(matrix);
  const from = end(line.x1, line.y1);
  const to = end(line.x2, line.y2);
  const share = (clientX - from.x) / (to.x - from.x);
  if (!(share >= 0 && share <= 1)) return Infinity;
  return Math.abs(clientY - (from.y + share * (to.y - from.y)));
}

/** From where to where an arrow goes in a picture so wide. */
function wayOf({ segment, fromY, toY }: PlacedSegment, width: number) {
  const isClient = segment.from === 0;
  const isLost = segment.lostBy !== null;
  const fate = isLost ? "lost" : segment.arrivals.length > 0 ? "arrived" : "under-way";
  return {
    isClient,
    isLost,
    fate,
    fromX: isClient ? EDGE : width - EDGE,
    span: (width - 2 * EDGE) * (isClient ? 1 : -1),
    ends: toY.length === 0 ? [fromY + HEAD * 2] : toY,
    /** How far it comes. */
    share: isLost ? 0.5 : fate === "under-way" ? 0.72 : 1,
  } as const;
}

function noteMarks({ side, y, note }: PlacedNote, width: number): SVGElement[] {
  const x = side === 0 ? EDGE - 6 : width - EDGE + 6;
  const place = { x, y: y + 4, "text-anchor": side === 0 ? "end" : "start" };
  if (note.kind === "command") {
    return [svgElement("text", { ...place, class: "command" }, commandLabel(note.command))];
  }
  return [
    svgElement("text", {
      ...place,
      class: "state-note",
      "data-state": note.text,
      "data-edge": side === 0 ? "client" : "server",
    }, note.text),
  ];
}

const COMMAND_WORDS: Readonly<Partial<Record<Command["kind"], Word>>> = {
  listen: "doListen",
  unlisten: "doUnlisten",
  connect: "doConnect",
  send: "doSend",
  close: "doClose",
  abort: "doAbort",
  hold: "doHold",
  read: "doRead",
  restart: "doRestart",
};

function commandLabel({ kind, amount, text: said }: Command): string {
  const word = COMMAND_WORDS[kind];
  const name = word === undefined ? kind : text(word);
  const rest = kind === "send" || kind === "flood" ? ` ${amount}` : "";
  const words = said === undefined ? `${name}${rest}` : said;
  return `▸ ${words.length > 13 ? `${words.slice(0, 12)}…` : words}`;
}

function waitText(us: number): string {
  return `⋮ ${us >= 1e6 ? `${Number((us / 1e6).toFixed(3))} s` : `${Number((us / 1000).toFixed(1))} ms`}`;
}

function cross(x: number, y: number): string {
  return `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`;
}

function arrowHead({ x, y, dx, dy }: { x: number; y: number; dx: number; dy: number }): SVGPathElement {
  const angle = Math.atan2(dy, dx);
  const point = (turn: number, length: number) =>
    `${(x - Math.cos(angle + turn) * length).toFixed(1)} ${(y - Math.sin(angle + turn) * length).toFixed(1)}`;
  return svgElement("path", { class: "arrow-head", d: `M${x} ${y}L${point(0.4, 11)}L${point(-0.4, 11)}Z` });
}
