/**
 * Types of what tcplab uses of the package http-parser-js: its own ask for Node's Buffer, and so for all of Node's types.
 */

/** Octets that the parser takes: bytes by number, and text of a stretch of them. */
export interface ParserOctets {
  readonly length: number;
  readonly [at: number]: number;
  toString(encoding: string, start: number, end: number): string;
}

/** What the parser has made of a head. */
export interface ParserHead {
  readonly versionMajor: number;
  readonly versionMinor: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Place in {@link HTTPParser.methods}. */
  readonly method: number;
  readonly url: string;
}

export class HTTPParser {
  static readonly REQUEST: "REQUEST";
  static readonly RESPONSE: "RESPONSE";
  static readonly methods: readonly string[];
  static readonly kOnHeadersComplete: 2;
  constructor(type: "REQUEST" | "RESPONSE");
  /** Returns 2 for: this message ends with its head. */
  2: (head: ParserHead) => number;
  /** The number of octets taken, or what was wrong. */
  execute(octets: ParserOctets): number | Error;
}
