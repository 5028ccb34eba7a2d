/** Times of pcapng: any resolution, any timestamp, against plain arithmetic on whole numbers. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TickClock } from "../../src/wire/capture_ticks.ts";

const half = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);
/** Those that are used, and all others. */
const resolution = fc.oneof(fc.constantFrom(0, 3, 6, 9, 12, 0x80, 0x8a, 0x94, 0x97, 0xb2, 0xb3), fc.nat(255));

Deno.test("property: ticks are whole seconds and whole nanoseconds, rounded down, with one clock for many", () => {
  fc.assert(
    fc.property(
      resolution,
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.array(fc.tuple(half, half, half), { minLength: 1, maxLength: 5 }),
      (resolution, offset, stamps) => {
        const clock = new TickClock(resolution, offset);
        const base = resolution >= 0x80 ? 2n : 10n;
        const rate = base ** BigInt(resolution & 0x7f);
        const time = { seconds: 0, nanoseconds: 0 };
        // Each upper half twice: the second time it is remembered.
        for (const [high, ...lows] of stamps) {
          for (const low of lows) {
            const ticks = (BigInt(high) << 32n) | BigInt(low);
            clock.read(high, low, time);
            assertEquals(time.nanoseconds, Number((ticks % rate) * 1_000_000_000n / rate));
            const seconds = ticks / rate + BigInt(offset);
            // Beyond 2^53 a double has no whole seconds: a time of 285 million years.
            if (seconds < 2n ** 53n) assertEquals(BigInt(time.seconds), seconds);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});
