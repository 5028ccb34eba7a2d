/**
 * An HTTP server on connections in memory and on a virtual clock; the test is the client, octet by octet.
 *
 * Owns: the connections, and letting everything happen that needs no time. Must not know: what a test expects.
 */
import { type HttpHandler, type HttpOptions, type HttpStream } from "../../src/http/http_options.ts";
import { HttpServer } from "../../src/http/http_server.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";

/** Turns of the microtask queue after which nothing moves any more without time or octets. */
const TURNS = 400;

/** Lets all happen that waits for nothing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await null;
}

/** The server's end of a connection, and what the test does at the other. */
export class WireEnd implements HttpStream {
  readonly localAddr = { transport: "tcp", hostname: "10.0.0.1", port: 80 };
  readonly remoteAddr = { transport: "tcp", hostname: "10.0.0.2", port: 40000 };
  /** What the server has done to it besides writing, in order. */
  readonly acts: string[] = [];
  /** Octets that it takes before a write waits. */
  room = Infinity;
  #written: Uint8Array[] = [];
  #came: Uint8Array[] = [];
  #isAtEnd = false;
  #error: Error | null = null;
  #wakeReader: (() => void) | null = null;
  #wakeWriter: (() => void) | null = null;

  /** The client sends. */
  push(octets: string | Uint8Array): void {
    this.#came.push(typeof octets === "string" ? latin1(octets) : octets);
    this.#wakeReader?.();
  }

  /** The client sends FIN. */
  end(): void {
    this.#isAtEnd = true;
    this.#wakeReader?.();
  }

  /** The client sends RST. */
  reset(): void {
    this.#error = new Error("reset by the peer");
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The client reads so much more. */
  take(count: number): void {
    this.room += count;
    this.#wakeWriter?.();
  }

  /** What the server has written since the last call, a letter an octet. */
  text(): string {
    let text = "";
    for (const piece of this.#written) for (const octet of piece) text += String.fromCharCode(octet);
    this.#written = [];
    return text;
  }

  /** How many octets wait unread. */
  get unread(): number {
    return this.#came.reduce((sum, { length }) => sum + length, 0);
  }

  get isClosed(): boolean {
    return this.acts.includes("close") || this.acts.includes("abort");
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#came.length === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.isClosed) throw new Error("closed");
      if (this.#isAtEnd) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const [first] = this.#came;
    const piece = first.subarray(0, into.length);
    into.set(piece);
    if (piece.length === first.length) this.#came.shift();
    else this.#came[0] = first.subarray(piece.length);
    return piece.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.room === 0 && this.#error === null && !this.isClosed) {
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
    if (this.#error !== null) throw this.#error;
    if (this.isClosed) throw new Error("closed");
    const piece = bytes.slice(0, Math.min(bytes.length, this.room));
    this.room -= piece.length;
    this.#written.push(piece);
    return piece.length;
  }

  closeWrite(): Promise<void> {
    this.acts.push("closeWrite");
    return Promise.resolve();
  }

  close(): void {
    this.#over("close");
  }

  abort(): void {
    this.#over("abort");
  }

  #over(act: string): void {
    this.acts.push(act);
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }
}

/** See the head of this file. */
export class HttpScene {
  readonly clock = new VirtualClock({ epochUs: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 });
  readonly server: HttpServer<WireEnd>;
  /** What {@link HttpOptions.onError} was told. */
  readonly errors: unknown[] = [];

  constructor(handler: HttpHandler<WireEnd> = describe, options: HttpOptions = {}) {
    this.server = new HttpServer<WireEnd>(handler, {
      ...options,
      clock: this.clock,
      onError: (error) => this.errors.push(error),
    });
  }

  /** A connection from now on. */
  connect(): WireEnd {
    const wire = new WireEnd();
    void this.server.serve(wire);
    return wire;
  }

  /** What a client gets that sends this, and nothing else, on a connection of its own. */
  async ask(octets: string | Uint8Array): Promise<string> {
    const wire = this.connect();
    wire.push(octets);
    await settle();
    return wire.text();
  }

  /** Time goes by. */
  async pass(ms: number): Promise<void> {
    await settle();
    this.clock.advance(ms * 1000);
    await settle();
  }

  /** Reasons that were counted, with how often. */
  refusals(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.server.stats().refused).filter(([, count]) => count > 0));
  }
}

/** Says what it was asked, and what came with it. */
export async function describe(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return new Response(`${request.method} ${pathname}${search} ${await request.text()}`);
}

/** One octet a letter. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The body of an answer that stands alone in `text`. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

/** A field of an answer; null where it is missing. */
export function fieldOf(text: string, name: string): string | null {
  const head = text.slice(0, text.indexOf("\r\n\r\n"));
  return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim() ?? null;
}

/** The status of an answer. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}
