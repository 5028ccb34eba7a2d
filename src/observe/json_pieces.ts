/**
 * Parts of the lines of `--log json` that come again: names, times, windows, options; and numbers.
 *
 * Owns: how each becomes bytes, and when those of the last one serve again. Must not know: what stands where on a line
 * (json_lines.ts). What does not look as a host's own events do is refused, and goes the slow way.
 */
import type { SegmentOptions } from "../tcp/events.ts";
import { MAX_SACK_BLOCKS } from "../wire/tcp_options.ts";
import { stringToJson } from "./event_json.ts";
import { emptyPiece, LineBytes, Piece, pieceOf, SLACK_BYTES } from "./line_bytes.ts";

/** Texts longer than this go the slow way; local choice: names of connections have 93 characters at most. */
export const TEXT_CHARS = 100;

const KEY = {
  window: pieceOf(',"window":'),
  windowBytes: pieceOf(',"windowBytes":'),
  options: pieceOf(',"options":{'),
  mss: pieceOf('"mss":'),
  windowScale: pieceOf('"windowScale":'),
  sackPermitted: pieceOf('"sackPermitted":true'),
  sack: pieceOf('"sack":['),
  timestamps: pieceOf('"timestamps":{"value":'),
  echo: pieceOf(',"echo":'),
} as const;

const COMMA = 0x2c;
const BRACKET = { OPEN: 0x5b, CLOSE: 0x5d, BRACE_CLOSE: 0x7d } as const;

/** Whether the fast way takes the text. */
export function isShort(text: string): boolean {
  return text.length <= TEXT_CHARS;
}

/** How many connections are remembered with their numbers, a power of two; local choice: who is busy at one moment. */
const NUMBERED = 256;
/** What stands around a name and a number. */
const AROUND = { connection: ',"connection":"', id: '","id":', segment: ',"segment":' } as const;
/** Of 2^53 - 1. */
const MOST_DIGITS = 16;
/** For one of them: what stands around it, the name, a number of sixteen digits. */
const NUMBERED_BYTES = Object.values(AROUND).join("").length + TEXT_CHARS + MOST_DIGITS + SLACK_BYTES;

/** A connection and its number, as they stand on the line. */
interface NumberedConnection {
  readonly connection: string;
  readonly id: number;
  readonly piece: Piece;
  /** The same with the key that follows in the line of a segment. */
  readonly beforeSegment: Piece;
}

/**
 * Names of connections with their numbers, at the place that the number's last bits say. The bytes are put together in
 * place: a server that has many short connections makes new ones all the time, and to encode a string costs ten times that.
 */
export class NumberedConnections {
  readonly #places: (NumberedConnection | null)[] = new Array(NUMBERED).fill(null);
  readonly #bytes = new Uint8Array(NUMBERED * NUMBERED_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #line = new LineBytes(this.#bytes);

  /** Valid until the next call. */
  of(connection: string, id: number): NumberedConnection {
    const place = id & (NUMBERED - 1);
    const known = this.#places[place];
    if (known !== null && known.id === id && known.connection === connection) return known;
    return this.#places[place] = this.#write(connection, id, place * NUMBERED_BYTES) ??
      encoded(connection, id);
  }

  #write(connection: string, id: number, offset: number): NumberedConnection | null {
    const line = this.#line;
    line.at = offset;
    line.ascii(AROUND.connection);
    if (!line.plain(connection)) return null;
    line.ascii(AROUND.id);
    line.uint(id);
    const piece = new Piece(this.#view, offset, line.at - offset);
    line.ascii(AROUND.segment);
    return { connection, id, piece, beforeSegment: new Piece(this.#view, offset, line.at - offset) };
  }
}

/** A name that is no host's. */
function encoded(connection: string, id: number): NumberedConnection {
  const text = `,"connection":${stringToJson(connection)},"id":${id}`;
  return { connection, id, piece: pieceOf(text), beforeSegment: pieceOf(text + AROUND.segment) };
}

/** Both windows of a segment. Those of many in a row are mostly the same, and are kept from the second one on. */
export class RepeatedWindows {
  #window = -1;
  #windowBytes = -1;
  readonly #piece = emptyPiece(64);
  #isKept = false;

  write(line: LineBytes, window: number, windowBytes: number | undefined): boolean {
    if (windowBytes === undefined) return number(line, KEY.window, window);
    const isSame = window === this.#window && windowBytes === this.#windowBytes;
    if (isSame && this.#isKept) {
      line.piece(this.#piece);
      return true;
    }
    const start = line.at;
    if (!number(line, KEY.window, window) || !number(line, KEY.windowBytes, windowBytes)) return false;
    this.#isKept = isSame;
    if (isSame) line.keep(this.#piece, start);
    this.#window = window;
    this.#windowBytes = windowBytes;
    return true;
  }
}

/** The options of a segment. The host makes one object for all those of a row that have the same. */
export class OptionsBytes {
  #last: SegmentOptions | null = null;
  readonly #piece = emptyPiece(OPTIONS_BYTES);
  #isKept = false;

  write(line: LineBytes, given: SegmentOptions): boolean {
    const isSame = given === this.#last;
    if (isSame && this.#isKept) {
      line.piece(this.#piece);
      return true;
    }
    const start = line.at;
    if (!options(line, given)) return false;
    this.#isKept = isSame && line.at - start <= OPTIONS_BYTES;
    if (this.#isKept) line.keep(this.#piece, start);
    this.#last = given;
    return true;
  }
}

/** More than the options of a segment can take in JSON. */
const OPTIONS_BYTES = 512;

/** The time of the last event: what one frame leads to has the same, and so has all that leaves together. */
export class TimeBytes {
  #time = NaN;
  #second = -1;
  readonly #piece = emptyPiece(32);
  /** Up to the decimal point. */
  readonly #secondPiece = emptyPiece(16);

  /** False for a time that no clock tells. */
  write(line: LineBytes, time: number): boolean {
    if (time === this.#time) {
      line.piece(this.#piece);
      return true;
    }
    const us = Math.round(time * 1e6);
    const second = Math.floor(us / 1e6);
    if (!isUint32(second)) return false;
    const start = line.at;
    if (second === this.#second) {
      line.piece(this.#secondPiece);
    } else {
      line.uint32(second);
      line.keep(this.#secondPiece, start);
      this.#second = second;
    }
    line.fraction(us - second * 1e6, 6);
    line.keep(this.#piece, start);
    this.#time = time;
    return true;
  }
}

/** A duration; those of the host are whole microseconds. */
export function milliseconds(line: LineBytes, ms: number): void {
  const us = Math.round(ms * 1000);
  const whole = Math.floor(us / 1000);
  if (us / 1000 !== ms || !isUint32(whole)) {
    line.ascii(String(ms));
    return;
  }
  line.uint32(whole);
  line.fraction(us - whole * 1000, 3);
}

/** Whether {@link LineBytes.uint32} can write it. */
function isUint32(value: number): boolean {
  return value >>> 0 === value;
}

/** Whether {@link LineBytes.uint} can write it. */
export function isUint(value: number): boolean {
  return isUint32(value) || (Number.isSafeInteger(value) && value >= 0);
}

/** A key and a number; false where it is none that can be written. */
export function number(line: LineBytes, key: Piece, value: number): boolean {
  if (!isUint(value)) return false;
  line.piece(key);
  line.uint(value);
  return true;
}

/** In the order in which the object has them, as `JSON.stringify` does. */
function options(line: LineBytes, options: SegmentOptions): boolean {
  line.piece(KEY.options);
  let isFirst = true;
  for (const name in options) {
    if (!isFirst) line.byte(COMMA);
    isFirst = false;
    if (!option(line, options, name)) return false;
  }
  line.byte(BRACKET.BRACE_CLOSE);
  return true;
}

function option(line: LineBytes, options: SegmentOptions, name: string): boolean {
  switch (name) {
    case "timestamps": {
      const { timestamps } = options;
      if (timestamps === undefined || !number(line, KEY.timestamps, timestamps.value)) return false;
      if (!number(line, KEY.echo, timestamps.echo)) return false;
      line.byte(BRACKET.BRACE_CLOSE);
      return true;
    }
    case "mss":
      return options.mss !== undefined && number(line, KEY.mss, options.mss);
    case "windowScale":
      return options.windowScale !== undefined && number(line, KEY.windowScale, options.windowScale);
    case "sackPermitted":
      line.piece(KEY.sackPermitted);
      return options.sackPermitted === true;
    case "sack":
      return options.sack !== undefined && sackBlocks(line, options.sack);
    default:
      return false;
  }
}

function sackBlocks(line: LineBytes, blocks: readonly (readonly [number, number])[]): boolean {
  if (blocks.length > MAX_SACK_BLOCKS) return false;
  line.piece(KEY.sack);
  for (let i = 0; i < blocks.length; i++) {
    const [left, right] = blocks[i];
    if (!isUint32(left) || !isUint32(right)) return false;
    if (i > 0) line.byte(COMMA);
    line.byte(BRACKET.OPEN);
    line.uint32(left);
    line.byte(COMMA);
    line.uint32(right);
    line.byte(BRACKET.CLOSE);
  }
  line.byte(BRACKET.CLOSE);
  return true;
}
