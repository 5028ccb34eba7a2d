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

Deno.test("the page has a row for every requirement and links to code and tests", () => {
  const files = [
    { path: "src/tcp/a.ts", text: "// MUST-10" },
    { path: "test/tcp/a_test.ts", text: "// MUST-10" },
  ];
  const page = conformancePage(gatherEvidence(files), gatherRuleEvidence(files));
  for (const { id } of REQUIREMENTS) assertStringIncludes(page, `| ${id} |`);
  assertStringIncludes(
    page,
    "| met | [tcp/a.ts](../src/tcp/a.ts) | [tcp/a_test.ts](../test/tcp/a_test.ts) |",
  );
  assertStringIncludes(page, "| MUST | 1 | 0 | 0 | 68 | 0 |");
});

Deno.test("the companions are those that RFC 9293 needs beside it, each once", () => {
  const numbers = COMPANIONS.map(({ rfc }) => rfc).sort((a, b) => a - b);
  const needed = [
    ...[1191, 1337, 2018, 2883, 3042, 3168, 4987, 5681, 5927, 5961, 6191, 6298, 6528, 6582, 6675, 6691, 6928],
    ...[6937, 7323, 7413, 8201, 8985, 9438],
  ];
  assertEquals(numbers, needed);
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
    { path: "test/tcp/a_test.ts", text: '"abort"' },
  ];
  const { rules, companions, findings } = gatherRuleEvidence(files);
  assertEquals([...rules.get("abort")?.code ?? []], ["src/tcp/a.ts"]);
  assertEquals([...rules.get("abort")?.tests ?? []], ["test/tcp/a_test.ts"]);
  assertEquals([...companions.get(5961)?.code ?? []], ["src/tcp/a.ts"]);
  assertEquals(companions.get(596), undefined);
  assert(findings.some(({ message }) => message.includes('"close.fin"')));
  assert(!findings.some(({ message }) => message.includes('"abort"')));
});
