/**
 * StreamHub: the pages that look on, and what they are told: at most 20 batches a second.
 *
 * Owns: that events are heard only while somebody looks, what is kept of them, which connections have changed, and
 * the turns in which batches are made. Must not know: HTTP, sockets, what a page shows.
 *
 * The hub runs on the thread of the server's pump: what it does with an event is a few steps, and what it does in a turn is
 * bounded, however many connections there are.
 */
import type { HostConnection } from "../host/api.ts";
import { headingOf } from "../observe/server_answers.ts";
import { connectionSnapshot } from "../observe/server_snapshot.ts";
import type { BatchMessage, ControlState, HelloMessage } from "../story/page_messages.ts";
import type { ClosedEvent, EventInterest, SampleEvent, TcpEvent } from "../tcp/events.ts";
import { EventBudget } from "./event_budget.ts";
import { EventHistory } from "./event_history.ts";
import type { PageSubject } from "./page_subject.ts";
import { StreamClient, type StreamSocket } from "./stream_client.ts";
import { controlState, rowOfConnection } from "./stream_messages.ts";

/** 20 batches a second: what a person takes for at once. */
export const BATCH_MS = 50;
/**
 * Local choice: turns between two batches of a burst, of which not all is told anyway. To draw one costs a browser a tenth of a
 * second of a processor; where there are two, server and client fill both, so that a page is told once a second there,
 * and five times elsewhere.
 */
const REST_TURNS = navigator.hardwareConcurrency > 2 ? 4 : 20;
/** Local choice: rows that a page is told of; a person reads fewer. */
const MOST_ROWS = 300;
/** Local choice: connections whose figures are looked at in one turn, half a millisecond. */
const TURN_ROWS = 50;
/** Figures that change without an event (timers) are told every so many turns. */
const FIGURES_EVERY = 10;
/** Events that the page shows nothing of. */
const UNSHOWN: ReadonlySet<TcpEvent["event"]> = new Set(["data", "timer"]);
/** Local choice: wishes of a page in one turn; a person has one or two, or some hundred when the server has stood still. */
const MOST_WISHES = 1000;
/** Local choice: tabs that a person has open. */
const MOST_CLIENTS = 16;
/**
 * Local choice: milliseconds for which all goes on when the last page has gone: one that is loaded anew, or whose stream breaks,
 * is back in a second or two.
 */
export const LINGER_MS = 10_000;
/** Local choice: milliseconds after which a page that takes nothing is gone: as for one that answers no ping. */
const STALLED_MS = 30_000;
/** Local choice: ports that a page is told of; a page has room for fewer. */
const MOST_PORTS = 64;
/** Local choice: connections that are over and of which a page is told that comes: as many as it shows. */
const MOST_OVER = 50;

/** Lets `act` be called every so many milliseconds until the returned function is called. */
export type Repeat = (act: () => void, ms: number) => () => void;

/** What a hub is made of. */
interface StreamHubParts {
  readonly subject: PageSubject;
  readonly version: string;
  readonly repeat: Repeat;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Called in each turn. */
  readonly onTurn?: () => void;
  /** Called when the last page has been gone for {@link LINGER_MS}. */
  readonly onLeft?: () => void;
}

/** See the head of this file. */
export class StreamHub {
  readonly #parts: StreamHubParts;
  readonly #clients = new Set<StreamClient>();
  /** Of the connections that were heard of last, whether they still live or not. */
  readonly #histories = new Map<number, EventHistory>();
  /** Connections that pages have rows of, the newest last. */
  readonly #shown = new Map<number, HostConnection>();
  /** Numbers of connections that are not known here yet, and have begun since the last turn. */
  #leastNew = Infinity;
  /** The number of the newest that has been shown: those before it that are not shown any more have given way. */
  #newest = 0;
  /** The ends of those that have ended last, the newest last. */
  #over: ClosedEvent[] = [];
  /** Whose figures are to be looked at in this turn, because something has happened to them. */
  readonly #changed = new Set<number>();
  /** Connections that pages follow. */
  readonly #followed = new Set<number>();
  readonly #budget = new EventBudget({
    isFollowed: (id) => this.#followed.has(id),
    isKnown: (id) => this.#histories.has(id),
  });
  #turns = 0;
  /** Turns since the last page has gone. */
  #aloneTurns = 0;
  #stop: (() => void) | null = null;

  constructor(parts: StreamHubParts) {
    this.#parts = parts;
  }

  /** How many pages look on. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Adds a page, and tells it what there is; null where too many look on already. */
  add(socket: StreamSocket): StreamClient | null {
    if (this.#clients.size >= MOST_CLIENTS) return null;
    if (this.#stop === null) this.#begin();
    const client = new StreamClient(socket);
    this.#clients.add(client);
    const hello = this.#hello();
    client.greeted(hello.rows);
    client.lastControls = JSON.stringify(hello.controls);
    this.#send(client, hello);
    return client;
  }

  /** A page is about to look on: for a while all goes on as if it did. */
  expect(): void {
    this.#aloneTurns = 0;
    if (this.#stop === null) this.#begin();
  }

  /** The page has gone. After the last one all goes on for a while, as if it were there: perhaps it comes back. */
  remove(client: StreamClient): void {
    if (!this.#clients.delete(client)) return;
    this.#aloneTurns = 0;
    if (this.#clients.size > 0) this.#findFollowed();
  }

  /**
   * A page wants to hear of a connection, or of none: the first time in a turn it is told at once, of more wishes the last one
   * counts, in the next turn. False for one that has so many that nobody has made them.
   */
  subscribe(client: StreamClient, id: number | null): boolean {
    client.wishes++;
    if (client.wishes === 1) this.#subscribe(client, id);
    else client.wish = { id };
    return client.wishes <= MOST_WISHES;
  }

  #subscribe(client: StreamClient, id: number | null): void {
    if (id !== null) this.#tellMissed(id, this.#parts.nowMs() / 1000);
    const history = id === null ? undefined : this.#histories.get(id);
    client.subscribe(id, history?.events() ?? []);
    this.#findFollowed();
    if (id !== null) this.#changed.add(id);
  }

  #findFollowed(): void {
    this.#followed.clear();
    for (const { subscribed } of this.#clients) if (subscribed !== null) this.#followed.add(subscribed);
  }

  /** Lets go of the server. */
  end(): void {
    this.#stop?.();
    this.#stop = null;
    this.#clients.clear();
    this.#over = [];
    this.#histories.clear();
    this.#shown.clear();
    this.#changed.clear();
    this.#followed.clear();
    this.#budget.clear();
    this.#leastNew = Infinity;
    this.#newest = 0;
  }

  #begin(): void {
    const { subject, repeat } = this.#parts;
    const { speaker } = subject;
    let left = MOST_ROWS;
    const newest: HostConnection[] = [];
    for (const connection of speaker.host.newestConnections()) {
      if (left-- === 0) break;
      newest.push(connection);
    }
    this.#newest = newest.at(0)?.id ?? 0;
    for (const connection of newest.reverse()) this.#shown.set(connection.id, connection);
    const leave = subject.observe(this.#take, this.#interest);
    const cancel = repeat(() => this.turn(), BATCH_MS);
    this.#stop = () => {
      cancel();
      leave();
    };
  }

  /** What is made at all: in a burst the first of each turn, the others are counted. */
  readonly #interest: EventInterest = {
    segments: (id) => {
      if (this.#budget.segments(id)) return true;
      this.#touch(id);
      return false;
    },
    data: false,
    samples: this.#budget.samples,
  };

  readonly #take = (event: TcpEvent) => {
    if (!("id" in event) || event.id === undefined || UNSHOWN.has(event.event)) return;
    const { id } = event;
    if (event.event === "sample") {
      if (this.#budget.takesSample(id)) this.#sample(event, id);
      return;
    }
    if (!this.#budget.takes(event, id)) return this.#touch(id);
    const before = this.#budget.segmentOf(event, id);
    this.#tellMissed(id, event.time);
    if (before !== null) this.#keep(id, before);
    this.#keep(id, event);
    if (event.event === "closed") this.#end(event, id);
    else if (this.#shown.has(id)) this.#touch(id);
    else if (event.event === "transition" && id > this.#newest && id < this.#leastNew) this.#leastNew = id;
  };

  /** Something has happened to a connection: its row may be another than before. */
  #touch(id: number): void {
    if (this.#shown.has(id)) this.#changed.add(id);
  }

  /** For the charts of those who look: what nobody follows has none. */
  #sample(event: SampleEvent, id: number): void {
    this.#histories.get(id)?.takeSample(event);
    for (const client of this.#clients) if (client.subscribed === id) client.take(event);
  }

  #keep(id: number, event: TcpEvent): void {
    const history = this.#histories.get(id) ?? this.#beginHistory(id);
    history.take(event);
    for (const client of this.#clients) if (client.subscribed === id) client.take(event);
  }

  /** Takes the oldest out that no page follows. */
  #dropOldest(from: Map<number, unknown>): void {
    for (const id of from.keys()) {
      if (this.#followed.has(id)) continue;
      from.delete(id);
      return;
    }
  }

  /** Says how many segments of a connection were not made events, before what comes after them. */
  #tellMissed(id: number, time: number): void {
    const count = this.#budget.takeMissed(id);
    if (count > 0) this.#keep(id, { event: "lost", time, count });
  }

  /** Of very many connections those are forgotten that were heard of first, but for those that pages follow. */
  #beginHistory(id: number): EventHistory {
    if (this.#histories.size >= MOST_ROWS) this.#dropOldest(this.#histories);
    const history = new EventHistory();
    this.#histories.set(id, history);
    return history;
  }

  #end(event: ClosedEvent, id: number): void {
    this.#changed.delete(id);
    this.#shown.delete(id);
    this.#over.push(event);
    if (this.#over.length > MOST_OVER) this.#over.shift();
    for (const client of this.#clients) client.end(event);
  }

  /** Makes one batch for each page that has news and is ready for it. */
  turn(): void {
    const { subject } = this.#parts;
    const { speaker } = subject;
    if (this.#isLeft()) return;
    this.#turns++;
    this.#parts.onTurn?.();
    this.#leaveStalled();
    speaker.enter();
    for (const client of this.#clients) {
      const { wish } = client;
      client.wishes = 0;
      client.wish = null;
      if (wish !== null) this.#subscribe(client, wish.id);
    }
    this.#budget.refill();
    const now = this.#parts.nowMs() / 1000;
    const missing = new Set(this.#budget.missing());
    for (const id of missing) this.#tellMissed(id, now);
    this.#welcome();
    // For pages that do not read nothing is made: what has changed waits where it is.
    if (![...this.#clients].some(({ isReady }) => isReady)) return;
    for (const id of this.#turnOf()) {
      const connection = this.#shown.get(id);
      if (connection === undefined) continue;
      const row = rowOfConnection(connection, speaker.appOf);
      for (const client of this.#clients) client.offer(row);
    }
    const controls = this.#controls();
    const controlsText = JSON.stringify(controls);
    const isFiguresTurn = this.#turns % FIGURES_EVERY === 0;
    for (const client of this.#clients) {
      if (!client.isReady) continue;
      const isBurst = client.subscribed !== null && missing.has(client.subscribed);
      client.restTurns = isBurst ? client.restTurns - 1 : 0;
      if (client.restTurns > 0) continue;
      const followed = client.subscribed === null ? undefined : this.#shown.get(client.subscribed);
      const hasNews = client.hasNews;
      const tellsFigures = followed !== undefined && (hasNews || isFiguresTurn);
      const tellsControls = controlsText !== client.lastControls;
      if (!hasNews && !tellsFigures && !tellsControls) continue;
      client.lastControls = controlsText;
      const message: BatchMessage = {
        type: "batch",
        time: this.#parts.nowMs() / 1000,
        ...client.nextPart(),
        connections: speaker.host.connectionCount,
        figures: tellsFigures
          ? connectionSnapshot(followed.info(), speaker.appOf(followed.localPort, followed))
          : null,
        ...(tellsControls ? { controls } : {}),
      };
      this.#send(client, message);
      if (isBurst) client.restTurns = REST_TURNS;
    }
  }

  /** Whether nobody looks any more; then the server is let go. */
  #isLeft(): boolean {
    if (this.#clients.size > 0 || ++this.#aloneTurns * BATCH_MS < LINGER_MS) return false;
    this.end();
    this.#parts.onLeft?.();
    return true;
  }

  /** A page that takes nothing any more, as of a laptop that sleeps, looks on no more than one that has gone. */
  #leaveStalled(): void {
    for (const client of this.#clients) {
      client.stalledTurns = client.isReady ? 0 : client.stalledTurns + 1;
      if (client.stalledTurns * BATCH_MS < STALLED_MS) continue;
      this.remove(client);
      client.socket.close(1001, "the page takes nothing");
    }
  }

  /** A socket that closes just now refuses: its page has gone, and nothing else must hear of it. */
  #send(client: StreamClient, message: HelloMessage | BatchMessage): void {
    try {
      client.socket.send(JSON.stringify(message));
    } catch {
      this.remove(client);
    }
  }

  /** Connections that have begun, from the newest back; of very many the newest only. */
  #welcome(): void {
    const least = this.#leastNew;
    this.#leastNew = Infinity;
    if (least === Infinity) return;
    const fresh: HostConnection[] = [];
    for (const connection of this.#parts.subject.speaker.host.newestConnections()) {
      if (connection.id < least || fresh.length === MOST_ROWS) break;
      if (!this.#shown.has(connection.id)) fresh.push(connection);
    }
    this.#newest = Math.max(this.#newest, fresh.at(0)?.id ?? 0);
    for (const connection of fresh.reverse()) {
      this.#shown.set(connection.id, connection);
      this.#changed.add(connection.id);
    }
    for (const id of this.#shown.keys()) {
      if (this.#shown.size <= MOST_ROWS) break;
      // Who is looked at goes on being told.
      if (this.#followed.has(id)) continue;
      this.#shown.delete(id);
      this.#changed.delete(id);
      for (const client of this.#clients) client.forget(id);
    }
  }

  /** Whose figures are looked at in this turn: what has changed, within bounds, the rest in later turns. */
  #turnOf(): number[] {
    const ids: number[] = [];
    for (const id of this.#changed) {
      if (ids.length === TURN_ROWS) break;
      ids.push(id);
      this.#changed.delete(id);
    }
    return ids;
  }

  #controls(): ControlState | null {
    const { injector, applications, speaker } = this.#parts.subject;
    const controls = controlState(injector);
    if (controls === null || applications === null) return controls;
    const listeners = speaker.host.listeners().slice(0, MOST_PORTS);
    const ports = listeners.map(({ port }) => ({ port, app: speaker.appOf(port) }));
    return { ...controls, ports, applications: applications.names };
  }

  #hello(): HelloMessage {
    const { subject, version } = this.#parts;
    const { speaker } = subject;
    speaker.enter();
    const rows = [...this.#shown.values()].map((connection) => rowOfConnection(connection, speaker.appOf));
    return {
      type: "hello",
      version,
      server: headingOf(speaker),
      rows,
      ended: this.#over,
      connections: speaker.host.connectionCount,
      controls: this.#controls(),
    };
  }
}
