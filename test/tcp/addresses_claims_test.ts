/**
 * What the requirements about addresses, ports and listeners claim, each broken once to see its test fail. The host has two
 * addresses, on two networks.
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import { ARP_OPERATION, ArpPacket, emitArp } from "../../src/wire/arp.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { flagNames } from "../../src/wire/tcp.ts";
import { bitsOf, craftSegment, readPacket } from "./frame_craft.ts";
import { RecordingLink } from "./recording_link.ts";
import { HOST_MAC, PEER_MAC } from "./wire_ends.ts";

/** The host's addresses, and a peer on the network of each. */
const OURS = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(192, 168, 7, 1)] as const;
const PEERS = [Uint8Array.of(10, 0, 0, 9), Uint8Array.of(192, 168, 7, 9)] as const;
const PORT = 7777;
const PEER_PORT = 40_000;

class TwoAddresses {
  readonly link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => 0 });
  readonly host: Host;

  constructor() {
    this.host = new Host({
      link: this.link,
      addresses: OURS.map((address) => ({ address, prefixLength: 24 })),
      secret: new Uint8Array(16).fill(7),
      epochUs: 0,
    });
  }

  /** Sends a segment between these addresses; relative to nothing. */
  arrives(
    source: Uint8Array,
    target: Uint8Array,
    segment: Partial<Parameters<typeof craftSegment>[1]>,
  ): void {
    const frame = craftSegment({ sourceMac: PEER_MAC, targetMac: HOST_MAC, source, target }, {
      sourcePort: PEER_PORT,
      targetPort: PORT,
      flags: bitsOf("SYN"),
      seq: 100,
      ack: 0,
      window: 5000,
      data: new Uint8Array(0),
      ...segment,
    });
    this.host.ingest(frame, frame.length, 0);
  }

  /** A neighbour says where it is. */
  shows(address: Uint8Array, target: Uint8Array): void {
    const reply = new ArpPacket();
    reply.operation = ARP_OPERATION.REPLY;
    reply.senderMac.set(PEER_MAC);
    reply.senderIp.set(address);
    reply.targetMac.set(HOST_MAC);
    reply.targetIp.set(target);
    const frame = new Uint8Array(60);
    const at = emitEthernet(frame, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.ARP });
    emitArp(frame, at, reply);
    this.host.ingest(frame, frame.length, 0);
  }

  /** The TCP segments that left: `SYN ACK 10.0.0.1:7777 > 10.0.0.9:40000`. */
  sent(): string[] {
    return this.link.take().flatMap(({ bytes }) => {
      const packet = readPacket(bytes);
      if (packet === null || packet.segment === null) return [];
      const { segment, source, target } = packet;
      const from = `${formatIpAddress(source)}:${segment.sourcePort}`;
      return [
        `${flagNames(segment.flags).join(" ")} ${from} > ${
          formatIpAddress(target)
        }:${segment.destinationPort}`,
      ];
    });
  }
}

/** Takes connections and notes them. */
function accepting(into: HostConnection[]): (connection: HostConnection) => ConnectionHandler {
  return (connection) => {
    into.push(connection);
    return {};
  };
}

Deno.test("an active open without a local address goes out from ours on the peer's network (MUST-44, RFC 9293 §3.9.2.3)", () => {
  for (const side of [0, 1]) {
    const net = new TwoAddresses();
    net.shows(PEERS[side], OURS[side]);
    const connection = net.host.connect({ address: PEERS[side], port: 80, localPort: 4000, handler: {} });
    assertEquals(connection.localAddress, OURS[side]);
    const [ours, peer] = [formatIpAddress(OURS[side]), formatIpAddress(PEERS[side])];
    assertEquals(net.sent(), [`SYN ${ours}:4000 > ${peer}:80`]);
  }
  const net = new TwoAddresses();
  net.shows(PEERS[0], OURS[0]);
  const named = net.host.connect({
    address: PEERS[0],
    port: 80,
    localAddress: OURS[1],
    localPort: 4000,
    handler: {},
  });
  assertEquals(named.localAddress, OURS[1], "who names one gets it");
  assertEquals(net.sent(), ["SYN 192.168.7.1:4000 > 10.0.0.9:80"]);
});

Deno.test("a connection keeps the address that was asked for, whichever of ours it is (MUST-45, RFC 9293 §3.9.2.3)", () => {
  for (const side of [0, 1]) {
    const net = new TwoAddresses();
    const accepted: HostConnection[] = [];
    net.host.listen({ port: PORT, accept: accepting(accepted) });
    net.arrives(PEERS[0], OURS[side], {});
    const ours = formatIpAddress(OURS[side]);
    assertEquals(net.sent(), [`SYN ACK ${ours}:7777 > 10.0.0.9:40000`]);
    assertEquals(accepted[0].localAddress, OURS[side]);
    const seq = 101;
    const ack = accepted[0].info().sndNxt;
    net.arrives(PEERS[0], OURS[side], { flags: bitsOf("ACK"), seq, ack });
    accepted[0].write(Uint8Array.of(1));
    assertEquals(net.sent(), [`PSH ACK ${ours}:7777 > 10.0.0.9:40000`]);
    // The same ports at the other address are another connection.
    net.arrives(PEERS[0], OURS[1 - side], { flags: bitsOf("ACK"), seq, ack });
    assertEquals(net.sent(), [`RST ${formatIpAddress(OURS[1 - side])}:7777 > 10.0.0.9:40000`]);
    assertEquals(accepted[0].state, "ESTABLISHED");
  }
});

Deno.test("a listener with an address hears that one alone; two of them share a port (MUST-43, RFC 9293 §3.9.2.3)", () => {
  const net = new TwoAddresses();
  const accepted: HostConnection[][] = [[], []];
  const listeners = OURS.map((address, side) =>
    side === 0 ? net.host.listen({ port: PORT, address, accept: accepting(accepted[side]) }) : null
  );
  net.arrives(PEERS[0], OURS[1], {});
  assertEquals(net.sent(), ["RST ACK 192.168.7.1:7777 > 10.0.0.9:40000"]);
  net.host.listen({ port: PORT, address: OURS[1], accept: accepting(accepted[1]) });
  for (const side of [0, 1]) net.arrives(PEERS[0], OURS[side], { sourcePort: 41_000 });
  assertEquals(net.sent(), [
    "SYN ACK 10.0.0.1:7777 > 10.0.0.9:41000",
    "SYN ACK 192.168.7.1:7777 > 10.0.0.9:41000",
  ]);
  assertEquals(accepted.map((taken) => taken.length), [1, 1]);
  listeners[0]?.close();
  listeners[0]?.close();
  for (const side of [0, 1]) net.arrives(PEERS[0], OURS[side], { sourcePort: 42_000 });
  assertEquals(net.sent(), [
    "RST ACK 10.0.0.1:7777 > 10.0.0.9:42000",
    "SYN ACK 192.168.7.1:7777 > 10.0.0.9:42000",
  ]);
});

Deno.test("a passive open of a port that is taken is refused, and disturbs neither listener nor connection (MUST-41, RFC 9293 §3.9.1)", () => {
  const net = new TwoAddresses();
  const accepted: HostConnection[] = [];
  const late: HostConnection[] = [];
  net.host.listen({ port: PORT, accept: accepting(accepted) });
  net.arrives(PEERS[0], OURS[0], {});
  net.sent();
  for (const address of [undefined, OURS[0], OURS[1]]) {
    const where = address === undefined ? {} : { address };
    assertThrows(
      () => net.host.listen({ port: PORT, ...where, accept: accepting(late) }),
      Error,
      "Port 7777 is taken",
    );
  }
  assertEquals([net.host.listeners().length, accepted[0].state], [1, "SYN_RCVD"]);
  net.arrives(PEERS[0], OURS[0], { sourcePort: 41_000 });
  assertEquals(net.sent(), ["SYN ACK 10.0.0.1:7777 > 10.0.0.9:41000"]);
  assertEquals([accepted.length, late.length], [2, 0]);
  // Another port is free, and one with an address is taken for that address and for all.
  net.host.listen({ port: 8888, address: OURS[1], accept: accepting(late) });
  assertThrows(() => net.host.listen({ port: 8888, accept: accepting(late) }), Error, "is taken");
  assertThrows(() => net.host.listen({ port: 8888, address: OURS[1], accept: accepting(late) }), Error);
  net.host.listen({ port: 8888, address: OURS[0], accept: accepting(late) });
});

Deno.test("a port is listened on while connections from it are being opened (MUST-42, RFC 9293 §3.9.1)", () => {
  const net = new TwoAddresses();
  const accepted: HostConnection[] = [];
  net.host.listen({ port: PORT, accept: accepting(accepted) });
  net.shows(PEERS[0], OURS[0]);
  const opened = net.host.connect({ address: PEERS[0], port: 80, localPort: PORT, handler: {} });
  assertEquals(net.sent(), ["SYN 10.0.0.1:7777 > 10.0.0.9:80"]);
  net.arrives(PEERS[0], OURS[0], {});
  assertEquals(net.sent(), ["SYN ACK 10.0.0.1:7777 > 10.0.0.9:40000"]);
  assertEquals([opened.state, accepted.length], ["SYN_SENT", 1]);
});

/** Nobody's address, or not one host's; and our own, as in a LAND attack. */
const IMPOSSIBLE = [
  ...["224.0.0.1", "239.1.2.3", "255.255.255.255", "10.0.0.255", "192.168.7.255", "0.0.0.0", "127.0.0.1"],
  ...OURS.map(formatIpAddress),
];

for (const text of IMPOSSIBLE) {
  Deno.test(`a SYN from ${text} is not answered, and begins nothing (MUST-63, RFC 9293 §3.9.2.3)`, () => {
    const net = new TwoAddresses();
    const accepted: HostConnection[] = [];
    net.host.listen({ port: PORT, accept: accepting(accepted) });
    const source = Uint8Array.from(text.split("."), Number);
    for (const target of OURS) {
      net.arrives(source, target, {});
      net.arrives(source, target, { sourcePort: PORT });
      net.arrives(source, target, { targetPort: 9 });
    }
    assertEquals(net.link.take().length, 0);
    assertEquals([accepted.length, net.host.connections().length], [0, 0]);
    assertEquals(net.host.counters()["drop-bad-source"], 6);
  });
}
