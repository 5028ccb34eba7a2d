/**
 * Congestion control: the small interface behind which Reno and CUBIC stand (RFC 5681, MAY-18).
 *
 * Owns: the interface, slow start, and the window's size at the start and after idleness.
 * Must not know: which segments were lost, or how they are sent again.
 */
import type { MachineContext } from "./context.ts";
import { cubic } from "./cubic.ts";
import { reno } from "./reno.ts";
import type { Tcb } from "./tcb.ts";

/** What a congestion controller decides; its variables live in the TCB. */
export interface CongestionControl {
  readonly name: "cubic" | "reno";
  /** `ackedBytes` were newly acknowledged outside of recovery, while the window limited sending. */
  onAck(tcb: Tcb, ackedBytes: number, nowUs: number): void;
  /** Loss, ECN or a time-out: returns the new ssthresh in bytes, and remembers what it needs. */
  onCongestion(tcb: Tcb, nowUs: number, isTimeout: boolean): number;
  /** A reduction was undone, or the connection was idle: the growth curve begins anew. */
  onRestart(tcb: Tcb): void;
}

/** The controller of that name. */
export function congestionControl(name: "cubic" | "reno"): CongestionControl {
  return name === "reno" ? reno : cubic;
}

/** IW of RFC 6928 §2 in bytes; one segment when our SYN or SYN-ACK had been lost. */
export function initialWindow(tcb: Tcb): number {
  const mss = tcb.sendMss;
  if (tcb.synRetransmits > 0) return mss;
  const segments = tcb.config.initialWindowSegments;
  return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
}

/** RFC 5681 §4.1: after idleness of more than an RTO the window falls back to the initial one. */
export function restartAfterIdle(context: MachineContext, tcb: Tcb): void {
  if (tcb.lastSendUs === 0 || context.nowUs - tcb.lastSendUs <= tcb.rtoUs) return;
  const restart = initialWindow(tcb);
  if (tcb.cwnd > restart) {
    tcb.cwnd = restart;
    tcb.congestion.onRestart(tcb);
  }
}
