/** Errors have Deno's classes, words and codes where there is Deno, and the same names where there is none. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { HostError } from "../../src/host/host_error.ts";
import { closeReasonError, interruptedError } from "../../src/runtime/connection_error.ts";
import { createLab } from "../../src/runtime/lab.ts";
import { hostErrorAsDeno, netError, osError } from "../../src/runtime/net_error.ts";

/** What `make` makes where there is no `Deno`, as in a page. */
function withoutDeno<Made>(make: () => Made): Made {
  const deno = Object.getOwnPropertyDescriptor(globalThis, "Deno");
  assert(deno !== undefined);
  Reflect.deleteProperty(globalThis, "Deno");
  try {
    return make();
  } finally {
    Object.defineProperty(globalThis, "Deno", deno);
  }
}

Deno.test("an error of the operating system is what Deno makes of it, and what it is about", async () => {
  // The kernel's own, for its words.
  const kernel = await assertRejects(
    () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
    Deno.errors.ConnectionRefused,
  );
  const ours = osError("ECONNREFUSED", "nobody is at port 1");
  assertStrictEquals(ours.constructor, kernel.constructor);
  assertEquals(ours.message, `${kernel.message}: nobody is at port 1`);
  assertEquals([ours.name, Reflect.get(ours, "code")], [kernel.name, Reflect.get(kernel, "code")]);
  const plain = osError("EHOSTUNREACH", "x");
  assertStrictEquals(plain.constructor, Error);
  assertEquals([plain.message, Reflect.get(plain, "code")], [
    "No route to host (os error 113): x",
    "EHOSTUNREACH",
  ]);
});

Deno.test("without Deno the same names, one class each", () => {
  const [one, other] = withoutDeno(() => [netError("Busy", "a"), netError("Busy", "b")]);
  assertEquals([one.name, one.message, other.message], ["Busy", "a", "b"]);
  assertStrictEquals(one.constructor, other.constructor);
  assert(!(one instanceof Deno.errors.Busy));
  const reset = withoutDeno(() => closeReasonError("a-b", "reset-by-peer"));
  assertEquals([reset.name, reset.message, Reflect.get(reset, "code")], [
    "ConnectionReset",
    "Connection reset by peer (os error 104): a-b was reset by the peer",
    "ECONNRESET",
  ]);
  assertEquals(withoutDeno(() => interruptedError()).name, "Interrupted");
});

Deno.test("what a host throws keeps its words; what is no host's error stays what it is", () => {
  const error = hostErrorAsDeno(new HostError("EADDRINUSE", "Port 7 is taken"));
  assert(error instanceof Deno.errors.AddrInUse);
  assertEquals(error.message, "Address already in use (os error 98): Port 7 is taken");
  const defect = new RangeError("a defect");
  assertStrictEquals(hostErrorAsDeno(defect), defect);
});

const REFUSED_OWN: readonly (readonly [text: string, why: string])[] = [
  ["127.0.0.1/24", "a loopback address, which never leaves a host"],
  ["127.9.9.9", "a loopback address"],
  ["::1/64", "a loopback address"],
  ["0.0.0.0/24", "no address at all"],
  ["::/64", "no address at all"],
  ["224.0.0.1/24", "a multicast address"],
  ["ff02::1/64", "a multicast address"],
  ["255.255.255.255/24", "the broadcast address"],
  ["10.0.0.255/24", "the broadcast address of its network"],
  ["::ffff:10.0.0.1/64", "an IPv4 address in IPv6's form"],
];

for (const [text, why] of REFUSED_OWN) {
  Deno.test(`no stack has the address ${text}, and it says why`, async () => {
    const { createStack, createHost, memoryPair } = await import("../../mod.ts");
    const [link] = memoryPair();
    assertThrows(() => createStack({ link, addresses: text }), TypeError, why);
    assertThrows(() => createHost({ link, addresses: ["10.0.0.1/24", text] }), TypeError, why);
  });
}

const REFUSED_PEERS: readonly (readonly [hostname: string, why: string])[] = [
  ["127.0.0.1", "a loopback address"],
  ["::1", "a loopback address"],
  ["0.0.0.0", "no address at all"],
  ["::", "no address at all"],
  ["224.0.0.1", "a multicast address"],
  ["ff02::1", "a multicast address"],
  ["255.255.255.255", "the broadcast address"],
  ["10.0.0.255", "the broadcast address of a network of this host"],
  ["10.0.0.2", "this host's own, and nothing loops back"],
  ["fd00::2", "this host's own, and nothing loops back"],
];

Deno.test("whom nobody can connect to is refused at once, with a reason and no packet", async () => {
  await using lab = createLab({ time: "manual", ipv6: true });
  for (const [hostname, why] of REFUSED_PEERS) {
    const error = await assertRejects(
      () => lab.client.connect({ hostname, port: 7 }),
      Deno.errors.AddrNotAvailable,
    );
    assert(error.message.includes(why), error.message);
    assertEquals(Reflect.get(error, "code"), "EADDRNOTAVAIL");
  }
  assertEquals(lab.client.connections, []);
  await lab.advance(0);
  assertEquals(lab.events.filter(({ event }) => event === "segment"), []);
});

Deno.test("no route, no name, and an address of somebody else have their classes", async () => {
  await using lab = createLab();
  const far = await assertRejects(
    () => lab.client.connect({ hostname: "192.0.2.1", port: 7 }),
    Deno.errors.NetworkUnreachable,
  );
  assert(far.message.startsWith("Network is unreachable (os error 101): No route to 192.0.2.1"), far.message);
  await assertRejects(
    () => lab.client.connect({ hostname: "example.org", port: 7 }),
    TypeError,
    "names are not looked up",
  );
  await assertRejects(
    () => lab.client.connect({ hostname: "10.0.0.1", port: 7, localHostname: "10.0.0.7" }),
    Deno.errors.AddrNotAvailable,
    "10.0.0.7 is not an address of this host",
  );
  assertThrows(() => lab.server.listen({ hostname: "10.0.0.7" }), Deno.errors.AddrNotAvailable, "10.0.0.7");
  const port = 40_000;
  const first = lab.client.connect({ hostname: "10.0.0.1", port: 7, localPort: port });
  await assertRejects(
    () => lab.client.connect({ hostname: "10.0.0.1", port: 7, localPort: port }),
    Deno.errors.AddrNotAvailable,
    "already has a connection",
  );
  await assertRejects(() => first, Deno.errors.ConnectionRefused);
});

Deno.test("a host that is full says so: ENOBUFS", async () => {
  await using lab = createLab({ client: { maxConnections: 1, onFull: "refuse" } });
  lab.server.listen({ port: 7 });
  const kept = await lab.client.connect({ hostname: "10.0.0.1", port: 7 });
  const error = await assertRejects(
    () => lab.client.connect({ hostname: "10.0.0.1", port: 7 }),
    Error,
    "No buffer space available (os error 105)",
  );
  assertEquals(Reflect.get(error, "code"), "ENOBUFS");
  assertEquals(kept.state, "ESTABLISHED");
});

Deno.test("aborting on this side, and writing on what has ended, have their classes", async () => {
  await using lab = createLab();
  const accepting = lab.server.listen({ port: 7 }).accept();
  const far = await lab.client.connect({ hostname: "10.0.0.1", port: 7 });
  const near = await accepting;
  await far.closeWrite();
  await near.closeWrite();
  await lab.run(near.closed);
  await near.closeWrite();
  await assertRejects(
    () => near.write(new Uint8Array(1)),
    Deno.errors.BrokenPipe,
    "Broken pipe (os error 32)",
  );
  const again = lab.server.listen({ port: 8 }).accept();
  const other = await lab.client.connect({ hostname: "10.0.0.1", port: 8 });
  const reading = assertRejects(() => other.read(new Uint8Array(1)), Deno.errors.ConnectionAborted);
  other.abort();
  await reading;
  await assertRejects(
    async () => await (await again).read(new Uint8Array(1)),
    Deno.errors.ConnectionReset,
    "Connection reset by peer (os error 104)",
  );
});
