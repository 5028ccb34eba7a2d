/**
 * Why a request is refused: a name for the counters, a status, and a sentence for whoever sent it.
 *
 * Owns: this table. Must not know: how each is found out.
 *
 * Whatever makes it doubtful where a message ends is refused and the connection closed, where RFC 9112 leaves the choice to
 * mend it: two programs that mend in different ways see different requests in the same octets (RFC 9112 §11.2).
 */

/** A name of the table; the counters have the same. */
export type RefusalReason =
  | "request-line"
  | "http-0.9"
  | "http2-preface"
  | "version"
  | "method"
  | "target"
  | "url-too-long"
  | "bare-lf"
  | "bare-cr"
  | "nul"
  | "control"
  | "obs-fold"
  | "space-before-colon"
  | "field-name"
  | "head-too-long"
  | "too-many-fields"
  | "parsers-disagree"
  | "host"
  | "content-length"
  | "length-and-coding"
  | "transfer-encoding"
  | "expectation"
  | "body-too-long"
  | "chunk-size"
  | "chunk-extension"
  | "chunk-end"
  | "trailers"
  | "body-cut"
  | "head-timeout"
  | "body-timeout"
  | "answer-timeout"
  | "head-cut"
  | "too-many-connections";

/** Status and sentence of each reason. */
const TABLE: Readonly<Record<RefusalReason, readonly [status: number, sentence: string]>> = {
  // The first line (RFC 9112 §3).
  "request-line": [400, "the first line is not METHOD TARGET HTTP/1.1"],
  "http-0.9": [400, "HTTP/0.9 is not spoken here"],
  "http2-preface": [400, "HTTP/2 is not spoken here: use HTTP/1.1"],
  "version": [505, "only HTTP/1.1 and HTTP/1.0 are spoken here"],
  "method": [501, "this method is not known here"],
  "target": [400, "the request's target is not a path"],
  "url-too-long": [414, "the request's target is too long"],
  // Octets of the head (RFC 9112 §2.2, §5).
  "bare-lf": [400, "a line ends with LF alone"],
  "bare-cr": [400, "a CR without LF"],
  "nul": [400, "an octet of value 0"],
  "control": [400, "a control character in a field's value"],
  "obs-fold": [400, "a line begins with white space (obs-fold)"],
  "space-before-colon": [400, "white space between a field's name and its colon"],
  "field-name": [400, "a field without a name, or with a bad one"],
  "head-too-long": [431, "the head has too many octets"],
  "too-many-fields": [431, "the head has too many fields"],
  "parsers-disagree": [400, "the head can be read in two ways"],
  // What the fields say (RFC 9112 §3.2, §6).
  "host": [400, "exactly one Host field with a host in it is needed"],
  "content-length": [400, "Content-Length is not one number"],
  "length-and-coding": [400, "both Content-Length and Transfer-Encoding"],
  "transfer-encoding": [400, "the only transfer coding taken here is one chunked, in HTTP/1.1"],
  "expectation": [417, "the only expectation met here is 100-continue"],
  // The body (RFC 9112 §7.1).
  "body-too-long": [413, "the body is too long"],
  "chunk-size": [400, "a chunk's size is not a hexadecimal number"],
  "chunk-extension": [400, "chunk extensions are too long"],
  "chunk-end": [400, "a chunk does not end with CRLF"],
  "trailers": [431, "the trailer section is too long"],
  "body-cut": [400, "the connection ended inside of a body"],
  // Patience.
  "head-timeout": [408, "the head did not come in time"],
  "body-timeout": [408, "the body did not come in time"],
  "answer-timeout": [0, "the answer was not read in time"],
  "head-cut": [0, "the connection ended inside of a head"],
  "too-many-connections": [503, "too many connections are open"],
};

/** Every reason, in the order of the table. */
export const REFUSAL_REASONS: readonly RefusalReason[] = Object.keys(TABLE).filter(isReason);

function isReason(name: string): name is RefusalReason {
  return Object.hasOwn(TABLE, name);
}

/** The status that a refusal is answered with; 0 where nobody is left to read an answer. */
export function statusOf(reason: RefusalReason): number {
  return TABLE[reason][0];
}

/** One line for whoever sent the request. */
export function sentenceOf(reason: RefusalReason): string {
  return TABLE[reason][1];
}

/** What reading a body rejects with when the request is refused half-way; the answer is then made from it. */
export class RequestRefused extends Error {
  /** As errors have it. */
  override name = "RequestRefused";
  /** As the counters have it. */
  readonly reason: RefusalReason;

  /** Says it in a sentence. */
  constructor(reason: RefusalReason) {
    super(`The request is refused: ${sentenceOf(reason)}`);
    this.reason = reason;
  }

  /** The status of the answer. */
  get status(): number {
    return statusOf(this.reason);
  }
}
