/**
 * The page of the text log: its columns, and the cells that every line begins with.
 *
 * Owns: where the columns stand, how they grow with what they hold, and a connection's number and colour. Must not know:
 * what the lines are about (event_text.ts, segment_text.ts, connection_text.ts), and whether there is a terminal.
 */
import type { TcpEvent } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import { connectionId } from "./event_filter.ts";
import { connectionEnds } from "./connection_ends.ts";
import { type Cell, type Paint, type Palette, paletteFor, printable } from "./text_layout.ts";

/** `FIN,PSH,ACK`; longer ones, which hardly occur, push the next column. */
const FLAGS_CHARS = 11;
/** The longest is `ESTABLISHED`. */
const STATE_CHARS = 11;
/** `-->` and a space on each side. */
const ARROW_CHARS = 5;
/** Room for `#999 ` before any number has been seen. */
const USUAL_ID_CHARS = 5;
/** Room for `10.77.0.101:51234` and the like before any address has been seen. */
const USUAL_END_CHARS = 17;
/** Local choice: IPv6 in full with its port; what claims to be longer is not an address. */
const MOST_END_CHARS = 47;
/** Digits of `seq` and `ack` before larger ones have been seen: ten megabytes. */
const USUAL_DIGITS = 7;
/** `len 65535` and a space. */
const LENGTH_CHARS = 10;
/** Local choice: narrower pages have no room to lose to the time and the number. */
const ROOMY_WIDTH = 72;
/** Where continuation lines begin on those. */
const NARROW_INDENT = 4;

/** Columns of a segment's line, counted from 0. */
export interface SegmentColumns {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly state: number;
  readonly details: number;
  /** Whether our own end stands there whole, not by its port alone. */
  readonly isLocalWhole: boolean;
  /** Whether the line has room for all of these columns. */
  readonly isWide: boolean;
}

/** The ends of a connection as the page shows them; an end that is not there is empty. */
interface ConnectionEnds {
  readonly local: string;
  readonly peer: string;
  /** With the colon. */
  readonly localPort: string;
}

/** The page, as it is now. */
export class TextPage {
  readonly palette: Palette;
  /** Columns; infinite where one event is one line. */
  width = 120;
  readonly #timeChars: number;
  #idChars = USUAL_ID_CHARS;
  #peerChars = USUAL_END_CHARS;
  #localChars = 0;
  #digits = USUAL_DIGITS;
  /** Of the connection that was asked for last: most events follow one of the same. */
  #connection = "";
  #ends: ConnectionEnds = { local: "", peer: "", localPort: "" };
  #columns: SegmentColumns | null = null;
  #columnsWidth = 0;

  constructor(about: { color: boolean; timeWidth: number }) {
    this.palette = paletteFor(about.color);
    this.#timeChars = about.timeWidth === 0 ? 0 : about.timeWidth + 1;
  }

  /** Where the peer's end begins: behind the time and the connection's number. */
  get peerColumn(): number {
    return this.#timeChars + this.#idChars;
  }

  /** Where what happened begins. */
  get wordColumn(): number {
    return this.peerColumn + this.#peerChars + 1;
  }

  /** Where lines go on that had no room. */
  get indent(): number {
    return this.width < ROOMY_WIDTH ? NARROW_INDENT : this.peerColumn;
  }

  /** Where the parts of a segment stand; they stay until something longer is seen or the window changes. */
  get segmentColumns(): SegmentColumns {
    if (this.#columns === null || this.#columnsWidth !== this.width) {
      this.#columns = this.#layColumns();
      this.#columnsWidth = this.width;
    }
    return this.#columns;
  }

  /** Makes room for what the event shows in columns. */
  fit(event: TcpEvent): void {
    const id = connectionId(event);
    if (id !== undefined && id > 999) this.#idChars = this.#wider(this.#idChars, String(id).length + 2);
    if (event.event !== "segment" && event.event !== "transition") return;
    const { local, peer } = this.endsOf(event.connection);
    this.#peerChars = this.#wider(this.#peerChars, Math.min(peer.length, MOST_END_CHARS));
    this.#localChars = this.#wider(this.#localChars, Math.min(local.length, MOST_END_CHARS));
    if (event.event !== "segment" || isStranger(event.state)) return;
    const largest = Math.max(event.relSeq, event.relAck);
    if (largest >= 10 ** this.#digits) this.#digits = this.#wider(this.#digits, String(largest).length);
  }

  /** The two ends of a connection by its name, fit to be shown. */
  endsOf(connection: string): ConnectionEnds {
    if (connection !== this.#connection) {
      const { local, peer } = connectionEnds(printable(connection));
      this.#ends = { local, peer, localPort: local.slice(Math.max(0, local.lastIndexOf(":"))) };
      this.#connection = connection;
    }
    return this.#ends;
  }

  /** The number of a connection, in its colour; nothing where there is none. */
  idCell(id: number | undefined): Cell {
    if (id === undefined) return { text: "" };
    return { text: `#${id}`, column: this.#timeChars, gap: 0, paint: this.#seriesPaint(id) };
  }

  /** The peer's end (fit to be shown), in the connection's colour; `-` where there is none. */
  peerCell(peer: string, id?: number): Cell {
    const paint = id === undefined ? undefined : this.#seriesPaint(id);
    return { text: peer || "-", column: this.peerColumn, gap: 1, paint };
  }

  #seriesPaint(id: number): Paint {
    const { series } = this.palette;
    return series[(id - 1) % series.length] ?? series[0];
  }

  #wider(now: number, wanted: number): number {
    if (wanted <= now) return now;
    this.#columns = null;
    return wanted;
  }

  #layColumns(): SegmentColumns {
    const numberChars = "seq ".length + this.#digits + 1;
    const behindEnds = 2 + FLAGS_CHARS + 1 + 2 * numberChars + LENGTH_CHARS + STATE_CHARS;
    const local = this.wordColumn + ARROW_CHARS - 1;
    const isLocalWhole = local + this.#localChars + behindEnds <= this.width;
    const flags = local + (isLocalWhole ? this.#localChars : ":65535".length) + 2;
    const seq = flags + FLAGS_CHARS + 1;
    const ack = seq + numberChars;
    const length = ack + numberChars;
    const state = length + LENGTH_CHARS;
    const details = state + STATE_CHARS + 2;
    return { flags, seq, ack, length, state, details, isLocalWhole, isWide: details - 2 <= this.width };
  }
}

/** Numbers of what belongs to no connection are absolute, and say nothing of the columns that connections need. */
function isStranger(state: TcpState): boolean {
  return state === "LISTEN" || state === "CLOSED";
}

/** The colour of a state; one that is none of ours (a kernel's socket) is on its way out. */
export function statePaint(state: string, palette: Palette): Paint {
  switch (state) {
    case "LISTEN":
    case "SYN_SENT":
    case "SYN_RCVD":
      return palette.opening;
    case "ESTABLISHED":
      return palette.good;
    case "CLOSED":
      return palette.quiet;
    default:
      return palette.closing;
  }
}

/** How many one line stands for. */
export function countCells(count: number | undefined): Cell[] {
  return count === undefined ? [] : [{ text: countText(count) }];
}

/** The same as text. */
export function countText(count: number): string {
  return `${count} of these in a second`;
}
