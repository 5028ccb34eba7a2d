/**
 * The floods' pure parts: which are run, what breaks a bound, and the page they write.
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Flood,
  FLOOD_MODES,
  floodName,
  FULL_SCALE,
  planFloods,
  QUICK_SCALE,
} from "../../scripts/floods/flood_modes.ts";
import { parseFloodOptions } from "../../scripts/floods/flood_options.ts";
import {
  earlierKey,
  type FloodRun,
  markdownReport,
  textReport,
  withPart,
  writeReliability,
} from "../../scripts/floods/flood_report.ts";
import type { FloodMeasurement, Visits } from "../../scripts/floods/flood_run.ts";
import { brokenBounds, weakness } from "../../scripts/floods/flood_verdict.ts";
import { UsageError } from "../../src/cli/command.ts";

const GOOD_VISITS: Visits = {
  served: 100,
  refused: 0,
  givenUp: 0,
  longestWaitMs: 2,
  p50: 1,
  p99: 5,
  max: 9,
  kept: "kept",
  keptWorstMs: 3,
};

function floodOf(name: string, load: Partial<Flood> = {}): Flood {
  const mode = FLOOD_MODES.find((candidate) => candidate.name === name);
  assert(mode !== undefined);
  return { mode, rate: 200_000, connections: 0, sources: 250, dwellMs: 1000, args: [], ...load };
}

const SYN: FloodMeasurement = {
  flood: floodOf("syn"),
  defender: "tcplab",
  rate: 199_000,
  attackerCpu: 0.8,
  open: NaN,
  resets: NaN,
  rssBeforeMib: 200,
  rssMaxMib: 230,
  rssEndMib: 220,
  serverCpu: 0.9,
  before: GOOD_VISITS,
  during: GOOD_VISITS,
  netstat: { ms: 400, connections: 1, memory: "", visits: GOOD_VISITS },
  exitMs: 50,
  toldMs: null,
  survived: true,
  lostInKernel: 0,
  lostInRing: 0,
  logBytes: 0,
  kernelTcpMib: 1,
  said: "",
};
const HELD = { ms: 400, connections: 2001, memory: "", visits: GOOD_VISITS };
const SILENT: FloodMeasurement = {
  ...SYN,
  flood: floodOf("silent", { connections: 2000 }),
  netstat: HELD,
  exitMs: 2_100,
  toldMs: 20,
};
const BOUNDS = { memoryMib: 256 };

Deno.test("a full run has every mode, at each rate, and the shared ones from each number of hosts", () => {
  const names = planFloods(FULL_SCALE).map(floodName);
  assertEquals(new Set(names).size, names.length);
  for (const { name } of FLOOD_MODES) assert(names.some((flood) => flood.startsWith(`${name} `)), name);
  for (const name of ["syn 50k/s", "syn 200k/s", "tiny 200k/s", "hole 60000/250"]) {
    assert(names.includes(name), name);
  }
  assertEquals(names.filter((name) => name.startsWith("silent")), [
    "silent 60000/250",
    "silent 60000/2",
    "silent 60000/1",
    "silent 2000/2 --max-connections 1000",
    "silent 2000/250 --max-connections 1000",
  ]);
  assertEquals(names.filter((name) => name.startsWith("hole")).length, 1);
});

Deno.test("a quick run names modes that there are, and holds 2,000 connections at the most", () => {
  const floods = planFloods(QUICK_SCALE);
  assertEquals(new Set(floods.map(({ mode }) => mode.name)).size, QUICK_SCALE.modes.length);
  assert(floods.every(({ connections }) => connections <= 2_000));
});

Deno.test("what is good breaks nothing", () => {
  assertEquals(brokenBounds(SYN, BOUNDS), []);
  assertEquals(brokenBounds(SILENT, BOUNDS), []);
});

/** A change that breaks exactly one bound, and the word by which it is told. */
const BREAKAGES: readonly [word: string, measured: FloodMeasurement][] = [
  ["survive", { ...SYN, survived: false }],
  ["MiB taken", { ...SYN, rssMaxMib: 200 + 256 + 193 }],
  ["turned away", { ...SYN, during: { ...GOOD_VISITS, refused: 1 } }],
  ["turned away", { ...SYN, during: { ...GOOD_VISITS, givenUp: 1 } }],
  ["p99", { ...SYN, during: { ...GOOD_VISITS, p99: 251, max: 300 } }],
  ["1001 ms", { ...SILENT, during: { ...GOOD_VISITS, max: 1001 } }],
  ["while netstat looks", {
    ...SYN,
    netstat: { ...HELD, connections: 1, visits: { ...GOOD_VISITS, max: 1001 } },
  }],
  ["no honest client served", {
    ...SYN,
    during: { ...GOOD_VISITS, served: 0, longestWaitMs: 900, p99: -1, max: -1 },
  }],
  ["was ended", { ...SILENT, netstat: { ...HELD, visits: { ...GOOD_VISITS, kept: "lost" } } }],
  ["no answer", { ...SILENT, exitMs: 50, netstat: { ...HELD, ms: null } }],
  ["netstat took", { ...SYN, netstat: { ...HELD, connections: 1, ms: 5_001 } }],
  ["did not end", { ...SYN, exitMs: null }],
  ["gone after", { ...SYN, exitMs: 1_300 }],
  ["gone after", { ...SILENT, exitMs: 3_300 }],
  ["does not say so", { ...SILENT, toldMs: null }],
  ["does not say so", { ...SILENT, toldMs: 1_500 }],
];

for (const [word, measured] of BREAKAGES) {
  Deno.test(`a bound that is broken is told once: ${word} (${floodName(measured.flood)})`, () => {
    const broken = brokenBounds(measured, BOUNDS);
    assertEquals(broken.length, 1, broken.join("; "));
    assertStringIncludes(broken[0], word);
  });
}

Deno.test("memory is given back a second after resets, unless it is little", () => {
  const resets = { ...SYN, flood: floodOf("resets", { connections: 2000 }), rssMaxMib: 640 };
  assertEquals(brokenBounds({ ...resets, rssEndMib: 415 }, BOUNDS), []);
  assertStringIncludes(brokenBounds({ ...resets, rssEndMib: 425 }, BOUNDS)[0], "after all resets");
  assertEquals(brokenBounds({ ...resets, rssMaxMib: 390, rssEndMib: 385 }, BOUNDS), []);
});

Deno.test("the kernel is measured and not judged", () => {
  assertEquals(brokenBounds({ ...SYN, defender: "kernel", survived: false }, BOUNDS), []);
});

Deno.test("an attack that had not the cores is told, and clients have no rate to reach", () => {
  assertEquals(weakness(SYN), null);
  assertStringIncludes(weakness({ ...SYN, rate: 150_000 }) ?? "", "150000 frames a second of 200000");
  assertEquals(weakness({ ...SILENT, rate: 1 }), null);
});

const RUN: FloodRun = {
  began: "2026-03-01T10:20:30Z",
  machine: {
    cpu: "A processor",
    cores: 2,
    memoryGib: 24,
    kernel: "Linux 6.1",
    versions: { tcplab: "0.1.0" },
  },
  loadAverage: 0.1,
  memoryMib: 256,
  args: [],
  failures: [],
  floods: [
    { measured: SYN, broken: [], weakness: null },
    { measured: SILENT, broken: ["netstat had no answer"], weakness: null },
  ],
};

Deno.test("the tables have a row for each flood, and say below what was broken", () => {
  const text = textReport(RUN);
  assertStringIncludes(text, "syn 200k/s");
  assertStringIncludes(text, "✗ silent 2000/250: netstat had no answer");
  assertStringIncludes(textReport({ ...RUN, floods: RUN.floods.slice(0, 1) }), "✓ all bounds held");
  assertStringIncludes(textReport({ ...RUN, failures: ["tcplab ack: silent"] }), "✗ tcplab ack: silent");
  const earlier = new Map([[earlierKey(SYN.flood, "tcplab"), { ...SYN, rssMaxMib: 3_100, survived: false }]]);
  const page = markdownReport(RUN, earlier);
  assertStringIncludes(page, "| 3,100, gone | 5.0 |");
  assertStringIncludes(page, "A processor, 2 cores, 24 GiB");
});

Deno.test("the page keeps what others wrote: the part is put in its place again, or at the end", async () => {
  const part = markdownReport(RUN, new Map());
  const once = withPart("# Reliability\n\n## Soak\n\nfine\n", part);
  assertEquals(withPart(once, part), once);
  const between = withPart(`${once}\n## Kills\n`, part.replace("10:20", "11:30"));
  assert(between.startsWith("# Reliability\n\n## Soak\n\nfine\n\n"));
  assert(between.endsWith("\n## Kills\n"));
  assertStringIncludes(between, "11:30");
  assert(!between.includes("10:20"));
  const folder = await Deno.makeTempDir();
  try {
    await writeReliability(part, `${folder}/reliability.md`);
    assertEquals(await Deno.readTextFile(`${folder}/reliability.md`), `# Reliability\n\n${part}\n`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("options: a chosen mode or a quick run leaves the page alone", () => {
  assertEquals(parseFloodOptions([]).write, true);
  assertEquals(parseFloodOptions(["--quick"]).write, false);
  assertEquals(parseFloodOptions(["syn"]).write, false);
  const chosen = parseFloodOptions(["hole", "--memory", "64M", "--args=--log text", "--sources", "7"]);
  assertEquals([chosen.memoryMib, chosen.args, chosen.scale.modes], [64, ["--log", "text"], ["hole"]]);
  assertEquals(planFloods(chosen.scale).map(floodName), ["hole 60000/7"]);
  assertThrows(() => parseFloodOptions(["holes"]), UsageError, "There is no mode holes");
});
