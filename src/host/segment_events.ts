/**
 * Events about segments and connections, made from records as values.
 *
 * Owns: the building of events; called only while somebody observes. Must not know: how they are shown.
 */
import type { Effect } from "../tcp/effects.ts";
import type { SegmentEvent, SegmentOptions, TransitionEvent } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import type { Transition } from "../tcp/transitions.ts";
import { hexOf } from "../wire/hex.ts";
import { FLAG, flagNames, type TcpSegment } from "../wire/tcp.ts";

/** What a segment's event says beside the segment itself. */
interface SegmentNews {
  readonly time: number;
  readonly connection: string;
  /** Number of the connection, 0 for none. */
  readonly id: number;
  /** Number of the segment, 0 for none. */
  readonly segment: number;
  readonly direction: "recv" | "send";
  readonly state: TcpState;
  readonly rule: string;
  /** Where several rules have changed states. */
  readonly rules: readonly string[] | null;
  /** Positions in the two streams, the SYN's being 0; the numbers themselves where they are not known. */
  readonly relSeq: number;
  readonly relAck: number;
  readonly cutBytes: number;
  /** Of the window, in which the sender counts; -1 where it is not known. */
  readonly windowShift: number;
  readonly options: RepeatedOptions;
}

/** The event of a segment that has been received or is being sent. */
export function segmentEvent(segment: TcpSegment, news: SegmentNews): SegmentEvent {
  const event = {
    event: "segment",
    time: news.time,
    connection: news.connection,
    id: news.id,
    segment: news.segment,
    direction: news.direction,
    flags: flagNames(segment.flags),
    seq: segment.seq,
    ack: segment.ack,
    relSeq: news.relSeq,
    relAck: (segment.flags & FLAG.ACK) === 0 ? 0 : news.relAck,
    window: segment.window,
    windowBytes: windowBytes(segment, news.windowShift),
    length: segment.payloadLength,
    options: news.options.of(segment),
    state: news.state,
    rule: news.rule,
  } as const;
  const isPlain = news.cutBytes === 0 && news.rules === null && news.id > 0 && news.segment > 0 &&
    news.windowShift >= 0;
  return isPlain ? event : unusualEvent(event, news);
}

/** With what few segments have, and without what strangers have not. */
function unusualEvent(
  { id, segment, windowBytes, ...event }: SegmentEvent,
  { cutBytes, rules, windowShift }: SegmentNews,
): SegmentEvent {
  return {
    ...event,
    ...(windowShift < 0 || windowBytes === undefined ? {} : { windowBytes }),
    ...(id === 0 || id === undefined ? {} : { id }),
    ...(segment === 0 || segment === undefined ? {} : { segment }),
    ...(rules === null ? {} : { rules }),
    ...(cutBytes > 0 ? { cut: cutBytes } : {}),
  };
}

/** The window of a segment with SYN is never scaled (RFC 7323 §2.2). */
function windowBytes({ flags, window }: TcpSegment, shift: number): number {
  // A shift is 14 at most (§2.3), so that this stays below 2^31.
  return (flags & FLAG.SYN) === 0 ? window << shift : window;
}

const NO_OPTIONS: SegmentOptions = Object.freeze({});

/** The options of segments of one direction: those of many in a row are the same, and then the same object. */
export class RepeatedOptions {
  #last: SegmentOptions = NO_OPTIONS;
  #value = -1;
  #echo = -1;

  of(segment: TcpSegment): SegmentOptions {
    if (segment.mss >= 0 || segment.windowScale >= 0 || segment.sackPermitted || segment.sackBlockCount > 0) {
      return segmentOptions(segment);
    }
    if (segment.fastOpen >= 0) return segmentOptions(segment);
    if (!segment.hasTimestamps) return NO_OPTIONS;
    const { tsValue, tsEcho } = segment;
    if (tsValue !== this.#value || tsEcho !== this.#echo) {
      this.#value = tsValue;
      this.#echo = tsEcho;
      this.#last = { timestamps: { value: tsValue, echo: tsEcho } };
    }
    return this.#last;
  }
}

/** The options of a segment, as a value. */
function segmentOptions(segment: TcpSegment): SegmentOptions {
  const options: {
    mss?: number;
    windowScale?: number;
    sackPermitted?: true;
    sack?: [number, number][];
    timestamps?: { value: number; echo: number };
    fastOpen?: { cookie: string; experimental?: true };
  } = {};
  if (segment.mss >= 0) options.mss = segment.mss;
  if (segment.windowScale >= 0) options.windowScale = segment.windowScale;
  if (segment.sackPermitted) options.sackPermitted = true;
  if (segment.sackBlockCount > 0) {
    options.sack = [];
    for (let i = 0; i < segment.sackBlockCount; i++) {
      options.sack.push([segment.sackBlocks[2 * i], segment.sackBlocks[2 * i + 1]]);
    }
  }
  if (segment.hasTimestamps) options.timestamps = { value: segment.tsValue, echo: segment.tsEcho };
  if (segment.fastOpen >= 0) {
    options.fastOpen = { cookie: hexOf(segment.fastOpenCookie) };
    if (segment.isFastOpenExperimental) options.fastOpen.experimental = true;
  }
  return options;
}

/** The event of a state change. */
export function transitionEvent(
  row: Transition,
  effect: Effect,
  about: { time: number; connection: string; id: number; segment: number },
): TransitionEvent {
  const { time, connection, id, segment } = about;
  const { from, to, cause, rfc } = row;
  const { rule } = effect;
  const recv = effect.recvFlags < 0 ? null : flagNames(effect.recvFlags);
  const send = effect.sendFlags < 0 ? null : flagNames(effect.sendFlags);
  // Written out: to spread objects costs more than all the rest.
  if (segment === 0) {
    return { event: "transition", time, connection, id, from, to, recv, send, cause, row: row.id, rule, rfc };
  }
  return {
    event: "transition",
    time,
    connection,
    id,
    segment,
    from,
    to,
    recv,
    send,
    cause,
    row: row.id,
    rule,
    rfc,
  };
}
