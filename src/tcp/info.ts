/**
 * ConnectionInfo: every figure of a connection, as a value.
 *
 * Owns: the shape. The TCB knows how to fill it (tcb.ts). Must not know: who asks.
 */
import type { TcpState } from "./state.ts";

/** What `ss -tin` shows and more. Sequence numbers absolute; times in microseconds; sizes in bytes. */
export interface ConnectionInfo {
  readonly id: number;
  readonly name: string;
  readonly state: TcpState;
  readonly role: "server" | "client";
  readonly openedUs: number;
  readonly states: readonly TcpState[];
  // Sequence variables, RFC 9293 §3.3.1
  readonly sndUna: number;
  readonly sndNxt: number;
  readonly sndWnd: number;
  readonly sndWl1: number;
  readonly sndWl2: number;
  readonly iss: number;
  readonly rcvNxt: number;
  readonly rcvWnd: number;
  readonly irs: number;
  // Options
  readonly sendMss: number;
  readonly receiveMss: number;
  readonly sendWindowShift: number;
  readonly receiveWindowShift: number;
  readonly sackPermitted: boolean;
  readonly timestamps: boolean;
  readonly ecn: boolean;
  // Retransmission and round trip, RFC 6298
  readonly srttUs: number;
  readonly rttvarUs: number;
  readonly rtoUs: number;
  readonly minRttUs: number;
  readonly backoff: number;
  readonly retransmits: number;
  // Congestion, RFC 5681
  readonly congestionControl: string;
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly inFlight: number;
  readonly recovery: "open" | "disorder" | "recovery" | "loss";
  // Buffers
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly unsent: number;
  readonly outOfOrderBytes: number;
  // Totals
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly segmentsIn: number;
  readonly segmentsOut: number;
  /** Running deadlines by name (`rto`, `delayed-ack`, `persist`, `keepalive`, `time-wait`, `tlp`, ...): microseconds from now. */
  readonly timers: Readonly<Record<string, number>>;
}
