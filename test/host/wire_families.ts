/**
 * Both versions of IP on the wire of wire_host.ts, so that one suite is for both: addresses, packets, who asks whom for a
 * hardware address.
 *
 * Owns: the addresses of the suites, and where things stand in a frame. Must not know: hosts, what an answer should be.
 * RFC 791, RFC 8200 §3.
 */
import { type HandIp, ipv4, ipv6 } from "./hand_frames.ts";
import { NEIGHBOR_FAMILIES, type NeighborFamily } from "./neighbor_families.ts";
import {
  OUR_MAC,
  PEER_MAC,
  ROUTER_MAC,
  type SegmentFields,
  segmentFrame,
  type WireHost,
} from "./wire_host.ts";

const ETHERNET_BYTES = 14;

/** One version. */
export interface WireFamily {
  readonly name: "IPv4" | "IPv6";
  readonly us: string;
  readonly peer: string;
  /** A neighbor, too. */
  readonly other: string;
  readonly router: string;
  /** Behind a router. */
  readonly far: string;
  /** Our second address where there is one, in a network of its own. */
  readonly second: string;
  /** The type of its frames. */
  readonly type: number;
  /** Bytes of the IP header without options or extension headers. */
  readonly ipBytes: number;
  /** Our address with the length of its prefix, and the second one. */
  readonly addresses: readonly [string, string];
  /** The address of the neighbor of this number, from 1 to 254. */
  neighbor(number: number): string;
  packet(header: HandIp, payload: Uint8Array): Uint8Array;
}

const IPV4: WireFamily = {
  name: "IPv4",
  us: "10.0.0.1",
  peer: "10.0.0.9",
  other: "10.0.0.8",
  router: "10.0.0.254",
  far: "203.0.113.7",
  second: "192.168.7.1",
  type: 0x0800,
  ipBytes: 20,
  addresses: ["10.0.0.1/24", "192.168.7.1/24"],
  neighbor: (number) => `10.0.0.${number}`,
  packet: ipv4,
};

const IPV6: WireFamily = {
  name: "IPv6",
  us: "fd00::1",
  peer: "fd00::9",
  other: "fd00::8",
  router: "fd00::fe",
  far: "2001:db8::7",
  second: "fd07::1",
  type: 0x86dd,
  ipBytes: 40,
  addresses: ["fd00::1/64", "fd07::1/64"],
  neighbor: (number) => `fd00::${number.toString(16)}`,
  packet: ipv6,
};

/** Both of them. */
export const WIRE_FAMILIES: readonly [WireFamily, WireFamily] = [IPV4, IPV6];

/** The one of an address. */
export function familyOfText(address: string): WireFamily {
  return address.includes(":") ? IPV6 : IPV4;
}

/** Address and port as events have them; the address in its shortest form. */
export function endpoint(address: string, port: number | string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A frame from the peer to port 80 of the host. */
export function segmentOf(family: WireFamily, fields: SegmentFields, data = ""): Uint8Array {
  return segmentFrame({ source: family.peer, target: family.us, ...fields }, data);
}

/** Where TCP begins in a frame without options, extension headers or a second tag. */
export function tcpOffset(frame: Uint8Array): number {
  const at = frame[12] === 0x81 ? ETHERNET_BYTES + 4 : ETHERNET_BYTES;
  return at + (frame[at] >>> 4 === 4 ? IPV4 : IPV6).ipBytes;
}

function neighborsOf(address: string): NeighborFamily {
  return NEIGHBOR_FAMILIES[address.includes(":") ? 1 : 0];
}

/** A neighbor says, as it was asked, that it is at a hardware address. */
export function tellsWhere(address: string, mac: string, target = familyOfText(address).us): Uint8Array {
  return neighborsOf(address).answers({ address, mac }, { address: target, mac: OUR_MAC });
}

/** The peer, and the router, say so. */
export const peerTellsWhere = ({ peer }: WireFamily): Uint8Array => tellsWhere(peer, PEER_MAC);
export const routerTellsWhere = ({ router }: WireFamily): Uint8Array => tellsWhere(router, ROUTER_MAC);

/** A neighbor asks the host for its hardware address, and so tells its own; the answer is nobody's here. */
export function introduces(wire: WireHost, address: string, mac = PEER_MAC): void {
  const us = { address: familyOfText(address).us, mac: OUR_MAC };
  wire.gives(neighborsOf(address).polls({ address, mac }, us));
}

/** The host asks everybody for a neighbor's hardware address. */
export function asksWhere(address: string, source = familyOfText(address).us): Uint8Array {
  return neighborsOf(address).asks({ address: source, mac: OUR_MAC }, address);
}

/** Whether a frame is a packet of TCP, and not one of neighbors. */
export function isTcpFrame(frame: Uint8Array): boolean {
  const at = frame[12] === 0x81 ? ETHERNET_BYTES + 4 : ETHERNET_BYTES;
  if (frame[at - 2] === 0x08 && frame[at - 1] === 0x06) return false;
  return frame[at + (frame[at] >>> 4 === 4 ? 9 : 6)] === 6;
}
