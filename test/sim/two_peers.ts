/**
 * Two real hosts with a wire between them on which each frame waits until somebody decides its fate: what the explorer
 * moves about in.
 *
 * Owns: the actions, which of them are possible now, and what a state looks like from outside, without what two runs may
 * differ in (sequence numbers, times). Must not know: in which order actions are tried.
 */
import type { ConnectionHandler, HostConnection, HostListener } from "../../src/host/api.ts";
import { Host } from "../../src/host/host.ts";
import { emptyLinkStats, type FrameLink } from "../../src/link/link.ts";
import type { TcpState } from "../../src/tcp/state.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { readU16 } from "../../src/wire/bytes.ts";
import { ETHERNET, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { IPV6 } from "../../src/wire/ipv6.ts";
import { FLAG, flagNames, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";
import { FAMILY } from "../tcp/family.ts";
import { ThrownFaults } from "../tcp/thrown_faults.ts";

/** A peer's index. */
type Side = 0 | 1;

/** What can happen; `side` is whose call it is, who receives, or whose frame is lost on its way. */
type ActionKind =
  | "listen"
  | "connect"
  | "write"
  | "read"
  | "close"
  | "abort"
  | "deliver"
  | "lose"
  | "timeout";

/** One step, as text: `connect 0`, `deliver 1`, `timeout`. */
export type Action = `${Exclude<ActionKind, "timeout">} ${Side}` | "timeout";

/** How often the costly actions may happen on one path. */
export interface Budget {
  readonly losses: number;
  readonly timeouts: number;
  readonly aborts: number;
  /** Active opens of each peer. */
  readonly opens: readonly [number, number];
  /** Passive opens of each peer. */
  readonly listens: readonly [number, number];
  /** Octets that each peer writes, one at a time; none when absent. */
  readonly writes?: readonly [number, number];
  /** Bytes of the receive buffers (4096). */
  readonly windowBytes?: number;
}

const NAMES = ["A", "B"] as const;
const PORTS = [1000, 2000] as const;
const ADDRESSES = [FAMILY.neighbor(1), FAMILY.neighbor(2)] as const;
const MACS = [Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2)] as const;
const SIDES: readonly Side[] = [0, 1];
const LEGAL: ReadonlySet<string> = new Set(TRANSITIONS.map(({ from, to }) => `${from}>${to}`));
const ONE_OCTET = Uint8Array.of(0x2a);
const SECONDS_50 = 50_000_000;

/** A property that does not hold. */
export class PeersViolation extends Error {
  override name = "PeersViolation";
}

interface Peer {
  readonly host: Host;
  /** Frames on their way to this peer, the oldest first. */
  readonly inbox: Uint8Array[];
  readonly neighborFrames: Uint8Array[];
  listener: HostListener | null;
  listens: number;
  opens: number;
  writes: number;
  /** Initial sequence numbers of this peer's connections, in the order in which they began. */
  readonly isses: number[];
}

/** The two peers; see the head of this file. */
export class TwoPeers {
  /** A RST was lost: one side may rightly believe in a connection that the other has forgotten. */
  hasLostReset = false;
  /** Connections that were given up because nobody answered. */
  #givenUp = 0;
  readonly #budget: Budget;
  readonly #peers: readonly [Peer, Peer];
  #nowUs = 1_000_000;
  #losses = 0;
  #timeouts = 0;
  #aborts = 0;
  readonly #ip = new IpPacket();
  readonly #segment = new TcpSegment();
  /** What the observers threw. */
  readonly #thrown = new ThrownFaults();

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#peers = [this.#makePeer(0), this.#makePeer(1)];
    // Who is where is known from the start, or asked and answered within an action: neighbours are no part of this.
    for (const { host } of this.#peers) host.announce();
    this.#settleNeighbors();
    // What a host says of itself when it begins, it says a few times (MLD, router solicitations).
    while (this.#nextDeadlineUs() < Infinity) {
      this.#passTime();
      this.#settleNeighbors();
    }
  }

  /** The actions that are possible now. */
  actions(): Action[] {
    const { losses, timeouts, aborts, opens, listens, writes = [0, 0] } = this.#budget;
    const actions: Action[] = [];
    for (const side of SIDES) {
      const peer = this.#peers[side];
      const connection = this.#connection(side);
      const isIdle = connection === null && peer.listener === null;
      if (isIdle && peer.listens < listens[side]) actions.push(`listen ${side}`);
      if (connection === null && peer.opens < opens[side]) actions.push(`connect ${side}`);
      if (connection !== null && canClose(connection.state) || peer.listener !== null) {
        actions.push(`close ${side}`);
      }
      if (connection !== null && peer.writes < writes[side] && connection.writableBytes > 0) {
        actions.push(`write ${side}`);
      }
      if (connection !== null && connection.readableBytes > 0) actions.push(`read ${side}`);
      if (connection !== null && this.#aborts < aborts) actions.push(`abort ${side}`);
      if (peer.inbox.length > 0) {
        actions.push(`deliver ${side}`);
        if (this.#losses < losses) actions.push(`lose ${side}`);
      }
    }
    if (this.#timeouts < timeouts && this.#nextDeadlineUs() < Infinity) actions.push("timeout");
    return actions;
  }

  /** Does one action. Throws {@link PeersViolation} for an illegal transition, and whatever a host throws. */
  act(action: Action): void {
    const [kind, index] = action.split(" ");
    const side: Side = index === "1" ? 1 : 0;
    const peer = this.#peers[side];
    this.#nowUs += 1000;
    for (const { host } of this.#peers) host.setNow(this.#nowUs);
    switch (kind) {
      case "listen":
        peer.listens++;
        peer.listener = peer.host.listen({ port: PORTS[side], accept: () => this.#handler() });
        break;
      case "connect":
        peer.opens++;
        this.#open(side);
        break;
      case "write":
        peer.writes++;
        this.#connection(side)?.write(ONE_OCTET);
        break;
      case "read":
        this.#connection(side)?.skip(Infinity);
        break;
      case "close":
        this.#close(side);
        break;
      case "abort":
        this.#aborts++;
        this.#connection(side)?.abort();
        break;
      case "deliver":
        this.#deliver(side);
        break;
      case "lose":
        this.#losses++;
        this.#lose(side);
        break;
      case "timeout":
        this.#timeouts++;
        this.#passTime();
    }
    this.#settleNeighbors();
    this.#thrown.rethrow();
  }

  /** Nothing is on the wire, and nobody is going to send without being asked: no retransmission, no probe. */
  get isQuiet(): boolean {
    return SIDES.every((side) => {
      if (this.#peers[side].inbox.length > 0) return false;
      const timers = Object.keys(this.#connection(side)?.info().timers ?? {});
      return timers.every((timer) => timer === "time-wait" || timer === "fin-wait-2");
    });
  }

  /** The states of both, a listener's LISTEN where it has no connection. */
  states(): readonly [TcpState, TcpState] {
    return [this.#stateOf(0), this.#stateOf(1)];
  }

  /** The state without what does not matter: two paths that lead to the same text lead to the same future. */
  fingerprint(): string {
    const parts = SIDES.map((side) => {
      const peer = this.#peers[side];
      const frames = peer.inbox.map((frame) => this.#frameText(frame, side)).join(";");
      return `${this.#connectionText(side)}|${
        peer.listener === null ? "-" : "L"
      }${peer.listens}${peer.opens}${peer.writes}|${frames}`;
    });
    return `${parts.join("||")}|${this.#losses},${this.#timeouts},${this.#aborts},${this.hasLostReset}`;
  }

  /**
   * Lets everybody leave (`close`, which waits for nobody), everything arrive and all time pass; the way home that must
   * exist from everywhere. Throws when somebody is still there after `most` steps, or had to be given up though nothing was
   * lost on the way and nobody had gone without a word (by an abort, or by calling anew from the same port).
   */
  goHome(most = 1000): void {
    const { aborts, opens } = this.#budget;
    const mayGiveUp = aborts > 0 || opens[0] + opens[1] > 1;
    const givenUp = this.#givenUp;
    for (let steps = 0; steps < most; steps++) {
      for (const side of SIDES) {
        this.#connection(side)?.close();
        this.#peers[side].listener?.close();
        this.#peers[side].listener = null;
      }
      const waiting = SIDES.find((side) => this.#peers[side].inbox.length > 0);
      if (waiting !== undefined) {
        this.#deliver(waiting);
      } else if (this.#nextDeadlineUs() < Infinity) {
        this.#passTime();
      } else if (SIDES.every((side) => this.#stateOf(side) === "CLOSED")) {
        if (this.#givenUp > givenUp && !mayGiveUp) throw new PeersViolation("one of the peers gave up");
        return;
      }
      this.#settleNeighbors();
      this.#thrown.rethrow();
    }
    throw new PeersViolation(`cannot reach CLOSED: ${this.states().join(", ")} after everything was tried`);
  }

  #makePeer(side: Side): Peer {
    const inbox: Uint8Array[] = [];
    const neighborFrames: Uint8Array[] = [];
    const host = new Host({
      link: this.#link(side),
      addresses: [{ address: ADDRESSES[side], prefixLength: FAMILY.prefixLength }],
      secret: new Uint8Array(16).fill(side + 1),
      epochUs: 0,
      nowUs: this.#nowUs,
      // Small figures make long stories short: what ends after R2 or is so many times a second, ends sooner.
      tcp: {
        receiveBufferBytes: this.#budget.windowBytes ?? 4096,
        sendBufferBytes: 4096,
        r2Us: 60_000_000,
        synR2Us: 60_000_000,
        challengeAcksPerSecond: 5,
      },
      onFault: this.#thrown.hook,
    });
    const peer: Peer = {
      host,
      inbox,
      neighborFrames,
      listener: null,
      listens: 0,
      opens: 0,
      writes: 0,
      isses: [],
    };
    const lastState = new Map<string, TcpState>();
    host.observer = (event) => this.#check(event, lastState);
    return peer;
  }

  /** Frames of one peer go straight into the inbox of the other. */
  #link(side: Side): FrameLink {
    return {
      name: NAMES[side],
      mtu: 1500,
      mac: MACS[side],
      maxPacketBytes: 1500,
      isCrowded: false,
      receive: () => 0,
      send: (frame, length) => {
        const other = this.#peers[side === 0 ? 1 : 0];
        const copy = frame.slice(0, length);
        (isForNeighbors(copy) ? other.neighborFrames : other.inbox).push(copy);
      },
      flush: () => {},
      wait: () => Promise.resolve(),
      wake: () => {},
      stats: emptyLinkStats,
      close: () => {},
      [Symbol.dispose]: () => {},
    };
  }

  #settleNeighbors(): void {
    for (let found = true; found;) {
      found = false;
      for (const { host, neighborFrames } of this.#peers) {
        const frame = neighborFrames.shift();
        if (frame === undefined) continue;
        found = true;
        host.ingest(frame, frame.length, this.#nowUs);
      }
    }
  }

  #open(side: Side): void {
    const other: Side = side === 0 ? 1 : 0;
    this.#peers[side].host.connect({
      address: ADDRESSES[other],
      port: PORTS[other],
      localPort: PORTS[side],
      handler: this.#handler(),
    });
    this.#noteIss(side);
  }

  #handler(): ConnectionHandler {
    return {};
  }

  #close(side: Side): void {
    const peer = this.#peers[side];
    const connection = this.#connection(side);
    peer.host.setNow(this.#nowUs);
    if (connection !== null && canClose(connection.state)) {
      connection.closeWrite();
    } else if (peer.listener !== null) {
      peer.listener.close();
      peer.listener = null;
    }
  }

  #deliver(side: Side): void {
    const peer = this.#peers[side];
    const frame = peer.inbox.shift();
    if (frame === undefined) return;
    const isReset = this.#hasFlag(frame, FLAG.RST);
    const before = this.#peers[side === 0 ? 1 : 0].inbox.length;
    peer.host.ingest(frame, frame.length, this.#nowUs);
    this.#noteIss(side);
    const answers = this.#peers[side === 0 ? 1 : 0].inbox.slice(before);
    if (isReset && answers.some((answer) => this.#hasFlag(answer, FLAG.RST))) {
      throw new PeersViolation(`${NAMES[side]} answered a RST with a RST`);
    }
  }

  #lose(side: Side): void {
    const frame = this.#peers[side].inbox.shift();
    if (frame !== undefined && this.#hasFlag(frame, FLAG.RST)) this.hasLostReset = true;
  }

  #passTime(): void {
    // A deadline that moved to later is set anew when the old one rings: then nothing is seen to happen.
    this.#nowUs = Math.max(this.#nowUs, this.#nextDeadlineUs());
    for (const { host } of this.#peers) host.tick(this.#nowUs);
  }

  #nextDeadlineUs(): number {
    return Math.min(...this.#peers.map(({ host }) => host.nextDeadlineUs()));
  }

  #connection(side: Side): HostConnection | null {
    return this.#peers[side].host.connections()[0] ?? null;
  }

  #stateOf(side: Side): TcpState {
    return this.#connection(side)?.state ?? (this.#peers[side].listener === null ? "CLOSED" : "LISTEN");
  }

  #noteIss(side: Side): void {
    const iss = this.#connection(side)?.info().iss;
    const { isses } = this.#peers[side];
    if (iss !== undefined && !isses.includes(iss)) isses.push(iss);
  }

  #connectionText(side: Side): string {
    const connection = this.#connection(side);
    if (connection === null) return this.#stateOf(side);
    const info = connection.info();
    const other: Side = side === 0 ? 1 : 0;
    const figures = [
      this.#relative(side, info.sndUna),
      this.#relative(side, info.sndNxt),
      this.#relative(other, info.rcvNxt),
      info.backoff,
      info.sndWnd,
      info.rcvWnd,
      info.receiveQueue,
      info.sendQueue,
    ];
    // Which of the timers rings first matters, not when exactly: the order of magnitude keeps paths apart.
    const timers = Object.entries(info.timers).map(([name, us]) => `${name}${us > SECONDS_50 ? "+" : ""}`);
    return `${info.state} ${info.role} ${figures.join(",")} ${timers.sort().join(",")}`;
  }

  #frameText(frame: Uint8Array, to: Side): string {
    const segment = this.#parse(frame);
    const from: Side = to === 0 ? 1 : 0;
    const ack = (segment.flags & FLAG.ACK) !== 0 ? this.#relative(to, segment.ack) : "";
    return `${flagNames(segment.flags).join("")} ${this.#relative(from, segment.seq)} ${ack} ` +
      `${segment.payloadLength} ${segment.window}`;
  }

  /** A sequence number as an offset from the initial one of the connection of `side` to which it belongs. */
  #relative(side: Side, seq: number): string {
    const { isses } = this.#peers[side];
    for (const [index, iss] of isses.entries()) {
      const offset = (seq - iss) | 0;
      if (offset >= -1 && offset < 100) return `${index}:${offset}`;
    }
    return "?";
  }

  #parse(frame: Uint8Array): TcpSegment {
    const ip = this.#ip;
    const at = ETHERNET.HEADER_BYTES;
    parseIp(readU16(frame, ETHERNET.TYPE), frame, at, frame.length - at, ip);
    parseTcp(frame, ip.payloadOffset, ip.payloadLength, this.#segment);
    return this.#segment;
  }

  #hasFlag(frame: Uint8Array, flag: number): boolean {
    return (this.#parse(frame).flags & flag) !== 0;
  }

  /** Every change of state is one of the table, and begins where the last one ended. */
  #check(event: TcpEvent, lastState: Map<string, TcpState>): void {
    if (event.event === "closed" && event.reason === "timeout") this.#givenUp++;
    if (event.event !== "transition" || event.connection.endsWith("*:*")) return;
    const { connection, from, to } = event;
    if (!LEGAL.has(`${from}>${to}`)) throw new PeersViolation(`${from} > ${to} is in no row of the table`);
    const last = lastState.get(connection);
    // A passive open that fails goes back to LISTEN: that is the listener's, and the end of this connection.
    const isOver = last === undefined || last === "CLOSED" || last === "LISTEN";
    if (!isOver && last !== from) {
      throw new PeersViolation(`${connection} went ${from} > ${to}, but was in ${last}`);
    }
    lastState.set(connection, to);
  }
}

function canClose(state: TcpState): boolean {
  return state === "SYN_SENT" || state === "SYN_RCVD" || state === "ESTABLISHED" || state === "CLOSE_WAIT";
}

/** ARP, or a packet that carries no TCP at once: neighbour discovery, router solicitations, reports of groups. */
function isForNeighbors(frame: Uint8Array): boolean {
  const type = readU16(frame, ETHERNET.TYPE);
  if (type === ETHERTYPE.ARP) return true;
  return type === ETHERTYPE.IPV6 &&
    frame[ETHERNET.HEADER_BYTES + IPV6.NEXT_HEADER] !== IP_PROTOCOL.TCP;
}
