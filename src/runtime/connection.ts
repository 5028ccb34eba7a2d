/**
 * Connection: one TCP connection in the shape of Deno.TcpConn, with what Deno cannot show beside it.
 *
 * Owns: promises and streams over the synchronous calls of a HostConnection. Must not know: segments, devices.
 * Holds no bytes of its own while the connection lives: backpressure is the machine's window.
 */
import { type ConnectionHandler, type HostConnection, UNREACHABLE } from "../host/api.ts";
import type { CloseReason } from "../tcp/events.ts";
import type { ConnectionInfo } from "../tcp/info.ts";
import type { TcpState } from "../tcp/state.ts";
import { formatIpAddress } from "../wire/address.ts";
import {
  closedError,
  closeReasonError,
  hostUnreachableError,
  interruptedError,
  writeClosedError,
} from "./connection_error.ts";
import {
  type ConnectionEvents,
  connectionEvents,
  type EventHub,
  type OwnedConnectionEvents,
} from "./event_hub.ts";
import { bytesGoneError, whyNoBytes } from "./given_bytes.ts";
import type { ProcessLife } from "./process_life.ts";

/** One end of a connection, as Deno writes it. */
export interface NetAddress {
  /** There is no other. */
  readonly transport: "tcp";
  /** Text of the IP address. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** What a user of the host does around each call that comes from outside the pump; a Pump does. */
export interface HostDriver {
  /** Before the call: the host is told the time. */
  enter(): void;
  /** After it: what it has sent leaves. */
  leave(): void;
  /** A promise of an application has been settled inside the host. */
  noteWoken(): void;
}

/** What a connection needs from its stack. */
export interface ConnectionOptions {
  /** Around each call. */
  readonly driver: HostDriver;
  /** Where its events come from. */
  readonly hub: EventHub;
  /** What pending calls hold the process with; nothing does when absent. */
  readonly life?: ProcessLife;
  /** Called once, inside the host, when the connection is established. */
  readonly onOpen?: (connection: Connection) => void;
  /** Called once, inside the host, when the connection is gone; `error` when it had not ended as it should. */
  readonly onGone?: (connection: Connection, error: Error | null) => void;
}

interface PendingTransfer<Result> {
  readonly bytes: Uint8Array;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Bytes that one pull of `readable` offers to fill; local choice: the largest frame that a link hands up. */
const STREAM_CHUNK_BYTES = 0x10000;

/**
 * A connection; got from {@link Listener.accept} or {@link Stack.connect}. Can stand where a `Deno.TcpConn` is asked for, and tells more.
 *
 * ```ts
 * import { createLab } from "@tcplab/tcplab";
 *
 * using lab = createLab({ faults: "delay=10ms" });
 * const accepting = lab.server.listen({ port: 7 }).accept();
 * const connection: Deno.TcpConn = await lab.client.connect({ hostname: "10.0.0.1", port: 7 });
 * await connection.write(new TextEncoder().encode("hello"));
 * connection.close();
 * const served = await accepting;
 * const text = await new Response(served.readable).text();
 * if (text !== "hello") throw new Error(text);
 * console.log(served.state, served.info().srttUs, served.info().states);
 * ```
 */
export class Connection implements Disposable {
  /** Our end. */
  readonly localAddr: NetAddress;
  /** The peer's end. */
  readonly remoteAddr: NetAddress;

  readonly #inner: HostConnection;
  readonly #driver: HostDriver;
  readonly #hub: EventHub;
  readonly #life: ProcessLife | undefined;
  readonly #onGone: ConnectionOptions["onGone"];
  readonly #closed: Promise<CloseReason>;
  readonly #settleClosed: { resolve(reason: CloseReason): void; reject(error: Error): void };
  readonly #reads: PendingTransfer<number | null>[] = [];
  readonly #writes: PendingTransfer<number>[] = [];
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #events: OwnedConnectionEvents | undefined;
  #closedByUser = false;
  #writeClosed = false;
  #isRefed = true;
  #isHolding = false;
  /** Somebody has asked for `closed`. */
  #isAwaited = false;
  #gone = false;
  /** Why it is gone, if not as it should. */
  #error: Error | null = null;
  /** Why we ended it ourselves, where that was no wish of the user. */
  #givenUp: Error | null = null;
  /** Bytes that were received and not yet read when the connection went. */
  #rest = new Uint8Array(0);

  /** Takes over `inner`: becomes what runs on it. */
  constructor(inner: HostConnection, options: ConnectionOptions) {
    this.#inner = inner;
    this.#driver = options.driver;
    this.#hub = options.hub;
    this.#life = options.life;
    this.#onGone = options.onGone;
    this.localAddr = netAddress(inner.localAddress, inner.localPort);
    this.remoteAddr = netAddress(inner.peerAddress, inner.peerPort);
    const { promise, resolve, reject } = Promise.withResolvers<CloseReason>();
    this.#closed = promise;
    this.#settleClosed = { resolve, reject };
    promise.catch(() => {});
    const handler: ConnectionHandler = {
      onOpen: () => options.onOpen?.(this),
      onReadable: () => this.#serveReads(),
      onPeerClosed: () => this.#serveReads(),
      onWritable: () => this.#serveWrites(),
      onAdvice: (_, advice) => this.#takeAdvice(advice),
      onClosed: (_, reason) => this.#end(reason),
    };
    inner.handler = handler;
  }

  /** `LOCAL_IP:PORT-PEER_IP:PORT`, as in the events. */
  get name(): string {
    return this.#inner.name;
  }

  /** The state of RFC 9293 §3.3.2 at this moment. */
  get state(): TcpState {
    return this.#gone ? "CLOSED" : this.#inner.state;
  }

  /** Resolves with the reason when the connection is gone (after TIME_WAIT, where it passes through that). */
  get closed(): Promise<CloseReason> {
    this.#isAwaited = true;
    this.#updateHold();
    return this.#closed;
  }

  /** Every figure of the TCB at this moment, as a value. */
  info(): ConnectionInfo {
    this.#driver.enter();
    return this.#inner.info();
  }

  /**
   * This connection's events from the moment the iteration begins, up to `closed`, or to the end of what carries it; none
   * when it is gone already. At most 1024 wait for a slow reader; then the oldest are lost, and counted in `lost`.
   */
  get events(): ConnectionEvents {
    this.#events ??= connectionEvents({
      hub: this.#hub,
      connection: this.name,
      woken: () => this.#driver.noteWoken(),
      isGone: () => this.#gone,
    });
    return this.#events;
  }

  /**
   * Reads up to `p.byteLength` bytes into `p`; waits for the first. Resolves to how many, or to null at the end.
   * Rejects with what ended the connection: ConnectionReset, ConnectionAborted, TimedOut; with BadResource after `close`, with
   * Interrupted when `close` comes while it waits; with TypeError when `p` is no Uint8Array, or is taken away while it waits.
   */
  read(p: Uint8Array): Promise<number | null> {
    const why = whyNoBytes(p);
    if (why !== null) return Promise.reject(why);
    if (p.length === 0) return Promise.resolve(0);
    if (this.#reads.length === 0) {
      try {
        const count = this.#outside(() => this.#readNow(p));
        if (count !== undefined) return Promise.resolve(count);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#reads.push({ bytes: p, resolve, reject });
      this.#updateHold();
    });
  }

  /**
   * Queues bytes of `p` for sending; waits while the send buffer is full. Resolves to how many were taken: at least one,
   * maybe not all. Rejects as `read` does, and with BrokenPipe after `closeWrite`.
   */
  write(p: Uint8Array): Promise<number> {
    const why = whyNoBytes(p);
    if (why !== null) return Promise.reject(why);
    if (p.length === 0 && !this.#closedByUser) return Promise.resolve(0);
    if (this.#writes.length === 0) {
      try {
        const count = this.#outside(() => this.#writeNow(p));
        if (count !== undefined) return Promise.resolve(count);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#writes.push({ bytes: p, resolve, reject });
      this.#updateHold();
    });
  }

  /** The incoming bytes as a byte stream; it ends with the peer's FIN. Cancelling it is `close`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#readable ??= this.#makeReadable();
    return this.#readable;
  }

  /** The outgoing bytes; closing the stream is `closeWrite`, aborting it is `abort`. */
  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= new WritableStream<Uint8Array>({
      write: async (chunk) => {
        for (let sent = 0; sent < chunk.length;) sent += await this.write(chunk.subarray(sent));
      },
      close: () => this.closeWrite(),
      abort: () => this.abort(),
    });
    return this.#writable;
  }

  /**
   * No more writes: FIN follows what is queued (CLOSE of RFC 9293 §3.10.4). Reading goes on. Does nothing when there is nothing to close
   * any more, also after a reset, as in Deno; rejects with BadResource after `close`.
   */
  closeWrite(): Promise<void> {
    if (this.#closedByUser) return Promise.reject(closedError(`Connection ${this.name}`));
    if (!this.#gone && !this.#writeClosed) {
      this.#writeClosed = true;
      this.#outside(() => this.#inner.closeWrite());
      rejectAll(this.#writes, writeClosedError(this.name));
      this.#updateHold();
    }
    return Promise.resolve();
  }

  /**
   * Ends the connection: what was written is still sent, then FIN. Bytes that have arrived and were not read, or that arrive
   * later, are lost, and the peer is told so with RST, as a kernel does (RFC 1122 §4.2.2.13, RFC 2525 §2.17); `closed` is then
   * `reset-by-us`. Reads and writes that wait reject with Interrupted. Does nothing the second time.
   */
  close(): void {
    if (this.#closedByUser) return;
    this.#closedByUser = true;
    this.#writeClosed = true;
    this.#rest = new Uint8Array(0);
    this.#rejectWaiting(interruptedError());
    if (!this.#gone) this.#outside(() => this.#inner.close());
  }

  /** Ends the connection at once with RST; what is under way is lost (ABORT of RFC 9293 §3.10.5). */
  abort(): void {
    if (!this.#gone) this.#outside(() => this.#inner.abort());
  }

  /** As {@link Connection.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The process lives on for pending calls, as it does at first. */
  ref(): void {
    this.#isRefed = true;
    this.#updateHold();
  }

  /** The process does not live on for pending calls; a device that is listened to holds it nevertheless. */
  unref(): void {
    this.#isRefed = false;
    this.#updateHold();
  }

  /** Sends small segments at once (Nagle's algorithm off, RFC 9293 §3.7.4) or not; it is on at first, as in Deno.TcpConn. */
  setNoDelay(on = true): void {
    if (!this.#gone) this.#outside(() => this.#inner.setNoDelay(on));
  }

  /** Keep-alive probes (RFC 9293 §3.8.4), off until asked for; times in microseconds. */
  setKeepAlive(on = true, times: { readonly idleUs?: number; readonly intervalUs?: number } = {}): void {
    if (!this.#gone) this.#outside(() => this.#inner.setKeepAlive(on, times.idleUs, times.intervalUs));
  }

  /** Gives up on the connection because what carries it is gone: all that waits is rejected with `error`. */
  fail(error: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#error = error;
    this.#rejectWaiting(error);
    this.#events?.end();
    this.#settleClosed.reject(error);
    this.#updateHold();
    this.#onGone?.(this, error);
  }

  /** Runs a call that comes from outside the pump. */
  #outside<Result>(call: () => Result): Result {
    this.#driver.enter();
    try {
      return call();
    } finally {
      this.#driver.leave();
    }
  }

  /** Undefined: nothing to read yet. */
  #readNow(into: Uint8Array): number | null | undefined {
    if (this.#closedByUser) throw closedError(`Connection ${this.name}`);
    if (this.#rest.length > 0) {
      const count = Math.min(this.#rest.length, into.length);
      into.set(this.#rest.subarray(0, count));
      this.#rest = this.#rest.subarray(count);
      return count;
    }
    if (this.#error !== null) throw this.#error;
    if (this.#gone) return null;
    const count = this.#inner.read(into);
    if (count > 0) return count;
    return this.#inner.atEnd ? null : undefined;
  }

  /** Undefined: no room yet. */
  #writeNow(bytes: Uint8Array): number | undefined {
    if (this.#closedByUser) throw closedError(`Connection ${this.name}`);
    if (this.#error !== null) throw this.#error;
    if (this.#gone) throw writeClosedError(this.name);
    if (this.#writeClosed) throw writeClosedError(this.name);
    const count = this.#inner.write(bytes);
    return count > 0 ? count : undefined;
  }

  #serveReads(): void {
    this.#serve(this.#reads, (into) => this.#readNow(into));
  }

  #serveWrites(): void {
    this.#serve(this.#writes, (bytes) => this.#writeNow(bytes));
  }

  /** Settles what waits, in order, as far as it goes. Never throws: this runs inside the host. */
  #serve<Result>(
    waiting: PendingTransfer<Result>[],
    transfer: (bytes: Uint8Array) => Result | undefined,
  ): void {
    while (waiting.length > 0) {
      try {
        const { bytes } = waiting[0];
        // Nobody waits with no bytes: these have been taken away.
        if (bytes.length === 0) throw bytesGoneError();
        const result = transfer(bytes);
        if (result === undefined) break;
        waiting.shift()?.resolve(result);
      } catch (error) {
        waiting.shift()?.reject(error);
      }
      this.#driver.noteWoken();
    }
    this.#updateHold();
  }

  /** As the kernel does for `Deno.connect`: an opening that cannot get to its peer is given up, a connection is not. */
  #takeAdvice(advice: string): void {
    if (this.#inner.state !== "SYN_SENT" || !advice.startsWith(UNREACHABLE)) return;
    this.#givenUp = hostUnreachableError(`${this.name} is ${advice}`);
    this.#inner.abort();
  }

  #end(reason: CloseReason): void {
    if (this.#gone) return;
    // The peer's FIN may be acknowledged, and ours too, before a slow reader has seen all that came before; a host may
    // keep it for him at the peer's reset or silence, too (`textAfterReset`).
    if (!this.#closedByUser && reason !== "reset-by-us" && this.#inner.readableBytes > 0) {
      this.#rest = new Uint8Array(this.#inner.readableBytes);
      this.#inner.read(this.#rest);
    }
    if (reason !== "normal") this.#error = this.#givenUp ?? closeReasonError(this.name, reason);
    this.#gone = true;
    if (this.#error !== null) {
      this.#rejectWaiting(this.#error);
    } else {
      this.#serveReads();
      rejectAll(this.#writes, writeClosedError(this.name));
    }
    this.#settleClosed.resolve(reason);
    this.#updateHold();
    this.#driver.noteWoken();
    this.#onGone?.(this, this.#error);
  }

  #rejectWaiting(error: Error): void {
    rejectAll(this.#reads, error);
    rejectAll(this.#writes, error);
    this.#updateHold();
  }

  #updateHold(): void {
    const isPending = this.#reads.length > 0 || this.#writes.length > 0 || (this.#isAwaited && !this.#gone);
    const holds = this.#isRefed && isPending;
    if (holds === this.#isHolding) return;
    this.#isHolding = holds;
    this.#life?.pending(holds ? 1 : -1);
  }

  #makeReadable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: STREAM_CHUNK_BYTES,
      pull: async (controller) => {
        const request = controller.byobRequest;
        const view = request?.view ?? null;
        if (request === null || view === null) return;
        const count = await this.read(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        if (count === null) controller.close();
        request.respond(count ?? 0);
      },
      cancel: () => this.close(),
    });
  }
}

function netAddress(address: Uint8Array, port: number): NetAddress {
  return { transport: "tcp", hostname: formatIpAddress(address), port };
}

function rejectAll(waiting: { reject(error: Error): void }[], error: Error): void {
  for (const { reject } of waiting.splice(0)) reject(error);
}
