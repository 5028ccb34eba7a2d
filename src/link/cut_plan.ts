/**
 * Where the headers of a large segment are, for a link that lets the kernel cut it.
 *
 * Owns: finding the TCP header behind Ethernet, tags and IP. Must not know: who cuts, or how.
 *
 * What {@link FrameLink.send} is given with a cut size was written by our own host: it is located, not judged.
 */
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { FLAG, TCP } from "../wire/tcp.ts";

/** What one who cuts has to know; offsets are counted from the start of the frame. Made once, used again and again. */
export class CutPlan {
  /** Payload bytes of each segment that leaves. */
  cutBytes = 0;
  /** Bytes before the payload. */
  headerLength = 0;
  /** Where the TCP header starts. */
  tcpOffset = 0;
  /** Whether the packet is IPv6. */
  isIpv6 = false;
  /** Whether CWR is set: it belongs to the first segment only (RFC 3168 §6.1.2). */
  hasCwr = false;
}

/** Where the checksum is in a TCP header. */
export const TCP_CHECKSUM_OFFSET = TCP.CHECKSUM;

const ethernet = new EthernetHeader();

/** Reads the headers of the `length` bytes of `frame` into `out`; false where it is no TCP segment. */
export function planCut(frame: Uint8Array, length: number, cutBytes: number, out: CutPlan): boolean {
  if (parseEthernet(frame, length, ethernet) !== null) return false;
  const ipOffset = ethernet.payloadOffset;
  out.isIpv6 = ethernet.type === ETHERTYPE.IPV6;
  if (!out.isIpv6 && ethernet.type !== ETHERTYPE.IPV4) return false;
  const ipHeaderLength = out.isIpv6 ? IPV6.HEADER_BYTES : (frame[ipOffset + IPV4.VERSION_IHL] & 0x0f) << 2;
  const tcpOffset = ipOffset + ipHeaderLength;
  if (length < tcpOffset + TCP.HEADER_BYTES) return false;
  out.cutBytes = cutBytes;
  out.tcpOffset = tcpOffset;
  out.headerLength = tcpOffset + ((frame[tcpOffset + TCP.DATA_OFFSET] & 0xf0) >>> 2);
  out.hasCwr = (frame[tcpOffset + TCP.FLAGS] & FLAG.CWR) !== 0;
  return true;
}
