/**
 * createLab: two hosts, a link between them with faults, and a clock that needs no waiting: a TCP course as a test.
 *
 * Owns: how these are put together, so that the same seed and the same calls give the same course to the octet, and the log of
 * what happened. Must not know: what runs on the hosts.
 */
import { memoryPair } from "../link/memory_link.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { systemClock } from "./clock.ts";
import { createStack, type CreateStackOptions, type HostSettings } from "./create_stack.ts";
import { LabTime } from "./lab_time.ts";
import { seededSecret } from "./secret.ts";
import type { Stack } from "./stack.ts";

/** The two hosts of a lab. */
export type LabHost = "server" | "client";

/** An event of a lab, and whose it is. */
export type LabEvent = TcpEvent & { readonly host: LabHost };

/** Settings of a host of a lab, and the profile that it has. */
export type LabHostSettings = HostSettings & Pick<CreateStackOptions, "profile">;

/** What a lab is made of; all of it has a default. Settings of the hosts hold for both. */
export interface LabOptions extends LabHostSettings {
  /** Any whole number (1): initial sequence numbers and ports hang on it, and the dice of `faults` where these name no seed. */
  readonly seed?: number;
  /** Disturbs what the server receives and sends, as `serve --fault` does: `drop=1%,delay=20ms`, `in:dup=5%,out:reorder=2%`. */
  readonly faults?: string;
  /** Largest IP packet of the link in bytes (1500): 68 (RFC 791 §3.2) to 65535. */
  readonly mtu?: number;
  /** Whether they have addresses of IPv6, too (false): neighbor discovery has a lot to say. */
  readonly ipv6?: boolean;
  /** Settings of one host, where they differ. */
  readonly server?: LabHostSettings;
  /** The same for the other. */
  readonly client?: LabHostSettings;
  /**
   * How time passes. `auto` (default): by itself, at once, from deadline to deadline, while a call on one of the stacks is pending and
   * nothing else can happen. `manual`: in {@link Lab.advance} and {@link Lab.run} alone. `real`: as everywhere; then no two runs
   * are the same.
   */
  readonly time?: "auto" | "manual" | "real";
  /** Events that {@link Lab.events} keeps (100,000); older ones are lost, and counted. */
  readonly keepEvents?: number;
}

/** Addresses of the two, in a network of their own; of the other family where that is asked for. */
const ADDRESSES: Readonly<Record<LabHost, readonly [string, string]>> = {
  server: ["10.0.0.1/24", "fd00::1/64"],
  client: ["10.0.0.2/24", "fd00::2/64"],
};
/** Streams of the seed for secrets. */
const STREAMS: Readonly<Record<LabHost, number>> = { server: 0, client: 1 };
/** Local choice: about 50 MB. */
const KEEP_EVENTS = 100_000;
/** Local choice: more than any deadline of TCP but keep-alive's. */
const RUN_LIMIT_MS = 3_600_000;

/** What every link carries (RFC 791 §3.2), and the most that a packet's length says. */
const LEAST_MTU = 68;
const MOST_MTU = 0xffff;

/** Two hosts on a link in memory; made by {@link createLab}. */
export class Lab implements Disposable, AsyncDisposable {
  /** Has 10.0.0.1, and fd00::1 with `ipv6`. */
  readonly server: Stack;
  /** Has 10.0.0.2, and fd00::2 with `ipv6`. */
  readonly client: Stack;
  /** Null where time is real. */
  readonly #time: LabTime | null;
  readonly #keepEvents: number;
  #events: LabEvent[] = [];
  /** Events that have happened. */
  #told = 0;

  /** Nothing has happened yet. */
  constructor(options: LabOptions = {}) {
    const {
      seed = 1,
      faults,
      mtu,
      server,
      client,
      time = "auto",
      ipv6 = false,
      keepEvents = KEEP_EVENTS,
      ...both
    } = options;
    if (!Number.isSafeInteger(keepEvents) || keepEvents < 0) {
      throw new RangeError(`Expected a number of events to keep, 0 or more, got ${keepEvents}`);
    }
    if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= LEAST_MTU && mtu <= MOST_MTU)) {
      throw new RangeError(`Expected an MTU from ${LEAST_MTU} to ${MOST_MTU}, got ${mtu}`);
    }
    this.#keepEvents = keepEvents;
    this.#time = time === "real" ? null : new LabTime({
      isAutomatic: time === "auto",
      isBusy: () => ends.some((end) => end.waitingFrames > 0),
    });
    const clock = this.#time ?? systemClock();
    const ends = memoryPair({
      ...(mtu === undefined ? {} : { mtu }),
      nowUs: () => clock.nowUs(),
      // What faults hold back is due at a time.
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const cancel = clock.after(ms * 1000, resolve);
          signal?.addEventListener("abort", () => (cancel(), resolve()), { once: true });
        }),
    });
    const stack = (host: LabHost, own: LabHostSettings = {}) => {
      const made = createStack({
        ...both,
        ...own,
        tcp: { ...both.tcp, ...own.tcp },
        link: ends[STREAMS[host]],
        addresses: ADDRESSES[host].slice(0, ipv6 ? 2 : 1),
        clock,
        secret: seededSecret(seed, STREAMS[host]),
        // A spin is for a clock that moves by itself.
        ...(time === "real" ? {} : { spinUs: 0 }),
        ...(host === "client" || faults === undefined ? {} : { faults: withSeed(faults, seed) }),
        start: false,
      });
      made.observe((event) => this.#take(host, event));
      return made;
    };
    this.server = stack("server", server);
    this.client = stack("client", client);
    this.server.pump.start();
    this.client.pump.start();
  }

  /** Milliseconds since the beginning; of the system's clock where time is real. */
  get nowMs(): number {
    return (this.#time ?? this.server.clock).nowUs() / 1000;
  }

  /** What has happened on both hosts, in order: the newest, as many as are kept. */
  get events(): readonly LabEvent[] {
    return this.#newest();
  }

  /** Events that there was no more room for. */
  get lostEvents(): number {
    return this.#told - Math.min(this.#events.length, this.#keepEvents);
  }

  /** {@link Lab.events} as JSON lines: two runs with the same seed and the same calls have the same text. */
  get log(): string {
    return this.events.map((event) => `${JSON.stringify(event)}\n`).join("");
  }

  /** Lets `ms` milliseconds pass, and everything happen that is due by then. Throws RangeError for what is no such time. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`Expected milliseconds, 0 or more, got ${ms}`);
    if (this.#time !== null) return await this.#time.pass(ms * 1000);
    await new Promise<void>((resolve) => this.server.clock.after(ms * 1000, resolve));
  }

  /**
   * The value of `promise`, while time passes, `limitMs` at most (an hour). Throws when the limit is reached, or nothing is
   * left that could happen; RangeError for a limit that is none.
   */
  async run<Value>(promise: Promise<Value>, limitMs: number = RUN_LIMIT_MS): Promise<Value> {
    if (!(limitMs >= 0)) throw new RangeError(`Expected a limit in milliseconds, 0 or more, got ${limitMs}`);
    return this.#time === null ? await promise : await this.#time.until(promise, limitMs * 1000);
  }

  /** Ends both hosts at once. */
  close(): void {
    this.#time?.end();
    this.server.close();
    this.client.close();
  }

  /** As {@link Lab.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@link Lab.close}, and waits until both have stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await Promise.allSettled([this.server.done, this.client.done]);
  }

  #newest(): LabEvent[] {
    return this.#events.slice(Math.max(0, this.#events.length - this.#keepEvents));
  }

  #take(host: LabHost, event: TcpEvent): void {
    if (this.#events.length >= 2 * this.#keepEvents) this.#events = this.#newest();
    this.#events.push({ ...event, host });
    this.#told++;
  }
}

/** The dice are the lab's, unless somebody wants others. */
function withSeed(faults: string, seed: number): string {
  return /(^|,)\s*seed=/.test(faults) ? faults : `${faults},seed=${seed >>> 0}`;
}

/**
 * Makes two hosts on a link in memory, whose time passes by itself as fast as the machine can: an hour of retransmissions takes
 * some milliseconds, and the same seed gives the same course.
 *
 * ```ts
 * import { createLab } from "@tcplab/tcplab";
 *
 * await using lab = createLab({ seed: 7, faults: "drop=10%,delay=20ms" });
 * const listener = lab.server.listen({ port: 7 });
 * const accepting = listener.accept();
 * const client = await lab.client.connect({ hostname: "10.0.0.1", port: 7 });
 * const server = await accepting;
 * await client.write(new Uint8Array(1000));
 * client.close();
 * const got = await new Response(server.readable).arrayBuffer();
 * if (got.byteLength !== 1000) throw new Error(`got ${got.byteLength} bytes`);
 * console.log(lab.nowMs, lab.events.filter(({ event }) => event === "retransmit").length);
 * ```
 *
 * With `time: "manual"` nothing happens but what {@link Lab.advance} and {@link Lab.run} let happen:
 *
 * ```ts
 * import { createLab } from "@tcplab/tcplab";
 *
 * await using lab = createLab({ time: "manual", faults: "in:drop=100%" });
 * lab.server.listen({ port: 7 });
 * const connecting = lab.client.connect({ hostname: "10.0.0.1", port: 7 }).catch(() => {});
 * await lab.advance(3500);
 * // One SYN, and again after 1 s and 3 s (RFC 6298 §2, §5.5).
 * const again = lab.events.filter(({ event, host }) => host === "client" && event === "retransmit");
 * if (again.length !== 2) throw new Error(`${again.length} retransmissions`);
 * lab.close();
 * await connecting;
 * ```
 */
export function createLab(options: LabOptions = {}): Lab {
  return new Lab(options);
}
