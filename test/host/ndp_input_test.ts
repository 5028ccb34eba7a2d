/**
 * Neighbor discovery where it is not as ARP: which messages are none (RFC 4861 §7.1), what an advertisement changes (§7.2.5),
 * how solicitations are answered (§7.2.4), addresses that are claimed (RFC 4862 §5.4), redirects, and limits.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Neighbor, NeighborState } from "../../src/host/neighbor.ts";
import { formatMac, sameAddress } from "../../src/wire/address.ts";
import { mac } from "./hand_frames.ts";
import { groupMac, type HandNdp, ip6, ndpFrame, solicitedNode } from "./ndp_frames.ts";
import { destinationsOf, NeighborBench } from "./neighbor_bench.ts";
import { NDP_FAMILY } from "./neighbor_families.ts";
import { OUR_MAC, SECOND_US } from "./wire_host.ts";

const { us, us2, peer } = NDP_FAMILY;
const OTHER_MAC = "02:00:00:00:00:08";
const NEW_MAC = "02:00:00:00:00:0a";
const [ROUTER, SOLICITED, OVERRIDE] = [0x80000000, 0x40000000, 0x20000000];
const ALL_NODES = "ff02::1";
const GROUP = solicitedNode(us.address);

const SOLICITATION: HandNdp = {
  type: 135,
  source: peer.address,
  destination: us.address,
  target: us.address,
  option: peer.mac,
};
const PROBE: HandNdp = { type: 135, source: "::", destination: GROUP, target: us.address };
const ADVERTISEMENT: HandNdp = {
  type: 136,
  source: peer.address,
  destination: us.address,
  target: peer.address,
  option: peer.mac,
  flags: (SOLICITED | OVERRIDE) >>> 0,
};

function frameOf(ndp: HandNdp, from = peer.mac): Uint8Array {
  const to = ndp.destination.startsWith("ff") ? groupMac(ndp.destination) : OUR_MAC;
  return ndpFrame(ndp, { to, from });
}

function advertisement(fields: Partial<HandNdp>): Uint8Array {
  const { option: _, ...without } = ADVERTISEMENT;
  return frameOf({ ...without, ...fields });
}

// -- RFC 4861 §7.1

/** Not from a neighbor, or not about one; the others are no messages at all. */
const BAD = "bad-neighbor-message";
const NONE = "malformed-icmp";
const ALIKE: readonly (readonly [string, string, Partial<HandNdp>])[] = [
  [BAD, "a hop limit of 254", { hopLimit: 254 }],
  [BAD, "a hop limit of 0", { hopLimit: 0 }],
  [NONE, "a code that is not 0", { code: 1 }],
  [NONE, "23 bytes", { cutTo: 23 }],
  [NONE, "8 bytes", { cutTo: 8 }],
  [BAD, "a target that is a group", { target: ALL_NODES }],
  [NONE, "an option of length 0", { tail: [14, 0, 0, 0, 0, 0, 0, 0] }],
  [NONE, "an option of length 0 behind a good one", {
    tail: [14, 1, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0],
  }],
  [NONE, "an option that is longer than what is left", { tail: [14, 2, 0, 0, 0, 0, 0, 0] }],
  [NONE, "half an option", { tail: [14, 1, 0, 0] }],
  [BAD, "a fragment header (RFC 6980)", { atomicFragment: true }],
];
const MALFORMED: readonly (readonly [string, string, HandNdp])[] = [
  ...ALIKE.map(([reason, what, change]) =>
    [reason, `solicitation with ${what}`, { ...SOLICITATION, ...change }] as const
  ),
  ...ALIKE.map(([reason, what, change]) =>
    [reason, `advertisement with ${what}`, { ...ADVERTISEMENT, ...change }] as const
  ),
  [BAD, "solicitation from nobody to one host", { ...PROBE, destination: us.address }],
  [BAD, "solicitation from nobody to all", { ...PROBE, destination: ALL_NODES }],
  [BAD, "solicitation from nobody with a hardware address", { ...PROBE, option: peer.mac }],
  [BAD, "advertisement to a group that answers", { ...ADVERTISEMENT, destination: ALL_NODES }],
];
for (const [reason, what, ndp] of MALFORMED) {
  Deno.test(`NDP: a ${what} is dropped (RFC 4861 §7.1)`, () => {
    const wire = new NeighborBench(NDP_FAMILY);
    const connection = wire.opens(peer.address);
    wire.says(connection);
    wire.take();
    wire.answers(frameOf(ndp));
    assertEquals([wire.drops, wire.takeCounts(), wire.heard], [[reason], { "ndp-in": 1 }, []]);
    assertEquals([connection.hop.mac, wire.cache.size], [null, 1]);
  });
}

Deno.test("NDP: reserved bits, unknown options and a nonce are passed over (RFC 4861 §4.3, §9)", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const tail = [14, 1, 1, 2, 3, 4, 5, 6, 200, 2, ...Array(14).fill(9), 1, 1, ...mac(peer.mac)];
  wire.answers(frameOf({ ...SOLICITATION, flags: 0xffffffff, tail }), NDP_FAMILY.answers(us, peer));
  assertEquals(wire.cache.find(ip6(peer.address))?.isRouter, false);
});

// -- RFC 4861 §7.2.3, §7.2.4

Deno.test("NDP: a solicitation without a hardware address is answered to where it came from, and teaches nothing", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const { option: _, ...bare } = SOLICITATION;
  wire.answers(frameOf(bare), NDP_FAMILY.answers(us, peer));
  assertEquals(wire.cache.size, 0);
});

Deno.test("NDP: the answer goes to the hardware address that is told, not to the frame's", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  wire.answers(frameOf(SOLICITATION, OTHER_MAC), NDP_FAMILY.answers(us, peer));
});

Deno.test("NDP: what is asked of others teaches nothing, not even about one who is known (RFC 4861 §7.2.3)", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  wire.gives(frameOf(SOLICITATION));
  wire.answers(NDP_FAMILY.asks({ ...peer, mac: NEW_MAC }, "fd00::77"));
  assertEquals(wire.says(wire.opens(peer.address)), peer.mac);
});

Deno.test("NDP: an entry that a solicitation makes is STALE, one that is there stays as it is (RFC 4861 §7.2.3)", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  wire.gives(frameOf(SOLICITATION));
  const entry = wire.cache.find(ip6(peer.address));
  assertEquals(entry?.state, "STALE");
  wire.gives(advertisement({ option: peer.mac, flags: SOLICITED }));
  wire.gives(frameOf(SOLICITATION));
  assertEquals(entry?.state, "REACHABLE");
  wire.gives(frameOf({ ...SOLICITATION, option: NEW_MAC }));
  assertEquals(entry?.state, "STALE");
});

Deno.test("NDP: while an address is claimed, an answer replaces nothing that others know (RFC 4429 §3.3)", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  wire.claims.claim(ip6(us.address), { lost: () => {}, alsoOurs: null });
  const answer = (flags: number) =>
    ndpFrame({
      type: 136,
      source: us.address,
      destination: peer.address,
      target: us.address,
      option: OUR_MAC,
      flags,
    }, { to: peer.mac, from: OUR_MAC });
  wire.answers(frameOf(SOLICITATION), answer(SOLICITED));
  wire.pass(2 * SECOND_US);
  wire.take();
  wire.answers(frameOf(SOLICITATION), answer(SOLICITED | OVERRIDE));
});

// -- RFC 4861 §7.2.5, row by row

const STATES = ["REACHABLE", "STALE", "DELAY", "PROBE"] as const;

/** An entry in a state, of a connection; the peer is where it was, and no router. */
function entryIn(state: NeighborState): { wire: NeighborBench; hop: Neighbor } {
  const wire = new NeighborBench(NDP_FAMILY);
  const connection = wire.opens(peer.address);
  const { hop } = connection;
  wire.says(connection);
  if (state === "STALE") wire.gives(frameOf(SOLICITATION));
  else if (state !== "INCOMPLETE") wire.gives(frameOf(ADVERTISEMENT));
  if (state === "DELAY" || state === "PROBE") {
    wire.pass(30 * SECOND_US);
    wire.cache.sendingAgain(hop);
    if (state === "PROBE") wire.pass(5 * SECOND_US);
  }
  wire.take();
  wire.takeCounts();
  assertEquals(hop.state, state);
  return { wire, hop };
}

const CARDS = [["none", undefined], ["the same", peer.mac], ["another", NEW_MAC]] as const;
const BITS = [false, true];

for (const [card, option] of CARDS) {
  for (const isSolicited of BITS) {
    for (const isOverride of BITS) {
      const flags = ((isSolicited ? SOLICITED : 0) | (isOverride ? OVERRIDE : 0)) >>> 0;
      const row = `hardware address: ${card}, S=${Number(isSolicited)}, O=${Number(isOverride)}`;
      const frame = advertisement({ flags, ...(option === undefined ? {} : { option }) });

      Deno.test(`NDP §7.2.5: INCOMPLETE, ${row}`, () => {
        const { wire, hop } = entryIn("INCOMPLETE");
        const sent = destinationsOf(wire.gives(frame));
        if (option === undefined) {
          assertEquals([hop.state, hop.mac, sent], ["INCOMPLETE", null, []]);
        } else {
          // O does not matter here.
          assertEquals([hop.state, hop.mac, sent], [isSolicited ? "REACHABLE" : "STALE", mac(option), [
            option,
          ]]);
        }
      });

      for (const state of STATES) {
        Deno.test(`NDP §7.2.5: ${state}, ${row}`, () => {
          const { wire, hop } = entryIn(state);
          wire.gives(frame);
          const isAnother = option === NEW_MAC;
          const at = () => [hop.state, formatMac(hop.mac ?? new Uint8Array(6))];
          if (isAnother && !isOverride) {
            assertEquals(at(), [state === "REACHABLE" ? "STALE" : state, peer.mac]);
            assertEquals(wire.takeCounts(), { "ndp-in": 1, "neighbors-not-overridden": 1 });
            // Whoever is being asked for is asked on.
            wire.pass(SECOND_US);
            assertEquals(wire.take().length, state === "PROBE" ? 1 : 0);
            return;
          }
          const expected = isSolicited ? "REACHABLE" : isAnother ? "STALE" : state;
          assertEquals(at(), [expected, isAnother ? NEW_MAC : peer.mac]);
          assertEquals(wire.moves.length, isAnother ? 1 : 0);
          wire.pass(SECOND_US);
          assertEquals(wire.take().length, expected === "PROBE" ? 1 : 0);
        });
      }
    }
  }
}

Deno.test("NDP §7.2.5: REACHABLE that does not follow is really no longer so: the next silence is asked about", () => {
  const { wire, hop } = entryIn("REACHABLE");
  wire.gives(advertisement({ option: NEW_MAC, flags: SOLICITED }));
  wire.cache.sendingAgain(hop);
  assertEquals(hop.state, "DELAY");
});

Deno.test("NDP §7.2.5: IsRouter follows the flag; a router that becomes a host is told, once", () => {
  const { wire, hop } = entryIn("REACHABLE");
  const says = (flags: number, option = peer.mac) =>
    wire.gives(advertisement({ option, flags: flags >>> 0 }));
  says(ROUTER | OVERRIDE);
  assertEquals([hop.isRouter, wire.routersGone], [true, []]);
  // Not taken, so that its flag is not either.
  says(0, NEW_MAC);
  assertEquals([hop.isRouter, wire.routersGone], [true, []]);
  wire.gives(frameOf(SOLICITATION));
  assertEquals(hop.isRouter, true);
  says(SOLICITED);
  says(SOLICITED);
  assertEquals([hop.isRouter, wire.routersGone], [false, [ip6(peer.address).join()]]);
});

Deno.test("NDP: a router's own word makes it one, with its entry (RFC 4861 §6.3.4)", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const address = ip6("fe80::ff");
  const word = { address, mac: mac(NEW_MAC), isAnswer: false, target: ip6(us2.address) };
  wire.cache.learn({ ...word, isRouter: true });
  wire.cache.learn(word);
  const entry = wire.cache.find(address);
  assertEquals([entry?.isRouter, entry?.state], [true, "STALE"]);
});

Deno.test("NDP: an advertisement about an address that no host can have is counted, and nothing else", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  for (const target of ["::", "::1"]) wire.answers(advertisement({ target, option: peer.mac }));
  wire.answers(advertisement({ source: "::", option: peer.mac }));
  assertEquals(wire.takeCounts(), { "ndp-in": 3, "ndp-bad-sender": 3 });
});

// -- Addresses that are not ours yet (RFC 4862 §5.4)

Deno.test("NDP: a tentative address is not answered for, and learns nothing of who asks (RFC 4862 §5.4.3)", () => {
  const wire = new NeighborBench(NDP_FAMILY, [us.address, us2.address]);
  wire.addresses.change(ip6(us.address), "tentative");
  const lost: string[] = [];
  wire.claims.claim(ip6(us.address), { lost: (by) => lost.push(formatMac(by)), alsoOurs: null });
  wire.answers(frameOf(SOLICITATION));
  assertEquals([wire.cache.size, lost], [0, []]);
  wire.answers(frameOf(PROBE, OTHER_MAC));
  assertEquals(lost, [OTHER_MAC]);
});

Deno.test("NDP: an advertisement for a tentative address ends the claim, though it tells no hardware address (RFC 4862 §5.4.4)", () => {
  const wire = new NeighborBench(NDP_FAMILY, [us.address]);
  wire.addresses.change(ip6(us.address), "tentative");
  const lost: string[] = [];
  wire.claims.claim(ip6(us.address), { lost: (by) => lost.push(formatMac(by)), alsoOurs: null });
  wire.answers(
    frameOf({ type: 136, source: us.address, destination: ALL_NODES, target: us.address }, OTHER_MAC),
  );
  assertEquals([lost, wire.cache.size, wire.conflicts], [[OTHER_MAC], 0, []]);
});

// -- Redirects

Deno.test("NDP: redirects are counted and not followed (Deviation of RFC 4861 §8.3)", () => {
  const { wire, hop } = entryIn("REACHABLE");
  const redirect: HandNdp = {
    type: 137,
    source: "fe80::ff",
    destination: us.address,
    target: "fe80::66",
    tail: [...ip6(peer.address), 2, 1, ...mac(NEW_MAC)],
  };
  wire.answers(frameOf(redirect));
  wire.answers(frameOf({ ...redirect, hopLimit: 3, tail: [2, 0] }));
  assertEquals([wire.takeCounts(), wire.drops], [{ "ndp-in": 2, "redirects-ignored": 1 }, [BAD]]);
  assertEquals([hop.state, hop.mac, wire.cache.size], ["REACHABLE", mac(peer.mac), 1]);
});

// -- Limits

Deno.test("NDP: a host gets 50 answers at once and 50 a second then, and takes nothing from others", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const asks = (from = peer) => wire.gives(NDP_FAMILY.asks(from, us.address)).length;
  let answers = 0;
  for (let at = 0; at < 1000; at++) answers += asks();
  assertEquals([answers, wire.takeCounts()["ndp-limited"]], [50, 950]);
  assertEquals(asks({ address: "fd00::8", mac: OTHER_MAC }), 1);
  wire.pass(19_999);
  assertEquals(asks(), 0);
  wire.pass(1);
  assertEquals([asks(), asks()], [1, 0]);
});

Deno.test("NDP: a neighbor that connections go by way of has a limit of its own, in any flood", () => {
  const { wire } = entryIn("REACHABLE");
  let answers = 0;
  for (let number = 0; number < 20_000; number++) {
    const address = NDP_FAMILY.stranger(number);
    answers += wire.gives(NDP_FAMILY.asks({ address, mac: NEW_MAC }, us.address)).length;
  }
  assertEquals(answers <= 5000 && answers >= 4000, true, `${answers} answers`);
  assertEquals(wire.cache.size, 1025);
  answers = 0;
  for (let at = 0; at < 1000; at++) answers += wire.gives(frameOf(SOLICITATION)).length;
  assertEquals(answers, 50);
});

Deno.test("NDP: ten thousand that probe for our address: ten answers at once and ten a second then, of each address", () => {
  const wire = new NeighborBench(NDP_FAMILY, [us.address, us2.address]);
  let answers = 0;
  for (let number = 0; number < 10_000; number++) {
    const hex = number.toString(16).padStart(4, "0");
    answers += wire.gives(frameOf(PROBE, `02:00:00:01:${hex.slice(0, 2)}:${hex.slice(2)}`)).length;
  }
  assertEquals([answers, wire.cache.size], [10, 0]);
  wire.answers(NDP_FAMILY.probes(peer, us2.address), NDP_FAMILY.answersProbe(us2, peer));
  wire.pass(100_000);
  wire.answers(frameOf(PROBE), NDP_FAMILY.answersProbe(us, peer));
  wire.answers(frameOf(PROBE));
});

Deno.test("NDP: whoever takes our address is not answered, and its hardware address not learnt", () => {
  const wire = new NeighborBench(NDP_FAMILY, [us.address, us2.address]);
  wire.answers(NDP_FAMILY.asks({ ...us, mac: NEW_MAC }, us2.address), NDP_FAMILY.tells(us));
  assertEquals([wire.conflicts, wire.cache.size], [[`${NEW_MAC} 1`], 0]);
});

Deno.test("NDP: what is told: what is for us or about one of our addresses", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const heard = (frame: Uint8Array) => {
    wire.gives(frame);
    return wire.heard.splice(0).length;
  };
  assertEquals(heard(frameOf(SOLICITATION)), 1);
  assertEquals(heard(frameOf(PROBE)), 1);
  assertEquals(heard(frameOf(ADVERTISEMENT)), 1);
  assertEquals(heard(NDP_FAMILY.tells({ ...us, mac: NEW_MAC })), 1);
  assertEquals(heard(NDP_FAMILY.tells(peer)), 0);
  assertEquals(heard(NDP_FAMILY.asks(peer, "fd00::77")), 0);
});

Deno.test("NDP: whatever stands in a message with a right checksum is no exception, and never a group's or our own address", () => {
  const wire = new NeighborBench(NDP_FAMILY);
  const connection = wire.opens(peer.address);
  wire.says(connection);
  wire.gives(frameOf(ADVERTISEMENT));
  const byte = fc.integer({ min: 0, max: 255 });
  const address = fc.constantFrom("::", "::1", us.address, peer.address, ALL_NODES, "fe80::1", GROUP);
  const message = fc.record({
    type: fc.integer({ min: 135, max: 137 }),
    source: address,
    destination: address,
    target: address,
    flags: fc.integer({ min: 0, max: 0xffffffff }),
    code: fc.constantFrom(0, 0, 0, 1),
    hopLimit: fc.constantFrom(255, 255, 255, 254),
    tail: fc.oneof(
      fc.array(byte, { maxLength: 24 }),
      fc.array(byte, { minLength: 6, maxLength: 6 }).map((option) => [1, 1, ...option]),
      fc.array(byte, { minLength: 6, maxLength: 6 }).map((option) => [2, 1, ...option]),
    ),
  });
  fc.assert(
    fc.property(message, (ndp) => {
      // A source that is a group is refused before.
      if (ndp.source.startsWith("ff")) return;
      for (const frame of wire.gives(ndpFrame(ndp, { to: OUR_MAC, from: OTHER_MAC }))) {
        assertEquals(frame.subarray(6, 12), mac(OUR_MAC));
      }
      for (const text of ["::", "::1", us.address, ALL_NODES, GROUP]) {
        assertEquals(wire.cache.find(ip6(text)), null);
      }
      const at = connection.hop.mac;
      assertEquals(at === null || (at[0] & 1) === 1 || sameAddress(at, mac(OUR_MAC)), false);
    }),
    { numRuns: 3000 },
  );
});
