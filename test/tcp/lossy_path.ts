/**
 * A path that loses, and a receiver that answers as RFC 5681 §4.2, RFC 2018 and RFC 2883 have it: what the property
 * tests of loss recovery run a sender against.
 *
 * Owns: time on the path, which transmissions are lost, the receiver's answers, and what each transmission met. Must not
 * know: what the sender should do.
 */
import { assert } from "@std/assert";
import type { SeededRandom } from "../../src/link/seeded_random.ts";
import { type BulkSender, MS_US } from "./bulk_sender.ts";

export interface PathOptions {
  readonly random: SeededRandom;
  /** Chances of a loss, 0 to 1. */
  readonly dataLoss: number;
  readonly ackLoss: number;
  /** Does the receiver SACK? */
  readonly sack: boolean;
  readonly oneWayUs: number;
  /** Up to this much more for some packets, which reorders them. */
  readonly jitterUs?: number;
}

/** One transmission of some bytes, and whether it got through. */
export interface Transmission {
  readonly left: number;
  readonly right: number;
  readonly atUs: number;
  readonly isLost: boolean;
}

interface Arrival {
  readonly atUs: number;
  readonly order: number;
  readonly arrives: () => void;
}

export class LossyPath {
  readonly transmissions: Transmission[] = [];
  /** Called with each transmission before it is entered. */
  onSent: (transmission: Transmission) => void = () => {};
  /** The receiver's cumulative ACK, and what it has beyond, relative. */
  expected = 1;
  islands: [number, number][] = [];
  /** SACK blocks that have reached the sender. */
  readonly told: (readonly [number, number])[] = [];
  readonly #bulk: BulkSender;
  readonly #options: PathOptions;
  readonly #arrivals: Arrival[] = [];
  #order = 0;
  /** TS.Recent. */
  #recent: number;

  constructor(bulk: BulkSender, options: PathOptions) {
    this.#bulk = bulk;
    this.#options = options;
    this.#recent = bulk.peer.hostTimestamp;
  }

  /** Runs until all that was written is acknowledged; `limitUs` is how long that may take. */
  run(limitUs: number): void {
    const { lab } = this.#bulk;
    const endUs = lab.nowUs + limitUs;
    this.#collect();
    while (this.#bulk.info.sendQueue > 0) {
      assert(lab.nowUs < endUs, "the stream gets through");
      const due = this.#arrivals[0]?.atUs ?? Infinity;
      lab.passUntil(Math.min(due, lab.nowUs + 10 * MS_US));
      this.#collect();
      while (this.#arrivals.length > 0 && this.#arrivals[0].atUs <= lab.nowUs) {
        this.#arrivals.shift()?.arrives();
        this.#collect();
      }
    }
  }

  #collect(): void {
    for (const seen of this.#bulk.takes()) {
      const length = seen.data.length + (seen.flags.includes("FIN") ? 1 : 0);
      if (length === 0) continue;
      const isLost = this.#happens(this.#options.dataLoss);
      const transmission = { left: seen.seq, right: seen.seq + length, atUs: seen.atUs, isLost };
      this.onSent(transmission);
      this.transmissions.push(transmission);
      if (!isLost) {
        this.#schedule(seen.atUs, () => {
          const stamp = seen.options.timestamps;
          // RFC 7323 §4.3: what covers Last.ACK.sent, and is not older.
          const isRecent = stamp !== undefined && seen.seq <= this.expected &&
            ((stamp.value - this.#recent) | 0) >= 0;
          if (isRecent) this.#recent = stamp.value;
          this.#receive(seen.seq, seen.seq + length);
        });
      }
    }
  }

  #receive(seq: number, right: number): void {
    const around = this.islands.find(([left, end]) => left <= seq && right <= end) ?? null;
    const isDuplicate = right <= this.expected || around !== null;
    const before = this.expected;
    if (!isDuplicate) this.#take(seq, right);
    // A duplicate comes first, then the block that holds it (RFC 2883 §4); else the block that grew (RFC 2018 §4).
    const grown = around ?? this.islands.find(([left, end]) => left <= seq && seq < end) ?? null;
    const first: [number, number][] = isDuplicate ? [[seq, right]] : [];
    if (grown !== null) first.push(grown);
    const others = this.islands.filter((island) => island !== grown).reverse();
    const sack = this.#options.sack ? [...first, ...others].slice(0, 3) : [];
    const ack = this.expected;
    const echo = this.#recent;
    assert(ack >= before);
    if (this.#happens(this.#options.ackLoss)) return;
    this.#schedule(this.#bulk.lab.nowUs, () => {
      const { peer } = this.#bulk;
      if (this.#options.sack) this.told.push(...sack);
      peer.sends({
        flags: "ACK",
        ack,
        options: {
          ...(sack.length === 0 ? {} : { sack: sack.map(([left, end]) => peer.hostBlock(left, end)) }),
          ...(peer.timestamps ? { timestamps: { value: peer.clock, echo } } : {}),
        },
      });
    });
  }

  #take(left: number, right: number): void {
    this.islands.push([left, right]);
    this.islands.sort(([a], [b]) => a - b);
    const merged: [number, number][] = [];
    for (const [from, to] of this.islands) {
      const last = merged[merged.length - 1];
      if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
      else merged.push([from, to]);
    }
    if (merged.length > 0 && merged[0][0] <= this.expected) {
      this.expected = Math.max(this.expected, merged[0][1]);
      merged.shift();
    }
    this.islands = merged;
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#options.random.chance(chance);
  }

  #schedule(sentUs: number, arrives: () => void): void {
    const { oneWayUs, jitterUs = 0, random } = this.#options;
    const more = jitterUs > 0 && random.chance(0.1) ? random.below(jitterUs) : 0;
    this.#arrivals.push({ atUs: sentUs + oneWayUs + more, order: this.#order++, arrives });
    this.#arrivals.sort((a, b) => a.atUs - b.atUs || a.order - b.order);
  }
}
