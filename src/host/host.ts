/**
 * Host: a virtual host on a link, sans-I/O: frames and times go in, frames come out.
 *
 * Deviation: applications cannot give source routes, and those received are not used (MUST-51, MUST-52, MUST-53, SHLD-24):
 * networks drop such packets (RFC 7126 §4.3, §4.4).
 *
 * Owns: how its parts are put together, and the calls of its user. Must not know: clocks, devices, promises; how a frame
 * is taken apart (ethernet_input.ts, ip_input.ts), or what TCP does with a segment (connections.ts).
 */
import type { FaultObserver } from "../link/fault_link.ts";
import type { HostLink } from "../link/link.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";
import type { EventInterest, Observer, TcpEvent } from "../tcp/events.ts";
import { formatIpAddress } from "../wire/address.ts";
import { LAN } from "../wire/ethernet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import {
  type ClaimOptions,
  type ConnectOptions,
  type HostAtWork,
  type HostConnection,
  type HostListener,
  type ListenOptions,
  type MemoryFigures,
  UNREACHABLE,
} from "./api.ts";
import { ActiveOpens } from "./active_opens.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { FastOpenCookie, FastOpenPath, GivenFastOpenCookie } from "./fast_open_api.ts";
import { fastOpenKeyOf } from "./fast_open_cookies.ts";
import { FrameInput } from "./frame_input.ts";
import { HostCounters } from "./host_counters.ts";
import { HostNumbers } from "./host_numbers.ts";
import { Internet } from "./internet.ts";
import type { FrameHolder } from "./neighbor.ts";
import type { HostOptions } from "./host_options.ts";
import { SegmentWriter } from "./segment_writer.ts";

export type { HostOptions };

/** As {@link InternetLayer} begins. */
const USUAL_HOP_LIMIT = 64;

/** A virtual host. */
export class Host implements HostAtWork {
  readonly #opens: ActiveOpens;
  readonly #link: HostLink;
  readonly #counters = new HostCounters();
  readonly #internet: Internet;
  readonly #connections: Connections;
  readonly #input: FrameInput;

  /** Nothing has happened yet; throws for addresses that no host can have. */
  constructor(options: HostOptions) {
    const { link, secret, profile } = options;
    const lan = options.vlan ?? LAN.UNTAGGED;
    const counters = this.#counters;
    // Parts look at it while they are made, and the time is the connections'.
    let now = () => options.nowUs ?? 0;
    const clock = {
      get nowUs(): number {
        return now();
      },
    };
    const internet = new Internet({
      link,
      addresses: options.addresses,
      gateways: options.gateways ?? [],
      lan,
      hopLimit: options.ttl ?? usualHopLimit(profile),
      acceptRa: options.acceptRa ?? true,
      autoconfigure: options.autoconfigure ?? false,
      secret,
      clock,
      counters,
      random: (bound) => this.#connections.context.random(bound),
      mtuTold: () => this.#connections.followLink(),
      teller: () => this.#connections.teller,
      unreachable: (holder, hop) => this.#adviseUnreachable(holder, hop),
    });
    const writer = new SegmentWriter({
      mac: link.mac,
      lan,
      layerOf: (addressBytes) => internet.layerOf(addressBytes),
      identification: options.identification ?? profile?.ip.identification ?? "counted",
    });
    const connections = new Connections({
      secret,
      pinned: options.pinned ?? {},
      numbers: options.numbers ?? new HostNumbers(),
      nowUs: options.nowUs ?? 0,
      epochUs: options.epochUs,
      config: { ...DEFAULT_TCP_CONFIG, ...profile?.tcp, ...options.tcp },
      fastOpenKeys: options.fastOpenKeys ?? [fastOpenKeyOf(secret)],
      internetOf: (addressBytes) => internet.layerOf(addressBytes),
      maxConnections: options.maxConnections ?? 0x20000,
      maxTimeWait: options.maxTimeWait ?? 0x8000,
      maxClosing: options.maxClosing ?? 0x8000,
      memoryBytes: options.memoryBytes ?? 0x40000000,
      onFull: options.onFull ?? "evict",
      counters,
      onFault: options.onFault ?? null,
      foldAfter: options.foldAfter ?? Infinity,
      writer,
      transmit: (length, cutBytes, label) => internet.transmit(writer.frame, length, cutBytes, label),
      nextHops: internet.nextHops,
      isValidSource: ({ bytes, peerOffset, addressBytes }) =>
        internet.addresses.isHostAddress(bytes.subarray(peerOffset, peerOffset + addressBytes)),
    });
    now = () => connections.context.nowUs;
    const { teller, context } = connections;
    teller.showPayload = options.showPayload ?? false;
    teller.showTimers = options.showTimers ?? false;
    teller.showSamples = options.showSamples ?? false;
    teller.onNotice = options.onNotice ?? null;
    context.predicts = options.headerPrediction ?? true;
    this.#link = link;
    this.#internet = internet;
    this.#connections = connections;
    this.#opens = new ActiveOpens({ addresses: internet.addresses, routes: internet.routes, connections });
    this.#input = new FrameInput({
      link,
      lan,
      secret,
      internet,
      connections,
      counters,
      clock,
      checksumPolicy: options.checksumPolicy ?? "partial",
      ...(profile === undefined ? {} : { ipHabits: profile.ip }),
    });
  }

  get observer(): Observer | null {
    return this.#connections.teller.observer;
  }

  set observer(observer: Observer | null) {
    this.#connections.teller.changeObserver(observer);
  }

  get interest(): EventInterest | null {
    return this.#connections.teller.interest;
  }

  set interest(interest: EventInterest | null) {
    this.#connections.teller.interest = interest;
  }

  get nowUs(): number {
    return this.#connections.context.nowUs;
  }

  get faultObserver(): FaultObserver {
    return this.#connections.faults;
  }

  /** Called with every rule that fires; for coverage. */
  set onRule(onRule: ((rule: string) => void) | null) {
    this.#connections.context.onRule = onRule;
  }

  counters(): Record<string, number> {
    return this.#counters.snapshot(this.#connections.context.counters);
  }

  memory(): MemoryFigures {
    return this.#connections.memory();
  }

  setNow(nowUs: number): void {
    this.#connections.context.setNow(nowUs);
  }

  tick(nowUs: number): void {
    this.#connections.tick(nowUs);
    if (!this.#internet.isAtRest) this.#internet.tick();
    if (!this.#input.isAtRest) this.#input.tick();
  }

  nextDeadlineUs(): number {
    // Mostly nobody is asked, and nothing claimed: then it is one number, which V8 need not put on the heap.
    if (this.#internet.isAtRest && this.#input.isAtRest) return this.#connections.nextDeadlineUs();
    return Math.min(
      this.#connections.nextDeadlineUs(),
      this.#internet.nextDeadlineUs,
      this.#input.nextDeadlineUs,
    );
  }

  emit(event: TcpEvent): void {
    this.#connections.teller.emit(event);
  }

  observerThrew(error: unknown): void {
    this.#connections.teller.observerThrew(error);
  }

  announce(): void {
    this.#internet.start();
    this.#internet.announce();
  }

  crowd(isCrowded: boolean): void {
    this.#connections.overload.isCrowded = isCrowded;
  }

  /** `isTold`: with a notice, which one of several hosts on a device gives for all. */
  linkChanged(isTold = true): void {
    const before = this.#internet.followLink();
    if (before === null) return;
    if (isTold) this.#tellMtu(before);
    this.#connections.followLink();
  }

  #tellMtu(before: number): void {
    const { name, mtu } = this.#link;
    const effect = mtu < before ? "segments become smaller" : "new connections use it";
    this.#connections.teller.notice(
      "mtu-changed",
      `The MTU of ${name} is ${mtu} bytes now, ${before} before: ${effect}`,
    );
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#internet.claims.probe(address, found);
  }

  claim(addresses: readonly Uint8Array[], { lost, alsoOurs }: ClaimOptions): void {
    this.#internet.start();
    for (const address of addresses) {
      this.#internet.claims.claim(address, { lost: (mac) => lost(address, mac), alsoOurs });
    }
  }

  configure(changes: Partial<TcpConfig>): void {
    this.#connections.configure(changes);
  }

  get config(): Readonly<TcpConfig> {
    return this.#connections.config;
  }

  /** As {@link HostApi.listen}. */
  listen(options: ListenOptions): HostListener {
    if (options.address !== undefined) this.#internet.addresses.demandOurs(options.address);
    const first = options.address ?? this.#internet.addresses.all[0].address;
    const name = options.address === undefined && this.#internet.addresses.all.length > 1
      ? "*"
      : formatIpAddress(first);
    return this.#connections.listen(options, name);
  }

  /** As {@link HostApi.listeners}. */
  listeners(): HostListener[] {
    return this.#connections.listeners.all();
  }

  connections(): HostConnection[] {
    return this.#connections.all();
  }

  connectionsInOrder(): Generator<HostConnection, void, void> {
    return this.#connections.inOrder();
  }

  newestConnections(): Generator<HostConnection, void, void> {
    return this.#connections.newestFirst();
  }

  get connectionCount(): number {
    return this.#connections.count;
  }

  get establishedCount(): number {
    return this.#counters.establishedNow;
  }

  /** As {@link HostApi.connect}. */
  connect(options: ConnectOptions): HostConnection {
    return this.#connections.connect(options, this.#opens.endsOf(options));
  }

  fastOpenRoom(path: FastOpenPath): number {
    return this.#connections.fastOpenRoom(this.#opens.pathTo(path), path);
  }

  fastOpenCookies(): FastOpenCookie[] {
    return this.#connections.fastOpen.cookies();
  }

  keepFastOpenCookie(cookie: GivenFastOpenCookie): void {
    const { localAddress } = this.#opens.pathTo({ ...cookie, port: 0 });
    this.#connections.fastOpen.keep({ ...cookie, localAddress });
  }

  forgetFastOpen(): void {
    this.#connections.fastOpen.forget();
  }

  ingest(frame: Uint8Array, length: number, nowUs: number, arrivedUs = nowUs): void {
    const { context } = this.#connections;
    context.nowUs = nowUs;
    context.arrivedUs = arrivedUs;
    this.#counters.framesIn++;
    this.#input.arrives(frame, length);
    this.#connections.teller.frameDone();
  }

  /** Nobody answers for the next hop: whoever had something wait for it may want to know. */
  #adviseUnreachable(holder: FrameHolder, hop: Uint8Array): void {
    if (!(holder instanceof Connection) || this.#internet.nextHops.gone(holder)) return;
    const protocol = hop.length === IPV4.ADDRESS_BYTES ? "ARP" : "NDP";
    const name = formatIpAddress(hop);
    this.#connections.advise(holder, `${UNREACHABLE}: nobody answers ${protocol} for ${name}`);
  }
}

/** What a profile sends with; null where that is what the layers begin with, so that IPv6 routers may say otherwise. */
function usualHopLimit(profile: HostOptions["profile"]): number | null {
  return profile === undefined || profile.ip.ttl === USUAL_HOP_LIMIT ? null : profile.ip.ttl;
}
