/**
 * The code in a script as statements and expressions: a small part of Python.
 *
 * Owns: the grammar, with a bound on depth. Must not know: what a name stands for. Whatever it does not know it refuses by
 * name ({@link UnsupportedCode}): it never skips anything.
 */
import { type CodeToken, codeTokens } from "./code_tokens.ts";
import { type CodeValue, UnsupportedCode } from "./code_values.ts";

/** An expression. */
export type CodeExpression =
  | { readonly kind: "value"; readonly value: CodeValue }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly CodeExpression[]; readonly isTuple: boolean }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: CodeExpression }
  | {
    readonly kind: "binary";
    readonly operator: string;
    readonly left: CodeExpression;
    readonly right: CodeExpression;
  }
  /** `a < b <= c`. */
  | {
    readonly kind: "compare";
    readonly first: CodeExpression;
    readonly rest: readonly { readonly operator: string; readonly right: CodeExpression }[];
  }
  | { readonly kind: "logic"; readonly operator: "and" | "or"; readonly parts: readonly CodeExpression[] }
  | { readonly kind: "not"; readonly operand: CodeExpression }
  | {
    readonly kind: "choice";
    readonly condition: CodeExpression;
    readonly then: CodeExpression;
    readonly otherwise: CodeExpression;
  }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly CodeExpression[] }
  | { readonly kind: "index"; readonly of: CodeExpression; readonly index: CodeExpression };

/** A statement. */
export type CodeStatement =
  | {
    readonly kind: "assert";
    readonly test: CodeExpression;
    /** The test as it is written. */
    readonly text: string;
    readonly message: CodeExpression | null;
  }
  | { readonly kind: "print"; readonly args: readonly CodeExpression[] }
  | {
    readonly kind: "assign";
    readonly name: string;
    /** `+` of `+=`; null for `=`. */
    readonly operator: string | null;
    readonly value: CodeExpression;
  }
  | { readonly kind: "expression"; readonly value: CodeExpression }
  | {
    readonly kind: "for";
    readonly name: string;
    readonly over: CodeExpression;
    readonly body: readonly CodeStatement[];
  }
  | {
    readonly kind: "if";
    readonly condition: CodeExpression;
    readonly then: readonly CodeStatement[];
    readonly otherwise: readonly CodeStatement[];
  };

/** Local choices: brackets and blocks in each other; operators behind each other; characters of one piece of code. */
const MOST_DEPTH = 32;
const MOST_CHAIN = 100;
const MOST_TRAILERS = 4;
const MOST_CHARS = 0x10000;

/** Words of Python that are no names, and that only those places below may have that look for them. */
const KEYWORDS: ReadonlySet<string> = new Set(
  ("and as assert async await break class continue def del elif else except finally for from global if import in is lambda " +
    "nonlocal not or pass raise return try while with yield").split(" "),
);

const CONSTANTS: ReadonlyMap<string, CodeValue> = new Map<string, CodeValue>([
  ["True", true],
  ["False", false],
  ["None", null],
]);

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);
/** Operators by how tightly they bind, the loosest first; all of them from the left. */
const BINARY_LEVELS: readonly (readonly string[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "//", "%"],
];

/** Understands a piece of code, all of it. Throws {@link UnsupportedCode}. */
export function parseCode(text: string): readonly CodeStatement[] {
  if (text.length > MOST_CHARS) throw new UnsupportedCode(`code of more than ${MOST_CHARS} characters`);
  return new CodeParser(text).whole();
}

class CodeParser {
  readonly #text: string;
  readonly #tokens: readonly CodeToken[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = codeTokens(text);
  }

  whole(): CodeStatement[] {
    const statements = this.#block(this.#peek().indent);
    if (this.#peek().kind !== "end") throw new UnsupportedCode("lines of different indentation");
    return statements;
  }

  #peek(): CodeToken {
    return this.#tokens[this.#at];
  }

  #next(): CodeToken {
    const token = this.#peek();
    if (token.kind !== "end") this.#at += 1;
    return token;
  }

  #is(text: string): boolean {
    const { kind, text: found } = this.#peek();
    return (kind === "sign" || kind === "name") && found === text;
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#next();
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#refuse(`"${text}" missing before`);
  }

  #refuse(what: string): never {
    const { kind, text } = this.#peek();
    const found = kind === "end" || kind === "newline" ? "the end of the line" : `"${text}"`;
    throw new UnsupportedCode(`${what} ${found}`.trim());
  }

  #deeper<T>(read: () => T): T {
    if (this.#depth >= MOST_DEPTH) throw new UnsupportedCode(`more than ${MOST_DEPTH} levels in each other`);
    this.#depth += 1;
    const result = read();
    this.#depth -= 1;
    return result;
  }

  /** Lines that begin in the same column. */
  #block(indent: number): CodeStatement[] {
    const statements: CodeStatement[] = [];
    while (this.#peek().kind !== "end" && this.#peek().indent === indent) this.#line(statements, indent);
    return statements;
  }

  #line(statements: CodeStatement[], indent: number): void {
    if (this.#is("for")) {
      statements.push(this.#deeper(() => this.#for(indent)));
    } else if (this.#is("if")) {
      statements.push(this.#deeper(() => this.#if(indent)));
    } else {
      this.#simpleLine(statements);
    }
  }

  /** `a; b; c` to the end of the line. */
  #simpleLine(statements: CodeStatement[]): void {
    do {
      if (this.#peek().kind === "newline") break;
      const statement = this.#simple();
      if (statement !== null) statements.push(statement);
    } while (this.#take(";"));
    if (this.#peek().kind !== "newline") this.#refuse("");
    this.#next();
  }

  #for(indent: number): CodeStatement {
    this.#next();
    const name = this.#name();
    this.#expect("in");
    const over = this.#expressionOrTuple();
    const body = this.#suite(indent);
    if (this.#is("else") && this.#peek().indent === indent) throw new UnsupportedCode("else of a for");
    return { kind: "for", name, over, body };
  }

  #if(indent: number): CodeStatement {
    this.#next();
    const condition = this.#expression();
    const then = this.#suite(indent);
    let otherwise: CodeStatement[] = [];
    if (this.#peek().indent === indent && this.#is("elif")) {
      otherwise = [this.#deeper(() => this.#if(indent))];
    } else if (this.#peek().indent === indent && this.#take("else")) {
      otherwise = this.#suite(indent);
    }
    return { kind: "if", condition, then, otherwise };
  }

  /** What stands behind a colon: the rest of the line, or lines that stand further in. */
  #suite(indent: number): CodeStatement[] {
    this.#expect(":");
    if (this.#peek().kind !== "newline") {
      const statements: CodeStatement[] = [];
      this.#simpleLine(statements);
      return statements;
    }
    this.#next();
    const inner = this.#peek().indent;
    if (this.#peek().kind === "end" || inner <= indent) this.#refuse("an indented line missing before");
    return this.#block(inner);
  }

  #name(): string {
    const { kind, text } = this.#peek();
    if (kind !== "name" || KEYWORDS.has(text) || CONSTANTS.has(text)) this.#refuse("a name missing before");
    return this.#next().text;
  }

  #simple(): CodeStatement | null {
    const token = this.#peek();
    if (this.#take("pass")) return null;
    if (this.#take("assert")) return this.#assert();
    if (token.kind === "name" && token.text === "print") return this.#print();
    if (token.kind === "name" && KEYWORDS.has(token.text) && token.text !== "not") {
      throw new UnsupportedCode(`"${token.text}"`);
    }
    const after = this.#tokens[this.#at + 1];
    if (
      token.kind === "name" && after.kind === "sign" && /^(?:\*\*|\/\/|<<|>>|[-+*\/%&|^])?=$/.test(after.text)
    ) {
      const name = this.#name();
      const sign = this.#next().text;
      const operator = sign === "=" ? null : sign.slice(0, -1);
      const value = this.#expressionOrTuple();
      if (this.#is("=")) throw new UnsupportedCode("several assignments in one");
      return { kind: "assign", name, operator, value };
    }
    return { kind: "expression", value: this.#expressionOrTuple() };
  }

  #assert(): CodeStatement {
    const from = this.#peek().from;
    const test = this.#expression();
    const text = this.#text.slice(from, this.#tokens[this.#at - 1].to).replace(/\s+/g, " ");
    if (test.kind === "list") {
      throw new UnsupportedCode(`an assertion of a ${test.isTuple ? "tuple" : "list"}`);
    }
    return { kind: "assert", test, text, message: this.#take(",") ? this.#expressionOrTuple() : null };
  }

  #print(): CodeStatement {
    this.#next();
    if (!this.#is("(")) throw new UnsupportedCode("print without parentheses");
    this.#next();
    return { kind: "print", args: this.#deeper(() => this.#items(")")) };
  }

  /** `a, b` up to the sign, which is taken. */
  #items(end: string): CodeExpression[] {
    const items: CodeExpression[] = [];
    while (!this.#take(end)) {
      items.push(this.#expression());
      if (this.#is("for")) throw new UnsupportedCode("a comprehension");
      if (this.#is("=")) throw new UnsupportedCode("an argument by name");
      if (!this.#is(end)) this.#expect(",");
    }
    return items;
  }

  #expressionOrTuple(): CodeExpression {
    const first = this.#expression();
    if (!this.#is(",")) return first;
    const items = [first];
    while (this.#take(",")) {
      if (this.#peek().kind === "newline" || this.#is(";") || this.#is(":")) break;
      items.push(this.#expression());
    }
    return { kind: "list", items, isTuple: true };
  }

  #expression(): CodeExpression {
    return this.#deeper(() => {
      const then = this.#or();
      if (!this.#take("if")) return then;
      const condition = this.#or();
      this.#expect("else");
      return { kind: "choice", condition, then, otherwise: this.#expression() };
    });
  }

  #or(): CodeExpression {
    return this.#logic("or", () => this.#logic("and", () => this.#not()));
  }

  #logic(operator: "and" | "or", operand: () => CodeExpression): CodeExpression {
    const parts = [operand()];
    while (this.#take(operator)) parts.push(operand());
    return parts.length === 1 ? parts[0] : { kind: "logic", operator, parts };
  }

  #not(): CodeExpression {
    if (!this.#take("not")) return this.#comparison();
    return { kind: "not", operand: this.#deeper(() => this.#not()) };
  }

  #comparison(): CodeExpression {
    const first = this.#binary(0);
    const rest: { operator: string; right: CodeExpression }[] = [];
    for (let operator = this.#comparator(); operator !== null; operator = this.#comparator()) {
      rest.push({ operator, right: this.#binary(0) });
    }
    return rest.length === 0 ? first : { kind: "compare", first, rest };
  }

  #comparator(): string | null {
    const { kind, text } = this.#peek();
    if (kind === "sign" && COMPARISONS.has(text)) return this.#next().text;
    if (this.#take("in")) return "in";
    if (this.#take("is")) return this.#take("not") ? "is not" : "is";
    if (!this.#take("not")) return null;
    this.#expect("in");
    return "not in";
  }

  #binary(level: number): CodeExpression {
    if (level === BINARY_LEVELS.length) return this.#unary();
    let left = this.#binary(level + 1);
    let count = 0;
    while (this.#peek().kind === "sign" && BINARY_LEVELS[level].includes(this.#peek().text)) {
      if (++count > MOST_CHAIN) {
        throw new UnsupportedCode(`more than ${MOST_CHAIN} operators behind each other`);
      }
      const operator = this.#next().text;
      left = { kind: "binary", operator, left, right: this.#binary(level + 1) };
    }
    return left;
  }

  #unary(): CodeExpression {
    const { kind, text } = this.#peek();
    if (kind === "sign" && (text === "-" || text === "+" || text === "~")) {
      this.#next();
      return { kind: "unary", operator: text, operand: this.#deeper(() => this.#unary()) };
    }
    const base = this.#trailers(this.#atom());
    if (!this.#take("**")) return base;
    return { kind: "binary", operator: "**", left: base, right: this.#deeper(() => this.#unary()) };
  }

  #trailers(atom: CodeExpression): CodeExpression {
    let value = atom;
    for (let count = 0;; count += 1) {
      if (count > MOST_TRAILERS) {
        throw new UnsupportedCode(`more than ${MOST_TRAILERS} brackets behind each other`);
      }
      if (this.#is(".")) {
        this.#next();
        throw new UnsupportedCode(`the attribute .${this.#peek().text}`);
      } else if (this.#take("(")) {
        if (value.kind !== "name") throw new UnsupportedCode("a call of what is no name");
        value = { kind: "call", name: value.name, args: this.#items(")") };
      } else if (this.#take("[")) {
        const index = this.#expression();
        if (this.#is(":")) throw new UnsupportedCode("a slice");
        this.#expect("]");
        value = { kind: "index", of: value, index };
      } else {
        return value;
      }
    }
  }

  #atom(): CodeExpression {
    const token = this.#peek();
    switch (token.kind) {
      case "number":
        this.#next();
        return { kind: "value", value: numberOf(token.text) };
      case "string": {
        let value = "";
        while (this.#peek().kind === "string") value += this.#next().text;
        return { kind: "value", value };
      }
      case "name": {
        const constant = CONSTANTS.get(token.text);
        if (constant !== undefined) {
          this.#next();
          return { kind: "value", value: constant };
        }
        if (KEYWORDS.has(token.text)) this.#refuse("");
        return { kind: "name", name: this.#next().text };
      }
      case "sign":
        if (this.#take("(")) return this.#deeper(() => this.#parenthesis());
        if (this.#take("[")) {
          return { kind: "list", isTuple: false, items: this.#deeper(() => this.#items("]")) };
        }
    }
    return this.#refuse("a value missing before");
  }

  #parenthesis(): CodeExpression {
    if (this.#take(")")) return { kind: "list", isTuple: true, items: [] };
    const first = this.#expression();
    if (this.#take(")")) return first;
    if (this.#is("for")) throw new UnsupportedCode("a comprehension");
    this.#expect(",");
    return { kind: "list", isTuple: true, items: [first, ...this.#items(")")] };
  }
}

function numberOf(text: string): number {
  if (/^0[0-9]+$/.test(text) && !/^0+$/.test(text)) throw new UnsupportedCode(`the number ${text}`);
  const value = Number(text);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new UnsupportedCode("a number beyond 2^53");
  }
  return value;
}
