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

Deno.test("ARP takes no time: a SYN is on the wire at once, between the two addresses", () => {
  const { lab, log } = talk(10);
  assertEquals([lab.nowUs, lab.cable.underWay], [0, 1]);
  lab.advanceTo(10_000);
  const arrived = log.map((line) => JSON.parse(line)).find(({ side, event }) =>
    side === 1 && event === "segment"
  );
  assertEquals([arrived.time, arrived.flags], [0.01, ["SYN"]]);
  assertEquals(/^10\.0\.0\.2:80-10\.0\.0\.1:\d+$/.test(arrived.connection), true);
});

Deno.test("each host has settings of its own", () => {
  const { lab, log } = talk(10, { tcp: [{ mss: 1000 }, { mss: 500 }] });
  lab.advanceTo(20_000);
  const offered = log.map((line) => JSON.parse(line)).filter(({ event, direction }) =>
    event === "segment" && direction === "send"
  );
  assertEquals(offered.slice(0, 2).map(({ side, options }) => [side, options.mss]), [[0, 1000], [1, 500]]);
});

Deno.test("a host that was started anew knows nothing, has other secrets, and is found at once", () => {
  const { lab, client } = talk(10);
  lab.advanceTo(5_000);
  assertEquals(lab.cable.underWay, 1);
  const old = lab.host(1);
  lab.restart(1);
  assert(lab.host(1) !== old);
  assertEquals([lab.host(1).listeners(), lab.host(1).nowUs], [[], 5_000]);
  lab.advanceTo(20_000);
  // Its SYN meets a host that does not listen any more, 10 ms after it left.
  assertEquals([client.state, client.ended], ["CLOSED", "refused"]);
  const ports = [0, 1].map(() => {
    const { localPort } = lab.host(1).connect({ address: LAB_ADDRESSES[0], port: 9, handler: {} });
    lab.restart(1);
    return localPort;
  });
  assertNotEquals(ports[0], ports[1]);
});
