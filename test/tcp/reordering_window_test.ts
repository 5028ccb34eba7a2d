/**
 * The reordering window of RACK (RFC 8985 §6.2 step 4): a quarter of a round trip, wider by another for each round trip
 * in which a D-SACK came, narrow again after sixteen recoveries without one.
 */
import { assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, SACK_OPTIONS, twentyOut } from "./bulk_sender.ts";

const SACK: BulkOptions = { options: SACK_OPTIONS, tcp: { congestionControl: "reno" } };

/** Reordering was seen: 10 came after 11 and 12. */
function reordered(): BulkSender {
  const bulk = twentyOut({ ...SACK, queued: 1_000_000, peer: { window: Math.ceil(40 * 1460 / 128) } });
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 13]] });
  bulk.took();
  bulk.acks(13);
  bulk.took();
  return bulk;
}

function edge(bulk: BulkSender): number {
  return ((bulk.info.sndNxt - bulk.info.iss - 1) >>> 0) / bulk.mss;
}

/** A hole at the left edge, four segments SACKed beyond it: how many quarters of a round trip are waited for. */
function quarters(bulk: BulkSender): number {
  bulk.took();
  const una = ((bulk.info.sndUna - bulk.info.iss - 1) >>> 0) / bulk.mss;
  bulk.acks(una, { sack: [[una + 1, una + 5]] });
  bulk.took();
  return Math.round(4 * (bulk.info.timers["rack"] ?? 0) / bulk.info.minRttUs);
}

for (const reports of [1, 2, 3]) {
  Deno.test(`the reordering window is wider by a quarter for ${reports} D-SACK in one round trip (RFC 8985 §6.2 step 4)`, () => {
    const bulk = reordered();
    const end = edge(bulk);
    for (let i = 0; i < reports; i++) bulk.acks(20 + i, { sack: [[10 + i, 11 + i]] });
    bulk.took();
    bulk.passRtt();
    bulk.acks(end);
    bulk.took();
    bulk.passRtt();
    assertEquals(bulk.info.duplicatesReported, reports);
    assertEquals(quarters(bulk), 2);
  });
}

Deno.test("the reordering window is wider by a quarter for each round trip with a D-SACK (RFC 8985 §6.2 step 4)", () => {
  for (let rounds = 0; rounds <= 2; rounds++) {
    const bulk = reordered();
    bulk.passRtt();
    for (let round = 0; round < rounds; round++) {
      const end = edge(bulk);
      bulk.acks(end, { sack: [[end - 2, end - 1]] });
      bulk.took();
      bulk.passRtt();
    }
    bulk.acks(edge(bulk));
    bulk.took();
    bulk.passRtt();
    assertEquals(quarters(bulk), 1 + rounds, `${rounds} rounds`);
  }
});

Deno.test("after the sixteenth recovery without a D-SACK, and not before, the reordering window is narrow again (RFC 8985 §6.2 step 4)", () => {
  const bulk = reordered();
  const end = edge(bulk);
  bulk.acks(end, { sack: [[end - 2, end - 1]] });
  const waits: number[] = [];
  for (let recovery = 1; recovery <= 18; recovery++) {
    for (let filled = 0; filled < 6;) {
      bulk.took();
      bulk.passRtt();
      bulk.acks(edge(bulk));
      bulk.took();
      filled = edge(bulk) - ((bulk.info.sndUna - bulk.info.iss - 1) >>> 0) / bulk.mss;
    }
    bulk.passRtt();
    waits.push(quarters(bulk));
    bulk.lab.pass(bulk.info.timers["rack"]);
    assertEquals(bulk.info.recovery, "recovery");
    bulk.took();
    bulk.passRtt();
    bulk.acks(edge(bulk));
  }
  assertEquals(waits, [...Array.from({ length: 16 }, () => 2), 1, 1]);
});

Deno.test("a SACK that seems to have arrived before its segment was sent does not shorten the patience (RFC 8985 §6.2)", () => {
  const bulk = twentyOut(SACK);
  // The clock by which frames are captured was set back by a millisecond.
  bulk.lab.waitedUs = 1000;
  bulk.acks(10, { sack: [[11, 12]] });
  assertEquals(bulk.info.timers["rack"], bulk.info.minRttUs / 4);
});
