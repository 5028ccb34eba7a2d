/**
 * The numbers of SYN cookies: what they hold, for how long, and how rarely a guess is one (RFC 4987 §3.6).
 */
import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { optionsOfStamp, stampWithOptions, SynCookies } from "../../src/host/syn_cookies.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i * 11 + 2);
const TUPLE = {
  localAddress: Uint8Array.of(10, 0, 0, 1),
  localPort: 7777,
  peerAddress: Uint8Array.of(10, 0, 0, 9),
  peerPort: 40_000,
};
const SEQ = 0xfedc_ba98;
const TICK_US = 64_000_000;
/** In the middle of a tick. */
const NOW_US = 1000.5 * TICK_US;
const cookies = new SynCookies(SECRET);

function make(mss: number, nowUs = NOW_US): number {
  return cookies.make(TUPLE, { seq: SEQ, mss }, nowUs);
}

function check(cookie: number, nowUs = NOW_US): number {
  return cookies.check(TUPLE, { seq: SEQ, cookie: cookie >>> 0 }, nowUs);
}

for (
  const [offered, kept] of [
    [256, 256],
    [257, 256],
    [535, 256],
    [536, 536],
    [1219, 536],
    [1220, 1220],
    [1439, 1220],
    [1440, 1440],
    [1460, 1440],
    [8960, 1440],
    [0xffff, 1440],
  ]
) {
  Deno.test(`cookie: of an MSS of ${offered}, ${kept} comes back, never more than was offered (MUST-16)`, () => {
    assertEquals(check(make(offered)), kept);
  });
}

for (const mss of [1, 48, 255]) {
  Deno.test(`cookie: none for an MSS of ${mss}, since the least that it keeps is more (MUST-16)`, () => {
    assertEquals(make(mss), -1);
  });
}

Deno.test("cookie: good in its own tick and the next, and in no other until the clock has gone round 3 times", () => {
  for (const madeUs of [0, 17 * TICK_US, NOW_US, 100_000_000 * TICK_US]) {
    const cookie = make(1460, madeUs);
    const tick = Math.floor(madeUs / TICK_US) * TICK_US;
    assertEquals(check(cookie, madeUs), 1440);
    assertEquals(check(cookie, tick + 2 * TICK_US - 1), 1440);
    for (let ticks = 2; ticks < 3 * 256 + 2; ticks++) {
      assertEquals(check(cookie, tick + ticks * TICK_US), -1, `${ticks} ticks later`);
    }
    // Neither can a cookie be used before it is made.
    if (tick > 0) assertEquals(check(cookie, tick - 1), -1);
  }
});

Deno.test("cookie: 2,048 s and 16,384 s are whole turns of 5 and 8 bits of the clock: too old", () => {
  const cookie = make(1460);
  for (const turns of [1, 2, 3]) {
    assertEquals(check(cookie, NOW_US + turns * 2048e6), -1);
    assertEquals(check(cookie, NOW_US + turns * 16_384e6), -1);
    assertEquals(check(cookie, NOW_US + turns * 16_384e6 + TICK_US), -1);
  }
});

/** TUPLE with one thing changed, and what it is. */
const OTHERS: readonly (readonly [string, Partial<typeof TUPLE>])[] = [
  ...[0, 1, 2, 3].flatMap((at) =>
    (["localAddress", "peerAddress"] as const).map((which) =>
      [`octet ${at} of ${which}`, {
        [which]: TUPLE[which].map((byte, i) => i === at ? byte ^ 1 : byte),
      }] as const
    )
  ),
  ...[0, 7, 8, 15].flatMap((bit) =>
    (["localPort", "peerPort"] as const).map((which) =>
      [`bit ${bit} of ${which}`, { [which]: TUPLE[which] ^ (1 << bit) }] as const
    )
  ),
  ["both addresses in each other's place", {
    localAddress: TUPLE.peerAddress,
    peerAddress: TUPLE.localAddress,
  }],
  ["both ports in each other's place", { localPort: TUPLE.peerPort, peerPort: TUPLE.localPort }],
];

for (const [name, change] of OTHERS) {
  Deno.test(`cookie: for one 4-tuple only: not with another ${name} (RFC 4987 §3.6)`, () => {
    const other = { ...TUPLE, ...change };
    const cookie = make(1460);
    assertEquals(cookies.check(other, { seq: SEQ, cookie }, NOW_US), -1);
    // Both of the hashes change: the numbers have nothing in common.
    const theirs = cookies.make(other, { seq: SEQ, mss: 1460 }, NOW_US);
    assertNotEquals(theirs >>> 24, cookie >>> 24);
    assertNotEquals(theirs & 0xffffff, cookie & 0xffffff);
  });
}

Deno.test("cookie: for one number of the peer's SYN, and under one secret", () => {
  const cookie = make(1460);
  for (const off of [1, -1, 0x100, 0x10000, 0x1000000, 0x80000000]) {
    const seq = (SEQ + off) >>> 0;
    assertEquals(cookies.check(TUPLE, { seq, cookie }, NOW_US), -1, `SEQ ${off} beside`);
  }
  for (let at = 0; at < SECRET.length; at++) {
    const other = new SynCookies(SECRET.map((byte, i) => i === at ? byte ^ 1 : byte));
    assertEquals(other.check(TUPLE, { seq: SEQ, cookie }, NOW_US), -1);
  }
});

Deno.test("cookie: eight of 2^32 numbers are good, as in Linux: counted over whole sections of the numbers", () => {
  const expected = [256, 536, 1220, 1440].flatMap((mss) => [make(mss), make(mss, NOW_US - TICK_US)]);
  assertEquals(new Set(expected).size, 8);
  for (const number of expected) assert(check(number) > 0);
  // What is no cookie of these two ticks: all numbers that differ in the high byte, from each of the eight.
  const highBytes = new Set<number>();
  for (const number of expected) {
    for (let high = 0; high < 256; high++) {
      const guess = ((number & 0xffffff) | (high << 24)) >>> 0;
      if (!expected.includes(guess)) assertEquals(check(guess), -1, `high byte ${high}`);
    }
    highBytes.add(number >>> 24);
  }
  // The numbers of a tick lie in one or two sections of 2^24. Every 64th number of each, and all beside the good ones.
  let tried = 0;
  for (const high of highBytes) {
    for (let low = 0; low < 0x1000000; low += 64) {
      const guess = ((high << 24) | low) >>> 0;
      if (!expected.includes(guess)) assertEquals(check(guess), -1, `guess ${guess}`);
      tried++;
    }
  }
  assertEquals(tried, highBytes.size * 0x40000);
  for (const number of expected) {
    for (let off = -3000; off <= 3000; off++) {
      if (off !== 0) assertEquals(check(number + off), -1, `${off} beside a cookie`);
    }
  }
});

Deno.test("cookie: no bit is known beforehand: of many, each bit is set in half, whatever the clock and the MSS", () => {
  const count = 4096;
  const ones = new Array<number>(32).fill(0);
  for (let i = 0; i < count; i++) {
    const tuple = { ...TUPLE, peerAddress: Uint8Array.of(10, 1, i >>> 8, i & 0xff) };
    const cookie = cookies.make(tuple, { seq: SEQ, mss: 1460 }, NOW_US);
    for (let bit = 0; bit < 32; bit++) ones[bit] += (cookie >>> bit) & 1;
  }
  // Six standard deviations of 32.
  for (const [bit, set] of ones.entries()) {
    assertLess(Math.abs(set - count / 2), 192, `bit ${bit} is set in ${set} of ${count}`);
  }
});

Deno.test("cookie: who knows his own cookies does not know a neighbour's: the difference is another for each", () => {
  const differences = new Set<number>();
  for (let port = 1024; port < 2048; port++) {
    const own = cookies.make({ ...TUPLE, peerPort: port }, { seq: SEQ, mss: 1460 }, NOW_US);
    const next = cookies.make({ ...TUPLE, peerPort: port + 1 }, { seq: SEQ, mss: 1460 }, NOW_US);
    differences.add((next - own) >>> 0);
  }
  assertEquals(differences.size, 1024);
});

for (const windowScale of [-1, 0, 1, 7, 14]) {
  for (const sack of [false, true]) {
    for (const ecn of [false, true]) {
      Deno.test(`cookie: scale ${windowScale}, SACK ${sack}, ECN ${ecn} come back in the timestamp (RFC 4987 §3.6)`, () => {
        for (const stamp of [0, 1, 63, 64, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
          const carried = stampWithOptions(stamp, { windowScale, sack, ecn });
          assertEquals(optionsOfStamp(carried), { windowScale, sack, ecn });
          assertEquals(carried >>> 0, carried);
          // Never later than the clock, or PAWS would hold what follows for old; and not much earlier.
          const behind = (stamp - carried) >>> 0;
          assertLess(behind, 64);
        }
      });
    }
  }
}
