/**
 * Overload: who waits when more arrives than a host can take.
 *
 * Owns: the choice. Without it the capture ring would choose, and it takes as many from those who come once in a while as
 * from a flood. Must not know: how it is seen that too much arrives.
 *
 * - Answers to whom we have nothing with (RST, ARP) stay away: they cost more than all the rest of such a frame.
 * - SYNs are taken from known peers that are not greedy. The others come again (RFC 6298: after a second), and are taken as soon
 *   as what waits is worked off; so a flood of invented addresses still gets as many cookies as there is time for.
 * - Of the greedy (peers.ts) nothing is taken, as long as it is mainly they who crowd: to TCP it is a loss on the way, and they
 *   become slower. In a flood of strangers they may have many connections all the same.
 *
 * A shortage of memory turns SYNs of the greedy away too: otherwise those whose connections were reset to
 * make room come back at once, and take it again.
 */
import type { MachineContext } from "../tcp/context.ts";
import type { MemoryAccount } from "../tcp/memory_account.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import type { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import type { Peer, Peers } from "./peers.ts";

const { SYN, ACK, RST } = FLAG;
/** Local choice: of so many frames it is known who crowds, and some milliseconds later it may be others. */
const MEMORY_FRAMES = 1024;

/** What the choice depends on. */
interface OverloadOptions {
  readonly context: Pick<MachineContext, "nowUs">;
  readonly peers: Peers;
  readonly account: MemoryAccount;
  readonly counters: HostCounters;
  readonly teller: EventTeller;
}

/** The overload of one host. */
export class Overload {
  /** Whether more arrives than can be taken. */
  isCrowded = false;
  readonly #options: OverloadOptions;
  /** Of the last frames that came in a crowd: those of the greedy, and those of strangers. */
  #greedyFrames = 0;
  #strangerFrames = 0;

  constructor(options: OverloadOptions) {
    this.#options = options;
  }

  /** Whether there is anything to choose: asked before {@link Overload.turnsAway}. */
  get isOn(): boolean {
    return this.isCrowded || this.#options.account.isTight;
  }

  /** Whether a segment of a connection is left alone, while {@link Overload.isCrowded}. */
  ignores({ peer }: Connection): boolean {
    if (peer === null || !this.#isGreedy(peer)) return false;
    this.#greedyFrames++;
    if (!this.#isGreedyCrowd()) return false;
    this.#shed("overload-segments");
    return true;
  }

  /** Whether a segment without a connection is left alone: a SYN, of those who may wait. */
  turnsAway(segment: TcpSegment, from: Arrival): boolean {
    if ((segment.flags & (SYN | ACK | RST)) !== SYN) return false;
    const { bytes, peerOffset, addressBytes } = from;
    const { peers } = this.#options;
    const peer = peers.find(bytes, peerOffset, addressBytes);
    if (!this.#isStrangerInCrowd(peer) && (peer === null || !this.#takesTooMany(peer))) return false;
    this.#shed("overload-opens");
    return true;
  }

  #isStrangerInCrowd(peer: Peer | null): boolean {
    if (!this.isCrowded || peer?.isKnown) return false;
    this.#strangerFrames++;
    return true;
  }

  #takesTooMany(peer: Peer): boolean {
    if (!this.#isGreedy(peer)) return false;
    if (this.isCrowded) this.#greedyFrames++;
    return this.#options.account.isTight || this.#isGreedyCrowd();
  }

  #isGreedy(peer: Peer): boolean {
    return this.#options.peers.isGreedy(peer, this.#options.context.nowUs);
  }

  #isGreedyCrowd(): boolean {
    if (this.#greedyFrames + this.#strangerFrames > MEMORY_FRAMES) {
      this.#greedyFrames >>>= 1;
      this.#strangerFrames >>>= 1;
    }
    return this.#greedyFrames >= this.#strangerFrames;
  }

  /** Whether an answer to whom we have nothing with stays away. */
  keepsSilent(): boolean {
    if (!this.isCrowded) return false;
    this.#strangerFrames++;
    this.#shed("overload-answers");
    return true;
  }

  /** Whether ARP of somebody who is not in the cache is left alone. */
  ignoresArp(): boolean {
    if (!this.isCrowded) return false;
    this.#strangerFrames++;
    this.#options.counters.count("overload-arp");
    return true;
  }

  /** One drop event for each segment that is told in no other way, so that the sums over a log are those of the counters. */
  #shed(counter: string): void {
    this.#options.counters.count(counter);
    this.#options.teller.drop("overload");
  }
}
