/**
 * Results of calls: whether a call gave what the script says.
 *
 * Owns: reading the number behind `=`, and that what is none is never taken for right. Must not know: what calls do.
 */
import type { CallOutcome } from "./kernel.ts";
import { meantText } from "./misspelt.ts";
import { printExpression } from "./print_expression.ts";
import type { CallEvent, Expression } from "./values.ts";

/** Flags of `fcntl` that scripts write as a result; Linux's numbers, which FreeBSD's are where both have them. */
const RESULT_WORDS: Readonly<Record<string, number>> = { O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2 };

/** What stands behind `=` where no number can be read from it: the construct that is not there. Null where it can be judged. */
export function unreadableResult({ name, result }: CallEvent): string | null {
  if (result === null || result.kind === "ellipsis" || numberOf(result) !== null) return null;
  const meant = result.kind === "word" ? meantText(result.name, Object.keys(RESULT_WORDS)) : "";
  return `the result ${printExpression(result, "wide")} of ${name}()${meant}`;
}

/** Whether result and errno are those of the script. A descriptor or count that is `...` may be any that is no error. */
export function isFinishedBy(call: CallEvent, outcome: CallOutcome): boolean {
  const { result, errno } = call;
  if (result !== null && result.kind !== "ellipsis") {
    const wanted = numberOf(result);
    if (wanted !== null && wanted !== outcome.result) return false;
  }
  return errno === null || errno === outcome.errno;
}

/** The number that an expression is; null for words that are none. */
function numberOf(expression: Expression): number | null {
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "word":
      return Object.hasOwn(RESULT_WORDS, expression.name) ? RESULT_WORDS[expression.name] : null;
    case "binary": {
      const left = numberOf(expression.left);
      const right = numberOf(expression.right);
      return left === null || right === null || expression.operator !== "|" ? null : left | right;
    }
    default:
      return null;
  }
}
