/**
 * Segments in every order, and islands that overlap in every way: the bytes are right each time, and so are SACK and
 * D-SACK (SHLD-31, MUST-59; RFC 2018 §4; RFC 2883 §4).
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const SACK_ONLY = { mss: 1460, sackPermitted: true };

type Range = readonly [number, number];

/** Which bytes the peer has sent so far, as the receiver must see them: a set of relative numbers. */
class Received {
  readonly #numbers = new Set<number>();

  /** The first number not yet received, all before it being there. */
  get next(): number {
    let next = 1;
    while (this.#numbers.has(next)) next += 1;
    return next;
  }

  has(number: number): boolean {
    return this.#numbers.has(number);
  }

  add([left, right]: Range): void {
    for (let number = left; number < right; number++) this.#numbers.add(number);
  }

  /** The run of bytes without a gap around a number. */
  islandAround(number: number): Range {
    let left = number;
    let right = number + 1;
    while (this.#numbers.has(left - 1)) left -= 1;
    while (this.#numbers.has(right)) right += 1;
    return [left, right];
  }

  /** All runs beyond what is acknowledged. */
  islands(): Range[] {
    const runs: Range[] = [];
    const beyond = [...this.#numbers].filter((number) => number > this.next).sort((a, b) => a - b);
    for (const number of beyond) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[1] === number) runs[runs.length - 1] = [last[0], number + 1];
      else runs.push([number, number + 1]);
    }
    return runs;
  }

  /** The first run of a segment's bytes that were there already (RFC 2883 §4), or null. */
  duplicateOf([left, right]: Range): Range | null {
    let from = left;
    while (from < right && !this.#numbers.has(from)) from += 1;
    if (from === right) return null;
    let to = from;
    while (to < right && this.#numbers.has(to)) to += 1;
    return [from, to];
  }
}

/** Sends one segment and demands that ACK and blocks are those that the RFCs ask for. */
function sendsAndChecks({ lab, peer }: Fixture, received: Received, range: Range, isFin = false): void {
  const [left, right] = range;
  const duplicate = received.duplicateOf(range);
  const isOutOfOrder = left > received.next;
  received.add(range);
  peer.sends({ flags: isFin ? "FIN ACK" : "ACK", seq: left, ack: 1, data: right - left });
  lab.pass(SECOND_US / 2);
  const seen = peer.takeAll();
  const words = `after [${left}, ${right})`;
  assert(seen.length === 1, `${seen.length} ACKs ${words}`);
  const blocks = peer.sackOf(seen[0]);
  const islands = received.islands();
  if (!isFin) assertEquals(seen[0].ack, received.next, words);
  const rest = [...blocks];
  if (duplicate !== null) {
    const first = rest.shift();
    assertEquals(first, [...duplicate], `D-SACK ${words}`);
    // RFC 2883 §4.1.3: then the block that holds the duplicate, where that is not acknowledged.
    if (duplicate[0] >= received.next) {
      assertEquals(rest[0], [...received.islandAround(duplicate[0])], `the island of the duplicate ${words}`);
    }
  } else if (isOutOfOrder) {
    assertEquals(rest[0], [...received.islandAround(left)], `the newest block first ${words}`);
  }
  // All that is reported is there, no block twice, and none is left out as long as there is room.
  for (const block of rest) {
    assert(islands.some(([a, b]) => a === block[0] && b === block[1]), `${block} ${words}`);
  }
  assertEquals(new Set(rest.map(String)).size, rest.length);
  assertEquals(rest.length, Math.min(islands.length, duplicate === null ? 4 : 3), words);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest])
  );
}

const FIVE: readonly Range[] = [[1, 101], [101, 201], [201, 301], [301, 401], [401, 501]];

function sacked(): Fixture {
  return reachEstablished({ options: SACK_ONLY, tcp: { receiveBufferBytes: 0x4000 } });
}

Deno.test("all 120 orders of five segments, SACK right each time (SHLD-31, RFC 2018 §4)", () => {
  const orders = permutations(FIVE);
  assertEquals(orders.length, 120);
  for (const order of orders) {
    const fixture = sacked();
    const received = new Received();
    for (const range of order) sendsAndChecks(fixture, received, range);
    assertEquals(fixture.app.bytesRead, bytesOf(500));
  }
});

Deno.test("all 120 orders of five segments, without SACK: bytes right, one ACK each (SHLD-31, MUST-59)", () => {
  for (const order of permutations(FIVE)) {
    const { lab, peer, app } = reachEstablished();
    const received = new Received();
    for (const range of order) {
      received.add(range);
      peer.sends({ flags: "ACK", seq: range[0], ack: 1, data: 100 });
      lab.pass(SECOND_US / 2);
      peer.expects({ flags: "ACK", seq: 1, ack: received.next, sack: [] });
      peer.expectsSilence();
    }
    assertEquals(app.bytesRead, bytesOf(500));
  }
});

Deno.test("all 120 orders of five segments, FIN on the last: the end comes when all is there (SHLD-31, RFC 9293 §3.10.7.4, eighth)", () => {
  for (const order of permutations(FIVE)) {
    const { lab, peer, app } = reachEstablished();
    const received = new Received();
    for (const range of order) {
      received.add(range);
      const flags = range[1] === 501 ? "FIN ACK" : "ACK";
      peer.sends({ flags, seq: range[0], ack: 1, data: 100 });
      assertEquals(app.peerClosed, received.next === 501 ? 1 : 0);
    }
    lab.pass(SECOND_US / 2);
    const seen = peer.takeAll();
    assertEquals(seen[seen.length - 1].ack, 502);
    assertEquals([app.bytesRead, app.state], [bytesOf(500), "CLOSE_WAIT"]);
  }
});

Deno.test("all 120 orders of five segments that overlap their neighbours (RFC 9293 §3.10.7.4, first; RFC 2883 §4.2)", () => {
  const overlapping: readonly Range[] = [[1, 151], [101, 251], [201, 351], [301, 451], [401, 501]];
  for (const order of permutations(overlapping)) {
    const fixture = sacked();
    const received = new Received();
    for (const range of order) sendsAndChecks(fixture, received, range);
    assertEquals(fixture.app.bytesRead, bytesOf(500));
  }
});

Deno.test("all 120 orders of five segments around the end of the number space (SHLD-31, RFC 9293 §3.4)", () => {
  for (const order of permutations(FIVE)) {
    const fixture = reachEstablished({ options: SACK_ONLY, peer: { iss: 0xffff_ff00 } });
    const received = new Received();
    for (const range of order) sendsAndChecks(fixture, received, range);
    assertEquals(fixture.app.bytesRead, bytesOf(500));
  }
});

/** Three islands: [11, 21), [31, 41), [51, 61). Where a later segment may begin and end beside them. */
const ISLANDS: readonly Range[] = [[11, 21], [31, 41], [51, 61]];
const EDGES = [
  1,
  6,
  10,
  11,
  12,
  16,
  20,
  21,
  22,
  26,
  30,
  31,
  32,
  36,
  40,
  41,
  42,
  46,
  50,
  51,
  52,
  56,
  60,
  61,
  62,
  70,
];

Deno.test("three islands and a later segment with every overlap there is: bytes, SACK and D-SACK right (SHLD-31, RFC 2018 §4, RFC 2883 §4)", () => {
  let overlaps = 0;
  for (const left of EDGES) {
    for (const right of EDGES.filter((edge) => edge > left)) {
      const fixture = sacked();
      const received = new Received();
      for (const island of ISLANDS) sendsAndChecks(fixture, received, island);
      sendsAndChecks(fixture, received, [left, right]);
      // Then all that is missing: whatever was kept must be the right bytes.
      sendsAndChecks(fixture, received, [1, 71]);
      assertEquals(fixture.app.bytesRead, bytesOf(70), `[${left}, ${right})`);
      overlaps += 1;
    }
  }
  assertEquals(overlaps, EDGES.length * (EDGES.length - 1) / 2);
});

Deno.test("the islands in any order, then the whole: bytes right (SHLD-31)", () => {
  for (const order of permutations([...ISLANDS, [21, 31], [61, 70]] as const)) {
    const fixture = sacked();
    const received = new Received();
    for (const island of order) sendsAndChecks(fixture, received, island);
    sendsAndChecks(fixture, received, [1, 11]);
    sendsAndChecks(fixture, received, [41, 51]);
    assertEquals(fixture.app.bytesRead, bytesOf(69));
  }
});

Deno.test("a thousand random pieces of 2,000 bytes, overlapping at will: bytes right (SHLD-31)", () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let run = 0; run < 20; run++) {
    const { lab, peer, app } = sacked();
    const received = new Received();
    for (let i = 0; i < 50; i++) {
      const left = 1 + random(2000);
      const right = Math.min(2001, left + 1 + random(300));
      received.add([left, right]);
      peer.sends({ flags: "ACK", seq: left, ack: 1, data: right - left });
      const seen = peer.takeAll();
      assertLessOrEqual(seen.length, 1);
    }
    lab.pass(SECOND_US / 2);
    assertEquals(app.bytesRead, bytesOf(received.next - 1));
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
    peer.sends({ flags: "ACK", seq: 1001, ack: 1, data: 1000 });
    assertEquals(app.bytesRead, bytesOf(2000));
  }
});
