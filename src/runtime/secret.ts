/**
 * The one source of secrets: random bytes from the operating system.
 *
 * Owns: reading `crypto`. Must not know: what the bytes are for (initial sequence numbers by RFC 6528 §3, ports by
 * RFC 6056 §3.3.3). Everything below `runtime/` gets its secret as an argument.
 */

/** Bytes of a host's secret: the key size of SipHash, which fits any keyed hash of 128 bits. */
export const SECRET_BYTES = 16;

/** A fresh secret of {@link SECRET_BYTES} bytes; one for each host, never written anywhere. */
export function randomSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}
