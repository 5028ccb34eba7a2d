/**
 * Ends of records that no segment spans (POSIX's MSG_EOR), and SEND without PUSH (RFC 9293 §3.10.2, MUST-60, MUST-61).
 */
import { assertEquals } from "@std/assert";
import { type Fixture, reachEstablished } from "./states.ts";
import type { Peer } from "./peer.ts";

function sizes(peer: Peer): (number | string)[] {
  return peer.takeAll().map(({ data, psh }) => psh ? `${data.length}P` : data.length);
}

/** A connection whose congestion window is full: what is written waits. */
function full(): Fixture {
  const fixture = reachEstablished();
  fixture.app.write(1460 * 10);
  assertEquals(fixture.peer.takeAll().length, 10);
  return fixture;
}

Deno.test("a record ends where it is marked, with PSH; small ones do not wait for each other, the stream's last piece does (Nagle)", () => {
  const { lab, peer, app } = full();
  for (let record = 0; record < 3; record++) {
    app.write(400);
    lab.user(() => app.connection.endRecord());
  }
  app.write(2000);
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1460 * 10 + 1 });
  assertEquals(sizes(peer), ["400P", "400P", "400P", 1460]);
});

Deno.test("without a mark what waits together leaves together (MAY-16)", () => {
  const { peer, app } = full();
  for (let write = 0; write < 3; write++) app.write(400);
  peer.sends({ flags: "ACK", seq: 1, ack: 1460 * 10 + 1 });
  assertEquals(sizes(peer), ["1200P"]);
});

Deno.test("a record longer than a segment is cut as ever, and its last piece ends it", () => {
  const { lab, peer, app } = full();
  app.write(2000);
  lab.user(() => app.connection.endRecord());
  app.write(100);
  peer.sends({ flags: "ACK", seq: 1, ack: 1460 * 10 + 1 });
  assertEquals(sizes(peer), [1460, "540P"]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1460 * 10 + 2001 });
  assertEquals(sizes(peer), ["100P"]);
});

Deno.test("what is lost of several records is not sent again as one segment", () => {
  const { lab, peer, app } = full();
  for (let record = 0; record < 3; record++) {
    app.write(400);
    lab.user(() => app.connection.endRecord());
  }
  app.write(1);
  peer.sends({ flags: "ACK", seq: 1, ack: 1460 * 10 + 1 });
  assertEquals(sizes(peer).slice(0, 3), ["400P", "400P", "400P"]);
  lab.pass(3_000_000);
  const again = peer.takeAll().filter(({ seq }) => seq === 1460 * 10 + 1).map(({ data }) => data.length);
  assertEquals(again.every((length) => length === 400), true);
});

Deno.test("the last record, nothing behind it, obeys Nagle", () => {
  const { lab, peer, app } = reachEstablished();
  app.write(10);
  assertEquals(sizes(peer), ["10P"]);
  app.write(400);
  lab.user(() => app.connection.endRecord());
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 11 });
  assertEquals(sizes(peer), ["400P"]);
});

Deno.test("marks are bounded, and those that are acknowledged are forgotten: millions of records cost nothing", () => {
  const { lab, peer, app } = full();
  for (let record = 0; record < 5000; record++) {
    app.write(1);
    lab.user(() => app.connection.endRecord());
  }
  for (let rounds = 0; app.connection.unackedBytes > 0 && rounds < 2000; rounds++) {
    const seen = peer.takeAll();
    const last = seen.at(-1);
    peer.sends({
      flags: "ACK",
      seq: 1,
      ack: last === undefined ? 1460 * 10 + 1 : last.seq + last.data.length,
    });
  }
  assertEquals(app.connection.unackedBytes, 0);
});

Deno.test("SEND without PUSH, and CLOSE, which pushes: the text that FIN rides on has PSH (RFC 9293 §3.9.1.4)", () => {
  const { lab, peer, app } = reachEstablished();
  lab.user(() => app.connection.configure({ push: false, cork: true }));
  app.write(1460 + 10);
  assertEquals(sizes(peer), [1460]);
  app.closeWrite();
  assertEquals(sizes(peer), ["10P"]);
});

Deno.test("SEND without PUSH: the last segment of what is queued has none", () => {
  const { lab, peer, app } = reachEstablished();
  lab.user(() => app.connection.configure({ push: false }));
  app.write(1460 + 10);
  assertEquals(sizes(peer), [1460, 10]);
  lab.user(() => app.connection.configure({ push: true }));
  peer.sends({ flags: "ACK", seq: 1, ack: 1471 });
  app.write(10);
  assertEquals(sizes(peer), ["10P"]);
});
