/**
 * A window that is shut and the probes that wait for it to open: when they leave, what their answers mean, and what
 * leaves when it has opened (RFC 9293 §3.8.6.1; RFC 5681 §2, §3.2).
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
} from "@std/assert";
import {
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  STAMPED_PLAIN_OPTIONS,
  tenOut,
} from "./bulk_sender.ts";
import type { OptionValues } from "./frame_craft.ts";
import type { Seen } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

const OFFERS: Readonly<Record<string, OptionValues>> = {
  "no options": PLAIN_OPTIONS,
  "SACK": SACK_OPTIONS,
  "timestamps": STAMPED_PLAIN_OPTIONS,
  "SACK and timestamps": STAMPED_OPTIONS,
};

const LARGEST_RTO_US = 60 * SECOND_US;

/** Lets time go by up to the next probe, at most `limitUs`. */
function nextProbe(bulk: BulkSender, limitUs: number): Seen {
  const endUs = bulk.lab.nowUs + limitUs;
  for (;;) {
    bulk.lab.passUntil(Math.min(endUs, bulk.lab.host.nextDeadlineUs()));
    const seen = bulk.takes();
    assertLessOrEqual(seen.length, 1, "probes leave one by one");
    if (seen.length === 1) return seen[0];
    assert(bulk.lab.nowUs < endUs, `no probe within ${limitUs / SECOND_US} s`);
  }
}

/** What the peer says to a probe: everything up to `ack` is here, and there is no room. */
function refuses(bulk: BulkSender, ack: number, probe?: Seen): void {
  const stamp = probe?.options.timestamps;
  bulk.peer.sends({
    flags: "ACK",
    ack,
    window: 0,
    options: stamp === undefined ? {} : { timestamps: { value: bulk.peer.clock, echo: stamp.value } },
  });
}

/** A sender whose first flight is acknowledged, and the window shut behind it. */
function shutBehindFlight(options: OptionValues): BulkSender {
  const bulk = tenOut({ options });
  bulk.passRtt();
  bulk.acks(10, { window: 0 });
  bulk.silence("nothing fits");
  return bulk;
}

/** A sender that has had a shut window from its first moment. */
function shutFromStart(options: OptionValues): BulkSender {
  const bulk = new BulkSender({ options, peer: { window: 0 } });
  bulk.silence("nothing fits");
  return bulk;
}

for (const [offer, options] of Object.entries(OFFERS)) {
  for (const reach of [shutBehindFlight, shutFromStart]) {
    Deno.test(`ten probes at one RTO, two, four...: answers with window 0 are no duplicate ACKs (${offer}, ${reach.name}) (MUST-36, SHLD-29, SHLD-30, RFC 5681 §2)`, () => {
      const bulk = reach(options);
      const una = bulk.seqOf(reach === shutFromStart ? 0 : 10);
      const { rtoUs, cwnd, ssthresh } = bulk.info;
      let intervalUs = rtoUs;
      for (let count = 0; count < 10; count++) {
        const sinceUs = bulk.lab.nowUs;
        const probe = nextProbe(bulk, 2 * intervalUs);
        assertAlmostEquals((probe.atUs - sinceUs) / intervalUs, 1, 0.05, `probe ${count}`);
        assertLessOrEqual(probe.seq, una);
        assertLessOrEqual(probe.seq + probe.data.length, una + 1, "an octet at most");
        refuses(bulk, una, probe);
        bulk.silence("an answer that tells nothing draws nothing");
        assertEquals([bulk.info.recovery, bulk.info.cwnd, bulk.info.ssthresh], ["open", cwnd, ssthresh]);
        intervalUs = Math.min(2 * intervalUs, LARGEST_RTO_US);
      }
      assertEquals(new Set(bulk.resent()), new Set(bulk.resent().filter((kind) => kind === "probe")));
    });

    Deno.test(`answers to probes that the path doubles or makes late start no recovery (${offer}, ${reach.name}) (RFC 5681 §2)`, () => {
      const bulk = reach(options);
      const una = bulk.seqOf(reach === shutFromStart ? 0 : 10);
      const { cwnd, ssthresh, rtoUs } = bulk.info;
      for (let count = 0; count < 3; count++) {
        const probe = nextProbe(bulk, rtoUs * 16);
        for (let copies = 0; copies < 5; copies++) refuses(bulk, una, probe);
        bulk.silence("five answers");
      }
      assertEquals([bulk.info.recovery, bulk.info.cwnd, bulk.info.ssthresh], ["open", cwnd, ssthresh]);
    });
  }

  Deno.test(`the window opens after some probes: ten segments leave at once (${offer}) (RFC 9293 §3.8.6.1, RFC 6928 §2)`, () => {
    for (const probes of [1, 3, 5, 10]) {
      const bulk = shutFromStart(options);
      for (let count = 0; count < probes; count++) refuses(bulk, 1, nextProbe(bulk, 2 * LARGEST_RTO_US));
      bulk.lab.pass(50 * MS_US);
      bulk.peer.window = 0xffff;
      bulk.acks(0);
      bulk.expects(range(0, 10), `after ${probes} probes`);
      bulk.lab.pass(50 * MS_US);
      assertEquals(bulk.acksEach(0, 10), range(10, 30), "slow start goes on");
    }
  });

  Deno.test(`the window opens after some probes behind a flight: as many segments as a sender may that was idle, at once (${offer}) (RFC 9293 §3.8.6.1, RFC 5681 §4.1)`, () => {
    for (const probes of [1, 3, 5, 10]) {
      const bulk = shutBehindFlight(options);
      const cwnd = Math.floor(bulk.cwnd);
      for (let count = 0; count < probes; count++) {
        refuses(bulk, bulk.seqOf(10), nextProbe(bulk, 2 * LARGEST_RTO_US));
      }
      bulk.lab.pass(50 * MS_US);
      bulk.acks(10, { window: 0xffff });
      const left = bulk.took();
      assertGreaterOrEqual(left.length, 10, `after ${probes} probes`);
      assertLessOrEqual(left.length, cwnd);
      assertEquals(left, range(10, 10 + left.length));
    }
  });

  Deno.test(`an octet of a probe that was taken is not sent again, the rest follows it (${offer}) (MUST-36, RFC 9293 §3.8.6.1)`, () => {
    const bulk = shutFromStart(options);
    const { cwnd } = bulk.info;
    let una = 1;
    for (let count = 0; count < 4; count++) {
      const probe = nextProbe(bulk, 2 * LARGEST_RTO_US);
      assertEquals([probe.seq, probe.data.length], [una, 1], "the octet that is next");
      una += 1;
      refuses(bulk, una, probe);
      bulk.silence("still no room");
      assertEquals(bulk.info.sendQueue, 600_000 + 1 - una, "it counts");
    }
    assertGreaterOrEqual(bulk.info.cwnd, cwnd);
    bulk.peer.sends({ flags: "ACK", ack: una, window: 0xffff });
    const left = bulk.takes();
    assertEquals(left.map(({ seq }) => seq), range(0, left.length).map((i) => una + i * bulk.mss));
    assertGreaterOrEqual(left.length, 10);
  });
}

Deno.test("a window that shuts while the flight is out: what is acknowledged up to its edge is followed by probes alone (RFC 9293 §3.8.6.1)", () => {
  const bulk = tenOut();
  bulk.passRtt();
  for (let segment = 1; segment <= 10; segment++) {
    bulk.peer.sends({ flags: "ACK", ack: bulk.seqOf(segment), window: ((10 - segment) * bulk.mss) >> 7 });
    bulk.silence("the edge does not move right");
  }
  const { rtoUs } = bulk.info;
  const sinceUs = bulk.lab.nowUs;
  const times = range(0, 6).map(() => {
    const probe = nextProbe(bulk, LARGEST_RTO_US);
    refuses(bulk, bulk.seqOf(10));
    return (probe.atUs - sinceUs) / rtoUs;
  });
  for (const [i, time] of times.entries()) assertAlmostEquals(time, 2 ** (i + 1) - 1, 0.1, `${times}`);
});

Deno.test("a window that opens a little for a moment and shuts again: the probes begin anew with one RTO (SHLD-29, RFC 9293 §3.8.6.1)", () => {
  const bulk = shutFromStart(SACK_OPTIONS);
  for (let count = 0; count < 4; count++) refuses(bulk, 1, nextProbe(bulk, LARGEST_RTO_US));
  bulk.peer.sends({ flags: "ACK", ack: 1, window: 2 * 1460 >> 7 });
  const sent = bulk.takes();
  assertEquals(sent[0].seq, 1);
  const end = Math.max(...sent.map(({ seq, data }) => seq + data.length));
  bulk.peer.sends({ flags: "ACK", ack: end, window: 0 });
  bulk.silence();
  const { rtoUs } = bulk.info;
  const sinceUs = bulk.lab.nowUs;
  const probe = nextProbe(bulk, LARGEST_RTO_US);
  assertAlmostEquals((probe.atUs - sinceUs) / rtoUs, 1, 0.05);
});
