/**
 * One TCP segment as anybody on its way could have seen it, and what is told of it afterwards: the rows of a ladder.
 *
 * Owns: these shapes. Must not know: where segments come from (from_events.ts, from_packets.ts), or what they mean.
 */
import type { SegmentOptions } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import type { Mark } from "./marks.ts";

/** The two ends of a connection. The client is who opened it: first SYN without ACK; where none was seen, the higher port. */
export type EndName = "client" | "server";

/** Both, in the order in which they are told. */
export const END_NAMES: readonly EndName[] = ["client", "server"];

/** The end that is not `end`. */
export function otherEnd(end: EndName): EndName {
  return end === "client" ? "server" : "client";
}

/** What became of a segment on its way; `lost-in` and `lost-out` were lost on purpose, by our own fault injector. */
export type Fate = "lost-in" | "lost-out" | "never-arrived";

/** A segment, on its way from one end to the other. */
export interface StorySegment {
  /** Number of the frame in its capture, or of the segment among the events of a host. */
  readonly number: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly from: EndName;
  /** Bits of `FLAG` of wire/tcp.ts. */
  readonly flags: number;
  /** SEG.SEQ and SEG.ACK, 32 bits as on the wire. */
  readonly seq: number;
  readonly ack: number;
  /** Payload octets: of a frame that was cut short when it was captured, what its headers say. */
  readonly length: number;
  /** The window field, unscaled. */
  readonly window: number;
  readonly options: SegmentOptions;
  /** `partial`: the sender left the sum to a device; `wrong`: no receiver takes it. Absent where nobody looked. */
  readonly checksum?: "correct" | "partial" | "wrong" | undefined;
  /** TTL or hop limit of its packet, where that was seen. */
  readonly ttl?: number | undefined;
  /** Number of the frame of which it is a copy (seen_frames.ts); null where it surely is none, absent where nobody can tell. */
  readonly copyOf?: number | null | undefined;
  /** Its TCP header as it was captured, a letter a byte (header_bytes.ts); absent where nobody has kept it. */
  readonly header?: string | undefined;
  /** The state of the end that told of it, after it: where that end is ours. */
  readonly truth?: { readonly state: TcpState; readonly rule: string } | undefined;
  readonly fate?: Fate | undefined;
  /** When it came to the other end, on the clock of `time`; absent where nobody was there to see it. */
  readonly arrival?: number | undefined;
}

/** The states of both ends; null where nothing shows one yet. */
export type BothStates = Readonly<Record<EndName, TcpState | null>>;

/** A segment in the ladder. What is found out later changes `marks`, `fate` and `revision`, and nothing else. */
export interface SegmentRow {
  readonly kind: "segment";
  /** Place among all rows of the connection, from 0. */
  readonly index: number;
  readonly segment: StorySegment;
  /** Positions in the two streams, in plain numbers: the SYN is 0, the first octet 1. Negative: before what was seen first. */
  readonly relSeq: number;
  /** 0 without the ACK flag. */
  readonly relAck: number;
  /** The window in bytes; null while its scale is unknown. */
  readonly windowBytes: number | null;
  readonly marks: readonly Mark[];
  readonly fate: Fate | null;
  /** After the segment, as far as it was known then. */
  readonly states: BothStates;
  /** Count of changes of the connection at the last change of this row. */
  readonly revision: number;
}

/** Data that arrived in order and the bare acknowledgments of it, in one row. */
export interface RunRow {
  readonly kind: "run";
  /** The end that sends the data; null where both do, or where the rows have been given up. */
  readonly from: EndName | null;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Numbers of the first and the last segment. */
  readonly first: number;
  readonly last: number;
  /** Segments, bare acknowledgments included. */
  readonly count: number;
  readonly acknowledgments: number;
  readonly bytes: number;
  /** How many of its segments fill the other end's window. */
  readonly windowsFilled: number;
  readonly fromTime: number;
  readonly toTime: number;
  /** Positions of the data in its stream, [left, right). */
  readonly relSeq: number;
  readonly relEnd: number;
  /** False where the rows have been given up. */
  readonly isOpenable: boolean;
  readonly states: BothStates;
}

/** Any row of the story; a view adds its own for gaps of time. */
export type Row = SegmentRow | RunRow;
