/**
 * ICMP of one host, of either version: packets by hand go in, whole packets come out.
 *
 * Owns: the parts put together, and the same words for both versions. Must not know: what an answer should be.
 */
import { Echo, ECHO_RATES } from "../../src/host/echo.ts";
import type { EventTeller } from "../../src/host/event_teller.ts";
import { IcmpErrors } from "../../src/host/icmp_errors.ts";
import { IcmpInput } from "../../src/host/icmp_input.ts";
import { ERROR_RATES, IcmpLimit } from "../../src/host/icmp_limit.ts";
import { type IcmpErrorKind, IcmpOutput } from "../../src/host/icmp_output.ts";
import { Icmpv6Input, type Icmpv6Listener } from "../../src/host/icmpv6_input.ts";
import type { OutgoingPacket } from "../../src/host/ip_output.ts";
import { OwnAddresses } from "../../src/host/own_addresses.ts";
import { InternetLayer, IPV4_FIGURES, IPV6_FIGURES } from "../../src/tcp/internet_layer.ts";
import type { IcmpNews } from "../../src/tcp/icmp_arrives.ts";
import { addressSum, emitIp, ipHeaderBytes, parseIp, pseudoSum } from "../../src/wire/ip.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { ethernet, type HandIcmp, icmp, ip, ipv4, mac, two } from "./hand_frames.ts";
import { type HandExtension, icmpv6, ip6, ipv6 } from "./hand_ipv6.ts";
import { OUR_MAC, PEER_MAC, SECOND_US } from "./wire_host.ts";

/** What a version calls things, by the numbers of RFC 792 and RFC 4443. */
export interface Family {
  readonly name: "IPv4" | "IPv6";
  readonly our: string;
  readonly ourOther: string;
  readonly peer: string;
  /** Sources that are no single host's, or our own. */
  readonly nobodies: readonly string[];
  /** Destinations that are more than one host. */
  readonly groups: readonly string[];
  readonly headerBytes: number;
  readonly icmpProtocol: number;
  readonly echo: readonly [request: number, reply: number];
  /** Types of errors, redirect among them. */
  readonly errors: readonly number[];
  /** The largest error that is sent. */
  readonly mostBytes: number;
  /** Type and code of each kind. */
  readonly sent: Readonly<
    Record<"protocol-unreachable" | "port-unreachable" | "reassembly-time", readonly [number, number]>
  >;
}

export const FAMILIES: readonly Family[] = [
  {
    name: "IPv4",
    our: "10.0.0.1",
    ourOther: "10.0.0.2",
    peer: "10.0.0.9",
    nobodies: ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "10.0.0.1", "10.0.0.2"],
    groups: ["224.0.0.1", "255.255.255.255", "10.0.0.255"],
    headerBytes: 20,
    icmpProtocol: 1,
    echo: [8, 0],
    errors: [3, 4, 5, 11, 12],
    mostBytes: 576,
    sent: { "protocol-unreachable": [3, 2], "port-unreachable": [3, 3], "reassembly-time": [11, 1] },
  },
  {
    name: "IPv6",
    our: "fd00::1",
    ourOther: "fe80::1",
    peer: "fd00::9",
    nobodies: ["::", "::1", "ff02::1", "ff0e::7", "::ffff:a00:9", "fd00::1", "fe80::1"],
    groups: ["ff02::1", "ff02::1:ff00:1", "ff0e::7"],
    headerBytes: 40,
    icmpProtocol: 58,
    echo: [128, 129],
    errors: [1, 2, 3, 4, 100, 127, 137],
    mostBytes: 1280,
    sent: { "protocol-unreachable": [4, 1], "port-unreachable": [1, 4], "reassembly-time": [3, 1] },
  },
];

/** What the header of a packet says. */
export interface HandPacket {
  readonly source?: string;
  readonly target?: string;
  readonly protocol?: number;
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  readonly fragmentOffset?: number;
  readonly extensions?: readonly HandExtension[];
}

/** A packet of the family from the peer to us. */
export function packetOf(family: Family, header: HandPacket, payload: Uint8Array): Uint8Array {
  const { source = family.peer, target = family.our, protocol = family.icmpProtocol, extensions, ...v4 } =
    header;
  return family.name === "IPv4"
    ? ipv4({ source, target, protocol, ...v4 }, payload)
    : ipv6({ source, target, protocol, ...(extensions === undefined ? {} : { extensions }) }, payload);
}

/** A packet with a message of ICMP. */
export function icmpPacket(
  family: Family,
  message: HandIcmp,
  payload: Uint8Array,
  header: HandPacket = {},
): Uint8Array {
  const { source = family.peer, target = family.our } = header;
  const bytes = family.name === "IPv4"
    ? icmp(message, payload)
    : icmpv6(message, payload, { source, target });
  return packetOf(family, header, bytes);
}

/** A datagram of UDP from the peer, without a sum. */
export function udp(data = new Uint8Array(12)): Uint8Array {
  return Uint8Array.from([...two(4000), ...two(33_434), ...two(8 + data.length), 0, 0, ...data]);
}

/** What the parts have made of an error about a connection. */
export interface Told {
  readonly peerPort: number;
  readonly localPort: number;
  readonly local: Uint8Array;
  readonly peer: Uint8Array;
  readonly news: IcmpNews | null;
}

/** The parts of one host. */
export class IcmpParts {
  nowUs = SECOND_US;
  isSilent = false;
  isObserved = false;
  readonly counts: Record<string, number> = {};
  readonly drops: string[] = [];
  readonly told: Told[] = [];
  readonly events: {
    direction: string;
    kind: string;
    from: string;
    to: string;
    type: number;
    code: number;
  }[] = [];
  /** Errors about nothing of ours. */
  unrelated = 0;
  readonly addresses: OwnAddresses;
  readonly #sent: { packet: Uint8Array; to: Uint8Array | null }[] = [];
  readonly #input: Pick<IcmpInput, "arrives">;
  readonly #output: IcmpOutput;
  readonly #packet = new IpPacket();
  readonly #buffer = new Uint8Array(0x10100);

  constructor(readonly family: Family, listeners: ReadonlyMap<number, Icmpv6Listener> = new Map()) {
    const isIpv4 = family.name === "IPv4";
    const address = isIpv4 ? ip : ip6;
    const bits = isIpv4 ? 24 : 64;
    this.addresses = new OwnAddresses(
      [family.our, family.ourOther].map((text) => ({ address: address(text), prefixLength: bits })),
    );
    const { addresses } = this;
    const nowUs = () => this.nowUs;
    const isObserved = () => this.isObserved;
    const teller: Pick<EventTeller, "isObserved" | "icmp"> = {
      get isObserved() {
        return isObserved();
      },
      icmp: (way, make) => void this.events.push({ ...way, ...make() }),
    };
    const common = {
      clock: {
        get nowUs() {
          return nowUs();
        },
      },
      addresses,
      teller,
      sender: { send: (packet: OutgoingPacket) => this.#send(packet) },
      count: (name: string) => void (this.counts[name] = (this.counts[name] ?? 0) + 1),
      drop: (reason: string) => void this.drops.push(reason),
      sourceFor: (destination: Uint8Array) => address(destination[0] === 0xfe ? family.ourOther : family.our),
    };
    const counters = { count: common.count, echoReplies: 0 };
    const echo = new Echo({ ...common, counters, limit: new IcmpLimit(0x1234567, ECHO_RATES) });
    const internet = new InternetLayer(isIpv4 ? IPV4_FIGURES : IPV6_FIGURES);
    const errors = new IcmpErrors({
      udpPort: () => -1,
      tooBig: () => {},
      drop: common.drop,
      connections: {
        teller,
        icmpIsNews: () => void this.unrelated++,
        icmpArrives: (from, { localPort, peerPort }, make) => {
          const at = (offset: number) => from.bytes.slice(offset, offset + from.addressBytes);
          const news = make({ internet });
          this.told.push({
            localPort,
            peerPort,
            local: at(from.localOffset),
            peer: at(from.peerOffset),
            news,
          });
        },
      },
    });
    this.#input = isIpv4
      ? new IcmpInput({ addresses, echo, errors, drop: common.drop })
      : new Icmpv6Input({ addresses, echo, errors, listeners, drop: common.drop });
    this.#output = new IcmpOutput({
      ...common,
      limit: new IcmpLimit(0x7654321, ERROR_RATES),
      keepsSilent: () => this.isSilent,
    });
  }

  /** Gives the ICMP input a packet, and hands over what is sent. */
  gives(packet: Uint8Array, frame: { from?: string; isUnicast?: boolean } = {}): Uint8Array[] {
    const { bytes, origin } = this.#frameOf(packet, frame);
    if (parseIp(this.#etherType, bytes, 14, bytes.length - 14, this.#packet) !== null) {
      throw new Error("No packet");
    }
    this.#input.arrives(bytes, this.#packet, origin);
    return this.take();
  }

  /** The same of one that was put together: it stands in no frame. */
  givesReassembled(packet: Uint8Array): Uint8Array[] {
    const { origin } = this.#frameOf(packet, {});
    parseIp(this.#etherType, packet, 0, packet.length, this.#packet);
    this.#input.arrives(packet, this.#packet, origin);
    return this.take();
  }

  /** Says that a packet is wrong in one way, and hands over what is sent. */
  errs(
    kind: IcmpErrorKind,
    packet: Uint8Array,
    frame: { isUnicast?: boolean; isRouted?: boolean } = {},
  ): Uint8Array[] {
    const { bytes, origin } = this.#frameOf(packet, frame);
    parseIp(this.#etherType, bytes, 14, bytes.length - 14, this.#packet);
    this.#output.error(kind, {
      bytes,
      packet: this.#packet,
      origin: frame.isRouted === true ? null : origin,
    });
    return this.take();
  }

  /** The packets sent since the last look. */
  take(): Uint8Array[] {
    return this.#sent.splice(0).map(({ packet }) => packet);
  }

  /** To whom the last packets went: hardware addresses, null where they are routed. */
  takeStations(): (Uint8Array | null)[] {
    return this.#sent.splice(0).map(({ to }) => to);
  }

  get #etherType(): number {
    return this.family.name === "IPv4" ? 0x0800 : 0x86dd;
  }

  #frameOf(
    packet: Uint8Array,
    { from = PEER_MAC, isUnicast = true }: { from?: string; isUnicast?: boolean },
  ) {
    const bytes = ethernet({ to: OUR_MAC, from, type: this.#etherType }, packet);
    return { bytes, origin: { frame: bytes, isUnicast } };
  }

  #send(packet: OutgoingPacket): void {
    const { source, destination, protocol, payloadLength, id = 0, dontFragment = false, hopLimit = 64 } =
      packet;
    const header = ipHeaderBytes(source.length);
    const fields = { source, destination, protocol, payloadLength, hopLimit, id, dontFragment };
    this.#buffer.fill(0xa5);
    emitIp(this.#buffer, 0, fields);
    packet.write(this.#buffer, header, pseudoSum(addressSum(source, destination), protocol, payloadLength));
    const to = packet.mac?.slice() ?? null;
    this.#sent.push({ packet: this.#buffer.slice(0, header + payloadLength), to });
  }
}

/** The peer's hardware address. */
export const PEER_STATION = mac(PEER_MAC);
