/** The library over both families: addresses, gateways, and host names as Deno writes them. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { createHost, createStack } from "../../src/runtime/create_stack.ts";
import { listenOn } from "../../src/runtime/listen.ts";
import { VirtualTime } from "./virtual_time.ts";

const BOTH = ["10.0.0.1/24", "fd00::1/64"];

Deno.test("a stack listens and connects on IPv4, on IPv6, and on [::1] as Deno takes it", async () => {
  const [near, far] = memoryPair();
  const time = new VirtualTime([near, far]);
  const { clock } = time;
  await using server = createStack({ link: near, addresses: BOTH, clock });
  await using client = createStack({ link: far, addresses: ["10.0.0.2", "fd00::2"], clock });
  await time.pass(3_000_000);
  using everywhere = server.listen({ port: 7 });
  using only = server.listen({ port: 8, hostname: "[fd00::1]" });
  using any = server.listen({ port: 9, hostname: "::" });
  for (
    const [hostname, shown] of [["10.0.0.1", "10.0.0.1"], ["fd00::1", "fd00::1"], ["[fd00::1]", "fd00::1"]]
  ) {
    for (const [port, listener] of [[7, everywhere], [9, any]] as const) {
      const [ours, theirs] = await time.get(
        Promise.all([client.connect({ hostname, port }), listener.accept()]),
      );
      assertEquals(ours.remoteAddr, { transport: "tcp", hostname: shown, port });
      const family = shown.includes(":") ? "fd00::2" : "10.0.0.2";
      assertEquals([ours.localAddr.hostname, theirs.remoteAddr.hostname], [family, family]);
    }
  }
  const [ours] = await time.get(
    Promise.all([client.connect({ hostname: "fd00::1", port: 8 }), only.accept()]),
  );
  assertEquals(ours.state, "ESTABLISHED");
  await time.get(assertRejects(
    () => client.connect({ hostname: "10.0.0.1", port: 8 }),
    Deno.errors.ConnectionRefused,
  ));
  for (const hostname of ["[10.0.0.1]", "[fd00::1", "fd00::1]", "[]", "[[fd00::1]]"]) {
    await assertRejects(() => client.connect({ hostname, port: 7 }), TypeError, "is not an IP address");
  }
  // In order would take the time of the virtual clock.
  for (const stack of [server, client]) stack.close();
});

Deno.test("gateways are one of each family", () => {
  const [link] = memoryPair();
  const host = (gateway: string | readonly string[]) => createHost({ link, addresses: BOTH, gateway });
  host("10.0.0.254");
  host("fe80::1");
  host(["10.0.0.254", "fe80::1"]);
  assertThrows(
    () => host(["10.0.0.254", "fe80::1", "10.0.0.253"]),
    TypeError,
    '"10.0.0.253" is a second gateway of its family: expected one of each at most',
  );
  assertThrows(() => host("router"), TypeError, '"router" is not the address of a gateway');
});

Deno.test("a listener may be on several addresses, and then says that it is on all", async () => {
  const [near, far] = memoryPair();
  const time = new VirtualTime([near, far]);
  const { clock } = time;
  const openDevice = () => Promise.reject(new Error("no device"));
  const listener = listenOn({ link: near, ip: BOTH, port: 7, clock }, { openDevice });
  assertEquals(listener.addr.hostname, "::");
  await using client = createStack({ link: far, addresses: "fd00::2/64", clock });
  await time.pass(3_000_000);
  const [ours] = await time.get(
    Promise.all([client.connect({ hostname: "fd00::1", port: 7 }), listener.accept()]),
  );
  assert(ours.state === "ESTABLISHED");
  assertThrows(
    () => listenOn({ link: far, ip: [], port: 7 }, { openDevice }),
    TypeError,
    "is not an address",
  );
  listener.close();
  client.close();
});
