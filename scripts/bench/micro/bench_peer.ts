/**
 * A peer that hands prepared frames to a host: what a micro-benchmark calls instead of a device.
 *
 * Owns: writing those frames. Must not know: what the host does with them, except for the sequence numbers of its
 * answers.
 */
import { Host } from "../../../src/host/host.ts";
import type { ListenOptions } from "../../../src/host/api.ts";
import type { Observer } from "../../../src/tcp/events.ts";
import { emptyLinkStats, type FrameLink } from "../../../src/link/link.ts";
import { readU32, writeU16 } from "../../../src/wire/bytes.ts";
import { emitEthernet, ETHERNET } from "../../../src/wire/ethernet.ts";
import {
  addressSum,
  emitIp,
  etherTypeOf,
  IP_PROTOCOL,
  ipHeaderBytes,
  pseudoSum,
} from "../../../src/wire/ip.ts";
import { IPV4 } from "../../../src/wire/ipv4.ts";
import { IPV6 } from "../../../src/wire/ipv6.ts";
import { sumKernel } from "../../../src/wire/sum_kernel.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../../../src/wire/tcp.ts";

/** The versions of IP that carry a benchmark's segments. */
export type Family = 4 | 6;

/** Both, the one that all are measured against first. */
export const FAMILIES: readonly Family[] = [4, 6];

/** What runs on the connections, and how many there are. */
interface BenchPeerOptions {
  readonly accept: ListenOptions["accept"];
  readonly connections: number;
  /** What carries the segments; 4 when absent. */
  readonly family?: Family;
  /** Told of every event; nobody by default. */
  readonly observer?: Observer;
}

const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
/** Who speaks with whom, by family. */
export const ENDS = {
  4: {
    host: Uint8Array.of(10, 33, 0, 3),
    peer: Uint8Array.of(10, 33, 0, 2),
    prefixLength: 8,
  },
  6: {
    host: Uint8Array.of(0xfd, 0x33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3),
    peer: Uint8Array.of(0xfd, 0x33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
    prefixLength: 64,
  },
} as const;
/** Payload of a segment that fills a packet of 1500 bytes, of one with timestamps. */
export const FULL_SEGMENT = { 4: 1448, 6: 1428 } as const;
/**
 * Where frames lie, as those of a device do (ring_reader.ts): in memory whose sums need no copy. All peers of a family share one, because
 * there is little of it; what lies behind the headers is zero.
 */
const frames: Readonly<Record<Family, Uint8Array>> = { 4: frameMemory(), 6: frameMemory() };

function frameMemory(): Uint8Array {
  const memory = sumKernel().lend();
  if (memory === null) throw new Error("all memory of the sum kernel is lent");
  return memory.fill(0);
}

const PORT = 5000;
const FIRST_PEER_PORT = 10_000;
/** Local choice: as far apart as frames of a busy server are. */
const STEP_US = 3;

/** A link that keeps only the headers of the last segment that was sent; what is no TCP (NDP, MLD) is nothing to it. */
export class LastFrameLink implements FrameLink {
  readonly name = "bench";
  readonly mtu = 1500;
  readonly mac = HOST_MAC;
  readonly maxPacketBytes = 1500;
  readonly isCrowded = false;
  readonly last = new Uint8Array(0x10000);
  lastLength = 0;
  sent = 0;
  /** Where the TCP header is, in frames with addresses of `addressBytes` bytes. */
  readonly tcpOffset: number;
  readonly #protocolOffset: number;

  constructor(addressBytes: number) {
    this.tcpOffset = ETHERNET.HEADER_BYTES + ipHeaderBytes(addressBytes);
    const isIpv4 = addressBytes === IPV4.ADDRESS_BYTES;
    this.#protocolOffset = ETHERNET.HEADER_BYTES + (isIpv4 ? IPV4.PROTOCOL : IPV6.NEXT_HEADER);
  }

  receive(): number {
    return 0;
  }
  send(frame: Uint8Array, length: number): void {
    if (frame[this.#protocolOffset] !== IP_PROTOCOL.TCP) return;
    // What a device costs is another benchmark's; the header is enough to go on with.
    const end = this.tcpOffset + TCP.HEADER_BYTES;
    for (let i = 0; i < end; i++) this.last[i] = frame[i];
    this.lastLength = length;
    this.sent += length;
  }
  flush(): void {}
  wait(): Promise<void> {
    return Promise.resolve();
  }
  wake(): void {}
  stats(): ReturnType<typeof emptyLinkStats> {
    return emptyLinkStats();
  }
  close(): void {}
  [Symbol.dispose](): void {}
}

/** Peers of one host, one connection each; the host is driven by hand. */
export class BenchPeer {
  readonly #link: LastFrameLink;
  readonly #host: Host;
  readonly #tcpOffset: number;
  readonly #frame: Uint8Array;
  readonly #segment = new TcpSegment();
  /** Filled anew for each frame, so that what is measured is not what the peer leaves behind. */
  readonly #ip;
  readonly #ethernet;
  /** By connection: what we send next, what we expect next. */
  readonly #sndNxt: Uint32Array;
  readonly #rcvNxt: Uint32Array;
  #current = 0;
  #nowUs = 0;
  #segmentsSent = 0;

  constructor({ accept, connections, family = 4, observer }: BenchPeerOptions) {
    const { host, peer, prefixLength } = ENDS[family];
    this.#frame = frames[family];
    this.#link = new LastFrameLink(host.length);
    this.#tcpOffset = this.#link.tcpOffset;
    this.#ethernet = { destination: HOST_MAC, source: PEER_MAC, type: etherTypeOf(host.length) };
    this.#ip = {
      source: peer,
      destination: host,
      addressSum: addressSum(peer, host),
      protocol: IP_PROTOCOL.TCP,
      payloadLength: 0,
      hopLimit: 64,
      id: 1,
    };
    this.#host = new Host({
      link: this.#link,
      addresses: [{ address: host, prefixLength }],
      secret: new Uint8Array(16),
      epochUs: 0,
      maxConnections: connections + 1000,
    });
    this.#host.observer = observer ?? null;
    this.#host.listen({ port: PORT, accept, backlog: 1024 });
    this.#sndNxt = new Uint32Array(connections + 1).fill(1000);
    this.#rcvNxt = new Uint32Array(connections + 1);
    for (this.#current = 0; this.#current < connections; this.#current++) this.#open();
    this.#current = 0;
  }

  /** What is sent from now on belongs to the next connection. */
  nextConnection(): void {
    this.#current = (this.#current + 1) % (this.#sndNxt.length - 1);
  }

  /** One segment of data in order. */
  sendData(bytes: number): void {
    this.#send(FLAG.ACK | FLAG.PSH, bytes);
    this.#sndNxt[this.#current] += bytes;
  }

  /** Acknowledges what the host sent last. */
  acknowledge(): void {
    const { last, lastLength } = this.#link;
    const headerBytes = (last[this.#tcpOffset + TCP.DATA_OFFSET] & 0xf0) >>> 2;
    this.#rcvNxt[this.#current] = this.#lastSequence() + lastLength - this.#tcpOffset - headerBytes;
    this.#send(FLAG.ACK, 0);
  }

  /** A connection of its own, from SYN to the last ACK. */
  openAndClose(): void {
    const before = this.#current;
    this.#current = this.#sndNxt.length - 1;
    this.#open();
    this.#send(FLAG.FIN | FLAG.ACK, 0);
    this.#sndNxt[this.#current] += 1;
    // The host's FIN.
    this.#rcvNxt[this.#current] += 1;
    this.#send(FLAG.ACK, 0);
    this.#current = before;
  }

  #open(): void {
    this.#send(FLAG.SYN, 0);
    this.#sndNxt[this.#current] += 1;
    this.#rcvNxt[this.#current] = this.#lastSequence() + 1;
    this.#send(FLAG.ACK, 0);
  }

  #lastSequence(): number {
    return readU32(this.#link.last, this.#tcpOffset + TCP.SEQUENCE);
  }

  /** Everything that {@link BenchPeer.sendData} does by itself, without the host: to be subtracted. */
  rehearse(bytes: number): void {
    this.#write(FLAG.ACK | FLAG.PSH, bytes);
    this.#sndNxt[this.#current] += bytes;
  }

  /** Throws an Error unless the host took every segment that was sent: what is dropped costs less. */
  checkTaken(): void {
    const counters = this.#host.counters();
    const taken = counters["segments-in"];
    if (taken !== this.#segmentsSent) {
      throw new Error(
        `Of ${this.#segmentsSent} segments the host took ${taken}: ${JSON.stringify(counters)}`,
      );
    }
  }

  #send(flags: number, payloadLength: number): void {
    this.#segmentsSent++;
    const length = this.#write(flags, payloadLength);
    this.#nowUs += STEP_US;
    this.#host.ingest(this.#frame, length, this.#nowUs);
    // Options of a SYN lie where payload is afterwards.
    if ((flags & FLAG.SYN) !== 0) this.#frame.fill(0, this.#tcpOffset, length);
    if (this.#host.nextDeadlineUs() <= this.#nowUs) this.#host.tick(this.#nowUs);
  }

  /** Writes a frame; the payload is all zero, so that the header alone makes the checksum. Returns the length. */
  #write(flags: number, payloadLength: number): number {
    const frame = this.#frame;
    const segment = this.#segment;
    const isSyn = (flags & FLAG.SYN) !== 0;
    segment.sourcePort = FIRST_PEER_PORT + this.#current;
    segment.destinationPort = PORT;
    segment.seq = this.#sndNxt[this.#current];
    segment.ack = isSyn ? 0 : this.#rcvNxt[this.#current];
    segment.flags = flags;
    segment.window = 0xffff;
    segment.mss = isSyn ? 1460 : -1;
    segment.windowScale = isSyn ? 7 : -1;
    emitEthernet(frame, this.#ethernet);
    const tcpOffset = this.#tcpOffset;
    const header = emitTcp(frame, tcpOffset, segment);
    const length = header + payloadLength;
    this.#ip.payloadLength = length;
    emitIp(frame, ETHERNET.HEADER_BYTES, this.#ip);
    const pseudo = pseudoSum(this.#ip.addressSum, IP_PROTOCOL.TCP, length);
    writeU16(frame, tcpOffset + TCP.CHECKSUM, tcpChecksum(frame, tcpOffset, header, pseudo));
    return tcpOffset + length;
  }
}
