/**
 * SegmentNumbers: the number of each segment of a host, from 1, counted while somebody observes.
 *
 * Owns: when a segment gets its number, and by which rules the one in hand changes states. Must not know: events, or who
 * observes.
 *
 * A segment gets its number when it is told, or when something that belongs to it is told before it: a transition or a
 * retransmission whose segment is about to leave, a fault that it met on its way in.
 */
import { EFFECT, type Effect, type Effects } from "../tcp/effects.ts";
import { FLAG } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";
import { ConnectionWatch } from "./connection_watch.ts";

const { SYN, FIN } = FLAG;

/** No segment has this number. */
export const NO_SEGMENT = 0;

/** The numbers of one host. */
export class SegmentNumbers {
  #last = NO_SEGMENT;
  /** Of the segment in hand, once it is known. */
  #inHand = NO_SEGMENT;
  /** Of the frame in hand, where something has numbered its segment before it came. */
  #expected = NO_SEGMENT;
  /** Rules by which the segment in hand changed a state before it was told itself. */
  #earlierMoves: string[] = [];
  /** Grows with every observer. */
  #era = 0;

  /** The number of one more segment. */
  next(): number {
    return ++this.#last;
  }

  /** The frame that comes next brings the segment with this number. */
  expect(number: number): void {
    this.#expected = number;
  }

  /** The frame in hand has been dealt with. */
  frameDone(): void {
    this.#inHand = NO_SEGMENT;
    this.#expected = NO_SEGMENT;
  }

  /** Nobody has observed for a while: what is remembered of connections does not count any more. */
  beginAnew(): void {
    this.#era++;
    // Who has left between a transition and its segment has not heard that, and the next one hears of other segments.
    this.#earlierMoves = [];
  }

  /** Of the segment in hand. */
  inHand(): number {
    if (this.#inHand === NO_SEGMENT) {
      this.#inHand = this.#expected === NO_SEGMENT ? this.next() : this.#expected;
    }
    return this.#inHand;
  }

  /** The same where it has one; {@link NO_SEGMENT} else. */
  get inHandIfAny(): number {
    return this.#inHand === NO_SEGMENT ? this.#expected : this.#inHand;
  }

  /** What is remembered of a connection. */
  watchOf(connection: Connection): ConnectionWatch {
    const { watch } = connection;
    if (watch !== null && watch.era === this.#era) return watch;
    return connection.watch = new ConnectionWatch(this.#era);
  }

  /** Of the segment that the connection is about to send. */
  announce(connection: Connection): number {
    const watch = this.watchOf(connection);
    if (watch.announced === NO_SEGMENT) watch.announced = this.next();
    return watch.announced;
  }

  /** Whether the segment that the connection sends next has a number already. */
  isAnnounced({ watch }: Connection): boolean {
    return watch !== null && watch.era === this.#era && watch.announced !== NO_SEGMENT;
  }

  /** Of the segment that the connection sends now, and remembers what it carries. */
  leaving(connection: Connection, { seq, length, flags }: Effect): number {
    const watch = this.watchOf(connection);
    const number = watch.announced === NO_SEGMENT ? this.next() : watch.announced;
    watch.announced = NO_SEGMENT;
    const octets = length + ((flags & SYN) === 0 ? 0 : 1) + ((flags & FIN) === 0 ? 0 : 1);
    if (octets > 0) watch.sent.note(seq, seq + octets, { number, una: connection.tcb.sndUna });
    return number;
  }

  /** Of the segment that a change of state belongs to; {@link NO_SEGMENT} where there is none. */
  ofMove(connection: Connection, effect: Effect): number {
    if (effect.transition?.cause === "segment") {
      // An ICMP error is no segment.
      if (effect.recvFlags < 0) return NO_SEGMENT;
      // Told before its segment, which begins another connection: what ended this one is part of what it did.
      if (this.#inHand === NO_SEGMENT) this.#earlierMoves.push(effect.rule);
      return this.inHand();
    }
    return effect.sendFlags < 0 ? NO_SEGMENT : this.announce(connection);
  }

  /** Whether the segment in hand has changed a state, and has not been told yet. */
  get isUntold(): boolean {
    return this.#earlierMoves.length > 0;
  }

  /** Rules by which the segment in hand has changed states before it is told; null where it has changed none. */
  takeEarlierMoves(): string[] | null {
    if (this.#earlierMoves.length === 0) return null;
    const moves = this.#earlierMoves;
    this.#earlierMoves = [];
    return moves;
  }

  /** These, and then those by which it changes the state of `connection`, in order; null where there are none. */
  takeMoves({ tcb }: Connection, effects: Effects): string[] | null {
    let moves = this.takeEarlierMoves();
    for (let i = 0; i < effects.length; i++) {
      const effect = effects.at(i);
      // An abort for late text is one too: what is in the queue by now has come of the segment, whatever its row says.
      if (effect.kind === EFFECT.STATE && effect.tcb === tcb) {
        moves = moves === null ? [effect.rule] : [...moves, effect.rule];
      }
    }
    return moves;
  }
}
