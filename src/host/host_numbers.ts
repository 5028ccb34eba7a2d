/**
 * HostNumbers: by which numbers events name connections and segments.
 *
 * Owns: that none is given twice. Hosts whose events go into one stream (host_group.ts) share one of these. Must not know:
 * connections, events.
 */
import { SegmentNumbers } from "./segment_numbers.ts";

/** The numbers of a host, or of several that are observed together. */
export class HostNumbers {
  /**
   * Of segments.
   *
   * @internal
   */
  readonly segments: SegmentNumbers = new SegmentNumbers();
  #lastConnection = 0;

  /** Of one more connection, from 1. */
  nextConnection(): number {
    return ++this.#lastConnection;
  }
}
