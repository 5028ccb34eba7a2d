/**
 * Urgent data that is sent again, and urgent data beyond what 16 bits can point at (RFC 9293 §3.8.5, §3.10.2; MUST-30,
 * MUST-31; as Linux).
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { MS_US, SACK_OPTIONS } from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Established, and `bytes` of urgent text written; more that is not urgent behind it. */
function urgent(bytes: number, behind = 0, options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ options: SACK_OPTIONS, ...options });
  const { lab, app } = fixture;
  lab.user(() => {
    app.connection.setNoDelay(true);
    assertEquals(app.connection.writeUrgent(bytesOf(bytes)), bytes);
    if (behind > 0) app.connection.write(bytesOf(behind, bytes));
  });
  return fixture;
}

/** Demands URG and the pointer where urgent text ends at `end` (the number after its last octet), and none behind. */
function assertUrgent(seen: readonly Seen[], end: number): void {
  for (const { seq, flags, urgentPointer } of seen) {
    const isUrgent = seq < end;
    assertEquals(flags.includes("URG"), isUrgent, `URG at ${seq}, urgent up to ${end}`);
    if (isUrgent) assertEquals(urgentPointer, Math.min(end - seq, 0xffff), `the pointer at ${seq}`);
  }
}

for (
  const [name, options] of [["SACK", SACK_OPTIONS], ["all options", ALL_OPTIONS], ["no options", {
    mss: 1460,
  }]] as const
) {
  Deno.test(`urgent segments that the timer sends again are still urgent, what is behind them is not (${name}) (MUST-30, RFC 9293 §3.8.5)`, () => {
    const { lab, peer } = urgent(4000, 3000, { options });
    const first = peer.takeAll();
    assertEquals(first.reduce((sum, { data }) => sum + data.length, 0), 7000);
    assertUrgent(first, 4001);
    const again: Seen[] = [];
    for (const { seq, data } of first) {
      lab.pass(3 * SECOND_US);
      const seen = peer.takeAll();
      assertUrgent(seen, 4001);
      again.push(...seen);
      // One segment after the other arrives.
      peer.sends({ flags: "ACK", ack: seq + data.length });
    }
    for (const { seq } of first.filter((one) => one.seq < 4001)) {
      const isAgain = again.some((one) => one.seq <= seq && seq < one.seq + one.data.length);
      assert(isAgain, `number ${seq} was sent again`);
    }
  });

  Deno.test(`an urgent segment that fast recovery sends again is still urgent (${name}) (MUST-30, RFC 9293 §3.8.5)`, () => {
    const { lab, peer, app } = urgent(8000, 6000, { options });
    const first = peer.takeAll();
    assertUrgent(first, 8001);
    const { seq, data } = first[2];
    peer.sends({ flags: "ACK", ack: seq });
    for (let i = 3; i < first.length; i++) {
      const end = first[i].seq + first[i].data.length;
      const block = peer.hostBlock(seq + data.length, end);
      peer.sends({ flags: "ACK", ack: seq, options: name === "no options" ? {} : { sack: [block] } });
    }
    const again = peer.takeAll();
    assertEquals(again[0]?.seq, seq);
    assertUrgent(again, 8001);
    lab.pass(5 * SECOND_US);
    const later = peer.takeAll();
    assertUrgent(later, 8001);
    assertEquals(app.state, "ESTABLISHED");
  });
}

Deno.test("urgent text that is acknowledged in part: the rest keeps its pointer (MUST-30, MUST-62, RFC 9293 §3.8.5)", () => {
  const { lab, peer } = urgent(1000);
  assertUrgent(peer.takeAll(), 1001);
  peer.sends({ flags: "ACK", ack: 401 });
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assertEquals(again[0]?.seq, 401);
  assertUrgent(again, 1001);
});

Deno.test("urgent text a second time: the pointer of what is sent again moves on to the new end, never back (MUST-30, RFC 9293 §3.10.2)", () => {
  const { lab, peer, app } = urgent(1000);
  assertUrgent(peer.takeAll(), 1001);
  app.write(500);
  assertUrgent(peer.takeAll(), 1001);
  lab.user(() => app.connection.writeUrgent(bytesOf(200, 1500)));
  assertUrgent(peer.takeAll(), 1701);
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assertGreater(again.length, 0);
  assertUrgent(again, 1701);
});

Deno.test("when all urgent text is acknowledged, nothing is urgent any more, sent again or not (RFC 9293 §3.8.5)", () => {
  const { lab, peer, app } = urgent(1000);
  peer.takeAll();
  peer.sends({ flags: "ACK", ack: 1001 });
  app.write(500);
  assertUrgent(peer.takeAll(), 1001);
  lab.pass(5 * SECOND_US);
  const again = peer.takeAll();
  assertGreater(again.length, 0);
  for (const { flags } of again) assertEquals(flags, "ACK");
});

Deno.test("an ACK that leaves while urgent text is under way, and a FIN behind it (RFC 9293 §3.10.2, §3.10.4)", () => {
  const { lab, peer, app } = urgent(1000);
  peer.takeAll();
  app.closeWrite();
  assertUrgent(peer.takeAll(), 1001);
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assertGreater(again.filter(({ data }) => data.length > 0).length, 0);
  for (const { seq, flags, urgentPointer } of again.filter(({ flags }) => flags.includes("URG"))) {
    assertEquals([seq + urgentPointer, flags.includes("ACK")], [1001, true]);
  }
  assert(again.some(({ seq, flags }) => seq === 1 && flags.includes("URG")));
});

Deno.test("urgent text beyond 16 bits: URG from the first segment on, the pointer is 65,535 until the end is nearer (MUST-31, RFC 9293 §3.8.5)", () => {
  const fixture = urgent(200_000, 5000, { tcp: { initialWindowSegments: 300 }, peer: { window: 0x2000 } });
  const { lab, peer, app } = fixture;
  const seen = peer.takeAll();
  for (let rounds = 0; app.connection.unackedBytes > 0; rounds++) {
    assert(rounds < 300, "all gets through");
    lab.pass(10 * MS_US);
    peer.sends({ flags: "ACK", ack: Math.max(...seen.map(({ seq, data }) => seq + data.length)) });
    seen.push(...peer.takeAll());
  }
  assertUrgent(seen, 200_001);
  assertGreater(seen.filter(({ urgentPointer }) => urgentPointer === 0xffff).length, 80);
  assertGreater(seen.filter(({ flags }) => flags === "ACK").length, 1, "what is behind");
});

Deno.test("urgent text beyond 16 bits, sent again: the pointer does not wrap (MUST-31, RFC 9293 §3.8.5)", () => {
  const fixture = urgent(150_000, 0, { tcp: { initialWindowSegments: 300 }, peer: { window: 0x2000 } });
  const { lab, peer } = fixture;
  const first = peer.takeAll();
  assertGreater(first.length, 90);
  assertUrgent(first, 150_001);
  for (const lost of [0, 40, 80]) {
    peer.sends({ flags: "ACK", ack: first[lost].seq });
    lab.pass(2 * SECOND_US);
    const again = peer.takeAll();
    assert(again.some(({ seq }) => seq === first[lost].seq), "sent again");
    assertUrgent(again, 150_001);
  }
});

Deno.test("a peer follows: what is announced again and again leads it to the end of the urgent text (MUST-31, MUST-32)", () => {
  const fixture = urgent(100_000, 0, { tcp: { initialWindowSegments: 300 }, peer: { window: 0x2000 } });
  const announced = fixture.peer.takeAll();
  // RCV.UP of a receiver: the furthest number that was announced (RFC 9293 §3.10.7.4, sixth).
  let up = 0;
  for (const { seq, urgentPointer, flags, data } of announced) {
    if (flags.includes("URG")) up = Math.max(up, seq + urgentPointer);
    assert(up >= seq + data.length, "never behind the text that is urgent");
    assert(up <= 100_001, "never beyond it");
  }
  assertEquals(up, 100_001);
});
