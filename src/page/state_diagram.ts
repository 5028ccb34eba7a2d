/**
 * The state diagram, alive: the current state lit, the way taken, every arrow with what is received and what is sent.
 *
 * Owns: drawing it once, and lighting what is said. Must not know: where anything lies (story/state_layout.ts), where states
 * come from, what a click leads to.
 */
/// <reference lib="dom" />
import { ARROWS, DIAGRAM_PAGE, type DiagramArrow, STATE_BOX, STATE_PLACES } from "../story/state_layout.ts";
import { isEnd, pathOf } from "../story/transition_paths.ts";
import type { TcpState } from "../tcp/state.ts";
import { type Transition, TRANSITIONS } from "../tcp/transitions.ts";
import { setAttributes, setText, svgElement } from "./dom.ts";
import { text } from "./words.ts";

/** What is lit. */
export interface DiagramLight {
  /** States where somebody is now. */
  readonly current: ReadonlySet<TcpState>;
  readonly visited: ReadonlySet<TcpState>;
  /** Rows that were taken. */
  readonly taken: ReadonlySet<string>;
}

const LINE_HEIGHT = 21;
/** Labels for which there is a better place here, where there is no title and no margin. */
const OWN_PLACES: Readonly<Record<string, DiagramArrow["label"]>> = {
  "syn-rcvd.rst.passive": { x: 168, y: 290, anchor: "end" },
  "syn-rcvd.ack": { x: 372, y: 470, anchor: "start" },
  "established.close": { x: 362, y: 598, anchor: "start" },
  "established.fin": { x: 826, y: 598, anchor: "end" },
  "open.active": { x: 960, y: 150, anchor: "start" },
};
/** Where the picture begins and ends: what stands on paper above and below is not drawn here. */
const VIEW = { x: 38, y: 54, width: DIAGRAM_PAGE.width - 88, height: 972 } as const;

/** See the head of this file. */
export class StateDiagram {
  readonly element: SVGSVGElement;
  readonly #states = new Map<string, SVGGElement>();
  readonly #rows = new Map<string, SVGGElement>();
  readonly #arrows: { readonly rows: readonly string[]; readonly group: SVGGElement }[] = [];
  readonly #also: SVGTextElement;

  /** `onAsk` is told the name of a state or row that was clicked. */
  constructor(onAsk: (name: string) => void) {
    this.#also = svgElement("text", { class: "also", x: 60, y: 1016 });
    this.element = svgElement(
      "svg",
      {
        viewBox: `${VIEW.x} ${VIEW.y} ${VIEW.width} ${VIEW.height}`,
        role: "group",
        "aria-label": "State diagram",
        class: "diagram",
      },
      svgElement("defs", {}, ...["server", "client", "other", "taken"].map(arrowHead)),
    );
    const byId = new Map<string, Transition>(TRANSITIONS.map((row) => [row.id, row]));
    for (const [place, at] of Object.entries(STATE_PLACES)) this.element.append(this.#state(place, at));
    for (const arrow of ARROWS) {
      const rows = arrow.rows.flatMap((id) => byId.get(id) ?? []);
      if (rows.length > 0) this.element.append(this.#arrow(arrow, rows));
    }
    this.element.append(this.#also);
    this.element.addEventListener("click", (event) => {
      const asked = nameAt(event.target);
      if (asked !== null) onAsk(asked);
    });
    this.element.addEventListener("keydown", (event) => {
      const asked = event.key === "Enter" || event.key === " " ? nameAt(event.target) : null;
      if (asked === null) return;
      event.preventDefault();
      onAsk(asked);
    });
  }

  /** Lights this, and nothing else. */
  show({ current, visited, taken }: DiagramLight): void {
    // The lower CLOSED is where a connection ends; the upper one is where it, or a listener, begins.
    const hasEnded = [...taken].some((id) => ENDING_ROWS.has(id));
    for (const [place, group] of this.#states) {
      const isLower = place === "END";
      const state = isLower ? "CLOSED" : place;
      const is = (states: ReadonlySet<string>) => states.has(state) && (!isLower || hasEnded);
      setAttributes(group, { "data-current": is(current), "data-visited": is(visited) });
    }
    for (const [id, group] of this.#rows) setAttributes(group, { "data-taken": taken.has(id) });
    for (const { rows, group } of this.#arrows) {
      const isTaken = rows.some((id) => taken.has(id));
      setAttributes(group, { "data-lit": isTaken });
      const path = group.querySelector(".line");
      const kind = group.dataset.kind ?? "other";
      if (path !== null) setAttributes(path, { "marker-end": `url(#live-head-${isTaken ? "taken" : kind})` });
    }
    const others = [...taken].filter((id) => !this.#rows.has(id));
    setText(this.#also, others.length === 0 ? "" : text("also", others.join(", ")));
  }

  #arrow(arrow: DiagramArrow, rows: readonly Transition[]): SVGGElement {
    const kind = pathOf(rows[0]);
    const { x, y, anchor } = OWN_PLACES[rows[0].id] ?? arrow.label;
    const group = svgElement("g", { class: `edge ${kind}`, "data-kind": kind });
    group.append(
      // Wide and unseen: a line of two pixels is hard to hit.
      svgElement("path", { d: arrow.path, class: "reach" }),
      svgElement("path", { d: arrow.path, class: "line", "marker-end": `url(#live-head-${kind})` }),
    );
    let line = 0;
    for (const row of rows) {
      const lines = arrow.oneLine === true || rows.length > 1 ? [labelOf(row).join(" / ")] : labelOf(row);
      const label = svgElement("g", {
        class: "row",
        "data-row": row.id,
        tabindex: 0,
        role: "button",
        "aria-label": `${row.from} -> ${row.to}: ${row.event}`,
      }, svgElement("title", {}, `${row.from} → ${row.to}: ${row.event} (${row.rfc}, ${row.id})`));
      for (const words of lines) {
        label.append(
          svgElement("text", { x, y: y + line++ * LINE_HEIGHT, "text-anchor": anchor }, words),
        );
      }
      this.#rows.set(row.id, label);
      group.append(label);
    }
    this.#arrows.push({ rows: rows.map(({ id }) => id), group });
    return group;
  }

  #state(place: string, [x, y]: readonly [number, number]): SVGGElement {
    const { width, height } = STATE_BOX;
    const name = place === "END" ? "CLOSED" : place;
    const group = svgElement(
      "g",
      {
        class: "state",
        // The lower CLOSED has a name of its own, so that each state is there once.
        ...(place === "END" ? { "data-end": "CLOSED" } : { "data-state": place }),
        tabindex: 0,
        role: "button",
        "aria-label": name,
      },
      svgElement("rect", {
        x: x - width / 2,
        y: y - height / 2,
        width,
        height,
        rx: 9,
      }),
      svgElement("text", { x, y: y + 8, "text-anchor": "middle" }, name),
    );
    this.#states.set(place, group);
    return group;
  }
}

const ENDING_ROWS: ReadonlySet<string> = new Set(TRANSITIONS.filter(isEnd).map(({ id }) => id));

/** What comes in, or else what happens; and what goes out. */
function labelOf(row: Transition): string[] {
  const comes = row.recv === null ? row.event : `rcv ${row.recv.join(",")}`;
  return row.send === null ? [comes] : [comes, `snd ${row.send.join(",")}`];
}

function nameAt(target: EventTarget | null): string | null {
  if (!(target instanceof Element)) return null;
  const found = target.closest("[data-row], [data-state], [data-end]") ??
    target.closest(".edge")?.querySelector("[data-row]");
  if (!(found instanceof SVGElement)) return null;
  const { row, state, end } = found.dataset;
  return row ?? state ?? end ?? null;
}

function arrowHead(kind: string): SVGMarkerElement {
  return svgElement("marker", {
    id: `live-head-${kind}`,
    class: `head ${kind}`,
    viewBox: "0 0 10 10",
    refX: 6,
    refY: 5,
    markerWidth: 14,
    markerHeight: 14,
    markerUnits: "userSpaceOnUse",
    orient: "auto",
  }, svgElement("path", { d: "M0 0L10 5L0 10z" }));
}
