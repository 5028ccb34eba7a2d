/**
 * Which events a log tells: by kind (`--show`, `--hide`, `-q`, `-v`) and by connection (`--only`).
 *
 * Owns: the names of the kinds, what is told by default, and what is always told. Must not know: the form in which they
 * are told, and options' syntax.
 */
import type { ArpEvent, NdpEvent, TcpEvent } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import { type IpAddress, parseIpAddress } from "../wire/address.ts";
import type { EventExpression, Subject } from "./event_expression.ts";
import { connectionEnds } from "./connection_ends.ts";

/** The kinds that can be shown and hidden, by the names of their events. */
const EVENTS_OF_KIND = {
  segments: ["segment"],
  transitions: ["transition"],
  data: ["data"],
  retransmits: ["retransmit"],
  drops: ["drop"],
  faults: ["fault"],
  arp: ["arp"],
  ndp: ["ndp"],
  icmp: ["icmp"],
  timers: ["timer"],
  samples: ["sample"],
  notices: ["notice"],
} as const satisfies Readonly<Record<string, readonly TcpEvent["event"][]>>;

/** A kind of events. `listening`, `closed`, `application-error`, `lost` and `summary` belong to none: they are always told. */
export type LogKind = keyof typeof EVENTS_OF_KIND;

const isKind = (name: string): name is LogKind => Object.hasOwn(EVENTS_OF_KIND, name);

/** Every kind, in the order of the contract. */
export const LOG_KINDS: readonly LogKind[] = Object.keys(EVENTS_OF_KIND).filter(isKind);

/** Told only where they are asked for: there are more of them than of segments. */
const SELDOM_KINDS: ReadonlySet<LogKind> = new Set(["timers", "samples"]);

/** The kinds that are told when nothing is asked for. */
export const USUAL_KINDS: readonly LogKind[] = LOG_KINDS.filter((kind) => !SELDOM_KINDS.has(kind));

/** What a log is to tell. */
export interface EventSelection {
  /** {@link USUAL_KINDS} when absent. */
  readonly kinds?: readonly LogKind[];
  /** Events that concern a connection must fulfil it, and so must those that could, as a drop of a broken segment. */
  readonly only?: EventExpression | null;
}

/** True for events that the log is to tell. */
export type EventFilter = (event: TcpEvent) => boolean;

/** Makes the filter; it keeps the states of connections where they are asked for. */
export function eventFilter({ kinds = USUAL_KINDS, only = null }: EventSelection = {}): EventFilter {
  const hidden: readonly string[] = LOG_KINDS.filter((kind) => !kinds.includes(kind))
    .flatMap((kind) => EVENTS_OF_KIND[kind]);
  const isShown = (event: TcpEvent): boolean => {
    for (const name of hidden) if (event.event === name) return false;
    return true;
  };
  if (only === null) return isShown;
  const subjects = new Subjects(only.asksState);
  return (event) => {
    const subject = subjects.of(event);
    return isShown(event) && (subject === null || only.holds(subject));
  };
}

/** True for what a log keeps for a slow reader, whatever else is lost: how connections and the server ended. */
export function isNeverLost(event: TcpEvent): boolean {
  return event.event === "closed" || event.event === "summary";
}

/** The number of the event's connection, where it has one. */
export function connectionId(event: TcpEvent): number | undefined {
  return "id" in event ? event.id : undefined;
}

interface Ends {
  readonly localPort: number | undefined;
  readonly peerPort: number | undefined;
  readonly peer: IpAddress | null;
}

const NO_ENDS: Ends = { localPort: undefined, peerPort: undefined, peer: null };
/** Local choice: as many names as a busy server has in hand; all are forgotten when there are more. */
const MOST_NAMES = 4096;
/** Local choice: above the connections that a host may have; whoever exceeds it has its oldest states forgotten. */
const MOST_STATES = 0x40000;

/** What `--only` can ask of an event; it hears of all events, also of those that are not shown. */
class Subjects {
  readonly #keepsStates: boolean;
  readonly #ends = new Map<string, Ends>();
  readonly #states = new Map<string, TcpState>();

  constructor(keepsStates: boolean) {
    this.#keepsStates = keepsStates;
  }

  /** Null for what concerns the whole server, or the log itself. */
  of(event: TcpEvent): Subject | null {
    const name = "connection" in event ? event.connection : undefined;
    switch (event.event) {
      case "listening":
      case "summary":
      case "lost":
        return null;
      case "notice":
        if (name === undefined) return null;
    }
    const ends = name === undefined ? endsOfNeighbor(event) : this.#endsOf(name);
    return { ...ends, id: connectionId(event), states: this.#keepsStates ? this.#statesOf(event, name) : [] };
  }

  #endsOf(name: string): Ends {
    const known = this.#ends.get(name);
    if (known !== undefined) return known;
    const { local, peer } = connectionEnds(name);
    const ends = { localPort: portOf(local), peerPort: portOf(peer), peer: addressOf(peer) };
    if (this.#ends.size >= MOST_NAMES) this.#ends.clear();
    this.#ends.set(name, ends);
    return ends;
  }

  /** The state that the connection is in, where it moves the one that it leaves too, and in the end all that it was in. */
  #statesOf(event: TcpEvent, name: string | undefined): readonly TcpState[] {
    if (event.event === "segment") return [event.state];
    if (name === undefined) return [];
    if (event.event === "transition") {
      this.#keep(name, event.to);
      return [event.from, event.to];
    }
    const state = this.#states.get(name);
    if (event.event !== "closed") return state === undefined ? [] : [state];
    this.#states.delete(name);
    return event.states;
  }

  #keep(name: string, state: TcpState): void {
    if (this.#states.size >= MOST_STATES && !this.#states.has(name)) {
      for (const oldest of this.#states.keys()) {
        this.#states.delete(oldest);
        break;
      }
    }
    this.#states.set(name, state);
  }
}

/** Who has asked us or answered, or is asked or answered by us. */
export function neighborOf(event: ArpEvent | NdpEvent): string {
  if (event.direction === "recv") return event.sender;
  return event.event === "ndp" && event.kind === "advertisement" ? event.to : event.target;
}

/** Who is on the other side of what has no ports. */
function endsOfNeighbor(event: TcpEvent): Ends {
  if (event.event === "arp" || event.event === "ndp") {
    return { ...NO_ENDS, peer: parseIpAddress(neighborOf(event)) };
  }
  if (event.event === "icmp") {
    return { ...NO_ENDS, peer: parseIpAddress(event.direction === "recv" ? event.from : event.to) };
  }
  return NO_ENDS;
}

function portOf(end: string): number | undefined {
  const match = /:(\d{1,5})$/.exec(end);
  return match === null ? undefined : Number(match[1]);
}

function addressOf(end: string): IpAddress | null {
  const host = end.replace(/:\d{1,5}$/, "");
  return parseIpAddress(host.startsWith("[") ? host.slice(1, -1) : host);
}
