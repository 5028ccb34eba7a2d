/**
 * Listeners: who wants connections on which port, and how many may be half-open or wait to be accepted.
 *
 * Owns: the table of ports and each listener's backlog. Must not know: how a connection is made.
 */
import { formatIpAddress, sameAddress } from "../wire/address.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { DEFAULT_FAST_OPEN_SETTINGS, type FastOpenSettings } from "../tcp/fast_open_settings.ts";
import type { HostListener, ListenOptions } from "./api.ts";
import type { FastOpenListenOptions } from "./fast_open_api.ts";
import { FastOpenListening } from "./fast_open_listening.ts";
import { FIRST_PORT, PORTS } from "./ephemeral_ports.ts";
import { HostError } from "./host_error.ts";

/** Local choice: of the order of Linux's somaxconn; a stranger can hold this many half-open connections. */
const DEFAULT_BACKLOG = 1024;

/** One listening port. */
export class Listener implements HostListener {
  readonly port: number;
  /** Null: every address of the host. */
  readonly address: Uint8Array | null;
  readonly backlog: number;
  readonly options: ListenOptions;
  /** What its connections have otherwise than the host's others; and that with the rest, once it has been asked for. */
  #changes: Partial<TcpConfig> | undefined;
  #config: TcpConfig | null = null;
  /** Connections in SYN_RCVD that it has begun. */
  halfOpen = 0;
  waiting = 0;
  /** What it does of Fast Open. */
  readonly fastOpen: FastOpenListening = new FastOpenListening();
  /** When the last SYN cookie was sent for it. */
  cookieSentUs = -Infinity;
  #isOpen = true;
  readonly #closed: (listener: Listener) => void;
  readonly #settings: FastOpenSettings;

  /** Throws RangeError for a Fast Open or a backlog that cannot be. */
  constructor(
    options: ListenOptions & { readonly port: number },
    { closed, settings }: { closed(listener: Listener): void; settings: FastOpenSettings },
  ) {
    this.#settings = settings;
    this.fastOpen.change(options, settings);
    this.port = options.port;
    this.address = options.address ?? null;
    this.backlog = options.backlog ?? DEFAULT_BACKLOG;
    // NaN would be no bound at all.
    if (!(this.backlog >= 0)) throw new RangeError(`Expected a backlog of 0 or more, got ${this.backlog}`);
    this.options = options;
    this.#changes = options.tcp;
    this.#closed = closed;
  }

  get state(): "LISTEN" | "CLOSED" {
    return this.#isOpen ? "LISTEN" : "CLOSED";
  }

  /** A SYN that comes now is one too many. */
  get isBacklogFull(): boolean {
    return this.halfOpen + this.waiting >= this.backlog;
  }

  /** Those who wait to be accepted fill the backlog alone: nobody may join them. */
  get isAcceptQueueFull(): boolean {
    return this.waiting >= this.backlog;
  }

  configure(changes: Partial<TcpConfig>): void {
    this.#changes = { ...this.#changes, ...changes };
    this.#config = null;
  }

  /** The settings of a connection that begins now, by those of the host. */
  configOver(host: TcpConfig): TcpConfig {
    if (this.#changes === undefined) return host;
    this.#config ??= { ...host, ...this.#changes };
    return this.#config;
  }

  setFastOpen(changes: FastOpenListenOptions): void {
    this.fastOpen.change(changes, this.#settings);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed(this);
  }
}

/** All listeners of a host; independent of connections that are being opened from the same port (MUST-42). */
export class Listeners {
  readonly #byPort = new Map<number, Listener[]>();
  readonly #settings: FastOpenSettings;
  /** Where the search for a free port goes on: one that was just given back is not the next. */
  #step = 0;

  /** `settings`: how cookies of Fast Open are made. */
  constructor(settings: FastOpenSettings = DEFAULT_FAST_OPEN_SETTINGS) {
    this.#settings = settings;
  }

  /**
   * Adds a listener, on a free port where that is 0; throws when the port is taken for this address (MUST-41 keeps others
   * undisturbed).
   */
  add(options: ListenOptions, closed: (listener: Listener) => void): Listener {
    const { port: wanted, address } = options;
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 0xffff) {
      throw new RangeError(`Expected a port from 0 to 65535, got ${wanted}`);
    }
    const port = wanted === 0 ? this.#choosePort() : wanted;
    const there = this.#byPort.get(port) ?? [];
    for (const other of there) {
      const clash = other.address === null || address === undefined || sameAddress(other.address, address);
      if (clash) {
        const where = other.address === null ? "every address" : formatIpAddress(other.address);
        throw new HostError(
          "EADDRINUSE",
          `Port ${port} is taken: a listener has it on ${where}. Close that one, or take another port.`,
        );
      }
    }
    const listener = new Listener({ ...options, port }, {
      settings: this.#settings,
      closed: (gone) => {
        this.#remove(gone);
        closed(gone);
      },
    });
    there.push(listener);
    this.#byPort.set(port, there);
    return listener;
  }

  /** The listener for a SYN to this address and port; null when nobody listens. */
  find(port: number, address: Uint8Array): Listener | null {
    const there = this.#byPort.get(port);
    if (there === undefined) return null;
    for (const listener of there) {
      if (listener.address === null || sameAddress(listener.address, address)) return listener;
    }
    return null;
  }

  all(): Listener[] {
    return [...this.#byPort.values()].flat();
  }

  /** One of the dynamic ports (RFC 6335 §6) that no listener has. Whoever is to connect is told of it, so it need be no secret. */
  #choosePort(): number {
    for (let i = 0; i < PORTS; i++) {
      const port = FIRST_PORT + this.#step;
      this.#step = (this.#step + 1) % PORTS;
      if (!this.#byPort.has(port)) return port;
    }
    throw new HostError("EADDRINUSE", "No free port left to listen on. Close a listener, or name a port.");
  }

  #remove(listener: Listener): void {
    const there = this.#byPort.get(listener.port);
    if (there === undefined) return;
    const rest = there.filter((other) => other !== listener);
    if (rest.length === 0) this.#byPort.delete(listener.port);
    else this.#byPort.set(listener.port, rest);
  }
}
