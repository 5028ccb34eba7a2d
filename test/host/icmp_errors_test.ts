/**
 * ICMP errors: which type and code means what, by the numbers of RFC 792, RFC 1122 §3.2.2.1 and RFC 4443 §3, and which quoted packet
 * is one of ours (RFC 9293 §3.9.2.2; RFC 5927). The connection is in SYN_SENT, where a hard error is the end.
 */
import { assertEquals } from "@std/assert";
import { type Complaint, complaint, quotedPacket, routerSays, seqOf } from "./conversation.ts";
import { four, ip, tcp } from "./hand_frames.ts";
import { fragmentHeader, type HandExtension, ipv6 } from "./hand_ipv6.ts";
import { introduces, WIRE_FAMILIES, type WireFamily } from "./wire_families.ts";
import { SECOND_US, WireHost } from "./wire_host.ts";

const LOCAL_PORT = 50_000;

/** A connection whose SYN is under way, to port 80 of the peer. */
function underWay(family: WireFamily, options: ConstructorParameters<typeof WireHost>[0] = {}) {
  const { us, peer, ipBytes } = family;
  const wire = new WireHost({ addresses: [family.addresses[0]], ...options });
  introduces(wire, peer);
  const advice: string[] = [];
  const closed: string[] = [];
  const connection = wire.user((host) =>
    host.connect({
      address: ip(peer),
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
  const quoted = {
    sourcePort: LOCAL_PORT,
    targetPort: 80,
    seq: seqOf(syn),
    packetBytes: ipBytes + 24,
    source: us,
    target: peer,
  };
  return { wire, connection, advice, closed, quoted };
}

type UnderWay = ReturnType<typeof underWay>;

/** The error has no effect and no answer. */
function ignores({ wire, connection, advice, closed }: UnderWay, frame: Uint8Array, about: string): void {
  wire.answers(frame);
  assertEquals([connection.state, advice, closed], ["SYN_SENT", [], []], about);
}

/** What errors say by their numbers. Codes of "destination unreachable" without words of their own have their number alone. */
interface Numbers {
  readonly unreachable: number;
  readonly soft: readonly number[];
  readonly words: Readonly<Record<number, string>>;
  readonly hard: readonly number[];
  readonly expired: number;
  readonly faulty: number;
  /** By the code of "parameter problem". */
  readonly faults: readonly string[];
  /** Types that are no error about a packet of ours. */
  readonly others: readonly number[];
  /** A segment cut before its eighth byte, and one that is whole enough. */
  readonly tooShort: readonly number[];
  readonly longEnough: readonly number[];
  readonly errors: readonly (readonly [type: number, code: number])[];
  /** First bytes of no packet of the version. */
  readonly noPacket: readonly number[];
  readonly nobodies: readonly string[];
}

const NUMBERS: Readonly<Record<"IPv4" | "IPv6", Numbers>> = {
  IPv4: {
    unreachable: 3,
    soft: [0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 255],
    words: {
      0: "no way to the network",
      1: "no way to the host",
      5: "the source route failed",
      9: "the network is forbidden",
      10: "the host is forbidden",
      13: "a filter forbids it",
    },
    hard: [2, 3],
    expired: 11,
    faulty: 12,
    faults: ["a header was found faulty", "a header was found faulty", "a header was found faulty"],
    // MUST-55: 4 is Source Quench; 5 is Redirect.
    others: [0, 1, 2, 4, 5, 6, 9, 10, 13, 14, 15, 16, 30],
    tooShort: [0, 1, 19, 20, 24, 27],
    longEnough: [28, 29, 40, 44],
    errors: [[3, 3], [3, 4], [11, 0], [12, 0]],
    noPacket: [0x35, 0x55, 0x44],
    nobodies: ["0.0.0.0", "127.0.0.1", "224.0.0.9", "255.255.255.255", "10.0.0.255", "10.0.0.1"],
  },
  IPv6: {
    unreachable: 1,
    soft: [0, 1, 2, 3, 5, 6, 7, 8, 255],
    words: {
      0: "no route",
      1: "a filter forbids it",
      2: "beyond the scope of our address",
      3: "nobody has the address",
      5: "a filter forbids our address",
      6: "the route is refused",
    },
    hard: [4],
    expired: 3,
    faulty: 4,
    faults: [
      "a header was found faulty",
      "the host does not know TCP as a next header",
      "the host does not know an option",
      "a header was found faulty",
    ],
    others: [0, 5, 11, 12, 100, 101, 127, 129, 139, 140, 200, 255],
    tooShort: [0, 1, 39, 40, 44, 47],
    longEnough: [48, 49, 60, 64],
    errors: [[1, 4], [2, 0], [3, 0], [4, 0]],
    noPacket: [0x30, 0x50, 0x70],
    nobodies: ["::", "::1", "ff02::9", "ff0e::1", "::ffff:a00:9", "fd00::1"],
  },
};

for (const family of WIRE_FAMILIES) {
  const { name, us, second, peer, other } = family;
  const about = NUMBERS[name];
  const title = name === "IPv4" ? "ICMP" : "ICMPv6";
  /** Nobody is at the port. */
  const refuses = { type: about.unreachable, code: about.hard[about.hard.length - 1] };

  for (const code of about.soft) {
    Deno.test(`${title} type ${about.unreachable} code ${code}: told, not the end (MUST-56, RFC 1122 §4.2.3.9)`, () => {
      const { wire, connection, advice, closed, quoted } = underWay(family);
      wire.answers(complaint({ type: about.unreachable, code, quoted }));
      const { words } = about;
      const said = code in words ? `${words[code]} (ICMP code ${code})` : `ICMP code ${code}`;
      assertEquals([connection.state, advice, closed], ["SYN_SENT", [`unreachable: ${said}`], []]);
      assertEquals(wire.takeDrops(), []);
    });
  }

  for (const code of about.hard) {
    Deno.test(`${title} type ${about.unreachable} code ${code}: the OPEN fails (SHLD-26)`, () => {
      const { wire, advice, closed, quoted } = underWay(family);
      wire.answers(complaint({ type: about.unreachable, code, quoted }));
      assertEquals([advice, closed], [[], ["refused"]]);
      assertEquals(wire.host.connections(), []);
      wire.pass(100 * SECOND_US);
      wire.expects();
    });
  }

  for (const code of [0, 1]) {
    Deno.test(`${title} type ${about.expired} code ${code}: told, not the end (MUST-56)`, () => {
      const { wire, connection, advice, quoted } = underWay(family);
      wire.answers(complaint({ type: about.expired, code, quoted }));
      const said = [
        "the hop limit was used up on the way",
        "a fragment was lost: the packet was not put together in time",
      ];
      assertEquals([connection.state, advice], ["SYN_SENT", [said[code]]]);
    });
  }

  about.faults.forEach((fault, code) => {
    Deno.test(`${title} type ${about.faulty} code ${code}: told, not the end (MUST-56)`, () => {
      const { wire, connection, advice, quoted } = underWay(family);
      wire.answers(complaint({ type: about.faulty, code, quoted }));
      assertEquals([connection.state, advice], ["SYN_SENT", [fault]]);
    });
  });

  Deno.test(`${title} types that are no error about a packet of ours do nothing (MUST-55)`, () => {
    for (const type of about.others) {
      const made = underWay(family);
      for (const code of [0, 1, 2, 3, 4]) {
        ignores(made, complaint({ type, code, quoted: made.quoted }), `type ${type}, code ${code}`);
      }
      assertEquals([made.wire.takeDrops(), made.wire.takeCounts()], [[], {}], `type ${type}`);
    }
  });

  // -- Which packet it is about

  /** What is another packet than our SYN. */
  const others: readonly (readonly [string, Partial<Complaint["quoted"]>])[] = [
    ["another address of ours", { source: second }],
    ["an address that is not ours", { source: family.neighbor(2) }],
    ["another peer", { target: other }],
    ["our addresses the wrong way round", { source: peer, target: us }],
    ["another port of ours", { sourcePort: LOCAL_PORT + 1 }],
    ["the peer's port as ours", { sourcePort: 80, targetPort: LOCAL_PORT }],
    ["another port of the peer", { targetPort: 81 }],
    ["UDP", { protocol: 17 }],
    ["ICMP", { protocol: name === "IPv4" ? 1 : 58 }],
  ];

  for (const [what, changes] of others) {
    Deno.test(`${title} about ${what} is about nobody here: no answer, counter or event`, () => {
      const made = underWay(family, { addresses: family.addresses });
      for (const to of [us, second]) {
        const quoted = { ...made.quoted, ...changes };
        ignores(made, complaint({ ...refuses, quoted, to }), what);
      }
      assertEquals([made.wire.takeDrops(), made.wire.takeCounts()], [[], {}]);
      // The right one is, whichever of our addresses the router sends it to.
      made.wire.answers(complaint({ ...refuses, quoted: made.quoted, to: second }));
      assertEquals(made.closed, ["refused"]);
    });
  }

  Deno.test(`${title} about a number that is not in flight is ignored (RFC 5927 §4.1)`, () => {
    const made = underWay(family);
    for (const by of [-1, 1, 2, 0x40000000, 0x7fffffff, -0x40000000]) {
      const quoted = { ...made.quoted, seq: (made.quoted.seq + by) >>> 0 };
      ignores(made, complaint({ ...refuses, quoted }), `${by}`);
    }
  });

  Deno.test(`${title} whose quotation is cut before the eighth byte of the segment is malformed, and told (RFC 792)`, () => {
    for (const quotedBytes of about.tooShort) {
      const made = underWay(family);
      for (const [type, code] of about.errors) {
        ignores(made, complaint({ type, code, quoted: made.quoted, quotedBytes }), `${quotedBytes} bytes`);
        assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
      }
      assertEquals(made.wire.takeCounts(), { "drop-malformed-icmp": 4 });
    }
    for (const quotedBytes of about.longEnough) {
      const { wire, quoted, closed } = underWay(family);
      wire.answers(complaint({ ...refuses, quoted, quotedBytes }));
      assertEquals(closed, ["refused"]);
    }
  });

  Deno.test(`${title} errors of nobody's address are dropped (RFC 1122 §3.2.1.3)`, () => {
    const made = underWay(family);
    for (const from of about.nobodies) {
      ignores(made, complaint({ ...refuses, quoted: made.quoted, from }), from);
      assertEquals(made.wire.takeDrops(), ["bad-source"]);
    }
  });

  Deno.test(`${title} whose sum is wrong is dropped`, () => {
    const made = underWay(family);
    ignores(made, complaint({ ...refuses, quoted: made.quoted, sumError: 1 }), "a wrong sum");
    assertEquals(made.wire.takeDrops(), ["checksum"]);
    assertEquals(made.wire.takeCounts(), { "drop-checksum": 1 });
  });
  Deno.test(`${title} that quotes no packet of its version is malformed`, () => {
    const made = underWay(family);
    for (const first of about.noPacket) {
      const packet = quotedPacket(made.quoted);
      packet[0] = first;
      ignores(made, routerSays(refuses, packet, { to: us }), `version and length ${first}`);
      assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
    }
  });
}

// -- Headers before the segment

const [IPV4, IPV6] = WIRE_FAMILIES;

Deno.test("ICMP that quotes IP options finds the segment behind them", () => {
  const options = [1, 1, 1, 1, 1, 1, 1, 0];
  const made = underWay(IPV4);
  const quoted = { ...made.quoted, options };
  ignores(made, complaint({ type: 3, code: 3, quoted, quotedBytes: 35 }), "seven bytes of the segment");
  made.wire.answers(complaint({ type: 3, code: 3, quoted, quotedBytes: 36 }));
  assertEquals(made.closed, ["refused"]);
});

Deno.test("ICMP that quotes a later fragment is malformed (RFC 5927 §4.1)", () => {
  const made = underWay(IPV4);
  ignores(made, complaint({ type: 3, code: 3, quoted: { ...made.quoted, fragmentOffset: 8 } }), "a fragment");
  assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
});

/** The SYN of a connection with extension headers before it. */
function extended({ quoted }: UnderWay, extensions: readonly HandExtension[]): Uint8Array {
  return ipv6({ ...quoted, protocol: 6, extensions }, tcp({ ...quoted, flags: 2 }));
}

/** Hop-by-hop options, destination options, a routing header with nothing left; each of eight bytes. */
const PASSED_OVER: readonly HandExtension[] = [
  [0, [0, 0, 1, 4, 0, 0, 0, 0]],
  [60, [0, 0, 1, 4, 0, 0, 0, 0]],
  [43, [0, 0, 1, 0, 0, 0, 0, 0]],
];

Deno.test("ICMPv6 that quotes extension headers finds the segment behind them (RFC 8200 §4)", () => {
  for (const extensions of [...PASSED_OVER.map((one) => [one]), PASSED_OVER, [fragmentHeader(0, true)]]) {
    const made = underWay(IPV6);
    const bytes = 40 + 8 * extensions.length + 8;
    const packet = extended(made, extensions);
    const to = { to: IPV6.us };
    ignores(
      made,
      routerSays({ type: 1, code: 4 }, packet.subarray(0, bytes - 1), to),
      "seven bytes of the segment",
    );
    assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
    made.wire.answers(routerSays({ type: 1, code: 4 }, packet.subarray(0, bytes), to));
    assertEquals(made.closed, ["refused"]);
  }
});

Deno.test("ICMPv6 that quotes a later fragment is malformed (RFC 5927 §4.1)", () => {
  const made = underWay(IPV6);
  const packet = extended(made, [fragmentHeader(8, false)]);
  ignores(made, routerSays({ type: 1, code: 4 }, packet, { to: IPV6.us }), "a fragment");
  assertEquals(made.wire.takeDrops(), ["malformed-icmp"]);
});

Deno.test("an error of one version about a packet of the other is about nobody, though the connection is there", () => {
  for (const [family, stranger] of [[IPV4, IPV6], [IPV6, IPV4]]) {
    const made = underWay(family, { addresses: [IPV4.addresses[0], IPV6.addresses[0]] });
    const { unreachable, hard } = NUMBERS[stranger.name];
    for (const code of hard) {
      const frame = routerSays({ type: unreachable, code }, quotedPacket(made.quoted), { to: stranger.us });
      ignores(made, frame, `${stranger.name} about ${family.name}`);
    }
    made.wire.answers(
      complaint({
        type: NUMBERS[family.name].unreachable,
        code: NUMBERS[family.name].hard[0],
        quoted: made.quoted,
      }),
    );
    assertEquals(made.closed, ["refused"]);
  }
});

Deno.test("ICMP that quotes an IPv6 packet is about nobody of a host that speaks IPv4", () => {
  const made = underWay(IPV4);
  const packet = new Uint8Array(48);
  packet.set([0x60, 0, 0, 0, 0, 8, 6, 64]);
  // Our addresses and ports where those of IPv6 stand.
  packet.set(ip(IPV4.us), 8);
  packet.set(ip(IPV4.peer), 24);
  packet.set([LOCAL_PORT >>> 8, LOCAL_PORT & 0xff, 0, 80], 40);
  packet.set(four(made.quoted.seq), 44);
  ignores(made, routerSays({ type: 3, code: 3 }, packet), "IPv6");
  assertEquals(made.wire.takeDrops(), []);
});
