/**
 * Our own scripts: each passes, with both versions of IP, by the stricter rules, and what its head claims is so; together they show
 * every row of the transition table and every rule of the machine that a script can show.
 */
import { assert, assertEquals } from "@std/assert";
import { type Lesson, lessons } from "../../scripts/lessons.ts";
import { lessonsPage, lessonsPagePath } from "../../scripts/write_lessons_page.ts";
import { REQUIREMENTS } from "../../scripts/rfc9293_requirements.ts";
import { RULES } from "../../src/tcp/rules.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { playLesson } from "./played_lesson.ts";

const LESSONS = lessons();

/** Rules that no script shows, and why. */
const RULES_WITHOUT_SCRIPT: Readonly<Record<string, string>> = {
  "arrives.check7.reneged": "takes a host with little memory, which no line of a script makes",
  "arrives.check7.no-memory": "takes a host with little memory, which no line of a script makes",
  "evict.table-full": "takes a host with few places for connections, which no line of a script makes",
  "evict.memory": "takes a host with little memory, which no line of a script makes",
  "evict.closing": "takes a host with few places for connections that close, which no line of a script makes",
};

for (const [topic, those] of Map.groupBy(LESSONS, ({ topic }) => topic)) {
  Deno.test(`lessons about ${topic}: ${those.length} scripts pass, and show what they say`, async (t) => {
    for (const lesson of those) {
      for (const version of lesson.versions) {
        await t.step(`${lesson.path} (${version})`, () => demandsTruth(lesson, version));
      }
    }
  });
}

function demandsTruth(lesson: Lesson, version: "ipv4" | "ipv6"): void {
  const { verdict, rows, rules } = playLesson(lesson, { ipVersion: version });
  assertEquals(verdict, { kind: "pass" });
  assertEquals(lesson.rows.filter((row) => !rows.has(row)), [], `rows taken: ${[...rows].join(", ")}`);
  assertEquals(lesson.rules.filter((rule) => !rules.has(rule)), [], `rules: ${[...rules].join(", ")}`);
}

Deno.test("every row of the transition table has a lesson", () => {
  const shown = new Set(LESSONS.flatMap(({ rows }) => rows));
  assertEquals(TRANSITIONS.map(({ id }) => id).filter((id) => !shown.has(id)), []);
  assertEquals([...shown].filter((id) => !TRANSITIONS.some((row) => row.id === id)), []);
});

Deno.test("every rule has a lesson, or a reason why it has none", () => {
  const shown = new Set(LESSONS.flatMap(({ rules }) => rules));
  const ids = Object.keys(RULES).filter((id) => id !== "none");
  assertEquals(ids.filter((id) => !shown.has(id) && !(id in RULES_WITHOUT_SCRIPT)), []);
  assertEquals(Object.keys(RULES_WITHOUT_SCRIPT).filter((id) => shown.has(id) || !ids.includes(id)), []);
});

Deno.test("what lessons claim to show are requirements, and they say what they teach", () => {
  const known = new Set(REQUIREMENTS.map(({ id }) => id));
  for (const { path, shows, teaches, text } of LESSONS) {
    assertEquals(shows.filter((id) => !known.has(id)), [], path);
    assert(teaches.length > 40 && teaches.endsWith("."), `${path}: "${teaches}"`);
    assert(/^--profile=\w+$/m.test(text), `${path} does not say for which profile it is`);
  }
});

Deno.test("docs/lessons.md is what the scripts say (deno task lessons)", async () => {
  assertEquals(await Deno.readTextFile(lessonsPagePath()), lessonsPage(LESSONS));
});
