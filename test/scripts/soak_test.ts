/** What a soak run is judged by: slopes, failures, what is left; and where its report goes. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  failuresOf,
  isJudged,
  type Phase,
  phaseSlope,
  type Sample,
  slopeOf,
} from "../../scripts/soak/soak_figures.ts";
import { reportBlock, sampleLine, withBlock } from "../../scripts/soak/soak_report.ts";

const CLIENTS = {
  begun: { short_echo: 90, reset: 10 },
  done: { short_echo: 90, reset: 10 },
  failed: {},
  words: {},
  bytesIn: 2 ** 20,
  bytesOut: 2 ** 21,
  open: 0,
  cpuSeconds: 1,
};

function sampleAt(at: number, changed: Partial<Sample> = {}): Sample {
  return {
    phase: "calm",
    at,
    rssMib: 200,
    anonymousMib: 60,
    heapMib: 10,
    descriptors: 29,
    threads: 7,
    cpuSeconds: at / 10,
    isAnswered: true,
    connections: 5,
    states: { ESTABLISHED: 5 },
    timers: 5,
    counters: { "frames-in": 1000, "drop-checksum": 0 },
    clients: CLIENTS,
    ...changed,
  };
}

/** An hour in samples a minute apart, each changed by its time. */
function hourOf(change: (at: number) => Partial<Sample>, drained: Partial<Sample> = {}): Phase {
  const samples = Array.from({ length: 61 }, (_, minute) => sampleAt(60 * minute, change(60 * minute)));
  const end = sampleAt(3700, { connections: 0, states: {}, timers: 0, ...drained });
  return { name: "calm", faults: null, seconds: 3600, samples, drained: end, exit: { code: 0, stderr: "" } };
}

/** Up and down by a MiB, without a direction. */
const wobble = (at: number) => Math.sin(at) + Math.cos(3 * at);

Deno.test("soak: the slope of a line is found, with its error", () => {
  const exact = slopeOf([[0, 5], [1800, 6], [3600, 7]]);
  assertAlmostEquals(exact.perHour, 2);
  assertAlmostEquals(exact.errorPerHour, 0);
  assertAlmostEquals(exact.rise, 2);
  assertEquals(slopeOf([[0, 5]]).errorPerHour, Infinity);
  assertEquals(slopeOf([]).points, 0);
});

Deno.test("soak: a server that breathes passes, also one that warms up first", () => {
  assertEquals(failuresOf(hourOf((at) => ({ rssMib: 200 + wobble(at) }))), []);
  assertEquals(failuresOf(hourOf((at) => ({ rssMib: 200 + Math.min(at, 900) / 10 + wobble(at) }))), []);
});

Deno.test("soak: memory that grows fails, in RAM or in the heap alone", () => {
  const [rss] = failuresOf(hourOf((at) => ({ rssMib: 200 + at / 100 + wobble(at) })));
  assertStringIncludes(rss, "rssMib grows by 36");
  const [heap] = failuresOf(hourOf((at) => ({ heapMib: 10 + at / 150 })));
  assertStringIncludes(heap, "heapMib grows by 24");
});

Deno.test("soak: what is too short for a slope is not judged by it", () => {
  const { samples, ...rest } = hourOf((at) => ({ rssMib: 200 + at / 10 }));
  const short: Phase = { ...rest, samples: samples.slice(0, 8) };
  assert(!isJudged(phaseSlope(short, "rssMib")));
  assertEquals(failuresOf(short), []);
});

Deno.test("soak: one failed connection fails the run, and its words are told", () => {
  const clients = {
    ...CLIENTS,
    done: { short_echo: 89, reset: 10 },
    failed: { short_echo: 1 },
    words: { "short_echo: gone": 1 },
  };
  assertEquals(failuresOf(hourOf(() => ({}), { clients })), [
    "1 of 100 connections failed: 1 x short_echo: gone",
  ]);
  const lost = { ...CLIENTS, done: { short_echo: 88, reset: 10 } };
  assertEquals(failuresOf(hourOf(() => ({}), { clients: lost })), ["2 clients never came to an end"]);
  const nobody = { ...CLIENTS, begun: {}, done: {} };
  assertEquals(failuresOf(hourOf(() => ({}), { clients: nobody })), ["no client connected"]);
});

Deno.test("soak: what is left at the end fails the run", () => {
  const left = (drained: Partial<Sample>) => failuresOf(hourOf(() => ({}), drained));
  assertEquals(left({ connections: 1, states: { FIN_WAIT_2: 1 } }), [
    '1 connections are left: {"FIN_WAIT_2":1}',
  ]);
  assertEquals(left({ isAnswered: false }), ["netstat got no answer for a minute, 1 times"]);
  assertEquals(left({ timers: 2 }), ["2 deadlines run with nobody there"]);
  assertEquals(left({ descriptors: 40 }), ["descriptors: 29 after the warm-up, 40 at the end"]);
  assertEquals(left({ threads: 12 }), ["threads: 7 after the warm-up, 12 at the end"]);
  assertEquals(left({ counters: { "application-errors": 3 } }), ["3 application-errors"]);
  const crashed: Phase = { ...hourOf(() => ({})), exit: { code: 1, stderr: "gone\n" } };
  assertEquals(failuresOf(crashed), ["the server ended with status 1: gone"]);
});

Deno.test("soak: the report goes between its marks, and nowhere else", () => {
  const place = {
    date: "2026-11-29T00:00:00Z",
    commit: "abc",
    machine: "a machine",
    program: "the checkout",
  };
  const block = reportBlock([hourOf(() => ({}))], place);
  for (
    const word of [
      "2026-11-29, commit abc",
      "| calm | none | 60.0 | 100 | 0 |",
      "| short_echo | 90 | 0 |",
      "frames-in",
    ]
  ) {
    assertStringIncludes(block, word);
  }
  assert(
    !block.includes("drop-checksum") && !block.includes("said"),
    "what was not counted, and what was not said",
  );
  const talking: Phase = {
    ...hourOf(() => ({})),
    exit: { code: 0, stderr: "Listening on x\nThe ring dropped 5 frames\n" },
  };
  assertStringIncludes(reportBlock([talking], place), "```\ncalm: The ring dropped 5 frames\n```");
  const document = "before\n<!-- soak: the last report -->\nold\n<!-- soak: end -->\nafter\n";
  const written = withBlock(document, "soak", block);
  assert(!written.includes("old") && written.startsWith("before\n") && written.endsWith("after\n"));
  assertEquals(withBlock(written, "soak", block), written);
  assertThrows(() => withBlock("nothing", "soak", block), Error, "no place");
  assertStringIncludes(sampleLine(sampleAt(120), sampleAt(60)), "calm");
});
