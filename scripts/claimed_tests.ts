/**
 * The tests of a file by their titles: what a test claims to show stands in its title, or in the comment right above it.
 *
 * Owns: finding tests in a text. Must not know: what is claimed (check_rfc.ts, rule_evidence.ts).
 */

/** One test. */
export interface TestCase {
  /** Project path of its file. */
  readonly path: string;
  /** As it stands in the file, with `…` for what only a run fills in. */
  readonly title: string;
  /** Title and comment above: the words in which it claims. */
  readonly claim: string;
  /** Its text, up to the next test of the file. */
  readonly body: string;
}

/** Calls that make a test: `Deno.test("...")`, those that the live and the native tests wrap round it, and steps. */
const TEST_CALL =
  /^[ \t]*(?:await )?(?:Deno\.test(?:\.ignore)?|liveTest|ipv4Test|test|\w+\.step)\(\s*(?:\{\s*name:\s*)?(?=["'`])/gm;
/** The text of one string, whatever its quotes; group 2. */
const STRING = /\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/y;

/** The strings that are joined by `+` from `offset` on. */
function joinedStrings(text: string, offset: number): string {
  let joined = "";
  STRING.lastIndex = offset;
  for (let match = STRING.exec(text); match !== null; match = STRING.exec(text)) {
    joined += match[1] === "`" ? match[2].replace(/\$\{[^}]*\}/g, "…") : match[2];
    const plus = /\s*\+/y;
    plus.lastIndex = STRING.lastIndex;
    if (!plus.test(text)) break;
    STRING.lastIndex = plus.lastIndex;
  }
  return joined.replace(/\\(.)/g, "$1");
}

/** The comment that ends on the line before `offset`, also where the head of a loop over cases stands between. */
function commentAbove(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n").slice(0, -1);
  while (/^\s*for \(.*\{\s*$/.test(lines.at(-1) ?? "")) lines.pop();
  const comment: string[] = [];
  for (let line = lines.pop(); line !== undefined && /^\s*(?:\/\/|\/?\*)/.test(line); line = lines.pop()) {
    comment.unshift(line);
    // A comment in stars ends where it began; another one above it belongs to something else.
    if (/^\s*\/\*/.test(line)) break;
  }
  return comment.join("\n");
}

/** The tests of a file, in their order. A script for packetdrill is one test, which its opening comment describes. */
export function testsIn(path: string, text: string): TestCase[] {
  if (path.endsWith(".pkt")) {
    const claim = text.match(/^(?:\s*(?:\/\/|#)[^\n]*\n)*/)?.[0] ?? "";
    return [{ path, title: path.replace(/^.*\//, ""), claim, body: text }];
  }
  if (!path.endsWith("_test.ts")) return [];
  const calls = [...text.matchAll(TEST_CALL)];
  return calls.map((call, index) => {
    const title = joinedStrings(text, call.index + call[0].length);
    return {
      path,
      title,
      claim: `${title}\n${commentAbove(text, call.index)}`,
      body: text.slice(call.index, calls[index + 1]?.index),
    };
  });
}
