/**
 * Path MTU discovery at a sender of much data: RFC 1191 §3, §5, §6.3 to §6.5; RFC 5927 §7. Which messages count at
 * all is in icmp_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";
import { FAMILY, HEADERS, ipv4Test } from "./family.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { Seen } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

/** A narrow path, and one that is as narrow as paths get. */
const NARROW = Math.max(1000, FAMILY.leastPathMtu);
const LEAST = FAMILY.leastPathMtu;

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };

function tooBig(bulk: BulkSender, segment: number, mtu: number, seq = bulk.seqOf(segment)): void {
  sendsIcmp(bulk.peer, { ...ICMP_FAMILY.tooBig, seq, rest: mtu });
}

function assertFit(seen: readonly Seen[], mtu: number): void {
  for (const { packet } of seen) {
    assert(packet.packetBytes <= mtu, `${packet.packetBytes} bytes on a path of ${mtu}`);
  }
}

/**
 * Plays a path of this MTU until the stream is through: what does not fit is answered by a router, the rest arrives.
 * Returns how many bytes went over the wire.
 */
function through(bulk: BulkSender, mtu: number): number {
  let expected = 1;
  let wire = 0;
  const have: [number, number][] = [];
  for (let rounds = 0; bulk.info.sendQueue > 0; rounds++) {
    assert(rounds < 2000, "the stream gets through");
    const seen = bulk.takes();
    if (seen.length === 0) bulk.lab.pass(100 * MS_US);
    for (const { seq, data, packet } of seen) {
      wire += data.length;
      if (packet.packetBytes > mtu) {
        tooBig(bulk, 0, mtu, seq);
        continue;
      }
      have.push([seq, seq + data.length]);
    }
    have.sort(([a], [b]) => a - b);
    for (const [left, right] of have) if (left <= expected) expected = Math.max(expected, right);
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", ack: expected });
  }
  return wire;
}

for (const options of [SACK_OPTIONS, PLAIN_OPTIONS, STAMPED_OPTIONS]) {
  Deno.test(`a path of ${NARROW} bytes: all that follows fits, what was dropped is sent again at once (${Object.keys(options).join(", ")}) (RFC 1191 §3, §6.5, MUST-16)`, () => {
    const bulk = tenOut({ ...RENO, options });
    bulk.passRtt();
    tooBig(bulk, 0, NARROW);
    const again = bulk.takes();
    assert(again.length >= 1, "at once, not by the timer");
    assertEquals(again[0].seq, 1);
    assertFit(again, NARROW);
    // As large as the path allows.
    const overhead = options.timestamps === undefined ? HEADERS : HEADERS + 12;
    assertEquals(again[0].data.length, NARROW - overhead);
    bulk.lab.pass(2 * SECOND_US);
    assertFit(bulk.takes(), NARROW);
  });
}

Deno.test("a message about any segment in flight counts, not only about the first (RFC 1191 §3, RFC 5927 §7)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 4, 1300);
  bulk.acks(4);
  bulk.lab.pass(2 * SECOND_US);
  const seen = bulk.takes();
  assert(seen.length >= 1);
  assertFit(seen, 1300);
});

Deno.test(`a stream gets through a path of ${LEAST} bytes, with little sent for nothing (RFC 1191 §3, §6.5)`, () => {
  for (const options of [SACK_OPTIONS, PLAIN_OPTIONS]) {
    const bulk = new BulkSender({ options, queued: 100_000 });
    const wire = through(bulk, LEAST);
    assert(wire <= 100_000 + 2 * 14_600, `${wire} bytes for 100,000`);
    assertEquals(bulk.info.sendQueue, 0);
  }
});

Deno.test("a path that narrows twice (RFC 1191 §3)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 0, 1400);
  const first = bulk.takes();
  assertFit(first, 1400);
  tooBig(bulk, 0, 1300);
  bulk.lab.pass(2 * SECOND_US);
  const second = bulk.takes();
  assert(second.length >= 1);
  assertFit(second, 1300);
});

Deno.test("a path MTU is never raised by a message (RFC 1191 §3)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 0, NARROW);
  bulk.takes();
  tooBig(bulk, 0, 1400);
  tooBig(bulk, 0, 1500);
  bulk.lab.pass(2 * SECOND_US);
  const seen = bulk.takes();
  assert(seen.length >= 1);
  assertFit(seen, NARROW);
});

ipv4Test("a message without an MTU, of an old router: smaller segments all the same (RFC 1191 §5)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 0, 0);
  bulk.lab.pass(2 * SECOND_US);
  const seen = bulk.takes();
  assert(seen.length >= 1);
  assertFit(seen, 1492);
  assert(seen[0].packet.packetBytes >= 68);
});

Deno.test("too large a packet is no congestion: ssthresh stays, the timer is not backed off (RFC 1191 §6.5)", () => {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 10, 1300);
  assert(bulk.takes().length >= 1);
  assertEquals([bulk.info.ssthresh, bulk.info.backoff], [0, 0]);
  assert(bulk.info.rtoUs <= 400 * MS_US);
});

Deno.test("the repeated packets do not make a burst: no more than the window (RFC 1191 §6.5)", () => {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 10, 1300);
  for (let segment = 11; segment < 30; segment++) tooBig(bulk, segment, 1300);
  const seen = bulk.takes();
  const bytes = seen.reduce((sum, { data }) => sum + data.length, 0);
  assert(bytes <= 20 * 1460, `${bytes} bytes`);
  const counts = new Map<number, number>();
  for (const { seq } of seen) counts.set(seq, (counts.get(seq) ?? 0) + 1);
  assert([...counts.values()].every((count) => count === 1), "each message sends nothing a second time");
});

Deno.test("segments that were in flight before and arrive are acknowledged as they are (RFC 1191 §6.5)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 0, 1300);
  bulk.takes();
  // They had taken another way, and all arrive.
  bulk.acks(10);
  const next = bulk.takes();
  assert(next.length >= 5);
  assertEquals(next[0].seq, bulk.seqOf(10));
  assertFit(next, 1300);
  assertEquals(bulk.info.ssthresh, 0);
});

Deno.test("the windows count in the smaller segments afterwards (RFC 1191 §6.5, RFC 5681 §3.1)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  tooBig(bulk, 0, NARROW);
  assertEquals(bulk.info.sendMss, NARROW - HEADERS);
  bulk.takes();
  const { cwnd } = bulk.info;
  assert(cwnd <= 14_600, `${cwnd}`);
});
