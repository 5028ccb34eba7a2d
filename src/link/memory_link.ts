/**
 * memoryPair: two links joined back to back in memory, for tests, simulations and `demo --link memory`.
 *
 * Owns: two bounded queues of frames in pooled buffers. Must not know: clocks (the time of capture and the waiting
 * for a timeout are arguments), TCP, native code.
 */
import { emptyLinkStats, type FrameHandler, type FrameLink, LinkError, type LinkStats } from "./link.ts";

/** Bytes of a frame around its packet: Ethernet header and one 802.1Q tag (IEEE 802.3 §3.2, 802.1Q §9.3). */
const FRAME_OVERHEAD_BYTES = 18;

/** How many frames may wait on one side; local choice: a burst of 1,024 full frames is 1.5 MB, as in a NIC's ring. */
const DEFAULT_QUEUE_FRAMES = 1024;

/** How a pair of links is made. */
export interface MemoryPairOptions {
  /** Largest IP packet in bytes (1500). */
  readonly mtu?: number;
  /** Largest IP packet in bytes that is carried whole, as a veth with offloads does; `mtu` when absent. */
  readonly maxPacketBytes?: number;
  /** Hardware address of the first link, 6 bytes (02:00:00:00:00:0a). */
  readonly macA?: Uint8Array;
  /** Hardware address of the second link, 6 bytes (02:00:00:00:00:0b). */
  readonly macB?: Uint8Array;
  /** Frames that may wait in each direction; more are lost and counted in the receiver's `droppedByRing`. */
  readonly queueFrames?: number;
  /** Name of the first link (`memory:a`). */
  readonly nameA?: string;
  /** Name of the second link (`memory:b`). */
  readonly nameB?: string;
  /** Time stamp of a frame, microseconds, asked when it is sent; 0 when absent. */
  readonly nowUs?: () => number;
  /**
   * Resolves after `ms` milliseconds, or rejects or resolves early when `signal` is aborted. Without it `wait` ends
   * only with a frame, a wake or a close: right for a virtual clock, which advances only when nothing is under way.
   */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Makes two links; what one sends, the other receives, in order and unchanged.
 *
 * ```ts
 * import { memoryPair } from "@tcplab/tcplab";
 *
 * const [left, right] = memoryPair({ mtu: 1400 });
 * left.send(Uint8Array.of(1, 2, 3), 3);
 * const frames: number[][] = [];
 * right.receive((frame, length) => frames.push([...frame.subarray(0, length)]), 10);
 * if (String(frames) !== "1,2,3") throw new Error(String(frames));
 * ```
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryLink, MemoryLink] {
  const a = new MemoryLink(options.nameA ?? "memory:a", options.macA ?? macEndingIn(0x0a), options);
  const b = new MemoryLink(options.nameB ?? "memory:b", options.macB ?? macEndingIn(0x0b), options);
  a.joinTo(b);
  b.joinTo(a);
  return [a, b];
}

function macEndingIn(last: number): Uint8Array {
  return Uint8Array.of(0x02, 0, 0, 0, 0, last);
}

/** One end of a pair; see {@link memoryPair}. */
export class MemoryLink implements FrameLink {
  readonly name: string;
  readonly mac: Uint8Array;
  #mtu: number;
  readonly #wholeBytes: number;
  readonly isCrowded = false;

  /** Ring of slots: `#waiting` frames from `#head` on. A slot's buffer is made when first needed and then kept. */
  readonly #slots: Uint8Array[] = [];
  readonly #lengths: number[] = [];
  readonly #capturedUs: number[] = [];
  onDeparture: (() => void) | null = null;
  readonly #queueFrames: number;
  #head = 0;
  #waiting = 0;

  readonly #stats: LinkStats = emptyLinkStats();
  readonly #nowUs: () => number;
  readonly #sleep: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  #peer: MemoryLink | null = null;
  #waiters: (() => void)[] = [];
  #closed = false;

  /** Made by {@link memoryPair}. */
  constructor(name: string, mac: Uint8Array, options: MemoryPairOptions) {
    this.name = name;
    this.mac = mac;
    this.#mtu = options.mtu ?? 1500;
    this.#wholeBytes = options.maxPacketBytes ?? 0;
    this.#queueFrames = Math.max(1, options.queueFrames ?? DEFAULT_QUEUE_FRAMES);
    this.#nowUs = options.nowUs ?? (() => 0);
    this.#sleep = options.sleep;
  }

  /** Largest IP packet in bytes; may be set anew, as a device's. */
  get mtu(): number {
    return this.#mtu;
  }

  set mtu(bytes: number) {
    this.#mtu = bytes;
  }

  get maxPacketBytes(): number {
    return Math.max(this.#mtu, this.#wholeBytes);
  }

  /** Frames that wait to be received here. */
  get waitingFrames(): number {
    return this.#waiting;
  }

  /** Makes `peer` the one that receives what is sent here. */
  joinTo(peer: MemoryLink): void {
    this.#peer = peer;
  }

  receive(handler: FrameHandler, budget: number): number {
    this.#mustBeOpen();
    let count = 0;
    while (count < budget && this.#waiting > 0) {
      const slot = this.#head;
      const length = this.#lengths[slot];
      this.#stats.framesIn++;
      this.#stats.bytesIn += length;
      count++;
      try {
        handler(this.#slots[slot], length, this.#capturedUs[slot]);
      } finally {
        // Only now, so that a frame that arrives during the call cannot overwrite the one being read.
        if (!this.#closed) {
          this.#head = slot + 1 === this.#queueFrames ? 0 : slot + 1;
          this.#waiting--;
        }
      }
    }
    return count;
  }

  send(frame: Uint8Array, length: number, _cutBytes = 0): void {
    this.#mustBeOpen();
    if (length > this.maxPacketBytes + FRAME_OVERHEAD_BYTES || length > frame.length) {
      this.#stats.sendErrors++;
      return;
    }
    this.onDeparture?.();
    this.#stats.framesOut++;
    this.#stats.bytesOut += length;
    const peer = this.#peer;
    if (peer !== null) peer.#enqueue(frame, length, this.#nowUs());
  }

  flush(): void {}

  wait(timeoutMs: number): Promise<void> {
    if (this.#waiting > 0 || this.#closed || timeoutMs <= 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleep = this.#sleep;
    if (sleep === undefined || timeoutMs === Infinity) {
      this.#waiters.push(resolve);
      return promise;
    }
    const alarm = new AbortController();
    const end = () => {
      alarm.abort();
      resolve();
    };
    this.#waiters.push(end);
    // An aborted sleep may resolve or reject, and does so late: it must end no wait but its own.
    const onSlept = () => {
      const at = this.#waiters.indexOf(end);
      if (at < 0) return;
      this.#waiters.splice(at, 1);
      resolve();
    };
    sleep(timeoutMs, alarm.signal).then(onSlept, onSlept);
    return promise;
  }

  wake(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const end of waiters) end();
  }

  /** What was counted so far. */
  stats(): LinkStats {
    return { ...this.#stats };
  }

  /** Ends it; what waits is lost. Twice does nothing. */
  close(): void {
    this.#closed = true;
    this.#waiting = 0;
    this.#slots.length = 0;
    this.wake();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #enqueue(frame: Uint8Array, length: number, capturedUs: number): void {
    if (this.#closed) return;
    if (this.#waiting === this.#queueFrames) {
      this.#stats.droppedByRing++;
      return;
    }
    const end = this.#head + this.#waiting;
    const slot = end >= this.#queueFrames ? end - this.#queueFrames : end;
    let buffer = this.#slots[slot];
    if (buffer === undefined || buffer.length < length) {
      buffer = new Uint8Array(
        Math.max(length, Math.min(this.maxPacketBytes, this.mtu) + FRAME_OVERHEAD_BYTES),
      );
      this.#slots[slot] = buffer;
    }
    buffer.set(length === frame.length ? frame : frame.subarray(0, length));
    this.#lengths[slot] = length;
    this.#capturedUs[slot] = capturedUs;
    this.#waiting++;
    this.wake();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new LinkError(`Link ${this.name} is closed; open a new pair.`);
  }
}
