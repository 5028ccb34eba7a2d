/**
 * EffectPerformer: performs what the machine asks for, in the order in which it asks.
 *
 * Owns: the order (effects, then what each touched connection still owes, until nothing is left) and what each effect
 * means outside the machine: a segment written, a handler called, a counter, an event. Must not know: what caused it.
 */
import type { MachineContext } from "../tcp/context.ts";
import { EFFECT, type Effect } from "../tcp/effects.ts";
import { flush } from "../tcp/output.ts";
import { abortConnection } from "../tcp/user_calls.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import type { ReplyRoute } from "./reply_route.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/** What effects are performed with. */
export interface EffectPerformerOptions {
  readonly context: MachineContext;
  readonly registry: ConnectionRegistry;
  readonly teller: EventTeller;
  readonly counters: HostCounters;
  /** Where answers go that belong to no connection. */
  readonly replyRoute: ReplyRoute;
  readonly writer: SegmentWriter;
  /** Puts the writer's frame on the link. */
  transmit(length: number, cutBytes: number): void;
  /** Keeps the writer's frame until the hardware address of the connection's peer, or of its router, is known. */
  hold(connection: Connection, length: number): void;
}

/** Performs the effects of one host. */
export class EffectPerformer implements ConnectionHost {
  readonly context: MachineContext;
  readonly #options: EffectPerformerOptions;
  readonly #registry: ConnectionRegistry;
  readonly #teller: EventTeller;
  readonly #touched: Connection[] = [];
  #isPerforming = false;

  constructor(options: EffectPerformerOptions) {
    this.#options = options;
    this.context = options.context;
    this.#registry = options.registry;
    this.#teller = options.teller;
  }

  begin(connection: Connection): void {
    if (connection.isTouched) return;
    connection.isTouched = true;
    this.#touched.push(connection);
  }

  written(connection: Connection, count: number): void {
    this.#teller.data(connection, "send", count);
  }

  /**
   * Performs all effects in order, applications' calls among them; then each connection that was touched sends what the
   * event has left to send, and that is performed too.
   */
  finish(): void {
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    const { effects } = this.context;
    const touched = this.#touched;
    try {
      let done = 0;
      for (let flushed = 0;; flushed++) {
        for (; done < effects.length; done++) this.#perform(effects.at(done));
        if (flushed === touched.length) break;
        // From here on a call of an application counts anew.
        touched[flushed].isTouched = false;
        flush(this.context, touched[flushed].tcb);
      }
    } finally {
      effects.clear();
      for (let connection = touched.pop(); connection !== undefined; connection = touched.pop()) {
        connection.isTouched = false;
        connection.tcb.endEvent();
        this.#registry.setDeadline(connection);
      }
      this.#isPerforming = false;
    }
  }

  /** Ends a connection in TIME_WAIT before its time, to make room. */
  evict(connection: Connection): void {
    this.#options.counters.count("time-wait-evicted");
    this.begin(connection);
    abortConnection(this.context, connection.tcb);
    this.finish();
  }

  #perform(effect: Effect): void {
    const { tcb } = effect;
    if (tcb === null) {
      this.#performReply(effect);
      return;
    }
    const connection = tcb.owner;
    if (!(connection instanceof Connection)) return;
    switch (effect.kind) {
      case EFFECT.SEND:
        this.#send(effect, connection);
        return;
      case EFFECT.DATA:
        this.#teller.data(connection, "recv", effect.length);
        if (tcb.discarding) return;
        connection.handler.onReadable?.(connection);
        return;
      case EFFECT.OPEN:
        this.#options.counters.connectionsEstablished++;
        connection.handler.onOpen?.(connection);
        return;
      case EFFECT.PEER_CLOSED:
        connection.handler.onPeerClosed?.(connection);
        return;
      case EFFECT.WRITABLE:
        connection.handler.onWritable?.(connection);
        return;
      case EFFECT.CLOSED:
        this.#closed(connection, effect);
        return;
      case EFFECT.STATE:
        this.#stateChanged(connection, effect);
        return;
      case EFFECT.RETRANSMIT:
        this.#teller.retransmit(connection, effect);
        return;
      case EFFECT.DROP:
        if (this.#teller.observer !== null) this.#teller.drop(effect.drop, connection.name);
        return;
      case EFFECT.URGENT:
        connection.handler.onUrgent?.(connection);
        return;
      case EFFECT.ADVICE:
        connection.handler.onAdvice?.(connection, effect.drop);
    }
  }

  /** An effect without a connection: it goes to where the segment in hand came from. */
  #performReply(effect: Effect): void {
    const { replyRoute } = this.#options;
    replyRoute.take();
    if (effect.kind === EFFECT.SEND) {
      this.#send(effect, null);
    } else if (effect.kind === EFFECT.DROP && this.#teller.observer !== null) {
      this.#teller.drop(effect.drop, replyRoute.name);
    }
  }

  #stateChanged(connection: Connection, effect: Effect): void {
    const row = effect.transition;
    if (row === null) return;
    if (connection.isHalfOpen && row.from === "SYN_RCVD") {
      connection.isHalfOpen = false;
      if (connection.listener !== null) connection.listener.halfOpen--;
    }
    if (row.to === "TIME_WAIT") {
      const evicted = this.#registry.entersTimeWait(connection);
      if (evicted !== null) this.evict(evicted);
    }
    this.#teller.transition(connection, effect);
  }

  #closed(connection: Connection, effect: Effect): void {
    const { tcb } = connection;
    this.#registry.remove(connection);
    this.#options.counters.connectionsClosed++;
    tcb.releaseSendRing();
    // What came before a normal end can still be read.
    if (effect.reason !== "normal" || tcb.receiveRing.length === 0) tcb.releaseReceiveRing();
    this.#teller.closed(connection, effect);
    connection.handler.onClosed?.(connection, effect.reason);
  }

  /** Sends the segment of `effect` on a connection, or without one on the reply route. */
  #send(effect: Effect, connection: Connection | null): void {
    const { writer, counters, replyRoute } = this.#options;
    const length = writer.write(connection ?? replyRoute, effect);
    counters.segmentsOut++;
    if (this.#teller.observer !== null) {
      this.#teller.sent(writer.segment, effect, connection === null ? replyRoute.name : connection.name);
    }
    if (connection !== null && connection.peerMac === null) this.#options.hold(connection, length);
    else this.#options.transmit(length, effect.cutBytes);
  }
}
