/**
 * Explicit congestion notification: negotiation, which packets are ECN-capable, echo and reaction. RFC 3168 §6.1
 * (SHLD-8), RFC 9438 §4.6.
 */
import { assert, assertEquals } from "@std/assert";
import { BulkSender, MS_US, SACK_OPTIONS } from "./bulk_sender.ts";
import { Lab } from "./harness.ts";
import type { Peer } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";
import type { AppLog } from "./app_log.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";

/** ECN field of the IP header, RFC 3168 §5. */
const NOT_ECT = 0b00;
const ECT_1 = 0b01;
const ECT_0 = 0b10;
const CE = 0b11;

interface Ends {
  readonly lab: Lab;
  readonly peer: Peer;
  readonly app: AppLog;
}

/** The answer to a SYN with these flags beside SYN. */
function answerTo(flags: string, ecn: TcpConfig["ecn"]): string {
  const lab = new Lab({ tcp: { ecn } });
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: `SYN ${flags}`.trim(), seq: 0, options: { mss: 1460 } });
  const [answer, ...others] = peer.takeAll();
  assertEquals([others.length, answer.packet.ecn], [0, NOT_ECT]);
  return answer.flags;
}

/** A connection on which ECN was agreed, opened by the peer. */
function capable(tcp: Partial<TcpConfig> = {}): Ends {
  const lab = new Lab({ tcp: { ecn: "accept", ...tcp } });
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK ECE", seq: 0, ack: 1 });
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(apps[0].connection.info().ecn, true);
  return { lab, peer, app: apps[0] };
}

Deno.test("a SYN with ECE and CWR is answered with ECE alone (SHLD-8, RFC 3168 §6.1.1)", () => {
  assertEquals(answerTo("ECE CWR", "accept"), "SYN ACK ECE");
  assertEquals(answerTo("ECE CWR", "request"), "SYN ACK ECE");
});

Deno.test("a SYN without both flags asks for no ECN (RFC 3168 §6.1.1)", () => {
  for (const flags of ["", "ECE", "CWR"]) assertEquals(answerTo(flags, "accept"), "SYN ACK", `SYN ${flags}`);
});

Deno.test("ECN off: whatever is asked, the answer is without (RFC 3168 §6.1.1; ecn setting)", () => {
  for (const flags of ["", "ECE", "CWR", "ECE CWR"]) assertEquals(answerTo(flags, "off"), "SYN ACK");
});

Deno.test("our SYN asks for ECN only by setting, and is not ECN-capable itself (RFC 3168 §6.1.1)", () => {
  for (const [ecn, flags] of [["off", "SYN"], ["accept", "SYN"], ["request", "SYN ECE CWR"]] as const) {
    const lab = new Lab({ tcp: { ecn } });
    const peer = lab.peer();
    lab.connect(peer);
    const [syn] = peer.takeAll();
    assertEquals([syn.flags, syn.packet.ecn], [flags, NOT_ECT]);
  }
});

/** What a SYN, ACK with these flags agrees to, when we asked. */
for (const [flags, agreed] of [["ECE", true], ["", false], ["ECE CWR", false], ["CWR", false]] as const) {
  Deno.test(`SYN, ACK with <${flags}> agrees ${agreed ? "" : "not "}to ECN (RFC 3168 §6.1.1)`, () => {
    const lab = new Lab({ tcp: { ecn: "request" } });
    const peer = lab.peer();
    const app = lab.connect(peer);
    peer.expects({ flags: "SYN ECE CWR", seq: 0 });
    peer.sends({ flags: `SYN ACK ${flags}`.trim(), seq: 0, ack: 1, options: { mss: 1460 } });
    const acknowledgment = peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(acknowledgment.packet.ecn, NOT_ECT);
    app.write("text");
    const text = peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
    assertEquals(text.packet.ecn, agreed ? ECT_0 : NOT_ECT);
    assertEquals(app.connection.info().ecn, agreed);
  });
}

Deno.test("a peer's SYN, ACK with ECE that we did not ask for agrees to nothing (RFC 3168 §6.1.1)", () => {
  const lab = new Lab({ tcp: { ecn: "accept" } });
  const peer = lab.peer();
  const app = lab.connect(peer);
  peer.expects({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "SYN ACK ECE", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  app.write("text");
  assertEquals(peer.expects({ flags: "ACK", seq: 1, data: "text" }).packet.ecn, NOT_ECT);
});

Deno.test("new data is ECT(0), pure ACKs are not ECN-capable (RFC 3168 §6.1.2, §6.1.4)", () => {
  const { lab, peer, app } = capable();
  app.write("text");
  assertEquals(peer.expects({ flags: "ACK", seq: 1, data: "text" }).packet.ecn, ECT_0);
  peer.sends({ flags: "ACK", ack: 5, data: "answer" });
  lab.pass(SECOND_US / 2);
  assertEquals(peer.expects({ flags: "ACK", seq: 5, ack: 7 }).packet.ecn, NOT_ECT);
  peer.expectsSilence();
});

Deno.test("what is sent again is not ECN-capable, by the timer (RFC 3168 §6.1.5)", () => {
  const { lab, peer, app } = capable();
  app.write("text");
  peer.takeAll();
  lab.pass(SECOND_US);
  const again = peer.takeAll();
  assert(again.length >= 1);
  assertEquals(again.map(({ packet }) => packet.ecn), again.map(() => NOT_ECT));
});

Deno.test("what is sent again is not ECN-capable, in fast recovery; new data is (RFC 3168 §6.1.5)", () => {
  const { lab, peer, app } = capable();
  app.write(60_000);
  assertEquals(peer.takeAll().length, 10);
  lab.pass(100 * MS_US);
  for (let i = 0; i < 3; i++) peer.sends({ flags: "ACK", ack: 1 });
  const seen = peer.takeAll();
  assertEquals(seen.map(({ seq, packet }) => [(seq - 1) / 1460, packet.ecn]), [
    [10, ECT_0],
    [11, ECT_0],
    [0, NOT_ECT],
  ]);
});

Deno.test("a tail probe that sends something again is not ECN-capable (RFC 3168 §6.1.5, RFC 8985 §7.3)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN ECE CWR", seq: 0, options: SACK_OPTIONS });
  lab.pass(100 * MS_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  apps[0].write(4380);
  assertEquals(peer.takeAll().map(({ packet }) => packet.ecn), [ECT_0, ECT_0, ECT_0]);
  lab.pass(250 * MS_US);
  assertEquals(peer.takeAll().map(({ packet, seq }) => [seq, packet.ecn]), [[2921, NOT_ECT]]);
});

Deno.test("a window probe is not ECN-capable (RFC 3168 §6.1.6)", () => {
  const { lab, peer, app } = capable();
  peer.sends({ flags: "ACK", ack: 1, window: 0 });
  app.write("text");
  lab.pass(2 * SECOND_US);
  const probes = peer.takeAll();
  assert(probes.length >= 1);
  assertEquals(probes.map(({ packet }) => packet.ecn), probes.map(() => NOT_ECT));
});

Deno.test("a RST is not ECN-capable (RFC 3168 §6.1, RFC 9293 §3.10.5)", () => {
  const { peer, app } = capable();
  app.abort();
  assertEquals(peer.takeAll().map(({ packet }) => packet.ecn), [NOT_ECT]);
});

Deno.test("without agreement nothing is ECN-capable, marks and echoes mean nothing (RFC 3168 §6.1.1)", () => {
  const bulk = new BulkSender();
  const first = bulk.takes();
  assertEquals(first.map(({ packet }) => packet.ecn), first.map(() => NOT_ECT));
  bulk.passRtt();
  bulk.acks(2, { flags: "ACK ECE" });
  assertEquals([bulk.ssthresh, bulk.cwnd >= 10], [0, true]);
  const flags = bulk.takes().map((seen) => seen.flags);
  assertEquals(flags, flags.map(() => "ACK"));
  bulk.peer.sends({ flags: "PSH ACK", data: "text", ecn: CE });
  bulk.lab.pass(50 * MS_US);
  assertEquals(bulk.takes().filter((seen) => seen.flags.includes("ECE")), []);
});

// The receiver's half: RFC 3168 §6.1.3.

Deno.test("a marked packet is echoed in every ACK until CWR comes (RFC 3168 §6.1.3)", () => {
  const { lab, peer } = capable({ quickAcks: 0 });
  const flagsAfter = (flags: string, ecn: number): string[] => {
    peer.sends({ flags, ack: 1, data: "text", ecn });
    lab.pass(SECOND_US / 2);
    return peer.takeAll().map((seen) => seen.flags);
  };
  assertEquals(flagsAfter("ACK", ECT_0), ["ACK"]);
  assertEquals(flagsAfter("ACK", CE), ["ACK ECE"]);
  assertEquals(flagsAfter("ACK", ECT_0), ["ACK ECE"]);
  assertEquals(flagsAfter("ACK", NOT_ECT), ["ACK ECE"]);
  assertEquals(flagsAfter("ACK", ECT_1), ["ACK ECE"]);
  assertEquals(flagsAfter("ACK CWR", ECT_0), ["ACK"]);
  assertEquals(flagsAfter("ACK", ECT_0), ["ACK"]);
});

Deno.test("CWR on a marked packet: the echo begins anew (RFC 3168 §6.1.3)", () => {
  const { lab, peer } = capable();
  peer.sends({ flags: "ACK", ack: 1, data: "text", ecn: CE });
  peer.sends({ flags: "ACK CWR", ack: 1, data: "text", ecn: CE });
  lab.pass(SECOND_US / 2);
  const seen = peer.takeAll();
  assertEquals(seen[seen.length - 1].flags, "ACK ECE");
});

Deno.test("a mark is echoed soon, not only with the delayed ACK's partner (RFC 3168 §6.1.3, MUST-40)", () => {
  const { lab, peer } = capable({ quickAcks: 0 });
  peer.sends({ flags: "ACK", ack: 1, data: "text", ecn: CE });
  lab.pass(SECOND_US / 2 - 1);
  assertEquals(peer.takeAll().map((seen) => seen.flags), ["ACK ECE"]);
});

Deno.test("the echo rides on our data too (RFC 3168 §6.1.3)", () => {
  const { lab, peer, app } = capable();
  peer.sends({ flags: "ACK", ack: 1, data: "text", ecn: CE });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
  app.write("answer");
  const seen = peer.expects({ flags: "ACK ECE", seq: 1, data: "answer" });
  assertEquals(seen.packet.ecn, ECT_0);
});

Deno.test("marks on packets outside the window are ignored (RFC 3168 §6.1.5)", () => {
  const { lab, peer } = capable();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", ecn: ECT_0 });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
  // Far beyond the window, and long acknowledged.
  peer.sends({ flags: "ACK", seq: peer.hostRightEdge + 100, ack: 1, data: "text", ecn: CE });
  peer.sends({ flags: "ACK", seq: -100, ack: 1, data: "text", ecn: CE });
  lab.pass(SECOND_US / 2);
  const seen = peer.takeAll();
  assert(seen.length >= 1);
  assertEquals(seen.map(({ flags }) => flags), seen.map(() => "ACK"));
});

// The sender's half: RFC 3168 §6.1.2.

interface Marked {
  readonly lab: Lab;
  readonly peer: Peer;
  readonly app: AppLog;
  readonly acks: (upTo: number, flags?: string) => string[];
}

/**
 * Twenty segments, 10 to 29, are out. `acks` acknowledges all before segment `upTo` and returns the numbers of the
 * segments that come out, with `+CWR` where that is set.
 */
function marked(congestionControl: TcpConfig["congestionControl"] = "reno"): Marked {
  const ends = capable({ congestionControl });
  const { lab, peer, app } = ends;
  const acks = (upTo: number, flags = "ACK"): string[] => {
    peer.sends({ flags, ack: 1 + upTo * 1460 });
    return peer.takeAll().map((seen) =>
      `${(seen.seq - 1) / 1460}${seen.flags.includes("CWR") ? "+CWR" : ""}${
        seen.packet.ecn === ECT_0 ? "" : " not ECT"
      }`
    );
  };
  app.write(300_000);
  assertEquals(peer.takeAll().length, 10);
  lab.pass(100 * MS_US);
  for (let upTo = 1; upTo <= 10; upTo++) acks(upTo);
  assertEquals(app.connection.info().cwnd, 20 * 1460);
  lab.pass(100 * MS_US);
  return { ...ends, acks };
}

for (const [congestionControl, threshold] of [["reno", 10], ["cubic", 14]] as const) {
  Deno.test(`an echo reduces the window as a loss does, and nothing is sent again (${congestionControl}) (RFC 3168 §6.1.2, RFC 9438 §4.6)`, () => {
    const { app, acks, lab } = marked(congestionControl);
    const sent = acks(11, "ACK ECE");
    const { cwnd, ssthresh } = app.connection.info();
    assertEquals(ssthresh / 1460, threshold);
    // Twenty (or the nineteen that are left) were in flight.
    assert(cwnd <= ssthresh + 1460, `${cwnd / 1460}`);
    assertEquals(sent, [], "nineteen are out, more than the window");
    assertEquals(lab.events.filter(({ event }) => event === "retransmit"), []);
  });
}

Deno.test("CWR on the first new data after the reduction, once (RFC 3168 §6.1.2)", () => {
  const { acks } = marked();
  const sent = acks(11, "ACK ECE");
  for (let upTo = 12; upTo <= 29; upTo++) sent.push(...acks(upTo, upTo < 25 ? "ACK ECE" : "ACK"));
  assert(sent.length >= 5, `${sent}`);
  assertEquals(sent[0], "30+CWR");
  assertEquals(sent.slice(1).filter((segment) => segment.includes("CWR")), []);
});

Deno.test("echoes within the window of data that was out reduce it once (RFC 3168 §6.1.2)", () => {
  const { app, acks } = marked();
  for (let upTo = 11; upTo <= 30; upTo++) {
    acks(upTo, "ACK ECE");
    assertEquals(app.connection.info().ssthresh, 10 * 1460, `ACK ${upTo}`);
    assert(app.connection.info().cwnd >= 10 * 1460);
  }
});

Deno.test("an echo for data sent after the reduction reduces again, with CWR again (RFC 3168 §6.1.2)", () => {
  const { lab, app, acks } = marked();
  const sent = acks(11, "ACK ECE");
  for (let upTo = 12; upTo <= 30; upTo++) sent.push(...acks(upTo));
  const next = 30 + sent.length;
  lab.pass(100 * MS_US);
  const later = acks(32, "ACK ECE");
  assert(app.connection.info().ssthresh < 8 * 1460, `${app.connection.info().ssthresh / 1460}`);
  for (let upTo = 33; upTo <= next; upTo++) later.push(...acks(upTo, "ACK ECE"));
  assertEquals(later.filter((segment) => segment.includes("CWR")), [`${next}+CWR`]);
});

Deno.test("an ACK with an echo grows no window (RFC 3168 §6.1.2)", () => {
  const { app, acks } = marked();
  acks(11, "ACK ECE");
  const { cwnd } = app.connection.info();
  for (let upTo = 12; upTo <= 30; upTo++) acks(upTo, "ACK ECE");
  assert(app.connection.info().cwnd <= cwnd, `${cwnd} to ${app.connection.info().cwnd}`);
});

Deno.test("an echo and a loss in one window: one reduction (RFC 3168 §6.1.2)", () => {
  const { app, acks } = marked();
  acks(11, "ACK ECE");
  assertEquals(app.connection.info().ssthresh, 10 * 1460);
  for (let i = 0; i < 3; i++) acks(11, "ACK");
  assertEquals(app.connection.info().ssthresh, 10 * 1460);
});

Deno.test("a loss and then an echo in one window: one reduction (RFC 3168 §6.1.2)", () => {
  const { app, acks } = marked();
  for (let i = 0; i < 3; i++) acks(10);
  assertEquals(app.connection.info().ssthresh, 10 * 1460);
  for (let i = 0; i < 5; i++) acks(10, "ACK ECE");
  acks(15, "ACK ECE");
  assertEquals(app.connection.info().ssthresh, 10 * 1460);
});

Deno.test("CWR also after a loss: on the first new data, never on what is sent again (RFC 3168 §6.1.2)", () => {
  const { acks } = marked();
  const sent: string[] = [];
  for (let i = 0; i < 19; i++) sent.push(...acks(10));
  assertEquals(sent.slice(0, 3), ["30", "31", "10 not ECT"]);
  assertEquals(sent[3], "32+CWR");
  assertEquals(sent.slice(4).filter((segment) => segment.includes("CWR")), []);
});

Deno.test("CWR also after a timeout: on the first new data (RFC 3168 §6.1.2)", () => {
  const { lab, peer, app, acks } = marked();
  lab.pass((app.connection.info().timers["rto"] ?? 0) + MS_US);
  const [again, ...others] = peer.takeAll();
  assertEquals([again.seq, again.flags, again.packet.ecn, others.length], [1 + 14600, "ACK", NOT_ECT, 0]);
  lab.pass(100 * MS_US);
  const sent = acks(30);
  assertEquals(sent[0], "30+CWR");
  assertEquals(sent.slice(1).filter((segment) => segment.includes("CWR")), []);
});

Deno.test("marks in every window: a small window, never less than a segment, and data goes on (RFC 3168 §6.1.2, RFC 9438 §4.6)", () => {
  for (const congestionControl of ["reno", "cubic"] as const) {
    const { lab, peer, app } = capable({ congestionControl });
    app.write(300_000);
    for (let i = 0; i < 30; i++) {
      peer.takeAll();
      lab.pass(100 * MS_US);
      const before = peer.seen;
      peer.sends({ flags: "ACK ECE", ack: before });
      lab.pass(SECOND_US);
      assert(peer.seen > before, "something new within a second");
      assert(app.connection.info().cwnd >= 1460);
    }
    assert(app.connection.info().cwnd <= 4 * 1460, `${app.connection.info().cwnd}`);
  }
});
