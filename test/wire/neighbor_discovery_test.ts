/** Neighbour messages: both ways, and every check of RFC 4861 §6.1, §7.1 and §8.1. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import {
  emitNeighbor,
  neighborLength,
  NeighborMessage,
  neighborMessageFault,
  parseNeighbor,
  parseRedirect,
  RedirectMessage,
} from "../../src/wire/neighbor_discovery.ts";
import { ip, messageOf } from "./neighbor_messages.ts";

const { ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT, REDIRECT } =
  ICMPV6_TYPE;
const MAC = [2, 0, 0x5e, 0x10, 0x20, 0x30];
const SOURCE_OPTION = [1, 1, ...MAC];
const TARGET_OPTION = [2, 1, ...MAC];
const TARGET = [...ip("fe80::2")];
const GROUP_TARGET = [...ip("ff02::2")];
const FAR = [...ip("2001:db8::9")];
const SOLICITED = 0x40000000;

/** A message that is right, to be bent in one way. */
const RIGHT = {
  [ROUTER_SOLICITATION]: { source: "fe80::9", destination: "ff02::2", payload: SOURCE_OPTION },
  [ROUTER_ADVERTISEMENT]: {
    source: "fe80::9",
    destination: "ff02::1",
    payload: [0, 0, 0, 0, 0, 0, 0, 0, ...SOURCE_OPTION],
  },
  [NEIGHBOR_SOLICITATION]: {
    source: "fe80::9",
    destination: "ff02::1:ff00:2",
    payload: [...TARGET, ...SOURCE_OPTION],
  },
  [NEIGHBOR_ADVERTISEMENT]: {
    source: "fe80::9",
    destination: "ff02::1",
    payload: [...TARGET, ...TARGET_OPTION],
  },
  [REDIRECT]: { source: "fe80::9", destination: "fd00::1", payload: [...TARGET, ...FAR, ...TARGET_OPTION] },
};
const TYPES = [
  ROUTER_SOLICITATION,
  ROUTER_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  NEIGHBOR_ADVERTISEMENT,
  REDIRECT,
] as const;
const OPTIONS_AT = { 133: 0, 134: 8, 135: 16, 136: 16, 137: 32 } as const;

type Bent = Partial<Parameters<typeof messageOf>[0]>;

function faultOf(type: typeof TYPES[number], bent: Bent = {}): string | null {
  const { frame, packet, message } = messageOf({ ...RIGHT[type], type, ...bent });
  return neighborMessageFault(frame, packet, message);
}

Deno.test("messages that are right are taken; other types are none of this", () => {
  for (const type of TYPES) assertEquals(faultOf(type), null, `${type}`);
  const echo = messageOf({ source: "fd00::1", destination: "fd00::2", type: 128, hopLimit: 3, payload: [] });
  assertEquals(neighborMessageFault(echo.frame, echo.packet, echo.message), null);
});

Deno.test("the hop limit is 255, or a router has passed it on", () => {
  for (const type of TYPES) {
    for (const hopLimit of [0, 1, 64, 254]) {
      assertEquals(faultOf(type, { hopLimit }), "bad-neighbor-message", `${type}, ${hopLimit}`);
    }
  }
});

Deno.test("no fragment header, whatever it says (RFC 6980 §5)", () => {
  for (const type of TYPES) {
    const { frame, packet, message } = messageOf({ ...RIGHT[type], type });
    packet.fragmentHeaderOffset = 40;
    assertEquals(neighborMessageFault(frame, packet, message), "bad-neighbor-message", `${type}`);
  }
});

Deno.test("code 0, and long enough; cut anywhere but between options it is malformed", () => {
  for (const type of TYPES) {
    assertEquals(faultOf(type, { code: 1 }), "malformed-icmp", `${type}`);
    const { payload } = RIGHT[type];
    for (let length = 0; length < payload.length; length++) {
      const expected = length === OPTIONS_AT[type] ? null : "malformed-icmp";
      assertEquals(
        faultOf(type, { payload: payload.slice(0, length) }),
        expected,
        `${type}, ${length} bytes`,
      );
    }
  }
});

Deno.test("no option has length 0 or reaches beyond the message, and there are 64 at most", () => {
  for (const type of TYPES) {
    const start = RIGHT[type].payload.slice(0, OPTIONS_AT[type]);
    const withOptions = (options: number[]) => faultOf(type, { payload: [...start, ...options] });
    assertEquals(withOptions([200, 0, 0, 0, 0, 0, 0, 0]), "malformed-icmp");
    assertEquals(withOptions([...SOURCE_OPTION, 200, 0, 0, 0, 0, 0, 0, 0]), "malformed-icmp");
    assertEquals(withOptions([200, 2, 0, 0, 0, 0, 0, 0]), "malformed-icmp");
    const many = (count: number) => new Array(count).fill([200, 1, 0, 0, 0, 0, 0, 0]).flat();
    assertEquals(withOptions(many(64)), null);
    assertEquals(withOptions(many(65)), "malformed-icmp");
  }
});

Deno.test("the target is no group (§7.1.1, §7.1.2)", () => {
  assertEquals(faultOf(NEIGHBOR_SOLICITATION, { payload: GROUP_TARGET }), "bad-neighbor-message");
  assertEquals(faultOf(NEIGHBOR_ADVERTISEMENT, { payload: GROUP_TARGET }), "bad-neighbor-message");
});

Deno.test("who has no address yet asks the group of the target, and tells no hardware address (§7.1.1, §6.1.1)", () => {
  const source = "::";
  assertEquals(faultOf(NEIGHBOR_SOLICITATION, { source, payload: TARGET }), null);
  assertEquals(
    faultOf(NEIGHBOR_SOLICITATION, { source, payload: [...TARGET, 14, 1, ...MAC] }),
    null,
    "a nonce",
  );
  assertEquals(faultOf(NEIGHBOR_SOLICITATION, { source }), "bad-neighbor-message");
  for (const destination of ["fe80::2", "ff02::1", "ff05::1:ff00:2"]) {
    assertEquals(
      faultOf(NEIGHBOR_SOLICITATION, { source, destination, payload: TARGET }),
      "bad-neighbor-message",
      destination,
    );
  }
  assertEquals(faultOf(ROUTER_SOLICITATION, { source, payload: [] }), null);
  assertEquals(faultOf(ROUTER_SOLICITATION, { source }), "bad-neighbor-message");
  // An option of that kind with another length is one nevertheless.
  const long = [1, 2, ...MAC, 0, 0, 0, 0, 0, 0, 0, 0];
  assertEquals(faultOf(ROUTER_SOLICITATION, { source, payload: long }), "bad-neighbor-message");
});

Deno.test("an advertisement to a group is not solicited (§7.1.2)", () => {
  assertEquals(faultOf(NEIGHBOR_ADVERTISEMENT, { restOfHeader: SOLICITED }), "bad-neighbor-message");
  assertEquals(faultOf(NEIGHBOR_ADVERTISEMENT, { restOfHeader: 0xa0000000 }), null);
  assertEquals(faultOf(NEIGHBOR_ADVERTISEMENT, { restOfHeader: SOLICITED, destination: "fe80::1" }), null);
});

Deno.test("routers speak from link-local addresses (§6.1.2, §8.1)", () => {
  for (const source of ["fd00::9", "2001:db8::1", "::", "::1", "fec0::1"]) {
    assertEquals(faultOf(ROUTER_ADVERTISEMENT, { source }), "bad-neighbor-message", source);
    assertEquals(faultOf(REDIRECT, { source }), "bad-neighbor-message", source);
  }
});

Deno.test("a redirect is about a host, and leads to a router's link-local address or to the host itself (§8.1)", () => {
  const to = (target: number[], destination: number[]) =>
    faultOf(REDIRECT, { payload: [...target, ...destination] });
  assertEquals(to(FAR, FAR), null);
  assertEquals(to(FAR, [...ip("2001:db8::a")]), "bad-neighbor-message");
  assertEquals(to(TARGET, GROUP_TARGET), "bad-neighbor-message");
  assertEquals(to(GROUP_TARGET, GROUP_TARGET), "bad-neighbor-message");
});

Deno.test("property: a neighbour message that is emitted is parsed back, from a dirty buffer", () => {
  const six = fc.uint8Array({ minLength: 6, maxLength: 6 });
  fc.assert(fc.property(
    fc.constantFrom(NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).filter(([first]) => first !== 0xff),
    fc.option(six),
    fc.option(six),
    fc.nat(0xffffffff),
    fc.nat(0x1ffff),
    (type, target, mac, nonce, flags, pseudoSum) => {
      const fields = { type, target, mac, flags, ...(nonce === null ? {} : { nonce }) };
      const length = neighborLength(fields);
      const bytes = new Uint8Array(60).fill(0xa5);
      assertEquals(emitNeighbor(bytes, 4, fields, pseudoSum), length);
      assert(bytes.subarray(4 + length).every((byte) => byte === 0xa5), "wrote beyond the message");
      const message = new IcmpMessage();
      assertEquals(parseIcmpv6(bytes, 4, length, pseudoSum, message), null);
      assertEquals([message.type, message.code], [type, 0]);
      const out = new NeighborMessage();
      assertEquals(parseNeighbor(bytes, message, out), null);
      assertEquals([out.flags, out.targetOffset], [flags, 12]);
      assertEquals(bytes.slice(12, 28), target);
      assertEquals(out.macOffset, mac === null ? -1 : 30);
      if (mac !== null) assertEquals(bytes.slice(30, 36), mac);
      const isProbe = type === NEIGHBOR_SOLICITATION && nonce !== null;
      assertEquals(out.nonceOffset, isProbe ? (mac === null ? 30 : 38) : -1);
      if (isProbe) assertEquals(bytes.slice(out.nonceOffset, out.nonceOffset + 6), nonce);
      for (let cut = 0; cut < message.payloadLength; cut++) {
        const isBetween = cut === 16 || (cut === 24 && message.payloadLength > 24);
        const expected = isBetween ? null : "malformed-icmp";
        assertEquals(parseNeighbor(bytes, { ...message, payloadLength: cut }, out), expected, `${cut}`);
      }
    },
  ));
});

Deno.test("a solicitation on the wire, byte by byte (RFC 4861 §4.3)", () => {
  const { message, frame } = messageOf({ ...RIGHT[NEIGHBOR_SOLICITATION], type: NEIGHBOR_SOLICITATION });
  const bytes = new Uint8Array(32);
  const fields = { type: NEIGHBOR_SOLICITATION, target: ip("fe80::2"), mac: Uint8Array.from(MAC) };
  emitNeighbor(bytes, 0, fields, 0);
  assertEquals([bytes[0], bytes[1], ...bytes.subarray(4)], [135, 0, 0, 0, 0, 0, ...TARGET, 1, 1, ...MAC]);
  assertEquals(frame.slice(message.payloadOffset), bytes.slice(8));
});

Deno.test("options of the other side, of another length or kind are passed over; of several the last counts", () => {
  const read = (type: number, options: number[]) => {
    const about = { source: "fe80::9", destination: "fe80::1", type };
    const { frame, message } = messageOf({ ...about, payload: [...TARGET, ...options] });
    const out = new NeighborMessage();
    assertEquals(parseNeighbor(frame, message, out), null);
    return out.macOffset < 0 ? -1 : out.macOffset - message.payloadOffset;
  };
  assertEquals(read(NEIGHBOR_SOLICITATION, TARGET_OPTION), -1);
  assertEquals(read(NEIGHBOR_ADVERTISEMENT, SOURCE_OPTION), -1);
  assertEquals(read(NEIGHBOR_SOLICITATION, [1, 2, ...MAC, 0, 0, 0, 0, 0, 0, 0, 0]), -1);
  assertEquals(read(NEIGHBOR_SOLICITATION, [200, 1, ...MAC, ...SOURCE_OPTION]), 26);
  assertEquals(read(NEIGHBOR_ADVERTISEMENT, [...TARGET_OPTION, ...TARGET_OPTION]), 26);
});

Deno.test("a redirect is read, the packet that it quotes is passed over (RFC 4861 §4.5)", () => {
  const quoted = [4, 6, 0, 0, 0, 0, 0, 0, ...new Array(40).fill(0x60)];
  const { frame, message } = messageOf({
    ...RIGHT[REDIRECT],
    type: REDIRECT,
    payload: [...RIGHT[REDIRECT].payload, ...quoted],
  });
  const out = new RedirectMessage();
  assertEquals(parseRedirect(frame, message, out), null);
  assertEquals([...frame.slice(out.targetOffset, out.targetOffset + 16)], TARGET);
  assertEquals([...frame.slice(out.destinationOffset, out.destinationOffset + 16)], FAR);
  assertEquals([...frame.slice(out.macOffset, out.macOffset + 6)], MAC);
  for (let length = 0; length < 32; length++) {
    assertEquals(parseRedirect(frame, { ...message, payloadLength: length }, out), "malformed-icmp");
  }
  assertEquals(parseRedirect(frame, { ...message, code: 1 }, out), "malformed-icmp");
});
