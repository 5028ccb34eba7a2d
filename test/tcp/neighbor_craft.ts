/**
 * Neighbour discovery by hand: the peer of the TCP tests says that it has the address that the host asks for (RFC 4861 §7.2.4).
 *
 * Owns: what a solicitation asks for, and the answer; what a host says of its groups. Must not know: who answers when.
 */
import { ICMPV6_TYPE } from "../../src/wire/icmpv6.ts";
import { IP_PROTOCOL } from "../../src/wire/ip.ts";
import { emitNeighbor, NEIGHBOR_FLAG, neighborLength } from "../../src/wire/neighbor_discovery.ts";
import { craftPacket, type ReadPacket, type Route } from "./frame_craft.ts";

/** RFC 4861 §4.3, in a frame without a tag and a packet without extension headers. */
const FRAME = { ETHERTYPE: 12, NEXT_HEADER: 20, TYPE: 54, TARGET: 62 } as const;
const ADDRESS_BYTES = 16;

/** The address that a solicitation asks for; null where the frame is none. */
export function solicitedAddress(frame: Uint8Array): Uint8Array | null {
  if (frame[FRAME.ETHERTYPE] !== 0x86 || frame[FRAME.ETHERTYPE + 1] !== 0xdd) return null;
  if (frame[FRAME.NEXT_HEADER] !== 58 || frame[FRAME.TYPE] !== 135) return null;
  return frame.slice(FRAME.TARGET, FRAME.TARGET + ADDRESS_BYTES);
}

/** Whether the host tells of groups that it is in (RFC 3810 §5.2), as it does whenever it has addresses of IPv6. */
export function isGroupReport({ protocol, payload }: ReadPacket): boolean {
  return protocol === 58 && payload[0] === 143;
}

/** The frame in which the source of `route` says where it is. */
export function advertisement(route: Route): Uint8Array {
  const fields = {
    type: ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT,
    flags: NEIGHBOR_FLAG.SOLICITED + NEIGHBOR_FLAG.OVERRIDE,
    target: route.source,
    mac: route.sourceMac,
  };
  return craftPacket(route, {
    protocol: IP_PROTOCOL.ICMPV6,
    length: neighborLength(fields),
    hopLimit: 255,
    fill: (frame, at, pseudoSum) => void emitNeighbor(frame, at, fields, pseudoSum),
  });
}
