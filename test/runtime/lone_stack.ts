/**
 * One stack on a virtual clock, with one address of either version of IP, and the wire beside it: what the stack sends is
 * noted with its time, and the test answers by hand.
 *
 * Owns: the noting, and ARP or neighbor discovery, ICMP and TCP in answer. Must not know: what a test expects.
 */
import { formatIpAddress, formatMac, parseIpAddress } from "../../src/wire/address.ts";
import { ARP_OPERATION, ArpPacket, parseArp } from "../../src/wire/arp.ts";
import { ETHERNET, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIcmpMessage, ICMP } from "../../src/wire/icmp.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { FLAG, flagNames } from "../../src/wire/tcp.ts";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { createStack, type HostSettings } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { NEIGHBOR_FAMILIES } from "../host/neighbor_families.ts";
import { craftPacket, craftSegment, readPacket } from "../tcp/frame_craft.ts";
import { VirtualTime } from "./virtual_time.ts";

/** What the versions call the same things: our address, the protocol of neighbors, that of errors, and "unreachable". */
const VERSIONS = {
  IPv4: { address: "10.0.0.2", prefixLength: 24, neighbors: 0, protocol: IP_PROTOCOL.ICMP, unreachable: 3 },
  IPv6: { address: "fd00::2", prefixLength: 64, neighbors: 1, protocol: IP_PROTOCOL.ICMPV6, unreachable: 1 },
} as const;
/** Where reports of groups go: to ff02::16 (RFC 3810 §5.2.14). */
const REPORTS_MAC = [0x33, 0x33, 0, 0, 0, 0x16];
/** Messages of neighbor discovery (RFC 4861 §4.3, §4.4), and where their target stands. */
const NDP = { SOLICITATION: 135, ADVERTISEMENT: 136, TARGET: 8, TARGET_BYTES: 16 } as const;

export class LoneStack extends VirtualTime implements AsyncDisposable {
  readonly stack: Stack;
  readonly #near: MemoryLink;
  readonly #far: MemoryLink;
  readonly #beganUs: number;
  readonly #version: typeof VERSIONS[keyof typeof VERSIONS];
  #notes: string[] = [];
  #lastPacket: Uint8Array | null = null;

  /** `version`: IPv4 when absent. */
  constructor(
    options: HostSettings & MemoryPairOptions & {
      readonly version?: keyof typeof VERSIONS;
      readonly gateway?: string;
    } = {},
  ) {
    const [near, far] = memoryPair(options);
    const { tcp, gateway, version = "IPv4" } = options;
    super([near]);
    this.#version = VERSIONS[version];
    this.#near = near;
    this.#far = far;
    this.#beganUs = this.clock.nowUs();
    near.send = (frame, length, cutBytes = 0) => this.#note(frame.slice(0, length), cutBytes);
    this.stack = createStack({
      ...(tcp === undefined ? {} : { tcp }),
      ...(gateway === undefined ? {} : { gateway }),
      link: near,
      addresses: `${this.#version.address}/${this.#version.prefixLength}`,
      clock: this.clock,
      secret: new Uint8Array(16).fill(2),
      announce: false,
    });
  }

  /** What was sent since the last call: `SECONDS who-has ADDRESS`, `SECONDS is-at ADDRESS`, `SECONDS SYN to ADDRESS`. */
  sent(): string[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }

  /** Tells the stack, as it has asked, that `address` is at the far end's hardware address. */
  tellsWhere(address: string): void {
    const far = { address, mac: formatMac(this.#far.mac) };
    const near = { address: this.#version.address, mac: formatMac(this.#near.mac) };
    this.#deliver(NEIGHBOR_FAMILIES[this.#version.neighbors].answers(far, near));
  }

  /** A router says, by a code of "destination unreachable", that the packet sent last does not get there. */
  answersUnreachable(router: string, code: number): void {
    const quoted = this.#last().subarray(ETHERNET.HEADER_BYTES);
    const { protocol, unreachable: type } = this.#version;
    this.#deliver(craftPacket(this.#route(bytesOf(router)), {
      protocol,
      length: ICMP.HEADER_BYTES + quoted.length,
      fill: (frame, at, pseudo) => {
        frame.set(quoted, at + ICMP.HEADER_BYTES);
        const fields = { type, code, restOfHeader: 0, payloadLength: quoted.length };
        emitIcmpMessage(frame, at, fields, protocol === IP_PROTOCOL.ICMP ? 0 : pseudo);
      },
    }));
  }

  /** The peer answers the SYN sent last with SYN, ACK. */
  answersSyn(): void {
    this.#answerSegment(FLAG.SYN | FLAG.ACK, 1000);
  }

  /** The peer acknowledges the segment sent last. */
  acknowledges(): void {
    this.#answerSegment(FLAG.ACK, 1001);
  }

  #answerSegment(flags: number, seq: number): void {
    const packet = readPacket(this.#last());
    const segment = packet?.segment ?? null;
    if (packet === null || segment === null) throw new Error("The last packet was no segment");
    const syn = (segment.flags & FLAG.SYN) !== 0 ? 1 : 0;
    this.#deliver(craftSegment(this.#route(packet.target), {
      sourcePort: segment.destinationPort,
      targetPort: segment.sourcePort,
      flags,
      seq,
      ack: (segment.seq + segment.payloadLength + syn) >>> 0,
      window: 0xffff,
      data: new Uint8Array(0),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stack.close();
    await this.stack.done.catch(() => {});
  }

  #route(source: Uint8Array) {
    return {
      sourceMac: this.#far.mac,
      targetMac: this.#near.mac,
      source,
      target: bytesOf(this.#version.address),
    };
  }

  #deliver(frame: Uint8Array): void {
    this.#far.send(frame, frame.length);
  }

  #last(): Uint8Array {
    if (this.#lastPacket === null) throw new Error("No packet was sent");
    return this.#lastPacket;
  }

  #note(frame: Uint8Array, cutBytes: number): void {
    // IPv6 reports its groups besides: multicast_groups_test.ts has those.
    if (REPORTS_MAC.every((byte, at) => frame[at] === byte)) return;
    const seconds = (this.clock.nowUs() - this.#beganUs) / 1e6;
    this.#notes.push(`${seconds} ${this.#describe(frame, cutBytes)}`);
  }

  #describe(frame: Uint8Array, cutBytes: number): string {
    const neighborly = asksOrTells(frame);
    if (neighborly !== null) return neighborly;
    this.#lastPacket = frame;
    // A segment that is to be cut has no whole checksum yet.
    if (cutBytes > 0) return `large segment, to be cut at ${cutBytes}`;
    const packet = readPacket(frame);
    const segment = packet?.segment ?? null;
    if (packet === null || segment === null) return "something else";
    return `${flagNames(segment.flags).join(" ")} to ${formatIpAddress(packet.target)}`;
  }
}

function bytesOf(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address;
}

/** What a packet of ARP or a message of neighbor discovery asks or tells; null where the frame is neither. */
function asksOrTells(frame: Uint8Array): string | null {
  const at = ETHERNET.HEADER_BYTES;
  const arp = new ArpPacket();
  if (parseArp(frame, at, frame.length - at, arp) === null) {
    const verb = arp.operation === ARP_OPERATION.REQUEST ? "who-has" : "is-at";
    return `${verb} ${formatIpAddress(arp.targetIp)}`;
  }
  const packet = new IpPacket();
  if (parseIp(ETHERTYPE.IPV6, frame, at, frame.length - at, packet) !== null) return null;
  const { protocol, payloadOffset } = packet;
  const type = frame[payloadOffset];
  if (protocol !== IP_PROTOCOL.ICMPV6 || (type !== NDP.SOLICITATION && type !== NDP.ADVERTISEMENT)) {
    return null;
  }
  const target = frame.slice(payloadOffset + NDP.TARGET, payloadOffset + NDP.TARGET + NDP.TARGET_BYTES);
  return `${type === NDP.SOLICITATION ? "who-has" : "is-at"} ${formatIpAddress(target)}`;
}
