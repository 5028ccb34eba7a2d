/**
 * LiveSource: a running server, over its WebSocket and its paths.
 *
 * Owns: the token, trying again when the server does not answer, and reading what it says. Must not know: what is shown.
 */
/// <reference lib="dom" />
import type { BatchMessage, HelloMessage } from "../story/page_messages.ts";
import { type PageSource, type PageViewer, readWhy, type WhyAnswer } from "./page_source.ts";

/** Local choice: soon enough for a server that is started again, and no load on this machine. */
const RETRY_MS = 1000;
/** Local choice: after so many failures in a row the server has ended, and a person is told so. */
const REFUSED_AFTER = 5;
/** Local choice: from then on, and where there is no room: a tab that is forgotten asks for a day. */
const SELDOM_MS = 30_000;
/** Local choice: a wish keeps those after it waiting for no longer; a server that stands still for seconds is still waited for. */
const ANSWER_MS = 30_000;
/** RFC 6455 §7.4.1 and the registry of codes: try again later. */
const NO_ROOM = 1013;

/** See the head of this file. */
export class LiveSource implements PageSource {
  readonly #token: string;
  #viewer: PageViewer | null = null;
  #socket: WebSocket | null = null;
  #failures = 0;
  /** What was wished for last; resolves when it is done, or has failed. */
  #lastWish: Promise<unknown> = Promise.resolve();

  /** `address`: of the page itself, token included. */
  constructor(address: URL) {
    this.#token = address.searchParams.get("token") ?? "";
  }

  start(viewer: PageViewer): void {
    this.#viewer = viewer;
    this.#open();
  }

  subscribe(id: number | null): void {
    // While nobody answers, the page asks again with the next hello.
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ subscribe: id }));
  }

  faults(request: { spec: string } | { once: string } | { clear: true }): Promise<string | null> {
    return this.#post("/api/faults", request);
  }

  end(id: number, how: "close" | "abort"): Promise<string | null> {
    return this.#post(`/api/connections/${id}/${how}`);
  }

  application(port: number, app: string): Promise<string | null> {
    return this.#post("/api/apps", { port, app });
  }

  pace(how: "pause" | "step" | "resume"): Promise<string | null> {
    return this.#post(`/api/${how}`);
  }

  async why(name: string): Promise<readonly WhyAnswer[]> {
    try {
      const response = await fetch(this.#path(`/api/why/${encodeURIComponent(name)}`));
      const found: unknown = response.ok ? await response.json() : [];
      return Array.isArray(found) ? found.map(readWhy).filter((answer) => answer !== null) : [];
    } catch {
      return [];
    }
  }

  #open(): void {
    const address = new URL(this.#path("/api/stream"), location.href);
    address.protocol = "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message: HelloMessage | BatchMessage = JSON.parse(String(data));
      if (message.type === "batch") this.#viewer?.batch(message);
      else {
        this.#failures = 0;
        this.#viewer?.status("live");
        this.#viewer?.hello(message);
      }
    };
    socket.onclose = ({ code }) => {
      const isFull = code === NO_ROOM;
      if (!isFull) this.#failures++;
      const isRefused = this.#failures >= REFUSED_AFTER;
      this.#viewer?.status(isFull ? "full" : isRefused ? "refused" : "trying");
      setTimeout(() => this.#open(), isFull || isRefused ? SELDOM_MS : RETRY_MS);
    };
  }

  /** One after the other: each has a connection of its own, on which it could arrive before the one that was asked for before it. */
  #post(path: string, body?: unknown): Promise<string | null> {
    const wish = this.#lastWish.then(() => this.#ask(path, body));
    this.#lastWish = wish;
    return wish;
  }

  async #ask(path: string, body: unknown): Promise<string | null> {
    try {
      const response = await fetch(this.#path(path), {
        method: "POST",
        signal: AbortSignal.timeout(ANSWER_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return null;
      const said = await response.text();
      return errorIn(said) ?? said.trim();
    } catch (error) {
      if (error instanceof DOMException && error.name === "TimeoutError") {
        return `The server has not answered for ${ANSWER_MS / 1000} s`;
      }
      return error instanceof Error ? error.message : String(error);
    }
  }

  #path(path: string): string {
    return `${path}?token=${this.#token}`;
  }
}

function errorIn(body: string): string | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && "error" in value ? String(value.error) : null;
  } catch {
    return null;
  }
}
