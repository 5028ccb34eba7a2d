/**
 * Whether two workers do twice the work of one: on two cores this can be asked only without a client.
 *
 *     deno run -A scripts/bench/cores/scale_check.ts [ROUNDS] [SECONDS]
 *
 * Owns: a lab, one and two workers in turn, the table. Must not know: what they do (scale_worker.ts).
 */
import { fromFileUrl } from "@std/path";
import { PrivateLab } from "../../../src/cli/private_lab.ts";
import { spreadOf } from "../statistics.ts";
import { formatNumber, renderText } from "../text_table.ts";
import type { ScalePlan } from "./scale_worker.ts";

const WORKS = ["machine", "send 64", "send 1514"] as const;
const WARM_S = 0.5;
/** As the first argument: we are in the lab already. */
const INSIDE = "--inside";

async function together(workers: number, plan: ScalePlan): Promise<number> {
  const rates = await Promise.all(Array.from({ length: workers }, () => oneWorker(plan)));
  return rates.reduce((sum, rate) => sum + rate, 0);
}

function oneWorker(plan: ScalePlan): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("scale_worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(plan, [port2]);
  return new Promise((resolve) =>
    port1.onmessage = (event) => {
      worker.terminate();
      port1.close();
      resolve(event.data);
    }
  );
}

async function inside(device: string, rounds: number, seconds: number): Promise<void> {
  const rows: string[][] = [];
  for (const work of WORKS) {
    const one: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const plan = { work, device, warm: WARM_S, seconds };
      const alone = await together(1, plan);
      one.push(alone);
      ratios.push(await together(2, plan) / alone);
    }
    const alone = spreadOf(one);
    const ratio = spreadOf(ratios);
    if (alone === null || ratio === null) continue;
    const [median, least, most] = [ratio.median, ratio.least, ratio.most].map((value) =>
      formatNumber(value, 2)
    );
    rows.push([work, formatNumber(alone.median, 0), `${median} (${least} to ${most})`]);
  }
  console.log(renderText({ head: ["work", "one worker, units/s", "two workers, times that"], rows }));
}

const [first = "3", second = "1", device = "", ...rest] = Deno.args;
if (first === INSIDE) {
  await inside(second, Number(device), Number(rest[0]));
} else {
  await using lab = await PrivateLab.open();
  const script = fromFileUrl(import.meta.url);
  const words = [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", script, INSIDE]
    .concat(lab.plan.devices.server, first, second);
  const { stdout, stderr } = await lab.run({ side: "server", words });
  console.log((stdout || stderr).trimEnd());
}
