/**
 * What went each way in each connection of a capture.
 *
 * Owns: which segments belong together, and the counts. Must not know: states, sequence numbers.
 */
import type { CapturedSegment } from "./capture_segments.ts";

/** What one end sent. */
interface WayCount {
  segments: number;
  /** Octets of text, those sent again counted again. */
  bytes: number;
}

/** One connection, seen from who sent its first segment. */
interface ConnectionCount {
  readonly source: string;
  readonly destination: string;
  readonly vlans: readonly number[];
  readonly there: WayCount;
  readonly back: WayCount;
}

/** Local choice: more than anybody reads, and 50 MB; the segments of others are counted together. */
const MOST_CONNECTIONS = 100_000;

/** Counts segments by connection: addresses, ports and VLANs. */
export class SegmentCounts {
  /** Segments of connections that came after the last one that is counted by itself. */
  uncounted = 0;
  readonly #byKey = new Map<string, ConnectionCount>();

  /** Counts one. */
  add({ source, destination, vlans, length }: CapturedSegment): void {
    const ends = source < destination ? `${source} ${destination}` : `${destination} ${source}`;
    const key = vlans.length === 0 ? ends : `${ends} ${vlans.join()}`;
    let connection = this.#byKey.get(key);
    if (connection === undefined) {
      if (this.#byKey.size === MOST_CONNECTIONS) {
        this.uncounted += 1;
        return;
      }
      const [there, back] = [{ segments: 0, bytes: 0 }, { segments: 0, bytes: 0 }];
      connection = { source, destination, vlans, there, back };
      this.#byKey.set(key, connection);
    }
    const way = connection.source === source ? connection.there : connection.back;
    way.segments += 1;
    way.bytes += length;
  }

  /** In the order of their first segments. */
  connections(): readonly ConnectionCount[] {
    return [...this.#byKey.values()];
  }
}
