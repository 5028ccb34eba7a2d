/**
 * One simulation again, with everything that both hosts say: `deno run -A test/sim/reproduce.ts SEED`. A seed of the corpus
 * means the scenario that was kept.
 */
import type { TcpEvent } from "../../src/tcp/events.ts";
import { scenarioOf } from "./scenario.ts";
import { keptScenarios } from "./seed_runs.ts";
import { simulate } from "./simulation.ts";

const seed = Number(Deno.args[0]);
if (!Number.isInteger(seed)) {
  console.error("Expected a seed: deno run -A test/sim/reproduce.ts 711");
  Deno.exit(2);
}
const kept = keptScenarios().find(({ scenario }) => scenario.seed === seed);
const scenario = kept?.scenario ?? scenarioOf(seed);
console.log(JSON.stringify(scenario, null, 1));
let beganSeconds = -1;
const tell = (host: string) => (event: TcpEvent): void => {
  if (beganSeconds < 0) beganSeconds = event.time;
  console.log(`${(event.time - beganSeconds).toFixed(6)} ${host} ${lineOf(event)}`);
};
try {
  const report = simulate(scenario, { observers: [tell("client"), tell("server")] });
  console.log(JSON.stringify(report, null, 1));
} catch (error) {
  console.error(error);
  Deno.exit(1);
}

function lineOf(event: TcpEvent): string {
  if (event.event !== "segment") {
    return JSON.stringify(event, (key, value) => (key === "time" ? undefined : value));
  }
  const { direction, flags, relSeq, relAck, length, window, state, rule, options } = event;
  return `${direction} ${flags.join(",")} seq ${relSeq} length ${length} ack ${relAck} window ${window} ` +
    `${state} ${rule} ${JSON.stringify(options)}`;
}
