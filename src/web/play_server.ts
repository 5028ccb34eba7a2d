/**
 * The playground's server: one document on a loopback address.
 *
 * Owns: the address and the answers. Must not know: what is in the document.
 *
 * There is no token: whoever gets the document has got what everybody has, and nothing here can be steered or asked. `Host` and
 * `Origin` are judged all the same, so that no other site can pretend to be this page.
 */
import { judgeVisitor } from "./page_access.ts";
import { headers, messageOf, text, whyNoAddress } from "./page_answers.ts";

/** What a {@link PlayServer} is made of. */
interface PlayServerOptions {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly document: string;
}

/** The playground cannot be served; the message is one line for a person. */
export class PlayServerError extends Error {
  override name = "PageServerError";
}

const WANTED = { what: "playground", command: "play", option: "--address", otherPort: 8035 };

/** As the document says itself; and no other page may frame it. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** See the head of this file. */
export class PlayServer implements AsyncDisposable {
  readonly url: string;
  /** Resolves, with a line for a person, when the system has ended it before it was to end. */
  readonly broken: Promise<string>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #document: Uint8Array<ArrayBuffer>;

  /** Takes the port. Throws {@link PlayServerError}. */
  constructor({ hostname, port, document }: PlayServerOptions) {
    this.#document = new TextEncoder().encode(document);
    try {
      this.#server = Deno.serve({
        hostname,
        port,
        onListen: () => {},
        // Else the whole trace of it comes out on the terminal, as often as anybody asks for it.
        onError: () => text(500, "This answer could not be made"),
      }, (request) => this.#answer(request));
    } catch (error) {
      throw new PlayServerError(whyNoAddress(error, { ...WANTED, hostname, port }));
    }
    // Any user of this machine can open so many connections that no descriptor is left.
    this.broken = new Promise((resolve) =>
      this.#server.finished.catch((error) => {
        // Whoever took the descriptors holds them until his connections are closed.
        this.#server.shutdown().catch(() => {});
        resolve(`The playground's server has ended (${messageOf(error)}): an open page goes on without it`);
      })
    );
    const shownHost = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.url = `http://${shownHost}:${this.#server.addr.port}/`;
  }

  /** Ends when all answers under way have been read, and without them when `patience` resolves: nobody has to read one. */
  async close(patience: Promise<unknown>): Promise<void> {
    // One that has broken has ended already.
    await Promise.race([this.#server.shutdown().catch(() => {}), patience]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(new Promise(() => {}));
  }

  #answer(request: Request): Response {
    const refusal = judgeVisitor(request);
    if (refusal !== null) return text(refusal.status, refusal.message);
    if (request.method !== "GET") return text(405, "GET only");
    if (new URL(request.url).pathname !== "/") {
      return text(404, "There is nothing here: the playground is at /");
    }
    return new Response(this.#document, {
      headers: { ...headers("text/html; charset=utf-8"), "content-security-policy": POLICY },
    });
  }
}
