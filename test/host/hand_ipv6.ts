/**
 * IPv6 written by hand: every byte from numbers of the RFCs, none from the code under test.
 *
 * Owns: building IPv6 with extension headers, and ICMPv6. Must not know: hosts, what an answer should be.
 * RFC 8200 §3 and §4, RFC 4443 §2, RFC 2464 §3.
 */
import { four, type HandIcmp, internetSum, two } from "./hand_frames.ts";

/** The address that `fe80::1:2` names. */
export function ip6(text: string): Uint8Array {
  const [before, after] = text.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const middle = after === undefined
    ? []
    : Array.from({ length: 8 - before.length - after.length }, () => "0");
  const groups = [...before, ...middle, ...(after ?? [])];
  return Uint8Array.from(groups.flatMap((group) => two(parseInt(group, 16))));
}

/** An extension header: the number that announces it, and its bytes, the first of which is filled in. */
export type HandExtension = readonly [number: number, bytes: readonly number[]];

/** A fragment header (RFC 8200 §4.5); `offset` in bytes. */
export function fragmentHeader(offset: number, more: boolean, id = 0x01020304): HandExtension {
  return [44, [0, 0, ...two(offset | (more ? 1 : 0)), ...four(id)]];
}

export interface HandIpv6 {
  readonly source: string;
  readonly target: string;
  /** 58 ICMPv6, 6 TCP, 17 UDP, 59 nothing. */
  readonly protocol: number;
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly extensions?: readonly HandExtension[];
}

export function ipv6(header: HandIpv6, payload: Uint8Array): Uint8Array {
  let next = header.protocol;
  const chain: number[] = [];
  for (const [number, bytes] of [...(header.extensions ?? [])].reverse()) {
    chain.unshift(next, ...bytes.slice(1));
    next = number;
  }
  const first = 6 * 2 ** 28 + (header.trafficClass ?? 0) * 2 ** 20 + (header.flowLabel ?? 0);
  return Uint8Array.from([
    ...four(first),
    ...two(chain.length + payload.length),
    next,
    header.hopLimit ?? 64,
    ...ip6(header.source),
    ...ip6(header.target),
    ...chain,
    ...payload,
  ]);
}

/** A message of ICMPv6; its sum covers the addresses (RFC 4443 §2.3). */
export function icmpv6(
  header: HandIcmp,
  payload: Uint8Array,
  between: { readonly source: string; readonly target: string },
): Uint8Array {
  const after = [...four(header.rest ?? 0), ...payload];
  const message = (sum: readonly number[]) => [header.type, header.code, ...sum, ...after];
  const pseudo = [...ip6(between.source), ...ip6(between.target), ...four(4 + after.length), 0, 0, 0, 58];
  const sum = internetSum(Uint8Array.from([...pseudo, ...message([0, 0])])) + (header.sumError ?? 0);
  return Uint8Array.from(message(two(sum & 0xffff)));
}
