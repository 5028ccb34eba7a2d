/**
 * A device whose MTU changes under a host: segments follow, what was too large leaves again, new connections offer
 * what fits (RFC 9293 §3.7.1, §3.7.2; RFC 1191 §6.5).
 */
import { assertEquals } from "@std/assert";
import { seqAndLength, u32 } from "./conversation.ts";
import { ip, two } from "./hand_frames.ts";
import { arpReply, PEER_IP, PEER_MAC, SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const MSS_1460 = [2, 4, ...two(1460)];
const HEADERS_BYTES = 40;

/** Where the option stands in a SYN of ours. */
function offeredMss(syn: Uint8Array): number {
  assertEquals([...syn.subarray(54, 56)], [2, 4]);
  return (syn[56] << 8) | syn[57];
}

/** Opens a connection of the peer; its ISS is 1000. */
function open(wire: WireHost, sourcePort = 4000) {
  const [synAck] = wire.gives(segmentFrame({ sourcePort, seq: 1000, flags: SYN, options: MSS_1460 }));
  const iss = u32(synAck, 38);
  wire.answers(segmentFrame({ sourcePort, seq: 1001, ack: iss + 1, flags: ACK }));
  const connections = wire.host.connections();
  const connection = connections[connections.length - 1];
  /** Octets of the stream that each frame carries, as `first+length`, counted from 0. */
  const pieces = (frames: readonly Uint8Array[]) =>
    frames.map((frame) => {
      const { seq, packetBytes } = seqAndLength(frame);
      return `${(seq - iss - 1) >>> 0}+${packetBytes - HEADERS_BYTES}`;
    });
  return { connection, offered: offeredMss(synAck), iss, pieces };
}

function listening(options: ConstructorParameters<typeof WireHost>[0] = {}): WireHost {
  const wire = new WireHost(options);
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  return wire;
}

Deno.test("the MTU is lowered: what is in flight and too large leaves again at once, cut to fit, and nothing else", () => {
  const wire = listening();
  const { connection, pieces, iss } = open(wire);
  wire.user(() => connection.write(new Uint8Array(4380)));
  assertEquals(pieces(wire.take()), ["0+1460", "1460+1460", "2920+1460"]);

  wire.setMtu(1000);
  assertEquals(pieces(wire.take()), ["0+960", "960+500", "1460+960", "2420+500", "2920+960", "3880+500"]);
  assertEquals([connection.info().sendMss, connection.info().pathMss], [960, 0]);
  // No sign of congestion: the window is as it was, and no time-out is counted.
  assertEquals([connection.info().cwnd, wire.host.counters().timeouts], [14_600, 0]);

  wire.answers(segmentFrame({ seq: 1001, ack: iss + 1 + 4380, flags: ACK }));
  wire.user(() => connection.write(new Uint8Array(2000)));
  assertEquals(pieces(wire.take()), ["4380+960", "5340+960", "6300+80"]);
});

Deno.test("the MTU is lowered: what fits is not sent again", () => {
  const wire = listening();
  const { connection, pieces } = open(wire);
  wire.user(() => connection.write(new Uint8Array(900)));
  assertEquals(pieces(wire.take()), ["0+900"]);
  wire.setMtu(1000);
  assertEquals(pieces(wire.take()), []);
});

Deno.test("raised again, old connections send as large as they agreed, and new ones offer more", () => {
  const wire = listening({ mtu: 1000 });
  const first = open(wire);
  assertEquals(first.offered, 960);
  wire.setMtu(1500);
  wire.expects();
  assertEquals([first.connection.info().sendMss, first.connection.info().receiveMss], [960, 960]);
  const second = open(wire, 4001);
  assertEquals([second.offered, second.connection.info().sendMss], [1460, 1460]);
  wire.setMtu(1200);
  assertEquals([first, second].map(({ connection }) => connection.info().sendMss), [960, 1160]);
  wire.setMtu(1500);
  assertEquals([first, second].map(({ connection }) => connection.info().sendMss), [960, 1460]);
});

Deno.test("the MTU is lowered: a SYN and a SYN-ACK that are sent again offer what holds now", () => {
  const wire = listening();
  wire.answers(arpReply(PEER_IP, PEER_MAC));
  wire.user((host) => host.connect({ address: ip(PEER_IP), port: 81, localPort: 50_000, handler: {} }));
  const [syn] = wire.take();
  const [synAck] = wire.gives(segmentFrame({ seq: 1000, flags: SYN, options: MSS_1460 }));
  assertEquals([offeredMss(syn), offeredMss(synAck)], [1460, 1460]);
  wire.setMtu(1000);
  wire.expects();
  wire.pass(1.5 * SECOND_US);
  assertEquals(wire.take().map(offeredMss), [960, 960]);
});

Deno.test("a change is told once, and counted; the same MTU again is none", () => {
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
