/**
 * Our own scripts can fail: whatever one of them demands, changed a little, is found wrong in the line where it stands.
 */
import { assert, assertEquals } from "@std/assert";
import { lessons } from "../../scripts/lessons.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { changedScripts } from "./changed_lessons.ts";
import { playLesson } from "./played_lesson.ts";

/** What was tried: many lessons begin alike, and what comes behind a step counts for nothing where that step has to fail. */
const tried = new Set<string>();

function isNew(text: string, line: number, change: string): boolean {
  const upTo = text.split("\n").slice(0, line).filter((one) => !one.startsWith("//")).join("\n");
  const key = `${upTo}\n${change}`;
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
}

for (const [topic, those] of Map.groupBy(lessons(), ({ topic }) => topic)) {
  Deno.test(`lessons about ${topic} fail where one thing that they demand is changed`, () => {
    const found: string[] = [];
    for (const lesson of those) {
      let count = 0;
      for (const { script, line, change } of changedScripts(parseScript(lesson.text, lesson.path))) {
        count++;
        if (!isNew(lesson.text, line, change)) continue;
        const { verdict } = playLesson(lesson, { ipVersion: lesson.versions[0], script });
        const isRight = verdict.kind === "fail" && verdict.place.line === line;
        if (!isRight) found.push(`${lesson.path}:${line}: ${change} changed: ${JSON.stringify(verdict)}`);
      }
      assert(count > 0, `${lesson.path} demands nothing`);
    }
    assertEquals(found, []);
  });
}
