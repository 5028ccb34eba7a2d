/**
 * ICMP errors: which type and code means what, by the numbers of RFC 792 and RFC 1122 §3.2.2.1, and which quoted packet
 * is one of ours (RFC 9293 §3.9.2.2; RFC 5927). The connection is in SYN_SENT, where a hard error is the end.
 */
import { assertEquals } from "@std/assert";
import { type Complaint, complaint, quotedPacket, routerSays, u32 } from "./conversation.ts";
import { four, ip } from "./hand_frames.ts";
import { arpReply, OUR_IP, PEER_IP, PEER_MAC, SECOND_US, WireHost } from "./wire_host.ts";

const LOCAL_PORT = 50_000;

/** A connection whose SYN is under way, to port 80 of the peer. */
function underWay(options: ConstructorParameters<typeof WireHost>[0] = {}) {
  const wire = new WireHost(options);
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  const advice: string[] = [];
  const closed: string[] = [];
  const connection = wire.user((host) =>
    host.connect({
      address: ip(PEER_IP),
      port: 80,
      localPort: LOCAL_PORT,
      handler: {
        onAdvice: (_connection, text) => advice.push(text),
        onClosed: (_connection, reason) => closed.push(reason),
      },
    })
  );
  const [syn] = wire.take();
  wire.takeCounts();
  wire.takeDrops();
  const quoted = { sourcePort: LOCAL_PORT, targetPort: 80, seq: u32(syn, 38), packetBytes: 44 };
  return { wire, connection, advice, closed, quoted };
}

type UnderWay = ReturnType<typeof underWay>;

/** The error has no effect and no answer. */
function ignores({ wire, connection, advice, closed }: UnderWay, frame: Uint8Array, about: string): void {
  wire.answers(frame);
  assertEquals([connection.state, advice, closed], ["SYN_SENT", [], []], about);
}

/** Codes of "destination unreachable" with words of their own; others have their number alone. */
const WORDS: Readonly<Record<number, string>> = {
  0: "no way to the network",
  1: "no way to the host",
  5: "the source route failed",
  9: "the network is forbidden",
  10: "the host is forbidden",
  13: "a filter forbids it",
};

for (const code of [0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 255]) {
  Deno.test(`ICMP type 3 code ${code}: told, not the end (MUST-56, RFC 1122 §4.2.3.9)`, () => {
    const { wire, connection, advice, closed, quoted } = underWay();
    wire.answers(complaint({ type: 3, code, quoted }));
    assertEquals([connection.state, advice, closed], [
      "SYN_SENT",
      [code in WORDS ? `unreachable: ${WORDS[code]} (ICMP code ${code})` : `unreachable: ICMP code ${code}`],
      [],
    ]);
    assertEquals(wire.takeDrops(), []);
  });
}

for (const code of [2, 3]) {
  Deno.test(`ICMP type 3 code ${code}: the OPEN fails (SHLD-26)`, () => {
    const { wire, advice, closed, quoted } = underWay();
    wire.answers(complaint({ type: 3, code, quoted }));
    assertEquals([advice, closed], [[], ["refused"]]);
    assertEquals(wire.host.connections(), []);
    wire.pass(100 * SECOND_US);
    wire.expects();
  });
}

for (const code of [0, 1]) {
  Deno.test(`ICMP type 11 code ${code}: told, not the end (MUST-56)`, () => {
    const { wire, connection, advice, quoted } = underWay();
    wire.answers(complaint({ type: 11, code, quoted }));
    assertEquals([connection.state, advice], [
      "SYN_SENT",
      [
        [
          "the hop limit was used up on the way",
          "a fragment was lost: the packet was not put together in time",
        ][code],
      ],
    ]);
  });
}

for (const code of [0, 1, 2]) {
  Deno.test(`ICMP type 12 code ${code}: told, not the end (MUST-56)`, () => {
    const { wire, connection, advice, quoted } = underWay();
    wire.answers(complaint({ type: 12, code, quoted }));
    assertEquals([connection.state, advice], ["SYN_SENT", ["a header was found faulty"]]);
  });
}

Deno.test("ICMP types that are no error about a packet of ours do nothing (MUST-55: 4 is Source Quench, 5 Redirect)", () => {
  for (const type of [0, 1, 2, 4, 5, 6, 9, 10, 13, 14, 15, 16, 30]) {
    const made = underWay();
    for (const code of [0, 1, 2, 3, 4]) {
      ignores(made, complaint({ type, code, quoted: made.quoted }), `type ${type}, code ${code}`);
    }
    assertEquals([made.wire.takeDrops(), made.wire.takeCounts()], [[], {}]);
  }
});

// -- Which packet it is about

/** What is another packet than our SYN. */
const OTHERS: readonly (readonly [string, Partial<Complaint["quoted"]>])[] = [
  ["another address of ours", { source: "192.168.7.1" }],
  ["an address that is not ours", { source: "10.0.0.2" }],
  ["another peer", { target: "10.0.0.8" }],
  ["our addresses the wrong way round", { source: PEER_IP, target: OUR_IP }],
  ["another port of ours", { sourcePort: LOCAL_PORT + 1 }],
  ["the peer's port as ours", { sourcePort: 80, targetPort: LOCAL_PORT }],
  ["another port of the peer", { targetPort: 81 }],
  ["UDP", { protocol: 17 }],
  ["ICMP", { protocol: 1 }],
];

for (const [name, changes] of OTHERS) {
  Deno.test(`ICMP about ${name} is about nobody here: no answer, counter or event`, () => {
    const made = underWay({ addresses: [`${OUR_IP}/24`, "192.168.7.1/24"] });
    for (const to of [OUR_IP, "192.168.7.1"]) {
      const quoted = { ...made.quoted, ...changes };
      ignores(made, complaint({ type: 3, code: 3, quoted, to }), name);
    }
    assertEquals([made.wire.takeDrops(), made.wire.takeCounts()], [[], {}]);
    // The right one is, whichever of our addresses the router sends it to.
    made.wire.answers(complaint({ type: 3, code: 3, quoted: made.quoted, to: "192.168.7.1" }));
    assertEquals(made.closed, ["refused"]);
  });
}

Deno.test("ICMP about a number that is not in flight is ignored (RFC 5927 §4.1)", () => {
  const made = underWay();
  for (const by of [-1, 1, 2, 0x40000000, 0x7fffffff, -0x40000000]) {
    const quoted = { ...made.quoted, seq: (made.quoted.seq + by) >>> 0 };
    ignores(made, complaint({ type: 3, code: 3, quoted }), `${by}`);
  }
});

Deno.test("ICMP whose quotation is cut before the eighth byte of the segment is malformed, and told (RFC 792)", () => {
  for (const quotedBytes of [0, 1, 19, 20, 24, 27]) {
    const made = underWay();
    for (const [type, code] of [[3, 3], [3, 4], [11, 0], [12, 0]]) {
      ignores(made, complaint({ type, code, quoted: made.quoted, quotedBytes }), `${quotedBytes} bytes`);
      assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
    }
    assertEquals(made.wire.takeCounts(), { "drop-malformed-icmp": 4 });
  }
  for (const quotedBytes of [28, 29, 40, 44]) {
    const { wire, quoted, closed } = underWay();
    wire.answers(complaint({ type: 3, code: 3, quoted, quotedBytes }));
    assertEquals(closed, ["refused"]);
  }
});

Deno.test("ICMP that quotes IP options finds the segment behind them", () => {
  const options = [1, 1, 1, 1, 1, 1, 1, 0];
  const made = underWay();
  const quoted = { ...made.quoted, options };
  ignores(made, complaint({ type: 3, code: 3, quoted, quotedBytes: 35 }), "seven bytes of the segment");
  made.wire.answers(complaint({ type: 3, code: 3, quoted, quotedBytes: 36 }));
  assertEquals(made.closed, ["refused"]);
});

Deno.test("ICMP that quotes a later fragment, or another version of IP, is malformed", () => {
  const made = underWay();
  ignores(made, complaint({ type: 3, code: 3, quoted: { ...made.quoted, fragmentOffset: 8 } }), "a fragment");
  assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
  for (const first of [0x35, 0x55, 0x44]) {
    const packet = quotedPacket(made.quoted);
    packet[0] = first;
    ignores(made, routerSays({ type: 3, code: 3 }, packet), `version and length ${first}`);
    assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
  }
});

Deno.test("ICMP that quotes an IPv6 packet is about nobody of a host that speaks IPv4", () => {
  const made = underWay();
  const packet = new Uint8Array(48);
  packet.set([0x60, 0, 0, 0, 0, 8, 6, 64]);
  // Our addresses and ports where those of IPv6 stand.
  packet.set(ip(OUR_IP), 8);
  packet.set(ip(PEER_IP), 24);
  packet.set([LOCAL_PORT >>> 8, LOCAL_PORT & 0xff, 0, 80], 40);
  packet.set(four(made.quoted.seq), 44);
  ignores(made, routerSays({ type: 3, code: 3 }, packet), "IPv6");
  assertEquals(made.wire.takeDrops(), []);
});

Deno.test("ICMP errors of nobody's address are dropped (RFC 1122 §3.2.1.3)", () => {
  const made = underWay();
  for (const from of ["0.0.0.0", "127.0.0.1", "224.0.0.9", "255.255.255.255", "10.0.0.255", OUR_IP]) {
    ignores(made, complaint({ type: 3, code: 3, quoted: made.quoted, from }), from);
    assertEquals(made.wire.takeDrops(), ["bad-source"]);
  }
});

Deno.test("ICMP whose sum is wrong is dropped", () => {
  const made = underWay();
  ignores(made, complaint({ type: 3, code: 3, quoted: made.quoted, sumError: 1 }), "a wrong sum");
  assertEquals(made.wire.takeDrops(), ["checksum"]);
  assertEquals(made.wire.takeCounts(), { "drop-checksum": 1 });
});
