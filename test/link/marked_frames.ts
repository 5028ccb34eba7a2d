/**
 * Frames between stations that nobody knows but by a mark: what the tests of links that join stations send.
 *
 * Owns: their shape. Must not know: the link.
 */
import type { FrameLink } from "../../src/link/link.ts";

/** Of both addresses and the type, with which the mark follows. */
const MARK_AT = 14;

/** The hardware address of the station of this number. */
export const mac = (last: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, last);

export const EVERYBODY: Uint8Array = new Uint8Array(6).fill(0xff);

export function frame(to: Uint8Array, from: Uint8Array, mark: number): Uint8Array {
  return Uint8Array.of(...to, ...from, 0x88, 0xb5, mark, ...new Uint8Array(45));
}

/** The marks of the frames that wait. */
export function marks(link: FrameLink, budget = 10_000): number[] {
  const found: number[] = [];
  link.receive((bytes) => found.push(bytes[MARK_AT]), budget);
  return found;
}
