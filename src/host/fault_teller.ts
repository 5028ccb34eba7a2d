/**
 * FaultTeller: what our own fault injector has done, told as events among those of the segments.
 *
 * Owns: which connection and which segment a touched frame belongs to. Must not know: why the injector did anything.
 *
 * A segment that is touched on its way in gets its number here, before it arrives, if it does; one on its way out has been
 * told already, and brings its number along.
 */
import type { FaultObserver } from "../link/fault_link.ts";
import type { TouchedFrame } from "../link/fault_path.ts";
import type { FaultEvent, SegmentEvent } from "../tcp/events.ts";
import { positionOf } from "../tcp/sequence.ts";
import { connectionName } from "../wire/address.ts";
import { FLAG, flagNames } from "../wire/tcp.ts";
import type { ConnectionRegistry } from "./connection_registry.ts";
import type { EventTeller } from "./event_teller.ts";
import { type TouchedSegment, touchedSegment } from "./touched_segment.ts";

/** Fields of an event that say which segment it was. */
type SegmentFields =
  & Pick<
    FaultEvent,
    "connection" | "id" | "segment" | "flags" | "seq" | "ack" | "relSeq" | "relAck" | "window" | "length"
  >
  & { readonly connection: string };

/** Tells of the faults on one host's link. */
export class FaultTeller implements FaultObserver {
  readonly #teller: EventTeller;
  readonly #registry: ConnectionRegistry;

  constructor(teller: EventTeller, registry: ConnectionRegistry) {
    this.#teller = teller;
    this.#registry = registry;
  }

  isWatched(): boolean {
    return this.#teller.isObserved;
  }

  touched(touched: TouchedFrame): number {
    const teller = this.#teller;
    if (!teller.isObserved) return 0;
    const { direction, frame, length, faults, reason, delayUs, nowUs, label } = touched;
    const found = touchedSegment(frame, length, direction);
    const fields = found === null ? null : this.#fieldsOf(found, direction);
    const told = this.#told(label);
    const number = direction === "out" ? label : fields === null ? 0 : teller.reserve();
    for (const kind of faults) {
      teller.fault({
        event: "fault",
        direction: direction === "in" ? "recv" : "send",
        kind,
        ...(number === 0 ? {} : { segment: number }),
        ...(kind === "drop" ? { reason } : {}),
        ...(kind === "delay" ? { delayUs } : {}),
        ...fields,
        // A connection that ends with this segment is gone from the registry by now.
        ...(told === null ? {} : { relSeq: told.relSeq, relAck: told.relAck }),
        ...(told?.id === undefined ? {} : { id: told.id }),
        frameBytes: length,
      }, nowUs);
    }
    return direction === "in" ? number : 0;
  }

  handsUp(number: number): void {
    this.#teller.expect(number);
  }

  #fieldsOf(
    { segment, addresses, localPort, peerPort }: TouchedSegment,
    direction: "in" | "out",
  ): SegmentFields {
    const { bytes, localOffset, peerOffset, addressBytes } = addresses;
    const addressAt = (offset: number) => bytes.subarray(offset, offset + addressBytes);
    const connection = this.#registry.find(addresses, peerPort, localPort);
    const { flags, seq, ack, window, payloadLength } = segment;
    const fields = {
      connection: connectionName({
        localAddress: addressAt(localOffset),
        localPort,
        peerAddress: addressAt(peerOffset),
        peerPort,
      }),
      flags: flagNames(flags),
      seq,
      ack,
      relSeq: seq,
      relAck: (flags & FLAG.ACK) === 0 ? 0 : ack,
      window,
      length: payloadLength,
    };
    if (connection === null) return fields;
    const { iss, irs, sndNxt, rcvNxt } = connection.tcb;
    const position = (word: number, isOurs: boolean) =>
      isOurs ? positionOf(word, iss, sndNxt) : positionOf(word, irs, rcvNxt);
    return {
      ...fields,
      id: connection.id,
      relSeq: position(seq, direction === "out"),
      relAck: (flags & FLAG.ACK) === 0 ? 0 : position(ack, direction === "in"),
    };
  }

  /** The segment with this number, if it was told last: one that had to wait for ARP was told before. */
  #told(number: number): SegmentEvent | null {
    const { lastSent } = this.#teller;
    return number !== 0 && lastSent?.segment === number ? lastSent : null;
  }
}
