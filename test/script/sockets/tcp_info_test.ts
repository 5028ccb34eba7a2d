/**
 * What code steps may name: figures of the connection that a script is about, each from the machine; what has no true source is absent.
 */
import { assertEquals } from "@std/assert";
import { SocketLab } from "./socket_lab.ts";

function named(lab: SocketLab, ...names: string[]): (number | string | undefined)[] {
  const variables = lab.kernel.variables();
  return names.map((name) => variables.get(name));
}

Deno.test("states, by the words of both dialects", () => {
  const lab = new SocketLab();
  const variables = () => lab.kernel.variables();
  const isState = (...words: string[]) =>
    words.map((word) => variables().get(word) === variables().get("tcpi_state"));
  assertEquals(variables().has("tcpi_state"), false);
  lab.listen();
  assertEquals(isState("TCP_LISTEN", "TCPI_LISTEN"), [true, true]);
  const peer = lab.opens();
  lab.call("accept(3, ..., ...) = 4");
  assertEquals(isState("TCP_ESTABLISHED", "TCPI_ESTABLISHED", "TCP_CLOSE"), [true, true, false]);
  lab.sends(peer, { flags: "FIN ACK", seq: 1, ack: 1 });
  assertEquals(isState("TCP_CLOSE_WAIT", "TCPI_CLOSE_WAIT"), [true, true]);
  lab.sends(peer, { flags: "RST", seq: 2 });
  assertEquals(isState("TCP_CLOSE", "TCPI_CLOSED"), [true, true]);
});

Deno.test("windows and segments in flight, in segments as Linux counts them", () => {
  const lab = new SocketLab();
  const peer = lab.accepted({ mss: 1000, sackPermitted: true });
  assertEquals(named(lab, "tcpi_snd_cwnd", "tcpi_snd_ssthresh", "tcpi_snd_mss"), [10, 0x7fff_ffff, 1000]);
  lab.call("write(4, ..., 5500) = 5500");
  assertEquals(named(lab, "tcpi_unacked", "tcpi_sacked", "tcpi_lost", "tcpi_retrans"), [6, 0, 0, 0]);
  const [left, right] = peer.hostBlock(1001, 2001);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, options: { sack: [[left, right]] } });
  assertEquals(named(lab, "tcpi_unacked", "tcpi_sacked", "tcpi_ca_state"), [6, 1, 1]);
  assertEquals(named(lab, "tcpi_options"), [2]);
});

Deno.test("what kept a socket from sending: the peer's window, its own memory; and how long it was busy", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  assertEquals(named(lab, "tcpi_busy_time", "tcpi_rwnd_limited", "tcpi_sndbuf_limited"), [0, 0, 0]);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, window: 0 });
  lab.call("write(4, ..., 500) = 500");
  lab.pass(100_000);
  assertEquals(named(lab, "tcpi_busy_time", "tcpi_rwnd_limited"), [100_000, 100_000]);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, window: 9000 });
  lab.pass(20_000);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 501, window: 9000 });
  lab.pass(50_000);
  assertEquals(named(lab, "tcpi_busy_time", "tcpi_rwnd_limited"), [120_000, 100_000]);
});

Deno.test("the time since octets came counts from the handshake, then from the last ones", () => {
  const lab = new SocketLab();
  const peer = lab.accepted();
  lab.pass(1_000_000);
  assertEquals(named(lab, "tcpi_last_data_recv"), [1000]);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, data: 10 });
  lab.pass(7_000);
  assertEquals(named(lab, "tcpi_last_data_recv"), [7]);
});

Deno.test("an echo of congestion is CWR until what was in flight then is acknowledged (RFC 3168 §6.1.2)", () => {
  const lab = new SocketLab();
  lab.listen();
  const peer = lab.peer();
  lab.sends(peer, {
    flags: "SYN ECE CWR",
    seq: 0,
    window: 32792,
    options: { mss: 1000, sackPermitted: true },
  });
  peer.expects({ flags: "SYN ACK ECE", seq: 0, ack: 1 });
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 1, window: 32792 });
  lab.call("accept(3, ..., ...) = 4");
  lab.call("write(4, ..., 5000) = 5000");
  const isState = (name: string) => named(lab, "tcpi_ca_state")[0] === named(lab, name)[0];
  assertEquals(isState("TCP_CA_Open"), true);
  lab.sends(peer, { flags: "ACK ECE", seq: 1, ack: 1001, window: 32792 });
  assertEquals(isState("TCP_CA_CWR"), true);
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 5001, window: 32792 });
  lab.call("write(4, ..., 1000) = 1000");
  lab.sends(peer, { flags: "ACK", seq: 1, ack: 6001, window: 32792 });
  assertEquals(isState("TCP_CA_Open"), true);
});

Deno.test("what the machine does not know is absent, not nothing", () => {
  const lab = new SocketLab();
  lab.accepted();
  assertEquals(named(lab, "tcpi_rcv_rtt", "tcpi_delivery_rate", "tcpi_pacing_rate"), [
    undefined,
    undefined,
    undefined,
  ]);
});
