/**
 * Next hops over both families: by whom a connection goes that we begin, and which router takes over (RFC 4861 §5.2, §7.3.3).
 */
import { assert, assertEquals } from "@std/assert";
import { type Neighbor, NOWHERE } from "../../src/host/neighbor.ts";
import { NeighborCache } from "../../src/host/neighbor_cache.ts";
import { NextHops, type Traveller } from "../../src/host/next_hops.ts";
import { OwnAddresses } from "../../src/host/own_addresses.ts";
import { Routes } from "../../src/host/routes.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { at, network } from "./any_address.ts";

const SECOND_US = 1_000_000;
const ROUTER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xfe);
const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xfd);

/** A host whose questions are noted, and who answers by hand. */
class Hops {
  nowUs = SECOND_US;
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly routes: Routes;
  readonly cache: NeighborCache;
  readonly hops: NextHops;

  constructor(networks: readonly string[], gateways: readonly string[] = []) {
    const nowUs = () => this.nowUs;
    this.cache = new NeighborCache({
      clock: {
        get nowUs() {
          return nowUs();
        },
      },
      protocolOf: () => ({ ask: ({ address }) => this.asked.push(nameOf(address)) }),
      transmit: () => {},
      unreachable: (holder) => {
        const connection = this.connections.find((one) => one === holder);
        if (connection === undefined || !this.hops.gone(connection)) this.told.push("unreachable");
      },
      moved: () => {},
      routerGone: () => {},
      count: () => {},
    });
    const addresses = new OwnAddresses(networks.map(network));
    this.routes = new Routes({
      addresses,
      gateways: gateways.map(at),
      isReachable: (router) => (this.cache.find(router)?.mac ?? null) !== null,
    });
    this.hops = new NextHops({ routes: this.routes, cache: this.cache });
  }

  readonly connections: Traveller[] = [];

  begin(peer: string): Traveller {
    const peerAddress = at(peer);
    const connection: Traveller = {
      hop: NOWHERE,
      localAddress: this.routes.demandSource(peerAddress),
      peerAddress,
    };
    this.connections.push(connection);
    this.hops.begin(connection);
    return connection;
  }

  /** A neighbor is heard of. */
  hears(address: string, mac: Uint8Array): void {
    this.cache.learn({ address: at(address), mac, isAnswer: true, target: at(address) });
  }

  holds(connection: Traveller): void {
    this.hops.hold(connection, { frame: new Uint8Array(60), length: 60, cutBytes: 0, label: 0 });
  }

  /** So many seconds, each with what is due in it. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.nowUs += SECOND_US;
      this.cache.tick();
    }
  }
}

function nameOf(address: Uint8Array | null): string {
  return address === null ? "nobody" : formatIpAddress(address);
}

function hopOf({ hop }: { readonly hop: Neighbor }): string {
  return nameOf(hop.address);
}

const FAMILIES = [
  { family: "IPv4", ours: "10.0.0.1/24", near: "10.0.0.9", far: "203.0.113.5", gateway: "10.0.0.254" },
  { family: "IPv6", ours: "2001:db8::1/64", near: "2001:db8::9", far: "2a00::1", gateway: "fe80::fe" },
];

for (const { family, ours, near, far, gateway } of FAMILIES) {
  Deno.test(`${family}: a peer on the link is its own next hop, all others share the gateway`, () => {
    const on = new Hops([ours], [gateway]);
    const [peer, first, second] = [on.begin(near), on.begin(far), on.begin(far)];
    assertEquals([hopOf(peer), hopOf(first)], [near, gateway]);
    assert(first.hop === second.hop);
    assertEquals([peer.hop.users, first.hop.users], [1, 2]);
    assertEquals(peer.hop.source, at(ours.split("/")[0]));
    on.hops.end(peer);
    assertEquals([on.cache.find(at(near)), on.cache.size], [null, 1]);
  });

  Deno.test(`${family}: where the one gateway does not answer there is no other, and whoever waits is told`, () => {
    const on = new Hops([ours], [gateway]);
    const connection = on.begin(far);
    on.holds(connection);
    on.pass(4);
    assertEquals([on.asked, on.told, hopOf(connection)], [
      [gateway, gateway, gateway],
      ["unreachable"],
      gateway,
    ]);
    const peer = on.begin(near);
    on.holds(peer);
    on.pass(4);
    assertEquals([on.told.length, hopOf(peer)], [2, near]);
  });

  Deno.test(`${family}: a router is found by its frames in the family of the connection alone`, () => {
    const on = new Hops([ours], [gateway]);
    const other = family === "IPv4" ? "fe80::fe" : "10.0.0.254";
    const nameless = { ...NOWHERE, mac: ROUTER_MAC, address: null };
    const came = () => {
      const connection: Traveller = {
        hop: NOWHERE,
        localAddress: at(ours.split("/")[0]),
        peerAddress: at(far),
      };
      on.hops.came(connection, { hop: nameless, counted: true });
      return connection;
    };
    on.hears(other, ROUTER_MAC);
    assertEquals(came().hop.address, null);
    // A router of both families has one hardware address.
    on.hears(gateway, ROUTER_MAC);
    assertEquals(hopOf(came()), gateway);
  });
}

Deno.test("when a router is gone its connections take another one, and those on the link stay (RFC 4861 §7.3.3)", () => {
  const on = new Hops(["2001:db8::1/64"]);
  on.routes.addRouter(at("fe80::a"), { preference: 0 });
  on.routes.addRouter(at("fe80::b"), { preference: 0 });
  on.hears("fe80::a", ROUTER_MAC);
  on.hears("fe80::b", OTHER_MAC);
  const [first, second, near] = [on.begin("2a00::1"), on.begin("2a00::2"), on.begin("2001:db8::9")];
  assertEquals([hopOf(first), hopOf(second)], ["fe80::a", "fe80::a"]);
  // Nothing gets through: it is asked six times, and does not answer.
  on.hops.doubt(first);
  on.holds(second);
  on.pass(7);
  assertEquals(on.told, []);
  assertEquals([hopOf(first), hopOf(second), hopOf(near)], ["fe80::a", "fe80::b", "2001:db8::9"]);
  // The other one finds out when it wants to send.
  on.holds(first);
  on.pass(4);
  assertEquals([hopOf(first), on.told], ["fe80::b", []]);
  assertEquals([first.hop.users, on.cache.find(at("fe80::a"))], [2, null]);
  // Both are gone: one after the other is looked for, and it is said.
  on.cache.doubt(first.hop, false);
  on.holds(second);
  on.pass(7);
  for (let i = 0; i < 4; i++) {
    on.holds(second);
    on.pass(4);
  }
  assert(on.asked.slice(-8).includes("fe80::a") && on.asked.slice(-8).includes("fe80::b"), on.asked.join());
  // One of them is back.
  on.hears("fe80::a", ROUTER_MAC);
  assertEquals(hopOf(on.begin("2a00::3")), "fe80::a");
});
