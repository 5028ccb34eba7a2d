/**
 * The event stream: what tcplab says about what it does, as typed values.
 *
 * Owns: the shape of every event of `--log json` (the contract), and nothing else. What each field means to a reader, and
 * where it stands on the line, is in event_fields.ts; the compiler holds the two to each other.
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

/** What an event has that is about a connection. */
export interface OfConnection {
  /** `LOCAL_IP:PORT-PEER_IP:PORT` (IPv6 addresses in brackets). */
  readonly connection: string;
  /**
   * Number of the connection, from 1 in order of opening. Absent where there is none: a listener, a stranger's segment,
   * and a SYN that got a cookie.
   */
  readonly id?: number;
}

/** The same of an event that may be about none. */
export interface MaybeOfConnection {
  /** Name of the connection, where there is one. */
  readonly connection?: string;
  /** Its number, as in {@link OfConnection}. */
  readonly id?: number;
}

/** A server has begun to answer. */
export interface ListeningEvent extends EventBase {
  /** Tells it from other events. */
  readonly event: "listening";
  /** Name of the device. */
  readonly device: string;
  /** The address that is answered for. */
  readonly ip: string;
  /** The hardware address with which it is. */
  readonly mac: string;
  /** Where it listens. */
  readonly port: number;
  /** What runs on connections. */
  readonly app: string;
  /** How frames are taken from the device. */
  readonly capture: string;
  /** The capture filter. */
  readonly filter: string;
}

/** TCP options of a segment, as seen on the wire; only what was present. */
export interface SegmentOptions {
  /** Maximum segment size (RFC 9293 §3.7.1). */
  readonly mss?: number;
  /** Shift of the window (RFC 7323 §2). */
  readonly windowScale?: number;
  /** RFC 2018 §2. */
  readonly sackPermitted?: true;
  /** SACK blocks as [left, right) in absolute sequence numbers. */
  readonly sack?: readonly (readonly [number, number])[];
  /** TSval and TSecr (RFC 7323 §3). */
  readonly timestamps?: { readonly value: number; readonly echo: number };
  /** Fast Open (RFC 7413 §4.1.1): the cookie in hexadecimal, empty for a request; `experimental`: in the form of the drafts. */
  readonly fastOpen?: { readonly cookie: string; readonly experimental?: true };
}

/** A segment was received or sent. */
export interface SegmentEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "segment";
  /**
   * Number of the segment, from 1 on each host, in the order in which segments are told; counted only while somebody
   * observes. One that an event before it has named (a transition, a retransmission, a fault) has its number from then.
   * Absent where `count` stands.
   */
  readonly segment?: number;
  /** `recv`: it came; `send`: it left. */
  readonly direction: "recv" | "send";
  /** Of the header, in its order. */
  readonly flags: readonly FlagName[];
  /** Sequence number, absolute. */
  readonly seq: number;
  /** Acknowledgment number, absolute. */
  readonly ack: number;
  /** Relative to the sender's initial sequence number; `seq` itself where that is unknown. */
  readonly relSeq: number;
  /** Relative to the initial sequence number of who is acknowledged. */
  readonly relAck: number;
  /** The window field as it stands in the header, unscaled. */
  readonly window: number;
  /** The same in bytes (RFC 7323 §2.2); absent where the scale is not known, as with a stranger's segment. */
  readonly windowBytes?: number;
  /** Payload bytes. */
  readonly length: number;
  /** What the header carried. */
  readonly options: SegmentOptions;
  /** Connection state after the segment. */
  readonly state: TcpState;
  /**
   * Id of the rule that decided: the one that changed the state (the last one, where several did), else the last that
   * was applied to the segment.
   */
  readonly rule: string;
  /** Where the segment changed the state more than once: the rules that did, in order. `rule` is the last of them. */
  readonly rules?: readonly string[];
  /** Where a packet larger than the MTU is cut on the wire, payload bytes; absent for ordinary segments. */
  readonly cut?: number;
  /** As {@link DropEvent.count}, of segments that belong to no connection; the other fields are those of one of them. */
  readonly count?: number;
}

/** A connection (or listener) changed its state. */
export interface TransitionEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "transition";
  /** Number of the segment that caused it; of one that a user or a deadline caused, of the segment that leaves with it. */
  readonly segment?: number;
  /** Before. */
  readonly from: TcpState;
  /** After. */
  readonly to: TcpState;
  /** Flags of the segment that caused it, null where none did. */
  readonly recv: readonly FlagName[] | null;
  /** Flags of the segment that leaves with it, null where none does. */
  readonly send: readonly FlagName[] | null;
  /** What made it happen. */
  readonly cause: "segment" | "user" | "deadline";
  /** Id of its row in the transition table: `listen.syn`. */
  readonly row: string;
  /** Id of the rule that fired. */
  readonly rule: string;
  /** `RFC 9293 §3.10.7.2`, for example. */
  readonly rfc: string;
}

/** Bytes arrived in order, or were given to be sent. */
export interface DataEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "data";
  /** `recv`: it came; `send`: it left. */
  readonly direction: "recv" | "send";
  /** How many. */
  readonly length: number;
  /** Base64 of the contents, only with `--payload`. */
  readonly payload?: string;
}

/** Why something is sent again. */
export type RetransmitKind = "rto" | "fast" | "tlp" | "syn" | "syn-ack" | "fin" | "probe" | "keepalive";

/** Something is sent again. */
export interface RetransmitEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "retransmit";
  /** Number of the segment that carries it, which follows. */
  readonly segment?: number;
  /** Number of the segment that carried its first octet last; absent where that was not observed. */
  readonly repeats?: number;
  /** Why. */
  readonly kind: RetransmitKind;
  /** Sequence number, absolute. */
  readonly seq: number;
  /** As {@link SegmentEvent.relSeq}. */
  readonly relSeq: number;
  /** Payload bytes. */
  readonly length: number;
  /** How many times this has been sent again so far, this time included. */
  readonly count: number;
}

/** How a connection ended. */
export type CloseReason = "normal" | "reset-by-peer" | "reset-by-us" | "timeout" | "refused";

/** A connection has ended. */
export interface ClosedEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "closed";
  /** How. */
  readonly reason: CloseReason;
  /** That the application could read. */
  readonly bytesIn: number;
  /** That the peer has acknowledged. */
  readonly bytesOut: number;
  /** From the first segment or call to the end. */
  readonly durationMs: number;
  /** The path, from the state in which the connection began to CLOSED. */
  readonly states: readonly TcpState[];
}

/** Something was not taken. */
export interface DropEvent extends EventBase, MaybeOfConnection {
  /** Tells it from other events. */
  readonly event: "drop";
  /** `checksum`, `malformed`, `no-listener`, `outside-window`, ... */
  readonly reason: string;
  /** Number of the segment that was not taken, where it has one. */
  readonly segment?: number;
  /**
   * How many this stands for, 2 or more. A hundred drops for one reason in a second are told by themselves, those that
   * follow as one at the end of the second, with this number (and no connection). Absent for one that stands for itself.
   */
  readonly count?: number;
}

/** An application threw: its connection has been reset. */
export interface ApplicationErrorEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "application-error";
  /** What it threw, as text. */
  readonly message: string;
}

/** What our own fault injector does to a frame. */
export type FaultKind = "drop" | "duplicate" | "reorder" | "corrupt" | "delay" | "mark";

/** Our own fault injector has touched a frame: one event for each thing that it did. */
export interface FaultEvent extends EventBase, MaybeOfConnection {
  /** Tells it from other events. */
  readonly event: "fault";
  /** Number of the segment, in `segment` too unless it is lost here; of a copy, of the one that was copied. */
  readonly segment?: number;
  /** `recv`: on the way in, before we have seen it; `send`: on the way out, after it was told. */
  readonly direction: "recv" | "send";
  /** What it did. */
  readonly kind: FaultKind;
  /** Of a drop: by chance, because the queue of the path was full, or because just this segment was to be lost. */
  readonly reason?: "chance" | "queue-full" | "once";
  /** Of a delay: how long, microseconds. */
  readonly delayUs?: number;
  // The header of the segment as it was before the damage; absent where the frame carries none.
  /** Of the header, in its order. */
  readonly flags?: readonly FlagName[];
  /** Sequence number, absolute. */
  readonly seq?: number;
  /** Acknowledgment number, absolute. */
  readonly ack?: number;
  /** As in the segment's own event. */
  readonly relSeq?: number;
  /** As in the segment's own event. */
  readonly relAck?: number;
  /** The window field, unscaled. */
  readonly window?: number;
  /** Payload bytes. */
  readonly length?: number;
  /** Bytes of the frame. */
  readonly frameBytes: number;
}

/** An ARP packet that is for us or about us was received, or one was sent. */
export interface ArpEvent extends EventBase {
  /** Tells it from other events. */
  readonly event: "arp";
  /** `recv`: it came; `send`: it left. */
  readonly direction: "recv" | "send";
  /** A probe asks for nobody (RFC 5227), an announcement is a request for the sender's own address. */
  readonly kind: "request" | "reply" | "probe" | "announcement";
  /** Whose the packet says it is; `0.0.0.0` in a probe. */
  readonly sender: string;
  /** Its hardware address. */
  readonly senderMac: string;
  /** Who is asked for, or answered. */
  readonly target: string;
  /** As {@link DropEvent.count}. */
  readonly count?: number;
}

/** The same of neighbor discovery, for IPv6 (RFC 4861). */
export interface NdpEvent extends EventBase {
  /** Tells it from other events. */
  readonly event: "ndp";
  /** `recv`: it came; `send`: it left. */
  readonly direction: "recv" | "send";
  /**
   * A probe is a solicitation from nobody (RFC 4862 §5.4.2); an advertisement answers a solicitation, an announcement goes to
   * everybody: nobody has asked, or one that probes.
   */
  readonly kind: "solicitation" | "advertisement" | "probe" | "announcement";
  /** Whom the packet is from; `::` in a probe. */
  readonly sender: string;
  /** Its hardware address. */
  readonly senderMac: string;
  /** Who is asked for, or said to be there. */
  readonly target: string;
  /** Whom the packet is for: a host, or a group. */
  readonly to: string;
  /** As {@link DropEvent.count}. */
  readonly count?: number;
}

/** An ICMP or ICMPv6 message for us was received, or one was sent. */
export interface IcmpEvent extends EventBase, MaybeOfConnection {
  /** Tells it from other events. */
  readonly event: "icmp";
  /** `recv`: it came; `send`: it left. */
  readonly direction: "recv" | "send";
  /** What it says. */
  readonly kind:
    | "echo-request"
    | "echo-reply"
    | "unreachable"
    | "too-big"
    | "time-exceeded"
    | "parameter-problem"
    | "other";
  /** Of its header. */
  readonly type: number;
  /** Of its header. */
  readonly code: number;
  /** Addresses of the packet. */
  readonly from: string;
  /** Where it went. */
  readonly to: string;
  /** Of an error about a connection: the rule that decided. */
  readonly rule?: string;
  /** As {@link DropEvent.count}. */
  readonly count?: number;
}

/** What a deadline of a connection is for. */
export type TimerName =
  | "rto"
  | "tlp"
  | "rack"
  | "persist"
  | "delayed-ack"
  | "keep-alive"
  | "time-wait"
  | "fin-wait-2";

/** A deadline of a connection was set, or set anew; has come; or is not awaited any more. Only where asked for. */
export interface TimerEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "timer";
  /** Which. */
  readonly timer: TimerName;
  /** What became of it. */
  readonly action: "armed" | "fired" | "stopped";
  /** Of one that is armed: from now, microseconds. */
  readonly inUs?: number;
}

/** Figures of a connection, when one of them has changed; at most one an event of it. Only where asked for. */
export interface SampleEvent extends EventBase, OfConnection {
  /** Tells it from other events. */
  readonly event: "sample";
  /** Bytes. */
  readonly cwnd: number;
  /** Bytes; 0 while there is none. */
  readonly ssthresh: number;
  /** Bytes sent, and neither acknowledged nor taken for lost. */
  readonly inFlight: number;
  /** 0 while nothing has been measured. */
  readonly srttUs: number;
  /** The retransmission timeout (RFC 6298). */
  readonly rtoUs: number;
  /** The peer's window, bytes: 0 when it is shut. */
  readonly sndWnd: number;
  /** Ours, bytes. */
  readonly rcvWnd: number;
}

/** Lines are missing here, because whoever reads the log was too slow. */
export interface LostEvent extends EventBase {
  /** Tells it from other events. */
  readonly event: "lost";
  /** How many. */
  readonly count: number;
}

/** Something that a person who runs the lab wants to know, and that belongs to no segment. */
export interface NoticeEvent extends EventBase, MaybeOfConnection {
  /** Tells it from other events. */
  readonly event: "notice";
  /** For programs: `address-conflict`, `carrier-lost`, `memory-pressure`, ... */
  readonly kind: string;
  /** For people: what happened, and what it means. */
  readonly message: string;
  /** As {@link DropEvent.count}, of notices of one kind. */
  readonly count?: number;
}

/** Counters at the end. */
export interface SummaryEvent extends EventBase {
  /** Tells it from other events. */
  readonly event: "summary";
  /** Since the beginning. */
  readonly durationMs: number;
  /** By name. */
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
  | FaultEvent
  | ArpEvent
  | NdpEvent
  | IcmpEvent
  | TimerEvent
  | SampleEvent
  | LostEvent
  | NoticeEvent
  | SummaryEvent;

/**
 * What an observer wants to hear of the many events: `segment`, `data` and `sample` of a connection. All others it hears in any
 * case, and so segments that are sent again or change a state. Asked before each such event is made, so that one that
 * nobody wants costs next to nothing; it may change its mind at any time.
 */
export interface EventInterest {
  /** Whether a segment of the connection with this number is heard, which is told next if it is. */
  readonly segments: (id: number) => boolean;
  /** Whether the events `data` are. */
  readonly data: boolean;
  /** Whether samples of its figures are, which otherwise are told only where asked for in the host's options. */
  readonly samples: (id: number) => boolean;
}

/** Takes one event; called in order, never from inside a transition. Should not throw: what it throws is lost. */
export type Observer = (event: TcpEvent) => void;
