/**
 * Text that arrives twice with different content: of each octet the first copy counts, in whatever order the segments
 * come (RFC 9293 §3.4, §3.10.7.4, seventh, leaves it open; a receiver that changes its mind can be led past a watcher).
 */
import { assertEquals } from "@std/assert";
import type { Peer } from "./peer.ts";
import { ALL_OPTIONS, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** A copy of the octets from `left` to `right - 1`, written with one letter. */
interface Copy {
  readonly left: number;
  readonly right: number;
  readonly letter: string;
}

function copies(text: string): Copy[] {
  return text.split(" ").map((word) => {
    const [letter, left, right] = word.split(/[:-]/);
    return { letter, left: Number(left), right: Number(right) };
  });
}

/** What a receiver reads that keeps the first copy of each octet, as far as there is no hole. */
function firstWins(arrivals: readonly Copy[]): string {
  const octets: string[] = [];
  for (const { left, right, letter } of arrivals) {
    for (let at = left; at < right; at++) octets[at] ??= letter;
  }
  let text = "";
  for (let at = 1; octets[at] !== undefined; at++) text += octets[at];
  return text;
}

function arrive(peer: Peer, copy: Copy): void {
  peer.sends({
    flags: "ACK",
    seq: copy.left,
    ack: 1,
    data: copy.letter.repeat(copy.right - copy.left),
  });
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest])
  );
}

/** Each set covers all octets from 1 to its end. */
const SETS: Readonly<Record<string, string>> = {
  "a chain": "a:1-6 b:4-9 c:7-12 d:10-15",
  "one over all": "a:1-20 b:3-6 c:9-12 d:15-18",
  "the same place again and again": "a:1-4 b:4-9 c:4-9 d:4-9",
  "the same beginning, longer and longer": "a:1-4 b:4-7 c:4-10 d:4-13",
  "the same end, earlier and earlier": "a:1-4 b:10-13 c:7-13 d:4-13",
  "islands and what joins them": "a:1-3 b:5-8 c:10-13 d:2-15 e:6-11",
  "single octets below a large copy": "a:1-10 b:2-3 c:4-5 d:6-7 e:8-9",
  "the neighbours' halves": "a:1-5 b:5-9 c:9-13 d:3-7 e:7-11",
};

for (const [name, words] of Object.entries(SETS)) {
  Deno.test(`overlapping copies, ${name}: the first copy of each octet counts, in every order of arrival`, () => {
    for (const order of permutations(copies(words))) {
      const { lab, peer, app } = reachEstablished({ options: { mss: 1460, sackPermitted: true } });
      for (const copy of order) arrive(peer, copy);
      lab.pass(SECOND_US);
      const why = order.map(({ letter, left, right }) => `${letter}:${left}-${right}`).join(" ");
      assertEquals(app.text, firstWins(order), why);
      assertEquals(peer.takeAll().at(-1)?.ack, 1 + app.text.length, why);
    }
  });
}

const OFFERS: Readonly<Record<string, FixtureOptions>> = {
  "no options": {},
  "all options": { options: ALL_OPTIONS },
  "not read before all is here": { autoRead: false },
  "the number space ends in the middle": { peer: { iss: 0xffff_fff8 } },
};

for (const [name, options] of Object.entries(OFFERS)) {
  Deno.test(`text in order over a block that is kept: the block stays as it was (${name})`, () => {
    const { lab, peer, app } = reachEstablished(options);
    arrive(peer, { left: 6, right: 11, letter: "k" });
    // In order, and over all of the block and beyond it.
    arrive(peer, { left: 1, right: 16, letter: "n" });
    lab.pass(SECOND_US);
    app.read();
    assertEquals(app.text, "nnnnnkkkkknnnnn");
  });

  Deno.test(`text in order that reaches into a block: the block stays as it was (${name})`, () => {
    const { lab, peer, app } = reachEstablished(options);
    arrive(peer, { left: 6, right: 11, letter: "k" });
    arrive(peer, { left: 1, right: 9, letter: "n" });
    lab.pass(SECOND_US);
    app.read();
    assertEquals(app.text, "nnnnnkkkkk");
  });

  Deno.test(`text that was taken is not changed by a later copy, read or not (${name})`, () => {
    const { lab, peer, app } = reachEstablished(options);
    arrive(peer, { left: 1, right: 6, letter: "t" });
    arrive(peer, { left: 1, right: 11, letter: "l" });
    arrive(peer, { left: 3, right: 9, letter: "x" });
    lab.pass(SECOND_US);
    app.read();
    assertEquals(app.text, "tttttlllll");
  });
}

Deno.test("overlapping copies of full-sized segments, in reverse order", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS });
  const order = Array.from({ length: 20 }, (_, i): Copy => {
    const left = 1 + (19 - i) * 700;
    return { left, right: left + 1400, letter: String.fromCharCode(97 + i) };
  });
  for (const copy of order) arrive(peer, copy);
  lab.pass(SECOND_US);
  assertEquals(app.text, firstWins(order));
});

Deno.test("a FIN behind copies that overlap stands where it first stood", () => {
  const { lab, peer, app } = reachEstablished();
  peer.sends({ flags: "FIN ACK", seq: 6, ack: 1, data: "kkkkk" });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "nnnnnnnnnn" });
  lab.pass(SECOND_US);
  assertEquals([app.text, app.state, app.peerClosed], ["nnnnnkkkkk", "CLOSE_WAIT", 1]);
});
