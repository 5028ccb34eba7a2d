/**
 * ICMP errors by hand: what a router or the peer's host says about a segment that the host sent.
 *
 * Owns: the message and the packet that it quotes. Must not know: what the host should make of it.
 */
import { emitIcmp, ICMP } from "../../src/wire/icmp.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../src/wire/ipv4.ts";
import { writeU16, writeU32 } from "../../src/wire/bytes.ts";
import { TCP } from "../../src/wire/tcp.ts";
import { craftPacket } from "./frame_craft.ts";
import type { Peer } from "./peer.ts";
import { HOST_V4 } from "./wire_ends.ts";

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

/** Sends the host an ICMP error about a segment to `peer`. */
export function sendsIcmp(peer: Peer, error: IcmpError): void {
  const quoted = new Uint8Array(IPV4.HEADER_BYTES + TCP.HEADER_BYTES);
  emitIpv4(quoted, 0, {
    source: HOST_V4,
    destination: peer.address,
    protocol: IP_PROTOCOL.TCP,
    payloadLength: TCP.HEADER_BYTES,
    hopLimit: 60,
    id: 1,
    dontFragment: true,
  });
  const at = IPV4.HEADER_BYTES;
  const hostPort = peer.hostPortSeen === 0 ? peer.hostPort : peer.hostPortSeen;
  writeU16(quoted, at + TCP.SOURCE_PORT, error.quotedPort ?? hostPort);
  writeU16(quoted, at + TCP.DESTINATION_PORT, peer.port);
  writeU32(quoted, at + TCP.SEQUENCE, (peer.hostIss + error.seq) >>> 0);
  const length = at + (error.quotedBytes ?? 8);
  const route = peer.lab.routeFrom(error.from ?? peer.address);
  peer.lab.ingest(craftPacket(route, {
    protocol: IP_PROTOCOL.ICMP,
    length: ICMP.HEADER_BYTES + length,
    fill: (frame, icmpAt) => {
      frame.set(quoted.subarray(0, length), icmpAt + ICMP.HEADER_BYTES);
      emitIcmp(frame, icmpAt, {
        type: error.type,
        code: error.code,
        restOfHeader: error.rest ?? 0,
        payloadLength: length,
      });
    },
  }));
}
