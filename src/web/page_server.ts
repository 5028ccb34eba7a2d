/**
 * The live page's server: HTTP and WebSocket on a loopback address.
 *
 * Owns: the address, what each path is answered with, the headers that keep a browser to this page, and the end. Must not
 * know: who may ask (page_access.ts), what is shown (src/page), what the server does with a segment.
 *
 * It is opened before the program gives up its rights, and answers "not yet" until it is given a server.
 */
import { findExplanations } from "../observe/explanation.ts";
import { headingOf } from "../observe/server_answers.ts";
import { connectionSnapshot } from "../observe/server_snapshot.ts";
import { faultCounters } from "../runtime/summary.ts";
import { judgeRequest, newToken } from "./page_access.ts";
import { headers, messageOf, text, whyNoAddress } from "./page_answers.ts";
import {
  changeApplication,
  changeFaults,
  type CommandAnswer,
  endConnection,
  findConnection,
} from "./page_commands.ts";
import { PageNotices } from "./page_notices.ts";
import { PagePace } from "./page_pace.ts";
import type { PageSubject } from "./page_subject.ts";
import { metricsText } from "./prometheus.ts";
import { snapshotStream } from "./snapshot_stream.ts";
import type { StreamClient } from "./stream_client.ts";
import { LINGER_MS, type Repeat, StreamHub } from "./stream_hub.ts";

/** Local choice: a specification of faults has a tenth of it. */
const MOST_BODY_BYTES = 4096;
/** Local choice: `{"subscribe": 123456}` with room. */
const MOST_MESSAGE_LETTERS = 256;
/** Seconds after which a page that does not answer a ping is gone: a laptop that was shut. */
const IDLE_SECONDS = 30;
/** Local choice: milliseconds in which an answer is read by whoever reads it at all. */
const END_PATIENCE_MS = 300;
const WANTED = { what: "live page", command: "serve --ui", option: "--ui", otherPort: 8034 };
/** Where the document wants the number used once that its script and style must show. */
const NONCE = "NONCE_OF_THIS_ANSWER";

/** Where the page is, and what it is. */
interface PageServerOptions {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  /** The document; its script and style carry the nonce {@link NONCE}. */
  readonly document: () => Promise<string>;
  readonly version: string;
  /** Told, in one line, that the page has ended before it was to, or has failed: whoever serves goes on. */
  readonly onBroken?: (line: string) => void;
  /** Calls again and again; the system's timer when absent. */
  readonly repeat?: Repeat;
}

/** A page's server cannot be; the message is one line for a person. */
export class PageServerError extends Error {
  override name = "PageServerError";
}

/** A server, and what pages do with it. */
interface Shown {
  readonly subject: PageSubject;
  readonly hub: StreamHub;
  readonly pace: PagePace;
  readonly notices: PageNotices;
}

/** See the head of this file. */
export class PageServer implements AsyncDisposable {
  /** The page's whole address, the token included. */
  readonly url: string;
  readonly #token = newToken();
  readonly #options: PageServerOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #sockets = new Set<WebSocket>();
  #shown: Shown | null = null;
  #isEnding = false;
  /** Nobody is told anything any more. */
  #isOver = false;
  #hasFailed = false;

  /** Takes the port. Throws {@link PageServerError}. */
  constructor(options: PageServerOptions) {
    this.#options = options;
    const { hostname, port } = options;
    try {
      this.#server = Deno.serve({
        hostname,
        port,
        onListen: () => {},
        onError: (error) => {
          return json(500, { error: `This answer could not be made: ${messageOf(error)}` });
        },
      }, (request) => this.#answer(request));
    } catch (error) {
      throw new PageServerError(whyNoAddress(error, { ...WANTED, hostname, port }));
    }
    // Any user of this machine can open so many connections that no descriptor is left. That ends a page, never a server;
    // and it is not opened anew, since by then the port may be somebody else's.
    this.#server.finished.catch((error) => {
      this.ends("the live page's server has ended");
      this.#leavePages();
      // Whoever took the descriptors holds them until his connections are closed, and the server needs some.
      this.#server.shutdown().catch(() => {});
      options.onBroken?.(
        `The live page has ended (${
          messageOf(error)
        }): the server goes on without it. Start again for a page`,
      );
    });
    const shownHost = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.url = `http://${shownHost}:${this.#server.addr.port}/?token=${this.#token}`;
  }

  /** From here on there is something to show. */
  show(subject: PageSubject): void {
    const { version, repeat: repeats = repeatByTimer } = this.#options;
    const repeat: Repeat = (act, ms) => repeats(() => this.#guarded(act), ms);
    const notices = new PageNotices({ tell: subject.tell, repeat });
    const pace = new PagePace({
      subject,
      pages: () => hub.clients,
      expect: () => hub.expect(),
      tell: notices.tell,
    });
    const hub = new StreamHub({
      subject,
      version,
      repeat,
      nowMs: () => Date.now(),
      onTurn: () => pace.look(),
      onLeft: () => pace.letGo(`no live page has been open for ${LINGER_MS / 1000} seconds`),
    });
    this.#shown = { subject, hub, pace, notices };
  }

  /** How many pages look on. */
  get pages(): number {
    return this.#shown?.hub.clients ?? 0;
  }

  /** From here on the server is not steered from here, only looked at, and what was paused from here goes on: it is to end. */
  ends(why = "the server ends"): void {
    this.#isEnding = true;
    this.#shown?.pace.letGo(why);
    this.#shown?.notices.end();
  }

  /** Ends all answers under way; who has not read his when `patience` resolves (a third of a second) goes without. */
  async close(patience?: Promise<unknown>): Promise<void> {
    this.ends();
    this.#leavePages();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const usual = () => new Promise<void>((resolve) => timer = setTimeout(resolve, END_PATIENCE_MS));
    // One that has broken has ended already.
    await Promise.race([this.#server.shutdown().catch(() => {}), patience ?? usual()]);
    clearTimeout(timer);
  }

  #leavePages(): void {
    this.#isOver = true;
    this.#shown?.hub.end();
    for (const socket of this.#sockets) closeQuietly(socket, 1001);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: Request): Promise<Response> {
    const refusal = judgeRequest(request, this.#token);
    if (refusal !== null) return text(refusal.status, refusal.message);
    const { pathname } = new URL(request.url);
    if (request.method === "POST") return await this.#obey(pathname, request);
    if (pathname === "/") return await this.#document();
    const shown = this.#shown;
    if (shown === null) return notYet();
    const { subject, hub } = shown;
    if (pathname === "/api/stream") return this.#stream(request, hub);
    if (pathname === "/api/snapshot") {
      return new Response(snapshotStream(subject.speaker), { headers: headers("application/json") });
    }
    if (pathname === "/metrics") {
      const { speaker, linkStats, injector } = subject;
      const { establishedCount: established } = speaker.host;
      const heading = headingOf(speaker);
      const faults = faultCounters(injector?.faultCounts() ?? null);
      const body = metricsText({ heading, established, faults, link: linkStats(), pages: hub.clients });
      return new Response(body, { headers: headers("text/plain; version=0.0.4; charset=utf-8") });
    }
    const why = /^\/api\/why\/([A-Za-z0-9._-]{1,80})$/.exec(pathname)?.[1];
    if (why !== undefined) return json(200, findExplanations(why));
    const id = /^\/api\/connections\/(\d{1,15})$/.exec(pathname)?.[1];
    return id === undefined ? notFound() : figuresOf(subject, Number(id));
  }

  async #document(): Promise<Response> {
    const nonce = newToken();
    const document = (await this.#options.document()).replaceAll(NONCE, nonce);
    const policy = [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
    return new Response(document, {
      headers: { ...headers("text/html; charset=utf-8"), "content-security-policy": policy },
    });
  }

  async #obey(pathname: string, request: Request): Promise<Response> {
    const shown = this.#shown;
    if (shown === null) return notYet();
    if (this.#isEnding) return text(503, "The server ends");
    const { subject, pace, notices } = shown;
    if (pathname === "/api/faults" || pathname === "/api/apps") {
      const body = await readBody(request);
      if (body === "too-long") return text(413, `A request here has ${MOST_BODY_BYTES} bytes at most`);
      const change = pathname === "/api/faults" ? changeFaults : changeApplication;
      return answered(change(subject, { body, tell: notices.tell }));
    }
    await request.body?.cancel();
    const how = /^\/api\/(pause|step|resume)$/.exec(pathname)?.[1];
    if (how === "pause" || how === "step" || how === "resume") {
      // A browser says on whose behalf it asks (Fetch §3.2), a program does not.
      return answered(pace.change(how, request.headers.has("origin")));
    }
    const [, id, end] = /^\/api\/connections\/(\d{1,15})\/(close|abort)$/.exec(pathname) ?? [];
    if (end === "close" || end === "abort") {
      return answered(endConnection(subject, { id: Number(id), how: end }));
    }
    return notFound();
  }

  /** Whoever looks on must not end the server: what goes wrong is said, once, and the next turn may be well again. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const defect = "a defect of tcplab's live page: the server goes on";
      this.#options.onBroken?.(`The live page has failed: ${messageOf(error)} (${defect})`);
    }
  }

  #stream(request: Request, hub: StreamHub): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return text(426, "This is a WebSocket: the page opens it");
    }
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: IDLE_SECONDS });
    let client: StreamClient | null = null;
    this.#sockets.add(socket);
    socket.onopen = () =>
      this.#guarded(() => {
        // It was on its way when all others were told to go.
        if (this.#isOver) return closeQuietly(socket, 1001);
        client = hub.add(socket);
        if (client === null) socket.close(1013, "too many pages look on: close one");
      });
    socket.onmessage = ({ data }) =>
      this.#guarded(() => {
        // Of one that has been told to go nothing more is heard.
        if (socket.readyState !== WebSocket.OPEN) return;
        const wish = typeof data === "string" && data.length <= MOST_MESSAGE_LETTERS
          ? wishIn(data)
          : undefined;
        if (wish === undefined) socket.close(1008, 'expected {"subscribe": ID} or {"subscribe": null}');
        else if (client !== null && !hub.subscribe(client, wish)) socket.close(1008, "too many wishes");
      });
    socket.onclose = () => {
      this.#sockets.delete(socket);
      if (client !== null) hub.remove(client);
    };
    // What follows it is a close.
    socket.onerror = () => {};
    return response;
  }
}

function figuresOf(subject: PageSubject, id: number): Response {
  const { speaker } = subject;
  speaker.enter();
  const connection = findConnection(subject, id);
  if (connection === null) return json(404, { error: `There is no connection ${id} (any more)` });
  return json(200, connectionSnapshot(connection.info(), speaker.appOf(connection.localPort, connection)));
}

/** The number of a connection, null for none; undefined for what is no wish. */
function wishIn(message: string): number | null | undefined {
  try {
    const value: unknown = JSON.parse(message);
    if (typeof value !== "object" || value === null || !("subscribe" in value)) return undefined;
    const { subscribe } = value;
    if (subscribe === null) return null;
    return typeof subscribe === "number" && Number.isSafeInteger(subscribe) ? subscribe : undefined;
  } catch {
    return undefined;
  }
}

/** The body as JSON; undefined where it is none. */
async function readBody(request: Request): Promise<unknown | "too-long"> {
  let length = 0;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of request.body ?? []) {
    length += piece.length;
    if (length > MOST_BODY_BYTES) return "too-long";
    pieces.push(new Uint8Array(piece));
  }
  try {
    return JSON.parse(await new Blob(pieces).text());
  } catch {
    return undefined;
  }
}

function json(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: headers("application/json") });
}

function answered({ status, body }: CommandAnswer): Response {
  return json(status, body);
}

function notFound(): Response {
  return text(404, "There is nothing here");
}

function notYet(): Response {
  return text(503, "The server is starting: try again in a moment");
}

function closeQuietly(socket: WebSocket, code: number): void {
  try {
    socket.close(code, "the server ends");
  } catch {
    // Closed already, or not open yet.
  }
}

const repeatByTimer: Repeat = (act, ms) => {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
};
