/**
 * Sockets of a script: options, what they do on the wire, and what they give back.
 */
import { assertEquals } from "@std/assert";
import { SECOND_US } from "../../tcp/wire_ends.ts";
import { CONNECT_PORT, SocketLab } from "./socket_lab.ts";

Deno.test("SO_RCVBUF bounds the window; Linux gives twice of it back, BSD itself", () => {
  const linux = new SocketLab();
  linux.listen();
  linux.call("setsockopt(3, SOL_SOCKET, SO_RCVBUF, [5000], 4) = 0");
  linux.call("getsockopt(3, SOL_SOCKET, SO_RCVBUF, [10000], [4]) = 0");
  const peer = linux.peer();
  linux.sends(peer, { flags: "SYN", seq: 0, options: { mss: 1000 } });
  assertEquals(peer.expects({ flags: "SYN ACK" }).window <= 5000, true);

  const bsd = new SocketLab({ system: "freebsd" });
  bsd.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  bsd.call("getsockopt(3, SOL_SOCKET, SO_RCVBUF, [65536], [4]) = 0");
  bsd.call("setsockopt(3, SOL_SOCKET, SO_RCVBUF, [5000], 4) = 0");
  bsd.call("getsockopt(3, SOL_SOCKET, SO_RCVBUF, [5000], [4]) = 0");
  assertEquals(bsd.mismatch("getsockopt(3, SOL_SOCKET, SO_RCVBUF, [5001], [4]) = 0"), {
    expected: "[5001]",
    actual: "[5000]",
  });
  assertEquals(bsd.result("setsockopt(3, SOL_SOCKET, SO_RCVBUF, [999999999], 4) = -1 ENOBUFS"), "ENOBUFS");
});

Deno.test("SO_SNDBUF: Linux counts memory in pieces, with their overhead; the least is 4608", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  lab.call("setsockopt(4, SOL_SOCKET, SO_SNDBUF, [1000], 4) = 0");
  lab.call("getsockopt(4, SOL_SOCKET, SO_SNDBUF, [4608], [4]) = 0");
  // Half of the window, 16 segments, are one piece; ten of them leave, what is left is filled up, and no new one begun.
  assertEquals(lab.result("write(4, ..., 59000) = 26000"), 26000);
  assertEquals(lab.result("write(4, ..., 59000) = -1 EAGAIN"), "EAGAIN");
  assertEquals(peer.takeAll().length, 10);
});

Deno.test("TCP_MAXSEG: offered in the SYN, and bounds what is sent; bad sizes are EINVAL", () => {
  const lab = new SocketLab();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  lab.call("getsockopt(3, SOL_TCP, TCP_MAXSEG, [536], [4]) = 0");
  assertEquals(lab.result("setsockopt(3, SOL_TCP, TCP_MAXSEG, [87], 4) = -1 EINVAL"), "EINVAL");
  assertEquals(lab.result("setsockopt(3, SOL_TCP, TCP_MAXSEG, [99999], 4) = -1 EINVAL"), "EINVAL");
  lab.call("setsockopt(3, SOL_TCP, TCP_MAXSEG, [1100], 4) = 0");
  lab.call("getsockopt(3, SOL_TCP, TCP_MAXSEG, [1100], [4]) = 0");
  lab.call("fcntl(3, F_SETFL, O_NONBLOCK) = 0");
  lab.call("connect(3, ..., ...) = -1 EINPROGRESS");
  assertEquals(peer.expects({ flags: "SYN" }).options.mss, 1100);
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expects({ flags: "ACK" });
  lab.call("write(3, ..., 1500) = 1500");
  assertEquals(peer.takeAll().map(({ data }) => data.length), [1100, 400]);
  lab.call("getsockopt(3, SOL_TCP, TCP_MAXSEG, [1100], [4]) = 0");
});

Deno.test("TCP_MAXSEG set on a listener counts for who comes then", () => {
  const lab = new SocketLab();
  lab.listen();
  lab.call("setsockopt(3, SOL_TCP, TCP_MAXSEG, [900], 4) = 0");
  const peer = lab.peer();
  lab.sends(peer, { flags: "SYN", seq: 0, options: { mss: 1300 } });
  assertEquals(peer.expects({ flags: "SYN ACK" }).options.mss, 900);
});

Deno.test("IP_TOS and IP_TTL are on what is sent from then on; the two bits of ECN stay TCP's", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_IP, IP_TOS, [0x2b], 4) = 0");
  lab.call("getsockopt(4, SOL_IP, IP_TOS, [0x28], [4]) = 0");
  lab.call("setsockopt(4, IPPROTO_IP, IP_TTL, [7], 4) = 0");
  lab.call("write(4, ..., 10) = 10");
  const { packet } = peer.expects({ flags: "ACK", data: new Uint8Array(10) });
  assertEquals([packet.ttl, packet.dscp, packet.ecn], [7, 0x0a, 0]);
  lab.call("setsockopt(4, IPPROTO_IP, IP_TTL, [-1], 4) = 0");
  lab.call("write(4, ..., 1000) = 1000");
  assertEquals(peer.takeAll()[0].packet.ttl, 64);
  assertEquals(lab.result("setsockopt(4, IPPROTO_IP, IP_TTL, [256], 4) = -1 EINVAL"), "EINVAL");
});

Deno.test("keep-alive: its times and its count, in seconds", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("getsockopt(4, SOL_TCP, TCP_KEEPIDLE, [7200], [4]) = 0");
  lab.call("setsockopt(4, SOL_TCP, TCP_KEEPIDLE, [5], 4) = 0");
  lab.call("setsockopt(4, SOL_TCP, TCP_KEEPINTVL, [2], 4) = 0");
  lab.call("setsockopt(4, SOL_TCP, TCP_KEEPCNT, [2], 4) = 0");
  lab.call("setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0");
  lab.call("getsockopt(4, SOL_TCP, TCP_KEEPCNT, [2], [4]) = 0");
  peer.mark();
  lab.pass(30 * SECOND_US);
  const probes = peer.takeAll();
  assertEquals(probes.map(({ flags }) => flags).slice(0, 2), ["ACK", "ACK"]);
  assertEquals(lab.result("read(4, ..., 10) = -1 ETIMEDOUT"), "ETIMEDOUT");
  assertEquals(lab.result("setsockopt(4, SOL_TCP, TCP_KEEPIDLE, [0], 4) = -1 EINVAL"), "EINVAL");
});

Deno.test("TCP_USER_TIMEOUT ends a connection whose text nobody acknowledges: ETIMEDOUT", () => {
  const lab = new SocketLab();
  lab.accepted();
  lab.call("setsockopt(4, SOL_TCP, TCP_USER_TIMEOUT, [3000], 4) = 0");
  lab.call("getsockopt(4, SOL_TCP, TCP_USER_TIMEOUT, [3000], [4]) = 0");
  lab.call("write(4, ..., 10) = 10");
  lab.pass(2 * SECOND_US);
  assertEquals(lab.result("write(4, ..., 10) = 10"), 10);
  lab.pass(20 * SECOND_US);
  assertEquals(lab.result("write(4, ..., 10) = -1 ETIMEDOUT"), "ETIMEDOUT");
});

Deno.test("TCP_NOOPT: a SYN without any option", () => {
  const lab = new SocketLab({ system: "freebsd" });
  const peer = lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  lab.call("setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0");
  lab.call("fcntl(3, F_SETFL, O_NONBLOCK) = 0");
  lab.call("connect(3, ..., ...) = -1 EINPROGRESS");
  assertEquals(
    Object.values(peer.expects({ flags: "SYN" }).options).filter((value) => value !== undefined),
    [],
  );
});

Deno.test("TCP_REMOTE_UDP_ENCAPS_PORT: only where the host has a port for it, only before there is a connection", () => {
  const lab = new SocketLab({ system: "freebsd" });
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  const set = (value: number) =>
    lab.result(`setsockopt(3, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, [${value}], 4)`);
  assertEquals([set(0), set(1), set(-1), set(65536)], [0, "EINVAL", "EINVAL", "EINVAL"]);
  lab.lab.host.configure({ udpPort: 9811 });
  assertEquals([set(65535), set(2)], [0, 0]);
  lab.call("getsockopt(3, IPPROTO_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, [2], [4]) = 0");
});

Deno.test("FreeBSD keeps every connection alive, whatever SO_KEEPALIVE says (always_keepalive); Linux only who asks for it (MUST-25)", () => {
  const bsd = new SocketLab({ system: "freebsd" });
  const peer = bsd.accepted();
  bsd.call("getsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [0], [4]) = 0");
  bsd.pass(7200 * SECOND_US - 1);
  peer.expectsSilence();
  bsd.pass(1);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });
  bsd.sends(peer, { flags: "ACK", seq: 1, ack: 1, window: 32792 });
  bsd.call("setsockopt(4, SOL_TCP, TCP_KEEPIDLE, [5], 4) = 0");
  bsd.call("setsockopt(4, SOL_SOCKET, SO_KEEPALIVE, [0], 4) = 0");
  bsd.pass(5 * SECOND_US);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });

  for (
    const lab of [new SocketLab({ system: "freebsd", sockets: { keepsAllAlive: false } }), new SocketLab()]
  ) {
    const quiet = lab.accepted();
    lab.call("setsockopt(4, SOL_TCP, TCP_KEEPIDLE, [5], 4) = 0");
    lab.pass(7201 * SECOND_US);
    quiet.expectsSilence();
  }
});

Deno.test("options of FreeBSD's other stack are none of the default one's, on either side", () => {
  const lab = new SocketLab({ system: "freebsd" });
  lab.accepted();
  assertEquals(lab.result("setsockopt(4, SOL_TCP, TCP_RACK_PACE_ALWAYS, [1], 4) = -1"), "ENOPROTOOPT");
  assertEquals(lab.result("getsockopt(4, SOL_TCP, TCP_RACK_PROP, [1], [4]) = -1"), "ENOPROTOOPT");
  lab.isMissing(
    "setsockopt(4, SOL_SOCKET, TCP_RACK_PROP, [1], 4) = 0",
    "setsockopt(SOL_SOCKET, TCP_RACK_PROP)",
  );
});

Deno.test("what cannot be set, what cannot be asked, what is kept", () => {
  const lab = new SocketLab();
  lab.accepted();
  assertEquals(lab.result("setsockopt(4, SOL_SOCKET, SO_ERROR, [1], 4) = -1 ENOPROTOOPT"), "ENOPROTOOPT");
  assertEquals(lab.result("setsockopt(4, SOL_SOCKET, SO_TYPE, [1], 4) = -1 ENOPROTOOPT"), "ENOPROTOOPT");
  assertEquals(lab.result("setsockopt(4, SOL_SOCKET, SO_MARK, NULL, 4) = -1 EFAULT"), "EFAULT");
  lab.call("getsockopt(4, SOL_SOCKET, SO_TYPE, [SOCK_STREAM], [4]) = 0");
  lab.call("getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, [1], [4]) = 0");
  lab.call("setsockopt(4, SOL_SOCKET, SO_MARK, [666], 4) = 0");
  lab.call("getsockopt(4, SOL_SOCKET, SO_MARK, [666], [4]) = 0");
  lab.call('getsockopt(4, SOL_TCP, TCP_CONGESTION, "cubic", [16]) = 0');
  assertEquals(lab.result('setsockopt(4, SOL_TCP, TCP_CONGESTION, "warp", 4) = -1 ENOENT'), "ENOENT");
  lab.isMissing("setsockopt(4, SOL_SOCKET, SO_MAX_PACING_RATE, [1], 4) = 0", "SO_MAX_PACING_RATE");
});

Deno.test("TCP_QUICKACK: off, ACKs wait for text to go with, that of the handshake too; on, they leave at once again", () => {
  const lab = new SocketLab();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  lab.call("getsockopt(3, SOL_TCP, TCP_QUICKACK, [1], [4]) = 0");
  lab.call("setsockopt(3, SOL_TCP, TCP_QUICKACK, [0], 4) = 0");
  lab.call("getsockopt(3, SOL_TCP, TCP_QUICKACK, [0], [4]) = 0");
  lab.call("fcntl(3, F_SETFL, O_NONBLOCK) = 0");
  lab.call("connect(3, ..., ...) = -1 EINPROGRESS");
  peer.expects({ flags: "SYN" });
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expectsSilence();
  lab.call("write(3, ..., 10) = 10");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: new Uint8Array(10) });
  lab.sends(peer, { flags: "PSH ACK", seq: 1, ack: 11, data: 5 });
  peer.expectsSilence();
  lab.pass(SECOND_US);
  peer.expects({ flags: "ACK", ack: 6 });
  lab.call("setsockopt(3, SOL_TCP, TCP_QUICKACK, [1], 4) = 0");
  lab.sends(peer, { flags: "PSH ACK", seq: 6, ack: 11, data: 5 });
  peer.expects({ flags: "ACK", ack: 11 });
});
