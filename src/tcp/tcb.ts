/**
 * Tcb: the one record of a connection (RFC 9293 §3.3.1), of fixed shape.
 *
 * Owns: fields and their meaning. Must not know: procedures; those are in the files named after the
 * RFC's own sections. Positions count octets from the SYN (sequence.ts); times are microseconds of the caller's clock;
 * a deadline that does not run is Infinity.
 */
import type { TcpConfig } from "./config.ts";
import type { CongestionControl, RecoveryState } from "./congestion_control.ts";
import type { CloseReason } from "./events.ts";
import type { BufferPool } from "./fast/buffer_pool.ts";
import type { ByteRing } from "./fast/byte_ring.ts";
import { defineNumbers, defineSwitches, initialBits, initialRow } from "./fast/packed_fields.ts";
import type { FastOpen } from "./fast_open_record.ts";
import type { InternetLayer } from "./internet_layer.ts";
import { NOTHING_OUT_OF_ORDER, type Reassembly } from "./reassembly.ts";
import type { RuleId } from "./rules.ts";
import type { Scoreboard, SendRecord } from "./scoreboard.ts";
import { NO_SENDER, SenderRecord } from "./sender_record.ts";
import type { TcpState } from "./state.ts";
import { TCB_NUMBERS, TCB_SWITCHES, type TcbNumbers, type TcbSwitches } from "./tcb_fields.ts";

/** What the timer of what is in flight means when it is due (retransmit_timer.ts). */
export type TimerKind = "rto" | "tlp" | "rack" | "persist";

/** When a connection last answered a segment that is not acceptable, and when a probe (answer_limit.ts). */
export class AnswerTimes {
  /** The first of the interval, and how many there have been in it. */
  answerUs = -Infinity;
  answers = 0;
  probeAnswerUs = -Infinity;
}

/** Text and FIN of a SYN, until the connection is established. */
export interface KeptSyn {
  readonly text: Uint8Array;
  readonly hasFin: boolean;
}

/** Of connections that have answered none yet; only read. */
export const NEVER_ANSWERED: AnswerTimes = new AnswerTimes();

/** ECN-capable transport, ECT(0), RFC 3168 §5. */
const ECT_0 = 0b10;

/** Larger than any MSS, and small enough to be stored in place. */
export const NO_PATH_LIMIT = 0x7fffffff;

const INITIAL_ROW = initialRow(TCB_NUMBERS);
const INITIAL_BITS: number = initialBits(TCB_SWITCHES);

/** The connection record: its own fields, and those packed ones that tcb_fields.ts tells of. */
export interface Tcb extends TcbNumbers, TcbSwitches {}

/** The connection record. */
export class Tcb {
  // -- What every segment touches comes first: eight fields share a cache line.
  /** Where {@link TcbNumbers} and {@link TcbSwitches} are; only their properties go there. */
  readonly row: number[] = INITIAL_ROW.slice();
  bits = INITIAL_BITS;
  state: TcpState = "CLOSED";
  /** Its host's, or what its user has made of it (`changeSettings` of user_calls.ts). */
  config: TcpConfig;
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
  reassembly: Reassembly = NOTHING_OUT_OF_ORDER;
  /** What is in flight; a stand-in while there is nothing. */
  scoreboard: Scoreboard;
  /** What only a connection that has sent something needs; made by {@link Tcb.beginSending}. */
  sender: SenderRecord = NO_SENDER;
  /** What is lent to it, and the account of it. */
  readonly pool: BufferPool;

  // -- Acknowledgment duty
  /** Why an ACK, or our SYN, has to leave ({@link TcbSwitches.ackNow}, {@link TcbSwitches.synOwed}). */
  ackRule: RuleId = "none";
  /** Bytes received in order since the last ACK left. */
  ackBytes = 0;
  quickAcksLeft: number;

  // -- The timer, congestion, loss detection (RFC 5681, RFC 6298, RFC 8985)
  timerKind: TimerKind = "rto";
  /** Time-outs in a row, or window probes while the timer is `persist`: each doubles the time. */
  timerBackoff = 0;
  recovery: RecoveryState = "open";
  dupAcks = 0;
  congestion: CongestionControl;

  // -- Sizes agreed
  /** Largest payload of a segment of ours: MUST-16, options deducted. */
  sendMss: number;
  /** Peer's largest payload seen, for ACK decisions. */
  peerSegmentBytes: number;
  /** What carries its segments. */
  readonly internet: InternetLayer;
  /** What we offered. */
  ourMss = 1460;

  /** Why the connection ended; null while it lives. */
  ended: CloseReason | null = null;
  /** The user's DSCP of what is sent (MUST-48, RFC 9293 §3.9.2.1), and of what came last (MAY-9). */
  dscp: number;
  receivedDscp = 0;
  /** Bytes of progress since {@link TcbNumbers.progressUs}. */
  progressBytes = 0;
  /** Bytes in order since the receive buffer last grew (receive_window.ts). */
  arrivedSinceGrowth = 0;
  // -- Totals
  segmentsIn = 0;
  segmentsOut = 0;

  // -- What few segments touch
  /** When segments that are not acceptable were answered; made with the first answer. */
  answers: AnswerTimes = NEVER_ANSWERED;
  /** Only where Fast Open is done (RFC 7413). */
  fastOpen: FastOpen | null = null;
  retransmits = 0;
  dsacks = 0;
  synRetransmits = 0;
  /** ECN bits of new text where {@link TcbSwitches.ecn}: ECT(0), or none to a peer that has also asked without. */
  textEcn = ECT_0;
  keepAliveSent = 0;
  /** What came with a SYN before our own was acknowledged (arrives_text.ts); null where nothing did. */
  keptSyn: KeptSyn | null = null;
  /** Where records of the application end that no segment spans (record_marks.ts); null where none is marked. */
  recordMarks: number[] | null = null;
  /** Peer's MSS option, or the default of MUST-15. */
  peerMss: number;
  /** MTU of the path less headers, while ICMP has lowered it (RFC 1191). */
  pathMss = NO_PATH_LIMIT;

  constructor(
    { config, congestion, pool, internet }: {
      config: TcpConfig;
      congestion: CongestionControl;
      pool: BufferPool;
      internet: InternetLayer;
    },
  ) {
    this.pool = pool;
    this.internet = internet;
    this.sendMss = internet.defaultMss;
    this.peerSegmentBytes = internet.defaultMss;
    this.peerMss = internet.defaultMss;
    this.config = config;
    this.congestion = congestion;
    this.scoreboard = pool.restingBoard;
    this.sendRing = pool.sendRings.resting;
    this.receiveRing = pool.receiveRings.resting;
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
    const sent = this.sndNxt - this.sndRingStart;
    // Before our SYN has left SND.NXT stands below the ring's first byte; our FIN lies beyond the ring.
    if (sent <= 0) return 0;
    return this.finSent ? this.sendRing.length : sent;
  }

  /** Sequence space sent and not acknowledged. */
  get outstanding(): number {
    return this.sndNxt - this.sndUna;
  }

  /** Right edge of what the peer takes, less what is sent: negative when it has taken window back. */
  get windowRoom(): number {
    return this.sndUna + this.sndWnd - this.sndNxt;
  }

  /** Window still offered to the peer, RCV.WND. */
  get rcvWnd(): number {
    const room = this.rcvAdv - this.rcvNxt;
    return room > 0 ? room : 0;
  }

  /** The earliest deadline, Infinity when none runs. */
  nextDeadlineUs(): number {
    let next = this.timerDueUs;
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

  /** Notes that `length` of the stream leaves for the first time: SND.NXT moves. The time is the caller's to set. */
  sendNext(length: number): SendRecord {
    if (this.scoreboard === this.pool.restingBoard) this.scoreboard = this.pool.takeBoard();
    const end = this.sndNxt + length;
    const record = this.scoreboard.add();
    record.seq = this.sndNxt;
    record.end = end;
    this.sndNxt = end;
    return record;
  }

  /** Settings of its own; what is in force with the first of them stays as it is for all others. */
  changeConfig(changes: Partial<TcpConfig>): void {
    this.config = { ...this.config, ...changes };
    const { config, pool } = this;
    pool.expectBuffer(config.receiveBufferBytes);
    if (this.sendRing !== pool.sendRings.resting) this.sendRing.limitBytes = config.sendBufferBytes;
    if (this.receiveRing !== pool.receiveRings.resting) {
      this.receiveRing.limitBytes = config.receiveBufferBytes;
    }
  }

  /** The send ring, to put something into it. */
  ringToSend(): ByteRing {
    const { sendRings } = this.pool;
    if (this.sendRing === sendRings.resting) {
      this.sendRing = sendRings.take();
      this.sendRing.limitBytes = this.config.sendBufferBytes;
    }
    return this.sendRing;
  }

  /** The receive ring, to put something into it. */
  ringToReceive(): ByteRing {
    const { receiveRings } = this.pool;
    if (this.receiveRing === receiveRings.resting) {
      this.receiveRing = receiveRings.take();
      this.receiveRing.limitBytes = this.config.receiveBufferBytes;
    }
    return this.receiveRing;
  }

  /** Gives the send ring back; what is in it is lost. */
  releaseSendRing(): void {
    const { sendRings } = this.pool;
    if (this.sendRing === sendRings.resting) return;
    sendRings.give(this.sendRing);
    this.sendRing = sendRings.resting;
  }

  /** Gives the receive ring back; what is in it is lost. */
  releaseReceiveRing(): void {
    const { receiveRings } = this.pool;
    if (this.receiveRing === receiveRings.resting) return;
    receiveRings.give(this.receiveRing);
    this.receiveRing = receiveRings.resting;
  }

  /**
   * The end of every event, when all that it asked for has been done: what an application has not read by now outlives the
   * frame that brought it, and a board with nothing in flight goes back.
   */
  endEvent(): void {
    // After the end it has left the memory that all share (what could still be read then, perhaps nobody will).
    if (this.ended === null) this.receiveRing.keep();
    const { restingBoard } = this.pool;
    if (this.scoreboard === restingBoard) return;
    if (this.scoreboard.count > 0) {
      this.pool.chargeBoard(this.scoreboard);
      return;
    }
    this.pool.giveBoard(this.scoreboard);
    this.scoreboard = restingBoard;
  }

  /** Stops every deadline. */
  stopDeadlines(): void {
    this.timerDueUs = Infinity;
    if (this.sender !== NO_SENDER) this.sender.reorderDueUs = Infinity;
    this.delayedAckUs = Infinity;
    this.keepAliveUs = Infinity;
    this.lifetimeUs = Infinity;
  }
}

defineNumbers(Tcb.prototype, TCB_NUMBERS);
defineSwitches(Tcb.prototype, TCB_SWITCHES);
