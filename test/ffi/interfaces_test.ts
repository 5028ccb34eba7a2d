/** Listing devices needs no rights; what a machine has differs, so the tests look at shapes and at the loopback device. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { findInterface, listInterfaces } from "../../ffi/interfaces.ts";
import { PCAP_CODES, PcapError } from "../../ffi/pcap_error.ts";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { withoutLibpcap } from "./native_library.ts";

/** The end of a test's name that says why it is skipped; empty where there is a loopback device, and libpcap to see it. */
const without = withoutLibpcap !== ""
  ? withoutLibpcap
  : Deno.build.os !== "linux"
  ? " (skipped: not Linux)"
  : findInterface("lo") === null
  ? " (skipped: no loopback device)"
  : "";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `${name}${without}`, ignore: without !== "", fn });

test("interfaces: each has a name, well-formed addresses and hardware address", () => {
  const all = listInterfaces();
  assert(all.length > 0);
  for (const info of all) {
    assert(info.name.length > 0);
    assert(info.mac === null || info.mac.length === 6);
    assert(info.mtu === null || info.mtu > 0);
    for (const { address, prefixLength } of info.addresses) {
      assert(address.length === 4 || address.length === 16);
      assert(prefixLength >= 0 && prefixLength <= address.length * 8);
    }
  }
});

test("interfaces: the loopback device is known as such", () => {
  const loopback = findInterface("lo");
  assert(loopback !== null);
  assertEquals([loopback.isLoopback, loopback.isEthernet, loopback.mac], [true, false, null]);
  // One that is down has no address.
  const v4 = loopback.addresses.filter(({ address }) => address.length === 4).slice(0, 1);
  assertEquals(v4, v4.map(() => ({ address: Uint8Array.of(127, 0, 0, 1), prefixLength: 8 })));
});

test("interfaces: an unknown device is null, and refused when opened", () => {
  assertEquals(findInterface("nonesuch0"), null);
  const open = () => openPcapLink({ device: "nonesuch0", mac: new Uint8Array(6) });
  assertEquals(assertThrows(open, PcapError, "there is no such device").code, PCAP_CODES.noSuchDevice);
});

test("interfaces: the loopback device is refused with the reason", () => {
  assertThrows(() => openPcapLink({ device: "lo", mac: new Uint8Array(6) }), PcapError, "loopback");
});
