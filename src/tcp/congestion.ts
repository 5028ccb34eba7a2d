/**
 * The congestion window at the start and after idleness, and which controller moves it in between.
 *
 * Owns: IW (RFC 6928), the restart window (RFC 5681 §4.1), the choice by name. Must not know: what a controller does.
 */
import type { CongestionControl } from "./congestion_control.ts";
import type { TcpConfig } from "./config.ts";
import { cubicSegments } from "./cubic_segments.ts";
import { cubic } from "./cubic.ts";
import { reno } from "./reno.ts";
import type { Tcb } from "./tcb.ts";

/** The controller that the settings name. */
export function congestionControl(
  config: Pick<TcpConfig, "congestionControl" | "windowCounting">,
): CongestionControl {
  if (config.congestionControl === "reno") return reno;
  return config.windowCounting === "segments" ? cubicSegments : cubic;
}

/** IW of RFC 6928 §2 in bytes; one segment when our SYN or SYN-ACK had been lost. */
export function initialWindow(tcb: Tcb): number {
  const mss = tcb.sendMss;
  if (lostSyns(tcb) > 0) return mss;
  const segments = tcb.config.initialWindowSegments;
  return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
}

/** How often our SYN was sent again because nothing came back; one that was too big for the path is no sign of congestion (RFC 1191 §6.5). */
export function lostSyns({ synRetransmits, fastOpen }: Tcb): number {
  return fastOpen !== null && fastOpen.isTooBig ? synRetransmits - 1 : synRetransmits;
}

/** RFC 5681 §4.1: after idleness of more than an RTO the window falls back to the initial one. */
export function restartAfterIdle(tcb: Tcb, nowUs: number): void {
  if (tcb.lastSendUs === 0 || nowUs - tcb.lastSendUs <= tcb.rtoUs || !tcb.config.restartAfterIdle) return;
  const restart = initialWindow(tcb);
  if (tcb.cwnd > restart) {
    tcb.cwnd = restart;
    tcb.congestion.onRestart(tcb);
  }
}
