/**
 * A TCP of the plainest kind, written from RFC 9293 and RFC 2018 alone: it takes what arrives, acknowledges each segment,
 * and sends its own bytes again until they are acknowledged.
 *
 * Owns: one end of one connection behind a path that loses, doubles and delays. It looks hard at all that the host sends:
 * same number, same byte; nothing beyond the window; no window that shrinks; no ACK of what was never sent. Must not
 * know: the machine under test.
 */
import { assert, assertEquals } from "@std/assert";
import { patternByte } from "./app_log.ts";
import type { Fixture } from "./states.ts";
import type { PeerSegment, Seen } from "./peer.ts";

interface Path {
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  readonly loss: number;
  readonly duplication: number;
  readonly delayUs: number;
  readonly jitterUs: number;
}

interface Waiting {
  readonly atUs: number;
  readonly act: () => void;
}

const MSS = 1000;
const RESEND_US = 300_000;

export class ReferencePeer {
  /** Segments that the host has sent. */
  segments = 0;
  /** What it has to send in all, and whether a FIN follows. */
  readonly #bytesToSend: number;
  readonly #fixture: Fixture;
  readonly #path: Path;
  readonly #sack: boolean;
  readonly #waiting: Waiting[] = [];
  readonly #window: number;
  /** Relative numbers of the host's bytes that are here. */
  readonly #here = new Set<number>();
  #blocks: [number, number][] = [];
  #next = 1;
  #hostFin = Infinity;
  /** Our own sending side: first unacknowledged, next new, right edge. */
  #una = 1;
  #sent = 1;
  #edge: number;
  #resendAtUs = Infinity;

  constructor(
    fixture: Fixture,
    options: { path: Path; bytesToSend: number; sack: boolean; window: number },
  ) {
    this.#fixture = fixture;
    this.#path = options.path;
    this.#bytesToSend = options.bytesToSend;
    this.#sack = options.sack;
    this.#window = options.window;
    this.#edge = fixture.peer.hostRightEdge;
  }

  /** Bytes of the host that are here in order. */
  get received(): number {
    return Math.min(this.#next, this.#hostFin) - 1;
  }

  /** Both directions are at their end. */
  get isDone(): boolean {
    return this.#next === this.#hostFin + 1 && this.#una === this.#bytesToSend + 2;
  }

  /** Runs until all is done or the time is over; returns whether it is done. */
  run(untilUs: number, step: () => void): boolean {
    const { lab } = this.#fixture;
    this.#sendMore();
    while (lab.nowUs < untilUs && !this.isDone) {
      this.#takeFromHost();
      step();
      const atUs = Math.min(
        lab.host.nextDeadlineUs(),
        this.#resendAtUs,
        ...this.#waiting.map((one) => one.atUs),
        lab.nowUs + 50_000,
      );
      lab.passUntil(Math.max(atUs, lab.nowUs));
      this.#deliver();
      if (lab.nowUs >= this.#resendAtUs) this.#resend();
    }
    return this.isDone;
  }

  #takeFromHost(): void {
    for (const seen of this.#fixture.peer.takeAll()) {
      this.segments += 1;
      this.#check(seen);
      this.#carry(() => this.#arrives(seen));
    }
  }

  /** Over the path, in either direction. */
  #carry(act: () => void): void {
    const { random, loss, duplication, delayUs, jitterUs } = this.#path;
    const copies = random() < loss ? 0 : random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#waiting.push({ atUs: this.#fixture.lab.nowUs + delayUs + Math.floor(random() * jitterUs), act });
    }
  }

  #deliver(): void {
    const { lab } = this.#fixture;
    const due = this.#waiting.filter(({ atUs }) => atUs <= lab.nowUs);
    for (const one of due) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    for (const { act } of due.sort((a, b) => a.atUs - b.atUs)) {
      act();
      this.#takeFromHost();
    }
  }

  /** What must hold of every segment, whether it is lost on the way or not. */
  #check(seen: Seen): void {
    assert(!seen.flags.includes("RST"), "a RST");
    seen.data.forEach((byte, i) =>
      assertEquals(byte, patternByte(seen.seq - 1 + i), "another byte at its number")
    );
    const end = seen.seq + seen.data.length;
    assert(
      seen.data.length === 0 || end <= this.#offered + 1,
      `up to ${end} is beyond the window's ${this.#offered}`,
    );
    assert(end <= this.#hostFin + (seen.data.length === 0 ? 1 : 0), "text beyond its FIN");
    assert(seen.ack <= this.#bytesToSend + 2 && seen.ack <= this.#sent, "an ACK of what was never sent");
    if (seen.flags.includes("FIN")) {
      assert(this.#hostFin === Infinity || this.#hostFin === end, "two ends");
      this.#hostFin = end;
    }
    const edge = seen.ack + (seen.window << this.#fixture.peer.hostShift);
    const rounding = (1 << this.#fixture.peer.hostShift) - 1;
    assert(seen.ack < this.#hostAck || edge + rounding >= this.#hostEdge, "the window shrinks");
    this.#hostAck = Math.max(this.#hostAck, seen.ack);
    this.#hostEdge = Math.max(this.#hostEdge, edge);
  }

  #hostAck = 0;
  #hostEdge = 0;
  #offeredEdge = 0;

  /** The right edge that the host may know of. */
  get #offered(): number {
    return Math.max(this.#offeredEdge, 1 + this.#fixture.peer.window);
  }

  #arrives(seen: Seen): void {
    // Our own sending side (RFC 9293 §3.10.7.4, fifth).
    if (seen.ack > this.#una) {
      this.#una = seen.ack;
      this.#resendAtUs = this.#una < this.#sent ? this.#fixture.lab.nowUs + RESEND_US : Infinity;
    }
    this.#edge = Math.max(this.#edge, seen.ack + (seen.window << this.#fixture.peer.hostShift));
    // The receiving side (seventh and eighth).
    const length = seen.data.length + (seen.flags.includes("FIN") ? 1 : 0);
    for (let number = seen.seq; number < seen.seq + length; number++) this.#here.add(number);
    while (this.#here.has(this.#next)) this.#next += 1;
    if (length > 0) this.#noteBlock(seen.seq, seen.seq + length);
    if (length > 0 || seen.seq < this.#next - 1) this.#acknowledge();
    this.#sendMore();
  }

  /** The newest block first, joined with its neighbours (RFC 2018 §4). */
  #noteBlock(from: number, to: number): void {
    let left = from;
    let right = to;
    while (this.#here.has(left - 1)) left -= 1;
    while (this.#here.has(right)) right += 1;
    this.#blocks = [[left, right] satisfies [number, number], ...this.#blocks]
      .filter(([blockLeft, blockRight], i) =>
        blockLeft > this.#next && (i === 0 || blockRight < left || blockLeft > right)
      ).map(([blockLeft, blockRight]): [number, number] => [blockLeft, blockRight]);
  }

  #acknowledge(): void {
    this.#send({ flags: "ACK", seq: this.#sent });
  }

  #sendMore(): void {
    while (this.#sent <= this.#bytesToSend + 1) {
      if (this.#sent === this.#bytesToSend + 1) {
        this.#sent += 1;
        this.#send({ flags: "FIN ACK", seq: this.#sent - 1 });
      } else {
        const room = Math.min(this.#edge - this.#sent, MSS, this.#bytesToSend + 1 - this.#sent);
        if (room <= 0 || this.#sent - this.#una > 20 * MSS) break;
        this.#sent += room;
        this.#send({ flags: "ACK", seq: this.#sent - room, data: room });
      }
      if (this.#resendAtUs === Infinity) this.#resendAtUs = this.#fixture.lab.nowUs + RESEND_US;
    }
    // A window that stays shut is probed.
    if (this.#resendAtUs === Infinity && this.#una <= this.#bytesToSend + 1) {
      this.#resendAtUs = this.#fixture.lab.nowUs + RESEND_US;
    }
  }

  /** All that is not acknowledged, from the beginning, one segment; or a probe of one byte. */
  #resend(): void {
    this.#resendAtUs = this.#una < this.#bytesToSend + 2 ? this.#fixture.lab.nowUs + RESEND_US : Infinity;
    const from = this.#una;
    if (from >= this.#bytesToSend + 2) return;
    if (from === this.#bytesToSend + 1) {
      if (this.#sent > from) this.#send({ flags: "FIN ACK", seq: from });
      return;
    }
    const length = Math.max(1, Math.min(MSS, this.#bytesToSend + 1 - from, this.#sent - from));
    this.#sent = Math.max(this.#sent, from + length);
    this.#send({ flags: "ACK", seq: from, data: length });
  }

  #send(segment: PeerSegment): void {
    const ack = this.#next;
    const { peer } = this.#fixture;
    this.#carry(() => {
      this.#offeredEdge = Math.max(this.#offeredEdge, ack + this.#window);
      const sack = this.#sack
        ? this.#blocks.slice(0, 3).filter(([left]) => left > ack).map(([left, right]) =>
          peer.hostBlock(left, right)
        )
        : [];
      peer.sends({
        ...segment,
        ack,
        window: this.#window,
        ...(sack.length === 0 ? {} : { options: { sack } }),
      });
    });
  }
}
