/**
 * LabTime: a clock for programs with promises, which moves by itself when nothing else can happen, or only when it is told to.
 *
 * Owns: when time passes. Must not know: hosts, what anybody waits for.
 */
import { type Clock, VirtualClock } from "./clock.ts";
import { visitEventLoop } from "./pump.ts";

/** Rounds of the event loop in which promises, streams and pumps come to rest. Local choice: a stream's pipe takes two. */
const ROUNDS = 4;
/** Wall clock at time 0, microseconds since 1970: the same for all labs, so that two runs tell the same. Local choice: 2023-11-14. */
const EPOCH_US = 1_700_000_000_000_000;

/** What {@link LabTime} is made with. */
interface LabTimeOptions {
  /** Whether it moves by itself as long as somebody waits. */
  readonly isAutomatic: boolean;
  /** True when frames are still to be handed over, for which no time may pass. */
  isBusy(): boolean;
}

/** See the head of this file. */
export class LabTime implements Clock {
  readonly epochUs = EPOCH_US;
  readonly #clock = new VirtualClock({ epochUs: EPOCH_US });
  readonly #options: LabTimeOptions;
  /** Pending calls, by stack. */
  #waiting = 0;
  /** Those by whose word time passes now. */
  #drivers = 0;
  #isRunning = false;
  #isOver = false;
  #settling: Promise<void> | undefined;
  /** Nothing has happened since the last rest: of several who wait for one, one moves time on. */
  #isAtRest = false;

  /** Time 0. */
  constructor(options: LabTimeOptions) {
    this.#options = options;
  }

  /** Microseconds since the beginning. */
  nowUs(): number {
    return this.#clock.nowUs();
  }

  /** A frame arrives when it is taken. */
  capturedUs(wallUs: number, nowUs: number): number {
    return this.#clock.capturedUs(wallUs, nowUs);
  }

  /** As {@link Clock.after}. */
  after(delayUs: number, callback: () => void): () => void {
    const cancel = this.#clock.after(delayUs, callback);
    this.#begin();
    return cancel;
  }

  /** Somebody waits: then time passes by itself, where it does that. */
  holdProcess(): () => void {
    this.#waiting++;
    this.#begin();
    let isReleased = false;
    return () => {
      if (!isReleased) this.#waiting--;
      isReleased = true;
    };
  }

  /** Lets everything happen that needs no time. Several who ask wait for one and the same rest. */
  settle(): Promise<void> {
    this.#settling ??= this.#comeToRest().finally(() => this.#settling = undefined);
    return this.#settling;
  }

  /** Lets `us` microseconds pass, each timer at its own time. */
  async pass(us: number): Promise<void> {
    const targetUs = this.nowUs() + us;
    await this.#driven(async () => {
      const isDue = () => this.nowUs() < targetUs || this.#clock.nextTimerUs <= targetUs;
      do await this.settle(); while (isDue() && this.#stepTo(targetUs));
    });
  }

  /** The value of `promise`; time passes while it waits, `limitUs` at most. Throws when that was not enough. */
  until<Value>(promise: Promise<Value>, limitUs: number): Promise<Value> {
    const beganUs = this.nowUs();
    let isPending = true;
    promise.then(() => isPending = false, () => isPending = false);
    return this.#driven(async () => {
      for (;;) {
        await this.settle();
        if (!isPending) return await promise;
        const nextUs = this.#clock.nextTimerUs;
        // Without a limit, too, nobody waits for nothing.
        if (nextUs === Infinity || nextUs > beganUs + limitUs) {
          const why = nextUs === Infinity ? "nothing is left that could happen" : "that was the limit";
          throw new Error(`Still waiting after ${(this.nowUs() - beganUs) / 1000} ms: ${why}`);
        }
        this.#stepTo(nextUs);
      }
    });
  }

  /** Never passes by itself any more. */
  end(): void {
    this.#isOver = true;
  }

  #begin(): void {
    if (!this.#options.isAutomatic || this.#isRunning || this.#isOver) return;
    if (this.#waiting === 0 || this.#drivers > 0) return;
    this.#isRunning = true;
    void this.#run().finally(() => {
      this.#isRunning = false;
      // Somebody may have come to wait while the last round ended.
      if (this.#clock.nextTimerUs !== Infinity) this.#begin();
    });
  }

  async #run(): Promise<void> {
    do {
      await this.settle();
      if (this.#waiting === 0 || this.#isOver || this.#drivers > 0) return;
    } while (this.#stepTo(Infinity));
  }

  /** Time passes by somebody's word meanwhile, not by itself. */
  async #driven<Result>(drive: () => Promise<Result>): Promise<Result> {
    this.#drivers++;
    try {
      return await drive();
    } finally {
      this.#drivers--;
      this.#begin();
    }
  }

  /** Moves on to the next timer, or to `targetUs` if that is sooner; false when that is never. Not before all has come to rest. */
  #stepTo(targetUs: number): boolean {
    const nextUs = Math.min(this.#clock.nextTimerUs, targetUs);
    if (nextUs === Infinity) return false;
    if (this.#isAtRest) {
      this.#isAtRest = false;
      this.#clock.advanceTo(nextUs);
    }
    return true;
  }

  async #comeToRest(): Promise<void> {
    for (let quiet = 0; quiet < ROUNDS; quiet++) {
      await visitEventLoop();
      if (this.#options.isBusy()) quiet = -1;
    }
    this.#isAtRest = true;
  }
}
