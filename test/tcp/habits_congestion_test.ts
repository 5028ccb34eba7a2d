/**
 * Habits of congestion control and of probes, each in both positions (src/tcp/habits.ts): what lets the window grow, when it counts as
 * used, how much recovery sends, how CUBIC counts, what asks for a shut window, and how long a late piece is waited for.
 */
import { assert, assertEquals } from "@std/assert";
import { BulkSender, MS_US, PLAIN_OPTIONS, range, SACK_OPTIONS, tenOut, twentyOut } from "./bulk_sender.ts";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("growth: all that an ACK covers (RFC 5681 §3.1), or what SACK has not told before", () => {
  for (const growthCounts of ["acknowledged", "delivered"] as const) {
    const bulk = tenOut({ tcp: { growthCounts } });
    bulk.passRtt();
    bulk.acks(0, { sack: [[1, 3]] });
    bulk.acks(3);
    assertEquals(bulk.cwnd, growthCounts === "acknowledged" ? 13 : 11);
  }
});

Deno.test("growth after duplicates without SACK: what they stood for has been delivered", () => {
  for (const growthCounts of ["acknowledged", "delivered"] as const) {
    const bulk = tenOut({ tcp: { growthCounts }, options: PLAIN_OPTIONS });
    bulk.passRtt();
    bulk.acks(0);
    bulk.acks(0);
    bulk.acks(3);
    assertEquals(bulk.cwnd, growthCounts === "acknowledged" ? 13 : 11);
  }
});

Deno.test("beyond ssthresh: half of the window is use enough (RFC 7661 §4.2), or only all of it", () => {
  for (const windowUsage of ["half", "all-in-avoidance"] as const) {
    const bulk = twentyOut({ queued: 30 * 1460, tcp: { windowUsage, congestionControl: "reno" } });
    bulk.passRtt();
    // A loss, and its repair: from now on the window is at ssthresh.
    for (let end = 12; end <= 30; end++) bulk.acks(10, { sack: [[11, end]] });
    bulk.passRtt();
    bulk.acks(30);
    bulk.took();
    const before = bulk.cwnd;
    assertEquals(before, bulk.ssthresh);
    for (let round = 0; round < 20; round++) {
      const from = 30 + round * 8;
      bulk.writes(8 * 1460);
      assertEquals(bulk.took().length, 8);
      bulk.passRtt();
      bulk.acks(from + 8);
    }
    if (windowUsage === "half") assert(bulk.cwnd > before);
    else assertEquals(bulk.cwnd, before);
  }
});

Deno.test("recovery below ssthresh: one segment more with each ACK (RFC 6937 §3.1), or with safe ones only (RFC 9937)", () => {
  for (const recoveryBound of ["always", "safe-ack"] as const) {
    const bulk = tenOut({ tcp: { recoveryBound } });
    bulk.passRtt();
    // Six are lost at once: what is still in flight is less than ssthresh.
    bulk.acks(0, { sack: [[2, 3]] });
    bulk.acks(0, { sack: [[2, 3], [6, 7]] });
    bulk.took();
    bulk.acks(0, { sack: [[2, 3], [6, 7], [8, 9]] });
    const first = bulk.took();
    assertEquals(first, recoveryBound === "always" ? [0, 1] : [0]);
    bulk.passRtt();
    bulk.acks(1, { sack: [[2, 3], [6, 7], [8, 9]] });
    // This one moves on, and shows nothing new to be lost but what is younger.
    assert(bulk.took().length >= 1);
  }
});

Deno.test("CUBIC in whole segments: a loss takes three tenths of the window, rounded down to segments", () => {
  for (const windowCounting of ["octets", "segments"] as const) {
    const bulk = tenOut({ tcp: { windowCounting } });
    bulk.passRtt();
    bulk.acksEach(0, 5);
    assertEquals(bulk.cwnd, 15);
    bulk.lab.pass(10 * SECOND_US);
    // 15 * 0.7 = 10.5.
    if (windowCounting === "segments") assertEquals(bulk.ssthresh, 10);
    else assert(bulk.ssthresh > 10.4);
  }
});

Deno.test("CUBIC in whole segments ends slow start where a round has become slower, at once (HyStart)", () => {
  const bulk = twentyOut({ tcp: { windowCounting: "segments" }, queued: 900_000 });
  bulk.lab.pass(bulk.rttUs + 40 * MS_US);
  let ended = 0;
  for (let number = 11; number <= 30 && ended === 0; number++) {
    bulk.acks(number);
    bulk.lab.pass(3 * MS_US);
    if (bulk.info.ssthresh > 0) ended = number;
  }
  // The first ACK of the round begins to count, and eight of them are looked at before.
  assert(ended >= 18 && ended <= 20, `ended at ${ended}`);
  assertEquals(bulk.ssthresh, bulk.cwnd);
});

Deno.test("CUBIC in whole segments ends slow start at half a round trip of ACKs close behind one another (HyStart)", () => {
  const bulk = twentyOut({ tcp: { windowCounting: "segments" }, queued: 900_000, rttUs: 20 * MS_US });
  bulk.passRtt();
  let ended = 0;
  for (let number = 11; number <= 30 && ended === 0; number++) {
    bulk.acks(number);
    bulk.lab.pass(1 * MS_US);
    if (bulk.info.ssthresh > 0) ended = number;
  }
  assert(ended >= 20 && ended <= 23, `ended at ${ended}`);
});

Deno.test("a shut window is asked for with the next octet (MUST-36), or with no text below what is acknowledged", () => {
  for (const windowProbe of ["octet", "bare"] as const) {
    const { lab, peer, app } = reachEstablished({ tcp: { windowProbe } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
    app.write(100);
    peer.expectsSilence();
    lab.pass(2 * SECOND_US);
    const [probe] = peer.takeAll();
    assertEquals([probe.seq, probe.data.length], windowProbe === "octet" ? [1, 1] : [0, 0]);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1000 });
    const texts = peer.takeAll().filter(({ data }) => data.length > 0);
    assertEquals(texts.map(({ seq, data }) => [seq, data.length]), [[1, 100]]);
  }
});

Deno.test("what may only be late is waited for a quarter of the round trip (RFC 8985 §6.2), and so much longer", () => {
  for (const reorderSlopUs of [0, 10 * MS_US]) {
    const bulk = new BulkSender({ queued: 4 * 1460, tcp: { reorderSlopUs } });
    bulk.expects(range(0, 4));
    bulk.passRtt();
    bulk.acks(0, { sack: [[3, 4]] });
    bulk.lab.pass(25 * MS_US + reorderSlopUs - 1);
    assertEquals(bulk.took(), []);
    bulk.lab.pass(1);
    assertEquals(bulk.took().length > 0, true);
  }
});

Deno.test("text after CLOSE: a reset of the connection, or the one of a connection that is no more (SHLD-3)", () => {
  for (const lateTextReset of ["of-connection", "of-closed"] as const) {
    const { peer, app, lab } = reachEstablished({ tcp: { lateTextReset } });
    app.close();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "late" });
    const [reset, ...others] = peer.takeAll();
    assertEquals(others, []);
    assertEquals(
      [reset.flags.split(" ").sort().join(" "), reset.seq],
      lateTextReset === "of-connection" ? ["ACK RST", 2] : ["RST", 1],
    );
    assertEquals([app.closed, lab.host.connections().length], [["reset-by-us"], 0]);
  }
});

Deno.test("segments delivered: our SYN, each segment once, duplicates without SACK for one each; and how far out of order", () => {
  for (const options of [SACK_OPTIONS, PLAIN_OPTIONS]) {
    const bulk = tenOut({ options });
    assertEquals(bulk.app.connection.flight().delivered, 1);
    bulk.passRtt();
    bulk.acks(0, { sack: [[1, 2]] });
    bulk.acks(0, { sack: [[1, 3]] });
    assertEquals(bulk.app.connection.flight().delivered, 3);
    bulk.acks(3);
    assertEquals(bulk.app.connection.flight().delivered, 4);
    assertEquals(bulk.app.connection.flight().reordering, 3);
  }
  const bulk = tenOut();
  bulk.passRtt();
  bulk.acks(0, { sack: [[8, 9]] });
  bulk.acks(0, { sack: [[3, 4], [8, 9]] });
  assertEquals(bulk.app.connection.flight().reordering, 6, "the fourth came behind the ninth");
});

Deno.test("a copy and an original arrive together: others of its time are lost (RFC 8985 §6.2), or waited for a moment longer", () => {
  for (const rackRoundTrip of ["newest", "last-covered"] as const) {
    const bulk = tenOut({ tcp: { rackRoundTrip, recoveryBound: "safe-ack" } });
    bulk.passRtt();
    bulk.acks(0, { sack: [[1, 2]] });
    bulk.acks(0, { sack: [[1, 3]] });
    bulk.acks(0, { sack: [[1, 3], [8, 9]] });
    assertEquals(bulk.took(), [10, 11, 0]);
    bulk.lab.pass(bulk.rttUs + 20 * MS_US);
    // The copy of the first, and the fourth, which was only late: the tenth left with it, and before the copy.
    bulk.acks(4, { sack: [[8, 9]] });
    // The fifth to the eighth are, and the tenth.
    assertEquals(bulk.app.connection.flight().lost, rackRoundTrip === "newest" ? 5 : 4);
    // Reordering has been seen: a quarter of the round trip more, for all that is out.
    bulk.lab.pass(bulk.rttUs + 25 * MS_US);
    assert(bulk.app.connection.flight().lost >= 5);
  }
});

Deno.test("what left together, and as long ago as the round trip, is lost together (RFC 8985 §6.2 step 5), whichever piece that is of", () => {
  for (const rackRoundTrip of ["newest", "last-covered"] as const) {
    const bulk = tenOut({ tcp: { rackRoundTrip, reorderSlopUs: 2 * MS_US } });
    bulk.passRtt();
    bulk.took();
    // The last piece that the ACK covers is the first that was sent.
    bulk.acks(1, { sack: [[3, 4], [6, 10]] });
    assertEquals(bulk.took().filter((segment) => Number(segment) < 10), [1, 2, 4, 5], rackRoundTrip);
  }
});
