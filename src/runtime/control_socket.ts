/**
 * The control socket of a running server: a unix socket on which a reader asks what the server has to say.
 *
 * Owns: the socket file (PID.sock, owner only, gone with the server), the requests' form, and bounds on who asks, on the
 * memory of an answer, and on how long the server is held up by it. Must not know: what an answer contains.
 *
 * Protocol: the client sends one line of JSON, `{"request":NAME}`; the server answers with lines of JSON, of which the last
 * is `{"end":N}` after N others, and closes. Without that line the answer is not whole.
 *
 * An answer about 131,072 connections takes a second to make. So it is made in turns, in between which the server does
 * what else there is to do, and never faster than its reader takes it.
 */
import { join } from "node:path";
import { removeStaleSockets, UNNAMED_SUFFIX } from "./control_client.ts";
import { Patience } from "./patience.ts";
import { visitEventLoop } from "./pump.ts";
import { openRunDirectory } from "./run_directory.ts";

/** Clients served at one time; local choice: people and scripts that look, not a service. */
const MOST_CLIENTS = 16;
/** Longest request; local choice: ten times the one that there is. */
const MOST_REQUEST_BYTES = 256;
/** How long a client may take for its request, and for the next bytes of the answer; local choice. */
const CLIENT_MS = 2000;
/** How long it may take for a whole answer; local choice: ten times what a full table takes on a busy server. */
const ANSWER_MS = 60_000;
/**
 * Work on answers, to all clients together, between two visits of the event loop. Local choice: a fifth of what a person
 * or a round trip on the wire notices.
 */
const TURN_MS = 2;
/** Most that is made in one turn, bytes: what an answer takes of memory, once as text and once encoded. Local choice. */
const TURN_BYTES = 0x40000;
/** Everything but reading and writing by the owner is masked away. */
const OWNER_ONLY_UMASK = 0o177;
/** Names tried where PID.sock is in use: two processes of one number can share a directory across PID namespaces. */
const MOST_NAMES = 64;

/** What a control socket serves, and where. */
interface ControlSocketOptions {
  /**
   * Called for each request: what to answer, a line each, null for what is no request. Values must survive JSON; the next
   * one is asked for when there is time, so each should take microseconds, and the world may change in between.
   */
  readonly answer: (request: string) => Iterable<unknown> | null;
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
  // It listens before it has its name: a file of that name on which nobody listens is one that was left behind, whoever
  // has the process number by now.
  const unnamed = join(directory, `.${crypto.randomUUID().slice(0, 8)}${UNNAMED_SUFFIX}`);
  const listener = listenPrivately(unnamed);
  try {
    for (let n = 0; n < MOST_NAMES; n++) {
      const path = join(directory, n === 0 ? `${pid}.sock` : `${pid}-${n}.sock`);
      if (isNamed(unnamed, path)) return new ControlSocket({ path, listener, answer: options.answer });
    }
  } finally {
    Deno.removeSync(unnamed);
  }
  listener.close();
  throw new Error(
    `No free name for the control socket in ${directory}; remove the *.sock files of servers that are gone`,
  );
}

/** Gives the socket a name; false when the name is in use. */
function isNamed(unnamed: string, path: string): boolean {
  try {
    Deno.linkSync(unnamed, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function listenPrivately(path: string): Deno.UnixListener {
  // The rights must be narrow from the first moment, so not chmod afterwards. No other code runs in between.
  const umask = Deno.umask(OWNER_ONLY_UMASK);
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(umask);
  }
}

/** An open control socket; see {@link openControlSocket}. Closing it removes the file. */
export class ControlSocket implements Disposable {
  /** The socket file. */
  readonly path: string;

  readonly #listener: Deno.UnixListener;
  readonly #answer: ControlSocketOptions["answer"];
  /** The turn that comes last of those that are waited for. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  readonly #clients = new Set<Deno.UnixConn>();
  #closed = false;

  constructor(
    parts: Pick<ControlSocketOptions, "answer"> & {
      readonly path: string;
      readonly listener: Deno.UnixListener;
    },
  ) {
    this.path = parts.path;
    this.#listener = parts.listener;
    this.#answer = parts.answer;
    this.#acceptAll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // As long as it listens the file is ours: a moment later whoever looks may have removed it, and another one taken the name. And who
    // is cut off in his question finds no file that is silent.
    try {
      Deno.removeSync(this.path);
    } catch {
      // The rights are gone with a change of user: the next starter tidies up.
    }
    this.#listener.close();
    for (const client of this.#clients) closeQuietly(client);
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
    const deadline = new Deadline(() => closeQuietly(client));
    try {
      const request = requestIn(await readRequest(client));
      const answer = request === null ? null : this.#answer(request);
      deadline.beginAnswer();
      await this.#send(client, answer ?? NOT_UNDERSTOOD, deadline);
    } catch {
      // The client went away or was too slow; it has nothing more to hear.
    } finally {
      deadline.cancel();
      this.#clients.delete(client);
      closeQuietly(client);
    }
  }

  async #send(client: Deno.UnixConn, answer: Iterable<unknown>, deadline: Deadline): Promise<void> {
    const lines = numbered(answer);
    try {
      for (;;) {
        const bytes = await this.#inTurn(() => nextBytes(lines));
        if (bytes.length === 0) return;
        for (let sent = 0; sent < bytes.length;) {
          sent += await client.write(bytes.subarray(sent));
          deadline.progress();
        }
      }
    } finally {
      lines.return();
    }
  }

  /** Does `work` once everything else has had its turn: the server, and the answers that were waited for before. */
  #inTurn<Result>(work: () => Result): Promise<Result> {
    const turn = this.#lastTurn.then(visitEventLoop).then(work);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }
}

const NOT_UNDERSTOOD: readonly unknown[] = [{
  error: 'Expected one line of JSON: {"request":"snapshot"} or {"request":"server"}',
}];

const encoder = new TextEncoder();

/** The lines of an answer, and the one that says how many there were. */
function* numbered(answer: Iterable<unknown>): Generator<string, void, void> {
  let count = 0;
  for (const value of answer) {
    count++;
    yield `${JSON.stringify(value)}\n`;
  }
  yield `${JSON.stringify({ end: count })}\n`;
}

/** As many lines as one turn has time for; none when there are no more. */
function nextBytes(lines: Generator<string, void, void>): Uint8Array<ArrayBuffer> {
  const endMs = performance.now() + TURN_MS;
  let text = "";
  do {
    const { done, value } = lines.next();
    if (done === true) break;
    text += value;
  } while (text.length < TURN_BYTES && performance.now() < endMs);
  return encoder.encode(text);
}

/** Ends a client that takes too long, for its next step or for all of them. */
class Deadline {
  readonly #end: () => void;
  readonly #step: Patience;
  #whole: Patience | undefined;

  constructor(end: () => void) {
    this.#end = end;
    this.#step = new Patience(CLIENT_MS, end);
  }

  beginAnswer(): void {
    this.progress();
    this.#whole = new Patience(ANSWER_MS, this.#end);
  }

  progress(): void {
    this.#step.heard();
  }

  cancel(): void {
    this.#step[Symbol.dispose]();
    this.#whole?.[Symbol.dispose]();
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

function requestIn(line: string | null): string | null {
  if (line === null) return null;
  try {
    const value: unknown = JSON.parse(line);
    const request = typeof value === "object" && value !== null && "request" in value ? value.request : null;
    return typeof request === "string" ? request : null;
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
