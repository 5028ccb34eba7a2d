/**
 * Every parser of bytes as a target: what goes in at first, and what must hold of what comes out, whatever went in.
 *
 * Owns: the list of parsers and their invariants: no exception, nothing outside of what was given, and what was read can be
 * written and read again. Must not know: how an input is changed (input_mutations.ts), how many there are (fuzz_runs.ts).
 */
import { assert, assertEquals } from "@std/assert";
import { ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import { CaptureFile } from "../../src/wire/capture_file.ts";
import type { CapturedPacket } from "../../src/wire/capture_packet.ts";
import { DissectedSegment, Dissector } from "../../src/wire/dissect.ts";
import { EthernetHeader, parseEthernet } from "../../src/wire/ethernet.ts";
import { emitIcmp, IcmpMessage, parseIcmp, parseQuotedPacket, QuotedPacket } from "../../src/wire/icmp.ts";
import { emitIcmpv6, ICMPV6_TYPE, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { IP_PROTOCOL, parseIpv4 } from "../../src/wire/ipv4.ts";
import { parseIpv6 } from "../../src/wire/ipv6.ts";
import {
  emitNeighbor,
  neighborLength,
  NeighborMessage,
  parseNeighbor,
} from "../../src/wire/neighbor_discovery.ts";
import {
  emitRouterAdvertisement,
  MAX_ADVERTISED_PREFIXES,
  parseRouterAdvertisement,
  RouterAdvertisement,
  routerAdvertisementLength,
} from "../../src/wire/router_messages.ts";
import { ListenerQuery, parseListenerQuery } from "../../src/wire/multicast_listener.ts";
import { emitTcp, parseTcp, TCP, TcpSegment } from "../../src/wire/tcp.ts";
import { emitTcpOptions, MAX_SACK_BLOCKS, parseTcpOptions } from "../../src/wire/tcp_options.ts";
import { demand } from "./demand.ts";
import { ALL_OPTIONS } from "../tcp/states.ts";
import { craftSegment, type Route } from "../tcp/frame_craft.ts";
import { SAMPLES } from "../wire/capture_samples.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";

/** What {@link ParserTarget.read} gives for an input that the parser refuses. */
export const REFUSED = 0;

/** A parser of bytes. */
export interface ParserTarget {
  readonly name: string;
  /** Inputs that are right. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Parses `length` bytes from `offset`, and checks what came of it; throws when something is wrong. The answer hangs on
   * nothing but these bytes: {@link REFUSED}, or a number of what was read.
   */
  readonly read: (bytes: Uint8Array, offset: number, length: number) => number;
  /** Writes the right checksum, so that a damaged input gets past it; absent where there is none. */
  readonly mend?: (bytes: Uint8Array, offset: number, length: number) => void;
}

const V4: Route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 };
const V6: Route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 };
const ETHERNET_BYTES = 14;

const PLAIN = { sourcePort: 40_000, targetPort: 7777, seq: 0xffff_ff00, ack: 1, window: 1000 };
const FRAMES: readonly Uint8Array[] = [V4, V6].flatMap((route) => [
  craftSegment(route, { ...PLAIN, flags: 0x02, options: ALL_OPTIONS, data: new Uint8Array(0) }),
  craftSegment(route, {
    ...PLAIN,
    flags: 0x18,
    options: { timestamps: { value: 1, echo: 2 } },
    data: new Uint8Array(60),
  }),
  craftSegment(route, {
    ...PLAIN,
    flags: 0x10,
    options: { timestamps: { value: 1, echo: 2 }, sack: [[1, 9], [20, 30], [40, 50]] },
    data: new Uint8Array(0),
  }),
  craftSegment(route, { ...PLAIN, flags: 0x04, data: new Uint8Array(0) }),
]);
const PACKETS = FRAMES.map((frame) => frame.slice(ETHERNET_BYTES));
const V4_PACKETS = PACKETS.filter((packet) => packet[0] >>> 4 === 4);
const V6_PACKETS = PACKETS.filter((packet) => packet[0] >>> 4 === 6);
const SEGMENTS = [
  ...V4_PACKETS.map((packet) => packet.slice(20)),
  ...V6_PACKETS.map((packet) => packet.slice(40)),
];

/** A frame with tags between its addresses and its type. */
function tagged(frame: Uint8Array, tags: readonly number[]): Uint8Array {
  return Uint8Array.from([...frame.subarray(0, 12), ...tags, ...frame.subarray(12)]);
}

/** An IPv6 packet with extension headers before its segment. */
function extended(packet: Uint8Array, kinds: readonly number[]): Uint8Array {
  const headers = kinds.flatMap((kind, index) => [
    kinds[index + 1] ?? IP_PROTOCOL.TCP,
    0,
    // Padding where there are options; no segments left of a route, no offset of a fragment.
    ...(kind === 43 || kind === 44 ? [0, 0] : [1, 4]),
    ...[0, 0, 0, 0],
  ]);
  const bytes = Uint8Array.from([...packet.subarray(0, 40), ...headers, ...packet.subarray(40)]);
  bytes[6] = kinds[0];
  const length = bytes.length - 40;
  bytes[4] = length >>> 8;
  bytes[5] = length;
  return bytes;
}

function arpBytes(operation: number): Uint8Array {
  const packet = new ArpPacket();
  packet.operation = operation;
  packet.senderMac.set(PEER_MAC);
  packet.senderIp.set(PEER_V4);
  packet.targetIp.set(HOST_V4);
  const bytes = new Uint8Array(28);
  emitArp(bytes, 0, packet);
  return bytes;
}

function icmpBytes(type: number, code: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  bytes.set(payload, 8);
  emitIcmp(bytes, 0, { type, code, restOfHeader: 576, payloadLength: payload.length });
  return bytes;
}

function neighborBytes(type: number): Uint8Array {
  const bytes = new Uint8Array(neighborLength({ mac: PEER_MAC }));
  emitNeighbor(bytes, 0, { type, target: HOST_V6, mac: PEER_MAC, flags: 0x60000000 }, 0);
  return bytes;
}

/** An advertisement of a router, with one of each option that is read. */
function routerBytes(): Uint8Array {
  const prefix = { prefix: HOST_V6, prefixLength: 64, isOnLink: true, isAutonomous: true };
  const fields = {
    lifetimeSeconds: 1800,
    mac: PEER_MAC,
    mtu: 1400,
    prefixes: [{ ...prefix, validSeconds: 3600, preferredSeconds: 1800 }],
  };
  const bytes = new Uint8Array(routerAdvertisementLength(fields));
  emitRouterAdvertisement(bytes, 0, fields, 0);
  return bytes;
}

/** A query about a group and a source. */
function queryBytes(): Uint8Array {
  const bytes = new Uint8Array(8 + 20 + 16);
  bytes.set([0xff, 2], 8);
  bytes[27] = 1;
  emitIcmpv6(bytes, 0, {
    type: ICMPV6_TYPE.LISTENER_QUERY,
    code: 0,
    restOfHeader: 0x9000_0000,
    payloadLength: 36,
  }, 0);
  return bytes;
}

/** A number of numbers, for telling two readings apart. */
function fingerprint(...numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const number of numbers) hash = Math.imul(hash ^ (number | 0), 0x01000193);
  return hash === REFUSED ? 1 : hash;
}

function assertWithin(at: number, size: number, bounds: { from: number; to: number }): void {
  const isWithin = at >= bounds.from && size >= 0 && at + size <= bounds.to;
  demand(isWithin, () => `${at} and ${size} bytes: not in ${JSON.stringify(bounds)}`);
}

const scratch = new Uint8Array(128);
const ethernet = new EthernetHeader();
const arp = new ArpPacket();
const ipv4 = new IpPacket();
const ipv6 = new IpPacket();
const icmp = new IcmpMessage();
const neighbor = new NeighborMessage();
const router = new RouterAdvertisement();
const query = new ListenerQuery();
const quoted = new QuotedPacket();
const segment = new TcpSegment();
const again = new TcpSegment();
const dissector = new Dissector();
const dissected = new DissectedSegment();

/** Options that were read can be written, and are then the same. */
function assertOptionsRoundTrip(read: TcpSegment): void {
  demand(read.sackBlockCount <= MAX_SACK_BLOCKS, () => `${read.sackBlockCount} SACK blocks`);
  const length = emitTcpOptions(scratch, 0, read);
  demand(length <= 40, () => `${length} bytes of options`);
  parseTcpOptions(scratch, 0, length, again);
  const isSame = again.mss === read.mss && again.windowScale === read.windowScale &&
    again.sackPermitted === read.sackPermitted && again.hasTimestamps === read.hasTimestamps &&
    (!read.hasTimestamps || (again.tsValue === read.tsValue && again.tsEcho === read.tsEcho));
  assert(isSame, "options that are written come back as others");
  // Written with their padding, options of a SYN leave less room for blocks.
  const isSyn = read.mss >= 0 || read.windowScale >= 0 || read.sackPermitted;
  const most = read.sackBlockCount;
  assert(
    isSyn ? again.sackBlockCount <= most : again.sackBlockCount === most,
    "SACK blocks come back as others",
  );
  for (let edge = 0; edge < 2 * again.sackBlockCount; edge++) {
    assert(again.sackBlocks[edge] === read.sackBlocks[edge], "a SACK block comes back as another");
  }
}

/** All parsers of bytes. */
export const PARSER_TARGETS: readonly ParserTarget[] = [
  {
    name: "ethernet",
    seeds: [
      ...FRAMES,
      tagged(FRAMES[0], [0x81, 0, 0, 5]),
      tagged(FRAMES[1], [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]),
    ],
    read: (bytes, offset, length) => {
      // A frame begins where its buffer does.
      const frame = bytes.subarray(offset);
      if (parseEthernet(frame, length, ethernet) !== null) return REFUSED;
      assertWithin(ethernet.payloadOffset, 0, { from: ETHERNET_BYTES, to: length });
      assert(ethernet.vlan >= -1 && ethernet.vlan <= 0xfff && ethernet.type >= 0 && ethernet.type <= 0xffff);
      return fingerprint(ethernet.type, ethernet.vlan, ethernet.payloadOffset);
    },
  },
  {
    name: "arp",
    seeds: [arpBytes(ARP_OPERATION.REQUEST), arpBytes(ARP_OPERATION.REPLY)],
    read: (bytes, offset, length) => {
      if (parseArp(bytes, offset, length, arp) !== null) return REFUSED;
      const size = emitArp(scratch, 0, arp);
      assert(size <= length);
      for (let at = 0; at < size; at++) {
        demand(scratch[at] === bytes[offset + at], () => `byte ${at} comes back as another`);
      }
      return fingerprint(arp.operation, ...arp.senderMac, ...arp.senderIp, ...arp.targetIp);
    },
  },
  {
    name: "ipv4",
    seeds: V4_PACKETS,
    read: (bytes, offset, length) => {
      if (parseIpv4(bytes, offset, length, ipv4) !== null) return REFUSED;
      assertWithin(ipv4.payloadOffset, ipv4.payloadLength, { from: offset + 20, to: offset + length });
      assert(ipv4.headerLength + ipv4.payloadLength === ipv4.totalLength);
      return fingerprint(
        ipv4.payloadOffset - offset,
        ipv4.payloadLength,
        ipv4.protocol,
        ipv4.fragmentOffset,
        ipv4.addressSum,
      );
    },
    mend: (bytes, offset, length) => {
      const size = Math.min((bytes[offset] & 0x0f) << 2, length);
      if (size < 20) return;
      bytes[offset + 10] = 0;
      bytes[offset + 11] = 0;
      let sum = 0;
      for (let at = 0; at < size; at += 2) sum += (bytes[offset + at] << 8) | bytes[offset + at + 1];
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      bytes[offset + 10] = ~sum >>> 8;
      bytes[offset + 11] = ~sum;
    },
  },
  {
    name: "ipv6",
    seeds: [
      ...V6_PACKETS,
      extended(V6_PACKETS[1], [0, 60]),
      extended(V6_PACKETS[1], [0, 43, 44, 60]),
      extended(V6_PACKETS[0], [44]),
    ],
    read: (bytes, offset, length) => {
      const reason = parseIpv6(bytes, offset, length, ipv6);
      if (reason !== null) {
        // Only then does the record say what is wrong.
        const isTold = reason === "unsupported-ipv6-header" && ipv6.problemCode >= 0;
        if (isTold) assertWithin(ipv6.problemPointer, 1, { from: 0, to: length });
        return REFUSED;
      }
      assertWithin(ipv6.payloadOffset, ipv6.payloadLength, { from: offset + 40, to: offset + length });
      assert(ipv6.fragmentOffset <= 0xfff8);
      return fingerprint(
        ipv6.payloadOffset - offset,
        ipv6.payloadLength,
        ipv6.protocol,
        ipv6.fragmentOffset,
        ipv6.flowLabel,
      );
    },
  },
  {
    name: "icmp",
    seeds: [
      icmpBytes(8, 0, Uint8Array.of(1, 2, 3, 4)),
      icmpBytes(3, 4, V4_PACKETS[1].slice(0, 28)),
      icmpBytes(11, 0, V4_PACKETS[1]),
    ],
    read: (bytes, offset, length) => {
      if (parseIcmp(bytes, offset, length, icmp) !== null) return REFUSED;
      assertWithin(icmp.payloadOffset, icmp.payloadLength, { from: offset + 8, to: offset + length });
      return fingerprint(icmp.type, icmp.code, icmp.restOfHeader, icmp.payloadLength);
    },
    mend: mendIcmp,
  },
  {
    name: "icmpv6",
    seeds: [
      neighborBytes(ICMPV6_TYPE.NEIGHBOR_SOLICITATION),
      neighborBytes(ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT),
      routerBytes(),
      queryBytes(),
    ],
    read: (bytes, offset, length) => {
      if (parseIcmpv6(bytes, offset, length, 0, icmp) !== null) return REFUSED;
      const within = { from: offset + 8, to: offset + length };
      if (icmp.type === ICMPV6_TYPE.ROUTER_ADVERTISEMENT) {
        if (parseRouterAdvertisement(bytes, icmp, router) !== null) return fingerprint(icmp.type);
        if (router.macOffset >= 0) assertWithin(router.macOffset, 6, within);
        assert(router.prefixCount <= MAX_ADVERTISED_PREFIXES);
        for (let at = 0; at < router.prefixCount; at++) {
          assertWithin(router.prefixes[at].prefixOffset, 16, within);
          assert(router.prefixes[at].prefixLength <= 128);
        }
        return fingerprint(
          icmp.type,
          icmp.restOfHeader,
          router.prefixCount,
          router.mtu,
          router.macOffset - offset,
        );
      }
      if (icmp.type === ICMPV6_TYPE.LISTENER_QUERY) {
        if (parseListenerQuery(bytes, icmp, query) !== null) return fingerprint(icmp.type);
        assertWithin(query.groupOffset, 16, within);
        if (query.sourceCount > 0) assertWithin(query.sourcesOffset, 16 * query.sourceCount, within);
        // The longest that RFC 3810 §5.1.3 can say.
        assert(query.maxResponseMs <= 0x1fff << 10);
        return fingerprint(icmp.type, query.version, query.maxResponseMs, query.sourceCount);
      }
      if (parseNeighbor(bytes, icmp, neighbor) !== null) return fingerprint(icmp.type);
      assertWithin(neighbor.targetOffset, 16, { from: offset + 8, to: offset + length });
      if (neighbor.macOffset >= 0) {
        assertWithin(neighbor.macOffset, 6, { from: offset + 8, to: offset + length });
      }
      return fingerprint(
        icmp.type,
        neighbor.flags,
        neighbor.targetOffset - offset,
        neighbor.macOffset - offset,
      );
    },
    mend: (bytes, offset, length) => {
      if (length < 8) return;
      const header = {
        type: bytes[offset],
        code: bytes[offset + 1],
        restOfHeader: 0,
        payloadLength: length - 8,
      };
      emitIcmpv6(bytes, offset, header, 0);
    },
  },
  {
    name: "tcp",
    seeds: SEGMENTS,
    read: (bytes, offset, length) => {
      if (parseTcp(bytes, offset, length, segment) !== null) return REFUSED;
      assertWithin(segment.payloadOffset, segment.payloadLength, {
        from: offset + TCP.HEADER_BYTES,
        to: offset + length,
      });
      assertOptionsRoundTrip(segment);
      if (!segment.optionsMalformed && segment.unknownOptions === 0) {
        const size = emitTcp(scratch, 0, segment);
        assertEquals(parseTcp(scratch, 0, size, again), null);
        assert(again.seq === segment.seq && again.ack === segment.ack && again.flags === segment.flags);
      }
      return fingerprint(
        segment.seq,
        segment.ack,
        segment.flags,
        segment.payloadLength,
        segment.mss,
        segment.sackBlockCount,
      );
    },
  },
  {
    name: "tcp options",
    seeds: SEGMENTS.map((bytes) => bytes.slice(20, (bytes[12] & 0xf0) >>> 2)).filter((bytes) =>
      bytes.length > 0
    ),
    read: (bytes, offset, length) => {
      // The data offset allows no more.
      const size = Math.min(40, length);
      parseTcpOptions(bytes, offset, offset + size, segment);
      assertOptionsRoundTrip(segment);
      return fingerprint(
        segment.mss,
        segment.windowScale,
        segment.tsValue,
        segment.tsEcho,
        segment.sackBlockCount,
        segment.unknownOptions,
      );
    },
  },
  {
    name: "quoted packet",
    seeds: PACKETS.flatMap((packet) => [packet, packet.slice(0, packet[0] >>> 4 === 4 ? 28 : 48)]),
    read: (bytes, offset, length) => {
      if (parseQuotedPacket(bytes, offset, length, quoted) !== null) return REFUSED;
      const bounds = { from: offset, to: offset + length };
      assertWithin(quoted.localAddressOffset, quoted.addressBytes, bounds);
      assertWithin(quoted.peerAddressOffset, quoted.addressBytes, bounds);
      return fingerprint(quoted.protocol, quoted.localPort, quoted.peerPort, quoted.seq);
    },
  },
  {
    name: "capture file",
    seeds: SAMPLES.map(({ file }) => file),
    read: (bytes, offset, length) => {
      const capture = new CaptureFile();
      // In two pieces, so that a record lies across them.
      capture.push(bytes.slice(offset, offset + (length >>> 1)));
      const numbers: number[] = [];
      for (let round = 0; round < 2; round++) {
        for (let packet = capture.next(); packet !== null; packet = capture.next()) {
          numbers.push(packet.number, packet.nanoseconds, packet.bytes.length, segmentIn(packet));
        }
        if (round === 0) capture.push(bytes.slice(offset + (length >>> 1), offset + length));
        capture.end();
      }
      return numbers.length === 0 ? REFUSED : fingerprint(...numbers);
    },
  },
];

/** A number of the segment in a captured packet; what is pointed to lies in the packet. */
function segmentIn(packet: CapturedPacket): number {
  if (dissector.dissect(packet, dissected) !== null) return REFUSED;
  const { payloadOffset, payloadLength, seq, flags } = dissected.segment;
  assertWithin(payloadOffset, payloadLength, { from: 0, to: packet.bytes.length });
  assertWithin(dissected.sourceOffset, 2 * dissected.addressBytes, { from: 0, to: packet.bytes.length });
  return fingerprint(seq, flags, dissected.length, payloadLength);
}

function mendIcmp(bytes: Uint8Array, offset: number, length: number): void {
  if (length < 8) return;
  emitIcmp(bytes, offset, {
    type: bytes[offset],
    code: bytes[offset + 1],
    restOfHeader: ((bytes[offset + 4] << 24) | (bytes[offset + 5] << 16) | (bytes[offset + 6] << 8) |
      bytes[offset + 7]) >>> 0,
    payloadLength: length - 8,
  });
}

// The writers are here to be held against the readers: a seed that its own reader refuses is no seed.
for (const { name, seeds, read } of PARSER_TARGETS) {
  for (const seed of seeds) {
    if (read(seed, 0, seed.length) === REFUSED) throw new Error(`A seed of "${name}" is refused`);
  }
}
