/**
 * DeadlineWheel against a plain list: same entries, same times, same answers.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type DeadlineEntry,
  DeadlineWheel,
  newDeadlineFields,
  WHEEL_NOT_SET,
} from "../../src/host/deadline_wheel.ts";

const TICK_US = 64;

interface Named extends DeadlineEntry {
  readonly id: number;
}

function newNamed(id: number): Named {
  return { id, ...newDeadlineFields() };
}

/** Entries 0 to `count - 1` with a wheel, and the list that it has to agree with. */
class Bench {
  readonly entries: Named[];
  readonly model = new Map<number, number>();
  /** The tick that decides when an entry's turn comes: its own, or that of the call for one set too late. */
  readonly #turns = new Map<number, number>();
  #touched = new Set<number>();
  readonly wheel: DeadlineWheel;
  readonly #ids = new Map<DeadlineEntry, number>();
  nowUs: number;

  constructor(nowUs: number, count: number) {
    this.nowUs = nowUs;
    this.wheel = new DeadlineWheel(nowUs);
    this.entries = Array.from({ length: count }, (_, id) => newNamed(id));
    for (const entry of this.entries) this.#ids.set(entry, entry.id);
  }

  set(id: number, deadlineUs: number): void {
    this.wheel.set(this.entries[id], deadlineUs);
    this.model.set(id, deadlineUs);
    this.#turns.set(id, Math.floor(Math.max(deadlineUs, this.nowUs) / TICK_US));
    this.#touched.add(id);
  }

  cancel(id: number): void {
    this.wheel.cancel(this.entries[id]);
    this.model.delete(id);
    this.#touched.add(id);
  }

  /** Moves the clock; `during` runs in each callback. Demands exactly the due entries, in tick order. */
  expire(nowUs: number, during: (id: number) => void = () => {}): number[] {
    this.nowUs = Math.max(nowUs, this.nowUs);
    const due = new Set([...this.model].filter(([, us]) => us <= this.nowUs).map(([id]) => id));
    const fired: number[] = [];
    let lastTurn = -Infinity;
    const count = this.wheel.expire(this.nowUs, (entry) => {
      const id = this.#ids.get(entry);
      if (id === undefined) throw new Error("a stranger in the wheel");
      assertEquals(entry.wheelSlot, WHEEL_NOT_SET, "taken out before the call");
      assert(due.delete(id), `entry ${id} is not due, or came twice`);
      const turn = this.#turns.get(id) ?? NaN;
      assert(turn >= lastTurn, "out of order");
      lastTurn = turn;
      this.model.delete(id);
      fired.push(id);
      this.#touched = new Set();
      during(id);
      // Due entries that the callback set or cancelled are no longer owed by this call.
      for (const other of this.#touched) due.delete(other);
    });
    assertEquals(count, fired.length);
    assertEquals([...due], [], "due entries that were not handed out");
    this.check();
    return fired;
  }

  check(): void {
    assertEquals(this.wheel.size, this.model.size);
    const earliestUs = Math.min(Infinity, ...this.model.values());
    const nextUs = this.wheel.nextDeadlineUs();
    if (this.model.size <= 16) assertEquals(nextUs, earliestUs);
    assert(nextUs <= earliestUs, `${nextUs} is after the earliest deadline ${earliestUs}`);
    if (earliestUs > this.nowUs) assert(nextUs > this.nowUs, "a bound that has passed would never converge");
    else assert(nextUs <= this.nowUs);
  }
}

Deno.test("an empty wheel has no next deadline and fires nothing", () => {
  const wheel = new DeadlineWheel(0);
  assertEquals(wheel.nextDeadlineUs(), Infinity);
  assertEquals(wheel.size, 0);
  assertEquals(wheel.expire(2 ** 53, () => {}), 0);
});

Deno.test("a deadline fires at its microsecond, not before", () => {
  for (const startUs of [0, 1, 63, 64, 1_000_003, 2 ** 31 - 1, 2 ** 40 + 7, 2 ** 52 + 12_345]) {
    for (const afterUs of [1, 2, 63, 64, 65, 2_047, 2_048, 200_000, 60_000_000, 7_200_000_000, 2 ** 45]) {
      const bench = new Bench(startUs, 1);
      bench.set(0, startUs + afterUs);
      assertEquals(bench.wheel.nextDeadlineUs(), startUs + afterUs);
      assertEquals(bench.expire(startUs + afterUs - 1), []);
      assertEquals(bench.expire(startUs + afterUs), [0]);
      assertEquals(bench.wheel.nextDeadlineUs(), Infinity);
    }
  }
});

Deno.test("a deadline that has passed is due at once", () => {
  const bench = new Bench(1_000_000, 2);
  bench.set(0, 1_000_000);
  bench.set(1, 3);
  assertEquals(bench.wheel.nextDeadlineUs(), 3);
  assertEquals(bench.expire(1_000_000).sort(), [0, 1]);
});

Deno.test("setting again moves the deadline, both ways", () => {
  const bench = new Bench(0, 1);
  bench.set(0, 1_000);
  bench.set(0, 500_000);
  assertEquals(bench.wheel.nextDeadlineUs(), 500_000);
  assertEquals(bench.expire(499_999), []);
  bench.set(0, 900_000);
  bench.set(0, 500_001);
  assertEquals(bench.expire(500_001), [0]);
});

Deno.test("Infinity cancels", () => {
  const bench = new Bench(0, 1);
  bench.set(0, 1_000);
  bench.wheel.set(bench.entries[0], Infinity);
  assertEquals(bench.wheel.size, 0);
  assertEquals(bench.wheel.nextDeadlineUs(), Infinity);
  assertEquals(bench.wheel.expire(2_000, () => {}), 0);
});

Deno.test("follow sets an entry to its own next deadline, moves it, and cancels it", () => {
  const wheel = new DeadlineWheel(0);
  const entry = { nextUs: 700, nextDeadlineUs: () => entry.nextUs, ...newDeadlineFields() };
  const due = () => {
    const fired: number[] = [];
    wheel.expire(wheel.nextDeadlineUs(), (one) => fired.push(one.deadlineUs));
    return fired;
  };
  wheel.follow(entry);
  assertEquals([wheel.size, wheel.nextDeadlineUs()], [1, 700]);
  entry.nextUs = 300_000;
  wheel.follow(entry);
  assertEquals([wheel.size, wheel.nextDeadlineUs()], [1, 300_000]);
  assertEquals(due(), [300_000]);
  entry.nextUs = 400_000;
  wheel.follow(entry);
  entry.nextUs = Infinity;
  wheel.follow(entry);
  assertEquals([wheel.size, wheel.nextDeadlineUs(), due()], [0, Infinity, []]);
});

Deno.test("cancelling what is not set does nothing", () => {
  const bench = new Bench(0, 2);
  bench.set(0, 10);
  bench.cancel(1);
  bench.cancel(1);
  assertEquals(bench.expire(10), [0]);
  bench.cancel(0);
  bench.check();
});

Deno.test("equal deadlines fire in the order in which they were set", () => {
  const bench = new Bench(0, 5);
  for (const id of [3, 1, 4, 0, 2]) bench.set(id, 1_000_000);
  assertEquals(bench.expire(1_000_000), [3, 1, 4, 0, 2]);
});

Deno.test("a callback may cancel what is due with it", () => {
  const bench = new Bench(0, 3);
  for (const id of [0, 1, 2]) bench.set(id, 100);
  assertEquals(bench.expire(100, (id) => id === 0 && bench.cancel(1)), [0, 2]);
});

Deno.test("what a callback sets to a passed time waits for the next call", () => {
  const bench = new Bench(0, 1);
  bench.set(0, 100);
  assertEquals(bench.expire(10_000, () => bench.set(0, 200)), [0]);
  assertEquals(bench.wheel.nextDeadlineUs(), 200);
  assertEquals(bench.expire(10_000, () => bench.set(0, 20_000)), [0]);
  assertEquals(bench.expire(19_999), []);
  assertEquals(bench.expire(20_000), [0]);
});

Deno.test("a callback that throws loses nothing that it was not given", () => {
  const bench = new Bench(0, 3);
  for (const id of [0, 1, 2]) bench.set(id, 100 + id);
  assertThrows(
    () =>
      bench.wheel.expire(5_000, () => {
        throw new Error("stop");
      }),
    Error,
    "stop",
  );
  bench.nowUs = 5_000;
  bench.model.delete(0);
  assertEquals(bench.expire(5_000), [1, 2]);
});

Deno.test("expire from its own callback is refused", () => {
  const bench = new Bench(0, 1);
  bench.set(0, 1);
  assertThrows(() => bench.wheel.expire(2, () => bench.wheel.expire(3, () => {})), Error, "own callback");
});

Deno.test("with many entries in one slot the bound converges in a few steps", () => {
  const bench = new Bench(0, 100);
  for (let id = 0; id < 100; id++) bench.set(id, 7_200_000_000 + id);
  let steps = 0;
  while (bench.model.size === 100) {
    bench.expire(bench.wheel.nextDeadlineUs());
    assert(++steps <= 11, "more steps than levels");
  }
  assertEquals(bench.nowUs, 7_200_000_000);
});

Deno.test("ten thousand moves keep one entry", () => {
  const bench = new Bench(5, 1);
  for (let i = 0; i < 10_000; i++) bench.set(0, 5 + i * 37);
  bench.check();
  assertEquals(bench.expire(5 + 9_999 * 37), [0]);
});

/** Distances of every order of magnitude, so that every level is used. */
const distance = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 2_000_000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) / 16).map(Math.floor),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), id: fc.nat(29), us: distance }),
  fc.record({ kind: fc.constant("cancel" as const), id: fc.nat(29) }),
  fc.record({
    kind: fc.constant("expire" as const),
    us: distance,
    ids: fc.array(fc.nat(29)),
    again: distance,
  }),
  fc.record({ kind: fc.constant("next" as const) }),
);

Deno.test("property: agrees with a list under any mix of calls, also from inside callbacks", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(1_000_000),
        fc.nat(2 ** 31 - 1),
        fc.maxSafeInteger().map((n) => Math.floor(Math.abs(n) / 4)),
      ),
      fc.array(step, { maxLength: 60 }),
      (startUs, steps) => {
        const bench = new Bench(startUs, 30);
        for (const one of steps) {
          if (one.kind === "set") bench.set(one.id, Math.max(0, bench.nowUs + one.us));
          else if (one.kind === "cancel") bench.cancel(one.id);
          else if (one.kind === "expire") {
            const targets = one.ids.values();
            bench.expire(Math.min(bench.nowUs + one.us, 2 ** 53), (id) => {
              const target = targets.next();
              if (target.done) return;
              if (target.value % 3 === 0) bench.cancel(target.value);
              else {bench.set(
                  target.value % 3 === 1 ? target.value : id,
                  Math.max(0, bench.nowUs + one.again),
                );}
            });
          } else bench.expire(Math.min(bench.wheel.nextDeadlineUs(), 2 ** 53));
          bench.check();
        }
        // Driven by its own answers it comes to an end, and every entry has fired.
        for (let rounds = 0; bench.model.size > 0 && bench.wheel.nextDeadlineUs() <= 2 ** 53; rounds++) {
          bench.expire(bench.wheel.nextDeadlineUs());
          assert(rounds < 1_000, "does not converge");
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
