/**
 * What a host has of neighbors, in both families, on a wire on which the test is everybody else: frames in, exactly these
 * frames out, then silence.
 *
 * Owns: the parts put together, their time, and the comparison of what they send. Must not know: what a frame means.
 */
import { assertEquals } from "@std/assert";
import { AddressClaims } from "../../src/host/address_claims.ts";
import { ArpInput } from "../../src/host/arp_input.ts";
import { ArpOutput } from "../../src/host/arp_output.ts";
import type { OutgoingPacket } from "../../src/host/ip_output.ts";
import { NdpInput } from "../../src/host/ndp_input.ts";
import { NdpOutput } from "../../src/host/ndp_output.ts";
import type { Neighbor } from "../../src/host/neighbor.ts";
import { NeighborCache } from "../../src/host/neighbor_cache.ts";
import { OwnAddresses } from "../../src/host/own_addresses.ts";
import { formatMac, isMulticastAddress, isMulticastMac } from "../../src/wire/address.ts";
import { ArpPacket, parseArp } from "../../src/wire/arp.ts";
import { emitEthernet, EthernetHeader, ETHERTYPE, LAN, parseEthernet } from "../../src/wire/ethernet.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { multicastMac } from "../../src/wire/derived_address.ts";
import { parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { addressSum, emitIp, IpPacket, parseIp, pseudoSum } from "../../src/wire/ip.ts";
import { hex, mac } from "./hand_frames.ts";
import type { NeighborFamily } from "./neighbor_families.ts";
import { OUR_MAC } from "./wire_host.ts";

/** The type of the frames of the bench's connections. */
const TEST_TYPE = 0x88b5;

/** What stands for a connection: where it sends, and what it was told. */
export interface BenchConnection {
  readonly hop: Neighbor;
  readonly told: string[];
}

export class NeighborBench {
  readonly family: NeighborFamily;
  readonly clock = { nowUs: 1_000_000 };
  readonly counts: Record<string, number> = {};
  readonly drops: string[] = [];
  readonly conflicts: string[] = [];
  readonly moves: string[] = [];
  readonly routersGone: string[] = [];
  readonly heard: string[] = [];
  readonly addresses: OwnAddresses;
  readonly cache: NeighborCache;
  readonly claims: AddressClaims;
  readonly arp: ArpOutput;
  readonly ndp: NdpOutput;
  readonly overload = { isCrowded: false, ignoresArp: () => this.overload.isCrowded };
  readonly #arpInput: ArpInput;
  readonly #ndpInput: NdpInput;
  readonly #sent: Uint8Array[] = [];

  constructor(family: NeighborFamily, ours: readonly string[] = [family.us.address]) {
    this.family = family;
    this.addresses = new OwnAddresses(
      ours.map((text) => ({ address: family.bytes(text), prefixLength: text.includes(":") ? 64 : 24 })),
    );
    const count = (name: string) => this.counts[name] = (this.counts[name] ?? 0) + 1;
    const { clock, overload } = this;
    const about = { mac: mac(OUR_MAC), clock, count };
    this.arp = new ArpOutput({
      mac: about.mac,
      lan: LAN.UNTAGGED,
      transmit: (frame, length) => this.#sent.push(frame.slice(0, length)),
      tell: () => {},
    });
    this.ndp = new NdpOutput({
      mac: about.mac,
      sender: { send: (packet) => this.#send(packet) },
      tell: () => {},
    });
    const protocolOf = (addressBytes: number) => addressBytes === 4 ? this.arp : this.ndp;
    const cache = new NeighborCache({
      clock,
      count,
      protocolOf,
      transmit: ({ bytes }) => this.#sent.push(bytes),
      unreachable: (holder) => {
        if ("told" in holder && Array.isArray(holder.told)) holder.told.push("unreachable");
      },
      moved: (neighbor, from) => this.moves.push(`${formatMac(from)} ${formatMac(neighbor.mac ?? from)}`),
      routerGone: (neighbor) => this.routersGone.push(neighbor.address?.join() ?? ""),
    });
    const claims = new AddressClaims({
      clock,
      count,
      protocolOf,
      conflict: (conflict) => this.conflicts.push(`${formatMac(conflict.mac)} ${conflict.times}`),
    });
    this.cache = cache;
    this.claims = claims;
    const input = { ...about, addresses: this.addresses, claims, cache, overload };
    const tell = () => this.heard.push("heard");
    this.#arpInput = new ArpInput({ ...input, output: this.arp, tell });
    this.#ndpInput = new NdpInput({ ...input, output: this.ndp, tell, seed: 77 });
  }

  /** Gives a frame. */
  gives(frame: Uint8Array): Uint8Array[] {
    const ethernet = new EthernetHeader();
    assertEquals(parseEthernet(frame, frame.length, ethernet), null);
    const { payloadOffset, type } = ethernet;
    // A buffer that is used again, as a device's is.
    const buffer = frame.slice();
    if (type === ETHERTYPE.ARP) {
      const packet = new ArpPacket();
      assertEquals(parseArp(buffer, payloadOffset, frame.length - payloadOffset, packet), null);
      this.#arpInput.arrives(packet, { isBroadcast: isMulticastMac(frame) });
    } else {
      const packet = new IpPacket();
      const message = new IcmpMessage();
      assertEquals(parseIp(type, buffer, payloadOffset, frame.length - payloadOffset, packet), null);
      const pseudo = pseudoSum(packet.addressSum, packet.protocol, packet.payloadLength);
      assertEquals(parseIcmpv6(buffer, packet.payloadOffset, packet.payloadLength, pseudo, message), null);
      const reason = this.#ndpInput.arrives(buffer, packet, message);
      if (reason !== null) this.drops.push(reason);
    }
    buffer.fill(0xee);
    return this.take();
  }

  /** Gives a frame, which is answered with exactly these. */
  answers(frame: Uint8Array, ...expected: readonly Uint8Array[]): void {
    assertEquals(this.gives(frame).map(hex), expected.map(hex));
  }

  /** Has sent exactly these since the last look. */
  expects(...expected: readonly Uint8Array[]): void {
    assertEquals(this.take().map(hex), expected.map(hex));
  }

  take(): Uint8Array[] {
    return this.#sent.splice(0);
  }

  takeCounts(): Record<string, number> {
    const counts = { ...this.counts };
    for (const name of Object.keys(counts)) delete this.counts[name];
    return counts;
  }

  /** Lets time go by, from deadline to deadline. */
  pass(us: number): void {
    const untilUs = this.clock.nowUs + us;
    const next = () => Math.min(this.cache.nextDeadlineUs, this.claims.nextDeadlineUs);
    while (next() <= untilUs) {
      this.clock.nowUs = Math.max(this.clock.nowUs, next());
      this.cache.tick();
      this.claims.tick();
    }
    this.clock.nowUs = untilUs;
  }

  /** A connection to a neighbor. */
  opens(address: string): BenchConnection {
    const hop = this.cache.entry(this.family.bytes(address), this.family.bytes(this.family.us.address));
    this.cache.use(hop);
    return { hop, told: [] };
  }

  closes(connection: BenchConnection): void {
    this.cache.release(connection.hop, connection);
  }

  /** Sends something; gives where it went, null where it waits. */
  says(connection: BenchConnection): string | null {
    const frame = new Uint8Array(60);
    const { hop } = connection;
    emitEthernet(frame, {
      destination: hop.mac ?? new Uint8Array(6),
      source: mac(OUR_MAC),
      type: TEST_TYPE,
    });
    if (hop.mac !== null) return formatMac(hop.mac);
    this.cache.hold(hop, { holder: connection, frame, length: 60 });
    return null;
  }

  #send(packet: OutgoingPacket): void {
    const { source, destination, protocol, payloadLength, hopLimit = 64 } = packet;
    const frame = new Uint8Array(1514).fill(0xdd);
    const to = packet.mac ?? (isMulticastAddress(destination) ? multicastMac(destination) : null);
    if (to === null) throw new Error("a packet to one host, and nobody knows where it is");
    const at = emitEthernet(frame, { destination: to, source: mac(OUR_MAC), type: ETHERTYPE.IPV6 });
    const header = { source, destination, protocol, payloadLength, hopLimit, id: 0 };
    const payload = at + emitIp(frame, at, header);
    packet.write(frame, payload, pseudoSum(addressSum(source, destination), protocol, payloadLength));
    this.#sent.push(frame.slice(0, payload + payloadLength));
  }
}

/** Where frames of the bench's connections go, others left out. */
export function destinationsOf(frames: readonly Uint8Array[]): string[] {
  return frames.filter((frame) => (frame[12] << 8 | frame[13]) === TEST_TYPE)
    .map((frame) => formatMac(frame.subarray(0, 6)));
}
