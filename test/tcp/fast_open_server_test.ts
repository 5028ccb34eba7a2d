/**
 * Fast Open, the server's side: RFC 7413 §4.1.2 (cookies), §4.2.1 (requests), §4.2.2 (a SYN with a cookie), §5.1 (bounds).
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { COOKIE, MSS, opensFast, REQUEST, serverWithCookie } from "./fast_open_lab.ts";
import { FAMILY } from "./family.ts";
import { Lab } from "./harness.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("off unless it is asked for: a SYN with the option and text gets what every SYN gets (RFC 7413 §4.2.2, step 1)", () => {
  for (const fastOpen of [REQUEST, COOKIE]) {
    const lab = new Lab();
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS, fastOpen } });
    const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    assertEquals(options, { mss: MSS });
    assertEquals([apps[0].text, apps[0].state], ["", "SYN_RCVD"]);
    assertEquals(Object.keys(lab.host.counters()).filter((name) => name.startsWith("fast-open")), []);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
    assertEquals(apps[0].text, "GET");
  }
});

Deno.test("a request for a cookie gets one of eight octets with the SYN-ACK (RFC 7413 §4.2.1)", () => {
  const { lab, cookie } = serverWithCookie();
  assertEquals(cookie.length, 8);
  assertEquals(lab.host.counters()["fast-open-cookies-sent"], 1);
});

Deno.test("text that comes with a request is not taken (RFC 7413 §4.2.2, step 3)", () => {
  const { lab, apps } = serverWithCookie();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS, fastOpen: REQUEST } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([apps[0].text, apps[0].connection.isFastOpen], ["", false]);
});

Deno.test("a good cookie: text is delivered at the SYN, acknowledged by the SYN-ACK, and no new cookie comes (RFC 7413 §4.2.2)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET /" });
  const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 6 });
  peer.expectsSilence();
  assertEquals(options.fastOpen, undefined);
  assertEquals([apps[0].text, apps[0].state, apps[0].opened], ["GET /", "SYN_RCVD", 0]);
  assert(apps[0].connection.isFastOpen);
  peer.sends({ flags: "ACK", seq: 6, ack: 1, data: "more" });
  assertEquals([apps[0].text, apps[0].state, apps[0].opened], ["GET /more", "ESTABLISHED", 1]);
  assertEquals(apps[0].connection.info().synTextBytes, 5);
  assertEquals(lab.takeTransitions(), ["LISTEN>SYN_RCVD", "SYN_RCVD>ESTABLISHED"]);
});

Deno.test("a good cookie without text: the application may speak first", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  apps[0].write("hello");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
  peer.expectsSilence();
});

Deno.test("the application answers before the handshake is over, within the initial window (RFC 7413 §4.2.2, step 6)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer({ window: 0xffff });
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].write(20 * MSS);
  const early = peer.takeAll();
  assertEquals(early.map(({ seq }) => seq), Array.from({ length: 10 }, (_, i) => 1 + i * MSS));
  assertEquals(apps[0].state, "SYN_RCVD");
  // One ACK for the SYN and three segments.
  peer.sends({ flags: "ACK", seq: 4, ack: 1 + 3 * MSS });
  assertEquals([apps[0].state, apps[0].opened], ["ESTABLISHED", 1]);
  assertEquals(apps[0].connection.info().sndUna, (peer.hostIss + 1 + 3 * MSS) >>> 0);
  assert(peer.waiting > 0, "the window has moved");
});

Deno.test("and within the window of the SYN", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer({ window: 100 });
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].write(500);
  peer.expects({ flags: "ACK", seq: 1, ack: 4, data: 100 });
  peer.expectsSilence();
});

Deno.test("the application that answers at once has its answer behind the SYN-ACK, never before it", () => {
  const { lab, cookie } = serverWithCookie();
  lab.user(() =>
    lab.host.listen({
      port: 7878,
      fastOpen: 1,
      accept: () => ({ onReadable: (connection) => connection.echo() }),
    })
  );
  const peer = lab.peer({ hostPort: 7878 });
  opensFast(peer, { cookie, data: "hello" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 6 });
  peer.expects({ flags: "ACK", seq: 1, ack: 6, data: "hello" });
  peer.expectsSilence();
});

Deno.test("an invalid cookie: text is dropped, an ordinary handshake, and a new cookie (RFC 7413 §4.2.2, step 3)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie: cookie.map((byte) => byte ^ 1), data: "GET" });
  const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(options.fastOpen, cookie);
  assertEquals([apps[0].text, apps[0].connection.isFastOpen], ["", false]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  assertEquals([apps[0].text, apps[0].state], ["GET", "ESTABLISHED"]);
  assertEquals(lab.host.counters()["fast-open-cookies-bad"], 1);
});

Deno.test("a stolen cookie is good for the address that it was given to, and no other (RFC 7413 §4.1.2)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const address = FAMILY.peer.slice();
  address[address.length - 1] ^= 0x40;
  const thief = lab.peer({ address });
  opensFast(thief, { cookie, data: "GET" });
  const { options } = thief.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertNotEquals(options.fastOpen, cookie);
  assertEquals(apps[0].text, "");
});

for (const length of [1, 2, 3, 5, 7, 17, 18, 20]) {
  Deno.test(`an option with a cookie of ${length} octets is ignored (RFC 7413 §4.1.1)`, () => {
    const { lab, apps } = serverWithCookie();
    const peer = lab.peer();
    const field = [34, 2 + length, ...Array<number>(length).fill(9)];
    while (field.length % 4 !== 0) field.push(1);
    peer.sends({ flags: "SYN", seq: 0, data: "GET", rawOptions: field });
    const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    assertEquals(options.fastOpen, undefined);
    assertEquals(apps[0].text, "");
  });
}

for (const length of [4, 6, 10, 16]) {
  Deno.test(`a cookie of ${length} octets, which may be but is none of ours: a good one comes back (RFC 7413 §4.1.2)`, () => {
    const { lab, cookie } = serverWithCookie();
    const peer = lab.peer();
    opensFast(peer, { cookie: new Uint8Array(length).fill(3), data: "GET" });
    const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    assertEquals(options.fastOpen, cookie);
  });
}

Deno.test("text without an option is left, and no cookie comes unasked", () => {
  const { lab, apps } = serverWithCookie();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS } });
  const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([options.fastOpen, apps[0].text], [undefined, ""]);
});

Deno.test("without cookies, where that is wanted: text is taken as it comes", () => {
  const { lab, apps } = serverWithCookie({ fastOpenWithoutCookie: true });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  assertEquals(apps[0].text, "GET");
  // Without text there is nothing to be fast with.
  const bare = lab.peer();
  bare.sends({ flags: "SYN", seq: 0, options: { mss: MSS } });
  bare.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(apps[1].connection.isFastOpen, false);
});

Deno.test("the experimental option is answered in its own form, and its cookie is as good (RFC 6994; kind 254, 0xf989)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const asking = lab.peer();
  asking.sends({ flags: "SYN", seq: 0, options: { mss: MSS, fastOpenExperimental: REQUEST } });
  const { options } = asking.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals([options.fastOpenExperimental, options.fastOpen], [cookie, undefined]);
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS, fastOpenExperimental: cookie } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  assertEquals(apps[1].text, "GET");
});

Deno.test("a FIN in the SYN is not taken: it comes again behind the handshake", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  peer.sends({ flags: "SYN FIN", seq: 0, data: "GET", options: { mss: MSS, fastOpen: cookie } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  assertEquals([apps[0].text, apps[0].state, apps[0].peerClosed], ["GET", "SYN_RCVD", 0]);
  peer.sends({ flags: "FIN ACK", seq: 4, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals([apps[0].state, apps[0].peerClosed], ["CLOSE_WAIT", 1]);
});

Deno.test("timestamps: the SYN's is echoed, and PAWS judges what comes next by it (RFC 7323 §5.3)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  const value = peer.clock;
  opensFast(peer, {
    cookie,
    data: "GET",
    options: { mss: MSS, sackPermitted: true, timestamps: { value, echo: 0 } },
  });
  const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  assertEquals(options.timestamps?.echo, value);
  peer.sends({
    flags: "ACK",
    seq: 4,
    ack: 1,
    data: "old",
    options: { timestamps: { value: value - 10, echo: options.timestamps?.value ?? 0 } },
  });
  assertEquals([apps[0].text, apps[0].state], ["GET", "SYN_RCVD"]);
  assertEquals(lab.host.counters()["paws-drops"], 1);
});

Deno.test("the same SYN once more: the SYN-ACK again, and its text not twice", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.expectsSilence();
  assertEquals([apps.length, apps[0].text, apps[0].readable], [1, "GET", 1]);
});

Deno.test("the SYN-ACK again after a time-out, with neither data nor option (RFC 7413 §4.2.2)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie: cookie.map((byte) => byte ^ 1), data: "GET" });
  assertEquals(peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 }).options.fastOpen, cookie);
  peer.mark();
  lab.pass(1.1 * SECOND_US);
  const again = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1, afterUs: SECOND_US });
  assertEquals(again.options, { mss: MSS });
  assertEquals(apps[0].state, "SYN_RCVD");
});

Deno.test("while the SYN-ACK is not acknowledged only it is sent again; then what was sent behind it", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  apps[0].write(3000);
  assertEquals(peer.takeAll().map(({ flags, seq }) => `${flags} ${seq}`), [
    "SYN ACK 0",
    "ACK 1",
    "ACK 1461",
    "ACK 2921",
  ]);
  lab.pass(3.5 * SECOND_US);
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.expectsSilence();
  // The client has got the SYN-ACK, and nothing that came before it.
  peer.sends({ flags: "ACK", seq: 4, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 4, data: MSS });
  peer.sends({ flags: "ACK", seq: 4, ack: 1 + MSS });
  assertEquals(peer.takeAll().map(({ seq }) => seq), [1 + MSS, 1 + 2 * MSS]);
  peer.sends({ flags: "ACK", seq: 4, ack: 3001 });
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("a client that never answers: five times again, and gone (MUST-22)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  lab.pass(200 * SECOND_US);
  assertEquals(peer.takeAll().length, 6);
  assertEquals(apps[0].closed, ["timeout"]);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("CLOSE before the handshake is over: FIN behind the answer, FIN_WAIT_1, and in order to the end (RFC 9293 §3.10.4)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].write("answer");
  peer.expects({ flags: "ACK", seq: 1, ack: 4, data: "answer" });
  apps[0].closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 7, ack: 4 });
  assertEquals(apps[0].state, "FIN_WAIT_1");
  peer.sends({ flags: "ACK", seq: 4, ack: 8 });
  assertEquals(apps[0].state, "FIN_WAIT_2");
  peer.sends({ flags: "FIN ACK", seq: 4, ack: 8 });
  peer.expects({ flags: "ACK", seq: 8, ack: 5 });
  assertEquals(apps[0].state, "TIME_WAIT");
});

Deno.test("the SYN-ACK of a connection that is closed already is sent again by itself", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  apps[0].write("answer");
  apps[0].closeWrite();
  assertEquals(peer.takeAll().map(({ flags }) => flags), ["SYN ACK", "ACK", "FIN ACK"]);
  lab.pass(1.1 * SECOND_US);
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 4, ack: 1 });
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 4, data: "answer" });
  assertEquals(apps[0].state, "FIN_WAIT_1");
});

Deno.test("close with text unread is a reset, before the handshake is over as well (RFC 2525 §2.17)", () => {
  const { lab, apps, cookie } = serverWithCookie({ autoRead: false });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].close();
  peer.expects({ flags: "RST ACK", seq: 1, ack: 4 });
  assertEquals(apps[0].closed, ["reset-by-us"]);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("RST before the handshake is over: the application is told (RFC 9293 §3.10.7.4)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.sends({ flags: "RST", seq: 4 });
  peer.expectsSilence();
  assertEquals(apps[0].closed, ["reset-by-peer"]);
  assertEquals(lab.takeTransitions(), ["LISTEN>SYN_RCVD", "SYN_RCVD>LISTEN"]);
});

Deno.test("an ACK that is not for our SYN is answered with RST (RFC 9293 §3.10.7.4)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].write("answer");
  peer.expects({ flags: "ACK", seq: 1, ack: 4, data: "answer" });
  peer.sends({ flags: "ACK", seq: 4, ack: 8 });
  peer.expects({ flags: "RST", seq: 8 });
  assertEquals(apps[0].state, "SYN_RCVD");
});

Deno.test("a SYN that finds the connection in TIME_WAIT opens a new one at once, with its text (MAY-2)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer({ port: 50_000 });
  opensFast(peer, { cookie, data: "GET" });
  apps[0].closeWrite();
  peer.takeAll();
  peer.sends({ flags: "FIN ACK", seq: 4, ack: 2 });
  peer.takeAll();
  assertEquals(apps[0].state, "TIME_WAIT");
  const again = lab.peer({ port: 50_000, iss: (peer.iss + 1000) >>> 0 });
  opensFast(again, { cookie, data: "more" });
  again.expects({ flags: "SYN ACK", seq: 0, ack: 5 });
  assertEquals(apps[1].text, "more");
});

Deno.test("a SYN with more than a segment of text: all that was sent is taken", () => {
  const { lab, apps, cookie } = serverWithCookie({ mtu: 9000 });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: 5000 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 5001 });
  assertEquals(apps[0].bytesRead, bytesOf(5000, 0));
});
