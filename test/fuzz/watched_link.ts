/**
 * A link that looks at every frame that a host sends: it is well formed, its sums are right, it goes to one host that may be
 * answered, and it is no answer to what must not be answered.
 *
 * Owns: these checks, what a reader of the wire must know to go on with a conversation (the last timestamps), and a few frames
 * to be sent back. Must not know: how a host comes to what it sends.
 */
import { assert } from "@std/assert";
import { demand } from "./demand.ts";
import { emptyLinkStats, type FrameLink, type LinkStats } from "../../src/link/link.ts";
import { bytesEqual, isLoopback, isMulticastMac, isUnspecified } from "../../src/wire/address.ts";
import { isLinkLocal } from "../../src/wire/address_scope.ts";
import { ArpPacket, parseArp } from "../../src/wire/arp.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { IcmpMessage, parseIcmp } from "../../src/wire/icmp.ts";
import { isIcmpv6Error, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { etherTypeOf, IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { neighborMessageFault } from "../../src/wire/neighbor_discovery.ts";
import { CHECKSUM_VERDICT, checksumVerdict, FLAG, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import type { Family } from "../tcp/family.ts";
import { HOST_MAC, HOST_V4, HOST_V6 } from "../tcp/wire_ends.ts";

/** How many frames are kept to be sent back. */
const KEPT = 8;
const PORTS = 0x10000;

export class WatchedLink implements FrameLink {
  readonly name = "watched";
  readonly mtu: number;
  readonly maxPacketBytes: number;
  readonly isCrowded = false;
  readonly mac: Uint8Array = HOST_MAC;
  /** Frames sent since {@link WatchedLink.beginStep}. */
  sentInStep = 0;
  /** Source port of the TCP segment that the host is given in this step; -1 where it is given something else. */
  segmentFrom = -1;
  /** Frames of the host, the newest in turn. */
  readonly kept: Uint8Array[] = [];
  /** Sequence number of the last SYN-ACK to each port. */
  readonly synAcks = new Uint32Array(PORTS);
  /** TSval of the last segment to each port. */
  readonly timestamps = new Uint32Array(PORTS);
  /** The cookie that the host gave last (RFC 7413), by the last octet of the address that got it. */
  readonly cookies = new Map<number, Uint8Array>();
  #keep = 0;
  #isReset = false;
  #isError = false;
  readonly #stats = emptyLinkStats();
  readonly #ethernet = new EthernetHeader();
  readonly #ip = new IpPacket();
  readonly #segment = new TcpSegment();
  readonly #arp = new ArpPacket();
  readonly #icmp = new IcmpMessage();

  readonly #family: Family;

  constructor(mtu: number, family: Family) {
    this.#family = family;
    this.mtu = mtu;
    this.maxPacketBytes = mtu;
  }

  /** A new step begins; `frame` is what the host is given in it. */
  beginStep(frame: { readonly bytes: Uint8Array; readonly length: number } | null): void {
    this.sentInStep = 0;
    this.#isError = false;
    const isSegment = frame !== null && this.#isSegment(frame.bytes, frame.length);
    this.#isReset = isSegment && (this.#segment.flags & FLAG.RST) !== 0;
    this.segmentFrom = isSegment ? this.#segment.sourcePort : -1;
  }

  send(frame: Uint8Array, length: number): void {
    this.sentInStep++;
    this.#stats.framesOut++;
    demand(length <= this.mtu + ETHERNET.HEADER_BYTES, () => `a frame of ${length} bytes is above the MTU`);
    const ethernet = this.#ethernet;
    assert(parseEthernet(frame, length, ethernet) === null, "a frame that no one can read");
    assert(bytesEqual(frame, ETHERNET.SOURCE, HOST_MAC), "another's hardware address as source");
    if (ethernet.type === ETHERTYPE.ARP) this.#checkArp(frame, length - ethernet.payloadOffset);
    else this.#checkPacket(frame, length);
    if (this.#keep++ % 16 === 0) this.kept[(this.#keep >>> 4) % KEPT] = frame.slice(0, length);
  }

  #checkArp(frame: Uint8Array, length: number): void {
    assert(
      parseArp(frame, this.#ethernet.payloadOffset, length, this.#arp) === null,
      "ARP that no one can read",
    );
    assert(bytesEqual(this.#arp.senderMac, 0, HOST_MAC), "ARP in another's name");
  }

  #checkPacket(frame: Uint8Array, length: number): void {
    const ip = this.#ip;
    const { payloadOffset } = this.#ethernet;
    const { type } = this.#ethernet;
    assert(type === etherTypeOf(this.#family.host.length), "another version of IP than we speak");
    assert(
      parseIp(type, frame, payloadOffset, length - payloadOffset, ip) === null,
      "a packet that no one can read",
    );
    if (type === ETHERTYPE.IPV6) {
      this.#checkIpv6(frame);
      return;
    }
    assert(!isMulticastMac(frame, ETHERNET.DESTINATION), "a packet to a group address");
    assert(bytesEqual(frame, ip.sourceOffset, HOST_V4), "another's address as source");
    assert(!bytesEqual(frame, ip.destinationOffset, HOST_V4), "a packet to ourselves");
    const first = frame[ip.destinationOffset];
    demand(
      first !== 127 && (first & 0xf0) !== 0xe0 && !isUniform(frame, ip.destinationOffset),
      () => `a packet to ${first}.x.x.x`,
    );
    assert(
      !(first === 10 && frame[ip.destinationOffset + 3] === 255 &&
        bytesEqual(frame, ip.destinationOffset, HOST_V4.subarray(0, 3))),
      "a packet to the subnet's broadcast address",
    );
    if (ip.protocol === IP_PROTOCOL.TCP) {
      this.#checkSegment(frame);
      return;
    }
    demand(ip.protocol === IP_PROTOCOL.ICMP, () => `protocol ${ip.protocol}`);
    // A large echo reply leaves in fragments, of which none is a message by itself.
    if (ip.moreFragments || ip.fragmentOffset > 0) return;
    assert(
      parseIcmp(frame, ip.payloadOffset, ip.payloadLength, this.#icmp) === null,
      "ICMP that no one can read",
    );
    assert(!this.#isReset, "ICMP as answer to a RST");
  }

  /** RFC 8200 §4.5, RFC 4443 §2.4, RFC 4861 §6.1 and §7.1, RFC 3810 §5.2. */
  #checkIpv6(frame: Uint8Array): void {
    const ip = this.#ip;
    const { protocol, payloadOffset, payloadLength } = ip;
    const source = frame.subarray(ip.sourceOffset, ip.sourceOffset + 16);
    const isToGroup = frame[ip.destinationOffset] === 0xff;
    assert(
      isToGroup === isMulticastMac(frame, ETHERNET.DESTINATION),
      "a group's packet to one station, or the reverse",
    );
    assert(!bytesEqual(frame, ip.destinationOffset, HOST_V6), "a packet to ourselves");
    demand(
      !isUnspecified(frame.subarray(ip.destinationOffset, ip.destinationOffset + 16)) &&
        !isLoopback(frame.subarray(ip.destinationOffset, ip.destinationOffset + 16)),
      () => "a packet to nobody, or to loopback",
    );
    const isOurs = bytesEqual(source, 0, HOST_V6);
    if (protocol === IP_PROTOCOL.TCP) {
      assert(isOurs && !isToGroup, "a segment from another's address, or to a group");
      this.#checkSegment(frame);
      return;
    }
    demand(protocol === IP_PROTOCOL.ICMPV6, () => `protocol ${protocol}`);
    if (ip.moreFragments || ip.fragmentOffset > 0) return;
    const message = this.#icmp;
    const pseudo = pseudoHeaderSum(frame, ip.sourceOffset, 16, protocol, payloadLength);
    assert(
      parseIcmpv6(frame, payloadOffset, payloadLength, pseudo, message) === null,
      "ICMPv6 that no one can read",
    );
    const fault = neighborMessageFault(frame, ip, message);
    demand(fault === null, () => `ICMPv6 of type ${message.type}, which nobody may believe: ${fault}`);
    const isAboutLink = message.type >= 130 && message.type <= 143;
    assert(
      isOurs || (isAboutLink && (isUnspecified(source) || isLinkLocal(source, 0, 16))),
      "another's address as source",
    );
    assert(!isToGroup || isAboutLink, "ICMPv6 to a group");
    assert(!this.#isReset || isAboutLink, "ICMPv6 as answer to a RST");
    assert(!this.#isError || isAboutLink, "ICMPv6 as answer to an error");
  }

  #checkSegment(frame: Uint8Array): void {
    const { payloadOffset, payloadLength, sourceOffset } = this.#ip;
    const segment = this.#segment;
    assert(parseTcp(frame, payloadOffset, payloadLength, segment) === null, "a segment that no one can read");
    const pseudo = pseudoHeaderSum(
      frame,
      sourceOffset,
      this.#family.host.length,
      IP_PROTOCOL.TCP,
      payloadLength,
    );
    const verdict = checksumVerdict(frame, payloadOffset, payloadLength, pseudo, true);
    assert(verdict === CHECKSUM_VERDICT.CORRECT, "a wrong checksum");
    assert(!segment.optionsMalformed && segment.unknownOptions === 0, "options that no one can read");
    const { flags } = segment;
    const isSyn = (flags & FLAG.SYN) !== 0;
    const isRst = (flags & FLAG.RST) !== 0;
    demand(
      !(isSyn && (isRst || (flags & FLAG.FIN) !== 0)) && !(isRst && (flags & FLAG.FIN) !== 0),
      () => `flags ${flags}`,
    );
    demand((flags & FLAG.ACK) !== 0 || isSyn || isRst, () => `no ACK on flags ${flags}`);
    // As frame_craft.ts demands of a segment, with its reasons.
    assert(
      isSyn || (segment.mss < 0 && segment.windowScale < 0 && !segment.sackPermitted),
      "an option of a SYN on another",
    );
    if (this.#isReset) {
      assert(!isRst, "a RST for a RST");
      // One segment is allowed, the challenge ACK.
      demand(
        this.sentInStep === 1 && (flags & ~(FLAG.URG | FLAG.ECE | FLAG.CWR)) === FLAG.ACK &&
          segment.payloadLength === 0,
        () =>
          `more than a challenge ACK for a RST: flags ${flags}, ${segment.payloadLength} bytes, frame ${this.sentInStep}`,
      );
    }
    if (isSyn) this.synAcks[segment.destinationPort] = segment.seq;
    if (segment.fastOpen > 0 && (flags & FLAG.ACK) !== 0) {
      const end = this.#ip.destinationOffset + this.#family.host.length;
      this.cookies.set(frame[end - 1], segment.fastOpenCookie.slice());
    }
    if (segment.hasTimestamps) this.timestamps[segment.destinationPort] = segment.tsValue;
  }

  /** Whether a frame is a TCP segment, as whoever is careful reads it. */
  #isSegment(frame: Uint8Array, length: number): boolean {
    const ethernet = this.#ethernet;
    if (parseEthernet(frame, length, ethernet) !== null) return false;
    const { type, payloadOffset } = ethernet;
    if (type !== etherTypeOf(this.#family.host.length)) return false;
    const ip = this.#ip;
    if (parseIp(type, frame, payloadOffset, length - payloadOffset, ip) !== null) return false;
    this.#isError = ip.protocol === IP_PROTOCOL.ICMPV6 && ip.payloadLength > 0 &&
      isIcmpv6Error(frame[ip.payloadOffset]);
    if (ip.protocol !== IP_PROTOCOL.TCP || ip.fragmentOffset > 0 || ip.moreFragments) return false;
    return parseTcp(frame, ip.payloadOffset, ip.payloadLength, this.#segment) === null;
  }

  receive(): number {
    return 0;
  }

  flush(): void {}

  wait(): Promise<void> {
    return Promise.resolve();
  }

  wake(): void {}

  stats(): LinkStats {
    return { ...this.#stats };
  }

  close(): void {}

  [Symbol.dispose](): void {}
}

/** 0.0.0.0 and 255.255.255.255 */
function isUniform(bytes: Uint8Array, at: number): boolean {
  const word = bytes[at] & bytes[at + 1] & bytes[at + 2] & bytes[at + 3];
  return word === 0xff || (bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) === 0;
}
