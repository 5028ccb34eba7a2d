/**
 * The pane of courses: one, or two side by side, and below them the segment that was chosen and what can be done about it.
 *
 * Owns: which segment is chosen. Must not know: how a course is drawn (course_view.ts), or run (src/play).
 */
/// <reference lib="dom" />
import type { CourseChange, Courses } from "../play/courses.ts";
import type { WireSegment } from "../play/course_record.ts";
import type { SegmentEvent } from "../tcp/events.ts";
import { labelOf } from "./course_label.ts";
import { CourseView } from "./course_view.ts";
import { element, setAttributes } from "./dom.ts";
import { enlargeButton } from "./live_page.ts";
import { button } from "./play_controls.ts";
import { showWord, text } from "./words.ts";

/** See the head of this file. */
export class CoursePane {
  readonly element: HTMLElement;
  readonly #courses: Courses;
  readonly #views: readonly CourseView[];
  readonly #frames: readonly HTMLElement[];
  readonly #details = element("div", { class: "chosen", role: "region", "aria-live": "polite" });
  #chosen: number | null = null;
  /** The course that somebody scrolls. */
  #leading = 0;

  constructor(courses: Courses) {
    this.#courses = courses;
    this.#views = [0, 1].map((index) => new CourseView((number) => this.#choose(index, number)));
    this.#frames = this.#views.map((view) =>
      element("div", { class: "course-frame" }, element("div", { class: "course-head" }), view.element)
    );
    for (const [index, { element: scroller }] of this.#views.entries()) {
      for (const kind of ["wheel", "pointerdown", "keydown", "touchstart"]) {
        scroller.addEventListener(kind, () => this.#leading = index, { passive: true });
      }
      scroller.addEventListener("scroll", () => this.#follow(index));
    }
    const heading = element("h2");
    showWord(heading, "courses");
    this.element = element(
      "section",
      { class: "pane courses" },
      element("div", { class: "head" }, heading, enlargeButton("courses")),
      element("div", { class: "course-frames" }, ...this.#frames),
      this.#details,
    );
  }

  /** Shows the courses as they are now. */
  show(change: CourseChange): void {
    const { all, activeIndex, active } = this.#courses;
    if (change === "other" && this.#chosen !== null && this.#chosen > active.record.segments.length) {
      this.#chosen = null;
    }
    setAttributes(this.element, { "data-courses": all.length });
    for (const [index, frame] of this.#frames.entries()) {
      const course = all[index];
      frame.hidden = course === undefined;
      if (course === undefined) continue;
      const isActive = index === activeIndex;
      setAttributes(frame, { "data-active": isActive, "data-course": index + 1 });
      if (change === "other" || isActive) {
        this.#views[index].show(course, {
          label: text("course", String(index + 1)),
          chosen: isActive ? this.#chosen : null,
        });
      }
      if (change === "other") this.#showHead(frame, index);
    }
    this.#showDetails();
    // Where two have parted both show what they have parted over.
    if (change === "other" && all.length === 2 && this.#chosen !== null) {
      for (const view of this.#views) view.reveal(this.#chosen);
    }
  }

  /** Two courses are compared height by height: where somebody scrolls one, the other goes along. */
  #follow(index: number): void {
    const other = this.#views[1 - index].element;
    if (this.#leading === index && this.#courses.all.length === 2) {
      other.scrollTop = this.#views[index].element.scrollTop;
    }
  }

  /** Goes to the next segment, or the one before. */
  move(by: 1 | -1): void {
    const { segments } = this.#courses.active.record;
    if (segments.length === 0) return;
    const from = this.#chosen ?? (by === 1 ? 0 : segments.length + 1);
    this.#select(Math.min(segments.length, Math.max(1, from + by)));
    this.element.querySelector('[data-active] [aria-current="true"]')?.scrollIntoView({ block: "nearest" });
  }

  /** Goes back to the segment that is chosen, on another course. */
  rewind(): void {
    if (this.#chosen !== null) this.#courses.rewind(this.#chosen);
  }

  /** Loses the segment that is chosen, or lets it arrive. */
  turnFate(): void {
    const segment = this.#chosen === null
      ? undefined
      : this.#courses.active.record.segments[this.#chosen - 1];
    if (segment !== undefined && this.#canTurn(segment)) this.#courses.turnFate(segment.number);
  }

  /** What chance has lost, or a fault that waited for it, is not ours to bring back. */
  #canTurn({ lostBy, number }: WireSegment): boolean {
    return lostBy === null || this.#courses.active.setUp.lost.includes(number);
  }

  #choose(index: number, number: number): void {
    if (index !== this.#courses.activeIndex) {
      this.#chosen = number;
      this.#courses.activate(index);
    } else this.#select(number);
  }

  #select(number: number): void {
    this.#chosen = number;
    this.#views[this.#courses.activeIndex].choose(number);
    this.#showDetails();
  }

  #showHead(frame: HTMLElement, index: number): void {
    const { all, activeIndex } = this.#courses;
    const parts: (HTMLElement | string)[] = [];
    for (const word of ["client", "server"] as const) {
      const name = element("b", { class: `end-${word}` });
      showWord(name, word);
      parts.push(name);
    }
    const title = element("span", { class: "course-title" }, text("course", String(index + 1)));
    if (all.length === 2) {
      const isActive = index === activeIndex;
      const act = isActive ? () => this.#courses.closeOther() : () => this.#courses.activate(index);
      const word = isActive ? "closeOther" : "playThis";
      title.append(" ", button(word, { title: word, name: isActive ? "close-other" : "activate", act }));
    } else title.textContent = "";
    frame.firstElementChild?.replaceChildren(parts[0], title, parts[1]);
  }

  #showDetails(): void {
    const segment = this.#chosen === null
      ? undefined
      : this.#courses.active.record.segments[this.#chosen - 1];
    if (segment === undefined) {
      const hint = element("p", { class: "empty" });
      showWord(hint, "chooseOnWire");
      this.#details.replaceChildren(hint);
      return;
    }
    const isUnderWay = segment.arrivals.length === 0 && segment.lostBy === null;
    const fateWord = isUnderWay ? "loseIt" : segment.lostBy === null ? "whatIfLost" : "whatIfArrived";
    this.#details.replaceChildren(
      element(
        "p",
        { class: "chosen-line" },
        element("b", {}, `${text("segmentNumber", String(segment.number))} `),
        element("code", {}, labelOf(segment)),
      ),
      element("p", { class: "chosen-facts" }, factsOf(segment)),
      element(
        "p",
        { class: "chosen-deeds" },
        button("rewindHere", { title: "rewindTitle", name: "rewind", act: () => this.rewind() }),
        ...(this.#canTurn(segment)
          ? [button(fateWord, {
            title: isUnderWay ? "loseTitle" : "whatIfTitle",
            name: "fate",
            act: () => this.turnFate(),
          })]
          : []),
      ),
    );
  }
}

function factsOf(segment: WireSegment): string {
  const ms = (us: number) => (us / 1000).toFixed(3);
  const { sent, arrivals } = segment;
  const ends = arrivals.map(({ us, event }) =>
    `${text("arrivedAt", ms(us))} (${event === null ? text("fateUnread") : stateOf(event)})`
  );
  const fate = segment.lostBy !== null ? text("fateLost") : text("fateUnderWay");
  return [
    `${text("sentAt", ms(segment.sentUs))}${sent === null ? "" : ` (${stateOf(sent)})`}`,
    ...(ends.length === 0 ? [fate] : ends),
    ...(sent === null ? [] : [windowOf(sent), ...optionsOf(sent)]),
  ].join(" · ");
}

function stateOf({ state, rule }: SegmentEvent): string {
  return rule === "none" ? state : `${state}, ${rule}`;
}

function windowOf({ window, windowBytes }: SegmentEvent): string {
  const field = `${text("wireWindow")} ${window}`;
  return windowBytes === undefined || windowBytes === window ? field : `${field} = ${windowBytes} B`;
}

function optionsOf({ options, relAck, ack }: SegmentEvent): string[] {
  const { mss, windowScale, sackPermitted, sack, timestamps, fastOpen } = options;
  return [
    ...(mss === undefined ? [] : [`MSS ${mss}`]),
    ...(windowScale === undefined ? [] : [`${text("fieldWindowScale")} ${windowScale}`]),
    ...(sackPermitted === undefined ? [] : [text("fieldSackPermitted")]),
    // Blocks are of the peer's numbers, and so is the acknowledgment, of which both forms are known.
    ...(sack === undefined
      ? []
      : [`SACK ${
        sack.map(([left, right]) => [left, right].map((edge) => relAck + ((edge - ack) | 0)).join("–")).join(
          ", ",
        )
      }`]),
    ...(timestamps === undefined ? [] : [
      `${text("wireTimestamp", String(timestamps.value))} ${timestamps.echo}`,
    ]),
    ...(fastOpen === undefined ? [] : [`${text("fieldFastOpen")} ${fastOpen.cookie}`]),
  ];
}
