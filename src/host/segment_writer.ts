/**
 * SegmentWriter: from a SEND effect to a frame.
 *
 * Owns: the frame's memory, headers from Ethernet to TCP, options, checksums. Must not know: why a segment is
 * sent. The one place that knows an IP version on the way out.
 */
import type { Effect } from "../tcp/effects.ts";
import type { MachineContext } from "../tcp/context.ts";
import { windowShiftFor } from "../tcp/establish.ts";
import { takeSackBlocks, timestampNow } from "../tcp/send_segment.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { writeU16 } from "../wire/bytes.ts";
import { foldSum } from "../wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../wire/ethernet.ts";
import { addressSum, emitIpv4, IP_PROTOCOL, IPV4 } from "../wire/ipv4.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../wire/tcp.ts";
import { clearTcpOptions } from "../wire/tcp_options.ts";

/** Headers and the largest IP packet, with room to spare. */
const FRAME_BYTES = 0x10000 + 0x100;

const UNKNOWN_MAC: Uint8Array = new Uint8Array(6);
const NO_ADDRESS: Uint8Array = new Uint8Array(0);

/** Where a segment goes. */
export interface SegmentRoute {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  /** Null while it is not known yet: the frame then waits for it elsewhere. */
  readonly peerMac: Uint8Array | null;
  readonly vlan: number;
}

/** Writes segments of one host, one at a time, into {@link SegmentWriter.frame}. */
export class SegmentWriter {
  readonly frame = new Uint8Array(FRAME_BYTES);
  /** The segment written last, its fields as on the wire; `buffer` is {@link SegmentWriter.frame}. */
  readonly segment = new TcpSegment();
  // The fields of the headers around the segment, filled anew for each: nothing is made for a frame.
  readonly #ethernet;
  readonly #ip;

  constructor(mac: Uint8Array, ttl: number) {
    this.#ethernet = { destination: UNKNOWN_MAC, source: mac, type: ETHERTYPE.IPV4, vlan: -1 };
    this.#ip = {
      source: NO_ADDRESS,
      destination: NO_ADDRESS,
      addressSum: 0,
      protocol: IP_PROTOCOL.TCP,
      payloadLength: 0,
      ttl,
      id: 0,
      dscp: 0,
      ecn: 0,
      dontFragment: true,
    };
    this.segment.buffer = this.frame;
  }

  /** Writes the segment that `effect` asks for; returns the frame's length in bytes. */
  write(route: SegmentRoute, effect: Effect, context: MachineContext): number {
    const { frame, segment } = this;
    const { tcb } = effect;
    segment.sourcePort = route.localPort;
    segment.destinationPort = route.peerPort;
    segment.seq = effect.seq;
    segment.ack = effect.ack;
    segment.flags = effect.flags;
    segment.window = effect.window;
    segment.urgentPointer = effect.urgentPointer;
    clearTcpOptions(segment);
    if (tcb !== null) {
      setOptions(segment, tcb, context, effect.cutBytes > 0 ? effect.cutBytes : effect.length);
    }

    const ethernet = this.#ethernet;
    ethernet.destination = route.peerMac ?? UNKNOWN_MAC;
    ethernet.vlan = route.vlan;
    const ipOffset = emitEthernet(frame, ethernet);
    const tcpOffset = ipOffset + IPV4.HEADER_BYTES;
    const headerLength = emitTcp(frame, tcpOffset, segment);
    const payloadOffset = tcpOffset + headerLength;
    const { length } = effect;
    if (length > 0 && tcb !== null) {
      tcb.sendRing.copyOut((effect.seq - tcb.sndRingSeq) | 0, frame, payloadOffset, length);
    }
    segment.payloadOffset = payloadOffset;
    segment.payloadLength = length;
    const tcpLength = headerLength + length;
    const addresses = addressSum(route.localAddress, route.peerAddress);
    const ip = this.#ip;
    ip.source = route.localAddress;
    ip.destination = route.peerAddress;
    ip.addressSum = addresses;
    ip.payloadLength = tcpLength;
    ip.id = tcb === null ? 0 : takeIds(tcb, effect);
    // SHLD-22: as the application set it.
    ip.dscp = tcb === null ? 0 : tcb.dscp;
    ip.ecn = effect.ecn;
    ip.dontFragment = tcb === null || tcb.dontFragment;
    emitIpv4(frame, ipOffset, ip);
    const pseudo = addresses + IP_PROTOCOL.TCP + (tcpLength & 0xffff) + (tcpLength >>> 16);
    // Of a segment that is cut on its way, whoever cuts completes the sum of each part.
    const sum = effect.cutBytes > 0 ? foldSum(pseudo) : tcpChecksum(frame, tcpOffset, tcpLength, pseudo);
    writeU16(frame, tcpOffset + TCP.CHECKSUM, sum);
    return payloadOffset + length;
  }
}

/**
 * The identification of a connection's next packet. It counts per connection, from a place that only our secret tells:
 * one counter for all peers would tell each how much the others get (RFC 6274 §3.5.2.1).
 */
function takeIds(tcb: Tcb, effect: Effect): number {
  const id = tcb.ipId;
  // Whoever cuts a large segment numbers the parts on from there.
  const parts = effect.cutBytes > 0 ? Math.ceil(effect.length / effect.cutBytes) : 1;
  tcb.ipId = (id + parts) & 0xffff;
  return id;
}

/**
 * Options of a segment of `tcb`: those of the handshake on SYN, else timestamps and SACK as agreed. The MSS stands in
 * every SYN and nowhere else (MUST-14, SHLD-5, MAY-3, MUST-65).
 */
function setOptions(segment: TcpSegment, tcb: Tcb, context: MachineContext, payloadBytes: number): void {
  const isAnswer = (segment.flags & FLAG.ACK) !== 0;
  let hasTimestamps = tcb.timestamps;
  if ((segment.flags & FLAG.SYN) !== 0) {
    const { config } = tcb;
    // An active SYN offers all that is switched on, a SYN-ACK what the peer offered too.
    if (!isAnswer) hasTimestamps = config.timestamps;
    segment.mss = tcb.ourMss;
    segment.sackPermitted = isAnswer ? tcb.sack : config.sack;
    if (isAnswer ? tcb.windowScaling : config.windowScaling) {
      segment.windowScale = windowShiftFor(tcb.receiveRing.limitBytes);
    }
  } else if ((segment.flags & FLAG.RST) === 0) {
    segment.sackBlockCount = takeSackBlocks(tcb, segment.sackBlocks, payloadBytes);
  }
  if (!hasTimestamps) return;
  segment.hasTimestamps = true;
  segment.tsValue = timestampNow(context, tcb);
  // RFC 7323 §3.2: TSecr counts only with ACK.
  segment.tsEcho = isAnswer ? tcb.tsRecent : 0;
}
