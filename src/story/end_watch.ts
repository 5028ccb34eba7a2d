/**
 * What has to be remembered of one end to judge its next segment: duplicate ACKs in a row, a recovery under way, holes.
 *
 * Owns: these few figures. Must not know: how a segment is judged (mark_finder.ts, resent_kind.ts).
 */
import type { StorySegment } from "./story_segment.ts";

/** Of one end. */
export interface EndWatch {
  /** Duplicate ACKs that it has sent in a row. */
  duplicateAcks: number;
  /** What its last segment was. */
  lastWasKeepAlive: boolean;
  lastWasProbe: boolean;
  lastNumber: number;
  /** It has answered a SYN: the first SYN, ACK after a SYN of its own repeats nothing (simultaneous open). */
  hasAnsweredSyn: boolean;
  lastTime: number;
  /** SND.NXT when its timer expired: what is sent again below that belongs to the same recovery (RFC 6298 §5, RFC 5681 §3.1). */
  timeoutUntil: number;
  /** The same of a fast retransmission (RFC 6582 §3.2). */
  fastUntil: number;
  /** What it had sent when segments were not told of: why something below that is sent again may not have been told either. */
  untoldUntil: number;
  /** The segment that showed a hole in its stream. */
  hole: StorySegment | null;
  /** Its last segment, to know a copy of it. */
  last: StorySegment | null;
}

/** Nothing yet. */
export function newEndWatch(): EndWatch {
  return {
    duplicateAcks: 0,
    lastWasKeepAlive: false,
    lastWasProbe: false,
    lastNumber: 0,
    hasAnsweredSyn: false,
    lastTime: -Infinity,
    timeoutUntil: 0,
    fastUntil: 0,
    untoldUntil: -Infinity,
    hole: null,
    last: null,
  };
}
