/**
 * TcpSocket: one socket of a script's process, over a connection or a listener of the host.
 *
 * Owns: what a socket is between its calls: bound, listening, connecting, connected; the queue of connections to accept; the error
 * that waits on it; how ready it is. RFC 9293 §3.9.1. Must not know: descriptors' numbers, arguments of calls, blocking.
 */
import type { ConnectionHandler, HostConnection, HostListener } from "../../host/api.ts";
import type { FastOpenRequest } from "../../host/fast_open_api.ts";
import type { CloseReason } from "../../tcp/events.ts";
import type { TcpConfig } from "../../tcp/config.ts";
import type { KernelGround } from "../kernel.ts";
import { type Descriptor, READY } from "./descriptor.ts";
import { ErrorQueue } from "./error_queue.ts";
import { errorOfEnd } from "./errors.ts";
import { fastOpenOfListener } from "./fast_open_settings.ts";
import { LEAST_SEND_MEMORY, SendMemory, type SendSituation } from "./send_memory.ts";
import { SendLimits } from "./send_limits.ts";
import { freshSettings, inheritedSettings, notSentLimit, type SocketSettings } from "./socket_settings.ts";

/** What becomes of sockets that nobody has accepted yet, and who wants to know of new ones. */
export interface SocketOwner {
  readonly ground: KernelGround;
  /** A connection begins: the script is about this one from now on. */
  connectionBegan(socket: TcpSocket): void;
}

/** Whom a socket connects to. */
export interface SocketDestination {
  readonly address: Uint8Array;
  readonly port: number;
}

/** What a socket may be doing. */
export type SocketPhase = "idle" | "listening" | "connecting" | "connected" | "ended";

/** What every connection of a socket has: what came before a reset can be read by whoever has the socket, on any system. */
const OF_SOCKETS: Partial<TcpConfig> = { textAfterReset: "kept" };

/** BSD: with so much room a socket is writable (`sb_lowat`). */
const BSD_LOW_BYTES = 2048;

/** What Linux counts for a socket; null elsewhere. */
function sendMemoryOf(ground: KernelGround, { sendBufferBytes }: SocketSettings): SendMemory | null {
  const { socketDefaults: defaults, host } = ground;
  if (!defaults.doublesBuffers) return null;
  const most = host.config.sendBufferBytes;
  return sendBufferBytes === null
    ? new SendMemory(defaults.sendBufferBytes, most)
    : new SendMemory(Math.max(2 * sendBufferBytes, LEAST_SEND_MEMORY), 0);
}

function situationOf(connection: HostConnection): SendSituation {
  const { unsent, sendMss, cwnd, sndWnd } = connection.info();
  const { unackedBytes } = connection;
  const window = Math.min(cwnd, sndWnd) - (unackedBytes - unsent);
  return {
    unackedBytes,
    unsentBytes: unsent,
    sendableBytes: Math.max(0, Math.floor(window / sendMss) * sendMss),
    mss: sendMss,
    maxWindow: connection.largestSendWindow,
    cwndSegments: Math.floor(cwnd / sendMss),
  };
}

/** One socket. */
export class TcpSocket implements Descriptor, ConnectionHandler {
  isNonBlocking = false;
  wakeups = 1;
  readonly settings: SocketSettings;
  readonly errors = new ErrorQueue();
  /** Where it is bound to; null as long as it is not. */
  bound: { readonly address: Uint8Array | null; readonly port: number } | null = null;
  listener: HostListener | null = null;
  connection: HostConnection | null = null;
  phase: SocketPhase = "idle";
  /** The error that the next call is told, once. */
  pendingError: string | null = null;
  isReadShut = false;
  isWriteShut = false;
  /** Octets written on the connection so far. */
  writtenBytes = 0;
  /** What `connect` has put off until the first write (`TCP_FASTOPEN_CONNECT`). */
  deferred: SocketDestination | null = null;
  /** Linux: the `connect` that follows the end of the handshake is told so once more. */
  isConnectTold = false;
  /** Somebody was refused room: an edge is due when there is enough again. */
  wantsRoom = false;
  /** What `MSG_MORE` holds back leaves when more than so many segments have arrived; null: nothing is held. */
  heldMore: number | null = null;
  /** When octets last arrived, or the handshake was over; microseconds of the script. */
  lastDataUs = 0;
  /** Called when the handshake is over, before the acknowledgment that ends it has left. */
  whenReady: (() => void) | null = null;
  /** What has kept it from sending. */
  readonly limits = new SendLimits();
  readonly #owner: SocketOwner;
  readonly #queue: TcpSocket[] = [];
  /** Connections of its listener that nobody can accept yet. */
  readonly #embryos = new Set<TcpSocket>();
  #parent: TcpSocket | null = null;
  #soft: string | null = null;
  #backlog = 0;
  #unackedBefore = 0;
  readonly #memory: SendMemory | null;
  /** What its listener has been told of Fast Open. */
  #fastOpenKey = "";
  #peerHasClosed = false;
  #isClosed = false;

  constructor(owner: SocketOwner, settings: SocketSettings = freshSettings()) {
    this.#owner = owner;
    this.settings = settings;
    this.#memory = sendMemoryOf(owner.ground, settings);
  }

  get #ground(): KernelGround {
    return this.#owner.ground;
  }

  // -- What it does

  /** Begins to listen, or changes the bound of one that does. Throws what the host throws. */
  listen(backlog: number): void {
    if (this.listener !== null) return;
    const { host } = this.#ground;
    const { address, port } = this.bound ?? { address: null, port: 0 };
    this.listener = host.listen({
      port,
      ...(address === null ? {} : { address }),
      backlog,
      tcp: { ...this.settings.tcp, ...OF_SOCKETS },
      accept: (connection) => this.#begins(connection),
    });
    this.#backlog = backlog;
    this.phase = "listening";
    this.#setFastOpen(this.listener);
  }

  /** Takes the oldest connection that waits, or null. */
  accept(): TcpSocket | null {
    const first = this.#queue.shift() ?? null;
    if (first !== null) first.#parent = null;
    this.#countWaiting();
    return first;
  }

  /** The listener's Fast Open, as the socket and the settings of its host have it now. */
  #setFastOpen(listener: HostListener): void {
    const wishes = fastOpenOfListener(this.settings, {
      defaults: this.#ground.socketDefaults,
      backlog: this.#backlog,
    });
    const key = JSON.stringify([
      wishes.fastOpen,
      wishes.fastOpenWithoutCookie,
      wishes.fastOpenKeys?.map(String),
    ]);
    if (key === this.#fastOpenKey) return;
    this.#fastOpenKey = key;
    listener.setFastOpen(wishes);
  }

  /** Begins a connection, with Fast Open where it is asked for. Throws what the host throws. */
  connect(to: SocketDestination, fastOpen?: FastOpenRequest): void {
    const { host, ends } = this.#ground;
    const { settings, bound } = this;
    this.pendingError = null;
    this.#soft = null;
    this.#peerHasClosed = false;
    const connection = host.connect({
      address: to.address,
      port: to.port,
      localAddress: bound?.address ?? ends.localAddress,
      ...(bound !== null && bound.port > 0 ? { localPort: bound.port } : {}),
      handler: this,
      tcp: { ...settings.tcp, ...OF_SOCKETS },
      ...(fastOpen === undefined ? {} : { fastOpen }),
    });
    this.deferred = null;
    this.phase = "connecting";
    this.#attach(connection);
  }

  #begins(connection: HostConnection): ConnectionHandler {
    const child = new TcpSocket(this.#owner, inheritedSettings(this.settings));
    child.#parent = this;
    child.phase = "connecting";
    child.isNonBlocking = this.isNonBlocking && this.#ground.socketDefaults.system === "bsd";
    child.#attach(connection);
    this.#embryos.add(child);
    if (connection.isFastOpen) child.#isReady();
    return child;
  }

  #attach(connection: HostConnection): void {
    this.connection = connection;
    this.writtenBytes = connection.unackedBytes;
    if (this.keepsAlive) connection.setKeepAlive(true);
    this.lastDataUs = this.#ground.nowUs;
    this.#owner.connectionBegan(this);
  }

  #countWaiting(): void {
    if (this.listener !== null) this.listener.waiting = this.#queue.length;
  }

  /** Whether the peer is asked for life: by `SO_KEEPALIVE`, or as all are. */
  get keepsAlive(): boolean {
    return this.settings.keepAlive || this.#ground.socketDefaults.keepsAllAlive;
  }

  /** Changes settings of what there is and of what will be. */
  configure(changes: Partial<TcpConfig>): void {
    Object.assign(this.settings.tcp, changes);
    this.listener?.configure(changes);
    if (this.connection?.ended === null) this.connection.configure(changes);
  }

  /** Writes before the handshake is over; returns how much fits. */
  queueBeforeOpen(bytes: Uint8Array): number {
    const { connection } = this;
    if (connection === null) return 0;
    const taken = connection.write(bytes);
    this.writtenBytes += taken;
    return taken;
  }

  // -- What the host tells

  onOpen(): void {
    this.lastDataUs = this.#ground.nowUs;
    this.#isReady();
  }

  /** It can be read and written, and accepted where a listener has made it. */
  #isReady(): void {
    this.phase = "connected";
    if (this.connection !== null) this.#memory?.expand(situationOf(this.connection));
    this.wake();
    this.whenReady?.();
    const parent = this.#parent;
    if (parent === null || !parent.#embryos.delete(this)) return;
    if (parent.#isClosed) {
      // Nobody will ever accept it.
      this.connection?.abort();
      return;
    }
    parent.#queue.push(this);
    parent.#countWaiting();
    parent.wake();
  }

  onReadable(): void {
    this.lastDataUs = this.#ground.nowUs;
    this.wake();
  }

  onPeerClosed(): void {
    this.#peerHasClosed = true;
    this.wake();
  }

  onAdvice(_connection: HostConnection, advice: string): void {
    const isAboutPath = ["time", "hop limit"].some((word) => advice.includes(word));
    if (!advice.startsWith("unreachable") && !isAboutPath) return;
    // Code 0 of either version (RFC 792, RFC 4443 §3.1).
    const isNetwork = ["network", "no route"].some((word) => advice.includes(word));
    this.#soft = isNetwork ? "ENETUNREACH" : "EHOSTUNREACH";
  }

  onUrgent(): void {
    this.wake();
  }

  onClosed(connection: HostConnection, reason: CloseReason): void {
    const { sndUna, sndNxt } = connection.info();
    this.pendingError = errorOfEnd({
      // With our FIN unacknowledged it was a reset that ended it (RFC 9293 §3.10.7.4, CLOSING and LAST-ACK).
      reason: reason === "normal" && sndUna !== sndNxt && this.phase === "connected"
        ? "reset-by-peer"
        : reason,
      wasOpen: this.phase === "connected",
      wasCloseWait: this.#peerHasClosed && !this.isWriteShut,
      soft: this.#soft,
      system: this.#ground.socketDefaults.system,
    });
    this.phase = "ended";
    this.heldMore = null;
    if (this.#parent !== null) this.#parent.#embryos.delete(this);
    this.errors.ended();
    this.wake();
  }

  /** Whoever waits for this socket looks again. */
  wake(): void {
    this.wakeups++;
  }

  // -- How ready it is

  /** Octets that can be read. */
  get readableBytes(): number {
    return this.connection?.readableBytes ?? 0;
  }

  /**
   * Octets that can be read up to urgent data, whose last octet is not among them where it is not asked for inline (RFC 6093 §2:
   * as all systems have it). Once the others have been read, that octet is skipped.
   */
  bytesBeforeMark(): number {
    const { connection } = this;
    const { readableBytes } = this;
    const urgentBytes = connection?.urgentBytes ?? 0;
    if (connection === null || urgentBytes === 0 || urgentBytes > readableBytes) return readableBytes;
    if (urgentBytes > 1) return urgentBytes - 1;
    connection.skip(1);
    return this.readableBytes;
  }

  /** Nothing comes any more. */
  get isAtEnd(): boolean {
    if (this.readableBytes > 0) return false;
    return this.isReadShut || this.phase === "ended" || (this.connection?.atEnd ?? false);
  }

  /** The peer has sent FIN, or the connection is gone. */
  get hasPeerClosed(): boolean {
    return this.#peerHasClosed || this.phase === "ended";
  }

  /** Whether there is room worth writing into. */
  get isWritable(): boolean {
    const { connection } = this;
    if (connection === null || this.phase !== "connected") return false;
    if (this.#memory === null) {
      return connection.writableBytes >= Math.min(BSD_LOW_BYTES, connection.config.sendBufferBytes);
    }
    const situation = situationOf(connection);
    this.#memory.follow(situation);
    return this.#memory.isWritable(this.#notSentLimit, situation);
  }

  get #notSentLimit(): number {
    return notSentLimit(this.settings, this.#ground.socketDefaults);
  }

  /** How many of `wanted` octets may be written now; {@link TcpSocket.wrote} follows. */
  takeRoom(wanted: number): number {
    const { connection } = this;
    if (connection === null || this.phase !== "connected") return 0;
    const most = Math.min(wanted, connection.writableBytes);
    if (this.#memory === null) return most;
    const situation = situationOf(connection);
    this.#memory.follow(situation);
    return this.#memory.take(most, situation, this.#notSentLimit);
  }

  /** So many octets were written. */
  wrote(taken: number): void {
    this.writtenBytes += taken;
    if (this.connection !== null) this.#memory?.follow(situationOf(this.connection));
  }

  /** `SO_SNDBUF`, where memory is counted; null: octets are. */
  get sendMemory(): SendMemory | null {
    return this.#memory;
  }

  get readiness(): number {
    const { phase, settings } = this;
    if (phase === "listening") return this.#queue.length > 0 ? READY.IN : 0;
    let ready = 0;
    if (this.pendingError !== null || this.errors.length > 0) ready |= READY.ERROR;
    if (phase === "idle" || phase === "ended") {
      if (this.deferred !== null) return ready | READY.OUT;
      ready |= READY.OUT | READY.HANG_UP;
      return phase === "ended" ? ready | READY.IN | READY.READ_HANG_UP : ready;
    }
    if (phase === "connecting") return ready;
    const isReadEnd = this.isReadShut || this.hasPeerClosed;
    if (isReadEnd) ready |= READY.IN | READY.READ_HANG_UP;
    if (this.readableBytes >= settings.receiveLowBytes) ready |= READY.IN;
    if (isReadEnd && this.isWriteShut) ready |= READY.HANG_UP;
    if (this.isWriteShut || this.isWritable) ready |= READY.OUT;
    else this.wantsRoom = true;
    if ((this.connection?.urgentBytes ?? 0) > 0) ready |= READY.PRIORITY;
    return ready;
  }

  look(): void {
    for (const child of this.#queue) child.look();
    if (this.listener !== null) this.#setFastOpen(this.listener);
    const { connection } = this;
    if (connection === null) return;
    if (connection.ended === null) {
      const { unsent, sndWnd, sendMss } = connection.info();
      const inFlight = connection.unackedBytes - unsent;
      this.limits.look(this.#ground.nowUs, {
        isBusy: connection.unackedBytes > 0,
        // What waits would be more than the peer's window has left, by a whole segment where there is one.
        isWindowShut: unsent > 0 && sndWnd - inFlight < Math.min(unsent, sendMss),
        isBufferFull: this.wantsRoom && unsent === 0 && inFlight > 0,
      });
    }
    if (this.wantsRoom && connection.unackedBytes < this.#unackedBefore) {
      this.#memory?.expand(situationOf(connection));
    }
    this.#unackedBefore = connection.unackedBytes;
    if (this.wantsRoom && this.isWritable) {
      this.wantsRoom = false;
      this.wake();
    }
    if (this.heldMore !== null) this.#releaseMore(connection, this.heldMore);
    if (this.errors.isWaiting && connection.ended === null) {
      const { writtenBytes } = this;
      const { unackedBytes } = connection;
      const found = this.errors.acknowledged(
        { writtenBytes, unackedBytes, unsentBytes: connection.info().unsent },
        this.#ground.nowUs,
      );
      if (found) this.wake();
    }
  }

  #releaseMore(connection: HostConnection, segmentsIn: number): void {
    if (connection.info().segmentsIn === segmentsIn || connection.ended !== null) return;
    this.heldMore = null;
    connection.configure({ cork: this.settings.cork });
  }

  // -- Its end

  close(): (() => boolean) | null {
    this.#isClosed = true;
    this.listener?.close();
    // Whoever nobody has accepted is told that nobody will.
    for (const child of this.#queue.splice(0)) child.connection?.abort();
    const { connection } = this;
    if (connection === null || connection.ended !== null) return null;
    const { lingerUs } = this.settings;
    if (lingerUs === 0) {
      connection.abort();
      return null;
    }
    // BSD tells the peer of text that nobody has read only when more comes.
    if (this.#ground.socketDefaults.system === "bsd" && connection.readableBytes > 0) {
      connection.skip(connection.readableBytes);
    }
    connection.close();
    if (lingerUs === null || this.isNonBlocking) return null;
    return () => connection.ended !== null || connection.unackedBytes === 0;
  }

  /** Whether its descriptor has been closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }
}
