/**
 * What an open live page costs a bulk transfer: throughput and the server's CPU time with and without it, measured in turn.
 *
 *     deno run -A test/live/measure_page.ts [ROUNDS] [MEGABYTES] [MEGABYTES WITH THE TAB LEFT OPEN]
 *
 * A private lab, one `tcplab serve --ui --log none`, and nc over the kernel's own TCP: an echo of so many megabytes in each round,
 * once while nobody looks and once with the page open in headless Chromium, on the connection that carries them. Needs nc and
 * chromium. Then a million segments and more with the tab left open: what its heap holds. Fails, with status 1 and a line for
 * each, when a bound of page_cost.ts is missed.
 */
import { PageBrowser } from "./page_browser.ts";
import { missesOf } from "./page_cost.ts";
import { waitFor } from "./wait_for.ts";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand, selfFiles } from "../../src/cli/self_command.ts";
import { LINGER_MS } from "../../src/web/stream_hub.ts";

const rounds = Number(Deno.args[0] ?? 6);
const megabytes = Number(Deno.args[1] ?? 600);
/** As a rule, both ways and with acknowledgments, well over a million segments. */
const longMegabytes = Number(Deno.args[2] ?? 700);
const SETTLE_MS = 3000;
/** Fields of /proc/PID/stat after the closing bracket of the name (proc_pid_stat(5)). */
const STAT_FIELD = { userTicks: 11, systemTicks: 12 } as const;
const TICKS_PER_SECOND = 100;

interface Turn {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

await using lab = await PrivateLab.open({ readable: selfFiles() });
const { devices, tcplabAddress } = lab.plan;
// No log: while nobody looks, nobody observes.
const options = ["--iface", devices.server, "--ip", tcplabAddress, "--ui", "--log", "none"];
let said = "";
const server = lab.spawn({
  side: "server",
  words: [...selfCommand(), "serve", ...options],
  onStderr: (line) => said += `${line}\n`,
});
await waitFor(() => said.includes("Live page: "), { what: "the page's address" });
const address = /Live page: (http:\S+)/.exec(said)?.[1] ?? "";
const { servers } = await snapshot();
const pid: number = servers[0].pid;
await using browser = await PageBrowser.start(lab);

// Each frame a segment of its own: the most events that there can be.
for (const side of ["client", "server"] as const) {
  const words = ["ethtool", "-K", devices[side], "tso", "off", "gso", "off", "gro", "off"];
  await lab.run({ side, words });
}
await transfer(megabytes);
const turns: Record<"without" | "with", Turn[]> = { without: [], with: [] };
for (let round = 0; round < rounds; round++) {
  turns.without.push(await transfer(megabytes));
  const page = await browser.open(address);
  await page.locator('[data-status="live"]').waitFor();
  // To open a page takes a browser a second of a processor; it is not what this measures.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  turns.with.push(await transfer(megabytes));
  await page.close();
  // Until the server has let go of it: for a while all goes on as if the page were there.
  await new Promise((resolve) => setTimeout(resolve, LINGER_MS + 1000));
}
for (const [name, of] of Object.entries(turns)) {
  const rates = of.map(({ seconds }) => megabytes / seconds);
  const costs = of.map(({ cpuSeconds }) => cpuSeconds);
  console.log(
    `${name.padEnd(8)} median ${median(rates).toFixed(0)} MB/s (${
      rates.map((rate) => rate.toFixed(0)).join(" ")
    }), ` +
      `CPU of the server ${median(costs).toFixed(2)} s`,
  );
}
// Round by round: what else the machine does weighs on both of a round.
const ratios = turns.with.map(({ seconds }, round) => turns.without[round].seconds / seconds);
const costs = turns.with.map(({ cpuSeconds }, round) => cpuSeconds / turns.without[round].cpuSeconds);
console.log(
  `With the page open: ${median(ratios).toFixed(2)} of the throughput without, ` +
    `${median(costs).toFixed(2)} times the server's CPU time (medians of ${rounds} rounds)`,
);

const page = await browser.open(address);
await page.locator('[data-status="live"]').waitFor();
const before = await held();
const begins = await segmentsSoFar();
// One connection, so that nothing is forgotten in between.
await transfer(longMegabytes);
const segments = await segmentsSoFar() - begins;
const after = await held();
console.log(
  `A tab left open through ${segments} segments: heap ${mb(before.heap)} before, ${
    mb(after.heap)
  } after; its process ${mb(before.resident)} before, ${mb(after.resident)} after`,
);
await server.stop();
const misses = missesOf({ ratio: median(ratios), segments, heapBytes: after.heap });
for (const miss of misses) console.error(miss);
if (misses.length > 0) Deno.exitCode = 1;

async function transfer(megabytes: number): Promise<Turn> {
  const cpuBefore = await cpuSeconds();
  const beganMs = performance.now();
  const line = `head -c ${megabytes}000000 /dev/zero | nc -N ${lab.plan.tcplabAddress} 3333 | wc -c`;
  const { code, stdout, stderr } = await lab.run({ side: "client", words: ["sh", "-c", line] });
  const seconds = (performance.now() - beganMs) / 1000;
  if (code !== 0 || Number(stdout) !== megabytes * 1e6) throw new Error(`${line}: ${stdout} ${stderr}`);
  return { seconds, cpuSeconds: await cpuSeconds() - cpuBefore };
}

async function inServer(...words: string[]): Promise<string> {
  return (await lab.run({ side: "server", words })).stdout;
}

async function cpuSeconds(): Promise<number> {
  const stat = await inServer("cat", `/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[STAT_FIELD.userTicks]) + Number(fields[STAT_FIELD.systemTicks])) / TICKS_PER_SECOND;
}

async function snapshot() {
  const { origin, search } = new URL(address);
  return JSON.parse(await inServer("curl", "--silent", `${origin}/api/snapshot${search}`));
}

/** As the page is told of them: a large one is one. */
async function segmentsSoFar(): Promise<number> {
  const { origin, search } = new URL(address);
  const text = await inServer("curl", "--silent", `${origin}/metrics${search}`);
  const sum = [...text.matchAll(/^tcplab_segments_(?:in|out)_total (\d+)$/gm)].reduce(
    (total, [, count]) => total + Number(count),
    0,
  );
  return sum;
}

/** Bytes that the page's script holds, and that its process has in memory. */
async function held(): Promise<{ heap: number; resident: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const sizes = await inServer("sh", "-c", "ps -eo rss,args | grep -e --type=renderer | grep -v grep");
  const resident = Math.max(...sizes.trim().split("\n").map((line) => Number.parseInt(line, 10) * 1024));
  return { heap: usedSize, resident };
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length >> 1] + sorted[(sorted.length - 1) >> 1]) / 2;
}
