/**
 * InternetLayer: what TCP has to know of the layer that carries its segments, of one version of IP on one host.
 *
 * Owns: the figures that differ between the versions, and those of the device. Must not know: headers, addresses; the machine
 * looks at figures alone, and knows no version.
 */

/** Bytes of a TCP header without options. */
const TCP_HEADER_BYTES = 20;

/** What stays the same for a version. */
interface InternetFigures {
  readonly headerBytes: number;
  readonly defaultMss: number;
  readonly leastPathMss: number;
  readonly canFragment: boolean;
}

/** One for each version on a host; all its connections over that version refer to it. */
export class InternetLayer {
  /** Bytes of the header before each segment, without options. */
  readonly headerBytes: number;
  /** What a peer takes that offers no MSS (MUST-15): 576 or 1280 bytes less 40 or 60. */
  readonly defaultMss: number;
  /** Not below that we go down, whatever ICMP says of the path. */
  readonly leastPathMss: number;
  /** Whether packets without DF may be cut on their way, so that a path can be narrower still. */
  readonly canFragment: boolean;
  /** Payload of a full segment on our device, without options: what a SYN offers at most (MUST-67, SHLD-6). */
  linkMss = 0;
  /** TTL or hop limit of what is sent (MUST-49). Local choice: 64, RFC 1700's recommendation. */
  hopLimit = 64;
  /** Largest payload of one SEND, when the link cuts large segments; 0 = the MSS. */
  largeSendBytes = 0;

  constructor(figures: InternetFigures) {
    this.headerBytes = figures.headerBytes;
    this.defaultMss = figures.defaultMss;
    this.leastPathMss = figures.leastPathMss;
    this.canFragment = figures.canFragment;
    this.linkMss = this.defaultMss;
  }

  /** Takes the largest packet that the device carries, bytes. */
  followLink(mtuBytes: number): void {
    this.linkMss = this.mssOf(mtuBytes);
  }

  /** Payload of a full segment, without options, in packets of `mtuBytes`. */
  mssOf(mtuBytes: number): number {
    return mtuBytes - this.headerBytes - TCP_HEADER_BYTES;
  }
}

/**
 * RFC 791. Local choice of the least path: 576 less 40, the smallest that RFC 1191 §5 lists as common. To smaller claims packets go without DF
 * instead of in smaller pieces: a forged message cannot make us send crumbs (RFC 5927 §7).
 */
export const IPV4_FIGURES: InternetFigures = {
  headerBytes: 20,
  defaultMss: 536,
  leastPathMss: 536,
  canFragment: true,
};

/** RFC 8200 §5: every link carries 1280 bytes; RFC 8201 §4: to smaller claims nothing is done. */
export const IPV6_FIGURES: InternetFigures = {
  headerBytes: 40,
  defaultMss: 1220,
  leastPathMss: 1220,
  canFragment: false,
};
