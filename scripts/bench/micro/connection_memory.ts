/**
 * What a connection costs in memory: the growth of V8's heap and of buffers over 20,000 of them, beside what the host's
 * account says.
 *
 *     deno run -A --v8-flags=--expose-gc scripts/bench/micro/connection_memory.ts
 *
 * Owns: connections of a few kinds, and their figures. Must not know: what is allocated where.
 */
import { findApplication } from "../../../src/app/applications.ts";
import { Host } from "../../../src/host/host.ts";
import { bitsOf, craftSegment } from "../../../test/tcp/frame_craft.ts";
import { HOST_MAC, HOST_PORT, HOST_V4, PEER_MAC } from "../../../test/tcp/wire_ends.ts";
import { RecordingLink } from "../../../test/tcp/recording_link.ts";

const CONNECTIONS = 20_000;
/** Ethernet and IPv4 header, then the port numbers. */
const SEQUENCE_AT = 14 + 20 + 4;

/** What a kind of connection runs, and what its client does after the handshake. */
interface Kind {
  readonly app: string;
  readonly text?: readonly { readonly at: number; readonly bytes: number }[];
  readonly window?: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "established, nothing else": { app: "echo" },
  "one echo of 64 bytes, unacknowledged": { app: "echo", text: [{ at: 0, bytes: 64 }] },
  "an octet at the far end of the window": { app: "echo", text: [{ at: 60_000, bytes: 1 }] },
  "sixteen octets 4 KiB apart": {
    app: "echo",
    text: Array.from({ length: 16 }, (_, i) => ({ at: 1 + 4096 * i, bytes: 1 })).filter(({ at }) =>
      at < 65_000
    ),
  },
  "1,000 bytes that are not read": { app: "hold", text: [{ at: 0, bytes: 1000 }] },
  "chargen to a window of 0": { app: "chargen", window: 0 },
  "chargen, ten segments in flight": { app: "chargen" },
};

function collect(): void {
  const gc: unknown = Reflect.get(globalThis, "gc");
  if (typeof gc !== "function") throw new Error("Run it with --v8-flags=--expose-gc");
  for (let i = 0; i < 4; i++) gc();
}

function usedBytes(): number {
  collect();
  return Deno.memoryUsage().heapUsed;
}

function open(host: Host, link: RecordingLink, kind: Kind, index: number): void {
  const peer = Uint8Array.of(10, 0, 1 + (index >> 14), 1 + (index >> 8 & 0x3f));
  const route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: peer, target: HOST_V4 };
  const ports = { sourcePort: 1024 + (index & 0xff), targetPort: HOST_PORT };
  const { window = 65_535 } = kind;
  const send = (flags: string, seq: number, ack: number, data: Uint8Array) => {
    const options = flags === "SYN" ? { mss: 1460, sackPermitted: true, windowScale: 7 } : {};
    const frame = craftSegment(route, { ...ports, flags: bitsOf(flags), seq, ack, window, options, data });
    host.ingest(frame, frame.length, host.nowUs + 1);
  };
  const none = new Uint8Array(0);
  send("SYN", 1000, 0, none);
  const [answer] = link.take();
  const iss = new DataView(answer.bytes.buffer, answer.bytes.byteOffset).getUint32(SEQUENCE_AT);
  send("ACK", 1001, (iss + 1) >>> 0, none);
  for (const { at, bytes } of kind.text ?? []) send("ACK", 1001 + at, (iss + 1) >>> 0, new Uint8Array(bytes));
  link.take();
}

if (import.meta.main) {
  console.log(`bytes a connection, of ${CONNECTIONS}: heap, buffers, both; what the account says`);
  for (const [name, kind] of Object.entries(KINDS)) {
    const link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => 0 });
    const application = findApplication(kind.app);
    if (application === null) throw new Error(`There is no application ${kind.app}`);
    const host = new Host({
      link,
      addresses: [{ address: HOST_V4, prefixLength: 8 }],
      secret: new Uint8Array(16).fill(7),
      epochUs: 0,
      memoryBytes: 2 ** 34,
    });
    host.listen({
      port: HOST_PORT,
      backlog: CONNECTIONS,
      accept: application.create({ nowEpochUs: () => 0 }),
    });
    for (let i = 0; i < 200; i++) open(host, link, kind, i);
    const before = { heap: usedBytes(), ...host.memory() };
    for (let i = 200; i < CONNECTIONS + 200; i++) open(host, link, kind, i);
    const heap = (usedBytes() - before.heap) / CONNECTIONS;
    const after = host.memory();
    const buffers = (after.bufferBytes - before.bufferBytes) / CONNECTIONS;
    const account = (after.usedBytes - before.usedBytes) / CONNECTIONS;
    const figures = [heap, buffers, heap + buffers, account].map((bytes) => bytes.toFixed(0).padStart(7));
    console.log(`${name.padEnd(40)} ${figures.join("")}  (${host.connections().length} open)`);
  }
}
