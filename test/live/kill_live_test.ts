/**
 * A few rounds of what `deno task test:kill` does two hundred times; and that what is left is noticed.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import {
  type Arena,
  baseline,
  planRound,
  playRound,
  type RoundPlan,
} from "../../scripts/kill/kill_rounds.ts";
import { leftoversBetween, MARK, takeStock } from "../../scripts/kill/leftovers.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

async function inArena(lab: PrivateLab, body: (arena: Arena) => Promise<void>): Promise<void> {
  const scratch = await Deno.makeTempDir({ prefix: "tcplab-kill-" });
  try {
    await body({ lab, program: selfCommand(), scratch, mark: `test-${Deno.pid}` });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

const ROUNDS: readonly RoundPlan[] = [
  { seed: 1, victim: "serve with guard", signal: "SIGKILL", afterMs: 1500, hasClients: true },
  { seed: 2, victim: "serve", signal: "SIGKILL", afterMs: 300, hasClients: false },
  { seed: 3, victim: "serve with guard", signal: "SIGTERM", afterMs: 400, hasClients: true },
  { seed: 4, victim: "demo", signal: "SIGINT", afterMs: 600, hasClients: false },
  planRound(5, ["serve"]),
];

liveTest(
  "serve and demo killed: after the next start nothing is left",
  { needs: ["nft", "bash"] },
  async (lab) => {
    await inArena(lab, async (arena) => {
      const before = await baseline(arena);
      for (const plan of ROUNDS) {
        const { failures } = await playRound(arena, plan, before);
        assertEquals(failures, [], JSON.stringify(plan));
      }
    });
  },
);

liveTest("what is left of a round is noticed, whatever it is", { needs: ["nft"] }, async (lab) => {
  await inArena(lab, async (arena) => {
    const before = await takeStock(lab, arena);
    assertEquals(leftoversBetween(before, await takeStock(lab, arena)), []);
    const stray = lab.spawn({ side: "server", words: ["sleep", "30"], env: { [MARK]: arena.mark } });
    await Deno.writeTextFile(`${arena.scratch}/tcplab-demo-1.pcapng`, "");
    const script = `nft add table ip tcplab_1; ip netns add stray; ip link add stray type veth peer name peer
      touch /run/stray.sock`;
    const made = await lab.run({ side: "server", words: ["sh", "-c", script] });
    assertEquals(made.code, 0, made.stderr);
    const isStray = (one: string) => one.startsWith("process: sleep 30");
    let found: string[] = [];
    await waitFor(async () => (found = leftoversBetween(before, await takeStock(lab, arena))).some(isStray), {
      what: "the process that is left is found",
    });
    const wanted = [
      "nft: table ip tcplab_1",
      "netns: stray",
      "link: stray",
      "link: peer",
      "file: /run/stray.sock",
    ];
    for (const one of [...wanted, "temporary: tcplab-demo-1.pcapng"]) {
      assert(found.includes(one), `${one}: ${found}`);
    }
    await stray.stop();
  });
});
