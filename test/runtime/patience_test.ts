/** Patience with who may never come: over when it is, and not since this process has stood still. */
import { assertEquals, assertRejects } from "@std/assert";
import { comesWithin, Patience } from "../../src/runtime/patience.ts";

/** Longer than the patience that is tried. */
const STILL_MS = 60;
const SHORT_MS = 20;

/** The whole process stands still, as it does when it is stopped or gets no core. */
function standStill(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STILL_MS);
}

/** Two ends that are joined. */
async function ends(): Promise<{ near: Deno.Conn; far: Deno.Conn } & Disposable> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([listener.accept(), Deno.connect({ port: listener.addr.port })]);
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      near.close();
      far.close();
    },
  };
}

Deno.test("patience: what came while the process stood still has come in time", async () => {
  using pair = await ends();
  const reading = pair.near.read(new Uint8Array(10));
  const comes = comesWithin(reading, SHORT_MS);
  await pair.far.write(new Uint8Array(3));
  standStill();
  assertEquals(await comes, true);
});

Deno.test("patience: so has what is said again and again, each time after a rest", async () => {
  using pair = await ends();
  let isOver = false;
  using patience = new Patience(SHORT_MS, () => isOver = true);
  for (let times = 0; times < 5; times++) {
    const reading = pair.near.read(new Uint8Array(10));
    await pair.far.write(new Uint8Array(3));
    standStill();
    await reading;
    patience.heard();
  }
  assertEquals(isOver, false);
});

Deno.test("patience: who does not come is not waited for, and is told of once", async () => {
  const over: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const patience = new Patience(1, () => {
    over.push("over");
    resolve();
  });
  assertEquals(await comesWithin(new Promise(() => {}), 1), false);
  await promise;
  patience.heard();
  assertEquals(await comesWithin(new Promise(() => {}), SHORT_MS), false);
  assertEquals(over, ["over"]);
});

Deno.test("patience: what fails while it is waited for is told as it is, and leaves no timer", async () => {
  await assertRejects(() => comesWithin(Promise.reject(new SyntaxError("its own")), 3_600_000), SyntaxError);
  assertEquals(await comesWithin(Promise.resolve(), 3_600_000), true);
});
