/**
 * What a virtual host offers to the layers above: the seam between host/ and runtime/, app/, observe/.
 *
 * Owns: interfaces only. Must not know: promises, clocks, devices.
 */
import type { FaultObserver } from "../link/fault_link.ts";
import type { CloseReason, EventInterest, Observer, TcpEvent } from "../tcp/events.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { TcpState } from "../tcp/state.ts";
import type {
  FastOpenConnection,
  FastOpenConnectOptions,
  FastOpenHost,
  FastOpenListener,
  FastOpenListenOptions,
} from "./fast_open_api.ts";
import type { ConnectionInfo, FlightSegments } from "../tcp/info.ts";

/** How an advice begins that no packet gets to the peer for now: a router says so, or nobody answers ARP. */
export const UNREACHABLE = "unreachable";

/**
 * What runs on a connection. Every method is called by the host in the order of the machine's effects, never from
 * inside a transition; each may call any method of the connection. One that throws ends its connection (RST), and no
 * other: the event `application-error` tells, `onClosed` follows, and nothing else of the handler is called again.
 */
export interface ConnectionHandler {
  /** The connection reached ESTABLISHED (or went from SYN_RCVD straight to a later state). */
  onOpen?(connection: HostConnection): void;
  /** More bytes can be read. */
  onReadable?(connection: HostConnection): void;
  /**
   * Room in the send buffer after it had been full (`write` returned less than it was given), or all that was queued is
   * acknowledged; also after the connection was closed for sending, by whomever: `writableBytes` is 0 then.
   */
  onWritable?(connection: HostConnection): void;
  /** The peer sent FIN and all its bytes are in the receive buffer: after those, the end. */
  onPeerClosed?(connection: HostConnection): void;
  /** Urgent data is announced (RFC 9293 §3.8.5, MUST-32); `connection.urgentBytes` tells how far. */
  onUrgent?(connection: HostConnection): void;
  /**
   * Something that the application may want to know (MUST-47); leave the method out not to hear of it (SHLD-20). The
   * connection lives on (R1 reached, ICMP soft error, nobody answers ARP; the last two begin with {@link UNREACHABLE}).
   */
  onAdvice?(connection: HostConnection, advice: string): void;
  /** The connection is gone, in order or aborted: `reason` tells (MUST-12). The last call. (Entering TIME_WAIT is not yet gone.) */
  onClosed?(connection: HostConnection, reason: CloseReason): void;
}

/** One connection as its user sees it. */
export interface HostConnection extends FastOpenConnection {
  /** Unique in this host, from 1. */
  readonly id: number;
  /** `LOCAL_IP:PORT-PEER_IP:PORT`, as in the events. */
  readonly name: string;
  /** Our address, 4 or 16 bytes. */
  readonly localAddress: Uint8Array;
  /** Our port. */
  readonly localPort: number;
  /** The peer's address, 4 or 16 bytes. */
  readonly peerAddress: Uint8Array;
  /** The peer's port. */
  readonly peerPort: number;
  /** The state of RFC 9293 §3.3.2 now. */
  readonly state: TcpState;
  /** Why it ended, null while it lives (TIME_WAIT included). */
  readonly ended: CloseReason | null;
  /** What runs on it; may be replaced at any time. */
  handler: ConnectionHandler;
  /** Bytes that `read` would give now. */
  readonly readableBytes: number;
  /** The peer sent FIN and everything before it has been read. */
  readonly atEnd: boolean;
  /** Bytes that `write` would take now; 0 after `closeWrite`. */
  readonly writableBytes: number;
  /** Bytes written and not yet acknowledged by the peer (sent or not). */
  readonly unackedBytes: number;
  /** MUST-33: bytes up to the end of urgent data, counted from the next byte to read; 0 when there is none. */
  readonly urgentBytes: number;
  /** Moves up to `into.length` bytes out of the receive buffer; returns how many. */
  read(into: Uint8Array): number;
  /** As `read`, and the bytes stay where they are; `skip` of the receive buffer's first bytes come before. */
  peek(into: Uint8Array, skip?: number): number;
  /** Drops up to `count` bytes of the receive buffer unseen; returns how many. */
  skip(count: number): number;
  /** Queues bytes `offset` to `offset + length - 1`; returns how many fit. Throws after `closeWrite` or when closed. */
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  /**
   * As `write`, for an application that could send for ever: takes no more than the peer asks for and the path carries, twice
   * over, so that a peer which does not read costs next to nothing. `onWritable` follows when more is asked for.
   */
  fill(bytes: Uint8Array, offset?: number, length?: number): number;
  /**
   * Moves received bytes straight into the send buffer; returns how many (limited by both buffers). What
   * `echo` does, without a copy into user memory in between.
   */
  echo(): number;
  /** CLOSE of RFC 9293 §3.10.4: no more writes, FIN after what is queued; reading goes on. */
  closeWrite(): void;
  /** `closeWrite`, and no more reading: a reset when bytes have arrived that were not read (SHLD-3, RFC 2525 §2.17). */
  close(): void;
  /**
   * The application has finished, but does not mind what the peer still sends: `closeWrite`, and what is there and what
   * comes is acknowledged and dropped. FIN_WAIT_2 then ends, as after `close`, when nothing has come for as long as is set.
   */
  closeAndDrain(): void;
  /** ABORT of RFC 9293 §3.10.5: RST, and gone. */
  abort(): void;
  /** Marks all that is queued now as urgent (RFC 9293 §3.8.5, MUST-30); new applications should not (SHLD-13). */
  markUrgent(): void;
  /** All that is queued now ends a record: no segment carries text from before and from behind it (POSIX's `MSG_EOR`). */
  endRecord(): void;
  /** {@link HostConnection.write}, with all that is queued then marked as urgent before any of it leaves. */
  writeUrgent(bytes: Uint8Array): number;
  /** Whether small segments leave at once: Nagle's algorithm off (RFC 9293 §3.7.4). */
  setNoDelay(on: boolean): void;
  /**
   * Settings that this connection has otherwise than its host: sizes of buffers, times, bounds, `cork`. Those of the handshake
   * count while it is still to come, see {@link ConnectOptions.tcp}.
   */
  configure(changes: Partial<TcpConfig>): void;
  /** The settings that it has. */
  readonly config: Readonly<TcpConfig>;
  /** DSCP of what is sent from now on, 0 to 63 (MUST-48, SHLD-21); best left alone once set (SHLD-23). */
  setDscp(dscp: number): void;
  /** DSCP of the segment that came last (MAY-9). */
  readonly receivedDscp: number;
  /** Keep-alive (RFC 9293 §3.8.4), off by default; idle time and interval in microseconds. Throws RangeError for less than one. */
  setKeepAlive(on: boolean, idleUs?: number, intervalUs?: number): void;
  /** R2 of RFC 9293 §3.8.3 (MUST-21), microseconds. */
  setUserTimeout(us: number): void;
  /** Every figure of the TCB, as a value. */
  info(): ConnectionInfo;
  /** The largest window that the peer has offered. */
  readonly largestSendWindow: number;
  /** What is in flight, in segments. */
  flight(): FlightSegments;
  /** Of no meaning to the host. */
  userData: unknown;
}

/** What a listener wants. */
export interface ListenOptions extends FastOpenListenOptions {
  /** 0: the host chooses one that is free, which {@link HostListener.port} tells. */
  readonly port: number;
  /** One of the host's addresses; any of them when absent (MUST-43). */
  readonly address?: Uint8Array;
  /**
   * Connections in SYN_RCVD plus those that wait to be accepted ({@link HostListener.waiting}): the bound (default 1024).
   * A SYN beyond it is answered with a cookie. When those that wait fill the bound alone, SYNs and the last ACK of
   * handshakes are ignored; the client tries again.
   */
  readonly backlog?: number;
  /**
   * What its connections have otherwise than the host's others; `synCookies` and what the host counts for all are not a
   * connection's.
   */
  readonly tcp?: Partial<TcpConfig>;
  /**
   * Called for a new connection (state SYN_RCVD; ESTABLISHED when a SYN cookie came back); returns what runs on it.
   * `onOpen` of that handler follows when it is established. When it throws, the connection is reset.
   */
  accept(connection: HostConnection): ConnectionHandler;
}

/** A listening port. */
export interface HostListener extends FastOpenListener {
  /** Where it listens. */
  readonly port: number;
  /** LISTEN until it is closed. */
  readonly state: "LISTEN" | "CLOSED";
  /**
   * Established connections that wait until somebody takes them. Who queues connections behind {@link ListenOptions.accept}
   * keeps this up to date; it stays 0 where what `accept` returns serves them at once.
   */
  waiting: number;
  /** Changes {@link ListenOptions.tcp} for connections that are still to come. */
  configure(changes: Partial<TcpConfig>): void;
  /** Stops accepting; connections already there live on. */
  close(): void;
}

/** Whom to connect to (RFC 9293 §3.10.1, active OPEN). */
export interface ConnectOptions extends FastOpenConnectOptions {
  /** The peer's address, 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** The peer's port. */
  readonly port: number;
  /** One of the host's addresses; the host chooses when absent (RFC 6724). */
  readonly localAddress?: Uint8Array;
  /** Chosen by the host when absent (RFC 6056 algorithm 3). */
  readonly localPort?: number;
  /** What runs on the connection. */
  readonly handler: ConnectionHandler;
  /** What this connection has otherwise than the host's others. */
  readonly tcp?: Partial<TcpConfig>;
}

/** Memory of all connections of a host, bytes. */
export interface MemoryFigures {
  /** Blocks lent to buffers, and records: what is held against {@link MemoryFigures.limitBytes}. */
  readonly usedBytes: number;
  /** The most that they may hold. */
  readonly limitBytes: number;
  /** Of it, blocks of buffers. */
  readonly bufferBytes: number;
  /** Regions that buffers are cut from; given back to the system when they are free. */
  readonly reservedBytes: number;
}

/** A virtual host: sans-I/O, driven by frames and by the clock of the caller. */
export interface HostApi extends FastOpenHost {
  /** The one observer; null costs nothing. Events come in order. What it throws is counted, and goes no further. */
  observer: Observer | null;
  /** What of the many events the observer wants; null for all of them but samples. */
  interest: EventInterest | null;
  /** Microseconds since an origin of the caller's choice; the time of the last `ingest`, `tick` or `setNow`. */
  readonly nowUs: number;
  /** Counters by name (`frames-in`, `drop-checksum`, `connections-opened`, ...), a snapshot. */
  counters(): Record<string, number>;
  /** What all connections hold together now. */
  memory(): MemoryFigures;
  /**
   * Takes one frame. Never throws for what a frame contains. `arrivedUs`: when it arrived, if that was before `nowUs`; not
   * before the frame that was taken last.
   */
  ingest(frame: Uint8Array, length: number, nowUs: number, arrivedUs?: number): void;
  /** Runs all deadlines up to `nowUs`. */
  tick(nowUs: number): void;
  /** Call before user calls that come from outside `ingest` and `tick`. */
  setNow(nowUs: number): void;
  /** The earliest deadline, Infinity when there is none. */
  nextDeadlineUs(): number;
  /** The link's MTU may be another than before: connections follow it, and new ones offer what fits. */
  linkChanged(): void;
  /** More arrives than can be taken, or no longer: what comes from strangers and from the greedy waits (overload.ts). */
  crowd(isCrowded: boolean): void;
  /** Sends the gratuitous ARP announcement of each address (RFC 5227 §2.3), once. */
  announce(): void;
  /**
   * Changes the host's settings, as a kernel's own are changed while it runs: what a connection takes when it begins counts for
   * those to come, all else at once for all but those that have that very setting of their own.
   */
  configure(changes: Partial<TcpConfig>): void;
  /** The settings of connections that have none of their own. */
  readonly config: Readonly<TcpConfig>;
  /** Begins to listen. Throws HostError where that cannot be, RangeError for a port that is none. */
  listen(options: ListenOptions): HostListener;
  /** Sends a SYN, or asks first where the peer is. Throws HostError where nobody can connect, RangeError for a port that is none. */
  connect(options: ConnectOptions): HostConnection;
  /** Live connections (not the listeners), in the order in which they began. */
  connections(): HostConnection[];
  /** All that listen. */
  listeners(): HostListener[];
  /**
   * Asks the segment whether somebody has this IPv4 address, by one probe (RFC 5227 §2.1.1); `found` gets the hardware address
   * of each that shows itself with it, or probes for it too, until the returned function is called.
   */
  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void;
  /** Gives an event the right `time` and hands it to the observer; does nothing without one. */
  emit(event: TcpEvent): void;
  /** Counts what a reader has thrown who was told of an event later than the observer. */
  observerThrew(error: unknown): void;
}

/** What is done when somebody else has an address that is claimed. */
export interface ClaimOptions {
  /** Told of an address that is somebody else's, and whose. */
  readonly lost: (address: Uint8Array, mac: Uint8Array) => void;
  /** The hardware address of the probes before, where it was another. */
  readonly alsoOurs: Uint8Array | null;
}

/** A host with what those need besides who put it to work on a device, show and steer it. */
export interface HostAtWork extends HostApi {
  /** Who makes a bad link for this host gives it this, so that its faults are events. */
  readonly faultObserver: FaultObserver;
  /** How many live connections there are. */
  readonly connectionCount: number;
  /** How many of them are in ESTABLISHED or CLOSE_WAIT. */
  readonly establishedCount: number;
  /** Live connections one at a time: they may begin and end between two steps, and none is met twice. */
  connectionsInOrder(): Generator<HostConnection, void, void>;
  /** The same from the newest on, by their numbers; to be walked without a break. */
  newestConnections(): Generator<HostConnection, void, void>;
  /**
   * Goes on probing for some of its addresses for four seconds, while it answers for them already, and announces them then
   * (RFC 5227 §2.1.1, §2.3). `lost` is called when somebody else shows itself with one of them by then: that one is not
   * answered for any more.
   */
  claim(addresses: readonly Uint8Array[], about: ClaimOptions): void;
}
