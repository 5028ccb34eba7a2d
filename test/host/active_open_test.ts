/**
 * Active opens: whom a host connects to, from which address and port, and by which router (MUST-44, MUST-46; RFC 6056,
 * RFC 6335 §6).
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { ConnectOptions } from "../../src/host/api.ts";
import { u32 } from "./conversation.ts";
import { ethernet, hex, ip, tcp, two } from "./hand_frames.ts";
import {
  asksWhere,
  endpoint,
  introduces,
  routerTellsWhere,
  tcpOffset,
  tellsWhere,
  WIRE_FAMILIES,
  type WireFamily,
} from "./wire_families.ts";
import { OUR_MAC, PEER_MAC, ROUTER_MAC, WireHost } from "./wire_host.ts";

type Fields = Partial<Omit<ConnectOptions, "address">>;

function connect(wire: WireHost, address: string, fields: Fields = {}) {
  return wire.user((host) => host.connect({ address: ip(address), port: 80, handler: {}, ...fields }));
}

interface SentSyn {
  readonly to: string;
  readonly source: string;
  readonly target: string;
  readonly sourcePort: number;
}

/** A SYN without timestamps as it leaves, its initial number and its identification or flow label read from it. */
function synOf({ type, ipBytes, packet }: WireFamily, frame: Uint8Array, about: SentSyn) {
  const { to, source, target, sourcePort } = about;
  const segment = tcp({
    source,
    target,
    sourcePort,
    targetPort: 80,
    seq: u32(frame, tcpOffset(frame) + 4),
    flags: 2,
    window: 0xffff,
    options: [2, 4, ...two(1480 - ipBytes)],
  });
  const id = (frame[18] << 8) | frame[19];
  const flowLabel = u32(frame, 14) & 0xfffff;
  return ethernet(
    { to, from: OUR_MAC, type },
    packet({ source, target, protocol: 6, id, flowLabel, dontFragment: true }, segment),
  );
}

/** Which neighbor is asked for the way to `address`, and under which of our addresses. */
function asksFor(
  wire: WireHost,
  address: string,
  { neighbor, source }: { neighbor: string; source: string },
): void {
  connect(wire, address);
  wire.expects(asksWhere(neighbor, source));
}

/** What differs between the versions but for the bytes: networks, and who is no host. */
const NETWORKS = {
  IPv4: {
    offLink: ["10.0.1.1", "9.255.255.255", "192.168.0.1", "203.0.113.5"],
    onLink: ["10.0.0.2", "10.0.0.253", "10.0.0.254"],
    bits: { address: "10.0.0.130/26", us: "10.0.0.130", gateway: "10.0.0.190" },
    inBits: ["10.0.0.129", "10.0.0.190"],
    besideBits: ["10.0.0.127", "10.0.0.192", "10.0.0.1"],
    three: ["10.0.0.1/24", "192.168.7.1/24", "172.16.0.1/16"],
    sources: [["10.0.0.9", "10.0.0.1"], ["192.168.7.9", "192.168.7.1"], ["172.16.200.9", "172.16.0.1"]],
    notOurs: ["10.0.0.2", "0.0.0.0"],
    second: "192.168.7.1/30",
    refused: [
      "224.0.0.1",
      "239.255.255.255",
      "255.255.255.255",
      "10.0.0.255",
      "192.168.7.3",
      "0.0.0.0",
      "127.0.0.1",
      "10.0.0.1",
      "192.168.7.1",
    ],
    taken: ["223.255.255.255", "10.0.0.254", "10.0.1.255", "192.168.7.2", "240.0.0.1"],
    nobodies: ["224.0.0.1/24", "127.0.0.1/8", "0.0.0.0/24", "255.255.255.255/24", "10.0.0.1/33"],
    noGateways: ["224.0.0.1", "10.0.0.255", "10.0.0.1"],
    twice: ["10.0.0.1/24", "10.0.0.2/24", "10.0.0.1/8"],
    other: { family: "IPv6", address: "2020:2020:2020:2020:2020:2020:2020:2020" },
  },
  IPv6: {
    offLink: ["fd00:0:0:1::1", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1", "2001:db8::5"],
    // RFC 4861 §5.1: the link-local prefix is always on the link.
    onLink: ["fd00::2", "fd00::ffff:ffff:ffff:ffff", "fd00::fe", "fe80::9"],
    bits: { address: "fd00::82/122", us: "fd00::82", gateway: "fd00::be" },
    inBits: ["fd00::81", "fd00::be"],
    besideBits: ["fd00::7f", "fd00::c0", "fd00::1"],
    three: ["fd00::1/64", "fd07::1/64", "fd16::1/48"],
    sources: [["fd00::9", "fd00::1"], ["fd07::9", "fd07::1"], ["fd16:0:0:c8::9", "fd16::1"]],
    notOurs: ["fd00::2", "::"],
    second: "fd07::1/126",
    refused: ["ff01::1", "ff02::1", "ff0e::1", "::", "::1", "fd00::1", "fd07::1"],
    taken: ["fd00::fe", "fd00:0:0:1::1", "fd07::3", "fe80::9", "2001:db8::1", "fe00::1"],
    nobodies: ["ff02::1/64", "::1/128", "::/64", "fd00::1/129"],
    noGateways: ["ff02::2", "::", "fd00::1"],
    twice: ["fd00::1/64", "fd00::2/64", "fd00::1/8"],
    other: { family: "IPv4", address: "10.0.0.9" },
  },
};

for (const family of WIRE_FAMILIES) {
  const { name, us, peer, other, router, far, second, neighbor } = family;
  const nets = NETWORKS[name];
  const addresses = [family.addresses[0]];
  const three = { addresses: nets.three };
  const prefix = addresses[0].slice(us.length);

  // -- The way

  Deno.test(`${name}: the gateway is used for what is off the link, and for nothing else (RFC 1122 §3.3.1.1)`, () => {
    for (const address of nets.offLink) {
      asksFor(new WireHost({ addresses, gateway: router }), address, { neighbor: router, source: us });
    }
    for (const address of nets.onLink) {
      asksFor(new WireHost({ addresses, gateway: router }), address, { neighbor: address, source: us });
    }
  });

  Deno.test(`${name}: prefixes that do not end at a byte are looked at to the bit`, () => {
    const { address: ours, us: source, gateway } = nets.bits;
    const options = { addresses: [ours], gateway };
    for (const address of nets.inBits) asksFor(new WireHost(options), address, { neighbor: address, source });
    for (const address of nets.besideBits) {
      asksFor(new WireHost(options), address, { neighbor: gateway, source });
    }
  });

  Deno.test(`${name}: without a gateway there is no way off the link: refused with what to do, and nothing is sent (RFC 1122 §3.3.1.1)`, () => {
    const wire = new WireHost(three);
    for (const fields of [{}, { localAddress: ip(second) }]) {
      assertThrows(
        () => connect(wire, far, fields),
        Error,
        `No route to ${far}: it is on no network of this host, and no ${name} router is known. Give one with --gateway.`,
      );
    }
    wire.expects();
    assertEquals(wire.host.connections(), []);
  });

  Deno.test(`${name}: a SYN by the router: its hardware address, the peer's address, field by field`, () => {
    const wire = new WireHost({ addresses, gateway: router });
    connect(wire, far, { localPort: 50_000 });
    wire.expects(asksWhere(router));
    const [syn] = wire.gives(routerTellsWhere(family));
    const about = { to: ROUTER_MAC, source: us, target: far, sourcePort: 50_000 };
    assertEquals(hex(syn), hex(synOf(family, syn, about)));
    wire.expects();
  });

  // -- The address

  Deno.test(`${name}: of several addresses that on the peer's network is used, wherever it stands (MUST-44)`, () => {
    for (const [address, source] of nets.sources) {
      const wire = new WireHost(three);
      asksFor(wire, address, { neighbor: address, source });
      assertEquals(wire.host.connections()[0].localAddress, ip(source));
      assertEquals(wire.gives(tellsWhere(address, PEER_MAC, source)).length, 1);
      const reversed = new WireHost({ addresses: three.addresses.toReversed() });
      asksFor(reversed, address, { neighbor: address, source });
    }
  });

  Deno.test(`${name}: of two addresses on the same network the first is used`, () => {
    const both = [us, neighbor(2)];
    for (const order of [both, both.toReversed()]) {
      const options = { addresses: order.map((address) => address + prefix) };
      asksFor(new WireHost(options), peer, { neighbor: peer, source: order[0] });
    }
  });

  Deno.test(`${name}: an address that the application names is used, and one that is not ours refused`, () => {
    const wire = new WireHost(three);
    const connection = connect(wire, peer, { localAddress: ip(second) });
    wire.expects(asksWhere(peer, second));
    assertEquals(connection.name.startsWith(endpoint(second, "")), true);
    for (const address of nets.notOurs) {
      const localAddress = ip(address);
      assertThrows(
        () => connect(wire, peer, { localAddress }),
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

  Deno.test(`${name}: no connection to what is not one other host: groups, broadcasts, nobody, ourselves (MUST-46)`, () => {
    const wire = new WireHost({ addresses: [addresses[0], nets.second], gateway: router });
    for (const address of nets.refused) {
      assertThrows(
        () => connect(wire, address),
        Error,
        `Cannot connect to ${address}: it is not the address of another host`,
      );
    }
    wire.expects();
    assertEquals(wire.host.connections(), []);
    assertThrows(
      () => connect(wire, nets.other.address),
      Error,
      `No route to ${nets.other.address}: this host has no ${nets.other.family} address in use`,
    );
    for (const address of nets.taken) connect(wire, address);
    assertEquals(wire.host.connections().length, nets.taken.length);
  });

  Deno.test(`${name}: ports from 1 to 65535, the peer's and ours`, () => {
    const wire = new WireHost({ addresses });
    for (const port of [0, -1, 65_536, 1.5, NaN, Infinity]) {
      assertThrows(
        () => connect(wire, peer, { port }),
        RangeError,
        `Expected a port from 1 to 65535, got ${port}`,
      );
      assertThrows(
        () => connect(wire, peer, { localPort: port }),
        RangeError,
        `Expected a local port from 1 to 65535, got ${port}`,
      );
    }
    wire.expects();
    for (const port of [1, 65_535]) {
      assertEquals(connect(wire, peer, { port }).peerPort, port);
      assertEquals(connect(wire, peer, { localPort: port }).localPort, port);
    }
  });

  // -- Our port

  Deno.test(`${name}: ports of our own choice are dynamic ones, all different, in no order that shows (RFC 6335 §6, RFC 6056 §3.3.3)`, () => {
    const wire = new WireHost({ addresses });
    const ports = Array.from({ length: 200 }, () => connect(wire, peer).localPort);
    for (const port of ports) assert(port >= 49_152 && port <= 65_535, `${port}`);
    assertEquals(new Set(ports).size, 200);
    // Towards another peer, or with another secret, they begin elsewhere.
    const first = (address: string, secret: number) =>
      connect(new WireHost({ addresses, secret: new Uint8Array(16).fill(secret) }), address).localPort;
    const firsts = [first(peer, 1), first(other, 1), first(peer, 2), first(other, 2)];
    assertEquals(new Set(firsts).size, 4, firsts.join());
  });

  Deno.test(`${name}: a port that is in use towards the same peer is not chosen, nor is one that is asked for twice`, () => {
    const wire = new WireHost({ addresses });
    const alike = new WireHost({ addresses });
    const foretold = connect(alike, peer).localPort;
    connect(wire, peer, { localPort: foretold });
    const chosen = connect(wire, peer).localPort;
    assertNotEquals(chosen, foretold);
    assertThrows(
      () => connect(wire, peer, { localPort: foretold }),
      Error,
      `Port ${foretold} already has a connection to ${endpoint(peer, 80)}`,
    );
    // Towards another peer, or another port of the same one, it is free.
    connect(wire, other, { localPort: foretold });
    connect(wire, peer, { localPort: foretold, port: 81 });
    assertEquals(wire.host.connections().length, 4);
  });

  Deno.test(`${name}: a port with a listener is not chosen; where all are taken that is an error, and one that is free is found`, () => {
    const wire = new WireHost({ addresses });
    const listeners = Array.from(
      { length: 16_384 },
      (_, at) => wire.host.listen({ port: 49_152 + at, accept: () => ({}) }),
    );
    // Wherever the search begins: it stays among the dynamic ports.
    for (let last = 2; last < 26; last++) {
      assertThrows(
        () => connect(wire, neighbor(last)),
        Error,
        `No free port left towards ${endpoint(neighbor(last), 80)}`,
      );
    }
    for (const port of [49_152, 65_535, 57_001]) {
      listeners[port - 49_152].close();
      assertEquals(connect(wire, peer).localPort, port);
      assertThrows(() => connect(wire, peer), Error, "No free port left");
    }
    // A port that is named may have a listener (MUST-42).
    assertEquals(connect(wire, peer, { localPort: 50_000 }).localPort, 50_000);
  });

  Deno.test(`${name}: a listener on another of our addresses does not take the port from this one`, () => {
    const wire = new WireHost(three);
    for (let port = 49_152; port <= 65_535; port++) {
      wire.host.listen({ port, address: ip(second), accept: () => ({}) });
    }
    connect(wire, peer);
    assertThrows(
      () => connect(wire, nets.sources[1][0]),
      Error,
      `No free port left towards ${endpoint(nets.sources[1][0], 80)}`,
    );
  });

  Deno.test(`${name}: the name of a listener in events: its address, the host's only one, or any`, () => {
    const names = (wire: WireHost) =>
      wire.events.splice(0).map((event) => event.event === "transition" ? event.connection : event.event);
    // A host of IPv6 has a link-local address besides those that are given to it (RFC 4291 §2.8).
    const only = name === "IPv4" ? us : "fe80::1";
    const one = new WireHost({ addresses: [only + prefix] });
    one.host.listen({ port: 80, accept: () => ({}) });
    assertEquals(names(one), [`${endpoint(only, 80)}-*:*`]);
    const two = new WireHost({ addresses: family.addresses });
    two.host.listen({ port: 80, accept: () => ({}) });
    assertEquals(names(two), ["*:80-*:*"]);
    const several = new WireHost(three);
    several.host.listen({ port: 80, accept: () => ({}) });
    several.host.listen({ port: 81, address: ip(nets.sources[2][1]), accept: () => ({}) });
    assertEquals(names(several), ["*:80-*:*", `${endpoint(nets.sources[2][1], 81)}-*:*`]);
  });

  Deno.test(`${name}: what no host can have is refused as an address or a gateway, and so is an address that is given twice`, () => {
    for (const address of nets.nobodies) {
      assertThrows(
        () => new WireHost({ addresses: [address] }),
        Error,
        `${address} cannot be the address of a host. Give another one.`,
      );
    }
    assertThrows(() => new WireHost({ addresses: nets.twice }), Error, `${us} is given twice. Give it once.`);
    for (const gateway of nets.noGateways) {
      assertThrows(
        () => new WireHost({ addresses, gateway }),
        Error,
        `${gateway} cannot be a gateway: it is not the address of another host. Give a router's.`,
      );
    }
  });

  Deno.test(`${name}: bounds on connections: one more than the host may hold is refused, and told how many there are`, () => {
    const wire = new WireHost({ addresses, maxConnections: 3 });
    introduces(wire, peer);
    for (let i = 0; i < 3; i++) connect(wire, peer);
    assertThrows(() => connect(wire, peer), Error, "the host holds 3 connections");
  });
}

// -- Where the versions differ

const [IPV4, IPV6] = WIRE_FAMILIES;

Deno.test("IPv4: behind a router, the address on the router's network is used (MUST-44)", () => {
  for (const [gateway, source] of [["10.0.0.254", IPV4.us], ["192.168.7.254", "192.168.7.1"]]) {
    asksFor(new WireHost({ addresses: NETWORKS.IPv4.three, gateway }), "203.0.113.5", {
      neighbor: gateway,
      source,
    });
  }
});

Deno.test("IPv4: behind a router on none of our networks, the first address is used", () => {
  asksFor(new WireHost({ addresses: NETWORKS.IPv4.three, gateway: "10.9.0.254" }), "203.0.113.5", {
    neighbor: "10.9.0.254",
    source: IPV4.us,
  });
});

Deno.test("IPv4: of networks that contain each other the narrowest counts (MUST-44)", () => {
  const addresses = ["10.0.0.1/8", "10.1.0.1/16", "10.1.2.1/24"];
  for (const order of [addresses, addresses.toReversed()]) {
    asksFor(new WireHost({ addresses: order }), "10.1.2.9", { neighbor: "10.1.2.9", source: "10.1.2.1" });
    asksFor(new WireHost({ addresses: order }), "10.1.3.9", { neighbor: "10.1.3.9", source: "10.1.0.1" });
    asksFor(new WireHost({ addresses: order }), "10.2.3.9", { neighbor: "10.2.3.9", source: "10.0.0.1" });
  }
});

Deno.test("IPv6: the address that has most bits in common with the peer's is used, whichever router there is (RFC 6724 §5, rule 8)", () => {
  const addresses = [IPV6.addresses[0], "2001:db8:1::1/64", "2001:db8:8000::1/64"];
  for (const order of [addresses, addresses.toReversed()]) {
    for (
      const [address, source] of [
        ["2001:db8:2::5", "2001:db8:1::1"],
        ["2001:db8:8001::5", "2001:db8:8000::1"],
        ["fd01::5", IPV6.us],
      ]
    ) {
      const { router: gateway } = IPV6;
      asksFor(new WireHost({ addresses: order, gateway }), address, { neighbor: gateway, source });
    }
  }
});

Deno.test("IPv6: a link-local peer gets our link-local address, and nothing from that one goes to a router (RFC 6724 §5, rule 2; RFC 4007 §9)", () => {
  const addresses = [...IPV6.addresses, "fe80::1/64"];
  asksFor(new WireHost({ addresses }), "fe80::9", { neighbor: "fe80::9", source: "fe80::1" });
  asksFor(new WireHost({ addresses }), IPV6.peer, { neighbor: IPV6.peer, source: IPV6.us });
  const wire = new WireHost({ addresses: ["fe80::1/64"], gateway: "fe80::fe" });
  assertThrows(() => connect(wire, IPV6.far), Error, "the only IPv6 address of this host is link-local");
  wire.expects();
});

Deno.test("IPv6: an IPv4 address in IPv6's clothes is no host's: not a peer's, not ours, not a router's (RFC 4942 §2.2)", () => {
  const mapped = "::ffff:a00:9";
  const addresses = [IPV6.addresses[0]];
  const refused = (make: () => unknown, text: string) => assertThrows(make, Error, text);
  refused(() => connect(new WireHost({ addresses }), mapped), "is not the address of another host");
  refused(() => new WireHost({ addresses: [`${mapped}/96`] }), "cannot be the address of a host");
  refused(() => new WireHost({ addresses, gateway: mapped }), "cannot be a gateway");
});

Deno.test("both versions at once: each peer gets our address of its own, a pair of two kinds is refused", () => {
  const wire = new WireHost({ addresses: [IPV4.addresses[0], IPV6.addresses[0]] });
  for (const { us, peer } of [IPV4, IPV6]) asksFor(wire, peer, { neighbor: peer, source: us });
  for (const [ours, theirs] of [[IPV4.us, IPV6.peer], [IPV6.us, IPV4.peer]]) {
    assertThrows(
      () => connect(wire, theirs, { localAddress: ip(ours) }),
      Error,
      `No connection goes from ${ours} to ${theirs}: one is IPv4, the other IPv6.`,
    );
  }
  assertEquals(wire.host.connections().length, 2);
});
