/**
 * StoredSource: stories that are in the document, as `explain --html` writes it.
 *
 * Owns: reading them, and rows of the table made of them. Must not know: what is shown.
 */
/// <reference lib="dom" />
import type { ConnectionRow, StoredPage } from "../story/page_messages.ts";
import { statesOfBoth, storedSource, type StoredStory } from "../story/stored_story.ts";
import type { ShownStory } from "./connection_feed.ts";
import { type PageSource, type PageViewer, readWhy, type WhyAnswer } from "./page_source.ts";

/** See the head of this file. */
export class StoredSource implements PageSource {
  readonly #page: StoredPage;
  readonly #stories = new Map<number, StoredStory>();

  constructor(page: StoredPage) {
    this.#page = page;
    for (const story of page.connections) this.#stories.set(story.explained.id, story);
  }

  start(viewer: PageViewer): void {
    const { title, version, connections, leftOut } = this.#page;
    viewer.status("recorded");
    viewer.hello({
      type: "hello",
      version,
      server: { pid: 0, device: title, ip: [], mac: "", listeners: [] },
      rows: connections.map(rowOf),
      connections: connections.length + leftOut,
      controls: null,
    });
  }

  storyOf(id: number): ShownStory | null {
    const stored = this.#stories.get(id);
    if (stored === undefined) return null;
    const taken = statesOfBoth(stored).flatMap(({ row }) => row ?? []);
    const { findings } = stored.explained;
    return { ...storedSource(stored), local: "client", missing: [], findings, taken };
  }

  why(name: string): Promise<readonly WhyAnswer[]> {
    const found: readonly unknown[] = this.#page.why[name] ?? [];
    return Promise.resolve(found.map(readWhy).filter((answer) => answer !== null));
  }

  // Nothing can be done to what is over.
  subscribe(): void {}
  faults(): Promise<null> {
    return Promise.resolve(null);
  }
  end(): Promise<null> {
    return Promise.resolve(null);
  }
  pace(): Promise<null> {
    return Promise.resolve(null);
  }
}

/** The client is the one who came, so it is the peer of what is served. */
function rowOf({ explained, paths, smoothedSeconds }: StoredStory): ConnectionRow {
  const { id, client, server, outcome, ends } = explained;
  const steps = [...paths.client, ...paths.server];
  const last = paths.server.at(-1) ?? paths.client.at(-1);
  return {
    id,
    name: `${server}-${client}`,
    local: server,
    peer: client,
    app: outcome,
    role: "server",
    state: last?.state ?? "CLOSED",
    states: [...new Set(steps.map(({ state }) => state))],
    bytesIn: ends.client.bytes,
    bytesOut: ends.server.bytes,
    segmentsIn: ends.client.segments,
    segmentsOut: ends.server.segments,
    retransmits: ends.client.retransmissions + ends.server.retransmissions,
    srttUs: Math.round(1e6 * Math.max(smoothedSeconds.client, smoothedSeconds.server)),
    rtoUs: 0,
    cwnd: 0,
  };
}
