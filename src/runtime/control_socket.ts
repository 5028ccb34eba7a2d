/**
 * The control socket of a running server: a unix socket on which a reader asks for a snapshot.
 *
 * Owns: the socket file (PID.sock, owner only, gone with the server), the one request, and bounds on who asks.
 * Must not know: what a snapshot contains.
 *
 * Protocol: the client sends one line of JSON, `{"request":"snapshot"}`; the server answers with one line of JSON and closes.
 */
import { join } from "@std/path";
import { removeStaleSockets } from "./control_client.ts";
import { openRunDirectory } from "./run_directory.ts";

/** Clients served at one time; local choice: people and scripts that look, not a service. */
const MOST_CLIENTS = 16;
/** Longest request; local choice: ten times the one that there is. */
const MOST_REQUEST_BYTES = 256;
/** How long a client may take for its request and for the answer; local choice. */
const CLIENT_MS = 2000;
/** Everything but reading and writing by the owner is masked away. */
const OWNER_ONLY_UMASK = 0o177;
/** Names tried where PID.sock is in use: two processes of one number can share a directory across PID namespaces. */
const MOST_NAMES = 64;

/** What a control socket serves, and where. */
interface ControlSocketOptions {
  /** Called for each request; the value must survive JSON. */
  readonly snapshot: () => unknown;
  /** Where the socket file goes; chosen by `openRunDirectory` when absent. */
  readonly directory?: string;
  /** The number in the file's name; this process's when absent. */
  readonly pid?: number;
}

/** Opens the control socket of this process. Throws one line for a person when there is no place for it. */
export async function openControlSocket(options: ControlSocketOptions): Promise<ControlSocket> {
  const directory = options.directory ?? openRunDirectory();
  await removeStaleSockets(directory);
  const pid = options.pid ?? Deno.pid;
  for (let n = 0; n < MOST_NAMES; n++) {
    const path = join(directory, n === 0 ? `${pid}.sock` : `${pid}-${n}.sock`);
    const listener = listenPrivately(path);
    if (listener !== null) return new ControlSocket({ path, listener, snapshot: options.snapshot });
  }
  throw new Error(
    `No free name for the control socket in ${directory}; remove the *.sock files of servers that are gone`,
  );
}

/** Null when the name is in use. */
function listenPrivately(path: string): Deno.UnixListener | null {
  // The rights must be narrow from the first moment, so not chmod afterwards. No other code runs in between.
  const umask = Deno.umask(OWNER_ONLY_UMASK);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  } finally {
    Deno.umask(umask);
  }
}

/** An open control socket; see {@link openControlSocket}. Closing it removes the file. */
export class ControlSocket implements Disposable {
  /** The socket file. */
  readonly path: string;

  readonly #listener: Deno.UnixListener;
  readonly #snapshot: () => unknown;
  readonly #clients = new Set<Deno.UnixConn>();
  #closed = false;

  constructor(
    parts: { readonly path: string; readonly listener: Deno.UnixListener; readonly snapshot: () => unknown },
  ) {
    this.path = parts.path;
    this.#listener = parts.listener;
    this.#snapshot = parts.snapshot;
    this.#acceptAll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const client of this.#clients) closeQuietly(client);
    try {
      Deno.removeSync(this.path);
    } catch {
      // Somebody removed it already, or the rights are gone with a change of user: the next starter tidies up.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        const client = await this.#listener.accept();
        if (this.#clients.size >= MOST_CLIENTS) closeQuietly(client);
        else this.#serve(client);
      } catch {
        // Out of descriptors or closed; the first passes, the second ends the loop.
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, CLIENT_MS));
      }
    }
  }

  async #serve(client: Deno.UnixConn): Promise<void> {
    this.#clients.add(client);
    const timer = setTimeout(() => closeQuietly(client), CLIENT_MS);
    try {
      const line = await readRequest(client);
      const answer = new TextEncoder().encode(`${JSON.stringify(this.#answer(line))}\n`);
      for (let sent = 0; sent < answer.length;) sent += await client.write(answer.subarray(sent));
    } catch {
      // The client went away or was too slow; it has nothing more to hear.
    } finally {
      clearTimeout(timer);
      this.#clients.delete(client);
      closeQuietly(client);
    }
  }

  #answer(line: string | null): unknown {
    return requestIn(line) === "snapshot"
      ? this.#snapshot()
      : { error: 'Expected one line of JSON: {"request":"snapshot"}' };
  }
}

/** The first line, or null when it is too long or the client stops before its end. */
async function readRequest(client: Deno.UnixConn): Promise<string | null> {
  const buffer = new Uint8Array(MOST_REQUEST_BYTES);
  for (let length = 0; length < buffer.length;) {
    const count = await client.read(buffer.subarray(length));
    if (count === null) return null;
    length += count;
    const text = new TextDecoder().decode(buffer.subarray(0, length));
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return null;
}

function requestIn(line: string | null): unknown {
  if (line === null) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "request" in value ? value.request : null;
  } catch {
    return null;
  }
}

function closeQuietly(client: Deno.UnixConn): void {
  try {
    client.close();
  } catch {
    // Closed already, by the timer or by the end of the server.
  }
}
