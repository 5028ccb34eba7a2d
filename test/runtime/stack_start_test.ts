/** How a stack begins, and what is left to do for one that has nothing to do, on a virtual clock. */
import { assertEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { createStack } from "../../src/runtime/create_stack.ts";
import { addressOnLink, IS_IPV6 } from "../tcp/family.ts";
import { VirtualTime } from "./virtual_time.ts";

Deno.test("a stack at rest has no timer", async () => {
  const clock = new VirtualClock();
  const [link] = memoryPair();
  await using stack = createStack({ link, addresses: addressOnLink(1), clock });
  stack.listen({ port: 7 });
  for (let i = 0; i < 20; i++) await undefined;
  // What a host says of itself when it begins, it says a few times.
  for (let minutes = 0; minutes < 10; minutes++) {
    clock.advance(60_000_000);
    for (let i = 0; i < 20; i++) await undefined;
  }
  assertEquals(clock.nextTimerUs, Infinity);
});
Deno.test("a stack that is to start later takes nothing until then, and hears what came meanwhile", async () => {
  const [a, b] = memoryPair();
  const time = new VirtualTime([b]);
  const orders: string[] = [];
  const order = {
    isOpen: false,
    isHolding: false,
    looking: () => {},
    arrived: () => void orders.push("arrived"),
    looked: () => {},
    departing: () => {},
    resting: () => {},
    end: () => void orders.push("end"),
  };
  const { clock } = time;
  const later = createStack({
    link: a,
    addresses: addressOnLink(1),
    clock,
    start: false,
    frameOrders: [order],
  });
  const announcer = createStack({ link: b, addresses: addressOnLink(2), clock });
  await time.settle();
  // Over IPv6 it asks for routers too.
  const frames = IS_IPV6 ? 2 : 1;
  assertEquals([a.waitingFrames, later.host.counters()["frames-in"], orders], [frames, 0, []]);
  later.pump.start();
  await time.settle();
  assertEquals([a.waitingFrames, later.host.counters()["frames-in"], orders], [
    0,
    frames,
    Array(frames).fill("arrived"),
  ]);
  later.close();
  announcer.close();
  await Promise.all([later.done, announcer.done]);
  assertEquals(orders, [...Array(frames).fill("arrived"), "end"]);
});
