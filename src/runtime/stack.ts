/**
 * Stack: a host at work on a link, with listeners and connections for asynchronous users.
 *
 * Owns: one host, one link, the pump between them, and the lives of what was opened on it.
 * Must not know: how the link was opened, what runs on the connections.
 */
import type { ConnectionHandler, HostApi, HostConnection } from "../host/api.ts";
import type { FrameOrder } from "../link/frame_order.ts";
import type { FrameLink } from "../link/link.ts";
import type { EventInterest, Observer } from "../tcp/events.ts";
import { formatEndpoint } from "../wire/address.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Connection } from "./connection.ts";
import { closedError, closeReasonError } from "./connection_error.ts";
import { EventHub } from "./event_hub.ts";
import { Listener, type ListenerHost } from "./listener.ts";
import { hostErrorAsDeno } from "./net_error.ts";
import { connectPort, hostAddress, listenAddress, listenPort, mustBeTcp, type Port } from "./net_options.ts";
import { ProcessLife } from "./process_life.ts";
import { Pump } from "./pump.ts";
import { closeInOrder, type ShutdownResult } from "./shutdown.ts";

/** What a {@link Stack} is made of. */
export interface StackParts {
  /** What carries its frames. */
  readonly link: FrameLink;
  /** Sends into `link`; its time is that of `clock`. */
  readonly host: HostApi;
  /** The system's clock when absent. */
  readonly clock?: Clock;
  /** How long the pump looks for a next frame before it sleeps, microseconds (80); 0 for a virtual clock. */
  readonly spinUs?: number;
  /** Hear when frames come and leave, as the readers of events do. */
  readonly frameOrders?: readonly FrameOrder[];
  /**
   * Whether the process lives on for every deadline of the host (true). Otherwise, as with the sockets of Deno, for pending calls on
   * what was not `unref`ed.
   */
  readonly holdsProcess?: boolean;
  /** Called before each sleep of the pump. */
  readonly onIdle?: () => void;
  /** Called after each turn of the pump that took frames. */
  readonly onBatch?: (frames: number) => void;
  /** Begins to run at once (true), else with `pump.start()`: what is listened for by then meets the first frame. */
  readonly start?: boolean;
}

/** Where {@link Stack.listen} listens. */
export interface StackListenOptions {
  /** Any that is free when absent or 0: `listener.addr.port` tells which. */
  readonly port?: Port;
  /** One of the stack's addresses; any of them, of both families, when it is absent, `0.0.0.0`, `::` or `localhost`. */
  readonly hostname?: string | undefined;
  /** Most connections that wait to be accepted (1024). */
  readonly backlog?: number;
  /** Fast Open, see {@link ListenerOptions.fastOpen}; off when absent. */
  readonly fastOpen?: number;
  /** The same by Deno's name. */
  readonly tcpBacklog?: number;
  /** There is no other. */
  readonly transport?: "tcp";
}

/** Where {@link Stack.connect} connects to. */
export interface StackConnectOptions {
  /** An IP address, `10.0.0.1`, `fd00::1` or `[fd00::1]`; names are not looked up. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: Port;
  /** There is no other. */
  readonly transport?: "tcp";
  /** One of the stack's addresses; the host chooses when absent. */
  readonly localHostname?: string;
  /** The host chooses one that is free when absent (RFC 6056). */
  readonly localPort?: number;
  /**
   * Fast Open (RFC 7413): goes out with the SYN, as much as fits, if the server has given a cookie before; else the SYN asks for
   * one, and this follows after the handshake. May be empty. It may reach the server twice (§6.1). Throws RangeError where the
   * send buffer does not take it.
   */
  readonly fastOpen?: Uint8Array;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** How {@link Stack.shutdown} ends. */
export interface StackShutdownOptions {
  /** How long FIN may take before RST, microseconds (2 s). */
  readonly graceUs?: number;
  /** Ends the patience early. */
  readonly signal?: AbortSignal;
  /** Told once how many connections are waited for, if it takes so long that somebody wonders. */
  readonly onWaiting?: (connections: number) => void;
}

/**
 * A running host; made by `createStack`. It owns its link, and closes it at the end.
 *
 * ```ts
 * import { createStack, memoryPair } from "@tcplab/tcplab";
 *
 * const [link] = memoryPair();
 * const stack = createStack({ link, addresses: "10.0.0.1/24" });
 * const listener = stack.listen({ port: 0 });
 * console.log(listener.addr.port, stack.host.counters());
 * await stack.shutdown();
 * ```
 */
export class Stack implements Disposable, AsyncDisposable {
  /** What carries its frames. */
  readonly link: FrameLink;
  /** Its time. */
  readonly clock: Clock;
  /** The host, for synchronous users. Calls from outside a handler go between `pump.enter()` and `pump.leave()`. */
  readonly host: HostApi;
  /** What moves its frames. */
  readonly pump: Pump;

  readonly #done: Promise<void>;
  readonly #life: ProcessLife | undefined;
  readonly #hub: EventHub;
  readonly #connections = new Set<Connection>();
  readonly #listeners = new Set<Listener>();
  #closing = false;
  #closeWhenQuiet = false;

  /** Begins to run at once, unless told otherwise. */
  constructor(parts: StackParts) {
    this.link = parts.link;
    this.host = parts.host;
    this.clock = parts.clock ?? systemClock();
    const { frameOrders = [] } = parts;
    this.pump = new Pump({ ...parts, clock: this.clock });
    this.pump.follow(frameOrders);
    this.#hub = new EventHub(parts.host, {
      epochUs: this.clock.epochUs,
      onOrders: (orders) => this.pump.follow([...orders, ...frameOrders]),
    });
    this.#life = parts.holdsProcess === false ? new ProcessLife(this.clock) : undefined;
    this.#done = this.pump.done.then(() => this.#end(), (error) => {
      this.#fail(error);
      throw error;
    });
    this.#done.catch(() => {});
    if (parts.start ?? true) this.pump.start();
  }

  /** Resolves when the stack is closed, rejects with a LinkError when its link went away. The process waits for it. */
  get done(): Promise<void> {
    // Counted once for each who asks: it comes to an end with the stack, for all at once.
    this.#life?.pending(1);
    return this.#done;
  }

  /** Connections that are alive and belong to listeners or `connect` of this stack. */
  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** Tells `observer` of every event until the returned function is called. The host's own `observer` is ours. */
  observe(observer: Observer, interest?: EventInterest): () => void {
    return this.#hub.subscribe(observer, interest === undefined ? {} : { interest });
  }

  /** The same of every event as it happens: what is sent has not left then, and its time is not known. */
  observeAtOnce(observer: Observer): () => void {
    return this.#hub.subscribeAtOnce(observer);
  }

  /**
   * Listens on a port. Throws AddrInUse when the port is taken, AddrNotAvailable when `hostname` is an address of somebody else,
   * TypeError when it is none, RangeError for a port or a backlog that cannot be.
   */
  listen(options: StackListenOptions): Listener {
    this.#mustBeOpen();
    mustBeTcp(options.transport);
    const backlog = options.backlog ?? options.tcpBacklog;
    const listener = new Listener({
      hostname: options.hostname ?? "0.0.0.0",
      port: listenPort(options.port),
      ...(backlog === undefined ? {} : { backlog }),
      ...(options.fastOpen === undefined ? {} : { fastOpen: options.fastOpen }),
    });
    this.attach(listener, options.hostname);
    return listener;
  }

  /** Makes a listener that was made elsewhere listen here, on `hostname` or on every address. */
  attach(listener: Listener, hostname?: string): void {
    this.#mustBeOpen();
    const address = listenAddress(hostname);
    const carrier: ListenerHost = {
      host: this.host,
      driver: this.pump,
      hub: this.#hub,
      ...(this.#life === undefined ? {} : { life: this.#life }),
      ...(address === null ? {} : { address }),
      onBegin: (connection) => this.#connections.add(connection),
      onGone: (connection) => this.#forget(connection),
      onClose: () => {
        this.#listeners.delete(listener);
        this.#closeIfQuiet();
      },
    };
    listener.attach(carrier);
    this.#listeners.add(listener);
  }

  /**
   * Makes a connection with promises of one that the host has just taken on a port of its own; `onOpen` is told when it is
   * established, outside of the host. What runs on `inner` is returned: the shape of `accept` in the host's listen options.
   */
  adopt(inner: HostConnection, onOpen: (connection: Connection) => void): ConnectionHandler {
    const connection = new Connection(inner, {
      driver: this.pump,
      hub: this.#hub,
      onOpen: (opened) => {
        queueMicrotask(() => onOpen(opened));
        this.pump.noteWoken();
      },
      onGone: (gone) => this.#forget(gone),
    });
    this.#connections.add(connection);
    return inner.handler;
  }

  /**
   * Opens a connection (the active side). Resolves when it is established; rejects with ConnectionRefused, with TimedOut
   * (the SYN was not answered for three minutes: `synR2Us`), with an Error whose `code` is EHOSTUNREACH (nobody answers
   * ARP, for three seconds, or a router says that it cannot get there), with AddrNotAvailable (no other host can have the
   * address: the stack's own, loopback, group, broadcast), NetworkUnreachable (no route), or with the signal's reason.
   */
  connect(options: StackConnectOptions): Promise<Connection> {
    const { signal } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    try {
      this.#mustBeOpen();
      mustBeTcp(options.transport);
      const address = hostAddress(options.hostname);
      const port = connectPort(options.port);
      signal?.throwIfAborted();
      this.pump.enter();
      const inner = this.host.connect({
        address,
        port,
        ...(options.localHostname === undefined ? {} : { localAddress: hostAddress(options.localHostname) }),
        ...(options.localPort === undefined ? {} : { localPort: options.localPort }),
        ...(options.fastOpen === undefined ? {} : { fastOpen: { data: options.fastOpen } }),
        handler: {},
      });
      const queued = inner.unackedBytes;
      if (queued < (options.fastOpen?.length ?? 0)) {
        inner.abort();
        this.pump.leave();
        throw new RangeError(`Expected data that the send buffer takes, ${queued} octets, to go with a SYN`);
      }
      const settled = () => {
        signal?.removeEventListener("abort", giveUp);
        this.#life?.pending(-1);
      };
      const giveUp = () => {
        reject(signal?.reason);
        connection.abort();
      };
      this.#life?.pending(1);
      let isOpen = false;
      const connection: Connection = new Connection(inner, {
        driver: this.pump,
        hub: this.#hub,
        ...(this.#life === undefined ? {} : { life: this.#life }),
        onOpen: (opened) => {
          isOpen = true;
          settled();
          resolve(opened);
          this.pump.noteWoken();
        },
        onGone: (gone, error) => {
          if (!isOpen) settled();
          reject(error ?? closedError(`Connection to ${formatEndpoint(address, port)}`));
          this.#forget(gone);
        },
      });
      this.#connections.add(connection);
      signal?.addEventListener("abort", giveUp, { once: true });
      if (inner.state === "CLOSED") connection.fail(closeReasonError(inner.name, "refused"));
      this.pump.leave();
    } catch (error) {
      reject(hostErrorAsDeno(error));
    }
    return promise;
  }

  /**
   * Stops accepting, closes every connection with FIN, resets what is left after two seconds, and closes the stack. Rejects
   * as {@link Stack.done} does when the stack breaks meanwhile.
   */
  async shutdown(options: StackShutdownOptions = {}): Promise<ShutdownResult> {
    this.#mustBeOpen();
    for (const listener of [...this.#listeners]) listener.close();
    const { host, clock, pump } = this;
    const closing = closeInOrder({ host, clock, driver: pump, ...options });
    // Whatever goes wrong with closing on a stack that has broken, its own reason comes first.
    closing.catch(() => {});
    const { done } = this;
    try {
      return await Promise.race([closing, done.then(() => closing)]);
    } finally {
      // Also when `onWaiting` has thrown.
      this.close();
      await done;
    }
  }

  /** Ends at once: connections are reset, the link is closed when the pump has stopped. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    for (const listener of [...this.#listeners]) listener.close();
    this.pump.enter();
    for (const inner of this.host.connections()) {
      // What is left in TIME_WAIT has nothing to say any more; it ends with its host.
      if (inner.state !== "TIME_WAIT") inner.abort();
    }
    this.pump.leave();
    for (const connection of this.#connections) connection.fail(closedError("Stack"));
    this.pump.stop();
  }

  /** Closes the stack as soon as no listener and no connection is left on it. */
  closeWhenQuiet(): void {
    this.#closeWhenQuiet = true;
    this.#closeIfQuiet();
  }

  /** As {@link Stack.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Ends in order, see {@link Stack.shutdown}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing) await this.shutdown();
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.#closeIfQuiet();
  }

  #closeIfQuiet(): void {
    if (!this.#closeWhenQuiet || this.#connections.size > 0 || this.#listeners.size > 0) return;
    // Not from inside the host, which may just be telling us of the last connection's end.
    queueMicrotask(() => this.close());
  }

  #end(): void {
    this.link.close();
    this.#life?.[Symbol.dispose]();
  }

  #fail(error: Error): void {
    this.#closing = true;
    for (const listener of [...this.#listeners]) listener.fail(error);
    for (const connection of this.#connections) connection.fail(error);
    this.#end();
  }

  #mustBeOpen(): void {
    if (this.#closing) throw closedError("Stack");
  }
}
