/**
 * Router discovery on a clock that is moved by hand: advertisements in, what is heard of them out, then silence.
 *
 * Owns: the part under test, its time, what it draws, and what its host hears as text. Must not know: what should be heard.
 */
import { assert, assertEquals } from "@std/assert";
import type { Reachability } from "../../src/host/default_routers.ts";
import { RouterDiscovery } from "../../src/host/router_discovery.ts";
import { formatIpAddress, formatMac } from "../../src/wire/address.ts";
import {
  advertisement,
  Counts,
  give,
  type HandAdvertisement,
  ip6,
  OUR_LINK_LOCAL,
  OUR_MAC,
  SECOND_US,
  SentPackets,
} from "./discovery_frames.ts";

export const ROUTER = "fe80::1";

/** A host of which only router discovery is there. */
export class DiscoveryLab {
  readonly clock = { nowUs: 5 * SECOND_US };
  readonly sent = new SentPackets();
  readonly counts = new Counts();
  readonly reachability = new Map<string, Reachability>();
  readonly ours = new Set<string>();
  linkLocal: string | null = OUR_LINK_LOCAL;
  linkMtu = 1500;
  /** What is drawn, as a part of what it is drawn from. */
  chance = 0.5;
  readonly #heard: string[] = [];
  readonly #macs: (Uint8Array | null)[] = [];
  readonly discovery: RouterDiscovery;

  constructor(options: { acceptRa?: boolean; autoconfigure?: boolean; takesHopLimit?: boolean } = {}) {
    const { acceptRa = true, autoconfigure = false, takesHopLimit = true } = options;
    const at = (us: number) => us === Infinity ? "for ever" : `${(us - this.clock.nowUs) / SECOND_US} s`;
    const hear = (text: string) => this.#heard.push(text);
    this.discovery = new RouterDiscovery({
      clock: this.clock,
      sender: this.sent,
      mac: OUR_MAC,
      acceptRa,
      autoconfigure,
      takesHopLimit,
      linkLocal: () => this.linkLocal === null ? null : ip6(this.linkLocal),
      linkMtu: () => this.linkMtu,
      reachability: (address) => this.reachability.get(formatIpAddress(address)) ?? "unknown",
      isOurs: (address) => this.ours.has(formatIpAddress(address)),
      random: (bound) => Math.floor(bound * this.chance),
      count: this.counts.count,
      news: {
        router: (address, { untilUs, preference, mac }) => {
          hear(`router ${formatIpAddress(address)} ${at(untilUs)} ${preference} ${mac && formatMac(mac)}`);
          this.#macs.push(mac);
        },
        routerGone: (address) => hear(`router ${formatIpAddress(address)} gone`),
        prefix: (prefix, { length, untilUs }) =>
          hear(`prefix ${formatIpAddress(prefix)}/${length} ${at(untilUs)}`),
        prefixGone: (prefix, length) => hear(`prefix ${formatIpAddress(prefix)}/${length} gone`),
        address: (address, { prefixLength, preferredUntilUs, validUntilUs, isNew }) =>
          hear(
            `${isNew ? "new " : ""}address ${formatIpAddress(address)}/${prefixLength} ` +
              `preferred ${at(preferredUntilUs)} valid ${at(validUntilUs)}`,
          ),
        mtu: (bytes) => hear(`mtu ${bytes}`),
        hopLimit: (hops) => hear(`hops ${hops}`),
        reachableTime: (us) => hear(`reachable ${us}`),
        retransTime: (us) => hear(`retrans ${us}`),
        notice: (kind, message) => hear(`${kind}: ${message}`),
      },
    });
  }

  gives(fields: HandAdvertisement, from = ROUTER): void {
    const takes = this.discovery.arrives.bind(this.discovery);
    assertEquals(give(takes, advertisement(fields), { from }), null);
  }

  /** What the user of it hears, those for a person apart; then silence. */
  hears(...texts: string[]): void {
    const heard = this.#heard.filter((text) => !/^routers?-/.test(text));
    this.#heard.splice(0, this.#heard.length, ...this.#heard.filter((text) => /^routers?-/.test(text)));
    assertEquals(heard, texts);
    assertEquals(this.sent.take(), []);
  }

  /** The hardware addresses of routers, as they are now that their frames are gone. */
  macs(): (string | null)[] {
    return this.#macs.splice(0).map((mac) => mac && formatMac(mac));
  }

  /** What a person is told. */
  tells(...texts: string[]): void {
    const told = this.#heard.filter((text) => /^routers?-/.test(text));
    this.#heard.splice(0, this.#heard.length, ...this.#heard.filter((text) => !/^routers?-/.test(text)));
    assertEquals(told, texts);
  }

  forget(): void {
    this.#heard.length = 0;
    this.counts.take();
  }

  /** Time passes, and the host looks at its deadlines when one comes, and at the end. */
  pass(us: number): void {
    const endUs = this.clock.nowUs + us;
    while (this.discovery.nextDeadlineUs <= endUs) {
      const dueUs = this.discovery.nextDeadlineUs;
      this.clock.nowUs = Math.max(this.clock.nowUs, dueUs);
      this.discovery.tick();
      assert(this.discovery.nextDeadlineUs > dueUs, "a deadline that has come is over");
    }
    this.clock.nowUs = endUs;
    this.discovery.tick();
  }
}
