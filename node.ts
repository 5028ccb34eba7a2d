/**
 * Connections of this library for what is written for Node's sockets: `node:http`, `node:https`, `ws`, hono.
 *
 * Owns: a `node:stream` Duplex over a connection, with what such programs ask of a socket, and errors with Node's codes. Must
 * not know: TCP.
 *
 * ```ts
 * import { createServer } from "node:http";
 * import { createStack, memoryPair } from "@tcplab/tcplab";
 * import { toDuplex } from "@tcplab/tcplab/node";
 *
 * const [a, b] = memoryPair();
 * await using near = createStack({ link: a, addresses: "10.0.0.1/24" });
 * await using far = createStack({ link: b, addresses: "10.0.0.2/24" });
 *
 * const server = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress}`));
 * // It listens to nothing itself; where it says so, Deno ends each connection after one answer.
 * Object.defineProperty(server, "listening", { value: true });
 * const listener = near.listen({ port: 80 });
 * (async () => {
 *   for await (const connection of listener) {
 *     server.emit("connection", toDuplex(connection, { allowHalfOpen: true }));
 *   }
 * })();
 *
 * const connection = await far.connect({ hostname: "10.0.0.1", port: 80 });
 * await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"));
 * const answer = await new Response(connection.readable).text();
 * connection.close();
 * if (!answer.includes("hello 10.0.0.2")) throw new Error(answer);
 * ```
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** What a connection has to offer: `Connection` of this library does, and so does `Deno.TcpConn`. */
export interface DuplexSource {
  /** Our end. */
  readonly localAddr: { readonly hostname: string; readonly port: number };
  /** The other end. */
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Resolves to how many octets came, or to null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves to how many octets were taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** FIN; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends it, in order where that can be. */
  close(): void;
  /** Ends it with RST where there is such a thing. */
  abort?(): void;
  /** Nagle's algorithm off, or on. */
  setNoDelay?(on?: boolean): void;
  /** Keep-alive probes. */
  setKeepAlive?(on?: boolean, times?: { readonly idleUs?: number }): void;
  /** The program does not end while this is open. */
  ref?(): void;
  /** The program may end. */
  unref?(): void;
}

/** How {@link toDuplex} makes a socket of a connection. */
export interface ToDuplexOptions {
  /** Whether writing goes on after the peer's FIN; else FIN is answered with FIN, as `node:net` does (false). */
  readonly allowHalfOpen?: boolean;
}

/** An address as `socket.address()` has it. */
export interface SocketAddress {
  /** Text of the IP address. */
  readonly address: string;
  /** Port of TCP. */
  readonly port: number;
  /** Version of IP. */
  readonly family: "IPv4" | "IPv6";
}

/** Local choice: what is read at a time. */
const PIECE_BYTES = 64 * 1024;

/** Names of errors of Deno's with the codes of Node's, and their numbers on Linux. */
const CODES: Readonly<Record<string, readonly [code: string, errno: number]>> = {
  ConnectionReset: ["ECONNRESET", -104],
  ConnectionAborted: ["ECONNABORTED", -103],
  ConnectionRefused: ["ECONNREFUSED", -111],
  TimedOut: ["ETIMEDOUT", -110],
  BrokenPipe: ["EPIPE", -32],
};

/** What writing to a connection that is over fails with, in order or not. */
const BROKEN_PIPE = CODES.BrokenPipe;

/** A socket over a connection: see {@link toDuplex}. */
export class ConnectionDuplex extends Duplex {
  /** What it is made of. */
  readonly connection: DuplexSource;
  /** It is connected from the beginning. */
  readonly connecting = false;
  /** The same. */
  readonly pending = false;
  /** Octets that came. */
  bytesRead = 0;
  /** Octets that the connection has taken. */
  bytesWritten = 0;
  /** Milliseconds of silence after which `timeout` is emitted; 0: never. */
  timeout = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;

  /** The connection belongs to the socket from now on. */
  constructor(connection: DuplexSource, options: ToDuplexOptions = {}) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false });
    this.connection = connection;
  }

  /** Text of our IP address. */
  get localAddress(): string {
    return this.connection.localAddr.hostname;
  }

  /** Our port. */
  get localPort(): number {
    return this.connection.localAddr.port;
  }

  /** Version of IP of our address. */
  get localFamily(): "IPv4" | "IPv6" {
    return familyOf(this.localAddress);
  }

  /** Text of the peer's IP address. */
  get remoteAddress(): string {
    return this.connection.remoteAddr.hostname;
  }

  /** The peer's port. */
  get remotePort(): number {
    return this.connection.remoteAddr.port;
  }

  /** Version of IP of the peer's address. */
  get remoteFamily(): "IPv4" | "IPv6" {
    return familyOf(this.remoteAddress);
  }

  /** As `net.Socket` has it. */
  get readyState(): "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.destroyed) return "closed";
    if (this.readable && this.writable) return "open";
    return this.readable ? "readOnly" : this.writable ? "writeOnly" : "closed";
  }

  /** Our end. */
  address(): SocketAddress {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }

  /** Emits `timeout` after so many milliseconds without an octet either way; 0: never. Does nothing else. */
  setTimeout(ms: number, callback?: () => void): this {
    this.timeout = ms;
    this.#touch();
    if (callback !== undefined) {
      if (ms === 0) this.off("timeout", callback);
      else this.once("timeout", callback);
    }
    return this;
  }

  /** Nagle's algorithm off, or on. */
  setNoDelay(on = true): this {
    this.connection.setNoDelay?.(on);
    return this;
  }

  /** Keep-alive probes on or off; the first after so many milliseconds of silence. */
  setKeepAlive(on = false, initialDelayMs = 0): this {
    const times = initialDelayMs > 0 ? { idleUs: initialDelayMs * 1000 } : {};
    this.connection.setKeepAlive?.(on, times);
    return this;
  }

  /** The program does not end while this is open. */
  ref(): this {
    this.connection.ref?.();
    return this;
  }

  /** The program may end. */
  unref(): this {
    this.connection.unref?.();
    return this;
  }

  /** Ends when all is written, and is destroyed then. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** Destroys it with RST. */
  resetAndDestroy(): this {
    this.connection.abort?.();
    return this.destroy();
  }

  /** Reads once; what comes while nobody wants more stays in TCP's window. */
  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const piece = new Uint8Array(PIECE_BYTES);
    this.connection.read(piece).then((count) => {
      this.#isReading = false;
      if (this.destroyed) return;
      if (count === null) {
        this.push(null);
        return;
      }
      this.#touch();
      this.bytesRead += count;
      this.push(Buffer.from(piece.buffer, 0, count));
    }, (error) => {
      this.#isReading = false;
      if (!this.destroyed) this.destroy(nodeError(error, "read"));
    });
  }

  /** Goes on when the connection has taken all of it. */
  override _write(chunk: Uint8Array | string, encoding: string, done: (error?: Error | null) => void): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encodingOf(encoding)) : chunk;
    this.#writeAll(bytes).then(() => done(), (error) => done(nodeError(error, "write")));
  }

  /** What waits goes in one: a head and a body need not be two segments. */
  override _writev(
    chunks: { chunk: Uint8Array | string; encoding: string }[],
    done: (error?: Error | null) => void,
  ): void {
    const whole = Buffer.concat(
      chunks.map(({ chunk, encoding }) =>
        typeof chunk === "string" ? Buffer.from(chunk, encodingOf(encoding)) : chunk
      ),
    );
    this._write(whole, "buffer", done);
  }

  /** FIN. A connection that has gone meanwhile needs none. */
  override _final(done: (error?: Error | null) => void): void {
    this.connection.closeWrite().then(() => done(), () => done());
  }

  /** Closes the connection: FIN, or RST where octets were left unread, as a kernel does. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    try {
      this.connection.close();
    } catch {
      // Whoever else closed it was faster.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.connection.write(at === 0 ? bytes : bytes.subarray(at));
      this.bytesWritten += count;
      at += count;
      this.#touch();
    }
  }

  #touch(): void {
    clearTimeout(this.#timer);
    if (this.timeout === 0 || this.destroyed) return;
    this.#timer = setTimeout(() => this.emit("timeout"), this.timeout);
    // A socket that only waits for its silence keeps no program.
    Deno.unrefTimer(Number(this.#timer));
  }
}

/**
 * A Node socket over a connection, which belongs to it from then on. Give it to `server.emit("connection", socket)` of
 * `node:http` or `node:https`, or to whatever else takes a Duplex. For HTTP `allowHalfOpen` has to be true, else a client that
 * has said all gets no answer.
 *
 * Errors have Node's codes: ECONNRESET (RST from the peer), EPIPE (written after the end), ETIMEDOUT, ECONNABORTED.
 *
 * ```ts
 * import { once } from "node:events";
 * import { createLab } from "@tcplab/tcplab";
 * import { toDuplex } from "@tcplab/tcplab/node";
 *
 * await using lab = createLab();
 * const accepting = lab.server.listen({ port: 7 }).accept();
 * const client = toDuplex(await lab.client.connect({ hostname: "10.0.0.1", port: 7 }));
 * const server = toDuplex(await accepting);
 * client.end("hello");
 * const [chunk] = await once(server, "data");
 * if (String(chunk) !== "hello") throw new Error(String(chunk));
 * server.destroy();
 * client.destroy();
 * ```
 */
export function toDuplex(connection: DuplexSource, options: ToDuplexOptions = {}): ConnectionDuplex {
  return new ConnectionDuplex(connection, options);
}

function familyOf(address: string): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}

function encodingOf(text: string): BufferEncoding {
  return Buffer.isEncoding(text) ? text : "utf8";
}

/** An error as Node's programs expect it: told apart by `code`. */
function nodeError(error: unknown, syscall: "read" | "write"): Error {
  const name = error instanceof Error ? error.name : "";
  const known = CODES[name] ?? (syscall === "write" ? BROKEN_PIPE : null);
  if (known === null) return error instanceof Error ? error : new Error(String(error));
  const [code, errno] = known;
  return Object.assign(new Error(`${syscall} ${code}`, { cause: error }), { code, errno, syscall });
}
