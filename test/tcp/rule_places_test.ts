/**
 * What `tcplab why` says of lines and tests is so: the file that it reads is as the sources are, and the walks pass the
 * lines that it names.
 */
import { assert, assertEquals } from "@std/assert";
import { readProjectFile } from "../../scripts/project_files.ts";
import { rulePlaces, walkPlace } from "../../scripts/rule_places.ts";
import { RULE_EXPLANATIONS } from "../../src/observe/explanation.ts";
import { MachineContext } from "../../src/tcp/context.ts";
import { stepsOf } from "./row_steps.ts";
import { RULE_WALKS } from "./rule_walks.ts";
import { TRANSITION_WALKS } from "./transition_walks.ts";
import { placesText } from "./write_rule_places.ts";

Deno.test("src/observe/rule_places.json is what the sources say (else: deno task rfc)", () => {
  const { text, findings } = placesText();
  assertEquals(findings, []);
  assertEquals(readProjectFile("src/observe/rule_places.json"), text);
});

/** A call's name may stand some lines below the beginning of the call. */
const MOST_LINES_OF_A_CALL = 4;

Deno.test("whatever line notes a rule while the walks run is one that is named for it", () => {
  const project = new URL("../../", import.meta.url).href;
  const seen = new Map<string, Set<string>>();
  const apply = MachineContext.prototype.apply;
  MachineContext.prototype.apply = function (rule) {
    const frame = (new Error().stack ?? "").split("\n")[2];
    const match = /(file:\S+\.ts):(\d+):\d+/.exec(frame);
    const place = match === null ? frame : `${match[1].slice(project.length)}:${match[2]}`;
    seen.set(rule, (seen.get(rule) ?? new Set()).add(place));
    apply.call(this, rule);
  };
  try {
    for (const walk of [...Object.values(RULE_WALKS), ...Object.values(TRANSITION_WALKS)]) walk();
  } finally {
    MachineContext.prototype.apply = apply;
  }
  const unnamed: string[] = [];
  let count = 0;
  for (const { name, source } of RULE_EXPLANATIONS) {
    for (const place of seen.get(name) ?? []) {
      const [path, line] = place.split(":");
      // A rule that is handed on under another name is noted elsewhere than it is named.
      if (!/apply\(\s*(?:[^)]*")/.test(callAt(path, Number(line)))) continue;
      count++;
      const near = Array.from(
        { length: MOST_LINES_OF_A_CALL },
        (_, more) => `${path}:${Number(line) + more}`,
      );
      if (!near.some((one) => source.includes(one))) unnamed.push(`${name} at ${place}`);
    }
  }
  assertEquals(unnamed, []);
  assert(count > 80, `only ${count} were seen`);
});

/** The text from a line on, as far as a call goes. */
function callAt(path: string, line: number): string {
  return readProjectFile(path).split("\n").slice(line - 1, line - 1 + MOST_LINES_OF_A_CALL).join("\n")
    .replace(/;[\s\S]*$/, "");
}

Deno.test("lines of a rule: those that note it come first; rows, ends and questions of the same name are none", () => {
  const text = [
    'changeState(context, tcb, "open.active", SYN);',
    'tcb.ackRule = "open.active";',
    "context.apply(",
    '  isActive ? "open.active" : "open.passive",',
    ");",
    'endConnection(context, tcb, { row: "open.active" });',
    'if (effect.rule === "open.active") return;',
    'endingRow(tcb.state, "abort");',
  ].join("\n");
  const files = [{ path: "src/tcp/a.ts", text }, { path: "src/tcp/rules.ts", text }, {
    path: "src/cli/b.ts",
    text,
  }];
  assertEquals([...rulePlaces(files, ["open.active", "open.passive", "abort"])], [
    ["open.active", ["src/tcp/a.ts:4", "src/tcp/a.ts:2"]],
    ["open.passive", ["src/tcp/a.ts:4"]],
    ["abort", []],
  ]);
});

Deno.test("the walk of a name: by the name, without quotes, or in the ends of its state", () => {
  const text = '{\n  "a.b": 1,\n  abort: 2,\n  ...ends("closing", {}),\n}';
  const names = ["a.b", "abort", "closing.rst", "a", "x.rst"];
  assertEquals(names.map((name) => walkPlace({ path: "w.ts", text }, name)), [
    "w.ts:2",
    "w.ts:3",
    "w.ts:4",
    null,
    null,
  ]);
});

Deno.test("steps of a walk: rows with rule and line, a listener's without a line", () => {
  const steps = stepsOf(TRANSITION_WALKS["listen.syn"]);
  // The walk forgets what its beginning told, but events are all there.
  assertEquals(steps.map(({ row, rule }) => `${row} by ${rule}`), [
    "open.passive by open.passive",
    "listen.syn by arrives.listen.syn",
  ]);
  assertEquals(steps[0].place, null);
  assert(/^src\/tcp\/arrives_listen\.ts:\d+$/.test(steps[1].place ?? ""), steps[1].place ?? "null");
});
