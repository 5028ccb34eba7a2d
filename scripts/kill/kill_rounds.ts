/**
 * Rounds of killing: a program is started, ended by a signal at some moment, and started again; then nothing of it may be left.
 *
 * Owns: the plan of a round from a seed, and playing it. Must not know: how many rounds there are (kill.ts), how
 * leftovers are found (leftovers.ts).
 */
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { leftoversBetween, MARK, type Stock, takeStock } from "./leftovers.ts";

/** What is killed. */
export type Victim = "serve" | "serve with guard" | "demo";

/** A round, as its seed has it. */
export interface RoundPlan {
  readonly seed: number;
  readonly victim: Victim;
  readonly signal: "SIGKILL" | "SIGTERM" | "SIGINT";
  /** From the start of the process, milliseconds. */
  readonly afterMs: number;
  /** Clients connect meanwhile. */
  readonly hasClients: boolean;
}

/** What a round came to. */
export interface RoundResult {
  readonly plan: RoundPlan;
  /** Whether the server listened, or the demo had its lab, when the signal came. */
  readonly wasUp: boolean;
  /** Exit status of the victim. */
  readonly code: number;
  /** What lay about after the kill, and what still after the next start and end. */
  readonly afterKill: readonly string[];
  readonly afterNext: readonly string[];
  /** Everything that was wrong, a line each. */
  readonly failures: readonly string[];
}

/** Where rounds are played. */
export interface Arena {
  readonly lab: PrivateLab;
  /** The program: a checkout's words, or a compiled file. */
  readonly program: readonly string[];
  /** A directory of the rounds' own: `TMPDIR` of every victim. */
  readonly scratch: string;
  readonly mark: string;
}

const PORT = 3333;
/** A start takes half a second, a demo some seconds; longer on a busy machine. */
const SPAN_MS: Readonly<Record<Victim, number>> = { "serve": 2500, "serve with guard": 2500, "demo": 3000 };
/** Bounds that only a defect reaches: many times what each takes, for machines that are very busy. */
const END_MS = 30_000;
const START_MS = 60_000;
const DEMO_MS = 120_000;
/** How long is waited for processes that are on their way out: looks, and between two of them. */
const SETTLING = { looks: 100, everyMs: 200 };
/** A few connections one after another, each with a line that comes back; ended by whoever started it. */
const TRAFFIC = `
for n in $(seq 200); do
  timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && read -t 3 line <&3' "$1" "$2" 2>/dev/null
  sleep 0.02
done`;
/** One connection that must work. */
const PROOF = `exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && read -t 60 line <&3 && echo "$line"`;

/** The plan of the round with this seed; `victims` are those to choose from. */
export function planRound(seed: number, victims: readonly Victim[]): RoundPlan {
  const random = new SeededRandom(seed);
  const victim = random.pick(victims);
  const signal = random.pick(["SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM", "SIGINT"] as const);
  // Half of them during the start, where the order of things matters most.
  const span = random.chance(0.5) ? SPAN_MS[victim] / 4 : SPAN_MS[victim];
  return {
    seed,
    victim,
    signal,
    afterMs: Math.round(random.fraction() * span),
    hasClients: random.chance(0.7),
  };
}

/** Plays a round; never throws for what the victim does. */
export async function playRound(arena: Arena, plan: RoundPlan, before: Stock): Promise<RoundResult> {
  const failures: string[] = [];
  const { code, wasUp } = await killOne(arena, plan, failures);
  const afterKill = leftoversBetween(before, await settledStock(arena, before));
  if (plan.signal !== "SIGKILL" && afterKill.length > 0) {
    failures.push(`${plan.signal} left ${afterKill.join(", ")}`);
  }
  if (plan.victim === "demo") await nextDemo(arena, failures);
  else await nextServer(arena, plan.victim, failures);
  const afterNext = leftoversBetween(before, await settledStock(arena, before));
  if (afterNext.length > 0) failures.push(`after the next start: ${afterNext.join(", ")}`);
  clear(arena);
  return { plan, wasUp, code, afterKill, afterNext, failures };
}

/** What is there when nothing has run yet but one server that ended as it should: directories and the like may stay. */
export async function baseline(arena: Arena): Promise<Stock> {
  const failures: string[] = [];
  await nextServer(arena, "serve", failures);
  if (failures.length > 0) throw new Error(`Not even an ordinary start works here: ${failures.join("; ")}`);
  clear(arena);
  return await takeStock(arena.lab, arena);
}

/** Children notice that their parent is gone in their own time. */
async function settledStock(arena: Arena, before: Stock): Promise<Stock> {
  let stock = await takeStock(arena.lab, arena);
  for (
    let look = 0;
    look < SETTLING.looks && leftoversBetween(before, stock).some((one) => one.startsWith("process"));
    look++
  ) {
    await sleep(SETTLING.everyMs);
    stock = await takeStock(arena.lab, arena);
  }
  return stock;
}

async function killOne(
  arena: Arena,
  plan: RoundPlan,
  failures: string[],
): Promise<{ code: number; wasUp: boolean }> {
  const traffic = plan.hasClients && plan.victim !== "demo" ? startTraffic(arena, plan.victim) : null;
  const victim = startVictim(arena, plan.victim);
  await Promise.race([sleep(plan.afterMs), victim.result]);
  const wasUp = isUp(victim, plan.victim);
  await victim.signal(plan.signal);
  if (!await victim.endsWithin(END_MS)) {
    failures.push(`does not end within ${END_MS / 1000} s of ${plan.signal}`);
    await victim.signal("SIGKILL");
  }
  const { code, stdout, stderr } = await victim.result;
  // It was quicker than the signal: what it has made, and named, is as it should be.
  if (plan.victim === "demo" && code === 0) removeRecording(stdout, failures);
  const isDone = plan.victim !== "demo" && wasUp && plan.signal !== "SIGKILL";
  if (isDone && code !== 0) {
    failures.push(`status ${code} after ${plan.signal}: ${stderr.trim().split("\n").at(-1)}`);
  }
  if (/\bat (?:async )?\S+ \(|Uncaught|panicked/.test(stderr)) {
    failures.push(`it complains: ${stderr.trim().slice(0, 300)}`);
  }
  await traffic?.signal("SIGKILL");
  await traffic?.result;
  return { code, wasUp };
}

function startVictim(arena: Arena, victim: Victim): LabProcess {
  const env = { [MARK]: arena.mark, TMPDIR: arena.scratch, NO_COLOR: "1" };
  if (victim === "demo") {
    return arena.lab.spawn({ words: [...arena.program, "demo", "--sleep", "0.3"], env });
  }
  const guard = victim === "serve with guard" ? ["--rst-guard", "nft"] : [];
  const fixed = ["serve", "--iface", arena.lab.plan.devices.server, "--ip", addressOf(arena, victim)];
  const words = [
    ...arena.program,
    ...fixed,
    "--port",
    String(PORT),
    "--log",
    "json",
    "--write",
    recordingOf(arena),
    ...guard,
  ];
  return arena.lab.spawn({ side: "server", words, env });
}

function addressOf(arena: Arena, victim: Victim): string {
  const { tcplabAddress, addresses } = arena.lab.plan;
  return victim === "serve with guard" ? addresses.server : tcplabAddress;
}

/** Asked for by name, so it stays: it is no leftover. */
function recordingOf(arena: Arena): string {
  return `${arena.scratch}.pcapng`;
}

function isUp(process: LabProcess, victim: Victim): boolean {
  return victim === "demo"
    ? process.stdout.includes("a private lab")
    : process.stdout.includes('"listening"');
}

function startTraffic(arena: Arena, victim: Victim): LabProcess {
  const words = ["bash", "-c", TRAFFIC, "traffic", addressOf(arena, victim), String(PORT)];
  return arena.lab.spawn({ side: "client", words });
}

/** A server starts after the kill, a client is served, and it ends in order. */
async function nextServer(arena: Arena, victim: Victim, failures: string[]): Promise<void> {
  const server = startVictim(arena, victim);
  const deadline = performance.now() + START_MS;
  while (!isUp(server, victim) && !server.ended && performance.now() < deadline) await sleep(20);
  if (isUp(server, victim)) {
    const words = ["timeout", "90", "bash", "-c", PROOF, addressOf(arena, victim), String(PORT)];
    const { stdout, stderr } = await arena.lab.run({ side: "client", words });
    if (stdout !== "hello\n") failures.push(`the next server does not serve: ${stdout}${stderr.trim()}`);
  } else {
    failures.push(`the next server does not start: ${server.stderr.trim().slice(0, 300)}`);
  }
  const { code, stderr } = await server.stop(END_MS);
  if (code !== 0) failures.push(`the next server ends with status ${code}: ${stderr.trim().slice(0, 300)}`);
}

async function nextDemo(arena: Arena, failures: string[]): Promise<void> {
  const demo = startVictim(arena, "demo");
  const isLate = !await demo.endsWithin(DEMO_MS);
  if (isLate) await demo.signal("SIGKILL");
  const { code, stdout, stderr } = await demo.result;
  if (code !== 0 || !stdout.includes("All seen.")) {
    const said = stderr.trim() === "" ? stdout.trim().slice(-300) : stderr.trim().slice(0, 300);
    failures.push(
      `the next demo ${
        isLate ? `takes more than ${DEMO_MS / 1000} s` : `fails with status ${code}`
      }: ${said}`,
    );
    return;
  }
  removeRecording(stdout, failures);
}

/** A demo's recording is what it is meant to leave: the one that it names, and no other. */
function removeRecording(stdout: string, failures: string[]): void {
  const recording = /comment: (\S+)/.exec(stdout)?.[1];
  if (recording === undefined) failures.push("the demo does not name its recording");
  else Deno.removeSync(recording);
}

/** What one round has left is not held against the next. */
function clear(arena: Arena): void {
  for (const { name } of Deno.readDirSync(arena.scratch)) {
    Deno.removeSync(`${arena.scratch}/${name}`, { recursive: true });
  }
  try {
    Deno.removeSync(recordingOf(arena));
  } catch {
    // Killed before it had begun one.
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
