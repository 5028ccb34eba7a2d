/**
 * What ARP asks of a host and what it answers: replies, the defence of its addresses, announcements (RFC 826, RFC 5227).
 */
import { assertEquals } from "@std/assert";
import { arpFrame, ethernet, type HandArp, ip } from "./hand_frames.ts";
import {
  arpReply,
  arpRequest,
  EVERYBODY,
  NO_MAC,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  SECOND_US,
  segmentFrame,
  WireHost,
} from "./wire_host.ts";

const SECOND_IP = "192.168.7.1";
const TWO_ADDRESSES = { addresses: [`${OUR_IP}/24`, `${SECOND_IP}/24`] };

/** A stranger asks who has an address. */
function question(targetIp: string, about: Partial<HandArp> = {}): HandArp {
  return { operation: 1, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: NO_MAC, targetIp, ...about };
}

/** The host says that the address is its own, to one who asked. */
function answer(senderIp: string, targetIp = PEER_IP): HandArp {
  return { operation: 2, senderMac: OUR_MAC, senderIp, targetMac: PEER_MAC, targetIp };
}

/** Says to all that the address is the host's. */
function announcement(address: string): HandArp {
  return { operation: 1, senderMac: OUR_MAC, senderIp: address, targetMac: NO_MAC, targetIp: address };
}

for (const to of [EVERYBODY, OUR_MAC]) {
  Deno.test(`ARP: a request for our address, sent to ${to}, is answered to the asker alone (RFC 826)`, () => {
    const wire = new WireHost();
    wire.answers(arpFrame(question(OUR_IP), { to }), arpFrame(answer(OUR_IP), { to: PEER_MAC }));
    assertEquals(wire.takeCounts(), { "arp-in": 1, "arp-replies-out": 1 });
    wire.pass(100 * SECOND_US);
    wire.expects();
  });
}

Deno.test("ARP: each of two addresses is answered as itself, and no third (RFC 826)", () => {
  const wire = new WireHost(TWO_ADDRESSES);
  for (const address of [OUR_IP, SECOND_IP, OUR_IP]) {
    wire.answers(
      arpFrame(question(address), { to: EVERYBODY }),
      arpFrame(answer(address), { to: PEER_MAC }),
    );
  }
  for (const address of ["10.0.0.2", "10.0.1.1", "192.168.7.2", "192.168.8.1", "0.0.0.0", PEER_IP]) {
    wire.answers(arpFrame(question(address), { to: EVERYBODY }));
  }
  wire.answers(arpFrame(question("10.0.0.2"), { to: OUR_MAC }));
});

Deno.test("ARP: a probe for our address, its sender 0.0.0.0, gets a reply that names 0.0.0.0 (RFC 5227 §2.1.1)", () => {
  const wire = new WireHost();
  wire.answers(
    arpFrame(question(OUR_IP, { senderIp: "0.0.0.0" }), { to: EVERYBODY }),
    arpFrame(answer(OUR_IP, "0.0.0.0"), { to: PEER_MAC }),
  );
  assertEquals(wire.takeCounts(), { "arp-in": 1, "arp-replies-out": 1 });
});

for (const vlan of [1, 5, 4094]) {
  Deno.test(`ARP: a request on our VLAN ${vlan} is answered on it, one without a tag is not (IEEE 802.1Q)`, () => {
    const wire = new WireHost({ vlan });
    const tagged = { to: PEER_MAC, vlan };
    wire.answers(
      arpFrame(question(OUR_IP), { to: EVERYBODY, vlan }),
      arpFrame(answer(OUR_IP), { ...tagged, padTo: 60 }),
    );
    wire.answers(arpFrame(question(OUR_IP), { to: EVERYBODY }));
  });
}

Deno.test("ARP: replies and other operations for us are heard and not answered (RFC 826)", () => {
  const wire = new WireHost();
  for (const operation of [0, 2, 3, 4, 8, 0x0102]) {
    wire.answers(arpFrame(question(OUR_IP, { operation }), { to: OUR_MAC }));
  }
  assertEquals(wire.takeCounts(), { "arp-in": 6 });
});

Deno.test("ARP: what a group address sends is neither answered nor believed (RFC 1812 §3.3.2)", () => {
  const wire = new WireHost();
  for (const senderMac of [EVERYBODY, "01:00:5e:00:00:01", "03:00:00:00:00:09"]) {
    // The answer would go to everybody.
    wire.answers(arpFrame(question(OUR_IP, { senderMac }), { to: EVERYBODY, from: PEER_MAC }));
    wire.answers(
      arpFrame(question(OUR_IP, { senderMac, senderIp: OUR_IP }), { to: OUR_MAC, from: PEER_MAC }),
    );
  }
  assertEquals(wire.takeCounts(), { "arp-in": 6, "arp-bad-sender": 6 });
  wire.user((host) => host.connect({ address: ip(PEER_IP), port: 80, handler: {} }));
  wire.expects(arpRequest(PEER_IP));
});

Deno.test("ARP: packets that are none, or of other hardware and protocols, are dropped with their reason (RFC 826)", () => {
  const wire = new WireHost();
  const good = arpFrame(question(OUR_IP), { to: EVERYBODY });
  const changed: readonly (readonly [number, number])[] = [[15, 6], [17, 1], [18, 8], [19, 16]];
  for (const [at, value] of changed) {
    const frame = good.slice();
    frame[at] = value;
    wire.answers(frame);
    assertEquals(wire.takeDrops(), ["malformed-arp"]);
  }
  for (const length of [14, 15, 41]) {
    wire.answers(good.slice(0, length));
    assertEquals(wire.takeDrops(), ["malformed-arp"]);
  }
  assertEquals(wire.takeCounts(), { "drop-malformed-arp": 7 });
  wire.answers(good.slice(0, 42), arpFrame(answer(OUR_IP), { to: PEER_MAC }));
  assertEquals(wire.takeDrops(), []);
});

Deno.test("ARP: a request sent to another's hardware address is not for us, whatever it asks", () => {
  const wire = new WireHost();
  wire.answers(arpFrame(question(OUR_IP), { to: "02:00:00:00:00:02" }));
  assertEquals(wire.takeCounts(), { "drop-not-for-us": 1 });
});

// -- Conflicts

/** Somebody else says that it has our address. */
const CONFLICTS: readonly (readonly [string, HandArp])[] = [
  ["in an announcement", question(OUR_IP, { senderIp: OUR_IP })],
  ["in a question", question(PEER_IP, { senderIp: OUR_IP, senderMac: "02:00:00:00:00:08" })],
  ["in a reply", question(PEER_IP, { operation: 2, senderIp: OUR_IP })],
];

for (const [name, claim] of CONFLICTS) {
  Deno.test(`ARP conflict ${name}: the address is defended to all, once in ten seconds (RFC 5227 §2.4)`, () => {
    const wire = new WireHost();
    const frame = arpFrame(claim, { to: EVERYBODY });
    const defence = arpFrame(announcement(OUR_IP), { to: EVERYBODY });
    wire.answers(frame, defence);
    wire.answers(frame);
    wire.pass(9_999_999);
    wire.answers(frame);
    assertEquals(wire.takeCounts(), { "arp-in": 3, "address-conflicts": 3 });
    wire.pass(1);
    wire.answers(frame, defence);
    wire.answers(frame);
    wire.pass(10 * SECOND_US);
    wire.answers(frame, defence);
  });
}

Deno.test("ARP conflict: each of two addresses has its own ten seconds (RFC 5227 §2.4)", () => {
  const wire = new WireHost(TWO_ADDRESSES);
  const claim = (senderIp: string) => arpFrame(question(senderIp, { senderIp }), { to: EVERYBODY });
  const defence = (address: string) => arpFrame(announcement(address), { to: EVERYBODY });
  wire.answers(claim(OUR_IP), defence(OUR_IP));
  wire.pass(6 * SECOND_US);
  wire.answers(claim(SECOND_IP), defence(SECOND_IP));
  wire.pass(4 * SECOND_US);
  wire.answers(claim(SECOND_IP));
  wire.answers(claim(OUR_IP), defence(OUR_IP));
});

Deno.test("ARP conflict on our VLAN is answered on it, one on another is none (RFC 5227 §2.4, IEEE 802.1Q)", () => {
  const wire = new WireHost({ vlan: 9 });
  wire.answers(arpFrame(question(OUR_IP, { senderIp: OUR_IP }), { to: EVERYBODY, vlan: 8 }));
  wire.answers(
    arpFrame(question(OUR_IP, { senderIp: OUR_IP }), { to: EVERYBODY, vlan: 9 }),
    arpFrame(announcement(OUR_IP), { to: EVERYBODY, vlan: 9 }),
  );
});

Deno.test("ARP: our own frames, seen again, are no conflict and no question", () => {
  const wire = new WireHost();
  wire.answers(arpFrame(announcement(OUR_IP), { to: EVERYBODY }));
  wire.answers(arpFrame(question(OUR_IP, { senderMac: OUR_MAC }), { to: EVERYBODY }));
  wire.answers(arpFrame(answer(OUR_IP), { to: OUR_MAC }));
  assertEquals(wire.takeCounts(), { "arp-in": 3 });
  // Hardware addresses that differ in one byte are not ours.
  for (const senderMac of ["02:00:00:00:00:03", "06:00:00:00:00:01"]) {
    wire.answers(arpFrame(question(OUR_IP, { senderMac }), { to: EVERYBODY }), arpReplyTo(senderMac));
  }
});

function arpReplyTo(targetMac: string): Uint8Array {
  return arpFrame({ ...answer(OUR_IP), targetMac }, { to: targetMac });
}

Deno.test("ARP: whoever takes our address is not answered, and its hardware address not learnt", () => {
  const wire = new WireHost(TWO_ADDRESSES);
  // It asks for our second address under our first.
  wire.answers(
    arpFrame(question(SECOND_IP, { senderIp: OUR_IP }), { to: EVERYBODY }),
    arpFrame(announcement(OUR_IP), { to: EVERYBODY }),
  );
});

Deno.test("announce: one gratuitous request for each address, without a tag (RFC 5227 §2.3)", () => {
  const wire = new WireHost(TWO_ADDRESSES);
  wire.expects();
  wire.user((host) => host.announce());
  wire.expects(
    arpFrame(announcement(OUR_IP), { to: EVERYBODY }),
    arpFrame(announcement(SECOND_IP), { to: EVERYBODY }),
  );
  // Also after a tagged answer has been written into the same memory.
  wire.gives(arpFrame(question(OUR_IP), { to: EVERYBODY, vlan: 0xfff }));
  wire.user((host) => host.announce());
  wire.expects(
    arpFrame(announcement(OUR_IP), { to: EVERYBODY }),
    arpFrame(announcement(SECOND_IP), { to: EVERYBODY }),
  );
  wire.pass(100 * SECOND_US);
  wire.expects();
});

Deno.test("probe of a host: found hears each claim of the address until it is cancelled (RFC 5227 §2.1.1)", () => {
  const wire = new WireHost();
  const heard: string[] = [];
  const stop = wire.user((host) => host.probe(ip("10.0.0.50"), (mac) => heard.push(mac.join())));
  wire.expects(
    arpFrame(
      { operation: 1, senderMac: OUR_MAC, senderIp: "0.0.0.0", targetMac: NO_MAC, targetIp: "10.0.0.50" },
      { to: EVERYBODY },
    ),
  );
  wire.answers(arpReply("10.0.0.51", PEER_MAC));
  assertEquals(heard, []);
  wire.answers(arpReply("10.0.0.50", PEER_MAC));
  wire.answers(arpReply("10.0.0.50", OUR_MAC));
  assertEquals(heard, ["2,0,0,0,0,9"]);
  stop();
  stop();
  wire.answers(arpReply("10.0.0.50", PEER_MAC));
  assertEquals(heard, ["2,0,0,0,0,9"]);
});

Deno.test("ARP and the other kinds of frames do not disturb each other's memory", () => {
  const wire = new WireHost();
  const reset = wire.gives(segmentFrame({ seq: 5, flags: 2, vlan: 0 }));
  assertEquals(reset.length, 1);
  wire.answers(arpFrame(question(OUR_IP), { to: EVERYBODY }), arpFrame(answer(OUR_IP), { to: PEER_MAC }));
  assertEquals(wire.gives(segmentFrame({ seq: 5, flags: 2, vlan: 0 })), reset);
  // A frame of an unknown type is none of these.
  wire.answers(ethernet({ to: OUR_MAC, from: PEER_MAC, type: 0x8035 }, new Uint8Array(50)));
});
