/**
 * The ladder as text for a terminal: arrows between two lines of life, the states of both ends beside them.
 *
 * Owns: how a ladder's lines become lines of text, from 60 columns on. Must not know: what there is in a ladder
 * (story/ladder.ts), whether there is a terminal (width, colour and characters are arguments).
 *
 * Where the page is too narrow for gutters the states stand between the lines of life, on lines of their own. What has no
 * room in an arrow is left out from the right; marks are not, they follow on lines below.
 */
import type { Ladder, LadderLine, LadderMark, RunLine, SegmentLine } from "../story/ladder.ts";
import type { StateStep } from "../story/state_path.ts";
import { END_NAMES, type EndName, otherEnd } from "../story/story_segment.ts";
import { flagNames } from "../wire/tcp.ts";
import { flagsPaint } from "./segment_text.ts";
import { type Paint, type Palette, paletteFor, printable } from "./text_layout.ts";
import { statePaint } from "./text_page.ts";

/** How a ladder is set. */
export interface LadderPage {
  /** Columns; below 60 lines may be longer than asked. */
  readonly width: number;
  readonly color: boolean;
  /** Whether lines and arrows may be drawn with characters beyond ASCII. */
  readonly isUtf8: boolean;
  /** The end on the left; the client where it is not said. */
  readonly left?: EndName;
}

/** Parts of a ladder's text, so that a view that scrolls can keep the head in place. */
export interface LadderText {
  /** The ends, and their states before the first line. */
  readonly head: readonly string[];
  /** One or more lines of text for each line of the ladder. */
  readonly body: readonly string[];
  /** How many of these each line of the ladder takes. */
  readonly heights: readonly number[];
  /** What the signs mean that occur. */
  readonly legend: readonly string[];
}

/** Characters to draw with, each one column wide. */
interface Strokes {
  readonly life: string;
  readonly broken: string;
  readonly shaft: string;
  readonly thick: string;
  readonly right: string;
  readonly left: string;
  readonly lost: string;
}

const UTF8: Strokes = { life: "│", broken: "┆", shaft: "─", thick: "═", right: "►", left: "◄", lost: "✗" };
const ASCII: Strokes = { life: "|", broken: ":", shaft: "-", thick: "=", right: ">", left: "<", lost: "x" };

/** `ESTABLISHED` and a sign of its grade. */
const STATE_CHARS = 12;
/** Local choice: a page with less than this between its lines of life has no room for gutters. */
const LEAST_INNER_CHARS = 34;
/** Local choice: from this width on times have microseconds. */
const ROOMY_WIDTH = 100;
const LEAST_WIDTH = 60;
/** Shaft before a label, and at least behind it. */
const LEAD_CHARS = 2;
/** What of an arrow is not label: shaft and space on both sides, and the head. */
const SHAFT_CHARS = 2 * LEAD_CHARS + 3;

/** A stretch of one colour. */
interface Piece {
  readonly text: string;
  readonly paint?: Paint | undefined;
}

/** Head, body and legend of a ladder, each line without its end, no control characters unless coloured. */
export function ladderText(ladder: Ladder, page: LadderPage): LadderText {
  return new LadderWriter(ladder, page).write();
}

class LadderWriter {
  readonly #ladder: Ladder;
  readonly #left: EndName;
  readonly #strokes: Strokes;
  readonly #palette: Palette;
  readonly #timeDigits: number;
  readonly #timeChars: number;
  readonly #numberChars: number;
  readonly #gutter: number;
  readonly #inner: number;
  readonly #width: number;

  constructor(ladder: Ladder, page: LadderPage) {
    this.#ladder = ladder;
    this.#left = page.left ?? "client";
    this.#strokes = page.isUtf8 ? UTF8 : ASCII;
    this.#palette = paletteFor(page.color);
    this.#width = Math.max(LEAST_WIDTH, page.width);
    this.#timeDigits = this.#width >= ROOMY_WIDTH ? 6 : 3;
    const latest = ladder.lines.at(-1)?.at ?? 0;
    this.#timeChars = Math.max(0, latest).toFixed(this.#timeDigits).length;
    this.#numberChars = Math.max(3, ...ladder.lines.map((line) => numberText(line).length));
    const beside = this.#timeChars + this.#numberChars + 2;
    const withGutters = this.#width - beside - 2 * (STATE_CHARS + 1) - 2;
    this.#gutter = withGutters >= LEAST_INNER_CHARS ? STATE_CHARS + 1 : 0;
    this.#inner = this.#gutter > 0 ? withGutters : this.#width - beside - 2;
  }

  write(): LadderText {
    const { lines, before, leftOut } = this.#ladder;
    const head = this.#ends();
    if (leftOut > 0) {
      const text = leftOut === 1 ? "1 line before" : `${leftOut} lines before`;
      head.push(this.#line({ inner: this.#centred(text, " "), isBroken: true }));
    }
    if (END_NAMES.some((end) => before[end] !== null)) {
      head.push(this.#line({ left: before[this.#left], right: before[otherEnd(this.#left)] }));
    }
    const drawn = lines.map((line) => this.#linesOf(line));
    return { head, body: drawn.flat(), heights: drawn.map(({ length }) => length), legend: this.#legend() };
  }

  #ends(): string[] {
    const { ends } = this.#ladder;
    const right = otherEnd(this.#left);
    const texts = [`${this.#left} ${printable(ends[this.#left])}`, `${right} ${printable(ends[right])}`];
    const indent = Math.max(0, this.#width - this.#inner - 2 - 2 * this.#gutter);
    const room = this.#width - indent - texts[0].length - texts[1].length;
    const { strong } = this.#palette;
    const [left, other] = [strong(texts[0]), strong(texts[1])];
    if (room >= 2) return [" ".repeat(indent) + left + " ".repeat(room) + other];
    return [left, " ".repeat(Math.max(0, this.#width - texts[1].length)) + other];
  }

  #linesOf(line: LadderLine): string[] {
    const columns = END_NAMES.map((end) => line.entered[end].length);
    // Without gutters every state needs a line of its own; with them only those after the first.
    const isBeside = this.#gutter > 0 && line.kind !== "state";
    const texts = this.#drawn(line, isBeside ? this.#entered(line, 0) : {});
    for (let i = isBeside ? 1 : 0; i < Math.max(...columns); i++) {
      texts.push(this.#line({ ...(line.kind === "state" ? { line } : {}), ...this.#entered(line, i) }));
    }
    return texts;
  }

  #entered({ entered }: LadderLine, index: number): { left?: StateStep; right?: StateStep } {
    const left = entered[this.#left].at(index);
    const right = entered[otherEnd(this.#left)].at(index);
    return { ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) };
  }

  #drawn(line: LadderLine, states: { left?: StateStep; right?: StateStep }): string[] {
    const { quiet } = this.#palette;
    switch (line.kind) {
      case "gap":
        return [this.#line({ inner: this.#centred(line.word, " ", quiet), isBroken: true })];
      case "state":
        return [];
      case "run":
        return [this.#line({ line, inner: this.#run(line), ...states })];
      case "segment": {
        const { inner, below } = this.#segment(line);
        return [
          this.#line({ line, inner, ...states }),
          ...below.map((pieces) => this.#line({ inner: this.#beside(line, pieces) })),
        ];
      }
    }
  }

  /** A line: time, number, gutter, life, what is between, life, gutter. */
  #line(
    { line, inner, left = null, right = null, isBroken = false }: {
      line?: LadderLine;
      inner?: readonly Piece[];
      left?: StateStep | null;
      right?: StateStep | null;
      isBroken?: boolean;
    },
  ): string {
    const { quiet } = this.#palette;
    const time = line === undefined ? "" : line.at.toFixed(this.#timeDigits);
    const number = line === undefined ? "" : numberText(line);
    const life: Piece = { text: isBroken ? this.#strokes.broken : this.#strokes.life, paint: quiet };
    const between = inner ??
      (this.#gutter > 0 ? this.#blank(this.#inner) : this.#statesBetween({ left, right }));
    return joined([
      { text: time.padStart(this.#timeChars), paint: time === "" ? undefined : quiet },
      { text: ` ${number.padEnd(this.#numberChars)} `, paint: number === "" ? undefined : quiet },
      ...(this.#gutter > 0 ? this.#gutterPieces(left) : []),
      life,
      ...between,
      life,
      ...(this.#gutter > 0 && right !== null
        ? [{ text: ` ${stateText(right)}`, paint: statePaint(right.state, this.#palette) }]
        : []),
    ]);
  }

  #gutterPieces(step: StateStep | null): Piece[] {
    if (step === null) return this.#blank(this.#gutter);
    return [
      { text: stateText(step), paint: statePaint(step.state, this.#palette) },
      ...this.#blank(this.#gutter - stateText(step).length),
    ];
  }

  #statesBetween({ left, right }: { left: StateStep | null; right: StateStep | null }): Piece[] {
    const [one, other] = [left, right].map((step) => step === null ? "" : stateText(step));
    const paint = (step: StateStep | null) =>
      step === null ? undefined : statePaint(step.state, this.#palette);
    return [
      { text: ` ${one}`, paint: paint(left) },
      ...this.#blank(this.#inner - one.length - other.length - 2),
      { text: `${other} `, paint: paint(right) },
    ];
  }

  #blank(chars: number): Piece[] {
    return [{ text: " ".repeat(Math.max(0, chars)) }];
  }

  #centred(text: string, fill: string, paint?: Paint): Piece[] {
    const shown = cutTo(text, this.#inner);
    const before = Math.floor((this.#inner - shown.length) / 2);
    return [
      { text: fill.repeat(before) },
      { text: shown, paint },
      { text: fill.repeat(this.#inner - shown.length - before) },
    ];
  }

  #run(line: RunLine): Piece[] {
    const words = [`${line.words[0]} to #${line.last}`, ...line.words.slice(1)];
    const label: Piece[] = [{ text: fitting(words, this.#inner - SHAFT_CHARS).join("  ") }];
    if (line.from === null) return this.#centred(label[0].text, " ", this.#palette.quiet);
    const shaft = { stroke: this.#strokes.thick, paint: this.#arrowPaint(line.from) };
    return this.#arrow({ from: line.from, label, shaft, reach: this.#inner });
  }

  /** The arrow of a segment, and below it what has no room there. */
  #segment(line: SegmentLine): { inner: Piece[]; below: readonly Piece[][] } {
    const { from, flags, words, details, marks, course, row } = line;
    const isWhole = course === "arrives";
    const room = this.#inner - SHAFT_CHARS;
    const shown = fitting([flags, ...words], room);
    const isComplete = shown.length === words.length + 1;
    const chars = shown.join("  ").length;
    const markPieces = marks.map((mark) => this.#markPiece(mark));
    const markChars = textOf(markPieces).length;
    const isInline = isComplete && chars + markChars <= room;
    // What is lost ends half-way, also where there is room for more.
    const reach = isWhole ? this.#inner : Math.ceil(this.#inner / 2);
    const rest = isInline ? restFitting(details, reach - SHAFT_CHARS - chars - markChars) : [];
    const paint = isWhole
      ? flagsPaint(flagNames(row.segment.flags), row.segment.length, this.#palette)
      : this.#palette.bad;
    const label: Piece[] = [
      { text: shown[0], paint },
      ...shown.slice(1).map((word) => ({ text: `  ${word}` })),
      ...(isInline ? markPieces : []),
      ...rest.map((word) => ({ text: `  ${word}`, paint: this.#palette.quiet })),
    ];
    const shaft = {
      stroke: this.#strokes.shaft,
      paint: isWhole ? this.#arrowPaint(from) : this.#palette.bad,
      ...(isWhole ? {} : { head: course === "lost" ? this.#strokes.lost : "?" }),
    };
    const left = words.slice(shown.length - 1).map((word) => ({ text: `  ${word}` }));
    const below = isInline ? [] : this.#packed([...left, ...markPieces]);
    return { inner: this.#arrow({ from, label, shaft, reach }), below };
  }

  #markPiece(mark: LadderMark): Piece {
    const { bad, notice, quiet } = this.#palette;
    const paint = { trouble: bad, notice, quiet }[mark.loudness];
    return { text: `  ${markText(mark)}`, paint };
  }

  /** Pieces on lines, as many a line as have room. */
  #packed(pieces: readonly Piece[]): Piece[][] {
    const lines: Piece[][] = [];
    let chars = Infinity;
    for (const piece of pieces) {
      if (chars + piece.text.length > this.#inner - LEAD_CHARS) {
        lines.push([]);
        chars = 0;
      }
      lines.at(-1)?.push(piece);
      chars += piece.text.length;
    }
    return lines;
  }

  /** What stands below an arrow, at the side where its label begins. */
  #beside({ course, from }: SegmentLine, pieces: readonly Piece[]): Piece[] {
    const chars = textOf(pieces).length;
    const isAtRight = course !== "arrives" && from !== this.#left;
    const lead = isAtRight ? Math.max(0, this.#inner - chars - LEAD_CHARS) : LEAD_CHARS - 1;
    return [...this.#blank(lead), ...pieces, ...this.#blank(this.#inner - chars - lead)];
  }

  #arrowPaint(from: EndName): Paint {
    return from === this.#left ? this.#palette.received : this.#palette.sent;
  }

  /** An arrow across `reach` of the page, or as far as its label needs, with the label in its shaft. */
  #arrow(
    { from, label, shaft, reach }: {
      from: EndName;
      label: readonly Piece[];
      shaft: { stroke: string; paint: Paint; head?: string };
      reach: number;
    },
  ): Piece[] {
    const { stroke, paint } = shaft;
    const chars = textOf(label).length;
    const needed = SHAFT_CHARS + chars - 1;
    const length = Math.min(this.#inner, Math.max(reach, needed));
    const isToRight = from === this.#left;
    const head = shaft.head ?? (isToRight ? this.#strokes.right : this.#strokes.left);
    const after = Math.max(0, length - LEAD_CHARS - 2 - chars - (isToRight ? 1 : 0));
    const before = isToRight ? stroke.repeat(LEAD_CHARS) : head + stroke.repeat(LEAD_CHARS - 1);
    const arrow: Piece[] = [
      { text: before, paint },
      { text: " " },
      ...label,
      { text: " " },
      { text: stroke.repeat(after) + (isToRight ? head : ""), paint },
    ];
    const blank = this.#blank(this.#inner - textOf(arrow).length);
    return isToRight ? [...arrow, ...blank] : [...blank, ...arrow];
  }

  #legend(): string[] {
    const { lines, before } = this.#ladder;
    const grades = new Set(
      END_NAMES.flatMap((end) => [before[end], ...lines.map(({ states }) => states[end])])
        .map((step) => step?.grade),
    );
    const isDoubtful = lines.some((line) => line.kind === "segment" && line.course === "probably-lost");
    const isLost = lines.some((line) => line.kind === "segment" && line.course === "lost");
    const notes = [
      ...(grades.has("implied") ? ["STATE? follows from what passed, and nothing proves it"] : []),
      ...(grades.has("unknown") ? ["STATE* guessed: the beginning was not seen"] : []),
      ...(isLost ? [`${this.#strokes.lost} never arrived`] : []),
      ...(isDoubtful ? ["? probably never arrived"] : []),
    ];
    return notes.map((note) => this.#palette.quiet(note));
  }
}

function numberText(line: LadderLine): string {
  if (line.kind === "segment") return `#${line.number}`;
  return line.kind === "run" ? `#${line.first}` : "";
}

function stateText({ state, grade }: StateStep): string {
  return grade === "proven" ? state : grade === "implied" ? `${state}?` : `${state}*`;
}

/** A sign besides the colour: what went wrong begins with `!`. */
function markText({ word, loudness }: LadderMark): string {
  return loudness === "trouble" ? `! ${word}` : word;
}

/** The first words that have room, at least one, which is cut if it must be. */
function fitting(words: readonly string[], room: number): string[] {
  const shown = [cutTo(words[0], room)];
  return [...shown, ...restFitting(words.slice(1), room - shown[0].length)];
}

/** The first words that have room, each with two spaces before it. */
function restFitting(words: readonly string[], room: number): string[] {
  const shown: string[] = [];
  let left = room;
  for (const word of words) {
    left -= word.length + 2;
    if (left < 0) break;
    shown.push(word);
  }
  return shown;
}

function cutTo(text: string, chars: number): string {
  return text.length <= chars ? text : text.slice(0, Math.max(0, chars));
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join("");
}

function joined(pieces: readonly Piece[]): string {
  return pieces.map(({ text, paint }) => paint === undefined || text === "" ? text : paint(text)).join("");
}
