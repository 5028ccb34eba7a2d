/**
 * The cache of hardware addresses: who is asked, how often, what waits for the answer, what is believed and for how
 * long (RFC 826, RFC 1122 §2.3.2). Driven by active opens, whose SYN goes to the address that ARP gives.
 */
import { assertEquals } from "@std/assert";
import { arpFrame, four, hex, ip } from "./hand_frames.ts";
import {
  arpReply,
  arpRequest,
  EVERYBODY,
  NO_MAC,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  ROUTER_MAC,
  SECOND_US,
  WireHost,
} from "./wire_host.ts";

const OTHER_IP = "10.0.0.8";
const OTHER_MAC = "02:00:00:00:00:08";

/** Begins a connection; its SYN is sent or waits. */
function opens(wire: WireHost, address: string, port = 80) {
  const localPort = 50_000 + port;
  return wire.user((host) => host.connect({ address: ip(address), port, localPort, handler: {} }));
}

/** Where a SYN goes: hardware address, IP address and port. */
function destinations(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => {
    assertEquals([frame.length, frame[47]], [58, 0x02], `a SYN with an MSS: ${hex(frame)}`);
    const to = Array.from(frame.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
    return `${to} ${frame.subarray(30, 34).join(".")}:${(frame[36] << 8) | frame[37]}`;
  });
}

/** The host has sent SYNs to exactly these since the last look. */
function expectSyns(wire: WireHost, ...expected: string[]): void {
  assertEquals(destinations(wire.take()), expected);
}

Deno.test("ARP cache: an unknown neighbor is asked for, and the SYN leaves when it answers, to it (RFC 826)", () => {
  const wire = new WireHost();
  opens(wire, PEER_IP);
  wire.expects(arpRequest(PEER_IP));
  // Answers about others, and questions of others, are none.
  wire.answers(arpReply(OTHER_IP, OTHER_MAC));
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, PEER_MAC))), [`${PEER_MAC} ${PEER_IP}:80`]);
  wire.answers(arpReply(PEER_IP, PEER_MAC));
});

Deno.test("ARP cache: two neighbors, two hardware addresses, whichever answers first", () => {
  const wire = new WireHost();
  opens(wire, PEER_IP);
  opens(wire, OTHER_IP);
  wire.expects(arpRequest(PEER_IP), arpRequest(OTHER_IP));
  assertEquals(destinations(wire.gives(arpReply(OTHER_IP, OTHER_MAC))), [`${OTHER_MAC} ${OTHER_IP}:80`]);
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, PEER_MAC))), [`${PEER_MAC} ${PEER_IP}:80`]);
  opens(wire, OTHER_IP, 81);
  opens(wire, PEER_IP, 81);
  expectSyns(wire, `${OTHER_MAC} ${OTHER_IP}:81`, `${PEER_MAC} ${PEER_IP}:81`);
});

Deno.test("ARP cache: addresses that differ in any bit are different neighbors", () => {
  const wire = new WireHost({ addresses: ["10.0.0.1/0"] });
  const neighbors = Array.from({ length: 33 }, (_, bit) => {
    // The last is the address from which all the others differ.
    const address = four(bit === 32 ? 0x40000001 : (0x40000001 ^ (1 << bit)) >>> 0).join(".");
    return { address, hardware: `02:00:00:00:01:${bit.toString(16).padStart(2, "0")}` };
  });
  for (const { address, hardware } of neighbors) wire.answers(arpReply(address, hardware));
  for (const { address, hardware } of neighbors) {
    opens(wire, address);
    expectSyns(wire, `${hardware} ${address}:80`);
  }
});

Deno.test("ARP cache: a request names the address from which the connection begins (RFC 826)", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/24"] });
  opens(wire, "192.168.7.9");
  wire.expects(arpRequest("192.168.7.9", "192.168.7.1"));
});

Deno.test("ARP cache: at most one request a second for the same neighbor (RFC 1122 §2.3.2.1)", () => {
  const wire = new WireHost();
  opens(wire, PEER_IP, 80);
  wire.expects(arpRequest(PEER_IP));
  opens(wire, PEER_IP, 81);
  wire.expects();
  wire.nowUs += SECOND_US - 1;
  opens(wire, PEER_IP, 82);
  wire.expects();
  // Another neighbor does not wait for this one's second.
  opens(wire, OTHER_IP, 80);
  wire.expects(arpRequest(OTHER_IP));
  wire.pass(1);
  wire.expects(arpRequest(PEER_IP));
  opens(wire, PEER_IP, 83);
  wire.expects();
});

Deno.test("ARP cache: a neighbor that never answers is asked for as long as the connection tries, then no more", () => {
  const wire = new WireHost();
  let closed = "";
  wire.user((host) =>
    host.connect({
      address: ip(PEER_IP),
      port: 80,
      handler: { onClosed: (_connection, reason) => closed = reason },
    })
  );
  let requests = 0;
  for (let second = 0; second < 400; second++) {
    const frames = wire.take().map(hex);
    assertEquals(frames, frames.map(() => hex(arpRequest(PEER_IP))));
    assertEquals(frames.length <= 1, true, "more than one request in a second");
    requests += frames.length;
    wire.pass(SECOND_US);
  }
  assertEquals(closed, "timeout");
  // Three for the SYN, and three for each repetition (after 7, 15, 31, 63 and 123 seconds) that finds nobody being asked.
  assertEquals(requests, 18);
  wire.take();
  wire.pass(1000 * SECOND_US);
  wire.expects();
});

Deno.test("ARP cache: a neighbor that is known is not asked for again", () => {
  const wire = new WireHost();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  opens(wire, PEER_IP);
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:80`);
});

// -- What waits

Deno.test("ARP cache: the SYNs of several connections wait, and leave in the order in which they came", () => {
  const wire = new WireHost();
  for (const port of [83, 80, 82, 81]) opens(wire, PEER_IP, port);
  wire.expects(arpRequest(PEER_IP));
  const expected = [83, 80, 82, 81].map((port) => `${PEER_MAC} ${PEER_IP}:${port}`);
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, PEER_MAC))), expected);
});

Deno.test("ARP cache: of 70 SYNs for one neighbor the latest 64 wait (RFC 1122 §2.3.2.2)", () => {
  const wire = new WireHost();
  const ports = Array.from({ length: 70 }, (_, at) => 100 + at);
  for (const port of ports) opens(wire, PEER_IP, port);
  opens(wire, OTHER_IP, 99);
  wire.take();
  assertEquals(
    destinations(wire.gives(arpReply(PEER_IP, PEER_MAC))),
    ports.slice(6).map((port) => `${PEER_MAC} ${PEER_IP}:${port}`),
  );
  assertEquals(destinations(wire.gives(arpReply(OTHER_IP, OTHER_MAC))), [`${OTHER_MAC} ${OTHER_IP}:99`]);
  // Those that did not wait are sent again by their connections, now to the known address.
  wire.pass(1_200_000);
  const again = destinations(wire.take());
  assertEquals(
    again.sort(),
    [`${OTHER_MAC} ${OTHER_IP}:99`, ...ports.map((port) => `${PEER_MAC} ${PEER_IP}:${port}`)].sort(),
  );
});

Deno.test("ARP cache: a SYN that was repeated meanwhile leaves once", () => {
  const wire = new WireHost();
  opens(wire, PEER_IP);
  wire.expects(arpRequest(PEER_IP));
  wire.pass(1_500_000);
  wire.expects(arpRequest(PEER_IP));
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, PEER_MAC))), [`${PEER_MAC} ${PEER_IP}:80`]);
});

Deno.test("ARP cache: a SYN that has waited for three seconds does not leave late; the next one does", () => {
  for (const [waitUs, leaves] of [[2_999_999, true], [3_000_000, false]] as const) {
    const wire = new WireHost();
    opens(wire, PEER_IP);
    wire.pass(waitUs);
    wire.take();
    assertEquals(wire.gives(arpReply(PEER_IP, PEER_MAC)).length, leaves ? 1 : 0);
  }
  const ended = new WireHost();
  opens(ended, PEER_IP).abort();
  ended.expects(arpRequest(PEER_IP));
  // Nobody waits any more: nothing leaves, and nobody is asked for again.
  ended.pass(10 * SECOND_US);
  ended.answers(arpReply(PEER_IP, PEER_MAC));
  const wire = new WireHost();
  opens(wire, PEER_IP);
  // Sent again at 1, 3 and 7 seconds.
  wire.pass(6_900_000);
  wire.take();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.pass(2 * SECOND_US);
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:80`);
});

// -- What is believed

/** A stranger's packet. */
function overheard(operation: number, senderIp: string, senderMac: string, targetIp: string): Uint8Array {
  return arpFrame({ operation, senderMac, senderIp, targetMac: NO_MAC, targetIp }, { to: EVERYBODY });
}

Deno.test("ARP cache: a request for our address tells the asker's (RFC 826)", () => {
  const wire = new WireHost();
  assertEquals(wire.gives(overheard(1, PEER_IP, PEER_MAC, OUR_IP)).length, 1);
  opens(wire, PEER_IP);
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:80`);
});

Deno.test("ARP cache: what strangers say to each other makes no entry (RFC 826)", () => {
  const wire = new WireHost();
  wire.answers(overheard(1, PEER_IP, PEER_MAC, OTHER_IP));
  wire.answers(overheard(2, PEER_IP, PEER_MAC, OTHER_IP));
  wire.answers(overheard(1, PEER_IP, PEER_MAC, PEER_IP));
  opens(wire, PEER_IP);
  wire.expects(arpRequest(PEER_IP));
});

Deno.test("ARP cache: what a known neighbor says to anybody moves its entry (RFC 826)", () => {
  const wire = new WireHost();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.answers(overheard(1, PEER_IP, OTHER_MAC, PEER_IP));
  opens(wire, PEER_IP);
  expectSyns(wire, `${OTHER_MAC} ${PEER_IP}:80`);
});

Deno.test("ARP cache: a probe teaches nothing, not even who it is that probes (RFC 5227 §2.1.1)", () => {
  const wire = new WireHost({ addresses: ["0.0.0.1/0"] });
  opens(wire, PEER_IP);
  wire.take();
  assertEquals(wire.gives(overheard(1, "0.0.0.0", OTHER_MAC, "0.0.0.1")).length, 1);
  wire.answers(overheard(1, "0.0.0.0", OTHER_MAC, PEER_IP));
  wire.answers(overheard(2, "0.0.0.0", OTHER_MAC, PEER_IP));
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, PEER_MAC, "0.0.0.1"))), [
    `${PEER_MAC} ${PEER_IP}:80`,
  ]);
});

// -- How long, and how many

Deno.test("ARP cache: an entry that nobody uses counts for a minute after its owner was last heard (RFC 1122 §2.3.2.1)", () => {
  const wire = new WireHost();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.nowUs += 60 * SECOND_US - 1;
  opens(wire, PEER_IP, 80).abort();
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:80`);
  wire.nowUs += 1;
  const later = opens(wire, PEER_IP, 81);
  wire.expects(arpRequest(PEER_IP));
  // The neighbor has a new card.
  assertEquals(destinations(wire.gives(arpReply(PEER_IP, OTHER_MAC))), [`${OTHER_MAC} ${PEER_IP}:81`]);
  later.abort();
  wire.nowUs += 30 * SECOND_US;
  wire.answers(overheard(1, PEER_IP, OTHER_MAC, PEER_IP));
  wire.nowUs += 60 * SECOND_US - 1;
  opens(wire, PEER_IP, 82);
  expectSyns(wire, `${OTHER_MAC} ${PEER_IP}:82`);
});

Deno.test("ARP cache: an entry that has outlived itself is asked for once a second, as an unknown one", () => {
  const wire = new WireHost();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.nowUs += 600 * SECOND_US;
  opens(wire, PEER_IP, 80);
  wire.expects(arpRequest(PEER_IP));
  opens(wire, PEER_IP, 81);
  wire.expects();
  wire.pass(2 * SECOND_US);
  wire.expects(arpRequest(PEER_IP), arpRequest(PEER_IP));
});

/** The address of neighbor `number`. */
function neighborIp(number: number): string {
  return `10.0.${1 + (number >> 8)}.${number & 0xff}`;
}

Deno.test("ARP cache: 1,024 entries that nobody uses; with one more the oldest is forgotten, and no other", () => {
  const wire = new WireHost({ addresses: ["10.0.0.1/8"] });
  for (let number = 0; number < 1024; number++) {
    wire.gives(overheard(1, neighborIp(number), PEER_MAC, OUR_IP));
  }
  // Who probes has no entry.
  assertEquals(wire.gives(overheard(1, "0.0.0.0", PEER_MAC, OUR_IP)).length, 1);
  // Told again, it is still the oldest: a stranger cannot keep an entry alive by talking.
  wire.gives(overheard(1, neighborIp(0), PEER_MAC, OUR_IP));
  for (const number of [0, 1, 1023]) {
    opens(wire, neighborIp(number)).abort();
    expectSyns(wire, `${PEER_MAC} ${neighborIp(number)}:80`);
  }
  assertEquals(wire.gives(overheard(1, neighborIp(1024), PEER_MAC, OUR_IP)).length, 1);
  // Those that were used have been counted anew.
  for (const number of [0, 1, 3, 1023, 1024]) {
    opens(wire, neighborIp(number), 81);
    expectSyns(wire, `${PEER_MAC} ${neighborIp(number)}:81`);
  }
  opens(wire, neighborIp(2), 81);
  wire.expects(arpRequest(neighborIp(2)));
});

Deno.test("ARP cache: an entry that is used outlasts ten thousand strangers", () => {
  const wire = new WireHost({ addresses: ["10.0.0.1/8"] });
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.answers(arpReply(OTHER_IP, OTHER_MAC));
  opens(wire, PEER_IP);
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:80`);
  for (let number = 0; number < 10_000; number++) {
    wire.gives(overheard(1, neighborIp(number), ROUTER_MAC, OUR_IP));
  }
  opens(wire, PEER_IP, 81);
  expectSyns(wire, `${PEER_MAC} ${PEER_IP}:81`);
  opens(wire, OTHER_IP, 81);
  wire.expects(arpRequest(OTHER_IP));
});

Deno.test("ARP cache: the gateway's entry is shared by all that is behind it", () => {
  const wire = new WireHost({ gateway: "10.0.0.254" });
  opens(wire, "203.0.113.5");
  opens(wire, "198.51.100.7");
  wire.expects(arpRequest("10.0.0.254"));
  assertEquals(destinations(wire.gives(arpReply("10.0.0.254", OUR_MAC))), []);
  assertEquals(destinations(wire.gives(arpReply("10.0.0.254", OTHER_MAC))), [
    `${OTHER_MAC} 203.0.113.5:80`,
    `${OTHER_MAC} 198.51.100.7:80`,
  ]);
});
