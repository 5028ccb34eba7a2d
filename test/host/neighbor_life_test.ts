/**
 * Where a connection's packets go, with IPv4: gratuitous ARP, and who can be a neighbor (RFC 826, RFC 4861 §7.3). What holds for both
 * families is in neighbor_following_test.ts and, of peers behind a router, in far_peers_test.ts.
 *
 * Frames by hand: whoever is on the segment, and whatever it says with the right ports.
 */
import { assertEquals } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { opened } from "./conversation.ts";
import { arpFrame, hex } from "./hand_frames.ts";
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
  WireHost,
} from "./wire_host.ts";

const STRANGER_MAC = "02:00:00:00:00:66";
const NEW_MAC = "02:00:00:00:00:0a";

/** The hardware addresses that frames go to, with what they are. */
function destinations(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => {
    const to = Array.from(frame.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
    return `${frame[13] === 0x06 ? "arp" : "tcp"} ${to}`;
  });
}

/** The host's poll of a neighbor, to it alone (RFC 1122 §2.3.2.1). */
function poll(to: string, targetIp = PEER_IP): Uint8Array {
  return arpFrame({ operation: 1, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: NO_MAC, targetIp }, {
    to,
  });
}

/** Tells everybody where an address is: a request for it from itself (RFC 5227 §2.3), or a reply. */
function gratuitous(operation: number, senderIp: string, senderMac: string): Uint8Array {
  return arpFrame(
    { operation, senderMac, senderIp, targetMac: operation === 1 ? NO_MAC : EVERYBODY, targetIp: senderIp },
    { to: EVERYBODY },
  );
}

/** A connection of a peer on our network; what it is sent goes to PEER_MAC. */
function near(options: ConstructorParameters<typeof WireHost>[0] = {}) {
  const wire = new WireHost(options);
  const conversation = opened(wire);
  conversation.connection.setNoDelay(true);
  return { wire, ...conversation };
}

function says(wire: WireHost, connection: { write(bytes: Uint8Array): number }): string[] {
  wire.user(() => connection.write(Uint8Array.of(1)));
  return destinations(wire.take());
}

// -- Failover

for (const operation of [1, 2]) {
  const what = operation === 1 ? "request" : "reply";
  Deno.test(`gratuitous ARP (${what}) moves a live connection at once, and a person is told once in ten seconds`, () => {
    const { wire, connection } = near();
    wire.events.length = 0;
    wire.answers(gratuitous(operation, PEER_IP, NEW_MAC));
    assertEquals(says(wire, connection), [`tcp ${NEW_MAC}`]);
    for (const mac of [PEER_MAC, NEW_MAC, PEER_MAC]) wire.answers(gratuitous(operation, PEER_IP, mac));
    assertEquals(says(wire, connection), [`tcp ${PEER_MAC}`]);
    assertEquals(wire.takeCounts()["neighbors-moved"], 4);
    assertEquals(notices(wire.events), [
      "neighbor-moved 10.0.0.9 has moved from 02:00:00:00:00:09 to 02:00:00:00:00:0a, by its own word (ARP): 1 connection follows",
    ]);
  });
}

Deno.test("gratuitous ARP of somebody unknown, or about another address, moves nobody and makes no entry", () => {
  const { wire, connection } = near();
  wire.answers(gratuitous(1, "10.0.0.77", NEW_MAC));
  assertEquals(says(wire, connection), [`tcp ${PEER_MAC}`]);
  wire.user((host) => host.connect({ address: Uint8Array.of(10, 0, 0, 77), port: 80, handler: {} }));
  wire.expects(arpRequest("10.0.0.77"));
});

Deno.test("of many neighbors that move at once a person is told of one a second", () => {
  const wire = new WireHost();
  const addresses = Array.from({ length: 50 }, (_, at) => `10.0.0.${100 + at}`);
  for (const address of addresses) {
    wire.gives(arpReply(address, PEER_MAC));
    wire.user((host) =>
      host.connect({ address: Uint8Array.from(address.split("."), Number), port: 80, handler: {} })
    );
  }
  wire.take();
  wire.events.length = 0;
  for (const address of addresses) wire.gives(gratuitous(1, address, NEW_MAC));
  assertEquals([notices(wire.events).length, wire.takeCounts()["neighbors-moved"]], [1, 50]);
  wire.nowUs += SECOND_US;
  for (const address of addresses) wire.gives(gratuitous(1, address, PEER_MAC));
  assertEquals(notices(wire.events).length, 2);
});

// -- The life of an entry (RFC 4861 §7.3.2)

Deno.test("any word of the neighbor about a new card ends the questions", () => {
  const { wire, connection } = near({ tcp: { r1Retransmissions: 100 } });
  wire.pass(40 * SECOND_US);
  says(wire, connection);
  wire.pass(6 * SECOND_US);
  assertEquals(arpOf(wire), [hex(poll(PEER_MAC))]);
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.pass(25 * SECOND_US);
  assertEquals(arpOf(wire), []);
});

function arpOf(wire: WireHost): string[] {
  return wire.take().filter((frame) => frame[13] === 0x06).map(hex);
}

function notices(events: readonly TcpEvent[]): string[] {
  return events.flatMap((event) => event.event === "notice" ? [`${event.kind} ${event.message}`] : []);
}

// -- Who can be a neighbor

for (
  const { name, senderIp, senderMac } of [
    { name: "a group hardware address", senderIp: PEER_IP, senderMac: "03:00:00:00:00:09" },
    { name: "the broadcast hardware address", senderIp: PEER_IP, senderMac: EVERYBODY },
    { name: "no hardware address", senderIp: PEER_IP, senderMac: NO_MAC },
    { name: "a multicast IP address", senderIp: "224.0.0.1", senderMac: PEER_MAC },
    { name: "the limited broadcast address", senderIp: "255.255.255.255", senderMac: PEER_MAC },
    { name: "the network's broadcast address", senderIp: "10.0.0.255", senderMac: PEER_MAC },
    { name: "a loopback address", senderIp: "127.0.0.1", senderMac: PEER_MAC },
  ]
) {
  Deno.test(`ARP from ${name} is neither answered nor believed (RFC 1122 §3.2.1.3, RFC 1812 §3.3.2)`, () => {
    const { wire, connection } = near();
    wire.takeCounts();
    for (const operation of [1, 2]) {
      // The frame itself is an honest neighbor's.
      const arp = { operation, senderMac, senderIp, targetMac: NO_MAC, targetIp: OUR_IP };
      wire.answers(arpFrame(arp, { to: OUR_MAC, from: STRANGER_MAC }));
    }
    assertEquals(wire.takeCounts(), { "arp-in": 2, "arp-bad-sender": 2 });
    assertEquals(says(wire, connection), [`tcp ${PEER_MAC}`]);
  });
}
