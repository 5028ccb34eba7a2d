/** The client of `connect` over the whole machine, on a link in memory and a virtual clock. */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../../src/cli/client.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

/** Opens a connection as `connect 10.0.0.1 7 ARGS` would; gives the host's counters `seconds` of silence later. */
async function countersAfter(seconds: number, args: string): Promise<Record<string, number>> {
  const [near, far] = memoryPair();
  const time = new VirtualTime([near, far]);
  const { clock } = time;
  await using server = createStack({ link: far, addresses: "10.0.0.1/24", clock });
  server.listen({ port: 7 });
  const words = `10.0.0.1 7 --iface memory --ip 10.0.0.2/24 ${args}`.trim();
  const config = parseConnectOptions(words.split(" "));
  const addresses = [
    { address: Uint8Array.of(10, 0, 0, 2), text: "10.0.0.2", prefixLength: 24, kernelOwned: false },
  ];
  const log = new ServeLog({
    form: "none",
    width: 80,
    output: { write: (bytes) => Promise.resolve(bytes.length) },
  });
  const client = new Client({
    config,
    ground: { link: near, addresses, deviceMac: null },
    clock,
    log,
    recording: null,
    notice: () => {},
    onState: () => {},
  });
  const connection = await time.get(client.open(new AbortController().signal));
  assertEquals(connection.state, "ESTABLISHED");
  await time.pass(seconds * 1_000_000);
  const counters = client.host.counters();
  client.stack.close();
  server.close();
  await Promise.all([client.stack.done, server.done]);
  return counters;
}

Deno.test("connect --keepalive probes the peer, at the times that it gives", async () => {
  const { "keep-alives": early } = await countersAfter(4.9, "--keepalive 5/2/3");
  assertEquals(early, 0);
  const { "keep-alives": probes, "connections-closed": closed } = await countersAfter(
    21,
    "--keepalive 5/2/3",
  );
  // The peer answers each, and five seconds of silence begin again.
  assertEquals([probes, closed], [4, 0]);
});

Deno.test("connect without --keepalive sends no probe", async () => {
  const counters = await countersAfter(3 * 7200, "");
  assertEquals(counters["keep-alives"], 0);
  assert(counters["connections-established"] === 1);
});
