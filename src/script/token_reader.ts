/**
 * TokenReader: what every part of the parser does with words: look, take, demand, refuse.
 *
 * Owns: looking ahead, numbers with their bounds, and the error at the place. Must not know: the grammar.
 */
import { Lexer, type Token } from "./lexer.ts";
import { ScriptError } from "./script_error.ts";
import type { Place, PortPair } from "./values.ts";

/** The most that eight bits hold. */
export const MOST_U8 = 0xff;
/** The most that sixteen bits hold. */
export const MOST_U16 = 0xffff;
/** The most that 32 bits hold. */
export const MOST_U32 = 0xffffffff;
/** Of a flow label (RFC 8200 §3). */
export const MOST_U20 = 0xfffff;
/** Of a counter of AccECN (RFC 9768 §3.2.3). */
export const MOST_U24 = 0xffffff;

/** Local choice: brackets in brackets, and conditions in conditions. Far more than any script has, far from what the call stack bears. */
export const MOST_DEPTH = 64;

const HEX_BYTES = /^(?:[0-9a-fA-F]{2})*$/;

/** A number that is demanded. */
export interface NumberDemand {
  /** In words, for the error. */
  readonly what: string;
  readonly most: number;
}

/** The words of one script, with a look at those to come. */
export class TokenReader {
  readonly text: string;
  readonly file: string;
  readonly #lexer: Lexer;
  readonly #ahead: Token[] = [];
  /** Where the last word that was taken ends. */
  lastTo = 0;

  constructor(
    text: string,
    { file, defines }: { readonly file: string; readonly defines: Map<string, string> },
  ) {
    this.text = text;
    this.file = file;
    this.#lexer = new Lexer(text, { file, defines });
  }

  /** The next word, or the one after so many more; it stays. */
  peek(further = 0): Token {
    while (this.#ahead.length <= further) this.#ahead.push(this.#lexer.next());
    return this.#ahead[further];
  }

  next(): Token {
    const token = this.peek();
    this.#ahead.shift();
    this.lastTo = token.to;
    return token;
  }

  isSign(sign: string, further = 0): boolean {
    const token = this.peek(further);
    return token.kind === "sign" && token.text === sign;
  }

  isWord(word: string, further = 0): boolean {
    const token = this.peek(further);
    return token.kind === "word" && token.text === word;
  }

  isKind(kind: Token["kind"], further = 0): boolean {
    return this.peek(further).kind === kind;
  }

  /** Takes the sign if it is the next. */
  take(sign: string): boolean {
    if (!this.isSign(sign)) return false;
    this.next();
    return true;
  }

  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.next();
    return true;
  }

  expect(sign: string): Token {
    if (!this.isSign(sign)) this.fail(`"${sign}"`);
    return this.next();
  }

  expectWord(what: string): Token {
    if (!this.isKind("word")) this.fail(what);
    return this.next();
  }

  /** A decimal number from 0 to `most`. */
  integer({ what, most }: NumberDemand): number {
    const token = this.peek();
    const value = token.kind === "integer" ? Number(token.text) : -1;
    if (!(value >= 0 && value <= most)) {
      const hint = token.kind === "word" ? " (nothing is defined for the name)" : "";
      this.fail(`${what}: a number from 0 to ${most}${hint}`);
    }
    this.next();
    return value;
  }

  /** A number like `0x1f`, from 0 to `most`. */
  hex({ what, most }: NumberDemand): number {
    const token = this.peek();
    const value = token.kind === "hex" ? Number(token.text) : -1;
    if (!(value >= 0 && value <= most)) this.fail(`${what}: a number from 0x0 to 0x${most.toString(16)}`);
    this.next();
    return value;
  }

  /** `p > q`. */
  ports(): PortPair {
    const source = this.integer({ what: "a source port", most: MOST_U16 });
    this.expect(">");
    return { source, destination: this.integer({ what: "a destination port", most: MOST_U16 }) };
  }

  /** `/udp(p > q)`; null where it is not written. */
  udpWrapping(): PortPair | null {
    if (!this.take("/")) return null;
    if (!this.takeWord("udp")) this.fail('"udp"');
    this.expect("(");
    const ports = this.ports();
    this.expect(")");
    return ports;
  }

  /**
   * All words up to the sign, which stays, as they are written but for blanks and comments between them. Brackets stand in
   * pairs; within them the sign does not count.
   */
  wordsUntil(stop: string): string {
    let words = "";
    let depth = 0;
    let to = -1;
    for (;;) {
      const token = this.peek();
      if (depth === 0 && token.kind === "sign" && token.text === stop) return words;
      if (!IN_WORDS.has(token.kind)) this.fail(`"${stop}"`);
      if (token.kind === "sign" && "([{".includes(token.text)) depth += 1;
      if (token.kind === "sign" && ")]}".includes(token.text) && --depth < 0) this.fail(`"${stop}"`);
      words += (to !== -1 && token.from > to ? " " : "") + this.text.slice(token.from, token.to);
      to = token.to;
      this.next();
    }
  }

  /** The error: `expected` in words, and what stands there instead. */
  fail(expected: string, token: Token = this.peek()): never {
    throw new ScriptError({
      file: this.file,
      text: this.text,
      offset: token.from,
      line: token.line,
      column: token.column,
      token: this.text.slice(token.from, token.to),
      expected,
    });
  }
}

const IN_WORDS: ReadonlySet<Token["kind"]> = new Set([
  "word",
  "integer",
  "hex",
  "float",
  "string",
  "ipv4",
  "ipv6",
  "ellipsis",
  "sign",
]);

/** Where a word stands. */
export function placeOf({ line, column }: Token): Place {
  return { line, column };
}

/** Octets of an even number of hex digits; null when it is something else. */
export function hexBytes(text: string): Uint8Array | null {
  if (!HEX_BYTES.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
