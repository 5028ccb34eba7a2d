/**
 * The least round trip that `netstat` shows is never shorter than the path, whatever the machine does meanwhile: through
 * ten injected milliseconds, either way. A hundred runs, four at once, with TCPLAB_LONG=1.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
const AT_ONCE = 4;
const ROUNDS = IS_LONG ? 25 : 1;
const DELAY_US = 10_000;
/** Local choice: the least of hundreds, of which a busy machine does not hold up all; nanoseconds, or a sum, would be more. */
const MOST_US = 500_000;
/** Enough that some are answered at once, and some while the machine does something else. */
const BYTES = 200_000;

for (const direction of ["in", "out"] as const) {
  const name = `the least round trip through ${direction}:delay=10ms is no shorter, ${ROUNDS * AT_ONCE} runs`;
  liveTest(name, { needs: ["python3"] }, async (lab) => {
    for (let round = 0; round < ROUNDS; round++) {
      const servers = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => run(lab, direction, at)));
      let least: number[] = [];
      // A server that is held up for two seconds is not shown.
      await waitFor(async () => (least = await leastRoundTrips(lab)).length >= AT_ONCE, {
        what: "every server tells of its connection",
      });
      assertEquals(least.length, AT_ONCE);
      for (const us of least) assert(us >= DELAY_US && us < MOST_US, `A round trip of ${us} us`);
      if (Deno.env.get("TCPLAB_SHOW") !== undefined) console.log(direction, round, ...least);
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
}

/** A server with an address of its own, and a client that has sent it something and stays. */
async function run(lab: PrivateLab, direction: string, at: number): Promise<ServeProcess> {
  const address = lab.plan.tcplabAddress.replace(/\d+$/, String(100 + at));
  const args = ["--ip", address, "--fault", `${direction}:delay=10ms`];
  const server = await ServeProcess.start(lab, { args, quiet: true });
  const words = ["python3", besideTests("stay.py"), address, "3333", String(BYTES)];
  let back = false;
  lab.spawn({ side: "client", words, onStdout: (line) => void (back = line === "back") });
  await waitFor(() => back, { what: "all came back" });
  return server;
}

async function leastRoundTrips(lab: PrivateLab): Promise<number[]> {
  const words = [...selfCommand(), "netstat", "--details", "--json"];
  const { code, stdout, stderr } = await lab.run({ side: "server", words });
  assertEquals(code, 0, stderr);
  const servers: { connections: { minRttUs: number }[] }[] = JSON.parse(stdout);
  return servers.flatMap(({ connections }) => connections.map(({ minRttUs }) => minRttUs));
}
