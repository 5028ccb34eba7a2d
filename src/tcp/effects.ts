/**
 * Effects: what the machine wants done, as values in a queue (never a callback from inside a transition).
 *
 * Owns: the queue of reusable records. Must not know: who drains it. The caller drains in order, until the
 * queue is empty, before it hands the machine the next event.
 */
import type { CloseReason, RetransmitKind } from "./events.ts";
import type { FastOpen } from "./fast_open_record.ts";
import type { RuleId } from "./rules.ts";
import type { TcpState } from "./state.ts";
import type { Tcb } from "./tcb.ts";
import type { Transition } from "./transitions.ts";

/** Kinds of effect. */
export const EFFECT = {
  /** Send a segment: all fields from `flags` to `sackBlocks`; payload from the send ring at `seq`. */
  SEND: 0,
  /** Bytes can be read in order: `length`. */
  DATA: 1,
  /** The connection is established. */
  OPEN: 2,
  /** The peer's FIN has been taken. */
  PEER_CLOSED: 3,
  /** Room in the send ring after a write had been refused, or nothing is left unacknowledged. */
  WRITABLE: 4,
  /** The connection has ended: `reason`. */
  CLOSED: 5,
  /** The state changed: `transition`, `recvFlags`, `sendFlags`, `rule`. */
  STATE: 6,
  /** Something is sent again: `retransmit`, `seq`, `length`, `count`; comes before its SEND. */
  RETRANSMIT: 7,
  /** The segment was dropped: `drop`. */
  DROP: 8,
  /** Urgent data announced. */
  URGENT: 9,
  /** The application may want to know: `drop` holds the text. */
  ADVICE: 10,
  /** R1 is reached: whoever chooses the way to the peer may doubt it (MUST-20). */
  NO_PROGRESS: 11,
  /** A server has answered our SYN that did Fast Open: the TCB's record tells what it said. */
  FAST_OPEN: 12,
} as const;

/** Option bytes of a segment with timestamps (RFC 7323 §3.2), padded. */
export const TIMESTAMP_OPTION_BYTES = 12;

/** SACK blocks that fit the option field (RFC 2018 §3). */
export const MOST_SACK_BLOCKS = 4;

/** One effect; which fields count depends on `kind`. */
export class Effect {
  kind = 0;
  tcb: Tcb | null = null;
  // -- A segment. Positions of the connection's streams; without a connection, numbers as on the wire.
  flags = 0;
  /** State when a segment was queued, which is what it was sent in. */
  state: TcpState = "CLOSED";
  seq = 0;
  ack = 0;
  /** The header's window field. */
  window = 0;
  length = 0;
  urgentPointer = 0;
  /** ECN codepoint of the IP header (RFC 3168 §5). */
  ecn = 0;
  /** Payload bytes at which a large segment is cut; 0 when it fits the MTU. */
  cutBytes = 0;
  rule: RuleId = "none";
  // -- Its options (segment_options.ts); -1 and 0 for those that it does not carry.
  mss = -1;
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  tsValue = 0;
  tsEcho = 0;
  sackBlockCount = 0;
  /** Null: no Fast Open option. */
  fastOpen: FastOpen | null = null;
  /** Left and right edges in turn. */
  readonly sackBlocks: Float64Array = new Float64Array(2 * MOST_SACK_BLOCKS);
  // -- Other kinds
  reason: CloseReason = "normal";
  transition: Transition | null = null;
  /** Flag bits of the arriving segment, -1 when no segment caused it. */
  recvFlags = -1;
  sendFlags = -1;
  retransmit: RetransmitKind = "rto";
  count = 0;
  drop = "";
}

/** A queue of effects in total order. */
export class Effects {
  readonly #items: Effect[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The effect at `index`; valid until {@link Effects.clear}. */
  at(index: number): Effect {
    return this.#items[index];
  }

  /** Appends an effect; the caller sets the fields that count for its kind. */
  push(kind: number, tcb: Tcb | null): Effect {
    let item = this.#items[this.#length];
    if (item === undefined) {
      item = new Effect();
      this.#items.push(item);
    }
    this.#length++;
    item.kind = kind;
    item.tcb = tcb;
    return item;
  }

  /** Forgets all effects; keeps their records for reuse. */
  clear(): void {
    for (let i = 0; i < this.#length; i++) this.#items[i].tcb = null;
    this.#length = 0;
  }
}
