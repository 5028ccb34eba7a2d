/**
 * EffectPerformer: performs what the machine asks for, in the order in which it asks.
 *
 * Owns: the order (effects, then what each touched connection still owes, until nothing is left) and what each effect
 * means outside the machine: a segment written, a handler called, a counter, an event. An application that throws
 * loses its own connection here, and nothing else is disturbed. Must not know: what caused an effect.
 */
import type { MachineContext } from "../tcp/context.ts";
import { EFFECT, type Effect } from "../tcp/effects.ts";
import { flush } from "../tcp/output.ts";
import type { RuleId } from "../tcp/rules.ts";
import type { TcpState } from "../tcp/state.ts";
import type { Transition } from "../tcp/transitions.ts";
import { abortConnection, isOrphan } from "../tcp/user_calls.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { FaultBarrier } from "./fault_barrier.ts";
import type { EventTeller } from "./event_teller.ts";
import type { FastOpenClient } from "./fast_open_client.ts";
import type { FastOpenRequests } from "./fast_open_requests.ts";
import type { HostCounters } from "./host_counters.ts";
import type { NextHops } from "./next_hops.ts";
import type { ReplyRoute } from "./reply_route.ts";
import type { SegmentWriter } from "./segment_writer.ts";

/** What effects are performed with. */
interface EffectPerformerOptions {
  readonly context: MachineContext;
  readonly registry: ConnectionRegistry;
  readonly teller: EventTeller;
  readonly barrier: FaultBarrier;
  readonly counters: HostCounters;
  /** Where answers go that belong to no connection. */
  readonly replyRoute: ReplyRoute;
  readonly writer: SegmentWriter;
  /** Puts the writer's frame on the link; `label`: its number in the events, 0 for none. */
  transmit(length: number, cutBytes: number, label: number): void;
  /** By way of whom connections go. */
  readonly nextHops: NextHops;
  readonly fastOpens: FastOpenRequests;
  readonly fastOpenClient: FastOpenClient;
}

/** Performs the effects of one host. */
export class EffectPerformer implements ConnectionHost {
  readonly context: MachineContext;
  readonly #options: EffectPerformerOptions;
  readonly #registry: ConnectionRegistry;
  readonly #teller: EventTeller;
  readonly #touched: Connection[] = [];
  /** Whose application waits for memory while nothing is in flight: no acknowledgment will wake it. */
  readonly #starving = new Set<Connection>();
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
        if (flushed > 0 && this.#teller.looksCloser) this.#teller.look(touched[flushed - 1]);
        if (flushed === touched.length) break;
        // From here on a call of an application counts anew.
        touched[flushed].isTouched = false;
        flush(this.context, touched[flushed].tcb);
      }
    } finally {
      effects.clear();
      for (let connection = touched.pop(); connection !== undefined; connection = touched.pop()) {
        const { tcb } = connection;
        connection.isTouched = false;
        tcb.endEvent();
        if (tcb.fastOpen !== null && tcb.fastOpen.isPending) this.#options.fastOpens.settle(connection);
        this.#registry.setDeadline(connection);
      }
      this.#isPerforming = false;
    }
  }

  /** Ends the oldest connection in TIME_WAIT before its time, to make room; does nothing where there is none. */
  evictTimeWait(): void {
    const connection = this.#registry.oldestTimeWait();
    if (connection === null) return;
    this.#options.counters.count("time-wait-evicted");
    this.begin(connection);
    abortConnection(this.context, connection.tcb);
    this.finish();
  }

  /** Ends a connection to make room for others. */
  evict(connection: Connection, rule: RuleId): void {
    this.begin(connection);
    abortConnection(this.context, connection.tcb, rule);
    this.finish();
  }

  starves(connection: Connection): void {
    this.#starving.add(connection);
  }

  /** Where only the peer's part of the end is awaited, whatever state that leaves, there is a bound on how many may wait. */
  closes(connection: Connection): void {
    const { tcb } = connection;
    if (!isOrphan(tcb) || tcb.ended !== null || tcb.state === "TIME_WAIT") return;
    if (this.#registry.entersClosing(connection)) this.#evictClosing();
  }

  /** Whether applications wait for memory. */
  get hasStarving(): boolean {
    return this.#starving.size > 0;
  }

  /** Memory has come back: applications that had none to write into may go on. */
  feed(): void {
    const starving = [...this.#starving];
    this.#starving.clear();
    for (const connection of starving) {
      const { tcb } = connection;
      if (!tcb.writeBlocked || tcb.ended !== null || tcb.sendRing.length > 0) continue;
      tcb.writeBlocked = false;
      this.begin(connection);
      this.context.effects.push(EFFECT.WRITABLE, tcb);
      this.finish();
    }
  }

  #perform(effect: Effect): void {
    const { tcb } = effect;
    if (tcb === null) {
      this.#performReply(effect);
      return;
    }
    const connection = tcb.owner;
    if (!(connection instanceof Connection)) return;
    if (effect.kind === EFFECT.SEND) {
      this.#send(effect, connection);
    } else if (effect.kind === EFFECT.DATA) {
      this.#teller.data(connection, "recv", effect.length);
      if (!tcb.discarding && !connection.hasFailed) this.#callApplication(connection, effect);
    } else {
      this.#performRare(effect, connection);
    }
  }

  /** What is not done for every segment, apart so that V8 makes one piece of what is. */
  #performRare(effect: Effect, connection: Connection): void {
    const { nextHops, counters } = this.#options;
    switch (effect.kind) {
      case EFFECT.STATE:
        this.#stateChanged(connection, effect);
        return;
      case EFFECT.RETRANSMIT:
        nextHops.sendingAgain(connection.hop);
        this.#teller.retransmit(connection, effect);
        return;
      case EFFECT.DROP:
        this.#teller.drop(effect.drop, connection);
        return;
      case EFFECT.NO_PROGRESS:
        nextHops.doubt(connection);
        return;
      case EFFECT.FAST_OPEN:
        this.#options.fastOpenClient.answered(connection);
        return;
      case EFFECT.OPEN:
        counters.connectionsEstablished++;
        if (connection.listener !== null) counters.passiveOpens++;
        nextHops.established(connection);
        this.#registry.established(connection);
        break;
      case EFFECT.CLOSED:
        this.#closed(connection, effect);
    }
    if (!connection.hasFailed || effect.kind === EFFECT.CLOSED) this.#callApplication(connection, effect);
  }

  /** Calls what runs on a connection. */
  #callApplication(connection: Connection, effect: Effect): void {
    const { handler } = connection;
    try {
      switch (effect.kind) {
        case EFFECT.DATA:
          handler.onReadable?.(connection);
          return;
        case EFFECT.OPEN:
          handler.onOpen?.(connection);
          return;
        case EFFECT.PEER_CLOSED:
          handler.onPeerClosed?.(connection);
          return;
        case EFFECT.WRITABLE:
          handler.onWritable?.(connection);
          return;
        case EFFECT.CLOSED:
          handler.onClosed?.(connection, effect.reason);
          return;
        case EFFECT.URGENT:
          handler.onUrgent?.(connection);
          return;
        case EFFECT.ADVICE:
          handler.onAdvice?.(connection, effect.drop);
      }
    } catch (error) {
      this.#applicationThrew(connection, error);
    }
  }

  /** Asks the listener for what is to run on a new connection. */
  #accept(connection: Connection): void {
    const { listener } = connection;
    if (listener === null) return;
    try {
      connection.handler = listener.options.accept(connection);
    } catch (error) {
      this.#applicationThrew(connection, error);
    }
  }

  /** The connection ends; what it still has to be told is that. */
  #applicationThrew(connection: Connection, error: unknown): void {
    this.#options.barrier.applicationThrew(error, connection.name);
    this.#teller.applicationError(connection, error);
    connection.hasFailed = true;
    this.begin(connection);
    abortConnection(this.context, connection.tcb);
  }

  /** An effect without a connection: it goes to where the segment in hand came from. */
  #performReply(effect: Effect): void {
    const { replyRoute } = this.#options;
    replyRoute.take();
    if (effect.kind === EFFECT.SEND) {
      this.#send(effect, null);
    } else if (effect.kind === EFFECT.DROP) {
      this.#teller.drop(effect.drop, replyRoute);
    }
  }

  #stateChanged(connection: Connection, effect: Effect): void {
    const row = effect.transition;
    if (row === null) return;
    this.#countEstablished(row);
    if (connection.isHalfOpen && row.from === "SYN_RCVD") {
      connection.isHalfOpen = false;
      if (connection.listener !== null) connection.listener.halfOpen--;
    }
    if (row.to === "TIME_WAIT") {
      if (this.#registry.entersTimeWait(connection)) this.evictTimeWait();
    } else {
      this.closes(connection);
    }
    this.#teller.transition(connection, effect);
    if (row.from === "LISTEN") this.#accept(connection);
  }

  #countEstablished({ from, to }: Transition): void {
    const { counters } = this.#options;
    const was = isEstablished(from);
    if (was && to === "CLOSED") counters.establishedResets++;
    if (was !== isEstablished(to)) counters.establishedNow += was ? -1 : 1;
  }

  /** Ends the one whose end has been awaited longest. */
  #evictClosing(): void {
    const connection = this.#registry.takeOldestClosing();
    if (connection === null) return;
    this.#options.counters.count("evicted-closing");
    this.evict(connection, "evict.closing");
  }

  #closed(connection: Connection, effect: Effect): void {
    const { tcb } = connection;
    this.#starving.delete(connection);
    this.#registry.remove(connection);
    this.#options.nextHops.end(connection);
    this.#options.counters.connectionsClosed++;
    if (tcb.fastOpen !== null) this.#options.fastOpenClient.ended(connection, effect.reason);
    tcb.releaseSendRing();
    // What came before a normal end can still be read.
    const isKept = effect.reason === "normal" || tcb.config.textAfterReset === "kept";
    if (!isKept || tcb.receiveRing.length === 0) tcb.releaseReceiveRing();
    else tcb.receiveRing.leaveMemory();
    this.#teller.closed(connection, effect);
  }

  /** Sends the segment of `effect` on a connection, or without one on the reply route. */
  #send(effect: Effect, connection: Connection | null): void {
    const { writer, counters, replyRoute, nextHops } = this.#options;
    const length = writer.write(connection ?? replyRoute, effect);
    counters.segmentsOut++;
    // One that is in LISTEN was made to answer with a cookie, and is forgotten: its segment is nobody's.
    const isStranger = connection === null || connection.tcb.state === "LISTEN";
    const label = isStranger
      ? this.#teller.strangerSent(writer.segment, effect, connection ?? replyRoute)
      : this.#teller.sent(writer.segment, effect, connection);
    if (connection !== null && connection.hop.mac === null) {
      nextHops.hold(connection, { frame: writer.frame, length, cutBytes: effect.cutBytes, label });
    } else {
      this.#options.transmit(length, effect.cutBytes, label);
    }
  }
}

/** What RFC 4022 calls the current state of an established connection (tcpCurrEstab). */
function isEstablished(state: TcpState): boolean {
  return state === "ESTABLISHED" || state === "CLOSE_WAIT";
}
