/**
 * ICMPv4 that arrives: echo, and errors about our connections (RFC 1122 §3.2.2, RFC 9293 §3.9.2.2).
 *
 * Owns: the sorting of types and codes into what they mean for TCP. Must not know: what the machine does then.
 */
import type { IcmpNews } from "../tcp/icmp_arrives.ts";
import { UNREACHABLE } from "./api.ts";
import { ICMP_TYPE, ICMP_UNREACHABLE, type IcmpMessage } from "../wire/icmp.ts";

/** IPv4 and TCP headers without options. */
const HEADERS_BYTES = 40;
/** RFC 1191 §5: plateaus, for routers that do not tell the MTU. */
const PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 576];

/** What an ICMP error means for the connection whose segment it quotes; null when nothing (MUST-55: Source Quench). */
export function icmpNews(
  message: IcmpMessage,
  quoted: { seq: number; currentMss: number },
): IcmpNews | null {
  const { seq } = quoted;
  switch (message.type) {
    case ICMP_TYPE.UNREACHABLE:
      if (message.code === ICMP_UNREACHABLE.FRAGMENTATION_NEEDED) {
        const told = message.restOfHeader & 0xffff;
        const mtu = told > 0 ? told : plateauBelow(quoted.currentMss + HEADERS_BYTES);
        return { kind: "too-big", seq, pathMss: mtu - HEADERS_BYTES, text: `the path carries ${mtu} bytes` };
      }
      // SHLD-26: protocol and port unreachable are hard; MUST-56: net, host and source route are soft.
      if (message.code === ICMP_UNREACHABLE.PROTOCOL || message.code === ICMP_UNREACHABLE.PORT) {
        return { kind: "hard", seq, pathMss: 0, text: `unreachable, code ${message.code}` };
      }
      return { kind: "soft", seq, pathMss: 0, text: `${UNREACHABLE}: ICMP code ${message.code}` };
    case ICMP_TYPE.TIME_EXCEEDED:
      return { kind: "soft", seq, pathMss: 0, text: "time to live exceeded on the way" };
    case ICMP_TYPE.PARAMETER_PROBLEM:
      return { kind: "soft", seq, pathMss: 0, text: "a router found a parameter problem" };
    default:
      return null;
  }
}

function plateauBelow(mtu: number): number {
  for (const plateau of PLATEAUS) if (plateau < mtu) return plateau;
  return PLATEAUS[PLATEAUS.length - 1];
}
