/**
 * Keep-alive between two real hosts on a wire, in every state in which it may run, and FIN_WAIT_2 of an application that
 * has gone (RFC 9293 §3.8.4, §3.6; MUST-24 to MUST-29).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import type { CloseReason } from "../../src/tcp/events.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { FAMILY, HOST_IP, LAB_MTU, PEER_IP } from "./family.ts";
import { type ReadPacket, readPacket } from "./frame_craft.ts";
import { RecordingLink } from "./recording_link.ts";
import { ALL_OPTIONS, reachCloseWait, reachEstablished, reachFinWait2, reachSynSent } from "./states.ts";
import { HOST_MAC, PEER_MAC, SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;
const HOUR_US = 3600 * SECOND_US;
const PORT = 7;

/** One of two hosts, and what its side of the connection was told. */
class End implements ConnectionHandler {
  readonly link: RecordingLink;
  readonly host: Host;
  readonly closed: CloseReason[] = [];
  connection: HostConnection | null = null;
  /** TCP packets that left here. */
  readonly sent: ReadPacket[] = [];

  constructor(wire: Wire, mac: Uint8Array, address: Uint8Array, tcp: Partial<TcpConfig>) {
    this.link = new RecordingLink({ mtu: LAB_MTU, mac, nowUs: () => wire.nowUs });
    this.host = new Host({
      link: this.link,
      addresses: [{ address, prefixLength: FAMILY.prefixLength }],
      secret: new Uint8Array(16).fill(mac[5]),
      epochUs: 0,
      nowUs: wire.nowUs,
      tcp,
    });
  }

  get open(): HostConnection {
    assert(this.connection !== null);
    return this.connection;
  }

  onOpen(connection: HostConnection): void {
    this.connection = connection;
  }

  onReadable(connection: HostConnection): void {
    connection.skip(Infinity);
  }

  onClosed(_connection: HostConnection, reason: CloseReason): void {
    this.closed.push(reason);
  }
}

/** Two hosts and a cable without delay, which can be cut. */
class Wire {
  nowUs = SECOND_US;
  isCut = false;
  readonly near: End;
  readonly far: End;

  constructor(tcp: Partial<TcpConfig> = {}) {
    this.near = new End(this, HOST_MAC, HOST_IP, tcp);
    this.far = new End(this, PEER_MAC, PEER_IP, tcp);
    this.far.host.listen({ port: PORT, accept: () => this.far });
    this.user(() => this.near.host.connect({ address: PEER_IP, port: PORT, handler: this.near }));
    assertEquals([this.near.open.state, this.far.open.state], ["ESTABLISHED", "ESTABLISHED"]);
  }

  /** Does what a user does, now. */
  user(act: () => void): void {
    for (const { host } of [this.near, this.far]) host.setNow(this.nowUs);
    act();
    this.#carry();
  }

  pass(us: number): void {
    const endUs = this.nowUs + us;
    const next = () => Math.min(this.near.host.nextDeadlineUs(), this.far.host.nextDeadlineUs());
    for (let rounds = 0; next() <= endUs; rounds++) {
      assert(rounds < 10_000, "deadlines that never end");
      this.nowUs = Math.max(this.nowUs, next());
      this.#tick();
    }
    this.nowUs = endUs;
    this.#tick();
  }

  #tick(): void {
    for (const { host } of [this.near, this.far]) host.tick(this.nowUs);
    this.#carry();
  }

  #carry(): void {
    for (let rounds = 0; this.#carryOnce(); rounds++) assert(rounds < 100, "two hosts answer without end");
  }

  #carryOnce(): boolean {
    let isBusy = false;
    for (const [from, to] of [[this.near, this.far], [this.far, this.near]]) {
      for (const { bytes } of from.link.take()) {
        isBusy = true;
        const packet = readPacket(bytes);
        if (packet?.segment != null) from.sent.push(packet);
        if (!this.isCut) to.host.ingest(bytes, bytes.length, this.nowUs);
      }
    }
    return isBusy;
  }
}

/** What left an end since the last question: no text, no flag but ACK. */
function bare(end: End): number {
  const sent = end.sent.splice(0);
  for (const { segment } of sent) {
    assertEquals([segment?.payloadLength, segment?.flags], [0, FLAG.ACK]);
  }
  return sent.length;
}

for (const tcp of [{}, { sack: false, timestamps: false }, { windowScaling: false, noDelay: true }]) {
  const name = Object.keys(tcp).join(", ");
  Deno.test(`two hosts keep a connection alive for three hours: one probe and one answer every ten seconds (${name}) (MUST-24, SHLD-12, RFC 9293 §3.8.4)`, () => {
    const wire = new Wire(tcp);
    wire.user(() => wire.near.open.setKeepAlive(true, 10 * SECOND_US, SECOND_US));
    wire.near.sent.splice(0);
    wire.far.sent.splice(0);
    wire.pass(3 * HOUR_US + SECOND_US);
    const probes = bare(wire.near);
    assertLessOrEqual(Math.abs(probes - 1080), 12);
    assertEquals(bare(wire.far), probes, "each is answered, and once");
    assertEquals([wire.near.open.state, wire.far.open.state], ["ESTABLISHED", "ESTABLISHED"]);
    wire.user(() => wire.near.open.write(Uint8Array.of(1, 2, 3)));
    wire.pass(SECOND_US);
    assertEquals(wire.far.open.info().bytesIn, 3);
  });
}

Deno.test("two hosts that both probe in the same moment answer each other, and then are quiet (RFC 9293 §3.8.4)", () => {
  const wire = new Wire();
  for (const end of [wire.near, wire.far]) {
    wire.user(() => end.open.setKeepAlive(true, 10 * SECOND_US, SECOND_US));
    end.sent.splice(0);
  }
  wire.pass(100 * SECOND_US + SECOND_US / 2);
  for (const end of [wire.near, wire.far]) assertLessOrEqual(bare(end), 22);
  assertEquals([wire.near.closed, wire.far.closed], [[], []]);
});

Deno.test("a host that vanishes: nine probes without an answer, then the connection ends, not earlier (MUST-29, MUST-12)", () => {
  const wire = new Wire({ keepAliveProbes: 9 });
  wire.user(() => wire.near.open.setKeepAlive(true, 60 * SECOND_US, 5 * SECOND_US));
  wire.pass(10 * 60 * SECOND_US);
  wire.isCut = true;
  wire.near.sent.splice(0);
  wire.pass(60 * SECOND_US + 8 * 5 * SECOND_US - SECOND_US);
  assertEquals(wire.near.closed, []);
  wire.pass(8 * SECOND_US);
  assertEquals(wire.near.closed, ["timeout"]);
  // The last answered probe left the neighbour to be polled (RFC 4861 §7.3.2): gone by ARP's word too, it is sent nothing.
  assertEquals(wire.near.sent.filter(({ segment }) => segment?.flags === FLAG.ACK), []);
});

Deno.test("keep-alive runs in CLOSE_WAIT, and in FIN_WAIT_2 of an application that reads on (RFC 9293 §3.8.4)", () => {
  for (const reach of [reachCloseWait, reachFinWait2]) {
    const { lab, peer, app } = reach({ options: ALL_OPTIONS });
    const { next, seen } = peer;
    lab.user(() => app.connection.setKeepAlive(true, 10 * SECOND_US, 2 * SECOND_US));
    for (let i = 0; i < 5; i++) {
      lab.pass(10 * SECOND_US + 50 * MS_US);
      peer.expects({ flags: "ACK", seq: seen - 1, ack: next });
      peer.expectsSilence();
      peer.sends({ flags: "ACK", seq: next, ack: seen });
    }
    peer.expectsSilence();
    lab.pass(100 * SECOND_US);
    peer.takeAll();
    assertEquals(app.closed, ["timeout"]);
  }
});

Deno.test("keep-alive is quiet in SYN_SENT: the SYN has a timer of its own (RFC 9293 §3.8.4)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.user(() => app.connection.setKeepAlive(true, SECOND_US, SECOND_US));
  lab.pass(30 * SECOND_US);
  for (const { flags } of peer.takeAll()) assertEquals(flags, "SYN");
  assertEquals(app.state, "SYN_SENT");
});

Deno.test("keep-alive is quiet in TIME_WAIT, which ends in its time (RFC 9293 §3.8.4, §3.6.1)", () => {
  const { lab, peer, app } = reachFinWait2({ tcp: { mslUs: 30 * SECOND_US } });
  lab.user(() => app.connection.setKeepAlive(true, 5 * SECOND_US, SECOND_US));
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  lab.pass(61 * SECOND_US);
  peer.expectsSilence();
  assertEquals(app.closed, ["normal"]);
});

// FIN_WAIT_2 of an application that has gone

const FIN_WAIT_2_US = 5 * SECOND_US;

Deno.test("close(), and the peer vanishes after it has acknowledged: gone after finWait2Us, in silence (RFC 9293 §3.6)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { finWait2Us: FIN_WAIT_2_US } });
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  // FIN_WAIT_1 has its own time-out: the time counts from FIN_WAIT_2 on.
  lab.pass(10 * SECOND_US);
  assertGreaterOrEqual(peer.takeAll().length, 1);
  assertEquals(app.state, "FIN_WAIT_1");
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  lab.pass(FIN_WAIT_2_US - 100 * MS_US);
  assertEquals(app.state, "FIN_WAIT_2");
  lab.pass(200 * MS_US);
  assertEquals([app.closed.length, lab.host.connections().length], [1, 0]);
  peer.expectsSilence();
});

Deno.test("closeWrite() and then close() in FIN_WAIT_2: the time counts from close() on (RFC 9293 §3.6)", () => {
  const { lab, peer, app } = reachFinWait2({ tcp: { finWait2Us: FIN_WAIT_2_US } });
  lab.pass(HOUR_US);
  assertEquals(app.state, "FIN_WAIT_2", "somebody reads");
  app.close();
  lab.pass(FIN_WAIT_2_US - 100 * MS_US);
  assertEquals(app.state, "FIN_WAIT_2");
  lab.pass(200 * MS_US);
  assertEquals([app.closed.length, lab.host.connections().length], [1, 0]);
  peer.expectsSilence();
});

Deno.test("close(), and the peer's FIN comes in time: TIME_WAIT in full (RFC 9293 §3.6.1)", () => {
  const { lab, peer, app } = reachFinWait2({ tcp: { finWait2Us: FIN_WAIT_2_US, mslUs: 30 * SECOND_US } });
  app.close();
  lab.pass(FIN_WAIT_2_US - SECOND_US);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  lab.pass(59 * SECOND_US);
  assertEquals(app.state, "TIME_WAIT");
  lab.pass(2 * SECOND_US);
  assertEquals(app.closed, ["normal"]);
  peer.expectsSilence();
});

Deno.test("close() before the peer's FIN crosses ours: no time-out of FIN_WAIT_2 in CLOSING (RFC 9293 §3.6)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { finWait2Us: FIN_WAIT_2_US } });
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  lab.pass(3 * FIN_WAIT_2_US);
  assertEquals(app.state, "CLOSING");
  assertGreaterOrEqual(peer.takeAll().length, 2);
});
