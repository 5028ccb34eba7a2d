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
import { isNeverLost } from "./event_filter.ts";
import { eventToJson, stringToJson } from "./event_json.ts";
import {
  isShort,
  isUint,
  milliseconds,
  number,
  NumberedConnections,
  OptionsBytes,
  RepeatedWindows,
  TEXT_CHARS,
  TimeBytes,
} from "./json_pieces.ts";
import { type LineBytes, type Piece, PieceCache, pieceOf } from "./line_bytes.ts";
import type { LineWriter } from "./log_writer.ts";

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
  length: pieceOf(',"length":'),
  recvLength: pieceOf(',"direction":"recv","length":'),
  sendLength: pieceOf(',"direction":"send","length":'),
  cut: pieceOf(',"cut":'),
  bytesIn: pieceOf(',"bytesIn":'),
  bytesOut: pieceOf(',"bytesOut":'),
  durationMs: pieceOf(',"durationMs":'),
  null: pieceOf("null"),
} as const;

const BRACE_CLOSE = 0x7d;

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
    if (flags === undefined || event.count !== undefined || !isShort(event.rule) || !isUint(event.seq)) {
      return false;
    }
    if (event.rules !== undefined) return false;
    if (!this.#segmentNumbers(line, event)) return false;
    line.piece(flags);
    line.uint(event.seq);
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
    if (!isShort(connection) || !isUint(id) || !isUint(segment)) return false;
    line.piece(HEAD.segment);
    if (!this.#time.write(line, event.time)) return false;
    line.piece(this.#numbered.of(connection, id).beforeSegment);
    line.uint(segment);
    return true;
  }

  #segmentEnd(line: LineBytes, pieces: SegmentPieces, event: SegmentEvent): boolean {
    line.piece(pieces.states.of(event.state));
    line.piece(pieces.rules.of(event.rule));
    if (event.cut !== undefined && !number(line, KEY.cut, event.cut)) return false;
    line.byte(BRACE_CLOSE);
    return true;
  }

  #data(line: LineBytes, event: DataEvent): boolean {
    if (event.payload !== undefined) return false;
    if (!this.#head(line, HEAD.data, event)) return false;
    if (!number(line, event.direction === "recv" ? KEY.recvLength : KEY.sendLength, event.length)) {
      return false;
    }
    line.byte(BRACE_CLOSE);
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
    line.byte(BRACE_CLOSE);
    return true;
  }

  /** Kind, time, connection and its number. */
  #head(line: LineBytes, head: Piece, event: EventBase & OfConnection): boolean {
    const { connection, id } = event;
    line.piece(head);
    if (!isShort(connection) || !this.#time.write(line, event.time)) return false;
    if (id !== undefined && !isUint(id)) return false;
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

/** What segments of one direction say by the same few pieces. */
class SegmentPieces {
  readonly states = fieldCache("state");
  readonly rules = fieldCache("rule");
  /** With the keys before and after them: few large pieces are copied faster than many small ones. */
  readonly #flags: ReadonlyMap<readonly FlagName[], Piece>;
  #lastNames: readonly FlagName[] | null = null;
  #lastPiece: Piece | undefined;
  readonly #windows = new RepeatedWindows();
  readonly #options = new OptionsBytes();

  constructor(direction: SegmentEvent["direction"]) {
    this.#flags = flagPieces(`,"direction":"${direction}","flags":`, ',"seq":');
  }

  windows(line: LineBytes, { window, windowBytes }: SegmentEvent): boolean {
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
    if (this.#count >= MOST_TAILS) return null;
    if (!isShort(event.rule) || !isShort(event.rfc) || !isShort(event.row)) return null;
    this.#count++;
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
