/**
 * A few seconds of `deno task soak`: the kernel's clients find nothing wrong on a bad path, and do notice a server that goes.
 */
import { assert, assertEquals } from "@std/assert";
import { clientTotals } from "../../scripts/soak/soak_figures.ts";
import { SoakLab } from "../../scripts/soak/soak_lab.ts";
import { liveTest } from "./private_lab.ts";

const KINDS = "short_echo,dialogue,bulk_both,bulk_up,bulk_down,half_close,reset,held,server_closes,daytime";
const NEEDS = { needs: ["python3", "nft"] };

liveTest("soak: many kinds of clients on a bad path, each gets what it should", NEEDS, async () => {
  const args = ["--time-wait", "100ms", "--fault", "drop=1%,dup=1%,reorder=1%,seed=5"];
  await using soak = await SoakLab.open({ binary: null, args });
  soak.startClients({ rate: 25, kinds: KINDS });
  await new Promise((resolve) => setTimeout(resolve, 4000));
  soak.demandAlive();
  const busy = await soak.sample("busy", 4);
  for (const figure of [busy.rssMib, busy.anonymousMib, busy.descriptors, busy.threads, busy.cpuSeconds]) {
    assert(figure > 0, JSON.stringify(busy));
  }
  await soak.endClients();
  const { begun, done, failed } = clientTotals(soak.clients);
  assertEquals([failed, soak.clients.words], [0, {}]);
  assert(begun > 30 && done === begun, `${done} of ${begun}`);
  for (let look = 0; (await soak.sample("end", 5)).connections > 0; look++) {
    assert(look < 20, "connections are left");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assertEquals((await soak.stopServer()).code, 0);
});

liveTest("soak: clients notice a server that goes", NEEDS, async () => {
  await using soak = await SoakLab.open({ binary: null, args: [] });
  soak.startClients({ rate: 20, kinds: "dialogue", patienceSeconds: 2 });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await soak.stopServer();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await soak.endClients();
  const { begun, done, failed } = clientTotals(soak.clients);
  assert(failed > 0 && done + failed === begun, `${begun} begun, ${done} done, ${failed} failed`);
});
