/** `tcplab why`: every rule, row and state has an answer that is true of source, tests and table; a wrong word gets help. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { paletteFor } from "../../src/observe/text_layout.ts";
import { whyAnswers, whyList, whyNames, whyText } from "../../src/observe/why.ts";

const ROOT = new URL("../../", import.meta.url);
const PLAIN = paletteFor(false);

function lineOf(place: string): string {
  const [path, line] = place.split(":");
  return Deno.readTextFileSync(new URL(path, ROOT)).split("\n")[Number(line) - 1];
}

Deno.test("why: every rule names the lines that apply it, and the walk that shows it", () => {
  const { rules } = whyNames();
  assert(rules.length >= 90, "all rules");
  for (const rule of rules) {
    const answer = whyAnswers(rule).find(({ kind }) => kind === "rule");
    if (answer?.kind !== "rule") throw new Error(`nothing about ${rule}`);
    assert(answer.code.length > 0, `${rule} is applied somewhere`);
    for (const place of answer.code) assertStringIncludes(lineOf(place), `"${rule}"`);
    assertStringIncludes(lineOf(answer.walk), rule);
  }
});

Deno.test("why: every row is decided by a rule, and every state is entered and left by the rows that say so", () => {
  const { rows, states } = whyNames();
  for (const row of rows) {
    const answer = whyAnswers(row).find(({ kind }) => kind === "row");
    if (answer?.kind !== "row") throw new Error(`nothing about ${row}`);
    assert(answer.rules.length > 0, `${row} is decided by no rule`);
    for (const [state, side] of [[answer.from, "outOf"], [answer.to, "into"]] as const) {
      const [ofState] = whyAnswers(state);
      assert(ofState.kind === "state" && ofState[side].includes(row));
    }
  }
  assertEquals(states.filter((state) => whyAnswers(state).length !== 1), []);
});

Deno.test("why: what a person reads", () => {
  const text = whyAnswers("arrives.check8.fin").map((answer) => whyText(answer, PLAIN)).join("\n");
  assertStringIncludes(
    text,
    "arrives.check8.fin  RFC 9293 §3.10.7.4\n  FIN: acknowledged, the peer sends no more\n",
  );
  assertStringIncludes(
    text,
    "rows    established.fin           ESTABLISHED -> CLOSE_WAIT   recv [FIN, ACK]  send [ACK]",
  );
  assertStringIncludes(text, '"rule arrives.check8.fin is hit"');
  assertEquals(whyAnswers("time-wait"), whyAnswers("TIME_WAIT"));
  assertEquals(whyAnswers("open.passive").map(({ kind }) => kind), ["rule", "row"]);
  assertEquals(whyAnswers("toString"), []);
  const list = whyList(PLAIN);
  const { rules, rows, states } = whyNames();
  for (const name of [...rules, ...rows, ...states]) assertStringIncludes(list, name);
});

async function why(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "src/cli/main.ts", "why", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("why: a word that names nothing is an error with the nearest names, and nothing is answered", async () => {
  const near = await why("listen.syn", "fin-wait");
  assertEquals([near.code, near.stdout], [2, ""]);
  assertStringIncludes(near.stderr, 'There is no rule, row or state "fin-wait": did you mean fin-wait-2.end');
  const far = await why("arrives.check8.fim");
  assertStringIncludes(far.stderr, "did you mean arrives.check8.fin?");
  const lost = await why("qqqq");
  assertStringIncludes(lost.stderr, "tcplab why without an argument lists them");
});

Deno.test("why: as JSON, one answer and all", async () => {
  const one = JSON.parse((await why("--json", "close-wait")).stdout);
  assertEquals([one.length, one[0].kind, one[0].state], [1, "state", "CLOSE_WAIT"]);
  const all = JSON.parse((await why("--json")).stdout);
  const { rules, rows, states } = whyNames();
  assertEquals(all.length, rules.length + rows.length + states.length);
});
