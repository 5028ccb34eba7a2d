/**
 * Habits: what stacks do differently where the RFCs leave freedom, or where a stack differs from them, as settings.
 *
 * Owns: names, defaults and sources of these settings. Must not know: which stack has which habit (profiles.ts); each says
 * what it does, and may be set alone.
 */

/** Habits of the machine; sizes in bytes, times in microseconds. A part of the machine's settings (config.ts). */
export interface TcpHabits {
  // -- Options and the handshake
  /**
   * How options stand in the header. `words`: MSS; SACK-permitted beside timestamps, or either with NOPs; NOP and window
   * scale: each value on a word (Linux). `packed`: MSS, window scale, SACK-permitted, timestamps, no more NOPs than their
   * values need, and end-of-list with zeros behind (4.4BSD; RFC 9293 §3.1 allows both, MUST-69).
   */
  optionLayout: "words" | "packed";
  /** The MSS option in our SYN (SHLD-5: always). Off: peers take 536 or 1220 for ours (MUST-15). */
  mssOption: boolean;
  /**
   * What it says: what our device carries to us (MUST-67), or no more than the path is known to carry from us, once ICMP has said so
   * (Linux, `ipv4_default_advmss`, `ip6_default_advmss`).
   */
  offeredMss: "device" | "path";
  /** For how many bytes the window scale is chosen (RFC 7323 §2.2); 0: for the receive buffer as it is. */
  windowScaleForBytes: number;
  /** The window of our SYN: all that the buffer and the field allow, or no more than whole segments of it. */
  firstWindow: "all" | "whole-segments";
  /** Retransmissions of our SYN; Infinity: as many as R2 of the SYN allows (RFC 9293 §3.8.3, MUST-23). */
  synRetransmissions: number;
  /** After so many retransmissions a SYN has no option but MSS, in case others were what lost it; Infinity: never. */
  plainSynAfter: number;
  /** How often a SYN that asks for ECN is sent again with the question (RFC 3168 §6.1.1.1: not at all). */
  ecnSynRetransmissions: number;
  /** SYN,ACK to a listener: reset (RFC 9293 §3.10.7.2), or silence. */
  listenSynAck: "reset" | "drop";
  /**
   * What answers our SYN and brings back a timestamp that no SYN of ours had: taken as any other, or a reset, and the SYN waits on
   * (Linux, `tcp_rcv_synsent_state_process`; RFC 7323 §3.2 says nothing of it).
   */
  synAckEcho: "any" | "of-our-syn";
  /**
   * Of a SYN that crosses ours: text and FIN wait for the handshake's end (RFC 9293 §3.10.7.3), or nothing but its number counts, as
   * any octet's does: the SYN,ACK that brings it again is told of by D-SACK, RFC 2883 §4 (Linux, `tcp_rcv_synsent_state_process`,
   * `tcp_data_queue`).
   */
  crossingSyn: "whole" | "number-only";
  /**
   * A segment with SYN and FIN: as RFC 9293 has it; dropped unseen by listeners (Linux); or by all (`drop_synfin` of the BSDs), since only
   * scans send such.
   */
  synFin: "take" | "drop-in-listen" | "drop";
  /** Segments to a port where nobody listens: reset, silence for SYNs, silence for all. */
  closedPorts: "reset" | "silent-to-syn" | "silent";

  // -- The window that we offer
  /** How far the receive buffer grows while much arrives; 0: it is what it is from the start (RFC 9293 §3.8.6 leaves it open). */
  receiveBufferMostBytes: number;
  /** Buffers are as large as they are set, or become a whole number of segments in the handshake (4.4BSD, `tcp_mss`). */
  bufferUnit: "octets" | "segments";
  /**
   * The window's right edge moves when that is worth telling (RFC 9293 §3.8.6.2.2), or with every ACK as far as there is room, rounded up
   * to what the field can say (4.4BSD, `tcp_output`); a window of less than a segment stays shut in either case.
   */
  windowUpdates: "worthwhile" | "every-ack";
  /** Segments are acceptable in the window that was offered (RFC 9293 §3.10.7.4), or wherever the buffer has room. */
  acceptance: "offered" | "buffer";

  // -- Acknowledgments
  /** Which second segment is acknowledged at once: of full-sized ones (SHLD-19), or of any size. */
  ackEverySecond: "full-sized" | "any";
  /** The third step of the handshake: sent at once, or held back for text that may go with it (Linux without TCP_QUICKACK). */
  handshakeAck: "at-once" | "delayed";
  /** ACKs at once end when so many have left (`quickAcks`), or already with text of ours that answers the peer's (Linux, "pingpong"). */
  quickAcksEnd: "counted" | "replying";
  /** While our FIN is not acknowledged ACKs carry it again, instead of being bare (4.4BSD, `tcp_outflags`). */
  finInAcks: boolean;
  /** Answers to bare segments that are not acceptable: so many of a connection in so long (RFC 5961 §7). */
  answersPerInterval: number;
  /** How long an interval is. */
  answerIntervalUs: number;

  // -- Resets and old segments
  /**
   * The reset that text after CLOSE gets (SHLD-3): `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`, or that of RFC 9293 §3.10.7.1 for a
   * connection that is no more (Linux, `tcp_v4_send_reset`).
   */
  lateTextReset: "of-connection" | "of-closed";
  /** A reset inside the window: only at RCV.NXT (RFC 5961 §3.2), or anywhere (RFC 793). */
  resetCheck: "rfc5961" | "rfc793";
  /** A SYN inside the window: a challenge ACK (RFC 5961 §4.2), or a reset and the end (RFC 793). */
  synCheck: "rfc5961" | "rfc793";
  /** What the application hears of a reset in CLOSING and LAST_ACK: nothing, since all was delivered, or that it was one (4.4BSD). */
  resetAfterClose: "quiet" | "told";
  /** A SYN in TIME_WAIT that opens no new connection: a challenge ACK, or silence. */
  timeWaitSyn: "challenge" | "drop";
  /** Which SYN opens a new connection from TIME_WAIT: RFC 6191's, or one beyond RCV.NXT alone (4.4BSD). */
  timeWaitReopen: "rfc6191" | "beyond";

  // -- Timers and congestion
  /**
   * What asks for a window that is shut: the next octet (RFC 9293 §3.8.6.1, MUST-36), or no text at SND.UNA - 1, which only the window
   * makes acceptable (Linux, `tcp_xmit_probe_skb`; RFC 9293 §3.10.7.4 has it answered).
   */
  windowProbe: "octet" | "bare";
  /** Added to every retransmission time-out after the first (4.4BSD, `rexmit_slop`). */
  rtoSlopUs: number;
  /**
   * The least that a time-out lies beyond the smoothed round trip (G of RFC 6298 §2.3; Linux bounds this part by its least RTO,
   * `tcp_rtt_estimator`).
   */
  rtoVarianceMinUs: number;
  /** Segments by which one ACK lets the window grow in slow start (L of RFC 3465 and RFC 9406); Infinity: all that it covers. */
  slowStartSegments: number;
  // -- PSH
  /**
   * Which segments bear PSH: what ends the queue (MUST-61); or also the last of each burst of several that leave back to back, as one
   * that a device cuts, when they are sent again too (Linux, `__tcp_transmit_skb`, to hurry the receiver's device).
   */
  pushFlag: "end-of-data" | "bursts-too";
  /** What is written is sent as it comes, or in pieces of half of the largest window, which end bursts (written_pieces.ts). */
  writtenPieces: "whole" | "half-window";
  /** Segments of a burst, however slow the path (`tcp_min_tso_segs`). */
  burstLeastSegments: number;
  /** A probe of the tail before a time-out (RFC 8985 §7). */
  tailLossProbe: boolean;
  /** CUBIC in octets, by RFC 9438 and RFC 9406; or in whole segments, with the first HyStart, as Linux (cubic_segments.ts). */
  windowCounting: "octets" | "segments";
  /**
   * What lets the window grow: what is acknowledged in order (RFC 5681 §3.1, RFC 3465), or what is newly delivered, by SACK or by
   * number, when an ACK moves on (Linux, `tcp_cong_control`).
   */
  growthCounts: "acknowledged" | "delivered";
  /** The window grows while half of it is used (RFC 7661 §4.2), or beyond ssthresh only while all of it is (Linux, `tcp_is_cwnd_limited`). */
  windowUsage: "half" | "all-in-avoidance";
  /**
   * Below ssthresh recovery sends one segment more than was delivered: always (RFC 6937 §3.1), or if the ACK moves on and shows no
   * new loss, and of the window instead of the flight (Linux, `tcp_cwnd_reduction`; RFC 9937).
   */
  recoveryBound: "always" | "safe-ack";
  /** Added to the time after which what may only be late counts as lost (Linux: `TCP_TIMEOUT_MIN_US`; RFC 8985 §6.3). */
  reorderSlopUs: number;
  /**
   * RACK.rtt: of what was sent last of all that an ACK covers (RFC 8985 §6.2 step 2), or of what stands last in the stream (Linux,
   * `tcp_rack_advance`): where a copy arrives beside originals, other originals are then waited for.
   */
  rackRoundTrip: "newest" | "last-covered";
  /** After idleness the congestion window falls back to the initial one (RFC 5681 §4.1). */
  restartAfterIdle: boolean;

  // -- What is not TCP
  /**
   * ICMP in SYN_SENT and SYN_RCVD: a hard error is the end (RFC 9293 §3.9.2.2, SHLD-26); so is what somebody forbids, or a hop limit used up
   * (FreeBSD, `icmp_may_rst`); so is any error (Linux, `tcp_v4_err`; against MUST-56); or none.
   */
  icmpInHandshake: "abort" | "abort-if-forbidden" | "abort-at-any" | "ignore";
  /** TCP in UDP is taken at this port (RFC 6951 does so for SCTP); 0: nowhere. */
  udpPort: number;
  /** TCP goes in UDP, to this port of the peer; 0: it goes by itself. Of connections that came so, the port that they came from. */
  peerUdpPort: number;
  /** By how much less than the link carries a segment is made, so that a UDP header fits (8). */
  udpOverheadBytes: number;
}

/** Defaults: what the machine does without a profile. */
export const DEFAULT_TCP_HABITS: Readonly<TcpHabits> = {
  optionLayout: "words",
  mssOption: true,
  offeredMss: "device",
  windowScaleForBytes: 0,
  firstWindow: "all",
  synRetransmissions: Infinity,
  plainSynAfter: Infinity,
  ecnSynRetransmissions: 0,
  listenSynAck: "reset",
  synAckEcho: "any",
  crossingSyn: "whole",
  synFin: "take",
  closedPorts: "reset",
  receiveBufferMostBytes: 0,
  bufferUnit: "octets",
  windowUpdates: "worthwhile",
  acceptance: "offered",
  ackEverySecond: "full-sized",
  handshakeAck: "at-once",
  quickAcksEnd: "counted",
  finInAcks: false,
  // As Linux's tcp_invalid_ratelimit: one in half a second.
  answersPerInterval: 1,
  answerIntervalUs: 500_000,
  lateTextReset: "of-connection",
  resetCheck: "rfc5961",
  synCheck: "rfc5961",
  resetAfterClose: "quiet",
  timeWaitSyn: "challenge",
  timeWaitReopen: "rfc6191",
  windowProbe: "octet",
  rtoSlopUs: 0,
  // The grain of our timestamps: milliseconds.
  rtoVarianceMinUs: 1000,
  // L of RFC 9406 §4.2 for stacks without pacing.
  slowStartSegments: 8,
  pushFlag: "end-of-data",
  writtenPieces: "whole",
  burstLeastSegments: 2,
  tailLossProbe: true,
  windowCounting: "octets",
  growthCounts: "acknowledged",
  windowUsage: "half",
  recoveryBound: "always",
  reorderSlopUs: 0,
  rackRoundTrip: "newest",
  restartAfterIdle: true,
  icmpInHandshake: "abort",
  udpPort: 0,
  peerUdpPort: 0,
  // UDP's header.
  udpOverheadBytes: 8,
};
