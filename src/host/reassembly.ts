/**
 * Reassembly: datagrams that come in fragments, put together, for either IP version.
 *
 * Owns: which fragments are of one datagram, which are not taken, how long is waited, what all of it may cost, and the header
 * of the whole. Must not know: who is addressed (only what is for us comes here), what is in the datagram, how an ICMP error is sent.
 *
 * RFC 791 §3.2, RFC 1122 §3.3.2, RFC 8200 §4.5, RFC 3168 §5.3; RFC 6946 has atomic fragments never come here,
 * because they are no fragments (`IpPacket.isFragment`).
 *
 * Deviation: RFC 791 §3.2 lets a later fragment overwrite an earlier one. Here an overlap ends the datagram in IPv4 as in IPv6:
 * those who overlap are those who want a filter to see other bytes than the host.
 *
 * RFC 5722 §3 asks for that in IPv6; RFC 1858 and RFC 3128 show what overlaps are good for.
 *
 * Anybody can begin datagrams and never end one (RFC 8900 §3.7). So all is bounded, by count and by bytes; one peer, which is an
 * address or an IPv6 network, has no more than a quarter; when all is full, the peer with most loses its oldest. A fragment
 * costs a look into a map and a copy of its bytes, and at the worst a walk over as many peers as there may be datagrams.
 */
import { readU32 } from "../wire/bytes.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IpPacket } from "../wire/ip_packet.ts";
import { DatagramParts, NO_PLACE } from "./datagram_parts.ts";
import { FirstHeader, type FrameAndPacket, parseFrame } from "./first_header.ts";
import { OldestFirst } from "./oldest_first.ts";
import { peerKey } from "./peers.ts";

/** Bounds of one host's reassembly, all of them local choices. */
export const REASSEMBLY_LIMITS = {
  /** RFC 8200 §4.5: 60 s from the fragment that came first. RFC 1122 §3.3.2 asks for the same time for all, of 60 to 120 s. */
  WAIT_US: 60_000_000,
  /** Datagrams that are incomplete at once. */
  DATAGRAMS: 64,
  DATAGRAMS_OF_ONE_PEER: 16,
  /** Bytes held, each part charged with {@link REASSEMBLY_LIMITS.PART_BYTES} on top: three pings of 64 KiB of one peer. */
  BYTES: 0x100000,
  BYTES_OF_ONE_PEER: 0x40000,
  /** What a part costs beside its bytes, about. Without it, parts of 8 bytes would cost thirty times what is counted. */
  PART_BYTES: 256,
  /** 65,535 bytes at an MTU of 576 are 119. */
  PARTS: 128,
  /** Datagrams given up of which it is remembered, so that what still comes of them is not taken for new ones. */
  REFUSED: 256,
} as const;

const LIMITS = REASSEMBLY_LIMITS;

/** RFC 1858 §3.2: a first part of TCP holds its header (without options), and none begins at the flags (RFC 3128 §3). */
const TCP_HEADER_BYTES = 20;
const TCP_FLAGS_OFFSET = 8;

/** What reassembly needs of its host. */
interface ReassemblyOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  count(name: string): void;
  /** The fragment in hand, or the datagram that it completes, is not taken; called once for it. */
  drop(reason: DropReason): void;
  /**
   * Time is over for a datagram whose first fragment has come: time exceeded, code 1 (RFC 792, RFC 4443 §3.3). The first fragment as
   * it came, behind an Ethernet header, cut behind what an error may quote; its lengths say what is there.
   */
  timedOut(about: FrameAndPacket): void;
}

/** A datagram of which a part is missing. */
interface Datagram {
  readonly key: string;
  readonly peer: Peer;
  readonly dueUs: number;
  readonly parts: DatagramParts;
  /** Null until the first fragment has come. */
  header: FirstHeader | null;
  chargedBytes: number;
}

/** Who sends fragments, and what is held of it. */
interface Peer {
  readonly key: number | string;
  readonly datagrams: OldestFirst<Datagram>;
  chargedBytes: number;
}

/** The incomplete datagrams of one host. */
export class Reassembly {
  readonly #options: ReassemblyOptions;
  readonly #datagrams = new Map<string, Datagram>();
  /** All of them: the wait is the same for all. */
  readonly #queue = new OldestFirst<Datagram>();
  readonly #peers = new Map<number | string, Peer>();
  /** Keys of datagrams that were given up, and until when it is remembered. */
  readonly #refused = new Map<string, number>();
  #chargedBytes = 0;
  readonly #packet = new IpPacket();

  constructor(options: ReassemblyOptions) {
    this.#options = options;
  }

  /** Incomplete datagrams. */
  get size(): number {
    return this.#datagrams.size;
  }

  /** What they are charged with, bytes. */
  get heldBytes(): number {
    return this.#chargedBytes;
  }

  /** Datagrams given up that are remembered. */
  get refusedSize(): number {
    return this.#refused.size;
  }

  /**
   * Takes a fragment for us, in a frame, as `parseIp` takes it: neither empty nor too long, and in IPv6 with all its headers.
   * Returns the whole datagram when it completes one: a buffer of its own that begins with the Ethernet header of this frame,
   * without a tag, and a record that is valid until the next call. Else null: parts are missing, or something was dropped.
   */
  arrives(bytes: Uint8Array, packet: IpPacket): FrameAndPacket | null {
    this.#options.count("fragments-in");
    if (hidesFlags(packet)) {
      this.#options.count("fragments-tiny");
      this.#options.drop("fragment");
      return null;
    }
    const { clock } = this.#options;
    if (this.nextDeadlineUs <= clock.nowUs) this.tick();
    const key = keyOf(bytes, packet);
    if (this.#isRefused(key)) {
      this.#options.drop("fragment");
      return null;
    }
    const datagram = this.#datagrams.get(key) ?? this.#begin(key, bytes, packet);
    const { payloadOffset, payloadLength } = packet;
    const data = bytes.subarray(payloadOffset, payloadOffset + payloadLength);
    const part = { start: packet.fragmentOffset, isLast: !packet.moreFragments, ecn: packet.ecn };
    const place = datagram.parts.place(data, part);
    if (place === NO_PLACE.DUPLICATE) {
      this.#options.count("fragments-duplicate");
      return null;
    }
    if (place === NO_PLACE.CONTRADICTION) return this.#giveUp(datagram, "reassembly-overlap");
    if (datagram.parts.count === LIMITS.PARTS) return this.#giveUp(datagram, "reassembly-too-many-parts");
    const isFirst = packet.fragmentOffset === 0;
    const headerBytes = isFirst ? ETHERNET.HEADER_BYTES + packet.headerLength : 0;
    if (!this.#charge(datagram, data.length + headerBytes + LIMITS.PART_BYTES)) {
      this.#options.drop("fragment");
      return null;
    }
    datagram.parts.add(data.slice(), { place, ...part });
    if (isFirst) datagram.header = new FirstHeader(bytes, packet);
    return datagram.parts.isWhole ? this.#finish(datagram, bytes) : null;
  }

  #isRefused(key: string): boolean {
    const untilUs = this.#refused.get(key);
    if (untilUs === undefined) return false;
    if (untilUs > this.#options.clock.nowUs) return true;
    this.#refused.delete(key);
    return false;
  }

  // -- Deadlines

  /** Whether nothing is waited for. */
  get isAtRest(): boolean {
    return this.#queue.size === 0;
  }

  /** The earliest deadline, Infinity when nothing is waited for. */
  get nextDeadlineUs(): number {
    return this.#queue.oldest?.dueUs ?? Infinity;
  }

  /** Drops datagrams that have not been completed in time. */
  tick(): void {
    const { clock } = this.#options;
    for (;;) {
      const { oldest } = this.#queue;
      if (oldest === null || oldest.dueUs > clock.nowUs) return;
      this.#remove(oldest);
      this.#options.count("reassembly-timeout");
      const data = oldest.parts.first;
      const first = data === null ? null : oldest.header?.firstFragment(data) ?? null;
      if (first !== null) this.#options.timedOut(first);
    }
  }

  // -- Datagrams and bounds

  #begin(key: string, bytes: Uint8Array, packet: IpPacket): Datagram {
    const { sourceOffset, addressBytes } = packet;
    const peerOf = peerKey(bytes.subarray(sourceOffset, sourceOffset + addressBytes));
    const known = this.#peers.get(peerOf);
    if (known !== undefined && known.datagrams.size >= LIMITS.DATAGRAMS_OF_ONE_PEER) {
      this.#evictOldest(known);
    } else if (this.#datagrams.size >= LIMITS.DATAGRAMS) {
      this.#evictOldest(this.#greediest(({ datagrams }) => datagrams.size));
    }
    let peer = this.#peers.get(peerOf);
    if (peer === undefined) {
      peer = { key: peerOf, datagrams: new OldestFirst(), chargedBytes: 0 };
      this.#peers.set(peerOf, peer);
    }
    const datagram: Datagram = {
      key,
      peer,
      dueUs: this.#options.clock.nowUs + LIMITS.WAIT_US,
      parts: new DatagramParts(),
      header: null,
      chargedBytes: 0,
    };
    this.#datagrams.set(key, datagram);
    this.#queue.add(datagram);
    peer.datagrams.add(datagram);
    return datagram;
  }

  /** Makes room for so many bytes more of a datagram; false where the datagram itself had to go for it. */
  #charge(datagram: Datagram, amount: number): boolean {
    const { peer } = datagram;
    while (peer.chargedBytes + amount > LIMITS.BYTES_OF_ONE_PEER) {
      if (this.#evictOldest(peer) === datagram) return false;
    }
    while (this.#chargedBytes + amount > LIMITS.BYTES) {
      if (this.#evictOldest(this.#greediest(({ chargedBytes }) => chargedBytes)) === datagram) return false;
    }
    datagram.chargedBytes += amount;
    peer.chargedBytes += amount;
    this.#chargedBytes += amount;
    return true;
  }

  #greediest(amountOf: (peer: Peer) => number): Peer | null {
    let greediest: Peer | null = null;
    for (const peer of this.#peers.values()) {
      if (greediest === null || amountOf(peer) > amountOf(greediest)) greediest = peer;
    }
    return greediest;
  }

  #evictOldest(peer: Peer | null): Datagram | null {
    const oldest = peer?.datagrams.oldest ?? null;
    if (oldest === null) return null;
    this.#options.count("reassembly-evicted");
    this.#remove(oldest);
    this.#rememberRefused(oldest.key);
    return oldest;
  }

  /** Drops a datagram, and what will come of it (RFC 5722 §3). */
  #giveUp(datagram: Datagram, counter: string): null {
    this.#remove(datagram);
    this.#rememberRefused(datagram.key);
    this.#options.count(counter);
    this.#options.drop("fragment");
    return null;
  }

  #rememberRefused(key: string): void {
    this.#refused.set(key, this.#options.clock.nowUs + LIMITS.WAIT_US);
    if (this.#refused.size <= LIMITS.REFUSED) return;
    for (const oldest of this.#refused.keys()) {
      this.#refused.delete(oldest);
      return;
    }
  }

  #remove(datagram: Datagram): void {
    const { peer, chargedBytes } = datagram;
    this.#datagrams.delete(datagram.key);
    this.#queue.delete(datagram);
    this.#chargedBytes -= chargedBytes;
    peer.chargedBytes -= chargedBytes;
    peer.datagrams.delete(datagram);
    if (peer.datagrams.size === 0) this.#peers.delete(peer.key);
  }

  // -- The whole

  #finish(datagram: Datagram, frame: Uint8Array): FrameAndPacket | null {
    const { header, parts } = datagram;
    this.#remove(datagram);
    // Nothing is whole without its beginning.
    if (header === null) return null;
    const ecn = parts.mergedEcn(header.ecn);
    if (ecn < 0) this.#options.count("reassembly-mixed-ecn");
    const bytes = ecn < 0 ? null : header.withParts(parts, ecn);
    if (bytes === null) {
      this.#options.drop("fragment");
      return null;
    }
    bytes.set(frame.subarray(0, ETHERNET.TYPE));
    const packet = this.#packet;
    const reason = parseFrame(bytes, packet);
    // A fragment of a fragment: nobody sends that, and whoever looks at packets on their way sees only one of the two.
    if (reason !== null || packet.fragmentHeaderOffset >= 0) {
      this.#options.drop(reason ?? "malformed-ipv6");
      return null;
    }
    this.#options.count("reassembled");
    return { bytes, packet };
  }
}

/** What is the same for all fragments of one datagram, and for those of no other (RFC 791 §3.2, RFC 8200 §4.5). */
function keyOf(bytes: Uint8Array, packet: IpPacket): string {
  const { sourceOffset, destinationOffset, addressBytes } = packet;
  let key = packet.isIpv6 ? `${packet.id}` : `${packet.id}/${packet.protocol}`;
  for (let at = 0; at < addressBytes; at += 4) {
    key += `:${readU32(bytes, sourceOffset + at)}:${readU32(bytes, destinationOffset + at)}`;
  }
  return key;
}

/**
 * Whether it is made so that a filter does not see the flags of TCP, or sees others than the host. In IPv6 the first such one is refused
 * where headers are read, with all others that do not hold their headers (RFC 7112 §5).
 */
function hidesFlags({ protocol, fragmentOffset, payloadLength }: IpPacket): boolean {
  if (protocol !== IP_PROTOCOL.TCP) return false;
  return fragmentOffset === 0 ? payloadLength < TCP_HEADER_BYTES : fragmentOffset === TCP_FLAGS_OFFSET;
}
