/**
 * Groups that a host listens to: told when they are joined and left, and when somebody asks (RFC 3810, RFC 2710, RFC 3590).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MulticastGroups } from "../../src/host/multicast_groups.ts";
import type { DropReason } from "../../src/wire/drop_reason.ts";
import {
  Counts,
  give,
  type HandPacket,
  ip6,
  OUR_LINK_LOCAL,
  query,
  SECOND_US,
  SentPackets,
} from "./discovery_frames.ts";
import { hex } from "./hand_frames.ts";

const QUERIER = "fe80::1";
const NODE = "ff02::1:ff00:7";
const OTHER_NODE = "ff02::1:ff00:8";
// RFC 3810 §5.2.12.
const IS_INCLUDE = 1;
const IS_EXCLUDE = 2;
const TO_INCLUDE = 3;
const TO_EXCLUDE = 4;

type Query = Parameters<typeof query>[0];

class Lab {
  readonly clock = { nowUs: 5 * SECOND_US };
  readonly sent = new SentPackets();
  readonly counts = new Counts();
  linkLocal: string | null = OUR_LINK_LOCAL;
  /** What is drawn, as a part of what it is drawn from. */
  chance = 0.5;
  readonly groups: MulticastGroups;

  constructor() {
    this.groups = new MulticastGroups({
      clock: this.clock,
      sender: this.sent,
      linkLocal: () => this.linkLocal === null ? null : ip6(this.linkLocal),
      random: (bound) => Math.floor(bound * this.chance),
      count: this.counts.count,
    });
  }

  join(...groups: string[]): void {
    for (const group of groups) this.groups.join(ip6(group));
  }

  leave(...groups: string[]): void {
    for (const group of groups) this.groups.leave(ip6(group));
  }

  /** With these groups, of which all has been said. */
  static with(...groups: string[]): Lab {
    const lab = new Lab();
    lab.join(...groups);
    lab.pass(20 * SECOND_US);
    lab.sent.take();
    lab.counts.take();
    return lab;
  }

  asks(fields: Query, about: Partial<HandPacket> = {}): DropReason | null {
    const takes = this.groups.arrives.bind(this.groups);
    return give(takes, query(fields), { from: QUERIER, hopLimit: 1, routerAlert: true, ...about });
  }

  sends(...packets: string[]): void {
    assertEquals(this.sent.take(), packets);
  }

  /** Time passes, and the host looks at its deadlines when one comes. */
  pass(us: number): void {
    const endUs = this.clock.nowUs + us;
    while (this.groups.nextDeadlineUs <= endUs) {
      const dueUs = this.groups.nextDeadlineUs;
      this.clock.nowUs = Math.max(this.clock.nowUs, dueUs);
      this.groups.tick();
      assert(this.groups.nextDeadlineUs > dueUs, "a deadline that has come is over");
    }
    this.clock.nowUs = endUs;
    this.groups.tick();
  }
}

/** A report of version 2 (RFC 3810 §5.2) with records of these types, groups and sources. */
function report(
  records: readonly (readonly [number, string, ...string[]])[],
  source = OUR_LINK_LOCAL,
): string {
  const bytes = Uint8Array.from([
    ...[143, 0, 0, 0, 0, 0, records.length >>> 8, records.length & 0xff],
    ...records.flatMap(([type, group, ...sources]) => [
      ...[type, 0, 0, sources.length, ...ip6(group)],
      ...sources.flatMap((address) => [...ip6(address)]),
    ]),
  ]);
  return `${source} > ff02::16 hops 1 alert: ${hex(bytes)}`;
}

/** A report (131) or done (132) of version 1 (RFC 2710 §3). */
function old(type: number, group: string, to = group): string {
  const bytes = Uint8Array.from([type, 0, 0, 0, 0, 0, 0, 0, ...ip6(group)]);
  return `${OUR_LINK_LOCAL} > ${to} hops 1 alert: ${hex(bytes)}`;
}

const GENERAL = { code: 1000 };

// -- Who is heard

Deno.test("groups: joined by count; all nodes always; a frame is looked up by its hardware address (RFC 2464 §7)", () => {
  const lab = new Lab();
  // The address stands behind something, as it does in a frame.
  const isJoined = (group: string) => lab.groups.isJoined(Uint8Array.from([1, 2, 3, ...ip6(group)]), 3);
  const isJoinedMac = (bytes: number[]) => lab.groups.isJoinedMac(Uint8Array.from([9, ...bytes]), 1);
  assert(isJoined("ff02::1") && isJoinedMac([0x33, 0x33, 0, 0, 0, 1]));
  assert(!isJoined(NODE) && !isJoinedMac([0x33, 0x33, 0xff, 0, 0, 7]));
  lab.join(NODE, NODE);
  assert(isJoined(NODE) && isJoinedMac([0x33, 0x33, 0xff, 0, 0, 7]));
  assert(!isJoinedMac([0x33, 0x32, 0xff, 0, 0, 7]) && !isJoinedMac([0x01, 0x00, 0x5e, 0, 0, 1]));
  // Another group with the same hardware address.
  assert(!isJoined("ff05::1:ff00:7"));
  lab.join("ff05::1:ff00:7", "ff08::1:ff00:7");
  for (const group of [NODE, "ff05::1:ff00:7", "ff08::1:ff00:7"]) assert(isJoined(group), group);
  for (
    const [group, left] of [["ff05::1:ff00:7", true], ["ff08::1:ff00:7", true], [NODE, true], [
      NODE,
      false,
    ]] as const
  ) {
    lab.leave(group);
    assertEquals(isJoinedMac([0x33, 0x33, 0xff, 0, 0, 7]), left);
    assertEquals(isJoined(group), group === NODE && left);
  }
  lab.leave(NODE);
  assert(!isJoined(NODE) && isJoined("ff02::1"));
  for (const address of [ip6("fe80::1"), Uint8Array.of(224, 0, 0, 1)]) {
    assertThrows(() => lab.groups.join(address), Error, "Only IPv6 groups");
  }
});

// -- Changes

Deno.test("join: told at once and again within a second, to all routers of version 2 (RFC 3810 §6.1, §5.2.14)", () => {
  const lab = new Lab();
  assert(lab.groups.isAtRest, "of ff02::1 nothing is said");
  lab.join(NODE, OTHER_NODE);
  assertEquals(lab.groups.nextDeadlineUs, lab.clock.nowUs);
  const both = report([[TO_EXCLUDE, NODE], [TO_EXCLUDE, OTHER_NODE]]);
  lab.pass(0);
  lab.sends(both);
  // Once more is no change.
  lab.join(NODE);
  lab.pass(SECOND_US / 2 - 1);
  lab.sends();
  lab.pass(100);
  lab.sends(both);
  assert(lab.groups.isAtRest);
  lab.leave(NODE);
  assert(lab.groups.isAtRest);
  lab.pass(1000 * SECOND_US);
  lab.sends();
  assertEquals(lab.counts.take(), { "mld-reports-out": 2 });
});

Deno.test("join: what is drawn is above zero, and one second at most (RFC 3810 §6.1)", () => {
  for (const [chance, leastUs, mostUs] of [[0, 1, 100], [0.9999999, SECOND_US - 100, SECOND_US]]) {
    const lab = new Lab();
    lab.chance = chance;
    lab.join(NODE);
    lab.pass(0);
    lab.sends(report([[TO_EXCLUDE, NODE]]));
    const waitUs = lab.groups.nextDeadlineUs - lab.clock.nowUs;
    assert(waitUs >= leastUs && waitUs <= mostUs, `${waitUs}`);
  }
});

Deno.test("leave: told twice too; what was to be said before is dropped (RFC 3810 §6.1)", () => {
  const lab = new Lab();
  lab.join(NODE);
  lab.pass(0);
  lab.sends(report([[TO_EXCLUDE, NODE]]));
  lab.pass(SECOND_US / 10);
  lab.leave(NODE);
  lab.pass(0);
  lab.sends(report([[TO_INCLUDE, NODE]]));
  lab.pass(SECOND_US / 10);
  lab.join(NODE);
  lab.pass(SECOND_US);
  lab.sends(report([[TO_EXCLUDE, NODE]]), report([[TO_EXCLUDE, NODE]]));
  lab.leave(NODE, OTHER_NODE);
  lab.pass(SECOND_US);
  lab.sends(report([[TO_INCLUDE, NODE]]), report([[TO_INCLUDE, NODE]]));
  assert(lab.groups.isAtRest);
});

Deno.test("join: a later change leaves the second report of an earlier one where it was", () => {
  const lab = new Lab();
  lab.join(NODE);
  lab.pass(SECOND_US / 4);
  lab.join(OTHER_NODE);
  lab.pass(0);
  lab.sends(report([[TO_EXCLUDE, NODE]]), report([[TO_EXCLUDE, OTHER_NODE]]));
  lab.pass(SECOND_US / 4 + 100);
  lab.sends(report([[TO_EXCLUDE, NODE]]));
  lab.pass(SECOND_US / 4);
  lab.sends(report([[TO_EXCLUDE, OTHER_NODE]]));
});

Deno.test("never told: all nodes, and groups that do not leave the host (RFC 3810 §6)", () => {
  const lab = new Lab();
  lab.join("ff02::1", "ff01::2", "ff00::2");
  assert(lab.groups.isAtRest);
  assertEquals(lab.asks(GENERAL), null);
  assertEquals(lab.asks({ code: 1000, group: "ff02::1" }), null);
  assertEquals(lab.asks({ code: 1000, group: "ff01::2" }), null);
  lab.pass(100 * SECOND_US);
  lab.sends();
});

Deno.test("source: nobody while no link-local address is ours, and told again once one is (RFC 3590 §4)", () => {
  const lab = new Lab();
  lab.linkLocal = null;
  lab.join(NODE);
  lab.pass(SECOND_US);
  lab.sends(report([[TO_EXCLUDE, NODE]], "::"), report([[TO_EXCLUDE, NODE]], "::"));
  lab.linkLocal = OUR_LINK_LOCAL;
  lab.groups.linkLocalReady();
  lab.pass(SECOND_US);
  lab.sends(report([[TO_EXCLUDE, NODE]]), report([[TO_EXCLUDE, NODE]]));
  // Nothing was said from nobody since.
  lab.groups.linkLocalReady();
  assert(lab.groups.isAtRest);
});

Deno.test("reports: of a thousand groups none is longer than every link carries, and none is left out", () => {
  const lab = new Lab();
  const groups = Array.from({ length: 1000 }, (_, i) => `ff02::1:ff00:${(i + 16).toString(16)}`);
  lab.join(...groups);
  lab.pass(0);
  const packets = lab.sent.take();
  // 1280 less 40, 8 and 8 leaves room for 61 records of 20 bytes.
  const parts = Array.from({ length: 17 }, (_, i) => groups.slice(i * 61, (i + 1) * 61));
  assertEquals(packets, parts.map((part) => report(part.map((group) => [TO_EXCLUDE, group]))));
});

// -- Queries

Deno.test("general query: all groups at some time up to the delay, in one report (RFC 3810 §6.2)", () => {
  const lab = Lab.with(NODE, OTHER_NODE);
  assertEquals(lab.asks(GENERAL), null);
  lab.pass(SECOND_US / 2 - 1);
  lab.sends();
  lab.pass(100);
  lab.sends(report([[IS_EXCLUDE, NODE], [IS_EXCLUDE, OTHER_NODE]]));
  assert(lab.groups.isAtRest);
  assertEquals(lab.counts.take(), { "mld-queries-in": 1, "mld-reports-out": 1 });
});

Deno.test("general query: the earliest of several answers stands for all (RFC 3810 §6.2, rule 1)", () => {
  const lab = Lab.with(NODE);
  lab.asks({ code: 10_000 });
  lab.asks({ code: 1_000 });
  lab.asks({ code: 20_000 });
  lab.asks({ code: 10_000, group: NODE });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_EXCLUDE, NODE]]));
  assert(lab.groups.isAtRest);
  // A delay of zero is answered at once; the largest is more than two hours.
  lab.asks({ code: 0 });
  lab.pass(0);
  lab.sends(report([[IS_EXCLUDE, NODE]]));
  lab.asks({ code: 0xffff });
  assertEquals(
    lab.groups.nextDeadlineUs - lab.clock.nowUs,
    Math.ceil(8_387_584_000 * (0x8000 + 1) / 0x10000),
  );
});

Deno.test("query about a group: that one alone, the earlier of two answers; another's not at all (RFC 3810 §6.2, rules 3, 4)", () => {
  const lab = Lab.with(NODE, OTHER_NODE);
  lab.asks({ code: 1000, group: NODE }, { to: NODE });
  lab.asks({ code: 10_000, group: NODE }, { to: NODE });
  lab.asks({ code: 1000, group: "ff02::1:ff00:9" });
  // The same hardware address, another group.
  lab.asks({ code: 1000, group: "ff05::1:ff00:7" });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_EXCLUDE, NODE]]));
  assert(lab.groups.isAtRest);
  // One that is left by then is not spoken of; that it was left is.
  lab.asks({ code: 1000, group: OTHER_NODE });
  lab.leave(OTHER_NODE);
  lab.pass(2 * SECOND_US);
  lab.sends(report([[TO_INCLUDE, OTHER_NODE]]), report([[TO_INCLUDE, OTHER_NODE]]));
  assert(lab.groups.isAtRest);
});

Deno.test("query about sources: those are wanted, of two queries the sum; one about all is about all (RFC 3810 §6.2, rule 5)", () => {
  const lab = Lab.with(NODE);
  const sources = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
  lab.asks({ code: 1000, group: NODE, sources: sources.slice(0, 2) });
  lab.asks({ code: 1000, group: NODE, sources: sources.slice(1) });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_INCLUDE, NODE, ...sources]]));
  for (const second of [[], sources]) {
    lab.asks({ code: 1000, group: NODE, sources: second.length === 0 ? sources : [] });
    lab.asks({ code: 1000, group: NODE, sources: second });
    lab.pass(SECOND_US);
    lab.sends(report([[IS_EXCLUDE, NODE]]));
  }
  // Sixty-four are remembered; beyond that, all.
  const many = Array.from({ length: 65 }, (_, i) => `2001:db8::${(i + 1).toString(16)}`);
  lab.asks({ code: 1000, group: NODE, sources: many.slice(0, 64) });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_INCLUDE, NODE, ...many.slice(0, 64)]]));
  lab.asks({ code: 1000, group: NODE, sources: many.slice(0, 40) });
  lab.asks({ code: 1000, group: NODE, sources: many.slice(25) });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_EXCLUDE, NODE]]));
  lab.asks({ code: 1000, group: NODE, sources: many });
  lab.pass(SECOND_US);
  lab.sends(report([[IS_EXCLUDE, NODE]]));
  assert(lab.groups.isAtRest);
});

Deno.test("query: not from off the link, without the alert, from no router, or of no version's length (RFC 3810 §6.2, §8.1)", () => {
  const lab = Lab.with(NODE);
  assertEquals(lab.asks(GENERAL, { hopLimit: 2 }), "bad-neighbor-message");
  assertEquals(lab.asks(GENERAL, { hopLimit: 255 }), "bad-neighbor-message");
  assertEquals(lab.asks(GENERAL, { routerAlert: false }), "bad-neighbor-message");
  assertEquals(lab.asks(GENERAL, { from: "2001:db8::1" }), "bad-neighbor-message");
  assertEquals(lab.asks(GENERAL, { from: "::" }), "bad-neighbor-message");
  assertEquals(lab.asks({ code: 1000, group: "fe80::7" }), "bad-neighbor-message");
  assertEquals(lab.asks({ version: 1, code: 1000 }, { from: "::" }), "bad-neighbor-message");
  const takes = lab.groups.arrives.bind(lab.groups);
  const whole = query({ code: 1000, group: NODE, sources: ["2001:db8::1"] });
  for (let length = 8; length < whole.length; length++) {
    const about = { from: QUERIER, hopLimit: 1, routerAlert: true };
    if (length !== 24) {
      assertEquals(give(takes, whole.subarray(0, length), about), "malformed-icmp", `${length}`);
    }
  }
  lab.pass(100 * SECOND_US);
  lab.sends();
  assertEquals(lab.counts.take(), {});
});

Deno.test("flood of queries: so many are answered as may be in a second, the others are counted", () => {
  const lab = Lab.with(NODE);
  for (let i = 0; i < 10_000; i++) {
    lab.clock.nowUs += 100;
    lab.asks({ code: 0 });
    lab.groups.tick();
  }
  assertEquals(lab.counts.take(), { "mld-queries-in": 42, "mld-limited": 9958, "mld-reports-out": 42 });
  // Those that are no queries take nobody's place.
  const other = Lab.with(NODE);
  for (let i = 0; i < 1000; i++) other.asks(GENERAL, { hopLimit: 2 });
  assertEquals(other.asks(GENERAL), null);
  assertEquals(other.counts.take(), { "mld-queries-in": 1 });
});

// -- Version 1

Deno.test("a querier of version 1: reports and dones of version 1, until it was silent for long (RFC 3810 §8.2.1)", () => {
  const lab = Lab.with(NODE, OTHER_NODE);
  lab.asks({ version: 1, code: 10_000 });
  lab.pass(10 * SECOND_US);
  // Each by itself, to the group (RFC 2710 §4, §5).
  lab.sends(old(131, NODE), old(131, OTHER_NODE));
  lab.join("ff02::1:ff00:9");
  lab.pass(0);
  lab.sends(old(131, "ff02::1:ff00:9"));
  // RFC 2710 §7.10: again within ten seconds.
  lab.pass(5 * SECOND_US - 1);
  lab.sends();
  lab.pass(1000);
  lab.sends(old(131, "ff02::1:ff00:9"));
  // RFC 2710 §4: once, to all routers.
  lab.leave(NODE);
  lab.pass(20 * SECOND_US);
  lab.sends(old(132, NODE, "ff02::2"));
  lab.asks({ version: 1, code: 1000, group: OTHER_NODE });
  lab.pass(SECOND_US);
  lab.sends(old(131, OTHER_NODE));
  // A query of version 2 in between is answered in version 1.
  lab.asks({ code: 1000, group: OTHER_NODE, sources: ["2001:db8::1"] });
  lab.pass(SECOND_US);
  lab.sends(old(131, OTHER_NODE));
  // RFC 3810 §9.12: twice 125 seconds and the delay of the last query, which was one second, two seconds ago.
  lab.pass(249 * SECOND_US - 1);
  lab.join(NODE);
  lab.pass(0);
  lab.sends(old(131, NODE));
  lab.pass(1);
  lab.join("ff02::1:ff00:a");
  lab.pass(SECOND_US);
  // What was pending of version 1 is dropped.
  lab.sends(report([[TO_EXCLUDE, "ff02::1:ff00:a"]]), report([[TO_EXCLUDE, "ff02::1:ff00:a"]]));
  assert(lab.groups.isAtRest);
});

Deno.test("a querier of version 1: what is pending of version 2 is dropped, but not what was never told (RFC 3810 §8.2.1)", () => {
  const lab = Lab.with(NODE);
  lab.join(OTHER_NODE);
  lab.pass(0);
  lab.sends(report([[TO_EXCLUDE, OTHER_NODE]]));
  lab.asks({ code: 10_000 });
  lab.asks({ code: 9_000, group: NODE });
  lab.join("ff02::1:ff00:9");
  lab.asks({ version: 1, code: 1000, group: "ff02::1:ff00:ff" });
  lab.pass(10 * SECOND_US);
  lab.sends(old(131, "ff02::1:ff00:9"), old(131, "ff02::1:ff00:9"));
  assert(lab.groups.isAtRest);
});

Deno.test("a querier of version 1: an answer is drawn anew only for less time than is left (RFC 2710 §4)", () => {
  const lab = Lab.with(NODE);
  lab.chance = 0.1;
  lab.asks({ version: 1, code: 10_000 });
  const dueUs = lab.groups.nextDeadlineUs;
  lab.chance = 0;
  lab.asks({ version: 1, code: 2_000 });
  assertEquals(lab.groups.nextDeadlineUs, dueUs);
  lab.asks({ version: 1, code: 500 });
  assert(lab.groups.nextDeadlineUs < lab.clock.nowUs + SECOND_US / 100);
  lab.pass(20 * SECOND_US);
  lab.sends(old(131, NODE));
});
