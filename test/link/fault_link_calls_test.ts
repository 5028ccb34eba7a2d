/**
 * What a bad link asks of the one below, and when: budgets, cut sizes, flushes, waits and wakes, each counted.
 */
import { assertEquals } from "@std/assert";
import { FaultLink, faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { HOST_MAC, PEER_MAC } from "../tcp/wire_ends.ts";
import { CountingLink } from "./counting_link.ts";

function frame(last: number, type: number = ETHERTYPE.IPV4): Uint8Array {
  const bytes = new Uint8Array(60);
  emitEthernet(bytes, { destination: HOST_MAC, source: PEER_MAC, type });
  bytes[59] = last;
  return bytes;
}

class Bench {
  readonly link = new CountingLink();
  readonly bad: FaultLink;
  nowUs = 0;

  constructor(spec: string) {
    this.bad = faultLink(this.link, { faults: parseFaultSpec(spec), nowUs: () => this.nowUs });
  }

  /** What the link below was asked since the last look. */
  asked(): string[] {
    return this.link.calls.splice(0);
  }

  /** The last byte of each frame that is handed up, and the count that is returned. */
  received(budget: number): { lasts: number[]; count: number } {
    const lasts: number[] = [];
    const count = this.bad.receive((bytes, length) => lasts.push(bytes[length - 1]), budget);
    return { lasts, count };
  }
}

Deno.test("fault link calls: a frame that is let alone goes on as it came, with its cut size or none", () => {
  for (const spec of ["in:drop=1%", "out:delay=1ms"]) {
    const { bad, ...bench } = new Bench(spec);
    const arp = frame(3, ETHERTYPE.ARP);
    bad.send(arp, 60);
    bad.send(arp, 60, 1448);
    assertEquals(bench.link.calls, ["send 3 cut 0", "send 3 cut 1448"]);
  }
});

Deno.test("fault link calls: behind a bad way out the cut size is still known, and none stays none", () => {
  const bench = new Bench("out:delay=1ms");
  bench.bad.send(frame(3), 60, 1448);
  bench.bad.send(frame(4), 60);
  assertEquals(bench.asked(), []);
  bench.nowUs = 1000;
  bench.bad.release(1000);
  assertEquals(bench.asked(), ["send 3 cut 1448", "send 4 cut 0"]);
});

Deno.test("fault link calls: what waits is sent on before a flush, a wait and a receive, and flushes go down", async () => {
  const bench = new Bench("out:delay=1ms");
  bench.bad.send(frame(1), 60);
  bench.bad.flush();
  assertEquals(bench.asked(), ["flush"]);
  bench.nowUs = 1000;
  bench.bad.flush();
  assertEquals(bench.asked(), ["send 1 cut 0", "flush"]);
  bench.bad.send(frame(2), 60);
  bench.nowUs = 2000;
  const waited = bench.bad.wait(5);
  assertEquals(bench.asked(), ["send 2 cut 0", "flush", "wait 5"]);
  bench.link.endWait();
  await waited;
  bench.bad.send(frame(3), 60);
  bench.nowUs = 3000;
  bench.received(9);
  assertEquals(bench.asked(), ["send 3 cut 0", "receive 9"]);
});

Deno.test("fault link calls: no more frames are asked for than may still be handed up", () => {
  const bench = new Bench("in:delay=1ms");
  bench.link.waiting.push(...[1, 2, 3].map((last) => frame(last)));
  assertEquals([bench.received(4), bench.asked()], [{ lasts: [], count: 3 }, ["receive 4"]]);
  bench.nowUs = 1000;
  bench.link.waiting.push(frame(4), frame(5, ETHERTYPE.ARP), frame(6, ETHERTYPE.ARP));
  assertEquals([bench.received(2), bench.asked()], [{ lasts: [1, 2], count: 2 }, []]);
  // One that is due, one that is delayed anew; then ARP, which waits for nobody.
  assertEquals([bench.received(2), bench.asked()], [{ lasts: [3], count: 2 }, ["receive 1"]]);
  assertEquals([bench.received(1), bench.asked()], [{ lasts: [5], count: 1 }, ["receive 1"]]);
  assertEquals([bench.received(3), bench.asked()], [{ lasts: [6], count: 1 }, ["receive 3"]]);
  bench.nowUs = 2000;
  assertEquals([bench.received(3), bench.asked()], [{ lasts: [4], count: 1 }, ["receive 2"]]);
});

Deno.test("fault link calls: who takes as many as it was asked for says so, whatever became of them: more may wait", () => {
  const bench = new Bench("in:drop=100%");
  bench.link.waiting.push(...[1, 2, 3].map((last) => frame(last)));
  assertEquals(bench.received(2), { lasts: [], count: 2 });
  assertEquals(bench.received(2), { lasts: [], count: 1 });
  assertEquals(bench.received(2), { lasts: [], count: 0 });
});

Deno.test("fault link calls: frames that were let alone count in the budget beside those that follow at once", () => {
  const bench = new Bench("in:dup=100%");
  bench.link.waiting.push(frame(1, ETHERTYPE.ARP), frame(2), frame(3, ETHERTYPE.ARP));
  assertEquals(bench.received(4), { lasts: [1, 3, 2, 2], count: 4 });
  bench.link.waiting.push(frame(4, ETHERTYPE.ARP), frame(5));
  assertEquals(bench.received(2), { lasts: [4, 5], count: 2 });
  assertEquals(bench.received(2), { lasts: [5], count: 1 });
  // One that is due from before, and two that are due at once.
  bench.link.waiting.push(frame(6), frame(7));
  assertEquals(bench.received(3), { lasts: [6, 6, 7], count: 3 });
  bench.link.waiting.push(frame(8), frame(9));
  assertEquals(bench.received(3), { lasts: [7, 8, 8], count: 3 });
  assertEquals(bench.received(3), { lasts: [9, 9], count: 2 });
});

Deno.test("fault link calls: a wait is no longer than until the next frame, in either direction", async () => {
  const bench = new Bench("in:delay=3ms,out:delay=5ms");
  const waits = async (timeoutMs: number) => {
    const waited = bench.bad.wait(timeoutMs);
    bench.link.endWait();
    await waited;
    return bench.asked();
  };
  assertEquals(await waits(60), ["flush", "wait 60"]);
  bench.bad.send(frame(1), 60);
  assertEquals(await waits(60), ["flush", "wait 5"]);
  bench.link.waiting.push(frame(2));
  bench.received(1);
  bench.asked();
  assertEquals(await waits(60), ["flush", "wait 3"]);
  assertEquals(await waits(2), ["flush", "wait 2"]);
  bench.nowUs = 2500;
  assertEquals(await waits(60), ["flush", "wait 0.5"]);
  bench.nowUs = 3000;
  assertEquals(await waits(60), ["flush"], "a frame is there to be received");
});

Deno.test("fault link calls: the link below is woken for a frame that is due before its wait ends, and for no other", async () => {
  const bench = new Bench("out:delay=5ms");
  bench.bad.send(frame(1), 60);
  assertEquals(bench.asked(), [], "nobody waits yet");
  bench.nowUs = 5000;
  bench.bad.release(5000);
  bench.asked();
  const long = bench.bad.wait(6);
  bench.bad.send(frame(2), 60);
  assertEquals(bench.asked(), ["flush", "wait 6", "wake"]);
  bench.link.endWait();
  await long;
  bench.nowUs = 10_000;
  bench.bad.release(10_000);
  bench.asked();
  const equal = bench.bad.wait(5);
  bench.bad.send(frame(3), 60);
  assertEquals(bench.asked(), ["flush", "wait 5"], "the wait ends when it is due");
  bench.link.endWait();
  await equal;
  bench.nowUs = 15_000;
  bench.bad.release(15_000);
  const over = bench.bad.wait(60);
  bench.link.endWait();
  await over;
  bench.asked();
  bench.bad.send(frame(4), 60);
  assertEquals(bench.asked(), [], "the wait is over");
});

Deno.test("fault link calls: a close loses what is under way in both directions, and so does the end of a scope", () => {
  for (const close of [(bad: FaultLink) => bad.close(), (bad: FaultLink) => bad[Symbol.dispose]()]) {
    const bench = new Bench("delay=5ms");
    bench.link.waiting.push(frame(1));
    bench.received(1);
    close(bench.bad);
    assertEquals([bench.bad.nextDueUs(), bench.asked()], [Infinity, ["receive 1", "close"]]);
    bench.bad.send(frame(2), 60);
    close(bench.bad);
    assertEquals(bench.bad.nextDueUs(), Infinity);
  }
});
