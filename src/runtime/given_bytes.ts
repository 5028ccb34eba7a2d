/**
 * What callers of `read` and `write` give: bytes, which they may take away again while the call waits.
 *
 * Owns: what is said of the others. Must not know: connections.
 */

/** A TypeError, with Deno's words, for what is no Uint8Array; null for what is one. The compiler does not see all callers. */
export function whyNoBytes(given: unknown): TypeError | null {
  return given instanceof Uint8Array ? null : new TypeError("expected typed ArrayBufferView");
}

/** Said of a call that waited, and whose buffer was transferred or made smaller meanwhile: it could never go on. */
export function bytesGoneError(): TypeError {
  return new TypeError("The buffer was detached, or has shrunk to nothing, while the call waited");
}
