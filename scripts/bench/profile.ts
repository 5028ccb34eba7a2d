/**
 * Where the time goes: one scenario of the benchmark against a server under V8's sampling profiler.
 *
 *     deno run -A scripts/bench/profile.ts SCENARIO [off|def] [SECONDS] [4|6] [-- ARGUMENTS OF SERVE]
 *
 * Owns: running that, and showing shares by area and by function. Must not know: what the scenario does
 * (scenarios.ts).
 */
import { PROJECT_URL } from "../project_files.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { BenchLab } from "./bench_lab.ts";
import { type Contestant, contestants } from "./contestants.ts";
import { type Family, nameOver } from "./model.ts";
import { buildNativePrograms } from "./native_programs.ts";
import { areaTimes, parseProfile, type SelfTime, selfTimes } from "./profile_areas.ts";
import { LOG_FILE, TRAFFIC } from "./scenarios.ts";
import { formatNumber, formatShare, renderText } from "./text_table.ts";

/** How often the profiler looks, microseconds; local choice: a thousand samples a second are too few for short calls. */
const INTERVAL_US = 100;
const TOP_FUNCTIONS = 30;
const STOP_MS = 20_000;

async function profile(
  scenarioName: string,
  { offloads, seconds, family, args }: {
    offloads: "off" | "def";
    seconds: number;
    family: Family;
    args: readonly string[];
  },
): Promise<void> {
  const scenario = TRAFFIC.find(({ name }) => name === scenarioName);
  if (scenario === undefined) {
    throw new Error(`there is no scenario ${scenarioName}: ${TRAFFIC.map(({ name }) => name).join(", ")}`);
  }
  const folder = await Deno.makeTempDir({ prefix: "tcplab-profile-" });
  // The server may run as another user.
  await Deno.chmod(folder, 0o777);
  try {
    await using programs = await buildNativePrograms();
    const plain = contestants(programs, {
      binary: null,
      variants: [{ name: "profiled", args }],
      families: [family],
      against: null,
    });
    const server = plain.find(({ name }) => name === nameOver(family, "tcplab profiled"));
    if (server === undefined) throw new Error("no server");
    await using lab = await BenchLab.open(underProfiler(server, folder), { programs, offloads });
    // Through a pipe, its reader would be measured as well.
    await lab.serve(args.includes("--log") ? [] : undefined, LOG_FILE);
    const measured = await scenario.run(lab, { seconds, warm: 1, idleSeconds: 0 });
    await lab.stopServer(STOP_MS);
    for (const { figure, value, detail } of measured) {
      const cores = detail === undefined ? NaN : detail.serverCpuUs / 1e6 / detail.seconds;
      const share = Number.isNaN(cores) ? "" : `, server ${cores.toFixed(2)} cores`;
      console.log(`${figure} ${offloads}: ${formatNumber(value, 1)}${share} (under the profiler)`);
    }
    show(selfTimes(parseProfile(await profileIn(folder)), PROJECT_URL.href));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The same server, run by Deno with the profiler on. */
function underProfiler(server: Contestant, folder: string): Contestant {
  const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL_US}`];
  const [deno, run] = selfCommand();
  return { ...server, words: (plan, more) => [deno, run, ...flags, ...server.words(plan, more).slice(2)] };
}

async function profileIn(folder: string): Promise<string> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".cpuprofile")) return await Deno.readTextFile(`${folder}/${entry.name}`);
  }
  throw new Error("the server left no profile behind");
}

function show(times: readonly SelfTime[]): void {
  const awake = times.filter(({ area }) => area !== "idle");
  const total = awake.reduce((sum, { us }) => sum + us, 0);
  const areas = areaTimes(awake).map(({ area, us }) => [area, formatShare(us / total, 1)]);
  console.log("\n" + renderText({ head: ["area", "share"], rows: areas }) + "\n");
  const rows = awake.slice(0, TOP_FUNCTIONS).map(({ name, place, area, us }) => [
    name,
    formatShare(us / total, 1),
    area,
    place,
  ]);
  console.log(renderText({ head: ["function", "share", "area", "where"], rows, leftColumns: [2, 3] }));
}

if (import.meta.main) {
  const end = Deno.args.indexOf("--");
  const own = end < 0 ? Deno.args : Deno.args.slice(0, end);
  const [scenario = "", offloads = "off", seconds = "4", family = "4"] = own;
  try {
    await profile(scenario, {
      offloads: offloads === "def" ? "def" : "off",
      seconds: Number(seconds),
      family: family === "6" ? 6 : 4,
      args: end < 0 ? [] : Deno.args.slice(end + 1),
    });
  } catch (error) {
    console.error(`profile: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
