/**
 * EventLog: what the host said about what it did, as far as a verdict and a trace need it.
 *
 * Owns: which rule a segment that was sent came from, and the events in the notation of scripts. Must not know: steps, frames.
 */
import type { Observer, SegmentEvent, TcpEvent } from "../tcp/events.ts";
import { RULES } from "../tcp/rules.ts";
import { flagBits } from "../wire/tcp.ts";
import { formatFlags } from "./tcp_flags.ts";
import type { VerdictRule } from "./verdict.ts";

/** Segments whose rule is kept. Local choice: as many as may wait for a step, and some more. */
const MOST_SEGMENTS = 0x20000;

/** A line of a trace. */
export interface TraceEntry {
  /** Microseconds since the script's beginning. */
  readonly atUs: number;
  /** Of the script, 0 for what the host did. */
  readonly line: number;
  readonly kind: "step" | "host" | "note";
  readonly text: string;
}

/** See the file's comment. */
export class EventLog {
  readonly #rules = new Map<number, string>();
  #last = "none";
  readonly #onTrace: ((entry: TraceEntry) => void) | null;
  readonly #nowUs: () => number;

  constructor(
    options: { readonly nowUs: () => number; readonly onTrace: ((entry: TraceEntry) => void) | null },
  ) {
    this.#nowUs = options.nowUs;
    this.#onTrace = options.onTrace;
  }

  /** To be given to the host. */
  readonly observe: Observer = (event) => {
    if (event.event === "segment" || event.event === "transition") this.#last = event.rule;
    if (event.event === "segment" && event.direction === "send" && event.segment !== undefined) {
      if (this.#rules.size >= MOST_SEGMENTS) this.#forgetOldest();
      this.#rules.set(event.segment, event.rule);
    }
    if (this.#onTrace === null) return;
    const text = eventText(event);
    if (text !== null) this.#onTrace({ atUs: this.#nowUs(), line: 0, kind: "host", text });
  };

  /** By which rule the segment with this number was sent; the last rule of all where that is not known. */
  ruleOf(segment: number): VerdictRule | null {
    return ruleNamed(this.#rules.get(segment) ?? this.#last);
  }

  /** The rule that was applied last. */
  get lastRule(): VerdictRule | null {
    return ruleNamed(this.#last);
  }

  #forgetOldest(): void {
    for (const oldest of this.#rules.keys()) {
      this.#rules.delete(oldest);
      return;
    }
  }
}

function ruleNamed(id: string): VerdictRule | null {
  if (id === "none") return null;
  const rules: Readonly<Record<string, { readonly rfc: string; readonly text: string }>> = RULES;
  const rule = rules[id];
  return rule === undefined ? { id, rfc: "", text: "" } : { id, rfc: rule.rfc, text: rule.text };
}

/** An event in a line; null for those that a trace leaves out. */
function eventText(event: TcpEvent): string | null {
  switch (event.event) {
    case "segment":
      return segmentText(event);
    case "transition":
      return `${event.from} -> ${event.to}  ${event.rule} (${event.rfc})`;
    case "retransmit":
      return `sends again (${event.kind}): ${event.relSeq}, ${event.length} bytes`;
    case "drop":
      return `dropped: ${event.reason}`;
    case "closed":
      return `closed: ${event.reason}`;
    case "icmp":
      return `${event.direction === "send" ? "sends" : "takes"} ICMP: ${event.kind}`;
    default:
      return null;
  }
}

function segmentText(event: SegmentEvent): string {
  const flags = formatFlags({ bits: flagBits(event.flags), ae: false }, "");
  const { relSeq, length, window, state, rule } = event;
  const ack = event.flags.includes("ACK") ? ` ack ${event.relAck}` : "";
  const word = event.direction === "send" ? "sends" : "takes";
  return `${word} ${flags} ${relSeq}:${relSeq + length}(${length})${ack} win ${window}  ${state}, ${rule}`;
}
