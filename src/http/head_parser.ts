/**
 * A head that has been judged octet by octet, taken apart by http-parser-js.
 *
 * Owns: what this parser needs and gives. Must not know: what fields mean.
 *
 * The parser is lenient (bare LF, obs-fold, several lengths, `parseInt` of chunk sizes): it gets nothing but heads that
 * HeadScanner has let pass, one at a time and whole, and no bodies. What it makes of one has to agree with the scanner.
 */
// @ts-types="../../scripts/types/http_parser.d.ts"
import { HTTPParser, type ParserHead } from "http-parser-js";

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

/** The most that the parser takes by itself (its `maxHeaderSize`). */
export const MOST_HEAD_BYTES: number = 80 * 1024;

/** One for all connections: between two heads it keeps nothing. */
export class HeadParser {
  #parser = this.#make();
  #head: ParserHead | null = null;

  /** Takes a whole head. Null: the parser does not know the method, or cannot read what is there. */
  parse(bytes: Uint8Array<ArrayBuffer>): ParsedHead | "method" | null {
    this.#head = null;
    const octets = new HeadOctets(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const taken = this.#parser.execute(octets);
    const head: ParserHead | null = this.#head;
    if (taken !== bytes.length || head === null) {
      // It is of no use any more.
      this.#parser = this.#make();
      return taken instanceof Error && taken.message === "invalid request method" ? "method" : null;
    }
    return partsOf(head);
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

function partsOf({ method, url, versionMinor, headers }: ParserHead): ParsedHead {
  const fields: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) fields.push([headers[at].toLowerCase(), headers[at + 1]]);
  return { method: HTTPParser.methods[method], target: url, minorVersion: Math.min(versionMinor, 1), fields };
}
