/**
 * LinkOver: what every link decorator has in common: it is its inner link in every way that it does not change.
 *
 * Owns: handing each call on to the link below, and the handler during `receive`. Must not know: what a decorator is for.
 */
import type { FrameHandler, FrameLink, LinkStats } from "./link.ts";

/** A link over another, which it owns: `close` closes both. A decorator overrides what it does otherwise. */
export abstract class LinkOver implements FrameLink {
  /** The link below. */
  protected readonly link: FrameLink;
  /** Where frames go during `receive`: kept here so that no closure is made per call. */
  protected handler: FrameHandler = ignoreFrame;

  /** Owns `link` from now on. */
  constructor(link: FrameLink) {
    this.link = link;
  }

  get name(): string {
    return this.link.name;
  }

  get mtu(): number {
    return this.link.mtu;
  }

  get mac(): Uint8Array {
    return this.link.mac;
  }

  get isCrowded(): boolean {
    return this.link.isCrowded;
  }

  get maxPacketBytes(): number {
    return this.link.maxPacketBytes;
  }

  receive(handler: FrameHandler, budget: number): number {
    return this.link.receive(handler, budget);
  }

  /** Receives by way of `onFrame`, which hands up to `handler`; after the call that is nobody again. */
  protected receiveBy(onFrame: FrameHandler, budget: number): number {
    try {
      return this.link.receive(onFrame, budget);
    } finally {
      this.handler = ignoreFrame;
    }
  }

  send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    this.link.send(frame, length, cutBytes, label);
  }

  get onDeparture(): (() => void) | null {
    return this.link.onDeparture ?? null;
  }

  set onDeparture(called: (() => void) | null) {
    this.link.onDeparture = called;
  }

  flush(): void {
    this.link.flush();
  }

  wait(timeoutMs: number): Promise<void> {
    return this.link.wait(timeoutMs);
  }

  wake(): void {
    this.link.wake();
  }

  stats(): LinkStats {
    return this.link.stats();
  }

  close(): void {
    this.link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The handler outside of `receive`. */
export function ignoreFrame(): void {}
