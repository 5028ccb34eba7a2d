/**
 * FastOpenRequests: what becomes of a SYN that asks a listener for Fast Open (RFC 7413 §4.2.2, the server receives a SYN).
 *
 * Owns: the verdict, what is counted of it, and the count of pending requests. Must not know: how the connection begins
 * (connection_requests.ts), what its text does to it (tcp/fast_open.ts).
 *
 * In this order: a listener that does none, memory that is short, and too many pending (§5.1) make an ordinary handshake of
 * it, without text, option or cookie, as if Fast Open were unknown here; then the cookie decides. A SYN that is answered
 * with a SYN cookie (RFC 4987) never comes here.
 */
import type { MachineContext } from "../tcp/context.ts";
import { FastOpen, isCookieLength } from "../tcp/fast_open_record.ts";
import type { FastOpenSettings } from "../tcp/fast_open_settings.ts";
import type { FourTuple } from "../tcp/initial_sequence.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";
import { FastOpenCookies } from "./fast_open_cookies.ts";
import type { HostCounters } from "./host_counters.ts";
import type { Listener } from "./listeners.ts";

/** What is judged with. */
interface FastOpenRequestsOptions {
  readonly context: MachineContext;
  readonly counters: HostCounters;
  readonly keys: readonly Uint8Array[];
  readonly settings: FastOpenSettings;
}

/** The Fast Open requests to one host. */
export class FastOpenRequests {
  readonly #options: FastOpenRequestsOptions;
  readonly #cookies: FastOpenCookies;

  /** Throws RangeError for keys that cannot be. */
  constructor(options: FastOpenRequestsOptions) {
    this.#options = options;
    this.#cookies = new FastOpenCookies(options.keys, options.settings);
  }

  /** What Fast Open makes of the SYN of a connection that is about to begin; null: nothing. */
  judge(syn: TcpSegment, listener: Listener, ends: FourTuple): FastOpen | null {
    const listening = listener.fastOpen;
    if (!listening.isOn) return null;
    const isAsked = syn.fastOpen === 0 || isCookieLength(syn.fastOpen);
    const isBlank = !isAsked && listening.withoutCookie && syn.payloadLength > 0;
    if (!isAsked && !isBlank) return null;
    const { context } = this.#options;
    if (context.pool.account.isTight || listening.pendingAt(context.nowUs) >= listening.limit) {
      context.apply("arrives.listen.fast-open-full");
      this.#options.counters.count("fast-open-full");
      return null;
    }
    if (isBlank) return this.#accept(null, false);
    const cookies = listening.cookies ?? this.#cookies;
    const isExperimental = syn.isFastOpenExperimental;
    const verdict = syn.fastOpen === 0 ? "bad" : cookies.check(ends, syn.fastOpenCookie);
    if (verdict === "current") return this.#accept(null, isExperimental);
    const cookie = cookies.make(ends);
    this.#options.counters.count("fast-open-cookies-sent");
    if (verdict === "old") return this.#accept(cookie, isExperimental);
    if (listening.withoutCookie && syn.payloadLength > 0) return this.#accept(cookie, isExperimental);
    if (syn.fastOpen > 0) this.#options.counters.count("fast-open-cookies-bad");
    context.apply("arrives.listen.fast-open-cookie");
    return new FastOpen({ cookie, isExperimental });
  }

  #accept(cookie: Uint8Array | null, isExperimental: boolean): FastOpen {
    this.#options.counters.count("fast-open-accepted");
    return new FastOpen({ cookie, isExperimental, isAccepted: true });
  }

  /** A connection that {@link FastOpenRequests.judge} has accepted has begun. */
  begins({ tcb, listener }: Connection): void {
    if (tcb.fastOpen === null || !tcb.fastOpen.isAccepted || listener === null) return;
    tcb.fastOpen.isPending = true;
    listener.fastOpen.begins();
  }

  /** An event of a pending connection is over: it may be pending no more. */
  settle({ tcb, listener }: Connection): void {
    const { fastOpen } = tcb;
    if (fastOpen === null || listener === null || (!tcb.synAcknowledged && tcb.ended === null)) return;
    fastOpen.isPending = false;
    // By whomever: one that gives way to others, or that the application aborts at once, has had its work done as well.
    const isHeld = !tcb.synAcknowledged && tcb.ended !== "timeout";
    const { context, settings } = this.#options;
    listener.fastOpen.ends(isHeld ? context.nowUs + settings.fastOpenResetHoldUs : null);
  }
}
