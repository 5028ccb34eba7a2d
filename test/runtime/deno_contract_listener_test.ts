/**
 * The contract of Deno.listen, on a stack of our own and on the kernel alike: each test here runs on both, so that what it
 * demands is what Deno does.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertRejects, assertThrows } from "@std/assert";
import { createStack, memoryPair, type Stack } from "../../mod.ts";
import { onBoth } from "./both_nets.ts";

/** A test of the compiler's: ours can stand where Deno's are asked for, and take the same options. */
export const LISTEN: (options: Deno.ListenOptions & { transport?: "tcp" }) => Deno.TcpListener = (options) =>
  createStack({ link: memoryPair()[0], addresses: "10.0.0.1/24" }).listen(options);
/** The same for connections. */
export const CONNECT: (stack: Stack, options: { hostname: string; port: number }) => Promise<Deno.TcpConn> = (
  stack,
  options,
) => stack.connect(options);

onBoth("a listener without a port, or on port 0, has one that is free", ({ net }) => {
  const listeners = [net.listen({ hostname: net.server }), net.listen({ hostname: net.server, port: 0 })];
  const ports = listeners.map(({ addr }) => addr.port);
  assert(ports[0] !== ports[1]);
  for (const port of ports) assertGreaterOrEqual(port, 32768);
  for (const listener of listeners) {
    assertEquals([listener.addr.transport, listener.addr.hostname], ["tcp", net.server]);
    listener.close();
  }
});

onBoth("without a host name it listens on 0.0.0.0, by whichever word", ({ net }) => {
  for (const options of [{}, { hostname: undefined }, { hostname: "0.0.0.0" }]) {
    const listener = net.listen({ ...options, port: 0 });
    assertEquals(listener.addr.hostname, "0.0.0.0");
    listener.close();
  }
});

onBoth("ports are numbers or their text; what is neither is refused in Deno's words", ({ net }) => {
  for (const port of ["0", " 0 ", 0]) net.listen({ hostname: "localhost", port }).close();
  const table: readonly (readonly [unknown, ErrorConstructor, string])[] = [
    [-1, RangeError, "Invalid port (out of range): -1"],
    [65536, RangeError, "Invalid port (out of range): 65536"],
    [1.5, TypeError, "Invalid port: 1.5"],
    [NaN, TypeError, "Invalid port: NaN"],
    ["", TypeError, "Invalid port: ''"],
    ["80x", TypeError, "Invalid port: '80x'"],
    [{}, TypeError, "Invalid port (expected number): [object Object]"],
  ];
  for (const [port, errorClass, message] of table) {
    const error = assertThrows(() => net.listen({ port }), errorClass);
    assertEquals(error.message, message);
  }
});

onBoth("a port that is taken is AddrInUse, an address of somebody else AddrNotAvailable", ({ net }) => {
  const listener = net.listen({ hostname: net.server, port: 0 });
  const { port } = listener.addr;
  const taken = assertThrows(() => net.listen({ hostname: net.server, port }), Deno.errors.AddrInUse);
  assert(taken.message.startsWith("Address already in use (os error 98)"), taken.message);
  assertEquals(Reflect.get(taken, "code"), "EADDRINUSE");
  listener.close();
  net.listen({ hostname: net.server, port }).close();
  const foreign = assertThrows(() => net.listen({ hostname: "192.0.2.77" }), Deno.errors.AddrNotAvailable);
  assert(foreign.message.startsWith("Cannot assign requested address (os error 99)"), foreign.message);
});

onBoth(
  "closing while accept waits rejects it to the letter, and so does accept afterwards",
  async ({ net }) => {
    const listener = net.listen({ hostname: net.server });
    const { port } = listener.addr;
    const waiting = assertRejects(() => listener.accept(), Deno.errors.BadResource);
    listener.close();
    assertEquals((await waiting).message, "Listener has been closed");
    const late = await assertRejects(() => listener.accept(), Deno.errors.BadResource);
    assertEquals(late.message, "Listener has been closed");
    // Nothing of it is left on the port.
    net.listen({ hostname: net.server, port }).close();
  },
);

onBoth(
  "a second accept is Busy while one waits, also on a listener without a hold on the process",
  async ({ net }) => {
    const listener = net.listen({ hostname: net.server });
    const first = listener.accept();
    for (const hold of ["ref", "unref"] as const) {
      listener[hold]();
      const error = await assertRejects(() => listener.accept(), Deno.errors.Busy);
      assertEquals(error.message, "Another accept task is ongoing");
    }
    listener.ref();
    const [near, far] = await Promise.all([first, net.connect({ port: listener.addr.port })]);
    near.close();
    far.close();
    listener.close();
  },
);

onBoth(
  "an iteration that is one too many is Busy, also where the listener is closed in that moment",
  async ({ net }) => {
    const listener = net.listen({ hostname: net.server });
    const waiting = assertRejects(() => listener.accept(), Deno.errors.BadResource);
    const busy = assertRejects(() => listener[Symbol.asyncIterator]().next(), Deno.errors.Busy);
    listener.close();
    await busy;
    await waiting;
  },
);

onBoth("an iteration ends when the listener is closed, under it or before it", async ({ net }) => {
  const listener = net.listen({ hostname: net.server });
  const next = listener[Symbol.asyncIterator]().next();
  listener.close();
  assertEquals(await next, { value: undefined, done: true });
  assertEquals(await listener[Symbol.asyncIterator]().next(), { value: undefined, done: true });
});

onBoth("leaving an iteration closes the listener, by break and by an error", async ({ net }) => {
  for (const leave of ["break", "throw"]) {
    const listener = net.listen({ hostname: net.server });
    const { port } = listener.addr;
    const iterating = (async () => {
      for await (const connection of listener) {
        connection.close();
        if (leave === "break") break;
        throw new SyntaxError("the program's own");
      }
    })().catch((error) => assert(error instanceof SyntaxError));
    const far = await net.connect({ port });
    await iterating;
    far.close();
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
    net.listen({ hostname: net.server, port }).close();
  }
});

onBoth("a `using` block closes, and closing again is left to it", async ({ net }) => {
  let done;
  {
    using listener = net.listen({ hostname: net.server });
    done = assertRejects(() => listener.accept(), Deno.errors.BadResource);
  }
  await done;
  {
    using listener = net.listen({ hostname: net.server });
    listener.close();
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  }
});

Deno.test("ours alone: the port is free with the call that closes, whoever waits; closing again does nothing", async () => {
  const stack = createStack({ link: memoryPair()[0], addresses: "10.0.0.1/24" });
  const first = stack.listen({ port: 7 });
  const waiting = assertRejects(() => first.accept(), Deno.errors.BadResource);
  first.close();
  const second = stack.listen({ port: 7 });
  first.close();
  assertEquals([first.state, second.state], ["CLOSED", "LISTEN"]);
  assertThrows(() => stack.listen({ port: 7 }), Deno.errors.AddrInUse);
  await waiting;
  stack.close();
  await stack.done;
});
