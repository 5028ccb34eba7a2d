/**
 * PcapngFiles: blocks on their way into files.
 *
 * Owns: the buffer before the sink, how a file begins and ends, how much it may hold, and what is left when the sink takes
 * no more. Must not know: where packets and comments come from, where files are (the sink is an argument), clocks.
 */
import type { WriteBytes } from "./log_writer.ts";
import {
  emitPacketBlock,
  encodeComment,
  interfaceBlock,
  packetBlockLength,
  type PacketInfo,
  sectionHeaderBlock,
  SNAP_LENGTH,
  statisticsBlock,
} from "./pcapng.ts";

/** What files are written to, and what they say of themselves. */
export interface PcapngFilesOptions {
  /** Takes bytes of the file, as many as it says; throws when it cannot (a full disk). 0 counts as a failure too. */
  readonly write: WriteBytes;
  /**
   * Told once, of the first error; recording stops then, and everything else goes on. `tornBytes`: the last bytes that
   * `write` has taken belong to a block that is not whole, and without them the file can be read.
   */
  readonly onError?: (error: unknown, tornBytes: number) => void;
  /** Most that a file may hold, bytes; only one whose first packet is larger alone has more. Without bound when absent. */
  readonly limitBytes?: number;
  /**
   * Called when a file is full, which is whole by then. True: `write` goes to another one from now on; false: recording
   * stops. False when absent.
   */
  readonly onLimit?: () => boolean;
  /** What the device has counted, for the end of a file. */
  readonly statistics?: () => FrameStatistics;
  /** Time of what is told by nobody, microseconds since 1970. */
  readonly nowEpochUs: () => number;
  /** So much is recorded of a frame at most; all of it when absent. */
  readonly snapBytes?: number;
  readonly device: string;
  /** 6 bytes. */
  readonly mac?: Uint8Array;
  readonly filter?: string;
  /** Name and version of the program, for the file's header. */
  readonly application: string;
  readonly os?: string;
}

/** Frames of a device, counted from the beginning. */
interface FrameStatistics {
  readonly received?: number;
  readonly dropped?: number;
}

/** Whose packets they are. */
interface PcapngFilesOwner {
  /** Comments that belong to no packet, for the end of a file; of the last one when `isLast`. */
  leftOver(isLast: boolean): string[];
  /** A file begins after another one. */
  begun(): void;
}

/** Bytes gathered before a write; local choice: some hundred full frames, and the largest block fits twice. */
const BUFFER_BYTES = 1 << 20;
/** The statistics at a file's end without any comment. */
const STATISTICS_BYTES = statisticsBlock({ timestampUs: 0, received: 0, dropped: 0 }).length;

/** One file after another; no method throws. */
export class PcapngFiles {
  readonly #options: PcapngFilesOptions;
  readonly #owner: PcapngFilesOwner;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  /** Of the running file, those that are still in the buffer included. */
  #fileBytes = 0;
  #filePackets = 0;
  #isStopped = false;

  /** Begins the first file. */
  constructor(options: PcapngFilesOptions, owner: PcapngFilesOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#beginFile();
  }

  /** True after an error, at a limit, and after {@link PcapngFiles.finish}. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Puts a packet into the running file, or the next; returns its number there, from 1, as readers count. */
  putPacket(packet: PacketInfo): number {
    const length = packetBlockLength(packet);
    if (this.#isFull(length) && !this.#nextFile()) return 0;
    if (this.#buffered + length > this.#buffer.length) this.drain();
    if (this.#isStopped) return 0;
    this.#buffered += emitPacketBlock(this.#buffer, this.#buffered, packet);
    this.#fileBytes += length;
    return ++this.#filePackets;
  }

  /** Gives the sink what is gathered. */
  drain(): void {
    const end = this.#buffered;
    this.#buffered = 0;
    let start = 0;
    try {
      while (start < end) {
        const taken = this.#options.write(this.#buffer.subarray(start, end));
        if (taken <= 0) throw new Error("The file takes no more bytes");
        start += taken;
      }
    } catch (error) {
      this.#isStopped = true;
      this.#options.onError?.(error, start - wholeBlocks(this.#buffer, start));
    }
  }

  /** Ends the last file. */
  finish(): void {
    this.#endFile(this.#owner.leftOver(true));
    this.#isStopped = true;
  }

  #beginFile(): void {
    const { device, mac, filter, application, os, snapBytes = SNAP_LENGTH } = this.#options;
    this.#fileBytes = this.#filePackets = 0;
    this.#put(sectionHeaderBlock({ application, ...(os === undefined ? {} : { os }) }));
    this.#put(
      interfaceBlock({
        name: device,
        snapBytes,
        ...(mac === undefined ? {} : { mac }),
        ...(filter === undefined ? {} : { filter }),
      }),
    );
  }

  #isFull(more: number): boolean {
    const { limitBytes = Infinity } = this.#options;
    return this.#filePackets > 0 && this.#fileBytes + more + STATISTICS_BYTES > limitBytes;
  }

  /** Whether there is another file to go on with. */
  #nextFile(): boolean {
    this.#endFile(this.#owner.leftOver(false));
    if (this.#isStopped) return false;
    this.#isStopped = this.#options.onLimit?.() !== true;
    if (this.#isStopped) return false;
    this.#owner.begun();
    this.#beginFile();
    return !this.#isStopped;
  }

  /** Ends a file with the statistics, and with those of the comments that have room in it. */
  #endFile(comments: readonly string[]): void {
    const { limitBytes = Infinity, nowEpochUs } = this.#options;
    let room = limitBytes - this.#fileBytes - STATISTICS_BYTES;
    const fitting = comments.map(encodeComment).filter((comment) =>
      (room -= commentBlockBytes(comment)) >= 0
    );
    this.#put(statisticsBlock({ timestampUs: nowEpochUs(), ...this.#statistics(), comments: fitting }));
    this.drain();
  }

  /** A device that cannot tell any more (it is gone) leaves them out: the file is whole without them. */
  #statistics(): FrameStatistics {
    try {
      return this.#options.statistics?.() ?? {};
    } catch {
      return {};
    }
  }

  #put(block: Uint8Array): void {
    if (this.#buffered + block.length > this.#buffer.length) this.drain();
    if (this.#isStopped) return;
    this.#buffer.set(block, this.#buffered);
    this.#buffered += block.length;
    this.#fileBytes += block.length;
  }
}

/** How many of the first `length` bytes, which begin with a block, are whole blocks. */
function wholeBlocks(bytes: Uint8Array, length: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = 0;
  while (end + 8 <= length) {
    const next = end + view.getUint32(end + 4, true);
    if (next > length) break;
    end = next;
  }
  return end;
}

/** What a comment takes of the statistics' block: its option's head, its text, and what fills it up. */
function commentBlockBytes(comment: Uint8Array): number {
  return 4 + comment.length + 3;
}
