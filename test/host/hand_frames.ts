/**
 * Frames written by hand: every byte from numbers of the RFCs, none from the code under test.
 *
 * Owns: building Ethernet, ARP, IPv4, ICMP and TCP, and the sums over them. Must not know: hosts, what an answer
 * should be. RFC 894, RFC 826, RFC 791, RFC 792, RFC 9293 §3.1, IEEE 802.1Q.
 */

/** Bytes, or a number for one byte. */
type Piece = number | readonly number[] | Uint8Array;

function join(...pieces: readonly Piece[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => typeof piece === "number" ? [piece] : [...piece]));
}

/** A number as two bytes, in network order. */
export function two(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

/** A number as four bytes, in network order. */
export function four(value: number): number[] {
  return [...two(value >>> 16), ...two(value)];
}

/** The address that `10.0.0.1` names, or `fd00::9`; no dotted quads in that. */
export function ip(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const [head, tail] = text.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array(zeros).fill("0"), ...(tail ?? [])];
  return Uint8Array.from(groups.flatMap((group) => two(parseInt(group, 16))));
}

/** The hardware address that `02:00:00:00:00:01` names. */
export function mac(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (pair) => parseInt(pair, 16));
}

/** The one's complement sum of RFC 1071, complemented. */
export function internetSum(bytes: Uint8Array): number {
  return ~onesSum(bytes) & 0xffff;
}

function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, at) => sum += at % 2 === 0 ? byte << 8 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The header of a frame. */
export interface HandEthernet {
  readonly to: string;
  readonly from: string;
  readonly type?: number;
  readonly vlan?: number;
  /** Bytes behind the payload, up to the shortest frame. */
  readonly padTo?: number;
}

export function ethernet(header: HandEthernet, payload: Uint8Array): Uint8Array {
  const tag = header.vlan === undefined ? [] : [0x81, 0x00, ...two(header.vlan)];
  const frame = join(mac(header.to), mac(header.from), tag, two(header.type ?? 0x0800), payload);
  const { padTo = 0 } = header;
  return frame.length >= padTo ? frame : join(frame, new Uint8Array(padTo - frame.length));
}

export interface HandArp {
  /** 1 request, 2 reply. */
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

/** An ARP frame from the sender that it names, padded to 60 bytes. */
export function arpFrame(arp: HandArp, header: Partial<HandEthernet> & { readonly to: string }): Uint8Array {
  const packet = join(
    [0x00, 0x01, 0x08, 0x00, 6, 4],
    two(arp.operation),
    mac(arp.senderMac),
    ip(arp.senderIp),
    mac(arp.targetMac),
    ip(arp.targetIp),
  );
  return ethernet({ from: arp.senderMac, type: 0x0806, padTo: 60, ...header }, packet);
}

export interface HandIp {
  readonly source: string;
  readonly target: string;
  /** 1 ICMP, 6 TCP, 17 UDP. */
  readonly protocol: number;
  readonly ttl?: number;
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In bytes, a multiple of eight. */
  readonly fragmentOffset?: number;
  readonly dscp?: number;
  readonly ecn?: number;
  /** Of IPv6 alone (RFC 6437). */
  readonly flowLabel?: number;
  readonly options?: readonly number[];
  /** Added to the right header checksum. */
  readonly sumError?: number;
}

export function ipv4(header: HandIp, payload: Uint8Array): Uint8Array {
  const { options = [] } = header;
  const fragment = (header.dontFragment === true ? 0x4000 : 0) |
    (header.moreFragments === true ? 0x2000 : 0) | ((header.fragmentOffset ?? 0) / 8);
  const totalBytes = 20 + options.length + payload.length;
  const before = join(
    0x45 + options.length / 4,
    ((header.dscp ?? 0) << 2) | (header.ecn ?? 0),
    // Off-loading leaves 0 in packets that have outgrown the field.
    two(totalBytes > 0xffff ? 0 : totalBytes),
    two(header.id ?? 0),
    two(fragment),
    header.ttl ?? 64,
    header.protocol,
  );
  const after = join(ip(header.source), ip(header.target), options);
  const sum = (internetSum(join(before, [0, 0], after)) + (header.sumError ?? 0)) & 0xffff;
  return join(before, two(sum), after, payload);
}

/** IPv6 without extension headers (RFC 8200 §3); what only IPv4 has is left out. */
export function ipv6(header: HandIp, payload: Uint8Array): Uint8Array {
  const trafficClass = ((header.dscp ?? 0) << 2) | (header.ecn ?? 0);
  return join(
    four((0x60000000 | (trafficClass << 20) | (header.flowLabel ?? 0)) >>> 0),
    // As Linux leaves it in what off-loading has put together.
    two(payload.length > 0xffff ? 0 : payload.length),
    header.protocol,
    header.ttl ?? 64,
    ip(header.source),
    ip(header.target),
    payload,
  );
}

export interface HandIcmp {
  readonly type: number;
  readonly code: number;
  readonly rest?: number;
  /** Added to the right checksum. */
  readonly sumError?: number;
}

export function icmp(header: HandIcmp, payload: Uint8Array): Uint8Array {
  const after = join(four(header.rest ?? 0), payload);
  const sum = internetSum(join(header.type, header.code, [0, 0], after)) + (header.sumError ?? 0);
  return join(header.type, header.code, two(sum), after);
}

export interface HandTcp {
  readonly source: string;
  readonly target: string;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly seq: number;
  readonly ack?: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  readonly flags: number;
  readonly window?: number;
  readonly urgentPointer?: number;
  /** A multiple of four. */
  readonly options?: readonly number[];
  /** `right` (default), the pseudo-header's part alone as off-loading leaves it, or a number. */
  readonly sum?: "right" | "partial" | number;
}

export function tcp(header: HandTcp, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { options = [], sum = "right" } = header;
  const before = join(
    two(header.sourcePort),
    two(header.targetPort),
    four(header.seq),
    four(header.ack ?? 0),
    (5 + options.length / 4) << 4,
    header.flags,
    two(header.window ?? 0),
  );
  const after = join(two(header.urgentPointer ?? 0), options, data);
  const length = before.length + 2 + after.length;
  const pseudo = join(ip(header.source), ip(header.target), 0, 6, four(length));
  const field = sum === "right"
    ? internetSum(join(pseudo, before, [0, 0], after))
    : sum === "partial"
    ? onesSum(pseudo)
    : sum;
  return join(before, two(field), after);
}

/** Two hexadecimal digits a byte, a space after every second: what a failing test prints. */
export function hex(bytes: Uint8Array): string {
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  return pairs.map((pair, at) => at % 2 === 1 ? `${pair} ` : pair).join("").trimEnd();
}
