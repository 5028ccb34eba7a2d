/**
 * Whole frames of a connection, byte for byte: Ethernet, IPv4 or IPv6, TCP and its options as they leave, and the
 * identification or the flow label of each packet.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { complaint, opened, seqOf, u32 } from "./conversation.ts";
import { ethernet, four, type HandTcp, hex, ip, tcp, two } from "./hand_frames.ts";
import { endpoint, introduces, segmentOf, tcpOffset, WIRE_FAMILIES } from "./wire_families.ts";
import { OUR_MAC, PEER_MAC, PLAIN_TCP, SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const [, IPV6] = WIRE_FAMILIES;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
const URG = 32;
const ECE = 64;
const CWR = 128;

interface Sent extends Partial<HandTcp> {
  readonly flags: number;
  readonly seq: number;
  readonly dscp?: number;
  readonly ecn?: number;
  readonly ttl?: number;
  readonly vlan?: number;
  readonly dontFragment?: boolean;
}

/** A frame of the host to the peer with these fields; identification or flow label are taken from what was sent. */
function assertSent(frame: Uint8Array, about: Sent, data: Uint8Array = new Uint8Array(0)): void {
  const { dscp = 0, ecn = 0, ttl = 64, vlan, dontFragment = true, ...fields } = about;
  const ipAt = vlan === undefined ? 14 : 18;
  const family = WIRE_FAMILIES[frame[ipAt] >>> 4 === 4 ? 0 : 1];
  const addresses = { source: about.source ?? family.us, target: about.target ?? family.peer };
  const segment = tcp({ sourcePort: 80, targetPort: 4000, window: 0xffff, ...fields, ...addresses }, data);
  const id = (frame[ipAt + 4] << 8) | frame[ipAt + 5];
  const flowLabel = labelOf(frame);
  const packet = family.packet(
    { ...addresses, protocol: 6, id, flowLabel, dscp, ecn, ttl, dontFragment },
    segment,
  );
  const header = { to: PEER_MAC, from: OUR_MAC, type: family.type, ...(vlan === undefined ? {} : { vlan }) };
  assertEquals(hex(frame), hex(ethernet(header, packet)));
}

/** Of a frame of IPv6. */
function labelOf(frame: Uint8Array): number {
  return u32(frame, frame[12] === 0x81 ? 18 : 14) & 0xfffff;
}

const mssOption = (mss: number) => [2, 4, ...two(mss)];
const NOPS = [1, 1];
const SACK_PERMITTED = [4, 2];
/** The buffers are of 1 MiB: four doublings of the window are not enough, five are. */
const SCALE = [1, 3, 3, 5];
const stamps = (value: number, echo: number) => [8, 10, ...four(value), ...four(echo)];

/** The value of our timestamp, where SACK permitted or two NOPs stand before it. */
function stampIn(frame: Uint8Array): number {
  return u32(frame, tcpOffset(frame) + 20 + 4 + 2 + 2);
}

for (const family of WIRE_FAMILIES) {
  const { name, us, peer } = family;
  const addresses = [family.addresses[0]];
  const headers = family.ipBytes + 20;
  const full = 1500 - headers;
  const MSS = mssOption(full);
  const ALL_OFFERED = [...MSS, ...SACK_PERMITTED, ...stamps(0x01020304, 0), 1, 3, 3, 9];
  const segment = (fields: Parameters<typeof segmentOf>[1], data = "") => segmentOf(family, fields, data);

  /** Gives the peer's SYN; returns the host's one answer. */
  const synAckFor = (tcpConfig: Partial<TcpConfig>, options: readonly number[]): Uint8Array => {
    const wire = new WireHost({ addresses, tcp: tcpConfig });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [synAck, ...more] = wire.gives(segment({ seq: 1000, flags: SYN, options }));
    assertEquals(more, []);
    return synAck;
  };

  Deno.test(`${name}: SYN, ACK: MSS, SACK permitted, timestamps with the peer's value, window scale (MUST-14, MUST-65)`, () => {
    const synAck = synAckFor({}, ALL_OFFERED);
    const options = [...MSS, ...SACK_PERMITTED, ...stamps(stampIn(synAck), 0x01020304), ...SCALE];
    assertSent(synAck, { flags: SYN | ACK, seq: seqOf(synAck), ack: 1001, options });
  });

  Deno.test(`${name}: SYN, ACK: what the peer has not offered is not granted (RFC 7323 §2.2, §3.2; RFC 2018 §2)`, () => {
    const bare = synAckFor({}, []);
    assertSent(bare, { flags: SYN | ACK, seq: seqOf(bare), ack: 1001, options: MSS });
    const sack = synAckFor({}, [...NOPS, ...SACK_PERMITTED]);
    assertSent(sack, {
      flags: SYN | ACK,
      seq: seqOf(sack),
      ack: 1001,
      options: [...MSS, ...NOPS, ...SACK_PERMITTED],
    });
    const scale = synAckFor({}, [1, 3, 3, 0]);
    assertSent(scale, { flags: SYN | ACK, seq: seqOf(scale), ack: 1001, options: [...MSS, ...SCALE] });
    const stamped = synAckFor({}, [...NOPS, ...stamps(7, 0)]);
    const options = [...MSS, ...NOPS, ...stamps(stampIn(stamped), 7)];
    assertSent(stamped, { flags: SYN | ACK, seq: seqOf(stamped), ack: 1001, options });
  });

  Deno.test(`${name}: SYN, ACK: what is switched off is not granted, though offered`, () => {
    const off: Partial<TcpConfig> = { sack: false, timestamps: false, windowScaling: false };
    for (const name of ["sack", "timestamps", "windowScaling"] as const) {
      const frame = synAckFor({ ...off, [name]: true }, ALL_OFFERED);
      const granted = {
        sack: [...NOPS, ...SACK_PERMITTED],
        timestamps: [...NOPS, ...stamps(stampIn(frame), 0x01020304)],
        windowScaling: SCALE,
      };
      const options = [...MSS, ...granted[name]];
      assertSent(frame, { flags: SYN | ACK, seq: seqOf(frame), ack: 1001, options });
    }
    const none = synAckFor(off, ALL_OFFERED);
    assertSent(none, { flags: SYN | ACK, seq: seqOf(none), ack: 1001, options: MSS });
  });

  Deno.test(`${name}: the MSS that is offered: that of the link, or a smaller one that was set (MUST-14, MUST-67)`, () => {
    const least = name === "IPv4" ? 576 : 1280;
    for (
      const [mtu, mss, offered] of [
        [1500, 0, full],
        [1500, full - 1, full - 1],
        [1500, full, full],
        [1500, 9000, full],
        [least, 0, least - headers],
        [9000, 0, 9000 - headers],
      ]
    ) {
      const wire = new WireHost({
        addresses,
        mtu,
        tcp: { sack: false, timestamps: false, windowScaling: false, mss },
      });
      wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
      const [synAck] = wire.gives(segment({ seq: 1000, flags: SYN }));
      const options = [2, 4, ...two(offered)];
      assertSent(synAck, { flags: SYN | ACK, seq: seqOf(synAck), ack: 1001, options });
    }
  });

  /** The first frame of an active open to the peer's port 80, whose hardware address is known. */
  const activeSyn = (config: Partial<TcpConfig>): { frame: Uint8Array; wire: WireHost } => {
    const wire = new WireHost({ addresses, tcp: config });
    introduces(wire, peer);
    wire.user((host) => host.connect({ address: ip(peer), port: 80, localPort: 4001, handler: {} }));
    const [frame, ...more] = wire.take();
    assertEquals(more, []);
    return { frame, wire };
  };

  Deno.test(`${name}: an active SYN offers what is switched on, and echoes no timestamp (RFC 7323 §3.2)`, () => {
    const off: Partial<TcpConfig> = { sack: false, timestamps: false, windowScaling: false };
    const ports = { sourcePort: 4001, targetPort: 80 };
    const all = activeSyn({}).frame;
    const everything = [...MSS, ...SACK_PERMITTED, ...stamps(stampIn(all), 0), ...SCALE];
    assertSent(all, { ...ports, flags: SYN, seq: seqOf(all), options: everything });
    for (const name of ["sack", "timestamps", "windowScaling"] as const) {
      const { frame } = activeSyn({ ...off, [name]: true });
      const offered = {
        sack: [...NOPS, ...SACK_PERMITTED],
        timestamps: [...NOPS, ...stamps(stampIn(frame), 0)],
        windowScaling: SCALE,
      };
      const options = [...MSS, ...offered[name]];
      assertSent(frame, { ...ports, flags: SYN, seq: seqOf(frame), options });
    }
    const asking = activeSyn({ ...off, ecn: "request" }).frame;
    assertSent(asking, { ...ports, flags: SYN | ECE | CWR, seq: seqOf(asking), options: MSS });
  });

  // -- Segments of a connection

  Deno.test(`${name}: data leaves from where the peer has acknowledged to, byte for byte`, () => {
    const wire = new WireHost({ addresses });
    const { connection, iss } = opened(wire, { family });
    connection.setNoDelay(true);
    const text = new TextEncoder().encode("the quick brown fox");
    wire.user(() => connection.write(text));
    const sent = { flags: ACK | PSH, ack: 1001 };
    let frames = wire.take();
    assertEquals(frames.length, 1);
    assertSent(frames[0], { ...sent, seq: iss + 1 }, text);
    wire.answers(segment({ seq: 1001, ack: iss + 1 + text.length, flags: ACK }));
    wire.user(() => connection.write(text.subarray(0, 3)));
    frames = wire.take();
    assertEquals(frames.length, 1);
    assertSent(frames[0], { ...sent, seq: iss + 1 + text.length }, text.subarray(0, 3));
    wire.user(() => connection.write(text.subarray(4, 5)));
    frames = wire.take();
    assertEquals(frames.length, 1);
    assertSent(frames[0], { ...sent, seq: iss + 4 + text.length }, text.subarray(4, 5));
  });

  Deno.test(`${name}: with timestamps every segment but one without a connection carries them, and no SYN option (MUST-65)`, () => {
    const wire = new WireHost({ addresses, tcp: { sack: false, windowScaling: false } });
    const offered = [...NOPS, ...stamps(5000, 0)];
    const { connection, iss } = opened(wire, { family, options: offered });
    const begin = wire.nowUs;
    wire.pass(2_345_000);
    const late = Math.floor(wire.nowUs / 1000) - Math.floor(begin / 1000);
    wire.user(() => connection.write(new Uint8Array([1, 2, 3])));
    const [data] = wire.take();
    const value = u32(data, tcpOffset(data) + 20 + 4);
    const options = [...NOPS, ...stamps(value, 5000)];
    assertSent(data, { flags: ACK | PSH, seq: iss + 1, ack: 1001, options }, new Uint8Array([1, 2, 3]));
    // The clock of timestamps counts milliseconds.
    const [synAck] = wire.gives(
      segment({ sourcePort: 4001, seq: 1, flags: SYN, options: offered }),
    );
    assert(u32(synAck, tcpOffset(synAck) + 20 + 8) !== value, "another connection's clock is its own");
    wire.pass(100_000);
    wire.take();
    wire.user(() => connection.abort());
    const [reset] = wire.take();
    const atReset = u32(reset, tcpOffset(reset) + 20 + 4);
    assertEquals((atReset - value) >>> 0, 100);
    assert(late === 2345);
    assertSent(reset, {
      flags: RST | ACK,
      seq: iss + 4,
      ack: 1001,
      window: (reset[tcpOffset(reset) + 14] << 8) | reset[tcpOffset(reset) + 15],
      options: [...NOPS, ...stamps(atReset, 5000)],
    });
  });

  Deno.test(`${name}: a hole is told in SACK blocks behind the timestamps, in the ACK and beside data (RFC 2018 §3)`, () => {
    const wire = new WireHost({ addresses, tcp: { windowScaling: false, noDelay: true } });
    const offered = [...SACK_PERMITTED, ...stamps(5000, 0)];
    const { connection, iss } = opened(wire, { family, options: offered });
    const late = segment(
      { seq: 1011, ack: iss + 1, flags: ACK, options: [...NOPS, ...stamps(5001, 0)] },
      "abcde",
    );
    const [told] = wire.gives(late);
    const value = u32(told, tcpOffset(told) + 20 + 4);
    const block = [...NOPS, 5, 10, ...four(1011), ...four(1016)];
    const options = [...NOPS, ...stamps(value, 5000), ...block];
    assertSent(told, { flags: ACK, seq: iss + 1, ack: 1001, options });
    wire.user(() => connection.write(new Uint8Array(10).fill(9)));
    const [data] = wire.take();
    assertSent(data, { flags: ACK | PSH, seq: iss + 1, ack: 1001, options }, new Uint8Array(10).fill(9));
    // A reset says nothing of it.
    wire.user(() => connection.abort());
    const [reset] = wire.take();
    const window = (reset[tcpOffset(reset) + 14] << 8) | reset[tcpOffset(reset) + 15];
    assertSent(reset, {
      flags: RST | ACK,
      seq: iss + 11,
      ack: 1001,
      window,
      options: [...NOPS, ...stamps(value, 5000)],
    });
  });

  Deno.test(`${name}: differentiated services, time to live, VLAN and ECN stand in every packet of a connection (MUST-48, MUST-49)`, () => {
    const wire = new WireHost({
      addresses,
      ttl: 77,
      vlan: 33,
      tcp: { sack: false, timestamps: false, windowScaling: false, dscp: 46, ecn: "accept", noDelay: true },
    });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [synAck] = wire.gives(segment({ seq: 1000, flags: SYN | ECE | CWR, vlan: 33 }));
    const iss = seqOf(synAck);
    const always = { ttl: 77, vlan: 33, ack: 1001 };
    assertSent(synAck, { ...always, dscp: 46, flags: SYN | ACK | ECE, seq: iss, options: MSS });
    wire.answers(segment({ seq: 1001, ack: iss + 1, flags: ACK, vlan: 33 }));
    const [connection] = wire.host.connections();
    wire.user(() => connection.write(new Uint8Array(5)));
    const [data] = wire.take();
    assertSent(data, { ...always, dscp: 46, ecn: 2, flags: ACK | PSH, seq: iss + 1 }, new Uint8Array(5));
    wire.user(() => connection.setDscp(10));
    wire.user(() => connection.write(new Uint8Array(2)));
    assertSent(
      wire.take()[0],
      { ...always, dscp: 10, ecn: 2, flags: ACK | PSH, seq: iss + 6 },
      new Uint8Array(2),
    );
  });

  Deno.test(`${name}: a reset in the name of a connection or a listener has its differentiated services and time to live (MUST-48, MUST-49)`, () => {
    const wire = new WireHost({ addresses, ttl: 77 });
    const own: Partial<TcpConfig> = { dscp: 10, hopLimit: 4 };
    introduces(wire, peer);
    wire.user((host) => {
      host.listen({ port: 80, accept: () => ({}), tcp: own });
      host.connect({ address: ip(peer), port: 80, localPort: 4001, handler: {}, tcp: own });
    });
    const [syn, ...more] = wire.take();
    assertEquals(more, []);
    const opening = { sourcePort: 4001, targetPort: 80, dscp: 10, ttl: 4 };
    assertSent(syn, { ...opening, flags: SYN, seq: seqOf(syn), options: MSS });
    const reset = { flags: RST, seq: 0x7000, window: 0 };

    // RFC 9293 §3.10.7.3: an ACK of what our SYN has not said.
    const wrong = { seq: 1, ack: 0x7000, flags: SYN | ACK };
    const [ofConnection] = wire.gives(segment({ ...wrong, sourcePort: 80, targetPort: 4001 }));
    assertSent(ofConnection, { ...opening, ...reset });
    // §3.10.7.2: an ACK, where only SYNs are awaited.
    const [ofListener] = wire.gives(segment({ seq: 1, ack: 0x7000, flags: ACK }));
    assertSent(ofListener, { ...reset, dscp: 10, ttl: 4 });
    // §3.10.7.1: nobody is there, and nothing is left of those before.
    const [ofNobody] = wire.gives(segment({ seq: 1, ack: 0x7000, flags: ACK, targetPort: 81 }));
    assertSent(ofNobody, { ...reset, sourcePort: 81, ttl: 77 });
  });

  Deno.test(`${name}: what the IP header of a segment says reaches its connection: congestion is echoed, the DSCP learned (RFC 3168 §6.1.3, MAY-9)`, () => {
    const wire = new WireHost({ addresses, tcp: { ...PLAIN_TCP, ecn: "accept" } });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [synAck] = wire.gives(segment({ seq: 1000, flags: SYN | ECE | CWR }));
    const iss = seqOf(synAck);
    wire.answers(segment({ seq: 1001, ack: iss + 1, flags: ACK }));
    // ECT(0), ECT(1), then congestion experienced.
    for (const [ecn, flags] of [[2, ACK], [1, ACK], [3, ACK | ECE]]) {
      const seq = 1001 + [2, 1, 3].indexOf(ecn) * 3;
      const answers = wire.gives(
        segment({ seq, ack: iss + 1, flags: ACK | PSH, ecn, dscp: 20 + ecn }, "abc"),
      );
      wire.pass(SECOND_US);
      const sent = [...answers, ...wire.take()];
      assertEquals(sent.map((frame) => frame[tcpOffset(frame) + 13]), [flags], `ECN ${ecn}`);
      assertEquals(wire.host.connections()[0].receivedDscp, 20 + ecn);
    }
  });

  Deno.test(`${name}: urgent data: the flag and the distance to its end, in that segment and not in the next (MUST-30)`, () => {
    const wire = new WireHost({ addresses, tcp: { ...PLAIN_TCP, noDelay: true } });
    const { connection, iss } = opened(wire, { family });
    wire.user(() => connection.writeUrgent(Uint8Array.of(1, 2, 3, 4, 5)));
    const urgent = { flags: ACK | PSH | URG, seq: iss + 1, ack: 1001, urgentPointer: 5 };
    assertSent(wire.take()[0], urgent, Uint8Array.of(1, 2, 3, 4, 5));
    wire.answers(segment({ seq: 1001, ack: iss + 6, flags: ACK }));
    wire.user(() => connection.write(Uint8Array.of(6)));
    assertSent(wire.take()[0], { flags: ACK | PSH, seq: iss + 6, ack: 1001 }, Uint8Array.of(6));
  });

  Deno.test(`${name}: what is told of a sent segment is what stands in its frame`, () => {
    const wire = new WireHost({ addresses, tcp: { windowScaling: false } });
    const { connection, iss } = opened(wire, { family, options: [...SACK_PERMITTED, ...stamps(5000, 0)] });
    wire.events.length = 0;
    wire.user(() => connection.write(new Uint8Array(7)));
    const [frame] = wire.take();
    const told = wire.events.filter((event) => event.event === "segment");
    assertEquals(told.length, 1);
    const { rule: _rule, ...event } = told[0];
    assertEquals(event, {
      event: "segment",
      time: 1_700_000_001,
      connection: `${endpoint(us, 80)}-${endpoint(peer, 4000)}`,
      id: 1,
      // SYN, SYN-ACK and ACK were told before.
      segment: 4,
      direction: "send",
      flags: ["PSH", "ACK"],
      seq: (iss + 1) >>> 0,
      ack: 1001,
      relSeq: 1,
      relAck: 1,
      window: 0xffff,
      windowBytes: 0xffff,
      length: 7,
      options: { timestamps: { value: u32(frame, tcpOffset(frame) + 20 + 4), echo: 5000 } },
      state: "ESTABLISHED",
    });
  });
}

// -- Identification, and what IPv4 alone has

Deno.test("IPv4 packets may not be cut on their way, until a router tells a path below 576 bytes (RFC 1191 §3)", () => {
  const wire = new WireHost();
  const { connection, iss } = opened(wire);
  wire.user(() => connection.write(new Uint8Array(1460)));
  assertSent(wire.take()[0], { flags: ACK | PSH, seq: iss + 1, ack: 1001 }, new Uint8Array(1460));
  const quoted = { sourcePort: 80, targetPort: 4000, seq: iss + 1 };
  const [again] = wire.gives(complaint({ type: 3, code: 4, rest: 575, quoted }));
  assertSent(again, { flags: ACK, seq: iss + 1, ack: 1001, dontFragment: false }, new Uint8Array(536));
});

/** The connection sends octet after octet; returns the identifications of its packets. */
function identifications(packets: number): number[] {
  const wire = new WireHost({ checksumPolicy: "ignore" });
  const { connection, iss } = opened(wire);
  connection.setNoDelay(true);
  wire.host.observer = null;
  const octet = new Uint8Array(1);
  // One frame for all acknowledgments, its sum left as it is.
  const acknowledgment = segmentFrame({ seq: 1001, ack: 0, flags: ACK });
  const ids: number[] = [];
  for (let ack = iss + 2; ids.length < packets; ack++) {
    connection.write(octet);
    const [frame] = wire.take();
    ids.push((frame[18] << 8) | frame[19]);
    acknowledgment.set(four(ack), 14 + 20 + 8);
    assertEquals(wire.gives(acknowledgment).length, 0);
  }
  return ids;
}

Deno.test("each packet of a connection has the identification after the last one's, around 65,536 (RFC 6864 §4)", () => {
  const ids = identifications(66_000);
  assertEquals(ids, Array.from(ids, (_, at) => (ids[0] + at) & 0xffff));
});

Deno.test("where a connection's identifications begin hangs on its ends and on the secret (RFC 6274 §3.5.2.1)", () => {
  const first = (secret: number, sourcePort: number) => {
    const wire = new WireHost({ secret: new Uint8Array(16).fill(secret) });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    const [frame] = wire.gives(segmentFrame({ seq: 1000, flags: SYN, sourcePort }));
    return (frame[18] << 8) | frame[19];
  };
  const begins = [first(1, 4000), first(1, 4001), first(2, 4000), first(2, 4001)];
  assertEquals(new Set(begins).size, 4);
  assertEquals(first(1, 4000), begins[0]);
});

Deno.test("repeated packets have identifications of their own (RFC 6864 §4.2)", () => {
  const wire = new WireHost();
  const { connection } = opened(wire);
  wire.user(() => connection.write(new Uint8Array(1)));
  const [sent] = wire.take();
  wire.pass(3 * SECOND_US);
  const again = wire.take();
  assert(again.length >= 1);
  assertNotEquals(again[0].subarray(18, 20), sent.subarray(18, 20));
});

// -- Flow label, and what IPv6 alone has

Deno.test("IPv6: the header of a segment at each of its fields: version, class, label, length, next header, hop limit, addresses (RFC 8200 §3)", () => {
  const wire = new WireHost({
    addresses: [IPV6.addresses[0]],
    ttl: 77,
    tcp: { ...PLAIN_TCP, dscp: 46, ecn: "accept", noDelay: true },
  });
  wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
  const [synAck] = wire.gives(segmentOf(IPV6, { seq: 1000, flags: SYN | ECE | CWR }));
  wire.answers(segmentOf(IPV6, { seq: 1001, ack: seqOf(synAck) + 1, flags: ACK }));
  wire.user(() => wire.host.connections()[0].write(new Uint8Array(300)));
  const [data] = wire.take();
  // Expedited forwarding is 101110; a SYN may not say that it is ECN-capable, data does by 10 (RFC 3168 §5, §6.1.1).
  for (const [frame, trafficClass, payload] of [[synAck, 0b10111000, 24], [data, 0b10111010, 320]] as const) {
    const label = labelOf(frame);
    assertEquals(
      hex(frame.subarray(14, 18)),
      hex(Uint8Array.from(four((0x60000000 | (trafficClass << 20) | label) >>> 0))),
    );
    assertEquals([...frame.subarray(18, 22)], [...two(payload), 6, 77]);
    assertEquals(hex(frame.subarray(22, 54)), hex(Uint8Array.from([...ip(IPV6.us), ...ip(IPV6.peer)])));
    assertEquals(frame.length, 54 + payload);
  }
  assertEquals(labelOf(data), labelOf(synAck));
});

Deno.test("IPv6: repeated packets keep the label of their connection, and so does the reset that ends it (RFC 6437 §2)", () => {
  const wire = new WireHost({ addresses: [IPV6.addresses[0]] });
  const { connection } = opened(wire, { family: IPV6 });
  wire.user(() => connection.write(new Uint8Array(1)));
  const [sent] = wire.take();
  wire.pass(3 * SECOND_US);
  const again = wire.take().filter((frame) => frame[20] === 6);
  wire.user(() => connection.abort());
  const [reset] = wire.take();
  assert(again.length >= 1 && labelOf(sent) !== 0);
  assertEquals(new Set([sent, ...again, reset].map(labelOf)), new Set([labelOf(sent)]));
});
