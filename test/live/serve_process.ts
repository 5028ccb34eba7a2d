/**
 * `tcplab serve` in the lab's server namespace, read through its own event log.
 *
 * Owns: the process, its events, and waiting for one of them. Must not know: what a test expects of them.
 *
 * The log goes to a file, which the test reads as it grows: a pipe whose reader has to wait for a core loses lines, and so does one
 * through `grep`.
 */
import type { LabProcess, ProcessResult } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { GrowingFile } from "./growing_file.ts";

type EventKind = TcpEvent["event"];
type EventOf<Kind extends EventKind> = Extract<TcpEvent, { event: Kind }>;

/** How the server is started. */
interface ServeOptions {
  /** Arguments after `serve`, besides `--iface`, `--log json` and (unless given here) `--ip`. */
  readonly args?: readonly string[];
  /** The program instead of the checkout's: a compiled binary. */
  readonly program?: readonly string[];
  /** Leaves `segment` and `data` events out, which for many megabytes would fill a disk. */
  readonly quiet?: boolean;
}

/** How long a test waits for an event before it fails; generous, because two cores may be very busy. */
const EVENT_TIMEOUT_MS = 60_000;
/** How often a growing log is read. */
const READ_EVERY_MS = 5;

/** What {@link ServeOptions.quiet} leaves out. */
const QUIETLY = ["--hide", "segments,data"];

/** A running server and everything it has said. */
export class ServeProcess implements AsyncDisposable {
  readonly events: TcpEvent[] = [];
  readonly #process: LabProcess;
  readonly #waiting = new Set<() => void>();
  /** Resolves when the server has ended and all that it said has been read. */
  readonly #allRead: Promise<void>;
  #isOver = false;

  private constructor(lab: PrivateLab, options: ServeOptions) {
    const args = options.args ?? [];
    const address = args.includes("--ip") ? [] : ["--ip", lab.plan.tcplabAddress];
    const kinds = options.quiet ? QUIETLY : [];
    const fixed = ["serve", "--iface", lab.plan.devices.server, "--log", "json", ...kinds];
    const words = [...(options.program ?? selfCommand()), ...fixed, ...address, ...args];
    const path = Deno.makeTempFileSync({ prefix: "tcplab-log-" });
    const script = `exec "$@" >'${path}'`;
    const onLine = (line: string) => {
      this.events.push(JSON.parse(line));
      this.#wakeAll();
    };
    this.#process = lab.spawn({ side: "server", words: ["sh", "-c", script, "sh", ...words] });
    this.#allRead = this.#readAll(path, onLine);
  }

  async #readAll(path: string, onLine: (line: string) => void): Promise<void> {
    {
      using log = new GrowingFile(path, onLine);
      while (!await this.#process.endsWithin(READ_EVERY_MS)) await log.readOn();
      await log.readOn();
    }
    await Deno.remove(path);
    this.#isOver = true;
    this.#wakeAll();
  }

  /** Starts a server and waits until it listens. Throws with its own words when it does not. */
  static async start(lab: PrivateLab, options: ServeOptions = {}): Promise<ServeProcess> {
    const server = new ServeProcess(lab, options);
    await server.event("listening");
    return server;
  }

  /** Runs a server that is expected to refuse; gives its exit status and what it said. */
  static async refuse(lab: PrivateLab, options: ServeOptions = {}): Promise<ProcessResult> {
    const server = new ServeProcess(lab, options);
    if (!await server.#process.endsWithin(EVENT_TIMEOUT_MS)) {
      await server.stop();
      throw new Error("The server was expected to refuse, and it runs");
    }
    await server.#allRead;
    return await server.#process.result;
  }

  /** The first event of this kind that fulfils the condition, past or to come. */
  async event<Kind extends EventKind>(
    kind: Kind,
    condition: (event: EventOf<Kind>) => boolean = () => true,
  ): Promise<EventOf<Kind>> {
    const deadline = performance.now() + EVENT_TIMEOUT_MS;
    for (let seen = 0;;) {
      for (; seen < this.events.length; seen++) {
        const event = this.events[seen];
        if (isOfKind(event, kind) && condition(event)) return event;
      }
      const rest = deadline - performance.now();
      if (rest <= 0 || this.#isOver) {
        const why = this.#isOver ? "the server ended" : `not within ${EVENT_TIMEOUT_MS / 1000} s`;
        throw new Error(`No such "${kind}" event: ${why}.\n${this.#process.stderr}${this.tail()}`);
      }
      await this.#change(rest);
    }
  }

  /** All events of a kind so far. */
  all<Kind extends EventKind>(kind: Kind): EventOf<Kind>[] {
    return this.events.filter((event): event is EventOf<Kind> => isOfKind(event, kind));
  }

  /** Waits until this many events of the kind are there. */
  async count(kind: EventKind, least: number): Promise<void> {
    let seen = 0;
    await this.event(kind, () => ++seen >= least);
  }

  /** The newest events as lines, for a failure's message. */
  tail(lines = 40): string {
    return this.events.slice(-lines).map((event) => JSON.stringify(event)).join("\n");
  }

  /** What the server has said on stderr so far. */
  get stderr(): string {
    return this.#process.stderr;
  }

  /** Sends a signal to the server itself. */
  async signal(name: Deno.Signal): Promise<void> {
    await this.#process.signal(name);
  }

  /** Ends the server as Ctrl-C does; one that ends already has a second signal, and one that is at its very end dies of it. */
  async stop(): Promise<ProcessResult> {
    const result = await this.#process.stop();
    await this.#allRead;
    return result;
  }

  /** The end of a server that ends by itself, or of a signal before. Throws when it goes on. */
  async ended(): Promise<ProcessResult> {
    if (!await this.#process.endsWithin(EVENT_TIMEOUT_MS)) throw new Error(`It goes on.\n${this.tail()}`);
    await this.#allRead;
    return await this.#process.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function isOfKind<Kind extends EventKind>(event: TcpEvent, kind: Kind): event is EventOf<Kind> {
  return event.event === kind;
}
