/**
 * Echo (RFC 792, RFC 1122 §3.2.2.6): what was sent comes back, from the address that was asked.
 */
import { assertEquals } from "@std/assert";
import { ethernet, type HandEthernet, type HandIp, hex, icmp, ipv4 } from "./hand_frames.ts";
import {
  EVERYBODY,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  ROUTER_MAC,
  SECOND_US,
  WireHost,
} from "./wire_host.ts";

interface Echo {
  /** Identifier and sequence number. */
  readonly rest?: number;
  readonly data?: Uint8Array;
  readonly header?: Partial<HandEthernet>;
  readonly packet?: Partial<HandIp>;
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >>> 8)) & 0xff);
}

function request(echo: Echo = {}): Uint8Array {
  const message = icmp({ type: 8, code: 0, rest: echo.rest ?? 0x00070001 }, echo.data ?? bytes(56));
  const packet = { source: PEER_IP, target: OUR_IP, protocol: 1, ttl: 3, ...echo.packet };
  return ethernet({ to: OUR_MAC, from: PEER_MAC, ...echo.header }, ipv4(packet, message));
}

function reply(echo: Echo = {}): Uint8Array {
  const message = icmp({ type: 0, code: 0, rest: echo.rest ?? 0x00070001 }, echo.data ?? bytes(56));
  const packet = { source: OUR_IP, target: PEER_IP, protocol: 1, ttl: 64, ...echo.packet };
  return ethernet({ to: PEER_MAC, from: OUR_MAC, ...echo.header }, ipv4(packet, message));
}

Deno.test("echo: identifier, sequence number and data come back, once", () => {
  const wire = new WireHost();
  for (const rest of [0, 1, 0x00070001, 0xffff0000, 0x80000000, 0xffffffff]) {
    wire.answers(request({ rest }), reply({ rest }));
  }
  assertEquals(wire.takeCounts(), { "echo-replies": 6 });
  wire.pass(60 * SECOND_US);
  wire.expects();
});

/** An answer in pieces of so many bytes: whole frames, with the number that the first of them has. */
function pieces(length: number, pieceBytes: number, first: Uint8Array): Uint8Array[] {
  const whole = reply({ data: bytes(length) }).subarray(34);
  const id = (first[18] << 8) | first[19];
  return Array.from({ length: Math.ceil(whole.length / pieceBytes) }, (_, at) => {
    const offset = at * pieceBytes;
    const part = whole.subarray(offset, offset + pieceBytes);
    const moreFragments = offset + pieceBytes < whole.length;
    const packet = {
      source: OUR_IP,
      target: PEER_IP,
      protocol: 1,
      id,
      moreFragments,
      fragmentOffset: offset,
    };
    return ethernet({ to: PEER_MAC, from: OUR_MAC }, ipv4(packet, part));
  });
}

Deno.test("echo: any length of data, odd ones too; what the MTU does not hold comes in fragments (RFC 791 §3.2)", () => {
  const wire = new WireHost();
  for (const length of [0, 1, 2, 31, 56, 1471, 1472]) {
    wire.answers(request({ data: bytes(length) }), reply({ data: bytes(length) }));
  }
  for (const length of [1473, 2952, 2953, 60_000, 65_507]) {
    wire.nowUs += SECOND_US;
    const sent = wire.gives(request({ data: bytes(length) }));
    assertEquals(sent.map(hex), pieces(length, 1480, sent[0]).map(hex));
  }
  const narrow = new WireHost({ mtu: 100 });
  narrow.answers(request({ data: bytes(72) }), reply({ data: bytes(72) }));
  const sent = narrow.gives(request({ data: bytes(73) }));
  assertEquals(sent.map(hex), pieces(73, 80, sent[0]).map(hex));
  // What may not be cut is not sent.
  narrow.answers(request({ data: bytes(73), packet: { dontFragment: true } }));
});

Deno.test("echo: the answer is made of the request's own bytes, not of what was there before", () => {
  const wire = new WireHost();
  wire.gives(request({ data: new Uint8Array(1000).fill(0xee) }));
  wire.answers(request({ data: bytes(3) }), reply({ data: bytes(3) }));
});

Deno.test("echo: of two addresses the one that was asked answers", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/24"] });
  for (const [source, target] of [[PEER_IP, "192.168.7.1"], ["192.168.7.9", OUR_IP], [PEER_IP, OUR_IP]]) {
    wire.answers(
      request({ packet: { source, target } }),
      reply({ packet: { source: target, target: source } }),
    );
  }
});

Deno.test("echo: the answer goes back to where the request came from, a router too, without asking", () => {
  const wire = new WireHost({ gateway: "10.0.0.254" });
  wire.answers(
    request({ header: { from: ROUTER_MAC }, packet: { source: "203.0.113.5" } }),
    reply({ header: { to: ROUTER_MAC }, packet: { target: "203.0.113.5" } }),
  );
});

Deno.test("echo: on our VLAN the answer is on it; a request without its tag gets none (IEEE 802.1Q)", () => {
  const wire = new WireHost({ vlan: 12 });
  wire.answers(request({ header: { vlan: 12 } }), reply({ header: { vlan: 12 } }));
  wire.answers(request());
});

Deno.test("echo: the time to live is ours (MUST-49)", () => {
  for (const ttl of [1, 64, 255]) {
    new WireHost({ ttl }).answers(request(), reply({ packet: { ttl } }));
  }
});

Deno.test("echo: an atomic request gets an atomic reply, another one with the identification of the request (RFC 6864 §4.1)", () => {
  const wire = new WireHost();
  for (const packet of [{ id: 0, dontFragment: true }, { id: 0xabcd }, { id: 5, dontFragment: true }]) {
    wire.answers(request({ packet }), reply({ packet }));
  }
});

Deno.test("echo: options of the request are passed over, and not sent back (MUST-50)", () => {
  const wire = new WireHost();
  wire.answers(request({ packet: { options: [0x94, 4, 0, 0] } }), reply());
  const most = { data: bytes(1472 - 40), packet: { options: Array.from({ length: 40 }, () => 1) } };
  wire.answers(request(most), reply({ data: most.data }));
});

Deno.test("echo: padding behind a short packet does not come back", () => {
  const wire = new WireHost();
  wire.answers(request({ data: bytes(4), header: { padTo: 60 } }), reply({ data: bytes(4) }));
});

Deno.test("echo: a wrong ICMP sum is dropped, and told", () => {
  const wire = new WireHost({ checksumPolicy: "ignore" });
  wire.answers(request(), reply());
  wire.takeCounts();
  const frame = request();
  frame[frame.length - 1] ^= 1;
  wire.answers(frame);
  assertEquals(wire.takeDrops(), ["checksum"]);
  assertEquals(wire.takeCounts(), { "drop-checksum": 1 });
});

Deno.test("echo: sources that are no host's are not answered (RFC 1122 §3.2.1.3)", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/30"] });
  const sources = [
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "10.0.0.255",
    "192.168.7.3",
    OUR_IP,
    "192.168.7.1",
  ];
  for (const source of sources) {
    wire.answers(request({ packet: { source } }));
    assertEquals(wire.takeDrops(), ["bad-source"], source);
  }
  assertEquals(wire.takeCounts(), { "drop-bad-source": 8 });
  // The neighbors of those.
  for (const source of ["10.0.0.254", "192.168.7.2", "192.168.7.255", "223.255.255.255"]) {
    wire.answers(request({ packet: { source } }), reply({ packet: { target: source } }));
  }
});

Deno.test("echo: not answered when it was sent to everybody (RFC 1122 §3.2.2.6)", () => {
  const wire = new WireHost();
  wire.answers(request({ header: { to: EVERYBODY } }));
  wire.answers(request({ packet: { target: "10.0.0.255" } }));
});

Deno.test("ICMP of other types gets no answer and no event (RFC 1122 §3.2.2)", () => {
  const wire = new WireHost();
  for (const type of [0, 1, 2, 4, 5, 6, 7, 9, 10, 13, 15, 17, 18, 30, 255]) {
    const message = icmp({ type, code: 0 }, bytes(56));
    wire.answers(
      ethernet(
        { to: OUR_MAC, from: PEER_MAC },
        ipv4({ source: PEER_IP, target: OUR_IP, protocol: 1 }, message),
      ),
    );
  }
  assertEquals(wire.takeDrops(), []);
  assertEquals(wire.takeCounts(), {});
});

/** How many of `count` requests are answered, each with its own source address when `sources` is above one. */
function answered(wire: WireHost, count: number, sources = 1): number {
  let replies = 0;
  for (let at = 0; at < count; at++) {
    const source = sources === 1 ? PEER_IP : `10.${1 + (at >> 16)}.${(at >> 8) & 0xff}.${at & 0xff}`;
    replies += wire.gives(request({ data: bytes(0), packet: { source } })).length;
  }
  return replies;
}

Deno.test("echo: one host is answered 1,000 times at once and 10,000 times a second; others as much beside it", () => {
  const wire = new WireHost();
  assertEquals(answered(wire, 3000), 1000);
  assertEquals(wire.takeCounts(), { "echo-replies": 1000, "echo-limited": 2000 });
  wire.answers(
    request({ data: bytes(0), packet: { source: "10.0.0.8" } }),
    reply({ data: bytes(0), packet: { target: "10.0.0.8" } }),
  );
  // A tenth of a second brings back all; the ten thousandth part of one a single one.
  wire.nowUs += 100;
  assertEquals(answered(wire, 10), 1);
  wire.nowUs += SECOND_US;
  assertEquals(answered(wire, 3000), 1000);
  let second = 0;
  for (let step = 0; step < 100; step++) {
    wire.nowUs += SECOND_US / 100;
    second += answered(wire, 200);
  }
  assertEquals(second, 10_000);
});

Deno.test("echo: a flood from addresses without end is answered 2,000 times at once, whatever they are", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/8`] });
  assertEquals(answered(wire, 20_000, 20_000), 2000);
  assertEquals(wire.takeCounts(), { "echo-replies": 2000, "echo-limited": 18_000 });
});

for (const source of ["10.0.0.255", "255.255.255.255", "224.0.0.1", "0.0.0.0", "127.0.0.1", OUR_IP]) {
  Deno.test(`echo from ${source}: silence (RFC 1122 §3.2.1.3)`, () => {
    const wire = new WireHost();
    wire.answers(request({ packet: { source } }));
    assertEquals(wire.takeCounts(), { "drop-bad-source": 1 });
  });
}

Deno.test("echo from a group hardware address: silence, as everybody would get the answer", () => {
  for (const from of [EVERYBODY, "01:00:5e:00:00:01", "33:33:00:00:00:01"]) {
    const wire = new WireHost();
    wire.answers(request({ header: { from } }));
    assertEquals(wire.takeCounts(), { "drop-bad-source": 1 });
  }
});
