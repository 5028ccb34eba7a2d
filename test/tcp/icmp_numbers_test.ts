/**
 * ICMP errors by the numbers of RFC 792, RFC 1191 and RFC 4443, written out: which types and codes mean what to a connection, and
 * that no message but one changes the size of segments.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, type BulkSender, PLAIN_OPTIONS, SACK_OPTIONS, tenOut } from "./bulk_sender.ts";
import { type Family, IPV4_FAMILY, IPV6_FAMILY } from "./family.ts";
import { sendsIcmp } from "./icmp_craft.ts";
import { type FixtureOptions, reachSynSent } from "./states.ts";

/** The sizes of what leaves, new and again. */
function sizes(bulk: BulkSender): number[] {
  return bulk.takes().map(({ packet }) => packet.packetBytes);
}

type Kind = readonly [type: number, code: number];

interface Numbers {
  readonly family: Family;
  readonly name: "ICMP" | "ICMPv6";
  readonly soft: readonly Kind[];
  readonly hard: readonly Kind[];
  readonly tooBig: { readonly type: number; readonly code: number };
  /** Types that mean nothing to TCP. */
  readonly others: readonly Kind[];
}

const NUMBERS: readonly Numbers[] = [
  {
    family: IPV4_FAMILY,
    name: "ICMP",
    // Destination unreachable is type 3, time exceeded 11, parameter problem 12 (RFC 792).
    soft: [[3, 0], [3, 1], [3, 5], [11, 0], [11, 1], [12, 0]],
    hard: [[3, 2], [3, 3]],
    // Fragmentation needed and DF set; the next hop's MTU is in the low half of the second word (RFC 1191 §4).
    tooBig: { type: 3, code: 4 },
    // Source quench, redirect.
    others: [[4, 0], [5, 1]],
  },
  {
    family: IPV6_FAMILY,
    name: "ICMPv6",
    // Destination unreachable is type 1, time exceeded 3, parameter problem 4 (RFC 4443 §3).
    soft: [[1, 0], [1, 1], [1, 2], [1, 3], [1, 5], [1, 6], [3, 0], [3, 1], [4, 0], [4, 1], [4, 2]],
    hard: [[1, 4]],
    tooBig: { type: 2, code: 0 },
    // Errors that nobody has defined, the first ones and the last.
    others: [[0, 0], [5, 0], [100, 0], [127, 0]],
  },
];

for (const { family, name, soft, hard, tooBig, others } of NUMBERS) {
  const over: FixtureOptions = { families: [family], mtu: family.mtuFor(1460) };
  const bulkOf = (options: BulkOptions["options"] = SACK_OPTIONS) =>
    tenOut({ ...over, options, tcp: { congestionControl: "reno" } });

  for (const [type, code] of soft) {
    Deno.test(`${name} type ${type} code ${code} about our SYN is no end, and is told (MUST-56, SHLD-25)`, () => {
      const { peer, app } = reachSynSent(over);
      sendsIcmp(peer, { type, code, seq: 0 });
      peer.expectsSilence();
      assertEquals([app.state, app.advice.length, app.closed], ["SYN_SENT", 1, []]);
    });

    Deno.test(
      `${name} type ${type} code ${code} never changes the size of segments, whatever stands in it (RFC 1191 §4)`,
      () => {
        for (const rest of [600, 1000, 1280, 1300, (1000 << 16) >>> 0]) {
          const bulk = bulkOf();
          const { sendMss, cwnd } = bulk.info;
          sendsIcmp(bulk.peer, { type, code, seq: 1, rest });
          bulk.silence();
          assertEquals([bulk.info.sendMss, bulk.info.cwnd, bulk.info.lostBytes], [sendMss, cwnd, 0]);
        }
      },
    );
  }

  for (const [type, code] of hard) {
    Deno.test(`${name} type ${type} code ${code} about our SYN ends the OPEN (SHLD-26)`, () => {
      const { peer, app } = reachSynSent(over);
      sendsIcmp(peer, { type, code, seq: 0 });
      peer.expectsSilence();
      assertEquals([app.closed, app.state], [["refused"], "CLOSED"]);
    });
  }

  for (const [type, code] of others) {
    Deno.test(`${name} type ${type} code ${code} changes nothing and is not told (MUST-55)`, () => {
      const bulk = bulkOf();
      const { cwnd, sendMss } = bulk.info;
      sendsIcmp(bulk.peer, { type, code, seq: 1, rest: family.mtuFor(1240) });
      bulk.silence();
      assertEquals([bulk.info.cwnd, bulk.info.sendMss, bulk.app.advice], [cwnd, sendMss, []]);
    });
  }

  Deno.test(`${name}: a path's MTU comes down by messages and is never raised by one: new segments show it (RFC 1191 §3)`, () => {
    for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
      const bulk = bulkOf(options);
      let least = family.mtuFor(1460);
      for (
        const [mtu, wanted] of [[1400, 1400], [1450, 1400], [1300, 1300], [1301, 1300], [1500, 1300], [
          9000,
          1300,
        ], [1280, 1280]]
      ) {
        const seq = ((bulk.info.sndUna - bulk.info.iss) >>> 0) + 10;
        sendsIcmp(bulk.peer, { ...tooBig, seq, rest: mtu });
        least = Math.min(least, mtu);
        assertEquals(bulk.info.sendMss, wanted - family.headerBytes - 20, `after ${mtu}`);
        for (const size of sizes(bulk)) assert(size <= least, `${size} bytes on a path of ${least}`);
        bulk.passRtt();
        bulk.peer.sends({ flags: "ACK" });
        const news = sizes(bulk);
        assert(news.length > 0);
        assertEquals(Math.max(...news), least, "new segments are as large as the path allows");
      }
    }
  });

  Deno.test(`${name}: what was too big is sent again at once in smaller pieces, without a reduction (RFC 1191 §3, §6.5)`, () => {
    for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
      const bulk = bulkOf(options);
      bulk.passRtt();
      sendsIcmp(bulk.peer, { ...tooBig, seq: 1, rest: family.mtuFor(1240) });
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

  Deno.test(`${name}: a message about what is not in flight changes no size (RFC 5927 §7)`, () => {
    const bulk = bulkOf();
    const end = 1 + 10 * bulk.mss;
    for (const seq of [0, -1, end, end + 1, end + 100_000]) {
      sendsIcmp(bulk.peer, { ...tooBig, seq, rest: family.mtuFor(1240) });
      assertEquals(bulk.info.sendMss, bulk.mss, `about ${seq}`);
    }
    bulk.silence();
    sendsIcmp(bulk.peer, { ...tooBig, seq: end - 1, rest: family.mtuFor(1240) });
    assertEquals(bulk.info.sendMss, 1240);
  });
}
