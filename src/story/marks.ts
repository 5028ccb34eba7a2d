/**
 * What is remarkable about a segment: the kinds of marks, with the names that tshark uses for the same.
 *
 * Owns: the kinds and their names. Must not know: how a mark is found (mark_finder.ts, late_marks.ts).
 */

/** Kinds of marks. */
export type MarkKind =
  | "retransmission-timeout"
  | "retransmission-fast"
  | "retransmission-tail-probe"
  | "retransmission-syn-data"
  | "retransmission-unknown"
  | "spurious"
  | "duplicate"
  | "out-of-order"
  | "gap-before"
  | "ack-unseen"
  | "duplicate-ack"
  | "sack"
  | "d-sack"
  | "zero-window"
  | "window-update"
  | "zero-window-probe"
  | "zero-window-probe-ack"
  | "keep-alive"
  | "keep-alive-ack"
  | "window-full"
  | "lost-on-purpose"
  | "never-arrived"
  | "port-reused"
  | "partial-checksum"
  | "wrong-checksum"
  | "outside-window";

/** One remark about a segment. */
export interface Mark {
  readonly kind: MarkKind;
  /** Number of the segment that it repeats, answers or is explained by. */
  readonly of?: number;
  /** In plain words. */
  readonly text: string;
  /** What tshark calls the same, where it has a name. */
  readonly tshark?: string;
  /** Of what was found out later: how sure it is. */
  readonly confidence?: "certain" | "likely";
}

/** tshark's display filter names; kinds without one are absent. */
export const TSHARK_NAMES: Readonly<Partial<Record<MarkKind, string>>> = {
  "retransmission-timeout": "tcp.analysis.retransmission",
  "retransmission-fast": "tcp.analysis.fast_retransmission",
  "retransmission-tail-probe": "tcp.analysis.retransmission",
  "retransmission-syn-data": "tcp.analysis.retransmission",
  "retransmission-unknown": "tcp.analysis.retransmission",
  "spurious": "tcp.analysis.spurious_retransmission",
  "duplicate": "tcp.analysis.retransmission",
  "out-of-order": "tcp.analysis.out_of_order",
  "gap-before": "tcp.analysis.lost_segment",
  "ack-unseen": "tcp.analysis.ack_lost_segment",
  "duplicate-ack": "tcp.analysis.duplicate_ack",
  "zero-window": "tcp.analysis.zero_window",
  "window-update": "tcp.analysis.window_update",
  "zero-window-probe": "tcp.analysis.zero_window_probe",
  "zero-window-probe-ack": "tcp.analysis.zero_window_probe_ack",
  "keep-alive": "tcp.analysis.keep_alive",
  "keep-alive-ack": "tcp.analysis.keep_alive_ack",
  "window-full": "tcp.analysis.window_full",
  "port-reused": "tcp.analysis.reused_ports",
};

/** A mark with tshark's name for it; `of` is the number of the segment that it refers to. */
export function mark(kind: MarkKind, { text, of }: { readonly text: string; readonly of?: number }): Mark {
  const tshark = TSHARK_NAMES[kind];
  return {
    kind,
    ...(of === undefined ? {} : { of }),
    text,
    ...(tshark === undefined ? {} : { tshark }),
  };
}

/** Whether a segment with this mark carries again what its end had sent before. */
export function isRetransmission(kind: MarkKind): boolean {
  return kind.startsWith("retransmission-");
}
