/**
 * A link that only listens: it keeps every frame that a host sends, stamped with the virtual time.
 *
 * Owns: the frames as the wire would carry them. Must not know: what is in them.
 */
import { emptyLinkStats, type FrameLink, type LinkStats } from "../../src/link/link.ts";

/** One frame as it left the host. */
interface SentFrame {
  readonly bytes: Uint8Array;
  readonly atUs: number;
}

export class RecordingLink implements FrameLink {
  readonly name = "recording";
  mtu: number;
  maxPacketBytes: number;
  isCrowded = false;
  readonly mac: Uint8Array;
  readonly #sent: SentFrame[] = [];
  readonly #stats = emptyLinkStats();
  readonly #nowUs: () => number;

  constructor(options: { readonly mtu: number; readonly mac: Uint8Array; readonly nowUs: () => number }) {
    this.mtu = options.mtu;
    this.maxPacketBytes = options.mtu;
    this.mac = options.mac;
    this.#nowUs = options.nowUs;
  }

  /** Hands over what was sent since the last call. */
  take(): SentFrame[] {
    return this.#sent.splice(0);
  }

  send(frame: Uint8Array, length: number): void {
    this.#stats.framesOut += 1;
    this.#sent.push({ bytes: frame.slice(0, length), atUs: this.#nowUs() });
  }

  receive(): number {
    return 0;
  }

  flush(): void {}

  wait(): Promise<void> {
    return Promise.resolve();
  }

  wake(): void {}

  stats(): LinkStats {
    return { ...this.#stats };
  }

  close(): void {}

  [Symbol.dispose](): void {}
}
