/**
 * Taking an address while one still asks who has it, and defending it afterwards (RFC 5227 §2.1.1, §2.3, §2.4).
 */
import { assertEquals } from "@std/assert";
import { arpFrame, ip, mac } from "./hand_frames.ts";
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

const OTHER_IP = "10.0.0.2";
const DEVICE_MAC = "02:00:00:00:00:dd";

/** A host that has just begun to claim its addresses; `lost` gathers those that turn out to be others'. */
function claiming(addresses = [OUR_IP]): { wire: WireHost; lost: string[] } {
  const wire = new WireHost({ addresses: addresses.map((address) => `${address}/24`) });
  const lost: string[] = [];
  wire.user((host) =>
    host.claim(addresses.map(ip), {
      lost: (address, by) => lost.push(`${address.join(".")} ${by.join()}`),
      alsoOurs: mac(DEVICE_MAC),
    })
  );
  wire.expects();
  return { wire, lost };
}

/** A probe (RFC 5227 §1.1). */
function probe(targetIp: string, senderMac: string, to = EVERYBODY): Uint8Array {
  return arpFrame({ operation: 1, senderMac, senderIp: "0.0.0.0", targetMac: NO_MAC, targetIp }, { to });
}

/** Whoever sends this has the address. */
function owner(operation: number, senderIp: string, to = EVERYBODY): Uint8Array {
  return arpFrame({ operation, senderMac: PEER_MAC, senderIp, targetMac: NO_MAC, targetIp: PEER_IP }, { to });
}

function replyTo(targetMac: string, targetIp: string): Uint8Array {
  return arpFrame({ operation: 2, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac, targetIp }, {
    to: targetMac,
  });
}

function asks(): Uint8Array {
  return arpFrame(
    { operation: 1, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: NO_MAC, targetIp: OUR_IP },
    { to: EVERYBODY },
  );
}

Deno.test("claim: two more probes a second apart, announced two seconds later, and again after two (RFC 5227 §1.1)", () => {
  const { wire, lost } = claiming();
  const steps: [number, Uint8Array][] = [
    [SECOND_US, probe(OUR_IP, OUR_MAC)],
    [SECOND_US, probe(OUR_IP, OUR_MAC)],
    [2 * SECOND_US, arpRequest(OUR_IP)],
    [2 * SECOND_US, arpRequest(OUR_IP)],
  ];
  for (const [waitUs, frame] of steps) {
    wire.pass(waitUs - 1);
    wire.expects();
    wire.pass(1);
    wire.expects(frame);
  }
  wire.pass(600 * SECOND_US);
  wire.expects();
  assertEquals([lost, wire.host.nextDeadlineUs()], [[], Infinity]);
});

Deno.test("claim: the address is answered for at once", () => {
  const { wire } = claiming();
  wire.answers(asks(), replyTo(PEER_MAC, PEER_IP));
});

const CONFLICTS = [
  { name: "a reply of its owner", frame: owner(2, OUR_IP, OUR_MAC) },
  { name: "a request of its owner", frame: owner(1, OUR_IP) },
  { name: "somebody else's probe", frame: probe(OUR_IP, PEER_MAC) },
];
for (const { name, frame } of CONFLICTS) {
  Deno.test(`claim: ${name}, up to four seconds later, ends it: once, and nothing more is said for the address (RFC 5227 §2.1.1)`, () => {
    for (const afterUs of [0, 300_000, 3_999_999]) {
      const { wire, lost } = claiming();
      wire.pass(afterUs);
      wire.take();
      wire.answers(frame);
      assertEquals(lost, [`${OUR_IP} ${mac(PEER_MAC).join()}`]);
      wire.answers(frame);
      wire.answers(asks());
      wire.pass(600 * SECOND_US);
      wire.expects();
      assertEquals([lost.length, wire.takeCounts()["address-conflicts"]], [1, 1]);
    }
  });
}

Deno.test("claim: of two addresses one is lost, the other kept", () => {
  const { wire, lost } = claiming([OUR_IP, OTHER_IP]);
  wire.answers(owner(2, OTHER_IP, OUR_MAC));
  assertEquals(lost, [`${OTHER_IP} ${mac(PEER_MAC).join()}`]);
  wire.answers(asks(), replyTo(PEER_MAC, PEER_IP));
  wire.pass(SECOND_US);
  wire.expects(probe(OUR_IP, OUR_MAC));
});

Deno.test("claim: what is no conflict: a switch that looks for its hosts, our own probes come back, other addresses", () => {
  const { wire, lost } = claiming();
  // To us alone: no probe (they go to everybody), but a question.
  wire.answers(probe(OUR_IP, PEER_MAC, OUR_MAC), replyTo(PEER_MAC, "0.0.0.0"));
  wire.answers(probe(OUR_IP, OUR_MAC));
  wire.answers(probe(OUR_IP, DEVICE_MAC), replyTo(DEVICE_MAC, "0.0.0.0"));
  wire.answers(probe("10.0.0.3", PEER_MAC));
  wire.answers(owner(2, "10.0.0.3"));
  assertEquals(lost, []);
});

Deno.test("claim: once announced, a probe of somebody else is answered, and a conflict defended (RFC 5227 §2.4)", () => {
  const { wire, lost } = claiming();
  wire.pass(4 * SECOND_US);
  wire.take();
  wire.answers(probe(OUR_IP, PEER_MAC), replyTo(PEER_MAC, "0.0.0.0"));
  wire.answers(owner(2, OUR_IP, OUR_MAC), arpRequest(OUR_IP));
  assertEquals(lost, []);
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
  wire.answers(owner(1, OUR_IP), arpRequest(OUR_IP));
  assertEquals([takeEvents(), told.splice(0)], [[first], [first]]);
  for (let at = 0; at < 1000; at++) wire.answers(owner(1, OUR_IP));
  wire.nowUs += 10 * SECOND_US - 1;
  wire.answers(owner(1, OUR_IP));
  assertEquals([takeEvents(), told], [[], []]);
  wire.nowUs += 1;
  wire.answers(owner(1, OUR_IP), arpRequest(OUR_IP));
  assertEquals(told, [first.replace("ours:", "ours, 1002 times since the last notice:")]);
});

Deno.test("a segment that says it is from our address is no conflict, and gets silence (RFC 5227 concerns ARP alone)", () => {
  const { wire, lost } = claiming();
  wire.answers(segmentFrame({ seq: 1, flags: 2, source: OUR_IP }));
  assertEquals(lost, []);
});
