/**
 * Our own scripts can fail: whatever one of them demands, changed a little, is found wrong in the line where it stands.
 */
import { assert, assertEquals } from "@std/assert";
import { lessons } from "../../scripts/lessons.ts";
import { parseScript } from "../../src/script/parse_script.ts";
import { changedScripts } from "./changed_lessons.ts";
import { playLesson } from "./played_lesson.ts";

for (const [topic, those] of Map.groupBy(lessons(), ({ topic }) => topic)) {
  Deno.test(`lessons about ${topic} fail where one thing that they demand is changed`, () => {
    const found: string[] = [];
    for (const lesson of those) {
      let count = 0;
      for (const { script, line, change } of changedScripts(parseScript(lesson.text, lesson.path))) {
        count++;
        const { verdict } = playLesson(lesson, { ipVersion: lesson.versions[0], script });
        const isRight = verdict.kind === "fail" && verdict.place.line === line;
        if (!isRight) found.push(`${lesson.path}:${line}: ${change} changed: ${JSON.stringify(verdict)}`);
      }
      assert(count > 0, `${lesson.path} demands nothing`);
    }
    assertEquals(found, []);
  });
}
