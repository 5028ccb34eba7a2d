/**
 * Fast Open under strangers: RFC 7413 §5.1 (pending requests are bounded, resets count), what a flood of each kind leaves, and that SYN
 * cookies (RFC 4987) never take text.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { COOKIE, MSS, opensFast, REQUEST, serverWithCookie } from "./fast_open_lab.ts";
import { Lab } from "./harness.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("beyond the bound: an ordinary handshake, text left, no cookie; and fast again when one is done (RFC 7413 §5.1)", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 2 });
  const peers = [lab.peer(), lab.peer()];
  for (const peer of peers) {
    opensFast(peer, { cookie, data: "GET" });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  }
  for (const fastOpen of [cookie, REQUEST, COOKIE]) {
    const late = lab.peer();
    late.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS, fastOpen } });
    assertEquals(late.expects({ flags: "SYN ACK", seq: 0, ack: 1 }).options.fastOpen, undefined);
  }
  assertEquals(lab.host.counters()["fast-open-full"], 3);
  assertEquals(apps.map(({ text }) => text), ["GET", "GET", "", "", ""]);
  peers[0].sends({ flags: "ACK", seq: 4, ack: 1 });
  const next = lab.peer();
  opensFast(next, { cookie, data: "GET" });
  next.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
});

Deno.test("who is reset in SYN_RCVD counts for a minute still (RFC 7413 §5.1)", () => {
  const { lab, cookie } = serverWithCookie({ fastOpen: 1 });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.sends({ flags: "RST", seq: 4 });
  const ackOfSyn = () => {
    const next = lab.peer();
    opensFast(next, { cookie, data: "GET" });
    const { ack } = next.expects({ flags: "SYN ACK", seq: 0 });
    next.sends({ flags: "ACK", seq: ack, ack: 1 });
    return ack;
  };
  assertEquals(ackOfSyn(), 1);
  lab.pass(59 * SECOND_US);
  assertEquals(ackOfSyn(), 1);
  lab.pass(2 * SECOND_US);
  assertEquals(ackOfSyn(), 4);
  // One that was established and is reset then counts no more.
  assertEquals(ackOfSyn(), 4);
});

Deno.test("who closes at once is pending until the SYN is acknowledged, in whatever state that is", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 1 });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.takeAll();
  apps[0].closeWrite();
  assertEquals(apps[0].state, "FIN_WAIT_1");
  const other = lab.peer();
  opensFast(other, { cookie, data: "GET" });
  other.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 4, ack: 2 });
  assertEquals(apps[0].state, "FIN_WAIT_2");
  const third = lab.peer();
  opensFast(third, { cookie, data: "GET" });
  third.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
});

Deno.test("ten thousand good cookies from one address that never answers: as many as may be pending, all gone in the end", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 16, backlog: 64 });
  for (let client = 0; client < 10_000; client++) {
    opensFast(lab.peer({ port: 1024 + client }), { cookie, data: 1000 });
  }
  assertEquals(apps.filter(({ connection }) => connection.isFastOpen).length, 16);
  assertEquals(lab.host.connections().length, 64, "the backlog's bound holds for all");
  assertEquals(lab.host.connections().reduce((sum, { readableBytes }) => sum + readableBytes, 0), 0);
  lab.pass(200 * SECOND_US);
  assertEquals(lab.host.connections().length, 0);
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
});

Deno.test("ten thousand, each reset at once: the bound is reached, and what is remembered has a bound too", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 16 });
  for (let client = 0; client < 10_000; client++) {
    const peer = lab.peer({ port: 1024 + client });
    opensFast(peer, { cookie, data: "GET" });
    const [{ ack }] = peer.takeAll();
    peer.sends({ flags: "RST", seq: ack });
  }
  assertEquals(apps.filter(({ text }) => text === "GET").length, 16);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("ten thousand bad cookies: each an ordinary half-open connection, bounded by the backlog", () => {
  const { lab, apps } = serverWithCookie({ fastOpen: 16, backlog: 64 });
  for (let client = 0; client < 10_000; client++) {
    opensFast(lab.peer({ port: 1024 + client }), { cookie: COOKIE, data: 1000 });
  }
  assertEquals(lab.host.connections().length, 64);
  assert(apps.every(({ text }) => text === ""));
});

Deno.test("a SYN cookie never takes text, whatever Fast Open cookie comes with it (RFC 7413 §5.1, RFC 4987 §3.6)", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 16, backlog: 1 });
  const first = lab.peer();
  opensFast(first, { cookie, data: "GET" });
  first.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  const { options } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(options.fastOpen, undefined);
  assertEquals([apps.length, lab.host.connections().length], [1, 1]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  assertEquals([apps[1].text, apps[1].state], ["GET", "ESTABLISHED"]);
});

Deno.test("who is waiting to be accepted since its SYN is established by its ACK, however many others wait", () => {
  const { lab, apps, cookie } = serverWithCookie({ backlog: 4 });
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  lab.host.listeners()[0].waiting = 4;
  peer.sends({ flags: "ACK", seq: 4, ack: 1 });
  assertEquals(apps[0].state, "ESTABLISHED");
});

Deno.test("while memory is short no text is taken", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 64, memoryBytes: 0x20000, autoRead: false });
  for (let client = 0; client < 64; client++) opensFast(lab.peer(), { cookie, data: MSS });
  const taken = apps.filter(({ connection }) => connection.isFastOpen).length;
  assert(taken > 0 && taken < 64, `${taken} of 64`);
  assert(lab.host.counters()["fast-open-full"] > 0, "an ordinary handshake, before there is no room at all");
  assert(lab.host.memory().usedBytes <= 0x20000);
});

Deno.test("text of a SYN takes room in the buffer: the window is what is left of it, until it is read (RFC 7413 §4.2.2)", () => {
  for (const autoRead of [true, false]) {
    const { lab, apps, cookie } = serverWithCookie({ tcp: { receiveBufferBytes: 4000 }, autoRead });
    const peer = lab.peer();
    opensFast(peer, { cookie, data: 600 });
    const { window } = peer.expects({ flags: "SYN ACK", seq: 0, ack: 601 });
    peer.sends({ flags: "ACK", seq: 601, ack: 1, data: 1400 });
    peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 1400 });
    peer.sends({ flags: "ACK", seq: 3401, ack: 1, data: 1400 });
    assertEquals(window, autoRead ? 4000 : 3400);
    // What is beyond the window does not count.
    assertEquals(apps[0].connection.readableBytes, autoRead ? 0 : 4000);
  }
});

Deno.test("an application that throws at the text of a SYN loses that connection alone", () => {
  const lab = new Lab({ expectsFaults: true });
  let calls = 0;
  lab.user(() =>
    lab.host.listen({
      port: 7878,
      fastOpen: 8,
      fastOpenWithoutCookie: true,
      accept: () => ({
        onReadable: () => {
          if (++calls === 1) throw new Error("on purpose");
        },
      }),
    })
  );
  const [first, second] = [lab.peer({ hostPort: 7878 }), lab.peer({ hostPort: 7878 })];
  first.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS } });
  first.expects({ flags: "RST ACK", ack: 4 });
  second.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS } });
  second.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  assertEquals([calls, lab.host.connections().length], [2, 1]);
});

Deno.test("a listener's Fast Open is switched on, and off, while it listens; what cannot be is refused", () => {
  const { lab, cookie } = serverWithCookie();
  const [listener] = lab.host.listeners();
  const ackOfSyn = () => {
    const peer = lab.peer();
    opensFast(peer, { cookie, data: "GET" });
    return peer.expects({ flags: "SYN ACK", seq: 0 }).ack;
  };
  assertEquals(ackOfSyn(), 4);
  listener.setFastOpen({ fastOpen: 0 });
  assertEquals(ackOfSyn(), 1);
  listener.setFastOpen({ fastOpen: 4, fastOpenKeys: [new Uint8Array(16)] });
  assertEquals(ackOfSyn(), 1);
  for (const fastOpen of [-1, 0.5, NaN, 0x10001]) {
    assertThrows(() => listener.setFastOpen({ fastOpen }), RangeError, "pending Fast Opens");
  }
  for (const bytes of [0, 15, 17]) {
    assertThrows(
      () => listener.setFastOpen({ fastOpenKeys: [new Uint8Array(bytes)] }),
      RangeError,
      "16 octets",
    );
  }
  assertThrows(() => listener.setFastOpen({ fastOpenKeys: [] }), RangeError, "1 to 8 keys");
});
