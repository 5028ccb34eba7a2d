/**
 * Writing all of some bytes, where a write may take a part.
 *
 * Owns: that. Must not know: who takes them.
 */

/** Writes all bytes, in as many writes as it takes; rejects as a write does. */
export async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
