/**
 * Random programs on listeners, run on the kernel's TCP through Deno and on a stack of ours: what each call comes to.
 *
 * Owns: the steps, how both are brought to rest after each, and in which points the two may differ. Must not know: who makes
 * the programs.
 */
import { createStack, memoryPair } from "../../mod.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";
import { VirtualTime } from "./virtual_time.ts";

/** What a `for await` does with its second connection; `close`: it closes its listener itself, and goes on. */
export type Leaving = "break" | "return" | "throw" | "close" | "close and break" | "never";

/** A step of a program: one call, which the next does not wait for. `at` chooses among what there is, from the oldest on. */
export type ListenerStep =
  | { readonly call: "listen"; readonly host: Place; readonly port: 0 | 1 }
  | { readonly call: "connect"; readonly host: 0 | 1; readonly port: 0 | 1 }
  | { readonly call: ListenerCall; readonly at: number }
  | { readonly call: "iterate"; readonly at: number; readonly leaving: Leaving }
  | { readonly call: "read" | "write" | "hang up"; readonly side: Side; readonly at: number };

/** Calls on a listener, by their names, some of them two at once; `return` is its iterator's. */
export type ListenerCall =
  | "accept"
  | "accept, accept"
  | "accept, close"
  | "close, accept"
  | "next"
  | "return"
  | "close"
  | "dispose"
  | "addr"
  | "ref"
  | "unref";

/** One of two addresses of the server, or all. */
export type Place = 0 | 1 | "any";

/** Who has connected, or who has accepted. */
export type Side = "client" | "server";

/** Where a program runs. */
interface Net {
  /** The addresses of the server, and two ports that nobody else has. */
  readonly hosts: readonly [string, string];
  readonly ports: readonly [number, number];
  listen(options: { hostname: string; port: number }): Deno.TcpListener;
  connect(options: { hostname: string; port: number }): Promise<Deno.TcpConn>;
  rest(): Promise<void>;
}

/** Bytes of a write; no two clients write the same. */
const WRITE_BYTES = 10;
const ANY = "0.0.0.0";
/** No kernel gives these to who asks for any (Linux: 32768 to 60999). */
const FIRST_KERNEL_PORT = 61_000;
const KERNEL_PORTS = 4000;
/** Local choice: less than any deadline of a connection that is at rest. */
const OUR_REST_US = 1000;

/**
 * What each step came to on the kernel's TCP, at addresses of the loopback network that nobody else has; `turns` of the event loop
 * are for what waits, as what is sent over loopback has arrived with the call.
 */
export async function onKernel(program: readonly ListenerStep[], turns: number): Promise<string[]> {
  const [one, other, port] = crypto.getRandomValues(new Uint16Array(3));
  const network = `127.${1 + one % 254}.${other % 256}`;
  const first = FIRST_KERNEL_PORT + 2 * (port % (KERNEL_PORTS / 2));
  return await results(program, {
    hosts: [`${network}.1`, `${network}.2`],
    ports: [first, first + 1],
    listen: (options) => Deno.listen(options),
    connect: (options) => Deno.connect(options),
    rest: async () => {
      for (let turn = 0; turn < turns; turn++) await visitEventLoop();
    },
  });
}

/** The same on ours. */
export async function onOurs(program: readonly ListenerStep[]): Promise<string[]> {
  const links = memoryPair();
  const time = new VirtualTime(links);
  const settings = { clock: time.clock, spinUs: 0, tcp: { textAfterReset: "kept" as const } };
  const [near, far] = links;
  using server = createStack({ ...settings, link: near, addresses: ["10.0.0.1/24", "10.0.0.2/24"], seed: 1 });
  using client = createStack({ ...settings, link: far, addresses: "10.0.0.3/24", seed: 2 });
  return await results(program, {
    hosts: ["10.0.0.1", "10.0.0.2"],
    ports: [7, 8],
    listen: (options) => server.listen(options),
    connect: (options) => client.connect(options),
    rest: () => time.pass(OUR_REST_US),
  });
}

/** A program that runs: what it has opened, and what its calls have come to. */
class Run {
  readonly listeners: Deno.TcpListener[] = [];
  readonly ends: Record<Side, Deno.TcpConn[]> = { client: [], server: [] };
  readonly #net: Net;
  readonly #closed = new Set<Deno.TcpConn>();

  constructor(net: Net) {
    this.#net = net;
  }

  /** What a step comes to, in words that are the same on every net. */
  async call(step: ListenerStep): Promise<string> {
    switch (step.call) {
      case "listen": {
        const { hosts, ports } = this.#net;
        const hostname = step.host === "any" ? ANY : hosts[step.host];
        const listener = this.#net.listen({ hostname, port: ports[step.port] });
        this.listeners.push(listener);
        return this.#named(listener.addr);
      }
      case "connect": {
        const { hosts, ports } = this.#net;
        const end = await this.#net.connect({ hostname: hosts[step.host], port: ports[step.port] });
        end.setNoDelay();
        return `client ${this.ends.client.push(end) - 1} to ${this.#named(end.remoteAddr)}`;
      }
      case "read":
      case "write":
      case "hang up":
        return await this.#onEnd(step);
    }
    const listener = chosen(this.listeners, step.at);
    if (listener === undefined) return "nothing";
    if (step.call === "iterate") return await this.#iterate(listener, step.leaving);
    return await this.#onListener(listener, step.call);
  }

  /** Everything that is open is closed. */
  end(): void {
    for (const listener of this.listeners) listener[Symbol.dispose]();
    for (const end of [...this.ends.client, ...this.ends.server]) {
      if (!this.#closed.has(end)) end.close();
    }
  }

  async #onListener(listener: Deno.TcpListener, call: ListenerCall): Promise<string> {
    switch (call) {
      case "accept":
        return this.#accepted(await listener.accept());
      case "accept, accept":
        return await this.#both(listener.accept(), listener.accept());
      case "accept, close": {
        const accepting = listener.accept();
        accepting.catch(() => {});
        listener[Symbol.dispose]();
        return await this.#both(accepting);
      }
      case "close, accept":
        listener[Symbol.dispose]();
        return await this.#both(listener.accept());
      case "next": {
        const { value, done } = await listener[Symbol.asyncIterator]().next();
        return done === true ? "no more" : this.#accepted(value);
      }
      case "return": {
        const { done, value } = await listener[Symbol.asyncIterator]().return?.() ?? {};
        return `${done} ${value}`;
      }
      case "addr":
        return this.#named(listener.addr);
      case "dispose":
        return `${listener[Symbol.dispose]()}`;
      default:
        return `${listener[call]()}`;
    }
  }

  async #iterate(listener: Deno.TcpListener, leaving: Leaving): Promise<string> {
    const taken: string[] = [];
    try {
      for await (const connection of listener) {
        taken.push(this.#accepted(connection));
        if (taken.length < 2 || leaving === "never") continue;
        if (leaving.startsWith("close")) listener.close();
        if (leaving.endsWith("break")) break;
        if (leaving === "return") return `${taken.join(", ")}, returned`;
        if (leaving === "throw") throw new SyntaxError("the program's own");
      }
      taken.push("over");
    } catch (error) {
      taken.push(nameOf(error));
    }
    return taken.join(", ");
  }

  async #onEnd(step: { call: "read" | "write" | "hang up"; side: Side; at: number }): Promise<string> {
    const end = chosen(this.ends[step.side], step.at);
    if (end === undefined) return "nothing";
    if (step.call === "hang up") {
      if (this.#closed.has(end)) return "nothing";
      this.#closed.add(end);
      return `${end.close()}`;
    }
    const bytes = new Uint8Array(WRITE_BYTES).fill(this.ends[step.side].indexOf(end));
    if (step.call === "write") return `${await end.write(bytes)}`;
    const count = await end.read(bytes);
    return count === null ? "end" : `${count} of ${bytes[0]}`;
  }

  /** What calls to `accept` come to that were made at once. */
  async #both(...calls: Promise<Deno.TcpConn>[]): Promise<string> {
    const told = await Promise.all(calls.map((call) => call.then((end) => this.#accepted(end), nameOf)));
    return told.join(" and ");
  }

  /** What was told, with who has connected: he may hear of it later than who accepts. */
  named(told: string): string {
    return told.replace(/<(.*?)>/g, (_, way) => {
      const client = this.ends.client.findIndex((end) => way === this.#way(end.localAddr, end.remoteAddr));
      return `client ${client} at ${way.split(" ")[1]}`;
    });
  }

  #accepted(end: Deno.TcpConn): string {
    this.ends.server.push(end);
    return `<${this.#way(end.remoteAddr, end.localAddr)}>`;
  }

  /** From a client's port to where the server is. */
  #way(client: Deno.NetAddr, server: Deno.NetAddr): string {
    return `${client.port} ${this.#named(server)}`;
  }

  #named({ hostname, port }: Deno.NetAddr): string {
    const { hosts, ports } = this.#net;
    return `${hostname === ANY ? "any" : hosts.indexOf(hostname)}:${ports.indexOf(port)}`;
  }
}

async function results(program: readonly ListenerStep[], net: Net): Promise<string[]> {
  const run = new Run(net);
  const told = program.map(() => "waits");
  const calls: Promise<void>[] = [];
  for (const [at, step] of program.entries()) {
    calls.push(
      Promise.resolve().then(() => run.call(step)).then(
        (text) => void (told[at] = text),
        (error) => void (told[at] = nameOf(error)),
      ),
    );
    await net.rest();
  }
  const atRest = [...told];
  run.end();
  await net.rest();
  await Promise.all(calls);
  // What waits for ever is told apart from what the end of the program has ended.
  return told.map((text, at) => run.named(atRest[at] === text ? text : `${atRest[at]}, ${text}`));
}

function chosen<Item>(items: readonly Item[], at: number): Item | undefined {
  return items[at % items.length];
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/**
 * Whether the two came to the same, but for what docs/library.md says: a listener of ours may be closed twice, also by whoever
 * leaves a `for await` (of Deno's it is BadResource); and each read and write is told of a reset, which a kernel may keep back.
 */
export function isSame(step: ListenerStep, kernel: string, ours: string): boolean {
  if (kernel === ours) return true;
  switch (step.call) {
    case "close":
      return kernel === "BadResource" && ours === "undefined";
    case "return":
      return kernel === "BadResource" && ours === "true undefined";
    case "iterate":
      return step.leaving === "close and break" && kernel === ours.replace(/over$/, "BadResource");
    case "read":
    case "write":
      return ours === "ConnectionReset" && kernel === (step.call === "write" ? "BrokenPipe" : "end");
    default:
      return false;
  }
}
