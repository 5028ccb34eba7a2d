/**
 * A client at work: the one connection that a host on an open device opens.
 *
 * Owns: that connection, from the SYN to its end. Must not know: how the device was found, what is around the host
 * (device_session.ts), where bytes come from, signals, exit status.
 */
import type { HostAtWork } from "../host/api.ts";
import type { Connection } from "../runtime/connection.ts";
import type { Stack } from "../runtime/stack.ts";
import type { CloseReason, SummaryEvent } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import { formatIpAddress, type IpAddress } from "../wire/address.ts";
import { hexOf } from "../wire/hex.ts";
import { errorLine } from "./command.ts";
import type { ConnectConfig } from "./connect_options.ts";
import type { GivenCookie } from "./fast_open_options.ts";
import { DeviceSession, type DeviceSessionParts } from "./device_session.ts";

const IPV6_BYTES = 16;
/**
 * How often, and how many times, is looked whether a router has made itself known: 4 s in all. Duplicate address detection
 * lasts one, a solicitation waits up to one more, and an answer half of one (RFC 4861 §6.3.7, §10; RFC 4862 §5.1).
 */
const ROUTER_LOOK_US = 100_000;
const ROUTER_LOOKS = 40;
/** What the host says where it has no way to an address, and a router may yet show itself. */
const NO_ROUTE = /No route to .* no IPv6 router is known/;

/** What a client is made of. */
interface ClientParts extends Omit<DeviceSessionParts, "config"> {
  readonly config: ConnectConfig;
  /** Called when the connection reaches a state. */
  readonly onState: (state: TcpState) => void;
}

/** How far a connection has come when nothing more is to be waited for. */
export type ClientEnd = CloseReason | "TIME_WAIT";

/** A host that opens one connection. */
export class Client {
  readonly host: HostAtWork;
  readonly stack: Stack;
  /** Resolves when the connection is gone, or (unless TIME_WAIT is waited for) only time is still to pass. */
  readonly ended: Promise<ClientEnd>;
  /** Rejects when somebody else turns out to have one of the addresses; else stays pending. */
  readonly addressLost: Promise<never>;
  readonly #config: ConnectConfig;
  readonly #session: DeviceSession;
  #connection: Connection | null = null;

  constructor(parts: ClientParts) {
    const { config } = parts;
    this.#config = config;
    const ended = Promise.withResolvers<ClientEnd>();
    this.ended = ended.promise;
    this.#session = new DeviceSession({ ...parts, config: config.ground }, {
      observer: (event) => {
        // What never opened is told by open(), and another address may come after it.
        if (event.event === "closed" && event.states.includes("ESTABLISHED")) ended.resolve(event.reason);
        if (event.event !== "transition") return;
        parts.onState(event.to);
        if (event.to === "TIME_WAIT" && !config.waitTimeWait) ended.resolve("TIME_WAIT");
      },
    });
    this.host = this.#session.host;
    this.stack = this.#session.stack;
    this.addressLost = this.#session.start();
  }

  /**
   * Opens the connection to an address of HOST. Rejects with ConnectionRefused, TimedOut, the signal's reason, or what the host
   * says where there is no way; `first`: what may go with the SYN, null where Fast Open is not asked for; that an IPv6 router makes itself known is waited for, where routers are believed.
   */
  async open(
    address: IpAddress,
    { signal, first }: { readonly signal: AbortSignal; readonly first: Uint8Array | null },
  ): Promise<Connection> {
    const { port, localPort, ground, fastOpen } = this.#config;
    const connect = async () => {
      if (fastOpen !== null && fastOpen.given !== null) this.#keepCookie(address, fastOpen.given);
      return await this.stack.connect({
        hostname: formatIpAddress(address),
        port,
        ...(localPort === null ? {} : { localPort }),
        ...(first === null ? {} : { fastOpen: first }),
        signal,
      });
    };
    const mayCome = ground.acceptRa && address.length === IPV6_BYTES;
    this.#connection = await this.#tryUntilRoute(connect, mayCome ? ROUTER_LOOKS : 0);
    // Off unless asked for (MUST-25); the times are in the host's settings.
    if (ground.keepAlive) this.#connection.setKeepAlive(true);
    return this.#connection;
  }

  #keepCookie(address: IpAddress, given: GivenCookie): void {
    const isExperimental = this.#config.ground.tcp.fastOpenOption === "experimental";
    this.host.keepFastOpenCookie({ ...given, address, isExperimental });
  }

  /** The cookie that the server has now given; null where there is none, or no other than before. */
  get newCookie(): GivenCookie | null {
    const { fastOpen } = this.#config;
    const [newest] = this.host.fastOpenCookies().reverse();
    if (fastOpen === null || newest === undefined) return null;
    const isKnown = fastOpen.given !== null && hexOf(fastOpen.given.cookie) === hexOf(newest.cookie);
    return isKnown ? null : newest;
  }

  async #tryUntilRoute(connect: () => Promise<Connection>, looks: number): Promise<Connection> {
    try {
      return await connect();
    } catch (error) {
      if (looks === 0 || !NO_ROUTE.test(errorLine(error))) throw error;
    }
    await new Promise<void>((resolve) => this.stack.clock.after(ROUTER_LOOK_US, resolve));
    return await this.#tryUntilRoute(connect, looks - 1);
  }

  /** Ends in order: FIN, and RST after two seconds or at once when told so. What is in TIME_WAIT is deleted. */
  async end(signal: AbortSignal): Promise<void> {
    this.#leaveTimeWait();
    await this.#session.end({ signal });
  }

  /** What was counted from the beginning to now. */
  summary(): SummaryEvent {
    return this.#session.summary();
  }

  /** RFC 9293 §3.10.5: ABORT in TIME_WAIT deletes the record, and sends nothing. */
  #leaveTimeWait(): void {
    if (this.#connection?.state === "TIME_WAIT") this.#connection.abort();
  }
}
