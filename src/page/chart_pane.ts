/**
 * The charts: sequence over time, congestion window, round trip, window and flight, on one time axis with one cursor.
 *
 * Owns: which lines they have, the stretch of time and the direction that are shown, and how often they are drawn. Must not
 * know: where rows come from.
 *
 * The sequence chart speaks as tcptrace does: a bar for each segment, R where one is sent again, the line of
 * acknowledgments below, the window's edge above, bars for what is acknowledged selectively, ticks for duplicate ACKs.
 */
/// <reference lib="dom" />
import type uPlot from "uplot";
import type { PageFigures } from "../story/page_messages.ts";
import { type EndName, otherEnd, type SegmentRow } from "../story/story_segment.ts";
import type { SampleEvent } from "../tcp/events.ts";
import type { BarKind, BoundedPoints } from "./bounded_points.ts";
import { Chart, chartLetters, type ChartPlan, colorOf, type Span } from "./chart.ts";
import { bytesText, millisecondsText } from "./chart_text.ts";
import { element, setAttributes } from "./dom.ts";
import { ConnectionTracks, type FlowTrack } from "./flow_tracks.ts";
import { Paced } from "./paced.ts";
import { showWord, titleWord } from "./words.ts";

/** Local choice: of a connection of one segment there is something to see. */
const LEAST_SECONDS = 0.001;

/** See the head of this file. */
export class ChartPane {
  readonly element: HTMLElement = element("div", { class: "charts-grid" });
  /** Beside the pane's heading. */
  readonly direction = element("button", { type: "button", "data-flow": "client" });
  readonly #charts: Readonly<Record<"sequence" | "window" | "roundTrip" | "flight", Chart>>;
  #tracks = new ConnectionTracks();
  #local: EndName | null = null;
  #zoom: Span | null = null;
  /** The sender that somebody has chosen; null for the one that has sent more. */
  #chosen: EndName | null = null;
  readonly #paced = new Paced(() => this.#draw());

  constructor() {
    const zoom = (span: Span | null) => {
      this.#zoom = span === null ? null : span;
      this.#paced.ask();
    };
    const chart = (plan: Omit<ChartPlan, "zoom">) => new Chart({ ...plan, zoom });
    this.#charts = {
      sequence: chart({
        label: "Sequence over time",
        title: "chartSequence",
        lines: [
          { word: "windowEdge", color: "--lit", dash: [6, 3] },
          { word: "acknowledged", color: "--server" },
        ],
        value: bytesText,
        showsTimes: true,
        draw: (plot) => this.#drawBars(plot),
      }),
      window: chart({
        label: "Congestion window",
        title: "chartWindow",
        lines: [
          { word: "cwnd", color: "--client" },
          { word: "ssthresh", color: "--lit", dash: [6, 3] },
        ],
        value: bytesText,
        showsTimes: true,
      }),
      roundTrip: chart({
        label: "Round trip",
        title: "chartRoundTrip",
        lines: [
          { word: "measured", color: "--server", dots: true },
          { word: "srtt", color: "--client" },
          { word: "rto", color: "--bad", dash: [6, 3] },
        ],
        value: millisecondsText,
        isLogarithmic: true,
        showsTimes: true,
      }),
      flight: chart({
        label: "Window and flight",
        title: "chartFlight",
        lines: [
          { word: "peerWindow", color: "--lit", dash: [6, 3] },
          { word: "inFlight", color: "--client" },
        ],
        value: bytesText,
        showsTimes: true,
      }),
    };
    this.element.append(...Object.values(this.#charts).map(({ element }) => element));
    titleWord(this.direction, "flowTitle");
    this.direction.addEventListener("click", () => this.#turn());
    this.clear();
  }

  /** Forgets all. */
  clear(): void {
    this.#tracks = new ConnectionTracks();
    this.#zoom = null;
    this.#chosen = null;
    this.#paced.cancel();
    for (const chart of Object.values(this.#charts)) chart.clear();
    this.#showDirection();
  }

  /** The next rows of the connection that is shown; `local`: the end that is ours, null where none is. */
  take(rows: readonly SegmentRow[], local: EndName | null): void {
    this.#local = local;
    for (const row of rows) this.#tracks.take(row);
    if (rows.length > 0) this.#paced.ask();
  }

  /** Figures of our own sender. */
  takeFigures(time: number, figures: SampleEvent | PageFigures): void {
    this.#tracks.takeFigures(time, figures);
    this.#paced.ask();
  }

  /** The same in other colours or another language. */
  refresh(): void {
    this.#showDirection();
    for (const chart of Object.values(this.#charts)) chart.refresh();
  }

  #turn(): void {
    this.#chosen = otherEnd(this.#sender);
    this.#paced.ask();
  }

  get #sender(): EndName {
    return this.#chosen ?? this.#tracks.busier;
  }

  get #flow(): FlowTrack {
    return this.#tracks.flows[this.#sender];
  }

  #showDirection(): void {
    setAttributes(this.direction, { "data-flow": this.#sender });
    showWord(this.direction, this.#sender === "client" ? "flowFromClient" : "flowFromServer");
  }

  #draw(): void {
    const { begin, end, cwnd, ssthresh, srtt, rto } = this.#tracks;
    if (begin === null) return;
    this.#showDirection();
    const times: Span = this.#zoom ?? [0, Math.max(LEAST_SECONDS, (end - begin) * 1.02)];
    const flow = this.#flow;
    const within: Span = [times[0] + begin, times[1] + begin];
    const { sequence, window, roundTrip, flight } = this.#charts;
    const shared = { begin, end, times };
    sequence.show({
      ...shared,
      lines: [flow.windowEdge, flow.acknowledged],
      values: this.#sequenceValues(flow, within),
    });
    setAttributes(sequence.element, {
      "data-segments": flow.segments,
      "data-retransmissions": flow.resent,
      "data-bars": flow.bars.bars.length,
    });
    flight.show({
      ...shared,
      lines: [flow.window, flow.flight],
      values: fromZero(within, [flow.window, flow.flight]),
    });
    const figures = cwnd.times.length > 0;
    if (figures) {
      window.show({ ...shared, lines: [cwnd, ssthresh], values: fromZero(within, [cwnd, ssthresh]) });
    }
    // What our end has sent is answered by the other: only that takes a round trip. In a capture anything may be.
    const { roundTrips } = this.#tracks.flows[this.#local ?? this.#sender];
    if (figures || roundTrips.times.length > 0) {
      const lines = [roundTrips, srtt, rto];
      roundTrip.show({ ...shared, lines, values: decades(within, lines) });
    }
  }

  /** What was sent and acknowledged; the window's edge as far as there is room, since it may be far above. */
  #sequenceValues(flow: FlowTrack, [from, to]: Span): Span {
    const acked = flow.acknowledged.extent(from, to);
    let least = acked?.[0] ?? Infinity;
    let most = acked?.[1] ?? 1;
    for (const bar of flow.bars.bars) {
      if (bar.until < from || bar.time > to) continue;
      least = Math.min(least, bar.from);
      most = Math.max(most, bar.to);
    }
    const room = Math.max(2, (most - Math.min(least, most)) * 0.12);
    return [Math.min(least, most) - room, most + room];
  }

  #drawBars(plot: uPlot): void {
    const { begin } = this.#tracks;
    if (begin === null) return;
    const { ctx, bbox } = plot;
    const pixel = devicePixelRatio;
    const x = (time: number) => plot.valToPos(time - begin, "x", true);
    const y = (position: number) => plot.valToPos(position, "y", true);
    const { min: from, max: to } = plot.scales.x;
    const places: PlacedBar[] = [];
    for (const bar of this.#flow.bars.bars) {
      if (bar.until - begin < (from ?? 0) || bar.time - begin > (to ?? 0)) continue;
      const place = { left: x(bar.time), right: x(bar.until), low: y(bar.from), high: y(bar.to) };
      places.push({ kind: bar.kind(), ...place });
    }
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `bold ${chartLetters(this.element) * pixel}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    drawBars(ctx, mergedByPixel(places), { pixel, rightEdge: bbox.left + bbox.width });
    ctx.restore();
  }
}

/** A bar, as it lies on the canvas. */
interface PlacedBar {
  readonly kind: BarKind;
  readonly left: number;
  readonly right: number;
  readonly low: number;
  readonly high: number;
}

const BAR_COLORS: Readonly<Record<BarKind, () => string>> = {
  data: colorOf("--ink"),
  sack: colorOf("--sack"),
  "duplicate-ack": colorOf("--server"),
  syn: colorOf("--client"),
  fin: colorOf("--client"),
  resent: colorOf("--bad"),
  lost: colorOf("--bad"),
};

/** What matters most is drawn last, above the others. */
const BAR_KINDS: readonly BarKind[] = ["data", "sack", "duplicate-ack", "syn", "fin", "resent", "lost"];

/** What stands beside a bar: its shape tells what its colour tells. */
const BAR_LETTERS: Readonly<Partial<Record<BarKind, string>>> = {
  resent: "R",
  lost: "✕",
  syn: "SYN",
  fin: "FIN",
};

/** Bars of plain data that fall into one column of pixels are one bar: more cannot be seen. */
function mergedByPixel(bars: readonly PlacedBar[]): PlacedBar[] {
  const merged: PlacedBar[] = [];
  for (const bar of bars) {
    const last = merged.at(-1);
    const isSame = last?.kind === "data" && bar.kind === "data" &&
      Math.round(last.left) === Math.round(bar.left);
    if (!isSame) merged.push(bar);
    else merged[merged.length - 1] = { ...last, right: bar.right, high: Math.min(last.high, bar.high) };
  }
  return merged;
}

/** All of a kind as one path: a thousand strokes take a hundred times as long as one of a thousand pieces. */
function drawBars(
  ctx: CanvasRenderingContext2D,
  bars: readonly PlacedBar[],
  { pixel, rightEdge }: { readonly pixel: number; readonly rightEdge: number },
): void {
  for (const kind of BAR_KINDS) {
    const places = bars.filter((bar) => bar.kind === kind);
    if (places.length === 0) continue;
    const color = BAR_COLORS[kind]();
    const letter = BAR_LETTERS[kind];
    ctx.strokeStyle = color;
    ctx.fillStyle = color;
    ctx.lineWidth = (kind === "sack" ? 2.4 : 1.4) * pixel;
    ctx.beginPath();
    for (const place of places) tracePlace(ctx, place, pixel);
    ctx.stroke();
    if (letter === undefined) continue;
    const half = ctx.measureText(letter).width / 2;
    // Lines that pass behind a letter stop before it.
    ctx.strokeStyle = colorOf("--card")();
    ctx.lineWidth = 3 * pixel;
    ctx.lineJoin = "round";
    // Letters that would cover each other are one letter: the first.
    let [lastX, lastY] = [-Infinity, -Infinity];
    for (const { left, high } of places) {
      const isCovered = left - lastX < 2 * half && Math.abs(high - lastY) < 3 * half;
      if (isCovered) continue;
      [lastX, lastY] = [left, high];
      // Beside its bar, where a word is not cut at the edge.
      const away = half + 3 * pixel;
      const [x, y] = [left + away + half > rightEdge ? left - away : left + away, high + 4 * pixel];
      ctx.strokeText(letter, x, y);
      ctx.fillText(letter, x, y);
    }
  }
}

function tracePlace(
  ctx: CanvasRenderingContext2D,
  { kind, left, right, low, high }: PlacedBar,
  pixel: number,
): void {
  ctx.moveTo(left, low);
  if (kind === "duplicate-ack") {
    ctx.lineTo(left, low + 4 * pixel);
    return;
  }
  ctx.lineTo(right, high);
  // Ends as xplot draws them, so that a segment of one octet is seen too.
  const tick = 2.5 * pixel;
  ctx.moveTo(left - tick, low);
  ctx.lineTo(left + tick, low);
  ctx.moveTo(right - tick, high);
  ctx.lineTo(right + tick, high);
}

/** From 0 to a little above the highest. */
function fromZero([from, to]: Span, lines: readonly BoundedPoints[]): Span {
  const most = lines.map((points) => points.extent(from, to)?.[1] ?? 0);
  return [0, Math.max(1, ...most) * 1.1];
}

/** Whole powers of ten around all values. */
function decades([from, to]: Span, lines: readonly BoundedPoints[]): Span {
  const extents = lines.flatMap((points) => points.extent(from, to) ?? []).filter((value) => value > 0);
  if (extents.length === 0) return [0.1, 1000];
  const least = 10 ** Math.floor(Math.log10(Math.min(...extents)));
  const most = 10 ** Math.ceil(Math.log10(Math.max(...extents)) + 1e-9);
  return [least, Math.max(most, least * 10)];
}
