/**
 * A hub without a network between it and its pages.
 *
 * Owns: a page's socket that takes what it is sent when the test says so. Must not know: what a test expects.
 */
import type { BatchMessage, HelloMessage } from "../../src/story/page_messages.ts";
import type { PageSubject } from "../../src/web/page_subject.ts";
import { StreamHub } from "../../src/web/stream_hub.ts";

/** A socket that takes nothing until it is told to. */
export class SlowSocket {
  bufferedAmount = 0;
  /** With which codes it was closed. */
  readonly closed: number[] = [];
  readonly texts: string[] = [];
  send(text: string): void {
    this.texts.push(text);
    this.bufferedAmount += text.length;
  }
  close(code: number): void {
    this.closed.push(code);
  }
  /** What was sent since, taken now. */
  take(): (HelloMessage | BatchMessage)[] {
    this.bufferedAmount = 0;
    return this.texts.splice(0).map((text) => JSON.parse(text));
  }
  batches(): BatchMessage[] {
    return this.take().filter((message) => message.type === "batch");
  }
}

/** A hub beside the scene's own, without a network in between. */
export function hubOn(
  scene: { readonly subject: PageSubject },
  onLeft: () => void = () => {},
): { hub: StreamHub; turns: { left: number } } {
  const turns = { left: 0 };
  const repeat = () => {
    turns.left++;
    return () => void turns.left--;
  };
  return {
    hub: new StreamHub({ subject: scene.subject, version: "1.2.3", repeat, nowMs: () => 5000, onLeft }),
    turns,
  };
}
