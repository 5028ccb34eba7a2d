/**
 * Frames that Linux sent, read by us and by tshark: every field that tshark names must come out the same.
 *
 * The captures and tshark's words are in fixtures/, made by fixtures/capture.sh.
 */
import { assert, assertEquals } from "@std/assert";
import { formatIpAddress, formatMac } from "../../src/wire/address.ts";
import { ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import {
  emitIcmp,
  ICMP_TYPE,
  IcmpMessage,
  parseIcmp,
  parseQuotedPacket,
  QuotedPacket,
} from "../../src/wire/icmp.ts";
import { emitIcmpv6, ICMPV6_TYPE, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, parseIpv4 } from "../../src/wire/ipv4.ts";
import { emitIpv6, parseIpv6 } from "../../src/wire/ipv6.ts";
import { NeighborMessage, parseNeighbor } from "../../src/wire/neighbor_discovery.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  parseTcp,
  tcpChecksum,
  TcpSegment,
} from "../../src/wire/tcp.ts";
import { readFrames } from "./pcap_file.ts";

/** What was said about a frame: for each field of tshark's its values, the first from the outermost header. */
type Fields = Record<string, string[]>;

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, "0")}`;
const bit = (value: boolean) => (value ? "1" : "0");
const addressAt = (bytes: Uint8Array, at: number, length: number) =>
  formatIpAddress(bytes.subarray(at, at + length));

/** Our own reading of a frame, in tshark's terms. */
function describe(frame: Uint8Array): Fields {
  const ethernet = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, ethernet), null);
  const fields: Fields = {
    "eth.dst": [formatMac(frame.subarray(ETHERNET.DESTINATION, ETHERNET.DESTINATION + 6))],
    "eth.src": [formatMac(frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + 6))],
  };
  if (ethernet.vlan >= 0) {
    fields["vlan.id"] = [String(ethernet.vlan)];
    fields["vlan.etype"] = [hex(ethernet.type, 4)];
  } else {
    fields["eth.type"] = [hex(ethernet.type, 4)];
  }
  const at = ethernet.payloadOffset;
  if (ethernet.type === ETHERTYPE.ARP) describeArp(frame, at, fields);
  else if (ethernet.type === ETHERTYPE.IPV4) describeIpv4(frame, at, fields);
  else if (ethernet.type === ETHERTYPE.IPV6) describeIpv6(frame, at, fields);
  return fields;
}

function describeArp(frame: Uint8Array, at: number, fields: Fields): void {
  const packet = new ArpPacket();
  assertEquals(parseArp(frame, at, frame.length - at, packet), null);
  fields["arp.opcode"] = [String(packet.operation)];
  fields["arp.src.hw_mac"] = [formatMac(packet.senderMac)];
  fields["arp.src.proto_ipv4"] = [formatIpAddress(packet.senderIp)];
  fields["arp.dst.hw_mac"] = [formatMac(packet.targetMac)];
  fields["arp.dst.proto_ipv4"] = [formatIpAddress(packet.targetIp)];
  const again = new Uint8Array(28);
  emitArp(again, 0, packet);
  assertEquals(again, frame.slice(at, at + 28));
}

function describeIpv4(frame: Uint8Array, at: number, fields: Fields): void {
  const header = new IpPacket();
  assertEquals(parseIpv4(frame, at, frame.length - at, header), null);
  fields["ip.hdr_len"] = [String(header.headerLength)];
  fields["ip.dsfield.dscp"] = [String(header.dscp)];
  fields["ip.dsfield.ecn"] = [String(header.ecn)];
  fields["ip.len"] = [String(header.totalLength)];
  fields["ip.id"] = [hex(header.id, 4)];
  fields["ip.flags.df"] = [bit(header.dontFragment)];
  fields["ip.flags.mf"] = [bit(header.moreFragments)];
  fields["ip.frag_offset"] = [String(header.fragmentOffset / 8)];
  fields["ip.ttl"] = [String(header.hopLimit)];
  fields["ip.proto"] = [String(header.protocol)];
  fields["ip.src"] = [addressAt(frame, header.sourceOffset, 4)];
  fields["ip.dst"] = [addressAt(frame, header.destinationOffset, 4)];
  fields["ip.checksum.status"] = ["1"];
  if (header.headerLength === 20 && !header.moreFragments && header.fragmentOffset === 0) {
    const source = frame.subarray(header.sourceOffset, header.sourceOffset + 4);
    const destination = frame.subarray(header.destinationOffset, header.destinationOffset + 4);
    const again = new Uint8Array(20);
    emitIpv4(again, 0, { ...header, source, destination });
    assertEquals(again, frame.slice(at, at + 20), "emitted again");
  }
  if (header.moreFragments || header.fragmentOffset > 0) return;
  const { protocol, payloadOffset, payloadLength } = header;
  const pseudoSum = pseudoHeaderSum(frame, header.sourceOffset, 4, protocol, payloadLength);
  if (protocol === IP_PROTOCOL.TCP) describeTcp(frame, payloadOffset, payloadLength, pseudoSum, fields);
  if (protocol === IP_PROTOCOL.ICMP) describeIcmp(frame, payloadOffset, payloadLength, fields);
}

function describeIpv6(frame: Uint8Array, at: number, fields: Fields): void {
  const header = new IpPacket();
  assertEquals(parseIpv6(frame, at, frame.length - at, header), null);
  const { protocol, payloadOffset, payloadLength } = header;
  fields["ipv6.tclass"] = [hex((header.dscp << 2) | header.ecn, 8)];
  fields["ipv6.flow"] = [hex(header.flowLabel, 6)];
  fields["ipv6.plen"] = [String(header.headerLength - 40 + payloadLength)];
  fields["ipv6.nxt"] = [header.fragmentHeaderOffset >= 0 ? "44" : String(protocol)];
  fields["ipv6.hlim"] = [String(header.hopLimit)];
  fields["ipv6.src"] = [addressAt(frame, header.sourceOffset, 16)];
  fields["ipv6.dst"] = [addressAt(frame, header.destinationOffset, 16)];
  if (header.fragmentHeaderOffset >= 0) {
    fields["ipv6.fraghdr.offset"] = [String(header.fragmentOffset / 8)];
    fields["ipv6.fraghdr.more"] = [bit(header.moreFragments)];
    fields["ipv6.fraghdr.ident"] = [hex(header.id, 8)];
    return;
  }
  const source = frame.subarray(header.sourceOffset, header.sourceOffset + 16);
  const destination = frame.subarray(header.destinationOffset, header.destinationOffset + 16);
  const again = new Uint8Array(40);
  emitIpv6(again, 0, { ...header, source, destination });
  assertEquals(again, frame.slice(at, at + 40), "emitted again");
  const pseudoSum = pseudoHeaderSum(frame, header.sourceOffset, 16, protocol, payloadLength);
  if (protocol === IP_PROTOCOL.TCP) describeTcp(frame, payloadOffset, payloadLength, pseudoSum, fields);
  if (protocol === IP_PROTOCOL.ICMPV6) describeIcmpv6(frame, payloadOffset, payloadLength, pseudoSum, fields);
}

function describeTcp(frame: Uint8Array, at: number, length: number, pseudoSum: number, fields: Fields): void {
  const segment = new TcpSegment();
  assertEquals(parseTcp(frame, at, length, segment), null);
  assertEquals([segment.optionsMalformed, segment.unknownOptions], [false, 0]);
  fields["tcp.srcport"] = [String(segment.sourcePort)];
  fields["tcp.dstport"] = [String(segment.destinationPort)];
  fields["tcp.seq_raw"] = [String(segment.seq)];
  fields["tcp.ack_raw"] = [String(segment.ack)];
  fields["tcp.hdr_len"] = [String(segment.headerLength)];
  fields["tcp.flags"] = [hex(segment.flags, 4)];
  fields["tcp.window_size_value"] = [String(segment.window)];
  fields["tcp.urgent_pointer"] = [String(segment.urgentPointer)];
  fields["tcp.len"] = [String(segment.payloadLength)];
  const verdict = checksumVerdict(frame, at, length, pseudoSum, true);
  assert(verdict !== CHECKSUM_VERDICT.WRONG, "Linux sends correct and partial checksums only");
  fields["tcp.checksum.status"] = [bit(verdict === CHECKSUM_VERDICT.CORRECT)];
  if (segment.mss >= 0) fields["tcp.options.mss_val"] = [String(segment.mss)];
  if (segment.windowScale >= 0) fields["tcp.options.wscale.shift"] = [String(segment.windowScale)];
  if (segment.sackPermitted) fields["tcp.options.sack_perm"] = ["0402"];
  if (segment.hasTimestamps) {
    fields["tcp.options.timestamp.tsval"] = [String(segment.tsValue)];
    fields["tcp.options.timestamp.tsecr"] = [String(segment.tsEcho)];
  }
  const edges = [...segment.sackBlocks.subarray(0, segment.sackBlockCount * 2)].map(String);
  if (edges.length > 0) {
    fields["tcp.options.sack_le"] = edges.filter((_, i) => i % 2 === 0);
    fields["tcp.options.sack_re"] = edges.filter((_, i) => i % 2 === 1);
  }
  const again = new Uint8Array(60);
  const headerLength = emitTcp(again, 0, segment);
  const before = frame.slice(at, at + segment.headerLength);
  if (verdict === CHECKSUM_VERDICT.CORRECT) {
    assertEquals(tcpChecksum(frame, at, length, pseudoSum), (before[16] << 8) | before[17]);
  }
  before[16] = before[17] = 0;
  assertEquals(again.slice(0, headerLength), before, "emitted again, Linux's layout");
}

function describeIcmp(frame: Uint8Array, at: number, length: number, fields: Fields): void {
  const message = new IcmpMessage();
  assertEquals(parseIcmp(frame, at, length, message), null);
  fields["icmp.type"] = [String(message.type)];
  fields["icmp.code"] = [String(message.code)];
  fields["icmp.checksum.status"] = ["1"];
  const isEcho = message.type === ICMP_TYPE.ECHO_REQUEST || message.type === ICMP_TYPE.ECHO_REPLY;
  if (isEcho) {
    fields["icmp.ident"] = [String(message.restOfHeader >>> 16)];
    fields["icmp.seq"] = [String(message.restOfHeader & 0xffff)];
  } else {
    if (message.type === ICMP_TYPE.UNREACHABLE && message.code === 4) {
      fields["icmp.mtu"] = [String(message.restOfHeader & 0xffff)];
    }
    describeQuoted(frame, message, fields, "ip");
  }
  const again = frame.slice(at, at + length);
  emitIcmp(again, 0, message);
  assertEquals(again, frame.slice(at, at + length), "emitted again");
}

function describeIcmpv6(
  frame: Uint8Array,
  at: number,
  length: number,
  pseudoSum: number,
  fields: Fields,
): void {
  const message = new IcmpMessage();
  assertEquals(parseIcmpv6(frame, at, length, pseudoSum, message), null);
  fields["icmpv6.type"] = [String(message.type)];
  fields["icmpv6.code"] = [String(message.code)];
  fields["icmpv6.checksum.status"] = ["1"];
  const again = frame.slice(at, at + length);
  emitIcmpv6(again, 0, message, pseudoSum);
  assertEquals(again, frame.slice(at, at + length), "emitted again");
  const { ECHO_REQUEST, ECHO_REPLY, NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT, PACKET_TOO_BIG } =
    ICMPV6_TYPE;
  if (message.type === ECHO_REQUEST || message.type === ECHO_REPLY) {
    fields["icmpv6.echo.identifier"] = [hex(message.restOfHeader >>> 16, 4)];
    fields["icmpv6.echo.sequence_number"] = [String(message.restOfHeader & 0xffff)];
  } else if (message.type === NEIGHBOR_SOLICITATION || message.type === NEIGHBOR_ADVERTISEMENT) {
    const neighbor = new NeighborMessage();
    assertEquals(parseNeighbor(frame, message, neighbor), null);
    const isSolicitation = message.type === NEIGHBOR_SOLICITATION;
    const target = isSolicitation ? "icmpv6.nd.ns.target_address" : "icmpv6.nd.na.target_address";
    fields[target] = [addressAt(frame, neighbor.targetOffset, 16)];
    if (neighbor.macOffset >= 0) {
      fields["icmpv6.opt.linkaddr"] = [formatMac(frame.subarray(neighbor.macOffset, neighbor.macOffset + 6))];
    }
    if (!isSolicitation) {
      fields["icmpv6.nd.na.flag.r"] = [String(neighbor.flags >>> 31)];
      fields["icmpv6.nd.na.flag.s"] = [String((neighbor.flags >>> 30) & 1)];
      fields["icmpv6.nd.na.flag.o"] = [String((neighbor.flags >>> 29) & 1)];
    }
  } else if (message.type < 0x80) {
    if (message.type === PACKET_TOO_BIG) fields["icmpv6.mtu"] = [String(message.restOfHeader)];
    describeQuoted(frame, message, fields, "ipv6");
  }
}

/** The second value of an address is that of the quoted packet. */
function describeQuoted(
  frame: Uint8Array,
  message: IcmpMessage,
  fields: Fields,
  family: "ip" | "ipv6",
): void {
  const quoted = new QuotedPacket();
  assertEquals(parseQuotedPacket(frame, message.payloadOffset, message.payloadLength, quoted), null);
  fields[`${family}.src`].push(addressAt(frame, quoted.localAddressOffset, quoted.addressBytes));
  fields[`${family}.dst`].push(addressAt(frame, quoted.peerAddressOffset, quoted.addressBytes));
  fields[family === "ip" ? "ip.proto" : "ipv6.nxt"].push(String(quoted.protocol));
  if (quoted.protocol === IP_PROTOCOL.TCP) {
    fields["tcp.srcport"] = [String(quoted.localPort)];
    fields["tcp.dstport"] = [String(quoted.peerPort)];
    // tshark names the sequence number only where it sees a whole header.
    fields["tcp.seq_raw?"] = [String(quoted.seq)];
  }
}

/** Fields that tshark finds inside quoted packets and other messages, and that the codec has no reason to read. */
function isBeyondUs(field: string, ours: Fields): boolean {
  const isError = "tcp.seq_raw?" in ours || (ours["ip.src"] ?? ours["ipv6.src"] ?? []).length > 1;
  const isFragment = ours["ip.flags.mf"]?.[0] === "1" || "ipv6.fraghdr.offset" in ours;
  const isRouterMessage = ours["icmpv6.type"]?.[0] === "133";
  if (isError) return /^(tcp|icmp|icmpv6)\./.test(field);
  if (isFragment) return /^(icmp|icmpv6)\./.test(field);
  if (isRouterMessage) return field === "icmpv6.opt.linkaddr";
  return field === "eth.type"; // Of a tagged frame: the tag's own type.
}

for (const name of ["tcp_offload", "tcp_loss", "tcp_bare", "vlan", "icmp", "ipv6"]) {
  Deno.test(`${name}: each frame reads as tshark reads it`, () => {
    const frames = readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url));
    const said: Fields[] = JSON.parse(
      Deno.readTextFileSync(new URL(`./fixtures/${name}.json`, import.meta.url)),
    );
    assertEquals(frames.length, said.length);
    frames.forEach((frame, i) => {
      const where = `frame ${i + 1}`;
      const ours = describe(frame);
      for (const [field, values] of Object.entries(ours)) {
        if (field.endsWith("?")) continue;
        assertEquals(values, (said[i][field] ?? []).slice(0, values.length), `${where}, ${field}`);
      }
      for (const field of Object.keys(said[i])) {
        assert(field in ours || isBeyondUs(field, ours), `${where}: tshark sees ${field}, we do not`);
      }
    });
  });
}

Deno.test("quoted sequence numbers are those of the segments that the errors are about", () => {
  for (const name of ["icmp", "ipv6"]) {
    const seen = new Map<string, string>();
    let quotes = 0;
    for (const frame of readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url))) {
      const ours = describe(frame);
      const port = ours["tcp.srcport"]?.[0];
      if (port === undefined) continue;
      const quoted = ours["tcp.seq_raw?"]?.[0];
      if (quoted === undefined) seen.set(port, ours["tcp.seq_raw"][0]);
      else {
        assertEquals(quoted, seen.get(port));
        quotes++;
      }
    }
    assert(quotes >= 2, `${name} quotes ${quotes} segments`);
  }
});

Deno.test("the captures hold what they were made for", () => {
  const count = (name: string, field: string, test: (value: string, frame: Uint8Array) => boolean) =>
    readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url))
      .filter((frame) => (describe(frame)[field] ?? []).some((value) => test(value, frame))).length;
  assert(count("tcp_offload", "tcp.checksum.status", (value) => value === "0") > 5, "partial checksums");
  assert(count("tcp_offload", "ip.len", (value) => Number(value) > 1500) > 0, "a frame larger than the MTU");
  assert(count("tcp_loss", "tcp.options.sack_le", () => true) > 1, "SACK blocks");
  assert(count("icmp", "ip.hdr_len", (value) => value === "60") === 2, "IPv4 options");
  assert(count("icmp", "ip.frag_offset", (value) => value !== "0") === 2, "fragments");
});

Deno.test("a frame of Linux's, cut off at every length, is dropped or read, never worse", () => {
  for (const name of ["tcp_offload", "icmp", "ipv6"]) {
    for (const frame of readFrames(new URL(`./fixtures/${name}.pcap`, import.meta.url)).slice(0, 14)) {
      const ethernet = new EthernetHeader();
      const header = new IpPacket();
      for (let length = 0; length < Math.min(frame.length, 200); length++) {
        const cut = frame.slice(0, length);
        if (parseEthernet(cut, length, ethernet) !== null || ethernet.type !== ETHERTYPE.IPV4) continue;
        assertEquals(parseIpv4(cut, 14, length - 14, header), "malformed-ipv4", `${name} at ${length}`);
      }
    }
  }
});
