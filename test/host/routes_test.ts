/**
 * Routes: who is on the link, by which router one goes elsewhere, and from which address (RFC 1122 §3.3.1.1, RFC 4861 §5.2,
 * §6.3.4 to §6.3.6, RFC 4191 §3.2, RFC 5942 §4).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OwnAddresses } from "../../src/host/own_addresses.ts";
import { Routes } from "../../src/host/routes.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { at, network } from "./any_address.ts";

/** Routes of a host with these addresses; `down` names the routers that do not answer. */
function routesOf(networks: readonly string[], gateways: readonly string[] = []) {
  const addresses = new OwnAddresses(networks.map(network));
  const down = new Set<string>();
  const routes = new Routes({
    addresses,
    gateways: gateways.map(at),
    isReachable: (router) => !down.has(formatIpAddress(router)),
  });
  const hop = (text: string) => textOf(routes.nextHop(at(text)));
  const source = (text: string) => textOf(routes.sourceFor(at(text)));
  return { routes, addresses, down, hop, source };
}

function textOf(address: Uint8Array | null): string | null {
  return address === null ? null : formatIpAddress(address);
}

const FAMILIES = [
  {
    family: "IPv4",
    ours: "10.0.0.130/26",
    inside: ["10.0.0.129", "10.0.0.190", "10.0.0.131"],
    outside: ["10.0.0.127", "10.0.0.192", "203.0.113.5"],
    gateway: "10.0.0.190",
    otherFamily: "2001:db8::9",
  },
  {
    family: "IPv6",
    ours: "2001:db8:0:9::1/61",
    inside: ["2001:db8:0:8::", "2001:db8:0:f::9", "2001:db8:0:9::2"],
    outside: ["2001:db8:0:7:ffff::", "2001:db8:0:10::1", "2a00::1"],
    gateway: "fe80::fe",
    otherFamily: "203.0.113.5",
  },
];

for (const { family, ours, inside, outside, gateway, otherFamily } of FAMILIES) {
  Deno.test(`${family}: who is on our network is asked for itself, all others by way of the gateway`, () => {
    const { hop, source, routes } = routesOf([ours], [gateway]);
    const [address] = ours.split("/");
    for (const text of inside) assertEquals([hop(text), source(text)], [text, address]);
    for (const text of outside) {
      assertEquals([hop(text), source(text), routes.isOnLink(at(text))], [gateway, address, false]);
    }
    assertEquals([hop(otherFamily), source(otherFamily)], [null, null]);
    assert(routes.isRouter(at(gateway)));
    assertEquals(routes.isRouter(at(inside[0])), false);
  });

  Deno.test(`${family}: without a gateway there is no way off the link, and it is said what to do`, () => {
    const { hop, source, routes } = routesOf([ours]);
    for (const text of inside) assertEquals(hop(text), text);
    for (const text of outside) {
      assertEquals([hop(text), source(text)], [null, null]);
      assertThrows(
        () => routes.demandSource(at(text)),
        Error,
        `No route to ${text}: it is on no network of this host, and no ${family} router is known. Give one with --gateway.`,
      );
    }
    const other = otherFamily.includes(":") ? "IPv6" : "IPv4";
    assertThrows(
      () => routes.demandSource(at(otherFamily)),
      Error,
      `No route to ${otherFamily}: this host has no ${other} address in use. Give one with --ip.`,
    );
    assertThrows(
      () => routes.demandSource(at(otherFamily), at(ours.split("/")[0])),
      Error,
      "one is IPv4, the other IPv6. Give two of one kind.",
    );
    assertThrows(
      () => routes.demandSource(at(inside[0]), at(inside[1])),
      Error,
      `${inside[1]} is not an address of this host`,
    );
    assertEquals(routes.demandSource(at(inside[0]), at(ours.split("/")[0])), at(ours.split("/")[0]));
    assertThrows(() => routes.demandSource(at(outside[0]), at(ours.split("/")[0])), Error, "No route to");
  });

  Deno.test(`${family}: an address that is not in use, or a lost one's network, is no way`, () => {
    const { hop, source, addresses } = routesOf([ours]);
    const [text] = inside;
    const [address] = ours.split("/");
    addresses.change(at(address), "tentative");
    assertEquals(source(text), null);
    addresses.change(at(address), "deprecated");
    assertEquals(source(text), address);
    addresses.change(at(address), "lost");
    assertEquals([hop(text), source(text)], [null, null]);
  });

  Deno.test(`${family}: one gateway, and only one that can be a router`, () => {
    assertThrows(
      () => routesOf([ours], [gateway, inside[0]]),
      Error,
      `There is a gateway already, ${gateway}: give one, not ${inside[0]} too.`,
    );
    for (const text of [ours.split("/")[0], family === "IPv4" ? "224.0.0.1" : "ff02::2"]) {
      assertThrows(() => routesOf([ours], [text]), Error, `${text} cannot be a gateway`);
    }
  });
}

Deno.test("networks of every length: of all addresses, those of two, and of one alone", () => {
  for (const [ours, peer] of [["10.0.0.0/31", "10.0.0.1"], ["fd00::/127", "fd00::1"]]) {
    assertEquals(routesOf([ours]).hop(peer), peer);
  }
  for (const [ours, peer] of [["10.0.0.2/32", "10.0.0.3"], ["fd00::2/128", "fd00::3"]]) {
    assertEquals(routesOf([ours]).hop(peer), null);
  }
  for (const [ours, peer] of [["10.0.0.2/0", "203.0.113.5"], ["fd00::2/0", "2a00::1"]]) {
    assertEquals(routesOf([ours]).hop(peer), peer);
  }
});

Deno.test("link-local addresses and groups are on the link whatever our networks and gateways are", () => {
  const { hop, source } = routesOf(
    ["10.0.0.1/24", "2001:db8::1/64", "fe80::5/64"],
    ["10.0.0.254", "2001:db8::fe"],
  );
  for (
    const text of [
      "fe80::1",
      "febf::1",
      "169.254.3.4",
      "ff02::1",
      "ff0e::5",
      "224.0.0.251",
      "255.255.255.255",
    ]
  ) {
    assertEquals(hop(text), text);
  }
  assertEquals([source("fe80::1"), source("2a00::1"), source("ff02::2")], [
    "fe80::5",
    "2001:db8::1",
    "fe80::5",
  ]);
  assertEquals(hop("fec0::1"), "2001:db8::fe");
});

Deno.test("from a link-local address nothing goes to a router (RFC 4007 §9, RFC 3927 §2.6.2)", () => {
  for (
    const [ours, gateway, far, near, family] of [
      ["fe80::5/64", "fe80::fe", "2a00::1", "fe80::1", "IPv6"],
      ["169.254.7.7/16", "169.254.0.1", "203.0.113.5", "169.254.9.9", "IPv4"],
    ]
  ) {
    const { source, routes } = routesOf([ours], [gateway]);
    assertEquals([source(near), source(far)], [ours.split("/")[0], null]);
    assertThrows(
      () => routes.demandSource(at(far)),
      Error,
      `No route to ${far}: the only ${family} address of this host is link-local`,
    );
  }
});

Deno.test("a prefix that a router tells of is on the link until it is not; an automatic address alone says nothing (RFC 5942 §4)", () => {
  const { routes, addresses, hop } = routesOf(["fe80::5/64"], ["fe80::fe"]);
  addresses.add(at("2001:db8::5"), 64, { isAutomatic: true });
  assertEquals(hop("2001:db8::9"), "fe80::fe");
  const prefix = at("2001:db8::77");
  routes.addPrefix(prefix, 61);
  prefix.fill(0);
  assertEquals([hop("2001:db8::9"), hop("2001:db8:0:7::9"), hop("2001:db8:0:8::9")], [
    "2001:db8::9",
    "2001:db8:0:7::9",
    "fe80::fe",
  ]);
  // Told again, with other bits behind the prefix: the same one. Of another length: another one.
  routes.addPrefix(at("2001:db8:0:3::"), 61);
  routes.addPrefix(at("2001:db8::"), 64);
  assertEquals(routes.prefixes.length, 2);
  routes.removePrefix(at("2001:db8:0:4::"), 61);
  assertEquals([hop("2001:db8::9"), hop("2001:db8:0:7::9")], ["2001:db8::9", "fe80::fe"]);
  routes.removePrefix(at("2001:db8::"), 61);
  routes.removePrefix(at("2001:db8::"), 64);
  assertEquals([hop("2001:db8::9"), routes.prefixes.length], ["fe80::fe", 0]);
});

Deno.test("default routers: the reachable one that is preferred, and in turn while none is (RFC 4861 §6.3.6, RFC 4191 §3.2)", () => {
  const { routes, down, hop, source } = routesOf(["2001:db8::1/64", "fe80::5/64"]);
  assertEquals([hop("2a00::1"), source("2a00::1")], [null, null]);
  for (const [router, preference] of [["fe80::a", -1], ["fe80::b", 0], ["fe80::c", 1]] as const) {
    routes.addRouter(at(router), { preference });
  }
  assertEquals(source("2a00::1"), "2001:db8::1");
  assertEquals([hop("2a00::1"), hop("2a00::1")], ["fe80::c", "fe80::c"]);
  down.add("fe80::c");
  assertEquals(hop("2a00::1"), "fe80::b");
  down.add("fe80::b");
  assertEquals(hop("2a00::1"), "fe80::a");
  down.add("fe80::a");
  const turns = Array.from({ length: 6 }, () => hop("2a00::1"));
  assertEquals(new Set(turns.slice(0, 3)).size, 3, "no one again until all others were asked");
  assertEquals(turns.slice(3), turns.slice(0, 3));
  down.delete("fe80::b");
  assertEquals(hop("2a00::1"), "fe80::b");
  // It changes its mind; of equals the first stays.
  down.clear();
  routes.addRouter(at("fe80::a"), { preference: 1 });
  assertEquals(hop("2a00::1"), "fe80::a");
  routes.addRouter(at("fe80::a"), { preference: 0 });
  assertEquals(hop("2a00::1"), "fe80::c");
  // IPv4 does not go by them.
  assertEquals(hop("203.0.113.5"), null);
});

Deno.test("turns go on among the routers that are left, and without one there is no way", () => {
  const { routes, down, hop } = routesOf(["2001:db8::1/64"]);
  for (const router of ["fe80::a", "fe80::b", "fe80::c"]) {
    routes.addRouter(at(router), { preference: 0 });
    routes.addRouter(at(router), { preference: 0 });
    down.add(router);
  }
  assertEquals(routes.routers.map(formatIpAddress), ["fe80::a", "fe80::b", "fe80::c"]);
  hop("2a00::1");
  hop("2a00::1");
  routes.removeRouter(at("fe80::a"));
  assertEquals(new Set([hop("2a00::1"), hop("2a00::1")]), new Set(["fe80::b", "fe80::c"]));
  routes.removeRouter(at("fe80::c"));
  routes.removeRouter(at("fe80::c"));
  assertEquals([hop("2a00::1"), hop("2a00::1")], ["fe80::b", "fe80::b"]);
  assertEquals([routes.isRouter(at("fe80::b")), routes.isRouter(at("fe80::c"))], [true, false]);
  routes.removeRouter(at("fe80::b"));
  assertEquals([hop("2a00::1"), routes.isRouter(at("fe80::b"))], [null, false]);
});

Deno.test("a gateway that was named counts before every router that advertises itself", () => {
  const { routes, down, hop } = routesOf(["2001:db8::1/64"], ["2001:db8::fe"]);
  routes.addRouter(at("fe80::a"), { preference: 1 });
  down.add("2001:db8::fe");
  assertEquals(hop("2a00::1"), "2001:db8::fe");
});

Deno.test("several addresses of a peer: those without a way last, the rest by RFC 6724 §6", () => {
  const peer = ["203.0.113.5", "2001:db8::9", "fe80::9", "2a00::1"].map(at);
  const inOrder = (on: ReturnType<typeof routesOf>) => on.routes.sortDestinations(peer).map(formatIpAddress);
  assertEquals(inOrder(routesOf(["10.0.0.1/24"], ["10.0.0.254"])), [
    "203.0.113.5",
    "2001:db8::9",
    "fe80::9",
    "2a00::1",
  ]);
  assertEquals(inOrder(routesOf(["10.0.0.1/24", "2001:db8::1/64", "fe80::5/64"], ["10.0.0.254"])), [
    "fe80::9",
    "2001:db8::9",
    "203.0.113.5",
    "2a00::1",
  ]);
  assertEquals(inOrder(routesOf(["2001:db8::1/64", "fe80::5/64"], ["fe80::fe"])), [
    "fe80::9",
    "2001:db8::9",
    "2a00::1",
    "203.0.113.5",
  ]);
});
