/**
 * FastOpenClient: Fast Open (RFC 7413) of the connections that a host begins.
 *
 * Owns: what a SYN is to carry, by what is known of the server, and what its answer teaches: cookies, and negative responses
 * (§4.1.3.1). Must not know: how a SYN is made and answered (tcp/fast_open.ts).
 */
import type { MachineContext } from "../tcp/context.ts";
import type { CloseReason } from "../tcp/events.ts";
import { FastOpen, type FastOpenAnswer, isCookieLength } from "../tcp/fast_open_record.ts";
import type { FastOpenSettings } from "../tcp/fast_open_settings.ts";
import { SYN_OPTION_BYTES } from "../tcp/segment_options.ts";
import { udpBytes } from "../tcp/send_mss.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { fastOpenBytes } from "../wire/fast_open_option.ts";
import type { Connection } from "./connection.ts";
import type { FastOpenCookie, FastOpenRequest } from "./fast_open_api.ts";
import { FastOpenCache, type KnownPath, type KnownServer } from "./fast_open_cache.ts";
import type { HostCounters } from "./host_counters.ts";

/** Room for options in a TCP header. */
const MOST_OPTION_BYTES = 40;
const NO_COOKIE: Uint8Array = new Uint8Array(0);

/** What it is done with. */
interface FastOpenClientOptions {
  readonly context: MachineContext;
  readonly counters: HostCounters;
  /** 32 random bits. */
  readonly seed: number;
}

/** What a SYN to a server would do. */
interface SynPlan {
  /** Null: no option. */
  readonly cookie: Uint8Array | null;
  readonly isExperimental: boolean;
  /** Octets of text at most; -1: none goes with it. */
  readonly mostTextBytes: number;
}

const NO_PLAN: SynPlan = { cookie: null, isExperimental: false, mostTextBytes: -1 };

/** The Fast Open client of one host. */
export class FastOpenClient {
  readonly #options: FastOpenClientOptions;
  readonly #cache: FastOpenCache;

  constructor(options: FastOpenClientOptions) {
    this.#options = options;
    this.#cache = new FastOpenCache({
      seed: options.seed,
      evicted: () => options.counters.count("fast-open-evicted"),
    });
  }

  /** The cookies that are kept, oldest first. */
  cookies(): FastOpenCookie[] {
    return this.#cache.all().map(({ localAddress, address, cookie, isExperimental, mss }) => {
      return { localAddress, address, cookie, isExperimental, mss };
    });
  }

  /** Keeps a cookie that was got in another way. Throws RangeError. */
  keep(cookie: FastOpenCookie): void {
    if (!isCookieLength(cookie.cookie.length)) {
      throw new RangeError(
        `Expected a cookie of 4 to 16 octets, an even number, got one of ${cookie.cookie.length}`,
      );
    }
    this.#cache.keep({ ...cookie, unanswered: "never" });
  }

  forget(): void {
    this.#cache.clear();
  }

  /** What {@link FastOpenHost.fastOpenRoom} says; `tcb` as that of a connection on the path would be. */
  room(tcb: Tcb, path: KnownPath, withoutCookie: boolean): number {
    return this.#plan(tcb, path, withoutCookie).mostTextBytes;
  }

  /** `connection` is about to send its SYN. */
  begins(connection: Connection, { withoutCookie = false }: FastOpenRequest): void {
    const { tcb } = connection;
    const plan = this.#plan(tcb, pathOf(connection), withoutCookie);
    if (plan === NO_PLAN) return;
    tcb.fastOpen = new FastOpen({ ...plan, mostTextBytes: Math.max(plan.mostTextBytes, 0) });
    const { counters } = this.#options;
    if (tcb.fastOpen.isRequest) counters.count("fast-open-requests");
    else counters.count("fast-open-opens");
  }

  #plan(tcb: Tcb, path: KnownPath, withoutCookie: boolean): SynPlan {
    const { config } = tcb;
    if (this.#cache.isPaused(path, this.#options.context.nowUs)) return NO_PLAN;
    const known = this.#cache.find(path);
    const { defaultMss, linkMss } = tcb.internet;
    const mss = known !== null ? known.mss : config.fastOpenUnknownMss === "default" ? defaultMss : linkMss;
    if (withoutCookie) {
      return { cookie: null, isExperimental: false, mostTextBytes: synRoom(tcb, mss, 0) };
    }
    if (known === null || known.cookie.length === 0) {
      return { cookie: NO_COOKIE, isExperimental: asksExperimentally(known, config), mostTextBytes: -1 };
    }
    const { cookie, isExperimental } = known;
    const optionBytes = fastOpenBytes(cookie.length, isExperimental);
    return { cookie, isExperimental, mostTextBytes: synRoom(tcb, mss, optionBytes) };
  }

  /** The server has answered the SYN of `connection` (RFC 7413 §4.1.3). */
  answered(connection: Connection): void {
    const { fastOpen } = connection.tcb;
    if (fastOpen === null || fastOpen.answer === null) return;
    if (fastOpen.textBytes > 0) {
      const { counters } = this.#options;
      if (fastOpen.takenBytes > 0) counters.count("fast-open-text-taken");
      else counters.count("fast-open-text-refused");
    }
    this.#learn(connection, fastOpen, fastOpen.answer);
  }

  #learn(connection: Connection, fastOpen: FastOpen, answer: FastOpenAnswer): void {
    const path = pathOf(connection);
    const known = this.#cache.find(path);
    const { localAddress, address } = path;
    // Without a question there is no answer to keep: a stranger on the path could have put it in.
    const cookie = fastOpen.cookie === null ? null : answer.cookie;
    if (cookie !== null) {
      this.#options.counters.count("fast-open-cookies-got");
      const { isExperimental, mss } = answer;
      this.#cache.keep({ localAddress, address, cookie, isExperimental, mss, unanswered: "never" });
      return;
    }
    const asked = this.#unansweredAfter(known, connection.tcb);
    this.#cache.keep({
      localAddress,
      address,
      cookie: known === null ? NO_COOKIE : known.cookie,
      isExperimental: known !== null && known.isExperimental,
      mss: answer.mss,
      unanswered: asked,
    });
    const isRefused = fastOpen.textBytes > 0 && fastOpen.takenBytes === 0;
    const isSecondBest = fastOpen.isRequest && asked === "once";
    if (isRefused || (fastOpen.isRequest && !isSecondBest)) this.#pause(connection);
  }

  /** In which forms a server has been asked in vain, with this request. */
  #unansweredAfter(
    known: KnownServer | null,
    { fastOpen, config, synRetransmits }: Tcb,
  ): KnownServer["unanswered"] {
    const before = known === null ? "never" : known.unanswered;
    // A SYN that was sent again had no option.
    if (fastOpen === null || !fastOpen.isRequest || synRetransmits > 0) return before;
    if (config.fastOpenOption !== "standard-then-experimental") return "twice";
    return before === "never" ? "once" : "twice";
  }

  /** `connection` has ended; without an answer to its SYN that is a negative response (RFC 7413 §4.1.3.1). */
  ended(connection: Connection, reason: CloseReason): void {
    const { fastOpen, passive } = connection.tcb;
    if (fastOpen === null || passive || fastOpen.answer !== null) return;
    if (reason === "timeout" || reason === "refused") this.#pause(connection);
  }

  #pause(connection: Connection): void {
    const { fastOpenPauseUs } = connection.tcb.config;
    if (fastOpenPauseUs === 0) return;
    this.#options.counters.count("fast-open-paused");
    this.#cache.pause(pathOf(connection), this.#options.context.nowUs + fastOpenPauseUs);
  }
}

/** Whether a request goes out in the form of the drafts. */
function asksExperimentally(known: KnownServer | null, config: FastOpenSettings): boolean {
  switch (config.fastOpenOption) {
    case "standard":
      return false;
    case "experimental":
      return true;
    case "standard-then-experimental":
      return known !== null && known.unanswered === "once";
  }
}

/** Text that a SYN has room for beside an option of `optionBytes` (RFC 7413 §4.2.2: up to the server's MSS; MUST-16). */
function synRoom(tcb: Tcb, serverMss: number, optionBytes: number): number {
  const { config } = tcb;
  const narrowest = Math.min(tcb.pathMss, tcb.internet.linkMss) - udpBytes(config);
  const carried = Math.min(serverMss, tcb.ourMss, narrowest);
  const options = config.fastOpenOptionRoom === "all"
    ? MOST_OPTION_BYTES
    : optionBytes + synOptionBytes(config.timestamps, config.sack, config.windowScaling);
  return Math.max(carried - options, 0);
}

/** What our SYN's other options take. */
function synOptionBytes(timestamps: boolean, sack: boolean, windowScaling: boolean): number {
  const { MSS, TIMESTAMPS_AND_SACK, SACK, WINDOW_SCALE } = SYN_OPTION_BYTES;
  return MSS + (timestamps ? TIMESTAMPS_AND_SACK : sack ? SACK : 0) + (windowScaling ? WINDOW_SCALE : 0);
}

function pathOf({ localAddress, peerAddress, peerPort }: Connection): KnownPath {
  return { localAddress, address: peerAddress, port: peerPort };
}
