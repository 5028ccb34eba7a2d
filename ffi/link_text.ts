/**
 * Where a symbolic link below /proc points.
 *
 * Owns: asking through the C library: Deno opens these files of a process to itself only with `--allow-all`. Must not know:
 * what the links mean.
 */
import { libc } from "./libc.ts";
import { cString } from "./native_memory.ts";

/** Linux's PATH_MAX. */
const PATH_BYTES = 4096;

/** The text of the link; empty where there is none, or the system does not tell. */
export function linkText(path: string): string {
  const text = new Uint8Array(PATH_BYTES);
  const length = Number(libc().readlink(cString(path), text, BigInt(PATH_BYTES)));
  return length > 0 ? new TextDecoder().decode(text.subarray(0, length)) : "";
}
