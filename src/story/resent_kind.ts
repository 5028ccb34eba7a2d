/**
 * Why something was sent again, as far as its time and the acknowledgments before it tell: RFC 6298 (timer), RFC 5681 §3.2
 * and RFC 6675 (fast), RFC 8985 §7 (tail loss probe), or because somebody on the way made a copy.
 *
 * Owns: this judgment. Must not know: rows, marks.
 */
import type { RetransmitKind } from "../tcp/events.ts";
import { FLAG } from "../wire/tcp.ts";
import type { EndWatch } from "./end_watch.ts";
import type { MarkKind } from "./marks.ts";
import { LEAST_RTO_SECONDS } from "./round_trips.ts";
import type { SentRecord } from "./sent_records.ts";
import type { Placement, ShadowEnd } from "./shadow_end.ts";
import type { StorySegment } from "./story_segment.ts";

/** RFC 5681 §3.2. */
const FAST_DUPLICATES = 3;
/** Local choice: a copy that the network makes follows at once; no timer is as short. */
const COPY_SECONDS = 0.01;
/** RFC 8985 §7.2 adds what an ACK may be delayed, 200 ms in practice; and a quarter more for what was not measured. */
const PROBE_DELAY_SECONDS = 0.25;
/** Local choice, of the estimated timeout: a capture sees the round trip of a part of the way only, so it is less than the sender's. */
const TIMEOUT_SHARE = 0.85;

/** A segment that carries something again, and what is known about its sender and the other end. */
export interface Resending {
  readonly segment: StorySegment;
  readonly place: Placement;
  /** The record of its first octet; null where that was never seen. */
  readonly record: SentRecord | null;
  readonly sender: { readonly shadow: ShadowEnd; readonly watch: EndWatch };
  readonly receiver: { readonly shadow: ShadowEnd; readonly watch: EndWatch };
}

/** The kinds of a host's own event, as marks. */
export const MARK_OF_RETRANSMIT: Readonly<Record<RetransmitKind, MarkKind>> = {
  "rto": "retransmission-timeout",
  "syn": "retransmission-timeout",
  "syn-ack": "retransmission-timeout",
  "fin": "retransmission-timeout",
  "fast": "retransmission-fast",
  "tlp": "retransmission-tail-probe",
  "probe": "zero-window-probe",
  "keepalive": "keep-alive",
};

/**
 * Whether a segment is a frame that its end has sent before, again: copied on the way, or captured twice, as a router's
 * `-i any` does. Where identifications do not tell (seen_frames.ts), that it is the last one again tells, with a TTL that a
 * router has counted down in between; or, where it carries something, that nothing in it has changed and nothing called for it.
 */
export function isCopy(
  { segment, sender, receiver }: Pick<Resending, "segment" | "sender" | "receiver">,
): boolean {
  if (segment.copyOf !== undefined) return segment.copyOf !== null;
  const earlier = sender.watch.last;
  // What was damaged and is sent again is no copy of it.
  if (
    earlier === null || earlier.checksum === "wrong" || earlier.seq !== segment.seq ||
    earlier.length !== segment.length
  ) return false;
  if (earlier.ack !== segment.ack || earlier.flags !== segment.flags || earlier.window !== segment.window) {
    return false;
  }
  const [before, now] = [earlier.options.timestamps, segment.options.timestamps];
  if (before?.value !== now?.value || before?.echo !== now?.echo) return false;
  const waited = Math.abs(segment.time - earlier.time);
  const wasForwarded = earlier.ttl !== undefined && segment.ttl !== undefined && earlier.ttl !== segment.ttl;
  if (wasForwarded) return waited < COPY_SECONDS && areSameBlocks(earlier, segment);
  const carries = segment.length > 0 || (segment.flags & (FLAG.SYN | FLAG.FIN)) !== 0;
  if (!carries || receiver.watch.lastNumber > earlier.number) return false;
  return before !== undefined || waited < COPY_SECONDS;
}

function areSameBlocks({ options: { sack: one = [] } }: StorySegment, other: StorySegment): boolean {
  const { sack = [] } = other.options;
  return one.length === sack.length &&
    one.every(([left, right], i) => left === sack[i][0] && right === sack[i][1]);
}

/** Why it was sent again. */
export function resentKind(resending: Resending): MarkKind {
  const { segment, place, record, sender, receiver } = resending;
  const { shadow, watch } = sender;
  if ((segment.flags & FLAG.SYN) !== 0) return "retransmission-timeout";
  // Who acknowledges has heard something that was not captured, and nothing is known of what was to make it send again.
  if (receiver.watch.lastNumber === 0) {
    return (segment.flags & FLAG.ACK) === 0 ? "retransmission-timeout" : "retransmission-unknown";
  }
  const isFirst = place.start <= shadow.acked;
  const isLast = place.end >= shadow.sentEnd;
  // What came with a SYN and was not taken follows at once (RFC 7413 §4.2.2).
  if (place.start === 1 && shadow.acked === 1 && record?.start === 0 && record.end > 1) {
    return "retransmission-syn-data";
  }
  // After a timeout everything below SND.NXT of then is taken for lost, and goes out again as ACKs come in.
  if (place.start < watch.timeoutUntil && shadow.acked < watch.timeoutUntil) return "retransmission-timeout";
  const sendings = record?.sendings;
  // Of what was acknowledged nothing is kept: no later than the last segment of its end it had left.
  const isAcknowledged = sendings === undefined && shadow.acked >= place.end;
  const waited = sendings !== undefined
    ? segment.time - sendings[sendings.length - 1].time
    : isAcknowledged
    ? segment.time - watch.lastTime
    : Infinity;
  const timeout = shadow.roundTrips.timeoutSeconds * TIMEOUT_SHARE;
  const silent = segment.time - receiver.watch.lastTime;
  const hasEvidence = shadow.sacked.end > place.start ||
    receiver.watch.duplicateAcks >= FAST_DUPLICATES ||
    place.start < watch.fastUntil && shadow.acked < watch.fastUntil;
  // Here no evidence is none of a silence.
  if (place.start < watch.untoldUntil) {
    return hasEvidence ? "retransmission-fast" : "retransmission-unknown";
  }
  // RFC 8985 §7.2: two round trips, and what a lone segment's ACK may be delayed; only where SACK is in use.
  const usesSack = shadow.sackPermitted && receiver.shadow.sackPermitted;
  const roundTrip = shadow.roundTrips.smoothedSeconds + receiver.shadow.roundTrips.smoothedSeconds;
  const isSoon = waited >= shadow.roundTrips.smoothedSeconds && waited < 2 * roundTrip + PROBE_DELAY_SECONDS;
  if (usesSack && isLast && isSoon && !hasEvidence && (sendings?.length === 1 || isAcknowledged)) {
    return "retransmission-tail-probe";
  }
  // What was sent again already and is still missing after the time of the timer was not found by acknowledgments.
  const wasResent = sendings !== undefined && sendings.length > 1;
  const isOverdue = isFirst && waited >= timeout &&
    (wasResent || silent > roundTrip * 1.5);
  if (isOverdue) return "retransmission-timeout";
  if (hasEvidence && silent < timeout) return "retransmission-fast";
  if (isFirst && waited >= timeout) return "retransmission-timeout";
  if (isLast && waited >= shadow.roundTrips.smoothedSeconds) return "retransmission-tail-probe";
  if (hasEvidence) return "retransmission-fast";
  return waited >= timeout && waited !== Infinity ? "retransmission-timeout" : "retransmission-unknown";
}

/**
 * Whether a segment that fills a hole was overtaken on its way, and is not sent again. Timestamps tell where both segments
 * have them: the older was sent first (as RFC 3522 tells them apart). Else the time: less than it takes to hear of a hole.
 */
export function isOvertaken({ segment, place, sender, receiver }: Resending): boolean {
  const { hole } = sender.watch;
  if (hole === null) return false;
  const [over, now] = [hole.options.timestamps, segment.options.timestamps];
  if (over !== undefined && now !== undefined && over.value !== now.value) {
    return ((now.value - over.value) | 0) < 0;
  }
  const { duplicateAcks, lastNumber } = receiver.watch;
  const rtt = sender.shadow.roundTrips.smoothedSeconds + receiver.shadow.roundTrips.smoothedSeconds;
  // Local choice: 3 ms, as tshark, where nothing has been measured.
  const soon = rtt > 0 ? rtt * 0.9 : 0.003;
  const waited = segment.time - hole.time;
  if (duplicateAcks >= FAST_DUPLICATES) return false;
  if (waited < soon) return true;
  // No timer is as short, and nothing has asked for it, in what the other end was heard to say.
  const hasEvidence = sender.shadow.sacked.end > place.start || place.start < sender.watch.fastUntil;
  return lastNumber > 0 && !hasEvidence && waited < LEAST_RTO_SECONDS;
}
