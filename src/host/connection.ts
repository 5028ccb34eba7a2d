/**
 * Connection: a TCB with its addresses and what runs on it; the host's implementation of HostConnection.
 *
 * Owns: the user's calls, turned into calls of the machine. Must not know: frames.
 */
import type { TcpConfig } from "../tcp/config.ts";
import type { CloseReason } from "../tcp/events.ts";
import { type ConnectionInfo, connectionInfo, type FlightSegments, flightSegments } from "../tcp/info.ts";
import type { TcpState } from "../tcp/state.ts";
import { markRecordEnd } from "../tcp/record_marks.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { noteWritten, pieceRoom } from "../tcp/written_pieces.ts";
import {
  abortConnection,
  canWrite,
  changeSettings,
  closeAndDrain,
  closeBothWays,
  closeConnection,
  dataTaken,
  markUrgent,
  setKeepAlive,
} from "../tcp/user_calls.ts";
import { askedLimitBytes, sendLimitBytes, sendRoomBytes } from "../tcp/buffer_shares.ts";
import type { MachineContext } from "../tcp/context.ts";
import { mayAnswerEarly } from "../tcp/fast_open.ts";
import { connectionName } from "../wire/address.ts";
import { addressSum } from "../wire/ip.ts";
import type { ConnectionHandler, HostConnection } from "./api.ts";
import type { OrderedEntry } from "./connection_order.ts";
import type { ConnectionWatch } from "./connection_watch.ts";
import type { TableEntry } from "./connection_table.ts";
import { type DeadlineEntry, WHEEL_NOT_SET } from "./deadline_wheel.ts";
import type { Listener } from "./listeners.ts";
import { type Neighbor, NOWHERE } from "./neighbor.ts";
import type { Peer } from "./peers.ts";

/** What a connection needs of its host. */
export interface ConnectionHost {
  readonly context: MachineContext;
  /** Called before a user call's effects are queued. */
  begin(connection: Connection): void;
  /** Called after: performs them unless that is going on already. */
  finish(): void;
  /** The connection has nothing to send because there is no memory to put it into; its application waits. */
  starves(connection: Connection): void;
  /** The application has closed the connection, for sending or altogether. */
  closes(connection: Connection): void;
  /** Bytes have been given to the connection to send. */
  written(connection: Connection, count: number): void;
}

/** The 4-tuple of a connection. */
export interface ConnectionAddresses {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
}

const NO_HANDLER: ConnectionHandler = {};

/** One connection of a host. */
export class Connection implements HostConnection, TableEntry, DeadlineEntry, OrderedEntry<Connection> {
  // What every segment touches comes first: eight fields share a cache line.
  readonly tcb: Tcb;
  readonly peerPort: number;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  /** The same for the connection's whole life (MUST-45). */
  readonly localAddress: Uint8Array;
  /** The sum of both, for checksums. */
  readonly addressSum: number;
  /** By way of whom its packets go. */
  hop: Neighbor = NOWHERE;
  /** In the host's list of connections that the running event has touched. */
  isTouched = false;
  handler: ConnectionHandler = NO_HANDLER;
  wheelSlot = WHEEL_NOT_SET;
  wheelNext: DeadlineEntry | null = null;
  wheelPrevious: DeadlineEntry | null = null;
  /** What the next packet is numbered (IPv4: its low 16 bits), or every packet labelled with (RFC 6437). */
  packetNumber = 0;
  readonly #host: ConnectionHost;
  #name = "";
  /** From 1 in order of opening; 0 for one that only answers a SYN with a cookie, and is forgotten. */
  id = 0;
  userData: unknown = undefined;
  /** What is remembered for those who observe; null as long as nobody does. */
  watch: ConnectionWatch | null = null;
  /** The listener whose backlog counts this connection; null for active opens. */
  listener: Listener | null = null;
  /** Whom it is with; null while it is not in the host's table. */
  peer: Peer | null = null;
  // Its neighbors in the order of all connections.
  older: Connection | null = null;
  newer: Connection | null = null;

  constructor(host: ConnectionHost, tcb: Tcb, about: ConnectionAddresses) {
    this.#host = host;
    this.tcb = tcb;
    this.localAddress = about.localAddress;
    this.localPort = about.localPort;
    this.peerAddress = about.peerAddress;
    this.peerPort = about.peerPort;
    this.addressSum = addressSum(about.localAddress, about.peerAddress);
    tcb.owner = this;
  }

  get peerUdpPort(): number {
    return this.tcb.config.peerUdpPort;
  }

  get localUdpPort(): number {
    return this.tcb.config.udpPort;
  }

  get hopLimit(): number {
    return this.tcb.config.hopLimit;
  }

  get dscp(): number {
    return this.tcb.dscp;
  }

  /** Counted in the listener's backlog. Kept with the TCB's switches, as the deadline with its times: it takes no place. */
  get isHalfOpen(): boolean {
    return this.tcb.isHalfOpen;
  }

  set isHalfOpen(isHalfOpen: boolean) {
    this.tcb.isHalfOpen = isHalfOpen;
  }

  /** Its application threw: of the handler only `onClosed` is called any more. */
  get hasFailed(): boolean {
    return this.tcb.hasFailed;
  }

  set hasFailed(hasFailed: boolean) {
    this.tcb.hasFailed = hasFailed;
  }

  /** Kept with the TCB's other times: a number of its own here would be a place more to touch. */
  get deadlineUs(): number {
    return this.tcb.wakeUs;
  }

  set deadlineUs(us: number) {
    this.tcb.wakeUs = us;
  }

  nextDeadlineUs(): number {
    return this.tcb.nextDeadlineUs();
  }

  get name(): string {
    if (this.#name === "") this.#name = connectionName(this);
    return this.#name;
  }

  get state(): TcpState {
    return this.tcb.state;
  }

  get isFastOpen(): boolean {
    return mayAnswerEarly(this.tcb);
  }

  get synTextTaken(): number {
    return this.tcb.fastOpen?.takenBytes ?? 0;
  }

  get synTextLeft(): number {
    const { fastOpen } = this.tcb;
    return fastOpen === null ? 0 : fastOpen.textBytes - fastOpen.takenBytes;
  }

  get readableBytes(): number {
    return this.tcb.receiveRing.length;
  }

  get atEnd(): boolean {
    return this.tcb.finReceived && this.tcb.receiveRing.length === 0;
  }

  get writableBytes(): number {
    return canWrite(this.tcb) ? sendRoomBytes(this.tcb) : 0;
  }

  get unackedBytes(): number {
    return this.tcb.sendRing.length;
  }

  get urgentBytes(): number {
    const { rcvUp, rcvNxt, receiveRing, finReceived } = this.tcb;
    if (rcvUp < 0) return 0;
    // RCV.NXT counts the peer's FIN, the ring does not.
    const ahead = rcvUp - rcvNxt + (finReceived ? 1 : 0) + receiveRing.length;
    return ahead > 0 ? ahead : 0;
  }

  read(into: Uint8Array): number {
    const { receiveRing } = this.tcb;
    const count = receiveRing.read(into);
    if (count > 0) this.#taken(count);
    return count;
  }

  peek(into: Uint8Array, skip = 0): number {
    const { receiveRing } = this.tcb;
    const count = Math.min(into.length, receiveRing.length - skip);
    if (count > 0) receiveRing.copyOut(skip, into, 0, count);
    return count > 0 ? count : 0;
  }

  skip(count: number): number {
    const held = this.tcb.receiveRing.length;
    const taken = count < held ? count : held;
    if (taken > 0) this.#taken(taken);
    return taken;
  }

  write(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset): number {
    const { tcb } = this;
    if (!canWrite(tcb)) throw this.#closedForSending();
    const most = tcb.fillsAsAsked ? askedLimitBytes(tcb) : sendLimitBytes(tcb);
    let count = 0;
    while (count < length) {
      const room = pieceRoom(tcb);
      const part = length - count < room ? length - count : room;
      const taken = tcb.ringToSend().append(bytes, offset + count, part, most);
      count += taken;
      const isOver = taken < part || count === length;
      if (taken < part) this.#hasToWait();
      if (taken > 0) {
        noteWritten(tcb, taken, isOver);
        this.#host.begin(this);
        this.#host.written(this, taken);
        this.#host.finish();
      }
      if (isOver || !canWrite(tcb)) break;
    }
    return count;
  }

  fill(bytes: Uint8Array, offset = 0, length: number = bytes.length - offset): number {
    const { tcb } = this;
    tcb.fillsAsAsked = true;
    try {
      return this.write(bytes, offset, length);
    } finally {
      // Only who waits is told of room by what it asks for.
      tcb.fillsAsAsked = tcb.writeBlocked;
    }
  }

  echo(): number {
    const { tcb } = this;
    if (!canWrite(tcb)) return 0;
    const held = tcb.receiveRing.length;
    const count = held === 0 ? 0 : tcb.ringToSend().appendFrom(tcb.receiveRing, held, sendLimitBytes(tcb));
    if (count < held) this.#hasToWait();
    if (count > 0) {
      this.#host.begin(this);
      tcb.receiveRing.consume(count);
      this.#host.written(this, count);
      dataTaken(this.#host.context, tcb, count);
      this.#host.finish();
    }
    return count;
  }

  closeWrite(): void {
    this.#host.begin(this);
    closeConnection(this.#host.context, this.tcb);
    this.#host.closes(this);
    this.#host.finish();
  }

  close(): void {
    this.#host.begin(this);
    closeBothWays(this.#host.context, this.tcb);
    this.#host.closes(this);
    this.#host.finish();
  }

  closeAndDrain(): void {
    this.#host.begin(this);
    closeAndDrain(this.#host.context, this.tcb);
    this.#host.closes(this);
    this.#host.finish();
  }

  abort(): void {
    this.#host.begin(this);
    abortConnection(this.#host.context, this.tcb);
    this.#host.finish();
  }

  writeUrgent(bytes: Uint8Array): number {
    const { tcb } = this;
    if (!canWrite(tcb)) throw this.#closedForSending();
    const { length } = bytes;
    const count = length > 0 ? tcb.ringToSend().append(bytes, 0, length, sendLimitBytes(tcb)) : 0;
    if (count < length) this.#hasToWait();
    if (count > 0) {
      this.#host.begin(this);
      this.#host.written(this, count);
      markUrgent(this.#host.context, tcb);
      this.#host.finish();
    }
    return count;
  }

  endRecord(): void {
    markRecordEnd(this.tcb);
  }

  markUrgent(): void {
    this.#host.begin(this);
    markUrgent(this.#host.context, this.tcb);
    this.#host.finish();
  }

  setDscp(dscp: number): void {
    if (!Number.isInteger(dscp) || dscp < 0 || dscp > 63) {
      throw new RangeError(`Expected a DSCP from 0 to 63, got ${dscp}`);
    }
    this.tcb.dscp = dscp;
  }

  get receivedDscp(): number {
    return this.tcb.receivedDscp;
  }

  setNoDelay(on: boolean): void {
    this.tcb.noDelay = on;
    if (!on) return;
    this.#host.begin(this);
    this.#host.finish();
  }

  configure(changes: Partial<TcpConfig>): void {
    changeSettings(this.tcb, changes);
    this.#host.begin(this);
    this.#host.finish();
  }

  get config(): Readonly<TcpConfig> {
    return this.tcb.config;
  }

  setKeepAlive(on: boolean, idleUs?: number, intervalUs?: number): void {
    for (const us of [idleUs, intervalUs]) {
      // A deadline that is no time, or is due at once for ever.
      if (us !== undefined && !(us >= 1)) throw new RangeError(`Expected a microsecond or more, got ${us}`);
    }
    if (idleUs !== undefined) this.tcb.keepAliveIdleUs = idleUs;
    if (intervalUs !== undefined) this.tcb.keepAliveIntervalUs = intervalUs;
    this.#host.begin(this);
    setKeepAlive(this.#host.context, this.tcb, on);
    this.#host.finish();
  }

  setUserTimeout(us: number): void {
    this.tcb.r2Us = us;
  }

  info(): ConnectionInfo {
    return connectionInfo(this.tcb, { id: this.id, name: this.name, nowUs: this.#host.context.nowUs });
  }

  get largestSendWindow(): number {
    return this.tcb.maxSndWnd;
  }

  flight(): FlightSegments {
    return flightSegments(this.tcb);
  }

  get ended(): CloseReason | null {
    return this.tcb.ended;
  }

  /** The application waits for room: an acknowledgment makes it, or, where nothing is in flight, memory that comes back. */
  #hasToWait(): void {
    this.tcb.writeBlocked = true;
    if (this.tcb.sendRing.length === 0) this.#host.starves(this);
  }

  #closedForSending(): Error {
    return new Error(`Cannot write on ${this.name}: it is closed for sending (state ${this.tcb.state})`);
  }

  #taken(count: number): void {
    const { tcb } = this;
    tcb.receiveRing.consume(count);
    if (tcb.rcvUp >= 0 && this.urgentBytes === 0) tcb.rcvUp = -1;
    this.#host.begin(this);
    dataTaken(this.#host.context, tcb, count);
    this.#host.finish();
  }
}
