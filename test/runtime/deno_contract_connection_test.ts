/**
 * The contract of Deno.connect and Deno.TcpConn, on stacks of our own and on the kernel alike; see deno_contract_listener_test.ts.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { visitEventLoop } from "../../src/runtime/pump.ts";
import { type BothNets, onBoth } from "./both_nets.ts";

/** Both ends of a connection, and what it came from. */
async function pair({ net }: BothNets) {
  const listener = net.listen({ hostname: net.server });
  const { port } = listener.addr;
  const [near, far] = await Promise.all([listener.accept(), net.connect({ port })]);
  listener.close();
  return { near, far, port };
}

onBoth("both ends know both addresses", async (on) => {
  const { near, far, port } = await pair(on);
  assertEquals([near.localAddr.hostname, near.localAddr.port], [on.net.server, port]);
  assertEquals([far.remoteAddr.hostname, far.remoteAddr.port], [on.net.server, port]);
  assertEquals([near.remoteAddr.hostname, near.remoteAddr.port], [
    far.localAddr.hostname,
    far.localAddr.port,
  ]);
  assertEquals(far.localAddr.transport, "tcp");
  near.close();
  far.close();
});

onBoth("bytes come, then the end, as often as it is asked for", async (on) => {
  const { near, far } = await pair(on);
  far.setNoDelay(true);
  far.setKeepAlive(true);
  await near.write(Uint8Array.of(1, 2, 3));
  near.close();
  const into = new Uint8Array(100);
  assertEquals(await far.read(into), 3);
  assertEquals([...into.subarray(0, 3)], [1, 2, 3]);
  assertEquals([await far.read(into), await far.read(into)], [null, null]);
  far.close();
});

onBoth("a read that waits when we close is Interrupted; what comes after is BadResource", async (on) => {
  const { near, far } = await pair(on);
  const waiting = assertRejects(() => near.read(new Uint8Array(10)), Deno.errors.Interrupted);
  near.close();
  const error = await waiting;
  assertEquals([error.message, Reflect.get(error, "code")], ["operation canceled", "EINTR"]);
  await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.BadResource);
  await assertRejects(() => near.write(new Uint8Array(1)), Deno.errors.BadResource);
  await assertRejects(() => near.closeWrite(), Deno.errors.BadResource);
  // The peer sees that we have gone.
  assertEquals(await far.read(new Uint8Array(1)), null);
  far.close();
});

onBoth("a write that waits when we close is Interrupted", async (on) => {
  const { near, far } = await pair(on);
  let count = 0;
  const writing = assertRejects(async () => {
    for (;; count++) await near.write(new Uint8Array(1 << 20));
  }, Deno.errors.Interrupted);
  // Nobody reads: one of them comes to wait.
  for (let seen = -1; seen !== count;) {
    seen = count;
    // More than a busy kernel takes for what is still on its way over loopback.
    for (let turn = 0; turn < 1000; turn++) await visitEventLoop();
  }
  near.close();
  await writing;
  far.close();
});

onBoth("closeWrite leaves reading alone, and writing is a broken pipe", async (on) => {
  const { near, far } = await pair(on);
  await far.closeWrite();
  await far.closeWrite();
  const error = await assertRejects(() => far.write(new Uint8Array(3)), Deno.errors.BrokenPipe);
  assert(error.message.startsWith("Broken pipe (os error 32)"), error.message);
  assertEquals(Reflect.get(error, "code"), "EPIPE");
  assertEquals(await near.read(new Uint8Array(9)), null);
  await near.write(Uint8Array.of(7));
  assertEquals(await far.read(new Uint8Array(9)), 1);
  near.close();
  far.close();
});

onBoth("nobody listens: ConnectionRefused", async ({ net }) => {
  const listener = net.listen({ hostname: net.server });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => net.connect({ port }), Deno.errors.ConnectionRefused);
  assert(error.message.startsWith("Connection refused (os error 111)"), error.message);
  assertEquals(Reflect.get(error, "code"), "ECONNREFUSED");
});

onBoth("ports that cannot be, and signals", async ({ net }) => {
  for (const port of [-1, 0, 65536]) {
    const error = await assertRejects(() => net.connect({ port }), RangeError);
    assertEquals(error.message, `Invalid port (out of range): ${port}`);
  }
  const { signal } = new AbortController();
  await assertRejects(() => net.connect({ port: -1, signal }), RangeError);
  const error = await assertRejects(() => net.connect({ port: 9, signal: AbortSignal.abort() }));
  assertEquals(Reflect.get(Object(error), "name"), "AbortError");
});

onBoth("cancelling readable closes: the peer's stream ends, and nothing can be written", async (on) => {
  const { near, far } = await pair(on);
  const served = near.readable.pipeTo(near.writable);
  const reader = far.readable.getReader();
  const writer = far.writable.getWriter();
  await writer.write(new TextEncoder().encode("Hello"));
  assertEquals(new TextDecoder().decode((await reader.read()).value), "Hello");
  await reader.cancel();
  await served;
  await assertRejects(() => far.write(new Uint8Array(1)), Deno.errors.BadResource);
});

onBoth("two reads at once are served in their order", async (on) => {
  const { near, far } = await pair(on);
  const [first, second] = [new Uint8Array(1), new Uint8Array(1)];
  const reads = [near.read(first), near.read(second)];
  await far.write(Uint8Array.of(1, 2));
  assertEquals(await Promise.all(reads), [1, 1]);
  assertEquals([first[0], second[0]], [1, 2]);
  near.close();
  far.close();
});
