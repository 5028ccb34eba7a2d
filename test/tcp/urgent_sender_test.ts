/**
 * Sending urgent data (RFC 9293 §3.8.5): the pointer of every segment, however long the urgent data is, on the first
 * segment and on those sent again.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { BulkSender, PLAIN_OPTIONS, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import { type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const FIELD_MAX = 0xffff;

/** Flags and pointer that a segment must have when the octets before `up` are urgent (MUST-62). */
function urgency(seq: number, up: number): [string, number] {
  return seq < up ? ["ACK URG", Math.min(up - seq, FIELD_MAX)] : ["ACK", 0];
}

function assertUrgency(seen: readonly Seen[], up: number): void {
  for (const { seq, flags, urgentPointer } of seen) {
    assertEquals([flags, urgentPointer], urgency(seq, up), `the segment at ${seq}`);
  }
}

function writeUrgent({ lab, app }: Fixture, data: string | number): number {
  return lab.user(() => app.connection.writeUrgent(bytesOf(data)));
}

for (const [name, options] of [["SACK", SACK_OPTIONS], ["timestamps", STAMPED_OPTIONS]] as const) {
  Deno.test(`sending 200,000 urgent octets (${name}): each pointer is right, or as far as 16 bits reach (MUST-31, MUST-62)`, () => {
    const bulk = new BulkSender({ options, queued: 0, tcp: { initialWindowSegments: 200 } });
    const length = 200_000;
    bulk.lab.user(() => bulk.app.connection.writeUrgent(bytesOf(length)));
    bulk.writes(1);
    const seen: Seen[] = [];
    for (let round = 0; round < 20 && bulk.app.connection.unackedBytes > 0; round++) {
      seen.push(...bulk.peer.takeAll());
      bulk.peer.sends({ flags: "ACK" });
    }
    assertEquals(bulk.app.connection.unackedBytes, 0);
    assertEquals(seen.reduce((sum, { data }) => sum + data.length, 0), length + 1);
    assertUrgency(seen, 1 + length);
    assertEquals(seen.filter(({ urgentPointer }) => urgentPointer === FIELD_MAX).length > 90, true);
  });
}

Deno.test("sending 65,535, 65,536 and 65,537 urgent octets: the first pointer (MUST-31)", () => {
  for (const length of [0xfffe, 0xffff, 0x10000, 0x10001]) {
    const bulk = new BulkSender({ options: PLAIN_OPTIONS, queued: 0 });
    bulk.lab.user(() => bulk.app.connection.writeUrgent(bytesOf(length)));
    const [first] = bulk.peer.takeAll();
    assertEquals([first.flags, first.urgentPointer], ["ACK URG", Math.min(length, FIELD_MAX)]);
  }
});

Deno.test("writeUrgent: URG stands on the first segment that leaves (MUST-30, RFC 9293 §3.8.5)", () => {
  const fixture = reachEstablished();
  const { peer } = fixture;
  assertEquals(writeUrgent(fixture, "now"), 3);
  const seen = peer.expects({ flags: "ACK URG", seq: 1, ack: 1, data: "now", psh: true });
  assertEquals(seen.urgentPointer, 3);
  peer.expectsSilence();
});

Deno.test("writeUrgent: what was queued before is urgent with it, and does not wait for Nagle (MUST-30, SHLD-7)", () => {
  const fixture = reachEstablished();
  const { peer, app } = fixture;
  app.write("a");
  app.write("b");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  peer.expectsSilence();
  writeUrgent(fixture, "c");
  const seen = peer.expects({ flags: "ACK URG", seq: 2, data: "bc" });
  assertEquals(seen.urgentPointer, 2);
  peer.expectsSilence();
});

Deno.test("markUrgent lets out what Nagle held back (MUST-30, SHLD-7)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("bc");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  lab.user(() => app.connection.markUrgent());
  assertEquals(peer.expects({ flags: "ACK URG", seq: 2, data: "bc" }).urgentPointer, 2);
  peer.expectsSilence();
});

Deno.test("what is written after urgent data is not urgent, and waits as it always does (MUST-30, MUST-62, SHLD-7)", () => {
  const fixture = reachEstablished();
  const { lab, peer, app } = fixture;
  writeUrgent(fixture, "now");
  peer.takeAll();
  app.write("later");
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  const seen = peer.expects({ flags: "ACK", seq: 4, data: "later" });
  assertEquals(seen.urgentPointer, 0);
  // Two segments of urgent data, and behind them what waits for Nagle.
  peer.sends({ flags: "ACK", seq: 1, ack: 9 });
  app.write("w");
  peer.expects({ flags: "ACK", seq: 9, data: "w" });
  lab.user(() => {
    app.connection.writeUrgent(bytesOf(2000));
    app.connection.write(bytesOf("tail"));
  });
  const rest = peer.takeAll();
  assertEquals(rest.map(({ seq }) => seq), [10, 1470]);
  assertUrgency(rest, 2010);
  assertEquals(rest[1].data.length, 540);
});

Deno.test("urgent data that is sent again is still urgent (MUST-30, RFC 9293 §3.8.5)", () => {
  const fixture = reachEstablished();
  const { lab, peer } = fixture;
  writeUrgent(fixture, 3000);
  const first = peer.takeAll();
  assertEquals(first.map(({ seq, flags }) => [seq, flags]), [
    [1, "ACK URG"],
    [1461, "ACK URG"],
    [2921, "ACK URG"],
  ]);
  lab.pass(3 * SECOND_US);
  const [again] = peer.takeAll();
  assertEquals([again.seq, again.flags, again.urgentPointer], [1, "ACK URG", 3000]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1461 });
  lab.pass(9 * SECOND_US);
  const last = peer.takeAll();
  assertEquals(last.length > 0, true);
  assertUrgency(last, 3001);
});

Deno.test("urgent data that is acknowledged is over: new text is not urgent, nor is an ACK (MUST-30)", () => {
  const fixture = reachEstablished({ tcp: { quickAcks: 0 } });
  const { peer, app } = fixture;
  writeUrgent(fixture, "now");
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 4 });
  assertEquals(peer.expects({ flags: "ACK", seq: 4, ack: 2 }).urgentPointer, 0);
  app.write("later");
  assertEquals(peer.expects({ flags: "ACK", seq: 4, data: "later" }).urgentPointer, 0);
  peer.expectsSilence();
});

Deno.test("urgent data behind a shut window: the probe tells of it, with one octet (MUST-30, MUST-36, RFC 9293 §3.8.5)", () => {
  const fixture = reachEstablished({ peer: { window: 0 } });
  const { lab, peer, app } = fixture;
  writeUrgent(fixture, "abcde");
  peer.expectsSilence();
  const { rtoUs } = app.connection.info();
  lab.pass(rtoUs + 10_000);
  const probe = peer.expects({ flags: "ACK URG", seq: 1, data: "a" });
  assertEquals(probe.urgentPointer, 5);
  peer.expectsSilence();
});

Deno.test("writeUrgent takes what there is room for, and throws after CLOSE (MUST-30, RFC 9293 §3.10.2)", () => {
  const fixture = reachEstablished({ tcp: { sendBufferBytes: 10 }, peer: { window: 0 } });
  const { app } = fixture;
  assertEquals(writeUrgent(fixture, 7), 7);
  assertEquals(writeUrgent(fixture, 7), 3);
  assertEquals(writeUrgent(fixture, 7), 0);
  assertEquals(writeUrgent(fixture, ""), 0);
  assertEquals(app.connection.unackedBytes, 10);
  app.closeWrite();
  assertThrows(() => writeUrgent(fixture, "x"));
});
