/**
 * AddressProber: asks who has an address, hears every claim of it, and answers nothing (RFC 5227 §2.1.1).
 */
import { assertEquals } from "@std/assert";
import { AddressProber } from "../../src/host/address_prober.ts";
import { RecordingLink } from "../tcp/recording_link.ts";
import { arpFrame, ethernet, hex, ip, ipv4, mac } from "./hand_frames.ts";
import { EVERYBODY, NO_MAC, OUR_MAC, PEER_IP, PEER_MAC } from "./wire_host.ts";

const WANTED = "10.0.0.50";

class Bench {
  readonly #link = new RecordingLink({ mtu: 1500, mac: mac(OUR_MAC), nowUs: () => 0 });
  readonly prober = new AddressProber(this.#link);
  readonly heard: string[] = [];

  probe(address = WANTED, name = ""): () => void {
    return this.prober.probe(ip(address), (found) => this.heard.push(name + hex(found)));
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

function probeFrame(targetIp: string, senderMac = OUR_MAC): Uint8Array {
  return arpFrame(
    { operation: 1, senderMac, senderIp: "0.0.0.0", targetMac: NO_MAC, targetIp },
    { to: EVERYBODY },
  );
}

function claim(operation: number, senderIp: string, targetIp: string): Uint8Array {
  return arpFrame(
    { operation, senderMac: PEER_MAC, senderIp, targetMac: OUR_MAC, targetIp },
    { to: OUR_MAC },
  );
}

const PEER_HEX = "0200 0000 0009";

Deno.test("AddressProber: a probe is a request from 0.0.0.0 to everybody (RFC 5227 §2.1.1)", () => {
  const bench = new Bench();
  bench.sends();
  bench.probe();
  bench.sends(probeFrame(WANTED));
});

Deno.test("AddressProber: every claim of the address is heard: reply, request, announcement", () => {
  const bench = new Bench();
  bench.probe();
  bench.sends(probeFrame(WANTED));
  bench.hears(claim(2, WANTED, "0.0.0.0"), PEER_HEX);
  bench.hears(claim(1, WANTED, PEER_IP), PEER_HEX);
  bench.hears(claim(1, WANTED, WANTED), PEER_HEX);
});

Deno.test("AddressProber: another's probe for the same address is a claim too (RFC 5227 §2.1.1)", () => {
  const bench = new Bench();
  bench.probe();
  bench.sends(probeFrame(WANTED));
  bench.hears(probeFrame(WANTED, PEER_MAC), PEER_HEX);
  bench.hears(probeFrame("10.0.0.51", PEER_MAC));
  // Our own, seen again.
  bench.hears(probeFrame(WANTED));
});

Deno.test("AddressProber: questions about the address, and claims of others, are no claim", () => {
  const bench = new Bench();
  bench.probe();
  bench.sends(probeFrame(WANTED));
  bench.hears(claim(1, PEER_IP, WANTED));
  bench.hears(claim(2, PEER_IP, WANTED));
  bench.hears(claim(2, "10.0.0.51", "0.0.0.0"));
  bench.hears(claim(2, "0.0.0.0", WANTED));
});

Deno.test("AddressProber: what is no ARP is not looked at", () => {
  const bench = new Bench();
  bench.probe();
  bench.sends(probeFrame(WANTED));
  const good = claim(2, WANTED, "0.0.0.0");
  const header = { to: OUR_MAC, from: PEER_MAC };
  bench.hears(ethernet({ ...header, type: 0x0800 }, good.subarray(14)));
  bench.hears(
    ethernet(header, ipv4({ source: WANTED, target: PEER_IP, protocol: 1 }, good.subarray(14))),
  );
  for (const length of [0, 13, 14, 41]) bench.hears(good.slice(0, length));
  const otherHardware = good.slice();
  otherHardware[15] = 6;
  bench.hears(otherHardware);
  bench.hears(good.slice(0, 42), PEER_HEX);
});

Deno.test("AddressProber: a cancelled probe hears nothing, the others go on", () => {
  const bench = new Bench();
  const stops = ["a ", "b ", "c "].map((name) => bench.probe(WANTED, name));
  bench.sends(probeFrame(WANTED), probeFrame(WANTED), probeFrame(WANTED));
  const good = claim(2, WANTED, "0.0.0.0");
  bench.hears(good, `a ${PEER_HEX}`, `b ${PEER_HEX}`, `c ${PEER_HEX}`);
  stops[1]();
  bench.hears(good, `a ${PEER_HEX}`, `c ${PEER_HEX}`);
  stops[1]();
  bench.hears(good, `a ${PEER_HEX}`, `c ${PEER_HEX}`);
  stops[0]();
  stops[2]();
  bench.hears(good);
});

Deno.test("AddressProber: one that is cancelled by an earlier one's news hears nothing of it", () => {
  const bench = new Bench();
  const stops: (() => void)[] = [];
  stops.push(bench.prober.probe(ip(WANTED), () => {
    bench.heard.push("first");
    for (const stop of stops) stop();
  }));
  stops.push(bench.probe(WANTED, "second "));
  bench.sends(probeFrame(WANTED), probeFrame(WANTED));
  bench.hears(claim(2, WANTED, "0.0.0.0"), "first");
  bench.hears(claim(2, WANTED, "0.0.0.0"));
});

Deno.test("AddressProber: each probe has its own address, which the caller may write over", () => {
  const bench = new Bench();
  const address = ip(WANTED);
  bench.prober.probe(address, () => bench.heard.push("one"));
  address.set(ip("10.0.0.51"));
  bench.prober.probe(address, () => bench.heard.push("two"));
  bench.sends(probeFrame(WANTED), probeFrame("10.0.0.51"));
  bench.hears(claim(2, WANTED, "0.0.0.0"), "one");
  bench.hears(claim(2, "10.0.0.51", "0.0.0.0"), "two");
});

Deno.test("AddressProber: it has no address, so it answers no request", () => {
  const bench = new Bench();
  bench.prober.setNow(3);
  bench.hears(claim(1, PEER_IP, "0.0.0.0"));
  bench.hears(claim(1, PEER_IP, WANTED));
  bench.hears(claim(1, "0.0.0.0", "0.0.0.0"));
});
