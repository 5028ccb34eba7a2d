/**
 * The schema of the events: which fields each has, in the order in which they stand on a line, and what they mean.
 *
 * Owns: names, order, kinds of values and the sentences about them. The lines of `--log json` are written by it
 * (observe/event_json.ts), docs/events.md is made from it (scripts/write_events_page.ts), and the compiler holds it to the
 * types of events.ts: a field that is missing here, that is not there, or that is optional in one of the two only, does not
 * compile. Must not know: how a line is written.
 */
import type { TcpEvent } from "./events.ts";

/** Kinds of values on a line. */
export type FieldType =
  | "number"
  | "string"
  | "flags"
  | "flags or null"
  | "options"
  | "list of strings"
  | "counters";

/** What the schema says of a field. */
export interface FieldOf<Type extends FieldType, IsOptional extends boolean> {
  readonly type: Type;
  readonly optional: IsOptional;
  readonly text: string;
}

/** What the schema says of a kind of event. */
interface KindOf<Event> {
  /** When it is told. */
  readonly text: string;
  readonly fields: {
    readonly [Name in FieldName<Event>]-?: FieldOf<TypeOf<Event[Name]>, IsOptional<Event, Name>>;
  };
}

type FieldName<Event> = Exclude<keyof Event, "event" | "time">;

type IsOptional<Event, Name extends keyof Event> = undefined extends Event[Name] ? true
  : Record<never, never> extends Pick<Event, Name> ? true
  : false;

type TypeOf<Value> = [Exclude<Value, undefined>] extends [number] ? "number"
  : [Exclude<Value, undefined>] extends [string] ? "string"
  : [null] extends [Value] ? "flags or null"
  : [Exclude<Value, undefined>] extends [readonly (infer Item)[]] ? ListOf<Item>
  : [Exclude<Value, undefined>] extends [Readonly<Record<string, number>>] ? "counters"
  : "options";

/** Names of flags are a list of strings, too, but not any. */
type ListOf<Item> = string extends Item ? "list of strings"
  : "SYN" extends Item ? "flags"
  : "list of strings";

type EventSchema = {
  readonly [Event in TcpEvent as Event["event"]]: KindOf<Event>;
};

const number = <IsOptional extends boolean>(optional: IsOptional, text: string) =>
  ({ type: "number", optional, text }) as const;
const string = <IsOptional extends boolean>(optional: IsOptional, text: string) =>
  ({ type: "string", optional, text }) as const;

const CONNECTION_TEXT = "`LOCAL_IP:PORT-PEER_IP:PORT`";
const connection = string(false, CONNECTION_TEXT);
const perhapsConnection = string(true, `${CONNECTION_TEXT}, where it is known`);
const id = number(
  true,
  "number of the connection, from 1 in order of opening; absent where there is none (listener, stranger, SYN cookie)",
);
const segmentOf = (text: string) => number(true, text);
const direction = string(false, "`recv` or `send`");
const count = number(
  true,
  "2 or more: this line stands for so many alike, which have followed others within a second; absent for one",
);

/** All events; see the head of this file. */
export const EVENT_FIELDS = {
  listening: {
    text: "A server has begun to answer.",
    fields: {
      device: string(false, "name of the device"),
      ip: string(false, "address"),
      mac: string(false, "hardware address that answers for it"),
      port: number(false, "port"),
      app: string(false, "what runs on a connection"),
      capture: string(false, "how frames are taken from the device"),
      filter: string(false, "the BPF filter of the capture"),
    },
  },
  segment: {
    text:
      "A segment was received, or is being sent. One that was received is told when it is decided what it leads to, and before that happens: its transitions and answers follow.",
    fields: {
      connection,
      id,
      segment: segmentOf(
        "number of the segment, from 1, in the order in which segments are told (or named for the first time by an event before them); absent where `count` stands",
      ),
      direction,
      flags: { type: "flags", optional: false, text: "in the order SYN, FIN, RST, PSH, ACK, URG, ECE, CWR" },
      seq: number(false, "sequence number, as in the header"),
      ack: number(false, "acknowledgment number, as in the header"),
      relSeq: number(
        false,
        "`seq` counted from the sender's SYN, which is 0; `seq` itself where that is not known",
      ),
      relAck: number(false, "`ack` in the same way; 0 without the flag ACK"),
      window: number(false, "as in the header, not scaled"),
      windowBytes: number(true, "the window in bytes; absent where the scale is not known"),
      length: number(false, "bytes of payload"),
      options: {
        type: "options",
        optional: false,
        text:
          "those that were there: `mss`, `windowScale`, `sackPermitted` (true), `sack` (pairs of absolute numbers), `timestamps` (`value`, `echo`), `fastOpen` (`cookie` in hexadecimal, empty for a request; `experimental` (true) where its kind is 254)",
      },
      state: string(false, "state of the connection after the segment"),
      rule: string(
        false,
        "the rule that decided: the one by which the segment changed the state (the last, where several did), else the last one that was applied to it",
      ),
      rules: {
        type: "list of strings",
        optional: true,
        text:
          "where the segment changed the state more than once (ACK of our FIN and the peer's FIN in one): each rule that did",
      },
      cut: number(true, "of a packet larger than the MTU: bytes of payload at which it is cut on the wire"),
      count,
    },
  },
  transition: {
    text:
      "A connection, or a listener, has changed its state. Its rule is that of the segment that it names, or one of that segment's `rules`, if a segment was the cause.",
    fields: {
      connection,
      id,
      segment: segmentOf(
        "number of the segment that was the cause; where a user or a deadline was, of the segment that leaves with it (its own line follows); absent where there is none, and where an ICMP error was the cause",
      ),
      from: string(false, "state before"),
      to: string(false, "state after"),
      recv: { type: "flags or null", optional: false, text: "of the segment that was the cause" },
      send: {
        type: "flags or null",
        optional: false,
        text: "of the segment that goes out with it, ECE and CWR left out but in a SYN",
      },
      cause: string(false, "`segment`, `user` or `deadline`"),
      row: string(false, "id of the row in `tcplab table --format json`"),
      rule: string(false, "the rule that decided"),
      rfc: string(false, "where the row comes from"),
    },
  },
  data: {
    text: "Bytes have arrived in order, or were given to be sent.",
    fields: {
      connection,
      id,
      direction,
      length: number(false, "bytes"),
      payload: string(true, "the bytes in Base64, only with `--payload`"),
    },
  },
  retransmit: {
    text: "Something is sent again; its segment follows.",
    fields: {
      connection,
      id,
      segment: segmentOf("number of the segment that carries it now"),
      repeats: number(
        true,
        "number of the segment that carried its first octet last; absent where nobody observed that one, and for a probe that carries nothing that was sent before",
      ),
      kind: string(false, "`rto`, `fast`, `tlp`, `syn`, `syn-ack`, `fin`, `probe` or `keepalive`"),
      seq: number(false, "sequence number, as in the header"),
      relSeq: number(false, "the same, counted from our SYN"),
      length: number(false, "bytes of payload"),
      count: number(false, "how many times it has been sent again, this time included"),
    },
  },
  closed: {
    text: "A connection has ended.",
    fields: {
      connection,
      id,
      reason: string(false, "`normal`, `reset-by-peer`, `reset-by-us`, `timeout` or `refused`"),
      bytesIn: number(false, "bytes of the peer's stream"),
      bytesOut: number(false, "bytes of ours that were acknowledged"),
      durationMs: number(false, "from the opening, milliseconds"),
      states: { type: "list of strings", optional: false, text: "the path, to CLOSED" },
    },
  },
  drop: {
    text: "Something was not taken.",
    fields: {
      reason: string(false, "`checksum`, `malformed`, `no-listener`, `outside-window` and others"),
      connection: perhapsConnection,
      id,
      segment: segmentOf("number of the segment that was not taken, where it has one"),
      count,
    },
  },
  fault: {
    text:
      "Our own fault injector (`--fault`) has touched a frame: one line for each thing that it did. Of what comes in it is told before the segment, which may come much later, or never; of what goes out behind the segment, which has been told already.",
    fields: {
      connection: perhapsConnection,
      id,
      segment: segmentOf(
        "number of the segment; one that is lost on the way in has a number, too, but no line of its own. A copy arrives as a segment with another number",
      ),
      direction: string(false, "`recv`: on the way in, `send`: on the way out"),
      kind: string(false, "`drop`, `duplicate`, `reorder`, `corrupt`, `delay` or `mark` (ECN's CE)"),
      reason: string(
        true,
        "of a drop: `chance`, `queue-full`, or `once` where just this segment was to be lost",
      ),
      delayUs: number(true, "of a delay: microseconds, more where the frames before it hold it up"),
      flags: {
        type: "flags",
        optional: true,
        text: "of the segment, before any damage; absent where the frame has none",
      },
      seq: number(true, "as in a segment's line, and so are the following"),
      ack: number(true, ""),
      relSeq: number(true, ""),
      relAck: number(true, ""),
      window: number(true, ""),
      length: number(true, "bytes of payload"),
      frameBytes: number(false, "bytes of the whole frame"),
    },
  },
  arp: {
    text: "An ARP packet that asks for us, answers us or claims our address was received, or one was sent.",
    fields: {
      direction,
      kind: string(
        false,
        "`request`, `reply`, `probe` (asks for nobody) or `announcement` (for the sender's own address)",
      ),
      sender: string(false, "address of the sender; 0.0.0.0 in a probe"),
      senderMac: string(false, "its hardware address"),
      target: string(false, "address that is asked for, or answered"),
      count,
    },
  },
  ndp: {
    text:
      "A solicitation or advertisement of IPv6's neighbour discovery, which is for us or about one of our addresses, was received, or one was sent.",
    fields: {
      direction,
      kind: string(
        false,
        "`solicitation`, `advertisement` (answers one), `probe` (a solicitation from nobody) or `announcement` (an advertisement to everybody)",
      ),
      sender: string(false, "address of the sender; :: in a probe"),
      senderMac: string(false, "its hardware address"),
      target: string(false, "address that is asked for, or said to be there"),
      to: string(false, "address of the receiver, a host's or a group's"),
      count,
    },
  },
  icmp: {
    text: "An ICMP or ICMPv6 message for us was received, or one was sent.",
    fields: {
      connection: string(true, "the connection that an error is about, where we have it"),
      id,
      direction,
      kind: string(
        false,
        "`echo-request`, `echo-reply`, `unreachable`, `too-big`, `time-exceeded`, `parameter-problem` or `other`",
      ),
      type: number(false, "as in the header: of ICMPv6 where the addresses are IPv6's"),
      code: number(false, "as in the header"),
      from: string(false, "address of the sender"),
      to: string(false, "address of the receiver"),
      rule: string(true, "of an error about a connection: the rule that decided"),
      count,
    },
  },
  timer: {
    text:
      "A deadline of a connection was set, or set to another time, has come, or is not awaited any more. Only with `--show timers`.",
    fields: {
      connection,
      id,
      timer: string(
        false,
        "`rto`, `tlp` (tail loss probe), `rack` (reordering), `persist` (window probe), `delayed-ack`, `keep-alive`, `time-wait` or `fin-wait-2`",
      ),
      action: string(false, "`armed`, `fired` or `stopped`"),
      inUs: number(true, "of one that is armed: from now, microseconds"),
    },
  },
  sample: {
    text:
      "Figures of a connection, when one of them has changed: at most one line for a segment, a call or a deadline. Only with `--show samples`.",
    fields: {
      connection,
      id,
      cwnd: number(false, "congestion window, bytes"),
      ssthresh: number(false, "bytes; 0 while there is none"),
      inFlight: number(false, "bytes sent, and neither acknowledged nor taken for lost"),
      srttUs: number(false, "smoothed round trip, microseconds; 0 while nothing has been measured"),
      rtoUs: number(false, "retransmission time-out with its back-off, microseconds"),
      sndWnd: number(false, "the peer's window, bytes: 0 when it is shut"),
      rcvWnd: number(false, "our window, bytes"),
    },
  },
  lost: {
    text: "Lines are missing at this place, because whoever reads the log was too slow.",
    fields: { count: number(false, "how many") },
  },
  "application-error": {
    text: "An application has failed: its connection is reset.",
    fields: { connection, id, message: string(false, "what it threw") },
  },
  notice: {
    text: "Something that a person who runs the lab wants to know, and that belongs to no segment.",
    fields: {
      kind: string(false, "for programs: `address-conflict`, `neighbor-moved`, `mtu-changed` and others"),
      message: string(false, "for people"),
      connection: perhapsConnection,
      id,
      count,
    },
  },
  summary: {
    text: "What was counted, at the end.",
    fields: {
      durationMs: number(false, "since the beginning, milliseconds"),
      counters: { type: "counters", optional: false, text: "numbers by name" },
    },
  },
} as const satisfies EventSchema;

/** By kind: names of the fields behind `event` and `time`, in the order in which they stand on a line. */
export const FIELD_NAMES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(EVENT_FIELDS).map(([kind, { fields }]) => [kind, Object.keys(fields)]),
);
