/**
 * PageSource: what a page is fed by, and what it asks for: a server over the network, or a machine in the same page.
 *
 * Owns: the seam. Must not know: either of them, and what is shown.
 */
import type { BatchMessage, HelloMessage } from "../story/page_messages.ts";
import type { ShownStory } from "./connection_feed.ts";

/** How a source is doing. */
export type SourceStatus = "live" | "trying" | "refused";

/** Who is told what a source has. */
export interface PageViewer {
  hello(message: HelloMessage): void;
  batch(message: BatchMessage): void;
  status(status: SourceStatus): void;
}

/** A meaning, as `tcplab why` tells it. */
export interface WhyAnswer {
  readonly kind: "rule" | "row" | "state";
  readonly name: string;
  readonly text: string;
  readonly rfc: string;
  readonly source: readonly string[];
}

/** What a page asks for. Each promise gives null when it is done, else the line that says why not. */
export interface PageSource {
  start(viewer: PageViewer): void;
  subscribe(id: number | null): void;
  /** The whole story of a connection, where the source has it already: then no events tell it. */
  storyOf?(id: number): ShownStory | null;
  faults(
    request: { readonly spec: string } | { readonly once: string } | { readonly clear: true },
  ): Promise<string | null>;
  end(id: number, how: "close" | "abort"): Promise<string | null>;
  pace(how: "pause" | "step" | "resume"): Promise<string | null>;
  why(name: string): Promise<readonly WhyAnswer[]>;
}
