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
import { type FourTuple, InitialSequence, type PinnedNumbers } from "../tcp/initial_sequence.ts";
import { BufferPool } from "../tcp/fast/buffer_pool.ts";
import { MemoryAccount } from "../tcp/memory_account.ts";
import type { InternetLayer } from "../tcp/internet_layer.ts";
import { followLink } from "../tcp/path_limit.ts";
import { sendLimitBytes } from "../tcp/buffer_shares.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { openActive } from "../tcp/user_calls.ts";
import { endpointText } from "../wire/address.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { ConnectOptions, ListenOptions, MemoryFigures } from "./api.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection, ConnectionAddresses } from "./connection.ts";
import { ConnectionRequests } from "./connection_requests.ts";
import { ConnectionRegistry } from "./connection_registry.ts";
import { Demultiplexer, type ToldIcmp } from "./demultiplexer.ts";
import { EffectPerformer } from "./effect_performer.ts";
import { FaultBarrier, type FaultHook } from "./fault_barrier.ts";
import { EventTeller } from "./event_teller.ts";
import { FaultTeller } from "./fault_teller.ts";
import type { FastOpenPath, FastOpenRequest } from "./fast_open_api.ts";
import { FastOpenClient } from "./fast_open_client.ts";
import { FastOpenRequests } from "./fast_open_requests.ts";
import type { HostCounters } from "./host_counters.ts";
import { HostError } from "./host_error.ts";
import type { HostNumbers } from "./host_numbers.ts";
import { type Listener, Listeners } from "./listeners.ts";
import { Overload } from "./overload.ts";
import { PathMtuCache } from "./path_mtu_cache.ts";
import { ReplyRoute } from "./reply_route.ts";
import { RoomMaker } from "./room_maker.ts";
import type { NextHops } from "./next_hops.ts";
import type { SegmentWriter } from "./segment_writer.ts";
import { SynCookies } from "./syn_cookies.ts";

/** Local choice: what is free goes back to the system within a second (half of it, and a turn of the clock). */
const UPKEEP_INTERVAL_US = 500_000;

/** What connections are given. */
interface ConnectionsOptions {
  readonly secret: Uint8Array;
  readonly pinned: PinnedNumbers;
  readonly numbers: HostNumbers;
  readonly nowUs: number;
  readonly epochUs: number;
  readonly config: TcpConfig;
  /** Keys of Fast Open cookies, the first makes them. */
  readonly fastOpenKeys: readonly Uint8Array[];
  /** What carries the segments between addresses of so many bytes. */
  internetOf(addressBytes: number): InternetLayer;
  readonly maxConnections: number;
  readonly maxTimeWait: number;
  readonly maxClosing: number;
  readonly memoryBytes: number;
  readonly onFull: "evict" | "refuse";
  readonly counters: HostCounters;
  /** Told of what applications and observers throw. */
  readonly onFault: FaultHook | null;
  readonly foldAfter: number;
  readonly writer: SegmentWriter;
  /** Puts the writer's frame on the link. */
  transmit(length: number, cutBytes: number, label: number): void;
  /** By way of whom connections go. */
  readonly nextHops: NextHops;
  /** Whether a SYN from this source deserves an answer (MUST-63). */
  isValidSource(arrival: Arrival): boolean;
}

/** All TCP connections of one host. */
export class Connections {
  readonly context: MachineContext;
  readonly listeners: Listeners;
  /** Fast Open of the connections that are begun here. */
  readonly fastOpen: FastOpenClient;
  readonly teller: EventTeller;
  readonly overload: Overload;
  readonly faults: FaultTeller;
  readonly #counters: HostCounters;
  readonly #registry: ConnectionRegistry;
  readonly #performer: EffectPerformer;
  readonly #demultiplexer: Demultiplexer;
  readonly #room: RoomMaker;
  /** When memory is looked after again: what is free given back, and who waits for it served. */
  #upkeepUs = Infinity;
  readonly #nextHops: NextHops;

  constructor(options: ConnectionsOptions) {
    const { counters, config, epochUs, nextHops } = options;
    const listeners = new Listeners(config);
    const pool = new BufferPool(config, new MemoryAccount(options.memoryBytes));
    const context = new MachineContext(pool);
    context.setNow(options.nowUs);
    context.randomState = new InitialSequence(options.secret).seed();
    const barrier = new FaultBarrier(counters, options.onFault);
    const teller = new EventTeller(context, {
      epochUs,
      barrier,
      foldAfter: options.foldAfter,
      numbers: options.numbers.segments,
    });
    const due = (connection: Connection) => this.#deadlineDue(connection);
    const { secret } = options;
    const seed = (secret[3] << 24) | (secret[4] << 16) | (secret[8] << 8) | secret[13];
    const pathMtus = new PathMtuCache({ seed, count: (name) => counters.count(name) });
    const registry = new ConnectionRegistry({ ...options, context, pathMtus, due });
    const replyRoute = new ReplyRoute(seed);
    const fastOpens = new FastOpenRequests({
      context,
      counters,
      keys: options.fastOpenKeys,
      settings: config,
    });
    const fastOpenClient = new FastOpenClient({ context, counters, seed });
    const shared = { context, registry, teller, replyRoute, fastOpens };
    const performer = new EffectPerformer({ ...options, ...shared, barrier, fastOpenClient });
    const room = new RoomMaker({ ...options, context, registry, performer, teller });
    const cookies = new SynCookies(options.secret);
    const { peers } = registry;
    const overload = new Overload({ context, peers, account: pool.account, counters, teller });
    const parts = { ...shared, listeners, performer, room, overload };
    const requests = new ConnectionRequests({ ...options, ...parts, cookies });
    this.context = context;
    this.listeners = listeners;
    this.fastOpen = fastOpenClient;
    this.overload = overload;
    this.teller = teller;
    this.faults = new FaultTeller(teller, registry);
    this.#counters = counters;
    this.#registry = registry;
    this.#nextHops = nextHops;
    this.#performer = performer;
    this.#room = room;
    this.#demultiplexer = new Demultiplexer({ ...parts, counters, requests, pathMtus, nextHops });
  }

  /** The settings of connections that have none of their own. */
  get config(): Readonly<TcpConfig> {
    return this.#registry.config;
  }

  /** Live connections, oldest first. */
  all(): Connection[] {
    return this.#registry.all();
  }

  /** Live connections, oldest first, one at a time: they may begin and end between two steps. */
  inOrder(): Generator<Connection, void, void> {
    return this.#registry.inOrder();
  }

  /** The newest first, to be walked without a break. */
  newestFirst(): Generator<Connection, void, void> {
    return this.#registry.newestFirst();
  }

  /** How many there are. */
  get count(): number {
    return this.#registry.size;
  }

  // -- What arrives

  /** Takes a segment whose checksum is right (or accepted). */
  segmentArrives(segment: TcpSegment, from: Arrival): void {
    this.#demultiplexer.segmentArrives(segment, from);
    if (this.context.pool.account.isShort) this.#room.relieve();
  }

  /** Takes an ICMP error that quotes a segment of ours; `from` locates the quoted addresses. */
  icmpArrives(
    from: Arrival,
    about: { localPort: number; peerPort: number; told: ToldIcmp | null },
    make: (tcb: Tcb) => IcmpNews | null,
  ): void {
    this.#demultiplexer.icmpArrives(from, about, make);
  }

  /** An ICMP message came that is about nothing of ours; null where nobody hears. */
  icmpIsNews(told: ToldIcmp | null): void {
    if (told !== null) this.teller.icmp({ direction: "recv", kind: told.kind }, told.make);
  }

  // -- User calls

  listen(options: ListenOptions, name: string): Listener {
    const listener = this.listeners.add(options, (gone) => {
      this.teller.listener("listen.close", `${endpointText(name, gone.port)}-*:*`);
    });
    this.teller.listener("open.passive", `${endpointText(name, listener.port)}-*:*`);
    return listener;
  }

  /**
   * Changes settings in force. Connections that have some of their own have a copy of the others, which follows where it is
   * as the host's was.
   */
  configure(changes: Partial<TcpConfig>): void {
    const { config } = this.#registry;
    const before = { ...config };
    Object.assign(config, changes);
    this.context.pool.expectBuffer(config.receiveBufferBytes);
    // Those with settings of their own join them with the host's anew.
    for (const listener of this.listeners.all()) listener.configure({});
    for (const { tcb } of this.#registry.each()) {
      if (tcb.config !== config) tcb.config = { ...tcb.config, ...stillShared(tcb.config, before, changes) };
    }
  }

  /** Makes a connection in SYN_SENT; the SYN leaves when the hardware address of its next hop is known. */
  connect(options: ConnectOptions, route: ConnectionAddresses): Connection {
    const registry = this.#registry;
    if (!this.#room.hasRoom) {
      throw new HostError(
        "ENOBUFS",
        `Cannot connect: the host holds ${registry.size} connections, and there is no room or no memory for one more. ` +
          "Close some first.",
      );
    }
    this.#room.makePlace();
    const { config } = registry;
    const own = options.tcp === undefined ? config : { ...config, ...options.tcp };
    const connection = registry.make(route, this.#performer, own);
    registry.add(connection);
    this.#counters.connectionsOpened++;
    this.#counters.activeOpens++;
    this.#nextHops.begin(connection);
    connection.handler = options.handler;
    this.#performer.begin(connection);
    const { fastOpen } = options;
    const queued = fastOpen === undefined ? 0 : this.#beginFastOpen(connection, fastOpen);
    openActive(this.context, connection.tcb);
    if (queued > 0) this.#performer.written(connection, queued);
    this.#performer.finish();
    return connection;
  }

  /** Queues what is to go with the SYN, or behind the handshake; returns how much that is. */
  #beginFastOpen(connection: Connection, request: FastOpenRequest): number {
    const { tcb } = connection;
    const { data } = request;
    this.fastOpen.begins(connection, request);
    if (data.length === 0) return 0;
    const queued = tcb.ringToSend().append(data, 0, data.length, sendLimitBytes(tcb));
    if (queued < data.length) tcb.writeBlocked = true;
    return queued;
  }

  /** Octets of text that a SYN on this way would carry now; -1: none, as it would ask for a cookie, or do no Fast Open. */
  fastOpenRoom(
    route: ConnectionAddresses,
    { withoutCookie = false, tcp }: Pick<FastOpenPath, "withoutCookie" | "tcp">,
  ): number {
    const registry = this.#registry;
    const own = tcp === undefined ? registry.config : { ...registry.config, ...tcp };
    const { tcb } = registry.make(route, this.#performer, own);
    const { localAddress, peerAddress: address, peerPort: port } = route;
    return this.fastOpen.room(tcb, { localAddress, address, port }, withoutCookie);
  }

  /** Tells what runs on a connection something that it may want to know. */
  advise(connection: Connection, advice: string): void {
    this.#performer.begin(connection);
    this.context.effects.push(EFFECT.ADVICE, connection.tcb).drop = advice;
    this.#performer.finish();
  }

  /** The device carries packets of another size now: every connection follows. */
  followLink(): void {
    for (const connection of this.#registry.all()) {
      if (!followLink(connection.tcb)) continue;
      this.#performer.begin(connection);
      this.#performer.finish();
    }
  }

  /** Whether the 4-tuple is in use. */
  isTaken(tuple: FourTuple): boolean {
    return this.#registry.isTaken(tuple);
  }

  /** First port to try for an active open (RFC 6056 §3.3.3). */
  portOffset(tuple: FourTuple): number {
    return this.#registry.portOffset(tuple);
  }

  // -- Deadlines

  nextDeadlineUs(): number {
    const { pool, nowUs } = this.context;
    if (this.#upkeepUs === Infinity && (pool.memory.wantsTrim || this.#performer.hasStarving)) {
      this.#upkeepUs = nowUs + UPKEEP_INTERVAL_US;
    }
    return Math.min(this.#registry.nextDeadlineUs(), this.#upkeepUs, this.teller.dueUs);
  }

  tick(nowUs: number): void {
    this.context.setNow(nowUs);
    this.#registry.expire(nowUs);
    if (this.teller.dueUs <= nowUs) this.teller.tellFolded();
    if (this.#upkeepUs <= nowUs) this.#lookAfterMemory();
    if (this.context.pool.account.isShort) this.#room.relieve();
  }

  /** What connections hold together now, and what they may. */
  memory(): MemoryFigures {
    const { account, memory } = this.context.pool;
    return {
      usedBytes: account.usedBytes,
      limitBytes: account.limitBytes,
      bufferBytes: memory.lentBytes,
      reservedBytes: memory.slabBytes,
    };
  }

  #lookAfterMemory(): void {
    const { account, memory } = this.context.pool;
    this.#upkeepUs = Infinity;
    if (memory.wantsTrim) memory.trim();
    if (!account.isScarce) this.#performer.feed();
  }

  #deadlineDue(connection: Connection): void {
    const { tcb } = connection;
    this.#performer.begin(connection);
    if (this.teller.looksCloser) this.teller.fires(connection);
    // Deadlines that moved to later are set anew here, not each time they move.
    if (tcb.nextDeadlineUs() <= this.context.nowUs) deadlineArrives(this.context, tcb);
    this.#performer.finish();
  }
}

/** Of `changes` those to settings in which `own` does not differ from the host's as they were. */
function stillShared(
  own: Readonly<TcpConfig>,
  before: Readonly<TcpConfig>,
  changes: Partial<TcpConfig>,
): Partial<TcpConfig> {
  const [mine, theirs] = [own, before].map((config) => new Map<string, unknown>(Object.entries(config)));
  return Object.fromEntries(Object.entries(changes).filter(([name]) => mine.get(name) === theirs.get(name)));
}
