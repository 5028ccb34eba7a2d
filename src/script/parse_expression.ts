/**
 * Arguments and results of system calls: words to values.
 *
 * Owns: the grammar of expressions of both dialects, taken together: any member of a struct may have any name and any value.
 * Must not know: what a call makes of them.
 */
import type { Token } from "./lexer.ts";
import { MOST_DEPTH, placeOf, type TokenReader } from "./token_reader.ts";
import type { Expression, StructField } from "./values.ts";

/** Names that take their arguments in parentheses. Any other name is a word. */
const MACROS: ReadonlySet<string> = new Set(["htons", "htonl", "inet_addr", "inet6_addr"]);

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  '"': '"',
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** An expression; `depth` counts the brackets around it. */
export function parseExpression(reader: TokenReader, depth = 0): Expression {
  let left = parseOperand(reader, depth);
  while (reader.isSign("|")) {
    reader.next();
    const right = parseOperand(reader, depth);
    left = { kind: "binary", place: left.place, operator: "|", left, right };
  }
  return left;
}

/** `a, b, ...` up to the sign, which is taken. */
export function parseList(reader: TokenReader, { end, depth }: { end: string; depth: number }): Expression[] {
  const items: Expression[] = [];
  if (reader.take(end)) return items;
  for (;;) {
    items.push(parseExpression(reader, depth));
    if (reader.take(end)) return items;
    if (!reader.take(",")) reader.fail(`"," or "${end}"`);
  }
}

function parseOperand(reader: TokenReader, depth: number): Expression {
  const token = reader.peek();
  const place = placeOf(token);
  switch (token.kind) {
    case "ellipsis":
      reader.next();
      return { kind: "ellipsis", place };
    case "integer":
    case "hex":
    case "float":
      reader.next();
      return { kind: "number", place, value: Number(token.text), text: token.text };
    case "string":
      return parseString(reader);
    case "word":
      return parseWord(reader, depth);
    case "sign":
      if (token.text === "[" || token.text === "{") {
        if (depth >= MOST_DEPTH) reader.fail(`no more than ${MOST_DEPTH} brackets in brackets`);
        reader.next();
        if (token.text === "{") return parseStruct(reader, { open: token, depth: depth + 1 });
        return { kind: "array", place, items: parseList(reader, { end: "]", depth: depth + 1 }) };
      }
  }
  return reader.fail("a value (a number, a name, a string, [...], {...} or ...)");
}

/** Strings behind each other are one. */
function parseString(reader: TokenReader): Expression {
  const place = placeOf(reader.peek());
  let value = "";
  while (reader.isKind("string")) value += unescaped(reader, reader.next());
  const open = reader.isKind("ellipsis");
  if (open) reader.next();
  return { kind: "string", place, value, open };
}

function unescaped(reader: TokenReader, token: Token): string {
  const octets = new TextEncoder().encode(token.text);
  let value = "";
  for (let i = 0; i < octets.length; i += 1) {
    const char = String.fromCharCode(octets[i]);
    if (char !== "\\") {
      value += char;
      continue;
    }
    i += 1;
    const name = String.fromCharCode(octets[i]);
    const known = ESCAPES[name];
    if (known !== undefined) {
      value += known;
    } else if (name === "x") {
      const digits = String.fromCharCode(...octets.subarray(i + 1, i + 3));
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) reader.fail("two hex digits behind \\x in the string", token);
      value += String.fromCharCode(parseInt(digits, 16));
      i += 2;
    } else {
      reader.fail('one of \\\\ \\" \\f \\n \\r \\t \\v \\xhh in the string', token);
    }
  }
  return value;
}

function parseWord(reader: TokenReader, depth: number): Expression {
  const token = reader.next();
  const place = placeOf(token);
  const name = token.text;
  if (MACROS.has(name)) {
    reader.expect("(");
    return { kind: "macro", place, name, args: parseList(reader, { end: ")", depth }) };
  }
  const word: Expression = { kind: "word", place, name };
  if (!reader.isSign("=")) return word;
  if (depth >= MOST_DEPTH) reader.fail(`no more than ${MOST_DEPTH} values in values`);
  reader.next();
  return { kind: "binary", place, operator: "=", left: word, right: parseExpression(reader, depth + 1) };
}

/** What stands behind `{`, up to and with `}`. */
function parseStruct(reader: TokenReader, { open, depth }: { open: Token; depth: number }): Expression {
  const place = placeOf(open);
  if (reader.isSign("(") || (reader.isWord("flags") && !reader.isSign("=", 1))) {
    const text = reader.wordsUntil("}");
    reader.next();
    return { kind: "words", place, text };
  }
  const fields: StructField[] = [];
  if (reader.take("}")) return { kind: "struct", place, fields };
  for (;;) {
    fields.push(parseField(reader, depth));
    if (reader.take("}")) return { kind: "struct", place, fields };
    if (!reader.take(",")) reader.fail('"," or "}"');
  }
}

function parseField(reader: TokenReader, depth: number): StructField {
  const token = reader.peek();
  const place = placeOf(token);
  const isNamed = token.kind === "word" && !MACROS.has(token.text) &&
    (reader.isSign("=", 1) || reader.isSign("(", 1));
  if (!isNamed) return { place, name: null, count: null, value: parseExpression(reader, depth) };
  const name = reader.next().text;
  let count: Expression | null = null;
  if (reader.take("(")) {
    count = parseExpression(reader, depth);
    reader.expect(")");
  }
  reader.expect("=");
  return { place, name, count, value: parseExpression(reader, depth) };
}
