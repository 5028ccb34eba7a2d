/**
 * Proportional rate reduction: how much recovery sends for each ACK. RFC 6937 §3, §4.
 *
 * RFC 6937 §3.1 leaves open how sums that are no whole segments are rounded; the tests allow either way.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, MS_US, PLAIN_OPTIONS, twentyOut } from "./bulk_sender.ts";

interface Plan {
  readonly congestionControl: "reno" | "cubic";
  /** ssthresh of a flight of twenty. */
  readonly threshold: number;
}

const PLANS: readonly Plan[] = [
  { congestionControl: "reno", threshold: 10 },
  { congestionControl: "cubic", threshold: 14 },
];

/** FlightSize at the beginning of recovery: twenty, and two by limited transmit. */
const RECOVER_FLIGHT = 22;

/** Segments 10 to 29 left one round trip ago. */
function waiting(options: BulkOptions): BulkSender {
  const bulk = twentyOut(options);
  bulk.passRtt();
  return bulk;
}

function nextNumber(bulk: BulkSender): number {
  const { sndNxt, iss } = bulk.info;
  return ((sndNxt - iss - 1) >>> 0) / bulk.mss;
}

for (const { congestionControl, threshold } of PLANS) {
  Deno.test(`one loss: recovery sends ssthresh / RecoverFS of what is delivered (${congestionControl}) (RFC 6937 §3)`, () => {
    const bulk = waiting({ tcp: { congestionControl } });
    bulk.acks(10, { sack: [[11, 12]] });
    bulk.acks(10, { sack: [[11, 13]] });
    bulk.expects([30, 31]);
    let out = 0;
    for (let delivered = 1; delivered <= 17; delivered++) {
      bulk.acks(10, { sack: [[11, 13 + delivered]] });
      const sent = bulk.took();
      if (delivered === 1) assertEquals(sent, [10], "the retransmission is not held back");
      assert(sent.length <= 1, "no bursts");
      out += sent.length;
      const bound = delivered * threshold / RECOVER_FLIGHT;
      // What is out, less 2 + `delivered` SACKed; the lost one counts as it was sent again.
      const pipe = bulk.info.inFlight / bulk.mss;
      assertEquals(pipe, RECOVER_FLIGHT - 3 - delivered + out + (delivered === 1 && out === 0 ? 1 : 0));
      const isProportional = pipe - sent.length > threshold;
      if (isProportional) {
        assert(out <= Math.max(1, Math.ceil(bound)), `${out} sent for ${delivered} delivered`);
        assert(out >= Math.floor(bound), `${out} sent for ${delivered} delivered`);
      } else {
        assert(pipe <= threshold && pipe > threshold - 1, `pipe ${pipe} after ${delivered} delivered`);
      }
    }
  });

  Deno.test(`one loss: when all is delivered the flight is ssthresh (${congestionControl}) (RFC 6937 §3, §4)`, () => {
    const bulk = waiting({ tcp: { congestionControl } });
    for (let end = 12; end <= 30; end++) bulk.acks(10, { sack: [[11, end]] });
    const sent = bulk.took().map(Number);
    bulk.passRtt();
    // Limited transmit's segments, then what recovery sent, the retransmission among it.
    bulk.acks(10, { sack: [[11, 31]] });
    bulk.acks(10, { sack: [[11, 32]] });
    sent.push(...bulk.took().map(Number));
    const flight = bulk.info.inFlight / bulk.mss;
    assert(flight <= threshold && flight >= threshold - 1, `flight ${flight}, ${sent}`);
    bulk.acks(32);
    assertEquals(bulk.info.recovery, "open");
    assertEquals(bulk.info.cwnd, threshold * bulk.mss, "recovery ends at ssthresh");
    assert(bulk.info.inFlight <= threshold * bulk.mss);
  });

  Deno.test(`a burst of losses: from a pipe below ssthresh it slow starts up to it (${congestionControl}) (RFC 6937 §3, reduction bound)`, () => {
    const bulk = waiting({ tcp: { congestionControl } });
    // 10 to 24 are lost, 25 to 29 arrive, and then the two of limited transmit.
    bulk.acks(10, { sack: [[25, 26]] });
    bulk.acks(10, { sack: [[25, 27]] });
    bulk.expects([30, 31]);
    let again = 10;
    for (const end of [28, 29, 30, 31, 32]) {
      bulk.acks(10, { sack: [[25, end]] });
      const sent = bulk.took();
      // One segment delivered: one (PRR-CRB) or two (PRR-SSRB), the lowest holes first.
      assert(sent.length === 1 || sent.length === 2, `${sent}`);
      for (const segment of sent) assertEquals(segment, again++);
      assert(bulk.info.inFlight <= threshold * bulk.mss);
    }
  });

  Deno.test(`lost ACKs: one that delivers many lets out a proportional share (${congestionControl}) (RFC 6937 §3)`, () => {
    const bulk = waiting({ tcp: { congestionControl } });
    bulk.acks(10, { sack: [[11, 14]] });
    const first = bulk.took();
    assertEquals(first[0], 10);
    const flight = nextNumber(bulk) - 10;
    bulk.acks(10, { sack: [[11, 30]] });
    const sent = bulk.took();
    // 16 delivered by this ACK, 3 before; the pipe has fallen below ssthresh, so the bound counts.
    const pipe = bulk.info.inFlight / bulk.mss;
    assert(pipe <= threshold, `pipe ${pipe}, flight ${flight}`);
    assert(sent.length >= Math.floor(16 * threshold / RECOVER_FLIGHT) - first.length, `${sent}`);
    assert(sent.length <= 17, `${sent}`);
  });
}

Deno.test("an ACK that delivers nothing lets out nothing (RFC 6937 §3: DeliveredData)", () => {
  const bulk = waiting({ tcp: { congestionControl: "reno" } });
  for (let end = 12; end <= 20; end++) bulk.acks(10, { sack: [[11, end]] });
  bulk.took();
  for (let i = 0; i < 10; i++) bulk.acks(10, { sack: [[11, 20]] });
  bulk.acks(10, { sack: [[11, 20]], window: 0xfff0 });
  bulk.silence();
});

Deno.test("ACKs in pieces deliver what they deliver: splitting them wins nothing (RFC 6937 §3)", () => {
  const bulk = waiting({ tcp: { congestionControl: "reno" } });
  bulk.acks(10, { sack: [[11, 14]] });
  const before = bulk.took().length;
  const { peer, mss } = bulk;
  for (let bytes = 146; bytes <= 6 * mss; bytes += 146) {
    peer.sends({
      flags: "ACK",
      ack: bulk.seqOf(10),
      options: { sack: [peer.hostBlock(bulk.seqOf(11), bulk.seqOf(14) + bytes)] },
    });
  }
  const out = bulk.took().length + before;
  // Nine segments delivered in all, at most three or four before recovery began.
  assert(out <= Math.ceil(9 * 10 / 20) + 1, `${out} segments`);
});

Deno.test("an application with nothing to send keeps no credit for a burst (RFC 6937 §3, strong packet conservation)", () => {
  const bulk = new BulkSender({ queued: 30 * 1460, tcp: { congestionControl: "reno" } });
  bulk.took();
  bulk.passRtt();
  bulk.acksEach(0, 10);
  bulk.passRtt();
  for (let end = 12; end <= 30; end++) bulk.acks(10, { sack: [[11, end]] });
  bulk.expects([10]);
  bulk.writes(50 * bulk.mss);
  const burst = bulk.took().length;
  // The pipe holds the retransmission alone; recovery's window is ssthresh at most.
  assert(burst <= 9, `${burst} segments at once`);
  assert(bulk.info.inFlight <= 10 * bulk.mss);
});

Deno.test("the window at the end of recovery is ssthresh, also after a burst of losses (RFC 6937 §3, RFC 6675 §5)", () => {
  for (const { congestionControl, threshold } of PLANS) {
    const bulk = waiting({ tcp: { congestionControl } });
    bulk.acks(10, { sack: [[25, 30]] });
    for (let rounds = 0; bulk.info.recovery === "recovery"; rounds++) {
      assert(rounds < 20, "recovery has an end");
      const flight = bulk.took().map(Number);
      bulk.passRtt();
      for (const segment of flight.filter((one) => one < 25)) {
        const upTo = segment === 24 ? nextNumber(bulk) : segment + 1;
        bulk.acks(upTo, upTo > 25 ? {} : { sack: [[25, 30]] });
      }
    }
    assertEquals(bulk.info.ssthresh, threshold * bulk.mss);
    assertEquals(bulk.info.cwnd, threshold * bulk.mss);
  }
});

Deno.test("without SACK, a duplicate ACK stands for one delivered segment (RFC 6937 §3)", () => {
  const bulk = waiting({ options: PLAIN_OPTIONS, tcp: { congestionControl: "reno" } });
  bulk.acks(10);
  bulk.acks(10);
  bulk.expects([30, 31]);
  let out = 0;
  for (let delivered = 1; delivered <= 17; delivered++) {
    bulk.acks(10);
    out += bulk.took().length;

    // Either PRR's share, or nothing until half of the window is gone (RFC 5681 §3.2 step 4).
    assert(out <= Math.max(1, Math.ceil(delivered * 10 / 20)), `${out} sent for ${delivered} delivered`);
  }
  bulk.passRtt();
  bulk.acks(32);
  assertEquals(bulk.info.ssthresh, 10 * bulk.mss);
  assert(bulk.info.inFlight <= 10 * bulk.mss);
});

Deno.test("a timeout ends the proportional reduction: one segment, whatever was delivered before (RFC 6937 §3, RFC 5681 §3.1)", () => {
  const bulk = waiting({ tcp: { congestionControl: "reno" } });
  for (let end = 12; end <= 20; end++) bulk.acks(10, { sack: [[11, end]] });
  bulk.took();
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  bulk.acks(10, { sack: [[11, 21]] });
  bulk.acks(10, { sack: [[11, 22]] });
  bulk.silence("one segment is out, and the window is one");
});
