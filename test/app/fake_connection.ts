/**
 * A connection without a machine: two bounded buffers and a record of what was called.
 *
 * Owns: just enough of HostConnection to show an application backpressure, the peer's FIN and the end.
 */
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../../src/tcp/config.ts";
import type { CloseReason } from "../../src/tcp/events.ts";
import type { ConnectionInfo, FlightSegments } from "../../src/tcp/info.ts";
import type { TcpState } from "../../src/tcp/state.ts";

export class FakeConnection implements HostConnection {
  readonly id = 1;
  readonly isFastOpen = false;
  readonly synTextTaken = 0;
  readonly synTextLeft = 0;
  readonly largestSendWindow = 0xffff;
  readonly name = "10.0.0.1:7-10.0.0.2:40000";
  readonly localAddress = Uint8Array.of(10, 0, 0, 1);
  readonly localPort = 7;
  readonly peerAddress = Uint8Array.of(10, 0, 0, 2);
  readonly peerPort = 40000;
  state: TcpState = "SYN_RCVD";
  ended: CloseReason | null = null;
  handler: ConnectionHandler = {};
  urgentBytes = 0;
  config: TcpConfig = DEFAULT_TCP_CONFIG;
  userData: unknown = undefined;
  /** What was called, except for reads and writes. */
  readonly calls: string[] = [];
  /** Sent and not yet taken by `drain`. */
  sent: number[] = [];
  received: number[] = [];
  peerClosed = false;
  writeClosed = false;
  readonly sendBufferBytes: number;
  #full = false;
  #draining = false;

  constructor(sendBufferBytes = Infinity) {
    this.sendBufferBytes = sendBufferBytes;
  }

  // What the peer does.

  open(): void {
    this.state = "ESTABLISHED";
    this.handler.onOpen?.(this);
  }

  receive(bytes: Iterable<number>): void {
    if (this.#draining) return;
    this.received.push(...bytes);
    this.handler.onReadable?.(this);
  }

  receiveFin(): void {
    if (this.ended !== null) return;
    this.peerClosed = true;
    this.state = "CLOSE_WAIT";
    this.handler.onPeerClosed?.(this);
  }

  /** The peer acknowledges up to `count` bytes; returns them. */
  drain(count = Infinity): number[] {
    const bytes = this.sent.splice(0, count);
    if (this.ended !== null) return bytes;
    if (this.#full || this.sent.length === 0) {
      this.#full = false;
      this.handler.onWritable?.(this);
    }
    return bytes;
  }

  end(reason: CloseReason): void {
    this.state = "CLOSED";
    this.ended = reason;
    this.handler.onClosed?.(this, reason);
  }

  // What the application sees.

  get readableBytes(): number {
    return this.received.length;
  }

  get atEnd(): boolean {
    return this.peerClosed && this.received.length === 0;
  }

  get writableBytes(): number {
    return this.writeClosed ? 0 : this.sendBufferBytes - this.sent.length;
  }

  get unackedBytes(): number {
    return this.sent.length;
  }

  read(into: Uint8Array): number {
    const bytes = this.received.splice(0, into.length);
    into.set(bytes);
    return bytes.length;
  }

  peek(into: Uint8Array, skip = 0): number {
    const bytes = this.received.slice(skip, skip + into.length);
    into.set(bytes);
    return bytes.length;
  }

  configure(changes: Partial<TcpConfig>): void {
    this.config = { ...this.config, ...changes };
  }

  skip(count: number): number {
    return this.received.splice(0, count).length;
  }

  fill(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
    return this.write(bytes, offset, length);
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.length - offset): number {
    if (this.writeClosed) throw new Error("write after closeWrite");
    const count = Math.min(length, this.writableBytes);
    this.#full ||= count < length;
    for (let i = 0; i < count; i++) this.sent.push(bytes[offset + i]);
    return count;
  }

  echo(): number {
    const count = Math.min(this.received.length, this.writableBytes);
    this.#full ||= count < this.received.length;
    this.sent.push(...this.received.splice(0, count));
    return count;
  }

  closeWrite(): void {
    this.calls.push("closeWrite");
    this.writeClosed = true;
  }

  close(): void {
    this.calls.push("close");
    this.writeClosed = true;
    if (this.received.length > 0) this.end("reset-by-us");
  }

  closeAndDrain(): void {
    this.calls.push("closeAndDrain");
    this.writeClosed = true;
    this.received.length = 0;
    this.#draining = true;
  }

  abort(): void {
    this.calls.push("abort");
    this.end("reset-by-us");
  }

  endRecord(): void {}

  markUrgent(): void {}

  writeUrgent(bytes: Uint8Array): number {
    return this.write(bytes);
  }

  setDscp(_dscp: number): void {}

  get receivedDscp(): number {
    return 0;
  }

  setNoDelay(on: boolean): void {
    this.calls.push(`setNoDelay ${on}`);
  }

  setKeepAlive(on: boolean, idleUs?: number, intervalUs?: number): void {
    this.calls.push(`setKeepAlive ${on} ${idleUs} ${intervalUs}`);
  }

  setUserTimeout(us: number): void {
    this.calls.push(`setUserTimeout ${us}`);
  }

  flight(): FlightSegments {
    return {
      unacked: 0,
      sacked: 0,
      lost: 0,
      resent: 0,
      delivered: 0,
      reordering: 3,
      isReducing: false,
      peerTextBytes: 0,
    };
  }

  info(): ConnectionInfo {
    throw new Error("A fake connection has no figures");
  }
}
