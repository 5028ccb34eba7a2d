/**
 * Which frames a host takes, and what it says of those that it does not: which kind, whole or in pieces. Each is tried with an
 * echo request, whose answer shows that it was taken. Whose frames: whose_frames_test.ts.
 */
import { assertEquals } from "@std/assert";
import { FragmentWire } from "./fragment_wire.ts";
import { ethernet, type HandEthernet, type HandIp, icmp, ipv4 } from "./hand_frames.ts";
import { HAND_FAMILIES, pattern } from "./hand_fragments.ts";
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const DATA = new TextEncoder().encode("0123456789abcdef");
const HEADER = { to: OUR_MAC, from: PEER_MAC };
const PACKET = { source: PEER_IP, target: OUR_IP, protocol: 1 };

function echoRequest(header: Partial<HandEthernet> = {}, packet: Partial<HandIp> = {}): Uint8Array {
  const message = icmp({ type: 8, code: 0, rest: 0x12340001 }, DATA);
  return ethernet({ ...HEADER, ...header }, ipv4({ ...PACKET, ...packet }, message));
}

/** What a request from `source` to `target` gets. */
function echoReply(source = OUR_IP, target = PEER_IP): Uint8Array {
  const message = icmp({ type: 0, code: 0, rest: 0x12340001 }, DATA);
  return ethernet({ to: PEER_MAC, from: OUR_MAC }, ipv4({ source, target, protocol: 1 }, message));
}

/** The frame is refused in silence: no answer, this counter, this event (none where it is only noise). */
function refuses(wire: WireHost, frame: Uint8Array, reason: string, isTold: boolean): void {
  wire.takeCounts();
  wire.takeDrops();
  wire.answers(frame);
  // A segment in error is counted as such besides; an IP header's or a message's error is none.
  const others = reason === "malformed-tcp" ? { "segments-bad": 1 } : {};
  assertEquals(wire.takeCounts(), { [`drop-${reason}`]: 1, ...others }, reason);
  assertEquals(wire.takeDrops(), isTold ? [reason] : [], reason);
  wire.pass(10 * SECOND_US);
  wire.expects();
}

Deno.test("a frame for our hardware address and our address is taken", () => {
  const wire = new WireHost();
  wire.answers(echoRequest(), echoReply());
  assertEquals(wire.takeCounts(), { "echo-replies": 1 });
  assertEquals(wire.takeDrops(), []);
});

Deno.test("kinds of frames that the host does not speak are counted", () => {
  const wire = new WireHost();
  const packet = echoRequest().subarray(14);
  for (const type of [0x0000, 0x0005, 0x05dc, 0x0801, 0x8035, 0x88cc, 0xffff]) {
    refuses(wire, ethernet({ ...HEADER, type }, packet), "unknown-ethertype", false);
  }
});

Deno.test("protocols that the host does not speak are counted, and the sender told (RFC 1122 §3.2.2.1)", () => {
  for (const protocol of [0, 2, 4, 5, 7, 17, 41, 58, 132, 255]) {
    const wire = new WireHost();
    const frame = echoRequest({}, { protocol });
    // UDP is spoken by nobody at any of its ports.
    const header = { type: 3, code: protocol === 17 ? 3 : 2 };
    const addresses = { source: OUR_IP, target: PEER_IP };
    const answer = ipv4({ ...addresses, protocol: 1 }, icmp(header, frame.subarray(14)));
    wire.answers(frame, ethernet({ to: PEER_MAC, from: OUR_MAC }, answer));
    assertEquals(wire.takeCounts(), { "drop-unknown-protocol": 1, "icmp-errors-out": 1 });
  }
});

Deno.test("frames that end inside their headers are malformed, each with its reason", () => {
  const wire = new WireHost();
  const tagged = echoRequest({ vlan: 5 });
  const cut = (frame: Uint8Array, length: number) => frame.slice(0, length);
  for (const frame of [cut(echoRequest(), 0), cut(echoRequest(), 13), cut(tagged, 14), cut(tagged, 17)]) {
    refuses(wire, frame, "malformed-ethernet", true);
  }
  for (const length of [14, 33, 34, 57]) refuses(wire, cut(echoRequest(), length), "malformed-ipv4", true);
  const inVlan = new WireHost({ vlan: 5 });
  for (const length of [18, 37]) refuses(inVlan, cut(tagged, length), "malformed-ipv4", true);
});

Deno.test("headers that cannot be are malformed: version, length, total length (RFC 791 §3.1)", () => {
  const wire = new WireHost();
  for (const [at, value] of [[14, 0x55], [14, 0x44], [14, 0x4f], [17, 19], [16, 1]] as const) {
    const frame = echoRequest();
    frame[at] = value;
    refuses(wire, frame, "malformed-ipv4", true);
  }
});

Deno.test("segments and messages that are too short are malformed", () => {
  const wire = new WireHost();
  const short = (protocol: number, bytes: number) =>
    ethernet(HEADER, ipv4({ ...PACKET, protocol }, new Uint8Array(bytes)));
  for (const bytes of [0, 1, 19]) refuses(wire, short(6, bytes), "malformed-tcp", true);
  for (const bytes of [0, 1, 7]) refuses(wire, short(1, bytes), "malformed-icmp", true);
});

Deno.test("a header whose sum is wrong is refused (RFC 1122 §3.2.1.2)", () => {
  const wire = new WireHost();
  for (const sumError of [1, -1, 0x8000]) {
    refuses(wire, echoRequest({}, { sumError }), "checksum", true);
    refuses(wire, echoRequest({}, { sumError, options: [1, 1, 1, 1] }), "checksum", true);
  }
});

/** Flags and offset of a fragment. */
const FRAGMENTS: readonly (readonly [string, Partial<HandIp>])[] = [
  ["the first", { moreFragments: true }],
  ["one in the middle", { moreFragments: true, fragmentOffset: 8 }],
  ["the last", { fragmentOffset: 8 }],
  ["the last that can be", { fragmentOffset: 65_528 }],
  ["one that says that it may not be one", { fragmentOffset: 1480, dontFragment: true }],
];

for (const [name, fields] of FRAGMENTS) {
  Deno.test(`fragments: ${name} is not taken for a packet, of either protocol`, () => {
    const wire = new WireHost();
    // Data of ICMP or TCP, as long as any part may be.
    const request = icmp({ type: 8, code: 0, rest: 0x12340001 }, DATA).subarray(0, 8);
    wire.answers(ethernet(HEADER, ipv4({ ...PACKET, ...fields }, request)));
    const segment = new Uint8Array(24);
    segment.set(segmentFrame({ seq: 1, flags: 2 }).subarray(34, 54));
    wire.answers(ethernet(HEADER, ipv4({ ...PACKET, protocol: 6, ...fields }, segment)));
    const counts = wire.takeCounts();
    assertEquals([counts["echo-replies"] ?? 0, counts["segments-in"] ?? 0], [0, 0]);
    // Whole packets, before and after, with and without DF.
    wire.answers(echoRequest(), echoReply());
  });
}

Deno.test("fragments: a large echo request is answered once all have come, in fragments that put together are the reply", () => {
  const data = pattern(4000);
  const message = (type: number) => icmp({ type, code: 0, rest: 0x12340001 }, data);
  const [ipv4Family] = HAND_FAMILIES;
  const wire = new WireHost();
  const request = message(8);
  const part = (offset: number, end: number) =>
    ipv4Family.frame({ protocol: 1, offset, more: end < request.length }, request.subarray(offset, end));
  wire.answers(part(1480, 2960));
  wire.answers(part(2960, request.length));
  const replies = wire.gives(part(0, 1480));
  assertEquals(replies.length, 3);
  const peer = new FragmentWire();
  const wholes = replies.map((frame) => peer.gives(frame.slice())?.bytes ?? null);
  assertEquals(wholes.slice(0, 2), [null, null]);
  assertEquals(wholes[2]?.subarray(34), message(0));
  const { "fragments-in": fragmentsIn, reassembled, "echo-replies": replied } = wire.takeCounts();
  assertEquals([fragmentsIn, reassembled, replied], [3, 1, 1]);
});

Deno.test("fragments for another address are nobody's here", () => {
  const wire = new WireHost();
  refuses(wire, echoRequest({}, { moreFragments: true, target: "10.0.0.2" }), "not-for-us", false);
});

Deno.test("frames are counted as they come and go, refused ones too", () => {
  const wire = new WireHost();
  wire.gives(echoRequest());
  wire.gives(echoRequest({ to: "02:00:00:00:00:02" }));
  wire.gives(new Uint8Array(3));
  const { "frames-in": framesIn, "frames-out": framesOut } = wire.host.counters();
  assertEquals([framesIn, framesOut], [3, 1]);
});

Deno.test("the time of a frame is the host's time, and the time of its events", () => {
  const wire = new WireHost({ epochUs: 1_000_000 });
  wire.nowUs = 7_250_000;
  wire.answers(echoRequest({}, { sumError: 1 }));
  assertEquals(wire.host.nowUs, 7_250_000);
  assertEquals(wire.events, [{ event: "drop", time: 8.25, reason: "checksum" }]);
});
