/**
 * ConnectionRegistry: which connections there are.
 *
 * Owns: their table, ids and numbers to begin with, the bounds on how many there may be, who is in TIME_WAIT, and
 * the deadlines. Must not know: what happens on a connection, or why one begins or ends.
 */
import type { TcpConfig } from "../tcp/config.ts";
import { congestionControl } from "../tcp/congestion.ts";
import type { MachineContext } from "../tcp/context.ts";
import { type FourTuple, InitialSequence, type PinnedNumbers } from "../tcp/initial_sequence.ts";
import type { InternetLayer } from "../tcp/internet_layer.ts";
import { beginWithPathLimit } from "../tcp/path_limit.ts";
import { Tcb } from "../tcp/tcb.ts";
import type { Arrival } from "./arrival.ts";
import { Connection, type ConnectionAddresses, type ConnectionHost } from "./connection.ts";
import { ConnectionOrder } from "./connection_order.ts";
import { ConnectionTable } from "./connection_table.ts";
import { type DeadlineEntry, DeadlineWheel, WHEEL_NOT_SET } from "./deadline_wheel.ts";
import type { HostNumbers } from "./host_numbers.ts";
import { OldestFirst } from "./oldest_first.ts";
import type { PathMtuCache } from "./path_mtu_cache.ts";
import { Peers } from "./peers.ts";
import { udpBytes } from "../tcp/send_mss.ts";

/** Record, sender's record, handler and places in tables: measured (scripts/bench/micro/connection_memory.ts). */
const CONNECTION_BYTES = 0x600;

/** What a registry is given. */
interface RegistryOptions {
  readonly secret: Uint8Array;
  readonly pinned: PinnedNumbers;
  readonly numbers: HostNumbers;
  readonly config: TcpConfig;
  readonly maxConnections: number;
  readonly maxTimeWait: number;
  /** Bound on connections of which only the end is awaited. */
  readonly maxClosing: number;
  readonly context: MachineContext;
  /** What carries the segments between addresses of so many bytes. */
  internetOf(addressBytes: number): InternetLayer;
  /** What is known of the paths to peers. */
  readonly pathMtus: PathMtuCache;
  /** Called for each connection whose deadline is due. */
  due(connection: Connection): void;
}

/** All connections of one host. */
export class ConnectionRegistry {
  readonly peers: Peers;
  readonly #options: RegistryOptions;
  readonly #table: ConnectionTable<Connection>;
  /** The same connections, oldest first. */
  readonly #inOrder = new ConnectionOrder<Connection>();
  readonly #wheel: DeadlineWheel;
  readonly #isn: InitialSequence;
  readonly #timeWaits = new OldestFirst<Connection>();
  readonly #closing = new OldestFirst<Connection>();
  #acceptedCount = 0;
  readonly #dueHandler: (entry: DeadlineEntry) => void;

  constructor(options: RegistryOptions) {
    const { secret, pinned } = options;
    this.#options = options;
    this.peers = new Peers((secret[2] << 24) | (secret[7] << 16) | (secret[9] << 8) | secret[14]);
    this.#table = new ConnectionTable((secret[0] << 24) | (secret[5] << 16) | (secret[10] << 8) | secret[15]);
    this.#wheel = new DeadlineWheel(options.context.nowUs);
    this.#isn = new InitialSequence(secret, pinned);
    this.#dueHandler = (entry) => {
      if (entry instanceof Connection) options.due(entry);
    };
  }

  get size(): number {
    return this.#table.size;
  }

  /** The bound of connections. */
  get limit(): number {
    return this.#options.maxConnections;
  }

  /** The settings of connections that have none of their own. */
  get config(): TcpConfig {
    return this.#options.config;
  }

  /** How many were begun by others. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** Memory of a connection without anything in its buffers. */
  get connectionBytes(): number {
    return CONNECTION_BYTES;
  }

  /** Live connections, in no particular order. */
  each(): Iterable<Connection> {
    return this.#table;
  }

  /** Whether the bound of connections is reached. */
  get isFull(): boolean {
    return this.#table.size >= this.#options.maxConnections;
  }

  /** Whether one more connection may be held, if need be in place of one in TIME_WAIT. */
  get hasRoom(): boolean {
    return !this.isFull || this.#timeWaits.size > 0;
  }

  /** Live connections, oldest first. */
  all(): Connection[] {
    return [...this.#inOrder];
  }

  /**
   * Live connections, oldest first, one at a time: connections may begin and end between two steps, and none is met
   * twice.
   */
  inOrder(): Generator<Connection, void, void> {
    return this.#inOrder[Symbol.iterator]();
  }

  /** The newest first, to be walked without a break. */
  newestFirst(): Generator<Connection, void, void> {
    return this.#inOrder.newestFirst();
  }

  /** The connection of a packet with these ports, null when there is none. */
  find(
    from: Pick<Arrival, "bytes" | "peerOffset" | "localOffset" | "addressBytes">,
    peerPort: number,
    localPort: number,
  ): Connection | null {
    return this.#table.find(
      from.bytes,
      from.peerOffset,
      from.localOffset,
      from.addressBytes,
      peerPort,
      localPort,
    );
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

  /** Makes a connection in CLOSED with the numbers to begin with; it is not in the table yet. */
  make(addresses: ConnectionAddresses, host: ConnectionHost, config: TcpConfig): Connection {
    const { context, pathMtus } = this.#options;
    const internet = this.#options.internetOf(addresses.peerAddress.length);
    const { linkMss } = internet;
    const congestion = congestionControl(config);
    if (config !== this.#options.config) context.pool.expectBuffer(config.receiveBufferBytes);
    const tcb = new Tcb({ config, congestion, pool: context.pool, internet });
    const mostMss = linkMss - udpBytes(config);
    tcb.ourMss = config.mss > 0 && config.mss < mostMss ? config.mss : mostMss;
    tcb.iss = this.#isn.next(addresses, context.nowUs);
    tcb.tsOffset = this.#isn.timestampOffset;
    const path = pathMtus.find(addresses.peerAddress, context.nowUs);
    if (path !== null) beginWithPathLimit(tcb, path);
    const connection = new Connection(host, tcb, addresses);
    connection.packetNumber = this.#isn.packetNumber(addresses);
    return connection;
  }

  add(connection: Connection): void {
    const { account } = this.#options.context.pool;
    connection.id = this.#options.numbers.nextConnection();
    this.#table.add(connection);
    account.usedBytes += CONNECTION_BYTES;
    account.connections = this.#table.size;
    if (connection.listener !== null) this.#acceptedCount++;
    this.#inOrder.add(connection);
    connection.peer = this.peers.join(connection.peerAddress);
  }

  /** Its handshake is complete: its peer is real. */
  established({ peer }: Connection): void {
    if (peer !== null) peer.isKnown = true;
  }

  /** Takes a connection out of all that is kept about it. */
  remove(connection: Connection): void {
    const { account } = this.#options.context.pool;
    this.#timeWaits.delete(connection);
    this.#closing.delete(connection);
    if (this.#table.remove(connection)) {
      account.usedBytes -= CONNECTION_BYTES;
      if (connection.listener !== null) this.#acceptedCount--;
    }
    account.connections = this.#table.size;
    this.#inOrder.remove(connection);
    if (connection.peer !== null) this.peers.leave(connection.peer, this.#options.context.nowUs);
    connection.peer = null;
    this.#wheel.cancel(connection);
  }

  // -- TIME_WAIT

  /** Notes that a connection is in TIME_WAIT; returns whether the oldest now has to give way. */
  entersTimeWait(connection: Connection): boolean {
    this.#closing.delete(connection);
    this.#timeWaits.add(connection);
    return this.#timeWaits.size > this.#options.maxTimeWait;
  }

  oldestTimeWait(): Connection | null {
    return this.#timeWaits.oldest;
  }

  // -- Connections whose application has gone

  /** Notes that only the peer's part of the end is awaited; returns whether the oldest now has to give way. */
  entersClosing(connection: Connection): boolean {
    this.#closing.add(connection);
    return this.#closing.size > this.#options.maxClosing;
  }

  /** Who gives way among them; it does not count any more, though its end is still to be performed. */
  takeOldestClosing(): Connection | null {
    const { oldest } = this.#closing;
    if (oldest !== null) this.#closing.delete(oldest);
    return oldest;
  }

  // -- Deadlines

  nextDeadlineUs(): number {
    return this.#wheel.nextDeadlineUs();
  }

  /** Hands out the connections whose deadlines are due. */
  expire(nowUs: number): void {
    if (this.#wheel.nextDeadlineUs() <= nowUs) this.#wheel.expire(nowUs, this.#dueHandler);
  }

  /** Follows the connection's next deadline. */
  setDeadline(connection: Connection): void {
    const next = connection.tcb.nextDeadlineUs();
    if (next === Infinity || connection.tcb.ended !== null) {
      if (connection.wheelSlot !== WHEEL_NOT_SET) this.#wheel.cancel(connection);
      return;
    }
    // Moving to later is left until the old time comes.
    if (connection.wheelSlot !== WHEEL_NOT_SET && connection.deadlineUs <= next) return;
    this.#wheel.follow(connection);
  }
}
