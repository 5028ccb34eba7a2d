/**
 * The words of the code in a script: lines as Python has them, made of names, numbers, strings and signs.
 *
 * Owns: comments, lines that go on (a backslash, an open bracket), indentation. Must not know: what may follow what.
 */
import { UnsupportedCode } from "./code_values.ts";

/** `newline` ends a logical line; `end` comes once, last. */
export interface CodeToken {
  readonly kind: "name" | "number" | "string" | "sign" | "newline" | "end";
  /** As written; a string resolved. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
  /** Blanks before the first word of a logical line; -1 for any other word. */
  readonly indent: number;
}

const TOKEN =
  /([A-Za-z_][A-Za-z0-9_]*)|(0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(\*\*=?|\/\/=?|<<=?|>>=?|[-+*\/%&|^]=|[<>=!]=|[-+*\/%&|^~<>=()[\],:;.{}@])/ys;
const BLANKS = /(?:[ \t\r\f]|\\\r?\n|#[^\n]*)+/y;

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "0": "\0",
};

/** All words of the code. Throws {@link UnsupportedCode} for what is none. */
export function codeTokens(text: string): CodeToken[] {
  const tokens: CodeToken[] = [];
  let brackets = 0;
  let at = 0;
  let lineStart = 0;
  let isFirst = true;
  while (at < text.length) {
    BLANKS.lastIndex = at;
    at += BLANKS.exec(text)?.[0].length ?? 0;
    if (at >= text.length) break;
    if (text[at] === "\n") {
      if (!isFirst && brackets === 0) {
        tokens.push({ kind: "newline", text: "\n", from: at, to: at + 1, indent: -1 });
        isFirst = true;
      }
      at += 1;
      lineStart = at;
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new UnsupportedCode(`"${text.slice(at, at + 10).split("\n", 1)[0]}"`);
    const [whole, name, number, string] = match;
    const isText = string !== undefined;
    if (isText && tokens.at(-1)?.to === at && tokens.at(-1)?.kind === "name") {
      throw new UnsupportedCode(`a string with a prefix (${tokens.at(-1)?.text})`);
    }
    const kind = name !== undefined ? "name" : number !== undefined ? "number" : isText ? "string" : "sign";
    if (kind === "sign" && "([{".includes(whole)) brackets += 1;
    if (kind === "sign" && ")]}".includes(whole)) brackets -= 1;
    tokens.push({
      kind,
      text: isText ? unquoted(string) : whole,
      from: at,
      to: at + whole.length,
      indent: isFirst ? (lineStart === 0 ? 0 : at - lineStart) : -1,
    });
    isFirst = false;
    at += whole.length;
  }
  if (!isFirst) tokens.push({ kind: "newline", text: "", from: at, to: at, indent: -1 });
  tokens.push({ kind: "end", text: "", from: at, to: at, indent: 0 });
  return tokens;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, (all, char) => {
    const known = ESCAPES[char];
    if (known === undefined) throw new UnsupportedCode(`the escape ${all} in a string`);
    return known;
  });
}
