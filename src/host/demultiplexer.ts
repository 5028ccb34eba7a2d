/**
 * Demultiplexer: whom a segment, or an ICMP error about one, is for.
 *
 * Owns: the choice between a connection, a listener (a SYN may reopen what is in TIME_WAIT) and nobody.
 * Must not know: how a segment came out of a frame (host.ts), or what the machine makes of it.
 */
import { closeForReopen, segmentArrives } from "../tcp/arrives.ts";
import type { MachineContext } from "../tcp/context.ts";
import type { IcmpEvent } from "../tcp/events.ts";
import { icmpArrives, type IcmpNews } from "../tcp/icmp_arrives.ts";
import { pathLimitOf } from "../tcp/path_limit.ts";
import { wordOf } from "../tcp/sequence.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { canReopen } from "../tcp/time_wait.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { bytesEqual } from "../wire/address.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionRequests } from "./connection_requests.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { EffectPerformer } from "./effect_performer.ts";
import type { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import type { Listeners } from "./listeners.ts";
import type { Overload } from "./overload.ts";
import type { PathMtuCache } from "./path_mtu_cache.ts";
import type { NextHops } from "./next_hops.ts";
import type { ReplyRoute } from "./reply_route.ts";

const { SYN, ACK, RST } = FLAG;
/** Local choice: half of REACHABLE_TIME (RFC 4861 §10), so that not every segment writes a time down. */
const RENEW_US = 15_000_000;

/** What is told of an ICMP message; the rest of it is made when somebody wants to hear it. */
export interface ToldIcmp {
  readonly kind: IcmpEvent["kind"];
  make(): Pick<IcmpEvent, "type" | "code" | "from" | "to">;
}

/** Among whom segments are shared out. */
interface DemultiplexerOptions {
  readonly context: MachineContext;
  readonly registry: ConnectionRegistry;
  readonly listeners: Listeners;
  readonly performer: EffectPerformer;
  readonly requests: ConnectionRequests;
  readonly counters: HostCounters;
  readonly replyRoute: ReplyRoute;
  readonly teller: EventTeller;
  /** Where a path's limit is kept for the next connection. */
  readonly pathMtus: PathMtuCache;
  /** By way of whom connections go. */
  readonly nextHops: NextHops;
  /** Whose segments are left when too much arrives. */
  readonly overload: Overload;
}

/** Shares out what arrives at one host. */
export class Demultiplexer {
  readonly #options: DemultiplexerOptions;
  readonly #context: MachineContext;
  readonly #registry: ConnectionRegistry;
  readonly #performer: EffectPerformer;
  readonly #teller: EventTeller;
  readonly #overload: Overload;

  constructor(options: DemultiplexerOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#registry = options.registry;
    this.#performer = options.performer;
    this.#teller = options.teller;
    this.#overload = options.overload;
  }

  /** Takes a segment whose checksum is right (or accepted). */
  segmentArrives(segment: TcpSegment, from: Arrival): void {
    const connection = this.#registry.find(from, segment.sourcePort, segment.destinationPort);
    this.#context.segmentEcn = from.ecn;
    this.#context.segmentDscp = from.dscp;
    this.#options.replyRoute.arrives(segment, from);
    if (connection === null) {
      this.#options.requests.arrives(segment, from, null);
      return;
    }
    this.#options.replyRoute.answersAs(connection);
    if (this.#overload.isCrowded && this.#overload.ignores(connection)) return;
    const { tcb } = connection;
    if (tcb.state === "TIME_WAIT" && canReopen(tcb, segment)) {
      const listener = this.#options.listeners.find(connection.localPort, connection.localAddress);
      if (listener !== null) {
        const floor = wordOf(tcb.sndNxt, tcb.iss);
        this.#performer.begin(connection);
        closeForReopen(this.#context, tcb, segment);
        this.#performer.finish();
        this.#options.requests.arrives(segment, from, floor);
        this.#teller.settle(segment, connection);
        return;
      }
    }
    if (from.peerUdpPort !== tcb.config.peerUdpPort) {
      // Another way to the peer is another peer.
      this.#options.requests.refuses(segment);
      return;
    }
    if (tcb.state === "SYN_RCVD") {
      if (isOneTooMany(connection, segment)) {
        this.#ignoreHandshakeAck(segment, connection);
        return;
      }
      this.#options.requests.takeLateCookie(segment, connection);
    }
    this.#performer.begin(connection);
    const { sndUna, rcvNxt } = tcb;
    segmentArrives(this.#context, tcb, segment);
    // Nothing is learnt from a segment that is not acceptable, or that anybody could have sent again (RFC 4861 §7.3.1).
    if (tcb.sndUna > sndUna || tcb.rcvNxt > rcvNxt) {
      if (!comesByHop(connection, from)) {
        this.#options.nextHops.cameFromElsewhere(connection, from, segment.seq === wordOf(rcvNxt, tcb.irs));
      } else if (connection.hop.reachableUntilUs - this.#context.nowUs < RENEW_US) {
        this.#options.nextHops.confirm(connection.hop);
      }
    }
    this.#teller.received(segment, connection);
    this.#performer.finish();
  }

  /** As in Linux: the connection stays half-open, our SYN-ACK is sent again, and the peer's next ACK may find room. */
  #ignoreHandshakeAck(segment: TcpSegment, connection: Connection): void {
    this.#options.counters.count("accept-queue-full");
    this.#context.arriving.read(connection.tcb, segment);
    this.#context.apply("arrives.listen.backlog-full");
    this.#teller.received(segment, connection);
    this.#teller.drop("accept-queue-full", connection);
  }

  /**
   * Takes an ICMP error that quotes a segment of ours; `from` locates the quoted addresses, `told` is null where nobody
   * hears.
   */
  icmpArrives(
    from: Arrival,
    about: { localPort: number; peerPort: number; told: ToldIcmp | null },
    make: (tcb: Tcb) => IcmpNews | null,
  ): void {
    const { told } = about;
    const found = this.#registry.find(from, about.peerPort, about.localPort);
    // What is quoted went another way.
    const connection = found !== null && found.peerUdpPort === from.peerUdpPort ? found : null;
    const news = connection === null ? null : make(connection.tcb);
    if (connection === null || news === null) {
      if (told !== null) this.#teller.icmp({ direction: "recv", kind: told.kind }, told.make);
      return;
    }
    const { tcb } = connection;
    const { pathMss, dontFragment } = tcb;
    this.#performer.begin(connection);
    icmpArrives(this.#context, tcb, news);
    if (told !== null) {
      const { rule } = this.#context;
      this.#teller.icmp({ direction: "recv", kind: told.kind }, () => {
        return { connection: connection.name, id: connection.id, ...told.make(), rule };
      });
    }
    // Only what the connection has believed.
    const isBelieved = tcb.pathMss !== pathMss || tcb.dontFragment !== dontFragment;
    const limit = isBelieved ? pathLimitOf(tcb) : null;
    if (limit !== null) this.#options.pathMtus.learn(connection.peerAddress, limit);
    this.#performer.finish();
  }
}

/** Whether the frame is from the station by way of which the connection's packets go. */
function comesByHop({ hop }: Connection, from: Arrival): boolean {
  return hop.mac !== null && bytesEqual(from.bytes, from.macOffset, hop.mac);
}

/** Whether the segment would add to those who wait to be accepted, of whom there are enough already. */
function isOneTooMany({ listener, isFastOpen }: Connection, segment: TcpSegment): boolean {
  // Whoever came with a Fast Open is among them already.
  return listener !== null && !isFastOpen && listener.isAcceptQueueFull &&
    (segment.flags & (SYN | ACK | RST)) === ACK;
}
