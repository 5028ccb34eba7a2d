/**
 * How a good input is made a bad one: bytes flipped, set, cut, moved and grown; words of a text taken out, doubled, swapped.
 *
 * Owns: the changes, each decided by a seeded stream alone. Must not know: what the input means.
 */
import type { SeededRandom } from "../../src/link/seeded_random.ts";

/** Bytes at which parsers have gone wrong before: ends of ranges, signs, lengths of nothing. */
const HURTFUL_BYTES = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  0x0f,
  0x10,
  0x14,
  0x40,
  0x45,
  0x7f,
  0x80,
  0xf0,
  0xfe,
  0xff,
] as const;

/** Characters at which readers of text have gone wrong before. */
const HURTFUL_TEXTS = [
  "",
  "-",
  "--",
  "=",
  ",",
  "%",
  "0",
  "00",
  "1e9",
  "99999999999999999999",
  "-1",
  "0x10",
  ".",
  ":",
  "/",
  "NaN",
  "Infinity",
  "__proto__",
  "constructor",
  "\0",
  "\n",
  "\x1b[2J",
  "\u202e",
  "\ud800",
  " ",
] as const;

/**
 * Changes the first `length` bytes of `bytes` from `from` on a few times; gives the new length, at most `bytes.length`.
 * What stands behind the length is noise afterwards.
 */
export function mutateBytes(
  bytes: Uint8Array,
  length: number,
  options: { readonly random: SeededRandom; readonly from?: number; readonly changes: number },
): number {
  const { random, from = 0 } = options;
  let end = length;
  for (let change = 0; change < options.changes; change++) {
    const at = from + random.below(Math.max(1, end - from));
    switch (random.below(8)) {
      case 0:
      case 1:
        if (at < end) bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        if (at < end) bytes[at] = random.pick(HURTFUL_BYTES);
        break;
      case 3:
        if (at < end) bytes[at] = random.below(0x100);
        break;
      case 4: // A length or a number that lies, by a little.
        if (at + 1 < end) {
          const word = ((bytes[at] << 8) | bytes[at + 1]) + random.between(-4, 4);
          bytes[at] = word >>> 8;
          bytes[at + 1] = word;
        }
        break;
      case 5:
        end = random.chance(0.3) ? at : end;
        break;
      case 6:
        end = Math.min(bytes.length, end + 1 + random.below(random.chance(0.1) ? 1600 : 40));
        break;
      default: {
        const count = Math.min(1 + random.below(8), end - at);
        bytes.copyWithin(at, from + random.below(Math.max(1, end - from)), undefined);
        if (count > 0) end = Math.max(end, at + count);
      }
    }
  }
  return end;
}

/** Fills bytes with noise, cheaply: what stands behind an input must not matter, and must not always be zero. */
export function fillWithNoise(bytes: Uint8Array, from: number, random: SeededRandom): void {
  let word = random.uint32();
  for (let at = from; at < bytes.length; at++) {
    word = (Math.imul(word, 0x19660d) + 0x3c6ef35f) | 0;
    bytes[at] = word >>> 24;
  }
}

/** A text with a few changes. */
export function mutateText(text: string, random: SeededRandom, changes = 1 + random.below(4)): string {
  let result = text;
  for (let change = 0; change < changes; change++) {
    const at = random.below(result.length + 1);
    const end = Math.min(result.length, at + random.below(6));
    switch (random.below(7)) {
      case 0:
        result = result.slice(0, at) + result.slice(end);
        break;
      case 1:
        result = result.slice(0, at) + random.pick(HURTFUL_TEXTS) + result.slice(at);
        break;
      case 2:
        result = result.slice(0, at) + random.pick(HURTFUL_TEXTS) + result.slice(end);
        break;
      case 3:
        result = result.slice(0, end) + result.slice(at);
        break;
      case 4:
        result = result.slice(0, at) + String.fromCharCode(random.below(0x180)) + result.slice(end);
        break;
      case 5: {
        const digits = random.chance(0.5) ? String(random.uint32()) : String(random.fraction() * 1e6);
        result = result.slice(0, at) + digits + result.slice(end);
        break;
      }
      default:
        result = result.slice(at) + result.slice(0, at);
    }
    if (result.length > 4096) result = result.slice(0, 4096);
  }
  return result;
}
