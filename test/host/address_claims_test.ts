/**
 * Taking an address while one still asks who has it, and defending it afterwards, over both families (RFC 5227 §2.1.1, §2.3,
 * §2.4, RFC 4862 §5.4, RFC 4861 §7.2.6).
 */
import { assertEquals } from "@std/assert";
import { formatMac } from "../../src/wire/address.ts";
import { arpFrame, ip, mac } from "./hand_frames.ts";
import { NeighborBench } from "./neighbor_bench.ts";
import { NEIGHBOR_FAMILIES } from "./neighbor_families.ts";
import {
  arpRequest,
  EVERYBODY,
  NO_MAC,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  SECOND_US,
  segmentFrame,
  WireHost,
} from "./wire_host.ts";

const DEVICE_MAC = "02:00:00:00:00:dd";

for (const family of NEIGHBOR_FAMILIES) {
  const { name, us, us2, peer, other } = family;
  const isArp = name === "ARP";
  const probe = family.probes(us, us.address);
  /** When the claim is decided, if nobody has questioned it. */
  const decidedUs = isArp ? 4 * SECOND_US : 2 * SECOND_US;

  /** A host that has just begun to claim its addresses; `outcomes` gathers what becomes of it. */
  const claiming = (addresses = [us.address]) => {
    const wire = new NeighborBench(family, addresses);
    const outcomes: string[] = [];
    for (const address of addresses) {
      wire.claims.claim(family.bytes(address), {
        lost: (by) => outcomes.push(`lost ${address} ${formatMac(by)}`),
        kept: () => outcomes.push(`kept ${address}`),
        alsoOurs: mac(DEVICE_MAC),
      });
    }
    wire.expects();
    return { wire, outcomes };
  };

  const steps: readonly (readonly [number, Uint8Array])[] = isArp
    // RFC 5227 §1.1.
    ? [[1, probe], [1, probe], [2, family.tells(us)], [2, family.tells(us)]]
    // RFC 4862 §5.1, RFC 4861 §10.
    : [[1, probe], [1, family.tells(us)], [1, family.tells(us)], [1, family.tells(us)]];
  Deno.test(`claim (${name}): probed, announced when nobody has objected, and then silent`, () => {
    const { wire, outcomes } = claiming();
    for (const [seconds, frame] of steps) {
      assertEquals(wire.claims.isAtRest, false);
      wire.pass(seconds * SECOND_US - 1);
      wire.expects();
      wire.pass(1);
      wire.expects(frame);
    }
    wire.pass(600 * SECOND_US);
    wire.expects();
    assertEquals(outcomes, [`kept ${us.address}`]);
    assertEquals([wire.claims.isAtRest, wire.claims.nextDeadlineUs], [true, Infinity]);
  });

  Deno.test(`claim (${name}): it is kept no earlier than when it is announced`, () => {
    const { wire, outcomes } = claiming();
    wire.pass(decidedUs - 1);
    assertEquals([outcomes, wire.claims.isTentative(family.bytes(us.address))], [[], true]);
    wire.pass(1);
    assertEquals(wire.claims.isTentative(family.bytes(us.address)), false);
    assertEquals(outcomes, [`kept ${us.address}`]);
  });

  Deno.test(`claim (${name}): the address is answered for at once`, () => {
    const { wire } = claiming();
    assertEquals(wire.gives(family.asks(peer, us.address)).length, 1);
  });

  const owner = { ...us, mac: peer.mac };
  const conflicts = [
    { what: "its owner's answer", frame: family.answersProbe(owner, us) },
    { what: "its owner's question to somebody", frame: family.asks(owner, other.address) },
    { what: "its owner's announcement", frame: family.tells(owner) },
    { what: "somebody else's probe", frame: family.probes(peer, us.address) },
  ];
  for (const { what, frame } of conflicts) {
    Deno.test(`claim (${name}): ${what}, until it is decided, ends it: once, and nothing more is said for the address`, () => {
      for (const afterUs of [0, 300_000, decidedUs - 1]) {
        const { wire, outcomes } = claiming();
        wire.pass(afterUs);
        wire.take();
        wire.answers(frame);
        const lost = [`lost ${us.address} ${peer.mac}`];
        assertEquals([outcomes, wire.claims.isLost(family.bytes(us.address))], [lost, true]);
        wire.answers(frame);
        wire.answers(family.asks(peer, us.address));
        wire.answers(family.probes(peer, us.address));
        wire.pass(600 * SECOND_US);
        wire.expects();
        assertEquals([outcomes, wire.takeCounts()["address-conflicts"]], [lost, 1]);
      }
    });
  }

  Deno.test(`claim (${name}): of two addresses one is lost, the other kept`, () => {
    const { wire, outcomes } = claiming([us.address, us2.address]);
    wire.answers(family.tells({ ...us2, mac: peer.mac }));
    assertEquals(outcomes.splice(0), [`lost ${us2.address} ${peer.mac}`]);
    assertEquals(wire.gives(family.asks(peer, us.address)).length, 1);
    wire.pass(SECOND_US);
    wire.expects(probe);
    wire.pass(10 * SECOND_US);
    assertEquals(outcomes, [`kept ${us.address}`]);
  });

  Deno.test(`claim (${name}): our own probes that come back, and other addresses, are no conflict`, () => {
    const { wire, outcomes } = claiming();
    wire.answers(family.probes(us, us.address));
    wire.gives(family.probes({ mac: DEVICE_MAC }, us.address));
    wire.gives(family.probes(peer, family.wanted));
    wire.gives(family.tells({ ...peer, address: family.wanted }));
    wire.gives(family.asks(peer, us.address));
    assertEquals([outcomes, wire.conflicts], [[], []]);
  });

  Deno.test(`claim (${name}): once announced, a probe of somebody else is answered, and a conflict defended`, () => {
    const { wire, outcomes } = claiming();
    wire.pass(decidedUs);
    outcomes.length = 0;
    wire.take();
    wire.answers(family.probes(peer, us.address), family.answersProbe(us, peer));
    wire.answers(family.answersProbe(owner, us), family.tells(us));
    assertEquals(outcomes, []);
  });

  Deno.test(`claim (${name}): an address that was lost and given up leaves nothing, and can be claimed again`, () => {
    const { wire, outcomes } = claiming();
    const address = family.bytes(us.address);
    for (let round = 0; round < 3; round++) {
      wire.answers(family.tells(owner));
      wire.claims.forget(address);
      assertEquals([wire.claims.isAtRest, wire.claims.isLost(address)], [true, false]);
      wire.claims.claim(address, { lost: () => outcomes.push("lost"), alsoOurs: null });
      // Claimed twice, it is one claim.
      wire.claims.claim(address, { lost: () => outcomes.push("lost"), alsoOurs: null });
      outcomes.length = 0;
    }
    wire.pass(SECOND_US);
    wire.expects(probe);
    wire.answers(family.tells(owner));
    assertEquals(outcomes, ["lost"]);
  });

  Deno.test(`conflict (${name}): the address is defended to all, once in ten seconds, and told with how many there were (RFC 5227 §2.4)`, () => {
    for (
      const frame of [family.tells(owner), family.answersProbe(owner, us), family.asks(owner, other.address)]
    ) {
      const wire = new NeighborBench(family);
      wire.answers(frame, family.tells(us));
      for (let at = 0; at < 1000; at++) wire.answers(frame);
      wire.pass(10 * SECOND_US - 1);
      wire.answers(frame);
      assertEquals([wire.conflicts, wire.takeCounts()["address-conflicts"]], [[`${peer.mac} 1`], 1002]);
      wire.pass(1);
      wire.answers(frame, family.tells(us));
      assertEquals(wire.conflicts, [`${peer.mac} 1`, `${peer.mac} 1002`]);
    }
  });

  Deno.test(`conflict (${name}): each of two addresses has its own ten seconds (RFC 5227 §2.4)`, () => {
    const wire = new NeighborBench(family, [us.address, us2.address]);
    const claim = (address: string) => family.tells({ address, mac: peer.mac });
    wire.answers(claim(us.address), family.tells(us));
    wire.pass(6 * SECOND_US);
    wire.answers(claim(us2.address), family.tells(us2));
    wire.pass(4 * SECOND_US);
    wire.answers(claim(us2.address));
    wire.answers(claim(us.address), family.tells(us));
  });

  Deno.test(`claim (${name}): whoever is told may claim, give up and probe in the call`, () => {
    const wire = new NeighborBench(family);
    const address = family.bytes(us.address);
    const told: string[] = [];
    wire.claims.claim(address, {
      lost: () => {
        told.push("lost");
        wire.claims.forget(address);
        wire.claims.claim(family.bytes(us2.address), {
          lost: () => told.push("lost 2"),
          kept: () => told.push("kept 2"),
          alsoOurs: null,
        });
      },
      alsoOurs: null,
    });
    wire.gives(family.tells(owner));
    wire.pass(10 * SECOND_US);
    assertEquals(told, ["lost", "kept 2"]);
  });
}

// -- In a host

/** Whoever sends this has the address. */
function owns(operation: number, senderIp: string, to = EVERYBODY): Uint8Array {
  return arpFrame({ operation, senderMac: PEER_MAC, senderIp, targetMac: NO_MAC, targetIp: PEER_IP }, { to });
}

Deno.test("claim of a host: a request from nobody to us alone is a switch that looks for its hosts, and no probe (RFC 5227 §1.1)", () => {
  const wire = new WireHost();
  const lost: string[] = [];
  wire.user((host) =>
    host.claim([ip(OUR_IP)], { lost: (address) => lost.push(address.join(".")), alsoOurs: null })
  );
  const asks = {
    operation: 1,
    senderMac: PEER_MAC,
    senderIp: "0.0.0.0",
    targetMac: NO_MAC,
    targetIp: OUR_IP,
  };
  wire.answers(
    arpFrame(asks, { to: OUR_MAC }),
    arpFrame(
      { operation: 2, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: PEER_MAC, targetIp: "0.0.0.0" },
      {
        to: PEER_MAC,
      },
    ),
  );
  assertEquals(lost, []);
  wire.answers(arpFrame(asks, { to: EVERYBODY }));
  assertEquals(lost, [OUR_IP]);
});

Deno.test("conflict: told with the other's hardware address, once in ten seconds with how many there were (RFC 5227 §2.4)", () => {
  const told: string[] = [];
  const wire = new WireHost({ onNotice: (kind, message) => told.push(`${kind} ${message}`) });
  const takeEvents = () =>
    wire.events.splice(0).flatMap((event) =>
      event.event === "notice" ? [`${event.kind} ${event.message}`] : []
    );
  const first =
    "address-conflict 02:00:00:00:00:09 says that it has 10.0.0.1, which is ours: it is defended, and one of the two must give it up";
  wire.answers(owns(1, OUR_IP), arpRequest(OUR_IP));
  assertEquals([takeEvents(), told.splice(0)], [[first], [first]]);
  for (let at = 0; at < 1000; at++) wire.answers(owns(1, OUR_IP));
  wire.nowUs += 10 * SECOND_US - 1;
  wire.answers(owns(1, OUR_IP));
  assertEquals([takeEvents(), told], [[], []]);
  wire.nowUs += 1;
  wire.answers(owns(1, OUR_IP), arpRequest(OUR_IP));
  assertEquals(told, [first.replace("ours:", "ours, 1002 times since the last notice:")]);
});

Deno.test("a segment that says it is from our address is no conflict, and gets silence (RFC 5227 concerns ARP alone)", () => {
  const wire = new WireHost();
  const lost: string[] = [];
  wire.user((host) =>
    host.claim([ip(OUR_IP)], { lost: (address) => lost.push(address.join(".")), alsoOurs: null })
  );
  wire.answers(segmentFrame({ seq: 1, flags: 2, source: OUR_IP }));
  assertEquals(lost, []);
});
