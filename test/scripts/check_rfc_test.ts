/**
 * The conformance table says of each requirement what the labels in code and tests say.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { conformancePage, gatherEvidence, type SourceFile, verdictOn } from "../../scripts/check_rfc.ts";
import { COMPANIONS } from "../../scripts/companion_rfcs.ts";
import { gatherRuleEvidence, verdictOnCompanion } from "../../scripts/rule_evidence.ts";
import { REQUIREMENTS } from "../../scripts/rfc9293_requirements.ts";

function verdict(id: string, files: readonly SourceFile[]): string {
  const requirement = REQUIREMENTS.find((one) => one.id === id);
  assert(requirement !== undefined);
  return verdictOn(requirement, gatherEvidence(files));
}

Deno.test("there are 119 requirements, each once: 69 MUST, 31 SHLD, 18 MAY, 1 REC", () => {
  const ids = REQUIREMENTS.map((requirement) => requirement.id);
  assertEquals(new Set(ids).size, 119);
  const levels = ["MUST", "SHLD", "MAY", "REC"].map((level) =>
    ids.filter((id) => id.startsWith(`${level}-`)).length
  );
  assertEquals(levels, [69, 31, 18, 1]);
  for (let n = 1; n <= 69; n++) assert(ids.includes(`MUST-${n}`));
});

Deno.test("the verdict follows the labels", () => {
  const code = { path: "src/tcp/a.ts", text: "// RFC 9293 §3.4 (MUST-10, MUST-11 (partly)): remember" };
  const test = { path: "test/tcp/a_test.ts", text: 'Deno.test("both open at once, MUST-10", () => {});' };
  assertEquals(verdict("MUST-10", []), "not");
  assertEquals(verdict("MUST-10", [test]), "not");
  assertEquals(verdict("MUST-10", [code]), "untested");
  assertEquals(verdict("MUST-10", [code, test]), "met");
  assertEquals(verdict("MUST-11", [code, test]), "partly");
  assertEquals(verdict("MUST-1", [code, test]), "not");
});

Deno.test("a deviation is gathered with its whole paragraph, and meets nothing", () => {
  const text = `/**
 * Closes.
 *
 * Deviation: SHLD-4 asks for RST here, and we
 * send FIN, as Linux does.
 *
 * Another paragraph, MUST-12.
 */
// Deviation: MAY-2 is off
// unless asked for.
const x = 1; // MUST-13
`;
  const files = [{ path: "src/tcp/a.ts", text }];
  assertEquals(gatherEvidence(files).deviations, [
    {
      path: "src/tcp/a.ts",
      text: "SHLD-4 asks for RST here, and we send FIN, as Linux does.",
      ids: ["SHLD-4"],
    },
    { path: "src/tcp/a.ts", text: "MAY-2 is off unless asked for.", ids: ["MAY-2"] },
  ]);
  assertEquals(verdict("SHLD-4", files), "not");
  assertEquals(verdict("MUST-12", files), "untested");
  assertEquals(verdict("MUST-13", files), "untested");
  assertEquals(verdict("SHLD-4", [...files, { path: "src/tcp/b.ts", text: "// SHLD-4" }]), "partly");
});

Deno.test("a label that no requirement has is found", () => {
  const { findings } = gatherEvidence([{ path: "src/tcp/a.ts", text: "\n// MUST-70" }]);
  assertEquals(findings, [{ path: "src/tcp/a.ts", line: 2, message: "RFC 9293 has no requirement MUST-70" }]);
});

Deno.test("only the title of a test and the comment right above it claim anything", () => {
  const text = `/** All about MUST-1. */
import "x"; // MUST-2

// What is about to come, MUST-3.
Deno.test("first, MUST-4", () => {
  assert("MUST-5"); // MUST-6
});

/** Far away: MUST-7. */

/** Near: MUST-8. */
for (const name of ["MUST-9"]) {
  Deno.test(
    \`\${name}, and \` +
      "MUST-10",
    () => {},
  );
}
liveTest("in a lab (MUST-11)", async () => {
  await t.step("one of its steps, MUST-12", () => {});
});
`;
  const claims = (path: string) =>
    [...gatherEvidence([{ path, text }]).tests].map((
      [id, tests],
    ) => [id, ...tests.map(({ title }) => title)]);
  assertEquals(claims("test/tcp/a_test.ts"), [
    ["MUST-4", "first, MUST-4"],
    ["MUST-3", "first, MUST-4"],
    ["MUST-10", "…, and MUST-10"],
    ["MUST-8", "…, and MUST-10"],
    ["MUST-11", "in a lab (MUST-11)"],
    ["MUST-12", "one of its steps, MUST-12"],
  ]);
  assertEquals(claims("test/tcp/a.ts"), []);
  const script = { path: "test/scripts/close.pkt", text: "// Closes (MUST-13)\n+0 ...\n// MUST-14\n" };
  assertEquals([...gatherEvidence([script]).tests.keys()], ["MUST-13"]);
});

Deno.test("what two layers have a part in is met in part while one of them says nothing", () => {
  const machine = { path: "src/tcp/a.ts", text: "// MUST-20" };
  const test = { path: "test/tcp/a_test.ts", text: 'Deno.test("R1 and R2, MUST-20", () => {});' };
  assertEquals(verdict("MUST-20", [machine, test]), "partly");
  assertEquals(verdict("MUST-20", [machine, test, { path: "src/host/b.ts", text: "// MUST-20" }]), "met");
});

Deno.test("the page has a row for every requirement, links to the code, and names the tests", () => {
  const files = [
    { path: "src/tcp/a.ts", text: "// MUST-10" },
    { path: "test/tcp/a_test.ts", text: '// MUST-10\nDeno.test("at once", () => {});' },
    { path: "test/tcp/b_test.ts", text: "// MUST-10\n" },
  ];
  const page = conformancePage(gatherEvidence(files), gatherRuleEvidence(files));
  for (const { id } of REQUIREMENTS) assertStringIncludes(page, `| ${id} |`);
  assertStringIncludes(
    page,
    '| met | [tcp/a.ts](../src/tcp/a.ts) | [tcp/a_test.ts](../test/tcp/a_test.ts): "at once" |',
  );
  assertStringIncludes(page, "| MUST | 1 | 0 | 0 | 68 |");
});

Deno.test("the companions are those that RFC 9293 needs beside it, and those of the layer below, each once", () => {
  const numbers = COMPANIONS.map(({ rfc }) => rfc).sort((a, b) => a - b);
  const needed = [
    ...[1191, 1337, 2018, 2883, 3042, 3168, 4987, 5681, 5927, 5961, 6191, 6298, 6528, 6582, 6675, 6691, 6928],
    ...[6937, 7323, 7413, 8201, 8985, 9438],
  ];
  // Of the layer below: IPv4, IPv6, ICMP, neighbours, groups, fragments.
  const below = [
    ...[791, 815, 826, 1122, 1858, 2711, 3128, 3810, 4007, 4191, 4291, 4443, 4861, 4862, 5227, 5722, 5942],
    ...[6437, 6724, 6864, 6946, 6980, 7112, 8200],
  ];
  assertEquals(numbers, [...needed, ...below].sort((a, b) => a - b));
});

Deno.test("a companion is met only where a test cites it and no deviation does", () => {
  const met = { rfc: 2018, verdict: "met" } as const;
  const shown = new Set(["test/tcp/sack_test.ts"]);
  assertEquals(verdictOnCompanion(met, { tests: shown, deviations: [] }), "met");
  assertEquals(verdictOnCompanion(met, { tests: new Set(), deviations: [] }), "untested");
  assertEquals(verdictOnCompanion(met, { tests: new Set(["test/tcp/peer.ts"]), deviations: [] }), "untested");
  assertEquals(verdictOnCompanion(met, { tests: shown, deviations: ["RFC 2018 §4 says less"] }), "partly");
  assertEquals(verdictOnCompanion(met, { tests: shown, deviations: ["RFC 20181"] }), "met");
  assertEquals(verdictOnCompanion({ rfc: 1, verdict: "not" }, { tests: shown, deviations: [] }), "not");
});

Deno.test("rules and citations are found in code and tests; a rule that nothing applies is found too", () => {
  const files = [
    { path: "src/tcp/rules.ts", text: '"abort" "close.fin"' },
    { path: "src/tcp/a.ts", text: '// RFC 5961 §3\napply("abort")' },
    {
      path: "test/tcp/rule_walks.ts",
      text: 'export const RULE_WALKS = {\n  abort: walk(),\n  "ack.fin": walk(),\n};',
    },
    {
      path: "test/tcp/a_test.ts",
      text: 'Deno.test("one", () => {});\nDeno.test("two", () => see("abort"));',
    },
    { path: "test/tcp/peer.ts", text: '"abort"' },
    { path: "test/scripts/reset/a.pkt", text: "// Ends.\n//\n// Rules: close.fin, abort\n\n0 ...\n" },
    {
      path: "test/scripts/reset/b.pkt",
      text: "// Ends with abort.\n//\n// Rules: ack.fin\n// Rows: abort\n",
    },
    { path: "test/live/a_test.ts", text: 'liveTest("three", () => press("abort"));' },
  ];
  const { rules, companions, findings } = gatherRuleEvidence(files);
  assertEquals([...rules.get("abort")?.code ?? []], ["src/tcp/a.ts"]);
  assertEquals(rules.get("abort")?.tests.map(({ path, title }) => `${path} ${title}`), [
    "test/tcp/rule_walks.ts rule abort is hit",
    "test/tcp/a_test.ts two",
    "test/scripts/reset/a.pkt a.pkt",
  ]);
  assertEquals(rules.get("ack.fin")?.tests.map(({ title }) => title), ["rule ack.fin is hit", "b.pkt"]);
  assertEquals(rules.get("close.fin")?.tests.map(({ title }) => title), ["a.pkt"]);
  assertEquals(rules.get("close.unread")?.tests, []);
  assertEquals([...companions.get(5961)?.code ?? []], ["src/tcp/a.ts"]);
  assertEquals(companions.get(596), undefined);
  assert(findings.some(({ message }) => message.includes('"close.fin"')));
  assert(!findings.some(({ message }) => message.includes('"abort"')));
});
