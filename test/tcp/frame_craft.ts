/**
 * Frames by hand: packets with chosen TCP headers and options, and what stands in a frame that a host sent.
 *
 * Owns: building and reading whole Ethernet frames for tests, over either IP version. Must not know: connections,
 * relative sequence numbers, what an answer should be.
 */
import { assert, assertEquals } from "@std/assert";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { emitEthernet, ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4, parseIpv4 } from "../../src/wire/ipv4.ts";
import { emitIpv6, IPV6, parseIpv6 } from "../../src/wire/ipv6.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  FLAG,
  type FlagName,
  flagNames,
  parseTcp,
  TCP,
  tcpChecksum,
  TcpSegment,
} from "../../src/wire/tcp.ts";

/** Where a packet comes from and goes to. */
export interface Route {
  readonly sourceMac: Uint8Array;
  readonly targetMac: Uint8Array;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

/** The options of a segment, by meaning. */
export interface OptionValues {
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly timestamps?: { readonly value: number; readonly echo: number };
  readonly sack?: readonly (readonly [number, number])[];
  /** Fast Open: the cookie, empty for a request. */
  readonly fastOpen?: Uint8Array;
  /** The same in the experimental form. */
  readonly fastOpenExperimental?: Uint8Array;
}

/** A segment with absolute numbers. */
export interface CraftedSegment {
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly urgentPointer?: number;
  readonly options?: OptionValues;
  /** Bytes of the option field instead of `options`; a multiple of four. */
  readonly rawOptions?: readonly number[];
  readonly data: Uint8Array;
  /** ECN field of the IP header. */
  readonly ecn?: number;
  /** A wrong checksum, on purpose. */
  readonly corrupt?: boolean;
}

const LARGEST_FRAME = 0x10000;

/** The bits that words such as `SYN ACK` stand for; the empty word for none. */
export function bitsOf(words: string): number {
  let bits = 0;
  for (const word of words.split(" ")) {
    if (word === "") continue;
    assert(isFlagName(word), `no flag is called ${word}`);
    bits |= FLAG[word];
  }
  return bits;
}

function isFlagName(word: string): word is FlagName {
  return word in FLAG;
}

/** An IP packet around `length` bytes of payload that `fill` writes. */
export function craftPacket(
  route: Route,
  payload: {
    readonly protocol: number;
    readonly length: number;
    readonly ecn?: number;
    readonly dscp?: number;
    readonly hopLimit?: number;
    readonly dontFragment?: boolean;
    readonly fill: (frame: Uint8Array, at: number, pseudoSum: number) => void;
  },
): Uint8Array {
  const isV4 = route.source.length === IPV4.ADDRESS_BYTES;
  const frame = new Uint8Array(Math.min(LARGEST_FRAME, ETHERNET.HEADER_BYTES + 40 + payload.length));
  const ipAt = emitEthernet(frame, {
    destination: route.targetMac,
    source: route.sourceMac,
    type: isV4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6,
  });
  const { protocol, length, ecn = 0, dscp = 0, hopLimit = 64, dontFragment = false } = payload;
  const common = { source: route.source, destination: route.target, protocol, payloadLength: length };
  const at = ipAt +
    (isV4
      ? emitIpv4(frame, ipAt, { ...common, hopLimit, id: 1, ecn, dscp, dontFragment })
      : emitIpv6(frame, ipAt, { ...common, hopLimit, ecn, dscp }));
  const addressesAt = ipAt + (isV4 ? IPV4.SOURCE : IPV6.SOURCE);
  const sum = pseudoHeaderSum(frame, addressesAt, route.source.length, protocol, length);
  payload.fill(frame, at, sum);
  return frame.subarray(0, at + length);
}

/** A frame with this TCP segment. */
export function craftSegment(route: Route, crafted: CraftedSegment): Uint8Array {
  const segment = new TcpSegment();
  segment.sourcePort = crafted.sourcePort;
  segment.destinationPort = crafted.targetPort;
  segment.flags = crafted.flags;
  segment.seq = crafted.seq;
  segment.ack = crafted.ack;
  segment.window = crafted.window;
  segment.urgentPointer = crafted.urgentPointer ?? 0;
  const options = crafted.options ?? {};
  if (options.mss !== undefined) segment.mss = options.mss;
  if (options.windowScale !== undefined) segment.windowScale = options.windowScale;
  segment.sackPermitted = options.sackPermitted ?? false;
  if (options.timestamps !== undefined) {
    segment.hasTimestamps = true;
    segment.tsValue = options.timestamps.value >>> 0;
    segment.tsEcho = options.timestamps.echo >>> 0;
  }
  for (const [left, right] of options.sack ?? []) {
    segment.sackBlocks[segment.sackBlockCount * 2] = left;
    segment.sackBlocks[segment.sackBlockCount * 2 + 1] = right;
    segment.sackBlockCount += 1;
  }
  const cookie = options.fastOpen ?? options.fastOpenExperimental;
  if (cookie !== undefined) {
    segment.fastOpen = cookie.length;
    segment.fastOpenCookie = cookie;
    segment.isFastOpenExperimental = options.fastOpen === undefined;
  }
  const header = new Uint8Array(TCP.MAX_HEADER_BYTES);
  let headerBytes = emitTcp(header, 0, segment);
  if (crafted.rawOptions !== undefined) {
    assertEquals(crafted.rawOptions.length % 4, 0, "options end at a word boundary");
    header.set(crafted.rawOptions, TCP.HEADER_BYTES);
    headerBytes = TCP.HEADER_BYTES + crafted.rawOptions.length;
    header[TCP.DATA_OFFSET] = headerBytes << 2;
  }
  return craftPacket(route, {
    protocol: IP_PROTOCOL.TCP,
    length: headerBytes + crafted.data.length,
    ecn: crafted.ecn ?? 0,
    fill: (frame, at, pseudoSum) => {
      frame.set(header.subarray(0, headerBytes), at);
      frame.set(crafted.data, at + headerBytes);
      const sum = tcpChecksum(frame, at, headerBytes + crafted.data.length, pseudoSum);
      const word = crafted.corrupt === true ? sum ^ 0x5555 : sum;
      frame[at + TCP.CHECKSUM] = word >>> 8;
      frame[at + TCP.CHECKSUM + 1] = word & 0xff;
    },
  });
}

/** A packet that a host sent, taken apart. */
export interface ReadPacket {
  readonly etherType: number;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly protocol: number;
  readonly ttl: number;
  readonly dscp: number;
  readonly ecn: number;
  readonly dontFragment: boolean;
  readonly ipId: number;
  readonly packetBytes: number;
  /** The TCP segment, null when it is something else. */
  readonly segment: TcpSegment | null;
  readonly payload: Uint8Array;
}

/** Takes a frame apart, and demands that it is well formed with correct checksums (MUST-2). */
export function readPacket(frame: Uint8Array): ReadPacket | null {
  const ethernet = new EthernetHeader();
  assertEquals(parseEthernet(frame, frame.length, ethernet), null);
  if (ethernet.type === ETHERTYPE.IPV4) {
    const ip = new IpPacket();
    assertEquals(parseIpv4(frame, ethernet.payloadOffset, frame.length - ethernet.payloadOffset, ip), null);
    return finish(frame, {
      ...ip,
      etherType: ethernet.type,
      addressBytes: IPV4.ADDRESS_BYTES,
      packetBytes: ip.totalLength,
      ttl: ip.hopLimit,
      ipId: ip.id,
    });
  }
  if (ethernet.type === ETHERTYPE.IPV6) {
    const ip = new IpPacket();
    assertEquals(parseIpv6(frame, ethernet.payloadOffset, frame.length - ethernet.payloadOffset, ip), null);
    return finish(frame, {
      ...ip,
      etherType: ethernet.type,
      addressBytes: IPV6.ADDRESS_BYTES,
      packetBytes: ip.headerLength + ip.payloadLength,
      ttl: ip.hopLimit,
      dontFragment: true,
      ipId: 0,
    });
  }
  return null;
}

interface FoundHeader {
  readonly etherType: number;
  readonly addressBytes: number;
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  readonly payloadOffset: number;
  readonly payloadLength: number;
  readonly protocol: number;
  readonly ttl: number;
  readonly dscp: number;
  readonly ecn: number;
  readonly dontFragment: boolean;
  readonly ipId: number;
  readonly packetBytes: number;
}

function finish(frame: Uint8Array, ip: FoundHeader): ReadPacket {
  const { sourceOffset, payloadOffset, payloadLength, protocol } = ip;
  const common = {
    etherType: ip.etherType,
    source: frame.slice(sourceOffset, sourceOffset + ip.addressBytes),
    target: frame.slice(ip.destinationOffset, ip.destinationOffset + ip.addressBytes),
    protocol,
    ttl: ip.ttl,
    dscp: ip.dscp,
    ecn: ip.ecn,
    dontFragment: ip.dontFragment,
    ipId: ip.ipId,
    packetBytes: ip.packetBytes,
    payload: frame.slice(payloadOffset, payloadOffset + payloadLength),
  };
  if (protocol !== IP_PROTOCOL.TCP) return { ...common, segment: null };
  const segment = new TcpSegment();
  assertEquals(parseTcp(frame, payloadOffset, payloadLength, segment), null);
  const sum = pseudoHeaderSum(frame, sourceOffset, ip.addressBytes, IP_PROTOCOL.TCP, payloadLength);
  assertEquals(
    checksumVerdict(frame, payloadOffset, payloadLength, sum, true),
    CHECKSUM_VERDICT.CORRECT,
    "the checksum of a segment that we sent",
  );
  assert(!segment.optionsMalformed, "options of a segment that we sent");
  assertSaneSegment(segment);
  return { ...common, segment };
}

/** What holds for every segment that any TCP sends, whatever led to it. */
function assertSaneSegment(segment: TcpSegment): void {
  const words = flagNames(segment.flags).join(" ");
  const isSyn = (segment.flags & FLAG.SYN) !== 0;
  const isRst = (segment.flags & FLAG.RST) !== 0;
  const isFin = (segment.flags & FLAG.FIN) !== 0;
  // MUST-65: MSS only with SYN; RFC 7323 §2.2 and RFC 2018 §2 say the same of theirs.
  assert(isSyn || segment.mss < 0, `MSS outside a SYN (${words})`);
  assert(isSyn || segment.windowScale < 0, `window scale outside a SYN (${words})`);
  assert(isSyn || !segment.sackPermitted, `SACK permitted outside a SYN (${words})`);
  assert(!(isSyn && (isRst || isFin)), `impossible flags ${words}`);
  assert(!(isRst && isFin), `impossible flags ${words}`);
  assert((segment.flags & FLAG.ACK) !== 0 || isSyn || isRst, `no ACK on ${words}`);
  assert(segment.sackBlockCount === 0 || (segment.flags & FLAG.ACK) !== 0, "SACK without ACK");
}
