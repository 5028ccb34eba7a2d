/** Lines around a segment, of a long ladder. */
import { assertEquals } from "@std/assert";
import { linesAround } from "../../src/page/lines_around.ts";
import { type Ladder, ladderOf } from "../../src/story/ladder.ts";
import { FULL_HANDSHAKE, tell } from "../story/written_story.ts";

/** Requests and answers, which fold into nothing: #4 to #203, and a wait before #104. */
function longLadder(): Ladder {
  const talk = Array.from({ length: 100 }, (_, at) => `
    C PA ${1 + at * 10} ${1 + at * 10} len=10${at === 50 ? " at=9" : ""}
    S PA ${1 + at * 10} ${11 + at * 10} len=10`);
  return ladderOf(tell(`${FULL_HANDSHAKE}${talk.join("")}`).connection);
}

const numbers = ({ lines }: Ladder) => lines.map((line) => line.kind === "segment" ? line.number : line.kind);

Deno.test("lines around a segment, what stands beyond on either side, and the states that hold above them", () => {
  const ladder = longLadder();
  const all = ladder.lines.filter(({ kind }) => kind === "segment").length;
  const middle = linesAround(ladder, { number: 103, before: 1, after: 2 });
  assertEquals(numbers(middle), [102, 103, "gap", 104]);
  assertEquals([middle.leftOut, middle.later], [101, all - 104]);
  assertEquals(middle.before.client?.state, "ESTABLISHED");
  const first = linesAround(ladder, { number: 1, before: 5, after: 1 });
  assertEquals([numbers(first), first.leftOut, first.later], [[1, 2], 0, all - 2]);
  assertEquals(first.before, ladder.before);
  const last = linesAround(ladder, { number: all, before: 1, after: 5 });
  assertEquals([numbers(last), last.leftOut, last.later], [[all - 1, all], all - 2, 0]);
});

Deno.test("no such segment: those around the next one; beyond the last: the last", () => {
  const ladder = longLadder();
  assertEquals(numbers(linesAround(ladder, { number: 0, before: 0, after: 0 })), [1]);
  assertEquals(numbers(linesAround(ladder, { number: 9999, before: 1, after: 0 })).length, 2);
  const nothing = linesAround({ ...ladder, lines: [] }, { number: 1, before: 5, after: 5 });
  assertEquals([nothing.lines, nothing.leftOut, nothing.later], [[], 0, 0]);
});
