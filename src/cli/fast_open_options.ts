/**
 * The options of Fast Open (RFC 7413): of a server, and of a client, whose cookies do not outlive it and so can be given.
 *
 * Owns: their tables, and what their texts mean. Must not know: what is done with them.
 */
import type { FastOpenSettings } from "../tcp/fast_open_settings.ts";
import { isCookieLength } from "../tcp/fast_open_record.ts";
import { bytesOfHex, hexOf } from "../wire/hex.ts";
import { badValue, type GivenValue, parseCount } from "./option_values.ts";
import type { OptionSpec } from "./options.ts";

/** Local choice, as half-open connections of a small server: what a stranger with a cookie can keep the application busy with. */
export const DEFAULT_PENDING = 128;
const MOST_PENDING = 0x10000;
const KEY_BYTES = 16;
const MOST_KEYS = 8;
/** What `--fast-open` of a client means alone. */
const ASK = "ask";
/** RFC 9293 §3.7.1 (MUST-15), where the cookie was given without one. */
const DEFAULT_MSS = 536;
const LEAST_MSS = 88;
const MOST_MSS = 65495;

const GROUP = "TCP: Fast Open";

/** Of whoever listens. */
export const FAST_OPEN_SERVER_OPTIONS = [
  {
    name: "fast-open",
    kind: "value",
    value: "[N]",
    alone: { value: String(DEFAULT_PENDING), unlessNext: /^[^-]/ },
    group: GROUP,
    help:
      "take data that comes with a SYN and a cookie (RFC 7413), of N clients at most whose handshake is not over " +
      `(${DEFAULT_PENDING}); off without it, as such data may come twice`,
  },
  {
    name: "fast-open-key",
    kind: "value",
    value: "HEX[,HEX]",
    group: GROUP,
    help:
      "keys of 16 octets: the first makes cookies, all are good, so that a key can be changed for another (one that nobody knows)",
  },
] as const satisfies readonly OptionSpec[];

/** Of whoever connects. */
export const FAST_OPEN_CLIENT_OPTIONS = [
  {
    name: "fast-open",
    kind: "value",
    value: "[COOKIE[/MSS]]",
    alone: { value: ASK, unlessNext: /^[0-9a-fA-F]{8,}(\/|$)/ },
    group: GROUP,
    help:
      "send what stdin holds first with the SYN (RFC 7413), with a cookie in hexadecimal that the server gave before, and its MSS " +
      `(${DEFAULT_MSS}); without one ask for a cookie, and print it`,
  },
] as const satisfies readonly OptionSpec[];

/** Settings of either side, where stacks differ. */
export const FAST_OPEN_SWITCHES = [
  {
    name: "fast-open-option",
    kind: "value",
    value: "standard|experimental|standard-then-experimental",
    group: GROUP,
    help:
      "how a client asks for a cookie: option 34 (default), option 254 of the drafts, or that once where the first got none",
  },
] as const satisfies readonly OptionSpec[];

/** What a client was given. */
export interface GivenCookie {
  readonly cookie: Uint8Array;
  readonly mss: number;
}

/** The bound of pending connections. Throws UsageError. */
export function parsePending(value: GivenValue): number {
  return parseCount(value, { least: 1, most: MOST_PENDING });
}

/** Keys. Throws UsageError. */
export function parseFastOpenKeys(value: GivenValue): Uint8Array[] {
  const expected = `1 to ${MOST_KEYS} keys of ${2 * KEY_BYTES} hexadecimal digits, with commas between`;
  const parts = value.text.split(",");
  if (parts.length > MOST_KEYS) throw badValue(value, expected);
  return parts.map((part) => {
    const key = bytesOfHex(part);
    if (key === null || key.length !== KEY_BYTES) throw badValue(value, expected);
    return key;
  });
}

/** `COOKIE[/MSS]`; null where the server is to be asked for one. Throws UsageError. */
export function parseGivenCookie(value: GivenValue): GivenCookie | null {
  if (value.text === ASK) return null;
  const [hex, mss, ...more] = value.text.split("/");
  const cookie = bytesOfHex(hex);
  if (cookie === null || !isCookieLength(cookie.length) || more.length > 0) {
    throw badValue(
      value,
      "COOKIE or COOKIE/MSS, the cookie of 4 to 16 octets in hexadecimal, as in 0123456789abcdef/1460",
    );
  }
  const { option } = value;
  return {
    cookie,
    mss: mss === undefined
      ? DEFAULT_MSS
      : parseCount({ option, text: mss }, { least: LEAST_MSS, most: MOST_MSS, what: "bytes" }),
  };
}

/** The values of `--fast-open-option`. */
export const FAST_OPEN_FORMS = [
  "standard",
  "experimental",
  "standard-then-experimental",
] as const satisfies readonly FastOpenSettings["fastOpenOption"][];

/** A cookie as {@link parseGivenCookie} takes it. */
export function cookieText({ cookie, mss }: GivenCookie): string {
  return `${hexOf(cookie)}/${mss}`;
}
