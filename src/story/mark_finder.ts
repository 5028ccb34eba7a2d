/**
 * What is remarkable about a segment at the moment when it passes.
 *
 * Owns: which marks a segment gets at once, and what is remembered for the next one. Must not know: what is found out later
 * (late_marks.ts), states.
 */
import type { RetransmitKind } from "../tcp/events.ts";
import { FLAG } from "../wire/tcp.ts";
import { blocksOf } from "./acknowledged_blocks.ts";
import type { EndWatch } from "./end_watch.ts";
import { isRetransmission, type Mark, mark, type MarkKind } from "./marks.ts";
import { isCopy, isOvertaken, MARK_OF_RETRANSMIT, resentKind } from "./resent_kind.ts";
import type { SentRecord } from "./sent_records.ts";
import type { Placement, ShadowEnd } from "./shadow_end.ts";
import type { StorySegment } from "./story_segment.ts";

const { SYN, FIN, RST, ACK } = FLAG;

/** A segment that is judged, and both ends as they were before it. */
export interface Judged {
  readonly segment: StorySegment;
  readonly place: Placement;
  readonly sender: { readonly shadow: ShadowEnd; readonly watch: EndWatch };
  readonly receiver: { readonly shadow: ShadowEnd; readonly watch: EndWatch };
  /** What its own host says about why it is sent again. */
  readonly told?: { readonly kind: RetransmitKind; readonly repeats?: number };
}

/** What was found. */
export interface Found {
  readonly marks: Mark[];
  /** False for a copy that the network made: its end did not send it. */
  readonly isSent: boolean;
}

/** The marks of a segment, which also changes what is remembered of its sender. */
export function findMarks(judged: Judged): Found {
  const { segment, place, sender } = judged;
  const { watch } = sender;
  const marks: Mark[] = [];
  let isSent = true;
  let isProbe = false;
  let isKeepAlive = false;
  noteChecksum(segment, marks);
  if (place.isStray) {
    marks.push(mark("outside-window", { text: "its number belongs to no window of this connection" }));
  } else if (judged.told === undefined && isCopy(judged)) {
    // Its end did not send it, and nothing that it says is news.
    const of = segment.copyOf ?? watch.lastNumber;
    const copy = mark("duplicate", { text: COPY_TEXT, of });
    // Of an ACK tshark says something else.
    marks.push(place.end > place.start ? copy : { kind: copy.kind, text: copy.text, of });
    return { marks, isSent: false };
  } else if ((segment.flags & RST) === 0) {
    const probe = probeKind(judged);
    if (probe !== null) {
      isProbe = probe === "zero-window-probe";
      isKeepAlive = !isProbe;
      marks.push(mark(probe, { text: isProbe ? PROBE_TEXT : KEEP_ALIVE_TEXT }));
    } else if (place.end > place.start) {
      isSent = judgeCarrier(judged, marks);
    } else {
      judgeBareAck(judged, marks);
    }
    judgeUnseen(judged, marks);
    judgeWindow(judged, marks);
    noteBlocks(judged, marks);
  }
  watch.lastWasKeepAlive = isKeepAlive;
  watch.lastWasProbe = isProbe;
  watch.lastNumber = segment.number;
  watch.lastTime = segment.time;
  watch.last = segment;
  return { marks, isSent };
}

const COPY_TEXT = "the same frame again: a copy made on the way";
const PROBE_TEXT = "asks whether the window is still shut";
const KEEP_ALIVE_TEXT = "asks whether the other end is still there";

function noteChecksum({ checksum }: StorySegment, marks: Mark[]): void {
  if (checksum === "partial") {
    marks.push(mark("partial-checksum", { text: "its sum was left to a device: sent from this machine" }));
  } else if (checksum === "wrong") {
    marks.push(mark("wrong-checksum", { text: "its sum is wrong: no receiver takes it" }));
  }
}

/** A probe of a shut window (RFC 9293 §3.8.6.1) or a keep-alive (§3.8.4), or null. */
function probeKind({ segment, place, sender, receiver, told }: Judged): MarkKind | null {
  if (told?.kind === "probe") return "zero-window-probe";
  if (told?.kind === "keepalive") return "keep-alive";
  const { flags, length } = segment;
  const { shadow } = sender;
  if ((flags & SYN) !== 0 || (flags & ACK) === 0 || shadow.initial === null) return null;
  const isShut = receiver.shadow.window === 0;
  // One octet behind the right edge, or what the shut window has not let in, or nothing at a number of the past (Linux).
  const asksFirst = isShut && length <= 1 && (flags & FIN) === 0 &&
    (length === 1 ? place.start >= shadow.acked : place.start < shadow.sentEnd);
  if (asksFirst) return "zero-window-probe";
  if (length > 1 || (flags & FIN) !== 0 || shadow.sentEnd < 1) return null;
  const isBehind = place.start === shadow.sentEnd - 1 && shadow.acked >= shadow.sentEnd;
  return isBehind && shadow.finAt === null ? "keep-alive" : null;
}

/** Something that occupies numbers. Returns false for what is no sending of its own: a copy that the network made. */
function judgeCarrier(judged: Judged, marks: Mark[]): boolean {
  const { segment, place, sender, receiver, told } = judged;
  const { shadow, watch } = sender;
  const isFirstAnswer = (segment.flags & (SYN | ACK)) === (SYN | ACK) && !watch.hasAnsweredSyn;
  if (isFirstAnswer) watch.hasAnsweredSyn = true;
  if (told !== undefined) {
    resent(judged, { marks, kind: MARK_OF_RETRANSMIT[told.kind], record: recordOf(judged) });
    return true;
  }
  if (place.start > shadow.sentEnd) {
    watch.hole = segment;
    marks.push(mark("gap-before", { text: missingText(place.start - shadow.sentEnd) }));
    return true;
  }
  if (place.start === shadow.sentEnd) return true;
  // The SYN that it carries again has been noted; nothing is sent because something was lost.
  if (isFirstAnswer) return false;
  const record = recordOf(judged);
  const resending = { segment, place, record, sender, receiver };
  if (shadow.seen.covered(place.start, place.end) === 0 && shadow.acked <= place.start) {
    if (isOvertaken(resending)) {
      shadow.counts.outOfOrder++;
      const of = watch.hole?.number;
      marks.push(mark("out-of-order", { text: "overtaken on its way", ...(of === undefined ? {} : { of }) }));
      return true;
    }
    resent(judged, { marks, kind: resentKind(resending), record });
    return true;
  }
  resent(judged, { marks, kind: resentKind(resending), record });
  return true;
}

function recordOf({ place, sender }: Judged): SentRecord | null {
  for (const record of sender.shadow.records.overlapping(place.start, place.end)) return record;
  return null;
}

const REASONS: Readonly<Partial<Record<MarkKind, string>>> = {
  "retransmission-timeout": "its timer has expired",
  "retransmission-fast": "the acknowledgments show that it was lost",
  "retransmission-tail-probe": "a probe: the last segment again, before the timer expires",
  "retransmission-syn-data": "the SYN was taken without its data",
  "retransmission-unknown": "why cannot be seen",
  "zero-window-probe": PROBE_TEXT,
  "keep-alive": KEEP_ALIVE_TEXT,
};

function resent(
  { segment, place, sender, told }: Judged,
  { marks, kind, record }: { marks: Mark[]; kind: MarkKind; record: SentRecord | null },
): void {
  const { shadow, watch } = sender;
  const last = record?.sendings.at(-1);
  const of = told?.repeats ?? last?.number;
  const after = last === undefined
    ? ""
    : `, ${secondsText(segment.time - last.time)} after it was sent before`;
  marks.push(
    mark(kind, { text: `sent again: ${REASONS[kind] ?? ""}${after}`, ...(of === undefined ? {} : { of }) }),
  );
  if (!isRetransmission(kind)) return;
  shadow.counts.retransmissions++;
  if (kind === "retransmission-timeout" && (segment.flags & SYN) === 0) {
    watch.timeoutUntil = Math.max(watch.timeoutUntil, shadow.sentEnd);
  }
  if (kind === "retransmission-fast") watch.fastUntil = Math.max(watch.fastUntil, shadow.sentEnd);
  if (shadow.acked >= place.end) {
    shadow.counts.spurious++;
    marks.push(mark("spurious", { text: "sent for nothing: it had been acknowledged already" }));
  }
}

function missingText(octets: number): string {
  return octets === 1
    ? "one octet before it was not seen here"
    : `${octets} octets before it were not seen here`;
}

/** Seconds for people. */
export function secondsText(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} us`;
  if (seconds < 1) return `${Math.round(seconds * 1e4) / 10} ms`;
  return `${Math.round(seconds * 100) / 100} s`;
}

/** A segment that carries nothing but an acknowledgment (RFC 5681 §2 for what is a duplicate). */
function judgeBareAck(judged: Judged, marks: Mark[]): void {
  const { segment, place, sender, receiver } = judged;
  const { shadow, watch } = sender;
  if ((segment.flags & ACK) === 0) return;
  // Its number is SND.NXT: what lies below and was not seen was sent before.
  if (shadow.counts.segments > 0 && place.start > shadow.sentEnd) {
    marks.push(mark("gap-before", { text: missingText(place.start - shadow.sentEnd) }));
  }
  if (place.ack !== shadow.lastAck || shadow.lastAck < 0) {
    if (place.ack > shadow.lastAck) watch.duplicateAcks = 0;
    return;
  }
  const isSameWindow = segment.window === shadow.window;
  const about = receiver.watch.lastNumber;
  if (receiver.watch.lastWasProbe && segment.window === 0) {
    marks.push(mark("zero-window-probe-ack", { text: "the window is still shut", of: about }));
    return;
  }
  if (receiver.watch.lastWasKeepAlive && isSameWindow) {
    marks.push(mark("keep-alive-ack", { text: "still there", of: about }));
    return;
  }
  const hasOutstanding = receiver.shadow.sentEnd > place.ack;
  const hasNews = (segment.options.sack?.length ?? 0) > 0;
  if (!isSameWindow && !(hasNews && hasOutstanding)) {
    const bytes = shadow.windowBytes(segment, receiver.shadow);
    const before = shadow.lastWindowBytes;
    // A SYN's window is not scaled, the next one is: only bytes can be compared.
    const hasGrown = bytes !== null && before !== null ? bytes > before : segment.window > shadow.window;
    if (hasGrown) {
      const text = shadow.window === 0 ? "the window is open again" : "the window has grown";
      marks.push(mark("window-update", { text }));
    }
    return;
  }
  if (!hasOutstanding) return;
  watch.duplicateAcks++;
  shadow.counts.duplicateAcks++;
  const text = `acknowledges the same again, number ${watch.duplicateAcks}`;
  marks.push(mark("duplicate-ack", { text, of: shadow.lastAckNumber }));
}

/** What it acknowledges first, and nobody has seen; of an end that was not seen at all that says nothing. */
function judgeUnseen({ segment, place, sender, receiver }: Judged, marks: Mark[]): void {
  const { shadow } = receiver;
  if ((segment.flags & ACK) === 0 || shadow.counts.segments === 0 || segment.checksum === "wrong") return;
  // Who has not answered the SYN speaks of another connection.
  if (shadow.hasSyn && !sender.shadow.hasSyn) return;
  if (place.ack <= shadow.sentEnd || place.ack <= sender.shadow.lastAck) return;
  const octets = place.ack - Math.max(shadow.sentEnd, sender.shadow.lastAck);
  const text = octets === 1
    ? "acknowledges one octet that was not seen here"
    : `acknowledges ${octets} octets that were not seen here`;
  marks.push(mark("ack-unseen", { text }));
}

function judgeWindow({ segment, place, sender, receiver }: Judged, marks: Mark[]): void {
  const { flags, length, window } = segment;
  if ((flags & (SYN | FIN)) !== 0) return;
  if (window === 0 && (flags & ACK) !== 0) {
    sender.shadow.counts.zeroWindows++;
    marks.push(mark("zero-window", { text: "takes no more data" }));
  }
  if (length > 0 && place.end === receiver.shadow.rightEdge && place.end > sender.shadow.sentEnd) {
    marks.push(mark("window-full", { text: "fills the window of the other end" }));
  }
}

function noteBlocks({ segment, place, receiver }: Judged, marks: Mark[]): void {
  if (segment.options.sack === undefined || segment.options.sack.length === 0) return;
  const { duplicate, blocks } = blocksOf(segment.options.sack, { ack: place.ack, of: receiver.shadow });
  if (duplicate !== null) {
    const [left, right] = duplicate;
    marks.push(mark("d-sack", { text: `has received ${left} to ${right} twice` }));
  }
  if (blocks.length === 0) return;
  const said = blocks.map(([left, right]) => `${left} to ${right}`).join(", ");
  marks.push(mark("sack", { text: `has received ${said} beyond a hole` }));
}
