/**
 * DeadlineWheel: which of very many deadlines comes next, and which have passed.
 *
 * Owns: a hierarchical timing wheel over intrusive list entries. Setting, moving and cancelling a deadline
 * cost a fixed number of steps and allocate nothing; deadlines fire at the microsecond, never early.
 * Must not know: what a deadline means, where the time comes from.
 *
 * How it works. Time is cut into ticks of 64 us and a tick number is read as ten digits of five bits. An
 * entry stands at the level of the highest digit in which its tick differs from the current tick, in the
 * slot of that digit. So everything on a level comes after everything on the levels below it, one bit per
 * slot and one per level find the earliest slot, and an idle stretch of any length is skipped in one step.
 * When the clock enters a slot above level 0, its entries move down; each moves at most nine times. The scheme
 * is that of Varghese and Lauck (1987), hashed hierarchical wheels.
 */

/** Microseconds per tick. Local choice: few entries share a tick, so scanning the current slot stays cheap. */
const TICK_US = 64;
/** Bits per digit. Local choice: 32 slots per level have one bit each in an int32. */
const DIGIT_BITS = 5;
const SLOTS_PER_LEVEL = 1 << DIGIT_BITS;
/** Ten digits of five bits reach 2^50 ticks, more than 2^53 us, the last exact integer of a number. */
const LEVELS = 10;
/** The low six digits of a tick, as far as bit operations on a number reach; and the rest. */
const LOW_LEVELS = 6;
const LOW_TICKS = 2 ** (DIGIT_BITS * LOW_LEVELS);
const LAST_TICK = 2 ** (DIGIT_BITS * LEVELS) - 1;
/** Ticks of a slot, by level. */
const SLOT_TICKS: readonly number[] = Array.from({ length: LEVELS }, (_, level) => 2 ** (DIGIT_BITS * level));

/** Entries of the slot that is being handed out, taken off the wheel. */
const SLOT_FIRING = LEVELS * SLOTS_PER_LEVEL;
/** Entries set during `expire` to a time that has passed: for the next call. */
const SLOT_PENDING = SLOT_FIRING + 1;

/**
 * How many entries of a slot above level 0 are looked at for the exact earliest deadline; with more, the
 * start of the slot is the answer. Local choice: keeps `nextDeadlineUs` cheap with tens of thousands of entries.
 */
const EXACT_SCAN_LIMIT = 16;

/** Value of `wheelSlot` for an entry that is not set. */
export const WHEEL_NOT_SET = -1;

/** What a record must have to stand in a wheel, in one wheel at a time. Only the wheel writes these fields. */
export interface DeadlineEntry {
  /** When it is due, in microseconds; of no meaning while it is not set. */
  deadlineUs: number;
  /** Where it stands in the wheel; {@link WHEEL_NOT_SET} (-1) when it is not set. */
  wheelSlot: number;
  wheelNext: DeadlineEntry | null;
  wheelPrevious: DeadlineEntry | null;
}

/** The four fields of an entry that is not set: spread them into a record, or use the value as it is. */
export function newDeadlineFields(): DeadlineEntry {
  return { deadlineUs: Infinity, wheelSlot: WHEEL_NOT_SET, wheelNext: null, wheelPrevious: null };
}

/** A set of deadlines on one clock, in microseconds from an origin of the caller's choice, 0 to 2^53. */
export class DeadlineWheel {
  readonly #heads: (DeadlineEntry | null)[];
  readonly #tails: (DeadlineEntry | null)[];
  /** Per level one bit for each slot that is not empty. */
  readonly #occupied = new Int32Array(LEVELS);
  /** One bit for each level that is not empty. */
  #occupiedLevels = 0;
  /** The current tick, and its low six digits and the rest for bit operations. */
  #tick = 0;
  #tickLow = 0;
  #tickHigh = 0;
  #size = 0;
  /** What `nextDeadlineUs` answers, while `#nextKnown`. */
  #nextUs = Infinity;
  #nextKnown = true;
  /** The time of the running `expire`; -Infinity outside one. */
  #expiringUs = -Infinity;

  /** An empty wheel whose clock stands at `nowUs`. */
  constructor(nowUs: number) {
    this.#heads = new Array<DeadlineEntry | null>(SLOT_PENDING + 1).fill(null);
    this.#tails = new Array<DeadlineEntry | null>(SLOT_PENDING + 1).fill(null);
    this.#moveTo(tickOf(nowUs));
  }

  /** How many entries are set. */
  get size(): number {
    return this.#size;
  }

  /**
   * Sets an entry to `deadlineUs`, or moves it there when it is set already. A time that has passed is due
   * at the next `expire`; Infinity means `cancel`.
   */
  set(entry: DeadlineEntry, deadlineUs: number): void {
    if (deadlineUs === Infinity) {
      this.cancel(entry);
      return;
    }
    const slot = deadlineUs <= this.#expiringUs ? SLOT_PENDING : this.#slotFor(deadlineUs);
    if (entry.wheelSlot === WHEEL_NOT_SET) {
      this.#size++;
    } else {
      if (this.#nextKnown && entry.deadlineUs <= this.#nextUs) this.#nextKnown = false;
      if (entry.wheelSlot === slot) {
        entry.deadlineUs = deadlineUs;
        if (deadlineUs < this.#nextUs) this.#nextUs = deadlineUs;
        return;
      }
      this.#unlink(entry);
    }
    entry.deadlineUs = deadlineUs;
    this.#link(entry, slot);
    if (deadlineUs < this.#nextUs) this.#nextUs = deadlineUs;
  }

  /** Sets an entry to its own next deadline: as `set`, but a number that is an argument may become an object to V8. */
  follow(entry: DeadlineEntry & { nextDeadlineUs(): number }): void {
    this.set(entry, entry.nextDeadlineUs());
  }

  /** Takes an entry out; nothing happens when it is not set. */
  cancel(entry: DeadlineEntry): void {
    if (entry.wheelSlot === WHEEL_NOT_SET) return;
    if (entry.deadlineUs <= this.#nextUs) this.#nextKnown = false;
    this.#unlink(entry);
    this.#size--;
  }

  /**
   * When to call `expire` next: the earliest deadline, Infinity when nothing is set. While more than 16
   * entries share the earliest slot above level 0, it is the start of that slot instead: never later than the
   * earliest deadline, always later than the time of the last `expire`, and `expire` at that time moves the
   * answer on. Inside a `due` callback it is the time of the running `expire`.
   */
  nextDeadlineUs(): number {
    if (this.#expiringUs !== -Infinity) return this.#expiringUs;
    if (!this.#nextKnown) {
      this.#nextUs = this.#findNextUs();
      this.#nextKnown = true;
    }
    return this.#nextUs;
  }

  /**
   * Moves the clock to `nowUs` and hands every entry whose deadline is at or before it to `due`, once each,
   * taken out before the call. Returns how many. The order is that of ticks (64 us), and within a tick that of
   * setting; a time that had passed when it was set counts as the time of setting. `due` may set and cancel any
   * entry, also the one it got; what it sets to a time that has passed waits for the next call. A time before
   * that of the last call fires nothing. Throws when called from `due`; when `due` throws, what it has not been
   * given stays set.
   */
  expire(nowUs: number, due: (entry: DeadlineEntry) => void): number {
    if (this.#expiringUs !== -Infinity) throw new Error("DeadlineWheel.expire called from its own callback");
    const nowTick = tickOf(nowUs);
    if (nowTick < this.#tick) return 0;
    if (nowTick === this.#tick && this.#nextKnown && nowUs < this.#nextUs) return 0;
    let fired = 0;
    this.#expiringUs = nowUs;
    try {
      while (this.#occupiedLevels !== 0) {
        const level = lowestBit(this.#occupiedLevels);
        const digit = lowestBit(this.#occupied[level]);
        const startTick = this.#slotStartTick(level, digit);
        if (startTick > nowTick) break;
        this.#moveTo(startTick);
        const slot = level * SLOTS_PER_LEVEL + digit;
        if (level > 0) {
          this.#relinkAll(slot);
          continue;
        }
        this.#detach(slot);
        fired += this.#fire(nowUs, due);
        if (startTick === nowTick) break;
      }
      this.#moveTo(nowTick);
    } finally {
      // Reached by an exception of `due` too: entries not handed out go back onto the wheel.
      this.#expiringUs = -Infinity;
      this.#relinkAll(SLOT_FIRING);
      this.#relinkAll(SLOT_PENDING);
      this.#nextKnown = false;
    }
    return fired;
  }

  /** Hands out the due entries of the firing list; those later in the same tick go back. */
  #fire(nowUs: number, due: (entry: DeadlineEntry) => void): number {
    let fired = 0;
    for (let entry = this.#heads[SLOT_FIRING]; entry !== null; entry = this.#heads[SLOT_FIRING]) {
      this.#unlink(entry);
      if (entry.deadlineUs > nowUs) {
        this.#link(entry, this.#slotFor(entry.deadlineUs));
        continue;
      }
      this.#size--;
      fired++;
      due(entry);
    }
    return fired;
  }

  #findNextUs(): number {
    if (this.#occupiedLevels === 0) return Infinity;
    const level = lowestBit(this.#occupiedLevels);
    const digit = lowestBit(this.#occupied[level]);
    let earliestUs = Infinity;
    let seen = 0;
    let entry = this.#heads[level * SLOTS_PER_LEVEL + digit];
    for (; entry !== null; entry = entry.wheelNext) {
      // On level 0 the start of the slot may have passed, so there the answer has to be exact.
      if (level > 0 && ++seen > EXACT_SCAN_LIMIT) return this.#slotStartTick(level, digit) * TICK_US;
      if (entry.deadlineUs < earliestUs) earliestUs = entry.deadlineUs;
    }
    return earliestUs;
  }

  /** The slot for a deadline as seen from the current tick; a deadline that has passed gets the current slot. */
  #slotFor(deadlineUs: number): number {
    const tick = Math.max(tickOf(deadlineUs), this.#tick);
    const high = Math.floor(tick / LOW_TICKS);
    const differenceHigh = high ^ this.#tickHigh;
    if (differenceHigh !== 0) {
      const digitIndex = Math.trunc((31 - Math.clz32(differenceHigh)) / DIGIT_BITS);
      const digit = (high >>> (digitIndex * DIGIT_BITS)) & (SLOTS_PER_LEVEL - 1);
      return (LOW_LEVELS + digitIndex) * SLOTS_PER_LEVEL + digit;
    }
    const low = tick - high * LOW_TICKS;
    // `| 1` gives an equal tick level 0 and changes no other level.
    const level = Math.trunc((31 - Math.clz32((low ^ this.#tickLow) | 1)) / DIGIT_BITS);
    return level * SLOTS_PER_LEVEL + ((low >>> (level * DIGIT_BITS)) & (SLOTS_PER_LEVEL - 1));
  }

  /** The first tick of a slot, as seen from the current tick. */
  #slotStartTick(level: number, digit: number): number {
    const slotTicks = SLOT_TICKS[level];
    const turnTicks = slotTicks * SLOTS_PER_LEVEL;
    return Math.floor(this.#tick / turnTicks) * turnTicks + digit * slotTicks;
  }

  #moveTo(tick: number): void {
    this.#tick = tick;
    this.#tickHigh = Math.floor(tick / LOW_TICKS);
    this.#tickLow = tick - this.#tickHigh * LOW_TICKS;
  }

  /** Takes a slot's whole list off the wheel and makes it the firing list. */
  #detach(slot: number): void {
    const head = this.#heads[slot];
    for (let entry = head; entry !== null; entry = entry.wheelNext) entry.wheelSlot = SLOT_FIRING;
    this.#heads[SLOT_FIRING] = head;
    this.#tails[SLOT_FIRING] = this.#tails[slot];
    this.#clear(slot);
  }

  /** Gives every entry of a slot its place as seen from the current tick, in order. */
  #relinkAll(slot: number): void {
    let entry = this.#heads[slot];
    this.#clear(slot);
    while (entry !== null) {
      const next = entry.wheelNext;
      this.#link(entry, this.#slotFor(entry.deadlineUs));
      entry = next;
    }
  }

  #clear(slot: number): void {
    this.#heads[slot] = null;
    this.#tails[slot] = null;
    this.#markEmpty(slot);
  }

  #link(entry: DeadlineEntry, slot: number): void {
    const tail = this.#tails[slot];
    entry.wheelSlot = slot;
    entry.wheelNext = null;
    entry.wheelPrevious = tail;
    this.#tails[slot] = entry;
    if (tail !== null) {
      tail.wheelNext = entry;
      return;
    }
    this.#heads[slot] = entry;
    if (slot >= SLOT_FIRING) return;
    const level = slot >>> DIGIT_BITS;
    this.#occupied[level] |= 1 << (slot & (SLOTS_PER_LEVEL - 1));
    this.#occupiedLevels |= 1 << level;
  }

  #unlink(entry: DeadlineEntry): void {
    const { wheelSlot: slot, wheelNext: next, wheelPrevious: previous } = entry;
    if (next === null) this.#tails[slot] = previous;
    else next.wheelPrevious = previous;
    if (previous === null) this.#heads[slot] = next;
    else previous.wheelNext = next;
    if (next === null && previous === null) this.#markEmpty(slot);
    entry.wheelSlot = WHEEL_NOT_SET;
    entry.wheelNext = null;
    entry.wheelPrevious = null;
  }

  #markEmpty(slot: number): void {
    if (slot >= SLOT_FIRING) return;
    const level = slot >>> DIGIT_BITS;
    this.#occupied[level] &= ~(1 << (slot & (SLOTS_PER_LEVEL - 1)));
    if (this.#occupied[level] === 0) this.#occupiedLevels &= ~(1 << level);
  }
}

/** The tick in which a time falls; times beyond the wheel share its last tick. */
function tickOf(us: number): number {
  return Math.min(Math.max(Math.floor(us / TICK_US), 0), LAST_TICK);
}

/** Index of the lowest 1 bit of an int32 that is not 0. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
