/** The virtual clock, and what can be said of the real one without waiting. */
import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { systemClock, VirtualClock } from "../../src/runtime/clock.ts";
import { randomSecret, SECRET_BYTES } from "../../src/runtime/secret.ts";

Deno.test("virtual clock calls timers in order, each at its own time", () => {
  const clock = new VirtualClock({ nowUs: 100, epochUs: 5 });
  const calls: string[] = [];
  clock.after(30, () => calls.push(`late @${clock.nowUs()}`));
  clock.after(10, () => {
    calls.push(`early @${clock.nowUs()}`);
    clock.after(5, () => calls.push(`nested @${clock.nowUs()}`));
  });
  const cancel = clock.after(20, () => calls.push("cancelled"));
  clock.after(Infinity, () => calls.push("never"));
  cancel();
  cancel();
  assertEquals(clock.nextTimerUs, 110);
  clock.advance(30);
  assertEquals(calls, ["early @110", "nested @115", "late @130"]);
  assertEquals(clock.nextTimerUs, Infinity);
  clock.advanceTo(0);
  assertEquals(clock.nowUs(), 130);
});

Deno.test("system clock never goes back, counts whole microseconds, and knows the date", () => {
  const clock = systemClock();
  const first = clock.nowUs();
  const second = clock.nowUs();
  assert(Number.isSafeInteger(first) && second >= first);
  assert(Number.isSafeInteger(clock.epochUs));
  assertLess(Math.abs(clock.epochUs + clock.nowUs() - Date.now() * 1000), 60_000_000);
  clock.after(3_600_000_000, () => {})();
  clock.after(Infinity, () => {})();
});

Deno.test("secrets are sixteen bytes and differ", () => {
  assertEquals(randomSecret().length, SECRET_BYTES);
  assertNotEquals([...randomSecret()], [...randomSecret()]);
});
