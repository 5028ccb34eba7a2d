/**
 * The packed fields of a TCB: sequence numbers, times and totals, and its switches.
 *
 * Owns: their names, meaning, first values, and places. Must not know: procedures, how they are stored
 * (packed_fields.ts).
 *
 * Those that a segment in order touches come first, side by side: eight share a cache line.
 */

/** Numbers that outgrow small integers: sequence numbers, times in microseconds, totals. */
export interface TcbNumbers {
  // -- What every segment touches
  rcvNxt: number;
  /** Right edge of the window that we have offered; never moves left (SHLD-14). */
  rcvAdv: number;
  sndUna: number;
  sndNxt: number;
  sndWl1: number;
  sndWl2: number;
  /** RFC 7323 §4.3. */
  tsRecent: number;
  tsRecentUs: number;

  /** Last.ACK.sent of RFC 7323 §4.3. */
  lastAckSent: number;
  lastReceivedUs: number;
  // -- Deadlines
  delayedAckUs: number;
  /** Retransmission, or one of the jobs that exclude it: `retransmitKind`. */
  retransmitUs: number;
  keepAliveUs: number;
  /** TIME_WAIT, or FIN_WAIT_2 after `close`. */
  lifetimeUs: number;
  /** When the owner has arranged to look at these deadlines; the owner's own. */
  wakeUs: number;
  /** Sequence number of the send ring's first byte. */
  sndRingSeq: number;

  /** Added to our clock so that TSval does not tell the uptime (RFC 7323 §7.1). */
  tsOffset: number;
  // -- Round trip, RFC 6298
  srttUs: number;
  rttvarUs: number;
  rtoUs: number;
  minRttUs: number;
  /** Highest sequence SACKed or acknowledged. */
  fack: number;
  // -- Congestion, RFC 5681
  cwnd: number;
  ssthresh: number;

  lastSendUs: number;
  /** When the oldest unanswered retransmission series began; 0 when none. */
  firstTimeoutUs: number;
  // -- Totals
  bytesIn: number;
  bytesOut: number;
  /** End of the peer's urgent data, or -1 (RFC 9293 §3.8.5). */
  rcvUp: number;
  /** End of urgent data that the application gave, or -1. */
  sndUp: number;
  /** Sequence number of a FIN that waits for a hole before it to be filled, or -1. */
  finPending: number;
  /** SND.NXT when recovery began: leaving it ends recovery. */
  recover: number;

  /** Zero-based right edge duplicates for D-SACK, RFC 2883; -1 when none. */
  dsackLeft: number;
  dsackRight: number;
  /** Sequence number of our FIN, once sent. */
  finSeq: number;
  iss: number;
  irs: number;
  /** Data beyond this answers a new congestion signal. */
  ecnRecover: number;
  openedUs: number;
  /** The states gone through, the first one included: four bits each (`statesOfPath`). */
  path: number;

  /** Congestion avoidance: bytes acknowledged towards the next increase. */
  cwndCredit: number;
  keepAliveIdleUs: number;
  keepAliveIntervalUs: number;
  r2Us: number;
}

/** First values of the numbers, in the order in which they are stored. */
export const TCB_NUMBERS: Readonly<Record<keyof TcbNumbers, number>> = {
  rcvNxt: 0,
  rcvAdv: 0,
  sndUna: 0,
  sndNxt: 0,
  sndWl1: 0,
  sndWl2: 0,
  tsRecent: 0,
  tsRecentUs: 0,

  lastAckSent: 0,
  lastReceivedUs: 0,
  delayedAckUs: Infinity,
  retransmitUs: Infinity,
  keepAliveUs: Infinity,
  lifetimeUs: Infinity,
  wakeUs: Infinity,
  sndRingSeq: 0,

  tsOffset: 0,
  srttUs: 0,
  rttvarUs: 0,
  rtoUs: 0,
  minRttUs: Infinity,
  fack: 0,
  cwnd: 0,
  ssthresh: Infinity,

  lastSendUs: 0,
  firstTimeoutUs: 0,
  bytesIn: 0,
  bytesOut: 0,
  rcvUp: -1,
  sndUp: -1,
  finPending: -1,
  recover: 0,

  dsackLeft: -1,
  dsackRight: -1,
  finSeq: 0,
  iss: 0,
  irs: 0,
  ecnRecover: 0,
  openedUs: 0,
  path: 0,

  cwndCredit: 0,
  keepAliveIdleUs: 0,
  keepAliveIntervalUs: 0,
  r2Us: 0,
};

/** What is on or off. */
export interface TcbSwitches {
  /** Opened by a listener (MUST-11): decides where a reset in SYN_RCVD leads. */
  passive: boolean;
  /** The application closed its direction: FIN follows the last byte of the ring. */
  finQueued: boolean;
  finSent: boolean;
  /** Peer's FIN arrived and everything before it. */
  finReceived: boolean;
  windowScaling: boolean;
  sack: boolean;
  timestamps: boolean;
  /** RFC 3168. */
  ecn: boolean;
  /** We echo congestion until the peer's CWR. */
  ecnEcho: boolean;
  /** The next new data carries CWR. */
  cwrPending: boolean;
  /** The window limited sending since the last acknowledgment. */
  cwndLimited: boolean;
  /** An ACK has to leave before this event is over. */
  ackNow: boolean;
  keepAlive: boolean;
  adviceGiven: boolean;
  noDelay: boolean;
  /** A write was refused or cut short: the application waits for room. */
  writeBlocked: boolean;
  /** The application does not read any more: what arrives is dropped after being counted. */
  discarding: boolean;
  /** Off when the path is said to carry less than we are ready to go down to: then routers may cut (RFC 1191 §3). */
  dontFragment: boolean;
}

/** The switches and their first positions, in the order in which they are stored. */
export const TCB_SWITCHES: Readonly<Record<keyof TcbSwitches, boolean>> = {
  passive: false,
  finQueued: false,
  finSent: false,
  finReceived: false,
  windowScaling: false,
  sack: false,
  timestamps: false,
  ecn: false,
  ecnEcho: false,
  cwrPending: false,
  cwndLimited: false,
  ackNow: false,
  keepAlive: false,
  adviceGiven: false,
  noDelay: false,
  writeBlocked: false,
  discarding: false,
  dontFragment: true,
};
