/** The order of connections: a list that can be walked in pieces while it changes. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ConnectionOrder, type OrderedEntry } from "../../src/host/connection_order.ts";

class Entry implements OrderedEntry<Entry> {
  older: Entry | null = null;
  newer: Entry | null = null;

  constructor(readonly id: number) {}
}

function ids(order: ConnectionOrder<Entry>): number[] {
  return [...order].map(({ id }) => id);
}

Deno.test("the order is that of adding, whoever leaves in between", () => {
  const order = new ConnectionOrder<Entry>();
  const [a, b, c, d] = [1, 2, 3, 4].map((id) => new Entry(id));
  assertEquals(ids(order), []);
  for (const entry of [a, b, c]) order.add(entry);
  assertEquals(ids(order), [1, 2, 3]);
  order.remove(b);
  order.add(d);
  assertEquals(ids(order), [1, 3, 4]);
  order.remove(a);
  order.remove(d);
  assertEquals(ids(order), [3]);
  // What is not there is left alone, also when it was there once.
  order.remove(d);
  order.remove(new Entry(9));
  assertEquals(ids(order), [3]);
  order.remove(c);
  assertEquals([ids(order), c.older, c.newer], [[], null, null]);
  order.add(b);
  assertEquals(ids(order), [2]);
});

Deno.test("a walk meets what is there all the time once, and nothing twice, whatever comes and goes", () => {
  /** A number takes a step of the walk where it is 0, adds where it is odd, else removes the one at that place. */
  const steps = fc.array(fc.nat({ max: 60 }), { maxLength: 200 });
  fc.assert(fc.property(fc.nat({ max: 30 }), steps, (count, deeds) => {
    const order = new ConnectionOrder<Entry>();
    const present: Entry[] = [];
    let nextId = 0;
    const add = () => {
      const entry = new Entry(nextId++);
      order.add(entry);
      present.push(entry);
    };
    for (let i = 0; i < count; i++) add();
    const steadfast = new Set(present);
    const met: number[] = [];
    const walk = order[Symbol.iterator]();
    for (const deed of deeds) {
      if (deed % 3 === 0) {
        const { done, value } = walk.next();
        if (done !== true) {
          // What is met is there.
          assertEquals(present.includes(value), true);
          met.push(value.id);
        }
      } else if (deed % 3 === 1 || present.length === 0) {
        add();
      } else {
        const [gone] = present.splice(deed % present.length, 1);
        order.remove(gone);
        steadfast.delete(gone);
      }
    }
    for (const { id } of walk) met.push(id);
    assertEquals(met, [...new Set(met)].sort((a, b) => a - b), "in order, none twice");
    assertEquals([...steadfast].filter(({ id }) => !met.includes(id)), []);
    assertEquals(ids(order), present.map(({ id }) => id));
  }));
});

Deno.test("two walks go on by themselves, and one that is given up is forgotten", () => {
  const order = new ConnectionOrder<Entry>();
  const entries = [1, 2, 3].map((id) => new Entry(id));
  for (const entry of entries) order.add(entry);
  const [one, other] = [order[Symbol.iterator](), order[Symbol.iterator]()];
  assertEquals([one.next().value?.id, one.next().value?.id, other.next().value?.id], [1, 2, 1]);
  order.remove(entries[1]);
  order.remove(entries[2]);
  one.return();
  order.add(entries[1]);
  assertEquals([one.next().done, other.next().done], [true, true]);
  assertEquals(ids(order), [1, 2]);
});
