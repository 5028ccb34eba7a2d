/**
 * TCP in UDP: both ways into a connection, whose segments it takes, what it answers to others, sizes, ICMP, and sums
 * (src/host/udp_input.ts).
 */
import { assertEquals } from "@std/assert";
import { Host } from "../../src/host/host.ts";
import type { HostConnection } from "../../src/host/api.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { readU16, writeU16 } from "../../src/wire/bytes.ts";
import { foldSum, sumBytes } from "../../src/wire/checksum.ts";
import { emitEthernet, EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import {
  addressSum,
  emitIp,
  etherTypeOf,
  IP_PROTOCOL,
  ipHeaderBytes,
  IpPacket,
  parseIp,
  pseudoSum,
} from "../../src/wire/ip.ts";
import { emitTcp, flagNames, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";
import { emitUdp, isUdpSumRight, parseUdp, UDP } from "../../src/wire/udp.ts";
import { FAMILIES, type Family, IPV4_FAMILY } from "./family.ts";
import { bitsOf } from "./frame_craft.ts";
import { RecordingLink } from "./recording_link.ts";
import { HOST_MAC, HOST_PORT, PEER_MAC, SECOND_US } from "./wire_ends.ts";

const UDP_PORT = 9811;
const PEER_PORT = 40_000;
const ISS = 1000;
const ETHERNET_BYTES = 14;

/** What the host sent: the segment, and the ports of UDP around it (0 without). */
interface Sent {
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly mss: number;
  readonly length: number;
  readonly udp: string;
}

/** A host with TCP in UDP, its neighbour known. */
class Encapsulated {
  readonly host: Host;
  readonly link: RecordingLink;
  readonly accepted: HostConnection[] = [];
  nowUs = SECOND_US;
  hostPort = HOST_PORT;
  readonly #family: Family;

  constructor(tcp: Partial<TcpConfig> = {}, family: Family = IPV4_FAMILY) {
    this.#family = family;
    this.link = new RecordingLink({ mtu: 1500, mac: HOST_MAC, nowUs: () => this.nowUs });
    this.host = new Host({
      link: this.link,
      addresses: [{ address: family.host, prefixLength: family.prefixLength }],
      secret: new Uint8Array(16).fill(7),
      epochUs: 0,
      nowUs: this.nowUs,
      acceptRa: false,
      tcp: { udpPort: UDP_PORT, ...tcp },
    });
  }

  listen(): void {
    this.host.listen({
      port: HOST_PORT,
      accept: (connection) => {
        this.accepted.push(connection);
        return {};
      },
    });
  }

  /** A segment from the peer, in UDP from `udpPort` to ours, or by itself. */
  gives(
    flags: string,
    about: {
      readonly seq?: number;
      readonly ack?: number;
      readonly mss?: number;
      readonly udpPort?: number | null;
      readonly toUdp?: number;
      readonly payload?: number;
      readonly damage?: "udp" | "tcp";
      readonly unsummed?: boolean;
    } = {},
  ): void {
    const { host: local, peer } = this.#family;
    const { seq = ISS, ack = 0, mss = -1, udpPort = 1, toUdp = UDP_PORT, payload = 0 } = about;
    const frame = new Uint8Array(2000);
    const segment = new TcpSegment();
    segment.sourcePort = PEER_PORT;
    segment.destinationPort = this.hostPort;
    segment.seq = seq;
    segment.ack = ack;
    segment.flags = bitsOf(flags);
    segment.window = 0xffff;
    segment.mss = mss;
    const ipAt = emitEthernet(frame, {
      destination: HOST_MAC,
      source: PEER_MAC,
      type: etherTypeOf(local.length),
    });
    const upperAt = ipAt + ipHeaderBytes(local.length);
    const tcpAt = udpPort === null ? upperAt : upperAt + UDP.HEADER_BYTES;
    const tcpBytes = emitTcp(frame, tcpAt, segment) + payload;
    const sum = addressSum(peer, local);
    writeU16(
      frame,
      tcpAt + 16,
      ~foldSum(sumBytes(frame, tcpAt, tcpBytes, pseudoSum(sum, IP_PROTOCOL.TCP, tcpBytes))) & 0xffff,
    );
    if (about.damage === "tcp") writeU16(frame, tcpAt + 16, readU16(frame, tcpAt + 16) ^ 0x5555);
    const length = tcpAt - upperAt + tcpBytes;
    emitIp(frame, ipAt, {
      source: peer,
      destination: local,
      protocol: udpPort === null ? IP_PROTOCOL.TCP : IP_PROTOCOL.UDP,
      payloadLength: length,
      id: 0,
      hopLimit: 64,
    });
    if (udpPort !== null) {
      const pseudo = pseudoSum(sum, IP_PROTOCOL.UDP, length);
      emitUdp(frame, upperAt, { sourcePort: udpPort, destinationPort: toUdp, length, pseudo });
      if (about.damage === "udp") writeU16(frame, upperAt + 6, readU16(frame, upperAt + 6) ^ 0x5555);
      if (about.unsummed === true) writeU16(frame, upperAt + 6, 0);
    }
    this.host.ingest(frame, upperAt + length, this.nowUs);
  }

  /** What left since the last call; every sum has to be right. */
  sent(): Sent[] {
    return this.link.take().flatMap(({ bytes: frame }) => {
      const ethernet = new EthernetHeader();
      const ip = new IpPacket();
      parseEthernet(frame, frame.length, ethernet);
      if (ethernet.type === ETHERTYPE.ARP) return [];
      assertEquals(
        parseIp(ethernet.type, frame, ethernet.payloadOffset, frame.length - ethernet.payloadOffset, ip),
        null,
      );
      if (ip.protocol !== IP_PROTOCOL.UDP && ip.protocol !== IP_PROTOCOL.TCP) return [];
      let at = ip.payloadOffset;
      let length = ip.payloadLength;
      let ports = "";
      if (ip.protocol === IP_PROTOCOL.UDP) {
        const udp = { sourcePort: 0, destinationPort: 0, length: 0, hasChecksum: false };
        assertEquals(parseUdp(frame, { offset: at, length }, udp), true);
        assertEquals(
          isUdpSumRight(frame, { offset: at, length }, pseudoSum(ip.addressSum, IP_PROTOCOL.UDP, length)),
          true,
        );
        assertEquals(udp.length, length);
        ports = `${udp.sourcePort} > ${udp.destinationPort}`;
        at += UDP.HEADER_BYTES;
        length -= UDP.HEADER_BYTES;
      }
      const segment = new TcpSegment();
      assertEquals(parseTcp(frame, at, length, segment), null);
      return [{
        flags: flagNames(segment.flags).join(" "),
        seq: segment.seq,
        ack: segment.ack,
        mss: segment.mss,
        length: segment.payloadLength,
        udp: ports,
      }];
    });
  }
}

for (const family of FAMILIES) {
  Deno.test(`${family.name}: a SYN in UDP opens a connection whose segments go back the same way, smaller by UDP's header`, () => {
    opensInUdp(family);
  });
}

function opensInUdp(family: Family): void {
  const lab = new Encapsulated({}, family);
  lab.listen();
  lab.gives("SYN", { mss: 1460, udpPort: 5 });
  const [synAck] = lab.sent();
  const mss = 1500 - family.headerBytes - 20 - 8;
  assertEquals([synAck.flags, synAck.udp, synAck.mss], ["SYN ACK", `${UDP_PORT} > 5`, mss]);
  lab.gives("ACK", { seq: ISS + 1, ack: synAck.seq + 1, udpPort: 5 });
  const [connection] = lab.accepted;
  assertEquals([connection.state, connection.config.peerUdpPort], ["ESTABLISHED", 5]);
  lab.host.setNow(lab.nowUs);
  connection.write(new Uint8Array(3000));
  const data = lab.sent();
  assertEquals(data.map(({ length, udp }) => [length, udp]).slice(0, 2), [
    [mss, `${UDP_PORT} > 5`],
    [mss, `${UDP_PORT} > 5`],
  ]);
}

Deno.test("segments leave as much room for what is around them as is set", () => {
  for (const udpOverheadBytes of [8, 40]) {
    const lab = new Encapsulated({ udpOverheadBytes });
    lab.listen();
    lab.gives("SYN", { mss: 1460 });
    assertEquals(lab.sent().map(({ mss }) => mss), [1500 - 20 - 20 - udpOverheadBytes]);
  }
});

Deno.test("what comes another way than the connection's is of somebody else: reset, or nothing for a reset", () => {
  const lab = new Encapsulated();
  lab.listen();
  lab.gives("SYN", { mss: 1460 });
  const [synAck] = lab.sent();
  lab.gives("ACK", { seq: ISS + 1, ack: synAck.seq + 1, udpPort: 2 });
  assertEquals(lab.sent().map(({ flags, udp }) => [flags, udp]), [["RST", `${UDP_PORT} > 2`]]);
  lab.gives("ACK", { seq: ISS + 1, ack: synAck.seq + 1, udpPort: null });
  assertEquals(lab.sent().map(({ flags, udp }) => [flags, udp]), [["RST", ""]]);
  lab.gives("RST", { seq: ISS + 1, udpPort: 2 });
  assertEquals(lab.sent(), []);
  assertEquals(lab.accepted.map(({ state }) => state), ["SYN_RCVD"]);
  lab.gives("ACK", { seq: ISS + 1, ack: synAck.seq + 1 });
  assertEquals(lab.accepted.map(({ state }) => state), ["ESTABLISHED"]);
});

Deno.test("an active open goes in UDP where its settings say so", () => {
  const lab = new Encapsulated();
  lab.gives("ACK", { udpPort: null });
  lab.sent();
  const connection = lab.host.connect({
    address: IPV4_FAMILY.peer,
    port: PEER_PORT,
    localPort: 7000,
    handler: {},
    tcp: { peerUdpPort: 77 },
  });
  lab.hostPort = 7000;
  // Its neighbour is asked for first.
  answerNeighbour(lab);
  const [syn] = lab.sent();
  assertEquals([syn.flags, syn.udp], ["SYN", `${UDP_PORT} > 77`]);
  lab.gives("SYN ACK", { ack: syn.seq + 1, udpPort: 76 });
  assertEquals(connection.state, "SYN_SENT");
  lab.gives("SYN ACK", { ack: syn.seq + 1, udpPort: 77 });
  assertEquals(connection.state, "ESTABLISHED");
});

Deno.test("where TCP in UDP is not taken a datagram opens nothing, nor at another port", () => {
  for (const [udpPort, toUdp] of [[0, UDP_PORT], [UDP_PORT, 9812]]) {
    const lab = new Encapsulated({ udpPort });
    lab.listen();
    lab.gives("SYN", { mss: 1460, toUdp });
    assertEquals([lab.sent(), lab.accepted], [[], []]);
  }
});

Deno.test("UDP's sum stands for TCP's; without it TCP's own counts, and a wrong one is dropped", () => {
  const opens = (about: Parameters<Encapsulated["gives"]>[1]) => {
    const lab = new Encapsulated();
    lab.listen();
    lab.gives("SYN", { mss: 1460, ...about });
    return lab.accepted.length;
  };
  assertEquals(opens({ damage: "tcp" }), 1);
  assertEquals(opens({ damage: "udp" }), 0);
  assertEquals(opens({ unsummed: true }), 1);
  assertEquals(opens({ unsummed: true, damage: "tcp" }), 0);
});

Deno.test("datagrams of every length are dropped or taken, and none throws", () => {
  const { host: local, peer } = IPV4_FAMILY;
  const lab = new Encapsulated();
  lab.listen();
  const whole = new Uint8Array(200);
  for (let length = 0; length < 60; length++) {
    const ipAt = emitEthernet(whole, {
      destination: HOST_MAC,
      source: PEER_MAC,
      type: etherTypeOf(local.length),
    });
    const at = ipAt + ipHeaderBytes(local.length);
    whole.fill(0, at);
    emitIp(whole, ipAt, {
      source: peer,
      destination: local,
      protocol: IP_PROTOCOL.UDP,
      payloadLength: length,
      id: 0,
      hopLimit: 9,
    });
    writeU16(whole, at + 2, UDP_PORT);
    for (const claimed of [0, 7, 8, length, 0xffff]) {
      writeU16(whole, at + 4, claimed);
      lab.host.ingest(whole, at + length, lab.nowUs);
    }
  }
  assertEquals(lab.accepted, []);
});

/** The peer says where it is, in whichever way this run's family asks. */
function answerNeighbour(lab: Encapsulated): void {
  // A segment from it that nobody wants shows its station: the answer goes there, and so does what waits.
  lab.nowUs += 1000;
  lab.host.tick(lab.nowUs);
  for (const frame of lab.link.take().map(({ bytes }) => bytes)) {
    const answer = neighbourAnswer(frame);
    if (answer !== null) lab.host.ingest(answer, answer.length, lab.nowUs);
  }
}

/** The ARP reply to a request (RFC 826); the tests of this file speak IPv4 where it matters. */
function neighbourAnswer(request: Uint8Array): Uint8Array | null {
  if (readU16(request, 12) !== ETHERTYPE.ARP) return null;
  const reply = request.slice(0, ETHERNET_BYTES + 28);
  reply.set(request.subarray(6, 12), 0);
  reply.set(PEER_MAC, 6);
  writeU16(reply, ETHERNET_BYTES + 6, 2);
  reply.set(request.subarray(ETHERNET_BYTES + 8, ETHERNET_BYTES + 18), ETHERNET_BYTES + 18);
  reply.set(PEER_MAC, ETHERNET_BYTES + 8);
  reply.set(IPV4_FAMILY.peer, ETHERNET_BYTES + 14);
  return reply;
}
