/**
 * NeighborCache: what is believed about neighbors, for how long, and who is asked about it (RFC 4861 §7.3, RFC 1122 §2.3.2).
 *
 * Owns: the entries with their life cycle, the frames that wait for a hardware address, and every bound on both. Must not
 * know: the protocols that ask and answer (ARP and NDP: {@link NeighborProtocol}), TCP.
 *
 * An entry that is in use is never pushed out, because a connection that is there already bounds it; of the others there
 * are a fixed number, of both families together, and the oldest goes first: a stranger who asks for us from ten thousand
 * addresses moves nothing else.
 */
import { sameAddress } from "../wire/address.ts";
import { readU16, readU32 } from "../wire/bytes.ts";
import { type FrameHolder, Neighbor, type WaitingFrame } from "./neighbor.ts";

const IPV4_BYTES = 4;
/** Local choice: entries that no connection uses. Linux's `gc_thresh3` is as large. */
const UNUSED_ENTRIES = 1024;
/** RFC 4861 §10: REACHABLE_TIME, RETRANS_TIMER, DELAY_FIRST_PROBE_TIME. */
const REACHABLE_US = 30_000_000;
const RETRANS_US = 1_000_000;
const DELAY_US = 5_000_000;
/** RFC 4861 §10: MAX_UNICAST_SOLICIT, MAX_MULTICAST_SOLICIT. */
const UNICAST_REQUESTS = 3;
const BROADCAST_REQUESTS = 3;
/** RFC 1122 §2.3.2.1: how long an entry counts that nobody uses, of the order of a minute. */
const UNUSED_LIFE_US = 60_000_000;
/** Local choice: between two doubts about one neighbor. Whoever makes us doubt gets no more questions out of us than that. */
const DOUBT_INTERVAL_US = 5_000_000;
/** Local choice: frames that wait for one neighbor, and their bytes; the oldest goes first (RFC 1122 §2.3.2.2). */
const HELD_FRAMES = 64;
const HELD_BYTES = 0x10000;
/** Local choice: bytes that wait for all neighbors together; beyond it a frame is left to be sent again by its connection. */
const HELD_BYTES_IN_ALL = 0x100000;

/** How neighbors of one address family are asked for. */
export interface NeighborProtocol {
  /** Asks for the neighbor's hardware address: the one at `mac`, or everybody when null. */
  ask(neighbor: Neighbor, mac: Uint8Array | null): void;
}

/** What the cache needs of its host. */
interface NeighborCacheOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  /** Who asks for a neighbor whose address has so many bytes. */
  protocolOf(addressBytes: number): NeighborProtocol;
  transmit(frame: WaitingFrame): void;
  /** Nobody answers for `address`: what `holder` had waiting is dropped, and the next wish to send asks anew. */
  unreachable(holder: FrameHolder, address: Uint8Array): void;
  /** A neighbor in use is elsewhere from now on. */
  moved(neighbor: Neighbor, from: Uint8Array): void;
  /** A router says that it is a host from now on: nothing beyond the link goes by way of it (RFC 4861 §7.2.5). */
  routerGone(neighbor: Neighbor): void;
  count(name: string): void;
}

/** A frame that is to wait. */
interface HeldFrame {
  readonly holder: FrameHolder;
  readonly frame: Uint8Array;
  readonly length: number;
  /** As `FrameLink.send` has them; 0 when absent. */
  readonly cutBytes?: number;
  readonly label?: number;
}

/** What somebody has said about itself, in any packet but an advertisement of NDP. */
export interface NeighborWord {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** It answers us. Counts as proof only while we ask (RFC 4861 §7.2.5: the solicited flag). */
  readonly isAnswer: boolean;
  /** The address of ours that it says it to, which makes an entry where there is none; null when it is for others (RFC 826). */
  readonly target: Uint8Array | null;
  /** Whether only a router says this (RFC 4861 §6.3.4); false when absent, which takes nothing back. */
  readonly isRouter?: boolean;
}

/** What an advertisement of NDP says about its target (RFC 4861 §4.4). */
export interface NeighborAdvertisement {
  readonly address: Uint8Array;
  /** The hardware address, null where it says none. */
  readonly mac: Uint8Array | null;
  readonly isSolicited: boolean;
  /** Whether it is to replace another hardware address. */
  readonly isOverride: boolean;
  readonly isRouter: boolean;
}

/** The neighbors of one host. */
export class NeighborCache {
  readonly #options: NeighborCacheOptions;
  readonly #entries = new Map<number | string, Neighbor>();
  /** The first entry with each hardware address: the router behind which an address elsewhere is. */
  readonly #byMac = new Map<number, Neighbor>();
  /** Entries that no connection uses, oldest first. */
  readonly #unused = new Set<Neighbor>();
  /** Those in DELAY, and those being asked for: each in the order in which they are due, because the wait is the same for all. */
  readonly #delayed = new Set<Neighbor>();
  readonly #asked = new Set<Neighbor>();
  #heldBytes = 0;
  /** For how long a neighbor that was seen to work counts as reachable, in IPv6, where routers may say so (RFC 4861 §6.3.4). */
  ipv6ReachableUs = REACHABLE_US;

  constructor(options: NeighborCacheOptions) {
    this.#options = options;
  }

  /** Entries, those in use among them. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes of frames that wait. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The entry of an address, null when there is none. */
  find(address: Uint8Array): Neighbor | null {
    return this.#entries.get(keyOf(address)) ?? null;
  }

  /** An entry with this hardware address and an address of so many bytes, null when there is none. */
  findByMac(mac: Uint8Array, addressBytes: number): Neighbor | null {
    return this.#byMac.get(macKeyOf(mac, addressBytes)) ?? null;
  }

  /** The entry of an address, made when there is none; what is old and unused counts as unknown. `source`: who asks, if need be. */
  entry(address: Uint8Array, source: Uint8Array): Neighbor {
    const { nowUs } = this.#options.clock;
    let neighbor = this.find(address);
    if (neighbor === null) {
      neighbor = this.#list(new Neighbor(address.slice(), null));
    } else if (neighbor.users === 0) {
      const heardUs = Math.max(neighbor.heardUs, neighbor.reachableUntilUs - this.#reachableUs(neighbor));
      if (nowUs - heardUs >= UNUSED_LIFE_US) this.#forgetMac(neighbor);
    }
    // A copy: who sends what belongs to no connection uses the same bytes for the next.
    if (neighbor.requests === 0 && !sameAddress(neighbor.source, source)) neighbor.source = source.slice();
    return neighbor;
  }

  /** Makes an entry of a neighbor that has just been seen to receive what we send; where there is one, nothing is done. */
  reached(address: Uint8Array, mac: Uint8Array, about: { source: Uint8Array }): Neighbor {
    const known = this.find(address);
    if (known !== null) return known;
    const neighbor = this.#list(new Neighbor(address, mac));
    neighbor.source = about.source;
    this.#noteMac(neighbor);
    this.confirm(neighbor);
    return neighbor;
  }

  /** A connection goes by way of it from now on. */
  use(neighbor: Neighbor): void {
    neighbor.users++;
    this.#unused.delete(neighbor);
  }

  /** A connection does so no longer: nothing of it is left here. */
  release(neighbor: Neighbor, holder: FrameHolder): void {
    this.#dropFrame(neighbor, holder);
    if (neighbor.waiting !== null && neighbor.waiting.delete(holder) && neighbor.waiting.size === 0) {
      neighbor.waiting = null;
    }
    neighbor.users--;
    if (neighbor.users > 0 || !neighbor.isListed) return;
    if (neighbor.mac === null) {
      this.#unlist(neighbor);
      return;
    }
    if (neighbor.state === "DELAY" || neighbor.state === "PROBE") {
      // Nobody wants to know any more.
      this.#rest(neighbor);
      neighbor.state = "STALE";
    }
    this.#listUnused(neighbor);
  }

  // -- What is heard

  /** Takes what a neighbor says about itself. An entry that is there is moved at once; whether one is made, see `target`. */
  learn(word: NeighborWord): void {
    const { nowUs } = this.#options.clock;
    let neighbor = this.find(word.address);
    if (neighbor === null) {
      if (word.target === null) return;
      neighbor = this.#list(new Neighbor(word.address.slice(), null));
      neighbor.source = word.target;
    }
    neighbor.heardUs = nowUs;
    if (word.isRouter === true) neighbor.isRouter = true;
    const before = neighbor.mac;
    const isNew = this.#setMac(neighbor, word.mac);
    if (word.isAnswer && neighbor.requests > 0) {
      this.confirm(neighbor);
    } else if (isNew) {
      this.#makeStale(neighbor);
    }
    this.#told(neighbor, isNew ? before : null);
  }

  /** Takes an advertisement: RFC 4861 §7.2.5, to the letter. It makes no entry. */
  advertised(word: NeighborAdvertisement): void {
    const neighbor = this.find(word.address);
    if (neighbor === null) return;
    const before = neighbor.mac;
    // An entry that is INCOMPLETE takes any hardware address, and without one the word is worth nothing.
    if (before === null && word.mac === null) return;
    const isOther = before !== null && word.mac !== null && !sameAddress(before, word.mac);
    if (isOther && !word.isOverride) {
      this.#options.count("neighbors-not-overridden");
      if (neighbor.state === "REACHABLE") this.#makeStale(neighbor);
      return;
    }
    neighbor.heardUs = this.#options.clock.nowUs;
    const isNew = word.mac !== null && this.#setMac(neighbor, word.mac);
    if (word.isSolicited) this.confirm(neighbor);
    else if (isNew) this.#makeStale(neighbor);
    const wasRouter = neighbor.isRouter;
    neighbor.isRouter = word.isRouter;
    this.#told(neighbor, isNew ? before : null);
    // Last: whoever is told may choose other ways.
    if (wasRouter && !word.isRouter) this.#options.routerGone(neighbor);
  }

  /** Writes down where it is; whether that is new. */
  #setMac(neighbor: Neighbor, mac: Uint8Array): boolean {
    const isNew = neighbor.mac === null || !sameAddress(neighbor.mac, mac);
    if (isNew) {
      this.#unnoteMac(neighbor);
      neighbor.mac = mac.slice();
    }
    this.#noteMac(neighbor);
    return isNew;
  }

  /** RFC 4861 §7.2.5: believed, and to be seen to work. */
  #makeStale(neighbor: Neighbor): void {
    this.#rest(neighbor);
    neighbor.state = "STALE";
    neighbor.reachableUntilUs = -Infinity;
  }

  /** Its hardware address is known; `before`: the one that it had, where that was another. Connections follow, and what waits leaves. */
  #told(neighbor: Neighbor, before: Uint8Array | null): void {
    const { mac } = neighbor;
    if (before !== null && neighbor.users > 0) {
      this.#options.count("neighbors-moved");
      this.#options.moved(neighbor, before);
    }
    if (neighbor.waiting === null || mac === null) return;
    for (const frame of this.#takeFrames(neighbor)) {
      frame.bytes.set(mac, 0);
      this.#options.transmit(frame);
    }
  }

  /** What was sent to it arrived: the peer has acknowledged something new, or sent more (RFC 4861 §7.3.1). */
  confirm(neighbor: Neighbor): void {
    neighbor.reachableUntilUs = this.#options.clock.nowUs + this.#reachableUs(neighbor);
    if (neighbor.state === "REACHABLE") return;
    neighbor.state = "REACHABLE";
    this.#rest(neighbor);
  }

  #reachableUs({ address }: Neighbor): number {
    return address !== null && address.length !== IPV4_BYTES ? this.ipv6ReachableUs : REACHABLE_US;
  }

  // -- What is asked

  /**
   * Called when something is sent again: a neighbor that was not seen to work of late, and stays silent, is asked. Deviation:
   * RFC 4861 §7.3.2 begins DELAY with the first packet to a STALE neighbor; here it begins with the first that was not
   * answered, because TCP has a timer for that already, and a segment in order needs no look at the neighbor.
   */
  sendingAgain(neighbor: Neighbor): void {
    if (neighbor.reachableUntilUs > this.#options.clock.nowUs) return;
    // One without an address stays as it is: nobody can be asked.
    if (!neighbor.isListed || (neighbor.state !== "REACHABLE" && neighbor.state !== "STALE")) return;
    neighbor.state = "DELAY";
    this.#schedule(neighbor, this.#delayed, DELAY_US);
  }

  /**
   * There is a reason to doubt an entry: nothing gets through (RFC 9293 MUST-20), or the peer's frames come from elsewhere,
   * in which case everybody is asked at once. Not more often than once in five seconds.
   */
  doubt(neighbor: Neighbor, isElsewhere: boolean): void {
    const { nowUs } = this.#options.clock;
    const isAsked = neighbor.state === "PROBE" || neighbor.state === "INCOMPLETE";
    if (!neighbor.isListed || isAsked || nowUs - neighbor.doubtedUs < DOUBT_INTERVAL_US) return;
    neighbor.doubtedUs = nowUs;
    this.#options.count("neighbors-doubted");
    this.#probe(neighbor, isElsewhere ? UNICAST_REQUESTS : 0);
  }

  /**
   * Sends a copy of the frame once the neighbor's hardware address is known, and asks for it; the latest frame of each
   * holder counts. Its destination is filled in here; `cutBytes` and `label` go with it.
   */
  hold(neighbor: Neighbor, held: HeldFrame): void {
    const { holder, length, cutBytes = 0, label = 0 } = held;
    (neighbor.waiting ??= new Set()).add(holder);
    this.#dropFrame(neighbor, holder);
    if (length <= HELD_BYTES && this.#heldBytes + length <= HELD_BYTES_IN_ALL) {
      const frames = neighbor.frames ??= new Map();
      frames.set(holder, { bytes: held.frame.slice(0, length), cutBytes, label });
      neighbor.frameBytes += length;
      this.#heldBytes += length;
      for (const oldest of frames.keys()) {
        if (frames.size <= HELD_FRAMES && neighbor.frameBytes <= HELD_BYTES) break;
        this.#dropFrame(neighbor, oldest);
      }
    } else {
      this.#options.count("frames-not-held");
    }
    // Unless that is going on.
    if (neighbor.requests > 0 || !neighbor.isListed) return;
    neighbor.state = "INCOMPLETE";
    this.#ask(neighbor);
  }

  // -- Deadlines

  /** Whether nobody is asked, or about to be. */
  get isAtRest(): boolean {
    return this.#delayed.size === 0 && this.#asked.size === 0;
  }

  /** The earliest deadline, Infinity when nobody is being asked for. */
  get nextDeadlineUs(): number {
    let dueUs = Infinity;
    for (const { dueUs: first } of this.#delayed) {
      dueUs = first;
      break;
    }
    for (const { dueUs: first } of this.#asked) return first < dueUs ? first : dueUs;
    return dueUs;
  }

  /** Asks those whose DELAY is over, asks again those that have not answered, and gives up on those asked often enough. */
  tick(): void {
    const { nowUs } = this.#options.clock;
    for (const neighbor of this.#delayed) {
      if (neighbor.dueUs > nowUs) break;
      this.#probe(neighbor, 0);
    }
    const gone: Neighbor[] = [];
    for (const neighbor of this.#asked) {
      if (neighbor.dueUs > nowUs) break;
      const most = neighbor.mac === null ? BROADCAST_REQUESTS : UNICAST_REQUESTS + BROADCAST_REQUESTS;
      if (neighbor.requests < most) {
        this.#ask(neighbor);
      } else {
        this.#asked.delete(neighbor);
        gone.push(neighbor);
      }
    }
    // Last: whoever is told may want to send to it again.
    for (const neighbor of gone) this.#gone(neighbor);
  }

  #gone(neighbor: Neighbor): void {
    const { address, waiting } = neighbor;
    this.#options.count("neighbors-gone");
    this.#forgetMac(neighbor);
    this.#takeFrames(neighbor);
    if (neighbor.users === 0) this.#unlist(neighbor);
    if (address === null) return;
    for (const holder of waiting ?? []) this.#options.unreachable(holder, address);
  }

  #probe(neighbor: Neighbor, requests: number): void {
    neighbor.state = "PROBE";
    neighbor.reachableUntilUs = -Infinity;
    neighbor.requests = requests;
    this.#ask(neighbor);
  }

  #ask(neighbor: Neighbor): void {
    const mac = neighbor.requests < UNICAST_REQUESTS ? neighbor.mac : null;
    neighbor.requests++;
    this.#schedule(neighbor, this.#asked, RETRANS_US);
    if (neighbor.address === null) return;
    this.#options.protocolOf(neighbor.address.length).ask(neighbor, mac);
  }

  #schedule(neighbor: Neighbor, queue: Set<Neighbor>, waitUs: number): void {
    this.#delayed.delete(neighbor);
    this.#asked.delete(neighbor);
    neighbor.dueUs = this.#options.clock.nowUs + waitUs;
    queue.add(neighbor);
  }

  /** Nothing is to be asked. */
  #rest(neighbor: Neighbor): void {
    this.#delayed.delete(neighbor);
    this.#asked.delete(neighbor);
    neighbor.requests = 0;
    neighbor.dueUs = Infinity;
  }

  // -- Frames that wait

  #dropFrame(neighbor: Neighbor, holder: FrameHolder): void {
    const frame = neighbor.frames?.get(holder);
    if (frame === undefined) return;
    neighbor.frames?.delete(holder);
    neighbor.frameBytes -= frame.bytes.length;
    this.#heldBytes -= frame.bytes.length;
  }

  /** Nobody waits any more; gives the frames that did. */
  #takeFrames(neighbor: Neighbor): Iterable<WaitingFrame> {
    const frames = neighbor.frames?.values() ?? [];
    this.#heldBytes -= neighbor.frameBytes;
    neighbor.frameBytes = 0;
    neighbor.frames = null;
    neighbor.waiting = null;
    return frames;
  }

  // -- Entries

  #list(neighbor: Neighbor): Neighbor {
    if (neighbor.address === null) return neighbor;
    neighbor.isListed = true;
    this.#entries.set(keyOf(neighbor.address), neighbor);
    this.#listUnused(neighbor);
    return neighbor;
  }

  #listUnused(neighbor: Neighbor): void {
    this.#unused.add(neighbor);
    if (this.#unused.size <= UNUSED_ENTRIES) return;
    for (const oldest of this.#unused) {
      this.#unlist(oldest);
      return;
    }
  }

  #unlist(neighbor: Neighbor): void {
    this.#rest(neighbor);
    // What belongs to no connection may wait for one that nobody uses.
    this.#takeFrames(neighbor);
    this.#unused.delete(neighbor);
    this.#unnoteMac(neighbor);
    neighbor.isListed = false;
    if (neighbor.address !== null) this.#entries.delete(keyOf(neighbor.address));
  }

  #forgetMac(neighbor: Neighbor): void {
    this.#unnoteMac(neighbor);
    this.#rest(neighbor);
    neighbor.mac = null;
    neighbor.state = "INCOMPLETE";
    neighbor.reachableUntilUs = -Infinity;
  }

  #noteMac(neighbor: Neighbor): void {
    if (neighbor.mac === null || neighbor.address === null) return;
    const key = macKeyOf(neighbor.mac, neighbor.address.length);
    if (!this.#byMac.has(key)) this.#byMac.set(key, neighbor);
  }

  #unnoteMac(neighbor: Neighbor): void {
    if (neighbor.mac === null || neighbor.address === null) return;
    const key = macKeyOf(neighbor.mac, neighbor.address.length);
    if (this.#byMac.get(key) === neighbor) this.#byMac.delete(key);
  }
}

/** A number, or the bytes of an IPv6 address as eight characters: a text of the address would take four times as long. */
function keyOf(address: Uint8Array): number | string {
  if (address.length === IPV4_BYTES) return readU32(address, 0);
  return String.fromCharCode(
    readU16(address, 0),
    readU16(address, 2),
    readU16(address, 4),
    readU16(address, 6),
    readU16(address, 8),
    readU16(address, 10),
    readU16(address, 12),
    readU16(address, 14),
  );
}

/** 48 bits and one for the family, exact in a number: a router has an entry in each. */
function macKeyOf(mac: Uint8Array, addressBytes: number): number {
  let key = addressBytes === IPV4_BYTES ? 0 : 1;
  for (const byte of mac) key = key * 256 + byte;
  return key;
}
