/**
 * What a capture file holds, whichever its format.
 *
 * Owns: the shapes of a captured packet, its interface, and of what is wrong with a file. Must not know: any file format.
 */

/** Where packets were captured. */
export interface CaptureInterface {
  /** Counts the sections of the file, from 0; a pcap has one. */
  readonly section: number;
  /** Counts the interfaces of the section, from 0; a pcap has one. */
  readonly index: number;
  /** Null where the file does not say. */
  readonly name: string | null;
  /** IANA's and tcpdump.org's LINKTYPE number. */
  readonly linkType: number;
  /** So much was kept of a packet at most; 0 for no limit. */
  readonly snapLength: number;
}

/** One packet of a capture. */
export interface CapturedPacket {
  /** Counts the packets of the file from 1, as tshark numbers frames: pcapng has other blocks that take a number too. */
  readonly number: number;
  /** Microseconds since 1970, what is finer in the fraction: a quarter of one, which is what a double can tell in our time. */
  readonly timeUs: number;
  /** The same time exactly, to the nanosecond: whole seconds since 1970, and the rest. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** False for a packet that was written without a time (pcapng's simple packet block); its times are those of the one before. */
  readonly hasTime: boolean;
  /** What was kept of the packet, link header included; a view of what was pushed, or memory of its own. */
  readonly bytes: Uint8Array;
  /** Of the packet as it was; larger than `bytes` where the capture kept only a beginning. */
  readonly originalLength: number;
  readonly interface: CaptureInterface;
  /** As seen from the host that captured; null where the file does not say. */
  readonly direction: "in" | "out" | null;
  readonly comments: readonly string[];
}

/** What kept a file from being read to its end. */
export interface CaptureProblem {
  /** No capture at all; ends in the middle of a record; a record that cannot be; a format that is not known here. */
  readonly kind: "not-a-capture" | "cut" | "damaged" | "unsupported";
  /** A sentence without full stop that goes on after "FILE: ". */
  readonly text: string;
  /** Where in the file, bytes; for gzip, in what was compressed. */
  readonly offset: number;
}

/** Local choice: so long is a packet, or a block with one, at most. Wireshark's bound; BIG TCP makes packets of half a MiB. */
export const MAX_RECORD_BYTES = 0x1000000;

/** A time, which the readers of both formats fill. */
export interface CaptureTime {
  seconds: number;
  nanoseconds: number;
}

const MICROS_PER_SECOND = 1e6;
const NANOS_PER_MICRO = 1000;

/** {@link CapturedPacket.timeUs} of a time. */
export function microsecondsOf({ seconds, nanoseconds }: CaptureTime): number {
  return seconds * MICROS_PER_SECOND + nanoseconds / NANOS_PER_MICRO;
}

/** What the reader of a format does: one packet for each call, from the bytes that are there. */
export interface CaptureFormat {
  /** The next packet; null when more bytes are needed, or after a {@link problem}. */
  next(): CapturedPacket | null;
  readonly problem: CaptureProblem | null;
  /** Packets that the file says were lost while it was made; null where it does not say. */
  readonly dropped: number | null;
  /** Says what the file's end means where it is now, without a {@link problem} so far: null between two records. */
  atEnd(): CaptureProblem | null;
}
