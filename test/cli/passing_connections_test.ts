/** The newest connections that pass: the same ones as if all were looked at each time, and how many are. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PassingConnections } from "../../src/cli/passing_connections.ts";
import type { CloseReason } from "../../src/tcp/events.ts";

const MOST = 3;

/** A host of which only the numbers are told; it counts how many were looked at. */
class Numbers {
  looked = 0;
  readonly living: { readonly id: number; ended: CloseReason | null }[] = [];
  readonly known = new Set<number>();
  readonly passing = new PassingConnections<{ readonly id: number; readonly ended: CloseReason | null }>(
    MOST,
  );
  #last = 0;

  *newestConnections() {
    for (const one of this.living.toReversed()) {
      this.looked++;
      yield one;
    }
  }

  opens(): number {
    this.living.push({ id: ++this.#last, ended: null });
    return this.#last;
  }

  passes(id: number): void {
    this.known.add(id);
    this.passing.passed(id);
  }

  ends(at: number): void {
    const [one] = this.living.splice(at, 1);
    one.ended = "normal";
  }

  newest(): readonly number[] {
    return this.passing.newest(this, (id) => this.known.has(id)).map(({ id }) => id);
  }
}

Deno.test("passing connections: whatever comes and goes, the newest of those that pass", () => {
  const step = fc.record({
    act: fc.constantFrom("open", "open and pass", "pass", "end", "end of a found one"),
    at: fc.nat(),
    isShown: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const host = new Numbers();
      for (const { act, at, isShown } of steps) {
        const { living } = host;
        if (act === "open") host.opens();
        else if (act === "open and pass") host.passes(host.opens());
        else if (living.length > 0 && act === "pass") host.passes(living[at % living.length].id);
        else if (living.length > 0) host.ends(act === "end" ? at % living.length : living.length - 1);
        if (!isShown) continue;
        const expected = living.map(({ id }) => id).filter((id) => host.known.has(id)).toReversed().slice(
          0,
          MOST,
        );
        assertEquals(host.newest(), expected);
      }
    }),
    { numRuns: 2000, seed: 11 },
  );
});

Deno.test("passing connections: what does not pass is looked at once", () => {
  const host = new Numbers();
  host.opens();
  host.passes(host.opens());
  for (let i = 0; i < 10_000; i++) host.opens();
  assertEquals(host.newest(), [2]);
  assertEquals(host.looked, 10_002);
  host.looked = 0;
  for (let turn = 0; turn < 100; turn++) {
    host.passes(2);
    assertEquals(host.newest(), [2]);
  }
  assertEquals(host.looked, 0);
  // A new one is found among the new ones.
  host.passes(host.opens());
  assertEquals(host.newest(), [10_003, 2]);
  assert(host.looked <= 2, `${host.looked}`);
});
