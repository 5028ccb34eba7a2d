/**
 * JsonLines: the lines of `--log json`, written as bytes into the buffer that they leave from.
 *
 * Owns: how the frequent events become bytes. Must not know: where lines go; what the fields are is event_json.ts's
 * business, and each line here is the same, byte for byte, as that of `eventToJson`.
 *
 * Measured: `JSON.stringify` takes 0.5 to 1 us a segment (numbers from 2^31 on and the time are doubles, which print
 * slowly), and its string has still to be encoded; this takes 0.2 us. What is rare, and whatever does not look as
 * expected, goes the slow way.
 */
import type {
  ClosedEvent,
  DataEvent,
  EventBase,
  Observer,
  OfConnection,
  SegmentEvent,
  SegmentOptions,
  TcpEvent,
  TransitionEvent,
} from "../tcp/events.ts";
import { type FlagName, flagNames } from "../wire/tcp.ts";
import { MAX_SACK_BLOCKS } from "../wire/tcp_options.ts";
import { isNeverLost } from "./event_filter.ts";
import { eventToJson, stringToJson } from "./event_json.ts";
import { emptyPiece, LineBytes, Piece, PieceCache, pieceOf, SLACK_BYTES } from "./line_bytes.ts";
import type { LineWriter } from "./log_writer.ts";

/** Texts longer than this go the slow way; local choice: names of connections have 93 characters at most. */
const TEXT_CHARS = 100;
/** As long as the path of a connection can be in the fast way; local choice. */
const PATH_STATES = 16;
/** No line of the fast way is longer: three texts, each character of which may take six bytes, and the rest. */
const LINE_BYTES = 3 * 6 * TEXT_CHARS + 1024;

/**
 * Memory for the pieces of one field. Local choice: all rules fit, or the names of some 600 connections; more of them
 * are looked up more slowly than made anew.
 */
const CACHE_BYTES = 0x8000;

const KEY = {
  segment: pieceOf(',"segment":'),
  ack: pieceOf(',"ack":'),
  relSeq: pieceOf(',"relSeq":'),
  relAck: pieceOf(',"relAck":'),
  window: pieceOf(',"window":'),
  windowBytes: pieceOf(',"windowBytes":'),
  length: pieceOf(',"length":'),
  recvLength: pieceOf(',"direction":"recv","length":'),
  sendLength: pieceOf(',"direction":"send","length":'),
  options: pieceOf(',"options":{'),
  mss: pieceOf('"mss":'),
  windowScale: pieceOf('"windowScale":'),
  sackPermitted: pieceOf('"sackPermitted":true'),
  sack: pieceOf('"sack":['),
  timestamps: pieceOf('"timestamps":{"value":'),
  echo: pieceOf(',"echo":'),
  cut: pieceOf(',"cut":'),
  bytesIn: pieceOf(',"bytesIn":'),
  bytesOut: pieceOf(',"bytesOut":'),
  durationMs: pieceOf(',"durationMs":'),
  null: pieceOf("null"),
} as const;

const COMMA = 0x2c;
const BRACKET = { OPEN: 0x5b, CLOSE: 0x5d, BRACE_CLOSE: 0x7d } as const;

/** Writes events to a {@link LineWriter}, a line each. */
export class JsonLines {
  /** Takes events; does not throw. */
  readonly observe: Observer;
  readonly #tails = new TransitionTails();
  readonly #received = new SegmentPieces("recv");
  readonly #sent = new SegmentPieces("send");
  readonly #connections = fieldCache("connection");
  readonly #numbered = new NumberedConnections();
  readonly #reasons = fieldCache("reason");
  #lastStates: readonly string[] = [];
  #statesPiece: Piece | null = null;
  readonly #time = new TimeBytes();

  constructor(writer: LineWriter) {
    this.observe = (event) => {
      const line = writer.begin(LINE_BYTES);
      if (line === null) {
        if (isNeverLost(event)) writer.keep(eventToJson(event));
        else writer.lose();
        return;
      }
      const start = line.at;
      if (this.#write(line, event)) {
        writer.end();
      } else {
        line.at = start;
        if (isNeverLost(event)) writer.keep(eventToJson(event));
        else writer.line(eventToJson(event));
      }
    };
  }

  /** Whether the event could be written the fast way; else the line holds a part of it. */
  #write(line: LineBytes, event: TcpEvent): boolean {
    switch (event.event) {
      case "segment":
        return this.#segment(line, event);
      case "data":
        return this.#data(line, event);
      case "transition":
        return this.#transition(line, event);
      case "closed":
        return this.#closed(line, event);
      default:
        return false;
    }
  }

  #segment(line: LineBytes, event: SegmentEvent): boolean {
    const pieces = event.direction === "recv" ? this.#received : this.#sent;
    const flags = pieces.flags(event.flags);
    if (flags === undefined || event.count !== undefined || !isShort(event.rule) || !isUint32(event.seq)) {
      return false;
    }
    if (event.rules !== undefined) return false;
    if (!this.#segmentNumbers(line, event)) return false;
    line.piece(flags);
    line.uint32(event.seq);
    return number(line, KEY.ack, event.ack) &&
      number(line, KEY.relSeq, event.relSeq) && number(line, KEY.relAck, event.relAck) &&
      pieces.windows(line, event) && number(line, KEY.length, event.length) &&
      pieces.options(line, event.options) && this.#segmentEnd(line, pieces, event);
  }

  /** Kind, time, connection, and the two numbers. */
  #segmentNumbers(line: LineBytes, event: SegmentEvent): boolean {
    const { connection, id, segment } = event;
    if (id === undefined || segment === undefined) {
      return this.#head(line, HEAD.segment, event) &&
        (segment === undefined || number(line, KEY.segment, segment));
    }
    if (!isShort(connection) || !isUint32(id) || !isUint32(segment)) return false;
    line.piece(HEAD.segment);
    if (!this.#time.write(line, event.time)) return false;
    line.piece(this.#numbered.of(connection, id).beforeSegment);
    line.uint32(segment);
    return true;
  }

  #segmentEnd(line: LineBytes, pieces: SegmentPieces, event: SegmentEvent): boolean {
    line.piece(pieces.states.of(event.state));
    line.piece(pieces.rules.of(event.rule));
    if (event.cut !== undefined && !number(line, KEY.cut, event.cut)) return false;
    line.byte(BRACKET.BRACE_CLOSE);
    return true;
  }

  #data(line: LineBytes, event: DataEvent): boolean {
    if (event.payload !== undefined) return false;
    if (!this.#head(line, HEAD.data, event)) return false;
    if (!number(line, event.direction === "recv" ? KEY.recvLength : KEY.sendLength, event.length)) {
      return false;
    }
    line.byte(BRACKET.BRACE_CLOSE);
    return true;
  }

  #transition(line: LineBytes, event: TransitionEvent): boolean {
    const tail = this.#tails.of(event);
    if (tail === null || !this.#head(line, HEAD.transition, event)) return false;
    if (event.segment !== undefined && !number(line, KEY.segment, event.segment)) return false;
    line.piece(tail);
    return true;
  }

  #closed(line: LineBytes, event: ClosedEvent): boolean {
    const { states, durationMs } = event;
    if (states.length > PATH_STATES || !Number.isFinite(durationMs)) return false;
    if (!this.#head(line, HEAD.closed, event)) return false;
    line.piece(this.#reasons.of(event.reason));
    if (!number(line, KEY.bytesIn, event.bytesIn) || !number(line, KEY.bytesOut, event.bytesOut)) {
      return false;
    }
    line.piece(KEY.durationMs);
    milliseconds(line, durationMs);
    line.piece(this.#states(states));
    line.byte(BRACKET.BRACE_CLOSE);
    return true;
  }

  /** Kind, time, connection and its number. */
  #head(line: LineBytes, head: Piece, event: EventBase & OfConnection): boolean {
    const { connection, id } = event;
    line.piece(head);
    if (!isShort(connection) || !this.#time.write(line, event.time)) return false;
    if (id !== undefined && !isUint32(id)) return false;
    line.piece(id === undefined ? this.#connections.of(connection) : this.#numbered.of(connection, id).piece);
    return true;
  }

  /** The same path comes as the same array. */
  #states(states: readonly string[]): Piece {
    if (states !== this.#lastStates || this.#statesPiece === null) {
      this.#lastStates = states;
      this.#statesPiece = pieceOf(`,"states":[${states.map(stringToJson).join(",")}]`);
    }
    return this.#statesPiece;
  }
}

/** How many connections are remembered with their numbers, a power of two; local choice: who is busy at one moment. */
const NUMBERED = 256;
/** What stands around a name and a number. */
const AROUND = { connection: ',"connection":"', id: '","id":', segment: ',"segment":' } as const;
/** For one of them: what stands around it, the name, a number of ten digits. */
const NUMBERED_BYTES = Object.values(AROUND).join("").length + TEXT_CHARS + 10 + SLACK_BYTES;

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
class NumberedConnections {
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
    line.uint32(id);
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

/** What segments of one direction say by the same few pieces. */
class SegmentPieces {
  readonly states = fieldCache("state");
  readonly rules = fieldCache("rule");
  /** With the keys before and after them: few large pieces are copied faster than many small ones. */
  readonly #flags: ReadonlyMap<readonly FlagName[], Piece>;
  #lastNames: readonly FlagName[] | null = null;
  #lastPiece: Piece | undefined;
  readonly #windows = new RepeatedNumbers();
  readonly #options = new RepeatedOptions();

  constructor(direction: SegmentEvent["direction"]) {
    this.#flags = flagPieces(`,"direction":"${direction}","flags":`, ',"seq":');
  }

  /** Both figures of the window. */
  windows(line: LineBytes, { window, windowBytes }: SegmentEvent): boolean {
    if (windowBytes === undefined) return number(line, KEY.window, window);
    return this.#windows.write(line, window, windowBytes);
  }

  options(line: LineBytes, options: SegmentOptions): boolean {
    return this.#options.write(line, options);
  }

  /** `flagNames` gives the same array for the same flags; undefined for any other array. */
  flags(names: readonly FlagName[]): Piece | undefined {
    if (names !== this.#lastNames) {
      this.#lastNames = names;
      this.#lastPiece = this.#flags.get(names);
    }
    return this.#lastPiece;
  }
}

/** Both windows of a segment. Those of many in a row are mostly the same, and are kept from the second one on. */
class RepeatedNumbers {
  #window = -1;
  #windowBytes = -1;
  readonly #piece = emptyPiece(64);
  #isKept = false;

  write(line: LineBytes, window: number, windowBytes: number): boolean {
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
class RepeatedOptions {
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

/** What a transition's line says behind its connection, to the end. */
interface TransitionTail {
  readonly event: TransitionEvent;
  readonly piece: Piece;
}

/** Most tails that are kept; local choice: a rule leads along few rows, so a busy server meets some dozens. */
const MOST_TAILS = 512;

/** Tails of transitions: the same few come again and again, so each is one piece. */
class TransitionTails {
  readonly #byRule = new Map<string, TransitionTail[]>();
  #count = 0;
  #last: TransitionTail | null = null;

  /** The tail of the event's line; null when no more can be kept. */
  of(event: TransitionEvent): Piece | null {
    const last = this.#last;
    if (last !== null && last.event.rule === event.rule && isSameMove(last.event, event)) return last.piece;
    const known = this.#byRule.get(event.rule);
    if (known !== undefined) {
      for (const tail of known) {
        if (!isSameMove(tail.event, event)) continue;
        this.#last = tail;
        return tail.piece;
      }
    }
    return this.#add(event, known ?? []);
  }

  #add(event: TransitionEvent, known: TransitionTail[]): Piece | null {
    if (this.#count >= MOST_TAILS || !isShort(event.rule) || !isShort(event.rfc)) return null;
    this.#count++;
    if (!isShort(event.row)) return null;
    // All but what comes before the first of these fields.
    const line = eventToJson({ ...event, time: 0, connection: "" });
    const piece = pieceOf(line.slice(line.indexOf(',"from":')));
    known.push({ event, piece });
    this.#byRule.set(event.rule, known);
    return piece;
  }
}

function isSameMove(a: TransitionEvent, b: TransitionEvent): boolean {
  return a.from === b.from && a.to === b.to && a.cause === b.cause && a.row === b.row && a.rfc === b.rfc &&
    isSameFlags(a.recv, b.recv) && isSameFlags(a.send, b.send);
}

/** `flagNames` gives the same array for the same flags, so the first comparison mostly decides. */
function isSameFlags(a: readonly FlagName[] | null, b: readonly FlagName[] | null): boolean {
  if (a === b) return true;
  return a !== null && b !== null && a.length === b.length && a.every((name, place) => name === b[place]);
}

/** How the lines of one kind begin. */
const HEAD = {
  segment: headOf("segment"),
  data: headOf("data"),
  transition: headOf("transition"),
  closed: headOf("closed"),
} as const;

function headOf(kind: TcpEvent["event"]): Piece {
  return pieceOf(`{"event":"${kind}","time":`);
}

/** The time of the last event: what one frame leads to has the same, and so has all that leaves together. */
class TimeBytes {
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
function milliseconds(line: LineBytes, ms: number): void {
  const us = Math.round(ms * 1000);
  const whole = Math.floor(us / 1000);
  if (us / 1000 !== ms || !isUint32(whole)) {
    line.ascii(String(ms));
    return;
  }
  line.uint32(whole);
  line.fraction(us - whole * 1000, 3);
}

function flagPieces(before: string, after: string): ReadonlyMap<readonly FlagName[], Piece> {
  const pieces = new Map<readonly FlagName[], Piece>();
  for (let bits = 0; bits <= 0xff; bits++) {
    const names = flagNames(bits);
    pieces.set(names, pieceOf(before + JSON.stringify(names) + after));
  }
  return pieces;
}

/** Pieces of a field whose value is text: the comma before it, its name and its value. */
function fieldCache(name: string): PieceCache {
  return new PieceCache({ make: (text) => `,"${name}":${stringToJson(text)}`, bytes: CACHE_BYTES });
}

function isShort(text: string): boolean {
  return text.length <= TEXT_CHARS;
}

function isUint32(value: number): boolean {
  return value >>> 0 === value;
}

function number(line: LineBytes, key: Piece, value: number): boolean {
  if (!isUint32(value)) return false;
  line.piece(key);
  line.uint32(value);
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
