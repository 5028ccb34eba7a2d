/**
 * The largest segment that we send (MUST-16, RFC 6691 §2).
 *
 * Owns: how it follows from what the peer takes, from path and device, and from the headers and options around the text. Must not
 * know: where these figures come from.
 */
import type { TcpConfig } from "./config.ts";
import { TIMESTAMP_OPTION_BYTES } from "./effects.ts";
import type { Tcb } from "./tcb.ts";

/** RFC 791: every module carries 68 bytes, of which 60 may be headers; so many octets leave at the least. */
const LEAST_SEND_MSS = 8;

/** MUST-16, RFC 6691 §2: the smallest of what the peer takes, and path and device carry, less our options. */
export function updateSendMss(tcb: Tcb): void {
  const options = tcb.timestamps ? TIMESTAMP_OPTION_BYTES : 0;
  const narrowest = Math.min(tcb.pathMss, tcb.internet.linkMss) - udpBytes(tcb.config);
  const { mss } = tcb.config;
  const carried = Math.min(mss > 0 ? mss : Infinity, tcb.peerMss, tcb.ourMss, narrowest);
  tcb.sendMss = Math.max(carried - options, LEAST_SEND_MSS);
}

/** What a UDP header around each segment takes from what the path carries. */
export function udpBytes({ peerUdpPort, udpOverheadBytes }: TcpConfig): number {
  return peerUdpPort === 0 ? 0 : udpOverheadBytes;
}
