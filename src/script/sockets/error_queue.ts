/**
 * ErrorQueue: what a socket has to tell of what was sent: that memory may be used again (`MSG_ZEROCOPY`), and when octets
 * left and were acknowledged (`SO_TIMESTAMPING`).
 *
 * Owns: who waits for which octet, and the notices in order. Must not know: control messages (messages.ts), the connection.
 */

/** Bound on what waits and on notices; local choice, as for the memory of one Linux socket: more than a script ever has. */
const MOST_NOTICES = 4096;

/** A notice. */
export type Notice =
  /** Sends `low` to `high` of those with `MSG_ZEROCOPY` are done; the octets had been copied. */
  | { readonly kind: "zero-copy"; readonly low: number; readonly high: number }
  /** An octet (its key) was given to the device, left it, or was acknowledged. */
  | {
    readonly kind: "stamp";
    readonly what: "scheduled" | "sent" | "acknowledged";
    readonly key: number;
    readonly atUs: number;
  };

/** How far the stream is: octets written in all, and of them those that are not acknowledged and not sent. */
export interface StreamProgress {
  readonly writtenBytes: number;
  readonly unackedBytes: number;
  readonly unsentBytes: number;
}

/** What is to be told of an octet. */
export interface StampWishes {
  readonly scheduled: boolean;
  readonly sent: boolean;
  readonly acknowledged: boolean;
}

/** See the file's comment. */
export class ErrorQueue {
  readonly #notices: Notice[] = [];
  readonly #copies: { readonly end: number; readonly id: number }[] = [];
  #stamps: { readonly end: number; readonly key: number; readonly wishes: StampWishes; sent: boolean }[] = [];
  #nextId = 0;

  /** Notices that can be taken. */
  get length(): number {
    return this.#notices.length;
  }

  /** Whether something is still to come. */
  get isWaiting(): boolean {
    return this.#copies.length > 0 || this.#stamps.length > 0;
  }

  /** A send with `MSG_ZEROCOPY` whose last octet is the one before `end`. */
  copied(end: number): void {
    if (this.#copies.length < MOST_NOTICES) this.#copies.push({ end, id: this.#nextId });
    this.#nextId++;
  }

  /** A send of which stamps are wanted. */
  stamped(end: number, about: { readonly key: number; readonly wishes: StampWishes }): void {
    if (this.#stamps.length < MOST_NOTICES) this.#stamps.push({ end, ...about, sent: false });
  }

  /** Looks how far the stream is; returns whether there are new notices. */
  acknowledged({ writtenBytes, unackedBytes, unsentBytes }: StreamProgress, nowUs: number): boolean {
    const before = this.#notices.length;
    const acknowledged = writtenBytes - unackedBytes;
    const sent = writtenBytes - unsentBytes;
    let merged = false;
    for (
      let copy = this.#copies.at(0);
      copy !== undefined && copy.end <= acknowledged;
      copy = this.#copies.at(0)
    ) {
      this.#copies.shift();
      merged = this.#tellCopy(copy.id) || merged;
    }
    for (const stamp of this.#stamps) {
      if (!stamp.sent && stamp.end <= sent) {
        stamp.sent = true;
        if (stamp.wishes.scheduled) {
          this.#tell({ kind: "stamp", what: "scheduled", key: stamp.key, atUs: nowUs });
        }
        if (stamp.wishes.sent) this.#tell({ kind: "stamp", what: "sent", key: stamp.key, atUs: nowUs });
      }
      if (stamp.end <= acknowledged && stamp.wishes.acknowledged) {
        this.#tell({ kind: "stamp", what: "acknowledged", key: stamp.key, atUs: nowUs });
      }
    }
    this.#stamps = this.#stamps.filter(({ end }) => end > acknowledged);
    return merged || this.#notices.length > before;
  }

  /** The connection is gone: memory may be used again, and nothing else happens to the octets. */
  ended(): void {
    for (const { id } of this.#copies.splice(0)) this.#tellCopy(id);
    this.#stamps = [];
  }

  /** Those that follow each other are told as one; returns whether this one was added to another. */
  #tellCopy(id: number): boolean {
    const last = this.#notices.at(-1);
    if (last?.kind === "zero-copy" && last.high === id - 1) {
      this.#notices[this.#notices.length - 1] = { kind: "zero-copy", low: last.low, high: id };
      return true;
    }
    this.#tell({ kind: "zero-copy", low: id, high: id });
    return false;
  }

  #tell(notice: Notice): void {
    if (this.#notices.length < MOST_NOTICES) this.#notices.push(notice);
  }

  /** The oldest notice, or null. */
  take(): Notice | null {
    return this.#notices.shift() ?? null;
  }
}
