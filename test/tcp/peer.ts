/**
 * The other end of a connection, played by hand: it sends the segments that a test spells out, and demands those that
 * come back.
 *
 * Owns: relative sequence numbers (the SYN of either side is number 0), what has arrived and was not yet asked for.
 * Must not know: what is right; the test does.
 */
import { assert, assertEquals, fail } from "@std/assert";
import { FLAG, flagNames, TCP, type TcpSegment } from "../../src/wire/tcp.ts";
import { bytesOf } from "./app_log.ts";
import {
  bitsOf,
  type CraftedSegment,
  craftSegment,
  type OptionValues,
  type ReadPacket,
  type Route,
} from "./frame_craft.ts";
import { PEER_IP } from "./family.ts";
import { HOST_PORT } from "./wire_ends.ts";

export interface PeerOptions {
  readonly address?: Uint8Array;
  readonly port?: number;
  readonly hostPort?: number;
  /** Initial sequence number; the default lets the numbers wrap soon. */
  readonly iss?: number;
  /** Window field of what the peer sends, unless told otherwise. */
  readonly window?: number;
}

/** A segment in the peer's words; `seq` and `ack` are relative. */
export interface PeerSegment {
  /** `SYN`, `SYN ACK`, `FIN ACK`, ... */
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  /** Text, or so many bytes of the pattern (from where the sequence number says). */
  readonly data?: string | number | Uint8Array;
  /** `timestamps: null` leaves out what the peer would add by itself. */
  readonly options?: Omit<OptionValues, "timestamps"> & {
    readonly timestamps?: OptionValues["timestamps"] | null;
  };
  readonly rawOptions?: readonly number[];
  readonly urgentPointer?: number;
  readonly ecn?: number;
  readonly corrupt?: boolean;
}

/** A segment that the host sent. */
export interface Seen {
  /** Without PSH, which `psh` tells. */
  readonly flags: string;
  readonly psh: boolean;
  readonly seq: number;
  readonly ack: number;
  readonly absoluteSeq: number;
  readonly absoluteAck: number;
  /** As in the header. */
  readonly window: number;
  readonly urgentPointer: number;
  readonly data: Uint8Array;
  readonly options: OptionValues;
  /** The options as they stand in the header. */
  readonly optionBytes: Uint8Array;
  readonly packet: ReadPacket;
  readonly atUs: number;
}

/** What a segment must be; what is left out may be anything, but `data` left out means none. */
interface Expected {
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly data?: string | number | Uint8Array;
  readonly psh?: boolean;
  /** SACK blocks in relative numbers, exactly these in this order; `[]` for none. */
  readonly sack?: readonly (readonly [number, number])[];
  /** Virtual time since `peer.mark()`, microseconds, with the tolerance of `withinUs`. */
  readonly afterUs?: number;
  readonly withinUs?: number;
}

/** The wire between a peer and the host (a lab). */
export interface PeerWire {
  readonly nowUs: number;
  ingest(frame: Uint8Array): void;
  routeFrom(address: Uint8Array): Route;
  pass(us: number): void;
  expectsNoStrays(): void;
}

export class Peer {
  readonly address: Uint8Array;
  readonly port: number;
  readonly hostPort: number;
  readonly iss: number;
  window: number;
  /** Initial sequence number of the host, 0 until a SYN has shown it. */
  hostIss = 0;
  /** Next sequence number to send and to expect, relative. */
  next = 0;
  seen = 0;
  /** Add timestamps to each segment. */
  timestamps = false;
  /** Shift of the host's window field. */
  hostShift = 0;
  /** Last window of the host in bytes, and the right edge of all that it has offered. */
  hostWindow = 0;
  hostRightEdge = 0;
  /** The host's latest TSval. */
  hostTimestamp = 0;
  hostPortSeen = 0;
  readonly lab: PeerWire;
  readonly #seen: Seen[] = [];
  #offeredScale = false;
  #markUs = 0;

  constructor(lab: PeerWire, options: PeerOptions & { readonly port: number }) {
    this.lab = lab;
    this.address = options.address ?? PEER_IP;
    this.port = options.port;
    this.hostPort = options.hostPort ?? HOST_PORT;
    this.iss = options.iss ?? 0xffff_ff00;
    this.window = options.window ?? 0xffff;
  }

  /** The peer's timestamp clock: milliseconds. */
  get clock(): number {
    return (0x7fff_0000 + Math.floor(this.lab.nowUs / 1000)) >>> 0;
  }

  /** Times in `expects` count from here. */
  mark(): void {
    this.#markUs = this.lab.nowUs;
  }

  sends(segment: PeerSegment): void {
    const flags = bitsOf(segment.flags);
    const seq = segment.seq ?? this.next;
    const data = typeof segment.data === "number"
      ? bytesOf(segment.data, seq - 1)
      : bytesOf(segment.data ?? "");
    const { timestamps, ...others } = segment.options ?? {};
    const stamp = timestamps === undefined && this.timestamps
      ? { value: this.clock, echo: this.hostTimestamp }
      : timestamps ?? null;
    if ((flags & FLAG.SYN) !== 0 && others.windowScale !== undefined) this.#offeredScale = true;
    const length = data.length + ((flags & FLAG.SYN) !== 0 ? 1 : 0) + ((flags & FLAG.FIN) !== 0 ? 1 : 0);
    if ((flags & FLAG.RST) === 0) this.next = Math.max(this.next, seq + length);
    const crafted: CraftedSegment = {
      sourcePort: this.port,
      targetPort: this.hostPortSeen === 0 ? this.hostPort : this.hostPortSeen,
      flags,
      seq: (this.iss + seq) >>> 0,
      ack: (flags & FLAG.ACK) === 0 ? (segment.ack ?? 0) : (this.hostIss + (segment.ack ?? this.seen)) >>> 0,
      window: segment.window ?? this.window,
      urgentPointer: segment.urgentPointer ?? 0,
      options: { ...others, ...(stamp === null ? {} : { timestamps: stamp }) },
      ...(segment.rawOptions === undefined ? {} : { rawOptions: segment.rawOptions }),
      data,
      ecn: segment.ecn ?? 0,
      corrupt: segment.corrupt ?? false,
    };
    this.lab.ingest(craftSegment(this.lab.routeFrom(this.address), crafted));
  }

  /** The lab hands over a segment for this peer. */
  takes(segment: TcpSegment, packet: ReadPacket & { readonly atUs: number }): void {
    const isSyn = (segment.flags & FLAG.SYN) !== 0;
    if (isSyn) {
      this.hostIss = segment.seq;
      this.hostPortSeen = segment.sourcePort;
    }
    const seq = signed(segment.seq - this.hostIss);
    const ack = signed(segment.ack - this.iss);
    const length = segment.payloadLength + (isSyn ? 1 : 0) + ((segment.flags & FLAG.FIN) !== 0 ? 1 : 0);
    if ((segment.flags & FLAG.RST) === 0) {
      this.seen = Math.max(this.seen, seq + length);
      if (isSyn) this.hostShift = this.#offeredScale ? Math.max(0, segment.windowScale) : 0;
      this.hostWindow = segment.window << (isSyn ? 0 : this.hostShift);
      if ((segment.flags & FLAG.ACK) !== 0) {
        this.hostRightEdge = Math.max(this.hostRightEdge, ack + this.hostWindow);
      }
    }
    if (segment.hasTimestamps) this.hostTimestamp = segment.tsValue;
    this.#seen.push({
      flags: flagNames(segment.flags & ~FLAG.PSH).join(" "),
      psh: (segment.flags & FLAG.PSH) !== 0,
      seq,
      ack,
      absoluteSeq: segment.seq,
      absoluteAck: segment.ack,
      window: segment.window,
      urgentPointer: segment.urgentPointer,
      data: segment.buffer.slice(segment.payloadOffset, segment.payloadOffset + segment.payloadLength),
      options: optionsOf(segment),
      optionBytes: segment.buffer.slice(
        segment.payloadOffset - segment.headerLength + TCP.HEADER_BYTES,
        segment.payloadOffset,
      ),
      packet,
      atUs: packet.atUs,
    });
  }

  /** Demands the next segment, which must be exactly this. */
  expects(expected: Expected): Seen {
    const seen = this.#seen.shift();
    const wanted = JSON.stringify(expected, (key, value) => key === "data" ? String(value) : value);
    if (seen === undefined) fail(`expected ${wanted}, got silence`);
    const got = `expected ${wanted}, got ${describe(seen)}`;
    assertEquals(seen.flags, expected.flags, got);
    if (expected.seq !== undefined) assertEquals(seen.seq, expected.seq, got);
    if (expected.ack !== undefined) assertEquals(seen.ack, expected.ack, got);
    if (expected.window !== undefined) assertEquals(seen.window, expected.window, got);
    if (expected.psh !== undefined) assertEquals(seen.psh, expected.psh, got);
    const data = typeof expected.data === "number"
      ? bytesOf(expected.data, seen.seq - 1)
      : bytesOf(expected.data ?? "");
    assertEquals(seen.data.length, data.length, got);
    assertEquals(seen.data, data, got);
    if (expected.sack !== undefined) assertEquals(this.sackOf(seen), expected.sack, got);
    if (expected.afterUs !== undefined) {
      const off = Math.abs(seen.atUs - this.#markUs - expected.afterUs);
      assert(off <= (expected.withinUs ?? 2000), `${got}, after ${seen.atUs - this.#markUs} us`);
    }
    return seen;
  }

  /** Demands a segment of these flags among those that wait, and drops what is before it; returns it. */
  expectsSilence(): void {
    assertEquals(this.#seen.map(describe), [], "expected silence");
    this.lab.expectsNoStrays();
  }

  /** How many wait. */
  get waiting(): number {
    return this.#seen.length;
  }

  /** Takes all that wait. */
  takeAll(): Seen[] {
    return this.#seen.splice(0);
  }

  /** The SACK blocks of a segment in relative numbers. */
  sackOf(seen: Seen): [number, number][] {
    return (seen.options.sack ?? []).map((
      [left, right],
    ) => [signed(left - this.iss), signed(right - this.iss)]);
  }

  /** Relative numbers of the host as absolute ones, for SACK blocks that the peer sends. */
  hostBlock(left: number, right: number): [number, number] {
    return [(this.hostIss + left) >>> 0, (this.hostIss + right) >>> 0];
  }
}

function signed(difference: number): number {
  return difference | 0;
}

function optionsOf(segment: TcpSegment): OptionValues {
  const sack: [number, number][] = [];
  for (let block = 0; block < segment.sackBlockCount; block++) {
    sack.push([segment.sackBlocks[block * 2], segment.sackBlocks[block * 2 + 1]]);
  }
  return {
    ...(segment.mss < 0 ? {} : { mss: segment.mss }),
    ...(segment.windowScale < 0 ? {} : { windowScale: segment.windowScale }),
    ...(segment.sackPermitted ? { sackPermitted: true } : {}),
    ...(segment.hasTimestamps ? { timestamps: { value: segment.tsValue, echo: segment.tsEcho } } : {}),
    ...(sack.length === 0 ? {} : { sack }),
    ...(segment.fastOpen < 0 ? {} : {
      [segment.isFastOpenExperimental ? "fastOpenExperimental" : "fastOpen"]: segment.fastOpenCookie
        .slice(),
    }),
  };
}

/** A segment in one line. */
export function describe(seen: Seen): string {
  const data = seen.data.length === 0 ? "" : `, ${seen.data.length} bytes`;
  const sack = seen.options.sack === undefined ? "" : `, SACK ${JSON.stringify(seen.options.sack)}`;
  return `<${seen.flags}${
    seen.psh ? " PSH" : ""
  } seq ${seen.seq} ack ${seen.ack} win ${seen.window}${data}${sack}>`;
}
