/**
 * World: the true host on a link of its own, with a clock that is a number.
 *
 * Owns: time, which moves from deadline to deadline and only when told to; the neighbours, who answer at once; how far a script may
 * drive the host. Must not know: steps, packets of a script, sockets.
 *
 * The peer is beyond a router, as packetdrill has it: the host resolves the router's hardware address (RFC 826, RFC 4861 §7.2), and the
 * world answers. It has asked the host before the beginning, so that no first segment waits for an answer.
 */
import { Host } from "../host/host.ts";
import type { HostOptions } from "../host/host_options.ts";
import type { FrameTap } from "../link/tap.ts";
import type { Profile } from "../tcp/profile.ts";
import { formatIpAddress, isUnspecified } from "../wire/address.ts";
import { ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../wire/arp.ts";
import { emitEthernet, ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../wire/icmpv6.ts";
import { addressSum, IP_PROTOCOL, IpPacket, parseIp, pseudoSum } from "../wire/ip.ts";
import {
  emitNeighbor,
  NEIGHBOR_FLAG,
  NEIGHBOR_HOP_LIMIT,
  neighborLength,
  NeighborMessage,
  parseNeighbor,
} from "../wire/neighbor_discovery.ts";
import { ARP } from "../wire/arp.ts";
import { ipFrame } from "./ip_frame.ts";
import type { SettingChanges } from "./settings.ts";
import { ScriptLink, type SentFrame } from "./script_link.ts";

/** Local choice: the host has been up for a second when the script begins, which is time for the world to make itself known. */
const START_US = 1_000_000;
/** Hardware addresses, of the locally administered ones (IEEE 802 §8.2): the host's, and the router's. */
const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const ROUTER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
/** What the host's sequence numbers hang on; always the same, so that a script runs the same way each time. */
const SECRET = Uint8Array.from({ length: 16 }, (_, at) => at * 11 + 1);
/** How many times a host may be given a frame or a deadline at most. Local choice: no public script needs a hundredth of it. */
export const MOST_HOST_STEPS = 2_000_000;
/** Answers to answers; local choice: more than two neighbours ever need. */
const MOST_NEIGHBOR_ROUNDS = 64;

/** How a world is made. */
export interface WorldOptions {
  readonly profile: Profile;
  readonly localAddress: Uint8Array;
  readonly prefixLength: number;
  readonly routerAddress: Uint8Array;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** Settings beside the profile's. */
  readonly host?: Partial<HostOptions>;
  /** Wall clock at the beginning of the script, microseconds since 1970; 0 when absent. */
  readonly epochUs?: number;
  /** Hears of every frame, with times since 1970. */
  readonly tap?: FrameTap | null;
  /** Whether as much real time is over as the script may take; asked now and then. */
  readonly isOutOfTime?: () => boolean;
}

/** Frames and deadlines from one question for the time to the next. Local choice: well below a millisecond of work. */
const STEPS_PER_QUESTION = 256;

/** The script has driven the host further than any script should: the message says how far. */
export class WorldExhausted extends Error {
  override readonly name = "WorldExhausted";
}

/** See the file's comment. Times are microseconds since the script's beginning. */
export class World {
  readonly host: Host;
  readonly link: ScriptLink;
  readonly routerMac: Uint8Array = ROUTER_MAC;
  readonly #options: WorldOptions;
  readonly #tap: FrameTap | null;
  #hostUs = 0;
  #steps = 0;
  /** Called after each frame and each deadline; whoever waits for something may look again. */
  onProgress: () => void = () => {};
  /** A deadline beside the host's, microseconds of the script; Infinity without one. */
  otherDeadlineUs: () => number = () => Infinity;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { profile, epochUs = 0, localAddress, prefixLength, routerAddress } = options;
    this.#tap = options.tap ?? null;
    this.link = new ScriptLink({
      mtu: options.mtu,
      mac: HOST_MAC,
      nowUs: () => this.nowUs,
      tap: this.#tap,
    });
    this.host = new Host({
      secret: SECRET,
      profile,
      // Who plays a script is the only peer: nothing else is to be on the link.
      acceptRa: false,
      ...options.host,
      link: this.link,
      addresses: [{ address: localAddress, prefixLength }],
      gateways: [routerAddress],
      epochUs: epochUs - START_US,
      nowUs: 0,
    });
    this.#introduce();
    this.#moveTo(START_US);
  }

  /** The time. Before the script's beginning it is negative. */
  get nowUs(): number {
    return this.#hostUs - START_US;
  }

  /** How many frames and deadlines the host has had so far. */
  get hostSteps(): number {
    return this.#steps;
  }

  /** When something is due next, a whole microsecond not before now; Infinity when nothing is. */
  get nextDeadlineUs(): number {
    const dueUs = Math.min(this.host.nextDeadlineUs() - START_US, this.otherDeadlineUs());
    // A deadline may lie between two ticks of the clock: none comes early.
    return Math.max(Math.ceil(dueUs), this.nowUs);
  }

  /** Takes settings into force. */
  configure({ tcp, route }: SettingChanges): void {
    if (tcp !== undefined) this.host.configure(tcp);
    if (route === undefined) return;
    // There is one peer: what a route says counts for all connections.
    const { mss, initialWindowSegments, mtu } = route;
    this.host.configure({
      ...(mss === undefined ? {} : { mss }),
      ...(initialWindowSegments === undefined ? {} : { initialWindowSegments }),
    });
    if (mtu === undefined) return;
    this.link.mtu = mtu;
    this.host.linkChanged();
  }

  /** Hands the host a frame, now. */
  give(frame: Uint8Array): void {
    this.#give(frame);
    this.settle();
  }

  /** To be called after the host was called from elsewhere: neighbours answer, and whoever waits may look. */
  settle(): void {
    for (let round = 0; round < MOST_NEIGHBOR_ROUNDS && this.#answerNeighbors(); round++);
    this.onProgress();
  }

  /** Lets time pass until `untilUs`, each deadline at its own time; nothing happens where that is past. */
  advanceTo(untilUs: number): void {
    while (this.advance(untilUs));
  }

  /** Lets time pass up to the next deadline, and runs it; when there is none by `untilUs`, up to then, and returns false. */
  advance(untilUs: number): boolean {
    const dueUs = this.nextDeadlineUs;
    if (dueUs > untilUs || dueUs === Infinity) {
      if (untilUs > this.nowUs && untilUs !== Infinity) this.#moveTo(untilUs + START_US);
      return false;
    }
    this.#count();
    this.#moveTo(dueUs + START_US);
    this.host.tick(this.#hostUs);
    this.settle();
    return true;
  }

  /** The frame that the host sent first of those that no step has taken, and it is taken; null without one. */
  takeSent(): SentFrame | null {
    return this.link.take();
  }

  #moveTo(hostUs: number): void {
    this.#hostUs = hostUs;
    this.host.setNow(hostUs);
  }

  #count(): void {
    if (++this.#steps > MOST_HOST_STEPS) {
      throw new WorldExhausted(
        `the host was given ${MOST_HOST_STEPS} frames and deadlines, and the script is not at its end`,
      );
    }
    if (this.#steps % STEPS_PER_QUESTION === 0 && this.#options.isOutOfTime?.() === true) {
      throw new WorldExhausted(
        `the time limit is over after ${this.#steps} frames and deadlines of the host`,
      );
    }
  }

  #give(frame: Uint8Array): void {
    this.#count();
    this.#tap?.received(frame, frame.length, (this.#options.epochUs ?? 0) + this.nowUs, 0);
    try {
      this.host.ingest(frame, frame.length, this.#hostUs);
    } finally {
      this.#tap?.receivedDone?.();
    }
  }

  // -- Neighbours

  /** The router asks for the host's hardware address, and so is known to it from then on (RFC 826; RFC 4861 §7.2.3). */
  #introduce(): void {
    const { localAddress, routerAddress } = this.#options;
    if (localAddress.length === 4) {
      this.#give(arpFrame(ARP_OPERATION.REQUEST, {
        senderIp: routerAddress,
        targetIp: localAddress,
        targetMac: new Uint8Array(ETHERNET.ADDRESS_BYTES),
      }));
    } else {
      this.#give(this.#neighborFrame(ICMPV6_TYPE.NEIGHBOR_SOLICITATION, {
        source: routerAddress,
        destination: localAddress,
        target: localAddress,
      }));
    }
    for (let round = 0; round < MOST_NEIGHBOR_ROUNDS && this.#answerNeighbors(); round++);
  }

  /** Answers what the host has asked; whether there was anything to answer. */
  #answerNeighbors(): boolean {
    let hasAnswered = false;
    for (let frame = this.link.takeQuestion(); frame !== null; frame = this.link.takeQuestion()) {
      const answer = this.#answerTo(frame);
      if (answer === null) continue;
      this.#give(answer);
      hasAnswered = true;
    }
    return hasAnswered;
  }

  /** Null for what is no question, or one that looks for a duplicate of an address (RFC 5227 §2.1, RFC 4862 §5.4). */
  #answerTo(frame: Uint8Array): Uint8Array | null {
    const header = new EthernetHeader();
    if (parseEthernet(frame, frame.length, header) !== null) return null;
    const at = header.payloadOffset;
    if (header.type === ETHERTYPE.ARP) {
      const asked = new ArpPacket();
      if (parseArp(frame, at, frame.length - at, asked) !== null) return null;
      if (asked.operation !== ARP_OPERATION.REQUEST || isUnspecified(asked.senderIp)) return null;
      if (this.#isOurs(asked.targetIp)) return null;
      return arpFrame(ARP_OPERATION.REPLY, {
        senderIp: asked.targetIp,
        targetIp: asked.senderIp,
        targetMac: asked.senderMac,
      });
    }
    const packet = new IpPacket();
    if (parseIp(header.type, frame, at, frame.length - at, packet) !== null) return null;
    if (packet.protocol !== IP_PROTOCOL.ICMPV6) return null;
    const message = new IcmpMessage();
    const sum = pseudoSum(packet.addressSum, packet.protocol, packet.payloadLength);
    if (parseIcmpv6(frame, packet.payloadOffset, packet.payloadLength, sum, message) !== null) return null;
    if (message.type !== ICMPV6_TYPE.NEIGHBOR_SOLICITATION) return null;
    const asked = new NeighborMessage();
    if (parseNeighbor(frame, message, asked) !== null) return null;
    const source = frame.slice(packet.sourceOffset, packet.sourceOffset + 16);
    const target = frame.slice(asked.targetOffset, asked.targetOffset + 16);
    if (isUnspecified(source) || this.#isOurs(target)) return null;
    return this.#neighborFrame(ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT, {
      source: target,
      destination: source,
      target,
    });
  }

  #isOurs(address: Uint8Array): boolean {
    return formatIpAddress(address) === formatIpAddress(this.#options.localAddress);
  }

  #neighborFrame(
    type: number,
    about: { readonly source: Uint8Array; readonly destination: Uint8Array; readonly target: Uint8Array },
  ): Uint8Array {
    const { source, destination, target } = about;
    const length = neighborLength({ mac: ROUTER_MAC });
    const payload = new Uint8Array(length);
    const isAnswer = type === ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT;
    const flags = isAnswer
      ? (NEIGHBOR_FLAG.ROUTER | NEIGHBOR_FLAG.SOLICITED | NEIGHBOR_FLAG.OVERRIDE) >>> 0
      : 0;
    const sum = pseudoSum(addressSum(source, destination), IP_PROTOCOL.ICMPV6, length);
    emitNeighbor(payload, 0, { type, flags, target, mac: ROUTER_MAC }, sum);
    return ipFrame(payload, {
      sourceMac: ROUTER_MAC,
      destinationMac: HOST_MAC,
      source,
      destination,
      protocol: IP_PROTOCOL.ICMPV6,
      hopLimit: NEIGHBOR_HOP_LIMIT,
    });
  }
}

/** An ARP frame of the router, to the host. */
function arpFrame(
  operation: number,
  about: { readonly senderIp: Uint8Array; readonly targetIp: Uint8Array; readonly targetMac: Uint8Array },
): Uint8Array {
  const frame = new Uint8Array(ETHERNET.HEADER_BYTES + ARP.BYTES);
  const packet = new ArpPacket();
  packet.operation = operation;
  packet.senderMac.set(ROUTER_MAC);
  packet.senderIp.set(about.senderIp);
  packet.targetMac.set(about.targetMac);
  packet.targetIp.set(about.targetIp);
  const at = emitEthernet(frame, { destination: HOST_MAC, source: ROUTER_MAC, type: ETHERTYPE.ARP });
  emitArp(frame, at, packet);
  return frame;
}
