/**
 * HostCounters: how often what happened, by name.
 *
 * Owns: the names. Must not know: who prints them.
 */
import type { MachineCounters } from "../tcp/context.ts";
import { DROP_REASONS, type DropReason } from "../wire/drop_reason.ts";

/** Counters of one host; the hot ones are fields. */
export class HostCounters {
  framesIn = 0;
  framesOut = 0;
  segmentsIn = 0;
  segmentsOut = 0;
  /** TCP segments whose header or checksum is wrong. */
  segmentsBad = 0;
  checksumPartial = 0;
  connectionsOpened = 0;
  connectionsEstablished = 0;
  connectionsClosed = 0;
  activeOpens = 0;
  /** Handshakes that somebody else has begun, once they are done. */
  passiveOpens = 0;
  /** RFC 4022 tcpEstabResets: from {@link HostCounters.establishedNow} straight to CLOSED. */
  establishedResets = 0;
  /** RFC 4022 tcpCurrEstab: connections in ESTABLISHED or CLOSE_WAIT now. No counter: it also falls. */
  establishedNow = 0;
  synDropped = 0;
  noListener = 0;
  echoReplies = 0;
  readonly #drops = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]));
  readonly #others = new Map<string, number>();

  /** Counts a frame that was not taken. */
  drop(reason: DropReason): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  /** Counts something rare by name. */
  count(name: string): void {
    this.#others.set(name, (this.#others.get(name) ?? 0) + 1);
  }

  /** All counters by name; drops only where there were any. */
  snapshot(machine: MachineCounters): Record<string, number> {
    const all: Record<string, number> = {
      "frames-in": this.framesIn,
      "frames-out": this.framesOut,
      "segments-in": this.segmentsIn,
      "segments-out": this.segmentsOut,
      "segments-bad": this.segmentsBad,
      "checksum-partial": this.checksumPartial,
      "connections-opened": this.connectionsOpened,
      "connections-established": this.connectionsEstablished,
      "connections-closed": this.connectionsClosed,
      "active-opens": this.activeOpens,
      "passive-opens": this.passiveOpens,
      "established-resets": this.establishedResets,
      "syn-dropped": this.synDropped,
      "no-listener": this.noListener,
      "echo-replies": this.echoReplies,
    };
    for (const [name, value] of Object.entries(machine)) {
      all[name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)] = value;
    }
    for (const [reason, count] of this.#drops) if (count > 0) all[`drop-${reason}`] = count;
    for (const [name, count] of this.#others) all[name] = count;
    return all;
  }
}
