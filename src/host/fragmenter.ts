/**
 * Fragmenter: a packet that is larger than the link's MTU, cut into fragments, for either IP version.
 *
 * Owns: the places of the cuts, the headers of the parts, and their identification. Must not know: who sends what, neighbours, the link.
 *
 * RFC 791 §3.2, RFC 8200 §4.5. For answers to large echo requests, and for what else has no way to be smaller; TCP never comes
 * here, since it has a maximum segment size and finds out the path's MTU (RFC 8900 §6).
 */
import { emitIp, etherTypeOf, ipHeaderBytes, IpPacket, parseIp } from "../wire/ip.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { EXTENSION_BYTES } from "../wire/ipv6_extensions.ts";
import { SipHash } from "../tcp/siphash.ts";
import { MAX_LENGTH } from "./first_header.ts";

/** RFC 791 §3.2, RFC 8200 §4.5: all parts but the last are multiples of so many bytes. */
const UNIT_BYTES = 8;
/** Local choice: counters of identifications; a bound on memory, and pairs of addresses that share one learn next to nothing (RFC 7739 §5.3). */
const ID_COUNTERS = 256;

/** A frame that holds one whole packet. */
interface WholePacket {
  /** Where its IP header begins: behind the Ethernet header and its tags. */
  readonly ipOffset: number;
  /** Length of the IP header: one without options or extensions. */
  readonly headerBytes: number;
  readonly payloadLength: number;
  /** What a fragment, its header included, may have at most. */
  readonly mtu: number;
  /** Of {@link FragmentIds.next}: 32 bits, of which IPv4 takes 16. */
  readonly id: number;
}

/**
 * Cuts the packet in `frame` and hands out each fragment as a frame with the same Ethernet header, valid only during the call, and its
 * length. Returns how many there are. 0, and nothing is handed out, where it cannot be cut: it has options or extension headers (we send none
 * that is as large as that), it is longer than 65,535 bytes, or the MTU has no room for eight.
 */
export function fragments(
  frame: Uint8Array,
  { ipOffset, headerBytes, payloadLength, mtu, id }: WholePacket,
  emit: (fragment: Uint8Array, length: number) => void,
): number {
  const packet = new IpPacket();
  const type = etherTypeOf(frame[ipOffset] >>> 4 === 4 ? IPV4.ADDRESS_BYTES : IPV6.ADDRESS_BYTES);
  if (parseIp(type, frame, ipOffset, headerBytes + payloadLength, packet) !== null) return 0;
  const { addressBytes, addressSum, protocol, hopLimit, dscp, ecn, flowLabel } = packet;
  const fragmentHeaderBytes = ipHeaderBytes(addressBytes) + (packet.isIpv6 ? EXTENSION_BYTES.FRAGMENT : 0);
  const room = Math.floor((mtu - fragmentHeaderBytes) / UNIT_BYTES) * UNIT_BYTES;
  const fieldLength = packet.isIpv6 ? payloadLength : headerBytes + payloadLength;
  const isPlain = headerBytes === ipHeaderBytes(addressBytes) && packet.headerLength === headerBytes;
  if (room < UNIT_BYTES || fieldLength > MAX_LENGTH || !isPlain || packet.isFragment) return 0;
  const source = frame.slice(packet.sourceOffset, packet.sourceOffset + addressBytes);
  const destination = frame.slice(packet.destinationOffset, packet.destinationOffset + addressBytes);
  const out = new Uint8Array(ipOffset + fragmentHeaderBytes + Math.min(room, payloadLength));
  out.set(frame.subarray(0, ipOffset));
  let count = 0;
  for (let start = 0; start < payloadLength; start += room) {
    const length = Math.min(room, payloadLength - start);
    const dataOffset = ipOffset + emitIp(out, ipOffset, {
      source,
      destination,
      addressSum,
      protocol,
      payloadLength: length,
      hopLimit,
      dscp,
      ecn,
      flowLabel,
      id,
      moreFragments: start + length < payloadLength,
      fragmentOffset: start,
    });
    const from = packet.payloadOffset + start;
    out.set(frame.subarray(from, from + length), dataOffset);
    emit(out, dataOffset + length);
    count++;
  }
  return count;
}

/**
 * The identifications of fragmented packets, by which nobody but the two ends can forge one (RFC 7739): they count for each pair of addresses,
 * from a place that only our secret tells, so that none comes again before all others have (RFC 6864 §4.3).
 */
export class FragmentIds {
  readonly #hash: SipHash;
  readonly #counters = new Uint32Array(ID_COUNTERS);
  /** Two addresses: nothing else that is hashed with this secret has as many bytes. */
  readonly #bytes = new Uint8Array(2 * IPV6.ADDRESS_BYTES);

  /** `secret`: the host's 16 bytes. */
  constructor(secret: Uint8Array) {
    this.#hash = new SipHash(secret);
  }

  /** The next one from `source` to `destination`, 32 bits. */
  next(source: Uint8Array, destination: Uint8Array): number {
    const bytes = this.#bytes;
    bytes.set(source, 0);
    bytes.set(destination, source.length);
    const { low, high } = this.#hash.hash(bytes, source.length + destination.length);
    return (low + this.#counters[high % ID_COUNTERS]++) >>> 0;
  }
}
