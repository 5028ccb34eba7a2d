/**
 * Sockets of a script: sendmsg, recvmsg, control messages, and the error queue (Linux: MSG_ZEROCOPY, SO_TIMESTAMPING, TCP_INQ).
 */
import { assertEquals } from "@std/assert";
import { SocketLab } from "./socket_lab.ts";

const ZERO_COPY = (low: number, high: number) =>
  `{msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE, msg_control=[{cmsg_level=CMSG_LEVEL_IP, ` +
  `cmsg_type=CMSG_TYPE_RECVERR, cmsg_data={ee_errno=0, ee_origin=SO_EE_ORIGIN_ZEROCOPY, ee_type=0, ` +
  `ee_code=SO_EE_CODE_ZEROCOPY_COPIED, ee_info=${low}, ee_data=${high}}}]}`;

const STAMP = (what: string, key: number, ns: number) =>
  `{msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE|MSG_TRUNC, msg_control=[` +
  `{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=${ns}}}, ` +
  `{cmsg_level=CMSG_LEVEL_IP, cmsg_type=CMSG_TYPE_RECVERR, cmsg_data={ee_errno=ENOMSG, ` +
  `ee_origin=SO_EE_ORIGIN_TIMESTAMPING, ee_type=0, ee_code=0, ee_info=SCM_TSTAMP_${what}, ee_data=${key}}}]}`;

Deno.test("sendmsg gathers, empty pieces too; recvmsg scatters", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  const iov = '[{..., 0}, {"ab", 2}, {..., 0}, {"cd", 2}]';
  assertEquals(lab.result(`sendmsg(4, {msg_name(...)=..., msg_iov(4)=${iov}, msg_flags=0}, 0) = 4`), 4);
  peer.expects({ flags: "ACK", seq: 1, data: "abcd" });
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 5, data: 10 });
  const into = "{msg_name(...)=..., msg_iov(2)=[{..., 4}, {..., 3}], msg_flags=0}";
  assertEquals(lab.result(`recvmsg(4, ${into}, 0) = 7`), 7);
  lab.isMissing("sendmsg(4, {msg_name(...)=..., msg_warp=0}, 0) = 1", "msg_warp of a msghdr");
});

Deno.test("TCP_INQ: what is left, and one more where only the end is left", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_TCP, TCP_INQ, [1], 4) = 0");
  const read = (count: number, left: number) =>
    `recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., ${count}}], msg_flags=0, msg_control=[{cmsg_level=SOL_TCP, ` +
    `cmsg_type=TCP_CM_INQ, cmsg_data=${left}}]}, 0) = ${count}`;
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 1000 });
  assertEquals(lab.result(read(100, 900)), 100);
  assertEquals(lab.mismatch(read(100, 900)), {
    expected: "[{cmsg_level = SOL_TCP, cmsg_type = TCP_CM_INQ, cmsg_data = 900}]",
    actual: "[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=800}]",
  });
  assertEquals(lab.result(read(800, 0)), 800);
  lab.sends(peer, { flags: "FIN ACK", seq: 1001, ack: 1, data: 5 });
  assertEquals(lab.result(read(5, 1)), 5);
});

Deno.test("MSG_ZEROCOPY: a notice for each send when all of it is acknowledged; those that follow each other as one", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0");
  lab.call("send(4, ..., 4000, MSG_ZEROCOPY) = 4000");
  const empty = "{msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE, msg_control=[]}";
  assertEquals(lab.result(`recvmsg(4, ${empty}, MSG_ERRQUEUE) = -1 EAGAIN`), "EAGAIN");
  peer.takeAll();
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 3001 });
  assertEquals(lab.result(`recvmsg(4, ${empty}, MSG_ERRQUEUE) = -1 EAGAIN`), "EAGAIN");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 4001 });
  assertEquals(lab.result("poll([{fd=4, events=0, revents=POLLERR}], 1, 0) = 1"), 1);
  assertEquals(lab.result(`recvmsg(4, ${ZERO_COPY(0, 0)}, MSG_ERRQUEUE) = 0`), 0);
  for (const end of [8001, 12001]) {
    lab.call("send(4, ..., 4000, MSG_ZEROCOPY) = 4000");
    peer.takeAll();
    lab.sends(peer, { flags: "ACK", seq: 1, ack: end });
  }
  assertEquals(lab.result(`recvmsg(4, ${ZERO_COPY(1, 2)}, MSG_ERRQUEUE) = 0`), 0);
});

Deno.test("MSG_ZEROCOPY: a segment refers to seventeen pieces of memory; with copies all go into one", () => {
  const message = (count: number, flags: string) =>
    `sendmsg(4, {msg_name(...)=..., msg_iov(${count})=[${
      new Array(count).fill("{..., 2}").join(", ")
    }], msg_flags=0}, ${flags}) = ${2 * count}`;
  for (const isZeroCopy of [true, false]) {
    const lab = new SocketLab();
    const peer = lab.accepted();
    if (isZeroCopy) lab.call("setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0");
    assertEquals(lab.result(message(40, "MSG_ZEROCOPY")), 80);
    const lengths = () => peer.takeAll().map(({ data, psh }) => [data.length, psh]);
    assertEquals(lengths(), isZeroCopy ? [[34, true], [34, true]] : [[80, true]]);
    // The last one is small, and waits for the one before it (RFC 9293 §3.7.4).
    lab.sends(peer, { flags: "ACK", seq: 1, ack: isZeroCopy ? 69 : 81 });
    assertEquals(lengths(), isZeroCopy ? [[12, true]] : []);
    lab.sends(peer, { flags: "ACK", seq: 1, ack: 81 });
    // Who copies has room for any number.
    assertEquals(lab.result(message(40, "0")), 80);
    assertEquals(lengths(), [[80, true]]);
  }
});

Deno.test("MSG_ZEROCOPY without SO_ZEROCOPY is a plain send; the end of the connection gives the memory back", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("send(4, ..., 10, MSG_ZEROCOPY) = 10");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 11 });
  lab.call("setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0");
  lab.call("send(4, ..., 10, MSG_ZEROCOPY) = 10");
  lab.sends(peer, { flags: "RST", seq: 1 });
  assertEquals(lab.result(`recvmsg(4, ${ZERO_COPY(0, 0)}, MSG_ERRQUEUE) = 0`), 0);
});

Deno.test("SO_TIMESTAMPING: when the last octet of a send left and was acknowledged, with its number", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call(
    "setsockopt(4, SOL_SOCKET, SO_TIMESTAMPING, [SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | " +
      "SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID], 4) = 0",
  );
  lab.pass(5000);
  lab.call("write(4, ..., 11000) = 11000");
  lab.pass(15_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 10001 });
  lab.pass(10_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 11001 });
  // Ten segments left at 5 ms; the rest, with the last octet, at 20 ms.
  assertEquals(lab.result(`recvmsg(4, ${STAMP("SCHED", 10999, 20_000_000)}, MSG_ERRQUEUE) = 0`), 0);
  assertEquals(lab.result(`recvmsg(4, ${STAMP("SND", 10999, 20_000_000)}, MSG_ERRQUEUE) = 0`), 0);
  const late = lab.mismatch(`recvmsg(4, ${STAMP("ACK", 10999, 20_000_000)}, MSG_ERRQUEUE) = 0`);
  assertEquals(late?.actual.includes("scm_nsec=30000000"), true);
});

Deno.test("what waits for notices is bounded", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.call("setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0");
  lab.call("setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0");
  for (let at = 0; at < 5000; at++) lab.call("send(4, ..., 1, MSG_ZEROCOPY) = 1");
  peer.takeAll();
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 5001 });
  assertEquals(lab.result(`recvmsg(4, ${ZERO_COPY(0, 4095)}, MSG_ERRQUEUE) = 0`), 0);
});
