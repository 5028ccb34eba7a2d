/**
 * Tcb: the one record of a connection (RFC 9293 §3.3.1), of fixed shape.
 *
 * Owns: fields and their meaning. Must not know: procedures; those are in the files named after the
 * RFC's own sections. Sequence numbers are unsigned; times are microseconds of the caller's clock;
 * a deadline that does not run is Infinity.
 */
import { ByteRing, type RingMemory } from "./byte_ring.ts";
import type { TcpConfig } from "./config.ts";
import type { CongestionControl } from "./congestion.ts";
import { NO_ISLANDS, type Reassembly } from "./reassembly.ts";
import type { RuleId } from "./rules.ts";
import { Scoreboard } from "./scoreboard.ts";
import { NO_SENDER, SenderRecord } from "./sender_record.ts";
import type { TcpState } from "./state.ts";
import type { CloseReason } from "./events.ts";

/** How congestion recovery stands (RFC 5681, RFC 6675). */
export type RecoveryState = "open" | "disorder" | "recovery" | "loss";

/** Larger than any MSS, and small enough to be stored in place. */
const NO_PATH_LIMIT = 0x7fffffff;

/** The connection record. */
export class Tcb {
  state: TcpState = "CLOSED";
  /** The states gone through, the first one included: four bits each ({@link statesOfPath}). */
  path = 0;
  readonly config: TcpConfig;
  /** Whoever made the record and performs its effects; of no meaning here. */
  owner: object | null = null;
  /** Opened by a listener (MUST-11): decides where a reset in SYN_RCVD leads. */
  passive = false;
  openedUs = 0;
  /** Why the connection ended; null while it lives. */
  ended: CloseReason | null = null;

  // -- Send sequence variables, RFC 9293 §3.3.1
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  /** Send window in bytes, scaled, never negative (MUST-1, REC-1). */
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  /** Largest window that the peer ever offered (RFC 5961 §5, sender SWS avoidance). */
  maxSndWnd = 0;
  /** Sequence number of the send ring's first byte. */
  sndRingSeq = 0;
  /** The application closed its direction: FIN follows the last byte of the ring. */
  finQueued = false;
  finSent = false;
  /** Sequence number of our FIN, once sent. */
  finSeq = 0;
  /** End of urgent data that the application gave, or -1. */
  sndUp = -1;

  // -- Receive sequence variables
  irs = 0;
  rcvNxt = 0;
  /** Right edge of the window that we have offered; never moves left (SHLD-14). */
  rcvAdv = 0;
  /** End of the peer's urgent data, or -1 (RFC 9293 §3.8.5). */
  rcvUp = -1;
  /** Peer's FIN arrived and everything before it. */
  finReceived = false;
  /** Sequence number of a FIN that waits for a hole before it to be filled, or -1. */
  finPending = -1;

  // -- Options agreed
  /** Peer's MSS option, or the default of MUST-15. */
  peerMss = 536;
  /** What we offered. */
  ourMss = 1460;
  /** Largest payload of a segment of ours: MUST-16, options deducted. */
  sendMss = 536;
  /** Peer's largest payload seen, for ACK decisions. */
  peerSegmentBytes = 536;
  sendShift = 0;
  receiveShift = 0;
  windowScaling = false;
  sack = false;
  timestamps = false;
  /** RFC 7323 §4.3. */
  tsRecent = 0;
  tsRecentUs = 0;
  /** Last.ACK.sent of RFC 7323 §4.3. */
  lastAckSent = 0;
  /** Added to our clock so that TSval does not tell the uptime (RFC 7323 §7.1). */
  tsOffset = 0;

  // -- ECN, RFC 3168
  ecn = false;
  /** We echo congestion until the peer's CWR. */
  ecnEcho = false;
  /** The next new data carries CWR. */
  cwrPending = false;
  /** Data beyond this answers a new congestion signal. */
  ecnRecover = 0;

  // -- Round trip, RFC 6298
  srttUs = 0;
  rttvarUs = 0;
  rtoUs = 0;
  minRttUs = Infinity;
  backoff = 0;
  /** When the oldest unanswered retransmission series began; 0 when none. */
  firstTimeoutUs = 0;
  synRetransmits = 0;

  // -- Congestion, RFC 5681
  congestion: CongestionControl;
  cwnd = 0;
  ssthresh = Infinity;
  recovery: RecoveryState = "open";
  /** SND.NXT when recovery began: leaving it ends recovery. */
  recover = 0;
  dupAcks = 0;
  /** Congestion avoidance: bytes acknowledged towards the next increase. */
  cwndCredit = 0;
  /** The window limited sending since the last acknowledgment. */
  cwndLimited = false;
  lastSendUs = 0;
  // -- Loss detection, RFC 8985
  readonly scoreboard: Scoreboard = new Scoreboard();
  /** What only a connection that has sent something needs; made by {@link Tcb.beginSending}. */
  sender: SenderRecord = NO_SENDER;
  /** Highest sequence SACKed or acknowledged. */
  fack = 0;

  // -- Acknowledgment duty
  /** An ACK has to leave before this event is over. */
  ackNow = false;
  /** Why it has to. */
  ackRule: RuleId = "none";
  /** Bytes received in order since the last ACK left. */
  ackBytes = 0;
  quickAcksLeft: number;
  /** Zero-based right edge duplicates for D-SACK, RFC 2883; -1 when none. */
  dsackLeft = -1;
  dsackRight = -1;

  // -- Deadlines
  /** Retransmission, or one of the jobs that exclude it: {@link retransmitKind}. */
  retransmitUs = Infinity;
  retransmitKind: "rto" | "tlp" | "persist" | "rack" = "rto";
  delayedAckUs = Infinity;
  keepAliveUs = Infinity;
  /** TIME_WAIT, or FIN_WAIT_2 after `close`. */
  lifetimeUs = Infinity;
  persistBackoff = 0;
  keepAlive = false;
  keepAliveIdleUs: number;
  keepAliveIntervalUs: number;
  keepAliveSent = 0;
  r2Us: number;
  adviceGiven = false;
  lastReceivedUs = 0;

  // -- Buffers
  readonly sendRing: ByteRing;
  readonly receiveRing: ByteRing;
  /** Made when something first arrives out of order. */
  reassembly: Reassembly = NO_ISLANDS;
  noDelay: boolean;
  /** DSCP of what is sent (MUST-48), and of what came last (MAY-9). */
  dscp: number;
  receivedDscp = 0;
  /** A write was refused or cut short: the application waits for room. */
  writeBlocked = false;
  /** The application does not read any more: what arrives is dropped after being counted. */
  discarding = false;

  // -- Totals
  bytesIn = 0;
  bytesOut = 0;
  segmentsIn = 0;
  segmentsOut = 0;
  retransmits = 0;
  dsacks = 0;
  /** Identification of the next IP packet. */
  ipId = 0;
  /** Off when the path is said to carry less than we are ready to go down to: then routers may cut (RFC 1191 §3). */
  dontFragment = true;
  /** MTU of the path less headers, when ICMP has lowered it (RFC 1191). */
  pathMss = NO_PATH_LIMIT;

  constructor(config: TcpConfig, congestion: CongestionControl, memory: RingMemory) {
    this.config = config;
    this.congestion = congestion;
    this.sendRing = new ByteRing(memory, config.sendBufferBytes);
    this.receiveRing = new ByteRing(memory, config.receiveBufferBytes);
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

  /** Stops every deadline. */
  stopDeadlines(): void {
    this.retransmitUs = Infinity;
    this.delayedAckUs = Infinity;
    this.keepAliveUs = Infinity;
    this.lifetimeUs = Infinity;
  }
}
