/**
 * A peer that reports its data in crumbs: what is sent again stays sensible in number and size, and all arrives in the
 * end (CVE-2019-11478, CVE-2019-11479; RFC 2018 §5.1; RFC 6675).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { BulkSender, MS_US, range, SACK_OPTIONS, STAMPED_OPTIONS, tenOut } from "./bulk_sender.ts";
import type { OptionValues } from "./frame_craft.ts";
import type { Seen } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

const FLIGHT = 100;

/** A sender with 100 full segments out; nothing more is written. */
function hundredOut(options: OptionValues): BulkSender {
  const bulk = new BulkSender({
    options,
    queued: 0,
    tcp: { initialWindowSegments: FLIGHT, congestionControl: "reno" },
  });
  bulk.writes(FLIGHT * bulk.mss);
  bulk.expects(range(0, FLIGHT), "the flight");
  bulk.passRtt();
  return bulk;
}

/** What the peer has really got. */
class Receiver {
  readonly #bulk: BulkSender;
  readonly #have = new Set<number>();
  #next = 1;
  /** All that was sent since the flight. */
  readonly segments: Seen[] = [];

  constructor(bulk: BulkSender) {
    this.#bulk = bulk;
  }

  has(octet: number): void {
    this.#have.add(octet);
  }

  /** The peer has these octets and says so; the cumulative ACK stays where it is. */
  reports(octets: readonly number[]): void {
    for (const octet of octets) this.has(octet);
    const { peer } = this.#bulk;
    peer.sends({
      flags: "ACK",
      ack: this.#next,
      options: {
        sack: octets.map((octet) => peer.hostBlock(octet, octet + 1)),
        ...(peer.timestamps ? { timestamps: { value: peer.clock, echo: peer.hostTimestamp } } : {}),
      },
    });
  }

  /** Notes what was sent, lost on its way or not; returns how many segments. */
  takes(isArriving: boolean): number {
    const seen = this.#bulk.takes();
    this.segments.push(...seen);
    if (isArriving) {
      for (const { seq, data } of seen) for (let i = 0; i < data.length; i++) this.has(seq + i);
    }
    while (this.#have.has(this.#next)) this.#next += 1;
    return seen.length;
  }

  /** From now on all arrives and is acknowledged, as cumulative ACKs, until the sender has nothing left. */
  recovers(limitUs: number): void {
    const { lab, peer } = this.#bulk;
    const endUs = lab.nowUs + limitUs;
    while (this.#bulk.info.sendQueue > 0) {
      assert(lab.nowUs < endUs, `all is repaired; ${this.#bulk.info.sendQueue} octets are left`);
      lab.pass(50 * MS_US);
      if (this.takes(true) > 0) peer.sends({ flags: "ACK", ack: this.#next });
    }
  }
}

/** 400 acknowledgments, each with new crumbs; the octets that they report lie `step` apart. */
function crumble(bulk: BulkSender, receiver: Receiver, step: number, blocks: number): void {
  let octet = 3;
  for (let ack = 0; ack < 400; ack++) {
    receiver.reports(range(0, blocks).map((i) => octet + i * step));
    receiver.takes(false);
    octet += blocks * step;
    if (octet + blocks * step > FLIGHT * bulk.mss) octet = 5;
    if (ack % 40 === 39) bulk.lab.pass(MS_US);
  }
}

const SPREADS = [
  { name: "every second octet", step: 2 },
  { name: "an octet in every ninety", step: 90 },
  { name: "an octet in every seven hundred", step: 701 },
  { name: "an octet in every segment", step: 1459 },
] as const;

for (const [offer, options, blocks] of [["SACK", SACK_OPTIONS, 4], ["all", STAMPED_OPTIONS, 3]] as const) {
  for (const { name, step } of SPREADS) {
    Deno.test(`${name} is reported, in 400 ACKs (${offer}): what is sent again is of sensible size and number (CVE-2019-11478)`, () => {
      const bulk = hundredOut(options);
      const receiver = new Receiver(bulk);
      crumble(bulk, receiver, step, blocks);
      const again = receiver.segments;
      for (const { data } of again) {
        assertGreaterOrEqual(data.length, bulk.mss / 2, "no segment is split into crumbs");
        assertLessOrEqual(data.length, bulk.mss);
      }
      assertLess(again.length, 2 * FLIGHT, "segments sent again");
      const octets = again.reduce((sum, { data }) => sum + data.length, 0);
      assertLess(octets, 2 * FLIGHT * bulk.mss, "octets sent again");
    });

    Deno.test(`${name} is reported, in 400 ACKs (${offer}): all is repaired in the end (RFC 2018 §5.1, RFC 6675)`, () => {
      const bulk = hundredOut(options);
      const receiver = new Receiver(bulk);
      crumble(bulk, receiver, step, blocks);
      receiver.recovers(120 * SECOND_US);
      assertLess(receiver.segments.length, 4 * FLIGHT);
      for (const { data } of receiver.segments) assertGreaterOrEqual(data.length, bulk.mss / 2);
      assertEquals(bulk.app.state, "ESTABLISHED");
    });
  }
}

Deno.test("crumbs are repaired as well when the peer forgets them (RFC 2018 §8)", () => {
  const bulk = hundredOut(SACK_OPTIONS);
  const liar = new Receiver(bulk);
  crumble(bulk, liar, 2, 4);
  // Another receiver, which has none of the octets.
  const honest = new Receiver(bulk);
  honest.recovers(200 * SECOND_US);
  assertLess(honest.segments.length, 4 * FLIGHT);
});

Deno.test("small segments are sent again in the sizes in which they were sent, or joined, never cut (RFC 9293 §3.8.6, CVE-2019-11479)", () => {
  for (const size of [100, 300, 700]) {
    const bulk = new BulkSender({ options: SACK_OPTIONS, queued: 0, tcp: { initialWindowSegments: 40 } });
    bulk.app.connection.setNoDelay(true);
    for (let i = 0; i < 30; i++) bulk.writes(size);
    assertEquals(bulk.takes().map(({ data }) => data.length), range(0, 30).map(() => size));
    bulk.passRtt();
    const { peer } = bulk;
    // Segments 10 to 29 have arrived, but the peer reports them in halves.
    const again: Seen[] = [];
    for (let end = 10; end < 30; end++) {
      const right = 1 + (end + 1) * size;
      peer.sends({
        flags: "ACK",
        ack: 1,
        options: { sack: [peer.hostBlock(1 + 10 * size, right - size / 2)] },
      });
      again.push(...bulk.takes());
      peer.sends({ flags: "ACK", ack: 1, options: { sack: [peer.hostBlock(1 + 10 * size, right)] } });
      again.push(...bulk.takes());
    }
    assertGreaterOrEqual(again.length, 1);
    for (const { seq, data } of again) {
      assertEquals((seq - 1) % size, 0, "begins where a segment began");
      assertEquals(data.length % size, 0, "one segment or several");
      assertLessOrEqual(seq + data.length, 1 + 10 * size, "not what the peer has");
    }
  }
});

Deno.test("honest SACK of whole segments sends the holes again and nothing else (RFC 6675 §5)", () => {
  const bulk = tenOut({ queued: 14_600 });
  bulk.passRtt();
  bulk.acks(0, { sack: [[1, 2]] });
  bulk.acks(0, { sack: [[3, 4], [1, 2]] });
  bulk.acks(0, { sack: [[5, 6], [3, 4], [1, 2]] });
  bulk.acks(0, { sack: [[6, 10], [5, 6], [3, 4], [1, 2]] });
  const again = bulk.took();
  bulk.lab.pass(SECOND_US / 10);
  again.push(...bulk.took());
  bulk.acks(1, { sack: [[5, 10], [3, 4], [1, 2]] });
  again.push(...bulk.took());
  for (const segment of again) assert([0, 2, 4].includes(Number(segment)), `${segment}`);
});
