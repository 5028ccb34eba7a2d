/**
 * More arrives than a host can take: who is served all the same, and who waits.
 *
 * Owns: each kind of sender with a crowded link and without. Must not know: how a link sees that it is crowded.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { formatIpAddress } from "../../src/wire/address.ts";
import { seqOf } from "./conversation.ts";
import { ip } from "./hand_frames.ts";
import { NEIGHBOR_FAMILIES } from "./neighbor_families.ts";
import {
  asksWhere,
  familyOfText,
  peerTellsWhere,
  segmentOf,
  tcpOffset,
  tellsWhere,
  WIRE_FAMILIES,
  type WireFamily,
} from "./wire_families.ts";
import { PEER_MAC, PLAIN_TCP, SECOND_US, type SegmentFields, WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const PSH_ACK = 24;

/** One that is one peer by itself: in IPv6 a network of 64 bits is (RFC 4291 §2.5.1). */
function networkOf({ name }: WireFamily, number: number): string {
  if (name === "IPv4") return `10.0.${number >> 8}.${number & 0xff}`;
  return `2001:db8:${number.toString(16)}::1`;
}

const flagsOf = (frame: Uint8Array): number => frame[tcpOffset(frame) + 13];

/** A segment of a caller, over the version of its address. */
function segmentFrom(fields: SegmentFields & { readonly source: string }, data = ""): Uint8Array {
  return segmentOf(familyOfText(fields.source), fields, data);
}

interface Caller {
  readonly source: string;
  readonly sourcePort: number;
}

function server(family: WireFamily, options: ConstructorParameters<typeof WireHost>[0] = {}) {
  const wire = new WireHost({ addresses: [family.addresses[0]], ...options });
  const received: string[] = [];
  wire.host.listen({
    port: 80,
    accept: ({ peerPort }) => ({
      onReadable: (connection) => {
        const bytes = new Uint8Array(100);
        const count = connection.read(bytes);
        received.push(`${peerPort}: ${new TextDecoder().decode(bytes.subarray(0, count))}`);
      },
    }),
  });
  wire.take();
  return { wire, received };
}

/** Our sequence number in a SYN-ACK, null when there was no answer. */
function request(wire: WireHost, caller: Caller): number | null {
  const answers = wire.gives(segmentFrom({ ...caller, seq: 1000, flags: SYN }));
  if (answers.length === 0) return null;
  assertEquals([answers.length, flagsOf(answers[0])], [1, SYN | ACK]);
  return seqOf(answers[0]);
}

/** A whole handshake; returns our first sequence number. */
function open(wire: WireHost, caller: Caller): number {
  const iss = request(wire, caller);
  if (iss === null) throw new Error(`${caller.source}:${caller.sourcePort} got no answer`);
  wire.answers(segmentFrom({ ...caller, seq: 1001, ack: iss + 1, flags: ACK }));
  return iss + 1;
}

function openMany(wire: WireHost, source: string, count: number): number[] {
  return Array.from({ length: count }, (_, i) => open(wire, { source, sourcePort: 5000 + i }));
}

function say(wire: WireHost, caller: Caller & { ack: number }, text: string): Uint8Array[] {
  return wire.gives(segmentFrom({ ...caller, seq: 1001, flags: PSH_ACK }, text));
}

/** As many connections with unread text as fill a small memory; each holds 64,400 bytes. */
function fill(wire: WireHost, sources: readonly string[]): void {
  const text = "x".repeat(1400);
  const callers = sources.flatMap((source) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((sourcePort) => ({ source, sourcePort }))
  );
  const acks = callers.map((caller) => open(wire, caller));
  for (let part = 0; part < 46; part++) {
    for (const [i, caller] of callers.entries()) {
      wire.gives(segmentFrom({ ...caller, seq: 1001 + part * text.length, ack: acks[i], flags: ACK }, text));
    }
  }
}

/** A host of 2 MiB whose application reads nothing. */
function unreadServer(family: WireFamily): WireHost {
  const wire = new WireHost({
    addresses: [family.addresses[0]],
    memoryBytes: 0x200000,
    tcp: { ...PLAIN_TCP, receiveBufferBytes: 0x10000 },
  });
  wire.host.listen({ port: 80, accept: () => ({}) });
  wire.take();
  return wire;
}

for (const family of WIRE_FAMILIES) {
  const { name, us, peer, other } = family;
  const network = (number: number) => networkOf(family, number);
  const [stranger, greedy] = [77, 66].map(network);
  const neighbors = NEIGHBOR_FAMILIES[WIRE_FAMILIES.indexOf(family)];

  Deno.test(`${name}, crowded: a SYN of a stranger waits, one of a known peer with little is answered at once`, () => {
    const { wire } = server(family);
    open(wire, { source: peer, sourcePort: 4000 });
    wire.takeCounts();
    wire.events.length = 0;
    wire.host.crowd(true);
    assertEquals(request(wire, { source: stranger, sourcePort: 1 }), null);
    assertEquals(wire.takeDrops(), ["overload"]);
    assertEquals(wire.takeCounts()["overload-opens"], 1);
    assertGreater(request(wire, { source: peer, sourcePort: 4001 }) ?? 0, 0);
    wire.host.crowd(false);
    assertGreater(
      request(wire, { source: stranger, sourcePort: 1 }) ?? 0,
      0,
      "it comes again, and finds room",
    );
  });

  Deno.test(`${name}, crowded: who only sent a SYN is no known peer, who has gone still is one`, () => {
    const { wire } = server(family);
    request(wire, { source: stranger, sourcePort: 1 });
    const ack = open(wire, { source: peer, sourcePort: 4000 });
    wire.answers(segmentFrom({ source: peer, sourcePort: 4000, seq: 1001, ack, flags: 4 }));
    assertEquals(wire.host.connectionCount, 1);
    wire.host.crowd(true);
    assertEquals(request(wire, { source: stranger, sourcePort: 2 }), null);
    assertGreater(request(wire, { source: peer, sourcePort: 4001 }) ?? 0, 0);
  });

  Deno.test(`${name}, crowded: segments of a peer with many connections wait for those of others, and are taken later`, () => {
    const { wire, received } = server(family);
    const many = openMany(wire, greedy, 9);
    const modest = open(wire, { source: peer, sourcePort: 4000 });
    wire.takeCounts();
    wire.host.crowd(true);
    assertEquals(say(wire, { source: greedy, sourcePort: 5000, ack: many[0] }, "many"), []);
    say(wire, { source: peer, sourcePort: 4000, ack: modest }, "few");
    assertEquals(received, ["4000: few"]);
    assertEquals(request(wire, { source: greedy, sourcePort: 6000 }), null);
    const counts = wire.takeCounts();
    assertEquals([counts["overload-segments"], counts["overload-opens"]], [1, 1]);
    wire.host.crowd(false);
    say(wire, { source: greedy, sourcePort: 5000, ack: many[0] }, "many");
    assertEquals(received, ["4000: few", "5000: many"]);
  });

  Deno.test(`${name}, crowded: eight connections are not many`, () => {
    const { wire, received } = server(family);
    const some = openMany(wire, greedy, 8);
    open(wire, { source: peer, sourcePort: 4000 });
    wire.host.crowd(true);
    say(wire, { source: greedy, sourcePort: 5000, ack: some[0] }, "some");
    assertEquals(received, ["5000: some"]);
  });

  Deno.test(`${name}, crowded: who is alone may have as many as he likes`, () => {
    const { wire, received } = server(family);
    const all = openMany(wire, greedy, 40);
    wire.host.crowd(true);
    say(wire, { source: greedy, sourcePort: 5039, ack: all[39] }, "all");
    assertEquals(received, ["5039: all"]);
    assertGreater(request(wire, { source: greedy, sourcePort: 6000 }) ?? 0, 0);
  });

  Deno.test(`${name}, crowded: of two who have many, the one who has no more than half of the average is served`, () => {
    const { wire, received } = server(family);
    const many = openMany(wire, greedy, 60);
    const fewer = openMany(wire, peer, 20);
    wire.host.crowd(true);
    say(wire, { source: peer, sourcePort: 5000, ack: fewer[0] }, "fewer");
    say(wire, { source: greedy, sourcePort: 5000, ack: many[0] }, "many");
    assertEquals(received, ["5000: fewer"]);
    wire.host.crowd(false);
    const last = open(wire, { source: peer, sourcePort: 6000 });
    wire.host.crowd(true);
    say(wire, { source: peer, sourcePort: 6000, ack: last }, "not any more");
    assertEquals(received, ["5000: fewer"], "21 of 81 are more than that");
  });

  Deno.test(`${name}, crowded by strangers: who has many connections is served all the same, until it is him who crowds`, () => {
    const { wire, received } = server(family);
    const [first] = openMany(wire, greedy, 20);
    open(wire, { source: peer, sourcePort: 4000 });
    wire.host.crowd(true);
    for (let i = 0; i < 100; i++) assertEquals(request(wire, { source: stranger, sourcePort: i + 1 }), null);
    say(wire, { source: greedy, sourcePort: 5000, ack: first }, "many");
    assertEquals(received, ["5000: many"]);
    assertGreater(request(wire, { source: greedy, sourcePort: 6000 }) ?? 0, 0);
    wire.takeCounts();
    const again = segmentFrom({ source: greedy, sourcePort: 5001, seq: 1001, ack: 1, flags: ACK });
    for (let i = 0; i < 200; i++) wire.gives(again);
    assertEquals(
      wire.takeCounts()["overload-segments"],
      103,
      "97 more of his are as many as those of the strangers",
    );
  });

  Deno.test(`${name}, crowded: who is alone may have many, also when somebody else has left more than a minute ago`, () => {
    const { wire, received } = server(family);
    const visit = open(wire, { source: peer, sourcePort: 4000 });
    const leave = { source: peer, sourcePort: 4000, seq: 1001, ack: visit, flags: 4 };
    const all = openMany(wire, greedy, 40);
    wire.answers(segmentFrom(leave));
    wire.host.crowd(true);
    say(wire, { source: greedy, sourcePort: 5000, ack: all[0] }, "soon");
    assertEquals(received, []);
    wire.pass(60 * SECOND_US);
    say(wire, { source: greedy, sourcePort: 5001, ack: all[1] }, "later");
    assertEquals(received, ["5001: later"]);
  });

  Deno.test(`${name}, crowded: no reset for whom we have nothing with; without a crowd there is one`, () => {
    const { wire } = server(family);
    const lost = segmentFrom({ source: peer, sourcePort: 9, targetPort: 81, seq: 7, ack: 5, flags: ACK });
    const atListener = segmentFrom({ source: peer, sourcePort: 9, seq: 7, ack: 5, flags: ACK });
    wire.host.crowd(true);
    wire.answers(lost);
    wire.answers(atListener);
    assertEquals(wire.takeCounts()["overload-answers"], 2);
    wire.host.crowd(false);
    assertEquals([wire.gives(lost).length, wire.gives(atListener).length], [1, 1]);
  });

  Deno.test(`${name}, crowded: the cookie that a client brings back is taken`, () => {
    const wire = new WireHost({ addresses: [family.addresses[0]] });
    wire.host.listen({ port: 80, backlog: 1, accept: () => ({}) });
    request(wire, { source: stranger, sourcePort: 1 });
    const iss = request(wire, { source: peer, sourcePort: 4000 });
    assertEquals(wire.host.connectionCount, 1, "the second was answered with a cookie");
    wire.host.crowd(true);
    wire.answers(segmentFrom({ source: peer, sourcePort: 4000, seq: 1001, ack: (iss ?? 0) + 1, flags: ACK }));
    assertEquals(wire.host.connections().map(({ state }) => state), ["SYN_RCVD", "ESTABLISHED"]);
  });

  Deno.test(`${name}, crowded: who asks for our hardware address waits as a stranger, and does not as a neighbor`, () => {
    const wire = new WireHost({ addresses: [family.addresses[0]] });
    const ask = (address: string, mac: string) => neighbors.asks({ address, mac }, us);
    assertEquals(wire.gives(ask(peer, PEER_MAC)).length, 1);
    wire.takeCounts();
    wire.host.crowd(true);
    assertEquals(wire.gives(ask(other, "02:00:00:00:00:08")).length, 0);
    assertEquals(wire.takeCounts()["overload-arp"], 1);
    assertEquals(wire.gives(ask(peer, PEER_MAC)).length, 1);
    assertEquals(wire.gives(tellsWhere(peer, PEER_MAC)).length, 0);
  });

  Deno.test(`${name}, short of memory: a peer with many connections gets no more of them, others do`, () => {
    const { wire } = server(family, { memoryBytes: 200 * 0x600 });
    open(wire, { source: peer, sourcePort: 4000 });
    // Who has crowded before does not matter here.
    wire.host.crowd(true);
    for (let i = 0; i < 10; i++) request(wire, { source: stranger, sourcePort: i + 1 });
    wire.host.crowd(false);
    openMany(wire, greedy, 149);
    assertGreater(wire.host.memory().usedBytes, 149 * 0x600);
    open(wire, { source: greedy, sourcePort: 6000 });
    assertEquals(request(wire, { source: greedy, sourcePort: 6001 }), null);
    open(wire, { source: peer, sourcePort: 4001 });
    open(wire, { source: stranger, sourcePort: 1 });
    wire.pass(3600 * SECOND_US);
    wire.expects();
  });

  Deno.test(`${name}, of known peers that have gone the latest 4,096 are remembered`, () => {
    const { wire } = server(family);
    const address = (i: number) => networkOf(family, 0x4000 + i);
    const visit = (source: string) => {
      const ack = open(wire, { source, sourcePort: 1 });
      wire.answers(segmentFrom({ source, sourcePort: 1, seq: 1001, ack, flags: 4 }));
    };
    for (let i = 0; i < 4097; i++) visit(address(i));
    assertEquals(wire.host.connectionCount, 0);
    wire.host.crowd(true);
    assertEquals(request(wire, { source: address(0), sourcePort: 2 }), null);
    assertGreater(request(wire, { source: address(1), sourcePort: 2 }) ?? 0, 0);
    assertGreater(request(wire, { source: address(4096), sourcePort: 2 }) ?? 0, 0);
  });

  Deno.test(`${name}, crowded: who is asked for his hardware address is heard`, () => {
    const { wire } = server(family);
    wire.host.crowd(true);
    wire.user((host) => host.connect({ address: ip(peer), port: 7, handler: {} }));
    wire.expects(asksWhere(peer));
    const [syn] = wire.gives(peerTellsWhere(family));
    assertEquals(flagsOf(syn), SYN);
  });

  Deno.test(`${name}, short of memory: who holds little is reset last, though it is he who gets no further`, () => {
    const wire = unreadServer(family);
    const stuck = open(wire, { source: peer, sourcePort: 4000 });
    say(wire, { source: peer, sourcePort: 4000, ack: stuck }, "unread");
    wire.pass(2 * SECOND_US);
    fill(wire, [66, 67, 68, 69].map(network));
    assertGreater(wire.takeCounts()["evicted-for-memory"] ?? 0, 0);
    assertEquals(wire.host.connections()[0].peerPort, 4000, "it is still there");
  });

  Deno.test(`${name}, short of memory: who has just begun is not stuck; those go who have got no further for a while`, () => {
    const late = [68, 69].map(network);
    const wire = unreadServer(family);
    fill(wire, [66, 67].map(network));
    wire.pass(2 * SECOND_US);
    fill(wire, late);
    const evicted = wire.takeCounts()["evicted-for-memory"] ?? 0;
    assertGreater(evicted, 0);
    const left = wire.host.connections().map(({ peerAddress }) => formatIpAddress(peerAddress));
    assertEquals(left.filter((address) => late.includes(address)).length, 16);
    assertEquals(left.length, 32 - evicted);
  });
}

// -- Who is one

const [, IPV6] = WIRE_FAMILIES;

Deno.test("crowded: the addresses of one IPv6 network of 64 bits are one greedy peer, those of nine are nine (RFC 6177 §2)", () => {
  const peer = networkOf(IPV6, 9);
  for (
    const [isOne, address] of [
      [true, (i: number) => `2001:db8:66::${(i * 0x111 + 7).toString(16)}`],
      [false, (i: number) => networkOf(IPV6, 0x100 + i)],
    ] as const
  ) {
    const { wire, received } = server(IPV6);
    const acks = Array.from({ length: 9 }, (_, i) => open(wire, { source: address(i), sourcePort: 5000 }));
    open(wire, { source: peer, sourcePort: 4000 });
    wire.host.crowd(true);
    say(wire, { source: address(4), sourcePort: 5000, ack: acks[4] }, "many");
    assertEquals(received, isOne ? [] : ["5000: many"]);
    assertEquals(request(wire, { source: address(20), sourcePort: 5000 }), null, "an address more");
  }
});

Deno.test("crowded: a neighbor in the IPv6 network of a known peer is no stranger, one a bit beside it is", () => {
  const { wire } = server(IPV6);
  open(wire, { source: "2001:db8:0:10::1", sourcePort: 4000 });
  wire.host.crowd(true);
  assertGreater(request(wire, { source: "2001:db8:0:10:8000::2", sourcePort: 4000 }) ?? 0, 0);
  assertEquals(request(wire, { source: "2001:db8:0:11::1", sourcePort: 4000 }), null);
});
