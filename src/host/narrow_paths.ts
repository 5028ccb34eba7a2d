/**
 * NarrowPaths: what routers have said of the paths to hosts that we answer without a connection (RFC 8201 §5.2).
 *
 * Owns: the limits by destination, their bound and their life. Must not know: ICMP; TCP, which believes a router only with proof, and
 * has limits of its own (path_mtu_cache.ts): whoever forges a message here makes our echo replies come in smaller parts, and no more.
 */
import { formatIpAddress } from "../wire/address.ts";

/** Local choice: who is pinged through a narrow path at the same time; the oldest gives way. */
const MOST_PATHS = 256;
/** RFC 8201 §4: ten minutes, after which the path may be wider. */
const LIFE_US = 600_000_000;
/** RFC 8200 §5; RFC 8201 §4: less than that is not believed. */
const LEAST_MTU = 1280;

interface NarrowPath {
  readonly mtu: number;
  readonly untilUs: number;
}

/** The narrow paths of one host. */
export class NarrowPaths {
  readonly #clock: { readonly nowUs: number };
  readonly #paths = new Map<string, NarrowPath>();

  constructor(clock: { readonly nowUs: number }) {
    this.#clock = clock;
  }

  /** A router says that the path to `destination` carries packets of `mtu` bytes. */
  learn(destination: Uint8Array, mtu: number): void {
    if (mtu < LEAST_MTU) return;
    const name = formatIpAddress(destination);
    this.#paths.delete(name);
    if (this.#paths.size >= MOST_PATHS) {
      const [oldest] = this.#paths.keys();
      this.#paths.delete(oldest);
    }
    this.#paths.set(name, { mtu, untilUs: this.#clock.nowUs + LIFE_US });
  }

  /** The largest packet to `destination`, given the link's. */
  mtuTo(destination: Uint8Array, linkMtu: number): number {
    // Nearly always.
    if (this.#paths.size === 0) return linkMtu;
    const name = formatIpAddress(destination);
    const path = this.#paths.get(name);
    if (path === undefined) return linkMtu;
    if (path.untilUs > this.#clock.nowUs) return Math.min(path.mtu, linkMtu);
    this.#paths.delete(name);
    return linkMtu;
  }
}
