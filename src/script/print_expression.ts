/**
 * Expressions and system calls as text.
 *
 * Owns: the one notation in which they are written, also where a verdict shows what was expected and what came. Must not
 * know: what a call does.
 */
import type { CallEvent, Expression, StructField } from "./values.ts";

/** The escapes of the language; every other octet that is not printable is written in hex. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** `connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)`. */
export function printCall({ name, args, result, errno, note, remark }: CallEvent): string {
  const parts = [`${name}(${printList(args, "close")})`];
  if (result !== null) parts.push("=", printExpression(result));
  if (errno !== null) parts.push(errno);
  if (note !== null) parts.push(`(${note})`);
  if (remark !== null) parts.push(`(${remark})`);
  return parts.join(" ");
}

/** How `|` and `=` stand: `close` as the suites write a script, `wide` as a verdict shows a value. */
type Spacing = "close" | "wide";

/** An argument or a result. */
export function printExpression(expression: Expression, spacing: Spacing = "close"): string {
  switch (expression.kind) {
    case "ellipsis":
      return "...";
    case "number":
      return expression.text;
    case "word":
      return expression.name;
    case "string":
      return `"${escaped(expression.value)}"${expression.open ? "..." : ""}`;
    case "binary":
      return printBinary(expression, spacing);
    case "array":
      return `[${printList(expression.items, spacing)}]`;
    case "struct":
      return `{${expression.fields.map((field) => printField(field, spacing)).join(", ")}}`;
    case "macro":
      return `${expression.name}(${printList(expression.args, spacing)})`;
    case "words":
      return `{${expression.text}}`;
  }
}

function printList(expressions: readonly Expression[], spacing: Spacing): string {
  return expressions.map((expression) => printExpression(expression, spacing)).join(", ");
}

/** A long chain of `|` is one level deep to the eye, and to the call stack. */
function printBinary(expression: Expression, spacing: Spacing): string {
  const rightmostFirst: string[] = [];
  let left = expression;
  while (left.kind === "binary") {
    const { operator } = left;
    const isWide = spacing === "wide" || operator === "=";
    rightmostFirst.push(`${isWide ? ` ${operator} ` : operator}${printExpression(left.right, spacing)}`);
    left = left.left;
  }
  return printExpression(left, spacing) + rightmostFirst.reverse().join("");
}

function printField({ name, count, value }: StructField, spacing: Spacing): string {
  if (name === null) return printExpression(value, spacing);
  const equals = spacing === "wide" ? " = " : "=";
  const counted = count === null ? "" : `(${printExpression(count, spacing)})`;
  return `${name}${counted}${equals}${printExpression(value, spacing)}`;
}

function escaped(value: string): string {
  let text = "";
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    const isPlain = code >= 0x20 && code < 0x7f;
    text += ESCAPES[value[i]] ?? (isPlain ? value[i] : `\\x${code.toString(16).padStart(2, "0")}`);
  }
  return text;
}
