/**
 * Fast Open, written from the text of RFC 7413 alone: what each side owes the other in its worse moments. §4.1.1 (options that are not ones),
 * §4.1.2 (keys that change), §4.1.3 (what is cached, and when), §4.2.2 (text and FIN of a SYN-ACK, losses, old duplicates), §5.1 (what is
 * pending, by whatever end it came to), §6.1 (what may come twice).
 */
import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { FAMILY } from "./family.ts";
import {
  clientWithCookie,
  COOKIE,
  MSS,
  opensFast,
  optionOf,
  REQUEST,
  serverWithCookie,
} from "./fast_open_lab.ts";
import { Lab } from "./harness.ts";
import { ICMP_FAMILY, sendsIcmp } from "./icmp_craft.ts";
import type { Peer } from "./peer.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

const text = (data: string) => ({ data: bytesOf(data) });

/** A connection whose text a server has taken with the SYN. */
function opensTaken({ lab, cookie }: { lab: Lab; cookie: Uint8Array }, about: { iss?: number } = {}): Peer {
  const peer = lab.peer(about);
  opensFast(peer, { cookie, data: "GET" });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  return peer;
}

// -- The client

Deno.test("text and FIN that come with the SYN-ACK are taken (RFC 7413 §4.2.2; RFC 9293 §3.10.7.3)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({ flags: "SYN ACK FIN", seq: 0, ack: 4, data: "ok", options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 4, ack: 4 });
  assertEquals([app.state, app.text, app.peerClosed], ["CLOSE_WAIT", "ok", 1]);
});

Deno.test("the answer to the first SYN was lost: the one to the plain SYN acknowledges its text, which is not sent again", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  lab.pass(1.1 * SECOND_US);
  peer.expects({ flags: "SYN", seq: 0, data: "" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 4, ack: 1, data: "" });
  lab.pass(5 * SECOND_US);
  peer.expectsSilence();
  assertEquals([app.state, app.connection.unackedBytes, app.connection.synTextTaken], ["ESTABLISHED", 0, 3]);
  // The server has taken it: nothing speaks against the path (§4.1.3.1).
  const again = lab.peer({ port: peer.port + 1 });
  lab.connect(again, { fastOpen: text("GET") });
  assertEquals(optionOf(again.expects({ flags: "SYN", seq: 0, data: "GET" }).options), COOKIE);
});

Deno.test("a SYN-ACK brings a new MSS, or a new cookie, or both: each takes the place of the old one (RFC 7413 §4.1.3, §4.2.2)", () => {
  const lab = clientWithCookie();
  const answers: readonly [options: { mss: number; fastOpen?: Uint8Array }, cookie: Uint8Array][] = [
    [{ mss: 700 }, COOKIE],
    [{ mss: 800, fastOpen: Uint8Array.of(1, 2, 3, 4) }, Uint8Array.of(1, 2, 3, 4)],
    [{ mss: 900, fastOpen: new Uint8Array(16).fill(7) }, new Uint8Array(16).fill(7)],
  ];
  for (const [options, cookie] of answers) {
    const peer = lab.peer();
    lab.connect(peer, { fastOpen: text("GET") });
    peer.expects({ flags: "SYN", seq: 0, data: "GET" });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, options });
    // Once more, as one that was sent again comes: without the option, and nothing is learnt of it (§4.2.1).
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, options: { mss: 536 } });
    const [known, ...more] = lab.host.fastOpenCookies();
    assertEquals([known.cookie, known.mss, more.length], [cookie, options.mss, 0]);
  }
});

Deno.test("a cached MSS that leaves no room, even none at all: the cookie goes out alone, the text behind the handshake (MUST-16)", () => {
  for (const mss of [0, 1, 28]) {
    const lab = clientWithCookie({ mss });
    const peer = lab.peer();
    const app = lab.connect(peer, { fastOpen: text("GET") });
    const syn = peer.expects({ flags: "SYN", seq: 0, data: "" });
    assertEquals(optionOf(syn.options), COOKIE);
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("CLOSE before the SYN-ACK ends it: nothing more is sent, and who answers is reset (RFC 9293 §3.10.4)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  app.closeWrite();
  assertEquals(lab.host.connections().length, 0);
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 4, options: { mss: MSS } });
  peer.expects({ flags: "RST", seq: 4 });
});

Deno.test("a simultaneous open whose SYN-ACK is lost: only that is sent again, the text once, behind the handshake (RFC 9293 §3.5)", () => {
  const lab = clientWithCookie();
  const peer = lab.peer();
  const app = lab.connect(peer, { fastOpen: text("GET") });
  peer.expects({ flags: "SYN", seq: 0, data: "GET" });
  peer.sends({ flags: "SYN", seq: 0, options: { mss: MSS } });
  assertEquals(optionOf(peer.expects({ flags: "SYN ACK", seq: 0, ack: 1, data: "" }).options), null);
  lab.pass(3.5 * SECOND_US);
  const again = peer.takeAll();
  assert(again.length > 0);
  for (const { flags, data } of again) assertEquals([flags, data.length], ["SYN ACK", 0]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  assertEquals([app.state, app.connection.unackedBytes], ["ESTABLISHED", 0]);
});

Deno.test("a SYN leaves room for a UDP header around it, on a path that a router has limited as well (RFC 1191, RFC 6691 §2)", () => {
  const lab = clientWithCookie();
  const { address, port } = lab.peer();
  const roomNow = (peerUdpPort: number): number =>
    lab.host.fastOpenRoom({ address, port, tcp: { peerUdpPort, udpOverheadBytes: 8 } });
  const before = roomNow(0);
  assertEquals(roomNow(9899), before - 8);
  const peer = lab.peer();
  const app = lab.connect(peer);
  peer.expects({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: MSS } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  app.write(2000);
  sendsIcmp(peer, { ...ICMP_FAMILY.tooBig, seq: 1, rest: ICMP_FAMILY.narrow });
  const limited = roomNow(0);
  assert(limited < before);
  assertEquals(roomNow(9899), limited - 8);
});

// -- The server: options

const TWICE: readonly [name: string, options: (cookie: Uint8Array) => number[], taken: boolean][] = [
  ["a request and a cookie", (cookie) => [34, 2, 34, 10, ...cookie, 1, 1, 1, 1], true],
  ["a cookie and a request", (cookie) => [34, 10, ...cookie, 34, 2, 1, 1, 1, 1], false],
  ["a cookie in both forms", (cookie) => [34, 10, ...cookie, 254, 12, 0xf9, 0x89, ...cookie, 1, 1], true],
  ["another experiment's option", (cookie) => [254, 12, 0xf9, 0x88, ...cookie], false],
  ["the experimental kind without its number", () => [254, 2, 254, 3, 0xf9, 1, 1, 1], false],
  ["a cookie that the header cuts off", (cookie) => [34, 18, ...cookie, 1, 1], false],
  ["the kind alone", () => [1, 1, 1, 34], false],
  ["a length of none and of one", () => [34, 0, 34, 1], false],
];

for (const [name, options, isTaken] of TWICE) {
  Deno.test(`${name} in one SYN: the last that counts decides, and the handshake is an ordinary one where there is none (RFC 7413 §4.1.1)`, () => {
    const { lab, apps, cookie } = serverWithCookie();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, data: "GET", rawOptions: options(cookie) });
    const seen = peer.takeAll();
    // What cannot be read as options is no SYN to answer (RFC 9293 §3.1, MUST-7), or one without them.
    if (isTaken) assertEquals(seen.map(({ ack }) => ack), [4]);
    else assert(seen.every(({ ack, flags }) => ack === 1 && flags === "SYN ACK"), name);
    assertEquals(apps.map((app) => app.text).join(""), isTaken ? "GET" : "");
  });
}

// -- The server: keys

Deno.test("keys change while it listens: a cookie of the old one is good, and brings a new one; then the old key goes (RFC 7413 §4.1.2)", () => {
  const [old, young] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const lab = new Lab();
  const listener = lab.user(() =>
    lab.host.listen({ port: HOST_PORT, fastOpen: 8, fastOpenKeys: [old], accept: () => ({}) })
  );
  const opens = (fastOpen: Uint8Array) => {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, data: "GET", options: { mss: MSS, fastOpen } });
    const { ack, options } = peer.expects({ flags: "SYN ACK", seq: 0 });
    peer.sends({ flags: "ACK", seq: ack, ack: 1 });
    return { taken: ack - 1, given: options.fastOpen ?? null };
  };
  const first = opens(REQUEST).given;
  assert(first !== null);
  assertEquals(opens(first), { taken: 3, given: null });
  lab.user(() => listener.setFastOpen({ fastOpenKeys: [young, old] }));
  const { taken, given } = opens(first);
  assert(given !== null);
  assertEquals(taken, 3);
  assertEquals(opens(given), { taken: 3, given: null });
  lab.user(() => listener.setFastOpen({ fastOpenKeys: [young] }));
  assertEquals(opens(first), { taken: 0, given });
  assertEquals(opens(given), { taken: 3, given: null });
});

// -- The server: losses, and old duplicates

Deno.test("the plain SYN of a client whose SYN-ACK was lost: the SYN-ACK again, which acknowledges the text (RFC 7413 §4.2.2)", () => {
  const server = serverWithCookie();
  const peer = opensTaken(server);
  peer.sends({ flags: "SYN", seq: 0, options: { mss: MSS } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  // The ACK of it was lost as well: the request's next part ends the handshake.
  peer.sends({ flags: "ACK", seq: 4, ack: 1, data: " /" });
  peer.expects({ flags: "ACK", seq: 1, ack: 6 });
  assertEquals(server.apps.map((app) => [app.text, app.state]), [["GET /", "ESTABLISHED"]]);
});

Deno.test("a SYN that offers no window: the answer waits for one, and leaves once (RFC 9293 §3.8.6.1)", () => {
  const { lab, apps, cookie } = serverWithCookie();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, data: "GET", window: 0, options: { mss: MSS, fastOpen: cookie } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  apps[0].write("answer");
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 4, ack: 1, window: 3 });
  peer.expects({ flags: "ACK", seq: 1, ack: 4, data: "ans" });
  peer.sends({ flags: "ACK", seq: 4, ack: 4, window: 1000 });
  peer.expects({ flags: "ACK", seq: 4, ack: 4, data: "wer" });
});

/** How a connection that began with text in the SYN comes into a state; the peer's next number is returned. */
const STATES: Readonly<Record<string, (peer: Peer, app: { closeWrite(): void }) => void>> = {
  ESTABLISHED: () => {},
  FIN_WAIT_1: (peer, app) => {
    app.closeWrite();
    peer.takeAll();
  },
  FIN_WAIT_2: (peer, app) => {
    app.closeWrite();
    peer.sends({ flags: "ACK", seq: 4, ack: 2 });
  },
  CLOSE_WAIT: (peer) => peer.sends({ flags: "FIN ACK", seq: 4, ack: 1 }),
  LAST_ACK: (peer, app) => {
    peer.sends({ flags: "FIN ACK", seq: 4, ack: 1 });
    app.closeWrite();
  },
  TIME_WAIT: (peer, app) => {
    app.closeWrite();
    peer.sends({ flags: "FIN ACK", seq: 4, ack: 2 });
  },
};

for (const [state, arrive] of Object.entries(STATES)) {
  Deno.test(`an old duplicate of the SYN in ${state}: neither its text again nor another connection (RFC 7413 §6.1, RFC 5961 §4.2)`, () => {
    const server = serverWithCookie();
    const { lab, apps, cookie } = server;
    const peer = opensTaken(server);
    peer.sends({ flags: "ACK", seq: 4, ack: 1 });
    arrive(peer, apps[0]);
    assertEquals(apps[0].state, state);
    peer.takeAll();
    for (let copy = 0; copy < 3; copy++) opensFast(peer, { cookie, data: "GET" });
    assert(peer.takeAll().every(({ flags }) => flags === "ACK" || flags === "FIN ACK"));
    assertEquals(apps.map((app) => [app.text, app.state]), [["GET", state]]);
    assertEquals(lab.host.connections().length, 1);
  });
}

// -- The server: what is pending (§5.1)

const ENDS: readonly [name: string, end: (about: { peer: Peer; app: { closeWrite(): void } }) => void][] = [
  ["RST", ({ peer }) => peer.sends({ flags: "RST", seq: 4 })],
  [
    "RST of an end that has never heard of it",
    ({ peer }) => peer.sends({ flags: "RST ACK", seq: 4, ack: 1 }),
  ],
  ["RST after CLOSE", ({ peer, app }) => {
    app.closeWrite();
    peer.sends({ flags: "RST", seq: 4 });
  }],
  ["ICMP: port unreachable", ({ peer }) => sendsIcmp(peer, { ...ICMP_FAMILY.portUnreachable, seq: 0 })],
];

for (const [name, end] of ENDS) {
  Deno.test(`${name} ends a pending request: it counts for a minute still (RFC 7413 §5.1)`, () => {
    const server = serverWithCookie({ fastOpen: 1 });
    const { lab, apps, cookie } = server;
    const peer = opensTaken(server);
    end({ peer, app: apps[0] });
    assertEquals(lab.host.connections().length, 0);
    const taken = () => {
      const next = lab.peer();
      opensFast(next, { cookie, data: "GET" });
      const { ack } = next.expects({ flags: "SYN ACK", seq: 0 });
      next.sends({ flags: "ACK", seq: ack, ack: 1 });
      return ack - 1;
    };
    lab.pass(59 * SECOND_US);
    assertEquals(taken(), 0);
    lab.pass(1 * SECOND_US);
    assertEquals(taken(), 3);
  });
}

Deno.test("ten thousand strangers with text and without cookies, where those are taken: as many as may be pending (RFC 7413 §5.1)", () => {
  const lab = new Lab({ maxConnections: 256 });
  const apps = lab.listen({ fastOpen: 16, fastOpenWithoutCookie: true, backlog: 64 });
  for (let stranger = 0; stranger < 10_000; stranger++) {
    const address = FAMILY.peer.slice();
    address[address.length - 1] = 100 + stranger % 100;
    const peer = lab.peer({ address, port: 1024 + Math.floor(stranger / 100) });
    peer.sends({ flags: "SYN", seq: 0, data: "work" });
    assert(lab.host.connections().length <= 64);
  }
  assertEquals(apps.filter((app) => app.text === "work").length, 16);
  lab.pass(400 * SECOND_US);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("a full table in which the oldest give way to the new: no way around the bound on pending requests (RFC 7413 §5.1)", () => {
  for (const onFull of ["evict", "refuse"] as const) {
    const tcp = { synCookies: false };
    const { lab, apps, cookie } = serverWithCookie({ fastOpen: 8, maxConnections: 4, onFull, tcp });
    for (let stranger = 0; stranger < 1000; stranger++) opensFast(lab.peer(), { cookie, data: "GET" });
    assertEquals(apps.filter((app) => app.text === "GET").length, onFull === "evict" ? 8 : 4);
  }
});

Deno.test("an application that aborts whatever comes does so for as many as may be pending, a minute long (RFC 7413 §5.1)", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 8 });
  const served = () => {
    apps.length = 0;
    for (let stranger = 0; stranger < 1000; stranger++) {
      opensFast(lab.peer(), { cookie, data: "GET" });
      apps.at(-1)?.abort();
    }
    return apps.filter((app) => app.text === "GET").length;
  };
  assertEquals(served(), 8);
  lab.pass(59 * SECOND_US);
  assertEquals(served(), 0);
  lab.pass(1 * SECOND_US);
  assertEquals(served(), 8);
});

Deno.test("a SYN that got a SYN cookie, and came once more when there was room: its text once, the answer under the cookie's number (RFC 4987 §3.6)", () => {
  const { lab, apps, cookie } = serverWithCookie({ fastOpen: 8, backlog: 1 });
  const other = lab.peer();
  other.sends({ flags: "SYN", seq: 0, options: { mss: MSS } });
  other.takeAll();
  const peer = lab.peer();
  opensFast(peer, { cookie, data: "GET" });
  const first = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  other.sends({ flags: "RST", seq: 1 });
  opensFast(peer, { cookie, data: "GET" });
  const [second] = peer.takeAll();
  assertEquals([second.flags, second.ack], ["SYN ACK", 4]);
  const app = apps[1];
  app.write("answer");
  peer.takeAll();

  // Of the two the client has got the first, and sends again what that has left.
  peer.hostIss = first.absoluteSeq;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "GET" });
  assert(peer.takeAll().every(({ ack }) => ack === 4));
  // To it the handshake is over: an ACK is what it has for a SYN-ACK (RFC 9293 §3.10.7.4).
  lab.pass(1.1 * SECOND_US);
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 4 });
  peer.sends({ flags: "ACK", seq: 4, ack: 1 });
  lab.pass(2 * SECOND_US);
  const data = peer.takeAll().filter((seen) => seen.data.length > 0);
  assertEquals([data[0].seq, String.fromCharCode(...data[0].data)], [1, "answer"]);
  peer.sends({ flags: "ACK", seq: 4, ack: 7 });
  assertEquals([app.text, app.state, app.connection.unackedBytes], ["GET", "ESTABLISHED", 0]);
  assertEquals(apps.filter(({ text }) => text !== "").length, 1);
});
