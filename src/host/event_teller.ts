/**
 * EventTeller: what the host says about its connections, to the one observer.
 *
 * Owns: the observer, event times, and the building of events; every method does nothing without an observer, and what
 * the observer throws goes no further. What strangers cause is told with measure (event_folding.ts). Must not know: what
 * caused an event.
 */
import type { MachineContext } from "../tcp/context.ts";
import type { Effect } from "../tcp/effects.ts";
import type {
  ArpEvent,
  DataEvent,
  DropEvent,
  EventInterest,
  FaultEvent,
  IcmpEvent,
  NdpEvent,
  NoticeEvent,
  Observer,
  SegmentEvent,
  TcpEvent,
} from "../tcp/events.ts";
import type { ByteRing } from "../tcp/fast/byte_ring.ts";
import { wordOf } from "../tcp/sequence.ts";
import { statesOfPath } from "../tcp/state.ts";
import { transitionById } from "../tcp/transitions.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";
import type { TimerNews } from "./connection_watch.ts";
import { type FaultBarrier, messageOfError } from "./fault_barrier.ts";
import { EventFolding, FOLD, type FoldableEvent, type FoldGroup, type FoldVerdict } from "./event_folding.ts";
import { RepeatedOptions, segmentEvent, transitionEvent } from "./segment_events.ts";
import { NO_SEGMENT, type SegmentNumbers } from "./segment_numbers.ts";

/** What has the name of a connection, which is made when it is asked for: a name costs more than the rest of a drop. */
interface Named {
  readonly name: string;
  /** Number of the connection; 0 or absent where it is none. */
  readonly id?: number;
}

type Untimed<E> = Omit<E, "time">;

type NdpDetails = Omit<NdpEvent, "event" | "time" | "direction" | "kind">;
type ArpDetails = Omit<ArpEvent, "event" | "time" | "direction" | "kind">;
type IcmpDetails = Omit<IcmpEvent, "event" | "time" | "direction" | "kind">;

/** Tells one observer. */
export class EventTeller {
  observer: Observer | null = null;
  /** What of the many events is heard; null for all of them. */
  interest: EventInterest | null = null;
  /** Data events carry the bytes. */
  showPayload = false;
  /** Events `timer` and `sample` are told. */
  showTimers = false;
  showSamples = false;
  /** Told of every notice, also where nobody observes. */
  onNotice: ((kind: string, message: string) => void) | null = null;
  readonly #context: MachineContext;
  readonly #epochUs: number;
  readonly #barrier: FaultBarrier;
  readonly #folding: EventFolding;
  readonly #numbers: SegmentNumbers;
  /** Folded events that stand for themselves, of a second that is over: told when no other frame is in hand. */
  #late: FoldableEvent[] = [];
  readonly #receivedOptions = new RepeatedOptions();
  readonly #sentOptions = new RepeatedOptions();
  /** The segment that left last. */
  #lastSent: SegmentEvent | null = null;
  /** `epochUs`: wall clock at time 0 of the context's clock; `foldAfter`: see EventFolding. */
  constructor(
    context: MachineContext,
    about: { epochUs: number; barrier: FaultBarrier; foldAfter: number; numbers: SegmentNumbers },
  ) {
    this.#context = context;
    this.#epochUs = about.epochUs;
    this.#barrier = about.barrier;
    this.#numbers = about.numbers;
    this.#folding = new EventFolding(about.foldAfter);
  }

  /** The one who leaves hears what has been folded so far. */
  changeObserver(observer: Observer | null): void {
    if (this.dueUs !== Infinity) this.#tellAll([...this.#late.splice(0), ...this.#takeFolded()]);
    if (this.observer === null) this.#numbers.beginAnew();
    this.observer = observer;
    this.#lastSent = null;
  }

  /** Whether anybody hears; whoever would have to make something to be told asks before. */
  get isObserved(): boolean {
    return this.observer !== null;
  }

  /** Whether {@link EventTeller.look} and {@link EventTeller.fires} have anything to tell. */
  get looksCloser(): boolean {
    return this.observer !== null && (this.showTimers || this.showSamples || this.interest !== null);
  }

  /** When {@link EventTeller.tellFolded} is due, Infinity as long as nothing is folded. */
  get dueUs(): number {
    return this.#late.length > 0 ? this.#context.nowUs : this.#folding.dueUs;
  }

  /** Tells what was folded in a second that is over. Not while a frame is in hand, which has no part in it. */
  tellFolded(): void {
    const late = this.#late.splice(0);
    this.#tellAll(this.#folding.isOver(this.#context.nowUs) ? [...late, ...this.#takeFolded()] : late);
  }

  #takeFolded(): FoldableEvent[] {
    return this.#folding.take(this.#context.nowUs);
  }

  #tellAll(folded: readonly FoldableEvent[]): void {
    const { time } = this;
    for (const event of folded) {
      // One that stands for itself is a segment like any other, told late.
      if (event.event !== "segment" || event.count !== undefined) this.#tell({ ...event, time });
      else this.#tell({ ...event, time, segment: this.#numbers.next() });
    }
  }

  /** The number of the next segment, for one that is still to come; it is to be given to {@link EventTeller.expect}. */
  reserve(): number {
    return this.observer === null ? NO_SEGMENT : this.#numbers.next();
  }

  /** The frame that comes next brings the segment with this number. */
  expect(number: number): void {
    this.#numbers.expect(number);
  }

  /** The frame in hand has been dealt with. */
  frameDone(): void {
    this.#numbers.frameDone();
  }

  /** Time of an event, seconds since 1970: of one that a frame has caused, when that arrived. */
  get time(): number {
    return (this.#epochUs + this.#context.arrivedUs) / 1e6;
  }

  /** Hands an event on with the time of now. */
  emit(event: TcpEvent): void {
    if (this.observer !== null) this.#tell({ ...event, time: this.time });
  }

  /** A segment of a connection was received; what it leads to has been decided, and is told after it. */
  received(segment: TcpSegment, connection: Connection): void {
    if (this.observer === null) return;
    const { arriving, rule } = this.#context;
    const moves = this.#numbers.takeMoves(connection, this.#context.effects);
    if (moves === null && !this.#isHeard(connection, segment.flags)) return;
    this.#tell(segmentEvent(segment, {
      time: this.time,
      connection: connection.name,
      id: connection.id,
      segment: this.#numbers.inHand(),
      direction: "recv",
      state: connection.tcb.state,
      rule: moves === null ? rule : moves[moves.length - 1],
      rules: moves !== null && moves.length > 1 ? moves : null,
      relSeq: arriving.seq,
      relAck: arriving.ack,
      cutBytes: 0,
      windowShift: connection.tcb.sendShift,
      options: this.#receivedOptions,
    }));
  }

  /** A segment was received that belongs to no connection. */
  strangerReceived(segment: TcpSegment, way: Named, isListening: boolean): void {
    if (this.observer === null) return;
    const { rule } = this.#context;
    // One that has ended a connection is told by itself, or the transition would name a segment that nobody has heard of.
    const moves = this.#numbers.takeEarlierMoves();
    const verdict = moves === null ? this.#judge("recv", rule) : FOLD.TELL;
    if (verdict === FOLD.COUNT) return;
    this.#tellOrKeep(
      verdict,
      segmentEvent(segment, {
        time: this.time,
        connection: way.name,
        id: 0,
        segment: verdict === FOLD.TELL ? this.#numbers.inHand() : NO_SEGMENT,
        direction: "recv",
        state: isListening ? "LISTEN" : "CLOSED",
        rule,
        rules: moves === null ? null : [...moves, rule],
        relSeq: segment.seq,
        relAck: segment.ack,
        cutBytes: 0,
        windowShift: -1,
        options: this.#receivedOptions,
      }),
    );
  }

  /** The segment in hand ended `connection`, and perhaps nobody has told it since: then it is told here, as one of it. */
  settle(segment: TcpSegment, connection: Connection): void {
    if (!this.#numbers.isUntold) return;
    this.#context.arriving.read(connection.tcb, segment);
    this.received(segment, connection);
  }

  /** A segment of a connection, as it stands on the wire, is being sent because of `effect`; returns its number. */
  sent(segment: TcpSegment, effect: Effect, connection: Connection): number {
    if (this.observer === null) return NO_SEGMENT;
    // What was announced, by a transition or as a repetition, is told in any case.
    const isAnnounced = this.interest !== null && this.#numbers.isAnnounced(connection);
    if (!isAnnounced && !this.#isHeard(connection, segment.flags)) return NO_SEGMENT;
    const number = this.#numbers.leaving(connection, effect);
    this.#lastSent = this.#sentEvent(segment, effect, {
      name: connection.name,
      id: connection.id,
      number,
      windowShift: connection.tcb.receiveShift,
    });
    this.#tell(this.#lastSent);
    return number;
  }

  /** The same of a segment that belongs to no connection; one that is not told by itself has no number. */
  strangerSent(segment: TcpSegment, effect: Effect, way: Named): number {
    if (this.observer === null) return NO_SEGMENT;
    const verdict = this.#judge("send", effect.rule);
    if (verdict === FOLD.COUNT) return NO_SEGMENT;
    const number = verdict === FOLD.TELL ? this.#numbers.next() : NO_SEGMENT;
    const event = this.#sentEvent(segment, effect, { name: way.name, id: 0, number, windowShift: -1 });
    if (verdict === FOLD.TELL) this.#lastSent = event;
    this.#tellOrKeep(verdict, event);
    return number;
  }

  /** Something was not taken. */
  drop(reason: string, of?: Named): void {
    if (this.observer === null) return;
    const verdict = this.#judge("drop", reason);
    if (verdict === FOLD.COUNT) return;
    const segment = this.#numbers.inHandIfAny;
    const event: DropEvent = {
      event: "drop",
      time: this.time,
      reason,
      ...(segment === NO_SEGMENT ? {} : { segment }),
    };
    this.#tellOrKeep(verdict, of === undefined ? event : { ...event, ...nameOf(of) });
  }

  /**
   * The fault injector has touched a frame at `atUs` on the same clock. One that came in has the time of its capture, as it
   * has when it arrives: so that those that were lost stand among the others.
   */
  fault(event: Untimed<FaultEvent>, atUs: number): void {
    const us = this.#epochUs + (event.direction === "recv" ? atUs : Math.max(atUs, this.#context.nowUs));
    if (this.observer !== null) this.#tell({ ...event, time: us / 1e6 });
  }

  /** The segment that left last, while it may still be on its way out. */
  get lastSent(): SegmentEvent | null {
    return this.#lastSent;
  }

  /** An ARP packet was received or sent; `make` gives what else is to be told of it. */
  arp(head: Pick<ArpEvent, "direction" | "kind">, make: () => ArpDetails): void {
    if (this.observer === null) return;
    const verdict = this.#judge("arp", `${head.direction} ${head.kind}`);
    if (verdict !== FOLD.COUNT) {
      this.#tellOrKeep(verdict, { event: "arp", time: this.time, ...head, ...make() });
    }
  }

  /** The same of a message of neighbor discovery. */
  ndp(head: Pick<NdpEvent, "direction" | "kind">, make: () => NdpDetails): void {
    if (this.observer === null) return;
    const verdict = this.#judge("ndp", `${head.direction} ${head.kind}`);
    if (verdict !== FOLD.COUNT) {
      this.#tellOrKeep(verdict, { event: "ndp", time: this.time, ...head, ...make() });
    }
  }

  /** The same of an ICMP message. */
  icmp(head: Pick<IcmpEvent, "direction" | "kind">, make: () => IcmpDetails): void {
    if (this.observer === null) return;
    const verdict = this.#judge("icmp", `${head.direction} ${head.kind}`);
    if (verdict !== FOLD.COUNT) {
      this.#tellOrKeep(verdict, { event: "icmp", time: this.time, ...head, ...make() });
    }
  }

  /** `count` bytes at the end of a ring have arrived in order, or been given to be sent. */
  data(connection: Connection, direction: "recv" | "send", count: number): void {
    if (this.observer === null) return;
    if (this.interest?.data === false) return;
    const { name, id, tcb } = connection;
    const event: DataEvent = {
      event: "data",
      time: this.time,
      connection: name,
      id,
      direction,
      length: count,
    };
    if (!this.showPayload) this.#tell(event);
    else this.#tell({ ...event, ...payloadOf(direction === "recv" ? tcb.receiveRing : tcb.sendRing, count) });
  }

  /** An application threw `error` on its connection. */
  applicationError(connection: Connection, error: unknown): void {
    if (this.observer === null) return;
    const message = messageOfError(error);
    const { name, id } = connection;
    this.#tell({ event: "application-error", time: this.time, connection: name, id, message });
  }

  /** Something for people that belongs to no segment; `kind` is for programs. */
  notice(kind: string, message: string, connection?: string): void {
    this.onNotice?.(kind, message);
    if (this.observer === null) return;
    const verdict = this.#judge("notice", kind);
    if (verdict === FOLD.COUNT) return;
    const event: NoticeEvent = { event: "notice", time: this.time, kind, message };
    this.#tellOrKeep(verdict, connection === undefined ? event : { ...event, connection });
  }

  /** A connection moved along a row of the table. */
  transition(connection: Connection, effect: Effect): void {
    if (this.observer === null || effect.transition === null) return;
    const { name, id } = connection;
    const segment = this.#numbers.ofMove(connection, effect);
    this.#tell(
      transitionEvent(effect.transition, effect, { time: this.time, connection: name, id, segment }),
    );
  }

  /** Something is sent again, in the segment of the connection that is sent next. */
  retransmit(connection: Connection, effect: Effect): void {
    if (this.observer === null) return;
    const repeats = this.#numbers.watchOf(connection).sent.carrierOf(effect.seq);
    this.#tell({
      event: "retransmit",
      time: this.time,
      connection: connection.name,
      id: connection.id,
      segment: this.#numbers.announce(connection),
      ...(repeats === NO_SEGMENT ? {} : { repeats }),
      kind: effect.retransmit,
      seq: wordOf(effect.seq, connection.tcb.iss),
      relSeq: effect.seq,
      length: effect.length,
      count: effect.count,
    });
  }

  /** A connection has ended. */
  closed(connection: Connection, effect: Effect): void {
    if (this.observer === null) return;
    const { tcb } = connection;
    this.#tell({
      event: "closed",
      time: this.time,
      connection: connection.name,
      id: connection.id,
      reason: effect.reason,
      bytesIn: tcb.bytesIn,
      bytesOut: tcb.bytesOut,
      durationMs: (this.#context.nowUs - tcb.openedUs) / 1000,
      states: statesOfPath(tcb.path),
    });
  }

  /** A listener opened or closed: the two rows of the table that belong to it alone. */
  listener(row: "open.passive" | "listen.close", connection: string): void {
    const { from, to, cause, rfc } = transitionById(row);
    const rule = row === "open.passive" ? "open.passive" : "close.listen";
    this.#context.apply(rule);
    if (this.observer === null) return;
    this.#tell({
      event: "transition",
      time: this.time,
      connection,
      from,
      to,
      recv: null,
      send: null,
      cause,
      row,
      rule,
      rfc,
    });
  }

  /** An event of the connection is over: tells what of its figures and deadlines is another than before. */
  look(connection: Connection): void {
    const { tcb, name, id } = connection;
    if (tcb.state === "LISTEN") return;
    const isSampled = this.showSamples || this.interest?.samples(id) === true;
    if (!isSampled && !this.showTimers) return;
    const watch = this.#numbers.watchOf(connection);
    if (this.showTimers) this.#timers(connection, watch.changedTimers(tcb));
    if (!isSampled || tcb.ended !== null) return;
    const figures = watch.newFigures(tcb);
    if (figures === null) return;
    this.#tell({ event: "sample", time: this.time, connection: name, id, ...figures });
  }

  /** Deadlines of the connection may be due, and are about to be acted upon. */
  fires(connection: Connection): void {
    if (!this.showTimers) return;
    const watch = this.#numbers.watchOf(connection);
    this.#timers(connection, watch.firedTimers(connection.tcb, this.#context.nowUs));
  }

  #timers({ name, id }: Connection, news: readonly TimerNews[]): void {
    const { nowUs } = this.#context;
    for (const { timer, action, dueUs } of news) {
      this.#tell({
        event: "timer",
        time: this.time,
        connection: name,
        id,
        timer,
        action,
        ...(action === "armed" ? { inUs: dueUs - nowUs } : {}),
      });
    }
  }

  #sentEvent(
    segment: TcpSegment,
    effect: Effect,
    of: { name: string; id: number; number: number; windowShift: number },
  ): SegmentEvent {
    return segmentEvent(segment, {
      time: this.time,
      connection: of.name,
      id: of.id,
      segment: of.number,
      direction: "send",
      state: effect.state,
      rule: effect.rule,
      rules: null,
      relSeq: effect.seq,
      relAck: effect.ack,
      cutBytes: effect.cutBytes,
      windowShift: of.windowShift,
      options: this.#sentOptions,
    });
  }

  observerThrew(error: unknown): void {
    this.#barrier.observerThrew(error);
  }

  /** Whether a segment is heard; one that begins or ends something always is. */
  #isHeard({ id }: Connection, flags: number): boolean {
    if (this.interest === null || (flags & (FLAG.SYN | FLAG.FIN | FLAG.RST)) !== 0) return true;
    return this.interest.segments(id);
  }

  #judge(group: FoldGroup, name: string): FoldVerdict {
    if (this.#folding.isOver(this.#context.nowUs)) {
      const folded = this.#takeFolded();
      const isMany = ({ count }: FoldableEvent) => count !== undefined;
      this.#tellAll(folded.filter(isMany));
      this.#late.push(...folded.filter((event) => !isMany(event)));
    }
    return this.#folding.judge(group, name);
  }

  #tellOrKeep(verdict: FoldVerdict, event: FoldableEvent): void {
    if (verdict === FOLD.KEEP) this.#folding.keep(event);
    else this.#tell(event);
  }

  #tell(event: TcpEvent): void {
    try {
      this.observer?.(event);
    } catch (error) {
      this.#barrier.observerThrew(error);
    }
  }
}

/** The last `count` bytes of a ring. */
function payloadOf(ring: ByteRing, count: number): { payload?: string } {
  if (ring.length < count) return {};
  const bytes = new Uint8Array(count);
  ring.copyOut(ring.length - count, bytes, 0, count);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { payload: btoa(text) };
}

function nameOf({ name, id = 0 }: Named): { connection: string; id?: number } {
  return id === 0 ? { connection: name } : { connection: name, id };
}
