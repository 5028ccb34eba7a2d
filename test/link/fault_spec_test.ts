/**
 * Fault specifications: what is read, and what is refused with which words.
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  describeFaults,
  FAULT_SPEC_EXAMPLE,
  type FaultDirection,
  isFaultless,
  NO_FAULTS,
  parseFaultSpec,
} from "../../src/link/fault_spec.ts";

function both(direction: Partial<FaultDirection>, seed = 1) {
  const whole = { ...NO_FAULTS, ...direction };
  return { seed, in: whole, out: whole };
}

Deno.test("fault spec: all words of the example", () => {
  assertEquals(
    parseFaultSpec(FAULT_SPEC_EXAMPLE),
    both({
      drop: 0.01,
      duplicate: 0.01,
      reorder: 0.02,
      corrupt: 0.005,
      delayUs: 10_000,
      jitterUs: 5_000,
      rateBitsPerSecond: 10e6,
    }, 7),
  );
});

Deno.test("fault spec: units, fractions, spaces after commas, the words of our own", () => {
  assertEquals(parseFaultSpec("delay=1.5ms, jitter=250us"), both({ delayUs: 1500, jitterUs: 250 }));
  assertEquals(parseFaultSpec("delay=60s"), both({ delayUs: 60_000_000 }));
  assertEquals(parseFaultSpec("rate=64kbit").in.rateBitsPerSecond, 64e3);
  assertEquals(parseFaultSpec("rate=2.5gbit").in.rateBitsPerSecond, 2.5e9);
  assertEquals(parseFaultSpec("rate=9600bit").in.rateBitsPerSecond, 9600);
  assertEquals(
    parseFaultSpec("drop=.5%,mark=100%,arp=on"),
    both({ drop: 0.005, mark: 1, disturbsArp: true }),
  );
  assertEquals(parseFaultSpec("seed=4294967295").seed, 0xffff_ffff);
});

Deno.test("fault spec: a prefix means one direction and wins over the word without it, in either order", () => {
  const expected = {
    seed: 1,
    in: { ...NO_FAULTS, drop: 0.05 },
    out: { ...NO_FAULTS, drop: 0.01, delayUs: 2000 },
  };
  assertEquals(parseFaultSpec("in:drop=5%,drop=1%,out:delay=2ms"), expected);
  assertEquals(parseFaultSpec("out:delay=2ms,drop=1%,in:drop=5%"), expected);
  assertEquals(isFaultless(parseFaultSpec("in:drop=5%").out), true);
  assertEquals(isFaultless(parseFaultSpec("in:drop=5%").in), false);
  assertEquals(isFaultless(parseFaultSpec("drop=0%,arp=on").in), true);
});

/** Each word alone, with the one field that it sets. */
const WORDS: readonly (readonly [string, Partial<FaultDirection>])[] = [
  ["drop=3%", { drop: 0.03 }],
  ["dup=3%", { duplicate: 0.03 }],
  ["reorder=3%", { reorder: 0.03 }],
  ["corrupt=3%", { corrupt: 0.03 }],
  ["mark=3%", { mark: 0.03 }],
  ["delay=3ms", { delayUs: 3000 }],
  ["jitter=3ms", { jitterUs: 3000 }],
  ["rate=3mbit", { rateBitsPerSecond: 3e6 }],
  ["arp=on", { disturbsArp: true }],
  ["arp=off", {}],
];

for (const [word, field] of WORDS) {
  Deno.test(`fault spec: ${word} sets its own field, and one that is not about ARP alone is a fault`, () => {
    const isFault = !word.startsWith("arp");
    const spec = parseFaultSpec(word);
    assertEquals(spec, both(field));
    assertEquals([isFaultless(spec.in), isFaultless(spec.out)], [!isFault, !isFault]);
    const [side, other] = [parseFaultSpec(`in:${word}`), parseFaultSpec(`out:${word}`)];
    assertEquals(side, { seed: 1, in: both(field).in, out: NO_FAULTS });
    assertEquals(other, { seed: 1, in: NO_FAULTS, out: both(field).out });
  });
}

Deno.test("fault spec: two faults of the same size are two faults", () => {
  const words = ["drop=1%", "dup=1%", "reorder=1%", "corrupt=1%", "mark=1%", "delay=1ms", "jitter=1ms"];
  for (const word of words) {
    for (const other of words) {
      if (word !== other) {
        assertEquals(isFaultless(parseFaultSpec(`${word},${other}`).in), false, word + other);
      }
    }
  }
});

Deno.test("fault spec: arp=off for one direction wins over arp=on for both", () => {
  const spec = parseFaultSpec("arp=on,out:arp=off");
  assertEquals([spec.in.disturbsArp, spec.out.disturbsArp], [true, false]);
});

Deno.test("fault spec: values at their bounds are taken", () => {
  assertEquals(parseFaultSpec("drop=100%").in.drop, 1);
  assertEquals(parseFaultSpec("jitter=60000ms").in.jitterUs, 60_000_000);
  assertEquals(parseFaultSpec("rate=1kbit").in.rateBitsPerSecond, 1000);
  assertEquals(parseFaultSpec("rate=1000gbit").in.rateBitsPerSecond, 1e12);
  assertEquals(parseFaultSpec("delay=0.4us").in.delayUs, 0);
  assertEquals(parseFaultSpec("delay=0.5us").in.delayUs, 1);
  assertEquals(parseFaultSpec("seed=0").seed, 0);
});

Deno.test("fault spec: told in one line", () => {
  assertEquals(
    describeFaults(
      parseFaultSpec("in:drop=1%,in:corrupt=0.5%,in:delay=1.5ms,in:rate=10mbit,in:arp=on,seed=7"),
    ),
    "in drop 1 %, corrupt 0.5 %, delay 1.5 ms, rate 10 Mbit/s, ARP and NDP too; out nothing; seed 7",
  );
  assertEquals(
    describeFaults(parseFaultSpec("dup=1%,reorder=7%,mark=2%,jitter=3ms")),
    "in dup 1 %, reorder 7 %, mark 2 %, jitter 3 ms; out dup 1 %, reorder 7 %, mark 2 %, jitter 3 ms; seed 1",
  );
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["", "an empty part: expected WORD=VALUE"],
  ["drop=1%,,dup=1%", "an empty part: expected WORD=VALUE"],
  ["drop", "drop: expected WORD=VALUE"],
  ["drop=1", "drop=1: expected a percentage from 0% to 100%, as in 0.5%"],
  ["drop=101%", "drop=101%: expected a percentage"],
  ["drop=-1%", "drop=-1%: expected a percentage"],
  ["drop=%", "drop=%: expected a percentage"],
  [
    "loss=1%",
    "loss=1%: there is no loss; the words are drop, dup, reorder, corrupt, mark, delay, jitter, rate, arp, seed",
  ],
  ["up:drop=1%", "up:drop=1%: expected WORD=VALUE"],
  ["delay=10", "delay=10: expected a time with its unit"],
  ["jitter=60000001us", "jitter=60000001us: expected a time with its unit (us, ms or s) up to 60s"],
  ["rate=999bit", "rate=999bit: expected a rate with its unit (bit, kbit, mbit or gbit) from 1kbit"],
  ["rate=1001gbit", "rate=1001gbit: expected a rate"],
  ["delay=61s", "delay=61s: expected a time with its unit (us, ms or s) up to 60s"],
  ["rate=10", "rate=10: expected a rate with its unit"],
  ["rate=0mbit", "rate=0mbit: expected a rate"],
  ["rate=10mbps", "rate=10mbps: expected a rate"],
  ["seed=x", "seed=x: expected a whole number from 0 to 4294967295"],
  ["seed=4294967296", "seed=4294967296: expected a whole number"],
  ["in:seed=7", "in:seed=7: one seed serves both directions"],
  ["seed=1,seed=2", "seed=2: seed is there twice"],
  ["drop=1%,drop=2%", "drop=2%: drop is there twice"],
  ["in:drop=1%,in:drop=2%", "in:drop=2%: in:drop is there twice"],
  ["arp=yes", "arp=yes: expected on or off"],
];

for (const [text, message] of REFUSED) {
  Deno.test(`fault spec: "${text}" is refused with one clear line`, () => {
    const error = assertThrows(() => parseFaultSpec(text), Error, message);
    assertEquals(error.message.includes("\n"), false);
  });
}
