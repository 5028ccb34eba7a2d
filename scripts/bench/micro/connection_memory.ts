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
import { pseudoHeaderSum } from "../../../src/wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../../src/wire/ipv4.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../../../src/wire/tcp.ts";
import { LastFrameLink } from "./bench_peer.ts";

const CONNECTIONS = 20_000;
const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
const HOST_ADDRESS = Uint8Array.of(10, 33, 0, 3);
const HOST_PORT = 5000;
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

/** Opens one connection, each from an address and port of its own, and sends what its kind sends. */
function open(host: Host, link: LastFrameLink, kind: Kind, index: number): void {
  const source = Uint8Array.of(10, 0, 1 + (index >> 14), 1 + (index >> 8 & 0x3f));
  const frame = new Uint8Array(2048);
  const send = (flags: number, numbers: { seq: number; ack: number }, bytes: number) => {
    const segment = Object.assign(new TcpSegment(), {
      sourcePort: 1024 + (index & 0xff),
      destinationPort: HOST_PORT,
      flags,
      ...numbers,
      window: kind.window ?? 65_535,
      ...(flags === FLAG.SYN ? { mss: 1460, sackPermitted: true, windowScale: 7 } : {}),
    });
    const ipAt = emitEthernet(frame, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.IPV4 });
    const tcpAt = ipAt + IPV4.HEADER_BYTES;
    const length = emitTcp(frame, tcpAt, segment) + bytes;
    const ends = { source, destination: HOST_ADDRESS, protocol: IP_PROTOCOL.TCP };
    emitIpv4(frame, ipAt, { ...ends, payloadLength: length, hopLimit: 64, id: 1 });
    const pseudo = pseudoHeaderSum(frame, ipAt + IPV4.SOURCE, source.length, IP_PROTOCOL.TCP, length);
    const sum = tcpChecksum(frame, tcpAt, length, pseudo);
    frame[tcpAt + TCP.CHECKSUM] = sum >>> 8;
    frame[tcpAt + TCP.CHECKSUM + 1] = sum & 0xff;
    host.ingest(frame, tcpAt + length, host.nowUs + 1);
  };
  send(FLAG.SYN, { seq: 1000, ack: 0 }, 0);
  const ack = (new DataView(link.last.buffer).getUint32(SEQUENCE_AT) + 1) >>> 0;
  send(FLAG.ACK, { seq: 1001, ack }, 0);
  for (const { at, bytes } of kind.text ?? []) send(FLAG.ACK, { seq: 1001 + at, ack }, bytes);
}

if (import.meta.main) {
  console.log(`bytes a connection, of ${CONNECTIONS}: heap, buffers, both; what the account says`);
  for (const [name, kind] of Object.entries(KINDS)) {
    const link = new LastFrameLink(IPV4.ADDRESS_BYTES);
    const application = findApplication(kind.app);
    if (application === null) throw new Error(`There is no application ${kind.app}`);
    const host = new Host({
      link,
      addresses: [{ address: HOST_ADDRESS, prefixLength: 8 }],
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
