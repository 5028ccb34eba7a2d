/**
 * What a finding is.
 *
 * Owns: this shape. Must not know: which findings there are (findings.ts, transfer_findings.ts).
 */
import type { ConnectionStory } from "./connection_story.ts";

/** One finding. */
export interface Finding {
  /** For programs: `syn-resent`. */
  readonly kind: string;
  /** Numbers of the segments that show it; of many the first twenty. */
  readonly frames: readonly number[];
  readonly confidence: "certain" | "likely";
  /** For people: a sentence or two. */
  readonly text: string;
  /** The clause that it is about; empty where there is none. */
  readonly rfc: string;
  /** What tshark calls the segments that show it, where it has a name for them. */
  readonly tshark?: string;
}

/** What a finder looks at. */
export interface Looked {
  readonly story: ConnectionStory;
}
