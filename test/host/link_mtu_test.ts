/**
 * A device whose MTU changes under a host: segments follow, what was too large leaves again, new connections offer
 * what fits (RFC 9293 §3.7.1, §3.7.2; RFC 1191 §6.5, RFC 8201 §5.4).
 */
import { assertEquals } from "@std/assert";
import { seqAndLength, seqOf } from "./conversation.ts";
import { ip, two } from "./hand_frames.ts";
import { introduces, isTcpFrame, segmentOf, tcpOffset, WIRE_FAMILIES } from "./wire_families.ts";
import { SECOND_US, WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const MSS_1460 = [2, 4, ...two(1460)];

/** Where the option stands in a SYN of ours. */
function offeredMss(syn: Uint8Array): number {
  const at = tcpOffset(syn) + 20;
  assertEquals([...syn.subarray(at, at + 2)], [2, 4]);
  return (syn[at + 2] << 8) | syn[at + 3];
}

for (const family of WIRE_FAMILIES) {
  const { name, peer } = family;
  const headers = family.ipBytes + 20;
  const mtuFor = (mss: number) => mss + headers;
  const segment = (fields: Parameters<typeof segmentOf>[1]) => segmentOf(family, fields);

  /** Opens a connection of the peer; its ISS is 1000. */
  const open = (wire: WireHost, sourcePort = 4000) => {
    const [synAck] = wire.gives(segment({ sourcePort, seq: 1000, flags: SYN, options: MSS_1460 }));
    const iss = seqOf(synAck);
    wire.answers(segment({ sourcePort, seq: 1001, ack: iss + 1, flags: ACK }));
    const connections = wire.host.connections();
    const connection = connections[connections.length - 1];
    /** Octets of the stream that each frame carries, as `first+length`, counted from 0. */
    const pieces = (frames: readonly Uint8Array[]) =>
      frames.map((frame) => {
        const { seq, packetBytes } = seqAndLength(frame);
        return `${(seq - iss - 1) >>> 0}+${packetBytes - headers}`;
      });
    return { connection, offered: offeredMss(synAck), iss, pieces };
  };

  const listening = (options: ConstructorParameters<typeof WireHost>[0] = {}): WireHost => {
    const wire = new WireHost({ addresses: [family.addresses[0]], ...options });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    return wire;
  };

  Deno.test(`${name}: the MTU is lowered: what is in flight and too large leaves again at once, cut to fit, and nothing else`, () => {
    const wire = listening({ mtu: mtuFor(1460) });
    const { connection, pieces, iss } = open(wire);
    wire.user(() => connection.write(new Uint8Array(4380)));
    assertEquals(pieces(wire.take()), ["0+1460", "1460+1460", "2920+1460"]);

    wire.setMtu(mtuFor(1240));
    assertEquals(pieces(wire.take()), [
      "0+1240",
      "1240+220",
      "1460+1240",
      "2700+220",
      "2920+1240",
      "4160+220",
    ]);
    assertEquals([connection.info().sendMss, connection.info().pathMss], [1240, 0]);
    // No sign of congestion: the window is as it was, and no time-out is counted.
    assertEquals([connection.info().cwnd, wire.host.counters().timeouts], [14_600, 0]);

    wire.answers(segment({ seq: 1001, ack: iss + 1 + 4380, flags: ACK }));
    wire.user(() => connection.write(new Uint8Array(2000)));
    assertEquals(pieces(wire.take()), ["4380+1240", "5620+760"]);
  });

  Deno.test(`${name}: the MTU is lowered: what fits is not sent again`, () => {
    const wire = listening({ mtu: mtuFor(1460) });
    const { connection, pieces } = open(wire);
    wire.user(() => connection.write(new Uint8Array(900)));
    assertEquals(pieces(wire.take()), ["0+900"]);
    wire.setMtu(mtuFor(1240));
    assertEquals(pieces(wire.take()), []);
  });

  Deno.test(`${name}: raised again, old connections send as large as they agreed, and new ones offer more`, () => {
    const wire = listening({ mtu: mtuFor(1240) });
    const first = open(wire);
    assertEquals(first.offered, 1240);
    wire.setMtu(mtuFor(1460));
    wire.expects();
    assertEquals([first.connection.info().sendMss, first.connection.info().receiveMss], [1240, 1240]);
    const second = open(wire, 4001);
    assertEquals([second.offered, second.connection.info().sendMss], [1460, 1460]);
    wire.setMtu(mtuFor(1340));
    assertEquals([first, second].map(({ connection }) => connection.info().sendMss), [1240, 1340]);
    wire.setMtu(mtuFor(1460));
    assertEquals([first, second].map(({ connection }) => connection.info().sendMss), [1240, 1460]);
  });

  Deno.test(`${name}: the MTU is lowered: a SYN and a SYN-ACK that are sent again offer what holds now`, () => {
    const wire = listening({ mtu: mtuFor(1460) });
    introduces(wire, peer);
    wire.user((host) => host.connect({ address: ip(peer), port: 81, localPort: 50_000, handler: {} }));
    const [syn] = wire.take();
    const [synAck] = wire.gives(segment({ seq: 1000, flags: SYN, options: MSS_1460 }));
    assertEquals([offeredMss(syn), offeredMss(synAck)], [1460, 1460]);
    wire.setMtu(mtuFor(1240));
    wire.expects();
    wire.pass(1.5 * SECOND_US);
    assertEquals(wire.take().filter(isTcpFrame).map(offeredMss), [1240, 1240]);
  });

  Deno.test(`${name}: a change is told once, and counted; the same MTU again is none`, () => {
    const wire = listening();
    open(wire);
    wire.events.splice(0);
    wire.takeCounts();
    wire.setMtu(1500);
    assertEquals([wire.events, wire.takeCounts()], [[], {}]);
    wire.setMtu(1400);
    wire.setMtu(1400);
    wire.setMtu(1450);
    const notices = wire.events.map((event) =>
      event.event === "notice" ? `${event.kind}: ${event.message}` : event
    );
    assertEquals(notices, [
      "mtu-changed: The MTU of recording is 1400 bytes now, 1500 before: segments become smaller",
      "mtu-changed: The MTU of recording is 1450 bytes now, 1400 before: new connections use it",
    ]);
    assertEquals(wire.takeCounts(), { "mtu-changes": 2 });
    wire.expects();
  });
}
