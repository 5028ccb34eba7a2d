/**
 * Active opens: whom a host connects to, from which address and port, and by which router (MUST-44, MUST-46; RFC 6056,
 * RFC 6335 §6).
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { ConnectOptions } from "../../src/host/api.ts";
import { arpFrame, ethernet, hex, ip, ipv4, tcp } from "./hand_frames.ts";
import { u32 } from "./conversation.ts";
import {
  arpReply,
  arpRequest,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  ROUTER_MAC,
  WireHost,
} from "./wire_host.ts";

type Fields = Partial<Omit<ConnectOptions, "address">>;

function connect(wire: WireHost, address: string, fields: Fields = {}) {
  return wire.user((host) => host.connect({ address: ip(address), port: 80, handler: {}, ...fields }));
}

/** A SYN without timestamps as it leaves, its initial number and identification read from it. */
function synOf(frame: Uint8Array, about: { to: string; source: string; target: string; sourcePort: number }) {
  const { to, source, target, sourcePort } = about;
  const options = [2, 4, 0x05, 0xb4];
  const segment = tcp({
    source,
    target,
    sourcePort,
    targetPort: 80,
    seq: u32(frame, 38),
    flags: 2,
    window: 0xffff,
    options,
  });
  const id = (frame[18] << 8) | frame[19];
  return ethernet(
    { to, from: OUR_MAC },
    ipv4({ source, target, protocol: 6, id, dontFragment: true }, segment),
  );
}

/** Which neighbor is asked for the way to `address`, and under which of our addresses. */
function asksFor(wire: WireHost, address: string, neighbor: string, source = OUR_IP): void {
  connect(wire, address);
  wire.expects(arpRequest(neighbor, source));
}

// -- The way

Deno.test("the gateway is used for what is off the link, and for nothing else (RFC 1122 §3.3.1.1)", () => {
  const gateway = "10.0.0.254";
  for (const address of ["10.0.1.1", "9.255.255.255", "192.168.0.1", "203.0.113.5"]) {
    asksFor(new WireHost({ gateway }), address, gateway);
  }
  for (const address of ["10.0.0.2", "10.0.0.253", "10.0.0.254"]) {
    asksFor(new WireHost({ gateway }), address, address);
  }
});

Deno.test("prefixes that do not end at a byte are looked at to the bit", () => {
  const options = { addresses: ["10.0.0.130/26"], gateway: "10.0.0.190" };
  for (const address of ["10.0.0.129", "10.0.0.190"]) {
    asksFor(new WireHost(options), address, address, "10.0.0.130");
  }
  for (const address of ["10.0.0.127", "10.0.0.192", "10.0.0.1"]) {
    asksFor(new WireHost(options), address, "10.0.0.190", "10.0.0.130");
  }
});

Deno.test("without a gateway there is no way off the link: refused with what to do, and nothing is sent (RFC 1122 §3.3.1.1)", () => {
  const wire = new WireHost(TWO_NETS);
  for (const fields of [{}, { localAddress: ip("192.168.7.1") }]) {
    assertThrows(
      () => connect(wire, "203.0.113.5", fields),
      Error,
      "No route to 203.0.113.5: it is on no network of this host, and no IPv4 router is known. Give one with --gateway.",
    );
  }
  wire.expects();
  assertEquals(wire.host.connections(), []);
});

Deno.test("a SYN by the router: its hardware address, the peer's address, field by field", () => {
  const wire = new WireHost({ gateway: "10.0.0.254" });
  connect(wire, "203.0.113.5", { localPort: 50_000 });
  wire.expects(arpRequest("10.0.0.254"));
  const [syn] = wire.gives(arpReply("10.0.0.254", ROUTER_MAC));
  const about = { to: ROUTER_MAC, source: OUR_IP, target: "203.0.113.5", sourcePort: 50_000 };
  assertEquals(hex(syn), hex(synOf(syn, about)));
  wire.expects();
});

// -- The address

const TWO_NETS = { addresses: [`${OUR_IP}/24`, "192.168.7.1/24", "172.16.0.1/16"] };

Deno.test("of several addresses that on the peer's network is used, wherever it stands (MUST-44)", () => {
  for (
    const [address, source] of [
      ["10.0.0.9", OUR_IP],
      ["192.168.7.9", "192.168.7.1"],
      ["172.16.200.9", "172.16.0.1"],
    ]
  ) {
    const wire = new WireHost(TWO_NETS);
    asksFor(wire, address, address, source);
    assertEquals(wire.host.connections()[0].localAddress, ip(source));
    wire.gives(arpReply(address, PEER_MAC, source));
    const reversed = new WireHost({ addresses: TWO_NETS.addresses.toReversed() });
    asksFor(reversed, address, address, source);
  }
});

Deno.test("behind a router, the address on the router's network is used (MUST-44)", () => {
  for (const [gateway, source] of [["10.0.0.254", OUR_IP], ["192.168.7.254", "192.168.7.1"]]) {
    asksFor(new WireHost({ ...TWO_NETS, gateway }), "203.0.113.5", gateway, source);
  }
});

Deno.test("behind a router on none of our networks, the first address is used", () => {
  asksFor(new WireHost({ ...TWO_NETS, gateway: "10.9.0.254" }), "203.0.113.5", "10.9.0.254", OUR_IP);
});

Deno.test("of networks that contain each other the narrowest counts (MUST-44)", () => {
  const addresses = ["10.0.0.1/8", "10.1.0.1/16", "10.1.2.1/24"];
  for (const order of [addresses, addresses.toReversed()]) {
    asksFor(new WireHost({ addresses: order }), "10.1.2.9", "10.1.2.9", "10.1.2.1");
    asksFor(new WireHost({ addresses: order }), "10.1.3.9", "10.1.3.9", "10.1.0.1");
    asksFor(new WireHost({ addresses: order }), "10.2.3.9", "10.2.3.9", "10.0.0.1");
  }
});

Deno.test("of two addresses on the same network the first is used", () => {
  asksFor(new WireHost({ addresses: ["10.0.0.1/24", "10.0.0.2/24"] }), PEER_IP, PEER_IP, "10.0.0.1");
  asksFor(new WireHost({ addresses: ["10.0.0.2/24", "10.0.0.1/24"] }), PEER_IP, PEER_IP, "10.0.0.2");
});

Deno.test("an address that the application names is used, and one that is not ours refused", () => {
  const wire = new WireHost(TWO_NETS);
  const connection = connect(wire, PEER_IP, { localAddress: ip("192.168.7.1") });
  wire.expects(arpRequest(PEER_IP, "192.168.7.1"));
  assertEquals(connection.name.startsWith("192.168.7.1:"), true);
  for (const address of ["10.0.0.2", "0.0.0.0"]) {
    const localAddress = ip(address);
    assertThrows(
      () => connect(wire, PEER_IP, { localAddress }),
      Error,
      `${address} is not an address of this host. Give one of its own, or none.`,
    );
    assertThrows(
      () => wire.host.listen({ port: 1, address: localAddress, accept: () => ({}) }),
      Error,
      `${address} is not an address of this host. Give one of its own, or none.`,
    );
  }
  wire.expects();
  assertEquals([wire.host.connections().length, wire.host.listeners().length], [1, 0]);
});

// -- Whom not

Deno.test("no connection to what is not one other host: groups, broadcasts, nobody, ourselves (MUST-46)", () => {
  const wire = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/30"], gateway: "10.0.0.254" });
  const refused = [
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "10.0.0.255",
    "192.168.7.3",
    "0.0.0.0",
    "127.0.0.1",
    OUR_IP,
    "192.168.7.1",
  ];
  for (const address of refused) {
    assertThrows(
      () => connect(wire, address),
      Error,
      `Cannot connect to ${address}: it is not the address of another host`,
    );
  }
  wire.expects();
  assertEquals(wire.host.connections(), []);
  const v6 = new Uint8Array(16).fill(0x20);
  assertThrows(
    () => wire.host.connect({ address: v6, port: 80, handler: {} }),
    Error,
    "No route to 2020:2020:2020:2020:2020:2020:2020:2020: this host has no IPv6 address in use",
  );
  for (const address of ["223.255.255.255", "10.0.0.254", "10.0.1.255", "192.168.7.2", "240.0.0.1"]) {
    connect(wire, address);
  }
});

Deno.test("ports from 1 to 65535, the peer's and ours", () => {
  const wire = new WireHost();
  for (const port of [0, -1, 65_536, 1.5, NaN, Infinity]) {
    assertThrows(
      () => connect(wire, PEER_IP, { port }),
      RangeError,
      `Expected a port from 1 to 65535, got ${port}`,
    );
    assertThrows(
      () => connect(wire, PEER_IP, { localPort: port }),
      RangeError,
      `Expected a local port from 1 to 65535, got ${port}`,
    );
  }
  wire.expects();
  for (const port of [1, 65_535]) {
    assertEquals(connect(wire, PEER_IP, { port }).peerPort, port);
    assertEquals(connect(wire, PEER_IP, { localPort: port }).localPort, port);
  }
});

// -- Our port

Deno.test("ports of our own choice are dynamic ones, all different, in no order that shows (RFC 6335 §6, RFC 6056 §3.3.3)", () => {
  const wire = new WireHost();
  const ports = Array.from({ length: 200 }, () => connect(wire, PEER_IP).localPort);
  for (const port of ports) assert(port >= 49_152 && port <= 65_535, `${port}`);
  assertEquals(new Set(ports).size, 200);
  // Towards another peer, or with another secret, they begin elsewhere.
  const first = (address: string, secret: number) =>
    connect(new WireHost({ secret: new Uint8Array(16).fill(secret) }), address).localPort;
  const firsts = [first(PEER_IP, 1), first("10.0.0.8", 1), first(PEER_IP, 2), first("10.0.0.8", 2)];
  assertEquals(new Set(firsts).size, 4, firsts.join());
});

Deno.test("a port that is in use towards the same peer is not chosen, nor is one that is asked for twice", () => {
  const wire = new WireHost();
  const other = new WireHost();
  const foretold = connect(other, PEER_IP).localPort;
  connect(wire, PEER_IP, { localPort: foretold });
  const chosen = connect(wire, PEER_IP).localPort;
  assertNotEquals(chosen, foretold);
  assertThrows(
    () => connect(wire, PEER_IP, { localPort: foretold }),
    Error,
    `Port ${foretold} already has a connection to ${PEER_IP}:80`,
  );
  // Towards another peer, or another port of the same one, it is free.
  connect(wire, "10.0.0.8", { localPort: foretold });
  connect(wire, PEER_IP, { localPort: foretold, port: 81 });
  assertEquals(wire.host.connections().length, 4);
});

Deno.test("a port with a listener is not chosen; where all are taken that is an error, and one that is free is found", () => {
  const wire = new WireHost();
  const listeners = Array.from(
    { length: 16_384 },
    (_, at) => wire.host.listen({ port: 49_152 + at, accept: () => ({}) }),
  );
  // Wherever the search begins: it stays among the dynamic ports.
  for (let last = 2; last < 26; last++) {
    assertThrows(() => connect(wire, `10.0.0.${last}`), Error, `No free port left towards 10.0.0.${last}:80`);
  }
  for (const port of [49_152, 65_535, 57_001]) {
    listeners[port - 49_152].close();
    assertEquals(connect(wire, PEER_IP).localPort, port);
    assertThrows(() => connect(wire, PEER_IP), Error, "No free port left");
  }
  // A port that is named may have a listener (MUST-42).
  assertEquals(connect(wire, PEER_IP, { localPort: 50_000 }).localPort, 50_000);
});

Deno.test("a listener on another of our addresses does not take the port from this one", () => {
  const wire = new WireHost(TWO_NETS);
  for (let port = 49_152; port <= 65_535; port++) {
    wire.host.listen({ port, address: ip("192.168.7.1"), accept: () => ({}) });
  }
  connect(wire, PEER_IP);
  assertThrows(() => connect(wire, "192.168.7.9"), Error, "No free port left towards 192.168.7.9:80");
});

Deno.test("the name of a listener in events: its address, the host's only one, or any", () => {
  const names = (wire: WireHost) =>
    wire.events.splice(0).map((event) => event.event === "transition" ? event.connection : event.event);
  const one = new WireHost();
  one.host.listen({ port: 80, accept: () => ({}) });
  assertEquals(names(one), [`${OUR_IP}:80-*:*`]);
  const two = new WireHost({ addresses: [`${OUR_IP}/24`, "192.168.7.1/24"] });
  two.host.listen({ port: 80, accept: () => ({}) });
  assertEquals(names(two), ["*:80-*:*"]);
  const several = new WireHost(TWO_NETS);
  several.host.listen({ port: 80, accept: () => ({}) });
  several.host.listen({ port: 81, address: ip("172.16.0.1"), accept: () => ({}) });
  assertEquals(names(several), ["*:80-*:*", "172.16.0.1:81-*:*"]);
});

Deno.test("what no host can have is refused as an address or a gateway, and so is an address that is given twice", () => {
  for (const address of ["224.0.0.1/24", "127.0.0.1/8", "0.0.0.0/24", "255.255.255.255/24", "10.0.0.1/33"]) {
    assertThrows(
      () => new WireHost({ addresses: [address] }),
      Error,
      `${address} cannot be the address of a host. Give another one.`,
    );
  }
  const twice = [`${OUR_IP}/24`, "10.0.0.2/24", `${OUR_IP}/8`];
  assertThrows(() => new WireHost({ addresses: twice }), Error, `${OUR_IP} is given twice. Give it once.`);
  for (const gateway of ["224.0.0.1", "10.0.0.255", OUR_IP]) {
    assertThrows(
      () => new WireHost({ gateway }),
      Error,
      `${gateway} cannot be a gateway: it is not the address of another host. Give a router's.`,
    );
  }
});

Deno.test("bounds on connections: one more than the host may hold is refused, and told how many there are", () => {
  const wire = new WireHost({ maxConnections: 3 });
  wire.answers(
    arpFrame(
      { operation: 2, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: OUR_MAC, targetIp: OUR_IP },
      { to: OUR_MAC },
    ),
  );
  for (let i = 0; i < 3; i++) connect(wire, PEER_IP);
  assertThrows(() => connect(wire, PEER_IP), Error, "the host holds 3 connections");
});
