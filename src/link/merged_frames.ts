/**
 * Merged frames, cut back into the packets that were (or would have been) on the wire.
 *
 * Owns: cutting. A device that off-loads hands up segments of up to 64 KiB; on a bad path each packet of the wire is to have
 * a fate of its own, or one percent of loss would take forty packets at a time. RFC 9293 §3.1, RFC 791 §3.1, RFC 8200 §3.
 * Must not know: what happens to the pieces.
 */
import { readU16, readU32, writeU16, writeU32 } from "../wire/bytes.ts";
import { checksum, pseudoHeaderSum } from "../wire/checksum.ts";
import { EthernetHeader, parseEthernet } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { CHECKSUM_VERDICT, checksumVerdict, FLAG, TCP, tcpChecksum } from "../wire/tcp.ts";
import { CutPlan, planCut } from "./cut_plan.ts";

/** Takes one piece, valid during the call. */
type PieceHandler = (frame: Uint8Array, length: number) => void;

/** Cuts frames; keeps the buffer in which the pieces are made. */
export class FrameCutter {
  /** The largest IP packet that a piece may be, bytes. */
  mtu: number;
  /** The most payload of a piece, bytes, where that is less than fits: what the receiver's MSS allows. */
  mostPayload = Infinity;
  readonly #ethernet = new EthernetHeader();
  readonly #plan = new CutPlan();
  #piece = new Uint8Array(0);

  constructor(mtu: number) {
    this.mtu = mtu;
  }

  /**
   * Hands on the pieces of a frame of `length` bytes, in order; false, and none, where it is a packet that the wire can
   * carry, or no TCP segment whose checksum is right or left to a device.
   */
  cut(frame: Uint8Array, length: number, take: PieceHandler): boolean {
    if (length <= this.mtu) return false;
    const plan = this.#plan;
    if (parseEthernet(frame, length, this.#ethernet) !== null || !planCut(frame, length, 0, plan)) {
      return false;
    }
    const { headerLength, tcpOffset, isIpv6 } = plan;
    const ipOffset = this.#ethernet.payloadOffset;
    if (length - ipOffset <= this.mtu || headerLength > length) return false;
    if ((frame[tcpOffset + TCP.FLAGS] & (FLAG.SYN | FLAG.RST | FLAG.URG)) !== 0) return false;
    if (!this.#isWhole(frame, length, ipOffset)) return false;
    const pieceBytes = Math.min(this.mostPayload, this.mtu - (headerLength - ipOffset));
    if (pieceBytes <= 0) return false;
    if (this.#piece.length < headerLength + pieceBytes) {
      this.#piece = new Uint8Array(headerLength + pieceBytes);
    }
    const piece = this.#piece;
    piece.set(frame.subarray(0, headerLength));
    const flags = frame[tcpOffset + TCP.FLAGS];
    const seq = readU32(frame, tcpOffset + TCP.SEQUENCE);
    const id = isIpv6 ? 0 : readU16(frame, ipOffset + IPV4.ID);
    for (let at = headerLength, index = 0; at < length; at += pieceBytes, index++) {
      const end = Math.min(length, at + pieceBytes);
      piece.set(frame.subarray(at, end), headerLength);
      const pieceLength = headerLength + end - at;
      writeU32(piece, tcpOffset + TCP.SEQUENCE, (seq + at - headerLength) >>> 0);
      // CWR belongs to the first (RFC 3168 §6.1.2), PSH and FIN to the last.
      const notHere = (index > 0 ? FLAG.CWR : 0) | (end < length ? FLAG.PSH | FLAG.FIN : 0);
      piece[tcpOffset + TCP.FLAGS] = flags & ~notHere;
      if (isIpv6) writeU16(piece, ipOffset + IPV6.PAYLOAD_LENGTH, pieceLength - ipOffset - IPV6.HEADER_BYTES);
      else this.#finishIpv4(ipOffset, { tcpOffset, pieceLength, id: (id + index) & 0xffff });
      const sum = this.#pseudoSum(piece, pieceLength, ipOffset);
      writeU16(
        piece,
        tcpOffset + TCP.CHECKSUM,
        tcpChecksum(piece, tcpOffset, pieceLength - tcpOffset, sum),
      );
      take(piece, pieceLength);
    }
    return true;
  }

  #finishIpv4(ipOffset: number, about: { tcpOffset: number; pieceLength: number; id: number }): void {
    const piece = this.#piece;
    writeU16(piece, ipOffset + IPV4.TOTAL_LENGTH, about.pieceLength - ipOffset);
    writeU16(piece, ipOffset + IPV4.ID, about.id);
    writeU16(piece, ipOffset + IPV4.CHECKSUM, 0);
    writeU16(piece, ipOffset + IPV4.CHECKSUM, checksum(piece, ipOffset, about.tcpOffset - ipOffset));
  }

  /** A TCP segment to the frame's very end, with a sum that is right or was left to a device; a wrong one stays one wrong frame. */
  #isWhole(frame: Uint8Array, length: number, ipOffset: number): boolean {
    const { tcpOffset, isIpv6 } = this.#plan;
    const protocol = isIpv6 ? frame[ipOffset + IPV6.NEXT_HEADER] : frame[ipOffset + IPV4.PROTOCOL];
    if (protocol !== IP_PROTOCOL.TCP) return false;
    const told = isIpv6
      ? readU16(frame, ipOffset + IPV6.PAYLOAD_LENGTH) + IPV6.HEADER_BYTES
      : readU16(frame, ipOffset + IPV4.TOTAL_LENGTH);
    // Above 65,535 bytes Linux says 0.
    if (told !== length - ipOffset && told !== (isIpv6 ? IPV6.HEADER_BYTES : 0)) return false;
    const sum = this.#pseudoSum(frame, length, ipOffset);
    return checksumVerdict(frame, tcpOffset, length - tcpOffset, sum) !== CHECKSUM_VERDICT.WRONG;
  }

  #pseudoSum(frame: Uint8Array, length: number, ipOffset: number): number {
    const { tcpOffset, isIpv6 } = this.#plan;
    const [addresses, addressBytes] = isIpv6
      ? [ipOffset + IPV6.SOURCE, IPV6.ADDRESS_BYTES]
      : [ipOffset + IPV4.SOURCE, IPV4.ADDRESS_BYTES];
    return pseudoHeaderSum(frame, addresses, addressBytes, IP_PROTOCOL.TCP, length - tcpOffset);
  }
}
