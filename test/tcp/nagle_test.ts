/**
 * Nagle's algorithm, and its switch (RFC 9293 §3.7.4).
 */
import { assertEquals } from "@std/assert";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("Nagle: the first small write goes at once, those after it wait for the ACK, together (SHLD-7, MAY-16)", () => {
  const { peer, app } = reachEstablished();
  app.write("a");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "a", psh: true });
  for (const letter of "bcdef") app.write(letter);
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 1, data: "bcdef", psh: true });
  peer.expectsSilence();
});

Deno.test("Nagle: a full segment goes although something is unacknowledged, the rest waits (SHLD-7)", () => {
  const { peer, app } = reachEstablished();
  app.write("a");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  app.write(1460 + 10);
  peer.expects({
    flags: "ACK",
    seq: 2,
    data: new Uint8Array(app.connection.unackedBytes > 1 ? pattern(0, 1460) : []),
  });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1462 });
  peer.expects({ flags: "ACK", seq: 1462, data: pattern(1460, 10) });
  peer.expectsSilence();
});

Deno.test("Nagle: a small write after a full one goes at once, the next waits for it (Minshall's variant, SHLD-7)", () => {
  const { peer, app } = reachEstablished();
  app.write(1460);
  peer.expects({ flags: "ACK", seq: 1, data: 1460 });
  app.write("tail");
  peer.expects({ flags: "ACK", seq: 1461, data: "tail" });
  app.write("more");
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1461 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1465 });
  peer.expects({ flags: "ACK", seq: 1465, data: "more" });
});

Deno.test("Nagle: the rest of a write longer than a segment does not wait for the ACK of its beginning (Minshall's variant)", () => {
  const { peer, app } = reachEstablished();
  app.write(1460 * 2 + 100);
  assertEquals(peer.takeAll().map(({ data }) => data.length), [1460, 1460, 100]);
});

Deno.test("Nagle: FIN pushes out what waits (SHLD-7, MUST-60)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("bc");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  peer.expectsSilence();
  app.closeWrite();
  lab.pass(1000);
  const seen = peer.takeAll();
  const text = seen.map(({ data }) => String.fromCharCode(...data)).join("");
  // With the FIN at once, or both together when the ACK comes; never the FIN alone, never lost.
  if (seen.length === 0) {
    peer.sends({ flags: "ACK", seq: 1, ack: 2 });
    const late = peer.takeAll();
    assertEquals(late.map(({ data }) => String.fromCharCode(...data)).join(""), "bc");
    assertEquals(late[late.length - 1].flags, "FIN ACK");
  } else {
    assertEquals(text, "bc");
    assertEquals(seen[seen.length - 1].flags, "FIN ACK");
  }
});

Deno.test("Nagle off for one connection: each write goes at once (MUST-17)", () => {
  const { peer, app } = reachEstablished();
  app.connection.setNoDelay(true);
  for (const letter of "abc") app.write(letter);
  peer.expects({ flags: "ACK", seq: 1, data: "a", psh: true });
  peer.expects({ flags: "ACK", seq: 2, data: "b", psh: true });
  peer.expects({ flags: "ACK", seq: 3, data: "c", psh: true });
  peer.expectsSilence();
});

Deno.test("Nagle off lets out what waits already (MUST-17)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("b");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  peer.expectsSilence();
  lab.user(() => app.connection.setNoDelay(true));
  app.write("c");
  const rest = peer.takeAll().map(({ data }) => String.fromCharCode(...data)).join("");
  assertEquals(rest, "bc");
});

Deno.test("Nagle on again for one connection (MUST-17)", () => {
  const { peer, app } = reachEstablished({ tcp: { noDelay: true } });
  app.write("a");
  app.write("b");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  peer.expects({ flags: "ACK", seq: 2, data: "b" });
  app.connection.setNoDelay(false);
  app.write("c");
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  peer.expects({ flags: "ACK", seq: 3, data: "c" });
});

Deno.test("Nagle: nothing waits for ever, an ACK that never comes is the timer's business (MUST-60, SHLD-7)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("b");
  peer.takeAll();
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assertEquals(again[0].seq, 1);
  peer.sends({
    flags: "ACK",
    seq: 1,
    ack: again[again.length - 1].seq + again[again.length - 1].data.length,
  });
  lab.pass(SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  assertEquals(app.connection.unackedBytes, 0);
});

function pattern(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((from + i) * 7 + ((from + i) >>> 8)) % 251);
}
