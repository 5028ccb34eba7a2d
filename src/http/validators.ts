/**
 * Whether a client has a file already, or only a part of it (RFC 9110 §8.8, §13).
 *
 * Owns: entity tags, and what the conditional fields make of them. Must not know: files.
 */
import { parseHttpDate } from "./http_date.ts";

/** What a file is now. */
export interface Validators {
  /** A strong entity tag, in its quotes. */
  readonly etag: string;
  /** Milliseconds since 1970, to be said in whole seconds; null where it is not known. */
  readonly modifiedMs: number | null;
}

/** A tag of what changes when a file does. */
export function fileTag(size: number, modifiedMs: number | null): string {
  return `"${size.toString(16)}-${(modifiedMs ?? 0).toString(16)}"`;
}

/** What the conditions of a GET or HEAD come to, in the order of RFC 9110 §13.2.2. */
export function judgeConditions(headers: Headers, now: Validators): "go-on" | "not-modified" | "failed" {
  const match = headers.get("if-match");
  const unmodifiedSince = secondsOf(headers.get("if-unmodified-since"));
  if (match !== null) {
    if (!listHas(match, now.etag, "strong")) return "failed";
  } else if (unmodifiedSince !== null && now.modifiedMs !== null && isModifiedAfter(now, unmodifiedSince)) {
    return "failed";
  }
  const noneMatch = headers.get("if-none-match");
  const modifiedSince = secondsOf(headers.get("if-modified-since"));
  if (noneMatch !== null) return listHas(noneMatch, now.etag, "weak") ? "not-modified" : "go-on";
  return modifiedSince !== null && !isModifiedAfter(now, modifiedSince) ? "not-modified" : "go-on";
}

/** Whether a range may be taken of the file as it is now (RFC 9110 §13.1.5): without If-Range it may. */
export function isRangeFresh(headers: Headers, now: Validators): boolean {
  const condition = headers.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === now.etag;
  // A weak tag is never good enough. A date has to be the very one.
  const seconds = secondsOf(condition);
  return seconds !== null && now.modifiedMs !== null && seconds === Math.floor(now.modifiedMs / 1000);
}

/** RFC 9110 §8.8.3.2: a weak comparison does not look at `W/`, a strong one never holds for what has it. */
function listHas(field: string, etag: string, how: "strong" | "weak"): boolean {
  if (field.trim() === "*") return true;
  return field.split(",").map((tag) => tag.trim()).some((tag) =>
    tag === etag || (how === "weak" && tag === `W/${etag}`)
  );
}

/** A date that is none is as if it was not there (§13.1.3, §13.1.4). */
function secondsOf(field: string | null): number | null {
  return field === null ? null : parseHttpDate(field.trim(), new Date().getUTCFullYear());
}

function isModifiedAfter({ modifiedMs }: Validators, seconds: number): boolean {
  return modifiedMs === null || Math.floor(modifiedMs / 1000) > seconds;
}
