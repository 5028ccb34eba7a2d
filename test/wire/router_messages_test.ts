/** Router solicitations and advertisements (RFC 4861 §4.1, §4.2, §4.6.2, §4.6.4; RFC 4191 §2.2). */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import {
  emitRouterAdvertisement,
  emitRouterSolicitation,
  INFINITE_LIFETIME_SECONDS,
  MAX_ADVERTISED_PREFIXES,
  parseRouterAdvertisement,
  parseRouterSolicitation,
  RouterAdvertisement,
  routerAdvertisementLength,
  RouterSolicitation,
  routerSolicitationLength,
} from "../../src/wire/router_messages.ts";
import { ip, messageOf } from "./neighbor_messages.ts";

const FROM_ROUTER = { source: "fe80::9", destination: "ff02::1", type: 134 };
const MAC = [2, 0, 0x5e, 0x10, 0x20, 0x30];
const TIMES = [0, 0, 0x75, 0x30, 0, 0, 3, 0xe8];
const prefixOption = (length: number, flags: number) => [
  ...[3, 4, length, flags, 0, 0, 0x0e, 0x10, 0, 0, 0x07, 0x08, 0, 0, 0, 0],
  ...ip("2001:db8:1::"),
];

function read(payload: readonly number[], restOfHeader = 0): RouterAdvertisement {
  const { frame, message } = messageOf({ ...FROM_ROUTER, payload, restOfHeader });
  const out = new RouterAdvertisement();
  assertEquals(parseRouterAdvertisement(frame, message, out), null);
  return out;
}

Deno.test("an advertisement on the wire, byte by byte", () => {
  const bytes = new Uint8Array(64);
  const prefix = {
    prefix: ip("2001:db8:1::"),
    prefixLength: 64,
    isOnLink: true,
    isAutonomous: true,
    validSeconds: 3600,
    preferredSeconds: 1800,
  };
  const fields = {
    hopLimit: 64,
    isManaged: true,
    hasOtherConfig: true,
    lifetimeSeconds: 1800,
    reachableMs: 30_000,
    retransMs: 1000,
    mac: Uint8Array.from(MAC),
    mtu: 1400,
    prefixes: [prefix],
  };
  assertEquals(emitRouterAdvertisement(bytes, 0, fields, 0), 64);
  assertEquals([bytes[0], bytes[1], ...bytes.subarray(4, 8)], [134, 0, 64, 0xc0, 0x07, 0x08]);
  assertEquals([...bytes.subarray(8, 16)], TIMES);
  assertEquals([...bytes.subarray(16, 32)], [1, 1, ...MAC, 5, 1, 0, 0, 0, 0, 0x05, 0x78]);
  assertEquals([...bytes.subarray(32)], prefixOption(64, 0xc0));
});

Deno.test("flags, lifetimes and options are read", () => {
  const out = read([...TIMES, ...prefixOption(64, 0x80), 5, 1, 0, 0, 0, 0, 0x05, 0x78], 0xff400708);
  assertEquals([out.hopLimit, out.isManaged, out.hasOtherConfig, out.lifetimeSeconds], [
    255,
    false,
    true,
    1800,
  ]);
  assertEquals([out.reachableMs, out.retransMs, out.mtu, out.macOffset], [30_000, 1000, 1400, -1]);
  const [prefix] = out.prefixes;
  assertEquals([out.prefixCount, prefix.prefixLength, prefix.validSeconds, prefix.preferredSeconds], [
    1,
    64,
    3600,
    1800,
  ]);
  assertEquals([prefix.isOnLink, prefix.isAutonomous], [true, false]);
  assertEquals(read(TIMES, 0x80 << 16).isManaged, true);
  const endless = prefixOption(64, 0x40);
  endless.fill(0xff, 4, 12);
  const [forever] = read([...TIMES, ...endless]).prefixes;
  assertEquals([forever.validSeconds, forever.isOnLink], [INFINITE_LIFETIME_SECONDS, false]);
});

Deno.test("preferences are two signed bits, of which one pattern stands for medium (RFC 4191 §2.1, §2.2)", () => {
  const patterns = [[0x08, 1], [0x00, 0], [0x18, -1], [0x10, 0]];
  for (const [bits, preference] of patterns) {
    const { preference: got, isManaged, hasOtherConfig } = read(TIMES, (bits | 0x40) << 16);
    assertEquals([got, isManaged, hasOtherConfig], [preference, false, true]);
  }
  for (const [preference, bits] of [[1, 0x08], [0, 0x00], [-1, 0x18]] as const) {
    const bytes = new Uint8Array(16);
    emitRouterAdvertisement(bytes, 0, { preference, hasOtherConfig: true }, 0);
    assertEquals(bytes[5], 0x40 | bits);
  }
});

Deno.test("a record that is filled again keeps nothing", () => {
  const { frame, message } = messageOf({ ...FROM_ROUTER, payload: TIMES });
  const out = read(
    [...TIMES, 1, 1, ...MAC, ...prefixOption(64, 0xc0), 5, 1, 0, 0, 0, 0, 0x05, 0x78],
    0xffffffff,
  );
  assertEquals(parseRouterAdvertisement(frame, message, out), null);
  assertEquals({ ...out, prefixes: [] }, {
    ...{ ...new RouterAdvertisement(), prefixes: [] },
    reachableMs: 30_000,
    retransMs: 1000,
  });
});

Deno.test("options of an odd length, of unknown kinds, and impossible prefixes are passed over", () => {
  const out = read([
    ...TIMES,
    ...[25, 3, ...new Array(22).fill(0)], // Name servers (RFC 8106).
    ...[3, 1, 64, 0xc0, 0, 0, 0, 0], // A prefix that is none.
    ...prefixOption(129, 0xc0),
    ...[5, 2, 0, 0, 0, 0, 5, 0, ...new Array(8).fill(0)],
    ...prefixOption(128, 0xc0),
  ]);
  assertEquals([out.prefixCount, out.prefixes[0].prefixLength, out.mtu], [1, 128, 0]);
});

Deno.test("of many prefixes the first sixteen count", () => {
  const many = Array.from({ length: 40 }, (_, i) => prefixOption(i, 0xc0)).flat();
  const out = read([...TIMES, ...many]);
  assertEquals(out.prefixCount, MAX_ADVERTISED_PREFIXES);
  assertEquals(out.prefixes.map(({ prefixLength }) => prefixLength), Array.from({ length: 16 }, (_, i) => i));
});

Deno.test("what is cut, has a code, an option of length 0, or too many, is malformed", () => {
  const payload = [...TIMES, 1, 1, ...MAC, ...prefixOption(64, 0xc0)];
  const { frame, message } = messageOf({ ...FROM_ROUTER, payload });
  const out = new RouterAdvertisement();
  const solicitation = new RouterSolicitation();
  for (let payloadLength = 0; payloadLength < payload.length; payloadLength++) {
    const expected = payloadLength === 8 || payloadLength === 16 ? null : "malformed-icmp";
    assertEquals(
      parseRouterAdvertisement(frame, { ...message, payloadLength }, out),
      expected,
      `${payloadLength}`,
    );
  }
  assertEquals(parseRouterAdvertisement(frame, { ...message, code: 1 }, out), "malformed-icmp");
  assertEquals(
    parseRouterSolicitation(frame, { ...message, code: 1, payloadLength: 0 }, solicitation),
    "malformed-icmp",
  );
  const bad = messageOf({ ...FROM_ROUTER, payload: [...TIMES, 9, 0, 0, 0, 0, 0, 0, 0] });
  assertEquals(parseRouterAdvertisement(bad.frame, bad.message, out), "malformed-icmp");
  const many = messageOf({
    ...FROM_ROUTER,
    payload: [...TIMES, ...new Array(65).fill([9, 1, 0, 0, 0, 0, 0, 0]).flat()],
  });
  assertEquals(parseRouterAdvertisement(many.frame, many.message, out), "malformed-icmp");
});

Deno.test("property: an advertisement that is emitted is parsed back, from a dirty buffer", () => {
  const u32 = fc.nat(0xffffffff);
  const prefix = fc.record({
    prefix: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    prefixLength: fc.nat(128),
    isOnLink: fc.boolean(),
    isAutonomous: fc.boolean(),
    validSeconds: u32,
    preferredSeconds: u32,
  });
  const fields = fc.record({
    hopLimit: fc.nat(255),
    isManaged: fc.boolean(),
    hasOtherConfig: fc.boolean(),
    lifetimeSeconds: fc.nat(0xffff),
    reachableMs: u32,
    retransMs: u32,
    mac: fc.option(fc.uint8Array({ minLength: 6, maxLength: 6 })),
    mtu: fc.integer({ min: 1, max: 0xffffffff }),
    prefixes: fc.array(prefix, { maxLength: MAX_ADVERTISED_PREFIXES }),
  });
  fc.assert(fc.property(fields, fc.nat(0x1ffff), (fields, pseudoSum) => {
    const length = routerAdvertisementLength(fields);
    const bytes = new Uint8Array(length + 10).fill(0xa5);
    assertEquals(emitRouterAdvertisement(bytes, 4, fields, pseudoSum), length);
    assert(bytes.subarray(4 + length).every((byte) => byte === 0xa5), "wrote beyond the message");
    const message = new IcmpMessage();
    assertEquals(parseIcmpv6(bytes, 4, length, pseudoSum, message), null);
    const out = new RouterAdvertisement();
    assertEquals(parseRouterAdvertisement(bytes, message, out), null);
    const { macOffset, prefixCount, prefixes } = out;
    assertEquals({
      hopLimit: out.hopLimit,
      isManaged: out.isManaged,
      hasOtherConfig: out.hasOtherConfig,
      lifetimeSeconds: out.lifetimeSeconds,
      reachableMs: out.reachableMs,
      retransMs: out.retransMs,
      mac: macOffset < 0 ? null : bytes.slice(macOffset, macOffset + 6),
      mtu: out.mtu,
      prefixes: prefixes.slice(0, prefixCount).map(({ prefixOffset, ...rest }) => ({
        prefix: bytes.slice(prefixOffset, prefixOffset + 16),
        ...rest,
      })),
    }, fields);
  }));
});

Deno.test("a solicitation, with and without an address (RFC 4861 §4.1)", () => {
  for (const mac of [Uint8Array.from(MAC), null]) {
    const bytes = new Uint8Array(24).fill(0xa5);
    const length = routerSolicitationLength({ mac });
    assertEquals(emitRouterSolicitation(bytes, 0, { mac }, 77), length);
    assertEquals([...bytes.subarray(4, length)], [0, 0, 0, 0, ...(mac === null ? [] : [1, 1, ...MAC])]);
    assert(bytes.subarray(length).every((byte) => byte === 0xa5), "wrote beyond the message");
    const message = new IcmpMessage();
    assertEquals(parseIcmpv6(bytes, 0, length, 77, message), null);
    const out = new RouterSolicitation();
    assertEquals([message.type, parseRouterSolicitation(bytes, message, out)], [133, null]);
    assertEquals(out.macOffset, mac === null ? -1 : 10);
  }
});
