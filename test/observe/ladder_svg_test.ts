/**
 * The ladder as SVG: what is drawn for each line, that it is well formed, bounded, and that nothing in it becomes markup.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ladderSvg } from "../../src/observe/ladder_svg.ts";
import { type Ladder, ladderOf } from "../../src/story/ladder.ts";
import { FULL_HANDSHAKE, HANDSHAKE, tell } from "../story/written_story.ts";
import { demandWellFormed } from "./well_formed_svg.ts";

function ladder(text: string): Ladder {
  return ladderOf(tell(text).connection);
}

/** How often a pattern occurs. */
function times(svg: string, pattern: RegExp): number {
  return [...svg.matchAll(pattern)].length;
}

const STORY = `${FULL_HANDSHAKE}
  C A 1 1 len=100 ts=3/501
  S A 1 101 ts=502/3
  C A 101 1 len=100 ts=4/502
  S A 1 201 ts=503/4
  C A 201 1 len=100 ts=10/503
  C A 301 1 len=100 ts=11/503
  S A 1 201 ts=511/4 sack=301-401
  C A 201 1 len=100 ts=20/511
  S A 1 401 ts=520/20
  S A 1 401 win=0 ts=900/20 at=0.5
  S RA 1 401`;

Deno.test("ladder svg: a shape for each thing, the segment's figures and marks in words", () => {
  const svg = ladderSvg(ladder(STORY));
  demandWellFormed(svg);
  // The legend has one of each: there, back, again, lost, probably lost.
  assertEquals(times(svg, /<g class="segment there">/g), 3 + 1);
  assertEquals(times(svg, /<g class="segment back">/g), 5 + 1);
  assertEquals(times(svg, /<g class="segment there again">/g), 1 + 1);
  assertEquals(times(svg, /<g class="segment lost">/g), 1 + 2);
  assertEquals(times(svg, /<path class="cross"/g), 1 + 1);
  assertEquals(times(svg, /<text class="doubt"/g), 0 + 1);
  assertEquals(times(svg, /<g class="run there">/g), 1);
  assertEquals(times(svg, /<path class="broken"/g), 2);
  assertEquals(times(svg, /<g class="state proven">/g), 5);
  assertEquals(times(svg, /<g class="state implied">/g), 2);
  assertStringIncludes(svg, "4 segments to #7 · 1..201 · 200 bytes · 2 of them ACKs</text>");
  assertStringIncludes(svg, ">0.38 s</text>");
  assertStringIncludes(svg, '<tspan class="trouble">! sent again: fast (#8)</tspan>');
  assertStringIncludes(
    svg,
    "<title>#8 ACK  seq 201  ack 1  len 100  win 4000  ts 10/503\nnever arrived, or after #11 which repeats it: #12 answers that one</title>",
  );
  assertStringIncludes(svg, "<title>client: CLOSED, follows from what passed, and nothing proves it</title>");
  assertStringIncludes(svg, "@media (prefers-color-scheme: dark)");
});

Deno.test("ladder svg: what probably never arrived, and the server on the left", () => {
  const svg = ladderSvg(ladder(`${HANDSHAKE}\nC A 1 1 len=100\nC A 1 1 len=100 at=1.5\nS A 1 101`), {
    left: "server",
  });
  demandWellFormed(svg);
  assertEquals(times(svg, /<text class="doubt"/g), 1 + 1);
  assertEquals(times(svg, /<g class="segment back">/g), 2 + 1);
  assertStringIncludes(svg, ">from the server</text>");
});

Deno.test("ladder svg: of a long story the first and the last lines, and how much is left out", () => {
  // Each segment is a line: what has a mark stands by itself.
  const data = Array.from({ length: 5000 }, (_, i) => `S A 1 ${1 + i} win=0\nC A ${1 + i} 1 len=1`).join(
    "\n",
  );
  const long = ladder(`${HANDSHAKE}\n${data}`);
  assert(long.lines.length > 4000);
  const svg = ladderSvg(long, { mostLines: 100 });
  demandWellFormed(svg);
  const height = Number(/ height="(\d+)"/.exec(svg)?.[1]);
  assert(height > 2000 && height < 100 * 52 + 400, `${height}`);
  const shown = times(svg, /<title>#\d+ /g) + times(svg, /<g class="run/g);
  assertEquals(shown, 100);
  assertStringIncludes(svg, `>${long.lines.length - 100} lines left out here, from `);
  const last = long.lines.at(-1);
  assert(last?.kind === "segment");
  assertStringIncludes(svg, `<title>#${last.number} `);
});

Deno.test("ladder svg: slanted where the arrival was seen, in proportion", () => {
  const plain = ladder(`${HANDSHAKE}`);
  const flights = [0.01, 0.02, null];
  const lines = plain.lines.map((line, i) =>
    line.kind === "segment" ? { ...line, flightSeconds: flights[i] } : line
  );
  const falls = [...ladderSvg({ ...plain, lines }).matchAll(/<path class="shaft" d="M\d+ (\d+)L\d+ (\d+)"/g)]
    .map(([, from, to]) => Number(to) - Number(from));
  assertEquals(falls, [13, 26, 0]);
});

Deno.test("ladder svg: nothing that came from outside becomes markup", () => {
  const evil = `</text><script>alert("1")</script>&'\x1b[31m\uFFFF`;
  const svg = ladderSvg({ ...ladder(STORY), ends: { client: evil, server: evil } }, { title: evil });
  demandWellFormed(svg);
  assertEquals(times(svg, /<script/g), 0);
  assertStringIncludes(svg, "&lt;/text&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;?[31m?");
});
