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
import { readU16, readU32, writeU16 } from "../../../src/wire/bytes.ts";
import { pseudoHeaderSum } from "../../../src/wire/checksum.ts";
import { emitEthernet, ETHERNET, ETHERTYPE } from "../../../src/wire/ethernet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../../src/wire/ipv4.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../../../src/wire/tcp.ts";

/** What runs on the connections, and how many there are. */
interface BenchPeerOptions {
  readonly accept: ListenOptions["accept"];
  readonly connections: number;
  /** Told of every event; nobody by default. */
  readonly observer?: Observer;
}

const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
const HOST_ADDRESS = Uint8Array.of(10, 33, 0, 3);
const PEER_ADDRESS = Uint8Array.of(10, 33, 0, 2);
const ETHERNET_FIELDS = { destination: HOST_MAC, source: PEER_MAC, type: ETHERTYPE.IPV4 };
const PORT = 5000;
const FIRST_PEER_PORT = 10_000;
const TCP_OFFSET = ETHERNET.HEADER_BYTES + IPV4.HEADER_BYTES;
const SEQUENCE_OFFSET = TCP_OFFSET + TCP.SEQUENCE;
/** Local choice: as far apart as frames of a busy server are. */
const STEP_US = 3;

/** A link that keeps only the last frame that was sent. */
export class LastFrameLink implements FrameLink {
  readonly name = "bench";
  readonly mtu = 1500;
  readonly mac = HOST_MAC;
  readonly maxPacketBytes = 1500;
  readonly isCrowded = false;
  readonly last = new Uint8Array(0x10000);
  sent = 0;

  receive(): number {
    return 0;
  }
  send(frame: Uint8Array, length: number): void {
    // What a device costs is another benchmark's; the header is enough to go on with.
    for (let i = 0; i < TCP_OFFSET + TCP.HEADER_BYTES; i++) this.last[i] = frame[i];
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
  readonly #link = new LastFrameLink();
  readonly #host: Host;
  readonly #frame = new Uint8Array(ETHERNET.HEADER_BYTES + 1500);
  readonly #segment = new TcpSegment();
  /** Filled anew for each frame, so that what is measured is not what the peer leaves behind. */
  readonly #ip = {
    source: PEER_ADDRESS,
    destination: HOST_ADDRESS,
    protocol: IP_PROTOCOL.TCP,
    payloadLength: 0,
    hopLimit: 64,
    id: 1,
  };
  /** By connection: what we send next, what we expect next. */
  readonly #sndNxt: Uint32Array;
  readonly #rcvNxt: Uint32Array;
  #current = 0;
  #nowUs = 0;
  #hasOptionsInPayload = false;
  #segmentsSent = 0;

  constructor({ accept, connections, observer }: BenchPeerOptions) {
    this.#host = new Host({
      link: this.#link,
      addresses: [{ address: HOST_ADDRESS, prefixLength: 8 }],
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
    const headerEnd = readU32(this.#link.last, SEQUENCE_OFFSET);
    const header = (this.#link.last[TCP_OFFSET + TCP.DATA_OFFSET] & 0xf0) >>> 2;
    const total = readU16(this.#link.last, ETHERNET.HEADER_BYTES + IPV4.TOTAL_LENGTH);
    this.#rcvNxt[this.#current] = headerEnd + total - IPV4.HEADER_BYTES - header;
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
    this.#rcvNxt[this.#current] = readU32(this.#link.last, SEQUENCE_OFFSET) + 1;
    this.#send(FLAG.ACK, 0);
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
    emitEthernet(frame, ETHERNET_FIELDS);
    const header = emitTcp(frame, TCP_OFFSET, segment);
    // Options of a SYN lie where payload is afterwards.
    if (isSyn) this.#hasOptionsInPayload = true;
    else if (this.#hasOptionsInPayload) {
      frame.fill(0, TCP_OFFSET + header);
      this.#hasOptionsInPayload = false;
    }
    this.#ip.payloadLength = header + payloadLength;
    emitIpv4(frame, ETHERNET.HEADER_BYTES, this.#ip);
    const addresses = ETHERNET.HEADER_BYTES + IPV4.SOURCE;
    const length = header + payloadLength;
    const pseudo = pseudoHeaderSum(frame, addresses, IPV4.ADDRESS_BYTES, IP_PROTOCOL.TCP, length);
    writeU16(frame, TCP_OFFSET + TCP.CHECKSUM, tcpChecksum(frame, TCP_OFFSET, header, pseudo));
    return TCP_OFFSET + length;
  }
}
