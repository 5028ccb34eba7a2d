/**
 * Whose VLAN a frame is of (IEEE 802.1Q): a host answers in its own and in no other, whatever the frame holds.
 *
 * Each kind of frame that is answered is tried with each kind of tag; the frames are written by hand.
 */
import { assertEquals } from "@std/assert";
import { AddressProber } from "../../src/host/address_prober.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { ethernet, hex, icmp, ip, mac } from "./hand_frames.ts";
import { icmpv6 } from "./hand_ipv6.ts";
import { NEIGHBOR_FAMILIES } from "./neighbor_families.ts";
import {
  asksWhere,
  isTcpFrame,
  peerTellsWhere,
  segmentOf,
  WIRE_FAMILIES,
  type WireFamily,
} from "./wire_families.ts";
import { OUR_MAC, PEER_MAC, SECOND_US, WireHost } from "./wire_host.ts";

const SYN = 0x02;
const RST_ACK = 0x14;

/** Tags that a frame can have, as they stand on the wire. */
const TAG = {
  none: [],
  priority: [0x81, 0x00, 0xe0, 0x00],
  five: [0x81, 0x00, 0x00, 0x05],
  fiveUrgent: [0x81, 0x00, 0xf0, 0x05],
  six: [0x81, 0x00, 0x00, 0x06],
  reserved: [0x81, 0x00, 0x0f, 0xff],
  service: [0x88, 0xa8, 0x00, 0x05],
  servicePriority: [0x88, 0xa8, 0x00, 0x00],
  serviceAndFive: [0x88, 0xa8, 0x00, 0x07, 0x81, 0x00, 0x00, 0x05],
  fiveTwice: [0x81, 0x00, 0x00, 0x05, 0x81, 0x00, 0x00, 0x05],
  priorityAndFive: [0x81, 0x00, 0x00, 0x00, 0x81, 0x00, 0x00, 0x05],
  fiveAndPriority: [0x81, 0x00, 0x00, 0x05, 0x81, 0x00, 0x00, 0x00],
  priorityTwice: [0x81, 0x00, 0x00, 0x00, 0x81, 0x00, 0x00, 0x00],
  three: [0x81, 0x00, 0x00, 0x05, 0x81, 0x00, 0x00, 0x05, 0x81, 0x00, 0x00, 0x05],
} as const;

type TagName = keyof typeof TAG;

const TAG_NAMES = Object.keys(TAG).filter((name): name is TagName => name in TAG);

function tagged(frame: Uint8Array, name: TagName): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), ...TAG[name], ...frame.subarray(12));
}

/** What is asked of a host, and what it answers, both without a tag. */
function exchanges(family: WireFamily): Record<string, { asks: Uint8Array; gets: Uint8Array }> {
  const { us, peer, type } = family;
  const addresses = { source: peer, target: us };
  const back = { source: us, target: peer };
  const neighbors = NEIGHBOR_FAMILIES[WIRE_FAMILIES.indexOf(family)];
  const [ours, theirs] = [{ address: us, mac: OUR_MAC }, { address: peer, mac: PEER_MAC }];
  const text = Uint8Array.of(1, 2, 3, 4);
  const ping = (way: typeof back, [v4, v6]: readonly [number, number]) =>
    family.name === "IPv4"
      ? family.packet({ ...way, protocol: 1 }, icmp({ type: v4, code: 0, rest: 0x12340001 }, text))
      : family.packet({ ...way, protocol: 58 }, icmpv6({ type: v6, code: 0, rest: 0x12340001 }, text, way));
  return {
    [neighbors.name]: { asks: neighbors.asks(theirs, us), gets: neighbors.answers(ours, theirs) },
    echo: {
      asks: ethernet({ to: OUR_MAC, from: PEER_MAC, type }, ping(addresses, [8, 128])),
      gets: ethernet({ to: PEER_MAC, from: OUR_MAC, type }, ping(back, [0, 129])),
    },
    SYN: {
      asks: segmentOf(family, { seq: 1000, flags: SYN }),
      gets: segmentOf(family, {
        ...{ ...back, to: PEER_MAC, from: OUR_MAC, sourcePort: 80, targetPort: 4000 },
        ...{ seq: 0, ack: 1001, flags: RST_ACK, window: 0 },
      }),
    },
  };
}

const CASES: readonly { vlan?: number; takes: readonly TagName[]; answersWith: TagName }[] = [
  { takes: ["none", "priority"], answersWith: "none" },
  { vlan: 5, takes: ["five", "fiveUrgent"], answersWith: "five" },
  { vlan: 4094, takes: [], answersWith: "none" },
];

/** Without padding beyond 60 bytes, and without what a stack chooses for itself: identification, flags, and the sum over them. */
function idless(frame: Uint8Array, kind: string): string {
  const copy = frame.slice();
  const at = copy[12] === 0x81 ? 18 : 14;
  if (kind !== "SYN" || copy[at] >>> 4 === 6) {
    return hex(frame.subarray(0, kind === "ARP" ? 60 : frame.length));
  }
  copy.fill(0, at + 4, at + 8);
  copy.fill(0, at + 10, at + 12);
  return hex(copy);
}

for (const family of WIRE_FAMILIES) {
  const { us, peer } = family;
  const addresses = [family.addresses[0]];

  for (const { vlan, takes, answersWith } of CASES) {
    const who = vlan === undefined ? "a host in no VLAN" : `a host in VLAN ${vlan}`;
    Deno.test(`${family.name}: ${who} takes frames tagged ${takes.join(", ") || "with none of these"}, and is silent about all others`, () => {
      for (const [kind, { asks, gets }] of Object.entries(exchanges(family))) {
        for (const name of TAG_NAMES) {
          const wire = new WireHost({ addresses, ...(vlan === undefined ? {} : { vlan }) });
          const isOurs = takes.includes(name);
          const answers = wire.gives(tagged(asks, name));
          const expected = isOurs ? [idless(tagged(gets, answersWith), kind)] : [];
          assertEquals(answers.map((answer) => idless(answer, kind)), expected, `${kind}, tag ${name}`);
          if (!isOurs) {
            assertEquals(wire.takeCounts(), { "drop-other-vlan": 1 }, `${kind}, tag ${name}`);
            assertEquals(wire.takeDrops(), [], "another network is no news");
          }
          wire.pass(10 * SECOND_US);
          wire.expects();
        }
      }
    });
  }

  Deno.test(`${family.name}: a host in a VLAN asks and connects in it, and hears only it`, () => {
    const wire = new WireHost({ addresses, vlan: 5 });
    wire.user((host) => host.connect({ address: ip(peer), port: 80, handler: {} }));
    wire.expects(unpadded(tagged(asksWhere(peer), "five")));
    // The answer of another network says nothing about this one.
    for (const name of ["none", "six", "serviceAndFive"] as const) {
      wire.answers(tagged(peerTellsWhere(family), name));
    }
    const sent = wire.gives(tagged(peerTellsWhere(family), "five"));
    assertEquals(
      sent.map((frame) => [hex(frame.subarray(0, 6)), isTcpFrame(frame), ...frame.subarray(12, 18)]),
      [
        ["0200 0000 0009", true, ...TAG.five, family.type >>> 8, family.type & 0xff],
      ],
    );
  });

  Deno.test(`${family.name}: a host in a VLAN says in it whose its address is`, () => {
    const wire = new WireHost({ addresses, vlan: 5 });
    wire.user((host) => host.announce());
    const neighbors = NEIGHBOR_FAMILIES[WIRE_FAMILIES.indexOf(family)];
    wire.expects(unpadded(tagged(neighbors.tells({ address: us, mac: OUR_MAC }), "five")));
    // IPv6 probes for its link-local address besides, and asks for routers (RFC 4862 §5.4.2, RFC 4861 §6.3.7).
    wire.pass(2 * SECOND_US);
    const later = wire.take();
    for (const frame of later) assertEquals([...frame.subarray(12, 16)], [...TAG.five]);
    const types = new Set(later.map((frame) => frame[18 + 40]));
    assertEquals(
      [133, 135].map((type) => types.has(type)),
      family.name === "IPv4" ? [false, false] : [true, true],
    );
  });

  Deno.test(`${family.name}: who has an address is asked in the VLAN, and only its answers count`, () => {
    const link = new RecordingLink({ mtu: 1500, mac: mac(OUR_MAC), nowUs: () => 0 });
    const prober = new AddressProber(link, 5);
    const heard: string[] = [];
    prober.probe(ip(peer), (found) => heard.push(hex(found)));
    const asked = link.take().map(({ bytes }) => [...bytes.subarray(12, 18)]);
    assertEquals(asked, [[...TAG.five, ...(family.name === "IPv4" ? [0x08, 0x06] : [0x86, 0xdd])]]);
    for (const name of TAG_NAMES) {
      const claim = tagged(claimOf(family), name);
      prober.ingest(claim, claim.length, 5);
      assertEquals(heard.splice(0).length, name === "five" || name === "fiveUrgent" ? 1 : 0, name);
    }
  });
}

/** The peer says that it has its address. */
function claimOf(family: WireFamily): Uint8Array {
  return NEIGHBOR_FAMILIES[WIRE_FAMILIES.indexOf(family)].tells({ address: family.peer, mac: PEER_MAC });
}

/** ARP is padded to the shortest frame, tag included. */
function unpadded(frame: Uint8Array): Uint8Array {
  const isArp = frame[16] === 0x08 && frame[17] === 0x06;
  return isArp ? frame.subarray(0, 60) : frame;
}
