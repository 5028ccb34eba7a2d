/**
 * Whose VLAN a frame is of (IEEE 802.1Q): a host answers in its own and in no other, whatever the frame holds.
 *
 * Each kind of frame that is answered is tried with each kind of tag; the frames are written by hand.
 */
import { assertEquals } from "@std/assert";
import { AddressProber } from "../../src/host/address_prober.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { arpFrame, ethernet, hex, icmp, ip, ipv4, mac } from "./hand_frames.ts";
import { EVERYBODY, NO_MAC, OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, SECOND_US, WireHost } from "./wire_host.ts";
import { arpReply, arpRequest, segmentFrame } from "./wire_host.ts";

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
function exchanges(): Record<string, { asks: Uint8Array; gets: Uint8Array }> {
  const addresses = { source: PEER_IP, target: OUR_IP };
  const back = { source: OUR_IP, target: PEER_IP };
  const ping = (type: number) => icmp({ type, code: 0, rest: 0x12340001 }, Uint8Array.of(1, 2, 3, 4));
  const arp = { senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: NO_MAC, targetIp: OUR_IP };
  const toPeer = { to: PEER_MAC, from: OUR_MAC };
  return {
    ARP: {
      asks: arpFrame({ operation: 1, ...arp }, { to: EVERYBODY }),
      gets: arpFrame(
        { operation: 2, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: PEER_MAC, targetIp: PEER_IP },
        { to: PEER_MAC },
      ),
    },
    echo: {
      asks: ethernet({ to: OUR_MAC, from: PEER_MAC }, ipv4({ ...addresses, protocol: 1 }, ping(8))),
      gets: ethernet(toPeer, ipv4({ ...back, protocol: 1 }, ping(0))),
    },
    SYN: {
      asks: segmentFrame({ seq: 1000, flags: SYN }),
      gets: segmentFrame({
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

for (const { vlan, takes, answersWith } of CASES) {
  const who = vlan === undefined ? "a host in no VLAN" : `a host in VLAN ${vlan}`;
  Deno.test(`${who} takes frames tagged ${takes.join(", ") || "with none of these"}, and is silent about all others`, () => {
    for (const [kind, { asks, gets }] of Object.entries(exchanges())) {
      for (const name of TAG_NAMES) {
        const wire = new WireHost(vlan === undefined ? {} : { vlan });
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

/** Without padding beyond 60 bytes, and without what a stack chooses for itself: identification, flags, and the sum over them. */
function idless(frame: Uint8Array, kind: string): string {
  if (kind !== "SYN") return hex(frame.subarray(0, kind === "ARP" ? 60 : frame.length));
  const copy = frame.slice();
  const at = copy[12] === 0x81 ? 18 : 14;
  copy.fill(0, at + 4, at + 8);
  copy.fill(0, at + 10, at + 12);
  return hex(copy);
}

Deno.test("a host in a VLAN asks, announces and connects in it, and hears only it", () => {
  const wire = new WireHost({ vlan: 5 });
  wire.user((host) => host.announce());
  wire.expects(
    tagged(
      arpFrame(
        { operation: 1, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: NO_MAC, targetIp: OUR_IP },
        { to: EVERYBODY },
      ),
      "five",
    ).subarray(0, 60),
  );
  wire.user((host) => host.connect({ address: ip(PEER_IP), port: 80, handler: {} }));
  wire.expects(tagged(arpRequest(PEER_IP), "five").subarray(0, 60));
  // The answer of another network says nothing about this one.
  for (const name of ["none", "six", "serviceAndFive"] as const) {
    wire.answers(tagged(arpReply(PEER_IP, PEER_MAC), name));
  }
  const sent = wire.gives(tagged(arpReply(PEER_IP, PEER_MAC), "five"));
  assertEquals(sent.map((frame) => [hex(frame.subarray(0, 6)), ...frame.subarray(12, 18)]), [
    ["0200 0000 0009", ...TAG.five, 0x08, 0x00],
  ]);
});

Deno.test("who has an address is asked in the VLAN, and only its answers count", () => {
  const link = new RecordingLink({ mtu: 1500, mac: mac(OUR_MAC), nowUs: () => 0 });
  const prober = new AddressProber(link, 5);
  const heard: string[] = [];
  prober.probe(ip(PEER_IP), (found) => heard.push(hex(found)));
  assertEquals(link.take().map(({ bytes }) => [...bytes.subarray(12, 18)]), [[...TAG.five, 0x08, 0x06]]);
  for (const name of TAG_NAMES) {
    const claim = tagged(arpReply(PEER_IP, PEER_MAC), name);
    prober.ingest(claim, claim.length, 5);
    assertEquals(heard.splice(0).length, name === "five" || name === "fiveUrgent" ? 1 : 0, name);
  }
});
