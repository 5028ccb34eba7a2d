/** The orderly end, on a clock that moves only when told to. */
import { assert, assertEquals } from "@std/assert";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { closeInOrder, type ShutdownResult } from "../../src/runtime/shutdown.ts";
import { FakeConnection } from "../app/fake_connection.ts";
import { FakeHost } from "./fake_host.ts";

const driver = { enter: () => {}, leave: () => {}, noteWoken: () => {} };

function hostWith(count: number): { host: FakeHost; connections: FakeConnection[] } {
  const host = new FakeHost();
  const connections = Array.from({ length: count }, () => new FakeConnection());
  for (const connection of connections) connection.open();
  host.alive.push(...connections);
  return { host, connections };
}

/** Moves time on until the promise is settled; fails after `limitUs`. */
async function inTime<Value>(clock: VirtualClock, limitUs: number, promise: Promise<Value>): Promise<Value> {
  let pending = true;
  promise.then(() => pending = false, () => pending = false);
  for (;;) {
    for (let i = 0; i < 10; i++) await undefined;
    if (!pending) return promise;
    assert(clock.nextTimerUs <= limitUs, `still waiting at ${limitUs} us`);
    clock.advanceTo(clock.nextTimerUs);
  }
}

Deno.test("without connections there is nothing to wait for", async () => {
  const clock = new VirtualClock();
  const { host } = hostWith(0);
  assertEquals(await inTime(clock, 0, closeInOrder({ host, driver, clock })), { closed: 0, reset: 0 });
});

Deno.test("connections that end in order are not reset, and TIME_WAIT is an end", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(3);
  clock.after(30_000, () => connections[0].state = "TIME_WAIT");
  clock.after(40_000, () => connections[1].end("normal"));
  connections[2].state = "TIME_WAIT";
  const result = await inTime(clock, 200_000, closeInOrder({ host, driver, clock }));
  assertEquals(result, { closed: 2, reset: 0 });
  assertEquals(connections.map(({ calls }) => calls), [["close"], ["close"], []]);
});

Deno.test("what has not gone after two seconds is reset", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(2);
  clock.after(1000, () => connections[0].end("normal"));
  let result: ShutdownResult | undefined;
  closeInOrder({ host, driver, clock }).then((value) => result = value);
  const settle = async () => {
    for (let i = 0; i < 10; i++) await undefined;
  };
  await settle();
  while (clock.nextTimerUs < 2_000_000) {
    clock.advanceTo(clock.nextTimerUs);
    await settle();
  }
  assertEquals(result, undefined);
  assertEquals(connections[1].calls, ["close"]);
  clock.advanceTo(2_000_000);
  await settle();
  assertEquals(result, { closed: 1, reset: 1 });
  assertEquals(connections[1].calls, ["close", "abort"]);
});

Deno.test("who was held up for the two seconds takes what came meanwhile before it resets anybody", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(2);
  let result: ShutdownResult | undefined;
  closeInOrder({ host, driver, clock }).then((value) => result = value);
  const settle = async () => {
    for (let i = 0; i < 10; i++) await undefined;
  };
  await settle();
  clock.advanceTo(1000);
  await settle();
  // The machine stands still; behind the timers that are due at once comes the FIN that has been there for long.
  clock.advanceTo(3_000_000);
  await settle();
  assertEquals([result, connections.map(({ calls }) => calls)], [undefined, [["close"], ["close"]]]);
  connections[0].end("normal");
  clock.advanceTo(clock.nextTimerUs);
  await settle();
  // Once, and no more: who is still there is reset, however late that is.
  assertEquals(result, { closed: 1, reset: 1 });
  assertEquals(connections.map(({ calls }) => calls), [["close"], ["close", "abort"]]);
  assert(clock.nowUs() < 3_200_000, `${clock.nowUs()}`);
});

Deno.test("a connection that is reset because bytes are unread counts as reset, and is not waited for", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(2);
  connections[0].receive([1, 2, 3]);
  clock.after(1000, () => connections[1].end("reset-by-peer"));
  const result = await inTime(clock, 10_000, closeInOrder({ host, driver, clock }));
  assertEquals(result, { closed: 1, reset: 1 });
  assertEquals(connections.map(({ calls }) => calls), [["close"], ["close"]]);
});

Deno.test("a signal ends the patience", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(1);
  const controller = new AbortController();
  clock.after(500_000, () => controller.abort());
  const result = await inTime(
    clock,
    600_000,
    closeInOrder({ host, driver, clock, signal: controller.signal }),
  );
  assertEquals(result, { closed: 0, reset: 1 });
  assertEquals(connections[0].state, "CLOSED");
});

Deno.test("who has to be waited for is told once, after a moment in which nobody wonders", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(5);
  clock.after(200_000, () => connections[0].end("normal"));
  const told: { count: number; atUs: number }[] = [];
  const onWaiting = (count: number) => told.push({ count, atUs: clock.nowUs() });
  await inTime(clock, 2_100_000, closeInOrder({ host, driver, clock, onWaiting }));
  assertEquals(told.map(({ count }) => count), [4]);
  assert(told[0].atUs >= 300_000 && told[0].atUs < 400_000, `${told[0].atUs}`);
});

Deno.test("five thousand connections are closed and reset in turns, between which others are served", async () => {
  const clock = new VirtualClock();
  const { host, connections } = hostWith(5000);
  let turns = 0;
  let most = 0;
  let before = 0;
  const counted = () => connections.reduce((sum, { calls }) => sum + calls.length, 0);
  const counting = {
    ...driver,
    leave: () => {
      turns++;
      most = Math.max(most, counted() - before);
      before = counted();
    },
  };
  const told: string[] = [];
  const onWaiting = (count: number) => told.push(`${count} after ${clock.nowUs()} us, ${turns} turns`);
  const result = await inTime(clock, 2_100_000, closeInOrder({ host, driver: counting, clock, onWaiting }));
  assertEquals(result, { closed: 0, reset: 5000 });
  // At once, before the first is closed.
  assertEquals(told, ["5000 after 0 us, 1 turns"]);
  assertEquals(connections.every(({ calls }) => calls.join() === "close,abort"), true);
  assert(turns >= 10 && most <= 1024, `${turns} turns, ${most} at most`);
});
