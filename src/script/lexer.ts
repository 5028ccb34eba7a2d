/**
 * The words of a script: what both packetdrill dialects (google's and nplab's) see in its text.
 *
 * Owns: tokens with their places, comments and blanks between them, names that `--define` stands for. Must not know: what
 * may follow what. Reads on demand, each character a bounded number of times.
 */
import { ScriptError } from "./script_error.ts";

/**
 * `word` also for names with a hyphen (`exp-FO`); `sign` is one character; `directive` is `#ifdef` and its like; `option` is
 * `--name`; `end` comes for ever at the end.
 */
export type TokenKind =
  | "word"
  | "integer"
  | "hex"
  | "float"
  | "string"
  | "shell"
  | "code"
  | "option"
  | "ipv4"
  | "ipv6"
  | "ellipsis"
  | "directive"
  | "sign"
  | "end";

/** A word of the script. */
export interface Token {
  readonly kind: TokenKind;
  /** Without quotes, back quotes, braces and the dashes of an option; escapes stay. What a name is defined as in its place. */
  readonly text: string;
  /** Where it stands in the script: from, and to (not included). */
  readonly from: number;
  readonly to: number;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** Sticky patterns, each matched at the place of the reader alone. */
const WORD = /[A-Za-z0-9_]+/y;
/** Names that hold a hyphen or another sign. */
const HYPHENATED =
  /(?:exp|EXP)-(?:FO|AccECN[01]|tarr|[0-9a-fA-F]+)(?![A-Za-z0-9_])|gen-[0-9]+|voice-admit|sequence#/y;
const INTEGER = /-?[0-9]+/y;
const FLOAT = /-?[0-9]*\.[0-9]+/y;
const IPV4 = /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/y;
/** Eight groups, or fewer around `::`; a mapped IPv4 address at its end. `1:1001` is none: that is a sequence range. */
const IPV6 =
  /(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?)(?:\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})?/y;
const OPTION = /--[A-Za-z0-9_]+/y;
const DIRECTIVE = /#(?:ifdef|ifndef|else|endif)(?![A-Za-z0-9_])/y;
const BLANKS = /[ \t\r\n]+/y;

const ALL_DIGITS = /^-?[0-9]+$/;
const HEX_NUMBER = /^0x[0-9a-fA-F]+$/;

/** What the words are read from. */
export interface LexerOptions {
  readonly file: string;
  /** What names stand for: as `--define=NAME=VALUE` gives it, strings in their quotes. The parser adds those of the script. */
  readonly defines: Map<string, string>;
}

/** Reads one word after the other. */
export class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #defines: ReadonlyMap<string, string>;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** The next line's end, the end of the script where there is none. */
  #lineEnd: number;

  constructor(text: string, { file, defines }: LexerOptions) {
    this.#text = text;
    this.#file = file;
    this.#defines = defines;
    this.#lineEnd = this.#endOfLineFrom(0);
  }

  /** The next word; `end` at the end. Throws {@link ScriptError} for a string, comment or code that does not end. */
  next(): Token {
    this.#skipBlanks();
    const text = this.#text;
    const at = this.#at;
    if (at >= text.length) return this.#token("end", "", 0);
    const char = text[at];
    if (char === '"') return this.#quoted("string", '"');
    if (char === "`") return this.#quoted("shell", "`");
    if (text.startsWith("%{", at)) return this.#code();
    if (text.startsWith("...", at)) return this.#token("ellipsis", "...", 3);
    if (char === "#") {
      const directive = this.#match(DIRECTIVE);
      if (directive !== "") return this.#token("directive", directive, directive.length);
    }
    if (text.startsWith("--", at)) {
      const option = this.#match(OPTION);
      if (option !== "") return this.#token("option", option.slice(2), option.length);
    }
    if (char === "-" || char === ".") {
      const float = this.#match(FLOAT);
      if (float !== "") return this.#token("float", float, float.length);
      const integer = this.#match(INTEGER);
      if (integer !== "") return this.#token("integer", integer, integer.length);
    }
    return this.#wordOrSign();
  }

  /** The longest of what may stand here wins, as in the lexers of both dialects. */
  #wordOrSign(): Token {
    const word = this.#match(WORD);
    const ipv6 = this.#match(IPV6);
    const hyphenated = word === "" ? "" : this.#match(HYPHENATED);
    if (hyphenated.length > word.length) return this.#token("word", hyphenated, hyphenated.length);
    if (word !== "" && word[0] >= "0" && word[0] <= "9") {
      const ipv4 = this.#match(IPV4);
      if (ipv4 !== "" && ipv4.length > ipv6.length) return this.#token("ipv4", ipv4, ipv4.length);
      const float = this.#match(FLOAT);
      if (float.length > word.length) return this.#token("float", float, float.length);
    }
    if (ipv6.length > word.length) return this.#token("ipv6", ipv6, ipv6.length);
    if (word === "") {
      const sign = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
      return this.#token("sign", sign, sign.length);
    }
    if (ALL_DIGITS.test(word)) return this.#token("integer", word, word.length);
    if (HEX_NUMBER.test(word)) return this.#token("hex", word, word.length);
    const defined = this.#defines.get(word);
    return defined === undefined
      ? this.#token("word", word, word.length)
      : this.#defined(defined, word.length);
  }

  /** A name in the place of which something else stands. */
  #defined(value: string, length: number): Token {
    const first = value[0];
    if (value.length >= 2 && (first === '"' || first === "`") && value.endsWith(first)) {
      return this.#token(first === '"' ? "string" : "shell", value.slice(1, -1), length);
    }
    const kind = ALL_DIGITS.test(value) ? "integer" : HEX_NUMBER.test(value) ? "hex" : "word";
    return this.#token(kind, value, length);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? "";
  }

  #token(kind: TokenKind, text: string, length: number): Token {
    const from = this.#at;
    const token = {
      kind,
      text,
      from,
      to: from + length,
      line: this.#line,
      column: from - this.#lineStart + 1,
    };
    this.#moveTo(from + length);
    return token;
  }

  #moveTo(to: number): void {
    while (this.#lineEnd < to) {
      this.#line += 1;
      this.#lineStart = this.#lineEnd + 1;
      this.#lineEnd = this.#endOfLineFrom(this.#lineStart);
    }
    this.#at = to;
  }

  #endOfLineFrom(at: number): number {
    const end = this.#text.indexOf("\n", at);
    return end === -1 ? this.#text.length : end;
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const blanks = this.#match(BLANKS);
      if (blanks !== "") this.#moveTo(this.#at + blanks.length);
      if (text.startsWith("//", this.#at)) {
        const end = text.indexOf("\n", this.#at);
        this.#moveTo(end === -1 ? text.length : end);
      } else if (text.startsWith("/*", this.#at)) {
        const end = text.indexOf("*/", this.#at + 2);
        if (end === -1) this.#unclosed('"*/" at the end of the comment that begins here');
        this.#moveTo(end + 2);
      } else if (blanks === "") {
        return;
      }
    }
  }

  #quoted(kind: TokenKind, quote: string): Token {
    const text = this.#text;
    const from = this.#at + 1;
    let at = from;
    while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
    if (at >= text.length) this.#unclosed(`${quote} at the end of what begins here`);
    return this.#token(kind, text.slice(from, at), at + 1 - this.#at);
  }

  #code(): Token {
    const from = this.#at + 2;
    const end = this.#text.indexOf("}%", from);
    if (end === -1) this.#unclosed('"}%" at the end of the code that begins here');
    return this.#token("code", this.#text.slice(from, end), end + 2 - this.#at);
  }

  /** Told where it begins: it has no end. */
  #unclosed(expected: string): never {
    throw new ScriptError({
      file: this.#file,
      text: this.#text,
      offset: this.#at,
      line: this.#line,
      column: this.#at - this.#lineStart + 1,
      token: "",
      expected,
    });
  }
}
