/**
 * EphemeralPorts: from which port a connection goes that its user begins without naming one (RFC 6056 §3.3.3, algorithm 3).
 *
 * Owns: the range, and where the search goes on. Must not know: what takes a port; secrets.
 */
import { formatEndpoint } from "../wire/address.ts";
import { HostError } from "./host_error.ts";

/** RFC 6335 §6: dynamic ports. */
export const FIRST_PORT = 0xc000;
/** How many of them there are. */
export const PORTS = 0x4000;

/** A connection but for its local port. */
interface Ends {
  readonly localAddress: Uint8Array;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
}

/** What ports are chosen with. */
interface EphemeralPortsOptions {
  /** The place to begin at, which only a secret tells: the same for the same addresses and port. `localPort` is 0. */
  offset(tuple: Ends & { readonly localPort: number }): number;
  /** Whether a connection or a listener has it. */
  isTaken(tuple: Ends & { readonly localPort: number }): boolean;
}

/** The ports of one host. */
export class EphemeralPorts {
  readonly #options: EphemeralPortsOptions;
  /** RFC 6056 §3.3.3: `next_ephemeral`, one for all destinations. */
  #step = 0;

  constructor(options: EphemeralPortsOptions) {
    this.#options = options;
  }

  /** A free port from 49152 on. Throws when there is none towards that peer and port. */
  choose(ends: Ends): number {
    const offset = this.#options.offset({ ...ends, localPort: 0 });
    for (let i = 0; i < PORTS; i++) {
      this.#step = (this.#step + 1) % PORTS;
      const localPort = FIRST_PORT + (offset + this.#step) % PORTS;
      if (!this.#options.isTaken({ ...ends, localPort })) return localPort;
    }
    throw new HostError(
      "EADDRNOTAVAIL",
      `No free port left towards ${formatEndpoint(ends.peerAddress, ends.peerPort)}`,
    );
  }
}
