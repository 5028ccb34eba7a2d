/**
 * Prefixes that routers tell of: who is on the link, and addresses that are made of them (RFC 4861 §6.3.4, RFC 4862 §5.5.3).
 */
import { assert, assertEquals } from "@std/assert";
import { ip6, SECOND_US } from "./discovery_frames.ts";
import { DiscoveryLab as Lab } from "./discovery_lab.ts";

const FOR_EVER = 0xffffffff;

// -- Prefixes

Deno.test("on-link prefix: for its lifetime, ended by zero, for ever by all one bits (RFC 4861 §6.3.4, §4.6.2)", () => {
  const lab = new Lab();
  const prefix = "2001:db8:0:1::77";
  lab.gives({ prefixes: [{ prefix, valid: 0 }] });
  lab.hears();
  lab.gives({ prefixes: [{ prefix, valid: 60, preferred: 0 }] });
  lab.hears("prefix 2001:db8:0:1::/64 60 s");
  lab.pass(30 * SECOND_US);
  // L = 0 says nothing, least of all that it is not on the link.
  lab.gives({ prefixes: [{ prefix, valid: 0, flags: 0x40 }] });
  lab.hears();
  lab.pass(30 * SECOND_US - 1);
  lab.hears();
  lab.pass(1);
  lab.hears("prefix 2001:db8:0:1::/64 gone");
  lab.gives({ prefixes: [{ prefix, valid: FOR_EVER, length: 61 }, { prefix, valid: FOR_EVER - 1 }] });
  lab.hears("prefix 2001:db8::/61 for ever", "prefix 2001:db8:0:1::/64 4294967294 s");
  lab.pass(4_294_967_294 * SECOND_US);
  lab.hears("prefix 2001:db8:0:1::/64 gone");
  assert(lab.discovery.isAtRest);
  lab.gives({ prefixes: [{ prefix, valid: 0, length: 61 }] });
  lab.hears("prefix 2001:db8::/61 gone");
});

Deno.test("on-link prefix: neither the link-local one nor a group's (RFC 4861 §6.3.4)", () => {
  const lab = new Lab({ autoconfigure: true });
  lab.gives({
    prefixes: ["fe80::", "febf::", "ff02::"].map((prefix) => ({ prefix, valid: 60 })),
  });
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-in": 1, "ra-bad-prefix": 3 });
});

Deno.test("on-link prefixes: sixteen of a router, thirty-two in all, and the oldest stay", () => {
  const lab = new Lab();
  const some = (from: number, count: number) =>
    Array.from(
      { length: count },
      (_, i) => ({ prefix: `fd00:0:0:${(from + i).toString(16)}::`, valid: 600 }),
    );
  lab.gives({ prefixes: some(1, 10) });
  lab.gives({ prefixes: some(11, 10) });
  assertEquals(lab.counts.take(), { "ra-in": 2, "ra-prefixes-refused": 4 });
  for (let router = 2; router < 12; router++) {
    lab.gives({ prefixes: some(router * 100, 16) }, `fe80::${router}`);
  }
  assertEquals(lab.counts.take(), { "ra-in": 10, "ra-prefixes-refused": 9 * 16 });
  lab.forget();
  lab.gives({ prefixes: some(16, 1) });
  lab.hears("prefix fd00:0:0:10::/64 600 s");
  lab.pass(600 * SECOND_US);
  lab.forget();
  lab.gives({ prefixes: some(5000, 1) }, "fe80::99");
  lab.hears("prefix fd00:0:0:1388::/64 600 s");
});

// -- Addresses

const MADE = "2001:db8::ff:fe00:1/64";

Deno.test("autoconfiguration: only where it is asked for; from the prefix and our hardware address (RFC 4862 §5.5.3)", () => {
  const off = new Lab();
  off.gives({ prefixes: [{ prefix: "2001:db8::", valid: 600 }] });
  off.hears("prefix 2001:db8::/64 600 s");
  const lab = new Lab({ autoconfigure: true });
  lab.gives({ prefixes: [{ prefix: "2001:db8::", valid: 600, preferred: 300, flags: 0x40 }] });
  lab.hears(`new address ${MADE} preferred 300 s valid 600 s`);
  lab.gives({ prefixes: [{ prefix: "2001:db8::", valid: FOR_EVER, flags: 0x40 }] });
  lab.hears(`address ${MADE} preferred for ever valid for ever`);
  // Not autonomous; of another length; preferred for longer than valid; one that a person has given.
  lab.ours.add("fd00:3::ff:fe00:1");
  lab.counts.take();
  lab.gives({
    prefixes: [
      { prefix: "fd00:1::", valid: 600, flags: 0x00 },
      { prefix: "fd00:2::", valid: 600, flags: 0x40, length: 63 },
      { prefix: "fd00:2::", valid: 600, flags: 0x40, length: 65 },
      { prefix: "fd00:2::", valid: 600, flags: 0x40, preferred: 601 },
      { prefix: "fd00:3::", valid: 600, flags: 0x40 },
      { prefix: "fd00:4::", valid: 0, flags: 0x40 },
    ],
  });
  lab.hears();
  assertEquals(lab.counts.take(), { "ra-in": 1, "ra-bad-prefix": 3 });
});

Deno.test("autoconfiguration: nobody ends an address sooner than in two hours (RFC 4862 §5.5.3 (e))", () => {
  const lab = new Lab({ autoconfigure: true });
  const says = (valid: number, preferred = 0) =>
    lab.gives({ prefixes: [{ prefix: "2001:db8::", valid, preferred, flags: 0x40 }] });
  const valid = (seconds: number, preferred = 0) => {
    lab.hears(`address ${MADE} preferred ${preferred} s valid ${seconds} s`);
    lab.pass(SECOND_US);
  };
  says(86_400, 3600);
  lab.hears(`new address ${MADE} preferred 3600 s valid 86400 s`);
  // More than two hours, or than what is left: as it says. Otherwise two hours.
  says(7201);
  valid(7201);
  says(86_400, 100);
  valid(86_400, 100);
  says(7200);
  valid(7200);
  // 7,199 s are left: what is less does not count for its validity.
  says(7000);
  valid(7199);
  says(0);
  valid(7198);
  says(7198);
  valid(7198);
  // What is preferred is believed in any case, but not beyond the end.
  says(7198, 7198);
  valid(7198, 7198);
  says(FOR_EVER, FOR_EVER);
  lab.hears(`address ${MADE} preferred for ever valid for ever`);
  says(1);
  lab.hears(`address ${MADE} preferred 0 s valid 7200 s`);
  lab.pass(7200 * SECOND_US);
  assert(lab.discovery.isAtRest);
  lab.hears();
  says(60, 60);
  lab.hears(`new address ${MADE} preferred 60 s valid 60 s`);
});

Deno.test("autoconfiguration: an address that somebody else has is not made again while its time runs (RFC 4862 §5.4.5)", () => {
  const lab = new Lab({ autoconfigure: true });
  const says = () => lab.gives({ prefixes: [{ prefix: "2001:db8::", valid: 60, flags: 0x40 }] });
  says();
  lab.hears(`new address ${MADE} preferred 60 s valid 60 s`);
  lab.discovery.addressLost(ip6("2001:db8::ff:fe00:1"));
  lab.discovery.addressLost(ip6("2001:db8::1"));
  lab.pass(SECOND_US);
  says();
  lab.hears();
  lab.pass(60 * SECOND_US);
  says();
  lab.hears(`new address ${MADE} preferred 60 s valid 60 s`);
});

Deno.test("autoconfiguration: eight addresses by one router, sixteen in all", () => {
  const lab = new Lab({ autoconfigure: true });
  const refused = [1, 1, 9, 9];
  for (let router = 1; router <= 4; router++) {
    const prefixes = Array.from({ length: 9 }, (_, i) => (
      { prefix: `fd00:${router}:0:${i}::`, valid: 600, flags: 0x40 }
    ));
    lab.gives({ prefixes: prefixes.slice(0, 5) }, `fe80::${router}`);
    lab.gives({ prefixes: prefixes.slice(5) }, `fe80::${router}`);
    assertEquals(lab.counts.take(), { "ra-in": 2, "ra-addresses-refused": refused[router - 1] });
  }
});
