/**
 * Loss recovery without SACK: fast retransmit and fast recovery of RFC 5681 §3.2, partial ACKs of RFC 6582, limited
 * transmit of RFC 3042.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const PLAIN: BulkOptions = { options: PLAIN_OPTIONS, tcp: { congestionControl: "reno" } };

/** Twenty segments, 10 to 29, are out for a round trip; each number that is told was lost. */
function waiting(options: BulkOptions = PLAIN): BulkSender {
  const bulk = twentyOut(options);
  bulk.passRtt();
  return bulk;
}

/** So many duplicate ACKs of segment `upTo`; returns what they let out. */
function duplicates(bulk: BulkSender, upTo: number, count: number): (number | string)[] {
  for (let i = 0; i < count; i++) bulk.acks(upTo);
  return bulk.took();
}

for (const congestionControl of ["reno", "cubic"] as const) {
  const options = { options: PLAIN_OPTIONS, tcp: { congestionControl } };

  Deno.test(`the third duplicate ACK sends the first segment again, the first two new ones (${congestionControl}) (MUST-19, RFC 5681 §3.2 steps 1 to 3, RFC 3042 §2)`, () => {
    const bulk = waiting(options);
    bulk.acks(10);
    bulk.expects([30], "limited transmit");
    bulk.acks(10);
    bulk.expects([31], "limited transmit");
    bulk.acks(10);
    bulk.expects([10], "fast retransmit");
  });

  Deno.test(`ssthresh leaves out what limited transmit sent (${congestionControl}) (RFC 5681 §3.2 step 2)`, () => {
    const bulk = waiting(options);
    duplicates(bulk, 10, 3);
    assertEquals(bulk.ssthresh, congestionControl === "reno" ? 10 : 14);
  });

  Deno.test(`duplicate ACKs fewer than three, then progress: nothing is sent again (${congestionControl}) (RFC 5681 §3.2)`, () => {
    const bulk = waiting(options);
    assertEquals(duplicates(bulk, 10, 2), [30, 31]);
    bulk.acks(13);
    assert(bulk.took().every((segment) => typeof segment === "number" && segment >= 32));
    assertEquals(duplicates(bulk, 13, 2).filter((segment) => Number(segment) < 30), []);
    bulk.acks(15);
    assert(bulk.took().every((segment) => typeof segment === "number" && segment >= 32));
    assertEquals([bulk.ssthresh, bulk.resent()], [0, []]);
  });

  Deno.test(`the ACK of all ends recovery with a window of ssthresh at most (${congestionControl}) (RFC 5681 §3.2 step 6, RFC 6582 §3.2 step 3)`, () => {
    const bulk = waiting(options);
    const during = duplicates(bulk, 10, 19).map(Number);
    const highest = Math.max(...during);
    bulk.passRtt();
    bulk.acks(highest + 1);
    const { cwnd, ssthresh, recovery } = bulk.info;
    assertEquals(recovery, "open");
    assert(cwnd <= ssthresh, `window ${cwnd}, threshold ${ssthresh}`);
    const burst = bulk.took();
    assertEquals(burst, range(highest + 1, highest + 1 + burst.length));
    assert(burst.length * bulk.mss <= ssthresh);
  });
}

Deno.test("the window stays while limited transmit sends (RFC 3042 §2)", () => {
  const bulk = waiting();
  duplicates(bulk, 10, 2);
  assertEquals([bulk.cwnd, bulk.ssthresh], [20, 0]);
});

Deno.test("limited transmit goes no further than the peer's window (RFC 3042 §2)", () => {
  const window = Math.ceil(10 * 1460 / 128);
  const bulk = tenOut({ ...PLAIN, peer: { window } });
  bulk.passRtt();
  assertEquals(duplicates(bulk, 0, 2), []);
  bulk.acks(0);
  bulk.expects([0]);
});

Deno.test("limited transmit sends at most two segments beyond the window (RFC 3042 §2)", () => {
  const bulk = waiting();
  bulk.acks(10);
  bulk.acks(10);
  bulk.expects([30, 31]);
  bulk.lab.pass(50 * MS_US);
  bulk.silence();
});

/** What is no duplicate ACK, RFC 5681 §2 (a) to (e). */
const NO_DUPLICATES: { readonly name: string; readonly sends: (bulk: BulkSender, time: number) => void }[] = [
  { name: "it carries text (b)", sends: ({ peer }) => peer.sends({ flags: "ACK", ack: 1, data: "text" }) },
  {
    name: "its window differs (e)",
    sends: ({ peer }, i) => peer.sends({ flags: "ACK", ack: 1, window: 5000 + i }),
  },
  { name: "it acknowledges less (d)", sends: ({ peer }) => peer.sends({ flags: "ACK", ack: 0 }) },
];

for (const { name, sends } of NO_DUPLICATES) {
  Deno.test(`no duplicate ACK, because ${name} (RFC 5681 §2)`, () => {
    const bulk = tenOut(PLAIN);
    bulk.passRtt();
    for (let i = 0; i < 6; i++) sends(bulk, i);
    // ACKs of the peer's text may come, but nothing of ours.
    assertEquals(bulk.takes().filter(({ data }) => data.length > 0), []);
    assertEquals([bulk.info.recovery, bulk.ssthresh], ["open", 0]);
  });
}

Deno.test("no duplicate ACK, because nothing is outstanding (a) (RFC 5681 §2)", () => {
  const bulk = new BulkSender({ ...PLAIN, queued: 10 * 1460 });
  bulk.took();
  bulk.passRtt();
  bulk.acks(10);
  assertEquals(duplicates(bulk, 10, 5), []);
  bulk.writes(5 * bulk.mss);
  bulk.expects(range(10, 15));
  // Those of before do not count for what is sent now.
  bulk.acks(10);
  bulk.acks(10);
  bulk.silence();
  assertEquals(bulk.ssthresh, 0);
});

Deno.test("a FIN of the peer is no duplicate ACK (c) (RFC 5681 §2)", () => {
  const bulk = tenOut(PLAIN);
  bulk.passRtt();
  bulk.acks(0, { flags: "FIN ACK" });
  bulk.acks(0);
  bulk.acks(0);
  assertEquals(bulk.takes().filter(({ seq, data }) => seq === 1 && data.length > 0), [], "two duplicates");
});

Deno.test("each further duplicate ACK lets out new data when the window allows, at most one segment (RFC 5681 §3.2 step 4)", () => {
  const bulk = waiting();
  assertEquals(duplicates(bulk, 10, 3), [30, 31, 10]);
  let fresh = 0;
  for (let i = 0; i < 16; i++) {
    bulk.acks(10);
    const sent = bulk.took();
    assert(sent.length <= 1, `${sent}`);
    fresh += sent.length;
    if (sent.length === 1) assertEquals(sent, [31 + fresh]);
  }
  // Half of the flight, as ssthresh is half of it; never the whole.
  assert(fresh >= 6 && fresh <= 10, `${fresh} segments`);
});

Deno.test("a partial ACK sends the next hole again at once, one for each (RFC 6582 §3.2 step 3)", () => {
  const bulk = waiting();
  // 10, 13 and 20 are lost; 17 others of 10 to 29 arrive, and then the new ones.
  assertEquals(duplicates(bulk, 10, 3), [30, 31, 10]);
  duplicates(bulk, 10, 14);
  bulk.passRtt();
  bulk.acks(13);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), [13]);
  assertEquals(bulk.info.recovery, "recovery");
  bulk.passRtt();
  bulk.acks(20);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), [20]);
  bulk.passRtt();
  const highest = (bulk.info.sndNxt - bulk.info.iss - 1 >>> 0) / bulk.mss;
  bulk.acks(highest);
  assertEquals(bulk.info.recovery, "open");
  assertEquals(bulk.took().filter((segment) => Number(segment) < highest), []);
  assertEquals(bulk.resent(), ["fast", "fast", "fast"]);
});

Deno.test("several losses of a window reduce ssthresh once (RFC 6582 §3.2, RFC 5681 §3.2)", () => {
  const bulk = waiting();
  duplicates(bulk, 10, 17);
  for (const upTo of [13, 20, 25]) {
    bulk.passRtt();
    bulk.acks(upTo);
    bulk.took();
    duplicates(bulk, upTo, 4);
    assertEquals(bulk.ssthresh, 10);
  }
});

Deno.test("duplicate ACKs in recovery send nothing a second time (RFC 6582 §3.2)", () => {
  const bulk = waiting();
  const sent = duplicates(bulk, 10, 19);
  assertEquals(sent.filter((segment) => segment === 10).length, 1);
  bulk.passRtt();
  bulk.acks(15);
  const after = [...bulk.took(), ...duplicates(bulk, 15, 8)];
  assertEquals(after.filter((segment) => Number(segment) < 30), [15]);
});

Deno.test("the first partial ACK restarts the timer (RFC 6582 §3.2 step 3)", () => {
  const bulk = waiting();
  bulk.lab.pass(90 * MS_US);
  duplicates(bulk, 10, 17);
  bulk.lab.pass(bulk.info.timers["rto"] - 10 * MS_US);
  bulk.took();
  bulk.acks(15);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), [15]);
  bulk.lab.pass(bulk.info.rtoUs - 20 * MS_US);
  bulk.silence("no expiry before a full RTO");
});

Deno.test("a timeout ends recovery: one segment, slow start (RFC 6582 §3.2 step 4, RFC 5681 §3.1)", () => {
  const bulk = waiting();
  duplicates(bulk, 10, 19);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  assertEquals([bulk.info.recovery, bulk.cwnd], ["loss", 1]);
  bulk.passRtt();
  bulk.acks(11);
  const [first, ...others] = bulk.took();
  assertEquals(first, 11);
  assert(others.length <= 1);
});

Deno.test("after a timeout, duplicate ACKs of what was sent before it are no new loss (RFC 6582 §3.2 steps 2 and 4, §4)", () => {
  const bulk = waiting();
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  const { ssthresh, cwnd } = bulk.info;
  // Late duplicates of the old flight.
  duplicates(bulk, 10, 5);
  assertEquals([bulk.info.ssthresh, bulk.info.cwnd, bulk.info.recovery], [ssthresh, cwnd, "loss"]);
  bulk.passRtt();
  bulk.acks(12);
  bulk.took();
  const sent = duplicates(bulk, 12, 5);
  assertEquals(bulk.info.ssthresh, ssthresh);
  // 12 went out once, in slow start's turn.
  assertEquals(sent.filter((segment) => segment === 12), []);
});

Deno.test("duplicate ACKs of exactly what recovery ended with do not start another (RFC 6582 §3.2 step 2: more than recover)", () => {
  const bulk = waiting();
  const highest = Math.max(...duplicates(bulk, 10, 3).map(Number));
  bulk.passRtt();
  bulk.acks(highest + 1);
  const flight = bulk.took();
  const { ssthresh } = bulk.info;
  assert(flight.length > 4);
  // Copies that recovery's own retransmissions drew, not losses.
  const sent = duplicates(bulk, highest + 1, 4);
  assertEquals(sent.filter((segment) => Number(segment) <= highest + flight.length), []);
  assertEquals(bulk.info.ssthresh, ssthresh);
});

Deno.test("a loss after recovery begins another and reduces ssthresh again (RFC 6582 §3.2)", () => {
  const bulk = waiting();
  const highest = Math.max(...duplicates(bulk, 10, 3).map(Number));
  bulk.passRtt();
  bulk.acks(highest + 1);
  const [first] = bulk.took();
  assertEquals(first, highest + 1);
  bulk.passRtt();
  bulk.acks(highest + 3);
  bulk.took();
  const sent = duplicates(bulk, highest + 3, 3);
  assertEquals(sent.filter((segment) => segment === highest + 3), [highest + 3]);
  assert(bulk.ssthresh < 10 && bulk.ssthresh >= 4.5, `${bulk.ssthresh}`);
});

Deno.test("a flight of four: ssthresh is two segments (RFC 5681 §3.1 equation 4)", () => {
  const bulk = new BulkSender({ ...PLAIN, queued: 4 * 1460 });
  bulk.expects(range(0, 4));
  bulk.passRtt();
  assertEquals(duplicates(bulk, 0, 3), [0]);
  assertEquals(bulk.ssthresh, 2);
});

Deno.test("a flight of three gives two duplicate ACKs only: the timer (RFC 5681 §3.2)", () => {
  const bulk = new BulkSender({ ...PLAIN, queued: 3 * 1460 });
  bulk.expects(range(0, 3));
  bulk.passRtt();
  bulk.peer.mark();
  assertEquals(duplicates(bulk, 0, 2), []);
  bulk.lab.pass(250 * MS_US);
  const [again, ...others] = bulk.takes();
  assertEquals([bulk.numberOf(again), others.length], [0, 0]);
  // RTO of 300 ms from when it left, 100 ms of which had passed.
  assertEquals(again.atUs, bulk.lab.nowUs - 50 * MS_US);
});

Deno.test("without SACK there is no tail loss probe: the timer alone (RFC 8985 §3)", () => {
  const bulk = new BulkSender({ ...PLAIN, queued: 5 * 1460 });
  bulk.expects(range(0, 5));
  bulk.lab.pass(299 * MS_US);
  bulk.silence();
  bulk.lab.pass(2 * MS_US);
  bulk.expects([0]);
});

Deno.test("the FIN after a lost segment is sent again in its turn (RFC 5681 §3.2, RFC 6582 §3.2)", () => {
  const bulk = new BulkSender({ ...PLAIN, queued: 5 * 1460 });
  bulk.app.closeWrite();
  assertEquals(bulk.takes().map(({ flags, seq }) => [flags, (seq - 1) / 1460]), [
    ["ACK", 0],
    ["ACK", 1],
    ["ACK", 2],
    ["ACK", 3],
    ["ACK", 4],
    ["FIN ACK", 5],
  ]);
  bulk.passRtt();
  assertEquals(duplicates(bulk, 0, 4), [0]);
  bulk.passRtt();
  // The FIN was lost too.
  bulk.acks(5);
  const [fin, ...others] = bulk.takes();
  assertEquals([fin?.flags, fin?.seq, fin?.data.length, others.length], ["FIN ACK", 7301, 0, 0]);
  bulk.peer.sends({ flags: "ACK", ack: 7302 });
  bulk.lab.pass(10 * SECOND_US);
  bulk.silence();
  assertEquals(bulk.app.state, "FIN_WAIT_2");
});

Deno.test("no sample of the round trip from what was sent twice (RFC 6298 §3, MUST-18)", () => {
  const bulk = waiting();
  const { srttUs } = bulk.info;
  duplicates(bulk, 10, 3);
  bulk.lab.pass(90 * MS_US);
  bulk.acks(11);
  assertEquals(bulk.info.srttUs, srttUs);
});

Deno.test("recovery that ends leaves no inflated window behind (RFC 5681 §3.2 step 6)", () => {
  const bulk = waiting();
  duplicates(bulk, 10, 40);
  const { sndNxt, iss } = bulk.info;
  bulk.passRtt();
  bulk.acks(((sndNxt - iss - 1) >>> 0) / bulk.mss);
  assert(bulk.cwnd <= 10, `${bulk.cwnd}`);
  assert(bulk.took().length <= 10);
});

Deno.test("recovery again and again: the window follows the losses down to two segments, and data goes on (RFC 5681 §3.1, §3.2)", () => {
  const bulk = waiting();
  for (let i = 0; i < 6; i++) {
    const { sndUna, iss } = bulk.info;
    const una = ((sndUna - iss - 1) >>> 0) / bulk.mss;
    duplicates(bulk, una, 3);
    bulk.passRtt();
    const { sndNxt } = bulk.info;
    bulk.acks(((sndNxt - iss - 1) >>> 0) / bulk.mss);
    assert(bulk.took().length >= 1);
    bulk.passRtt();
    const next = bulk.info;
    bulk.acks(((next.sndUna - iss - 1) >>> 0) / bulk.mss + 1);
    bulk.took();
    assert(bulk.ssthresh >= 2 && bulk.cwnd >= 1);
  }
  assert(bulk.ssthresh <= 3, `${bulk.ssthresh}`);
});
