/** Whatever stands in a frame: no parser throws, and none points outside of the frame. */
import { assert } from "@std/assert";
import fc from "fast-check";
import { ArpPacket, parseArp } from "../../src/wire/arp.ts";
import { EthernetHeader, parseEthernet } from "../../src/wire/ethernet.ts";
import { IcmpMessage, parseIcmp, parseQuotedPacket, QuotedPacket } from "../../src/wire/icmp.ts";
import { parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { parseIpv4 } from "../../src/wire/ipv4.ts";
import { parseIpv6 } from "../../src/wire/ipv6.ts";
import { ListenerQuery, listenerQueryFault, parseListenerQuery } from "../../src/wire/multicast_listener.ts";
import {
  NeighborMessage,
  neighborMessageFault,
  parseNeighbor,
  parseRedirect,
  RedirectMessage,
} from "../../src/wire/neighbor_discovery.ts";
import { parseRouterAdvertisement, RouterAdvertisement } from "../../src/wire/router_messages.ts";
import { checksumVerdict, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";
import { checksum } from "../../src/wire/checksum.ts";

/** Bytes that begin like something real often enough for the deeper checks to be reached. */
const frame = fc.tuple(
  fc.constantFrom([], [0x45], [0x4f], [0x60, 0, 0, 0, 0, 60, 0], [0x60, 0, 0, 0, 0, 40, 0x3c], [
    0,
    1,
    8,
    0,
    6,
    4,
  ]),
  fc.uint8Array({ maxLength: 120 }),
).map(([start, rest]) => Uint8Array.of(...start, ...rest));

function inside(bytes: Uint8Array, offset: number, length: number): void {
  assert(
    offset >= 0 && length >= 0 && offset + length <= bytes.length,
    `${offset}+${length} of ${bytes.length}`,
  );
}

Deno.test("property: random bytes never throw and never lead outside", () => {
  fc.assert(
    fc.property(frame, fc.nat(20), (bytes, cut) => {
      const offset = Math.min(cut, bytes.length);
      const length = bytes.length - offset;
      const ethernet = new EthernetHeader();
      if (parseEthernet(bytes, bytes.length, ethernet) === null) inside(bytes, ethernet.payloadOffset, 0);
      parseArp(bytes, offset, length, new ArpPacket());
      const ipv6 = new IpPacket();
      if (parseIpv6(bytes, offset, length, ipv6) === null) {
        inside(bytes, ipv6.payloadOffset, ipv6.payloadLength);
      }
      const segment = new TcpSegment();
      if (parseTcp(bytes, offset, length, segment) === null) {
        inside(bytes, segment.payloadOffset, segment.payloadLength);
      }
      checksumVerdict(bytes, offset, length, 0);
      const quoted = new QuotedPacket();
      if (parseQuotedPacket(bytes, offset, length, quoted) === null) {
        inside(bytes, quoted.localAddressOffset, quoted.addressBytes * 2);
      }
      const message = new IcmpMessage();
      parseIcmp(bytes, offset, length, message);
      parseIcmpv6(bytes, offset, length, 0, message);
      message.payloadOffset = offset;
      message.payloadLength = length;
      message.code = 0;
      const neighbor = new NeighborMessage();
      if (parseNeighbor(bytes, message, neighbor) === null) inside(bytes, neighbor.targetOffset, 16);
      const redirect = new RedirectMessage();
      if (parseRedirect(bytes, message, redirect) === null) inside(bytes, redirect.destinationOffset, 16);
      const advertisement = new RouterAdvertisement();
      if (parseRouterAdvertisement(bytes, message, advertisement) === null) {
        const { prefixes, prefixCount, macOffset } = advertisement;
        for (const prefix of prefixes.slice(0, prefixCount)) inside(bytes, prefix.prefixOffset, 16);
        if (macOffset >= 0) inside(bytes, macOffset, 6);
      }
      const query = new ListenerQuery();
      if (parseListenerQuery(bytes, message, query) === null) {
        inside(bytes, query.groupOffset, 16);
        inside(bytes, query.sourcesOffset - (query.version === 1 ? 4 : 0), query.sourceCount * 16);
        listenerQueryFault(bytes, ipv6, query);
      }
      for (const type of [133, 134, 135, 136, 137]) {
        message.type = type;
        ipv6.hopLimit = 255;
        ipv6.fragmentHeaderOffset = -1;
        neighborMessageFault(bytes, ipv6, message);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("property: IPv4 headers with a mended checksum never lead outside", () => {
  fc.assert(
    fc.property(frame, (bytes) => {
      const headerLength = (bytes[0] & 0x0f) * 4;
      if (bytes.length >= headerLength && headerLength >= 20) {
        bytes[2] = 0;
        bytes[10] = bytes[11] = 0;
        const value = checksum(bytes, 0, headerLength);
        bytes[10] = value >>> 8;
        bytes[11] = value & 0xff;
      }
      const header = new IpPacket();
      if (parseIpv4(bytes, 0, bytes.length, header) === null) {
        inside(bytes, header.payloadOffset, header.payloadLength);
      }
    }),
    { numRuns: 2000 },
  );
});
