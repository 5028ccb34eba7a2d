/**
 * The one source of secrets: random bytes from the operating system.
 *
 * Owns: reading `crypto`. Must not know: what the bytes are for (initial sequence numbers by RFC 6528 §3, ports by
 * RFC 6056 §3.3.3). Everything below `runtime/` gets its secret as an argument.
 */
import { SeededRandom } from "../link/seeded_random.ts";

/** Bytes of a host's secret: the key size of SipHash, which fits any keyed hash of 128 bits. */
export const SECRET_BYTES = 16;

/** A fresh secret of {@link SECRET_BYTES} bytes; one for each host, never written anywhere. */
export function randomSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

/** Streams of a seed from here on are secrets: those of faults lie below (link/fault_path.ts). */
const SECRET_STREAM = 0x100;

/**
 * The secret that hangs on a seed alone, for runs that are to be repeated; whoever knows the seed knows the secret. `stream` tells
 * several of one seed apart.
 */
export function seededSecret(seed: number, stream = 0): Uint8Array {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`Expected a whole number as seed, got ${seed}`);
  const random = new SeededRandom(seed, SECRET_STREAM + stream);
  return Uint8Array.from({ length: SECRET_BYTES }, () => random.below(256));
}
