/**
 * EventTeller: what the host says about its connections, to the one observer.
 *
 * Owns: the observer, event times, and the building of events; every method does nothing without an observer, and what
 * the observer throws goes no further. What strangers cause is told with measure (event_folding.ts). Must not know: what
 * caused an event.
 */
import type { MachineContext } from "../tcp/context.ts";
import type { Effect } from "../tcp/effects.ts";
import type { DropEvent, NoticeEvent, Observer, SegmentEvent, TcpEvent } from "../tcp/events.ts";
import type { ByteRing } from "../tcp/fast/byte_ring.ts";
import { wordOf } from "../tcp/sequence.ts";
import { statesOfPath } from "../tcp/state.ts";
import { transitionById } from "../tcp/transitions.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";
import { type FaultBarrier, messageOfError } from "./fault_barrier.ts";
import { EventFolding, FOLD, type FoldableEvent, type FoldGroup, type FoldVerdict } from "./event_folding.ts";
import { segmentEvent, transitionEvent } from "./segment_events.ts";

/** What has the name of a connection, which is made when it is asked for: a name costs more than the rest of a drop. */
interface Named {
  readonly name: string;
}

/** Tells one observer. */
export class EventTeller {
  observer: Observer | null = null;
  /** Data events carry the bytes. */
  showPayload = false;
  /** Told of every notice, also where nobody observes. */
  onNotice: ((kind: string, message: string) => void) | null = null;
  readonly #context: MachineContext;
  readonly #epochUs: number;
  readonly #barrier: FaultBarrier;
  readonly #folding: EventFolding;

  /** `epochUs`: wall clock at time 0 of the context's clock; `foldAfter`: see EventFolding. */
  constructor(
    context: MachineContext,
    about: { epochUs: number; barrier: FaultBarrier; foldAfter: number },
  ) {
    this.#context = context;
    this.#epochUs = about.epochUs;
    this.#barrier = about.barrier;
    this.#folding = new EventFolding(about.foldAfter);
  }

  /** The one who leaves hears what has been folded so far. */
  changeObserver(observer: Observer | null): void {
    if (this.dueUs !== Infinity) this.tellFolded();
    this.observer = observer;
  }

  /** When {@link EventTeller.tellFolded} is due, Infinity as long as nothing is folded. */
  get dueUs(): number {
    return this.#folding.dueUs;
  }

  /** Tells what was folded so far. */
  tellFolded(): void {
    const { time } = this;
    for (const event of this.#folding.take(this.#context.nowUs)) this.#tell({ ...event, time });
  }

  /** Time of an event, seconds since 1970: of one that a frame has caused, when that arrived. */
  get time(): number {
    return (this.#epochUs + this.#context.arrivedUs) / 1e6;
  }

  /** Hands an event on with the time of now. */
  emit(event: TcpEvent): void {
    if (this.observer !== null) this.#tell({ ...event, time: this.time });
  }

  /** A segment of a connection was received. */
  received(segment: TcpSegment, connection: Connection): void {
    if (this.observer === null) return;
    this.#tell(segmentEvent(segment, {
      time: this.time,
      connection: connection.name,
      direction: "recv",
      state: connection.tcb.state,
      rule: this.#context.rule,
      relSeq: this.#context.arriving.seq,
      relAck: this.#context.arriving.ack,
      cutBytes: 0,
    }));
  }

  /** A segment was received that belongs to no connection. */
  strangerReceived(segment: TcpSegment, way: Named, isListening: boolean): void {
    if (this.observer === null) return;
    const { rule } = this.#context;
    const verdict = this.#judge("recv", rule);
    if (verdict === FOLD.COUNT) return;
    this.#tellOrKeep(
      verdict,
      segmentEvent(segment, {
        time: this.time,
        connection: way.name,
        direction: "recv",
        state: isListening ? "LISTEN" : "CLOSED",
        rule,
        relSeq: segment.seq,
        relAck: segment.ack,
        cutBytes: 0,
      }),
    );
  }

  /** A segment of a connection, as it stands on the wire, is being sent because of `effect`. */
  sent(segment: TcpSegment, effect: Effect, connection: Connection): void {
    if (this.observer !== null) this.#tell(this.#sentEvent(segment, effect, connection.name));
  }

  /** The same of a segment that belongs to no connection. */
  strangerSent(segment: TcpSegment, effect: Effect, way: Named): void {
    if (this.observer === null) return;
    const verdict = this.#judge("send", effect.rule);
    if (verdict !== FOLD.COUNT) this.#tellOrKeep(verdict, this.#sentEvent(segment, effect, way.name));
  }

  /** Something was not taken. */
  drop(reason: string, of?: Named): void {
    if (this.observer === null) return;
    const verdict = this.#judge("drop", reason);
    if (verdict === FOLD.COUNT) return;
    const event: DropEvent = { event: "drop", time: this.time, reason };
    this.#tellOrKeep(verdict, of === undefined ? event : { ...event, connection: of.name });
  }

  /** `count` bytes at the end of a ring have arrived in order, or been given to be sent. */
  data(connection: Connection, direction: "recv" | "send", count: number): void {
    if (this.observer === null) return;
    const { receiveRing, sendRing } = connection.tcb;
    this.#tell({
      event: "data",
      time: this.time,
      connection: connection.name,
      direction,
      length: count,
      ...this.#payload(direction === "recv" ? receiveRing : sendRing, count),
    });
  }

  /** An application threw `error` on its connection. */
  applicationError(connection: Connection, error: unknown): void {
    if (this.observer === null) return;
    const message = messageOfError(error);
    this.#tell({ event: "application-error", time: this.time, connection: connection.name, message });
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
    this.#tell(
      transitionEvent(effect.transition, effect, { time: this.time, connection: connection.name }),
    );
  }

  /** Something is sent again. */
  retransmit(connection: Connection, effect: Effect): void {
    if (this.observer === null) return;
    this.#tell({
      event: "retransmit",
      time: this.time,
      connection: connection.name,
      kind: effect.retransmit,
      seq: wordOf(effect.seq, connection.tcb.iss),
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
      rule,
      rfc,
    });
  }

  #sentEvent(segment: TcpSegment, effect: Effect, connection: string): SegmentEvent {
    return segmentEvent(segment, {
      time: this.time,
      connection,
      direction: "send",
      state: effect.state,
      rule: effect.rule,
      relSeq: effect.seq,
      relAck: effect.ack,
      cutBytes: effect.cutBytes,
    });
  }

  observerThrew(error: unknown): void {
    this.#barrier.observerThrew(error);
  }

  #judge(group: FoldGroup, name: string): FoldVerdict {
    if (this.#folding.isOver(this.#context.nowUs)) this.tellFolded();
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

  #payload(ring: ByteRing, count: number): { payload?: string } {
    if (!this.showPayload || ring.length < count) return {};
    const bytes = new Uint8Array(count);
    ring.copyOut(ring.length - count, bytes, 0, count);
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return { payload: btoa(text) };
  }
}
