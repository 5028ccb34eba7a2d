/**
 * NdpOutput: solicitations and advertisements of NDP on their way out (RFC 4861 §7.2, RFC 4862 §5.4.2).
 *
 * Owns: their fields, and to whom they go. Must not know: when one is due; headers and frames (ip_output.ts).
 */
import { isUnspecified } from "../wire/address.ts";
import { ALL_NODES, solicitedNodeAddress } from "../wire/derived_address.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import {
  emitNeighbor,
  NEIGHBOR_FLAG,
  NEIGHBOR_HOP_LIMIT,
  neighborLength,
} from "../wire/neighbor_discovery.ts";
import { IP_PROTOCOL } from "../wire/ip_packet.ts";
import type { ClaimProtocol } from "./address_claims.ts";
import type { PacketSender } from "./ip_output.ts";
import type { Neighbor } from "./neighbor.ts";
import type { NeighborProtocol } from "./neighbor_cache.ts";

const UNSPECIFIED: Uint8Array = new Uint8Array(16);

/** A solicitation or an advertisement, as one tells of it. */
export interface NeighborTalk {
  readonly isSolicitation: boolean;
  /** Of an advertisement: it answers one who said who it is. */
  readonly isSolicited: boolean;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly target: Uint8Array;
  /** The hardware address that it tells, or else that it came from. */
  readonly mac: Uint8Array;
}

/** What NDP needs of the host to speak. */
interface NdpOutputOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  readonly sender: PacketSender;
  /** Hears of each message before it leaves. */
  tell(talk: NeighborTalk): void;
}

/** Who has asked for one of our addresses. */
interface Asker {
  /** The address of ours. */
  readonly target: Uint8Array;
  /** The asker's; unspecified for one that probes. */
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** Whether the answer replaces what others know already. */
  readonly isOverride: boolean;
}

/** Speaks NDP for one hardware address. */
export class NdpOutput implements NeighborProtocol, ClaimProtocol {
  readonly #options: NdpOutputOptions;

  constructor(options: NdpOutputOptions) {
    this.#options = options;
  }

  /** RFC 4861 §7.2.2, §7.3.3: a probe of the one who has answered before, or a question to all who may be it. */
  ask(neighbor: Neighbor, mac: Uint8Array | null): void {
    const { address: target, source } = neighbor;
    if (target === null) return;
    if (mac === null) this.#solicit({ source, target, destination: solicitedNodeAddress(target) });
    else this.#solicit({ source, target, destination: target, mac });
  }

  /** RFC 4861 §7.2.4: tells the asker that the target is ours; one without an address is told with everybody else. */
  answer({ target, address, mac, isOverride }: Asker): void {
    const override = isOverride ? NEIGHBOR_FLAG.OVERRIDE : 0;
    if (isUnspecified(address)) this.#advertise({ target, destination: ALL_NODES, flags: override });
    else this.#advertise({ target, destination: address, mac, flags: NEIGHBOR_FLAG.SOLICITED | override });
  }

  /** RFC 4861 §7.2.6: an advertisement that nobody has asked for. */
  announce(address: Uint8Array): void {
    this.#advertise({ target: address, destination: ALL_NODES, flags: NEIGHBOR_FLAG.OVERRIDE });
  }

  /** RFC 4862 §5.4.2: a solicitation from nobody. */
  probe(address: Uint8Array): void {
    this.#solicit({ source: UNSPECIFIED, target: address, destination: solicitedNodeAddress(address) });
  }

  #solicit(about: {
    source: Uint8Array;
    target: Uint8Array;
    destination: Uint8Array;
    mac?: Uint8Array;
  }): void {
    // RFC 4861 §4.3: nobody has no hardware address.
    const option = isUnspecified(about.source) ? null : this.#options.mac;
    this.#send({ ...about, type: ICMPV6_TYPE.NEIGHBOR_SOLICITATION, flags: 0, option });
  }

  #advertise(about: { target: Uint8Array; destination: Uint8Array; mac?: Uint8Array; flags: number }): void {
    const { target: source } = about;
    const option = this.#options.mac;
    this.#send({ ...about, source, type: ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT, option });
  }

  #send(about: {
    type: number;
    flags: number;
    source: Uint8Array;
    destination: Uint8Array;
    target: Uint8Array;
    option: Uint8Array | null;
    mac?: Uint8Array;
  }): void {
    const { type, source, destination, target, mac } = about;
    this.#options.tell({
      isSolicitation: type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION,
      isSolicited: (about.flags & NEIGHBOR_FLAG.SOLICITED) !== 0,
      source,
      destination,
      target,
      mac: this.#options.mac,
    });
    const fields = { type, flags: about.flags >>> 0, target, mac: about.option };
    this.#options.sender.send({
      source,
      destination,
      protocol: IP_PROTOCOL.ICMPV6,
      payloadLength: neighborLength(fields),
      write: (frame, offset, pseudo) => emitNeighbor(frame, offset, fields, pseudo),
      hopLimit: NEIGHBOR_HOP_LIMIT,
      ...(mac === undefined ? {} : { mac }),
    });
  }
}
