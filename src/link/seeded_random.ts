/**
 * SeededRandom: chance that can be repeated.
 *
 * Owns: a generator of 32-bit integers (xoshiro128**, Blackman and Vigna 2018) and how its state comes from a seed.
 * Must not know: what is decided by it. Not for secrets: whoever sees a few values can tell the next.
 */

/** Increment of SplitMix32: 2^32 divided by the golden ratio, made odd (Steele, Lea, Flood 2014). */
const GOLDEN_GAMMA = 0x9e3779b9;

/** Two to the power of 32. */
const WORD = 0x1_0000_0000;

/** A stream of numbers that hangs on its seed alone; the same on every machine. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * `seed`: any integer, of which the lower 32 bits count. `stream` tells streams of one seed apart, so that one user's
   * draws do not move those of another.
   */
  constructor(seed: number, stream = 0) {
    let state = mix((seed | 0) ^ mix(stream | 0));
    const next = () => mix(state = (state + GOLDEN_GAMMA) | 0);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    // The one state that is forbidden is all zero.
    this.#d = next() | 1;
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A number from 0 up to, but not, 1. */
  fraction(): number {
    return this.uint32() / WORD;
  }

  /** A whole number from 0 to `count - 1`; `count` from 1 to 2^32. Its bias is below `count` / 2^32. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True with the given probability, 0 to 1. Draws once, whatever the probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of `choices`. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.below(choices.length)];
  }
}

/** Spreads the bits of a 32-bit integer (the finisher of MurmurHash3). */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
