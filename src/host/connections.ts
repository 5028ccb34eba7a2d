/**
 * Connections: all TCP of one host, put together: who gets a segment (demultiplexer.ts), what the machine asks for
 * (effect_performer.ts), and which connections there are (connection_registry.ts).
 *
 * Owns: the parts, the user's OPEN calls, and the clock's tick. Must not know: how a segment came out of a frame
 * (host.ts), or how one becomes a frame (segment_writer.ts).
 */
import type { TcpConfig } from "../tcp/config.ts";
import { MachineContext } from "../tcp/context.ts";
import { deadlineArrives } from "../tcp/deadlines.ts";
import { EFFECT } from "../tcp/effects.ts";
import type { IcmpNews } from "../tcp/icmp_arrives.ts";
import type { FourTuple } from "../tcp/initial_sequence.ts";
import { BufferPool } from "../tcp/fast/buffer_pool.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { openActive } from "../tcp/user_calls.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { ConnectOptions, ListenOptions } from "./api.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection, ConnectionAddresses } from "./connection.ts";
import { ConnectionRegistry } from "./connection_registry.ts";
import { Demultiplexer } from "./demultiplexer.ts";
import { EffectPerformer } from "./effect_performer.ts";
import { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { PassiveOpens, type PassiveOpensHost } from "./passive_opens.ts";
import { ReplyRoute } from "./reply_route.ts";
import type { SegmentWriter } from "./segment_writer.ts";
import { SynCookies } from "./syn_cookies.ts";

/** What connections are given. */
export interface ConnectionsOptions {
  readonly secret: Uint8Array;
  readonly nowUs: number;
  readonly epochUs: number;
  readonly config: TcpConfig;
  /** Payload of a full segment on this link, without options: what a SYN offers at most (MUST-67, SHLD-6). */
  readonly linkMss: number;
  readonly maxConnections: number;
  readonly maxTimeWait: number;
  readonly counters: HostCounters;
  readonly writer: SegmentWriter;
  /** Puts the writer's frame on the link. */
  transmit(length: number, cutBytes: number): void;
  /** Keeps the writer's frame until the hardware address of the connection's peer, or of its router, is known. */
  hold(connection: Connection, length: number): void;
  /** Whether a SYN from this source deserves an answer (MUST-63). */
  isValidSource(arrival: Arrival): boolean;
}

/** All TCP connections of one host. */
export class Connections implements PassiveOpensHost {
  readonly context: MachineContext;
  readonly listeners = new Listeners();
  readonly teller: EventTeller;
  readonly replyRoute = new ReplyRoute();
  readonly #counters: HostCounters;
  readonly #registry: ConnectionRegistry;
  readonly #performer: EffectPerformer;
  readonly #demultiplexer: Demultiplexer;

  constructor(options: ConnectionsOptions) {
    const { counters } = options;
    const context = new MachineContext(new BufferPool(options.config));
    context.nowUs = options.nowUs;
    const teller = new EventTeller(context, options.epochUs);
    const registry = new ConnectionRegistry({
      ...options,
      context,
      due: (connection) => this.#deadlineDue(connection),
    });
    const performer = new EffectPerformer({
      ...options,
      context,
      registry,
      teller,
      replyRoute: this.replyRoute,
    });
    const opens = new PassiveOpens({
      host: this,
      counters,
      cookies: options.config.synCookies ? new SynCookies(options.secret) : null,
      isValidSource: options.isValidSource,
    });
    this.context = context;
    this.teller = teller;
    this.#counters = counters;
    this.#registry = registry;
    this.#performer = performer;
    this.#demultiplexer = new Demultiplexer({
      context,
      registry,
      listeners: this.listeners,
      performer,
      opens,
      replyRoute: this.replyRoute,
      teller,
    });
  }

  /** Live connections, oldest first. */
  all(): Connection[] {
    return this.#registry.all();
  }

  // -- What arrives

  /** Takes a segment whose checksum is right (or accepted). */
  segmentArrives(segment: TcpSegment, from: Arrival): void {
    this.#demultiplexer.segmentArrives(segment, from);
  }

  /** Takes an ICMP error that quotes a segment of ours; `from` locates the quoted addresses. */
  icmpArrives(
    from: Arrival,
    ports: { localPort: number; peerPort: number },
    make: (tcb: Tcb) => IcmpNews | null,
  ): void {
    this.#demultiplexer.icmpArrives(from, ports, make);
  }

  // -- User calls

  listen(options: ListenOptions, name: string): Listener {
    const listener = this.listeners.add(options, (gone) => {
      this.teller.listener("listen.close", `${name}:${gone.port}-*:*`);
    });
    this.teller.listener("open.passive", `${name}:${options.port}-*:*`);
    return listener;
  }

  /** Makes a connection in SYN_SENT; the SYN leaves when `peerMac` is known or `peerMac` null and resolved later. */
  connect(options: ConnectOptions, route: ConnectionAddresses & { peerMac: Uint8Array | null }): Connection {
    if (!this.makeRoom()) {
      throw new Error(
        `Cannot connect: the host holds ${this.#registry.size} connections, its bound. Close some first.`,
      );
    }
    const connection = this.make(route, true);
    connection.peerMac = route.peerMac;
    connection.handler = options.handler;
    this.begin(connection);
    openActive(this.context, connection.tcb);
    this.finish();
    return connection;
  }

  /** Tells what runs on a connection something that it may want to know. */
  advise(connection: Connection, advice: string): void {
    this.begin(connection);
    this.context.effects.push(EFFECT.ADVICE, connection.tcb).drop = advice;
    this.finish();
  }

  /** Whether the 4-tuple is in use. */
  isTaken(tuple: FourTuple): boolean {
    return this.#registry.isTaken(tuple);
  }

  /** First port to try for an active open (RFC 6056 §3.3.3). */
  portOffset(tuple: FourTuple): number {
    return this.#registry.portOffset(tuple);
  }

  // -- What passive opens need

  /** Whether one more connection may be held; an old TIME_WAIT gives way first. */
  makeRoom(): boolean {
    if (!this.#registry.isFull) return true;
    const oldest = this.#registry.oldestTimeWait();
    if (oldest === null) return false;
    this.#performer.evict(oldest);
    return true;
  }

  make(addresses: ConnectionAddresses, listed: boolean): Connection {
    const connection = this.#registry.make(addresses, this.#performer);
    if (listed) {
      this.#registry.add(connection);
      this.#counters.connectionsOpened++;
    }
    return connection;
  }

  begin(connection: Connection): void {
    this.#performer.begin(connection);
  }

  written(connection: Connection, count: number): void {
    this.#performer.written(connection, count);
  }

  finish(): void {
    this.#performer.finish();
  }

  // -- Deadlines

  nextDeadlineUs(): number {
    return this.#registry.nextDeadlineUs();
  }

  tick(nowUs: number): void {
    this.context.nowUs = nowUs;
    this.#registry.expire(nowUs);
  }

  #deadlineDue(connection: Connection): void {
    const { tcb } = connection;
    this.begin(connection);
    // Deadlines that moved to later are set anew here, not each time they move.
    if (tcb.nextDeadlineUs() <= this.context.nowUs) deadlineArrives(this.context, tcb);
    this.finish();
  }
}
