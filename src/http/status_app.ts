/**
 * What `serve --app http` shows without a directory: the connection that the request came on, and things to measure with.
 *
 * Owns: its paths and their answers. Must not know: TCP, devices; a connection tells its own figures.
 *
 * `/` a page, `/tcb.json` the figures of the connection that asks, `/events` the same again and again (server-sent events),
 * `/time`, `/bytes/N` a body of N octets, `POST /upload` counts what it gets and sums it up.
 */
import type { Clock } from "../runtime/clock.ts";
import type { ConnectionInfo } from "../tcp/info.ts";
import type { HttpInfo, HttpStream } from "./http_options.ts";
import { STATUS_PAGE, STATUS_POLICY } from "./status_page.ts";

/** A connection that can be looked at. */
export interface ObservableStream extends HttpStream {
  info(): ConnectionInfo;
}

/** A sum that is made as octets come. */
export interface RunningHash {
  update(octets: Uint8Array): void;
  /** In hexadecimal letters. */
  digest(): string;
}

/** What the application needs of the world. */
export interface StatusWorld {
  readonly clock: Clock;
  readonly sha256: () => RunningHash;
  /** Who watches `/events`; one for all requests. */
  readonly watchers: Watchers;
}

/** How many watch at a time: figures four times a second for ten thousand would leave no time for anything else. */
export class Watchers {
  #count = 0;

  /** What lets the place go, once; null where there is none. */
  enter(): (() => void) | null {
    if (this.#count >= MOST_WATCHERS) return null;
    this.#count++;
    let isIn = true;
    return () => {
      if (isIn) this.#count--;
      isIn = false;
    };
  }
}

/** Local choice: as often as a person sees it. */
const EVERY_US = 250_000;
/** Local choice: a thousand events a second. */
const MOST_WATCHERS = 256;
/** Local choice: a petabyte is enough for any measurement. */
const MOST_BYTES = 1e15;
/** What `/bytes/N` repeats: 0 to 255 again and again, so that a part has a place. */
const PATTERN = Uint8Array.from({ length: 64 * 1024 }, (_, at) => at & 0xff);

/** Answers one request. */
export async function serveStatus(
  world: StatusWorld,
  { request, info }: { readonly request: Request; readonly info: HttpInfo<ObservableStream> },
): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/upload") {
    return request.method === "POST" || request.method === "PUT"
      ? await countUpload(world, request)
      : notAllowed("POST, PUT");
  }
  if (request.method !== "GET" && request.method !== "HEAD") return notAllowed("GET, HEAD");
  switch (pathname) {
    case "/":
      return page();
    case "/tcb.json":
      return json(info.connection.info());
    case "/events":
      return events(world, { request, info });
    case "/time":
      return text(`${new Date((world.clock.epochUs + world.clock.nowUs()) / 1000).toISOString()}\n`);
  }
  const count = /^\/bytes\/(\d{1,16})$/.exec(pathname)?.[1];
  if (count !== undefined && Number(count) <= MOST_BYTES) return bytes(Number(count), request);
  return text("404: there is nothing here\n", 404);
}

const PLAIN = {
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: PLAIN });
}

function notAllowed(allow: string): Response {
  const headers = { ...PLAIN, allow };
  return new Response(`405: only ${allow} are answered here\n`, { status: 405, headers });
}

function json(value: unknown): Response {
  return new Response(`${JSON.stringify(value, null, 2)}\n`, {
    headers: { ...PLAIN, "content-type": "application/json" },
  });
}

function page(): Response {
  return new Response(STATUS_PAGE, {
    headers: {
      ...PLAIN,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": STATUS_POLICY,
    },
  });
}

function events(
  { clock, watchers }: StatusWorld,
  { request, info }: { request: Request; info: HttpInfo<ObservableStream> },
): Response {
  if (request.method === "HEAD") return eventStream(null);
  const leave = watchers.enter();
  if (leave === null) return text("503: too many watch already, come later\n", 503);
  return eventStream(figures({ clock, leave }, { request, info }));
}

function eventStream(body: ReadableStream<Uint8Array> | null): Response {
  return new Response(body, { headers: { ...PLAIN, "content-type": "text/event-stream" } });
}

/** The connection's figures, again and again, until the client goes; tells when that was. */
function figures(
  { clock, leave }: { clock: Clock; leave: () => void },
  { request, info }: { request: Request; info: HttpInfo<ObservableStream> },
): ReadableStream<Uint8Array> {
  let isFirst = true;
  let cancel = () => {};
  let wake = () => {};
  request.signal.addEventListener("abort", () => wake(), { once: true });
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (!isFirst) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          cancel = clock.after(EVERY_US, resolve);
        });
      }
      isFirst = false;
      if (request.signal.aborted) {
        leave();
        return controller.close();
      }
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(info.connection.info())}\n\n`));
    },
    cancel: () => {
      leave();
      cancel();
    },
  }, { highWaterMark: 0 });
}

function bytes(count: number, request: Request): Response {
  const headers = { ...PLAIN, "content-type": "application/octet-stream", "content-length": String(count) };
  if (request.method === "HEAD") return new Response(null, { headers });
  let left = count;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (left === 0) return controller.close();
      const piece = PATTERN.subarray(0, Math.min(left, PATTERN.length));
      left -= piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers });
}

async function countUpload({ clock, sha256 }: StatusWorld, request: Request): Promise<Response> {
  const beganUs = clock.nowUs();
  const hash = sha256();
  let count = 0;
  for await (const piece of request.body ?? []) {
    count += piece.length;
    hash.update(piece);
  }
  const seconds = (clock.nowUs() - beganUs) / 1e6;
  return json({ bytes: count, sha256: hash.digest(), seconds });
}
