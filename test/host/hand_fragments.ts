/**
 * Fragments written by hand, of both IP versions, for suites that run over both.
 *
 * Owns: what a fragment of either version looks like (RFC 791 §3.1, RFC 8200 §3 and §4.5), and the whole that it is a part of. Must
 * not know: reassembly.
 */
import { ethernet, four, ipv4, two } from "./hand_frames.ts";
import { OUR_MAC, PEER_MAC } from "./wire_host.ts";

export const UDP = 17;
export const TCP = 6;

/** A fragment, or with neither offset nor `more` a whole packet without a fragment header. */
export interface HandFragment {
  /** Where its data belong, bytes; 0. */
  readonly offset?: number;
  readonly more?: boolean;
  readonly id?: number;
  /** The last byte of both addresses, 9 and 1. */
  readonly from?: number;
  readonly to?: number;
  /** Of the upper layer, or of what follows the fragment header; UDP. */
  readonly protocol?: number;
  readonly ecn?: number;
  readonly dontFragment?: boolean;
  readonly hopLimit?: number;
  /** IPv4 options, a multiple of four. */
  readonly options?: readonly number[];
  /** IPv6: an extension header before the fragment header: its number, and its bytes but the first. */
  readonly before?: { readonly header: number; readonly rest: readonly number[] };
  /** The sender's hardware address. */
  readonly mac?: string;
  readonly vlan?: number;
}

/** What a suite over both versions needs to know of one. */
export interface HandFamily {
  readonly name: string;
  readonly addressBytes: number;
  /** Of a plain header; of a fragment it is this much longer. */
  readonly headerBytes: number;
  readonly fragmentHeaderBytes: number;
  /** Protocol number of its ICMP. */
  readonly icmp: number;
  frame(fragment: HandFragment, data: Uint8Array): Uint8Array;
}

function ipv4Frame(fragment: HandFragment, data: Uint8Array): Uint8Array {
  const { offset = 0, more = false, id = 7, from = 9, to = 1, protocol = UDP, hopLimit = 64 } = fragment;
  const packet = ipv4({
    source: `10.0.0.${from}`,
    target: `10.0.0.${to}`,
    protocol,
    ttl: hopLimit,
    id,
    moreFragments: more,
    fragmentOffset: offset,
    ...(fragment.ecn === undefined ? {} : { ecn: fragment.ecn }),
    ...(fragment.dontFragment === undefined ? {} : { dontFragment: fragment.dontFragment }),
    ...(fragment.options === undefined ? {} : { options: fragment.options }),
  }, data);
  return ethernet(frameHeader(fragment, 0x0800), packet);
}

function ipv6Frame(fragment: HandFragment, data: Uint8Array): Uint8Array {
  const { offset = 0, more = false, id = 7, from = 9, to = 1, protocol = UDP, hopLimit = 64, before } =
    fragment;
  const isFragment = offset > 0 || more;
  const fragmentHeader = isFragment ? [protocol, 0, ...two(offset | (more ? 1 : 0)), ...four(id)] : [];
  const next = isFragment ? 44 : protocol;
  const extension = before === undefined ? [] : [next, ...before.rest];
  const packet = Uint8Array.from([
    0x60,
    (fragment.ecn ?? 0) << 4,
    0,
    0,
    ...two(extension.length + fragmentHeader.length + data.length),
    before === undefined ? next : before.header,
    hopLimit,
    ...[0xfd, 0, 0, 0, 0, 0, 0, from, 0, 0, 0, 0, 0, 0, 0, from],
    ...[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, to],
    ...extension,
    ...fragmentHeader,
    ...data,
  ]);
  return ethernet(frameHeader(fragment, 0x86dd), packet);
}

function frameHeader({ mac = PEER_MAC, vlan }: HandFragment, type: number) {
  return { to: OUR_MAC, from: mac, type, ...(vlan === undefined ? {} : { vlan }) };
}

/** Both versions. */
export const HAND_FAMILIES: readonly HandFamily[] = [
  {
    name: "IPv4",
    addressBytes: 4,
    headerBytes: 20,
    fragmentHeaderBytes: 0,
    icmp: 1,
    frame: ipv4Frame,
  },
  {
    name: "IPv6",
    addressBytes: 16,
    headerBytes: 40,
    fragmentHeaderBytes: 8,
    icmp: 58,
    frame: ipv6Frame,
  },
];

/** Bytes that tell where they are: no two stretches of up to 251 bytes are alike. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at % 251) ^ ((at / 251) & 0xff));
}
