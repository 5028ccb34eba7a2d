/**
 * Micro-benchmarks of what it costs to be observed: a megabyte between two hosts, without a log, with an observer that
 * does nothing, and with the log in JSON of both ends.
 */
import { Host } from "../../../src/host/host.ts";
import { memoryPair } from "../../../src/link/memory_link.ts";
import { JsonLines } from "../../../src/observe/json_lines.ts";
import { LineWriter } from "../../../src/observe/log_writer.ts";
import type { Observer } from "../../../src/tcp/events.ts";

const BYTES = 1 << 20;
const CHUNK = new Uint8Array(0x4000);
const PORT = 5001;
const ADDRESSES = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)] as const;

interface Ends {
  readonly hosts: readonly [Host, Host];
  /** Sends the megabyte, and returns when all of it is acknowledged. */
  transfer(): void;
}

function ends(observer: () => Observer | null): Ends {
  const links = memoryPair({ queueFrames: 4096 });
  let nowUs = 1_000_000;
  const host = (side: 0 | 1) => {
    const made = new Host({
      link: links[side],
      addresses: [{ address: ADDRESSES[side], prefixLength: 24 }],
      secret: Uint8Array.from({ length: 16 }, (_, i) => i + side),
      epochUs: 1_700_000_000_000_000,
      nowUs,
    });
    made.observer = observer();
    return made;
  };
  const hosts = [host(0), host(1)] as const;
  const turn = () => {
    let frames = 0;
    nowUs += 20;
    for (const side of [0, 1] as const) {
      frames += links[side].receive((frame, length) => hosts[side].ingest(frame, length, nowUs), 256);
      hosts[side].tick(nowUs);
    }
    return frames;
  };
  hosts[1].listen({
    port: PORT,
    accept: () => ({ onReadable: (connection) => void connection.skip(connection.readableBytes) }),
  });
  const connection = hosts[0].connect({ address: ADDRESSES[1], port: PORT, handler: {} });
  while (turn() > 0);
  return {
    hosts,
    transfer: () => {
      let left = BYTES;
      hosts[0].setNow(nowUs);
      while (left > 0 || connection.unackedBytes > 0) {
        if (left > 0) left -= connection.write(CHUNK, 0, Math.min(CHUNK.length, left));
        if (turn() === 0) nowUs = Math.max(nowUs, Math.min(...hosts.map((each) => each.nextDeadlineUs())));
      }
    },
  };
}

const json = () =>
  new JsonLines(new LineWriter({ bufferBytes: 1 << 20, write: (chunk) => chunk.length })).observe;

const ways: readonly [string, () => Observer | null][] = [
  ["nobody observes", () => null],
  ["an observer that does nothing", () => () => {}],
  ["--log json on both ends", json],
];

for (const [name, observer] of ways) {
  const { transfer } = ends(observer);
  for (let i = 0; i < 20; i++) transfer();
  Deno.bench(`a megabyte: ${name}`, { group: "log" }, transfer);
}
