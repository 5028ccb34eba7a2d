/**
 * editSegments: a link decorator that shows each TCP segment to somebody who may change or lose it: a middlebox, a filter, a
 * liar, for labs and tests.
 *
 * Owns: finding the segment, and writing it anew with lengths and checksums that are right (RFC 9293 §3.1, RFC 791 §3.1,
 * RFC 8200 §3). Must not know: connections, what the editor is after. Not for speed: each segment's checksum is
 * verified, and objects are made for it.
 */
import { writeU16 } from "../wire/bytes.ts";
import { checksum, foldSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { parseIp } from "../wire/ip.ts";
import { IP_PROTOCOL, IpPacket } from "../wire/ip_packet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  parseTcp,
  TCP,
  tcpChecksum,
  TcpSegment,
} from "../wire/tcp.ts";
import type { FrameHandler, FrameLink } from "./link.ts";
import { LinkOver } from "./link_over.ts";

/** A segment on its way; valid during the call that shows it. */
export interface PassingSegment {
  /** `in`: it comes from the wire; `out`: whoever uses the link sends it. */
  readonly direction: "in" | "out";
  /** Addresses, 4 or 16 bytes: views of the packet, to be read. */
  readonly source: Uint8Array;
  /** The same of where it goes. */
  readonly destination: Uint8Array;
  /** Header and options, to be read, and changed where the verdict is `edited`; the payload stays as it is. */
  readonly tcp: TcpSegment;
}

/** `pass`: the frame goes on as it came; `edited`: it is written anew of {@link PassingSegment.tcp}; `drop`: it is lost. */
export type SegmentVerdict = "pass" | "edited" | "drop";

/** What {@link editSegments} is told. */
export interface SegmentEditing {
  /**
   * Judges a segment. One that throws loses the segment, and nothing else. Not shown, and passed on as they are: frames
   * without TCP, segments that cannot be read, and those with a wrong checksum, which no middlebox may make right.
   */
  edit(segment: PassingSegment): SegmentVerdict;
  /** What becomes of fragments of TCP, which nobody looks into: a filter must not let them by. `pass` when absent. */
  readonly fragments?: "pass" | "drop";
  /** Told of what `edit` threw; what this throws is lost. */
  readonly onThrown?: (error: unknown) => void;
}

/**
 * Puts an editor on `link`: the returned link behaves like `link` in every other way, and owns it (`close` closes both).
 *
 * Options of kinds that {@link TcpSegment} has no field for do not survive `edited`. A segment that grows above the MTU is
 * refused by the link below, as any other.
 *
 * ```ts
 * import { editSegments, FLAG, memoryPair } from "@tcplab/tcplab";
 *
 * const [left, right] = memoryPair();
 * const withoutScaling = editSegments(left, {
 *   edit({ tcp }) {
 *     if ((tcp.flags & FLAG.SYN) === 0) return "pass";
 *     tcp.windowScale = -1;
 *     return "edited";
 *   },
 * });
 * console.log(withoutScaling.name, right.name);
 * ```
 */
export function editSegments(link: FrameLink, editing: SegmentEditing): FrameLink {
  return new EditedLink(link, editing);
}

/** Options may fill the header up (RFC 9293 §3.1): the most that a segment can grow by. */
const MOST_GROWTH_BYTES = TCP.MAX_HEADER_BYTES - TCP.HEADER_BYTES;

/** One direction of the link: what it looks at a frame with, and where it writes one anew. */
class SegmentPass {
  readonly #direction: "in" | "out";
  readonly #editing: SegmentEditing;
  readonly #ethernet = new EthernetHeader();
  readonly #ip = new IpPacket();
  readonly #tcp = new TcpSegment();
  /** What goes on: the frame that came, or a new one. */
  frame: Uint8Array = new Uint8Array(0);
  length = 0;
  #room: Uint8Array = new Uint8Array(0);

  constructor(direction: "in" | "out", editing: SegmentEditing) {
    this.#direction = direction;
    this.#editing = editing;
  }

  /** Whether the frame goes on, as {@link SegmentPass.frame} and {@link SegmentPass.length} then. */
  take(frame: Uint8Array, length: number, isCut: boolean): boolean {
    this.frame = frame;
    this.length = length;
    const ip = this.#ip;
    if (parseEthernet(frame, length, this.#ethernet) !== null) return true;
    const { type, payloadOffset } = this.#ethernet;
    if (type !== ETHERTYPE.IPV4 && type !== ETHERTYPE.IPV6) return true;
    if (parseIp(type, frame, payloadOffset, length - payloadOffset, ip) !== null) return true;
    // A later fragment of IPv6 does not tell what it is of.
    if (ip.isFragment) return this.#editing.fragments !== "drop" || isOther(ip);
    if (ip.protocol !== IP_PROTOCOL.TCP) return true;
    if (parseTcp(frame, ip.payloadOffset, ip.payloadLength, this.#tcp) !== null) return true;
    const { sourceOffset, addressBytes } = ip;
    const sum = pseudoHeaderSum(frame, sourceOffset, addressBytes, IP_PROTOCOL.TCP, ip.payloadLength);
    if (checksumVerdict(frame, ip.payloadOffset, ip.payloadLength, sum) === CHECKSUM_VERDICT.WRONG) {
      return true;
    }
    const verdict = this.#judge(frame);
    if (verdict === "edited") this.#write(frame, isCut);
    return verdict !== "drop";
  }

  #judge(frame: Uint8Array): SegmentVerdict {
    const { sourceOffset, destinationOffset, addressBytes } = this.#ip;
    try {
      return this.#editing.edit({
        direction: this.#direction,
        source: frame.subarray(sourceOffset, sourceOffset + addressBytes),
        destination: frame.subarray(destinationOffset, destinationOffset + addressBytes),
        tcp: this.#tcp,
      });
    } catch (error) {
      try {
        this.#editing.onThrown?.(error);
      } catch {
        // The link goes on, whatever those who look at it do.
      }
      return "drop";
    }
  }

  /** The headers below TCP as they were, the segment anew, its payload behind it. */
  #write(frame: Uint8Array, isCut: boolean): void {
    const ip = this.#ip;
    const tcp = this.#tcp;
    const tcpOffset = ip.payloadOffset;
    const payload = frame.subarray(
      tcpOffset + tcp.headerLength,
      tcpOffset + ip.payloadLength,
    );
    const needed = tcpOffset + ip.payloadLength + MOST_GROWTH_BYTES;
    if (this.#room.length < needed) this.#room = new Uint8Array(needed);
    const into = this.#room;
    into.set(frame.subarray(0, tcpOffset));
    const tcpLength = emitTcp(into, tcpOffset, tcp) + payload.length;
    into.set(payload, tcpOffset + tcp.headerLength);
    writeIpLength(into, ip, tcpLength);
    const sum = pseudoHeaderSum(into, ip.sourceOffset, ip.addressBytes, IP_PROTOCOL.TCP, tcpLength);
    // Of one that the kernel will cut, the sum is left to be completed for each part (link.ts).
    const field = isCut ? foldSum(sum) : tcpChecksum(into, tcpOffset, tcpLength, sum);
    writeU16(into, tcpOffset + TCP.CHECKSUM, field);
    this.frame = into;
    this.length = tcpOffset + tcpLength;
  }
}

/** Whether a fragment is surely of another protocol. */
function isOther(ip: IpPacket): boolean {
  return !ip.isIpv6 && ip.protocol !== IP_PROTOCOL.TCP;
}

/** Above what its field can tell, a packet's length is written as 0, as off-loading devices have it. */
function writeIpLength(bytes: Uint8Array, ip: IpPacket, tcpLength: number): void {
  const at = ip.headerOffset;
  const field = (length: number) => length > 0xffff ? 0 : length;
  if (ip.isIpv6) {
    const extensions = ip.payloadOffset - at - IPV6.HEADER_BYTES;
    writeU16(bytes, at + IPV6.PAYLOAD_LENGTH, field(extensions + tcpLength));
    return;
  }
  const headerBytes = ip.payloadOffset - at;
  writeU16(bytes, at + IPV4.TOTAL_LENGTH, field(headerBytes + tcpLength));
  writeU16(bytes, at + IPV4.CHECKSUM, 0);
  writeU16(bytes, at + IPV4.CHECKSUM, checksum(bytes, at, headerBytes));
}

class EditedLink extends LinkOver {
  readonly #in: SegmentPass;
  readonly #out: SegmentPass;
  readonly #onFrame: FrameHandler = (frame, length, capturedUs, touch = 0) => {
    const pass = this.#in;
    if (pass.take(frame, length, false)) this.handler(pass.frame, pass.length, capturedUs, touch);
  };

  constructor(link: FrameLink, editing: SegmentEditing) {
    super(link);
    this.#in = new SegmentPass("in", editing);
    this.#out = new SegmentPass("out", editing);
  }

  override receive(handler: FrameHandler, budget: number): number {
    this.handler = handler;
    return this.receiveBy(this.#onFrame, budget);
  }

  override send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    const pass = this.#out;
    if (pass.take(frame, length, cutBytes > 0)) this.link.send(pass.frame, pass.length, cutBytes, label);
  }
}
