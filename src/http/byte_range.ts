/**
 * One range of bytes of a file (RFC 9110 §14).
 *
 * Owns: the Range field's grammar. Must not know: files. Of several ranges none is taken: the whole file is the answer then,
 * as §14.2 allows, and a list of a thousand overlapping ranges costs nothing.
 */

/** Bytes `from` to `to`, both included. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** A digit more is no place in a file. */
const RANGE = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i;

/** What a Range field asks for of a file of this size. Null: the whole (none, several, or no range that can be read). */
export function parseByteRange(field: string | null, size: number): ByteRange | "unsatisfiable" | null {
  const [, first = "", last = ""] = RANGE.exec(field ?? "") ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    // The last so many bytes.
    const count = Math.min(Number(last), size);
    return count === 0 ? "unsatisfiable" : { from: size - count, to: size - 1 };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return null;
  if (from >= size) return "unsatisfiable";
  return { from, to: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
