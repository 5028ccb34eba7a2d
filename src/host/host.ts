/**
 * Host: a virtual host on a link, sans-I/O: frames and times go in, frames come out.
 *
 * Deviation: applications cannot give source routes, and those received are not used (MUST-51, MUST-52, MUST-53, SHLD-24):
 * networks drop such packets (RFC 7126 §4.3, §4.4).
 *
 * Owns: its addresses, and the way from a frame to whoever it is for (ARP, ICMP, TCP). Must not know: clocks,
 * devices, promises; what TCP does with a segment (connections.ts).
 */
import type { FrameLink } from "../link/link.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../tcp/config.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import {
  bytesEqual,
  formatIpAddress,
  inPrefix,
  isDirectedBroadcast,
  isLimitedBroadcast,
  isLoopback,
  isMulticastAddress,
  isMulticastMac,
  isUnspecified,
  sameAddress,
} from "../wire/address.ts";
import { ArpPacket, parseArp } from "../wire/arp.ts";
import { readU16 } from "../wire/bytes.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, LAN, parseEthernet } from "../wire/ethernet.ts";
import { ICMP_TYPE, IcmpMessage, parseIcmp, parseQuotedPacket, QuotedPacket } from "../wire/icmp.ts";
import { IP_PROTOCOL, IPV4, Ipv4Header, parseIpv4 } from "../wire/ipv4.ts";
import { CHECKSUM_VERDICT, checksumVerdict, parseTcp, TcpSegment } from "../wire/tcp.ts";
import {
  type ConnectOptions,
  type HostApi,
  type HostConnection,
  type HostListener,
  type ListenOptions,
  type MemoryFigures,
  UNREACHABLE,
} from "./api.ts";
import type { Arrival } from "./arrival.ts";
import { Connections } from "./connections.ts";
import { echoReplyBytes, writeEchoReply } from "./echo.ts";
import { HostCounters } from "./host_counters.ts";
import { icmpNews } from "./icmp_input.ts";
import { Neighbors } from "./neighbors.ts";
import { SegmentWriter } from "./segment_writer.ts";

/** An address of a host with the length of its network's prefix. */
export interface HostAddress {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

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
}

const IPV4_MSS_OVERHEAD_BYTES = 40;
/** RFC 6335 §6: dynamic ports. */
const FIRST_DYNAMIC_PORT = 0xc000;
const DYNAMIC_PORTS = 0x4000;

/** Largest payload of one SEND, where the link cuts large segments; 0 where it does not. */
function largeSendBytes(link: FrameLink): number {
  return link.maxPacketBytes > link.mtu ? link.maxPacketBytes - IPV4.HEADER_BYTES - 60 : 0;
}

/** A virtual host. */
export class Host implements HostApi {
  readonly #link: FrameLink;
  readonly #addresses: readonly HostAddress[];
  readonly #gateway: Uint8Array | null;
  readonly #checksumPolicy: "partial" | "strict" | "ignore";
  readonly #ttl: number;
  readonly #lan: number;
  readonly #counters = new HostCounters();
  readonly #connections: Connections;
  readonly #neighbors: Neighbors;
  readonly #writer: SegmentWriter;
  /** The link's MTU as connections know it. */
  #mtuBytes: number;
  // Records reused for every frame.
  readonly #ethernet = new EthernetHeader();
  readonly #ip = new Ipv4Header();
  readonly #segment = new TcpSegment();
  readonly #arp = new ArpPacket();
  readonly #icmp = new IcmpMessage();
  readonly #quoted = new QuotedPacket();
  readonly #arrival: Arrival = {
    bytes: new Uint8Array(0),
    peerOffset: 0,
    localOffset: 0,
    addressBytes: IPV4.ADDRESS_BYTES,
    macOffset: ETHERNET.SOURCE,
    vlan: -1,
    ecn: 0,
    dscp: 0,
  };

  constructor(options: HostOptions) {
    const { link } = options;
    this.#link = link;
    this.#addresses = options.addresses;
    for (const { address } of options.addresses) {
      if (address.length !== IPV4.ADDRESS_BYTES) {
        throw new Error(
          `IPv6 addresses are not supported yet: ${formatIpAddress(address)}. Give an IPv4 address.`,
        );
      }
    }
    this.#gateway = options.gateway ?? null;
    this.#checksumPolicy = options.checksumPolicy ?? "partial";
    this.#ttl = options.ttl ?? 64;
    this.#lan = options.vlan ?? LAN.UNTAGGED;
    this.#writer = new SegmentWriter(link.mac, this.#ttl);
    this.#connections = new Connections({
      secret: options.secret,
      nowUs: options.nowUs ?? 0,
      epochUs: options.epochUs,
      config: { ...DEFAULT_TCP_CONFIG, ...options.tcp },
      linkMss: link.mtu - IPV4_MSS_OVERHEAD_BYTES,
      maxConnections: options.maxConnections ?? 0x20000,
      maxTimeWait: options.maxTimeWait ?? 0x8000,
      maxClosing: options.maxClosing ?? 0x8000,
      memoryBytes: options.memoryBytes ?? 0x40000000,
      onFull: options.onFull ?? "evict",
      counters: this.#counters,
      onFault: options.onFault ?? null,
      foldAfter: options.foldAfter ?? Infinity,
      writer: this.#writer,
      transmit: (length, cutBytes) => this.#transmit(this.#writer.frame, length, cutBytes),
      hold: (connection, length) => {
        const hop = this.#nextHop(connection.peerAddress);
        const { frame } = this.#writer;
        this.#neighbors.hold(hop, connection.localAddress, { holder: connection, frame, length });
      },
      isValidSource: (arrival) => this.#isValidSource(arrival),
    });
    this.#connections.teller.showPayload = options.showPayload ?? false;
    this.#connections.context.predicts = options.headerPrediction ?? true;
    this.#mtuBytes = link.mtu;
    this.#connections.context.largeSendBytes = largeSendBytes(link);
    const addresses = options.addresses.map(({ address }) => address);
    const context = this.#connections.context;
    this.#neighbors = new Neighbors({
      mac: link.mac,
      vlan: this.#lan,
      addresses,
      get nowUs(): number {
        return context.nowUs;
      },
      transmit: (frame, length) => this.#transmit(frame, length, 0),
      unreachable: (hop) => this.#adviseUnreachable(hop),
      count: (name) => this.#counters.count(name),
    });
  }

  get observer(): Observer | null {
    return this.#connections.teller.observer;
  }

  set observer(observer: Observer | null) {
    this.#connections.teller.changeObserver(observer);
  }

  get nowUs(): number {
    return this.#connections.context.nowUs;
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
    this.#connections.context.nowUs = nowUs;
  }

  tick(nowUs: number): void {
    this.#connections.tick(nowUs);
    this.#neighbors.tick();
  }

  nextDeadlineUs(): number {
    const connectionsUs = this.#connections.nextDeadlineUs();
    const neighborsUs = this.#neighbors.nextDeadlineUs;
    return neighborsUs < connectionsUs ? neighborsUs : connectionsUs;
  }

  emit(event: TcpEvent): void {
    this.#connections.teller.emit(event);
  }

  announce(): void {
    for (const { address } of this.#addresses) this.#neighbors.announce(address);
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
    this.#connections.context.largeSendBytes = largeSendBytes(this.#link);
    this.#connections.followLink(mtu - IPV4_MSS_OVERHEAD_BYTES);
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#neighbors.probe(address, found);
  }

  listen(options: ListenOptions): HostListener {
    if (options.address !== undefined) this.#demandOurs(options.address);
    const first = options.address ?? this.#addresses[0].address;
    const name = options.address === undefined && this.#addresses.length > 1 ? "*" : formatIpAddress(first);
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

  /** How many live connections there are. */
  get connectionCount(): number {
    return this.#connections.count;
  }

  connect(options: ConnectOptions): HostConnection {
    const { address, port } = options;
    if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
      throw new RangeError(`Expected a port from 1 to 65535, got ${port}`);
    }
    if (address.length !== IPV4.ADDRESS_BYTES || !this.#isHostAddress(address)) {
      // MUST-46
      throw new Error(`Cannot connect to ${formatIpAddress(address)}: it is not the address of another host`);
    }
    const hop = this.#nextHop(address);
    const localAddress = options.localAddress ?? this.#sourceFor(hop);
    this.#demandOurs(localAddress);
    const localPort = options.localPort ?? this.#freePort(localAddress, address, port);
    if (!Number.isInteger(localPort) || localPort < 1 || localPort > 0xffff) {
      throw new RangeError(`Expected a local port from 1 to 65535, got ${localPort}`);
    }
    const tuple = { localAddress, localPort, peerAddress: address, peerPort: port };
    if (this.#connections.isTaken(tuple)) {
      throw new Error(`Port ${localPort} already has a connection to ${formatIpAddress(address)}:${port}`);
    }
    return this.#connections.connect(options, {
      ...tuple,
      peerMac: this.#neighbors.resolve(hop),
      vlan: this.#lan,
    });
  }

  ingest(frame: Uint8Array, length: number, nowUs: number): void {
    this.#connections.context.nowUs = nowUs;
    this.#counters.framesIn++;
    const ethernet = this.#ethernet;
    const malformed = parseEthernet(frame, length, ethernet);
    if (malformed !== null) {
      this.#drop(malformed);
      return;
    }
    if (ethernet.lan !== this.#lan) {
      // Another network that shares the wire: nothing to tell.
      this.#counters.drop("other-vlan");
      return;
    }
    const isUnicast = bytesEqual(frame, ETHERNET.DESTINATION, this.#link.mac);
    if (!isUnicast && !isMulticastMac(frame, ETHERNET.DESTINATION)) {
      // Promiscuous mode shows what is for others: nothing to tell.
      this.#counters.drop("not-for-us");
      return;
    }
    if (isMulticastMac(frame, ETHERNET.SOURCE)) {
      // Whatever answered it would go to everybody.
      this.#drop("bad-source");
      return;
    }
    const { payloadOffset } = ethernet;
    switch (ethernet.type) {
      case ETHERTYPE.IPV4:
        this.#ipv4Arrives(frame, length - payloadOffset, isUnicast);
        return;
      case ETHERTYPE.ARP: {
        const reason = parseArp(frame, payloadOffset, length - payloadOffset, this.#arp);
        if (reason !== null) this.#drop(reason);
        else this.#neighbors.arrives(this.#arp);
        return;
      }
      default:
        this.#counters.drop("unknown-ethertype");
    }
  }

  #ipv4Arrives(frame: Uint8Array, length: number, isUnicast: boolean): void {
    const ip = this.#ip;
    const reason = parseIpv4(frame, this.#ethernet.payloadOffset, length, ip);
    if (reason !== null) {
      this.#drop(reason);
      return;
    }
    // MUST-57: a broadcast never opens a connection; nothing else of ours listens to one.
    if (!isUnicast || !this.#isOurs(frame, ip.destinationOffset)) {
      this.#counters.drop("not-for-us");
      return;
    }
    if (ip.moreFragments || ip.fragmentOffset > 0) {
      this.#drop("fragment");
      return;
    }
    if (ip.protocol === IP_PROTOCOL.TCP) this.#tcpArrives(frame);
    else if (ip.protocol === IP_PROTOCOL.ICMP) this.#icmpArrives(frame);
    else this.#counters.drop("unknown-protocol");
  }

  #tcpArrives(frame: Uint8Array): void {
    const ip = this.#ip;
    const { payloadOffset, payloadLength } = ip;
    const segment = this.#segment;
    const malformed = parseTcp(frame, payloadOffset, payloadLength, segment);
    if (malformed !== null) {
      this.#drop(malformed);
      return;
    }
    if (this.#checksumPolicy !== "ignore") {
      const pseudo = ip.addressSum + IP_PROTOCOL.TCP + (payloadLength & 0xffff) + (payloadLength >>> 16);
      const isStrict = this.#checksumPolicy === "strict";
      const verdict = checksumVerdict(frame, payloadOffset, payloadLength, pseudo, isStrict);
      if (verdict === CHECKSUM_VERDICT.PARTIAL) this.#counters.checksumPartial++;
      if (verdict === CHECKSUM_VERDICT.WRONG || (isStrict && verdict === CHECKSUM_VERDICT.PARTIAL)) {
        this.#drop("checksum");
        return;
      }
    }
    this.#counters.segmentsIn++;
    const arrival = this.#arrival;
    arrival.bytes = frame;
    arrival.peerOffset = ip.sourceOffset;
    arrival.localOffset = ip.destinationOffset;
    arrival.vlan = this.#ethernet.lan;
    arrival.ecn = ip.ecn;
    arrival.dscp = ip.dscp;
    this.#connections.segmentArrives(segment, arrival);
  }

  #icmpArrives(frame: Uint8Array): void {
    const ip = this.#ip;
    const arrival = this.#arrival;
    arrival.bytes = frame;
    arrival.peerOffset = ip.sourceOffset;
    if (!this.#isValidSource(arrival)) {
      // RFC 1122 §3.2.1.3
      this.#drop("bad-source");
      return;
    }
    const message = this.#icmp;
    const reason = parseIcmp(frame, ip.payloadOffset, ip.payloadLength, message);
    if (reason !== null) {
      this.#drop(reason);
      return;
    }
    if (message.type === ICMP_TYPE.ECHO_REQUEST) {
      this.#answerEcho(frame);
      return;
    }
    const quoted = this.#quoted;
    switch (message.type) {
      case ICMP_TYPE.UNREACHABLE:
      case ICMP_TYPE.TIME_EXCEEDED:
      case ICMP_TYPE.PARAMETER_PROBLEM:
        break;
      default:
        // MUST-55: Source Quench, and whatever is no error about a packet of ours.
        return;
    }
    if (parseQuotedPacket(frame, message.payloadOffset, message.payloadLength, quoted) !== null) {
      this.#drop("malformed-icmp");
      return;
    }
    if (quoted.protocol !== IP_PROTOCOL.TCP || quoted.addressBytes !== IPV4.ADDRESS_BYTES) return;
    arrival.peerOffset = quoted.peerAddressOffset;
    arrival.localOffset = quoted.localAddressOffset;
    const { seq } = quoted;
    const packetBytes = readU16(frame, message.payloadOffset + IPV4.TOTAL_LENGTH);
    this.#connections.icmpArrives(
      arrival,
      { localPort: quoted.localPort, peerPort: quoted.peerPort },
      () => icmpNews(message, { seq, packetBytes }),
    );
  }

  #answerEcho(frame: Uint8Array): void {
    const request = { frame, ethernet: this.#ethernet, ip: this.#ip, message: this.#icmp };
    if (echoReplyBytes(request) > this.#link.mtu) return;
    this.#counters.echoReplies++;
    const out = this.#writer.frame;
    const length = writeEchoReply(out, request, { mac: this.#link.mac, ttl: this.#ttl });
    this.#transmit(out, length, 0);
  }

  #transmit(frame: Uint8Array, length: number, cutBytes: number): void {
    this.#counters.framesOut++;
    this.#link.send(frame, length, cutBytes);
  }

  #drop(reason: DropReason): void {
    this.#counters.drop(reason);
    this.#connections.teller.drop(reason);
  }

  #isOurs(bytes: Uint8Array, offset: number): boolean {
    for (const { address } of this.#addresses) if (bytesEqual(bytes, offset, address)) return true;
    return false;
  }

  /** MUST-63: no answer to sources that cannot be one host's address; nor to ourselves (a LAND attack). */
  #isValidSource(arrival: Arrival): boolean {
    const { bytes, peerOffset, addressBytes } = arrival;
    return this.#isHostAddress(bytes.subarray(peerOffset, peerOffset + addressBytes));
  }

  /** Whether it can be the address of one host that is not we. */
  #isHostAddress(address: Uint8Array): boolean {
    if (isMulticastAddress(address) || isUnspecified(address) || isLoopback(address)) return false;
    return !isLimitedBroadcast(address) && !this.#isBroadcast(address) && !this.#isOurs(address, 0);
  }

  #demandOurs(address: Uint8Array): void {
    if (this.#addresses.some((ours) => sameAddress(ours.address, address))) return;
    throw new Error(
      `${formatIpAddress(address)} is not an address of this host. Give one of its own, or none.`,
    );
  }

  #isBroadcast(address: Uint8Array): boolean {
    return this.#addresses.some((ours) => isDirectedBroadcast(address, ours.address, ours.prefixLength));
  }

  /** MUST-44: the address of ours on the network of the next hop; of several, the one that names it most closely. */
  #sourceFor(hop: Uint8Array): Uint8Array {
    let best = { address: this.#addresses[0].address, prefixLength: -1 };
    for (const ours of this.#addresses) {
      if (ours.prefixLength > best.prefixLength && inPrefix(hop, ours.address, ours.prefixLength)) {
        best = ours;
      }
    }
    return best.address;
  }

  #nextHop(peer: Uint8Array): Uint8Array {
    for (const { address, prefixLength } of this.#addresses) {
      if (inPrefix(peer, address, prefixLength)) return peer;
    }
    return this.#gateway ?? peer;
  }

  /** Nobody answers ARP for the next hop: whoever has a connection by way of it may want to know. */
  #adviseUnreachable(hop: Uint8Array): void {
    for (const connection of this.#connections.all()) {
      if (!sameAddress(this.#nextHop(connection.peerAddress), hop)) continue;
      this.#connections.advise(connection, `${UNREACHABLE}: nobody answers ARP for ${formatIpAddress(hop)}`);
    }
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
}
