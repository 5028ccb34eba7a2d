/**
 * PassiveOpens: segments that belong to no connection: for a listener, or for nobody.
 *
 * Owns: the backlog's bound, SYN cookies beyond it (RFC 4987), and replies without a connection. Must not know:
 * the connections' table and deadlines; it asks for a connection to be made.
 */
import { segmentArrives } from "../tcp/arrives.ts";
import { answerWithCookie, beginFromCookie, beginFromSyn, listenArrives } from "../tcp/arrives_listen.ts";
import type { MachineContext } from "../tcp/context.ts";
import { asksForEcn } from "../tcp/establish.ts";
import { closedArrives, replyWithReset } from "../tcp/reset.ts";
import { stampAt } from "../tcp/rate_sample.ts";
import { seqAdd, seqLe } from "../tcp/sequence.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection, ConnectionAddresses, ConnectionHost } from "./connection.ts";
import type { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import type { Listener, Listeners } from "./listeners.ts";
import type { ReplyRoute } from "./reply_route.ts";
import { optionsOfStamp, stampWithOptions, type SynCookies } from "./syn_cookies.ts";

const { SYN, ACK, RST, FIN } = FLAG;

/** After the last cookie an ACK may bring it back for so long (the two ticks that it is good for). */
const COOKIE_LIFE_US = 128_000_000;

/** RFC 9293 §3.7.1: what a SYN without MSS option means. */
const DEFAULT_MSS = 536;

/** What passive opens need of the connections. */
export interface PassiveOpensHost extends ConnectionHost {
  readonly context: MachineContext;
  readonly listeners: Listeners;
  readonly teller: EventTeller;
  /** Where the segment in hand came from. */
  readonly replyRoute: ReplyRoute;
  /** Makes a connection; `listed` false for one that only answers and is forgotten. */
  make(addresses: ConnectionAddresses, listed: boolean): Connection;
  /** Whether one more connection may be held. */
  makeRoom(): boolean;
}

/** What passive opens are given. */
export interface PassiveOpensOptions {
  readonly host: PassiveOpensHost;
  readonly counters: HostCounters;
  readonly cookies: SynCookies | null;
  isValidSource(arrival: Arrival): boolean;
}

/** Deals with what belongs to no connection. */
export class PassiveOpens {
  readonly #options: PassiveOpensOptions;
  #cookieSentUs = -Infinity;

  constructor(options: PassiveOpensOptions) {
    this.#options = options;
  }

  /** Takes a segment that belongs to no connection. `issFloor`: our ISS must lie beyond it (MAY-2), null without one. */
  arrives(segment: TcpSegment, from: Arrival, issFloor: number | null): void {
    const { host, counters } = this.#options;
    host.replyRoute.take();
    if (!this.#options.isValidSource(from)) {
      counters.drop("bad-source");
      if (host.teller.observer !== null) host.teller.drop("bad-source", host.replyRoute.name);
      return;
    }
    const listener = host.listeners.find(segment.destinationPort, host.replyRoute.localAddress);
    if (listener === null) {
      counters.noListener++;
      closedArrives(host.context, segment);
      this.#tell(segment, false);
      host.finish();
      return;
    }
    if (this.#isCookieAck(segment) && this.#cookieArrives(segment, listener)) return;
    if (!listenArrives(host.context, segment)) {
      this.#tell(segment, true);
      host.finish();
      return;
    }
    this.#synArrives(segment, listener, issFloor);
  }

  #synArrives(segment: TcpSegment, listener: Listener, issFloor: number | null): void {
    const { host, counters, cookies } = this.#options;
    const hasRoom = host.makeRoom();
    if (hasRoom && listener.halfOpen >= listener.backlog && cookies !== null) {
      this.#sendCookie(segment, cookies);
      return;
    }
    if (listener.halfOpen >= listener.backlog || !hasRoom) {
      // RFC 4987 §3.2: the bound of the backlog; the client tries again.
      counters.synDropped++;
      host.context.apply("arrives.listen.backlog-full");
      this.#tell(segment, true);
      if (host.teller.observer !== null) {
        host.teller.drop(hasRoom ? "backlog-full" : "too-many-connections", host.replyRoute.name);
      }
      return;
    }
    const connection = this.#begin(listener);
    connection.isHalfOpen = true;
    listener.halfOpen++;
    const { tcb } = connection;
    if (issFloor !== null && seqLe(tcb.iss, issFloor)) {
      // MAY-2: larger than the largest sequence number of the old connection.
      tcb.iss = seqAdd(issFloor, 0x10000);
    }
    host.begin(connection);
    beginFromSyn(host.context, tcb, segment);
    if (host.teller.observer !== null) host.teller.received(segment, { name: connection.name, tcb });
    host.finish();
  }

  /** Answers a SYN without remembering it. */
  #sendCookie(segment: TcpSegment, cookies: SynCookies): void {
    const { host, counters } = this.#options;
    const { context } = host;
    const connection = host.make(host.replyRoute, false);
    connection.peerMac = host.replyRoute.peerMac;
    connection.vlan = host.replyRoute.vlan;
    const { tcb } = connection;
    const mss = segment.mss > 0 ? segment.mss : DEFAULT_MSS;
    tcb.iss = cookies.make(connection, { seq: segment.seq, mss }, context.nowUs);
    if (segment.hasTimestamps && tcb.config.timestamps) {
      const stamp = stampAt(tcb, context.nowUs);
      const carried = stampWithOptions(stamp, {
        windowScale: tcb.config.windowScaling ? segment.windowScale : -1,
        sack: tcb.config.sack && segment.sackPermitted,
        ecn: tcb.config.ecn !== "off" && asksForEcn(segment),
      });
      tcb.tsOffset = seqAdd(tcb.tsOffset, carried - stamp);
    } else {
      // Without timestamps there is no place for them.
      segment.windowScale = -1;
      segment.sackPermitted = false;
    }
    counters.count("syn-cookies-sent");
    this.#cookieSentUs = context.nowUs;
    tcb.state = "LISTEN";
    this.#tell(segment, true);
    answerWithCookie(context, tcb, segment);
    host.finish();
  }

  /** Only while a cookie of ours may be under way. */
  #isCookieAck(segment: TcpSegment): boolean {
    const { host, cookies } = this.#options;
    return cookies !== null && (segment.flags & (SYN | ACK | RST | FIN)) === ACK &&
      host.context.nowUs - this.#cookieSentUs < COOKIE_LIFE_US;
  }

  /** Whether the ACK brings a cookie back; then the connection is made, as if the SYN had been kept. */
  #cookieArrives(segment: TcpSegment, listener: Listener): boolean {
    const { host, counters, cookies } = this.#options;
    if (cookies === null) return false;
    const seq = seqAdd(segment.seq, -1);
    const cookie = seqAdd(segment.ack, -1);
    const mss = cookies.check(host.replyRoute, { seq, cookie }, host.context.nowUs);
    if (mss < 0) {
      counters.count("syn-cookies-bad");
      return false;
    }
    if (!host.makeRoom()) {
      counters.synDropped++;
      replyWithReset(host.context, segment, "arrives.listen.ack");
      host.finish();
      return true;
    }
    counters.count("syn-cookies-good");
    const connection = this.#begin(listener);
    const { tcb } = connection;
    const carried = segment.hasTimestamps ? optionsOfStamp(segment.tsEcho) : null;
    tcb.iss = cookie;
    host.begin(connection);
    beginFromCookie(host.context, tcb, segment, { mss, carried });
    segmentArrives(host.context, tcb, segment);
    if (host.teller.observer !== null) host.teller.received(segment, { name: connection.name, tcb });
    host.finish();
    return true;
  }

  #begin(listener: Listener): Connection {
    const { host } = this.#options;
    const connection = host.make(host.replyRoute, true);
    connection.peerMac = host.replyRoute.peerMac;
    connection.vlan = host.replyRoute.vlan;
    connection.listener = listener;
    connection.tcb.state = "LISTEN";
    connection.handler = listener.options.accept(connection);
    return connection;
  }

  #tell(segment: TcpSegment, isListening: boolean): void {
    const { teller, replyRoute } = this.#options.host;
    if (teller.observer === null) return;
    teller.received(segment, { name: replyRoute.name, tcb: null, isListening });
  }
}
