/**
 * What a finding is, and how its sentences name an end.
 *
 * Owns: both. Must not know: which findings there are (findings.ts, reset_findings.ts, transfer_findings.ts).
 */
import type { ConnectionStory } from "./connection_story.ts";
import type { EndName } from "./story_segment.ts";

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

/** Looks for one kind of finding, or some that belong together. */
export type Finder = (looked: Looked) => Finding | readonly Finding[] | null;

/** Name of an end for people, with its address. */
export function endText(story: ConnectionStory, end: EndName): string {
  return `the ${end} (${story.endpoints[end]})`;
}

/** The same where a sentence begins. */
export function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
