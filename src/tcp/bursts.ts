/**
 * Bursts: which of the segments that leave back to back a stack would hand to its device as one, to be cut there.
 *
 * Owns: how long such a burst is. Must not know: what is made of that: PSH at its end, where `pushFlag` is `bursts-too`. RFC 9293
 * says nothing of it; the rule is Linux's (tcp_tso_autosize, tcp_cwnd_test).
 */
import type { Tcb } from "./tcb.ts";

/** Octets that a device takes at once at most: a packet of 64 KiB less headers. */
const MOST_BURST_BYTES = 0xfe00;
/** A burst carries what the pace lets out in this part of a second (sk_pacing_shift = 10: about a millisecond). */
const BURSTS_PER_SECOND = 1024;
/** By how much the pace is above one window in each round trip: in slow start, and beyond (tcp_pacing_ss_ratio, tcp_pacing_ca_ratio). */
const SLOW_START_PACE = 2;
const AVOIDANCE_PACE = 1.2;
/** A least round trip of so many microseconds, and each such more, halves what a near peer gets at once (tcp_tso_rtt_log = 9). */
const NEAR_ROUND_TRIP_US = 512;

/** Octets of the burst that begins with the next segment of `unsent` octets, of which window and congestion let `room` out. */
export function burstBytes(tcb: Tcb, limits: { unsent: number; mss: number; room: number }): number {
  const { unsent, mss, room } = limits;
  const window = Math.floor(tcb.cwnd / tcb.sendMss);
  // At least two bursts are in flight: none is more than half of the window.
  const segments = Math.min(burstSegments(tcb, mss), Math.max(window >> 1, 1));
  let length = segments * mss;
  if (length > room) length = Math.max(room - (room % mss), mss);
  return length < unsent ? length : unsent;
}

function burstSegments(tcb: Tcb, mss: number): number {
  const pace = tcb.cwnd < tcb.ssthresh / 2 ? SLOW_START_PACE : AVOIDANCE_PACE;
  const bytesPerSecond = tcb.srttUs > 0
    ? (pace * Math.max(tcb.cwnd, tcb.outstanding) * 1e6) / tcb.srttUs
    : Infinity;
  const halvings = tcb.minRttUs === Infinity ? 0 : Math.floor(tcb.minRttUs / NEAR_ROUND_TRIP_US);
  const bytes = bytesPerSecond / BURSTS_PER_SECOND + (halvings < 32 ? MOST_BURST_BYTES / 2 ** halvings : 0);
  return Math.max(Math.floor(Math.min(bytes, MOST_BURST_BYTES) / mss), tcb.config.burstLeastSegments);
}
