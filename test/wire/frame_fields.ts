/**
 * A frame as we read it, in tshark's words, and that both say the same.
 *
 * Owns: our telling of Ethernet, ARP, IP, TCP and ICMP; that what was read can be written again, byte for byte. Must not know: where a frame
 * comes from.
 */
import { assert, assertEquals } from "@std/assert";
import { formatIpAddress, formatMac } from "../../src/wire/address.ts";
import { ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { emitIcmp, ICMP_TYPE, IcmpMessage, parseIcmp } from "../../src/wire/icmp.ts";
import { ICMPV6_TYPE } from "../../src/wire/icmpv6.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, parseIpv4 } from "../../src/wire/ipv4.ts";
import { emitIpv6, parseIpv6 } from "../../src/wire/ipv6.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  parseTcp,
  tcpChecksum,
  TcpSegment,
} from "../../src/wire/tcp.ts";
import { addressAt, bit, describeQuoted, type Fields, hex } from "./field_words.ts";
import { describeIcmpv6 } from "./icmpv6_fields.ts";

/** Our own reading of a frame, in tshark's terms. */
export function describe(frame: Uint8Array): Fields {
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
  const reason = parseIpv6(frame, at, frame.length - at, header);
  const { protocol, payloadOffset, payloadLength } = header;
  fields["ipv6.tclass"] = [hex((header.dscp << 2) | header.ecn, 8)];
  fields["ipv6.flow"] = [hex(header.flowLabel, 6)];
  fields["ipv6.plen"] = [String(header.totalLength - 40)];
  fields["ipv6.nxt"] = [String(header.headerLength === 40 ? protocol : frame[at + 6])];
  fields["ipv6.hlim"] = [String(header.hopLimit)];
  fields["ipv6.src"] = [addressAt(frame, header.sourceOffset, 16)];
  fields["ipv6.dst"] = [addressAt(frame, header.destinationOffset, 16)];
  if (reason !== null) {
    assertEquals(reason, "unsupported-ipv6-header");
    fields["refused?"] = [String(header.problemCode), String(header.problemPointer)];
    return;
  }
  if (header.fragmentHeaderOffset >= 0) {
    fields["ipv6.fraghdr.offset"] = [String(header.fragmentOffset / 8)];
    fields["ipv6.fraghdr.more"] = [bit(header.moreFragments)];
    fields["ipv6.fraghdr.ident"] = [hex(header.id, 8)];
    return;
  }
  const routerAlert = header.routerAlertValue >= 0;
  if (routerAlert) fields["ipv6.opt.router_alert"] = [String(header.routerAlertValue)];
  const source = frame.subarray(header.sourceOffset, header.sourceOffset + 16);
  const destination = frame.subarray(header.destinationOffset, header.destinationOffset + 16);
  const again = new Uint8Array(header.headerLength);
  assertEquals(emitIpv6(again, 0, { ...header, source, destination, routerAlert }), header.headerLength);
  assertEquals(again, frame.slice(at, at + header.headerLength), "emitted again");
  const pseudoSum = pseudoHeaderSum(frame, header.sourceOffset, 16, protocol, payloadLength);
  if (protocol === IP_PROTOCOL.TCP) describeTcp(frame, payloadOffset, payloadLength, pseudoSum, fields);
  if (protocol === IP_PROTOCOL.ICMPV6) describeIcmpv6({ frame, packet: header, pseudoSum }, fields);
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

/** Fields that tshark finds inside quoted packets and other messages, and that the codec has no reason to read. */
function isBeyondUs(field: string, ours: Fields): boolean {
  const type = Number(ours["icmpv6.type"]?.[0] ?? 255);
  const isError = type < 128 || "tcp.seq_raw?" in ours || (ours["ip.src"] ?? []).length > 1;
  const isFragment = ours["ip.flags.mf"]?.[0] === "1" || "ipv6.fraghdr.offset" in ours;
  if ("refused?" in ours) return /^(ipv6|icmpv6)\./.test(field);
  if (isError) return /^(tcp|icmp|icmpv6)\./.test(field) || field.startsWith("ipv6.fraghdr.");
  if (isFragment) return /^(icmp|icmpv6)\./.test(field);
  // The packet that a redirect quotes.
  if (type === ICMPV6_TYPE.REDIRECT) return field.startsWith("icmpv6.echo.");
  return field === "eth.type"; // Of a tagged frame: the tag's own type.
}

/** Demands that we read each frame as it was said to be, every field of it; `said` are tshark's words, a record for each. */
export function assertReadAs(frames: readonly Uint8Array[], said: readonly Fields[]): void {
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
}
