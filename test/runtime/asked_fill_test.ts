/** An application that could send for ever gives what the peer asks for, in whole bytes, whatever the window is. */
import { assert, assertEquals } from "@std/assert";
import { Connection } from "../../src/host/connection.ts";
import { VirtualStacks } from "./virtual_stacks.ts";
import { addressText } from "../tcp/family.ts";

Deno.test("what fills a send buffer is twice the smaller window, rounded down, and 4 KiB at least", async () => {
  await using on = new VirtualStacks();
  on.server.host.listen({ port: 19, accept: () => ({}) });
  await on.get(on.client.connect({ hostname: addressText(1), port: 19 }));
  await on.settle();
  const [live] = on.server.host.connections();
  assert(live instanceof Connection);
  const endless = new Uint8Array(0x40000);
  // As CUBIC leaves it: a third root of the time is in it (RFC 9438 §4.2).
  live.tcb.cwnd = 3000.7;
  assertEquals(live.fill(endless), 6001);
  assertEquals(live.fill(endless), 0);
  await on.settle();
  live.tcb.cwnd = 1000.3;
  assertEquals(live.fill(endless), 4096);
  await on.settle();
  live.tcb.cwnd = 50_000.9;
  live.tcb.sndWnd = 20_000;
  assertEquals(live.fill(endless), 40_000);
  for (const figure of [live.info().sendQueue, live.info().unsent, live.info().sndNxt]) {
    assert(Number.isInteger(figure), String(figure));
  }
});
