/**
 * The ladder as a picture: one SVG that stands alone, light or dark as its reader prefers, on a screen or on paper.
 *
 * Owns: how a ladder's lines are drawn. Must not know: what there is in a ladder (story/ladder.ts), files.
 *
 * No meaning hangs on a colour alone: what is sent again has a dashed shaft, what was lost ends half-way in a cross (or a
 * question mark), bulk data is a double line, a state that nothing proves has a dashed frame. The colours are of the
 * palette of Okabe and Ito, which people with any kind of colour blindness tell apart.
 */
import type { GapLine, Gutters, Ladder, LadderLine, RunLine, SegmentLine } from "../story/ladder.ts";
import type { StateStep } from "../story/state_path.ts";
import { END_NAMES, type EndName, otherEnd } from "../story/story_segment.ts";
import { svgText } from "./svg_text.ts";

/** How a picture is made. */
export interface LadderPicture {
  /** The end on the left; the client where it is not said. */
  readonly left?: EndName;
  /** Above the ladder. */
  readonly title?: string;
  /** Lines at the most; of more the first and the last ones are drawn. */
  readonly mostLines?: number;
}

/** Local choice: about 15,000 units high, a picture that viewers and browsers still open at once. */
const MOST_LINES = 400;

const WIDTH = 1000;
/** Left and right of texts. */
const MARGIN = 24;
/** The two lines of life. */
const [LEFT, RIGHT] = [268, 852] as const;
/** Right edges of the columns of times and numbers. */
const [TIME_X, NUMBER_X] = [84, 136] as const;
const STATE = { width: 112, height: 20, away: 12 } as const;
/** Heights: a line with its arrow, what marks need, a gap, a state more. */
const HEIGHT = { arrow: 34, marks: 17, gap: 34, state: 24 } as const;
/** Where the shaft lies below the top of its line, and how far a slanted one falls at the most. */
const SHAFT_Y = 24;
const MOST_SLANT = 26;
/** Units that a character of the usual size is wide. */
const CHAR_WIDTH = 7.3;
/** Characters of a label that have room between the lines of life, and on half the way. */
const LABEL_CHARS = Math.floor((RIGHT - LEFT - 40) / CHAR_WIDTH);
const HALF_CHARS = Math.floor(((RIGHT - LEFT) / 2 - 28) / CHAR_WIDTH);

const STYLE = `
  svg { --paper: #fff; --ink: #1f2328; --quiet: #57606a; --line: #8c959f; --fill: #f6f8fa;
    --there: #0072b2; --back: #007a5a; --trouble: #b44a00; --notice: #8a3d74; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #0d1117; --ink: #e6edf3; --quiet: #9ba5b0; --line: #6e7681; --fill: #161b22;
      --there: #56b4e9; --back: #2fc79a; --trouble: #f0a04b; --notice: #dd9ec7; }
  }
  .paper { fill: var(--paper); }
  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; }
  .end { font-weight: 600; text-anchor: middle; }
  .quiet, .details { fill: var(--quiet); }
  .right { text-anchor: end; }
  .middle { text-anchor: middle; }
  .flags { font-weight: 700; }
  .life { stroke: var(--line); stroke-width: 1.5; }
  .broken { stroke: var(--line); stroke-width: 1.5; stroke-dasharray: 2 5; }
  .there { --way: var(--there); }
  .back { --way: var(--back); }
  .lost { --way: var(--trouble); }
  .shaft { stroke: var(--way); stroke-width: 1.8; fill: none; }
  .again .shaft { stroke-dasharray: 8 4; }
  .run .shaft { stroke-width: 1.8; }
  .head { fill: var(--way); }
  .cross { stroke: var(--way); stroke-width: 2.6; fill: none; }
  .doubt { fill: var(--way); font-size: 16px; font-weight: 700; text-anchor: middle; }
  .trouble { fill: var(--trouble); font-weight: 600; }
  .notice { fill: var(--notice); }
  .state rect { fill: var(--fill); stroke: var(--line); stroke-width: 1.4; }
  .state.implied rect { stroke-dasharray: 5 3; }
  .state.unknown rect { stroke-dasharray: 1.5 3; }
  .state text { font-size: 11px; font-weight: 600; text-anchor: middle; }`;

/** A ladder as an SVG document. */
export function ladderSvg(ladder: Ladder, picture: LadderPicture = {}): string {
  return new LadderPainter(ladder, picture).paint();
}

class LadderPainter {
  readonly #ladder: Ladder;
  readonly #left: EndName;
  readonly #title: string;
  readonly #mostLines: number;
  readonly #parts: string[] = [];
  readonly #longestFlight: number;
  readonly #timeDigits: number;
  #y = 0;

  constructor(ladder: Ladder, { left = "client", title, mostLines = MOST_LINES }: LadderPicture) {
    this.#ladder = ladder;
    this.#left = left;
    const { ends } = ladder;
    this.#title = title ?? `${ends.client} to ${ends.server}`;
    this.#mostLines = Math.max(2, Math.floor(mostLines));
    const flights = ladder.lines.map((line) => line.kind === "segment" ? line.flightSeconds ?? 0 : 0);
    this.#longestFlight = flights.reduce((longest, flight) => Math.max(longest, flight), 0);
    this.#timeDigits = (ladder.lines.at(-1)?.at ?? 0) < 1000 ? 6 : 3;
  }

  paint(): string {
    this.#y = 24;
    this.#parts.push(`<text class="title" x="${MARGIN}" y="${this.#y}">${svgText(this.#title)}</text>`);
    this.#y += 30;
    for (const end of END_NAMES) {
      const text = `${end} ${this.#ladder.ends[end]}`;
      const half = text.length * CHAR_WIDTH / 2;
      const x = Math.round(Math.max(MARGIN + half, Math.min(WIDTH - MARGIN - half, this.#lifeOf(end))));
      this.#parts.push(`<text class="end" x="${x}" y="${this.#y}">${svgText(text)}</text>`);
    }
    this.#y += 8;
    this.#begin(this.#ladder.before);
    this.#lines();
    const bottom = this.#y;
    this.#legend();
    const height = this.#y + 16;
    const lives = [LEFT, RIGHT].map((x) => `<path class="life" d="M${x} 62V${bottom}"/>`);
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      `role="img" aria-label="Sequence diagram">`,
      `<style>${STYLE}\n</style>`,
      `<rect class="paper" width="100%" height="100%"/>`,
      ...lives,
      ...this.#parts,
      "</svg>",
      "",
    ].join("\n");
  }

  #begin(before: Gutters): void {
    if (this.#ladder.leftOut > 0) this.#note(`${this.#ladder.leftOut} lines before`);
    if (END_NAMES.every((end) => before[end] === null)) return;
    for (const end of END_NAMES) {
      const step = before[end];
      if (step !== null) this.#state(end, { step, y: this.#y });
    }
    this.#y += HEIGHT.state;
  }

  /** All lines, or the first and the last ones. */
  #lines(): void {
    const { lines } = this.#ladder;
    const tooMany = lines.length - this.#mostLines;
    const cutAt = tooMany <= 0 ? lines.length : Math.ceil(this.#mostLines / 2);
    for (const line of lines.slice(0, cutAt)) this.#draw(line);
    if (tooMany <= 0) return;
    const rest = lines.slice(cutAt + tooMany);
    const [from, to] = [lines[cutAt].at, lines[cutAt + tooMany - 1].at];
    this.#note(
      `${tooMany} lines left out here, from ${from.toFixed(3)} s to ${
        to.toFixed(3)
      } s: the picture would be too high`,
    );
    for (const end of END_NAMES) {
      const step = lines[cutAt + tooMany - 1].states[end];
      if (step !== null) this.#state(end, { step, y: this.#y });
    }
    this.#y += HEIGHT.state;
    for (const line of rest) this.#draw(line);
  }

  #draw(line: LadderLine): void {
    const top = this.#y;
    if (line.kind === "gap") return this.#gap(line);
    const time = line.at.toFixed(this.#timeDigits);
    const number = line.kind === "segment" ? `#${line.number}` : line.kind === "run" ? `#${line.first}` : "";
    const textY = top + SHAFT_Y - 4;
    this.#parts.push(
      `<text class="quiet right" x="${TIME_X}" y="${textY}">${time}</text>` +
        (number === "" ? "" : `<text class="quiet right" x="${NUMBER_X}" y="${textY}">${number}</text>`),
    );
    const height = line.kind === "segment" ? this.#segment(line) : line.kind === "run" ? this.#run(line) : 0;
    this.#y = Math.max(top + height, this.#entered(line, top));
  }

  /** The states that are entered with a line, one below the other; returns where they end. */
  #entered({ entered }: LadderLine, top: number): number {
    let bottom = top;
    for (const end of END_NAMES) {
      for (const [index, step] of entered[end].entries()) {
        const y = top + 6 + index * HEIGHT.state;
        this.#state(end, { step, y });
        bottom = Math.max(bottom, y + HEIGHT.state);
      }
    }
    return bottom;
  }

  #state(end: EndName, { step, y }: { step: StateStep; y: number }): void {
    const { state, grade, provenBy } = step;
    const x = end === this.#left ? LEFT - STATE.away - STATE.width : RIGHT + STATE.away;
    const why = grade === "proven"
      ? provenBy === null ? "proven" : `proven by #${provenBy}`
      : grade === "implied"
      ? "follows from what passed, and nothing proves it"
      : "guessed: the beginning was not seen";
    this.#parts.push(
      `<g class="state ${grade}"><title>${svgText(`${end}: ${state}, ${why}`)}</title>` +
        `<rect x="${x}" y="${y}" width="${STATE.width}" height="${STATE.height}" rx="10"/>` +
        `<text x="${x + STATE.width / 2}" y="${y + 14}">${svgText(state)}</text></g>`,
    );
  }

  #lifeOf(end: EndName): number {
    return end === this.#left ? LEFT : RIGHT;
  }

  #gap({ word }: GapLine): void {
    const top = this.#y;
    const bottom = top + HEIGHT.gap;
    for (const x of [LEFT, RIGHT]) {
      this.#parts.push(
        `<rect class="paper" x="${x - 2}" y="${top + 4}" width="4" height="${HEIGHT.gap - 8}"/>` +
          `<path class="broken" d="M${x} ${top + 4}V${bottom - 4}"/>`,
      );
    }
    const x = (LEFT + RIGHT) / 2;
    this.#parts.push(`<text class="quiet middle" x="${x}" y="${top + 21}">${svgText(word)}</text>`);
    this.#y = bottom;
  }

  /** Returns its height. */
  #run(line: RunLine): number {
    const top = this.#y;
    const y = top + SHAFT_Y;
    const words = [`${line.words[0]} to #${line.last}`, ...line.words.slice(1)].join(" · ");
    const x = (LEFT + RIGHT) / 2;
    const label = `<text class="middle" x="${x}" y="${y - 8}">${svgText(words)}</text>`;
    if (line.from === null) {
      this.#parts.push(
        `<g class="run"><path class="broken" d="M${LEFT + 8} ${y}H${RIGHT - 8}"/>${label}</g>`,
      );
      return HEIGHT.arrow + 4;
    }
    const isToRight = line.from === this.#left;
    const [start, end] = isToRight ? [LEFT, RIGHT] : [RIGHT, LEFT];
    const back = isToRight ? -9 : 9;
    this.#parts.push(
      `<g class="run ${isToRight ? "there" : "back"}">` +
        `<path class="shaft" d="M${start} ${y - 2}H${end + back}M${start} ${y + 2}H${end + back}"/>` +
        `${headAt({ x: end, y, isToRight, size: 7 })}${label}</g>`,
    );
    return HEIGHT.arrow + 4;
  }

  /** Returns its height. */
  #segment(line: SegmentLine): number {
    const top = this.#y;
    const { from, course, flags, words, details, marks, flightSeconds } = line;
    const isToRight = from === this.#left;
    const start = isToRight ? LEFT : RIGHT;
    const whole = course === "arrives";
    const end = whole ? (isToRight ? RIGHT : LEFT) : (LEFT + RIGHT) / 2;
    const y = top + SHAFT_Y;
    const slant = flightSeconds === null || this.#longestFlight <= 0
      ? 0
      : Math.round(MOST_SLANT * Math.max(0, flightSeconds) / this.#longestFlight);
    const endY = y + (whole ? slant : Math.round(slant / 2));
    const kinds = [whole ? (isToRight ? "there" : "back") : "lost", ...(line.isRepeat ? ["again"] : [])];
    const tip = whole
      ? headAt({ x: end, y: endY, isToRight, size: 6 })
      : course === "lost"
      ? `<path class="cross" d="M${end - 6} ${endY - 6}l12 12m0 -12l-12 12"/>`
      : `<text class="doubt" x="${end + (isToRight ? 9 : -9)}" y="${endY + 6}">?</text>`;
    const title = [
      `#${line.number} ${[flags, ...words, ...details].join("  ")}`,
      ...marks.map(({ text }) => text),
    ]
      .join("\n");
    this.#parts.push(
      `<g class="segment ${kinds.join(" ")}"><title>${svgText(title)}</title>` +
        `<path class="shaft" d="M${start} ${y}L${whole ? end + (isToRight ? -5 : 5) : end} ${endY}"/>${tip}` +
        `${this.#label(line, y)}${this.#marks(line, endY)}</g>`,
    );
    return HEIGHT.arrow + (endY - y) + (marks.length > 0 ? HEIGHT.marks : 0);
  }

  /** Above the shaft, at its sender's side: as much as has room there. */
  #label({ from, flags, words, details, course }: SegmentLine, y: number): string {
    const isToRight = from === this.#left;
    const [x, anchor] = isToRight ? [LEFT + 14, "start"] : [RIGHT - 14, "end"];
    let left = (course === "arrives" ? LABEL_CHARS : HALF_CHARS) - flags.length;
    const shown: string[] = [];
    for (const [index, word] of [...words, ...details].entries()) {
      left -= word.length + 2;
      if (left < 0) break;
      const kind = index < words.length ? "" : ' class="details"';
      shown.push(`<tspan${kind} dx="14">${svgText(word)}</tspan>`);
    }
    const mark = course === "arrives" ? "" : " trouble";
    return `<text x="${x}" y="${y - 6}" text-anchor="${anchor}"><tspan class="flags${mark}">${
      svgText(flags)
    }</tspan>` +
      `${shown.join("")}</text>`;
  }

  #marks({ from, marks }: SegmentLine, y: number): string {
    if (marks.length === 0) return "";
    const isToRight = from === this.#left;
    const [x, anchor] = isToRight ? [LEFT + 14, "start"] : [RIGHT - 14, "end"];
    const texts = marks.map(({ word, loudness }, index) => {
      const sign = loudness === "trouble" ? "! " : "";
      const away = index === 0 ? "" : ' dx="14"';
      return `<tspan class="${loudness}"${away}>${svgText(sign + word)}</tspan>`;
    });
    return `<text x="${x}" y="${y + 16}" text-anchor="${anchor}">${texts.join("")}</text>`;
  }

  #note(text: string): void {
    this.#parts.push(
      `<text class="notice middle" x="${(LEFT + RIGHT) / 2}" y="${this.#y + 20}">${svgText(text)}</text>`,
    );
    this.#y += HEIGHT.gap;
  }

  #legend(): void {
    this.#y += 34;
    const y = this.#y;
    const samples = [
      ["there", "", `from the ${this.#left}`],
      ["back", "", `from the ${otherEnd(this.#left)}`],
      ["there again", "", "sent again"],
      ["lost", "cross", "never arrived"],
      ["lost", "doubt", "probably never arrived"],
    ] as const;
    let x = MARGIN;
    for (const [kind, tip, text] of samples) {
      const end = tip === "cross"
        ? `<path class="cross" d="M${x + 28} ${y - 10}l12 12m0 -12l-12 12"/>`
        : tip === "doubt"
        ? `<text class="doubt" x="${x + 36}" y="${y + 2}">?</text>`
        : headAt({ x: x + 40, y: y - 4, isToRight: true, size: 6 });
      this.#parts.push(
        `<g class="segment ${kind}"><path class="shaft" d="M${x} ${y - 4}h${tip === "" ? 35 : 28}"/>${end}` +
          `<text class="quiet" x="${x + 50}" y="${y}">${text}</text></g>`,
      );
      x += 62 + Math.round(text.length * CHAR_WIDTH) + MARGIN;
    }
    this.#y += 22;
    const text = "state in a dashed frame: follows from what passed, nothing proves it; dotted: guessed";
    this.#parts.push(`<text class="quiet" x="${MARGIN}" y="${this.#y}">${text}</text>`);
  }
}

function headAt(
  { x, y, isToRight, size }: { x: number; y: number; isToRight: boolean; size: number },
): string {
  const back = isToRight ? -1.7 * size : 1.7 * size;
  return `<path class="head" d="M${x} ${y}l${back} ${-size}v${2 * size}z"/>`;
}
