/**
 * The TCP segments of a capture, as values, and what else was in it.
 *
 * Owns: which packets are segments, what is told of one, and the lines about a capture that cannot be read, or not to its end. Must not know:
 * file formats, headers, what is made of the segments.
 */
import { RepeatedOptions } from "../host/segment_events.ts";
import type { CapturedSegment } from "../story/from_packets.ts";
import { counted, listed } from "../observe/text_layout.ts";
import { headerString } from "../story/header_bytes.ts";
import { formatEndpoint } from "../wire/address.ts";
import { readU32 } from "../wire/bytes.ts";
import type { CapturedPacket, CaptureProblem } from "../wire/capture_packet.ts";
import { DissectedSegment, Dissector, type SkipReason } from "../wire/dissect.ts";
import { isKnownLinkType, LINK_TYPE } from "../wire/link_header.ts";
import { named, readCapture } from "./capture_input.ts";
import { CliError } from "./command.ts";
import { printError } from "./terminal.ts";

/** What a capture held. */
export interface CaptureTally {
  readonly frames: number;
  readonly segments: number;
  /** Packets that gave no segment, by reason; of link types that are not known as `link-type-N`. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Segments whose packet is shorter than its IP header says, though the capture calls it whole. */
  readonly shortened: number;
  /** Packets that the capture says it has lost; null where it does not say. */
  readonly dropped: number | null;
  /** Of the packets, by name: "Ethernet", or several with commas; of many the first ones. */
  readonly linkType: string;
}

/** How {@link readSegments} is to read. */
interface SegmentReading {
  readonly onSegment: (segment: CapturedSegment) => void;
  /** Whether each segment is to have the bytes of its header. */
  readonly keepsHeaders?: boolean;
  /** Once this resolves nothing more is read, and what was read counts. */
  readonly stop?: Promise<unknown>;
}

const LINK_NAMES: Readonly<Record<number, string>> = {
  [LINK_TYPE.NULL]: "loopback",
  [LINK_TYPE.ETHERNET]: "Ethernet",
  [LINK_TYPE.PPP]: "PPP",
  [LINK_TYPE.FDDI]: "FDDI",
  [LINK_TYPE.PPP_HDLC]: "PPP",
  [LINK_TYPE.PPP_ETHER]: "PPPoE",
  [LINK_TYPE.NFLOG]: "netfilter log",
  [LINK_TYPE.RAW_BSD]: "raw IP",
  [LINK_TYPE.RAW_OPENBSD]: "raw IP",
  [LINK_TYPE.RAW]: "raw IP",
  [LINK_TYPE.LOOP]: "loopback",
  [LINK_TYPE.LINUX_COOKED]: "Linux cooked",
  [LINK_TYPE.IPV4]: "raw IPv4",
  [LINK_TYPE.IPV6]: "raw IPv6",
  [LINK_TYPE.LINUX_COOKED_2]: "Linux cooked v2",
};
const KNOWN_LINKS = "Ethernet, Linux cooked, raw IP, loopback, PPP and netfilter's log are";

/** Takes packets, and gives their segments as values; counts the rest. */
export class SegmentReader {
  frames = 0;
  segments = 0;
  shortened = 0;
  readonly skipped: Map<string, number> = new Map();
  /** Packets of each link type. */
  readonly links: Map<number, number> = new Map();
  readonly #dissector = new Dissector();
  readonly #dissected = new DissectedSegment();
  readonly #values: SegmentValues;

  /** `keepsHeaders`: each segment has the bytes of its header. */
  constructor({ keepsHeaders = false }: { readonly keepsHeaders?: boolean } = {}) {
    this.#values = new SegmentValues(keepsHeaders);
  }

  /** The segment in a packet; null where there is none, which is counted. */
  take(packet: CapturedPacket): CapturedSegment | null {
    const { linkType } = packet.interface;
    this.frames += 1;
    countOne(this.links, linkType);
    const reason: SkipReason | null = this.#dissector.dissect(packet, this.#dissected);
    if (reason !== null) {
      countOne(this.skipped, reason === "link-type" ? `link-type-${linkType}` : reason);
      return null;
    }
    this.segments += 1;
    if (this.#dissected.isShort) this.shortened += 1;
    return this.#values.of(this.#dissected, packet);
  }

  /** What it was. */
  tally(dropped: number | null = null): CaptureTally {
    const { frames, segments, skipped, shortened } = this;
    const named = [...this.links.keys()].map((linkType) => LINK_NAMES[linkType] ?? String(linkType));
    return { frames, segments, skipped, shortened, dropped, linkType: listed([...new Set(named)]) };
  }
}

/**
 * Reads the capture at `path`, `-` for standard input, and hands on its segments. What could not be read is said on stderr, a line each; a
 * {@link CliError} where nothing could.
 */
export async function readSegments(
  path: string,
  { onSegment, stop, keepsHeaders = false }: SegmentReading,
): Promise<CaptureTally> {
  const reader = new SegmentReader({ keepsHeaders });
  const { problem, wasStopped, dropped } = await readCapture(path, {
    ...(stop === undefined ? {} : { stop }),
    onPacket: (packet) => {
      const segment = reader.take(packet);
      if (segment !== null) onSegment(segment);
    },
  });
  const { frames, links } = reader;
  const tally = reader.tally(dropped);
  if (problem !== null) tellProblem(path, problem, frames);
  if (wasStopped) tell(path, `stopped after ${counted(frames, "packet")}, which are told`);
  tellUnknownLinks(path, frames, links);
  if (tally.segments === 0) tellEmptiness(path, tally);
  return tally;
}

/** Local choice: names that are kept; a name takes longer to make than all else that is done with a segment. */
const MOST_NAMES = 10_000;

/** Makes values of what is read into the same record again and again. */
class SegmentValues {
  readonly #options = [new RepeatedOptions(), new RepeatedOptions()];
  readonly #names = new Map<string | number, string>();
  readonly #keepsHeaders: boolean;
  /** Of IPv4, by address and port in one number, which is found sooner than a string. */
  readonly #shortNames = new Map<string | number, string>();

  constructor(keepsHeaders: boolean) {
    this.#keepsHeaders = keepsHeaders;
  }

  of(dissected: DissectedSegment, packet: CapturedPacket): CapturedSegment {
    const { segment, checksum, ipChecksum } = dissected;
    const { sourcePort, destinationPort } = segment;
    const value = {
      number: packet.number,
      time: packet.timeUs / 1e6,
      source: this.#name(dissected.source, sourcePort),
      destination: this.#name(dissected.destination, destinationPort),
      vlans: dissected.vlans,
      flags: segment.flags,
      seq: segment.seq,
      ack: segment.ack,
      window: segment.window,
      // The two directions have different ones, and each the same many times in a row.
      options: this.#options[sourcePort > destinationPort ? 1 : 0].of(segment),
      length: dissected.length,
      ttl: dissected.ttl,
      ...(dissected.ipId < 0 ? {} : { ipId: dissected.ipId }),
      ...(this.#keepsHeaders ? { header: headerString(dissected.header) } : {}),
      ...(packet.comments.length === 0 ? {} : { comments: packet.comments }),
    };
    if (ipChecksum === "wrong") return { ...value, checksum: "wrong" };
    return checksum === "unknown" ? value : { ...value, checksum };
  }

  #name(address: Uint8Array, port: number): string {
    const isShort = address.length === IPV4_BYTES;
    const names: Map<string | number, string> = isShort ? this.#shortNames : this.#names;
    const key = isShort ? readU32(address, 0) * 0x10000 + port : longKey(address, port);
    let name = names.get(key);
    if (name === undefined) {
      name = formatEndpoint(address, port);
      // All at once: which of them is needed least would cost more to know.
      if (names.size === MOST_NAMES) names.clear();
      names.set(key, name);
    }
    return name;
  }
}

const IPV4_BYTES = 4;

function longKey(address: Uint8Array, port: number): string {
  let key = String.fromCharCode(port);
  for (let i = 0; i < address.length; i += 2) key += String.fromCharCode((address[i] << 8) | address[i + 1]);
  return key;
}

/** Where nothing at all could be read it is an error, otherwise a notice. */
function tellProblem(path: string, { kind, text, offset }: CaptureProblem, frames: number): void {
  if (kind === "not-a-capture") throw new CliError(`${named(path)}: ${text}`);
  const place = `${text} (byte ${offset})`;
  if (frames === 0) throw new CliError(`${named(path)}: ${place}: no packet could be read`);
  tell(path, `${place}: told is what was before, ${counted(frames, "packet")}`);
}

/** An error where there are no others. */
function tellUnknownLinks(path: string, frames: number, links: ReadonlyMap<number, number>): void {
  const unknown = [...links].filter(([linkType]) => !isKnownLinkType(linkType));
  if (unknown.length === 0) return;
  const count = unknown.reduce((sum, [, packets]) => sum + packets, 0);
  const numbers = listed(unknown.map(([linkType]) => String(linkType)));
  const types = unknown.length === 1 ? `link type ${numbers}` : `link types ${numbers}`;
  const verb = unknown.length === 1 ? "is" : "are";
  if (count === frames) throw new CliError(`${named(path)}: ${types} ${verb} not known here; ${KNOWN_LINKS}`);
  tell(path, `${counted(count, "packet")} of ${types} not read; ${KNOWN_LINKS} known`);
}

function tellEmptiness(path: string, { frames, skipped }: CaptureTally): void {
  const others = listed([...skipped].map(([reason, count]) => `${count} ${reason}`));
  tell(path, frames === 0 ? "no packet in it" : `no TCP in it (${counted(frames, "packet")}: ${others})`);
}

function tell(path: string, line: string): void {
  printError(`${named(path)}: ${line}`);
}

function countOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
