/**
 * Segments out of captured packets, on their way into a {@link Story}.
 *
 * Owns: what a dissected segment has to say. Must not know: files, link types, headers below TCP.
 */
import type { SegmentOptions } from "../tcp/events.ts";
import { SeenFrames } from "./seen_frames.ts";
import type { Added, Story } from "./story.ts";

/** A TCP segment of a captured packet, headers read; nothing in it is used again. */
export interface CapturedSegment {
  /** Number of the frame, from 1, as Wireshark counts. */
  readonly number: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** `IP:PORT`, IPv6 addresses in brackets. */
  readonly source: string;
  readonly destination: string;
  /** VLAN ids, outermost first. */
  readonly vlans?: readonly number[];
  /** Bits of `FLAG` of wire/tcp.ts. */
  readonly flags: number;
  /** Both 32 bits as on the wire. */
  readonly seq: number;
  readonly ack: number;
  /** As in the header, unscaled. */
  readonly window: number;
  readonly options: SegmentOptions;
  /** Payload octets, as the headers say. */
  readonly length: number;
  /** The worse of those of both headers; absent where the capture did not keep all that the sum covers. */
  readonly checksum?: "correct" | "partial" | "wrong";
  /** TTL or hop limit. */
  readonly ttl?: number;
  /** IPv4's identification; absent in IPv6. */
  readonly ipId?: number;
  /** The TCP header, a letter a byte (header_bytes.ts); absent where nobody asked for it. */
  readonly header?: string;
  /** What the capture says about the packet; absent where it says nothing. */
  readonly comments?: readonly string[];
}

/**
 * Adds a segment of a capture. A wrong sum of an end that never had a right one tells of off-loading of a kind that leaves
 * something else in the field than the part sum: such segments count as sound.
 */
export class PacketStory {
  readonly story: Story;
  readonly #byHost = new Map<string, Host>();
  /** The same by address and port, of those that were heard of late. */
  readonly #bySource = new Map<string, Host>();
  readonly #frames = new SeenFrames();
  #commentLetters = 0;

  constructor(story: Story) {
    this.story = story;
  }

  /** Adds one. */
  add(segment: CapturedSegment): Added {
    const { vlans, checksum, source } = segment;
    // Written out, as in a Story: this is done for each packet of a large capture.
    const added = this.story.add({
      number: segment.number,
      time: segment.time,
      source,
      destination: segment.destination,
      flags: segment.flags,
      seq: segment.seq,
      ack: segment.ack,
      length: segment.length,
      window: segment.window,
      options: segment.options,
      checksum: checksum === undefined ? undefined : this.#judge(checksum, source),
      ttl: segment.ttl,
      copyOf: this.#copyOf(segment),
      header: segment.header,
      realm: vlans === undefined || vlans.length === 0 ? undefined : vlans.join("."),
    });
    const { comments } = segment;
    if (comments !== undefined) {
      for (const text of comments) this.#comment(added, text);
    }
    return added;
  }

  #comment({ connection, row }: Added, text: string): void {
    const hasRoom = this.#commentLetters + text.length <= MOST_COMMENT_LETTERS;
    const isKept = connection.notes.comment(row.segment.number, text, { hasRoom });
    if (isKept) this.#commentLetters += text.length;
  }

  /** Null where its identification says that it is none. */
  #copyOf(segment: CapturedSegment): number | null | undefined {
    const { ipId = 0, source, checksum } = segment;
    // Of a damaged frame nothing is sure, its identification neither.
    if (ipId === 0 || checksum === "wrong") return undefined;
    const host = this.#bySource.get(source) ?? this.#hostOf(source);
    const look = this.#frames.look(segment);
    if (look === "repeats-ids") host.repeatsIds = true;
    if (host.repeatsIds) return undefined;
    return look === null || look === "repeats-ids" ? null : look.copyOf;
  }

  #judge(checksum: "correct" | "partial" | "wrong", source: string): "correct" | "partial" | "wrong" {
    const host = this.#bySource.get(source) ?? this.#hostOf(source);
    if (checksum !== "wrong") {
      host.hasRightSums = true;
      return checksum;
    }
    return host.hasRightSums ? "wrong" : "partial";
  }

  #hostOf(source: string): Host {
    const name = source.slice(0, source.lastIndexOf(":"));
    const host = this.#byHost.get(name) ?? { hasRightSums: false, repeatsIds: false };
    if (this.#byHost.size < MOST_HOSTS) this.#byHost.set(name, host);
    // Made of the others again.
    if (this.#bySource.size === MOST_HOSTS) this.#bySource.clear();
    this.#bySource.set(source, host);
    return host;
  }
}

/** What is remembered of one. */
interface Host {
  hasRightSums: boolean;
  /** Its identifications say nothing: it gives different segments the same one. */
  repeatsIds: boolean;
}

/** Local choice: hosts of which it is remembered whether they send sums. */
const MOST_HOSTS = 10_000;
/** Local choice: of the comments of all connections together, those included of which only a summary is left; some 10 MB. */
const MOST_COMMENT_LETTERS = 4_000_000;
