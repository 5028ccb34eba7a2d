/**
 * Listeners: which one a SYN is for (MUST-41, MUST-42, MUST-43), and where its answers go.
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { HostConnection, HostListener } from "../../src/host/api.ts";
import { HostError } from "../../src/host/host_error.ts";
import { type BenchAnswer, macText, NetworkBench, STRANGER_ISS } from "./network_bench.ts";
import { PEER_MAC, SECOND_US } from "../tcp/wire_ends.ts";

const FIRST = Uint8Array.of(10, 0, 0, 1);
const SECOND = Uint8Array.of(10, 0, 0, 2);
const THIRD = Uint8Array.of(10, 0, 0, 3);
const PORT = 7777;

/** Listens; the connections come into the array. */
function listen(
  bench: NetworkBench,
  options: { port?: number; address?: Uint8Array } = {},
): { listener: HostListener; connections: HostConnection[] } {
  const connections: HostConnection[] = [];
  const listener = bench.host.listen({
    port: PORT,
    ...options,
    accept: (connection) => {
      connections.push(connection);
      return {};
    },
  });
  return { listener, connections };
}

function assertRefused(answer: BenchAnswer): void {
  assertEquals([answer.flags, answer.seq, answer.ack], ["RST ACK", 0, STRANGER_ISS + 1]);
}

Deno.test("two listeners on one port, each with an address; a third address gets RST (MUST-41, MUST-43)", () => {
  const bench = new NetworkBench([FIRST, SECOND, THIRD]);
  const first = listen(bench, { address: FIRST });
  const second = listen(bench, { address: SECOND });
  const toFirst = bench.ask({ to: FIRST, port: PORT, flags: "SYN", fromPort: 1111 });
  assertEquals([toFirst.flags, toFirst.source, toFirst.targetPort], ["SYN ACK", "10.0.0.1", 1111]);
  assertEquals([first.connections.length, second.connections.length], [1, 0]);
  const toSecond = bench.ask({ to: SECOND, port: PORT, flags: "SYN", fromPort: 1112 });
  assertEquals([toSecond.flags, toSecond.source, toSecond.targetPort], ["SYN ACK", "10.0.0.2", 1112]);
  assertEquals([first.connections.length, second.connections.length], [1, 1]);
  assertEquals(second.connections[0].localAddress, SECOND);
  const toThird = bench.ask({ to: THIRD, port: PORT, flags: "SYN", fromPort: 1113 });
  assertRefused(toThird);
  assertEquals(toThird.source, "10.0.0.3");
  assertEquals(bench.host.listeners().length, 2);
});

Deno.test("closing one of two listeners on a port leaves the other (MUST-41)", () => {
  const bench = new NetworkBench([FIRST, SECOND]);
  const first = listen(bench, { address: FIRST });
  const second = listen(bench, { address: SECOND });
  bench.connect({ to: FIRST, port: PORT, fromPort: 1111 });
  first.listener.close();
  assertEquals([first.listener.state, second.listener.state], ["CLOSED", "LISTEN"]);
  assertRefused(bench.ask({ to: FIRST, port: PORT, flags: "SYN", fromPort: 1112 }));
  assertEquals(bench.ask({ to: SECOND, port: PORT, flags: "SYN", fromPort: 1113 }).flags, "SYN ACK");
  assertEquals([first.connections.length, second.connections.length], [1, 1]);
  // The connection that was there lives on: it answers.
  const [answer] = bench.send({
    to: FIRST,
    port: PORT,
    fromPort: 1111,
    flags: "FIN ACK",
    seq: STRANGER_ISS + 1,
    ack: 0,
  });
  assertEquals(answer.flags, "ACK");
  // Its place can be taken again, the other's not.
  assertThrows(() => listen(bench, { address: SECOND }), Error, "taken");
  listen(bench, { address: FIRST });
});

Deno.test("closing a listener a second time does nothing, also when its place was taken since (MUST-41)", () => {
  const bench = new NetworkBench([FIRST]);
  const transitions: string[] = [];
  bench.host.observer = (event) => {
    if (event.event === "transition") transitions.push(`${event.from}>${event.to}`);
  };
  const old = listen(bench);
  old.listener.close();
  const young = listen(bench);
  old.listener.close();
  assertEquals([old.listener.state, young.listener.state], ["CLOSED", "LISTEN"]);
  assertEquals(bench.ask({ to: FIRST, port: PORT, flags: "SYN" }).flags, "SYN ACK");
  assertEquals([old.connections.length, young.connections.length], [0, 1]);
  assertEquals(transitions.slice(0, 3), ["CLOSED>LISTEN", "LISTEN>CLOSED", "CLOSED>LISTEN"]);
  young.listener.close();
  young.listener.close();
  assertEquals(transitions.filter((move) => move === "LISTEN>CLOSED").length, 2);
  assertEquals(bench.host.listeners(), []);
  assertRefused(bench.ask({ to: FIRST, port: PORT, flags: "SYN", fromPort: 1112 }));
});

Deno.test("a listener on every address and one on an address of its own do not go together (MUST-41)", () => {
  const bench = new NetworkBench([FIRST, SECOND]);
  const every = listen(bench);
  assertThrows(() => listen(bench, { address: SECOND }), Error, "every address");
  assertThrows(() => listen(bench), Error, "taken");
  listen(bench, { port: PORT + 1 });
  for (const to of [FIRST, SECOND]) {
    assertEquals(bench.ask({ to, port: PORT, flags: "SYN", fromPort: 1111 }).flags, "SYN ACK");
  }
  every.listener.close();
  listen(bench, { address: SECOND });
  assertThrows(() => listen(bench), Error, "10.0.0.2");
  assertRefused(bench.ask({ to: FIRST, port: PORT, flags: "SYN", fromPort: 1112 }));
});

for (const port of [1, 0x7fff, 0x8000, 0x8001, 0xc000, 0xffff]) {
  Deno.test(`port ${port} on either side: found, answered, and told from its neighbours (MUST-1)`, () => {
    const bench = new NetworkBench([FIRST]);
    const { connections } = listen(bench, { port });
    for (const beside of [port - 1, port + 1, port ^ 0x8000]) {
      if (beside < 1 || beside > 0xffff) continue;
      assertRefused(bench.ask({ to: FIRST, port: beside, flags: "SYN", fromPort: port }));
    }
    const synAck = bench.connect({ to: FIRST, port, fromPort: port });
    assertEquals([synAck.sourcePort, synAck.targetPort], [port, port]);
    assertEquals(connections.map(({ state }) => state), ["ESTABLISHED"]);
    assertEquals(connections[0].name, `10.0.0.1:${port}-10.0.0.9:${port}`);
    // Text is for this connection, and for none of another port.
    const [ack] = bench.send({
      to: FIRST,
      port,
      fromPort: port,
      flags: "PSH ACK",
      seq: STRANGER_ISS + 1,
      ack: synAck.seq + 1,
      data: "text",
    });
    assertEquals([ack.flags, ack.ack], ["ACK", STRANGER_ISS + 5]);
    assertEquals(connections[0].readableBytes, 4);
  });
}

for (const port of [-1, 0x10000, 1.5, NaN]) {
  Deno.test(`no listener on port ${port}`, () => {
    assertThrows(() => listen(new NetworkBench([FIRST]), { port }), RangeError, "65535");
  });
}

Deno.test("port 0 is one of the dynamic ports that no listener has (RFC 6335 §6), another one each time", () => {
  const bench = new NetworkBench([FIRST]);
  const first = bench.host.listen({ port: 0, accept: () => ({}) });
  assertEquals([first.port, first.state], [49152, "LISTEN"]);
  bench.host.listen({ port: 49153, accept: () => ({}) });
  const second = bench.host.listen({ port: 0, accept: () => ({}) });
  assertEquals(second.port, 49154);
  first.close();
  // What was just given back is not the next: clients of its last owner may still come.
  assertEquals(bench.host.listen({ port: 0, accept: () => ({}) }).port, 49155);
});

Deno.test("port 0 when all dynamic ports have listeners is an error with a code; one that closes is found again", () => {
  const { host } = new NetworkBench([FIRST]);
  const all = Array.from({ length: 16_384 }, () => host.listen({ port: 0, accept: () => ({}) }));
  assertEquals(new Set(all.map(({ port }) => port)).size, all.length);
  const error = assertThrows(() => host.listen({ port: 0, accept: () => ({}) }), HostError, "No free port");
  assertEquals(error.code, "EADDRINUSE");
  all[777].close();
  assertEquals(host.listen({ port: 0, accept: () => ({}) }).port, 49152 + 777);
});

Deno.test("one 4-tuple for each address of the host: the same client may have both (MUST-43, MUST-45)", () => {
  const bench = new NetworkBench([FIRST, SECOND]);
  const { connections } = listen(bench);
  const one = bench.connect({ to: FIRST, port: PORT });
  const two = bench.connect({ to: SECOND, port: PORT });
  assertNotEquals(one.seq, two.seq);
  assertEquals(connections.map(({ localAddress }) => localAddress.join(".")), ["10.0.0.1", "10.0.0.2"]);
  bench.send({
    to: SECOND,
    port: PORT,
    flags: "ACK",
    seq: STRANGER_ISS + 1,
    ack: two.seq + 1,
    data: "text",
  });
  assertEquals(connections.map(({ readableBytes }) => readableBytes), [0, 4]);
});

Deno.test("a SYN reopens what is in TIME_WAIT, from an ISS beyond all that the old connection sent (MAY-2, RFC 9293 §3.6.1)", () => {
  // Our ISN clock moves by 250,000 a second: a connection that sends faster than that outruns it.
  const sent = 3_000_000;
  const bench = new NetworkBench([FIRST]);
  const { connections } = listen(bench);
  const ends = { to: FIRST, port: PORT };
  const synAck = bench.connect({ ...ends, window: 0xffff, options: { mss: 1460, windowScale: 10 } });
  const [connection] = connections;
  /** Counted from the old ISS. */
  let acknowledged = 1;
  const acknowledge = (answers: BenchAnswer[]) => {
    for (const { flags, segment } of answers) {
      const end = segment.seq - synAck.seq + segment.payloadLength + (flags.includes("FIN") ? 1 : 0);
      acknowledged = Math.max(acknowledged, end >>> 0);
    }
    return bench.send({ ...ends, flags: "ACK", seq: STRANGER_ISS + 1, ack: synAck.seq + acknowledged });
  };
  const bytes = new Uint8Array(0x8000);
  for (let left = sent; left > 0;) {
    left -= connection.write(bytes, 0, Math.min(left, bytes.length));
    let answers = bench.take();
    while (answers.length > 0) answers = acknowledge(answers);
  }
  connection.close();
  acknowledge(bench.take());
  assertEquals(connection.state, "FIN_WAIT_2");
  bench.send({ ...ends, flags: "FIN ACK", seq: STRANGER_ISS + 1, ack: synAck.seq + acknowledged });
  assertEquals(connection.state, "TIME_WAIT");
  assertEquals(acknowledged, sent + 2);
  bench.nowUs += SECOND_US;
  const again = bench.ask({ ...ends, flags: "SYN", seq: STRANGER_ISS + 10_000 });
  assertEquals([again.flags, again.ack], ["SYN ACK", STRANGER_ISS + 10_001]);
  const beyond = (again.seq - synAck.seq - acknowledged) | 0;
  assert(beyond >= 0 && beyond < sent, `${beyond} beyond the last number of the old connection`);
  assertEquals(connections.map(({ state }) => state), ["CLOSED", "SYN_RCVD"]);
});

Deno.test("a new connection of the same 4-tuple whose ISN clock is ahead anyway keeps that ISS (MUST-8, MAY-2)", () => {
  const reopenedAfter = (waitUs: number) => {
    const bench = new NetworkBench([FIRST]);
    const { connections } = listen(bench);
    const ends = { to: FIRST, port: PORT };
    const synAck = bench.connect(ends);
    connections[0].close();
    const [fin] = bench.take();
    bench.send({ ...ends, flags: "FIN ACK", seq: STRANGER_ISS + 1, ack: fin.seq + 1 });
    assertEquals(connections[0].state, "TIME_WAIT");
    bench.pass(waitUs);
    const again = bench.ask({ ...ends, flags: "SYN", seq: STRANGER_ISS + 10_000 });
    return again.seq - synAck.seq;
  };
  // One number every 4 us.
  assertEquals((reopenedAfter(2 * SECOND_US) - 500_000) >>> 0, 0);
  assertEquals((reopenedAfter(SECOND_US) - 250_000) >>> 0, 0);
});

Deno.test("a host in a VLAN sends in it, for a connection's whole life (IEEE 802.1Q)", () => {
  const bench = new NetworkBench([FIRST], { vlan: 0x123 });
  const { connections } = listen(bench);
  const inVlan = { to: FIRST, port: PORT, vlan: 0x123, fromPort: 1111 };
  assertEquals(bench.connect(inVlan).vlan, 0x123);
  // What the host begins by itself goes there too, and what is sent again.
  connections[0].write(Uint8Array.of(1));
  assertEquals(bench.take().map((answer) => answer.vlan), [0x123]);
  const again = bench.pass(SECOND_US);
  assert(again.length >= 1);
  for (const answer of again) assertEquals(answer.vlan, 0x123);
  assertEquals(bench.ask({ ...inVlan, port: 9, flags: "SYN" }).vlan, 0x123);
});

Deno.test("each peer is answered at the hardware address that it came from, and one that came by a router followed to another", () => {
  const bench = new NetworkBench([FIRST]);
  const { connections } = listen(bench);
  const other = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
  const third = Uint8Array.of(2, 0, 0, 0, 0x88, 0x77);
  const one = { to: FIRST, port: PORT, fromPort: 1111 };
  const two = { to: FIRST, port: PORT, from: Uint8Array.of(203, 0, 113, 5), fromPort: 1112, mac: other };
  assertEquals(bench.connect(one).mac, macText(PEER_MAC));
  const synAck = bench.connect(two);
  assertEquals(synAck.mac, macText(other));
  for (const connection of connections) connection.write(Uint8Array.of(1));
  assertEquals(bench.take().map(({ mac }) => mac), [macText(PEER_MAC), macText(other)]);
  // A router that took over: differs in one octet only.
  bench.send({ ...two, mac: third, flags: "ACK", seq: STRANGER_ISS + 1, ack: synAck.seq + 2 });
  for (const connection of connections) connection.closeWrite();
  assertEquals(bench.take().map(({ mac }) => mac), [macText(PEER_MAC), macText(third)]);
  // For nobody: where it came from.
  assertEquals(bench.ask({ ...two, port: 9, flags: "SYN" }).mac, macText(other));
  assertEquals(bench.ask({ ...one, port: 9, flags: "SYN" }).mac, macText(PEER_MAC));
});
