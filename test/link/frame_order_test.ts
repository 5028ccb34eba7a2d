/** What has been sent waits until it has left: in order, each with its time, in memory that does not grow with the traffic. */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { Departures } from "../../src/link/frame_order.ts";

Deno.test("departures: in a row that is never empty, memory is that of what is held", () => {
  const departures = new Departures<number>();
  let released = 0;
  for (let us = 0; us < 300_000; us++) {
    departures.hold(us);
    departures.departing(us);
    // Whoever is a little behind lets go of all but the last two.
    departures.releaseUntil(us - 2, (item, leftUs) => {
      assertEquals([item, leftUs], [released, released]);
      released++;
    });
  }
  assertEquals([released, departures.count], [299_998, 2]);
  assertLessOrEqual(departures.capacity, 256);
});

Deno.test("departures: memory for a crowd is given back when it has gone", () => {
  const departures = new Departures<number>();
  for (let item = 0; item < 20_000; item++) departures.hold(item);
  assertEquals([departures.count, departures.isOpen, departures.capacity], [20_000, true, 32_768]);
  const released: number[] = [];
  departures.releaseAll(7, (item, us) => released.push(item * us));
  assertEquals([released.length, released[19_999], departures.count], [20_000, 19_999 * 7, 0]);
  assertEquals(departures.capacity, 256);
});

/** The same, as one would write it down first. */
class Model {
  items: { item: number; us: number | null }[] = [];
  before: { item: number; us: number | null }[] = [];

  take(isDue: (held: { item: number; us: number | null }) => boolean): [number, number][] {
    const taken: [number, number][] = [];
    while (this.items.length > 0 && isDue(this.items[0])) {
      const { item, us } = this.items[0];
      taken.push([item, us ?? NaN]);
      this.items.shift();
    }
    return taken;
  }
}

Deno.test("property: departures are what a list of them would be", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("hold"), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({
      kind: fc.constantFrom("departing", "looking", "looked", "all", "from"),
      count: fc.constant(1),
    }),
    fc.record({ kind: fc.constant("until"), count: fc.integer({ min: 0, max: 30 }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const departures = new Departures<number>();
    const model = new Model();
    let item = 0;
    let us = 0;
    for (const { kind, count } of steps) {
      us += 5;
      const told: [number, number][] = [];
      const tell = (one: number, leftUs: number) => void told.push([one, leftUs]);
      let expected: [number, number][] = [];
      const depart = () => {
        for (const held of model.items) held.us ??= us;
      };
      if (kind === "hold") {
        for (let i = 0; i < count; i++) {
          departures.hold(item);
          model.items.push({ item: item++, us: null });
        }
      } else if (kind === "from") {
        departures.holdFrom(item, us);
        const isOpen = model.items.some((held) => held.us === null);
        model.items.push({ item: item++, us: isOpen ? null : us });
      } else if (kind === "departing") {
        departures.departing(us);
        depart();
      } else if (kind === "looking") {
        departures.looking();
        model.before = model.items.filter((held) => held.us !== null);
      } else if (kind === "looked") {
        departures.releaseLooked(tell);
        expected = model.take((held) => model.before.includes(held));
      } else if (kind === "until") {
        departures.releaseUntil(us - count, tell);
        expected = model.take((held) => held.us !== null && held.us <= us - count);
      } else {
        departures.releaseAll(us, tell);
        depart();
        expected = model.take(() => true);
      }
      assertEquals(told, expected);
      assertEquals(departures.count, model.items.length);
      assertEquals(departures.isOpen, model.items.some((held) => held.us === null));
    }
  }));
});
