/**
 * The way to a page out of a lab: a loopback address of a network namespace is that namespace's own, and a person's browser is in
 * another. Unix sockets lead from one to the other, as `ssh -L` leads from one machine to another.
 *
 * Owns: both ends of the way, in one directory of the lab's user: whoever made the lab listens on TCP where the browser is
 * ({@link PageForwarder}), and the server of the page, in the lab, asks for it ({@link PageForward}). Must not know: what goes
 * along it. The token keeps strangers out, as everywhere.
 */
import { Patience } from "../runtime/patience.ts";
import { writeAll } from "../runtime/write_all.ts";
import { newToken } from "./page_access.ts";

/** Whoever asks for a way connects to this socket of the directory, and holds the connection as long as the way is wanted. */
const ASKING = "forward";
const LOOPBACK = "127.0.0.1";
/** Local choice: a request is a port and a name of 32 letters. */
const MOST_LINE_BYTES = 256;
/** Local choice: a browser opens six to one page, and any user of the machine can open more. */
const MOST_CONNECTIONS = 64;
/** Local choice: servers with a page in one lab. */
const MOST_WAYS = 16;
/** Local choice: whoever made the lab answers within a few milliseconds, or has been stopped. */
const PATIENCE_MS = 2_000;
/** Of a Unix socket's path (unix(7)): 108 bytes with the zero at its end. */
const MOST_PATH_BYTES = 107;

/** The end where the browser is. One a lab. */
export class PageForwarder implements Disposable {
  readonly #directory: string;
  readonly #asking: Deno.UnixListener;
  readonly #open = new Set<Disposable>();
  #ways = 0;

  /** Listens in the directory, which has to be its user's alone. Throws what the system says. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#asking = Deno.listen({ transport: "unix", path: `${directory}/${ASKING}` });
    void eachConnection(this.#asking, async (asker) => {
      if (this.#ways >= MOST_WAYS) return;
      this.#ways++;
      await this.#serveWay(asker).finally(() => this.#ways--);
    }, this.#open);
  }

  [Symbol.dispose](): void {
    closeQuietly(this.#asking);
    for (const one of this.#open) one[Symbol.dispose]();
  }

  /** One way, for as long as the asker's connection lives. */
  async #serveWay(asker: Deno.Conn): Promise<void> {
    const wish = parseWish(await readLine(asker));
    if (wish === null) return;
    const path = `${this.#directory}/${wish.socket}`;
    using listener = listenNear(wish.port);
    if (listener === null) return;
    void eachConnection(listener, (browser) => relayTo(browser, { transport: "unix", path }), this.#open);
    await writeAll(asker, encodeLine(String(listener.addr.port)));
    // Nothing more is asked: this ends when the page does.
    await readLine(asker);
  }
}

/** The end where the page is. */
export class PageForward implements Disposable {
  /** The port of 127.0.0.1 under which a browser outside of the lab reaches the page; a way from within the lab, too. */
  readonly port: number;
  readonly #parts: DisposableStack;

  private constructor(port: number, parts: DisposableStack) {
    this.port = port;
    this.#parts = parts;
  }

  /**
   * Asks for a way to a page's address, under the same port if that is free outside. Null where nobody answers (any more): then
   * the page is to be reached within the lab alone.
   */
  static async open(directory: string, page: Deno.NetAddr): Promise<PageForward | null> {
    const socket = newToken();
    const path = `${directory}/${socket}`;
    using parts = new DisposableStack();
    const open = new Set<Disposable>();
    const reach = (conn: Deno.Conn) =>
      relayTo(conn, { transport: "tcp", hostname: page.hostname, port: page.port });
    try {
      const listener = parts.use(Deno.listen({ transport: "unix", path }));
      parts.defer(() => removeQuietly(path));
      void eachConnection(listener, reach, open);
      const asker = parts.use(await Deno.connect({ transport: "unix", path: `${directory}/${ASKING}` }));
      let isLate = false;
      const patience = parts.use(
        new Patience(PATIENCE_MS, () => {
          isLate = true;
          closeQuietly(asker);
        }),
      );
      await writeAll(asker, encodeLine(`${page.port} ${socket}`));
      const answer = parsePort(await readLine(asker));
      patience[Symbol.dispose]();
      // An answer that was there already, and not read yet, when that came, is of a way that is gone.
      if (answer === null || isLate) return null;
      // One address is printed: it has to lead to the page inside, too, where scripts are.
      const within = answer === page.port ? null : listenOn(answer);
      if (within !== null) void eachConnection(parts.use(within), reach, open);
      parts.defer(() => {
        for (const one of open) one[Symbol.dispose]();
      });
      return new PageForward(answer, parts.move());
    } catch {
      // Nobody listens there, or no longer.
      return null;
    }
  }

  [Symbol.dispose](): void {
    this.#parts.dispose();
  }
}

/** Whether somebody listens in a directory of {@link PageForwarder}: one that was killed leaves it behind. */
export async function isForwarderAlive(directory: string): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ transport: "unix", path: `${directory}/${ASKING}` });
    return true;
  } catch {
    return false;
  }
}

/** Whether sockets in this directory can have their names. */
export function isShortEnough(directory: string): boolean {
  return new TextEncoder().encode(`${directory}/${"0".repeat(newToken().length)}`).length <= MOST_PATH_BYTES;
}

/** Takes connections until the listener closes; each is closed when its work ends, however it does. */
async function eachConnection(
  listener: Deno.Listener,
  work: (conn: Deno.Conn) => Promise<void>,
  open: Set<Disposable>,
): Promise<void> {
  let count = 0;
  for (;;) {
    let conn: Deno.Conn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      // Too many open files, or a peer that has gone already: later ones may do better.
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    if (count >= MOST_CONNECTIONS) {
      closeQuietly(conn);
      continue;
    }
    count++;
    const one = { [Symbol.dispose]: () => closeQuietly(conn) };
    open.add(one);
    // What goes wrong with one connection ends it, and nothing else.
    void work(conn).catch(() => {}).finally(() => {
      count--;
      open.delete(one);
      closeQuietly(conn);
    });
  }
}

type Target = { transport: "unix"; path: string } | { transport: "tcp"; hostname: string; port: number };

/** Carries bytes both ways until either end has none left; HTTP closes no half of a connection. */
async function relayTo(conn: Deno.Conn, target: Target): Promise<void> {
  using other = target.transport === "unix" ? await Deno.connect(target) : await Deno.connect(target);
  const [there, back] = [carry(conn, other), carry(other, conn)];
  await Promise.race([there, back]);
  closeQuietly(conn);
  closeQuietly(other);
  await Promise.all([there, back]);
}

/** From one to the other, never more than one piece ahead of a reader that is slow. */
async function carry(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const piece = new Uint8Array(65_536);
  try {
    for (let n = await from.read(piece); n !== null; n = await from.read(piece)) {
      await writeAll(to, piece.subarray(0, n));
    }
  } catch {
    // It was reset, or closed from our side.
  }
}

/** The port outside, or any that is free. */
function listenNear(port: number): Deno.TcpListener | null {
  return listenOn(port) ?? listenOn(0);
}

function listenOn(port: number): Deno.TcpListener | null {
  try {
    return Deno.listen({ hostname: LOOPBACK, port });
  } catch {
    return null;
  }
}

/** One line without its end; what came before the connection ended, when it does. */
async function readLine(conn: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(MOST_LINE_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const n = await conn.read(bytes.subarray(length));
    if (n === null) break;
    length += n;
    if (bytes[length - 1] === "\n".charCodeAt(0)) break;
  }
  return new TextDecoder().decode(bytes.subarray(0, length)).trimEnd();
}

function encodeLine(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\n`);
}

/** `PORT NAME`. */
function parseWish(line: string): { readonly port: number; readonly socket: string } | null {
  const [, digits, socket] = /^(\d{1,5}) ([0-9a-f]+)$/.exec(line) ?? [];
  const port = parsePort(digits ?? "");
  return port === null ? null : { port, socket };
}

function parsePort(text: string): number | null {
  const port = Number(/^\d{1,5}$/.test(text) ? text : NaN);
  return port >= 1 && port <= 0xffff ? port : null;
}

function closeQuietly(one: { close(): void }): void {
  try {
    one.close();
  } catch {
    // It is closed.
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Whoever made the lab has removed it.
  }
}
