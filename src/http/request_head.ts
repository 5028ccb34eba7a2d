/**
 * What a head means: whose request it is, how long its body is, and whether the connection lives on.
 *
 * Owns: the rules of RFC 9112 §3.2 (target, Host), §6 (length of the body), §9.3 (persistence), and RFC 9110 §7.8 and
 * §10.1.1. Must not know: octets, connections.
 */
import type { ParsedHead } from "./head_parser.ts";
import type { RefusalReason } from "./refusals.ts";

/** How the end of a body is known. */
export type BodyFraming = { readonly kind: "none" } | { readonly kind: "chunked" } | {
  readonly kind: "sized";
  readonly length: number;
};

/** A request but its body. */
export interface RequestHead {
  readonly method: string;
  /** As it came: `/path?query`, `*`, or an absolute URL. */
  readonly target: string;
  readonly url: string;
  readonly minorVersion: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: BodyFraming;
  /** Whether the client means to ask again. */
  readonly keepAlive: boolean;
  /** The client waits for 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** The protocols that the client would like to change to, as it named them; null for none. */
  readonly upgrade: string | null;
}

/** Ten to the power of so many digits is exact. */
const LENGTH_DIGITS = 15;
/** RFC 3986 §3.2: a name or an address, with a port maybe, and nobody's password. */
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{0,5}))?$/;
/** RFC 9112 §3.2.1: a path, and maybe a query; no fragment. */
const ORIGIN_FORM = /^\/[^#]*$/;
/** RFC 9112 §3.2.2. */
const ABSOLUTE_FORM = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i;

/** Judges a head; `ownHost` stands in for the Host of an HTTP/1.0 request without one. */
export function judgeHead(parsed: ParsedHead, ownHost: string): RequestHead | RefusalReason {
  const { method, target, minorVersion, fields } = parsed;
  // Not ours: a proxy's (CONNECT), and what shows a client's secrets to whoever asks (RFC 9110 §9.3.8).
  if (method === "CONNECT" || method === "TRACE") return "method";
  const hosts = valuesOf(fields, "host");
  if (hosts.length > 1 || (hosts.length === 0 && minorVersion > 0)) return "host";
  const host = hosts.at(0) ?? null;
  if (host !== null && !isHost(host)) return "host";
  const url = urlOf(target, { method, host, ownHost });
  if (url === null) return "target";
  const framing = framingOf(fields, minorVersion);
  if (typeof framing === "string") return framing;
  const expectations = valuesOf(fields, "expect");
  // RFC 9110 §10.1.1: of HTTP/1.0 an expectation is ignored.
  const expects = minorVersion > 0 && expectations.length > 0;
  if (expects && expectations.some((value) => value.toLowerCase() !== "100-continue")) return "expectation";
  const options = tokensOf(fields, "connection");
  const upgrades = valuesOf(fields, "upgrade");
  // RFC 9110 §7.8: of HTTP/1.0 it is ignored; and whoever sends a body first is answered in the protocol at hand.
  const mayUpgrade = minorVersion > 0 && options.includes("upgrade") && framing.kind === "none";
  return {
    method,
    target,
    url,
    minorVersion,
    fields,
    framing,
    // RFC 9112 §9.3: close is looked for first, whatever else is said.
    keepAlive: !options.includes("close") && (minorVersion > 0 || options.includes("keep-alive")),
    expectsContinue: expects && framing.kind !== "none",
    upgrade: mayUpgrade && upgrades.length > 0 ? upgrades.join(", ") : null,
  };
}

function valuesOf(fields: ParsedHead["fields"], wanted: string): string[] {
  return fields.filter(([name]) => name === wanted).map(([, value]) => value);
}

function tokensOf(fields: ParsedHead["fields"], wanted: string): string[] {
  return valuesOf(fields, wanted).flatMap((value) => value.toLowerCase().split(","))
    .map((token) => token.trim());
}

function isHost(text: string): boolean {
  const match = HOST.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 0xffff;
}

/** Null: no target of this method. Another host in an absolute URL than in Host is nothing that an honest client sends. */
function urlOf(
  target: string,
  { method, host, ownHost }: { method: string; host: string | null; ownHost: string },
): string | null {
  const known = host ?? ownHost;
  if (target === "*") return method === "OPTIONS" ? parsedUrl(`http://${known}/*`) : null;
  if (ORIGIN_FORM.test(target)) return parsedUrl(`http://${known}${target}`);
  const [, authority, rest = "/"] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === undefined || !isHost(authority)) return null;
  if (host !== null && withoutUsualPort(authority) !== withoutUsualPort(host)) return null;
  return parsedUrl(`http://${authority}${rest.startsWith("?") ? "/" : ""}${rest}`);
}

/** RFC 9110 §4.2.3: of a host with port 80 and without one, in letters of any case, the same is meant. */
function withoutUsualPort(host: string): string {
  return host.toLowerCase().replace(/:(?:80)?$/, "");
}

/** Null where a URL as browsers have it cannot be made of it: a host such as `256.1.1.1`. */
function parsedUrl(text: string): string | null {
  return URL.canParse(text) ? text : null;
}

/** RFC 9112 §6.3. Nothing is mended: the same length twice is refused, too (§6.3 rule 5 would let it pass). */
function framingOf(fields: ParsedHead["fields"], minorVersion: number): BodyFraming | RefusalReason {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (codings.length > 0 && lengths.length > 0) return "length-and-coding";
  if (codings.length > 0) {
    // RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so that framing is faulty.
    const isChunked = codings.length === 1 && codings[0].toLowerCase() === "chunked" && minorVersion > 0;
    return isChunked ? { kind: "chunked" } : "transfer-encoding";
  }
  if (lengths.length === 0) return { kind: "none" };
  if (lengths.length > 1 || !/^\d+$/.test(lengths[0]) || lengths[0].length > LENGTH_DIGITS) {
    return "content-length";
  }
  const length = Number(lengths[0]);
  return length === 0 ? { kind: "none" } : { kind: "sized", length };
}
