/**
 * Own addresses of both families: which are ours in each state, whose an address can be (RFC 1122 §3.2.1.3, RFC 4291 §2.5,
 * RFC 4942 §2.2), and how they come and go (RFC 4862 §5.5.4).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AddressState, OwnAddresses } from "../../src/host/own_addresses.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { at, network } from "./any_address.ts";

const MAC = Uint8Array.of(0x02, 0, 0x5e, 0x10, 0, 0x01);

function host(...networks: readonly string[]): OwnAddresses {
  return new OwnAddresses(networks.map(network));
}

function isOurs(addresses: OwnAddresses, text: string): boolean {
  return addresses.isOurs(at(text), 0, at(text).length);
}

function names(addresses: OwnAddresses): string[] {
  return addresses.all.map(({ address }) => formatIpAddress(address));
}

/** Each family, with two addresses of a host and others of their networks. */
const FAMILIES = [
  { family: "IPv4", ours: ["10.0.0.1/24", "192.168.7.1/30"], other: "10.0.0.9", third: "10.0.0.2" },
  { family: "IPv6", ours: ["2001:db8::1/64", "fd00::1/48"], other: "2001:db8::9", third: "2001:db8::2" },
];

for (const { family, ours, other, third } of FAMILIES) {
  const [first, second] = ours.map((text) => text.split("/")[0]);

  Deno.test(`${family}: each of several addresses is ours wherever it stands, one that differs in a bit is not`, () => {
    const addresses = host("172.16.0.1/16", ...ours, "fe80::1/64");
    for (const text of [first, second, first, first, second]) {
      const address = at(text);
      const bytes = new Uint8Array(40).fill(0xee);
      bytes.set(address, 7);
      assert(addresses.isOurs(bytes, 7, address.length));
      assertEquals(addresses.isOurs(bytes, 6, address.length), false);
      for (let bit = 0; bit < address.length * 8; bit++) {
        const changed = address.slice();
        changed[bit >> 3] ^= 0x80 >> (bit & 7);
        assertEquals(addresses.isOurs(changed, 0, changed.length), false, `bit ${bit}`);
      }
    }
    assertEquals(addresses.isOurs(at(first).subarray(1), 0, at(first).length), false, "cut off");
  });

  Deno.test(`${family}: in use are those that are preferred or deprecated, not those tentative or lost`, () => {
    const addresses = host(...ours);
    const table: [AddressState, boolean][] = [
      ["tentative", false],
      ["preferred", true],
      ["deprecated", true],
      ["lost", false],
    ];
    for (const [state, isInUse] of table) {
      assert(addresses.change(at(first), state));
      assertEquals(addresses.find(at(first))?.state, state);
      assertEquals(isOurs(addresses, first), isInUse, state);
      assertEquals(addresses.isHostAddress(at(first)), !isInUse, state);
      assert(isOurs(addresses, second));
      if (isInUse) addresses.demandOurs(at(first));
      else {assertThrows(
          () => addresses.demandOurs(at(first)),
          Error,
          `${first} is not an address of this host`,
        );}
    }
    assertEquals(addresses.change(at(other), "lost"), false);
    assertEquals(names(addresses), [first, second]);
  });

  Deno.test(`${family}: added, and taken out again; what was given is copied`, () => {
    const addresses = host(...ours);
    const address = at(third);
    assertEquals(isOurs(addresses, third), false);
    assert(addresses.add(address, 24));
    address.fill(1);
    assert(isOurs(addresses, third));
    assertEquals(names(addresses), [first, second, third]);
    assert(addresses.add(at(third), 24), "once more is the same");
    assertEquals(addresses.all.length, 3);
    assert(addresses.remove(at(first)));
    assertEquals(addresses.remove(at(first)), false);
    assertEquals([isOurs(addresses, first), isOurs(addresses, third)], [false, true]);
    assertEquals(names(addresses), [second, third]);
  });

  Deno.test(`${family}: lifetimes deprecate an address, and take it out (RFC 4862 §5.5.4)`, () => {
    const addresses = host(...ours);
    assertEquals([addresses.isAtRest, addresses.nextDeadlineUs], [true, Infinity]);
    const lifetimes = { isAutomatic: true, preferredUntilUs: 1000, validUntilUs: 5000 };
    assert(addresses.add(at(third), 24, lifetimes));
    assertEquals([addresses.isAtRest, addresses.nextDeadlineUs], [false, 1000]);
    assertEquals(addresses.expire(999), []);
    assertEquals(addresses.find(at(third))?.state, "preferred");
    assertEquals(addresses.expire(1000), []);
    assertEquals([addresses.find(at(third))?.state, addresses.nextDeadlineUs], ["deprecated", 5000]);
    // Another advertisement makes it young again.
    assert(addresses.add(at(third), 24, { ...lifetimes, preferredUntilUs: 3000, validUntilUs: 7000 }));
    assertEquals([addresses.find(at(third))?.state, addresses.nextDeadlineUs], ["preferred", 3000]);
    addresses.expire(6999);
    assert(isOurs(addresses, third));
    assertEquals(addresses.expire(7000), [at(third)]);
    assertEquals([isOurs(addresses, third), addresses.isAtRest], [false, true]);
    assertEquals(names(addresses), [first, second]);
  });

  Deno.test(`${family}: no advertisement touches an address that was given to us, or one that is lost`, () => {
    const addresses = host(...ours);
    assert(addresses.add(at(first), 24, { isAutomatic: true, preferredUntilUs: 1, validUntilUs: 2 }));
    addresses.expire(10);
    assertEquals([addresses.find(at(first))?.state, addresses.isAtRest], ["preferred", true]);
    assert(addresses.add(at(third), 24, { isAutomatic: true, preferredUntilUs: 20, validUntilUs: 30 }));
    addresses.change(at(third), "lost");
    assert(addresses.add(at(third), 24, { isAutomatic: true, preferredUntilUs: 40, validUntilUs: 50 }));
    assertEquals(isOurs(addresses, third), false);
  });
}

Deno.test("one that is tentative stays so, however often it is advertised, until it is found to be free", () => {
  const addresses = host();
  const about = { isAutomatic: true, state: "tentative", preferredUntilUs: 5, validUntilUs: 50 } as const;
  addresses.add(at("2001:db8::1"), 64, about);
  addresses.add(at("2001:db8::1"), 64, about);
  assertEquals(addresses.find(at("2001:db8::1"))?.state, "tentative");
  addresses.expire(6);
  assertEquals(addresses.find(at("2001:db8::1"))?.state, "tentative");
  addresses.change(at("2001:db8::1"), "preferred");
  // Its preferred lifetime was over before.
  addresses.expire(6);
  assertEquals(addresses.find(at("2001:db8::1"))?.state, "deprecated");
});

Deno.test("sixteen automatic addresses, not one more, whatever is advertised; those given to us do not count", () => {
  const addresses = host("10.0.0.1/24", "2001:db8::1/64");
  for (let i = 0; i < 10_000; i++) {
    const address = Uint8Array.of(0x20, 1, 0xd, 0xb8, i >>> 8, i & 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    assertEquals(addresses.add(address, 64, { isAutomatic: true, validUntilUs: 100 }), i <= 16, `${i}`);
  }
  assertEquals(addresses.all.length, 18);
  assert(addresses.add(at("10.0.0.2"), 24));
  addresses.expire(100);
  assertEquals(names(addresses), ["10.0.0.1", "2001:db8::1", "10.0.0.2"]);
  assert(
    addresses.add(at("2001:db8:1::1"), 64, { isAutomatic: true, validUntilUs: 200 }),
    "there is room again",
  );
});

Deno.test("what no host can have is not taken, in whatever way it comes", () => {
  const bad = [
    "224.0.0.1/24",
    "127.0.0.1/8",
    "0.0.0.0/24",
    "255.255.255.255/32",
    "10.0.0.1/33",
    "10.0.0.1/-1",
    "10.0.0.1/1.5",
    "::/64",
    "::1/128",
    "ff02::1/64",
    "::ffff:10.0.0.1/96",
    "2001:db8::1/129",
  ];
  const addresses = host();
  for (const text of bad) {
    const { address, prefixLength } = network(text);
    assertThrows(() => host(text), Error, "cannot be the address of a host. Give another one.");
    assertEquals(addresses.add(address, prefixLength), false, text);
  }
  assertEquals(addresses.add(new Uint8Array(5).fill(9), 8), false);
  assertThrows(() => host("fd00::1/64", "fd00::1/48"), Error, "fd00::1 is given twice. Give it once.");
  assertEquals(addresses.all.length, 0);
});

Deno.test("whose an address can be: one other host's, of either family (MUST-63)", () => {
  const addresses = host("10.0.0.1/24", "192.168.7.1/30", "10.9.0.1/31", "2001:db8::1/64", "fe80::1/64");
  const no = [
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "0.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "10.0.0.255",
    "192.168.7.3",
    "10.0.0.1",
    "ff02::1",
    "ff0e::1",
    "::",
    "::1",
    "::ffff:10.0.0.9",
    "::ffff:0.0.0.0",
    "2001:db8::1",
    "fe80::1",
  ];
  const yes = [
    "10.0.0.9",
    "10.0.1.255",
    "223.255.255.255",
    "240.0.0.1",
    "10.9.0.0",
    "169.254.1.1",
    "2001:db8::9",
    "2001:db8::",
    "2001:db8::ffff:ffff:ffff:ffff",
    "fe80::9",
    "fd00::1",
    "::fffe:10.0.0.9",
    "::1:0:0:1",
  ];
  for (const text of no) assertEquals(addresses.isHostAddress(at(text)), false, text);
  for (const text of yes) assertEquals(addresses.isHostAddress(at(text)), true, text);
});

Deno.test("the link-local address: that of the hardware address (RFC 2464 §5), unless there is one", () => {
  const addresses = host("169.254.1.1/16", "2001:db8::1/64");
  assertEquals(addresses.linkLocal(), null, "an IPv4 one is none");
  const made = addresses.addLinkLocal(MAC, { state: "tentative" });
  assertEquals(made, at("fe80::5eff:fe10:1"));
  assertEquals(addresses.linkLocal(), null, "not in use yet");
  assertEquals(addresses.addLinkLocal(MAC), made, "once is enough");
  assertEquals(addresses.all.length, 3);
  addresses.change(made, "preferred");
  assertEquals(addresses.linkLocal(), made);
  addresses.change(made, "lost");
  assertEquals(addresses.linkLocal(), null);

  const named = host("fe80::7/64");
  assertEquals(named.addLinkLocal(MAC), at("fe80::7"));
  assertEquals(named.linkLocal(), at("fe80::7"));
});
