/**
 * Micro-benchmarks of what a stranger's segment costs: for a port where nobody listens, for a listener whose backlog is
 * full, with a wrong checksum; without a log, with a log, and with a log that folds what is alike.
 */
import { Host, type HostOptions } from "../../../src/host/host.ts";
import { emptyLinkStats, type FrameLink } from "../../../src/link/link.ts";
import { textLog } from "../../../src/observe/event_text.ts";
import { JsonLines } from "../../../src/observe/json_lines.ts";
import { LineWriter } from "../../../src/observe/log_writer.ts";
import type { Observer } from "../../../src/tcp/events.ts";
import { writeU16, writeU32 } from "../../../src/wire/bytes.ts";
import { emitEthernet, ETHERNET, ETHERTYPE } from "../../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../../src/wire/ipv4.ts";
import { emitTcp, FLAG, TcpSegment } from "../../../src/wire/tcp.ts";

const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
const HOST_ADDRESS = Uint8Array.of(10, 33, 0, 3);
const PEER_ADDRESS = Uint8Array.of(11, 0, 0, 0);
const TCP_OFFSET = ETHERNET.HEADER_BYTES + IPV4.HEADER_BYTES;
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

/** A SYN, without options; its sums are not right, but for those of the IP header. */
function synFrame(port: number): { frame: Uint8Array; length: number } {
  const frame = new Uint8Array(64);
  emitEthernet(frame, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.IPV4 });
  const segment = new TcpSegment();
  segment.sourcePort = 4000;
  segment.destinationPort = port;
  segment.flags = FLAG.SYN;
  segment.window = 0xffff;
  const payloadLength = emitTcp(frame, TCP_OFFSET, segment);
  const ip = {
    source: PEER_ADDRESS,
    destination: HOST_ADDRESS,
    protocol: IP_PROTOCOL.TCP,
    hopLimit: 64,
    id: 1,
  };
  emitIpv4(frame, ETHERNET.HEADER_BYTES, { ...ip, payloadLength });
  return { frame, length: TCP_OFFSET + payloadLength };
}

function flood(
  port: number,
  about: Pick<HostOptions, "checksumPolicy" | "foldAfter"> & { observer: Observer | null },
): () => void {
  const { observer, ...options } = about;
  const addresses = [{ address: HOST_ADDRESS, prefixLength: 8 }];
  const host = new Host({ link: NOWHERE, addresses, secret: new Uint8Array(16), epochUs: 0, ...options });
  host.listen({ port: OPEN_PORT, backlog: 1, accept: () => ({}) });
  host.observer = observer;
  const { frame, length } = synFrame(port);
  let sent = 0;
  return () => {
    sent++;
    // Each from another port, with other numbers: what is kept for one does not serve the next.
    writeU16(frame, TCP_OFFSET, 1024 + sent % 60_000);
    writeU32(frame, TCP_OFFSET + 4, SEQUENCE + sent);
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
  { name: "SYN to a closed port", port: 9, checksumPolicy: "ignore" },
  { name: "SYN to a full backlog", port: OPEN_PORT, checksumPolicy: "ignore" },
  { name: "wrong checksum", port: OPEN_PORT, checksumPolicy: "strict" },
] as const;

const LOGS: readonly { name: string; observer: () => Observer | null; foldAfter: number }[] = [
  { name: "no log", observer: () => null, foldAfter: 100 },
  { name: "JSON", observer: jsonLog, foldAfter: Infinity },
  { name: "JSON, folded", observer: jsonLog, foldAfter: 100 },
  { name: "text", observer: text, foldAfter: Infinity },
  { name: "text, folded", observer: text, foldAfter: 100 },
];

for (const { name, port, checksumPolicy } of FLOODS) {
  for (const log of LOGS) {
    const { foldAfter } = log;
    const step = flood(port, { checksumPolicy, foldAfter, observer: log.observer() });
    Deno.bench(`${name}: ${log.name}`, { group: name }, step);
  }
}
