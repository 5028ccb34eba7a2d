/**
 * Path MTU between connections (RFC 1191 §3, §6.3): the next one to the same address begins with what ICMP has said of
 * the path, and only with what a connection has believed (RFC 5927).
 */
import { assert, assertEquals } from "@std/assert";
import { PathMtuCache } from "../../src/host/path_mtu_cache.ts";
import { complaint, seqAndLength, u32 } from "./conversation.ts";
import { ip, two } from "./hand_frames.ts";
import { arpReply, OUR_IP, PEER_IP, PEER_MAC, SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const RST = 4;
const OTHER_IP = "10.0.0.8";
const LIFE_US = 600 * SECOND_US;

/** A connection of a peer, with 2,920 bytes to send: how large its first packets are. */
function open(wire: WireHost, sourcePort: number, source = PEER_IP) {
  const options = [2, 4, ...two(1460)];
  const [synAck] = wire.gives(segmentFrame({ source, sourcePort, seq: 1000, flags: SYN, options }));
  assertEquals(
    (synAck[56] << 8) | synAck[57],
    1460,
    "what is offered hangs on the device alone (RFC 6691 §2)",
  );
  const iss = u32(synAck, 38);
  wire.answers(segmentFrame({ source, sourcePort, seq: 1001, ack: iss + 1, flags: ACK }));
  const connections = wire.host.connections();
  const connection = connections[connections.length - 1];
  wire.user(() => connection.write(new Uint8Array(2920)));
  const frames = wire.take();
  const packets = frames.map((frame) => seqAndLength(frame).packetBytes);
  const about = { sourcePort: 80, targetPort: sourcePort, target: source };
  return {
    connection,
    packets,
    dontFragment: frames.map((frame) => (frame[20] & 0x40) !== 0),
    tooBig: (mtu: number, seqBy = 0) => {
      const quoted = { ...about, seq: (iss + 1 + seqBy) >>> 0, packetBytes: 1500 };
      return wire.gives(complaint({ type: 3, code: 4, rest: mtu, quoted }));
    },
    leaves: () => wire.answers(segmentFrame({ source, sourcePort, seq: 1001, flags: RST })),
  };
}

function listening(options: ConstructorParameters<typeof WireHost>[0] = {}): WireHost {
  const wire = new WireHost(options);
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  return wire;
}

function pathCounts(wire: WireHost): Record<string, number> {
  return Object.fromEntries(
    Object.entries(wire.host.counters()).filter(([name]) => name.startsWith("path-mtu-")),
  );
}

Deno.test("the next connection does not walk into the same hole, whoever opens it (RFC 1191 §3)", () => {
  const wire = listening();
  const first = open(wire, 4000);
  assertEquals(first.packets, [1500, 1500]);
  const again = first.tooBig(1000).map((frame) => seqAndLength(frame).packetBytes);
  assertEquals(again, [1000, 540, 1000, 540]);
  first.leaves();
  assertEquals(pathCounts(wire), { "path-mtu-learnt": 1 });

  const second = open(wire, 4001);
  assertEquals([second.packets, second.connection.info().pathMss], [[1000, 1000, 1000, 80], 960]);
  assertEquals(second.dontFragment, [true, true, true, true]);
  assertEquals(pathCounts(wire), { "path-mtu-learnt": 1, "path-mtu-used": 1 });

  wire.answers(arpReply(PEER_IP, PEER_MAC));
  const third = wire.user((host) =>
    host.connect({ address: ip(PEER_IP), port: 81, localPort: 50_000, handler: {} })
  );
  assertEquals(wire.take().length, 1);
  assertEquals(third.info().pathMss, 960);

  // Another destination is another path.
  const other = open(wire, 4000, OTHER_IP);
  assertEquals([other.packets, other.connection.info().pathMss], [[1500, 1500], 0]);
});

Deno.test("what no connection believes is not kept: numbers, sizes, ports of nobody (RFC 5927)", () => {
  const wire = listening();
  const first = open(wire, 4000);
  for (const seqBy of [-1, 2920, 0x7fffffff, -0x40000000]) assertEquals(first.tooBig(1000, seqBy), []);
  assertEquals(first.tooBig(1500), []);
  assertEquals(first.tooBig(9000), []);
  const quoted = { sourcePort: 80, targetPort: 4999, seq: 1, packetBytes: 1500 };
  wire.answers(complaint({ type: 3, code: 4, rest: 600, quoted }));
  assertEquals(pathCounts(wire), {});
  first.leaves();
  assertEquals(open(wire, 4001).packets, [1500, 1500]);
});

Deno.test("it is forgotten ten minutes after the message, also by a connection that began with it (RFC 1191 §6.3)", () => {
  const wire = listening();
  const first = open(wire, 4000);
  first.tooBig(1000);
  first.leaves();
  wire.pass(LIFE_US - SECOND_US);
  const second = open(wire, 4001);
  assertEquals(second.packets, [1000, 1000, 1000, 80]);
  second.leaves();
  wire.pass(SECOND_US);
  const third = open(wire, 4002);
  assertEquals([third.packets, third.connection.info().pathMss], [[1500, 1500], 0]);
  assertEquals(pathCounts(wire), { "path-mtu-learnt": 1, "path-mtu-used": 1 });
});

Deno.test("a connection that began with it tries the full size when the ten minutes are over", () => {
  const wire = listening();
  const first = open(wire, 4000);
  first.tooBig(1000);
  first.leaves();
  wire.pass(LIFE_US - SECOND_US);
  const second = open(wire, 4001);
  const { iss, sndNxt } = second.connection.info();
  assert(sndNxt !== iss);
  const ack = (iss + 1 + 2920) >>> 0;
  wire.answers(segmentFrame({ sourcePort: 4001, seq: 1001, ack, flags: ACK }));
  wire.pass(SECOND_US);
  wire.user(() => second.connection.write(new Uint8Array(2920)));
  assertEquals(wire.take().map((frame) => seqAndLength(frame).packetBytes), [1500, 1500]);
});

Deno.test("a path below 576 bytes: the next connection sends without DF at once (RFC 1191 §3, RFC 5927 §7)", () => {
  const wire = listening();
  const first = open(wire, 4000);
  first.tooBig(300);
  first.leaves();
  const second = open(wire, 4001);
  assertEquals(second.packets[0], 576);
  assertEquals(new Set(second.dontFragment), new Set([false]));
});

Deno.test("a narrower limit takes the place of the old one, a wider claim does not", () => {
  const wire = listening();
  const first = open(wire, 4000);
  first.tooBig(1000);
  assertEquals([first.tooBig(1200), first.tooBig(900, -1)], [[], []]);
  assertEquals(pathCounts(wire), { "path-mtu-learnt": 1 }, "what is not believed does not count");
  first.leaves();
  assertEquals(open(wire, 4001).packets[0], 1000);
  const third = open(wire, 4002);
  third.tooBig(700);
  third.leaves();
  assertEquals(open(wire, 4003).packets[0], 700);
});

Deno.test("the cache is bounded: the path that was learnt longest ago gives way", () => {
  const counts: Record<string, number> = {};
  const cache = new PathMtuCache({
    seed: 1,
    most: 3,
    count: (name) => counts[name] = (counts[name] ?? 0) + 1,
  });
  const limit = (pathMss: number) => ({ pathMss, dontFragment: true, untilUs: LIFE_US });
  const six = (last: number) => Uint8Array.from({ length: 16 }, (_, at) => at === 15 ? last : 0xfd);
  cache.learn(ip("10.0.0.1"), limit(1001));
  cache.learn(ip("10.0.0.2"), limit(1002));
  cache.learn(six(3), limit(1003));
  // Learnt again, it is the youngest.
  cache.learn(ip("10.0.0.1"), limit(901));
  cache.learn(six(4), limit(1004));
  assertEquals(cache.size, 3);
  const found = [ip("10.0.0.1"), ip("10.0.0.2"), six(3), six(4), ip(OUR_IP)].map((address) =>
    cache.find(address, 0)?.pathMss ?? null
  );
  assertEquals(found, [901, null, 1003, 1004, 901]);
  assertEquals(counts, { "path-mtu-learnt": 5, "path-mtu-evicted": 1, "path-mtu-used": 4 });
  assertEquals([cache.find(six(3), LIFE_US), cache.size], [null, 2]);
});

Deno.test("a thousand and twenty-four paths are kept, not one more, whatever a peer with many addresses does", () => {
  const cache = new PathMtuCache({ seed: 1, count: () => {} });
  for (let at = 0; at < 100_000; at++) {
    cache.learn(Uint8Array.of(10, at >>> 16, (at >>> 8) & 0xff, at & 0xff), {
      pathMss: 960,
      dontFragment: true,
      untilUs: LIFE_US,
    });
  }
  assertEquals(cache.size, 1024);
});
