/**
 * `deno task test:kill [--count N]`: `serve` and `demo` are killed at random moments; after the next start nothing may be left.
 *
 * Owns: the rounds' number and order, a line a round, and the report. Exit status 1 when something was wrong, 2 when called
 * wrongly. Must not know: how a round is played (kill_rounds.ts).
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand, selfFiles } from "../../src/cli/self_command.ts";
import { describePlace } from "../soak/run_place.ts";
import { type RunPlace, withBlock } from "../soak/soak_report.ts";
import { type Arena, baseline, planRound, playRound, type RoundResult, type Victim } from "./kill_rounds.ts";
import { kindOf } from "./leftovers.ts";

const USAGE = `Usage: deno task test:kill [OPTIONS]

  --count N       rounds (default 200)
  --seed S        what the rounds hang on (default: chosen, and printed)
  --victim NAME   only serve, "serve with guard" or demo
  --binary FILE   the compiled program instead of the checkout
  --write-docs    puts the report into docs/reliability.md`;

const VICTIMS: readonly Victim[] = ["serve", "serve with guard", "serve", "serve with guard", "demo"];
const DOCUMENT = fromFileUrl(new URL("../../docs/reliability.md", import.meta.url));

async function main(): Promise<number> {
  const given = parseArgs(Deno.args, {
    string: ["count", "seed", "victim", "binary"],
    boolean: ["help", "write-docs"],
  });
  if (given.help === true) {
    console.log(USAGE);
    return 0;
  }
  const count = Number(given.count ?? 200);
  const seed = Number(given.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const victims = VICTIMS.filter((victim) => given.victim === undefined || given.victim === victim);
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed) || victims.length === 0) {
    console.error(USAGE);
    return 2;
  }
  const binary = typeof given.binary === "string" ? given.binary : null;
  const place = await describePlace(binary);
  console.log(`${count} rounds, seed ${seed}; ${place.machine}, commit ${place.commit}, ${place.program}`);
  const scratch = Deno.makeTempDirSync({ prefix: "tcplab-kill-" });
  const results: RoundResult[] = [];
  try {
    await using lab = await PrivateLab.open({ readable: binary === null ? selfFiles() : [binary] });
    const program = binary === null ? selfCommand() : [binary];
    const arena: Arena = { lab, program, scratch, mark: `${Deno.pid}-${seed}` };
    const before = await baseline(arena);
    for (let round = 0; round < count; round++) {
      const result = await playRound(arena, planRound(seed + round, victims), before);
      results.push(result);
      console.log(roundLine(round, result));
    }
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
  const block = killReport(results, { seed, place });
  console.log(`\n${block}`);
  if (given["write-docs"] === true) {
    Deno.writeTextFileSync(DOCUMENT, withBlock(Deno.readTextFileSync(DOCUMENT), "kill", block));
  }
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

function roundLine(round: number, { plan, wasUp, code, afterKill, failures }: RoundResult): string {
  const what = `${plan.signal} to ${plan.victim} after ${plan.afterMs} ms`.padEnd(46);
  const left = afterKill.length === 0 ? "nothing" : afterKill.map(kindOf).join(", ");
  const verdict = failures.length === 0 ? "ok" : `FAILED (seed ${plan.seed}): ${failures.join("; ")}`;
  return `${String(round + 1).padStart(4)}  ${what} ${
    wasUp ? "up   " : "start"
  } status ${code}  left ${left}  ${verdict}`;
}

function killReport(results: readonly RoundResult[], about: { seed: number; place: RunPlace }): string {
  const { date, commit, machine, program } = about.place;
  const groups = new Map<string, RoundResult[]>();
  for (const result of results) {
    const key = `${result.plan.victim} | ${result.plan.signal} | ${
      result.wasUp ? "at work" : "during its start"
    }`;
    groups.set(key, [...groups.get(key) ?? [], result]);
  }
  const rows = [...groups].toSorted(([a], [b]) => a.localeCompare(b)).map(([key, group]) => {
    const left = new Map<string, number>();
    for (const one of group.flatMap(({ afterKill }) => [...new Set(afterKill.map(kindOf))])) {
      left.set(one, (left.get(one) ?? 0) + 1);
    }
    const leftText = [...left].map(([one, times]) => `${times} × \`${one}\``).join(", ") || "nothing";
    const after = group.filter(({ afterNext }) => afterNext.length > 0).length;
    const failed = group.filter(({ failures }) => failures.length > 0).length;
    return `| ${key} | ${group.length} | ${leftText} | ${
      after === 0 ? "nothing" : `${after} ×`
    } | ${failed} |`;
  });
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  return [
    `Run on ${
      date.slice(0, 10)
    }, commit ${commit}, ${program}, seed ${about.seed}; ${machine}. ${results.length} rounds, ${failed} failed.`,
    "",
    "| victim | signal | when | rounds | left by the signal | left after the next start | failed |",
    "| --- | --- | --- | ---: | --- | --- | ---: |",
    ...rows,
  ].join("\n");
}

Deno.exit(await main());
