/**
 * One request and its answer.
 *
 * Owns: what a handler is given, what becomes of what it returns or throws, and of a client that goes meanwhile. Must not
 * know: how heads are read, other requests.
 */
import { beginningOf, type BodyBeginning } from "./answer_writer.ts";
import type { ExchangeEnd, ExchangeHost } from "./exchange_host.ts";
import { addressOf, type HttpInfo, type HttpStream } from "./http_options.ts";
import { RequestBody } from "./request_body.ts";
import type { RequestHead } from "./request_head.ts";
import { CONTINUE, framingOfAnswer, responseHead, switchingHead } from "./response_head.ts";
import { UpgradedConnection } from "./upgraded_stream.ts";

/** A change of protocol that a handler has begun. */
interface UpgradeOffer {
  readonly response: Response;
  readonly headers: Headers;
  readonly settle: { resolve(): void; reject(error: Error): void };
}

/** Answers a request; never rejects for what a handler does, but rejects when the connection has failed. */
export function exchange<Stream extends HttpStream>(
  connection: ExchangeHost<Stream>,
  head: RequestHead,
): Promise<ExchangeEnd> {
  const { counters, limits } = connection.shared;
  if (head.framing.kind === "sized" && head.framing.length > limits.bodyBytes) {
    return connection.refuse("body-too-long");
  }
  counters.requests++;
  return new Exchange(connection, head).run();
}

/** The state of one exchange. */
class Exchange<Stream extends HttpStream> {
  readonly #connection: ExchangeHost<Stream>;
  readonly #head: RequestHead;
  readonly #body: RequestBody | null;
  readonly #aborter = new AbortController();
  #offer: UpgradeOffer | null = null;
  /** Of the answer's body, while it is sent. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  /** Resolves when the server itself ends the connection. */
  readonly #ended = Promise.withResolvers<null>();
  #hasHead = false;
  #isGone = false;

  constructor(connection: ExchangeHost<Stream>, head: RequestHead) {
    this.#connection = connection;
    this.#head = head;
    const { framing } = head;
    this.#body = framing.kind === "none" ? null : this.#bodyOf(framing);
  }

  async run(): Promise<ExchangeEnd> {
    const { intake, shared, writer } = this.#connection;
    intake.watch(() => this.#sawEnd());
    this.#connection.onAbort = () => {
      this.#gone(new Error("The server has ended the connection"));
      this.#ended.resolve(null);
    };
    let response = await this.#handled();
    if (this.#offer !== null && response === this.#offer.response) return await this.#upgrade(this.#offer);
    this.#offer?.settle.reject(new TypeError("The handler has returned another response"));
    const refused = this.#body?.refused ?? null;
    if (response === null && refused !== null && !this.#isGone) {
      this.#leave();
      return await this.#connection.refuse(refused.reason);
    }
    response ??= failure();
    let end: ExchangeEnd;
    try {
      end = await this.#answer(response);
      shared.counters.responses++;
    } catch (error) {
      // The client has to see that it is not whole: there is no way to say it but to break the connection.
      if (!this.#isGone && intake.failure === undefined && !writer.hasFailed) this.#failed(error);
      this.#gone(error);
      this.#connection.abort();
      return "closed";
    } finally {
      this.#leave();
    }
    return end === "next" ? await this.#afterAnswer() : end;
  }

  #leave(): void {
    this.#connection.intake.watch(null);
    this.#connection.onAbort = null;
  }

  /** Null: the handler has thrown, or the server has ended the connection and does not wait for it. */
  async #handled(): Promise<Response | null> {
    try {
      const answering = this.#asked();
      const response = await Promise.race([answering, this.#ended.promise]);
      if (response === null) answering.then((late) => late.body?.cancel()).catch(() => {});
      return response;
    } catch (error) {
      const refused = this.#body?.refused ?? null;
      const isTold = refused !== null && error === refused;
      if (!isTold && !this.#isGone && !this.#connection.writer.hasFailed) this.#failed(error);
      return null;
    }
  }

  async #asked(): Promise<Response> {
    const response: unknown = await this.#connection.shared.handler(this.#request(), this.#info());
    if (!(response instanceof Response)) {
      throw new TypeError("A handler has returned something else than a Response");
    }
    // That of Response.error() is 0.
    if (response.status < 200) throw new TypeError("A handler has returned a Response without a status");
    return response;
  }

  #failed(error: unknown): void {
    const { counters, onError } = this.#connection.shared;
    counters.failures++;
    onError(error);
  }

  #request(): Request {
    const { method, url, fields } = this.#head;
    const headers = new Headers();
    for (const [name, value] of fields) headers.append(name, value);
    // A body of GET or HEAD means nothing (RFC 9110 §9.3.1), and a Request cannot have it: it is dropped.
    const body = method === "GET" || method === "HEAD" ? null : this.#body?.stream ?? null;
    return new Request(url, { method, headers, body, signal: this.#aborter.signal });
  }

  #info(): HttpInfo<Stream> {
    const { stream, requests } = this.#connection;
    const { target, minorVersion, upgrade } = this.#head;
    return {
      connection: stream,
      localAddr: addressOf(stream.localAddr),
      remoteAddr: addressOf(stream.remoteAddr),
      target,
      httpVersion: minorVersion > 0 ? "1.1" : "1.0",
      requestsBefore: requests - 1,
      wantsUpgrade: upgrade,
      upgrade: (headers) => this.#offerUpgrade(new Headers(headers)),
    };
  }

  #bodyOf(framing: ConstructorParameters<typeof RequestBody>[0]["framing"]): RequestBody {
    const { intake, shared, writer } = this.#connection;
    const { limits, patience, clock, counters } = shared;
    return new RequestBody({
      intake,
      framing,
      limits,
      patience,
      nowMs: () => clock.nowUs() / 1000,
      wakeAfter: (ms) => this.#connection.wakeAfter(ms),
      onWanted: this.#head.expectsContinue
        ? async () => {
          if (!this.#hasHead) await writer.write(CONTINUE);
        }
        : null,
      onBytes: (count) => counters.bodyBytesIn += count,
    });
  }

  #offerUpgrade(headers: Headers): ReturnType<HttpInfo["upgrade"]> {
    const { stream, intake } = this.#connection;
    if (this.#head.upgrade === null) throw new TypeError("The client has not asked to change the protocol");
    if (this.#offer !== null) throw new TypeError("The protocol is being changed already");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onClosed = () => this.#connection.leave();
    const upgraded = new UpgradedConnection({ stream, intake, ready: promise, onClosed });
    // A Response cannot have the status 101: this one only stands for it.
    const response = new Response(null);
    this.#offer = { response, headers, settle: { resolve, reject } };
    return { response, stream: upgraded };
  }

  async #upgrade(offer: UpgradeOffer): Promise<ExchangeEnd> {
    const { shared, writer } = this.#connection;
    this.#leave();
    try {
      await writer.write(switchingHead(offer.headers, shared.date()));
    } catch (error) {
      offer.settle.reject(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    shared.counters.upgrades++;
    offer.settle.resolve();
    return "upgraded";
  }

  async #answer(given: Response): Promise<ExchangeEnd> {
    const { writer, shared } = this.#connection;
    const { method, minorVersion } = this.#head;
    let response = given;
    let beginning: BodyBeginning = { first: new Uint8Array(0), length: 0, next: null };
    try {
      if (!hasBody(method, response)) this.#dropBody(response);
      else if (response.body !== null) beginning = await this.#beginningOf(response.body);
    } catch (error) {
      // Nothing is sent yet, so that it can still be said; and what made the body can let go what it holds.
      this.#reader?.cancel(error).catch(() => {});
      this.#failed(error);
      response = failure();
      this.#reader = response.body?.getReader() ?? null;
      beginning = { first: new TextEncoder().encode(FAILURE), length: FAILURE.length, next: null };
    }
    const said = lengthSaid(response);
    const reader = this.#reader;
    const length = hasBody(method, response) ? (reader === null ? 0 : said ?? beginning.length) : said;
    const framing = framingOfAnswer({ status: response.status, method, minorVersion, length });
    const keeps = this.#keeps(response) && framing.kind !== "until-close";
    this.#hasHead = true;
    const head = responseHead({
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
      framing,
      connection: keeps ? (minorVersion > 0 ? null : "keep-alive") : "close",
      date: shared.date(),
    });
    try {
      await writer.send(head, { framing, beginning, reader, atEnd: () => this.#demandClient() });
    } catch (error) {
      reader?.cancel(error).catch(() => {});
      throw error;
    }
    return keeps ? "next" : "linger";
  }

  async #beginningOf(body: ReadableStream<Uint8Array>): Promise<BodyBeginning> {
    this.#reader = body.getReader();
    const beginning = await beginningOf(this.#reader);
    if (this.#isGone) this.#reader.cancel(this.#aborter.signal.reason).catch(() => {});
    return beginning;
  }

  /** Nobody wants it. How long whoever made it takes to hear that is nothing for the client to wait for. */
  #dropBody({ body }: Response): void {
    body?.cancel().catch((error) => this.#failed(error));
  }

  /** The body of an answer that is given to nobody ends as well, but is not whole. */
  #demandClient(): void {
    if (this.#isGone) throw this.#aborter.signal.reason;
  }

  #keeps(response: Response): boolean {
    const { isEnding, intake, requests, shared } = this.#connection;
    if (!this.#head.keepAlive || isEnding || requests >= shared.limits.requests) return false;
    // What a client has sent ahead before its FIN is answered too.
    if (intake.isAtEnd && intake.count === 0) return false;
    if (/(?:^|,)\s*close\s*(?:,|$)/i.test(response.headers.get("connection") ?? "")) return false;
    const body = this.#body;
    if (body === null || body.isDone) return true;
    // Who waits for 100 and gets an answer may send the body or not: nobody knows what comes next (RFC 9110 §10.1.1).
    const mayNotCome = this.#head.expectsContinue && !body.wasWanted;
    return body.refused === null && !mayNotCome && (body.wasWanted || !body.isTooLongToDrop);
  }

  async #afterAnswer(): Promise<ExchangeEnd> {
    const { intake } = this.#connection;
    if (this.#body !== null && !this.#body.isDone && !await this.#body.drop()) return "linger";
    return intake.isAtEnd && intake.count === 0 ? "linger" : "next";
  }

  #sawEnd(): void {
    const { intake, shared } = this.#connection;
    if (intake.failure !== undefined) this.#gone(intake.failure);
    else if (shared.onHalfClose === "abort") this.#gone(new Error("The client has closed the connection"));
  }

  #gone(error: unknown): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#connection.shared.counters.aborted++;
    this.#aborter.abort(error);
    // It may have nothing to give for a long time, and would not hear of it from a write that fails.
    this.#reader?.cancel(error).catch(() => {});
  }
}

const FAILURE = "500: the server has failed to answer this\n";

function hasBody(method: string, { status }: Response): boolean {
  return method !== "HEAD" && ![204, 205, 304].includes(status);
}

function failure(): Response {
  return new Response(FAILURE, { status: 500, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** The length that a handler has said; null where it has said none. */
function lengthSaid(response: Response): number | null {
  const said = response.headers.get("content-length");
  return said !== null && /^\d+$/.test(said) && Number.isSafeInteger(Number(said)) ? Number(said) : null;
}
