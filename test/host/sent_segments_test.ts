/**
 * Which segment carried an octet last: against a plain array of octets.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SentSegments } from "../../src/host/sent_segments.ts";

Deno.test("sent segments: the last that carried an octet, or 0 where none is known", () => {
  const step = fc.record({
    start: fc.integer({ min: 0, max: 60 }),
    length: fc.integer({ min: 1, max: 20 }),
    una: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const sent = new SentSegments();
    const octets = new Array<number>(100).fill(0);
    let una = 0;
    steps.forEach(({ start, length, una: grows }, index) => {
      una = Math.min(una + grows, 60);
      const from = Math.max(start, una);
      sent.note(from, from + length, { number: index + 1, una });
      octets.fill(index + 1, from, from + length);
      for (let at = una; at < octets.length; at++) assertEquals(sent.carrierOf(at), octets[at], `at ${at}`);
    });
  }));
});

Deno.test("sent segments: what is kept has a bound, and the oldest goes first", () => {
  const sent = new SentSegments();
  for (let i = 0; i < 10_000; i++) sent.note(i * 10, i * 10 + 10, { number: i + 1, una: 0 });
  assertEquals([sent.carrierOf(0), sent.carrierOf(99_990)], [0, 10_000]);
  assertEquals(sent.carrierOf((10_000 - 4000) * 10), 6001);
});

Deno.test("sent segments: the bound holds for segments that split others, too", () => {
  const sent = new SentSegments();
  const ranges = 4096;
  for (let i = 0; i < ranges; i++) sent.note(i * 10, i * 10 + 10, { number: i + 1, una: 0 });
  // The newest half, so that what is forgotten is another one.
  for (let i = ranges / 2; i < ranges; i++) sent.note(i * 10 + 4, i * 10 + 6, { number: ranges + i, una: 0 });
  let [runs, last] = [0, 0];
  for (let at = 0; at < ranges * 10; at++) {
    const number = sent.carrierOf(at);
    if (number !== last && number !== 0) runs++;
    last = number;
  }
  assertEquals(runs, ranges + 1);
});
