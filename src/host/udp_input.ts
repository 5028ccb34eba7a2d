/**
 * UdpInput: TCP that comes in UDP, where that is taken.
 *
 * Owns: which datagrams hold segments, and whose sum counts. Must not know: what TCP does with a segment, or that its answers go
 * the same way (segment_writer.ts).
 *
 * No RFC has TCP in UDP; it is as FreeBSD speaks it (`udp_tunneling_port`), and as RFC 6951 has it for SCTP: UDP's header comes
 * before TCP's, the peer's port of UDP is part of whom one talks to, and UDP's sum stands for TCP's.
 */
import { IP_PROTOCOL, type IpPacket, pseudoSum } from "../wire/ip.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { isUdpSumRight, parseUdp, UDP, type UdpFields } from "../wire/udp.ts";
import type { ChecksumPolicy, TcpInput } from "./tcp_input.ts";

/** What datagrams are judged with, and handed to. */
interface UdpInputOptions {
  /** The port at which TCP is taken, as it is set now; 0: at none. */
  port(): number;
  readonly checksumPolicy: ChecksumPolicy;
  readonly tcp: TcpInput;
  drop(reason: DropReason): void;
}

/** The UDP input of one host. */
export class UdpInput {
  readonly #options: UdpInputOptions;
  readonly #udp: UdpFields = { sourcePort: 0, destinationPort: 0, length: 0, hasChecksum: false };

  constructor(options: UdpInputOptions) {
    this.#options = options;
  }

  /** Takes the payload of `packet`, which lies in `bytes`; false where nobody is at its port. */
  arrives(bytes: Uint8Array, packet: IpPacket): boolean {
    const { tcp, checksumPolicy, drop } = this.#options;
    const port = this.#options.port();
    const udp = this.#udp;
    const { payloadOffset, payloadLength } = packet;
    if (port === 0 || !parseUdp(bytes, { offset: payloadOffset, length: payloadLength }, udp)) return false;
    if (udp.destinationPort !== port) return false;
    const { length, hasChecksum } = udp;
    if (hasChecksum && checksumPolicy !== "ignore") {
      const pseudo = pseudoSum(packet.addressSum, IP_PROTOCOL.UDP, length);
      if (!isUdpSumRight(bytes, { offset: payloadOffset, length }, pseudo)) {
        drop("checksum");
        return true;
      }
    }
    tcp.arrivesInUdp(bytes, packet, {
      offset: payloadOffset + UDP.HEADER_BYTES,
      length: length - UDP.HEADER_BYTES,
      ports: udp,
      isSummed: hasChecksum,
    });
    return true;
  }
}
