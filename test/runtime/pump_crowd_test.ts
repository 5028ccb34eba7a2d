/** The pump beside a link on which more waits than can be taken: the host hears of it, once each way. */
import { assertEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { Pump } from "../../src/runtime/pump.ts";
import { FakeHost } from "./fake_host.ts";

Deno.test("pump: the host is told when the link becomes crowded, and when it is no more", () => {
  const [memory] = memoryPair();
  let isCrowded = false;
  const link = new Proxy(memory, {
    get: (target, name) => {
      if (name === "isCrowded") return isCrowded;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const host = new FakeHost();
  const pump = new Pump({ link, host, clock: new VirtualClock({ nowUs: 1000 }), spinUs: 0 });
  pump.turn();
  assertEquals(host.crowds, []);
  isCrowded = true;
  pump.turn();
  pump.turn();
  assertEquals(host.crowds, [true]);
  isCrowded = false;
  pump.turn();
  pump.turn();
  assertEquals(host.crowds, [true, false]);
});
