/**
 * CountingLink: a link that carries nothing, and says what was asked of it.
 *
 * Owns: the record of calls. Must not know: who calls.
 */
import { emptyLinkStats, type FrameHandler, type FrameLink, type LinkStats } from "../../src/link/link.ts";
import { HOST_MAC } from "../tcp/wire_ends.ts";

/** A link that writes down what is asked of it, and hands up the frames in `waiting`. */
export class CountingLink implements FrameLink {
  readonly name = "counting";
  readonly mtu = 1500;
  readonly mac = HOST_MAC;
  readonly maxPacketBytes = 1500;
  readonly isCrowded = false;
  readonly calls: string[] = [];
  readonly waiting: Uint8Array[] = [];
  /** Ends the wait under way. */
  endWait: () => void = () => {};

  receive(handler: FrameHandler, budget: number): number {
    this.calls.push(`receive ${budget}`);
    const frames = this.waiting.splice(0, budget);
    for (const frame of frames) handler(frame, frame.length, 7);
    return frames.length;
  }

  send(frame: Uint8Array, length: number, cutBytes = -1): void {
    this.calls.push(`send ${frame[length - 1]} cut ${cutBytes}`);
  }

  flush(): void {
    this.calls.push("flush");
  }

  wait(timeoutMs: number): Promise<void> {
    this.calls.push(`wait ${timeoutMs}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.endWait = resolve;
    return promise;
  }

  wake(): void {
    this.calls.push("wake");
  }

  stats(): LinkStats {
    return emptyLinkStats();
  }

  close(): void {
    this.calls.push("close");
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
