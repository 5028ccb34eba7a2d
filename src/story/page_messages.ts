/**
 * What the live page is told, as values that survive JSON: the seam between a server and whatever shows it.
 *
 * Owns: the shapes. Must not know: how they are made (src/web), travel, or are shown (src/page).
 */
import type { ClosedEvent, TcpEvent } from "../tcp/events.ts";
import type { ConnectionInfo } from "../tcp/info.ts";
import type { StoredStory } from "./stored_story.ts";
import type { TcpState } from "../tcp/state.ts";

/** A server, as its page shows it. */
export interface PageHeading {
  readonly pid: number;
  readonly device: string;
  readonly ip: readonly string[];
  readonly mac: string;
  readonly listeners: readonly { readonly port: number; readonly app: string; readonly state: TcpState }[];
}

/** Every figure of a connection; null for what is not set yet. */
export interface PageFigures extends Omit<ConnectionInfo, "ssthresh" | "minRttUs"> {
  readonly ssthresh: number | null;
  readonly minRttUs: number | null;
}

/** A connection as the table shows it. */
export interface ConnectionRow {
  readonly id: number;
  readonly name: string;
  readonly local: string;
  readonly peer: string;
  readonly app: string;
  readonly role: "server" | "client";
  readonly state: TcpState;
  readonly states: readonly TcpState[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly segmentsIn: number;
  readonly segmentsOut: number;
  readonly retransmits: number;
  readonly srttUs: number;
  readonly rtoUs: number;
  readonly cwnd: number;
}

/** What is done to frames now. */
export interface ControlState {
  /** For a person; null where nothing is. */
  readonly faults: string | null;
  /** One-shot faults that wait, as they were written. */
  readonly pending: readonly string[];
  readonly isPaused: boolean;
  /** Frames that came in and wait. */
  readonly waiting: number;
  /** What each port is served by; absent where that cannot be changed. */
  readonly ports?: readonly { readonly port: number; readonly app: string }[];
  /** What it can be served by. */
  readonly applications?: readonly string[];
}

/** All that a page without a server shows. */
export interface StoredPage {
  /** What it is of: a file's name. */
  readonly title: string;
  readonly version: string;
  readonly connections: readonly StoredStory[];
  /** Connections beyond these. */
  readonly leftOut: number;
  /** What `why` says of states, rows and rules, by their names. */
  readonly why: Readonly<Record<string, readonly unknown[]>>;
}

/** The first message. */
export interface HelloMessage {
  readonly type: "hello";
  readonly version: string;
  readonly server: PageHeading;
  /** The newest connections, the newest last. */
  readonly rows: readonly ConnectionRow[];
  /** Connections that have ended last, as far as somebody looked on, the newest last. */
  readonly ended?: readonly ClosedEvent[];
  /** How many connections there are in all. */
  readonly connections: number;
  /** Null where nothing can be done to frames. */
  readonly controls: ControlState | null;
}

/** What has happened since the message before. */
export interface BatchMessage {
  readonly type: "batch";
  /** Seconds since 1970. */
  readonly time: number;
  /** Connections that are new, or differ from what was said of them. */
  readonly rows: readonly ConnectionRow[];
  /** Connections that have ended, also those that began since the message before. */
  readonly ended: readonly ClosedEvent[];
  /** Connections of which nothing more is told, because there are many that are newer. */
  readonly gone: readonly number[];
  readonly connections: number;
  /** The connection that is subscribed to, whose events and figures these are; null for none. */
  readonly subscribed: number | null;
  /** Whether they are told from its beginning: what a page shows of it already is told again. */
  readonly begins: boolean;
  /** Of that connection, in order; an event `lost` says how many are missing where it stands. */
  readonly events: readonly TcpEvent[];
  /** Events before these that were thrown away, because they came faster than they were taken. */
  readonly lost: number;
  /** Every figure of that connection; null where there is none, or nothing new. */
  readonly figures: PageFigures | null;
  /** As in the first message; absent where they are as they were. */
  readonly controls?: ControlState | null;
}
