/**
 * StreamClient: one page that looks on, and what waits for it.
 *
 * Owns: the bounded queue of its events, how much it is sent at once, that one that is slow loses the oldest and is told how
 * many, and which connections it shows, so that of each it is told the end. Must not know: where events come from, HTTP.
 */
import type { ClosedEvent, TcpEvent } from "../tcp/events.ts";
import type { BatchMessage, ConnectionRow } from "../story/page_messages.ts";

/** Of a WebSocket: what is needed to send. */
export interface StreamSocket {
  /** Bytes that were given to it, and have not left. */
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Local choice: events that wait for one page: what a hub makes at once. More would live long, see event_history.ts. */
const MOST_EVENTS = 1536;
/** Local choice: what a batch holds: with 20 a second more than anybody reads, and encoded in a millisecond. */
const BATCH_EVENTS = 256;
/** Local choice: a page that has so much before it gets nothing more until it has taken some of it. */
const MOST_BUFFERED_BYTES = 0x40000;

/** Local choice: ends that wait for one page; of a flood of short connections the last are told, the others are only gone. */
const MOST_ENDED = 64;

/** What a batch has of one client's own. */
type ClientPart = Pick<BatchMessage, "rows" | "ended" | "gone" | "subscribed" | "begins" | "events" | "lost">;

/** One page; see the head of this file. */
export class StreamClient {
  readonly socket: StreamSocket;
  /** The connection that it wants to hear of; null for none. */
  subscribed: number | null = null;
  /** How often it has said since the last turn what it wants to hear, and what it said last, where that has to wait. */
  wishes = 0;
  wish: { readonly id: number | null } | null = null;
  /** Turns in a row in which it has taken too little to be sent more. */
  stalledTurns = 0;
  /** Turns that it is left in peace: what it draws, its machine has not for the transfer that it shows. */
  restTurns = 0;
  /** What is sent again only when it differs. */
  lastControls = "";
  /**
   * The newest row of each connection that has changed since it was told: of no more than the hub shows, and of those whose
   * end waits.
   */
  readonly #rows = new Map<number, ConnectionRow>();
  /**
   * Connections that the page has a row of and knows no end of. Nothing is added while the page is sent nothing, and only
   * what is here can go: so what waits for a page that does not read is bounded, and so is what waits for its row to go.
   */
  readonly #told = new Set<number>();
  #ended: ClosedEvent[] = [];
  #gone: number[] = [];
  #events: TcpEvent[] = [];
  #lost = 0;
  /** Whether the next events are the first of those that were asked for last. */
  #begins = false;

  constructor(socket: StreamSocket) {
    this.socket = socket;
  }

  /** Whether it has taken enough of what it was sent to be sent more. */
  get isReady(): boolean {
    return this.socket.bufferedAmount <= MOST_BUFFERED_BYTES;
  }

  /** Wants another connection's events from now on; `before`: those of it that are known. */
  subscribe(id: number | null, before: readonly TcpEvent[]): void {
    this.subscribed = id;
    this.restTurns = 0;
    this.#events = [...before];
    this.#lost = 0;
    this.#begins = id !== null;
  }

  /** Keeps an event of the connection for the next batch. */
  take(event: TcpEvent): void {
    const last = this.#events.length - 1;
    const before = this.#events[last];
    if (event.event === "lost" && before?.event === "lost") {
      this.#events[last] = { ...event, count: event.count + before.count };
      return;
    }
    if (this.#events.length === MOST_EVENTS) {
      // By the half: one at a time, each event of a burst would move all others.
      for (const gone of this.#events.splice(0, MOST_EVENTS / 2)) {
        this.#lost += gone.event === "lost" ? gone.count : 1;
      }
    }
    this.#events.push(event);
  }

  /** A connection is new, or has changed. */
  offer(row: ConnectionRow): void {
    this.#rows.set(row.id, row);
  }

  /** A connection has ended. */
  end(event: ClosedEvent): void {
    if (this.#ended.length === MOST_ENDED) {
      const oldest = this.#ended.findIndex(({ id }) => id !== this.subscribed);
      const [dropped] = this.#ended.splice(oldest, 1);
      // A row without an end would stand there for good.
      if (dropped.id !== undefined) this.forget(dropped.id);
    }
    this.#ended.push(event);
  }

  /** Nothing more is told of a connection; a page that has no row of it need not hear of that either. */
  forget(id: number): void {
    this.#rows.delete(id);
    if (this.#told.delete(id)) this.#gone.push(id);
  }

  /** What it was told by a `hello`. */
  greeted(rows: readonly ConnectionRow[]): void {
    for (const { id } of rows) this.#told.add(id);
  }

  /** Whether the next batch would have anything. */
  get hasNews(): boolean {
    return this.#begins ||
      this.#rows.size + this.#ended.length + this.#gone.length + this.#events.length + this.#lost > 0;
  }

  /** What the next batch has for it; a rest waits for the one after. */
  nextPart(): ClientPart {
    const events = this.#events.splice(0, BATCH_EVENTS);
    const [lost, begins, subscribed] = [this.#lost, this.#begins, this.subscribed];
    this.#lost = 0;
    this.#begins = false;
    const rows = [...this.#rows.values()];
    const [ended, gone] = [this.#ended, this.#gone];
    for (const { id } of rows) this.#told.add(id);
    for (const { id } of ended) if (id !== undefined) this.#told.delete(id);
    this.#rows.clear();
    this.#ended = [];
    this.#gone = [];
    return { rows, ended, gone, subscribed, begins, events, lost };
  }
}
