/**
 * Fuzzing by the million: `deno task fuzz [--inputs N] [--seed S] [--target NAME]`.
 *
 * Owns: sharing the inputs out, the table of figures, and telling a finding so that it can be kept (findings.json). Exit status 1
 * when something was found. Must not know: how an input is made or judged (fuzz_runs.ts).
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { describePlace } from "../../scripts/soak/run_place.ts";
import { withBlock } from "../../scripts/soak/soak_report.ts";
import { RULES } from "../../src/tcp/rules.ts";
import { asKept } from "./fuzz_findings.ts";
import { isHostTarget, RULE_COUNT, type RunResult, runTarget, TARGET_NAMES } from "./fuzz_runs.ts";
import type { LifeWitness } from "./host_lives.ts";
import { PARSER_TARGETS } from "./parser_targets.ts";

const USAGE = `Usage: deno task fuzz [--inputs N] [--seed S] [--target NAME]

  --inputs N     inputs in all (default 1000000): four tenths for hosts, the rest for parsers and readers
  --seed S       what the inputs hang on, with their numbers (default: chosen, and printed)
  --write-docs   puts the figures into docs/reliability.md
  --target NAME  only this one: ${TARGET_NAMES.join(", ")}`;

const DOCUMENT = fromFileUrl(new URL("../../docs/reliability.md", import.meta.url));
/** Of all inputs, so many are frames for a host with connections, over either family. */
const HOST_SHARE = 0.4;
const HOST_COUNT = TARGET_NAMES.filter(isHostTarget).length;
/** Readers of text are slower, and text is not what strangers send: a parser of bytes gets so many times as much. */
const BYTES_TO_TEXT = 20;
/** What a run may need more at its end than after its first fifth. Local choice: V8's heap breathes by as much. */
const MOST_GROWTH_BYTES = 128 * 2 ** 20;

function shareOf(target: string, inputs: number): number {
  if (isHostTarget(target)) return Math.round(inputs * HOST_SHARE / HOST_COUNT);
  const isBytes = PARSER_TARGETS.some(({ name }) => name === target);
  const parts = PARSER_TARGETS.length * BYTES_TO_TEXT +
    (TARGET_NAMES.length - PARSER_TARGETS.length - HOST_COUNT);
  return Math.ceil(inputs * (1 - HOST_SHARE) * (isBytes ? BYTES_TO_TEXT : 1) / parts);
}

function countOf(text: unknown, otherwise: number): number {
  const count = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  console.error(`${text}: expected a whole number\n\n${USAGE}`);
  Deno.exit(2);
}

const HEADING = ["target", "inputs", "taken", "a second", "slowest, ms", "findings"];
const WIDTHS = [20, 10, 8, 10, 11, 8];

function cellsOf(result: RunResult): string[] {
  const { target, inputs, taken, seconds, slowestMs, findings } = result;
  const rate = inputs / Math.max(seconds, 0.001);
  const share = 100 * taken / Math.max(1, inputs);
  return [
    target,
    String(inputs),
    `${share.toFixed(1)} %`,
    rate.toFixed(0),
    slowestMs.toFixed(2),
    String(findings.length),
  ];
}

function lineOf(cells: readonly string[]): string {
  return cells.map((cell, at) => at === 0 ? cell.padEnd(WIDTHS[at]) : cell.padStart(WIDTHS[at])).join("  ");
}

/** How deep the frames got: the states that they met, and the rules that they made fire. */
function depthOf({ states, rules }: LifeWitness): string {
  const counts = [...states].toSorted((a, b) => b[1] - a[1]).map(([state, count]) => `${state} ${count}`);
  const unfired = Object.keys(RULES).filter((rule) => rule !== "none" && !rules.has(rule));
  const rest = unfired.length === 0 ? "" : `; not ${unfired.map((rule) => `\`${rule}\``).join(", ")}`;
  return `Frames by the state that they met: ${counts.join(", ")}.\n` +
    `Rules of the machine that fired: ${rules.size} of ${RULE_COUNT}${rest}.`;
}

async function main(): Promise<void> {
  const given = parseArgs(Deno.args, {
    string: ["inputs", "seed", "target"],
    boolean: ["help", "write-docs"],
  });
  if (given.help === true) {
    console.log(USAGE);
    return;
  }
  const inputs = countOf(given.inputs, 1_000_000);
  const seed = countOf(given.seed, crypto.getRandomValues(new Uint32Array(1))[0]);
  const targets = TARGET_NAMES.filter((name) => given.target === undefined || given.target === name);
  if (targets.length === 0) {
    console.error(`There is no target ${given.target}\n\n${USAGE}`);
    Deno.exit(2);
  }
  const witness: LifeWitness = { states: new Map(), rules: new Set() };
  console.log(`${inputs} inputs, seed ${seed}`);
  console.log(lineOf(HEADING));
  const results: RunResult[] = [];
  let mostRss = 0;
  let earlyRss = 0;
  for (const target of targets) {
    const share = targets.length === 1 ? inputs : shareOf(target, inputs);
    let looks = 0;
    const onProgress = () => {
      mostRss = Math.max(mostRss, Deno.memoryUsage().rss);
      if (++looks === 2) earlyRss = Math.max(earlyRss, Deno.memoryUsage().rss);
    };
    const result = runTarget(target, { seed, inputs: share, onProgress, witness });
    onProgress();
    console.log(lineOf(cellsOf(result)));
    results.push(result);
  }
  console.log(`memory: ${mib(mostRss)} MiB at most, ${mib(earlyRss)} MiB early on`);
  if (witness.states.size > 0) console.log(depthOf(witness));
  const findings = results.flatMap((result) => result.findings);
  for (const finding of findings) {
    const { error } = finding;
    console.error(`\n${error instanceof Error ? error.stack : error}`);
    console.error(JSON.stringify(asKept(finding, "give it a name, and put it into test/fuzz/findings.json")));
  }
  const total = results.reduce((sum, result) => sum + result.inputs, 0);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const hasGrown = earlyRss > 0 && mostRss - earlyRss > MOST_GROWTH_BYTES;
  if (hasGrown) console.error(`\nMemory grew from ${mib(earlyRss)} to ${mib(mostRss)} MiB`);
  console.log(`${total} inputs in ${seconds.toFixed(0)} s, ${findings.length} findings (seed ${seed})`);
  if (given["write-docs"] === true) {
    const { date, commit, machine, program } = await describePlace(null);
    const block = [
      `Run on ${
        date.slice(0, 10)
      }, commit ${commit}, ${program}, seed ${seed}; ${machine}. ${total} inputs in ` +
      `${seconds.toFixed(0)} s, ${findings.length} findings; memory ${mib(earlyRss)} MiB early on, ${
        mib(mostRss)
      } MiB at most.`,
      "",
      `| ${HEADING.join(" | ")} |`,
      "| --- | ---: | ---: | ---: | ---: | ---: |",
      ...results.map((result) => `| ${cellsOf(result).join(" | ")} |`),
      "",
      depthOf(witness),
    ].join("\n");
    Deno.writeTextFileSync(DOCUMENT, withBlock(Deno.readTextFileSync(DOCUMENT), "fuzz", block));
  }
  if (findings.length > 0 || hasGrown) Deno.exit(1);
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

await main();
