/**
 * Flow: a connection as a script counts it, and as it is on the wire.
 *
 * Owns: the mapping of sequence numbers, timestamps, ports and flow labels between the two, as packetdrill defines it: numbers on a
 * segment with SYN are as they are written (for the host's end: from the first that the script names), all others count from the SYN.
 * Must not know: packets' layout, steps.
 */
import type { PortPair } from "./values.ts";

/** Which sender's sequence number it is. */
export type FlowEnd = "local" | "remote";

/** How far the handshake is, as the steps show it. */
export type FlowStage = "syn-sent" | "syn-received" | "syn-ack-sent" | "open";

/** Timestamps that are kept for inbound echoes. Local choice: a script names each of them, and none names so many. */
const MOST_TIMESTAMPS = 0x10000;

/** See the file's comment. Ports and addresses are those on the wire. */
export class Flow {
  readonly localPort: number;
  readonly remotePort: number;
  stage: FlowStage;
  /** First sequence number of the host's end: of the script, and on the wire. */
  scriptIss = 0;
  wireIss = 0;
  /** Of the peer's end the script's number is the one on the wire. */
  irs = 0;
  /** TSval of the script to TSval on the wire. */
  readonly #timestamps = new Map<number, number>();
  #firstTimestamp: { readonly script: number; readonly wire: number } | null = null;
  #flowLabel: { script: number; wire: number } | null = null;

  constructor(ports: { readonly localPort: number; readonly remotePort: number }, stage: FlowStage) {
    this.localPort = ports.localPort;
    this.remotePort = ports.remotePort;
    this.stage = stage;
  }

  /** Ports of a packet that the host sends. */
  get outbound(): PortPair {
    return { source: this.localPort, destination: this.remotePort };
  }

  /** A number of the script on the wire; `hasSyn`: of the segment that it stands on. */
  toWire(number: number, end: FlowEnd, hasSyn: boolean): number {
    return (number + this.#offset(end, hasSyn)) >>> 0;
  }

  /** And back. */
  toScript(number: number, end: FlowEnd, hasSyn: boolean): number {
    return (number - this.#offset(end, hasSyn)) >>> 0;
  }

  #offset(end: FlowEnd, hasSyn: boolean): number {
    if (end === "remote") return hasSyn ? 0 : this.irs;
    return hasSyn ? this.wireIss - this.scriptIss : this.wireIss;
  }

  /** The host has sent `wire` where the script says `script`. */
  noteTimestamp(script: number, wire: number): void {
    this.#firstTimestamp ??= { script, wire };
    if (this.#timestamps.size < MOST_TIMESTAMPS) this.#timestamps.set(script, wire);
  }

  /** What the host has sent as the script would count it: the first one is the script's. */
  timestampToScript(wire: number): number {
    const first = this.#firstTimestamp;
    return first === null ? wire : (first.script + (wire - first.wire)) >>> 0;
  }

  /** What an echo of the script's `script` is on the wire: exactly, or as far from the first as the script says. */
  echoToWire(script: number): number {
    const known = this.#timestamps.get(script);
    if (known !== undefined) return known;
    const first = this.#firstTimestamp;
    return first === null ? script : (first.wire + (script - first.script)) >>> 0;
  }

  /** Whether labels change just where the script's do; the first one is learnt. */
  takesFlowLabel(script: number, wire: number): boolean {
    if (wire === 0) return false;
    const known = this.#flowLabel;
    if (known === null || (known.script !== script && known.wire !== wire)) {
      this.#flowLabel = { script, wire };
      return true;
    }
    return (known.script === script) === (known.wire === wire);
  }
}
