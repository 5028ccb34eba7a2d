/**
 * tapLink: a link decorator that shows every frame to somebody who listens in.
 *
 * Owns: the order in which a tap hears of frames. Must not know: what the frames mean, or what the tap does with them.
 */
import type { TouchedFrame } from "./fault_path.ts";
import type { FrameHandler, FrameLink } from "./link.ts";
import { LinkOver } from "./link_over.ts";

/** Hears of each frame of a link; must not throw, and must not keep `frame` after the call that ends its life. */
export interface FrameTap {
  /**
   * A frame is about to be handed up. `frame` stays valid until {@link FrameTap.receivedDone}, so that what the
   * layers above say about it meanwhile can be joined with it. `capturedUs`: as the link tells it. `touch`: the
   * {@link TouchedFrame.touch} of one that `faulted` has told of, negative for the copy of it, 0 for all others.
   */
  received(frame: Uint8Array, length: number, capturedUs: number, touch: number): void;
  /** The layers above are done with the frame that `received` told of. */
  receivedDone?(): void;
  /**
   * A frame is the link's now: taken, and perhaps on its way by the end of the call, but {@link FrameLink.onDeparture} of
   * the tapped link comes after this. Valid during the call only. `cutBytes` and `label`: see {@link FrameLink.send}, 0 for
   * none.
   */
  sent(frame: Uint8Array, length: number, cutBytes: number, label: number): void;
  /**
   * A fault injector below has touched a frame; its bytes are valid during the call only. One that came in is told
   * before `received` tells of it, and one that is dropped on the way in is told by this call alone; one that goes out is
   * told inside the link's `send`, so before `sent` tells of it. Told by who made the injector: a tap has no part in it.
   */
  faulted?(touched: TouchedFrame): void;
}

/** Puts `tap` on `link`: the returned link behaves like `link` in every other way, and owns it (`close` closes both). */
export function tapLink(link: FrameLink, tap: FrameTap): FrameLink {
  return new TappedLink(link, tap);
}

class TappedLink extends LinkOver {
  readonly #tap: FrameTap;
  /** The frame that the link is being given, until the tap has been told of it. */
  #sending: { frame: Uint8Array; length: number; cutBytes: number; label: number } | null = null;
  readonly #sent = { frame: NO_FRAME, length: 0, cutBytes: 0, label: 0 };
  #onDeparture: (() => void) | null = null;
  readonly #departing = () => {
    this.#tellSent();
    this.#onDeparture?.();
  };
  readonly #onFrame: FrameHandler = (frame, length, capturedUs, touch = 0) => {
    this.#tap.received(frame, length, capturedUs, touch);
    try {
      this.handler(frame, length, capturedUs, touch);
    } finally {
      this.#tap.receivedDone?.();
    }
  };

  constructor(link: FrameLink, tap: FrameTap) {
    super(link);
    this.#tap = tap;
  }

  override receive(handler: FrameHandler, budget: number): number {
    this.handler = handler;
    return this.receiveBy(this.#onFrame, budget);
  }

  override send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    // The wire first: the tap may be slow, and a link that throws has sent nothing. But one that leaves within the call
    // is told of before somebody says when.
    const sent = this.#sent;
    sent.frame = frame;
    sent.length = length;
    sent.cutBytes = cutBytes;
    sent.label = label;
    this.#sending = sent;
    try {
      this.link.send(frame, length, cutBytes, label);
      this.#tellSent();
    } finally {
      this.#sending = null;
      sent.frame = NO_FRAME;
    }
  }

  #tellSent(): void {
    const sent = this.#sending;
    if (sent === null) return;
    this.#sending = null;
    this.#tap.sent(sent.frame, sent.length, sent.cutBytes, sent.label);
  }

  override get onDeparture(): (() => void) | null {
    return this.#onDeparture;
  }

  override set onDeparture(called: (() => void) | null) {
    this.#onDeparture = called;
    this.link.onDeparture = called === null ? null : this.#departing;
  }
}

const NO_FRAME: Uint8Array = new Uint8Array(0);
