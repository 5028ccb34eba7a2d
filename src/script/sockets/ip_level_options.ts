/**
 * Options of the levels of IP, of both versions.
 *
 * Owns: what they do and give back. Must not know: options of sockets and of TCP.
 */
import {
  boundedNumber,
  keptNumber,
  missing,
  type OptionPlace,
  type SocketOption,
  tellNumber,
} from "./option_value.ts";
import { failed } from "./process.ts";

const MOST_OCTET = 0xff;
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
  IP_MTU_DISCOVER: missing("IP_MTU_DISCOVER"),
  IPV6_MTU_DISCOVER: missing("IPV6_MTU_DISCOVER"),
  IPV6_USE_MIN_MTU: missing("IPV6_USE_MIN_MTU"),
};
