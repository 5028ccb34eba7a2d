/**
 * A link that keeps back what is sent until it is told to flush, as the links of a device may.
 *
 * Owns: the frames between `send` and `flush`. Must not know: who forgets to flush.
 */
import type { FrameHandler, FrameLink, LinkStats } from "../../src/link/link.ts";

export class HoldingLink implements FrameLink {
  readonly #link: FrameLink;
  #held: { frame: Uint8Array; cutBytes: number }[] = [];

  constructor(link: FrameLink) {
    this.#link = link;
  }

  get name(): string {
    return this.#link.name;
  }

  get mtu(): number {
    return this.#link.mtu;
  }

  get mac(): Uint8Array {
    return this.#link.mac;
  }

  get isCrowded(): boolean {
    return this.#link.isCrowded;
  }

  get maxPacketBytes(): number {
    return this.#link.maxPacketBytes;
  }

  receive(handler: FrameHandler, budget: number): number {
    return this.#link.receive(handler, budget);
  }

  send(frame: Uint8Array, length: number, cutBytes = 0): void {
    this.#held.push({ frame: frame.slice(0, length), cutBytes });
  }

  flush(): void {
    const held = this.#held;
    this.#held = [];
    for (const { frame, cutBytes } of held) this.#link.send(frame, frame.length, cutBytes);
    this.#link.flush();
  }

  wait(timeoutMs: number): Promise<void> {
    return this.#link.wait(timeoutMs);
  }

  wake(): void {
    this.#link.wake();
  }

  stats(): LinkStats {
    return this.#link.stats();
  }

  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
