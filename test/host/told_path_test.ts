/**
 * What routers tell of the path: type 3, code 4, with an MTU (RFC 1191 §4) or, from old ones, without (§5). The packets
 * that the host sends show what it has believed.
 */
import { assert, assertEquals } from "@std/assert";
import { newsOf } from "../../src/host/icmp_meanings.ts";
import { InternetLayer, IPV4_FIGURES } from "../../src/tcp/internet_layer.ts";
import { IcmpMessage, QuotedPacket } from "../../src/wire/icmp.ts";
import { complaint, opened, type Opening, seqAndLength } from "./conversation.ts";
import { arpReply, PEER_IP, PEER_MAC, SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

/** The peer's ports, as the host's packets have them. */
const PORTS = { sourcePort: 80, targetPort: 4000 };
/** NOP, NOP, timestamps. */
const STAMPED: readonly number[] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0];

interface InFlight {
  readonly wire: WireHost;
  readonly iss: number;
  readonly flight: { seq: number; packetBytes: number }[];
}

/** A connection with its first flight of full packets out. */
function inFlight(
  opening: Opening & { readonly mtu?: number; readonly timestamps?: boolean } = {},
): InFlight {
  const { mtu = 1500, timestamps = false } = opening;
  const wire = new WireHost({ mtu, tcp: { sack: false, windowScaling: false, timestamps } });
  const { connection, iss } = opened(wire, { mss: mtu - 40, ...opening });
  wire.user(() => connection.write(new Uint8Array(200_000)));
  const flight = wire.take().map(seqAndLength);
  assertEquals(flight[0], { seq: (iss + 1) >>> 0, packetBytes: mtu });
  return { wire, iss, flight };
}

/** A router says that it could not forward the packet. */
function tooBig(packet: { seq: number; packetBytes: number }, mtu: number): Uint8Array {
  return complaint({ type: 3, code: 4, rest: mtu, quoted: { ...PORTS, ...packet } });
}

/** The largest packet that leaves within ten seconds, nothing being acknowledged; there is one. */
function largestAgain(wire: WireHost): number {
  wire.gives(arpReply(PEER_IP, PEER_MAC));
  wire.pass(10 * SECOND_US);
  // ARP asks meanwhile whether the silent peer is there.
  const packets = wire.take().filter((frame) => frame[13] !== 0x06);
  return Math.max(...packets.map((frame) => seqAndLength(frame).packetBytes));
}

Deno.test("a told MTU is used to the byte, at once and for all that follows (RFC 1191 §3, §4)", () => {
  for (const mtu of [1499, 1492, 1300, 577, 576]) {
    const { wire, iss, flight } = inFlight();
    const [first, ...others] = wire.gives(tooBig(flight[0], mtu)).map(seqAndLength);
    assertEquals(first, { seq: (iss + 1) >>> 0, packetBytes: mtu });
    for (const { packetBytes } of others) assert(packetBytes <= mtu);
    assertEquals(largestAgain(wire), mtu);
  }
});

Deno.test("of the second word the low 16 bits are the MTU (RFC 1191 §4)", () => {
  const { wire, flight } = inFlight();
  wire.gives(tooBig(flight[0], 0xabcd0000 + 1300));
  assertEquals(largestAgain(wire), 1300);
  const old = inFlight();
  old.wire.gives(tooBig(old.flight[0], 0xabcd0000));
  assertEquals(largestAgain(old.wire), 1492);
});

Deno.test("an MTU is never raised by a message, and equal ones change nothing (RFC 1191 §3)", () => {
  const { wire, flight } = inFlight();
  const [again] = wire.gives(tooBig(flight[0], 1300)).map(seqAndLength);
  for (const mtu of [1300, 1301, 1400, 1500, 9000, 65_535]) {
    wire.answers(tooBig(again, mtu));
    wire.answers(tooBig(flight[0], mtu));
  }
  assertEquals(largestAgain(wire), 1300);
});

Deno.test("an MTU that is no smaller than what we send is no news", () => {
  for (const mtu of [1500, 1501, 9000]) {
    const { wire, flight } = inFlight();
    wire.answers(tooBig(flight[0], mtu));
    assertEquals(largestAgain(wire), 1500);
  }
});

Deno.test("a soft error never becomes a path MTU, whatever its second word says (RFC 1191 §4)", () => {
  const codes = [0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((code) => [3, code]);
  for (const [type, code] of [...codes, [11, 0], [11, 1], [11, 4], [12, 0], [12, 4], [4, 4], [5, 4]]) {
    const { wire, flight } = inFlight();
    wire.answers(complaint({ type, code, rest: 600, quoted: { ...PORTS, ...flight[0] } }));
    assertEquals(largestAgain(wire), 1500, `type ${type}, code ${code}`);
  }
});

Deno.test("an MTU told about another connection's packet, or about none in flight, is not ours", () => {
  const { wire, iss, flight } = inFlight();
  wire.answers(
    complaint({ type: 3, code: 4, rest: 600, quoted: { ...PORTS, targetPort: 4001, ...flight[0] } }),
  );
  wire.answers(tooBig({ seq: iss, packetBytes: 1500 }, 600));
  const last = flight[flight.length - 1];
  wire.answers(tooBig({ seq: (last.seq + 1460) >>> 0, packetBytes: 1500 }, 600));
  assertEquals(largestAgain(wire), 1500);
  wire.gives(tooBig({ seq: (last.seq + 1459) >>> 0, packetBytes: 1500 }, 600));
  assertEquals(largestAgain(wire), 600);
});

/** RFC 1191 §7.1, down to what tcplab takes for the smallest path. */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 576];

Deno.test("routers that tell no MTU: one plateau after the other (RFC 1191 §5, §7.1)", () => {
  const { wire, flight } = inFlight({ mtu: 65_535 });
  let refused = flight[0];
  for (const plateau of PLATEAUS) {
    const [again] = wire.gives(tooBig(refused, 0)).map(seqAndLength);
    assertEquals(again, { seq: flight[0].seq, packetBytes: plateau });
    refused = again;
  }
  wire.answers(tooBig(refused, 0));
  assertEquals(largestAgain(wire), 576);
});

Deno.test("routers that tell no MTU: a whole flight of messages is one step, with timestamps too (RFC 1191 §5)", () => {
  for (const opening of [{}, { timestamps: true, options: STAMPED }]) {
    const { wire, flight } = inFlight(opening);
    assert(flight.length >= 5);
    for (const packet of flight) wire.gives(tooBig(packet, 0));
    assertEquals(largestAgain(wire), 1492);
  }
});

Deno.test("routers that tell no MTU: the plateau below the packet that is quoted, at each edge (RFC 1191 §5)", () => {
  const message = new IcmpMessage();
  message.type = 3;
  message.code = 4;
  const quoted = new QuotedPacket();
  quoted.addressBytes = 4;
  quoted.seq = 7;
  const news = (packetBytes: number) => {
    quoted.packetBytes = packetBytes;
    return newsOf(message, quoted, new InternetLayer(IPV4_FIGURES));
  };
  const edges = [[65_535, 32_000], ...PLATEAUS.map((plateau, at) => [plateau, PLATEAUS[at + 1] ?? 576])];
  for (const [packetBytes, below] of edges) {
    assertEquals(news(packetBytes), {
      kind: "too-big",
      seq: 7,
      pathMss: below - 40,
      text: `the path carries ${below} bytes`,
    });
  }
  for (const plateau of PLATEAUS) {
    assertEquals(news(plateau + 1)?.pathMss, plateau - 40);
  }
  // An MTU of 1 is told, however absurd; what to do then is the machine's.
  message.restOfHeader = 1;
  assertEquals(news(1500)?.pathMss, -39);
  message.restOfHeader = 0;
  // A quotation that says nothing of its length.
  assertEquals(news(0)?.pathMss, 536);
});

Deno.test("a path MTU changes one connection; another that is open finds out by itself", () => {
  const { wire, flight } = inFlight();
  const [synAck] = wire.gives(
    segmentFrame({ sourcePort: 4001, seq: 1000, flags: 2, options: [2, 4, 5, 0xb4] }),
  );
  wire.gives(segmentFrame({ sourcePort: 4001, seq: 1001, ack: seqAndLength(synAck).seq + 1, flags: 16 }));
  wire.gives(tooBig(flight[0], 600));
  const other = wire.host.connections().find(({ peerPort }) => peerPort === 4001);
  wire.user(() => other?.write(new Uint8Array(10_000)));
  assertEquals(seqAndLength(wire.take()[0]).packetBytes, 1500);
});
