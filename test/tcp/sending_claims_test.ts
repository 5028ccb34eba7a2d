/**
 * What the requirements about sending claim, each broken once to see its test fail: urgent data of any length, Nagle
 * switched off, what the peer's window and our own may do, time-outs that double, thresholds, keep-alive.
 */
import { assert, assertEquals } from "@std/assert";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

function writesUrgent({ lab, app }: Fixture, bytes: number): void {
  lab.user(() => assertEquals(app.connection.writeUrgent(new Uint8Array(bytes)), bytes));
}

function flagsAndPointers(seen: readonly Seen[]): [string, number][] {
  return seen.map(({ flags, urgentPointer }) => [flags, urgentPointer]);
}

Deno.test("urgent data of many segments: each has URG and points to the end of all (MUST-30, MUST-62, RFC 9293 §3.8.5)", () => {
  const fixture = reachEstablished({ options: { mss: 1000 } });
  const { peer, app } = fixture;
  writesUrgent(fixture, 3500);
  assertEquals(flagsAndPointers(peer.takeAll()), [
    ["ACK URG", 3500],
    ["ACK URG", 2500],
    ["ACK URG", 1500],
    ["ACK URG", 500],
  ]);
  peer.sends({ flags: "ACK", seq: 1, ack: 3501 });
  app.write(10);
  assertEquals(flagsAndPointers(peer.takeAll()), [["ACK", 0]]);
});

Deno.test("urgent data beyond what the pointer can say: it says the most, until the end is near enough (MUST-31, RFC 9293 §3.8.5)", () => {
  const fixture = reachEstablished({ options: { mss: 1460, windowScale: 7 }, tcp: { noDelay: true } });
  const { peer } = fixture;
  peer.window = 0x1000;
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  writesUrgent(fixture, 200_000);
  const all: Seen[] = [];
  for (let seen = peer.takeAll(); seen.length > 0; seen = peer.takeAll()) {
    all.push(...seen);
    peer.sends({ flags: "ACK", seq: 1, ack: peer.seen });
  }
  assertEquals(all.reduce((sum, { data }) => sum + data.length, 0), 200_000);
  assertEquals(flagsAndPointers(all), all.map(({ seq }) => ["ACK URG", Math.min(0xffff, 200_001 - seq)]));
});

Deno.test("an application that was told of urgent data is told again when more is announced (MUST-32, RFC 9293 §3.8.5)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "ACK URG", seq: 1, ack: 1, urgentPointer: 10 });
  assertEquals(app.urgent, [10]);
  peer.sends({ flags: "ACK URG", seq: 1, ack: 1, urgentPointer: 10 });
  assertEquals(app.urgent, [10], "the same once more is no news");
  peer.sends({ flags: "ACK URG", seq: 1, ack: 1, urgentPointer: 100 });
  assertEquals(app.urgent, [10, 100]);
});

Deno.test("Nagle switched off lets out at once what waits (MUST-17, RFC 9293 §3.7.4)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("b");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  peer.expectsSilence();
  lab.user(() => app.connection.setNoDelay(true));
  peer.expects({ flags: "ACK", seq: 2, data: "b" });
  peer.expectsSilence();
});

Deno.test("the right edge of a scaled window never moves left, octet by octet (SHLD-14, RFC 9293 §3.8.6)", () => {
  for (const receiveBufferBytes of [0x100000, 0x100000 - 1, 200_001]) {
    const { peer } = reachEstablished({
      options: ALL_OPTIONS,
      autoRead: false,
      tcp: { receiveBufferBytes, quickAcks: 1000 },
    });
    let edge = 0;
    let at = 1;
    for (const bytes of [1, 1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 1, 1, 1, 40, 1]) {
      peer.sends({ flags: "ACK", seq: at, ack: 1, data: bytes });
      at += bytes;
      const { ack, window } = peer.expects({ flags: "ACK", seq: 1 });
      const next = ack + (window << peer.hostShift);
      // Rounded up again and again it would leave the buffer behind: there less than a unit is taken back (RFC 7323 §2.4).
      const isBeyond = next + 2 ** peer.hostShift > 1 + receiveBufferBytes + 2 ** peer.hostShift;
      const taken = edge - next;
      assert(
        taken <= 0 || (isBeyond && taken < 2 ** peer.hostShift),
        `the edge moved from ${edge} to ${next}`,
      );
      edge = next;
      if (peer.hostShift === 0) throw new Error("no scale");
    }
  }
});

Deno.test("when the window has shrunk, what lies inside it is sent again as usual (SHLD-16, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = reachEstablished({ options: { mss: 1000 }, tcp: { noDelay: true } });
  app.write(6000);
  assertEquals(peer.takeAll().length, 6);
  peer.mark();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 2500 });
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assertEquals([again[0].seq, again[0].data.length], [1, 1000]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1001, window: 1500 });
  assertEquals(peer.takeAll()[0].seq, 1001, "the next one inside the window follows");
});

/** When what was written is sent again, seconds after it was sent. */
function timeouts(options: FixtureOptions, seconds: number): number[] {
  const { lab, peer, app } = reachEstablished(options);
  app.write("x");
  peer.takeAll();
  const began = lab.nowUs;
  lab.pass(seconds * SECOND_US);
  return peer.takeAll().map(({ atUs }) => (atUs - began) / SECOND_US);
}

Deno.test("without an answer the timeout doubles, to a minute at most (MUST-19, MUST-18, RFC 6298 §5.5)", () => {
  const tcp = { rtoMinUs: SECOND_US };
  assertEquals(timeouts({ tcp }, 200), [1, 3, 7, 15, 31, 63, 123, 183]);
});

Deno.test("by default the application hears of R1 after three retransmissions, neither sooner nor later (SHLD-10, MUST-20, RFC 9293 §3.8.3)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { rtoMinUs: SECOND_US } });
  app.write("x");
  const told: number[] = [];
  for (let second = 0; second < 40; second++) {
    peer.takeAll();
    lab.pass(SECOND_US);
    if (app.advice.length > told.length) told.push(second + 1);
  }
  // Sent again after 1, 3, 7 and 15 s.
  assertEquals(told, [15]);
});

Deno.test("each connection has its own keep-alive: one that asks for it probes, its neighbour does not (MUST-24, RFC 9293 §3.8.4)", () => {
  const first = reachEstablished();
  const second = reachEstablished({ lab: first.lab, peer: { hostPort: 7778 }, role: "client" });
  const { lab } = first;
  lab.user(() => first.app.connection.setKeepAlive(true, 10 * SECOND_US, 5 * SECOND_US));
  lab.pass(10 * SECOND_US);
  first.peer.expects({ flags: "ACK", seq: 0, ack: 1 });
  first.peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  first.peer.expectsSilence();
  // Answered, it begins anew; what arrives puts it off.
  lab.pass(6 * SECOND_US);
  first.peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(10 * SECOND_US - 1);
  first.peer.expectsSilence();
  lab.pass(1);
  first.peer.expects({ flags: "ACK", seq: 0, ack: 1 });
  first.peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  first.peer.expectsSilence();
  second.peer.expectsSilence();
  lab.user(() => first.app.connection.setKeepAlive(false));
  lab.user(() => second.app.connection.setKeepAlive(true, 10 * SECOND_US, 5 * SECOND_US));
  lab.pass(10 * SECOND_US);
  first.peer.expectsSilence();
  second.peer.expects({ flags: "ACK", seq: 0, ack: 1 });
});

Deno.test("ECN is granted to a SYN with both bits alone, and each mark is echoed until the peer has reduced (SHLD-8, RFC 3168 §6.1.1, §6.1.3)", () => {
  for (const [flags, answer] of [["SYN ECE", "SYN ACK"], ["SYN CWR", "SYN ACK"], ["SYN", "SYN ACK"]]) {
    const fixture = reachEstablished();
    const peer = fixture.lab.peer();
    peer.sends({ flags, seq: 0, options: { mss: 1460 } });
    peer.expects({ flags: answer, seq: 0, ack: 1 });
  }
  const { lab } = reachEstablished();
  const peer = lab.peer();
  peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK ECE", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  const arrives = (seq: number, flags: string, ecn: number) => {
    peer.sends({ flags, seq, ack: 1, data: "x", ecn });
    lab.pass(SECOND_US / 2);
    return peer.takeAll().map((seen) => seen.flags);
  };
  assertEquals(arrives(1, "ACK", 2), ["ACK"]);
  assertEquals(arrives(2, "ACK", 3), ["ACK ECE"]);
  assertEquals(arrives(3, "ACK", 2), ["ACK ECE"]);
  assertEquals(arrives(4, "ACK CWR", 2), ["ACK"]);
});
