/**
 * NdpInput: solicitations and advertisements of NDP on their way in (RFC 4861 §7.1, §7.2, RFC 4862 §5.4).
 *
 * Owns: who is believed at all, whom a message concerns (a claim of ours, the cache, or whoever asks for us), and how many
 * are answered. Must not know: what the cache makes of it; routers (router_discovery.ts).
 *
 * Deviation: redirects (RFC 4861 §8.3) are counted and not followed, because any station of the link can send them, and
 * what they save is one hop.
 */
import { isStationMac, isUnspecified, sameAddress } from "../wire/address.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import type { IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import type { IpPacket } from "../wire/ip_packet.ts";
import {
  NEIGHBOR_FLAG,
  NeighborMessage,
  neighborMessageFault,
  parseNeighbor,
} from "../wire/neighbor_discovery.ts";
import type { AddressClaims, AddressWord } from "./address_claims.ts";
import { AnswerLimit } from "./answer_limit.ts";
import type { NdpOutput, NeighborTalk } from "./ndp_output.ts";
import type { NeighborCache } from "./neighbor_cache.ts";
import type { Overload } from "./overload.ts";
import type { OwnAddresses } from "./own_addresses.ts";

const ADDRESS_BYTES = 16;

/** Whom messages are handed to. */
interface NdpInputOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  readonly addresses: Pick<OwnAddresses, "isOurs" | "isHostAddress">;
  readonly claims: Pick<AddressClaims, "arrives" | "defend" | "isLost" | "isTentative">;
  readonly cache: NeighborCache;
  readonly output: Pick<NdpOutput, "answer">;
  /** When too much arrives, only those in the cache are heard. */
  readonly overload: Pick<Overload, "isCrowded" | "ignoresArp">;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  /** 32 bits that nobody outside knows. */
  readonly seed: number;
  count(name: string): void;
  /** Hears of each message that is for us or about one of our addresses, before it is answered. */
  tell(talk: NeighborTalk): void;
}

/** A message as values, which outlive the frame. */
export interface HeardNeighbor extends NeighborTalk {
  /** The hardware address that the message tells, null where it tells none. */
  readonly option: Uint8Array | null;
  readonly isOverride: boolean;
  readonly isRouter: boolean;
}

/** The NDP input of one host. */
export class NdpInput {
  readonly #options: NdpInputOptions;
  readonly #limit: AnswerLimit;

  constructor(options: NdpInputOptions) {
    this.#options = options;
    this.#limit = new AnswerLimit(options.seed);
  }

  /**
   * Takes a message of one of the three types that `frame`, a whole one as it came, holds; its checksum is right. Says why it was
   * not taken, where it was none.
   */
  arrives(frame: Uint8Array, packet: IpPacket, message: IcmpMessage): DropReason | null {
    const { cache, overload, count } = this.#options;
    count("ndp-in");
    if (overload.isCrowded) {
      const source = frame.subarray(packet.sourceOffset, packet.sourceOffset + ADDRESS_BYTES);
      if (cache.find(source) === null && overload.ignoresArp()) return null;
    }
    if (message.type === ICMPV6_TYPE.REDIRECT) {
      const fault = neighborMessageFault(frame, packet, message);
      if (fault === null) count("redirects-ignored");
      return fault;
    }
    const heard = readNeighbor(frame, packet, message);
    if (typeof heard === "string") return heard;
    // Our own, brought back by a loop of the network (RFC 4862 §5.4.3).
    const { mac } = this.#options;
    if (!sameAddress(stationOf(frame), mac) && !sameAddress(heard.mac, mac)) this.#heard(heard);
    return null;
  }

  #heard(heard: HeardNeighbor): void {
    const { addresses, count } = this.#options;
    const isSenderOurs = this.#isOurs(heard.source);
    const canBe = isStationMac(heard.mac) &&
      (isSenderOurs || addresses.isHostAddress(heard.source) ||
        (heard.isSolicitation && isUnspecified(heard.source)));
    if (!canBe) count("ndp-bad-sender");
    else if (heard.isSolicitation) this.#solicited(heard, isSenderOurs);
    else this.#advertised(heard);
  }

  #solicited(heard: HeardNeighbor, isSenderOurs: boolean): void {
    const { claims, cache, output, count, clock } = this.#options;
    const { source, target, mac, option } = heard;
    const isForUs = this.#isOurs(target);
    if (isSenderOurs || isForUs) this.#options.tell(heard);
    const claim = neighborClaim(heard);
    claims.arrives(claim);
    if (isSenderOurs) {
      claims.defend(claim);
      return;
    }
    // RFC 4861 §7.2.3: what is for others teaches nothing, other than with ARP.
    if (!isForUs || claims.isLost(target)) return;
    const isProbe = isUnspecified(source);
    if (option !== null) cache.learn({ address: source, mac: option, isAnswer: false, target });
    const { nowUs } = clock;
    const mayAnswer = isProbe
      ? this.#limit.takeForAll(target, nowUs)
      : this.#limit.take(source, { neighbor: cache.find(source), nowUs });
    if (!mayAnswer) {
      count("ndp-limited");
      return;
    }
    // RFC 4429 §3.3: what may be somebody else's replaces nothing that is known.
    output.answer({ target, address: source, mac, isOverride: !claims.isTentative(target) });
    count("ndp-answers-out");
  }

  #advertised(heard: HeardNeighbor): void {
    const { addresses, claims, cache, count } = this.#options;
    const { target } = heard;
    const isOurs = this.#isOurs(target);
    if (!isOurs && !addresses.isHostAddress(target)) {
      count("ndp-bad-sender");
      return;
    }
    if (isOurs || this.#isOurs(heard.destination)) this.#options.tell(heard);
    const claim = neighborClaim(heard);
    claims.arrives(claim);
    if (isOurs) {
      claims.defend(claim);
      return;
    }
    const { option: mac, isSolicited, isOverride, isRouter } = heard;
    cache.advertised({ address: target, mac, isSolicited, isOverride, isRouter });
  }

  #isOurs(address: Uint8Array): boolean {
    return this.#options.addresses.isOurs(address, 0, ADDRESS_BYTES);
  }
}

/** Reads a solicitation or an advertisement, with all checks of RFC 4861 §7.1 but the checksum's; says what is wrong with it, if anything. */
export function readNeighbor(
  frame: Uint8Array,
  packet: IpPacket,
  message: IcmpMessage,
): HeardNeighbor | DropReason {
  const isSolicitation = message.type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION;
  const found = new NeighborMessage();
  const reason = neighborMessageFault(frame, packet, message) ?? parseNeighbor(frame, message, found);
  if (reason !== null) return reason;
  const source = addressAt(frame, packet.sourceOffset);
  const destination = addressAt(frame, packet.destinationOffset);
  const target = addressAt(frame, found.targetOffset);
  const { flags, macOffset } = found;
  const option = macOffset < 0 ? null : frame.slice(macOffset, macOffset + ETHERNET.ADDRESS_BYTES);
  const isSolicited = !isSolicitation && (flags & NEIGHBOR_FLAG.SOLICITED) !== 0;
  return {
    isSolicitation,
    isSolicited,
    isOverride: (flags & NEIGHBOR_FLAG.OVERRIDE) !== 0,
    isRouter: (flags & NEIGHBOR_FLAG.ROUTER) !== 0,
    source,
    destination,
    target,
    option,
    mac: option ?? stationOf(frame),
  };
}

/**
 * Which address the sender has, or is about to take: an advertisement's target (RFC 4862 §5.4.4), whom a solicitation is
 * from, or for whom one from nobody asks (§5.4.3).
 */
export function neighborClaim({ isSolicitation, source, target, mac }: HeardNeighbor): AddressWord {
  if (!isSolicitation) return { address: target, mac, isProbe: false };
  const isProbe = isUnspecified(source);
  return { address: isProbe ? target : source, mac, isProbe };
}

function addressAt(frame: Uint8Array, offset: number): Uint8Array {
  return frame.slice(offset, offset + ADDRESS_BYTES);
}

function stationOf(frame: Uint8Array): Uint8Array {
  return frame.slice(ETHERNET.SOURCE, ETHERNET.SOURCE + ETHERNET.ADDRESS_BYTES);
}
