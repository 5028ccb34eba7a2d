/**
 * What a script may have meant by a name that is not there: ` (did you mean setsockopt?)`.
 *
 * Owns: that a name which kernels have is never taken for a misspelt one of ours. Must not know: what any name does.
 */
import { misspeltName } from "../observe/nearest_name.ts";
import { KERNEL_NAMES } from "./kernel_names.ts";

/** What goes behind the name of a construct that is not there: the name of `known` that it is nearly; else nothing. */
export function meantText(name: string, known: Iterable<string>): string {
  const meant = KERNEL_NAMES.has(name) ? null : misspeltName(name, known);
  return meant === null ? "" : ` (did you mean ${meant}?)`;
}
