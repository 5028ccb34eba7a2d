/** Applications over the whole machine: what becomes of a connection when the application has finished. */
import { assert, assertEquals } from "@std/assert";
import type { Application } from "../../src/app/application.ts";
import { APPLICATIONS } from "../../src/app/applications.ts";
import { close } from "../../src/app/close.ts";
import { daytime } from "../../src/app/daytime.ts";
import type { HostConnection } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import { type MemoryLink, memoryPair } from "../../src/link/memory_link.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import type { CloseReason, TcpEvent } from "../../src/tcp/events.ts";
import { FAMILY } from "../tcp/family.ts";

const FIN_WAIT_2_US = 5_000_000;
const SERVER = FAMILY.neighbor(1);
const CLIENT = FAMILY.neighbor(2);

interface Scene {
  readonly network: VirtualNetwork;
  readonly server: Host;
  readonly client: HostConnection;
  readonly clientLink: MemoryLink;
  /** What the server tells. */
  readonly events: TcpEvent[];
  /** Whether the client has heard of a reset. */
  readonly ends: CloseReason[];
  /** Bytes that the client has read. */
  received: number;
}

/** A client of `application`, connected; what it gets is read at once. */
function visits(application: Application): Scene {
  const network = new VirtualNetwork();
  const [serverLink, clientLink] = memoryPair();
  const join = (link: MemoryLink, address: Uint8Array) => {
    const host = new Host({
      link,
      addresses: [{ address, prefixLength: FAMILY.prefixLength }],
      secret: new Uint8Array(16).fill(address[3]),
      epochUs: 0,
      tcp: { finWait2Us: FIN_WAIT_2_US },
    });
    network.join({ host, link });
    return host;
  };
  const server = join(serverLink, SERVER);
  const clientHost = join(clientLink, CLIENT);
  const events: TcpEvent[] = [];
  const ends: CloseReason[] = [];
  server.observer = (event) => void events.push(event);
  server.listen({ port: 7, accept: application.create({ nowEpochUs: () => 0 }) });
  const sink = new Uint8Array(0x10000);
  const client = clientHost.connect({
    address: SERVER,
    port: 7,
    handler: {
      onReadable: (connection) => void (scene.received += connection.read(sink)),
      onClosed: (_, reason) => void ends.push(reason),
    },
  });
  const scene: Scene = { network, server, client, clientLink, events, ends, received: 0 };
  // Long enough for ARP, the handshake, and delayed ACKs; chargen goes on for ever.
  network.clock.advance(1);
  network.advance(1_000_000);
  return scene;
}

function statesOf(host: Host): string[] {
  return host.connections().map(({ state }) => state);
}

/** Chargen never comes to rest, so that hours of it cannot be played. */
const FINITE = APPLICATIONS.filter(({ name }) => name !== "chargen");

for (const application of FINITE) {
  Deno.test(`${application.name} keeps no FIN_WAIT_2 when its client vanishes`, () => {
    const scene = visits(application);
    scene.client.write(Uint8Array.of(1, 2, 3));
    scene.network.advance(100_000);
    const before = statesOf(scene.server);
    assertEquals(before.length, 1);
    scene.clientLink.send = () => {};
    scene.network.advance(FIN_WAIT_2_US - 1_200_000);
    assertEquals(statesOf(scene.server), before);
    scene.network.advance(3_600_000_000);
    assert(!statesOf(scene.server).includes("FIN_WAIT_2"));
  });
}

for (const application of [close, daytime]) {
  Deno.test(`${application.name} is over when FIN_WAIT_2 has lasted as long as it may`, () => {
    const scene = visits(application);
    assertEquals(statesOf(scene.server), ["FIN_WAIT_2"]);
    scene.clientLink.send = () => {};
    scene.network.advance(FIN_WAIT_2_US);
    assertEquals(statesOf(scene.server), []);
    const closed = scene.events.at(-1);
    assert(closed?.event === "closed");
    assertEquals([closed.reason, closed.states.at(-2)], ["timeout", "FIN_WAIT_2"]);
  });

  Deno.test(`${application.name} reads and drops what comes after its FIN, and does not reset`, () => {
    const scene = visits(application);
    const { network, server, client } = scene;
    assertEquals([client.state, client.atEnd], ["CLOSE_WAIT", true]);
    assertEquals(client.write(new Uint8Array(100_000)), 100_000);
    network.advance(1_000_000);
    assertEquals(client.unackedBytes, 0);
    assertEquals(statesOf(server), ["FIN_WAIT_2"]);
    client.close();
    network.advance(100_000);
    assertEquals(statesOf(server), ["TIME_WAIT"]);
    assertEquals(scene.ends, ["normal"]);
    const resets = scene.events.filter((event) => event.event === "segment" && event.flags.includes("RST"));
    assertEquals(resets, []);
  });

  Deno.test(`${application.name} reads and drops for as long as its client sends`, () => {
    const { network, server, client, ends } = visits(application);
    for (let sent = 0; sent < 20; sent++) {
      assertEquals(client.write(new Uint8Array(1000)), 1000);
      network.advance(FIN_WAIT_2_US / 2);
    }
    assertEquals([statesOf(server), ends, client.unackedBytes], [["FIN_WAIT_2"], [], 0]);
  });
}
