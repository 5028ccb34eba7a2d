/**
 * Fast Open in the library: `listen({ fastOpen })` and `connect({ fastOpen })`.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesOf } from "../tcp/app_log.ts";
import { addressOnLink } from "../tcp/family.ts";
import { VirtualStacks } from "./virtual_stacks.ts";

const [hostname] = addressOnLink(1).split("/");
const PORT = 7;

/** A first connection, which gets the cookie. */
async function getCookie(on: VirtualStacks): Promise<void> {
  const connection = await on.client.connect({ hostname, port: PORT, fastOpen: new Uint8Array(0) });
  connection.abort();
  await on.pass(0);
}

Deno.test("accept yields a connection at its SYN, with what that brought; read and write before it is established", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: PORT, fastOpen: 4 });
  await getCookie(on);
  (await listener.accept()).abort();
  const states: string[] = [];
  const serving = (async () => {
    using connection = await listener.accept();
    states.push(connection.state);
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer) ?? 0;
    await connection.write(buffer.subarray(0, count));
  })();
  const client = await on.client.connect({ hostname, port: PORT, fastOpen: bytesOf("hello") });
  const answer = new Uint8Array(100);
  assertEquals(await client.read(answer), 5);
  await serving;
  assertEquals(client.info().synTextBytes, 5);
  assertEquals(states, ["SYN_RCVD"]);
});

Deno.test("a listener that was not asked for it gives no cookie, and everything arrives all the same", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: PORT });
  for (let open = 0; open < 2; open++) {
    const client = await on.client.connect({ hostname, port: PORT, fastOpen: bytesOf("hello") });
    const connection = await listener.accept();
    const buffer = new Uint8Array(100);
    assertEquals(await connection.read(buffer), 5);
    assertEquals(client.info().synTextBytes, 0);
  }
  assertEquals(on.client.host.fastOpenCookies(), []);
});

Deno.test("each connection is accepted once, whether it came fast or not; close resets those that nobody took", async () => {
  await using on = new VirtualStacks();
  const listener = on.server.listen({ port: PORT, fastOpen: 4, backlog: 8 });
  await getCookie(on);
  const clients = [];
  for (let open = 0; open < 3; open++) {
    clients.push(
      await on.client.connect({ hostname, port: PORT, ...(open === 1 ? {} : { fastOpen: bytesOf("x") }) }),
    );
  }
  assertEquals(on.server.host.listeners()[0].waiting, 4);
  listener.close();
  await on.pass(100_000);
  for (const client of clients) assertEquals(await client.closed, "reset-by-peer");
});

Deno.test("more than the send buffer takes is refused, and leaves no connection behind", async () => {
  await using on = new VirtualStacks({ tcp: { sendBufferBytes: 0x4000 } });
  on.server.listen({ port: PORT, fastOpen: 4 });
  await assertRejects(
    () => on.client.connect({ hostname, port: PORT, fastOpen: new Uint8Array(0x4001) }),
    RangeError,
    "16384 octets",
  );
  assertEquals([on.client.connections.length, on.client.host.connections().length], [0, 0]);
  const client = await on.client.connect({ hostname, port: PORT, fastOpen: new Uint8Array(0x4000) });
  assert(client.state === "ESTABLISHED");
});
