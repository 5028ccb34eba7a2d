/**
 * One host with real applications under fire, on a virtual clock: the steps that can be taken, and what must hold after each.
 *
 * Owns: the host, its small bounds, the list of its live connections, and the invariants. Must not know: where the steps
 * come from (host_inputs.ts makes them, fuzz_findings.ts keeps some).
 */
import { assert } from "@std/assert";
import { demand } from "./demand.ts";
import { findApplication } from "../../src/app/applications.ts";
import type { ConnectionHandler, HostConnection } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import type { ConnectionInfo } from "../../src/tcp/info.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { beginFar } from "../tcp/begin_far.ts";
import { type Family, IPV4_FAMILY, IPV6_FAMILY } from "../tcp/family.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";
import { WatchedLink } from "./watched_link.ts";

/** The applications of the world, each on its port. */
export const SERVICES = [
  { port: 7001, app: "echo" },
  { port: 7002, app: "discard" },
  { port: 7003, app: "chargen" },
  { port: 7004, app: "close" },
  { port: 7005, app: "hold" },
  { port: 7006, app: "daytime" },
] as const;

/** What a user may do to a connection. */
export const USER_CALLS = [
  "write",
  "read",
  "closeWrite",
  "close",
  "closeAndDrain",
  "abort",
  "keepAlive",
  "urgent",
] as const;
export type UserCall = typeof USER_CALLS[number];

/** One step, as it can be kept and taken again. */
export type Step =
  | { readonly kind: "frame"; readonly bytes: Uint8Array; readonly length: number }
  | { readonly kind: "pass"; readonly us: number }
  | { readonly kind: "user"; readonly call: UserCall; readonly port: number; readonly amount: number }
  | {
    readonly kind: "connect";
    readonly address: Uint8Array;
    readonly port: number;
    /** Octets for the SYN of a Fast Open (RFC 7413), of which 0 ask for a cookie; absent: an ordinary one. */
    readonly synText?: number;
  };

/** How a world is set; everything else is the same in all. */
export interface WorldOptions {
  readonly tcp: Partial<TcpConfig>;
  readonly checksumPolicy: "partial" | "strict" | "ignore";
  /** Half-open connections of a listener at most; with few, SYN cookies are sent. */
  readonly backlog: number;
  /** Somebody reads the events, which are then looked at too. */
  readonly isObserved: boolean;
  /** Over which version of IP; 4 when absent, as in what was kept before there was another. */
  readonly ip?: 4 | 6;
  /** Fast Opens that may be pending at a listener; none when absent, as in what was kept before there were any. */
  readonly fastOpen?: number;
}

/** Bounds of a world: small, so that they are reached. */
export const WORLD_BOUNDS = { connections: 24, timeWait: 8, bufferBytes: 16_384 } as const;
/** An opening window lets go what the buffer holds, in the smallest segments that a peer may ask for. */
const MOST_ANSWERS = 400;
/** To a segment that belongs to no connection of ours. */
const MOST_ANSWERS_TO_STRANGERS = 1;
const SETTLE_ROUNDS = 1000;
const KNOWN_CHANGES = new Set(TRANSITIONS.map(({ from, to, cause }) => `${from}>${to} by ${cause}`));

export class FuzzWorld {
  readonly family: Family;
  readonly host: Host;
  readonly link: WatchedLink;
  /** Connections that live, TIME_WAIT included. */
  readonly live: HostConnection[] = [];
  nowUs = SECOND_US;
  readonly #edges = new WeakMap<HostConnection, number>();
  #fault: unknown = null;
  #accepted = 0;

  constructor(options: WorldOptions, onRule: ((rule: string) => void) | null = null) {
    const family = options.ip === 6 ? IPV6_FAMILY : IPV4_FAMILY;
    this.family = family;
    this.link = new WatchedLink(1500, family);
    this.host = new Host({
      link: this.link,
      addresses: [{ address: family.host, prefixLength: family.prefixLength }],
      secret: Uint8Array.from({ length: 16 }, (_, i) => i * 7 + 3),
      epochUs: 1_700_000_000 * SECOND_US,
      nowUs: this.nowUs,
      maxConnections: WORLD_BOUNDS.connections,
      maxTimeWait: WORLD_BOUNDS.timeWait,
      checksumPolicy: options.checksumPolicy,
      tcp: {
        receiveBufferBytes: WORLD_BOUNDS.bufferBytes,
        sendBufferBytes: WORLD_BOUNDS.bufferBytes,
        ...options.tcp,
      },
      onFault: (error) => this.#fault ??= error,
    });
    if (options.isObserved) this.host.observer = (event) => this.#look(event);
    this.host.onRule = onRule;
    for (const { port, app } of SERVICES) {
      const create = findApplication(app)?.create({ nowEpochUs: () => this.nowUs });
      if (create === undefined) throw new Error(`There is no application ${app}`);
      this.host.listen({
        port,
        backlog: options.backlog,
        fastOpen: options.fastOpen ?? 0,
        accept: (connection) => this.#takes(connection, create(connection)),
      });
    }
  }

  /** Takes a step, and checks everything that must hold afterwards; gives how many frames left the host. */
  take(step: Step): number {
    this.link.beginStep(step.kind === "frame" ? step : null);
    const accepted = this.#accepted;
    const { segmentFrom } = this.link;
    const isStranger = segmentFrom >= 0 && !this.live.some(({ peerPort }) => peerPort === segmentFrom);
    switch (step.kind) {
      case "frame":
        this.host.ingest(step.bytes, step.length, this.nowUs);
        break;
      case "pass":
        this.#pass(step.us);
        break;
      case "user":
        this.host.setNow(this.nowUs);
        this.#call(step);
        break;
      case "connect":
        this.host.setNow(this.nowUs);
        this.#connect(step);
    }
    const answers = this.link.sentInStep;
    this.#settle();
    if (this.#fault !== null) throw this.#fault;
    this.#prune();
    if (step.kind === "frame") {
      demand(answers <= MOST_ANSWERS, () => `${answers} answers to one frame`);
      // Who brings a cookie back is one no longer.
      if (isStranger && this.#accepted === accepted) {
        demand(answers <= MOST_ANSWERS_TO_STRANGERS, () => `${answers} answers to a stranger`);
      }
    }
    return answers;
  }

  /** What must hold of one connection. */
  check(connection: HostConnection): ConnectionInfo {
    const info = connection.info();
    const outstanding = (info.sndNxt - info.sndUna) | 0;
    const told = () => JSON.stringify(info);
    demand(outstanding >= 0 && outstanding <= info.sendQueue + 2, () => `SND.UNA and SND.NXT: ${told()}`);
    demand(
      info.receiveQueue + info.outOfOrderBytes <= WORLD_BOUNDS.bufferBytes,
      () => `the receive buffer: ${told()}`,
    );
    demand(
      info.sendQueue <= WORLD_BOUNDS.bufferBytes && info.unsent >= 0 && info.unsent <= info.sendQueue,
      () => `the send buffer: ${told()}`,
    );
    demand(
      info.sndWnd >= 0 && info.rcvWnd >= 0 && info.rcvWnd <= WORLD_BOUNDS.bufferBytes,
      () => `windows: ${told()}`,
    );
    demand(
      info.rtoUs > 0 && Number.isFinite(info.rtoUs) && info.srttUs >= 0 && info.rttvarUs >= 0,
      () => `times: ${told()}`,
    );
    demand(
      info.sendMss > 0 && info.cwnd >= 0 && Number.isFinite(info.cwnd) && info.ssthresh >= 0,
      () => `congestion: ${told()}`,
    );
    for (const part of [info.sackedBytes, info.lostBytes, info.resentBytes, info.inFlight]) {
      demand(part >= 0 && part <= Math.max(0, outstanding) * 2 + 2, () => `the scoreboard: ${told()}`);
    }
    for (const [name, us] of Object.entries(info.timers)) {
      demand(!Number.isNaN(us), () => `timer ${name}: ${told()}`);
    }
    this.#checkLiveness(info, outstanding);
    this.#checkEdge(connection, info);
    return info;
  }

  /** At the end everything can be ended, and nothing is left: no connection, no deadline. */
  end(): void {
    this.link.beginStep(null);
    for (const connection of [...this.live]) {
      this.host.setNow(this.nowUs);
      connection.abort();
    }
    this.#settle();
    this.#pass(900 * SECOND_US);
    // A router's word may hold for 2^32 seconds (RFC 4861 §4.6.2).
    if (this.family === IPV6_FAMILY) this.#pass(2 ** 32 * SECOND_US);
    const left = this.host.connections().map(({ name, state }) => `${name} ${state}`);
    demand(left.length === 0, () => `connections that outlive their end: ${left.join(", ")}`);
    assert(this.host.nextDeadlineUs() === Infinity, "a deadline with nothing left to wait for");
  }

  #takes(connection: HostConnection, handler: ConnectionHandler): ConnectionHandler {
    this.#accepted++;
    this.live.push(connection);
    beginFarWhenOpen(handler);
    return handler;
  }

  #connect({ address, port, synText }: { address: Uint8Array; port: number; synText?: number }): void {
    if (this.host.connections().length >= WORLD_BOUNDS.connections) return;
    const create = findApplication(port % 2 === 0 ? "echo" : "discard")?.create({
      nowEpochUs: () => this.nowUs,
    });
    const fastOpen = synText === undefined
      ? {}
      : { fastOpen: { data: new Uint8Array(synText), withoutCookie: synText % 8 === 7 } };
    const connection = this.host.connect({ address, port, handler: {}, ...fastOpen });
    if (create !== undefined) connection.handler = create(connection);
    beginFarWhenOpen(connection.handler);
    this.live.push(connection);
  }

  #call({ call, port, amount }: { call: UserCall; port: number; amount: number }): void {
    const connection = this.live.find(({ peerPort }) => peerPort === port);
    if (connection === undefined) return;
    const bytes = new Uint8Array(amount & 0x3fff).fill(0x61);
    switch (call) {
      case "write":
        if (connection.writableBytes > 0) connection.write(bytes);
        break;
      case "read":
        connection.read(bytes);
        break;
      case "keepAlive":
        connection.setKeepAlive(amount % 2 === 0, 10 * SECOND_US, SECOND_US);
        break;
      case "urgent":
        if (connection.writableBytes > 0) connection.markUrgent();
        break;
      default:
        connection[call]();
    }
  }

  /** Lets time go by from deadline to deadline, but not through more of them than a long pause can have. */
  #pass(us: number): void {
    const until = this.nowUs + us;
    for (let rounds = 0; this.host.nextDeadlineUs() <= until; rounds++) {
      assert(rounds < 100_000, "deadlines that never end");
      this.nowUs = Math.max(this.nowUs, this.host.nextDeadlineUs());
      this.host.tick(this.nowUs);
    }
    this.nowUs = until;
    this.host.tick(until);
  }

  #settle(): void {
    for (let rounds = 0; this.host.nextDeadlineUs() <= this.nowUs; rounds++) {
      assert(rounds < SETTLE_ROUNDS, "a deadline that never passes");
      this.host.tick(this.nowUs);
    }
  }

  #prune(): void {
    for (let index = this.live.length - 1; index >= 0; index--) {
      if (this.live[index].ended !== null) this.live.splice(index, 1);
    }
    demand(this.live.length <= WORLD_BOUNDS.connections, () => `${this.live.length} connections`);
  }

  /** What waits for the other side has a deadline, else a lost segment would be the end of it. */
  #checkLiveness(info: ConnectionInfo, outstanding: number): void {
    if (info.state === "CLOSED" || info.state === "TIME_WAIT") return;
    const isWaiting = outstanding > 0 ||
      (info.unsent > 0 && info.state !== "SYN_SENT" && info.state !== "SYN_RCVD");
    if (!isWaiting) return;
    const timers = Object.keys(info.timers).filter((name) => name !== "delayed-ack" && name !== "keepalive");
    demand(timers.length > 0, () => `nothing would ever be sent again: ${JSON.stringify(info)}`);
  }

  /** A window that was offered is not taken back (RFC 9293 §3.8.6.2.2, SHLD-14). */
  #checkEdge(connection: HostConnection, info: ConnectionInfo): void {
    if (info.state === "SYN_SENT" || info.state === "SYN_RCVD") return;
    const edge = (info.rcvNxt + info.rcvWnd) >>> 0;
    const before = this.#edges.get(connection);
    this.#edges.set(connection, edge);
    if (before === undefined) return;
    // After the FIN there is nothing to offer.
    if (info.states.some((state) => state === "CLOSE_WAIT" || state === "CLOSING" || state === "TIME_WAIT")) {
      return;
    }
    // Scaled windows are rounded.
    const grain = 1 << info.receiveWindowShift;
    demand(
      ((edge - before) | 0) > -grain - 1,
      () => `the window's edge goes back by ${before - edge}: ${JSON.stringify(info)}`,
    );
  }

  #look(event: TcpEvent): void {
    JSON.stringify(event);
    if (event.event !== "transition") return;
    const change = `${event.from}>${event.to} by ${event.cause}`;
    if (!KNOWN_CHANGES.has(change)) this.#fault ??= new Error(`${change} is no row of the table`);
  }
}

const WILL_BEGIN_FAR = new WeakSet<ConnectionHandler>();

/** A stream of `deno task test:far` has carried gigabytes when it opens. */
function beginFarWhenOpen(handler: ConnectionHandler): void {
  // One handler may serve all connections of an application, in all worlds.
  if (WILL_BEGIN_FAR.has(handler)) return;
  WILL_BEGIN_FAR.add(handler);
  const onOpen = handler.onOpen?.bind(handler);
  handler.onOpen = (connection) => {
    beginFar(connection);
    onOpen?.(connection);
  };
}
