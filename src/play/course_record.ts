/**
 * CourseRecord: what has happened in a course, in order, of both ends and of the cable between them.
 *
 * Owns: joining what the hosts tell to what the cable carries, by the numbers that each has. Must not know: why anything
 * happened.
 */
import type { CableWatch, SentFrame } from "../link/cable.ts";
import type { FrameFault } from "../link/fault_path.ts";
import type { SegmentEvent, TcpEvent, TransitionEvent } from "../tcp/events.ts";
import { flagNames } from "../wire/tcp.ts";
import type { Command, Side } from "./command.ts";

/** A segment on the cable, as both ends know it. */
export interface WireSegment {
  /** From 1, in the order in which they left, whoever sent them. */
  readonly number: number;
  readonly from: Side;
  readonly sentUs: number;
  readonly flags: readonly string[];
  readonly length: number;
  /** As its sender told it; null of a stranger's. */
  readonly sent: SegmentEvent | null;
  /** When it arrived, and how its receiver told it (null where it could make nothing of it); twice for a copy. */
  readonly arrivals: { readonly us: number; event: SegmentEvent | null }[];
  /** What happened to it on the way. */
  readonly faults: FrameFault[];
  /** Why it was lost; null where it was not. */
  lostBy: "chance" | "queue-full" | "once" | null;
  /** How it was sent again, as its sender said. */
  readonly repeats: string | null;
}

/** One thing that happened. */
export type Happening =
  | { readonly kind: "sent" | "arrived" | "lost"; readonly us: number; readonly segment: WireSegment }
  | { readonly kind: "move"; readonly us: number; readonly side: Side; readonly event: TransitionEvent }
  | { readonly kind: "command"; readonly us: number; readonly command: Command };

/** See the head of this file. */
export class CourseRecord implements CableWatch {
  readonly segments: WireSegment[] = [];
  readonly happenings: Happening[] = [];
  /** Every event of each end. */
  readonly events: readonly [TcpEvent[], TcpEvent[]] = [[], []];
  readonly #nowUs: () => number;
  /** Segments that were told of and have not left yet, by their sender's number. */
  readonly #leaving = new Map<string, SegmentEvent>();
  readonly #repeats = new Map<string, string>();
  /** The arrival that an end is just about to hear of. */
  readonly #arriving: [WireSegment["arrivals"][number] | null, WireSegment["arrivals"][number] | null] = [
    null,
    null,
  ];

  /** The number of the last SYN on its way from one socket to another, by `FROM-TO`. */
  readonly #starts = new Map<string, number>();
  readonly #idBases: [number, number] = [0, 0];
  readonly #highestIds: [number, number] = [0, 0];

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  /** What is added to a host's number of a connection: one that was started anew counts from 1 again. */
  idBase(side: Side): number {
    return this.#idBases[side];
  }

  /** The host of an end has been started anew. */
  restarted(side: Side): void {
    this.#idBases[side] = this.#highestIds[side];
  }

  /** Hears an event of an end. */
  observe(side: Side, told: TcpEvent): void {
    const event = this.#numbered(side, told);
    this.events[side].push(event);
    if (event.event === "transition") {
      this.happenings.push({ kind: "move", us: this.#nowUs(), side, event });
    } else if (event.event === "retransmit") {
      this.#repeats.set(`${side} ${event.segment}`, event.kind);
    } else if (event.event === "segment") {
      if (event.direction === "send") {
        this.#leaving.set(`${side} ${event.segment}`, event);
        return;
      }
      const arrival = this.#arriving[side];
      if (arrival !== null) arrival.event = event;
      this.#arriving[side] = null;
    }
  }

  sent(number: number, { from, label, flags, length }: SentFrame): void {
    const key = `${from} ${label}`;
    const segment: WireSegment = {
      number,
      from,
      sentUs: this.#nowUs(),
      flags: flagNames(flags),
      length,
      sent: this.#counted(this.#leaving.get(key) ?? null),
      arrivals: [],
      faults: [],
      lostBy: null,
      repeats: this.#repeats.get(key) ?? null,
    };
    this.#leaving.delete(key);
    this.#repeats.delete(key);
    this.segments.push(segment);
    this.happenings.push({ kind: "sent", us: segment.sentUs, segment });
  }

  touched(
    number: number,
    about: { readonly faults: readonly FrameFault[]; readonly reason: "chance" | "queue-full" | "once" },
  ): void {
    const segment = this.segments[number - 1];
    segment.faults.push(...about.faults);
    if (!about.faults.includes("drop")) return;
    segment.lostBy = about.reason;
    this.happenings.push({ kind: "lost", us: this.#nowUs(), segment });
  }

  arriving(number: number): void {
    const segment = this.segments[number - 1];
    const us = this.#nowUs();
    const arrival = { us, event: null };
    segment.arrivals.push(arrival);
    this.#arriving[segment.from === 0 ? 1 : 0] = arrival;
    this.happenings.push({ kind: "arrived", us, segment });
  }

  /** Notes a command, before what comes of it. Gives what takes it back. */
  command(command: Command): Happening {
    const happening: Happening = { kind: "command", us: this.#nowUs(), command };
    this.happenings.push(happening);
    return happening;
  }

  /** The command could not be carried out. */
  takeBack(happening: Happening): void {
    const at = this.happenings.lastIndexOf(happening);
    if (at >= 0) this.happenings.splice(at, 1);
  }

  /**
   * A host that knows of no connection counts from 0 what it answers (a RST, RFC 9293 §3.5.2); who looks at both ends knows from
   * where.
   */
  #counted(event: SegmentEvent | null): SegmentEvent | null {
    if (event === null) return null;
    const { connection, flags, seq, ack, id } = event;
    const [local, peer] = connection.split("-");
    if (flags.includes("SYN")) this.#starts.set(connection, seq);
    if (id !== undefined) return event;
    const from = (number: number, start: number | undefined) =>
      start === undefined ? number : (number - start) >>> 0;
    return {
      ...event,
      relSeq: from(seq, this.#starts.get(connection)),
      relAck: flags.includes("ACK") ? from(ack, this.#starts.get(`${peer}-${local}`)) : 0,
    };
  }

  #numbered(side: Side, event: TcpEvent): TcpEvent {
    if (!("id" in event) || event.id === undefined) return event;
    const base = this.#idBases[side];
    const id = event.id + base;
    this.#highestIds[side] = Math.max(this.#highestIds[side], id);
    return base === 0 ? event : { ...event, id };
  }
}
