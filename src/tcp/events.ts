/**
 * The event stream: what tcplab says about what it does, as typed values.
 *
 * Owns: the shape of every event of `--log json` (the contract), and nothing else.
 * Must not know: who reads the events, or how they are printed. Values only: no live records.
 */
import type { FlagName } from "../wire/tcp.ts";
import type { TcpState } from "./state.ts";

export type { FlagName };

/** Fields that every event has. */
export interface EventBase {
  /** Seconds since 1970, microsecond resolution. */
  readonly time: number;
}

/** A server has begun to answer. */
export interface ListeningEvent extends EventBase {
  readonly event: "listening";
  readonly device: string;
  readonly ip: string;
  readonly mac: string;
  readonly port: number;
  readonly app: string;
  readonly capture: string;
  readonly filter: string;
}

/** TCP options of a segment, as seen on the wire; only what was present. */
export interface SegmentOptions {
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: true;
  /** SACK blocks as [left, right) in absolute sequence numbers. */
  readonly sack?: readonly (readonly [number, number])[];
  readonly timestamps?: { readonly value: number; readonly echo: number };
}

/** A segment was received or sent. */
export interface SegmentEvent extends EventBase {
  readonly event: "segment";
  /** `LOCAL_IP:PORT-PEER_IP:PORT` (IPv6 addresses in brackets). */
  readonly connection: string;
  readonly direction: "recv" | "send";
  readonly flags: readonly FlagName[];
  readonly seq: number;
  readonly ack: number;
  /** Relative to the sender's initial sequence number; `seq` itself where that is unknown. */
  readonly relSeq: number;
  readonly relAck: number;
  /** The window field as it stands in the header, unscaled. */
  readonly window: number;
  /** Payload bytes. */
  readonly length: number;
  readonly options: SegmentOptions;
  /** Connection state after the segment. */
  readonly state: TcpState;
  /** Id of the rule that decided. */
  readonly rule: string;
  /** Where a packet larger than the MTU is cut on the wire, payload bytes; absent for ordinary segments. */
  readonly cut?: number;
  /** As {@link DropEvent.count}, of segments that belong to no connection; the other fields are those of one of them. */
  readonly count?: number;
}

/** A connection (or listener) changed its state. */
export interface TransitionEvent extends EventBase {
  readonly event: "transition";
  readonly connection: string;
  readonly from: TcpState;
  readonly to: TcpState;
  readonly recv: readonly FlagName[] | null;
  readonly send: readonly FlagName[] | null;
  readonly cause: "segment" | "user" | "deadline";
  readonly rule: string;
  /** `RFC 9293 §3.10.7.2`, for example. */
  readonly rfc: string;
}

/** Bytes arrived in order, or were given to be sent. */
export interface DataEvent extends EventBase {
  readonly event: "data";
  readonly connection: string;
  readonly direction: "recv" | "send";
  readonly length: number;
  /** Base64 of the contents, only with `--payload`. */
  readonly payload?: string;
}

/** Why something is sent again. */
export type RetransmitKind = "rto" | "fast" | "tlp" | "syn" | "syn-ack" | "fin" | "probe" | "keepalive";

/** Something is sent again. */
export interface RetransmitEvent extends EventBase {
  readonly event: "retransmit";
  readonly connection: string;
  readonly kind: RetransmitKind;
  readonly seq: number;
  readonly length: number;
  /** How many times this has been sent again so far, this time included. */
  readonly count: number;
}

/** How a connection ended. */
export type CloseReason = "normal" | "reset-by-peer" | "reset-by-us" | "timeout" | "refused";

/** A connection has ended. */
export interface ClosedEvent extends EventBase {
  readonly event: "closed";
  readonly connection: string;
  readonly reason: CloseReason;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** The path, from the state in which the connection began to CLOSED. */
  readonly states: readonly TcpState[];
}

/** Something was not taken. */
export interface DropEvent extends EventBase {
  readonly event: "drop";
  /** `checksum`, `malformed`, `no-listener`, `outside-window`, ... */
  readonly reason: string;
  readonly connection?: string;
  /**
   * How many this stands for, 2 or more. A hundred drops for one reason in a second are told by themselves, those that
   * follow as one at the end of the second, with this number (and no connection). Absent for one that stands for itself.
   */
  readonly count?: number;
}

/** An application threw: its connection has been reset. */
export interface ApplicationErrorEvent extends EventBase {
  readonly event: "application-error";
  readonly connection: string;
  /** What it threw, as text. */
  readonly message: string;
}

/** Something that a person who runs the lab wants to know, and that belongs to no segment. */
export interface NoticeEvent extends EventBase {
  readonly event: "notice";
  /** For programs: `address-conflict`, `carrier-lost`, `memory-pressure`, ... */
  readonly kind: string;
  /** For people: what happened, and what it means. */
  readonly message: string;
  readonly connection?: string;
  /** As {@link DropEvent.count}, of notices of one kind. */
  readonly count?: number;
}

/** Counters at the end. */
export interface SummaryEvent extends EventBase {
  readonly event: "summary";
  readonly durationMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** Any event. */
export type TcpEvent =
  | ListeningEvent
  | SegmentEvent
  | TransitionEvent
  | DataEvent
  | RetransmitEvent
  | ClosedEvent
  | DropEvent
  | ApplicationErrorEvent
  | NoticeEvent
  | SummaryEvent;

/** Takes one event; called in order, never from inside a transition. Should not throw: what it throws is lost. */
export type Observer = (event: TcpEvent) => void;
