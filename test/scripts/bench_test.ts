/**
 * The benchmark's pure parts: medians, ratios within a round, tables, verdicts.
 */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { appendSection } from "../../scripts/bench/benchmarks_page.ts";
import { parseBenchOptions } from "../../scripts/bench/bench_options.ts";
import { contestants } from "../../scripts/bench/contestants.ts";
import type { NativePrograms } from "../../scripts/bench/native_programs.ts";
import type { FigureId, Offloads, Run, Sample } from "../../scripts/bench/model.ts";
import { areaTimes, type CpuProfile, parseProfile, selfTimes } from "../../scripts/bench/profile_areas.ts";
import { busyCores } from "../../scripts/bench/quiet.ts";
import { markdownReport, textReport } from "../../scripts/bench/report.ts";
import { median, ratioOf, relativeSpread, spreadOf, summarize } from "../../scripts/bench/statistics.ts";
import { judge } from "../../scripts/bench/targets.ts";
import { UsageError } from "../../src/cli/command.ts";
import { planLab } from "../../src/cli/lab_plan.ts";
import { formatNumber, formatShare, renderMarkdown, renderText } from "../../scripts/bench/text_table.ts";

function sample(
  contestant: string,
  figure: FigureId,
  values: readonly number[],
  offloads: Offloads = "off",
): Sample[] {
  return values.map((value, position) => ({ round: position + 1, offloads, contestant, figure, value }));
}

Deno.test("the median is the middle, or the mean of the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([7]), 7);
  assert(Number.isNaN(median([])));
});

Deno.test("a spread has the extremes, and tells the farther of them as a share of the median", () => {
  const spread = spreadOf([90, 100, 130]);
  assertEquals(spread, { median: 100, least: 90, most: 130, count: 3 });
  assertAlmostEquals(spread === null ? NaN : relativeSpread(spread), 0.3);
  assertEquals(spreadOf([]), null);
  assertEquals(relativeSpread({ median: 0, least: 0, most: 0, count: 1 }), 0);
});

Deno.test("a ratio is taken within each round: a machine that slows down changes nothing", () => {
  const samples = [...sample("tcplab", "upload", [200, 100, 50]), ...sample("lwip", "upload", [100, 50, 25])];
  const choice = { figure: "upload", offloads: "off" } as const;
  const ratio = ratioOf(samples, { ...choice, contestant: "tcplab" }, { ...choice, contestant: "lwip" });
  assertEquals(ratio, { median: 2, least: 2, most: 2, count: 3 });
});

Deno.test("rounds that lack one of the two do not count", () => {
  const samples = [...sample("tcplab", "upload", [200, 100]), ...sample("lwip", "upload", [100])];
  const choice = { figure: "upload", offloads: "off" } as const;
  const ratio = ratioOf(samples, { ...choice, contestant: "tcplab" }, { ...choice, contestant: "lwip" });
  assertEquals(ratio?.count, 1);
  const none = ratioOf(samples, { ...choice, contestant: "tcplab" }, { ...choice, contestant: "kernel" });
  assertEquals(none, null);
});

Deno.test("settings of the veth pair are kept apart", () => {
  const samples = [...sample("c", "download", [400], "off"), ...sample("c", "download", [900], "def")];
  assertEquals(summarize(samples, { figure: "download", contestant: "c", offloads: "def" })?.median, 900);
});

Deno.test("a table in columns: first to the left, numbers to the right", () => {
  const table = { head: ["", "conn/s"], rows: [["kernel", "24,100"], ["c", "900"]] };
  assertEquals(
    renderText(table),
    ["        conn/s", "------  ------", "kernel  24,100", "c          900"].join("\n"),
  );
  assertEquals(
    renderMarkdown(table),
    ["|  | conn/s |", "| --- | ---: |", "| kernel | 24,100 |", "| c | 900 |"].join("\n"),
  );
});

Deno.test("a bar in a cell does not end the cell", () => {
  assertStringIncludes(renderMarkdown({ head: ["a|b"], rows: [] }), "a\\|b");
});

Deno.test("numbers have their thousands set apart", () => {
  assertEquals(formatNumber(1234567, 0), "1,234,567");
  assertEquals(formatNumber(1234.5, 2), "1,234.50");
  assertEquals(formatNumber(999.4, 0), "999");
  assertEquals(formatNumber(-1234, 0), "-1,234");
  assertEquals(formatShare(0.256), "26 %");
});

Deno.test("busy cores: what changed in /proc/stat, less idle and waiting", () => {
  const before = "cpu  100 0 50 1000 5 0 10 0 0 0\ncpu0 1 1 1 1";
  const after = "cpu  140 0 60 1100 9 0 20 40 0 0\ncpu0 1 1 1 1";
  assertAlmostEquals(busyCores(before, after, 1000), 1);
});

Deno.test("targets: met, missed, and not measured", () => {
  const samples = [
    ...sample("tcplab", "connections", [30_000, 31_000]),
    ...sample("c", "connections", [31_000, 32_000]),
    ...sample("kernel", "connections", [35_000, 36_000]),
  ];
  const verdicts = judge(samples, "tcplab").filter(({ what }) => what === "connections/s, 64 at once, off");
  assertEquals(verdicts.map(({ target, met }) => [target, met]), [
    ["at least 0.75 of c", true],
    ["at least 1 of kernel", false],
  ]);
  const upload = judge(samples, "tcplab").find(({ what }) => what === "upload, off");
  assertEquals([upload?.measured, upload?.met], ["-", null]);
});

Deno.test("the cost of a segment is flat when the dearest step is within a quarter of the cheapest", () => {
  const steps = (values: readonly number[]) =>
    ([10, 100, 1_000, 10_000, 100_000] as const).flatMap((step, position) =>
      sample("tcplab", `growth-${step}`, [values[position]])
    );
  const verdict = (values: readonly number[]) =>
    judge(steps(values), "tcplab").find(({ what }) => what.startsWith("cost of a segment"))?.met;
  assertEquals(verdict([2, 2, 2.1, 2.2, 2.4]), true);
  assertEquals(verdict([2, 2, 2.1, 2.2, 2.6]), false);
  assertEquals(
    judge(steps([2]).slice(0, 1), "tcplab").find(({ what }) => what.startsWith("cost of a"))?.met,
    null,
  );
});

Deno.test("the start is judged of the binary, the rest of the checkout", () => {
  const samples = [...sample("tcplab", "start", [400]), ...sample("binary", "start", [120])];
  assertEquals(judge(samples, "tcplab").find(({ what }) => what === "start of the binary")?.met, true);
});

Deno.test("the log's cost is that of the figure that suffers most", () => {
  const samples = [
    ...sample("tcplab", "log-none-upload", [300]),
    ...sample("tcplab", "log-json-upload", [290]),
    ...sample("tcplab", "log-none-messages", [100]),
    ...sample("tcplab", "log-json-messages", [60]),
  ];
  const verdict = judge(samples, "tcplab").find(({ what }) => what.startsWith("cost of --log json"));
  assertEquals([verdict?.measured, verdict?.met], ["messages 40 %, upload 3 %", false]);
});

Deno.test("over IPv6 at least nine tenths of IPv4, and of a round trip at most a ninth more", () => {
  const samples = [
    ...sample("tcplab", "upload", [1000, 500]),
    ...sample("tcplab over IPv6", "upload", [910, 455]),
    ...sample("tcplab", "download", [1000]),
    ...sample("tcplab over IPv6", "download", [890]),
    ...sample("tcplab", "echo-p50", [10, 20]),
    ...sample("tcplab over IPv6", "echo-p50", [11, 22]),
    ...sample("tcplab", "echo-p99", [10]),
    ...sample("tcplab over IPv6", "echo-p99", [11.3]),
  ];
  const verdicts = judge(samples, "tcplab").filter(({ what, measured }) =>
    what.endsWith(", over IPv6, off") && measured !== "-"
  );
  assertEquals(verdicts.map(({ target, measured, met }) => [target, measured, met]), [
    ["at most 1.11 of tcplab", "1.10 (1.10 to 1.10)", true],
    ["at most 1.11 of tcplab", "1.13", false],
    ["at least 0.9 of tcplab", "0.91 (0.91 to 0.91)", true],
    ["at least 0.9 of tcplab", "0.89", false],
  ]);
});

Deno.test("beside another checkout no figure is worse by more than a twentieth, over each version", () => {
  const samples = [
    ...sample("before", "messages", [100, 200, 300]),
    ...sample("tcplab", "messages", [96, 150, 288]),
    ...sample("before", "memory", [1.3]),
    ...sample("tcplab", "memory", [1.4]),
    ...sample("before over IPv6", "upload", [100], "def"),
    ...sample("tcplab over IPv6", "upload", [94], "def"),
  ];
  const verdicts = judge(samples, "tcplab").filter(({ target, measured }) =>
    target.includes("before") && measured !== "-"
  );
  assertEquals(verdicts.map(({ what, target, met }) => [what, target, met]), [
    ["messages/s, 32 conn., off", "at least 0.95 of before", true],
    ["memory, off", "at most 1.05 of before", false],
    ["upload, def", "at least 0.95 of before over IPv6", false],
  ]);
});

const RUN: Run = {
  began: "2026-03-01T10:20:30.000Z",
  machine: { cpu: "A processor", cores: 2, memoryGib: 8, kernel: "Linux 6.1", versions: { deno: "2.9.6" } },
  rounds: 2,
  secondsEach: 3,
  loadAverages: [0.1, 0.2],
  skipped: ["lwip: not installed"],
  samples: [
    ...sample("tcplab", "connections", [30_000, 31_000]),
    ...sample("c", "connections", [40_000, 41_000]),
  ],
  failures: [{ round: 2, offloads: "off", contestant: "c", what: "upload", reason: "not done within 18 s" }],
};

Deno.test("a report has machine, tables, ratios, targets, and what went wrong", () => {
  const entrants = [{ name: "c", explanation: "toy TCP" }, { name: "tcplab", explanation: "this checkout" }];
  const text = textReport(RUN, entrants);
  for (
    const part of [
      "A processor, 2 cores",
      "tcplab / c",
      "0.75",
      "30,500 ±2 %",
      "met",
      "Left out: lwip: not installed",
      "Failed in round 2: c, off, upload: not done within 18 s",
    ]
  ) assertStringIncludes(text, part);
  const page = markdownReport(RUN, entrants);
  assertStringIncludes(page, "## 2026-03-01 10:20 UTC");
  assertStringIncludes(page, "- `c`: toy TCP");
  assertStringIncludes(page, "| tcplab | 30,500 ±2 % |");
});

Deno.test("over IPv6 a server is compared with itself over IPv4, the others with tcplab", () => {
  const run: Run = {
    ...RUN,
    samples: [
      ...sample("kernel", "upload", [1000]),
      ...sample("kernel over IPv6", "upload", [980]),
      ...sample("tcplab", "upload", [500]),
      ...sample("tcplab over IPv6", "upload", [475]),
    ],
  };
  const names = ["kernel", "kernel over IPv6", "tcplab", "tcplab over IPv6"];
  const page = markdownReport(run, names.map((name) => ({ name, explanation: "" })));
  const ratios = page.split("\n").filter((line) => line.startsWith("| ") && line.includes(" / "));
  assertEquals(ratios, [
    "| tcplab / kernel | 0.50 |",
    "| kernel over IPv6 / kernel | 0.98 |",
    "| tcplab over IPv6 / tcplab | 0.95 |",
  ]);
});

Deno.test("contestants: each version has its addresses; what knows IPv4 alone is there once", () => {
  const programs: NativePrograms = {
    reflector: "reflector",
    toyTcp: "toy",
    kernelServer: "kernel_server",
    load: "load",
    swarm: "swarm",
    lwipServer: "lwip",
    compiler: "",
    skipped: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const entries = { binary: "dist", variants: [], families: [4, 6], against: "/elsewhere" } as const;
  const plan = planLab();
  const all = contestants(programs, entries);
  assertEquals(all.map((each) => [each.name, each.family, each.address(plan)]), [
    ["kernel", 4, "10.33.0.1"],
    ["kernel over IPv6", 6, "fd33::1"],
    ["c", 4, "10.33.0.3"],
    ["c-poll", 4, "10.33.0.3"],
    ["lwip", 4, "10.33.0.3"],
    ["tcplab", 4, "10.33.0.3"],
    ["tcplab over IPv6", 6, "fd33::3"],
    ["before", 4, "10.33.0.3"],
    ["before over IPv6", 6, "fd33::3"],
    ["binary", 4, "10.33.0.3"],
  ]);
  const before = all.find(({ name }) => name === "before over IPv6");
  const words = before?.words(plan) ?? [];
  assert(words.includes("/elsewhere/src/cli/main.ts"), words.join(" "));
  assert(words.includes("fd33::3/64"), words.join(" "));
  assertEquals(before?.files, ["/elsewhere/src/cli/main.ts"]);
  const alone = contestants(programs, { ...entries, families: [6], against: null });
  assertEquals(alone.map(({ name }) => name), ["kernel over IPv6", "tcplab over IPv6"]);
});

Deno.test("a section is added behind those that are there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/benchmarks.md`;
    await appendSection("## first\n", path);
    await appendSection("## second", path);
    const page = await Deno.readTextFile(path);
    assert(page.startsWith("# Benchmarks\n"));
    assert(page.endsWith("\n\n## first\n\n## second\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const PROFILE = {
  nodes: [
    node(1, "(root)", ""),
    node(2, "next", "file:///project/ffi/frame_reader.ts"),
    node(3, "parseTcp", "file:///project/src/wire/tcp.ts"),
    node(4, "(garbage collector)", ""),
    node(5, "next", "file:///project/ffi/frame_reader.ts"),
    node(6, "op_now", ""),
  ],
  samples: [2, 3, 5, 4, 6],
  timeDeltas: [100, 50, 70, 10, 5],
};

function node(id: number, functionName: string, url: string): CpuProfile["nodes"][number] {
  return { id, callFrame: { functionName, url, lineNumber: 9 } };
}

Deno.test("a profile: one function is one row, wherever it was called from, and belongs to an area", () => {
  const times = selfTimes(parseProfile(JSON.stringify(PROFILE)), "file:///project/");
  assertEquals(times.map(({ name, place, area, us }) => [name, place, area, us]), [
    ["next", "ffi/frame_reader.ts:10", "FFI and kernel", 170],
    ["parseTcp", "src/wire/tcp.ts:10", "codec", 50],
    ["(garbage collector)", "", "GC", 10],
    ["op_now", "", "Deno and V8", 5],
  ]);
  assertEquals(areaTimes(times)[0], { area: "FFI and kernel", us: 170 });
});

Deno.test("what is no profile is refused", () => {
  assertThrows(() => parseProfile('{"nodes":[]}'), Error, "no CPU profile");
});

Deno.test("options: quick is one round that leaves no trace", () => {
  const quick = parseBenchOptions(["--quick"]);
  assertEquals([quick.rounds, quick.append], [1, false]);
  const full = parseBenchOptions(["--offloads", "def", "--variant", "inject=--tx inject"]);
  assertEquals([full.rounds, full.append, full.offloads], [3, true, ["def"]]);
  assertEquals(full.variants, [{ name: "inject", args: ["--tx", "inject"] }]);
  assertEquals([full.families, full.against], [[4, 6], null]);
});

Deno.test("options: a version of IP, and another checkout, which must be one", () => {
  assertEquals(parseBenchOptions(["--family", "6"]).families, [6]);
  assertThrows(() => parseBenchOptions(["--family", "5"]), UsageError, "expected 4, 6 or both");
  const here = fromFileUrl(new URL("../..", import.meta.url));
  assertEquals(parseBenchOptions(["--against", here]).against, here);
  assertThrows(() => parseBenchOptions(["--against", `${here}docs`]), UsageError, "no checkout of tcplab");
});
