/**
 * The steps of one fuzzed life of a host: conversations that are nearly right, so that they get deep, and then go wrong.
 *
 * Owns: the choice of each step, by a seeded stream and by where the connections stand. Must not know: what must hold
 * afterwards (fuzz_world.ts).
 */
import type { HostConnection } from "../../src/host/api.ts";
import type { SeededRandom } from "../../src/link/seeded_random.ts";
import type { ConnectionInfo } from "../../src/tcp/info.ts";
import { parseIpAddress } from "../../src/wire/address.ts";
import { clearTcpOptions } from "../../src/wire/tcp_options.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { IPV4_FAMILY, IPV6_FAMILY } from "../tcp/family.ts";
import { FrameWriter } from "./frame_writer.ts";
import { type FuzzWorld, SERVICES, type Step, USER_CALLS } from "./fuzz_world.ts";
import { mutateBytes } from "./input_mutations.ts";

/** Hosts on the other side. */
const PEERS = [9, 10, 11] as const;
const STRANGERS_V4: readonly Uint8Array[] = [
  Uint8Array.of(10, 0, 0, 255),
  Uint8Array.of(255, 255, 255, 255),
  Uint8Array.of(127, 0, 0, 1),
  Uint8Array.of(224, 0, 0, 1),
  Uint8Array.of(0, 0, 0, 0),
  Uint8Array.of(10, 0, 0, 1),
  Uint8Array.of(192, 0, 2, 1),
];
const STRANGERS_V6: readonly Uint8Array[] = [
  "::",
  "::1",
  "ff02::1",
  "ff05::2",
  "::ffff:10.0.0.9",
  "fd00::1",
  "fe80::9",
  "2001:db8::1",
]
  .map((text) => parseIpAddress(text) ?? IPV6_FAMILY.peer);
/** Of the steps, so many are frames. */
const FRAMES = 0.86;
const PAUSES_US = [0, 1, 1000, 1000, 40_000, 200_000, 1_000_000, 3_000_000, 70_000_000, 400_000_000] as const;
const USUAL_FLAGS = [FLAG.ACK, FLAG.ACK, FLAG.ACK, FLAG.ACK | FLAG.PSH, FLAG.ACK | FLAG.PSH] as const;
const OTHER_FLAGS = [
  FLAG.FIN | FLAG.ACK,
  FLAG.FIN | FLAG.ACK,
  FLAG.RST,
  FLAG.RST | FLAG.ACK,
  FLAG.SYN,
  FLAG.SYN | FLAG.ACK,
  FLAG.ACK | FLAG.URG,
  FLAG.ACK | FLAG.ECE,
  FLAG.ACK | FLAG.CWR,
  FLAG.FIN,
  0,
] as const;
const RAW_OPTIONS: readonly (readonly number[])[] = [
  [1, 1, 1, 1],
  [2, 4, 0, 0],
  [2, 4, 0, 1],
  [3, 3, 255, 1],
  [4, 2, 1, 1],
  [5, 2, 1, 1],
  [5, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
  [8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
  [8, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
  [8, 0, 0, 0],
  [0x1e, 0, 0, 0],
  [254, 4, 0, 0],
];

export class HostInputs {
  readonly #world: FuzzWorld;
  readonly #random: SeededRandom;
  readonly #writer: FrameWriter;
  readonly #peers: readonly Uint8Array[];
  readonly #strangers: readonly Uint8Array[];
  /** Sent before, to be sent again. */
  readonly #sent: Uint8Array[] = [];
  #nextPort = 1024;
  /** SYNs that were sent: some of them had a cookie for an answer, and no connection shows where they stand. */
  readonly #opened: { port: number; service: number; seq: number; source: Uint8Array }[] = [];

  constructor(world: FuzzWorld, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
    this.#writer = new FrameWriter(world.family);
    this.#peers = PEERS.map((number) => world.family.neighbor(number));
    this.#strangers = world.family === IPV4_FAMILY ? STRANGERS_V4 : STRANGERS_V6;
  }

  /** The next step. Its bytes are good until the one after. */
  next(): Step {
    const random = this.#random;
    if (random.chance(FRAMES)) return this.#frame();
    if (random.chance(0.4)) return { kind: "pass", us: random.pick(PAUSES_US) };
    if (random.chance(0.1)) {
      const ports = { peer: random.pick(this.#peers), port: 2000 + random.below(4) };
      const how = random.chance(0.5) ? { synText: random.chance(0.3) ? 0 : random.below(3000) } : {};
      return { kind: "connect", address: ports.peer, port: ports.port, ...how };
    }
    const connection = this.#someConnection();
    if (connection === null) return { kind: "pass", us: random.pick(PAUSES_US) };
    const isGentle = random.chance(0.7);
    const call = isGentle ? random.pick(["write", "read"] as const) : random.pick(USER_CALLS);
    return { kind: "user", call, port: connection.peerPort, amount: random.below(0x4000) };
  }

  #someConnection(): HostConnection | null {
    const { live } = this.#world;
    return live.length === 0 ? null : live[this.#random.below(live.length)];
  }

  #frame(): Step {
    const random = this.#random;
    const writer = this.#writer;
    const connection = this.#someConnection();
    let length: number;
    const what = random.fraction();
    if (what < 0.02 && this.#opened.length > 0) length = this.#acknowledges();
    else if (connection === null || what < 0.07) length = this.#opens();
    else if (what < 0.90) length = this.#talks(connection);
    else length = this.#otherThanTcp(connection);
    if (this.#world.family === IPV6_FAMILY && random.chance(0.06)) length = writer.extend(length, random);
    else if (length > 60 && random.chance(0.04)) length = writer.fragment(length, random);
    if (random.chance(0.16)) {
      length = mutateBytes(writer.bytes, length, {
        random,
        from: random.chance(0.9) ? 14 : 0,
        changes: 1 + random.below(3),
      });
      if (random.chance(0.8)) writer.mend(length);
    }
    if (random.chance(0.05)) this.#sent[random.below(16)] = writer.bytes.slice(0, length);
    return { kind: "frame", bytes: writer.bytes, length };
  }

  /** A segment to a listener, from a port that has no connection yet. */
  #opens(): number {
    const random = this.#random;
    const { fields } = this.#writer;
    this.#nextPort = this.#nextPort >= 60_000 ? 1024 : this.#nextPort + 1;
    this.#writer.ecn = 0;
    fields.sourcePort = this.#nextPort;
    fields.destinationPort = random.chance(0.95) ? random.pick(SERVICES).port : random.below(0x10000);
    fields.flags = random.chance(0.9) ? FLAG.SYN : random.below(0x100);
    if (random.chance(0.1)) fields.flags |= FLAG.ECE | FLAG.CWR;
    // Numbers turn over soon, or are anywhere.
    fields.seq = random.chance(0.5) ? 0xffff_fff0 : random.uint32();
    fields.ack = random.chance(0.8) ? 0 : random.uint32();
    fields.window = random.pick([0, 1, 1000, 0xffff]);
    fields.urgentPointer = 0;
    clearTcpOptions(fields);
    if (random.chance(0.9)) fields.mss = random.pick([1460, 1460, 1460, 536, 64, 0, 0xffff]);
    if (random.chance(0.6)) fields.windowScale = random.pick([0, 2, 7, 14, 15, 255]);
    fields.sackPermitted = random.chance(0.7);
    fields.hasTimestamps = random.chance(0.7);
    fields.tsValue = this.#clock();
    const source = random.chance(0.97) ? random.pick(this.#peers) : random.pick(this.#strangers);
    const { sourcePort: port, destinationPort: service, seq } = fields;
    this.#opened[random.below(8)] = { port, service, seq, source };
    const hasText = random.chance(0.25) ? this.#asksForFastOpen(source) : random.chance(0.05);
    return this.#writer.segment(source, hasText ? random.below(2000) : 0);
  }

  /** Fast Open: a question, a good cookie, or one that is nearly that. Whether text goes with it, too. */
  #asksForFastOpen(source: Uint8Array): boolean {
    const random = this.#random;
    const { fields } = this.#writer;
    const cookie = this.#world.link.cookies.get(source[source.length - 1]);
    fields.isFastOpenExperimental = random.chance(0.2);
    if (cookie === undefined || random.chance(0.2)) {
      fields.fastOpen = 0;
      return random.chance(0.2);
    }
    fields.fastOpenCookie = cookie.slice(0, random.chance(0.95) ? cookie.length : 4);
    fields.fastOpen = fields.fastOpenCookie.length;
    if (random.chance(0.1)) fields.fastOpenCookie[random.below(4)] ^= 1;
    return random.chance(0.9);
  }

  /** The ACK of a SYN-ACK, for one of the last SYNs. */
  #acknowledges(): number {
    const random = this.#random;
    const { fields } = this.#writer;
    const { port, service, seq, source } = random.pick(this.#opened.filter((one) => one !== undefined));
    this.#writer.ecn = 0;
    clearTcpOptions(fields);
    fields.sourcePort = port;
    fields.destinationPort = service;
    fields.flags = FLAG.ACK;
    fields.seq = (seq + 1) >>> 0;
    fields.ack = (this.#world.link.synAcks[port] + (random.chance(0.9) ? 1 : random.between(0, 3))) >>> 0;
    fields.window = 0xffff;
    fields.urgentPointer = 0;
    fields.hasTimestamps = random.chance(0.5);
    fields.tsValue = this.#clock();
    fields.tsEcho = this.#world.link.timestamps[port];
    return this.#writer.segment(source, random.chance(0.5) ? 0 : random.below(100));
  }

  /** A segment of a connection, right or nearly so. */
  #talks(connection: HostConnection): number {
    const random = this.#random;
    const info = connection.info();
    const { fields } = this.#writer;
    fields.sourcePort = connection.peerPort;
    fields.destinationPort = connection.localPort;
    const isHonest = random.chance(0.45);
    fields.flags = isHonest || random.chance(0.5) ? random.pick(USUAL_FLAGS) : random.pick(OTHER_FLAGS);
    if (!isHonest && random.chance(0.08)) fields.flags = random.below(0x100);
    // In a simultaneous open the SYN-ACK comes when the SYN has come already.
    const isCrossed = info.state === "SYN_RCVD" && random.chance(0.1);
    if (isCrossed) fields.flags = FLAG.SYN | FLAG.ACK;
    fields.seq = isCrossed ? info.irs : isHonest ? info.rcvNxt : this.#sequence(info);
    fields.ack = isHonest ? info.sndNxt : this.#acknowledgment(info);
    fields.window = isHonest
      ? random.pick([1000, 0xffff])
      : random.pick([0, 1, 2, 536, 0xffff, random.below(0x10000)]);
    fields.urgentPointer = isHonest ? 0 : random.pick([0, 1, 0xffff, random.below(0x10000)]);
    this.#writer.ecn = info.ecn && random.chance(0.2) ? random.below(4) : 0;
    clearTcpOptions(fields);
    if (info.state === "SYN_SENT" && random.chance(0.6)) this.#answersSyn(info);
    if (info.timestamps && (isHonest || random.chance(0.9))) {
      fields.hasTimestamps = true;
      fields.tsValue = isHonest || random.chance(0.9) ? this.#clock() : random.uint32();
      fields.tsEcho = this.#world.link.timestamps[connection.peerPort];
      if (!isHonest && random.chance(0.1)) fields.tsEcho = random.uint32();
    }
    if (info.sackPermitted && random.chance(isHonest ? 0.1 : 0.35)) this.#sacks(info);
    const raw = !isHonest && random.chance(0.05) ? random.pick(RAW_OPTIONS) : null;
    const source = isHonest || random.chance(0.99) ? connection.peerAddress : random.pick(this.#strangers);
    return this.#writer.segment(source, this.#dataBytes(info), raw);
  }

  #answersSyn(info: ConnectionInfo): void {
    const random = this.#random;
    const { fields } = this.#writer;
    fields.flags = random.chance(0.8) ? FLAG.SYN | FLAG.ACK : FLAG.SYN;
    fields.seq = random.chance(0.5) ? 0xffff_fff0 : random.uint32();
    if (random.chance(0.9)) fields.ack = info.sndNxt;
    if (random.chance(0.2)) fields.ack = (info.sndUna + 1) >>> 0;
    fields.mss = 1460;
    if (random.chance(0.5)) {
      fields.fastOpen = random.pick([8, 8, 8, 4, 16, 0]);
      fields.fastOpenCookie = new Uint8Array(fields.fastOpen).fill(7);
      fields.isFastOpenExperimental = random.chance(0.1);
    }
    fields.windowScale = random.pick([-1, 0, 7, 14]);
    fields.sackPermitted = random.chance(0.8);
    fields.hasTimestamps = random.chance(0.8);
    fields.tsValue = this.#clock();
  }

  #sequence(info: ConnectionInfo): number {
    const random = this.#random;
    const { rcvNxt, rcvWnd } = info;
    switch (random.below(12)) {
      case 0:
        return (rcvNxt + random.between(-3, 3)) >>> 0;
      case 1:
        return (rcvNxt + rcvWnd + random.between(-2, 2)) >>> 0;
      case 2:
      case 3:
        return (rcvNxt + random.below(rcvWnd + 1)) >>> 0;
      case 4:
        return (rcvNxt - random.below(3000)) >>> 0;
      case 5:
        return (rcvNxt + 0x8000_0000 + random.between(-2, 2)) >>> 0;
      case 6:
        return random.uint32();
      case 7:
        return (rcvNxt + 1460 * random.between(1, 8)) >>> 0;
      default:
        return rcvNxt;
    }
  }

  #acknowledgment(info: ConnectionInfo): number {
    const random = this.#random;
    const { sndUna, sndNxt } = info;
    const outstanding = (sndNxt - sndUna) >>> 0;
    switch (random.below(10)) {
      case 0:
        return (sndUna + random.between(-2, 2)) >>> 0;
      case 1:
        return (sndNxt + random.between(-2, 2)) >>> 0;
      case 2:
      case 3:
        return (sndUna + random.below(outstanding + 1)) >>> 0;
      case 4:
        return (sndUna - random.below(0x2_0000)) >>> 0;
      case 5:
        return random.pick([random.uint32(), (sndUna + 0x8000_0000) >>> 0]);
      case 6:
      case 7:
        return sndUna;
      default:
        return sndNxt;
    }
  }

  /** Blocks in what is in flight, and sometimes beyond, upside down, or of nothing. */
  #sacks(info: ConnectionInfo): void {
    const random = this.#random;
    const { fields } = this.#writer;
    const outstanding = (info.sndNxt - info.sndUna) >>> 0;
    const count = 1 + random.below(fields.hasTimestamps ? 3 : 4);
    for (let block = 0; block < count; block++) {
      const left = (info.sndUna + random.below(outstanding + 1) +
        (random.chance(0.1) ? random.between(-3000, 3000) : 0)) >>> 0;
      const size = random.chance(0.9) ? random.below(Math.max(1, outstanding)) + 1 : random.uint32();
      fields.sackBlocks[2 * block] = left;
      fields.sackBlocks[2 * block + 1] = (left + size) >>> 0;
    }
    fields.sackBlockCount = count;
  }

  #dataBytes(info: ConnectionInfo): number {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        return 1 + random.below(100);
      case 3:
        return 1;
      case 4:
        return 1460;
      case 5:
        return random.below(3000);
      case 6:
        return random.chance(0.2) ? info.rcvWnd + random.between(-1, 1) & 0x3fff : 0;
      default:
        return 0;
    }
  }

  #otherThanTcp(connection: HostConnection): number {
    const random = this.#random;
    const writer = this.#writer;
    const source = random.chance(0.9) ? connection.peerAddress : random.pick(this.#strangers);
    // IPv6 has more that is neither a segment nor about one.
    switch (random.below(this.#world.family === IPV4_FAMILY ? 6 : 10)) {
      case 0:
      case 6:
      case 7:
      case 8:
        return this.#neighbors(source);
      case 1:
        return writer.echo(source, random.pick([0, 8, 56, 1472, random.below(3000)]));
      case 2: {
        const kept = this.#world.link.kept.filter((frame) => frame !== undefined);
        if (kept.length === 0) return writer.echo(source, 56);
        const length = writer.copy(random.pick(kept));
        // What we sent comes back, as from a mirror: to us, or as it was.
        if (random.chance(0.8)) writer.bytes.copyWithin(0, 6, 12);
        return length;
      }
      case 3: {
        const sent = this.#sent.filter((frame) => frame !== undefined);
        return sent.length === 0 ? this.#neighbors(source) : writer.copy(random.pick(sent));
      }
      default:
        return this.#icmpError(connection, source);
    }
  }

  #neighbors(source: Uint8Array): number {
    return this.#world.family === IPV4_FAMILY
      ? this.#writer.arp(source, this.#random)
      : this.#writer.neighborMessage(source, this.#random);
  }

  #icmpError(connection: HostConnection, source: Uint8Array): number {
    const random = this.#random;
    const info = connection.info();
    const outstanding = (info.sndNxt - info.sndUna) >>> 0;
    const seq = random.chance(0.8) ? (info.sndUna + random.below(outstanding + 1)) >>> 0 : random.uint32();
    const isTooBig = random.chance(0.5);
    const rest = random.pick([0, 1, 67, 68, 296, 576, 1006, 1279, 1280, 1492, 1500, 0xffff]);
    const isV4 = this.#world.family === IPV4_FAMILY;
    const tooBig = isV4 ? { type: 3, code: 4, rest } : { type: 2, code: 0, rest };
    const types = isV4 ? [3, 4, 5, 11, 12] : [1, 2, 3, 4, 100];
    const error = isTooBig
      ? tooBig
      : { type: random.pick(types), code: random.below(16), rest: random.uint32() };
    const { peerAddress: peer, localPort, peerPort } = connection;
    return this.#writer.icmpError(source, { peer, localPort, peerPort, seq }, error);
  }

  /** The peers' timestamp clock, milliseconds. */
  #clock(): number {
    return (0x7fff_0000 + Math.floor(this.#world.nowUs / 1000)) >>> 0;
  }
}
