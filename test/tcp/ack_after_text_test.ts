/**
 * What leaves in answer to a segment acknowledges all of that segment: text, FIN, and the hole that it filled (RFC 9293
 * §3.10.7.4, seventh; §3.8.6.3). The ACK field of one segment and its text are one event.
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  tenOut,
} from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const OFFERS: Readonly<Record<string, BulkOptions>> = {
  "no options": { options: PLAIN_OPTIONS },
  "SACK": { options: SACK_OPTIONS },
  "all options": { options: STAMPED_OPTIONS },
  "all options, without header prediction": { options: STAMPED_OPTIONS, headerPrediction: false },
  "SACK, an application that does not read": { options: SACK_OPTIONS, autoRead: false },
  "SACK, no quick ACKs": { options: SACK_OPTIONS, tcp: { quickAcks: 0 } },
};

/** Demands that there is something, and that each segment acknowledges `ack`. */
function assertAcks(seen: readonly Seen[], ack: number, atLeast: number): void {
  assertGreaterOrEqual(seen.filter(({ data }) => data.length > 0).length, atLeast, "segments with text");
  assertEquals(seen.map((one) => one.ack), seen.map(() => ack));
}

for (const [offer, options] of Object.entries(OFFERS)) {
  Deno.test(`text with an ACK that opens the congestion window: all that leaves acknowledges the text (${offer}) (RFC 9293 §3.10.7.4)`, () => {
    const bulk = tenOut(options);
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", seq: 1, ack: bulk.seqOf(10), data: 1000 });
    assertAcks(bulk.takes(), 1001, 15);
    bulk.passRtt();
    // Nothing is owed: what left has told it already.
    assertEquals(bulk.takes().filter(({ data }) => data.length === 0), []);
  });

  Deno.test(`text with a window update: all that leaves acknowledges the text (${offer}) (RFC 9293 §3.10.7.4)`, () => {
    const bulk = new BulkSender({ ...options, peer: { window: 0 } });
    bulk.silence("nothing fits");
    bulk.peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 700, window: 0xffff });
    assertAcks(bulk.takes(), 701, 10);
  });

  Deno.test(`text and FIN with an ACK that opens the window: all that leaves acknowledges both (${offer}) (RFC 9293 §3.10.7.4, eighth)`, () => {
    const bulk = tenOut(options);
    bulk.passRtt();
    bulk.peer.sends({ flags: "FIN ACK", seq: 1, ack: bulk.seqOf(10), data: 1000 });
    assertAcks(bulk.takes(), 1002, 15);
    assertEquals(bulk.app.state, "CLOSE_WAIT");
  });

  Deno.test(`a FIN alone with an ACK that opens the window: all that leaves acknowledges it (${offer}) (RFC 9293 §3.10.7.4, eighth)`, () => {
    const bulk = tenOut(options);
    bulk.passRtt();
    bulk.peer.sends({ flags: "FIN ACK", seq: 1, ack: bulk.seqOf(10) });
    assertAcks(bulk.takes(), 2, 15);
  });

  Deno.test(`text that fills a hole, with an ACK: all that leaves acknowledges what is behind the hole, too (${offer}) (RFC 9293 §3.10.7.4, RFC 5681 §4.2)`, () => {
    const bulk = tenOut(options);
    bulk.peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 500 });
    assertEquals(bulk.takes().map(({ ack }) => ack), [1]);
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", seq: 1, ack: bulk.seqOf(10), data: 500 });
    const seen = bulk.takes();
    assertAcks(seen, 1001, 15);
    for (const one of seen) assertEquals(bulk.peer.sackOf(one), [], "no hole is left to report");
  });

  Deno.test(`text beyond a hole, with an ACK: all that leaves reports it (${offer}) (RFC 2018 §4)`, () => {
    const bulk = tenOut(options);
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", seq: 501, ack: bulk.seqOf(10), data: 500 });
    const seen = bulk.takes();
    assertAcks(seen, 1, 10);
    const blocks = bulk.info.sackPermitted ? [[501, 1001]] : [];
    for (const one of seen) assertEquals(bulk.peer.sackOf(one), blocks);
  });

  Deno.test(`a run of segments with text and ACK each: what leaves never acknowledges less than has arrived (${offer}) (RFC 9293 §3.10.7.4)`, () => {
    const bulk = tenOut(options);
    bulk.passRtt();
    let arrived = 1;
    for (const segment of range(1, 11)) {
      bulk.peer.sends({ flags: "ACK", seq: arrived, ack: bulk.seqOf(segment), data: 100 });
      arrived += 100;
      assertAcks(bulk.takes(), arrived, 1);
    }
  });
}

Deno.test("a timestamp that comes with text and ACK is echoed on all that leaves (RFC 7323 §4.3)", () => {
  const bulk = tenOut({ options: STAMPED_OPTIONS });
  bulk.passRtt();
  const { clock, hostTimestamp } = bulk.peer;
  bulk.peer.sends({
    flags: "ACK",
    seq: 1,
    ack: bulk.seqOf(10),
    data: 1000,
    options: { timestamps: { value: clock, echo: hostTimestamp } },
  });
  const seen = bulk.takes();
  assertAcks(seen, 1001, 15);
  assertEquals(new Set(seen.map((one) => one.options.timestamps?.echo)), new Set([clock]));
});

Deno.test("what is sent again in answer to text acknowledges the text (RFC 9293 §3.10.7.4, RFC 6675 §5)", () => {
  const bulk = tenOut();
  bulk.passRtt();
  const blocks = [bulk.peer.hostBlock(bulk.seqOf(1), bulk.seqOf(10))];
  bulk.peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 300, options: { sack: blocks } });
  const seen = bulk.takes();
  assert(seen.some(({ seq }) => seq === 1), "segment 0 is lost");
  assertAcks(seen, 301, 1);
});

Deno.test("what Nagle held back and text lets out acknowledges the text (RFC 9293 §3.7.4)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("first");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "first" });
  app.write("second");
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 6, data: "answer" });
  peer.expects({ flags: "ACK", seq: 6, ack: 7, data: "second" });
  peer.expectsSilence();
  lab.pass(100 * MS_US);
  peer.expectsSilence();
});

Deno.test("our FIN that an ACK with text lets out acknowledges the text (RFC 9293 §3.10.4)", () => {
  const { peer, app } = reachEstablished({ peer: { window: 100 } });
  app.write(200);
  peer.expects({ flags: "ACK", seq: 1, data: 100 });
  app.closeWrite();
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 101, data: "answer", window: 1000 });
  const seen = peer.takeAll();
  assertEquals(seen.at(-1)?.flags, "FIN ACK");
  assertEquals(seen.map(({ ack }) => ack), seen.map(() => 7));
});

Deno.test("an application that answers what it reads: its answer acknowledges what it has read (RFC 9293 §3.8.6.3)", () => {
  const { lab, peer, app } = reachEstablished();
  lab.user(() => {
    app.connection.handler = { onReadable: (connection) => void connection.echo() };
  });
  for (let i = 0; i < 5; i++) {
    peer.sends({ flags: "ACK", seq: 1 + i * 5, ack: 1 + i * 5, data: "hello" });
    peer.expects({ flags: "ACK", seq: 1 + i * 5, ack: 6 + i * 5, data: "hello" });
    peer.expectsSilence();
  }
  lab.pass(SECOND_US / 10);
  peer.expectsSilence();
});
