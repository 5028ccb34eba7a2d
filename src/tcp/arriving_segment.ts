/**
 * ArrivingSegment: the segment in hand, its numbers as positions in the connection's streams.
 *
 * Owns: the one place where 32 bits become positions, near what the connection awaits. Must not know: what the segment
 * means. SEG.SEQ, SEG.ACK and SEG.LEN as in RFC 9293 §3.3.1.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { positionOf } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, FIN } = FLAG;

/** One per host, filled anew for each segment. */
export class ArrivingSegment {
  /** As on the wire: flags, window, options, and where the text is. */
  header: TcpSegment;
  flags = 0;
  /** SEG.SEQ. */
  seq = 0;
  /** SEG.ACK; of no meaning without ACK. */
  ack = 0;
  /** SEG.LEN: text, SYN and FIN. */
  length = 0;
  /** Octets of text. */
  textLength = 0;

  constructor(header: TcpSegment) {
    this.header = header;
  }

  /** Reads `header` as a segment of `tcb`; its IRS is known, but in SYN_SENT, where `seq` means nothing yet. */
  read(tcb: Readonly<Tcb>, header: TcpSegment): void {
    const { flags, payloadLength } = header;
    this.header = header;
    this.flags = flags;
    this.textLength = payloadLength;
    this.length = (flags & (SYN | FIN)) === 0
      ? payloadLength
      : payloadLength + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    this.seq = positionOf(header.seq, tcb.irs, tcb.rcvNxt);
    this.ack = positionOf(header.ack, tcb.iss, tcb.sndUna);
  }

  /** One edge of a SACK block: an even `edge` is a left one (RFC 2018 §3). */
  sackEdge(tcb: Readonly<Tcb>, edge: number): number {
    return positionOf(this.header.sackBlocks[edge], tcb.iss, tcb.sndUna);
  }

  /** TSecr, or -1 where it tells nothing (RFC 7323 §3.2). */
  echo(tcb: Readonly<Tcb>): number {
    return tcb.timestamps && this.header.hasTimestamps ? this.header.tsEcho : -1;
  }
}
