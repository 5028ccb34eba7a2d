/**
 * A link that keeps back what is sent until it is told to flush, as the links of a device may.
 *
 * Owns: the frames between `send` and `flush`. Must not know: who forgets to flush.
 */
import { LinkOver } from "../../src/link/link_over.ts";

export class HoldingLink extends LinkOver {
  #held: { frame: Uint8Array; cutBytes: number }[] = [];

  override send(frame: Uint8Array, length: number, cutBytes = 0): void {
    this.#held.push({ frame: frame.slice(0, length), cutBytes });
  }

  override flush(): void {
    const held = this.#held;
    this.#held = [];
    for (const { frame, cutBytes } of held) this.link.send(frame, frame.length, cutBytes);
    this.link.flush();
  }
}
