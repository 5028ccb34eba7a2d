/**
 * FrameSource: one way of taking captured frames, one after another.
 *
 * Owns: the shape that all ways have. Must not know: what is in a frame.
 */

/** What {@link FrameSource.next} returns; the numbers are `pcap_next_ex`'s own. */
export const READ = { frame: 1, nothing: 0, error: -1, end: -2 } as const;

/** Takes frames; after {@link FrameSource.next} has returned {@link READ}.frame, the fields describe the frame. */
export interface FrameSource {
  /** The frame's memory; valid until the next call of `next` or `close`. */
  readonly frame: Uint8Array;
  /** Captured bytes of the frame. */
  readonly lengthBytes: number;
  /** Bytes that the frame had on the wire; more than `lengthBytes` where the capture cut it. */
  readonly wireBytes: number;
  /** When it was captured: microseconds since 1970 by the capturing clock. */
  readonly capturedUs: number;
  /** Takes the next frame; see {@link READ}. */
  next(): number;
  /** Lets go of native memory; to be called before `pcap_close`. */
  close(): void;
}
