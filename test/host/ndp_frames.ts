/**
 * Frames of IPv6 with neighbor discovery, written by hand: every byte from numbers of the RFCs, none from the code under test.
 *
 * Owns: building IPv6 and ICMPv6, and the sums over them. Must not know: hosts, what an answer should be. RFC 8200 §3, §8.1,
 * RFC 4443 §2, RFC 4861 §4, RFC 4291 §2.7.1, RFC 2464 §7.
 */
import { ethernet, four, type HandEthernet, internetSum, ip as ip6, mac, two } from "./hand_frames.ts";

export { ip6 };

/** The text of an address without any zeros left out. */
export function text6(address: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (address[2 * at] << 8) | address[2 * at + 1]);
  return groups.map((group) => group.toString(16)).join(":");
}

/** The group on which the owner of an address hears solicitations. */
export function solicitedNode(address: string): string {
  const bytes = ip6("ff02::1:ff00:0");
  bytes.set(ip6(address).subarray(13), 13);
  return text6(bytes);
}

/** The hardware address of a group. */
export function groupMac(group: string): string {
  const last = [...ip6(group).subarray(12)].map((byte) => byte.toString(16).padStart(2, "0"));
  return ["33", "33", ...last].join(":");
}

export interface HandNdp {
  /** 135 solicitation, 136 advertisement, 137 redirect. */
  readonly type: number;
  readonly source: string;
  /** Whom the packet is for. */
  readonly destination: string;
  /** Whom it is about. */
  readonly target: string;
  /** The hardware address in the option: the source's of a solicitation, else the target's; none when absent. */
  readonly option?: string;
  /** Router 0x80000000, solicited 0x40000000, override 0x20000000. */
  readonly flags?: number;
  readonly code?: number;
  readonly hopLimit?: number;
  /** What follows the target, instead of the option. */
  readonly tail?: readonly number[];
  /** So many bytes of the message only. */
  readonly cutTo?: number;
  /** Added to the right checksum. */
  readonly sumError?: number;
  /** A fragment header with nothing cut (RFC 6946) precedes. */
  readonly atomicFragment?: boolean;
}

/** A frame with a message of neighbor discovery. */
export function ndpFrame(
  ndp: HandNdp,
  header: Pick<HandEthernet, "to" | "from"> & Partial<HandEthernet>,
): Uint8Array {
  const { type, code = 0, flags = 0, option, sumError = 0, hopLimit = 255 } = ndp;
  const options = ndp.tail ?? (option === undefined ? [] : [type === 135 ? 1 : 2, 1, ...mac(option)]);
  const before = [type, code];
  const whole = [...four(flags), ...ip6(ndp.target), ...options];
  const after = whole.slice(0, ndp.cutTo === undefined ? undefined : ndp.cutTo - 4);
  const length = 4 + after.length;
  const addresses = [...ip6(ndp.source), ...ip6(ndp.destination)];
  const summed = Uint8Array.from([...addresses, ...four(length), ...four(58), ...before, 0, 0, ...after]);
  const sum = (internetSum(summed) + sumError) & 0xffff;
  const fragment = ndp.atomicFragment === true ? [58, 0, 0, 0, ...four(7)] : [];
  const next = fragment.length > 0 ? 44 : 58;
  const packet = Uint8Array.from([
    ...[0x60, 0, 0, 0, ...two(fragment.length + length), next, hopLimit, ...addresses],
    ...[...fragment, ...before, ...two(sum), ...after],
  ]);
  return ethernet({ type: 0x86dd, ...header }, packet);
}
