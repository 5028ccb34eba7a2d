/**
 * VirtualLab: two hosts of the real machine, a cable between them, and a clock that moves only when it is told to.
 *
 * Owns: how these are put together, so that a seed and the same calls at the same times give the same course, on every
 * machine, in Deno as in a browser. Must not know: what runs on the hosts, in which order they are used, who looks on.
 */
import { Host } from "../host/host.ts";
import { Cable, type CableOptions, type CableSide } from "../link/cable.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { TcpEvent } from "../tcp/events.ts";
import { seededSecret } from "./secret.ts";
import { VirtualNetwork } from "./virtual_network.ts";

/** Which host: 0 has the first address, 1 the second. */
export type LabSide = CableSide;

/** What a lab is made of; all of it has a default. */
export interface VirtualLabOptions extends Omit<CableOptions, "nowUs"> {
  /** Any whole number: initial sequence numbers and ports hang on it, and so does chance. */
  readonly seed?: number;
  /** Settings of each host's TCP, where they differ from the defaults. */
  readonly tcp?: readonly [Partial<TcpConfig>, Partial<TcpConfig>];
  /** Told of every event of both hosts, in order. */
  readonly observe?: (side: LabSide, event: TcpEvent) => void;
  /** Wall clock at time 0, microseconds since 1970 (0). */
  readonly epochUs?: number;
}

/** The hosts' addresses, in a network of their own. */
export const LAB_ADDRESSES = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)] as const;
const PREFIX_LENGTH = 24;
const SIDES: readonly LabSide[] = [0, 1];

/** See the head of this file. */
export class VirtualLab {
  readonly network = new VirtualNetwork();
  readonly cable: Cable;
  readonly #options: VirtualLabOptions;
  readonly #hosts: [Host, Host];
  /** Each start of a host has secrets of its own, as a machine's. */
  #starts = 0;

  /** Nothing has happened yet. Where the other is, each host finds out by ARP when it has to, which takes no time. */
  constructor(options: VirtualLabOptions = {}) {
    this.#options = options;
    this.cable = new Cable({ ...options, nowUs: () => this.nowUs });
    this.#hosts = [this.#start(0), this.#start(1)];
    for (const side of SIDES) {
      const host = () => this.#hosts[side];
      const link = this.cable.ends[side];
      this.network.join({
        // A host may be started anew: it is asked for each time.
        get host() {
          return host();
        },
        link,
        nextDueUs: () => link.nextDueUs(),
      });
    }
  }

  /** Microseconds since the beginning. */
  get nowUs(): number {
    return this.network.clock.nowUs();
  }

  /** A host; for calls at the present time. What it then has to say leaves with {@link VirtualLab.settle}. */
  host(side: LabSide): Host {
    const host = this.#hosts[side];
    host.setNow(this.nowUs);
    return host;
  }

  /** Carries what was sent, as far as that takes no time. */
  settle(): void {
    this.network.settle();
  }

  /** When something happens next if nobody does anything, microseconds; Infinity when nothing will. */
  get nextUs(): number {
    return this.network.nextDeadlineUs;
  }

  /** Lets time pass up to `untilUs`, and everything happen that is due by then. */
  advanceTo(untilUs: number): void {
    this.network.advance(Math.max(0, untilUs - this.nowUs));
  }

  /** Power off and on: the host has forgotten all its connections and listeners, and says nothing of it to anybody. */
  restart(side: LabSide): void {
    const old = this.#hosts[side];
    old.observer = null;
    this.#hosts[side] = this.#start(side);
  }

  #start(side: LabSide): Host {
    const { seed = 1, tcp, observe, epochUs = 0 } = this.#options;
    const host = new Host({
      link: this.cable.ends[side],
      addresses: [{ address: LAB_ADDRESSES[side], prefixLength: PREFIX_LENGTH }],
      secret: seededSecret(seed, this.#starts++),
      epochUs,
      nowUs: this.nowUs,
      tcp: tcp?.[side] ?? {},
      showSamples: true,
    });
    if (observe !== undefined) host.observer = (event) => observe(side, event);
    this.cable.observers[side] = host.faultObserver;
    return host;
  }
}
