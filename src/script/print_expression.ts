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
  const parts = [`${name}(${args.map(printExpression).join(", ")})`];
  if (result !== null) parts.push("=", printExpression(result));
  if (errno !== null) parts.push(errno);
  if (note !== null) parts.push(`(${note})`);
  if (remark !== null) parts.push(`(${remark})`);
  return parts.join(" ");
}

/** An argument or a result. */
export function printExpression(expression: Expression): string {
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
      return printBinary(expression);
    case "array":
      return `[${expression.items.map(printExpression).join(", ")}]`;
    case "struct":
      return `{${expression.fields.map(printField).join(", ")}}`;
    case "macro":
      return `${expression.name}(${expression.args.map(printExpression).join(", ")})`;
    case "words":
      return `{${expression.text}}`;
  }
}

/** A long chain of `|` is one level deep to the eye, and to the call stack. */
function printBinary(expression: Expression): string {
  const rightmostFirst: string[] = [];
  let left = expression;
  while (left.kind === "binary") {
    const operator = left.operator === "=" ? " = " : left.operator;
    rightmostFirst.push(`${operator}${printExpression(left.right)}`);
    left = left.left;
  }
  return printExpression(left) + rightmostFirst.reverse().join("");
}

function printField({ name, count, value }: StructField): string {
  if (name === null) return printExpression(value);
  return `${name}${count === null ? "" : `(${printExpression(count)})`}=${printExpression(value)}`;
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
