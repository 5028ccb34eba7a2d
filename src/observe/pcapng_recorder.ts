/**
 * PcapngRecorder: what was on the wire, with what it led to.
 *
 * Owns: joining frames (heard from the tap on the link) with events (heard as an observer) into one pcapng file, in
 * which each frame carries its state change as a comment. Must not know: files (the sink is an argument), clocks.
 *
 * Frames wait a moment for their events: the received one until the layers above are done with it, sent ones until they
 * have left and no frame can come any more that was captured before. So they are written in the order in which they were
 * on the wire, and their times never go back (link/frame_order.ts). Where nobody tells when frames come and leave, a sent
 * one waits for the next that is received, or for the owner to go idle.
 */
import { Departures, type FrameOrder } from "../link/frame_order.ts";
import type { FrameTap } from "../link/tap.ts";
import type { Observer, RetransmitEvent, TcpEvent, TransitionEvent } from "../tcp/events.ts";
import { type FrameComment, isAbout, WaitingComments } from "./frame_comments.ts";
import { type FrameEnds, frameEnds } from "./frame_ends.ts";
import type { WriteBytes } from "./log_writer.ts";
import {
  emitPacketBlock,
  encodeComment,
  interfaceBlock,
  packetBlockLength,
  sectionHeaderBlock,
  SNAP_LENGTH,
  statisticsBlock,
} from "./pcapng.ts";
import { printable } from "./text_layout.ts";

/** How a recorder is made. */
interface PcapngRecorderOptions {
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
  /** Wall clock at time 0 of the clock of {@link FrameOrder}, microseconds since 1970. */
  readonly epochUs?: number;
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

/** Bytes gathered before a write; local choice: some hundred full frames, and the largest block fits twice. */
const BUFFER_BYTES = 1 << 20;
/** Sent frames that wait at most; local choice: a turn of the pump sends less, but for a crowd of connections at once. */
const MAX_HELD_FRAMES = 1024;
/** The same in bytes; local choice: segments of 64 KiB, as many as are in flight on a fast path. */
const MAX_HELD_BYTES = 0x1000000;
/** Records that are kept for the next frames; local choice: 128 KiB of frames within the MTU. */
const MAX_SPARE_FRAMES = 64;
/** Comments on one frame at most; local choice. */
const MAX_COMMENTS = 16;
/** The statistics at a file's end without any comment. */
const STATISTICS_BYTES = statisticsBlock({ timestampUs: 0, received: 0, dropped: 0 }).length;

/** A frame that waits for its comments. Records and buffers are used again. */
class HeldFrame {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  timestampUs = 0;
  comments: string[] = [];
  /** Found when first asked for; undefined before. */
  #ends: FrameEnds | null | undefined;

  hold(bytes: Uint8Array, length: number, timestampUs: number): void {
    this.bytes = bytes;
    this.length = length;
    this.timestampUs = timestampUs;
    if (this.comments.length > 0) this.comments = [];
    this.#ends = undefined;
  }

  get ends(): FrameEnds | null {
    if (this.#ends === undefined) this.#ends = frameEnds(this.bytes, this.length);
    return this.#ends;
  }

  addComment(text: string): void {
    if (this.comments.length < MAX_COMMENTS) this.comments.push(text);
  }
}

/** Records frames and their state changes; see the file's comment. No method throws. */
export class PcapngRecorder implements FrameTap, FrameOrder {
  /** The observer side: give it to the host, beside others. */
  readonly observe: Observer = (event) => this.#onEvent(event);

  readonly #options: PcapngRecorderOptions;
  readonly #waiting = new WaitingComments();
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  /** Of the running file, those that are still in the buffer included. */
  #fileBytes = 0;
  #filePackets = 0;
  readonly #receivedFrame = new HeldFrame();
  #isReceiving = false;
  readonly #departures = new Departures<HeldFrame>();
  /** The same frames, oldest first, for those who look for one. */
  #sentFrames: HeldFrame[] = [];
  #sentBytes = 0;
  readonly #spare: HeldFrame[] = [];
  /** Whether somebody tells when frames come and leave. */
  #isDriven = false;
  #lastUs = -Infinity;
  #isStopped = false;

  constructor(options: PcapngRecorderOptions) {
    this.#options = options;
    this.#beginFile();
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

  /** True after an error or {@link PcapngRecorder.finish}. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  received(frame: Uint8Array, length: number, capturedUs: number): void {
    if (this.#isStopped) return;
    if (!this.#isDriven) this.#writeHeld();
    this.#receivedFrame.hold(frame, length, capturedUs);
    this.#isReceiving = true;
    this.#claimWaiting(this.#receivedFrame, "in");
  }

  receivedDone(): void {
    this.#writeReceived();
  }

  get isOpen(): boolean {
    return this.#departures.isOpen;
  }

  get isHolding(): boolean {
    return this.#departures.count > 0;
  }

  looking(): void {
    this.#isDriven = !this.#isStopped;
    this.#departures.looking();
  }

  /** The frame in hand, as all who are told of it say: its time as the link has it may be of another clock. */
  arrived(us: number): void {
    const epochUs = this.#epochOf(us);
    if (this.#isReceiving) this.#receivedFrame.timestampUs = epochUs;
    this.#departures.releaseUntil(epochUs, this.#putSent);
  }

  looked(isEmpty: boolean): void {
    if (isEmpty) this.#departures.releaseLooked(this.#putSent);
  }

  departing(us: number): void {
    this.#departures.departing(this.#epochOf(us));
  }

  resting(): void {}

  end(): void {
    this.#isDriven = false;
    this.#writeHeld();
  }

  #epochOf(us: number): number {
    return (this.#options.epochUs ?? 0) + us;
  }

  sent(frame: Uint8Array, length: number, cutBytes: number): void {
    if (this.#isStopped) return;
    if (this.#sentFrames.length >= MAX_HELD_FRAMES || this.#sentBytes > MAX_HELD_BYTES) this.#writeSent();
    const held = this.#spare.pop() ?? new HeldFrame();
    const bytes = held.bytes.length >= length ? held.bytes : new Uint8Array(Math.max(length, 2048));
    bytes.set(length === frame.length ? frame : frame.subarray(0, length));
    held.hold(bytes, length, 0);
    this.#sentFrames.push(held);
    this.#sentBytes += length;
    this.#departures.hold(held);
    if (!this.#isDriven) this.#departures.departing(this.#options.nowEpochUs());
    this.#claimWaiting(held, "out");
    if (cutBytes > 0) {
      held.addComment(
        `one send, cut into segments of ${cutBytes} bytes on the wire, which then get their checksums`,
      );
    }
  }

  /** Writes out what is known of; call it when idle. */
  flush(): void {
    if (this.#isStopped) return;
    if (!this.#isDriven) this.#writeHeld();
    this.#drain();
  }

  /** Ends the file: what waits, then the statistics, with the comments that never found their frame. */
  finish(): void {
    if (this.#isStopped) return;
    this.#writeHeld();
    if (this.#isStopped) return;
    this.#endFile(this.#waiting.takeAll());
    this.#isStopped = true;
  }

  [Symbol.dispose](): void {
    this.finish();
  }

  #onEvent(event: TcpEvent): void {
    if (this.#isStopped) return;
    if (event.event === "transition") this.#onTransition(event);
    else if (event.event === "retransmit") this.#onRetransmit(event);
    else if (event.event === "drop" && this.#isReceiving && event.count === undefined) {
      this.#receivedFrame.addComment(`dropped: ${printable(event.reason)}`);
    }
  }

  #onTransition(event: TransitionEvent): void {
    const text = transitionComment(event);
    const { connection } = event;
    if (event.cause === "segment" && this.#isReceiving) {
      this.#receivedFrame.addComment(text);
    } else if (event.cause !== "segment" && event.send !== null) {
      this.#comment({ connection, text, about: { kind: "flags", flags: event.send } });
    } else {
      // No frame of its own: a listener that opens, or a deadline that ends TIME_WAIT, after which none will come.
      this.#waiting.add({ connection, text, about: { kind: event.to === "CLOSED" ? "none" : "next" } });
    }
  }

  #onRetransmit(event: RetransmitEvent): void {
    const { connection, kind, seq, count } = event;
    const times = count === 1
      ? "1st time"
      : count === 2
      ? "2nd time"
      : count === 3
      ? "3rd time"
      : `${count}th time`;
    // Always told before the frame is sent; one of the same number that waits here is an earlier sending.
    this.#waiting.add({
      connection,
      text: `retransmission (${kind}), ${times}`,
      about: { kind: "seq", seq },
    });
  }

  /** A change of state may be told just before its frame is sent, or just after. */
  #comment(comment: FrameComment): void {
    // The newest: an earlier one like it is another sending.
    for (let i = this.#sentFrames.length - 1; i >= 0; i--) {
      const held = this.#sentFrames[i];
      if (held.ends !== null && isAbout(comment, { direction: "out", ends: held.ends })) {
        held.addComment(comment.text);
        return;
      }
    }
    this.#waiting.add(comment);
  }

  #claimWaiting(held: HeldFrame, direction: "in" | "out"): void {
    if (this.#waiting.count === 0 || held.ends === null) return;
    for (const text of this.#waiting.claim({ direction, ends: held.ends })) held.addComment(text);
  }

  /** The received frame was on the wire before what was sent in answer. */
  #writeHeld(): void {
    this.#writeReceived();
    this.#writeSent();
  }

  #writeReceived(): void {
    if (!this.#isReceiving) return;
    this.#isReceiving = false;
    this.#putFrame(this.#receivedFrame, "in");
  }

  #writeSent(): void {
    if (this.#sentFrames.length > 0) {
      this.#departures.releaseAll(this.#options.nowEpochUs(), this.#putSent);
    }
  }

  readonly #putSent = (held: HeldFrame, epochUs: number) => {
    this.#sentFrames.shift();
    this.#sentBytes -= held.length;
    held.timestampUs = epochUs;
    this.#putFrame(held, "out");
    if (this.#spare.length < MAX_SPARE_FRAMES) this.#spare.push(held);
  };

  #putFrame(held: HeldFrame, direction: "in" | "out"): void {
    if (this.#isStopped) return;
    // The kernel may show a frame a moment after it has stamped it.
    if (held.timestampUs > this.#lastUs) this.#lastUs = held.timestampUs;
    const packet = {
      frame: held.bytes,
      length: held.length,
      timestampUs: this.#lastUs,
      snapBytes: this.#options.snapBytes ?? SNAP_LENGTH,
      direction,
      comments: held.comments.length === 0 ? NO_COMMENTS : held.comments.map(encodeComment),
    };
    const length = packetBlockLength(packet);
    if (this.#isFull(length) && !this.#nextFile()) return;
    if (this.#buffered + length > this.#buffer.length) this.#drain();
    if (this.#isStopped) return;
    this.#buffered += emitPacketBlock(this.#buffer, this.#buffered, packet);
    this.#fileBytes += length;
    this.#filePackets++;
  }

  #isFull(more: number): boolean {
    const { limitBytes = Infinity } = this.#options;
    return this.#filePackets > 0 && this.#fileBytes + more + STATISTICS_BYTES > limitBytes;
  }

  /** Whether there is another file to go on with. */
  #nextFile(): boolean {
    this.#endFile(this.#waiting.takeFrameless());
    if (this.#isStopped) return false;
    this.#isStopped = this.#options.onLimit?.() !== true;
    if (!this.#isStopped) this.#beginFile();
    return !this.#isStopped;
  }

  /** Ends a file with the statistics, and with those of the comments that have room in it. */
  #endFile(comments: readonly string[]): void {
    const { limitBytes = Infinity, statistics, nowEpochUs } = this.#options;
    let room = limitBytes - this.#fileBytes - STATISTICS_BYTES;
    const fitting = comments.filter((comment) => (room -= commentBlockBytes(comment)) >= 0);
    this.#put(statisticsBlock({ timestampUs: nowEpochUs(), ...statistics?.(), comments: fitting }));
    this.#drain();
  }

  #put(block: Uint8Array): void {
    if (this.#buffered + block.length > this.#buffer.length) this.#drain();
    if (this.#isStopped) return;
    this.#buffer.set(block, this.#buffered);
    this.#buffered += block.length;
    this.#fileBytes += block.length;
  }

  #drain(): void {
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
function commentBlockBytes(comment: string): number {
  return 4 + encodeComment(comment).length + 3;
}

const NO_COMMENTS: readonly Uint8Array[] = [];

/** `LISTEN -> SYN_RCVD (recv SYN, send SYN,ACK) arrives.listen.syn RFC 9293 §3.10.7.2` */
function transitionComment(event: TransitionEvent): string {
  const why = [
    event.cause === "segment" ? "" : event.cause,
    event.recv === null ? "" : `recv ${event.recv.join(",")}`,
    event.send === null ? "" : `send ${event.send.join(",")}`,
  ].filter((part) => part !== "").join(", ");
  return printable(`${event.from} -> ${event.to}${why === "" ? "" : ` (${why})`} ${event.rule} ${event.rfc}`);
}
