/**
 * Path MTU between connections (RFC 1191 §3, §6.3): the next one to the same address begins with what ICMP has said of
 * the path, and only with what a connection has believed (RFC 5927).
 */
import { assert, assertEquals } from "@std/assert";
import { PathMtuCache } from "../../src/host/path_mtu_cache.ts";
import { complaint, seqAndLength, seqOf } from "./conversation.ts";
import { ip, two } from "./hand_frames.ts";
import {
  familyOfText,
  introduces,
  segmentOf,
  tcpOffset,
  WIRE_FAMILIES,
  type WireFamily,
} from "./wire_families.ts";
import { SECOND_US, WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const RST = 4;
/** RFC 792 and RFC 1191; RFC 4443 §3.2. */
const TOO_BIG = { IPv4: [3, 4], IPv6: [2, 0] } as const;
const LIFE_US = 600 * SECOND_US;

/** What a full segment holds on a link of 1,500 bytes. */
const fullOf = ({ ipBytes }: WireFamily): number => 1480 - ipBytes;

/** A connection of a peer, with two full segments to send: how large its first packets are. */
function open(wire: WireHost, sourcePort: number, source: string) {
  const family = familyOfText(source);
  const full = fullOf(family);
  const options = [2, 4, ...two(full)];
  const [synAck] = wire.gives(segmentOf(family, { source, sourcePort, seq: 1000, flags: SYN, options }));
  const mssAt = tcpOffset(synAck) + 22;
  assertEquals(
    (synAck[mssAt] << 8) | synAck[mssAt + 1],
    full,
    "what is offered hangs on the device alone (RFC 6691 §2)",
  );
  const iss = seqOf(synAck);
  wire.answers(segmentOf(family, { source, sourcePort, seq: 1001, ack: iss + 1, flags: ACK }));
  const connections = wire.host.connections();
  const connection = connections[connections.length - 1];
  wire.user(() => connection.write(new Uint8Array(2 * full)));
  const frames = wire.take();
  const packets = frames.map((frame) => seqAndLength(frame).packetBytes);
  const about = { sourcePort: 80, targetPort: sourcePort, target: source };
  const [type, code] = TOO_BIG[family.name];
  return {
    connection,
    packets,
    /** Of IPv4 alone. */
    dontFragment: frames.map((frame) => (frame[20] & 0x40) !== 0),
    tooBig: (mtu: number, seqBy = 0) => {
      const quoted = { ...about, seq: (iss + 1 + seqBy) >>> 0, packetBytes: 1500 };
      return wire.gives(complaint({ type, code, rest: mtu, quoted }));
    },
    leaves: () => wire.answers(segmentOf(family, { source, sourcePort, seq: 1001, flags: RST })),
  };
}

function listening(family: WireFamily): WireHost {
  const wire = new WireHost({ addresses: [family.addresses[0]] });
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  return wire;
}

function pathCounts(wire: WireHost): Record<string, number> {
  return Object.fromEntries(
    Object.entries(wire.host.counters()).filter(([name]) => name.startsWith("path-mtu-")),
  );
}

for (const family of WIRE_FAMILIES) {
  const { name, peer, other } = family;
  const headers = family.ipBytes + 20;
  const full = fullOf(family);
  const [type, code] = TOO_BIG[name];
  /** Two full segments on a path of 1,300 bytes. */
  const cut = [1300, 1300, 400 + headers];

  Deno.test(`${name}: the next connection does not walk into the same hole, whoever opens it (RFC 1191 §3)`, () => {
    const wire = listening(family);
    const first = open(wire, 4000, peer);
    assertEquals(first.packets, [1500, 1500]);
    const again = first.tooBig(1300).map((frame) => seqAndLength(frame).packetBytes);
    assertEquals(again, [1300, 200 + headers, 1300, 200 + headers]);
    first.leaves();
    assertEquals(pathCounts(wire), { "path-mtu-learnt": 1 });

    const second = open(wire, 4001, peer);
    assertEquals([second.packets, second.connection.info().pathMss], [cut, 1300 - headers]);
    if (name === "IPv4") assertEquals(second.dontFragment, [true, true, true]);
    assertEquals(pathCounts(wire), { "path-mtu-learnt": 1, "path-mtu-used": 1 });

    introduces(wire, peer);
    const third = wire.user((host) =>
      host.connect({ address: ip(peer), port: 81, localPort: 50_000, handler: {} })
    );
    assertEquals(wire.take().length, 1);
    assertEquals(third.info().pathMss, 1300 - headers);

    // Another destination is another path.
    const elsewhere = open(wire, 4000, other);
    assertEquals([elsewhere.packets, elsewhere.connection.info().pathMss], [[1500, 1500], 0]);
  });

  Deno.test(`${name}: what no connection believes is not kept: numbers, sizes, ports of nobody (RFC 5927)`, () => {
    const wire = listening(family);
    const first = open(wire, 4000, peer);
    for (const seqBy of [-1, 2 * full, 0x7fffffff, -0x40000000]) assertEquals(first.tooBig(1300, seqBy), []);
    assertEquals(first.tooBig(1500), []);
    assertEquals(first.tooBig(9000), []);
    const quoted = { target: peer, sourcePort: 80, targetPort: 4999, seq: 1, packetBytes: 1500 };
    wire.answers(complaint({ type, code, rest: 1290, quoted }));
    assertEquals(pathCounts(wire), {});
    first.leaves();
    assertEquals(open(wire, 4001, peer).packets, [1500, 1500]);
  });

  Deno.test(`${name}: it is forgotten ten minutes after the message, also by a connection that began with it (RFC 1191 §6.3)`, () => {
    const wire = listening(family);
    const first = open(wire, 4000, peer);
    first.tooBig(1300);
    first.leaves();
    wire.pass(LIFE_US - SECOND_US);
    const second = open(wire, 4001, peer);
    assertEquals(second.packets, cut);
    second.leaves();
    wire.pass(SECOND_US);
    const third = open(wire, 4002, peer);
    assertEquals([third.packets, third.connection.info().pathMss], [[1500, 1500], 0]);
    assertEquals(pathCounts(wire), { "path-mtu-learnt": 1, "path-mtu-used": 1 });
  });

  Deno.test(`${name}: a connection that began with it tries the full size when the ten minutes are over`, () => {
    const wire = listening(family);
    const first = open(wire, 4000, peer);
    first.tooBig(1300);
    first.leaves();
    wire.pass(LIFE_US - SECOND_US);
    const second = open(wire, 4001, peer);
    const { iss, sndNxt } = second.connection.info();
    assert(sndNxt !== iss);
    const ack = (iss + 1 + 2 * full) >>> 0;
    wire.answers(segmentOf(family, { sourcePort: 4001, seq: 1001, ack, flags: ACK }));
    wire.pass(SECOND_US);
    wire.user(() => second.connection.write(new Uint8Array(2 * full)));
    assertEquals(wire.take().map((frame) => seqAndLength(frame).packetBytes), [1500, 1500]);
  });

  Deno.test(`${name}: a narrower limit takes the place of the old one, a wider claim does not`, () => {
    const wire = listening(family);
    const first = open(wire, 4000, peer);
    first.tooBig(1350);
    assertEquals([first.tooBig(1400), first.tooBig(1300, -1)], [[], []]);
    assertEquals(pathCounts(wire), { "path-mtu-learnt": 1 }, "what is not believed does not count");
    first.leaves();
    assertEquals(open(wire, 4001, peer).packets[0], 1350);
    const third = open(wire, 4002, peer);
    third.tooBig(1280);
    third.leaves();
    assertEquals(open(wire, 4003, peer).packets[0], 1280);
  });
}

const [IPV4, IPV6] = WIRE_FAMILIES;

Deno.test("IPv4, a path below 576 bytes: the next connection sends without DF at once (RFC 1191 §3, RFC 5927 §7)", () => {
  const wire = listening(IPV4);
  const first = open(wire, 4000, IPV4.peer);
  first.tooBig(300);
  first.leaves();
  const second = open(wire, 4001, IPV4.peer);
  assertEquals(second.packets[0], 576);
  assertEquals(new Set(second.dontFragment), new Set([false]));
});

Deno.test("IPv6: a path below 1280 bytes is not kept (RFC 8201 §4)", () => {
  const wire = listening(IPV6);
  const first = open(wire, 4000, IPV6.peer);
  for (const mtu of [0, 576, 1279]) assertEquals(first.tooBig(mtu), []);
  first.leaves();
  assertEquals([pathCounts(wire), open(wire, 4001, IPV6.peer).packets], [{}, [1500, 1500]]);
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
  const found = [ip("10.0.0.1"), ip("10.0.0.2"), six(3), six(4), ip(IPV4.us)].map((address) =>
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
