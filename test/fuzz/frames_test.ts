/**
 * Frames with flipped, missing and added bytes: whatever a wire may carry, the host takes it without an exception, and what
 * it sends in answer is well formed (the harness of test/tcp looks). Checksums are ignored here, so that the damage gets to
 * where it can hurt.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ARP_OPERATION, ArpPacket, emitArp } from "../../src/wire/arp.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIcmp, ICMP, ICMP_TYPE } from "../../src/wire/icmp.ts";
import { IP_PROTOCOL } from "../../src/wire/ipv4.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { craftPacket, craftSegment, type OptionValues, type Route } from "../tcp/frame_craft.ts";
import { FAMILIES } from "../tcp/family.ts";
import { Lab } from "../tcp/harness.ts";
import { ALL_OPTIONS } from "../tcp/states.ts";
import { HOST_MAC, HOST_PORT, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";

const ROUTES: readonly Route[] = [
  { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 },
  { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 },
];

function segmentFrame(route: Route, flags: number, options: OptionValues, dataBytes: number): Uint8Array {
  return craftSegment(route, {
    sourcePort: 40_000,
    targetPort: HOST_PORT,
    flags,
    seq: 0xffff_ff00,
    ack: 1,
    window: 1000,
    options,
    data: new Uint8Array(dataBytes),
  });
}

function arpFrame(): Uint8Array {
  const packet = new ArpPacket();
  packet.operation = ARP_OPERATION.REQUEST;
  packet.senderMac.set(PEER_MAC);
  packet.senderIp.set(PEER_V4);
  packet.targetIp.set(HOST_V4);
  const frame = new Uint8Array(60);
  const at = emitEthernet(frame, { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.ARP });
  emitArp(frame, at, packet);
  return frame;
}

function icmpFrame(type: number, payloadLength: number): Uint8Array {
  return craftPacket(ROUTES[0], {
    protocol: IP_PROTOCOL.ICMP,
    length: ICMP.HEADER_BYTES + payloadLength,
    fill: (frame, at) => {
      // A quoted packet that is one: the host's own SYN, ACK.
      const quoted = segmentFrame(
        { ...ROUTES[0], source: HOST_V4, target: PEER_V4 },
        FLAG.SYN | FLAG.ACK,
        {},
        0,
      );
      frame.set(quoted.subarray(14, 14 + payloadLength), at + ICMP.HEADER_BYTES);
      emitIcmp(frame, at, { type, code: 4, restOfHeader: 576, payloadLength });
    },
  });
}

/** Frames that are right, to begin with. */
const SEEDS: readonly Uint8Array[] = [
  ...ROUTES.flatMap((route) => [
    segmentFrame(route, FLAG.SYN, ALL_OPTIONS, 0),
    segmentFrame(route, FLAG.ACK, { timestamps: { value: 1, echo: 2 } }, 100),
    segmentFrame(route, FLAG.ACK, { sack: [[1, 2], [5, 9]] }, 0),
    segmentFrame(route, FLAG.FIN | FLAG.ACK, {}, 0),
    segmentFrame(route, FLAG.RST, {}, 0),
  ]),
  arpFrame(),
  icmpFrame(ICMP_TYPE.ECHO_REQUEST, 40),
  icmpFrame(ICMP_TYPE.UNREACHABLE, 28),
  icmpFrame(ICMP_TYPE.TIME_EXCEEDED, 28),
];

/** One change of a frame. */
const change = fc.oneof(
  fc.record({ kind: fc.constant("set"), at: fc.nat(120), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("flip"), at: fc.nat(120), value: fc.nat(7) }),
  fc.record({ kind: fc.constant("cut"), at: fc.nat(120), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("grow"), at: fc.nat(2000), value: fc.nat(255) }),
);

function changed(
  frame: Uint8Array,
  changes: readonly { kind: string; at: number; value: number }[],
): Uint8Array {
  let bytes = frame.slice();
  for (const { kind, at, value } of changes) {
    if (kind === "cut") bytes = bytes.slice(0, at);
    else if (kind === "grow") {
      const larger = new Uint8Array(bytes.length + at).fill(value);
      larger.set(bytes);
      bytes = larger;
    } else if (at < bytes.length) bytes[at] = kind === "set" ? value : bytes[at] ^ (1 << value);
  }
  return bytes;
}

function labWithEverything(): Lab {
  const lab = new Lab({ checksumPolicy: "ignore", families: FAMILIES });
  lab.listen({ backlog: 8 });
  return lab;
}

Deno.test("fuzz: damaged frames of every kind", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(SEEDS.length - 1), fc.array(change, { maxLength: 4 })), {
        minLength: 1,
        maxLength: 30,
      }),
      (inputs) => {
        const lab = labWithEverything();
        for (const [seed, changes] of inputs) lab.ingest(changed(SEEDS[seed], changes));
        assert(lab.host.connections().length <= 8 + inputs.length);
        lab.pass(1_000_000);
      },
    ),
    { numRuns: 1000, seed: 1 },
  );
});

Deno.test("fuzz: frames of nothing but noise", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (frames) => {
      const lab = labWithEverything();
      for (const frame of frames) lab.ingest(frame);
      assertEquals(lab.host.connections(), []);
    }),
    { numRuns: 200, seed: 1 },
  );
});

Deno.test("fuzz: every frame cut at every length", () => {
  const lab = labWithEverything();
  for (const frame of SEEDS) {
    for (let length = 0; length <= frame.length; length++) lab.ingest(frame.slice(0, length));
  }
  lab.pass(1_000_000);
});

Deno.test("fuzz: every byte of every frame, set to what hurts most", () => {
  const lab = labWithEverything();
  for (const frame of SEEDS) {
    for (let at = 0; at < frame.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const bytes = frame.slice();
        bytes[at] = value;
        lab.ingest(bytes);
      }
    }
  }
  lab.pass(1_000_000);
});
