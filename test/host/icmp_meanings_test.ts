/**
 * What ICMP errors mean, of both versions, by the numbers of RFC 792, RFC 1122 §3.2.2.1, RFC 4443 §3 and RFC 9293 §3.9.2.2; and whose
 * connection one is about.
 */
import { assert, assertEquals } from "@std/assert";
import { ANY_CODE, ICMP_MEANINGS, meaningOf, newsOf } from "../../src/host/icmp_meanings.ts";
import { InternetLayer, IPV4_FIGURES, IPV6_FIGURES } from "../../src/tcp/internet_layer.ts";
import { IcmpMessage, QuotedPacket } from "../../src/wire/icmp.ts";
import { ip, two } from "./hand_frames.ts";
import { fragmentHeader, type HandExtension, ip6 } from "./hand_ipv6.ts";
import { FAMILIES, type Family, type HandPacket, icmpPacket, IcmpParts, packetOf } from "./icmp_parts.ts";

const [IPV4, IPV6] = FAMILIES;

function kindOf(addressBytes: number, type: number, code: number): string | null {
  return meaningOf(addressBytes, { type, code })?.kind ?? null;
}

Deno.test("meanings of ICMP: hard is what stays, soft what may pass (SHLD-26, MUST-56)", () => {
  for (let code = 0; code <= 255; code++) {
    const unreachable = code === 2 || code === 3 ? "hard" : code === 4 ? "too-big" : "soft";
    assertEquals(kindOf(4, 3, code), unreachable, `code ${code}`);
    assertEquals([kindOf(4, 11, code), kindOf(4, 12, code)], ["soft", "soft"]);
  }
});

Deno.test("meanings of ICMPv6: port unreachable alone is hard; a next header that is not known is soft (MUST-56)", () => {
  for (let code = 0; code <= 255; code++) {
    assertEquals(kindOf(16, 1, code), code === 4 ? "hard" : "soft", `code ${code}`);
    // RFC 4443 §3.2: the code of packet too big is ignored.
    assertEquals([kindOf(16, 2, code), kindOf(16, 3, code), kindOf(16, 4, code)], [
      "too-big",
      "soft",
      "soft",
    ]);
  }
});

Deno.test("meanings: no other type means anything, of either version (MUST-55: Source Quench)", () => {
  for (let type = 0; type <= 255; type++) {
    if (![3, 11, 12].includes(type)) assertEquals(kindOf(4, type, 0), null, `ICMP type ${type}`);
    if (![1, 2, 3, 4].includes(type)) assertEquals(kindOf(16, type, 0), null, `ICMPv6 type ${type}`);
  }
});

Deno.test("meanings: each row has a clause, words unless the message has them, and none is there twice", () => {
  const seen = new Set<string>();
  for (const { addressBytes, type, code, text, clause, kind } of ICMP_MEANINGS) {
    const key = `${addressBytes} ${type} ${code}`;
    assert(!seen.has(key), key);
    seen.add(key);
    assert(/^RFC \d+ (§|MUST|SHLD)/.test(clause), clause);
    if (kind !== "too-big" && code !== ANY_CODE) assert(text !== "", key);
  }
});

/** What an error means that quotes a packet of `packetBytes`. */
function news(family: Family, about: { type: number; code: number; rest?: number; packetBytes?: number }) {
  const message = new IcmpMessage();
  message.type = about.type;
  message.code = about.code;
  message.restOfHeader = about.rest ?? 0;
  const quoted = new QuotedPacket();
  quoted.addressBytes = family === IPV4 ? 4 : 16;
  quoted.packetBytes = about.packetBytes ?? 1500;
  quoted.seq = 7;
  return newsOf(message, quoted, new InternetLayer(family === IPV4 ? IPV4_FIGURES : IPV6_FIGURES));
}

Deno.test("packet too big of IPv6: 60 bytes of the MTU are headers; below 1280 it means nothing (RFC 8201 §4)", () => {
  for (const mtu of [1280, 1281, 1400, 1500, 0xffff, 0xffffffff]) {
    assertEquals(news(IPV6, { type: 2, code: 0, rest: mtu }), {
      kind: "too-big",
      seq: 7,
      pathMss: mtu - 60,
      text: `the path carries ${mtu} bytes`,
      inHandshake: "other",
    });
  }
  for (const mtu of [0, 1, 68, 576, 1279]) assertEquals(news(IPV6, { type: 2, code: 0, rest: mtu }), null);
});

Deno.test("fragmentation needed of IPv4: 40 bytes of the MTU are headers, and it has 16 bits (RFC 1191 §4)", () => {
  assertEquals(news(IPV4, { type: 3, code: 4, rest: 1400 })?.pathMss, 1360);
  assertEquals(news(IPV4, { type: 3, code: 4, rest: 0xffff0000 + 1400 })?.pathMss, 1360);
  assertEquals(news(IPV4, { type: 3, code: 4, rest: 0 })?.pathMss, 1492 - 40);
});

Deno.test("unreachable is told by that word, so that an OPEN can end at once; what else happened is not", () => {
  for (const [family, type] of [[IPV4, 3], [IPV6, 1]] as const) {
    for (let code = 0; code <= 255; code++) {
      const told = news(family, { type, code, rest: 1400 });
      if (told?.kind === "too-big") continue;
      assert(told?.text.startsWith("unreachable: ") && told.text.includes(`ICMP code ${code}`), told?.text);
    }
  }
  for (const [family, type] of [[IPV4, 11], [IPV4, 12], [IPV6, 3], [IPV6, 4]] as const) {
    for (const code of [0, 1, 2, 3]) assert(!news(family, { type, code })?.text.startsWith("unreachable"));
  }
});

Deno.test("what somebody forbids, and a hop limit used up, is told apart from what may pass", () => {
  const told = (family: Family, type: number, codes: number[]) =>
    codes.map((code) => news(family, { type, code })?.inHandshake);
  assertEquals(told(IPV4, 3, [0, 1, 9, 10, 13, 12]), [
    "other",
    "other",
    "forbidden",
    "forbidden",
    "forbidden",
    "other",
  ]);
  assertEquals(told(IPV4, 11, [0, 1]), ["unreachable", "other"]);
  assertEquals(told(IPV6, 1, [0, 1, 3, 5]), ["other", "forbidden", "other", "other"]);
  assertEquals(told(IPV6, 3, [0, 1]), ["unreachable", "other"]);
  assertEquals(told(IPV6, 4, [0, 1, 2]), ["other", "forbidden", "other"]);
});

// -- Whose connection

/** A TCP segment of ours to the peer's port 80, as it is quoted: ports, sequence number, and so on. */
const SEGMENT = Uint8Array.from([...two(50_000), ...two(80), 1, 2, 3, 4, ...new Array(12).fill(0)]);

function ours(family: Family, header: HandPacket = {}): Uint8Array {
  return packetOf(family, { source: family.our, target: family.peer, protocol: 6, ...header }, SEGMENT);
}

for (const family of FAMILIES) {
  const { name } = family;
  const address = name === "IPv4" ? ip : ip6;
  const [unreachable, port] = name === "IPv4" ? [3, 3] : [1, 4];

  Deno.test(`${name}: an error finds its connection by what it quotes, whoever says it, whichever of our addresses it is for`, () => {
    const parts = new IcmpParts(family);
    for (const target of [family.our, family.ourOther]) {
      for (const source of [family.peer, family.peer.replace("9", "7")]) {
        parts.gives(icmpPacket(family, { type: unreachable, code: port }, ours(family), { source, target }));
        assertEquals(parts.told.splice(0), [{
          localPort: 50_000,
          peerPort: 80,
          local: address(family.our),
          peer: address(family.peer),
          news: {
            kind: "hard",
            seq: 0x01020304,
            pathMss: 0,
            text: `unreachable: nobody at the port (ICMP code ${port})`,
            inHandshake: "other",
          },
        }]);
      }
    }
  });

  Deno.test(`${name}: an error about another protocol, or the other version of IP, is about nothing here`, () => {
    const parts = new IcmpParts(family);
    const other = family === IPV4 ? IPV6 : IPV4;
    const quotations = [
      ours(family, { protocol: 17 }),
      ours(family, { protocol: family.icmpProtocol }),
      ours(other),
    ];
    for (const quoted of quotations) {
      parts.gives(icmpPacket(family, { type: unreachable, code: port }, quoted));
    }
    assertEquals([parts.told, parts.unrelated, parts.drops], [[], 3, []]);
  });

  Deno.test(`${name}: an error that quotes too little is malformed`, () => {
    const parts = new IcmpParts(family);
    for (let length = 0; length < family.headerBytes + 8; length++) {
      parts.gives(icmpPacket(family, { type: unreachable, code: port }, ours(family).subarray(0, length)));
    }
    assertEquals(parts.drops.length, family.headerBytes + 8);
    assertEquals(new Set(parts.drops), new Set(["malformed-icmp"]));
    assertEquals(parts.told, []);
  });

  Deno.test(`${name}: ten thousand errors get no answer, and those of nobody's addresses are dropped`, () => {
    const parts = new IcmpParts(family);
    const error = icmpPacket(family, { type: unreachable, code: 0 }, ours(family));
    let out = 0;
    for (let i = 0; i < 10_000; i++) out += parts.gives(error).length;
    assertEquals([out, parts.told.length, parts.counts], [0, 10_000, {}]);
    for (const source of family.nobodies) {
      parts.gives(icmpPacket(family, { type: unreachable, code: port }, ours(family), { source }));
    }
    assertEquals(parts.drops, family.nobodies.map(() => "bad-source"));
  });
}

Deno.test("IPv6: an error finds the segment behind extension headers that it quotes", () => {
  const parts = new IcmpParts(IPV6);
  const padding: HandExtension = [60, [0, 0, 1, 4, 0, 0, 0, 0]];
  for (
    const extensions of [[padding], [fragmentHeader(0, false)], [padding, fragmentHeader(0, true), padding]]
  ) {
    parts.gives(icmpPacket(IPV6, { type: 2, code: 0, rest: 1400 }, ours(IPV6, { extensions })));
    assertEquals(parts.told.splice(0).map(({ news }) => [news?.kind, news?.seq, news?.pathMss]), [
      ["too-big", 0x01020304, 1340],
    ]);
  }
  parts.gives(
    icmpPacket(
      IPV6,
      { type: 2, code: 0, rest: 1400 },
      ours(IPV6, { extensions: [fragmentHeader(8, false)] }),
    ),
  );
  assertEquals([parts.told, parts.drops], [[], ["malformed-icmp"]]);
});

Deno.test("IPv6: an error to a group is for nobody", () => {
  const parts = new IcmpParts(IPV6);
  parts.gives(icmpPacket(IPV6, { type: 1, code: 4 }, ours(IPV6), { target: "ff02::1" }), {
    isUnicast: false,
  });
  assertEquals([parts.told, parts.drops], [[], ["not-for-us"]]);
});

Deno.test("IPv6: messages that somebody hears go there, from no address too; never from fragments, or with a wrong sum (RFC 6980 §5)", () => {
  const heard: number[] = [];
  const listener = {
    arrives: (_frame: Uint8Array, _packet: unknown, message: IcmpMessage) => {
      heard.push(message.type);
      return message.code === 0 ? null : "malformed-icmp" as const;
    },
  };
  const parts = new IcmpParts(IPV6, new Map([[135, listener]]));
  const solicitation = (header: HandPacket, sumError = 0) =>
    icmpPacket(IPV6, { type: 135, code: 0, sumError }, new Uint8Array(16), header);
  parts.gives(solicitation({ source: "::", target: "ff02::1:ff00:1" }), { isUnicast: false });
  parts.gives(solicitation({}));
  assertEquals(heard.splice(0), [135, 135]);
  parts.gives(solicitation({ extensions: [fragmentHeader(0, false)] }));
  parts.gives(solicitation({}, 1));
  parts.gives(solicitation({ source: "ff02::1" }));
  assertEquals([heard, parts.drops], [[], ["bad-neighbor-message", "checksum", "bad-source"]]);
  // What it does not take is dropped for its reason.
  parts.gives(icmpPacket(IPV6, { type: 135, code: 1 }, new Uint8Array(16)));
  assertEquals([heard.splice(0), parts.drops.splice(3)], [[135], ["malformed-icmp"]]);
  // Nobody hears this one.
  parts.gives(icmpPacket(IPV6, { type: 137, code: 0 }, new Uint8Array(32)));
  assertEquals([heard, parts.unrelated], [[], 1]);
});

Deno.test("IPv6: what is put together from fragments is no message for those who hear", () => {
  const heard: number[] = [];
  const parts = new IcmpParts(IPV6, new Map([[135, { arrives: () => void heard.push(1) }]]));
  parts.givesReassembled(icmpPacket(IPV6, { type: 135, code: 0 }, new Uint8Array(16)));
  assertEquals([heard, parts.drops], [[], ["bad-neighbor-message"]]);
});
