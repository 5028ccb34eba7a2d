/**
 * Frames that the world makes: Ethernet, IP of either version, and a payload with its checksum.
 *
 * Owns: how the layers are put around a payload. Must not know: scripts, what a payload means.
 */
import { foldSum } from "../wire/checksum.ts";
import { emitEthernet, ETHERNET } from "../wire/ethernet.ts";
import { addressSum, emitIp, etherTypeOf, IP_PROTOCOL, ipHeaderBytes, pseudoSum } from "../wire/ip.ts";
import { sumBytes } from "../wire/checksum.ts";
import { writeU16 } from "../wire/bytes.ts";

/** What stands around a payload. */
export interface FrameFields {
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
  /** Of one length: 4 or 16 octets. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  /** The whole octet: DSCP and ECN. */
  readonly trafficClass?: number;
  /** TTL, or hop limit. */
  readonly hopLimit: number;
  readonly flowLabel?: number;
  readonly id?: number;
  /** Where the payload's checksum stands, which covers the pseudo-header; absent: it has none, or its own already. */
  readonly checksumAt?: number;
}

/** The frame with `payload` in it. */
export function ipFrame(payload: Uint8Array, fields: FrameFields): Uint8Array {
  const { source, destination, protocol, trafficClass = 0 } = fields;
  const ipBytes = ipHeaderBytes(source.length);
  const frame = new Uint8Array(ETHERNET.HEADER_BYTES + ipBytes + payload.length);
  const ipAt = emitEthernet(frame, {
    destination: fields.destinationMac,
    source: fields.sourceMac,
    type: etherTypeOf(source.length),
  });
  const sum = addressSum(source, destination);
  const payloadAt = ipAt + emitIp(frame, ipAt, {
    source,
    destination,
    protocol,
    payloadLength: payload.length,
    hopLimit: fields.hopLimit,
    id: fields.id ?? 0,
    dscp: trafficClass >>> 2,
    ecn: trafficClass & 0x03,
    flowLabel: fields.flowLabel ?? 0,
    addressSum: sum,
  });
  frame.set(payload, payloadAt);
  if (fields.checksumAt !== undefined) {
    const at = payloadAt + fields.checksumAt;
    writeU16(frame, at, 0);
    const pseudo = pseudoSum(sum, protocol, payload.length);
    const check = ~foldSum(sumBytes(frame, payloadAt, payload.length, pseudo)) & 0xffff;
    // RFC 768: a sum of zero is sent as all ones, since zero says that there is none.
    writeU16(frame, at, check === 0 && protocol === IP_PROTOCOL.UDP ? 0xffff : check);
  }
  return frame;
}
