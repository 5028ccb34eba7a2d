/**
 * Options of the levels of IP, of both versions.
 *
 * Owns: what they do and give back. Must not know: options of sockets and of TCP.
 */
import { UnsupportedConstruct } from "../kernel.ts";
import {
  boundedNumber,
  keptNumber,
  numberIn,
  type OptionPlace,
  type SocketOption,
  tellNumber,
} from "./option_value.ts";
import { failed, succeeded } from "./process.ts";

const MOST_OCTET = 0xff;
/** RFC 8200 §5. */
const LEAST_IPV6_MTU = 1280;
/** Headers of IP and TCP without options, by the octets of an address. */
const HEADER_BYTES = { 4: 40, 16: 60 } as const;

/** `IP_TOS`, `IPV6_TCLASS`: the lower two bits are ECN's, which is TCP's own (RFC 3168 §6). */
const trafficClass = boundedNumber({
  least: -1,
  most: MOST_OCTET,
  get: ({ socket }) => socket.settings.tos,
  set: ({ socket }, value) => {
    const tos = Math.max(value, 0) & 0xfc;
    socket.settings.tos = tos;
    socket.configure({ dscp: tos >> 2 });
  },
});

/** `IP_TTL`, `IPV6_UNICAST_HOPS`: -1 is the host's own. */
const hopLimit = boundedNumber({
  least: -1,
  most: MOST_OCTET,
  get: ({ socket }) => socket.settings.ttl ?? 0,
  set: ({ socket }, value) => {
    socket.settings.ttl = value <= 0 ? null : value;
    socket.configure({ hopLimit: Math.max(value, 0) });
  },
});

const pathMtu: SocketOption = {
  get: (place: OptionPlace) => {
    const { connection } = place.socket;
    if (connection === null) return failed("ENOTCONN");
    const { pathMss, receiveMss } = connection.info();
    const headers = HEADER_BYTES[connection.peerAddress.length === 4 ? 4 : 16];
    return tellNumber(place, (pathMss > 0 ? pathMss : receiveMss) + headers);
  },
};

/** `IP_MTU_DISCOVER`: whether packets may be cut on their way; probing of the path (RFC 4821) is not there. */
const mtuDiscovery: SocketOption = {
  set: (place) => {
    const { args, socket } = place;
    const value = numberIn(place);
    if (value === args.constant("IP_PMTUDISC_PROBE")) throw new UnsupportedConstruct("IP_PMTUDISC_PROBE");
    socket.settings.kept.set("IP_MTU_DISCOVER", value);
    socket.configure({ pathMtuDiscovery: value !== args.constant("IP_PMTUDISC_DONT") });
    return succeeded(0);
  },
  get: (place) => {
    const { args, socket } = place;
    return tellNumber(
      place,
      socket.settings.kept.get("IP_MTU_DISCOVER") ?? args.constant("IP_PMTUDISC_WANT"),
    );
  },
};

/** `IPV6_USE_MIN_MTU` (RFC 3542 §11.1): no packet is larger than what every link carries. */
const leastMtu: SocketOption = {
  set: (place) => {
    const { process, socket } = place;
    const value = numberIn(place);
    socket.settings.kept.set("IPV6_USE_MIN_MTU", value);
    const udpBytes = socket.settings.udpPort > 0 ? process.ground.host.config.udpOverheadBytes : 0;
    if (value === 1) socket.configure({ mss: LEAST_IPV6_MTU - HEADER_BYTES[16] - udpBytes });
    return succeeded(0);
  },
  get: (place) => tellNumber(place, place.socket.settings.kept.get("IPV6_USE_MIN_MTU") ?? -1),
};

/** By name. */
export const IP_LEVEL_OPTIONS: Readonly<Record<string, SocketOption>> = {
  IP_TOS: trafficClass,
  IPV6_TCLASS: trafficClass,
  IP_TTL: hopLimit,
  IPV6_UNICAST_HOPS: hopLimit,
  IP_MTU: pathMtu,
  IPV6_MTU: pathMtu,
  IP_FREEBIND: keptNumber("IP_FREEBIND"),
  IP_RECVERR: keptNumber("IP_RECVERR"),
  IPV6_RECVERR: keptNumber("IPV6_RECVERR"),
  IPV6_V6ONLY: keptNumber("IPV6_V6ONLY"),
  IP_MTU_DISCOVER: mtuDiscovery,
  IPV6_MTU_DISCOVER: mtuDiscovery,
  IPV6_USE_MIN_MTU: leastMtu,
};
