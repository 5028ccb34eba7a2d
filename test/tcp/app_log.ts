/**
 * An application that does as a test tells it, and writes down what it is told by the host.
 *
 * Owns: the record. Must not know: segments.
 */
import { assert } from "@std/assert";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import type { CloseReason } from "../../src/tcp/events.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import { beginFar } from "./begin_far.ts";

export interface AppOptions {
  /** Read whatever arrives, at once (true). */
  readonly autoRead?: boolean;
}

/** The side on which a user's calls are made (a lab). */
export interface UserSide {
  user<T>(act: () => T): T;
}

export class AppLog implements ConnectionHandler {
  opened = 0;
  readable = 0;
  writable = 0;
  peerClosed = 0;
  readonly urgent: number[] = [];
  readonly advice: string[] = [];
  readonly closed: CloseReason[] = [];
  autoRead: boolean;
  readonly #lab: UserSide;
  #received: number[] = [];
  #connection: HostConnection | null = null;

  constructor(lab: UserSide, options: AppOptions = {}) {
    this.#lab = lab;
    this.autoRead = options.autoRead ?? true;
  }

  attach(connection: HostConnection): void {
    this.#connection = connection;
  }

  get connection(): HostConnection {
    assert(this.#connection !== null, "no connection yet");
    return this.#connection;
  }

  get state(): TcpState {
    return this.connection.state;
  }

  /** All bytes that were read, as Latin-1 text. */
  get text(): string {
    return String.fromCharCode(...this.#received);
  }

  get bytesRead(): Uint8Array {
    return Uint8Array.from(this.#received);
  }

  /** Reads up to `count` bytes now; returns them. */
  read(count = Infinity): Uint8Array {
    return this.#lab.user(() => this.#read(count));
  }

  /** Writes text, or `n` bytes of a pattern; returns how many bytes were taken. */
  write(data: string | number | Uint8Array): number {
    return this.#lab.user(() => this.connection.write(bytesOf(data)));
  }

  closeWrite(): void {
    this.#lab.user(() => this.connection.closeWrite());
  }

  close(): void {
    this.#lab.user(() => this.connection.close());
  }

  abort(): void {
    this.#lab.user(() => this.connection.abort());
  }

  onOpen(connection: HostConnection): void {
    this.attach(connection);
    this.opened += 1;
    beginFar(connection);
  }

  onReadable(): void {
    this.readable += 1;
    if (this.autoRead) this.#read(Infinity);
  }

  onWritable(): void {
    this.writable += 1;
  }

  onPeerClosed(): void {
    this.peerClosed += 1;
  }

  onUrgent(connection: HostConnection): void {
    this.urgent.push(connection.urgentBytes);
  }

  onAdvice(_connection: HostConnection, advice: string): void {
    this.advice.push(advice);
  }

  onClosed(_connection: HostConnection, reason: CloseReason): void {
    this.closed.push(reason);
  }

  #read(count: number): Uint8Array {
    const into = new Uint8Array(Math.min(count, this.connection.readableBytes));
    const got = into.subarray(0, this.connection.read(into));
    for (const byte of got) this.#received.push(byte);
    return got;
  }
}

/** Text as Latin-1 bytes, a number as that many bytes of a pattern that shows where each byte belongs. */
export function bytesOf(data: string | number | Uint8Array, from = 0): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return Uint8Array.from(data, (letter) => letter.charCodeAt(0));
  return Uint8Array.from({ length: data }, (_, i) => patternByte(from + i));
}

/** The byte at `position` of the pattern; its period is no power of two. */
export function patternByte(position: number): number {
  return (position * 7 + (position >>> 8)) % 251;
}
