/**
 * What ICMP errors mean for TCP, of both versions (RFC 1122 §3.2.2, RFC 9293 §3.9.2.2, RFC 5461, RFC 4443 §3).
 *
 * Owns: the one table of meanings by version, type and code, and the size that a path is said to carry (RFC 1191 §4 and §5, RFC 8201
 * §4). Must not know: what the machine does then, and whether it believes the message (RFC 5927).
 */
import type { IcmpNews } from "../tcp/icmp_arrives.ts";
import type { InternetLayer } from "../tcp/internet_layer.ts";
import { ICMP_TYPE, type IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import type { QuotedPacket } from "../wire/quoted_packet.ts";
import { UNREACHABLE } from "./api.ts";

/**
 * `hard`: it stays so (SHLD-26). `soft`: it may pass (MUST-56, SHLD-25). `too-big`: the path carries less. Whatever the table does not
 * list means nothing to TCP: Source Quench (MUST-55), redirects, what is no error.
 */
type MeaningKind = IcmpNews["kind"];

/** One meaning; of the codes of a type that are not listed by themselves where `code` is {@link ANY_CODE}. */
export interface IcmpMeaning {
  /** Of the version's addresses: 4 or 16. */
  readonly addressBytes: number;
  readonly type: number;
  readonly code: number;
  readonly kind: MeaningKind;
  /** For the application; empty where it depends on the message. */
  readonly text: string;
  /** Who says so. */
  readonly clause: string;
  /** Where absent, `other`. */
  readonly inHandshake?: IcmpNews["inHandshake"];
}

/** See {@link IcmpMeaning}. */
export const ANY_CODE = -1;

const [V4, V6] = [4, 16];
const EXPIRED = "the hop limit was used up on the way";
const NOT_PUT_TOGETHER = "a fragment was lost: the packet was not put together in time";

/** Rows of one type of one version: `[code, kind, text, clause, inHandshake]`. */
function rows(
  addressBytes: number,
  type: number,
  ...codes: readonly (readonly [number, MeaningKind, string, string, IcmpNews["inHandshake"]?])[]
): IcmpMeaning[] {
  return codes.map(([code, kind, text, clause, inHandshake]) => {
    const meaning = { addressBytes, type, code, kind, text, clause };
    return inHandshake === undefined ? meaning : { ...meaning, inHandshake };
  });
}

/**
 * The table. Two decisions in it, where the texts leave room:
 *
 * - A host without TCP says "protocol unreachable" in IPv4, which is hard, and "unrecognized next header" in IPv6. RFC 9293 §3.9.2.2
 *   counts all of parameter problem, codes 0 to 2 of ICMPv6 by name, among the soft errors, and MUST-56 forbids to abort for them: soft.
 * - RFC 9293 names no hard error of ICMPv6. Its port unreachable has the meaning of IPv4's (RFC 4443 §3.1), and is hard like that
 *   (RFC 5461 §2, RFC 5927 §5.1). What a policy forbids (codes 1, 5, 6) is soft, as IPv4's codes 9, 10 and 13 are.
 */
export const ICMP_MEANINGS: readonly IcmpMeaning[] = [
  ...rows(
    V4,
    ICMP_TYPE.UNREACHABLE,
    [0, "soft", "no way to the network", "RFC 9293 MUST-56"],
    [1, "soft", "no way to the host", "RFC 9293 MUST-56"],
    [2, "hard", "the host does not speak TCP", "RFC 9293 SHLD-26"],
    [3, "hard", "nobody at the port", "RFC 9293 SHLD-26"],
    [4, "too-big", "", "RFC 1191 §4"],
    [5, "soft", "the source route failed", "RFC 9293 MUST-56"],
    [9, "soft", "the network is forbidden", "RFC 1122 §3.2.2.1", "forbidden"],
    [10, "soft", "the host is forbidden", "RFC 1122 §3.2.2.1", "forbidden"],
    [13, "soft", "a filter forbids it", "RFC 1812 §5.2.7.1", "forbidden"],
    [ANY_CODE, "soft", "", "RFC 1122 §3.2.2.1"],
  ),
  ...rows(
    V4,
    ICMP_TYPE.TIME_EXCEEDED,
    [1, "soft", NOT_PUT_TOGETHER, "RFC 9293 MUST-56"],
    [ANY_CODE, "soft", EXPIRED, "RFC 9293 MUST-56", "unreachable"],
  ),
  ...rows(
    V4,
    ICMP_TYPE.PARAMETER_PROBLEM,
    [ANY_CODE, "soft", "a header was found faulty", "RFC 9293 MUST-56"],
  ),
  ...rows(
    V6,
    ICMPV6_TYPE.UNREACHABLE,
    [0, "soft", "no route", "RFC 9293 MUST-56"],
    [1, "soft", "a filter forbids it", "RFC 4443 §3.1", "forbidden"],
    [2, "soft", "beyond the scope of our address", "RFC 4443 §3.1"],
    [3, "soft", "nobody has the address", "RFC 9293 MUST-56"],
    [4, "hard", "nobody at the port", "RFC 4443 §3.1"],
    [5, "soft", "a filter forbids our address", "RFC 4443 §3.1"],
    [6, "soft", "the route is refused", "RFC 4443 §3.1"],
    [ANY_CODE, "soft", "", "RFC 4443 §3.1"],
  ),
  // RFC 4443 §3.2: the code means nothing.
  ...rows(V6, ICMPV6_TYPE.PACKET_TOO_BIG, [ANY_CODE, "too-big", "", "RFC 8201 §4"]),
  ...rows(
    V6,
    ICMPV6_TYPE.TIME_EXCEEDED,
    [1, "soft", NOT_PUT_TOGETHER, "RFC 9293 MUST-56"],
    [ANY_CODE, "soft", EXPIRED, "RFC 9293 MUST-56", "unreachable"],
  ),
  ...rows(
    V6,
    ICMPV6_TYPE.PARAMETER_PROBLEM,
    [1, "soft", "the host does not know TCP as a next header", "RFC 9293 MUST-56", "forbidden"],
    [2, "soft", "the host does not know an option", "RFC 9293 MUST-56"],
    [ANY_CODE, "soft", "a header was found faulty", "RFC 9293 MUST-56"],
  ),
];

/** The rows by version and type, the one for any code last. */
const BY_TYPE = new Map<number, IcmpMeaning[]>();
for (const meaning of ICMP_MEANINGS) {
  const key = keyOf(meaning.addressBytes, meaning.type);
  const same = BY_TYPE.get(key);
  if (same === undefined) BY_TYPE.set(key, [meaning]);
  else same.push(meaning);
}

function keyOf(addressBytes: number, type: number): number {
  return (addressBytes << 8) | type;
}

/** The row for a type and code of the version whose addresses have so many bytes; null where they mean nothing to TCP. */
export function meaningOf(
  addressBytes: number,
  { type, code }: { type: number; code: number },
): IcmpMeaning | null {
  const meanings = BY_TYPE.get(keyOf(addressBytes, type));
  if (meanings === undefined) return null;
  for (const meaning of meanings) if (meaning.code === code || meaning.code === ANY_CODE) return meaning;
  return null;
}

/**
 * What an error means for the connection whose segment it quotes, which `internet` carries; null when nothing, and for a
 * size that no path of the version can have (RFC 8201 §4).
 */
export function newsOf(
  message: IcmpMessage,
  quoted: QuotedPacket,
  internet: Pick<InternetLayer, "mssOf" | "leastPathMss" | "canFragment">,
): IcmpNews | null {
  const { addressBytes, seq } = quoted;
  const meaning = meaningOf(addressBytes, message);
  if (meaning === null) return null;
  const { kind, text } = meaning;
  const inHandshake = meaning.inHandshake ?? "other";
  if (kind === "too-big") {
    const mtu = addressBytes === V4 ? ipv4Mtu(message, quoted) : message.restOfHeader;
    const pathMss = internet.mssOf(mtu);
    // RFC 8201 §4: every link carries the least packet, or makes pieces of it by itself.
    if (!internet.canFragment && pathMss < internet.leastPathMss) return null;
    return { kind, seq, pathMss, text: `the path carries ${mtu} bytes`, inHandshake };
  }
  const isUnreachable =
    message.type === (addressBytes === V4 ? ICMP_TYPE.UNREACHABLE : ICMPV6_TYPE.UNREACHABLE);
  if (!isUnreachable) return { kind, seq, pathMss: 0, text, inHandshake };
  const code = `ICMP code ${message.code}`;
  const told = `${UNREACHABLE}: ${text === "" ? code : `${text} (${code})`}`;
  return { kind, seq, pathMss: 0, text: told, inHandshake };
}

/**
 * RFC 1191 §5: plateaus, for routers that do not tell the MTU. Local choice: the length that they quote is taken as
 * right; routers of 4.2BSD, which quoted one too large, are gone.
 */
const PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 576];

function ipv4Mtu({ restOfHeader }: IcmpMessage, { packetBytes }: QuotedPacket): number {
  const told = restOfHeader & 0xffff;
  if (told > 0) return told;
  for (const plateau of PLATEAUS) if (plateau < packetBytes) return plateau;
  return PLATEAUS[PLATEAUS.length - 1];
}
