/**
 * The order of time between frames that come and frames that leave.
 *
 * Owns: who may wait with telling of a frame, and until when. Must not know: clocks, what is told, files.
 *
 * A frame that came brings the time of its capture, which is past when it is taken; one that is sent leaves when the link
 * hands it to the device, which is later. So a frame may be taken after one has left, and yet have come before it. Whoever
 * tells of both in order holds back what is sent until no frame can come any more that was captured before it left.
 * Nothing that came is ever held back, nothing at all when there is nothing to do.
 */

/** Hears of frames and times, and tells of what happened in their order. Times are on the host's clock, microseconds. */
export interface FrameOrder {
  /** Whether something has been sent of which it is not known when it leaves. */
  readonly isOpen: boolean;
  /** Whether anything is held back. */
  readonly isHolding: boolean;
  /** Waiting frames are about to be taken. */
  looking(): void;
  /** The frame that is taken now arrived then. Never earlier than the one before. */
  arrived(us: number): void;
  /** No more frames are taken; `isEmpty`: because none waited. */
  looked(isEmpty: boolean): void;
  /** What was sent since the last call leaves now, or in the same moment. Never earlier than the last. */
  departing(us: number): void;
  /** Nothing will happen until `looking` is called, but for what somebody does from outside. */
  resting(): void;
  /** No frame will come any more. */
  end(): void;
}

/** Local choice: what is sent between two looks for frames, many times over; memory for more is given back. */
const MOST_SPARE = 4096;

/**
 * What has been sent, in order, each with the time at which it left, as soon as that is known. The places are used again
 * and again: arrays that are emptied grow anew each time, which costs more than all the rest.
 */
export class Departures<Item> {
  readonly #items: (Item | null)[] = [];
  readonly #timesUs: number[] = [];
  #head = 0;
  #end = 0;
  /** So many from the beginning on have their time. */
  #timed = 0;
  /** So many had it when frames were looked for last. */
  #before = 0;

  /** How many are held. */
  get count(): number {
    return this.#end - this.#head;
  }

  /** Whether there is one whose time is not known. */
  get isOpen(): boolean {
    return this.#timed < this.#end;
  }

  /** Holds one that leaves at the next {@link Departures.departing}. */
  hold(item: Item): void {
    this.#items[this.#end] = item;
    this.#timesUs[this.#end++] = 0;
  }

  /** Holds something that happened at `us`, behind all that is held: where that leaves later, so does this. */
  holdFrom(item: Item, us: number): void {
    const wasOpen = this.isOpen;
    this.hold(item);
    if (!wasOpen) this.departing(us);
  }

  departing(us: number): void {
    for (let i = this.#timed; i < this.#end; i++) this.#timesUs[i] = us;
    this.#timed = this.#end;
  }

  looking(): void {
    this.#before = this.#timed;
  }

  /** Lets go of what had left when frames were looked for. */
  releaseLooked(tell: (item: Item, us: number) => void): void {
    while (this.#head < this.#before) this.#release(tell);
    this.#forget();
  }

  /** Lets go of what left at `us` or before. */
  releaseUntil(us: number, tell: (item: Item, us: number) => void): void {
    while (this.#head < this.#timed && this.#timesUs[this.#head] <= us) this.#release(tell);
    this.#forget();
  }

  /** Lets go of everything; what has no time gets `us`. */
  releaseAll(us: number, tell: (item: Item, us: number) => void): void {
    this.departing(us);
    this.releaseUntil(Infinity, tell);
  }

  #release(tell: (item: Item, us: number) => void): void {
    const at = this.#head++;
    const item = this.#items[at];
    this.#items[at] = null;
    if (item !== null) tell(item, this.#timesUs[at]);
  }

  #forget(): void {
    if (this.#head === 0 || this.#head < this.#end) return;
    if (this.#end > MOST_SPARE) this.#items.length = this.#timesUs.length = 0;
    this.#head =
      this.#end =
      this.#timed =
      this.#before =
        0;
  }
}
