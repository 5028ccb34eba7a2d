/**
 * HTTP/1.1 on connections: a Request in, a Response out (RFC 9110, RFC 9112).
 *
 * Owns: the connections of a server, how many there may be, and the end of all. Must not know: devices, TCP; whatever has
 * `read`, `write` and `close` will do.
 */
import { systemClock } from "../runtime/clock.ts";
import { Deadlines } from "./deadlines.ts";
import type { ServerShared } from "./exchange_host.ts";
import { HeadParser } from "./head_parser.ts";
import { HttpConnection } from "./http_connection.ts";
import { BufferBudget } from "./intake.ts";
import {
  type HttpHandler,
  type HttpListener,
  type HttpOptions,
  type HttpStream,
  limitsOf,
  patienceOf,
} from "./http_options.ts";
import { HttpCounters, type HttpStats } from "./http_stats.ts";

/** Local choice: milliseconds before a listener is asked again that has failed to accept (no descriptors are left). */
const ACCEPT_PAUSE_MS = 100;
/** Local choice: so many failures in a row are no passing trouble. */
const MOST_ACCEPT_FAILURES = 100;

/** How {@link HttpServer.shutdown} ends. */
export interface HttpShutdownOptions {
  /** Answers that have not been given by then are broken off, milliseconds (no end). */
  readonly graceMs?: number;
}

/** A server of connections that somebody gives it; {@link serveHttp} gives it a listener's. */
export class HttpServer<Stream extends HttpStream = HttpStream> implements AsyncDisposable {
  /** Resolves when the server has been shut down, and its last connection is over. */
  readonly finished: Promise<void>;
  readonly #shared: ServerShared<Stream>;
  readonly #connections = new Set<HttpConnection<Stream>>();
  readonly #upgraded = new Set<HttpConnection<Stream>>();
  readonly #finish: () => void;
  #isEnding = false;
  #stopAccepting: () => void = () => {};

  /** Throws a RangeError for limits that cannot be kept. */
  constructor(handler: HttpHandler<Stream>, options: HttpOptions = {}) {
    const clock = options.clock ?? systemClock();
    const limits = limitsOf(options);
    this.#shared = {
      handler,
      limits,
      patience: patienceOf(options),
      onHalfClose: options.onHalfClose ?? "answer",
      onError: guarded(options.onError),
      counters: new HttpCounters(),
      deadlines: new Deadlines(clock),
      budget: new BufferBudget(limits.bufferBytes),
      clock,
      parser: new HeadParser(),
      date: dateText(() => (clock.epochUs + clock.nowUs()) / 1000),
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  /** What was counted so far. */
  stats(): HttpStats {
    return this.#shared.counters.snapshot(this.#connections.size + this.#upgraded.size);
  }

  /** Serves one connection, which belongs to the server from now on. Resolves when it is over; never rejects. */
  async serve(stream: Stream): Promise<void> {
    const { counters } = this.#shared;
    counters.connections++;
    const connection = new HttpConnection(stream, this.#shared);
    if (this.#isEnding) return connection.abort();
    if (!this.#hasRoom()) return await connection.turnAway();
    this.#connections.add(connection);
    const end = await connection.run();
    this.#connections.delete(connection);
    if (end === "upgraded") {
      this.#upgraded.add(connection);
      await connection.left;
      connection.intake.release();
      this.#upgraded.delete(connection);
    }
    this.#finishIfEmpty();
  }

  /** Serves what a listener accepts, until one of the two is closed. */
  async accept(listener: HttpListener<Stream>): Promise<void> {
    const { clock, onError } = this.#shared;
    let isClosed = false;
    this.#stopAccepting = () => {
      if (isClosed) return;
      isClosed = true;
      try {
        listener.close();
      } catch {
        // It was closed already.
      }
    };
    let failures = 0;
    while (!this.#isEnding) {
      try {
        const stream = await listener.accept();
        failures = 0;
        void this.serve(stream);
      } catch (error) {
        if (isClosed || isEndOfListener(error)) break;
        onError(error);
        if (++failures >= MOST_ACCEPT_FAILURES) break;
        await new Promise<void>((resolve) => clock.after(ACCEPT_PAUSE_MS * 1000, resolve));
      }
    }
    this.#begin();
  }

  /**
   * Accepts no more, closes connections without a request, lets the others finish their answer, and closes in the end those
   * that were upgraded. Resolves when all are over.
   */
  async shutdown(options: HttpShutdownOptions = {}): Promise<void> {
    this.#begin();
    const { graceMs = Infinity } = options;
    const cancel = this.#shared.clock.after(graceMs * 1000, () => this.abort());
    await this.finished;
    cancel();
  }

  /** Ends everything at once; answers under way are broken off, and their signals tell. */
  abort(): void {
    this.#begin();
    for (const connection of [...this.#connections, ...this.#upgraded]) connection.abort();
  }

  /** As {@link HttpServer.shutdown} without a bound. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #begin(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#stopAccepting();
    for (const connection of this.#connections) connection.end();
    this.#finishIfEmpty();
  }

  #finishIfEmpty(): void {
    if (!this.#isEnding || this.#connections.size > 0) return;
    for (const connection of this.#upgraded) connection.abort();
    if (this.#upgraded.size === 0) this.#finish();
  }

  /** The connection that has waited longest for a request has the least to lose. */
  #hasRoom(): boolean {
    if (this.#connections.size + this.#upgraded.size < this.#shared.limits.connections) return true;
    let oldest: HttpConnection<Stream> | null = null;
    for (const connection of this.#connections) {
      const { idleSinceUs, isEnding } = connection;
      if (idleSinceUs === null || isEnding) continue;
      if (oldest === null || idleSinceUs < (oldest.idleSinceUs ?? Infinity)) oldest = connection;
    }
    if (oldest === null) return false;
    this.#shared.counters.displaced++;
    this.#connections.delete(oldest);
    oldest.end();
    return true;
  }
}

/**
 * Serves HTTP/1.1 on what a listener accepts: one of this library, or `Deno.listen`'s. The listener belongs to the server.
 *
 * ```ts
 * import { createStack, memoryPair } from "@tcplab/tcplab";
 * import { serveHttp } from "@tcplab/tcplab/http";
 *
 * const [a, b] = memoryPair();
 * await using server = createStack({ link: a, addresses: "10.0.0.1/24" });
 * await using client = createStack({ link: b, addresses: "10.0.0.2/24" });
 * await using http = serveHttp(server.listen({ port: 80 }), (request, { connection }) =>
 *   new Response(`${request.method}: ${connection.state}`));
 *
 * const connection = await client.connect({ hostname: "10.0.0.1", port: 80 });
 * await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"));
 * const answer = await new Response(connection.readable).text();
 * connection.close();
 * if (!answer.endsWith("GET: ESTABLISHED")) throw new Error(answer);
 * if (http.stats().requests !== 1) throw new Error("it was one request");
 * ```
 */
export function serveHttp<Stream extends HttpStream>(
  listener: HttpListener<Stream>,
  handler: HttpHandler<Stream>,
  options: HttpOptions = {},
): HttpServer<Stream> {
  const server = new HttpServer<Stream>(handler, options);
  void server.accept(listener);
  return server;
}

/** Both kinds of listener say so when they are closed. */
function isEndOfListener(error: unknown): boolean {
  return error instanceof Error && (error.name === "BadResource" || error.name === "Interrupted");
}

/** Whoever is told of errors must not make more of them. */
function guarded(onError: HttpOptions["onError"]): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch {
      // It was told, that has to do.
    }
  };
}

/** The Date field's text (RFC 9110 §5.6.7), made once a second. */
function dateText(nowMs: () => number): () => string {
  let second = NaN;
  let text = "";
  return () => {
    const now = Math.floor(nowMs() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}
