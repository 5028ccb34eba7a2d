/**
 * Whose a frame is, over both versions of IP: hardware addresses and IP addresses that are ours, everybody's, a group's, somebody else's
 * (MUST-57, RFC 1122 §3.3.6, RFC 4443 §2.4).
 */
import { assertEquals } from "@std/assert";
import { ethernet, type HandEthernet, type HandIp, hex, icmp } from "./hand_frames.ts";
import { icmpv6 } from "./hand_ipv6.ts";
import { segmentOf, WIRE_FAMILIES } from "./wire_families.ts";
import { EVERYBODY, OUR_MAC, PEER_MAC, SECOND_US, WireHost } from "./wire_host.ts";

const SYN = 2;
const DATA = new TextEncoder().encode("0123456789abcdef");
/** Groups of both versions: all hosts, all nodes. */
const GROUPS = ["01:00:5e:00:00:01", "33:33:00:00:00:01"];

/** Addresses that are not ours, others of ours beside the first, and one more neighbor. */
const TARGETS = {
  IPv4: {
    foreign: [
      "10.0.0.2",
      "10.0.1.1",
      "10.1.0.1",
      "11.0.0.1",
      "10.0.0.255",
      "255.255.255.255",
      "224.0.0.1",
      "0.0.0.0",
      "127.0.0.1",
    ],
    addresses: ["10.0.0.1/24", "10.0.0.2/24", "192.168.7.1/30"],
    ours: ["10.0.0.1", "10.0.0.2", "192.168.7.1"],
  },
  IPv6: {
    foreign: [
      "fd00::2",
      "fd00:0:0:1::1",
      "fd01::1",
      "fc00::1",
      "fe80::1",
      "ff0e::1",
      "ff02::fb",
      "::",
      "::1",
    ],
    addresses: ["fd00::1/64", "fd00::2/64", "fd07::1/126"],
    ours: ["fd00::1", "fd00::2", "fd07::1"],
  },
};

for (const family of WIRE_FAMILIES) {
  const { name, us, peer, type } = family;
  const targets = TARGETS[name];
  const addresses = [family.addresses[0]];

  const echo = (
    header: Pick<HandEthernet, "to" | "from">,
    packet: Pick<HandIp, "source" | "target">,
    types: readonly [number, number],
  ) => {
    const [v4, v6] = types;
    const about = { code: 0, rest: 0x12340001 };
    const [protocol, message] = name === "IPv4"
      ? [1, icmp({ ...about, type: v4 }, DATA)]
      : [58, icmpv6({ ...about, type: v6 }, DATA, packet)];
    return ethernet({ ...header, type }, family.packet({ ...packet, protocol }, message));
  };

  const request = (
    about: { readonly to?: string; readonly from?: string; readonly target?: string } = {},
  ) => {
    const { to = OUR_MAC, from = PEER_MAC, target = us } = about;
    return echo({ to, from }, { source: peer, target }, [8, 128]);
  };

  /** The frame is refused in silence: no answer, this counter, this event (none where it is only noise). */
  const refuses = (wire: WireHost, frame: Uint8Array, reason: string, isTold: boolean) => {
    wire.takeCounts();
    wire.takeDrops();
    wire.answers(frame);
    assertEquals(wire.takeCounts(), { [`drop-${reason}`]: 1 }, hex(frame));
    assertEquals(wire.takeDrops(), isTold ? [reason] : []);
    wire.pass(10 * SECOND_US);
    wire.expects();
  };

  Deno.test(`${name}: frames for another hardware address are not taken, and nothing is told of them`, () => {
    const wire = new WireHost({ addresses });
    for (let at = 0; at < 6; at++) {
      // Every byte but the group bit of the first.
      for (const frame of [request(), segmentOf(family, { seq: 1, flags: SYN })]) {
        frame[at] ^= at === 0 ? 0x04 : 0x01;
        refuses(wire, frame, "not-for-us", false);
      }
    }
  });

  Deno.test(`${name}: packets to us in frames to everybody or to a group are not taken (MUST-57)`, () => {
    const wire = new WireHost({ addresses });
    for (const to of [EVERYBODY, ...GROUPS]) {
      refuses(wire, request({ to }), "not-for-us", false);
      refuses(wire, segmentOf(family, { seq: 1, flags: SYN, to }), "not-for-us", false);
    }
  });

  Deno.test(`${name}: packets for another address are not taken: neighbors, broadcasts, groups (MUST-57)`, () => {
    const wire = new WireHost({ addresses });
    for (const target of targets.foreign) {
      refuses(wire, request({ target }), "not-for-us", false);
      refuses(wire, segmentOf(family, { seq: 1, flags: SYN, target }), "not-for-us", false);
    }
  });

  Deno.test(`${name}: every address of a host is its own`, () => {
    const wire = new WireHost({ addresses: targets.addresses });
    for (const target of targets.ours) {
      const reply = echo({ to: PEER_MAC, from: OUR_MAC }, { source: target, target: peer }, [0, 129]);
      wire.answers(request({ target }), reply);
    }
    refuses(wire, request({ target: family.neighbor(3) }), "not-for-us", false);
  });

  Deno.test(`${name}: what a group's hardware address sends is refused: its answer would go to everybody`, () => {
    const wire = new WireHost({ addresses });
    for (const from of [EVERYBODY, ...GROUPS, "03:00:00:00:00:09"]) {
      refuses(wire, request({ from }), "bad-source", true);
      refuses(wire, segmentOf(family, { seq: 1, flags: SYN, from }), "bad-source", true);
    }
  });
}
