/**
 * ConnectionInfo: every figure of a connection, as a value; and those few that change with every segment.
 *
 * Owns: the shape, and how it is filled from a TCB. Must not know: who asks.
 */
import { backedOffRtoUs } from "./round_trip.ts";
import { segmentsOf } from "./scoreboard.ts";
import { wordOf } from "./sequence.ts";
import { statesOfPath, type TcpState } from "./state.ts";
import { NO_PATH_LIMIT, type Tcb } from "./tcb.ts";

/** What `ss -tin` shows and more. Sequence numbers absolute; times in microseconds; sizes in bytes. */
export interface ConnectionInfo {
  /** Number of the connection, from 1. */
  readonly id: number;
  /** `LOCAL_IP:PORT-PEER_IP:PORT`. */
  readonly name: string;
  /** Where it is now. */
  readonly state: TcpState;
  /** Who has begun it: the peer (`server`), or we. */
  readonly role: "server" | "client";
  /** When it began. */
  readonly openedUs: number;
  /** All states so far. */
  readonly states: readonly TcpState[];
  // Sequence variables, RFC 9293 §3.3.1
  /** SND.UNA: the oldest octet that is not acknowledged. */
  readonly sndUna: number;
  /** SND.NXT: the next that is sent. */
  readonly sndNxt: number;
  /** SND.WND: what the peer takes from SND.UNA on. */
  readonly sndWnd: number;
  /** SND.WL1: sequence number of the segment that the window came with. */
  readonly sndWl1: number;
  /** SND.WL2: its acknowledgment number. */
  readonly sndWl2: number;
  /** ISS: our initial sequence number. */
  readonly iss: number;
  /** RCV.NXT: the next octet that is expected. */
  readonly rcvNxt: number;
  /** RCV.WND: what we take from RCV.NXT on. */
  readonly rcvWnd: number;
  /** IRS: the peer's initial sequence number. */
  readonly irs: number;
  // Options
  /** Payload of a full segment that we send. */
  readonly sendMss: number;
  /** The MSS that we have offered. */
  readonly receiveMss: number;
  /** Payload of a full segment on the path as ICMP has told it (RFC 1191), options included; 0 while it has said nothing. */
  readonly pathMss: number;
  /** Shift of the windows that the peer offers (RFC 7323 §2). */
  readonly sendWindowShift: number;
  /** Shift of those that we offer. */
  readonly receiveWindowShift: number;
  /** Both sides have said so (RFC 2018). */
  readonly sackPermitted: boolean;
  /** The same of timestamps (RFC 7323 §3). */
  readonly timestamps: boolean;
  /** The same of ECN (RFC 3168). */
  readonly ecn: boolean;
  /** Fast Open (RFC 7413): octets of the SYN's text, ours or the peer's, that were taken with it. */
  readonly synTextBytes: number;
  // Retransmission and round trip, RFC 6298
  /** Smoothed round trip; 0 while nothing is measured. */
  readonly srttUs: number;
  /** Its variation. */
  readonly rttvarUs: number;
  /** Retransmission timeout. */
  readonly rtoUs: number;
  /** The least round trip that was measured. */
  readonly minRttUs: number;
  /** How many times the timeout has been doubled. */
  readonly backoff: number;
  /** Segments that were sent again. */
  readonly retransmits: number;
  /** Duplicates that the peer reported (D-SACK). */
  readonly duplicatesReported: number;
  /** Since the last segment left or came, microseconds. */
  readonly sinceSendUs: number;
  /** The same of the last that came. */
  readonly sinceReceiveUs: number;
  // Congestion, RFC 5681
  /** `cubic` or `reno`. */
  readonly congestionControl: string;
  /** Congestion window. */
  readonly cwnd: number;
  /** 0 while there is none. */
  readonly ssthresh: number;
  /** Sent, and neither acknowledged nor taken for lost. */
  readonly inFlight: number;
  /** Bytes SACKed, marked lost, and sent again of what is unacknowledged. */
  readonly sackedBytes: number;
  /** Of them, taken for lost. */
  readonly lostBytes: number;
  /** Of them, sent again. */
  readonly resentBytes: number;
  /** Whether there is a loss, and what is done about it. */
  readonly recovery: "open" | "disorder" | "recovery" | "loss";
  // Buffers
  /** Arrived, and not yet read. */
  readonly receiveQueue: number;
  /** Written, and not yet acknowledged. */
  readonly sendQueue: number;
  /** Written, and not yet sent. */
  readonly unsent: number;
  /** Arrived behind a gap. */
  readonly outOfOrderBytes: number;
  // Totals
  /** Octets that came in order. */
  readonly bytesIn: number;
  /** Octets that the peer has acknowledged. */
  readonly bytesOut: number;
  /** Segments that came. */
  readonly segmentsIn: number;
  /** Segments that left. */
  readonly segmentsOut: number;
  /** Running deadlines by name (`rto`, `delayed-ack`, `persist`, `keepalive`, `time-wait`, `tlp`, ...): microseconds from now. */
  readonly timers: Readonly<Record<string, number>>;
}

/** What is in flight and what has been, in segments: the sizes in bytes are {@link ConnectionInfo}'s. */
export interface FlightSegments {
  /** All that is not acknowledged: those that are SACKed and those that count as lost are among them. */
  readonly unacked: number;
  /** Of them, those that the peer has told of (RFC 2018). */
  readonly sacked: number;
  /** Of them, those that count as lost. */
  readonly lost: number;
  /** Sent again, and not acknowledged since. */
  readonly resent: number;
  /** Those that have arrived, as far as the peer has told: our SYN, and what it got twice, among them. */
  readonly delivered: number;
  /** The window is smaller since an echo of congestion (RFC 3168 §6.1.2), and what was in flight then is not acknowledged yet. */
  readonly isReducing: boolean;
  /** How far out of its order one has arrived; three before any did (DupThresh, RFC 5681 §3.2). */
  readonly reordering: number;
  /** Largest text in a segment of the peer's, bytes. */
  readonly peerTextBytes: number;
}

/** Counts what is in flight. */
export function flightSegments(tcb: Tcb): FlightSegments {
  const { scoreboard, sender } = tcb;
  let unacked = 0;
  let sacked = 0;
  let lost = 0;
  let resent = 0;
  for (let index = 0; index < scoreboard.count; index++) {
    const record = scoreboard.at(index);
    const segments = segmentsOf(record);
    unacked += segments;
    if (record.sacked) sacked += segments;
    if (record.lost) lost += segments;
    if (record.resent) resent += segments;
  }
  const delivered = sender.deliveredSegments + (tcb.synAcknowledged ? 1 : 0);
  const { reordering } = sender;
  const { ecnRecover } = tcb;
  const isReducing = tcb.recovery === "open" && tcb.ecn && ecnRecover > 0 && tcb.sndUna <= ecnRecover;
  return {
    unacked,
    sacked,
    lost,
    resent,
    delivered,
    reordering,
    isReducing,
    peerTextBytes: tcb.peerSegmentBytes,
  };
}

/** The figures of a sample (events.ts). */
export type SampleFigures = Pick<
  ConnectionInfo,
  "cwnd" | "ssthresh" | "inFlight" | "srttUs" | "rtoUs" | "sndWnd" | "rcvWnd"
>;

/** Those of `tcb` now. */
export function sampleFigures(tcb: Tcb): SampleFigures {
  return {
    cwnd: Math.floor(tcb.cwnd),
    // JSON has no Infinity; what ss leaves out too.
    ssthresh: tcb.ssthresh === Infinity ? 0 : Math.floor(tcb.ssthresh),
    inFlight: tcb.scoreboard.pipe(tcb.outstanding),
    srttUs: tcb.srttUs,
    rtoUs: backedOffRtoUs(tcb, backoffOf(tcb)),
    sndWnd: tcb.sndWnd,
    rcvWnd: tcb.rcvWnd,
  };
}

/** While a shut window is probed the timer counts the probes. */
function backoffOf(tcb: Tcb): number {
  return tcb.timerKind === "persist" ? 0 : tcb.timerBackoff;
}

/** The figures of `tcb` at `nowUs`, as a value. */
export function connectionInfo(
  tcb: Tcb,
  about: { id: number; name: string; nowUs: number },
): ConnectionInfo {
  const timers: Record<string, number> = {};
  if (tcb.timerDueUs !== Infinity) timers[tcb.timerKind] = tcb.timerDueUs - about.nowUs;
  if (tcb.delayedAckUs !== Infinity) timers["delayed-ack"] = tcb.delayedAckUs - about.nowUs;
  if (tcb.keepAliveUs !== Infinity) timers["keepalive"] = tcb.keepAliveUs - about.nowUs;
  if (tcb.lifetimeUs !== Infinity) {
    timers[tcb.state === "TIME_WAIT" ? "time-wait" : "fin-wait-2"] = tcb.lifetimeUs - about.nowUs;
  }
  const { cwnd, ssthresh, inFlight, srttUs, rtoUs, sndWnd, rcvWnd } = sampleFigures(tcb);
  return {
    id: about.id,
    name: about.name,
    state: tcb.state,
    role: tcb.passive ? "server" : "client",
    openedUs: tcb.openedUs,
    states: statesOfPath(tcb.path),
    sndUna: wordOf(tcb.sndUna, tcb.iss),
    sndNxt: wordOf(tcb.sndNxt, tcb.iss),
    sndWnd,
    sndWl1: wordOf(tcb.sndWl1, tcb.irs),
    sndWl2: wordOf(tcb.sndWl2, tcb.iss),
    iss: tcb.iss,
    rcvNxt: wordOf(tcb.rcvNxt, tcb.irs),
    rcvWnd,
    irs: tcb.irs,
    sendMss: tcb.sendMss,
    receiveMss: tcb.ourMss,
    pathMss: tcb.pathMss === NO_PATH_LIMIT ? 0 : tcb.pathMss,
    sendWindowShift: tcb.sendShift,
    receiveWindowShift: tcb.receiveShift,
    sackPermitted: tcb.sack,
    timestamps: tcb.timestamps,
    ecn: tcb.ecn,
    synTextBytes: tcb.fastOpen?.takenBytes ?? 0,
    srttUs,
    rttvarUs: tcb.rttvarUs,
    rtoUs,
    minRttUs: tcb.minRttUs === Infinity ? 0 : tcb.minRttUs,
    backoff: backoffOf(tcb),
    retransmits: tcb.retransmits,
    duplicatesReported: tcb.dsacks,
    sinceSendUs: about.nowUs - tcb.lastSendUs,
    sinceReceiveUs: about.nowUs - tcb.lastReceivedUs,
    congestionControl: tcb.congestion.name,
    cwnd,
    ssthresh,
    inFlight,
    sackedBytes: tcb.scoreboard.sackedBytes,
    lostBytes: tcb.scoreboard.lostBytes,
    resentBytes: tcb.scoreboard.resentBytes,
    recovery: tcb.recovery,
    receiveQueue: tcb.receiveRing.length,
    sendQueue: tcb.sendRing.length,
    unsent: tcb.unsentBytes,
    outOfOrderBytes: tcb.reassembly.bytes,
    bytesIn: tcb.bytesIn,
    bytesOut: tcb.bytesOut,
    segmentsIn: tcb.segmentsIn,
    segmentsOut: tcb.segmentsOut,
    timers,
  };
}
