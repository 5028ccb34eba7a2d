/**
 * What charts show of a connection, gathered from the rows of its story and from samples of its figures.
 *
 * Owns: the tracks of both directions (what was sent, acknowledged, allowed, on its way, and how long an answer took), and
 * those of our own sender. Must not know: how they are drawn, where rows come from.
 */
import type { SampleEvent } from "../tcp/events.ts";
import type { PageFigures } from "../story/page_messages.ts";
import type { Mark } from "../story/marks.ts";
import { type EndName, otherEnd, type SegmentRow } from "../story/story_segment.ts";
import { FLAG } from "../wire/tcp.ts";
import { type BarKind, BoundedBars, BoundedPoints } from "./bounded_points.ts";

/** Local choice: segments that wait for their acknowledgment to be timed; of more a part is timed. */
const MOST_TIMED = 64;

/** One direction: the stream of one end, and what the other one says of it. */
export class FlowTrack {
  /** Segments of the stream, and what is acknowledged of it selectively. */
  readonly bars = new BoundedBars();
  readonly acknowledged = new BoundedPoints();
  /** One past the last position that the receiver lets in. */
  readonly windowEdge = new BoundedPoints();
  readonly window = new BoundedPoints();
  readonly flight = new BoundedPoints();
  /** Milliseconds from a segment that was sent once to the acknowledgment of it, as seen here. */
  readonly roundTrips = new BoundedPoints();
  /** Octets of the stream, SYN and FIN included. */
  sentEnd = 0;
  segments = 0;
  resent = 0;
  lost = 0;
  #acked = 0;
  #timed: { readonly end: number; readonly time: number }[] = [];

  /** A segment of the stream. */
  takeSent(row: SegmentRow): void {
    const { segment, relSeq } = row;
    const { flags, length, time } = segment;
    const isSyn = (flags & FLAG.SYN) !== 0;
    const isFin = (flags & FLAG.FIN) !== 0;
    const octets = length + (isSyn ? 1 : 0) + (isFin ? 1 : 0);
    if (octets === 0 || (flags & FLAG.RST) !== 0) return;
    this.segments++;
    const isAgain = row.marks.some(repeats);
    if (isAgain) this.resent++;
    const end = relSeq + octets;
    this.bars.push({ time, until: time, from: relSeq, to: end, kind: () => kindOf(row, { isSyn, isFin }) });
    if (end > this.sentEnd && row.fate === null) this.#time(end, time);
    // What is sent again is timed for nobody (Karn): which one is answered is not known.
    if (isAgain) this.#timed = this.#timed.filter((timed) => timed.end <= relSeq);
    this.sentEnd = Math.max(this.sentEnd, end);
    this.flight.push(time, Math.max(0, this.sentEnd - this.#acked));
  }

  #time(end: number, time: number): void {
    if (this.#timed.length < MOST_TIMED) this.#timed.push({ end, time });
  }

  /** A segment of the other end, which acknowledges. */
  takeAnswer({ segment, relAck, windowBytes, marks, fate }: SegmentRow): void {
    const { flags, time, options, ack } = segment;
    if ((flags & FLAG.ACK) === 0 || (flags & FLAG.RST) !== 0 || fate === "lost-in") return;
    if (relAck > this.#acked) {
      let newest: number | null = null;
      while (this.#timed.length > 0 && this.#timed[0].end <= relAck) {
        newest = this.#timed.shift()?.time ?? newest;
      }
      if (newest !== null && time >= newest) this.roundTrips.push(time, (time - newest) * 1000);
      this.#acked = relAck;
      this.flight.push(time, Math.max(0, this.sentEnd - relAck));
    } else if (marks.some(({ kind }) => kind === "duplicate-ack")) {
      this.bars.push({ time, until: time, from: relAck, to: relAck, kind: () => "duplicate-ack" });
    }
    this.acknowledged.push(time, this.#acked);
    if (windowBytes !== null) {
      this.window.push(time, windowBytes);
      this.windowEdge.push(time, relAck + windowBytes);
    }
    for (const [left, right] of options.sack ?? []) {
      const from = relAck + ((left - ack) | 0);
      const to = relAck + ((right - ack) | 0);
      // A block below the acknowledgment tells of a duplicate (RFC 2883).
      if (to > from) this.bars.push({ time, until: time, from, to, kind: () => "sack" });
    }
  }
}

/** All tracks of a connection. */
export class ConnectionTracks {
  readonly flows: Readonly<Record<EndName, FlowTrack>> = {
    client: new FlowTrack(),
    server: new FlowTrack(),
  };
  readonly cwnd = new BoundedPoints();
  readonly ssthresh = new BoundedPoints();
  /** Milliseconds. */
  readonly srtt = new BoundedPoints();
  readonly rto = new BoundedPoints();
  /** Seconds since 1970 of the first of it; null before. */
  begin: number | null = null;
  end = 0;
  /** The figures that were told last. */
  #told = "";

  /** The next row. */
  take(row: SegmentRow): void {
    this.#notice(row.segment.time);
    this.flows[row.segment.from].takeSent(row);
    this.flows[otherEnd(row.segment.from)].takeAnswer(row);
  }

  /** Figures of our own sender, as of a moment. */
  takeFigures(
    time: number,
    { cwnd, ssthresh, srttUs, rtoUs }:
      & Pick<SampleEvent | PageFigures, "cwnd" | "srttUs" | "rtoUs">
      & Pick<PageFigures, "ssthresh">,
  ): void {
    if (this.begin === null || time < this.begin) return;
    // While nothing happens they are told all the same: they are those of the last segment, and the picture ends with that.
    const now = `${cwnd} ${ssthresh} ${srttUs} ${rtoUs}`;
    if (now === this.#told) return;
    this.#told = now;
    const at = Math.min(time, this.end);
    this.cwnd.push(at, cwnd);
    if (ssthresh !== null && ssthresh > 0) this.ssthresh.push(at, ssthresh);
    if (srttUs > 0) this.srtt.push(at, srttUs / 1000);
    this.rto.push(at, rtoUs / 1000);
  }

  #notice(time: number): void {
    this.begin ??= time;
    this.end = Math.max(this.end, time);
  }

  /** The end that has sent more. */
  get busier(): EndName {
    return this.flows.client.sentEnd >= this.flows.server.sentEnd ? "client" : "server";
  }
}

function repeats({ kind }: Mark): boolean {
  return kind.startsWith("retransmission-") || kind === "spurious";
}

function kindOf(
  { fate, marks }: SegmentRow,
  { isSyn, isFin }: { isSyn: boolean; isFin: boolean },
): BarKind {
  if (fate !== null) return "lost";
  if (marks.some(repeats)) return "resent";
  return isSyn ? "syn" : isFin ? "fin" : "data";
}
