/** The same random program on the kernel's TCP, as Deno has it, and on ours: each call comes to the same, errors by their classes. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isSame, onKernel, onOurs, type Step } from "./random_programs.ts";
import { inTime } from "./in_time.ts";

/** No more than one segment carries, as a read that waits gets the first. */
const BYTES = [1, 10, 200, 1400];
/** The same programs each time: what is new is looked for by hand, with other seeds. */
const SEED = 1;
/** Local choice: a second; what was found took some hundreds. */
const PROGRAMS = 150;

const step: fc.Arbitrary<Step> = fc.record({
  end: fc.constantFrom<Step["end"]>(0, 1),
  // Most programs get somewhere before they close.
  call: fc.constantFrom<Step["call"]>(
    "read",
    "read",
    "read",
    "write",
    "write",
    "write",
    "closeWrite",
    "close",
  ),
  bytes: fc.constantFrom(...BYTES),
});

/** Turns of the event loop after each step on the kernel; the longer ones are for a busy machine (none of 1,000 programs needed them). */
const TURNS = [100, 1000, 10_000];

/** One line a step: the call, and what it came to on either where that is not the same. */
async function judged(program: readonly Step[]): Promise<{ expected: string[]; actual: string[] }> {
  const ours = await onOurs(program);
  let kernel: string[] = [];
  for (const turns of TURNS) {
    kernel = await onKernel(program, turns);
    if (program.every((step, at) => isSame(step, kernel[at], ours[at]))) break;
  }
  const lines = (told: readonly string[]) =>
    program.map(({ end, call, bytes }, at) => `${end} ${call} ${bytes}: ${told[at]}`);
  return {
    expected: lines(kernel),
    actual: lines(ours.map((told, at) => isSame(program[at], kernel[at], told) ? kernel[at] : told)),
  };
}

inTime("random reads, writes and ends come to the same on the kernel's TCP and on ours", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (program) => {
      const { expected, actual } = await judged(program);
      assertEquals(actual, expected);
    }),
    { numRuns: PROGRAMS, seed: SEED },
  );
});

const s = (end: Step["end"], call: Step["call"], bytes = 10): Step => ({ end, call, bytes });

/** Programs in which the two differed when they were first compared, the shortest of each kind. */
const FOUND: Readonly<Record<string, readonly Step[]>> = {
  "closeWrite after the end of both directions": [
    s(1, "close"),
    s(0, "closeWrite"),
    s(0, "closeWrite"),
    s(0, "write"),
  ],
  "closeWrite after a reset": [s(1, "read"), s(1, "close"), s(0, "write"), s(0, "closeWrite")],
  "bytes that came before a reset": [s(0, "write", 1), s(0, "close"), s(1, "write", 200), s(1, "read", 1)],
  "bytes that came before a reset, of which some were read": [
    s(0, "write", 200),
    s(1, "write", 1400),
    s(0, "read"),
    s(1, "close"),
    s(0, "read"),
    s(0, "read", 1400),
    s(0, "read"),
  ],
};

for (const [name, program] of Object.entries(FOUND)) {
  inTime(`${name}: as on the kernel`, async () => {
    const { expected, actual } = await judged(program);
    assertEquals(actual, expected);
  });
}

inTime("what only ours does is told apart: a read that waits gets the first segment of two", async () => {
  const long = [s(1, "read", 3000), s(0, "write", 3000)];
  const [ours] = await onOurs(long);
  assertEquals(ours, "1448 from 0");
  assertEquals(isSame(long[0], "3000 from 0", ours), false);
  assertEquals(isSame(long[0], "waits", "ConnectionReset"), false);
});
