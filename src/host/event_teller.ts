/**
 * EventTeller: what the host says about its connections, to the one observer.
 *
 * Owns: the observer, event times, and the building of events; every method does nothing without an observer, and what
 * the observer throws goes no further. Must not know: what caused an event.
 */
import type { MachineContext } from "../tcp/context.ts";
import type { Effect } from "../tcp/effects.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import type { ByteRing } from "../tcp/fast/byte_ring.ts";
import { wordOf } from "../tcp/sequence.ts";
import { statesOfPath } from "../tcp/state.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { transitionById } from "../tcp/transitions.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";
import { type FaultBarrier, messageOfError } from "./fault_barrier.ts";
import { segmentEvent, transitionEvent } from "./segment_events.ts";

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

  /** `epochUs`: wall clock at time 0 of the context's clock. */
  constructor(context: MachineContext, about: { epochUs: number; barrier: FaultBarrier }) {
    this.#context = context;
    this.#epochUs = about.epochUs;
    this.#barrier = about.barrier;
  }

  /** Time of an event, seconds since 1970. */
  get time(): number {
    return (this.#epochUs + this.#context.nowUs) / 1e6;
  }

  /** Hands an event on with the time of now. */
  emit(event: TcpEvent): void {
    if (this.observer !== null) this.#tell({ ...event, time: this.time });
  }

  /** A segment was received; `tcb` null for one that belongs to no connection. */
  received(segment: TcpSegment, about: { name: string; tcb: Tcb | null; isListening?: boolean }): void {
    const { tcb } = about;
    if (this.observer === null) return;
    this.#tell(segmentEvent(segment, {
      time: this.time,
      connection: about.name,
      direction: "recv",
      state: tcb !== null ? tcb.state : about.isListening === true ? "LISTEN" : "CLOSED",
      rule: this.#context.rule,
      relSeq: tcb === null ? segment.seq : this.#context.arriving.seq,
      relAck: tcb === null ? segment.ack : this.#context.arriving.ack,
      cutBytes: 0,
    }));
  }

  /** A segment, as it stands on the wire, is being sent because of `effect`. */
  sent(segment: TcpSegment, effect: Effect, name: string): void {
    if (this.observer === null) return;
    this.#tell(segmentEvent(segment, {
      time: this.time,
      connection: name,
      direction: "send",
      state: effect.state,
      rule: effect.rule,
      relSeq: effect.seq,
      relAck: effect.ack,
      cutBytes: effect.cutBytes,
    }));
  }

  /** Something was not taken. */
  drop(reason: string, connection?: string): void {
    if (this.observer === null) return;
    const event: TcpEvent = { event: "drop", time: this.time, reason };
    this.#tell(connection === undefined ? event : { ...event, connection });
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
    const event: TcpEvent = { event: "notice", time: this.time, kind, message };
    this.#tell(connection === undefined ? event : { ...event, connection });
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
