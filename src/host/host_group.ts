/**
 * HostGroup: several hosts on one link, each with its own hardware address, to be driven, shown and steered as one.
 *
 * Owns: to which of them a frame, an address, a call goes, and how what they say becomes one answer. Their events go into one
 * stream, in which connections and segments have numbers of one row (host_numbers.ts). Must not know: what a host does with a
 * frame; how frames come from one to another (link/hairpin_link.ts).
 *
 * Where there is one host, there is no group: nothing lies in the way of its frames.
 */
import type { TcpConfig } from "../tcp/config.ts";
import type { FaultObserver } from "../link/fault_link.ts";
import type { TouchedFrame } from "../link/fault_path.ts";
import type { EventInterest, Observer, TcpEvent } from "../tcp/events.ts";
import { bytesEqual, formatIpAddress, isMulticastMac, sameAddress } from "../wire/address.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import type {
  ClaimOptions,
  ConnectOptions,
  HostAtWork,
  HostConnection,
  HostListener,
  ListenOptions,
  MemoryFigures,
} from "./api.ts";
import type {
  FastOpenCookie,
  FastOpenListenOptions,
  FastOpenPath,
  GivenFastOpenCookie,
} from "./fast_open_api.ts";
import type { Host } from "./host.ts";

/** One of the hosts. */
export interface HostGroupMember {
  readonly host: Host;
  readonly mac: Uint8Array;
  /** Those that it was given. */
  readonly addresses: readonly Uint8Array[];
}

/** Hosts that are one to whoever drives them. */
export class HostGroup implements HostAtWork {
  readonly #members: readonly HostGroupMember[];
  readonly #hosts: readonly Host[];
  /** Speaks where one speaks for all. */
  readonly #first: Host;
  readonly #listeners = new Set<HostListener>();
  readonly faultObserver: FaultObserver;
  #nowUs: number;

  /** Hosts that share their numbers and their clock. Throws where there is none, and where two have an address in common. */
  constructor(members: readonly HostGroupMember[]) {
    const [first] = members;
    if (first === undefined) throw new TypeError("A group has one host at least");
    for (const [position, { mac, addresses }] of members.entries()) {
      for (const other of members.slice(0, position)) {
        const isShared = sameAddress(other.mac, mac) ||
          addresses.some((address) => other.addresses.some((theirs) => sameAddress(theirs, address)));
        if (isShared) {
          throw new TypeError("Two hosts of a group have an address in common: each needs its own");
        }
      }
    }
    this.#members = members;
    this.#hosts = members.map(({ host }) => host);
    this.#first = first.host;
    this.#nowUs = first.host.nowUs;
    this.faultObserver = {
      isWatched: () => this.#first.faultObserver.isWatched(),
      touched: (touched) => this.#whoseIs(touched).faultObserver.touched(touched),
      // The numbers are the same for all.
      handsUp: (number) => this.#first.faultObserver.handsUp(number),
    };
  }

  get observer(): Observer | null {
    return this.#first.observer;
  }

  set observer(observer: Observer | null) {
    for (const host of this.#hosts) host.observer = observer;
  }

  get interest(): EventInterest | null {
    return this.#first.interest;
  }

  set interest(interest: EventInterest | null) {
    for (const host of this.#hosts) host.interest = interest;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  // -- Frames and time

  /** What is for nobody here is the first one's, which counts it; what is for a group is for each but its sender. */
  ingest(frame: Uint8Array, length: number, nowUs: number, arrivedUs = nowUs): void {
    this.#nowUs = nowUs;
    if (length < ETHERNET.HEADER_BYTES || !isMulticastMac(frame, ETHERNET.DESTINATION)) {
      this.#at(frame, ETHERNET.DESTINATION).ingest(frame, length, nowUs, arrivedUs);
      return;
    }
    for (const { host, mac } of this.#members) {
      if (!bytesEqual(frame, ETHERNET.SOURCE, mac)) host.ingest(frame, length, nowUs, arrivedUs);
    }
  }

  #at(frame: Uint8Array, offset: number): Host {
    for (const { host, mac } of this.#members) if (bytesEqual(frame, offset, mac)) return host;
    return this.#first;
  }

  #whoseIs({ frame, direction }: TouchedFrame): Host {
    return this.#at(frame, direction === "in" ? ETHERNET.DESTINATION : ETHERNET.SOURCE);
  }

  setNow(nowUs: number): void {
    this.#nowUs = nowUs;
    for (const host of this.#hosts) host.setNow(nowUs);
  }

  tick(nowUs: number): void {
    this.#nowUs = nowUs;
    for (const host of this.#hosts) if (host.nextDeadlineUs() <= nowUs) host.tick(nowUs);
  }

  nextDeadlineUs(): number {
    let earliestUs = Infinity;
    for (const host of this.#hosts) earliestUs = Math.min(earliestUs, host.nextDeadlineUs());
    return earliestUs;
  }

  linkChanged(): void {
    for (const host of this.#hosts) host.linkChanged(host === this.#first);
  }

  crowd(isCrowded: boolean): void {
    for (const host of this.#hosts) host.crowd(isCrowded);
  }

  // -- Addresses

  announce(): void {
    for (const host of this.#hosts) host.announce();
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#first.probe(address, found);
  }

  claim(addresses: readonly Uint8Array[], about: ClaimOptions): void {
    for (const { host, addresses: own } of this.#members) {
      host.claim(addresses.filter((address) => has(own, address)), about);
    }
  }

  /** The host that has an address. */
  #hostOf(address: Uint8Array): Host {
    const member = this.#members.find(({ addresses }) => has(addresses, address));
    if (member !== undefined) return member.host;
    throw new Error(`${formatIpAddress(address)} is the address of none of these hosts`);
  }

  // -- Users

  /** Listens on the host that has the address; without one, on each. */
  listen(options: ListenOptions): HostListener {
    const hosts = options.address === undefined ? this.#hosts : [this.#hostOf(options.address)];
    const parts: HostListener[] = [];
    try {
      // A port that the first has chosen is that of all.
      for (const host of hosts) parts.push(host.listen({ ...options, port: parts[0]?.port ?? options.port }));
    } catch (error) {
      for (const part of parts) part.close();
      throw error;
    }
    const listener = new GroupListener(parts, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    return listener;
  }

  listeners(): HostListener[] {
    return [...this.#listeners];
  }

  /** From the host that has the local address; without one, from the first that has one of the family. */
  connect(options: ConnectOptions): HostConnection {
    return this.#hostFor(options).connect(options);
  }

  #hostFor({ address, localAddress }: { address: Uint8Array; localAddress?: Uint8Array }): Host {
    if (localAddress !== undefined) return this.#hostOf(localAddress);
    const member = this.#members.find(({ addresses }) =>
      addresses.some(({ length }) => length === address.length)
    );
    return member?.host ?? this.#first;
  }

  fastOpenRoom(path: FastOpenPath): number {
    return this.#hostFor(path).fastOpenRoom(path);
  }

  fastOpenCookies(): FastOpenCookie[] {
    return this.#hosts.flatMap((host) => host.fastOpenCookies());
  }

  keepFastOpenCookie(cookie: GivenFastOpenCookie): void {
    this.#hostFor(cookie).keepFastOpenCookie(cookie);
  }

  forgetFastOpen(): void {
    for (const host of this.#hosts) host.forgetFastOpen();
  }

  connections(): HostConnection[] {
    return this.#hosts.flatMap((host) => host.connections()).sort((a, b) => a.id - b.id);
  }

  /** One host after the other, each from its oldest on. */
  *connectionsInOrder(): Generator<HostConnection, void, void> {
    for (const host of this.#hosts) yield* host.connectionsInOrder();
  }

  get config(): Readonly<TcpConfig> {
    return this.#first.config;
  }

  configure(changes: Partial<TcpConfig>): void {
    for (const host of this.#hosts) host.configure(changes);
  }

  *newestConnections(): Generator<HostConnection, void, void> {
    const walks = this.#hosts.map((host) => host.newestConnections());
    const heads = walks.map((walk) => walk.next());
    for (;;) {
      let newest: HostConnection | null = null;
      let from = -1;
      for (const [position, { value }] of heads.entries()) {
        if (value === undefined || (newest !== null && value.id < newest.id)) continue;
        newest = value;
        from = position;
      }
      if (newest === null) return;
      yield newest;
      heads[from] = walks[from].next();
    }
  }

  get connectionCount(): number {
    return this.#hosts.reduce((sum, host) => sum + host.connectionCount, 0);
  }

  get establishedCount(): number {
    return this.#hosts.reduce((sum, host) => sum + host.establishedCount, 0);
  }

  // -- What is told

  /** Sums; a frame for a group has come in at each. */
  counters(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const host of this.#hosts) {
      for (const [name, count] of Object.entries(host.counters())) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  memory(): MemoryFigures {
    const figures = this.#hosts.map((host) => host.memory());
    const sum = (name: keyof MemoryFigures) => figures.reduce((total, figure) => total + figure[name], 0);
    return {
      usedBytes: sum("usedBytes"),
      limitBytes: sum("limitBytes"),
      bufferBytes: sum("bufferBytes"),
      reservedBytes: sum("reservedBytes"),
    };
  }

  emit(event: TcpEvent): void {
    this.#first.emit(event);
  }

  observerThrew(error: unknown): void {
    this.#first.observerThrew(error);
  }
}

/** The listeners on one port, on several hosts. */
class GroupListener implements HostListener {
  readonly #parts: readonly HostListener[];
  readonly #closed: () => void;
  #isOpen = true;

  constructor(parts: readonly HostListener[], closed: () => void) {
    this.#parts = parts;
    this.#closed = closed;
  }

  get port(): number {
    return this.#parts[0].port;
  }

  get state(): "LISTEN" | "CLOSED" {
    return this.#isOpen ? "LISTEN" : "CLOSED";
  }

  get waiting(): number {
    return this.#parts[0].waiting;
  }

  /** They wait in one queue, whose length is each one's. */
  set waiting(count: number) {
    for (const part of this.#parts) part.waiting = count;
  }

  configure(changes: Partial<TcpConfig>): void {
    for (const part of this.#parts) part.configure(changes);
  }

  setFastOpen(changes: FastOpenListenOptions): void {
    for (const part of this.#parts) part.setFastOpen(changes);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const part of this.#parts) part.close();
    this.#closed();
  }
}

function has(addresses: readonly Uint8Array[], address: Uint8Array): boolean {
  return addresses.some((own) => sameAddress(own, address));
}
