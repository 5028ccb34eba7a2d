/**
 * Events as JSON: one object a line, the form of `--log json`.
 *
 * Owns: names and order of the fields on the line. Must not know: where lines go.
 *
 * Each event is copied into a literal with exactly the fields of the contract, and left to `JSON.stringify`, so that a
 * string can never break the line. The log of a server writes its frequent events faster (json_lines.ts), to the same
 * effect.
 */
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

/** `JSON.stringify` leaves out fields that are undefined, and turns NaN and Infinity into null (RFC 8259 §6). */
function contractFields(event: TcpEvent): unknown {
  const time = wholeMicroseconds(event.time);
  switch (event.event) {
    case "segment":
      return {
        event: event.event,
        time,
        connection: event.connection,
        direction: event.direction,
        flags: event.flags,
        seq: event.seq,
        ack: event.ack,
        relSeq: event.relSeq,
        relAck: event.relAck,
        window: event.window,
        windowBytes: event.windowBytes,
        length: event.length,
        options: event.options,
        state: event.state,
        rule: event.rule,
        cut: event.cut,
        count: event.count,
      };
    case "transition":
      return {
        event: event.event,
        time,
        connection: event.connection,
        from: event.from,
        to: event.to,
        recv: event.recv,
        send: event.send,
        cause: event.cause,
        rule: event.rule,
        rfc: event.rfc,
      };
    case "data":
      return {
        event: event.event,
        time,
        connection: event.connection,
        direction: event.direction,
        length: event.length,
        payload: event.payload,
      };
    case "retransmit":
      return {
        event: event.event,
        time,
        connection: event.connection,
        kind: event.kind,
        seq: event.seq,
        length: event.length,
        count: event.count,
      };
    case "closed":
      return {
        event: event.event,
        time,
        connection: event.connection,
        reason: event.reason,
        bytesIn: event.bytesIn,
        bytesOut: event.bytesOut,
        durationMs: event.durationMs,
        states: event.states,
      };
    case "drop":
      return {
        event: event.event,
        time,
        reason: event.reason,
        connection: event.connection,
        count: event.count,
      };
    case "application-error":
      return { event: event.event, time, connection: event.connection, message: event.message };
    case "notice":
      return {
        event: event.event,
        time,
        kind: event.kind,
        message: event.message,
        connection: event.connection,
        count: event.count,
      };
    case "listening":
      return {
        event: event.event,
        time,
        device: event.device,
        ip: event.ip,
        mac: event.mac,
        port: event.port,
        app: event.app,
        capture: event.capture,
        filter: event.filter,
      };
    case "summary":
      return { event: event.event, time, durationMs: event.durationMs, counters: event.counters };
    default:
      return { ...event, time };
  }
}

/** The double nearest to a whole number of microseconds prints with six decimals at most, until the year 2255. */
function wholeMicroseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
