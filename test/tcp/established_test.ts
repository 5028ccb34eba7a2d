/**
 * ESTABLISHED: RFC 9293 §3.10.7.4 step by step, with the checks of RFC 5961; user calls; data both ways.
 *
 * Windows, options, loss and resets have files of their own.
 */
import { assert, assertEquals } from "@std/assert";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const ROLES = ["server", "client"] as const;

for (const role of ROLES) {
  Deno.test(`ESTABLISHED (${role}): text in order is delivered and acknowledged (RFC 9293 §3.10.7.4, seventh)`, () => {
    const { lab, peer, app } = reachEstablished({ role });
    peer.sends({ flags: "PSH ACK", seq: 1, ack: 1, data: "hello" });
    assertEquals(app.text, "hello");
    lab.pass(SECOND_US / 2);
    peer.expects({ flags: "ACK", seq: 1, ack: 6 });
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
  });

  Deno.test(`ESTABLISHED (${role}): what is written goes out with PSH on its last segment (MUST-61, RFC 9293 §3.10.2)`, () => {
    const { peer, app } = reachEstablished({ role });
    app.write("hello");
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "hello", psh: true });
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 1, ack: 6 });
    peer.expectsSilence();
    assertEquals(app.connection.unackedBytes, 0);
  });

  Deno.test(`ESTABLISHED (${role}): segments as large as allowed, PSH on the last alone (SHLD-27, SHLD-28, MUST-61, MUST-60, MAY-16)`, () => {
    const { lab, peer, app } = reachEstablished({ role });
    app.write(3000);
    app.write(1380);
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: 1460, psh: false });
    peer.expects({ flags: "ACK", seq: 1461, ack: 1, data: 1460 });
    // Whatever is cut where: all is pushed out, and the last of the queue has PSH.
    peer.sends({ flags: "ACK", seq: 1, ack: 2921 });
    lab.pass(SECOND_US);
    const rest = peer.takeAll();
    const last = rest[rest.length - 1];
    assertEquals(last.seq + last.data.length, 4381);
    assert(last.psh, "PSH on the last of what is queued");
  });

  Deno.test(`ESTABLISHED (${role}): FIN is acknowledged and leads to CLOSE_WAIT (RFC 9293 §3.10.7.4, eighth)`, () => {
    const { lab, peer, app } = reachEstablished({ role });
    lab.takeTransitions();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["ESTABLISHED>CLOSE_WAIT"]);
    assertEquals([app.peerClosed, app.connection.atEnd, app.closed.length], [1, true, 0]);
  });

  Deno.test(`ESTABLISHED (${role}): CLOSE sends FIN after all that is queued, FIN_WAIT_1 (RFC 9293 §3.10.4)`, () => {
    const { lab, peer, app } = reachEstablished({ role });
    lab.takeTransitions();
    app.write("last words");
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "last words" });
    app.closeWrite();
    peer.expects({ flags: "FIN ACK", seq: 11, ack: 1 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["ESTABLISHED>FIN_WAIT_1"]);
  });

  Deno.test(`ESTABLISHED (${role}): ABORT sends <SEQ=SND.NXT><CTL=RST> (RFC 9293 §3.10.5)`, () => {
    const { lab, peer, app } = reachEstablished({ role });
    app.write("abc");
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
    app.abort();
    const [reset, ...others] = peer.takeAll();
    assertEquals([reset.flags.split(" ")[0], reset.seq, others.length], ["RST", 4, 0]);
    assertEquals(app.closed, ["reset-by-us"]);
    assertEquals(lab.host.connections().length, 0);
    // The retransmission queue is flushed.
    lab.pass(100 * SECOND_US);
    peer.expectsSilence();
  });
}

/** SEG.SEQ beside the window of RCV.NXT = 1; "edge" is the first number beyond it. */
const OUTSIDE = [
  { name: "an old duplicate", seq: 0, data: "" },
  { name: "old text", seq: -4, data: "12345" },
  { name: "text far left", seq: -100_000, data: "12345" },
  { name: "nothing at the right edge", seq: "edge", data: "" },
  { name: "text at the right edge", seq: "edge", data: "12345" },
  { name: "text half the space away", seq: 0x7fff_ffff, data: "12345" },
] as const;

for (const { name, seq, data } of OUTSIDE) {
  for (const flags of ["ACK", "PSH ACK", "FIN ACK", "URG ACK", "SYN ACK", "SYN", ""]) {
    // Text that ends at the left edge exactly, or FIN there, must not be taken for new.
    const length = flags.startsWith("FIN") || flags.startsWith("SYN") ? data.length + 1 : data.length;
    if (seq !== "edge" && seq < 1 && seq + length > 1) continue;
    Deno.test(`ESTABLISHED: <${flags}>, ${name}, gets one ACK and is dropped (RFC 9293 §3.10.7.4, first)`, () => {
      const { lab, peer, app } = reachEstablished({ tcp: { finWithoutAck: "ack" } });
      lab.takeTransitions();
      const at = seq === "edge" ? peer.hostRightEdge : seq;
      peer.sends({ flags, seq: at, ack: 1, data, urgentPointer: 1 });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), []);
      assertEquals([app.text, app.urgent.length, app.peerClosed], ["", 0, 0]);
      lab.pass(400 * SECOND_US);
      peer.expectsSilence();
    });
  }
  Deno.test(`ESTABLISHED: RST, ${name}, is dropped in silence (RFC 9293 §3.10.7.4, first; RFC 5961 §3.2)`, () => {
    const { peer, app } = reachEstablished();
    const at = seq === "edge" ? peer.hostRightEdge : seq;
    peer.sends({ flags: "RST", seq: at, data });
    peer.sends({ flags: "RST ACK", seq: at, ack: 1, data });
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
  });
}

Deno.test("ESTABLISHED: a FIN without ACK outside the window: ACK, or silence by switch (finWithoutAck)", () => {
  for (const [finWithoutAck, answers] of [["ack", 1], ["drop", 0]] as const) {
    const { peer, app } = reachEstablished({ tcp: { finWithoutAck } });
    peer.sends({ flags: "FIN", seq: peer.hostRightEdge });
    const seen = peer.takeAll();
    assertEquals(seen.map(({ flags, seq, ack }) => [flags, seq, ack]), answers === 0 ? [] : [["ACK", 1, 1]]);
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("ESTABLISHED: a segment without ACK inside the window is dropped in silence (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = reachEstablished();
  for (const flags of ["", "PSH", "URG", "FIN", "FIN PSH"]) {
    peer.sends({ flags, seq: 1, data: "text", urgentPointer: 2 });
    peer.sends({ flags, seq: 9 });
  }
  lab.pass(SECOND_US);
  peer.expectsSilence();
  assertEquals([app.text, app.urgent.length, app.peerClosed, app.state], ["", 0, 0, "ESTABLISHED"]);
});

Deno.test("ESTABLISHED: text that straddles the left edge: only the new part is taken (RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abcde" });
  peer.sends({ flags: "ACK", seq: 3, ack: 1, data: "cdefgh" });
  assertEquals(app.text, "abcdefgh");
  lab.pass(SECOND_US / 2);
  const seen = peer.takeAll();
  assertEquals(seen[seen.length - 1].ack, 9);
});

Deno.test("ESTABLISHED: old text with a FIN at the left edge is a FIN (RFC 9293 §3.10.7.4, first and eighth)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  peer.takeAll();
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: "abc" });
  peer.expects({ flags: "ACK", seq: 1, ack: 5 });
  peer.expectsSilence();
  assertEquals([app.text, app.state], ["abc", "CLOSE_WAIT"]);
});

Deno.test("ESTABLISHED: text out of order is queued, an ACK is sent at once (SHLD-31, MAY-13, RFC 5681 §4.2)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 6, ack: 1, data: "fghij" });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.text, "");
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abcde" });
  peer.expects({ flags: "ACK", seq: 1, ack: 11 });
  peer.expectsSilence();
  assertEquals(app.text, "abcdefghij");
});

Deno.test("ESTABLISHED: one ACK for a whole queue that a segment completes (MUST-58, MUST-59, RFC 9293 §3.10.7.4)", () => {
  const { peer, app } = reachEstablished();
  for (const seq of [401, 201, 301, 101]) peer.sends({ flags: "ACK", seq, ack: 1, data: 100 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", seq: 1, ack: 501 });
  peer.expectsSilence();
  assertEquals(app.bytesRead.length, 500);
});

Deno.test("ESTABLISHED: FIN out of order waits for what is before it (SHLD-31, RFC 9293 §3.10.7.4, eighth)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "FIN ACK", seq: 6, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals([app.state, app.peerClosed], ["ESTABLISHED", 0]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abcde" });
  peer.expects({ flags: "ACK", seq: 1, ack: 7 });
  peer.expectsSilence();
  assertEquals([app.state, app.peerClosed, app.text], ["CLOSE_WAIT", 1, "abcde"]);
});

Deno.test("ESTABLISHED: a duplicate ACK changes nothing, and gets no answer (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("abc");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  for (let i = 0; i < 5; i++) peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(SECOND_US);
  peer.expectsSilence();
});

for (const ack of [2, 1000, 0x7000_0000]) {
  Deno.test(`ESTABLISHED: an ACK ${ack} of what was never sent: ACK, and the segment is dropped (RFC 9293 §3.10.7.4, fifth)`, () => {
    for (const flags of ["ACK", "FIN ACK", "PSH ACK"]) {
      const { peer, app } = reachEstablished();
      peer.sends({ flags, seq: 1, ack, data: "text" });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
      peer.expectsSilence();
      assertEquals([app.text, app.state], ["", "ESTABLISHED"]);
    }
  });
}

Deno.test("ESTABLISHED: an ACK older than any window: ACK, and the segment is dropped (MAY-12, RFC 5961 §5.2)", () => {
  // MAX.SND.WND is 0xffff here, so SND.UNA - 0xffff is still acceptable, and one less is not.
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 - 0xffff - 1, data: "forged" });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.text, "");
  peer.sends({ flags: "ACK", seq: 1, ack: 1 - 0xffff, data: "old" });
  assertEquals(app.text, "old");
});

Deno.test("ESTABLISHED: text with an old but acceptable ACK is taken (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachEstablished();
  app.write("abc");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  assertEquals(app.text, "text");
});

Deno.test("ESTABLISHED: SND.WND is taken from newer segments only, by SND.WL1 and SND.WL2 (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachEstablished({ peer: { window: 1000 } });
  app.connection.setNoDelay(true);
  // A newer segment with window 100, then an older one (lower SEG.SEQ, not below the window) that says 1000 again.
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "x", window: 600 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, window: 600 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "xy", window: 1000 });
  peer.takeAll();
  app.write(1000);
  const sent = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  assertEquals(sent, 600);
});

Deno.test("ESTABLISHED: a new window with the same SEQ and ACK counts (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachEstablished({ peer: { window: 100 } });
  app.connection.setNoDelay(true);
  app.write(300);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 300 });
  peer.expects({ flags: "ACK", seq: 101, ack: 1, data: 200 });
  peer.expectsSilence();
});

Deno.test("ESTABLISHED: SYN gets a challenge ACK whatever its number (RFC 9293 §3.10.7.4, fourth; RFC 5961 §4.2)", () => {
  for (const role of ROLES) {
    const { lab, peer, app } = reachEstablished({ role });
    lab.takeTransitions();
    for (const seq of [1, 0, -5, 7, peer.hostRightEdge - 1, peer.hostRightEdge, 0x6000_0000]) {
      for (const flags of ["SYN", "SYN ACK"]) {
        peer.sends({ flags, seq, ack: 1, data: seq === 7 ? "text" : "" });
        peer.expects({ flags: "ACK", seq: 1, ack: 1 });
        peer.expectsSilence();
        // One answer in half a second (RFC 5961 §7).
        lab.pass(500_000);
      }
    }
    assertEquals(lab.takeTransitions(), []);
    assertEquals(app.text, "");
  }
});

Deno.test("ESTABLISHED: text both ways; an ACK rides on data (MUST-58, RFC 9293 §3.8.6.3)", () => {
  const { lab, peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "ping" });
  peer.takeAll();
  app.write("pong");
  peer.expects({ flags: "ACK", seq: 1, ack: 5, data: "pong" });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 5, ack: 5, data: "ping" });
  peer.takeAll();
  lab.pass(SECOND_US / 2);
  assertEquals(app.text, "pingping");
});

Deno.test("ESTABLISHED: nothing is sent when nothing happens (MUST-25)", () => {
  const { lab, peer } = reachEstablished();
  lab.pass(6 * 3600 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("ESTABLISHED: numbers wrap around in both directions (RFC 9293 §3.4)", () => {
  const { lab, peer, app } = reachEstablished({ peer: { iss: 0xffff_fffe } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
  lab.pass(SECOND_US / 2);
  const seen = peer.takeAll();
  assertEquals(seen[seen.length - 1].ack, 1001);
  assertEquals(app.bytesRead.length, 1000);
  peer.sends({ flags: "FIN ACK", seq: 1001, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1002 });
});
