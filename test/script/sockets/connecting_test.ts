/**
 * Sockets of a script: socket, bind, listen, accept, connect, shutdown, close, with the errors of both systems (RFC 9293 §3.9.1;
 * POSIX.1-2024 for the names of errors).
 */
import { assertEquals } from "@std/assert";
import { SECOND_US } from "../../tcp/wire_ends.ts";
import { CONNECT_PORT, SocketLab } from "./socket_lab.ts";

Deno.test("accept takes connections in their order, then says EAGAIN where it does not block", () => {
  const lab = new SocketLab();
  lab.listen(4);
  const first = lab.opens();
  const second = lab.opens();
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  assertEquals(lab.result(`accept(3, {sa_family = AF_INET, sin_port = htons(${first.port})}, ...) = 4`), 4);
  assertEquals(
    lab.mismatch("accept(3, {sa_family = AF_INET, sin_port = htons(1)}, ...) = 9"),
    {
      expected: "{sa_family = AF_INET, sin_port = htons(1)}",
      actual: `{sin_port = htons(${second.port}), sin_addr = inet_addr("10.0.0.9")}`,
    },
  );
  assertEquals(lab.result("accept(3, ..., ...) = -1 EAGAIN"), "EAGAIN");
});

Deno.test("a descriptor has the number that the script goes on to use; where that is taken, the lowest", () => {
  const lab = new SocketLab();
  assertEquals(lab.result("socket(..., SOCK_STREAM, IPPROTO_TCP) = 7"), 7);
  assertEquals(lab.result("socket(..., SOCK_STREAM, IPPROTO_TCP) = 7"), 3);
  assertEquals(lab.result("close(7) = 0"), 0);
  assertEquals(lab.result("close(7) = -1 EBADF"), "EBADF");
  assertEquals(lab.result("socket(..., SOCK_STREAM, IPPROTO_TCP) = 7"), 7);
});

Deno.test("a process has so many descriptors, and no more: EMFILE", () => {
  const lab = new SocketLab();
  for (let at = 0; at < 1024; at++) lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP)");
  assertEquals(lab.result("socket(..., SOCK_STREAM, IPPROTO_TCP)"), "EMFILE");
});

Deno.test("accept blocks until a handshake is over, and ends at that time", () => {
  const lab = new SocketLab();
  lab.listen();
  const waiting = lab.begin("accept(3, ..., ...) = 4");
  assertEquals(waiting.outcome, null);
  lab.pass(100_000);
  lab.opens();
  assertEquals([waiting.outcome?.result, waiting.endedUs], [4, 100_000]);
});

Deno.test("SO_RCVTIMEO ends a wait with EAGAIN, at its time", () => {
  const lab = new SocketLab();
  lab.listen();
  lab.call("setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1, tv_usec=500000}, 16) = 0");
  const waiting = lab.begin("accept(3, ..., ...) = 4");
  lab.pass(3 * SECOND_US);
  assertEquals([waiting.outcome?.errno, waiting.endedUs], ["EAGAIN", 1_500_000]);
});

Deno.test("EWOULDBLOCK is EAGAIN by another name: the outcome has the one that the script has", () => {
  const lab = new SocketLab();
  lab.listen();
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  assertEquals(lab.result("accept(3, ..., ...) = -1 EWOULDBLOCK"), "EWOULDBLOCK");
});

Deno.test("bind: what is taken is EADDRINUSE, what is not ours EADDRNOTAVAIL, a second time EINVAL", () => {
  const lab = new SocketLab();
  lab.listen();
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 4");
  assertEquals(lab.result("bind(4, ..., ...) = -1 EADDRINUSE"), "EADDRINUSE");
  const foreign = '{sa_family = AF_INET, sin_port = htons(9), sin_addr = inet_addr("10.0.0.77")}';
  assertEquals(lab.result(`bind(4, ${foreign}, ...) = -1 EADDRNOTAVAIL`), "EADDRNOTAVAIL");
  const free = '{sa_family = AF_INET, sin_port = htons(9), sin_addr = inet_addr("10.0.0.1")}';
  assertEquals(lab.result(`bind(4, ${free}, ...) = 0`), 0);
  assertEquals(lab.result(`bind(4, ${free}, ...) = -1 EINVAL`), "EINVAL");
});

Deno.test("connect without blocking: EINPROGRESS, EALREADY; after the handshake Linux says so once, then EISCONN", () => {
  const lab = new SocketLab();
  const peer = lab.connecting();
  assertEquals(lab.result("connect(3, ..., ...) = -1 EALREADY"), "EALREADY");
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1000 } });
  assertEquals(lab.result("getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"), 0);
  assertEquals(lab.result("connect(3, ..., ...) = 0"), 0);
  assertEquals(lab.result("connect(3, ..., ...) = -1 EISCONN"), "EISCONN");
});

Deno.test("connect on BSD says EISCONN at once", () => {
  const lab = new SocketLab({ system: "freebsd" });
  lab.connected();
  assertEquals(lab.result("connect(3, ..., ...) = -1 EISCONN"), "EISCONN");
});

Deno.test("connect that blocks ends with the handshake; SO_SNDTIMEO makes it EINPROGRESS", () => {
  const lab = new SocketLab();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  const waiting = lab.begin("connect(3, ..., ...) = 0");
  assertEquals(waiting.outcome, null);
  peer.expects({ flags: "SYN", seq: 0 });
  lab.pass(50_000);
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [0, 50_000]);

  const other = new SocketLab();
  other.peer(CONNECT_PORT);
  other.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  other.call("setsockopt(3, SOL_SOCKET, SO_SNDTIMEO, {tv_sec=0, tv_usec=300000}, 16) = 0");
  const late = other.begin("connect(3, ..., ...) = 0");
  other.pass(SECOND_US);
  assertEquals([late.outcome?.errno, late.endedUs], ["EINPROGRESS", 300_000]);
});

Deno.test("a reset in SYN_SENT is ECONNREFUSED, told once: by SO_ERROR, or by the next call", () => {
  for (const system of ["linux", "freebsd"] as const) {
    const lab = new SocketLab({ system });
    const peer = lab.connecting();
    lab.sends(peer, { flags: "RST ACK", seq: 0, ack: 1 });
    assertEquals(lab.result("getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0"), 0);
    assertEquals(lab.result("getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"), 0);
  }
  const lab = new SocketLab();
  const peer = lab.connecting();
  lab.sends(peer, { flags: "RST ACK", seq: 0, ack: 1 });
  assertEquals(lab.result("write(3, ..., 10) = -1 ECONNREFUSED"), "ECONNREFUSED");
  assertEquals(lab.result("write(3, ..., 10) = -1 EPIPE"), "EPIPE");
});

Deno.test("a peer that never answers: ETIMEDOUT for who waits in connect", () => {
  const lab = new SocketLab();
  lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  lab.call("setsockopt(3, IPPROTO_TCP, TCP_SYNCNT, [1], 4) = 0");
  const waiting = lab.begin("connect(3, ..., ...) = -1 ETIMEDOUT");
  lab.pass(10 * SECOND_US);
  assertEquals([waiting.outcome?.errno, waiting.endedUs], ["ETIMEDOUT", 3 * SECOND_US]);
});

Deno.test("a mismatch of SO_ERROR has the error's name", () => {
  const lab = new SocketLab();
  const peer = lab.connected();
  lab.sends(peer, { flags: "RST", seq: 1 });
  assertEquals(
    lab.mismatch("getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"),
    { expected: "[0]", actual: "[ECONNRESET]" },
  );
});

Deno.test("shutdown: FIN, then EPIPE for writes; reading goes on; of both, 0 for reads", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  assertEquals(lab.result("shutdown(4, SHUT_WR) = 0"), 0);
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  assertEquals(lab.result("write(4, ..., 10) = -1 EPIPE"), "EPIPE");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 2, data: "abc" });
  assertEquals(lab.result("read(4, ..., 10) = 3"), 3);
  assertEquals(lab.result("shutdown(4, SHUT_RD) = 0"), 0);
  assertEquals(lab.result("read(4, ..., 10) = 0"), 0);
  assertEquals(lab.result("shutdown(4, 7) = -1 EINVAL"), "EINVAL");
});

Deno.test("shutdown without a connection is ENOTCONN", () => {
  const lab = new SocketLab();
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  assertEquals(lab.result("shutdown(3, SHUT_WR) = -1 ENOTCONN"), "ENOTCONN");
});

Deno.test("close with text unread: Linux resets (RFC 2525 §2.17), BSD sends FIN, and resets when more comes", () => {
  const linux = new SocketLab();
  const peer = linux.accepted();
  linux.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: "abc" });
  peer.expects({ flags: "ACK", ack: 4 });
  linux.call("close(4) = 0");
  peer.expects({ flags: "RST ACK", seq: 1, ack: 4 });

  const bsd = new SocketLab({ system: "freebsd" });
  const other = bsd.accepted();
  bsd.sends(other, { flags: "ACK", seq: 1, ack: 1, data: "abc" });
  bsd.call("close(4) = 0");
  other.expects({ flags: "FIN ACK", seq: 1, ack: 4 });
});

Deno.test("SO_LINGER of no time makes close a reset", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0");
  lab.call("getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, [8]) = 0");
  lab.call("close(4) = 0");
  peer.expects({ flags: "RST ACK", seq: 1 });
});

Deno.test("SO_LINGER makes close wait until all is acknowledged, or for its time", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=2}, 8) = 0");
  lab.call("write(4, ..., 10) = 10");
  const waiting = lab.begin("close(4) = 0");
  assertEquals(waiting.outcome, null);
  lab.pass(10_000);
  peer.takeAll();
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 12 });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [0, 10_000]);
});

Deno.test("closing a listener resets who has not been accepted, and takes no more", () => {
  const lab = new SocketLab();
  lab.listen();
  const peer = lab.opens();
  const slow = lab.peer();
  lab.sends(slow, { flags: "SYN", seq: 0, options: { mss: 1000 } });
  slow.expects({ flags: "SYN ACK" });
  lab.call("close(3) = 0");
  peer.expects({ flags: "RST ACK", seq: 1 });
  lab.sends(slow, { flags: "ACK", seq: 1, ack: 1 });
  slow.expects({ flags: "RST ACK" });
  const late = lab.peer();
  lab.sends(late, { flags: "SYN", seq: 0 });
  late.expects({ flags: "RST ACK", ack: 1 });
});

Deno.test("what is not there is named: types, levels, options, calls, flags, constants", () => {
  const lab = new SocketLab();
  lab.isMissing("socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3", "SOCK_DGRAM");
  assertEquals(lab.result("socket(..., SOCK_STREAM, IPPROTO_UDP) = -1 EPROTONOSUPPORT"), "EPROTONOSUPPORT");
  lab.accepted();
  lab.isMissing("setsockopt(4, SOL_TCP, TCP_MD5SIG, [1], 4) = 0", "TCP_MD5SIG");
  lab.isMissing("setsockopt(4, SOL_TCP, TCP_WARP, [1], 4) = 0", "setsockopt(SOL_TCP, TCP_WARP)");
  lab.isMissing("setsockopt(4, SOL_X25, TCP_NODELAY, [1], 4) = 0", "setsockopt(SOL_X25, TCP_NODELAY)");
  lab.isMissing("fork(4) = 0", "fork()");
  lab.isMissing("send(4, ..., 10, MSG_WARP) = 10", "MSG_WARP");
  lab.isMissing("fcntl(4, F_SETFL, O_WARP) = 0", "O_WARP");
  lab.isMissing("write(4, ..., 1000000000) = 10", "a call about 1000000000 octets");
});

Deno.test("a number that no descriptor has is EBADF, one that is no socket ENOTSOCK", () => {
  const lab = new SocketLab();
  assertEquals(lab.result("read(9, ..., 10) = -1 EBADF"), "EBADF");
  lab.call("epoll_create(1) = 5");
  assertEquals(lab.result("read(5, ..., 10) = -1 ENOTSOCK"), "ENOTSOCK");
});

Deno.test("the table of sockets: listener, connection, what goes on after close; selected ones are dropped", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  const states = () => lab.kernel.rows().map(({ state, isOpen }) => `${state}${isOpen ? "" : "-"}`);
  assertEquals(states(), ["LISTEN", "ESTABLISHED"]);
  lab.call("close(4) = 0");
  peer.expects({ flags: "FIN ACK", seq: 1 });
  assertEquals(states(), ["LISTEN", "FIN_WAIT_1-"]);
  const all = { state: null, family: null, port: null, localAddress: null, openOnly: false };
  assertEquals(lab.lab.user(() => lab.kernel.drop({ ...all, state: "ESTABLISHED" })), 0);
  assertEquals(lab.lab.user(() => lab.kernel.drop({ ...all, state: "FIN_WAIT_1" })), 1);
  peer.expects({ flags: "RST ACK" });
  assertEquals(states(), ["LISTEN"]);
});
