/**
 * The applications at a server's end, and while another application fails: over the whole machine, on a virtual clock.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { APPLICATIONS } from "../../src/app/applications.ts";
import { chargen, chargenPattern } from "../../src/app/chargen.ts";
import { echo } from "../../src/app/echo.ts";
import type { Connection } from "../../src/runtime/connection.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { VirtualStacks } from "./virtual_stacks.ts";
import { addressText } from "../tcp/family.ts";

const SERVER = { hostname: addressText(1), port: 19 };
const CONTEXT = { nowEpochUs: () => 0 };

/** Reads to the end, or as far as told, and returns what came. */
async function read(connection: Connection, limitBytes = Infinity): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let left = limitBytes; left > 0;) {
    const into = new Uint8Array(Math.min(left, 0x4000));
    const count = await connection.read(into);
    if (count === null) break;
    left -= count;
    pieces.push(into.subarray(0, count));
  }
  return concat(pieces);
}

/** Events of the server that say that an application failed. */
function errorsOf(on: VirtualStacks): string[] {
  const errors: string[] = [];
  on.server.observe((event: TcpEvent) => {
    if (event.event === "application-error") errors.push(event.message);
  });
  return errors;
}

Deno.test("a server that ends with chargen in full flow: all that was written arrives, then FIN, and no RST", async () => {
  await using on = new VirtualStacks({ tcp: { sendBufferBytes: 50_000, receiveBufferBytes: 20_000 } });
  const errors = errorsOf(on);
  on.server.host.listen({ port: SERVER.port, accept: chargen.create(CONTEXT) });
  const clients: Connection[] = [];
  for (let i = 0; i < 8; i++) clients.push(await on.get(on.client.connect(SERVER)));
  // Some have read a while, all have a full buffer, and what is in the server's is under way or waits for a window.
  const begun = await on.get(Promise.all(clients.map((client, i) => read(client, i * 10_000))));
  const ending = on.server.shutdown();
  await on.settle();
  const rest = await on.get(Promise.all(clients.map((client) => read(client))));
  for (const client of clients) client.close();
  assertEquals(await on.get(ending), { closed: 8, reset: 0 });
  assertEquals(errors, []);
  assertEquals(on.server.host.counters()["application-errors"], undefined);
  for (const [i, more] of rest.entries()) {
    // Its own buffer was full, and as much again waits at the server.
    assertGreater(more.length, 25_000);
    const bytes = new Uint8Array([...begun[i], ...more]);
    const pattern = chargenPattern(Math.ceil(bytes.length / 7030));
    assertEquals(bytes, pattern.subarray(0, bytes.length));
  }
  for (const client of clients) assertEquals(await on.get(client.closed, 300_000_000), "normal");
});

for (const application of APPLICATIONS) {
  Deno.test(`${application.name}: a server that ends at any point of its connections meets no application error`, async () => {
    for (let steps = 0; steps < 8; steps++) {
      await using on = new VirtualStacks({ tcp: { sendBufferBytes: 4096 } });
      const errors = errorsOf(on);
      on.server.host.listen({ port: SERVER.port, accept: application.create(CONTEXT) });
      const client = await on.get(on.client.connect(SERVER));
      const acts = [
        () => on.settle(),
        () => client.write(new Uint8Array(2000)),
        () => on.pass(5000),
        () => client.read(new Uint8Array(1000)),
        () => on.pass(5000),
        () => client.closeWrite(),
        () => on.pass(5000),
      ];
      for (const act of acts.slice(0, steps)) {
        // What still waits at the end may be rejected then.
        act()?.catch(() => {});
        await on.settle();
      }
      const ending = on.server.shutdown();
      await on.settle();
      client.closeWrite().catch(() => {});
      for (let left = 100; left > 0; left--) {
        const into = new Uint8Array(0x10000);
        const count = await on.get(client.read(into).catch(() => null), 10_000_000);
        if (count === null) break;
      }
      await on.get(ending);
      assertEquals(errors, [], `ended after ${steps} steps`);
      assertEquals(on.server.host.counters()["application-errors"], undefined);
    }
  });
}

Deno.test("one application that fails: its client is reset, the pump goes on, another port is served", async () => {
  await using on = new VirtualStacks();
  const errors = errorsOf(on);
  on.server.host.listen({ port: 7, accept: echo.create(CONTEXT) });
  on.server.host.listen({
    port: 8,
    accept: () => ({
      onReadable: () => {
        throw new Error("cannot read");
      },
    }),
  });
  const good = await on.get(on.client.connect({ ...SERVER, port: 7 }));
  const bad = await on.get(on.client.connect({ ...SERVER, port: 8 }));
  await bad.write(Uint8Array.of(1));
  assertEquals(await on.get(bad.closed), "reset-by-peer");
  assertEquals(errors, ["Error: cannot read"]);
  assert(on.server.pump.running);
  await good.write(Uint8Array.of(1, 2, 3));
  const into = new Uint8Array(10);
  assertEquals(await on.get(good.read(into)), 3);
});

Deno.test("an observer that throws does not keep events from the others, and stops nothing", async () => {
  await using on = new VirtualStacks();
  const heard: string[] = [];
  on.server.observe(() => {
    throw new Error("an observer that fails");
  });
  on.server.observe((event) => heard.push(event.event));
  on.server.host.listen({ port: 7, accept: echo.create(CONTEXT) });
  const client = await on.get(on.client.connect({ ...SERVER, port: 7 }));
  await client.write(Uint8Array.of(1));
  assertEquals(await on.get(client.read(new Uint8Array(1))), 1);
  assert(on.server.pump.running);
  assert(heard.includes("data"));
  assertEquals(on.server.host.counters()["observer-errors"], heard.length);
});

Deno.test("clients beyond the backlog get in when the listener has accepted those before them", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: 7, backlog: 2 });
  const clients = Array.from({ length: 6 }, async (_, i) => {
    const client = await on.client.connect({ ...SERVER, port: 7 });
    await client.write(Uint8Array.of(i));
    return client;
  });
  await on.pass(5_000_000);
  const server = on.server.host;
  const established = () => server.connections().filter(({ state }) => state === "ESTABLISHED").length;
  assertEquals(established(), 2);
  assertEquals(server.listeners()[0].waiting, 2);
  const greetings: number[] = [];
  for (let accepted = 1; accepted <= 6; accepted++) {
    const connection = await on.get(listener.accept());
    assert(established() <= accepted + 2);
    const into = new Uint8Array(1);
    assertEquals(await on.get(connection.read(into)), 1);
    greetings.push(into[0]);
  }
  assertEquals(greetings.toSorted(), [0, 1, 2, 3, 4, 5]);
  assertEquals(server.listeners()[0].waiting, 0);
  for (const client of await on.get(Promise.all(clients))) assertEquals(client.state, "ESTABLISHED");
});
