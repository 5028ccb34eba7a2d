/**
 * The story of a host of ours, out of its events: our end is told, the other one inferred.
 *
 * Owns: how events become segments, and what they know besides: our states, why something is sent again, what our own
 * faults took away. Must not know: the host.
 */
import type {
  ClosedEvent,
  FaultEvent,
  RetransmitEvent,
  SegmentEvent,
  TcpEvent,
  TransitionEvent,
} from "../tcp/events.ts";
import { TRANSITIONS } from "../tcp/transitions.ts";
import { portOf } from "../wire/address.ts";
import { FLAG, flagBits } from "../wire/tcp.ts";
import type { ConnectionStory } from "./connection_story.ts";
import type { AddressedSegment, Story } from "./story.ts";
import { END_NAMES, type EndName } from "./story_segment.ts";

const ROW_IDS = new Map<string, typeof TRANSITIONS[number]["id"]>(TRANSITIONS.map(({ id }) => [id, id]));

/** Local choice: connections whose number among the events is remembered: as many as a {@link Story} keeps whole by itself. */
const MOST_IDS = 10_000;

/** Takes the events of one host, in order. */
export class EventStory {
  readonly story: Story;
  readonly #byEventId = new Map<number, ConnectionStory>();
  readonly #eventIds = new Map<ConnectionStory, number>();
  readonly #closedIds = new Set<number>();
  readonly #mostIds: number;
  #newestForgotten = 0;
  #resent: RetransmitEvent | null = null;
  #name = "";
  #endpoints: readonly [string, string] = ["", ""];
  /** Ends of which segments were missed: the next one of each says where its stream is by now. */
  readonly #missed = new Map<ConnectionStory, Set<EndName>>();

  /** `mostIds`: connections whose number among the events is remembered, some kilobytes each. */
  constructor(story: Story, { mostIds = MOST_IDS }: { readonly mostIds?: number } = {}) {
    this.story = story;
    this.#mostIds = mostIds;
  }

  /** For `host.observer`, or a subscription. */
  readonly observe = (event: TcpEvent): void => {
    switch (event.event) {
      case "segment":
        this.#segment(event);
        break;
      case "transition":
        this.#transition(event);
        break;
      case "retransmit":
        this.#resent = event;
        break;
      case "fault":
        this.#fault(event);
        break;
      case "closed":
        this.#closed(event);
        break;
    }
  };

  /** Events are missing before the next one: whoever tells them threw them away. */
  missed(): void {
    for (const connection of this.#byEventId.values()) this.#missed.set(connection, new Set(END_NAMES));
  }

  /** The number that events give a connection, null where they give none. */
  eventIdOf(connection: ConnectionStory): number | null {
    return this.#eventIds.get(connection) ?? null;
  }

  /** The connection with this number among the events. */
  connection(eventId: number): ConnectionStory | null {
    return this.#byEventId.get(eventId) ?? null;
  }

  #segment(event: SegmentEvent): void {
    // One that stands for many strangers' segments belongs to no connection.
    if (event.segment === undefined) return;
    const resent = this.#resent?.segment === event.segment ? this.#resent : null;
    this.#resent = null;
    const [local, peer] = this.#endpointsOf(event.connection);
    const isReceived = event.direction === "recv";
    const segment: AddressedSegment = {
      number: event.segment,
      time: event.time,
      source: isReceived ? peer : local,
      destination: isReceived ? local : peer,
      flags: flagBits(event.flags),
      seq: event.seq,
      ack: event.ack,
      length: event.length,
      window: event.window,
      options: event.options,
      truth: { state: event.state, rule: event.rule },
    };
    const told = resent === null ? undefined : {
      kind: resent.kind,
      ...(resent.repeats === undefined ? {} : { repeats: resent.repeats }),
    };
    if (event.id === undefined) {
      this.story.add(segment, told);
      return;
    }
    const connection = this.#byEventId.get(event.id) ??
      (this.#isForgotten(event.id) ? null : this.#beginWith(event, segment));
    if (connection === null) return;
    if (this.#missed.size > 0) this.#skip(connection, event);
    this.story.addTo(connection, { segment, ...(told === undefined ? {} : { told }) });
  }

  #skip(connection: ConnectionStory, event: SegmentEvent): void {
    const { relSeq, relAck, connection: name, direction } = event;
    const [local, peer] = this.#endpointsOf(name);
    const source = direction === "recv" ? peer : local;
    const from: EndName = connection.endpoints.client === source ? "client" : "server";
    const ends = this.#missed.get(connection);
    if (ends?.delete(from) !== true) return;
    if (ends.size === 0) this.#missed.delete(connection);
    connection.skip({ from, seq: relSeq, ack: event.flags.includes("ACK") ? relAck : 0 });
  }

  #beginWith(event: SegmentEvent, { flags }: AddressedSegment): ConnectionStory {
    const isReceived = event.direction === "recv";
    const isSyn = (flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN;
    const opener: EndName = isReceived ? "server" : "client";
    return this.#begin(event, isSyn ? opener : guessOurs(...this.#endpointsOf(event.connection)));
  }

  /**
   * Numbers count up, and of connections that live the oldest is forgotten: what comes of it then begins nothing anew, which
   * would only make another one forgotten.
   */
  #isForgotten(id: number): boolean {
    return id <= this.#newestForgotten;
  }

  /** The last name's endpoints are remembered: events of one connection come in runs. */
  #endpointsOf(name: string): readonly [string, string] {
    if (name !== this.#name) {
      this.#name = name;
      this.#endpoints = endpointsOf(name);
    }
    return this.#endpoints;
  }

  #transition(event: TransitionEvent): void {
    const { id, connection: name, row, from, to, time, segment = 0 } = event;
    const rowId = ROW_IDS.get(row) ?? null;
    if (id === undefined || name.endsWith("*:*") || name.endsWith("*")) return;
    const [local, peer] = endpointsOf(name);
    const isClient = row === "open.active";
    const isServer = from === "LISTEN";
    const ours = isClient ? "client" : isServer ? "server" : guessOurs(local, peer);
    const connection = this.#byEventId.get(id) ?? (this.#isForgotten(id) ? null : this.#begin(event, ours));
    if (connection === null) return;
    const end: EndName = connection.endpoints.client === local ? "client" : "server";
    connection.addTransition(end, { state: to, from, number: segment, time, row: rowId });
  }

  #begin({ connection: name, id }: { connection: string; id?: number }, ours: EndName): ConnectionStory {
    const [local, peer] = endpointsOf(name);
    const endpoints = ours === "client" ? { client: local, server: peer } : { client: peer, server: local };
    const connection = this.story.open({ endpoints, ours });
    if (id === undefined) return connection;
    this.#byEventId.set(id, connection);
    this.#eventIds.set(connection, id);
    if (this.#byEventId.size > this.#mostIds) this.#forgetOne();
    return connection;
  }

  /** One that has been closed, else the oldest. */
  #forgetOne(): void {
    const [id] = this.#closedIds.size > 0 ? this.#closedIds : this.#byEventId.keys();
    const connection = this.#byEventId.get(id);
    this.#closedIds.delete(id);
    this.#byEventId.delete(id);
    this.#newestForgotten = Math.max(this.#newestForgotten, id);
    if (connection === undefined) return;
    this.#eventIds.delete(connection);
    this.#missed.delete(connection);
  }

  /** What our own injector took away: on the way in it was never told of as a segment, on the way out it was. */
  #fault(event: FaultEvent): void {
    const { kind, connection: name, direction, segment: number, flags, seq, ack, window, length } = event;
    if (kind !== "drop" && kind !== "corrupt") return;
    if (name === undefined || flags === undefined || seq === undefined) return;
    const [local, peer] = endpointsOf(name);
    const known = event.id === undefined ? undefined : this.#byEventId.get(event.id);
    if (direction === "send") {
      if (number !== undefined) known?.loseOnPurpose(number);
      return;
    }
    const segment: AddressedSegment = {
      number: number ?? 0,
      time: event.time,
      source: peer,
      destination: local,
      flags: flagBits(flags),
      seq,
      ack: ack ?? 0,
      length: length ?? 0,
      window: window ?? 0,
      options: {},
      fate: "lost-in",
    };
    if (known === undefined) this.story.add(segment);
    else this.story.addTo(known, { segment });
  }

  #closed({ id, reason, time }: ClosedEvent): void {
    if (id === undefined) return;
    const connection = this.#byEventId.get(id);
    if (connection === undefined) return;
    connection.closed = { reason, time };
    this.#missed.delete(connection);
    // Its last segment may be told after this.
    this.#closedIds.add(id);
  }
}

/** `LOCAL-PEER`; no address has a hyphen. */
function endpointsOf(connection: string): readonly [string, string] {
  const at = connection.indexOf("-");
  return [connection.slice(0, at), connection.slice(at + 1)];
}

function guessOurs(local: string, peer: string): EndName {
  return portOf(local) >= portOf(peer) ? "client" : "server";
}
