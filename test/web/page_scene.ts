/**
 * A live page's server over the whole machine, on a link in memory and a virtual clock, with an echo server on port 7.
 *
 * Owns: the parts, and asking as a browser or a program would. Must not know: what a test expects.
 */
import { echo } from "../../src/app/echo.ts";
import { memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { Session } from "../../src/runtime/session.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import type { BatchMessage, HelloMessage } from "../../src/story/page_messages.ts";
import type { PageSubject } from "../../src/web/page_subject.ts";
import { PageServer } from "../../src/web/page_server.ts";
import { BATCH_MS } from "../../src/web/stream_hub.ts";
import { ip } from "../host/hand_frames.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

/** A page's server that looks at {@link PageScene.session}; its turns are the test's. */
export class PageScene extends VirtualTime implements AsyncDisposable {
  readonly session: Session;
  app = "echo";
  /** Notices: kind, and message. */
  readonly told: string[] = [];
  readonly client: Stack;
  readonly page: PageServer;
  readonly subject: PageSubject;
  /** What the page's server wants to be called again and again; null while nobody looks. */
  turn: (() => void) | null = null;

  constructor(pair: MemoryPairOptions = {}) {
    const [near, far] = memoryPair(pair);
    super([near, far]);
    const { clock } = this;
    this.session = new Session({
      link: near,
      clock,
      host: { addresses: [{ address: ip("10.0.0.1"), prefixLength: 24 }] },
      takesFaults: true,
      spinUs: 0,
    });
    const { host, stack, injector } = this.session;
    host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => 0 }) });
    this.session.start();
    this.client = createStack({ link: far, addresses: "10.0.0.2/24", clock });
    this.subject = {
      speaker: {
        pid: 4711,
        link: { name: "memory", mac: near.mac },
        ip: ["10.0.0.1"],
        startedAt: 1,
        networkNamespace: "",
        host,
        appOf: () => this.app,
        enter: () => stack.pump.enter(),
      },
      leave: () => stack.pump.leave(),
      observe: (observer, interest) => stack.observe(observer, interest),
      injector,
      linkStats: () => near.stats(),
      tell: (kind, message) => void this.told.push(`${kind}: ${message}`),
      applications: {
        names: ["echo", "discard"],
        set: (port, name) => {
          if (port !== 7) throw new Error(`Nobody listens on port ${port}`);
          this.app = name;
        },
      },
    };
    this.page = new PageServer({
      hostname: "127.0.0.1",
      port: 0,
      version: "1.2.3",
      document: () => Promise.resolve(`<style nonce="NONCE_OF_THIS_ANSWER"></style>`),
      onBroken: (line) => void this.told.push(line),
      repeat: (act, ms) => {
        // What is not said at once need not be said here.
        if (ms !== BATCH_MS) return () => {};
        this.turn = act;
        return () => void (this.turn = null);
      },
    });
  }

  /** There is something to show. */
  begins(): void {
    this.page.show(this.subject);
  }

  opens(): Promise<Connection> {
    return this.get(this.client.connect({ hostname: "10.0.0.1", port: 7 }));
  }

  /** Sends, and gives what comes back. */
  async talks(connection: Connection, words: string): Promise<string> {
    const bytes = new TextEncoder().encode(words);
    await this.get(connection.write(bytes));
    const back = new Uint8Array(bytes.length);
    for (let at = 0; at < back.length;) at += await this.get(connection.read(back.subarray(at))) ?? Infinity;
    return new TextDecoder().decode(back);
  }

  get address(): URL {
    return new URL(this.page.url);
  }

  /** Asks with the token. */
  async asks(
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; text: string; headers: Headers }> {
    const url = new URL(path, this.address);
    if (!url.searchParams.has("token")) url.search = this.address.search;
    const response = await fetch(url, init);
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  /** The same, with the answer as JSON. */
  async tells(path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const { status, text } = await this.asks(path, init);
    return { status, json: JSON.parse(text) };
  }

  /** Sends a request as it is written, and gives what comes back until the server has said its line and headers. */
  async sendsRaw(request: string): Promise<string> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(this.address.port) });
    await connection.write(new TextEncoder().encode(request));
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!text.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
    this.session.stack.close();
    this.client.close();
    await Promise.allSettled([this.session.stack.done, this.client.done]);
  }
}

/** A page's stream, message by message. */
export class PageStream implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly #messages: (HelloMessage | BatchMessage)[] = [];
  readonly #waiting: ((message: HelloMessage | BatchMessage) => void)[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(scene: PageScene) {
    const url = new URL("/api/stream", scene.address);
    url.protocol = "ws:";
    url.search = scene.address.search;
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => {
      const message: HelloMessage | BatchMessage = JSON.parse(data);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#messages.push(message);
      else waiting(message);
    };
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
  }

  #next(): Promise<HelloMessage | BatchMessage> {
    const message = this.#messages.shift();
    return message === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(message);
  }

  async hello(): Promise<HelloMessage> {
    const message = await this.#next();
    if (message.type !== "hello") throw new Error(`Expected hello, got ${message.type}`);
    return message;
  }

  async batch(): Promise<BatchMessage> {
    const message = await this.#next();
    if (message.type !== "batch") throw new Error(`Expected a batch, got ${message.type}`);
    return message;
  }

  /** Messages that nobody has taken. */
  get left(): number {
    return this.#messages.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
