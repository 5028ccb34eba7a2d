/**
 * FrameInput: a frame on its way in, through the parts that take it apart, up to the connections.
 *
 * Owns: how these parts are put together. Must not know: what they decide.
 */
import type { IpHabits } from "../tcp/profile.ts";
import type { HostLink } from "../link/link.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { ArpInput } from "./arp_input.ts";
import type { Connections } from "./connections.ts";
import { Echo, ECHO_RATES } from "./echo.ts";
import { EthernetInput } from "./ethernet_input.ts";
import type { HostCounters } from "./host_counters.ts";
import { IcmpErrors } from "./icmp_errors.ts";
import { IcmpInput } from "./icmp_input.ts";
import { ERROR_RATES, IcmpLimit } from "./icmp_limit.ts";
import { IcmpOutput } from "./icmp_output.ts";
import { Icmpv6Input, type Icmpv6Listener } from "./icmpv6_input.ts";
import { type Internet, tellArp, tellNdp } from "./internet.ts";
import { IpInput } from "./ip_input.ts";
import { NdpInput } from "./ndp_input.ts";
import { Reassembly } from "./reassembly.ts";
import { type ChecksumPolicy, TcpInput } from "./tcp_input.ts";
import { UdpInput } from "./udp_input.ts";

/** What a host's input is made of. */
interface FrameInputOptions {
  readonly link: HostLink;
  /** The VLAN of all that is for us, or `LAN.UNTAGGED`. */
  readonly lan: number;
  readonly secret: Uint8Array;
  readonly internet: Internet;
  readonly connections: Connections;
  readonly counters: HostCounters;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly checksumPolicy: ChecksumPolicy;
  readonly ipHabits?: IpHabits;
}

/** The input of one host. */
export class FrameInput {
  readonly #ethernet: EthernetInput;
  readonly #reassembly: Reassembly;

  constructor(options: FrameInputOptions) {
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
      sender: internet.output,
      sourceFor: (destination: Uint8Array) => routes.sourceFor(destination),
    };
    const seed = (secret[1] << 24) | (secret[6] << 16) | (secret[11] << 8) | secret[12];
    const echo = new Echo({
      ...icmp,
      limit: new IcmpLimit(seed, ECHO_RATES),
      ...(options.ipHabits === undefined ? {} : { habits: options.ipHabits }),
    });
    const errors = new IcmpErrors({
      connections,
      udpPort: () => connections.config.udpPort || NO_PORT,
      drop,
      tooBig: (bytes, { localAddressOffset: local, peerAddressOffset: peer, addressBytes }, mtu) => {
        if (!addresses.isOurs(bytes, local, addressBytes)) return;
        internet.pathIsNarrow(bytes.slice(peer, peer + addressBytes), mtu);
      },
    });
    const tcp = new TcpInput({
      checksumPolicy: options.checksumPolicy,
      counters,
      arrives: (segment, from) => connections.segmentArrives(segment, from),
      drop,
    });
    const icmpOutput = new IcmpOutput({
      ...icmp,
      limit: new IcmpLimit(seed, ERROR_RATES),
      keepsSilent: () => connections.overload.keepsSilent(),
    });
    const reassembly = new Reassembly({
      clock,
      count,
      drop,
      timedOut: (about) => icmpOutput.error("reassembly-time", { ...about, origin: null }),
    });
    const groups = internet.ipv6?.groups ?? null;
    const ip = new IpInput({
      addresses,
      groups,
      reassembly,
      tcp,
      udp: new UdpInput({
        port: () => connections.config.udpPort,
        checksumPolicy: options.checksumPolicy,
        tcp,
        drop,
      }),
      icmp: new IcmpInput({ addresses, echo, errors, drop }),
      icmpv6: new Icmpv6Input({
        addresses,
        echo,
        errors,
        listeners: listenersOf(internet, { connections, mac: link.mac, clock, seed, count }),
        drop,
      }),
      icmpOutput,
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
    this.#ethernet = new EthernetInput({ mac: link.mac, lan, ip, arp, groups, counters, drop });
    this.#reassembly = reassembly;
  }

  /** Takes a frame of `length` bytes. */
  arrives(frame: Uint8Array, length: number): void {
    this.#ethernet.arrives(frame, length);
  }

  /** Whether no fragment waits for others. */
  get isAtRest(): boolean {
    return this.#reassembly.isAtRest;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return this.#reassembly.nextDeadlineUs;
  }

  /** Gives up packets whose parts have not come in time. */
  tick(): void {
    this.#reassembly.tick();
  }
}

/** No port of UDP is this one. */
const NO_PORT = -1;

/** Who hears which message of ICMPv6: neighbor discovery, routers, queries about groups; nobody, where the host has no IPv6. */
function listenersOf(
  { ipv6, addresses, claims, cache }: Internet,
  about: {
    connections: Connections;
    mac: Uint8Array;
    clock: { readonly nowUs: number };
    seed: number;
    count: (name: string) => void;
  },
): Map<number, Icmpv6Listener> {
  if (ipv6 === null) return new Map();
  const { connections: { overload, teller }, ...others } = about;
  const ndp = new NdpInput({
    ...others,
    addresses,
    claims,
    cache,
    output: ipv6.ndp,
    overload,
    tell: (talk) => tellNdp(teller, talk, "recv"),
  });
  return new Map<number, Icmpv6Listener>([
    [ICMPV6_TYPE.NEIGHBOR_SOLICITATION, ndp],
    [ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT, ndp],
    [ICMPV6_TYPE.REDIRECT, ndp],
    [ICMPV6_TYPE.ROUTER_ADVERTISEMENT, ipv6.discovery],
    [ICMPV6_TYPE.LISTENER_QUERY, ipv6.groups],
  ]);
}
