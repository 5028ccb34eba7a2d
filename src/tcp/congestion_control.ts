/**
 * Congestion control: the small interface behind which Reno and CUBIC stand (RFC 5681, MAY-18).
 *
 * Owns: the interface, and what of a connection a controller may see and change. Must not know: which segments were
 * lost, or how they are sent again.
 */
import type { TcpConfig } from "./config.ts";
import type { SenderRecord } from "./sender_record.ts";

/** How congestion recovery stands (RFC 5681, RFC 6675). */
export type RecoveryState = "open" | "disorder" | "recovery" | "loss";

/** The part of a connection that a controller works on. */
export interface CongestionVariables {
  cwnd: number;
  ssthresh: number;
  /** Congestion avoidance: bytes acknowledged towards the next increase. */
  cwndCredit: number;
  readonly cwndLimited: boolean;
  readonly sendMss: number;
  readonly outstanding: number;
  readonly srttUs: number;
  readonly recovery: RecoveryState;
  readonly sndUna: number;
  readonly sndNxt: number;
  readonly sender: SenderRecord;
  readonly config: Pick<TcpConfig, "slowStartSegments">;
}

/** What a congestion controller decides; its variables live in the connection. */
export interface CongestionControl {
  readonly name: "cubic" | "reno";
  /** All that was delivered counts in slow start after a time-out too; else one segment an ACK (RFC 5681 §3.1). */
  readonly growsFull: boolean;
  /** `ackedBytes` were newly acknowledged outside of recovery, while the window limited sending. */
  onAck(tcb: CongestionVariables, ackedBytes: number, nowUs: number): void;
  /** Loss, ECN or a time-out: returns the new ssthresh in bytes, and remembers what it needs. */
  onCongestion(tcb: CongestionVariables, nowUs: number, isTimeout: boolean): number;
  /** A round trip of something that was sent once. */
  onRoundTrip(tcb: CongestionVariables, rttUs: number, nowUs: number): void;
  /** A reduction was undone, or the connection was idle: the growth curve begins anew. */
  onRestart(tcb: CongestionVariables): void;
}
