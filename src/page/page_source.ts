/**
 * PageSource: what a page is fed by, and what it asks for: a server over the network, or a machine in the same page.
 *
 * Owns: the seam. Must not know: either of them, and what is shown.
 */
import type { BatchMessage, HelloMessage } from "../story/page_messages.ts";
import type { ShownStory } from "./connection_feed.ts";

/** How a source is doing. */
export type SourceStatus = "live" | "trying" | "refused" | "full" | "recorded";

/** Who is told what a source has. */
export interface PageViewer {
  /** All begins anew, and numbers may be another server's: who wants to hear of a connection subscribes again. */
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
  /** Gives connections to a port that begin from now on another application; absent where that cannot be. */
  application?(port: number, app: string): Promise<string | null>;
  why(name: string): Promise<readonly WhyAnswer[]>;
}

/** What the page shows of an explanation; null for what is none. */
export function readWhy(value: unknown): WhyAnswer | null {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("name" in value)) return null;
  const { kind, name } = value;
  if (kind !== "rule" && kind !== "row" && kind !== "state") return null;
  const row = "row" in value && typeof value.row === "object" && value.row !== null ? value.row : null;
  const textOf = (from: object | null, key: string): string => {
    const found = from === null ? undefined : Object.entries(from).find(([label]) => label === key)?.[1];
    return typeof found === "string" ? found : "";
  };
  const source = "source" in value && Array.isArray(value.source) ? value.source.map(String) : [];
  return {
    kind,
    name: String(name),
    text: textOf(value, "text") || textOf(row, "event"),
    rfc: textOf(value, "rfc") || textOf(row, "rfc"),
    source,
  };
}
