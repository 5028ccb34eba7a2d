/**
 * Sockets of a script: Fast Open (RFC 7413) by Linux's calls and by BSD's.
 */
import { assertEquals } from "@std/assert";
import { CONNECT_PORT, HOST_PEER, SocketLab, type SocketLabOptions } from "./socket_lab.ts";

const COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** A lab whose host has a cookie of its peer. */
function withCookie(options: SocketLabOptions = {}): SocketLab {
  const lab = new SocketLab(options);
  lab.lab.host.keepFastOpenCookie({ ...HOST_PEER, cookie: COOKIE, isExperimental: false, mss: 1000 });
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  return lab;
}

const SEND = "sendto(3, ..., 2000, MSG_FASTOPEN, ..., ...)";

Deno.test("MSG_FASTOPEN without a cookie: the SYN asks for one, EINPROGRESS, EALREADY; then the call is as any other", () => {
  const lab = new SocketLab();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  assertEquals(lab.result(`${SEND} = -1 EINPROGRESS`), "EINPROGRESS");
  const syn = peer.expects({ flags: "SYN", seq: 0 });
  assertEquals(syn.data.length, 0);
  assertEquals(lab.result(`${SEND} = -1 EALREADY`), "EALREADY");
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1, window: 9000, options: { mss: 1000 } });
  peer.expects({ flags: "ACK", seq: 1 });
  assertEquals(lab.result(`${SEND} = 2000`), 2000);
  assertEquals(lab.result(`${SEND} = -1 EISCONN`), "EISCONN");
});

Deno.test("MSG_FASTOPEN with a cookie: as much as the SYN has room for leaves with it, and that is what it returns", () => {
  const lab = withCookie();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  const sent = lab.result(SEND);
  const syn = peer.expects({ flags: "SYN", seq: 0, data: new Uint8Array(Number(sent)) });
  assertEquals(syn.data.length > 900, true);
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1 + syn.data.length, options: { mss: 1000 } });
  assertEquals(lab.kernel.variables().get("tcpi_options"), 32);
});

Deno.test("tcpi_options tells of a SYN's text only where all of it was taken", () => {
  const lab = withCookie();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  lab.result("sendto(3, ..., 10, MSG_FASTOPEN, ..., ...) = 10");
  peer.takeAll();
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 6, options: { mss: 1000 } });
  assertEquals(lab.kernel.variables().get("tcpi_options"), 0);
});

Deno.test("MSG_FASTOPEN that blocks: the rest leaves with the ACK that ends the handshake, and the call returns all", () => {
  const lab = withCookie();
  const peer = lab.peer(CONNECT_PORT);
  const waiting = lab.begin(`${SEND} = 2000`);
  assertEquals(waiting.outcome, null);
  const { data } = lab.takeOnly(peer);
  lab.pass(10_000);
  lab.sends(peer, { flags: "SYN ACK", seq: 0, ack: 1 + data.length, window: 9000, options: { mss: 1000 } });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [2000, 10_000]);
  const rest = peer.takeAll();
  assertEquals(rest.reduce((sum, segment) => sum + segment.data.length, 0), 2000 - data.length);
  assertEquals(rest.every((segment) => segment.data.length > 0), true);
});

Deno.test("a refused Fast Open is the error of the call that waits", () => {
  const lab = withCookie();
  const peer = lab.peer(CONNECT_PORT);
  const waiting = lab.begin(`${SEND} = -1 ECONNREFUSED`);
  const { data } = lab.takeOnly(peer);
  lab.sends(peer, { flags: "RST ACK", seq: 0, ack: 1 + data.length });
  assertEquals(waiting.outcome?.errno, "ECONNREFUSED");
});

Deno.test("TCP_FASTOPEN_CONNECT: with a cookie connect waits for the first write; without, it asks for one", () => {
  const lab = withCookie();
  const peer = lab.peer(CONNECT_PORT);
  lab.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  lab.call("setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0");
  assertEquals(lab.result("connect(3, ..., ...) = 0"), 0);
  peer.expectsSilence();
  assertEquals(lab.result("connect(3, ..., ...) = -1 EISCONN"), "EISCONN");
  assertEquals(lab.result("read(3, ..., 10) = -1 EAGAIN"), "EAGAIN");
  assertEquals(lab.result("poll([{fd=3, events=POLLOUT, revents=POLLOUT}], 1, 0) = 1"), 1);
  assertEquals(lab.result("write(3, ..., 100) = 100"), 100);
  peer.expects({ flags: "SYN", seq: 0, data: new Uint8Array(100) });

  const other = new SocketLab();
  const stranger = other.peer(CONNECT_PORT);
  other.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  other.call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  other.call("setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0");
  assertEquals(other.result("connect(3, ..., ...) = -1 EINPROGRESS"), "EINPROGRESS");
  stranger.expects({ flags: "SYN", seq: 0 });
});

Deno.test("Fast Open that is switched off, and what its options refuse", () => {
  const lab = withCookie({ sockets: { fastOpenClient: false } });
  assertEquals(lab.result(`${SEND} = -1 EOPNOTSUPP`), "EOPNOTSUPP");
  assertEquals(
    lab.result("setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = -1 EOPNOTSUPP"),
    "EOPNOTSUPP",
  );
  const on = withCookie();
  assertEquals(on.result("sendto(3, NULL, 1, MSG_FASTOPEN, ..., ...) = -1 EFAULT"), "EFAULT");
  assertEquals(on.result("setsockopt(3, SOL_TCP, TCP_FASTOPEN_CONNECT, [2], 4) = -1 EINVAL"), "EINVAL");
  assertEquals(on.result('setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, "", 3) = -1 EINVAL'), "EINVAL");
});

Deno.test("a listener's Fast Open: what has a good cookie can be accepted and read at the SYN", () => {
  const lab = new SocketLab({ sockets: { fastOpenServer: true, fastOpenServerWithoutCookie: true } });
  lab.listen();
  lab.call("setsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0");
  const peer = lab.peer();
  lab.sends(peer, { flags: "SYN", seq: 0, data: "hello", options: { mss: 1000 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 6 });
  assertEquals(lab.result("accept(3, ..., ...) = 4"), 4);
  assertEquals(lab.result("read(4, ..., 100) = 5"), 5);
  assertEquals(lab.kernel.variables().get("tcpi_state"), lab.kernel.variables().get("TCP_SYN_RECV"));
  lab.sends(peer, { flags: "ACK", seq: 6, ack: 1 });
  assertEquals(lab.kernel.variables().get("tcpi_state"), lab.kernel.variables().get("TCP_ESTABLISHED"));
});

Deno.test("a listener that did not ask for it, or whose host has it off, takes no text with a SYN", () => {
  for (const [fastOpenServer, bound] of [[false, 5], [true, 0]] as const) {
    const lab = new SocketLab({ sockets: { fastOpenServer, fastOpenServerWithoutCookie: true } });
    lab.listen();
    lab.call(`setsockopt(3, SOL_TCP, TCP_FASTOPEN, [${bound}], 4) = 0`);
    const peer = lab.peer();
    lab.sends(peer, { flags: "SYN", seq: 0, data: "hello", options: { mss: 1000 } });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  }
});

Deno.test("closing a listener resets a Fast Open that nobody has accepted", () => {
  const lab = new SocketLab({ sockets: { fastOpenServer: true, fastOpenServerWithoutCookie: true } });
  lab.listen();
  lab.call("setsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0");
  const peer = lab.peer();
  lab.sends(peer, { flags: "SYN", seq: 0, data: "hello", options: { mss: 1000 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 6 });
  lab.call("close(3) = 0");
  peer.expects({ flags: "RST ACK" });
});

Deno.test("BSD: TCP_FASTOPEN and sendto to somebody: connects, with the text in the SYN where there is a cookie", () => {
  const lab = withCookie({ system: "freebsd" });
  const peer = lab.peer(CONNECT_PORT);
  lab.call("setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0");
  assertEquals(lab.result("sendto(3, ..., 100, 0, ..., ...) = 100"), 100);
  peer.expects({ flags: "SYN", seq: 0, data: new Uint8Array(100) });

  const plain = new SocketLab({ system: "freebsd" });
  const other = plain.peer(CONNECT_PORT);
  plain.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  assertEquals(plain.result("sendto(3, ..., 100, 0, ..., ...) = 100"), 100);
  other.expects({ flags: "SYN", seq: 0 });
  plain.sends(other, { flags: "SYN ACK", seq: 0, ack: 1, window: 9000, options: { mss: 1000 } });
  assertEquals(other.takeAll().at(-1)?.data.length, 100);

  const off = new SocketLab({ system: "freebsd", sockets: { fastOpenClient: false } });
  off.call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
  assertEquals(off.result("setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = -1 EPERM"), "EPERM");
});
