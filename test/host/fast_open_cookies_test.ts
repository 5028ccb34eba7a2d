/**
 * Cookies of Fast Open as a server makes and judges them: RFC 7413 §4.1.2.
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FastOpenCookies, fastOpenKeyOf, MOST_FAST_OPEN_KEYS } from "../../src/host/fast_open_cookies.ts";
import { bytesOfHex, hexOf } from "../../src/wire/hex.ts";
import { parseIpAddress } from "../../src/wire/address.ts";

const PEER = { fastOpenCookieInput: "peer", fastOpenCookieBytes: 8 } as const;
const BOTH = { fastOpenCookieInput: "both-ends", fastOpenCookieBytes: 8 } as const;

function address(text: string): Uint8Array {
  return parseIpAddress(text) ?? new Uint8Array(0);
}

function ends(local: string, peer: string): { localAddress: Uint8Array; peerAddress: Uint8Array } {
  return { localAddress: address(local), peerAddress: address(peer) };
}

const KEY = bytesOfHex("f763bfa0813d80ed301d64cd904abcce") ?? new Uint8Array(0);
const OTHER_KEY = KEY.map((byte) => byte ^ 0x55);

Deno.test("the cookies that Linux makes with this key (net.ipv4.tcp_fastopen_key = a0bf63f7-ed803d81-cd641d30-cebc4a90)", () => {
  const cookies = new FastOpenCookies([KEY], BOTH);
  const table = [
    ["192.168.0.2", "10.248.0.2", "00abaaabe8e954c2"],
    ["192.168.0.2", "10.248.0.3", "1313a2da994a0951"],
    ["192.168.0.3", "10.248.0.3", "76d2c1c530f51f79"],
  ];
  for (const [local, peer, cookie] of table) assertEquals(hexOf(cookies.make(ends(local, peer))), cookie);
});

Deno.test("a cookie is its client's alone: of the client's address, or of both", () => {
  const here = ends("10.0.0.1", "10.0.0.2");
  const elsewhere = ends("10.0.0.9", "10.0.0.2");
  const other = ends("10.0.0.1", "10.0.0.3");
  const byPeer = new FastOpenCookies([KEY], PEER);
  assertEquals(byPeer.check(elsewhere, byPeer.make(here)), "current");
  assertEquals(byPeer.check(other, byPeer.make(here)), "bad");
  const byBoth = new FastOpenCookies([KEY], BOTH);
  assertEquals(byBoth.check(elsewhere, byBoth.make(here)), "bad");
  const six = ends("fd00::1", "fd00::2");
  assertEquals(byPeer.check(six, byPeer.make(six)), "current");
  assertEquals(byPeer.check(ends("fd00::1", "fd00::3"), byPeer.make(six)), "bad");
});

Deno.test("rotation: the first key makes, all are accepted, and who comes with an old one is known (RFC 7413 §4.1.2)", () => {
  const client = ends("10.0.0.1", "10.0.0.2");
  const before = new FastOpenCookies([OTHER_KEY], PEER);
  const after = new FastOpenCookies([KEY, OTHER_KEY], PEER);
  assertEquals(after.check(client, before.make(client)), "old");
  assertEquals(after.check(client, after.make(client)), "current");
  assertEquals(before.check(client, after.make(client)), "bad");
  assertNotEquals(before.make(client), after.make(client));
});

Deno.test("property: cookies of each length are good, and with any bit of them turned they are not", () => {
  const length = fc.constantFrom(4, 6, 8, 10, 12, 14, 16);
  fc.assert(
    fc.property(length, fc.nat(127), fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes, bit, key) => {
      const cookies = new FastOpenCookies([key], { ...PEER, fastOpenCookieBytes: bytes });
      const client = ends("10.0.0.1", "10.0.0.2");
      const cookie = cookies.make(client);
      assertEquals(cookie.length, bytes);
      assertEquals(cookies.check(client, cookie), "current");
      cookie[(bit >> 3) % bytes] ^= 1 << (bit & 7);
      assertEquals(cookies.check(client, cookie), "bad");
    }),
  );
});

Deno.test("beyond eight octets no half repeats the other", () => {
  const cookie = new FastOpenCookies([KEY], { ...PEER, fastOpenCookieBytes: 16 }).make(
    ends("10.0.0.1", "10.0.0.2"),
  );
  assertNotEquals(cookie.slice(0, 8), cookie.slice(8));
});

Deno.test("keys and lengths that cannot be are refused", () => {
  assertThrows(() => new FastOpenCookies([], PEER), RangeError, "1 to 8 keys");
  const many = Array.from({ length: MOST_FAST_OPEN_KEYS + 1 }, () => KEY);
  assertThrows(() => new FastOpenCookies(many, PEER), RangeError, "1 to 8 keys");
  assertThrows(() => new FastOpenCookies([new Uint8Array(8)], PEER), RangeError, "16 octets");
  for (const fastOpenCookieBytes of [0, 2, 5, 18, 8.5]) {
    assertThrows(() => new FastOpenCookies([KEY], { ...PEER, fastOpenCookieBytes }), RangeError, "4 to 16");
  }
});

Deno.test("the key of a host hangs on all of its secret", () => {
  const secret = Uint8Array.from({ length: 16 }, (_, i) => i);
  const key = fastOpenKeyOf(secret);
  assertEquals(key.length, 16);
  assert(key.some((byte, at) => byte !== secret[at]));
  for (let at = 0; at < 16; at++) {
    assertNotEquals(fastOpenKeyOf(secret.map((byte, place) => place === at ? byte ^ 1 : byte)), key);
  }
});
