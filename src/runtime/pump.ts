/**
 * Pump: the only asynchronous loop. It carries frames from the link to the host, runs deadlines that are due, puts
 * the answers on the wire, and sleeps until there is something to do.
 *
 * Owns: when to receive, tick, flush, spin, yield and sleep. Must not know: TCP, applications, devices.
 */
import { setImmediate } from "node:timers";
import type { HostApi } from "../host/api.ts";
import type { FrameOrder } from "../link/frame_order.ts";
import type { FrameHandler, FrameLink } from "../link/link.ts";
import type { Clock } from "./clock.ts";

/** What a {@link Pump} joins, and whom it tells. */
export interface PumpOptions {
  /** Where frames come from. */
  readonly link: FrameLink;
  /** Where they go to. */
  readonly host: HostApi;
  /** The time of both. */
  readonly clock: Clock;
  /** Most frames of one turn (64). */
  readonly budgetFrames?: number;
  /** How long to look for a next frame before sleeping, microseconds (80); 0 for a virtual clock. */
  readonly spinUs?: number;
  /** Whether the process lives on for a deadline (true); nothing else of the pump holds it. */
  readonly holdsProcess?: boolean;
  /** Called before each sleep: the place to write out what was gathered (logs, captures). */
  readonly onIdle?: () => void;
  /** Called after each turn that took frames. */
  readonly onBatch?: (frames: number) => void;
}

/**
 * Frames per turn. Local choice: at 3 us a frame a turn stays near 200 us, so deadlines and held-back sends wait no
 * longer than that, and the cost of a turn is spread over enough frames not to matter.
 */
const BUDGET_FRAMES = 64;

/**
 * Local choice: a sleep and its wake cost 40 to 80 us (the wait runs on another thread); spinning for as long as a
 * sleep costs is never more than twice as dear as the best choice in hindsight, and answers a peer that
 * replies at once four times sooner.
 */
const SPIN_US = 80;

/** Bound of a spin in turns, for a clock that stands still; local choice: an empty turn costs 0.03 us or more. */
const SPIN_TURNS = 4000;

/** Spins that may fail in a row before the pump stops trying; local choice: less than a millisecond of lost work. */
const SPIN_CREDIT = 8;

/** Work between two visits of the event loop (signals, control socket, log); local choice: not felt by a person. */
const SLICE_US = 10_000;

/** The same in turns with frames, for a clock that stands still. */
const SLICE_TURNS = 1000;

/**
 * The first frames of a turn each get a look at the clock, later ones share one. Local choice: a look costs 50 to
 * 100 ns, a frame about 2 us. When a frame arrived the capture tells exactly; a look tells when its answer leaves, at the
 * earliest: bulk pays less than 1 %, and takes a send for up to 20 us older than it is, never for younger.
 */
const EXACT_FRAMES = 2;
const FRAMES_PER_LOOK = 8;

/** Local choice: more than a turn takes; what lies further ahead of the clock is to be held against it. */
const TRUSTED_AHEAD_US = 1_000;

/**
 * Runs one host on one link. `start` once, `stop` once; {@link Pump.done} tells the end.
 *
 * Code that calls the host from outside (a promise that went on, a timer) wraps the call in `enter` and `leave`.
 */
export class Pump implements Disposable {
  /** Resolves when the pump has stopped; rejects with the reason (a LinkError, or a defect) when it broke. */
  readonly done: Promise<void>;

  readonly #link: FrameLink;
  readonly #host: HostApi;
  readonly #clock: Clock;
  readonly #budgetFrames: number;
  readonly #spinUs: number;
  /** Sets the alarm. */
  readonly #after: Clock["after"];
  readonly #onIdle: (() => void) | undefined;
  readonly #onBatch: ((frames: number) => void) | undefined;
  readonly #settle: { resolve(): void; reject(reason: unknown): void };

  #started = false;
  #stopping = false;
  #failure: unknown = undefined;
  #asleep = false;
  /** A promise of an application was settled: let it go on before spinning or taking more frames. */
  #woken = false;
  #nowUs = 0;
  /** The link's MTU as the host knows it. */
  #mtuBytes: number;
  /** What the host was told of the link's crowd. */
  #isCrowded = false;
  /** When the last frame arrived, by the clock. */
  #arrivedUs = -Infinity;
  /** Who hears when frames come and leave; none when nobody watches. */
  #orders: readonly FrameOrder[] = [];
  #framesOfTurn = 0;
  #credit = SPIN_CREDIT;
  /** The one armed timer: it wakes the link at `#alarmUs`. Left armed when the deadline moves later. */
  #alarmUs = Infinity;
  #cancelAlarm: () => void = () => {};

  /** Does nothing until `start`. */
  constructor(options: PumpOptions) {
    this.#link = options.link;
    this.#mtuBytes = options.link.mtu;
    this.#host = options.host;
    this.#clock = options.clock;
    this.#budgetFrames = options.budgetFrames ?? BUDGET_FRAMES;
    this.#spinUs = options.spinUs ?? SPIN_US;
    const { clock, holdsProcess = true } = options;
    this.#after = (delayUs, callback) =>
      holdsProcess || clock.afterIfAlive === undefined
        ? clock.after(delayUs, callback)
        : clock.afterIfAlive(delayUs, callback);
    this.#onIdle = options.onIdle;
    this.#onBatch = options.onBatch;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#settle = { resolve, reject };
    // Whoever awaits `done` hears of a failure; one that nobody awaits must not end the process.
    promise.catch(() => {});
  }

  /** True from `start` until the loop has ended. */
  get running(): boolean {
    return this.#started && !this.#stopping;
  }

  /** Lets these, and none else, hear when frames come and leave, from now on. */
  follow(orders: readonly FrameOrder[]): void {
    this.#orders = orders;
    this.#link.onDeparture = orders.length === 0 ? null : this.#departing;
  }

  /** Begins to run; the first turn happens at once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#run().then(
      () => this.#finish(),
      (error) => {
        this.#failure ??= error;
        this.#finish();
      },
    );
  }

  /** Ends the loop after the turn under way. The link stays open. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#started) this.#link.wake();
    else this.#finish();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /** Brings the host's time up to date: call before the host is used from outside the pump. */
  enter(): void {
    this.#host.setNow(this.#look());
  }

  /**
   * Sends what the use of the host has left in the link, and wakes earlier if it set an earlier deadline. While
   * the pump is awake there is nothing to do: the next turn does both, and where there is none the way to sleep.
   */
  leave(): void {
    if (!this.#asleep) return;
    try {
      this.#flush();
    } catch (error) {
      this.#failure ??= error;
      this.#stopping = true;
      this.#link.wake();
      return;
    }
    // The next turn follows; it must not wait for a frame. Nor must who can tell of what was sent only after a look.
    if (this.#isHolding() || this.#link.mtu !== this.#mtuBytes) this.#link.wake();
    this.#arm(this.#host.nextDeadlineUs());
  }

  /** Says that a promise of an application was settled inside the host, so that its code gets to run soon. */
  noteWoken(): void {
    this.#woken = true;
  }

  /**
   * One turn, without waiting: takes up to a budget of frames, runs the deadlines that are due, flushes the link.
   * Returns the number of frames. What the loop does, for those who drive a host by hand.
   */
  turn(): number {
    this.#framesOfTurn = 0;
    for (const order of this.#orders) order.looking();
    const frames = this.#link.receive(this.#take, this.#budgetFrames);
    for (const order of this.#orders) order.looked(frames < this.#budgetFrames);
    if (this.#link.isCrowded !== this.#isCrowded) this.#tellCrowd();
    this.#look();
    if (this.#host.nextDeadlineUs() <= this.#nowUs) this.#host.tick(this.#nowUs);
    this.#flush();
    if (this.#link.mtu !== this.#mtuBytes) this.#followLink();
    if (frames > 0) this.#onBatch?.(frames);
    return frames;
  }

  readonly #take: FrameHandler = (frame, length, capturedUs) => {
    const position = this.#framesOfTurn++;
    // Before the first: a SYN that comes after a long rest is answered with what holds now.
    if (position === 0 && this.#link.mtu !== this.#mtuBytes) this.#followLink();
    if (position < EXACT_FRAMES || position % FRAMES_PER_LOOK === 0) this.#look();
    let arrivedUs = this.#clock.capturedUs(capturedUs, this.#nowUs);
    if (arrivedUs > this.#nowUs) arrivedUs = this.#lookFor(arrivedUs);
    // The kernel of a machine with many processors tells times that are a little out of order.
    if (arrivedUs < this.#arrivedUs) arrivedUs = this.#arrivedUs;
    this.#arrivedUs = arrivedUs;
    for (const order of this.#orders) order.arrived(arrivedUs);
    this.#host.ingest(frame, length, this.#nowUs, arrivedUs);
  };

  readonly #departing = () => {
    let nowUs = -1;
    for (const order of this.#orders) {
      if (order.isOpen) order.departing(nowUs < 0 ? nowUs = this.#look() : nowUs);
    }
  };

  /** Puts on the wire what the link holds back. What never gets that far has left, as far as anybody can tell, before. */
  #flush(): void {
    const { nowUs } = this.#host;
    this.#link.flush();
    for (const order of this.#orders) if (order.isOpen) order.departing(nowUs);
  }

  #isHolding(): boolean {
    for (const order of this.#orders) if (order.isHolding) return true;
    return false;
  }

  /** Looks at the clock; the host's time never goes back. */
  #look(): number {
    const nowUs = this.#clock.nowUs();
    if (nowUs > this.#nowUs) this.#nowUs = nowUs;
    return this.#nowUs;
  }

  /** A frame arrived after the last look: mostly while frames are taken, and then its time is as good as a look. */
  #lookFor(arrivedUs: number): number {
    if (arrivedUs - this.#nowUs > TRUSTED_AHEAD_US && arrivedUs > this.#look()) return this.#nowUs;
    if (arrivedUs > this.#nowUs) this.#nowUs = arrivedUs;
    return arrivedUs;
  }

  #tellCrowd(): void {
    this.#isCrowded = this.#link.isCrowded;
    this.#host.crowd(this.#isCrowded);
  }

  /** Lets the host follow the device's MTU, and sends what that leads to. */
  #followLink(): void {
    this.#mtuBytes = this.#link.mtu;
    this.#host.setNow(this.#look());
    this.#host.linkChanged();
    this.#flush();
  }

  async #run(): Promise<void> {
    let sliceUs = this.#clock.nowUs();
    let trafficUs = -Infinity;
    let spins = 0;
    let turns = 0;
    let justWoke = false;
    let sleptUs = 0;
    while (!this.#stopping) {
      const frames = this.turn();
      if (frames > 0) {
        // Only a gap that a spin could have bridged earns one.
        if (spins > 0 || (justWoke && sleptUs < 2 * this.#spinUs)) {
          this.#credit = Math.min(SPIN_CREDIT, this.#credit + 1);
        }
        trafficUs = this.#nowUs;
        spins = 0;
        turns++;
      }
      justWoke = false;
      if (this.#nowUs - sliceUs >= SLICE_US || turns >= SLICE_TURNS) {
        await visitEventLoop();
        turns = 0;
        sliceUs = this.#clock.nowUs();
        this.#woken = false;
        continue;
      }
      if (this.#woken) {
        // A full turn may have woken many: let them all go on. Otherwise one step of each is enough, as we come back soon.
        this.#woken = frames < this.#budgetFrames;
        if (this.#woken) await undefined;
        else await visitEventLoop();
      }
      if (frames > 0) continue;
      if (this.#credit > 0 && this.#nowUs - trafficUs < this.#spinUs && spins < SPIN_TURNS) {
        spins++;
        continue;
      }
      if (spins > 0) this.#credit--;
      spins = 0;
      if (this.#needsAnotherLook()) continue;
      sleptUs = await this.#sleep();
      // Time asleep is no work.
      sliceUs += sleptUs;
      justWoke = true;
    }
  }

  /**
   * What has left can be told of after one more look for frames; before that, code that was let go on since the last turn
   * may have used the host. Asked before the sleep is told of, so that log and recording are written out once.
   */
  #needsAnotherLook(): boolean {
    if (this.#orders.length === 0) return false;
    this.#flush();
    return this.#isHolding();
  }

  /** Sleeps until a frame, a deadline or a wake; returns for how long, microseconds. */
  async #sleep(): Promise<number> {
    this.#onIdle?.();
    if (this.#stopping) return 0;
    // Whoever was told that we go to sleep may have used the host: what that sent must not wait for the next frame.
    this.#flush();
    if (this.#isHolding()) return 0;
    const beganUs = this.#clock.nowUs();
    const deadlineUs = this.#host.nextDeadlineUs();
    if (deadlineUs <= beganUs) return 0;
    this.#arm(deadlineUs);
    for (const order of this.#orders) order.resting();
    this.#woken = false;
    this.#asleep = true;
    try {
      await this.#link.wait(Infinity);
    } finally {
      this.#asleep = false;
    }
    return this.#clock.nowUs() - beganUs;
  }

  /**
   * Makes sure that something wakes us by `deadlineUs`. Under traffic the earliest deadline moves later with every
   * segment; the timer then stays as it is and rings once too early, which is cheaper than setting it each time.
   * Without a deadline none is set: a server at rest never wakes.
   */
  #arm(deadlineUs: number): void {
    if (deadlineUs >= this.#alarmUs) return;
    this.#cancelAlarm();
    this.#alarmUs = deadlineUs;
    this.#cancelAlarm = this.#after(deadlineUs - this.#clock.nowUs(), () => {
      this.#alarmUs = Infinity;
      this.#link.wake();
    });
  }

  #finish(): void {
    this.#stopping = true;
    this.#cancelAlarm();
    this.#alarmUs = Infinity;
    try {
      // The last words of whoever stopped us: RSTs of connections that were aborted.
      if (this.#failure === undefined) this.#flush();
    } catch (error) {
      this.#failure = error;
    }
    for (const order of this.#orders) order.end();
    if (this.#failure === undefined) this.#settle.resolve();
    else this.#settle.reject(this.#failure);
  }
}

/** Lets everything else that waits for the event loop run once: promises, timers, sockets, signals. */
export function visitEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
