/**
 * A head that has been judged octet by octet, taken apart by http-parser-js.
 *
 * Owns: what this parser needs and gives. Must not know: what fields mean.
 *
 * The parser is lenient (bare LF, obs-fold, several lengths, `parseInt` of chunk sizes): it gets nothing but heads that
 * HeadScanner has let pass, one at a time and whole, and no bodies. What it makes of one has to agree with the scanner.
 */
// @ts-types="./http_parser.d.ts"
import { HTTPParser, type ParserHead } from "http-parser-js";
import type { RefusalReason } from "./refusals.ts";

/** A head taken apart. */
export interface ParsedHead {
  readonly method: string;
  readonly target: string;
  /** 0 or 1: what is above is spoken to as 1 (RFC 9110 §2.5). */
  readonly minorVersion: number;
  /** Names (in lower case) with their values. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Octets whose text is one letter an octet: the parser's own choice would cut the eighth bit off, and make CR of 0x8d. */
class HeadOctets extends Uint8Array {
  override toString(_encoding = "latin1", start = 0, end = this.length): string {
    let text = "";
    for (let at = start; at < end; at += LETTERS_AT_ONCE) {
      text += String.fromCharCode(...this.subarray(at, Math.min(end, at + LETTERS_AT_ONCE)));
    }
    return text;
  }
}

/** Arguments of one call; local choice: far below what an engine takes. */
const LETTERS_AT_ONCE = 4096;

/** The head ends its message: bodies are read elsewhere. */
const NO_BODY = 2;

/** What the parser may still find in a head that has passed: its message, or its error's code. */
const COMPLAINTS: Readonly<Record<string, RefusalReason>> = {
  "invalid request method": "method",
  // Of a first line that has passed nothing but a method with other letters can displease it.
  "HPE_INVALID_CONSTANT": "method",
  "HPE_UNEXPECTED_CONTENT_LENGTH": "content-length",
};

/** One for all connections: between two heads it keeps nothing. */
export class HeadParser {
  #parser = this.#make();
  #head: ParserHead | null = null;

  /** Takes a whole head, with as many fields as the scanner has counted. */
  parse(bytes: Uint8Array<ArrayBuffer>, fields: number): ParsedHead | RefusalReason {
    this.#head = null;
    const octets = new HeadOctets(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const taken = this.#parser.execute(octets);
    const head = this.#seen();
    if (taken !== bytes.length || head === null) {
      // It is of no use any more.
      this.#parser = this.#make();
      return taken instanceof Error
        ? COMPLAINTS[complaintOf(taken)] ?? "parsers-disagree"
        : "parsers-disagree";
    }
    // Two readers that do not see the same in it: nobody should act on it.
    return head.headers.length === fields * 2 ? partsOf(head) : "parsers-disagree";
  }

  #seen(): ParserHead | null {
    return this.#head;
  }

  #make(): HTTPParser {
    const parser = new HTTPParser(HTTPParser.REQUEST);
    parser[HTTPParser.kOnHeadersComplete] = (head) => {
      this.#head = head;
      return NO_BODY;
    };
    return parser;
  }
}

function complaintOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

function partsOf({ method, url, versionMinor, headers }: ParserHead): ParsedHead {
  const fields: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) fields.push([headers[at].toLowerCase(), headers[at + 1]]);
  return { method: HTTPParser.methods[method], target: url, minorVersion: Math.min(versionMinor, 1), fields };
}
