/**
 * FrameLink: the seam between tcplab and whatever carries Ethernet frames.
 *
 * Owns: the shape that every link has (pcap device, memory pair, capture file, decorators).
 * Must not know: TCP, clocks, native code.
 */

/**
 * Takes one received frame. `frame` is valid only during the call; bytes 0 to `length - 1` count. `touch`: from a link that
 * has touched it on purpose, the number by which who was told of that knows it again, see fault_path.ts.
 */
export type FrameHandler = (frame: Uint8Array, length: number, capturedUs: number, touch?: number) => void;

/** Counters of a link since it was opened. */
export interface LinkStats {
  /** Frames handed to a handler. */
  framesIn: number;
  /** Their bytes. */
  bytesIn: number;
  /** Frames that were sent. */
  framesOut: number;
  /** Their bytes. */
  bytesOut: number;
  /** Frames that the capture ring or the device lost before we saw them. */
  droppedByRing: number;
  /** Frames that the device lost before the ring. */
  droppedByDevice: number;
  /** Sends that the device refused (a full queue, say); the frame is lost, as on a wire. */
  sendErrors: number;
}

/**
 * A carrier of Ethernet frames. One thread uses it; nothing in it is re-entrant except that a
 * {@link FrameHandler} may call {@link FrameLink.send}.
 */
export interface FrameLink {
  /** Device name, or a word for what it is (`memory`, `file:x.pcap`). */
  readonly name: string;
  /** The largest IP packet in bytes that one frame may carry (1500 on Ethernet); a device's may change. */
  readonly mtu: number;
  /** The hardware address that frames for us carry, 6 bytes. */
  readonly mac: Uint8Array;
  /**
   * The largest IP packet in bytes that {@link FrameLink.send} takes together with a cut size: above
   * `mtu` only where the link lets the kernel cut large segments, else equal to `mtu`.
   */
  readonly maxPacketBytes: number;
  /**
   * Whether so many frames wait that those who come now wait long, or are lost: half of what the link can hold, or
   * some thousands, as of the last {@link FrameLink.receive}. A link that loses none never says so.
   */
  readonly isCrowded: boolean;
  /**
   * Hands up to `budget` waiting frames to `handler`, in order, without waiting.
   * Returns how many it took of those that waited, handed up or not: fewer than `budget` says that none waits any more.
   * Throws {@link LinkError} when the link is gone.
   */
  receive(handler: FrameHandler, budget: number): number;
  /**
   * Sends bytes 0 to `length - 1` of `frame`; the bytes may be reused after the call. `cutBytes` above 0
   * is the TCP payload size at which a packet larger than the MTU is cut; its TCP checksum is then partial (the
   * folded sum of the pseudo-header, not complemented), and completed for each part by whoever cuts. A link may hold
   * frames back until {@link FrameLink.flush}. A frame that the device refuses is counted in `sendErrors`.
   *
   * `label`: the number under which whoever sends has told of the frame elsewhere, 0 or absent for none. It is for those who
   * listen in (tap.ts, fault_link.ts), who hand it on; to a carrier it means nothing.
   */
  send(frame: Uint8Array, length: number, cutBytes?: number, label?: number): void;
  /** Puts on the wire what `send` holds back. */
  flush(): void;
  /**
   * Called just before frames that {@link FrameLink.send} took are handed to the device: all those that were taken since
   * the last call. Null, and on links that never set it: nobody is called.
   */
  onDeparture?: (() => void) | null;
  /**
   * Resolves when frames may be waiting, after `timeoutMs`, or on {@link FrameLink.wake}, whichever is
   * first. Spurious returns are allowed. Infinity waits for a frame or a wake.
   */
  wait(timeoutMs: number): Promise<void>;
  /** Ends a pending {@link FrameLink.wait} early; harmless when there is none. */
  wake(): void;
  /** What was counted since it was opened. */
  stats(): LinkStats;
  /** Ends it; what waits is lost. */
  close(): void;
  /** As `close`. */
  [Symbol.dispose](): void;
}

/** What a host has of its link: where it sends, and how much at once. What arrives it is given. */
export type HostLink = Pick<FrameLink, "name" | "mtu" | "mac" | "maxPacketBytes" | "send">;

/** The link is gone or cannot be used; the message is one line for a person. */
export class LinkError extends Error {
  /** As Deno names its errors. */
  override name = "LinkError";
}

/** A fresh set of zero counters. */
export function emptyLinkStats(): LinkStats {
  return {
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    bytesOut: 0,
    droppedByRing: 0,
    droppedByDevice: 0,
    sendErrors: 0,
  };
}
