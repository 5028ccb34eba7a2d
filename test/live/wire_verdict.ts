/**
 * What must hold of every frame that tcplab sends, whatever the wire does.
 *
 * Owns: the verdict over tshark's findings. Must not know: what a test is about.
 */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import type { RetransmitEvent } from "../../src/tcp/events.ts";
import type { JudgedFrame } from "./wire_judge.ts";

/** What the verdict depends on. */
interface VerdictOptions {
  /** tcplab's address. */
  readonly ours: string;
  /**
   * Nothing was lost on the way, but for so many on purpose: what the log tells to be sent again all the same. It can only be
   * a probe for a tail that a busy machine did not acknowledge in time, and the wire may show no more.
   */
  readonly sentAgain?: { readonly told: readonly RetransmitEvent[]; readonly lost: number };
  /** The other end was no TCP: tshark does not follow overlaps, or a SYN with FIN, and so not what they have acknowledged. */
  readonly crafted?: boolean;
}

/** tshark's names for something sent again. */
const SENT_AGAIN = ["retransmission", "fast_retransmission", "spurious_retransmission"].map((name) =>
  `tcp.analysis.${name}`
);

/**
 * Local choice: two cores that are busy with other things for 10 ms look like a lost tail; so many times in a short exchange,
 * and of a long one's frames such a share.
 */
const PROBES = { few: 5, share: 0.001 };

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
  if (options.sentAgain === undefined) return;
  const { told, lost } = options.sentAgain;
  const needed = told.filter(({ kind }) => kind !== "tlp");
  assertLessOrEqual(needed.length, lost, `sent again although nothing was lost: ${JSON.stringify(needed)}`);
  const most = lost + Math.max(PROBES.few, ours.length * PROBES.share);
  assertLessOrEqual(told.length, most, "probes for the tail");
  const again = ours.filter(({ analysis }) => analysis.some((finding) => SENT_AGAIN.includes(finding)));
  const numbers = again.map(({ number }) => number).join(", ");
  assertLessOrEqual(again.length, told.length, `sent again without a word in the log: ${numbers}`);
}

function assertNone(frames: readonly JudgedFrame[], what: string, is: (frame: JudgedFrame) => boolean): void {
  const found = frames.filter(is);
  assertEquals(found.slice(0, 3), [], `${found.length} of ${frames.length} frames ${what}`);
}
