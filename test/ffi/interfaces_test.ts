/** Listing devices needs no rights; what a machine has differs, so the tests look at shapes and at the loopback device. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { findInterface, listInterfaces } from "../../ffi/interfaces.ts";
import { PCAP_CODES, PcapError } from "../../ffi/pcap_error.ts";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { withoutLibpcap } from "./native_library.ts";

const runs = withoutLibpcap === "" && Deno.build.os === "linux";
/** A namespace or a container may have no loopback device, or none with an address. */
const loopback = runs ? findInterface("lo") : null;
const loopbackAddress = loopback?.addresses.find(({ address }) => address.length === 4);

const test = (name: string, fn: () => void, { applies = true }: { applies?: boolean } = {}) =>
  Deno.test({ name: `interfaces: ${name}${withoutLibpcap}`, ignore: !runs || !applies, fn });

const testLoopback = (name: string, fn: () => void) => test(name, fn, { applies: loopback !== null });

test("each has a name, well-formed addresses and hardware address", () => {
  for (const info of listInterfaces()) {
    assert(info.name.length > 0);
    assert(info.mac === null || info.mac.length === 6);
    assert(info.mtu === null || info.mtu > 0);
    for (const { address, prefixLength } of info.addresses) {
      assert(address.length === 4 || address.length === 16);
      assert(prefixLength >= 0 && prefixLength <= address.length * 8);
    }
  }
});

testLoopback("the loopback device is known as such", () => {
  assertEquals([loopback?.isLoopback, loopback?.isEthernet, loopback?.mac], [true, false, null]);
});

test("the address of the loopback device comes with its prefix", () => {
  assertEquals(loopbackAddress, { address: Uint8Array.of(127, 0, 0, 1), prefixLength: 8 });
}, { applies: loopbackAddress !== undefined });

test("an unknown device is null, and refused when opened", () => {
  assertEquals(findInterface("nonesuch0"), null);
  const open = () => openPcapLink({ device: "nonesuch0", mac: new Uint8Array(6) });
  assertEquals(assertThrows(open, PcapError, "there is no such device").code, PCAP_CODES.noSuchDevice);
});

testLoopback("the loopback device is refused with the reason", () => {
  assertThrows(() => openPcapLink({ device: "lo", mac: new Uint8Array(6) }), PcapError, "loopback");
});
