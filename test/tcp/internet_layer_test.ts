/**
 * What TCP and IP owe each other: TTL, differentiated services, options, checksums (RFC 9293 §3.9.2, §3.1).
 */
import { assert, assertEquals } from "@std/assert";
import { checksum } from "../../src/wire/checksum.ts";
import { ETHERNET } from "../../src/wire/ethernet.ts";
import { IPV4 } from "../../src/wire/ipv4.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { ipv4Test, IS_IPV6 } from "./family.ts";
import { craftSegment } from "./frame_craft.ts";
import { Lab, type LabOptions } from "./harness.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { Peer } from "./peer.ts";
import { reachEstablished } from "./states.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

/** All packets that a short conversation draws from the host. */
function conversation(options: LabOptions) {
  const fixture = reachEstablished(options);
  const { lab, peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  app.write("answer");
  peer.sends({ flags: "RST", seq: 300 });
  app.closeWrite();
  lab.pass(3 * SECOND_US);
  return { ...fixture, packets: peer.takeAll().map(({ packet }) => packet) };
}

Deno.test("the time to live is what was set, on every packet (MUST-49)", () => {
  for (const ttl of [1, 64, 255]) {
    const { packets } = conversation({ ttl });
    assert(packets.length >= 4);
    for (const packet of packets) assertEquals(packet.ttl, ttl);
  }
});

Deno.test("the time to live of resets for nobody's segments is the same (MUST-49)", () => {
  const lab = new Lab({ ttl: 33 });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0 });
  assertEquals(peer.expects({ flags: "RST ACK", seq: 0, ack: 1 }).packet.ttl, 33);
});

Deno.test("differentiated services: as set for all connections, unchanged in each packet (MUST-48, SHLD-22, SHLD-23)", () => {
  for (const dscp of [0, 8, 46, 63]) {
    const { packets } = conversation({ tcp: { dscp, ecn: "off" } });
    for (const packet of packets) assertEquals([packet.dscp, packet.ecn], [dscp, 0]);
  }
});

Deno.test("differentiated services: changed during the connection (MUST-48, SHLD-21, SHLD-22)", () => {
  const { peer, app } = reachEstablished();
  app.connection.setNoDelay(true);
  app.write("a");
  assertEquals(peer.expects({ flags: "ACK", seq: 1, data: "a" }).packet.dscp, 0);
  app.connection.setDscp(46);
  app.write("b");
  assertEquals(peer.expects({ flags: "ACK", seq: 2, data: "b" }).packet.dscp, 46);
  peer.sends({ flags: "RST", seq: 50 });
  assertEquals(peer.expects({ flags: "ACK", seq: 3 }).packet.dscp, 46);
});

Deno.test("differentiated services: one connection's are not another's (MUST-48)", () => {
  const { lab, app } = reachEstablished();
  app.connection.setDscp(10);
  const other = lab.peer();
  other.sends({ flags: "SYN", seq: 0 });
  assertEquals(other.expects({ flags: "SYN ACK", seq: 0 }).packet.dscp, 0);
});

Deno.test("differentiated services received can be learned (MAY-9)", () => {
  const { lab, peer, app } = reachEstablished();
  lab.ingest(withTrafficClass(textFrame(peer, 1), 26 << 2));
  assertEquals(app.text, "text");
  assertEquals(app.connection.receivedDscp, 26);
});

Deno.test("errors are told to those who listen, and those who do not hear nothing (MUST-47, SHLD-20)", () => {
  const lab = new Lab();
  let told = 0;
  lab.host.listen({ port: 1, accept: () => ({}) });
  lab.host.listen({ port: 2, accept: () => ({ onAdvice: () => told += 1 }) });
  for (const hostPort of [1, 2]) {
    const peer = lab.peer({ hostPort });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    const [connection] = lab.host.connections().filter(({ localPort }) => localPort === hostPort);
    lab.user(() => connection.write(new Uint8Array(3)));
    sendsIcmp(peer, { ...ICMP_FAMILY.hostUnreachable, seq: 1 });
    assertEquals(connection.state, "ESTABLISHED");
  }
  assertEquals(told, 1);
});

/** Options of an IPv4 header, in whole words. */
const IP_OPTIONS: readonly (readonly [string, readonly number[]])[] = [
  ["no operation", [1, 1, 1, 1]],
  ["end of list", [0, 0, 0, 0]],
  ["one that nobody knows", [0x9e, 4, 1, 2]],
  ["router alert", [0x94, 4, 0, 0]],
  ["a time stamp", [0x44, 8, 5, 0, 0, 0, 0, 0]],
  ["a record of the route", [0x07, 7, 4, 0, 0, 0, 0, 0]],
  ["one of illegal length", [0x9e, 0, 1, 1]],
  ["one that is too long", [0x9e, 40, 1, 1]],
  ["40 bytes of them", Array.from({ length: 40 }, () => 1)],
];

for (const [name, options] of IP_OPTIONS) {
  ipv4Test(`IP options: ${name}: the segment is taken as if it were not there (MUST-50)`, () => {
    const { lab, peer, app } = reachEstablished();
    lab.ingest(withIpOptions(textFrame(peer, 1), options));
    assertEquals(app.text, "text");
    lab.ingest(withIpOptions(textFrame(peer, 5), options));
    assertEquals(app.text, "texttext");
    lab.pass(SECOND_US);
    const seen = peer.takeAll();
    assertEquals(seen[seen.length - 1].ack, 9);
  });
}

ipv4Test("a SYN with IP options opens a connection (MUST-50)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  lab.ingest(withIpOptions(segmentFrame(peer, FLAG.SYN, 0, ""), [0x94, 4, 0, 0]));
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(apps.length, 1);
});

Deno.test("Ethernet padding behind a short packet is no text (RFC 9293 §3.1)", () => {
  const { lab, peer, app } = reachEstablished();
  const frame = new Uint8Array(80).fill(0xaa);
  frame.set(textFrame(peer, 1));
  lab.ingest(frame);
  assertEquals(app.text, "text");
});

Deno.test("a wrong TCP checksum: dropped in silence, whatever it says (MUST-3)", () => {
  const { lab, peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", corrupt: true });
  peer.sends({ flags: "RST", seq: 1, corrupt: true });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, corrupt: true });
  peer.sends({ flags: "ACK", seq: 99_999, ack: 1, corrupt: true });
  lab.pass(SECOND_US);
  peer.expectsSilence();
  assertEquals([app.state, app.text], ["ESTABLISHED", ""]);
});

Deno.test("every checksum that we send is right, odd lengths included (MUST-2)", () => {
  // The harness verifies each segment as it takes it.
  const { lab, peer, app } = reachEstablished();
  app.connection.setNoDelay(true);
  let end = 1;
  for (let length = 1; length < 60; length++) {
    app.write(length);
    end += length;
    peer.sends({ flags: "ACK", seq: 1, ack: end });
  }
  lab.pass(SECOND_US);
  assertEquals(peer.takeAll().reduce((sum, { data }) => sum + data.length, 0), end - 1);
});

Deno.test("both standard congestion controls work behind the same face (MAY-18)", () => {
  for (const congestionControl of ["cubic", "reno"] as const) {
    const { peer, app } = reachEstablished({ tcp: { congestionControl } });
    assertEquals(app.connection.info().congestionControl, congestionControl);
    app.write(50_000);
    assertEquals(peer.takeAll().length, 10);
    peer.sends({ flags: "ACK", seq: 1, ack: 14_601 });
    assert(peer.takeAll().length > 10, "slow start");
  }
});

function textFrame(peer: Peer, seq: number): Uint8Array {
  return segmentFrame(peer, FLAG.ACK | FLAG.PSH, seq, "text");
}

function segmentFrame(peer: Peer, flags: number, seq: number, text: string): Uint8Array {
  return craftSegment(peer.lab.routeFrom(peer.address), {
    sourcePort: peer.port,
    targetPort: HOST_PORT,
    flags,
    seq: (peer.iss + seq) >>> 0,
    ack: (flags & FLAG.ACK) === 0 ? 0 : (peer.hostIss + 1) >>> 0,
    window: 1000,
    data: new TextEncoder().encode(text),
  });
}

/** The same packet with options in its IP header. */
function withIpOptions(frame: Uint8Array, options: readonly number[]): Uint8Array {
  const at = ETHERNET.HEADER_BYTES;
  const after = at + IPV4.HEADER_BYTES;
  const longer = Uint8Array.from([...frame.subarray(0, after), ...options, ...frame.subarray(after)]);
  const headerBytes = IPV4.HEADER_BYTES + options.length;
  longer[at + IPV4.VERSION_IHL] = 0x40 | (headerBytes >>> 2);
  const total = longer.length - at;
  longer[at + IPV4.TOTAL_LENGTH] = total >>> 8;
  longer[at + IPV4.TOTAL_LENGTH + 1] = total & 0xff;
  sealHeader(longer, headerBytes);
  return longer;
}

function withTrafficClass(frame: Uint8Array, trafficClass: number): Uint8Array {
  const marked = frame.slice();
  if (IS_IPV6) {
    // The low half of the first byte, the high half of the second (RFC 8200 §3).
    marked[ETHERNET.HEADER_BYTES] = 0x60 | (trafficClass >>> 4);
    marked[ETHERNET.HEADER_BYTES + 1] = (trafficClass & 0x0f) << 4;
    return marked;
  }
  marked[ETHERNET.HEADER_BYTES + IPV4.TRAFFIC_CLASS] = trafficClass;
  sealHeader(marked, IPV4.HEADER_BYTES);
  return marked;
}

function sealHeader(frame: Uint8Array, headerBytes: number): void {
  const at = ETHERNET.HEADER_BYTES;
  frame[at + IPV4.CHECKSUM] = 0;
  frame[at + IPV4.CHECKSUM + 1] = 0;
  const sum = checksum(frame, at, headerBytes);
  frame[at + IPV4.CHECKSUM] = sum >>> 8;
  frame[at + IPV4.CHECKSUM + 1] = sum & 0xff;
}
