/** The client of `connect` over the whole machine, on a link in memory and a virtual clock. */
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { echo } from "../../src/app/echo.ts";
import { Client } from "../../src/cli/client.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import { defaultMemoryBytes, memoryFacts } from "../../src/cli/memory_choice.ts";
import { ServeLog } from "../../src/cli/serve_log.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { VirtualTime } from "../runtime/virtual_time.ts";

/** A client and a connection that it has opened, to an echo server. */
interface Opened {
  readonly client: Client;
  readonly connection: Connection;
  readonly time: VirtualTime;
  readonly notices: readonly string[];
  /** What the log was told. */
  readonly events: readonly TcpEvent[];
}

/** Opens a connection as `connect 10.0.0.1 7 ARGS` would, and uses it. */
async function withClient(
  args: string,
  use: (opened: Opened) => Promise<void>,
  onState: () => void = () => {},
): Promise<void> {
  const [near, far] = memoryPair();
  const time = new VirtualTime([near, far]);
  const { clock } = time;
  await using server = createStack({ link: far, addresses: "10.0.0.1/24", clock });
  server.host.listen({ port: 7, accept: echo.create({ nowEpochUs: () => 0 }) });
  const words = `10.0.0.1 7 --iface memory --ip 10.0.0.2/24 ${args}`.trim();
  const config = parseConnectOptions(words.split(" "));
  const addresses = [
    { address: Uint8Array.of(10, 0, 0, 2), text: "10.0.0.2", prefixLength: 24, kernelOwned: false },
  ];
  const events: TcpEvent[] = [];
  const output = {
    writeSync: (bytes: Uint8Array) => {
      const lines = new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
      events.push(...lines.map((line): TcpEvent => JSON.parse(line)));
      return bytes.length;
    },
  };
  const notices: string[] = [];
  const client = new Client({
    config,
    ground: {
      link: near,
      addresses,
      hosts: [{ mac: near.mac, addresses, gateways: [] }],
      gateways: [],
      deviceMac: null,
    },
    clock,
    log: new ServeLog({ form: config.ground.log, width: 80, output }),
    recording: null,
    notice: (line) => void notices.push(line),
    onState,
  });
  const connection = await time.get(client.open(Uint8Array.of(10, 0, 0, 1), {
    signal: new AbortController().signal,
    first: null,
  }));
  assertEquals(connection.state, "ESTABLISHED");
  await use({ client, connection, time, notices, events });
  client.stack.close();
  server.close();
  await Promise.all([client.stack.done, server.done]);
}

/** The host's counters `seconds` of silence after the connection was opened. */
async function countersAfter(seconds: number, args: string): Promise<Record<string, number>> {
  let counters: Record<string, number> = {};
  await withClient(`--log none ${args}`, async ({ client, time }) => {
    await time.pass(seconds * 1_000_000);
    counters = client.host.counters();
  });
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

/** Writes all, closes this direction, and reads to the end. */
async function exchange(connection: Connection, bytes: Uint8Array): Promise<Uint8Array> {
  const writing = async () => {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    await connection.closeWrite();
  };
  const [text] = await Promise.all([new Response(connection.readable).bytes(), writing()]);
  return text;
}

Deno.test("connect --fault loses frames, says so, names each, counts them, and the bytes are whole all the same", async () => {
  const spec = "in:drop=10%,out:drop=5%,dup=2%,seed=7";
  await withClient(`--log json --fault ${spec}`, async ({ client, connection, time, notices, events }) => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8));
    assertEquals(await time.get(exchange(connection, bytes)), bytes);
    assertEquals(await time.get(client.ended), "TIME_WAIT");
    assertEquals(notices, [
      "Frames are disturbed on purpose: in drop 10 %, dup 2 %; out drop 5 %, dup 2 %; seed 7",
    ]);
    await time.get(client.end(new AbortController().signal));
    const { counters } = client.summary();
    const told = (direction: string, kind: string) =>
      events.filter((event) =>
        event.event === "fault" && event.direction === direction && event.kind === kind
      ).length;
    for (const [side, direction] of [["in", "recv"], ["out", "send"]]) {
      assertGreater(counters[`fault-${side}-dropped`], 3);
      assertEquals(told(direction, "drop"), counters[`fault-${side}-dropped`]);
      assertEquals(told(direction, "duplicate"), counters[`fault-${side}-duplicated`]);
    }
    assert(events.some((event) => event.event === "retransmit"));
  });
});

Deno.test("connect without --fault: no notice, no counter", async () => {
  await withClient("--log none", ({ client, notices }) => {
    assertEquals(notices, []);
    assertEquals(Object.keys(client.summary().counters).filter((name) => name.startsWith("fault-")), []);
    return Promise.resolve();
  });
});

Deno.test("what reads the events of a client and fails is said once, counted each time, and stops nothing", async () => {
  let states = 0;
  const fails = () => {
    states++;
    throw new Error("no such state");
  };
  await withClient("--log none", ({ client, notices }) => {
    assertEquals(states, 2);
    assertEquals(notices, [
      "What reads the events has failed: no such state. Everything else goes on; the summary counts such faults",
    ]);
    assertEquals(client.summary().counters["observer-errors"], 2);
    return Promise.resolve();
  }, fails);
});

Deno.test("a try that never opened does not end the client: another address may come after it", async () => {
  await withClient("--log none", async ({ client, time }) => {
    const stop = new AbortController();
    const nobody = client.open(Uint8Array.of(10, 0, 0, 9), { signal: stop.signal, first: null });
    nobody.catch(() => {});
    await time.pass(1000);
    stop.abort(new Error("late"));
    await time.get(assertRejects(() => nobody, Error, "late"));
    let isOver = false;
    client.ended.then(() => isOver = true);
    await time.pass(1000);
    assertEquals([isOver, client.summary().counters["connections-opened"]], [false, 2]);
  });
});

Deno.test("a client's connection may hold what a server's may", async () => {
  await withClient("--log none", ({ client }) => {
    assertEquals(client.host.memory().limitBytes, defaultMemoryBytes(memoryFacts()));
    return Promise.resolve();
  });
});
