/**
 * Story: all connections of a capture or of a host, in bounded memory.
 *
 * Owns: which segment belongs to which connection, when a new one begins on the same ports, and what is given up when
 * there are too many. Must not know: what a segment means (connection_story.ts).
 */
import { portOf } from "../wire/address.ts";
import { FLAG } from "../wire/tcp.ts";
import { ConnectionStory, RING_ROWS, type Told } from "./connection_story.ts";
import { explainConnection, type ExplainedConnection } from "./explain_json.ts";
import { SharedBudget } from "./shared_budget.ts";
import type { EndName, SegmentRow, StorySegment } from "./story_segment.ts";

const { SYN, ACK } = FLAG;

/** Local choice: as many as a host of ours serves at once in its tests; a connection with few rows takes some kilobytes. */
const MOST_CONNECTIONS = 10_000;
/** Local choice: about 200 MB of rows, however they are spread. */
const MOST_ROWS = 400_000;
/** Local choice: as much as for the rows. */
const MOST_SENT_BYTES = 200_000_000;
/** Local choice: of one of which a summary is kept, and which its host goes on to tell of: a window of the usual kind. */
const MOST_SUMMARIZED_BYTES = 20_000;
/** Local choice: about 2 kB each. */
const MOST_SUMMARIES = 100_000;

/** Local choice: so many numbers of connections that were given up are kept, and as many more as there are connections. */
const SPARE_PLACES = 1024;

/** Bounds, each with a default. */
export interface StoryOptions {
  /** Connections kept whole. */
  readonly connections?: number;
  /** Rows of one connection kept besides its first ones; 0 for none at all. */
  readonly rows?: number;
  /** Rows of all connections together. */
  readonly allRows?: number;
  /** Bytes, about, of what all connections together remember of what was sent and not acknowledged. */
  readonly sentBytes?: number;
  /** Summaries of connections that are not kept whole. */
  readonly summaries?: number;
  /** Numbers of those of which rows are wanted: no other keeps any, and none of these is given up for others. All when absent. */
  readonly chosen?: ReadonlySet<number>;
}

/** A segment between two addresses. */
export interface AddressedSegment extends Omit<StorySegment, "from"> {
  /** `IP:PORT`, IPv6 addresses in brackets. */
  readonly source: string;
  readonly destination: string;
  /** What else keeps connections apart: VLAN tags, an interface; empty for nothing. */
  readonly realm?: string | undefined;
}

/** What of it was given up. */
export interface GivenUp {
  /** Connections of which the summary alone is kept. */
  readonly summarized: number;
  /** Connections of which nothing is. */
  readonly forgotten: number;
  /** Rows, of connections that are kept. */
  readonly rows: number;
  /** Connections of which what was sent and not acknowledged was forgotten for the sake of others: marks may be missing. */
  readonly unjudged: number;
}

/** Where a segment went. */
export interface Added {
  readonly connection: ConnectionStory;
  readonly row: SegmentRow;
}

/** All connections. */
export class Story {
  readonly #options: Required<Pick<StoryOptions, "connections" | "rows" | "summaries">>;
  readonly #chosen: ReadonlySet<number> | null;
  readonly #byPair = new Map<string, ConnectionStory>();
  /** In order of opening. */
  readonly #byId = new Map<number, ConnectionStory>();
  /** Their numbers, and before and between them those of others that were given up. */
  #queue: number[] = [];
  #head = 0;
  /** Those that are over, oldest first: the first to be given up. */
  readonly #over = new Set<ConnectionStory>();
  readonly #pairOf = new Map<ConnectionStory, string>();
  /** As text, which takes a fifth of the memory, and which the garbage collector does not look into. */
  readonly #summaries: { readonly id: number; readonly json: string }[] = [];
  #keepsRows = true;
  #count = 0;
  readonly #rows: SharedBudget;
  readonly #sent: SharedBudget;
  #givenUp = { summarized: 0, forgotten: 0, rows: 0, unjudged: 0 };
  #segments = 0;

  constructor(options: StoryOptions = {}) {
    const { connections = MOST_CONNECTIONS, rows = RING_ROWS } = options;
    const { allRows = MOST_ROWS, sentBytes = MOST_SENT_BYTES, summaries = MOST_SUMMARIES, chosen } = options;
    this.#chosen = chosen ?? null;
    this.#options = { connections: Math.max(1, connections), rows, summaries };
    this.#rows = new SharedBudget(allRows);
    this.#sent = new SharedBudget(sentBytes);
  }

  /** The next segment; `told`: why it is sent again, where its host says so. */
  add(segment: AddressedSegment, told?: Told): Added {
    const pair = pairOf(segment);
    let connection = this.#byPair.get(pair);
    if (connection === undefined || beginsAnew(segment, connection)) {
      const client = clientOf(segment);
      connection = this.#open({
        pair,
        endpoints: client === "source"
          ? { client: segment.source, server: segment.destination }
          : { client: segment.destination, server: segment.source },
        realm: segment.realm ?? "",
        ...(connection === undefined ? {} : { before: connection }),
      });
    }
    return this.addTo(connection, { segment, ...(told === undefined ? {} : { told }) });
  }

  /** A segment of a connection that is known. */
  addTo(
    connection: ConnectionStory,
    { segment, told }: { readonly segment: AddressedSegment; readonly told?: Told },
  ): Added {
    this.#segments++;
    const from: EndName = connection.endpoints.client === segment.source ? "client" : "server";
    const kept = connection.keptRows;
    // Written out: to spread objects costs more than all the rest.
    const row = connection.add({
      number: segment.number,
      time: segment.time,
      from,
      flags: segment.flags,
      seq: segment.seq,
      ack: segment.ack,
      length: segment.length,
      window: segment.window,
      options: segment.options,
      checksum: segment.checksum,
      ttl: segment.ttl,
      copyOf: segment.copyOf,
      header: segment.header,
      truth: segment.truth,
      fate: segment.fate,
      arrival: segment.arrival,
    }, told);
    // Of one that has been summarized nothing is kept but what judges the next segment.
    if (!this.#byId.has(connection.id)) {
      if (connection.heldBytes > MOST_SUMMARIZED_BYTES) this.#forgetSent(connection);
      return { connection, row };
    }
    this.#rows.add(connection.keptRows - kept);
    this.#sent.add(connection.growth());
    if (this.#rows.isSpent) this.#givenUp.rows += this.#rows.sweep(this.#rowsOf(connection));
    if (this.#sent.isSpent) this.#sent.sweep(this.#sentOf(connection));
    if (connection.isOver) this.#over.add(connection);
    else this.#over.delete(connection);
    return { connection, row };
  }

  /** Begins a connection that its own host tells of. */
  open(
    { endpoints, ours, realm = "" }: {
      readonly endpoints: Readonly<Record<EndName, string>>;
      readonly ours: EndName;
      readonly realm?: string;
    },
  ): ConnectionStory {
    const pair = pairOf({ source: endpoints.client, destination: endpoints.server, realm });
    return this.#open({ pair, endpoints, realm, ours });
  }

  #open(
    { pair, endpoints, realm, ours, before }: {
      pair: string;
      endpoints: Readonly<Record<EndName, string>>;
      realm: string;
      ours?: EndName;
      before?: ConnectionStory;
    },
  ): ConnectionStory {
    const reuses = before?.span?.last.number;
    const id = ++this.#count;
    const connection = new ConnectionStory({
      id,
      endpoints,
      realm,
      rows: this.#keepsRows && this.#chosen?.has(id) !== false ? this.#options.rows : 0,
      ...(ours === undefined ? {} : { ours }),
      ...(reuses === undefined ? {} : { reuses }),
    });
    this.#byPair.set(pair, connection);
    this.#byId.set(connection.id, connection);
    this.#queue.push(id);
    if (this.#queue.length > 2 * this.#byId.size + SPARE_PLACES) {
      this.#queue = [...this.#byId.keys()];
      this.#head = 0;
    }
    this.#pairOf.set(connection, pair);
    if (before !== undefined) this.#over.add(before);
    while (this.#byId.size > this.#options.connections) this.#summarize(this.#leastWanted(connection));
    return connection;
  }

  /** One that is over, else the oldest; a chosen one only where there are no others. */
  #leastWanted(but: ConnectionStory): ConnectionStory {
    if (this.#over.size === 0) {
      const oldest = this.#oldestWhole();
      if (oldest !== null && oldest !== but && this.#chosen?.has(oldest.id) !== true) return oldest;
    }
    for (const some of [this.#over, this.#byId.values()]) {
      for (const one of some) if (one !== but && this.#chosen?.has(one.id) !== true) return one;
    }
    for (const one of this.#byId.values()) if (one !== but) return one;
    return but;
  }

  /** To look for it in the map would be to pass over all that were taken out of it. */
  #oldestWhole(): ConnectionStory | null {
    for (; this.#head < this.#queue.length; this.#head++) {
      const oldest = this.#byId.get(this.#queue[this.#head]);
      if (oldest !== undefined) return oldest;
    }
    return null;
  }

  #summarize(connection: ConnectionStory): void {
    this.#rows.add(-connection.keptRows);
    this.#sent.add(-connection.forgetSent());
    this.#over.delete(connection);
    this.#byId.delete(connection.id);
    const pair = this.#pairOf.get(connection);
    this.#pairOf.delete(connection);
    if (pair !== undefined && this.#byPair.get(pair) === connection) this.#byPair.delete(pair);
    if (this.#summaries.length >= this.#options.summaries) this.#givenUp.forgotten++;
    else {
      this.#summaries.push({ id: connection.id, json: JSON.stringify(explainConnection(connection)) });
      this.#givenUp.summarized++;
    }
    // Whoever still knows it goes on adding to it (from_events.ts).
    connection.forgetRows();
  }

  /** Those that are over give first, then the oldest ones, last of all the one that needs it. */
  *#givers(needs: ConnectionStory): Generator<ConnectionStory> {
    for (const some of [this.#over, this.#byId.values()]) {
      for (const one of some) if (one !== needs) yield one;
    }
    yield needs;
  }

  *#rowsOf(needs: ConnectionStory): Generator<number> {
    for (const one of this.#givers(needs)) yield one.release();
    // Only then, of those that are over, how they began.
    for (const one of this.#over) if (one !== needs) yield one.releaseAll();
  }

  *#sentOf(needs: ConnectionStory): Generator<number> {
    for (const one of this.#givers(needs)) yield this.#forgetSent(one);
  }

  /** One that is over needs it no more, and is judged as well as it will be. */
  #forgetSent(connection: ConnectionStory): number {
    const wasJudged = connection.isJudged;
    const bytes = connection.forgetSent();
    if (wasJudged && bytes > 0 && !connection.isOver) {
      connection.isJudged = false;
      this.#givenUp.unjudged++;
    }
    return bytes;
  }

  /** Says that nobody wants to see rows: those that are kept are forgotten, and no more are kept. */
  forgetRows(): void {
    this.#keepsRows = false;
    for (const connection of this.#byId.values()) this.#rows.add(-connection.forgetRows());
  }

  /** Connections kept whole, in order of opening. */
  connections(): IterableIterator<ConnectionStory> {
    return this.#byId.values();
  }

  /** The connection with this number, where it is kept whole. */
  connection(id: number): ConnectionStory | null {
    return this.#byId.get(id) ?? null;
  }

  /** All connections explained, those that were summarized included, in order of opening; one is made when it is asked for. */
  *explanations(): Generator<ExplainedConnection> {
    const whole = this.#byId.values();
    let next = whole.next();
    for (const { id, json } of this.#summaries.toSorted((a, b) => a.id - b.id)) {
      for (; !next.done && next.value.id < id; next = whole.next()) yield explainConnection(next.value);
      yield JSON.parse(json);
    }
    for (; !next.done; next = whole.next()) yield explainConnection(next.value);
  }

  /** The same, all at once. */
  explained(): ExplainedConnection[] {
    return [...this.explanations()];
  }

  /** How many connections there were. */
  get count(): number {
    return this.#count;
  }

  /** How many segments were added. */
  get segments(): number {
    return this.#segments;
  }

  /** Rows held now. */
  get heldRows(): number {
    return this.#rows.held;
  }

  /** How often all connections were asked to give rows up: each time is some work for each of them. */
  get sweeps(): number {
    return this.#rows.sweeps;
  }

  /** Bytes, about, that are held now to judge what comes. */
  get heldSentBytes(): number {
    return this.#sent.held;
  }

  /** What was given up. */
  get givenUp(): GivenUp {
    return this.#givenUp;
  }
}

function pairOf(
  { source, destination, realm = "" }: Pick<AddressedSegment, "source" | "destination" | "realm">,
): string {
  return source < destination ? `${source} ${destination} ${realm}` : `${destination} ${source} ${realm}`;
}

/** First SYN without ACK; the other end of a SYN, ACK; else the higher port, and of two equal ones the sender. */
function clientOf({ flags, source, destination }: AddressedSegment): "source" | "destination" {
  if ((flags & SYN) !== 0) return (flags & ACK) === 0 ? "source" : "destination";
  return portOf(source) >= portOf(destination) ? "source" : "destination";
}

/**
 * Whether a SYN is of a new connection (RFC 9293 §3.6.1): its number is not the one with which its sender began. Where the
 * sender had said nothing yet, both may call at once, unless the connection before is over.
 */
function beginsAnew(
  { flags, seq, source, checksum }: AddressedSegment,
  connection: ConnectionStory,
): boolean {
  if ((flags & (SYN | ACK)) !== SYN || checksum === "wrong") return false;
  const from: EndName = connection.endpoints.client === source ? "client" : "server";
  const { initial } = connection.shadowOf(from);
  return initial === null ? connection.isOver : initial !== seq;
}
