/** The pump beside a device whose MTU changes: the host hears of it before what it would otherwise get wrong. */
import { assertEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { Pump } from "../../src/runtime/pump.ts";
import { FakeHost } from "./fake_host.ts";

const FRAME = new Uint8Array(60);

function bench() {
  const [link, far] = memoryPair();
  const host = new FakeHost();
  const clock = new VirtualClock({ nowUs: 1000 });
  const pump = new Pump({ link, host, clock, spinUs: 0 });
  return { host, clock, pump, far, link };
}

Deno.test("pump: after a rest the host hears of another MTU before the first frame", () => {
  const { pump, host, far, link } = bench();
  link.mtu = 1000;
  far.send(FRAME, 10);
  far.send(FRAME, 11);
  pump.turn();
  assertEquals(host.log, ["link changed", "frame 10 @1000", "frame 11 @1000"]);
  far.send(FRAME, 12);
  pump.turn();
  assertEquals(host.log.slice(3), ["frame 12 @1000"]);
});

Deno.test("pump: what a refused frame has shown reaches the host in the same turn", () => {
  const { pump, host, clock, link } = bench();
  host.deadlineUs = 2000;
  clock.advanceTo(2000);
  // The device refuses what the deadline sends, and the link looks why.
  host.onTick = () => link.mtu = 900;
  pump.turn();
  assertEquals(host.log, ["tick @2000", "link changed"]);
  assertEquals(host.nowUs, 2000);
  pump.turn();
  assertEquals(host.log.length, 2);
});

Deno.test("pump: a call from outside that is refused wakes the pump, which tells the host", async () => {
  const { pump, host, link } = bench();
  const settle = async () => {
    for (let i = 0; i < 50; i++) await undefined;
  };
  pump.start();
  await settle();
  pump.enter();
  link.mtu = 900;
  pump.leave();
  await settle();
  assertEquals(host.log, ["link changed"]);
  pump.stop();
  await pump.done;
});
