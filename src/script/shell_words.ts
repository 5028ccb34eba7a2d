/**
 * The words of a shell line: commands, what joins them, what goes from one into the next.
 *
 * Owns: quotes, comments, line ends, `&&`, `||`, `;`, `|`, redirections, `$((1+2*3))`, as far as lines of scripts use them. Must not
 * know: what a command means.
 */

/** A command and its arguments, without quotes and redirections. */
export interface ShellCall {
  readonly words: readonly string[];
  /** Where its output goes, a file's name; null: nowhere else. */
  readonly output: string | null;
}

/** Commands whose output goes from one into the next. */
export interface Pipeline {
  readonly calls: readonly ShellCall[];
  /** What stands before it: it is carried out after all else, after a success, after a failure. */
  readonly after: "any" | "success" | "failure";
  /** As it is written, for messages. */
  readonly text: string;
}

/** Local choice: a line of a script has some dozen words. */
const MOST_WORDS = 10_000;

const OPERATORS = ["&&", "||", "\n", ";", "|"] as const;
type Operator = typeof OPERATORS[number];

type Token =
  | { readonly kind: "word"; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: "operator"; readonly text: Operator; readonly at: number }
  | { readonly kind: "redirection"; readonly text: string };

/** Takes a line apart; null where it has something that no line of a script has (a loop, a substitution). */
export function readShell(text: string): Pipeline[] | null {
  const tokens = tokensOf(text.replace(/\\[ \t]*\n/g, " "));
  if (tokens === null || tokens.length > MOST_WORDS) return null;
  const pipelines: Pipeline[] = [];
  let calls: ShellCall[] = [];
  let words: string[] = [];
  let output: string | null = null;
  let after: Pipeline["after"] = "any";
  const endCall = () => {
    if (words.length > 0) calls.push({ words, output });
    words = [];
    output = null;
  };
  const endPipeline = (next: Pipeline["after"]) => {
    endCall();
    if (calls.length > 0) {
      const written = calls.map((call) => call.words.join(" ")).join(" | ");
      pipelines.push({ calls, after, text: written });
      after = next;
    } else if (next !== "any") {
      after = next;
    }
    calls = [];
  };
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.kind === "word") {
      words.push(token.text);
    } else if (token.kind === "redirection") {
      const target = tokens[index + 1];
      // `2>&1` and the like have no target of their own.
      if (token.text.includes(">&") && !token.text.startsWith("&")) continue;
      if (target === undefined || target.kind !== "word") return null;
      if (!token.text.startsWith("2")) output = target.text;
      index++;
    } else if (token.text === "|") {
      endCall();
    } else {
      endPipeline(token.text === "&&" ? "success" : token.text === "||" ? "failure" : "any");
    }
  }
  endPipeline("any");
  return pipelines;
}

function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === " " || char === "\t" || char === "\r") {
      at++;
    } else if (char === "#") {
      while (at < text.length && text[at] !== "\n") at++;
    } else if (redirectionAt(text, at) !== null) {
      const redirection = redirectionAt(text, at) ?? "";
      tokens.push({ kind: "redirection", text: redirection });
      at += redirection.length;
    } else {
      const operator = OPERATORS.find((known) => text.startsWith(known, at));
      if (operator !== undefined) {
        tokens.push({ kind: "operator", text: operator, at });
        at += operator.length;
        continue;
      }
      const word = wordAt(text, at);
      if (word === null) return null;
      tokens.push({ kind: "word", text: word.text, isQuoted: word.isQuoted });
      at = word.end;
    }
  }
  return tokens;
}

function redirectionAt(text: string, at: number): string | null {
  return /^(?:[12]?>&[12]|&>>?|[12]?>>?)/.exec(text.slice(at, at + 8))?.[0] ?? null;
}

/** One word from `at` on: letters, quoted parts, sums. */
function wordAt(text: string, at: number): { text: string; isQuoted: boolean; end: number } | null {
  let word = "";
  let isQuoted = false;
  while (at < text.length && !/[\s;|&<>]/.test(text[at])) {
    const char = text[at];
    if (char === "'" || char === '"') {
      const end = text.indexOf(char, at + 1);
      if (end < 0) return null;
      isQuoted = true;
      const inside = text.slice(at + 1, end);
      const plain = char === '"' ? withSums(inside) : inside;
      if (plain === null) return null;
      word += plain;
      at = end + 1;
    } else if (text.startsWith("$((", at)) {
      const end = text.indexOf("))", at);
      if (end < 0) return null;
      const sum = withSums(text.slice(at, end + 2));
      if (sum === null) return null;
      word += sum;
      at = end + 2;
    } else if (text.startsWith("$(", at) || char === "(" || char === ")") {
      return null;
    } else {
      word += char;
      at++;
    }
  }
  return at < text.length && /[&<]/.test(text[at]) && !/^(?:&&|&>)/.test(text.slice(at))
    ? null
    : { text: word, isQuoted, end: at };
}

/** A text in which each `$((...))` is its value; null where one is no product or sum of whole numbers. */
function withSums(text: string): string | null {
  let fails = false;
  const plain = text.replace(/\$\(\(([^()]*)\)\)/g, (_, sum: string) => {
    let total = 0;
    for (const part of sum.split("+")) {
      const product = part.split("*").reduce((value, factor) => {
        return value * (/^\s*\d+\s*$/.test(factor) ? Number(factor) : NaN);
      }, 1);
      total += product;
    }
    if (!Number.isSafeInteger(total)) fails = true;
    return String(total);
  });
  return fails || plain.includes("$(") ? null : plain;
}
