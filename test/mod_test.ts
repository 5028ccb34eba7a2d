/**
 * The library as a program has it: importing it does nothing (no library is opened, no permission asked), and several hosts on one
 * link are made with what it exports.
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Connection, createStack, LinkHub, memoryPair, type Stack } from "../mod.ts";

Deno.test("mod.ts loads without a single permission", async () => {
  const path = fromFileUrl(new URL("../mod.ts", import.meta.url));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", "--cached-only", path],
    stdin: "null",
  }).output();
  assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
});

async function echo(stack: Stack): Promise<void> {
  for await (const connection of stack.listen({ port: 7 })) {
    connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

async function said(connection: Connection, text: string): Promise<string> {
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  return await new Response(connection.readable).text();
}

Deno.test("several hosts on one link are stacks on the ports of a hub, as docs/library.md has it", async () => {
  const [device, far] = memoryPair();
  const hub = new LinkHub(device);
  const stacks = [1, 2, 3].map((last) =>
    createStack({
      link: hub.port(Uint8Array.of(2, 0, 0, 0, 0, last)),
      addresses: [`10.0.0.${last}/24`, `fd00::${last}/64`],
    })
  );
  const client = createStack({ link: far, addresses: "10.0.0.9/24" });
  const macs = new Map<string, string>();
  client.observe((event) => {
    if (event.event === "arp" && event.kind === "reply") macs.set(event.sender, event.senderMac);
  });
  for (const stack of stacks) void echo(stack).catch(() => {});
  for (const last of [1, 2, 3]) {
    const connection = await client.connect({ hostname: `10.0.0.${last}`, port: 7 });
    assertEquals(await said(connection, `to ${last}`), `to ${last}`);
  }
  assertEquals([...macs.values()], ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"]);
  // From one to another, without the wire.
  const near = await stacks[0].connect({ hostname: "10.0.0.3", port: 7 });
  assertEquals(await said(near, "near"), "near");
  for (const stack of [...stacks, client]) stack.close();
  await Promise.all([...stacks, client].map(({ done }) => done));
});
