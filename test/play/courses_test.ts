/** The course that is played, and the one from which it has parted. */
import { assertEquals } from "@std/assert";
import { Courses } from "../../src/play/courses.ts";
import { parseSetUp } from "../../src/play/set_up.ts";

interface Scene {
  readonly courses: Courses;
  readonly changes: string[];
  /** What runs again and again now; null for nothing. */
  tick(): (() => void) | null;
}

function scene(text = "do=0l1_0c0_100s0!1000_300e0"): Scene {
  const changes: string[] = [];
  let running: (() => void) | null = null;
  const courses = new Courses(parseSetUp(text), {
    onChange: (change) => changes.push(change),
    repeat: (act) => {
      running = act;
      return () => running = null;
    },
  });
  return { courses, changes, tick: () => running };
}

const lengths = ({ all }: Courses) => all.map(({ record }) => record.segments.length);

Deno.test("playing steps by itself until nothing happens by itself, and stops then", () => {
  const { courses, tick } = scene();
  courses.play();
  let ticks = 0;
  for (; tick() !== null && ticks < 100; ticks++) tick()?.();
  assertEquals([ticks, courses.isRunning, courses.active.isAtRest, lengths(courses)], [12, false, true, [9]]);
  courses.play();
  courses.play();
  courses.pause();
  assertEquals([courses.isRunning, tick()], [false, null]);
});

Deno.test("a rewind keeps both; the other can be played on; one of them can be left", () => {
  const { courses, changes } = scene();
  courses.run();
  courses.rewind(4);
  assertEquals([lengths(courses), courses.activeIndex], [[9, 4], 1]);
  courses.perform({ kind: "abort", side: 1 });
  courses.run();
  assertEquals(lengths(courses)[0], 9);
  courses.activate(0);
  assertEquals([courses.activeIndex, changes.at(-1)], [0, "other"]);
  changes.length = 0;
  courses.activate(0);
  courses.activate(7);
  assertEquals(changes, []);
  // From the first once more: the second gives way to what is new.
  courses.rewind(1);
  assertEquals([lengths(courses), courses.activeIndex], [[9, 1], 1]);
  courses.closeOther();
  assertEquals([lengths(courses), courses.activeIndex], [[1], 0]);
});

Deno.test("what is under way is lost in the same course, what has arrived in another, with as much time as the first had", () => {
  const { courses } = scene();
  courses.turnFate(1);
  assertEquals([courses.all.length, courses.active.segment(1).lostBy], [1, "once"]);
  courses.run();
  assertEquals(courses.active.isAtRest, true);
  courses.turnFate(1);
  assertEquals(courses.all.length, 2);
  assertEquals([courses.active.segment(1).lostBy, courses.active.isAtRest], [null, true]);
  courses.turnFate(6);
  assertEquals([courses.all.length, courses.active.segment(6).lostBy], [2, "once"]);
  assertEquals(courses.all[0].segment(6).lostBy, null);
});

Deno.test("settings play the same once more, as far as it had gone; again begins at the beginning", () => {
  const { courses } = scene();
  courses.run();
  const { nowUs } = courses.active;
  courses.change({ ends: [{ mss: 500 }, {}] });
  assertEquals([courses.active.nowUs, lengths(courses)], [nowUs, [13]]);
  courses.restart();
  assertEquals([courses.active.nowUs, lengths(courses)], [0, [1]]);
  courses.run();
  assertEquals(lengths(courses), [13]);
  courses.load(parseSetUp(""));
  assertEquals([lengths(courses), courses.step()], [[0], false]);
});
