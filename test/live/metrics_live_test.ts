/**
 * /metrics against the kernel at the other end of the wire: what one side sends the other receives, so their counters are
 * each other's.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { pageAddress } from "./page_browser.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

/** Far more than anything is under way once the last byte has come. */
const AGREE_MS = 60_000;

type Figures = Readonly<Record<string, number>>;

liveTest(
  "metrics under the kernel's names are what the kernel at the other end counts of the same segments",
  {
    needs: ["curl", "nc", "ethtool"],
  },
  async (lab) => {
    for (const side of ["client", "server"] as const) {
      // Each frame a segment of its own on the way in: merged ones count once.
      const words = ["ethtool", "-K", lab.plan.devices[side], "tso", "off", "gso", "off", "gro", "off"];
      assertEquals((await lab.run({ side, words })).code, 0);
    }
    // Both ways frames are lost, so that both send again.
    const faults = ["--fault", "out:drop=3%,seed=7"];
    await using server = await ServeProcess.start(lab, { args: ["--ui", "-q", ...faults], quiet: true });
    const address = new URL(await pageAddress(server));
    const before = { kernel: await kernelFigures(lab), ours: await ourFigures(lab, address) };
    const line = `head -c 3000000 /dev/zero | nc -N ${lab.plan.tcplabAddress} 3333 | wc -c`;
    const { stdout } = await lab.run({ side: "client", words: ["sh", "-c", line] });
    assertEquals(stdout.trim(), "3000000");
    const idle = lab.spawn({ side: "client", words: ["nc", lab.plan.tcplabAddress, "3333"], stdin: true });
    await idle.write(new TextEncoder().encode("hello\n"));
    await server.event("transition", ({ id, to }) => id === 2 && to === "ESTABLISHED");
    await server.event("closed", ({ id }) => id === 1);
    await waitFor(() => idle.stdout === "hello\n", { what: "the echo of the greeting" });
    let after = before;
    const kernel = (name: string) => after.kernel[name] - before.kernel[name];
    const ours = (name: string) => after.ours[name] - before.ours[name];
    // What it has sent, new and again, has come in here; and the other way round, but for what was lost on purpose.
    const ofOurs = () => [ours("Tcp_InSegs"), ours("Tcp_OutSegs") + ours("Tcp_RetransSegs")];
    const ofKernel = () => [
      kernel("OutSegs") + kernel("RetransSegs"),
      kernel("InSegs") + after.ours.fault_out_dropped,
    ];
    // The two are asked one after the other: what is under way meanwhile, or sent again, only one of them has counted.
    const untilMs = performance.now() + AGREE_MS;
    do {
      after = { kernel: await kernelFigures(lab), ours: await ourFigures(lab, address) };
    } while (`${ofOurs()}` !== `${ofKernel()}` && performance.now() < untilMs);
    assertEquals(ofOurs(), ofKernel());
    const lost = after.ours.fault_out_dropped;
    assert(lost > 10, `${lost} frames were lost`);
    assertEquals(
      [ours("Tcp_PassiveOpens"), ours("Tcp_ActiveOpens"), ours("Tcp_CurrEstab")],
      [kernel("ActiveOpens"), kernel("PassiveOpens"), kernel("CurrEstab")],
    );
    assertEquals(ours("Tcp_PassiveOpens"), 2);
    assert(ours("Tcp_RetransSegs") > 0);
    assertEquals(ours("Tcp_InErrs"), 0);
    assertEquals((await idle.stop(2000)).stdout, "hello\n");
    assertEquals((await server.stop()).code, 0);
  },
);

/** The kernel's line `Tcp:` of /proc/net/snmp, on the client's side. */
async function kernelFigures(lab: PrivateLab): Promise<Figures> {
  const { stdout } = await lab.run({ side: "client", words: ["grep", "^Tcp:", "/proc/net/snmp"] });
  const [names, values] = stdout.trim().split("\n").map((line) => line.split(" ").slice(1));
  return Object.fromEntries(names.map((name, at) => [name, Number(values[at])]));
}

async function ourFigures(lab: PrivateLab, { origin, search }: URL): Promise<Figures> {
  const { stdout } = await lab.run({
    side: "server",
    words: ["curl", "--silent", `${origin}/metrics${search}`],
  });
  const figures = [...stdout.matchAll(/^(?:node_netstat_|tcplab_)(\w+) (\d+)$/gm)];
  const dropped = /^tcplab_fault_out_dropped_total (\d+)$/m.exec(stdout)?.[1];
  return {
    ...Object.fromEntries(figures.map(([, name, value]) => [name, Number(value)])),
    fault_out_dropped: Number(dropped ?? 0),
  };
}
