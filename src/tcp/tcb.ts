/**
 * Tcb: the one record of a connection (RFC 9293 §3.3.1), of fixed shape.
 *
 * Owns: fields and their meaning. Must not know: procedures; those are in the files named after the
 * RFC's own sections. Sequence numbers are unsigned; times are microseconds of the caller's clock;
 * a deadline that does not run is Infinity.
 */
import type { ByteRing } from "./byte_ring.ts";
import type { TcpConfig } from "./config.ts";
import type { CongestionControl } from "./congestion.ts";
import { NO_ISLANDS, type Reassembly } from "./reassembly.ts";
import type { Lender } from "./lender.ts";
import type { RuleId } from "./rules.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { NO_SENDER, SenderRecord } from "./sender_record.ts";
import type { TcpState } from "./state.ts";
import { defineNumbers, defineSwitches, initialBits, initialRow } from "./packed_fields.ts";
import { TCB_NUMBERS, TCB_SWITCHES, type TcbNumbers, type TcbSwitches } from "./tcb_fields.ts";
import type { CloseReason } from "./events.ts";

/** How congestion recovery stands (RFC 5681, RFC 6675). */
export type RecoveryState = "open" | "disorder" | "recovery" | "loss";

/** Larger than any MSS, and small enough to be stored in place. */
const NO_PATH_LIMIT = 0x7fffffff;

const INITIAL_ROW = initialRow(TCB_NUMBERS);
const INITIAL_BITS = initialBits(TCB_SWITCHES);

/** The connection record: its own fields, and those packed ones that tcb_fields.ts tells of. */
export interface Tcb extends TcbNumbers, TcbSwitches {}

/** The connection record. */
export class Tcb {
  // -- What every segment touches comes first: eight fields share a cache line.
  /** Where {@link TcbNumbers} and {@link TcbSwitches} are; only their properties go there. */
  readonly row: number[] = INITIAL_ROW.slice();
  bits = INITIAL_BITS;
  state: TcpState = "CLOSED";
  readonly config: TcpConfig;
  /** Whoever made the record and performs its effects; of no meaning here. */
  owner: object | null = null;

  // -- Send window
  /** Send window in bytes, scaled, never negative (MUST-1, REC-1). */
  sndWnd = 0;
  /** Largest window that the peer ever offered (RFC 5961 §5, sender SWS avoidance). */
  maxSndWnd = 0;
  sendShift = 0;
  receiveShift = 0;

  // -- Buffers
  /** Lent while bytes are in them, else stand-ins: {@link Tcb.ringToSend}, {@link Tcb.ringToReceive}. */
  sendRing: ByteRing;
  receiveRing: ByteRing;
  /** Made when something first arrives out of order. */
  reassembly: Reassembly = NO_ISLANDS;
  /** What is in flight; a stand-in while there is nothing. */
  scoreboard: Scoreboard;
  /** What only a connection that has sent something needs; made by {@link Tcb.beginSending}. */
  sender: SenderRecord = NO_SENDER;
  readonly #lender: Lender;

  // -- Acknowledgment duty
  /** Why an ACK has to leave ({@link TcbSwitches.ackNow}). */
  ackRule: RuleId = "none";
  /** Bytes received in order since the last ACK left. */
  ackBytes = 0;
  quickAcksLeft: number;

  // -- Deadlines, congestion, loss detection (RFC 5681, RFC 6298, RFC 8985)
  retransmitKind: "rto" | "tlp" | "persist" | "rack" = "rto";
  persistBackoff = 0;
  backoff = 0;
  recovery: RecoveryState = "open";
  dupAcks = 0;
  congestion: CongestionControl;

  // -- Sizes agreed
  /** Largest payload of a segment of ours: MUST-16, options deducted. */
  sendMss = 536;
  /** Peer's largest payload seen, for ACK decisions. */
  peerSegmentBytes = 536;
  /** What we offered. */
  ourMss = 1460;

  /** Why the connection ended; null while it lives. */
  ended: CloseReason | null = null;
  /** DSCP of what is sent (MUST-48), and of what came last (MAY-9). */
  dscp: number;
  receivedDscp = 0;
  /** Identification of the next IP packet. */
  ipId = 0;
  // -- Totals
  segmentsIn = 0;
  segmentsOut = 0;

  // -- What few segments touch
  retransmits = 0;
  dsacks = 0;
  synRetransmits = 0;
  keepAliveSent = 0;
  /** Peer's MSS option, or the default of MUST-15. */
  peerMss = 536;
  /** MTU of the path less headers, when ICMP has lowered it (RFC 1191). */
  pathMss = NO_PATH_LIMIT;

  constructor(config: TcpConfig, congestion: CongestionControl, lender: Lender) {
    this.#lender = lender;
    this.config = config;
    this.congestion = congestion;
    this.scoreboard = lender.restingBoard;
    this.sendRing = lender.sendRings.resting;
    this.receiveRing = lender.receiveRings.resting;
    this.noDelay = config.noDelay;
    this.dscp = config.dscp;
    this.quickAcksLeft = config.quickAcks;
    this.keepAliveIdleUs = config.keepAliveIdleUs;
    this.keepAliveIntervalUs = config.keepAliveIntervalUs;
    this.r2Us = config.r2Us;
    this.rtoUs = config.rtoInitialUs;
  }

  /** Bytes in the send ring that have never been sent. */
  get unsentBytes(): number {
    return this.sendRing.length - this.sentRingBytes;
  }

  /** Bytes in the send ring that have been sent at least once. */
  get sentRingBytes(): number {
    const sent = (this.sndNxt - this.sndRingSeq) | 0;
    // Before our SYN is acknowledged SND.NXT can stand at the ring's first byte; our FIN lies beyond it.
    if (sent <= 0) return 0;
    return this.finSent ? this.sendRing.length : sent;
  }

  /** Sequence space sent and not acknowledged. */
  get outstanding(): number {
    return (this.sndNxt - this.sndUna) >>> 0;
  }

  /** Window still offered to the peer, RCV.WND. */
  get rcvWnd(): number {
    const room = (this.rcvAdv - this.rcvNxt) | 0;
    return room > 0 ? room : 0;
  }

  /** The earliest deadline, Infinity when none runs. */
  nextDeadlineUs(): number {
    let next = this.retransmitUs;
    if (this.delayedAckUs < next) next = this.delayedAckUs;
    if (this.keepAliveUs < next) next = this.keepAliveUs;
    if (this.lifetimeUs < next) next = this.lifetimeUs;
    return next;
  }

  /** Makes the record that sending needs, once. */
  beginSending(): void {
    if (this.sender !== NO_SENDER) return;
    this.sender = new SenderRecord();
    this.sender.hystartRoundEnd = this.sndNxt;
  }

  /** Notes that `[seq, end)` leaves for the first time. The clock itself is passed: its time would be put into an object. */
  addInFlight(seq: number, end: number, clock: { readonly nowUs: number }): void {
    if (this.scoreboard === this.#lender.restingBoard) this.scoreboard = this.#lender.takeBoard();
    this.scoreboard.add(seq, end).sentUs = clock.nowUs;
  }

  /** The send ring, to put something into it. */
  ringToSend(): ByteRing {
    const { sendRings } = this.#lender;
    if (this.sendRing === sendRings.resting) this.sendRing = sendRings.take();
    return this.sendRing;
  }

  /** The receive ring, to put something into it. */
  ringToReceive(): ByteRing {
    const { receiveRings } = this.#lender;
    if (this.receiveRing === receiveRings.resting) this.receiveRing = receiveRings.take();
    return this.receiveRing;
  }

  /** Gives the send ring back; what is in it is lost. */
  releaseSendRing(): void {
    const { sendRings } = this.#lender;
    if (this.sendRing === sendRings.resting) return;
    sendRings.give(this.sendRing);
    this.sendRing = sendRings.resting;
  }

  /** Gives the receive ring back; what is in it is lost. */
  releaseReceiveRing(): void {
    const { receiveRings } = this.#lender;
    if (this.receiveRing === receiveRings.resting) return;
    receiveRings.give(this.receiveRing);
    this.receiveRing = receiveRings.resting;
  }

  /** The end of every event: a board with nothing in flight goes back. */
  releaseBoard(): void {
    const { restingBoard } = this.#lender;
    if (this.scoreboard === restingBoard || this.scoreboard.count > 0) return;
    this.#lender.giveBoard(this.scoreboard);
    this.scoreboard = restingBoard;
  }

  /** Stops every deadline. */
  stopDeadlines(): void {
    this.retransmitUs = Infinity;
    this.delayedAckUs = Infinity;
    this.keepAliveUs = Infinity;
    this.lifetimeUs = Infinity;
  }
}

defineNumbers(Tcb.prototype, TCB_NUMBERS);
defineSwitches(Tcb.prototype, TCB_SWITCHES);
