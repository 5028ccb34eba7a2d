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
  /** When the answer is made, which its Date field says; in the same milliseconds. */
  readonly dateMs: number;
}

/** A tag of what changes when a file does. */
export function fileTag(size: number, modifiedMs: number | null): string {
  return `"${size.toString(16)}-${(modifiedMs ?? 0).toString(16)}"`;
}

/** Text of Last-Modified: never later than the answer's Date, whatever a file system says (RFC 9110 §8.8.2.1, a MUST NOT). */
export function lastModified({ modifiedMs, dateMs }: Validators): string | null {
  return modifiedMs === null ? null : new Date(Math.min(modifiedMs, dateMs)).toUTCString();
}

/** What the conditions of a GET or HEAD come to, in the order of RFC 9110 §13.2.2. */
export function judgeConditions(headers: Headers, now: Validators): "go-on" | "not-modified" | "failed" {
  const match = headers.get("if-match");
  const unmodifiedSince = secondsOf(headers.get("if-unmodified-since"), now);
  if (match !== null) {
    if (!listHas(match, now.etag, "strong")) return "failed";
  } else if (unmodifiedSince !== null && now.modifiedMs !== null && isModifiedAfter(now, unmodifiedSince)) {
    return "failed";
  }
  const noneMatch = headers.get("if-none-match");
  const modifiedSince = secondsOf(headers.get("if-modified-since"), now);
  if (noneMatch !== null) return listHas(noneMatch, now.etag, "weak") ? "not-modified" : "go-on";
  return modifiedSince !== null && !isModifiedAfter(now, modifiedSince) ? "not-modified" : "go-on";
}

/** Whether a range may be taken of the file as it is now (RFC 9110 §13.1.5): without If-Range it may. */
export function isRangeFresh(headers: Headers, now: Validators): boolean {
  const condition = headers.get("if-range")?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === now.etag;
  // A weak tag is never good enough. A date has to be the very one.
  const seconds = secondsOf(condition, now);
  if (seconds === null || now.modifiedMs === null || seconds !== wholeSeconds(now.modifiedMs)) return false;
  // It tells nothing of a second that is not over: the file may have changed in it after the client got its part (§8.8.2.2).
  return seconds < wholeSeconds(now.dateMs);
}

/** RFC 9110 §8.8.3.2: a weak comparison does not look at `W/`, a strong one never holds for what has it. */
function listHas(field: string, etag: string, how: "strong" | "weak"): boolean {
  if (field.trim() === "*") return true;
  return field.split(",").map((tag) => tag.trim()).some((tag) =>
    tag === etag || (how === "weak" && tag === `W/${etag}`)
  );
}

/** A date that is none is as if it was not there (§13.1.3, §13.1.4). */
function secondsOf(field: string | null, { dateMs }: Validators): number | null {
  return field === null ? null : parseHttpDate(field.trim(), new Date(dateMs).getUTCFullYear());
}

function isModifiedAfter({ modifiedMs }: Validators, seconds: number): boolean {
  return modifiedMs === null || wholeSeconds(modifiedMs) > seconds;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
