/**
 * A host with much to send and a peer that acknowledges by hand: what the tests of loss recovery and congestion
 * control stand on.
 *
 * Owns: a connection whose first round trip took a known time, a long stream to send, and full-sized segments by
 * number: segment 0 is the first after the SYN. Must not know: what is right; the test does.
 */
import { assert, assertEquals } from "@std/assert";
import type { ConnectionInfo } from "../../src/tcp/info.ts";
import { type AppLog, patternByte } from "./app_log.ts";
import type { OptionValues } from "./frame_craft.ts";
import type { Lab } from "./harness.ts";
import { describe, type Peer, type Seen } from "./peer.ts";
import { type FixtureOptions, reachSynRcvd, reachSynSent } from "./states.ts";

export const MS_US = 1000;

/** Options of the peer's SYN: SACK and a window of 8 MB, without timestamps. */
export const SACK_OPTIONS: OptionValues = { mss: 1460, windowScale: 7, sackPermitted: true };

/** The same without SACK. */
export const PLAIN_OPTIONS: OptionValues = { mss: 1460, windowScale: 7 };

/** All of them; 12 bytes of timestamps leave 1448 of the MSS. */
export const STAMPED_OPTIONS: OptionValues = { ...SACK_OPTIONS, timestamps: { value: 0x7fff_0000, echo: 0 } };

/** Timestamps without SACK. */
export const STAMPED_PLAIN_OPTIONS: OptionValues = {
  ...PLAIN_OPTIONS,
  timestamps: { value: 0x7fff_0000, echo: 0 },
};

export interface BulkOptions extends FixtureOptions {
  /** The peer's round trip in the handshake; default 100 ms. */
  readonly rttUs?: number;
  /** Bytes that are written once the connection is established; default 600,000. 0 for none yet. */
  readonly queued?: number;
}

/** An acknowledgment in words of segment numbers. */
export interface BulkAck {
  /** SACK blocks `[first, end)`, in the order in which they stand in the option. */
  readonly sack?: readonly (readonly [number, number])[];
  readonly flags?: string;
  readonly window?: number;
  /** TSecr; by default what a receiver of RFC 7323 §4.3 echoes when every segment that it acknowledges has come. */
  readonly echo?: number;
  /** TSval; default the peer's clock. */
  readonly value?: number;
}

const STREAM = new Uint8Array(1_000_000);
for (let position = 0; position < STREAM.length; position++) STREAM[position] = patternByte(position);

export class BulkSender {
  readonly lab: Lab;
  readonly peer: Peer;
  readonly app: AppLog;
  readonly mss: number;
  readonly rttUs: number;
  readonly #stamped: boolean;
  #written = 0;
  /** TSval of what was sent last at each relative sequence number, as far as the events were read. */
  readonly #stamps = new Map<number, number>();
  #eventsRead = 0;
  #acked = 1;
  #recent: number | null = null;

  constructor(options: BulkOptions = {}) {
    const offered = options.options ?? SACK_OPTIONS;
    this.rttUs = options.rttUs ?? 100 * MS_US;
    this.#stamped = offered.timestamps !== undefined && options.tcp?.timestamps !== false;
    const given = { ...options, options: offered };
    const { lab, peer, app } = options.role === "client" ? reachSynSent(given) : reachSynRcvd(given);
    this.lab = lab;
    this.peer = peer;
    this.app = app;
    peer.timestamps = this.#stamped;
    lab.pass(this.rttUs);
    if (options.role === "client") {
      const stamps = this.#stamped ? { timestamps: { value: peer.clock, echo: peer.hostTimestamp } } : {};
      peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { ...offered, ...stamps } });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    } else {
      peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    }
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
    this.mss = app.connection.info().sendMss;
    this.writes(options.queued ?? 600_000);
  }

  /** Queues more of the stream. */
  writes(bytes: number): void {
    if (bytes === 0) return;
    assertEquals(this.app.write(STREAM.subarray(this.#written, this.#written + bytes)), bytes);
    this.#written += bytes;
  }

  get info(): ConnectionInfo {
    // As the SYN had it: a stream that begins far on counts from elsewhere (begin_far.ts).
    return { ...this.app.connection.info(), iss: this.peer.hostIss };
  }

  /** Congestion window and threshold in full-sized segments. */
  get cwnd(): number {
    return this.info.cwnd / this.mss;
  }

  get ssthresh(): number {
    return this.info.ssthresh / this.mss;
  }

  /** The relative sequence number at which a segment begins. */
  seqOf(segment: number): number {
    return 1 + segment * this.mss;
  }

  /** The peer has everything before segment `upTo`, and the SACK blocks. */
  acks(upTo: number, more: BulkAck = {}): void {
    const { peer } = this;
    const sack = (more.sack ?? []).map(([first, end]) => peer.hostBlock(this.seqOf(first), this.seqOf(end)));
    const stamps = this.#stamped
      ? { timestamps: { value: more.value ?? peer.clock, echo: more.echo ?? this.echoFor(upTo) } }
      : {};
    peer.sends({
      flags: more.flags ?? "ACK",
      ack: this.seqOf(upTo),
      options: { ...(sack.length === 0 ? {} : { sack }), ...stamps },
      ...(more.window === undefined ? {} : { window: more.window }),
    });
  }

  /**
   * TS.Recent of a receiver when it acknowledges everything before segment `upTo`: the TSval of the segment at the left
   * edge of before, which is the earliest of a delayed ACK and the one that filled a hole.
   */
  echoFor(upTo: number): number {
    const { events } = this.lab;
    for (; this.#eventsRead < events.length; this.#eventsRead++) {
      const event = events[this.#eventsRead];
      if (event.event !== "segment" || event.direction !== "send" || event.length === 0) continue;
      if (event.options.timestamps !== undefined) {
        this.#stamps.set(event.relSeq, event.options.timestamps.value);
      }
    }
    const ack = this.seqOf(upTo);
    if (ack > this.#acked) {
      this.#recent = this.#stamps.get(this.#acked) ?? null;
      this.#acked = ack;
    }
    return this.#recent ?? this.peer.hostTimestamp;
  }

  /** What was sent since the last question, whole, contents proved. */
  takes(): Seen[] {
    const seen = this.peer.takeAll();
    for (const { data, seq } of seen) {
      let isRight = true;
      for (let i = 0; i < data.length; i++) isRight = isRight && data[i] === STREAM[seq - 1 + i];
      assert(isRight, "the bytes that belong there");
    }
    return seen;
  }

  /** What was sent since the last question, full-sized segments by number, others as text. */
  took(): (number | string)[] {
    return this.takes().map((seen) => this.numberOf(seen));
  }

  numberOf(seen: Seen): number | string {
    const number = (seen.seq - 1) / this.mss;
    const isFull = seen.data.length === this.mss && Number.isInteger(number) && seen.flags === "ACK";
    return isFull ? number : describe(seen);
  }

  /** Demands exactly these segments, full-sized, in this order. */
  expects(segments: readonly number[], why = "segments sent"): void {
    assertEquals(this.took(), [...segments], why);
    this.lab.expectsNoStrays();
  }

  silence(why = "silence"): void {
    this.expects([], why);
  }

  /** Lets a round trip go by. */
  passRtt(): void {
    this.lab.pass(this.rttUs);
  }

  /** Acknowledges segments `from` to `to - 1`, `step` segments an ACK; returns what that let out. */
  acksEach(from: number, to: number, step = 1): (number | string)[] {
    const out: (number | string)[] = [];
    for (let at = from + step; at < to + step; at += step) {
      this.acks(Math.min(at, to));
      out.push(...this.took());
    }
    return out;
  }

  /** How often segments were sent again, by kind, as the events tell. */
  resent(): string[] {
    return this.lab.events.flatMap((event) => event.event === "retransmit" ? [event.kind] : []);
  }
}

/** `[from, from + 1, ..., to - 1]`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

/** A sender whose first flight, ten segments, is out. */
export function tenOut(options: BulkOptions = {}): BulkSender {
  const bulk = new BulkSender(options);
  bulk.expects(range(0, 10), "the first flight");
  return bulk;
}

/**
 * A sender in slow start's second round: 20 segments, 10 to 29, are out, sent at one instant; the peer acknowledged all
 * before at once, one round trip after they had left, segment by segment.
 */
export function twentyOut(options: BulkOptions = {}): BulkSender {
  const bulk = tenOut(options);
  bulk.passRtt();
  const sent = bulk.acksEach(0, 10);
  assertEquals(sent, range(10, 30), "slow start doubles");
  return bulk;
}
