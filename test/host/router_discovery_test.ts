/**
 * What routers say: asked for, taken within bounds, and ended in time (RFC 4861 §6.3, RFC 4191).
 */
import { assert, assertEquals } from "@std/assert";
import { advertisement, give, ip6, OUR_LINK_LOCAL, SECOND_US } from "./discovery_frames.ts";
import { DiscoveryLab as Lab, ROUTER } from "./discovery_lab.ts";

const OTHER_ROUTER = "fe80::2";
const ROUTER_MAC = [2, 0, 0, 0, 0, 0xfe];
const HOUR_US = 3600 * SECOND_US;
const SOLICITATION = `${OUR_LINK_LOCAL} > ff02::2 hops 255: 8500 0000 0000 0000 0101 0200 0000 0001`;

// -- Solicitations

Deno.test("router solicitation: three, the first within a second, four seconds apart (RFC 4861 §6.3.7)", () => {
  const lab = new Lab();
  assert(lab.discovery.isAtRest);
  lab.discovery.start();
  assert(!lab.discovery.isAtRest);
  lab.pass(SECOND_US / 2 - 1);
  assertEquals(lab.sent.take(), []);
  lab.pass(1);
  assertEquals(lab.sent.take(), [SOLICITATION]);
  for (let i = 0; i < 2; i++) {
    lab.pass(4 * SECOND_US - 1);
    assertEquals(lab.sent.take(), []);
    lab.pass(1);
    assertEquals(lab.sent.take(), [SOLICITATION]);
  }
  assert(lab.discovery.isAtRest);
  lab.pass(HOUR_US);
  assertEquals(lab.sent.take(), []);
  assertEquals(lab.counts.take(), { "router-solicitations-out": 3 });
});

Deno.test("router solicitation: without an address of ours from nobody, and then without a hardware address (RFC 4861 §4.1)", () => {
  const lab = new Lab();
  lab.linkLocal = null;
  lab.discovery.start();
  lab.pass(SECOND_US);
  assertEquals(lab.sent.take(), [":: > ff02::2 hops 255: 8500 0000 0000 0000"]);
  lab.linkLocal = OUR_LINK_LOCAL;
  lab.pass(4 * SECOND_US);
  assertEquals(lab.sent.take(), [SOLICITATION]);
});

Deno.test("router solicitation: no more once a default router has answered, but one at least (RFC 4861 §6.3.7)", () => {
  const early = new Lab();
  early.discovery.start();
  early.gives({ lifetime: 1800 });
  early.gives({ lifetime: 1800 });
  early.forget();
  early.pass(SECOND_US);
  assertEquals(early.sent.take(), [SOLICITATION]);
  early.pass(60 * SECOND_US);
  assertEquals(early.sent.take(), []);

  const answered = new Lab();
  answered.discovery.start();
  answered.pass(SECOND_US);
  assertEquals(answered.sent.take(), [SOLICITATION]);
  // One that is no default router leaves the question open.
  answered.gives({ lifetime: 0 });
  answered.pass(4 * SECOND_US);
  assertEquals(answered.sent.take(), [SOLICITATION]);
  answered.gives({ lifetime: 1800 });
  answered.forget();
  answered.pass(60 * SECOND_US);
  assertEquals(answered.sent.take(), []);
  // The link has come back.
  answered.discovery.start();
  answered.pass(SECOND_US);
  assertEquals(answered.sent.take(), [SOLICITATION]);
});

Deno.test("no advertisements: nobody is asked, and nothing is taken", () => {
  const lab = new Lab({ acceptRa: false });
  lab.discovery.start();
  assert(lab.discovery.isAtRest);
  lab.gives({ lifetime: 1800, mtu: 1400, hopLimit: 99, prefixes: [{ prefix: "fd00::", valid: 99 }] });
  lab.hears();
  lab.tells();
  lab.pass(60 * SECOND_US);
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-ignored": 1 });
});

// -- Default routers

Deno.test("default router: for its lifetime, renewed, and taken off by a lifetime of zero (RFC 4861 §6.3.4, §6.3.5)", () => {
  const lab = new Lab();
  lab.gives({ lifetime: 30, mac: ROUTER_MAC });
  lab.hears("router fe80::1 30 s 0 02:00:00:00:00:fe");
  assertEquals(lab.macs(), ["02:00:00:00:00:fe"]);
  lab.pass(20 * SECOND_US);
  lab.gives({ lifetime: 30 });
  lab.hears("router fe80::1 30 s 0 null");
  lab.pass(30 * SECOND_US - 1);
  lab.hears();
  lab.pass(1);
  lab.hears("router fe80::1 gone");
  assert(lab.discovery.isAtRest);
  lab.gives({ lifetime: 0xffff });
  lab.hears("router fe80::1 65535 s 0 null");
  lab.gives({ lifetime: 0 });
  lab.hears("router fe80::1 gone");
  lab.gives({ lifetime: 0 });
  lab.hears();
});

Deno.test("default router: none any more once it says that it is a host (RFC 4861 §7.2.5)", () => {
  const lab = new Lab();
  lab.gives({ lifetime: 30 });
  lab.hears("router fe80::1 30 s 0 null");
  lab.discovery.isHostNow(ip6(OTHER_ROUTER));
  lab.hears();
  lab.pass(10 * SECOND_US);
  lab.tells(
    "router-found: fe80::1 is a default router by its own advertisement: for 30 s, preference medium",
  );
  lab.discovery.isHostNow(ip6(ROUTER));
  lab.hears("router fe80::1 gone");
  lab.tells("router-gone: fe80::1 is no default router any more: it says that it is a host");
  assert(lab.discovery.isAtRest);
});

Deno.test("default router: preferences, of which the reserved one is medium (RFC 4191 §2.2); no group's hardware address", () => {
  const lab = new Lab();
  const preferences = [[0x08, 1], [0x00, 0], [0x18, -1], [0x10, 0]];
  for (const [flags, preference] of preferences) {
    lab.gives({ lifetime: 30, flags: flags | 0xc0, mac: [1, 0, 0, 0, 0, 0xfe] });
    lab.hears(`router fe80::1 30 s ${preference} null`);
  }
});

Deno.test("default router: eight at most; who comes later is refused, and in other things too", () => {
  const lab = new Lab();
  for (let i = 1; i <= 8; i++) lab.gives({ lifetime: 1800 }, `fe80::${i}`);
  lab.forget();
  lab.pass(60 * SECOND_US);
  lab.forget();
  lab.gives(
    { lifetime: 1800, flags: 0x08, mtu: 1300, prefixes: [{ prefix: "fd00::", valid: 60 }] },
    "fe80::9",
  );
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-in": 1, "ra-routers-refused": 1 });
  // Those on the list go on.
  lab.gives({ lifetime: 1800 }, "fe80::8");
  lab.hears("router fe80::8 1800 s 0 null");
  lab.gives({ lifetime: 0 }, "fe80::8");
  lab.hears("router fe80::8 gone");
  lab.gives({ lifetime: 1800 }, "fe80::9");
  lab.hears("router fe80::9 1800 s 0 null");
});

Deno.test("default router: one that does not answer, the least preferred, gives its place", () => {
  const lab = new Lab();
  for (let i = 1; i <= 8; i++) lab.gives({ lifetime: 1800, flags: i === 5 ? 0x18 : 0 }, `fe80::${i}`);
  lab.pass(SECOND_US);
  lab.forget();
  lab.reachability.set("fe80::2", "reachable").set("fe80::3", "unreachable").set("fe80::5", "unreachable");
  lab.gives({ lifetime: 1800 }, "fe80::a");
  lab.hears("router fe80::5 gone", "router fe80::a 1800 s 0 null");
  lab.gives({ lifetime: 1800 }, "fe80::b");
  lab.hears("router fe80::3 gone", "router fe80::b 1800 s 0 null");
  lab.gives({ lifetime: 1800 }, "fe80::c");
  lab.hears();
});

Deno.test("default router: one that has not answered of late counts as silent until it is reachable", () => {
  const lab = new Lab();
  for (let i = 1; i <= 8; i++) lab.gives({ lifetime: 1800 }, `fe80::${i}`);
  lab.pass(SECOND_US);
  lab.forget();
  // The cache has forgotten them since; one has come back.
  for (const router of ["fe80::2", "fe80::3", "fe80::77"]) lab.discovery.doesNotAnswer(ip6(router));
  lab.hears();
  lab.reachability.set("fe80::2", "reachable");
  lab.gives({ lifetime: 1800 }, "fe80::a");
  lab.hears("router fe80::3 gone", "router fe80::a 1800 s 0 null");
  lab.reachability.clear();
  lab.gives({ lifetime: 1800 }, "fe80::b");
  lab.hears();
});

Deno.test("flood: thousands of strangers move no router, and a bounded number is read in a second", () => {
  const lab = new Lab();
  lab.gives({ lifetime: 1800 });
  lab.hears("router fe80::1 1800 s 0 null");
  lab.forget();
  for (let i = 0; i < 10_000; i++) {
    lab.clock.nowUs += 100;
    lab.discovery.tick();
    lab.gives({ lifetime: 1800 }, `fe80::1:${(i + 1).toString(16)}`);
    // The router itself is heard in between.
    if (i % 1000 === 999) lab.gives({ lifetime: 1800 });
  }
  const { "ra-in": read, "ra-limited": limited, ...others } = lab.counts.take();
  // A burst of twenty, of which the router was the first, and ten a second; and the router itself.
  assertEquals([read, limited], [19 + 10 + 10, 9971]);
  assertEquals(others, { "ra-routers-refused": 29 - 7 });
  const known = new Lab();
  for (let i = 0; i < 1000; i++) known.gives({ lifetime: 1800 });
  // One as a stranger, then its own.
  assertEquals(known.counts.take(), { "ra-in": 11, "ra-limited": 989 });
});

Deno.test("notices: the first at once, what follows within ten seconds as one", () => {
  const lab = new Lab();
  const found =
    "router-found: fe80::1 (02:00:00:00:00:fe) is a default router by its own advertisement: for 1800 s, preference high";
  lab.gives({ lifetime: 1800, flags: 0x08, mac: ROUTER_MAC });
  lab.tells(found);
  // Renewal is no news.
  lab.gives({ lifetime: 1800 });
  lab.tells();
  lab.pass(10 * SECOND_US);
  lab.gives({ lifetime: 0 });
  lab.tells("router-gone: fe80::1 is no default router any more: it says so");
  lab.gives({ lifetime: 1800 });
  lab.gives({ lifetime: 0 });
  lab.gives({ lifetime: 1800 });
  lab.gives({ lifetime: 1800 }, OTHER_ROUTER);
  lab.tells();
  lab.pass(10 * SECOND_US - 1);
  lab.tells();
  lab.pass(1);
  lab.tells(
    "routers-changed: The default routers have changed 4 times more; now there are: fe80::1, fe80::2",
  );
  lab.pass(10 * SECOND_US);
  lab.tells();
  lab.pass(1800 * SECOND_US);
  lab.tells(
    "router-gone: fe80::1 is no default router any more: its lifetime is over",
    "routers-changed: The default routers have changed once more; now there is none",
  );
  assert(lab.discovery.isAtRest);
  // A tick that is late changes neither the order nor the number.
  lab.pass(60 * SECOND_US);
  for (const lifetime of [60, 0, 60]) lab.gives({ lifetime });
  lab.clock.nowUs += 20 * SECOND_US;
  lab.gives({ lifetime: 0 });
  lab.tells(
    "router-found: fe80::1 is a default router by its own advertisement: for 60 s, preference medium",
    "routers-changed: The default routers have changed 2 times more; now there is none",
    "router-gone: fe80::1 is no default router any more: it says so",
  );
});

// -- The link's parameters

Deno.test("MTU: from 1280 up to the device's, told when it changes; others are counted (RFC 4861 §6.3.4)", () => {
  const lab = new Lab();
  for (const mtu of [0, 1279, 1501, 0xffffffff]) lab.gives({ mtu });
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-in": 4, "ra-bad-mtu": 3 });
  lab.gives({ mtu: 1280 });
  lab.gives({ mtu: 1280 });
  lab.hears("mtu 1280");
  lab.gives({});
  lab.gives({ mtu: 1500 });
  lab.hears("mtu 1500");
});

Deno.test("hop limit and times: taken where they say something, told when they change, within bounds", () => {
  const lab = new Lab();
  lab.gives({ hopLimit: 255, reachable: 30_000, retrans: 1_000 });
  // Drawn half-way between the half and one and a half (RFC 4861 §6.3.4).
  lab.hears("hops 255", "reachable 30000000", "retrans 1000000");
  lab.gives({ hopLimit: 255, reachable: 30_000, retrans: 1_000 });
  lab.gives({});
  lab.hears();
  lab.chance = 0;
  lab.gives({ hopLimit: 32, reachable: 3_600_000, retrans: 100 });
  lab.hears("hops 32", "reachable 1800000000", "retrans 100000");
  lab.chance = 0.99999;
  lab.gives({ reachable: 1000 });
  lab.hears("reachable 1499984");
  lab.counts.take();
  lab.gives({ hopLimit: 1, reachable: 999, retrans: 99 });
  lab.gives({ hopLimit: 31, reachable: 0xffffffff, retrans: 60_001 });
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-in": 2, "ra-bad-parameter": 6 });
  const chosen = new Lab({ takesHopLimit: false });
  chosen.gives({ hopLimit: 100 });
  chosen.hears();
});

Deno.test("malformed: cut at every length, an advertisement is taken or dropped, and never throws", () => {
  const whole = advertisement({
    lifetime: 60,
    mac: ROUTER_MAC,
    mtu: 1400,
    prefixes: [{ prefix: "fd00::", valid: 60 }],
  });
  const lab = new Lab();
  const takes = lab.discovery.arrives.bind(lab.discovery);
  for (let length = 8; length < whole.length; length++) {
    const isAtOption = [16, 24, 32].includes(length);
    const reason = give(takes, whole.subarray(0, length), { from: ROUTER });
    assertEquals(reason, isAtOption ? null : "malformed-icmp", `${length}`);
  }
  // From off the link, from a global address, in code 1.
  assertEquals(give(takes, whole, { from: ROUTER, hopLimit: 254 }), "bad-neighbor-message");
  assertEquals(give(takes, whole, { from: "fd00::1" }), "bad-neighbor-message");
  whole[1] = 1;
  assertEquals(give(takes, whole, { from: ROUTER }), "malformed-icmp");
});
