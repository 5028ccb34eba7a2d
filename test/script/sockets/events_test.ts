/**
 * Sockets of a script: poll and epoll, by level, by edge, once; time limits.
 */
import { assertEquals } from "@std/assert";
import { SECOND_US } from "../../tcp/wire_ends.ts";
import { SocketLab } from "./socket_lab.ts";

function poll(lab: SocketLab, revents: string, number = 4): number | string {
  const result = revents === "0" ? 0 : 1;
  return lab.result(
    `poll([{fd=${number}, events=POLLIN|POLLOUT|POLLRDHUP, revents=${revents}}], 1, 0) = ${result}`,
  );
}

Deno.test("poll: a listener with somebody to accept; a connection by what can be done", () => {
  const lab = new SocketLab();
  lab.listen();
  assertEquals(poll(lab, "0", 3), 0);
  const peer = lab.opens();
  assertEquals(poll(lab, "POLLIN", 3), 1);
  lab.call("accept(3, ..., ...) = 4");
  assertEquals(poll(lab, "POLLOUT"), 1);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(poll(lab, "POLLIN|POLLOUT"), 1);
  lab.sends(peer, { flags: "FIN ACK", seq: 11, ack: 1 });
  assertEquals(poll(lab, "POLLIN|POLLOUT|POLLRDHUP"), 1);
  lab.call("shutdown(4, SHUT_WR) = 0");
  assertEquals(poll(lab, "POLLIN|POLLOUT|POLLRDHUP|POLLHUP"), 1);
  lab.sends(peer, { flags: "RST", seq: 12 });
  assertEquals(poll(lab, "POLLIN|POLLOUT|POLLRDHUP|POLLHUP|POLLERR"), 1);
});

Deno.test("poll: a mismatch is in the script's words", () => {
  const lab = new SocketLab();
  lab.accepted();
  assertEquals(
    lab.mismatch("poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 0) = 1"),
    { expected: "revents=POLLIN", actual: "revents=POLLOUT" },
  );
  assertEquals(lab.result("poll([{fd=44, events=POLLIN, revents=POLLNVAL}], 1, 0) = 1"), 1);
  lab.isMissing("poll([{fd=4, events=POLLWARP, revents=0}], 1, 0) = 0", "POLLWARP");
});

Deno.test("poll waits for an event, or for its time", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  const waiting = lab.begin("poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 1000) = 1");
  lab.pass(40_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals([waiting.outcome?.result, waiting.outcome?.mismatch, waiting.endedUs], [1, null, 40_000]);
  lab.call("read(4, ..., 100) = 10");
  const late = lab.begin("poll([{fd=4, events=POLLIN, revents=0}], 1, 1000) = 0");
  lab.pass(2 * SECOND_US);
  assertEquals([late.outcome?.result, late.endedUs], [0, 1_040_000]);
  const forever = lab.begin("poll([{fd=4, events=POLLIN, revents=0}], 1, -1) = 0");
  lab.pass(100 * SECOND_US);
  assertEquals(forever.outcome, null);
});

Deno.test("poll: a connect that failed is POLLERR and POLLHUP; one under way is nothing", () => {
  const lab = new SocketLab();
  const peer = lab.connecting();
  assertEquals(poll(lab, "0", 3), 0);
  lab.sends(peer, { flags: "RST ACK", seq: 0, ack: 1 });
  assertEquals(poll(lab, "POLLIN|POLLOUT|POLLRDHUP|POLLERR|POLLHUP", 3), 1);
});

Deno.test("epoll by edge: told once, and again when more arrives, read or not", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("epoll_create(1) = 5");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLIN|EPOLLET, fd=4}) = 0");
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1"), 1);
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0"), 0);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 4000 });
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLIN|EPOLLOUT, fd=4}, 1, 0) = 1"), 1);
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0"), 0);
  lab.call("read(4, ..., 1000) = 1000");
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0"), 0);
  lab.sends(peer, { flags: "ACK", seq: 4001, ack: 1, data: 1 });
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLIN|EPOLLOUT, fd=4}, 1, 0) = 1"), 1);
});

Deno.test("epoll by level: told as long as it holds; not watched any more once it is closed", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("epoll_create(1) = 5");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1"), 1);
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1"), 1);
  assertEquals(
    lab.mismatch("epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1"),
    { expected: "{events = EPOLLOUT, fd = 4}", actual: "{events = EPOLLIN, fd = 4}" },
  );
  lab.call("close(4) = 0");
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0"), 0);
});

Deno.test("epoll once: silent until it is armed again", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("epoll_create1(0) = 5");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLONESHOT, fd=4}) = 0");
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1"), 1);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0"), 0);
  lab.call("epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN, fd=4}) = 0");
  assertEquals(lab.result("epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1"), 1);
});

Deno.test("epoll: what is wrong with its arguments", () => {
  const lab = new SocketLab();
  lab.accepted();
  assertEquals(lab.result("epoll_create(0) = -1 EINVAL"), "EINVAL");
  lab.call("epoll_create(1) = 5");
  assertEquals(lab.result("epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN, fd=4}) = -1 ENOENT"), "ENOENT");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0");
  assertEquals(lab.result("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = -1 EEXIST"), "EEXIST");
  assertEquals(lab.result("epoll_ctl(5, EPOLL_CTL_DEL, 4, {events=0, fd=4}) = 0"), 0);
  assertEquals(lab.result("epoll_ctl(5, EPOLL_CTL_DEL, 4, {events=0, fd=4}) = -1 ENOENT"), "ENOENT");
  assertEquals(lab.result("epoll_ctl(4, EPOLL_CTL_DEL, 5, {events=0, fd=4}) = -1 EINVAL"), "EINVAL");
  assertEquals(lab.result("epoll_wait(5, {events=0, ptr=0}, 0, 0) = -1 EINVAL"), "EINVAL");
  lab.isMissing("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLWARP, fd=4}) = 0", "EPOLLWARP");
});

Deno.test("epoll waits for an edge, or for its time", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("epoll_create(1) = 5");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0");
  const waiting = lab.begin("epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 500) = 1");
  lab.pass(30_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  assertEquals([waiting.outcome?.result, waiting.endedUs], [1, 30_000]);
  const late = lab.begin("epoll_wait(5, {events=0, ptr=0}, 1, 500) = 0");
  lab.pass(SECOND_US);
  assertEquals([late.outcome?.result, late.endedUs], [0, 530_000]);
});

Deno.test("room again is an edge once a third of the memory is free (Linux), and TCP_NOTSENT_LOWAT bounds what waits unsent", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
  lab.call("setsockopt(4, SOL_TCP, TCP_NOTSENT_LOWAT, [4000], 4) = 0");
  lab.call("getsockopt(4, SOL_TCP, TCP_NOTSENT_LOWAT, [4000], [4]) = 0");
  lab.call("epoll_create(1) = 5");
  lab.call("epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLET, fd=4}) = 0");
  lab.call("epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1");
  // A piece of 16 segments (half of the window), of which ten leave; the rest of it is filled up, and no other begun.
  assertEquals(lab.result("write(4, ..., 59000) = 26000"), 26000);
  assertEquals(peer.takeAll().length, 10);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 2001, window: 32792 });
  lab.call("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 10001, window: 32792 });
  lab.call("epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1");
});
