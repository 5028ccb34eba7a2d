/**
 * Listener: a listening port in the shape of Deno.Listener.
 *
 * Owns: the queue between connections that are established and `accept`; its length counts in the host's backlog.
 * Must not know: segments, devices.
 */
import type { HostApi, HostListener } from "../host/api.ts";
import { Connection, type HostDriver, type NetAddress } from "./connection.ts";
import { acceptBusyError, listenerClosedError } from "./connection_error.ts";
import type { EventHub } from "./event_hub.ts";
import { hostErrorAsDeno } from "./net_error.ts";
import type { ProcessLife } from "./process_life.ts";

/** Connections that may be half-open or wait for `accept`; local choice: the host's own default. */
const DEFAULT_BACKLOG = 1024;

/** Where a {@link Listener} listens. */
export interface ListenerOptions {
  /** Text of the address, for {@link Listener.addr}. */
  readonly hostname: string;
  /** 0: the host chooses one that is free, once the listener is attached. */
  readonly port: number;
  /** Connections in SYN_RCVD plus established ones not yet accepted: the bound (1024); see the host's ListenOptions. */
  readonly backlog?: number;
  /**
   * Fast Open (RFC 7413), with so many clients at most whose handshake is not over: `accept` yields a connection whose SYN came
   * with a cookie at once, with what that SYN brought. Off when absent or 0, as such data may come twice (§6.1).
   */
  readonly fastOpen?: number;
}

/** What carries a listener. */
export interface ListenerHost {
  /** On which it listens. */
  readonly host: HostApi;
  /** Around each call. */
  readonly driver: HostDriver;
  /** Where the events of its connections come from. */
  readonly hub: EventHub;
  /** What a pending `accept` holds the process with; nothing does when absent. */
  readonly life?: ProcessLife;
  /** One of the host's addresses as bytes; any of them when absent. */
  readonly address?: Uint8Array;
  /** Told of each connection when it begins and when it is gone. */
  onBegin(connection: Connection): void;
  /** Told when it is gone. */
  onGone(connection: Connection): void;
  /** Called once when the listener is closed or has failed. */
  onClose(): void;
}

interface PendingAccept {
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/**
 * Yields a {@link Connection} for each client; got from {@link Stack.listen} or `listen`. Can stand where a `Deno.TcpListener` is asked
 * for.
 *
 * ```ts
 * import { createLab } from "@tcplab/tcplab";
 *
 * using lab = createLab();
 * const listener: Deno.TcpListener = lab.server.listen({ port: 0 });
 * const { port } = listener.addr;
 * void lab.client.connect({ hostname: "10.0.0.1", port });
 * for await (const connection of listener) {
 *   console.log(connection.remoteAddr);
 *   break; // which closes the listener, as Deno's
 * }
 * ```
 */
export class Listener implements AsyncIterable<Connection>, Disposable {
  readonly #options: ListenerOptions;
  readonly #ready: Connection[] = [];
  /** Where it listens; the port of 0 until the host has chosen one. */
  #addr: NetAddress;
  #accept: PendingAccept | undefined;
  #listener: HostListener | undefined;
  #carrier: ListenerHost | undefined;
  /** Set when it is closed or has failed: what `accept` rejects with. */
  #error: Error | undefined;
  #isClosedByUser = false;
  #isRefed = true;
  #isHolding = false;

  /** Not yet listening: {@link Listener.attach} begins. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#addr = { transport: "tcp", hostname: options.hostname, port: options.port };
  }

  /** The address and port listened on. */
  get addr(): NetAddress {
    return this.#addr;
  }

  /** LISTEN while it takes connections. */
  get state(): "LISTEN" | "CLOSED" {
    return this.#listener?.state ?? "CLOSED";
  }

  /** True once it was closed or has failed. */
  get ended(): boolean {
    return this.#error !== undefined;
  }

  /** Begins to listen on a host. Throws AddrInUse when the port is taken, AddrNotAvailable for an address of somebody else. */
  attach(carrier: ListenerHost): void {
    if (this.#error !== undefined) return;
    this.#carrier = carrier;
    carrier.driver.enter();
    try {
      this.#listener = carrier.host.listen({
        port: this.#options.port,
        backlog: atLeastOne(this.#options.backlog ?? DEFAULT_BACKLOG),
        fastOpen: this.#options.fastOpen ?? 0,
        ...(carrier.address === undefined ? {} : { address: carrier.address }),
        accept: (inner) => {
          const connection = new Connection(inner, {
            driver: carrier.driver,
            hub: carrier.hub,
            ...(carrier.life === undefined ? {} : { life: carrier.life }),
            onOpen: (opened) => {
              if (!inner.isFastOpen) this.#offer(opened);
            },
            onGone: (gone) => carrier.onGone(gone),
          });
          carrier.onBegin(connection);
          if (inner.isFastOpen) this.#offer(connection);
          return inner.handler;
        },
      });
    } catch (error) {
      throw hostErrorAsDeno(error);
    } finally {
      carrier.driver.leave();
    }
    this.#addr = { ...this.#addr, port: this.#listener.port };
    this.#updateHold();
  }

  /** The next connection. Rejects with BadResource once the listener is closed, with Busy while another `accept` waits. */
  accept(): Promise<Connection> {
    if (this.#accept !== undefined) return Promise.reject(acceptBusyError());
    const ready = this.#ready.shift();
    this.#countWaiting();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#accept = { resolve, reject };
      this.#updateHold();
    });
  }

  /**
   * Each connection in turn, until the listener is closed; whoever leaves the iteration closes it. A failure of the link is
   * thrown.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Connection> {
    return {
      next: async () => {
        try {
          return { value: await this.accept(), done: false };
        } catch (error) {
          if (this.#isClosedByUser && error === this.#error) return { value: undefined, done: true };
          throw error;
        }
      },
      return: (value) => {
        this.close();
        return Promise.resolve({ value, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Stops listening. Connections that were accepted live on; those that nobody has accepted yet are reset, as their
   * clients would otherwise wait for an answer that cannot come.
   */
  close(): void {
    if (this.#error !== undefined) return;
    this.#isClosedByUser = true;
    this.fail(listenerClosedError());
  }

  /** As {@link Listener.close}, but `accept` rejects with `error`. */
  fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#carrier?.driver.enter();
    this.#listener?.close();
    this.#carrier?.driver.leave();
    for (const connection of this.#ready.splice(0)) connection.abort();
    this.#countWaiting();
    this.#takeAccept()?.reject(error);
    this.#carrier?.onClose();
  }

  /** The process lives on for a pending `accept`, as it does at first. */
  ref(): void {
    this.#isRefed = true;
    this.#updateHold();
  }

  /** The process does not live on for a pending `accept`. */
  unref(): void {
    this.#isRefed = false;
    this.#updateHold();
  }

  /** As {@link Listener.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #offer(connection: Connection): void {
    const accept = this.#takeAccept();
    if (accept !== undefined) {
      accept.resolve(connection);
      this.#carrier?.driver.noteWoken();
    } else if (this.#error !== undefined) {
      // Nobody will ever take it.
      connection.abort();
    } else {
      this.#ready.push(connection);
      this.#countWaiting();
    }
  }

  /** The host lets no more in than its backlog. */
  #countWaiting(): void {
    if (this.#listener !== undefined) this.#listener.waiting = this.#ready.length;
  }

  #takeAccept(): PendingAccept | undefined {
    const accept = this.#accept;
    this.#accept = undefined;
    this.#updateHold();
    return accept;
  }

  #updateHold(): void {
    const holds = this.#isRefed && this.#accept !== undefined && this.#carrier !== undefined;
    if (holds === this.#isHolding) return;
    this.#isHolding = holds;
    this.#carrier?.life?.pending(holds ? 1 : -1);
  }
}

/** As the kernel's backlog of 0: one may wait, as otherwise nobody could ever get in. */
function atLeastOne(backlog: number): number {
  return backlog === 0 ? 1 : backlog;
}
