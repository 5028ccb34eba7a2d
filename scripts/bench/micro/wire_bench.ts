/**
 * Micro-benchmarks of the codec: parsing and emitting headers, checksums.
 */
import { checksum, pseudoHeaderSum, sumBytes } from "../../../src/wire/checksum.ts";
import {
  emitEthernet,
  ETHERNET,
  EthernetHeader,
  ETHERTYPE,
  parseEthernet,
} from "../../../src/wire/ethernet.ts";
import { IpPacket } from "../../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4, parseIpv4 } from "../../../src/wire/ipv4.ts";
import {
  checksumVerdict,
  emitTcp,
  FLAG,
  parseTcp,
  TCP,
  tcpChecksum,
  TcpSegment,
} from "../../../src/wire/tcp.ts";
import { writeU16 } from "../../../src/wire/bytes.ts";

const MAC_A = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
const MAC_B = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0b);
const ADDRESS_A = Uint8Array.of(10, 33, 0, 2);
const ADDRESS_B = Uint8Array.of(10, 33, 0, 3);
const TCP_OFFSET = ETHERNET.HEADER_BYTES + IPV4.HEADER_BYTES;
const ADDRESSES = ETHERNET.HEADER_BYTES + IPV4.SOURCE;
const FULL_PAYLOAD = 1448;

function segmentWithTimestamps(): TcpSegment {
  const segment = new TcpSegment();
  segment.sourcePort = 40_000;
  segment.destinationPort = 5000;
  segment.seq = 0x12345678;
  segment.ack = 0x9abcdef0;
  segment.flags = FLAG.ACK | FLAG.PSH;
  segment.window = 0x1000;
  segment.hasTimestamps = true;
  segment.tsValue = 1_000_000;
  segment.tsEcho = 999_000;
  return segment;
}

const ETHERNET_FIELDS = { destination: MAC_B, source: MAC_A, type: ETHERTYPE.IPV4 };

function emitHeaders(frame: Uint8Array, segment: TcpSegment, payloadLength: number): number {
  emitEthernet(frame, ETHERNET_FIELDS);
  const header = emitTcp(frame, TCP_OFFSET, segment);
  emitIpv4(frame, ETHERNET.HEADER_BYTES, {
    source: ADDRESS_A,
    destination: ADDRESS_B,
    protocol: IP_PROTOCOL.TCP,
    payloadLength: header + payloadLength,
    hopLimit: 64,
    id: 7,
    dontFragment: true,
  });
  return header + payloadLength;
}

function putChecksum(frame: Uint8Array, length: number): void {
  const pseudo = pseudoHeaderSum(frame, ADDRESSES, IPV4.ADDRESS_BYTES, IP_PROTOCOL.TCP, length);
  writeU16(frame, TCP_OFFSET + TCP.CHECKSUM, tcpChecksum(frame, TCP_OFFSET, length, pseudo));
}

const frame = new Uint8Array(0x10000);
for (let i = 0; i < frame.length; i++) frame[i] = i * 7;
const outgoing = segmentWithTimestamps();
const segmentLength = emitHeaders(frame, outgoing, FULL_PAYLOAD);
putChecksum(frame, segmentLength);
const frameLength = TCP_OFFSET + segmentLength;

const ethernet = new EthernetHeader();
const ip = new IpPacket();
const incoming = new TcpSegment();

Deno.bench("parse: Ethernet, IPv4 and TCP with timestamps", { group: "parse" }, () => {
  parseEthernet(frame, frameLength, ethernet);
  parseIpv4(frame, ethernet.payloadOffset, frameLength - ethernet.payloadOffset, ip);
  parseTcp(frame, ip.payloadOffset, ip.payloadLength, incoming);
});

Deno.bench("parse: TCP alone", { group: "parse" }, () => {
  parseTcp(frame, TCP_OFFSET, segmentLength, incoming);
});

const scratch = new Uint8Array(0x10000);
Deno.bench("emit: Ethernet, IPv4 and TCP with timestamps, no TCP checksum", { group: "emit" }, () => {
  emitHeaders(scratch, outgoing, 0);
});

Deno.bench("emit: the same with the checksum of a bare ACK", { group: "emit" }, () => {
  putChecksum(scratch, emitHeaders(scratch, outgoing, 0));
});

Deno.bench("emit: the same with the checksum of a full segment", { group: "emit" }, () => {
  putChecksum(scratch, emitHeaders(scratch, outgoing, FULL_PAYLOAD));
});

for (const bytes of [20, 64, FULL_PAYLOAD, 65_000]) {
  Deno.bench(`checksum: ${bytes} bytes`, { group: "checksum" }, () => {
    checksum(frame, TCP_OFFSET, bytes);
  });
}

Deno.bench("checksum: 1448 bytes from an odd place", { group: "checksum" }, () => {
  sumBytes(frame, TCP_OFFSET + 1, FULL_PAYLOAD, 0);
});

Deno.bench("checksum: verdict on a full segment, pseudo-header included", { group: "checksum" }, () => {
  const pseudo = pseudoHeaderSum(frame, ADDRESSES, IPV4.ADDRESS_BYTES, IP_PROTOCOL.TCP, segmentLength);
  checksumVerdict(frame, TCP_OFFSET, segmentLength, pseudo);
});

Deno.bench("copy: 1448 bytes with set and subarray", { group: "checksum" }, () => {
  scratch.set(frame.subarray(TCP_OFFSET, TCP_OFFSET + FULL_PAYLOAD), TCP_OFFSET);
});
