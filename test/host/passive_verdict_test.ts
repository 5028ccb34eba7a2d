/**
 * The verdict on a segment to a listener, as a value: flags, bounds and cookies (RFC 9293 §3.10.7.2, RFC 4987 §3.6).
 */
import { assertEquals } from "@std/assert";
import { type Listener, Listeners } from "../../src/host/listeners.ts";
import { type PassiveOpenSituation, passiveVerdict } from "../../src/host/passive_opens.ts";
import { SynCookies } from "../../src/host/syn_cookies.ts";
import { TcpSegment } from "../../src/wire/tcp.ts";
import { bitsOf } from "../tcp/frame_craft.ts";

const TUPLE = {
  localAddress: Uint8Array.of(10, 0, 0, 1),
  localPort: 7777,
  peerAddress: Uint8Array.of(10, 0, 0, 9),
  peerPort: 40_000,
};
const NOW_US = 5e9;
const COOKIES = new SynCookies(new Uint8Array(16));
const SEQ = 5000;
const COOKIE = COOKIES.make(TUPLE, { seq: SEQ - 1, mss: 1460 }, NOW_US);

function listener(counts: { halfOpen?: number; waiting?: number; cookieSentUs?: number } = {}): Listener {
  const made = new Listeners().add({ port: 7777, backlog: 4, accept: () => ({}) }, () => {});
  return Object.assign(made, counts);
}

function segment(flags: string, ack = 0): TcpSegment {
  return Object.assign(new TcpSegment(), { flags: bitsOf(flags), seq: SEQ, ack, mss: 1460 });
}

function situation(changes: Partial<PassiveOpenSituation> = {}): PassiveOpenSituation {
  return {
    listener: listener(),
    tuple: TUPLE,
    nowUs: NOW_US,
    hasRoom: true,
    isFull: false,
    defaultMss: 536,
    cookies: COOKIES,
    onlyCookies: false,
    ...changes,
  };
}

const lately = listener({ cookieSentUs: NOW_US - 1 });

for (const more of ["", " FIN", " PSH", " URG", " ECE CWR", " FIN PSH URG"]) {
  Deno.test(`verdict: SYN${more} is accepted while there is room`, () => {
    const accepted = { kind: "accept", cookie: null } as const;
    assertEquals(passiveVerdict(segment("SYN" + more), situation()), accepted);
    for (const counts of [{ halfOpen: 3 }, { waiting: 3 }, { halfOpen: 1, waiting: 2 }]) {
      const verdict = passiveVerdict(segment("SYN" + more), situation({ listener: listener(counts) }));
      assertEquals(verdict, accepted);
    }
  });

  Deno.test(`verdict: ACK${more} with a good cookie is accepted, with another number or none lately it is not`, () => {
    const good = segment("ACK" + more, COOKIE + 1);
    assertEquals(passiveVerdict(good, situation({ listener: lately })), {
      kind: "accept",
      cookie: { iss: COOKIE, mss: 1440 },
    });
    const bad = segment("ACK" + more, COOKIE);
    assertEquals(passiveVerdict(bad, situation({ listener: lately })), {
      kind: "reset",
      reason: "bad-cookie",
    });
    assertEquals(passiveVerdict(good, situation()), { kind: "reset", reason: "not-a-request" });
    const off = situation({ listener: lately, cookies: null });
    assertEquals(passiveVerdict(good, off), { kind: "reset", reason: "not-a-request" });
  });
}

for (const flags of ["", "FIN", "PSH", "RST", "RST ACK", "SYN ACK", "SYN RST", "SYN RST ACK"]) {
  Deno.test(`verdict: <${flags}> is no request, whatever the number`, () => {
    const verdict = passiveVerdict(segment(flags, COOKIE + 1), situation({ listener: lately }));
    assertEquals(verdict, { kind: "reset", reason: "not-a-request" });
  });
}

Deno.test("verdict: a SYN beyond the backlog gets a cookie, without cookies silence", () => {
  for (const counts of [{ halfOpen: 4 }, { halfOpen: 5 }, { halfOpen: 1, waiting: 3 }]) {
    const full = listener(counts);
    const iss = COOKIES.make(TUPLE, { seq: SEQ, mss: 1460 }, NOW_US);
    assertEquals(passiveVerdict(segment("SYN"), situation({ listener: full })), { kind: "cookie", iss });
    assertEquals(passiveVerdict(segment("SYN"), situation({ listener: full, cookies: null })), {
      kind: "drop",
      reason: "backlog-full",
    });
  }
});

Deno.test("verdict: where another connection would have to go, a SYN alone ends none: it gets a cookie first", () => {
  const iss = COOKIES.make(TUPLE, { seq: SEQ, mss: 1460 }, NOW_US);
  assertEquals(passiveVerdict(segment("SYN"), situation({ isFull: true })), { kind: "cookie", iss });
  assertEquals(passiveVerdict(segment("ACK", COOKIE + 1), situation({ isFull: true, listener: lately })), {
    kind: "accept",
    cookie: { iss: COOKIE, mss: 1440 },
  });
  const without = situation({ isFull: true, cookies: null });
  assertEquals(passiveVerdict(segment("SYN"), without), { kind: "accept", cookie: null });
});

Deno.test("verdict: when those who wait fill the backlog alone, silence to SYN and cookie alike", () => {
  for (const waiting of [4, 5]) {
    const full = listener({ waiting, cookieSentUs: NOW_US });
    for (const asking of [segment("SYN"), segment("ACK", COOKIE + 1)]) {
      assertEquals(passiveVerdict(asking, situation({ listener: full })), {
        kind: "drop",
        reason: "accept-queue-full",
      });
    }
  }
});

Deno.test("verdict: a host that may hold no more is silent to a SYN, and resets who thinks that it has a connection", () => {
  const full = situation({ listener: lately, hasRoom: false });
  assertEquals(passiveVerdict(segment("SYN"), full), { kind: "drop", reason: "too-many-connections" });
  assertEquals(passiveVerdict(segment("ACK", COOKIE + 1), full), {
    kind: "reset",
    reason: "too-many-connections",
  });
  assertEquals(passiveVerdict(segment("ACK", COOKIE), full), { kind: "reset", reason: "bad-cookie" });
});

Deno.test("verdict: nothing is changed by it", () => {
  const asked = listener({ halfOpen: 4, cookieSentUs: NOW_US - 5 });
  passiveVerdict(segment("SYN"), situation({ listener: asked }));
  passiveVerdict(segment("ACK", COOKIE + 1), situation({ listener: asked }));
  assertEquals([asked.halfOpen, asked.waiting, asked.cookieSentUs], [4, 0, NOW_US - 5]);
});

Deno.test("verdict: a cookie may come back for two ticks after the last one was sent, not longer", () => {
  for (const [agoUs, kind] of [[0, "accept"], [128e6 - 1, "accept"], [128e6, "reset"]] as const) {
    const asked = listener({ cookieSentUs: NOW_US - agoUs });
    assertEquals(passiveVerdict(segment("ACK", COOKIE + 1), situation({ listener: asked })).kind, kind);
  }
});
