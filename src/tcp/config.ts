/**
 * What can be set about a connection, with the defaults and their sources.
 *
 * Owns: names, units and defaults. Must not know: who parses options.
 */
import { DEFAULT_FAST_OPEN_SETTINGS, type FastOpenSettings } from "./fast_open_settings.ts";
import { DEFAULT_TCP_HABITS, type TcpHabits } from "./habits.ts";

/** Settings of the machine; sizes in bytes, times in microseconds. */
export interface TcpConfig extends TcpHabits, FastOpenSettings {
  /** Largest MSS that we offer; the link's MTU less 40 (or 60) bounds it too (MUST-67). 0 = from the MTU alone. */
  mss: number;
  /** Bytes that are kept for the application: the largest window. */
  receiveBufferBytes: number;
  /** Bytes that are kept until the peer has acknowledged them. */
  sendBufferBytes: number;
  /** RFC 2018. */
  sack: boolean;
  /** RFC 7323 §3. */
  timestamps: boolean;
  /** RFC 7323 §2. */
  windowScaling: boolean;
  /** RFC 3168: not at all, granted to whoever asks (passive opens), or asked for on active opens too. */
  ecn: "off" | "accept" | "request";
  /** Nagle off from the start (MUST-17). */
  noDelay: boolean;
  /** A last piece that fills no segment waits for more, or for FIN, whatever is in flight (Linux's TCP_CORK, BSD's TCP_NOPUSH). */
  cork: boolean;
  /** RFC 9438, or RFC 5681 with RFC 6582. */
  /** What the application sends is pushed (MUST-60: PSH on the last segment of what is queued); off while it says that more follows. */
  push: boolean;
  /** CUBIC (RFC 9438) or Reno (RFC 5681). */
  congestionControl: "cubic" | "reno";
  /** RFC 6928 §2: ten segments. */
  initialWindowSegments: number;
  /** Maximum segment lifetime (RFC 9293 §3.4.2); TIME_WAIT lasts twice this (MUST-13). */
  mslUs: number;
  /** Length of TIME_WAIT where it is to differ from 2 MSL; 0 = 2 MSL. */
  timeWaitUs: number;
  /** RFC 6298 §2.1: before the first measurement. */
  rtoInitialUs: number;
  /** RFC 6298 §2.4: never less. */
  rtoMinUs: number;
  /** RFC 6298 §2.5: never more. */
  rtoMaxUs: number;
  /** RFC 9293 §3.8.6.3: how long an ACK may wait, below 0.5 s (MUST-58). */
  delayedAckUs: number;
  /** Segments acknowledged at once when a connection is young or after loss. */
  quickAcks: number;
  /** R1 of RFC 9293 §3.8.3 (SHLD-10): retransmissions before the application and IP are told. */
  r1Retransmissions: number;
  /** R2 (SHLD-11: at least 100 s): how long data may stay unacknowledged. */
  r2Us: number;
  /** R2 once the application has gone and all its text is delivered: as long as RFC 9293 asks for, and no longer. */
  orphanR2Us: number;
  /** R2 for our SYN (MUST-23: at least 3 minutes). */
  synR2Us: number;
  /** SYN cookies when a listener's backlog is full (RFC 4987 §3.6), or for every SYN; otherwise the SYN is dropped. */
  synCookies: boolean | "always";
  /** Retransmissions of a SYN-ACK before the half-open connection is forgotten. */
  synAckRetransmissions: number;
  /** How long FIN_WAIT_2 may last once the application has gone (`close`). */
  finWait2Us: number;
  /** RFC 9293 §3.8.4: silence before the first probe (MUST-28: two hours). */
  keepAliveIdleUs: number;
  /** Between two probes that nobody answers. */
  keepAliveIntervalUs: number;
  /** Unanswered keep-alive probes that end the connection (MUST-29: more than one). */
  keepAliveProbes: number;
  /** Blocks of out-of-order data per connection. */
  maxOutOfOrderBlocks: number;
  /** Most challenge ACKs per second and host (RFC 5961 §7); from second to second the bound lies between this and half of it. */
  challengeAcksPerSecond: number;
  /** ICMP hard errors about a synchronized connection: told to the application (RFC 5927 §5.2), or RFC 9293's abort. */
  icmpHardErrors: "soft" | "abort";
  /** How long what ICMP says of the path's MTU counts (RFC 1191 §6.3). */
  pathMtuLifeUs: number;
  /** What a duplicate SYN in SYN_RCVD gets: the SYN-ACK again (as Linux), or RFC 9293's ACK or return to LISTEN. */
  duplicateSyn: "repeat-syn-ack" | "rfc9293";
  /** RST in TIME_WAIT: closes it (RFC 9293 §3.10.7.4) or is ignored (RFC 1337). */
  timeWaitRst: "close" | "ignore";
  /** A FIN without ACK outside the window: an ACK (RFC 9293) or silence. */
  finWithoutAck: "ack" | "drop";
  /** A segment without timestamps after they were agreed: dropped (RFC 7323 §3.2) or taken. */
  missingTimestamp: "drop" | "accept";
  /** What had come before a reset and was not read: gone with the connection (RFC 9293 §3.10.7.4), or kept for who reads on. */
  textAfterReset: "flushed" | "kept";
  /** DSCP of what we send (MUST-48), 0 .. 63. */
  dscp: number;
  /** Packets say that routers must not cut them, so that the path's MTU is found out (RFC 1191); off: routers may, in IPv4. */
  pathMtuDiscovery: boolean;
  /** Time to live, or hop limit, of what a connection sends (MUST-49); 0: its host's. */
  hopLimit: number;
}

const SECOND_US = 1_000_000;

/** Defaults; each with its source, or as a local choice with the reason. */
export const DEFAULT_TCP_CONFIG: Readonly<TcpConfig> = {
  ...DEFAULT_TCP_HABITS,
  ...DEFAULT_FAST_OPEN_SETTINGS,
  mss: 0,
  // Local choice: a gigabit at 8 ms of delay.
  receiveBufferBytes: 0x100000,
  sendBufferBytes: 0x100000,
  sack: true,
  timestamps: true,
  windowScaling: true,
  // Local choice, as Linux: a SYN that asks for ECN is still lost on some paths.
  ecn: "accept",
  noDelay: false,
  // SHLD-7 has Nagle alone; MUST-60 and MUST-61 leave it to who asks that nothing is pushed.
  cork: false,
  push: true,
  congestionControl: "cubic",
  initialWindowSegments: 10,
  // Deviation: RFC 9293 §3.4.2 takes 2 minutes; 30 s keeps TIME_WAIT at the 60 s that people know from Linux.
  mslUs: 30 * SECOND_US,
  timeWaitUs: 0,
  rtoInitialUs: SECOND_US,
  // Deviation: RFC 6298 §2.4 rounds up to 1 s (SHOULD); 200 ms as Linux and others, safe with timestamps and undo.
  rtoMinUs: 200_000,
  // RFC 6298 §2.5: a maximum of at least 60 s.
  rtoMaxUs: 60 * SECOND_US,
  // Local choice below MUST-40's 0.5 s: 40 ms, as Linux.
  delayedAckUs: 40_000,
  // Local choice: covers the peer's initial window of ten segments.
  quickAcks: 10,
  r1Retransmissions: 3,
  // RFC 9293 §3.10.1: a user timeout of five minutes unless told otherwise.
  r2Us: 300 * SECOND_US,
  // SHLD-11: at least 100 s. Nobody here waits for the end any more.
  orphanR2Us: 100 * SECOND_US,
  synR2Us: 180 * SECOND_US,
  synCookies: true,
  // Local choice: about a minute with doubling from 1 s.
  synAckRetransmissions: 5,
  // Local choice, as Linux.
  finWait2Us: 60 * SECOND_US,
  // MUST-28: not less than two hours.
  keepAliveIdleUs: 7200 * SECOND_US,
  keepAliveIntervalUs: 75 * SECOND_US,
  keepAliveProbes: 9,
  // Local choice: more holes than a window of 1 MiB shows at 20 % loss.
  maxOutOfOrderBlocks: 256,
  // Local choice, as Linux's since the bound was attacked: far more than honest peers need.
  challengeAcksPerSecond: 1000,
  icmpHardErrors: "soft",
  // RFC 1191 §6.3: ten minutes.
  pathMtuLifeUs: 600 * SECOND_US,
  duplicateSyn: "repeat-syn-ack",
  timeWaitRst: "close",
  finWithoutAck: "ack",
  missingTimestamp: "drop",
  textAfterReset: "flushed",
  dscp: 0,
  pathMtuDiscovery: true,
  hopLimit: 0,
};
