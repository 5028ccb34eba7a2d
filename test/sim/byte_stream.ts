/**
 * Streams of bytes whose every byte is known from its place, so that one byte missing, twice or elsewhere is seen.
 *
 * Owns: the contents. Must not know: who sends them.
 */
import { SeededRandom } from "../../src/link/seeded_random.ts";

/** A prime above the largest window, so that a slip by any power of two, segment size or window shows. */
const PERIOD_BYTES = 1_048_583;

const PATTERN = makePattern();

function makePattern(): Uint8Array {
  const pattern = new Uint8Array(PERIOD_BYTES);
  const random = new SeededRandom(0x7c9);
  for (let i = 0; i < PERIOD_BYTES; i++) pattern[i] = random.uint32() >>> 24;
  return pattern;
}

/** Writes the bytes of stream `salt` from `position` on into `into`. */
export function fillStream(salt: number, position: number, into: Uint8Array): void {
  let at = startOf(salt, position);
  for (let done = 0; done < into.length;) {
    const count = Math.min(into.length - done, PERIOD_BYTES - at);
    into.set(PATTERN.subarray(at, at + count), done);
    done += count;
    at = 0;
  }
}

/** The first place in bytes `from` to `to - 1` of `bytes` that differs from stream `salt` at `position`; -1 for none. */
export function findDifference(
  salt: number,
  position: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  let at = startOf(salt, position);
  for (let i = from; i < to; i++) {
    if (bytes[i] !== PATTERN[at]) return i - from;
    at = at + 1 === PERIOD_BYTES ? 0 : at + 1;
  }
  return -1;
}

function startOf(salt: number, position: number): number {
  return (salt * 7919 + position) % PERIOD_BYTES;
}
