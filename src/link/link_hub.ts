/**
 * LinkHub: several hosts on one device, each with a FrameLink of its own: a switch inside this process.
 *
 * Owns: to whose port a frame goes (by destination hardware address; what is for a group, to all), what waits at each port and
 * its bound, and one wait for all of them. Frames from one port to another never reach the device, whose kernel would not send
 * them back. Must not know: what is in a frame behind its addresses.
 *
 * IEEE 802.1D §7.7 in its simplest form: the stations are known, and nothing is learnt.
 */
import { ETHERNET } from "../wire/ethernet.ts";
import { bytesEqual, formatMac, isMulticastMac, isStationMac, sameAddress } from "../wire/address.ts";
import { emptyLinkStats, type FrameHandler, type FrameLink, type LinkStats } from "./link.ts";

/** Local choice: hosts of one lab; each frame is compared with so many addresses. */
const MOST_PORTS = 64;
/** Local choice: frames that may wait at one port, as many as a capture ring of 64 MiB has slots for the largest. */
const MOST_WAITING = 1024;
const MAC_BYTES = 6;

/** A frame that waits at a port. */
interface WaitingFrame {
  readonly bytes: Uint8Array;
  readonly capturedUs: number;
}

/**
 * Hands out ports on a link that is open; the link belongs to the hub from now on, and is closed with the last port.
 *
 * ```ts
 * import { createStack, LinkHub, memoryPair } from "@tcplab/tcplab";
 *
 * const [link] = memoryPair();
 * const hub = new LinkHub(link);
 * const [one, two] = [1, 2].map((last) =>
 *   createStack({ link: hub.port(Uint8Array.of(2, 0, 0, 0, 0, last)), addresses: `10.0.0.${last}/24` })
 * );
 * const accepting = one.listen({ port: 7 }).accept();
 * const connection = await two.connect({ hostname: "10.0.0.1", port: 7 });
 * console.log(connection.state, (await accepting).remoteAddr);
 * one.close();
 * two.close();
 * ```
 */
export class LinkHub {
  readonly #link: FrameLink;
  readonly #ports = new Set<HubPort>();
  /** Whether the one wait on the link is under way, in which all ports take part. */
  #isWaiting = false;
  readonly #distribute: FrameHandler = (frame, length, capturedUs) => {
    this.#deliver(frame, { length, capturedUs, from: null });
  };

  /** Takes over `link`. */
  constructor(link: FrameLink) {
    this.#link = link;
  }

  /**
   * The link of a host with this hardware address. The device has to hand up frames for it (promiscuous mode). Throws TypeError
   * for an address that is a group's or has a port already, RangeError when there are 64.
   */
  port(mac: Uint8Array): FrameLink {
    if (!isStationMac(mac)) throw new TypeError(`${formatMac(mac)} is not the hardware address of one host`);
    if ([...this.#ports].some((port) => sameAddress(port.mac, mac))) {
      throw new TypeError(`${formatMac(mac)} has a port already: each host needs its own`);
    }
    if (this.#ports.size >= MOST_PORTS) throw new RangeError(`A hub has ${MOST_PORTS} ports at most`);
    const port = new HubPort(mac.slice(), {
      link: this.#link,
      pull: (budget) => this.#link.receive(this.#distribute, budget),
      send: (sender, frame, how) => this.#send(sender, frame, how),
      awaitArrival: () => this.#awaitArrival(),
      departure: () => this.#followDepartures(),
      closed: (closed) => this.#forget(closed),
    });
    this.#ports.add(port);
    return port;
  }

  #send(
    from: HubPort,
    frame: Uint8Array,
    how: { length: number; cutBytes: number; label: number },
  ): void {
    const { length, cutBytes, label } = how;
    const isForGroup = isMulticastMac(frame, ETHERNET.DESTINATION);
    const capturedUs = 0;
    const isNear = this.#deliver(frame, { length, capturedUs, from });
    if (isForGroup || !isNear) this.#link.send(frame, length, cutBytes, label);
  }

  /** Puts a frame to the ports that it is for, but to that which it came from; whether there is one. */
  #deliver(
    frame: Uint8Array,
    about: { length: number; capturedUs: number; from: HubPort | null },
  ): boolean {
    const { length, capturedUs, from } = about;
    if (length < ETHERNET.DESTINATION + MAC_BYTES) return false;
    const isForGroup = isMulticastMac(frame, ETHERNET.DESTINATION);
    let isNear = false;
    for (const port of this.#ports) {
      if (port === from || (!isForGroup && !bytesEqual(frame, ETHERNET.DESTINATION, port.mac))) continue;
      port.put(frame, length, capturedUs);
      isNear = true;
    }
    return isNear;
  }

  #awaitArrival(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const over = (tell: (port: HubPort) => void) => {
      this.#isWaiting = false;
      for (const port of this.#ports) tell(port);
    };
    this.#link.wait(Infinity).then(
      () => over((port) => port.wake()),
      (error) => over((port) => port.failWait(error)),
    );
  }

  #followDepartures(): void {
    const called = [...this.#ports].map((port) => port.onDeparture).filter((call) => call !== null);
    this.#link.onDeparture = called.length === 0 ? null : () => called.forEach((call) => call());
  }

  #forget(port: HubPort): void {
    this.#ports.delete(port);
    this.#followDepartures();
    if (this.#ports.size === 0) this.#link.close();
  }
}

/** What a port has of its hub. */
interface HubSide {
  readonly link: FrameLink;
  /** Distributes up to so many frames that wait in the link; how many it took. */
  pull(budget: number): number;
  send(from: HubPort, frame: Uint8Array, how: { length: number; cutBytes: number; label: number }): void;
  /** Has every port that waits woken when something may wait in the link. */
  awaitArrival(): void;
  departure(): void;
  closed(port: HubPort): void;
}

/** One host's link. */
class HubPort implements FrameLink {
  readonly mac: Uint8Array;
  readonly #hub: HubSide;
  readonly #waiting: WaitingFrame[] = [];
  readonly #stats = emptyLinkStats();
  #onDeparture: (() => void) | null = null;
  /** Who waits on this port. */
  #waiter: PromiseWithResolvers<void> | null = null;
  #isOpen = true;

  constructor(mac: Uint8Array, hub: HubSide) {
    this.mac = mac;
    this.#hub = hub;
  }

  get name(): string {
    return this.#hub.link.name;
  }

  get mtu(): number {
    return this.#hub.link.mtu;
  }

  get maxPacketBytes(): number {
    return this.#hub.link.maxPacketBytes;
  }

  get isCrowded(): boolean {
    return this.#hub.link.isCrowded || this.#waiting.length > MOST_WAITING / 2;
  }

  /** A frame for this host. Beyond its bound the newest is lost, and counted as what a ring loses. */
  put(frame: Uint8Array, length: number, capturedUs: number): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#stats.droppedByRing++;
      return;
    }
    this.#waiting.push({ bytes: frame.slice(0, length), capturedUs });
    this.wake();
  }

  receive(handler: FrameHandler, budget: number): number {
    if (!this.#isOpen) return 0;
    const pulled = this.#hub.pull(budget);
    // What a handler sends to another port and that one answers waits for the next call, or two hosts could go on for ever.
    const taken = this.#waiting.splice(0, budget);
    for (const { bytes, capturedUs } of taken) {
      this.#stats.framesIn++;
      this.#stats.bytesIn += bytes.length;
      handler(bytes, bytes.length, capturedUs);
    }
    // Of those in the link too, there may be more for this host.
    return Math.max(pulled, taken.length);
  }

  send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    if (!this.#isOpen) return;
    this.#stats.framesOut++;
    this.#stats.bytesOut += length;
    this.#hub.send(this, frame, { length, cutBytes, label });
  }

  get onDeparture(): (() => void) | null {
    return this.#onDeparture;
  }

  set onDeparture(called: (() => void) | null) {
    this.#onDeparture = called;
    this.#hub.departure();
  }

  flush(): void {
    this.#hub.link.flush();
    // Frames that went from port to port have left with the call.
    this.#onDeparture?.();
  }

  wait(timeoutMs: number): Promise<void> {
    if (!this.#isOpen || this.#waiting.length > 0) return Promise.resolve();
    const waiter = Promise.withResolvers<void>();
    this.#waiter = waiter;
    if (timeoutMs === Infinity) this.#hub.awaitArrival();
    else this.#hub.link.wait(timeoutMs).then(waiter.resolve, waiter.reject);
    return waiter.promise;
  }

  wake(): void {
    this.#waiter?.resolve();
    this.#waiter = null;
  }

  /** The link is gone. */
  failWait(error: unknown): void {
    this.#waiter?.reject(error);
    this.#waiter = null;
  }

  stats(): LinkStats {
    return { ...this.#stats };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#waiting.length = 0;
    this.wake();
    this.#hub.closed(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
