/** Hosts driven by hand, in virtual time. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { HostApi } from "../../src/host/api.ts";
import { type MemoryLink, memoryPair } from "../../src/link/memory_link.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import { FakeHost } from "./fake_host.ts";
import { HoldingLink } from "./holding_link.ts";

interface Ends {
  readonly network: VirtualNetwork;
  readonly hosts: readonly FakeHost[];
  readonly links: readonly MemoryLink[];
}

function twoEnds(): Ends {
  const network = new VirtualNetwork();
  network.clock.advance(1000);
  const links = memoryPair();
  const hosts = links.map((link) => {
    const host = new FakeHost();
    network.join({ host, link });
    return host;
  });
  return { network, hosts, links };
}

const FRAME = new Uint8Array(60);

Deno.test("settle hands over frames and their answers, and takes no time", () => {
  const { network, hosts, links } = twoEnds();
  let rallies = 0;
  hosts.forEach((host, side) => {
    assertEquals(host.nowUs, 1000);
    host.onFrame = () => {
      if (++rallies < 50) links[side].send(FRAME, 10);
    };
  });
  links[0].send(FRAME, 10);
  assertEquals(network.settle(), 50);
  assertEquals(network.settle(), 0);
  assertEquals(network.clock.nowUs(), 1000);
});

Deno.test("settle hands over what was sent before it, from either end, where links keep frames back", () => {
  for (const side of [0, 1]) {
    const network = new VirtualNetwork();
    const links = memoryPair().map((link) => new HoldingLink(link));
    const hosts = links.map((link) => {
      const host = new FakeHost();
      network.join({ host, link });
      return host;
    });
    links[side].send(FRAME, 10);
    assertEquals(network.settle(), 1, `sent from end ${side}`);
    assertEquals(hosts[1 - side].log, ["frame 10 @0"]);
  }
});

Deno.test("advance runs each deadline at its own time", () => {
  const { network, hosts, links } = twoEnds();
  hosts[0].deadlineUs = 1500;
  hosts[0].onTick = () => links[0].send(FRAME, 10);
  hosts[1].onFrame = () => hosts[1].deadlineUs = network.clock.nowUs() + 700;
  assertEquals(network.nextDeadlineUs, 1500);
  hosts[0].onTick = () => {
    if (network.clock.nowUs() === 1500) links[0].send(FRAME, 10);
  };
  network.advance(2000);
  assertEquals(hosts[1].log, ["tick @1500", "frame 10 @1500", "tick @2200", "tick @3000"]);
  assertEquals(network.clock.nowUs(), 3000);
});

Deno.test("advanceUntil stops when it is done, or when time is up", () => {
  const { network, hosts } = twoEnds();
  const again = (host: HostApi & FakeHost) => () => host.deadlineUs = network.clock.nowUs() + 100;
  hosts[0].onTick = again(hosts[0]);
  hosts[0].deadlineUs = 1100;
  assert(network.advanceUntil(() => network.clock.nowUs() >= 1300, 10_000));
  assertEquals(network.clock.nowUs(), 1300);
  assert(!network.advanceUntil(() => false, 250));
  assertEquals(network.clock.nowUs(), 1550);
});

Deno.test("hosts that leave no time to pass are found out", () => {
  const { network, hosts, links } = twoEnds();
  hosts.forEach((host, side) => {
    host.log.push = () => 0;
    host.onFrame = () => links[side].send(FRAME, 10);
  });
  links[0].send(FRAME, 10);
  assertThrows(() => network.settle(), Error, "no time to pass");
});
