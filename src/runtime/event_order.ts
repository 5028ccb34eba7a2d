/**
 * EventOrder: between the host and who reads its events: told in order of time, each with its true time.
 *
 * Owns: when an event is told, and what time it has then. Must not know: what events mean beyond that, who reads them.
 *
 * What a frame has caused is told at once, with the frame's time; a segment that is sent, when it has left and no frame can
 * come any more that was captured before. What users and deadlines cause waits in the same row, so that it stays in its
 * place among what is sent; so does the end of a connection whose last words have not left.
 */
import { Departures, type FrameOrder } from "../link/frame_order.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";

const US_PER_SECOND = 1e6;

/** What a frame brings about by way of the application comes after the answer to that frame, not before. */
function followsWhatWasSent(event: TcpEvent): boolean {
  return event.event === "closed" || (event.event === "transition" && event.cause !== "segment");
}

/** Orders the events of one host. */
export class EventOrder implements FrameOrder {
  readonly #tell: Observer;
  readonly #onThrown: (error: unknown) => void;
  readonly #epochUs: number;
  readonly #held = new Departures<TcpEvent>();
  /** Whether a frame may be under work, or come at any time; else what happens is told as it happens. */
  #isAwake = false;
  #isArriving = false;
  #lastTime = -Infinity;
  /** The latest time that is known, for what never leaves. */
  #lastUs = 0;

  /** `epochUs`: wall clock at time 0 of the host's clock, microseconds since 1970; `tell` may throw, `onThrown` hears it. */
  constructor(options: { epochUs: number; tell: Observer; onThrown: (error: unknown) => void }) {
    this.#onThrown = options.onThrown;
    this.#epochUs = options.epochUs;
    this.#tell = options.tell;
  }

  get isOpen(): boolean {
    return this.#held.isOpen;
  }

  get isHolding(): boolean {
    return this.#held.count > 0;
  }

  /** For the host. */
  readonly observe: Observer = (event) => {
    const isSent = event.event === "segment" && event.direction === "send";
    if (isSent) this.#held.hold(event);
    else if (this.isOpen && followsWhatWasSent(event)) this.#held.hold(event);
    else if (this.#isArriving || !this.#isAwake) this.#deliver(event);
    else this.#held.holdFrom(event, Math.round(event.time * US_PER_SECOND) - this.#epochUs);
  };

  looking(): void {
    this.#isAwake = true;
    this.#held.looking();
  }

  arrived(us: number): void {
    this.#isArriving = true;
    this.#lastUs = us;
    if (this.isHolding) this.#held.releaseUntil(us, this.#release);
  }

  looked(isEmpty: boolean): void {
    this.#isArriving = false;
    if (isEmpty && this.isHolding) this.#held.releaseLooked(this.#release);
  }

  departing(us: number): void {
    this.#lastUs = us;
    this.#held.departing(us);
  }

  resting(): void {
    this.#isAwake = false;
  }

  end(): void {
    this.#isAwake = this.#isArriving = false;
    this.#held.releaseAll(this.#lastUs, this.#release);
  }

  readonly #release = (event: TcpEvent, us: number) => {
    const timed: { time: number } = event;
    timed.time = (this.#epochUs + us) / US_PER_SECOND;
    this.#deliver(event);
  };

  /** The kernel may show a frame a moment after it has stamped it: then it is told with the time of what was told last. */
  #deliver(event: TcpEvent): void {
    if (event.time < this.#lastTime) {
      const timed: { time: number } = event;
      timed.time = this.#lastTime;
    } else this.#lastTime = event.time;
    try {
      this.#tell(event);
    } catch (error) {
      this.#onThrown(error);
    }
  }
}
