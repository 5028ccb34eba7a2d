/**
 * The order of time between frames that come and frames that leave.
 *
 * Owns: who may wait with telling of a frame, and until when. Must not know: clocks, what is told, files.
 *
 * A frame that came brings the time of its capture, which is past when it is taken; one that is sent leaves when the link
 * hands it to the device, which is later. So a frame may be taken after one has left, and yet have come before it. Whoever
 * tells of both in order holds back what is sent until no frame can come any more that was captured before it left.
 * What came and reached the host is never held back, and nothing at all is when there is nothing to do.
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

/** Places to begin with; a power of two. Local choice: what is sent between two looks for frames, as a rule. */
const LEAST_PLACES = 256;
/** Local choice: many times what is sent between two looks; memory for more is given back when nothing is held. */
const MOST_SPARE_PLACES = 4096;

/**
 * What has been sent, in order, each with the time at which it left, as soon as that is known. A ring, whose places are
 * used again and again: under load it is seldom empty, and nobody may have to wait for that.
 */
export class Departures<Item> {
  /** As many as `#timesUs`, a power of two: the place of number `i` is `i & (length - 1)`. */
  #items: (Item | null)[] = places<Item>(LEAST_PLACES);
  #timesUs = new Float64Array(LEAST_PLACES);
  /** Numbers from the beginning on, which only grow: the oldest that is held, and the next that comes. */
  #head = 0;
  #end = 0;
  /** Up to this one they have their time. */
  #timed = 0;
  /** Up to this one they had it when frames were looked for last. */
  #before = 0;

  /** How many are held. */
  get count(): number {
    return this.#end - this.#head;
  }

  /** How many could be held without more memory. */
  get capacity(): number {
    return this.#items.length;
  }

  /** Whether there is one whose time is not known. */
  get isOpen(): boolean {
    return this.#timed < this.#end;
  }

  /** Holds one that leaves at the next {@link Departures.departing}. */
  hold(item: Item): void {
    if (this.count === this.#items.length) this.#resize(2 * this.#items.length);
    this.#items[this.#end++ & (this.#items.length - 1)] = item;
  }

  /** Holds something that happened at `us`, behind all that is held: where that leaves later, so does this. */
  holdFrom(item: Item, us: number): void {
    const wasOpen = this.isOpen;
    this.hold(item);
    if (!wasOpen) this.departing(us);
  }

  departing(us: number): void {
    const mask = this.#items.length - 1;
    for (let i = this.#timed; i < this.#end; i++) this.#timesUs[i & mask] = us;
    this.#timed = this.#end;
  }

  looking(): void {
    this.#before = this.#timed;
  }

  /** Lets go of what had left when frames were looked for. */
  releaseLooked(tell: (item: Item, us: number) => void): void {
    while (this.#head < this.#before) this.#release(tell);
    this.#giveBack();
  }

  /** Lets go of what left at `us` or before. */
  releaseUntil(us: number, tell: (item: Item, us: number) => void): void {
    while (this.#head < this.#timed && this.#timesUs[this.#head & (this.#items.length - 1)] <= us) {
      this.#release(tell);
    }
    this.#giveBack();
  }

  /** Lets go of everything; what has no time gets `us`. */
  releaseAll(us: number, tell: (item: Item, us: number) => void): void {
    this.departing(us);
    this.releaseUntil(Infinity, tell);
  }

  #release(tell: (item: Item, us: number) => void): void {
    const at = this.#head++ & (this.#items.length - 1);
    const item = this.#items[at];
    this.#items[at] = null;
    if (item !== null) tell(item, this.#timesUs[at]);
  }

  #giveBack(): void {
    if (this.#items.length > MOST_SPARE_PLACES && this.count === 0) this.#resize(LEAST_PLACES);
  }

  #resize(length: number): void {
    const items = places<Item>(length);
    const timesUs = new Float64Array(length);
    const mask = this.#items.length - 1;
    for (let i = this.#head; i < this.#end; i++) {
      items[i & (length - 1)] = this.#items[i & mask];
      timesUs[i & (length - 1)] = this.#timesUs[i & mask];
    }
    this.#items = items;
    this.#timesUs = timesUs;
  }
}

function places<Item>(length: number): (Item | null)[] {
  return Array.from({ length }, () => null);
}
