/**
 * Micro-benchmarks of what a stranger's segment costs: for a port where nobody listens, for a listener whose backlog is
 * full, each from another network, with a wrong checksum; over either version of IP; without a log, with a log, and with a log
 * that folds what is alike.
 */
import { Host, type HostOptions } from "../../../src/host/host.ts";
import { emptyLinkStats, type FrameLink } from "../../../src/link/link.ts";
import { textLog } from "../../../src/observe/event_text.ts";
import { JsonLines } from "../../../src/observe/json_lines.ts";
import { LineWriter } from "../../../src/observe/log_writer.ts";
import type { Observer } from "../../../src/tcp/events.ts";
import { writeU16, writeU32 } from "../../../src/wire/bytes.ts";
import { emitEthernet, ETHERNET } from "../../../src/wire/ethernet.ts";
import { emitIp, etherTypeOf, IP_PROTOCOL, ipHeaderBytes } from "../../../src/wire/ip.ts";
import { emitTcp, FLAG, TcpSegment } from "../../../src/wire/tcp.ts";
import { ENDS, FAMILIES, type Family } from "./bench_peer.ts";

const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
/** The first of the strangers. */
const STRANGERS = {
  4: Uint8Array.of(11, 0, 0, 0),
  6: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
} as const;
const OPEN_PORT = 80;
/** 200,000 a second. */
const STEP_US = 5;
const SEQUENCE = 0x0100_0000;

/** Takes everything to nowhere. */
const NOWHERE: FrameLink = {
  name: "nowhere",
  mtu: 1500,
  mac: HOST_MAC,
  maxPacketBytes: 1500,
  isCrowded: false,
  receive: () => 0,
  send: () => {},
  flush: () => {},
  wait: () => Promise.resolve(),
  wake: () => {},
  stats: emptyLinkStats,
  close: () => {},
  [Symbol.dispose]: () => {},
};

/** Where of such an address the network's number ends: what a host counts as one peer is an address of IPv4, a /64 of IPv6. */
const NETWORK_END = { 4: 4, 6: 8 } as const;

/** A SYN, without options; the sum of its segment is wrong. `come` makes it that of the stranger of that number. */
function synFrame(port: number, family: Family): {
  frame: Uint8Array;
  length: number;
  tcpOffset: number;
  come(number: number): void;
} {
  const frame = new Uint8Array(128);
  const source = STRANGERS[family].slice();
  const destination = ENDS[family].host;
  emitEthernet(frame, { destination: HOST_MAC, source: PEER_MAC, type: etherTypeOf(source.length) });
  const tcpOffset = ETHERNET.HEADER_BYTES + ipHeaderBytes(source.length);
  const segment = new TcpSegment();
  segment.sourcePort = 4000;
  segment.destinationPort = port;
  segment.flags = FLAG.SYN;
  segment.window = 0xffff;
  const payloadLength = emitTcp(frame, tcpOffset, segment);
  const ip = { source, destination, protocol: IP_PROTOCOL.TCP, hopLimit: 64, id: 1, payloadLength };
  emitIp(frame, ETHERNET.HEADER_BYTES, ip);
  const come = (number: number) => {
    // The first of the address's bytes stays: a group's address would be no source.
    source[NETWORK_END[family] - 3] = number >>> 16;
    writeU16(source, NETWORK_END[family] - 2, number);
    emitIp(frame, ETHERNET.HEADER_BYTES, ip);
  };
  return { frame, length: tcpOffset + payloadLength, tcpOffset, come };
}

function flood(
  { port, family, fromAnywhere }: { port: number; family: Family; fromAnywhere: boolean },
  about: Pick<HostOptions, "checksumPolicy" | "foldAfter"> & { observer: Observer | null },
): () => void {
  const { observer, ...options } = about;
  const { host: address, prefixLength } = ENDS[family];
  const host = new Host({
    link: NOWHERE,
    addresses: [{ address, prefixLength }],
    secret: new Uint8Array(16),
    epochUs: 0,
    ...options,
  });
  host.listen({ port: OPEN_PORT, backlog: 1, accept: () => ({}) });
  host.observer = observer;
  const { frame, length, tcpOffset, come } = synFrame(port, family);
  let sent = 0;
  return () => {
    sent++;
    // Each from another port, with other numbers: what is kept for one does not serve the next.
    writeU16(frame, tcpOffset, 1024 + sent % 60_000);
    writeU32(frame, tcpOffset + 4, SEQUENCE + sent);
    if (fromAnywhere) come(sent);
    host.ingest(frame, length, sent * STEP_US);
    if (host.nextDeadlineUs() <= sent * STEP_US) host.tick(sent * STEP_US);
  };
}

function jsonLog(): Observer {
  return new JsonLines(new LineWriter({ write: (bytes) => bytes.length })).observe;
}

function text(): Observer {
  const writer = new LineWriter({ write: (bytes) => bytes.length });
  const format = textLog();
  return (event) => writer.line(format(event));
}

const FLOODS = [
  { name: "SYN to a closed port", port: 9, checksumPolicy: "ignore", fromAnywhere: false },
  { name: "SYN to a full backlog", port: OPEN_PORT, checksumPolicy: "ignore", fromAnywhere: false },
  {
    name: "SYN to a full backlog, each from another network",
    port: OPEN_PORT,
    checksumPolicy: "ignore",
    fromAnywhere: true,
  },
  { name: "wrong checksum", port: OPEN_PORT, checksumPolicy: "strict", fromAnywhere: false },
] as const;

const LOGS: readonly { name: string; observer: () => Observer | null; foldAfter: number }[] = [
  { name: "no log", observer: () => null, foldAfter: 100 },
  { name: "JSON", observer: jsonLog, foldAfter: Infinity },
  { name: "JSON, folded", observer: jsonLog, foldAfter: 100 },
  { name: "text", observer: text, foldAfter: Infinity },
  { name: "text, folded", observer: text, foldAfter: 100 },
];

for (const { name, port, checksumPolicy, fromAnywhere } of FLOODS) {
  for (const family of FAMILIES) {
    for (const log of LOGS) {
      const { foldAfter } = log;
      const step = flood({ port, family, fromAnywhere }, {
        checksumPolicy,
        foldAfter,
        observer: log.observer(),
      });
      Deno.bench(`${name}: ${log.name}, IPv${family}`, { group: name }, step);
    }
  }
}
