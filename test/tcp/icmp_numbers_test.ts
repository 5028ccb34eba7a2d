/**
 * ICMP errors by the numbers of RFC 792 and RFC 1191, written out: which types and codes mean what to a connection, and
 * that no message but one changes the size of segments.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, PLAIN_OPTIONS, SACK_OPTIONS, tenOut } from "./bulk_sender.ts";
import { FAMILY, HEADERS, ipv4Test, IS_IPV6, LAB_MTU } from "./family.ts";
import { sendsIcmp } from "./icmp_craft.ts";
import { reachSynSent } from "./states.ts";

/** Destination unreachable is type 3, time exceeded 11, parameter problem 12, source quench 4 (RFC 792). */
const SOFT: readonly (readonly [type: number, code: number])[] = [[3, 0], [3, 1], [3, 5], [11, 0], [11, 1], [
  12,
  0,
]];
const HARD: readonly (readonly [type: number, code: number])[] = [[3, 2], [3, 3]];
/** Fragmentation needed and DF set; the next hop's MTU is in the low half of the second word (RFC 1191 §4). ICMPv6 has a type for it (RFC 4443 §3.2). */
const TOO_BIG = IS_IPV6 ? { type: 2, code: 0 } : { type: 3, code: 4 };

const SACK: BulkOptions = { options: SACK_OPTIONS, tcp: { congestionControl: "reno" } };

for (const [type, code] of SOFT) {
  ipv4Test(`ICMP type ${type} code ${code} about our SYN is no end, and is told (MUST-56, SHLD-25)`, () => {
    const { peer, app } = reachSynSent();
    sendsIcmp(peer, { type, code, seq: 0 });
    peer.expectsSilence();
    assertEquals([app.state, app.advice.length, app.closed], ["SYN_SENT", 1, []]);
  });

  ipv4Test(
    `ICMP type ${type} code ${code} never changes the size of segments, whatever stands in it (RFC 1191 §4)`,
    () => {
      for (const rest of [600, 1000, (1000 << 16) >>> 0]) {
        const bulk = tenOut(SACK);
        const { sendMss, cwnd } = bulk.info;
        sendsIcmp(bulk.peer, { type, code, seq: 1, rest });
        bulk.silence();
        assertEquals([bulk.info.sendMss, bulk.info.cwnd, bulk.info.lostBytes], [sendMss, cwnd, 0]);
      }
    },
  );
}

for (const [type, code] of HARD) {
  ipv4Test(`ICMP type ${type} code ${code} about our SYN ends the OPEN (SHLD-26)`, () => {
    const { peer, app } = reachSynSent();
    sendsIcmp(peer, { type, code, seq: 0 });
    peer.expectsSilence();
    assertEquals([app.closed, app.state], [["refused"], "CLOSED"]);
  });
}

ipv4Test("ICMP source quench, type 4, changes nothing and is not told (MUST-55)", () => {
  const bulk = tenOut(SACK);
  const { cwnd, sendMss } = bulk.info;
  sendsIcmp(bulk.peer, { type: 4, code: 0, seq: 1, rest: 600 });
  bulk.silence();
  assertEquals([bulk.info.cwnd, bulk.info.sendMss, bulk.app.advice], [cwnd, sendMss, []]);
});

/** The sizes of what leaves, new and again. */
function sizes(bulk: BulkSender): number[] {
  return bulk.takes().map(({ packet }) => packet.packetBytes);
}

Deno.test("a path's MTU comes down by messages and is never raised by one: new segments show it (RFC 1191 §3)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
    const bulk = tenOut({ ...SACK, options });
    let least = LAB_MTU;
    for (
      const [mtu, wanted] of [[1400, 1400], [1450, 1400], [1300, 1300], [1301, 1300], [1500, 1300], [
        9000,
        1300,
      ], [1280, 1280]]
    ) {
      const seq = ((bulk.info.sndUna - bulk.info.iss) >>> 0) + 10;
      sendsIcmp(bulk.peer, { ...TOO_BIG, seq, rest: mtu });
      least = Math.min(least, mtu);
      assertEquals(bulk.info.sendMss, wanted - HEADERS, `after ${mtu}`);
      for (const size of sizes(bulk)) assert(size <= least, `${size} bytes on a path of ${least}`);
      bulk.passRtt();
      bulk.peer.sends({ flags: "ACK" });
      const news = sizes(bulk);
      assert(news.length > 0);
      assertEquals(Math.max(...news), least, "new segments are as large as the path allows");
    }
  }
});

Deno.test("what was too big is sent again at once in smaller pieces, without a reduction (RFC 1191 §3, §6.5)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
    const bulk = tenOut({ ...SACK, options });
    bulk.passRtt();
    sendsIcmp(bulk.peer, { ...TOO_BIG, seq: 1, rest: FAMILY.mtuFor(1240) });
    const again = bulk.takes();
    assert(again.length > 0);
    assertEquals([again[0].seq, again[0].data.length], [1, 1240]);
    for (const { data } of again) assert(data.length <= 1240);
    assertEquals([bulk.info.ssthresh, bulk.info.backoff], [0, 0]);
    for (let round = 0; round < 40 && bulk.info.sendQueue > 0; round++) {
      bulk.passRtt();
      bulk.peer.sends({ flags: "ACK" });
      bulk.takes();
    }
    assertEquals(bulk.info.ssthresh, 0, "no reduction afterwards either");
  }
});

Deno.test("a message about what is not in flight changes no size (RFC 5927 §7)", () => {
  const bulk = tenOut(SACK);
  const end = 1 + 10 * bulk.mss;
  for (const seq of [0, -1, end, end + 1, end + 100_000]) {
    sendsIcmp(bulk.peer, { ...TOO_BIG, seq, rest: FAMILY.mtuFor(1240) });
    assertEquals(bulk.info.sendMss, bulk.mss, `about ${seq}`);
  }
  bulk.silence();
  sendsIcmp(bulk.peer, { ...TOO_BIG, seq: end - 1, rest: FAMILY.mtuFor(1240) });
  assertEquals(bulk.info.sendMss, 1240);
});
