/**
 * What strangers can make a host hold is bounded, each kind by itself: half-open connections, connections, TIME_WAIT,
 * out-of-order data, unacknowledged data, challenge ACKs (RFC 4987, RFC 5961 §7, RFC 2018 §8).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ConnectionHandler } from "../../src/host/api.ts";
import { Host, type HostOptions } from "../../src/host/host.ts";
import { memoryPair } from "../../src/link/memory_link.ts";
import { VirtualNetwork } from "../../src/runtime/virtual_network.ts";
import { FAMILY } from "../tcp/family.ts";
import { Lab } from "../tcp/harness.ts";
import { ALL_OPTIONS, reachEstablished } from "../tcp/states.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const ADDRESSES = [FAMILY.neighbor(1), FAMILY.neighbor(2)] as const;
const PORT = 3333;

/** A server and a client on one network; `options` are the client's. */
function twoHosts(options: { server?: Partial<HostOptions>; client?: Partial<HostOptions> }) {
  const network = new VirtualNetwork();
  const hosts = memoryPair().map((link, side) => {
    const host = new Host({
      link,
      addresses: [{ address: ADDRESSES[side], prefixLength: FAMILY.prefixLength }],
      secret: new Uint8Array(16).fill(side),
      epochUs: 0,
      ...(side === 0 ? options.server : options.client),
    });
    network.join({ host, link });
    return host;
  });
  const [server, client] = hosts;
  const accepted: ConnectionHandler = {
    onReadable: (connection) => connection.skip(Infinity),
    onPeerClosed: (connection) => connection.closeWrite(),
  };
  server.listen({ port: PORT, accept: () => accepted });
  return { network, server, client };
}

Deno.test("bounds: a SYN flood holds no more connections than the backlog, and they give up", () => {
  const lab = new Lab();
  lab.listen({ backlog: 16 });
  for (let i = 0; i < 2000; i++) {
    const peer = lab.peer({ port: 1024 + i });
    peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
    assert(peer.takeAll().length <= 1);
  }
  assert(lab.host.connections().length <= 16, `${lab.host.connections().length} connections`);
  lab.pass(300 * SECOND_US);
  assertEquals(lab.host.connections(), []);
});

Deno.test("bounds: under a SYN flood, who really is there gets through", () => {
  const lab = new Lab();
  const apps = lab.listen({ backlog: 4 });
  for (let i = 0; i < 50; i++) lab.peer({ port: 1024 + i }).sends({ flags: "SYN", seq: 0 });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
  lab.pass(SECOND_US / 10);
  const heard = apps.filter((app) => app.opened > 0).map((app) => app.text);
  assertEquals(heard, ["hello"]);
});

Deno.test("bounds: no more connections than the host's bound, and the caller is told", () => {
  const { network, client } = twoHosts({ client: { maxConnections: 8 } });
  for (let i = 0; i < 8; i++) client.connect({ address: ADDRESSES[0], port: PORT, handler: {} });
  network.settle();
  assertThrows(
    () => client.connect({ address: ADDRESSES[0], port: PORT, handler: {} }),
    Error,
    "Cannot connect: the host holds 8 connections",
  );
});

Deno.test("bounds: no more connections than the host's bound, whoever calls", () => {
  const { network, server, client } = twoHosts({ server: { maxConnections: 8 } });
  for (let i = 0; i < 50; i++) client.connect({ address: ADDRESSES[0], port: PORT, handler: {} });
  network.advance(10 * SECOND_US);
  assert(server.connections().length <= 8, `${server.connections().length}`);
});

Deno.test("bounds: TIME_WAIT has a bound of its own; the oldest gives way", () => {
  const { network, server, client } = twoHosts({ client: { maxTimeWait: 10 } });
  for (let i = 0; i < 50; i++) {
    const closing: ConnectionHandler = { onOpen: (connection) => connection.closeWrite() };
    client.connect({ address: ADDRESSES[0], port: PORT, handler: closing });
    network.advance(SECOND_US / 10);
    assert(client.connections().length <= 10, `${client.connections().length}`);
  }
  assertEquals(client.connections().map(({ state }) => state), new Array(10).fill("TIME_WAIT"));
  assertEquals(client.counters()["time-wait-evicted"], 40);
  assertEquals(server.connections(), []);
  network.advance(120 * SECOND_US);
  assertEquals(client.connections(), []);
});

Deno.test("bounds: out-of-order data within the buffer, its pieces within their number, and nothing is lost by that", () => {
  const bytes = 8192;
  const { lab, peer, app } = reachEstablished({ tcp: { receiveBufferBytes: bytes }, options: ALL_OPTIONS });
  // Every second byte, backwards: as many islands as there can be.
  for (let at = bytes - 1; at > 1; at -= 2) {
    peer.sends({ flags: "ACK", seq: 1 + at, ack: 1, data: 1 });
    const info = app.connection.info();
    assert(info.receiveQueue + info.outOfOrderBytes <= bytes, "the buffer's bound");
    for (const answer of peer.takeAll()) assert((answer.options.sack ?? []).length <= 4);
  }
  assert(app.connection.info().outOfOrderBytes < bytes / 2, "the islands have a bound");
  // The peer, hearing that little of it was kept, sends all of it.
  for (let at = 0; at < bytes; at += 512) peer.sends({ flags: "ACK", seq: 1 + at, ack: 1, data: 512 });
  assertEquals(app.bytesRead.length, bytes);
  assertEquals(app.connection.info().outOfOrderBytes, 0);
  lab.expectsNoStrays();
});

Deno.test("bounds: a peer that acknowledges nothing gets no more than its window and our buffer", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { sendBufferBytes: 20_000, noDelay: true } });
  let taken = 0;
  for (let i = 0; i < 5000; i++) taken += app.write(10);
  assertEquals(taken, 20_000);
  assertEquals(app.connection.info().sendQueue, 20_000);
  peer.takeAll();
  // R2 ends it.
  lab.pass(400 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
  assertEquals(lab.host.connections(), []);
  assert(peer.takeAll().length < 50, "few are the repetitions of R2");
});

Deno.test("bounds: challenge ACKs, so many a second for the whole host", () => {
  const { lab, peer } = reachEstablished({ tcp: { challengeAcksPerSecond: 10 } });
  const other = reachEstablished({ lab: lab, peer: { port: 50_000, hostPort: 8888 }, role: "client" }).peer;
  for (let i = 0; i < 200; i++) {
    peer.sends({ flags: "RST", seq: 100 + i });
    other.sends({ flags: "SYN", seq: 100 + i });
  }
  assert(peer.takeAll().length + other.takeAll().length <= 10);
  lab.pass(2 * SECOND_US);
  peer.sends({ flags: "RST", seq: 100 });
  assertEquals(peer.takeAll().length, 1, "a new second, a new budget");
});

Deno.test("bounds: a peer that never opens its window and never answers is given up, one that answers is not", () => {
  for (const answers of [false, true]) {
    const { lab, peer, app } = reachEstablished({ peer: { window: 0 } });
    app.write(1000);
    for (let seconds = 0; seconds < 900; seconds += 5) {
      lab.pass(5 * SECOND_US);
      if (peer.takeAll().length > 0 && answers) peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
    }
    assertEquals(app.closed, answers ? [] : ["timeout"]);
  }
});
