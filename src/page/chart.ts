/**
 * One chart: uPlot with our axes, a heading that tells the values under the cursor, and room for what is drawn besides lines.
 *
 * Owns: how uPlot is used. Must not know: what is shown, other charts.
 *
 * The times of all charts are seconds since the connection began.
 */
/// <reference lib="dom" />
import uPlot from "uplot";
import type { BoundedPoints } from "./bounded_points.ts";
import { secondsText } from "./chart_text.ts";
import { element, setAttributes, setText } from "./dom.ts";
import { showWord, text, type Word } from "./words.ts";

/** A line of a chart. */
export interface ChartLine {
  readonly word: Word;
  /** Name of a colour of page.css, `--client`. */
  readonly color: string;
  /** Lengths of dashes and gaps; a line of the same colour-blind look has another. */
  readonly dash?: readonly number[];
  /** Points alone, without a line between them. */
  readonly dots?: boolean;
}

/** A range. */
export type Span = readonly [from: number, to: number];

/** What a chart is. */
export interface ChartPlan {
  /** Found by it: part of what the page promises. */
  readonly label: string;
  readonly title: Word;
  readonly lines: readonly ChartLine[];
  /** A value of it in words; `step`: so far apart are those of an axis, which have to be told from each other. */
  readonly value: (value: number, step?: number) => string;
  /** Powers of ten on the vertical axis: for what differs by the thousand. */
  readonly isLogarithmic?: boolean;
  /** Whether times are written below it. */
  readonly showsTimes: boolean;
  /** Draws what is no line. */
  readonly draw?: (plot: uPlot) => void;
  /** Somebody has marked a stretch of time, or (null) wants all of it again. */
  readonly zoom: (span: Span | null) => void;
}

/** What a chart is to show. */
export interface ChartNews {
  /** In the order of the plan's lines. */
  readonly lines: readonly BoundedPoints[];
  /** Seconds since 1970 of time 0. */
  readonly begin: number;
  /** The same of the last that has happened. */
  readonly end: number;
  readonly times: Span;
  readonly values: Span;
}

/** All charts of the page have one cursor. */
const CURSOR_KEY = "tcplab";
/** Local choice: what numbers of seven characters need, at any size of the letters. */
const AXIS_EMS = 5.2;
/** Local choice: a chart's letters beside the page's, which grow with the window for who sits far away. */
const CHART_LETTERS = 0.85;

/** Size of the letters of charts in this element, whole pixels. */
export function chartLetters(place: HTMLElement): number {
  // An element that is on no page yet has none.
  return Math.round(CHART_LETTERS * (Number.parseFloat(getComputedStyle(place).fontSize) || 13));
}

/** See the head of this file. */
export class Chart {
  readonly element: HTMLElement;
  readonly #plan: ChartPlan;
  #plot: uPlot;
  /** Size of the letters that it was made with, pixels. */
  #letters: number;
  readonly #place = element("div", { class: "plot" });
  readonly #values: readonly HTMLElement[];
  readonly #empty = element("p", { class: "empty" });
  #news: ChartNews | null = null;

  constructor(plan: ChartPlan, ...beside: readonly HTMLElement[]) {
    this.#plan = plan;
    const title = element("h3");
    showWord(title, plan.title);
    this.#values = plan.lines.map(() => element("b"));
    const legend = plan.lines.map(({ word, dots }, at) => {
      const name = element("span");
      showWord(name, word);
      const sign = element("i", { class: dots === true ? "dot" : `line l${at}`, "data-line": word });
      return element("span", { class: "of" }, sign, name, this.#values[at]);
    });
    showWord(this.#empty, "chartEmpty");
    this.element = element(
      "figure",
      { class: "chart", role: "group", "aria-label": plan.label },
      element("figcaption", {}, title, ...legend, ...beside),
      this.#place,
      this.#empty,
    );
    this.#letters = chartLetters(this.element);
    this.#plot = this.#made();
    new ResizeObserver(() => this.#resize()).observe(this.#place);
    this.clear();
  }

  /** Shows nothing. */
  clear(): void {
    this.#news = null;
    this.#place.hidden = true;
    this.#empty.hidden = false;
    for (const value of this.#values) setText(value, "");
  }

  /** Shows this. */
  show(news: ChartNews): void {
    this.#news = news;
    if (this.#place.hidden) {
      this.#place.hidden = false;
      this.#empty.hidden = true;
      this.#resize();
    }
    const { lines, times: [from, to], values: [least, most] } = news;
    const data = alignedData(news, this.#plan.lines);
    this.#plot.batch(() => {
      this.#plot.setData(data, false);
      this.#plot.setScale("x", { min: from, max: to });
      this.#plot.setScale("y", { min: least, max: most });
    });
    setAttributes(this.element, { "data-points": lines.reduce((sum, { times }) => sum + times.length, 0) });
    this.#tellValues();
  }

  /** The same once more, in other colours or another language. */
  refresh(): void {
    this.#plot.redraw(false, true);
    this.#tellValues();
  }

  #made(): uPlot {
    return new uPlot(this.#options(), [[], ...this.#plan.lines.map(() => [])], this.#place);
  }

  #resize(): void {
    const letters = chartLetters(this.element);
    if (letters !== this.#letters) {
      // uPlot takes the size of its letters once: the window has grown, and the page's letters with it.
      this.#letters = letters;
      this.#plot.destroy();
      this.#plot = this.#made();
      if (this.#news !== null) this.show(this.#news);
    }
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  /** Of the moment under the cursor, or else of the last one. */
  #tellValues(): void {
    const news = this.#news;
    if (news === null) return;
    const { left = -1 } = this.#plot.cursor;
    const time = left < 0 ? news.times[1] : this.#plot.posToVal(left, "x");
    news.lines.forEach((points, at) => {
      const value = points.at(time + news.begin);
      setText(this.#values[at], value === null ? "–" : this.#plan.value(value));
    });
  }

  #options(): uPlot.Options {
    const { lines, value, isLogarithmic = false, showsTimes, draw, zoom } = this.#plan;
    const letters = this.#letters;
    const axis = {
      stroke: colorOf("--soft"),
      ticks: { show: false },
      font: `${letters}px system-ui, sans-serif`,
    };
    const grid = { stroke: colorOf("--line"), width: 1 };
    return {
      width: 300,
      height: 100,
      legend: { show: false },
      // Half of the last time has to fit beside the last line.
      padding: [9, 2 * letters, showsTimes ? 0 : 4, 0],
      cursor: {
        sync: { key: CURSOR_KEY },
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        bind: {
          // uPlot's own would have its scales follow the data, which are ours.
          dblclick: () => () => {
            zoom(null);
            return null;
          },
        },
      },
      scales: {
        x: { time: false, auto: false },
        y: { auto: false, ...(isLogarithmic ? { distr: 3, log: 10 } : {}) },
      },
      axes: [
        {
          ...axis,
          grid,
          size: showsTimes ? 2.3 * letters : 0,
          space: 5.5 * letters,
          values: (_plot, splits, _axis, _space, step) =>
            splits.map((split) => showsTimes ? secondsText(split, step) : ""),
        },
        {
          ...axis,
          grid,
          size: AXIS_EMS * letters,
          gap: 4,
          space: 2.2 * letters,
          // Of a logarithmic axis the powers of ten alone: lines for all between would hide what is drawn.
          ...(isLogarithmic
            ? { splits: (_plot, _axis, least, most) => powersOfTen(least, most) }
            : { incrs: WHOLE_STEPS }),
          // There is room below zero, and nothing else.
          values: (_plot, splits, _axis, _space, step) =>
            splits.map((split) =>
              split === null || split < 0 ? "" : isLogarithmic ? value(split) : value(split, step)
            ),
        },
      ],
      series: [{}, ...lines.map(seriesOf)],
      hooks: {
        setCursor: [() => this.#tellValues()],
        setSelect: [(plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          zoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        ...(draw === undefined ? {} : { draw: [draw] }),
      },
    };
  }
}

function seriesOf({ word, color, dash, dots = false }: ChartLine): uPlot.Series {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    label: text(word),
    stroke: colorOf(color),
    width: 1.6,
    spanGaps: true,
    ...(dash === undefined ? {} : { dash: [...dash] }),
    ...(dots ? { paths: () => null, points: { show: true, size: 4, fill: colorOf(color) } } : {
      ...(stepped === undefined ? {} : { paths: stepped }),
      points: { show: isAlone, size: 5, fill: colorOf(color) },
    }),
  };
}

/** A line of one point would not be seen. */
function isAlone({ data }: uPlot, series: number): boolean {
  let count = 0;
  for (const value of data[series] ?? []) if (typeof value === "number" && ++count > 2) return false;
  return true;
}

/** A colour of the style sheet, as it is when it is drawn: the theme may change. */
export function colorOf(name: string): () => string {
  return () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** One column of times for all lines; a line that has no value at a time goes on as it was. */
function alignedData({ lines, begin, end }: ChartNews, plans: readonly ChartLine[]): uPlot.AlignedData {
  const tables = lines.map(({ times, values }, at): uPlot.AlignedData => {
    const columns: [number[], number[]] = [distinctTimes(times, begin), [...values]];
    const [x, y] = columns;
    // What held last holds still.
    const isLine = plans[at].dots !== true && x.length > 0;
    if (isLine && end - begin > x[x.length - 1]) {
      x.push(end - begin);
      y.push(y[y.length - 1]);
    }
    return columns;
  });
  // To join a table with itself costs as much as the rest of a turn.
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
}

/** uPlot wants each time once: of several at once each is a little later than the one before, less than a clock can tell. */
function distinctTimes(times: readonly number[], begin: number): number[] {
  let last = -Infinity;
  return times.map((time) => last = Math.max(time - begin, last + 1e-9));
}

function powersOfTen(least: number, most: number): number[] {
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const last = Math.floor(Math.log10(most) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => 10 ** (first + at));
}

/** No byte has halves. */
const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power))
  .flat();
