/**
 * Settings of one connection that its host's others do not have: given with OPEN, with LISTEN, and later.
 */
import { assertEquals } from "@std/assert";
import { listenWith } from "../host/faulty_app.ts";
import { Lab } from "./harness.ts";
import { reachEstablished } from "./states.ts";

Deno.test("a connection of its own receive buffer offers that much, with the scale that it needs (RFC 7323 §2.3)", () => {
  const lab = new Lab();
  listenWith(lab, () => ({}), { tcp: { receiveBufferBytes: 3000, mss: 900, sack: false } });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460, windowScale: 7, sackPermitted: true } });
  const answer = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(answer.window, 3000);
  assertEquals(answer.options.mss, 900);
  assertEquals(answer.options.windowScale, 0);
  assertEquals(answer.options.sackPermitted, undefined);
});

Deno.test("a listener's settings change for the connections that come after", () => {
  const lab = new Lab();
  const listener = listenWith(lab, () => ({}));
  listener.configure({ receiveBufferBytes: 5000 });
  listener.configure({ mss: 1000 });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  const answer = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([answer.window, answer.options.mss], [5000, 1000]);
  const other = lab.host.listeners()[0];
  assertEquals(other.port, listener.port);
});

Deno.test("a send buffer takes what has been set, and no more; what is in it stays when it gets smaller", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  const { connection } = app;
  lab.user(() => connection.configure({ sendBufferBytes: 2000 }));
  assertEquals(lab.user(() => connection.write(new Uint8Array(5000))), 2000);
  assertEquals(connection.writableBytes, 0);
  lab.user(() => connection.configure({ sendBufferBytes: 500 }));
  assertEquals(connection.unackedBytes, 2000);
  assertEquals(connection.writableBytes, 0);
  assertEquals(peer.takeAll().map(({ data }) => data.length), [1460, 540]);
  peer.sends({ flags: "ACK", seq: 1, ack: 2001 });
  assertEquals(connection.writableBytes, 500);
});

Deno.test("a receive buffer that gets smaller takes nothing back that was offered (SHLD-14)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  const before = app.connection.info().rcvWnd;
  lab.user(() => app.connection.configure({ receiveBufferBytes: 1000 }));
  assertEquals(app.connection.info().rcvWnd, before);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1460 });
  const ack = peer.expects({ flags: "ACK", ack: 1461 });
  assertEquals(ack.window, before - 1460);
});

Deno.test("cork: a last piece that fills no segment waits, full segments go, and it goes when the cork is drawn", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  const { connection } = app;
  lab.user(() => connection.configure({ cork: true }));
  app.write("ab");
  peer.expectsSilence();
  app.write(1460);
  assertEquals(peer.takeAll().map(({ seq, data }) => [seq, data.length]), [[1, 1460]]);
  lab.user(() => connection.configure({ cork: false }));
  assertEquals(peer.takeAll().map(({ seq, data, psh }) => [seq, data.length, psh]), [[1461, 2, true]]);
});

Deno.test("cork: FIN takes with it what waits", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  lab.user(() => app.connection.configure({ cork: true }));
  app.write("ab");
  peer.expectsSilence();
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, data: "ab" });
});

Deno.test("peek shows what read gives after it, from any place, and takes nothing", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  const { connection } = app;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
  const seen = new Uint8Array(3);
  assertEquals(connection.peek(seen), 3);
  assertEquals(connection.peek(seen, 3), 2);
  assertEquals(connection.peek(seen, 5), 0);
  assertEquals(connection.peek(seen, 99), 0);
  assertEquals(connection.readableBytes, 5);
  assertEquals(new TextDecoder().decode(seen), "lol");
  assertEquals(connection.read(new Uint8Array(9)), 5);
});
