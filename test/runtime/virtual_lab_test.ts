/** Two hosts, a cable and a virtual clock, put together. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { HostConnection } from "../../src/host/api.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { LAB_ADDRESSES, VirtualLab, type VirtualLabOptions } from "../../src/runtime/virtual_lab.ts";

interface Talk {
  readonly lab: VirtualLab;
  readonly client: HostConnection;
  readonly log: string[];
}

/** A client that sends `bytes` to a server that reads, and closes in answer. */
function talk(bytes: number, options: VirtualLabOptions = {}): Talk {
  const log: string[] = [];
  const lab: VirtualLab = new VirtualLab({
    delayUs: 10_000,
    observe: (side, event) => log.push(JSON.stringify({ side, ...event })),
    ...options,
  });
  lab.host(1).listen({
    port: 80,
    accept: () => ({
      onReadable: (connection) => void connection.skip(Infinity),
      onPeerClosed: (connection) => connection.closeWrite(),
    }),
  });
  const text = new Uint8Array(bytes);
  let sent = 0;
  const push = (connection: HostConnection) => {
    sent += connection.write(text, sent);
    if (sent === bytes) connection.closeWrite();
  };
  const client = lab.host(0).connect({
    address: LAB_ADDRESSES[1],
    port: 80,
    handler: { onOpen: push, onWritable: (connection) => void (sent < bytes && push(connection)) },
  });
  lab.settle();
  return { lab, client, log };
}

Deno.test("a transfer over a bad cable comes whole, and leaves nobody behind", () => {
  const { lab, client } = talk(100_000, { faults: parseFaultSpec("drop=5%,dup=2%,reorder=5%,seed=3") });
  lab.advanceTo(20_000_000);
  assertEquals(client.info().bytesOut, 100_000);
  assertEquals([client.state, lab.host(1).connections()], ["TIME_WAIT", []]);
  lab.advanceTo(100_000_000);
  assertEquals([client.state, lab.nextUs, lab.cable.underWay], ["CLOSED", Infinity, 0]);
});

Deno.test("a seed decides everything: numbers, ports, chance; the same is the same to the letter", () => {
  const run = (seed: number) => {
    const { lab, log } = talk(30_000, { seed, faults: parseFaultSpec(`drop=10%,seed=${seed}`) });
    lab.advanceTo(5_000_000);
    return log.join("\n");
  };
  assertEquals(run(5), run(5));
  assertNotEquals(run(5), run(6));
});

Deno.test("times are whole microseconds, whatever a deadline is made of", () => {
  const { lab, log } = talk(6_000, { faults: parseFaultSpec("in:drop=40%,seed=9") });
  lab.advanceTo(30_000_000);
  const times: number[] = log.map((line) => JSON.parse(line).time * 1e6);
  assert(times.length > 50 && times.every((us) => Math.abs(us - Math.round(us)) < 1e-3));
});

Deno.test("ARP is no part of the story, and a host that was started anew is found at once", () => {
  const { lab, client, log } = talk(10);
  lab.advanceTo(5_000);
  assertEquals(lab.cable.underWay, 1);
  lab.restart(1);
  log.length = 0;
  lab.advanceTo(25_000);
  // Its SYN meets a host that does not listen any more, 10 ms after it left.
  assertEquals([client.state, client.ended], ["CLOSED", "refused"]);
  assertEquals(log.filter((line) => line.includes('"arp"')), []);
  const [, isn] = [0, 1].map((side) => lab.host(side === 0 ? 0 : 1).counters()["frames-in"]);
  assert(isn > 0);
});
