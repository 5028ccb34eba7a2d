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
import type { FrameLink } from "../link/link.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";
import type { EventInterest, Observer, TcpEvent } from "../tcp/events.ts";
import { InternetLayer, IPV4_FIGURES, IPV6_FIGURES } from "../tcp/internet_layer.ts";
import { formatIpAddress, formatMac } from "../wire/address.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import type { ArpPacket } from "../wire/arp.ts";
import { LAN } from "../wire/ethernet.ts";
import { ICMP_TYPE } from "../wire/icmp.ts";
import { IPV4 } from "../wire/ipv4.ts";
import {
  type ConnectOptions,
  type HostApi,
  type HostConnection,
  type HostListener,
  type ListenOptions,
  type MemoryFigures,
  UNREACHABLE,
} from "./api.ts";
import { AddressClaims, type AddressConflict } from "./address_claims.ts";
import { ArpInput } from "./arp_input.ts";
import { ArpOutput } from "./arp_output.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { echoReplyBytes, type EchoRequest, writeEchoReply } from "./echo.ts";
import { EchoLimit } from "./echo_limit.ts";
import { EthernetInput } from "./ethernet_input.ts";
import { HostCounters } from "./host_counters.ts";
import { IpInput } from "./ip_input.ts";
import { arpFields, arpKind, icmpFields } from "./link_events.ts";
import type { FrameHolder, Neighbor } from "./neighbor.ts";
import { NeighborCache } from "./neighbor_cache.ts";
import { NextHops } from "./next_hops.ts";
import { type HostAddress, OwnAddresses } from "./own_addresses.ts";
import { SegmentWriter } from "./segment_writer.ts";

/** What a host is made of. */
export interface HostOptions {
  readonly link: FrameLink;
  readonly addresses: readonly HostAddress[];
  /** 16 bytes that nobody outside can know: initial sequence numbers and hashes hang on it. */
  readonly secret: Uint8Array;
  /** Wall clock at time 0 of the caller's clock, microseconds since 1970. */
  readonly epochUs: number;
  /** Time now on the caller's clock, 0 when absent. */
  readonly nowUs?: number;
  /** `partial` (default) takes correct sums and those that an off-loading sender left unfinished (MUST-3). */
  readonly checksumPolicy?: "partial" | "strict" | "ignore";
  /** Bound on connections of all states. Local choice: 131,072. */
  readonly maxConnections?: number;
  /** Bound on connections in TIME_WAIT; the oldest gives way. Local choice: 32,768. */
  readonly maxTimeWait?: number;
  /** Bound on connections whose application has gone, and whose peer's part of the end is awaited; the oldest gives way. Local choice: 32,768. */
  readonly maxClosing?: number;
  /** Bound on the memory of all connections together. Local choice: 1 GiB. */
  readonly memoryBytes?: number;
  /** When there are as many connections as may be: `evict` (default) ends one that has no part in anything, `refuse` takes no more. */
  readonly onFull?: "evict" | "refuse";
  /** Router for destinations outside the prefixes (active opens only; answers go back the way they came). */
  readonly gateway?: Uint8Array;
  readonly tcp?: Partial<TcpConfig>;
  /** Time to live of what we send (MUST-49). Local choice: 64, RFC 1700's recommendation. */
  readonly ttl?: number;
  /** The VLAN that the host is in (IEEE 802.1Q), 1 to 4094: all that it sends is tagged so. Absent: in none, untagged. */
  readonly vlan?: number;
  /** Data events carry the bytes. */
  readonly showPayload?: boolean;
  /** Events tell of every deadline that is set and that comes. */
  readonly showTimers?: boolean;
  /** Events tell the figures of a connection whenever one of them changes. */
  readonly showSamples?: boolean;
  /**
   * Of drops, notices and segments without a connection, as many of a kind are told by themselves in a second; those that
   * follow are counted, and told as one (`count` of a DropEvent). Infinity by default: every one is told.
   */
  readonly foldAfter?: number;
  /** Off makes every segment go through all checks; nothing else may change by it. On by default. */
  readonly headerPrediction?: boolean;
  /**
   * Told of what an application's handler or the observer threw, with the name of its connection, or `observer`. By then
   * it is counted (`application-errors`, `observer-errors`), and the application's connection reset.
   */
  readonly onFault?: (error: unknown, where: string) => void;
  /** Told of every event `notice`, also where nobody observes. */
  readonly onNotice?: (kind: string, message: string) => void;
}

/** Local choice: what a person reads; the counter `neighbors-moved` has them all. */
const MOVE_NOTICE_INTERVAL_US = 10_000_000;
const MOVE_NOTICES_APART_US = 1_000_000;
/** RFC 6335 §6: dynamic ports. */
const FIRST_DYNAMIC_PORT = 0xc000;
const DYNAMIC_PORTS = 0x4000;

/** Of a TCP header with all its options. */
const MOST_TCP_HEADER_BYTES = 60;

/** What a version of IP can carry on a link. */
function followLink(internet: InternetLayer, { mtu, maxPacketBytes }: FrameLink): void {
  internet.followLink(mtu);
  internet.largeSendBytes = maxPacketBytes > mtu
    ? maxPacketBytes - internet.headerBytes - MOST_TCP_HEADER_BYTES
    : 0;
}

/** A virtual host. */
export class Host implements HostApi {
  readonly #link: FrameLink;
  readonly #addresses: OwnAddresses;
  readonly #ipv4 = new InternetLayer(IPV4_FIGURES);
  readonly #ipv6 = new InternetLayer(IPV6_FIGURES);
  readonly #ttl: number;
  readonly #lan: number;
  readonly #counters = new HostCounters();
  readonly #connections: Connections;
  readonly #neighbors: NeighborCache;
  readonly #claims: AddressClaims;
  readonly #arp: ArpOutput;
  readonly #writer: SegmentWriter;
  /** The link's MTU as connections know it. */
  #mtuBytes: number;
  readonly #input: EthernetInput;
  readonly #echoLimit: EchoLimit;

  constructor(options: HostOptions) {
    const { link } = options;
    this.#link = link;
    followLink(this.#ipv4, link);
    followLink(this.#ipv6, link);
    this.#addresses = new OwnAddresses(options.addresses, options.gateway ?? null);
    this.#ttl = options.ttl ?? 64;
    this.#lan = options.vlan ?? LAN.UNTAGGED;
    this.#writer = new SegmentWriter({ mac: link.mac, ttl: this.#ttl, lan: this.#lan });
    const nowUs = () => this.#connections.context.nowUs;
    const clock = {
      get nowUs(): number {
        return nowUs();
      },
    };
    const count = (name: string) => this.#counters.count(name);
    const transmit = (frame: Uint8Array, length: number) => this.#transmit(frame, length, 0, 0);
    const tellArp = (direction: "recv" | "send") => (packet: ArpPacket) => {
      const { teller } = this.#connections;
      if (teller.isObserved) teller.arp({ direction, kind: arpKind(packet) }, () => arpFields(packet));
    };
    const output = new ArpOutput({ mac: link.mac, lan: this.#lan, transmit, tell: tellArp("send") });
    const cache = new NeighborCache({
      clock,
      protocol: output,
      transmit: ({ bytes, cutBytes, label }) => this.#transmit(bytes, bytes.length, cutBytes, label),
      unreachable: (holder, hop) => this.#adviseUnreachable(holder, hop),
      moved: (neighbor, from) => this.#tellMoved(neighbor, from),
      count,
    });
    const claims = new AddressClaims({
      clock,
      output,
      conflict: (conflict) => this.#tellConflict(conflict),
      count,
    });
    this.#arp = output;
    this.#neighbors = cache;
    this.#claims = claims;
    this.#connections = new Connections({
      secret: options.secret,
      nowUs: options.nowUs ?? 0,
      epochUs: options.epochUs,
      config: { ...DEFAULT_TCP_CONFIG, ...options.tcp },
      internetOf: (addressBytes) => addressBytes === IPV4.ADDRESS_BYTES ? this.#ipv4 : this.#ipv6,
      maxConnections: options.maxConnections ?? 0x20000,
      maxTimeWait: options.maxTimeWait ?? 0x8000,
      maxClosing: options.maxClosing ?? 0x8000,
      memoryBytes: options.memoryBytes ?? 0x40000000,
      onFull: options.onFull ?? "evict",
      counters: this.#counters,
      onFault: options.onFault ?? null,
      foldAfter: options.foldAfter ?? Infinity,
      writer: this.#writer,
      transmit: (length, cutBytes, label) => this.#transmit(this.#writer.frame, length, cutBytes, label),
      nextHops: new NextHops({ addresses: this.#addresses, cache, gateway: options.gateway ?? null }),
      isValidSource: ({ bytes, peerOffset, addressBytes }) =>
        this.#addresses.isHostAddress(bytes.subarray(peerOffset, peerOffset + addressBytes)),
    });
    this.#connections.teller.showPayload = options.showPayload ?? false;
    this.#connections.teller.showTimers = options.showTimers ?? false;
    this.#connections.teller.showSamples = options.showSamples ?? false;
    this.#connections.teller.onNotice = options.onNotice ?? null;
    this.#connections.context.predicts = options.headerPrediction ?? true;
    this.#mtuBytes = link.mtu;
    const { secret } = options;
    this.#echoLimit = new EchoLimit((secret[1] << 24) | (secret[6] << 16) | (secret[11] << 8) | secret[12]);
    const drop = (reason: DropReason) => this.#drop(reason);
    const ip = new IpInput({
      addresses: this.#addresses,
      checksumPolicy: options.checksumPolicy ?? "partial",
      connections: this.#connections,
      counters: this.#counters,
      drop,
      echo: (request) => this.#answerEcho(request),
    });
    this.#input = new EthernetInput({
      mac: link.mac,
      lan: this.#lan,
      ip,
      arp: new ArpInput({
        mac: link.mac,
        addresses: this.#addresses,
        claims,
        cache,
        output,
        overload: this.#connections.overload,
        count,
        tell: tellArp("recv"),
      }),
      counters: this.#counters,
      drop,
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

  /** Who makes a bad link for this host gives it this, so that its faults are events. */
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
    if (!this.#neighbors.isAtRest) this.#neighbors.tick();
    if (!this.#claims.isAtRest) this.#claims.tick();
  }

  nextDeadlineUs(): number {
    // Mostly nobody is asked, and nothing claimed: then it is one number, which V8 need not put on the heap.
    if (this.#neighbors.isAtRest && this.#claims.isAtRest) return this.#connections.nextDeadlineUs();
    return Math.min(
      this.#connections.nextDeadlineUs(),
      this.#neighbors.nextDeadlineUs,
      this.#claims.nextDeadlineUs,
    );
  }

  emit(event: TcpEvent): void {
    this.#connections.teller.emit(event);
  }

  observerThrew(error: unknown): void {
    this.#connections.teller.observerThrew(error);
  }

  announce(): void {
    for (const { address } of this.#addresses.all) this.#arp.announce(address);
  }

  crowd(isCrowded: boolean): void {
    this.#connections.overload.isCrowded = isCrowded;
  }

  linkChanged(): void {
    const { name, mtu } = this.#link;
    const before = this.#mtuBytes;
    if (mtu === before) return;
    this.#mtuBytes = mtu;
    this.#counters.count("mtu-changes");
    const effect = mtu < before ? "segments become smaller" : "new connections use it";
    this.#connections.teller.notice(
      "mtu-changed",
      `The MTU of ${name} is ${mtu} bytes now, ${before} before: ${effect}`,
    );
    followLink(this.#ipv4, this.#link);
    followLink(this.#ipv6, this.#link);
    this.#connections.followLink();
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#claims.probe(address, found);
  }

  /**
   * Goes on probing for some of its addresses for four seconds, while it answers for them already, and announces them then
   * (RFC 5227 §2.1.1, §2.3). `lost` is called when somebody else shows itself with one of them by then: that one is not
   * answered for any more. `alsoOurs`: the hardware address of the probes before, where it was another.
   */
  claim(
    addresses: readonly Uint8Array[],
    about: { lost: (address: Uint8Array, mac: Uint8Array) => void; alsoOurs: Uint8Array | null },
  ): void {
    const { lost, alsoOurs } = about;
    for (const address of addresses) {
      this.#claims.claim(address, { lost: (mac) => lost(address, mac), alsoOurs });
    }
  }

  listen(options: ListenOptions): HostListener {
    if (options.address !== undefined) this.#addresses.demandOurs(options.address);
    const first = options.address ?? this.#addresses.all[0].address;
    const name = options.address === undefined && this.#addresses.all.length > 1
      ? "*"
      : formatIpAddress(first);
    return this.#connections.listen(options, name);
  }

  listeners(): HostListener[] {
    return this.#connections.listeners.all();
  }

  connections(): HostConnection[] {
    return this.#connections.all();
  }

  /** The same one at a time: connections may begin and end between two steps, and none is met twice. */
  connectionsInOrder(): Generator<HostConnection, void, void> {
    return this.#connections.inOrder();
  }

  /** The same from the newest on; to be walked without a break. */
  newestConnections(): Generator<HostConnection, void, void> {
    return this.#connections.newestFirst();
  }

  /** How many live connections there are. */
  get connectionCount(): number {
    return this.#connections.count;
  }

  /** How many of them are in ESTABLISHED or CLOSE_WAIT. */
  get establishedCount(): number {
    return this.#counters.establishedNow;
  }

  connect(options: ConnectOptions): HostConnection {
    const { address, port } = options;
    if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
      throw new RangeError(`Expected a port from 1 to 65535, got ${port}`);
    }
    if (address.length !== IPV4.ADDRESS_BYTES || !this.#addresses.isHostAddress(address)) {
      // MUST-46
      throw new Error(`Cannot connect to ${formatIpAddress(address)}: it is not the address of another host`);
    }
    const localAddress = options.localAddress ?? this.#addresses.sourceFor(this.#addresses.nextHop(address));
    this.#addresses.demandOurs(localAddress);
    const localPort = options.localPort ?? this.#freePort(localAddress, address, port);
    if (!Number.isInteger(localPort) || localPort < 1 || localPort > 0xffff) {
      throw new RangeError(`Expected a local port from 1 to 65535, got ${localPort}`);
    }
    const tuple = { localAddress, localPort, peerAddress: address, peerPort: port };
    if (this.#connections.isTaken(tuple)) {
      throw new Error(`Port ${localPort} already has a connection to ${formatIpAddress(address)}:${port}`);
    }
    return this.#connections.connect(options, tuple);
  }

  ingest(frame: Uint8Array, length: number, nowUs: number, arrivedUs = nowUs): void {
    const { context } = this.#connections;
    context.nowUs = nowUs;
    context.arrivedUs = arrivedUs;
    this.#counters.framesIn++;
    this.#input.arrives(frame, length);
    this.#connections.teller.frameDone();
  }

  #answerEcho(request: EchoRequest): void {
    const { teller } = this.#connections;
    if (teller.isObserved) {
      teller.icmp({ direction: "recv", kind: "echo-request" }, () => icmpFields(request.message, request));
    }
    if (echoReplyBytes(request) > this.#link.mtu) return;
    if (!this.#echoLimit.take(request.frame, request.ip.sourceOffset, this.nowUs)) {
      this.#counters.count("echo-limited");
      return;
    }
    this.#counters.echoReplies++;
    const out = this.#writer.frame;
    const length = writeEchoReply(out, request, { mac: this.#link.mac, ttl: this.#ttl });
    if (teller.isObserved) {
      teller.icmp({ direction: "send", kind: "echo-reply" }, () => {
        const { from, to } = icmpFields(request.message, request);
        return { type: ICMP_TYPE.ECHO_REPLY, code: 0, from: to, to: from };
      });
    }
    this.#transmit(out, length, 0, 0);
  }

  #transmit(frame: Uint8Array, length: number, cutBytes: number, label: number): void {
    this.#counters.framesOut++;
    this.#link.send(frame, length, cutBytes, label);
  }

  #drop(reason: DropReason): void {
    this.#counters.drop(reason);
    this.#connections.teller.drop(reason);
  }

  /** Nobody answers ARP for the next hop: whoever had something wait for it may want to know. */
  #adviseUnreachable(holder: FrameHolder, hop: Uint8Array): void {
    if (!(holder instanceof Connection)) return;
    this.#connections.advise(holder, `${UNREACHABLE}: nobody answers ARP for ${formatIpAddress(hop)}`);
  }

  #tellConflict({ address, mac, times }: AddressConflict): void {
    const ours = formatIpAddress(address);
    const often = times > 1 ? `, ${times} times since the last notice` : "";
    this.#connections.teller.notice(
      "address-conflict",
      `${
        formatMac(mac)
      } says that it has ${ours}, which is ours${often}: it is defended, and one of the two must give it up`,
    );
  }

  /** Somebody may move neighbors to and fro as often as it likes: a person is told once a second, of each once in ten. */
  #tellMoved(neighbor: Neighbor, from: Uint8Array): void {
    const { mac, address, users } = neighbor;
    const { nowUs } = this;
    if (mac === null || address === null || nowUs - neighbor.toldUs < MOVE_NOTICE_INTERVAL_US) return;
    if (nowUs - this.#moveToldUs < MOVE_NOTICES_APART_US) return;
    neighbor.toldUs = nowUs;
    this.#moveToldUs = nowUs;
    const name = formatIpAddress(address);
    const what = users === 1 ? "1 connection follows" : `${users} connections follow`;
    const message = `${name} has moved from ${formatMac(from)} to ${
      formatMac(mac)
    }, by its own word (ARP): ${what}`;
    this.#connections.teller.notice("neighbor-moved", message);
  }

  /** RFC 6056 §3.3.3: begin at a place that only the secret tells, then go on. */
  #freePort(localAddress: Uint8Array, peerAddress: Uint8Array, peerPort: number): number {
    const offset = this.#connections.portOffset({ localAddress, localPort: 0, peerAddress, peerPort });
    for (let i = 0; i < DYNAMIC_PORTS; i++) {
      this.#portStep = (this.#portStep + 1) % DYNAMIC_PORTS;
      const localPort = FIRST_DYNAMIC_PORT + (offset + this.#portStep) % DYNAMIC_PORTS;
      const isTaken = this.#connections.isTaken({ localAddress, localPort, peerAddress, peerPort }) ||
        this.#connections.listeners.find(localPort, localAddress) !== null;
      if (!isTaken) return localPort;
    }
    throw new Error(`No free port left towards ${formatIpAddress(peerAddress)}:${peerPort}`);
  }

  #portStep = 0;
  #moveToldUs = -Infinity;
}
