/**
 * A connection as qlog, as qvis reads it: seen from one end, segments as packets, positions of the stream as frames.
 *
 * Owns: how TCP is put in words that were made for QUIC. Must not know: files.
 *
 * Source: draft-ietf-quic-qlog-main-schema-01 ("qlog_version": "0.3", the newest that qvis knows); the later drafts' event definitions speak of QUIC alone. So:
 * a segment is a packet of type 1RTT whose number is that of its frame in the capture; its text is a `stream` frame of stream 0; what it
 * acknowledges, cumulatively and selectively, is an `ack` frame of the numbers of the packets that carried it; its window is the `max_data` that
 * it allows; a segment that is sent again makes what it repeats `packet_lost`. Flags and options stand beside, as members that qvis passes over.
 */
import type { ConnectionStory } from "../story/connection_story.ts";
import { isRetransmission } from "../story/marks.ts";
import { type EndName, otherEnd, type SegmentRow } from "../story/story_segment.ts";
import { FLAG, flagNames } from "../wire/tcp.ts";

/** What is wanted. */
export interface QlogWishes {
  /** The end from which it is seen. */
  readonly side: EndName;
  /** Where the segments come from, for a title. */
  readonly source: string;
}

/** A sending that may be acknowledged. */
interface Sending {
  readonly number: number;
  readonly time: number;
  readonly start: number;
  readonly end: number;
  isRepeat: boolean;
}

type QlogEvent = Readonly<Record<string, unknown>>;

const PACKET_TYPE = "1RTT";
/** Local choice: segments of the largest window of the usual buffers; of what nobody acknowledges the oldest is let go. */
const MOST_OPEN = 4096;
/** Of RFC 6298 §2.3. */
const SMOOTHING = 1 / 8;

/** The text of a file with these connections, a trace each. */
export function qlogText(connections: readonly ConnectionStory[], { side, source }: QlogWishes): string {
  const traces = connections.map((connection) => JSON.stringify(traceOf(connection, side)));
  const head = JSON.stringify({ qlog_version: "0.3", qlog_format: "JSON", title: source });
  return `${head.slice(0, -1)},"traces":[\n${traces.join(",\n")}\n]}\n`;
}

function traceOf(connection: ConnectionStory, side: EndName): QlogEvent {
  const { client, server } = connection.endpoints;
  return {
    title: `#${connection.id} ${client} > ${server}`,
    vantage_point: { name: connection.endpoints[side], type: side },
    common_fields: {
      protocol_type: ["TCP"],
      time_format: "relative",
      reference_time: (connection.span?.first.time ?? 0) * 1000,
    },
    events: new TraceEvents(connection, side).events(),
  };
}

/** Makes events, row by row. */
class TraceEvents {
  readonly #connection: ConnectionStory;
  readonly #side: EndName;
  readonly #begins: number;
  /** Of each end: what is not acknowledged yet, lowest first. */
  readonly #open: Record<EndName, Sending[]> = { client: [], server: [] };
  readonly #acked: Record<EndName, number> = { client: 0, server: 0 };
  readonly #sent: Record<EndName, number> = { client: 0, server: 0 };
  readonly #events: QlogEvent[] = [];
  readonly #roundTrips = { least: Infinity, smoothed: 0 };

  constructor(connection: ConnectionStory, side: EndName) {
    this.#connection = connection;
    this.#side = side;
    this.#begins = connection.span?.first.time ?? 0;
  }

  events(): readonly QlogEvent[] {
    for (const row of this.#connection.segmentRows()) this.#row(row);
    return this.#events;
  }

  #row(row: SegmentRow): void {
    const { segment, marks } = row;
    const { from, number, time, length, flags, options, window } = segment;
    const isOwn = from === this.#side;
    const repeats = marks.find(({ kind }) => isRetransmission(kind));
    if (isOwn && repeats?.of !== undefined) {
      this.#add(time, "recovery:packet_lost", {
        header: { packet_type: PACKET_TYPE, packet_number: repeats.of },
      });
    }
    const octets = length + ((flags & FLAG.SYN) !== 0 ? 1 : 0) + ((flags & FLAG.FIN) !== 0 ? 1 : 0);
    if (octets > 0 && (flags & FLAG.RST) === 0) this.#noteSending(row, octets, repeats !== undefined);
    const { ranges, roundTrip } = this.#acknowledged(row);
    const frames = [
      ...(ranges.length > 0 ? [{ frame_type: "ack", acked_ranges: ranges }] : []),
      ...(row.windowBytes !== null && (flags & FLAG.ACK) !== 0
        ? [{ frame_type: "max_data", maximum: Math.max(0, row.relAck - 1) + row.windowBytes }]
        : []),
      ...(length > 0 || (flags & FLAG.FIN) !== 0
        ? [{
          frame_type: "stream",
          stream_id: 0,
          offset: Math.max(0, row.relSeq - 1),
          length,
          fin: (flags & FLAG.FIN) !== 0,
        }]
        : []),
      ...((flags & FLAG.RST) !== 0 ? [{ frame_type: "connection_close", reason: "RST" }] : []),
    ];
    this.#add(time, `transport:packet_${isOwn ? "sent" : "received"}`, {
      header: { packet_type: PACKET_TYPE, packet_number: number },
      // Headers are not counted: what is sent of the stream is what the charts are about.
      raw: { ...(octets > 0 ? { length: octets } : {}), payload_length: length },
      frames,
      tcp: { flags: flagNames(flags), seq: segment.seq, ack: segment.ack, window, options },
      ...(marks.length > 0 ? { marks: marks.map(({ kind }) => kind) } : {}),
    });
    if (!isOwn && (roundTrip !== null || ranges.length > 0)) this.#metrics(time, roundTrip);
  }

  #noteSending(
    { segment: { from, number, time }, relSeq }: SegmentRow,
    octets: number,
    isRepeat: boolean,
  ): void {
    const open = this.#open[from];
    const sending = { number, time, start: relSeq, end: relSeq + octets, isRepeat };
    if (isRepeat) {
      // What is acknowledged from now on is this one, as far as anybody can tell; the one before gives no round trip.
      const at = open.findIndex(({ end }) => end > relSeq);
      if (at >= 0) open.splice(at, open[at].start === relSeq ? 1 : 0, sending);
      else open.push(sending);
    } else open.push(sending);
    if (open.length > MOST_OPEN) open.shift();
    this.#sent[from] = Math.max(this.#sent[from], sending.end);
  }

  /** The numbers of what an ACK acknowledges for the first time, as ranges, and the round trip of the last of them. */
  #acknowledged({ segment, relAck }: SegmentRow): { ranges: [number, number][]; roundTrip: number | null } {
    if ((segment.flags & FLAG.ACK) === 0) return { ranges: [], roundTrip: null };
    const of = otherEnd(segment.from);
    if (relAck <= this.#acked[of] && segment.options.sack === undefined) {
      return { ranges: [], roundTrip: null };
    }
    const initial = this.#connection.shadowOf(of).initial ?? 0;
    const blocks = (segment.options.sack ?? []).map((edges) => {
      const [left, right] = edges.map((edge) => relAck + ((edge - initial - relAck) | 0));
      return { left, right };
    });
    const gone: Sending[] = [];
    this.#open[of] = this.#open[of].filter((sending) => {
      const isGone = sending.end <= relAck ||
        blocks.some(({ left, right }) => sending.start >= left && sending.end <= right);
      if (isGone) gone.push(sending);
      return !isGone;
    });
    this.#acked[of] = Math.max(this.#acked[of], relAck);
    const last = gone.at(-1);
    return {
      ranges: rangesOf(gone.map(({ number }) => number)),
      roundTrip: last === undefined || last.isRepeat ? null : segment.time - last.time,
    };
  }

  #metrics(time: number, roundTrip: number | null): void {
    const trips = this.#roundTrips;
    const inFlight = Math.max(0, this.#sent[this.#side] - this.#acked[this.#side]);
    if (roundTrip === null) {
      this.#add(time, "recovery:metrics_updated", { bytes_in_flight: inFlight });
      return;
    }
    trips.smoothed = trips.least === Infinity
      ? roundTrip
      : trips.smoothed + (roundTrip - trips.smoothed) * SMOOTHING;
    trips.least = Math.min(trips.least, roundTrip);
    this.#add(time, "recovery:metrics_updated", {
      bytes_in_flight: inFlight,
      latest_rtt: milliseconds(roundTrip),
      smoothed_rtt: milliseconds(trips.smoothed),
      min_rtt: milliseconds(trips.least),
    });
  }

  #add(time: number, name: string, data: QlogEvent): void {
    this.#events.push({ time: milliseconds(Math.max(0, time - this.#begins)), name, data });
  }
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}

/** Numbers as ranges, both ends included: not every number between two is one of this end. */
function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
