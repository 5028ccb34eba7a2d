/**
 * The packed fields of a TCB: positions in the two streams, times and totals, and its switches.
 *
 * Owns: their names, meaning, first values, and places. Must not know: procedures, how they are stored
 * (fast/packed_fields.ts).
 *
 * A position counts octets from the SYN of its direction, which is 0 (sequence.ts). Times are microseconds of the caller's
 * clock. Those that a segment in order touches come first, side by side: eight share a cache line.
 */
import type { PackedNumbers, PackedSwitches } from "./fast/packed_fields.ts";

/** Numbers that outgrow small integers, with their first values, in the order in which they are stored. */
export const TCB_NUMBERS = {
  // -- What every segment touches
  rcvNxt: 0,
  /** Right edge of the window that we have offered; never moves left (SHLD-14). */
  rcvAdv: 0,
  sndUna: 0,
  sndNxt: 0,
  sndWl1: 0,
  sndWl2: 0,
  /** RFC 7323 §4.3. */
  tsRecent: 0,
  tsRecentUs: 0,

  /** Last.ACK.sent of RFC 7323 §4.3. */
  lastAckSent: 0,
  lastReceivedUs: 0,
  // -- Deadlines
  delayedAckUs: Infinity,
  /** When the timer of what is in flight is due; set with its kind and back-off (retransmit_timer.ts). */
  timerDueUs: Infinity,
  keepAliveUs: Infinity,
  /** TIME_WAIT, or FIN_WAIT_2 after `close`. */
  lifetimeUs: Infinity,
  /** When the owner has arranged to look at these deadlines; the owner's own. */
  wakeUs: Infinity,
  /** Position of the send ring's first byte. */
  sndRingStart: 1,

  /** Added to our clock so that TSval does not tell the uptime (RFC 7323 §7.1). */
  tsOffset: 0,
  // -- Round trip, RFC 6298
  srttUs: 0,
  rttvarUs: 0,
  rtoUs: 0,
  minRttUs: Infinity,
  /** Highest position SACKed or acknowledged. */
  fack: 0,
  // -- Congestion, RFC 5681
  cwnd: 0,
  ssthresh: Infinity,

  lastSendUs: 0,
  /** When the oldest unanswered retransmission series began; 0 when none. */
  firstTimeoutUs: 0,
  // -- Totals
  bytesIn: 0,
  bytesOut: 0,
  /** End of the peer's urgent data, or -1 (RFC 9293 §3.8.5). */
  rcvUp: -1,
  /** End of urgent data that the application gave, until it is acknowledged; -1 when there is none. */
  sndUp: -1,
  /** Position of a FIN that waits for a hole before it to be filled, or -1. */
  finPending: -1,
  /** SND.NXT when recovery began: leaving it ends recovery. */
  recover: 0,

  /** What the next ACK reports as received twice (D-SACK, RFC 2883); `dsackLeft` -1 when nothing. */
  dsackLeft: -1,
  dsackRight: -1,
  /** Position of our FIN, once sent. */
  finSeq: 0,
  /** Number of our SYN on the wire, where position 0 stands. */
  iss: 0,
  /** Number of the peer's SYN on the wire. */
  irs: 0,
  /** When a buffer last got emptier by more than crumbs (buffer_shares.ts). */
  progressUs: 0,
  openedUs: 0,
  /** The states gone through, the first one included: four bits each (`statesOfPath`). */
  path: 0,

  /** Congestion avoidance: bytes acknowledged towards the next increase. */
  cwndCredit: 0,
  /** Data beyond this answers a new congestion signal. */
  ecnRecover: 0,
  keepAliveIdleUs: 0,
  keepAliveIntervalUs: 0,
  r2Us: 0,
};

/** Numbers that outgrow small integers. */
export type TcbNumbers = PackedNumbers<typeof TCB_NUMBERS>;

/** What is on or off, with its first position, in the order in which they are stored. */
export const TCB_SWITCHES = {
  /** Opened by a listener (MUST-11): decides where a reset in SYN_RCVD leads. */
  passive: false,
  /** The owner's own: counted in its listener's backlog; what runs on it has thrown. */
  isHalfOpen: false,
  hasFailed: false,
  /** Our SYN, or SYN,ACK, has to leave before this event is over. */
  synOwed: false,
  /** So has a probe (probes.ts). */
  tailProbeOwed: false,
  windowProbeOwed: false,
  keepAliveOwed: false,
  /** When the event is over the timer begins anew, or as an RTO whatever it was (retransmit_timer.ts). */
  timerRestarts: false,
  timerIsRto: false,
  synAcknowledged: false,
  /** The application closed its direction: FIN follows the last byte of the ring. */
  finQueued: false,
  finSent: false,
  /** Peer's FIN arrived and everything before it. */
  finReceived: false,
  /** The ACK of the peer's FIN has to leave before anything else does. */
  finAckOwed: false,
  windowScaling: false,
  sack: false,
  timestamps: false,
  /** RFC 3168. */
  ecn: false,
  /** We echo congestion until the peer's CWR. */
  ecnEcho: false,
  /** The next new data carries CWR. */
  cwrPending: false,
  /** The window limited sending since the last acknowledgment. */
  cwndLimited: false,
  /** An ACK has to leave before this event is over. */
  ackNow: false,
  /** A second probe of the peer was answered a little sooner (answer_limit.ts). */
  quickAnswerGiven: false,
  keepAlive: false,
  adviceGiven: false,
  noDelay: false,
  /** A write was refused or cut short: the application waits for room. */
  writeBlocked: false,
  /** The application could send for ever, and gives us no more than the peer asks for (buffer_shares.ts). */
  fillsAsAsked: false,
  /** The application does not read any more: what arrives is dropped after being counted. */
  discarding: false,
  /** Nor does it want to hear that anything has arrived: text that still comes is answered with RST (SHLD-3). */
  refusesText: false,
  /** Off when the path is said to carry less than we are ready to go down to: then routers may cut (RFC 1191 §3). */
  dontFragment: true,
};

/** What is on or off. */
export type TcbSwitches = PackedSwitches<typeof TCB_SWITCHES>;
