/**
 * ScriptError: what is wrong with the text of a script, and where.
 *
 * Owns: the message with the line and a caret under the place. Must not know: the grammar.
 */

/** Local choice: how much of a long line is shown around the place. */
const SHOWN_BEFORE = 72;
const SHOWN_AFTER = 72;
/** Local choice: a word that was found is shown up to this length. */
const SHOWN_TOKEN = 40;

/** What a {@link ScriptError} is made of. */
export interface ScriptErrorParts {
  readonly file: string;
  /** The whole script. */
  readonly text: string;
  /** Where the token begins. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** What stands there, as written; empty at the end of the script. */
  readonly token: string;
  readonly expected: string;
}

/** A script that cannot be read. The message has three lines: what and where, the line of the script, a caret under the place. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** What stands there, as written; empty at the end of the script. */
  readonly token: string;
  /** What would be right there, in words. */
  readonly expected: string;

  constructor(parts: ScriptErrorParts) {
    const { file, line, column, token, expected } = parts;
    const found = token === "" ? "the end of the script" : quoted(token);
    super(`${file}:${line}:${column}: expected ${expected}, found ${found}\n${excerpt(parts)}`);
    this.file = file;
    this.line = line;
    this.column = column;
    this.token = token;
    this.expected = expected;
  }
}

function quoted(token: string): string {
  const firstLine = token.split("\n", 1)[0];
  const short = firstLine.length > SHOWN_TOKEN ? firstLine.slice(0, SHOWN_TOKEN) : firstLine;
  return `"${visible(short)}${short === token ? "" : "..."}"`;
}

/** What would move the cursor or change the terminal is shown as `?`, a tab as one blank, so that the caret stands right. */
function visible(text: string): string {
  return [...text].map((char) => char === "\t" ? " " : isControl(char) ? "?" : char).join("");
}

/** Control characters, line ends of Unicode, and what turns the direction of writing. */
function isControl(char: string): boolean {
  const code = char.charCodeAt(0);
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069);
}

function excerpt({ text, offset, column }: ScriptErrorParts): string {
  const lineStart = offset - (column - 1);
  const lineEnd = text.indexOf("\n", offset);
  const from = Math.max(lineStart, offset - SHOWN_BEFORE);
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, offset + SHOWN_AFTER);
  const before = visible(text.slice(from, offset));
  const indent = " ".repeat([...before].length);
  return `    ${before}${visible(text.slice(offset, to)).trimEnd()}\n    ${indent}^`;
}
