/**
 * Sockets of a script: what reads and writes come to, when they wait, how they end.
 */
import { assertEquals } from "@std/assert";
import { SECOND_US } from "../../tcp/wire_ends.ts";
import { SocketLab } from "./socket_lab.ts";

Deno.test("read gives what is there, waits where there is nothing, and 0 at the end", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 1500 });
  assertEquals(lab.result("read(4, ..., 1000) = 1000"), 1000);
  assertEquals(lab.result("recv(4, ..., 1000, 0) = 500"), 500);
  const waiting = lab.begin("read(4, ..., 1000) = 10");
  assertEquals(waiting.outcome, null);
  lab.pass(20_000);
  lab.sends(peer, { flags: "FIN ACK", seq: 1501, ack: 1, data: 10 });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [10, 20_000]);
  assertEquals(lab.result("read(4, ..., 1000) = 0"), 0);
  assertEquals(lab.result("read(4, ..., 1000) = 0"), 0);
});

Deno.test("flags of receiving: MSG_PEEK takes nothing, MSG_DONTWAIT does not wait, MSG_WAITALL waits for all", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  assertEquals(lab.result("recv(4, ..., 9, MSG_DONTWAIT) = -1 EAGAIN"), "EAGAIN");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(lab.result("recv(4, ..., 1024, MSG_PEEK) = 10"), 10);
  assertEquals(lab.result("recv(4, ..., 4, MSG_PEEK) = 4"), 4);
  const waiting = lab.begin("recv(4, ..., 25, MSG_WAITALL) = 25");
  assertEquals(waiting.outcome, null);
  lab.sends(peer, { flags: "ACK", seq: 11, ack: 1, data: 20 });
  assertEquals(waiting.outcome?.result, 25);
  assertEquals(lab.result("read(4, ..., 100) = 5"), 5);
  const short = lab.begin("recv(4, ..., 25, MSG_WAITALL) = 3");
  lab.sends(peer, { flags: "FIN ACK", seq: 31, ack: 1, data: 3 });
  assertEquals(short.outcome?.result, 3);
});

Deno.test("SO_RCVLOWAT: less than that is not worth waking for", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_RCVLOWAT, [20], 4) = 0");
  const waiting = lab.begin("read(4, ..., 100) = 25");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(waiting.outcome, null);
  assertEquals(lab.result("poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0"), 0);
  lab.sends(peer, { flags: "ACK", seq: 11, ack: 1, data: 15 });
  assertEquals(waiting.outcome?.result, 25);
});

Deno.test("after a reset: what had come is read first, then the error once, then the end", () => {
  for (const system of ["linux", "freebsd"] as const) {
    const lab = new SocketLab({ system });
    const peer = lab.accepted();
    lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
    lab.sends(peer, { flags: "RST", seq: 11 });
    assertEquals(lab.result("read(4, ..., 100) = 10"), 10);
    assertEquals(lab.result("read(4, ..., 100) = -1 ECONNRESET"), "ECONNRESET");
    assertEquals(lab.result("read(4, ..., 100) = 0"), 0);
    assertEquals(lab.result("write(4, ..., 100) = -1 EPIPE"), "EPIPE");
  }
});

Deno.test("a reset after the peer's FIN: EPIPE on Linux, ECONNRESET on BSD", () => {
  for (const [system, error] of [["linux", "EPIPE"], ["freebsd", "ECONNRESET"]] as const) {
    const lab = new SocketLab({ system });
    const peer = lab.accepted();
    lab.sends(peer, { flags: "FIN ACK", seq: 1, ack: 1 });
    lab.sends(peer, { flags: "RST", seq: 2 });
    assertEquals(lab.result(`getsockopt(4, SOL_SOCKET, SO_ERROR, [${error}], [4]) = 0`), 0);
  }
});

Deno.test("memory that is none: EFAULT, for writes at once, for reads when there is something", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  assertEquals(lab.result("write(4, NULL, 1000) = -1 EFAULT"), "EFAULT");
  assertEquals(lab.result("sendto(4, NULL, 1000, 0, ..., ...) = -1 EFAULT"), "EFAULT");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(lab.result("read(4, NULL, 1000) = -1 EFAULT"), "EFAULT");
  assertEquals(lab.result("recv(4, NULL, 1000, 0) = -1 EFAULT"), "EFAULT");
  assertEquals(lab.result("read(4, ..., 1000) = 10"), 10);
});

Deno.test("without a connection: reads say ENOTCONN; writes EPIPE on Linux, ENOTCONN on BSD", () => {
  const lab = new SocketLab();
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  assertEquals(lab.result("read(3, ..., 10) = -1 ENOTCONN"), "ENOTCONN");
  assertEquals(lab.result("write(3, ..., 10) = -1 EPIPE"), "EPIPE");
  const bsd = new SocketLab({ system: "freebsd" });
  bsd.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  assertEquals(bsd.result("write(3, ..., 10) = -1 ENOTCONN"), "ENOTCONN");
});

Deno.test("in SYN_SENT, not blocking: a write is EAGAIN on Linux, ENOTCONN on BSD; a read is EAGAIN", () => {
  const linux = new SocketLab();
  linux.connecting();
  assertEquals(linux.result("write(3, ..., 10) = -1 EAGAIN"), "EAGAIN");
  assertEquals(linux.result("read(3, ..., 10) = -1 EAGAIN"), "EAGAIN");
  const bsd = new SocketLab({ system: "freebsd" });
  bsd.connecting();
  assertEquals(bsd.result("write(3, ..., 10) = -1 ENOTCONN"), "ENOTCONN");
});

Deno.test("strings are written as they are, and padded as memory is; pieces come one after the other", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call('write(4, "abc", 5) = 5');
  assertEquals([...peer.expects({ flags: "ACK", seq: 1, data: "abc\0\0" }).data], [97, 98, 99, 0, 0]);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 6 });
  lab.call('writev(4, [{"ab", 2}, {..., 0}, {..., 2}], 3) = 4');
  peer.expects({ flags: "ACK", seq: 6, data: "ab\0\0" });
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 10, data: 8 });
  assertEquals(lab.result("readv(4, [{..., 3}, {..., 4}], 2) = 7"), 7);
});

Deno.test("BSD: a full buffer takes part, then EAGAIN; who blocks goes on until all is written", () => {
  const lab = new SocketLab({ system: "freebsd" });
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_SNDBUF, [4000], 4) = 0");
  const waiting = lab.begin("write(4, ..., 9000) = 9000");
  assertEquals(waiting.outcome, null);
  peer.takeAll();
  lab.pass(30_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 4001 });
  assertEquals(waiting.outcome, null);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 8001 });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [9000, 30_000]);
  lab.call("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  assertEquals(lab.result("write(4, ..., 9000) = 3000"), 3000);
  assertEquals(lab.result("write(4, ..., 9000) = -1 EAGAIN"), "EAGAIN");
});

Deno.test("SO_SNDTIMEO: what was written by then counts; nothing is EAGAIN", () => {
  const lab = new SocketLab({ system: "freebsd" });
  lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_SNDBUF, [4000], 4) = 0");
  lab.call("setsockopt(4, SOL_SOCKET, SO_SNDTIMEO, {tv_sec=0, tv_usec=100000}, 16) = 0");
  const part = lab.begin("write(4, ..., 9000) = 4000");
  lab.pass(SECOND_US / 5);
  assertEquals([part.outcome?.result, part.endedUs], [4000, 100_000]);
  const none = lab.begin("write(4, ..., 9000) = -1 EAGAIN");
  lab.pass(SECOND_US / 5);
  assertEquals(none.outcome?.errno, "EAGAIN");
});

Deno.test("a reset ends a write that waits: what was written counts, the error follows", () => {
  const lab = new SocketLab({ system: "freebsd" });
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_SNDBUF, [4000], 4) = 0");
  const waiting = lab.begin("write(4, ..., 9000) = 4000");
  lab.sends(peer, { flags: "RST", seq: 1 });
  assertEquals(waiting.outcome?.result, 4000);
  assertEquals(lab.result("write(4, ..., 1) = -1 ECONNRESET"), "ECONNRESET");
});

Deno.test("TCP_CORK holds a small piece until it is drawn; TCP_NODELAY lets out what is held", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0");
  lab.call("write(4, ..., 40) = 40");
  lab.pass(50_000);
  lab.call("write(4, ..., 40) = 40");
  peer.expectsSilence();
  lab.call("setsockopt(4, SOL_TCP, TCP_CORK, [0], 4) = 0");
  peer.expects({ flags: "ACK", seq: 1, data: new Uint8Array(80) });
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 81 });
  lab.call("setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0");
  lab.call("write(4, ..., 40) = 40");
  peer.expectsSilence();
  lab.call("setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0");
  peer.expects({ flags: "ACK", seq: 81, data: new Uint8Array(40) });
});

Deno.test("MSG_MORE holds a small piece until the next write, or for one time-out", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("send(4, ..., 40, MSG_MORE) = 40");
  peer.expectsSilence();
  lab.call("write(4, ..., 2) = 2");
  peer.expects({ flags: "ACK", seq: 1, data: new Uint8Array(42) });
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 43 });
  lab.call("send(4, ..., 40, MSG_MORE) = 40");
  lab.pass(150_000);
  peer.expectsSilence();
  lab.pass(100_000);
  peer.expects({ flags: "ACK", seq: 43, data: new Uint8Array(40) });
});

Deno.test("the octet at the urgent mark is no part of the stream (RFC 6093 §2)", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  lab.sends(peer, { flags: "ACK URG", seq: 1, ack: 1, data: "abcd", urgentPointer: 3 });
  assertEquals(lab.result("read(4, ..., 10) = 2"), 2);
  assertEquals(lab.result("read(4, ..., 10) = 1"), 1);
  assertEquals(lab.result("read(4, ..., 10) = -1 EAGAIN"), "EAGAIN");
});

Deno.test("ioctl tells the lengths of queues, and sets O_NONBLOCK", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 300 });
  lab.call("ioctl(4, SIOCINQ, [300]) = 0");
  lab.call("ioctl(4, FIONREAD, [300]) = 0");
  assertEquals(lab.mismatch("ioctl(4, SIOCINQ, [299]) = 0"), { expected: "[299]", actual: "[300]" });
  lab.call("write(4, ..., 50) = 50");
  lab.call("ioctl(4, SIOCOUTQ, [50]) = 0");
  lab.call("ioctl(4, SIOCOUTQNSD, [0]) = 0");
  lab.call("ioctl(4, FIONBIO, [1]) = 0");
  assertEquals(lab.result("fcntl(4, F_GETFL) = 0x802"), 0x802);
  lab.isMissing("ioctl(4, SIOCWARP, [1]) = 0", "ioctl(SIOCWARP)");
  assertEquals(lab.result("ioctl(3, SIOCINQ, [0]) = -1 EINVAL"), "EINVAL");
});

Deno.test("files: sendfile sends zeros, splice moves from a socket into a pipe and stops at the urgent mark", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call('open("/tmp/any", O_RDONLY) = 5');
  assertEquals(lab.result("sendfile(4, 5, [0], 7) = 7"), 7);
  peer.expects({ flags: "ACK", seq: 1, data: new Uint8Array(7) });
  lab.call("pipe([6, 7]) = 0");
  lab.sends(peer, { flags: "ACK URG", seq: 1, ack: 8, data: 10, urgentPointer: 10 });
  assertEquals(lab.result("splice(4, NULL, 7, NULL, 99, 0) = 9"), 9);
  assertEquals(lab.result("splice(4, NULL, 7, NULL, 1, 0) = 0"), 0);
  lab.isMissing('open("/etc/passwd", O_RDWR) = 8', "open() for more than reading");
});
