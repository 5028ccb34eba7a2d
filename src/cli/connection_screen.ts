/**
 * `serve --log tui`: a running server on the whole of a terminal.
 *
 * Owns: what is kept of events, which connection is looked at, what keys do, and when a picture is made: at most 20 a second,
 * none where nothing has changed. Must not know: the terminal's codes (terminal_screen.ts), what stands where
 * (observe/server_screen.ts), what an event means (story).
 *
 * It runs on the thread of the server's pump: an event is a few steps, and a picture is bounded work, however many
 * connections there are and whatever has come since the last one.
 */
import type { HostConnection } from "../host/api.ts";
import {
  type ListedConnection,
  type ListOrder,
  SORT_KEYS,
  sortedConnections,
} from "../observe/connection_list.ts";
import { connectionEnds } from "../observe/connection_ends.ts";
import type { EventExpression } from "../observe/event_expression.ts";
import { connectionId, type EventFilter, eventFilter } from "../observe/event_filter.ts";
import { connectionDetails } from "../observe/netstat.ts";
import { ladderLinesOf, type SelectedConnection, serverScreen } from "../observe/server_screen.ts";
import { connectionSnapshot } from "../observe/server_snapshot.ts";
import { printable } from "../observe/text_layout.ts";
import type { Finding } from "../story/finding.ts";
import { findingsOf } from "../story/findings.ts";
import { EventStory } from "../story/from_events.ts";
import { ladderOf } from "../story/ladder.ts";
import { Story } from "../story/story.ts";
import type { ClosedEvent, EventInterest, TcpEvent } from "../tcp/events.ts";
import { changePace, type CommandAnswer, endConnection } from "../web/page_commands.ts";
import type { PageSubject } from "../web/page_subject.ts";
import { PassingConnections } from "./passing_connections.ts";
import { portOf } from "../wire/address.ts";
import { errorLine } from "./command.ts";
import type { Key } from "./screen_keys.ts";
import { type TerminalDevice, TerminalScreen } from "./terminal_screen.ts";

/** 20 pictures a second: what a person takes for at once. */
export const PICTURE_MS = 50;
/** Figures that change without an event (timers) are shown after so long. */
const FIGURES_MS = 1000;
/** How long a notice stands where the keys do, from its first picture on: a process that stands still shows none. */
const NOTICE_MS = 6000;
/** Local choice: living connections in the list; a person reads fewer. */
const MOST_LIVING = 300;
/** Local choice: connections that have ended and can still be looked at. */
const MOST_ENDED = 100;
/** Local choice: rows of a story, some screens full for each of many, about 20 MB in all, and as much for what is not acknowledged. */
const STORY_BOUNDS = { connections: 1000, rows: 512, allRows: 40_000, sentBytes: 20_000_000, summaries: 0 };
/** Local choice: connections of which states and figures are gone on with when their rows are no longer kept. */
const MOST_TOLD = 2 * STORY_BOUNDS.connections;
/** Whose states and ladders are to be seen is known only later: all segments. */
const INTEREST: EventInterest = { segments: () => true, data: false, samples: () => false };
/** Lines that a page of keys goes. */
const PAGE_LINES = 10;

/** What a screen is made of. */
interface ConnectionScreenParts {
  readonly device: TerminalDevice;
  readonly color: boolean;
  readonly isUtf8: boolean;
  /** Which connections are shown; null: all. */
  readonly only: EventExpression | null;
  /** Milliseconds of any clock that runs evenly. */
  readonly nowMs: () => number;
  /** Lets `act` be called every so many milliseconds until the returned function is called. */
  readonly repeat: (act: () => void, ms: number) => () => void;
}

/** See the head of this file. */
export class ConnectionScreen {
  /** Resolves when the person wants an end. */
  readonly quit: Promise<void>;
  readonly #quit = Promise.withResolvers<void>();
  readonly #parts: ConnectionScreenParts;
  readonly #terminal: TerminalScreen;
  readonly #events = new EventStory(new Story(STORY_BOUNDS), { mostIds: MOST_TOLD });
  readonly #passes: EventFilter | null;
  /** Those that live and of which something has passed. */
  readonly #passing = new PassingConnections<HostConnection>(MOST_LIVING);
  /** The last that was known of those that have ended, the newest last. */
  readonly #ended = new Map<number, ListedConnection>();
  /** As they were when the last picture was made. */
  #living: readonly ListedConnection[] = [];
  #subject: PageSubject | null = null;
  #page: string | null = null;
  #order: ListOrder = { key: "id", isReversed: true };
  /** Null: the newest one, whichever that is. */
  #chosen: number | null = null;
  #scrolledBack = 0;
  /** `until`: null before its first picture. */
  #notice: { readonly text: string; until: number | null } | null = null;
  #isStale = true;
  #drawnAt = -Infinity;
  #findings: { readonly revision: number; readonly id: number; readonly found: readonly Finding[] } | null =
    null;
  readonly #leave: (() => void)[] = [];

  /** Takes the terminal. */
  constructor(parts: ConnectionScreenParts) {
    this.#parts = parts;
    this.quit = this.#quit.promise;
    this.#passes = parts.only === null ? null : eventFilter({ only: parts.only });
    this.#terminal = new TerminalScreen(parts.device, {
      onKey: (key) => this.#guarded(() => this.#press(key)),
      onResize: () => this.#isStale = true,
    });
  }

  /** Shows a server from now on; `page`: the address of its live page, null without one. */
  show(subject: PageSubject, page: string | null = null): void {
    this.#subject = subject;
    this.#page = page;
    this.#leave.push(
      subject.observe(this.#take, INTEREST),
      this.#parts.repeat(() => this.#guardedTurn(), PICTURE_MS),
    );
    this.#guardedTurn();
  }

  /** A line for the person, for a while. */
  notice(text: string): void {
    this.#notice = { text, until: null };
    this.#isStale = true;
  }

  /** Lets go of the server, and gives the terminal back; tells whether it is back. As {@link TerminalScreen.close}. */
  async close(): Promise<boolean> {
    for (const leave of this.#leave.splice(0)) leave();
    return await this.#terminal.close();
  }

  readonly #take = (event: TcpEvent): void => {
    this.#isStale = true;
    if (this.#passes !== null && !this.#passes(event)) return;
    this.#events.observe(event);
    const id = this.#passes === null ? undefined : connectionId(event);
    if (id !== undefined) this.#passing.passed(id);
    if (event.event === "closed") this.#end(event);
  };

  #end(event: ClosedEvent): void {
    const { id, connection: name, states, bytesIn, bytesOut } = event;
    // A half-open one of a flood says nothing that its end does not.
    if (id === undefined) return;
    const before = this.#living.find((row) => row.id === id);
    const subject = this.#subject;
    const ends = connectionEnds(name);
    this.#ended.set(id, {
      id,
      ...ends,
      state: states.at(-1) ?? "CLOSED",
      app: before?.app ?? subject?.speaker.appOf(portOf(ends.local)) ?? "",
      receiveQueue: 0,
      sendQueue: 0,
      bytesIn,
      bytesOut,
      retransmits: before?.retransmits ?? 0,
      srttUs: before?.srttUs ?? null,
    });
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= MOST_ENDED) break;
      if (oldest !== this.#chosen) this.#ended.delete(oldest);
    }
  }

  /** Whoever looks on must not end the server: what goes wrong is said, and the next picture may be well again. */
  #guarded(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.notice(`${errorLine(error)} (a defect of tcplab's screen: the server goes on)`);
      return false;
    }
  }

  /** Where no picture can be made, the notice stands alone. */
  #guardedTurn(): void {
    if (this.#guarded(() => this.#turn())) return;
    const { columns, rows } = this.#terminal.size;
    const lines = new Array<string>(Math.max(1, rows)).fill("");
    lines[0] = printable(this.#notice?.text ?? "").slice(0, columns);
    this.#terminal.draw(lines);
  }

  #turn(): void {
    const now = this.#parts.nowMs();
    if (this.#notice !== null && now >= (this.#notice.until ?? Infinity)) {
      this.#notice = null;
      this.#isStale = true;
    }
    if (!this.#isStale && now - this.#drawnAt < FIGURES_MS) return;
    // What has changed meanwhile is in the next picture.
    if (this.#terminal.isBusy) return;
    this.#isStale = false;
    this.#drawnAt = now;
    if (this.#notice !== null) this.#notice.until ??= now + NOTICE_MS;
    const subject = this.#subject;
    if (subject !== null) this.#draw(subject);
  }

  #draw(subject: PageSubject): void {
    const { speaker, injector } = subject;
    speaker.enter();
    const byId = this.#look(subject);
    const connections = sortedConnections([...this.#ended.values(), ...this.#living], this.#order);
    const row = this.#selectedRow(connections);
    const { columns, rows } = this.#terminal.size;
    const size = { columns, rows, color: this.#parts.color, isUtf8: this.#parts.isUtf8 };
    const lines = serverScreen({
      title: `tcplab ${speaker.pid} on ${speaker.link.name}  ${speaker.ip.join(", ")}`,
      page: this.#page,
      total: speaker.host.connectionCount,
      connections,
      order: this.#order,
      selected: row === null ? null : this.#selected(row, { living: byId.get(row.id), rows, subject }),
      paused: injector?.isPaused === true ? { waiting: injector.waiting } : null,
      notice: this.#notice?.text ?? null,
      keys: keysOf(injector !== null),
    }, size);
    this.#terminal.draw(lines);
  }

  /** Takes the figures of those that live. */
  #look({ speaker }: PageSubject): ReadonlyMap<number, HostConnection> {
    const byId = new Map<number, HostConnection>();
    const living: ListedConnection[] = [];
    const newest = this.#passes === null
      ? speaker.host.newestConnections()
      : this.#passing.newest(speaker.host, (id) => this.#events.connection(id) !== null);
    for (const connection of newest) {
      if (byId.size === MOST_LIVING) break;
      byId.set(connection.id, connection);
      const { id, name, state, receiveQueue, sendQueue, bytesIn, bytesOut, retransmits, srttUs } = connection
        .info();
      living.push({
        id,
        ...connectionEnds(name),
        state,
        app: speaker.appOf(connection.localPort, connection),
        receiveQueue,
        sendQueue,
        bytesIn,
        bytesOut,
        retransmits,
        srttUs: srttUs > 0 ? srttUs : null,
      });
      this.#ended.delete(id);
    }
    this.#living = living;
    return byId;
  }

  #selectedRow(connections: readonly ListedConnection[]): ListedConnection | null {
    const newest = connections.reduce((id, row) => Math.max(id, row.id), -1);
    const wanted = this.#chosen ?? newest;
    return connections.find(({ id }) => id === wanted) ?? connections.find(({ id }) => id === newest) ?? null;
  }

  #selected(
    row: ListedConnection,
    about: { living: HostConnection | undefined; rows: number; subject: PageSubject },
  ): SelectedConnection {
    const { living, rows, subject } = about;
    const story = this.#events.connection(row.id);
    // A line of the ladder is a line of text at least, so that these are enough.
    const last = ladderLinesOf({ rows }) + this.#scrolledBack;
    const { speaker } = subject;
    return {
      row,
      ladder: story === null ? null : ladderOf(story, { last }),
      scrolledBack: this.#scrolledBack,
      details: living === undefined
        ? [story?.closed === null || story === null ? "has ended" : `has ended: ${story.closed.reason}`]
        : connectionDetails(connectionSnapshot(living.info(), speaker.appOf(living.localPort, living))),
      findings: story === null ? [] : this.#findingsOf(row.id, story),
    };
  }

  /** Only where something has changed. */
  #findingsOf(id: number, story: Parameters<typeof findingsOf>[0]): readonly Finding[] {
    const { revision } = story;
    if (this.#findings?.id !== id || this.#findings.revision !== revision) {
      this.#findings = { id, revision, found: findingsOf(story) };
    }
    return this.#findings.found;
  }

  #press(key: Key): void {
    this.#isStale = true;
    switch (key) {
      case "up":
      case "k":
        return this.#choose(-1);
      case "down":
      case "j":
        return this.#choose(1);
      case "home":
      case "g":
        this.#chosen = null;
        this.#scrolledBack = 0;
        return;
      case "page-up":
      case "b":
        this.#scrolledBack += PAGE_LINES;
        return this.#boundScroll();
      case "page-down":
      case " ":
        this.#scrolledBack = Math.max(0, this.#scrolledBack - PAGE_LINES);
        return;
      case "end":
      case "G":
        this.#scrolledBack = 0;
        return;
      case "right":
      case "s":
        return this.#sortBy(1);
      case "left":
      case "S":
        return this.#sortBy(-1);
      case "r":
        this.#order = { ...this.#order, isReversed: !this.#order.isReversed };
        return;
      case "redraw":
        return this.#terminal.forget();
      case "q":
        return this.#quit.resolve();
      default:
        return this.#command(key);
    }
  }

  #command(key: Key): void {
    const subject = this.#subject;
    if (subject === null) return;
    const { injector } = subject;
    switch (key) {
      case "a":
        return this.#endSelected("abort", subject);
      case "c":
        return this.#endSelected("close", subject);
      case "p":
        return this.#answer(changePace(subject, injector?.isPaused === true ? "resume" : "pause"), null);
      case "n":
        return this.#answer(changePace(subject, "step"), null);
    }
  }

  #endSelected(how: "abort" | "close", subject: PageSubject): void {
    const row = this.#selectedRow([...this.#ended.values(), ...this.#living]);
    if (row === null) return this.notice("There is no connection");
    const done = how === "abort" ? "aborted: RST sent" : "closed: FIN follows what is still to be sent";
    this.#answer(endConnection(subject, { id: row.id, how }), `#${row.id} ${done}`);
  }

  #answer({ status, body }: CommandAnswer, done: string | null): void {
    if (status === 200) {
      if (done !== null) this.notice(done);
    } else if (typeof body === "object" && body !== null && "error" in body) this.notice(String(body.error));
  }

  #choose(step: 1 | -1): void {
    const connections = sortedConnections([...this.#ended.values(), ...this.#living], this.#order);
    const selected = this.#selectedRow(connections);
    if (selected === null) return;
    const index = connections.findIndex(({ id }) => id === selected.id) + step;
    this.#chosen = connections[Math.max(0, Math.min(connections.length - 1, index))].id;
    this.#scrolledBack = 0;
  }

  #sortBy(step: 1 | -1): void {
    const index = (SORT_KEYS.indexOf(this.#order.key) + step + SORT_KEYS.length) % SORT_KEYS.length;
    this.#order = { key: SORT_KEYS[index], isReversed: false };
  }

  /** No further back than there are rows. */
  #boundScroll(): void {
    const row = this.#selectedRow([...this.#ended.values(), ...this.#living]);
    const story = row === null ? null : this.#events.connection(row.id);
    this.#scrolledBack = Math.min(this.#scrolledBack, 2 * (story?.keptRows ?? 0));
  }
}

function keysOf(hasInjector: boolean): readonly string[] {
  return [
    "q quit",
    "j/k choose",
    "s sort",
    "r reverse",
    "c close",
    "a abort",
    ...(hasInjector ? ["p pause", "n next frame"] : []),
    "PgUp/PgDn scroll",
    "g newest",
  ];
}
