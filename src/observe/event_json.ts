/**
 * Events as JSON: one object a line, the form of `--log json`.
 *
 * Owns: how an event becomes a line; names and order of the fields are those of the schema (tcp/event_fields.ts). Must not
 * know: where lines go.
 *
 * Each event is copied into an object with exactly the fields of the schema, and left to `JSON.stringify`, so that a
 * string can never break the line. The log of a server writes its frequent events faster (json_lines.ts), to the same
 * effect.
 */
import { fieldNames } from "../tcp/event_fields.ts";
import type { TcpEvent } from "../tcp/events.ts";

/** The event as one line of JSON, without the line's end. Fields that are absent are left out; never throws. */
export function eventToJson(event: TcpEvent): string {
  return JSON.stringify(contractFields(event)).replace(TROUBLE, escapeCharacter);
}

/** A string as JSON, escaped as in {@link eventToJson}. */
export function stringToJson(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(TROUBLE, escapeCharacter);
}

/** What stands for itself in JSON: printable ASCII but for the quote and the backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** What JSON allows raw, but some readers take for the end of a line, and terminals for a command. */
const TROUBLE = /[\x7f-\x9f\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

/**
 * The event's fields in the order of the schema. `JSON.stringify` leaves out those that are undefined, and turns NaN and
 * Infinity into null (RFC 8259 §6).
 */
function contractFields(event: TcpEvent): unknown {
  const values: ReadonlyMap<string, unknown> = new Map(Object.entries(event));
  const fields: [string, unknown][] = [["event", event.event], ["time", wholeMicroseconds(event.time)]];
  for (const name of fieldNames(event.event)) fields.push([name, values.get(name)]);
  return Object.fromEntries(fields);
}

/** The double nearest to a whole number of microseconds prints with six decimals at most, until the year 2255. */
function wholeMicroseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
