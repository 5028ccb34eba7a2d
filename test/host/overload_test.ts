/**
 * More arrives than a host can take: who is served all the same, and who waits.
 *
 * Owns: each kind of sender with a crowded link and without. Must not know: how a link sees that it is crowded.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { readU32 } from "../../src/wire/bytes.ts";
import { arpFrame, ip } from "./hand_frames.ts";
import {
  arpReply,
  arpRequest,
  EVERYBODY,
  NO_MAC,
  OUR_IP,
  PEER_IP,
  PEER_MAC,
  PLAIN_TCP,
  SECOND_US,
  segmentFrame,
  WireHost,
} from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const PSH_ACK = 24;
/** Of an answer on Ethernet and IPv4 without options. */
const SEQ_OFFSET = 38;
const FLAGS_OFFSET = 47;
const STRANGER_IP = "10.0.0.77";
const GREEDY_IP = "10.0.0.66";

interface Caller {
  readonly source: string;
  readonly sourcePort: number;
}

function server(options: ConstructorParameters<typeof WireHost>[0] = {}) {
  const wire = new WireHost(options);
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
  const answers = wire.gives(segmentFrame({ ...caller, seq: 1000, flags: SYN }));
  if (answers.length === 0) return null;
  assertEquals([answers.length, answers[0][FLAGS_OFFSET]], [1, SYN | ACK]);
  return readU32(answers[0], SEQ_OFFSET);
}

/** A whole handshake; returns our first sequence number. */
function open(wire: WireHost, caller: Caller): number {
  const iss = request(wire, caller);
  if (iss === null) throw new Error(`${caller.source}:${caller.sourcePort} got no answer`);
  wire.answers(segmentFrame({ ...caller, seq: 1001, ack: iss + 1, flags: ACK }));
  return iss + 1;
}

function openMany(wire: WireHost, source: string, count: number): number[] {
  return Array.from({ length: count }, (_, i) => open(wire, { source, sourcePort: 5000 + i }));
}

function say(wire: WireHost, caller: Caller & { ack: number }, text: string): Uint8Array[] {
  return wire.gives(segmentFrame({ ...caller, seq: 1001, flags: PSH_ACK }, text));
}

Deno.test("crowded: a SYN of a stranger waits, one of a known peer with little is answered at once", () => {
  const { wire } = server();
  open(wire, { source: PEER_IP, sourcePort: 4000 });
  wire.takeCounts();
  wire.events.length = 0;
  wire.host.crowd(true);
  assertEquals(request(wire, { source: STRANGER_IP, sourcePort: 1 }), null);
  assertEquals(wire.takeDrops(), ["overload"]);
  assertEquals(wire.takeCounts()["overload-opens"], 1);
  assertGreater(request(wire, { source: PEER_IP, sourcePort: 4001 }) ?? 0, 0);
  wire.host.crowd(false);
  assertGreater(
    request(wire, { source: STRANGER_IP, sourcePort: 1 }) ?? 0,
    0,
    "it comes again, and finds room",
  );
});

Deno.test("crowded: who only sent a SYN is no known peer, who has gone still is one", () => {
  const { wire } = server();
  request(wire, { source: STRANGER_IP, sourcePort: 1 });
  const ack = open(wire, { source: PEER_IP, sourcePort: 4000 });
  wire.answers(segmentFrame({ source: PEER_IP, sourcePort: 4000, seq: 1001, ack, flags: 4 }));
  assertEquals(wire.host.connectionCount, 1);
  wire.host.crowd(true);
  assertEquals(request(wire, { source: STRANGER_IP, sourcePort: 2 }), null);
  assertGreater(request(wire, { source: PEER_IP, sourcePort: 4001 }) ?? 0, 0);
});

Deno.test("crowded: segments of a peer with many connections wait for those of others, and are taken later", () => {
  const { wire, received } = server();
  const greedy = openMany(wire, GREEDY_IP, 9);
  const modest = open(wire, { source: PEER_IP, sourcePort: 4000 });
  wire.takeCounts();
  wire.host.crowd(true);
  assertEquals(say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: greedy[0] }, "many"), []);
  say(wire, { source: PEER_IP, sourcePort: 4000, ack: modest }, "few");
  assertEquals(received, ["4000: few"]);
  assertEquals(request(wire, { source: GREEDY_IP, sourcePort: 6000 }), null);
  const counts = wire.takeCounts();
  assertEquals([counts["overload-segments"], counts["overload-opens"]], [1, 1]);
  wire.host.crowd(false);
  say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: greedy[0] }, "many");
  assertEquals(received, ["4000: few", "5000: many"]);
});

Deno.test("crowded: eight connections are not many", () => {
  const { wire, received } = server();
  const some = openMany(wire, GREEDY_IP, 8);
  open(wire, { source: PEER_IP, sourcePort: 4000 });
  wire.host.crowd(true);
  say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: some[0] }, "some");
  assertEquals(received, ["5000: some"]);
});

Deno.test("crowded: who is alone may have as many as he likes", () => {
  const { wire, received } = server();
  const all = openMany(wire, GREEDY_IP, 40);
  wire.host.crowd(true);
  say(wire, { source: GREEDY_IP, sourcePort: 5039, ack: all[39] }, "all");
  assertEquals(received, ["5039: all"]);
  assertGreater(request(wire, { source: GREEDY_IP, sourcePort: 6000 }) ?? 0, 0);
});

Deno.test("crowded: of two who have many, the one who has no more than half of the average is served", () => {
  const { wire, received } = server();
  const many = openMany(wire, GREEDY_IP, 60);
  const fewer = openMany(wire, PEER_IP, 20);
  wire.host.crowd(true);
  say(wire, { source: PEER_IP, sourcePort: 5000, ack: fewer[0] }, "fewer");
  say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: many[0] }, "many");
  assertEquals(received, ["5000: fewer"]);
  wire.host.crowd(false);
  const last = open(wire, { source: PEER_IP, sourcePort: 6000 });
  wire.host.crowd(true);
  say(wire, { source: PEER_IP, sourcePort: 6000, ack: last }, "not any more");
  assertEquals(received, ["5000: fewer"], "21 of 81 are more than that");
});

Deno.test("crowded by strangers: who has many connections is served all the same, until it is him who crowds", () => {
  const { wire, received } = server();
  const [first] = openMany(wire, GREEDY_IP, 20);
  open(wire, { source: PEER_IP, sourcePort: 4000 });
  wire.host.crowd(true);
  for (let i = 0; i < 100; i++) assertEquals(request(wire, { source: STRANGER_IP, sourcePort: i + 1 }), null);
  say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: first }, "many");
  assertEquals(received, ["5000: many"]);
  assertGreater(request(wire, { source: GREEDY_IP, sourcePort: 6000 }) ?? 0, 0);
  wire.takeCounts();
  const again = segmentFrame({ source: GREEDY_IP, sourcePort: 5001, seq: 1001, ack: 1, flags: ACK });
  for (let i = 0; i < 200; i++) wire.gives(again);
  assertEquals(
    wire.takeCounts()["overload-segments"],
    103,
    "97 more of his are as many as those of the strangers",
  );
});

Deno.test("crowded: who is alone may have many, also when somebody else has left more than a minute ago", () => {
  const { wire, received } = server();
  const visit = open(wire, { source: PEER_IP, sourcePort: 4000 });
  const leave = { source: PEER_IP, sourcePort: 4000, seq: 1001, ack: visit, flags: 4 };
  const all = openMany(wire, GREEDY_IP, 40);
  wire.answers(segmentFrame(leave));
  wire.host.crowd(true);
  say(wire, { source: GREEDY_IP, sourcePort: 5000, ack: all[0] }, "soon");
  assertEquals(received, []);
  wire.pass(60 * SECOND_US);
  say(wire, { source: GREEDY_IP, sourcePort: 5001, ack: all[1] }, "later");
  assertEquals(received, ["5001: later"]);
});

Deno.test("crowded: no reset for whom we have nothing with; without a crowd there is one", () => {
  const { wire } = server();
  const lost = segmentFrame({ sourcePort: 9, targetPort: 81, seq: 7, ack: 5, flags: ACK });
  const atListener = segmentFrame({ sourcePort: 9, seq: 7, ack: 5, flags: ACK });
  wire.host.crowd(true);
  wire.answers(lost);
  wire.answers(atListener);
  assertEquals(wire.takeCounts()["overload-answers"], 2);
  wire.host.crowd(false);
  assertEquals([wire.gives(lost).length, wire.gives(atListener).length], [1, 1]);
});

Deno.test("crowded: the cookie that a client brings back is taken", () => {
  const wire = new WireHost();
  wire.host.listen({ port: 80, backlog: 1, accept: () => ({}) });
  request(wire, { source: STRANGER_IP, sourcePort: 1 });
  const iss = request(wire, { source: PEER_IP, sourcePort: 4000 });
  assertEquals(wire.host.connectionCount, 1, "the second was answered with a cookie");
  wire.host.crowd(true);
  wire.answers(segmentFrame({ sourcePort: 4000, seq: 1001, ack: (iss ?? 0) + 1, flags: ACK }));
  assertEquals(wire.host.connections().map(({ state }) => state), ["SYN_RCVD", "ESTABLISHED"]);
});

Deno.test("crowded: ARP of strangers waits, that of neighbors does not", () => {
  const wire = new WireHost();
  const ask = (senderIp: string, last: string) =>
    arpFrame(
      { operation: 1, senderMac: `02:00:00:00:00:${last}`, senderIp, targetMac: NO_MAC, targetIp: OUR_IP },
      { to: EVERYBODY },
    );
  assertEquals(wire.gives(ask(PEER_IP, "09")).length, 1);
  wire.takeCounts();
  wire.host.crowd(true);
  assertEquals(wire.gives(ask(STRANGER_IP, "77")).length, 0);
  assertEquals(wire.takeCounts()["overload-arp"], 1);
  assertEquals(wire.gives(ask(PEER_IP, "09")).length, 1);
  assertEquals(wire.gives(arpReply(PEER_IP, "02:00:00:00:00:09")).length, 0);
});

Deno.test("short of memory: a peer with many connections gets no more of them, others do", () => {
  const { wire } = server({ memoryBytes: 200 * 0x600 });
  open(wire, { source: PEER_IP, sourcePort: 4000 });
  // Who has crowded before does not matter here.
  wire.host.crowd(true);
  for (let i = 0; i < 10; i++) request(wire, { source: STRANGER_IP, sourcePort: i + 1 });
  wire.host.crowd(false);
  openMany(wire, GREEDY_IP, 149);
  assertGreater(wire.host.memory().usedBytes, 149 * 0x600);
  open(wire, { source: GREEDY_IP, sourcePort: 6000 });
  assertEquals(request(wire, { source: GREEDY_IP, sourcePort: 6001 }), null);
  open(wire, { source: PEER_IP, sourcePort: 4001 });
  open(wire, { source: STRANGER_IP, sourcePort: 1 });
  wire.pass(3600 * SECOND_US);
  wire.expects();
});

Deno.test("of known peers that have gone the latest 4,096 are remembered", () => {
  const { wire } = server();
  const address = (i: number) => `10.0.${64 + (i >> 8)}.${i & 0xff}`;
  const visit = (source: string) => {
    const ack = open(wire, { source, sourcePort: 1 });
    wire.answers(segmentFrame({ source, sourcePort: 1, seq: 1001, ack, flags: 4 }));
  };
  for (let i = 0; i < 4097; i++) visit(address(i));
  assertEquals(wire.host.connectionCount, 0);
  wire.host.crowd(true);
  assertEquals(request(wire, { source: address(0), sourcePort: 2 }), null);
  assertGreater(request(wire, { source: address(1), sourcePort: 2 }) ?? 0, 0);
  assertGreater(request(wire, { source: address(4096), sourcePort: 2 }) ?? 0, 0);
});

Deno.test("crowded: who is asked for his hardware address is heard", () => {
  const { wire } = server();
  wire.host.crowd(true);
  wire.user((host) => host.connect({ address: ip(PEER_IP), port: 7, handler: {} }));
  wire.expects(arpRequest(PEER_IP));
  const [syn] = wire.gives(arpReply(PEER_IP, PEER_MAC));
  assertEquals(syn[FLAGS_OFFSET], SYN);
});

/** As many connections with unread text as fill a small memory; each holds 64,400 bytes. */
function fill(wire: WireHost, peers: readonly number[]): void {
  const text = "x".repeat(1400);
  const callers = peers.flatMap((last) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((sourcePort) => ({ source: `10.0.0.${last}`, sourcePort }))
  );
  const acks = callers.map((caller) => open(wire, caller));
  for (let part = 0; part < 46; part++) {
    for (const [i, caller] of callers.entries()) {
      wire.gives(segmentFrame({ ...caller, seq: 1001 + part * text.length, ack: acks[i], flags: ACK }, text));
    }
  }
}

/** A host of 2 MiB whose application reads nothing. */
function unreadServer(): WireHost {
  const wire = new WireHost({ memoryBytes: 0x200000, tcp: { ...PLAIN_TCP, receiveBufferBytes: 0x10000 } });
  wire.host.listen({ port: 80, accept: () => ({}) });
  wire.take();
  return wire;
}

Deno.test("short of memory: who holds little is reset last, though it is he who gets no further", () => {
  const wire = unreadServer();
  const stuck = open(wire, { source: PEER_IP, sourcePort: 4000 });
  say(wire, { source: PEER_IP, sourcePort: 4000, ack: stuck }, "unread");
  wire.pass(2 * SECOND_US);
  fill(wire, [66, 67, 68, 69]);
  assertGreater(wire.takeCounts()["evicted-for-memory"] ?? 0, 0);
  assertEquals(wire.host.connections()[0].peerPort, 4000, "it is still there");
});

Deno.test("short of memory: who has just begun is not stuck; those go who have got no further for a while", () => {
  const wire = unreadServer();
  fill(wire, [66, 67]);
  wire.pass(2 * SECOND_US);
  fill(wire, [68, 69]);
  const evicted = wire.takeCounts()["evicted-for-memory"] ?? 0;
  assertGreater(evicted, 0);
  const left = wire.host.connections().map(({ peerAddress }) => peerAddress[3]);
  assertEquals(left.filter((last) => last >= 68).length, 16);
  assertEquals(left.length, 32 - evicted);
});
