/**
 * Loss recovery with SACK: RFC 6675 (scoreboard, pipe, which segment next, end of recovery), RFC 2018 §5 and §8,
 * RFC 3042 with SACK. The rate within recovery is in prr_test.ts, time-based detection in rack_tlp_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkAck,
  type BulkOptions,
  BulkSender,
  MS_US,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };
type Blocks = NonNullable<BulkAck["sack"]>;

/** Twenty segments, 10 to 29, left one round trip ago. */
function waiting(options: BulkOptions = RENO): BulkSender {
  const bulk = twentyOut(options);
  bulk.passRtt();
  return bulk;
}

/** What an ACK lets out. */
function after(bulk: BulkSender, upTo: number, sack: Blocks): (number | string)[] {
  bulk.acks(upTo, { sack });
  return bulk.took();
}

/** What was sent again in answer to an ACK: segments of the first thirty. */
function resentAfter(bulk: BulkSender, upTo: number, sack: Blocks): (number | string)[] {
  return after(bulk, upTo, sack).filter((segment) => typeof segment === "string" || segment < 30);
}

for (const options of [SACK_OPTIONS, STAMPED_OPTIONS]) {
  const stamped = options === STAMPED_OPTIONS ? ", timestamps" : "";
  for (const congestionControl of ["reno", "cubic"] as const) {
    Deno.test(`the third SACKed segment sends the hole again (${congestionControl}${stamped}) (MUST-19, RFC 6675 §5, RFC 3042 §2)`, () => {
      const bulk = waiting({ options, tcp: { congestionControl } });
      assertEquals(after(bulk, 10, [[11, 12]]), [30]);
      assertEquals(after(bulk, 10, [[11, 13]]), [31]);
      assertEquals(after(bulk, 10, [[11, 14]]), [10]);
      assertEquals(bulk.ssthresh, congestionControl === "reno" ? 10 : 14);
      assertEquals(bulk.info.recovery, "recovery");
      assertEquals(bulk.resent(), ["fast"]);
    });
  }
}

Deno.test("one ACK that SACKs three segments is as good as three ACKs (RFC 6675 §4 IsLost, §5 step 2)", () => {
  const bulk = waiting();
  const sent = after(bulk, 10, [[11, 14]]);
  assertEquals(sent[0], 10);
  assertEquals(sent.filter((segment) => segment === 10).length, 1);
});

Deno.test("islands of SACKed segments count together (RFC 6675 §4 IsLost: discontiguous sequences)", () => {
  const bulk = waiting();
  assertEquals(resentAfter(bulk, 10, [[12, 13]]), []);
  assertEquals(resentAfter(bulk, 10, [[16, 17], [12, 13]]), []);
  // Above 10 there are three, above 11 three, above 13 two.
  const sent = resentAfter(bulk, 10, [[20, 21], [16, 17], [12, 13]]);
  assertEquals(sent[0], 10);
});

Deno.test("all holes are sent again, lowest first, once each, and nothing that was SACKed (RFC 6675 §4 NextSeg, §5)", () => {
  const bulk = waiting();
  // 10, 13, 14 and 20 are lost.
  const arrived = range(11, 30).filter((segment) => ![13, 14, 20].includes(segment));
  const sent: (number | string)[] = [];
  const have: number[] = [];
  for (const segment of arrived) {
    have.push(segment);
    sent.push(...after(bulk, 10, blocksOf(have)));
  }
  const again = sent.filter((segment) => Number(segment) < 30);
  assertEquals(again, [10, 13, 14, 20]);
  const fresh = sent.filter((segment) => Number(segment) >= 30);
  assertEquals(fresh, range(30, 30 + fresh.length), "new data in order");
});

Deno.test("a receiver's blocks come newest first, and three a time: the scoreboard remembers the others (RFC 2018 §4, RFC 6675 §4)", () => {
  const bulk = waiting();
  after(bulk, 10, [[12, 13]]);
  after(bulk, 10, [[14, 15], [12, 13]]);
  after(bulk, 10, [[16, 17], [14, 15], [12, 13]]);
  // Block 12 is no longer told.
  const sent = [
    ...after(bulk, 10, [[18, 19], [16, 17], [14, 15]]),
    ...after(bulk, 10, [[20, 30], [18, 19], [16, 17]]),
  ];
  const again = [...sent, ...bulk.took()].filter((segment) => Number(segment) < 30);
  assert(!again.includes(12) && !again.includes(14), `${again}`);
  bulk.passRtt();
  bulk.acks(11, { sack: [[20, 30], [18, 19], [16, 17]] });
  const next = bulk.took().filter((segment) => Number(segment) < 30);
  assert(!next.includes(12) && !next.includes(14) && !next.includes(16), `${next}`);
});

Deno.test("the same SACK again says nothing new: no loss, nothing new sent (RFC 6675 §2 duplicate ACK, RFC 3042 §2)", () => {
  const bulk = waiting();
  assertEquals(after(bulk, 10, [[11, 12]]), [30]);
  for (let i = 0; i < 6; i++) assertEquals(after(bulk, 10, [[11, 12]]), []);
  assertEquals([bulk.info.recovery === "recovery", bulk.ssthresh], [false, 0]);
});

Deno.test("duplicate ACKs without SACK blocks are no sign of loss where SACK was agreed (RFC 6675 §2, RFC 3042 §2)", () => {
  const bulk = waiting();
  for (let i = 0; i < 6; i++) assertEquals(after(bulk, 10, []), []);
  assertEquals(bulk.ssthresh, 0);
});

Deno.test("text and a new window with a SACK do not hide it (RFC 6675 §2)", () => {
  const bulk = waiting();
  const { peer } = bulk;
  const sack = (end: number) => ({ sack: [peer.hostBlock(bulk.seqOf(11), bulk.seqOf(end))] });
  peer.sends({ flags: "ACK", ack: bulk.seqOf(10), data: "some", options: sack(12) });
  peer.sends({ flags: "ACK", ack: bulk.seqOf(10), window: 60_000, options: sack(13) });
  peer.sends({ flags: "ACK", ack: bulk.seqOf(10), data: "text", options: sack(14) });
  const seqs = bulk.takes().filter(({ data }) => data.length > 0).map(({ seq }) => (seq - 1) / bulk.mss);
  assert(seqs.includes(10), `${seqs}`);
});

Deno.test("pipe: what is out, less what was SACKed, less what is lost, plus what was sent again (RFC 6675 §4 SetPipe)", () => {
  const bulk = waiting();
  assertEquals(bulk.info.inFlight / bulk.mss, 20);
  after(bulk, 10, [[11, 12]]);
  assertEquals(bulk.info.inFlight / bulk.mss, 20, "one SACKed, one new");
  after(bulk, 10, [[11, 13]]);
  after(bulk, 10, [[11, 14]]);
  // 22 out, 3 SACKed, 1 lost, 1 sent again.
  assertEquals(bulk.info.inFlight / bulk.mss, 19);
  const { sackedBytes, lostBytes, resentBytes } = bulk.info;
  assertEquals([sackedBytes, lostBytes, resentBytes], [3 * 1460, 1460, 1460]);
});

Deno.test("recovery lasts until all that was out at its beginning is acknowledged (RFC 6675 §5 RecoveryPoint)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 14]]);
  // 31 segments may be out; the first new ones were sent in recovery or before.
  const { sndNxt, iss } = bulk.info;
  const recoveryPoint = ((sndNxt - iss - 1) >>> 0) / bulk.mss;
  bulk.passRtt();
  after(bulk, 25, []);
  assertEquals(bulk.info.recovery, "recovery");
  after(bulk, 29, []);
  assertEquals(bulk.info.recovery, "recovery");
  after(bulk, recoveryPoint, []);
  assertEquals(bulk.info.recovery, "open");
});

Deno.test("losses of one window reduce it once (RFC 6675 §5, RFC 5681 §4.3)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 14]]);
  assertEquals(bulk.ssthresh, 10);
  after(bulk, 10, [[11, 20]]);
  // 20 is found lost later.
  assert(resentAfter(bulk, 10, [[21, 24], [11, 20]]).length <= 1);
  bulk.passRtt();
  const sent = resentAfter(bulk, 20, [[21, 30]]);
  assert(sent.length === 0 || sent[0] === 20);
  assertEquals([bulk.ssthresh, bulk.info.recovery], [10, "recovery"]);
});

Deno.test("a loss of what was sent after the recovery point is a new one (RFC 6675 §5)", () => {
  const bulk = waiting();
  for (let end = 12; end <= 30; end++) after(bulk, 10, [[11, end]]);
  const { sndNxt, iss } = bulk.info;
  const end = ((sndNxt - iss - 1) >>> 0) / bulk.mss;
  bulk.passRtt();
  const flight = after(bulk, end, []).map(Number);
  assertEquals([flight[0], bulk.info.recovery, bulk.ssthresh], [end, "open", 10]);
  bulk.passRtt();
  const sent = after(bulk, end, [[end + 1, end + 4]]);
  assertEquals(sent[0], end);
  assertEquals(bulk.info.recovery, "recovery");
  assert(bulk.ssthresh <= 5.5, `${bulk.ssthresh}`);
});

Deno.test("a partial ACK in recovery sends what is next, not what was SACKed (RFC 6675 §5 step C)", () => {
  const bulk = waiting();
  const sent = [...after(bulk, 10, [[11, 14]]), ...after(bulk, 10, [[16, 30], [11, 14]])];
  assertEquals(sent.filter((segment) => Number(segment) < 30).slice(0, 1), [10]);
  bulk.passRtt();
  const next = [...sent, ...after(bulk, 14, [[16, 30]])].filter((segment) => Number(segment) < 30);
  assertEquals(next, [10, 14, 15]);
});

Deno.test("SACK of what was never sent, or is long acknowledged, or upside down, is ignored (RFC 2018 §5)", () => {
  for (
    const blocks of [
      [[100, 200]],
      [[29, 40]],
      [[14, 11]],
      [[11, 11]],
      [[200, 100]],
      [[0x3ff00, 0x3ff10]],
    ] satisfies Blocks[]
  ) {
    const bulk = waiting();
    for (let i = 0; i < 4; i++) bulk.acks(10, { sack: blocks });
    assertEquals(bulk.took(), [], `${blocks}`);
    assertEquals([bulk.info.sackedBytes, bulk.ssthresh], [0, 0], `${blocks}`);
  }
});

Deno.test("a timeout in recovery: the first hole again, the window one segment (RFC 6675 §5.1, RFC 5681 §3.1)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 14]]);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  assertEquals([bulk.cwnd, bulk.info.recovery], [1, "loss"]);
});

Deno.test("slow start after a timeout leaves out what was SACKed (RFC 6675 §5.1)", () => {
  const bulk = waiting();
  // 10, 11 and 25 to 29 are lost, and what is sent until the timeout.
  after(bulk, 10, [[12, 25]]);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  bulk.passRtt();
  assertEquals(after(bulk, 11, [[12, 25]]), [11, 25]);
  bulk.passRtt();
  const next = [...after(bulk, 25, []), ...after(bulk, 26, [])];
  assertEquals(next.slice(0, 3), [26, 27, 28]);
});

Deno.test("a receiver that forgets what it SACKed gets it again after a timeout (RFC 2018 §8)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 30]]);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  assertEquals(bulk.took()[0], 10);
  // It threw away 11 to 29, and says so by silence.
  bulk.passRtt();
  bulk.acks(11);
  for (let acknowledged = 11; acknowledged < 30;) {
    const started = bulk.lab.nowUs;
    let sent: number[] = [];
    while (!sent.includes(acknowledged)) {
      assert(bulk.lab.nowUs - started < 2 * SECOND_US, `${acknowledged} was not sent again`);
      sent = [...sent, ...bulk.took().map(Number)];
      bulk.lab.pass(20 * MS_US);
    }
    while (sent.includes(acknowledged)) acknowledged += 1;
    bulk.passRtt();
    bulk.acks(acknowledged);
  }
});

Deno.test("no sample of the round trip from what was sent again, without timestamps (RFC 6298 §3, MUST-18)", () => {
  const bulk = waiting();
  const { srttUs } = bulk.info;
  // All at once: 10 is sent again, and its ACK comes soon.
  after(bulk, 10, [[11, 30]]);
  const before = bulk.info.srttUs;
  bulk.lab.pass(20 * MS_US);
  bulk.acks(30);
  assertEquals(bulk.info.srttUs, before);
  assert(Math.abs(before - srttUs) < 1000);
});

Deno.test("what is sent again in recovery goes no further than the peer's window, new data neither (RFC 6675 §5, RFC 9293 §3.8.6)", () => {
  const window = Math.ceil(20 * 1460 / 128);
  const bulk = tenOut({ ...RENO, peer: { window } });
  bulk.passRtt();
  bulk.acksEach(0, 10);
  bulk.passRtt();
  // The window is full: no limited transmit; the hole all the same.
  assertEquals(after(bulk, 10, [[11, 12]]), []);
  assertEquals(after(bulk, 10, [[11, 13]]), []);
  assertEquals(after(bulk, 10, [[11, 14]]), [10]);
  for (let end = 15; end <= 30; end++) assertEquals(after(bulk, 10, [[11, end]]), []);
});

Deno.test("half of a segment SACKed: the missing bytes are sent again (RFC 6675 §4)", () => {
  const bulk = waiting();
  const { peer, mss } = bulk;
  const blocks = [peer.hostBlock(bulk.seqOf(10) + 700, bulk.seqOf(14))];
  peer.sends({ flags: "ACK", ack: bulk.seqOf(10), options: { sack: blocks } });
  const again = bulk.takes().filter(({ seq }) => seq < bulk.seqOf(30));
  assertEquals(again.length, 1);
  assertEquals(again[0].seq, bulk.seqOf(10));
  assert(again[0].data.length >= 700 && again[0].data.length <= mss);
});

Deno.test("a cumulative ACK in the middle of a segment sends from there (RFC 9293 §3.10.7.4, RFC 6675 §5)", () => {
  const bulk = waiting();
  const { peer } = bulk;
  peer.sends({
    flags: "ACK",
    ack: bulk.seqOf(10) + 500,
    options: { sack: [peer.hostBlock(bulk.seqOf(11), bulk.seqOf(14))] },
  });
  const again = bulk.takes().filter(({ seq }) => seq < bulk.seqOf(30));
  assertEquals(again.length, 1);
  const [{ seq, data }] = again;
  assert(seq <= bulk.seqOf(10) + 500 && seq + data.length >= bulk.seqOf(11), `${seq}+${data.length}`);
});

Deno.test("a lost FIN is sent again when what is before it was acknowledged (RFC 6298 §5, RFC 8985 §7.3)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 5 * 1460 });
  bulk.app.closeWrite();
  assertEquals(bulk.takes().length, 6);
  bulk.passRtt();
  bulk.acks(5);
  bulk.silence();
  bulk.lab.pass(SECOND_US);
  const fins = bulk.takes();
  assert(fins.length >= 1 && fins.every(({ flags, seq }) => flags === "FIN ACK" && seq === 7301));
  bulk.peer.sends({ flags: "ACK", ack: 7302 });
  assertEquals(bulk.app.state, "FIN_WAIT_2");
});

Deno.test("a SACKed FIN makes the segments before it lost (RFC 6675 §4, RFC 8985 §6)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 5 * 1460 });
  bulk.app.closeWrite();
  bulk.takes();
  bulk.passRtt();
  const { peer } = bulk;
  peer.sends({ flags: "ACK", ack: 1, options: { sack: [peer.hostBlock(bulk.seqOf(2), bulk.seqOf(5) + 1)] } });
  const again = bulk.took();
  assertEquals(again[0], 0);
  bulk.passRtt();
  bulk.acks(1, { sack: [] });
  const later = [...again, ...bulk.took()];
  assertEquals(later, [0, 1]);
  bulk.passRtt();
  bulk.peer.sends({ flags: "ACK", ack: 7302 });
  bulk.lab.pass(10 * SECOND_US);
  bulk.silence();
  assertEquals(bulk.app.state, "FIN_WAIT_2");
});

Deno.test("every pattern of losses among ten segments is repaired, each sent again as often as it was lost (RFC 6675 §5)", () => {
  for (let lost = 1; lost < 0x400; lost += 7) {
    const bulk = new BulkSender({
      queued: 10 * 1460,
      tcp: { congestionControl: lost % 2 === 0 ? "reno" : "cubic" },
    });
    const has = (segment: number) => (lost & (1 << segment)) === 0;
    assertEquals(bulk.took(), range(0, 10));
    bulk.passRtt();
    const have = new Set<number>();
    const again: number[] = [];
    // The first time some are lost, then none; an ACK for each segment that arrives.
    let arriving = range(0, 10).filter(has);
    for (let rounds = 0; arriving.length > 0 || bulk.info.sendQueue > 0; rounds++) {
      assert(rounds < 40, `losses ${lost.toString(2)}: no end`);
      for (const segment of arriving) {
        have.add(segment);
        let upTo = 0;
        while (have.has(upTo)) upTo += 1;
        bulk.acks(upTo, { sack: blocksOf([...have].filter((one) => one > upTo)).slice(0, 4) });
      }
      bulk.passRtt();
      arriving = bulk.took().map(Number);
      again.push(...arriving);
    }
    const needed = range(0, 10).filter((segment) => !has(segment));
    assertEquals(again.sort((a, b) => a - b), needed, `losses ${lost.toString(2)}`);
  }
});

Deno.test("small segments count as segments: three duplicate ACKs are enough (RFC 6675 §5 step 1, RFC 8985 §6.2)", () => {
  const bulk = new BulkSender({ queued: 0, tcp: { congestionControl: "reno", noDelay: true } });
  for (let i = 0; i < 8; i++) bulk.writes(10);
  assertEquals(
    bulk.takes().map(({ seq, data }) => [seq, data.length]),
    range(0, 8).map((i) => [1 + 10 * i, 10]),
  );
  bulk.passRtt();
  for (const end of [21, 31, 41]) {
    bulk.peer.sends({ flags: "ACK", ack: 1, options: { sack: [bulk.peer.hostBlock(11, end)] } });
  }
  const again = bulk.takes();
  assertEquals([again.length, again[0].seq], [1, 1]);
  // What was SACKed is not sent with it.
  assertEquals(again[0].data.length, 10);
});

Deno.test("small segments between SACKed ones are each sent again, as they are missing (RFC 6675 §4)", () => {
  const bulk = new BulkSender({ queued: 0, tcp: { congestionControl: "reno", noDelay: true } });
  for (let i = 0; i < 10; i++) bulk.writes(10);
  bulk.takes();
  bulk.passRtt();
  const { peer } = bulk;
  const sack = [[91, 101], [61, 81], [21, 41]].map(([left, right]) => peer.hostBlock(left, right));
  peer.sends({ flags: "ACK", ack: 1, options: { sack } });
  const missing = new Set<number>();
  for (let i = 0; i < 5; i++) {
    for (const { seq, data } of bulk.takes()) {
      for (let at = seq; at < seq + data.length; at++) missing.add(at);
    }
    bulk.lab.pass(20 * MS_US);
  }
  assertEquals([...missing].sort((a, b) => a - b), [...range(1, 21), ...range(41, 61), ...range(81, 91)]);
});

Deno.test("ACKs that acknowledge nothing new do not put off the timer (RFC 6298 §5.3)", () => {
  for (const sack of [[], [[2, 3]]] satisfies Blocks[]) {
    const bulk = new BulkSender({ ...RENO, queued: 5 * 1460 });
    bulk.takes();
    bulk.passRtt();
    bulk.acks(1, { sack });
    bulk.took();
    const dueUs = bulk.lab.nowUs + bulk.info.rtoUs;
    while (bulk.lab.nowUs < dueUs + 300 * MS_US && !bulk.resent().includes("rto")) {
      bulk.lab.pass(10 * MS_US);
      bulk.acks(1, { sack, window: 50_000 + (bulk.lab.nowUs / MS_US) % 100 });
    }
    // One retransmission in between, a probe or the hole, may count it anew.
    assert(
      bulk.resent().includes("rto"),
      `${bulk.resent()} by ${(bulk.lab.nowUs - dueUs) / MS_US} ms after it was due`,
    );
  }
});

/** SACK blocks of segments, newest (highest) first, as many as there are. */
function blocksOf(segments: readonly number[]): [number, number][] {
  const blocks: [number, number][] = [];
  for (const segment of [...segments].sort((a, b) => a - b)) {
    const last = blocks[blocks.length - 1];
    if (last !== undefined && last[1] === segment) last[1] = segment + 1;
    else blocks.push([segment, segment + 1]);
  }
  return blocks.reverse().slice(0, 4);
}
