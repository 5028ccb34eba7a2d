/**
 * The head of an answer, as octets (RFC 9112 §4, §5; RFC 9110 §6.6.1, §8.6).
 *
 * Owns: which fields an answer has whatever its handler says: Date, Content-Length or Transfer-Encoding, Connection.
 * Must not know: where the body comes from.
 */

/** How the end of an answer's body is known to the client. */
export type AnswerFraming =
  | { readonly kind: "none" }
  | { readonly kind: "sized"; readonly length: number | null }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** What a head is made of. */
interface ResponseHeadParts {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly framing: AnswerFraming;
  /** What Connection says; null: nothing. */
  readonly connection: string | null;
  readonly date: string;
}

/** Fields that belong to the connection and not to its user (RFC 9110 §7.6.1). */
const OURS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "proxy-connection",
  "te",
  "trailer",
]);

/** Reasons of the statuses that are used most, and of our own; others have none, which is allowed (RFC 9112 §4). */
const REASONS: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** The head of an answer. */
export function responseHead(parts: ResponseHeadParts): Uint8Array<ArrayBuffer> {
  const { status, headers, framing, connection } = parts;
  let text = `${statusLine(status, parts.statusText)}\r\n`;
  for (const [name, value] of headers) {
    if (!OURS.has(name)) text += `${name}: ${value}\r\n`;
  }
  if (!headers.has("date")) text += `date: ${parts.date}\r\n`;
  if (framing.kind === "sized" && framing.length !== null) text += `content-length: ${framing.length}\r\n`;
  if (framing.kind === "chunked") text += "transfer-encoding: chunked\r\n";
  // RFC 9110 §7.8: what the server could speak is said with Upgrade, as 426 has to, and Connection names that field.
  const options = headers.has("upgrade") ? [connection, "upgrade"] : [connection];
  const said = options.filter((option) => option !== null).join(", ");
  if (said !== "") text += `connection: ${said}\r\n`;
  return latin1(`${text}\r\n`);
}

/** What 101 has of its own, or must not have at all (RFC 9110 §8.6, RFC 9112 §6.1). */
const NOT_OF_101: ReadonlySet<string> = new Set([
  "connection",
  "date",
  "content-length",
  "transfer-encoding",
]);

/** The head of 101: its fields are the handler's. */
export function switchingHead(headers: Headers, date: string): Uint8Array<ArrayBuffer> {
  let text = `${statusLine(101, "")}\r\ndate: ${date}\r\n`;
  for (const [name, value] of headers) {
    if (!NOT_OF_101.has(name)) text += `${name}: ${value}\r\n`;
  }
  return latin1(`${text}connection: upgrade\r\n\r\n`);
}

/** `HTTP/1.1 100 Continue`, and the end of its head. */
export const CONTINUE: Uint8Array<ArrayBuffer> = latin1(`${statusLine(100, "")}\r\n\r\n`);

function statusLine(status: number, text: string): string {
  return `HTTP/1.1 ${status} ${text === "" ? REASONS[status] ?? "" : text}`;
}

/** Headers keep their values as one octet a letter. */
function latin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** The framing of an answer whose body's length is `length` (null: not known), by RFC 9112 §6.3 rules 1 to 8. */
export function framingOfAnswer(
  { status, method, minorVersion, length }: {
    readonly status: number;
    readonly method: string;
    readonly minorVersion: number;
    readonly length: number | null;
  },
): AnswerFraming {
  // RFC 9110 §8.6: 204 has no length at all; 304 and HEAD that of the answer to GET, or none.
  if (status === 204 || status < 200) return { kind: "none" };
  if (status === 205) return { kind: "sized", length: 0 };
  if (method === "HEAD" || status === 304) return { kind: "sized", length };
  if (length !== null) return { kind: "sized", length };
  return minorVersion > 0 ? { kind: "chunked" } : { kind: "until-close" };
}
