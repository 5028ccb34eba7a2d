/**
 * A few seconds of `deno task soak`: the kernel's clients find nothing wrong on a bad path, and do notice a server that goes.
 */
import { assert, assertEquals } from "@std/assert";
import { clientTotals } from "../../scripts/soak/soak_figures.ts";
import { SoakLab } from "../../scripts/soak/soak_lab.ts";
import { liveTest } from "./private_lab.ts";
import { waitFor } from "./wait_for.ts";

const KINDS = "short_echo,dialogue,bulk_both,bulk_up,bulk_down,half_close,reset,held,server_closes,daytime";
const FAST = ["--time-wait", "100ms"];
/** Two seconds of silence, then a probe each second, four at the most. */
const KEEP_ALIVE = ["--keepalive", "2/1/4"];
const NEEDS = { needs: ["python3", "nft"] };

/** Waits until the clients say so of themselves. */
async function clientsReach(
  soak: SoakLab,
  what: string,
  condition: (totals: ReturnType<typeof clientTotals>) => boolean,
): Promise<void> {
  await waitFor(async () => {
    await soak.askClients();
    return condition(clientTotals(soak.clients));
  }, { what });
}

liveTest("soak: many kinds of clients on a bad path, each gets what it should", NEEDS, async () => {
  // A client's RST may be among what is lost: only a probe tells a server that has nothing to send.
  const args = [...FAST, ...KEEP_ALIVE, "--fault", "drop=1%,dup=1%,reorder=1%,seed=5"];
  await using soak = await SoakLab.open({ binary: null, args });
  soak.startClients({ rate: 25, kinds: KINDS });
  await clientsReach(soak, "so many have got what they should", ({ done }) => done > 90);
  soak.demandAlive();
  const busy = await soak.sample("busy", 4);
  for (const figure of [busy.rssMib, busy.anonymousMib, busy.descriptors, busy.threads, busy.cpuSeconds]) {
    assert(figure > 0, JSON.stringify(busy));
  }
  await soak.endClients();
  const { begun, done, failed } = clientTotals(soak.clients);
  assertEquals([failed, soak.clients.words], [0, {}]);
  assert(begun > 90 && done === begun, `${done} of ${begun}`);
  await waitFor(async () => (await soak.sample("end", 5)).connections === 0, {
    what: "no connection is left",
  });
  assertEquals((await soak.stopServer()).code, 0);
});

liveTest("soak: clients notice a server that goes", NEEDS, async () => {
  await using soak = await SoakLab.open({ binary: null, args: [] });
  soak.startClients({ rate: 20, kinds: "dialogue", patienceSeconds: 2 });
  await clientsReach(soak, "some talk to the server", ({ begun }) => begun > 10);
  await soak.stopServer();
  await clientsReach(soak, "some miss the server", ({ failed }) => failed > 0);
  await soak.endClients();
  const { begun, done, failed } = clientTotals(soak.clients);
  assert(failed > 0 && done + failed === begun, `${begun} begun, ${done} done, ${failed} failed`);
});
