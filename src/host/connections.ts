/**
 * Connections: all TCP of one host. Finds the connection of a segment, hands it to the machine, and performs
 * the effects in order.
 *
 * Owns: the table, the listeners, the deadlines, and the bounds on what strangers can make us hold.
 * Must not know: how a segment came out of a frame (host.ts), or how one becomes a frame (segment_writer.ts).
 */
import { closeForReopen, segmentArrives } from "../tcp/arrives.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { congestionControl } from "../tcp/congestion.ts";
import { MachineContext } from "../tcp/context.ts";
import { deadlineArrives } from "../tcp/deadlines.ts";
import { EFFECT, type Effect } from "../tcp/effects.ts";
import { Lender } from "../tcp/lender.ts";
import { icmpArrives, type IcmpNews } from "../tcp/icmp_arrives.ts";
import { type FourTuple, InitialSequence } from "../tcp/initial_sequence.ts";
import { settle } from "../tcp/output.ts";
import { Tcb } from "../tcp/tcb.ts";
import { canReopen } from "../tcp/time_wait.ts";
import { abortConnection, openActive } from "../tcp/user_calls.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { ConnectOptions, ListenOptions } from "./api.ts";
import type { Arrival } from "./arrival.ts";
import { Connection, type ConnectionAddresses } from "./connection.ts";
import { ConnectionTable } from "./connection_table.ts";
import { type DeadlineEntry, DeadlineWheel, WHEEL_NOT_SET } from "./deadline_wheel.ts";
import { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { PassiveOpens, type PassiveOpensHost } from "./passive_opens.ts";
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

const MAC_BYTES = 6;

/** All TCP connections of one host. */
export class Connections implements PassiveOpensHost {
  readonly context: MachineContext;
  readonly listeners = new Listeners();
  readonly teller: EventTeller;
  readonly #options: ConnectionsOptions;
  readonly #table: ConnectionTable<Connection>;
  readonly #wheel: DeadlineWheel;
  readonly #isn: InitialSequence;
  readonly #touched: Connection[] = [];
  readonly #timeWaits = new Set<Connection>();
  #isPerforming = false;
  /** The segment in hand and its frame: where a reset that belongs to no connection goes. */
  #arriving: TcpSegment | null = null;
  #from: Arrival | null = null;
  #nextId = 1;
  readonly #opens: PassiveOpens;
  readonly #dueHandler: (entry: DeadlineEntry) => void;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.context = new MachineContext(new Lender(options.config));
    this.context.nowUs = options.nowUs;
    this.teller = new EventTeller(this.context, options.epochUs);
    const { secret } = options;
    this.#table = new ConnectionTable((secret[0] << 24) | (secret[5] << 16) | (secret[10] << 8) | secret[15]);
    this.#wheel = new DeadlineWheel(options.nowUs);
    this.#isn = new InitialSequence(secret);
    this.#opens = new PassiveOpens({
      host: this,
      counters: options.counters,
      cookies: options.config.synCookies ? new SynCookies(secret) : null,
      isValidSource: options.isValidSource,
    });
    this.#dueHandler = (entry) => {
      if (entry instanceof Connection) this.#deadlineDue(entry);
    };
  }

  /** Live connections, oldest first. */
  all(): Connection[] {
    return [...this.#table].sort((a, b) => a.id - b.id);
  }

  // -- What arrives

  /** Takes a segment whose checksum is right (or accepted). */
  segmentArrives(segment: TcpSegment, from: Arrival): void {
    const connection = this.#table.find(
      from.bytes,
      from.peerOffset,
      from.localOffset,
      from.addressBytes,
      segment.sourcePort,
      segment.destinationPort,
    );
    this.context.segmentEcn = from.ecn;
    this.context.segmentDscp = from.dscp;
    this.#arriving = segment;
    this.#from = from;
    if (connection === null) {
      this.#opens.arrives(segment, from, null);
      return;
    }
    const { tcb } = connection;
    if (tcb.state === "TIME_WAIT" && canReopen(tcb, segment)) {
      const listener = this.listeners.find(connection.localPort, connection.localAddress);
      if (listener !== null) {
        const floor = tcb.sndNxt;
        this.begin(connection);
        closeForReopen(this.context, tcb, segment);
        this.finish();
        this.#opens.arrives(segment, from, floor);
        return;
      }
    }
    this.#followMac(connection, from);
    this.begin(connection);
    segmentArrives(this.context, tcb, segment);
    if (this.teller.observer !== null) this.teller.received(segment, { name: connection.name, tcb });
    this.finish();
  }

  /** Takes an ICMP error that quotes a segment of ours; `from` locates the quoted addresses. */
  icmpArrives(
    from: Arrival,
    ports: { localPort: number; peerPort: number },
    make: (tcb: Tcb) => IcmpNews | null,
  ): void {
    const { peerPort, localPort } = ports;
    const connection = this.#table.find(
      from.bytes,
      from.peerOffset,
      from.localOffset,
      from.addressBytes,
      peerPort,
      localPort,
    );
    const news = connection === null ? null : make(connection.tcb);
    if (connection === null || news === null) return;
    this.begin(connection);
    icmpArrives(this.context, connection.tcb, news);
    this.finish();
  }

  /** Whether one more connection may be held; an old TIME_WAIT gives way first. */
  makeRoom(): boolean {
    if (this.#table.size < this.#options.maxConnections) return true;
    const [oldest] = this.#timeWaits;
    if (oldest === undefined) return false;
    this.#forgetTimeWait(oldest);
    return true;
  }

  #forgetTimeWait(connection: Connection): void {
    this.#options.counters.count("time-wait-evicted");
    this.begin(connection);
    abortConnection(this.context, connection.tcb);
    this.finish();
  }

  /** The peer may answer from another hardware address (a router that took over). */
  #followMac(connection: Connection, from: Arrival): void {
    const mac = connection.peerMac;
    if (mac === null) return;
    const { bytes, macOffset } = from;
    for (let i = MAC_BYTES - 1; i >= 0; i--) {
      if (mac[i] !== bytes[macOffset + i]) {
        connection.peerMac = bytes.slice(macOffset, macOffset + MAC_BYTES);
        return;
      }
    }
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
        `Cannot connect: the host holds ${this.#table.size} connections, its bound. Close some first.`,
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

  /** Whether the 4-tuple is in use. */
  isTaken(tuple: FourTuple): boolean {
    const length = tuple.peerAddress.length;
    const bytes = new Uint8Array(length * 2);
    bytes.set(tuple.peerAddress, 0);
    bytes.set(tuple.localAddress, length);
    return this.#table.find(bytes, 0, length, length, tuple.peerPort, tuple.localPort) !== null;
  }

  /** First port to try for an active open (RFC 6056 §3.3.3). */
  portOffset(tuple: FourTuple): number {
    return this.#isn.portOffset(tuple);
  }

  make(addresses: ConnectionAddresses, listed: boolean): Connection {
    const { config, linkMss } = this.#options;
    const tcb = new Tcb(config, congestionControl(config.congestionControl), this.context.lender);
    tcb.ourMss = config.mss > 0 && config.mss < linkMss ? config.mss : linkMss;
    tcb.iss = this.#isn.next(addresses, this.context.nowUs);
    tcb.tsOffset = this.#isn.timestampOffset;
    tcb.ipId = tcb.tsOffset >>> 16;
    const connection = new Connection(this, tcb, {
      id: this.#nextId++,
      localAddress: addresses.localAddress,
      localPort: addresses.localPort,
      peerAddress: addresses.peerAddress,
      peerPort: addresses.peerPort,
    });
    if (listed) {
      this.#table.add(connection);
      this.#options.counters.connectionsOpened++;
    }
    return connection;
  }

  // -- Deadlines

  nextDeadlineUs(): number {
    return this.#wheel.nextDeadlineUs();
  }

  tick(nowUs: number): void {
    this.context.nowUs = nowUs;
    if (this.#wheel.nextDeadlineUs() <= nowUs) this.#wheel.expire(nowUs, this.#dueHandler);
  }

  #deadlineDue(connection: Connection): void {
    const { tcb } = connection;
    this.begin(connection);
    // Deadlines that moved to later are set anew here, not each time they move.
    if (tcb.nextDeadlineUs() <= this.context.nowUs) deadlineArrives(this.context, tcb);
    this.finish();
  }

  // -- Effects

  begin(connection: Connection): void {
    if (connection.isTouched) return;
    connection.isTouched = true;
    this.#touched.push(connection);
  }

  written(connection: Connection, count: number): void {
    this.teller.data(connection, "send", count);
  }

  /** Performs all effects in order, then what each touched connection still owes, until nothing is left. */
  finish(): void {
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    const { effects } = this.context;
    try {
      let touched = 0;
      let done = 0;
      do {
        for (; done < effects.length; done++) this.#perform(effects.at(done));
        for (; touched < this.#touched.length; touched++) settle(this.context, this.#touched[touched].tcb);
      } while (done < effects.length);
    } finally {
      effects.clear();
      const all = this.#touched;
      while (all.length > 0) {
        const connection = all.pop();
        if (connection === undefined) break;
        connection.isTouched = false;
        // What an application has not read by now outlives the frame that brought it.
        connection.tcb.receiveRing.keep();
        connection.tcb.releaseBoard();
        this.#setDeadline(connection);
      }
      this.#isPerforming = false;
    }
  }

  #setDeadline(connection: Connection): void {
    const next = connection.tcb.nextDeadlineUs();
    if (next === Infinity || connection.tcb.ended !== null) {
      if (connection.wheelSlot !== WHEEL_NOT_SET) this.#wheel.cancel(connection);
      return;
    }
    // Moving to later is left until the old time comes.
    if (connection.wheelSlot !== WHEEL_NOT_SET && connection.deadlineUs <= next) return;
    this.#wheel.follow(connection);
  }

  #perform(effect: Effect): void {
    const { tcb } = effect;
    if (tcb === null) {
      if (this.#arriving !== null && this.#from !== null) this.#opens.setRoute(this.#arriving, this.#from);
      if (effect.kind === EFFECT.SEND) {
        this.#send(effect, null);
      } else if (effect.kind === EFFECT.DROP && this.teller.observer !== null) {
        this.teller.drop(effect.drop, this.#opens.routeName());
      }
      return;
    }
    const connection = tcb.owner;
    if (!(connection instanceof Connection)) return;
    switch (effect.kind) {
      case EFFECT.SEND:
        this.#send(effect, connection);
        return;
      case EFFECT.DATA:
        this.teller.data(connection, "recv", effect.length);
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
        this.teller.retransmit(connection, effect);
        return;
      case EFFECT.DROP:
        if (this.teller.observer !== null) this.teller.drop(effect.drop, connection.name);
        return;
      case EFFECT.URGENT:
        connection.handler.onUrgent?.(connection);
        return;
      case EFFECT.ADVICE:
        connection.handler.onAdvice?.(connection, effect.drop);
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
      this.#timeWaits.add(connection);
      if (this.#timeWaits.size > this.#options.maxTimeWait) {
        const [oldest] = this.#timeWaits;
        this.#forgetTimeWait(oldest);
      }
    }
    this.teller.transition(connection, effect);
  }

  #closed(connection: Connection, effect: Effect): void {
    const { tcb } = connection;
    this.#timeWaits.delete(connection);
    this.#table.remove(connection);
    this.#wheel.cancel(connection);
    this.#options.counters.connectionsClosed++;
    tcb.releaseSendRing();
    // What came before a normal end can still be read.
    if (effect.reason !== "normal" || tcb.receiveRing.length === 0) tcb.releaseReceiveRing();
    this.teller.closed(connection, effect);
    connection.handler.onClosed?.(connection, effect.reason);
  }

  /** Sends the segment of `effect` on a connection, or without one to where the segment in hand came from. */
  #send(effect: Effect, connection: Connection | null): void {
    const { writer, counters } = this.#options;
    const length = writer.write(connection ?? this.#opens.route, effect, this.context);
    counters.segmentsOut++;
    if (this.teller.observer !== null) {
      this.teller.sent(
        writer.segment,
        effect,
        connection === null ? this.#opens.routeName() : connection.name,
      );
    }
    if (connection !== null && connection.peerMac === null) this.#options.hold(connection, length);
    else this.#options.transmit(length, effect.cutBytes);
  }
}
