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
import { type LineBytes, type Piece, PieceCache, pieceOf } from "./line_bytes.ts";
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
  readonly #numbered = new NumberedConnections("");
  readonly #beforeSegment = new NumberedConnections(',"segment":');
  readonly #reasons = fieldCache("reason");
  #lastStates: readonly string[] = [];
  #statesPiece: Piece | null = null;
  readonly #segmentHead = new Head("segment");
  readonly #dataHead = new Head("data");
  readonly #transitionHead = new Head("transition");
  readonly #closedHead = new Head("closed");

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
      windows(line, pieces.windows(event), event) &&
      number(line, KEY.length, event.length) &&
      options(line, event.options) && this.#segmentEnd(line, pieces, event);
  }

  /** Kind, time, connection, and the two numbers. */
  #segmentNumbers(line: LineBytes, event: SegmentEvent): boolean {
    const { connection, id, segment } = event;
    if (id === undefined || segment === undefined) {
      return this.#head(line, this.#segmentHead, event) &&
        (segment === undefined || number(line, KEY.segment, segment));
    }
    if (!isShort(connection) || !isUint32(id) || !isUint32(segment)) return false;
    if (!this.#segmentHead.write(line, event.time)) return false;
    line.piece(this.#beforeSegment.of(connection, id));
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
    if (!this.#head(line, this.#dataHead, event)) return false;
    if (!number(line, event.direction === "recv" ? KEY.recvLength : KEY.sendLength, event.length)) {
      return false;
    }
    line.byte(BRACKET.BRACE_CLOSE);
    return true;
  }

  #transition(line: LineBytes, event: TransitionEvent): boolean {
    const tail = this.#tails.of(event);
    if (tail === null || !this.#head(line, this.#transitionHead, event)) return false;
    if (event.segment !== undefined && !number(line, KEY.segment, event.segment)) return false;
    line.piece(tail);
    return true;
  }

  #closed(line: LineBytes, event: ClosedEvent): boolean {
    const { states, durationMs } = event;
    if (states.length > PATH_STATES || !Number.isFinite(durationMs)) return false;
    if (!this.#head(line, this.#closedHead, event)) return false;
    line.piece(this.#reasons.of(event.reason));
    if (!number(line, KEY.bytesIn, event.bytesIn) || !number(line, KEY.bytesOut, event.bytesOut)) {
      return false;
    }
    line.piece(KEY.durationMs);
    line.ascii(String(durationMs));
    line.piece(this.#states(states));
    line.byte(BRACKET.BRACE_CLOSE);
    return true;
  }

  /** Kind, time, connection and its number. */
  #head(line: LineBytes, head: Head, event: EventBase & OfConnection): boolean {
    const { connection, id } = event;
    if (!isShort(connection) || !head.write(line, event.time)) return false;
    if (id !== undefined && !isUint32(id)) return false;
    line.piece(id === undefined ? this.#connections.of(connection) : this.#numbered.of(connection, id));
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

/** A connection and its number, as they stand on the line. */
interface NumberedConnection {
  readonly connection: string;
  readonly id: number;
  readonly piece: Piece;
}

/** Names of connections with their numbers, each pair one piece, at the place that the number's last bits say. */
class NumberedConnections {
  readonly #places: (NumberedConnection | null)[] = new Array(NUMBERED).fill(null);
  readonly #after: string;

  /** `after`: what follows the number on the line, too. */
  constructor(after: string) {
    this.#after = after;
  }

  of(connection: string, id: number): Piece {
    const place = id & (NUMBERED - 1);
    const known = this.#places[place];
    if (known !== null && known.id === id && known.connection === connection) return known.piece;
    const piece = pieceOf(`,"connection":${stringToJson(connection)},"id":${id}${this.#after}`);
    this.#places[place] = { connection, id, piece };
    return piece;
  }
}

/** What segments of one direction say by the same few pieces. */
class SegmentPieces {
  readonly states = fieldCache("state");
  readonly rules = fieldCache("rule");
  /** With the keys before and after them: few large pieces are copied faster than many small ones. */
  readonly #flags: ReadonlyMap<readonly FlagName[], Piece>;
  #lastNames: readonly FlagName[] | null = null;
  #lastPiece: Piece | undefined;
  #window = -1;
  #windowBytes: number | undefined;
  #sameWindows = 0;
  #windowPiece: Piece | null = null;

  constructor(direction: SegmentEvent["direction"]) {
    this.#flags = flagPieces(`,"direction":"${direction}","flags":`, ',"seq":');
  }

  /** Both figures of the window, where they have been those of many segments before. */
  windows({ window, windowBytes }: SegmentEvent): Piece | null {
    if (window !== this.#window || windowBytes !== this.#windowBytes) {
      this.#window = window;
      this.#windowBytes = windowBytes;
      this.#sameWindows = 0;
      this.#windowPiece = null;
    } else if (this.#windowPiece === null && ++this.#sameWindows >= SAME_WINDOWS && isUint32(window)) {
      const bytes = windowBytes === undefined ? "" : `,"windowBytes":${windowBytes}`;
      if (windowBytes === undefined || isUint32(windowBytes)) {
        this.#windowPiece = pieceOf(`,"window":${window}${bytes}`);
      }
    }
    return this.#windowPiece;
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

/** From how many segments on with one window it is kept as a piece. Local choice: fewer would not pay for making it. */
const SAME_WINDOWS = 8;

function windows(line: LineBytes, known: Piece | null, { window, windowBytes }: SegmentEvent): boolean {
  if (known !== null) {
    line.piece(known);
    return true;
  }
  return number(line, KEY.window, window) &&
    (windowBytes === undefined || number(line, KEY.windowBytes, windowBytes));
}

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

/** How the lines of one kind begin: its name, and the time. */
class Head {
  readonly #kind: TcpEvent["event"];
  #second = -1;
  /** Up to the decimal point of the time. */
  #piece: Piece = KEY.null;

  constructor(kind: TcpEvent["event"]) {
    this.#kind = kind;
  }

  /** False for a time that no clock tells. */
  write(line: LineBytes, time: number): boolean {
    const us = Math.round(time * 1e6);
    const second = Math.floor(us / 1e6);
    if (!isUint32(second)) return false;
    if (second !== this.#second) {
      this.#second = second;
      this.#piece = pieceOf(`{"event":"${this.#kind}","time":${second}`);
    }
    line.piece(this.#piece);
    line.fraction(us - second * 1e6, 6);
    return true;
  }
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
