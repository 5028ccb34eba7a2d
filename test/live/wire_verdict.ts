/**
 * What must hold of every frame that tcplab sends, whatever the wire does.
 *
 * Owns: the verdict over tshark's findings. Must not know: what a test is about.
 */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import type { JudgedFrame } from "./wire_judge.ts";

/** What the verdict depends on. */
interface VerdictOptions {
  /** tcplab's address. */
  readonly ours: string;
  /** Nothing was lost on the way: how many segments may be sent again all the same. */
  readonly sentAgainAtMost?: number;
  /** The other end was no TCP: tshark does not follow overlaps, or a SYN with FIN, and so not what they have acknowledged. */
  readonly crafted?: boolean;
}

/** tshark's names for something sent again. */
const SENT_AGAIN = ["retransmission", "fast_retransmission", "spurious_retransmission"].map((name) =>
  `tcp.analysis.${name}`
);

/** Throws unless every frame of ours is well formed, has right sums, and acknowledges nothing that was never sent. */
export function assertOursAreRight(frames: readonly JudgedFrame[], options: VerdictOptions): void {
  const ours = frames.filter((frame) => frame.source === options.ours);
  assertGreater(ours.length, 0, "tcplab has sent something");
  assertNone(ours, "malformed", (frame) => frame.malformed);
  assertNone(ours, "with a wrong IP checksum", (frame) => frame.ipChecksum !== "good");
  assertNone(ours, "with a wrong TCP checksum", (frame) => frame.tcpChecksum !== "good");
  if (!options.crafted) {
    assertNone(
      ours,
      "acknowledging what was never sent",
      (frame) => frame.analysis.includes("tcp.analysis.ack_lost_segment"),
    );
  }
  if (options.sentAgainAtMost === undefined) return;
  const again = ours.filter(({ analysis }) => analysis.some((finding) => SENT_AGAIN.includes(finding)));
  const numbers = again.map(({ number }) => number).join(", ");
  assertLessOrEqual(
    again.length,
    options.sentAgainAtMost,
    `sent again although nothing was lost: ${numbers}`,
  );
}

function assertNone(frames: readonly JudgedFrame[], what: string, is: (frame: JudgedFrame) => boolean): void {
  const found = frames.filter(is);
  assertEquals(found.slice(0, 3), [], `${found.length} of ${frames.length} frames ${what}`);
}
