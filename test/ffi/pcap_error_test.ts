/** The gate that every result code passes, and the messages for people. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkPcap, checkPcapPointer, PCAP_CODES, PcapError, remedyFor } from "../../ffi/pcap_error.ts";
import { compileFilterCheck } from "../../ffi/pcap_filter.ts";
import { pcapCodeInText, pcapStatusText } from "../../ffi/pcap_library.ts";
import { LinkError } from "../../src/link/link.ts";
import { withoutLibpcap } from "./native_library.ts";

const WHAT = { operation: "pcap_activate", what: "Device eth7 could not be opened" };

Deno.test("pcap errors: results of zero and above pass, with their value", () => {
  assertEquals(checkPcap(0, { ...WHAT, detail: "" }), 0);
  assertEquals(checkPcap(2, { ...WHAT, detail: "a warning" }), 2);
});

Deno.test("pcap errors: what failed, why, what to do, on one line", () => {
  const error = assertThrows(
    () => checkPcap(PCAP_CODES.permissionDenied, { ...WHAT, detail: "You don't have\n permission.\n" }),
    PcapError,
  );
  assert(error instanceof LinkError);
  assertEquals([error.operation, error.code, error.detail], [
    "pcap_activate",
    -8,
    "You don't have permission",
  ]);
  assertStringIncludes(
    error.message,
    "Device eth7 could not be opened: You don't have permission. Capturing needs raw",
  );
  assertStringIncludes(error.message, "sudo");
  assert(!error.message.includes("\n"));
});

Deno.test("pcap errors: a text that libpcap leaves empty becomes the code", () => {
  assertThrows(() => checkPcap(-1, { ...WHAT, detail: "" }), PcapError, "error -1");
});

Deno.test("pcap errors: a null pointer is an error", () => {
  assertThrows(
    () => checkPcapPointer(null, { ...WHAT, detail: "out of memory" }),
    PcapError,
    "out of memory",
  );
});

Deno.test("pcap errors: every code has a remedy", () => {
  for (const code of Object.values(PCAP_CODES)) assert(remedyFor(code).length > 10, String(code));
});

Deno.test({
  name: `pcap errors: a code is found again in a text${withoutLibpcap}`,
  ignore: withoutLibpcap !== "",
  fn() {
    for (const code of [PCAP_CODES.noSuchDevice, PCAP_CODES.permissionDenied, PCAP_CODES.interfaceNotUp]) {
      assertEquals(pcapCodeInText(`eth7: ${pcapStatusText(code)} (socket: Operation not permitted)`), code);
    }
    assertEquals(pcapCodeInText("something else"), PCAP_CODES.error);
  },
});

Deno.test({
  name: `filters: checked without a device${withoutLibpcap}`,
  ignore: withoutLibpcap !== "",
  fn() {
    compileFilterCheck("");
    compileFilterCheck("arp or (host 192.0.2.7 and tcp port 3333)");
    compileFilterCheck("vlan 7 and ip6");
    for (const bad of ["tcp prot 80", "(", "host 300.1.2.3", "port tcp 99999", "ether host 1:2"]) {
      const error = assertThrows(() => compileFilterCheck(bad), PcapError, JSON.stringify(bad));
      assert(!error.message.includes("\n"), bad);
      assertStringIncludes(error.message, "man pcap-filter");
    }
    assertThrows(() => compileFilterCheck("tcp\0"), TypeError, "NUL");
    // 802.3 link types know no VLAN on raw IP: the type is honoured.
    assertThrows(() => compileFilterCheck("vlan", 12), PcapError);
  },
});
