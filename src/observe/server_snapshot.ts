/**
 * ServerSnapshot: all that a running server says of itself, as a value that survives JSON.
 *
 * Owns: the shape, making a connection's part of it, and knowing it again. Must not know:
 * how the text travels, or how it is shown (netstat.ts).
 */
import type { ConnectionInfo } from "../tcp/info.ts";
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { connectionEnds } from "./connection_ends.ts";

/** A port that is listened on. */
interface ListenerSnapshot {
  readonly port: number;
  readonly app: string;
  readonly state: TcpState;
}

/** Figures that mean nothing until they are first set (0, or infinite, which JSON cannot say): null stands for that. */
type UnsetFigure = "ssthresh" | "minRttUs";

/** A connection: every figure of it, and what runs on it. */
export interface ConnectionSnapshot extends Omit<ConnectionInfo, UnsetFigure> {
  /** Bytes; null as long as there was no loss. */
  readonly ssthresh: number | null;
  /** Null as long as nothing was measured. */
  readonly minRttUs: number | null;
  readonly app: string;
  /** `IP:PORT` of our end. */
  readonly local: string;
  /** `IP:PORT` of the other end. */
  readonly peer: string;
}

/** One of several hosts of a server. */
interface HostSnapshot {
  readonly mac: string;
  readonly ip: readonly string[];
}

/** One server process. */
export interface ServerSnapshot {
  readonly pid: number;
  readonly device: string;
  /** Of all hosts. */
  readonly ip: readonly string[];
  /** Of the first host. */
  readonly mac: string;
  /** Where there are several: each. */
  readonly hosts?: readonly HostSnapshot[];
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly listeners: readonly ListenerSnapshot[];
  readonly connections: readonly ConnectionSnapshot[];
  readonly counters: Readonly<Record<string, number>>;
  /**
   * What the server as a whole has in use: `connections`, and in bytes `memoryUsed` of `memoryLimit`, of it
   * `memoryBuffers`, and `memoryReserved` for all buffers.
   */
  readonly figures: Readonly<Record<string, number>>;
}

/** What a server says of itself before it comes to its connections. */
export type ServerHeading = Omit<ServerSnapshot, "connections">;

/** A snapshot from the lines in which it travels, the heading and then the connections; null when they are none. */
export function readServerSnapshot(lines: readonly unknown[]): ServerSnapshot | null {
  const [heading, ...connections] = lines;
  if (!isRecord(heading)) return null;
  const snapshot = { ...heading, connections };
  return isServerSnapshot(snapshot) ? snapshot : null;
}

/** A connection's part of a snapshot. */
export function connectionSnapshot(info: ConnectionInfo, app: string): ConnectionSnapshot {
  const unlessUnset = (figure: number) => Number.isFinite(figure) && figure > 0 ? figure : null;
  return {
    ...info,
    ssthresh: unlessUnset(info.ssthresh),
    minRttUs: unlessUnset(info.minRttUs),
    app,
    ...connectionEnds(info.name),
  };
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFigure: Check = (value) => typeof value === "number";
/** A person may be told to end it: never a number that stands for a group of processes, or for all. */
const isProcessNumber: Check = (value) => Number.isSafeInteger(value) && Number(value) > 0;
const isFigureOrUnset: Check = (value) => value === null || typeof value === "number";
const isSwitch: Check = (value) => typeof value === "boolean";
const isState: Check = (value) => TCP_STATES.some((state) => state === value);
const isOneOf = (...words: readonly string[]): Check => (value) => words.some((word) => word === value);
const isListOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const isFigures: Check = (value) => isRecord(value) && Object.values(value).every(isFigure);
const isShape = (checks: Readonly<Record<string, Check>>): Check => (value) =>
  isRecord(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Complete by its type: a member that ConnectionSnapshot gains must be checked here. */
const CONNECTION_CHECKS: Readonly<Record<keyof ConnectionSnapshot, Check>> = {
  id: isFigure,
  name: isText,
  state: isState,
  role: isOneOf("server", "client"),
  openedUs: isFigure,
  states: isListOf(isState),
  sndUna: isFigure,
  sndNxt: isFigure,
  sndWnd: isFigure,
  sndWl1: isFigure,
  sndWl2: isFigure,
  iss: isFigure,
  rcvNxt: isFigure,
  rcvWnd: isFigure,
  irs: isFigure,
  sendMss: isFigure,
  receiveMss: isFigure,
  pathMss: isFigure,
  sendWindowShift: isFigure,
  receiveWindowShift: isFigure,
  sackPermitted: isSwitch,
  timestamps: isSwitch,
  ecn: isSwitch,
  synTextBytes: isFigure,
  srttUs: isFigure,
  rttvarUs: isFigure,
  rtoUs: isFigure,
  minRttUs: isFigureOrUnset,
  backoff: isFigure,
  retransmits: isFigure,
  duplicatesReported: isFigure,
  sinceSendUs: isFigure,
  sinceReceiveUs: isFigure,
  congestionControl: isText,
  cwnd: isFigure,
  ssthresh: isFigureOrUnset,
  inFlight: isFigure,
  sackedBytes: isFigure,
  lostBytes: isFigure,
  resentBytes: isFigure,
  recovery: isOneOf("open", "disorder", "recovery", "loss"),
  receiveQueue: isFigure,
  sendQueue: isFigure,
  unsent: isFigure,
  outOfOrderBytes: isFigure,
  bytesIn: isFigure,
  bytesOut: isFigure,
  segmentsIn: isFigure,
  segmentsOut: isFigure,
  timers: isFigures,
  app: isText,
  local: isText,
  peer: isText,
};

const isHosts = isListOf(isShape({ mac: isText, ip: isListOf(isText) }));

const SERVER_CHECKS: Readonly<Record<keyof ServerSnapshot, Check>> = {
  pid: isProcessNumber,
  device: isText,
  ip: isListOf(isText),
  mac: isText,
  hosts: (value) => value === undefined || isHosts(value),
  startedAt: isFigure,
  listeners: isListOf(isShape({ port: isFigure, app: isText, state: isState })),
  connections: isListOf(isShape(CONNECTION_CHECKS)),
  counters: isFigures,
  figures: isFigures,
};

/** Whether `value`, parsed from another process's JSON, has the shape of a snapshot, all the way down. */
export function isServerSnapshot(value: unknown): value is ServerSnapshot {
  return isShape(SERVER_CHECKS)(value);
}
