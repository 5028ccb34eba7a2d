/** The same random program on listeners of the kernel's TCP, as Deno has it, and on ours: each call comes to the same, errors by their classes. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { inTime } from "./in_time.ts";
import {
  isSame,
  type Leaving,
  type ListenerCall,
  type ListenerStep,
  onKernel,
  onOurs,
} from "./listener_programs.ts";

/** The same programs each time: what is new is looked for by hand, with other seeds. */
const SEED = 1;
/** Local choice: some seconds. */
const PROGRAMS = 100;

const CALLS: readonly ListenerCall[] = [
  "accept",
  "accept",
  "accept",
  "accept, accept",
  "accept, close",
  "close, accept",
  "next",
  "return",
  "close",
  "dispose",
  "addr",
  "ref",
  "unref",
];
const LEAVINGS: readonly Leaving[] = ["break", "return", "throw", "close", "close and break", "never"];

// Most have to do with the first of each, so that programs get somewhere.
const at = fc.constantFrom(0, 0, 0, 1, 2);
const side = fc.constantFrom("client" as const, "server" as const);
const first = fc.constantFrom(0 as const, 0 as const, 0 as const, 1 as const);
const listen: fc.Arbitrary<ListenerStep> = fc.record({
  call: fc.constant("listen" as const),
  host: fc.constantFrom(0 as const, 0 as const, 1 as const, "any" as const),
  port: first,
});
const step: fc.Arbitrary<ListenerStep> = fc.oneof(
  { weight: 3, arbitrary: listen },
  { weight: 7, arbitrary: fc.record({ call: fc.constant("connect" as const), host: first, port: first }) },
  { weight: 7, arbitrary: fc.record({ call: fc.constantFrom(...CALLS), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant("iterate" as const),
      at,
      leaving: fc.constantFrom(...LEAVINGS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constantFrom("read" as const, "read" as const, "write" as const, "hang up" as const),
      side,
      at,
    }),
  },
);
const program: fc.Arbitrary<ListenerStep[]> = fc.tuple(
  listen,
  fc.array(step, { minLength: 1, maxLength: 14 }),
)
  .map(([begin, rest]) => [begin, ...rest]);

/** Turns of the event loop after each step on the kernel; the longer ones are for a busy machine. */
const TURNS = [100, 1000, 10_000];

/** What ours came to, and one line a step: the call, and what it came to on either where that is not the same. */
interface Judged {
  readonly told: readonly string[];
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

async function judged(steps: readonly ListenerStep[]): Promise<Judged> {
  const ours = await onOurs(steps);
  let kernel: string[] = [];
  for (const turns of TURNS) {
    kernel = await onKernel(steps, turns);
    if (steps.every((step, at) => isSame(step, kernel[at], ours[at]))) break;
  }
  const lines = (told: readonly string[]) => steps.map((step, at) => `${JSON.stringify(step)}: ${told[at]}`);
  return {
    told: ours,
    expected: lines(kernel),
    actual: lines(ours.map((told, at) => isSame(steps[at], kernel[at], told) ? kernel[at] : told)),
  };
}

/** Each call and what it came to, numbers left out. */
function kinds(steps: readonly ListenerStep[], told: readonly string[]): string[] {
  return steps.map(({ call }, at) => `${call}: ${told[at].replace(/\d/g, "#")}`);
}

const LISTEN: ListenerStep = { call: "listen", host: 0, port: 0 };
const CONNECT: ListenerStep = { call: "connect", host: 0, port: 0 };
const END = { side: "client", at: 0 } as const;

/** Programs that chance makes too seldom. */
const SELDOM: readonly (readonly ListenerStep[])[] = [
  [LISTEN, CONNECT, CONNECT, { call: "accept, accept", at: 0 }, { call: "accept, close", at: 0 }],
  [LISTEN, CONNECT, { call: "accept, close", at: 0 }, LISTEN, CONNECT, { call: "accept", at: 1 }],
  ...LEAVINGS.map((leaving): ListenerStep[] => [
    LISTEN,
    CONNECT,
    { call: "iterate", at: 0, leaving },
    { call: "accept", at: 0 },
    CONNECT,
    CONNECT,
    { call: "accept", at: 0 },
    LISTEN,
    CONNECT,
  ]),
  // Who is not accepted is reset with the listener; who has gone already is accepted all the same, and so is what he said.
  [LISTEN, CONNECT, { call: "write", ...END }, { call: "close", at: 0 }, { call: "read", ...END }, LISTEN],
  [
    LISTEN,
    CONNECT,
    { call: "write", ...END },
    { call: "hang up", ...END },
    { call: "accept", at: 0 },
    { call: "read", side: "server", at: 0 },
    { call: "read", side: "server", at: 0 },
  ],
];

/** What calls of the programs come to, numbers left out: so that they do get somewhere. */
const REACHED: readonly string[] = [
  "listen: AddrInUse",
  "connect: ConnectionRefused",
  "accept: client # at #:#",
  "accept: waits, BadResource",
  "accept: BadResource",
  "accept: Busy",
  "accept, accept: client # at #:# and Busy",
  "accept, accept: client # at #:# and client # at #:#",
  "accept, close: BadResource",
  "accept, close: client # at #:#",
  "next: no more",
  "next: client # at #:#",
  "iterate: client # at #:#, client # at #:#, returned",
  "iterate: client # at #:#, client # at #:#, SyntaxError",
  "iterate: client # at #:#, client # at #:#, over",
  "iterate: Busy",
  "iterate: waits, over",
  "read: ConnectionReset",
  "read: ## of #",
];

inTime("random programs on listeners come to the same on the kernel's TCP and on ours", async () => {
  const reached = new Set<string>();
  await fc.assert(
    fc.asyncProperty(program, async (steps) => {
      const { told, expected, actual } = await judged(steps);
      assertEquals(actual, expected);
      for (const line of kinds(steps, told)) reached.add(line);
    }),
    { numRuns: PROGRAMS, seed: SEED, examples: SELDOM.map((steps) => [[...steps]]) },
  );
  assertEquals(REACHED.filter((line) => !reached.has(line)), []);
});

Deno.test("what only ours does is told apart", () => {
  const same = (step: ListenerStep, kernel: string, ours: string) => isSame(step, kernel, ours);
  const iterate = (leaving: Leaving): ListenerStep => ({ call: "iterate", at: 0, leaving });
  assertEquals(same({ call: "close", at: 0 }, "BadResource", "undefined"), true);
  assertEquals(same({ call: "close", at: 0 }, "undefined", "BadResource"), false);
  assertEquals(same({ call: "return", at: 0 }, "BadResource", "true undefined"), true);
  assertEquals(same({ call: "return", at: 0 }, "BadResource", "false undefined"), false);
  assertEquals(same({ call: "dispose", at: 0 }, "BadResource", "undefined"), false);
  assertEquals(same({ call: "accept", at: 0 }, "Busy", "BadResource"), false);
  assertEquals(same(iterate("close and break"), "a, b, BadResource", "a, b, over"), true);
  assertEquals(same(iterate("close and break"), "a, BadResource", "a, b, over"), false);
  assertEquals(same(iterate("break"), "a, b, BadResource", "a, b, over"), false);
  assertEquals(same({ call: "read", side: "client", at: 0 }, "end", "ConnectionReset"), true);
  assertEquals(same({ call: "read", side: "client", at: 0 }, "waits", "ConnectionReset"), false);
  assertEquals(same({ call: "write", side: "client", at: 0 }, "end", "ConnectionReset"), false);
});
