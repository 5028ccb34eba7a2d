/**
 * What routers tell of the path: type 3, code 4, with an MTU (RFC 1191 §4) or, from old ones, without (§5), and type 2 of ICMPv6
 * (RFC 4443 §3.2, RFC 8201 §4). The packets that the host sends show what it has believed.
 */
import { assert, assertEquals } from "@std/assert";
import { newsOf } from "../../src/host/icmp_meanings.ts";
import { InternetLayer, IPV4_FIGURES } from "../../src/tcp/internet_layer.ts";
import { IcmpMessage, QuotedPacket } from "../../src/wire/icmp.ts";
import { complaint, opened, type Opening, seqAndLength, seqOf } from "./conversation.ts";
import { two } from "./hand_frames.ts";
import { isTcpFrame, peerTellsWhere, segmentOf, WIRE_FAMILIES, type WireFamily } from "./wire_families.ts";
import { SECOND_US, WireHost } from "./wire_host.ts";

/** The peer's ports, as the host's packets have them. */
const PORTS = { sourcePort: 80, targetPort: 4000 };
/** "Fragmentation needed and DF set" (RFC 792), "packet too big" (RFC 4443 §3.2). */
const TOO_BIG = { IPv4: [3, 4], IPv6: [2, 0] } as const;
/** The least path that is followed, and errors that are not about the size. */
const PATHS = {
  IPv4: {
    least: 576,
    soft: [
      ...[0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((code) => [3, code]),
      ...[[11, 0], [11, 1], [11, 4], [12, 0], [12, 4], [4, 4], [5, 4]],
    ],
  },
  IPv6: {
    least: 1280,
    soft: [
      ...[0, 1, 2, 3, 5, 6, 7, 8].map((code) => [1, code]),
      ...[[3, 0], [3, 1], [3, 2], [4, 0], [4, 1], [4, 2], [0, 0], [5, 0], [100, 0], [137, 0]],
    ],
  },
};
/** NOP, NOP, timestamps. */
const STAMPED: readonly number[] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0];

interface InFlight {
  readonly family: WireFamily;
  readonly wire: WireHost;
  readonly iss: number;
  readonly flight: { seq: number; packetBytes: number }[];
}

/** A connection with its first flight of full packets out. */
function inFlight(
  family: WireFamily,
  opening: Opening & { readonly mtu?: number; readonly timestamps?: boolean } = {},
): InFlight {
  const { mtu = 1500, timestamps = false } = opening;
  const addresses = [family.addresses[0]];
  const wire = new WireHost({ addresses, mtu, tcp: { sack: false, windowScaling: false, timestamps } });
  const { connection, iss } = opened(wire, { family, mss: mtu - family.ipBytes - 20, ...opening });
  wire.user(() => connection.write(new Uint8Array(200_000)));
  const flight = wire.take().map(seqAndLength);
  assertEquals(flight[0], { seq: (iss + 1) >>> 0, packetBytes: mtu });
  return { family, wire, iss, flight };
}

/** A router says that it could not forward the packet of a connection. */
function tooBig(
  { family }: InFlight,
  packet: { seq: number; packetBytes: number; targetPort?: number },
  mtu: number,
): Uint8Array {
  const [type, code] = TOO_BIG[family.name];
  return complaint({ type, code, rest: mtu, quoted: { ...PORTS, source: family.us, ...packet } });
}

/** The largest packet that leaves within ten seconds, nothing being acknowledged; there is one. */
function largestAgain({ family, wire }: InFlight): number {
  wire.gives(peerTellsWhere(family));
  wire.pass(10 * SECOND_US);
  // It is asked meanwhile whether the silent peer is there.
  return Math.max(...wire.take().filter(isTcpFrame).map((frame) => seqAndLength(frame).packetBytes));
}

for (const family of WIRE_FAMILIES) {
  const { name } = family;
  const { least, soft } = PATHS[name];
  const full = 1480 - family.ipBytes;

  Deno.test(`${name}: a told MTU is used to the byte, at once and for all that follows (RFC 1191 §3, §4; RFC 8201 §4)`, () => {
    for (const mtu of [1499, 1492, 1300, least + 1, least]) {
      const made = inFlight(family);
      const { wire, iss, flight } = made;
      const [first, ...others] = wire.gives(tooBig(made, flight[0], mtu)).map(seqAndLength);
      assertEquals(first, { seq: (iss + 1) >>> 0, packetBytes: mtu });
      for (const { packetBytes } of others) assert(packetBytes <= mtu);
      assertEquals(largestAgain(made), mtu);
    }
  });

  Deno.test(`${name}: an MTU is never raised by a message, and equal ones change nothing (RFC 1191 §3, RFC 8201 §4)`, () => {
    const made = inFlight(family);
    const { wire, flight } = made;
    const [again] = wire.gives(tooBig(made, flight[0], 1300)).map(seqAndLength);
    for (const mtu of [1300, 1301, 1400, 1500, 9000, 65_535]) {
      wire.answers(tooBig(made, again, mtu));
      wire.answers(tooBig(made, flight[0], mtu));
    }
    assertEquals(largestAgain(made), 1300);
  });

  Deno.test(`${name}: an MTU that is no smaller than what we send is no news`, () => {
    for (const mtu of [1500, 1501, 9000]) {
      const made = inFlight(family);
      made.wire.answers(tooBig(made, made.flight[0], mtu));
      assertEquals(largestAgain(made), 1500);
    }
  });

  Deno.test(`${name}: another error never becomes a path MTU, whatever its second word says (RFC 1191 §4)`, () => {
    for (const [type, code] of soft) {
      const made = inFlight(family);
      const quoted = { ...PORTS, source: family.us, ...made.flight[0] };
      made.wire.answers(complaint({ type, code, rest: least, quoted }));
      assertEquals(largestAgain(made), 1500, `type ${type}, code ${code}`);
    }
  });

  Deno.test(`${name}: an MTU told about another connection's packet, or about none in flight, is not ours`, () => {
    const made = inFlight(family);
    const { wire, iss, flight } = made;
    wire.answers(tooBig(made, { targetPort: 4001, ...flight[0] }, least));
    wire.answers(tooBig(made, { seq: iss, packetBytes: 1500 }, least));
    const last = flight[flight.length - 1];
    wire.answers(tooBig(made, { seq: (last.seq + full) >>> 0, packetBytes: 1500 }, least));
    assertEquals(largestAgain(made), 1500);
    wire.gives(tooBig(made, { seq: (last.seq + full - 1) >>> 0, packetBytes: 1500 }, least));
    assertEquals(largestAgain(made), least);
  });

  Deno.test(`${name}: a path MTU changes one connection; another that is open finds out by itself`, () => {
    const made = inFlight(family);
    const { wire, flight } = made;
    const caller = { sourcePort: 4001 };
    const [synAck] = wire.gives(
      segmentOf(family, { ...caller, seq: 1000, flags: 2, options: [2, 4, ...two(full)] }),
    );
    wire.gives(segmentOf(family, { ...caller, seq: 1001, ack: seqOf(synAck) + 1, flags: 16 }));
    wire.gives(tooBig(made, flight[0], least));
    const other = wire.host.connections().find(({ peerPort }) => peerPort === 4001);
    wire.user(() => other?.write(new Uint8Array(10_000)));
    assertEquals(seqAndLength(wire.take()[0]).packetBytes, 1500);
  });
}

// -- The second word of IPv6

const [IPV4, IPV6] = WIRE_FAMILIES;

Deno.test("IPv6: a path below 1280 bytes is nobody's, and nothing is done (RFC 8201 §4)", () => {
  for (const mtu of [0, 1, 68, 576, 1279]) {
    const made = inFlight(IPV6);
    for (const packet of made.flight) made.wire.answers(tooBig(made, packet, mtu));
    assertEquals(largestAgain(made), 1500, `${mtu}`);
  }
});

Deno.test("IPv6: the MTU is the whole second word (RFC 4443 §3.2)", () => {
  for (const mtu of [0x10000 + 1300, 0x80000000 + 1300, 0xffffffff]) {
    const made = inFlight(IPV6);
    made.wire.answers(tooBig(made, made.flight[0], mtu));
    assertEquals(largestAgain(made), 1500, `${mtu}`);
  }
});

Deno.test("IPv6: the code means nothing (RFC 4443 §3.2)", () => {
  for (const code of [1, 4, 255]) {
    const made = inFlight(IPV6);
    const quoted = { ...PORTS, source: IPV6.us, ...made.flight[0] };
    made.wire.gives(complaint({ type: 2, code, rest: 1300, quoted }));
    assertEquals(largestAgain(made), 1300, `code ${code}`);
  }
});

Deno.test("what one version says is not the other's: type 2 over IPv4, type 3 over IPv6", () => {
  for (const [family, type, code] of [[IPV4, 2, 0], [IPV6, 3, 4]] as const) {
    const made = inFlight(family);
    const quoted = { ...PORTS, source: family.us, ...made.flight[0] };
    made.wire.answers(complaint({ type, code, rest: 1300, quoted }));
    assertEquals(largestAgain(made), 1500);
  }
});

// -- That of IPv4, and routers that leave it empty

Deno.test("IPv4: of the second word the low 16 bits are the MTU (RFC 1191 §4)", () => {
  const made = inFlight(IPV4);
  made.wire.gives(tooBig(made, made.flight[0], 0xabcd0000 + 1300));
  assertEquals(largestAgain(made), 1300);
  const old = inFlight(IPV4);
  old.wire.gives(tooBig(old, old.flight[0], 0xabcd0000));
  assertEquals(largestAgain(old), 1492);
});

/** RFC 1191 §7.1, down to what tcplab takes for the smallest path. */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 576];

Deno.test("IPv4: routers that tell no MTU: one plateau after the other (RFC 1191 §5, §7.1)", () => {
  const made = inFlight(IPV4, { mtu: 65_535 });
  const { wire, flight } = made;
  let refused = flight[0];
  for (const plateau of PLATEAUS) {
    const [again] = wire.gives(tooBig(made, refused, 0)).map(seqAndLength);
    assertEquals(again, { seq: flight[0].seq, packetBytes: plateau });
    refused = again;
  }
  wire.answers(tooBig(made, refused, 0));
  assertEquals(largestAgain(made), 576);
});

Deno.test("IPv4: routers that tell no MTU: a whole flight of messages is one step, with timestamps too (RFC 1191 §5)", () => {
  for (const opening of [{}, { timestamps: true, options: STAMPED }]) {
    const made = inFlight(IPV4, opening);
    const { wire, flight } = made;
    assert(flight.length >= 5);
    for (const packet of flight) wire.gives(tooBig(made, packet, 0));
    assertEquals(largestAgain(made), 1492);
  }
});

Deno.test("IPv4: routers that tell no MTU: the plateau below the packet that is quoted, at each edge (RFC 1191 §5)", () => {
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
      inHandshake: "other",
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
