/**
 * One stack at 10.0.0.2/24 on a virtual clock, and the wire beside it: what the stack sends is noted with its time, and the
 * test answers by hand.
 *
 * Owns: the noting, and ARP, ICMP and TCP in answer. Must not know: what a test expects.
 */
import { ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../../src/wire/arp.ts";
import { emitEthernet, ETHERNET, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIcmp, ICMP, ICMP_TYPE } from "../../src/wire/icmp.ts";
import { IP_PROTOCOL } from "../../src/wire/ipv4.ts";
import { FLAG, flagNames } from "../../src/wire/tcp.ts";
import { formatIpAddress, parseIpAddress } from "../../src/wire/address.ts";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { createStack, type HostSettings } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { craftPacket, craftSegment, readPacket } from "../tcp/frame_craft.ts";
import { VirtualTime } from "./virtual_time.ts";

const ADDRESS = Uint8Array.of(10, 0, 0, 2);

export class LoneStack extends VirtualTime implements AsyncDisposable {
  readonly stack: Stack;
  readonly #near: MemoryLink;
  readonly #far: MemoryLink;
  readonly #beganUs: number;
  #notes: string[] = [];
  #lastPacket: Uint8Array | null = null;

  constructor(options: HostSettings & MemoryPairOptions & { readonly gateway?: string } = {}) {
    const [near, far] = memoryPair(options);
    const { tcp, gateway } = options;
    super([near]);
    this.#near = near;
    this.#far = far;
    this.#beganUs = this.clock.nowUs();
    near.send = (frame, length, cutBytes = 0) => this.#note(frame.slice(0, length), cutBytes);
    this.stack = createStack({
      ...(tcp === undefined ? {} : { tcp }),
      ...(gateway === undefined ? {} : { gateway }),
      link: near,
      addresses: "10.0.0.2/24",
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

  /** Tells the stack that `address` is at the far end's hardware address. */
  answersArp(address: string): void {
    const packet = new ArpPacket();
    packet.operation = ARP_OPERATION.REPLY;
    packet.senderMac.set(this.#far.mac);
    packet.senderIp.set(bytesOf(address));
    packet.targetMac.set(this.#near.mac);
    packet.targetIp.set(ADDRESS);
    const frame = new Uint8Array(60);
    const at = emitEthernet(frame, {
      destination: this.#near.mac,
      source: this.#far.mac,
      type: ETHERTYPE.ARP,
    });
    emitArp(frame, at, packet);
    this.#far.send(frame, frame.length);
  }

  /** A router says that the packet sent last does not get there. */
  answersUnreachable(router: string, code: number): void {
    const quoted = this.#last().subarray(ETHERNET.HEADER_BYTES);
    this.#answer(router, IP_PROTOCOL.ICMP, quoted, code);
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

  #answer(router: string, protocol: number, quoted: Uint8Array, code: number): void {
    this.#deliver(craftPacket(this.#route(bytesOf(router)), {
      protocol,
      length: ICMP.HEADER_BYTES + quoted.length,
      fill: (frame, at) => {
        frame.set(quoted, at + ICMP.HEADER_BYTES);
        emitIcmp(frame, at, {
          type: ICMP_TYPE.UNREACHABLE,
          code,
          restOfHeader: 0,
          payloadLength: quoted.length,
        });
      },
    }));
  }

  #route(source: Uint8Array) {
    return { sourceMac: this.#far.mac, targetMac: this.#near.mac, source, target: ADDRESS };
  }

  #deliver(frame: Uint8Array): void {
    this.#far.send(frame, frame.length);
  }

  #last(): Uint8Array {
    if (this.#lastPacket === null) throw new Error("No packet was sent");
    return this.#lastPacket;
  }

  #note(frame: Uint8Array, cutBytes: number): void {
    const seconds = (this.clock.nowUs() - this.#beganUs) / 1e6;
    this.#notes.push(`${seconds} ${this.#describe(frame, cutBytes)}`);
  }

  #describe(frame: Uint8Array, cutBytes: number): string {
    const arp = new ArpPacket();
    const at = ETHERNET.HEADER_BYTES;
    if (parseArp(frame, at, frame.length - at, arp) === null) {
      const verb = arp.operation === ARP_OPERATION.REQUEST ? "who-has" : "is-at";
      return `${verb} ${formatIpAddress(arp.targetIp)}`;
    }
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
