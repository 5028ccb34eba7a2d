/**
 * What went each way in each connection of a capture.
 *
 * Owns: which segments belong together, and the counts. Must not know: states, sequence numbers.
 */
import type { DissectedSegment } from "../wire/dissect.ts";

/** What one end sent. */
interface WayCount {
  segments: number;
  /** Octets of text, those sent again counted again. */
  bytes: number;
}

/** One connection, seen from who sent its first segment. */
interface ConnectionCount {
  /** {@link endKey} of the source. */
  readonly opener: string;
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly target: Uint8Array;
  readonly targetPort: number;
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
  add(dissected: DissectedSegment): void {
    const { segment, source, destination, vlans } = dissected;
    const { sourcePort, destinationPort } = segment;
    const lan = vlans.length === 0 ? "" : vlans.join();
    const from = endKey(source, sourcePort);
    const to = endKey(destination, destinationPort);
    const key = (from < to ? from + to : to + from) + lan;
    let connection = this.#byKey.get(key);
    if (connection === undefined) {
      if (this.#byKey.size === MOST_CONNECTIONS) {
        this.uncounted += 1;
        return;
      }
      connection = {
        opener: from,
        // Copies: a view would keep all that was read with the packet.
        source: source.slice(),
        sourcePort,
        target: destination.slice(),
        targetPort: destinationPort,
        vlans,
        there: { segments: 0, bytes: 0 },
        back: { segments: 0, bytes: 0 },
      };
      this.#byKey.set(key, connection);
    }
    countOne(connection.opener === from ? connection.there : connection.back, dissected);
  }

  /** In the order of their first segments. */
  connections(): readonly ConnectionCount[] {
    return [...this.#byKey.values()];
  }
}

function countOne(way: WayCount, { length }: DissectedSegment): void {
  way.segments += 1;
  way.bytes += length;
}

/** An address and a port as a short text, which no other end has. */
function endKey(address: Uint8Array, port: number): string {
  let key = String.fromCharCode(port);
  for (let i = 0; i < address.length; i += 2) {
    key += String.fromCharCode((address[i] << 8) | address[i + 1]);
  }
  return key;
}
