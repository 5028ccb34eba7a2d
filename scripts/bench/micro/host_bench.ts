/**
 * Micro-benchmarks of what a host keeps: the connection table, the timing wheel, the rings of streams.
 */
import { ConnectionTable, type TableEntry } from "../../../src/host/connection_table.ts";
import { type DeadlineEntry, DeadlineWheel, newDeadlineFields } from "../../../src/host/deadline_wheel.ts";
import { BlockMemory } from "../../../src/tcp/fast/block_memory.ts";
import { ByteRing } from "../../../src/tcp/fast/byte_ring.ts";
import { MemoryAccount } from "../../../src/tcp/memory_account.ts";

const LOCAL = Uint8Array.of(10, 33, 0, 3);
const PEER = Uint8Array.of(10, 33, 0, 2);
const PORT = 5000;
const PORTS = 50_000;
const FIRST_PORT = 10_000;
/** Where the addresses stand in a frame. */
const PEER_OFFSET = 26;
const LOCAL_OFFSET = 30;
/** A stride that meets every entry in an order that no cache foresees. */
const STRIDE = 7919;

function tableOf(count: number): { table: ConnectionTable<TableEntry>; frame: Uint8Array } {
  const table = new ConnectionTable<TableEntry>(0x5eed1234);
  let peerAddress = PEER;
  for (let i = 0; i < count; i++) {
    // Connections of one peer share its address, as they do in a host.
    if (i % PORTS === 0) {
      peerAddress = PEER.slice();
      peerAddress[3] += Math.floor(i / PORTS);
    }
    table.add({
      localAddress: LOCAL,
      localPort: PORT,
      peerAddress,
      peerPort: FIRST_PORT + i % PORTS,
    });
  }
  const frame = new Uint8Array(64);
  frame.set(PEER, PEER_OFFSET);
  frame.set(LOCAL, LOCAL_OFFSET);
  return { table, frame };
}

for (const count of [10, 1_000, 100_000]) {
  const { table, frame } = tableOf(count);
  let at = 0;
  Deno.bench(`find: one of ${count} connections`, { group: "demultiplex" }, () => {
    at = (at + STRIDE) % count;
    frame[PEER_OFFSET + 3] = PEER[3] + Math.floor(at / PORTS);
    const entry = table.find(frame, PEER_OFFSET, LOCAL_OFFSET, 4, FIRST_PORT + at % PORTS, PORT);
    if (entry === null) throw new Error("not found");
  });
}

{
  const { table, frame } = tableOf(100_000);
  Deno.bench("find: none among 100,000", { group: "demultiplex" }, () => {
    table.find(frame, PEER_OFFSET, LOCAL_OFFSET, 4, 1, PORT);
  });
  const entry: TableEntry = {
    localAddress: LOCAL,
    localPort: PORT,
    peerAddress: PEER,
    peerPort: 1,
  };
  Deno.bench("add and remove: one more than 100,000", { group: "demultiplex" }, () => {
    table.add(entry);
    table.remove(entry);
  });
}

for (const count of [1, 100_000]) {
  const wheel = new DeadlineWheel(0);
  const entries: DeadlineEntry[] = Array.from({ length: count }, newDeadlineFields);
  entries.forEach((entry, position) => wheel.set(entry, 200_000 + position));
  let at = 0;
  let nowUs = 0;
  Deno.bench(
    `wheel: set one of ${count} anew, look at the earliest, let time go on`,
    { group: "wheel" },
    () => {
      at = (at + STRIDE) % count;
      nowUs += 3;
      wheel.set(entries[at], nowUs + 200_000);
      if (wheel.nextDeadlineUs() <= nowUs) {
        wheel.expire(nowUs, (entry) => wheel.set(entry, nowUs + 200_000));
      }
    },
  );
  const one = newDeadlineFields();
  Deno.bench(`wheel: set and cancel beside ${count}`, { group: "wheel" }, () => {
    wheel.set(one, nowUs + 40_000);
    wheel.cancel(one);
  });
}

{
  const ring = new ByteRing(new BlockMemory(new MemoryAccount(Infinity)), 0x100000);
  const bytes = new Uint8Array(1448);
  const into = new Uint8Array(1448);
  Deno.bench("ring: 1448 bytes in and out", { group: "ring" }, () => {
    ring.append(bytes, 0, bytes.length);
    ring.read(into);
  });
}
