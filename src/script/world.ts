/**
 * World: the true host on a link of its own, with a clock that is a number.
 *
 * Owns: time, which moves from deadline to deadline and only when told to; the neighbours, who answer at once; how far a script may
 * drive the host. Must not know: steps, packets of a script, sockets.
 *
 * The peer is beyond a router, as packetdrill has it: the host resolves the router's hardware address (RFC 826, RFC 4861 §7.2), and the
 * world answers. It has asked the host before the beginning, so that no first segment waits for an answer.
 */
import { Host } from "../host/host.ts";
import type { HostOptions } from "../host/host_options.ts";
import type { FrameLink } from "../link/link.ts";
import type { FrameTap } from "../link/tap.ts";
import type { Profile } from "../tcp/profile.ts";
import { HOST_MAC, ROUTER_MAC, RouterEnd } from "./router_end.ts";
import { ScriptLink, type SentFrame } from "./script_link.ts";
import type { SettingChanges } from "./settings.ts";

/** Local choice: the host has been up for a second when the script begins, which is time for the world to make itself known. */
const START_US = 1_000_000;
/** What the host's sequence numbers hang on; always the same, so that a script runs the same way each time. */
const SECRET = Uint8Array.from({ length: 16 }, (_, at) => at * 11 + 1);
/** How many times a host may be given a frame or a deadline at most. Local choice: no public script needs a hundredth of it. */
export const MOST_HOST_STEPS = 2_000_000;
/** Answers to answers; local choice: more than two neighbours ever need. */
const MOST_NEIGHBOR_ROUNDS = 64;

/** A wire that the host stands on, and a clock that goes by itself. */
export interface LiveWire {
  readonly link: FrameLink;
  /** Microseconds of a clock that never goes back. */
  nowUs(): number;
  /** Lets real time pass, about so much. */
  sleep(us: number): void;
  /** Why what the host sends goes out no longer, in words; null while it does. `now`: for certain, which may take longer. */
  fault?(wish: { readonly now: boolean }): string | null;
}

/** How a world is made. */
export interface WorldOptions {
  readonly profile: Profile;
  readonly localAddress: Uint8Array;
  readonly prefixLength: number;
  readonly routerAddress: Uint8Array;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** Settings beside the profile's. */
  readonly host?: Partial<HostOptions>;
  /** Wall clock at the beginning of the script, microseconds since 1970; 0 when absent. */
  readonly epochUs?: number;
  /** The host stands on this wire, in real time; absent: time passes only as the script has it, and there is nobody else. */
  readonly wire?: LiveWire | null;
  /** Hears of every frame, with times since 1970. */
  readonly tap?: FrameTap | null;
  /** Whether as much real time is over as the script may take; asked now and then. */
  readonly isOutOfTime?: () => boolean;
}

/** Frames that are taken from a wire before deadlines have their turn; local choice: small, as nobody but neighbours talks there. */
const FRAMES_AT_ONCE = 16;
/** How long a wire is not looked at; local choice: well within the tolerance of any script. */
const LOOK_EVERY_US = 500;

/** Frames and deadlines from one question for the time to the next. Local choice: well below a millisecond of work. */
const STEPS_PER_QUESTION = 256;

/** The script has driven the host further than any script should: the message says how far. */
export class WorldExhausted extends Error {
  override readonly name = "WorldExhausted";
}

/** The wire carries nothing any more: the message says why. */
export class WireFailed extends Error {
  override readonly name = "WireFailed";
}

/** See the file's comment. Times are microseconds since the script's beginning. */
export class World {
  readonly host: Host;
  readonly link: ScriptLink;
  readonly routerMac: Uint8Array = ROUTER_MAC;
  readonly #options: WorldOptions;
  readonly #router: RouterEnd;
  readonly #wire: LiveWire | null;
  /** The wire's clock at the script's beginning. */
  #beganUs = 0;
  readonly #tap: FrameTap | null;
  #hostUs = 0;
  #steps = 0;
  #counted: Readonly<Record<string, number>> = {};
  /** Called after each frame and each deadline; whoever waits for something may look again. */
  onProgress: () => void = () => {};
  /** A deadline beside the host's, microseconds of the script; Infinity without one. */
  otherDeadlineUs: () => number = () => Infinity;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { profile, epochUs = 0, localAddress, prefixLength, routerAddress } = options;
    this.#tap = options.tap ?? null;
    this.#wire = options.wire ?? null;
    this.#router = new RouterEnd({
      hostAddress: localAddress,
      address: routerAddress,
      isAlone: this.#wire === null,
    });
    this.link = new ScriptLink({
      mtu: options.mtu,
      mac: HOST_MAC,
      nowUs: () => this.nowUs,
      tap: this.#tap,
      wire: this.#wire?.link ?? null,
    });
    this.host = new Host({
      secret: SECRET,
      profile,
      // Who plays a script is the only peer: nothing else is to be on the link.
      acceptRa: false,
      ...options.host,
      link: this.link,
      addresses: [{ address: localAddress, prefixLength }],
      gateways: [routerAddress],
      epochUs: epochUs - START_US,
      nowUs: 0,
    });
    this.#give(this.#router.question());
    this.#answerNeighbors();
    this.#moveTo(START_US);
    this.begin();
  }

  /** The script begins now. */
  begin(): void {
    if (this.#wire !== null) this.#beganUs = this.#wire.nowUs() - this.nowUs;
  }

  /** The time. Before the script's beginning it is negative. */
  get nowUs(): number {
    return this.#hostUs - START_US;
  }

  /** How many frames and deadlines the host has had so far. */
  get hostSteps(): number {
    return this.#steps;
  }

  /** When something is due next, a whole microsecond not before now; Infinity when nothing is. */
  get nextDeadlineUs(): number {
    const dueUs = Math.min(this.host.nextDeadlineUs() - START_US, this.otherDeadlineUs());
    // A deadline may lie between two ticks of the clock: none comes early.
    return Math.max(Math.ceil(dueUs), this.nowUs);
  }

  /** Takes settings into force. */
  configure({ tcp, route, forgetPeers }: SettingChanges): void {
    if (tcp !== undefined) this.host.configure(tcp);
    // Round trips are not kept beyond a connection, and what ICMP said of a path has a life of its own.
    if (forgetPeers === true) this.host.forgetFastOpen();
    if (route === undefined) return;
    // There is one peer: what a route says counts for all connections.
    const { mss, initialWindowSegments, mtu } = route;
    this.host.configure({
      ...(mss === undefined ? {} : { mss }),
      ...(initialWindowSegments === undefined ? {} : { initialWindowSegments }),
    });
    if (mtu === undefined) return;
    this.link.mtu = mtu;
    this.host.linkChanged();
  }

  /** What the host has counted since this was asked last, or since the beginning; by the counters' names. */
  takeCounts(): Record<string, number> {
    const before = this.#counted;
    this.#counted = this.host.counters();
    return Object.fromEntries(
      Object.entries(this.#counted).map(([name, count]) => [name, count - (before[name] ?? 0)]),
    );
  }

  /** Hands the host a frame, now. */
  give(frame: Uint8Array): void {
    this.catchUp();
    this.#give(frame);
    this.settle();
  }

  /** To be called after the host was called from elsewhere: neighbours answer, and whoever waits may look. */
  settle(): void {
    this.#answerNeighbors();
    this.onProgress();
    this.#wire?.link.flush();
    this.demandWire({ now: false });
  }

  /** Throws {@link WireFailed} when what the host sends is not on the wire. */
  demandWire(wish: { readonly now: boolean }): void {
    const fault = this.#wire?.fault?.(wish) ?? null;
    if (fault !== null) throw new WireFailed(fault);
  }

  /** Lets time pass until `untilUs`, each deadline at its own time; nothing happens where that is past. */
  advanceTo(untilUs: number): void {
    while (this.advance(untilUs));
  }

  /** Lets time pass up to the next deadline, and runs it; when there is none by `untilUs`, up to then, and returns false. */
  advance(untilUs: number): boolean {
    if (this.#wire !== null) return this.#advanceLive(this.#wire, untilUs);
    const dueUs = this.nextDeadlineUs;
    if (dueUs > untilUs || dueUs === Infinity) {
      if (untilUs > this.nowUs && untilUs !== Infinity) this.#moveTo(untilUs + START_US);
      return false;
    }
    this.#moveTo(dueUs + START_US);
    this.#tick();
    return true;
  }

  /** The same in real time: also ended by frames that come from the wire. */
  #advanceLive(wire: LiveWire, untilUs: number): boolean {
    for (;;) {
      this.catchUp();
      const taken = wire.link.receive(
        (frame, length) => this.#give(frame.subarray(0, length)),
        FRAMES_AT_ONCE,
      );
      if (taken > 0) {
        this.settle();
        return true;
      }
      const dueUs = this.nextDeadlineUs;
      if (dueUs <= this.nowUs) {
        this.#tick();
        return true;
      }
      if (untilUs <= this.nowUs || (dueUs === Infinity && untilUs === Infinity)) return false;
      this.demandWire({ now: false });
      if (this.#options.isOutOfTime?.() === true) {
        throw new WorldExhausted("the time limit is over while a step is waited for");
      }
      wire.sleep(Math.min(dueUs - this.nowUs, untilUs - this.nowUs, LOOK_EVERY_US));
    }
  }

  /** On a wire the host's time goes by itself, and is looked at now; elsewhere nothing happens. */
  catchUp(): void {
    if (this.#wire === null) return;
    const nowUs = Math.floor(this.#wire.nowUs() - this.#beganUs);
    if (nowUs > this.nowUs) this.#moveTo(nowUs + START_US);
  }

  #tick(): void {
    this.#count();
    this.host.tick(this.#hostUs);
    this.settle();
  }

  /** The frame that the host sent first of those that no step has taken, and it is taken; null without one. */
  takeSent(): SentFrame | null {
    return this.link.take();
  }

  #moveTo(hostUs: number): void {
    this.#hostUs = hostUs;
    this.host.setNow(hostUs);
  }

  #count(): void {
    if (++this.#steps > MOST_HOST_STEPS) {
      throw new WorldExhausted(
        `the host was given ${MOST_HOST_STEPS} frames and deadlines, and the script is not at its end`,
      );
    }
    if (this.#steps % STEPS_PER_QUESTION === 0 && this.#options.isOutOfTime?.() === true) {
      throw new WorldExhausted(
        `the time limit is over after ${this.#steps} frames and deadlines of the host`,
      );
    }
  }

  #give(frame: Uint8Array): void {
    this.#count();
    this.#tap?.received(frame, frame.length, (this.#options.epochUs ?? 0) + this.nowUs, 0);
    try {
      this.host.ingest(frame, frame.length, this.#hostUs);
    } finally {
      this.#tap?.receivedDone?.();
    }
  }

  /** Neighbours answer what the host has asked, and what it asks then. */
  #answerNeighbors(): void {
    for (let round = 0; round < MOST_NEIGHBOR_ROUNDS; round++) {
      let hasAnswered = false;
      for (let frame = this.link.takeQuestion(); frame !== null; frame = this.link.takeQuestion()) {
        const answer = this.#router.answerTo(frame);
        if (answer === null) continue;
        this.#give(answer);
        hasAnswered = true;
      }
      if (!hasAnswered) return;
    }
  }
}
