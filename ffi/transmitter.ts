/**
 * Transmitter: one way of putting frames on a device's wire.
 *
 * Owns: the shape that all ways have, and their names. Must not know: receiving, TCP.
 */

/**
 * A way to send: `inject` gives libpcap frame by frame, on every platform; `batch` gives Linux many frames at a time;
 * `gso` does that too, and lets the kernel cut segments that are larger than the MTU.
 */
export type TransmitMode = "inject" | "batch" | "gso";

/** Counters of a {@link Transmitter} since it was opened. */
export interface TransmitCounts {
  framesOut: number;
  bytesOut: number;
  /** Frames that the device did not take; each is lost, as on a wire. */
  sendErrors: number;
}

/** Sends the frames of one link; see the link's `send` and `flush` for what the arguments mean. */
export interface Transmitter {
  readonly mode: TransmitMode;
  readonly counts: Readonly<TransmitCounts>;
  /** The system's words for the last frame that the device refused, or null. */
  readonly lastError: string | null;
  /** The device's MTU: what the words about a refused frame rest on, and how much memory frames get that wait. */
  mtu: number;
  /** Called when the device refuses a frame of this length as too long: its MTU may have been lowered. */
  onTooLong: ((length: number) => void) | null;
  /** Called just before frames are handed to the device; see the link's own. */
  onDeparture: (() => void) | null;
  /** The largest IP packet that may come with a cut size; 0 when none may. */
  readonly largestCutPacketBytes: number;
  /** Takes one frame; it may be held back until {@link Transmitter.flush}. Throws LinkError when the device is gone. */
  send(frame: Uint8Array<ArrayBuffer>, length: number, cutBytes: number): void;
  /** Sends what is held back. Throws LinkError when the device is gone. */
  flush(): void;
  close(): void;
}
