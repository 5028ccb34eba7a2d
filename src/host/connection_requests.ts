/**
 * ConnectionRequests: segments that belong to no connection: a listener takes them up, or nobody does.
 *
 * Owns: performing the verdict of passive_opens.ts: a connection begun, a SYN cookie sent, a reset, silence. Must not
 * know: how the verdict comes about, or how connections are found.
 */
import { segmentArrives } from "../tcp/arrives.ts";
import { dropScan, isScan } from "../tcp/syn_fin.ts";
import {
  answerWithCookie,
  becomeCookie,
  beginFromCookie,
  beginFromSyn,
  listenArrives,
} from "../tcp/arrives_listen.ts";
import type { MachineContext } from "../tcp/context.ts";
import { asksForEcn } from "../tcp/establish.ts";
import { closedArrives, replyWithReset } from "../tcp/reset.ts";
import { stampAt } from "../tcp/rate_sample.ts";
import type { InternetLayer } from "../tcp/internet_layer.ts";
import { seqAdd, seqLe } from "../tcp/sequence.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { EffectPerformer } from "./effect_performer.ts";
import type { EventTeller } from "./event_teller.ts";
import type { FastOpenRequests } from "./fast_open_requests.ts";
import type { HostCounters } from "./host_counters.ts";
import type { Listener, Listeners } from "./listeners.ts";
import type { NextHops } from "./next_hops.ts";
import { type PassiveVerdict, passiveVerdict } from "./passive_opens.ts";
import type { Overload } from "./overload.ts";
import type { ReplyRoute } from "./reply_route.ts";
import type { RoomMaker } from "./room_maker.ts";
import { COOKIE_LIFE_US, optionsOfStamp, stampWithOptions, type SynCookies } from "./syn_cookies.ts";

const { SYN, ACK, RST, ECE, CWR } = FLAG;

/** MAY-2: how far beyond the last number of the old connection a new one begins at least. */
const ISS_ABOVE_FLOOR = 0x10000;

/** What requests are performed with. */
interface ConnectionRequestsOptions {
  readonly context: MachineContext;
  readonly registry: ConnectionRegistry;
  readonly listeners: Listeners;
  readonly performer: EffectPerformer;
  readonly teller: EventTeller;
  readonly counters: HostCounters;
  readonly replyRoute: ReplyRoute;
  readonly room: RoomMaker;
  readonly cookies: SynCookies;
  readonly fastOpens: FastOpenRequests;
  /** What carries the segments between addresses of so many bytes. */
  internetOf(addressBytes: number): InternetLayer;
  /** By way of whom connections go. */
  readonly nextHops: NextHops;
  /** Who waits when too much arrives. */
  readonly overload: Overload;
  /** Whether a SYN from this source deserves an answer (MUST-63). */
  isValidSource(arrival: Arrival): boolean;
}

/** Deals with what belongs to no connection. */
export class ConnectionRequests {
  readonly #options: ConnectionRequestsOptions;

  constructor(options: ConnectionRequestsOptions) {
    this.#options = options;
  }

  /**
   * Takes the segment that {@link ReplyRoute} has noted. `issFloor`: our ISS must lie beyond it (MAY-2), null without
   * one.
   */
  arrives(segment: TcpSegment, from: Arrival, issFloor: number | null): void {
    const { context, counters, listeners, replyRoute, room, overload, registry } = this.#options;
    const { config } = registry;
    const { synCookies } = config;
    const cookies = synCookies === false ? null : this.#options.cookies;
    if (overload.isOn && overload.turnsAway(segment, from)) return;
    replyRoute.take();
    if (!this.#options.isValidSource(from)) {
      counters.drop("bad-source");
      this.#tellDrop("bad-source");
      return;
    }
    const listener = listeners.find(segment.destinationPort, replyRoute.localAddress);
    if (isScan(config, segment, listener !== null)) {
      dropScan(context, null);
      this.#answered(segment, listener !== null);
      return;
    }
    if (listener === null) {
      if (overload.keepsSilent()) return;
      counters.noListener++;
      closedArrives(context, segment, config.closedPorts);
      this.#answered(segment, false);
      return;
    }
    replyRoute.answersAs(listener.configOver(config));
    const { nowUs } = context;
    const { hasRoom, isFull } = room;
    const { defaultMss } = this.#options.internetOf(from.addressBytes);
    const tuple = replyRoute;
    const onlyCookies = synCookies === "always";
    const verdict = passiveVerdict(segment, {
      listener,
      tuple,
      nowUs,
      hasRoom,
      isFull,
      defaultMss,
      cookies,
      onlyCookies,
    });
    this.#perform(segment, verdict, { listener, issFloor });
  }

  /** Takes the segment that {@link ReplyRoute} has noted as one for which there is neither a connection nor a listener. */
  refuses(segment: TcpSegment): void {
    const { context, counters, replyRoute, registry: { config }, overload } = this.#options;
    if (overload.keepsSilent()) return;
    replyRoute.take();
    counters.noListener++;
    closedArrives(context, segment, config.closedPorts);
    this.#answered(segment, false);
  }

  /**
   * An ACK for a connection in SYN_RCVD may answer a cookie that went out before there was a place for it: the SYN was
   * repeated, or arrived twice. Without this an honest client would be reset.
   */
  takeLateCookie(segment: TcpSegment, { tcb, listener }: Connection): void {
    const { context, replyRoute, cookies, counters } = this.#options;
    if ((segment.flags & (SYN | ACK | RST)) !== ACK || listener === null) return;
    const iss = seqAdd(segment.ack, -1);
    if (iss === tcb.iss || context.nowUs - listener.cookieSentUs >= COOKIE_LIFE_US) return;
    replyRoute.take();
    if (cookies.check(replyRoute, { seq: tcb.irs, cookie: iss }, context.nowUs) < 0) return;
    counters.count("syn-cookies-good");
    const isStamped = segment.hasTimestamps && tcb.timestamps;
    becomeCookie(tcb, { iss, carried: isStamped ? optionsOfStamp(segment.tsEcho) : null });
  }

  #perform(
    segment: TcpSegment,
    verdict: PassiveVerdict,
    about: { listener: Listener; issFloor: number | null },
  ): void {
    switch (verdict.kind) {
      case "accept":
        if (verdict.cookie === null) this.#acceptSyn(segment, about);
        else this.#acceptCookie(segment, { ...verdict.cookie, listener: about.listener });
        return;
      case "cookie":
        this.#sendCookie(segment, { iss: verdict.iss, listener: about.listener });
        return;
      case "drop":
        this.#drop(segment, verdict.reason);
        return;
      case "reset":
        this.#reset(segment, verdict.reason);
    }
  }

  #acceptSyn(segment: TcpSegment, about: { listener: Listener; issFloor: number | null }): void {
    const { context, performer, fastOpens } = this.#options;
    const { listener, issFloor } = about;
    const connection = this.#begin(listener);
    connection.isHalfOpen = true;
    listener.halfOpen++;
    const { tcb } = connection;
    if (issFloor !== null && seqLe(tcb.iss, issFloor)) tcb.iss = seqAdd(issFloor, ISS_ABOVE_FLOOR);
    performer.begin(connection);
    tcb.fastOpen = fastOpens.judge(segment, listener, connection);
    fastOpens.begins(connection);
    beginFromSyn(context, tcb, segment);
    this.#tell(segment, connection);
    performer.finish();
  }

  /** The connection is made as if its SYN had been kept, and then takes the segment, text and all. */
  #acceptCookie(segment: TcpSegment, about: { listener: Listener; iss: number; mss: number }): void {
    const { context, performer, counters } = this.#options;
    const { mss } = about;
    counters.count("syn-cookies-good");
    const connection = this.#begin(about.listener);
    const { tcb } = connection;
    tcb.iss = about.iss;
    const carried = segment.hasTimestamps && tcb.config.timestamps ? optionsOfStamp(segment.tsEcho) : null;
    performer.begin(connection);
    beginFromCookie(context, tcb, segment, { mss, carried });
    segmentArrives(context, tcb, segment);
    this.#tell(segment, connection);
    performer.finish();
  }

  /** Answers a SYN without remembering it: what is made here answers once, and is forgotten. */
  #sendCookie(segment: TcpSegment, about: { listener: Listener; iss: number }): void {
    const { context, performer, counters, nextHops, replyRoute } = this.#options;
    const connection = this.#make(about.listener);
    nextHops.came(connection, { hop: replyRoute.hop, counted: false });
    const { tcb } = connection;
    tcb.iss = about.iss;
    // Told as it came, which what follows changes: with the rule that will be applied, not with that of the segment before.
    context.apply("arrives.listen.cookie-sent");
    this.#tell(segment, null);
    if (segment.hasTimestamps && tcb.config.timestamps) {
      const stamp = stampAt(tcb, context.nowUs);
      const carried = stampWithOptions(stamp, {
        windowScale: tcb.config.windowScaling ? segment.windowScale : -1,
        sack: tcb.config.sack && segment.sackPermitted,
        ecn: tcb.config.ecn !== "off" && asksForEcn(segment),
      });
      tcb.tsOffset = seqAdd(tcb.tsOffset, carried - stamp);
    } else {
      // Without timestamps there is no place for them: none is granted that would be forgotten.
      segment.windowScale = -1;
      segment.sackPermitted = false;
      segment.flags &= ~(ECE | CWR);
    }
    counters.count("syn-cookies-sent");
    about.listener.cookieSentUs = context.nowUs;
    answerWithCookie(context, tcb, segment);
    performer.finish();
  }

  #drop(segment: TcpSegment, reason: string): void {
    const { context, counters } = this.#options;
    counters.synDropped++;
    if (reason === "accept-queue-full") counters.count(reason);
    context.apply("arrives.listen.backlog-full");
    this.#tell(segment, null);
    this.#tellDrop(reason);
  }

  #reset(segment: TcpSegment, reason: string): void {
    const { context, counters, overload, registry: { config } } = this.#options;
    if (reason === "bad-cookie") counters.count("syn-cookies-bad");
    if (overload.keepsSilent()) return;
    if (reason === "too-many-connections") {
      // The client holds a connection that cannot be: it must not wait for us.
      counters.synDropped++;
      context.apply("arrives.listen.ack");
      replyWithReset(context, segment, "arrives.listen.ack");
    } else {
      listenArrives(context, segment, config.listenSynAck);
    }
    this.#answered(segment, true);
  }

  #begin(listener: Listener): Connection {
    const { registry, counters, room, nextHops, replyRoute } = this.#options;
    room.makePlace();
    const connection = this.#make(listener);
    nextHops.came(connection, { hop: replyRoute.hop, counted: true });
    registry.add(connection);
    counters.connectionsOpened++;
    return connection;
  }

  #make(listener: Listener): Connection {
    const { registry, performer, replyRoute } = this.#options;
    const settings = listener.configOver(registry.config);
    const { peerUdpPort } = replyRoute;
    const config = peerUdpPort === settings.peerUdpPort ? settings : { ...settings, peerUdpPort };
    const connection = registry.make(replyRoute, performer, config);
    connection.listener = listener;
    connection.tcb.state = "LISTEN";
    return connection;
  }

  /** Sends the machine's answer, if it gave one, to where the segment came from. */
  #answered(segment: TcpSegment, isListening: boolean): void {
    const { teller, replyRoute, performer } = this.#options;
    teller.strangerReceived(segment, replyRoute, isListening);
    performer.finish();
  }

  #tell(segment: TcpSegment, connection: Connection | null): void {
    const { teller, replyRoute } = this.#options;
    if (connection === null) teller.strangerReceived(segment, replyRoute, true);
    else teller.received(segment, connection);
  }

  #tellDrop(reason: string): void {
    const { teller, replyRoute } = this.#options;
    teller.drop(reason, replyRoute);
  }
}
