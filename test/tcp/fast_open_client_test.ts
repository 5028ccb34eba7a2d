/**
 * Fast Open, the client's side: RFC 7413 §4.1.3 (what is kept of servers), §4.2.1 (requests), §4.2.2 (text in the SYN, and what the
 * answer says of it).
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { bytesOf } from "./app_log.ts";
import { clientWithCookie, COOKIE, MSS, optionOf, REQUEST } from "./fast_open_lab.ts";
import { BEGIN_AT } from "./begin_far.ts";
import { FAMILY, IS_IPV6 } from "./family.ts";
import { Lab } from "./harness.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { Peer, Seen } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

/** The options of a SYN of ours, and the room that they leave of a server's MSS. */
const SYN_OPTION_BYTES = 4 + 12 + 4;
const COOKIE_OPTION_BYTES = 12;
const ROOM = MSS - SYN_OPTION_BYTES - COOKIE_OPTION_BYTES;

const text = (data: string) => ({ data: bytesOf(data) });

/** What the next SYN to the address of all peers would do. */
function room(lab: Lab, port = 50_000): number {
  return lab.host.fastOpenRoom({ address: FAMILY.peer, port });
}

Deno.test("without a cookie the SYN asks for one, and the data follows behind the handshake (RFC 7413 §4.2.1)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  assertEquals(room(lab), -1);
  const app = lab.connect(peer, { fastOpen: text("GET") });
  const syn = peer.expects({ flags: "SYN", seq: 0 });
  assertEquals(optionOf(syn.options), REQUEST);
  assertEquals(app.connection.unackedBytes, 3);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1200, fastOpen: COOKIE } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  peer.expectsSilence();
  assertEquals(lab.host.fastOpenCookies(), [{
    localAddress: FAMILY.host,
    address: FAMILY.peer,
    cookie: COOKIE,
    isExperimental: false,
    mss: 1200,
  }]);
  assertEquals(room(lab), 1200 - SYN_OPTION_BYTES - COOKIE_OPTION_BYTES);
});

Deno.test("an ordinary open has no option, whatever is known of the server", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer);
  assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0 }).options), null);
});

Deno.test("with a cookie the data goes out in the SYN, and is done when the SYN-ACK acknowledges it (RFC 7413 §4.2.2)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET /") });
  const syn = peer.expects({ flags: "SYN", seq: 0, data: "GET /" });
  assertEquals(optionOf(syn.options), COOKIE);
  assertEquals([app.state, app.connection.unackedBytes], ["SYN_SENT", 5]);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 6, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 6, ack: 1 });
  peer.expectsSilence();
  assertEquals([app.state, app.opened, app.connection.unackedBytes], ["ESTABLISHED", 1, 0]);
  assertEquals(app.connection.info().synTextBytes, 5);
  // What follows goes on from there.
  app.write("more");
  peer.expects({ flags: "ACK", seq: 6, ack: 1, data: "more" });
});

Deno.test("an answer that comes with or right behind the SYN-ACK is read", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, data: "200 ", options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 4, ack: 5 });
  peer.sends({ flags: "ACK", seq: 5, ack: 4, data: "OK" });
  assertEquals(app.text, "200 OK");
});

Deno.test("no more goes with the SYN than the server's MSS leaves beside the options; the rest follows (RFC 7413 §4.2.2, MUST-16)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  assertEquals(room(lab), ROOM);
  const app = lab.connect(peer, { fastOpen: { data: bytesOf(5000, 0) } });
  peer.expects({ flags: "SYN", seq: 0, data: bytesOf(ROOM, 0) });
  assertEquals(app.connection.unackedBytes, 5000);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 + ROOM, options: { mss: 1000 } });
  const rest = peer.takeAll();
  assertEquals(rest.map(({ seq }) => seq - 1 - ROOM), [0, 1000, 2000, 3000]);
  assertEquals(rest[0].data, bytesOf(5000, 0).subarray(ROOM, ROOM + 1000));
});

Deno.test("room for all options that there could be, where that is set", () => {
  const lab = clientWithCookie({ tcp: { fastOpenOptionRoom: "all" } });
  assertEquals(room(lab), MSS - 40);
});

Deno.test("a server whose MSS is not known takes the default (MUST-15), or what our device carries, where that is set", () => {
  const withoutCookie = (tcp: Partial<TcpConfig>) => {
    const lab = new Lab({ tcp });
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: { data: bytesOf(3000, 0), withoutCookie: true } });
    const [syn] = peer.takeAll();
    return syn.data.length;
  };
  assertEquals(withoutCookie({}), (IS_IPV6 ? 1220 : 536) - SYN_OPTION_BYTES);
  assertEquals(withoutCookie({ fastOpenUnknownMss: "link" }), MSS - SYN_OPTION_BYTES);
});

Deno.test("the SYN-ACK acknowledges the SYN alone: all of the data leaves at once, as ordinary data (RFC 7413 §4.2.2)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: { data: bytesOf(1300, 0) } });
  peer.expects({ flags: "SYN", seq: 0, data: bytesOf(1300, 0) });
  peer.sends({
    flags: "SYN ACK",
    seq: 0,
    ack: 1,
    options: { mss: 600, fastOpen: Uint8Array.of(9, 9, 9, 9) },
  });
  const again = peer.takeAll();
  assertEquals(again.map(({ seq, data }) => [seq, data.length]), [[1, 600], [601, 600], [1201, 100]]);
  // Each of these segments is sent again (RFC 6298 §3: no round trip is measured by them), and no sign of congestion.
  const { resent, unacked } = app.connection.flight();
  assertEquals([resent, unacked], [3, 3]);
  const before = app.connection.info();
  peer.sends({ flags: "ACK", seq: 1, ack: 1301 });
  assertEquals([app.connection.unackedBytes, app.writable], [0, 1]);
  const after = app.connection.info();
  assertEquals([after.retransmits, after.srttUs, after.ssthresh], [3, before.srttUs, before.ssthresh]);
  // With a new cookie it is no negative response (RFC 7413 §4.1.3).
  assertEquals(lab.host.fastOpenCookies()[0].cookie, Uint8Array.of(9, 9, 9, 9));
  assertEquals(room(lab) > 0, true);
});

Deno.test("the SYN-ACK acknowledges a part of the data: the other part leaves at once", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: text("0123456789") });
  peer.expects({ flags: "SYN", seq: 0, data: "0123456789" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 5, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 5, ack: 1, data: "456789" });
  peer.expectsSilence();
  assert(room(lab, peer.port) > 0, "the path has carried it");
});

Deno.test("data that was refused leaves before what is new, and a burst of its own ends where that is a habit (RFC 7413 §4.2.2)", () => {
  for (const pushFlag of ["end-of-data", "bursts-too"] as const) {
    const lab = clientWithCookie({ tcp: { pushFlag } });
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: { data: bytesOf(3000, 0) } });
    const [syn] = peer.takeAll();
    const inSyn = syn.data.length;
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
    const [again, next] = peer.takeAll();
    assertEquals([again.seq, again.data.length, next.seq], [1, inSyn, 1 + inSyn]);
    // The text of a SYN lies at number 1; a stream that is made to begin far on has it elsewhere.
    if (BEGIN_AT === 0) assertEquals(again.psh, pushFlag === "bursts-too");
  }
});

Deno.test("data that was refused waits where the server's window has no room for it (RFC 9293 §3.8.6, MUST-34)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: { data: bytesOf(1300, 0) } });
  peer.takeAll();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, window: 500, options: { mss: MSS } });
  const sent = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  assert(sent <= 500, `${sent} octets into a window of 500`);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 + sent, window: 5000 });
  const rest = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 + sent + rest, window: 5000 });
  assertEquals([sent + rest, app.connection.unackedBytes], [1300, 0]);
});

Deno.test("data that was refused is sent again, and that is lost: the time-out reduces as any does (RFC 5681 §3.1, equation 4)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: { data: bytesOf(1300, 0) } });
  peer.takeAll();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  peer.takeAll();
  assertEquals(app.connection.info().ssthresh, 0);
  lab.pass(3 * SECOND_US);
  assert(peer.takeAll().length > 0);
  // max(FlightSize / 2, 2 * SMSS)
  assertEquals(app.connection.info().ssthresh, 2 * MSS);
});

Deno.test("an ACK of more than the SYN carried gets RST, and teaches nothing (RFC 9293 §3.10.7.3)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({
    flags: "SYN ACK",
    seq: 0,
    ack: 5,
    options: { mss: 100, fastOpen: Uint8Array.of(9, 9, 9, 9) },
  });
  peer.expects({ flags: "RST", seq: 5 });
  assertEquals(app.state, "SYN_SENT");
  assertEquals(lab.host.fastOpenCookies()[0].cookie, COOKIE);
});

Deno.test("the SYN again after a time-out has neither data nor option; the data follows the handshake (RFC 7413 §4.2.2)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  lab.pass(3.5 * SECOND_US);
  for (let again = 0; again < 2; again++) {
    assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0 }).options), null);
  }
  peer.expectsSilence();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  assertEquals([app.state, app.connection.unackedBytes], ["ESTABLISHED", 0]);
});

Deno.test("a request is not sent again with the SYN (RFC 7413 §4.2.1)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: { data: REQUEST } });
  assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0 }).options), REQUEST);
  lab.pass(1.1 * SECOND_US);
  assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0 }).options), null);
});

Deno.test("a peer without a window: the data waits for it, and is probed with", () => {
  const lab = clientWithCookie();
  const peer = lab.peer({ window: 0 });
  lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 2 });
  lab.pass(2 * SECOND_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "GE" });
});

/** Each opens with data; what the server does; whether Fast Open is spared from then on (RFC 7413 §4.1.3.1). */
const RESPONSES: readonly [name: string, isNegative: boolean, act: (lab: Lab, peer: Peer) => void][] = [
  ["the data is acknowledged", false, (_, peer) => peer.sends({ flags: "SYN ACK", seq: 0, ack: 4 })],
  ["the data is not acknowledged, and no cookie comes", true, (_, peer) => {
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  }],
  ["the data is not acknowledged, and a new cookie comes", false, (_, peer) => {
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { fastOpen: COOKIE } });
  }],
  ["the data is not acknowledged, and a cookie comes that cannot be", true, (_, peer) => {
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, rawOptions: [34, 5, 1, 2, 3, 1, 1, 1] });
  }],
  ["a reset", true, (_, peer) => peer.sends({ flags: "RST ACK", seq: 0, ack: 4 })],
  ["nobody answers", true, (lab) => lab.pass(200 * SECOND_US)],
  ["nobody answers the SYN with data, but the one without", true, (lab, peer) => {
    lab.pass(1.1 * SECOND_US);
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  }],
  ["ICMP: port unreachable", true, (lab, peer) => {
    sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 0 });
    assertEquals(lab.host.connections().length, 0);
  }],
];

for (const [name, isNegative, act] of RESPONSES) {
  Deno.test(`${name}: ${isNegative ? "that path is spared for a while" : "it goes on"} (RFC 7413 §4.1.3.1)`, () => {
    const lab = clientWithCookie();
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: text("GET") });
    peer.expects({ flags: "SYN", seq: 0, data: "GET" });
    act(lab, peer);
    assertEquals(room(lab, peer.port) < 0, isNegative);
    // Of another port of the server nothing is known.
    assert(room(lab, peer.port ^ 1) > 0);
    if (!isNegative) return;
    const again = lab.peer({ port: peer.port });
    lab.connect(again, { fastOpen: text("GET") });
    assertEquals(optionOf(again.expects({ flags: "SYN", seq: 0 }).options), null);
    again.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
    again.expects({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
    lab.pass(901 * SECOND_US);
    assert(room(lab, peer.port) > 0, "after a quarter of an hour it is tried again");
  });
}

Deno.test("a path is not spared where that is set to no time", () => {
  const lab = clientWithCookie({ tcp: { fastOpenPauseUs: 0 } });
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: text("GET") });
  peer.sends({ flags: "RST ACK", seq: 0, ack: 4 });
  assert(room(lab, peer.port) > 0);
});

Deno.test("an open that its own user gives up is no response", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: text("GET") }).abort();
  assert(room(lab, peer.port) > 0);
});

Deno.test("a request that gets no cookie is not repeated at once (RFC 7413 §4.2.1)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: { data: REQUEST } });
  peer.expects({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  const again = lab.peer({ port: peer.port });
  lab.connect(again, { fastOpen: { data: REQUEST } });
  assertEquals(optionOf(again.expects({ flags: "SYN", seq: 0 }).options), null);
  lab.pass(901 * SECOND_US);
  const later = lab.peer({ port: peer.port });
  lab.connect(later, { fastOpen: { data: REQUEST } });
  assertEquals(optionOf(later.expects({ flags: "SYN", seq: 0 }).options), REQUEST);
});

Deno.test("standard, then experimental: the second form is tried once, and its cookie goes back in it", () => {
  const lab = new Lab({ tcp: { fastOpenOption: "standard-then-experimental", fastOpenPauseUs: 0 } });
  const open = (answer: { fastOpenExperimental?: Uint8Array }) => {
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: { data: REQUEST } });
    const { options } = peer.expects({ flags: "SYN", seq: 0 });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS, ...answer } });
    return options;
  };
  assertEquals(open({}).fastOpen, REQUEST);
  assertEquals(open({}).fastOpenExperimental, REQUEST);
  assertEquals(open({}).fastOpen, REQUEST);
  lab.host.forgetFastOpen();
  open({});
  assertEquals(open({ fastOpenExperimental: COOKIE }).fastOpenExperimental, REQUEST);
  assertEquals(open({}).fastOpenExperimental, COOKIE);
});

Deno.test("without a cookie, where that is wanted: the data goes out with no option, and no cookie is kept that comes unasked", () => {
  const lab = new Lab();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: { ...text("GET"), withoutCookie: true } });
  assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0, data: "GET" }).options), null);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, options: { mss: 700, fastOpen: COOKIE } });
  assertEquals(lab.host.fastOpenCookies(), []);
  // Its MSS is known from then on.
  const next = lab.peer();
  lab.connect(next, { fastOpen: { data: bytesOf(1000, 0), withoutCookie: true } });
  next.expects({ flags: "SYN", seq: 0, data: bytesOf(700 - SYN_OPTION_BYTES, 0) });
});

Deno.test("a cookie in a segment without SYN, or in an ordinary open's SYN-ACK, is ignored (RFC 7413 §4.1.1)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.sends({ flags: "ACK", seq: 1, ack: 4, data: "x", options: { fastOpen: Uint8Array.of(9, 9, 9, 9) } });
  const plain = lab.peer();
  lab.connect(plain);
  plain.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { fastOpen: Uint8Array.of(8, 8, 8, 8) } });
  assertEquals(lab.host.fastOpenCookies().map(({ cookie }) => cookie), [COOKIE]);
});

Deno.test("a simultaneous open: our text crosses the peer's SYN, and is taken, or follows (RFC 9293 §3.5)", () => {
  for (const taken of [0, 2, 3]) {
    const lab = clientWithCookie();
    const peer = lab.peer();
    const app = lab.connect(peer, { fastOpen: text("GET") });
    peer.expects({ flags: "SYN", seq: 0, data: "GET" });
    // The peer's own text waits for the handshake's end: nobody has shown a cookie of ours.
    peer.sends({ flags: "SYN", seq: 0, data: "hi", options: { mss: MSS, fastOpen: COOKIE } });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 + taken, options: { mss: MSS } });
    if (taken === 3) peer.expects({ flags: "ACK", seq: 4, ack: 3 });
    else peer.expects({ flags: "ACK", seq: 1 + taken, ack: 3, data: "GET".slice(taken) });
    peer.expectsSilence();
    assertEquals([app.state, app.text], ["ESTABLISHED", "hi"]);
    peer.sends({ flags: "ACK", seq: 3, ack: 4, data: "!" });
    assertEquals([app.text, app.connection.unackedBytes], ["hi!", 0]);
  }
});

Deno.test("a router says that the SYN was too big: again at once, without text, and the path is remembered (RFC 1191)", () => {
  const { narrow } = ICMP_FAMILY;
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: { data: bytesOf(2000, 0) } });
  peer.expects({ flags: "SYN", seq: 0, data: bytesOf(ROOM, 0) });
  sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 0, rest: narrow });
  assertEquals(optionOf(peer.expects({ flags: "SYN", seq: 0 }).options), null);
  peer.expectsSilence();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  const sent = peer.takeAll().map(({ data }) => data.length);
  const mss = narrow - (IS_IPV6 ? 60 : 40);
  // No congestion: the window is the initial one, not that of a lost SYN (RFC 1191 §6.5, RFC 5681 §3.1).
  assertEquals(sent, [mss, ROOM - mss, 2000 - ROOM]);
});

Deno.test("a SYN that was too big and is lost then, too: one segment (RFC 5681 §3.1)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  lab.connect(peer, { fastOpen: { data: bytesOf(2000, 0) } });
  sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 0, rest: ICMP_FAMILY.narrow });
  lab.pass(1.5 * SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  assertEquals(peer.takeAll().filter(({ data }) => data.length > 0).length, 1);
});

Deno.test("the MSS that we offer is our device's, or that of a path that is known to be narrow (RFC 9293 §3.7.1, MUST-67)", () => {
  for (const offeredMss of ["device", "path"] as const) {
    const { narrow, tooBig } = ICMP_FAMILY;
    const lab = clientWithCookie({ tcp: { offeredMss } });
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: { data: bytesOf(2000, 0) } });
    const offer = (seen: Seen) => seen.options.mss;
    assertEquals(offer(peer.takeAll()[0]), MSS);
    sendsIcmp(peer, { ...tooBig, seq: 0, rest: narrow });
    const expected = offeredMss === "path" ? narrow - (IS_IPV6 ? 60 : 40) : MSS;
    assertEquals(offer(peer.takeAll()[0]), expected);
    // A connection that begins on that path knows it, too (RFC 1191 §3).
    const next = lab.peer({ port: peer.port });
    lab.connect(next);
    assertEquals(offer(next.takeAll()[0]), expected);
  }
});

Deno.test("a cookie that cannot be is not kept", () => {
  const lab = new Lab();
  for (const length of [0, 2, 5, 18]) {
    const cookie = new Uint8Array(length);
    const { host: localAddress, peer: address } = FAMILY;
    assertThrows(
      () => lab.host.keepFastOpenCookie({ localAddress, address, cookie, isExperimental: false, mss: MSS }),
      RangeError,
      "4 to 16 octets",
    );
  }
});
