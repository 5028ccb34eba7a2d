/**
 * Where the packets of a connection go whose peer is behind a router, over both families: a router that nobody has named, one that
 * was named, and the way that a SYN came (RFC 826, RFC 4861 §7.2, §7.3).
 *
 * Frames by hand: whoever is on the segment, and whatever it says with the right ports.
 */
import { assertEquals } from "@std/assert";
import { formatMac } from "../../src/wire/address.ts";
import { seqOf } from "./conversation.ts";
import { hex, ip } from "./hand_frames.ts";
import { NEIGHBOR_FAMILIES } from "./neighbor_families.ts";
import { introduces, isTcpFrame, segmentOf, WIRE_FAMILIES } from "./wire_families.ts";
import { NONSENSE } from "./nonsense_segments.ts";
import { PEER_MAC, ROUTER_MAC, WireHost } from "./wire_host.ts";

const SYN = 0x02;
const ACK = 0x10;
const STRANGER_MAC = "02:00:00:00:00:66";
const NEW_MAC = "02:00:00:00:00:0a";

/** The hardware addresses that segments go to. */
function ways(frames: readonly Uint8Array[]): string[] {
  return frames.filter(isTcpFrame).map((frame) => formatMac(frame.subarray(0, 6)));
}

for (const [at, family] of WIRE_FAMILIES.entries()) {
  const { us, peer, router, far: farAway } = family;
  const neighbors = NEIGHBOR_FAMILIES[at];
  const { name } = neighbors;
  const addresses = [family.addresses[0]];
  const ours = neighbors.us;
  const asks = (address: string) => hex(neighbors.asks(ours, address));
  const others = (frames: readonly Uint8Array[]) => frames.filter((frame) => !isTcpFrame(frame)).map(hex);
  const segment = (fields: Parameters<typeof segmentOf>[1], data = "") => segmentOf(family, fields, data);

  /** A connection of a peer behind a router that nobody has named. */
  const far = (wire = new WireHost({ addresses })) => {
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const way = { source: farAway, from: ROUTER_MAC };
    const [synAck] = wire.gives(segment({ ...way, seq: 1000, flags: SYN }));
    const iss = seqOf(synAck);
    wire.answers(segment({ ...way, seq: 1001, ack: iss + 1, flags: ACK }));
    const [connection] = wire.host.connections();
    connection.setNoDelay(true);
    return { wire, connection, iss };
  };

  const says = (wire: WireHost, connection: { write(bytes: Uint8Array): number }) => {
    wire.user(() => connection.write(Uint8Array.of(1)));
    return ways(wire.take());
  };

  const connects = (wire: WireHost, address: string) =>
    wire.user((host) => host.connect({ address: ip(address), port: 80, localPort: 50_000, handler: {} }));

  // -- A stranger with the right ports

  for (const { what, segment: fields, data, ackIs } of NONSENSE) {
    Deno.test(`${name}: ${what} from another hardware address diverts nothing (peer behind a router)`, () => {
      const { wire, connection, iss } = far();
      const ack = ackIs === undefined ? {} : { ack: iss + ackIs };
      const answers = wire.gives(segment({ ...fields, ...ack, source: farAway, from: STRANGER_MAC }, data));
      // What is said to it (a challenge ACK, for instance) is said to the router.
      assertEquals(ways(answers).filter((to) => to !== ROUTER_MAC), []);
      assertEquals(says(wire, connection), [ROUTER_MAC]);
    });
  }

  Deno.test(`${name}, far peer without a named router: the very next segment is followed to where it came from, and back`, () => {
    const { wire, connection, iss } = far();
    const next = { source: farAway, ack: iss + 1, flags: ACK };
    wire.gives(segment({ ...next, seq: 1001, from: NEW_MAC }, "x"));
    assertEquals(says(wire, connection), [NEW_MAC]);
    wire.gives(segment({ ...next, seq: 1002, ack: iss + 2, from: ROUTER_MAC }));
    assertEquals(says(wire, connection), [ROUTER_MAC]);
  });

  Deno.test(`${name}, far peer without a named router: what brings the connection forward but is not the very next moves nothing`, () => {
    const { wire, connection, iss } = far();
    const way = { source: farAway, flags: ACK, from: STRANGER_MAC };
    assertEquals(says(wire, connection), [ROUTER_MAC]);
    // Acknowledges something new, from the middle of the window: a stranger finds such numbers.
    wire.gives(segment({ ...way, seq: 1500, ack: iss + 2 }));
    assertEquals(says(wire, connection), [ROUTER_MAC]);
    // Begins before what is next, and goes beyond it.
    wire.gives(segment({ ...way, seq: 990, ack: iss + 2 }, "x".repeat(50)));
    assertEquals(says(wire, connection), [ROUTER_MAC]);
  });

  Deno.test(`${name}: behind a gateway that was named, the gateway's own word alone says where it is`, () => {
    const wire = new WireHost({ addresses, gateway: router });
    introduces(wire, router, ROUTER_MAC);
    const connection = connects(wire, farAway);
    const iss = seqOf(wire.take()[0]);
    const way = { source: farAway, sourcePort: 80, targetPort: 50_000 };
    wire.gives(segment({ ...way, from: ROUTER_MAC, seq: 1000, ack: iss + 1, flags: SYN | ACK }));
    assertEquals(connection.state, "ESTABLISHED");
    const sent = wire.gives(segment({ ...way, from: NEW_MAC, seq: 1001, ack: iss + 1, flags: ACK }, "x"));
    assertEquals([others(sent), ways(sent)], [[asks(router)], [ROUTER_MAC]]);
    wire.answers(neighbors.answers({ address: router, mac: NEW_MAC }, ours));
    assertEquals(says(wire, connection), [NEW_MAC]);
  });

  Deno.test(`${name}: a router that tells where it is moves the connections behind it, where it had asked for us before`, () => {
    const wire = new WireHost({ addresses });
    wire.gives(neighbors.asks({ address: router, mac: ROUTER_MAC }, us));
    const { connection } = far(wire);
    wire.answers(neighbors.tells({ address: router, mac: NEW_MAC }));
    assertEquals(says(wire, connection), [NEW_MAC]);
  });

  // -- The way that it came

  Deno.test(`${name}: a SYN is answered the way that it came, without a question, though another way is known`, () => {
    const wire = new WireHost({ addresses });
    introduces(wire, peer);
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const answers = wire.gives(segment({ seq: 1000, flags: SYN, from: NEW_MAC }));
    assertEquals([others(answers), ways(answers)], [[], [NEW_MAC]]);
  });

  Deno.test(`${name}: who opened a connection from an address is not yet its owner: to open one there, all are asked`, () => {
    const wire = new WireHost({ addresses });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [synAck] = wire.gives(segment({ seq: 1000, flags: SYN }));
    wire.answers(segment({ seq: 1001, ack: seqOf(synAck) + 1, flags: ACK }));
    connects(wire, peer);
    const first = wire.take();
    assertEquals([others(first), ways(first)], [[asks(peer)], [PEER_MAC]]);
    wire.answers(neighbors.answers({ address: peer, mac: NEW_MAC }, ours));
    wire.user((host) => host.connect({ address: ip(peer), port: 81, handler: {} }));
    assertEquals(ways(wire.take()), [NEW_MAC]);
  });

  Deno.test(`${name}: somebody unknown that tells where it is makes no entry`, () => {
    const wire = new WireHost({ addresses });
    wire.answers(neighbors.tells({ address: family.neighbor(77), mac: NEW_MAC }));
    connects(wire, family.neighbor(77));
    assertEquals(wire.take().map(hex), [asks(family.neighbor(77))]);
  });
}
