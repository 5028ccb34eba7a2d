/**
 * LISTEN: RFC 9293 §3.10.7.2 in its order (RST, ACK, SYN, other), and who may not be answered at all (§3.9.2.3).
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { parseIpAddress } from "../../src/wire/address.ts";
import { craftSegment } from "./frame_craft.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { Lab } from "./harness.ts";
import { reachSynRcvd } from "./states.ts";
import { HOST_IP, IS_IPV6, PEER_IP } from "./family.ts";
import { HOST_MAC, HOST_PORT, PEER_MAC } from "./wire_ends.ts";

for (const flags of ["RST", "RST ACK", "RST SYN", "RST SYN ACK", "RST FIN"]) {
  Deno.test(`LISTEN ignores <${flags}> (RFC 9293 §3.10.7.2, first)`, () => {
    const lab = new Lab();
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags, seq: 5, ack: 9 });
    peer.sends({ flags, seq: 5, ack: 9, data: "text" });
    peer.expectsSilence();
    assertEquals(apps.length, 0);
    lab.expectsNoStrays();
  });
}

for (const flags of ["ACK", "SYN ACK", "FIN ACK", "PSH ACK", "URG ACK"]) {
  for (const data of ["", "text"]) {
    Deno.test(`LISTEN answers <${flags}>${data} with RST at SEG.ACK (RFC 9293 §3.10.7.2, second)`, () => {
      const lab = new Lab();
      const apps = lab.listen();
      const peer = lab.peer();
      peer.sends({ flags, seq: 5, ack: 0x1234, data });
      peer.expects({ flags: "RST", seq: 0x1234 });
      peer.expectsSilence();
      assertEquals(apps.length, 0);
    });
  }
}

for (const flags of ["", "FIN", "PSH", "URG", "FIN PSH URG"]) {
  Deno.test(`LISTEN drops <${flags}>, neither RST, ACK nor SYN (RFC 9293 §3.10.7.2, fourth)`, () => {
    const lab = new Lab();
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags, seq: 5, data: "text" });
    peer.sends({ flags, seq: 5 });
    peer.expectsSilence();
    assertEquals(apps.length, 0);
  });
}

Deno.test("LISTEN: a SYN gets <SEQ=ISS><ACK=SEG.SEQ+1><CTL=SYN,ACK>, and the listener goes on (MUST-42, RFC 9293 §3.10.7.2, third)", () => {
  const { lab, peer } = reachSynRcvd();
  assertEquals(lab.takeTransitions(), ["CLOSED>LISTEN", "LISTEN>SYN_RCVD"]);
  // The same port still listens while a connection of it is in SYN_RCVD.
  const second = lab.peer();
  second.sends({ flags: "SYN", seq: 0 });
  second.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  second.expectsSilence();
  peer.expectsSilence();
  assertNotEquals(peer.hostIss, second.hostIss);
});

Deno.test("LISTEN goes on while a connection with the same local port is in SYN_SENT (MUST-42)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const server = lab.peer({ hostPort: HOST_PORT });
  const client = lab.connect(server, { localPort: HOST_PORT });
  server.expects({ flags: "SYN", seq: 0 });
  assertEquals(client.state, "SYN_SENT");
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  assertEquals(apps.length, 1);
});

Deno.test("LISTEN: each of two ports, and an address of its own where asked (MUST-43)", () => {
  const lab = new Lab();
  const first = lab.listen({ port: 1, address: HOST_IP });
  const second = lab.listen({ port: 2 });
  const one = lab.peer({ hostPort: 1 });
  one.sends({ flags: "SYN", seq: 0 });
  one.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  const two = lab.peer({ hostPort: 2 });
  two.sends({ flags: "SYN", seq: 0 });
  two.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([first.length, second.length], [1, 1]);
});

Deno.test("LISTEN: text on a SYN is not delivered before the connection is established, and then once (RFC 9293 §3.5)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "early" });
  peer.expects({ flags: "SYN ACK", seq: 0 });
  assertEquals(apps[0].text, "");
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "early" });
  assertEquals(apps[0].text, "early");
  assertEquals(apps[0].opened, 1);
});

Deno.test("LISTEN: FIN with a SYN leads to SYN_RCVD all the same (RFC 9293 §3.10.7.2, third)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN FIN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0 });
  peer.expectsSilence();
  assertEquals(apps[0].state, "SYN_RCVD");
});

function ip6(text: string): Uint8Array {
  const address = parseIpAddress(text);
  assert(address !== null, text);
  return address;
}

/** Each with the reason why nobody may be answered there. */
const INVALID_SOURCES: readonly (readonly [string, Uint8Array])[] = IS_IPV6
  ? [
    ["multicast", ip6("ff02::5")],
    ["solicited-node multicast", ip6("ff02::1:ff00:1")],
    ["IPv4-mapped", ip6("::ffff:10.0.0.9")],
    ["unspecified", ip6("::")],
    ["loopback", ip6("::1")],
  ]
  : [
    ["multicast", Uint8Array.of(224, 0, 0, 5)],
    ["limited broadcast", Uint8Array.of(255, 255, 255, 255)],
    ["directed broadcast", Uint8Array.of(10, 0, 0, 255)],
    ["unspecified", Uint8Array.of(0, 0, 0, 0)],
    ["loopback", Uint8Array.of(127, 0, 0, 1)],
  ];

/** Frames to everybody, or to a group that we are in. */
const GROUP_MACS: readonly Uint8Array[] = IS_IPV6
  ? [Uint8Array.of(0x33, 0x33, 0, 0, 0, 1), Uint8Array.of(0x33, 0x33, 0xff, 0, 0, 1)]
  : [new Uint8Array(6).fill(0xff)];

for (const [name, source] of INVALID_SOURCES) {
  Deno.test(`LISTEN: a SYN from a ${name} address is ignored (MUST-63, RFC 9293 §3.9.2.3)`, () => {
    const lab = new Lab();
    const apps = lab.listen();
    lab.ingest(bareSyn({ source, target: HOST_IP, targetMac: HOST_MAC }));
    assertEquals(apps.length, 0);
    assertEquals(lab.strays.length, 0, "something was sent");
    assertEquals(lab.host.connections().length, 0);
  });
}

const INVALID_TARGETS: readonly (readonly [string, Uint8Array])[] = IS_IPV6
  ? [
    ["all-nodes multicast", ip6("ff02::1")],
    ["solicited-node multicast", ip6("ff02::1:ff00:1")],
    ["subnet-router anycast", ip6("fd00::")],
  ]
  : [
    ["multicast", Uint8Array.of(224, 0, 0, 1)],
    ["limited broadcast", Uint8Array.of(255, 255, 255, 255)],
    ["directed broadcast", Uint8Array.of(10, 0, 0, 255)],
  ];

for (const [name, target] of INVALID_TARGETS) {
  for (const port of [HOST_PORT, 9]) {
    Deno.test(`a SYN to a ${name} address, port ${port}, is silently dropped (MUST-57, RFC 9293 §3.9.2.3)`, () => {
      const lab = new Lab();
      const apps = lab.listen();
      for (const targetMac of [HOST_MAC, ...GROUP_MACS]) {
        lab.ingest(bareSyn({ source: PEER_IP, target, targetMac, port }));
      }
      assertEquals(apps.length, 0);
      assertEquals(lab.strays.length, 0, "something was sent");
    });
  }
}

Deno.test("a SYN to our address inside a frame to everybody is silently dropped (MUST-57, RFC 1122 §3.3.6)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  for (const targetMac of GROUP_MACS) {
    lab.ingest(bareSyn({ source: peer.address, target: HOST_IP, targetMac }));
  }
  peer.expectsSilence();
  assertEquals(apps.length, 0);
  assertEquals(lab.strays.length, 0);
});

Deno.test("LISTEN: the answer comes from the address that was asked, and stays with it (MUST-45)", () => {
  const { lab, peer, app } = reachSynRcvd();
  assertEquals(app.connection.localAddress, HOST_IP);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
  peer.sends({ flags: "FIN ACK", seq: 1001, ack: 1 });
  for (const seen of peer.takeAll()) assertEquals(seen.packet.source, HOST_IP);
  lab.expectsNoStrays();
});

Deno.test("LISTEN: 2,000 SYNs from as many ports leave the bound of half-open connections intact (RFC 4987 §3)", () => {
  const lab = new Lab();
  lab.listen({ backlog: 16 });
  for (let i = 0; i < 2000; i++) lab.peer({ port: 10_000 + i }).sends({ flags: "SYN", seq: 0 });
  const halfOpen = lab.host.connections().filter(({ state }) => state === "SYN_RCVD").length;
  assert(halfOpen <= 16, `${halfOpen} half-open connections with a backlog of 16`);
});

function bareSyn(
  ends: { source: Uint8Array; target: Uint8Array; targetMac: Uint8Array; port?: number },
): Uint8Array {
  return craftSegment(
    { sourceMac: PEER_MAC, targetMac: ends.targetMac, source: ends.source, target: ends.target },
    {
      sourcePort: 40_000,
      targetPort: ends.port ?? HOST_PORT,
      flags: FLAG.SYN,
      seq: 1,
      ack: 0,
      window: 1000,
      data: new Uint8Array(0),
    },
  );
}
