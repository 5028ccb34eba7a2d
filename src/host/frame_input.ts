/**
 * FrameInput: a frame on its way in, through the parts that take it apart, up to the connections.
 *
 * Owns: how these parts are put together. Must not know: what they decide.
 */
import type { FrameLink } from "../link/link.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { addressSum, emitIp, etherTypeOf, ipHeaderBytes, pseudoSum } from "../wire/ip.ts";
import { ArpInput } from "./arp_input.ts";
import type { Connections } from "./connections.ts";
import { Echo, ECHO_RATES } from "./echo.ts";
import { EthernetInput } from "./ethernet_input.ts";
import type { HostCounters } from "./host_counters.ts";
import { IcmpErrors } from "./icmp_errors.ts";
import { IcmpInput } from "./icmp_input.ts";
import { ERROR_RATES, IcmpLimit } from "./icmp_limit.ts";
import { Icmpv6Input } from "./icmpv6_input.ts";
import { IcmpOutput } from "./icmp_output.ts";
import { type Internet, tellArp } from "./internet.ts";
import { IpInput } from "./ip_input.ts";
import type { OutgoingPacket } from "./ip_output.ts";
import { type ChecksumPolicy, TcpInput } from "./tcp_input.ts";

/** What a host's input is made of. */
interface FrameInputOptions {
  readonly link: FrameLink;
  /** The VLAN of all that is for us, or `LAN.UNTAGGED`. */
  readonly lan: number;
  readonly hopLimit: number;
  readonly secret: Uint8Array;
  readonly internet: Internet;
  readonly connections: Connections;
  readonly counters: HostCounters;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly checksumPolicy: ChecksumPolicy;
}

/** The input of one host. */
export class FrameInput {
  readonly #options: FrameInputOptions;
  readonly #ethernet: EthernetInput;
  readonly #frame = new Uint8Array(0x10100);

  constructor(options: FrameInputOptions) {
    this.#options = options;
    const { link, lan, internet, connections, counters, secret, clock } = options;
    const { addresses, routes } = internet;
    const { teller } = connections;
    const drop = (reason: DropReason) => {
      counters.drop(reason);
      connections.teller.drop(reason);
    };
    const count = (name: string) => counters.count(name);
    const icmp = {
      clock,
      addresses,
      teller,
      counters,
      count,
      drop,
      sender: { send: (packet: OutgoingPacket) => this.#send(packet) },
      sourceFor: (destination: Uint8Array) => routes.sourceFor(destination),
    };
    const seed = (secret[1] << 24) | (secret[6] << 16) | (secret[11] << 8) | secret[12];
    const echo = new Echo({ ...icmp, limit: new IcmpLimit(seed, ECHO_RATES) });
    const errors = new IcmpErrors({ connections, drop });
    const tcp = new TcpInput({
      checksumPolicy: options.checksumPolicy,
      counters,
      arrives: (segment, from) => connections.segmentArrives(segment, from),
      drop,
    });
    const ip = new IpInput({
      addresses,
      tcp,
      icmp: new IcmpInput({ addresses, echo, errors, drop }),
      icmpv6: new Icmpv6Input({ addresses, echo, errors, listeners: new Map(), drop }),
      icmpOutput: new IcmpOutput({
        ...icmp,
        limit: new IcmpLimit(seed, ERROR_RATES),
        keepsSilent: () => connections.overload.keepsSilent(),
      }),
      counters,
      drop,
    });
    const arp = new ArpInput({
      mac: link.mac,
      addresses,
      claims: internet.claims,
      cache: internet.cache,
      output: internet.arp,
      overload: connections.overload,
      count,
      tell: (packet) => tellArp(teller, packet, "recv"),
    });
    this.#ethernet = new EthernetInput({ mac: link.mac, lan, ip, arp, counters, drop });
  }

  /** Takes a frame of `length` bytes. */
  arrives(frame: Uint8Array, length: number): void {
    this.#ethernet.arrives(frame, length);
  }

  /** One that the link does not carry is not sent. */
  #send(packet: OutgoingPacket): void {
    const { link, lan, internet } = this.#options;
    const { source, destination, payloadLength, mac } = packet;
    if (mac === undefined || ipHeaderBytes(source.length) + payloadLength > link.mtu) return;
    const out = this.#frame;
    const ipOffset = emitEthernet(out, {
      destination: mac,
      source: link.mac,
      type: etherTypeOf(source.length),
      vlan: lan,
    });
    const { protocol, id = 0, dontFragment = false, hopLimit = this.#options.hopLimit } = packet;
    const fields = { source, destination, protocol, payloadLength, hopLimit, id, dontFragment };
    const offset = ipOffset + emitIp(out, ipOffset, fields);
    packet.write(out, offset, pseudoSum(addressSum(source, destination), protocol, payloadLength));
    internet.transmit(out, offset + payloadLength, 0, 0);
  }
}
