/**
 * Which small changes of a source text a test should notice, as a plugin of `deno lint`: Deno's own parser finds the
 * places, and each finding is a change, told as JSON in its message.
 *
 * Owns: the kinds of change, and what is left alone: types, imports, what an error says. Must not know: files, tests,
 * which changes are tried (mutants.ts), and whether a changed text still compiles (mutants_runs.ts).
 */

/** One change: the characters from `start` up to `end` become `text`. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What is done, in a few words. */
  readonly what: string;
}

/** The rule by which the plugin reports, as `deno lint` names it. */
export const CHANGE_RULE = "mutants/change";

/** What else an operator may be. */
const OTHER_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "&": ["|"],
  "|": ["&"],
  "^": ["|"],
  "<<": [">>>"],
  ">>": ["<<", ">>>"],
  ">>>": ["<<", ">>"],
  "&&": ["||"],
  "||": ["&&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
  "&=": ["|="],
  "|=": ["&="],
  "^=": ["|="],
  "<<=": [">>>="],
  ">>=": ["<<="],
  ">>>=": ["<<="],
};

/** Methods and functions that have an opposite. */
const OPPOSITES: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  floor: "ceil",
  ceil: "floor",
  some: "every",
  every: "some",
};

const COMPARISONS: ReadonlySet<string> = new Set(["<", "<=", ">", ">=", "===", "!=="]);

/** Nodes of TypeScript that hold values, not types. */
const VALUES_IN_TYPESCRIPT: ReadonlySet<string> = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSParameterProperty",
]);

function isError({ callee }: Deno.lint.NewExpression): boolean {
  return callee.type === "Identifier" && callee.name.endsWith("Error");
}

/** True where no test should be asked: in types, imports, and what an error says. */
function isLeftAlone(ancestors: readonly Deno.lint.Node[]): boolean {
  return ancestors.some((node) =>
    (node.type.startsWith("TS") && !VALUES_IN_TYPESCRIPT.has(node.type)) ||
    node.type === "ImportDeclaration" || node.type === "ExportAllDeclaration" ||
    node.type === "ThrowStatement" ||
    (node.type === "NewExpression" && isError(node))
  );
}

/** Where the operator between two parts of an expression stands; comments between them hold none. */
function operatorAt(text: string, about: { after: number; before: number; operator: string }): number {
  const { after, before, operator } = about;
  const between = text.slice(after, before).replace(
    /\/\*.*?\*\/|\/\/[^\n]*/gs,
    (comment) => " ".repeat(comment.length),
  );
  const at = between.indexOf(operator);
  return at === -1 ? -1 : after + at;
}

/** The number beside `value`, written as `raw` is. */
function neighbor(raw: string, value: number): string {
  if (value < 0) return `${value}`;
  return /^0x/i.test(raw) ? `0x${value.toString(16)}` : `${value}`;
}

type Parts = { readonly left: Deno.lint.Node; readonly right: Deno.lint.Node; readonly operator: string };

class Finder {
  readonly #context: Deno.lint.RuleContext;
  readonly #text: string;

  constructor(context: Deno.lint.RuleContext) {
    this.#context = context;
    this.#text = context.sourceCode.text;
  }

  source(node: Deno.lint.Node): string {
    return this.#text.slice(node.range[0], node.range[1]);
  }

  /** The node becomes one of `texts`. */
  replace(node: Deno.lint.Node, what: string, ...texts: readonly string[]): void {
    for (const text of texts) this.report(node, { start: node.range[0], end: node.range[1], text, what });
  }

  report(node: Deno.lint.Node, change: Change): void {
    if (isLeftAlone(this.#context.sourceCode.getAncestors(node))) return;
    if (this.#text.slice(change.start, change.end) === change.text) return;
    this.#context.report({ node, message: JSON.stringify(change) });
  }

  /** Another operator in the place of this one; put in parentheses where its rank among others could differ. */
  otherOperator(node: Deno.lint.Node, { left, right, operator }: Parts): void {
    const at = operatorAt(this.#text, { after: left.range[1], before: right.range[0], operator });
    if (at === -1) return;
    const [start, end] = node.range;
    const parent = this.#context.sourceCode.getAncestors(node).at(-1)?.type;
    const isInner = parent === "BinaryExpression" || parent === "LogicalExpression";
    for (const other of OTHER_OPERATORS[operator] ?? []) {
      const text = this.#text.slice(start, at) + other + this.#text.slice(at + operator.length, end);
      this.report(node, { start, end, text: isInner ? `(${text})` : text, what: `${operator} to ${other}` });
    }
  }

  /** A condition that is always met, never met, or turned round. Comparisons are turned round as such. */
  condition(test: Deno.lint.Node, isLoop: boolean): void {
    const source = this.source(test);
    if (source === "true" || source === "false") return;
    if (!isLoop) this.replace(test, "condition always met", "true");
    this.replace(test, "condition never met", "false");
    const isComparison = test.type === "BinaryExpression" && COMPARISONS.has(test.operator);
    const isTurned = test.type === "UnaryExpression" && test.operator === "!";
    if (!isComparison && !isTurned) this.replace(test, "condition negated", `!(${source})`);
  }

  /** The first two arguments change places. */
  swapArguments(node: Deno.lint.CallExpression | Deno.lint.NewExpression): void {
    const [first, second] = node.arguments;
    if (second === undefined || first.type === "SpreadElement" || second.type === "SpreadElement") return;
    const between = this.#text.slice(first.range[1], second.range[0]);
    const text = this.source(second) + between + this.source(first);
    this.report(node, { start: first.range[0], end: second.range[1], text, what: "arguments swapped" });
  }
}

function visitor(finder: Finder): Deno.lint.LintVisitor {
  const remove = (node: Deno.lint.Node) => finder.replace(node, "statement deleted", ";");
  return {
    BinaryExpression(node) {
      if (node.operator in OTHER_OPERATORS) finder.otherOperator(node, node);
    },
    LogicalExpression(node) {
      if (node.operator in OTHER_OPERATORS) finder.otherOperator(node, node);
      finder.replace(
        node,
        `one side of ${node.operator}`,
        finder.source(node.left),
        finder.source(node.right),
      );
    },
    AssignmentExpression(node) {
      if (node.operator in OTHER_OPERATORS) finder.otherOperator(node, node);
    },
    UnaryExpression(node) {
      if (node.operator !== "!" && node.operator !== "-" && node.operator !== "~") return;
      finder.replace(node, `without ${node.operator}`, finder.source(node).slice(1).trimStart());
    },
    UpdateExpression(node) {
      const other = node.operator === "++" ? "--" : "++";
      finder.replace(node, `${node.operator} to ${other}`, finder.source(node).replace(node.operator, other));
    },
    IfStatement(node) {
      finder.condition(node.test, false);
    },
    ConditionalExpression(node) {
      finder.condition(node.test, false);
    },
    WhileStatement(node) {
      finder.condition(node.test, true);
    },
    DoWhileStatement(node) {
      finder.condition(node.test, true);
    },
    ForStatement(node) {
      if (node.test !== null) finder.condition(node.test, true);
    },
    Literal(node) {
      const { parent } = node;
      if (parent.type === "Property" && parent.key === node && !parent.computed) return;
      if (typeof node.value === "boolean") finder.replace(node, "constant turned round", `${!node.value}`);
      if (typeof node.value !== "number" || !Number.isInteger(node.value)) return;
      const isSigned = parent.type === "UnaryExpression" || node.value === 0;
      const near = isSigned ? [node.value + 1] : [node.value + 1, node.value - 1];
      finder.replace(node, "constant off by one", ...near.map((value) => neighbor(node.raw, value)));
    },
    ReturnStatement(node) {
      if (node.argument === null) return remove(node);
      finder.replace(
        node.argument,
        "another value returned",
        "true",
        "false",
        "0",
        "null",
        "undefined",
        "[]",
      );
    },
    ExpressionStatement(node) {
      if (node.expression.type === "CallExpression" && node.expression.callee.type === "Super") return;
      if (node.expression.type !== "Literal") remove(node);
    },
    BreakStatement: remove,
    ContinueStatement: remove,
    ThrowStatement: remove,
    CallExpression(node) {
      const { callee } = node;
      const isMethod = callee.type === "MemberExpression" && callee.property.type === "Identifier";
      const name = isMethod ? finder.source(callee.property) : "";
      // Of the least and the most of two it is all the same.
      if (name !== "min" && name !== "max") finder.swapArguments(node);
      const other = OPPOSITES[name];
      if (isMethod && other !== undefined) finder.replace(callee.property, `${name} to ${other}`, other);
    },
    NewExpression(node) {
      if (!isError(node)) finder.swapArguments(node);
    },
  };
}

/** The plugin; `deno lint` and `Deno.lint.runPlugin` run it. */
export default {
  name: "mutants",
  rules: { change: { create: (context) => visitor(new Finder(context)) } },
} satisfies Deno.lint.Plugin;

/** The changes that findings tell of, each outcome once, in the order of the text. */
export function changesIn(text: string, messages: readonly string[]): Change[] {
  const byOutcome = new Map<string, Change>();
  for (const message of messages) {
    const change: Change = JSON.parse(message);
    const outcome = applyChange(text, change);
    if (!byOutcome.has(outcome)) byOutcome.set(outcome, change);
  }
  return [...byOutcome.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** The text with one change made. */
export function applyChange(text: string, { start, end, text: replacement }: Change): string {
  return text.slice(0, start) + replacement + text.slice(end);
}
