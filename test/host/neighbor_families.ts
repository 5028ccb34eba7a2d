/**
 * What neighbors say to each other in either family, so that one suite is for both: ARP (RFC 826, RFC 5227), and neighbor
 * discovery (RFC 4861, RFC 4862).
 *
 * Owns: the addresses of the suites, and the frames. Must not know: the code under test.
 */
import { arpFrame, ip } from "./hand_frames.ts";
import { groupMac, ip6, ndpFrame, solicitedNode } from "./ndp_frames.ts";
import { EVERYBODY, NO_MAC, OUR_MAC, PEER_MAC } from "./wire_host.ts";

const SOLICITED = 0x40000000;
const OVERRIDE = 0x20000000;
const NOBODY = "::";
const ALL_NODES = "ff02::1";

/** A station, as it says it is. */
export interface Station {
  readonly address: string;
  readonly mac: string;
}

/** One family of addresses. */
export interface NeighborFamily {
  readonly name: "ARP" | "NDP";
  readonly us: Station;
  /** Our second address. */
  readonly us2: Station;
  readonly peer: Station;
  readonly other: Station;
  /** Nobody has it. */
  readonly wanted: string;
  /** Addresses that no one host can have, in a message. */
  readonly impossible: readonly string[];
  /** The address of the stranger of this number. */
  stranger(number: number): string;
  bytes(address: string): Uint8Array;
  /** One asks everybody who has an address. */
  asks(from: Station, target: string): Uint8Array;
  /** One asks the station at `mac` whether it still has the address. */
  polls(from: Station, to: Station): Uint8Array;
  /** One says to another that an address is its own, as it was asked. */
  answers(from: Station, to: Station): Uint8Array;
  /** Says to everybody where its address is, without having been asked. */
  tells(from: Station): Uint8Array;
  /** Asks as nobody, before it takes an address. */
  probes(from: { readonly mac: string }, target: string): Uint8Array;
  /** The owner's answer to that. */
  answersProbe(from: Station, to: { readonly mac: string }): Uint8Array;
}

const ARP: NeighborFamily = {
  name: "ARP",
  us: { address: "10.0.0.1", mac: OUR_MAC },
  us2: { address: "192.168.7.1", mac: OUR_MAC },
  peer: { address: "10.0.0.9", mac: PEER_MAC },
  other: { address: "10.0.0.8", mac: "02:00:00:00:00:08" },
  wanted: "10.0.0.50",
  impossible: ["224.0.0.1", "255.255.255.255", "10.0.0.255", "127.0.0.1"],
  stranger: (number) => `10.${1 + (number >> 16)}.${(number >> 8) & 0xff}.${number & 0xff}`,
  bytes: ip,
  asks: (from, targetIp) =>
    arpFrame({ operation: 1, senderMac: from.mac, senderIp: from.address, targetMac: NO_MAC, targetIp }, {
      to: EVERYBODY,
    }),
  polls: (from, to) =>
    arpFrame(
      { operation: 1, senderMac: from.mac, senderIp: from.address, targetMac: NO_MAC, targetIp: to.address },
      { to: to.mac },
    ),
  answers: (from, to) =>
    arpFrame(
      { operation: 2, senderMac: from.mac, senderIp: from.address, targetMac: to.mac, targetIp: to.address },
      { to: to.mac },
    ),
  tells: (from) => ARP.asks(from, from.address),
  probes: ({ mac }, target) => ARP.asks({ address: "0.0.0.0", mac }, target),
  answersProbe: (from, { mac }) => ARP.answers(from, { address: "0.0.0.0", mac }),
};

const NDP: NeighborFamily = {
  name: "NDP",
  us: { address: "fd00::1", mac: OUR_MAC },
  us2: { address: "fe80::1234:1", mac: OUR_MAC },
  peer: { address: "fd00::9", mac: PEER_MAC },
  other: { address: "fd00::8", mac: "02:00:00:00:00:08" },
  wanted: "fd00::50",
  impossible: ["ff02::1", "::1", "::ffff:a00:9"],
  stranger: (number) => `fd00::1:${(number >> 16).toString(16)}:${(number & 0xffff).toString(16)}`,
  bytes: ip6,
  asks: (from, target) => {
    const destination = solicitedNode(target);
    return ndpFrame(
      { type: 135, source: from.address, destination, target, option: from.mac },
      { to: groupMac(destination), from: from.mac },
    );
  },
  polls: (from, { address: target, mac }) =>
    ndpFrame(
      { type: 135, source: from.address, destination: target, target, option: from.mac },
      { to: mac, from: from.mac },
    ),
  answers: ({ address, mac }, to) =>
    ndpFrame(
      {
        type: 136,
        source: address,
        destination: to.address,
        target: address,
        option: mac,
        flags: SOLICITED | OVERRIDE,
      },
      { to: to.mac, from: mac },
    ),
  tells: ({ address, mac }) =>
    ndpFrame(
      { type: 136, source: address, destination: ALL_NODES, target: address, option: mac, flags: OVERRIDE },
      { to: groupMac(ALL_NODES), from: mac },
    ),
  probes: ({ mac }, target) => {
    const destination = solicitedNode(target);
    return ndpFrame({ type: 135, source: NOBODY, destination, target }, {
      to: groupMac(destination),
      from: mac,
    });
  },
  answersProbe: (from) => NDP.tells(from),
};

/** Both families. */
export const NEIGHBOR_FAMILIES: readonly NeighborFamily[] = [ARP, NDP];
/** The one of IPv6. */
export const NDP_FAMILY = NDP;
