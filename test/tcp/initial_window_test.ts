/**
 * The initial window: RFC 6928 §2, RFC 5681 §3.1, and what a lost SYN does to it.
 */
import { assert, assertEquals } from "@std/assert";
import {
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  tenOut,
} from "./bulk_sender.ts";
import { FAMILY } from "./family.ts";
import { reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

for (const role of ["server", "client"] as const) {
  for (const congestionControl of ["reno", "cubic"] as const) {
    Deno.test(`the initial window is ten segments (${role}, ${congestionControl}) (RFC 6928 §2, MUST-19)`, () => {
      const bulk = tenOut({ role, tcp: { congestionControl } });
      // Nothing more without an ACK, for as long as no timer runs out.
      bulk.lab.pass(150 * MS_US);
      bulk.silence();
    });
  }
}

/** min(10 * MSS, max(2 * MSS, 14600)) in whole segments. */
const BY_MSS = [
  { mss: 88, linkMss: 1460, segments: 10 },
  { mss: 536, linkMss: 1460, segments: 10 },
  { mss: 1220, linkMss: 1460, segments: 10 },
  { mss: 1460, linkMss: 1460, segments: 10 },
  { mss: 1825, linkMss: 8960, segments: 8 },
  { mss: 2920, linkMss: 8960, segments: 5 },
  { mss: 4380, linkMss: 8960, segments: 3 },
  { mss: 7300, linkMss: 8960, segments: 2 },
  { mss: 8960, linkMss: 8960, segments: 2 },
] as const;

for (const { mss, linkMss, segments } of BY_MSS) {
  Deno.test(`with an MSS of ${mss} the initial window is ${segments} segments, at most 14600 bytes or two (RFC 6928 §2)`, () => {
    const bulk = new BulkSender({ mtu: FAMILY.mtuFor(linkMss), options: { ...SACK_OPTIONS, mss } });
    bulk.expects(range(0, segments));
  });
}

Deno.test("the options of each segment come off the MSS, and ten segments remain ten (RFC 6928 §2, MUST-16)", () => {
  const bulk = new BulkSender({ options: STAMPED_OPTIONS });
  assertEquals(bulk.mss, 1448);
  bulk.expects(range(0, 10));
});

for (const initialWindowSegments of [1, 2, 3, 4]) {
  Deno.test(`an initial window of ${initialWindowSegments} by setting (RFC 5681 §3.1: an upper bound)`, () => {
    const bulk = new BulkSender({ tcp: { initialWindowSegments } });
    bulk.expects(range(0, initialWindowSegments));
  });
}

Deno.test("the handshake's ACK does not open the window (RFC 6928 §2, RFC 3390 §1)", () => {
  const bulk = tenOut();
  assertEquals(bulk.cwnd, 10);
});

Deno.test("the peer's window bounds the first flight too (RFC 5681 §3.1, RFC 9293 §3.8.6)", () => {
  const bulk = new BulkSender({ options: { mss: 1460 }, peer: { window: 4380 } });
  bulk.expects([0, 1, 2]);
  bulk.lab.pass(50 * MS_US);
  bulk.silence();
});

Deno.test("a SYN, ACK sent three times: the initial window is one segment (RFC 5681 §3.1, RFC 6928 §2)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS, STAMPED_OPTIONS]) {
    const { lab, peer, app } = reachSynRcvd({ options });
    peer.timestamps = options.timestamps !== undefined;
    lab.pass(3 * SECOND_US + 100 * MS_US);
    assertEquals(peer.takeAll().map(({ flags }) => flags), ["SYN ACK", "SYN ACK"]);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    app.write(50_000);
    assertEquals(peer.takeAll().map(({ seq }) => seq), [1]);
  }
});

Deno.test("a SYN sent three times: the initial window is one segment (RFC 5681 §3.1, RFC 6928 §2)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.pass(3 * SECOND_US + 100 * MS_US);
  assertEquals(peer.takeAll().map(({ flags }) => flags), ["SYN", "SYN"]);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: SACK_OPTIONS });
  app.write(50_000);
  assertEquals(peer.takeAll().map(({ seq, data }) => [seq, data.length > 0]), [[1, false], [1, true]]);
});

Deno.test("a SYN, ACK sent twice: one segment (RFC 5681 §3.1) or, as it may be spurious, ten (RFC 6928 §2)", () => {
  const { lab, peer, app } = reachSynRcvd({ options: SACK_OPTIONS });
  lab.pass(1100 * MS_US);
  assertEquals(peer.takeAll().map(({ flags }) => flags), ["SYN ACK"]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  app.write(50_000);
  const sent = peer.takeAll().length;
  assert(sent === 1 || sent === 10, `${sent} segments`);
});

Deno.test("after a lost SYN the window grows from one segment as in slow start (RFC 5681 §3.1)", () => {
  const { lab, peer, app } = reachSynRcvd({ options: SACK_OPTIONS });
  lab.pass(3 * SECOND_US + 100 * MS_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  app.write(50_000);
  const lengths: number[] = [];
  for (let round = 0; round < 4; round++) {
    const flight = peer.takeAll();
    lengths.push(flight.length);
    lab.pass(100 * MS_US);
    for (const { seq, data } of flight) peer.sends({ flags: "ACK", seq: 1, ack: seq + data.length });
  }
  assertEquals(lengths, [1, 2, 4, 8]);
});
