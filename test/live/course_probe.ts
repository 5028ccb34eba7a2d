/**
 * What a test asks the playground's machine in a browser: the whole course of a set-up, as text.
 *
 * Owns: the question and its answer. Must not know: who asks.
 */
import { Course } from "../../src/play/course.ts";
import { parseSetUp } from "../../src/play/set_up.ts";

/** Everything that happened in a course that is run to its end: events of both ends, and what became of each segment. */
export function courseText(setUp: string): string {
  const course = new Course(parseSetUp(setUp));
  course.run();
  const { events, segments } = course.record;
  return JSON.stringify({
    events,
    segments,
    nowUs: course.nowUs,
    counters: [0, 1].map((side) => countersOf(course, side)),
  });
}

function countersOf(course: Course, side: number): Record<string, number> {
  return course.host(side === 0 ? 0 : 1).counters();
}

Object.assign(globalThis, { courseText });
