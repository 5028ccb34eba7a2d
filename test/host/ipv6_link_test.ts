/**
 * What routers say, on what a whole host sends then: the link's MTU and hop limit (RFC 4861 §6.3.4), for how long a neighbor is not asked again,
 * and how narrow the path is to somebody without a connection (RFC 8201).
 */
import { assertEquals } from "@std/assert";
import type { HostOptions } from "../../src/host/host_options.ts";
import { advertisement } from "./discovery_frames.ts";
import { seqOf } from "./conversation.ts";
import { ethernet, four, two } from "./hand_frames.ts";
import { icmpv6, ipv6 } from "./hand_ipv6.ts";
import { introduces, segmentOf, tcpOffset, WIRE_FAMILIES } from "./wire_families.ts";
import { OUR_MAC, PEER_MAC, PLAIN_TCP, ROUTER_MAC, SECOND_US, WireHost } from "./wire_host.ts";

const [, FAMILY] = WIRE_FAMILIES;
const { us, peer, addresses: [OURS] } = FAMILY;
const ROUTER = "fe80::1";
const ALL_NODES = "ff02::1";
const ALL_NODES_MAC = "33:33:00:00:00:01";
const [SYN, ACK] = [2, 16];
const [ICMPV6, SOLICITATION] = [58, 135];
const ECHO_REQUEST = 128;
const [PACKET_TOO_BIG, ECHO_REPLY] = [2, 129];
/** RFC 8201 §4. */
const LIFE_US = 600 * SECOND_US;

/** The bytes of an IPv6 packet in a frame without a tag. */
const HOP_LIMIT_AT = 14 + 7;
const PROTOCOL_AT = 14 + 6;
const packetBytes = (frame: Uint8Array) => frame.length - 14;

/** A host that listens on port 80. */
function listening(options: Pick<Partial<HostOptions>, "ttl" | "acceptRa" | "tcp"> = {}): WireHost {
  const wire = new WireHost({ addresses: [OURS], ...options });
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  return wire;
}

function advertised(fields: Parameters<typeof advertisement>[0], hopLimit = 255): Uint8Array {
  const [type, code, , , a, b, c, d, ...rest] = advertisement(fields);
  const word = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const between = { source: ROUTER, target: ALL_NODES };
  const message = icmpv6({ type, code, rest: word }, Uint8Array.from(rest), between);
  const header = { ...between, protocol: 58, hopLimit };
  return ethernet({ to: ALL_NODES_MAC, from: ROUTER_MAC, type: 0x86dd }, ipv6(header, message));
}

/** The frame that answers a SYN, and the MSS in it. */
function synAck(wire: WireHost, sourcePort: number): { frame: Uint8Array; mss: number } {
  const options = [2, 4, ...two(1440)];
  const [frame] = wire.gives(segmentOf(FAMILY, { source: peer, sourcePort, seq: 1000, flags: SYN, options }));
  const at = tcpOffset(frame) + 22;
  return { frame, mss: (frame[at] << 8) | frame[at + 1] };
}

function fromPeer(type: number, rest: number, payload: Uint8Array): Uint8Array {
  const between = { source: peer, target: us };
  const message = icmpv6({ type, code: 0, rest }, payload, between);
  return ethernet({ to: OUR_MAC, from: PEER_MAC, type: 0x86dd }, ipv6({ ...between, protocol: 58 }, message));
}

/** How large the packets are in which a ping of so many bytes comes back. */
function ping(wire: WireHost, bytes: number): number[] {
  return wire.gives(fromPeer(ECHO_REQUEST, 1, new Uint8Array(bytes))).map(packetBytes);
}

/** A router says that a packet of protocol `protocol`, from us to `to`, was too big. */
function tooBig(mtu: number, about: { protocol?: number; source?: string } = {}): Uint8Array {
  const { protocol = 58, source = us } = about;
  const quoted = ipv6({ source, target: peer, protocol }, Uint8Array.of(ECHO_REPLY, 0, 0, 0, ...four(1)));
  return fromPeer(PACKET_TOO_BIG, mtu, quoted);
}

Deno.test("a router's MTU is the link's: segments and echo replies keep to it, also when the device grows again", () => {
  const wire = listening();
  assertEquals(synAck(wire, 1).mss, 1440);
  wire.answers(advertised({ mtu: 1280 }));
  assertEquals(synAck(wire, 2).mss, 1220);
  assertEquals(ping(wire, 1400), [1280, 224]);
  wire.answers(advertised({ mtu: 1400 }));
  assertEquals(synAck(wire, 3).mss, 1340);
  wire.setMtu(1300);
  assertEquals(synAck(wire, 4).mss, 1240);
  wire.setMtu(9000);
  assertEquals(synAck(wire, 5).mss, 1340);
});

Deno.test("an advertisement from off the link, or of less than IPv6's least MTU, changes nothing", () => {
  const wire = listening();
  wire.answers(advertised({ mtu: 1280, hopLimit: 42 }, 254));
  wire.answers(advertised({ mtu: 1279 }));
  const { frame, mss } = synAck(wire, 1);
  assertEquals([mss, frame[HOP_LIMIT_AT]], [1440, 64]);
});

Deno.test("a router's hop limit is that of all that is sent, unless the user has set one", () => {
  const hops = (wire: WireHost) => {
    const [reply] = wire.gives(fromPeer(ECHO_REQUEST, 1, new Uint8Array(8)));
    return [synAck(wire, 1).frame[HOP_LIMIT_AT], reply[HOP_LIMIT_AT]];
  };
  const plain = listening();
  const set = listening({ ttl: 99 });
  for (const wire of [plain, set]) wire.answers(advertised({ hopLimit: 42 }));
  assertEquals([hops(plain), hops(set)], [[42, 42], [99, 99]]);
});

Deno.test("where advertisements are not accepted they change nothing", () => {
  const wire = listening({ acceptRa: false });
  wire.answers(advertised({ mtu: 1280, hopLimit: 42 }));
  const { frame, mss } = synAck(wire, 1);
  assertEquals([mss, frame[HOP_LIMIT_AT]], [1440, 64]);
});

Deno.test("for how long a neighbor counts as reachable is the router's to say (RFC 4861 §6.3.4)", () => {
  /** How many seconds after the last word of a peer it is asked whether it is there, while it acknowledges nothing. */
  const askedAfter = (reachable: number): number => {
    // Sent again so seldom that the doubt of MUST-20 comes late.
    const wire = listening({ tcp: { ...PLAIN_TCP, rtoMinUs: 4 * SECOND_US } });
    introduces(wire, peer);
    if (reachable > 0) wire.answers(advertised({ reachable }));
    const iss = seqOf(synAck(wire, 1).frame);
    wire.answers(segmentOf(FAMILY, { source: peer, sourcePort: 1, seq: 1001, ack: iss + 1, flags: ACK }));
    const [connection] = wire.host.connections();
    wire.user(() => connection.write(new Uint8Array(10)));
    wire.take();
    for (let second = 1; second <= 120; second++) {
      wire.pass(SECOND_US);
      if (wire.take().some((frame) => frame[PROTOCOL_AT] === ICMPV6 && frame[54] === SOLICITATION)) {
        return second;
      }
    }
    return Infinity;
  };
  // Five seconds after the first segment that is sent again, at four seconds; else those at 12 and 28 are within its thirty.
  const [short, usual] = [askedAfter(2_000), askedAfter(0)];
  assertEquals([short, usual], [9, 60]);
});

Deno.test("a narrow path: replies to a ping come in parts that it carries, for ten minutes (RFC 8201 §4)", () => {
  const wire = listening();
  assertEquals(ping(wire, 1400), [1448]);
  wire.answers(tooBig(1280));
  assertEquals(ping(wire, 1400), [1280, 224]);
  wire.pass(LIFE_US - SECOND_US);
  assertEquals(ping(wire, 1400), [1280, 224]);
  wire.pass(SECOND_US);
  assertEquals(ping(wire, 1400), [1448]);
});

Deno.test("a narrow path that is none: below 1280, wider than the link, of another's packet or of TCP's", () => {
  const wire = listening();
  const nothing = [tooBig(1279), tooBig(1500), tooBig(9000), tooBig(1280, { source: "fd00::77" })];
  for (const frame of [...nothing, tooBig(1280, { protocol: 6 })]) {
    wire.answers(frame);
    assertEquals(ping(wire, 1400), [1448]);
  }
});
