/**
 * Resets: the numbers of those that we send, which of those that arrive count, challenge ACKs and their limit
 * (RFC 9293 §3.5.2, §3.5.3; RFC 5961 §3, §4, §5, §7).
 */
import { assert, assertEquals } from "@std/assert";
import { Lab } from "./harness.ts";
import { REACH, reachEstablished, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** As Linux: a connection answers once in so long. */
const ANSWER_INTERVAL_US = 500_000;

/** Each synchronized state with SND.NXT and RCV.NXT as its fixture leaves them. */
const SYNCHRONIZED = [
  { state: "ESTABLISHED", next: 1, receive: 1 },
  { state: "FIN_WAIT_1", next: 2, receive: 1 },
  { state: "FIN_WAIT_2", next: 2, receive: 1 },
  { state: "CLOSE_WAIT", next: 1, receive: 2 },
  { state: "CLOSING", next: 2, receive: 2 },
  { state: "LAST_ACK", next: 2, receive: 2 },
  { state: "TIME_WAIT", next: 2, receive: 2 },
] as const;

for (const { state, next, receive } of SYNCHRONIZED) {
  for (const role of ["server", "client"] as const) {
    Deno.test(`${state} (${role}): RST exactly at RCV.NXT ends it, in silence (RFC 9293 §3.10.7.4, second; RFC 5961 §3.2)`, () => {
      for (const extra of [{}, { ack: 12345, flags: "RST ACK" }, { data: "why" }]) {
        const { lab, peer, app } = REACH[state]({ role });
        lab.takeTransitions();
        peer.sends({ flags: "RST", seq: receive, ...extra });
        peer.expectsSilence();
        assertEquals(lab.takeTransitions(), [`${state}>CLOSED`]);
        assertEquals(app.closed.length, 1);
        assertEquals(lab.host.connections().length, 0);
        lab.pass(200 * SECOND_US);
        peer.expectsSilence();
      }
    });
  }

  Deno.test(`${state}: RST in the window but not at RCV.NXT gets a challenge ACK (RFC 5961 §3.2)`, () => {
    const { lab, peer, app } = REACH[state]();
    lab.takeTransitions();
    for (const seq of [receive + 1, receive + 100, peer.hostRightEdge - 1]) {
      peer.sends({ flags: "RST", seq });
      peer.expects({ flags: "ACK", seq: next, ack: receive });
      peer.expectsSilence();
      lab.pass(ANSWER_INTERVAL_US);
      peer.takeAll();
    }
    assertEquals(lab.takeTransitions(), []);
    // The answer of a peer that has forgotten us: a RST at the number that we told it, which counts.
    peer.sends({ flags: "RST", seq: receive });
    assertEquals(app.closed.length, 1);
  });

  Deno.test(`${state}: RST outside the window is dropped in silence (RFC 9293 §3.10.7.4, first; RFC 5961 §3.2)`, () => {
    const { lab, peer } = REACH[state]();
    lab.takeTransitions();
    for (
      const seq of [receive - 1, receive - 70_000, peer.hostRightEdge, peer.hostRightEdge + 5, 0x7000_0000]
    ) {
      peer.sends({ flags: "RST", seq });
      peer.sends({ flags: "RST ACK", seq, ack: next });
    }
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), []);
  });

  Deno.test(`${state}: what is unacceptable gets an empty ACK, never a RST (RFC 9293 §3.5.2, 3)`, () => {
    const { peer } = REACH[state]();
    peer.sends({ flags: "ACK", seq: peer.hostRightEdge + 10, ack: next, data: "far" });
    peer.expects({ flags: "ACK", seq: next, ack: receive });
    peer.sends({ flags: "ACK", seq: receive, ack: next + 77 });
    for (const { flags, seq, ack } of peer.takeAll()) assertEquals([flags, seq, ack], ["ACK", next, receive]);
  });
}

// In TIME_WAIT a SYN may open anew: time_wait_test.ts.
for (const { state, next, receive } of SYNCHRONIZED.filter(({ state }) => state !== "TIME_WAIT")) {
  Deno.test(`${state}: SYN gets a challenge ACK, not a RST (RFC 5961 §4.2, RFC 9293 §3.10.7.4, fourth)`, () => {
    const { lab, peer } = REACH[state]();
    lab.takeTransitions();
    for (const seq of [receive, receive + 9, peer.hostRightEdge + 9, receive - 9]) {
      peer.sends({ flags: "SYN", seq });
      peer.expects({ flags: "ACK", seq: next, ack: receive });
      peer.expectsSilence();
      lab.pass(ANSWER_INTERVAL_US);
      peer.takeAll();
    }
    assertEquals(lab.takeTransitions(), []);
  });
}

Deno.test("RST may carry text (SHLD-2)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "RST", seq: 1, data: "the reason in words" });
  peer.expectsSilence();
  assertEquals([app.closed, app.text], [["reset-by-peer"], ""]);
});

Deno.test("after an ABORT, what still arrives gets RST with its own ACK number (RFC 9293 §3.5.2, 1)", () => {
  const { lab, peer, app } = reachEstablished();
  app.abort();
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "late" });
  peer.expects({ flags: "RST", seq: 1 });
  peer.sends({ flags: "RST", seq: 5 });
  peer.expectsSilence();
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("challenge ACKs have a limit for each connection: one in half a second (RFC 5961 §7)", () => {
  const { lab, peer, app } = reachEstablished();
  const count = (flags: string, seq: number) => {
    for (let i = 0; i < 50; i++) peer.sends({ flags, seq });
    return peer.takeAll().length;
  };
  assertEquals(count("RST", 100), 1);
  assertEquals(count("SYN", 100), 0, "SYN and RST share the limit");
  // Another connection of the same host has its own.
  const second = lab.peer();
  second.sends({ flags: "SYN", seq: 0 });
  second.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  second.sends({ flags: "ACK", seq: 1, ack: 1 });
  for (let i = 0; i < 10; i++) second.sends({ flags: "RST", seq: 100 });
  second.expects({ flags: "ACK", seq: 1, ack: 1 });
  second.expectsSilence();
  lab.pass(ANSWER_INTERVAL_US - 1);
  assertEquals(count("RST", 100), 0);
  lab.pass(1);
  assertEquals(count("RST", 100), 1);
  // What really counts is not limited.
  peer.sends({ flags: "RST", seq: 1 });
  assertEquals(app.closed, ["reset-by-peer"]);
});

/** How many challenge ACKs a host with a bound of 20 sends in each of thirty seconds, to forty that provoke one each. */
function answersOf(secret: Uint8Array): number[] {
  const lab = new Lab({ tcp: { challengeAcksPerSecond: 20 }, secret });
  lab.listen();
  const peers = Array.from({ length: 40 }, () => lab.peer());
  for (const peer of peers) {
    peer.sends({ flags: "SYN", seq: 0 });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  }
  return Array.from({ length: 30 }, () => {
    lab.pass(SECOND_US);
    let answers = 0;
    for (const peer of peers) {
      peer.sends({ flags: "RST", seq: 100 });
      answers += peer.takeAll().length;
    }
    return answers;
  });
}

Deno.test("challenge ACKs have a bound for the host that differs from second to second (RFC 5961 §7, CVE-2016-5696)", () => {
  const counts = answersOf(new Uint8Array(16).fill(7));
  for (const count of counts) assert(count >= 10 && count <= 20, `${count} of 20`);
  assert(new Set(counts).size > 5, `nobody can count them: ${counts}`);
});

Deno.test("what the host's bound is in each second only the host's secret tells (RFC 5961 §7, CVE-2016-5696)", () => {
  const secrets = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte));
  assertEquals(new Set(secrets.map((secret) => answersOf(secret).join())).size, 3);
});

Deno.test("the limit does not hold back ordinary ACKs (RFC 5961 §7, RFC 9293 §3.8.6.3)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { challengeAcksPerSecond: 1 } });
  for (let i = 0; i < 10; i++) peer.sends({ flags: "RST", seq: 100 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 5000 });
  lab.pass(SECOND_US / 2);
  peer.expects({ flags: "ACK", seq: 1, ack: 5001 });
  assertEquals(app.bytesRead.length, 5000);
});

Deno.test("two hosts do not answer each other's resets and challenges for ever (RFC 9293 §3.5.2)", () => {
  // A challenge ACK that finds no connection gets one RST, at its own ACK number, which ends the half-open side.
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "RST", seq: 5 });
  const challenge = peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "RST", seq: challenge.ack });
  peer.expectsSilence();
  assertEquals(app.closed, ["reset-by-peer"]);
});

Deno.test("half-open connection discovered: the peer has crashed and opens anew (RFC 9293 §3.5.1, figure 9)", () => {
  const { lab, peer, app } = reachEstablished();
  // The new SYN falls anywhere: it gets an ACK for what we expect; the peer resets; then its SYN opens.
  peer.sends({ flags: "SYN", seq: 400_000 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "RST", seq: 1 });
  assertEquals(app.closed, ["reset-by-peer"]);
  const anew = lab.peer({ port: peer.port, iss: (peer.iss + 400_000) >>> 0 });
  anew.sends({ flags: "SYN", seq: 0 });
  anew.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  anew.expectsSilence();
});

Deno.test("active side causes half-open discovery: text to a host that knows nothing gets RST (RFC 9293 §3.5.1, figure 10)", () => {
  const { peer, app } = reachEstablished({ role: "client" });
  app.write("hello?");
  const text = peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "hello?" });
  peer.sends({ flags: "RST", seq: text.ack });
  peer.expectsSilence();
  assertEquals(app.closed, ["reset-by-peer"]);
});

Deno.test("TIME_WAIT with timeWaitRst close needs RCV.NXT exactly, like every state (RFC 5961 §3.2)", () => {
  const { peer, app } = reachTimeWait({ tcp: { timeWaitRst: "close" } });
  peer.sends({ flags: "RST", seq: 3 });
  peer.takeAll();
  assertEquals(app.state, "TIME_WAIT");
  peer.sends({ flags: "RST", seq: 2 });
  assertEquals(app.closed.length, 1);
});

Deno.test("a host answers with challenge ACKs from its first moment on (RFC 5961 §7)", () => {
  const { peer } = reachEstablished({ startUs: 0 });
  peer.sends({ flags: "RST", seq: 2 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
});
