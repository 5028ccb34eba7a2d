/**
 * RateSample: what one acknowledgment tells: how far it moves, what has been delivered, round trip, duplicate, D-SACK.
 *
 * Owns: that value, and how it is read off a segment and the pieces that it newly covers. Must not know: what is done with
 * it: loss detection, congestion control and the timer take it.
 */
import { FLAG } from "../wire/tcp.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { segmentsOf } from "./scoreboard.ts";
import { seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** One per host, filled anew by {@link takeSample}. */
export class RateSample {
  /** How far SND.UNA moves. */
  advance = 0;
  /** Something was in flight before. */
  hadOutstanding = false;
  /** Bytes newly covered, by number or by SACK. */
  deliveredBytes = 0;
  /** Bytes that duplicates had stood for before, without SACK. */
  emulatedBytes = 0;
  /** The same in segments. */
  deliveredSegments = 0;
  /** How far below the highest that had arrived the lowest lies that came out of its order, bytes. */
  reorderedBytes = 0;
  /** Where the highest of them ends; 0 when there are none. */
  deliveredEnd = 0;
  /** RFC 5681 §2. */
  isDuplicate = false;
  /** Its first SACK block reports what came twice (RFC 2883 §4), and where that ends. */
  isDsack = false;
  dsackRight = 0;
  /** The segment may set the send window (RFC 9293 §3.10.7.4), and then changes it. */
  setsWindow = false;
  changesWindow = false;
  /** The peer echoes congestion (RFC 3168 §6.1.2). */
  hasEcho = false;
  /** TSecr, -1 without. */
  tsEcho = -1;
  /** Round trip of the newest first transmission that was covered, or -1 (Karn's rule, MUST-18: never of one sent twice). */
  rttUs = -1;
  /** Send time and order of the most recently sent piece that is now known to have arrived; order 0 when none. */
  rackSentUs = 0;
  rackOrder = 0;
  /** The same of the last one that was covered, as they stand in the stream. */
  lastSentUs = 0;
  lastOrder = 0;
  /** A piece arrived out of its order that had been sent only once. */
  reordered = false;
  /** A covered piece had been sent more than once. */
  retransmitted = false;
}

/** The segment in hand, when it arrived, and where the sample goes. */
interface SampleSource {
  readonly arriving: ArrivingSegment;
  readonly arrivedUs: number;
  readonly sample: RateSample;
}

/**
 * Fills the sample with what the segment in hand tells `tcb`, of which nothing but the scoreboard has been changed by it
 * yet. Depends on nothing else, and changes nothing else.
 */
export function takeSample(source: SampleSource, tcb: Readonly<Tcb>): void {
  const { sample, arriving: segment } = source;
  const advance = segment.ack > tcb.sndUna ? segment.ack - tcb.sndUna : 0;
  sample.advance = advance;
  sample.emulatedBytes = tcb.sack ? 0 : tcb.scoreboard.sackedBytes;
  sample.hadOutstanding = tcb.outstanding > 0;
  sample.hasEcho = tcb.ecn && (segment.flags & FLAG.ECE) !== 0;
  sample.tsEcho = segment.echo(tcb);
  takeWindow(sample, tcb, segment);
  takeDsack(sample, tcb, segment);
  takeDelivery(source, tcb);
  const isBare = segment.textLength === 0 && (segment.flags & (FLAG.SYN | FLAG.FIN)) === 0;
  // What answers a window probe is no duplicate: it came because it was asked for.
  const isProbed = tcb.sndWnd === 0 && tcb.timerKind === "persist" && tcb.timerBackoff > 0;
  sample.isDuplicate = sample.hadOutstanding && segment.ack === tcb.sndUna && isBare && !isProbed &&
    (tcb.sack ? sample.deliveredBytes > 0 : !sample.changesWindow);
}

/**
 * RFC 9293 §3.10.7.4: a segment sets SND.WND if it is not older than the one that set it.
 *
 * Deviation: a segment that acknowledges something new sets the window also when its text is sent again (SEG.SEQ below
 * SND.WL1), as in Linux: else SND.UNA would move and the old window with it, beyond what the peer ever offered.
 */
function takeWindow(sample: RateSample, tcb: Readonly<Tcb>, segment: ArrivingSegment): void {
  const { seq, ack } = segment;
  sample.setsWindow = ack >= tcb.sndUna &&
    (sample.advance > 0 || tcb.sndWl1 < seq || (tcb.sndWl1 === seq && tcb.sndWl2 <= ack));
  sample.changesWindow = sample.setsWindow && segment.header.window << tcb.sendShift !== tcb.sndWnd;
}

/** RFC 2883 §4: the first block lies below the ACK, or inside the second one. */
function takeDsack(sample: RateSample, tcb: Readonly<Tcb>, segment: ArrivingSegment): void {
  sample.isDsack = false;
  const { sackBlockCount } = segment.header;
  if (!tcb.sack || sackBlockCount === 0) return;
  const left = segment.sackEdge(tcb, 0);
  const right = segment.sackEdge(tcb, 1);
  if (left >= right) return;
  const isInside = sackBlockCount > 1 && left >= segment.sackEdge(tcb, 2) &&
    right <= segment.sackEdge(tcb, 3);
  sample.isDsack = right <= segment.ack || isInside;
  sample.dsackRight = right;
}

/**
 * Deviation: RFC 8985 §6.2 step 2 compares the echo with each piece that was sent again. What was SACKed lies beyond a hole, and so
 * cannot be what is echoed: it did not change TS.Recent (RFC 7323 §4.3), whose older value would disown every copy that arrives,
 * a tail loss probe too (§7), and leave the loss before it to the timeout. Of such pieces the round trip decides alone, as it does
 * without timestamps, and as in Linux.
 */
function takeDelivery({ sample, arriving, arrivedUs }: SampleSource, tcb: Readonly<Tcb>): void {
  const { delivered } = tcb.scoreboard;
  sample.deliveredBytes = 0;
  sample.deliveredSegments = 0;
  sample.reorderedBytes = 0;
  sample.deliveredEnd = 0;
  sample.rttUs = -1;
  sample.rackOrder = 0;
  sample.lastOrder = 0;
  sample.reordered = false;
  sample.retransmitted = false;
  let newestUs = -1;
  for (let i = 0; i < delivered.length; i++) {
    const record = delivered[i];
    sample.deliveredBytes += record.end - record.seq;
    sample.deliveredSegments += segmentsOf(record);
    if (record.end > sample.deliveredEnd) sample.deliveredEnd = record.end;
    const roundTripUs = arrivedUs - record.sentUs;
    if (record.retransmits === 0) {
      if (record.sentUs > newestUs) {
        newestUs = record.sentUs;
        sample.rttUs = roundTripUs;
      }
      if (record.end < tcb.fack) {
        sample.reordered = true;
        sample.reorderedBytes = Math.max(sample.reorderedBytes, tcb.fack - record.seq);
      }
    } else {
      sample.retransmitted = true;
      // RFC 8985 §6.2 step 2: the ACK of an original must not be taken for that of its copy.
      if (tcb.minRttUs !== Infinity && roundTripUs < tcb.minRttUs) continue;
      const mayBeEchoed = sample.tsEcho >= 0 && record.end <= arriving.ack;
      if (mayBeEchoed && seqLt(sample.tsEcho, stampAt(tcb, record.sentUs))) continue;
    }
    sample.lastOrder = record.order;
    sample.lastSentUs = record.sentUs;
    if (record.order > sample.rackOrder) {
      sample.rackOrder = record.order;
      sample.rackSentUs = record.sentUs;
    }
  }
}

/** TSval at a time: milliseconds of our clock plus the connection's offset (RFC 7323 §5.4). */
export function stampAt(tcb: Readonly<Tcb>, us: number): number {
  return (Math.floor(us / 1000) + tcb.tsOffset) >>> 0;
}
