/**
 * Habits of the handshake, each in both positions: how options stand in the header, what a SYN that is sent again asks for, how
 * often it is, and what gets no answer at all (src/tcp/habits.ts).
 */
import { assertEquals } from "@std/assert";
import { FAMILY } from "./family.ts";
import { sendsIcmp } from "./icmp_craft.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { Lab } from "./harness.ts";
import type { Peer, Seen } from "./peer.ts";
import { ALL_OPTIONS, reachEstablished, reachSynSent, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Kinds of the options in a header, in their order (IANA): 0 end, 1 nop, 2 MSS, 3 scale, 4 SACK permitted, 5 SACK, 8 timestamps. */
function kinds({ optionBytes }: Seen): string {
  const found: number[] = [];
  for (let at = 0; at < optionBytes.length;) {
    const kind = optionBytes[at];
    found.push(kind);
    at += kind < 2 ? 1 : optionBytes[at + 1];
  }
  return found.join(" ");
}

/** The SYN of a host with these settings. */
function synOf(tcp: Partial<TcpConfig>): Seen {
  const lab = new Lab({ tcp });
  const peer = lab.peer();
  lab.connect(peer);
  return peer.expects({ flags: "SYN", seq: 0 });
}

Deno.test("options stand on words, or packed with the end padded by zeros (RFC 9293 §3.1, MUST-69)", () => {
  const offers: [Partial<TcpConfig>, string, string][] = [
    [{}, "2 4 8 1 3", "2 1 3 4 8"],
    [{ timestamps: false }, "2 1 1 4 1 3", "2 1 3 4 0 0"],
    [{ sack: false }, "2 1 1 8 1 3", "2 1 3 1 1 8"],
    [{ timestamps: false, windowScaling: false }, "2 1 1 4", "2 4 0 0"],
    [{ timestamps: false, windowScaling: false, sack: false }, "2", "2"],
  ];
  for (const [tcp, words, packed] of offers) {
    assertEquals(kinds(synOf(tcp)), words);
    const seen = synOf({ ...tcp, optionLayout: "packed" });
    assertEquals(kinds(seen), packed);
    assertEquals(seen.optionBytes.length % 4, 0);
    assertEquals(seen.options.mss, synOf(tcp).options.mss);
    assertEquals(seen.options.windowScale, synOf(tcp).options.windowScale);
  }
});

Deno.test("SACK beside timestamps is read the same in both layouts (RFC 2018 §3)", () => {
  for (const optionLayout of ["words", "packed"] as const) {
    const { peer } = reachEstablished({ options: ALL_OPTIONS, tcp: { optionLayout } });
    peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 50 });
    const ack = peer.expects({ flags: "ACK", ack: 1, sack: [[101, 151]] });
    assertEquals(kinds(ack), "1 1 8 1 1 5", optionLayout);
  }
});

Deno.test("the MSS option is sent, or left out (SHLD-5)", () => {
  assertEquals(kinds(synOf({ mssOption: false, sack: false, timestamps: false, windowScaling: false })), "");
  assertEquals(synOf({ mssOption: false }).options.mss, undefined);
  assertEquals(synOf({}).options.mss !== undefined, true);
});

Deno.test("a SYN sent again keeps its options, or has MSS alone from some retransmission on", () => {
  for (const [plainSynAfter, plainFrom] of [[Infinity, 9], [2, 2]]) {
    const { lab, peer } = reachSynSent({ tcp: { plainSynAfter } });
    for (let again = 1; again <= 3; again++) {
      lab.pass(SECOND_US * 2 ** (again - 1));
      const syn = peer.expects({ flags: "SYN", seq: 0 });
      assertEquals(kinds(syn), again >= plainFrom ? "2" : "2 4 8 1 3", `again ${again}`);
    }
  }
});

Deno.test("what a plain SYN did not offer is not agreed, whatever the answer says (RFC 7323 §2.2, §3.2)", () => {
  const { lab, peer, app } = reachSynSent({ tcp: { plainSynAfter: 1 } });
  lab.pass(SECOND_US);
  peer.expects({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: ALL_OPTIONS });
  const ack = peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(kinds(ack), "");
  const { sackPermitted, timestamps, receiveWindowShift } = app.connection.info();
  assertEquals([sackPermitted, timestamps, receiveWindowShift], [false, false, 0]);
});

Deno.test("a SYN sent again asks for ECN no more, or once more (RFC 3168 §6.1.1.1)", () => {
  for (const [ecnSynRetransmissions, asks] of [[0, [false, false]], [1, [true, false]]] as const) {
    const lab = new Lab({ tcp: { ecn: "request", ecnSynRetransmissions } });
    const peer = lab.peer();
    lab.connect(peer);
    peer.expects({ flags: "SYN ECE CWR", seq: 0 });
    for (const [again, isAsked] of asks.entries()) {
      lab.pass(SECOND_US * 2 ** again);
      peer.expects({ flags: isAsked ? "SYN ECE CWR" : "SYN", seq: 0 });
    }
  }
});

Deno.test("ECN that was asked for a second time may be granted then (RFC 3168 §6.1.1)", () => {
  for (const ecnSynRetransmissions of [0, 1]) {
    const lab = new Lab({ tcp: { ecn: "request", ecnSynRetransmissions } });
    const peer = lab.peer();
    const app = lab.connect(peer);
    lab.pass(SECOND_US);
    peer.takeAll();
    peer.sends({ flags: "SYN ACK ECE", seq: 0, ack: 1, options: { mss: 1460 } });
    assertEquals(app.connection.info().ecn, ecnSynRetransmissions === 1);
  }
});

Deno.test("a SYN is sent again until R2, or so many times (RFC 9293 §3.8.3, MUST-23)", () => {
  for (const [synRetransmissions, expected] of [[Infinity, 7], [2, 2]]) {
    const { lab, peer, app } = reachSynSent({ tcp: { synRetransmissions } });
    lab.pass(400 * SECOND_US);
    assertEquals(peer.takeAll().length, expected);
    assertEquals(app.state, "CLOSED");
  }
});

Deno.test("SYN,ACK to a listener is reset, or gets no answer (RFC 9293 §3.10.7.2)", () => {
  for (const listenSynAck of ["reset", "drop"] as const) {
    const lab = new Lab({ tcp: { listenSynAck } });
    lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 77 });
    if (listenSynAck === "reset") peer.expects({ flags: "RST" });
    peer.expectsSilence();
    // A bare ACK is reset in either case.
    peer.sends({ flags: "ACK", seq: 1, ack: 77 });
    peer.expects({ flags: "RST" });
  }
});

Deno.test("SYN with FIN begins a connection, or is dropped unseen, in every state", () => {
  for (const synFin of ["take", "drop"] as const) {
    const lab = new Lab({ tcp: { synFin } });
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN FIN", seq: 0, options: { mss: 1460 } });
    assertEquals(apps.length, synFin === "take" ? 1 : 0);
    if (synFin === "take") peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.expectsSilence();
    const { peer: later } = reachEstablished({ tcp: { synFin } });
    later.sends({ flags: "SYN FIN", seq: 1 });
    if (synFin === "take") later.expects({ flags: "ACK", seq: 1, ack: 1 });
    later.expectsSilence();
  }
});

Deno.test("a port where nobody listens resets, is silent to SYNs, or silent (RFC 9293 §3.10.7.1)", () => {
  for (const closedPorts of ["reset", "silent-to-syn", "silent"] as const) {
    const lab = new Lab({ tcp: { closedPorts } });
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0 });
    if (closedPorts === "reset") peer.expects({ flags: "RST ACK" });
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 1, ack: 9 });
    if (closedPorts !== "silent") peer.expects({ flags: "RST" });
    peer.expectsSilence();
  }
});

Deno.test("every SYN gets a cookie, or only those beyond the backlog (RFC 4987 §3.6)", () => {
  for (const synCookies of ["always", true] as const) {
    const lab = new Lab({ tcp: { synCookies } });
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    assertEquals(apps.length, synCookies === true ? 1 : 0);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(apps.map(({ state }) => state), ["ESTABLISHED"]);
  }
});

Deno.test("a SYN in TIME_WAIT that opens nothing is challenged, or dropped (RFC 5961 §4.2)", () => {
  for (const timeWaitSyn of ["challenge", "drop"] as const) {
    const { peer } = reachTimeWait({ tcp: { timeWaitSyn } });
    peer.sends({ flags: "SYN", seq: -5 });
    if (timeWaitSyn === "challenge") peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    const { peer: other } = reachTimeWait({ tcp: { timeWaitSyn } });
    other.sends({ flags: "SYN ACK", seq: -5, ack: 2 });
    other.expects({ flags: "ACK", seq: 2, ack: 2 });
  }
});

Deno.test("a SYN reopens TIME_WAIT from the first unused number on, or from beyond it (MAY-2)", () => {
  for (const [timeWaitReopen, reopens] of [["rfc6191", true], ["beyond", false]] as const) {
    const { lab, peer } = reachTimeWait({ tcp: { timeWaitReopen } });
    const before = lab.host.counters()["connections-opened"];
    peer.sends({ flags: "SYN", seq: 2, options: { mss: 1460 } });
    assertEquals(lab.host.counters()["connections-opened"] > before, reopens, timeWaitReopen);
    const { lab: other, peer: stranger } = reachTimeWait({ tcp: { timeWaitReopen } });
    const opened = other.host.counters()["connections-opened"];
    stranger.sends({ flags: "SYN", seq: 3, options: { mss: 1460 } });
    assertEquals(other.host.counters()["connections-opened"], opened + 1, timeWaitReopen);
  }
});

Deno.test("ICMP ends an opening connection where it is a hard error, or forbids, or says anything, or never", () => {
  const isIpv4 = FAMILY.name === "IPv4";
  const errors = isIpv4
    ? { hard: [3, 3], forbidden: [3, 13], expired: [11, 0], soft: [3, 1] }
    : { hard: [1, 4], forbidden: [1, 1], expired: [3, 0], soft: [1, 3] };
  const ends: [TcpConfig["icmpInHandshake"], boolean[]][] = [
    ["abort", [true, false, false, false]],
    ["abort-if-forbidden", [true, true, true, false]],
    ["abort-at-any", [true, true, true, true]],
    ["ignore", [false, false, false, false]],
  ];
  for (const [icmpInHandshake, expected] of ends) {
    const ended = Object.values(errors).map(([type, code]) => {
      const { peer, app } = reachSynSent({ tcp: { icmpInHandshake } });
      sendsIcmp(peer, { type, code, seq: 0 });
      return app.state === "CLOSED";
    });
    assertEquals(ended, expected, icmpInHandshake);
    // Once it is established none of them does.
    const { peer, app } = reachEstablished({ tcp: { icmpInHandshake } });
    app.write("abc");
    peer.takeAll();
    for (const [type, code] of Object.values(errors)) sendsIcmp(peer, { type, code, seq: 1 });
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("the third step of the handshake leaves at once, or within the delay, with text where there is some (RFC 9293 §3.5)", () => {
  const delayedAckUs = 40_000;
  for (const handshakeAck of ["at-once", "delayed"] as const) {
    const { lab, peer, app } = reachSynSent({ tcp: { handshakeAck, delayedAckUs } });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
    if (handshakeAck === "at-once") peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
    lab.pass(delayedAckUs);
    if (handshakeAck === "delayed") peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
  }
  const { peer, app } = reachSynSent({ tcp: { handshakeAck: "delayed", delayedAckUs } });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  app.write(new Uint8Array(10));
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: new Uint8Array(10) });
  peer.expectsSilence();
});

Deno.test("a SYN,ACK whose timestamp echo is of no SYN of ours: taken, or reset while the SYN waits on (RFC 7323 §3.2)", () => {
  for (const synAckEcho of ["any", "of-our-syn"] as const) {
    // Echoes as differences to our SYN's value; a tenth of a second is over.
    for (const difference of [-1, 101, 0x7fff_ffff, -0x8000_0000]) {
      const { peer, app, first } = synWithEcho(synAckEcho);
      answers(peer, first + difference);
      const isReset = synAckEcho === "of-our-syn";
      assertEquals(app.state, isReset ? "SYN_SENT" : "ESTABLISHED", `${synAckEcho} ${difference}`);
      peer.expects(isReset ? { flags: "RST", seq: 1 } : { flags: "ACK", seq: 1, ack: 1 });
      peer.expectsSilence();
      if (!isReset) continue;
      answers(peer, first);
      assertEquals(app.state, "ESTABLISHED");
    }
    // Of the first SYN, of the moment, none at all, and no option.
    for (const echo of [0, 100, null, "no option"] as const) {
      const { peer, app, first } = synWithEcho(synAckEcho);
      if (echo === "no option") {
        peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1000, timestamps: null } });
      } else answers(peer, echo === null ? 0 : first + echo);
      assertEquals(app.state, "ESTABLISHED", `${synAckEcho} ${echo}`);
    }
  }
});

/** A SYN that has been out for a tenth of a second, and its timestamp. */
function synWithEcho(synAckEcho: TcpConfig["synAckEcho"]) {
  const lab = new Lab({ tcp: { synAckEcho } });
  const peer = lab.peer();
  const app = lab.connect(peer);
  const first = peer.expects({ flags: "SYN", seq: 0 }).options.timestamps?.value ?? 0;
  lab.pass(100_000);
  return { peer, app, first };
}

function answers(peer: Peer, echo: number): void {
  const timestamps = { value: 7, echo: echo >>> 0 };
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1000, timestamps } });
}

Deno.test("a SYN with text that crosses ours: the text is kept (RFC 9293 §3.10.7.3), or comes again, and the SYN again is a duplicate (RFC 2883 §4)", () => {
  for (const crossingSyn of ["whole", "number-only"] as const) {
    for (const sackPermitted of [true, false]) {
      const { peer, app } = reachSynSent({ tcp: { crossingSyn } });
      const isWhole = crossingSyn === "whole";
      peer.sends({ flags: "SYN", seq: 0, data: "abc", options: { mss: 1460, sackPermitted } });
      peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
      peer.expectsSilence();
      peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460, sackPermitted } });
      const answer = peer.expects({ flags: "ACK", seq: 1, ack: isWhole ? 4 : 1 });
      const told: [number, number][] = isWhole || !sackPermitted ? [] : [[peer.iss, peer.iss + 1]];
      assertEquals(answer.options.sack ?? [], told);
      assertEquals([app.state, app.text], ["ESTABLISHED", isWhole ? "abc" : ""]);
      if (isWhole) continue;
      peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
      peer.expects({ flags: "ACK", seq: 1, ack: 4 });
      assertEquals(app.text, "abc");
    }
  }
});
