/**
 * PcapngRecorder: what was on the wire, with what it led to.
 *
 * Owns: joining frames (heard from the tap on the link) with events (heard as an observer, at once) into one pcapng file,
 * in which each frame carries as comments its state change (frame_comments.ts) and what our own faults did to it
 * (fault_comments.ts). Must not know: files (the sink is an argument), clocks.
 *
 * Frames wait a moment for their events: the received one until the layers above are done with it, sent ones until they
 * have left and no frame can come any more that was captured before. So they are written in the order in which they were
 * on the wire, and their times never go back (link/frame_order.ts). A frame that our own faults lost on its way in stands
 * where it was captured, one that they held back where it was handed up. Where nobody tells when frames come and leave, a sent
 * one waits for the next that is received, or for the owner to go idle.
 */
import { Departures, type FrameOrder } from "../link/frame_order.ts";
import type { TouchedFrame } from "../link/fault_path.ts";
import type { FrameTap } from "../link/tap.ts";
import type { Observer, RetransmitEvent, TcpEvent, TransitionEvent } from "../tcp/events.ts";
import { type Touch, touchComments, WaitingTouches } from "./fault_comments.ts";
import { type FrameComment, SentFrames, WaitingComments } from "./frame_comments.ts";
import { encodeComment, SNAP_LENGTH } from "./pcapng.ts";
import { PcapngFiles, type PcapngFilesOptions } from "./pcapng_files.ts";
import { printable, timesText } from "./text_layout.ts";

/** How a recorder is made. */
interface PcapngRecorderOptions extends PcapngFilesOptions {
  /** Wall clock at time 0 of the clock of {@link FrameOrder}, microseconds since 1970. */
  readonly epochUs?: number;
  /**
   * When a frame was captured, on the clock of {@link FrameOrder}, which said `nowUs` a moment ago; `capturedUs` is what the
   * link says. That is microseconds since 1970 when this is absent.
   */
  readonly arrivedUs?: (capturedUs: number, nowUs: number) => number;
}

/** Sent frames that wait at most; local choice: a turn of the pump sends less, but for a crowd of connections at once. */
const MAX_HELD_FRAMES = 1024;
/** The same in bytes; local choice: segments of 64 KiB, as many as are in flight on a fast path. */
const MAX_HELD_BYTES = 0x1000000;
/** Records that are kept for the next frames; local choice: 128 KiB of frames within the MTU. */
const MAX_SPARE_FRAMES = 64;
/** Comments on one frame at most; local choice. */
const MAX_COMMENTS = 16;

/** A frame that waits for its comments. Records and buffers are used again. */
class HeldFrame {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  timestampUs = 0;
  comments: FrameComment[] = [];
  /** Of one that is sent: the number of its segment, 0 for none. */
  segment = 0;

  hold(bytes: Uint8Array, length: number, timestampUs: number): void {
    this.bytes = bytes;
    this.length = length;
    this.timestampUs = timestampUs;
    if (this.comments.length > 0) this.comments = [];
    this.segment = 0;
  }

  addComment(comment: FrameComment): void {
    if (this.comments.length < MAX_COMMENTS) this.comments.push(comment);
  }

  addTexts(texts: readonly string[]): void {
    for (const text of texts) this.addComment({ text });
  }
}

/** A frame that our own faults lost on its way in. */
interface LostFrame {
  readonly frame: HeldFrame;
  readonly touch: Touch;
}

/** Records frames and their state changes; see the file's comment. No method throws. */
export class PcapngRecorder implements FrameTap, FrameOrder {
  /** The observer side: give it to the host, beside others. */
  readonly observe: Observer = (event) => this.#onEvent(event);

  readonly #options: PcapngRecorderOptions;
  readonly #waiting = new WaitingComments();
  readonly #files: PcapngFiles;
  readonly #receivedFrame = new HeldFrame();
  #isReceiving = false;
  readonly #departures = new Departures<HeldFrame>();
  #sentBytes = 0;
  readonly #sentFrames = new SentFrames();
  /** In the order of their capture. */
  readonly #lost: LostFrame[] = [];
  readonly #touches = new WaitingTouches();
  /** The touch of a received frame that was told last: the fault events that come next are about it. */
  #lastTouch: Touch | null = null;
  /** The touch of the frame that is told of next as sent. */
  #sentTouch: Touch | null = null;
  readonly #spare: HeldFrame[] = [];
  /** Whether somebody tells when frames come and leave. */
  #isDriven = false;
  #lastUs = -Infinity;

  constructor(options: PcapngRecorderOptions) {
    this.#options = options;
    this.#files = new PcapngFiles(options, {
      // What never found its frame is told at the end of all.
      leftOver: (isLast) => isLast ? this.#waiting.takeAll() : this.#waiting.takeFrameless(),
      begun: () => this.#sentFrames.clear(),
    });
  }

  /** True after an error or {@link PcapngRecorder.finish}. */
  get isStopped(): boolean {
    return this.#files.isStopped;
  }

  received(frame: Uint8Array, length: number, capturedUs: number, touch = 0): void {
    if (this.isStopped) return;
    if (!this.#isDriven) {
      this.#writeHeld();
      this.#writeLost(capturedUs);
    }
    this.#receivedFrame.hold(frame, length, capturedUs);
    this.#isReceiving = true;
    if (touch !== 0) this.#receivedFrame.addTexts(this.#touches.take(touch));
  }

  faulted(touched: TouchedFrame): void {
    if (this.isStopped) return;
    const { direction, faults, reason, delayUs, label } = touched;
    const touch: Touch = { direction, faults, reason, delayUs, segment: label };
    if (direction === "out") {
      this.#sentTouch = touch;
      return;
    }
    this.#lastTouch = touch;
    if (!faults.includes("drop")) {
      this.#touches.add(touched.touch, touch);
      return;
    }
    if (this.#lost.length >= MAX_HELD_FRAMES) this.#writeLost(Infinity);
    const { arrivedUs } = this.#options;
    const { frame, length, capturedUs, nowUs } = touched;
    const us = arrivedUs === undefined
      ? capturedUs
      : this.#epochOf(Math.min(arrivedUs(capturedUs, nowUs), nowUs));
    this.#lost.push({ frame: this.#copy(frame, length, us), touch });
  }

  receivedDone(): void {
    this.#writeReceived();
  }

  get isOpen(): boolean {
    return this.#departures.isOpen;
  }

  get isHolding(): boolean {
    return this.#departures.count > 0 || this.#lost.length > 0;
  }

  looking(): void {
    this.#isDriven = !this.isStopped;
    this.#departures.looking();
  }

  /** The frame in hand, as all who are told of it say: its time as the link has it may be of another clock. */
  arrived(us: number): void {
    const epochUs = this.#epochOf(us);
    if (this.#isReceiving) this.#receivedFrame.timestampUs = epochUs;
    if (this.#lost.length > 0) this.#writeLost(epochUs);
    this.#departures.releaseUntil(epochUs, this.#putSent);
  }

  looked(isEmpty: boolean): void {
    if (!isEmpty) return;
    if (this.#lost.length > 0) this.#writeLost(Infinity);
    this.#departures.releaseLooked(this.#putSent);
  }

  departing(us: number): void {
    this.#departures.departing(this.#epochOf(us));
  }

  resting(): void {}

  end(): void {
    this.#isDriven = false;
    this.#writeAll();
  }

  #epochOf(us: number): number {
    return (this.#options.epochUs ?? 0) + us;
  }

  sent(frame: Uint8Array, length: number, cutBytes: number, label = 0): void {
    if (this.isStopped) return;
    if (this.#departures.count >= MAX_HELD_FRAMES || this.#sentBytes > MAX_HELD_BYTES) this.#writeSent();
    const held = this.#copy(frame, length, 0);
    held.segment = label;
    this.#sentBytes += length;
    this.#departures.hold(held);
    if (!this.#isDriven) this.#departures.departing(this.#options.nowEpochUs());
    if (this.#sentTouch !== null) {
      held.addTexts(touchComments(this.#sentTouch));
      this.#sentTouch = null;
    }
    if (label !== 0) {
      for (const comment of this.#waiting.take(label)) held.addComment(comment);
    }
    if (cutBytes > 0) {
      held.addComment({
        text: `one send, cut into segments of ${cutBytes} bytes on the wire, which then get their checksums`,
      });
    }
  }

  #copy(frame: Uint8Array, length: number, timestampUs: number): HeldFrame {
    const held = this.#spare.pop() ?? new HeldFrame();
    const bytes = held.bytes.length >= length ? held.bytes : new Uint8Array(Math.max(length, 2048));
    bytes.set(length === frame.length ? frame : frame.subarray(0, length));
    held.hold(bytes, length, timestampUs);
    return held;
  }

  /** Writes out what is known of; call it when idle. */
  flush(): void {
    if (this.isStopped) return;
    if (!this.#isDriven) this.#writeAll();
    this.#files.drain();
  }

  /** Ends the file: what waits, then the statistics, with the comments that never found their frame. */
  finish(): void {
    if (this.isStopped) return;
    this.#writeAll();
    if (this.isStopped) return;
    this.#files.finish();
  }

  #onEvent(event: TcpEvent): void {
    if (this.isStopped) return;
    switch (event.event) {
      case "transition":
        this.#onTransition(event);
        return;
      case "retransmit":
        this.#onRetransmit(event);
        return;
      case "fault":
        if (event.direction === "recv" && this.#lastTouch !== null) {
          this.#lastTouch.segment = event.segment ?? 0;
        }
        return;
      case "drop":
        // One that stands for many is told at any time.
        if (this.#isReceiving && event.count === undefined) {
          this.#receivedFrame.addComment({ text: `dropped: ${printable(event.reason)}` });
        }
    }
  }

  #onTransition(event: TransitionEvent): void {
    const { connection, cause, from, to, segment } = event;
    const comment = { connection, text: transitionComment(event) };
    if (cause === "segment" && this.#isReceiving) {
      const opening = from === "LISTEN" ? this.#waiting.takeOpening(connection) : null;
      if (opening !== null) this.#receivedFrame.addComment(opening);
      this.#receivedFrame.addComment(comment);
    } else if (cause !== "segment" && segment !== undefined) {
      this.#waiting.add(segment, comment);
    } else if (to === "LISTEN") {
      this.#waiting.addOpening(comment);
    } else {
      this.#waiting.addFrameless(comment);
    }
  }

  #onRetransmit({ connection, kind, count, segment = 0, repeats }: RetransmitEvent): void {
    if (segment === 0) return;
    if (repeats !== undefined) this.#waiting.move(repeats, segment);
    const text = `retransmission (${kind}), sent again ${timesText(count)}`;
    this.#waiting.add(segment, { connection, text, ...(repeats === undefined ? {} : { repeats }) });
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

  #writeAll(): void {
    this.#writeReceived();
    this.#writeLost(Infinity);
    this.#writeSent();
  }

  #writeSent(): void {
    if (this.#departures.count > 0) {
      this.#departures.releaseAll(this.#options.nowEpochUs(), this.#putSent);
    }
  }

  readonly #putSent = (held: HeldFrame, epochUs: number) => {
    this.#sentBytes -= held.length;
    held.timestampUs = epochUs;
    this.#putFrame(held, "out");
    this.#giveBack(held);
  };

  /** Those that were captured by then. What is taken later than they were was captured later, too. */
  #writeLost(epochUs: number): void {
    while (this.#lost.length > 0 && this.#lost[0].frame.timestampUs <= epochUs) {
      const [{ frame, touch }] = this.#lost.splice(0, 1);
      frame.addTexts(touchComments(touch));
      this.#departures.releaseUntil(frame.timestampUs, this.#putSent);
      this.#putFrame(frame, "in");
      this.#giveBack(frame);
    }
  }

  #giveBack(held: HeldFrame): void {
    if (this.#spare.length < MAX_SPARE_FRAMES) this.#spare.push(held);
  }

  #putFrame(held: HeldFrame, direction: "in" | "out"): void {
    if (this.isStopped) return;
    // The kernel may show a frame a moment after it has stamped it.
    if (held.timestampUs > this.#lastUs) this.#lastUs = held.timestampUs;
    const number = this.#files.putPacket({
      frame: held.bytes,
      length: held.length,
      timestampUs: this.#lastUs,
      snapBytes: this.#options.snapBytes ?? SNAP_LENGTH,
      direction,
      comments: held.comments.length === 0 ? NO_COMMENTS : held.comments.map(this.#encode),
    });
    if (held.segment !== 0) this.#sentFrames.note(held.segment, number);
  }

  readonly #encode = ({ text, repeats }: FrameComment) =>
    encodeComment(repeats === undefined ? text : `${text}, repeats ${this.#sentFrames.words(repeats)}`);
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
