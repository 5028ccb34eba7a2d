/**
 * What a user of the HTTP server gives and gets: connections, handler, limits, patience.
 *
 * Owns: these shapes and the defaults. Must not know: how they are kept.
 */
import type { Clock } from "../runtime/clock.ts";

/** One end of a connection. */
export interface HttpAddress {
  /** Text of the IP address. */
  readonly hostname: string;
  /** Port of TCP. */
  readonly port: number;
}

/** What a connection has to offer: `Connection` of this library does, and so does `Deno.TcpConn`. */
export interface HttpStream {
  /** Any more precise type: `Deno.NetAddr`. */
  readonly localAddr: object;
  /** The same of the other end. */
  readonly remoteAddr: object;
  /** Resolves to how many octets came, or to null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves to how many octets were taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** FIN; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends it, in order where that can be. */
  close(): void;
  /** Ends it with RST where there is such a thing; `close` does where there is not. */
  abort?(): void;
  /** Nagle's algorithm off, which answers in one write have no use for. */
  setNoDelay?(on?: boolean): void;
}

/** What a listener has to offer: `Listener` of this library does, and so does `Deno.TcpListener`. */
export interface HttpListener<Stream extends HttpStream> {
  /** Where it listens. */
  readonly addr: object;
  /** The next connection. Rejects with an error called BadResource or Interrupted once it is closed. */
  accept(): Promise<Stream>;
  /** Stops listening. */
  close(): void;
}

/** A connection that speaks HTTP no more; what had been read of it already comes first. */
export interface UpgradedStream extends Disposable {
  /** Our end. */
  readonly localAddr: HttpAddress;
  /** The other end. */
  readonly remoteAddr: HttpAddress;
  /** Resolves to how many octets came, or to null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves to how many octets were taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** FIN; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends it. */
  close(): void;
  /** What comes, as a stream; cancelling it closes the connection. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What goes, as a stream; closing it is `closeWrite`. */
  readonly writable: WritableStream<Uint8Array>;
}

/** What is known about a request besides itself. */
export interface HttpInfo<Stream extends HttpStream = HttpStream> {
  /** What it came on, to be looked at: of one of this library's `info()` gives every figure. */
  readonly connection: Stream;
  /** Our end. */
  readonly localAddr: HttpAddress;
  /** The client's end. */
  readonly remoteAddr: HttpAddress;
  /** The target as it came: `/a/../b`, where the request's URL says `/b`. */
  readonly target: string;
  /** What the client speaks; whatever is newer counts as 1.1. */
  readonly httpVersion: "1.0" | "1.1";
  /** How many requests came before on this connection. */
  readonly requestsBefore: number;
  /** The protocols that the client asks to change to (`websocket`); null where it does not. */
  readonly wantsUpgrade: string | null;
  /**
   * Changes to another protocol (RFC 9110 §7.8): the handler returns `response`, which is sent as 101 with these fields, and
   * talks over `stream`, which is its own from then on. Throws a TypeError where the client has not asked for it.
   */
  upgrade(headers: HeadersInit): { readonly response: Response; readonly stream: UpgradedStream };
}

/** Answers one request. What it throws is answered with 500, and told to {@link HttpOptions.onError}. */
export type HttpHandler<Stream extends HttpStream = HttpStream> = (
  request: Request,
  info: HttpInfo<Stream>,
) => Response | Promise<Response>;

/** Bounds: what a stranger can make the server hold. All are local choices. */
export interface HttpLimits {
  /** Octets of a head, its first line included (16 KiB; 80 KiB at most): 431. */
  readonly headBytes: number;
  /** Octets of a request's target (8 KiB): 414. */
  readonly urlBytes: number;
  /** Fields of a head (100): 431. */
  readonly fields: number;
  /** Octets of a body (64 MiB); it is never held as a whole, this is for handlers that do so: 413. */
  readonly bodyBytes: number;
  /** Octets of chunk extensions of a body in all, and of its trailer section (8 KiB): 400, 431. */
  readonly chunkOverheadBytes: number;
  /**
   * Octets that are taken beyond the request at hand (64 KiB): requests that a client sends without waiting for answers, and
   * bodies before the handler reads them. What does not fit stays in TCP's window.
   */
  readonly readAheadBytes: number;
  /**
   * What the buffers of all connections may take up together beyond {@link HttpLimits.headBytes} each (64 MiB); when it is used
   * up, bodies are read in smaller pieces.
   */
  readonly bufferBytes: number;
  /** Octets of a body that are read and dropped after an answer that did not want them (256 KiB); beyond, the connection is closed. */
  readonly dropBytes: number;
  /** Connections at a time (4096). One more takes the place of one that waits between requests; where none does: 503. */
  readonly connections: number;
  /** Requests on a connection (no bound). */
  readonly requests: number;
}

/** Patience, milliseconds; all are local choices. */
export interface HttpPatience {
  /** From a head's first octet to its last (10 s): 408. */
  readonly headMs: number;
  /** Without a request (60 s): closed. */
  readonly idleMs: number;
  /**
   * Waiting for octets of a body that the handler reads (30 s; waiting uses it up, and each 512 octets that come give a second
   * back): 408.
   */
  readonly bodyMs: number;
  /** For a client to take some of its answer (60 s; waiting uses it up, and each 512 octets taken give a second back): reset. */
  readonly writeMs: number;
  /** For a client to see a last answer and to close (2 s). */
  readonly lingerMs: number;
}

/** How {@link serveHttp} serves. */
export interface HttpOptions {
  /** Bounds other than the defaults. */
  readonly limits?: Partial<HttpLimits>;
  /** Patience other than the defaults. */
  readonly patience?: Partial<HttpPatience>;
  /**
   * What a client's FIN means while its request is answered: that it has said all (`answer`, the default: the answer is
   * sent, then the connection ends), or that it has gone (`abort`: the request's signal tells at once).
   */
  readonly onHalfClose?: "answer" | "abort";
  /** Told what a handler or the body of its answer has thrown, and why connections cannot be accepted. */
  readonly onError?: (error: unknown) => void;
  /** The system's when absent. */
  readonly clock?: Clock;
}

const DEFAULT_LIMITS: HttpLimits = {
  headBytes: 16 * 1024,
  urlBytes: 8 * 1024,
  fields: 100,
  bodyBytes: 64 * 1024 * 1024,
  chunkOverheadBytes: 8 * 1024,
  readAheadBytes: 64 * 1024,
  bufferBytes: 64 * 1024 * 1024,
  dropBytes: 256 * 1024,
  connections: 4096,
  requests: Infinity,
};

const DEFAULT_PATIENCE: HttpPatience = {
  headMs: 10_000,
  idleMs: 60_000,
  bodyMs: 30_000,
  writeMs: 60_000,
  lingerMs: 2_000,
};

/** Local choice: octets a second, of a body or an answer, that are slow, but no attack. */
export const LEAST_BYTES_A_SECOND = 512;
/** The parser that heads go through takes no more. */
const MOST_HEAD_BYTES = 80 * 1024;
/** Local choice: no buffer of one connection is larger. */
const MOST_READ_AHEAD = 16 * 1024 * 1024;
/** Less holds no request. */
const LEAST_BYTES = 64;

/** Limits with the defaults. Throws a RangeError for what cannot be kept. */
export function limitsOf(options: HttpOptions): HttpLimits {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= 0)) throw new RangeError(`limits.${name} is ${value}: a number from 0 on is needed`);
  }
  const { headBytes, readAheadBytes } = limits;
  if (headBytes < LEAST_BYTES || headBytes > MOST_HEAD_BYTES) {
    throw new RangeError(`limits.headBytes is ${headBytes}: from ${LEAST_BYTES} to ${MOST_HEAD_BYTES}`);
  }
  // The first octet too many of a head has to fit into what is taken.
  return { ...limits, readAheadBytes: Math.max(Math.min(readAheadBytes, MOST_READ_AHEAD), headBytes + 1) };
}

/** Patience with the defaults. */
export function patienceOf(options: HttpOptions): HttpPatience {
  return { ...DEFAULT_PATIENCE, ...options.patience };
}

/** An address as Deno's and ours have it; what has none (a pair in memory) is "localhost". */
export function addressOf(address: object): HttpAddress {
  const hostname = "hostname" in address && typeof address.hostname === "string"
    ? address.hostname
    : "localhost";
  const port = "port" in address && typeof address.port === "number" ? address.port : 0;
  return { hostname, port };
}

/** `HOST:PORT` as a URL has it; port 80 is not said. */
export function hostText({ hostname, port }: HttpAddress): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === 80 || port === 0 ? host : `${host}:${port}`;
}
