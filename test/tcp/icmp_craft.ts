/**
 * ICMP errors of both versions by hand: what a router or the peer's host says about a segment that the host sent.
 *
 * Owns: the message and the packet that it quotes. Must not know: what the host should make of it.
 */
import { emitIcmpMessage, ICMP } from "../../src/wire/icmp.ts";
import { emitIp, IP_PROTOCOL, ipHeaderBytes } from "../../src/wire/ip.ts";
import { IPV4 } from "../../src/wire/ipv4.ts";
import { writeU16, writeU32 } from "../../src/wire/bytes.ts";
import { TCP } from "../../src/wire/tcp.ts";
import { craftPacket } from "./frame_craft.ts";
import { familyOf, IPV4_FAMILY, IPV6_FAMILY, IS_IPV6 } from "./family.ts";
import type { Peer } from "./peer.ts";
import type { FixtureOptions } from "./states.ts";

interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** Sequence number of the quoted segment, relative to the host's. */
  readonly seq: number;
  /** Second word of the message: the next hop's MTU, for example. */
  readonly rest?: number;
  /** Who says it; the peer itself when absent. */
  readonly from?: Uint8Array;
  /** Bytes of the quoted segment: eight, as RFC 792 has it, or more. */
  readonly quotedBytes?: number;
  /** The port that the quoted segment came from; the connection's when absent. */
  readonly quotedPort?: number;
}

interface IcmpKind {
  readonly type: number;
  readonly code: number;
}

/** What ICMP calls things in a version, and what of a connection over that version is different. */
export interface IcmpFamily {
  readonly name: "ICMP" | "ICMPv6";
  /** A connection over the version. */
  readonly over: FixtureOptions;
  readonly router: Uint8Array;
  /** Type and code of what must not abort (MUST-56). */
  readonly soft: readonly (readonly [name: string, type: number, code: number])[];
  readonly hard: readonly (readonly [name: string, type: number, code: number])[];
  readonly portUnreachable: IcmpKind;
  readonly hostUnreachable: IcmpKind;
  readonly tooBig: IcmpKind;
  /** A full segment on a link of 1500 bytes. */
  readonly mss: number;
  /** The MTU of a narrow path. */
  readonly narrow: number;
}

/** By the numbers of RFC 792 and RFC 4443. */
export const ICMP_FAMILIES: readonly IcmpFamily[] = [
  {
    name: "ICMP",
    over: { families: [IPV4_FAMILY], mtu: 1500 },
    router: Uint8Array.of(10, 0, 0, 254),
    soft: [
      ["net unreachable", 3, 0],
      ["host unreachable", 3, 1],
      ["source route failed", 3, 5],
      ["TTL exceeded", 11, 0],
      ["reassembly time exceeded", 11, 1],
      ["parameter problem", 12, 0],
    ],
    // Codes 2 to 4 of "destination unreachable" are hard; 4 is path MTU discovery's (RFC 1191).
    hard: [["protocol unreachable", 3, 2], ["port unreachable", 3, 3]],
    portUnreachable: { type: 3, code: 3 },
    hostUnreachable: { type: 3, code: 1 },
    tooBig: { type: 3, code: 4 },
    mss: 1460,
    narrow: 1000,
  },
  {
    name: "ICMPv6",
    over: { families: [IPV6_FAMILY], mtu: 1500 },
    router: Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe),
    soft: [
      ["no route", 1, 0],
      ["prohibited", 1, 1],
      ["beyond scope", 1, 2],
      ["address unreachable", 1, 3],
      ["source policy", 1, 5],
      ["reject route", 1, 6],
      ["hop limit exceeded", 3, 0],
      ["reassembly time exceeded", 3, 1],
      ["erroneous field", 4, 0],
      ["unrecognized next header", 4, 1],
      ["unrecognized option", 4, 2],
    ],
    hard: [["port unreachable", 1, 4]],
    portUnreachable: { type: 1, code: 4 },
    hostUnreachable: { type: 1, code: 3 },
    tooBig: { type: 2, code: 0 },
    mss: 1440,
    narrow: 1300,
  },
];

/** The one of this run. */
export const ICMP_FAMILY = ICMP_FAMILIES[IS_IPV6 ? 1 : 0];

/** Sends the host an error about a segment to `peer`, of the ICMP that goes with the peer's address. */
export function sendsIcmp(peer: Peer, error: IcmpError): void {
  const quoted = quotedSegment(peer, error);
  const length = quoted.length - TCP.HEADER_BYTES + (error.quotedBytes ?? 8);
  const isV4 = peer.address.length === IPV4.ADDRESS_BYTES;
  const route = peer.lab.routeFrom(error.from ?? peer.address);
  peer.lab.ingest(craftPacket(route, {
    protocol: isV4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6,
    length: ICMP.HEADER_BYTES + length,
    fill: (frame, icmpAt, pseudoSum) => {
      frame.set(quoted.subarray(0, length), icmpAt + ICMP.HEADER_BYTES);
      const { type, code, rest: restOfHeader = 0 } = error;
      emitIcmpMessage(
        frame,
        icmpAt,
        { type, code, restOfHeader, payloadLength: length },
        isV4 ? 0 : pseudoSum,
      );
    },
  }));
}

/** A segment of the host without text, as a router has it that complains. */
function quotedSegment(peer: Peer, { quotedPort, seq }: IcmpError): Uint8Array {
  const at = ipHeaderBytes(peer.address.length);
  const quoted = new Uint8Array(at + TCP.HEADER_BYTES);
  emitIp(quoted, 0, {
    source: familyOf(peer.address).host,
    destination: peer.address,
    protocol: IP_PROTOCOL.TCP,
    payloadLength: TCP.HEADER_BYTES,
    hopLimit: 60,
    id: 1,
    dontFragment: true,
  });
  const hostPort = peer.hostPortSeen === 0 ? peer.hostPort : peer.hostPortSeen;
  writeU16(quoted, at + TCP.SOURCE_PORT, quotedPort ?? hostPort);
  writeU16(quoted, at + TCP.DESTINATION_PORT, peer.port);
  writeU32(quoted, at + TCP.SEQUENCE, (peer.hostIss + seq) >>> 0);
  return quoted;
}
