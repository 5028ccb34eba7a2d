/**
 * C strings and pointers that lie in native memory.
 *
 * Owns: turning text into NUL-terminated bytes and back, and reading pointers out of structures.
 * Must not know: what the structures mean.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `text` as UTF-8 with the closing NUL; a NUL inside the text is an error, for C would cut the text there. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(`Text for a C function contains a NUL byte: ${JSON.stringify(text)}`);
  }
  return encoder.encode(text + "\0");
}

/** The text at `pointer`, or null for the null pointer. */
export function readCString(pointer: Deno.PointerValue): string | null {
  return pointer === null ? null : Deno.UnsafePointerView.getCString(pointer);
}

/** The text at the start of `buffer` up to its NUL. */
export function textOfBuffer(buffer: Uint8Array): string {
  const end = buffer.indexOf(0);
  return decoder.decode(end < 0 ? buffer : buffer.subarray(0, end));
}

/** The pointer stored in the structure at `base`, `offset` bytes in. */
export function pointerAt(base: Deno.PointerObject, offset: number): Deno.PointerValue {
  return new Deno.UnsafePointerView(base).getPointer(offset);
}

/** A copy of `lengthBytes` bytes of native memory, `offset` bytes after `base`. */
export function bytesAt(
  base: Deno.PointerObject,
  field: { offset: number; lengthBytes: number },
): Uint8Array {
  const bytes = new Uint8Array(field.lengthBytes);
  new Deno.UnsafePointerView(base).copyInto(bytes, field.offset);
  return bytes;
}

/**
 * Where `bytes` lies, as C structures hold it. The memory of an array's buffer never moves; it is freed when nothing
 * refers to the array any more, so whoever stores the address keeps the array.
 */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  // Asking for the buffer moves a small array out of the garbage collector's reach.
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes.buffer)) + BigInt(bytes.byteOffset);
}
