/**
 * ScriptLink: the link of a host that a script plays with. Nothing is on its other end but the script.
 *
 * Owns: what the host has sent, in order, each with its time, up to a bound; what asks for a neighbour is kept apart, for the
 * world to answer. Must not know: what a packet means, how time passes.
 */
import type { FrameLink, HostLink } from "../link/link.ts";
import type { FrameTap } from "../link/tap.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { IP_PROTOCOL } from "../wire/ip.ts";
import { IPV6 } from "../wire/ipv6.ts";

/** A frame that the host has sent. */
export interface SentFrame {
  readonly bytes: Uint8Array;
  /** When, on the clock of the script, microseconds. */
  readonly atUs: number;
  /** The number of its segment in the event stream; 0 for what is no segment. */
  readonly segment: number;
}

/** How a link is made. */
export interface ScriptLinkOptions {
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  readonly mac: Uint8Array;
  /** The time of the script. */
  readonly nowUs: () => number;
  readonly tap: FrameTap | null;
  /** What the host sends goes there too; absent or null: nowhere. */
  readonly wire?: Pick<FrameLink, "send"> | null;
}

/** Frames that may wait for a step that takes them. Local choice: a window of 64 MiB in full segments. */
export const MOST_WAITING_FRAMES = 0x10000;
/** Questions for neighbours that may wait for their answer; local choice: each is answered before anything else happens. */
const MOST_QUESTIONS = 1024;

/** See the file's comment. */
export class ScriptLink implements HostLink {
  readonly name = "script";
  readonly mac: Uint8Array;
  mtu: number;
  readonly #options: ScriptLinkOptions;
  #sent: SentFrame[] = [];
  /** Where the first one stands that waits: taking one away is cheap so. */
  #head = 0;
  readonly #questions: Uint8Array[] = [];
  readonly #ethernet = new EthernetHeader();
  /** Frames that found no room any more. */
  lostFrames = 0;

  constructor(options: ScriptLinkOptions) {
    this.#options = options;
    this.mac = options.mac;
    this.mtu = options.mtu;
  }

  get maxPacketBytes(): number {
    return this.mtu;
  }

  /** Frames that wait to be taken. */
  get waiting(): number {
    return this.#sent.length - this.#head;
  }

  send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    this.#options.wire?.send(frame, length, cutBytes, label);
    this.#options.tap?.sent(frame, length, cutBytes, label);
    const bytes = frame.slice(0, length);
    if (this.#isNeighborTalk(bytes)) {
      if (this.#questions.length < MOST_QUESTIONS) this.#questions.push(bytes);
      return;
    }
    if (this.waiting >= MOST_WAITING_FRAMES) {
      this.lostFrames++;
      return;
    }
    this.#sent.push({ bytes, atUs: this.#options.nowUs(), segment: label });
  }

  /** The frame that was sent first of those that wait, and it waits no longer; null without one. */
  take(): SentFrame | null {
    if (this.#sent.length === this.#head) return null;
    const first = this.#sent[this.#head++];
    if (this.#head === this.#sent.length) {
      this.#sent = [];
      this.#head = 0;
    }
    return first;
  }

  /** The oldest question for a neighbour's hardware address; null without one. */
  takeQuestion(): Uint8Array | null {
    return this.#questions.shift() ?? null;
  }

  /** ARP, and of ICMPv6 what is between neighbours and routers: no step of a script is about that. */
  #isNeighborTalk(frame: Uint8Array): boolean {
    const header = this.#ethernet;
    if (parseEthernet(frame, frame.length, header) !== null) return false;
    if (header.type === ETHERTYPE.ARP) return true;
    if (header.type !== ETHERTYPE.IPV6) return false;
    const at = header.payloadOffset;
    // Multicast listener reports stand behind a hop-by-hop header (RFC 3810 §5), which nothing else here does.
    if (frame[at + IPV6.NEXT_HEADER] === 0) return true;
    if (frame[at + IPV6.NEXT_HEADER] !== IP_PROTOCOL.ICMPV6) return false;
    const type = frame[at + IPV6.HEADER_BYTES];
    return type >= ICMPV6_TYPE.LISTENER_QUERY && type <= ICMPV6_TYPE.LISTENER_REPORT;
  }
}

/** Bytes of a frame around its packet. */
export const FRAME_HEADER_BYTES: number = ETHERNET.HEADER_BYTES;
