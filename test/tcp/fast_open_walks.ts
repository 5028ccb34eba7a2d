/**
 * Walks of Fast Open (RFC 7413).
 *
 * Owns: how a lab asks for a cookie, gives one, and uses one. Must not know: the machine, which rule names what.
 */
import { bytesOf } from "./app_log.ts";
import { FAMILY } from "./family.ts";
import { Lab } from "./harness.ts";
import type { Walk } from "./transition_walks.ts";

const NO_BYTES = new Uint8Array(0);
const COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** SYNs that ask for Fast Open, to a listener that lets so many be pending; the second has the cookie that the first has got. */
export function asksForFastOpen(pending: number, withCookie: boolean): Walk {
  return () => {
    const lab = new Lab();
    lab.listen({ fastOpen: pending });
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { fastOpen: NO_BYTES } });
    const { fastOpen = NO_BYTES } = peer.expects({ flags: "SYN ACK" }).options;
    if (!withCookie) return lab;
    for (let client = 0; client <= pending; client++) {
      lab.peer().sends({ flags: "SYN", seq: 0, data: "GET", options: { fastOpen } });
    }
    return lab;
  };
}

/** A SYN of ours with text, and an answer that acknowledges so many octets of it. */
export function opensFast(taken: number): Walk {
  return () => {
    const lab = new Lab();
    const peer = lab.peer();
    const { host, peer: address } = FAMILY;
    lab.host.keepFastOpenCookie({
      localAddress: host,
      address,
      cookie: COOKIE,
      isExperimental: false,
      mss: 1460,
    });
    lab.connect(peer, { fastOpen: { data: bytesOf("GET") } });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 + taken });
    return lab;
  };
}

/** A SYN of ours that asks for a cookie. */
export function asksForCookie(): Walk {
  return () => {
    const lab = new Lab();
    lab.connect(lab.peer(), { fastOpen: { data: NO_BYTES } });
    return lab;
  };
}
