/**
 * Session: everything that is at work on one link, from the first frame to the summary: link, faults, tap, host, stack,
 * observers. `serve`, `connect`, and the library's stacks and listeners are made of it.
 *
 * Owns: the order in which these lie upon each other and come and go. The injector lies on the device, and the tap on it: a
 * recording has what the host saw and sent. What the injector does is told to the tap first, then to the host, whose events
 * name it. Who is to hear or to be there from the beginning comes before {@link Session.start}, until which no frame is
 * taken: an early SYN must not meet a closed port. Whoever leaves at the end has heard everything, the folded too.
 *
 * Must not know: how the link was opened, what is listened for or connected to, what observers do with events, files,
 * terminals, exit status.
 *
 * Where there are several hosts (each with its hardware address, behind the one link, pump and stream of events), what they send
 * each other comes back above all of these: it never is on the wire, so that it is neither disturbed nor recorded.
 *
 * What is absent lies nowhere: with one host there is nothing between it and the link, without faults there is no injector in the way of a frame, without a recorder no tap, and
 * without observers the host builds no event.
 */
import type { HostAtWork } from "../host/api.ts";
import { Host, type HostOptions } from "../host/host.ts";
import { HostGroup } from "../host/host_group.ts";
import { HostNumbers } from "../host/host_numbers.ts";
import { type FaultLink, faultLink } from "../link/fault_link.ts";
import { type FaultSpec, NO_FAULTS } from "../link/fault_spec.ts";
import type { FrameOrder } from "../link/frame_order.ts";
import { hairpinLink, stationLink } from "../link/hairpin_link.ts";
import type { FrameLink, HostLink } from "../link/link.ts";
import { type FrameTap, tapLink } from "../link/tap.ts";
import type { Observer, SummaryEvent } from "../tcp/events.ts";
import type { Clock } from "./clock.ts";
import { randomSecret } from "./secret.ts";
import { Stack, type StackParts, type StackShutdownOptions } from "./stack.ts";
import type { ShutdownResult } from "./shutdown.ts";
import { faultCounters, summaryEvent } from "./summary.ts";

/** What is said about the host itself: all but what a session gives it. */
export interface SessionHost extends Omit<HostOptions, "link" | "secret" | "epochUs" | "nowUs"> {
  /** 16 bytes; random ones when absent. */
  readonly secret?: Uint8Array;
}

/** One of several hosts on a link: what it has for itself. */
export interface SessionStation extends Pick<SessionHost, "addresses" | "gateways"> {
  readonly mac: Uint8Array;
}

/** Puts frames and events together, as a recording does: it sees both as they happen. */
export interface SessionRecorder extends FrameTap, FrameOrder {
  readonly observe: Observer;
}

/** What a {@link Session} is made of. */
export interface SessionParts
  extends Pick<StackParts, "spinUs" | "frameOrders" | "holdsProcess" | "onIdle" | "onBatch"> {
  /** Carries the frames; belongs to the session from now on. */
  readonly link: FrameLink;
  readonly clock: Clock;
  readonly host: SessionHost;
  /**
   * Where there are to be several hosts: what each has in place of what `host` says. Of its bounds on memory and connections
   * each gets an equal part, all else holds for each. The link has to hand up frames for all of their hardware addresses.
   */
  readonly stations?: readonly SessionStation[];
  /** Faults to put on the link; null or absent for none. */
  readonly faults?: FaultSpec | null;
  /** Puts an injector on the link also without faults, so that there may be some later. */
  readonly takesFaults?: boolean;
  readonly recorder?: SessionRecorder | null;
  /** Hear of every event from the beginning to the end, in this order; null for one that is not there. */
  readonly observers?: readonly (Observer | null)[];
}

/** Lines of a log that its readers will miss, for a summary. */
interface LogLosses {
  readonly lostLines?: number;
  readonly leftOutLines?: number;
}

/** What an injector does before it is told of anything. */
const NONE_YET: FaultSpec = { seed: 1, in: NO_FAULTS, out: NO_FAULTS };

/** Makes a host of our own on a link, with the clock's time. */
export function hostOn(link: HostLink, about: { settings: SessionHost; clock: Clock }): Host {
  const { settings, clock } = about;
  return new Host({
    ...settings,
    link,
    secret: settings.secret ?? randomSecret(),
    epochUs: clock.epochUs,
    nowUs: clock.nowUs(),
  });
}

/** Bounds for all hosts together, of which each gets an equal part: what one is flooded with is not the others' loss. */
const SHARED_BOUNDS = ["memoryBytes", "maxConnections", "maxTimeWait", "maxClosing"] as const;

function sharesOf(settings: SessionHost, count: number): Pick<SessionHost, typeof SHARED_BOUNDS[number]> {
  return Object.fromEntries(SHARED_BOUNDS.flatMap((bound) => {
    const whole = settings[bound];
    return whole === undefined ? [] : [[bound, Math.max(1, Math.floor(whole / count))]];
  }));
}

/** Several hosts on one link, as one. */
function hostsOn(
  link: FrameLink,
  about: { settings: SessionHost; stations: readonly SessionStation[]; clock: Clock },
): HostGroup {
  const { settings, stations, clock } = about;
  const numbers = new HostNumbers();
  const shares = sharesOf(settings, stations.length);
  return new HostGroup(stations.map(({ mac, ...own }) => ({
    host: hostOn(stationLink(link, mac), { settings: { ...settings, ...shares, ...own, numbers }, clock }),
    mac,
    addresses: own.addresses.map(({ address }) => address),
  })));
}

/** A host at work on a link, and all that lies between the two and around them. */
export class Session {
  /** The whole wire, as the host has it. */
  readonly link: FrameLink;
  /** One, or several as one. */
  readonly host: HostAtWork;
  readonly stack: Stack;
  readonly #clock: Clock;
  readonly #faultLink: FaultLink | null;
  readonly #leave: readonly (() => void)[];
  readonly #beganUs: number;

  /** Puts everything together; takes no frame yet. */
  constructor(parts: SessionParts) {
    const { clock, recorder = null, frameOrders = [], spinUs, onIdle, onBatch, stations = [] } = parts;
    const faults = parts.faults ?? (parts.takesFaults === true ? NONE_YET : null);
    this.#clock = clock;
    this.#beganUs = clock.nowUs();
    const areSeveral = stations.length > 1;
    this.#faultLink = faults === null ? null : this.#disturbed(parts.link, { faults, tap: recorder });
    const wire = this.#faultLink ?? parts.link;
    const tapped = recorder === null ? wire : tapLink(wire, recorder);
    this.link = areSeveral ? hairpinLink(tapped, stations.map(({ mac }) => mac)) : tapped;
    this.host = areSeveral
      ? hostsOn(this.link, { settings: parts.host, stations, clock })
      : hostOn(this.link, { settings: parts.host, clock });
    this.stack = new Stack({
      link: this.link,
      host: this.host,
      clock,
      start: false,
      frameOrders: recorder === null ? frameOrders : [recorder, ...frameOrders],
      ...(spinUs === undefined ? {} : { spinUs }),
      ...(parts.holdsProcess === undefined ? {} : { holdsProcess: parts.holdsProcess }),
      ...(onIdle === undefined ? {} : { onIdle }),
      ...(onBatch === undefined ? {} : { onBatch }),
    });
    const leave = recorder === null ? [] : [this.stack.observeAtOnce(recorder.observe)];
    for (const observer of parts.observers ?? []) {
      if (observer !== null) leave.push(this.stack.observe(observer));
    }
    this.#leave = leave;
  }

  /** The injector, null where there is none. What is done to it may let frames go: between the pump's `enter` and `leave`. */
  get injector(): FaultLink | null {
    return this.#faultLink;
  }

  /** Takes frames from now on; those that wait already are taken at once. */
  start(): void {
    this.stack.pump.start();
  }

  /** Seconds since 1970 now, as events have it. */
  get time(): number {
    return (this.#clock.epochUs + this.#clock.nowUs()) / 1e6;
  }

  /** Ends in order, as {@link Stack.shutdown} does; in the end, however that was, the observers leave. */
  async end(options: StackShutdownOptions = {}): Promise<ShutdownResult> {
    try {
      return await this.stack.shutdown(options);
    } finally {
      for (const leave of this.#leave) leave();
    }
  }

  /** What was counted from the beginning to now: by the host (`frames-in`), the injector (`fault-in-...`) and the link (`link-...`). */
  summary(losses: LogLosses = {}): SummaryEvent {
    return summaryEvent({
      ...losses,
      time: this.time,
      durationMs: (this.#clock.nowUs() - this.#beganUs) / 1000,
      counters: { ...this.host.counters(), ...faultCounters(this.#faultLink?.faultCounts() ?? null) },
      link: this.link.stats(),
    });
  }

  /** The injector on the link. It has nothing to tell before the first frame, and by then there is a host. */
  #disturbed(link: FrameLink, about: { faults: FaultSpec; tap: FrameTap | null }): FaultLink {
    const { faults, tap } = about;
    return faultLink(link, {
      faults,
      nowUs: () => this.#clock.nowUs(),
      after: (us, call) => this.#clock.after(us, call),
      observer: {
        isWatched: () => tap?.faulted !== undefined || this.host.faultObserver.isWatched(),
        touched: (touched) => {
          tap?.faulted?.(touched);
          const { direction, capturedUs, nowUs } = touched;
          const atUs = direction === "in" ? this.#clock.capturedUs(capturedUs, nowUs) : nowUs;
          return this.host.faultObserver.touched({ ...touched, nowUs: atUs });
        },
        handsUp: (number) => this.host.faultObserver.handsUp(number),
      },
    });
  }
}
