/**
 * A host on a wire on which the test is everybody else: frames in, exactly these frames out, then silence.
 *
 * Owns: the host, its time, its events, and the comparison of what it sends. Must not know: what a frame means; those
 * are written by hand (hand_frames.ts).
 */
import { assertEquals } from "@std/assert";
import { Host, type HostOptions } from "../../src/host/host.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { arpFrame, ethernet, type HandTcp, hex, ip, ipv4, ipv6, mac, tcp } from "./hand_frames.ts";

export const OUR_MAC = "02:00:00:00:00:01";
export const PEER_MAC = "02:00:00:00:00:09";
export const ROUTER_MAC = "02:00:00:00:00:fe";
export const EVERYBODY = "ff:ff:ff:ff:ff:ff";
export const NO_MAC = "00:00:00:00:00:00";
export const OUR_IP = "10.0.0.1";
export const PEER_IP = "10.0.0.9";
export const SECOND_US = 1_000_000;
/** Where frames for ff02::16 go (RFC 2464 §7). */
const MLD_ROUTERS_MAC = [0x33, 0x33, 0, 0, 0, 0x16];

/** Segments without options, so that whole frames can be foretold. */
export const PLAIN_TCP: Partial<TcpConfig> = { sack: false, timestamps: false, windowScaling: false };

/** Ports and options of {@link segmentFrame} that may be left out. */
export type SegmentFields =
  & Partial<HandTcp>
  & Pick<HandTcp, "seq" | "flags">
  & {
    readonly vlan?: number;
    readonly to?: string;
    readonly from?: string;
    readonly dscp?: number;
    readonly ecn?: number;
  };

/** A frame from the peer to port 80 of the host. */
export function segmentFrame(fields: SegmentFields, data = ""): Uint8Array {
  const addresses = { source: fields.source ?? PEER_IP, target: fields.target ?? OUR_IP };
  const segment = tcp(
    { sourcePort: 4000, targetPort: 80, window: 0xffff, ...fields, ...addresses },
    new TextEncoder().encode(data),
  );
  const { vlan, to = OUR_MAC, from = PEER_MAC, dscp = 0, ecn = 0 } = fields;
  const isIpv6 = addresses.target.includes(":");
  const packet = (isIpv6 ? ipv6 : ipv4)({ ...addresses, protocol: 6, id: 7, dscp, ecn }, segment);
  const type = isIpv6 ? 0x86dd : 0x0800;
  return ethernet({ to, from, type, ...(vlan === undefined ? {} : { vlan }) }, packet);
}

/** An ARP reply from a neighbor to the host. */
export function arpReply(senderIp: string, senderMac: string, targetIp = OUR_IP): Uint8Array {
  return arpFrame({ operation: 2, senderMac, senderIp, targetMac: OUR_MAC, targetIp }, { to: OUR_MAC });
}

/** The host's request for a neighbor's hardware address. */
export function arpRequest(targetIp: string, senderIp = OUR_IP): Uint8Array {
  return arpFrame(
    { operation: 1, senderMac: OUR_MAC, senderIp, targetMac: NO_MAC, targetIp },
    { to: EVERYBODY },
  );
}

/** Whether a frame is for the routers that hear of groups (RFC 3810 §5.2.14: ff02::16). */
function isGroupReport(frame: Uint8Array): boolean {
  return MLD_ROUTERS_MAC.every((byte, at) => frame[at] === byte);
}

export class WireHost {
  readonly host: Host;
  readonly events: TcpEvent[] = [];
  nowUs = SECOND_US;
  readonly #link: RecordingLink;
  #counted: Record<string, number> = {};

  constructor(
    options: Partial<Omit<HostOptions, "link" | "addresses" | "gateways">> & {
      /** `ADDRESS/LENGTH`. */
      readonly addresses?: readonly string[];
      readonly gateway?: string;
      readonly mtu?: number;
      /** Another link than the plain one. */
      readonly newLink?: (options: { mtu: number; mac: Uint8Array; nowUs: () => number }) => RecordingLink;
    } = {},
  ) {
    const { addresses = [`${OUR_IP}/24`], gateway, mtu = 1500, newLink, ...others } = options;
    const about = { mtu, mac: mac(OUR_MAC), nowUs: () => this.nowUs };
    this.#link = newLink === undefined ? new RecordingLink(about) : newLink(about);
    this.host = new Host({
      link: this.#link,
      addresses: addresses.map((text) => {
        const [address, length] = text.split("/");
        return { address: ip(address), prefixLength: Number(length) };
      }),
      secret: Uint8Array.from({ length: 16 }, (_, i) => i * 11 + 5),
      epochUs: 1_700_000_000 * SECOND_US,
      nowUs: this.nowUs,
      tcp: PLAIN_TCP,
      ...(gateway === undefined ? {} : { gateways: [ip(gateway)] }),
      ...others,
    });
    this.host.observer = (event) => this.events.push(event);
  }

  /** Gives the host a frame; it answers with exactly these. */
  answers(frame: Uint8Array, ...expected: readonly Uint8Array[]): void {
    this.host.ingest(frame, frame.length, this.nowUs);
    this.expects(...expected);
  }

  /** Gives the host a frame and hands over what it sends. */
  gives(frame: Uint8Array): Uint8Array[] {
    this.host.ingest(frame, frame.length, this.nowUs);
    return this.take();
  }

  /** The host has sent exactly these since the last look. */
  expects(...expected: readonly Uint8Array[]): void {
    assertEquals(this.take().map(hex), expected.map(hex));
  }

  /** What the host has sent since the last look, but for the reports of its groups: multicast_groups_test.ts has those. */
  take(): Uint8Array[] {
    return this.#link.take().map(({ bytes }) => bytes).filter((frame) => !isGroupReport(frame));
  }

  /** What a user does, now. */
  user<T>(act: (host: Host) => T): T {
    this.host.setNow(this.nowUs);
    return act(this.host);
  }

  /** The device carries another size from now on. */
  setMtu(mtu: number): void {
    this.#link.mtu = mtu;
    this.#link.maxPacketBytes = mtu;
    this.user((host) => host.linkChanged());
  }

  /** Lets time go by, from deadline to deadline. */
  pass(us: number): void {
    const untilUs = this.nowUs + us;
    for (let next = this.host.nextDeadlineUs(); next <= untilUs; next = this.host.nextDeadlineUs()) {
      this.nowUs = Math.max(this.nowUs, next);
      this.host.tick(this.nowUs);
    }
    this.nowUs = untilUs;
    this.host.tick(this.nowUs);
  }

  /** Reasons of the drops that were told since the last look, with the connection where it was named. */
  takeDrops(): string[] {
    return this.events.splice(0).flatMap((event) => {
      if (event.event !== "drop") return [];
      return event.connection === undefined ? [event.reason] : [`${event.reason} ${event.connection}`];
    });
  }

  /** The counters that have changed since the last look, without those of frames, and by how much. */
  takeCounts(): Record<string, number> {
    const now = this.host.counters();
    const changed: Record<string, number> = {};
    for (const [name, value] of Object.entries(now)) {
      const by = value - (this.#counted[name] ?? 0);
      if (by !== 0 && name !== "frames-in" && name !== "frames-out") changed[name] = by;
    }
    this.#counted = now;
    return changed;
  }
}
