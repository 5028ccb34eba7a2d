/**
 * evaluateCode: the code between `%{` and `}%` in a script, over what the sockets say of a connection.
 *
 * Owns: names, statements, the words of a failed assertion, and the bound on the work. Must not know: which names there are.
 * The language is a small part of Python. What is not part of it is `unsupported` by name, never a success; a piece of code
 * is understood as a whole before any of it is carried out.
 */
import { type CodeExpression, type CodeStatement, parseCode } from "./code_parser.ts";
import {
  applyBinary,
  applyUnary,
  CodeFault,
  type CodeValue,
  compare,
  functionNamed,
  functionNames,
  isTrue,
  itemAt,
  itemsOf,
  listOf,
  show,
  UnsupportedCode,
} from "./code_values.ts";
import { meantText } from "./misspelt.ts";

/** What became of a piece of code. `printed` holds the lines that it printed until then. */
export type CodeResult =
  | { readonly kind: "ok"; readonly printed: readonly string[] }
  /** `expected` is the test as written (or what could not be carried out), `actual` what its names are. */
  | {
    readonly kind: "failed";
    readonly expected: string;
    readonly actual: string;
    readonly printed: readonly string[];
  }
  /** The construct, or the name that nothing is known of. */
  | { readonly kind: "unsupported"; readonly construct: string; readonly printed: readonly string[] };

/** The names that a script's own code has given values to; they live as long as the script. */
export type CodeNames = Map<string, CodeValue>;

/** Local choices: expressions that one piece of code evaluates, and lines that it prints. */
const MOST_EVALUATIONS = 100_000;
const MOST_LINES = 1_000;

/** Carries out a piece of code. `variables` is what is known from outside, which wins over what the code has assigned. */
export function evaluateCode(
  text: string,
  variables: ReadonlyMap<string, number | string>,
  { names = new Map() }: { readonly names?: CodeNames } = {},
): CodeResult {
  const run = new CodeRun(variables, names);
  try {
    run.all(parseCode(text));
    return { kind: "ok", printed: run.printed };
  } catch (error) {
    const { printed } = run;
    if (error instanceof UnsupportedCode) return { kind: "unsupported", construct: error.message, printed };
    if (error instanceof FailedAssertion) {
      return { kind: "failed", expected: error.expected, actual: error.actual, printed };
    }
    if (error instanceof CodeFault) {
      const expected = `code that can be carried out: ${text.trim().replace(/\s+/g, " ")}`;
      return { kind: "failed", expected, actual: error.message, printed };
    }
    throw error;
  }
}

class FailedAssertion extends Error {
  override readonly name = "FailedAssertion";
  readonly expected: string;
  readonly actual: string;

  constructor({ expected, actual }: { readonly expected: string; readonly actual: string }) {
    super(expected);
    this.expected = expected;
    this.actual = actual;
  }
}

class CodeRun {
  readonly #variables: ReadonlyMap<string, number | string>;
  readonly #names: CodeNames;
  readonly printed: string[] = [];
  #evaluations = 0;

  constructor(variables: ReadonlyMap<string, number | string>, names: CodeNames) {
    this.#variables = variables;
    this.#names = names;
  }

  all(statements: readonly CodeStatement[]): void {
    for (const statement of statements) this.#carryOut(statement);
  }

  #carryOut(statement: CodeStatement): void {
    switch (statement.kind) {
      case "assert":
        if (!isTrue(this.#value(statement.test))) this.#fail(statement);
        return;
      case "print":
        if (this.printed.length >= MOST_LINES) {
          throw new UnsupportedCode(`more than ${MOST_LINES} printed lines`);
        }
        this.printed.push(statement.args.map((arg) => show(this.#value(arg))).join(" "));
        return;
      case "assign": {
        const { name, operator } = statement;
        const value = this.#value(statement.value);
        this.#names.set(name, operator === null ? value : applyBinary(operator, [this.#named(name), value]));
        return;
      }
      case "expression":
        this.#value(statement.value);
        return;
      case "for":
        for (const item of itemsOf(this.#value(statement.over))) {
          this.#count();
          this.#names.set(statement.name, item);
          this.all(statement.body);
        }
        return;
      case "if":
        this.all(isTrue(this.#value(statement.condition)) ? statement.then : statement.otherwise);
    }
  }

  /** Every name of the test with its value, then what the script says itself. */
  #fail({ test, text, message }: CodeStatement & { readonly kind: "assert" }): never {
    const known = [...namesOf(test)].filter((name) => this.#find(name) !== undefined);
    const values = known.map((name) => `${name} is ${show(this.#named(name), "repr")}`);
    const said = message === null ? [] : [show(this.#value(message))];
    const actual = values.length > 0 ? values.join(", ") : "it does not hold";
    const isRepeated = known.some((name) => show(this.#named(name)) === said[0]);
    throw new FailedAssertion({
      expected: text,
      actual: said.length === 0 || isRepeated ? actual : `${actual} (${said[0]})`,
    });
  }

  #count(): void {
    this.#evaluations += 1;
    if (this.#evaluations > MOST_EVALUATIONS) {
      throw new UnsupportedCode(`code that takes more than ${MOST_EVALUATIONS} steps`);
    }
  }

  #find(name: string): CodeValue | undefined {
    return this.#variables.get(name) ?? this.#names.get(name);
  }

  #named(name: string): CodeValue {
    const value = this.#find(name);
    if (value === undefined) {
      throw new UnsupportedCode(
        `the name ${name}${meantText(name, [...this.#variables.keys(), ...this.#names.keys()])}`,
      );
    }
    return value;
  }

  #value(expression: CodeExpression): CodeValue {
    this.#count();
    switch (expression.kind) {
      case "value":
        return expression.value;
      case "name":
        return this.#named(expression.name);
      case "list":
        return listOf(expression.items.map((item) => this.#value(item)), expression);
      case "unary":
        return applyUnary(expression.operator, this.#value(expression.operand));
      case "binary":
        return this.#binary(expression);
      case "not":
        return !isTrue(this.#value(expression.operand));
      case "compare":
        return this.#holds(expression);
      case "logic":
        return this.#logic(expression);
      case "choice":
        return this.#value(
          isTrue(this.#value(expression.condition)) ? expression.then : expression.otherwise,
        );
      case "index":
        return itemAt(this.#value(expression.of), this.#value(expression.index));
      case "call": {
        const called = functionNamed(expression.name);
        if (called === undefined) {
          throw new UnsupportedCode(
            `the function ${expression.name}()${meantText(expression.name, functionNames())}`,
          );
        }
        return called(expression.args.map((arg) => this.#value(arg)));
      }
    }
  }

  /** `a + b + c`: from the left, and no deeper than one level however long it is. */
  #binary(expression: CodeExpression & { readonly kind: "binary" }): CodeValue {
    const outermostFirst: (CodeExpression & { readonly kind: "binary" })[] = [];
    let first: CodeExpression = expression;
    while (first.kind === "binary") {
      outermostFirst.push(first);
      first = first.left;
    }
    let value = this.#value(first);
    for (const { operator, right } of outermostFirst.reverse()) {
      this.#count();
      value = applyBinary(operator, [value, this.#value(right)]);
    }
    return value;
  }

  /** `a < b < c`: each value is taken once, and no further than the first that does not hold. */
  #holds({ first, rest }: CodeExpression & { readonly kind: "compare" }): boolean {
    let left = this.#value(first);
    for (const { operator, right } of rest) {
      const value = this.#value(right);
      if (!compare(operator, [left, value])) return false;
      left = value;
    }
    return true;
  }

  /** The value of the part that decides. */
  #logic({ operator, parts }: CodeExpression & { readonly kind: "logic" }): CodeValue {
    let value: CodeValue = null;
    for (const part of parts) {
      value = this.#value(part);
      if (isTrue(value) === (operator === "or")) return value;
    }
    return value;
  }
}

/** The names of an expression, in the order in which they stand there. */
function namesOf(expression: CodeExpression): Set<string> {
  const names = new Set<string>();
  const waiting = [expression];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.kind === "name") names.add(next.name);
    waiting.push(...partsOf(next).toReversed());
  }
  return names;
}

function partsOf(expression: CodeExpression): readonly CodeExpression[] {
  switch (expression.kind) {
    case "value":
    case "name":
      return [];
    case "list":
      return expression.items;
    case "unary":
    case "not":
      return [expression.operand];
    case "binary":
      return [expression.left, expression.right];
    case "compare":
      return [expression.first, ...expression.rest.map((part) => part.right)];
    case "logic":
      return expression.parts;
    case "choice":
      return [expression.condition, expression.then, expression.otherwise];
    case "index":
      return [expression.of, expression.index];
    case "call":
      return expression.args;
  }
}
