/** Waiting for a descriptor: ready, timed out, woken, closed while waiting. */

import { assert, assertEquals } from "@std/assert";
import { libc } from "../../ffi/libc.ts";
import { Readiness } from "../../ffi/readiness.ts";

const unix = Deno.build.os !== "windows";
// Opened outside any test: a test that leaves a library open counts as leaking.
if (unix) libc();

/** A pipe of the C library's; reading end first. */
function pipe(): { read: number; write: number; fill(): void } & Disposable {
  const ends = new Int32Array(2);
  assertEquals(libc().pipe(ends), 0);
  const [read, write] = ends;
  return {
    read,
    write,
    fill: () => void libc().write(write, new Uint8Array(1), 1n),
    [Symbol.dispose]: () => [read, write].forEach((end) => libc().close(end)),
  };
}

const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `readiness: ${name}`, ignore: !unix, fn });

test("a readable descriptor ends the wait, as often as it is asked", async () => {
  using ends = pipe();
  const readiness = new Readiness(ends.read);
  ends.fill();
  await readiness.wait(Infinity);
  await readiness.wait(Infinity);
  readiness.close(() => {});
});

test("a wait that is pending is shared, and a wake-up ends it", async () => {
  using ends = pipe();
  const readiness = new Readiness(ends.read);
  const first = readiness.wait(Infinity);
  assert(readiness.wait(Infinity) === first);
  readiness.wake();
  readiness.wake();
  await first;
  const second = readiness.wait(Infinity);
  assert(second !== first);
  readiness.wake();
  await second;
  readiness.close(() => {});
});

test("a wait of no time comes back", async () => {
  using ends = pipe();
  const readiness = new Readiness(ends.read);
  for (const timeoutMs of [0, -5, 0.2]) await readiness.wait(timeoutMs);
  readiness.close(() => {});
});

test("closing releases at once when nothing waits", async () => {
  using ends = pipe();
  const readiness = new Readiness(ends.read);
  let released = 0;
  readiness.close(() => released++);
  assertEquals(released, 1);
  readiness.close(() => released++);
  await readiness.wait(Infinity);
  assertEquals(released, 1);
});

test("closing while waiting releases only after the wait has ended", async () => {
  using ends = pipe();
  const readiness = new Readiness(ends.read);
  const waiting = readiness.wait(Infinity);
  const order: string[] = [];
  readiness.close(() => order.push("released"));
  order.push("close returned");
  await waiting;
  await Promise.resolve();
  assertEquals(order, ["close returned", "released"]);
});
