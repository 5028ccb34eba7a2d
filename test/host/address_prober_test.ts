/**
 * AddressProber: asks who has an address, hears every claim of it, and answers nothing, over both families (RFC 5227 §2.1.1,
 * RFC 4862 §5.4).
 */
import { assertEquals } from "@std/assert";
import { AddressProber } from "../../src/host/address_prober.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { ethernet, hex, ipv4, mac } from "./hand_frames.ts";
import { ndpFrame } from "./ndp_frames.ts";
import { NEIGHBOR_FAMILIES, type NeighborFamily } from "./neighbor_families.ts";
import { OUR_MAC, PEER_IP, PEER_MAC } from "./wire_host.ts";

class Bench {
  readonly #link = new RecordingLink({ mtu: 1500, mac: mac(OUR_MAC), nowUs: () => 0 });
  readonly prober: AddressProber;
  readonly heard: string[] = [];
  readonly #family: NeighborFamily;

  constructor(family: NeighborFamily, vlan?: number) {
    this.prober = new AddressProber(this.#link, vlan);
    this.#family = family;
  }

  probe(address = this.#family.wanted, name = ""): () => void {
    return this.prober.probe(this.#family.bytes(address), (found) => this.heard.push(name + hex(found)));
  }

  sends(...expected: readonly Uint8Array[]): void {
    assertEquals(this.#link.take().map(({ bytes }) => hex(bytes)), expected.map(hex));
  }

  hears(frame: Uint8Array, ...expected: readonly string[]): void {
    this.prober.ingest(frame, frame.length, 5);
    assertEquals(this.heard.splice(0), expected);
    this.sends();
  }
}

const PEER_HEX = "0200 0000 0009";

for (const family of NEIGHBOR_FAMILIES) {
  const { name, wanted, us, peer, other } = family;
  const isArp = name === "ARP";
  const probe = family.probes(us, wanted);
  const owner = { address: wanted, mac: PEER_MAC };
  const good = family.answersProbe(owner, us);

  const probing = () => {
    const bench = new Bench(family);
    bench.sends();
    bench.probe();
    bench.sends(probe);
    return bench;
  };

  Deno.test(`AddressProber (${name}): a probe is a question from nobody to everybody`, () => {
    probing().sends();
  });

  Deno.test(`AddressProber (${name}): every claim of the address is heard: answer, question, announcement`, () => {
    const bench = probing();
    bench.hears(good, PEER_HEX);
    bench.hears(family.answers(owner, us), PEER_HEX);
    bench.hears(family.asks(owner, peer.address), PEER_HEX);
    bench.hears(family.tells(owner), PEER_HEX);
  });

  Deno.test(`AddressProber (${name}): another's probe for the same address is a claim too`, () => {
    const bench = probing();
    bench.hears(family.probes(peer, wanted), PEER_HEX);
    bench.hears(family.probes(peer, other.address));
    // Our own, seen again.
    bench.hears(probe);
  });

  Deno.test(`AddressProber (${name}): questions about the address, and claims of others, are no claim`, () => {
    const bench = probing();
    bench.hears(family.asks(peer, wanted));
    bench.hears(family.answers(peer, { ...us, address: wanted }));
    bench.hears(family.answersProbe({ ...other, mac: PEER_MAC }, us));
  });

  Deno.test(`AddressProber (${name}): what a group says is no claim`, () => {
    const bench = probing();
    for (const group of ["ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "00:00:00:00:00:00"]) {
      bench.hears(family.tells({ ...owner, mac: group }));
    }
  });

  Deno.test(`AddressProber (${name}): what is cut at any length, or damaged, is not looked at`, () => {
    const bench = probing();
    const whole = isArp ? 42 : good.length;
    for (let length = 0; length < whole; length++) bench.hears(good.slice(0, length));
    // Hardware type of ARP; checksum of ICMPv6.
    const damaged = good.slice();
    damaged[isArp ? 15 : 56] ^= 6;
    bench.hears(damaged);
    const header = { to: OUR_MAC, from: PEER_MAC };
    bench.hears(ethernet({ ...header, type: 0x0800 }, good.subarray(14)));
    bench.hears(good.slice(0, whole), PEER_HEX);
  });

  Deno.test(`AddressProber (${name}): a cancelled probe hears nothing, the others go on`, () => {
    const bench = new Bench(family);
    const stops = ["a ", "b ", "c "].map((label) => bench.probe(wanted, label));
    bench.sends(probe, probe, probe);
    bench.hears(good, `a ${PEER_HEX}`, `b ${PEER_HEX}`, `c ${PEER_HEX}`);
    stops[1]();
    bench.hears(good, `a ${PEER_HEX}`, `c ${PEER_HEX}`);
    stops[1]();
    bench.hears(good, `a ${PEER_HEX}`, `c ${PEER_HEX}`);
    stops[0]();
    stops[2]();
    bench.hears(good);
  });

  Deno.test(`AddressProber (${name}): one that is cancelled by an earlier one's news hears nothing of it`, () => {
    const bench = new Bench(family);
    const stops: (() => void)[] = [];
    stops.push(bench.prober.probe(family.bytes(wanted), () => {
      bench.heard.push("first");
      for (const stop of stops) stop();
    }));
    stops.push(bench.probe(wanted, "second "));
    bench.sends(probe, probe);
    bench.hears(good, "first");
    bench.hears(good);
  });

  Deno.test(`AddressProber (${name}): each probe has its own address, which the caller may write over`, () => {
    const bench = new Bench(family);
    const address = family.bytes(wanted);
    bench.prober.probe(address, () => bench.heard.push("one"));
    address.set(family.bytes(other.address));
    bench.prober.probe(address, () => bench.heard.push("two"));
    bench.sends(probe, family.probes(us, other.address));
    bench.hears(good, "one");
    bench.hears(family.tells({ ...other, mac: PEER_MAC }), "two");
  });

  Deno.test(`AddressProber (${name}): it has no address, so it answers no question`, () => {
    const bench = new Bench(family);
    bench.prober.setNow(3);
    bench.hears(family.asks(peer, wanted));
    bench.hears(family.polls(peer, { ...us, address: wanted }));
    bench.hears(family.probes(peer, wanted));
  });

  Deno.test(`AddressProber (${name}): in a VLAN it asks and hears there alone (IEEE 802.1Q)`, () => {
    const bench = new Bench(family, 5);
    bench.probe();
    const tagged = (frame: Uint8Array, vlan: number) => {
      const length = isArp ? 42 : frame.length;
      const tag = [0x81, 0, 0, vlan];
      const bytes = [...frame.subarray(0, 12), ...tag, ...frame.subarray(12, length)];
      return Uint8Array.from([...bytes, ...Array(Math.max(0, 60 - bytes.length)).fill(0)]);
    };
    bench.sends(tagged(probe, 5));
    bench.hears(good);
    bench.hears(tagged(good, 6));
    bench.hears(tagged(good, 5), PEER_HEX);
  });
}

Deno.test("AddressProber: an ARP packet inside IP is none", () => {
  const [arp] = NEIGHBOR_FAMILIES;
  const bench = new Bench(arp);
  bench.probe();
  bench.sends(arp.probes(arp.us, arp.wanted));
  const inside = arp.answersProbe({ address: arp.wanted, mac: PEER_MAC }, arp.us).subarray(14);
  const packet = ipv4({ source: arp.wanted, target: PEER_IP, protocol: 1 }, inside);
  bench.hears(ethernet({ to: OUR_MAC, from: PEER_MAC }, packet));
});

Deno.test("AddressProber: an advertisement that a router has passed on is none (RFC 4861 §7.1.2)", () => {
  const [, ndp] = NEIGHBOR_FAMILIES;
  const bench = new Bench(ndp);
  bench.probe();
  bench.sends(ndp.probes(ndp.us, ndp.wanted));
  for (const [hopLimit, ...expected] of [[254], [255, PEER_HEX]] as const) {
    const fields = { source: ndp.wanted, destination: "ff02::1", target: ndp.wanted, hopLimit };
    const frame = ndpFrame({ type: 136, ...fields }, { to: "33:33:00:00:00:01", from: PEER_MAC });
    bench.hears(frame, ...expected);
  }
});

Deno.test("AddressProber: both families at once", () => {
  const [arp, ndp] = NEIGHBOR_FAMILIES;
  const bench = new Bench(arp);
  bench.probe();
  bench.prober.probe(ndp.bytes(ndp.wanted), (found) => bench.heard.push(`NDP ${hex(found)}`));
  bench.sends(arp.probes(arp.us, arp.wanted), ndp.probes(ndp.us, ndp.wanted));
  bench.hears(ndp.tells({ address: ndp.wanted, mac: PEER_MAC }), `NDP ${PEER_HEX}`);
  bench.hears(arp.tells({ address: arp.wanted, mac: PEER_MAC }), PEER_HEX);
});
